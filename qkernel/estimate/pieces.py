"""Forms of one size, piece by piece: its clamps and brackets make a line from some size on, and a number at each below."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from qkernel.estimate.quantity import (
    ZERO,
    AtLeastZero,
    Atom,
    Coefficient,
    IsZero,
    Length,
    Positive,
    Quantity,
    Symbol,
    atom,
    narrowed,
    quantity,
)

_MOST_PIECES = 20
_MOST_TERMS = 40

Change = Callable[[Coefficient], Coefficient]


def of_one_size(form: Quantity, change: Change) -> Quantity | None:
    """`change` of a form with clamps or brackets, all of one size, in its one way of being written; None for any other.

    It is a clamp or a multiple of the size, and brackets. `change` makes a line of a line that has one sign.
    """
    size = _size(form)
    if size is None or (line := _line(form, size)) is None:
        return None
    rise, start = line
    last = max(-1, *(_last(part) for term in form.terms for part, _ in term))
    if rise:  # to where the line has the sign that it keeps
        last = max(last, math.ceil(-Fraction(start) / Fraction(rise)))
    if last > _MOST_PIECES:
        return None
    values = [change(_at(form, size, k)) for k in range(last + 1)]
    first, second = (change(rise * k + start) for k in (last + 1, last + 2))
    return _written(size, values, second - first, first - (second - first) * (last + 1))


def _size(form: Quantity) -> Atom | None:
    """The one size that a form depends on, by clamps or brackets too; None if it depends on anything else, or has none."""
    if len(form.terms) > _MOST_TERMS:
        return None
    sizes: set[Atom] = set()
    is_pieced = False
    for term in form.terms:
        for part, exponent in term:
            match part:
                case Positive(inner) | AtLeastZero(inner) | IsZero(inner):
                    is_pieced = True
                    found = [entry for inside in inner.terms for entry in inside]
                    if any(power != 1 for _, power in found) or len(inner.terms) > 2:
                        return None
                    sizes.update(each for each, _ in found)
                case _ if exponent > 0:
                    sizes.add(part)
                case _:
                    return None
            if len(sizes) > 1:
                return None
    size = next(iter(sizes), None)
    return size if is_pieced and (isinstance(size, Length) or (isinstance(size, Symbol) and size.nonnegative)) else None


def _slope(part: Positive | AtLeastZero | IsZero) -> tuple[Coefficient, Coefficient]:
    """The inside of a clamp or bracket as slope and start."""
    slope = next(coefficient for term, coefficient in part.value.terms.items() if term)
    return slope, part.value.constant


def _last(part: Atom) -> int:
    """The last size at which a clamp or bracket may differ from what it is at all larger ones."""
    if not isinstance(part, (Positive, AtLeastZero, IsZero)):
        return -1
    slope, start = _slope(part)
    return math.ceil(-Fraction(start) / Fraction(slope))


def _line(form: Quantity, size: Atom) -> tuple[Coefficient, Coefficient] | None:
    """Slope and start of the line that a form is in the end; None where it is a curve."""
    end = ZERO
    for term, coefficient in form.terms.items():
        product = quantity(coefficient)
        for part, exponent in term:
            match part:
                case Positive(inner):
                    factor = inner if _slope(part)[0] > 0 else ZERO
                case AtLeastZero():
                    factor = quantity(int(_slope(part)[0] > 0))
                case IsZero():
                    factor = ZERO
                case _:
                    factor = atom(part)
            product = product * factor**exponent
        end = end + product
    one = frozenset(((size, 1),))
    return None if end.terms.keys() - {frozenset(), one} else (end.terms.get(one, 0), end.constant)


def _at(form: Quantity, size: Atom, value: int) -> Coefficient:
    """The form where the size has this value."""
    total: Coefficient = 0
    for term, coefficient in form.terms.items():
        for part, exponent in term:
            factor: Coefficient = value
            if isinstance(part, (Positive, AtLeastZero, IsZero)):
                slope, start = _slope(part)
                inner = slope * value + start
                factor = (
                    max(0, inner) if isinstance(part, Positive) else inner >= 0 if isinstance(part, AtLeastZero) else inner == 0
                )
            coefficient = coefficient * factor**exponent
        total += coefficient
    return narrowed(total)


def _written(size: Atom, values: list[Coefficient], rise: Coefficient, start: Coefficient) -> Quantity:
    """What has these values at 0, 1, ..., and is rise * size + start from there on."""
    number = atom(size)
    root = -Fraction(start) / Fraction(rise) if rise else Fraction(0)
    clamp = int(root) if root.denominator == 1 and 0 < root <= len(values) else 0
    result = (atom(Positive(number - clamp)) if clamp else number) * rise
    before: Coefficient = 0
    for k in range(len(values) + 1):
        value = values[k] if k < len(values) else rise * k + start
        rest = narrowed(Fraction(value - rise * max(0, k - clamp)))
        result = result + (atom(AtLeastZero(number - k)) if k else 1) * (rest - before)
        before = rest
    return result
