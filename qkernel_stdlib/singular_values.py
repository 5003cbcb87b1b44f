"""What is made of block encodings: walks, amplification and polynomials of their matrices.

An encoding is a `BlockEncoding`; `signal` and `system` are registers of its lengths. x stands for A / normalization. Phases, in
radians, are those of the projector: exp(i phase (2|0><0| - 1)) on the signal. For the phases of quantum signal processing by
W(x) = exp(i arccos(x) X) see `projector_phases`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.amplification import reflection_about_zero
from qkernel_stdlib.block_encodings import BlockEncoding, Encoding, as_encoding
from qkernel_stdlib.controlled_gates import mcp

Turn = Callable[[qk.Vector[qk.Qubit], qk.Float], qk.Vector[qk.Qubit]]
"""An argument that is a kernel of a signal and a phase."""


@qk.qkernel
def qubitization(
    signal: qk.Vector[qk.Qubit], system: qk.Vector[qk.Qubit], encoding: BlockEncoding
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The walk (2|0><0| - 1) U: where U is its own inverse its eigenvalues are exp(+-i arccos(x)) for each eigenvalue x.

    Source: Low, Chuang 2019 (arXiv:1610.06546).
    """
    signal, system = encoding.unitary(signal, system)
    return reflection_about_zero(signal), system


@qk.qkernel
def oblivious_amplification(
    signal: qk.Vector[qk.Qubit], system: qk.Vector[qk.Qubit], encoding: BlockEncoding, iterations: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Block-encode sin((2 iterations + 1) arcsin(x)): a unitary A with x = A / 2 becomes A itself by one iteration.

    2 iterations + 1 times U or its inverse, 2 iterations reflections; a control takes these and the first U.
    Source: Berry et al. 2014 (arXiv:1312.1414), lemma 3.6.
    """
    signal, system = encoding.unitary(signal, system)
    for _ in qk.range(iterations):
        signal = qk.global_phase(reflection_about_zero, math.pi)(signal)
        signal, system = qk.within_apply(qk.inverse(encoding.unitary), lambda s, q: (reflection_about_zero(s), q))(
            signal, system
        )
    return signal, system


def qsvt(
    signal: qk.Vector[qk.Qubit],
    system: qk.Vector[qk.Qubit],
    phases: Sequence[qk.Float] | qk.Vector[qk.Float],
    encoding: BlockEncoding,
    phase_count: qk.UInt | None = None,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Block-encode P(x), P the `qsvt_polynomial` of d + 1 phases, by d encodings and inverses in turn.

    Of a matrix that is not Hermitian P acts on the singular values. A control takes the d + 1 phases alone, and one encoding
    where d is odd. With `phase_count` these are the first of `phases`: so a vector of them that is open gets its length.
    There is one phase at least. Source: Gilyen, Su, Low, Wiebe 2019 (arXiv:1806.01838), theorem 17.
    """
    count = len(phases) if phase_count is None else phase_count
    return projector_sequence(signal, system, as_encoding(encoding).unitary, _projector_phase, phases, count)


def real_qsvt(
    flag: qk.Qubit,
    signal: qk.Vector[qk.Qubit],
    system: qk.Vector[qk.Qubit],
    phases: Sequence[qk.Float] | qk.Vector[qk.Float],
    encoding: BlockEncoding,
    phase_count: qk.UInt | None = None,
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """As `qsvt`, but of the real part of P, by a flag that is one more qubit of the signal; `qsvt_phases` finds the phases.

    The flag takes the signs of the phases: 2 H, d encodings and inverses, and d + 1 times 2 RZ, one of them under the signal.
    Source: Gilyen, Su, Low, Wiebe 2019 (arXiv:1806.01838), corollary 18.
    """
    unitary = as_encoding(encoding).unitary

    def beside(flagged: Any, system: Any) -> Any:
        flagged[1:], system = unitary(flagged[1:], system)
        return flagged, system

    count = len(phases) if phase_count is None else phase_count
    (flag, signal), system = projector_sequence((qk.h(flag), signal), system, beside, _signed_phase, phases, count)
    return qk.h(flag), signal, system


@qk.qkernel
def projector_sequence(
    signal: qk.Vector[qk.Qubit],
    system: qk.Vector[qk.Qubit],
    unitary: Encoding,
    turn: Turn,
    phases: qk.Vector[qk.Float],
    count: qk.UInt,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The first `count` turns by `phases`, and between them `unitary` and its inverse in turn."""
    signal = turn(signal, phases[0])
    for k in qk.range(1, count - 1, 2):
        signal, system = qk.within_apply(unitary, lambda s, q: (turn(s, phases[k]), q))(signal, system)
        signal = turn(signal, phases[k + 1])
    if count % 2 == 0:
        signal, system = unitary(signal, system)
        signal = turn(signal, phases[count - 1])
    return signal, system


@qk.qkernel
def _projector_phase(signal: qk.Vector[qk.Qubit], phase: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(i phase (2|0><0| - 1))."""
    return qk.within_apply(qk.x, lambda s: qk.global_phase(mcp, -phase)(s, 2 * phase))(signal)


@qk.qkernel
def _signed_phase(flagged: qk.Vector[qk.Qubit], phase: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(i phase Z (2|0><0| - 1)), Z that of the first qubit."""
    controls = flagged.shape[0] - 1
    flagged[1:], flagged[0] = qk.control(qk.rz, num_controls=controls, control_value=0)(flagged[1:], flagged[0], -4 * phase)
    flagged[0] = qk.rz(flagged[0], 2 * phase)
    return flagged


def qsvt_polynomial(phases: Sequence[float], points: Any) -> Any:
    """P at `points` x in [-1, 1], complex: the corner of exp(i phases[d] Z) R(x) ... R(x) exp(i phases[0] Z).

    R(x) is the reflection [[x, sqrt(1 - x**2)], [sqrt(1 - x**2), -x]].
    """
    x = np.asarray(points, float)
    root = np.sqrt(1 - x**2)
    corner, beside = np.exp(1j * phases[0]) * np.ones_like(x), np.zeros_like(x, dtype=complex)
    for phase in phases[1:]:
        corner, beside = x * corner + root * beside, root * corner - x * beside
        corner, beside = corner * np.exp(1j * phase), beside * np.exp(-1j * phase)
    return corner


def projector_phases(phases: Sequence[float]) -> list[float]:
    """The phases of `qsvt` with the polynomial of exp(i phases[0] Z) W(x) ... W(x) exp(i phases[d] Z); of zeros it is T_d.

    W(x) = exp(i arccos(x) X) is what quantum signal processing turns by, as in pyqsp.
    Source: Martyn, Rossi, Tan, Chuang 2021 (arXiv:2105.02859), appendix A.2.
    """
    degree = len(phases) - 1
    found = [float(phase) - math.pi / 2 for phase in phases]
    for end in (0, -1):
        found[end] += (degree + 1) * math.pi / 4 if degree else math.pi / 4
    return found


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
    half = np.asarray(projector_phases([math.pi / 4 * (k in (0, degree)) for k in range(degree + 1)]))[:count]

    def whole(part: Any) -> Any:
        return np.concatenate([part, part[::-1]]) if degree % 2 else np.concatenate([part, part[-2::-1]])

    for _ in range(100):
        missing = qsvt_polynomial(whole(half), points).real - wanted
        if abs(missing).max() < tolerance:
            return [float(phase) for phase in whole(half)]
        slopes = np.empty((count, count))
        for k in range(count):
            step = np.zeros(count)
            step[k] = 1e-6
            above, below = (qsvt_polynomial(whole(half + side * step), points).real for side in (1, -1))
            slopes[:, k] = (above - below) / 2e-6
        half = half - np.linalg.lstsq(slopes, missing, rcond=None)[0]
    raise ValueError("Newton's method does not converge: is the function below 1 in absolute value?")
