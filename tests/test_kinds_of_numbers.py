"""Whatever kind of number an angle is, the kernel that it stands in is the one with Python's own float."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import KernelTypeError, NotFiniteError


class Turns(enum.IntEnum):
    HALF = 3


class Degrees(float):
    pass


ONE = [
    np.sqrt(2.0), np.float32(0.5), np.float16(0.5), np.longdouble(0.5), np.int64(2), np.uint8(3), np.array(0.5), np.array(2),
    np.array([0.1, 0.2]).sum(), torch.tensor(0.5), torch.tensor(0.25, dtype=torch.bfloat16), torch.tensor(2), Turns.HALF,
    Degrees(0.5), 0.5, 2,
]  # fmt: skip
MANY = [
    np.array([0.1, 0.2]), np.array([0.5, 0.25], np.float32), np.array([1, 2]), [np.float64(0.1), np.float32(0.5)], [0.1, 2],
    np.arange(4.0)[::2], np.ones((2, 2))[0], np.array([[0.1, 0.2], [0.3, 0.4]]).T[0], torch.tensor([0.5, 0.25]),
    [torch.tensor(0.5), np.array(0.25)], np.array([0.5, 1], dtype=object), np.array([0.5, 0.25], np.longdouble),
]  # fmt: skip


def kernels(angle: Any) -> list[Any]:
    """Kernels that turn the qubits of a register by one captured angle, or by one each."""

    @qk.qkernel
    def register() -> qk.Float:
        return qk.expval(qk.rx(qk.qubit_array(2), angle), qko.Z(0) + qko.Z(1))

    @qk.qkernel
    def view() -> qk.Float:
        q = qk.qubit_array(4)
        q[::2] = qk.ry(q[::2], angle)
        return qk.expval(q, qko.Z(0) + qko.Z(2))

    @qk.qkernel
    def symbolic(n: qk.UInt) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit_array(n), angle), qko.Z(0) + qko.Z(1))

    @qk.qkernel
    def controlled() -> qk.Float:
        control, targets = qk.x(qk.qubit()), qk.qubit_array(2)
        control, targets = qk.control(qk.rx)(control, targets, angle)
        return qk.expval(targets, qko.Z(0) + qko.Z(1))

    return [register, view, controlled, symbolic]


def sizes(kernel: Any) -> dict[str, int]:
    return {"n": 2} if kernel.name == "symbolic" else {}


def plain(value: Any) -> list[float]:
    return [float(entry) for entry in value] if np.ndim(value) else [float(value)] * 2


@pytest.mark.parametrize("angle", [*ONE, *MANY], ids=repr)
def test_every_kind_of_number_is_an_angle(angle: Any) -> None:
    given = plain(angle)
    for kernel, same in zip(kernels(angle), kernels(given if np.ndim(angle) else given[0]), strict=True):
        assert kernel.ir == same.ir
        assert str(kernel.ir) == str(same.ir)
        assert kernel.run(**sizes(kernel)) == pytest.approx(np.cos(given).sum(), abs=1e-12)


@pytest.mark.parametrize("angle", [*ONE, *MANY], ids=repr)
@pytest.mark.parametrize("output", ["text", "svg", "html", "mpl"])
def test_every_output_draws_it(angle: Any, output: str) -> None:
    for kernel, same in zip(kernels(angle), kernels(plain(angle)), strict=True):
        for options in ({}, {"fold_loops": False}, {"lowered": True}):
            drawn, expected = (one.draw(output=output, **options, **sizes(one)) for one in (kernel, same))
            assert output == "mpl" or without_lines(drawn) == without_lines(expected)


def without_lines(drawn: str) -> list[str]:
    """A drawing without the names of the file's lines, in which two kernels of one text differ."""
    return [part for part in drawn.replace("(", " ").split() if "test_kinds_of_numbers" not in part]


@pytest.mark.parametrize("value", [np.float64(0.5), np.float32(0.5), np.array(0.5), torch.tensor(0.5)], ids=repr)
def test_values_of_arguments_may_be_any_kind(value: Any) -> None:
    @qk.qkernel
    def kernel(theta: qk.Float, weights: qk.Vector[qk.Float]) -> qk.Float:
        q = qk.rx(qk.qubit_array(2), theta)
        q = qk.ry(q, np.float64(2.0) * theta)
        q = qk.rz(q, weights)
        return qk.expval(qk.rx(q, weights[0] * np.sqrt(2.0)), qko.Z(0))

    same = kernel.draw(output="text", theta=0.5, weights=[0.5, 0.5], width=100)
    assert kernel.draw(output="text", theta=value, weights=[value, value], width=100) == same
    assert kernel.draw(output="text", theta=value, weights=np.array([0.5, 0.5]), width=100) == same


def test_a_tensor_that_requires_grad_is_refused() -> None:
    trained = torch.nn.Parameter(torch.tensor(0.5))
    for kernel in kernels(trained):
        with pytest.raises(KernelTypeError, match="requires grad"):
            kernel.check()


@pytest.mark.parametrize("number", [10**400, -(2**1024)])
def test_whole_numbers_beyond_floats_are_refused(number: int) -> None:
    @qk.qkernel
    def turned(a: qk.Float) -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), a), qko.Z(0))

    @qk.qkernel
    def angle() -> qk.Float:
        return qk.expval(qk.rx(qk.qubit(), number), qko.Z(0))

    @qk.qkernel
    def angles() -> qk.Float:
        return qk.expval(qk.rx(qk.qubit_array(2), [number, 1]), qko.Z(0))

    @qk.qkernel
    def argument() -> qk.Float:
        return turned(number)

    @qk.qkernel
    def result() -> qk.Float:
        return number

    for kernel in (angle, angles, argument, result):
        with pytest.raises(NotFiniteError, match="is too large for a Float"):
            kernel.check()


def test_rows_of_whole_numbers_beside_others_are_floats() -> None:
    @qk.qkernel
    def turn(q: qk.Qubit, angles: qk.Matrix[qk.Float]) -> qk.Qubit:
        return qk.rx(q, angles[0, 1])

    @qk.qkernel
    def kernel() -> qk.Float:
        return qk.expval(turn(qk.qubit(), [[1, 2], [0.5, 1]]), qko.Z(0))

    assert "[[1.0, 2.0], [0.5, 1.0]]" in str(kernel.ir)
    assert qk.parse(str(kernel.ir)) == kernel.ir
    assert kernel.run() == pytest.approx(np.cos(2))
