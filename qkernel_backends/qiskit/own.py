"""Circuits that users made of ours with a transpiler of their own, run in the place of what the engine would make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit

from qkernel.diagnostics import counted
from qkernel.errors import GradientError, TargetCapabilityError, ValidationError
from qkernel.lower.circuit import Circuit
from qkernel_backends.qiskit.devices import translate
from qkernel_backends.qiskit.emission import emit, emit_with
from qkernel_backends.qiskit.refusals import check_made, check_width

Array = np.ndarray[Any, Any]
_GIVEN = "the circuit that is given"


@dataclass(frozen=True, eq=False)
class OwnCircuit:
    """`made`, which its user made of `original` for `device`. Its parameters have the names of the kernel's.

    What an estimate needs besides, gates into a basis and measurements, comes behind it. Derivatives are not to be had, for
    which gates are shifted one by one.
    """

    original: Circuit
    made: QuantumCircuit
    device: Any

    def check(self) -> None:
        """Raise `ValidationError` and `TargetCapabilityError` where `made` cannot have been made of `original` for `device`."""
        circuit, made, device = self.original, self.made, self.device
        has_connections = device is not None and device.coupling_map is not None
        if has_connections:
            check_width(circuit, device)
        check_made(circuit, emit(circuit), made, device, _GIVEN)
        names = circuit.angles.column_names
        if unknown := [parameter.name for parameter in made.parameters if parameter.name not in names]:
            raise ValidationError(
                f"{_GIVEN} has a parameter `{unknown[0]}`, and `{circuit.name}` has none of that name",
                help="make it of `to_circuit()` of what was compiled, and leave its parameters as they are",
            )
        count = made.num_qubits if made.layout is None else len(self.ends)
        if count != circuit.num_qubits:
            raise ValidationError(
                f"{_GIVEN} has {counted(count, 'qubit')}, and `{circuit.name}` has {circuit.num_qubits}",
                help="make it of `to_circuit()` of what was compiled; a pass manager notes in it where its qubits are",
            )

    @property
    def ends(self) -> list[int]:
        """Where each qubit of the original is in the end."""
        if self.made.layout is None:
            return list(range(self.made.num_qubits))
        places: list[int] = self.made.layout.final_index_layout(filter_ancillas=True)
        return places

    def followed(self, circuit: Circuit) -> QuantumCircuit:
        """The circuit that is run for `circuit`, which is the original, or that with more behind it."""
        original, own = self.original, self.made
        tail = circuit.body[len(original.body) :]
        if circuit.angles is not original.angles or circuit.body[: len(original.body)] != original.body:
            raise GradientError(
                f"there are no derivatives of `{original.name}` by a circuit that is given: its gates cannot be shifted",
                help="differentiate what is compiled on the engine itself, of which the `pass_manager` may be yours",
            )
        if not tail and len(own.cregs) < 2:
            return own
        if tail and original.integers:
            raise TargetCapabilityError(f"estimates behind the counters of `{original.name}` need the engine's own circuit")
        more = circuit.num_bits - original.num_bits
        whole = QuantumCircuit(own.qubits, ClassicalRegister(own.num_clbits + more, "c"))
        whole.compose(own, range(own.num_qubits), range(own.num_clbits), inplace=True)
        if tail:
            rest = self._fitted(replace(circuit, body=tail, registers=(), boxes=()))
            places = range(own.num_qubits) if rest.num_qubits == own.num_qubits else self.ends
            bits = [*range(original.num_bits), *range(own.num_clbits, own.num_clbits + more)]
            whole.compose(rest, places, bits, inplace=True)
        return whole

    def _fitted(self, tail: Circuit) -> QuantumCircuit:
        """What comes behind the original, in the device's gates."""
        rest = emit_with(tail, tail.angles.offsets.tolist())
        if self.device is None or self.device.coupling_map is None:
            return translate(rest, self.device)
        return translate(rest, self.device, initial_layout=self.ends, optimization_level=0)

    def values(self, circuit: QuantumCircuit, theta: Array) -> Array:
        """Values of the parameters of `circuit`, in its order, shape (batch, parameters)."""
        columns = {name: column for column, name in enumerate(self.original.angles.column_names)}
        return np.asarray(theta, float)[:, [columns[parameter.name] for parameter in circuit.parameters]]
