"""Gate counts over the gates of a target, each gate decomposed as Qiskit does without optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import EntrypointValidationError, TargetCapabilityError, ValidationError, needed
from qkernel.estimate.quantity import Quantity
from qkernel.estimate.tally import Controls, Kind, Tally, kind_of
from qkernel.gates import GATES


def to_basis(tally: Tally, gates: Sequence[str]) -> Tally:
    """The tally after decomposition into `gates`, by their names in the gate table (as in Qiskit)."""
    for name in gates:
        if name not in GATES:
            raise ValidationError(f"there is no gate `{name}`{did_you_mean(name, list(GATES))}")
    result = Tally(bounded=tally.bounded)
    for (path, item), amount in tally.amounts.items():
        if isinstance(item, Kind) and item.fields:
            if item.controls is None:
                raise EntrypointValidationError(
                    "the number of controls of a gate is symbolic, and its decomposition depends on it",
                    help="bind the arguments that it depends on",
                )
            if item.base == "pauli" and not item.word:
                raise unknown_words(amount)
            for kind, count in _decomposed(item, tuple(sorted(gates))):
                result.include(Tally({(path, kind): amount * count}))
        elif not isinstance(item, Controls):
            result.amounts[path, item] = amount
    return result


def unknown_words(amount: Quantity) -> EntrypointValidationError:
    """The error for so many Pauli rotations of which the words are not known."""
    names = ", ".join(f"`{name}`" for name in sorted(map(str, amount.free)))
    return EntrypointValidationError(
        "the circuit of a Pauli evolution depends on the words of its observable",
        help=f"bind the observable: the number of its terms is in terms of {names} here",
    )


@lru_cache(maxsize=1000)
def _decomposed(kind: Kind, gates: tuple[str, ...]) -> tuple[tuple[Kind, int], ...]:
    with needed("counts over a target's gates need", "qiskit"):
        from qiskit import QiskitError, QuantumCircuit, transpile
    operation = _operation(kind)
    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(operation, range(operation.num_qubits))
    try:
        counts = transpile(circuit, basis_gates=list(gates), optimization_level=0).count_ops()
    except QiskitError as error:
        raise TargetCapabilityError(f"`{kind.name}` cannot be made of {', '.join(gates)}: {error}") from error
    return tuple((kind_of(name), count) for name, count in counts.items())


def _operation(kind: Kind) -> Any:
    """The Qiskit gate of a kind, at angles without symmetry."""
    gate, controls = _gate(kind), kind.controls or 0
    if kind.base == "ug":  # which Qiskit has under one control
        controls -= 1
    return gate.control(controls, annotated=False) if controls else gate


def _gate(kind: Kind) -> Any:
    """The Qiskit gate of a kind without its controls."""
    from qiskit.circuit.library import CUGate, PauliEvolutionGate, get_standard_gate_name_mapping
    from qiskit.quantum_info import SparsePauliOp

    match kind.base:
        case "ug":
            return CUGate(0.3, 0.5, 0.7, 0.9)
        case "pauli":
            return PauliEvolutionGate(SparsePauliOp(kind.word), 0.3)
        case "iswapdg":
            return _gate(Kind("iswap", width=2)).inverse()
    known = {**get_standard_gate_name_mapping()}
    if kind.base not in known:
        raise TargetCapabilityError(f"counts over a target's gates are not known for `{kind.name}`")
    gate = known[kind.base]
    return gate.base_class(*(0.3 + 0.2 * k for k in range(len(gate.params)))) if gate.params else gate
