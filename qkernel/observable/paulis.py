"""Pauli matrices on qubits, and their products."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from numbers import Integral

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
