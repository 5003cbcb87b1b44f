"""`within_apply`: an operation between another and its inverse, which alone is controlled; workspace is free at the end."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import NotUnitaryError, UncleanAncillaError

Register = qk.Vector[qk.Qubit]


@qk.qkernel
def computed(q: Register, t: qk.Float) -> tuple[Register, qk.Qubit]:
    a = qk.qubit("a")
    q[0] = qk.ry(q[0], t)
    q[0], q[1], a = qk.ccx(q[0], q[1], a)
    return q, a


@qk.qkernel
def marked(q: Register, a: qk.Qubit, phi: qk.Float) -> tuple[Register, qk.Qubit]:
    return q, qk.p(a, phi)


@qk.qkernel
def conjugated(q: Register, t: qk.Float, phi: qk.Float) -> Register:
    return qk.within_apply(computed, marked)(q, t=t, phi=phi)


@qk.qkernel(clean_ancillas=True)
def written_out(q: Register, t: qk.Float, phi: qk.Float) -> Register:
    a = qk.qubit("a")
    q[0] = qk.ry(q[0], t)
    q[0], q[1], a = qk.ccx(q[0], q[1], a)
    a = qk.p(a, phi)
    q[0], q[1], a = qk.ccx(q[0], q[1], a)
    q[0] = qk.ry(q[0], -t)
    return q


def modified(step: Any) -> Any:
    """A kernel with `step` under modifiers of all sorts."""

    @qk.qkernel
    def kernel(c: Register, q: Register, t: qk.Float, phi: qk.Float) -> tuple[Register, Register]:
        c, q = qk.control(step, num_controls=2, control_value=1)(c, q, t, phi)
        q = qk.inverse(step)(q, 0.3, phi)
        for k in qk.range(2):
            c[k], q = qk.control(lambda r: step(step(r, t, phi), phi, t))(c[k], q)
        c, q = qk.control(qk.inverse(step), num_controls=2, power=2)(c, q, phi, t)
        return c, q

    return kernel


VALUES: dict[str, Any] = {"c": 2, "q": 2, "t": 0.3, "phi": 0.8}


def test_it_does_what_is_written_out_under_all_modifiers() -> None:
    short, long = modified(conjugated), modified(written_out)
    assert np.allclose(short.unitary(**VALUES), long.unitary(**VALUES), atol=1e-13)
    short.verify_resources(**VALUES)
    assert short.estimate_resources().qubits == long.estimate_resources().qubits
    assert qk.parse(str(short.ir)) == short.ir
    short.check()


def test_only_the_inner_operation_is_controlled() -> None:
    @qk.qkernel
    def under(c: Register, q: Register, t: qk.Float, phi: qk.Float) -> tuple[Register, Register]:
        return qk.control(conjugated, num_controls=c.shape[0])(c, q, t, phi)

    @qk.qkernel
    def outside(c: Register, q: Register, t: qk.Float, phi: qk.Float) -> tuple[Register, Register]:
        n = c.shape[0]
        return qk.control(qk.within_apply(computed, marked), num_controls=n)(c, q, t=t, phi=phi)

    for kernel in (under, outside):
        assert kernel.estimate_resources().substitute(c=2, q=2).gates.by_name == {"ry": 2, "ccx": 2, "ccp": 1}
        for n in range(4):
            kernel.verify_resources(c=n, q=2, t=0.3, phi=0.8)
    assert np.allclose(under.unitary(c=2, q=2, t=0.3, phi=0.8), outside.unitary(c=2, q=2, t=0.3, phi=0.8), atol=1e-14)


@pytest.mark.parametrize("engine", ["reference", "native", "torch", "qiskit"])
def test_every_engine_reads_it(engine: str) -> None:
    @qk.qkernel
    def valued(t: qk.Float, phi: qk.Float) -> qk.Float:
        c, q = qk.h(qk.qubit_array(1)), qk.h(qk.qubit_array(2))
        c, q = qk.control(conjugated)(c, q, t, phi)
        return qk.expval(c, qko.X(0))

    expected = valued.run(0.3, 0.8)
    assert valued.run(0.3, 0.8, engine=engine) == pytest.approx(expected, abs=1e-12)
    slopes, step = valued.grad(0.3, 0.8, engine=engine), 1e-6
    assert slopes["phi"] == pytest.approx((valued.run(0.3, 0.8 + step) - valued.run(0.3, 0.8 - step)) / (2 * step), abs=1e-8)
    assert slopes["t"] == pytest.approx((valued.run(0.3 + step, 0.8) - valued.run(0.3 - step, 0.8)) / (2 * step), abs=1e-8)


def test_workspace_is_used_again() -> None:
    @qk.qkernel
    def repeated(q: Register, n: qk.UInt) -> Register:
        for _ in qk.range(n):
            q = conjugated(q, 0.1, 0.2)
        return q

    cost = repeated.estimate_resources()
    assert cost.substitute(n=5).qubits == cost.substitute(n=1).qubits
    repeated.verify_resources(q=2, n=5)


def test_functions_gates_and_nesting() -> None:
    @qk.qkernel
    def rotated(q: Register, t: qk.Float) -> Register:
        def basis(r: Register) -> Register:
            return qk.within_apply(qk.h, qk.s)(r)

        return qk.within_apply(basis, lambda r: qk.rz(r, t))(q)

    h, s = np.array([[1, 1], [1, -1]]) / math.sqrt(2), np.diag([1, 1j])
    around = h @ s @ h
    turn = np.diag(np.exp([-0.2j, 0.2j]))
    assert np.allclose(rotated.unitary(q=1, t=0.4), around.conj().T @ turn @ around, atol=1e-14)
    rotated.verify_resources(q=2, t=0.4)


def test_drawings_show_the_setup_twice() -> None:
    for options in ({}, {"inline": True}):
        text = conjugated.draw(output="text", q=2, **options)
        assert "compute" in text
        assert "computed†" in text


def test_what_the_inner_operation_leaves_in_the_workspace_is_found() -> None:
    def flips(a: Any) -> Any:
        return qk.x(a)

    @qk.qkernel
    def broken(q: Register) -> Register:
        return qk.within_apply(computed, lambda r, a: (r, flips(a)))(q, t=0.3)

    with pytest.raises(UncleanAncillaError, match="does not bring `a"):
        broken.check()


def test_a_setup_that_measures_is_refused() -> None:
    @qk.qkernel
    def measuring(q: qk.Qubit) -> qk.Qubit:
        q, bit = qk.project_z(q)
        if bit:
            q = qk.x(q)
        return q

    @qk.qkernel
    def kernel() -> qk.Bit:
        return qk.measure(qk.within_apply(measuring, qk.z)(qk.qubit()))

    with pytest.raises(NotUnitaryError):
        kernel.sample()


def amplified(inner: Callable[..., Any]) -> Any:
    """A measured inner operation is no matter while nothing controls it."""

    @qk.qkernel
    def kernel() -> qk.Bit:
        return qk.measure(qk.within_apply(qk.h, inner)(qk.qubit()))

    return kernel


def test_an_inner_operation_may_measure_where_nothing_controls_it() -> None:
    @qk.qkernel
    def dephased(q: qk.Qubit) -> qk.Qubit:
        return qk.project_z(q)[0]

    assert set(amplified(dephased).sample(shots=200, seed=1).counts) == {0, 1}


def test_a_setup_may_have_another_within_it() -> None:
    @qk.qkernel
    def turned(q: qk.Qubit) -> qk.Qubit:
        return qk.within_apply(lambda r: qk.rx(r, 0.3), lambda r: qk.rx(r, 0.7))(q)

    @qk.qkernel
    def nested(q: qk.Qubit) -> qk.Qubit:
        return qk.within_apply(turned, qk.t)(q)

    assert nested.estimate_resources().gates.by_name == {"rx": 6, "t": 1}
    nested.verify_resources()
