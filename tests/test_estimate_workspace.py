"""The workspace of gates under many controls over Clifford + T is that of the widest gate, whatever stands around it."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk


@qk.qkernel
def flip(q: qk.Vector[qk.Qubit], k: qk.UInt) -> qk.Vector[qk.Qubit]:
    q[0:k], q[k] = qk.control(qk.x, num_controls=k)(q[0:k], q[k])
    return q


@qk.qkernel
def again(n: qk.UInt, rounds: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n + 1)
    for _ in qk.range(rounds):
        q = flip(q, n)
        q = qk.inverse(flip)(q, n)
    return qk.measure(q)


@qk.qkernel
def stairs(n: qk.UInt, rounds: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n + 1)
    for i in qk.range(n):
        for j in qk.range(rounds):
            if j < i:
                q = flip(q, i - j)
    return qk.measure(q)


@qk.qkernel
def sawtooth(n: qk.UInt, rounds: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(8)
    for i in qk.range(n):
        q = flip(q, (3 * i + rounds) % 7 + 1)
    return qk.measure(q)


@qk.qkernel
def nested(n: qk.UInt, rounds: qk.UInt) -> qk.Vector[qk.Bit]:
    """Controls on controls, powers, phases, carried widths."""
    q, c = qk.qubit_array(n + 1), qk.qubit_array(2)
    width = 1
    for _ in qk.range(min(n, rounds)):
        c[0], q = qk.control(flip, power=rounds)(c[0], q, width)
        width = width + 1
    for _ in qk.range(rounds):
        c, q = qk.control(evens, num_controls=2)(c, q)
    if n > 2:
        c[0], q[0], q[1] = qk.control(qk.global_phase(qk.swap, 0.3))(c[0], q[0], q[1])
    return qk.measure(q)


@qk.qkernel
def evens(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    q[0::2] = qk.s(q[0::2])
    return q


def widest(kernel: Any, n: int, rounds: int) -> int:
    """The workspace that the gates of the circuit need: a bound kernel's gates have known numbers of controls."""
    from qkernel.lower import lower

    circuit = lower(kernel.ir, {"n": n, "rounds": rounds})
    kinds = [kind for kind in circuit.kinds if kind.is_gate and kind.controls > 1]
    return max((kind.controls - (2 if kind.name == "x" else 1) for kind in kinds), default=0)


KERNELS = [again, stairs, sawtooth, nested]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_it_is_shared(kernel: Any) -> None:
    free = kernel.estimate_resources(basis="clifford_t")
    for n in range(6):
        for rounds in (0, 1, 3):
            bound = kernel.estimate_resources(n=n, rounds=rounds, basis="clifford_t")
            own = kernel.estimate_resources(n=n, rounds=rounds)
            assert bound.qubits - own.qubits == bound.ancillas - own.ancillas == widest(kernel, n, rounds)
            assert free.substitute(n=n, rounds=rounds).qubits == bound.qubits
            assert own.physical().logical_qubits == bound.qubits


def test_it_has_a_closed_form_that_is_exact() -> None:
    free = again.estimate_resources(basis="clifford_t")
    assert str(free.qubits) == "Max(0, n - 2)*[rounds >= 1] + n + 1"
    assert free.quality["qubits"] == "exact"
    for n, rounds in ((20, 800), (100, 10**6)):
        assert again.estimate_resources(n=n, rounds=rounds, basis="clifford_t").qubits == n + 1 + n - 2


@qk.qkernel
def by_items(widths: qk.Dict[qk.UInt, qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(9)
    for width, _ in qk.items(widths):
        q = flip(q, width)
    return qk.measure(q)


def test_a_dictionary_that_is_not_bound_bounds_it() -> None:
    free = by_items.estimate_resources(basis="clifford_t")
    assert free.quality["qubits"] == "upper_bound"
    for widths in ({}, {4: 0.1}, {3: 0.1, 7: 0.2, 5: 0.1}):
        found = free.substitute(widths=widths)
        assert (found.ancillas, found.quality["qubits"]) == (max([0, *(width - 2 for width in widths)]), "exact")
