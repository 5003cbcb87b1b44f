"""`range` in Python's own functions: what Python does where bounds are known, else a loop or a named error."""

# ruff: noqa: B905, C417 - what users write

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

import qkernel as qk
from qkernel.errors import FrontendTransformError, QKernelError, SymbolicValueError, UnsupportedPythonError
from qkernel.ir import ops
from qkernel.ir.walk import walk


def collect(*numbers: int) -> list[int]:
    return list(numbers)


AMBIGUOUS = np.arange(3)


@qk.qkernel
def asks_for_a_range(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    if range(n):
        q[0] = qk.x(q[0])
    return qk.measure(q)


@qk.qkernel
def asserts_pairs(n: qk.UInt) -> qk.Vector[qk.Bit]:
    assert zip(range(n), range(n), strict=True)
    return qk.measure(qk.qubit_array(n))


@qk.qkernel
def asks_for_items(d: qk.Dict[qk.UInt, qk.Float]) -> qk.Bit:
    q = qk.qubit()
    while qk.items(d):
        q = qk.x(q)
    return qk.measure(q)


@pytest.mark.parametrize("kernel", [asks_for_a_range, asserts_pairs, asks_for_items])
def test_whether_there_is_anything_is_not_known(kernel: qk.Kernel) -> None:
    with pytest.raises(SymbolicValueError, match=r"is not known yet, and whether .* is empty needs its value now"):
        kernel.check()


def test_a_condition_that_python_refuses() -> None:
    @qk.qkernel
    def kernel() -> qk.Bit:
        q = qk.qubit()
        if AMBIGUOUS:
            q = qk.x(q)
        return qk.measure(q)

    with pytest.raises(FrontendTransformError, match="truth value of an array") as caught:
        kernel.check()
    assert "if AMBIGUOUS:" in str(caught.value)


OF_KNOWN: list[Callable[[Any], Iterable[int]]] = [
    lambda range: list(range(3)),
    lambda range: tuple(range(1, 4)),
    lambda range: set(range(3)),
    lambda range: sorted(range(3), reverse=True),
    lambda range: reversed(range(3)),
    lambda range: [2 * i + p for p, i in enumerate(range(3), 1)],
    lambda range: [i + len(letters) for i, letters in zip(range(3), ["", "a", "bc"])],
    lambda range: [i * j for i, j in zip(range(3), reversed(range(3)), strict=True)],
    lambda range: [3 * i + j for i, j in itertools.combinations(range(3), 2)],
    lambda range: [3 * i + j for i, j in itertools.product(range(2), range(3))],
    lambda range: [i + j for i, j in itertools.pairwise(range(4))],
    lambda range: itertools.chain(range(1), range(2, 4)),
    lambda range: itertools.chain.from_iterable([range(2), range(4, 6)]),
    lambda range: itertools.islice(range(10), 3),
    lambda range: itertools.accumulate(range(4)),
    lambda range: map(lambda i: i * i, range(3)),
    lambda range: filter(lambda i: i % 2, range(6)),
    lambda range: [sum(range(4)), max(range(4)), min(range(2, 4)), len(range(7)), int(any(range(2))), int(all(range(2)))],
    lambda range: [int(2 in range(3)), int(3 in range(3)), range(5)[2], range(5)[-1], range(5).stop, range(2, 9, 3).step],
    lambda range: range(5)[1:4],
    lambda range: range(5)[::-1],
    lambda range: [int(isinstance(range(3), type([]))), int(range(3) == range(0, 3, 1)), int(bool(range(0)))],
    lambda range: dict(enumerate(range(4, 7))).values(),
    lambda range: dict(zip(range(3), range(3, 6), strict=True)).values(),
    lambda range: collect(*range(3)),
    lambda range: [*range(2), *range(3)],
    lambda range: [i for i in range(3) if i != 1],
    lambda range: (i * i for i in range(3)),
    lambda range: {i: i for i in range(3)}.values(),
    lambda range: [functools.reduce(lambda a, b: a + b, range(5))],
    lambda range: [int(i) for i in np.array(range(3))],
    lambda range: sorted(random.sample(range(5), 5)),
    lambda range: [len(str(range(3)))],
    lambda range: [a + b for a, b in zip(*[range(3), range(1, 4)], strict=True)],
    lambda range: [next(iter(range(4, 7)))],
    lambda range: range(3, -1, -1),
]


@pytest.mark.parametrize("spelling", [range, qk.range])
@pytest.mark.parametrize("function", OF_KNOWN)
def test_known_ranges_are_pythons(function: Callable[[Any], Iterable[int]], spelling: Any) -> None:
    """Traced, each function of `range` gives the numbers that Python gives: the angles of a row of gates."""

    @qk.qkernel
    def kernel(q: qk.Qubit) -> qk.Qubit:
        for number in list(function(spelling)):
            q = qk.rz(q, number)
        return q

    gates = [op for op in walk(kernel.ir.entry.body) if isinstance(op, ops.Gate)]
    assert [str(gate.angles[0]) for gate in gates] == [str(float(number)) for number in function(range)]


OF_LATER: list[Callable[[Any, Any, Any], Iterable[Any]]] = [
    lambda n, m, v: enumerate(range(n)),
    lambda n, m, v: enumerate(range(m, n), 3),
    lambda n, m, v: enumerate(range(n), start=m),
    lambda n, m, v: zip(range(n), range(1, n + 1)),
    lambda n, m, v: zip(range(n), range(m)),
    lambda n, m, v: zip(range(n), range(2)),
    lambda n, m, v: zip(range(0, n, 2), reversed(range(n)), range(m, 10)),
    lambda n, m, v: enumerate(v),
    lambda n, m, v: zip(v, reversed(v), range(m)),
    lambda n, m, v: zip(range(n), [5, 7, 9]),
    lambda n, m, v: enumerate(zip(v, range(n)), m),
]


def in_loop(n: Any, m: Any, v: Any, function: Any) -> Any:
    """The sum of a function of what comes, in order, so that another order or another entry gives another sum."""
    total = 0
    for entries in function(n, m, v):
        total = 3 * total + fold(entries)
    return total


def fold(entries: Any) -> Any:
    number = 1
    for entry in entries:
        number = 7 * number + (fold(entry) if isinstance(entry, tuple) else entry)
    return number


@pytest.mark.parametrize("function", OF_LATER)
@pytest.mark.parametrize(("n", "m"), [(0, 0), (1, 0), (3, 1), (4, 2), (2, 4), (5, 5)])
def test_loops_over_pairs_stay_loops(function: Callable[..., Any], n: int, m: int) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, m: qk.UInt, v: qk.Vector[qk.UInt]) -> qk.UInt:
        return in_loop(n, m, v, function)

    assert [type(op) for op in kernel.ir.entry.body] == [ops.For]
    assert qk.parse(str(kernel.ir)) == kernel.ir
    vector = [3, 1, 4, 1, 5][: n + 1]
    assert kernel.run(n=n, m=m, v=vector) == in_loop(n, m, vector, function)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("m", [0, 1, 4])
def test_reversed_ranges_go_the_other_way(n: int, m: int) -> None:
    def backwards(n: Any, m: Any) -> Any:
        total = 0
        for i in reversed(range(n)):
            total = 3 * total + i
        for i in reversed(range(m, n)):
            total = 3 * total + i
        for i in reversed(range(n - 1, -1, -1)):
            total = 3 * total + i
        for i in reversed(range(m, n, 2)):
            total = 3 * total + i
        for i in reversed(range(n, m, -3)):
            total = 3 * total + i
        return total

    @qk.qkernel
    def kernel(n: qk.UInt, m: qk.UInt) -> qk.UInt:
        return backwards(n, m)

    assert {type(op) for op in kernel.ir.entry.body} == {ops.For}
    assert kernel.run(n=n, m=m) == backwards(n, m)


def test_qubits_in_such_loops() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        for position, (i, j) in enumerate(zip(range(n - 1), range(1, n))):
            if position % 2 == 0:
                q[i] = qk.x(q[i])
            q[i], q[j] = qk.cx(q[i], q[j])
        for i in reversed(range(len(range(0, n, 2)))):
            q[2 * i] = qk.x(q[2 * i])
        return qk.measure(q)

    def expected(n: int) -> tuple[int, ...]:
        bits = [0] * n
        for i in range(n - 1):
            bits[i] ^= i % 2 == 0
            bits[i + 1] ^= bits[i]
        return tuple(int(bit) ^ (k % 2 == 0) for k, bit in enumerate(bits))

    for n in (0, 1, 2, 5):
        assert kernel.run(n=n) == expected(n)
        assert kernel.estimate_resources().substitute(n=n).gates.total == kernel.estimate_resources(n=n).gates.total
    assert "position" in kernel.draw(output="text")


@pytest.mark.parametrize("n", [0, 3])
@pytest.mark.parametrize("step", [1, 2, 3, -1, -2])
def test_the_length_of_a_range(n: int, step: int) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, m: qk.UInt) -> tuple[qk.UInt, qk.UInt]:
        return len(range(n, m, step)), len(range(m, n, step))

    for m in (0, 1, 2, 7):
        assert kernel.run(n=n, m=m) == (len(range(n, m, step)), len(range(m, n, step)))


REFUSED: list[Callable[[Any, Any], Any]] = [
    lambda n, q: list(range(n)),
    lambda n, q: sorted(range(n)),
    lambda n, q: sum(range(n)),
    lambda n, q: max(range(n)),
    lambda n, q: set(range(n)),
    lambda n, q: bool(range(n)),
    lambda n, q: list(enumerate(range(n))),
    lambda n, q: dict(zip(range(n), range(n))),
    lambda n, q: list(itertools.combinations(range(n), 2)),
    lambda n, q: list(map(abs, range(n))),
    lambda n, q: np.array(range(n)),
    lambda n, q: [*range(n)],
    lambda n, q: collect(*range(n)),
    lambda n, q: range(n)[0],
    lambda n, q: 2 in range(n),
    lambda n, q: range(n) == range(3),
    lambda n, q: list(zip(range(n), "abc")),
    lambda n, q: list(enumerate(q)),
    lambda n, q: list(reversed(q)),
    lambda n, q: list(zip(range(3), q)),
    lambda n, q: reversed(range(0, 9, n)),
    lambda n, q: qk.rz(q[0], range(n)),
    lambda n, q: qk.rz(q, enumerate(range(n))),
    lambda n, q: range(n, step=2),
    lambda n, q: range(n) + 1,
    lambda n, q: q[range(n)],
]


@pytest.mark.parametrize("function", REFUSED)
def test_what_needs_the_elements_is_refused_by_name(function: Callable[[Any, Any], Any]) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(3)
        function(n, q)
        return qk.measure(q)

    with pytest.raises(QKernelError) as caught:
        kernel.check()
    assert caught.value.span is not None
    assert "Symbolic" not in str(caught.value)
    if isinstance(caught.value, (SymbolicValueError, UnsupportedPythonError)):
        assert caught.value.help


def test_a_range_under_another_name_stays_a_loop() -> None:
    @qk.qkernel
    def kernel(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
        rows = range(n)
        for _ in rows:
            q = qk.h(q)
        for position in range(2):
            q = qk.rz(q, position)
        return turned(rows, q)

    def turned(rows: Any, q: Any) -> Any:
        for row in rows:
            q = qk.rz(q, row)
        return q

    assert [type(op) for op in kernel.ir.entry.body] == [ops.For] * 3
