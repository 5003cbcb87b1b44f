"""Pauli matrices on qubits, and their products."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from qkernel.errors import ObservableError


def is_whole(value: object) -> bool:
    """Whether `value` is an integer, a bool not being one."""
    return isinstance(value, Integral) and not isinstance(value, bool)


class Pauli(enum.Enum):
    """A Pauli matrix, or the identity."""

    I = "I"  # noqa: E741
    X = "X"
    Y = "Y"
    Z = "Z"


@dataclass(frozen=True, slots=True)
class PauliOperator:
    """A Pauli matrix on the qubit `index`."""

    pauli: Pauli
    index: int

    def __post_init__(self) -> None:
        if not isinstance(self.pauli, Pauli):
            raise ObservableError(f"`{self.pauli!r}` is not a Pauli", help="write `Pauli.X`, `Pauli.Y`, `Pauli.Z` or `Pauli.I`")
        if not is_whole(self.index):
            raise ObservableError(f"a qubit's index is a whole number, not {self.index!r}", help="write `qko.Z(0)`")
        if self.index < 0:
            raise ObservableError(f"a qubit's index is negative: {self.index}", help="count qubits from 0")
        object.__setattr__(self, "index", int(self.index))

    def __str__(self) -> str:
        return f"{self.pauli.value}{self.index}"


Operators = tuple[PauliOperator, ...]

# The product of two different Paulis is this phase times the third.
_PRODUCTS = {
    (Pauli.X, Pauli.Y): (1j, Pauli.Z),
    (Pauli.Y, Pauli.Z): (1j, Pauli.X),
    (Pauli.Z, Pauli.X): (1j, Pauli.Y),
    (Pauli.Y, Pauli.X): (-1j, Pauli.Z),
    (Pauli.Z, Pauli.Y): (-1j, Pauli.X),
    (Pauli.X, Pauli.Z): (-1j, Pauli.Y),
}


def product(operators: Operators) -> tuple[float | complex, Operators]:
    """The phase and the sorted Paulis that a product of Paulis amounts to."""
    phase: float | complex = 1.0
    paulis: dict[int, Pauli] = {}
    for operator in operators:
        present = paulis.get(operator.index, Pauli.I)
        if present is Pauli.I:
            paulis[operator.index] = operator.pauli
        elif operator.pauli is present:
            paulis[operator.index] = Pauli.I
        elif operator.pauli is not Pauli.I:
            factor, paulis[operator.index] = _PRODUCTS[present, operator.pauli]
            phase *= factor
    return phase, tuple(PauliOperator(paulis[index], index) for index in sorted(paulis) if paulis[index] is not Pauli.I)


def as_square(matrix: Any) -> np.ndarray[Any, np.dtype[np.complex128]]:
    """A matrix on qubits as numbers; raises unless it has shape (2**n, 2**n) and is finite."""
    try:
        array = np.asarray(matrix, complex)
    except (TypeError, ValueError):
        raise ObservableError("a matrix of numbers is wanted", help="give it as an array of shape (2**n, 2**n)") from None
    if array.ndim != 2 or len(set(array.shape)) != 1 or array.size == 0 or len(array) & len(array) - 1:
        raise ObservableError(
            f"a matrix on n qubits has shape (2**n, 2**n), and this has shape {array.shape}",
            help="pad it with zeros, or with ones on the diagonal",
        )
    if not np.isfinite(array).all():
        raise ObservableError("the matrix is not finite", help="check the numbers that it is made from")
    return array


def decomposed(matrix: np.ndarray[Any, np.dtype[np.complex128]], tolerance: float) -> Iterator[tuple[Operators, complex]]:
    """The words and coefficients of a matrix, but for those of at most `tolerance` times the largest.

    A word that flips the bits of x and has signs by those of z takes j to i**|x & z| (-1)**|j & z| times j ^ x: so the
    coefficients of one x are the Walsh-Hadamard transform of the matrix along j -> j ^ x.
    """
    size = len(matrix)
    states = np.arange(size)
    sums = matrix[states[:, None] ^ states, states] / size
    width = 1
    while width < size:
        even, odd = sums.reshape(size, -1, 2, width).swapaxes(0, 2).swapaxes(1, 2)
        sums = np.stack([even + odd, even - odd], 2).reshape(size, size)
        width *= 2
    for flips, signs in np.argwhere(abs(sums) > tolerance * abs(sums).max()).tolist():
        letters = [("IZXY"[2 * (flips >> k & 1) + (signs >> k & 1)], k) for k in range(size.bit_length() - 1)]
        word = tuple(PauliOperator(Pauli(letter), k) for letter, k in letters if letter != "I")
        yield word, sums[flips, signs] * (-1j) ** (flips & signs).bit_count()
