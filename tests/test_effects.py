"""What kernels do beside unitaries: of every construct that measures, resets or decides by what was measured."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk
import qkernel.observable as qko
import qkernel_stdlib as library
from qkernel import KernelEffect

MEASUREMENT, RESET, FEED_FORWARD = KernelEffect.MEASUREMENT, KernelEffect.RESET, KernelEffect.FEED_FORWARD


@qk.qkernel
def flip(q: qk.Qubit) -> qk.Qubit:
    return qk.x(q)


@qk.qkernel
def turned(q: qk.Qubit, angle: qk.Float) -> qk.Qubit:
    return qk.rx(q, angle)


@qk.qkernel
def known(n: qk.UInt) -> qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        if i > 1:
            q[i] = flip(q[i])
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def ends(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.h(q))


@qk.qkernel
def cleared(q: qk.Qubit) -> qk.Qubit:
    return qk.reset(flip(q))


@qk.qkernel
def branches(q: qk.Qubit) -> qk.Qubit:
    q, bit = qk.project_z(qk.h(q))
    if bit:
        q = flip(q)
    return q


@qk.qkernel
def turns(q: qk.Qubit, c: qk.Qubit) -> qk.Qubit:
    return turned(q, 0.3 * qk.measure(c))


@qk.qkernel
def repeats(q: qk.Qubit) -> qk.Qubit:
    q, bit = qk.measure_reset(qk.h(q))
    while bit:
        q, bit = qk.measure_reset(qk.h(q))
    return q


@qk.qkernel
def calls(q: qk.Qubit) -> tuple[qk.Qubit, qk.Bit]:
    return branches(q), qk.measure(cleared(qk.qubit()))


@qk.qkernel
def made(a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    return library.temporary_and(a, b, qk.qubit())


@qk.qkernel
def undone(a: qk.Qubit, b: qk.Qubit, target: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    return qk.inverse(library.temporary_and)(a, b, target)


@qk.qkernel
def undone_twice(a: qk.Qubit, b: qk.Qubit, target: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    """What is undone where it is undone is done."""
    return qk.inverse(undone)(a, b, target)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (flip, KernelEffect.NONE),
        (known, KernelEffect.NONE),
        (ends, MEASUREMENT),
        (cleared, RESET),
        (branches, MEASUREMENT | FEED_FORWARD),
        (turns, MEASUREMENT | FEED_FORWARD),
        (repeats, MEASUREMENT | RESET | FEED_FORWARD),
        (calls, MEASUREMENT | RESET | FEED_FORWARD),
        (made, KernelEffect.NONE),
        (undone, MEASUREMENT | RESET | FEED_FORWARD),
        (undone_twice, KernelEffect.NONE),
        (library.measured_add, MEASUREMENT | RESET | FEED_FORWARD),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_effects(kernel: qk.Kernel[..., Any], expected: KernelEffect) -> None:
    assert kernel.effects is expected
