"""Exact closed forms: polynomials with rational coefficients in the kernel's arguments and a few kinds of atoms.

A `Quantity` is a sum of monomials, and a monomial a product of atoms: symbols, `Max(0, e)`, floor quotients, powers
`2**n`, Iverson brackets `[n >= 2]` (1 where the condition holds, else 0), lengths of arguments, and sums that have no
closed form. Every constructor normalises, so that equal forms are equal trees wherever the rules here can see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from qkernel.errors import SizeError
from qkernel.estimate.atoms import (
    Argument,
    AtLeastZero,
    Atom,
    Bound,
    Closure,
    Floor,
    IsZero,
    ItemSum,
    Iterated,
    Length,
    Monomial,
    Opaque,
    Positive,
    Power,
    Register,
    Sized,
    Symbol,
    Terms,
)
from qkernel.estimate.effort import spend
from qkernel.ir.expressions import Apply, Const, Expr, Name
from qkernel.ir.types import FLOAT

Coefficient = int | Fraction
_LARGEST_EXPONENT = 100_000


_UNIT: Monomial = frozenset()


class Quantity:
    """An exact number that may depend on arguments. Arithmetic, `==`, `hash`, `int()` and `float()` work; immutable."""

    __slots__ = ("_free", "_hash", "terms")

    def __init__(self, terms: dict[Monomial, Coefficient]) -> None:
        self.terms = terms
        self._hash: int | None = None
        self._free: frozenset[str] | None = None

    @property
    def is_constant(self) -> bool:
        """Whether no symbol is left."""
        return not self.terms or (len(self.terms) == 1 and _UNIT in self.terms)

    @property
    def constant(self) -> Coefficient:
        """The constant term."""
        return self.terms.get(_UNIT, 0)

    @property
    def free(self) -> frozenset[str]:
        """The names that the value depends on."""
        if self._free is None:
            self._free = frozenset().union(*(atom_names(atom) for term in self.terms for atom, _ in term))
        return self._free

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
            _accumulate(terms, term, coefficient)
        return Quantity(terms)

    __radd__ = __add__

    def __neg__(self) -> Quantity:
        return Quantity({term: -coefficient for term, coefficient in self.terms.items()})

    def __sub__(self, other: Quantity | Coefficient) -> Quantity:
        return self + -quantity(other)

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
        spend(len(self.terms) * len(right.terms))
        terms: dict[Monomial, Coefficient] = {}
        for first, left_coefficient in self.terms.items():
            for second, right_coefficient in right.terms.items():
                for term, factor in _product(first, second):
                    _accumulate(terms, term, left_coefficient * right_coefficient * factor)
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
                f"{self} depends on {', '.join(sorted(self.free))}; {use} needs them: give values with substitute()"
            )
        return self.constant

    def __str__(self) -> str:
        from qkernel.estimate.notation import text

        return text(self)

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        from qkernel.estimate.notation import latex

        return f"${latex(self)}$"

    def to_sympy(self) -> Any:
        """The same form as a sympy expression."""
        from qkernel.estimate.notation import to_sympy

        return to_sympy(self)

    _sympy_ = to_sympy


Value = Quantity | Argument | Bound | Register | Sized | Closure


def narrowed(value: Coefficient) -> Coefficient:
    """A fraction as an int where it is one."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _accumulate(terms: dict[Monomial, Coefficient], term: Monomial, coefficient: Coefficient) -> None:
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
    clamp = next((atom for atom, power in powers.items() if isinstance(atom, Positive) and power > 1), None)
    if clamp is None:
        return ((frozenset(item for item in powers.items() if item[1]), 1),)
    assert isinstance(clamp, Positive)  # Max(0, e)**k is Max(0, e) * e**(k - 1)
    extra, powers[clamp] = powers[clamp] - 1, 1
    rest = Quantity({frozenset(item for item in powers.items() if item[1]): 1})
    return tuple((rest * clamp.value**extra).terms.items())


def quantity(value: Quantity | Coefficient) -> Quantity:
    """A number as a quantity."""
    if isinstance(value, Quantity):
        return value
    return Quantity({_UNIT: value} if value else {})


ZERO, ONE = quantity(0), quantity(1)


def atom(value: Atom) -> Quantity:
    """An atom as a quantity."""
    return Quantity({frozenset(((value, 1),)): 1})


def symbol(name: str, nonnegative: bool = True) -> Quantity:
    """The argument `name`."""
    return atom(Symbol(name, nonnegative))


def value_names(value: Value) -> frozenset[str]:
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


def atom_names(value: Atom) -> frozenset[str]:
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
        case Iterated(index, count, states, result):
            inside = result.free.union(*(following.free for _, _, following in states))
            outside = count.free.union(*(first.free for _, first, _ in states))
            return outside | (inside - {index, *(name for name, _, _ in states)})
        case ItemSum(targets, dictionary, result):
            return value_names(dictionary) | (result.free - set(targets))


def is_nonnegative(value: Quantity) -> bool:
    """Whether the value is visibly at least 0."""
    least: Coefficient = value.constant
    for term, coefficient in value.terms.items():
        if term:
            if coefficient < 0 or not all(power % 2 == 0 or _is_nonnegative_atom(atom) for atom, power in term):
                return False
            if all(isinstance(atom, Power) and power > 0 and is_nonnegative(atom.exponent) for atom, power in term):
                least += coefficient  # 2**n is at least 1
    return least >= 0


def _is_nonnegative_atom(value: Atom) -> bool:
    match value:
        case Symbol(_, nonnegative):
            return nonnegative
        case Positive() | AtLeastZero() | IsZero() | Length() | Terms():
            return True
        case Power(base):
            return is_nonnegative(base)
        case Floor(numerator, divisor):
            return is_nonnegative(numerator) and is_nonnegative(divisor)
        case Iterated(result=result) | ItemSum(result=result):
            return is_nonnegative(result)
        case Opaque(closure):
            return _is_nonnegative_expression(closure.expression, dict(closure.values))


def _is_nonnegative_expression(expr: Expr, values: dict[str, Value], least: int = 0) -> bool:
    """Whether an expression is visibly at least `least`, 0 or 1."""
    match expr:
        case Const(value):
            return isinstance(value, (int, float)) and value >= least
        case Name(name):
            value = values.get(name)
            return isinstance(value, Quantity) and is_nonnegative(value - least)
        case Apply("sqrt" | "exp" | "abs"):
            return not least
        case Apply("log" | "log2", (inner,)):
            return not least and _is_nonnegative_expression(inner, values, 1)
        case Apply("floor" | "ceil" | "uint" | "float", (inner,)):
            return _is_nonnegative_expression(inner, values, least)
        case Apply("+" | "max", (left, right)):
            either = [_is_nonnegative_expression(part, values, least) for part in (left, right)]
            return any(either) and (
                expr.operator == "max" or all(_is_nonnegative_expression(part, values) for part in (left, right))
            )
        case Apply("*" | "/" | "**" | "min", (left, right)):
            share = least if expr.operator in ("*", "min") else 0
            return share == least and all(_is_nonnegative_expression(part, values, share) for part in (left, right))
    return False


def is_whole(value: Quantity) -> bool:
    """Whether the value is visibly a whole number."""
    return all(
        isinstance(coefficient, int) and all(power > 0 and not _is_real(atom) for atom, power in term)
        for term, coefficient in value.terms.items()
    )


def _is_real(atom: Atom) -> bool:
    return isinstance(atom, Opaque) and atom.closure.expression.type == FLOAT


def denominator(value: Quantity) -> int:
    """The least common denominator of the coefficients."""
    return math.lcm(*(Fraction(coefficient).denominator for coefficient in value.terms.values()))


def _content(terms: Iterable[tuple[Monomial, Coefficient]]) -> int:
    return math.gcd(*(int(coefficient) for term, coefficient in terms if term))


def leads_negative(value: Quantity) -> bool:
    """Whether the coefficient of the first term that is not constant, in the order of printing, is negative."""
    from qkernel.estimate.notation import ordered

    return next((coefficient < 0 for term, coefficient in ordered(value) if term), False)


def positive_part(value: Quantity) -> Quantity:
    """Max(0, value)."""
    if is_nonnegative(value):
        return value
    if is_nonnegative(-value):
        return ZERO
    scale = denominator(value)
    whole = value * scale
    common = math.gcd(*(int(coefficient) for coefficient in whole.terms.values()))
    return atom(Positive(whole / common)) * Fraction(common, scale)


def maximum(left: Quantity, right: Quantity) -> Quantity:
    """The larger of two."""
    if is_nonnegative(right - left):
        return right
    return left + positive_part(right - left)


def minimum(left: Quantity, right: Quantity) -> Quantity:
    """The smaller of two."""
    return left + right - maximum(left, right)


def floor_quotient(numerator: Quantity, divisor: Quantity) -> Quantity:
    """The floor of numerator / divisor."""
    if not divisor.is_constant:
        return ONE if numerator == divisor else atom(Floor(numerator, divisor))
    if not divisor.terms:
        raise SizeError("a count divides by zero")
    scale = denominator(numerator)
    quotient = Fraction(divisor.constant) * scale
    whole, size = numerator * scale * quotient.denominator, quotient.numerator
    if size < 0:
        whole, size = -whole, -size
    outside: dict[Monomial, Coefficient] = {}
    inside: dict[Monomial, Coefficient] = {}
    for term, coefficient in whole.terms.items():
        if all(power > 0 and not _is_real(part) for part, power in term):
            taken, left = divmod(int(coefficient), size)
            _accumulate(outside, term, taken)
            _accumulate(inside, term, left)
        else:
            _accumulate(inside, term, coefficient)
    rest = Quantity(inside)
    if rest.is_constant:
        return Quantity(outside) + math.floor(Fraction(rest.constant) / size)
    if is_whole(rest):
        common = math.gcd(size, _content(rest.terms.items()))
        rest = (rest - rest.constant) / common + int(rest.constant) // common
        size //= common
        if size == 1:
            return Quantity(outside) + rest
    return Quantity(outside) + atom(Floor(rest, quantity(size)))


def remainder(left: Quantity, right: Quantity) -> Quantity:
    """left % right as Python computes it."""
    return left - right * floor_quotient(left, right)


def power(base: Quantity, exponent: Quantity) -> Quantity:
    """base ** exponent."""
    if exponent.is_constant and is_whole(exponent):
        return _constant_power(base, int(exponent.constant))
    if not base.is_constant or not isinstance(base.constant, int):
        return atom(Power(base, exponent))
    number = int(base.constant)
    if number == 0:
        return equals_zero(exponent)
    if number < 0:
        return (1 - 2 * remainder(exponent, quantity(2))) * power(quantity(-number), exponent)
    if number == 1:
        return ONE
    if number & (number - 1) == 0 and number > 2:
        return power(quantity(2), exponent * (number.bit_length() - 1))
    result = ONE
    for term, coefficient in exponent.terms.items():
        share = Fraction(coefficient)
        if not term and share.denominator == 1:
            result = result * quantity(narrowed(Fraction(number) ** share.numerator))
        else:
            unit = Quantity({term: narrowed(Fraction(1, share.denominator))})
            result = result * Quantity({frozenset(((Power(quantity(number), unit), share.numerator),)): 1})
    return result


def _constant_power(base: Quantity, exponent: int) -> Quantity:
    if abs(exponent) > _LARGEST_EXPONENT and base not in (ZERO, ONE):
        raise SizeError(f"{base}**{exponent} is too large to write out")
    if exponent >= 0:
        return base**exponent
    if base.is_constant:
        if not base.terms:
            raise SizeError(f"0**{exponent} divides by zero")
        return quantity(narrowed(1 / Fraction(base.constant))) ** -exponent
    return atom(Power(base, quantity(exponent)))


def at_least_zero(value: Quantity) -> Quantity:
    """[value >= 0] for a whole number."""
    if is_nonnegative(value):
        return ONE
    if is_nonnegative(-value - 1):
        return ZERO
    if leads_negative(value):
        return 1 - at_least_zero(-value - 1)
    whole = value * denominator(value)
    common = _content(whole.terms.items())
    reduced = (whole - whole.constant) / common + math.floor(Fraction(whole.constant, common))
    return ONE if is_nonnegative(reduced) else atom(AtLeastZero(reduced))


def equals_zero(value: Quantity) -> Quantity:
    """[value == 0]."""
    if not value.terms:
        return ONE
    if is_nonnegative(value - 1) or is_nonnegative(-value - 1) or value.is_constant:
        return ZERO
    if leads_negative(value):
        return equals_zero(-value)
    whole = value * denominator(value)
    common = _content(whole.terms.items())
    if is_whole(whole) and int(whole.constant) % common:
        return ZERO
    return atom(IsZero(whole / common))
