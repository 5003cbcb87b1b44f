"""Where qubits live: a stretch of a register. A slice is no operation, it is arithmetic on places."""

from __future__ import annotations

from dataclasses import dataclass

from qkernel.ir.expressions import ONE, ZERO, Expr, Name, Size
from qkernel.ir.types import QUBIT, ArrayType, Type


@dataclass(frozen=True, slots=True)
class Place:
    """`length` qubits of `register`, from `start` in steps of `stride`; one single qubit if `length` is None.

    Registers are named uniquely within a function: its quantum parameters, its `Alloc`s and the quantum results of
    its `Call`s. `Place(name)` is the first qubit of a register, and all of it only if its type is Qubit.
    """

    register: str
    start: Expr = ZERO
    stride: Expr = ONE
    length: Expr | None = None

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
