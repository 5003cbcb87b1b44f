"""Kernels with an inverse and a controlled form of their own: these are used wherever modifiers reach, and counted there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ExecutionError, KernelTypeError

Register = qk.Vector[qk.Qubit]
Three = tuple[qk.Qubit, qk.Qubit, qk.Qubit]


@qk.qkernel
def both(a: qk.Qubit, b: qk.Qubit, t: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    return qk.ccx(a, b, t)


@both.inverse
@qk.qkernel
def neither(a: qk.Qubit, b: qk.Qubit, t: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    t, bit = qk.measure_reset(qk.h(t))
    if bit:
        a, b = qk.cz(a, b)
    return a, b, t


@qk.qkernel
def plain(a: qk.Qubit, b: qk.Qubit, t: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit, qk.Qubit]:
    return qk.ccx(a, b, t)


@qk.qkernel(clean_ancillas=True)
def marked(q: Register, phi: qk.Float) -> Register:
    t = qk.qubit()
    q[0], q[1], t = both(q[0], q[1], t)
    t = qk.p(t, phi)
    q[0], q[1], t = qk.inverse(both)(q[0], q[1], t)
    return q


@qk.qkernel(clean_ancillas=True)
def within(q: Register, phi: qk.Float) -> Register:
    t = qk.qubit()
    q[0], q[1], t = qk.within_apply(both, lambda a, b, c: (a, b, qk.p(c, phi)))(q[0], q[1], t)
    return q


def test_the_form_is_called_in_place_of_the_inverse() -> None:
    counts = marked.estimate_resources(q=2)
    assert (counts.gates.toffoli, counts.measurements) == (1, 1)

    @qk.qkernel
    def valued(phi: qk.Float) -> qk.Float:
        return qk.expval(marked(qk.h(qk.qubit_array(2)), phi), qko.X(0) * qko.X(1))

    @qk.qkernel
    def expected(phi: qk.Float) -> qk.Float:
        q = qk.h(qk.qubit_array(2))
        q[0], q[1] = qk.cp(q[0], q[1], phi)
        return qk.expval(q, qko.X(0) * qko.X(1))

    for engine in ("reference", "native", "torch"):
        assert valued.run(0.7, engine=engine) == pytest.approx(expected.run(0.7), abs=1e-12)
    valued.verify_resources(phi=0.7)


def test_inverse_reaches_it_through_kernels() -> None:
    @qk.qkernel
    def outer(q: Register) -> Register:
        for k in qk.range(q.shape[0] - 2):
            q[k], q[k + 1], q[k + 2] = both(q[k], q[k + 1], q[k + 2])
        return q

    @qk.qkernel
    def there_and_back(n: qk.UInt) -> qk.Vector[qk.Float]:
        q = qk.qubit_array(n)
        q[: n - 1] = qk.h(q[: n - 1])
        for k in qk.range(n - 2):
            q[k + 2] = qk.reset(q[k + 2])
        q = qk.inverse(outer)(outer(q))
        return qk.probabilities(q)

    cost = there_and_back.estimate_resources()
    for n in range(2, 6):
        there_and_back.verify_resources(n=n)
        assert cost.substitute(n=n).measurements == n - 2
    assert np.allclose(there_and_back.run(3), [0.25] * 4 + [0] * 4, atol=1e-12)


def test_within_undoes_by_the_form_and_control_leaves_it_alone() -> None:
    @qk.qkernel
    def controlled(c: qk.Qubit, q: Register, phi: qk.Float) -> tuple[qk.Qubit, Register]:
        return qk.control(within)(c, q, phi)

    @qk.qkernel
    def valued(phi: qk.Float) -> qk.Float:
        c, q = controlled(qk.h(qk.qubit()), qk.h(qk.qubit_array(2)), phi)
        return qk.expval((c, q), qko.X(0) * qko.X(1) * qko.X(2))

    @qk.qkernel
    def expected(phi: qk.Float) -> qk.Float:
        q = qk.h(qk.qubit_array(3))
        q[0], q[1], q[2] = qk.control(qk.cp)(q[0], q[1], q[2], phi)
        return qk.expval(q, qko.X(0) * qko.X(1) * qko.X(2))

    assert valued.run(0.7) == pytest.approx(expected.run(0.7), abs=1e-12)
    gates = valued.estimate_resources().gates
    assert gates.by_name == {"h": 4, "ccx": 1, "cp": 1, "cz": 1}
    valued.verify_resources(phi=0.7)


@qk.qkernel
def turned(q: qk.Qubit, t: qk.Float) -> qk.Qubit:
    return qk.rz(qk.h(q), t)


@turned.control
@qk.qkernel
def turned_where(c: qk.Qubit, q: qk.Qubit, t: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    c, q = qk.ch(c, q)
    q = qk.rz(q, t / 2)
    c, q = qk.cx(c, q)
    q = qk.rz(q, -t / 2)
    return qk.cx(c, q)


@qk.qkernel
def turned_by_hand(q: qk.Qubit, t: qk.Float) -> qk.Qubit:
    return qk.rz(qk.h(q), t)


def modified(step: Any) -> Any:
    @qk.qkernel
    def all_of(q: qk.Qubit, t: qk.Float) -> qk.Qubit:
        for k in qk.range(3):
            q = step(q, t * k)
        return qk.inverse(step)(q, t)

    @qk.qkernel
    def kernel(c: Register, q: qk.Qubit, t: qk.Float) -> tuple[Register, qk.Qubit]:
        c[0], q = qk.control(step)(c[0], q, t)
        c, q = qk.control(step, num_controls=2)(c, q, t)
        c[1], q = qk.control(all_of)(c[1], q, t)
        c[1], q = qk.control(qk.inverse(all_of), power=2)(c[1], q, t)
        c[0], q = qk.control(step, control_value=0)(c[0], q, t)
        return c, q

    return kernel


def test_a_controlled_form_does_what_controls_do() -> None:
    values: dict[str, Any] = {"c": 2, "t": 0.7}
    own, generic = modified(turned), modified(turned_by_hand)
    assert np.allclose(own.unitary(**values), generic.unitary(**values), atol=1e-13)
    own.verify_resources(**values)
    assert own.estimate_resources().gates.by_name != generic.estimate_resources().gates.by_name
    assert qk.parse(str(own.ir)) == own.ir
    assert "@control" in str(own.ir)


def test_check_compares_forms_with_what_is_done_without_them() -> None:
    for kernel in (turned, marked, modified(turned)):
        kernel.check()

    @qk.qkernel
    def flipped(q: qk.Qubit) -> qk.Qubit:
        return qk.x(q)

    @flipped.control
    @qk.qkernel
    def wrong(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
        return qk.cy(c, q)

    @qk.qkernel
    def user(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
        return qk.control(flipped)(c, q)

    for kernel in (flipped, user):
        with pytest.raises(ExecutionError, match="does something else with the forms"):
            kernel.check()


def test_a_form_takes_what_its_kernel_takes() -> None:
    with pytest.raises(KernelTypeError, match="cannot stand for `inverse` of `turned_by_hand`"):

        @turned_by_hand.inverse
        @qk.qkernel
        def other(q: qk.Qubit) -> qk.Qubit:
            return q


@qk.qkernel
def flagged(q: Register, phi: qk.Float) -> Register:
    return clean_phase(q, phi)


@flagged.control
@qk.qkernel
def flagged_where(c: qk.Qubit, q: Register, phi: qk.Float) -> tuple[qk.Qubit, Register]:
    (c, q) = clean_phase((c, q), phi)
    return c, q


@qk.qkernel(clean_ancillas=True)
def clean_phase(q: Register, phi: qk.Float) -> Register:
    n = len(q)
    work = qk.qubit_array(n - 1)
    q[0], q[1], work[0] = qk.ccx(q[0], q[1], work[0])
    for k in qk.range(n - 2):
        q[k + 2], work[k], work[k + 1] = qk.ccx(q[k + 2], work[k], work[k + 1])
    work[n - 2] = qk.p(work[n - 2], phi)
    for k in qk.range(n - 3, -1, -1):
        q[k + 2], work[k], work[k + 1] = qk.ccx(q[k + 2], work[k], work[k + 1])
    q[0], q[1], work[0] = qk.ccx(q[0], q[1], work[0])
    return q


def test_workspace_of_a_form_stands_above_that_of_those_who_call_it() -> None:
    @qk.qkernel(clean_ancillas=True)
    def around(q: Register, phi: qk.Float) -> Register:
        copy = qk.qubit_array(2)
        q[:2], copy = qk.cx(q[:2], copy)
        copy = flagged(copy, phi)
        q[:2], copy = qk.cx(q[:2], copy)
        return q

    @qk.qkernel
    def kernel(c: qk.Qubit, q: Register, phi: qk.Float) -> tuple[qk.Qubit, Register]:
        return qk.control(around)(c, q, phi)

    matrix = kernel.unitary(q=2, phi=0.7)
    assert np.allclose(matrix, np.diag([1] * 7 + [np.exp(0.7j)]), atol=1e-13)
    kernel.verify_resources(q=2, phi=0.7)
