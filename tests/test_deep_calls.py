"""Kernels that call each other hundreds of calls deep, and those that never end."""

from __future__ import annotations

import linecache
from typing import Any

import pytest

import qkernel as qk
from qkernel.errors import KernelRecursionError
from qkernel.recursion import DEEPEST


@qk.qkernel
def down(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    if n > 0:
        q = qk.x(q)
        q = down(q, n - 1)
    return q


@qk.qkernel
def alone(n: qk.UInt) -> qk.Bit:
    return qk.measure(down(qk.qubit(), n))


@qk.qkernel
def even(q: qk.Vector[qk.Qubit], n: qk.UInt) -> qk.Vector[qk.Qubit]:
    if n > 0:
        q = qk.h(q)
        q = odd(q, n - 1)
    return q


@qk.qkernel
def odd(q: qk.Vector[qk.Qubit], n: qk.UInt) -> qk.Vector[qk.Qubit]:
    if n > 0:
        q[0] = qk.t(q[0])
        q = even(q, n - 1)
    return q


@qk.qkernel
def together(n: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(even(qk.qubit_array(2), n))


@qk.qkernel
def halved(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    """A recursion that is deep on one side, whose calls are many and few of them different."""
    if n > 1:
        q = halved(q, n - 1)
        q = halved(q, n - 2)
    else:
        q = qk.s(q)
    return q


@qk.qkernel
def fibonacci(n: qk.UInt) -> qk.Bit:
    return qk.measure(halved(qk.qubit(), n))


def chain(length: int) -> Any:
    """A kernel that calls one that calls one, and so on."""
    text = "import qkernel as qk\n"
    for k in reversed(range(length)):
        inner = f"f{k + 1}(qk.x(q))" if k < length - 1 else "qk.x(q)"
        text += f"@qk.qkernel\ndef f{k}(q: qk.Qubit) -> qk.Qubit:\n    return {inner}\n"
    text += "@qk.qkernel\ndef chain() -> qk.Bit:\n    return qk.measure(f0(qk.qubit()))\n"
    file = f"<chain of {length}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {"__name__": "chain"}
    exec(compile(text, file, "exec"), names)
    return names["chain"]


@pytest.mark.parametrize("n", [0, 1, 150, 1000])
def test_a_recursion_that_ends_is_counted_lowered_and_drawn(n: int) -> None:
    assert alone.estimate_resources(n=n).gates.total == n
    alone.verify_resources(n=n)
    assert alone.sample(n=n, shots=3).results == [(n % 2, 3)]
    assert "down" in alone.draw(output="text", n=n)
    assert alone.estimate_resources(n=n).depth == n + 1


@pytest.mark.parametrize("n", [DEEPEST, DEEPEST + 1000])
def test_one_that_ends_too_deep_is_not_said_to_be_endless(n: int) -> None:
    for call in (alone.estimate_resources, alone.verify_resources, alone.sample):
        with pytest.raises(KernelRecursionError, match=f"`down` is called {DEEPEST} calls deep"):
            call(n=n)
    assert alone.estimate_resources(n=DEEPEST - 1).gates.total == DEEPEST - 1


@pytest.mark.parametrize("n", [3, 500, 1000])
def test_so_is_one_through_two_kernels(n: int) -> None:
    assert together.estimate_resources(n=n).gates.by_name == {"h": 2 * ((n + 1) // 2), "t": n // 2}
    together.verify_resources(n=n)


def test_calls_that_are_alike_are_counted_once() -> None:
    first, second = 1, 1
    for _ in range(300):
        first, second = second, first + second
    assert fibonacci.estimate_resources(n=300).gates.total == first


@pytest.mark.parametrize("length", [150, 500])
def test_a_chain_of_kernels(length: int) -> None:
    kernel = chain(length)
    assert kernel.estimate_resources().gates.total == length
    kernel.verify_resources()
    assert kernel.sample(shots=3).results == [(length % 2, 3)]
    assert qk.parse(str(kernel.ir)) == kernel.ir


def test_calls_are_told_apart_however_deep() -> None:
    node = alone.estimate_resources(n=200).by_call()
    assert len(str(node).splitlines()) == 200 + 2
    for k in range(201):
        assert node.gates.total == 200 - max(0, k - 1)
        (node,) = node.children


@qk.qkernel
def ever(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    if n > 0:
        q = ever(qk.x(q), n + 1)
    return q


@qk.qkernel
def same(q: qk.Qubit, n: qk.UInt) -> qk.Qubit:
    if n > 0:
        q = same(qk.x(q), n)
    return q


@qk.qkernel
def growing(n: qk.UInt) -> qk.Bit:
    return qk.measure(ever(qk.qubit(), n))


@qk.qkernel
def staying(n: qk.UInt) -> qk.Bit:
    return qk.measure(same(qk.qubit(), n))


@pytest.mark.parametrize("kernel", [growing, staying], ids=lambda kernel: kernel.name)
def test_one_that_never_ends_says_so(kernel: Any) -> None:
    assert kernel.estimate_resources(n=0).gates.total == 0
    for call in (kernel.estimate_resources, kernel.verify_resources, kernel.sample):
        with pytest.raises(KernelRecursionError):
            call(n=1)
