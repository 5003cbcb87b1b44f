"""The native engine against dense matrices, finite differences and itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from circuit_builder import Affine, CircuitBuilder, hybrid_circuit
from hypothesis import given, settings
from hypothesis import strategies as st
from random_circuits import dense_state, dense_values, random_circuit

from qkernel.errors import ExecutionError, MemoryRefusedError
from qkernel.gates import GATES
from qkernel.observable import X, Y, Z
from qkernel_backends.native import NativeEngine
from qkernel_backends.native.encode import encode
from qkernel_backends.native.passes import partition
from qkernel_backends.native.split import NativeSplit
from qkernel_backends.reference import ReferenceEngine

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


@pytest.fixture
def small_blocks(monkeypatch):
    """Work in blocks of 16 to 64 amplitudes, as if they filled the cache."""

    def program(split, bits):
        low = 4 if split.real == np.float32 else 3
        block = low + split.num_values % 3
        passes = partition(split.plan, block, low) if split.plan.num_qubits > block else None
        return encode(split.plan, bits, split.real, split.position, passes=passes)

    monkeypatch.setattr(NativeSplit, "_program", program)
    monkeypatch.setattr("qkernel_backends.native.split.lane_bits", lambda num_qubits, batch, real: max(0, 4 - num_qubits))


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("seed", range(40))
def test_passes_over_blocks_do_what_the_whole_does(small_blocks, monkeypatch, threads, seed):
    monkeypatch.setenv("QKERNEL_NUM_THREADS", threads)
    circuit = random_circuit(seed + 1000, max_qubits=9, length=40)
    rng = np.random.default_rng(seed)
    theta, cotangent = rng.normal(size=(2, circuit.angles.num_columns)), rng.normal(size=(2, len(circuit.expectations)))
    prepared = ENGINE.prepare(circuit)
    values, gradient = prepared.expect_vjp(theta, cotangent)
    expected = [dense_values(circuit, row) for row in theta]
    np.testing.assert_allclose(values, expected, atol=1e-11)
    np.testing.assert_allclose(prepared.expect(theta), expected, atol=1e-11)
    split = prepared.split((0, 1), (2, 3, 4, 5))
    weights = theta[0, 2:]
    mixed = np.column_stack([theta[:, :2], np.tile(weights, (2, 1))])
    _, by_input, by_weight = split.vjp(theta[:, :2], weights, cotangent)
    for sample in range(2):
        np.testing.assert_allclose(gradient[sample], differences(circuit, theta[sample], cotangent[sample]), atol=2e-7)
    slopes = np.array([differences(circuit, mixed[k], cotangent[k]) for k in range(2)])
    np.testing.assert_allclose(by_input, slopes[:, :2], atol=2e-7)
    np.testing.assert_allclose(by_weight, slopes[:, 2:].sum(0), atol=4e-7)


@pytest.mark.parametrize("seed", range(3))
def test_any_number_of_parities_crosses_the_border_of_a_block(small_blocks, seed):
    """ZZ between all pairs, and one between qubits further apart than a block is wide."""
    rng = np.random.default_rng(seed)
    count = 10
    builder = CircuitBuilder(count)
    theta = builder.parameter("theta", 6)
    for layer in range(2):
        for k in range(count):
            builder.gate("ry", k, angles=(theta[k % 6] * float(rng.normal()),))
        for k in range(count):
            for other in range(k):
                builder.gate("rzz", other, k, angles=(theta[(k + other) % 6] * float(rng.normal()),))
        for k in range(count):
            builder.gate("cx", k, (k + 1 + layer) % count).gate("rz", k, angles=(theta[k % 6],))
    circuit = builder.circuit(observables=(*(Z(k) for k in range(count)), X(0) * Y(9)))
    theta, cotangent = rng.normal(size=(1, 6)), rng.normal(size=(1, count + 1))
    values, gradient = ENGINE.prepare(circuit).expect_vjp(theta, cotangent)
    np.testing.assert_allclose(values[0], dense_values(circuit, theta[0]), atol=1e-11)
    np.testing.assert_allclose(gradient[0], differences(circuit, theta[0], cotangent[0]), atol=1e-6)


def flips_between_rotations(seed, num_qubits):
    """Runs of flips with any controls, ascending and descending chains among them, with rotations between the runs."""
    rng = np.random.default_rng(seed)
    builder = CircuitBuilder(num_qubits)
    theta = builder.parameter("theta", 4)
    for _ in range(3):
        for k in range(num_qubits):
            builder.gate(("ry", "rx", "rz")[rng.integers(3)], k, angles=(theta[rng.integers(4)] * float(rng.normal()),))
        chain = [(k, (k + 1) % num_qubits) for k in range(num_qubits)]
        run = chain if rng.random() < 0.3 else chain[::-1] if rng.random() < 0.3 else []
        for qubits in run or [rng.permutation(num_qubits)[: rng.integers(1, 4)] for _ in range(10)]:
            controls = len(qubits) - 1
            builder.gate("x", *map(int, qubits), controls=controls, control_value=int(rng.integers(1 << controls)))
    return builder.circuit(observables=(*(Z(k) for k in range(num_qubits)), X(0) * Y(num_qubits - 1)))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@given(seeds, st.integers(3, 8), st.sampled_from([1, 2, 5, 16]))
@settings(max_examples=40, deadline=None)
def test_runs_of_flips_move_the_amplitudes_to_their_places(dtype, seed, num_qubits, batch):
    check_flips(dtype, seed, num_qubits, batch)


@pytest.mark.parametrize("seed", range(20))
def test_runs_of_flips_over_blocks(small_blocks, seed):
    check_flips(np.complex128, seed, 8, 1)


def check_flips(dtype, seed, num_qubits, batch):
    circuit = flips_between_rotations(seed, num_qubits)
    rng = np.random.default_rng(seed)
    theta, cotangent = rng.normal(size=(batch, 4)), rng.normal(size=(batch, num_qubits + 1))
    expected, slope = ReferenceEngine().prepare(circuit, np.complex128).expect_vjp(theta, cotangent)
    values, gradient = ENGINE.prepare(circuit, dtype).expect_vjp(theta, cotangent)
    np.testing.assert_allclose(values, expected, atol=1e-12 if dtype == np.complex128 else 2e-6)
    np.testing.assert_allclose(gradient, slope, atol=1e-11 if dtype == np.complex128 else 2e-5)


@pytest.mark.parametrize("axis", ["rx", "ry", "rz", "crx", "cry"])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_rotations_about_one_axis_on_all_places(dtype, axis):
    """They are done two by two, all bits of a vector at once, and behind controls."""
    for count in (3, 6, 9):
        builder = CircuitBuilder(count)
        theta = builder.parameter("theta", 2 * count)
        for k in range(count):
            builder.gate("u", k, angles=(0.3 + k, 1.1 * k, 0.7))
        for k in range(count):
            builder.gate("cz", k, (k + 1) % count)
        for layer in range(2):
            for k in range(count):
                qubits = (k, (k + 2) % count) if axis.startswith("c") else (k,)
                builder.gate(axis, *qubits, angles=(theta[count * layer + k],))
            for k in range(count):
                builder.gate("rxx", k, (k + 1) % count, angles=(0.2 * k + 0.1,))
        circuit = builder.circuit(observables=(*(Z(k) for k in range(count)), X(0) * Y(1)))
        rng = np.random.default_rng(count)
        angles, cotangent = rng.normal(size=(1, 2 * count)), rng.normal(size=(1, count + 1))
        values, gradient = ENGINE.prepare(circuit, dtype).expect_vjp(angles, cotangent)
        single = dtype == np.complex64
        np.testing.assert_allclose(values[0], dense_values(circuit, angles[0]), atol=1e-5 if single else 1e-12)
        expected = differences(circuit, angles[0], cotangent[0])
        np.testing.assert_allclose(gradient[0], expected, atol=1e-4 if single else 2e-7)


def layered_circuit(num_qubits, layers):
    builder = CircuitBuilder(num_qubits)
    theta = builder.parameter("theta", num_qubits * layers)
    for layer in range(layers):
        for k in range(num_qubits):
            builder.gate("ry" if layer % 2 else "rx", k, angles=(theta[num_qubits * layer + k],))
        for k in range(num_qubits):
            builder.gate("cx" if layer % 2 else "cz", k, (k + 1) % num_qubits)
    return builder.circuit(observables=(*(Z(k) for k in range(num_qubits)), X(0) * Y(num_qubits - 1)))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize(("num_qubits", "batch"), [(10, 70), (13, 9), (18, 1)])
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, num_qubits, batch, dtype):
    """Of sums over samples, for weights that they share, and over the blocks of a large state."""
    monkeypatch.setattr("qkernel_backends.native.runner.num_parts", lambda: 4)
    monkeypatch.setattr("qkernel_backends.native.runner.WORTH_THREADS", 0.0)
    split = ENGINE.prepare(layered_circuit(num_qubits, 3), dtype).split(range(2), range(2, 3 * num_qubits))
    rng = np.random.default_rng(0)
    given = rng.normal(size=(batch, 2)), rng.normal(size=3 * num_qubits - 2), rng.normal(size=(batch, num_qubits + 1))
    found = []
    for threads in ("1", "2", "3", "5"):
        monkeypatch.setenv("QKERNEL_NUM_THREADS", threads)
        found.append(split.vjp(*given))
    for other in found[1:]:
        for part, expected in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(part, expected)


def test_calls_from_several_threads_do_not_meet():
    circuit = layered_circuit(6, 3)
    prepared = ENGINE.prepare(circuit)
    theta = np.random.default_rng(0).normal(size=(24, 8, 18))
    cotangent = np.ones((8, 7))
    expected = [prepared.expect_vjp(batch, cotangent) for batch in theta]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda batch: prepared.expect_vjp(batch, cotangent), theta))
    for (values, gradient), (other, slope) in zip(found, expected, strict=True):
        assert np.array_equal(values, other)
        assert np.array_equal(gradient, slope)


def test_a_bad_number_of_threads_is_named(monkeypatch):
    monkeypatch.setenv("QKERNEL_NUM_THREADS", "many")
    with pytest.raises(ExecutionError, match="QKERNEL_NUM_THREADS"):
        ENGINE.prepare(layered_circuit(12, 2)).expect(np.zeros((64, 24)))


def test_too_large_a_state_is_refused_with_the_arithmetic():
    builder = CircuitBuilder(44)
    theta = builder.parameter("theta", 44)
    for k in range(44):
        builder.gate("ry", k, angles=(theta[k],)).gate("cx", k, (k + 1) % 44)
    prepared = ENGINE.prepare(builder.circuit(observables=(Z(0),)))
    with pytest.raises(MemoryRefusedError, match="44 qubits need") as caught:
        prepared.expect(np.zeros((1, 44)))
    assert "2**44 amplitudes of 16 bytes" in str(caught.value)


def test_gates_on_more_qubits_than_a_number_has_bits_may_be_left_out():
    builder = CircuitBuilder(80)
    theta = builder.parameter("theta")
    builder.gate("ry", 79, angles=(theta,)).gate("x", *range(71), control_value=5).gate("swap", 79, 3)
    values = ENGINE.prepare(builder.circuit(observables=(Z(3), X(3)))).expect(np.array([[0.3]]))
    np.testing.assert_allclose(values, [[np.cos(0.3), np.sin(0.3)]], atol=1e-14)
    wide = ENGINE.prepare(builder.circuit(observables=(X(70),)))
    with pytest.raises(MemoryRefusedError, match="71 qubits need"):
        wide.expect(np.array([[0.3]]))


def test_the_plan_explains_itself():
    text = ENGINE.prepare(hybrid_circuit(), np.complex64).explain(32, range(4))
    assert "room for 16 side by side" in text
    assert "7 phases (from a table made once per call)" in text
    assert "predicted" in text


def test_the_plan_tells_which_tables_are_not_kept():
    builder = CircuitBuilder(10, 0)
    angles = [builder.parameter(f"a{k}") for k in range(10)]
    for _ in range(100):
        for k in range(10):
            builder.gate("ry", k, angles=(angles[k],)).gate("rzz", k, (k + 1) % 10, angles=(angles[k],))
    text = ENGINE.prepare(builder.circuit(observables=(Z(0),))).explain()
    kept, made_anew = (text.count(f"from a table made {when})") for when in ("once per call", "anew each time it is used"))
    assert kept > made_anew > 0
    assert kept + made_anew == text.count("(from a table made ")


def test_samples_repeat_with_their_seed_and_follow_the_probabilities():
    builder = CircuitBuilder(2, 2)
    theta = builder.parameter("theta")
    builder.gate("ry", 0, angles=(theta,)).gate("cx", 0, 1).measure(0, 1).measure(1, 0)
    prepared = ENGINE.prepare(builder.circuit())
    bits = prepared.sample(np.array([[0.8], [2.0]]), 4000, 3)
    assert np.array_equal(bits, prepared.sample(np.array([[0.8], [2.0]]), 4000, 3))
    assert np.array_equal(bits[..., 0], bits[..., 1])
    np.testing.assert_allclose(bits[..., 0].mean(1), np.sin(np.array([0.4, 1.0])) ** 2, atol=0.04)


def test_shots_that_are_counted_are_those_that_are_drawn_one_by_one():
    builder = CircuitBuilder(4, 6)
    angles = [builder.parameter(f"a{k}") for k in range(4)]
    for k, (qubit, bit) in enumerate([(2, 5), (0, 1), (3, 0)]):
        builder.gate("ry", qubit, angles=(angles[k],)).gate("cx", qubit, 1).measure(qubit, bit)
    prepared, theta = ENGINE.prepare(builder.circuit()), np.array([[0.4, 1.1, 2.2, 0.0], [0.0, 0.0, 0.3, 0.0]])
    bits, tally = prepared.sample(theta, 200, 5), prepared.tally(theta, 200, 5)
    for k in range(2):
        rows, times = np.unique(bits[k], axis=0, return_counts=True)
        outcomes, counts = tally.distinct(k)
        assert dict(zip(map(bytes, outcomes), counts.tolist(), strict=True)) == dict(
            zip(map(bytes, rows), times.tolist(), strict=True)
        )
        assert len(counts) < 200


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_tables_that_are_made_where_they_are_used_give_the_same(monkeypatch, dtype):
    """Those of a deep circuit, which would not fit: of weights, of inputs and constant ones."""
    builder = CircuitBuilder(9)
    a, b = builder.parameter("a"), builder.parameter("b")
    for layer in range(3):
        for k in range(9):
            builder.gate("ry", k, angles=(0.3 + k,)).gate("rz", k, angles=((a, b, 0.2)[layer],))
        for k in range(8):
            builder.gate("cz", k, k + 1).gate("cp", k, (k + 3) % 9, angles=((a, b, 0.7)[layer] * 1.5,))
    circuit = builder.circuit(observables=(X(0) * Y(4), Z(3)))
    given = np.array([[0.3], [1.1], [2.0]]), np.array([0.7]), np.array([[1.0, 2.0], [0.5, -1.0], [0.2, 0.1]])
    found, sizes = [], []
    for most in (1 << 24, 0):
        monkeypatch.setattr("qkernel_backends.native.encode._MOST_TABLES", most)
        monkeypatch.setattr("qkernel_backends.native.encode._MOST_CONSTANT", most)
        split = ENGINE.prepare(circuit, dtype).split([0], [1])
        found.append(split.vjp(*(part.astype(split.real) for part in given)))
        sizes.append(split.runner(3).program.bytes)
    assert sizes[1] < sizes[0]
    for part, expected in zip(*found, strict=True):
        np.testing.assert_allclose(part, expected, atol=3e-6 if dtype == np.complex64 else 1e-13)


INTERRUPTED = """
import sys
import numpy as np
sys.path.insert(0, "tests")
from test_native import ENGINE, layered_circuit
num_qubits, layers, batch = map(int, sys.argv[1:])
prepared = ENGINE.prepare(layered_circuit(num_qubits, layers), np.complex64)
theta = np.zeros((batch, num_qubits * layers), np.float32)
try:
    print("running", flush=True)
    prepared.expect_vjp(theta, np.ones((batch, num_qubits + 1), np.float32))
except KeyboardInterrupt:
    print(prepared.expect(theta[:1]).round(3).tolist()[0][0])
"""


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(("num_qubits", "layers", "batch"), [(20, 30, 40), (12, 4, 200_000)])
def test_ctrl_c_ends_a_long_call_and_the_next_one_works(threads, num_qubits, layers, batch):
    arguments = [sys.executable, "-c", INTERRUPTED, *map(str, (num_qubits, layers, batch))]
    environment = os.environ | {"QKERNEL_NUM_THREADS": threads}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=300)
        finally:
            process.kill()
    assert output == "1.0\n"


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_a_large_state_is_that_of_one_thread_and_of_another_engine(monkeypatch, dtype):
    """Above what fits the cache it is made in passes over blocks."""
    monkeypatch.setattr("qkernel_backends.native.runner.num_parts", lambda: 3)
    circuit = layered_circuit(18, 1)
    theta, found = np.random.default_rng(1).normal(size=(2, circuit.angles.num_columns)), []
    for threads in ("1", "3"):
        monkeypatch.setenv("QKERNEL_NUM_THREADS", threads)
        found.append(ENGINE.prepare(circuit, dtype).state(theta))
    np.testing.assert_array_equal(found[0], found[1])
    expected = ReferenceEngine().prepare(circuit).state(theta)
    np.testing.assert_allclose(found[0], expected, atol=3e-6 if dtype == np.complex64 else 1e-13)
