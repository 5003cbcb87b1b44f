"""Classical expressions while lowering: known numbers at once, open parameters and run-time bits kept as they are.

It reads the operator table of `qkernel.ir.operators`; what it adds to `evaluate` there are symbols that stay affine,
arrays over the rounds of a loop, and lookups that check their bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qkernel.diagnostics import written_name
from qkernel.errors import QubitIndexResolutionError, SizeError
from qkernel.ir.expressions import (
    Apply,
    Const,
    Expr,
    Item,
    Name,
    Pack,
    Row,
    Size,
    Slice,
    Updated,
    size,
    wrap,
)
from qkernel.ir.expressions import item as residual_item
from qkernel.ir.operators import MAX_INTEGER_BITS, MAX_INTEGER_DIGITS, OPERATORS
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, TupleType
from qkernel.lower.counters import reads_bits_only
from qkernel.lower.effort import NODE, OPERATION, spend
from qkernel.lower.residuals import combine
from qkernel.lower.values import (
    Affine,
    NotVectorised,
    OpenArray,
    OpenDictionary,
    PerRound,
    Register,
    Unsettled,
    Vector,
    affine,
    check_key,
    numbers,
)

Names = Mapping[str, Any]

_PLAIN = frozenset((int, float, bool))
_SCALAR = {name: operator.scalar for name, operator in OPERATORS.items()}
_INDEX = frozenset((int, np.ndarray))
_LAZY = frozenset(("and", "or"))
_LARGEST = 2.0**53
_SMALL = 1 << 63


def value(expr: Expr, names: Names) -> Any:
    """The value of `expr` where `names` has the value of each of its names."""
    kind = type(expr)
    if kind is Name:
        return names[expr.name]  # type: ignore[attr-defined]
    if kind is Const:
        return expr.value  # type: ignore[attr-defined]
    if kind is Apply:
        return _applied(expr.operator, expr.operands, names)  # type: ignore[attr-defined]
    match expr:
        case Item(base, keys) | Row(base, keys):
            return element(value(base, names), [value(key, names) for key in keys], base)
        case Size(base, axis):
            return length(value(base, names), axis)
        case Slice(base, start, stride, count):
            parts = [whole(value(part, names), "a slice") for part in (start, stride, count)]
            if parts[2] < 0:
                raise SizeError(f"a vector would have {parts[2]} elements", label="negative size")
            return stretch(value(base, names), parts[0], parts[1], parts[2], base)
        case Pack(items, type_):
            values = [value(entry, names) for entry in items]
            return tuple(values) if isinstance(type_, TupleType) else Vector(values)
        case Updated(base, key, entry):
            return _updated(value(base, names), whole(value(key, names), "an index"), value(entry, names), base)
    raise TypeError(f"not an expression: {expr!r}")


def _applied(name: str, operands: tuple[Expr, ...], names: Names) -> Any:
    if len(operands) != 2:
        return _other_arity(name, operands, names)
    left = value(operands[0], names)
    if name in _LAZY and type(left) in _PLAIN and bool(left) == (name == "or"):
        return bool(left)
    right = value(operands[1], names)
    if type(left) in _PLAIN and type(right) in _PLAIN:
        if not (-_SMALL < left < _SMALL and -_SMALL < right < _SMALL):
            return _large(name, left, right)
        return _SCALAR[name](left, right)
    return compute(name, [left, right])


def _large(name: str, left: Any, right: Any) -> Any:
    """An operator on large numbers: it takes its time, and the result is bounded."""
    if isinstance(left, int) and isinstance(right, int):
        spend((left.bit_length() + right.bit_length()) ** 2 >> 20)
    result = _SCALAR[name](left, right)
    if isinstance(result, int) and result.bit_length() > MAX_INTEGER_BITS:
        raise OverflowError(f"a whole number has more than {MAX_INTEGER_DIGITS:,} digits")
    return result


def _other_arity(name: str, operands: tuple[Expr, ...], names: Names) -> Any:
    if name == "select":
        condition = value(operands[0], names)
        if type(condition) in _PLAIN:
            return value(operands[1 if condition else 2], names)
        return compute(name, [condition, value(operands[1], names), value(operands[2], names)])
    return compute(name, [value(operand, names) for operand in operands])


def compute(name: str, values: list[Any]) -> Any:
    """An operator of the table on values that need not be plain numbers."""
    symbolic = vectorised = residual = False
    for entry in values:
        symbolic |= isinstance(entry, Affine)
        vectorised |= isinstance(entry, np.ndarray)
        residual |= isinstance(entry, Expr) or (isinstance(entry, list) and any(isinstance(part, Expr) for part in entry))
    if symbolic and not residual and (result := affine(name, values)) is not None:
        return result
    if symbolic or residual:
        if vectorised and name == "select":  # what is chosen by a known condition may be affine
            raise NotVectorised
        return combine(name, [_residual(entry) for entry in values])
    return _vectorised(name, values) if vectorised else _SCALAR[name](*values)


def _residual(entry: Any) -> Any:
    if isinstance(entry, np.ndarray):
        return PerRound(Affine(entry, ()))
    return entry.expression() if isinstance(entry, Affine) else entry


def _vectorised(name: str, values: list[Any]) -> Any:
    if name in ("*", "**") and not any(np.asarray(entry).dtype.kind == "f" for entry in values):
        left, right = (float(np.abs(entry).max()) for entry in values)
        if (left * right if name == "*" else max(right, 1.0) * np.log2(max(left, 1.0))) >= (_LARGEST if name == "*" else 53):
            raise NotVectorised  # machine integers would overflow silently
    return OPERATORS[name].array(*values)


def element(base: Any, keys: list[Any], expr: Expr) -> Any:
    """`base[keys]`; `expr` is what `base` was written as."""
    if isinstance(base, OpenArray) and not any(isinstance(key, Expr) for key in keys):
        return base.element([key if type(key) in _INDEX else whole(key, "an index") for key in keys])
    if isinstance(base, (dict, OpenDictionary)):
        return _looked_up(base, keys[0], expr)
    if isinstance(base, Expr):
        key = whole(keys[0], "an index")
        check_key(key, length(base, 0), "the probabilities")
        return residual_item(base, key)
    if any(isinstance(key, np.ndarray) for key in keys):
        return _elements(base, keys, expr)
    if any(isinstance(key, Expr) for key in keys):
        return _chosen(base, keys, expr)
    for key in keys:
        if type(key) is not int:
            key = whole(key, "an index")
        if not 0 <= key < len(base):
            check_key(key, len(base), _shown(expr))
        base = base[key]
    return base


def _chosen(base: Any, keys: list[Any], expr: Expr) -> Expr:
    """An element whose place measured bits tell, kept as a look-up."""
    index, *rest = keys
    if not isinstance(index, Expr):
        return _chosen(element(base, [index], expr), rest, expr)
    if not reads_bits_only(index):
        raise Unsettled(index, "an index")
    spend(OPERATION * length(base, 0))
    entries = [element(base, [k, *rest], expr) for k in range(length(base, 0))]
    if not all(isinstance(entry, (bool, int, float, Affine, Expr)) for entry in entries):
        raise Unsettled(index, "an index")
    wrapped = tuple(entry.expression() if isinstance(entry, Affine) else wrap(entry) for entry in entries)
    kind = next((kind for kind in (FLOAT, UINT) if any(entry.type == kind for entry in wrapped)), BIT)
    return residual_item(Pack(wrapped, ArrayType(kind)), index)


def _elements(base: Any, keys: list[Any], expr: Expr) -> Any:
    array = base.array if isinstance(base, Vector) else numbers(base)
    if len(keys) != array.ndim:
        raise NotVectorised
    for axis, key in enumerate(keys):
        check_key(key, array.shape[axis], _shown(expr))
    return array[tuple(keys)]


def _looked_up(base: dict[Any, Any] | OpenDictionary, key: Any, expr: Expr) -> Any:
    parts = [whole(part, "a key") for part in key] if isinstance(key, (tuple, list)) else whole(key, "a key")
    key = tuple(parts) if isinstance(parts, list) else parts
    if isinstance(base, OpenDictionary):
        return base.element(key)
    if key not in base:
        raise QubitIndexResolutionError(f"`{_shown(expr)}` has no key {key}", label=f"key {key}")
    return base[key]


def _shown(expr: Expr) -> str:
    while isinstance(expr, (Row, Slice, Updated)):
        expr = expr.base
    return written_name(expr.name) if isinstance(expr, Name) else "the vector"


def length(base: Any, axis: int) -> int:
    """The length of an array along an axis, of a dictionary or of a register."""
    if isinstance(base, Register):
        return len(base.qubits)
    if isinstance(base, OpenArray):
        return base.length(axis)
    if isinstance(base, OpenDictionary):
        return len(base.items())
    if isinstance(base, Expr):
        return whole(value(size(base), {}), "a length")
    for _ in range(axis):
        base = base[0] if base else ()
    return len(base)


def stretch(base: Any, start: int, stride: int, count: int, expr: Expr) -> Any:
    """`count` elements of a vector, from `start` in steps of `stride`."""
    if isinstance(base, OpenArray):
        return base.stretch(start, stride, count)
    spend(NODE * count)
    return Vector(element(base, [start + stride * k], expr) for k in range(count))


def _updated(base: Any, key: int, entry: Any, expr: Expr) -> Vector:
    items = [base.element([k]) for k in range(base.length(0))] if isinstance(base, OpenArray) else list(base)
    check_key(key, len(items), _shown(expr))
    spend(len(items))
    items[key] = entry
    return Vector(items)


def whole(entry: Any, use: str) -> int:
    """`entry` as an int. Raises `SizeError` if it is none, and `Unsettled` if it is not known."""
    if type(entry) is int:
        return entry
    if isinstance(entry, (Expr, Affine)):
        raise Unsettled(entry, use)
    if isinstance(entry, np.ndarray):
        raise NotVectorised
    if isinstance(entry, float) and not entry.is_integer():
        raise SizeError(f"{use} is a whole number, and here it is {entry}", label=f"this is {entry}")
    return int(entry)
