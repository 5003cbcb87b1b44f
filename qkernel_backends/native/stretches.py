"""The gates between two measurements, on rows of states: onwards, and back with the gradients of their angles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from qkernel_backends.plan import compile_plan
from qkernel_backends.plan.operations import AngleColumns
from qkernel_backends.plan.sampling import ordered

Array = np.ndarray[Any, Any]

_MOST_KEPT = 1 << 26
"""Bytes of a workspace that is kept for the next call."""


class Stretch:
    """Gates as a program; if rows are `alike` they have all columns of theta in common, and angles are looked at once."""

    def __init__(
        self, circuit: Circuit, gates: Sequence[Instruction], alike: bool, angles: AngleColumns, real: np.dtype[Any]
    ) -> None:
        slots = {slot for part in circuit.with_loads(gates) for slot in part.slots}
        self.columns = sorted({column for slot in slots for column, _ in angles.one(slot).terms})
        self.alike, self.real = alike, real
        self.plan = compile_plan(circuit, () if alike else self.columns, False, gates, False, angles, planner())
        self._runners: dict[tuple[int, bool], Runner] = {}

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
        if (bits, back) not in self._runners:
            position = {column: k for k, column in enumerate(self.columns)}
            self._runners[bits, back] = Runner(encode(self.plan, bits, self.real, position, from_zero=False, costate=back))
        runner, computation = self._runners[bits, back], current()

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
