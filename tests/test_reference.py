"""What only the oracle does: it follows every measured history, up to a stated number."""

from __future__ import annotations

import numpy as np
import pytest
from circuit_builder import CircuitBuilder
from shifts import shift_vjp

from qkernel.errors import ExecutionError
from qkernel.execution.gradient import open_slots
from qkernel.lower.circuit import bit
from qkernel.observable import X, Z
from qkernel_backends.reference import ReferenceEngine


def coins(count: int) -> CircuitBuilder:
    builder = CircuitBuilder(1, count)
    for k in range(count):
        builder.gate("h", 0).measure(0, k)
    return builder


def test_histories_are_summed_up_to_a_stated_number(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 6
    monkeypatch.setattr("qkernel_backends.histories.MOST_BRANCHES", 1 << most)
    assert ReferenceEngine().prepare(coins(most).circuit(observables=(Z(0),))).expect(np.zeros((1, 0))) == pytest.approx(0.0)
    with pytest.raises(ExecutionError, match="64 histories") as caught:
        ReferenceEngine().prepare(coins(most + 1).circuit(observables=(Z(0),))).expect(np.zeros((1, 0)))
    assert "estimate it from shots" in str(caught.value)


def test_outcomes_that_cannot_happen_cost_nothing() -> None:
    builder = CircuitBuilder(1, 1)
    for _ in range(40):
        builder.gate("x", 0).measure(0, 0).reset(0)
    assert ReferenceEngine().prepare(builder.circuit(observables=(Z(0),))).expect(np.zeros((1, 0))) == pytest.approx(1.0)


def test_a_loop_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qkernel_backends.histories.MOST_ITERATIONS", 20)
    builder = CircuitBuilder(1, 1).gate("x", 0).measure(0, 0)
    circuit = builder.repeat(bit(0), lambda body: body.measure(0, 0)).circuit()
    with pytest.raises(ExecutionError, match="20 iterations"):
        ReferenceEngine().prepare(circuit).sample(np.zeros((1, 0)), 3, None)


def test_the_adjoint_method_goes_through_measurements() -> None:
    builder = CircuitBuilder(3, 2)
    theta = builder.parameter("theta", 3)
    builder.gate("ry", 0, angles=(theta[0],)).gate("crx", 0, 1, angles=(theta[1],)).measure(0, 0).reset(0)
    builder.branch(
        bit(0),
        lambda then: then.gate("u", 2, angles=(theta[2], theta[0], 0.3)).measure(1, 1),
        lambda otherwise: otherwise.gate("rxx", 1, 2, angles=(theta[2] * 0.5,)),
    )
    circuit = builder.circuit(observables=(Z(1) * X(2), Z(2) + X(0)))
    values, cotangent = np.random.default_rng(0).normal(size=(4, 3)), np.random.default_rng(1).normal(size=(4, 2))
    expected, shifted = shift_vjp(ReferenceEngine().prepare(open_slots(circuit)), circuit, values, cotangent)
    found, adjoint = ReferenceEngine().prepare(circuit).expect_vjp(values, cotangent)
    assert found == pytest.approx(expected, abs=1e-12)
    assert adjoint == pytest.approx(shifted, abs=1e-10)
