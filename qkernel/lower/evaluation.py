"""Classical expressions while lowering: known numbers at once, open parameters and run-time bits kept as they are.

Beside plain numbers this domain has symbols that stay affine, arrays over the iterations of a loop, and look-ups that check
their bounds; whole numbers are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from math import prod
from typing import Any

import numpy as np

from qkernel.diagnostics import written_name
from qkernel.errors import ObservableError, QubitIndexResolutionError, SizeError
from qkernel.ir.compiled import PLAIN, Values
from qkernel.ir.expressions import Expr, Name, Pack, Row, Slice, Updated, size, wrap
from qkernel.ir.expressions import item as residual_item
from qkernel.ir.operators import MAX_INTEGER_BITS, MAX_INTEGER_DIGITS, OPERATORS, PAULIS
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, TupleType, Type
from qkernel.lower.circuit import reads_run_only
from qkernel.lower.effort import NODE, OPERATION, spend
from qkernel.lower.given_values import Several
from qkernel.lower.residuals import combine
from qkernel.lower.values import (
    Affine,
    NotVectorised,
    OpenArray,
    OpenDictionary,
    PerIteration,
    Register,
    Unsettled,
    Vector,
    affine,
    check_key,
    numbers,
)
from qkernel.observable import Hamiltonian
from qkernel.observable.terms import PauliTerms, combined, listed

_LARGEST = 2.0**53
_MOST_BITS = 1000
"""Of powers that are computed for all iterations at once, one by one where the machine has no integer for them."""

_NUMBER, _ARRAY, _AFFINE, _RESIDUAL, _OBSERVABLE = range(5)
_KINDS: dict[type, int] = {
    **dict.fromkeys(PLAIN, _NUMBER),
    np.ndarray: _ARRAY,
    Affine: _AFFINE,
    **dict.fromkeys((Hamiltonian, PauliTerms, Several), _OBSERVABLE),
}
"""What values can be operands and keys; all else is an expression, or made of them."""


def _kinds(values: list[Any]) -> set[int]:
    return {_KINDS.get(type(entry), _RESIDUAL) for entry in values}


def value(expr: Expr, names: Mapping[str, Any]) -> Any:
    """The value of `expr` where `names` has the value of each of its names."""
    return (getattr(expr, "lowered", None) or _LOWERING.compiled(expr))(names)


def compute(name: str, values: list[Any]) -> Any:
    """An operator of the table on values of any kind."""
    kinds = _kinds(values)
    if kinds == {_NUMBER}:
        return _bounded(name, values)
    if _OBSERVABLE in kinds:
        return _observable(name, values)
    if name in PAULIS:
        return OPERATORS[name].scalar(whole(values[0], "the qubit of a Pauli"))
    if _RESIDUAL in kinds and name == "fixed" and not _has_expressions(values[0]):
        return OPERATORS[name].scalar(*values)
    if kinds == {_NUMBER, _ARRAY} or kinds == {_ARRAY}:
        return _vectorised(name, values)
    if _RESIDUAL not in kinds and (result := affine(name, [as_machine_numbers(entry) for entry in values])) is not None:
        return result
    if any(type(entry) is np.ndarray and entry.dtype == object for entry in values):
        raise NotVectorised
    if _ARRAY in kinds and name == "select":  # what is chosen by a known condition may be affine
        raise NotVectorised
    return combine(name, [_expression(entry) for entry in values])


def _observable(name: str, values: list[Any]) -> PauliTerms:
    """An operator on observables and numbers: the terms, as they are written."""
    if name == "select":
        raise Unsettled(values[0], "which observable this is")
    if any(isinstance(entry, Several) for entry in values):
        raise ObservableError(
            "an observable that is given as a list takes part in no arithmetic",
            help="give the terms that the kernel adds in each entry of the list, or make one layer for each",
        )
    terms = [len(listed(entry).terms) for entry in values]
    spend(OPERATION * (prod(terms) if name == "*" else sum(terms)))
    return combined(name, values, compute)


def _bounded(name: str, values: list[Any]) -> Any:
    """An operator on numbers: on large ones it takes its time, and the result is bounded."""
    match values:
        case int(left), int(right):
            spend((left.bit_length() + right.bit_length()) ** 2 >> 20)
    match OPERATORS[name].scalar(*values):
        case int(result) if result.bit_length() > MAX_INTEGER_BITS:
            raise OverflowError(f"a whole number has more than {MAX_INTEGER_DIGITS:,} digits")
        case result:
            return result


def _has_expressions(bits: Any) -> bool:
    return isinstance(bits, list) and any(isinstance(bit, Expr) for bit in bits)


def _expression(entry: Any) -> Any:
    match entry:
        case np.ndarray():
            return PerIteration(Affine(entry, ()))
        case Affine():
            return entry.expression()
    return entry


def _vectorised(name: str, values: list[Any]) -> Any:
    kinds = {np.asarray(entry).dtype.kind for entry in values}
    if "O" in kinds:
        return _of_large_numbers(name, values, kinds)
    if name in ("*", "**") and "f" not in kinds:
        left, right = float(np.abs(values[0]).max()), float((values[1] if name == "**" else np.abs(values[1])).max())
        bits = max(right, 1.0) * np.log2(max(left, 1.0))
        if name == "**" and 53 <= bits < _MOST_BITS:
            return _large_powers(np.asarray(values[0], object), np.asarray(values[1]))
        if bits >= 53 if name == "**" else left * right >= _LARGEST:
            raise NotVectorised  # machine integers would overflow silently
    return OPERATORS[name].array(*values)


def _large_powers(base: Any, exponent: Any) -> Any:
    """Of one number each power once."""
    if base.ndim or exponent.min() < 0:
        return base ** exponent.astype(object)
    return (base ** np.arange(exponent.max() + 1).astype(object))[exponent]


def _of_large_numbers(name: str, values: list[Any], kinds: Container[str]) -> Any:
    """A quotient, or a product with a float, of whole numbers that are too large for the machine, one by one: nothing else is
    made of them at once."""
    left, right = (np.asarray(entry, object) for entry in values)
    if name == "/":
        return (left / right).astype(float)
    if name == "*" and "f" in kinds:
        return (left * right).astype(float)
    raise NotVectorised


def as_machine_numbers(entry: Any) -> Any:
    """An array of whole numbers that are too large for the machine as floats, as an angle has them; any other value itself."""
    return entry.astype(float) if type(entry) is np.ndarray and entry.dtype == object else entry


def element(base: Any, keys: list[Any], written: Expr) -> Any:
    """`base[keys]`; `written` is what `base` was written as."""
    return _ELEMENTS.get(type(base), _of_readouts)(base, keys, written)


def _of_list(base: Any, keys: list[Any], written: Expr) -> Any:
    found = base
    for key in keys:
        if type(key) is not int:
            return _by_other_keys(base, keys, written)
        if not 0 <= key < len(found):
            check_key(key, len(found), _shown(written))
        found = found[key]
    return found


def _by_other_keys(base: Any, keys: list[Any], written: Expr) -> Any:
    kinds = _kinds(keys)
    if _ARRAY in kinds:
        return _elements(base, keys, written)
    if _RESIDUAL in kinds:
        return _chosen(base, keys, written)
    return _of_list(base, [whole(key, "an index") for key in keys], written)


def _of_open_array(base: OpenArray, keys: list[Any], written: Expr) -> Any:
    if _RESIDUAL in _kinds(keys):
        return _chosen(base, keys, written)
    return base.element([key if type(key) in (int, np.ndarray) else whole(key, "an index") for key in keys])


def _of_dictionary(base: dict[Any, Any], keys: list[Any], written: Expr) -> Any:
    key = _dictionary_key(keys[0])
    if key not in base:
        raise QubitIndexResolutionError(f"`{_shown(written)}` has no key {key}", label=f"key {key}")
    return base[key]


def _of_open_dictionary(base: OpenDictionary, keys: list[Any], written: Expr) -> Any:
    return base.element(_dictionary_key(keys[0]))


def _of_readouts(base: Any, keys: list[Any], written: Expr) -> Any:
    key = whole(keys[0], "an index")
    check_key(key, length(base, 0), "the probabilities")
    return residual_item(base, key)


_ELEMENTS: dict[type, Callable[[Any, list[Any], Expr], Any]] = {
    **dict.fromkeys((Vector, list, tuple), _of_list),
    dict: _of_dictionary,
    OpenArray: _of_open_array,
    OpenDictionary: _of_open_dictionary,
}


def _dictionary_key(key: Any) -> Any:
    return tuple(whole(part, "a key") for part in key) if isinstance(key, (tuple, list)) else whole(key, "a key")


def _chosen(base: Any, keys: list[Any], written: Expr) -> Expr:
    """An element whose place measured bits tell, kept as a look-up."""
    index, *rest = keys
    if type(index) in _KINDS:
        return _chosen(element(base, [index], written), rest, written)
    if not reads_run_only(index):
        raise Unsettled(index, "an index")
    spend(OPERATION * length(base, 0))
    entries = [element(base, [k, *rest], written) for k in range(length(base, 0))]
    if not all(type(entry) in PLAIN or isinstance(entry, (Affine, Expr)) for entry in entries):
        raise Unsettled(index, "an index")
    wrapped = tuple(wrap(_expression(entry)) for entry in entries)
    kind = next((kind for kind in (FLOAT, UINT) if any(entry.type == kind for entry in wrapped)), BIT)
    return residual_item(Pack(wrapped, ArrayType(kind)), index)


def _elements(base: Any, keys: list[Any], written: Expr) -> Any:
    array = numbers(base)
    if len(keys) != array.ndim:
        raise NotVectorised
    for axis, key in enumerate(keys):
        check_key(key, array.shape[axis], _shown(written))
    return array[tuple(keys)]


def _shown(expr: Expr) -> str:
    while isinstance(expr, (Row, Slice, Updated)):
        expr = expr.base
    return written_name(expr.name) if isinstance(expr, Name) else "the vector"


def length(base: Any, axis: int) -> int:
    """The length of an array along an axis, of a dictionary or of a register."""
    match base:
        case Register() | OpenArray() | OpenDictionary():
            return base.length(axis)
        case Expr():
            return whole(value(size(base), {}), "a length")
    for _ in range(axis):
        base = base[0] if base else ()
    return len(base)


def whole(entry: Any, use: str) -> int:
    """`entry` as an int. Raises `SizeError` if it is none, and `Unsettled` if it is not known."""
    if type(entry) is int:
        return entry
    match entry:
        case Expr() | Affine():
            raise Unsettled(entry, use)
        case np.ndarray():
            raise NotVectorised
        case float() if not entry.is_integer():
            raise SizeError(f"{use} is a whole number, and here it is {entry}", label=f"this is {entry}")
    return int(entry)


class _Lowering(Values):
    """The domain of `value`."""

    slot = "lowered"
    operate = staticmethod(compute)
    element = staticmethod(element)
    length = staticmethod(length)

    def is_undecided(self, condition: Any) -> bool:
        return True

    def stretch(self, base: Any, bounds: list[Any], written: Expr) -> Any:
        start, stride, count = (whole(bound, "a slice") for bound in bounds)
        if count < 0:
            raise SizeError(f"a vector would have {count} elements", label="negative size")
        if type(base) is OpenArray:
            return base.stretch(start, stride, count)
        spend(NODE * count)
        return Vector(element(base, [start + stride * k], written) for k in range(count))

    def packed(self, values: list[Any], type: Type) -> Any:
        return tuple(values) if isinstance(type, TupleType) else Vector(values)

    def replaced(self, base: Any, key: Any, value: Any, written: Expr) -> Any:
        key = whole(key, "an index")
        items = base.items() if type(base) is OpenArray else list(base)
        check_key(key, len(items), _shown(written))
        spend(len(items))
        items[key] = value
        return Vector(items)


_LOWERING = _Lowering()
