"""The engine that runs circuits through Qiskit: on Aer, on backends, and on V2 primitives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterExpression, ParameterVector, SessionEquivalenceLibrary
from qiskit.exceptions import QiskitError
from qiskit.primitives import BackendSamplerV2
from qiskit.primitives.base import BaseEstimatorV2, BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import PassManager
from qiskit.transpiler.passes import BasisTranslator, HighLevelSynthesis
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2, SamplerV2

from qkernel.errors import ExecutionError, TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian
from qkernel_backends.deferral import deferred
from qkernel_backends.memory import require_memory
from qkernel_backends.qiskit.emission import emit_with

Array = np.ndarray[Any, Any]

# What circuits are translated to for Aer. It binds arrays of values to parameters itself, and gets controlled rotations
# (cp, crx, mcphase ...) wrong or refuses them there; others of its gates are left out because it has no kernel for them.
# fmt: off
AER_BASIS = [
    "id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "p", "rx", "ry", "rz", "u",
    "cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz", "rzx",
    "unitary", "measure", "reset", "barrier", "if_else", "while_loop", "store",
]
# fmt: on


@dataclass(frozen=True)
class QiskitEngine:
    """Runs circuits through Qiskit, all samples and observables of a call in one job.

    `backend` is one of: nothing (an ideal Aer simulator), an `AerSimulator`, any `BackendV2`, a V2 estimator or a V2
    sampler. Expectation values are exact on an ideal simulator, and come with `precision` (default: its own) from an
    estimator; any other backend and a sampler give samples only, so that an executor on them needs `shots`. For exact
    values measurements are deferred to fresh qubits, of which there may be 12.
    Aer's gate fusion is always off, in simulators and in primitives that are given too: Aer 0.18 fuses some circuits of
    more than 14 qubits into wrong ones. The backend that is given is not changed by that.
    Raises `TargetCapabilityError` for any other backend.
    """

    backend: Any = None
    precision: float | None = None
    name: str = "qiskit"

    def __post_init__(self) -> None:
        known = (BackendV2, BaseEstimatorV2, BaseSamplerV2)
        if self.backend is not None and not isinstance(self.backend, known):
            raise TargetCapabilityError(
                f"Qiskit circuits do not run on a `{type(self.backend).__name__}`",
                help="give an Aer simulator, a `BackendV2`, or a V2 estimator or sampler",
            )

    @property
    def is_ideal(self) -> bool:
        """Whether it runs on an Aer simulator without noise and restrictions."""
        return self.backend is None or (isinstance(self.backend, AerSimulator) and not _is_restricted(self.backend))

    @property
    def features(self) -> frozenset[str]:
        """What it can do; see `qkernel.engine.FEATURES`."""
        common = frozenset({"mid_circuit", "branching", "batch"})
        if isinstance(self.backend, BaseEstimatorV2):
            return common | {"expectation"}
        return common | ({"sampling", "expectation", "probabilities", "state"} if self.is_ideal else {"sampling"})

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> QiskitPrepared:
        """Make `circuit` ready; a simulator that is not given computes in the precision of `dtype`."""
        return QiskitPrepared(self, circuit, np.dtype(dtype))


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
        for k, qubits in enumerate(self.circuit.probabilities):
            circuit.save_probabilities(list(qubits), label=f"probabilities_{k}")
        rows = self._unitary._simulate(circuit, theta)
        return [
            np.array([row[f"probabilities_{k}"] for row in rows], self._real).reshape(len(theta), 1 << len(qubits))
            for k, qubits in enumerate(self.circuit.probabilities)
        ]

    def state(self, theta: Array) -> Array:
        """Final amplitudes, shape (batch, 2**num_qubits), global phase included."""
        self._require("state", "has no amplitudes: use the engine without a backend")
        if not self.circuit.is_unitary:
            raise TargetCapabilityError(
                f"`{self.circuit.name}` measures or resets qubits, so that it has no single final state"
            )
        circuit = self._without_phase()
        circuit.save_statevector(label="state")
        rows = [np.asarray(row["state"]) for row in self._simulate(circuit, theta)]
        amplitudes = np.array(rows, complex).reshape(len(theta), 1 << self.circuit.num_qubits)
        return (amplitudes * self._phases(theta)[:, None]).astype(self.dtype)

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """Measured bits, uint8 of shape (batch, shots, num_bits)."""
        if not self.circuit.num_bits or not len(theta):
            return np.zeros((len(theta), shots, self.circuit.num_bits), np.uint8)
        circuit, sampler = self._without_phase(), self._sampler(seed)
        # Rows without parameters of their own are samples of their own all the same.
        pubs: list[Any] = [(circuit, self._values(circuit, theta))] if circuit.parameters else [(circuit,)] * len(theta)
        with self._running():
            results = sampler.run(pubs, shots=shots).result()
            (register,) = circuit.cregs
            bits = [result.data[register.name].to_bool_array(order="little") for result in results]
        return (bits[0] if circuit.parameters else np.stack(bits)).astype(np.uint8)

    @property
    def _real(self) -> Any:
        return np.float32 if self.dtype == np.complex64 else np.float64

    @cached_property
    def _unitary(self) -> QiskitPrepared:
        """This, with measurements put off to the end, where only exact values are wanted."""
        return self if self.circuit.is_unitary else QiskitPrepared(self.engine, deferred(self.circuit), self.dtype)

    @cached_property
    def _open_slots(self) -> Array:
        """The slots whose angles depend on the open parameters."""
        curved = np.array([slot for slot, _ in self.circuit.angles.curved], int)
        return np.union1d(self.circuit.angles.rows, curved)

    @cached_property
    def _circuit(self) -> QuantumCircuit:
        """The circuit with a Qiskit parameter `angle[k]` for the k-th open slot."""
        angles: list[Any] = self.circuit.angles.offsets.tolist()
        for slot, parameter in zip(self._open_slots.tolist(), ParameterVector("angle", len(self._open_slots)), strict=True):
            angles[slot] = parameter
        return emit_with(self.circuit, angles)

    @cached_property
    def _translated(self) -> QuantumCircuit:
        """The circuit in gates that the device takes."""
        if self.engine.is_ideal and (self.engine.backend is None or self.engine.backend.options.method == "statevector"):
            require_memory(self.circuit.num_qubits, self.dtype.itemsize)
        return translate(self._circuit, self._device)

    def _without_phase(self) -> QuantumCircuit:
        """A copy of the translated circuit without its global phase, to which Aer binds no arrays."""
        circuit = self._translated.copy()
        circuit.global_phase = 0
        return circuit

    @property
    def _device(self) -> Any:
        """The backend that circuits are translated for, as far as it is known."""
        backend = self.engine.backend
        if not isinstance(backend, (BaseEstimatorV2, BaseSamplerV2)):
            return backend
        device = getattr(backend, "backend", None) or getattr(backend, "_backend", None)
        return device() if callable(device) and not isinstance(device, BackendV2) else device

    def _values(self, circuit: QuantumCircuit, theta: Array) -> Array:
        """Values of the parameters of `circuit`, in its order, shape (batch, parameters)."""
        angles = self.circuit.angles.evaluate(np.asarray(theta, float))[:, self._open_slots]
        return angles[:, [parameter.index for parameter in circuit.parameters]]

    def _expect(self, theta: Array, observables: list[Hamiltonian]) -> Array:
        given = isinstance(self.engine.backend, BaseEstimatorV2)
        estimator = without_fusion(self.engine.backend) if given else EstimatorV2.from_backend(self._simulator)
        circuit = self._without_phase()
        operators = [_operator(observable, self.circuit.num_qubits) for observable in observables]
        if circuit.layout is not None:
            operators = [operator.apply_layout(circuit.layout) for operator in operators]
        with self._running():
            # one column of parameter values against one row of observables
            values = (self._values(circuit, theta)[:, None, :],) if circuit.parameters else ()
            result = estimator.run([(circuit, [operators], *values)], precision=self.engine.precision).result()
            return np.asarray(result[0].data.evs, float).reshape(-1, len(operators))

    def _sampler(self, seed: int | None) -> Any:
        backend = self.engine.backend
        self._require("sampling", "gives no samples: use a sampler or a backend")
        if isinstance(backend, BaseSamplerV2):
            if seed is not None:
                raise TargetCapabilityError(
                    f"the seed of a `{type(backend).__name__}` cannot be set from here", help="give the seed when you make it"
                )
            return without_fusion(backend)
        if backend is None or isinstance(backend, AerSimulator):
            return SamplerV2.from_backend(self._simulator, seed=seed)
        return BackendSamplerV2(backend=backend, options={} if seed is None else {"seed_simulator": seed})

    @property
    def _simulator(self) -> AerSimulator:
        if self.engine.backend is not None:
            return without_fusion(self.engine.backend)
        precision = "single" if self.dtype == np.complex64 else "double"
        return AerSimulator(method="statevector", precision=precision, max_parallel_experiments=0, fusion_enable=False)

    def _simulate(self, circuit: QuantumCircuit, theta: Array) -> list[dict[str, Any]]:
        """What `circuit` saves, for each row of `theta`."""
        if not len(theta):
            return []
        values = self._values(circuit, theta)
        binds = {parameter: values[:, k] for k, parameter in enumerate(circuit.parameters)}
        with self._running():
            result = self._simulator.run(circuit, parameter_binds=[binds]).result()
            count = len(theta) if binds else 1
            rows = [result.data(k) for k in range(count)]
        return rows if binds else rows * len(theta)

    def _phases(self, theta: Array) -> Array:
        """exp(i global phase) of the translated circuit for each row of `theta`."""
        phase = self._translated.global_phase
        if not isinstance(phase, ParameterExpression):
            return np.full(len(theta), np.exp(1j * phase))
        angles = self.circuit.angles.evaluate(np.asarray(theta, float))[:, self._open_slots]
        named = [(parameter, parameter.index) for parameter in phase.parameters]
        return np.exp(1j * np.array([float(phase.bind({name: row[k] for name, k in named})) for row in angles]))

    def _require(self, feature: str, lack: str) -> None:
        if feature not in self.engine.features:
            raise TargetCapabilityError(f"a `{type(self.engine.backend).__name__}` {lack}")

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Turns what Qiskit raises while it runs into errors of this package."""
        try:
            yield
        except QiskitError as error:
            raise ExecutionError(f"Qiskit could not run `{self.circuit.name}`: {error.message}") from error


def without_fusion(backend: Any) -> Any:
    """A copy of an Aer simulator, or of a primitive on one, that fuses no gates; any other backend as it is."""
    if isinstance(backend, AerSimulator):
        simulator = copy(backend)
        simulator._options = copy(backend._options)
        simulator.set_options(fusion_enable=False)
        return simulator
    inner = getattr(backend, "_backend", None)
    if not isinstance(inner, AerSimulator):
        return backend
    primitive = copy(backend)
    primitive._backend = without_fusion(inner)
    return primitive


def translate(circuit: QuantumCircuit, device: Any) -> QuantumCircuit:
    """`circuit` in gates that `device` (None: an ideal Aer simulator) takes; on Aer none is a controlled rotation."""
    if device is not None and not isinstance(device, AerSimulator):
        return transpile(circuit, backend=device, optimization_level=1, seed_transpiler=0)
    if device is not None and _is_restricted(device):
        names = [name for name in AER_BASIS[: AER_BASIS.index("unitary")] if name in device.operation_names]
        return transpile(circuit, basis_gates=names, coupling_map=device.coupling_map, optimization_level=0, seed_transpiler=0)
    if circuit.count_ops().keys() <= set(AER_BASIS) - {"if_else", "while_loop"}:
        return circuit
    passes = (
        HighLevelSynthesis(equivalence_library=SessionEquivalenceLibrary, basis_gates=AER_BASIS, qubits_initially_zero=False),
        BasisTranslator(SessionEquivalenceLibrary, AER_BASIS),
    )
    return PassManager(passes).run(circuit)


def _is_restricted(simulator: AerSimulator) -> bool:
    """Whether it has noise, or qubits that are not all connected."""
    return simulator.options.noise_model is not None or simulator.coupling_map is not None


def _operator(observable: Hamiltonian, num_qubits: int) -> SparsePauliOp:
    """The terms of `observable`, without its constant."""
    terms = [
        ("".join(entry.pauli.value for entry in key), [entry.index for entry in key], coefficient)
        for key, coefficient in observable
    ]
    return SparsePauliOp.from_sparse_list(terms, num_qubits=num_qubits)
