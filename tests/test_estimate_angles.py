"""Which constant angles are Clifford, which are T, and which must be synthesised."""

from __future__ import annotations

import math
from typing import Any

import pytest

import qkernel as qk
from qkernel.estimate.clifford_t import t_gates_per_rotation

MULTIPLES = [
    *(k * math.pi / 4 for k in range(-20, 21)),
    *(k * (math.pi / 4) for k in range(-20, 21)),
    *(math.pi * (k / 4) for k in (3, 7, 1001, 100_001)),
    *(sum([math.pi / 4] * k) for k in range(1, 5)),
    math.radians(135),
    math.acos(-1) / 2,
    2 * math.atan(1),
]
NEAR = [5e-10, -5e-10, 5e-324, 1e-15, math.sin(math.pi), math.pi / 2 + 5e-10, math.pi / 4 - 1e-12, math.pi + 1e-14, 1e16]


def rotated(angle: float) -> Any:
    @qk.qkernel
    def rotated() -> qk.Bit:
        q, r = qk.qubit(), qk.qubit()
        q = qk.rz(q, angle)
        q, r = qk.rxx(q, r, angle)
        qk.measure(r)
        return qk.measure(q)

    return rotated


@pytest.mark.parametrize("angle", MULTIPLES)
def test_a_multiple_stays_one_however_it_is_written(angle: float) -> None:
    gates = rotated(angle).estimate_resources().gates
    odd = round(4 * angle / math.pi) % 2
    assert (gates.clifford_gates, gates.t_gates, gates.rotation_gates) == (2 * (1 - odd), 2 * odd, 0)


@pytest.mark.parametrize("angle", NEAR)
@pytest.mark.parametrize("precision", [1e-3, 1e-10, 1e-15])
def test_what_is_no_multiple_is_synthesised(angle: float, precision: float) -> None:
    kernel = rotated(angle)
    assert kernel.estimate_resources().gates.rotation_gates == 2
    found = kernel.estimate_resources(basis="clifford_t", precision=precision)
    assert found.gates.t_gates == 2 * t_gates_per_rotation(precision)


@pytest.mark.parametrize("angle", [0.0, -0.0, 0])
def test_only_zero_itself_turns_nothing(angle: float) -> None:
    found = rotated(angle).estimate_resources(basis="clifford_t")
    assert (found.gates.t_gates, found.gates.rotation_gates) == (0, 0)


def test_the_t_depth_sees_the_same_angles() -> None:
    assert rotated(3 * math.pi / 4).estimate_resources().t_depth == 2
    assert rotated(3 * math.pi / 4 + 1e-12).estimate_resources().t_depth == 0
