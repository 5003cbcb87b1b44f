"""What a plan is made of: six operations, with angles that are affine in the columns of theta.

Qubit sets are bit masks. `controls` is the mask of further qubits that must show the bits `value`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qkernel_backends.plan import columns

Array = np.ndarray[Any, Any]


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
    matrix: Array
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


@dataclass(frozen=True, slots=True, eq=False)
class AngleColumns:
    """Affine angles: that of k has `offsets[k]`, and `coefficients` of `columns` from `at[k]` to `at[k + 1]`, which ascend."""

    offsets: Array
    at: Array
    columns: Array
    coefficients: Array

    def __len__(self) -> int:
        return len(self.offsets)

    def varies(self, batched: Collection[int]) -> Array:
        """1 for each angle that depends on some of these columns, else 0."""
        if not batched:
            return np.zeros(len(self), np.int64)
        before = np.concatenate([[0], np.cumsum(np.isin(self.columns, list(batched)))])
        return (before[self.at[1:]] > before[self.at[:-1]]).astype(np.int64)

    @property
    def width(self) -> int:
        """Columns from here on are none of theirs."""
        return int(self.columns.max(initial=-1)) + 1

    def abridged(self, most: int) -> AngleColumns:
        """With the terms of each angle of more than `most` as one column, those of angle k as column `width + k`."""
        counts = np.diff(self.at)
        long = counts > most
        if not long.any():
            return self
        kept = np.repeat(~long, counts)
        counts[long] = 1
        at = np.concatenate([[0], np.cumsum(counts)])
        columns, coefficients = np.empty(at[-1], np.int64), np.ones(at[-1])
        others = np.ones(at[-1], bool)
        others[at[:-1][long]] = False
        columns[others], coefficients[others] = self.columns[kept], self.coefficients[kept]
        columns[~others] = self.width + np.flatnonzero(long)
        return AngleColumns(self.offsets, at, columns, coefficients)

    def written_out(self, first: Array, columns: Array, coefficients: Array) -> tuple[Array, Array, Array]:
        """Where the terms of each sum of `abridged` angles begin, their columns and coefficients, with the columns of these."""
        long, angle = columns >= self.width, np.maximum(columns - self.width, 0)
        counts = np.where(long, np.diff(self.at)[angle], 1)
        ends = np.cumsum(counts)
        begins = np.where(long, self.at[angle], len(self.columns) + np.arange(len(columns)))
        places = np.arange(ends[-1]) + np.repeat(begins - ends + counts, counts)
        return (
            np.concatenate([[0], ends])[first],
            np.concatenate([self.columns, columns])[places],
            np.concatenate([self.coefficients, np.ones(len(columns))])[places] * np.repeat(coefficients, counts),
        )

    def one(self, k: int) -> Affine:
        """An angle."""
        first, last = self.at[k : k + 2].tolist()
        terms = zip(self.columns[first:last].tolist(), self.coefficients[first:last].tolist(), strict=True)
        return Affine(float(self.offsets[k]), tuple(terms))

    def each(self) -> list[Affine]:
        """The angles one by one."""
        terms, at = list(zip(self.columns.tolist(), self.coefficients.tolist(), strict=True)), self.at.tolist()
        return [Affine(offset, tuple(terms[at[k] : at[k + 1]])) for k, offset in enumerate(self.offsets.tolist())]


@dataclass(frozen=True, slots=True, eq=False)
class OperationColumns:
    """Operations: `what` and `angles` of k stand from `at[k]` to `at[k + 1]`.

    A rotation has axes there, and the angles of its factors; phases have masks, a rotation about a Pauli word and what loads a
    state their angles alone. `x` is the mask of what is moved, for a Pauli word of its X part, and `z` that of its Z part.
    `origin` is the number of a matrix, or of what is loaded, among `parts`.
    """

    kind: Array
    x: Array
    z: Array
    controls: Array
    value: Array
    origin: Array
    at: Array
    what: Array
    angles: Array
    parts: tuple[tuple[tuple[int, ...], Array | None], ...]

    def __len__(self) -> int:
        return len(self.kind)

    def each(self, angles: AngleColumns) -> list[Operation]:
        """The operations one by one."""
        affine = angles.each()
        entries = [(what, affine[angle]) for what, angle in zip(self.what.tolist(), self.angles.tolist(), strict=True)]
        at, found = self.at.tolist(), np.stack([self.kind, self.x, self.z, self.controls, self.value, self.origin], -1)
        return [self._operation(row, entries[at[k] : at[k + 1]]) for k, row in enumerate(found.tolist())]

    def _operation(self, row: list[int], entries: list[tuple[int, Affine]]) -> Operation:
        kind, x, z, controls, value, origin = row
        match kind:
            case columns.ROTATION:
                return Rotation(x.bit_length() - 1, tuple(entries), controls, value)
            case columns.PHASES:
                return Phases(dict(entries))
            case columns.FLIP:
                return Flip(x.bit_length() - 1, controls, value)
            case columns.PAULI:
                return PauliRotation(x, z, entries[0][1], controls, value)
        qubits, matrix = self.parts[origin]
        if matrix is None:
            return Load(qubits, tuple(amplitude for _, amplitude in entries))
        return Dense(qubits, matrix, controls, value)


def commute(first: Operation, second: Operation) -> bool:
    """Whether disjointness, or being diagonal on what is shared, shows that the two commute."""
    return not (first.moved & (second.moved | second.read) or second.moved & (first.moved | first.read))
