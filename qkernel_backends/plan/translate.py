"""Gates into operations: every gate as rotations, phases, flips, Pauli rotations or a constant matrix."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from qkernel.lower import preparation
from qkernel.lower.angles import LARGEST_ANGLE, AngleMap, without_turns
from qkernel.lower.circuit import Circuit, Instruction, Kind
from qkernel_backends.plan.operations import Affine, Dense, Flip, Load, Operation, PauliRotation, Phases, Rotation, X, Y, Z

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
"""Gates that may exchange the places of qubits."""


def extended(circuit: Circuit, theta: Array, real: np.dtype[Any]) -> Array:
    """Theta with one further column for each computed slot."""
    columns = np.ascontiguousarray(theta, real)
    if not circuit.angles.computed:
        return columns
    angles = without_turns(circuit.angles.further_columns(theta))
    return np.ascontiguousarray(np.concatenate([columns, angles.astype(real)], 1))


def angle_rows(angles: AngleMap) -> list[Affine]:
    """The angle of each slot; computed slots read one further column each, after those of theta."""
    computed, angles = angles.computed, angles.affine
    large = np.abs(angles.offsets) > LARGEST_ANGLE
    large[angles.rows] = False  # what is added to them is added first
    result = [Affine(offset) for offset in np.where(large, without_turns(angles.offsets), angles.offsets).tolist()]
    used = np.flatnonzero(angles.coefficients)
    slots, first = np.unique(angles.rows[used], return_index=True)
    terms = list(zip(angles.columns[used].tolist(), angles.coefficients[used].tolist(), strict=True))
    bounds = [*first.tolist(), len(terms)]
    for k, slot in enumerate(slots.tolist()):
        result[slot] = Affine(result[slot].offset, tuple(terms[bounds[k] : bounds[k + 1]]))
    for extra, slot in enumerate(computed):
        result[slot] = Affine(result[slot].offset, ((angles.num_columns + extra, 1.0),))
    return result


class Translation:
    """Collects operations. Swaps only rename: `place[q]` is where qubit q of the circuit has its amplitudes."""

    def __init__(self, num_qubits: int, rows: list[Affine]) -> None:
        self.rows = rows
        self.place = list(range(num_qubits))
        self.operations: list[Operation] = []
        self._constant: dict[tuple[int, ...], list[Operation]] = {}

    def add(self, instruction: Instruction) -> None:
        """Append what `instruction`, a gate, does. Gates without angles are worked out once for their qubits."""
        kind = instruction.kind
        targets = [self.place[qubit] for qubit in instruction.qubits]
        if instruction.slots or kind.name in _RENAMING:
            self._add(instruction, kind, targets)
            return
        key = id(kind), *targets
        if key in self._constant:
            self.operations += self._constant[key]
        else:
            before = len(self.operations)
            self._add(instruction, kind, targets)
            self._constant[key] = self.operations[before:]

    def _add(self, instruction: Instruction, kind: Kind, targets: list[int]) -> None:
        angles = [self.rows[slot] for slot in instruction.slots]
        controls = value = 0
        if kind.controls:
            for bit, qubit in enumerate(targets[: kind.controls]):
                controls |= 1 << qubit
                value |= (kind.control_value >> bit & 1) << qubit
            del targets[: kind.controls]
        if kind.name == "swap" and not controls:
            first, second = instruction.qubits
            self.place[first], self.place[second] = self.place[second], self.place[first]
        elif kind.unitary is not None:
            self._matrix(np.array(kind.unitary, complex), targets, controls, value)
        elif kind.word is not None:
            self._pauli(kind.word, targets, angles[0], controls, value)
        else:
            self._gate(kind.name, targets, angles, controls, value)
            if kind.name in ("iswap", "iswapdg") and not controls:
                first, second = instruction.qubits
                self.place[first], self.place[second] = self.place[second], self.place[first]

    def load(self, load: preparation.Load) -> None:
        """Append what sets a state."""
        amplitudes = [self.rows[slot] for slot in load.slots]
        self.operations.append(Load(tuple(self.place[qubit] for qubit in load.qubits), tuple(amplitudes)))

    def _gate(self, name: str, targets: list[int], angles: list[Affine], controls: int, value: int) -> None:
        match name:
            case "id":
                pass
            case "x" if controls:
                self.operations.append(Flip(targets[0], controls, value))
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
                self.operations.append(Flip(first, 1 << second, 1 << second))
                self.operations.append(Flip(second, controls | 1 << first, value | 1 << first))
                self.operations.append(Flip(first, 1 << second, 1 << second))
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
            self.operations.append(Rotation(target, ((axis, angle.scaled(0.5)),), controls, value))

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
            self.operations.append(PauliRotation(x, z, angle.scaled(0.5), controls, value))

    def _parity(self, mask: int, angle: Affine, controls: int, value: int) -> None:
        """exp(-i angle/2 Z_mask) where the controls hold."""
        if controls.bit_count() > _MOST_EXPANDED_CONTROLS:
            self.operations.append(PauliRotation(0, mask, angle.scaled(0.5), controls, value))
            return
        self.operations.append(Phases(_expanded(mask, angle.scaled(-0.5), controls, value)))

    def _phase(self, controls: int, value: int, angle: Affine) -> None:
        """exp(i angle) where the controls hold."""
        if controls.bit_count() > _MOST_EXPANDED_CONTROLS:
            target = 1 << controls.bit_length() - 1
            rest, held = controls & ~target, value & ~target
            sign = 1.0 if value & target else -1.0
            self._phase(rest, held, angle.scaled(0.5))
            self.operations.append(Rotation(target.bit_length() - 1, ((Z, angle.scaled(sign / 2)),), rest, held))
            return
        self.operations.append(Phases(_expanded(0, angle, controls, value)))

    def _matrix(self, matrix: np.ndarray, targets: list[int], controls: int, value: int) -> None:
        if len(targets) == 1:
            self._factors(*euler(matrix), targets[0], controls, value)
        else:
            self.operations.append(Dense(tuple(targets), matrix, controls, value))


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


def translate(
    circuit: Circuit, instructions: Iterable[Instruction] | None = None, angles: list[Affine] | None = None
) -> Translation:
    """All gates of `instructions` (default: of the whole straight circuit; barriers are passed over)."""
    translation = Translation(circuit.num_qubits, angle_rows(circuit.angles) if angles is None else angles)
    for instruction in circuit.with_loads(circuit.instructions() if instructions is None else instructions):
        if isinstance(instruction, preparation.Load):
            translation.load(instruction)
        elif instruction.kind.is_gate:
            translation.add(instruction)
    return translation
