"""Whether an expression is well formed."""

from __future__ import annotations

from collections.abc import Mapping

from qkernel.ir.evaluation import children
from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, Updated
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, Type, is_quantum
from qkernel.ir.vocabulary import OPERANDS
from qkernel.observable import Hamiltonian


def is_number(type: Type) -> bool:
    """Whether arithmetic takes values of this type; a Bit is 0 or 1 then."""
    return type in (UINT, FLOAT, BIT)


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of type `given` may stand where `wanted` is asked for: the same, or UInt for Float."""
    match given, wanted:
        case ArrayType(element, rank), ArrayType(other, other_rank):
            return rank == other_rank and fits(element, other)
        case TupleType(items), TupleType(others):
            return len(items) == len(others) and all(map(fits, items, others))
        case DictType(key, value), DictType(other_key, other_value):
            return key == other_key and fits(value, other_value)
    return given == wanted or (given, wanted) == (UINT, FLOAT)


def check_expression(expr: Expr, visible: Mapping[str, Type]) -> str | None:
    """What is wrong with `expr`, which may use the names that are `visible`; None if nothing."""
    order, pending = [], [expr]
    while pending:
        part = pending.pop()
        order.append(part)
        if not (isinstance(part, Size) and _is_register(part.base, visible)):
            pending.extend(children(part))
    for part in reversed(order):
        wrong = _check_part(part, visible)
        if wrong is not None:
            return wrong
    return None


def _is_register(expr: Expr, visible: Mapping[str, Type]) -> bool:
    return isinstance(expr, Name) and expr.name in visible and is_quantum(visible[expr.name])


def _check_part(expr: Expr, visible: Mapping[str, Type]) -> str | None:
    """What is wrong with `expr` itself, whose parts are well formed."""
    match expr:
        case Name(name, type):
            if name not in visible:
                return f"`{name}` is not defined here"
            return None if visible[name] == type else f"`{name}` is a {visible[name]}, used as a {type}"
        case Const(value):
            return None if isinstance(value, (bool, int, float, Hamiltonian)) else f"{value!r} is no constant"
        case Apply(name, operands):
            return _check_operator(name, operands)
        case Item(base, keys) | Row(base, keys):
            partly = isinstance(base.type, ArrayType) and len(keys) < base.type.rank
            known = has_element(base.type, keys) and isinstance(expr, Row) == partly
            return None if known else f"a {base.type} has no element [{', '.join(str(key.type) for key in keys)}]"
        case Size(base, axis):
            return _check_size(base, axis, visible)
        case Slice(base, start, stride, length):
            indices = all(bound.type == UINT for bound in (start, stride, length))
            return None if indices and _vector_element(base.type) else f"no stretch of a {base.type}"
        case Updated(base, key, value):
            element = _vector_element(base.type)
            fitting = element is not None and key.type == UINT and fits(value.type, element)
            return None if fitting else f"no update of a {base.type} by a {value.type}"
        case Pack(items, type):
            return _check_pack(items, type)
    return f"{expr!r} is no expression"


def _vector_element(type: Type) -> Type | None:
    match type:
        case ArrayType(element, 1):
            return element
    return None


def _check_operator(name: str, operands: tuple[Expr, ...]) -> str | None:
    if OPERANDS.get(name) != len(operands):
        return f"there is no `{name}` of {len(operands)} operands"
    return misfit(name, operands)


def misfit(name: str, operands: tuple[Expr, ...]) -> str | None:
    """Which operand the operator does not take, in words."""
    if name == "fixed":
        return None if [operand.type for operand in operands] == [ArrayType(BIT), UINT] else "`fixed` takes bits and a UInt"
    alike = name == "select" and operands[1].type == operands[2].type
    wrong = [str(operand.type) for operand in (operands[:1] if alike else operands) if not is_number(operand.type)]
    return f"`{name}` takes numbers, not a {wrong[0]}" if wrong else None


def has_element(type: Type, keys: tuple[Expr, ...]) -> bool:
    """Whether a value of this type takes these keys, be it for an element or for a row."""
    match type, keys:
        case ArrayType(_, rank), _:
            return 0 < len(keys) <= rank and all(key.type == UINT for key in keys)
        case DictType(ArrayType(element)), (key,) if isinstance(key.type, TupleType):
            return all(entry == element for entry in key.type.items)
        case DictType(wanted), (key,):
            return key.type == wanted
        case TupleType(items), (Const(int(index)),):
            return 0 <= index < len(items)
    return False


def _check_size(base: Expr, axis: int, visible: Mapping[str, Type]) -> str | None:
    if isinstance(base, Name) and _is_register(base, visible):
        axes = 0 if visible[base.name] == QUBIT else 1
    else:
        axes = base.type.rank if isinstance(base.type, ArrayType) else int(isinstance(base.type, DictType))
    return None if 0 <= axis < axes else f"no length of a {base.type} along axis {axis}"


def _check_pack(items: tuple[Expr, ...], type: Type) -> str | None:
    match type:
        case TupleType(types):
            fitting = len(types) == len(items) and all(
                fits(entry.type, wanted) for entry, wanted in zip(items, types, strict=True)
            )
        case ArrayType(element, 1):
            fitting = all(fits(entry.type, element) for entry in items)
        case ArrayType(element, rank):
            fitting = all(fits(entry.type, ArrayType(element, rank - 1)) for entry in items)
        case _:
            fitting = False
    return None if fitting else f"values that do not make a {type}"
