"""What the steps of a circuit take from its angles, all of a kind computed together: rotations and phases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qkernel_backends.plan.columns import X, Y, Z
from qkernel_backends.plan.operations import ZERO, Affine, Load, Phases
from qkernel_backends.torch.schedule import Block, Factors

Array = np.ndarray[Any, Any]
Columns = Mapping[int, tuple[bool, int]]
"""For each column of theta whether it comes per sample, and its place among the columns of its kind."""

_LARGEST_SIGNS = 1 << 21
_HADAMARD_BITS = 6
# V of P = V Z V^+ for X, Y and Z.
_BASES = {X: np.array([[1, 1], [1, -1]]) / np.sqrt(2), Y: np.array([[1, 1], [1j, -1j]]) / np.sqrt(2), Z: np.eye(2)}


class Place:
    """A device and a precision, and arrays as tensors there; angles are in double precision until whole turns are off."""

    def __init__(self, device: torch.device, real: torch.dtype) -> None:
        self.device, self.real = device, real
        self.wide = real if device.type == "mps" else torch.float64  # which has no other
        self.dtypes = {"i": torch.int64, "f": real, "c": torch.complex64 if real is torch.float32 else torch.complex128}

    def __call__(self, array: Any) -> Tensor:
        """The array as a tensor; whole numbers stay whole."""
        array = np.asarray(array)
        return torch.tensor(array, device=self.device, dtype=self.dtypes[array.dtype.kind])

    def angles(self, array: Any) -> Tensor:
        """Angles, or what makes them, as a tensor."""
        return torch.tensor(np.asarray(array), device=self.device, dtype=self.wide)


class Angles:
    """Angles that are affine in columns of theta."""

    def __init__(self, angles: Sequence[Affine], columns: Columns, place: Place) -> None:
        counts = [sum(batched is kind for batched, _ in columns.values()) for kind in (False, True)]
        matrices = [np.zeros((count, len(angles))) for count in counts]
        for k, angle in enumerate(angles):
            for column, coefficient in angle.terms:
                batched, at = columns[column]
                matrices[batched][at, k] += coefficient
        self.offsets, self.by_weight = place.angles([angle.offset for angle in angles]), place.angles(matrices[False])
        self.by_input = place.angles(matrices[True]) if matrices[True].any() else None
        self.real = place.real

    def __call__(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The angles without whole turns, shape (batch or 1, angles), of `inputs` (batch, ...) and `weights` (1, ...)."""
        return torch.remainder(self.sums(inputs, weights), 2 * math.pi).to(self.real)

    def sums(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The numbers themselves."""
        numbers = torch.addmm(self.offsets, weights, self.by_weight)
        return numbers if self.by_input is None else torch.addmm(numbers, inputs, self.by_input)


class Vectors:
    """Vectors of so many amplitudes, or parts of them, computed together."""

    def __init__(self, loads: Sequence[Load], columns: Columns, place: Place) -> None:
        self.count = len(loads)
        self.amplitudes = Angles([amplitude for load in loads for amplitude in load.amplitudes], columns, place)

    def __call__(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """Shape (vectors, batch or 1, amplitudes)."""
        numbers = self.amplitudes.sums(inputs, weights).to(self.amplitudes.real)
        return numbers.reshape(len(numbers), self.count, -1).transpose(0, 1)


class Blocks:
    """Kronecker products of rotations, computed together: transposed, so that a state is a row before them.

    With P = V Z V^+, exp(-i h P) is exp(-i h Z) between two constants. So a block is rounds of phases, one for each
    rotation of its qubits that has an angle to be given, and constant matrices between them.
    """

    def __init__(self, blocks: Sequence[Block], from_zero: bool, columns: Columns, place: Place) -> None:
        pulled = [[_pulled_apart(factors) for factors in block] for block in blocks]
        self.rounds = max((len(angles) for block in pulled for _, angles in block), default=0)
        self.count, self.width = len(blocks), len(blocks[0])
        between = [
            np.array([_transposed_product([gaps[k] if k < len(gaps) else np.eye(2) for gaps, _ in block]) for block in pulled])
            for k in range(self.rounds + 1)
        ]
        self.first = place(between[0][:, :1] if from_zero else between[0])
        self.between = [None if (one == np.eye(1 << self.width)).all() else place(one) for one in between[1:]]
        # A block's angles of one round, and then 1, for what the imaginary part is moved by.
        self.angles = Angles(
            [
                angle
                for k in range(self.rounds)
                for block in pulled
                for angle in (*(angles[k] if k < len(angles) else ZERO for _, angles in block), Affine(1.0))
            ],
            columns,
            place,
        )
        signs = np.zeros((self.width + 1, 1 << self.width, 2))
        signs[:-1] = -parity_signs([1 << k for k in range(self.width)], self.width).T[..., None]
        signs[-1, :, 1] = -np.pi / 2
        self.signs = place(signs.reshape(self.width + 1, -1))
        self.spread = not from_zero and self.angles.by_input is not None

    def __call__(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The transposed matrices, shape (blocks, rows, 2**width), with an axis for the batch before rows if it is needed.

        From |0>, rows are samples, or one row for all of them.
        """
        product = self.first
        if not self.rounds:
            return product
        angles = self.angles(inputs, weights).reshape(-1, self.width + 1)
        phases = torch.view_as_complex(angles.mm(self.signs).cos().reshape(-1, self.rounds, self.count, 1 << self.width, 2))
        for phase, mixing in zip(phases.permute(1, 2, 0, 3).unbind(0), self.between, strict=True):
            if self.spread:
                rows = product.reshape(self.count, -1, 1 << self.width, 1 << self.width)
                product = (rows * phase.unsqueeze(2)).flatten(1, 2)
            else:
                product = product * phase
            product = product if mixing is None else product.bmm(mixing)
        return product.reshape(self.count, -1, 1 << self.width, 1 << self.width) if self.spread else product


class PhaseTables:
    """The diagonals of many steps, computed together."""

    def __init__(self, steps: Sequence[Phases], num_qubits: int, columns: Columns, place: Place) -> None:
        moving = [{mask: angle for mask, angle in step.terms.items() if angle.terms} for step in steps]
        masks = sorted(set().union(*moving))
        self.angles = Angles([terms.get(mask, ZERO) for terms in moving for mask in masks], columns, place)
        self.parities = Parities(masks, num_qubits, place)
        self.fixed = place([fixed_angles(step, num_qubits) for step in steps])

    def __call__(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """Shape (steps, batch or 1, 2**n)."""
        sums = self.parities.spread(self.angles(inputs, weights).reshape(-1, self.parities.count))
        angles = sums.reshape(-1, *self.fixed.shape) + self.fixed
        return torch.complex(angles.cos(), angles.sin()).transpose(0, 1)


class Parities:
    """The signs (-1)^|k & mask| of the amplitudes k, by a matrix, or by Walsh-Hadamard transforms where that is large."""

    def __init__(self, masks: Sequence[int], num_qubits: int, place: Place) -> None:
        self.num_qubits, self.count = num_qubits, len(masks)
        self.masks = place(np.array(masks))
        self.signs = place(parity_signs(masks, num_qubits)) if few_signs(self.count, num_qubits) else None
        stretches = [(low, min(_HADAMARD_BITS, num_qubits - low)) for low in range(0, num_qubits, _HADAMARD_BITS)]
        self.hadamards = [(place(parity_signs(range(1 << bits), bits)), low, bits) for low, bits in stretches]

    def spread(self, terms: Tensor) -> Tensor:
        """The sums of the terms of each mask with their signs, shape (rows, 2**n)."""
        if self.signs is not None:
            return terms.mm(self.signs.mT)
        return self._transformed(terms.new_zeros(len(terms), 1 << self.num_qubits).index_add(1, self.masks, terms))

    def collected(self, table: Tensor) -> Tensor:
        """The sums over tables with the signs of each mask, shape (rows, masks)."""
        return table.mm(self.signs) if self.signs is not None else self._transformed(table).index_select(1, self.masks)

    def _transformed(self, table: Tensor) -> Tensor:
        for hadamard, low, bits in self.hadamards:
            table = on_bits(hadamard, table, low, bits)
        return table


def fixed_angles(step: Phases, num_qubits: int) -> Array:
    """What the terms without columns add to the angles of the amplitudes, shape (2**n,)."""
    fixed = {mask: angle.offset for mask, angle in step.terms.items() if not angle.terms}
    return parity_sums(list(fixed), np.array(list(fixed.values()))[:, None], num_qubits)[:, 0]


def few_signs(count: int, num_qubits: int) -> bool:
    """Whether so many masks are better summed by a matrix than by transforms."""
    return count << num_qubits <= _LARGEST_SIGNS


def parity_signs(masks: Sequence[int], num_qubits: int) -> Array:
    """(-1)^|k & mask|, shape (2**num_qubits, masks)."""
    return np.asarray(1.0 - 2.0 * (np.bitwise_count(np.arange(1 << num_qubits)[:, None] & np.array(masks, int)[None, :]) & 1))


def parity_sums(masks: Sequence[int], coefficients: Array, num_qubits: int) -> Array:
    """The sums of coefficients, shape (masks, columns), with the signs (-1)^|k & mask|, shape (2**num_qubits, columns)."""
    sums = np.zeros((1 << num_qubits, coefficients.shape[1]))
    np.add.at(sums, masks, coefficients)
    for bit in range(num_qubits):
        low, high = sums.reshape(-1, 2, 1 << bit, sums.shape[1]).swapaxes(0, 1)  # views: Walsh-Hadamard in place
        low += high
        high *= -2
        high += low
    return sums


def on_bits(matrix: Tensor, state: Tensor, low: int, bits: int) -> Tensor:
    """The transpose of `matrix`, shape (batch if not shared, 2**bits, 2**bits), on bits of each state's index from `low` on."""
    batch, size = state.shape
    rest, width = size >> bits + low, 1 << bits
    if matrix.dim() == 2:
        if low:
            return torch.matmul(matrix.mT, state.reshape(batch * rest, width, 1 << low)).reshape(batch, size)
        return state.reshape(batch * rest, width).mm(matrix).reshape(batch, size)
    if low:
        return torch.matmul(matrix.mT.unsqueeze(1), state.reshape(batch, rest, width, 1 << low)).flatten(1)
    return torch.matmul(state.reshape(batch, rest, width), matrix).flatten(1)


def _pulled_apart(factors: Factors) -> tuple[list[Array], list[Affine]]:
    """A qubit's rotations as angles of rotations about Z and the constant matrices before, between and after them."""
    gaps: list[Array] = [np.eye(2)]
    angles = []
    for axis, half in factors:
        basis = _BASES[axis]
        gaps[-1] = basis.conj().T @ gaps[-1]
        if half.terms:
            angles.append(half)
            gaps.append(basis)
        else:
            gaps[-1] = basis @ np.diag(np.exp([-1j * half.offset, 1j * half.offset])) @ gaps[-1]
    return gaps, angles


def _transposed_product(matrices: Sequence[Array]) -> Array:
    """The transposed Kronecker product of complex matrices, that of the lowest qubit first."""
    return reduce(lambda low, high: np.kron(high, low), matrices, np.eye(1, dtype=complex)).T
