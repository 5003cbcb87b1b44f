"""A plan arranged for tensors: few, wide steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qkernel_backends.plan.operations import Affine, Dense, Flip, Operation, PauliRotation, Phases, Rotation, Z
from qkernel_backends.plan.plan import Plan

Array = np.ndarray[Any, Any]
Factors = tuple[tuple[int, Affine], ...]

_BLOCK = 4


@dataclass(frozen=True)
class Layer:
    """Rotations side by side, as blocks of neighbouring qubits: (lowest qubit, group of each qubit or -1)."""

    blocks: tuple[tuple[int, tuple[int, ...]], ...]


@dataclass(frozen=True)
class Permutation:
    """Flips in a row: amplitude k comes from `source[k]`."""

    source: Array


Step = Layer | Permutation | Phases | Rotation | PauliRotation | Dense


@dataclass
class Schedule:
    """A plan arranged for tensors: steps, and the merged rotations and angles that they name by number."""

    plan: Plan
    groups: list[Factors] = field(default_factory=list)
    rows: dict[Affine, int] = field(default_factory=dict)
    steps: list[tuple[Step, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start = [self._group(()) for _ in range(self.plan.num_qubits)]
        for rotation in self.plan.start.rotations:
            self.start[rotation.qubit] = self._group(rotation.factors)
        pending: dict[int, int] = {}
        for operation in self.plan.operations:
            if isinstance(operation, Rotation) and not operation.controls and operation.qubit not in pending:
                pending[operation.qubit] = self._group(operation.factors)
                continue
            self._close(pending)
            self._step(operation, pending)
        self._close(pending)

    def _group(self, factors: Factors) -> int:
        for _, angle in factors:
            self.rows.setdefault(angle, len(self.rows))
        self.groups.append(factors)
        return len(self.groups) - 1

    def _close(self, pending: dict[int, int]) -> None:
        blocks: list[tuple[int, list[int]]] = []
        for qubit in sorted(pending):
            if blocks and qubit < blocks[-1][0] + _BLOCK:
                low, members = blocks[-1]
                members += [-1] * (qubit - low - len(members)) + [pending[qubit]]
            else:
                blocks.append((qubit, [pending[qubit]]))
        if blocks:
            self.steps.append((Layer(tuple((low, tuple(members)) for low, members in blocks)), -1))
        pending.clear()

    def _step(self, operation: Operation, pending: dict[int, int]) -> None:
        match operation:
            case Flip():
                source = _flip_source(operation, self.plan.num_qubits)
                if self.steps and isinstance(self.steps[-1][0], Permutation):
                    source = self.steps.pop()[0].source[source]  # type: ignore[union-attr]
                self.steps.append((Permutation(source), -1))
            case Rotation(qubit, factors, 0):
                pending[qubit] = self._group(factors)
            case Rotation(_, factors):
                self.steps.append((operation, self._group(factors)))
            case PauliRotation(_, _, half):
                self.steps.append((operation, self._group(((Z, half),))))
            case Phases(terms):
                for angle in terms.values():
                    self.rows.setdefault(angle, len(self.rows))
                self.steps.append((operation, -1))
            case Dense():
                self.steps.append((operation, -1))


def _flip_source(flip: Flip, num_qubits: int) -> Array:
    index = np.arange(1 << num_qubits)
    return np.where((index & flip.controls) == flip.value, index ^ flip.moved, index)
