"""Clamps and brackets of one size: one way of writing them, with their value at every size."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qkernel as qk
import qkernel_stdlib as library
from qkernel.estimate.forms import at_least_zero, equals_zero, maximum, positive_part
from qkernel.estimate.pieces import of_one_size
from qkernel.estimate.quantity import AtLeastZero, IsZero, Positive, Quantity, atom, quantity, symbol
from qkernel.estimate.substitution import substitute

N = symbol("n")
small = st.integers(-6, 6)


@st.composite
def pieces(draw: st.DrawFn) -> Quantity:
    """A sum of clamps and brackets of n, written as nobody would."""
    form = quantity(draw(small)) + N * draw(st.integers(-2, 2))
    for _ in range(draw(st.integers(1, 4))):
        inside = N * draw(st.sampled_from([-2, -1, 1, 3])) + draw(small)
        form = form + atom(draw(st.sampled_from([Positive, AtLeastZero, IsZero]))(inside)) * draw(small)
        if draw(st.booleans()):
            form = form + atom(AtLeastZero(N - draw(st.integers(1, 5)))) * N * draw(small)
    return form


def at(form: Quantity, n: int) -> int:
    return int(substitute(form, {"n": quantity(n)}))


@settings(max_examples=200, deadline=None)
@given(pieces(), pieces())
def test_every_form_has_its_value_at_every_size(form: Quantity, other: Quantity) -> None:
    for n in range(30):
        value = at(form, n)
        assert at(positive_part(form), n) == max(0, value)
        assert at(at_least_zero(form), n) == (value >= 0)
        assert at(equals_zero(form), n) == (value == 0)
        assert at(maximum(form, other), n) == max(value, at(other, n))


@settings(max_examples=200, deadline=None)
@given(pieces())
def test_what_has_the_same_values_is_the_same_form(form: Quantity) -> None:
    written = of_one_size(form, lambda number: number)
    if written is None:
        return
    again = of_one_size(form + maximum(form, quantity(0)) - positive_part(form), lambda number: number)
    assert again is None or again == written


@pytest.mark.parametrize(("kernel", "ancillas"), [
    (library.add, "0"), (library.controlled_add, "0"), (library.less_than, "0"), (library.mcx_dirty, "0"),
    (library.mcx_clean, "Max(0, |controls| - 2)"), (library.mcx_one_clean, "[|controls| >= 3]"),
    (library.mcx_relative_phase, "Max(0, |controls| - 2)"), (library.reflection_about_zero, "Max(0, |q| - 3)"),
    (library.modular_increment, "Max(0, |q| - 3)"), (library.increment_by, "2*[|q| >= 1]"),
    (library.grover_search, "Max(0, |q| - 3)*[iterations >= 1]"), (library.order_finding, "n + 4*[n >= 1]"),
])  # fmt: skip
def test_widths_over_clifford_and_t_are_short(kernel: qk.Kernel[..., object], ancillas: str) -> None:
    assert str(kernel.estimate_resources(basis="clifford_t").ancillas) == ancillas
