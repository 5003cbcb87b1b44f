"""Kernels that take kernels: read once, bound when compiled or in a call, oracles until then."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import KernelRecursionError
from qkernel.nn import QLayer
from qkernel_stdlib import iqft

Register = qk.Vector[qk.Qubit]
OnRegister = qk.Kernel[[Register], Register]


@qk.qkernel
def estimated(u: OnRegister, n: qk.UInt, q: Register) -> tuple[Register, Register]:
    c = qk.h(qk.qubit_array(n))
    for k in qk.range(n):
        c[k], q = qk.control(u, power=2**k)(c[k], q)
    return iqft(c), q


@qk.qkernel
def by_eighths(q: Register) -> Register:
    return qk.p(q, 3 * math.pi / 4)


@qk.qkernel
def twice(u: OnRegister, q: Register) -> Register:
    return u(u(q))


@qk.qkernel
def read(u: OnRegister, n: qk.UInt) -> qk.Vector[qk.Float]:
    c, _ = estimated(u, n, qk.x(qk.qubit_array(1)))
    return qk.probabilities(c)


def test_an_open_kernel_is_an_oracle() -> None:
    assert estimated.ir["u"].kind == "oracle"
    assert estimated.estimate_resources().substitute(n=5).calls.oracle_calls == {"u": 31}
    assert "u^(2**k)" in estimated.draw(output="text")
    assert "u: Kernel[[Vector[Qubit]], Vector[Qubit]], n: UInt" in repr(estimated)
    assert qk.parse(str(estimated.ir)) == estimated.ir


def test_a_kernel_is_bound_where_any_value_is() -> None:
    expected = np.eye(8)[3]
    assert np.allclose(read.run(by_eighths, 3), expected, atol=1e-13)
    assert np.allclose(read.run(u=by_eighths, bindings={"n": 3}), expected, atol=1e-13)
    assert np.allclose(read.compile({"u": by_eighths, "n": 3}).run(), expected, atol=1e-13)
    assert read.estimate_resources(u=by_eighths).substitute(n=3).gates == read.estimate_resources(u=by_eighths, n=3).gates
    read.verify_resources(u=by_eighths, n=3)
    assert "P" in estimated.draw(output="text", u=by_eighths, inline=True)


def test_each_engine_and_qiskit_agree() -> None:
    expected = read.run(by_eighths, 2)
    for engine in ("reference", "torch", "qiskit"):
        assert np.allclose(read.run(by_eighths, 2, engine=engine), expected, atol=1e-6)


def test_free_variables_of_an_argument_go_along() -> None:
    @qk.qkernel
    def phases(n: qk.UInt, t: qk.Float) -> qk.Vector[qk.Float]:
        c, _ = estimated(lambda r: twice(lambda s: qk.p(s, t), r), n, qk.x(qk.qubit_array(1)))
        return qk.probabilities(c)

    assert np.allclose(phases.run(3, 3 * math.pi / 8), np.eye(8)[3], atol=1e-13)
    assert [parameter.name for parameter in phases.ir["twice"].parameters] == ["q", "u.t"]
    assert len([function for function in phases.ir.functions if function.name == "estimated"]) == 1
    assert qk.parse(str(phases.ir)) == phases.ir
    step = 1e-6
    slope = (phases.run(3, 0.4 + step) - phases.run(3, 0.4 - step)) / (2 * step)
    assert np.allclose(phases.jacobian(3, 0.4)["t"], slope, atol=1e-8)


Turn = qk.Kernel[[Register, qk.Float], Register]


@qk.qkernel
def unrolled(v: Turn, q: Register, t: qk.Float, n: qk.UInt) -> Register:
    if n > 0:
        q = unrolled(v, q, t * 2, n - 1)
    q = qk.inverse(twice)(lambda r: v(r, t), q)
    return v(q, t)


def test_arguments_are_handed_on_through_recursion_inverses_and_functions() -> None:
    @qk.qkernel
    def turned(q: Register, a: qk.Float) -> Register:
        return unrolled(lambda r, b: qk.rx(r, a + b), q, 0.3, 2)

    angle = -sum(0.2 + 0.3 * 2**k for k in range(3))
    half = angle / 2
    expected = np.array([[math.cos(half), -1j * math.sin(half)], [-1j * math.sin(half), math.cos(half)]])
    assert np.allclose(turned.unitary(q=1, a=0.2), expected, atol=1e-13)
    turned.verify_resources(q=2, a=0.2)


def _squared(u: Callable[[Register], Register]) -> Any:
    @qk.qkernel
    def square(q: Register) -> Register:
        return u(u(q))

    return square


def test_kernels_that_factories_make_of_arguments_take_part() -> None:
    @qk.qkernel
    def fourfold(u: OnRegister, n: qk.UInt) -> qk.Vector[qk.Float]:
        c = qk.h(qk.qubit_array(n))
        q = qk.x(qk.qubit_array(1))
        for k in qk.range(n):
            c[k], q = qk.control(_squared(_squared(u)), power=2**k)(c[k], q)
        return qk.probabilities(iqft(c))

    @qk.qkernel
    def handed_on(u: OnRegister, n: qk.UInt) -> qk.Vector[qk.Float]:
        c, _ = estimated(_squared(functools.partial(_squared(u))), n, qk.x(qk.qubit_array(1)))
        return qk.probabilities(c)

    for kernel in (fourfold, handed_on):
        assert np.allclose(kernel.run(by_eighths, 3), np.eye(8)[4 * 3 % 8], atol=1e-13)
        assert kernel.estimate_resources(n=3).calls.oracle_calls == {"u": 28}


def test_gates_partials_methods_and_oracles_are_kernels_too() -> None:
    oracle = qk.Oracle(name="marked", num_qubits=2)

    @qk.qkernel
    def mixed(q: Register, t: qk.Float) -> Register:
        q = twice(qk.s, q)
        q = twice(functools.partial(qk.ry, angle=t), q)
        return twice(qk.inverse(qk.t), q)

    assert np.allclose(mixed.unitary(q=1, t=0.4), _mixed(0.4), atol=1e-13)

    @qk.qkernel
    def counted() -> qk.Bit:
        return qk.measure(twice(oracle, qk.qubit_array(2))[0])

    assert counted.estimate_resources().calls.oracle_calls == {"marked": 2}


def _mixed(t: float) -> np.ndarray[Any, Any]:
    turn = np.array([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])
    return np.diag([1, -1j]) @ turn @ np.diag([1, -1])


def test_under_control_an_argument_stands_where_it_is_taken() -> None:
    @qk.qkernel
    def controlled(c: qk.Qubit, q: Register) -> tuple[qk.Qubit, Register]:
        return qk.control(twice)(c, by_eighths, q)

    @qk.qkernel
    def expected(c: qk.Qubit, q: Register) -> tuple[qk.Qubit, Register]:
        return qk.control(by_eighths, power=2)(c, q)

    assert np.allclose(controlled.unitary(q=2), expected.unitary(q=2), atol=1e-13)


def test_kernels_made_anew_in_each_call_of_a_recursion_are_refused() -> None:
    @qk.qkernel
    def growing(v: Turn, q: Register, t: qk.Float, n: qk.UInt) -> Register:
        if n > 0:
            q = growing(lambda r, a: v(r, a + t), q, t, n - 1)
        return v(q, t)

    with pytest.raises(KernelRecursionError, match="another kernel each time"):
        growing.check()


def test_a_kernel_argument_that_changes_is_noticed() -> None:
    angle = 0.25

    @qk.qkernel
    def turn(q: Register) -> Register:
        return qk.rx(q, angle)

    before = twice.unitary(u=turn, q=1)
    angle = 0.75
    assert not np.allclose(twice.unitary(u=turn, q=1), before)
    assert np.allclose(twice.unitary(u=turn, q=1)[0, 0], math.cos(0.75), atol=1e-13)


def test_a_layer_takes_a_kernel_among_its_bindings() -> None:
    @qk.qkernel
    def valued(u: OnRegister, input_x: qk.Float) -> qk.Float:
        return qk.expval(u(qk.ry(qk.qubit_array(1), input_x)), qko.Z(0))

    layer = QLayer(valued, bindings={"u": by_eighths})
    assert np.allclose(layer(torch.tensor([[0.5]])).detach(), math.cos(0.5))


def test_functions_may_be_annotated_as_what_type_checkers_know_them_to_be() -> None:
    @qk.qkernel
    def there(u: Callable[[Register], Register], q: Register) -> Register:
        return u(u(q))

    @qk.qkernel
    def turned(n: qk.UInt, t: qk.Float) -> qk.Float:
        return qk.expval(there(u=lambda r: qk.rx(r, t), q=qk.qubit_array(n)), qko.Z(0))

    assert turned.run(2, 0.4) == pytest.approx(math.cos(0.8))
    assert there.estimate_resources().calls.oracle_calls == {"u": 2}
    assert repr(there.signature) == repr(qk.qkernel(_there).signature)


def _there(u: qk.Kernel[[Register], Register], q: Register) -> Register:
    return u(u(q))
