"""Local functions, lambdas and partials where an operation is wanted: as the kernel that one would write in their place."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import KernelTypeError
from qkernel.ir.ops import Gate
from qkernel_stdlib import grover_operator, reflection_about_zero


@qk.qkernel
def turned(r: qk.Vector[qk.Qubit], a: qk.Float, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    for i in qk.range(r.shape[0] - 1):
        r[i], r[i + 1] = qk.cx(r[i], r[i + 1])
    r[0] = qk.rx(r[0], a * w[1])
    return r


@qk.qkernel
def by_kernel(c: qk.Qubit, q: qk.Vector[qk.Qubit], w: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    for j in qk.range(2):
        c, q = qk.control(turned, power=2)(c, q, w[0] * j, w)
        q = qk.inverse(turned)(q, 0.5, w)
    c, q = qk.control(qk.inverse(turned), control_value=0)(c, q, w[1], w)
    return c, q


@qk.qkernel
def by_function(c: qk.Qubit, q: qk.Vector[qk.Qubit], w: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    n = q.shape[0]

    def turn(r: Any, a: Any) -> Any:
        for i in qk.range(n - 1):
            r[i], r[i + 1] = qk.cx(r[i], r[i + 1])
        r[0] = qk.rx(r[0], a * w[1])
        return r

    for j in qk.range(2):
        c, q = qk.control(lambda r: turn(r, w[0] * j), power=2)(c, q)  # noqa: B023 - read at once
        q = qk.inverse(functools.partial(turn, a=0.5))(q)
    c, q = qk.control(qk.inverse(turn), control_value=0)(c, q, w[1])
    return c, q


@pytest.mark.parametrize("n", [1, 3])
def test_functions_do_what_kernels_do(n: int) -> None:
    values: dict[str, Any] = {"q": n, "w": [0.3, 0.7]}
    assert np.allclose(by_function.unitary(**values), by_kernel.unitary(**values), atol=1e-14)
    assert str(by_function.estimate_resources()) == str(by_kernel.estimate_resources())
    by_function.verify_resources(**values)
    assert qk.parse(str(by_function.ir)) == by_function.ir


def test_free_variables_are_arguments_behind_the_qubits() -> None:
    turn = by_function.ir["turn"]
    assert [str(parameter.type) for parameter in turn.parameters] == ["Vector[Qubit]", "UInt", "Vector[Float]"]
    assert len(by_function.ir.functions) == 4  # itself; the lambda; `turn` with two different angles


def test_drawings_show_functions_folded_and_unfolded() -> None:
    assert "turn" in by_function.draw(output="text", fold_loops=False, bindings={"q": 2})
    assert "RX" in by_function.draw(output="text", inline=True)


def test_of_one_gate_the_gate_itself_is_controlled() -> None:
    @qk.qkernel
    def kernel(c: qk.Qubit, q: qk.Qubit, w: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Qubit]:
        c, q = qk.control(functools.partial(qk.ry, angle=w[0]))(c, q)
        c, q = qk.control(lambda target: qk.rz(target, w[1]))(c, q)
        return c, q

    assert [type(op) for op in kernel.ir.entry.body] == [Gate, Gate]


def test_a_reordering_function_keeps_its_order_backwards() -> None:
    @qk.qkernel
    def kernel(a: qk.Qubit, b: qk.Qubit, t: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
        def crossed(left: qk.Qubit, right: qk.Qubit) -> Any:
            right, left = qk.crx(right, left, t)
            return right, left

        first, second = crossed(a, b)
        return qk.inverse(crossed)(first, second)

    assert np.allclose(kernel.unitary(t=0.7), np.eye(4), atol=1e-14)


def test_select_takes_what_a_comprehension_makes() -> None:
    @qk.qkernel
    def selected(w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
        index, q = qk.h(qk.qubit_array(2)), qk.qubit_array(2)
        turns: list[Callable[..., Any]] = [functools.partial(qk.ry, angle=w[k]) for k in range(3)]
        index, q = qk.select([*turns, lambda r: qk.pauli_evolve(r, qko.X(0) * qko.Z(1), w[0])])(index, q)
        return qk.probabilities(q)

    def expected(w: np.ndarray[Any, Any]) -> Any:
        found = np.zeros(4)
        for k in range(3):
            one = np.array([np.cos(w[k] / 2) ** 2, np.sin(w[k] / 2) ** 2])
            found += np.kron(one, one) / 4
        return found + np.array([np.cos(w[0]) ** 2, np.sin(w[0]) ** 2, 0, 0]) / 4

    w = np.array([0.3, 0.9, 1.7])
    assert np.allclose(selected.run(w), expected(w), atol=1e-14)
    slopes = selected.jacobian(w)["w"]
    step = 1e-6
    for k in range(3):
        shift = step * np.eye(3)[k]
        assert np.allclose(slopes[:, k], (expected(w + shift) - expected(w - shift)) / (2 * step), atol=1e-9)


def test_a_changed_function_around_a_kernel_is_read_again() -> None:
    angle = 0.5

    def turn(q: Any) -> Any:
        return qk.rx(qk.h(q), angle)

    @qk.qkernel
    def kernel(c: qk.Qubit, q: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
        return qk.control(turn)(c, q)

    before = kernel.unitary()
    angle = 1.5
    assert not np.allclose(kernel.unitary(), before)


@qk.qkernel
def signed(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    q[0] = qk.z(q[0])
    return q


@qk.qkernel
def prepared(q: qk.Vector[qk.Qubit], theta: qk.Float) -> qk.Vector[qk.Qubit]:
    return qk.ry(q, theta)


def made_by_a_factory(angle: Any) -> Any:
    @qk.qkernel
    def turn(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:  # this `theta` is not that of the kernel around it
        return qk.rz(qk.rx(q, angle), theta)

    return turn


def test_kernels_made_while_another_is_read_take_what_they_use_of_it() -> None:
    @qk.qkernel
    def kernel(c: qk.Qubit, q: qk.Vector[qk.Qubit], theta: qk.Float) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
        @qk.qkernel
        def inner(q: qk.Qubit) -> qk.Qubit:
            return qk.p(q, theta)

        q[0] = inner(made_by_a_factory(3 * theta)(q[0], 0.5))
        c, q[1] = qk.control(made_by_a_factory(theta))(c, q[1], 2 * theta)
        c, q[1] = qk.control(inner)(c, q[1])
        for operator in [grover_operator(lambda r: prepared(r, theta), signed)]:
            c, q = qk.control(operator, power=2)(c, operator(q))
        return c, grover_operator(functools.partial(prepared, theta=theta), signed)(q)

    @qk.qkernel
    def expected(c: qk.Qubit, q: qk.Vector[qk.Qubit], theta: qk.Float) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
        q[0] = qk.p(qk.rz(qk.rx(q[0], 3 * theta), 0.5), theta)
        c, q[1] = qk.crx(c, q[1], theta)
        c, q[1] = qk.crz(c, q[1], 2 * theta)
        c, q[1] = qk.cp(c, q[1], theta)
        for control in (False, True, True, False):
            steps = [signed, qk.inverse(prepared), reflection_about_zero, prepared]
            for step, angles in zip(steps, ((), (theta,), (), (theta,)), strict=True):
                if control:
                    c, q = qk.control(step)(c, q, *angles)
                else:
                    q = step(q, *angles)
        return c, q

    assert np.allclose(kernel.unitary(q=2, theta=0.7), expected.unitary(q=2, theta=0.7), atol=1e-14)
    assert qk.parse(str(kernel.ir)) == kernel.ir


def test_functions_of_a_kernel_stay_in_it() -> None:
    kept: list[Any] = []

    def keep(angle: Any) -> Any:
        kept.append(made_by_a_factory(angle))
        return kept[-1]

    @qk.qkernel
    def kernel(q: qk.Qubit, theta: qk.Float) -> qk.Qubit:
        return keep(theta)(q, 0.1)

    @qk.qkernel
    def other(q: qk.Qubit) -> qk.Qubit:
        return kept[0](q, 0.1)

    kernel.check()
    with pytest.raises(KernelTypeError, match="`turn` was written in `kernel`"):
        other.check()
