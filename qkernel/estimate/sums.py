"""The length of a range, and closed-form sums over its index.

These are of powers, geometric factors, floor quotients, clamped and bracketed terms. `total(form, index, bound)` is the
sum over index = 0 .. bound - 1, empty where `bound` is negative. Powers are summed by Faulhaber's formula, i**k * r**i by
solving r P(i + 1) - P(i) = i**k, floors by splitting the index by its residue, and `Max` and brackets by splitting the
range where they change.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import count as count_up

from qkernel.diagnostics import Span
from qkernel.errors import SizeError
from qkernel.estimate.forms import (
    at_least_zero,
    by_fallible_factors,
    equals_zero,
    floor_quotient,
    follows,
    is_nonnegative,
    is_whole,
    maximum,
    minimum,
    positive_part,
    power,
    remainder,
)
from qkernel.estimate.quantity import (
    ONE,
    ZERO,
    AtLeastZero,
    Atom,
    Coefficient,
    Floor,
    IsZero,
    Local,
    Monomial,
    Positive,
    Power,
    Quantity,
    Symbol,
    Variable,
    atom,
    atom_names,
    narrowed,
    quantity,
    symbol,
)
from qkernel.estimate.substitution import range_sum, substitute

Mark = AtLeastZero | IsZero | Positive
Facts = Sequence[tuple[Variable, Quantity]]
_LARGEST_MODULUS = 64
_fresh = count_up()


class Unsolved(Exception):
    """A sum has no closed form that is known here."""


def fresh(name: Variable) -> Local:
    """A bound name that is used nowhere else."""
    return Local(str(name), next(_fresh))


def trip_count(start: Quantity, stop: Quantity, step: Quantity, span: Span | None) -> Quantity:
    """The length of `range(start, stop, step)`; may come out negative where that is empty."""
    if step == 0:
        raise SizeError("a loop's step is 0", span=span)
    if step.is_constant or is_nonnegative(step):
        down = step.is_constant and step.constant < 0
        return _strides(start - stop, -step) if down else _strides(stop - start, step)
    rising, size = at_least_zero(step - 1), maximum(step, -step)  # a step of 0 divides by zero, also when it is put in later
    return rising * _strides(stop - start, size) + (1 - rising) * _strides(start - stop, size)


def _strides(ahead: Quantity, stride: Quantity) -> Quantity:
    """The ceiling of ahead / stride."""
    return ahead if stride == 1 else floor_quotient(ahead + stride - 1, stride)


def total(form: Quantity, index: Variable, bound: Quantity, facts: Facts = ()) -> Quantity:
    """The sum of `form` over index = 0 .. bound - 1; `facts` are the (index, bound) pairs of the loops around it."""
    trips = positive_part(bound)
    if index not in form.free:
        return resolve(form, (*facts, (index, bound))) * trips if form.terms else ZERO
    inside = resolve(form, (*facts, (index, bound)))
    solved, rest = ZERO, {}
    try:
        return _solve(inside, index, bound, facts)
    except Unsolved:
        for term, coefficient in inside.terms.items():
            try:
                solved = solved + _solve(Quantity({term: coefficient}), index, bound, facts)
            except Unsolved:
                rest[term] = coefficient
    for part, coefficient in _apart(rest):
        solved = solved + range_sum(index, trips, part) * coefficient
    return solved


def _apart(terms: dict[Monomial, Coefficient]) -> Iterator[tuple[Quantity, Coefficient]]:
    """Terms to be summed one by one, so that sums of sums meet; together where a bracket in one may guard another."""
    guards = {frozenset(part for part, _ in term if isinstance(part, (AtLeastZero, IsZero))) for term in terms}
    if len(guards) > 1 or by_fallible_factors(terms):
        yield Quantity(terms), 1
        return
    for term, coefficient in terms.items():
        yield Quantity({term: 1}), coefficient


def _solve(form: Quantity, index: Variable, bound: Quantity, facts: Facts) -> Quantity:
    smooth: dict[Fraction, dict[Monomial, dict[int, Coefficient]]] = {}
    result, rough = ZERO, _remainder_terms(form, index)
    for term, coefficient in form.terms.items():
        if term in rough or (parts := _smooth_parts(term, index)) is None:
            rough[term] = coefficient
        else:
            ratio, outside, degree = parts
            powers = smooth.setdefault(ratio, {}).setdefault(outside, {})
            powers[degree] = coefficient
    for ratio, groups in smooth.items():
        for outside, powers in groups.items():
            result = result + Quantity({outside: 1}) * _power_sum(powers, ratio, bound)
    return result + _rough(Quantity(rough), index, bound, facts) if rough else result


def _remainder_terms(form: Quantity, index: Variable) -> dict[Monomial, Coefficient]:
    """The terms that make up remainders, x - d * floor(x / d): these stay together."""
    found: dict[Monomial, Coefficient] = {}
    for term, coefficient in form.terms.items():
        for part, exponent in term:
            if isinstance(part, Floor) and exponent == 1 and part.divisor.is_constant and index in part.numerator.free:
                rest = Quantity({term - {(part, 1)}: Fraction(-coefficient) / Fraction(part.divisor.constant)})
                whole = (part.numerator * rest).terms
                if all(form.terms.get(held) == value for held, value in whole.items()):
                    found |= whole
    return found


def _smooth_parts(term: Monomial, index: Variable) -> tuple[Fraction, Monomial, int] | None:
    """A term as ratio**index * index**degree * (what does not depend on the index); None if it is not of that form."""
    ratio, degree, outside = Fraction(1), 0, []
    for part, exponent in term:
        match part:
            case Symbol(name) if name == index:
                degree = exponent
            case Power(base, Quantity() as raised) if index in raised.free:
                if raised != symbol(index) or not base.is_constant:
                    return None
                ratio *= Fraction(base.constant) ** exponent
            case _ if index in atom_names(part):
                return None
            case _:
                outside.append((part, exponent))
    return ratio, frozenset(outside), degree


def _power_sum(powers: dict[int, Coefficient], ratio: Fraction, bound: Quantity) -> Quantity:
    """The sum over i < Max(0, bound) of ratio**i * (polynomial in i)."""
    polynomial = [Fraction(powers.get(k, 0)) for k in range(max(powers) + 1)]
    if ratio != 1:
        coefficients = _geometric(polynomial, ratio)
        trips = positive_part(bound)
        return _power_of(ratio, trips) * _at(coefficients, trips) - quantity(narrowed(coefficients[0]))
    coefficients = [Fraction(0)] * (len(polynomial) + 1)
    for degree, value in enumerate(polynomial):
        for k, share in enumerate(_faulhaber(degree)):
            coefficients[k] += value * share
    return _at(coefficients, _unclamped(coefficients, bound))


def _unclamped(coefficients: list[Fraction], bound: Quantity) -> Quantity:
    """`bound` itself, where the polynomial is 0 at every negative value that the bound can have, else Max(0, bound)."""
    lowest = bound.constant
    if not -8 <= lowest < 0 or not is_whole(bound) or not is_nonnegative(bound - lowest):
        return positive_part(bound)
    vanishes = all(sum(c * x**k for k, c in enumerate(coefficients)) == 0 for x in range(int(lowest), 0))
    return bound if vanishes else positive_part(bound)


def _at(coefficients: list[Fraction], value: Quantity) -> Quantity:
    result = ZERO
    for coefficient in reversed(coefficients):
        result = result * value + narrowed(coefficient)
    return result


def _power_of(ratio: Fraction, exponent: Quantity) -> Quantity:
    above = power(quantity(ratio.numerator), exponent)
    return above if ratio.denominator == 1 else above * power(quantity(ratio.denominator), -exponent)


@cache
def _faulhaber(degree: int) -> tuple[Fraction, ...]:
    """Coefficients in n of the sum of i**degree over i < n, by telescoping (i + 1)**(degree + 1) - i**(degree + 1)."""
    result = [Fraction(0)] * (degree + 2)
    result[degree + 1] = Fraction(1)
    for lower in range(degree):
        for k, share in enumerate(_faulhaber(lower)):
            result[k] -= math.comb(degree + 1, lower) * share
    return tuple(value / (degree + 1) for value in result)


def _geometric(polynomial: list[Fraction], ratio: Fraction) -> list[Fraction]:
    """P with ratio * P(i + 1) - P(i) = polynomial(i), from the highest power down."""
    result = [Fraction(0)] * len(polynomial)
    for degree in reversed(range(len(polynomial))):
        known = sum((ratio * math.comb(k, degree) * result[k] for k in range(degree + 1, len(polynomial))), Fraction(0))
        result[degree] = (polynomial[degree] - known) / (ratio - 1)
    return result


def _rough(form: Quantity, index: Variable, bound: Quantity, facts: Facts) -> Quantity:
    """The sum of terms with floors, clamps or brackets that depend on the index."""
    if (modulus := _modulus(form, index)) is not None:
        return _by_residue(form, index, bound, facts, modulus)
    result = ZERO
    for term, coefficient in form.terms.items():
        breaks = [part for part, _ in term if isinstance(part, Mark) and index in part.value.free]
        if not breaks:
            raise Unsolved
        if (inner := _innermost(breaks, index)) is not None:
            result = result + _solve(_split(Quantity({term: coefficient}), inner), index, bound, facts)
            continue
        breaking = min(breaks, key=lambda part: isinstance(part, Positive))
        exponent = dict(term)[breaking]
        rest = Quantity({frozenset((part, size) for part, size in term if part != breaking): coefficient})
        result = result + _broken(breaking, exponent, rest, index, bound, facts)
    return result


def _innermost(marks: Sequence[Mark], index: Variable) -> Mark | None:
    """A clamp or bracket in the index that stands inside one of `marks` and holds no other; None if there is none."""
    for mark in marks:
        inside = [part for term in mark.value.terms for part, _ in term if isinstance(part, Mark) and index in part.value.free]
        if inside:
            return _innermost(inside, index) or inside[0]
    return None


def _split(form: Quantity, mark: Mark) -> Quantity:
    """`form` as a sum over the cases that `mark` tells apart."""
    holds = at_least_zero(mark.value) if isinstance(mark, Positive) else atom(mark)
    then = mark.value if isinstance(mark, Positive) else ONE
    return with_value(form, mark, then) * holds + with_value(form, mark, ZERO) * (1 - holds)


def with_value(form: Quantity, mark: Mark, value: Quantity) -> Quantity:
    """`form` with a value put for an atom, wherever it stands in clamps, brackets and floors."""
    result = ZERO
    for term, coefficient in form.terms.items():
        product = quantity(coefficient)
        for part, exponent in term:
            product = product * _atom_with(part, mark, value) ** exponent
        result = result + product
    return result


def _atom_with(part: Atom, mark: Mark, value: Quantity) -> Quantity:
    match part:
        case _ if part == mark:
            return value
        case Positive(inner):
            return positive_part(with_value(inner, mark, value))
        case AtLeastZero(inner):
            return at_least_zero(with_value(inner, mark, value))
        case IsZero(inner):
            return equals_zero(with_value(inner, mark, value))
        case Floor(numerator, divisor):
            return floor_quotient(with_value(numerator, mark, value), with_value(divisor, mark, value))
    return atom(part)


def _modulus(form: Quantity, index: Variable) -> int | None:
    """The period of the floors of `form` in the index; None if it has none."""
    divisors = [int(part.divisor.constant) for part in _floors(form, index)]
    if not divisors:
        return None
    modulus = math.lcm(*divisors)
    if not modulus or modulus > _LARGEST_MODULUS:
        raise Unsolved
    return modulus


def _floors(form: Quantity, index: Variable) -> list[Floor]:
    found: list[Floor] = []
    for term in form.terms:
        for part, _ in term:
            match part:
                case Floor(numerator, divisor) if index in atom_names(part):
                    if not divisor.is_constant:
                        raise Unsolved
                    found += [part, *_floors(numerator, index)]
                case Positive(inner) | AtLeastZero(inner) | IsZero(inner):
                    found += _floors(inner, index)
    return found


def _by_residue(form: Quantity, index: Variable, bound: Quantity, facts: Facts, modulus: int) -> Quantity:
    result = ZERO
    for residue in range(modulus):
        step = fresh(index)
        part = substitute(form, {index: symbol(step) * modulus + residue})
        if any(step in atom_names(found) for found in _floors(part, step)):
            raise Unsolved
        result = result + total(part, step, floor_quotient(bound - residue + modulus - 1, quantity(modulus)), facts)
    return _halves(result) if modulus == 2 else result


def _halves(form: Quantity) -> Quantity:
    """`form` with floor(x / 2) and floor((x + 1) / 2) brought together by way of x % 2, which is its own square."""
    halves = {part for term in form.terms for part, _ in term if isinstance(part, Floor) and part.divisor == 2}
    for whole in {part.numerator - part.numerator.constant for part in halves}:
        odd = Symbol("%")
        result = ZERO
        for term, coefficient in form.terms.items():
            product = quantity(coefficient)
            for part, exponent in term:
                if isinstance(part, Floor) and part.divisor == 2 and part.numerator - part.numerator.constant == whole:
                    product = product * ((whole + atom(odd) * (1 if part.numerator.constant else -1)) / 2) ** exponent
                else:
                    product = product * atom(part) ** exponent
            result = result + product
        single = ZERO
        for term, coefficient in result.terms.items():
            single += Quantity({frozenset((part, 1 if part == odd else exponent) for part, exponent in term): coefficient})
        joined = substitute(single, {"%": remainder(whole, quantity(2))})
        form = joined if len(joined.terms) < len(form.terms) else form
    return form


def _broken(breaking: Mark, exponent: int, rest: Quantity, index: Variable, bound: Quantity, facts: Facts) -> Quantity:
    """The sum of breaking**exponent * rest, over the part of the range where `breaking` is not 0."""
    slope, offset = _linear(breaking.value, index)
    if isinstance(breaking, IsZero):
        point = -offset / slope
        inside = at_least_zero(point) * at_least_zero(bound - 1 - point) * equals_zero(remainder(-offset, quantity(abs(slope))))
        return resolve(substitute(rest, {index: point}) * inside, facts)
    inner = rest * breaking.value**exponent if isinstance(breaking, Positive) else rest
    if slope > 0:
        start = resolve(positive_part(floor_quotient(-offset + slope - 1, quantity(slope))), facts)
        within = resolve(start, (*facts, (index, bound)))
        start = within if is_nonnegative(within) else start  # what holds in the loop alone could make an empty one count
        step = fresh(index)
        return total(substitute(inner, {index: start + symbol(step)}), step, bound - start, facts)
    stop = floor_quotient(offset, quantity(-slope)) + 1
    return total(inner, index, resolve(minimum(bound, stop), facts), facts)


def _linear(form: Quantity, index: Variable) -> tuple[int, Quantity]:
    """`form` as slope * index + offset with a whole slope."""
    slope = form.terms.get(frozenset(((Symbol(index), 1),)), 0)
    offset = form - symbol(index) * slope
    if not slope or not isinstance(slope, int) or index in offset.free:
        raise Unsolved
    return slope, offset


def resolve(form: Quantity, facts: Facts) -> Quantity:
    """`form` without the clamps and brackets that the loops around it decide."""
    if not facts or not any(isinstance(part, (Positive, AtLeastZero, IsZero)) for term in form.terms for part, _ in term):
        return form
    result = ZERO
    for term, coefficient in form.terms.items():
        product = quantity(coefficient)
        for part, exponent in term:
            product = product * _resolved(part, facts) ** exponent
        result = result + product
    return result


def _resolved(part: Atom, facts: Facts) -> Quantity:
    match part:
        case Positive(value):
            value = resolve(value, facts)
            return value if _holds(value, facts) else ZERO if _holds(-value, facts) else positive_part(value)
        case AtLeastZero(value):
            return ONE if _holds(value, facts) else ZERO if _holds(-value - 1, facts) else at_least_zero(value)
        case IsZero(value):
            return ZERO if _holds(value - 1, facts) or _holds(-value - 1, facts) else equals_zero(value)
    return atom(part)


def _holds(form: Quantity, facts: Facts) -> bool:
    """Whether `form` >= 0 is seen to follow from 0 <= index <= bound - 1 for each loop."""
    if is_nonnegative(form):
        return True
    for index, bound in reversed(facts):
        if index in form.free:
            try:
                slope, offset = _linear(form, index)
            except Unsolved:
                return False
            form = offset if slope > 0 else offset + (bound - 1) * slope
            if is_nonnegative(form):
                return True
    return any(follows(form, bound - 1) for _, bound in facts)
