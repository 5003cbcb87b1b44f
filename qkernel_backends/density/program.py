"""Maps at work: their matrices at given angles, forwards, and backwards with the gradients by the angles."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

from qkernel.lower.circuit import Circuit, Instruction
from qkernel.noise import NoiseModel
from qkernel.threads import current, num_threads, poll, together
from qkernel_backends.density.fuse import Block, Constant, Form, Fusion, Open, Part, Turn
from qkernel_backends.density.transfer import MOST_GROWTH, Array, slopes, weights
from qkernel_backends.memory import available_memory, require_memory
from qkernel_backends.native import pauli_layout as machine
from qkernel_backends.native.cache import machine_code
from qkernel_backends.native.workspace import address, aligned

_DOUBLE = np.dtype(np.float64)
_MOST_BYTES = 1 << 32
"""Of states, those that are kept for a gradient included."""
_AT_ONCE = 1 << 22
"""Bytes of the states of samples that go through all maps together."""
_WHOLE = 1 << 14
"""Words of a state that goes through all maps in one call."""
_WORTH_THREADS = 1 << 18
"""Words that one call moves."""


class Program:
    """The maps of `instructions`, which begin at any state, on arrays of states, shape (samples, words)."""

    def __init__(self, circuit: Circuit, noise: NoiseModel, instructions: Iterable[Instruction]) -> None:
        fusion = Fusion(circuit, noise)
        fusion.run(instructions)
        self.maps, self.forms = fusion.maps, fusion.forms
        widths = [len(entry.qubits) for entry in self.maps if isinstance(entry, Block)]
        self.num_qubits = circuit.num_qubits
        self.digits = max(circuit.num_qubits, 2 + max(widths, default=0))
        self.num_words: int = 4**self.digits
        self.kept = self._kept()
        self._encode()

    def start(self, samples: int) -> Array:
        """The states in which all qubits are 0; what has one letter Z more is as likely as without."""
        needed = 8 * self.num_words * samples
        require_memory(2 * self.num_qubits, 8, needed, " of Pauli words, real ones", samples=samples)
        states = np.zeros((samples, self.num_words))
        states[:, self.of_zs(range(self.num_qubits))] = 1.0
        return states

    def of_zs(self, qubits: Iterable[int]) -> Array:
        """The words of I and Z on some qubits, by the subset as a binary number."""
        places = np.zeros(1, np.int64)
        for qubit in qubits:
            places = np.concatenate([places, places + (2 << 2 * qubit)])
        return places

    def samples_at_once(self, batch: int, states: int) -> int:
        """How many samples are worked on together, of each of which there are so many states."""
        return max(1, min(batch, _AT_ONCE // (8 * states * self.num_words)))

    def _kept(self) -> list[int]:
        """The maps before which a state is kept on the way to a gradient, as undoing them would blur it; ascending."""
        found, blurred = [], 1.0
        for k in reversed(range(len(self.maps))):
            blurred *= self.maps[k].growth
            if blurred > MOST_GROWTH:
                found.append(k)
                blurred = 1.0
        return found[::-1]

    def _encode(self) -> None:
        """See `pauli_vectors` for what stands where."""
        rows, lists, values, moments = [], [], 0, 0
        at = machine.HEADER + machine.WIDTH * len(self.maps)
        kept = set(self.kept)
        for k, entry in enumerate(self.maps):
            if isinstance(entry, Turn):
                word = sum(((entry.x >> q & 1) | (entry.z >> q & 1) << 1) << 2 * q for q in range(self.num_qubits))
                rows.append([machine.TURN, 0, 1, values, 0, moments if entry.is_open else -1, 1, 0, 0, 0, word])
                values, moments = values + 2, moments + entry.is_open
                continue
            size = 4 ** len(entry.qubits)
            free = [q for q in range(self.digits) if q not in entry.qubits][:2]
            offsets = _offsets(entry.qubits), _offsets(free)
            skipped = sorted((*entry.qubits, *free))
            gradient = moments if entry.is_open else -1
            row = [machine.BLOCK, len(entry.qubits), size, values, 0, gradient, k not in kept, at, at + len(skipped)]
            rows.append([*row, free == [0, 1], 0])
            lists += [*skipped, *offsets[0], *offsets[1]]
            at = machine.HEADER + machine.WIDTH * len(self.maps) + len(lists)
            values, moments = values + size * size, moments + size * size * entry.is_open
        header = [self.num_words, 0, moments, *[0] * (machine.HEADER - 3)]
        self._code = np.array([*header, *(number for row in rows for number in row), *lists], np.int64)
        self._places = np.array([row[machine.MATRIX] for row in rows], np.int64)
        self._gradients = [row[machine.GRADIENT] for row in rows]
        self._num_values, self._num_moments = values, moments
        sizes = [(row[machine.DIMENSION], row[machine.GRADIENT] >= 0) for row in rows]
        self._work = max((3 * machine.RUN * size + 8 * size * size * is_open for size, is_open in sizes), default=0)

    @cached_property
    def _threads(self) -> int:
        return num_threads()

    def at(self, angles: Array, backwards: bool = False) -> Call:
        """The maps at angles of shape (samples, slots)."""
        return Call(self, angles, backwards)


@lru_cache(maxsize=1024)
def _offsets_of(qubits: tuple[int, ...]) -> list[int]:
    return [sum((index >> 2 * k & 3) << 2 * q for k, q in enumerate(qubits)) for index in range(4 ** len(qubits))]


def _offsets(qubits: Iterable[int]) -> list[int]:
    """The indices of the words on some qubits, the first least significant."""
    return _offsets_of(tuple(qubits))


class Call:
    """The maps of a program at some angles; a state goes through them in place."""

    def __init__(self, program: Program, angles: Array, backwards: bool) -> None:
        self.program, self.angles = program, angles
        self._factors = [_matrices(form, angles[:, form.slots]) for form in program.forms]
        self._code, self._blocks = program._code.copy(), [self._block(entry) for entry in program.maps]
        self._code[machine.SAMPLES] = len(angles)
        self._matrices = self._laid_out([matrix for matrix, _ in self._blocks])
        self._inverses = self._laid_out([inverse for _, inverse in self._blocks]) if backwards else self._matrices
        self._run = machine_code(_DOUBLE, "pauli_vectors")

    def _laid_out(self, matrices: list[Array]) -> Array:
        """The matrices of all samples one after another, or once for all; `code` says where."""
        total = sum(matrix.size for matrix in matrices)
        values, at = np.empty(total), 0
        for k, matrix in enumerate(matrices):
            row = machine.HEADER + machine.WIDTH * k
            self._code[row + machine.MATRIX] = at
            self._code[row + machine.STRIDE] = matrix[0].size if len(matrix) > 1 else 0
            values[at : at + matrix.size] = matrix.ravel()
            at += matrix.size
        return values

    def _block(self, entry: Block | Turn) -> tuple[Array, Array]:
        """The matrix and its inverse (or anything, where there is none), shape (samples or 1, D, D); of a turn cosine and
        sine."""
        if isinstance(entry, Turn):
            angle = np.full(len(self.angles), entry.angle.offset)
            for slot, factor in entry.angle.terms:
                angle += factor * self.angles[:, slot]
            angle = angle if entry.is_open and np.ptp(angle) else angle[:1]
            found = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
            return found, found
        forwards = [_product([self._factor(factor) for factor in part.factors]) for part in entry.parts]
        back = [_product([self._inverse(factor) for factor in reversed(part.factors)]) for part in entry.parts]
        embedded = [_embedded(matrix, part, entry) for matrix, part in zip(forwards, entry.parts, strict=True)]
        undone = [_embedded(matrix, part, entry) for matrix, part in zip(back, entry.parts, strict=True)]
        return np.ascontiguousarray(_product(embedded)), np.ascontiguousarray(_product(undone[::-1]))

    def _factor(self, factor: Constant | Open) -> Array:
        return factor.matrix[None] if isinstance(factor, Constant) else self._factors[factor.form][:, factor.number]

    def _inverse(self, factor: Constant | Open) -> Array:
        return factor.inverse[None] if isinstance(factor, Constant) else self._factor(factor).transpose(0, 2, 1)

    # At work ------------------------------------------------------------------------------------------------------------

    def forward(self, states: Array, first: int = 0, last: int | None = None) -> None:
        """The maps `first` to `last` (exclusive)."""
        self._sweep(machine.FORWARD, first, len(self.program.maps) if last is None else last, states, states)

    def pulled_back(self, states: Array, costate: Array, read: Callable[[Array], Array]) -> tuple[Array, Array]:
        """What `read` makes of the states behind all maps, and the gradient by the slots of the sum of costate times state.

        `states` are those before the maps, the costate is that behind; both are used up. The gradient: (samples, slots).
        """
        moments = np.zeros((len(states), self.program._num_moments))
        room = min(_MOST_BYTES, available_memory() // 2) // max(states.nbytes, 1) - 3
        found = self._back(0, len(self.program.maps), (states, costate, moments), max(2, room), read)
        assert found is not None
        return found, self._by_slots(moments)

    def _back(
        self, first: int, last: int, arrays: tuple[Array, Array, Array], room: int, read: Callable[[Array], Array]
    ) -> Array | None:
        """The maps `first` to `last` from the states before them; where more than `room` would be kept, some come anew.

        Gives what `read` makes of the states behind all maps, if these end there.
        """
        states, found = arrays[0], None
        places = [k for k in self.program.kept if first <= k < last]
        step = 1 if len(places) <= room else -(-len(places) // max(2, room // 2))
        anchors: list[int] = places[::step]
        held: list[Array] = []
        stretches = list(pairwise((first, *(k for k in anchors if k > first), last)))
        for begin, end in stretches:
            if begin in anchors:
                held.append(states.copy())
            if step == 1 or end != last:
                self.forward(states, begin, end)
        if step == 1 and last == len(self.program.maps):
            found = read(states)
        for begin, end in reversed(stretches):
            if begin not in anchors:
                self._sweep(machine.BACKWARD, begin, end, *arrays)
            elif step == 1:
                self._sweep(machine.BACKWARD, begin + 1, end, *arrays)
                states[...] = held.pop()
                self._sweep(machine.BACKWARD, begin, begin + 1, *arrays)
            else:
                states[...] = held.pop()
                inner = self._back(begin, end, arrays, room - len(held), read)
                found = inner if found is None else found
        return found

    def _sweep(self, mode: int, first: int, last: int, states: Array, costate: Array, moments: Array | None = None) -> None:
        """Maps in one call each, or, of small states, all in one."""
        if self.program.num_words <= _WHOLE and first < last:
            self._together(mode, first, last, states, costate, moments)
            return
        for k in range(first, last) if mode == machine.FORWARD else reversed(range(first, last)):
            poll()
            self._together(mode, k, k + 1, states, costate, moments)

    def _together(self, mode: int, first: int, last: int, states: Array, costate: Array, moments: Array | None) -> None:
        """One call, by as many threads as it is worth."""
        moved = states.size * (last - first)
        parts = self.program._threads if moved > _WORTH_THREADS else 1
        if last - first > 1:
            parts = min(parts, len(states))
        buffers = [moments if moments is None or not part else np.zeros(moments.shape) for part in range(parts)]
        tasks = [
            partial(self._share, self._arrays(states, costate, own), mode, first, last, part, parts)
            for part, own in enumerate(buffers)
        ]
        together(tasks, current())
        for own in buffers[1:] if moments is not None else ():
            moments += own  # type: ignore[operator]

    def _arrays(self, states: Array, costate: Array, moments: Array | None) -> Any:
        work = aligned(max(self.program._work, 8), _DOUBLE)
        given = (states, costate, self._matrices, self._inverses, states if moments is None else moments, work)
        addresses = (ctypes.c_ssize_t * machine.NUM_ARRAYS)(*map(address, given))
        addresses.kept = given  # type: ignore[attr-defined]
        return addresses

    def _share(self, arrays: Any, mode: int, first: int, last: int, part: int, parts: int) -> None:
        result, nothing = ctypes.c_int64(), ctypes.c_int64()
        code = address(self._code)
        places = ctypes.addressof(result), ctypes.addressof(nothing), code, ctypes.addressof(arrays), code
        self._run(*places, mode, first, last, part, parts)

    # Gradients ----------------------------------------------------------------------------------------------------------

    def _by_slots(self, moments: Array) -> Array:
        """From what the costate says of the matrices to the gradient by the angles."""
        samples = len(moments)
        gradient = np.zeros((samples, self.angles.shape[1]))
        of_forms = [np.zeros((samples, *_form_shape(form))) for form in self.program.forms]
        for entry, at in zip(self.program.maps, self.program._gradients, strict=True):
            if at < 0:
                continue
            if isinstance(entry, Turn):
                for slot, factor in entry.angle.terms:
                    gradient[:, slot] += factor * moments[:, at]
                continue
            size = 4 ** len(entry.qubits)
            self._spread(entry, moments[:, at : at + size * size].reshape(samples, size, size), of_forms)
        for form, by_matrix in zip(self.program.forms, of_forms, strict=True):
            angles = self.angles[:, form.slots]
            by_weight = by_matrix.reshape(*by_matrix.shape[:2], -1) @ form.matrices.reshape(len(form.matrices), -1).T
            np.add.at(gradient.T, form.slots, (by_weight * slopes(angles, form.frequencies)).sum(-1).T)
        return gradient

    def _spread(self, entry: Block, by_matrix: Array, of_forms: list[Array]) -> None:
        """The gradient by a block's matrix as those by its factors' matrices."""
        products = [_product([self._factor(factor) for factor in part.factors]) for part in entry.parts]
        embedded = [_embedded(matrix, part, entry) for matrix, part in zip(products, entry.parts, strict=True)]
        for part, by_part in zip(entry.parts, _by_factor(embedded, by_matrix), strict=True):
            if not any(isinstance(factor, Open) for factor in part.factors):
                continue
            inner = _by_factor([self._factor(factor) for factor in part.factors], _contracted(by_part, part, entry))
            for factor, by_own in zip(part.factors, inner, strict=True):
                if isinstance(factor, Open):
                    of_forms[factor.form][:, factor.number] += by_own


def _form_shape(form: Form) -> tuple[int, ...]:
    return len(form.slots), *form.matrices.shape[1:]


def _matrices(form: Form, angles: Array) -> Array:
    """The matrices of all gates of a form, shape (samples, gates, D, D); once where all samples are alike."""
    if len(angles) > 1 and (angles == angles[0]).all():
        angles = angles[:1]
    count, size = len(form.matrices), form.matrices.shape[1]
    flat = weights(angles, form.frequencies) @ form.matrices.reshape(count, -1)
    return flat.reshape(*angles.shape, size, size)


def _product(matrices: list[Array]) -> Array:
    """Of matrices in time order."""
    result = matrices[0]
    for matrix in matrices[1:]:
        result = matrix @ result
    return result


def _by_factor(matrices: list[Array], by_product: Array) -> Iterator[Array]:
    """The gradient by each of the matrices, in time order, of a function whose gradient by their product is given."""
    before: list[Array | None] = [None]
    for matrix in matrices[:-1]:
        before.append(matrix if before[-1] is None else matrix @ before[-1])
    found, left = [], by_product
    for matrix, right in zip(reversed(matrices), reversed(before), strict=True):
        found.append(left if right is None else left @ right.transpose(0, 2, 1))
        left = matrix.transpose(0, 2, 1) @ left
    yield from reversed(found)


def _embedded(matrix: Array, part: Part, block: Block) -> Array:
    """The matrix of a part as one on all qubits of its block."""
    if part.qubits == block.qubits:
        return matrix
    positions = tuple(map(block.qubits.index, part.qubits))
    inside, alike = _embedding(positions, len(block.qubits))
    return np.where(alike, matrix[:, inside[:, None], inside[None, :]], 0.0)


def _contracted(by_matrix: Array, part: Part, block: Block) -> Array:
    """The gradient by a part's matrix from that by what it is on the block's qubits."""
    if part.qubits == block.qubits:
        return by_matrix
    positions, count = tuple(map(block.qubits.index, part.qubits)), len(block.qubits)
    rest = [k for k in range(count) if k not in positions]
    rows = [count - 1 - k for k in reversed(positions)]
    axes = [1 + axis for axis in rows] + [1 + count + axis for axis in rows]
    left = [count - 1 - k for k in reversed(rest)]
    axes += [1 + axis for axis in left] + [1 + count + axis for axis in left]
    size, other = 4 ** len(positions), 4 ** len(rest)
    tensor = by_matrix.reshape(-1, *(4,) * (2 * count)).transpose(0, *axes)
    return np.ascontiguousarray(np.trace(tensor.reshape(-1, size, size, other, other), axis1=3, axis2=4))


@lru_cache(maxsize=256)
def _embedding(positions: tuple[int, ...], count: int) -> tuple[Array, Array]:
    """For each index of a block that of the part, and for which pairs the rest is alike."""
    indices = np.arange(4**count)
    digits = [indices >> 2 * k & 3 for k in range(count)]
    inside = sum((digits[position] << 2 * k for k, position in enumerate(positions)), np.zeros_like(indices))
    rest = sum((digits[k] << 2 * k for k in range(count) if k not in positions), np.zeros_like(indices))
    return inside, rest[:, None] == rest[None, :]
