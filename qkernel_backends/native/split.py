"""A circuit whose parameters come in two kinds: some per sample, some shared by all samples. What layers run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import numpy as np
from numba import types

from qkernel.lower.circuit import Circuit
from qkernel_backends.memory import require_memory
from qkernel_backends.native.encode import Program, encode
from qkernel_backends.native.large import LargeState
from qkernel_backends.native.machine import CONSTANTS, EXPECT, GRADIENT, run
from qkernel_backends.native.passes import partition
from qkernel_backends.native.threads import num_threads, together
from qkernel_backends.plan import Plan, compile_plan

Array = np.ndarray[Any, Any]

WORTH_THREADS = 250_000.0
_INTERRUPTIBLE = 1e8
_LARGEST_WHOLE = 1 << 20


@cache
def load_machine(real: np.dtype[Any]) -> None:
    """Have the machine code for a precision in memory; compiles it the first time on this machine."""
    element = types.float32 if real == np.float32 else types.float64
    vector, matrix = types.Array(element, 1, "C"), types.Array(element, 2, "C")
    whole, double = types.Array(types.int64, 1, "C"), types.Array(types.float64, 1, "C")
    states = types.Array(element, 3, "C")
    run.compile((whole, double, vector, matrix, vector, matrix, matrix, matrix, vector, states, *(types.int64,) * 5))


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
        self.idle: list[Array] = []
        self.nothing = np.zeros((0, 0), program.dtype)
        self.flat = np.zeros(0, program.dtype)
        self.no_states = np.zeros((0, 2, 0), program.dtype)
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

    def workspace(self) -> Array:
        try:
            return self.idle.pop()
        except IndexError:
            return self._new_workspace()

    def _new_workspace(self) -> Array:
        program = self.program
        tables = program.bytes / program.state_bytes - 2
        more = f"; a gradient needs the state, its co-state and {tables:.1f} states of tables" if tables >= 0 else ""
        require_memory(program.num_qubits, 2 * program.dtype.itemsize, program.bytes, more)
        work = program.workspace()
        self.call(
            work, self.nothing, self.flat, self.nothing, self.nothing, self.nothing, self.flat, self.no_states, 0, 0, CONSTANTS
        )
        return work

    def call(self, work: Array, *arguments: Any) -> None:
        run(self.program.code, self.program.numbers, work, *arguments, 0, 0)


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
        inputs, weights = np.ascontiguousarray(inputs, self.real), np.ascontiguousarray(weights, self.real)
        runner = self.runner(len(inputs))
        values = np.empty((len(inputs), self.num_values), self.real)
        if runner.program.is_blocked:
            with runner.large_state() as state:
                state.run(inputs, weights, None, values, np.zeros_like(inputs), np.zeros_like(weights))
            return values
        work = runner.workspace()
        try:
            self._run(runner, work, EXPECT, inputs, weights, runner.nothing, values, runner.nothing, runner.flat)
        finally:
            runner.idle.append(work)
        return values

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        """The values, and the gradients of sum(cotangent * values) by `inputs` and by `weights`."""
        inputs, weights = np.ascontiguousarray(inputs, self.real), np.ascontiguousarray(weights, self.real)
        cotangent = np.ascontiguousarray(cotangent, self.real)
        runner = self.runner(len(inputs))
        values = np.empty((len(inputs), self.num_values), self.real)
        grad_inputs, grad_weights = np.zeros(inputs.shape, self.real), np.zeros(weights.shape, self.real)
        if runner.program.is_blocked:
            with runner.large_state() as state:
                state.run(inputs, weights, cotangent, values, grad_inputs, grad_weights)
            return values, grad_inputs, grad_weights
        work = runner.workspace()
        try:
            self._run(runner, work, GRADIENT, inputs, weights, cotangent, values, grad_inputs, grad_weights)
        finally:
            runner.idle.append(work)
        return values, grad_inputs, grad_weights

    def _run(
        self, runner: Runner, work: Array, mode: int,
        inputs: Array, weights: Array, cotangent: Array, values: Array, grad_inputs: Array, grad_weights: Array,
    ) -> None:  # fmt: skip
        batch, program = len(inputs), runner.program
        before, after = (inputs, weights, cotangent, values, grad_inputs), (runner.no_states,)
        samples = 1 << program.lane_bits
        cost = program.cost * -(-batch // samples) * (3 if mode == GRADIENT else 1)
        if cost < WORTH_THREADS:
            runner.call(work, *before, grad_weights, *after, 0, batch, mode)
            return
        # One task per thread; where samples are slow, further cuts let Ctrl-C through.
        threads = min(num_threads(), -(-batch // samples))
        parts = [(0, batch)]
        if threads > 1:
            share = -(-batch // (samples * threads)) * samples
            parts = [(first, min(first + share, batch)) for first in range(0, batch, share)]
        gradients = [grad_weights, *(np.zeros_like(grad_weights) for _ in parts[1:])]
        works = [work, *(runner.workspace() for _ in parts[1:])]
        step = samples if cost > _INTERRUPTIBLE else batch

        def task(first: int, last: int, own: Array, gradient: Array) -> None:
            for begin in range(first, last, step):
                runner.call(own, *before, gradient, *after, begin, min(begin + step, last), mode)

        try:
            together([partial(task, *part, *own) for part, own in zip(parts, zip(works, gradients, strict=True), strict=True)])
        finally:
            runner.idle += works[1:]
        for gradient in gradients[1:]:
            grad_weights += gradient
