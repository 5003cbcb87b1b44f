"""The engine and what it prepares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel.engine import FEATURES
from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel_backends.native.encode import Program, encode
from qkernel_backends.native.machine import CONSTANTS, EXPECT, GRADIENT, STATE, run
from qkernel_backends.plan import Plan, compile_plan

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class NativeEngine:
    """Runs circuits on the CPU: exact, batched, with adjoint gradients, without compiling anything per circuit."""

    name: str = "native"
    features: frozenset[str] = FEATURES - {"device"}

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> Any:
        """See `qkernel.engine.Engine`."""
        if not circuit.is_unitary:
            from qkernel_backends.reference import ReferenceEngine

            return ReferenceEngine().prepare(circuit, dtype)
        return NativePrepared(circuit, np.dtype(dtype))


class _Runner:
    """One program and its idle workspaces; a workspace serves one call at a time."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.idle: list[Array] = []
        self.nothing = np.zeros((0, 0), program.dtype)
        self.no_states = np.zeros((0, 2, 0), program.dtype)

    def workspace(self) -> Array:
        try:
            return self.idle.pop()
        except IndexError:
            work = self.program.workspace()
            empty, flat = self.nothing, self.nothing[:, 0] if self.nothing.size else np.zeros(0, self.program.dtype)
            program = self.program
            run(program.code, program.numbers, work, empty, flat, empty, empty, empty, flat, self.no_states, 0, 0, CONSTANTS)
            return work


class NativeSplit:
    """A circuit whose columns `batched` come per sample and whose columns `shared` are one for all samples."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], batched: Sequence[int], shared: Sequence[int]) -> None:
        self.circuit, self.dtype = circuit, dtype
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self.position = {column: k for columns in (batched, shared) for k, column in enumerate(columns)}
        self.plan: Plan = compile_plan(circuit, batched, expectations=True)
        self.num_values = len(circuit.expectations)
        self._runners: dict[int, _Runner] = {}

    def _runner(self, batch: int) -> _Runner:
        bits = lane_bits(self.plan.num_qubits, batch, self.real)
        runner = self._runners.get(bits)
        if runner is None:
            runner = self._runners[bits] = _Runner(encode(self.plan, bits, self.real, self.position))
        return runner

    def value(self, inputs: Array, weights: Array) -> Array:
        """The expectation values, shape (batch, outputs)."""
        runner = self._runner(len(inputs))
        program, work, empty = runner.program, runner.workspace(), runner.nothing
        values = np.empty((len(inputs), self.num_values), self.real)
        run(program.code, program.numbers, work, inputs, weights, empty, values, empty, weights,
            runner.no_states, 0, len(inputs), EXPECT)  # fmt: skip
        runner.idle.append(work)
        return values

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        """The values, and the gradients of sum(cotangent * values) by `inputs` and by `weights`."""
        runner = self._runner(len(inputs))
        program, work = runner.program, runner.workspace()
        values = np.empty((len(inputs), self.num_values), self.real)
        grad_inputs, grad_weights = np.empty_like(inputs), np.zeros_like(weights)
        run(program.code, program.numbers, work, inputs, weights, cotangent, values, grad_inputs, grad_weights,
            runner.no_states, 0, len(inputs), GRADIENT)  # fmt: skip
        runner.idle.append(work)
        return values, grad_inputs, grad_weights


class NativePrepared:
    """See `qkernel.engine.Prepared`."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any]) -> None:
        self.circuit, self.dtype = circuit, dtype
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self._splits: dict[tuple[tuple[int, ...], tuple[int, ...]], NativeSplit] = {}

    def split(self, batched: Sequence[int], shared: Sequence[int]) -> NativeSplit:
        """For layers: columns of theta that come per sample, and columns that are one for all samples."""
        key = tuple(batched), tuple(shared)
        if key not in self._splits:
            self._splits[key] = NativeSplit(self.circuit, self.dtype, *key)
        return self._splits[key]

    @property
    def _columns(self) -> tuple[int, ...]:
        return tuple(range(self.circuit.angles.num_columns + len(self.circuit.angles.curved)))

    def _extended(self, theta: Array) -> Array:
        """Theta with one further column for each curved angle."""
        theta = np.ascontiguousarray(theta, self.real)
        curved = [slot for slot, _ in self.circuit.angles.curved]
        if not curved:
            return theta
        angles = self.circuit.angles.evaluate(np.asarray(theta, float))[:, curved]
        return np.concatenate([theta, angles.astype(self.real)], 1)

    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        columns = self._extended(theta)
        if len(columns) == 1:
            return self.split((), self._columns).value(columns[:, :0], columns[0])
        return self.split(self._columns, ()).value(columns, columns[0, :0] if len(columns) else np.zeros(0, self.real))

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`."""
        columns = self._extended(theta)
        cotangent = np.ascontiguousarray(cotangent, self.real)
        if len(columns) == 1:
            values, _, gradient = self.split((), self._columns).vjp(columns[:, :0], columns[0], cotangent)
            gradient = gradient[None]
        else:
            empty = np.zeros(0, self.real)
            values, gradient, _ = self.split(self._columns, ()).vjp(columns, empty, cotangent)
        angles = self.circuit.angles
        if angles.curved:
            slots = np.zeros((len(columns), angles.num_slots))
            slots[:, [slot for slot, _ in angles.curved]] = gradient[:, angles.num_columns :]
            gradient = gradient[:, : angles.num_columns] + angles.pullback(np.asarray(theta, float), slots).astype(self.real)
        return values, gradient

    def state(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        columns = self._extended(theta)
        plan = compile_plan(self.circuit, self._columns, expectations=False)
        position = {column: column for column in self._columns}
        bits = lane_bits(plan.num_qubits, len(columns), self.real)
        runner = _Runner(encode(plan, bits, self.real, position, costate=False))
        program, work, empty = runner.program, runner.workspace(), runner.nothing
        states = np.zeros((len(columns), 2, 1 << plan.num_qubits), self.real)
        run(program.code, program.numbers, work, columns, empty.ravel(), empty, empty, empty, empty.ravel(),
            states, 0, len(columns), STATE)  # fmt: skip
        phase = plan.global_phase.offset + sum(c * columns[:, k].astype(float) for k, c in plan.global_phase.terms)
        result = (states[:, 0] + 1j * states[:, 1]) * np.exp(1j * np.broadcast_to(phase, len(columns)))[:, None]
        return _ordered(result, plan.place).astype(self.dtype)

    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`."""
        weights = np.abs(self.state(theta)) ** 2
        return [marginal(weights, self.circuit.num_qubits, qubits) for qubits in self.circuit.probabilities]

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        return np.zeros((len(theta), shots, self.circuit.num_bits), np.uint8)


def lane_bits(num_qubits: int, batch: int, real: np.dtype[Any]) -> int:
    """How many samples share a vector, as a power of two: more while their states stay in the cache."""
    most = (64 // real.itemsize).bit_length() - 1
    wanted = min(most, max(batch - 1, 0).bit_length())
    while wanted and (4 * real.itemsize) << (num_qubits + wanted) > 1 << 18:
        wanted -= 1
    return max(wanted, most - num_qubits)


def _ordered(states: Array, place: tuple[int, ...]) -> Array:
    """States whose bit q is what the plan has at `place[q]`."""
    count = len(place)
    if list(place) == list(range(count)):
        return states
    axes = [count - place[count - 1 - axis] for axis in range(count)]
    return states.reshape(-1, *(2,) * count).transpose(0, *axes).reshape(len(states), -1)


def marginal(weights: Array, num_qubits: int, qubits: tuple[int, ...]) -> Array:
    """Outcome probabilities of `qubits`, the first of them least significant, shape (batch, 2**k)."""
    axes = [num_qubits - qubit for qubit in reversed(qubits)]
    others = [axis for axis in range(1, num_qubits + 1) if axis not in axes]
    tensor = weights.reshape(-1, *(2,) * num_qubits).transpose(0, *axes, *others)
    return tensor.reshape(len(weights), 1 << len(qubits), -1).sum(-1)
