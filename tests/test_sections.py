"""Slices of matrices and tensors as vectors, and assignments to slices of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel import Kernel
from qkernel.errors import KernelTypeError, SizeError, UnsupportedPythonError


@qk.qkernel
def of_a_matrix(n: qk.UInt, w: qk.Matrix[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(n), w[:, 1])
    q = qk.rx(q, w[1:, 0][: n - 1][0])
    q = qk.ry(q, w[n - 1, :])
    return qk.expval(q, qko.Z(0) + qko.X(1))


@qk.qkernel
def of_a_matrix_by_elements(n: qk.UInt, w: qk.Matrix[qk.Float]) -> qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.ry(q[i], w[i, 1])
    q = qk.rx(q, w[1, 0])
    for i in qk.range(n):
        q[i] = qk.ry(q[i], w[n - 1, i])
    return qk.expval(q, qko.Z(0) + qko.X(1))


@qk.qkernel
def of_a_tensor(k: qk.UInt, w: qk.Tensor[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(2), w[k, :, 0])
    q = qk.rx(q, w[k, 1])
    q = qk.ry(q, w[:, k, 1])
    rows = w[k, :, :]
    q[1:] = qk.rx(q[1:], rows[0][1:])
    return qk.expval(q, qko.Z(0) + qko.X(1))


@qk.qkernel
def of_a_tensor_by_elements(k: qk.UInt, w: qk.Tensor[qk.Float]) -> qk.Float:
    q = qk.qubit_array(2)
    for i in qk.range(2):
        q[i] = qk.ry(q[i], w[k, i, 0])
        q[i] = qk.rx(q[i], w[k, 1, i])
        q[i] = qk.ry(q[i], w[i, k, 1])
    q[1] = qk.rx(q[1], w[k, 0, 1])
    return qk.expval(q, qko.Z(0) + qko.X(1))


@pytest.mark.parametrize(
    ("kernel", "written", "values"),
    [
        (of_a_matrix, of_a_matrix_by_elements, {"n": 2, "w": np.arange(4.0).reshape(2, 2) / 3}),
        (of_a_tensor, of_a_tensor_by_elements, {"k": 1, "w": np.arange(8.0).reshape(2, 2, 2) / 5}),
    ],
    ids=["matrix", "tensor"],
)
def test_as_their_elements(kernel: Kernel[..., Any], written: Kernel[..., Any], values: dict[str, Any]) -> None:
    for engine in ("native", "qiskit"):
        assert kernel.run(**values, engine=engine) == pytest.approx(written.run(**values), abs=1e-10)
    assert kernel.grad(**values, wrt=["w"])["w"] == pytest.approx(written.grad(**values, wrt=["w"])["w"], abs=1e-10)
    assert qk.parse(str(kernel.ir)) == kernel.ir
    assert kernel.draw(output="text")
    kernel.verify_resources(**values)


@qk.qkernel
def assigned(n: qk.UInt, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    v = qk.float_array(2 * n)
    v[n:] = w
    v[:n] = v[n:]
    v[1:3] = [0.5, v[0]]
    v[::2] = w
    return v


@pytest.mark.parametrize("n", [2, 3])
def test_assigned_slices_are_those_of_python(n: int) -> None:
    w = [0.1 * (k + 1) for k in range(n)]
    v = [0.0] * (2 * n)
    v[n:] = w
    v[:n] = v[n:]
    v[1:3] = [0.5, v[0]]
    v[::2] = w
    assert assigned(n, w) == pytest.approx(v)
    assert qk.parse(str(assigned.ir)) == assigned.ir
    with pytest.raises(SizeError, match=f"{n + 1} elements for a slice of {n}"):
        assigned(n, [*w, 1.0])
    with pytest.raises(SizeError, match=f"{n - 1} elements? for a slice of {n}"):
        assigned(n, w[1:])


def test_of_known_length_no_loop_is_made() -> None:
    @qk.qkernel
    def known(x: qk.Float) -> qk.Vector[qk.Float]:
        v = qk.float_array(4)
        v[1:3] = [x, 2 * x]
        return v

    assert "for" not in str(known.ir)
    assert known(0.5) == pytest.approx([0.0, 0.5, 1.0, 0.0])


def test_what_is_no_vector() -> None:
    @qk.qkernel
    def matrix(w: qk.Tensor[qk.Float]) -> qk.Float:
        return w[:, 0][0, 0]

    @qk.qkernel
    def longer() -> qk.Vector[qk.Float]:
        v = qk.float_array(4)
        v[1:3] = [0.1, 0.2, 0.3]
        return v

    with pytest.raises(UnsupportedPythonError, match="is a vector, and this is more"):
        matrix.check()
    with pytest.raises(KernelTypeError, match=r"`v\[1:3\]` has 2 elements, and 3 are assigned"):
        longer.check()


def test_arrays_that_a_loop_fills_are_counted_exactly() -> None:
    @qk.qkernel
    def filled(n: qk.UInt, x: qk.Float) -> qk.Vector[qk.Qubit]:
        v = qk.float_array(n)
        for i in qk.range(n):
            v[i] = x * i
        return qk.rx(qk.qubit_array(n), v)

    found = filled.estimate_resources()
    assert (str(found.gates.total), found.quality["total"].value) == ("n", "exact")
