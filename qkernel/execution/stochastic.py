"""Gradients from few evaluations at random: unbiased, or nearly so, and noisy; what they cost does not grow with the angles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from qkernel.errors import ValidationError
from qkernel.execution.gradient import ShiftTerms
from qkernel.lower.circuit import Circuit

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class SPSA:
    """Both sides of a random direction, in which every argument moves by `step` radians: `gradient=SPSA()`, or "spsa".

    The difference over 2 `step`, times the direction's sign, stands for the derivative by each argument (Spall 1992, IEEE
    Trans. Autom. Control 37, 332; in networks, with torch's own derivatives around, Hoffmann and Brown 2022, arXiv
    2211.13981). Its mean is off the derivative by about step**2 times third derivatives. 2 evaluations for each of
    `directions`, which are averaged. Raises `ValidationError` for a bad number.
    """

    step: float = 0.1
    directions: int = 1

    name = "spsa"

    def __post_init__(self) -> None:
        step: Any = self.step
        if isinstance(step, bool) or not isinstance(step, Real) or not 0 < float(step) < np.inf:
            raise ValidationError(f"`step` is a number of radians above 0, not {step!r}")
        _check_number("directions", self.directions)

    def evaluations(self, terms: ShiftTerms) -> int:
        """How many a sample takes, beside the plain one."""
        return 2 * self.directions

    def moves(self, circuit: Circuit, theta: Array, columns: Sequence[int], terms: ShiftTerms, random: Any) -> Moves:
        """See `Moves`."""
        samples = np.repeat(np.arange(len(theta)), self.directions)
        signs = np.zeros((len(samples), theta.shape[1]))
        signs[:, columns] = random.choice((-1.0, 1.0), (len(samples), len(columns)))
        angles = [circuit.angles.evaluate(theta[samples] + side * self.step * signs) for side in (1, -1)]
        weights = signs / (2 * self.step * self.directions)
        return Moves(np.concatenate(angles), np.tile(samples, 2), np.concatenate([weights, -weights]))


@dataclass(frozen=True, slots=True)
class RandomShift:
    """The shift rule for some angles, drawn anew each time, times what makes up for the others: "random_shift".

    Unbiased. Of a sample's angles `coordinates` are drawn, none twice; each takes the 2 or 4 evaluations of its rule, and
    the derivatives by the others are 0. Raises `ValidationError` for a bad number.
    """

    coordinates: int = 1

    name = "random_shift"

    def __post_init__(self) -> None:
        _check_number("coordinates", self.coordinates)

    def evaluations(self, terms: ShiftTerms) -> int:
        """How many a sample takes at most, beside the plain one."""
        _, each = np.unique(terms.slots, return_counts=True)
        return int(np.sort(each)[::-1][: self.coordinates].sum())

    def moves(self, circuit: Circuit, theta: Array, columns: Sequence[int], terms: ShiftTerms, random: Any) -> Moves:
        """See `Moves`."""
        slots, place = np.unique(terms.slots, return_inverse=True)
        count = min(self.coordinates, len(slots))
        chosen = random.permuted(np.tile(np.arange(len(slots)), (len(theta), 1)), axis=1)[:, :count]
        samples, numbers = np.nonzero((place[None, :, None] == chosen[:, None, :]).any(2))
        moved = terms.slots[numbers]
        angles, weights = circuit.angles.evaluate(theta)[samples], np.zeros((len(samples), circuit.angles.num_slots))
        angles[np.arange(len(samples)), moved] += terms.shifts[numbers]
        weights[np.arange(len(samples)), moved] = terms.coefficients[numbers] * (len(slots) / max(1, count))
        return Moves(angles, samples, circuit.angles.pullback(theta[samples], weights))


@dataclass(frozen=True, slots=True)
class SimultaneousShift:
    """Both sides of a random direction, in which all angles move at once by a shift that is drawn: "simultaneous_shift".

    Along such a direction what is read out is a wave of R frequencies, one step apart, whose derivative is a sum of values at
    2R shifts, most of it from the smallest (Wierichs et al. 2022, Quantum 6, 677). A pair of them is drawn by its share in
    the sum: like SPSA, and unbiased. 2 evaluations for each of `directions`, which are averaged. Raises `ValidationError`
    for a bad number.
    """

    directions: int = 1

    name = "simultaneous_shift"

    def __post_init__(self) -> None:
        _check_number("directions", self.directions)

    def evaluations(self, terms: ShiftTerms) -> int:
        """How many a sample takes, beside the plain one."""
        return 2 * self.directions if len(terms) else 0

    def moves(self, circuit: Circuit, theta: Array, columns: Sequence[int], terms: ShiftTerms, random: Any) -> Moves:
        """See `Moves`."""
        slots, each = np.unique(terms.slots, return_counts=True)
        samples = np.repeat(np.arange(len(theta)), self.directions if len(slots) else 0)
        step = 0.5 if (each > 2).any() else 1.0  # four terms are those of the gaps 1/2 and 1
        points = (2 * np.arange(1, round(len(slots) / step) + 1) - 1) * np.pi / (2 * max(1, len(slots)))
        parts = np.sin(points * step / 2) ** -2.0
        drawn = random.choice(len(points), len(samples), p=parts / parts.sum()) if len(samples) else np.zeros(0, int)
        signs = np.zeros((len(samples), circuit.angles.num_slots))
        signs[:, slots] = random.choice((-1.0, 1.0), (len(samples), len(slots)))
        plain, moved = circuit.angles.evaluate(theta)[samples], signs * points[drawn, None]
        # the coefficients step / (4 R sin(..)**2) add up to R step / 2, half the number of angles
        weights = signs * (np.where(drawn % 2, -0.5, 0.5) * len(slots) / self.directions)[:, None]
        by_theta = circuit.angles.pullback(theta[samples], weights)
        return Moves(np.concatenate([plain + moved, plain - moved]), np.tile(samples, 2), np.concatenate([by_theta, -by_theta]))


Rule = SPSA | RandomShift | SimultaneousShift
RULES: dict[str, Callable[[], Rule]] = {rule.name: rule for rule in (SPSA, RandomShift, SimultaneousShift)}


def rule_of(gradient: Any) -> Rule | None:
    """The rule that is asked for by itself or by its name; None for any other method."""
    if isinstance(gradient, str) and gradient in RULES:
        return RULES[gradient]()
    return gradient if isinstance(gradient, Rule) else None


def _check_number(name: str, given: Any) -> None:
    if isinstance(given, bool) or not isinstance(given, Integral) or given < 1:
        raise ValidationError(f"`{name}` is a whole number of at least 1, not {given!r}")


@dataclass(frozen=True, slots=True)
class Moves:
    """Evaluations of samples at other angles: shape (evaluations, slots), the sample of each, and its weight in derivatives.

    The derivative of a sample's readout by a column of theta is the sum of its evaluations' values times their `weights`
    (evaluations, columns).
    """

    angles: Array
    samples: Array
    weights: Array
