"""The engine that runs circuits on PennyLane's devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import autograd
import numpy as np
import pennylane as qml

from qkernel.errors import ExecutionError, QKernelError, TargetCapabilityError
from qkernel.lower.angles import without_turns
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian
from qkernel_backends.pennylane.emission import operations, operator
from qkernel_backends.read_out import Angles, ReadOut

Array = np.ndarray[Any, Any]
_PURE = frozenset({"sampling", "mid_circuit", "branching", "batch", "expectation", "probabilities"})
_FEATURES = {
    "default.qubit": _PURE | {"state", "gradient"},
    "lightning.qubit": _PURE | {"state", "gradient"},
    "lightning.kokkos": _PURE | {"state", "gradient"},
    "lightning.gpu": _PURE | {"state", "gradient"},
    "default.mixed": _PURE,
}


@dataclass(frozen=True)
class PennyLaneEngine:
    """Runs circuits on a device of PennyLane's: nothing (`default.qubit`), or any that `qml.device` makes.

    Simulators give exact values, and gradients by the adjoint method. Any other device gives samples only. A device with wires
    has enough of them; it draws shots by its own seed, and of `seed` it knows nothing.
    Measurements are deferred to fresh qubits, of which there may be 16.
    Raises `TargetCapabilityError` for anything else.
    """

    device: Any = None
    name: str = "pennylane"
    features: frozenset[str] = field(init=False, repr=False, compare=False)
    """What it can do; see `qkernel.engine.FEATURES`."""

    def __post_init__(self) -> None:
        if self.device is not None and not isinstance(self.device, qml.devices.Device):
            raise TargetCapabilityError(
                f"PennyLane's operations do not run on a `{type(self.device).__name__}`",
                help='give a device: `qml.device("default.qubit")`',
            )
        name = "default.qubit" if self.device is None else self.device.name
        sampled = _PURE - {"expectation", "probabilities"}
        object.__setattr__(self, "features", _FEATURES.get(name, sampled))

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> PennyLanePrepared:
        """Make `circuit` ready; devices compute in their own precision."""
        return PennyLanePrepared(self, circuit, dtype)


class PennyLanePrepared(ReadOut):
    """A circuit on a device of PennyLane's; see `qkernel.engine.Prepared`."""

    package = "PennyLane"
    engine: PennyLaneEngine

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Values as in `expect`, and the gradient of sum(cotangent * values) by theta, by the device's own method."""
        circuit = self._unitary
        observables = [part.observable for part in circuit.expectations]
        angles = without_turns(circuit.angles.evaluate(theta))

        # Of tapes that hold numbers beside what is differentiated PennyLane 0.45 gives derivatives by other parameters.
        def values(moved: Any) -> Any:
            tapes = []
            for sample in range(len(theta)):
                slots = [moved[sample][slot] for slot in range(angles.shape[1])]
                tapes.append(self._tape(circuit, slots, list(self._expvals(circuit, observables))))
            found = self._execute(circuit, tapes, "adjoint")
            count = len(observables)
            return qml.math.stack([row[k] if count > 1 else row for row in found for k in range(count)])

        if not (len(observables) and theta.size and circuit.num_qubits):
            return self.expect(theta), np.zeros(theta.shape, self._real)
        backwards, found = autograd.make_vjp(values, argnum=0)(qml.numpy.array(angles, requires_grad=True))
        by_slot = np.asarray(backwards(np.asarray(cotangent, float).reshape(-1)), float)
        gradient = circuit.angles.pullback(np.asarray(theta, float), by_slot)
        return np.asarray(found, self._real).reshape(len(theta), -1), gradient.astype(self._real)

    def expectations(self, circuit: Circuit, angles: Angles, observables: Sequence[Hamiltonian]) -> Sequence[float]:
        bare = [observable - observable.constant for observable in observables]
        return self._run(circuit, angles, list(self._expvals(circuit, bare)))

    def distributions(self, circuit: Circuit, angles: Angles, read: Sequence[tuple[int, ...]]) -> Sequence[Array]:
        wires = self._wires(circuit)
        return self._run(circuit, angles, [qml.probs(wires=[wires[qubit] for qubit in reversed(qubits)]) for qubits in read])

    def amplitudes(self, circuit: Circuit, angles: Angles) -> Array:
        script = self._tape(circuit, angles, [qml.state()])
        in_order = [qml.Identity(wire) for wire in self._wires(circuit)]  # where a device takes wires as they come
        (state,) = self._execute(circuit, [script.copy(operations=[*in_order, *script.operations])], None)
        width = 1 << circuit.num_qubits  # a device's further wires come last, and stay 0
        shaped = np.asarray(state).reshape(width, -1)[:, 0].reshape((2,) * circuit.num_qubits)
        return shaped.transpose().reshape(-1)

    def shots(self, circuit: Circuit, angles: Angles, qubits: Sequence[int], shots: int, seed: int) -> Array:
        wires, distinct = self._wires(circuit), sorted(set(qubits))
        measured = [qml.sample(wires=[wires[qubit] for qubit in distinct])]
        (found,) = self._execute(circuit, [self._tape(circuit, angles, measured, shots)], None, seed)
        return np.asarray(found).reshape(shots, len(distinct))[:, [distinct.index(qubit) for qubit in qubits]]

    def _expvals(self, circuit: Circuit, observables: Sequence[Hamiltonian]) -> Iterator[Any]:
        wires = self._wires(circuit)
        return (qml.expval(operator(observable, wires)) for observable in observables)

    def _run(self, circuit: Circuit, angles: Angles, measured: list[Any]) -> list[Any]:
        (found,) = self._execute(circuit, [self._tape(circuit, angles, measured)], None)
        return [found] if len(measured) == 1 else list(found)

    def _tape(self, circuit: Circuit, angles: Sequence[Any], measured: list[Any], shots: int | None = None) -> Any:
        wires = self._wires(circuit)
        with qml.QueuingManager.stop_recording():
            made = [
                operation
                for row in circuit.instructions()
                for operation in operations(row, angles, [wires[qubit] for qubit in row.qubits])
            ]
        return qml.tape.QuantumScript(made, measured, shots=shots)

    def _execute(self, circuit: Circuit, tapes: list[Any], method: Any, seed: int | None = None) -> Any:
        try:
            return qml.execute(tapes, self._device(circuit, seed), diff_method=method)
        except (QKernelError, MemoryError):
            raise
        except Exception as error:
            raise ExecutionError(f"PennyLane could not run `{self.circuit.name}`: {error}") from error

    def _device(self, circuit: Circuit, seed: int | None = None) -> Any:
        return self.engine.device or qml.device("default.qubit", wires=circuit.num_qubits, seed=seed)

    def _wires(self, circuit: Circuit) -> list[Any]:
        wires = None if self.engine.device is None else self.engine.device.wires
        if wires is None:
            return list(range(circuit.num_qubits))
        if len(wires) < circuit.num_qubits:
            name = self.engine.device.name
            raise TargetCapabilityError(
                f"`{self.circuit.name}` needs {circuit.num_qubits} qubits, and `{name}` has {len(wires)} wires",
                help=f"make it with more: `wires={circuit.num_qubits}`",
            )
        return list(wires)[: circuit.num_qubits]
