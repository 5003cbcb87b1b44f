"""`num_controls` as the length of the very views that are the controls, with stops that Python clamps."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk
from qkernel.errors import CallArgumentError, KernelTypeError, SizeError


@qk.qkernel
def until(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.qubit_array(m), qk.qubit()
    q[: k // 2 + 1] = qk.x(q[: k // 2 + 1])
    v = q[: k // 2 + 1]
    v, x = qk.control(qk.x, num_controls=len(v))(v, x)
    q[: k // 2 + 1] = v
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def by_shape(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.qubit_array(m), qk.qubit()
    q[:k] = qk.x(q[:k])
    v = q[:k]
    v, x = qk.control(qk.x, num_controls=v.shape[0])(v, x)
    q[:k] = v
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def without_a_name(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.qubit_array(m), qk.qubit()
    q[:k] = qk.x(q[:k])
    q[:k], x = qk.control(qk.x, num_controls=len(q[:k]))(q[:k], x)
    q[:k], x = qk.control(qk.x, num_controls=q[:k].shape[0])(q[:k], x)
    q[:k], x = qk.control(qk.x, num_controls=min(len(q), k))(q[:k], x)
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def between(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.qubit_array(m), qk.qubit()
    q[k // 2 : k + 1] = qk.x(q[k // 2 : k + 1])
    v = q[k // 2 : k + 1]
    v, x = qk.control(qk.x, num_controls=len(v))(v, x)
    q[k // 2 : k + 1] = v
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def with_a_step(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x, y = qk.qubit_array(m), qk.qubit(), qk.x(qk.qubit())
    q[:k:2] = qk.x(q[:k:2])
    v = q[:k:2]
    v, y, x = qk.control(qk.x, num_controls=1 + len(v))(v, y, x)
    q[:k:2] = v
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def two_views(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.x(qk.qubit_array(m)), qk.qubit()
    v, w = q[:k], q[k:]
    w, v, x = qk.control(qk.x, num_controls=v.shape[0] + w.shape[0])(w, v, x)
    v, w, x = qk.control(qk.control(qk.x, num_controls=len(w)), num_controls=len(v))(v, w, x)
    v, w, x = qk.control(qk.x, num_controls=len(v) + len(w), control_value=2 ** len(q) - 1)(v, w, x)
    q[:k], q[k:] = v, w
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def view_of_a_view(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.qubit_array(m), qk.qubit()
    v = q[:k]
    u = v[: k - 1]
    u = qk.x(u)
    u, x = qk.control(qk.x, num_controls=len(u))(u, x)
    v[: k - 1] = u
    q[:k] = v
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def flip(v: qk.Vector[qk.Qubit], x: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    return qk.control(qk.x, num_controls=len(v))(v, x)


@qk.qkernel
def in_a_kernel(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.qubit_array(m), qk.qubit()
    q[:k] = qk.x(q[:k])
    v = q[:k]
    v, x = flip(v, x)
    q[:k] = v
    return qk.measure(q), qk.measure(x)


@qk.qkernel
def in_a_loop(m: qk.UInt, k: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Bit]:
    q, x = qk.x(qk.qubit_array(m)), qk.qubit()
    for i in qk.range(k):
        v = q[: i + 1]
        v, x = qk.control(qk.x, num_controls=len(v))(v, x)
        q[: i + 1] = v
    return qk.measure(q), qk.measure(x)


def ones(m: int, part: slice) -> tuple[int, ...]:
    return tuple(int(place in range(m)[part]) for place in range(m))


EXPECTED: dict[qk.Kernel[..., Any], Any] = {
    until: lambda m, k: (ones(m, slice(k // 2 + 1)), 1),
    by_shape: lambda m, k: (ones(m, slice(k)), 1),
    without_a_name: lambda m, k: (ones(m, slice(k)), 3 % 2),
    between: lambda m, k: (ones(m, slice(k // 2, k + 1)), 1),
    with_a_step: lambda m, k: (ones(m, slice(None, k, 2)), 1),
    two_views: lambda m, k: (ones(m, slice(None)), 3 % 2),
    view_of_a_view: lambda m, k: (ones(m, slice(min(k, m))) if k - 1 > m else ones(m, slice(k - 1)), 1),
    in_a_kernel: lambda m, k: (ones(m, slice(k)), 1),
    in_a_loop: lambda m, k: (ones(m, slice(None)), k % 2),
}


@pytest.mark.parametrize("kernel", EXPECTED, ids=lambda kernel: str(kernel.name))
@pytest.mark.parametrize(("m", "k"), [(3, 2), (3, 3), (3, 5), (1, 1), (4, 1)])
def test_the_length_of_a_view_is_its_number_of_controls(kernel: qk.Kernel[..., Any], m: int, k: int) -> None:
    assert kernel.run(m=m, k=k) == EXPECTED[kernel](m, k)
    assert kernel.estimate_resources(m=m, k=k).gates.total == kernel.estimate_resources().substitute(m=m, k=k).gates.total


@pytest.mark.parametrize("kernel", EXPECTED, ids=lambda kernel: str(kernel.name))
def test_such_a_kernel_is_sound_ir(kernel: qk.Kernel[..., Any]) -> None:
    kernel.check()
    assert qk.parse(str(kernel.ir)) == kernel.ir
    assert kernel.draw(output="text")


@qk.qkernel
def one_too_many(m: qk.UInt, k: qk.UInt) -> qk.Bit:
    q, x = qk.qubit_array(m), qk.qubit()
    v = q[: k // 2 + 1]
    v, x = qk.control(qk.x, num_controls=len(v) + 1)(v, x)
    q[: k // 2 + 1] = v
    return qk.measure(x)


@qk.qkernel
def another_number(m: qk.UInt, k: qk.UInt) -> qk.Bit:
    q, x = qk.qubit_array(m), qk.qubit()
    q[:k], x = qk.control(qk.x, num_controls=m)(q[:k], x)
    return qk.measure(x)


def test_messages_show_no_check_of_ours() -> None:
    with pytest.raises(CallArgumentError) as caught:
        one_too_many.check()
    assert caught.value.title == "min(k // 2 + 1, m) + 1 control qubits are needed, but min(k // 2 + 1, m) are given"


def test_another_number_is_checked_where_lengths_are_known() -> None:
    assert another_number.run(m=2, k=5) == 0
    with pytest.raises(SizeError, match="the number of control qubits is 1, not 2"):
        another_number.run(m=2, k=1)


def test_one_qubit_has_no_length() -> None:
    @qk.qkernel
    def kernel() -> qk.Bit:
        q = qk.qubit_array(2)
        n = len(q[0])
        return qk.measure(q)[n]

    with pytest.raises(KernelTypeError, match="neither elements nor a length"):
        kernel.check()
