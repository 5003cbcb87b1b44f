"""Histories of measured bits side by side, as rows of one array of states; and what was done with them, for the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from qkernel.noise import Channel
from qkernel.tallies import groups_of_rows

Array = np.ndarray[Any, Any]
Back = Callable[..., Sequence[Array]]
"""From pairs of state and co-state (rows, 4, 2**n), of rows after a step, to those of the rows before it."""

Factor = tuple[Array, Array | None, Array | None]
"""Rows that were merged, shape (groups, size); for more than one state each, U and which columns of it count."""

NEGLIGIBLE = {4: 1e-12, 8: 1e-20}
"""By the bytes of a real number: outcomes of a smaller probability are rounding errors."""

MOST_MERGED = 256
"""Amplitudes of states that are merged: beyond, it takes longer than to go on with all of them."""

_numbers = count()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Histories: states (rows, 2, 2**n) of real and imaginary parts, bits (rows, bits), integers (rows, integers), and for
    each row its sample, how many shots took it, and the iterations of loops so far. Without shots the squared norm is the
    probability. `number` tells rows apart on a tape."""

    states: Array
    bits: Array
    integers: Array
    sample: Array
    shots: Array
    iterations: Array
    number: int = field(default_factory=partial(next, _numbers), kw_only=True)

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def arrays(self) -> tuple[Array, ...]:
        return self.states, self.bits, self.integers, self.sample, self.shots, self.iterations

    def take(self, chosen: Any) -> Rows:
        return Rows(*(array[chosen] for array in self.arrays))


def _collapsed_alike(rows: Rows, qubit: int, bit: int | None, outcome: int) -> Rows:
    halves = rows.states.reshape(len(rows), 2, -1, 2, 1 << qubit)
    if bit is not None:
        rows.bits[:, bit] = outcome
    elif outcome:
        halves[:, :, :, 0] = halves[:, :, :, 1]
    halves[:, :, :, 1 - outcome if bit is not None else 1] = 0
    return rows


class Tape:
    """What became of rows, step by step."""

    def __init__(self, amplitudes: int, real: np.dtype[Any]) -> None:
        self._entries: list[tuple[list[int], list[int], Back]] = []
        self._nothing = np.zeros((0, 4, amplitudes), real)

    def note(self, before: Sequence[Rows], after: Sequence[Rows], back: Back) -> None:
        """That `after` were made of `before`."""
        self._entries.append(([rows.number for rows in before], [rows.number for rows in after], back))

    def rewind(self, pairs: dict[int, Array]) -> None:
        """Go back from the pairs of state and co-state of the rows that were left."""
        while self._entries:
            before, after, back = self._entries.pop()
            pairs.update(zip(before, back(*(pairs.pop(number, self._nothing) for number in after)), strict=True))


def joined(parts: list[Rows], tape: Tape | None = None) -> Rows:
    """All rows of the parts."""
    if len(parts) == 1:
        return parts[0]
    rows = Rows(*map(np.concatenate, zip(*(part.arrays for part in parts), strict=True)))
    if tape is not None:
        ends = np.cumsum([len(part) for part in parts])[:-1]
        tape.note(parts, [rows], lambda pairs: np.split(pairs, ends))
    return rows


def parted(rows: Rows, held: Array, tape: Tape | None = None) -> tuple[Rows, Rows]:
    """The rows that `held` says, and the others."""
    parts = rows.take(held), rows.take(~held)
    if tape is not None:

        def back(first: Array, second: Array) -> list[Array]:
            pairs = np.empty((len(held), *first.shape[1:]), first.dtype)
            pairs[held], pairs[~held] = first, second
            return [pairs]

        tape.note([rows], parts, back)
    return parts


def collapsed(rows: Rows, qubit: int, bit: int | None, kept: Array, shots: Array, tape: Tape | None) -> Rows:
    """Each row once for each outcome that is `kept`, shape (2, rows), measured into `bit`, or reset if that is None.

    Rows all of which have the same outcome are changed themselves, unless a tape is kept.
    """
    for outcome in (0, 1):
        if tape is None and kept[outcome].all() and not kept[1 - outcome].any():
            return _collapsed_alike(rows, qubit, bit, outcome)
    halves = rows.states.reshape(len(rows), 2, -1, 2, 1 << qubit)
    counts = kept.sum(1).tolist()
    states = np.zeros((sum(counts), *halves.shape[1:]), rows.states.dtype)
    places = [(slice(0, counts[0]), 0), (slice(counts[0], None), 0 if bit is None else 1)]
    parts = []
    for outcome, (mask, (place, side)) in enumerate(zip(kept, places, strict=True)):
        chosen: Any = slice(None) if mask.all() else mask
        states[place, :, :, side] = halves[chosen, :, :, outcome]
        bits = rows.bits[mask]
        if bit is not None:
            bits[:, bit] = outcome
        parts.append((bits, rows.integers[chosen], rows.sample[chosen], shots[outcome][chosen], rows.iterations[chosen]))
    after = Rows(states.reshape(sum(counts), *rows.states.shape[1:]), *map(np.concatenate, zip(*parts, strict=True)))
    if tape is not None:

        def back(pairs: Array) -> list[Array]:
            split = pairs.reshape(len(pairs), 4, -1, 2, 1 << qubit)
            before = np.zeros((len(kept[0]), *split.shape[1:]), pairs.dtype)
            for outcome, (mask, (place, side)) in enumerate(zip(kept, places, strict=True)):
                before[mask, :, :, outcome] = split[place, :, :, side]
            return [before.reshape(len(before), *pairs.shape[1:])]

        tape.note([rows], [after], back)
    return after


def merged(rows: Rows, live: tuple[list[int], list[int]], tape: Tape | None) -> Rows:
    """Fewer rows with the same future, where more than a state has amplitudes agree in all that is still read.

    `live` are the bits and the integers that are. A mixture of states is one of as many as its rank: for rows M = U S V, those
    of S V. As M = U (S V), U takes states and co-states back.
    """
    amplitudes = rows.states.shape[2]
    if not amplitudes < len(rows) or amplitudes > MOST_MERGED:
        return rows
    told_apart = np.column_stack([rows.sample, rows.bits[:, live[0]], rows.integers[:, live[1]]]).astype(np.int64)
    order, starts = groups_of_rows(told_apart)
    sizes = np.diff(starts, append=len(rows))
    if not (sizes > amplitudes).any():
        return rows
    first: list[Array] = []
    states: list[Array] = []
    factors: list[Factor] = []
    for size in np.unique(sizes).tolist():
        groups = order[starts[sizes == size][:, None] + np.arange(size)]  # (groups, size)
        if size <= amplitudes:
            first.append(groups.ravel())
            states.append(rows.states[groups.ravel()])
            factors.append((groups, None, None))
            continue
        matrices = _complex(rows.states[groups])
        left, values, right = np.linalg.svd(matrices, full_matrices=False)
        kept = np.square(values) > NEGLIGIBLE[rows.states.dtype.itemsize]
        right *= values[..., None]
        first.append(np.broadcast_to(groups[:, :1], kept.shape)[kept])
        states.append(_parts(right[kept], rows.states.dtype))
        factors.append((groups, left, kept))
    places = np.concatenate(first)
    after = Rows(np.concatenate(states), *(array[places] for array in rows.arrays[1:]))
    if tape is not None:
        tape.note([rows], [after], lambda pairs: [_unmerged(pairs, factors, len(rows))])
    return after


def _unmerged(pairs: Array, factors: list[Factor], count: int) -> Array:
    """The pairs of the rows that were merged."""
    before, begin = np.empty((count, *pairs.shape[1:]), pairs.dtype), 0
    for groups, left, kept in factors:
        if left is None or kept is None:
            end = begin + groups.size
            before[groups.ravel()] = pairs[begin:end]
        else:
            end = begin + int(kept.sum())
            for parts in (slice(0, 2), slice(2, 4)):
                right = np.zeros((*kept.shape, pairs.shape[2]), left.dtype)
                right[kept] = _complex(pairs[begin:end, parts])
                before[groups.ravel(), parts] = _parts((left @ right).reshape(groups.size, -1), pairs.dtype)
        begin = end
    return before


def _complex(states: Array) -> Array:
    """Amplitudes of shape (..., 2**n) of their real and imaginary parts, shape (..., 2, 2**n)."""
    amplitudes: Array = states[..., 0, :] + 1j * states[..., 1, :]
    return amplitudes


def _parts(amplitudes: Array, real: np.dtype[Any]) -> Array:
    """The real and imaginary parts."""
    return np.stack([amplitudes.real, amplitudes.imag], axis=-2).astype(real, copy=False)


def kraus_weights(channel: Channel, qubits: tuple[int, ...], states: Array) -> Array:
    """The probability of each Kraus operator in each row, shape (rows, operators)."""
    if channel.weights is not None:
        return np.tile(channel.weights, (len(states), 1))
    amplitudes = _of_qubits(states, qubits)
    reduced = amplitudes @ amplitudes.conj().transpose(0, 2, 1)
    weights = [np.einsum("ab,rba->r", matrix.conj().T @ matrix, reduced).real for matrix in channel.kraus]
    found: Array = np.maximum(np.stack(weights, axis=1), 0.0)
    return found


def _split(count: int, qubits: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """A shape of states of `count` qubits behind the axis of rows with an axis for each of some qubits, and their axes."""
    shape, axes, above = [-1], {}, count
    for qubit in sorted(qubits, reverse=True):
        shape += [1 << above - qubit - 1, 2]
        axes[qubit], above = len(shape) - 1, qubit
    return [*shape, 1 << above], [axes[qubit] for qubit in reversed(qubits)]


def _of_qubits(states: Array, qubits: tuple[int, ...]) -> Array:
    """Amplitudes (rows, 2**k, others) of states (rows, 2, 2**n), by the value of some qubits, the first least significant."""
    shape, axes = _split(states.shape[2].bit_length() - 1, qubits)
    amplitudes = np.moveaxis((states[:, 0] + 1j * states[:, 1]).reshape(shape), axes, range(1, 1 + len(axes)))
    result: Array = amplitudes.reshape(len(states), 1 << len(qubits), -1)
    return result


def through(matrix: Array, qubits: tuple[int, ...], states: Array, factors: Array) -> Array:
    """Rows of states behind a matrix on some qubits, each times its factor."""
    shape, axes = _split(states.shape[2].bit_length() - 1, qubits)
    amplitudes = _of_qubits(states, qubits)
    moved = np.zeros_like(amplitudes)
    for row, column in zip(*np.nonzero(matrix), strict=True):  # few: no call of a library that would start threads
        moved[:, row] += complex(matrix[row, column]) * amplitudes[:, column]
    others = [size for axis, size in enumerate(shape) if axis not in axes]
    tensor = moved.reshape(-1, *(2,) * len(axes), *others[1:])
    back = np.moveaxis(tensor, range(1, 1 + len(axes)), axes).reshape(len(states), -1)
    back = back * factors[:, None].astype(states.dtype)
    return np.stack([back.real, back.imag], axis=1)
