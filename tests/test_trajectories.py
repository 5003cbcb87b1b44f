"""Circuits that measure on their way, on the native engine: against known results and the reference engine."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from circuit_builder import CircuitBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from qkernel.errors import ExecutionError, MemoryRefusedError, ShotsError
from qkernel.lower.circuit import bit
from qkernel.observable import X, Y, Z
from qkernel_backends.native import NativeEngine
from qkernel_backends.native.progress import progress
from qkernel_backends.native.trajectories import Trajectories
from qkernel_backends.reference import ReferenceEngine

NATIVE, REFERENCE = NativeEngine(), ReferenceEngine()


def histories(circuit, dtype=np.complex128):
    """The circuit history by history, also where the engine would rather defer its measurements."""
    return Trajectories(circuit, np.dtype(dtype))


BOTH_WAYS = pytest.mark.parametrize("prepare", [NATIVE.prepare, histories], ids=["deferred", "histories"])
NO_ANGLES = np.zeros((1, 0))


def teleportation():
    builder = CircuitBuilder(3, 2)
    theta = builder.parameter("theta", 3)
    builder.gate("u", 0, angles=tuple(theta)).gate("h", 1).gate("cx", 1, 2).gate("cx", 0, 1).gate("h", 0)
    builder.measure(0, 0).measure(1, 1)
    builder.branch(bit(1), lambda then: then.gate("x", 2)).branch(bit(0), lambda then: then.gate("z", 2))
    return builder.circuit(observables=(X(2), Y(2), Z(2)), probabilities=((2,),))


@BOTH_WAYS
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex128, 1e-12), (np.complex64, 2e-6)])
def test_teleportation_moves_the_state(prepare, dtype, tolerance):
    theta = np.random.default_rng(0).uniform(-3, 3, (5, 3))
    polar, around = theta[:, 0], theta[:, 1]
    prepared = prepare(teleportation(), dtype)
    expected = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], 1)
    np.testing.assert_allclose(prepared.expect(theta), expected, atol=tolerance)
    (found,) = prepared.probabilities(theta)
    np.testing.assert_allclose(found[:, 1], np.sin(polar / 2) ** 2, atol=tolerance)
    assert found.dtype == np.dtype(dtype).type(0).real.dtype
    _, gradient = prepared.expect_vjp(theta, np.tile([0.0, 0.0, 1.0], (5, 1)))
    np.testing.assert_allclose(gradient[:, 0], -np.sin(polar), atol=tolerance)


def repeat_until_success(angle):
    """Qubit 1 flips each time that qubit 0 fails."""
    builder = CircuitBuilder(2, 3)
    builder.gate("ry", 0, angles=(angle,)).measure(0, 0)
    builder.repeat(bit(0), lambda body: body.gate("x", 1).reset(0).gate("ry", 0, angles=(angle,)).measure(0, 0))
    return builder.measure(1, 1)


def test_repeat_until_success_ends_with_success():
    chance = np.sin(0.6) ** 2
    bits = NATIVE.prepare(repeat_until_success(1.2).circuit()).sample(NO_ANGLES, 20_000, 5)[0]
    assert not bits[:, 0].any()
    assert bits[:, 1].mean() == pytest.approx(chance / (1 + chance), abs=0.015)  # odd numbers of failures
    with pytest.raises(ShotsError, match="`while` on measured bits"):
        NATIVE.prepare(repeat_until_success(1.2).circuit(observables=(Z(1),))).expect(NO_ANGLES)


def test_a_loop_without_an_end_is_named(monkeypatch):
    monkeypatch.setattr("qkernel_backends.histories.MOST_ITERATIONS", 50)
    builder = CircuitBuilder(1, 1).gate("x", 0).measure(0, 0)
    builder.repeat(bit(0), lambda body: body.measure(0, 0))
    with pytest.raises(ExecutionError, match="a `while` of `kernel` ran 50 iterations"):
        NATIVE.prepare(builder.circuit()).sample(NO_ANGLES, 10, 0)


def random_measuring(seed):
    rng = np.random.default_rng(seed)
    builder = CircuitBuilder(4, 5)
    theta = builder.parameter("theta", 4)

    def gates(inner, count):
        for _ in range(count):
            first, second = (int(q) for q in rng.permutation(4)[:2])
            match rng.integers(6):
                case 0:
                    inner.gate("swap", first, second)
                case 1:
                    inner.gate("cx", first, second)
                case 2:
                    inner.reset(first)
                case 3:
                    inner.measure(first, int(rng.integers(4)))
                case _:
                    inner.gate(str(rng.choice(["rx", "ry"])), first, angles=(theta[rng.integers(4)],))

    gates(builder, 5)
    for _ in range(3):
        gates(builder, 3)
        builder.measure(int(rng.integers(4)), int(rng.integers(4)))
        condition = bit(int(rng.integers(4))) ^ bit(int(rng.integers(4)))
        builder.branch(condition, lambda inner: gates(inner, 3), lambda inner: gates(inner, 2))
        builder.assign(4, bit(0) ^ bit(4))
    return builder


@BOTH_WAYS
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3]))
@settings(max_examples=30, deadline=None)
def test_exact_values_are_those_of_the_reference(prepare, seed, batch):
    circuit = random_measuring(seed).circuit(observables=(Z(0) * X(1) + 0.5 * Y(2), X(3) - 2.0), probabilities=((2, 0), (1,)))
    theta = np.random.default_rng(seed).normal(size=(batch, 4))
    native, reference = prepare(circuit), REFERENCE.prepare(circuit)
    np.testing.assert_allclose(native.expect(theta), reference.expect(theta), atol=1e-11)
    cotangent = np.random.default_rng(seed + 1).normal(size=(batch, 2))
    for found, expected in zip(native.expect_vjp(theta, cotangent), reference.expect_vjp(theta, cotangent), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-10)
    for found, expected in zip(native.probabilities(theta), reference.probabilities(theta), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-11)


def chi_square(counts, probabilities):
    """The statistic, its expectation and its standard deviation over the likely outcomes."""
    expected = probabilities * counts.sum()
    likely = expected > 5
    assert counts[expected < 1e-9].sum() == 0
    freedom = max(1, likely.sum() - 1)
    return ((counts - expected)[likely] ** 2 / expected[likely]).sum(), freedom, np.sqrt(2 * freedom)


@pytest.mark.parametrize("rows", [1, 3, 1000])
@pytest.mark.parametrize("seed", range(8))
def test_samples_follow_the_exact_branch_probabilities(monkeypatch, rows, seed):
    """With few rows at a time the histories are followed one after another."""
    monkeypatch.setattr("qkernel_backends.native.trajectories._ROOM", rows * (16 << 4))
    theta = np.random.default_rng(seed).normal(size=(2, 4))
    exact = REFERENCE.prepare(random_measuring(seed).circuit(probabilities=((0, 1, 2, 3),))).probabilities(theta)[0]
    measured = random_measuring(seed)
    for qubit in range(4):
        measured.measure(qubit, qubit)
    bits = NATIVE.prepare(measured.circuit()).sample(theta, 4000, seed)
    for sample in range(2):
        counts = np.bincount(bits[sample, :, :4] @ [1, 2, 4, 8], minlength=16)
        statistic, mean, deviation = chi_square(counts, exact[sample])
        assert statistic < mean + 6 * deviation


def test_joint_outcomes_of_measured_bits_follow_their_probabilities():
    """Two bits, their parity, and a qubit that turns by what they were: eight histories by hand."""
    builder = CircuitBuilder(2, 3)
    builder.gate("ry", 0, angles=(1.0,)).measure(0, 0).reset(0).gate("ry", 0, angles=(2.0,)).measure(0, 1)
    builder.branch(bit(0), lambda a: a.gate("ry", 1, angles=(0.7,)), lambda b: b.gate("ry", 1, angles=(2.1,)))
    bits = NATIVE.prepare(builder.measure(1, 2).circuit()).sample(NO_ANGLES, 20_000, 9)[0]
    first, second = np.sin(0.5) ** 2, np.sin(1.0) ** 2
    third = [np.sin(1.05) ** 2, np.sin(0.35) ** 2]
    expected = [
        (first if a else 1 - first) * (second if b else 1 - second) * (third[a] if c else 1 - third[a])
        for c in (0, 1) for b in (0, 1) for a in (0, 1)
    ]  # fmt: skip
    statistic, mean, deviation = chi_square(np.bincount(bits @ [1, 2, 4], minlength=8), np.array(expected))
    assert statistic < mean + 5 * deviation


def test_seeds_repeat_and_shots_come_in_no_order():
    circuit = repeat_until_success(1.2).circuit()
    prepared, theta = NATIVE.prepare(circuit), np.zeros((2, 0))
    bits = prepared.sample(theta, 2000, 3)
    assert np.array_equal(bits, NATIVE.prepare(circuit).sample(theta, 2000, 3))
    assert not np.array_equal(bits, prepared.sample(theta, 2000, 4))
    assert not np.array_equal(bits[0], bits[1])
    assert not np.array_equal(bits[0, :, 1], np.sort(bits[0, :, 1]))
    assert prepared.sample(theta, 0, 3).shape == (2, 0, 3)


@BOTH_WAYS
def test_last_measurements_dephase_what_is_observed(prepare):
    builder = CircuitBuilder(2, 2).gate("h", 0).gate("cx", 0, 1).measure(0, 0).barrier(0, 1)
    circuit = builder.circuit(observables=(X(0) * X(1), Z(0) * Z(1), X(1), Z(0)))
    np.testing.assert_allclose(prepare(circuit).expect(NO_ANGLES), [[0, 1, 0, 0]], atol=1e-14)


def test_too_many_histories_are_refused(monkeypatch):
    monkeypatch.setattr("qkernel_backends.histories.MOST_BRANCHES", 8)

    def read_late(count):
        """Coins whose outcomes are all read behind the last."""
        builder = CircuitBuilder(1, count)
        for k in range(count):
            builder.gate("h", 0).measure(0, k)
        for k in range(count):
            builder.branch(bit(k), lambda then: then.gate("x", 0))
        return histories(builder.circuit(observables=(Z(0),)))

    assert read_late(3).expect(NO_ANGLES) == pytest.approx(np.zeros((1, 1)), abs=1e-12)
    with pytest.raises(ExecutionError, match="more than 8 histories"):
        read_late(4).expect(NO_ANGLES)


def measured_often(rounds, dtype=np.complex128):
    """Two qubits, one of them measured and reset in every round, its outcome read in the next gate only."""
    builder = CircuitBuilder(2, 1)
    theta = builder.parameter("theta", 2)
    for _ in range(rounds):
        builder.gate("ry", 0, angles=(theta[0],)).gate("cx", 0, 1).gate("swap", 0, 1).measure(0, 0).reset(0)
        builder.branch(bit(0), lambda then: then.gate("rx", 1, angles=(theta[1],)))
    return builder.circuit(observables=(Z(1), X(1) * Z(0)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.complex128, 1e-12), (np.complex64, 3e-5)])
@pytest.mark.parametrize("batch", [1, 5])
def test_histories_with_the_same_future_are_merged(dtype, tolerance, batch):
    theta, cotangent = np.random.default_rng(batch).normal(size=(2, batch, 2))
    few = measured_often(6)
    found, expected = histories(few, dtype).expect_vjp(theta, cotangent), REFERENCE.prepare(few).expect_vjp(theta, cotangent)
    for one, known in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, known, atol=tolerance)
    np.testing.assert_allclose(histories(few, dtype).expect(theta), expected[0], atol=tolerance)


def test_outcomes_that_are_not_read_any_more_are_no_bound():
    circuit, step = measured_often(60), 1e-6
    assert isinstance(NATIVE.prepare(circuit), Trajectories)
    theta = np.array([[0.3, -0.4]])
    prepared = NATIVE.prepare(circuit)
    _, gradient = prepared.expect_vjp(theta, np.array([[0.7, -0.2]]))
    moved = np.repeat(theta, 4, axis=0) + step * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    values = prepared.expect(moved) @ np.array([0.7, -0.2])
    np.testing.assert_allclose(gradient[0], (values[::2] - values[1::2]) / (2 * step), atol=1e-8)


def test_too_large_a_state_is_refused():
    builder = CircuitBuilder(44, 1).gate("h", 0).measure(0, 0).gate("h", 0)
    with pytest.raises(MemoryRefusedError, match="44 qubits need"):
        NATIVE.prepare(builder.measure(0, 0).circuit()).sample(NO_ANGLES, 10, 0)


def test_progress_shows_on_a_terminal_only_after_a_while(monkeypatch, capsys):
    with progress("shots", 2) as advance:
        advance(1)
    monkeypatch.setattr("qkernel_backends.native.progress._PATIENCE", -1.0)
    with progress("shots", 2) as advance:
        advance(1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("shots", 2) as advance:
        advance(1)
    assert "shots" in capsys.readouterr().err
