"""A kernel returns or measures every qubit that it gets; where indices are computed, each call is checked."""

from __future__ import annotations

import pytest

import qkernel as qk
from qkernel.errors import QubitConsumedError


@qk.qkernel
def one_measured(q: qk.Vector[qk.Qubit]) -> qk.Bit:
    return qk.measure(q[0])


@qk.qkernel
def two_of(q: qk.Vector[qk.Qubit], i: qk.UInt) -> qk.Tuple[qk.Qubit, qk.Qubit]:
    return q[i], q[i + 1]


@qk.qkernel
def each_measured(q: qk.Vector[qk.Qubit]) -> qk.Bit:
    parity = qk.bit(0)
    for i in qk.range(len(q)):
        parity = parity ^ qk.measure(q[i])
    return parity


def test_a_call_that_loses_qubits_is_refused_where_sizes_are_known() -> None:
    @qk.qkernel
    def first(n: qk.UInt) -> qk.Bit:
        return one_measured(qk.x(qk.qubit_array(n)))

    @qk.qkernel
    def pair(n: qk.UInt) -> qk.Tuple[qk.Bit, qk.Bit]:
        a, b = two_of(qk.x(qk.qubit_array(n)), n - 2)
        return qk.measure(a), qk.measure(b)

    @qk.qkernel
    def all_of(n: qk.UInt) -> qk.Bit:
        return each_measured(qk.x(qk.qubit_array(n)))

    assert first.sample(shots=1, n=1).results == [(1, 1)]
    assert pair.sample(shots=1, n=2).results == [((1, 1), 1)]
    assert all_of.sample(shots=1, n=3).results == [(1, 1)]
    with pytest.raises(QubitConsumedError, match=r"`one_measured` loses `q\[1\]`"):
        first.sample(shots=1, n=2)
    with pytest.raises(QubitConsumedError, match=r"`two_of` loses `q\[0\]`"):
        pair.sample(shots=1, n=4)
