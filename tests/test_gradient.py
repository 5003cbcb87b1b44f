"""Shift rules, their cost, and which method is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from circuit_builder import CircuitBuilder, hybrid_circuit
from hypothesis import given
from hypothesis import strategies as st
from shifts import shift_vjp

from qkernel.errors import GradientError, TargetCapabilityError
from qkernel.execution.gradient import (
    as_expectations,
    cost,
    gaps,
    method,
    open_slots,
    rows_at_once,
    shift,
    shift_rule,
    shift_terms,
)
from qkernel.gates import GATES
from qkernel.lower.circuit import Kind, bit
from qkernel.observable import X, Z
from qkernel_backends.reference import ReferenceEngine


class Counting:
    """Notes how often, and with how many rows, an engine's `expect` is called."""

    def __init__(self, prepared: Any) -> None:
        self.prepared, self.rows = prepared, []

    def expect(self, theta: Any) -> Any:
        self.rows.append(len(theta))
        return self.prepared.expect(theta)


class Engine:
    def __init__(self, *features: str) -> None:
        self.name, self.features = "narrow", frozenset(features)


def random_circuit(seed: int) -> Any:
    """A few parameters, each in many gates of all sorts, some constant angles between them."""
    generator = np.random.default_rng(seed)
    builder = CircuitBuilder(3)
    theta = builder.parameter("theta", 3)
    names = [name for name, rule in GATES.items() if rule.angles and rule.num_qubits <= 2]
    for qubit in range(3):
        builder.gate("h", qubit)
    for name in generator.choice(names, 6):
        rule = GATES[name]
        controls = int(generator.integers(0, 3 - rule.num_qubits + 1)) if rule.num_qubits < 3 else 0
        angles = tuple(
            theta[generator.integers(3)] * generator.normal() + generator.normal()
            if generator.random() < 0.8
            else generator.normal()
            for _ in rule.angles
        )
        qubits = generator.permutation(3)[: controls + rule.num_qubits]
        builder.gate(str(name), *map(int, qubits), angles=angles, controls=controls)
    return builder.circuit(observables=(X(0) * Z(1) + Z(2), X(2) * X(1)), probabilities=((0, 2),))


@given(st.integers(1, 4), st.floats(0.25, 2.0), st.integers(0, 1000))
def test_the_rule_is_exact_on_trigonometric_polynomials(count: int, lowest: float, seed: int) -> None:
    frequencies = tuple(lowest * k for k in range(1, count + 1))
    generator = np.random.default_rng(seed)
    weights, phases, point = generator.normal(size=count), generator.uniform(0, 6, count), generator.normal()
    derivative = sum(-w * f * np.sin(f * point + p) for w, f, p in zip(weights, frequencies, phases, strict=True))
    shifted = sum(
        coefficient * sum(w * np.cos(f * (point + shift) + p) for w, f, p in zip(weights, frequencies, phases, strict=True))
        for coefficient, shift in shift_rule(frequencies)
    )
    assert shifted == pytest.approx(derivative, abs=1e-8)


def test_the_published_rules() -> None:
    assert np.allclose(shift_rule((1.0,)), ((0.5, np.pi / 2), (-0.5, -np.pi / 2)))
    root = np.sqrt(2)  # Anselmetti et al. 2021, equation 8
    near, far = (root + 1) / (4 * root), (root - 1) / (4 * root)
    expected = ((near, np.pi / 2), (-near, -np.pi / 2), (-far, 3 * np.pi / 2), (far, -3 * np.pi / 2))
    assert np.allclose(shift_rule((0.5, 1.0)), expected)
    assert shift_rule(()) == ()


@pytest.mark.parametrize("name", [name for name, rule in GATES.items() if rule.angles and rule.base == name] + ["pauli"])
@pytest.mark.parametrize("controls", [0, 1])
def test_gaps_are_those_of_the_generator(name: str, controls: int) -> None:
    """The gaps seen in the spectrum of U(a)^-1 dU/da, by numerical differentiation."""
    targets = 2 if name == "pauli" else GATES[name].num_qubits
    count = 1 if name == "pauli" else len(GATES[name].angles)
    kind = Kind(name, targets, count, controls, controls, word="XY" if name == "pauli" else None)
    for angle in range(count):
        point = np.full(count, 0.3)
        step = np.eye(count)[angle] * 1e-5
        slope = (kind.matrix(*(point + step)) - kind.matrix(*(point - step))) / 2e-5
        values = np.linalg.eigvalsh(1j * slope @ kind.matrix(*point).conj().T)
        found = {round(float(abs(a - b)), 4) for a in values for b in values} - {0.0}
        assert found == set(gaps(kind, angle))


@pytest.mark.parametrize("seed", range(12))
def test_shift_and_adjoint_agree(seed: int) -> None:
    circuit, engine = random_circuit(seed), ReferenceEngine()
    generator = np.random.default_rng(seed)
    theta, cotangent = generator.normal(size=(3, 3)), generator.normal(size=(3, 2))
    counting = Counting(engine.prepare(open_slots(circuit)))
    values, shifted = shift_vjp(counting, circuit, theta, cotangent)
    expected, adjoint = engine.prepare(circuit).expect_vjp(theta, cotangent)
    assert values == pytest.approx(expected, abs=1e-12)
    assert shifted == pytest.approx(adjoint, abs=1e-10)
    assert counting.rows == [3 * cost(circuit)]


def test_probabilities_by_shift() -> None:
    circuit, engine = random_circuit(4), ReferenceEngine()
    theta = np.random.default_rng(2).normal(size=(2, 3))
    prepared = engine.prepare(open_slots(circuit))
    values, by_slots = shift(lambda angles: prepared.probabilities(angles)[0], circuit, theta)
    jacobian = np.stack([circuit.angles.pullback(theta, by_slots[:, :, outcome]) for outcome in range(4)], axis=1)
    assert (values.shape, jacobian.shape) == ((2, 4), (2, 4, 3))
    assert jacobian.sum(1) == pytest.approx(np.zeros((2, 3)), abs=1e-12)
    direct = engine.prepare(circuit)
    for column in range(3):
        step = 1e-5 * np.eye(3)[column]
        difference = (direct.probabilities(theta + step)[0] - direct.probabilities(theta - step)[0]) / 2e-5
        assert jacobian[..., column] == pytest.approx(difference, abs=1e-8)


def test_probabilities_are_means_of_parities() -> None:
    builder = CircuitBuilder(3)
    theta = builder.parameter("theta", 3)
    builder.gate("ry", 0, angles=(theta[0],)).gate("cx", 0, 2).gate("rx", 1, angles=(theta[1],)).gate(
        "crx", 1, 0, angles=(theta[2],)
    )
    circuit = builder.circuit(observables=(X(1),), probabilities=((2, 0), (1,)))
    angles = np.random.default_rng(5).normal(size=(4, 3))
    observed, matrix = as_expectations(circuit)
    prepared = ReferenceEngine().prepare(circuit)
    known = np.concatenate([prepared.expect(angles), *prepared.probabilities(angles)], axis=1)
    assert ReferenceEngine().prepare(observed).expect(angles) @ matrix == pytest.approx(known, abs=1e-14)


@pytest.mark.parametrize("rows", [1, 4, 7, 30, 10_000])
def test_shifts_in_parts_are_the_shifts(rows: int) -> None:
    circuit, engine = random_circuit(3), ReferenceEngine()
    theta = np.random.default_rng(1).normal(size=(3, 3))
    counting = Counting(engine.prepare(open_slots(circuit)))
    values, derivatives = shift(counting.expect, circuit, theta, rows=rows)
    known, expected = shift(engine.prepare(open_slots(circuit)).expect, circuit, theta)
    np.testing.assert_allclose(values, known, rtol=0, atol=1e-14)
    np.testing.assert_allclose(derivatives, expected, rtol=0, atol=1e-13)
    assert sum(counting.rows) == 3 * cost(circuit)
    assert max(counting.rows) <= max(rows, 3)


def test_shifts_are_parted_where_states_are_held() -> None:
    circuit = CircuitBuilder(20).gate("h", 0).circuit(observables=(Z(0),))
    assert rows_at_once(circuit, Engine("sampling")) is None
    assert rows_at_once(circuit, Engine("state")) == 8
    assert rows_at_once(CircuitBuilder(60).gate("h", 0).circuit(observables=(Z(0),)), Engine("state")) == 1


def test_the_cost_is_known_before_running() -> None:
    assert cost(hybrid_circuit()) == 1 + 2 * 28
    assert cost(hybrid_circuit(), range(4)) == 1 + 2 * 4
    builder = CircuitBuilder(2)
    theta = builder.parameter("theta", 2)
    builder.gate("rx", 0, angles=(0.3,)).gate("crx", 0, 1, angles=(theta[0],)).gate("gphase", angles=(theta[1],))
    circuit = builder.gate("cp", 0, 1, angles=(theta[0],)).circuit(observables=(Z(0),))
    assert cost(circuit) == 1 + 4 + 2
    assert shift_terms(circuit).slots.tolist() == [1, 1, 1, 1, 3, 3]
    assert cost(circuit, [1]) == 1


def test_nothing_to_differentiate() -> None:
    builder = CircuitBuilder(1)
    builder.parameter("unused", 2)
    circuit = builder.gate("rx", 0, angles=(0.4,)).circuit(observables=(Z(0),))
    values, gradient = shift_vjp(ReferenceEngine().prepare(open_slots(circuit)), circuit, np.zeros((2, 2)), np.ones((2, 1)))
    assert values == pytest.approx(np.full((2, 1), np.cos(0.4)))
    assert np.array_equal(gradient, np.zeros((2, 2)))


def test_single_precision_is_kept() -> None:
    circuit = hybrid_circuit()
    theta = np.random.default_rng(1).normal(size=(2, 28)).astype(np.float32)
    prepared = ReferenceEngine().prepare(open_slots(circuit), np.complex64)
    values, gradient = shift_vjp(prepared, circuit, theta, np.ones((2, 4), np.float32))
    assert values.dtype == gradient.dtype == np.float32


class TestMethod:
    def test_automatic(self) -> None:
        measured = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0).circuit(observables=(Z(0),))
        adjoint, plain = Engine("expectation", "gradient"), Engine("expectation", "probabilities")
        assert method(hybrid_circuit(), adjoint) == "adjoint"
        assert method(hybrid_circuit(), plain) == "shift"
        assert method(measured, adjoint) == "adjoint"
        assert method(measured, plain) == "shift"
        assert method(random_circuit(0), plain) == "shift"
        assert method(random_circuit(0), Engine("expectation", "gradient", "probabilities")) == "adjoint"

    def test_asked_for(self) -> None:
        both = Engine("expectation", "gradient")
        assert method(hybrid_circuit(), both, "shift") == "shift"
        assert method(hybrid_circuit(), both, "adjoint") == "adjoint"

    def test_refused(self) -> None:
        able = Engine("expectation", "probabilities", "gradient")
        with pytest.raises(GradientError, match=r"no gradient method `shfit` \(did you mean `shift`"):
            method(hybrid_circuit(), Engine("expectation"), "shfit")
        with pytest.raises(GradientError, match="`narrow` has no adjoint"):
            method(hybrid_circuit(), Engine("expectation"), "adjoint")
        with pytest.raises(GradientError, match="of more than 1024 outcomes, or behind measurements, have no adjoint"):
            method(CircuitBuilder(11).gate("h", 0).circuit(probabilities=(tuple(range(11)),)), able, "adjoint")
        measured = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0).gate("h", 0).circuit(probabilities=((0,),))
        with pytest.raises(GradientError, match="behind measurements"):
            method(measured, able, "adjoint")
        with pytest.raises(TargetCapabilityError, match="does not do probabilities"):
            method(random_circuit(0), Engine("expectation", "gradient"))
        with pytest.raises(TargetCapabilityError, match="does not do expectation"):
            method(hybrid_circuit(), Engine("sampling"))
        loop = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0)
        loop.branch(bit(0), lambda then: then.repeat(bit(0), lambda body: body.gate("h", 0).measure(0, 0)))
        with pytest.raises(GradientError, match="while"):
            method(loop.circuit(observables=(Z(0),)), Engine("expectation"))


def test_a_circuit_without_angles_has_no_shifts() -> None:
    builder = CircuitBuilder(1).gate("x", 0)
    builder.parameter("t", 2)
    circuit = builder.circuit(observables=(Z(0),))
    prepared = ReferenceEngine().prepare(open_slots(circuit))
    values, slopes = shift_vjp(prepared, circuit, np.array([[0.3, 0.4]]), np.ones((1, 1)))
    assert values.tolist() == [[-1.0]]
    assert slopes.tolist() == [[0.0, 0.0]]
