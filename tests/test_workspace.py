"""Qubits that kernels make and clean are used again; the closed form is the width of that circuit; promises are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import UncleanAncillaError
from qkernel.lower import lower
from qkernel.nn import QLayer

ENGINES = ["native", "reference", "torch"]
"""The engines that can look at a state."""


@qk.qkernel(clean_ancillas=True)
def copies(q: qk.Vector[qk.Qubit], k: qk.UInt, a: qk.Float) -> qk.Vector[qk.Qubit]:
    """Turn the second qubit by `a` for each of k copies of the first."""
    c = qk.qubit_array(k)
    for i in qk.range(k):
        q[0], c[i] = qk.cx(q[0], c[i])
    for i in qk.range(k):
        c[i], q[1] = qk.crx(c[i], q[1], a)
    for i in qk.range(k):
        q[0], c[i] = qk.cx(q[0], c[i])
    return q


@qk.qkernel(clean_ancillas=True)
def flagged(q: qk.Vector[qk.Qubit], k: qk.UInt, a: qk.Float) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    """Hands back a flag of its own, cleans another ancilla, and has others make more above it."""
    own, flag = qk.qubit(), qk.qubit()
    q[0], own = qk.cx(q[0], own)
    q = copies(q, k, a)
    for j in qk.range(k):
        q = copies(q, j, a)
    own, flag = qk.cx(own, flag)
    q[0], own = qk.cx(q[0], own)
    return q, flag


@qk.qkernel(clean_ancillas=True)
def measured(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Bit]:
    """One ancilla is cleaned, one measured: that is not used again."""
    clean, read = qk.qubit(), qk.qubit()
    q[0], clean = qk.cx(q[0], clean)
    clean, read = qk.cx(clean, read)
    q[0], clean = qk.cx(q[0], clean)
    return q, qk.measure(read)


@qk.qkernel
def fresh(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    flag = qk.qubit()
    q[0], flag = qk.cx(q[0], flag)
    return q, flag


@qk.qkernel(clean_ancillas=True)
def by_others(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """What it cleans was made by a kernel that it calls, and handed back by its inverse."""
    q, flag = fresh(q)
    q[-1], flag = qk.cz(q[-1], flag)
    q[0], flag = qk.cx(q[0], flag)
    return q


@qk.qkernel
def loop(n: qk.UInt, m: qk.UInt) -> qk.Float:
    q = qk.h(qk.qubit_array(3))
    for i in qk.range(n):
        q = qk.ry(copies(q, i, 0.3), 0.2)
    q = copies(q, m, 0.5)
    return qk.expval(q, qko.Z(1) * qko.X(0))


@qk.qkernel
def nested(n: qk.UInt, m: qk.UInt) -> qk.Float:
    q = qk.h(qk.qubit_array(2))
    q, first = flagged(q, n, 0.3)
    extra = qk.h(qk.qubit_array(m))
    for _ in qk.range(2):
        q = by_others(q)
    q, second = flagged(q, m, 0.7)
    if n > 2:
        q = copies(q, n + 2 * m, 0.1)
    q = qk.ry(q, 0.4)
    extra = qk.ry(extra, 0.3)
    return qk.expval(q, qko.Z(1)) + qk.expval(first, qko.Z(0)) * qk.expval(second, qko.Z(0))


@qk.qkernel
def modified(n: qk.UInt, m: qk.UInt) -> qk.Float:
    q, c = qk.h(qk.qubit_array(2)), qk.h(qk.qubit_array(2))
    c, q = qk.control(copies, num_controls=2)(c, q, n, 0.3)
    q = qk.inverse(copies)(q, m, 0.2)
    c[0], q = qk.control(qk.inverse(copies), power=3)(c[0], q, n, 0.3)
    q = qk.inverse(by_others)(qk.t(q))
    return qk.expval(qk.ry(q, 0.4), qko.X(0)) + 0.5 * qk.expval(qk.rx(c, 0.3), qko.Z(0))


@qk.qkernel
def measuring(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(2))
    parity = qk.bit(False)
    for _ in qk.range(n):
        q, bit = measured(q)
        parity = parity ^ bit
    if parity:
        q = copies(q, m, 0.3)
    else:
        q = copies(q, 1, 0.4)
    return qk.measure(q)


KERNELS = [loop, nested, modified, measuring]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_the_closed_form_is_the_width(kernel: Any) -> None:
    closed = kernel.estimate_resources()
    for n in range(6):
        for m in range(5):
            kernel.verify_resources(n=n, m=m)
            assert closed.substitute(n=n, m=m).qubits == lower(kernel.ir, {"n": n, "m": m}).num_qubits


def test_closed_forms() -> None:
    assert str(loop.estimate_resources().qubits) == "m + Max(0, n - m - 1) + 3"
    assert loop.estimate_resources(n=800, m=2).qubits == 802
    assert loop.estimate_resources(n=800, m=2).ancillas == 799
    assert measuring.estimate_resources(n=10, m=4).qubits == 2 + 10 + 4


def plainly(n: int, m: int) -> float:
    """`loop` without copies: each of them turns the second qubit where the first is 1."""

    @qk.qkernel
    def unshared() -> qk.Float:
        q = qk.h(qk.qubit_array(3))
        for count, angle in [*((i, 0.3) for i in range(n)), (m, 0.5)]:
            for _ in range(count):
                q[0], q[1] = qk.crx(q[0], q[1], angle)
            if (count, angle) != (m, 0.5):
                q = qk.ry(q, 0.2)
        return qk.expval(q, qko.Z(1) * qko.X(0))

    return float(unshared())


@pytest.mark.parametrize("engine", [*ENGINES, "qiskit"])
def test_engines_agree(engine: str) -> None:
    assert loop.run(n=4, m=2, engine=engine) == pytest.approx(plainly(4, 2), abs=1e-12)
    for kernel in (nested, modified):
        assert kernel.run(n=2, m=1, engine=engine) == pytest.approx(kernel.run(n=2, m=1, engine="reference"), abs=1e-12)


def test_registers_stay_in_one_piece() -> None:
    circuit = lower(loop.ir, {"n": 5, "m": 2})
    assert (circuit.num_qubits, dict(circuit.registers)["workspace"]) == (7, (3, 4, 5, 6))
    taken = lower(copies.ir, {"q": 2, "k": 3, "a": 0.1})
    assert dict(taken.registers)["c"] == (2, 3, 4)


def test_the_state_leaves_workspace_out() -> None:
    @qk.qkernel
    def twice(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        q = copies(qk.h(q), 2, 0.3)
        return copies(q, 1, 0.2)

    assert twice.statevector(q=2).shape == (4,)
    matrix = twice.unitary(q=2)
    assert np.allclose(matrix @ matrix.conj().T, np.eye(4))


@qk.qkernel(clean_ancillas=True)
def dirty(q: qk.Vector[qk.Qubit], a: qk.Float) -> qk.Vector[qk.Qubit]:
    c = qk.qubit_array(2)
    q[0], c[1] = qk.crx(q[0], c[1], a)
    return q


@qk.qkernel
def breaks(a: qk.Float) -> qk.Float:
    q = qk.x(qk.qubit_array(2))
    q = dirty(q, a)
    q = qk.inverse(dirty)(q, a)
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def breaks_and_measures(a: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.x(qk.qubit_array(2))
    q[1], bit = qk.project_z(q[1])
    if bit:
        q = dirty(q, a)
    return qk.measure(q)


@qk.qkernel
def breaks_and_reads(a: qk.Float) -> qk.Float:
    q = qk.h(qk.qubit_array(2))
    q[1], bit = qk.project_z(q[1])
    if bit:
        q = dirty(q, a)
    return qk.expval(q, qko.Z(0))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_broken_promise_is_found(engine: str) -> None:
    share = np.sin(0.35) ** 2
    with pytest.raises(UncleanAncillaError, match=rf"`dirty` does not bring `c\[1\]` back .* probability {share:.3g}") as error:
        breaks.run(a=0.7, engine=engine)
    assert error.value.code == "QK504"
    assert error.value.span.line == dirty.function.__code__.co_firstlineno + 2
    with pytest.raises(UncleanAncillaError):
        breaks.grad(a=[0.0, 0.7], engine=engine)
    with pytest.raises(UncleanAncillaError):
        breaks_and_measures.sample(a=0.7, shots=5, engine=engine)
    with pytest.raises(UncleanAncillaError):
        breaks_and_reads.run(a=0.7, engine=engine)
    assert breaks.run(a=0.0, engine=engine) == pytest.approx(-1.0)
    assert breaks.run(a=1e-7, engine=engine) == pytest.approx(-1.0)


@qk.qkernel(clean_ancillas=True)
def tangled(q: qk.Vector[qk.Qubit], a: qk.Float) -> qk.Vector[qk.Qubit]:
    """Clean for up to two qubits."""
    c = qk.qubit()
    for i in qk.range(q.shape[0] - 2):
        q[i], c = qk.crx(q[i], c, a)
    return q


def test_check_simulates() -> None:
    copies.check()
    measured.check()
    nested.check(n=2, m=1)
    tangled.check(q=2)
    tangled.check(q=5, a=0.0)
    with pytest.raises(UncleanAncillaError, match="`tangled` does not bring `c` back"):
        tangled.check()
    with pytest.raises(UncleanAncillaError):
        tangled.check(q=3)
    with pytest.raises(UncleanAncillaError):
        qk.qkernel(breaks.function).check()


@qk.qkernel
def uses_copies(a: qk.Float) -> qk.Float:
    return qk.expval(copies(copies(qk.h(qk.qubit_array(2)), 2, a), 1, a), qko.Z(1))


def test_layers_look_once() -> None:
    kept, broken = (QLayer(kernel, inputs=["a"]) for kernel in (uses_copies, breaks))
    assert kept(torch.tensor([0.1, 0.2])).shape == (2, 1)
    with pytest.raises(UncleanAncillaError, match="`dirty`"):
        broken(torch.tensor([0.7, 0.0]))


@qk.qkernel
def syndrome(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Bit]]:
    s = qk.qubit_array(q.shape[0] - 1)
    for i in qk.range(q.shape[0] - 1):
        q[i], s[i] = qk.cx(q[i], s[i])
        q[i + 1], s[i] = qk.cx(q[i + 1], s[i])
    return q, qk.measure(s)


@qk.qkernel
def repetition(n: qk.UInt, rounds: qk.UInt, a: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    parity = qk.bit(False)
    for _ in qk.range(rounds):
        q = qk.rx(q, a)
        q, bits = syndrome(q)
        q, bit = measured(q)
        parity = parity ^ bit
        if bits[0]:
            q = copies(q, 2, a)
    return qk.measure(q)


def test_measured_qubits_are_used_again_where_that_is_asked_for() -> None:
    for n, rounds in ((2, 0), (2, 3), (3, 2)):
        apart = repetition.compile({"n": n, "rounds": rounds})
        again = repetition.compile({"n": n, "rounds": rounds}, reuse_measured=True)
        for executable in (apart, again):
            executable.verify_resources(a=0.3)
        found = again.estimate_resources()
        assert apart.circuit.num_qubits == n + rounds * n + (2 if rounds else 0)
        assert again.circuit.num_qubits == found.qubits == n + (max(n - 1, 2) if rounds else 0)
        assert (found.resets, apart.estimate_resources().resets) == (rounds * n, 0)
    one, other = (each.sample(a=0.4, shots=4000, seed=1).counts for each in (apart, again))
    for outcome in one:
        assert abs(one[outcome] - other.get(outcome, 0)) < 6 * np.sqrt(one[outcome] + 10)
