"""Measurements put off to the end: on few qubits, with the values, gradients and second derivatives of the circuit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from circuit_builder import CircuitBuilder

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ShotsError
from qkernel.lower.circuit import bit
from qkernel.nn import QLayer
from qkernel_backends.deferral import MOST_FRESH_QUBITS, deferred, deferred_if_small
from qkernel_backends.native.engine import NativeBranching, NativeEngine
from qkernel_backends.native.trajectories import Trajectories
from tests.benchmarks.workloads import fed_forward


def test_a_qubit_that_is_only_measured_holds_its_outcome() -> None:
    builder = CircuitBuilder(2, 1).gate("h", 0).measure(0, 0).branch(bit(0), lambda then: then.gate("x", 1))
    assert deferred(builder.circuit(observables=(qko.Z(1),))).num_qubits == 2
    assert deferred(builder.circuit(observables=(qko.X(0) * qko.Z(1),))).num_qubits == 3, "X sees the measurement"
    assert deferred(builder.circuit(probabilities=((0, 1),))).num_qubits == 3
    assert deferred(builder.gate("h", 0).circuit(observables=(qko.Z(1),))).num_qubits == 3, "it is used again"


def test_a_measurement_that_may_not_happen_has_a_qubit_of_its_own() -> None:
    builder = CircuitBuilder(3, 2).gate("h", 0).gate("h", 1).measure(0, 0)
    builder.branch(bit(0), lambda then: then.measure(1, 1)).branch(bit(1), lambda then: then.gate("x", 2))
    circuit = builder.circuit(observables=(qko.Z(2),))
    assert deferred(circuit).num_qubits == 4
    assert NativeEngine().prepare(circuit).expect(torch.zeros(1, 0).numpy())[0, 0] == pytest.approx(0.5)


def test_what_would_take_too_many_qubits_is_followed_history_by_history() -> None:
    builder = CircuitBuilder(1, 1)
    for _ in range(MOST_FRESH_QUBITS + 1):
        builder.gate("h", 0).measure(0, 0)
    circuit = builder.gate("h", 0).circuit(observables=(qko.Z(0),))
    with pytest.raises(ShotsError, match="measures and resets too often"):
        deferred(circuit)
    assert deferred_if_small(circuit) is None
    assert isinstance(NativeEngine().prepare(circuit), Trajectories)
    few = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0).gate("h", 0)
    assert isinstance(NativeEngine().prepare(few.circuit(observables=(qko.Z(0),))), NativeBranching)
    assert isinstance(NativeEngine().prepare(few.circuit()), Trajectories), "there is nothing exact to read out"


@pytest.mark.parametrize("count", [8, MOST_FRESH_QUBITS, 40])
def test_many_measurements_are_deferred_or_followed_whichever_is_quicker(count: int) -> None:
    builder = CircuitBuilder(1, 1)
    theta = builder.parameter("theta", 2)
    for k in range(count):
        builder.gate("ry", 0, angles=(theta[k % 2],)).measure(0, 0)
    circuit = builder.gate("ry", 0, angles=(theta[0],)).circuit(observables=(qko.Z(0),))
    prepared = NativeEngine().prepare(circuit)
    assert isinstance(prepared, NativeBranching if count <= MOST_FRESH_QUBITS else Trajectories)
    angles = np.array([[0.3, -0.2], [0.7, 0.1]])
    first, second = np.cos(angles).T ** np.array([[count - count // 2 + 1], [count // 2]])
    np.testing.assert_allclose(prepared.expect(angles)[:, 0], first * second, atol=1e-12)
    values, gradient = prepared.expect_vjp(angles, np.ones((2, 1)))
    np.testing.assert_allclose(values[:, 0], first * second, atol=1e-12)
    slopes = -np.tan(angles) * np.array([count - count // 2 + 1, count // 2]) * values
    np.testing.assert_allclose(gradient, slopes, atol=1e-12)


@qk.qkernel
def steered(n: qk.UInt, x: qk.Vector[qk.Float], w: qk.Vector[qk.Float], observable: qk.Observable) -> qk.Float:
    """Qubits measured one after another, each outcome choosing the rotations of the rest."""
    q = qk.qubit_array(n, name="q")
    for i in qk.range(n):
        q[i] = qk.ry(q[i], x[i])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    first = qk.measure(q[0])
    if first:
        q[1] = qk.rx(q[1], w[0])
    else:
        q[1] = qk.ry(q[1], w[1])
    second = qk.measure(q[1])
    if first == second:
        q[2] = qk.rx(q[2], w[2] * x[0])
    return qk.expval(q[2], observable)


def layer(engine: str = "auto", gradient: str = "auto") -> Any:
    torch.manual_seed(1)
    bindings = {"n": 3, "observable": [qko.Z(0), qko.Y(0) + 0.5]}
    return QLayer(steered, bindings, inputs=["x"], weights=["w"], engine=engine, gradient=gradient).double()


def test_a_layer_that_branches_trains_by_the_adjoint_method() -> None:
    one, other = layer(), layer(gradient="shift")
    assert "gradient adjoint" in one.explain()
    x = torch.rand(5, 3, dtype=torch.float64, requires_grad=True)
    for each in (one, other):
        each(x).pow(2).sum().backward()
    torch.testing.assert_close(one.w.grad, other.w.grad, atol=1e-10, rtol=0)
    torch.testing.assert_close(one(x), other(x), atol=1e-12, rtol=0)


def test_it_has_second_derivatives_and_function_transforms() -> None:
    one = layer()
    x = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(one, (x,))
    jacobian = torch.func.vmap(torch.func.jacrev(one))(x)
    for k in range(2):
        (row,) = torch.autograd.grad(one(x)[:, k].sum(), x)
        torch.testing.assert_close(jacobian[:, k], row)


def test_a_reset_behind_its_measurement_takes_no_further_qubit() -> None:
    program = fed_forward.compile({"n": 5})
    assert deferred(program.circuit).num_qubits == 2 + 5
    found, expected = (program.value_and_grad(a=0.7, engine=engine) for engine in ("native", "reference"))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-12)
    np.testing.assert_allclose(found[1]["a"], expected[1]["a"], atol=1e-12)
