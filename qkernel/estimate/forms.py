"""What counts are made of beside sums and products: clamps, floors, powers, brackets, each in one normal form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from qkernel.errors import SizeError
from qkernel.estimate.notation import ordered
from qkernel.estimate.pieces import of_one_size
from qkernel.estimate.quantity import (
    ONE,
    REMAINDER,
    ZERO,
    AtLeastZero,
    Atom,
    Closure,
    Coefficient,
    Floor,
    IsZero,
    ItemSum,
    Length,
    Monomial,
    Opaque,
    Positive,
    Power,
    Quantity,
    RangeSum,
    Symbol,
    Terms,
    Value,
    accumulate,
    atom,
    denominator,
    forms_in,
    narrowed,
    quantity,
)
from qkernel.ir.trees import ANY, Bounds, bounds_where
from qkernel.ir.types import FLOAT

_LARGEST_EXPONENT = 100_000
_LARGEST_DIGITS = 256
_MOST_TERMS = 5  # of forms that are looked at case by case


def is_nonnegative(value: Quantity) -> bool:
    """Whether the value is visibly at least 0."""
    if _is_sum_nonnegative(value):
        return True
    for term, coefficient in value.terms.items():
        for part, exponent in term:
            if isinstance(part, Positive) and coefficient < 0 and exponent == len(term) == 1:  # x - Max(0, y)
                rest = value - atom(part) * coefficient
                return is_nonnegative(rest) and is_nonnegative(rest + part.value * coefficient)
    return any(_is_sum_nonnegative(rest) for rest in _without_remainders(value))


def _without_remainders(value: Quantity) -> Iterator[Quantity]:
    """The value less a share of 0 <= x % d or of 0 <= d - 1 - x % d that it holds, for each floor of x / d in it."""
    for term, coefficient in value.terms.items():
        for part, exponent in term:
            if isinstance(part, Floor) and exponent == len(term) == 1 and part.divisor.is_constant and is_whole(part.numerator):
                left = part.numerator - part.divisor * atom(part)
                share = Fraction(coefficient) / Fraction(part.divisor.constant)
                yield value + (left * share if share < 0 else (part.divisor - 1 - left) * -share)


def _is_sum_nonnegative(value: Quantity) -> bool:
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
        case RangeSum(result=result) | ItemSum(result=result):
            return is_nonnegative(result)
        case Opaque(closure):
            values = dict(closure.values)
            return bounds_where(closure.expression, lambda name: _bounds_of(values.get(name))).least >= 0


def _bounds_of(value: Value | None) -> Bounds:
    """What is visible of a number: that it is at least 0, or 1."""
    if not isinstance(value, Quantity) or not is_nonnegative(value):
        return ANY
    return Bounds(int(is_nonnegative(value - 1)), math.inf)


def is_whole(value: Quantity) -> bool:
    """Whether the value is visibly a whole number."""
    return all(
        isinstance(coefficient, int) and all(power > 0 and not _is_real(atom) for atom, power in term)
        for term, coefficient in value.terms.items()
    )


def _is_real(atom: Atom) -> bool:
    return isinstance(atom, Opaque) and atom.closure.expression.type == FLOAT


def by_fallible_factors(terms: dict[Monomial, Coefficient]) -> dict[Monomial, dict[Monomial, Coefficient]]:
    """The terms by those of their factors whose divisions are the most guarded, brackets before the rest.

    Where what such a factor is multiplied by comes to 0, it need not have a value. Empty if nothing is divided by.
    """
    most = max((_fallibility(part) for term in terms for part, _ in term), default=0)
    groups: dict[Monomial, dict[Monomial, Coefficient]] = {}
    for term, coefficient in terms.items() if most > 1 else ():
        outer = frozenset(entry for entry in term if _fallibility(entry[0]) == most)
        groups.setdefault(outer, {})[term - outer] = coefficient
    return groups


def _fallibility(part: Atom) -> int:
    """Twice how deep divisions and look-ups nest in an atom; 1 more where it is no bracket."""
    return 2 * _divisions(part) + (not isinstance(part, (AtLeastZero, IsZero)))


@lru_cache(maxsize=10_000)
def _divisions(part: Atom) -> int:
    is_one = isinstance(part, Opaque) or (isinstance(part, Floor) and not part.divisor.is_constant)
    inside = [inner for form in forms_in(part) for term in form.terms for inner, _ in term]
    return is_one + max(map(_divisions, inside), default=0)


def _content(terms: Iterable[tuple[Monomial, Coefficient]]) -> int:
    return math.gcd(*(int(coefficient) for term, coefficient in terms if term))


def leads_negative(value: Quantity) -> bool:
    """Whether the coefficient of the first term that is not constant, in the order of printing, is negative."""
    return next((coefficient < 0 for term, coefficient in ordered(value) if term), False)


def positive_part(value: Quantity) -> Quantity:
    """Max(0, value)."""
    if is_nonnegative(value):
        return value
    if is_nonnegative(-value):
        return ZERO
    if (simpler := by_cases(value, _clamped, positive_part)) is not None:
        return simpler
    if (simpler := of_one_size(value, lambda number: max(0, number))) is not None:
        return simpler
    if (simpler := _without_bracket(value)) is not None:
        return simpler
    scale = denominator(value)
    whole = value * scale
    common = math.gcd(*(int(coefficient) for coefficient in whole.terms.values()))
    return atom(Positive(whole / common)) * Fraction(common, scale)


def _clamped(value: Quantity, known: Quantity = ZERO) -> Quantity | None:
    """Max(0, value) where known >= 0 decides it."""
    return value if follows(value, known) else ZERO if follows(-value, known) else None


def _reached(value: Quantity, known: Quantity = ZERO) -> Quantity | None:
    """[value >= 0] where known >= 0 decides it."""
    return ONE if follows(value, known) else ZERO if follows(-value - 1, known) else None


def _met(value: Quantity, known: Quantity = ZERO) -> Quantity | None:
    """[value == 0] where known >= 0 decides it."""
    if not value.terms:
        return ONE
    return ZERO if follows(value - 1, known) or follows(-value - 1, known) else None


def follows(value: Quantity, known: Quantity) -> bool:
    """Whether value >= 0 is seen to follow from known >= 0."""
    if is_nonnegative(value):
        return True
    shares = {Fraction(value.terms.get(term, 0)) / Fraction(size) for term, size in known.terms.items() if term}
    return any(share > 0 and is_nonnegative(value - known * narrowed(share)) for share in shares)


Decision = Callable[[Quantity, Quantity], Quantity | None]


def by_cases(value: Quantity, decide: Decision, make: Callable[[Quantity], Quantity]) -> Quantity | None:
    """`make` of a form with a clamp or brackets in it, where `decide` knows it in both cases, or is of one form in both."""
    for part, coefficient in _lone(value, Positive) if len(value.terms) <= _MOST_TERMS else ():
        if len(part.value.terms) > _MOST_TERMS or not _is_flat(part.value):
            continue
        rest = value - atom(part) * coefficient
        for least in (0, 1) if is_whole(part.value) else ():  # where the clamped value is 0, both cases agree
            high, low = part.value - least, least - 1 - part.value
            found = _of_two(rest + part.value * coefficient, high, rest, low, decide, make)
            if found is not None:
                return found
    return over_brackets(value, lambda part: decide(part, ZERO))


def _is_flat(value: Quantity) -> bool:
    """Whether a form is a polynomial in symbols and lengths."""
    return all(isinstance(part, (Symbol, Length)) for term in value.terms for part, _ in term)


def _of_two(
    above: Quantity, high: Quantity, below: Quantity, low: Quantity, decide: Decision, make: Callable[[Quantity], Quantity]
) -> Quantity | None:
    """`make` of `above` where high >= 0, and of `below` where low >= 0."""
    then, otherwise = decide(above, high), decide(below, low)
    if then is None or otherwise is None:
        for undecided, form, known, other in ((then, above, low, otherwise), (otherwise, below, high, then)):
            if undecided is None and other is not None and decide(form, known) == other:
                return make(form)
        return None
    for one, border, other in ((then, high, otherwise), (otherwise, low, then)):
        for least in (0, 1) if not other.terms else ():  # what is 0 on one side and grows from there is a clamp again
            if (scale := multiple(one, border + least)) is not None:
                return positive_part(border + least) * scale
    holds = at_least_zero(high)
    return then * holds + otherwise * (1 - holds)


def multiple(value: Quantity, of: Quantity) -> Coefficient | None:
    """The positive number that `of` is to be multiplied by to give `value`, if there is one."""
    term, size = next(iter(of.terms.items()))
    share = narrowed(Fraction(value.terms.get(term, 0)) / Fraction(size))
    return share if share > 0 and of * share == value else None


def _without_bracket(value: Quantity) -> Quantity | None:
    """Max(0, x*[b] - 1) as [b]*Max(0, x - 1)."""
    varying = [dict(term) for term in value.terms if term]
    for bracket in varying[0]:
        if isinstance(bracket, (AtLeastZero, IsZero)) and all(bracket in term for term in varying):
            inner = Quantity({term - {(bracket, 1)}: size for term, size in value.terms.items() if term}) + value.constant
            return atom(bracket) * (positive_part(inner) - max(0, value.constant)) + max(0, value.constant)
    return None


def over_brackets(value: Quantity, change: Callable[[Quantity], Quantity | None]) -> Quantity | None:
    """`change` of a number and brackets of which at most one holds: of each case apart; None for any other form."""
    brackets = list(_lone(value, AtLeastZero, IsZero))
    if not brackets or len(brackets) + bool(value.constant) != len(value.terms):
        return None
    first = brackets[0][0].value
    apart = {(part.value - first).constant for part, _ in brackets if (part.value - first).is_constant}
    if len(brackets) > 1 and (len(apart) < len(brackets) or any(isinstance(part, AtLeastZero) for part, _ in brackets)):
        return None
    without = change(quantity(value.constant))
    result = without
    for part, coefficient in brackets:
        held = change(quantity(narrowed(value.constant + coefficient)))
        if held is None or without is None or result is None:
            return None
        result = result + atom(part) * (held - without)
    return result


def _lone(value: Quantity, *kinds: type) -> Iterator[tuple[Any, Coefficient]]:
    """The atoms of these kinds that are terms by themselves, with their coefficients."""
    for term, coefficient in value.terms.items():
        if len(term) == 1:
            ((part, exponent),) = term
            if exponent == 1 and isinstance(part, kinds):
                yield part, coefficient


def _digits(numerator: Quantity, divisor: Quantity) -> Quantity | None:
    """The floor of a number that is not large over a power with a symbol for its exponent: its value at each exponent."""
    if len(divisor.terms) != 1 or not numerator.is_constant or not 0 <= numerator.constant < _LARGEST_DIGITS:
        return None
    ((term, coefficient),) = divisor.terms.items()
    match [*term]:
        case [(Power(base, exponent), 1)] if base.is_constant and base.constant >= 2 and is_nonnegative(exponent):
            found, k = ZERO, 0
            while coefficient > 0 and (value := numerator.constant // (coefficient * base.constant**k)):
                found, k = found + equals_zero(exponent - k) * value, k + 1
            return found if coefficient > 0 else None
    return None


def maximum(left: Quantity, right: Quantity) -> Quantity:
    """The larger of two."""
    if is_nonnegative(right - left):
        return right
    for one, other in ((left, right), (right, left)):
        clamped = list(_lone(one, Positive)) if len(one.terms) == 1 else []
        if clamped and clamped[0][1] > 0 and is_nonnegative(other):  # Max(0, x) or y >= 0: x or y
            return other + positive_part(clamped[0][0].value * clamped[0][1] - other)
    found = left + positive_part(right - left)
    return of_one_size(found, lambda number: number) or found


def without_needless_brackets(form: Quantity) -> Quantity:
    """n * [n >= 1] as n."""
    terms = ((_without_needless(term), size) for term, size in form.terms.items())
    return sum((Quantity({term: size}) for term, size in terms), ZERO)


def _without_needless(term: Monomial) -> Monomial:
    counts = [atom(part) for part, _ in term if isinstance(part, (Symbol, Length))]
    needless = {
        part
        for part, _ in term
        if isinstance(part, AtLeastZero) and any(part.value == one - 1 and is_nonnegative(one) for one in counts)
    }
    return frozenset((part, exponent) for part, exponent in term if part not in needless)


def minimum(left: Quantity, right: Quantity) -> Quantity:
    """The smaller of two."""
    return left + right - maximum(left, right)


def floor_quotient(numerator: Quantity, divisor: Quantity) -> Quantity:
    """The floor of numerator / divisor."""
    if not divisor.is_constant:
        if (found := _digits(numerator, divisor)) is not None:
            return found
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
            accumulate(outside, term, taken)
            accumulate(inside, term, left)
        else:
            accumulate(inside, term, coefficient)
    rest = Quantity(inside)
    if rest.is_constant:
        return Quantity(outside) + math.floor(Fraction(rest.constant) / size)
    if (simpler := over_brackets(rest, lambda part: floor_quotient(part, quantity(size)))) is not None:
        return Quantity(outside) + simpler
    if is_whole(rest):
        common = math.gcd(size, _content(rest.terms.items()))
        rest = (rest - rest.constant) / common + int(rest.constant) // common
        size //= common
        if size == 1:
            return Quantity(outside) + rest
        part = next(part for term in rest.terms for part, _ in term)
        if isinstance(part, Floor) and part.divisor.is_constant and rest == atom(part) + rest.constant:
            return Quantity(outside) + floor_quotient(part.numerator + part.divisor * rest.constant, part.divisor * size)
    return Quantity(outside) + atom(Floor(rest, quantity(size)))


def remainder(left: Quantity, right: Quantity) -> Quantity:
    """left % right as Python computes it; by a divisor that may still come to 0 it stays as it is, or 0 would count as one."""
    if right.is_constant:
        return left - right * floor_quotient(left, right)
    return atom(Opaque(Closure(REMAINDER, (("left", left), ("right", right)))))


def product(left: Quantity, right: Quantity) -> Quantity:
    """left * right; s * (x // s) is x less what is left over, which a divisor of 0 does not have, as the quotient has not."""
    for whole, divisor in ((left, right), (right, left)):
        match [*whole.terms]:
            case [term] if len(term) == 1:
                ((part, exponent),) = term
                if isinstance(part, Floor) and exponent == 1 and part.divisor == divisor and not divisor.is_constant:
                    return (part.numerator - remainder(part.numerator, divisor)) * whole.terms[term]
    return left * right


def power(base: Quantity, exponent: Quantity) -> Quantity:
    """base ** exponent."""
    if exponent.is_constant and is_whole(exponent):
        return constant_power(base, int(exponent.constant))
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
    result, parts = ONE, dict[Monomial, Coefficient]()
    for term, coefficient in exponent.terms.items():
        share = math.floor(coefficient)
        accumulate(parts, term, coefficient - share)  # parts stay together: alone they are no whole numbers
        if not term:
            result = result * quantity(narrowed(Fraction(number) ** share))
        elif share:
            result = result * Quantity({frozenset(((Power(quantity(number), Quantity({term: 1})), share),)): 1})
    return result * atom(Power(quantity(number), Quantity(parts))) if parts else result


def constant_power(base: Quantity, exponent: int) -> Quantity:
    """base ** exponent with a known exponent."""
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
    if is_nonnegative(-value - 1) or value.is_constant:
        return ZERO
    if (simpler := by_cases(value, _reached, at_least_zero)) is not None:
        return simpler
    if (simpler := of_one_size(value, lambda number: int(number >= 0))) is not None:
        return simpler
    if leads_negative(value):
        return 1 - at_least_zero(-value - 1)
    whole = value * denominator(value)
    common = _content(whole.terms.items())
    constant = Fraction(whole.constant, common)
    varying = (whole - whole.constant) / common
    reduced = varying + (math.floor(constant) if is_whole(varying) else narrowed(constant))
    return ONE if is_nonnegative(reduced) else atom(AtLeastZero(reduced))


def equals_zero(value: Quantity) -> Quantity:
    """[value == 0]."""
    if not value.terms:
        return ONE
    if is_nonnegative(value - 1) or is_nonnegative(-value - 1) or value.is_constant:
        return ZERO
    if (simpler := by_cases(value, _met, equals_zero)) is not None:
        return simpler
    if (simpler := of_one_size(value, lambda number: int(number == 0))) is not None:
        return simpler
    if leads_negative(value):
        return equals_zero(-value)
    whole = value * denominator(value)
    common = _content(whole.terms.items())
    if is_whole(whole) and int(whole.constant) % common:
        return ZERO
    return atom(IsZero(whole / common))
