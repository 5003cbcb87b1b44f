"""Examples of error correction: states that come through errors as they were."""

from __future__ import annotations

import math
from typing import Any

import qkernel as qk
from qkernel_stdlib.error_correction import (
    STEANE_CHECKS,
    correct_by_table,
    lookup_decoder,
    measure_checks,
    repetition_correct,
    repetition_encode,
    repetition_syndrome,
    steane_encode,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import column, permutation

STEANE_TABLE = lookup_decoder(STEANE_CHECKS, 7)


@qk.qkernel
def repeated(n: qk.UInt, flips: qk.Vector[qk.Bit], angle: qk.Float) -> qk.Float:
    """The probability of 1 in a qubit that was sent as n."""
    data = qk.qubit_array(n)
    data[0] = qk.ry(data[0], angle)
    data = repetition_encode(data)
    for i in qk.range(n):
        if flips[i]:
            data[i] = qk.x(data[i])
    data, syndrome = repetition_syndrome(data)
    data = qk.inverse(repetition_encode)(repetition_correct(data, syndrome))
    chance: qk.Float = qk.probabilities(data)[1]
    return chance


@qk.qkernel
def failed_checks(flips: qk.Vector[qk.Bit]) -> qk.Vector[qk.Bit]:
    """The checks of a repetition code that fail."""
    data = qk.qubit_array(flips.shape[0])
    for i in qk.range(flips.shape[0]):
        if flips[i]:
            data[i] = qk.x(data[i])
    _, syndrome = repetition_syndrome(data)
    return syndrome


@qk.qkernel
def restored(angle: qk.Float, flipped: qk.UInt) -> qk.Float:
    """The probability of 1 in a qubit that was sent in Steane's code, one qubit flipped."""
    data = qk.qubit_array(7)
    data[2] = qk.ry(data[2], angle)
    data = steane_encode(data)
    data[flipped] = qk.x(data[flipped])
    data, syndrome = measure_checks(data, STEANE_CHECKS)
    data = correct_by_table(data, syndrome, STEANE_TABLE)
    chance: qk.Float = qk.probabilities(qk.inverse(steane_encode)(data))[4]
    return chance


@qk.qkernel
def turned_back(angle: qk.Float, turned: qk.UInt) -> qk.Float:
    """The same, one qubit turned by Z."""
    data = qk.qubit_array(7)
    data[2] = qk.ry(data[2], angle)
    data = steane_encode(data)
    data[turned] = qk.z(data[turned])
    data, syndrome = measure_checks(data, STEANE_CHECKS, "X")
    data = correct_by_table(data, syndrome, STEANE_TABLE, "Z")
    chance: qk.Float = qk.probabilities(qk.inverse(steane_encode)(data))[4]
    return chance


def _flips(n: int) -> list[bool]:
    """As many as can be corrected, the last ones."""
    return [k >= n - (n - 1) // 2 for k in range(n)]


def _spread(data: int) -> Array:
    return permutation(2**data, lambda k: k ^ (2**data - 2) if k & 1 else k)


def _steane_state() -> Array:
    """The equal sum of the products of the checks, from 0."""
    checks = [sum(2**place for place in check) for check in STEANE_CHECKS]
    state = [0.0] * 128
    for choice in range(8):
        number = 0
        for k, check in enumerate(checks):
            if choice >> k & 1:
                number ^= check
        state[number] = 1.0
    return column(state)


@qk.qkernel
def steane_zero(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    """Logical 0."""
    return steane_encode(qk.qubit_array(n))


def _chance(angle: float, **_: Any) -> float:
    return math.sin(angle / 2) ** 2


EXAMPLES = (
    Example(
        repetition_encode,
        lambda n: {"data": n},
        3,
        sizes=range(1, 7),
        expected=_spread,
        counts=lambda data: {"cx": data - 1},
    ),
    Example(
        failed_checks,
        lambda n: {"flips": _flips(n)},
        3,
        sizes=range(1, 6),
        expected=lambda flips: [int(a != b) for a, b in zip(flips[1:], flips, strict=False)],
        of="repetition_syndrome",
        code="print(failed_checks([0, 0, 1, 0, 0]))",
    ),
    Example(
        repeated,
        lambda n: {"n": n, "flips": _flips(n)},
        3,
        lambda n: {"angle": 0.7},
        sizes=range(1, 6),
        expected=lambda n, flips, angle: _chance(angle),
        counts=lambda n, flips: {"cx": 4 * (n - 1), "measurements": n - 1},
        of="repetition_correct",
        code="print(repeated(5, [0, 1, 0, 0, 1], 0.7), np.sin(0.35) ** 2)",
    ),
    Example(
        steane_zero,
        lambda n: {"n": 7},
        7,
        sizes=(7,),
        expected=lambda n: _steane_state(),
        counts=lambda n: {"cx": 11, "h": 3},
        grows=False,
        of="steane_encode",
    ),
    Example(
        restored,
        lambda n: {"flipped": n},
        6,
        lambda n: {"angle": 0.7},
        sizes=range(7),
        expected=lambda angle, flipped: _chance(angle),
        counts=lambda flipped: {"measurements": 3},
        grows=False,
        of="measure_checks",
        code="print([round(restored(0.7, flipped), 6) for flipped in range(7)])",
    ),
    Example(
        turned_back,
        lambda n: {"turned": n},
        6,
        lambda n: {"angle": 0.7},
        sizes=range(7),
        expected=lambda angle, turned: _chance(angle),
        grows=False,
        of="correct_by_table",
        code="print(rotated_surface_code(3)[1])\nprint(lookup_decoder(rotated_surface_code(3)[1], 9))",
        shows=("rotated_surface_code", "lookup_decoder"),
    ),
)
