"""Gates into operations: every kind of gate as rotations, phases, flips, Pauli rotations or a constant matrix."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qkernel.lower.angles import LARGEST_ANGLE, AngleMap, without_turns
from qkernel.lower.circuit import Circuit, Kind
from qkernel_backends.plan.columns import DENSE, DIAGONAL, FLIP, FLIPPING, OTHER, PAULI, PHASES, ROTATION, X, Y, Z
from qkernel_backends.plan.operations import ZERO, Affine, AngleColumns

Array = np.ndarray[Any, Any]

# Constant one-qubit gates as e^(i phase) times rotations: (phase, ((axis, half angle), ...)) in time order.
_PI = math.pi
_FIXED = {
    "x": (_PI / 2, ((X, _PI / 2),)),
    "y": (_PI / 2, ((Y, _PI / 2),)),
    "z": (_PI / 2, ((Z, _PI / 2),)),
    "h": (_PI / 2, ((Z, _PI / 2), (Y, _PI / 4))),
    "s": (_PI / 4, ((Z, _PI / 4),)),
    "sdg": (-_PI / 4, ((Z, -_PI / 4),)),
    "t": (_PI / 8, ((Z, _PI / 8),)),
    "tdg": (-_PI / 8, ((Z, -_PI / 8),)),
    "sx": (_PI / 4, ((X, _PI / 4),)),
    "sxdg": (-_PI / 4, ((X, -_PI / 4),)),
}
_MOST_EXPANDED_CONTROLS = 5
_RENAMING = {"swap", "iswap", "iswapdg"}
"""Gates that exchange the places of qubits, unless they are controlled."""
WIDEST = 62
"""Qubits whose sets fit a whole number of 64 bits; no machine holds a state of more."""


def extended(circuit: Circuit, theta: Array, real: np.dtype[Any]) -> Array:
    """Theta with one further column for each computed slot."""
    columns = np.ascontiguousarray(theta, real)
    if not circuit.angles.computed:
        return columns
    angles = without_turns(circuit.angles.further_columns(theta))
    return np.ascontiguousarray(np.concatenate([columns, angles.astype(real)], 1))


def pulled_back(circuit: Circuit, theta: Array, gradient: Array) -> Array:
    """The gradient by theta, from that by the columns of `extended`."""
    angles = circuit.angles
    if not angles.computed:
        return gradient
    direct, further = np.split(gradient, [angles.num_columns], axis=1)
    by_theta: Array = direct + angles.further_pullback(np.asarray(theta, float), further)
    return by_theta


def angle_rows(angles: AngleMap) -> AngleColumns:
    """The angle of each slot; computed slots read one further column each, after those of theta."""
    computed, angles = np.array(angles.computed, np.int64), angles.affine
    large = np.abs(angles.offsets) > LARGEST_ANGLE
    large[angles.rows] = False  # what is added to them is added first
    offsets = np.where(large, without_turns(angles.offsets), angles.offsets) if large.any() else angles.offsets
    used = angles.coefficients != 0
    if used.all() and not len(computed):
        rows, columns, coefficients = angles.rows, angles.columns, angles.coefficients
    else:
        rows = np.concatenate([angles.rows[used], computed])
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        columns = np.concatenate([angles.columns[used], angles.num_columns + np.arange(len(computed))])[order]
        coefficients = np.concatenate([angles.coefficients[used], np.ones(len(computed))])[order]
    at = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(offsets)))])
    return AngleColumns(
        np.ascontiguousarray(offsets, float), at.astype(np.int64), columns.astype(np.int64), coefficients.astype(float)
    )


@dataclass(frozen=True)
class KindRows:
    """What a kind of gate does, on sets of its own qubits: rows of (kind, x, z, controls, value, slot, factor, offset).

    `z` is the axis of a rotation, the number of amplitudes of a load. `role` and `acts` are for light cones.
    """

    role: int
    renames: bool
    acts: tuple[bool, ...]
    rows: tuple[tuple[Any, ...], ...]


@lru_cache(1024)
def rows_of(kind: Kind) -> KindRows:
    """What a gate does; one on too many qubits has no rows."""
    renames = kind.name in _RENAMING and not kind.controls
    if kind.num_qubits > WIDEST:
        return KindRows(OTHER, renames, (True,) * kind.num_qubits, ())
    rows = _Rows(kind).rows
    acts = 0
    for what, x, z, controls, *_ in rows:
        acts |= x | controls | (z if what == PAULI else 0)
    role = OTHER
    if all(what == PHASES or (what == ROTATION and axis == Z) for what, _, axis, *_ in rows):
        role = DIAGONAL
    elif all(what == FLIP for what, *_ in rows):
        role = FLIPPING
    return KindRows(role, renames, tuple(bool(acts >> k & 1) for k in range(kind.num_qubits)), tuple(rows))


class _Rows:
    """Collects what a kind of gate does. Its angles are affine in its own slots."""

    def __init__(self, kind: Kind) -> None:
        self.rows: list[tuple[Any, ...]] = []
        targets = list(range(kind.controls, kind.num_qubits))
        controls = (1 << kind.controls) - 1
        value = kind.control_value & controls
        angles = [Affine(0.0, ((slot, 1.0),)) for slot in range(kind.num_angles)]
        if kind.name == "swap" and not controls:
            pass
        elif kind.unitary is not None:
            self._matrix(np.array(kind.unitary, complex), targets, controls, value)
        elif kind.word is not None:
            self._pauli(kind.word, targets, angles[0], controls, value)
        else:
            self._gate(kind.name, targets, angles, controls, value)

    def _append(self, kind: int, x: int, z: int, controls: int, value: int, angle: Affine) -> None:
        ((slot, factor),) = angle.terms or ((-1, 0.0),)
        self.rows.append((kind, x, z, controls, value, slot, factor, angle.offset))

    def _flip(self, target: int, controls: int, value: int) -> None:
        self._append(FLIP, 1 << target, 0, controls, value, ZERO)

    def _phases(self, mask: int, angle: Affine, controls: int, value: int) -> None:
        for parity, part in _expanded(mask, angle, controls, value).items():
            if parity and parity & (parity - 1) == 0:
                self._append(ROTATION, parity, Z, 0, 0, part.scaled(-1.0))
            else:
                self._append(PHASES, parity, 0, 0, 0, part)

    def _gate(self, name: str, targets: list[int], angles: list[Affine], controls: int, value: int) -> None:
        match name:
            case "id":
                pass
            case "x" if controls:
                self._flip(targets[0], controls, value)
            case "p":
                self._phase(controls | 1 << targets[0], value | 1 << targets[0], angles[0])
            case "gphase":
                self._phase(controls, value, angles[0])
            case "u" | "ug":
                theta, phi, lam, *gamma = angles
                self._gate("p", targets, [lam], controls, value)
                self._turn(targets[0], Y, theta, controls, value)
                self._gate("p", targets, [phi], controls, value)
                for angle in gamma:
                    self._phase(controls, value, angle)
            case "rx" | "ry" | "rz":
                self._turn(targets[0], "xyz".index(name[1]), angles[0], controls, value)
            case "rxx" | "ryy" | "rzz" | "rzx":
                self._pauli(name[1:].upper(), targets, angles[0], controls, value)
            case "swap":
                first, second = targets
                self._flip(first, 1 << second, 1 << second)
                self._flip(second, controls | 1 << first, value | 1 << first)
                self._flip(first, 1 << second, 1 << second)
            case "iswap" | "iswapdg":
                quarter = Affine(_PI / 2 if name == "iswap" else -_PI / 2)
                for target in targets:
                    self._phase(controls | 1 << target, value | 1 << target, quarter)
                both = 1 << targets[0] | 1 << targets[1]
                self._phase(controls | both, value | both, Affine(_PI))
                if controls:
                    self._gate("swap", targets, [], controls, value)
            case "ecr":
                self._pauli("ZX", targets, Affine(_PI / 2), controls, value)
                self._gate("x", targets[:1], [], controls, value)
            case _:
                phase, factors = _FIXED[name]
                self._factors(phase, factors, targets[0], controls, value)

    def _factors(self, phase: float, factors: Iterable[tuple[int, float]], target: int, controls: int, value: int) -> None:
        for axis, half in factors:
            self._turn(target, axis, Affine(2 * half), controls, value)
        self._phase(controls, value, Affine(phase))

    def _turn(self, target: int, axis: int, angle: Affine, controls: int, value: int) -> None:
        if axis == Z and controls:
            self._parity(1 << target, angle, controls, value)
        else:
            self._append(ROTATION, 1 << target, axis, controls, value, angle.scaled(0.5))

    def _pauli(self, word: str, targets: list[int], angle: Affine, controls: int, value: int) -> None:
        x = sum(1 << target for letter, target in zip(word, targets, strict=True) if letter in "XY")
        z = sum(1 << target for letter, target in zip(word, targets, strict=True) if letter in "ZY")
        support = x | z
        if not support:
            self._phase(controls, value, angle.scaled(-0.5))
        elif support & (support - 1) == 0:
            axis = X if not z else Z if not x else Y
            self._turn(support.bit_length() - 1, axis, angle, controls, value)
        elif not x:
            self._parity(z, angle, controls, value)
        else:
            self._append(PAULI, x, z, controls, value, angle.scaled(0.5))

    def _parity(self, mask: int, angle: Affine, controls: int, value: int) -> None:
        """exp(-i angle/2 Z_mask) where the controls hold."""
        if controls.bit_count() > _MOST_EXPANDED_CONTROLS:
            self._append(PAULI, 0, mask, controls, value, angle.scaled(0.5))
            return
        self._phases(mask, angle.scaled(-0.5), controls, value)

    def _phase(self, controls: int, value: int, angle: Affine) -> None:
        """exp(i angle) where the controls hold."""
        if controls.bit_count() > _MOST_EXPANDED_CONTROLS:
            target = 1 << controls.bit_length() - 1
            rest, held = controls & ~target, value & ~target
            sign = 1.0 if value & target else -1.0
            self._phase(rest, held, angle.scaled(0.5))
            self._append(ROTATION, target, Z, rest, held, angle.scaled(sign / 2))
            return
        self._phases(0, angle, controls, value)

    def _matrix(self, matrix: np.ndarray, targets: list[int], controls: int, value: int) -> None:
        if len(targets) == 1:
            self._factors(*euler(matrix), targets[0], controls, value)
        else:
            self._append(DENSE, sum(1 << target for target in targets), 0, controls, value, ZERO)


def _expanded(mask: int, coefficient: Affine, controls: int, value: int) -> dict[int, Affine]:
    """`coefficient` times (-1)^|x & mask| where the controls hold, as a sum over parities."""
    terms = {mask: coefficient.scaled(0.5 ** controls.bit_count())}
    rest = controls
    while rest:
        bit = rest & -rest
        rest ^= bit
        sign = -1.0 if value & bit else 1.0
        terms |= {term ^ bit: affine.scaled(sign) for term, affine in terms.items()}
    return terms


def euler(matrix: np.ndarray) -> tuple[float, tuple[tuple[int, float], ...]]:
    """The phase and the half angles of Z, Y, Z rotations whose product is a one-qubit unitary."""
    phase = cmath.phase(complex(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])) / 2
    a, b = complex(matrix[0, 0]) * cmath.exp(-1j * phase), complex(matrix[1, 0]) * cmath.exp(-1j * phase)
    half = math.atan2(abs(b), abs(a))
    of_a, of_b = cmath.phase(a) if abs(a) > 1e-15 else 0.0, cmath.phase(b) if abs(b) > 1e-15 else 0.0
    return phase, ((Z, (-of_a - of_b) / 2), (Y, half), (Z, (of_b - of_a) / 2))
