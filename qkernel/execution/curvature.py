"""Second derivatives by shifting twice, on any engine, exactly or from shots (Mari et al. 2021, Phys. Rev. A 103, 012405)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qkernel.errors import GradientError
from qkernel.execution.gradient import ShiftTerms, shift_terms
from qkernel.execution.program import Program
from qkernel.lower.angles import without_turns

Array = np.ndarray[Any, Any]
Move = tuple[tuple[int, float], ...]
"""How far slots are moved, in radians, by slot."""
_ALIKE = 1e-7
"""Radians: shifts so near each other are one, for those of the rules are fractions of pi."""


def double_shift_hessian(program: Program, theta: Array, columns: Sequence[int]) -> Array:
    """Second derivatives of the outputs by `columns` of theta, shape (batch, outputs, all columns, all columns), else zeros.

    Every pair of shifts is one evaluation, those that come out alike are one, and all of them are one call of the engine.
    The method of `program` is not the adjoint one. Raises `GradientError` for amplitudes that stay open.
    """
    circuit, outputs = program.circuit, program.outputs
    _refuse_amplitudes(program, columns)
    terms = shift_terms(circuit, columns)
    slots, places = np.unique(terms.slots, return_inverse=True)
    moves, once, twice = _moves(terms)
    angles = np.repeat(without_turns(circuit.angles.evaluate(theta))[None], len(moves), axis=0)
    for number, move in enumerate(moves):
        for slot, far in move:
            angles[number, :, slot] += far
    values = program.readouts_at(angles.reshape(-1, angles.shape[2])).reshape(len(moves), len(theta), -1)
    first = np.zeros((len(slots), *values.shape[1:]))
    np.add.at(first, places, terms.coefficients[:, None, None] * values[once])
    second = np.zeros((len(slots), *first.shape))
    weights = np.outer(terms.coefficients, terms.coefficients)
    for k in range(len(terms)):
        np.add.at(second[places[k]], places, weights[k][:, None, None] * values[twice[k]])
    readouts, by_theta, again = _by_theta(program, theta, slots, (values[0], first, second))
    environment = outputs.environment(theta, readouts)
    slopes, _ = outputs.slopes(environment, len(theta))
    found = np.einsum("bnv,bvcd->bncd", slopes, again)
    width = readouts.shape[1]
    leaves = np.concatenate([by_theta, np.broadcast_to(np.eye(by_theta.shape[2]), (len(theta), *[by_theta.shape[2]] * 2))], 1)
    assert leaves.shape[1] == width + by_theta.shape[2]
    for output, one, other, value in outputs.curvatures(environment, len(theta)):
        found[:, output] += value[:, None, None] * leaves[:, one, :, None] * leaves[:, other, None, :]
    asked = np.isin(np.arange(found.shape[2]), list(columns))
    found = np.where(asked[:, None] & asked, found, 0.0)
    if not np.isfinite(found).all():
        raise GradientError(
            f"a second derivative of `{circuit.name}` has no finite value here",
            help="fix the argument that has none: `kernel.compile(bindings={...})`",
        )
    return found


def _refuse_amplitudes(program: Program, columns: Sequence[int]) -> None:
    angles = program.circuit.angles
    moving = set(angles.rows[np.isin(angles.columns, list(columns))].tolist())
    for part in angles.preparations:
        if not moving.isdisjoint(part.range):
            raise GradientError(
                f"there are no second derivatives by the amplitudes that prepare `{part.name}`",
                help="fix them, and differentiate by other arguments: `wrt=...`",
            )


def _moves(terms: ShiftTerms) -> tuple[list[Move], Array, Array]:
    """The different moves, none first; which of them each term is, shape (terms,), and each two of them, (terms, terms).

    A slot of two terms has the frequency 1 alone, and the period 2 pi; one of four has twice that.
    """
    slots, counts = np.unique(terms.slots, return_counts=True)
    periods = {
        slot: 2 * np.pi if count == 2 else 4 * np.pi for slot, count in zip(slots.tolist(), counts.tolist(), strict=True)
    }
    numbers: dict[Move, int] = {(): 0}
    found: list[Move] = [()]

    def number(*chosen: int) -> int:
        far: dict[int, float] = {}
        for k in chosen:
            slot = int(terms.slots[k])
            far[slot] = far.get(slot, 0.0) + float(terms.shifts[k])
        wrapped = [(slot, (shift + _ALIKE) % periods[slot] - _ALIKE) for slot, shift in sorted(far.items())]
        move = tuple((slot, shift) for slot, shift in wrapped if abs(shift) > _ALIKE)
        key = tuple((slot, round(shift / _ALIKE)) for slot, shift in move)
        if key not in numbers:
            numbers[key] = len(found)
            found.append(move)
        return numbers[key]

    count = len(terms)
    once = np.array([number(k) for k in range(count)], int)
    twice = np.zeros((count, count), int)
    for k in range(count):
        for other in range(k, count):
            twice[k, other] = twice[other, k] = number(k, other)
    return found, once, twice


def _by_theta(program: Program, theta: Array, slots: Array, found: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """Readouts (batch, readouts), their derivatives (batch, readouts, columns) and second ones, of those by slots."""
    values, first, second = found
    angles, (batch, width) = program.circuit.angles, values.shape
    by_slots = np.zeros((batch, width, angles.num_slots))
    by_slots[:, :, slots] = np.moveaxis(first, 0, 2)
    pulled = angles.pullback(np.broadcast_to(theta[:, None], (batch, width, theta.shape[1])), by_slots)
    twice = np.zeros((batch, width, len(slots), angles.num_slots))
    twice[..., slots] = np.moveaxis(second, (0, 1), (2, 3))
    rows = np.broadcast_to(theta[:, None, None], (batch, width, len(slots), theta.shape[1]))
    once_pulled = np.zeros((batch, width, theta.shape[1], angles.num_slots))
    once_pulled[..., slots] = np.moveaxis(angles.pullback(rows, twice), 2, 3)
    rows = np.broadcast_to(theta[:, None, None], (batch, width, theta.shape[1], theta.shape[1]))
    curved = angles.curvature(theta, by_slots)
    return values, pulled, angles.pullback(rows, once_pulled) + curved
