"""A circuit whose parameters come in two kinds: some per sample, some shared by all samples. What layers run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from qkernel.lower.circuit import Circuit
from qkernel_backends.memory import require_memory
from qkernel_backends.native.encode import Program, encode
from qkernel_backends.native.large import LargeState
from qkernel_backends.native.layout import EXPECT, GRAD_INPUTS, GRAD_WEIGHTS, GRADIENT, VALUES
from qkernel_backends.native.passes import partition
from qkernel_backends.native.threads import num_threads, together
from qkernel_backends.native.workspace import Workspace
from qkernel_backends.plan import Plan, compile_plan

Array = np.ndarray[Any, Any]

WORTH_THREADS = 250_000.0
_INTERRUPTIBLE = 1e8
_LARGEST_WHOLE = 1 << 20


def lane_bits(num_qubits: int, batch: int, real: np.dtype[Any]) -> int:
    """How many samples share a vector, as a power of two: more while their states stay in the cache."""
    most = (64 // real.itemsize).bit_length() - 1
    wanted = min(most, max(batch - 1, 0).bit_length())
    while wanted and (4 * real.itemsize) << (num_qubits + wanted) > 1 << 18:
        wanted -= 1
    return max(wanted, most - num_qubits)


def extended(circuit: Circuit, theta: Array, real: np.dtype[Any]) -> Array:
    """Theta with one further column for each curved angle."""
    columns = np.ascontiguousarray(theta, real)
    curved = [slot for slot, _ in circuit.angles.curved]
    if not curved:
        return columns
    angles = circuit.angles.evaluate(np.asarray(theta, float))[:, curved]
    return np.concatenate([columns, angles.astype(real)], 1)


class Runner:
    """One program and its idle workspaces; a workspace serves one call at a time."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.idle: list[Workspace] = []
        self.large: list[LargeState] = []

    @contextmanager
    def large_state(self) -> Iterator[LargeState]:
        """A state that is worked on in blocks, with a workspace for each thread."""
        threads = num_threads()
        try:
            state = self.large.pop()
            while len(state.workspaces) < threads:
                state.workspaces.append(self.workspace())
            del state.workspaces[threads:]
        except IndexError:
            state = LargeState(self.program, [self.workspace() for _ in range(threads)])
        try:
            yield state
        finally:
            self.large.append(state)

    def workspace(self) -> Workspace:
        try:
            return self.idle.pop()
        except IndexError:
            return self._new_workspace()

    def _new_workspace(self) -> Workspace:
        program = self.program
        tables = program.bytes / program.state_bytes - 2
        more = f"; a gradient needs the state, its co-state and {tables:.1f} states of tables" if tables >= 0 else ""
        require_memory(program.num_qubits, 2 * program.dtype.itemsize, program.bytes, more)
        return Workspace(program)


class NativeSplit:
    """A circuit whose columns `batched` come per sample and whose columns `shared` are one for all samples."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], batched: Sequence[int], shared: Sequence[int]) -> None:
        self.circuit, self.dtype = circuit, dtype
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self.position = {column: k for columns in (batched, shared) for k, column in enumerate(columns)}
        self.plan: Plan = compile_plan(circuit, batched, expectations=True)
        self.num_values = len(circuit.expectations)
        self._runners: dict[int, Runner] = {}

    def runner(self, batch: int) -> Runner:
        """The program for batches of this size."""
        found = self._runners.get(batch)
        if found is None:
            bits = lane_bits(self.plan.num_qubits, batch, self.real)
            same = (runner for runner in self._runners.values() if runner.program.lane_bits == bits)
            found = next(same, None) or Runner(self._program(bits))
            self._runners[batch] = found
        return found

    def _program(self, bits: int) -> Program:
        require_memory(self.plan.num_qubits, 2 * self.real.itemsize)
        passes = None
        if (4 * self.real.itemsize) << (self.plan.num_qubits + bits) > _LARGEST_WHOLE:
            block, run = (13, 6) if self.real == np.float32 else (12, 5)
            passes = partition(self.plan, block, run)
        return encode(self.plan, bits, self.real, self.position, passes=passes)

    def value(self, inputs: Array, weights: Array) -> Array:
        """The expectation values, shape (batch, outputs)."""
        runner = self.runner(len(inputs))
        if runner.program.is_blocked:
            with runner.large_state() as state:
                return state.run(inputs, weights, None)[0]
        work = runner.workspace()
        try:
            work.take(inputs, weights)
            _run(runner, work, EXPECT)
            return work.arrays[VALUES].copy()
        finally:
            runner.idle.append(work)

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        """The values, and the gradients of sum(cotangent * values) by `inputs` and by `weights`."""
        runner = self.runner(len(inputs))
        if runner.program.is_blocked:
            with runner.large_state() as state:
                return state.run(inputs, weights, cotangent)
        work = runner.workspace()
        try:
            work.take(inputs, weights, cotangent)
            _run(runner, work, GRADIENT)
            return work.arrays[VALUES].copy(), work.arrays[GRAD_INPUTS].copy(), work.arrays[GRAD_WEIGHTS].copy()
        finally:
            runner.idle.append(work)


def _run(runner: Runner, work: Workspace, mode: int) -> None:
    """The batch of `work`, with the help of threads where that is worth it."""
    batch, program = work.batch, runner.program
    samples = 1 << program.lane_bits
    cost = program.cost * -(-batch // samples) * (3 if mode == GRADIENT else 1)
    if cost < WORTH_THREADS:
        work.run(0, batch, mode, 0, 0)
        return
    # One task per thread; where samples are slow, further cuts let Ctrl-C through.
    share = -(-batch // (samples * num_threads())) * samples
    parts = range(0, batch, share)
    works = [work, *(runner.workspace() for _ in parts[1:])]
    step = samples if cost > _INTERRUPTIBLE else share

    def task(own: Workspace, first: int) -> None:
        last = min(first + share, batch)
        for begin in range(first, last, step):
            own.run(begin, min(begin + step, last), mode, 0, 0)

    try:
        for own in works[1:]:
            own.share(work)
        together([partial(task, *part) for part in zip(works, parts, strict=True)])
        for own in works[1:]:
            work.arrays[GRAD_WEIGHTS][...] += own.arrays[GRAD_WEIGHTS]
    finally:
        runner.idle += works[1:]
