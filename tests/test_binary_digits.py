"""Operators on the binary digits of whole numbers, and arrays of numbers that a kernel fills."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qkernel as qk
import qkernel.observable as qko

SMALL = st.integers(0, 40)


@qk.qkernel
def combined(a: qk.UInt, b: qk.UInt, k: qk.UInt) -> tuple[qk.UInt, qk.UInt, qk.UInt, qk.UInt, qk.UInt, qk.UInt]:
    return a & b, a | b, a ^ b, a << k, a >> k, -~a


@given(SMALL, SMALL, st.integers(0, 5))
@settings(deadline=None)
def test_digits_of_known_numbers(a: int, b: int, k: int) -> None:
    assert combined.run(a=a, b=b, k=k) == (a & b, a | b, a ^ b, a << k, a >> k, a + 1)


@qk.qkernel
def flipped(n: qk.UInt, mask: qk.UInt, other: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        if (mask ^ other) >> i & 1 == 1:
            q[i] = qk.x(q[i])
    return qk.measure(q)


@given(SMALL, SMALL)
@settings(max_examples=20, deadline=None)
def test_digits_choose_branches(mask: int, other: int) -> None:
    (bits,) = flipped.sample(shots=1, n=6, mask=mask, other=other).counts
    assert bits == tuple((mask ^ other) >> i & 1 for i in range(6))


@qk.qkernel
def gray_code(n: qk.UInt, angle: qk.Float) -> qk.Float:
    q = qk.qubit()
    for i in qk.range(n):
        q = qk.ry(q, angle * (i ^ (i >> 1)) + (i | 2) + (i & 5))
    return qk.expval(q, qko.Z(0))


@pytest.mark.parametrize("n", [3, 40])  # step by step, and all iterations at once
def test_digits_in_loops_of_any_length(n: int) -> None:
    total = sum(0.01 * (i ^ (i >> 1)) + (i | 2) + (i & 5) for i in range(n))
    assert gray_code.run(n=n, angle=0.01) == pytest.approx(np.cos(total), abs=1e-9)


def test_digits_in_text_and_drawings() -> None:
    assert "(i & i // 2)" in str(gray_code.ir)
    assert qk.parse(str(gray_code.ir)) == gray_code.ir
    assert "i & 5" in str(gray_code.ir)
    assert "i & 5" in gray_code.draw(output="svg").replace("&amp;", "&")


@qk.qkernel
def counted(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(1)
    for i in qk.range(n):
        if i & m == 0:
            q[0] = qk.h(q[0])
    return qk.measure(q)


def test_digits_in_costs() -> None:
    estimate = counted.estimate_resources()
    for n, m in ((9, 1), (9, 2), (9, 6)):
        assert estimate.substitute(n=n, m=m).gates.total == sum(i & m == 0 for i in range(n))


def test_costs_by_the_last_digit_have_a_closed_form() -> None:
    @qk.qkernel
    def even(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(1)
        for i in qk.range(n):
            if i & 1 == 0:
                q[0] = qk.h(q[0])
        return qk.measure(q)

    assert str(even.estimate_resources().gates.total) == "floor((n + 1)/2)"


@qk.qkernel
def computed(x: qk.Vector[qk.Float], n: qk.UInt) -> qk.Float:
    """Angles that the kernel itself puts into an array."""
    angles = qk.float_array(n)
    order = qk.uint_array(n)
    for i in qk.range(n):
        order[i] = n - 1 - i
        angles[i] = x[i] * (i + 1)
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.ry(q[i], angles[order[i]])
    return qk.expval(q, [qko.Z(0), qko.Z(2)])[1]


def test_arrays_of_numbers_start_at_0_and_are_filled() -> None:
    x = np.array([0.1, 0.2, 0.3])
    assert computed.run(x=x, n=3) == pytest.approx(np.cos(x[0]), abs=1e-12)
    np.testing.assert_allclose(computed.grad(x=x, n=3)["x"], [-np.sin(x[0]), 0, 0], atol=1e-12)
    assert qk.parse(str(computed.ir)) == computed.ir

    @qk.qkernel
    def untouched(n: qk.UInt) -> tuple[qk.Float, qk.UInt, qk.Bit]:
        return qk.float_array(n)[n - 1], qk.uint_array(3)[2], qk.bit_array(n)[0]

    result: Any = untouched.run(n=2)
    assert result == (0.0, 0, 0)
    assert [type(part) for part in result] == [float, int, int]
