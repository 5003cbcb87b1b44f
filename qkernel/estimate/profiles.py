"""How high the qubits of a register stand, as a function of their index that is affine on each of a few stretches."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from qkernel.estimate.forms import power
from qkernel.estimate.inequalities import Inequalities
from qkernel.estimate.quantity import ONE, ZERO, Quantity, quantity


@dataclass(frozen=True)
class Piece:
    """The qubits from `start` to before `stop`: qubit x is at the level `base` + `slope` * x."""

    start: Quantity
    stop: Quantity
    base: Quantity
    slope: int = 0

    def at(self, x: Quantity) -> Quantity:
        """The level of qubit x."""
        return self.base + x * self.slope if self.slope else self.base

    @cached_property
    def is_single(self) -> bool:
        """Whether it is visibly one qubit."""
        return self.stop - self.start == ONE

    def turned(self, slope: int) -> Piece:
        """The same on its first qubit, with another slope."""
        if slope == self.slope:
            return self
        return Piece(self.start, self.stop, self.at(self.start) - self.start * slope, slope)


Profile = list[Piece]


def flat(length: Quantity, known: Inequalities) -> Profile:
    """All qubits of a register at level 0."""
    return [Piece(ZERO, length, ZERO)] if known.decide(length - 1) else []


def level(profile: Profile, x: Quantity, known: Inequalities) -> Quantity:
    """The level of qubit x."""
    for piece in profile[:-1]:
        if known.decide(piece.stop - 1 - x):
            return piece.at(x)
    return profile[-1].at(x)


def within(profile: Profile, start: Quantity, stop: Quantity, known: Inequalities) -> list[Piece]:
    """The pieces from `start` to before `stop`, which begin and end there from now on."""
    first = _cut(profile, start, known)
    return profile[first : _cut(profile, stop, known, first)]


def put(profile: Profile, start: Quantity, stop: Quantity, base: Quantity, known: Inequalities) -> None:
    """Bring the qubits from `start` to before `stop` to the level `base`."""
    first = _cut(profile, start, known)
    profile[first : _cut(profile, stop, known, first)] = [Piece(start, stop, base)]


def lift(profile: Profile, start: Quantity, stop: Quantity, levels: Quantity, known: Inequalities) -> None:
    """Raise the qubits from `start` to before `stop`."""
    first = _cut(profile, start, known)
    last = _cut(profile, stop, known, first)
    for k in range(first, last):
        piece = profile[k]
        profile[k] = Piece(piece.start, piece.stop, piece.base + levels, piece.slope)


def _cut(profile: Profile, x: Quantity, known: Inequalities, first: int = 0) -> int:
    """Where in the profile the piece stands that begins at qubit x, from now on."""
    for k in range(first, len(profile)):
        piece = profile[k]
        if piece.start == x:
            return k
        if piece.stop != x and not known.decide(x - piece.stop):
            if known.imply(piece.start - x):
                return k
            if known.decide(x - piece.start - 1):
                cuts = Piece(piece.start, x, piece.base, piece.slope), Piece(x, piece.stop, piece.base, piece.slope)
                profile[k : k + 1] = cuts
                return k + 1
            return k
    return len(profile)


def joined(profile: Sequence[Piece], known: Inequalities) -> Profile:
    """The profile with neighbours in one piece where they are seen to lie on one line, which through two qubits is none yet."""
    result: Profile = []
    for piece, following in zip(profile, (*profile[1:], None), strict=False):
        line = _joint(result[-1], piece, known) if result else None
        if line is not None and piece.is_single and result[-1].is_single:
            line = line if following is not None and _joint(line, following, known) else None
        if line is None:
            result.append(piece)
        else:
            result[-1] = line
    return result


def _joint(left: Piece, right: Piece, known: Inequalities) -> Piece | None:
    """Two neighbours as one piece, if they lie on one line."""
    line = _line(left, right, known)
    return None if line is None else Piece(left.start, right.stop, line.base, line.slope)


def _line(left: Piece, right: Piece, known: Inequalities) -> Piece | None:
    """The line that two neighbours lie on, if they do."""
    if left.is_single:
        if not right.is_single:
            left = left.turned(right.slope)
        else:
            rise = right.at(right.start) - left.at(left.start)
            if not rise.is_constant or not isinstance(rise.constant, int):
                return None
            return left.turned(rise.constant)
    elif right.is_single:
        right = right.turned(left.slope)
    return left if left.slope == right.slope and known.equal(left.base, right.base) else None


def extended(past: Sequence[Piece], steps: Quantity) -> Piece | None:
    """What a piece is in `steps` steps, if it goes on as it went in the `past`; see `continued`."""
    slope = next((piece.slope for piece in reversed(past) if not piece.is_single), past[-1].slope)
    if any(piece.slope != slope and not piece.is_single for piece in past):
        return None
    past = [piece.turned(slope) for piece in past]
    return Piece(
        continued([piece.start for piece in past], steps),
        continued([piece.stop for piece in past], steps),
        continued([piece.base for piece in past], steps),
        slope,
    )


def continued(past: Sequence[Quantity], steps: Quantity) -> Quantity:
    """What a number is in `steps` steps: straight on from two, a parabola from three, and from four what doubles its rise."""
    *earlier, before, after = past
    if before == after and not earlier:
        return after
    rise = after - before
    if doubles(past):
        return after + 2 * rise * (power(quantity(2), steps) - 1)
    earlier = earlier[-1:]
    result = after + rise * steps
    for first in earlier:
        bend = rise - (before - first)
        result = result + bend * steps * (steps + 1) / 2 if bend.terms else result
    return result


def doubles(past: Sequence[Quantity]) -> bool:
    """Whether of four numbers each is as much more than that before it as that is from the one before, twice."""
    rises = [after - before for before, after in itertools.pairwise(past)]
    return len(rises) == 3 and bool(rises[0].terms) and rises[1] == 2 * rises[0] and rises[2] == 2 * rises[1]


def without_empty(profile: Sequence[Piece], known: Inequalities) -> Profile:
    """The pieces that have qubits."""
    return [piece for piece in profile if known.decide(piece.stop - piece.start - 1)]


def are_equal(left: Sequence[Piece], right: Sequence[Piece], known: Inequalities) -> bool:
    """Whether two profiles of one register, without empty pieces, are seen to have all qubits at the same levels."""
    left, right = [*left], [*right]
    while left and right:
        one, other = left[0], right[0]
        if known.imply(other.stop - one.stop):
            stop = one.stop
        elif known.imply(one.stop - other.stop):
            stop = other.stop
        else:
            return False
        if not known.equal(one.at(one.start), other.at(one.start)):
            return False
        if one.slope != other.slope and not known.equal(stop, one.start + 1):
            return False
        for pieces in (left, right):
            first = pieces.pop(0)
            if not known.equal(first.stop, stop):
                pieces.insert(0, Piece(stop, first.stop, first.base, first.slope))
    return not left and not right
