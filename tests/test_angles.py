"""The angle map: values, gradients and bindings, against dense matrices and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import GradientError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, apply, wrap
from qkernel.ir.types import FLOAT, UINT, ArrayType, DictType, TupleType
from qkernel.lower.angles import AngleMap, OpenParameter
from qkernel.lower.derivatives import derivative

X, V = Name("x", FLOAT), Name("v", ArrayType(FLOAT))
PAIR = TupleType((UINT, UINT))
PARAMETERS = (
    OpenParameter("x", FLOAT, 0),
    OpenParameter("v", ArrayType(FLOAT), 1, (3,)),
    OpenParameter("m", ArrayType(FLOAT, 2), 4, (2, 2)),
    OpenParameter("d", DictType(PAIR, FLOAT), 8, (2,), ((0, 1), (1, 2))),
)
WIDTH = 10


def element(base: Expr, *keys: int) -> Expr:
    return Item(base, tuple(Const(key) for key in keys))


def angle_map(matrix: Any, offsets: Any, non_affine: tuple[tuple[int, Expr], ...] = ()) -> AngleMap:
    rows, columns = np.nonzero(matrix)
    return AngleMap(
        PARAMETERS,
        np.array(offsets, float),
        rows.astype(np.int32),
        columns.astype(np.int32),
        np.asarray(matrix, float)[rows, columns],
        non_affine,
    )


@st.composite
def dense_maps(draw: Any) -> tuple[Any, Any, Any]:
    slots = draw(st.integers(1, 6))
    entry = st.sampled_from([0.0, 0.0, 0.0, 1.0, -2.0, 0.5])
    matrix = np.array(draw(st.lists(st.lists(entry, min_size=WIDTH, max_size=WIDTH), min_size=slots, max_size=slots)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return matrix, rng.normal(size=slots), rng.normal(size=(draw(st.integers(1, 4)), WIDTH))


@given(dense_maps())
def test_affine_part_is_a_matrix_product(case: tuple[Any, Any, Any]) -> None:
    matrix, offsets, theta = case
    angles = angle_map(matrix, offsets)
    np.testing.assert_allclose(angles.evaluate(theta), theta @ matrix.T + offsets, atol=1e-12)
    cotangent = np.random.default_rng(1).normal(size=(len(theta), len(offsets)))
    np.testing.assert_allclose(angles.pullback(theta, cotangent), cotangent @ matrix, atol=1e-12)


def test_leading_axes_and_precision() -> None:
    matrix = np.zeros((2, WIDTH))
    matrix[0, 1], matrix[1, [0, 5]] = 2, (1, -1)
    angles = angle_map(matrix, [0.5, 0.0])
    theta = np.random.default_rng(0).normal(size=(3, 2, WIDTH))
    np.testing.assert_allclose(angles.evaluate(theta), theta @ matrix.T + [0.5, 0.0])
    assert angles.evaluate(theta[0, 0]).shape == (2,)
    single = theta.astype(np.float32)
    assert angles.evaluate(single).dtype == np.float64, "angles are wide until whole turns are off"
    assert angles.pullback(single, np.ones((3, 2, 2), np.float32)).dtype == np.float32
    assert angles.evaluate(np.ones(WIDTH, int)).dtype == np.float64


def test_evaluation_leaves_the_map_alone() -> None:
    angles = angle_map(np.zeros((1, WIDTH)), [0.25])
    angles.evaluate(np.zeros((1, WIDTH)))[:] = 7
    assert angles.offsets.tolist() == [0.25]


def test_curved_rows() -> None:
    matrix = np.zeros((3, WIDTH))
    matrix[1, 0] = 3
    pair = Item(Name("d", PARAMETERS[3].type), (wrap((0, 1)),))
    bent = apply("sin", X) * element(V, 2) + element(Name("m", ArrayType(FLOAT, 2)), 1, 0) ** 2 - pair
    angles = angle_map(matrix, [0.1, 0.2, 0.0], ((2, bent),))
    theta = np.random.default_rng(3).normal(size=(4, WIDTH))
    expected = np.sin(theta[:, 0]) * theta[:, 3] + theta[:, 6] ** 2 - theta[:, 8]
    np.testing.assert_allclose(angles.evaluate(theta)[:, 2], expected)
    np.testing.assert_allclose(angles.evaluate(theta)[:, :2], theta @ matrix[:2].T + [0.1, 0.2])
    assert_pullback(angles, theta)
    assert angles.slopes[0][:2] == (2, 0)


def assert_pullback(angles: AngleMap, theta: Any) -> None:
    cotangent = np.random.default_rng(5).normal(size=(len(theta), angles.num_slots))
    got, step = angles.pullback(theta, cotangent), 1e-6
    for column in range(theta.shape[1]):
        shift = np.zeros(theta.shape[1])
        shift[column] = step
        difference = (angles.evaluate(theta + shift) - angles.evaluate(theta - shift)) / (2 * step)
        np.testing.assert_allclose(got[:, column], (difference * cotangent).sum(1), atol=1e-7)


ONE_ARGUMENT = (
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "exp",
    "log",
    "log2",
    "sqrt",
    "abs",
    "neg",
    "float",
)


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_derivatives_of_functions(name: str) -> None:
    assert_derivative(apply(name, X * 0.5), 0.7)


BINARY = {
    "sum": X + X * 2,
    "difference": 1.0 - X * X,
    "product": X * (X + 1),
    "quotient": (X + 1) / (X * X),
    "power": X**3,
    "exponent": 2.0**X,
    "both": X**X,
    "remainder": (X * 5) % (X + 0.25),
    "minimum": apply("min", X * 2, X * X),
    "maximum": apply("max", X * 2, X * X),
    "chosen": apply("select", X < 0.5, X * 2, X * X),
    "atan2": apply("atan2", X * X, X + 2),
    "step": apply("floor", X * 3) + X // 2 + X,
}


@pytest.mark.parametrize("name", BINARY)
def test_derivatives_of_operators(name: str) -> None:
    for point in (0.3, 0.7):
        assert_derivative(BINARY[name], point)


def assert_derivative(expr: Expr, point: float) -> None:
    step = 1e-6
    difference = (evaluate(expr, {"x": point + step}) - evaluate(expr, {"x": point - step})) / (2 * step)
    slope = derivative(expr, X)
    assert evaluate(slope, {"x": point}) == pytest.approx(difference, rel=1e-6)
    np.testing.assert_allclose(evaluate(slope, {"x": np.array([point])}), [difference], rtol=1e-6)


def test_derivative_of_what_does_not_depend() -> None:
    assert derivative(apply("sin", element(V, 0)), element(V, 1)) == Const(0.0)
    assert derivative(X, X) == Const(1.0)


def test_unknown_operator_has_no_derivative() -> None:
    with pytest.raises(GradientError, match="`gamma` has no derivative"):
        derivative(Apply("gamma", (X,)), X)


def test_bind_fixes_parameters() -> None:
    rng = np.random.default_rng(11)
    matrix = rng.integers(-1, 2, size=(4, WIDTH)).astype(float)
    matrix[3] = 0
    angles = angle_map(matrix, [0.1, 0.2, 0.3, 0.0], ((3, apply("sin", X) * element(V, 1)),))
    theta = rng.normal(size=(1, WIDTH))
    partly = angles.bind({"v": theta[0, 1:4], "d": {(1, 2): theta[0, 9], (0, 1): theta[0, 8]}})
    assert partly.column_names == ("x", "m[0][0]", "m[0][1]", "m[1][0]", "m[1][1]")
    np.testing.assert_allclose(partly.evaluate(theta[:, [0, 4, 5, 6, 7]]), angles.evaluate(theta))
    assert_pullback(partly, theta[:, [0, 4, 5, 6, 7]])
    fully = partly.bind({"x": theta[0, 0], "m": theta[0, 4:8].reshape(2, 2)})
    assert fully.num_columns == 0
    assert fully.non_affine == ()
    np.testing.assert_allclose(fully.evaluate(np.zeros((1, 0))), angles.evaluate(theta))


def test_identity() -> None:
    assert angle_map(np.eye(WIDTH), np.zeros(WIDTH)).identity
    assert not angle_map(2 * np.eye(WIDTH), np.zeros(WIDTH)).identity
    assert not angle_map(np.eye(WIDTH)[::-1], np.zeros(WIDTH)).identity
    assert not angle_map(np.eye(WIDTH), np.ones(WIDTH)).identity
    assert not angle_map(np.eye(WIDTH)[:4], np.zeros(4)).identity


def test_equality_is_by_structure() -> None:
    one, same = (angle_map(np.eye(WIDTH), np.zeros(WIDTH)) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != angle_map(np.eye(WIDTH), np.ones(WIDTH))


def test_names() -> None:
    names = angle_map(np.eye(WIDTH), np.zeros(WIDTH)).column_names
    assert names == ("x", "v[0]", "v[1]", "v[2]", "m[0][0]", "m[0][1]", "m[1][0]", "m[1][1]", "d[(0, 1)]", "d[(1, 2)]")


@qk.qkernel
def accumulated(w: qk.Vector[qk.Float], x: qk.Float) -> qk.Vector[qk.Float]:
    """Sums of many terms: of some twice, scaled, taken off again, one per iteration, and inside of what is not affine."""
    q, total, other = qk.qubit_array(3), 0.0, 0.0
    for i in qk.range(2 * w.shape[0]):
        total = total + w[i % w.shape[0]] - w[0]
        other = other - 0.25 * total
        q[i % 3] = qk.rx(q[i % 3], total + x)
        q[(i + 1) % 3], q[i % 3] = qk.crz(q[(i + 1) % 3], q[i % 3], 2 * total)
    for i in qk.range(3):
        q[i] = qk.ry(q[i], 0.5 * other + i * total)
    q[0] = qk.ry(q[0], qk.sin(total) * x)
    q[1] = qk.ry(q[1], total - total)
    return qk.expval(q, [qko.Z(0), qko.X(1), qko.Y(2) * qko.Z(0)])


def test_sums_of_many_terms() -> None:
    count = 40
    angles = accumulated.compile(lengths={"w": count}).circuit.angles
    rng = np.random.default_rng(2)
    w, x = rng.normal(size=count), 0.3
    totals = np.cumsum(np.tile(w - w[0], 2))
    other = -0.25 * totals.sum()
    turned, last = np.stack([totals + x, 2 * totals], 1).ravel(), totals[-1]
    expected = [*turned, *(0.5 * other + np.arange(3) * last), np.sin(last) * x, 0.0]
    np.testing.assert_allclose(angles.evaluate(np.append(w, x)), expected, atol=1e-10)
    assert len(set(zip(angles.rows.tolist(), angles.columns.tolist(), strict=True))) == len(angles.rows)
    assert angles.coefficients.all()
    assert angles.num_slots - 1 not in angles.rows  # nothing is left of what is taken off again
    given = {"w": w, "x": x}
    values = [accumulated.run(bindings=given, engine=engine) for engine in ("native", "reference")]
    np.testing.assert_allclose(*values, atol=1e-9)
    gradients = [accumulated.jacobian(bindings=given, engine=engine) for engine in ("native", "reference")]
    for name in ("w", "x"):
        np.testing.assert_allclose(*(gradient[name] for gradient in gradients), atol=1e-9)
