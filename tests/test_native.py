"""The native engine against dense matrices, finite differences and itself."""

from __future__ import annotations

import numpy as np
import pytest
from circuit_builder import Affine, CircuitBuilder, hybrid_circuit
from hypothesis import given, settings
from hypothesis import strategies as st
from random_circuits import dense_state, dense_values, random_circuit

from qkernel.gates import GATES
from qkernel.observable import X, Y, Z
from qkernel_backends.native import NativeEngine

seeds = st.integers(0, 2**32 - 1)
ENGINE = NativeEngine()


def differences(circuit, theta, cotangent, step=1e-5):
    gradient = np.zeros(len(theta))
    for k in range(len(theta)):
        moved = theta.copy()
        moved[k] += step
        up = dense_values(circuit, moved) @ cotangent
        moved[k] -= 2 * step
        gradient[k] = (up - dense_values(circuit, moved) @ cotangent) / (2 * step)
    return gradient


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_random_circuits_have_the_values_and_gradients_of_dense_matrices(seed):
    circuit = random_circuit(seed)
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(3, circuit.angles.num_columns))
    cotangent = rng.normal(size=(3, len(circuit.expectations)))
    values, gradient = ENGINE.prepare(circuit).expect_vjp(theta, cotangent)
    np.testing.assert_allclose(values, [dense_values(circuit, row) for row in theta], atol=1e-11)
    for sample in range(3):
        expected = differences(circuit, theta[sample], cotangent[sample])
        np.testing.assert_allclose(gradient[sample], expected, atol=2e-7)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_states_include_the_global_phase(seed):
    circuit = random_circuit(seed)
    theta = np.random.default_rng(seed).normal(size=(2, circuit.angles.num_columns))
    states = ENGINE.prepare(circuit).state(theta)
    np.testing.assert_allclose(states, [dense_state(circuit, row) for row in theta], atol=1e-11)


@given(seeds, st.sampled_from([1, 2, 3, 5, 16, 17, 40]))
@settings(max_examples=40, deadline=None)
def test_samples_of_a_batch_are_the_single_runs(seed, batch):
    circuit = random_circuit(seed)
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(batch, circuit.angles.num_columns))
    cotangent = rng.normal(size=(batch, len(circuit.expectations)))
    prepared = ENGINE.prepare(circuit)
    values, gradient = prepared.expect_vjp(theta, cotangent)
    np.testing.assert_allclose(prepared.expect(theta), values, atol=1e-12)
    for k in range(batch):
        one, slope = prepared.expect_vjp(theta[k : k + 1], cotangent[k : k + 1])
        np.testing.assert_allclose(values[k : k + 1], one, atol=1e-11)
        np.testing.assert_allclose(gradient[k : k + 1], slope, atol=1e-10)


@given(seeds, st.sampled_from([1, 3, 16, 33]))
@settings(max_examples=40, deadline=None)
def test_a_split_sums_the_gradient_of_shared_columns(seed, batch):
    circuit = random_circuit(seed)
    rng = np.random.default_rng(seed)
    columns = rng.permutation(circuit.angles.num_columns)
    batched, shared = columns[:2], columns[2:]
    inputs, weights = rng.normal(size=(batch, 2)), rng.normal(size=len(shared))
    cotangent = rng.normal(size=(batch, len(circuit.expectations)))
    theta = np.empty((batch, len(columns)))
    theta[:, batched], theta[:, shared] = inputs, weights
    prepared = ENGINE.prepare(circuit)
    values, gradient = prepared.expect_vjp(theta, cotangent)
    split = prepared.split(batched, shared)
    found, grad_inputs, grad_weights = split.vjp(inputs, weights, cotangent)
    np.testing.assert_allclose(found, values, atol=1e-11)
    np.testing.assert_allclose(split.value(inputs, weights), values, atol=1e-11)
    np.testing.assert_allclose(grad_inputs, gradient[:, batched], atol=1e-10)
    np.testing.assert_allclose(grad_weights, gradient[:, shared].sum(0), atol=1e-9)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_single_precision_is_within_its_rounding(seed):
    circuit = random_circuit(seed)
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(4, circuit.angles.num_columns))
    cotangent = rng.normal(size=(4, len(circuit.expectations)))
    values, gradient = ENGINE.prepare(circuit).expect_vjp(theta, cotangent)
    rough, slope = ENGINE.prepare(circuit, np.complex64).expect_vjp(theta.astype(np.float32), cotangent.astype(np.float32))
    assert rough.dtype == slope.dtype == np.float32
    np.testing.assert_allclose(rough, values, atol=3e-5)
    np.testing.assert_allclose(slope, gradient, atol=2e-4)


@pytest.mark.parametrize("name", sorted(GATES))
@pytest.mark.parametrize("num_qubits", [3, 5, 7])
def test_every_gate_on_every_place(name, num_qubits):
    rule = GATES[name]
    rng = np.random.default_rng(num_qubits)
    for shift in range(num_qubits):
        builder = CircuitBuilder(num_qubits)
        theta = builder.parameter("theta", 8)
        for qubit in range(num_qubits):
            builder.gate("u", qubit, angles=tuple(float(a) for a in rng.normal(size=3)))
        qubits = [(shift + 2 * k) % num_qubits for k in range(rule.num_qubits)]
        builder.gate(name, *qubits, angles=tuple(theta[k] for k in range(len(rule.angles))))
        for qubit in range(num_qubits):
            builder.gate("u", qubit, angles=tuple(float(a) for a in rng.normal(size=3)))
        circuit = builder.circuit(observables=tuple(Z(q) * 0.5 + X(q) for q in range(num_qubits)))
        angles, cotangent = rng.normal(size=(1, 8)), rng.normal(size=(1, num_qubits))
        values, gradient = ENGINE.prepare(circuit).expect_vjp(angles, cotangent)
        np.testing.assert_allclose(values[0], dense_values(circuit, angles[0]), atol=1e-12)
        np.testing.assert_allclose(gradient[0], differences(circuit, angles[0], cotangent[0]), atol=1e-8)


def test_the_gradient_of_the_rotation_about_y_is_exact():
    builder = CircuitBuilder(1)
    (angle,) = builder.parameter("theta", 1)
    builder.gate("ry", 0, angles=(angle,))
    values, gradient = ENGINE.prepare(builder.circuit(observables=(Z(0), X(0)))).expect_vjp(
        np.array([[0.3], [2.0]]), np.array([[1.0, 0.0], [0.0, 2.0]])
    )
    np.testing.assert_allclose(values, [[np.cos(0.3), np.sin(0.3)], [np.cos(2.0), np.sin(2.0)]], atol=1e-15)
    np.testing.assert_allclose(gradient, [[-np.sin(0.3)], [2 * np.cos(2.0)]], atol=1e-15)


def test_a_curved_angle_is_differentiated_by_the_chain_rule():
    builder = CircuitBuilder(1)
    from qkernel.ir.expressions import Const, Item, Name
    from qkernel.ir.types import FLOAT, ArrayType

    builder.parameter("theta", 2)
    elements = [Item(Name("theta", ArrayType(FLOAT, 1)), (Const(k),)) for k in range(2)]
    builder.gate("ry", 0, angles=(elements[0] * elements[1],))
    prepared = ENGINE.prepare(builder.circuit(observables=(Z(0),)))
    values, gradient = prepared.expect_vjp(np.array([[0.7, 1.3]]), np.ones((1, 1)))
    np.testing.assert_allclose(values, [[np.cos(0.91)]], atol=1e-14)
    np.testing.assert_allclose(gradient, [[-1.3 * np.sin(0.91), -0.7 * np.sin(0.91)]], atol=1e-14)


def test_large_angles_keep_their_meaning():
    builder = CircuitBuilder(2)
    (angle,) = builder.parameter("theta", 1)
    builder.gate("ry", 0, angles=(angle,)).gate("h", 1).gate("rzz", 0, 1, angles=(angle,)).gate("rx", 1, angles=(angle,))
    circuit = builder.circuit(observables=(Z(0), Y(1)))
    theta = np.array([[1234567.25], [-98765.5]])
    np.testing.assert_allclose(ENGINE.prepare(circuit).expect(theta), [dense_values(circuit, row) for row in theta], atol=1e-9)


def test_probabilities_of_any_qubits_in_any_order():
    circuit = random_circuit(7, max_qubits=4)
    builder = CircuitBuilder(3)
    theta = builder.parameter("theta", 3)
    for k in range(3):
        builder.gate("ry", k, angles=(theta[k],))
    builder.gate("cx", 0, 2).gate("swap", 0, 1)
    circuit = builder.circuit(probabilities=((0, 1, 2), (2, 0), (1,)))
    angles = np.array([[0.3, 1.1, 2.2], [0.1, 0.2, 0.3]])
    weights = np.abs([dense_state(circuit, row) for row in angles]) ** 2
    full, pair, single = ENGINE.prepare(circuit).probabilities(angles)
    tensor = weights.reshape(2, 2, 2, 2)  # axes: sample, qubits 2, 1, 0
    np.testing.assert_allclose(full, weights, atol=1e-14)
    np.testing.assert_allclose(pair, tensor.sum(2).transpose(0, 2, 1).reshape(2, 4), atol=1e-14)
    np.testing.assert_allclose(single, tensor.sum((1, 3)), atol=1e-14)


def test_one_angle_in_many_gates_adds_up():
    builder = CircuitBuilder(3)
    (angle,) = builder.parameter("theta", 1)
    for k in range(3):
        builder.gate("rx", k, angles=(Affine(((0, 1.0 + k),), 0.1),))
        builder.gate("cp", k, (k + 1) % 3, angles=(angle * 2.0,))
    circuit = builder.circuit(observables=(Z(0) * Z(1), Y(2)))
    theta, cotangent = np.array([[0.4]]), np.array([[0.7, -0.2]])
    _, gradient = ENGINE.prepare(circuit).expect_vjp(theta, cotangent)
    np.testing.assert_allclose(gradient[0], differences(circuit, theta[0], cotangent[0]), atol=1e-8)


def test_the_hybrid_circuit_in_both_precisions():
    circuit = hybrid_circuit()
    rng = np.random.default_rng(5)
    theta = rng.normal(size=(5, 28))
    expected = [dense_values(circuit, row) for row in theta]
    np.testing.assert_allclose(ENGINE.prepare(circuit).expect(theta), expected, atol=1e-13)
    np.testing.assert_allclose(ENGINE.prepare(circuit, np.complex64).expect(theta.astype(np.float32)), expected, atol=2e-6)
