"""Every gate, on batches of angles: states, expectation values, probabilities and gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import dense
import numpy as np
import pytest
from circuit_builder import CircuitBuilder
from claims import needs
from shifts import shift_vjp

from qkernel.engine import Engine
from qkernel.execution.gradient import open_slots
from qkernel.gates import GATES
from qkernel.lower.circuit import Circuit

BATCH = 3


@dataclass(frozen=True)
class Case:
    """A gate under test: its name, its qubits' number, and the controls that are added to it."""

    name: str
    num_qubits: int
    num_angles: int
    control: dict[str, int] = field(default_factory=dict)
    word: str = ""

    def __str__(self) -> str:
        return "-".join((self.word or self.name, *(f"{key}{value}" for key, value in self.control.items())))


def cases() -> list[Case]:
    found = [Case(rule.name, rule.num_qubits, len(rule.angles)) for rule in GATES.values()]
    for name in ("x", "h", "s", "t", "rx", "ry", "rz", "p", "u", "ug", "gphase", "swap", "iswap", "rzz", "rzx"):
        rule = GATES[name]
        for controls, value in ((1, 0), (1, 1), (2, 3), (2, 1), (3, 7)):
            if controls + rule.num_qubits <= 4:
                control = {"controls": controls, "control_value": value}
                found.append(Case(name, controls + rule.num_qubits, len(rule.angles), control))
    found += [Case("unitary", size, 0) for size in (1, 2, 3)]
    found += [Case("unitary", 3, 0, {"controls": 1, "control_value": value}) for value in (0, 1)]
    found += [Case("pauli", len(word), 1, word=word) for word in ("X", "Z", "XY", "ZZ", "YXZ", "ZIX")]
    found += [Case("pauli", 3, 1, {"controls": 1}, "ZY")]
    return found


def circuit_of(case: Case) -> tuple[Circuit, np.ndarray[Any, Any]]:
    """The gate between layers that leave no symmetry, on shuffled qubits; and angles, (batch, columns)."""
    generator = np.random.default_rng(sum(map(ord, str(case))))
    width = max(2, case.num_qubits + (case.num_qubits < 4))
    builder = CircuitBuilder(width)
    angles = builder.parameter("angles", case.num_angles) if case.num_angles else ()
    layer(builder, generator)
    qubits = tuple(int(qubit) for qubit in generator.permutation(width)[: case.num_qubits])
    if case.name == "unitary":
        size = 1 << (case.num_qubits - case.control.get("controls", 0))
        matrix, _ = np.linalg.qr(generator.normal(size=(size, size)) + 1j * generator.normal(size=(size, size)))
        builder.unitary(matrix, *qubits, **case.control)
    elif case.name == "pauli":
        builder.pauli(case.word, angles[0], *qubits, **case.control)
    else:
        builder.gate(case.name, *qubits, angles=tuple(angles), **case.control)
    layer(builder, generator)
    observables = tuple(dense.random_observable(generator, width) for _ in range(2))
    read = tuple(int(qubit) for qubit in generator.permutation(width)[:2])
    circuit = builder.circuit(observables=observables, probabilities=(read, (width - 1,)))
    return circuit, generator.uniform(-4, 4, (BATCH, case.num_angles))


def layer(builder: CircuitBuilder, generator: np.random.Generator) -> None:
    for qubit in range(builder.num_qubits):
        builder.gate("u", qubit, angles=tuple(generator.uniform(-3, 3, 3).tolist()))
    for qubit in range(builder.num_qubits - 1):
        builder.gate("cx", qubit, qubit + 1)
    builder.barrier(*range(builder.num_qubits))


every_gate = pytest.mark.parametrize("case", cases(), ids=str)


@pytest.mark.states
@every_gate
def test_states_include_the_global_phase(engine: Engine, case: Case) -> None:
    needs(engine, "state", "batch")
    circuit, theta = circuit_of(case)
    assert engine.prepare(circuit).state(theta) == pytest.approx(dense.state(circuit, theta), abs=1e-12)


@pytest.mark.many
@every_gate
def test_expectation_values(engine: Engine, case: Case) -> None:
    needs(engine, "expectation", "batch")
    circuit, theta = circuit_of(case)
    assert engine.prepare(circuit).expect(theta) == pytest.approx(dense.expect(circuit, theta), abs=1e-10)


@pytest.mark.many
@every_gate
def test_probabilities(engine: Engine, case: Case) -> None:
    needs(engine, "probabilities", "batch")
    circuit, theta = circuit_of(case)
    found, expected = engine.prepare(circuit).probabilities(theta), dense.probabilities(circuit, theta)
    assert len(found) == 2
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-10)


@pytest.mark.many
@pytest.mark.parametrize("case", [case for case in cases() if case.num_angles], ids=str)
def test_gradients(engine: Engine, case: Case) -> None:
    """Adjoint, parameter shift and finite differences agree."""
    needs(engine, "expectation", "batch")
    circuit, theta = circuit_of(case)
    cotangent = np.random.default_rng(5).normal(size=(BATCH, 2))
    differences = dense.finite_difference(circuit, theta, cotangent)
    values, shifted = shift_vjp(engine.prepare(open_slots(circuit)), circuit, theta, cotangent)
    assert values == pytest.approx(dense.expect(circuit, theta), abs=1e-10)
    assert shifted == pytest.approx(differences, abs=1e-6)
    if "gradient" in engine.features:
        values, adjoint = engine.prepare(circuit).expect_vjp(theta, cotangent)
        assert values == pytest.approx(dense.expect(circuit, theta), abs=1e-10)
        assert adjoint == pytest.approx(shifted, abs=1e-9)
