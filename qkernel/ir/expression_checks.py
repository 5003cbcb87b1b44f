"""Whether an expression is well formed. The reader asks this of each part that it makes, the verifier of whole trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from qkernel.diagnostics import counted
from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, Updated
from qkernel.ir.operators import PAULIS
from qkernel.ir.types import BIT, OBSERVABLE, QFIXED, UINT, ArrayType, DictType, TupleType, Type, fits, is_number, is_quantum
from qkernel.ir.vocabulary import OPERANDS
from qkernel.observable import Hamiltonian


def check_expression(expr: Expr, visible: Mapping[str, Type]) -> str | None:
    """What is wrong with `expr`, which may use the names that are `visible`; None if nothing."""
    if not expr.children:
        return misfit(expr, visible)
    order, pending = [], [expr]
    while pending:
        part = pending.pop()
        order.append(part)
        if not _is_length_of_register(part, visible):
            pending.extend(part.children)
    return next((wrong for part in reversed(order) if (wrong := misfit(part, visible)) is not None), None)


def misfit(expr: Expr, visible: Mapping[str, Type]) -> str | None:
    """What is wrong with `expr` itself, whose parts are well formed; None if nothing."""
    match expr:
        case Name(name, type):
            if is_quantum(type):
                return f"`{name}` is a {type}, a classical value should stand here"
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
            type = visible[base.name] if isinstance(base, Name) and base.name in visible else base.type
            return None if 0 <= axis < _axes(type) else f"no length of a {type} along axis {axis}"
        case Slice(base, start, stride, length):
            fitting = _is_vector(base.type) and all(bound.type == UINT for bound in (start, stride, length))
            return None if fitting else f"no stretch [{start.type} +: {length.type} : {stride.type}] of a {base.type}"
        case Updated(base, key, value):
            fitting = _is_vector(base.type) and key.type == UINT and fits(value.type, base.type.entry)
            return None if fitting else f"no update of a {base.type} at a {key.type} by a {value.type}"
        case Pack(items, type):
            return None if _makes(items, type) else f"values that do not make a {type}"
    return f"{expr!r} is no expression"


def _is_length_of_register(expr: Expr, visible: Mapping[str, Type]) -> bool:
    return isinstance(expr, Size) and isinstance(expr.base, Name) and is_quantum(visible.get(expr.base.name, UINT))


def _check_operator(name: str, operands: tuple[Expr, ...]) -> str | None:
    """Which operand the operator does not take, in words."""
    types = [operand.type for operand in operands]
    wanted = OPERANDS.get(name)
    if wanted != len(types):
        return f"`{name}` takes {counted(wanted, 'argument')}, not {len(types)}"
    if name == "fixed":
        return None if types == [ArrayType(BIT), UINT] else "`fixed` takes bits and a UInt"
    if name == "select" and types[1] == types[2]:
        del types[1:]
    if name in ("&", "gcd", "pow", "matched", *PAULIS) and set(types) != {UINT}:
        return f"`{name}` takes {'a UInt' if name in PAULIS else 'UInts'}, not a {next(type for type in types if type != UINT)}"
    if OBSERVABLE in types and (name in ("+", "-", "*", "neg") or (name == "/" and types[1] != OBSERVABLE)):
        types = [type for type in types if type != OBSERVABLE]
    wrong = [type for type in types if not is_number(type)]
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


def _is_vector(type: Type) -> TypeGuard[ArrayType]:
    return isinstance(type, ArrayType) and type.rank == 1


def _axes(type: Type) -> int:
    return type.rank if isinstance(type, ArrayType) else int(isinstance(type, DictType) or type == QFIXED)


def _makes(items: tuple[Expr, ...], type: Type) -> bool:
    """Whether these items make a value of this type."""
    match type:
        case TupleType(types):
            return len(types) == len(items) and all(
                fits(entry.type, wanted) for entry, wanted in zip(items, types, strict=True)
            )
        case ArrayType():
            return all(fits(entry.type, type.entry) for entry in items)
    return False
