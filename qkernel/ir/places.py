"""Where qubits live: a stretch of a register. A slice is no operation, it is arithmetic on places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qkernel.ir.expressions import ONE, ZERO, Expr, Name, Size
from qkernel.ir.trees import free_names
from qkernel.ir.types import QUBIT, ArrayType, Type


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """`length` qubits of `register`, from `start` in steps of `stride`; one single qubit if `length` is None.

    Registers are named uniquely within a function: its quantum parameters, its `Alloc`s and the quantum results of
    its `Call`s. `Place(name)` is the first qubit of a register, and all of it only if its type is Qubit.
    """

    register: str
    start: Expr = ZERO
    stride: Expr = ONE
    length: Expr | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        """Its fields, expressions by identity: of each there is one."""
        return self.register, id(self.start), id(self.stride), id(self.length)

    @property
    def type(self) -> Type:
        """That of a qubit, or of a vector of them."""
        return QUBIT if self.length is None else ArrayType(QUBIT)

    @property
    def bounds(self) -> tuple[Expr, ...]:
        """The expressions that say where in its register it lies."""
        return (self.start, self.stride) if self.length is None else (self.start, self.stride, self.length)

    @property
    def names(self) -> frozenset[str]:
        """The names on which it depends where in its register it lies."""
        return frozenset().union(*map(free_names, self.bounds))

    def changed(self, change: Callable[[Expr], Expr]) -> Place:
        """The place with each of its bounds changed."""
        return Place(self.register, *map(change, self.bounds))

    def element(self, index: Expr) -> Place:
        """The qubit at `index` of this place."""
        return Place(self.register, self.start + index * self.stride)

    def view(self, start: Expr, stride: Expr, length: Expr) -> Place:
        """The part of this place from `start` in steps of `stride`."""
        return Place(self.register, self.start + start * self.stride, self.stride * stride, length)


def whole(register: str, type: Type = ArrayType(QUBIT)) -> Place:
    """All of a register of that type; as a vector it has whatever length it has."""
    if type == QUBIT:
        return Place(register)
    return Place(register, ZERO, ONE, Size(Name(register, ArrayType(QUBIT))))
