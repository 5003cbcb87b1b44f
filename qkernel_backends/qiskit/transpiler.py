"""`QiskitTranspiler`: kernels as Qiskit circuits and as programs that run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from qiskit import QuantumCircuit
from qiskit.primitives.base import BaseEstimatorV2, BaseSamplerV2

from qkernel.errors import KernelTypeError, ValidationError
from qkernel.execution.executor import Executor
from qkernel.execution.shots import check_shots, shot_count
from qkernel.kernel import Kernel
from qkernel.peer import PeerExecutable
from qkernel_backends.qiskit.emission import emit
from qkernel_backends.qiskit.engine import QiskitEngine


@dataclass(frozen=True, slots=True)
class CompiledCircuit:
    """A circuit of an executable, as Qiskit holds it."""

    circuit: QuantumCircuit


class QiskitExecutable(PeerExecutable):
    """An executable that also shows its circuit in Qiskit; the circuit is written when it is first asked for."""

    @cached_property
    def quantum_circuit(self) -> QuantumCircuit:
        """The circuit in Qiskit, its open parameters named as in `parameter_names`."""
        return emit(self.circuit)

    def get_first_circuit(self) -> QuantumCircuit:
        """`quantum_circuit`."""
        return self.quantum_circuit

    def get_circuits(self) -> list[QuantumCircuit]:
        """`quantum_circuit`, which is the only one, in a list."""
        return [self.quantum_circuit]

    @property
    def compiled_quantum(self) -> tuple[CompiledCircuit, ...]:
        """The only circuit, as `compiled_quantum[0].circuit`."""
        return (CompiledCircuit(self.quantum_circuit),)


@dataclass(frozen=True, slots=True)
class QiskitTranspiler:
    """Compiles kernels for Qiskit.

    `engine` runs what it makes where a call names no executor: what `kernel.compile(engine=...)` takes, such as a backend or
    `QiskitEngine(backend, optimization_level=3)`.
    """

    engine: Any = "auto"

    def transpile(
        self,
        kernel: Kernel[..., Any],
        bindings: Mapping[str, Any] | None = None,
        parameters: Iterable[str] | None = None,
        *,
        lengths: Mapping[str, int | Iterable[Any]] | None = None,
    ) -> QiskitExecutable:
        """Compile `kernel` with `bindings` fixed and `parameters` left open until it runs.

        Float and UInt arguments in neither become parameters by themselves where they shape nothing. `lengths` gives shapes
        of open arrays, and the keys of open dictionaries.
        Raises the errors of tracing (QK1xx, QK2xx), binding (QK3xx) and lowering (QK4xx).
        """
        if not isinstance(kernel, Kernel):
            raise KernelTypeError(
                f"a kernel is wanted, not a {type(kernel).__name__}", help="write `@qkernel` over the function"
            )
        compiled = kernel.compile(bindings, parameters, lengths=lengths)
        return QiskitExecutable(compiled.circuit, compiled.module, self.engine, fixed=compiled.fixed)

    def to_circuit(
        self,
        kernel: Kernel[..., Any],
        bindings: Mapping[str, Any] | None = None,
        parameters: Iterable[str] | None = None,
        *,
        lengths: Mapping[str, int | Iterable[Any]] | None = None,
    ) -> QuantumCircuit:
        """The kernel's circuit in Qiskit: exactly the gates that were written, arguments left open as Qiskit parameters.

        `lengths` is as in `transpile`. Raises what that raises, and `TargetCapabilityError` for what Qiskit cannot express.
        """
        return self.transpile(kernel, bindings, parameters, lengths=lengths).quantum_circuit

    def executor(self, backend: Any = None, seed: int | None = None, shots: int | None = None) -> Executor:
        """Where executables run.

        With no `backend`: the transpiler's engine, by default the built-in one on this machine, exact unless `shots` are given.
        `backend` may be an Aer simulator, any `BackendV2`, or a V2 estimator or sampler, on which circuits run through
        `QiskitEngine`, or such an engine with options of its own.
        An estimator aims at the precision 1 / sqrt(shots); a primitive has its own seed, so that none is given here.
        On Aer gate fusion stays off whatever the simulator's options say, as it is wrong beyond 14 qubits.
        Raises `TargetCapabilityError` for any other backend, and `ShotsError` for a bad number of shots.
        """
        if backend is None:
            return Executor(self.engine, seed, shots)
        if isinstance(backend, QiskitEngine):
            return Executor(backend, seed, shots)
        if isinstance(backend, (BaseEstimatorV2, BaseSamplerV2)) and seed is not None:
            raise ValidationError(
                f"the seed of a `{type(backend).__name__}` cannot be set from here", help="give the seed when you make it"
            )
        if isinstance(backend, BaseEstimatorV2):
            return Executor(QiskitEngine(backend, None if shots is None else shot_count(check_shots(shots)) ** -0.5))
        return Executor(QiskitEngine(backend), seed, shots)
