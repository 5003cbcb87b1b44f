"""A plan arranged for tensors: few, wide steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qkernel_backends.plan.columns import Z
from qkernel_backends.plan.operations import Affine, Dense, Flip, Load, Operation, PauliRotation, Phases, Rotation
from qkernel_backends.plan.plan import Plan

Array = np.ndarray[Any, Any]
Factors = tuple[tuple[int, Affine], ...]
Block = tuple[Factors, ...]
"""Rotations of neighbouring qubits, lowest first."""

_WIDEST = 4


@dataclass(frozen=True)
class Layer:
    """Rotations side by side: for each stretch of qubits, lowest first, the number of its block, if it has one."""

    blocks: tuple[int | None, ...]


@dataclass(frozen=True)
class Permutation:
    """Flips in a row: amplitude k comes from `source[k]`."""

    source: Array


Step = Layer | Permutation | Phases | Rotation | PauliRotation | Dense | Load


@dataclass
class Schedule:
    """A plan arranged for tensors: its start and layers in blocks of `width` qubits, fewer in the last one.

    `parts` is what is to be computed from the angles first. A step of one part comes with its number.
    """

    plan: Plan
    parts: list[Block | Phases | Load] = field(default_factory=list)
    steps: list[tuple[Step, int | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        qubits = self.plan.num_qubits
        self.width = -(-qubits // max(1, -(-qubits // _WIDEST)))
        self.start = self._split({rotation.qubit: rotation.factors for rotation in self.plan.start.rotations})
        pending: dict[int, Factors] = {}
        for operation in self.plan.operations:
            if isinstance(operation, Rotation) and not operation.controls and operation.qubit not in pending:
                pending[operation.qubit] = operation.factors
                continue
            self._close(pending)
            self._step(operation, pending)
        self._close(pending)

    def varies(self, angle: Affine) -> bool:
        """Whether an angle differs from sample to sample."""
        return any(column in self.plan.batched for column, _ in angle.terms)

    def _split(self, rotations: dict[int, Factors]) -> list[Block]:
        """The rotations of each stretch of qubits; the last block may reach beyond the qubits there are."""
        return [
            tuple(rotations.get(qubit, ()) for qubit in range(low, low + self.width))
            for low in range(0, self.plan.num_qubits, self.width or 1)
        ]

    def part_varies(self, part: Block | Phases | Load) -> bool:
        """Whether some angle of a part differs from sample to sample."""
        if isinstance(part, Load):
            return any(map(self.varies, part.amplitudes))
        if isinstance(part, Phases):
            return any(map(self.varies, part.terms.values()))
        return any(self.varies(angle) for factors in part for _, angle in factors)

    def _number(self, part: Block | Phases | Load) -> int:
        self.parts.append(part)
        return len(self.parts) - 1

    def _close(self, pending: dict[int, Factors]) -> None:
        """Have the rotations collected become a layer."""
        if pending:
            blocks = self._split(self._with_turns(pending))
            self.steps.append((Layer(tuple(self._number(block) if any(block) else None for block in blocks)), None))
        pending.clear()

    def _with_turns(self, pending: dict[int, Factors]) -> dict[int, Factors]:
        """The rotations after those about Z right before them; what stays behind of the phases does not change."""
        last = self.steps[-1][0] if self.steps else None
        if not isinstance(last, Phases):
            return pending
        moving = {mask: angle for mask, angle in last.terms.items() if angle.terms}
        turns = {mask.bit_length() - 1: ((Z, angle.scaled(-1.0)),) for mask, angle in moving.items() if mask.bit_count() == 1}
        if len(turns) < len(moving) or not turns.keys() <= pending.keys() or any(map(self.varies, moving.values())):
            return pending
        if self.steps.pop()[1] is not None:
            self.parts.pop()
        if left := {mask: angle for mask, angle in last.terms.items() if not angle.terms}:
            self.steps.append((Phases(left), None))
        return {qubit: turns.get(qubit, ()) + factors for qubit, factors in pending.items()}

    def _step(self, operation: Operation, pending: dict[int, Factors]) -> None:
        match operation:
            case Flip():
                source = _flip_source(operation, self.plan.num_qubits)
                if self.steps and isinstance(self.steps[-1][0], Permutation):
                    source = self.steps.pop()[0].source[source]  # type: ignore[union-attr]
                self.steps.append((Permutation(source), None))
            case Rotation(qubit, factors, 0):
                pending[qubit] = factors
            case Rotation(_, factors):
                self.steps.append((operation, self._number((factors,))))
            case PauliRotation(_, _, half):
                self.steps.append((operation, self._number((((Z, half),),))))
            case Load():
                self.steps.append((operation, self._number(operation)))
            case Phases(terms) if any(angle.terms for angle in terms.values()):
                self.steps.append((operation, self._number(operation)))
            case Phases() | Dense():
                self.steps.append((operation, None))


def _flip_source(flip: Flip, num_qubits: int) -> Array:
    index = np.arange(1 << num_qubits)
    return np.where((index & flip.controls) == flip.value, index ^ flip.moved, index)
