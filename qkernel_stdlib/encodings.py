"""Encodings of data: kernels that write a vector of numbers into the state of a register.

Every one takes the register first, then the data, then its options; n is the length of the register, and angles are in
radians. Gate counts are those of the gates as written. `pauli_feature_map` takes words as an option, so it is a function to
call in kernels; the others are kernels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import qkernel as qk


@qk.qkernel
def angle_encoding(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """RY(x[i]) on qubit i: from 0 the product of cos(x[i] / 2) |0> + sin(x[i] / 2) |1>.

    `x` has an angle for each qubit. n gates. Source: Schuld, Sweke, Meyer 2021 (arXiv:2008.08605).
    """
    for i in qk.range(q.shape[0]):
        q[i] = qk.ry(q[i], x[i])
    return q


@qk.qkernel
def dense_angle_encoding(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Two numbers on each qubit: from 0 the product of cos(x[2i] / 2) |0> + exp(i x[2i + 1]) sin(x[2i] / 2) |1>.

    `x` has two angles for each qubit, a polar one and an azimuth. 2n gates, RY and P.
    Source: LaRose, Coyle 2020 (arXiv:2003.01695), whose features are these angles in units of 2 pi.
    """
    for i in qk.range(q.shape[0]):
        q[i] = qk.p(qk.ry(q[i], x[2 * i]), x[2 * i + 1])
    return q


@qk.qkernel
def basis_state(q: qk.Vector[qk.Qubit], bits: qk.Vector[qk.Bit]) -> qk.Vector[qk.Qubit]:
    """X where a bit is 1: from 0 the basis state of the number that the bits spell, bits[0] the least significant.

    `bits` has a bit for each qubit. At most n gates. Also called `computational_basis_state`. Source: Schuld, Petruccione
    2018, section 5.1.
    """
    for i in qk.range(q.shape[0]):
        if bits[i]:
            q[i] = qk.x(q[i])
    return q


computational_basis_state = basis_state


@qk.qkernel
def amplitude_encoding(
    q: qk.Vector[qk.Qubit],
    x: qk.Vector[qk.Float],
    imaginary: qk.Vector[qk.Float] = (),  # type: ignore[assignment]
) -> qk.Vector[qk.Qubit]:
    """The state x / |x| on a fresh register: amplitude k is x[k], and 0 where `x` is shorter than 2**n.

    With `imaginary` amplitudes are complex, x[k] + 1j * imaginary[k], over the norm of both vectors. Differentiable by
    the data, blocks of zeros included; zeros alone are an error, and so is a vector of more than 2**n. For n > 0
    2**n - 1 RY and 2**n - 2 CX, twice as many gates if amplitudes are complex. Source: Schuld, Petruccione 2018,
    section 5.2; the circuit is that of Möttönen et al. 2005 (arXiv:quant-ph/0407010), see `qkernel.prepare`. Also called
    `mottonen_amplitude_encoding`.
    """
    if imaginary.shape[0] > 0:
        q = qk.prepare(q, x, imaginary=imaginary)
    else:
        q = qk.prepare(q, x)
    return q


mottonen_amplitude_encoding = amplitude_encoding


@qk.qkernel
def mottonen_amplitude_encoding_from_angles(
    qubits: qk.Vector[qk.Qubit],
    ry_angles: qk.Vector[qk.Float],
    rz_angles: qk.Vector[qk.Float] = (),  # type: ignore[assignment]
) -> qk.Vector[qk.Qubit]:
    """The state of a fresh register that `mottonen_angles` has found the angles of, but for its phase as a whole.

    2**n - 1 RY and 2**n - 2 CX, and as many RZ and CX for complex amplitudes. Other than `amplitude_encoding` it takes angles
    that are open. Also called `amplitude_encoding_from_angles`. Source: Möttönen et al. 2005 (arXiv:quant-ph/0407010).
    """
    n = qubits.shape[0]
    for level in qk.range(n):
        for step in qk.range(2**level):
            qubits[n - 1 - level] = qk.ry(qubits[n - 1 - level], ry_angles[2**level - 1 + step])
            if level > 0:
                above = n - 1 - min(qk.floor(qk.log2(math.gcd(step + 1, 2**level))), level - 1)
                qubits[above], qubits[n - 1 - level] = qk.cx(qubits[above], qubits[n - 1 - level])
    if rz_angles.shape[0] > 0:
        for level in qk.range(n):
            for step in qk.range(2**level):
                qubits[n - 1 - level] = qk.rz(qubits[n - 1 - level], rz_angles[2**level - 1 + step])
                if level > 0:
                    above = n - 1 - min(qk.floor(qk.log2(math.gcd(step + 1, 2**level))), level - 1)
                    qubits[above], qubits[n - 1 - level] = qk.cx(qubits[above], qubits[n - 1 - level])
    return qubits


amplitude_encoding_from_angles = mottonen_amplitude_encoding_from_angles


def mottonen_angles(amplitudes: ArrayLike) -> tuple[list[float], list[float]]:
    """The angles of RY and of RZ, level by level, that `mottonen_amplitude_encoding_from_angles` takes; no RZ of real ones.

    `amplitudes` are 2**n numbers, normalised here. Raises ValueError for another number of them, or if all are 0.
    """
    given = np.asarray(amplitudes)
    n = len(given).bit_length() - 1
    if given.ndim != 1 or len(given) != 2**n or not given.any():
        raise ValueError(f"2**n amplitudes that are not all 0 are asked for, but these are {given.tolist()}")
    is_real = not np.iscomplexobj(given) or not given.imag.any()
    sizes = given.real if is_real else np.abs(given)
    phases = np.angle(given)
    turns, shifts = [], []
    for _ in range(n):
        low, high = sizes.reshape(-1, 2).T
        turns.append(2 * np.arctan2(high, low))
        sizes = np.hypot(low, high)
        low, high = phases.reshape(-1, 2).T
        shifts.append(high - low)
        phases = (low + high) / 2
    return _walked(turns), [] if is_real else _walked(shifts)


def _walked(levels: list[Any]) -> list[float]:
    """The angles of each level, the last first, as a walk in Gray code over the qubits above takes them."""
    found: list[float] = []
    for angles in reversed(levels):
        steps = np.arange(len(angles))
        gray, width = steps ^ (steps >> 1), len(angles).bit_length() - 1
        chosen = sum(((steps >> bit & 1) << width - 1 - bit for bit in range(width)), np.zeros_like(steps))
        signs = 1 - 2.0 * (np.bitwise_count(np.bitwise_and.outer(gray, chosen)) & 1)
        found += (signs @ angles / len(angles)).tolist()
    return found


@qk.qkernel
def iqp_encoding(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], reps: qk.UInt = 1) -> qk.Vector[qk.Qubit]:
    """`reps` times: H on every qubit, RZ(x[i]) on qubit i, RZZ(x[i] x[j]) on each pair i < j.

    `x` has an angle for each qubit. reps (2n + n(n - 1)/2) gates. Source: Havlicek et al. 2019 (arXiv:1804.11326).
    """
    for _ in qk.range(reps):
        for i in qk.range(q.shape[0]):
            q[i] = qk.rz(qk.h(q[i]), x[i])
        for i in qk.range(q.shape[0]):
            for j in qk.range(i + 1, q.shape[0]):
                q[i], q[j] = qk.rzz(q[i], q[j], x[i] * x[j])
    return q


@qk.qkernel
def z_feature_map(
    q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], reps: qk.UInt = 2, alpha: qk.Float = 2.0
) -> qk.Vector[qk.Qubit]:
    """`reps` times: H on every qubit, P(alpha x[i]) on qubit i.

    `x` has an angle for each qubit. 2n reps gates. Source: Havlicek et al. 2019 (arXiv:1804.11326), first order.
    """
    for _ in qk.range(reps):
        for i in qk.range(q.shape[0]):
            q[i] = qk.p(qk.h(q[i]), alpha * x[i])
    return q


@qk.qkernel
def zz_feature_map(
    q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], reps: qk.UInt = 2, alpha: qk.Float = 2.0
) -> qk.Vector[qk.Qubit]:
    """`reps` times: the gates of `z_feature_map`, then for each pair i < j CX, P(alpha (pi - x[i]) (pi - x[j])) on j, CX.

    `x` has an angle for each qubit. reps (2n + 3n(n - 1)/2) gates, n(n - 1) reps of them CX.
    Source: Havlicek et al. 2019 (arXiv:1804.11326), second order, all pairs.
    """
    for _ in qk.range(reps):
        q = z_feature_map(q, x, 1, alpha)
        for i in qk.range(q.shape[0]):
            for j in qk.range(i + 1, q.shape[0]):
                angle = alpha * (math.pi - x[i]) * (math.pi - x[j])
                q[i], q[j] = qk.within_apply(qk.cx, lambda a, b: (a, qk.p(b, angle)))(q[i], q[j])
    return q


def pauli_feature_map(
    q: qk.Vector[qk.Qubit],
    x: qk.Vector[qk.Float],
    reps: qk.UInt = 2,
    paulis: Sequence[str] = ("Z", "ZZ"),
    alpha: qk.Float = 2.0,
) -> qk.Vector[qk.Qubit]:
    """`reps` times: H on every qubit, then for each word in `paulis` its phases on all choices of len(word) qubits.

    The phase of a word is exp(i angle) on the states where the product of its Paulis is -1; its last letter acts on the lowest
    qubit of the choice. The angle is alpha x[i] for one letter, alpha times the product of the (pi - x[i]) for more.
    `x` has an angle for each qubit. For words of Z alone reps (n + sum over words of (2k - 1) n! / (k! (n - k)!)) gates,
    k = len(word); each letter X or Y has two gates more. Raises ValueError for a letter other than X, Y and Z.
    Source: Havlicek et al. 2019 (arXiv:1804.11326).
    """
    for _ in qk.range(reps):
        for i in qk.range(q.shape[0]):
            q[i] = qk.h(q[i])
        for word in paulis:
            if not word or set(word) - set("XYZ"):
                raise ValueError(f"a word of `paulis` is made of X, Y and Z, but this is {word}")
            q = _pauli_phases(q, x, word[::-1], alpha, [])
    return q


def _pauli_phases(
    q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], letters: str, alpha: qk.Float, chosen: list[qk.UInt]
) -> qk.Vector[qk.Qubit]:
    """The phases of a word, the letter of the lowest qubit first, on every choice of qubits that goes on from `chosen`."""
    if len(chosen) < len(letters):
        for i in qk.range(chosen[-1] + 1 if chosen else 0, q.shape[0]):
            q = _pauli_phases(q, x, letters, alpha, [*chosen, i])
        return q
    for letter, i in zip(letters, chosen, strict=True):
        if letter != "Z":
            q[i] = qk.h(q[i]) if letter == "X" else qk.rx(q[i], math.pi / 2)
    for i, j in pairwise(chosen):
        q[i], q[j] = qk.cx(q[i], q[j])
    angle = alpha * x[chosen[0]] if len(chosen) == 1 else alpha
    if len(chosen) > 1:
        for i in chosen:
            angle = angle * (math.pi - x[i])
    q[chosen[-1]] = qk.p(q[chosen[-1]], angle)
    for i, j in reversed(list(pairwise(chosen))):
        q[i], q[j] = qk.cx(q[i], q[j])
    for letter, i in zip(letters, chosen, strict=True):
        if letter != "Z":
            q[i] = qk.h(q[i]) if letter == "X" else qk.rx(q[i], -math.pi / 2)
    return q
