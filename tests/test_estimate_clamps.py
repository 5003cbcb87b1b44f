"""Clamps in clamps, brackets and floors: simpler where it can be seen, and of the same value everywhere."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qkernel as qk
from qkernel.errors import ArithmeticEvaluationError, SizeError
from qkernel.estimate.forms import at_least_zero, equals_zero, floor_quotient, maximum, minimum, positive_part, power, remainder
from qkernel.estimate.quantity import ONE, Floor, Positive, Power, Quantity, quantity, symbol
from qkernel.estimate.substitution import substitute
from qkernel.estimate.sums import total

N, M = symbol("n"), symbol("m")
GRID = list(product(range(7), range(7)))
Pair = tuple[Quantity, Any]
"""A form and what it is to be at (n, m)."""

leaves: st.SearchStrategy[Pair] = st.sampled_from(
    [(N, lambda n, m: n), (M, lambda n, m: m), *((quantity(k), lambda n, m, k=k: k) for k in range(4))]
)


def of(make: Any, plain: Any) -> Any:
    def joined(parts: tuple[Pair, ...]) -> Pair:
        return make(*(form for form, _ in parts)), lambda n, m: plain(*(value(n, m) for _, value in parts))

    return joined


def larger(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    two, one = st.tuples(inner, inner), st.tuples(inner)
    return st.one_of(
        two.map(of(lambda x, y: x + y, lambda x, y: x + y)),
        two.map(of(lambda x, y: x - y, lambda x, y: x - y)),
        two.map(of(lambda x, y: x * y, lambda x, y: x * y)),
        one.map(of(positive_part, lambda x: max(0, x))),
        one.map(of(lambda x: positive_part(x - 1), lambda x: max(0, x - 1))),
        two.map(of(maximum, max)),
        two.map(of(minimum, min)),
        one.map(of(lambda x: floor_quotient(x, quantity(2)), lambda x: x // 2)),
        one.map(of(lambda x: remainder(x, quantity(3)), lambda x: x % 3)),
        one.map(of(at_least_zero, lambda x: int(x >= 0))),
        one.map(of(equals_zero, lambda x: int(x == 0))),
    )


forms = st.recursive(leaves, larger, max_leaves=8)


@settings(max_examples=400, deadline=None)
@given(forms)
def test_forms_are_what_they_were_made_of(pair: Pair) -> None:
    form, value = pair
    for n, m in GRID:
        assert substitute(form, {"n": quantity(n), "m": quantity(m)}) == value(n, m), (str(form), n, m)


SIMPLE = [
    (positive_part(N - positive_part(N - 2) - 1), "[n >= 2]"),
    (positive_part(positive_part(N)), "n"),
    (positive_part(positive_part(N - M)), "Max(0, n - m)"),
    (positive_part(positive_part(N - 1) - 2), "Max(0, n - 3)"),
    (positive_part(minimum(N, quantity(2)) - 1), "[n >= 2]"),
    (positive_part(minimum(quantity(2), N) - 1), "[n >= 2]"),
    (positive_part(2 * positive_part(N - 3) - 1), "Max(0, 2*n - 7)"),
    (positive_part(maximum(N, quantity(3)) - 4), "Max(0, n - 4)"),
    (at_least_zero(minimum(N, quantity(2)) - 1), "[n >= 1]"),
    (at_least_zero(positive_part(N - 3) - 1), "[n >= 4]"),
    (equals_zero(positive_part(N - 1)), "1 - [n >= 2]"),
    (positive_part(at_least_zero(M - 1) * N - 2), "Max(0, n - 2)*[m >= 1]"),
    (floor_quotient(quantity(0), power(quantity(2), N)), "0"),
    (remainder(floor_quotient(quantity(5), power(quantity(2), N)), quantity(2)), "[n == 0] + [n == 2]"),
    (floor_quotient(at_least_zero(N - 1) * 5 + 1, quantity(2)), "3*[n >= 1]"),
    (total(equals_zero(remainder(floor_quotient(quantity(0), power(quantity(2), symbol("i"))), quantity(2))), "i", N), "n"),
]


@pytest.mark.parametrize("case", SIMPLE, ids=lambda case: case[1])
def test_they_are_simple_where_they_can_be(case: tuple[Quantity, str]) -> None:
    assert str(case[0]) == case[1]


@pytest.mark.parametrize("number", [0, 1, 5, 12, 255])
@pytest.mark.parametrize("base", [2, 3, 4])
def test_digits_of_a_known_number(number: int, base: int) -> None:
    digit = floor_quotient(quantity(number), power(quantity(base), N))
    for n in range(10):
        assert substitute(digit, {"n": quantity(n)}) == number // base**n
        assert substitute(remainder(digit, quantity(base)), {"n": quantity(n)}) == number // base**n % base
    every = total(substitute(remainder(digit, quantity(base)), {"n": symbol("i")}), "i", N)
    for n in range(10):
        assert substitute(every, {"n": quantity(n)}) == sum(number // base**i % base for i in range(n))


def test_an_atom_stays_where_nothing_is_known() -> None:
    for form in (positive_part(N - M), floor_quotient(N, M), power(N, M)):
        ((term, size),) = form.terms.items()
        ((part, exponent),) = term
        assert (size, exponent) == (ONE, 1)
        assert isinstance(part, (Positive, Floor, Power))


@qk.qkernel
def marked(q: qk.Vector[qk.Qubit], value: qk.UInt) -> qk.Vector[qk.Qubit]:
    for i in qk.range(q.shape[0]):
        if value // 2**i % 2 == 0:
            q[i] = qk.x(q[i])
    return q


@qk.qkernel
def marks(n: qk.UInt, value: qk.UInt) -> qk.Vector[qk.Bit]:
    q = marked(marked(qk.qubit_array(n), 0), 5)
    for _ in qk.range(min(n, 2) - 1):
        q = marked(q, value)
    return qk.measure(q)


def test_a_marked_state_has_a_closed_form() -> None:
    @qk.qkernel
    def none(n: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.measure(marked(qk.qubit_array(n), 0))

    assert str(none.estimate_resources().gates.total) == "n"
    for n, value in product(range(6), (0, 1, 6, 21)):
        marks.verify_resources(n=n, value=value)
        assert marks.estimate_resources().substitute(n=n, value=value) == marks.estimate_resources(n=n, value=value)


@qk.qkernel
def blocks(n: qk.UInt, size: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for _ in qk.range(size * (n // size)):
        q = qk.x(q)
    return qk.measure(q)


def test_a_quotient_by_nothing_counts_as_nothing_nowhere() -> None:
    free = blocks.estimate_resources()
    for n, size in product(range(7), range(1, 7)):
        blocks.verify_resources(n=n, size=size)
        assert free.substitute(n=n, size=size).gates.total == size * (n // size)
    for call in (lambda: free.substitute(n=3, size=0).gates, lambda: blocks.estimate_resources(n=3, size=0).gates):
        with pytest.raises((ArithmeticEvaluationError, SizeError)):
            call()
