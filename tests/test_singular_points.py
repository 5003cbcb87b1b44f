"""Angles and derivatives where functions have no value, a kink or a power of zero."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ArithmeticEvaluationError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Name, apply
from qkernel.ir.types import FLOAT, UINT
from qkernel.lower.derivatives import derivative

x, y, n = Name("x", FLOAT), Name("y", FLOAT), Name("n", UINT)


@qk.qkernel
def powers(x: qk.Float) -> qk.Float:
    q = qk.qubit()
    for k in qk.range(3):
        q = qk.rx(q, x**k)
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def root(x: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), qk.sqrt(x)), qko.Z(0))


@qk.qkernel
def guarded(x: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), 1 / x if x != 0 else 0.5), qko.Z(0))


@qk.qkernel
def inverse(v: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(qk.rx(qk.qubit(), 1 / v[1]), qko.Z(0))


def test_powers_at_zero() -> None:
    for at in (0.0, 0.4, -0.3):
        slope = -math.sin(1 + at + at * at) * (1 + 2 * at)
        assert powers.grad(x=at)["x"] == pytest.approx(slope)
    assert powers.grad(x=np.array([0.0, 0.4]))["x"] == pytest.approx([-math.sin(1), -math.sin(1.56) * 1.8])


def test_an_angle_without_a_value_is_an_error_that_names_the_argument() -> None:
    with pytest.raises(ArithmeticEvaluationError, match=r"an angle has no value where x = -1.0: `sqrt\(x\)`"):
        root.run(x=-1.0)
    with pytest.raises(ArithmeticEvaluationError, match=r"where x = -2\.0"):
        root.run(x=np.array([1.0, -2.0, 4.0]))
    with pytest.raises(ArithmeticEvaluationError, match=r"where v\[1\] = 0.0"):
        inverse.run(v=[1.0, 0.0])
    with pytest.raises(ArithmeticEvaluationError, match=r"where x = 0\.0"):
        root.grad(x=0.0)
    assert root.run(x=0.0) == 1.0


def test_the_side_of_a_choice_that_is_not_taken_does_not_matter() -> None:
    assert guarded.run(x=0.0) == pytest.approx(math.cos(0.5))
    assert guarded.run(x=np.array([0.0, 2.0])) == pytest.approx([math.cos(0.5)] * 2)
    assert guarded.grad(x=0.0)["x"] == 0.0
    assert guarded.grad(x=np.array([0.0, 2.0]))["x"] == pytest.approx([0.0, math.sin(0.5) / 4])


def test_binding_an_angle_without_a_value() -> None:
    angles = root.compile().circuit.angles
    assert angles.bind({"x": 0.25}).offsets.tolist() == [0.5]
    with pytest.raises(ArithmeticEvaluationError, match=r"where x = -1\.0"):
        angles.bind({"x": -1.0})
    assert angles.evaluate(np.array([0.25])).tolist() == [0.5]


def test_an_iterator_of_names_is_read_once() -> None:
    executable = root.compile()
    assert executable.grad(x=1.0, wrt=iter(["x"])) == executable.grad(x=1.0)
    assert executable.jacobian(x=1.0, wrt=iter(["x"])) == executable.jacobian(x=1.0)


CASES: list[tuple[Expr, dict[str, Any], float]] = [
    (Apply("**", (x, Const(0))), {"x": 0.0}, 0.0),
    (Apply("**", (x, Const(1))), {"x": 0.0}, 1.0),
    (x**2, {"x": 0.0}, 0.0),
    (x**3, {"x": -2.0}, 12.0),
    (x**-1, {"x": 2.0}, -0.25),
    (x**n, {"x": 0.0, "n": 0}, 0.0),
    (x**n, {"x": 0.0, "n": 1}, 1.0),
    (x**n, {"x": 0.0, "n": 2}, 0.0),
    (2**x, {"x": 0.0}, math.log(2)),
    (apply("**", 0.0, x), {"x": 1.5}, 0.0),
    (x**x, {"x": 1.0}, 1.0),
    (x**y, {"x": 2.0, "y": 3.0}, 12.0),
    (abs(x), {"x": 0.0}, 1.0),
    (abs(x), {"x": -0.5}, -1.0),
    (apply("max", x, 0.0), {"x": 0.0}, 1.0),
    (apply("max", 0.0, x), {"x": 0.0}, 0.0),
    (apply("min", x, y), {"x": 1.0, "y": 1.0}, 1.0),
    (apply("max", 2 * x, 3 * x), {"x": 0.0}, 2.0),
    (x % 1.0, {"x": -0.3}, 1.0),
    (x // 1, {"x": 2.7}, 0.0),
    (x - 3 * (x // 3), {"x": -1.0}, 1.0),
    (1.0 / x % 0.7, {"x": 2.0}, -0.25),
    (apply("atan2", x, y), {"x": 0.0, "y": 2.0}, 0.5),
    (apply("atan2", x, y), {"x": 0.0, "y": -2.0}, -0.5),
    (apply("asin", x), {"x": 0.0}, 1.0),
    (apply("acos", x), {"x": 0.0}, -1.0),
    (apply("tanh", x), {"x": 0.0}, 1.0),
    (apply("tan", x), {"x": 0.0}, 1.0),
    (apply("select", apply("==", x, 0.0), x * 2, 1 / x), {"x": 0.0}, 2.0),
]


@pytest.mark.parametrize(("expr", "at", "slope"), CASES)
def test_derivatives(expr: Expr, at: dict[str, Any], slope: float) -> None:
    assert evaluate(derivative(expr, x), at) == pytest.approx(slope)


FUNCTIONS = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "log2", "sqrt", "abs")


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("at", [-0.6, 0.3, 0.9])
def test_derivatives_are_the_slopes_of_their_functions(name: str, at: float) -> None:
    if name in ("log", "log2", "sqrt"):
        at = abs(at)
    expr, step = apply(name, x * x + x), 1e-6
    if name in ("log", "log2", "sqrt", "asin", "acos"):
        expr = apply(name, x * 0.9)
    numeric = (evaluate(expr, {"x": at + step}) - evaluate(expr, {"x": at - step})) / (2 * step)
    assert evaluate(derivative(expr, x), {"x": at}) == pytest.approx(numeric, rel=1e-6, abs=1e-6)
