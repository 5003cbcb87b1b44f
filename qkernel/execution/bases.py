"""The circuits that are sampled for expectation values and probabilities: each ends in measurements of one basis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qkernel.lower.circuit import Circuit, Kind, Run
from qkernel.observable import Hamiltonian
from qkernel.observable.groups import Gate, diagonalised
from qkernel.observable.paulis import Operators

_KINDS = {
    "cx": Kind("x", 1, controls=1, control_value=1),
    "cz": Kind("z", 1, controls=1, control_value=1),
    **{name: Kind(name, 1) for name in ("h", "sdg", "measure")},
}


@dataclass(frozen=True)
class Measured:
    """A circuit that ends in measurements, in a basis in which some terms can be read off at once.

    `terms` are (expectation, coefficient, bits whose parity is the term), `observables` the same terms as they were written;
    `bits` are those of each qubit that is read. `distribution` reads out the probabilities of their outcomes instead, the
    qubits in order. `distributions` tells how many of the circuit's own are read off too.
    """

    circuit: Circuit
    distribution: Circuit
    bits: dict[int, int]
    terms: tuple[tuple[int, float, tuple[int, ...]], ...] = ()
    observables: tuple[Operators, ...] = ()
    distributions: int = 0

    @property
    def num_outcomes(self) -> int:
        return 1 << len(self.bits)

    @property
    def typical_spread(self) -> float:
        """The standard deviation of a shot, as the mean over all states has it: there terms vary on their own, each by 1."""
        return math.sqrt(sum(coefficient**2 for _, coefficient, _ in self.terms) + self.distributions)

    def __str__(self) -> str:
        if self.distributions:
            return "the outcomes of " + ", ".join(f"qubit {qubit}" for qubit in self.bits)
        return ", ".join("*".join(map(str, operators)) for operators in self.observables)


def measured_circuits(circuit: Circuit, grouping: str = "qubit_wise") -> list[Measured]:
    """The circuits to sample for the expectation values of `circuit`, terms that can be measured together in one.

    `grouping` is `qubit_wise`, or `commuting`: any that commute, behind Clifford gates with two qubits. If `circuit` reads out
    probabilities, the last one measures their qubits as they are.
    """
    every = Hamiltonian()
    for part in circuit.expectations:
        for operators in part.observable.terms:
            if operators not in every.terms:
                every.add_term(operators, 1.0)
    groups = every.commuting_groups() if grouping == "commuting" else every.qubit_wise_commuting_groups()
    result = [_group(circuit, tuple(group.terms)) for group in groups]
    if circuit.probabilities:
        qubits = {qubit for qubits in circuit.probabilities for qubit in qubits}
        result.append(replace(_measured(circuit, (), qubits), distributions=len(circuit.probabilities)))
    return result


def _group(circuit: Circuit, members: tuple[Operators, ...]) -> Measured:
    found = diagonalised(members)
    measured = _measured(circuit, found.gates, {qubit for _, qubits in found.terms for qubit in qubits})
    terms = tuple(
        (k, sign * float(part.observable.terms[operators].real), tuple(measured.bits[qubit] for qubit in qubits))
        for operators, (sign, qubits) in zip(members, found.terms, strict=True)
        for k, part in enumerate(circuit.expectations)
        if operators in part.observable.terms
    )
    return replace(measured, terms=terms, observables=members)


def _measured(circuit: Circuit, gates: Sequence[Gate], read: Iterable[int]) -> Measured:
    """`circuit` followed by gates, and by measurements of the qubits that are read."""
    qubits = sorted(read)
    turned = _followed(circuit, gates, ())
    bits = {qubit: circuit.num_bits + k for k, qubit in enumerate(qubits)}
    measured = _followed(turned, [("measure", (qubit,)) for qubit in qubits], tuple(bits.values()))
    return Measured(measured, replace(turned, probabilities=(tuple(qubits),)), bits)


def _followed(circuit: Circuit, rows: Sequence[Gate], bits: tuple[int, ...]) -> Circuit:
    """`circuit`, which reads out nothing, and instructions behind it."""
    kinds = list(dict.fromkeys((*circuit.kinds, *(_KINDS[name] for name, _ in rows))))
    codes = np.array([kinds.index(_KINDS[name]) for name, _ in rows], np.int32)
    qubits = np.array([qubit for _, places in rows for qubit in places], np.int32)
    run = Run(codes, qubits, np.array(bits, np.int32), np.full(len(rows), -1, np.int32), circuit.angles.num_slots)
    return replace(
        circuit,
        num_bits=circuit.num_bits + len(bits),
        kinds=tuple(kinds),
        body=(*circuit.body, run) if rows else circuit.body,
        expectations=(),
        probabilities=(),
        outputs=(),
    )
