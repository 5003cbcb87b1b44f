"""The engine that runs circuits through Qiskit: on Aer, on backends, and on V2 primitives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterExpression, ParameterVector
from qiskit.primitives import StatevectorEstimator
from qiskit.primitives.base import BaseEstimatorV2, BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator

from qkernel.boundary import api_boundary
from qkernel.draw.concrete import wire_names
from qkernel.engine import ESTIMATION, SampleRequest
from qkernel.errors import TargetCapabilityError
from qkernel.lower.angles import without_turns
from qkernel.lower.circuit import Circuit
from qkernel.noise import NoiseModel
from qkernel.observable import Hamiltonian
from qkernel.tallies import Tally
from qkernel_backends.deferral import deferred
from qkernel_backends.density.readout import fading, misread
from qkernel_backends.histories import no_state
from qkernel_backends.memory import require_memory, require_memory_for_shots
from qkernel_backends.qiskit.copies import measured_in_place
from qkernel_backends.qiskit.devices import check_options, device_of, fitted, is_restricted
from qkernel_backends.qiskit.emission import emit_with
from qkernel_backends.qiskit.methods import METHODS, features_of, simulator_with, truncation
from qkernel_backends.qiskit.noise import of_backend, require_place
from qkernel_backends.qiskit.own import OwnCircuit
from qkernel_backends.qiskit.providers import sent_to, service_of
from qkernel_backends.qiskit.report import CircuitFigures, CircuitReport, TargetReport, Truncation
from qkernel_backends.qiskit.running import branches_read, careful, experiments, faithful, running
from qkernel_backends.qiskit.sampling import Part, ToSample, sampled_together

Array = np.ndarray[Any, Any]

_SIDE_BY_SIDE = 1 << 22
"""Amplitudes."""


@api_boundary
@dataclass(frozen=True)
class QiskitEngine:
    """Runs circuits through Qiskit, all samples and observables of a call in one job.

    `backend` is one of: nothing (an ideal Aer simulator), an `AerSimulator`, any `BackendV2`, a V2 estimator or a V2
    sampler. Expectation values are exact on an ideal simulator, and come with `precision` (default: its own) from an
    estimator; any other backend and a sampler give samples only, so that an executor on them needs `shots`. For exact
    values measurements are deferred to fresh qubits, of which there may be 12.

    For a simulator: `method` is one of Aer's, and `noise` a noise model, of Aer or of `qkernel.noise`. `stabilizer` takes
    Clifford circuits of thousands of qubits; `matrix_product_state` circuits that entangle little, exactly unless the
    simulator's options bound its bonds (`report` tells what that cost); `extended_stabilizer` samples circuits of few gates
    that are not Clifford; `density_matrix` has exact values under noise too, misread bits included. Under noise circuits are
    made of the gates that the model has, and a circuit is refused where an error of the model would be lost. What Aer 0.18
    gets wrong is turned off, in simulators and in primitives that are given too (see `qkernel_backends.qiskit.running`); the
    backend that is given is not changed by that, and its options are read when the engine is made.

    For Qiskit's transpiler, where the backend is a device with connections of its own, or a primitive on one:
    `optimization_level` (0 to 3; default: 1 on devices, 0 on simulators of them), `initial_layout` (the device's qubit for
    each qubit), `seed_transpiler` (default: 0). `pass_manager`, any with a method `run`, stands in its place. What it makes
    of a circuit is kept, and serves all values, samples and shifts of it.

    Raises `TargetCapabilityError` for any other backend, `ValidationError` for a bad option and for one without effect.
    """

    backend: Any = None
    precision: float | None = None
    name: str = "qiskit"
    _: KW_ONLY
    optimization_level: int | None = None
    initial_layout: Sequence[int] | None = None
    seed_transpiler: int | None = None
    pass_manager: Any = None
    noise: Any = field(default=None, hash=False)
    method: str | None = None
    own: OwnCircuit | None = field(default=None, repr=False)
    """See `with_circuit`."""
    runs_on: Any = field(init=False, repr=False, compare=False)
    """The backend, with `method` and `noise`; a simulator with the options that it had when the engine was made."""
    features: frozenset[str] = field(init=False, repr=False, compare=False)
    """What it can do; see `qkernel.engine.FEATURES`."""
    is_ideal: bool = field(init=False, repr=False, compare=False)
    """Whether it runs on an Aer simulator without noise and restrictions."""
    _options: Any = field(init=False, repr=False, hash=False)

    def __post_init__(self) -> None:
        known = (BackendV2, BaseEstimatorV2, BaseSamplerV2)
        if self.backend is not None and not isinstance(self.backend, known):
            raise TargetCapabilityError(
                f"Qiskit circuits do not run on a `{type(self.backend).__name__}`",
                help="give an Aer simulator, a `BackendV2`, or a V2 estimator or sampler",
            )
        runs_on = simulator_with(self.backend, self.method, self.noise)
        is_simulator = isinstance(runs_on, AerSimulator)
        layout = None if self.initial_layout is None else tuple(self.initial_layout)
        for name, value in {
            "runs_on": runs_on,
            "initial_layout": layout,
            "_options": dict(runs_on.options) if is_simulator else None,
            "is_ideal": runs_on is None or (is_simulator and not is_restricted(runs_on)),
        }.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "features", self._features())
        check_options(self.transpiler_options, self.pass_manager, runs_on)

    @property
    def transpiler_options(self) -> dict[str, Any]:
        """The options that were given for Qiskit's transpiler."""
        layout = None if self.initial_layout is None else list(self.initial_layout)
        given = {
            "optimization_level": self.optimization_level,
            "initial_layout": layout,
            "seed_transpiler": self.seed_transpiler,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def sends_jobs(self) -> bool:
        """Whether circuits go to a provider, who finds the jobs again by their ids."""
        return service_of(self.runs_on) is not None

    @property
    def noise_model(self) -> NoiseModel | None:
        """What a simulator's noise model, or the properties of a backend, say of its noise; None where there is none."""
        device = device_of(self.runs_on)
        return None if device is None else of_backend(device)

    def with_circuit(self, circuit: Circuit, made: QuantumCircuit) -> QiskitEngine:
        """This engine, with `made` in the place of what it would make of `circuit`; see `Executable.with_circuit`."""
        own = OwnCircuit(circuit, made, device_of(self.runs_on))
        own.check()
        return replace(self, own=own)

    def _features(self) -> frozenset[str]:
        if self.own is not None:
            return replace(self, own=None).features - {"state", "probabilities"}
        common = frozenset({"mid_circuit", "branching", "loops", "batch"})
        if isinstance(self.runs_on, BaseEstimatorV2):
            return common | {"expectation", ESTIMATION}
        if self.runs_on is None:
            return common | METHODS["statevector"]
        return common | (features_of(self.runs_on, self.is_ideal) if isinstance(self.runs_on, AerSimulator) else {"sampling"})

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> QiskitPrepared:
        """Make `circuit` ready; a simulator that is not given computes in the precision of `dtype`."""
        return QiskitPrepared(self, circuit, np.dtype(dtype))

    def sample_together(self, requests: Sequence[SampleRequest]) -> tuple[list[Tally], tuple[str, ...]]:
        """See `qkernel.engine.SamplesTogether`."""
        parts: list[Any] = [each.prepared for each in requests]
        asked = [Part(each.to_sample(one.theta), one.shots, one.seed) for each, one in zip(parts, requests, strict=True)]
        return sampled_together(self.runs_on, asked)

    def report(self, name: str, prepared: Sequence[QiskitPrepared], theta: Array | None = None) -> TargetReport:
        """What the target makes of the circuits of a kernel called `name`; see `QiskitPrepared.report`."""
        device = device_of(self.runs_on)
        target = "Aer" if device is None else device.name
        return TargetReport(name, target, tuple(each.report(theta) for each in prepared))


@dataclass(frozen=True, eq=False)
class QiskitPrepared:
    """A circuit on Qiskit; see `qkernel.engine.Prepared`. Its angles, not its arguments, are Qiskit's parameters."""

    engine: QiskitEngine
    circuit: Circuit
    dtype: np.dtype[Any]

    def expect(self, theta: Array) -> Array:
        """Expectation values, shape (batch, observables)."""
        self._require("expectation", "has no exact expectation values: give the executor `shots`")
        observables = [part.observable for part in self.circuit.expectations]
        values = np.tile([float(observable.constant.real) for observable in observables], (len(theta), 1))
        open_ones = [k for k, observable in enumerate(observables) if len(observable)]
        if open_ones and len(theta):
            values[:, open_ones] += self._unitary._expect(theta, [observables[k] for k in open_ones])
        return values.astype(self._real)

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Not here: derivatives on Qiskit come from parameter shifts."""
        raise TargetCapabilityError(
            "the engine `qiskit` has no adjoint gradient", help='use `gradient="shift"`, which works on every engine'
        )

    def probabilities(self, theta: Array) -> list[Array]:
        """Outcome probabilities, for each entry of the circuit's an array (batch, 2**k)."""
        self._require("probabilities", "has no exact probabilities: give the executor `shots`")
        circuit = self._unitary._without_phase()
        labels = {k: f"probabilities_{k}" for k, qubits in enumerate(self.circuit.probabilities) if qubits}
        for k, label in labels.items():
            circuit.save_probabilities([self._unitary._ends[qubit] for qubit in self.circuit.probabilities[k]], label=label)
        rows = self._unitary._simulate(circuit, theta) if labels else []
        found = []
        for k, qubits in enumerate(self.circuit.probabilities):
            saved = [row[labels[k]] for row in rows] if qubits else np.ones(len(theta))
            shares = np.array(saved, float).reshape(len(theta), 1 << len(qubits))
            if self._noise is not None:
                shares = misread(shares, [self._unitary._fading(qubit) for qubit in qubits])
            found.append(shares.astype(self._real))
        return found

    def state(self, theta: Array) -> Array:
        """Final amplitudes, shape (batch, 2**num_qubits), global phase included."""
        self._require("state", "has no amplitudes: use the engine without a backend")
        if not self.circuit.is_unitary:
            raise no_state(self.circuit)
        circuit = self._without_phase()
        circuit.save_statevector(label="state")
        rows = [np.asarray(row["state"]) for row in self._simulate(circuit, theta)]
        amplitudes = np.array(rows, complex).reshape(len(theta), 1 << self.circuit.num_qubits)
        return (amplitudes * self._phases(theta)[:, None]).astype(self.dtype)

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """What shots leave, uint8 of shape (batch, shots, memory_bits)."""
        self._require("sampling", "gives no samples: use a sampler or a backend")
        require_memory_for_shots(len(theta), shots, self.circuit.memory_bits)
        (tally,), _ = self.engine.sample_together([SampleRequest(self, theta, shots, seed)])
        return tally.singly()

    def to_sample(self, theta: Array) -> ToSample:
        """See `ToSample`."""
        self._require("sampling", "gives no samples: use a sampler or a backend")
        circuit = self._to_sample
        return ToSample(circuit, self._values(circuit, theta), self.circuit.memory_bits, self._backend, self.circuit.name)

    def report(self, theta: Array | None = None) -> CircuitReport:
        """What the target makes of the circuit; on matrix product states, of one row of `theta`, also what that leaves out."""
        made, count = self._translated, self.circuit.num_qubits
        names = {qubit: f"qubit {qubit}" for qubit in range(count)} | wire_names(self.circuit)
        start = range(count) if self._layout is None else self._layout.initial_index_layout(filter_ancillas=True)
        before, after = CircuitFigures.of(self._circuit), CircuitFigures.of(made, getattr(self._device, "target", None))
        left_out = None
        truncates = isinstance(self._backend, AerSimulator) and self._backend.options.method == "matrix_product_state"
        if truncates and (theta is not None or not made.parameters):
            values = [] if theta is None else self._values(made, theta)[0]
            left_out = Truncation(*truncation(self._backend, made.assign_parameters(values)))
        return CircuitReport(
            before,
            after,
            {names[qubit]: place for qubit, place in enumerate(start)},
            {names[qubit]: place for qubit, place in enumerate(self._ends)},
            made,
            left_out,
        )

    @property
    def _layout(self) -> Any:
        """Where the translated circuit has its qubits, if the transpiler chose that."""
        return self._translated.layout if self.engine.own is None else self.engine.own.made.layout

    @cached_property
    def _ends(self) -> list[int]:
        """Where the translated circuit has its qubits in the end."""
        if self._layout is None:
            return list(range(self.circuit.num_qubits))
        places: list[int] = self._layout.final_index_layout(filter_ancillas=True)
        return places

    @cached_property
    def _to_sample(self) -> QuantumCircuit:
        """What is run for samples."""
        circuit, device = self._without_phase(), self._device
        on_aer = self.engine.runs_on is None or isinstance(device, (AerSimulator, GenericBackendV2))
        return branches_read(circuit) if on_aer else circuit

    @property
    def _real(self) -> Any:
        return np.float32 if self.dtype == np.complex64 else np.float64

    @cached_property
    def _unitary(self) -> QiskitPrepared:
        """This, with measurements deferred to the end, where only exact values are wanted."""
        if self.circuit.is_unitary:
            return self
        if self.engine.own is not None:
            title = (
                f"`{self.circuit.name}` measures or resets qubits, and a circuit that is given has no exact values behind that"
            )
            raise TargetCapabilityError(title, help="give `shots`")
        device = self._device
        if device is not None and not (isinstance(device, AerSimulator) and not is_restricted(device)):
            what = "an estimator on a device" if isinstance(self.engine.runs_on, BaseEstimatorV2) else "a simulator with noise"
            raise TargetCapabilityError(
                f"`{self.circuit.name}` measures or resets qubits, and {what} has no exact values behind that",
                help="use the device or a sampler on it, with `shots`",
            )
        return QiskitPrepared(self.engine, deferred(self.circuit), self.dtype)

    @cached_property
    def _open_slots(self) -> Array:
        """The slots whose angles depend on the open parameters."""
        return self.circuit.angles.varying

    @cached_property
    def _circuit(self) -> QuantumCircuit:
        """The circuit with a Qiskit parameter `angle[k]` for the k-th open slot."""
        angles: list[Any] = without_turns(self.circuit.angles.offsets).tolist()
        for slot, parameter in zip(self._open_slots.tolist(), ParameterVector("angle", len(self._open_slots)), strict=True):
            angles[slot] = parameter
        return emit_with(self._fitting, angles)

    @cached_property
    def _fitting(self) -> Circuit:
        """The circuit, without copies of bits where the device cannot store them."""
        stores = self._device is None or (isinstance(self._device, AerSimulator) and self._device.options.noise_model is None)
        return self.circuit if stores or "store" in self._device.operation_names else measured_in_place(self.circuit)

    @cached_property
    def _translated(self) -> QuantumCircuit:
        """The circuit in gates that the device takes."""
        if self.engine.own is not None:
            return self.engine.own.followed(self.circuit)
        simulator, noise = self.engine.runs_on, self.engine.noise
        method = simulator.options.method if isinstance(simulator, AerSimulator) else None
        if isinstance(noise, NoiseModel):
            require_place(self.circuit, noise, simulator.options.noise_model)
        if simulator is None or method in ("statevector", "density_matrix"):
            qubits = self.circuit.num_qubits * (2 if method == "density_matrix" else 1)
            require_memory(qubits, self.dtype.itemsize, circuit=self.circuit)
        return fitted(self._fitting, self._circuit, self._device, self.engine.pass_manager, **self.engine.transpiler_options)

    def _without_phase(self) -> QuantumCircuit:
        """A copy of the translated circuit without its global phase, to which Aer binds no arrays."""
        circuit = self._translated.copy()
        circuit.global_phase = 0
        return circuit

    @cached_property
    def _device(self) -> Any:
        """The backend that circuits are translated for, as far as it is known."""
        return device_of(self.engine.runs_on)

    @cached_property
    def _backend(self) -> BackendV2:
        """The backend that runs the circuit."""
        backend = self.engine.runs_on
        if backend is None:
            precision = "single" if self.dtype == np.complex64 else "double"
            backend = AerSimulator(method="statevector", precision=precision, max_parallel_experiments=0)
        if isinstance(backend, AerSimulator):
            return faithful(backend)
        return backend

    def _values(self, circuit: QuantumCircuit, theta: Array) -> Array:
        """Values of the parameters of `circuit`, in its order, shape (batch, parameters)."""
        if self.engine.own is not None:
            return self.engine.own.values(circuit, theta)
        angles = without_turns(self.circuit.angles.evaluate(theta)[:, self._open_slots])
        return angles[:, [parameter.index for parameter in circuit.parameters]]

    def shot_seconds(self) -> float | None:
        """How long a machine takes for a shot, with the delay between shots or a reset; None where it does not tell."""
        target: Any = getattr(self._device, "target", None)
        duration = CircuitFigures.of(self._translated, target).duration
        delay = getattr(self._device, "default_rep_delay", None)
        if duration is None or isinstance(self._device, AerSimulator):
            return None
        if delay is None and "reset" in target.operation_names:
            known = [properties.duration for properties in target["reset"].values() if properties is not None]
            delay = max((seconds for seconds in known if seconds is not None), default=None)
        return duration + (delay or 0.0)

    def estimate(self, theta: Array, precision: float | None) -> tuple[Array, Array, dict[str, Any]]:
        """See `qkernel.engine.Estimates`: values and standard errors as an estimator gives them."""
        observables = [part.observable for part in self.circuit.expectations]
        values = np.tile([float(observable.constant.real) for observable in observables], (len(theta), 1))
        errors = np.zeros_like(values)
        open_ones = [k for k, observable in enumerate(observables) if len(observable)]
        if not open_ones or not len(theta):
            return values, errors, {"jobs": (), "precision": precision}
        found = self._unitary._on_estimator(theta, [observables[k] for k in open_ones], precision)
        values[:, open_ones] += found[0]
        errors[:, open_ones] = found[1]
        return values, errors, found[2]

    def _expect(self, theta: Array, observables: list[Hamiltonian]) -> Array:
        if isinstance(self.engine.runs_on, BaseEstimatorV2):
            return self._on_estimator(theta, observables, None)[0]
        rows = self._simulate(self._to_expect, theta)
        values = [[row[f"expectation_{k}"] for k in range(len(observables))] for row in rows]
        return np.array(values, float).reshape(len(theta), len(observables))

    @cached_property
    def _to_expect(self) -> QuantumCircuit:
        """What a simulator runs for the expectation values of all observables but constants."""
        circuit = self._without_phase()
        # Aer 0.18 has wrong values where it drops qubits that others than those of the observable were exchanged with.
        touched = {circuit.find_bit(qubit).index for row in circuit.data for qubit in row.qubits}
        places = sorted(touched | set(self._ends))
        ends = [places.index(place) for place in self._ends]
        observables = [part.observable for part in self.circuit.expectations if len(part.observable)]
        for k, observable in enumerate(observables):
            fades = {entry.index: self._fading(entry.index) for key, _ in observable for entry in key}
            operator = _operator(observable, self.circuit.num_qubits, fades).apply_layout(ends, len(places))
            circuit.save_expectation_value(operator, places, label=f"expectation_{k}")
        return circuit

    def _fading(self, qubit: int) -> tuple[float, float]:
        """See `fading`: Aer's values know nothing of the noise of measurements."""
        return (1.0, 0.0) if self._noise is None else fading(self._noise, self._ends[qubit])

    @cached_property
    def _noise(self) -> NoiseModel | None:
        return self.engine.noise_model if isinstance(self.engine.runs_on, AerSimulator) else None

    def _on_estimator(
        self, theta: Array, observables: list[Hamiltonian], precision: float | None
    ) -> tuple[Array, Array, dict[str, Any]]:
        """As `estimate`, of observables without constants."""
        circuit = self._without_phase()
        operators = [_operator(observable, self.circuit.num_qubits) for observable in observables]
        if self._layout is not None:
            operators = [operator.apply_layout(self._ends, circuit.num_qubits) for operator in operators]
        # one column of parameter values against one row of observables
        values = (self._values(circuit, theta)[:, None, :],) if circuit.parameters else ()
        asked = self.engine.precision if precision is None else precision
        with running(self.circuit.name):
            run = partial(careful(self.engine.runs_on).run, [(circuit, [operators], *values)], precision=asked)
            job = sent_to(self.engine.runs_on, run)
            (result,) = job.result()
            found = [np.asarray(part, float).reshape(-1, len(operators)) for part in (result.data.evs, result.data.stds)]
        said = {key: value for key, value in result.metadata.items() if isinstance(value, (int, float, str))}
        if isinstance(self.engine.runs_on, StatevectorEstimator):  # it draws with the precision, and says 0
            found[1] = np.full_like(found[1], said.get("target_precision", 0.0))
        told = {**said, "jobs": (job.id,), "precision": said.get("target_precision", asked)}
        shape = len(theta), len(operators)
        return np.broadcast_to(found[0], shape), np.broadcast_to(found[1], shape), told

    def _simulate(self, circuit: QuantumCircuit, theta: Array) -> list[dict[str, Any]]:
        """What `circuit` saves, for each row of `theta`."""
        with running(self.circuit.name):
            # All rows as one circuit with many parameters, which keeps their states side by side.
            beside = self.engine.runs_on is None and len(theta) << self.circuit.num_qubits <= _SIDE_BY_SIDE
            options = {"runtime_parameter_bind_enable": True} if beside else {}
            (found,), _ = experiments(self._backend, [(circuit, self._values(circuit, theta))], each=False, **options)
            rows = [entry.data.to_dict() for entry in found]
        return rows if len(rows) == len(theta) else rows * len(theta)

    def _phases(self, theta: Array) -> Array:
        """exp(i global phase) of the translated circuit for each row of `theta`."""
        phase = self._translated.global_phase
        if not isinstance(phase, ParameterExpression):
            return np.full(len(theta), np.exp(1j * phase))
        angles = without_turns(self.circuit.angles.evaluate(theta)[:, self._open_slots])
        named = [(parameter, parameter.index) for parameter in phase.parameters]
        return np.exp(1j * np.array([float(phase.bind({name: row[k] for name, k in named})) for row in angles]))

    def _require(self, feature: str, lack: str) -> None:
        if feature not in self.engine.features:
            raise TargetCapabilityError(f"a `{type(self.engine.runs_on).__name__}` {lack}")


def _operator(observable: Hamiltonian, num_qubits: int, fades: Mapping[int, tuple[float, float]] = {}) -> SparsePauliOp:
    """The terms of `observable`, without its constant, as they are measured where qubits have their `fading` in `fades`."""
    terms: list[tuple[str, list[int], complex]] = []
    for key, coefficient in observable:
        words: list[tuple[str, list[int], complex]] = [("", [], coefficient)]
        for entry in key:
            kept, constant = fades.get(entry.index, (1.0, 0.0))
            without = [(letters, places, factor * constant) for letters, places, factor in words if constant]
            words = [(letters + entry.pauli.value, [*places, entry.index], factor * kept) for letters, places, factor in words]
            words += without
        terms += words
    return SparsePauliOp.from_sparse_list(terms, num_qubits=num_qubits)
