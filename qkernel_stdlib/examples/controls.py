"""Examples of X and Z under many controls."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.controlled_gates import (
    mcp,
    mcx,
    mcx_clean,
    mcx_dirty,
    mcx_no_workspace,
    mcx_one_clean,
    mcx_one_dirty,
    mcx_relative_phase,
    mcz,
    relative_phase_ccx,
    release_and,
    temporary_and,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import diagonal, permutation


@qk.qkernel
def and_twice(a: qk.Float, b: qk.Float) -> qk.Vector[qk.Float]:
    """Probabilities of a AND b, copied before it is released."""
    first, second, target = temporary_and(qk.ry(qk.qubit(), a), qk.ry(qk.qubit(), b), qk.qubit())
    target, copy = qk.cx(target, qk.qubit())
    first, second, target = release_and(first, second, target)
    return qk.probabilities((first, second, copy))


def _flipped(controls: int, others: int = 0) -> Array:
    """X on the qubit after the controls where they are 1; `others` come after it."""
    ones = 2**controls - 1
    return permutation(2 ** (controls + 1 + others), lambda k: k ^ 2**controls if k & ones == ones else k)


def _and_probabilities(a: float, b: float) -> Array:
    p, q = math.sin(a / 2) ** 2, math.sin(b / 2) ** 2
    return np.array([(1 - p) * (1 - q), p * (1 - q), (1 - p) * q, 0, 0, 0, 0, p * q])


def _and_matrix() -> Array:
    result: Array = _flipped(2) @ diagonal(8, lambda k: [1, 1, 1, 1, 1j, -1j, -1j, -1j][k])
    return result


def _controls(n: int) -> Mapping[str, Any]:
    return {"controls": n}


def _toffolis_with_one_dirty(n: int) -> int:
    return {0: 0, 1: 0, 2: 1, 3: 4, 4: 10}.get(n, 8 * (n - 3))


def _chain(controls: int) -> dict[str, int]:
    return {"toffoli": 2 * controls - 3 if controls > 1 else 0, "qubits": controls + 1 + max(0, controls - 2)}


EXAMPLES = (
    Example(
        mcx,
        _controls,
        3,
        expected=_flipped,
        counts=lambda controls: {"total": 1},
        code='print(mcx.estimate_resources(basis="clifford_t").substitute(controls=10).gates.t_gates)',
    ),
    Example(
        mcz,
        lambda n: {"q": n},
        3,
        expected=lambda q: diagonal(2**q, lambda k: -1 if q and k == 2**q - 1 else 1),
        counts=lambda q: {"total": 1 if q else 0},
    ),
    Example(
        mcp,
        lambda n: {"q": n},
        3,
        lambda n: {"angle": 0.7},
        expected=lambda q, angle: diagonal(2**q, lambda k: cmath.exp(1j * angle) if q and k == 2**q - 1 else 1),
        counts=lambda q: {"total": 1 if q else 0},
    ),
    Example(
        mcx_clean,
        _controls,
        4,
        expected=_flipped,
        counts=_chain,
        under_control=lambda controls: {"toffoli": 2 * controls - 1 if controls > 1 else 1},
    ),
    Example(
        relative_phase_ccx,
        lambda n: {},
        1,
        sizes=(1,),
        expected=lambda: _flipped(2) @ diagonal(8, lambda k: [1, 1, 1, 1j, 1, -1, 1, -1j][k]),
        counts=lambda: {"t_gates": 4, "cx": 3, "h": 2},
    ),
    Example(
        mcx_relative_phase,
        _controls,
        4,
        expected=_flipped,
        counts=lambda controls: {"t_gates": 8 * max(0, controls - 2), "toffoli": min(1, controls // 2)},
        under_control=lambda controls: {"t_gates": 8 * max(0, controls - 1), "toffoli": min(1, (controls + 1) // 2)},
    ),
    Example(
        mcx_dirty,
        lambda n: {"controls": n, "dirty": max(0, n - 2)},
        4,
        expected=lambda controls, dirty: _flipped(controls, dirty),
        counts=lambda controls, dirty: {"toffoli": 4 * dirty if dirty else controls // 2},
    ),
    Example(
        mcx_one_dirty,
        _controls,
        5,
        expected=lambda controls: _flipped(controls, 1),
        counts=lambda controls: {"toffoli": _toffolis_with_one_dirty(controls)},
        under_control=lambda controls: {"toffoli": _toffolis_with_one_dirty(controls + 1)},
    ),
    Example(
        mcx_one_clean,
        _controls,
        6,
        expected=_flipped,
        counts=lambda controls: {
            "t_gates": 8 * max(0, controls - 2),
            "toffoli": min(1, controls // 2),
            "qubits": controls + (2 if controls > 2 else 1),
        },
        under_control=lambda controls: {"t_gates": 8 * max(0, controls - 1), "toffoli": min(1, (controls + 1) // 2)},
    ),
    Example(
        mcx_no_workspace,
        _controls,
        4,
        expected=_flipped,
        counts=lambda controls: {"toffoli": 2 * sum(map(_toffolis_with_one_dirty, range(1, controls))), "qubits": controls + 1},
    ),
    Example(
        temporary_and,
        lambda n: {},
        1,
        sizes=(1,),
        expected=lambda: _and_matrix(),
        counts=lambda: {"t_gates": 4, "cx": 6},
    ),
    Example(
        and_twice,
        lambda n: {},
        1,
        lambda n: {"a": 0.5, "b": 1.0},
        sizes=(1,),
        expected=lambda a, b: _and_probabilities(a, b),
        of="release_and",
    ),
)
