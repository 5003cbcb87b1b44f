"""Where qubits live: a stretch of a register. A slice is no operation, it is arithmetic on places."""

from __future__ import annotations

from dataclasses import dataclass

from qkernel.ir.expressions import ONE, ZERO, Expr, Name, Size
from qkernel.ir.types import QUBIT, ArrayType


@dataclass(frozen=True, slots=True)
class Place:
    """`length` qubits of `register`, from `start` in steps of `stride`; one single qubit if `length` is None.

    Registers are named uniquely within a function: its quantum parameters, its `Alloc`s and the quantum results of
    its `Call`s. A register that is a single qubit is the place `Place(name)`.
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

    @property
    def is_whole(self) -> bool:
        """Whether this place is all of its register."""
        return self == whole(self.register) or self == Place(self.register)


def whole(register: str) -> Place:
    """All of a register of unknown length."""
    return Place(register, ZERO, ONE, Size(Name(register, ArrayType(QUBIT))))
