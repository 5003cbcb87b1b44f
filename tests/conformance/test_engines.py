"""What an engine promises beyond its gates: shapes, precision, the angle map, samples, measured branches."""

from __future__ import annotations

from typing import Any

import dense
import numpy as np
import pytest
from circuit_builder import CircuitBuilder, hybrid_circuit
from claims import needs
from shifts import shift_vjp

from qkernel.engine import CLIFFORD, ESTIMATION, FEATURES, Engine
from qkernel.errors import QKernelError, ShotsError
from qkernel.execution.gradient import open_slots
from qkernel.ir.expressions import Const, Name, apply
from qkernel.ir.types import FLOAT
from qkernel.lower.circuit import Circuit, IntegerVariable, bit, integer
from qkernel.observable import Hamiltonian, X, Y, Z

SHOTS = 4000


def deep_circuit(seed: int = 3, num_qubits: int = 5) -> Circuit:
    """Layers of rotations and entangling gates in which parameters stand in several gates, scaled and shifted."""
    generator = np.random.default_rng(seed)
    builder = CircuitBuilder(num_qubits)
    theta = builder.parameter("theta", 6)
    for _ in range(3):
        for qubit in range(num_qubits):
            column, factor, offset = generator.integers(6), generator.normal(), generator.normal()
            builder.gate(str(generator.choice(["rx", "ry", "rz", "p"])), qubit, angles=(theta[column] * factor + offset,))
        for name in generator.choice(["cx", "cz", "crx", "cp", "rzz", "swap", "ecr", "cry"], 4):
            first, second = (int(qubit) for qubit in generator.permutation(num_qubits)[:2])
            angles = (theta[generator.integers(6)] * 0.5 + theta[generator.integers(6)],)
            builder.gate(str(name), first, second, angles=angles if name in ("crx", "cp", "rzz", "cry") else ())
    observables = (dense.random_observable(generator, num_qubits, 6), Z(0) * X(4) + 0.3 * Y(2), Hamiltonian.identity(2.5))
    return builder.circuit(observables=observables, probabilities=((3, 0, 1),))


def angles(circuit: Circuit, batch: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(-4, 4, (batch, circuit.angles.num_columns))


def chi_square_agrees(counts: Any, probabilities: Any) -> bool:
    """Whether counts fit probabilities within five standard deviations of the statistic."""
    expected = np.asarray(probabilities) * np.sum(counts)
    likely = expected > 5
    rest = max(0.0, expected[~likely].sum())
    statistic = ((np.asarray(counts)[likely] - expected[likely]) ** 2 / expected[likely]).sum()
    freedom = max(1, likely.sum() - 1)
    return bool(statistic < freedom + 5 * np.sqrt(2 * freedom) and np.asarray(counts)[~likely].sum() <= 10 + 5 * rest)


def test_it_says_who_it_is(engine: Engine, request: pytest.FixtureRequest) -> None:
    assert engine.name in request.node.name
    assert engine.features
    assert engine.features <= FEATURES | {CLIFFORD, ESTIMATION}


def test_the_hybrid_network_of_the_document(engine: Engine) -> None:
    needs(engine, "expectation")
    generator = np.random.default_rng(42)
    theta = np.concatenate([generator.uniform(-np.pi, np.pi, 4), generator.uniform(-np.pi, np.pi, 24)])[None]
    values = engine.prepare(hybrid_circuit()).expect(theta)
    assert values == pytest.approx(np.array([[-0.70960489, 0.61071606, 0.43586927, 0.42650987]]), abs=5e-9)


@pytest.mark.many
def test_parameters_in_many_gates(engine: Engine) -> None:
    needs(engine, "expectation", "batch")
    circuit = deep_circuit()
    theta, cotangent = angles(circuit, 4), np.random.default_rng(1).normal(size=(4, 3))
    assert engine.prepare(circuit).expect(theta) == pytest.approx(dense.expect(circuit, theta), abs=1e-10)
    _, shifted = shift_vjp(engine.prepare(open_slots(circuit)), circuit, theta, cotangent)
    assert shifted == pytest.approx(dense.finite_difference(circuit, theta, cotangent), abs=1e-6)
    if "gradient" in engine.features:
        assert engine.prepare(circuit).expect_vjp(theta, cotangent)[1] == pytest.approx(shifted, abs=1e-9)


def test_angles_that_are_not_affine(engine: Engine) -> None:
    needs(engine, "expectation", "batch")
    builder = CircuitBuilder(2)
    builder.parameter("a"), builder.parameter("b")
    a, b = Name("a", FLOAT), Name("b", FLOAT)
    builder.gate("h", 0).gate("ry", 0, angles=(a * b,)).gate("crx", 0, 1, angles=(apply("sin", a) + b**2,))
    circuit = builder.circuit(observables=(Z(1) + X(0), Y(1)))
    theta, cotangent = angles(circuit, 3) / 4, np.random.default_rng(1).normal(size=(3, 2))
    differences = dense.finite_difference(circuit, theta, cotangent)
    assert engine.prepare(circuit).expect(theta) == pytest.approx(dense.expect(circuit, theta), abs=1e-10)
    _, shifted = shift_vjp(engine.prepare(open_slots(circuit)), circuit, theta, cotangent)
    assert shifted == pytest.approx(differences, abs=1e-6)
    if "gradient" in engine.features:
        assert engine.prepare(circuit).expect_vjp(theta, cotangent)[1] == pytest.approx(differences, abs=1e-6)


@pytest.mark.many
@pytest.mark.parametrize("batch", [0, 1, 5, 37])
def test_shapes_of_batches(engine: Engine, batch: int) -> None:
    needs(engine, "expectation", "batch")
    circuit = deep_circuit()
    theta, prepared = angles(circuit, batch), engine.prepare(circuit)
    values = prepared.expect(theta)
    assert values.shape == (batch, 3)
    if "gradient" in engine.features:
        found, gradient = prepared.expect_vjp(theta, np.ones((batch, 3)))
        assert (found.shape, gradient.shape) == ((batch, 3), (batch, 6))
    if "probabilities" in engine.features:
        (found,) = prepared.probabilities(theta)
        assert found.shape == (batch, 8)
    if "state" in engine.features:
        assert prepared.state(theta).shape == (batch, 32)
    for row in range(min(batch, 5)):
        assert prepared.expect(theta[row : row + 1])[0] == pytest.approx(values[row], abs=1e-12)


def test_arrays_that_are_not_contiguous(engine: Engine) -> None:
    needs(engine, "expectation", "batch")
    circuit = deep_circuit()
    theta = angles(circuit, 4)
    strided = np.asfortranarray(np.repeat(theta, 2, axis=0))[::2]
    before = strided.copy()
    assert engine.prepare(circuit).expect(strided) == pytest.approx(dense.expect(circuit, theta), abs=1e-10)
    assert np.array_equal(strided, before)


def test_single_precision(engine: Engine) -> None:
    needs(engine, "expectation", "batch")
    circuit = deep_circuit()
    theta = angles(circuit, 3).astype(np.float32)
    prepared, exact = engine.prepare(circuit, np.complex64), dense.expect(circuit, theta.astype(float))
    assert prepared.expect(theta) == pytest.approx(exact, abs=2e-5)
    if "gradient" in engine.features:
        cotangent = np.ones((3, 3), np.float32)
        values, gradient = prepared.expect_vjp(theta, cotangent)
        assert values.dtype == gradient.dtype == np.float32
        assert gradient == pytest.approx(dense.finite_difference(circuit, theta.astype(float), cotangent), abs=1e-4)


def test_no_parameters_and_no_gates(engine: Engine) -> None:
    needs(engine, "expectation")
    circuit = CircuitBuilder(2).circuit(observables=(Z(0) + 2.0 * Z(1), X(0), Hamiltonian.identity(-1.5), Hamiltonian.zero()))
    assert engine.prepare(circuit).expect(np.zeros((1, 0))) == pytest.approx(np.array([[3.0, 0.0, -1.5, 0.0]]), abs=1e-12)


def test_samples_follow_the_exact_probabilities(engine: Engine) -> None:
    needs(engine, "sampling", "batch")
    builder = CircuitBuilder(3, 3)
    theta = builder.parameter("theta", 3)
    for qubit in range(3):
        builder.gate("ry", qubit, angles=(theta[qubit],))
    builder.gate("cx", 0, 1).gate("cry", 1, 2, angles=(theta[0] * 2.0,))
    unmeasured = builder.circuit(probabilities=((0, 1, 2),))
    for qubit, target in enumerate((2, 0, 1)):
        builder.measure(qubit, target)
    circuit = builder.circuit()
    values = angles(circuit, 4, 8)
    bits = engine.prepare(circuit).sample(values, SHOTS, seed=11)
    assert bits.shape == (4, SHOTS, 3)
    assert bits.dtype == np.uint8
    (exact,) = dense.probabilities(unmeasured, values)
    for row in range(4):
        numbers = bits[row, :, 2].astype(int) + 2 * bits[row, :, 0] + 4 * bits[row, :, 1]
        assert chi_square_agrees(np.bincount(numbers, minlength=8), exact[row])
    assert not np.array_equal(bits[0, :, 0], np.sort(bits[0, :, 0]))
    again = engine.prepare(circuit).sample(values, SHOTS, seed=11)
    assert np.array_equal(bits, again)
    assert not np.array_equal(bits, engine.prepare(circuit).sample(values, SHOTS, seed=12))
    same = engine.prepare(circuit).sample(np.repeat(values[:1], 2, axis=0), SHOTS, seed=11)
    assert not np.array_equal(same[0], same[1]), "samples of one batch share their random numbers"


def test_measurement_reset_and_reuse(engine: Engine) -> None:
    needs(engine, "sampling", "mid_circuit")
    builder = CircuitBuilder(2, 3)
    theta = builder.parameter("theta")
    builder.gate("ry", 0, angles=(theta,)).measure(0, 0).gate("cx", 0, 1).measure(1, 1).reset(0).measure(0, 2)
    values = np.array([[1.1], [2.4]])
    bits = engine.prepare(builder.circuit()).sample(values, SHOTS, seed=4)
    assert np.array_equal(bits[..., 0], bits[..., 1])
    assert not bits[..., 2].any()
    assert bits[..., 0].mean(1) == pytest.approx(np.sin(values[:, 0] / 2) ** 2, abs=0.04)


def test_exact_values_after_measurements(engine: Engine) -> None:
    needs(engine, "expectation", "mid_circuit", "batch")
    builder = CircuitBuilder(2, 1)
    theta = builder.parameter("theta")
    builder.gate("ry", 0, angles=(theta,)).measure(0, 0).gate("h", 0).reset(1).gate("cx", 0, 1)
    prepared = engine.prepare(builder.circuit(observables=(X(0) * X(1), Z(0) * Z(1), Y(0) * Y(1)), probabilities=((0, 1),)))
    values = np.array([[0.4], [1.9]])
    cosine = np.cos(values[:, 0])
    assert prepared.expect(values) == pytest.approx(np.stack([cosine, np.ones(2), -cosine], 1), abs=1e-10)
    if "probabilities" in engine.features:
        assert prepared.probabilities(values)[0] == pytest.approx(np.tile([0.5, 0, 0, 0.5], (2, 1)), abs=1e-10)


def branching_circuit() -> Circuit:
    """A bit decides which rotation another qubit gets; a parity decides a flip."""
    builder = CircuitBuilder(3, 3)
    theta = builder.parameter("theta", 2)
    builder.gate("ry", 0, angles=(theta[0],)).measure(0, 0).gate("h", 1).measure(1, 1)
    builder.branch(
        bit(0),
        lambda then: then.gate("ry", 2, angles=(theta[1],)),
        lambda otherwise: otherwise.gate("ry", 2, angles=(theta[1] * 2.0,)),
    )
    builder.assign(2, bit(0) ^ bit(1)).branch(bit(2), lambda then: then.gate("x", 2))
    return builder.circuit(observables=(Z(2),))


def test_exact_values_of_measured_branches(engine: Engine) -> None:
    needs(engine, "expectation", "branching", "batch")
    circuit = branching_circuit()
    theta = angles(circuit, 3)
    prepared = engine.prepare(circuit)
    assert prepared.expect(theta) == pytest.approx(np.zeros((3, 1)), abs=1e-10)  # the parity is a fair coin
    builder = CircuitBuilder(2, 1)
    angle = builder.parameter("theta", 2)
    builder.gate("ry", 0, angles=(angle[0],)).measure(0, 0)
    builder.branch(bit(0), lambda then: then.gate("ry", 1, angles=(angle[1],)), lambda rest: rest.gate("x", 1))
    circuit = builder.circuit(observables=(Z(1),))
    one = np.sin(theta[:, 0] / 2) ** 2
    expected = one * np.cos(theta[:, 1]) - (1 - one)
    assert engine.prepare(circuit).expect(theta)[:, 0] == pytest.approx(expected, abs=1e-10)
    _, gradient = shift_vjp(engine.prepare(open_slots(circuit)), circuit, theta, np.ones((3, 1)))
    by_first = np.sin(theta[:, 0]) / 2 * (np.cos(theta[:, 1]) + 1)
    assert gradient == pytest.approx(np.stack([by_first, -one * np.sin(theta[:, 1])], 1), abs=1e-9)


def test_samples_of_measured_branches(engine: Engine) -> None:
    needs(engine, "sampling", "branching")
    builder = CircuitBuilder(3, 4)
    builder.gate("ry", 0, angles=(1.2,)).measure(0, 0).gate("h", 1).measure(1, 1)
    builder.assign(2, bit(0) ^ bit(1)).branch(bit(2), lambda then: then.gate("x", 2)).measure(2, 3)
    bits = engine.prepare(builder.circuit()).sample(np.zeros((1, 0)), SHOTS, seed=3)[0]
    assert np.array_equal(bits[:, 3], bits[:, 0] ^ bits[:, 1])
    assert bits[:, 0].mean() == pytest.approx(np.sin(0.6) ** 2, abs=0.04)


def test_loops_on_measured_bits(engine: Engine) -> None:
    needs(engine, "sampling", "loops")
    builder = CircuitBuilder(2, 3)
    builder.gate("h", 0).measure(0, 0)
    builder.repeat(bit(0), lambda body: body.gate("x", 1).gate("h", 0).measure(0, 0)).measure(1, 1)
    bits = engine.prepare(builder.circuit()).sample(np.zeros((1, 0)), SHOTS, seed=6)[0]
    assert not bits[:, 0].any()
    assert bits[:, 1].mean() == pytest.approx(1 / 3, abs=0.04)  # rounds 1, 3, 5 ...: 1/4 + 1/16 + ...
    if "expectation" in engine.features:
        with pytest.raises(ShotsError, match="shots"):
            engine.prepare(builder.circuit(observables=(Z(1),))).expect(np.zeros((1, 0)))


def test_integers_count(engine: Engine) -> None:
    """Rounds until a coin shows 0, at most three, and what is left of ten after two for each."""
    needs(engine, "sampling", "loops")
    builder = CircuitBuilder(1, 1, (IntegerVariable("rounds", 32), IntegerVariable("left", 40)))
    builder.gate("h", 0).measure(0, 0).assign(integer(1), Const(10))
    again = apply("and", bit(0), apply("<", integer(0), 3))

    def toss(body: CircuitBuilder) -> None:
        body.gate("h", 0).measure(0, 0).assign(integer(0), integer(0) + 1)
        body.branch(apply("!=", integer(0), 2), lambda then: then.assign(integer(1), integer(1) - 2))

    circuit = builder.repeat(again, toss).circuit()
    memory = engine.prepare(circuit).sample(np.zeros((1, 0)), SHOTS, seed=6)[0]
    assert memory.shape == (SHOTS, circuit.memory_bits)
    bits, integers = circuit.unpacked(memory)
    rounds, left = integers.T
    assert np.array_equal(left, 10 - 2 * (rounds - (rounds > 1)))
    assert not bits[rounds < 3].any()
    assert chi_square_agrees(np.bincount(rounds, minlength=4), [1 / 2, 1 / 4, 1 / 8, 1 / 8])


def test_what_is_not_claimed_is_refused(engine: Engine) -> None:
    """A circuit beyond the features raises a named error, in `prepare` or when it runs."""
    if "branching" not in engine.features and "expectation" in engine.features:
        with pytest.raises(QKernelError):
            engine.prepare(branching_circuit()).expect(np.zeros((1, 2)))
    if "state" in engine.features:
        measured = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0).circuit()
        with pytest.raises(QKernelError):
            engine.prepare(measured).state(np.zeros((1, 0)))
