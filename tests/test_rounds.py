"""Loops that ask before each iteration: on measured bits, on known numbers; and what these are computed with."""

from __future__ import annotations

import math

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ArithmeticEvaluationError, EntrypointValidationError, SizeError


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


def test_a_loop_may_run_on_known_numbers_and_on_measured_ones() -> None:
    for n in (0, 2, 5):
        assert on_an_argument.sample(n=n, shots=5).results == [(n % 2, 5)]
    assert on_an_argument.estimate_resources(bindings={"n": 4}).gates.total == 4
    on_an_argument.verify_resources(n=3)
    on_the_last_bit.check()
    counts = dict(on_a_count.sample(shots=400, seed=3).results)
    assert counts[1] == pytest.approx(100, abs=60)  # one iteration: first bit 1, second 0


@qk.qkernel
def modified(n: qk.UInt, theta: qk.Float) -> qk.Float:
    control, target = qk.h(qk.qubit()), qk.qubit()
    control, target = qk.control(qk.inverse(halved))(control, target, n, theta)
    return qk.expval((control, target), qko.Y(0) * qko.X(1) + qko.Z(1))


@qk.qkernel
def halved(q: qk.Qubit, n: qk.UInt, theta: qk.Float) -> qk.Qubit:
    while n > 0:
        q = qk.rx(q, theta * n)
        n = n // 2
    return q


def test_a_loop_on_known_numbers_is_unitary() -> None:
    angle = -0.3 * (9 + 4 + 2 + 1)
    state = np.kron([np.cos(angle / 2), -1j * np.sin(angle / 2)], [0, 1]) + np.kron([1, 0], [1, 0])
    observable = (qko.Y(0) * qko.X(1) + qko.Z(1)).to_numpy()
    expected = np.vdot(state, observable @ state).real / 2
    for engine in ("native", "reference", "torch", "qiskit"):
        assert modified.run(n=9, theta=0.3, engine=engine) == pytest.approx(expected, abs=1e-10)
    assert modified.grad(n=9, theta=0.3)["theta"] == pytest.approx(
        (modified.run(n=9, theta=0.3 + 1e-6) - modified.run(n=9, theta=0.3 - 1e-6)) / 2e-6, abs=1e-6
    )
    modified.verify_resources(n=9, theta=0.1)
    with pytest.raises(EntrypointValidationError, match="how often this `while` goes round"):
        modified.estimate_resources()


def test_a_loop_that_does_not_end() -> None:
    @qk.qkernel
    def endless(n: qk.UInt) -> qk.UInt:
        while n > 0:
            n = n + 1
        return n

    with pytest.raises(SizeError, match="this `while` has not ended after 100,000 iterations") as error:
        endless(1)
    assert error.value.span is not None


def test_a_loop_may_begin_on_what_is_known() -> None:
    @qk.qkernel
    def until_zero() -> tuple[qk.Bit, qk.UInt]:
        q, bit, n = qk.qubit(), True, 0
        while bit:
            q, bit = qk.project_z(qk.h(q))
            n = n + 1
        return bit, n

    counts = dict(until_zero.sample(shots=400, seed=3).results)
    assert counts[0, 1] == pytest.approx(200, abs=60)
    assert counts[0, 2] == pytest.approx(100, abs=60)


@qk.qkernel
def order(a: qk.UInt, n: qk.UInt) -> qk.UInt:
    power, x = 1, a % n
    while x != 1:
        power, x = power + 1, x * a % n
    return power


def test_numbers_of_number_theory() -> None:
    @qk.qkernel
    def numbers(a: qk.UInt, b: qk.UInt, n: qk.UInt) -> tuple[qk.UInt, qk.UInt, qk.UInt, qk.UInt, qk.UInt]:
        quotient, rest = divmod(a, n)
        return pow(a, b, n), math.gcd(a, b), math.gcd(a, b, 4), quotient, rest

    for a, b, n in ((12, 18, 7), (7, 4, 15), (5, 0, 1)):
        assert numbers(a, b, n) == (pow(a, b, n), math.gcd(a, b), math.gcd(a, b, 4), *divmod(a, n))
    assert qk.parse(str(numbers.ir)) == numbers.ir
    assert [order(a, 15) for a in (2, 4, 7, 14)] == [4, 2, 4, 2]
    with pytest.raises(ArithmeticEvaluationError):
        numbers(3, 2, 0)


def test_what_a_circuit_is_made_of_may_be_a_power_modulo_n() -> None:
    @qk.qkernel
    def permuted(a: qk.UInt, n: qk.UInt, k: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        for i in qk.range(k):
            q[pow(a, i, n)] = qk.x(q[pow(a, i, n)])
        return qk.measure(q)

    assert permuted.sample(a=3, n=7, k=4, shots=2).results == [((0, 1, 1, 1, 0, 0, 1)[:7], 2)]
    assert permuted.estimate_resources().gates.total.free == {"k"}
