"""Qubits chosen freely as one register, gates on registers in pairs, slices that go backwards.

What a kernel does with them is what another says qubit by qubit: the circuits are the same. Each is then held to every reading.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from tests.wrapped import controlled, undone

Register = qk.Vector[qk.Qubit]
SHIFT = np.eye(4)[[1, 2, 3, 0]]


@qk.qkernel
def chain(q: Register, t: qk.Float) -> Register:
    for k in qk.range(q.shape[0]):
        q[k] = qk.ry(q[k], t * (k + 1))
    for k in qk.range(q.shape[0] - 1):
        q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
    return q


@qk.qkernel
def ends(q: Register) -> tuple[qk.Qubit, Register]:
    q = qk.h(q)
    return q[0], q[1:]


# pairs: one with chosen qubits, one qubit by qubit; both of n and t -----------------------------------------------------------


@qk.qkernel
def listed(q: Register, t: qk.Float) -> Register:
    q[0], q[3], q[1] = chain([q[0], q[3], q[1]], t)
    return q


@qk.qkernel
def listed_plainly(q: Register, t: qk.Float) -> Register:
    q[0] = qk.ry(q[0], t)
    q[3] = qk.ry(q[3], t * 2)
    q[1] = qk.ry(q[1], t * 3)
    q[0], q[3] = qk.cx(q[0], q[3])
    q[3], q[1] = qk.cx(q[3], q[1])
    return q


@qk.qkernel
def backwards(q: Register, t: qk.Float) -> Register:
    q[::-1] = chain(q[::-1], t)
    for k in qk.range(q.shape[0]):
        q[k::-2] = qk.rz(q[k::-2], t)
    q[-1:1:-1] = qk.x(q[-1:1:-1])
    return q


@qk.qkernel
def backwards_plainly(q: Register, t: qk.Float) -> Register:
    n = q.shape[0]
    for k in qk.range(n):
        q[n - 1 - k] = qk.ry(q[n - 1 - k], t * (k + 1))
    for k in qk.range(n - 1):
        q[n - 1 - k], q[n - 2 - k] = qk.cx(q[n - 1 - k], q[n - 2 - k])
    for k in qk.range(n):
        for i in qk.range(k, -1, -2):
            q[i] = qk.rz(q[i], t)
    for i in qk.range(n - 1, 1, -1):
        q[i] = qk.x(q[i])
    return q


@qk.qkernel
def pairs(q: Register, t: qk.Float) -> Register:
    m = q.shape[0] // 2
    q[:m], q[m : 2 * m] = qk.cx(q[:m], q[m : 2 * m])
    q[: 2 * m : 2], q[1::2] = qk.rzz(q[: 2 * m : 2], q[1::2], [t, 0.5])
    q[0], [q[1], q[3]] = qk.control(qk.x)(q[0], [q[1], q[3]])
    (q[0], q[1]), (q[3], q[2]) = qk.inverse(qk.crx)((q[0], q[1]), (q[3], q[2]), t)
    return q


@qk.qkernel
def pairs_plainly(q: Register, t: qk.Float) -> Register:
    q[0], q[2] = qk.cx(q[0], q[2])
    q[1], q[3] = qk.cx(q[1], q[3])
    q[0], q[1] = qk.rzz(q[0], q[1], t)
    q[2], q[3] = qk.rzz(q[2], q[3], 0.5)
    q[0], q[1] = qk.cx(q[0], q[1])
    q[0], q[3] = qk.cx(q[0], q[3])
    q[1], q[2] = qk.inverse(qk.crx)(q[1], q[2], t)
    q[0], q[3] = qk.inverse(qk.crx)(q[0], q[3], t)
    return q


@qk.qkernel
def several(q: Register, t: qk.Float) -> Register:
    q[3], q[0] = qk.pauli_evolve([q[3], q[0]], qko.X(0) * qko.Z(1), t)
    q[2], q[1] = qk.unitary(SHIFT, (q[2], q[1]))
    q[0:2] = qk.unitary(SHIFT, q[0:2])
    (q[0], q[1:3]), [q[3]] = qk.control(chain, 3)((q[0], q[1:3]), [q[3]], t)
    return q


@qk.qkernel
def several_plainly(q: Register, t: qk.Float) -> Register:
    q[3], q[0] = qk.pauli_evolve([q[3], q[0]], qko.X(0) * qko.Z(1), t)
    q[2], q[1] = qk.unitary(SHIFT, q[2], q[1])
    q[0], q[1] = qk.unitary(SHIFT, q[0], q[1])
    q[0], q[1], q[2], q[3] = qk.control(qk.ry, 3)(q[0], q[1], q[2], q[3], t)
    return q


@qk.qkernel
def parted(q: Register, t: qk.Float) -> Register:
    q[1], q[0:1], q[2:] = joined_and_parted(q[1], q[0:1], q[2:], t)
    return q


@qk.qkernel
def joined_and_parted(a: qk.Qubit, b: Register, c: Register, t: qk.Float) -> tuple[qk.Qubit, Register, Register]:
    first, (b, c) = qk.rx(a, t), chain((b, c), t)
    first, [b, c] = qk.control(chain)(first, [b, c], t)
    return first, b, c


@qk.qkernel
def parted_plainly(q: Register, t: qk.Float) -> Register:
    n = q.shape[0]
    q[1] = qk.rx(q[1], t)
    q[0] = qk.ry(q[0], t)
    for k in qk.range(2, n):
        q[k] = qk.ry(q[k], t * k)
    q[0], q[2] = qk.cx(q[0], q[2])
    for k in qk.range(2, n - 1):
        q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
    q[1], q[0] = qk.cry(q[1], q[0], t)
    for k in qk.range(2, n):
        q[1], q[k] = qk.cry(q[1], q[k], t * k)
    q[1], q[0], q[2] = qk.ccx(q[1], q[0], q[2])
    for k in qk.range(2, n - 1):
        q[1], q[k], q[k + 1] = qk.ccx(q[1], q[k], q[k + 1])
    return q


SAME = [
    (listed, listed_plainly, (4, 5)),
    (backwards, backwards_plainly, (0, 1, 2, 4, 5)),
    (pairs, pairs_plainly, (4,)),
    (several, several_plainly, (4,)),
    (parted, parted_plainly, (3, 4)),
]
CHOSEN = pytest.mark.parametrize("chosen", [chosen for chosen, _, _ in SAME], ids=lambda kernel: kernel.name)


@pytest.mark.parametrize(("chosen", "plain", "sizes"), SAME, ids=lambda value: getattr(value, "name", ""))
def test_same_as_qubit_by_qubit(chosen: Any, plain: Any, sizes: tuple[int, ...]) -> None:
    for n in sizes:
        np.testing.assert_allclose(chosen.unitary(q=n, t=0.3), plain.unitary(q=n, t=0.3), atol=1e-12)
        chosen.verify_resources(q=n, t=0.3)
        counts, expected = (kernel.estimate_resources(bindings={"q": n}).to_dict() for kernel in (chosen, plain))
        assert counts["gates"] == expected["gates"]
        assert counts["qubits"] == expected["qubits"]


@CHOSEN
def test_every_reading(chosen: Any) -> None:
    assert qk.parse(str(chosen.ir)) == chosen.ir
    for folded in (True, False):
        for inline in (True, False):
            assert chosen.draw(fold_loops=folded, inline=inline, output="text", q=4)
            assert chosen.draw(inline=inline, output="svg")
    matrix, size = chosen.unitary(q=4, t=0.3), 16
    np.testing.assert_allclose(undone(chosen).unitary(q=4, t=0.3), np.eye(size), atol=1e-12)
    under = controlled(chosen).unitary(q=4, t=0.3)
    np.testing.assert_allclose(under[1::2, 1::2], matrix, atol=1e-12)
    np.testing.assert_allclose(under[::2, ::2], np.eye(size), atol=1e-12)


@qk.qkernel
def read(n: qk.UInt, t: qk.Float) -> tuple[qk.Float, qk.Float]:
    q, flag = qk.h(qk.qubit_array(n)), qk.qubit()
    q[::-1], flag = chain((q[::-1], flag), t)
    first, last = ends([flag, q[1]])
    value = qk.expval((last, first), qko.Z(0) * qko.X(1))
    return value, qk.expval([q[2], q[0]], qko.Y(0) + qko.X(1) * qko.Z(0))


@pytest.mark.parametrize("engine", ["native", "reference", "torch", "qiskit"])
def test_engines_and_gradients(engine: str) -> None:
    program = read.compile({"n": 4}, engine=engine)
    step = 1e-5
    np.testing.assert_allclose(program.run(t=0.7), read.compile({"n": 4}, engine="reference").run(t=0.7), atol=1e-9)
    difference = (np.array(program.run(t=0.7 + step)) - np.array(program.run(t=0.7 - step))) / (2 * step)
    np.testing.assert_allclose(program.jacobian(t=0.7)["t"], difference, atol=1e-6)


def test_what_comes_back_has_the_shape_of_what_was_given() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit, qk.Vector[qk.Bit]]:
        q, flag, other = qk.qubit_array(n), qk.qubit(), qk.qubit_array(2)
        q[0] = qk.x(q[0])
        other[1] = qk.x(other[1])
        [q[1], (other[0], flag)] = qk.x([q[1], (other[0], flag)])
        (flag, q[2]), (one, none) = qk.project_z((flag, q[2]))
        if one:
            q[2] = qk.x(q[2])
        if none:
            q[2] = qk.x(q[2])
        [other[0]], flag = qk.reset(([other[0]], flag))
        bits, bit = qk.measure((q[::-1], flag))
        return bits, bit, qk.measure([other[1], other[0]])

    assert kernel.sample(shots=5, n=4).counts == {((0, 1, 1, 1), 0, (1, 0)): 5}


def test_backward_slices_are_pythons() -> None:
    def cut(start: int | None, stop: int | None, step: int) -> Any:
        @qk.qkernel
        def kernel(n: qk.UInt) -> qk.Vector[qk.Bit]:
            q = qk.qubit_array(n)
            view = q[start:stop:step]
            for k in qk.range(view.shape[0]):
                view[k] = qk.x(view[k]) if k % 2 == 0 else view[k]
            q[start:stop:step] = view
            return qk.measure(q)

        return kernel

    for start in (None, 0, 2, 5):
        for stop in (None, 0, 1, 5):
            for step in (-1, -2, -3):
                for n in (0, 1, 4):
                    turned = range(n)[start:stop:step][::2]
                    expected = tuple(int(k in turned) for k in range(n))
                    assert cut(start, stop, step).sample(shots=1, n=n).counts == {expected: 1}, (start, stop, step, n)
