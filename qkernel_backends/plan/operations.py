"""What a plan is made of: six operations, with angles that are affine in the columns of theta.

Qubit sets are bit masks. `controls` is the mask of further qubits that must show the bits `value`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

X, Y, Z = 0, 1, 2


class Affine(NamedTuple):
    """`offset` plus a sum of coefficient times column of theta; columns ascend."""

    offset: float
    terms: tuple[tuple[int, float], ...] = ()

    def __add__(self, other: Affine) -> Affine:  # type: ignore[override]
        if not other.terms or not self.terms:
            return Affine(self.offset + other.offset, self.terms or other.terms)
        sums = dict(self.terms)
        for column, coefficient in other.terms:
            sums[column] = sums.get(column, 0.0) + coefficient
        return Affine(self.offset + other.offset, tuple(sorted((c, v) for c, v in sums.items() if v)))

    def scaled(self, factor: float) -> Affine:
        if len(self.terms) == 1:
            ((column, coefficient),) = self.terms
            return Affine(self.offset * factor, ((column, coefficient * factor),))
        return Affine(self.offset * factor, tuple([(column, coefficient * factor) for column, coefficient in self.terms]))


ZERO = Affine(0.0)


class Rotation(NamedTuple):
    """exp(-i h P) for each (P, h) of `factors` in time order, P of X, Y, Z on `qubit`: h is half the angle."""

    qubit: int
    factors: tuple[tuple[int, Affine], ...]
    controls: int = 0
    value: int = 0

    @property
    def moved(self) -> int:
        return 1 << self.qubit

    @property
    def read(self) -> int:
        return self.controls


@dataclass(frozen=True, slots=True)
class Phases:
    """exp(i sum_m h_m (-1)^|x & m|) on the amplitude of x, for each mask m."""

    terms: dict[int, Affine]
    moved: int = 0

    @property
    def read(self) -> int:
        mask = 0
        for term in self.terms:
            mask |= term
        return mask


class Flip(NamedTuple):
    """X on `qubit`."""

    qubit: int
    controls: int = 0
    value: int = 0

    @property
    def moved(self) -> int:
        return 1 << self.qubit

    @property
    def read(self) -> int:
        return self.controls


class PauliRotation(NamedTuple):
    """exp(-i h P), P being X on `x`, Z on `z`, Y where both: h is half the angle."""

    x: int
    z: int
    half: Affine
    controls: int = 0
    value: int = 0

    @property
    def moved(self) -> int:
        return self.x | self.z

    @property
    def read(self) -> int:
        return self.controls


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A constant matrix on `qubits`, the first of them least significant."""

    qubits: tuple[int, ...]
    matrix: np.ndarray[Any, Any]
    controls: int = 0
    value: int = 0

    @property
    def moved(self) -> int:
        return sum(1 << qubit for qubit in self.qubits)

    @property
    def read(self) -> int:
        return self.controls


@dataclass(frozen=True, slots=True)
class Load:
    """`qubits`, the first of them least significant, from |0> into the state of these `amplitudes`.

    These are real, or real and imaginary parts in turn, and then twice as many.
    """

    qubits: tuple[int, ...]
    amplitudes: tuple[Affine, ...]
    read: int = 0

    @property
    def is_complex(self) -> bool:
        return len(self.amplitudes) >> len(self.qubits) > 1

    @property
    def moved(self) -> int:
        return sum(1 << qubit for qubit in self.qubits)


@dataclass(frozen=True, slots=True)
class Product:
    """The start: each rotation applied to its qubit in |0>, the other qubits left there."""

    rotations: tuple[Rotation, ...]


Operation = Rotation | Phases | Flip | PauliRotation | Dense | Load


def commute(first: Operation, second: Operation) -> bool:
    """Whether disjointness, or being diagonal on what is shared, shows that the two commute."""
    return not (first.moved & (second.moved | second.read) or second.moved & (first.moved | first.read))
