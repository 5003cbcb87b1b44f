"""Gate counts over the gates of a target, each gate decomposed as Qiskit does without optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import DependencyError, EntrypointValidationError, TargetCapabilityError, ValidationError
from qkernel.estimate.tally import Controls, Kind, Tally
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
            for kind, count in _decomposed(item, tuple(sorted(gates))):
                result.include(Tally({(path, kind): amount * count}))
        elif not isinstance(item, Controls):
            result.amounts[path, item] = amount
    return result


@lru_cache(maxsize=1000)
def _decomposed(kind: Kind, gates: tuple[str, ...]) -> tuple[tuple[Kind, int], ...]:
    try:
        from qiskit import QuantumCircuit, transpile
        from qiskit.exceptions import QiskitError
    except ImportError:
        raise DependencyError(
            "counts over a target's gates need Qiskit", help="install it: `pip install qkernel[qiskit]`"
        ) from None
    operation = _operation(kind)
    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(operation, range(operation.num_qubits))
    try:
        counts = transpile(circuit, basis_gates=list(gates), optimization_level=0).count_ops()
    except QiskitError as error:
        raise TargetCapabilityError(f"`{kind.name}` cannot be made of {', '.join(gates)}: {error}") from error
    return tuple((_kind(name), count) for name, count in counts.items())


def _operation(kind: Kind) -> Any:
    """The Qiskit gate of a kind, at angles without symmetry."""
    from qiskit.circuit.library import CUGate, get_standard_gate_name_mapping

    if kind.base == "ug" and kind.controls == 1:
        return CUGate(0.3, 0.5, 0.7, 0.9)
    known = {**get_standard_gate_name_mapping()}
    base = "iswap" if kind.base == "iswapdg" else kind.base
    if base not in known:
        raise TargetCapabilityError(f"counts over a target's gates are not known for `{kind.name}`")
    gate = known[base]
    gate = gate.base_class(*(0.3 + 0.2 * k for k in range(len(gate.params)))) if gate.params else gate
    gate = gate.inverse() if kind.base == "iswapdg" else gate
    return gate.control(kind.controls) if kind.controls else gate


def _kind(name: str) -> Kind:
    rule = GATES[name]
    return Kind(rule.base, rule.controls, rule.num_qubits - rule.controls)
