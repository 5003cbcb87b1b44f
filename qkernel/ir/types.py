"""The types of values in the IR."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScalarType:
    """One value: a number, a bit, a qubit or an observable."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A vector (rank 1), matrix (rank 2) or tensor (rank 3) of scalars; lengths are values, not types."""

    element: ScalarType
    rank: int = 1

    def __str__(self) -> str:
        return f"{('Vector', 'Matrix', 'Tensor')[self.rank - 1]}[{self.element}]"


@dataclass(frozen=True, slots=True)
class TupleType:
    """A fixed number of values of known types."""

    items: tuple[Type, ...]

    def __str__(self) -> str:
        return f"Tuple[{', '.join(map(str, self.items))}]"


@dataclass(frozen=True, slots=True)
class DictType:
    """A mapping from UInt, or tuples of UInt, to values; iterated in insertion order."""

    key: Type
    value: Type

    def __str__(self) -> str:
        return f"Dict[{self.key}, {self.value}]"


Type = ScalarType | ArrayType | TupleType | DictType

UINT = ScalarType("UInt")
FLOAT = ScalarType("Float")
BIT = ScalarType("Bit")
QUBIT = ScalarType("Qubit")
QFIXED = ScalarType("QFixed")
OBSERVABLE = ScalarType("Observable")
SCALARS = {scalar.name: scalar for scalar in (UINT, FLOAT, BIT, QUBIT, QFIXED, OBSERVABLE)}


def is_quantum(type: Type) -> bool:
    """Whether values of this type live in qubits."""
    match type:
        case ScalarType():
            return type in (QUBIT, QFIXED)
        case ArrayType(element):
            return is_quantum(element)
        case TupleType(items):
            return any(is_quantum(item) for item in items)
        case DictType():
            return False
