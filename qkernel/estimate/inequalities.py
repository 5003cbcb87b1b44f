"""Linear inequalities between whole numbers, and what follows from them, by the elimination of Fourier and Motzkin.

A form is linear in its monomials: what is no symbol, such as `n*m`, `floor(n/2)` or `2**k`, counts as one more unknown, of
which only is known what its make shows; of powers of two also what follows for their exponents. What does not follow here may
still be true; what follows is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import permutations

from qkernel.estimate.forms import is_nonnegative, is_whole
from qkernel.estimate.quantity import (
    ZERO,
    AtLeastZero,
    Floor,
    IsZero,
    Monomial,
    Positive,
    Power,
    Quantity,
    atom,
    denominator,
)

Row = tuple[dict[int, int], int]
"""Coefficients by the numbers of monomials, and a constant: the sum is at least 0."""

_MOST_ROWS = 150
_MOST_DOUBLINGS = 12


class Undecided(Exception):
    """Whether `form` is at least 0 does not follow from what is known."""

    def __init__(self, form: Quantity) -> None:
        super().__init__(form)
        self.form = form


class _Monomials:
    """The monomials that occur, by number, each with the rows that always hold of it."""

    def __init__(self) -> None:
        self.numbers: dict[Monomial, int] = {}
        self.facts: list[tuple[Row, ...]] = []
        self.exponents: dict[int, Quantity] = {}

    def row(self, form: Quantity) -> Row:
        """A form as a row, scaled to whole numbers."""
        scale = denominator(form)
        coefficients = {self.number(term): int(value * scale) for term, value in form.terms.items() if term}
        return coefficients, int(form.constant * scale)

    def number(self, term: Monomial) -> int:
        found = self.numbers.get(term)
        if found is None:
            found = self.numbers[term] = len(self.facts)
            self.facts.append(())
            self.facts[found] = tuple(map(self.row, _always(term)))
            if (exponent := _exponent(term)) is not None:
                self.exponents[found] = exponent
        return found


def _always(term: Monomial) -> Iterable[Quantity]:
    """Forms in a monomial that are at least 0 whatever the values."""
    whole = Quantity({term: 1})
    if is_nonnegative(whole - 1):
        yield whole - 1
    elif is_nonnegative(whole):
        yield whole
    if len(term) == 1:
        ((part, exponent),) = term
        match part:
            case Floor(above, below) if exponent == 1 and below.is_constant and is_whole(above):
                left = above - atom(part) * below
                yield from (left, below - 1 - left)
            case AtLeastZero() | IsZero():
                yield 1 - whole
            case Positive(value) if exponent == 1:
                yield whole - value


def _exponent(term: Monomial) -> Quantity | None:
    """Of a power of two its exponent."""
    result = ZERO
    for part, times in term:
        if not isinstance(part, Power) or part.base != 2 or not is_whole(part.exponent):
            return None
        result = result + part.exponent * times
    return result


def _of_exponents(form: Quantity) -> Quantity:
    """A form that is at least 0 where `form` is: of exponents where that compares a power of two with another or a number."""
    found: list[tuple[bool, Quantity, Fraction]] = []
    for term, share in form.terms.items():
        if term:
            exponent = _exponent(term)
            if exponent is None or len(found) == 2:
                return form
            odd, twos = _without_twos(Fraction(share))
            found.append((odd > 0, exponent + twos, abs(odd)))
    if len({odd for *_, odd in found}) != 1:
        return form
    constant = math.floor(form.constant / found[0][2])
    match sorted(found, key=lambda entry: entry[0]):
        case [(True, exponent, _)] if constant < 0:
            return exponent - (-constant - 1).bit_length()
        case [(False, exponent, _)] if constant > 0:
            return constant.bit_length() - 1 - exponent
        case [(False, low, _), (True, high, _)]:
            enough = high - constant.bit_length() if constant > 0 else low - (-constant - 1).bit_length()
            if constant == 0 or is_nonnegative(enough):  # one power less another is 0, or no less than the smaller of the two
                return high - low - (constant < 0)
    return form


def _without_twos(share: Fraction) -> tuple[Fraction, int]:
    """A number without its factors of two, and how many these are."""
    above, below = share.numerator, share.denominator
    twos = (above & -above).bit_length() - (below & -below).bit_length()
    return share / Fraction(2) ** twos, twos


class Inequalities:
    """Forms that are all at least 0."""

    __slots__ = ("_found", "_monomials", "_rows")

    def __init__(self, forms: Iterable[Quantity] = (), within: Inequalities | None = None) -> None:
        self._monomials: _Monomials = _Monomials() if within is None else within._monomials
        self._rows: tuple[Row, ...] = (*(() if within is None else within._rows), *map(self._monomials.row, forms))
        self._found: dict[Quantity, bool] = {}

    def and_(self, *forms: Quantity) -> Inequalities:
        """These, and more forms that are at least 0."""
        return Inequalities(forms, within=self)

    def imply(self, form: Quantity) -> bool:
        """Whether `form`, a whole number, is seen to be at least 0."""
        form = _of_exponents(form)
        if form.is_constant:
            return form.constant >= 0
        found = self._found.get(form)
        if found is None:
            coefficients, constant = self._monomials.row(form)
            found = self._found[form] = self._exclude(({k: -value for k, value in coefficients.items()}, -constant - 1))
        return found

    def equal(self, left: Quantity, right: Quantity) -> bool:
        """Whether two forms are seen to be the same number."""
        difference = left - right
        if difference.is_constant:
            return not difference.terms
        return self.imply(difference) and self.imply(-difference)

    def decide(self, form: Quantity) -> bool:
        """Whether `form` is at least 0. Raises `Undecided` where that does not follow."""
        form = _of_exponents(form)
        if self.imply(form):
            return True
        if self.imply(-form - 1):
            return False
        raise Undecided(form)

    @property
    def are_impossible(self) -> bool:
        """Whether they are seen to contradict one another."""
        return self._exclude(({}, 0))

    def _exclude(self, row: Row) -> bool:
        """Whether no whole numbers are seen to satisfy all and `row` too."""
        rows, reached, pending = [row], set[int](), [*row[0]]
        if not row[0]:
            rows += self._rows
            pending = [k for coefficients, _ in self._rows for k in coefficients]
        waiting = self._rows
        while pending:
            new = {*pending} - reached
            reached |= new
            related = [other for other in waiting if not new.isdisjoint(other[0])]
            waiting = tuple(other for other in waiting if new.isdisjoint(other[0]))
            related += [fact for k in new for fact in self._monomials.facts[k]]
            rows += related
            pending = [k for coefficients, _ in related for k in coefficients if k not in reached]
        return _is_refuted([*rows, *self._of_powers(reached)])

    def _of_powers(self, numbers: Iterable[int]) -> Iterator[Row]:
        """How often a power of two is seen to hold another, or 1, of those with these numbers."""
        found = {k: self._monomials.exponents[k] for k in numbers if k in self._monomials.exponents}
        for k, high in found.items():
            if times := self._doublings(high):
                yield {k: 1}, -(2**times)
        for (k, high), (least, low) in permutations(found.items(), 2):
            if self.imply(high - low):
                yield {k: 1, least: -(2 ** self._doublings(high - low))}, 0

    def _doublings(self, exponent: Quantity) -> int:
        """The largest of a few numbers that an exponent is seen to reach."""
        return next((k for k in range(_MOST_DOUBLINGS) if not self.imply(exponent - k - 1)), _MOST_DOUBLINGS)


def _is_refuted(rows: Iterable[Row]) -> bool:
    """Eliminate one unknown after the other, until a number below 0 is to be at least 0, or nothing is left."""
    least: dict[tuple[tuple[int, int], ...], int] = {}
    for row in rows:
        if not _add(least, *row):
            return True
    while least:
        signs: dict[int, list[int]] = {}
        for key in least:
            for k, value in key:
                signs.setdefault(k, [0, 0])[value > 0] += 1
        chosen = min(signs, key=lambda k: signs[k][0] * signs[k][1] - sum(signs[k]))
        holding = [(dict(key), constant) for key, constant in least.items() if any(k == chosen for k, _ in key)]
        least = {key: constant for key, constant in least.items() if all(k != chosen for k, _ in key)}
        for above, first in holding:
            for below, second in holding if above[chosen] > 0 else ():
                if below[chosen] < 0:
                    share, other = -below[chosen], above[chosen]
                    both = {k: value * share for k, value in above.items()}
                    for k, value in below.items():
                        both[k] = both.get(k, 0) + value * other
                    if not _add(least, both, first * share + second * other):
                        return True
        if len(least) > _MOST_ROWS:
            return False
    return False


def _add(least: dict[tuple[tuple[int, int], ...], int], coefficients: dict[int, int], constant: int) -> bool:
    """Add a row, as tight as whole numbers allow; False where it cannot hold."""
    key = tuple(sorted((k, value) for k, value in coefficients.items() if value))
    if not key:
        return constant >= 0
    common = math.gcd(*(value for _, value in key))
    if common > 1:
        key, constant = tuple((k, value // common) for k, value in key), constant // common
    opposite = least.get(tuple((k, -value) for k, value in key))
    if opposite is not None and opposite + constant < 0:
        return False
    least[key] = min(constant, least.get(key, constant))
    return True
