"""The gates between two measurements, on rows of states: onwards, and back with the gradients of their angles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from qkernel.lower.circuit import Circuit, Instruction
from qkernel.threads import Computation, current, num_parts, num_threads, together
from qkernel_backends.native.cache import planner
from qkernel_backends.native.encode import encode
from qkernel_backends.native.runner import WORTH_THREADS, Runner
from qkernel_backends.native.split import lane_bits
from qkernel_backends.native.workspace import Workspace
from qkernel_backends.plan import Plan, compile_plan
from qkernel_backends.plan.operations import AngleColumns
from qkernel_backends.plan.sampling import ordered

Array = np.ndarray[Any, Any]

_MOST_KEPT = 1 << 26
"""Bytes of a workspace that is kept for the next call."""


class Stretches:
    """Those of a circuit; what differs in the columns of theta alone has one plan.

    If rows are `alike` they have all columns of theta in common, and angles are looked at once.
    """

    def __init__(self, circuit: Circuit, angles: AngleColumns, real: np.dtype[Any]) -> None:
        self.circuit, self.angles, self.real = circuit, angles, real
        self._made: dict[Any, _Planned] = {}

    def of(self, gates: Sequence[Instruction], alike: bool) -> Stretch:
        """Gates as a program."""
        slots = np.array([slot for part in self.circuit.with_loads(gates) for slot in part.slots], int)
        first, counts = self.angles.at[slots], np.diff(self.angles.at)[slots]
        terms = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))
        columns, places = np.unique(self.angles.columns[terms], return_inverse=True)
        if self.circuit.loads:  # they find their amplitudes by the circuit's own slots
            planned = self._planned(gates, alike, self.angles, columns.tolist())
            return Stretch(columns.tolist(), alike, self.real, planned)
        own = AngleColumns(self.angles.offsets[slots], np.cumsum(np.append(0, counts)), places, self.angles.coefficients[terms])
        numbers = own.offsets.tobytes(), own.at.tobytes(), own.columns.tobytes(), own.coefficients.tobytes()
        key = alike, tuple((id(part.kind), part.qubits) for part in gates), numbers
        if key not in self._made:
            ends = np.cumsum([len(part.slots) for part in gates]).tolist()
            moved = [
                replace(part, slots=tuple(range(end - len(part.slots), end))) for part, end in zip(gates, ends, strict=True)
            ]
            self._made[key] = self._planned(moved, alike, own, list(range(len(columns))))
        return Stretch(columns.tolist(), alike, self.real, self._made[key])

    def _planned(self, gates: Sequence[Instruction], alike: bool, angles: AngleColumns, columns: list[int]) -> _Planned:
        plan = compile_plan(self.circuit, () if alike else columns, False, gates, False, angles, planner())
        return _Planned(plan, {column: k for k, column in enumerate(columns)})


@dataclass(frozen=True, eq=False)
class _Planned:
    """A plan, the place of each of its columns, and its runners by the bits of lanes and whether they go back."""

    plan: Plan
    position: dict[int, int]
    runners: dict[tuple[int, bool], Runner] = field(default_factory=dict)


class Stretch:
    """Gates that run on the columns of theta that they have."""

    def __init__(self, columns: list[int], alike: bool, real: np.dtype[Any], planned: _Planned) -> None:
        self.columns, self.alike, self.real, self.plan, self._planned = columns, alike, real, planned.plan, planned

    @property
    def exchanges(self) -> bool:
        """Whether qubits change places."""
        return self.plan.place != tuple(range(self.plan.num_qubits))

    def onwards(self, states: Array, theta: Array, sample: Array) -> Array:
        """Rows of states (rows, 2, 2**n), which are used up, behind the gates; `sample` is the row of theta of each."""
        inputs, weights = self._split(theta, sample)

        def move(work: Workspace, first: int, last: int, computation: Computation) -> None:
            work.evolve(states, inputs, weights, first, last, computation)

        self._share_out(len(states), False, move)
        return self._ordered(states, self.plan.place) if self.exchanges else states

    def back(self, pairs: Array, theta: Array, sample: Array, gradient: Array) -> Array:
        """Pairs of state and co-state (rows, 4, 2**n), which are used up, before the gates; adds to the gradient by theta."""
        if self.exchanges:
            pairs = self._ordered(pairs, tuple(np.argsort(self.plan.place).tolist()))
        inputs, weights = self._split(theta, sample)
        by_inputs, by_weights = np.zeros_like(inputs), []

        def move(work: Workspace, first: int, last: int, computation: Computation) -> None:
            by_weights.append((first, np.zeros_like(weights)))
            work.retrace(pairs, inputs, weights, by_inputs, by_weights[-1][1], first, last, computation)

        self._share_out(len(pairs), True, move)
        if self.alike:
            gradient[0, self.columns] += sum(part for _, part in sorted(by_weights, key=lambda entry: entry[0]))
        else:
            np.add.at(gradient, np.ix_(sample, np.array(self.columns, int)), by_inputs)
        return pairs

    def _split(self, theta: Array, sample: Array) -> tuple[Array, Array]:
        chosen = np.ascontiguousarray(theta[:, self.columns])
        return (np.zeros((len(sample), 0), self.real), chosen[0]) if self.alike else (chosen[sample], chosen[0, :0])

    def _share_out(self, count: int, back: bool, move: Callable[[Workspace, int, int, Computation], None]) -> None:
        """Rows in parts where that is worth it, the same whatever the number of threads."""
        bits = lane_bits(self.plan.num_qubits, count, self.real)
        planned = self._planned
        if (bits, back) not in planned.runners:
            program = encode(self.plan, bits, self.real, planned.position, from_zero=False, costate=back)
            planned.runners[bits, back] = Runner(program)
        runner, computation = planned.runners[bits, back], current()

        def task(first: int, last: int) -> None:
            work = runner.workspace()
            move(work, first, last, computation)
            computation.check()
            if runner.program.bytes <= _MOST_KEPT:
                runner.idle.append(work)

        chunks = -(-count >> bits)
        share = -(-chunks // (num_parts() if runner.program.cost * chunks > WORTH_THREADS else 1)) << bits
        tasks = [partial(task, first, min(first + share, count)) for first in range(0, count, share)]
        together(tasks, computation, num_threads())

    def _ordered(self, states: Array, place: tuple[int, ...]) -> Array:
        rows, parts, size = states.shape
        return ordered(states.reshape(rows * parts, size), place).reshape(states.shape)
