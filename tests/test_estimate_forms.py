"""The closed forms that loops come out as: exact at every size, and as short as a reader expects."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk


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
