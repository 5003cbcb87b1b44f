"""Which derivative rule applies to which occurrence of an angle, and parameter shift on any engine.

An expectation value is, as a function of one occurrence's angle, a trigonometric polynomial whose frequencies are the
gaps between the eigenvalues of the gate's generator. Its derivative is therefore a fixed combination of values at
shifted angles: Mitarai et al. 2018 (Phys. Rev. A 98, 032309) for the gap 1, Anselmetti et al. 2021 (New J. Phys. 23,
113010) for the gaps 1/2 and 1, Wierichs et al. 2022 (Quantum 6, 677) in general.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from qkernel.diagnostics import did_you_mean
from qkernel.engine import ESTIMATION, Engine, require_exact_values, require_feature
from qkernel.errors import GradientError
from qkernel.ir.types import FLOAT, ArrayType
from qkernel.lower.angles import AngleMap, OpenParameter, without_turns
from qkernel.lower.circuit import Circuit, Expectation, Kind, Repeat, Run, parts
from qkernel.observable import Hamiltonian, Pauli, PauliOperator

Array = np.ndarray[Any, Any]
Readout = Callable[[Array], Array]

METHODS = ("adjoint", "shift", "spsa", "random_shift", "simultaneous_shift")
MOST_OUTCOMES = 1 << 10
_MOST_PARTS = 64
"""Into so many parts the smallest frequency of an argument may be divided for a common step."""
SHIFTED_BYTES = 1 << 28  # of angles and states at once


@dataclass(frozen=True, slots=True)
class ShiftTerms:
    """The evaluations that give all derivatives by slots: term t moves slot `slots[t]` by `shifts[t]` radians.

    The derivative by slot s is the sum of `coefficients[t]` times the value of term t over the terms of s.
    """

    slots: Array
    shifts: Array
    coefficients: Array

    def __len__(self) -> int:
        return len(self.slots)


def gaps(kind: Kind, angle: int) -> tuple[float, ...]:
    """The positive differences of eigenvalues of the generator of an angle of a gate; none for a global phase.

    A rotation's generator has the eigenvalues -1/2 and 1/2, a phase's 0 and 1; controls add the eigenvalue 0.
    """
    if kind.angle_kinds[angle] == "rotation":
        return (0.5, 1.0) if kind.controls else (1.0,)
    is_global = kind.name == "gphase" or (kind.name == "ug" and angle == 3)
    return () if is_global and not kind.controls else (1.0,)


@lru_cache(maxsize=64)
def shift_rule(frequencies: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    """Pairs (coefficient, shift) that give the derivative of a trigonometric polynomial with these frequencies.

    For R frequencies that are multiples of the lowest, w: the 2R shifts +-(2k - 1) pi / (2 R w).
    """
    count = len(frequencies)
    if not count:
        return ()
    points = (2 * np.arange(1, count + 1) - 1) * np.pi / (2 * count * min(frequencies))
    weights = np.linalg.solve(2 * np.sin(np.outer(frequencies, points)), np.array(frequencies))
    return tuple(
        (sign * weight, sign * point)
        for weight, point in zip(weights.tolist(), points.tolist(), strict=True)
        for sign in (1, -1)
    )


def shift_terms(circuit: Circuit, columns: Sequence[int] | None = None) -> ShiftTerms:
    """The terms for all slots that depend on open parameters, or on the given columns of theta."""
    wanted = circuit.angles.slots_of(columns)
    terms = [
        (slot, shift, coefficient)
        for kind, angle, slot in _occurrences(circuit)
        if slot in wanted
        for coefficient, shift in shift_rule(gaps(kind, angle))
    ]
    slots, shifts, coefficients = zip(*terms, strict=True) if terms else ((), (), ())
    return ShiftTerms(np.array(slots, np.int64), np.array(shifts, float), np.array(coefficients, float))


def argument_shifts(circuit: Circuit, columns: Sequence[int]) -> ShiftTerms:
    """The terms for derivatives by the arguments themselves, where their slots cannot be shifted one by one.

    `slots` of the terms are places in `columns`. What is linear in the state is, as a function of an argument, a
    trigonometric polynomial: its frequencies are multiples of one step, up to the sum of the largest gaps of all its
    occurrences, each times the factor that the argument has there. Two evaluations for each frequency.
    Raises `GradientError` for an argument of angles that are not affine, and for factors without a common step.
    """
    angles, names = circuit.angles, circuit.angles.column_names
    non_affine = {column for _, column, _ in angles.slopes} | set(angles.columns[angles.rows >= angles.num_angles].tolist())
    factors: dict[int, list[tuple[int, float]]] = {}
    for slot, column, factor in zip(angles.rows.tolist(), angles.columns.tolist(), angles.coefficients.tolist(), strict=True):
        factors.setdefault(slot, []).append((column, abs(factor)))
    found: dict[int, list[tuple[float, ...]]] = {}
    for kind, angle, slot in _occurrences(circuit):
        for column, factor in factors.get(slot, ()):
            found.setdefault(column, []).append(tuple(gap * factor for gap in gaps(kind, angle)))
    terms = []
    for place, column in enumerate(columns):
        each = [gaps_here for gaps_here in found.get(column, ()) if gaps_here]
        if column in non_affine:
            raise _no_shift(names[column], "stands in an angle that is no sum of multiples of arguments")
        step = _common_step([gap for gaps_here in each for gap in gaps_here])
        if each and step is None:
            raise _no_shift(names[column], "has factors in the angles that are no multiples of one step")
        count = round(sum(map(max, each)) / step) if step else 0
        frequencies = tuple((step or 0.0) * k for k in range(1, count + 1))
        terms += [(place, shift, coefficient) for coefficient, shift in shift_rule(frequencies)]
    slots, shifts, coefficients = zip(*terms, strict=True) if terms else ((), (), ())
    return ShiftTerms(np.array(slots, np.int64), np.array(shifts, float), np.array(coefficients, float))


def _no_shift(name: str, why: str) -> GradientError:
    return GradientError(f"`{name}` {why}, so that shifting it gives no derivative", help='write `gradient="differences"`')


def _common_step(numbers: Sequence[float]) -> float | None:
    """The largest number that all are multiples of; None if there is none that is not very small."""
    if not numbers:
        return None
    ratios = [Fraction(number / min(numbers)).limit_denominator(_MOST_PARTS) for number in numbers]
    if any(abs(ratio * min(numbers) - number) > 1e-9 * number for ratio, number in zip(ratios, numbers, strict=True)):
        return None
    return min(numbers) / math.lcm(*(ratio.denominator for ratio in ratios))


def cost(circuit: Circuit, columns: Sequence[int] | None = None) -> int:
    """How many evaluations, per sample, parameter shift needs for all values and derivatives."""
    return 1 + len(shift_terms(circuit, columns))


def open_slots(circuit: Circuit, with_loads: bool = False) -> Circuit:
    """The same circuit with every angle slot an open parameter of its own, so that an engine can shift one occurrence.

    `with_loads` says whether states are still loaded, by the slots of their amplitudes, or made by gates.
    """
    count = circuit.angles.num_slots
    slots = np.arange(count, dtype=np.int32)
    parameter = OpenParameter("angles", ArrayType(FLOAT), 0, (count,))
    return replace(
        circuit,
        angles=AngleMap((parameter,), np.zeros(count), slots, slots, np.ones(count)),
        loads=circuit.loads if with_loads else (),
    )


def rows_at_once(circuit: Circuit, engine: Engine) -> int | None:
    """How many evaluations an engine that holds states may get in one call; None for one that sends jobs elsewhere."""
    if "state" not in engine.features:
        return None
    return max(1, SHIFTED_BYTES // (8 * circuit.angles.num_slots + (32 << min(circuit.num_qubits, 40))))


def as_expectations(circuit: Circuit) -> tuple[Circuit, Array]:
    """`circuit` with expectation values in the place of its probabilities, and the matrix from these values to the readouts.

    The probability of an outcome is the mean of the parities of all subsets of its qubits, each with the outcome's sign.
    A circuit without probabilities is handed back itself.
    """
    if not circuit.probabilities:
        return circuit, np.eye(len(circuit.expectations))
    expectations, blocks = list(circuit.expectations), [np.eye(len(circuit.expectations))]
    for qubits in circuit.probabilities:
        outcomes = np.arange(1 << len(qubits))
        for subset in outcomes.tolist():
            parity = Hamiltonian(num_qubits=circuit.num_qubits)
            parity.add_term([PauliOperator(Pauli.Z, qubit) for k, qubit in enumerate(qubits) if subset >> k & 1])
            expectations.append(Expectation(parity))
        blocks.append((1.0 - 2.0 * (np.bitwise_count(outcomes[:, None] & outcomes) & 1)) / len(outcomes))
    matrix = np.zeros((len(expectations), len(expectations)))
    at = 0
    for block in blocks:
        matrix[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return replace(circuit, expectations=tuple(expectations), probabilities=(), outputs=()), matrix


def shift(
    readout: Readout, circuit: Circuit, theta: Array, terms: ShiftTerms | None = None, rows: int | None = None
) -> tuple[Array, Array]:
    """Values (batch, outputs) of `readout` and their derivatives by slots, shape (batch, slots, outputs)."""
    terms = shift_terms(circuit) if terms is None else terms
    angles = without_turns(circuit.angles.evaluate(theta))
    batch, slots = angles.shape
    at_once = 1 + len(terms) if rows is None else max(1, rows // max(1, batch))
    plain = derivatives = np.zeros(0)
    for first in range(-1, len(terms), at_once):  # -1: nothing is moved
        chosen = np.arange(max(first, 0), min(first + at_once, len(terms)))
        moved = np.repeat(angles[None], len(chosen) + (first < 0), axis=0)
        moved[np.arange(len(moved) - len(chosen), len(moved)), :, terms.slots[chosen]] += terms.shifts[chosen, None]
        found = np.asarray(readout(moved.reshape(len(moved) * batch, slots)))
        values = found.reshape(len(moved), batch, found.shape[1])
        if first < 0:
            plain, derivatives = values[0], np.zeros((slots, batch, values.shape[2]))
        terms_values = terms.coefficients[chosen, None, None] * values[len(moved) - len(chosen) :]
        np.add.at(derivatives, terms.slots[chosen], terms_values)
    return plain, np.moveaxis(derivatives, 0, 1)


def method(circuit: Circuit, engine: Engine, gradient: str = "auto", shots: int | None = None) -> str:
    """One of `METHODS`: how derivatives of `circuit` are taken on `engine`, exactly or from `shots`.

    `auto` is the adjoint method where the engine has it, for expectation values and, where nothing is measured before
    them, probabilities of few outcomes; else, and from shots, parameter shift. Raises `GradientError` for an unknown name, for
    an engine without the adjoint method and for a run-time loop, `TargetCapabilityError` for an engine without exact values,
    or without sampling.
    """
    if gradient not in ("auto", *METHODS):
        raise GradientError(
            f"there is no gradient method `{gradient}`{did_you_mean(str(gradient), ['auto', *METHODS])}",
            help=f"the methods are `auto`, {', '.join(f'`{name}`' for name in METHODS[:-1])} and `{METHODS[-1]}`",
        )
    if any(isinstance(part, Repeat) for part in parts(circuit.body)):
        raise GradientError(f"`{circuit.name}` has a `while` on measured bits, which has no derivative")
    outcomes = sum(1 << len(qubits) for qubits in circuit.probabilities)
    few = outcomes <= MOST_OUTCOMES and (not outcomes or circuit.is_unitary)
    has_adjoint = few and (not outcomes or "probabilities" in engine.features) and "gradient" in engine.features
    has_adjoint = has_adjoint and shots is None
    if gradient == "adjoint" and not has_adjoint:
        what = f"the engine `{engine.name}` has" if shots is None else f"`{engine.name} with {shots} shots` has"
        if not few:
            what = f"probabilities of more than {MOST_OUTCOMES} outcomes, or behind measurements, have"
        raise GradientError(f"{what} no adjoint method", help='use `gradient="shift"`')
    if gradient == "adjoint" or (gradient == "auto" and has_adjoint):
        return "adjoint"
    if shots is None:
        require_exact_values(engine, circuit)
    elif ESTIMATION not in engine.features:
        require_feature(engine, "sampling")
    return "shift" if gradient == "auto" else gradient


def _occurrences(circuit: Circuit) -> Iterator[tuple[Kind, int, int]]:
    """Each angle of each gate, branches included: the kind, which of its angles, and the slot."""
    for part in parts(circuit.body):
        if isinstance(part, Run):
            for instruction in circuit.instructions(part):
                for angle, slot in enumerate(instruction.slots):
                    yield instruction.kind, angle, slot
