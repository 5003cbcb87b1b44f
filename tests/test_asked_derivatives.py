"""Only derivatives that somebody asks for can fail: weights have theirs where an input's is infinite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ArithmeticEvaluationError, GradientError


@qk.qkernel
def in_angle(x: qk.Float, w: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), qk.sqrt(x) + w), qko.Z(0))


@qk.qkernel
def in_result(x: qk.Float, w: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit(), w), qko.Z(0)) + qk.sqrt(x)


@qk.qkernel
def around_readout(x: qk.Float, w: qk.Float) -> qk.Float:
    return qk.sqrt(1 - qk.expval(qk.ry(qk.qubit(), x), qko.Z(0))) * w


@qk.qkernel
def of_probabilities(x: qk.Float, w: qk.Float) -> qk.Float:
    p = qk.probabilities(qk.ry(qk.qubit_array(1), x**0.5 * w + w))
    return p[1] + qk.log(1 + x)


SLOPES = {
    in_angle: lambda x, w: -math.sin(math.sqrt(x) + w),
    in_result: lambda x, w: -math.sin(w),
    around_readout: lambda x, w: math.sqrt(1 - math.cos(x)),
    of_probabilities: lambda x, w: math.sin((math.sqrt(x) + 1) * w) * (math.sqrt(x) + 1) / 2,
}
KERNELS = pytest.mark.parametrize("kernel", SLOPES, ids=lambda kernel: kernel.name)
POINTS = [0.0, 0.5]


@KERNELS
def test_gradient_by_the_weight_alone(kernel: Any) -> None:
    expected = [SLOPES[kernel](x, 0.3) for x in POINTS]
    assert kernel.grad(x=0.0, w=0.3, wrt=["w"]) == {"w": pytest.approx(expected[0])}
    assert kernel.grad(x=np.array(POINTS), w=0.3, wrt=["w"])["w"] == pytest.approx(expected)


@KERNELS
@pytest.mark.parametrize("wrt", [None, ["x"], ["w", "x"]])
def test_infinite_derivative_that_is_asked_for(kernel: Any, wrt: list[str] | None) -> None:
    with pytest.raises(ArithmeticEvaluationError, match="the derivative of"):
        kernel.grad(x=np.array(POINTS), w=0.3, wrt=wrt)


@KERNELS
@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
@pytest.mark.parametrize("gradient", ["adjoint", "shift"])
def test_layer_whose_inputs_need_no_gradient(kernel: Any, engine: str, gradient: str) -> None:
    from qkernel.nn import QLayer

    layer = QLayer(kernel, inputs="x", weights={"w": np.array(0.3)}, engine=engine, gradient=gradient).double()
    layer(torch.tensor(POINTS, dtype=torch.float64)).sum().backward()
    (weight,) = layer.parameters()
    assert weight.grad.item() == pytest.approx(sum(SLOPES[kernel](x, weight.item()) for x in POINTS), abs=1e-6)


@KERNELS
@pytest.mark.parametrize("engine", ["native", "reference", "torch"])
@pytest.mark.parametrize("gradient", ["adjoint", "shift"])
@pytest.mark.parametrize("points", [POINTS, 0.0])
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # of forward mode itself
def test_layer_whose_inputs_have_no_tangent(kernel: Any, engine: str, gradient: str, points: Any) -> None:
    from qkernel.nn import QLayer

    layer = QLayer(kernel, inputs="x", weights={"w": np.array(0.3)}, engine=engine, gradient=gradient).double()
    given, weight = (torch.tensor(values, dtype=torch.float64) for values in (points, 0.3))
    slopes = torch.func.jacfwd(lambda w: torch.func.functional_call(layer, {"w": w}, (given,)))(weight)
    expected = [SLOPES[kernel](x, 0.3) for x in np.atleast_1d(points)]
    assert slopes.detach().flatten().numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("gradient", ["adjoint", "shift"])
def test_layer_whose_input_needs_a_gradient(gradient: str) -> None:
    from qkernel.nn import QLayer

    layer = QLayer(in_angle, inputs="x", weights={"w": np.array(0.3)}, engine="native", gradient=gradient).double()
    value = layer(torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)).sum()
    with pytest.raises(ArithmeticEvaluationError, match=r"where x = 0.0: `0.5 / sqrt\(x\)`"):
        value.backward()


@qk.qkernel
def at_default(w: qk.Float = 0.5) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), w), qko.Z(0))


def test_an_argument_at_its_default_has_a_derivative_where_it_is_named() -> None:
    assert at_default.grad(wrt="w")["w"] == pytest.approx(-math.sin(0.5))
    value, gradient = at_default.value_and_grad(wrt="w")
    assert (value, gradient["w"]) == pytest.approx((math.cos(0.5), -math.sin(0.5)))
    with pytest.raises(GradientError, match=r'wrt=."w".'):
        at_default.grad()
