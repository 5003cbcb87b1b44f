"""Vectors are passed by value: a kernel that changes elements of one returns it, or its caller cannot read the old one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import UnsupportedPythonError
from qkernel.ir.expressions import Const, Expr, Pack
from qkernel.ir.types import Type

Program = qk.Kernel[..., Any]


@qk.struct
class Pulse:
    shape: qk.Vector[qk.Float]
    detuning: qk.Float


@qk.qkernel
def assigns(z: qk.Qubit, v: qk.Vector[qk.Float]) -> qk.Qubit:
    v[0] = 5.0
    return qk.ry(z, v[0])


@qk.qkernel
def assigns_in_a_loop(z: qk.Qubit, v: qk.Vector[qk.Float]) -> qk.Qubit:
    for i in qk.range(v.shape[0]):
        v[i] = 2 * v[i]
    return qk.ry(z, v[0])


@qk.qkernel
def assigns_in_a_branch(z: qk.Qubit, v: qk.Vector[qk.Float], flip: qk.Bit = True) -> qk.Qubit:
    if flip:
        v[0] = 5.0
    return qk.ry(z, v[0])


@qk.qkernel
def assigns_under_another_name(z: qk.Qubit, v: qk.Vector[qk.Float]) -> qk.Qubit:
    w = v
    w[0] = 5.0
    return qk.ry(z, w[0])


@qk.qkernel
def assigns_two_calls_down(z: qk.Qubit, v: qk.Vector[qk.Float]) -> qk.Qubit:
    return assigns(z, v)


def in_python(z: Any, v: Any) -> Any:
    v[0] = 5.0
    return qk.ry(z, v[0])


@qk.qkernel
def assigns_in_python(z: qk.Qubit, v: qk.Vector[qk.Float]) -> qk.Qubit:
    return in_python(z, v)


@qk.qkernel
def assigns_to_a_field(z: qk.Qubit, pulse: Pulse) -> qk.Qubit:
    shape = pulse.shape
    shape[0] = pulse.detuning
    return qk.ry(z, shape[0])


@qk.qkernel
def assigns_to_a_row(z: qk.Qubit, m: qk.Matrix[qk.Float]) -> qk.Qubit:
    row = m[0]
    row[0] = 5.0
    return qk.ry(z, row[0])


@qk.qkernel
def assigns_and_returns(z: qk.Qubit, v: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Vector[qk.Float]]:
    v[0] = 5.0
    return qk.ry(z, v[0]), v


@qk.qkernel
def assigns_and_returns_in_a_loop(z: qk.Qubit, v: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Vector[qk.Float]]:
    w = v
    for i in qk.range(w.shape[0]):
        w[i] = 2 * w[i]
    return qk.ry(z, w[0]), w


@qk.qkernel
def changes_a_copy(z: qk.Qubit, v: qk.Vector[qk.Float]) -> qk.Qubit:
    v = v[:]
    v[0] = 5.0
    return qk.ry(z, v[0])


CHANGING = [
    assigns,
    assigns_in_a_loop,
    assigns_in_a_branch,
    assigns_under_another_name,
    assigns_two_calls_down,
    assigns_in_python,
]


def named(kernel: Any) -> str:
    return str(kernel.name)


@pytest.mark.parametrize("callee", CHANGING, ids=named)
def test_the_old_vector_cannot_be_read(callee: Program) -> None:
    @qk.qkernel
    def reads(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z = callee(qk.qubit(), x)
        return x[0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def reads_another_name(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        y = [x, 0.5]
        z = callee(qk.qubit(), x)
        return y[0][0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def gives_again(x: qk.Vector[qk.Float]) -> qk.Float:
        z = callee(qk.qubit(), x)
        return qk.expval(callee(z, x), qko.Z(0))

    @qk.qkernel
    def repeats(x: qk.Vector[qk.Float], n: qk.UInt) -> qk.Float:
        z = qk.qubit()
        for _ in qk.range(n):
            z = callee(z, x)
        return qk.expval(z, qko.Z(0))

    @qk.qkernel
    def on_one_side(x: qk.Vector[qk.Float], flip: qk.Bit) -> tuple[qk.Float, qk.Float]:
        z = qk.qubit()
        if flip:
            z = callee(z, x)
        return x[0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def controlled(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        _, z = qk.control(callee)(qk.qubit(), qk.qubit(), x)
        return x[0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def in_a_list(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        own = [0.1, x[0]]
        z = callee(qk.qubit(), own)
        return own[0], qk.expval(z, qko.Z(0))

    outside = np.array([0.1])

    @qk.qkernel
    def from_outside() -> tuple[qk.Float, qk.Float]:
        z = callee(qk.qubit(), outside)
        return outside[0], qk.expval(z, qko.Z(0))

    for kernel in (reads, reads_another_name, gives_again, repeats, on_one_side, controlled, in_a_list, from_outside):
        with pytest.raises(UnsupportedPythonError, match=f"was given to `{callee.name}`") as caught:
            kernel.check()
        assert f"let `{callee.name}` return it" in str(caught.value)


@pytest.mark.parametrize("callee", CHANGING, ids=named)
def test_a_vector_that_nobody_reads_again_may_be_given(callee: Program) -> None:
    @qk.qkernel
    def kernel(x: qk.Vector[qk.Float]) -> qk.Float:
        first = x[0]
        z = callee(qk.qubit(), x)
        return first + qk.expval(z, qko.Z(0))

    turned = 2 * 0.3 if callee is assigns_in_a_loop else 5.0
    assert kernel.run(x=[0.3]) == pytest.approx(0.3 + math.cos(turned))


@pytest.mark.parametrize("callee", CHANGING, ids=named)
def test_slices_are_copies(callee: Program) -> None:
    @qk.qkernel
    def kernel(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z = callee(qk.qubit(), x[1:])
        return x[1], qk.expval(z, qko.Z(0))

    turned = 2 * 0.3 if callee is assigns_in_a_loop else 5.0
    assert kernel.run(x=[0.1, 0.3]) == pytest.approx((0.3, math.cos(turned)))


def test_records_and_matrices_too() -> None:
    @qk.qkernel
    def reads_the_record(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        pulse = Pulse(x, 0.5)
        z = assigns_to_a_field(qk.qubit(), pulse)
        return pulse.shape[0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def reads_the_vector(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z = assigns_to_a_field(qk.qubit(), Pulse(x, 0.5))
        return x[0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def reads_the_matrix(m: qk.Matrix[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z = assigns_to_a_row(qk.qubit(), m)
        return m[0, 0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def reads_the_row(m: qk.Matrix[qk.Float]) -> tuple[qk.Float, qk.Float]:
        row = m[0]
        z = assigns_to_a_row(qk.qubit(), m)
        return row[0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def gives_a_row(m: qk.Matrix[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z = assigns(qk.qubit(), m[0])
        return m[0, 0], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def gives_a_matrix_of_a_tensor(t: qk.Tensor[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z = assigns_to_a_row(qk.qubit(), t[0])
        return t[0, 0, 0], qk.expval(z, qko.Z(0))

    for kernel in (
        reads_the_record,
        reads_the_vector,
        reads_the_matrix,
        reads_the_row,
        gives_a_row,
        gives_a_matrix_of_a_tensor,
    ):
        with pytest.raises(UnsupportedPythonError, match="was given to `assigns"):
            kernel.check()


def test_rows_of_a_matrix_are_the_matrix() -> None:
    @qk.qkernel
    def reads_the_matrix(m: qk.Matrix[qk.Float]) -> tuple[qk.Float, qk.Float]:
        row = m[0]
        row[0] = 5.0
        return m[0, 0], row[0]

    @qk.qkernel
    def reads_the_row_again(m: qk.Matrix[qk.Float], k: qk.UInt) -> tuple[qk.Float, qk.Float]:
        row, same = m[0], m[k]
        row[0] = 5.0
        return same[0], row[0]

    @qk.qkernel
    def changes_a_copy_of_one(m: qk.Matrix[qk.Float]) -> tuple[qk.Float, qk.Float]:
        row, other = m[0][:], m[0]
        row[0] = 5.0
        return other[0], row[0]

    @qk.qkernel
    def reads_another_row(m: qk.Matrix[qk.Float]) -> tuple[qk.Float, qk.Float]:
        row, other = m[0], m[1]
        row[0] = 5.0
        return other[0], row[0]

    for kernel in (reads_the_matrix, reads_the_row_again):
        with pytest.raises(UnsupportedPythonError, match="shares a row that was changed"):
            kernel.check()
    assert changes_a_copy_of_one.run(m=[[0.1]]) == (0.1, 5.0)
    assert reads_another_row.run(m=[[0.1], [0.2]]) == (0.2, 5.0)


@pytest.mark.parametrize("callee", [assigns_and_returns, assigns_and_returns_in_a_loop], ids=named)
def test_a_vector_that_comes_back_is_a_new_one(callee: Callable[..., Any]) -> None:
    @qk.qkernel
    def under_its_name(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z, x = callee(qk.qubit(), x)
        return x[0] + 10 * x[1], qk.expval(z, qko.Z(0))

    @qk.qkernel
    def beside_the_old(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float, qk.Float]:
        z, y = callee(qk.qubit(), x)
        return x[0] + 10 * x[1], y[0] + 10 * y[1], qk.expval(z, qko.Z(0))

    first, second = (5.0, 0.4) if callee is assigns_and_returns else (0.6, 0.8)
    new = first + 10 * second, math.cos(first)
    assert under_its_name.run(x=[0.3, 0.4]) == pytest.approx(new)
    assert beside_the_old.run(x=[0.3, 0.4]) == pytest.approx((0.3 + 10 * 0.4, *new))


def test_a_copy_may_be_changed() -> None:
    @qk.qkernel
    def kernel(x: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
        z = changes_a_copy(qk.qubit(), x)
        return x[0], qk.expval(z, qko.Z(0))

    assert kernel.run(x=[0.3]) == pytest.approx((0.3, math.cos(5.0)))


def test_a_recursion_returns_what_it_changes() -> None:
    @qk.qkernel
    def descends(z: qk.Qubit, v: qk.Vector[qk.Float], n: qk.UInt) -> qk.Qubit:
        if n > 0:
            v[0] = 5.0
            z = descends(z, v, n - 1)
        return z

    with pytest.raises(UnsupportedPythonError, match="must return the vector `v`"):
        descends.check()


@qk.qkernel
def written() -> qk.Vector[qk.Bit]:
    bits = qk.bit_array(20)
    for i in [*range(20)]:
        bits[i] = qk.bit(1)
        if i:
            bits[i - 1] = bits[i]
    return bits


def test_elements_assigned_one_by_one_make_no_vectors_between(monkeypatch: pytest.MonkeyPatch) -> None:
    make, lengths = Pack.__new__, []

    def counted(cls: type[Pack], items: tuple[Expr, ...], type: Type) -> Pack:
        lengths.append(len(items))
        return make(cls, items, type)

    monkeypatch.setattr(Pack, "__new__", counted)
    (returned,) = written.ir.entry.returns
    assert returned.items == 20 * (Const(True),)
    assert lengths.count(20) == 2  # `bit_array(20)`, and what is returned
