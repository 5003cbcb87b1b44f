"""Computed slices: Python's elements where start, stop and step are natural, an error where one is negative."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk
from qkernel.errors import QKernelError, QubitIndexResolutionError

SIZE = 4


@qk.qkernel
def cut(a: qk.UInt, b: qk.UInt, s: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(SIZE)
    q[a - 3 : b - 3 : s - 3] = qk.x(q[a - 3 : b - 3 : s - 3])
    return qk.measure(q)


@qk.qkernel
def until(b: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(SIZE)
    q[: b - 3] = qk.x(q[: b - 3])
    return qk.measure(q)


@qk.qkernel
def since(a: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(SIZE)
    q[a - 3 :] = qk.x(q[a - 3 :])
    return qk.measure(q)


@qk.qkernel
def every(s: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(SIZE)
    q[:: s - 3] = qk.x(q[:: s - 3])
    return qk.measure(q)


@qk.qkernel
def one_by_one(b: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(SIZE)
    view = q[1 : b - 3]
    for i in qk.range(view.shape[0]):
        view[i] = qk.x(view[i])
    q[1 : b - 3] = view
    return qk.measure(q)


def flipped(part: slice) -> tuple[int, ...]:
    return tuple(int(k in range(SIZE)[part]) for k in range(SIZE))


def check(kernel: qk.Kernel[..., Any], part: slice, **bounds: int) -> None:
    """The kernel flips `part`; it fails where a bound is negative or the step is none, in the estimate as well."""
    if all(bound is None or bound >= 0 for bound in (part.start, part.stop)) and part.step != 0 and (part.step or 1) > 0:
        expected = flipped(part)
        assert kernel.sample(shots=1, **bounds).results == [(expected, 1)]
        assert kernel.estimate_resources(bindings=bounds).gates.total == sum(expected)
        assert kernel.estimate_resources().substitute(**bounds).gates.total == sum(expected)
        return
    with pytest.raises(QKernelError) as caught:
        kernel.sample(shots=1, **bounds)
    assert caught.value.span is not None
    if part.step != 0 and (part.start is None or part.start >= 0):  # counts know no places, so a start is not theirs to refuse
        with pytest.raises(QubitIndexResolutionError):
            kernel.estimate_resources(bindings=bounds)


@pytest.mark.parametrize("bound", range(9))
def test_one_bound(bound: int) -> None:
    check(until, slice(None, bound - 3), b=bound)
    check(since, slice(bound - 3, None), a=bound)
    check(every, slice(None, None, bound - 3), s=bound)
    check(one_by_one, slice(1, bound - 3), b=bound)


@pytest.mark.parametrize("start", range(1, 9))
@pytest.mark.parametrize("stop", range(1, 9))
def test_all_bounds(start: int, stop: int) -> None:
    for step in (1, 2, 3, 4, 5, 6):
        check(cut, slice(start - 3, stop - 3, step - 3), a=start, b=stop, s=step)


def test_the_error_names_the_loops_value() -> None:
    @qk.qkernel
    def shrinking(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        for k in qk.range(n):
            q[: 1 - k] = qk.x(q[: 1 - k])
        return qk.measure(q)

    assert shrinking.sample(n=2, shots=1).results == [((1, 0), 1)]
    with pytest.raises(QubitIndexResolutionError, match="a bound or the step of a slice is computed as -1") as caught:
        shrinking.sample(n=3, shots=1)
    assert any("k = 2" in note.text for note in caught.value.notes)


def test_a_carried_stop_and_a_view_of_a_view() -> None:
    @qk.qkernel
    def nested(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.qubit_array(n)
        stop = n
        for _ in qk.range(m):
            stop = stop - 2
        view = q[:stop]
        view[1:] = qk.x(view[1:])
        q[:stop] = view
        return qk.measure(q)

    assert nested.sample(n=5, m=1, shots=1).results == [((0, 1, 1, 0, 0), 1)]
    with pytest.raises(QubitIndexResolutionError, match="computed as -1"):
        nested.sample(n=5, m=3, shots=1)


@pytest.mark.parametrize("bound", range(8))
def test_classical_slices(bound: int) -> None:
    @qk.qkernel
    def summed(v: qk.Vector[qk.UInt], b: qk.UInt) -> qk.UInt:
        part = v[: b - 3]
        total = 0
        for k in qk.range(part.shape[0]):
            total = total + part[k]
        return total

    if bound >= 3:
        assert summed.run(v=[1, 2, 4], b=bound) == sum([1, 2, 4][: bound - 3])
    else:
        with pytest.raises(QubitIndexResolutionError, match=f"computed as {bound - 3}"):
            summed.run(v=[1, 2, 4], b=bound)


def test_a_bit_array_of_negative_size() -> None:
    @qk.qkernel
    def bits(n: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.bit_array(n - 3)

    assert bits.run(n=5) == (0, 0)
    with pytest.raises(QKernelError, match="a vector would have -1 elements"):
        bits.run(n=2)


def test_a_drawing_shows_slices_as_written() -> None:
    assert "q[:b-3]" in until.draw(output="text")
    assert "natural" not in one_by_one.draw(output="text")
