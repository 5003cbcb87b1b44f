"""Loops on measured bits: which of them can never be lowered is told before anything is bound."""

from __future__ import annotations

import pytest

import qkernel as qk
from qkernel.errors import SeparationError


@qk.qkernel
def as_often(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    while n > 0:
        q, n = qk.x(q), n - 1
    return q


@qk.qkernel
def on_a_count() -> qk.Bit:
    n, bit = 0, qk.measure(qk.h(qk.qubit()))
    while bit & (n < 2):
        n = n + 1
        bit = qk.measure(qk.h(qk.qubit()))
    return qk.measure(as_often(qk.qubit(), n))


@qk.qkernel
def on_an_argument(n: qk.UInt) -> qk.Bit:
    return qk.measure(as_often(qk.qubit(), n))


@qk.qkernel
def on_the_last_bit(n: qk.UInt) -> qk.Bit:
    before, bit, k = False, False, 0
    for _ in qk.range(n):
        while before:
            k = k + 1
            before = qk.measure(qk.h(qk.qubit()))
        before = bit
        bit = qk.measure(qk.h(qk.qubit()))
    while k > 0:
        k = k - 1
    return bit


def test_a_loop_on_known_numbers_is_refused_before_they_are_known() -> None:
    as_often.check()  # may be given a number that is counted at run time
    on_a_count.check()
    on_the_last_bit.check()
    with pytest.raises(SeparationError, match="is known before the kernel runs") as error:
        on_an_argument.check()
    with pytest.raises(SeparationError, match="is known before the kernel runs") as lowered:
        on_an_argument.compile({"n": 2})
    assert error.value.span == lowered.value.span
    counts = dict(on_a_count.sample(shots=400, seed=3).results)
    assert counts[1] == pytest.approx(100, abs=60)  # one round: first bit 1, second 0


@qk.qkernel
def inside_a_loop(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(n):
        q = as_often(q, i)
    return qk.measure(q)


def test_so_is_one_inside_of_a_loop() -> None:
    with pytest.raises(SeparationError, match="is known before the kernel runs") as error:
        inside_a_loop.check()
    with pytest.raises(SeparationError, match="is known before the kernel runs") as lowered:
        inside_a_loop.compile({"n": 2})
    assert error.value.span == lowered.value.span
