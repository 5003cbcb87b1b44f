"""Exact closed forms: polynomials with rational coefficients in the kernel's arguments and a few kinds of atoms.

A `Quantity` is a sum of monomials, and a monomial a product of atoms: symbols, `Max(0, e)`, floor quotients, powers
`2**n`, Iverson brackets `[n >= 2]` (1 where the condition holds, else 0), lengths of arguments, and sums that have no
closed form. Every constructor normalises, so that equal forms are equal trees wherever the rules here can see it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from qkernel.diagnostics import Span
from qkernel.errors import SizeError
from qkernel.estimate.effort import FORM, spend
from qkernel.ir.expressions import Expr, Name, apply
from qkernel.ir.types import UINT


class Local(NamedTuple):
    """A name that an estimate makes, such as the index of a sum: what it shows, and what tells it from all others."""

    shown: str
    scope: int | str

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True, eq=False)
class Unfollowed:
    """A number that a loop carries and that has no closed form, and what is said where a count that depends on it is read."""

    title: str
    span: Span | None
    help: str

    def __str__(self) -> str:
        return "unknown"


Variable = str | Local | Unfollowed
"""A name of the user's, or one that an estimate made."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """An argument of the kernel, or a bound index of a sum."""

    name: Variable
    nonnegative: bool = True


@dataclass(frozen=True, slots=True)
class Positive:
    """Max(0, value)."""

    value: Quantity


@dataclass(frozen=True, slots=True)
class Floor:
    """The floor of numerator / divisor."""

    numerator: Quantity
    divisor: Quantity


@dataclass(frozen=True, slots=True)
class Power:
    """base ** exponent with a symbolic exponent."""

    base: Quantity
    exponent: Quantity


@dataclass(frozen=True, slots=True)
class AtLeastZero:
    """1 where the whole number `value` is at least 0, else 0."""

    value: Quantity


@dataclass(frozen=True, slots=True)
class IsZero:
    """1 where `value` is 0, else 0."""

    value: Quantity


@dataclass(frozen=True, slots=True)
class Argument:
    """A vector, dictionary or observable argument that is not bound."""

    name: Variable


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A bound vector, dictionary or observable, compared by identity."""

    value: Any


@dataclass(frozen=True, slots=True)
class Register:
    """A register of `length` qubits."""

    length: Quantity


@dataclass(frozen=True, slots=True)
class Sized:
    """A collection of which only the length is known."""

    length: Quantity


@dataclass(frozen=True, slots=True)
class Closure:
    """An expression of the IR whose names have the given values; `shape` has the lengths of an array, axis by axis."""

    expression: Expr
    values: tuple[tuple[str, Value], ...]
    shape: tuple[Quantity, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """An observable as how many terms it has of each Pauli word, the constants as ""; see `qkernel.estimate.words`."""

    counts: tuple[tuple[Word, Quantity], ...]

    def map(self, change: Callable[[Quantity], Quantity]) -> Words:
        """The same with every count changed."""
        return Words(tuple((word, change(count)) for word, count in self.counts))


@dataclass(frozen=True, slots=True)
class Opaque:
    """A number that an expression of the IR computes and that polynomials cannot say."""

    closure: Closure


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a vector, dictionary or register along an axis."""

    of: Value
    axis: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """How many terms of an observable act on so many qubits (None: on any but none), or are of a Pauli word."""

    observable: Value
    form: int | str | None = None


@dataclass(frozen=True, slots=True)
class RangeSum:
    """The sum of `result` over index = 0 .. count - 1, which has no closed form."""

    index: Variable
    count: Quantity
    result: Quantity


@dataclass(frozen=True, slots=True)
class ItemSum:
    """The sum of `result` over the items of a dictionary that is not bound; `targets` name the item's key and value."""

    targets: tuple[Variable, ...]
    dictionary: Value
    result: Quantity


Atom = Symbol | Positive | Floor | Power | AtLeastZero | IsZero | Opaque | Length | Terms | RangeSum | ItemSum
Monomial = frozenset[tuple[Atom, int]]

Coefficient = int | Fraction
_UNIT: Monomial = frozenset()


class Quantity:
    """An exact number that may depend on arguments. Arithmetic, `==`, `hash`, `int()` and `float()` work; immutable."""

    __slots__ = ("_free", "_hash", "terms")

    def __init__(self, terms: dict[Monomial, Coefficient]) -> None:
        spend(FORM + len(terms))
        self.terms = terms
        self._hash: int | None = None
        self._free: frozenset[Variable] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether no symbol is left."""
        return not self.terms or (len(self.terms) == 1 and _UNIT in self.terms)

    @property
    def constant(self) -> Coefficient:
        """The constant term."""
        return self.terms.get(_UNIT, 0)

    @property
    def free(self) -> frozenset[Variable]:
        """The names that the value depends on."""
        if self._free is None:
            self._free = frozenset().union(*(atom_names(atom) for term in self.terms for atom, _ in term))
        return self._free

    @property
    def unfollowed(self) -> Unfollowed | None:
        """What is not known of the value until arguments are bound, if anything."""
        found = [name for name in self.free if isinstance(name, Unfollowed)]
        return min(found, key=lambda name: name.title, default=None)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(self.constant) if self.is_constant else hash(frozenset(self.terms.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Quantity):
            return self is other or self.terms == other.terms
        if isinstance(other, (int, float, Fraction)):
            return self.is_constant and self.constant == other
        return NotImplemented

    def __add__(self, other: Quantity | Coefficient) -> Quantity:
        right = quantity(other)
        if not self.terms:
            return right
        if not right.terms:
            return self
        terms = dict(self.terms)
        for term, coefficient in right.terms.items():
            accumulate(terms, term, coefficient)
        return Quantity(terms)

    __radd__ = __add__

    def __neg__(self) -> Quantity:
        return Quantity({term: -coefficient for term, coefficient in self.terms.items()})

    def __sub__(self, other: Quantity | Coefficient) -> Quantity:
        right = quantity(other)
        if not right.terms:
            return self
        terms = dict(self.terms)
        for term, coefficient in right.terms.items():
            accumulate(terms, term, -coefficient)
        return Quantity(terms)

    def __rsub__(self, other: Coefficient) -> Quantity:
        return quantity(other) - self

    def __mul__(self, other: Quantity | Coefficient) -> Quantity:
        right = quantity(other)
        if self.is_constant:
            self, right = right, self
        if right.is_constant:
            factor = right.constant
            if factor == 1:
                return self
            return Quantity({term: narrowed(value * factor) for term, value in self.terms.items()} if factor else {})
        spend(FORM * len(self.terms) * len(right.terms))
        terms: dict[Monomial, Coefficient] = {}
        for first, left_coefficient in self.terms.items():
            for second, right_coefficient in right.terms.items():
                for term, factor in _product(first, second):
                    accumulate(terms, term, left_coefficient * right_coefficient * factor)
        return Quantity(terms)

    __rmul__ = __mul__

    def __truediv__(self, other: Coefficient) -> Quantity:
        return self * Fraction(1, other)

    def __pow__(self, exponent: int) -> Quantity:
        if exponent < 0:
            ((term, coefficient),) = self.terms.items()
            return (
                Quantity({frozenset((atom, -power) for atom, power in term): narrowed(1 / Fraction(coefficient))}) ** -exponent
            )
        if exponent == 1:
            return self
        if self.is_constant:
            return quantity(narrowed(Fraction(self.constant) ** exponent))
        result = ONE
        for _ in range(exponent):
            result = result * self
        return result

    def __int__(self) -> int:
        value = self._known("int()")
        if isinstance(value, Fraction):
            raise SizeError(f"{value} is not a whole number")
        return value

    __index__ = __int__

    def __float__(self) -> float:
        return float(self._known("float()"))

    def _known(self, use: str) -> Coefficient:
        if not self.is_constant:
            raise TypeError(
                f"{self} depends on {', '.join(sorted(map(str, self.free)))}; {use} needs them: give values with substitute()"
            )
        return self.constant

    def __str__(self) -> str:
        return str(WRITERS["text"](self))

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"${WRITERS['latex'](self)}$"

    def to_sympy(self) -> Any:
        """The same form as a sympy expression."""
        return WRITERS["sympy"](self)

    _sympy_ = to_sympy


WRITERS: dict[str, Callable[[Quantity], Any]] = {}
"""How forms are written, by what: `qkernel.estimate.notation` fills it."""

Value = Quantity | Argument | Bound | Register | Sized | Closure | Words
Word = str | Argument | Closure | Bound
"""The letters of a Pauli word in alphabetical order; or an observable that is not known, for all its words."""


def narrowed(value: Coefficient) -> Coefficient:
    """A fraction as an int where it is one."""
    return value if isinstance(value, int) or value.denominator != 1 else value.numerator


def accumulate(terms: dict[Monomial, Coefficient], term: Monomial, coefficient: Coefficient) -> None:
    total = narrowed(terms.get(term, 0) + coefficient)
    if total:
        terms[term] = total
    else:
        terms.pop(term, None)


@lru_cache(maxsize=10_000)
def _product(first: Monomial, second: Monomial) -> tuple[tuple[Monomial, Coefficient], ...]:
    if not first or not second:
        return ((first or second, 1),)
    powers = dict(first)
    for atom, power in second:
        powers[atom] = 1 if isinstance(atom, (AtLeastZero, IsZero)) else powers.get(atom, 0) + power
    factor = _decided(powers)
    if not factor:
        return ()
    clamp = next((atom for atom, power in powers.items() if isinstance(atom, Positive) and power > 1), None)
    if clamp is None:
        return ((frozenset(item for item in powers.items() if item[1]), factor),)
    assert isinstance(clamp, Positive)  # Max(0, e)**k is Max(0, e) * e**(k - 1)
    extra, powers[clamp] = powers[clamp] - 1, 1
    rest = Quantity({frozenset(item for item in powers.items() if item[1]): factor})
    return tuple((rest * clamp.value**extra).terms.items())


def _decided(powers: dict[Atom, int]) -> Coefficient:
    """Take from a product the clamps and brackets that its others decide; the factor that these leave."""
    marks = [part for part in powers if isinstance(part, (Positive, AtLeastZero, IsZero))]
    factor: Coefficient = 1
    for given in marks if len(marks) > 1 else ():
        for other in marks:
            if given is not other and given in powers and other in powers and (range := _range(given, other.value)):
                least, most = range
                match other:
                    case AtLeastZero() if least >= 0:
                        del powers[other]
                    case IsZero() if least == most == 0:
                        del powers[other]
                    case Positive() if least == most:
                        factor *= int(max(0, least)) ** powers.pop(other)
                    case AtLeastZero() if most < 0:
                        return 0
                    case IsZero() if least > 0 or most < 0:
                        return 0
                    case Positive() if most <= 0:
                        return 0
    return factor


def _range(given: Positive | AtLeastZero | IsZero, value: Quantity) -> tuple[Coefficient | float, Coefficient | float] | None:
    """The least and the most that a whole `value` is where `given` is not 0; None if it has nothing to do with that."""
    least, most = {Positive: (1, math.inf), AtLeastZero: (0, math.inf), IsZero: (0, 0)}[type(given)]
    if (apart := value - given.value).is_constant:
        return apart.constant + least, apart.constant + most
    if (apart := value + given.value).is_constant:
        return apart.constant - most, apart.constant - least
    return None


def quantity(value: Quantity | Coefficient) -> Quantity:
    """A number as a quantity."""
    if isinstance(value, Quantity):
        return value
    return Quantity({_UNIT: value} if value else {})


ZERO, ONE = quantity(0), quantity(1)
REMAINDER = apply("%", Name("left", UINT), Name("right", UINT))


def atom(value: Atom) -> Quantity:
    """An atom as a quantity."""
    return Quantity({frozenset(((value, 1),)): 1})


def symbol(name: Variable, nonnegative: bool = True) -> Quantity:
    """The argument `name`."""
    return atom(Symbol(name, nonnegative))


def value_names(value: Value) -> frozenset[Variable]:
    """The names that a value depends on."""
    match value:
        case Quantity():
            return value.free
        case Argument(name):
            return frozenset((name,))
        case Register(length) | Sized(length):
            return length.free
        case Bound():
            return frozenset()
        case Closure(_, values):
            return frozenset().union(*(value_names(inner) for _, inner in values))
        case Words(counts):
            unbound = [word for word, _ in counts if not isinstance(word, str)]
            return frozenset().union(*(count.free for _, count in counts), *map(value_names, unbound))


def atom_names(value: Atom) -> frozenset[Variable]:
    """The names that an atom depends on; its own bound names are none of them."""
    match value:
        case Symbol(name):
            return frozenset((name,))
        case Positive(inner) | AtLeastZero(inner) | IsZero(inner):
            return inner.free
        case Floor(left, right) | Power(left, right):
            return left.free | right.free
        case Opaque(closure):
            return value_names(closure)
        case Length(of) | Terms(of):
            return value_names(of)
        case RangeSum(index, count, result):
            return count.free | (result.free - {index})
        case ItemSum(targets, dictionary, result):
            return value_names(dictionary) | (result.free - set(targets))


def forms_in(part: Atom) -> tuple[Quantity, ...]:
    """The forms that an atom is made of."""
    match part:
        case Positive(inner) | AtLeastZero(inner) | IsZero(inner) | ItemSum(result=inner):
            return (inner,)
        case Floor(left, right) | Power(left, right) | RangeSum(_, left, right):
            return left, right
        case Opaque(closure):
            return tuple(value for _, value in closure.values if isinstance(value, Quantity))
    return ()


def denominator(value: Quantity) -> int:
    """The least common denominator of the coefficients."""
    return math.lcm(*(Fraction(coefficient).denominator for coefficient in value.terms.values()))


def is_remainder(part: Atom) -> bool:
    """Whether an atom is left % right."""
    return isinstance(part, Opaque) and part.closure.expression == REMAINDER
