"""What classical names hold while a kernel is lowered, beyond plain numbers, bools, tuples and dictionaries.

Open parameters are sums of symbols (`Affine`), or expressions over symbols where they are not affine. A symbol is an
integer: the open parameter's number in its upper bits, the element in its lower ones. Run-time bits and the values made
from them are expressions. In a loop that is lowered for all its iterations at once, numpy arrays hold one value per iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import EntrypointValidationError, QubitIndexResolutionError, SizeError
from qkernel.ir.expressions import Apply, Const, Expr, Key, SystemName, apply
from qkernel.ir.interning import existing, made, new
from qkernel.ir.trees import system_names
from qkernel.ir.types import BIT, FLOAT, UINT
from qkernel.lower.effort import NODE, spend
from qkernel.lower.residuals import FEW_NODES, combine, manageable

Array = np.ndarray[Any, Any]

ELEMENT_BITS = 48

_FEW = 32
"""Terms of an affine value that stand one by one; beyond, they go into arrays."""


class NotVectorised(Exception):
    """This cannot be done for all iterations of a loop at once; it is to be done step by step."""


class Unsettled(Exception):
    """A value is known too late for `use`: it depends on an open parameter or on a measurement."""

    def __init__(self, value: Any, use: str) -> None:
        super().__init__(use)
        self.value, self.use = value, use


@dataclass(slots=True, eq=False)
class Affine:
    """`constant` plus the sum of coefficient times symbol; in a vectorised loop any of them may be an array.

    Of a sum of many terms the first ones stand in `many`: all their symbols, and all their coefficients.
    """

    constant: Any
    terms: tuple[tuple[Any, Any], ...]
    many: tuple[Array, Array] | None = None

    def __neg__(self) -> Affine:
        return self.scaled(-1)

    @property
    def all_terms(self) -> tuple[tuple[Any, Any], ...]:
        """Those in `many` too, one by one."""
        if self.many is None:
            return self.terms
        return _merged(tuple(zip(*(column.tolist() for column in self.many), strict=True)), self.terms)

    def scaled(self, factor: Any) -> Affine:
        """This times a number, or times one number per iteration."""
        terms, many = self.terms, self.many
        if many is not None and isinstance(factor, np.ndarray):
            terms, many = self.all_terms, None
        scaled = None if many is None else (many[0], many[1] * factor)
        return Affine(self.constant * factor, tuple((symbol, coefficient * factor) for symbol, coefficient in terms), scaled)

    def plus(self, other: Any) -> Affine:
        """The sum with a number, one number per iteration, or another affine value."""
        if not isinstance(other, Affine):
            return Affine(self.constant + other, self.terms, self.many)
        constant, terms = self.constant + other.constant, _merged(self.terms, other.terms)
        many = self.many if other.many is None else other.many if self.many is None else _appended(self.many, other.many)
        if len(terms) > _FEW and not _is_vectorised(terms):
            symbols, coefficients = zip(*terms, strict=True)
            few = np.array(symbols, np.int64), np.array(coefficients, float)
            return Affine(constant, (), few if many is None else _appended(many, few))
        return Affine(constant, terms, many)

    @property
    def is_vectorised(self) -> bool:
        return isinstance(self.constant, np.ndarray) or _is_vectorised(self.terms)

    def expression(self) -> Expr:
        """This as an expression over symbols."""
        if self.is_vectorised:
            return PerIteration(self)
        terms = self.all_terms
        total: Expr | None = None if self.constant == 0 and terms else Const(self.constant)
        for symbol, coefficient in terms:
            term = symbol_name(symbol) if coefficient == 1 else apply("*", symbol_name(symbol), coefficient)
            total = term if total is None else combine("+", [total, term])
        assert total is not None
        return total


@dataclass(frozen=True, slots=True, eq=False, init=False)
class PerIteration(Expr):
    """A leaf of an expression that stands for all iterations of a loop at once: `values` differ from iteration to iteration."""

    values: Affine

    def __new__(cls, values: Affine) -> PerIteration:
        key = "PerIteration", id(values)
        if (found := existing(cls, key)) is not None:
            return found
        kind = FLOAT if values.all_terms else {"b": BIT, "f": FLOAT}.get(values.constant.dtype.kind, UINT)
        draft = new(cls.draft)
        draft.type, draft.values = kind, values
        return made(cls, key, draft)


def _merged(first: tuple[tuple[Any, Any], ...], second: tuple[tuple[Any, Any], ...]) -> tuple[tuple[Any, Any], ...]:
    """The terms with equal symbols added up; arrays of symbols stay, the angle map adds those up."""
    try:
        sums = dict(first)  # none of its symbols stands twice
        for symbol, coefficient in second:
            sums[symbol] = sums[symbol] + coefficient if symbol in sums else coefficient
    except TypeError:  # an array of symbols
        return first + second
    return tuple(sums.items())


def _is_vectorised(terms: tuple[tuple[Any, Any], ...]) -> bool:
    return any(isinstance(part, np.ndarray) for term in terms for part in term)


def _appended(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
    """The symbols and coefficients of a sum of many terms, in the order in which they came first."""
    symbols, coefficients = (np.concatenate(columns) for columns in zip(first, second, strict=True))
    distinct, places, rows = np.unique(symbols, return_index=True, return_inverse=True)
    if len(distinct) == len(symbols):
        return symbols, coefficients
    order = np.argsort(places)
    return distinct[order], np.bincount(rows, coefficients)[order]


def affine(name: str, values: list[Any]) -> Affine | None:
    """An operator on affine values and numbers, if the result is affine."""
    rule = _RULES.get(name)
    return None if rule is None else rule(*values)


def _sum(left: Any, right: Any) -> Affine:
    total: Affine = left.plus(right) if type(left) is Affine else right.plus(left)
    return total


def _product(left: Any, right: Any) -> Affine | None:
    if type(left) is type(right):
        return None
    product: Affine = left.scaled(right) if type(left) is Affine else right.scaled(left)
    return product


def _quotient(left: Any, right: Any) -> Affine | None:
    if type(right) is Affine:
        return None
    if not isinstance(right, np.ndarray) and right == 0:
        raise ZeroDivisionError("division by zero")
    quotient: Affine = left.scaled(1 / right)
    return quotient


_RULES: dict[str, Callable[..., Affine | None]] = {
    "+": _sum,
    "-": lambda left, right: _sum(left, -right),
    "*": _product,
    "/": _quotient,
    "neg": lambda operand: -operand,
    "float": lambda operand: operand,
}


def symbol_name(symbol: int) -> SystemName:
    """A symbol inside an expression."""
    return SystemName(Key("symbol", symbol), FLOAT)


def is_symbol(expr: Expr) -> bool:
    """Whether an expression is a symbol."""
    return isinstance(expr, SystemName) and expr.key.kind == "symbol"


def symbols_of(expr: Expr) -> list[int]:
    """The symbols in an expression."""
    return [key.number for key in system_names(expr) if key.kind == "symbol"]


def is_open(angle: Any) -> bool:
    """Whether an angle is an expression over symbols and numbers. Raises `SizeError` for one that is too large."""
    pending, count = [angle], 0
    while pending:
        part = pending.pop()
        count += 1
        if count == FEW_NODES:
            manageable(angle)
        spend(NODE)
        match part:
            case Apply(_, operands):
                pending += operands
            case Const() | PerIteration():
                pass
            case _ if not is_symbol(part):
                return False
    return True


class Vector(list[Any]):
    """A known vector, matrix (a vector of lists) or tensor; its numbers as one numpy array are kept once asked for."""

    __slots__ = ("_array",)

    def __init__(self, items: Any, array: Array | None = None) -> None:
        super().__init__(items)
        self._array = array

    @property
    def array(self) -> Array:
        if self._array is None:
            self._array = _as_array(self)
        return self._array


def numbers(items: list[Any]) -> Array:
    """A list of numbers as an array."""
    return items.array if isinstance(items, Vector) else _as_array(items)


def _as_array(items: list[Any]) -> Array:
    array = np.array(items, object) if any(isinstance(item, (Expr, Affine)) for item in items) else np.array(items)
    if array.dtype.kind not in "biuf":
        raise NotVectorised
    return array


def known(value: Any) -> Any:
    """The value of a bound argument as the interpreter holds it."""
    match value:
        case np.ndarray():
            return Vector(value.tolist(), value)
        case np.generic():
            return value.item()
        case list():
            return Vector(map(known, value))
        case tuple():
            return tuple(map(known, value))
        case dict():
            return {key: known(entry) for key, entry in value.items()}
    return value


@dataclass(slots=True)
class Register:
    """Physical qubits, in order."""

    qubits: list[int]
    _array: Array | None = None

    @property
    def array(self) -> Array:
        if self._array is None:
            self._array = np.array(self.qubits, np.int32)
        return self._array

    def length(self, axis: int) -> int:
        """The number of qubits."""
        return len(self.qubits)


@dataclass(slots=True)
class OpenArray:
    """An array argument that stays open, or part of it: the symbol of its first element, and the lengths of its axes.

    Each axis but the last stands `axis_bits` higher in a symbol than the next. Along the first axis the elements are
    `start`, `start + stride`, ... of the argument. A length that nobody gave is None. `asked` gathers, for the argument
    and all its parts, the axes whose length the kernel asks for; `first_axis` is the one that comes first here.
    """

    name: str
    symbol: int
    axis_bits: int
    lengths: tuple[int | None, ...]
    start: int = 0
    stride: int = 1
    asked: set[int] = field(default_factory=set)
    first_axis: int = 0
    is_slice: bool = False

    def element(self, keys: list[Any]) -> Any:
        """An element, or what is left with the first axes fixed."""
        symbol, start, stride = self.symbol, self.start, self.stride
        rank = len(self.lengths)
        if rank == 1 and type(keys[0]) is int:
            check_key(keys[0], self.lengths[0], self.name)
            return Affine(0, ((symbol + start + stride * keys[0], 1),))
        for axis, key in enumerate(keys):
            check_key(key, self.lengths[axis], self.name)
            place = start + stride * key
            if (place.max() if isinstance(place, np.ndarray) else place) >> self.axis_bits:
                raise SizeError(f"index {key} of the open argument `{self.name}` is too large")
            symbol = symbol + (place << self.axis_bits * (rank - 1 - axis))
            start, stride = 0, 1
        if len(keys) == rank:
            return Affine(0, ((symbol, 1),))
        first_axis = self.first_axis + len(keys)
        return OpenArray(self.name, symbol, self.axis_bits, self.lengths[len(keys) :], 0, 1, self.asked, first_axis)

    def items(self) -> list[Any]:
        """What stands along the first axis. Raises as `length` does."""
        return [self.element([k]) for k in range(self.length(0))]

    def stretch(self, start: int, stride: int, length: int) -> OpenArray:
        """`length` elements along the first axis, from `start` in steps of `stride`."""
        if length:
            check_key(start, self.lengths[0], self.name)
            check_key(start + stride * (length - 1), self.lengths[0], self.name)
        first = self.start + self.stride * start
        lengths = (length, *self.lengths[1:])
        return replace(self, lengths=lengths, start=first, stride=self.stride * stride, is_slice=True)

    def length(self, axis: int) -> int:
        """The length of an axis. Raises `EntrypointValidationError` if nobody gave it."""
        if (length := self.lengths[axis]) is None:
            shape = example_shape(self.first_axis + len(self.lengths))
            error = EntrypointValidationError(
                f"the circuit depends on the length of `{self.name}`, which is not known",
                label="asks for its length",
                help=f'bind it: `bindings={{"{self.name}": ...}}`; to keep it open, give its shape: '
                f'`lengths={{"{self.name}": {shape}}}`',
            )
            error.without_length = self.name, shape
            raise error
        if axis or not self.is_slice:
            self.asked.add(self.first_axis + axis)
        return length


@dataclass(slots=True)
class OpenDictionary:
    """A dictionary argument that stays open; each key that is looked up becomes a symbol, or `has_all_keys` already."""

    name: str
    symbol: int
    keys: dict[Any, int]
    has_all_keys: bool = False

    def element(self, key: Any) -> Affine:
        """The value at a key."""
        if self.has_all_keys and key not in self.keys:
            raise QubitIndexResolutionError(f"`{self.name}` has no key {key}", label=f"key {key}")
        return Affine(0, ((self.symbol + self.keys.setdefault(key, len(self.keys)), 1),))

    def length(self, axis: int) -> int:
        """The number of keys. Raises as `items` does."""
        return len(self.items())

    def items(self) -> dict[Any, Any]:
        """The value at each key. Raises `EntrypointValidationError` where nobody gave the keys."""
        if not self.has_all_keys:
            raise EntrypointValidationError(
                f"the circuit depends on the keys of `{self.name}`, which stays open",
                label="needs its keys",
                help=f'bind it: `bindings={{"{self.name}": {{...}}}}`; '
                f'to keep its values open, give its keys: `lengths={{"{self.name}": [...]}}`',
            )
        return {key: self.element(key) for key in self.keys}


def example_shape(rank: int) -> tuple[int, ...]:
    """A shape of so many axes, to show how one is written."""
    return (4, 3)[:rank] + (2,) * (rank - 2)


def check_key(key: Any, length: int | None, name: str) -> None:
    """Raise unless `key` (or each of an array) lies in a vector; a length of None has no end."""
    if isinstance(key, np.ndarray):
        if key.dtype.kind not in "iu" or key.min() < 0 or (length is not None and key.max() >= length):
            raise NotVectorised
    elif key < 0:
        raise QubitIndexResolutionError(f"index {key} of `{name}` is negative", label=f"index {key}")
    elif length is not None and key >= length:
        raise QubitIndexResolutionError(
            f"index {key} lies outside `{name}`, which has {counted(length, 'element')}", label=f"index {key}"
        )
