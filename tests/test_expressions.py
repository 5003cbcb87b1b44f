"""Expressions: what folding, arrays and lowering make of them is what the operators say."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Name, apply, wrap
from qkernel.ir.operators import OPERATORS
from qkernel.ir.trees import Bounds, bounds, bounds_where
from qkernel.ir.types import BIT, FLOAT, UINT
from qkernel.lower.evaluation import value

x, y, n, m, a, b = (Name(*pair) for pair in zip("xynmab", (FLOAT, FLOAT, UINT, UINT, BIT, BIT), strict=True))
NUMBERS = ("+", "-", "*", "/", "//", "%", "**", "min", "max", "<", "<=", ">", ">=", "==", "!=", "and", "or", "^")
EXACT = frozenset(OPERATORS) & {*NUMBERS, "neg", "abs", "not", "select", "floor", "ceil", "float"} - {"**"}

leaves = st.one_of(
    st.sampled_from([x, y, n, m, a, b]),
    st.sampled_from([0, 1, -1, 2, 3, 0.0, 1.0, -1.0, 0.5, True, False]).map(Const),
)


def _larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.sampled_from(NUMBERS), inner, inner),
        st.tuples(st.sampled_from(("neg", "abs", "not", "floor", "ceil", "float", "sqrt", "cos")), inner),
        st.tuples(st.just("select"), inner, inner, inner),
    )


trees = st.recursive(leaves, _larger, max_leaves=8)
environments = st.fixed_dictionaries(
    {
        **dict.fromkeys("xy", st.sampled_from([-2.5, -1.0, 0.0, 0.3, 1.0, 2.7, 4.0])),
        **dict.fromkeys("nm", st.integers(-2, 4)),
        **dict.fromkeys("ab", st.booleans()),
    }
)


def _built(tree: Any, make: Any) -> Expr:
    if isinstance(tree, Expr):
        return tree
    result: Expr = make(tree[0], *(_built(part, make) for part in tree[1:]))
    return result


def _unfolded(name: str, *operands: Expr) -> Expr:
    return Apply(name, operands)


def _outcome(expr: Expr, environment: dict[str, Any]) -> Any:
    """The value, or None where there is none."""
    try:
        return evaluate(expr, environment)
    except (ArithmeticError, ValueError):
        return None


def _operators(tree: Any) -> set[str]:
    return set() if isinstance(tree, Expr) else {tree[0]}.union(*map(_operators, tree[1:]))


@settings(max_examples=1500, deadline=None)
@given(trees, environments)
@example(("//", x, Const(1)), {"x": 2.7})
@example(("//", n, Const(1.0)), {"n": 3})
@example(("-", ("+", n, Const(0.1)), Const(0.1)), {"n": 3})
@example(("+", a, Const(0)), {"a": True})
@example(("not", ("not", n)), {"n": 2})
@example(("and", n, Const(True)), {"n": 2})
def test_folding_changes_no_value(tree: Any, environment: dict[str, Any]) -> None:
    plain = _built(tree, _unfolded)
    expected = _outcome(plain, environment)
    try:
        folded = _built(tree, apply)
    except (ArithmeticError, ValueError):
        return  # a constant without a value
    if not isinstance(folded, Const):
        assert folded.type == plain.type
    if expected is not None and math.isfinite(expected):
        assert _outcome(folded, environment) == expected
        assert value(folded, environment) == expected


@settings(max_examples=1000, deadline=None)
@given(trees, st.lists(environments, min_size=1, max_size=4))
@example(("+", a, b), [{"a": True, "b": True}])
@example(("-", a, b), [{"a": True, "b": False}])
@example(("neg", ("==", n, m)), [{"n": 1, "m": 1}])
def test_arrays_hold_what_single_values_give(tree: Any, rows: list[dict[str, Any]]) -> None:
    if not _operators(tree) <= EXACT:
        return
    expr = _built(tree, _unfolded)
    expected = [_outcome(expr, row) for row in rows]
    if any(entry is None or not math.isfinite(entry) or abs(entry) > 2**50 for entry in expected):
        return
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    try:
        with np.errstate(all="raise"):
            got = evaluate(expr, columns)
    except ArithmeticError:
        return  # the side of a choice that no row takes
    assert np.broadcast_to(got, len(rows)).tolist() == expected


@settings(max_examples=1500, deadline=None)
@given(trees, environments)
@example(("%", n, Const(-3)), {"n": 2})
@example(("**", x, y), {"x": 0.3, "y": -2.5})
@example(("*", n, Const(0)), {"n": -2})
@example(("min", Const(5), ("-", ("*", x, Const(1e308)), ("*", x, Const(1e308)))), {"x": 4.0})
def test_values_lie_within_their_bounds(tree: Any, environment: dict[str, Any]) -> None:
    expr = _built(tree, _unfolded)
    outcome = _outcome(expr, environment)
    if outcome is None or not math.isfinite(outcome):
        return
    known = {name: Bounds(number, number) for name, number in environment.items()}
    for found in (bounds(expr), bounds_where(expr, known.__getitem__)):
        assert found.least <= outcome <= found.greatest


@pytest.mark.parametrize(
    ("name", "operands", "folded"),
    [
        ("+", (n, 0), n),
        ("+", (0.0, x), x),
        ("*", (1, x), x),
        ("/", (x, 1), x),
        ("//", (n, 1), n),
        ("**", (x, 1), x),
        ("*", (n, 0), Const(0)),
        ("-", (n, n), Const(0)),
        ("-", (n + m, m), n),
        ("-", (n + 3, 5), n - 2),
        ("not", (apply("not", a),), a),
        ("and", (a, False), Const(False)),
        ("select", (True, x, y), x),
    ],
)
def test_folds(name: str, operands: tuple[Any, ...], folded: Expr) -> None:
    assert apply(name, *operands) == folded


def test_powers_of_minus_one_are_never_too_large() -> None:
    assert value(wrap(-1) ** n, {"n": 70001}) == -1
    with pytest.raises(OverflowError):
        value(wrap(-2) ** n, {"n": 70001})


def test_the_type_of_a_long_sum_is_known_as_it_grows() -> None:
    total: Expr = Name("x", FLOAT)
    for _ in range(5_000):
        total = total + Name("y", FLOAT) * 2
    assert total.type == FLOAT


@pytest.mark.parametrize("computed", [evaluate, value])
def test_what_is_decided_is_not_computed(computed: Any) -> None:
    fails = apply(">", 1 / n, 0.5)
    assert computed(apply("select", n > 0, 1 / n, 7.0), {"n": 0}) == 7.0
    assert computed(apply("and", n > 0, fails), {"n": 0}) is False
    assert computed(apply("or", apply("==", n, 0), fails), {"n": 0}) is True
    assert computed(apply("and", n > 0, fails), {"n": 1}) is True
    with pytest.raises(ZeroDivisionError):
        computed(apply("and", apply("==", n, 0), fails), {"n": 0})


@pytest.mark.parametrize("computed", [evaluate, value])
def test_expressions_may_nest_as_deep_as_python_calls(computed: Any) -> None:
    total: Expr = x
    for _ in range(sys.getrecursionlimit() // 2):
        total = total * y
    assert computed(total, {"x": 1.0, "y": 1.0}) == 1.0


def test_an_expression_is_compiled_once() -> None:
    expr = x * 2.5 + y
    assert evaluate(expr, {"x": 2.0, "y": 1.0}) == 6.0
    function = expr.numeric
    assert evaluate(expr, {"x": 3.0, "y": 1.0}) == 8.5
    assert expr.numeric is function
