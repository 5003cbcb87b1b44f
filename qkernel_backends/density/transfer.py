"""Gates and channels as real matrices on the expectation values of Pauli words (Pauli transfer matrices).

Greenbaum, Introduction to Quantum Gate Set Tomography, arXiv:1509.02921, section 2. The words on k qubits are numbered to the
base 4, the first qubit's letter least significant: 0 I, 1 X, 2 Z, 3 Y.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from qkernel.execution.gradient import gaps
from qkernel.gates import pauli_matrix
from qkernel.lower.circuit import Instruction, Kind
from qkernel.noise import Channel

Array = np.ndarray[Any, Any]

MOST_GROWTH = 1e4
"""By so much may errors of rounding grow where maps are undone, before a state is kept instead."""

DEPHASED = np.diag([1.0, 0.0, 1.0, 0.0])
RESET = np.zeros((4, 4))
RESET[[0, 2], 0] = 1.0


@lru_cache(maxsize=8)
def _words(width: int) -> Array:
    """The matrices of all words on so many qubits, shape (4**width, 2**width, 2**width)."""
    return np.array([pauli_matrix("".join(letters[::-1])) for letters in product("IXZY", repeat=width)])


def transfer(operators: Sequence[Array]) -> Array:
    """The matrix of a channel of these Kraus operators, shape (4**k, 4**k): Tr(P_i K P_j K†) / 2**k, summed over K."""
    size = len(operators[0])
    words = _words(size.bit_length() - 1)
    moved: Array = sum((matrix @ words @ matrix.conj().T for matrix in operators), np.zeros_like(words))
    found = words.reshape(len(words), -1) @ moved.transpose(0, 2, 1).reshape(len(words), -1).T
    return np.ascontiguousarray(found.real) / size


@lru_cache(maxsize=256)
def of_channel(channel: Channel) -> Array:
    """The matrix of a channel of a noise model."""
    return transfer(channel.kraus)


@lru_cache(maxsize=256)
def growth(channel: Channel) -> float:
    """By how much errors grow where a channel is undone; infinite where it cannot be."""
    return growth_of(of_channel(channel))


def growth_of(matrix: Array) -> float:
    """As `growth`, of a matrix."""
    smallest = float(np.linalg.svd(matrix, compute_uv=False)[-1])
    return 1 / smallest if smallest * MOST_GROWTH > 1 else float("inf")


@lru_cache(maxsize=256)
def of_gate(kind: Kind) -> tuple[Array, tuple[float, ...]]:
    """A gate of one angle a or none as matrices (m, D, D) whose sum, weighed by 1, cos(f a), sin(f a) for the frequencies f
    that come with them, is its matrix."""
    frequencies = gaps(kind, 0) if kind.num_angles else ()
    if not frequencies:
        return transfer([kind.matrix(*(0.0,) * kind.num_angles)])[None], ()
    count = 1 + 2 * len(frequencies)
    points = 2 * np.pi * np.arange(count) / (count * min(frequencies))
    samples = np.array([transfer([kind.matrix(point)]) for point in points])
    found = np.linalg.solve(weights(points, frequencies), samples.reshape(count, -1))
    return found.reshape(samples.shape), frequencies


def weights(angles: Array, frequencies: Sequence[float]) -> Array:
    """1, cos(f a), sin(f a) ... along a further axis behind those of `angles`."""
    parts = [np.ones(angles.shape)]
    for frequency in frequencies:
        parts += [np.cos(frequency * angles), np.sin(frequency * angles)]
    return np.stack(parts, axis=-1)


def slopes(angles: Array, frequencies: Sequence[float]) -> Array:
    """The derivatives of `weights`."""
    parts = [np.zeros(angles.shape)]
    for frequency in frequencies:
        parts += [-frequency * np.sin(frequency * angles), frequency * np.cos(frequency * angles)]
    return np.stack(parts, axis=-1)


def of_one_angle(instruction: Instruction) -> Iterator[tuple[Kind, tuple[int, ...], int | None]]:
    """Gates of one angle or none that are the instruction, in time order, but for a global phase: kind, qubits, slot."""
    kind, qubits = instruction.kind, instruction.qubits
    if kind.name not in ("u", "ug"):
        yield kind, qubits, instruction.slots[0] if instruction.slots else None
        return
    theta, phi, lam, *gamma = instruction.slots
    for name, slot in (("p", lam), ("ry", theta), ("p", phi)):
        yield Kind(name, 1, 1, kind.controls, kind.control_value), qubits, slot
    for slot in gamma if kind.controls else ():
        yield Kind("gphase", 0, 1, kind.controls, kind.control_value), qubits[: kind.controls], slot
