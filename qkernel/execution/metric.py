"""The Fubini-Study metric of the state that a circuit prepares, by its open angles: what natural gradients are taken with.

g_ij = Re(<d_i psi|d_j psi> - <d_i psi|psi><psi|d_j psi>), a quarter of the quantum Fisher information. All of it is computed
from states; the blocks of layers are covariances of the gates' generators in the state before each layer, which any engine
can measure (Stokes et al. 2020, Quantum 4, 269).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np

from qkernel.engine import require_feature
from qkernel.errors import GradientError, ValidationError
from qkernel.execution.program import Program
from qkernel.ir.types import FLOAT, ArrayType
from qkernel.lower.angles import AngleMap, OpenParameter, without_turns
from qkernel.lower.circuit import Circuit, Expectation, Kind, Run
from qkernel.observable import Hamiltonian, Pauli, PauliOperator, commutator

Array = np.ndarray[Any, Any]
KINDS = ("block_diagonal", "full")
_SMALLEST = 1e-9
"""Eigenvalues below this part of the largest are 0 but for rounding."""

_WORDS = {"rx": "X", "ry": "Y", "rz": "Z", "rxx": "XX", "ryy": "YY", "rzz": "ZZ", "rzx": "ZX"}


def check_kind(kind: Any) -> None:
    """Raise `ValidationError` for an unknown kind of metric."""
    if kind not in KINDS:
        raise ValidationError(f"there is no metric `{kind}`", help="it is `block_diagonal` or `full`")


def metric(program: Program, theta: Array, kind: str, columns: Sequence[int]) -> Array:
    """The metric by all columns of theta, shape (batch, columns, columns), of which `columns` are asked for.

    Raises `GradientError` for a circuit that measures, `TargetCapabilityError` for the full one on an engine without states.
    """
    circuit = program.circuit
    if not circuit.is_unitary:
        raise GradientError(
            f"`{circuit.name}` measures or resets qubits, so that it has no metric",
            help="read out expectation values or probabilities alone",
        )
    count = circuit.angles.num_slots
    slots = np.broadcast_to(np.eye(count), (len(theta), count, count))
    rows = np.broadcast_to(theta[:, None], (len(theta), count, theta.shape[1]))
    by_theta = circuit.angles.pullback(rows, slots)
    circuit.angles.require_derivatives(theta, by_theta, columns)
    angles = without_turns(circuit.angles.evaluate(theta))
    if kind == "full":
        return _of_states(program, angles, by_theta)
    by_slots = np.zeros((len(theta), count, count))
    for layer in layers(circuit):
        places = np.array([slot for slot, _ in layer.generators])
        by_slots[:, places[:, None], places] = layer.covariances(program, angles)
    found: Array = np.einsum("bsc,bst,btd->bcd", by_theta, by_slots, by_theta)
    return found


def natural(metrics: Array, gradients: Array, damping: float) -> Array:
    """Natural gradients (batch, columns): `gradients` times pseudo-inverses of `metrics` (batch, columns, columns)."""
    given: Any = damping
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= float(given) < np.inf:
        raise ValidationError(f"`damping` is a number from 0 on, not {given!r}")
    damped = metrics + float(given) * np.eye(metrics.shape[-1])
    found: Array = np.einsum("bcd,bd->bc", np.linalg.pinv(damped, rcond=_SMALLEST, hermitian=True), gradients)
    return found


def _of_states(program: Program, angles: Array, by_theta: Array) -> Array:
    require_feature(program.engine, "state")
    prepared = program.prepared("slots", np.float64)
    plain = prepared.state(angles)
    slopes = np.zeros((len(angles), by_theta.shape[2], plain.shape[1]), complex)
    for gate in _gates(program.circuit):
        for slot, kind in zip(gate.slots, gate.kind.angle_kinds, strict=True):
            if not by_theta[:, slot].any():
                continue
            ahead, behind = angles.copy(), angles.copy()
            ahead[:, slot] += np.pi
            behind[:, slot] -= np.pi
            # eigenvalues of generators are -1/2, 0, 1/2 for rotations, and 0 and 1 for phases
            if kind == "rotation":
                slope: Array = (prepared.state(ahead) - prepared.state(behind)) / 4
            else:
                slope = 0.5j * (plain - prepared.state(ahead))
            slopes += by_theta[:, slot, :, None] * slope[:, None]
    along = np.einsum("bcx,bx->bc", slopes.conj(), plain)
    found = np.einsum("bcx,bdx->bcd", slopes.conj(), slopes) - along[:, :, None] * along[:, None].conj()
    return np.ascontiguousarray(found.real)


@dataclass(frozen=True)
class _Gate:
    """A gate on its qubits, with the slots of its angles."""

    kind: Kind
    qubits: tuple[int, ...]
    slots: tuple[int, ...]


def _gates(circuit: Circuit, split: bool = False) -> Iterator[_Gate]:
    """The gates in order; `split` makes rotations and phases of those with several angles."""
    for row in circuit.instructions():
        if not row.kind.is_gate:
            continue
        if not split or row.kind.name not in ("u", "ug"):
            yield _Gate(row.kind, row.qubits, row.slots)
            continue
        theta, phi, lam, *gamma = row.slots
        for name, slot in (("p", lam), ("ry", theta), ("p", phi)):
            yield _Gate(replace(row.kind, name=name, num_angles=1), row.qubits, (slot,))
        for slot in gamma:
            controls = row.qubits[: row.kind.controls]
            yield _Gate(replace(row.kind, name="gphase", num_targets=0, num_angles=1), controls, (slot,))


@dataclass
class Layer:
    """Angles whose gates commute, with nothing between them that does not: their generators, by slot, in the state before."""

    circuit: Circuit
    before: tuple[_Gate, ...]
    generators: list[tuple[int, Hamiltonian]] = field(default_factory=list)
    passed: set[int] = field(default_factory=set)

    def takes(self, gate: _Gate, generator: Hamiltonian) -> bool:
        """Whether the gate can be moved to where the layer begins."""
        return self.passed.isdisjoint(gate.qubits) and not any(commutator(generator, one) for _, one in self.generators)

    def covariances(self, program: Program, angles: Array) -> Array:
        """Those of the generators, shape (batch, generators, generators), estimated or exact as the program's readouts are."""
        count = len(self.generators)
        pairs = [(k, other) for k in range(count) for other in range(k, count)]
        observables = [generator for _, generator in self.generators]
        observables += [self.generators[k][1] * self.generators[other][1] for k, other in pairs]
        found = Program(self._circuit(observables), program.engine, shots=program.shots).readouts(angles)
        means, result = found[:, :count], np.zeros((len(angles), count, count))
        for number, (k, other) in enumerate(pairs, count):
            result[:, k, other] = result[:, other, k] = found[:, number] - means[:, k] * means[:, other]
        return result

    def _circuit(self, observables: list[Hamiltonian]) -> Circuit:
        """What comes before, as a function of the slots of the whole circuit, and read out."""
        kinds = list(dict.fromkeys(gate.kind for gate in self.before))
        slots = np.array([slot for gate in self.before for slot in gate.slots], np.int32)
        count = self.circuit.angles.num_slots
        everything = OpenParameter("angles", ArrayType(FLOAT), 0, (count,))
        ones = np.ones(len(slots))
        run = Run(
            np.array([kinds.index(gate.kind) for gate in self.before], np.int32),
            np.array([qubit for gate in self.before for qubit in gate.qubits], np.int32),
            np.zeros(0, np.int32),
            np.full(len(self.before), -1, np.int32),
        )
        return replace(
            self.circuit,
            num_bits=0,
            kinds=tuple(kinds),
            body=(run,) if self.before else (),
            angles=AngleMap((everything,), np.zeros(len(slots)), np.arange(len(slots), dtype=np.int32), slots, ones),
            expectations=tuple(map(Expectation, observables)),
            probabilities=(),
            outputs=(),
            boxes=(),
            loads=(),
            clean=(),
        )


def layers(circuit: Circuit) -> list[Layer]:
    """The circuit's open angles in layers; a gate joins the last one if it can be moved to where that begins."""
    varying, found, before = set(circuit.angles.varying.tolist()), list[Layer](), list[_Gate]()
    for gate in _gates(circuit, split=True):
        open_slots = [slot for slot in gate.slots if slot in varying]
        if open_slots:
            generator = generator_of(gate.kind, gate.qubits)
            if not found or not found[-1].takes(gate, generator):
                found.append(Layer(circuit, tuple(before)))
            found[-1].generators += [(slot, generator) for slot in open_slots]
        elif found:
            found[-1].passed |= set(gate.qubits)
        before.append(gate)
    return found


def generator_of(kind: Kind, qubits: Sequence[int]) -> Hamiltonian:
    """K of a gate exp(-i angle K): half a Pauli word, or minus a projector; times that of the controls on their value."""
    controls, targets = qubits[: kind.controls], qubits[kind.controls :]
    if word := kind.word or _WORDS.get(kind.name):
        letters = zip(word, targets, strict=True)
        result = Hamiltonian.product([PauliOperator(Pauli(letter), qubit) for letter, qubit in letters], 0.5)
    else:  # a phase, whose target is a control like others, or a global one
        controls = (*controls, *targets)
        result = Hamiltonian.identity(-1.0)
    value = kind.control_value | (-1 << kind.controls)
    for k, qubit in enumerate(controls):
        sign = -0.5 if value >> k & 1 else 0.5
        result = result * (Hamiltonian.single_pauli(Pauli.Z, qubit, sign) + 0.5)
    return result
