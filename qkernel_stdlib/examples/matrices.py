"""Matrices by numpy, in the order of the library: qubit 0 is the least significant."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from qkernel_stdlib.examples.example import Array

PAULIS: dict[str, Array] = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0, -1.0]),
}


def on(matrix: Array, qubit: int, n: int) -> Array:
    """`matrix` on one of n qubits."""
    return np.kron(np.kron(np.eye(2 ** (n - 1 - qubit)), matrix), np.eye(2**qubit))


def word(letters: dict[int, str], n: int) -> Array:
    """The product of Paulis on n qubits, by qubit."""
    result: Array = np.eye(2**n)
    for qubit, letter in letters.items():
        result = on(PAULIS[letter], qubit, n) @ result
    return result


def evolved(matrix: Array, time: float) -> Array:
    """exp(-i time matrix) of a Hermitian matrix."""
    energies, states = np.linalg.eigh(matrix)
    result: Array = (states * np.exp(-1j * time * energies)) @ states.conj().T
    return result


def permutation(size: int, image: Callable[[int], int]) -> Array:
    """The matrix of the map that takes basis state k to image(k)."""
    result: Array = np.zeros((size, size))
    for k in range(size):
        result[image(k), k] = 1
    return result


def diagonal(size: int, entry: Callable[[int], complex]) -> Array:
    """The matrix with entry(k) at basis state k."""
    return np.diag([entry(k) for k in range(size)])


def column(amplitudes: Any) -> Array:
    """A state as the matrix of a kernel that makes it: one column, normalised."""
    vector = np.asarray(amplitudes)
    result: Array = (vector / np.linalg.norm(vector))[:, None]
    return result


def fourier(n: int) -> Array:
    """The Fourier transform of 2**n points, exp(2 pi i j k / 2**n) / sqrt(2**n) at row j and column k."""
    k = np.arange(2**n)
    result: Array = np.exp(2j * math.pi * np.outer(k, k) / 2**n) / math.sqrt(2**n)
    return result


def angles(count: int) -> list[float]:
    """`count` angles without a pattern in (-pi, pi): multiples of the golden angle."""
    return [(2.399963229728653 * (k + 1) + math.pi) % (2 * math.pi) - math.pi for k in range(count)]
