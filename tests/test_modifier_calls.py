"""Controls by symbolic views, and modifiers of multiplexers and oracles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import qkernel as qk
from qkernel.errors import CallArgumentError, QKernelError


def _first(q: Any, n: Any) -> Any:
    q[: n - 1], q[n - 1] = qk.control(qk.z, num_controls=n - 1)(q[: n - 1], q[n - 1])
    return q


def _but_last(q: Any, n: Any) -> Any:
    q[:-1], q[n - 1] = qk.control(qk.z, num_controls=len(q) - 1)(q[:-1], q[n - 1])
    return q


def _but_first(q: Any, n: Any) -> Any:
    q[1:], q[0] = qk.control(qk.z, num_controls=n - 1)(q[1:], q[0])
    return q


def _in_parts(q: Any, n: Any) -> Any:
    q[0], q[1:-1], q[n - 1] = qk.control(qk.z, num_controls=n - 1)(q[0], q[1:-1], q[n - 1])
    return q


def _nested(q: Any, n: Any) -> Any:
    q[0], q[1:-1], q[n - 1] = qk.control(qk.control(qk.z, num_controls=n - 2))(q[0], q[1:-1], q[n - 1])
    return q


@pytest.mark.parametrize("flip", [_first, _but_last, _but_first, _in_parts, _nested])
def test_all_but_one_qubit_control_the_last(flip: Callable[[Any, Any], Any]) -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Float]:
        q = qk.h(qk.qubit_array(n))
        q = flip(q, n)
        return qk.probabilities(qk.h(q))

    state = np.ones(8)
    state[7] = -1  # the phase of 111, and a Hadamard transform of all qubits
    signs = np.array([[(-1) ** (row & column).bit_count() for column in range(8)] for row in range(8)])
    assert kernel(3) == pytest.approx((signs @ state / 8) ** 2)
    assert kernel.estimate_resources(bindings={"n": 3}).gates.total == 7
    assert "q" in kernel.draw(output="text")


def test_the_register_beside_the_target_may_be_as_long_as_the_controls() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Float]:
        q = qk.x(qk.qubit_array(n + 1))
        q[:n], q[n] = qk.control(qk.x, num_controls=n)(q[:n], q[n])
        return qk.probabilities(q)

    assert kernel(2).tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


def test_a_width_that_only_values_tell_is_checked_at_lowering() -> None:
    @qk.qkernel
    def kernel(n: qk.UInt, m: qk.UInt) -> qk.Vector[qk.Float]:
        q = qk.x(qk.qubit_array(n))
        q[:m], q[n - 1] = qk.control(qk.x, num_controls=n - 1)(q[:m], q[n - 1])
        return qk.probabilities(q)

    assert kernel(3, 2)[3] == pytest.approx(1)
    with pytest.raises(QKernelError, match="control"):
        kernel(3, 1)


@qk.qkernel
def _plain(a: qk.Float, power: qk.UInt) -> qk.Vector[qk.Float]:
    q = qk.h(qk.qubit_array(4))
    for _ in qk.range(power):
        q[0], q[1], q[2] = qk.control(qk.rx, 2, 1)(q[0], q[1], q[2], a)
        q[0], q[1], q[2] = qk.control(qk.ry, 2, 3)(q[0], q[1], q[2], a)
    q[2] = qk.t(q[2])
    q[3], q[0], q[2] = qk.control(qk.inverse(qk.rx), 2, 1)(q[3], q[0], q[2], a)
    q[3], q[0], q[2] = qk.control(qk.inverse(qk.ry), 2, 3)(q[3], q[0], q[2], a)
    return qk.probabilities(qk.h(q))


@qk.qkernel
def _modified(a: qk.Float, power: qk.UInt) -> qk.Vector[qk.Float]:
    q = qk.h(qk.qubit_array(4))
    multiplexer = qk.select([qk.rx, qk.ry])
    q[0], q[1], q[2] = qk.control(multiplexer, power=power)(q[0], q[1], q[2], a)
    q[2] = qk.t(q[2])
    q[3], q[0], q[2] = qk.control(qk.inverse(multiplexer))(q[3], q[0], q[2], a)
    return qk.probabilities(qk.h(q))


def test_control_inverse_and_power_of_a_multiplexer() -> None:
    # the first control is the least significant one: 1 means control 1, index 0
    assert _modified(0.7, 2) == pytest.approx(_plain(0.7, 2))
    assert _modified(0.7, 2) != pytest.approx(_plain(0.7, 1))


def test_a_multiplexer_of_multiplexers() -> None:
    @qk.qkernel
    def kernel(index: qk.UInt) -> qk.Vector[qk.Float]:
        q = qk.qubit_array(3)
        for k in qk.range(2):
            if index // 2**k % 2 == 1:
                q[k] = qk.x(q[k])
        inner = qk.select([qk.id, qk.x])
        q[0], q[1], q[2] = qk.select([inner, qk.control(qk.x, 1, 0)])(q[0], q[1], q[2])
        return qk.probabilities(q[2])

    assert [round(kernel(index)[1]) for index in range(4)] == [0, 1, 1, 0]


def test_controlled_and_inverted_oracles_are_counted_and_drawn() -> None:
    marks = qk.Oracle("marks", 2)

    @qk.qkernel
    def kernel(n: qk.UInt) -> qk.Vector[qk.Qubit]:
        q = qk.qubit_array(n)
        r = qk.qubit_array(2)
        q[0], r[0], r[1] = qk.control(marks)(q[0], r[0], r[1])
        q, r = qk.control(marks, num_controls=n)(q, r)
        r = qk.inverse(marks)(r)
        q[0], r = qk.inverse(qk.control(marks, power=3))(q[0], r)
        return q

    estimate = kernel.estimate_resources()
    assert estimate.calls.oracle_calls == {"marks": 6}
    assert "marks†^3" in kernel.draw(output="text", n=2)


def test_a_controlled_oracle_needs_its_qubits() -> None:
    marks = qk.Oracle("marks", 2)

    @qk.qkernel
    def kernel(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        q[0], q[1] = qk.control(marks)(q[0], q[1])
        return q

    with pytest.raises(CallArgumentError, match="1 control qubit is needed"):
        kernel.check()
