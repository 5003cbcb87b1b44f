"""Block encodings: matrices as corners of unitaries, and polynomials of them.

A kernel U of an index and a register block-encodes the matrix A with scale s if <0|U|0> = A / s, where 0 is that of the index.
`encoding` is such a kernel, which takes (index, q) and gives them back. Angles are in radians; phases are those of quantum
signal processing by W(x) = exp(i arccos(x) X). `lcu` and `pauli_lcu` take Python data, so they are functions to call in
kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.amplification import reflection_about_zero
from qkernel_stdlib.controlled_gates import mcp

Rotation = Callable[
    [qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]], tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]
]
"""An argument that is a kernel of a flag, a slot and a register."""
Encoding = Callable[[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]], tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]]
"""An argument that is a kernel of an index and a register."""


@qk.qkernel
def tree_rotations(q: qk.Vector[qk.Qubit], angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """RY by angles[2**l - 1 + k] on qubit n - 1 - l where the l qubits above it hold k: a unitary of any real first column.

    `angles` has 2**n - 1 numbers, as `tree_angles` finds them. 2**n - 1 RY under up to n - 1 controls.
    """
    n = q.shape[0]
    for level in qk.range(n):
        for k in qk.range(2**level):
            q[n - level :], q[n - 1 - level] = qk.control(qk.ry, num_controls=level, control_value=k)(
                q[n - level :], q[n - 1 - level], angles[2**level - 1 + k]
            )
    return q


def tree_angles(amplitudes: Sequence[float]) -> list[float]:
    """The angles with which `tree_rotations` takes 0 to these 2**n amplitudes, not negative, normalised."""
    squares = np.asarray(amplitudes, float) ** 2
    levels = []
    while len(squares) > 1:
        pairs = squares.reshape(-1, 2)
        levels.append([2 * math.atan2(math.sqrt(right), math.sqrt(left)) for left, right in pairs.tolist()])
        squares = pairs.sum(1)
    return [angle for level in reversed(levels) for angle in level]


def index_size(count: int) -> int:
    """How many qubits an index of so many values has."""
    return max(0, count - 1).bit_length()


def lcu(
    index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], coefficients: Sequence[float], unitaries: Sequence[Callable[..., Any]]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Block-encode the sum of coefficients[k] unitaries[k], kernels of a register, with scale sum(abs(coefficients)).

    The index has `index_size` qubits. Two `tree_rotations`, one of them inverted, around each unitary under the index; under
    a control they have none.
    Source: Childs, Wiebe 2012 (arXiv:1202.5822).
    """
    size = index_size(len(coefficients))
    weights = [math.sqrt(abs(coefficient)) for coefficient in coefficients]
    angles: Any = tree_angles(weights + [0.0] * (2**size - len(weights)))
    signed = [each if sign >= 0 else qk.global_phase(each, math.pi) for each, sign in zip(unitaries, coefficients, strict=True)]

    def selected(index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
        for k, unitary in enumerate(signed):
            index, q = qk.control(unitary, num_controls=size, control_value=k)(index, q)
        return index, q

    index, q = qk.within_apply(lambda index, q: (tree_rotations(index, angles), q), selected)(index, q)
    return index, q


def pauli_lcu(
    index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], hamiltonian: qko.Hamiltonian
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Block-encode a sum of Pauli words with real coefficients, with scale `pauli_scale`; the encoding is its own inverse.

    The index has `index_size` of the number of words, the constant included. Each letter is one gate under the index, and each
    negative coefficient one phase. Source: Babbush et al. 2018 (arXiv:1805.03662), section II.
    """
    words = _words(hamiltonian)
    size = index_size(len(words))
    weights = [math.sqrt(abs(weight)) for _, weight in words]
    angles: Any = tree_angles(weights + [0.0] * (2**size - len(weights)))

    def selected(index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
        for k, (letters, weight) in enumerate(words):
            for letter, place in letters:
                gate = {"X": qk.x, "Y": qk.y, "Z": qk.z}[letter]
                index, q[place] = qk.control(gate, num_controls=size, control_value=k)(index, q[place])
            if weight < 0:
                minus = qk.global_phase(qk.id, math.pi)
                index, q[0] = qk.control(minus, num_controls=size, control_value=k)(index, q[0])
        return index, q

    index, q = qk.within_apply(lambda index, q: (tree_rotations(index, angles), q), selected)(index, q)
    return index, q


def pauli_scale(hamiltonian: qko.Hamiltonian) -> float:
    """The sum of the absolute coefficients, the constant included."""
    return sum(abs(weight) for _, weight in _words(hamiltonian))


def _words(hamiltonian: qko.Hamiltonian) -> list[tuple[list[tuple[str, int]], float]]:
    words: list[tuple[list[tuple[str, int]], float]] = []
    for letters, weight in hamiltonian.terms.items():
        words.append(([(letter.pauli.name, letter.index) for letter in letters], float(np.real(weight))))
    if hamiltonian.constant:
        words.append(([], float(np.real(hamiltonian.constant))))
    return words


@qk.qkernel
def sparse_encoding(
    index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], entries: Rotation, places: Encoding
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Block-encode a matrix with 2**m entries a column, by oracles for their values and for their rows, with scale 2**m.

    The index is a flag and a slot of m qubits. `entries(flag, slot, q)` turns the flag of slot l and column j by
    RY(2 arccos A[c, j]), and `places(slot, q)` takes column j in slot l to the row c(l, j) of that entry. 2m H and one of
    either. Source: Camps, Lin, Van Beeumen, Yang 2024 (arXiv:2203.10236), theorem 4.1.
    """
    index[0], index[1:], q = qk.within_apply(
        lambda flag, slot, q: (flag, qk.h(slot), q), lambda flag, slot, q: _placed(flag, slot, q, entries, places)
    )(index[0], index[1:], q)
    return index, q


@qk.qkernel
def _placed(
    flag: qk.Qubit, slot: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], entries: Rotation, places: Encoding
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    flag, slot, q = entries(flag, slot, q)
    slot, q = places(slot, q)
    return flag, slot, q


@qk.qkernel
def qubitization(
    index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], encoding: Encoding
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The walk (2|0><0| - 1) U: where U is its own inverse its eigenvalues are exp(+-i arccos(e / s)) for each e of A.

    Source: Low, Chuang 2019 (arXiv:1610.06546).
    """
    index, q = encoding(index, q)
    index = reflection_about_zero(index)
    return index, q


@qk.qkernel
def qsvt(
    index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], encoding: Encoding, phases: qk.Vector[qk.Float]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Block-encode P(A / s) for Hermitian A, P the polynomial of degree d of the d + 1 `phases`; phases 0 are Chebyshev's T_d.

    P(x) is the corner of exp(i phases[0] Z) W(x) exp(i phases[1] Z) ... W(x) exp(i phases[d] Z). d encodings and inverses in
    turn, d + 1 phases under the index; a control takes the phases alone, and one encoding where d is odd. With T_3 this is
    oblivious amplitude amplification. Source: Gilyen, Su, Low, Wiebe 2019 (arXiv:1806.01838), theorem 17.
    """
    degree = phases.shape[0] - 1
    for k in qk.range(degree, -1, -1):
        if (degree - k) % 2 == 0:
            index = _turned(index, phases, k)
        elif k > 0:
            index, q = qk.within_apply(encoding, lambda index, q: (_turned(index, phases, k), q))(index, q)
        else:
            index, q = encoding(index, q)
            index = _turned(index, phases, k)
    return index, q


@qk.qkernel
def _turned(index: qk.Vector[qk.Qubit], phases: qk.Vector[qk.Float], k: qk.UInt) -> qk.Vector[qk.Qubit]:
    """The turn by phases[k], the phases that make reflections of `encoding` included."""
    quarters = min(k, 1) + min(phases.shape[0] - 1 - k, 1)
    return _projector_phase(index, phases[k] - quarters * math.pi / 4, math.pi / 2 if k > 0 else 0.0)


@qk.qkernel
def _projector_phase(index: qk.Vector[qk.Qubit], phase: qk.Float, whole: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(i phase (2|0><0| - 1)), times exp(i whole)."""
    return qk.within_apply(qk.x, lambda index: _phases(index, phase, whole))(index)


@qk.qkernel
def _phases(index: qk.Vector[qk.Qubit], phase: qk.Float, whole: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(i (whole - phase)), and exp(2 i phase) on ones."""
    return qk.global_phase(mcp, whole - phase)(index, 2 * phase)


@qk.qkernel
def real_qsvt(
    flag: qk.Qubit,
    index: qk.Vector[qk.Qubit],
    q: qk.Vector[qk.Qubit],
    encoding: Encoding,
    phases: qk.Vector[qk.Float],
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """As `qsvt`, but of the real part of P, by a flag that is one more qubit of the index; `qsvt_phases` finds the phases.

    The flag takes the signs of the phases: 2 H, d encodings and inverses, d + 1 times 2 RZ, one of them under the index. A
    control takes what it takes of `qsvt`. Source: Gilyen, Su, Low, Wiebe 2019 (arXiv:1806.01838), corollary 18.
    """
    flag = qk.h(flag)
    degree = phases.shape[0] - 1
    for k in qk.range(degree, -1, -1):
        if (degree - k) % 2 == 0:
            flag, index = _really_turned(flag, index, phases, k)
        elif k > 0:
            flag, index, q = qk.within_apply(
                lambda flag, index, q: (flag, *encoding(index, q)),
                lambda flag, index, q: (*_really_turned(flag, index, phases, k), q),
            )(flag, index, q)
        else:
            index, q = encoding(index, q)
            flag, index = _really_turned(flag, index, phases, k)
    return qk.h(flag), index, q


@qk.qkernel
def _really_turned(
    flag: qk.Qubit, index: qk.Vector[qk.Qubit], phases: qk.Vector[qk.Float], k: qk.UInt
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    """As `_turned`, with the sign of phases[k] that the flag has."""
    quarters = min(k, 1) + min(phases.shape[0] - 1 - k, 1)
    flag, index = _signed_phase(flag, index, phases[k])
    return flag, _projector_phase(index, -quarters * math.pi / 4, math.pi / 2 if k > 0 else 0.0)


@qk.qkernel
def _signed_phase(flag: qk.Qubit, index: qk.Vector[qk.Qubit], phase: qk.Float) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    """exp(i phase Z (2|0><0| - 1)), Z that of the flag."""
    index, flag = qk.control(qk.rz, num_controls=index.shape[0], control_value=0)(index, flag, -4 * phase)
    return qk.rz(flag, 2 * phase), index


def signal(phases: Sequence[float], points: Any) -> Any:
    """P at `points` in [-1, 1], complex: the polynomial of `phases`."""
    x = np.asarray(points, float)
    root = np.sqrt(1 - x**2)
    corner, beside = np.exp(1j * phases[0]) * np.ones_like(x), np.zeros_like(x, dtype=complex)
    for phase in phases[1:]:
        corner, beside = x * corner + 1j * root * beside, 1j * root * corner + x * beside
        corner, beside = corner * np.exp(1j * phase), beside * np.exp(-1j * phase)
    return corner


def qsvt_phases(coefficients: Sequence[float], tolerance: float = 1e-12) -> list[float]:
    """d + 1 phases whose P has the real part sum(coefficients[k] T_k(x)), by Newton's method on symmetric phases.

    The coefficients, by Chebyshev's polynomials, are those of an even or an odd function of degree d below 1 in absolute value.
    Raises ValueError for another function, and where the method does not converge, as it may close to 1.
    Source: Dong, Meng, Whaley, Lin 2021 (arXiv:2002.11649).
    """
    degree = len(coefficients) - 1
    if any(coefficients[k] for k in range(degree - 1, -1, -2)):
        raise ValueError("the coefficients are those of a function that is neither even nor odd; take its parts one by one")
    count = degree // 2 + 1
    points = np.cos((2 * np.arange(1, count + 1) - 1) * math.pi / (4 * count))
    wanted = np.polynomial.chebyshev.chebval(points, coefficients)
    half = np.zeros(count)
    half[0] = math.pi / 4

    def whole(part: Any) -> Any:
        return np.concatenate([part, part[::-1]]) if degree % 2 else np.concatenate([part, part[-2::-1]])

    for _ in range(100):
        missing = signal(whole(half), points).real - wanted
        if abs(missing).max() < tolerance:
            return [float(phase) for phase in whole(half)]
        slopes = np.empty((count, count))
        for k in range(count):
            step = np.zeros(count)
            step[k] = 1e-6
            slopes[:, k] = (signal(whole(half + step), points).real - signal(whole(half - step), points).real) / 2e-6
        half = half - np.linalg.lstsq(slopes, missing, rcond=None)[0]
    raise ValueError("Newton's method does not converge: is the function below 1 in absolute value?")
