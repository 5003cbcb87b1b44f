"""The closed forms that loops come out as: exact at every size, and as short as a reader expects."""

from __future__ import annotations

import math
from typing import Any

import pytest
import sympy

import qkernel as qk
from qkernel.errors import ArithmeticEvaluationError, SizeError
from qkernel.estimate import effort


@qk.qkernel
def nested(n: qk.UInt) -> qk.Bit:
    """Bounds that cross: for the larger i the innermost loop is empty."""
    q = qk.qubit()
    for i in qk.range(n):
        for j in qk.range(i):
            for _ in qk.range(j, n - i - 1):
                q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def halvings(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for k in qk.range(n):
        for _ in qk.range(2 ** (n - k - 1)):
            q = qk.h(q)
        for _ in qk.range(n // 2 // 3):
            q = qk.x(q)
    return qk.measure(q)


@qk.qkernel
def chosen(n: qk.UInt, m: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    if n > m:
        q = qk.h(q)
    elif n == m:
        for _ in qk.range(n):
            q = qk.x(q)
    else:
        for _ in qk.range(m - n):
            q = qk.t(q)
    return qk.measure(q)


@qk.qkernel
def residues(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(n):
        for _ in qk.range((i * i) % 3):
            q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def banded(n: qk.UInt, m: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(n):
        for j in qk.range(m):
            if i + j < n:
                q = qk.h(q)
            if i == j:
                q = qk.x(q)
            if (i + j) % 2 == 1:
                q = qk.t(q)
            if i % 2 == 0 and j % 3 == 0:
                q = qk.s(q)
    return qk.measure(q)


@qk.qkernel
def bricks(n: qk.UInt, depth: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for layer in qk.range(depth):
        for i in qk.range(layer % 2, n - 1, 2):
            q[i], q[i + 1] = qk.cz(q[i], q[i + 1])
    return qk.measure(q)


@qk.qkernel
def blocks_of_four(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(0, n, 4):
        for j in qk.range(i, min(i + 4, n)):
            q = qk.h(q)
            for _ in qk.range(j):
                q = qk.x(q)
    return qk.measure(q)


@qk.qkernel
def doubling(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for _ in qk.range(2**n):
        q = qk.h(q)
    return qk.measure(q)


@qk.qkernel
def fibonacci(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    first, second = 0, 1
    for _round in qk.range(n):
        for _ in qk.range(first):
            q = qk.h(q)
        first, second = second, first + second
    return qk.measure(q)


@qk.qkernel
def swapped(n: qk.UInt, m: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    first, second = 2, m
    for _round in qk.range(n):
        for _ in qk.range(first):
            q = qk.h(q)
        first, second = second, first
    return qk.measure(q)


def test_long_numbers_are_rounded_where_they_are_shown() -> None:
    long = doubling.estimate_resources().substitute(n=20_000)
    assert long.gates.total == 2**20_000
    exponent = int(20_000 * math.log10(2))
    written = f"about {10 ** (20_000 * math.log10(2) - exponent):.5f}"
    assert f"  Total: {written}" in str(long)
    assert f"e+{exponent}" in str(long)
    assert r"\approx 3.9802" in long._repr_latex_()
    assert written in long.to_json()
    assert written in str(long - doubling.estimate_resources(n=3))
    assert doubling.estimate_resources(n=100).to_dict()["gates"]["total"] == 2**100


def test_steps_are_run_up_to_a_million(monkeypatch: pytest.MonkeyPatch) -> None:
    assert swapped.estimate_resources(n=10**6, m=5).gates.total == 7 * 5 * 10**5
    with pytest.raises(SizeError, match="too large"):
        swapped.estimate_resources(n=10**6 + 1, m=5)
    numbers = [0, 1]
    for _ in range(20_000):
        numbers.append(numbers[-1] + numbers[-2])
    assert fibonacci.estimate_resources(n=20_000).gates.total == numbers[20_001] - 1
    for n in range(7):
        fibonacci.verify_resources(n=n)
        swapped.verify_resources(n=n, m=5)
    monkeypatch.setattr(effort, "MOST_WORK", 100_000)
    with pytest.raises(SizeError, match="too large"):
        fibonacci.estimate_resources(n=10**6)  # numbers of 200,000 digits


@qk.qkernel
def crossed(a: qk.UInt, b: qk.UInt, c: qk.UInt, d: qk.UInt, e: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for i in qk.range(a):
        for j in qk.range(max(b - i, c), min(a + i, d)):
            for k in qk.range(max(i, j - e), max(a, b - j)):
                for m in qk.range(min(k, j), max(i + j, c)):
                    for _ in qk.range(abs(m - k), b):
                        q = qk.h(q)
    return qk.measure(q)


def test_forms_that_grow_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "MOST_WORK", 500_000)
    with pytest.raises(SizeError, match="too large to be worked out"):
        crossed.estimate_resources()
    a, b, c, d, e = 3, 4, 1, 4, 2
    counted = 0
    for i in range(a):
        for j in range(max(b - i, c), min(a + i, d)):
            for k in range(max(i, j - e), max(a, b - j)):
                counted += sum(max(0, b - abs(m - k)) for m in range(min(k, j), max(i + j, c)))
    assert counted > 0
    assert crossed.estimate_resources(a=a, b=b, c=c, d=d, e=e).gates.total == counted


@qk.qkernel
def crossed_and_turned(q: qk.Qubit, turns: qk.Dict[qk.UInt, qk.UInt], a: qk.UInt, angle: qk.Float) -> qk.Qubit:
    for key, times in qk.items(turns):
        for i in qk.range(a):
            for j in qk.range(max(key - i, times), min(a + i, key)):
                for k in qk.range(max(i, j - times), max(a, key - j)):
                    for m in qk.range(min(k, j), max(i + j, times)):
                        for _ in qk.range(abs(m - k), key):
                            q = qk.rz(q, angle)
    return q


@qk.qkernel
def calling(turns: qk.Dict[qk.UInt, qk.UInt], a: qk.UInt, angle: qk.Float) -> qk.Bit:
    return qk.measure(crossed_and_turned(qk.qubit(), turns, a, angle))


def test_a_refused_form_in_a_callee_is_counted_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "MOST_WORK", 500_000)
    with pytest.raises(SizeError, match="too large to be worked out"):
        calling.estimate_resources(turns={4: 1, 5: 2})
    a, counted = 3, 0
    for key, times in ((4, 1), (5, 2)):
        for i in range(a):
            for j in range(max(key - i, times), min(a + i, key)):
                for k in range(max(i, j - times), max(a, key - j)):
                    counted += sum(max(0, key - abs(m - k)) for m in range(min(k, j), max(i + j, times)))
    assert counted > 0
    assert calling.estimate_resources(turns={4: 1, 5: 2}, a=a).gates.total == counted  # the angle stays open


@qk.qkernel
def powers_of_remainders(n: qk.UInt, m: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    if 2 ** ((n + 2) % 3) > m:
        q = qk.h(q)
    if 2 ** (n % 3) != 4 * m:
        q = qk.x(q)
    return qk.measure(q)


@qk.qkernel
def powers_of_triangles(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    size = 0
    for i in qk.range(n):
        size = size + i
        for _ in qk.range(2**size):
            q = qk.h(q)
    for _ in qk.range(2**size):
        q = qk.x(q)
    return qk.measure(q)


def test_powers_whose_parts_are_no_whole_numbers() -> None:
    remainders, triangles = powers_of_remainders.estimate_resources(), powers_of_triangles.estimate_resources()
    for n in range(8):
        for m in range(5):
            expected = {"h": int(2 ** ((n + 2) % 3) > m), "x": int(2 ** (n % 3) != 4 * m)}
            expected = {name: number for name, number in expected.items() if number}
            assert remainders.substitute(n=n, m=m).gates.by_name == expected
            assert powers_of_remainders.estimate_resources(n=n, m=m).gates.by_name == expected
        for found in (triangles.substitute(n=n), powers_of_triangles.estimate_resources(n=n)):
            assert found.gates.by_name.get("h", 0) == sum(2 ** (i * (i + 1) // 2) for i in range(n))
            assert found.gates.by_name["x"] == 2 ** (n * (n - 1) // 2)


@qk.qkernel
def guarded(n: qk.UInt, s: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    if s > 0:
        if n % s == 0:
            q = qk.h(q)
        for _ in qk.range(n // s):
            q = qk.x(q)
    for _i in qk.range(s):
        for _ in qk.range(n % s):
            q = qk.t(q)
    return qk.measure(q)


@qk.qkernel
def negated(n: qk.UInt, s: qk.UInt, m: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    if s < m:
        q = qk.z(q)
    elif s == 0:
        q = qk.y(q)
    elif n % s == 0:
        q = qk.h(q)
    else:
        for i in qk.range(n // s):
            q = qk.x(q)
            for _ in qk.range(n * i // (n % s)):
                q = qk.t(q)
    return qk.measure(q)


def test_what_a_condition_keeps_away_needs_no_value() -> None:
    for n in range(5):
        for s in range(4):
            guarded.verify_resources(n=n, s=s)
            for m in range(3):
                negated.verify_resources(n=n, s=s, m=m)
    stepped = negated.estimate_resources(n=7).substitute(s=3, m=1)
    assert stepped.gates.by_name == {"x": 2, "t": 7}


@qk.qkernel
def beside_an_angle(n: qk.UInt, angle: qk.Float) -> qk.Bit:
    q = qk.qubit()
    turn, steps = qk.cos(angle), 1
    for i in qk.range(n):
        if i > steps * steps:
            turn = turn * 0.5 + 0.1 * steps
        else:
            steps = min(steps + 1, 4)
            q = qk.h(q)
        q = qk.rz(q, turn)
    return qk.measure(q)


@qk.qkernel
def squares(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    last = 3
    for i in qk.range(n):
        for _ in qk.range(i * i // n):
            q = qk.h(q)
        last = (last + 5) * i // n
    for _ in qk.range(last):
        q = qk.x(q)
    return qk.measure(q)


def test_rounds_that_are_not_gone_need_no_value() -> None:
    for n in range(7):
        last = 3
        for i in range(n):
            last = (last + 5) * i // n
        found = squares.estimate_resources(n=n).gates.by_name
        assert (found.get("h", 0), found.get("x", 0)) == (sum(i * i // n for i in range(n)), last)
        squares.verify_resources(n=n)


def test_a_count_needs_no_angle_that_is_carried_beside_it() -> None:
    for n in range(20):
        steps, expected = 1, 0
        for i in range(n):
            if i <= steps * steps:
                steps, expected = min(steps + 1, 4), expected + 1
        assert beside_an_angle.estimate_resources(n=n).gates.total == n + expected


FORMS: dict[Any, dict[str, str]] = {
    nested: {},
    blocks_of_four: {},
    halvings: {"h": "2**n - 1", "x": "n*floor(n/6)"},
    chosen: {"h": "1 - [m - n >= 0]", "x": "n*[m - n == 0]", "t": "Max(0, m - n)"},
    residues: {"h": "floor((n + 1)/3) + floor(n/3)"},
    banded: {
        "x": "n - Max(0, n - m)",
        "t": "floor((m + 1)/2)*floor(n/2) + floor((n + 1)/2)*floor(m/2)",
        "s": "floor((m + 2)/3)*floor((n + 1)/2)",
    },
    bricks: {"cz": "Max(0, floor((n + 1)/2) - 1)*floor(depth/2) + floor((depth + 1)/2)*floor(n/2)"},
}


@pytest.mark.parametrize("kernel", FORMS, ids=lambda kernel: kernel.name)
def test_forms(kernel: Any) -> None:
    found = kernel.estimate_resources()
    assert found.quality["total"] == "exact"
    assert {name: str(found.gates.by_name[name]) for name in FORMS[kernel]} == FORMS[kernel]
    names = list(kernel.input_types)
    for first in range(7):
        for second in range(5) if len(names) > 1 else (0,):
            kernel.verify_resources(**dict(zip(names, (first, second), strict=False)))


@qk.qkernel
def left_over(q: qk.Qubit, n: qk.UInt, s: qk.UInt) -> qk.Qubit:
    for _ in qk.range(n % s):
        q = qk.h(q)
    return q


@qk.qkernel
def rests(n: qk.UInt, s: qk.UInt, rounds: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    for _ in qk.range(rounds):
        q = left_over(q, n, s)
    return qk.measure(q)


def test_a_remainder_by_zero_is_no_number() -> None:
    free = rests.estimate_resources()
    assert str(free.gates.total) == "rounds*(n % s)"
    assert free.quality["total"] == "exact"
    assert free.substitute(n=11, s=4, rounds=2).gates.total == 6
    assert free.substitute(s=4, rounds=1).gates.total == rests.estimate_resources({"s": 4, "rounds": 1}).gates.total
    values = {"n": 11, "s": 4, "rounds": 2}
    written = sympy.sympify(free.gates.total)
    assert written.subs({symbol: values[symbol.name] for symbol in written.free_symbols}) == 6
    assert rests.estimate_resources({"n": 11, "s": 0, "rounds": 0}).gates.total == 0  # no round asks for it
    for estimated in (rests.estimate_resources, lambda values: free.substitute(**values)):
        with pytest.raises((SizeError, ArithmeticEvaluationError), match="zero"):
            estimated({"n": 11, "s": 0, "rounds": 2})


def test_counts_are_shown_by_name_and_pi_as_pi() -> None:
    @qk.qkernel
    def amplified(n: qk.UInt) -> qk.Bit:
        q = qk.qubit()
        for _ in qk.range(qk.floor(math.pi / 4 * n)):
            q = qk.x(q)
        return qk.measure(q)

    assert repr(residues.estimate_resources(n=2).gates).startswith("GateCounts(total=1, single_qubit=1, two_qubit=0, ")
    assert "(π/4)" in repr(amplified.estimate_resources().gates)
    assert amplified.estimate_resources(n=3).gates.total == 2


def test_neighbouring_brackets_and_binary_digits_are_written_short() -> None:
    @qk.qkernel
    def digits(n: qk.UInt, number: qk.UInt) -> qk.Vector[qk.Bit]:
        q, c = qk.qubit_array(n), qk.qubit_array(n)
        for i in qk.range(n):
            if (number >> i) & 1:
                q[i] = qk.x(q[i])
        c, q[0] = qk.control(qk.z, num_controls=n)(c, q[0])
        return qk.measure(q)

    gates = digits.estimate_resources().gates
    even = "Sum([floor(number/(2**i)) % 2 == 0], (i, 0, n - 1))"
    assert {name: str(count) for name, count in gates.by_name.items()} == {
        "x": f"n - {even}",
        "z": "1 - [n >= 1]",
        "cz": "[n == 1]",
        "ccz": "[n == 2]",
        "mcz": "[n >= 3]",
    }
    assert digits.estimate_resources(n=5, number=0b10110).gates.by_name["x"] == 3
