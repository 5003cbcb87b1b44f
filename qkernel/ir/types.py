"""The types of values in the IR. `element` of a type is that of the numbers, bits, qubits or observables in it."""

from __future__ import annotations

from dataclasses import dataclass

from qkernel.ir.interning import Interned, existing, made, new


@dataclass(frozen=True, slots=True, eq=False, init=False)
class ScalarType(Interned):
    """One value: a number, a bit, a qubit or an observable."""

    name: str

    def __new__(cls, name: str) -> ScalarType:
        key = "ScalarType", name
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.name = name
        return made(cls, key, draft)

    @property
    def element(self) -> ScalarType:
        """The type itself."""
        return self

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False, init=False)
class ArrayType(Interned):
    """A vector (rank 1), matrix (rank 2) or tensor (rank 3) of scalars; lengths are values, not types."""

    element: ScalarType
    rank: int = 1

    def __new__(cls, element: ScalarType, rank: int = 1) -> ArrayType:
        key = "ArrayType", element, rank
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.element, draft.rank = element, rank
        return made(cls, key, draft)

    def __str__(self) -> str:
        return f"{ARRAYS[self.rank - 1]}[{self.element}]"

    @property
    def entry(self) -> Type:
        """The type of what lies along the first axis: an element of a vector, a row of a matrix."""
        return self.element if self.rank == 1 else ArrayType(self.element, self.rank - 1)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class TupleType(Interned):
    """A fixed number of values of known types."""

    items: tuple[Type, ...]

    def __new__(cls, items: tuple[Type, ...]) -> TupleType:
        key = "TupleType", items
        if (found := existing(cls, key)) is not None:
            return found
        draft = new(cls.draft)
        draft.items = items
        return made(cls, key, draft)

    def __str__(self) -> str:
        return f"Tuple[{', '.join(map(str, self.items))}]"

    @property
    def element(self) -> TupleType:
        """The type itself; its values have no type in common."""
        return self


@dataclass(frozen=True, slots=True, eq=False, init=False)
class DictType(Interned):
    """A mapping from UInt, or tuples of UInt, to values; iterated in insertion order."""

    key: Type
    value: Type

    def __new__(cls, key: Type, value: Type) -> DictType:
        own = "DictType", key, value
        if (found := existing(cls, own)) is not None:
            return found
        draft = new(cls.draft)
        draft.key, draft.value = key, value
        return made(cls, own, draft)

    def __str__(self) -> str:
        return f"Dict[{self.key}, {self.value}]"

    @property
    def element(self) -> Type:
        """The type of the values."""
        return self.value


Type = ScalarType | ArrayType | TupleType | DictType

ARRAYS = ("Vector", "Matrix", "Tensor")

UINT = ScalarType("UInt")
FLOAT = ScalarType("Float")
BIT = ScalarType("Bit")
QUBIT = ScalarType("Qubit")
QFIXED = ScalarType("QFixed")
OBSERVABLE = ScalarType("Observable")
SCALARS = {scalar.name: scalar for scalar in (UINT, FLOAT, BIT, QUBIT, QFIXED, OBSERVABLE)}


def is_quantum(type: Type) -> bool:
    """Whether values of this type live in qubits."""
    if isinstance(type, TupleType):
        return any(map(is_quantum, type.items))
    return not isinstance(type, DictType) and type.element in (QUBIT, QFIXED)


def is_of_bits(type: Type) -> bool:
    """Whether a value of this type is a Bit, or all its parts are."""
    return all(map(is_of_bits, type.items)) if isinstance(type, TupleType) else type.element == BIT


def is_number(type: Type) -> bool:
    """Whether arithmetic takes values of this type; a Bit is 0 or 1 then."""
    return type in (UINT, FLOAT, BIT)


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of type `given` may stand where `wanted` is asked for: the same, or UInt for Float."""
    match given, wanted:
        case ArrayType(element, rank), ArrayType(other, other_rank):
            return rank == other_rank and fits(element, other)
        case TupleType(items), TupleType(others):
            return len(items) == len(others) and all(map(fits, items, others))
        case DictType(key, value), DictType(other_key, other_value):
            return key == other_key and fits(value, other_value)
    return given == wanted or (given, wanted) == (UINT, FLOAT)


def joined_type(left: Type, right: Type) -> Type:
    """The type of a value that is one or the other: that which both fit, if there is one."""
    return right if fits(left, right) else left


def array_type(types: set[Type]) -> ArrayType | None:
    """The type of a list of values of these types, Float if it is empty; None if they do not make one."""
    match [*types]:
        case [ScalarType() as element]:
            return ArrayType(element)
        case [ArrayType(element, rank)] if rank < 3:
            return ArrayType(element, rank + 1)
    return ArrayType(FLOAT) if types in (set(), {UINT, FLOAT}) else None
