"""The engine and what it prepares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from qkernel.engine import FEATURES, Engine, Prepared, load_engine
from qkernel.errors import DependencyError
from qkernel.execution.gradient import open_slots
from qkernel.lower.circuit import Circuit
from qkernel.noise import NoiseModel, require_model
from qkernel.recent import Recent
from qkernel.tallies import Tally
from qkernel.threads import current
from qkernel_backends.clifford import is_clifford
from qkernel_backends.deferral import deferred_if_small
from qkernel_backends.density.engine import NoisyPrepared
from qkernel_backends.guard import AtAnyAngle, guarded
from qkernel_backends.memory import require_memory, require_memory_for_shots
from qkernel_backends.native.background import compilation
from qkernel_backends.native.cache import machine_code, origin, planner
from qkernel_backends.native.encode import encode
from qkernel_backends.native.explain import explain
from qkernel_backends.native.interim import Interim
from qkernel_backends.native.runner import Runner, evolve
from qkernel_backends.native.split import NativeSplit, lane_bits, passes
from qkernel_backends.native.trajectories import Trajectories
from qkernel_backends.plan import Plan, compile_plan
from qkernel_backends.plan.sampling import FinalMeasurements, disturbed, draw, final_measurements, marginal, ordered, tally
from qkernel_backends.plan.translate import extended, pulled_back

Array = np.ndarray[Any, Any]

_MOST_SPLITS = 16
_MOST_OUTCOMES = 1 << 20
_LARGEST_STATE = 24
_NANOSECONDS = 0.3
"""What an instruction takes for each amplitude of a circuit with deferred measurements."""


@dataclass(frozen=True)
class NativeEngine:
    """Runs circuits on the CPU: exact, batched, with adjoint gradients, without compiling anything per circuit.

    Adjoint differentiation after Jones and Gacon, arXiv:2009.02823.

    With `noise`, a `qkernel.noise.NoiseModel`, values are those of a machine with this noise: exact, with gradients, up to 12
    qubits by density matrix, and from shots, each a trajectory of its own, beyond. What kernels promise of their workspace
    is not checked then.
    """

    name: str = "native"
    features: frozenset[str] = FEATURES - {"device"}
    waits: bool = field(default=True, repr=False)
    """Whether it waits for its machine code where that is still to be compiled; else another engine answers meanwhile."""
    noise: NoiseModel | None = None

    def __post_init__(self) -> None:
        if self.noise is not None:
            require_model(self.noise)
            object.__setattr__(self, "features", self.features - {"state"})

    @property
    def machine_code(self) -> str:
        """Where its machine code is from, in words."""
        return origin()

    @property
    def at_once(self) -> NativeEngine:
        """The same engine, which does not have anybody wait."""
        return replace(self, waits=False)

    def suited(self, circuit: Circuit) -> Engine:
        """See `qkernel.engine.engine_for`: only where nobody asked for this engine by its name."""
        if self.waits or self.noise is not None or circuit.num_qubits <= _LARGEST_STATE or not is_clifford(circuit):
            return self
        outcomes = sum(1 << len(qubits) for qubits in circuit.probabilities)
        if outcomes > _MOST_OUTCOMES or (not circuit.is_unitary and (circuit.expectations or outcomes)):
            return self  # behind measurements tableaus have samples alone
        try:
            return replace(cast("Any", load_engine("qiskit")), method="stabilizer")  # type: ignore[no-any-return]
        except DependencyError:
            return self

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> Prepared:
        """See `qkernel.engine.Engine`. The machine code of `dtype` is loaded here, or compiled."""
        if self.noise is not None:
            return NoisyPrepared(circuit, self.noise, np.dtype(dtype))
        real, amplitudes = np.dtype(np.float32 if np.dtype(dtype) == np.complex64 else np.float64), np.dtype(dtype)
        under_way = None if self.waits else compilation(real)
        if under_way is None or under_way.is_over:
            machine_code(real)
        final = final_measurements(circuit)
        if final is not None and disturbed(circuit, final):
            final = None
        native = _branching(circuit, amplitudes) if final is None else NativePrepared(circuit, amplitudes, final)
        return native if under_way is None or under_way.is_over else Interim(native, circuit, final, under_way)


def _branching(circuit: Circuit, dtype: np.dtype[Any]) -> NativePrepared | Trajectories:
    """By deferred measurements, or history by history, whichever is predicted to be quicker."""
    unitary, trajectories = deferred_if_small(circuit), Trajectories(circuit, dtype)
    if unitary is None or _NANOSECONDS * (unitary.size << unitary.num_qubits) > trajectories.cost:
        return trajectories
    return NativeBranching(trajectories, unitary)


class NativePrepared(AtAnyAngle):
    """See `qkernel.engine.Prepared`; `split` is the entry for layers."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], final: FinalMeasurements) -> None:
        self.circuit, self.dtype, self.final = circuit, dtype, final
        self.has_releases = circuit.has_releases
        self._checked: bytes | None = None
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self._splits = Recent[tuple[tuple[int, ...], tuple[int, ...]], NativeSplit](_MOST_SPLITS)
        self._state_runners: dict[int, Runner] = {}

    def split(self, batched: Sequence[int], shared: Sequence[int]) -> NativeSplit:
        """For layers: columns of theta that come per sample, and columns that are one for all samples.

        Computed slots are further columns, one each, after those of theta.
        """
        key = tuple(batched), tuple(shared)
        return self._splits.get(key) or self._splits.keep(key, NativeSplit(self.circuit, self.dtype, *key))

    def explain(self, batch: int = 1, batched: Sequence[int] | None = None) -> str:
        """The plan as text: passes, bytes, operations, predicted time and why.

        `batched` are the columns that come per sample (default: all, or none for a batch of one).
        """
        chosen = (self._columns if batch > 1 else ()) if batched is None else tuple(batched)
        shared = tuple(column for column in self._columns if column not in chosen)
        split = self.split(chosen, shared)
        return explain(split.plan, split.runner(batch).program, batch)

    def with_open_slots(self, circuit: Circuit) -> Prepared:
        """See `AtAnyAngle`."""
        return NativePrepared(circuit, self.dtype, self.final)

    @property
    def _columns(self) -> tuple[int, ...]:
        return tuple(range(self.circuit.angles.num_columns + len(self.circuit.angles.computed)))

    @cached_property
    def trajectories(self) -> Trajectories:
        """The circuit step by step."""
        return Trajectories(self.circuit, self.dtype)

    def check_releases(self, theta: Array) -> None:
        """See `AtAnyAngle`. What was checked last is not checked again."""
        if self.has_releases and self._checked != (key := theta.tobytes()):
            self.trajectories.check(theta)
            self._checked = key

    @guarded
    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        columns = extended(self.circuit, theta, self.real)
        if len(columns) == 1:
            return self.split((), self._columns).value(columns[:, :0], columns[0])
        return self.split(self._columns, ()).value(columns, np.zeros(0, self.real))

    @guarded
    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`."""
        columns = extended(self.circuit, theta, self.real)
        if len(columns) == 1:
            values, _, gradient = self.split((), self._columns).vjp(columns[:, :0], columns[0], cotangent)
            gradient = gradient[None]
        else:
            values, gradient, _ = self.split(self._columns, ()).vjp(columns, np.zeros(0, self.real), cotangent)
        return values, pulled_back(self.circuit, theta, gradient).astype(self.real, copy=False)

    @guarded
    def state(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        self.final.refuse_state(self.circuit)
        return self._state(theta)

    @cached_property
    def _state_plan(self) -> Plan:
        return compile_plan(self.circuit, self._columns, expectations=False, planner=planner())

    def _states(self, theta: Array, copies: int) -> tuple[Array, Array]:
        """Real and imaginary parts, (batch, 2, 2**n), without global phase, and theta with non-affine angles.

        `copies` states of each sample are needed besides.
        """
        plan, columns = self._state_plan, extended(self.circuit, theta, self.real)
        bits, size = lane_bits(plan.num_qubits, len(columns), self.real), self.dtype.itemsize << plan.num_qubits
        if bits not in self._state_runners:
            require_memory(plan.num_qubits, self.dtype.itemsize)
            position = {column: column for column in self._columns}
            program = encode(plan, bits, self.real, position, costate=False, passes=passes(plan, bits, self.real))
            self._state_runners[bits] = Runner(program)
        runner, computation = self._state_runners[bits], current()
        needed = runner.program.bytes + (1 + copies) * len(columns) * size
        require_memory(plan.num_qubits, self.dtype.itemsize, needed, samples=len(columns))
        states = np.empty((len(columns), 2, 1 << plan.num_qubits), self.real)
        computation.keep(states, columns)
        evolve(runner, states, columns, computation)
        return states, columns

    def _state(self, theta: Array) -> Array:
        plan = self._state_plan
        states, columns = self._states(theta, copies=1 + (plan.place != tuple(range(plan.num_qubits))))
        phase = np.full(len(columns), plan.global_phase.offset)
        for column, coefficient in plan.global_phase.terms:
            phase += coefficient * columns[:, column].astype(float)
        result = np.empty((len(columns), 1 << plan.num_qubits), self.dtype)
        result.real, result.imag = states[:, 0], states[:, 1]
        del states
        result *= np.exp(1j * phase).astype(self.dtype)[:, None]
        return ordered(result, plan.place)

    @guarded
    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`."""
        weights = self._weights(theta)
        return [marginal(weights, self.circuit.num_qubits, qubits) for qubits in self.circuit.probabilities]

    @guarded
    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        return draw(self._outcomes(theta, shots), self.final.measured, self.circuit.num_bits, shots, seed)

    @guarded
    def tally(self, theta: Array, shots: int, seed: int | None) -> Tally:
        """See `qkernel.engine.Tallies`."""
        return tally(self._outcomes(theta, shots), self.final.measured, self.circuit.num_bits, shots, seed)

    def _outcomes(self, theta: Array, shots: int) -> Array:
        """The weights of what is measured."""
        require_memory_for_shots(len(theta), shots, self.circuit.num_bits)
        qubits = tuple(qubit for qubit, _ in self.final.measured)
        return marginal(self._weights(theta), self.circuit.num_qubits, qubits)

    def _weights(self, theta: Array) -> Array:
        """The squares of the amplitudes, shape (batch, 2**n)."""
        states, _ = self._states(theta, copies=1)
        np.square(states, out=states)
        weights = states[:, 0]
        weights += states[:, 1]
        return ordered(weights, self._state_plan.place)


class NativeBranching(NativePrepared):
    """See `qkernel.engine.Prepared`; values and gradients come from the circuit with its measurements deferred."""

    def __init__(self, trajectories: Trajectories, unitary: Circuit) -> None:
        super().__init__(unitary, trajectories.dtype, FinalMeasurements(()))
        self.trajectories = trajectories
        self.has_releases = trajectories.circuit.has_releases

    def with_open_slots(self, circuit: Circuit) -> Prepared:
        """See `AtAnyAngle`."""
        return NativeBranching(Trajectories(open_slots(self.trajectories.circuit, with_loads=True), self.dtype), circuit)

    def state(self, theta: Array) -> Array:
        """There is none."""
        return self.trajectories.state(theta)

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        return self.trajectories.sample(theta, shots, seed)

    def tally(self, theta: Array, shots: int, seed: int | None) -> Tally:
        """See `qkernel.engine.Tallies`."""
        return Tally.of_shots(self.sample(theta, shots, seed))
