"""Examples of the Fourier transform and of phase estimation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import fourier
from qkernel_stdlib.phases import (
    hadamard_test,
    iterative_phase_estimation,
    phase_estimation,
    qpe,
    swap_test,
)
from qkernel_stdlib.transforms import iqft, qft


@qk.qkernel
def turned(q: qk.Qubit, phase: qk.Float) -> qk.Qubit:
    """A unitary whose eigenvector |1> has the phase `phase`, a fraction of a turn."""
    return qk.p(q, 2 * math.pi * phase)


@qk.qkernel
def estimated_phases(target: qk.Qubit, n: qk.UInt, phase: qk.Float) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    """The phases of both eigenvectors."""
    return phase_estimation(target, qk.qubit_array(n), turned, phase=phase)


@qk.qkernel
def measured_phase(n: qk.UInt, phase: qk.Float) -> qk.Float:
    """The phase of |1>."""
    return qk.measure(qpe(qk.x(qk.qubit()), qk.qubit_array(n), turned, phase=phase))


@qk.qkernel
def phase_by_digits(n: qk.UInt, phase: qk.Float) -> qk.Float:
    """The phase of |1>, digit by digit."""
    _, digits = iterative_phase_estimation(qk.x(qk.qubit()), n, turned, phase=phase)
    total = 0.0
    for k in qk.range(n):
        total = total + (2.0 ** (k - n) if digits[k] else 0.0)
    return total


@qk.qkernel
def tested(angle: qk.Float, phase: qk.Float) -> tuple[qk.Float, qk.Float]:
    """Real and imaginary part of <q|U|q> for q = RY(angle)|0>."""
    control, _ = hadamard_test(qk.ry(qk.qubit(), angle), turned, phase=phase)
    other, _ = hadamard_test(qk.ry(qk.qubit(), angle), turned, imaginary=True, phase=phase)
    return qk.expval(control, qko.Z(0)), qk.expval(other, qko.Z(0))


def _approximate(n: int, degree: int) -> Array:
    """The gates of the approximate transform as matrices."""
    k = np.arange(2**n)
    matrix: Array = np.eye(2**n, dtype=complex)
    for i in reversed(range(n)):
        h = np.kron(np.kron(np.eye(2 ** (n - 1 - i)), np.array([[1, 1], [1, -1]]) / math.sqrt(2)), np.eye(2**i))
        matrix = h @ matrix
        for j in range(max(i - n + degree, -1) + 1, i):
            matrix = np.exp(1j * math.pi / 2 ** (i - j) * (k >> i & 1) * (k >> j & 1))[:, None] * matrix
    reverse = [int(f"{state:0{n}b}"[::-1] or "0", 2) for state in k] if n else [0]
    return matrix[reverse]


def _phase_states(n: int, phase: float) -> Array:
    """The matrix from the target to target and counting register."""
    k = np.arange(2**n)
    counted = fourier(n).conj().T @ np.exp(2j * math.pi * phase * k) / math.sqrt(2**n)
    matrix: Array = np.zeros((2 ** (n + 1), 2), complex)
    matrix[0, 0] = 1
    matrix[1::2, 1] = counted
    return matrix


def _swapped(n: int) -> Array:
    size = 2**n
    swap = np.eye(size * size).reshape(size, size, size, size).transpose(1, 0, 2, 3).reshape(size * size, size * size)
    one: Array = np.eye(size * size)
    return np.stack([(one + swap) / 2, (one - swap) / 2], 1).reshape(2 * size * size, size * size)


def _transform_counts(n: int, a: int) -> dict[str, int]:
    a = min(a, n)
    rotations = n * (n - 1) // 2 - (a * (a + 1) // 2 if a < n else n * (n - 1) // 2)
    return {"total": n + rotations + n // 2, "rotation_gates": rotations, "two_qubit": rotations + n // 2, "qubits": n}


def _digits(n: int) -> dict[str, Any]:
    return {"n": n, "phase": 11 / 16 if n > 3 else (2**n - 1) / 2**n}


EXAMPLES = (
    Example(
        qft,
        lambda n: {"q": n, "approximation_degree": n // 2},
        4,
        expected=lambda q, approximation_degree: _approximate(q, approximation_degree) if approximation_degree else fourier(q),
        counts=lambda q, approximation_degree: _transform_counts(q, approximation_degree),
        code='print(qft.estimate_resources({"q": 1024, "approximation_degree": 1000}).gates.by_name)',
    ),
    Example(
        iqft,
        lambda n: {"q": n},
        3,
        expected=lambda q: fourier(q).conj().T,
        counts=lambda q: _transform_counts(q, 0),
        code="print(iqft.unitary(q=1).real.round(3))",
    ),
    Example(
        estimated_phases,
        lambda n: {"n": n},
        3,
        lambda n: {"phase": 0.3},
        expected=_phase_states,
        of="phase_estimation",
    ),
    Example(
        measured_phase,
        _digits,
        4,
        expected=lambda n, phase: phase,
        of="qpe",
        code="print(measured_phase.sample(shots=100, n=4, phase=11 / 16).results)",
    ),
    Example(
        phase_by_digits,
        _digits,
        4,
        expected=lambda n, phase: phase,
        of="iterative_phase_estimation",
        code="print(phase_by_digits.sample(shots=100, n=4, phase=11 / 16).results)",
    ),
    Example(
        tested,
        lambda n: {},
        1,
        lambda n: {"angle": 1.0, "phase": 0.2},
        sizes=(1,),
        expected=lambda angle, phase: np.array(
            [
                math.cos(angle / 2) ** 2 + math.sin(angle / 2) ** 2 * math.cos(2 * math.pi * phase),
                math.sin(angle / 2) ** 2 * math.sin(2 * math.pi * phase),
            ]
        ),
        of="hadamard_test",
        code="print(tested(1.0, 0.2))",
    ),
    Example(
        swap_test,
        lambda n: {"a": n, "b": n},
        2,
        expected=lambda a, b: _swapped(a),
        counts=lambda a, b: {"total": a + 2, "multi_qubit": a, "qubits": 2 * a + 1},
        sizes=range(4),
    ),
)
