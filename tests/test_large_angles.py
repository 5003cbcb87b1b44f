"""Angles of every size mean what their numbers say, on every engine; what is no number makes no value."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from random_circuits import random_circuit
from shifts import shift_vjp

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import ExecutionError
from qkernel.execution.gradient import open_slots
from qkernel.lower.angles import LARGEST_ANGLE, without_turns
from qkernel.nn import QLayer
from tests.conformance import dense

ENGINES = ["native", "torch", "reference"]
SIZES = [1e3, 3e4, 1e6, 1e9, 1e13, 1e18, 1e25, 1e300]


def test_whole_turns_come_off_exactly() -> None:
    rng = np.random.default_rng(0)
    angles = np.concatenate([rng.uniform(-1, 1, 50) * size for size in SIZES] + [np.pi * rng.integers(-9, 9, 20) * 1e7])
    with mpmath.workdps(700):
        turn = 4 * mpmath.pi
        rests = [mpmath.mpf(float(a)) - turn * mpmath.nint(mpmath.mpf(float(a)) / turn) for a in angles]
        np.testing.assert_allclose(without_turns(angles), [float(rest) for rest in rests], atol=2e-15)
    assert without_turns(np.array([0.3, -6.2])).tolist() == [0.3, -6.2]
    assert np.isnan(without_turns(np.array([np.nan, np.inf, -np.inf]))).all()


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("engine", ENGINES)
def test_random_circuits_at_every_size(engine: str, size: float, dtype: Any) -> None:
    """Sums of parameters, halves, controls, words: gates as the angle map's numbers say."""
    rng = np.random.default_rng(int(math.log10(size)))
    for seed in range(6):
        circuit = random_circuit(seed, max_qubits=3, length=12, num_columns=3)
        theta = rng.uniform(-size, size, (3, circuit.angles.num_columns))
        theta[0, 1:] = rng.uniform(-1, 1, circuit.angles.num_columns - 1)  # small beside large
        prepared = load_engine(engine).prepare(circuit, dtype)
        tolerance = 3e-6 if dtype == np.complex64 else 1e-11
        np.testing.assert_allclose(prepared.expect(theta), dense.expect(circuit, theta), atol=tolerance)
        np.testing.assert_allclose(prepared.state(theta), dense.state(circuit, theta), atol=tolerance)


@pytest.mark.parametrize("size", [1e6, 1e13, 1e30])
@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_are_those_of_the_angles_without_their_turns(engine: str, size: float) -> None:
    for seed in range(4):
        circuit = open_slots(random_circuit(seed, max_qubits=3, length=10, num_columns=3))
        rng = np.random.default_rng(seed)
        theta = rng.uniform(-size, size, (2, circuit.angles.num_columns))
        cotangent = rng.normal(size=(2, len(circuit.expectations)))
        prepared = load_engine(engine).prepare(circuit)
        values, gradient = prepared.expect_vjp(theta, cotangent)
        known = load_engine("reference").prepare(circuit).expect_vjp(without_turns(theta), cotangent)
        np.testing.assert_allclose(values, known[0], atol=1e-12)
        np.testing.assert_allclose(gradient, known[1], atol=1e-11)
        shifted = shift_vjp(load_engine(engine).prepare(open_slots(circuit)), circuit, theta, cotangent)
        np.testing.assert_allclose(shifted[1], known[1], atol=1e-11)


@qk.qkernel
def blurred(a: qk.Float, b: qk.Float) -> qk.Float:
    """The rotations by a, by b and back by a are next to one another, and none is a small one."""
    q = qk.rx(qk.rx(qk.rx(qk.qubit(), a), b), -a)
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def bent(a: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), a * a), qko.Z(0))


@qk.qkernel
def controlled(a: qk.Float) -> qk.Float:
    q = qk.qubit_array(2)
    q[0] = qk.h(q[0])
    q[0], q[1] = qk.crz(q[0], q[1], a)
    return qk.expval(q[0], qko.X(0))


@qk.qkernel
def written() -> qk.Float:
    return qk.expval(qk.rx(qk.rx(qk.qubit(), 0.3), 1e17), qko.Z(0))


@qk.qkernel
def measured(a: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(2), a)
    q[0], bit = qk.project_z(q[0])
    if bit:
        q[1] = qk.rx(q[1], a)
    return qk.expval(q, qko.Z(1))


def value(kernel: Any, engine: str, **values: Any) -> Any:
    return kernel.run(engine=engine, **values)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_becomes_of_angles_on_their_way(engine: str) -> None:
    """Merged, squared, halved by a control, written in the kernel, behind a measurement."""
    for a in (1e9, 1e16, 1e22):
        assert value(blurred, engine, a=a, b=0.3) == pytest.approx(math.cos(0.3), abs=1e-12)
        assert value(bent, engine, a=math.sqrt(a)) == pytest.approx(math.cos(math.sqrt(a) * math.sqrt(a)), abs=1e-12)
        assert value(controlled, engine, a=a) == pytest.approx(math.cos(a / 2), abs=1e-12)
        flipped = math.sin(a / 2) ** 2
        assert value(measured, engine, a=a) == pytest.approx(
            (1 - flipped) * math.cos(a) + flipped * math.cos(a) ** 2, abs=1e-12
        )
    assert value(written, engine) == pytest.approx(math.cos(1e17) * math.cos(0.3) - math.sin(1e17) * math.sin(0.3), abs=1e-12)


@qk.qkernel
def layered(n: qk.UInt, x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(n), x)
    q[0], q[1] = qk.crx(q[0], q[1], 0.5 * x[0] + w[0])
    q = qk.rz(q, w)
    q = qk.ry(q, w)
    return qk.expval(q, [qko.Z(0), qko.X(0) * qko.Y(1)])


def layer_of(engine: str, weights: Any) -> QLayer:
    layer = QLayer(layered, {"n": 2}, inputs=["x"], weights=["w"], engine=engine)
    layer.w = torch.nn.Parameter(weights)
    return layer


@pytest.mark.parametrize("size", [1e4, 1e7, 1e12, 1e20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("engine", ["native", "torch"])
def test_layers_in_both_precisions(engine: str, dtype: torch.dtype, size: float) -> None:
    """Gradients too: those of a float32 layer are those of its numbers in double precision."""
    inputs = torch.tensor(np.random.default_rng(1).uniform(-size, size, (40, 2)), dtype=dtype, requires_grad=True)
    weights = torch.tensor([0.3, size / 3], dtype=dtype)
    layer = layer_of(engine, weights)
    values = layer(inputs)
    values.sum().backward()
    circuit = layered.compile({"n": 2}, ["x", "w"]).circuit
    theta = torch.cat([inputs, weights.expand(40, 2)], 1).detach().numpy().astype(float)
    known, gradient = load_engine("reference").prepare(circuit).expect_vjp(theta, np.ones((40, 2)))
    tolerance = 5e-6 if dtype == torch.float32 else 1e-11
    np.testing.assert_allclose(values.detach(), known, atol=tolerance)
    np.testing.assert_allclose(inputs.grad, gradient[:, :2], atol=tolerance)
    np.testing.assert_allclose(layer.w.grad, gradient[:, 2:].sum(0), atol=50 * tolerance)


@pytest.mark.parametrize("size", [10.0, 1e3, 1e5, 1e9])
@pytest.mark.parametrize("engine", [*ENGINES, "qiskit"])
def test_squares_in_single_precision(engine: str, size: float) -> None:
    """An angle that is computed is computed in double precision."""
    inputs = torch.tensor(np.random.default_rng(2).uniform(-size, size, 6), dtype=torch.float32, requires_grad=True)
    values = QLayer(bent, inputs=["a"], engine=engine)(inputs)
    wide = inputs.detach().numpy().astype(float)
    np.testing.assert_allclose(values.detach().ravel(), np.cos(wide * wide), atol=3e-6)
    values.sum().backward()
    np.testing.assert_allclose(inputs.grad / size, -np.sin(wide * wide) * 2 * wide / size, atol=1e-5)


@qk.qkernel
def every_way(a: qk.Float, b: qk.Float) -> qk.Float:
    q = qk.qubit_array(2)
    q[0] = qk.u(q[0], a, b, -a)
    q[1] = qk.h(q[1])
    q[1], q[0] = qk.cu(q[1], q[0], b, a, -b, a)
    q = qk.pauli_evolve(q, 0.3 * qko.X(0) * qko.Y(1) + 0.1 * qko.Z(0), a)
    q[0], q[1] = qk.control(qk.global_phase(qk.h, b))(q[0], q[1])
    q = qk.rx(qk.rz(q, 1e19), 0.1 * a + 0.25)
    return qk.expval(q, qko.X(0) + 0.5 * qko.Z(0) * qko.Y(1))


@pytest.mark.parametrize("size", [1e5, 1e10, 1e16, 1e25])
def test_all_engines_agree_on_every_gate(size: float) -> None:
    known, slopes = every_way.value_and_grad(a=size, b=size / 7, engine="reference")
    for engine in ("native", "torch", "qiskit"):
        value, found = every_way.value_and_grad(a=size, b=size / 7, engine=engine)
        assert value == pytest.approx(known, abs=1e-9)
        assert list(found.values()) == pytest.approx(list(slopes.values()), abs=1e-8)


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_second_derivatives_and_transforms_at_large_angles(engine: str) -> None:
    large = torch.tensor([1e15, 3.0], dtype=torch.float64)
    layer = layer_of(engine, torch.tensor([0.3, 2e9], dtype=torch.float64))

    def summed(x: Any) -> Any:
        return layer(x).sum()

    hessian = torch.func.jacrev(torch.func.jacrev(summed))(large)
    step = torch.tensor([0.125, 0.0], dtype=torch.float64)  # exact beside 1e15
    by_first = [torch.func.grad(summed)(large + k * step)[1] for k in (-1, 0, 1)]
    batch = torch.stack([large - step, large, large + step])
    torch.testing.assert_close(torch.func.vmap(torch.func.grad(summed))(batch)[:, 1], torch.stack(by_first))
    angle = 0.125
    # halves of the first input are exact, too, so that the values are smooth in these steps
    assert abs((by_first[2] - by_first[0]) / (2 * angle) - hessian[1, 0]) < 0.005
    torch.testing.assert_close(hessian, hessian.T)


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_sample_that_is_not_finite_has_no_values_and_the_others_do(engine: str, missing: float, dtype: Any) -> None:
    for seed in range(4):
        circuit = random_circuit(seed, max_qubits=3, length=8, num_columns=3)
        circuit = replace(circuit, probabilities=((0,), (0, 1)[: circuit.num_qubits]))
        prepared = load_engine(engine).prepare(circuit, dtype)
        real, tolerance = (np.float32, 1e-5) if dtype == np.complex64 else (np.float64, 1e-12)
        theta = np.random.default_rng(seed).normal(size=(5, circuit.angles.num_columns)).astype(real)
        cotangent = np.ones((5, len(circuit.expectations)), theta.dtype)
        known = [prepared.expect(theta), prepared.state(theta), *prepared.probabilities(theta)]
        known += prepared.expect_vjp(theta, cotangent)
        theta[3, seed % circuit.angles.num_columns] = missing
        found = [prepared.expect(theta), prepared.state(theta), *prepared.probabilities(theta)]
        found += prepared.expect_vjp(theta, cotangent)
        for before, after in zip(known, found, strict=True):
            np.testing.assert_allclose(np.delete(after, 3, 0), np.delete(before, 3, 0), atol=tolerance)
            assert np.isnan(after[3]).all()


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_weights_that_are_not_finite_leave_nothing_of_a_layer(engine: str) -> None:
    layer = layer_of(engine, torch.tensor([np.nan, 0.1]))
    inputs = torch.rand(3, 2, requires_grad=True)
    values = layer(inputs)
    values.sum().backward()
    assert values.isnan().all()
    assert inputs.grad.isnan().all()
    assert layer.w.grad.isnan().all()


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_drawn_from_what_is_not_finite(engine: str) -> None:
    @qk.qkernel
    def bits(a: qk.Float) -> qk.Bit:
        return qk.measure(qk.ry(qk.qubit(), a))

    prepared = load_engine(engine).prepare(bits.compile(parameters=["a"]).circuit)
    assert prepared.sample(np.array([[1e30]]), 10, 0).shape == (1, 10, 1)
    with pytest.raises(ExecutionError, match="cannot be sampled where an angle is not a finite number"):
        prepared.sample(np.array([[0.1], [np.nan]]), 10, 0)


def test_ordinary_angles_are_left_alone() -> None:
    """Sums are made at once up to the stated size; there is no second way for them."""
    circuit = blurred.compile(parameters=["a", "b"]).circuit
    prepared: Any = load_engine("native").prepare(circuit)
    prepared.expect(np.full((2, 2), circuit.angles.largest_column))
    assert "any_angles" not in vars(prepared)
    assert circuit.angles.largest_column == LARGEST_ANGLE
