"""Clifford circuits, which engines that take nothing else are put to as well."""

from __future__ import annotations

import itertools
import math

import dense
import numpy as np
import pytest
from circuit_builder import CircuitBuilder
from claims import needs

from qkernel.engine import Engine
from qkernel.gates import GATES
from qkernel.lower.circuit import Circuit, bit
from qkernel.observable import Hamiltonian, Pauli, PauliOperator, X, Y, Z

pytestmark = pytest.mark.clifford
_TURNS = ("p", "rx", "ry", "rz", "rxx", "ryy", "rzz", "rzx")
_GATES = (*(name for name, rule in GATES.items() if rule.clifford), *_TURNS)
SHOTS = 2000


def random_clifford(seed: int, num_qubits: int = 4, num_gates: int = 30) -> CircuitBuilder:
    """Every kind of Clifford gate, rotations by multiples of a right angle, Pauli words and controls on 0."""
    generator = np.random.default_rng(seed)
    builder = CircuitBuilder(num_qubits, 3)
    for name in generator.choice(_GATES, num_gates).tolist():
        rule = GATES[name]
        qubits = generator.permutation(num_qubits)[: rule.num_qubits].tolist()
        angles = tuple(generator.integers(-3, 4, len(rule.angles)) * math.pi / 2)
        builder.gate(name, *qubits, angles=angles)
    builder.pauli("ZYX", math.pi / 2, *generator.permutation(num_qubits)[:3].tolist())
    builder.pauli("XIZ", -math.pi / 2, *generator.permutation(num_qubits)[:3].tolist())
    return builder.gate("x", 0, 1, controls=1, control_value=0)


def every_word(num_qubits: int) -> tuple[Hamiltonian, ...]:
    found = []
    for letters in itertools.product("IXYZ", repeat=num_qubits):
        operators = [PauliOperator(Pauli(letter), k) for k, letter in enumerate(letters) if letter != "I"]
        found.append(Hamiltonian.product(operators))
    return tuple(found)


@pytest.mark.parametrize("seed", range(3))
def test_expectation_values_of_all_words(engine: Engine, seed: int) -> None:
    needs(engine, "expectation", clifford=True)
    observables = (*every_word(3), 0.5 * Z(3) * X(0) + 2.0 * Y(1) - 0.25)
    circuit = random_clifford(seed).circuit(observables=observables)
    found = engine.prepare(circuit).expect(np.zeros((1, 0)))
    assert found == pytest.approx(dense.expect(circuit, np.zeros((1, 0))), abs=1e-10)


def teleportation(sent: int) -> Circuit:
    """One of six states from qubit 0 to qubit 2, turned back there, so that the last bit is 0."""
    builder = CircuitBuilder(3, 3)
    there, back = ([], ["x"], ["h"], ["x", "h"], ["h", "s"], ["x", "h", "s"])[sent], {"s": "sdg"}
    for name in there:
        builder.gate(name, 0)
    builder.gate("h", 1).gate("cx", 1, 2).gate("cx", 0, 1).gate("h", 0).measure(0, 0).measure(1, 1)
    builder.branch(bit(1), lambda then: then.gate("x", 2)).branch(bit(0), lambda then: then.gate("z", 2))
    for name in reversed(there):
        builder.gate(back.get(name, name), 2)
    return builder.measure(2, 2).circuit()


@pytest.mark.parametrize("sent", range(6))
def test_teleportation(engine: Engine, sent: int) -> None:
    needs(engine, "sampling", "mid_circuit", "branching", clifford=True)
    bits = engine.prepare(teleportation(sent)).sample(np.zeros((2, 0)), SHOTS, seed=5)
    assert not bits[..., 2].any()
    assert bits[..., :2].mean((0, 1)) == pytest.approx(0.5, abs=0.05)
    assert not np.array_equal(bits[0], bits[1]), "samples of one batch share their random numbers"


def test_parities_are_fed_forward(engine: Engine) -> None:
    """Two coins; a flip where they differ, another where the first is 0; bits that are written again, and reset qubits."""
    needs(engine, "sampling", "mid_circuit", "branching", clifford=True)
    builder = CircuitBuilder(3, 4).gate("h", 0).gate("h", 1).measure(0, 0).measure(1, 1)
    builder.assign(2, bit(0) ^ bit(1)).branch(
        bit(2), lambda then: then.gate("x", 2), lambda otherwise: otherwise.gate("y", 2).gate("x", 2)
    )
    builder.branch(bit(0), lambda then: then.gate("id", 2), lambda otherwise: otherwise.gate("x", 2))
    builder.reset(1).gate("cx", 2, 1).measure(1, 1).measure(2, 3)
    bits = engine.prepare(builder.circuit()).sample(np.zeros((1, 0)), SHOTS, seed=9)[0]
    assert np.array_equal(bits[:, 3], bits[:, 2] ^ (bits[:, 0] == 0))
    assert np.array_equal(bits[:, 1], bits[:, 3])
    assert bits[:, 0].mean() == pytest.approx(0.5, abs=0.06)
    assert bits[:, 2].mean() == pytest.approx(0.5, abs=0.06)
