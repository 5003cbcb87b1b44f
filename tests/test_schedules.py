"""Many angles computed together: the values and gradients that they have one by one, singular points included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ArithmeticEvaluationError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Const, Expr, Item, Name, apply
from qkernel.ir.types import FLOAT, ArrayType
from qkernel.lower.angles import AngleMap
from qkernel.lower.derivatives import derivative
from qkernel.lower.schedules import Schedule

WIDTH, BATCH = 5, 4
V = Name("v", ArrayType(FLOAT))
COLUMNS = {Item(V, (Const(k),)): k for k in range(WIDTH)}
ONE = ("sin", "cos", "tanh", "atan", "abs", "neg", "exp")
TWO = ("+", "-", "*", "+", "-", "min", "max", "atan2")


def random_expressions(random: Any, count: int) -> list[Expr]:
    """Each of some before it, of which many are shared."""
    found: list[Expr] = list(COLUMNS)
    for _ in range(count):
        first, second = (found[random.integers(len(found))] for _ in range(2))
        match random.integers(6):
            case 0:
                found.append(apply(str(random.choice(ONE)), first))
            case 1:
                found.append(apply("*", first, float(random.normal())))
            case 2:
                found.append(apply("/", first, 2 + apply("sin", second)))
            case 3:
                found.append(apply("select", apply("<", first, second), apply("sin", second), apply("**", first, 2)))
            case _:
                found.append(apply(str(random.choice(TWO)), first, apply("tanh", second)))
    return [part for part in found[WIDTH:] if part not in COLUMNS and not isinstance(part, Const)]


@pytest.mark.parametrize("seed", range(10))
def test_values_and_gradients_are_those_of_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    expressions = random_expressions(random, 60)[::2]
    schedule, theta = Schedule.of(expressions, COLUMNS), random.normal(size=(BATCH, WIDTH))
    assert schedule is not None
    environment = {"v": theta.T}
    expected = np.stack([np.broadcast_to(evaluate(part, environment), BATCH) for part in expressions], axis=1)
    np.testing.assert_allclose(schedule.finite_values(theta), expected, rtol=1e-12, atol=1e-12)
    cotangent = random.normal(size=expected.shape)
    slopes = np.array(
        [[np.broadcast_to(evaluate(derivative(part, leaf), environment), BATCH) for leaf in COLUMNS] for part in expressions]
    )
    known = np.einsum("be,ecb->bc", cotangent, slopes.astype(float))
    np.testing.assert_allclose(schedule.pull_back(theta, cotangent), known, rtol=1e-9, atol=1e-9 * np.abs(known).max())


@qk.qkernel
def roots(n: qk.UInt, x: qk.Vector[qk.Float]) -> qk.Float:
    q, total = qk.qubit(), 0.0
    for k in qk.range(n):
        total = total + x[k] ** 2
        q = qk.ry(qk.rx(q, qk.sqrt(total)), 1 / x[k] if x[k] != 0 else 0.5)
    return qk.expval(q, qko.Z(0))


def one_by_one(angles: AngleMap) -> AngleMap:
    copy = AngleMap(*(getattr(angles, name) for name in AngleMap.__dataclass_fields__))
    copy.__dict__["_schedule"] = None
    return copy


@pytest.mark.parametrize("zeros", [(), (3,), (0, 1)])
def test_singular_points(zeros: tuple[int, ...]) -> None:
    """A root at 0 has no derivative; a quotient by 0 that is not chosen is no error."""
    n = 12
    angles = roots.compile({"n": n}, ["x"], lengths={"x": n}).circuit.angles
    assert angles._schedule is not None
    assert len(angles._schedule.steps) < 12, "few steps, however many angles"
    theta = np.random.default_rng(0).uniform(0.1, 1, (2, n))
    theta[1, list(zeros)] = 0.0
    cotangent = np.random.default_rng(1).normal(size=(2, angles.num_slots))
    plain = one_by_one(angles)
    np.testing.assert_allclose(angles.evaluate(theta), plain.evaluate(theta), atol=1e-14)
    np.testing.assert_allclose(angles.pullback(theta, cotangent), plain.pullback(theta, cotangent), atol=1e-11)
    assert np.isnan(angles.pullback(theta, cotangent)).any() == (zeros == (0, 1))


def test_what_has_no_value_is_named() -> None:
    n = 20

    @qk.qkernel
    def logarithms(n: qk.UInt, x: qk.Vector[qk.Float]) -> qk.Float:
        q = qk.qubit()
        for k in qk.range(n):
            q = qk.rx(q, qk.log2(x[k]))
        return qk.expval(q, qko.Z(0))

    x = np.ones((3, n))
    x[1, 7] = -1.0
    with pytest.raises(ArithmeticEvaluationError, match=r"x\[7\] = -1.0"):
        logarithms.run(n, x)
