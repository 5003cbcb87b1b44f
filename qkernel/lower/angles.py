"""The angle map: every angle of a circuit as an affine function of its open parameters.

`a = A @ theta + b`, sparse, plus the rare rows that are not affine, kept as expressions. Binding, batching, shift rules,
the chain rule and the torch bridge all read this one structure.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.errors import GradientError, TargetCapabilityError
from qkernel.ir.expressions import Const, Expr, Item, Name, wrap
from qkernel.ir.trees import variables
from qkernel.ir.types import DictType, Type
from qkernel.lower.angle_values import angle_value, derivative_or_nan, derivative_value, evaluated, of_sample
from qkernel.lower.derivatives import derivatives
from qkernel.lower.preparation import Preparation, angles, angles_pullback, normalised, normalised_pullback
from qkernel.lower.schedules import Scattered, Schedule

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int32]]
Array = np.ndarray[Any, Any]

LARGEST_ANGLE = float(1 << 15)
"""Angles up to this may be added up before whole turns are taken off: what rounding loses is then below 1e-11."""

_MANY = 16
"""So many non-affine angles are worth computing together."""


def without_turns(angles: Array) -> Floats:
    """The same rotations by angles between -2 pi and 2 pi: multiples of 4 pi are off, exactly; NaN for what is not finite.

    The half angle comes from its own sine and cosine, which the C library gives exactly however large it is.
    """
    angles = np.asarray(angles, float)
    if -2 * np.pi <= angles.min(initial=0.0) and angles.max(initial=0.0) <= 2 * np.pi:
        return angles.copy()
    with np.errstate(invalid="ignore"):
        halves = angles / 2
        return np.where(np.abs(angles) <= 2 * np.pi, angles, 2 * np.arctan2(np.sin(halves), np.cos(halves)))


@dataclass(frozen=True)
class OpenParameter:
    """An argument that stays open: its columns `start` to `start + size` of theta, in C order of `shape` (() for a scalar).

    `keys` are the keys of a dictionary argument, in column order; its shape is their number.
    """

    name: str
    type: Type
    start: int
    shape: tuple[int, ...] = ()
    keys: tuple[Any, ...] = ()

    @property
    def is_dictionary(self) -> bool:
        """Whether its columns go by keys; a dictionary may have none."""
        return isinstance(self.type, DictType)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def column_names(self) -> tuple[str, ...]:
        """`theta`, or `weights[0]`, `m[0][1]`, `d[(0, 1)]`, one for each column."""
        if self.is_dictionary:
            return tuple(f"{self.name}[{key}]" for key in self.keys)
        return tuple(self.name + "".join(f"[{k}]" for k in index) for index in np.ndindex(*self.shape))

    @property
    def elements(self) -> tuple[Expr, ...]:
        """The expression that names each column."""
        base = Name(self.name, self.type)
        if self.is_dictionary:
            return tuple(Item(base, (wrap(key),)) for key in self.keys)
        if not self.shape:
            return (base,)
        return tuple(Item(base, tuple(Const(k) for k in index)) for index in np.ndindex(*self.shape))

    def read(self, columns: Array) -> Any:
        """The value of the argument in an environment; `columns` holds theta with its columns along the first axis."""
        mine = columns[self.start : self.start + self.size]
        if self.is_dictionary:
            return dict(zip(self.keys, mine, strict=True))
        return mine.reshape(self.shape + mine.shape[1:]) if self.shape else mine[0]


@dataclass(frozen=True, eq=False)
class AngleMap:
    """`num_slots` angles of `num_columns` open parameters.

    The affine part is in coordinate form: slot `rows[k]` has `coefficients[k]` times column `columns[k]`, plus
    `offsets[slot]`; rows ascend, columns ascend within a row, no pair stands twice. `non_affine` holds (slot, expression)
    for slots that are not affine, ascending; their expressions name the open parameters, and their offsets are 0.
    What makes a vector of amplitudes a state stands in `preparations`: see there.
    """

    parameters: tuple[OpenParameter, ...]
    offsets: Floats
    rows: Integers
    columns: Integers
    coefficients: Floats
    non_affine: tuple[tuple[int, Expr], ...] = ()
    preparations: tuple[Preparation, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AngleMap):
            return NotImplemented
        arrays = ("offsets", "rows", "columns", "coefficients")
        parts = (self.parameters, self.non_affine, self.preparations)
        return parts == (other.parameters, other.non_affine, other.preparations) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays
        )

    def __hash__(self) -> int:
        return hash((self.parameters, self.num_slots, len(self.rows)))

    def __repr__(self) -> str:
        names = ", ".join(parameter.name for parameter in self.parameters)
        return f"<AngleMap of {self.num_slots} angles, parameters ({names})>"

    @property
    def num_slots(self) -> int:
        return len(self.offsets)

    @cached_property
    def num_columns(self) -> int:
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        return tuple(name for parameter in self.parameters for name in parameter.column_names)

    @property
    def elements(self) -> Iterator[Expr]:
        """What stands for each column in expressions."""
        return (element for parameter in self.parameters for element in parameter.elements)

    @property
    def terms(self) -> Iterator[tuple[int, int, float]]:
        """The affine part as (slot, column, coefficient)."""
        return zip(self.rows.tolist(), self.columns.tolist(), self.coefficients.tolist(), strict=True)

    @cached_property
    def identity(self) -> bool:
        """Whether the angles are the columns themselves, in order."""
        count = self.num_columns
        return (
            not self.computed
            and len(self.rows) == self.num_slots == count
            and not self.offsets.any()
            and bool((self.coefficients == 1).all())
            and np.array_equal(self.rows, np.arange(count))
            and np.array_equal(self.columns, np.arange(count))
        )

    @cached_property
    def computed(self) -> tuple[int, ...]:
        """The slots that engines take as further columns, one each, behind those of theta: none of them is affine.

        The non-affine angles; the amplitudes of vectors that are loaded; the angles of those that are not.
        """
        slots = [slot for slot, _ in self.non_affine if slot < self.num_angles]
        for part in self.preparations:
            slots += part.range if part.is_loaded else part.slots.tolist()
        return tuple(slots)

    def computed_by(self, columns: Collection[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The numbers, as columns behind theta, of the computed slots that depend on some of `columns`, and of the others."""
        numbers = {slot: self.num_columns + k for k, slot in enumerate(self.computed)}
        moving = self._moved_by(columns)
        found: dict[bool, list[int]] = {True: [], False: []}
        for slot, _ in self.non_affine:
            if slot < self.num_angles:
                found[slot in moving].append(numbers[slot])
        for part in self.preparations:
            slots = part.range if part.is_loaded else part.slots.tolist()
            found[not moving.isdisjoint(part.range)] += [numbers[slot] for slot in slots]
        return tuple(found[True]), tuple(found[False])

    @cached_property
    def computed_slots(self) -> Array:
        """`computed` as an array."""
        return np.array(self.computed, int)

    @cached_property
    def _non_affine_slots(self) -> Array:
        return np.array([slot for slot, _ in self.non_affine], int)

    @cached_property
    def affine(self) -> AngleMap:
        """The map of the slots of gates that are affine; at the computed slots it has 0."""
        count = np.searchsorted(self.rows, self.num_angles)
        offsets = np.where(np.arange(self.num_slots) < self.num_angles, self.offsets, 0.0)
        return AngleMap(self.parameters, offsets, self.rows[:count], self.columns[:count], self.coefficients[:count])

    @cached_property
    def _rest(self) -> AngleMap:
        """The map of all other slots; at those of gates that are affine it has 0."""
        first = np.searchsorted(self.rows, self.num_angles)
        return replace(self, rows=self.rows[first:], columns=self.columns[first:], coefficients=self.coefficients[first:])

    @cached_property
    def num_angles(self) -> int:
        """The slots of gates, which come first; amplitudes stand behind them."""
        return min((part.start for part in self.preparations), default=self.num_slots)

    @cached_property
    def varying(self) -> Array:
        """The slots of gates that depend on open parameters, ascending."""
        slots = [slot for slot, _ in self.non_affine]
        found = np.unique(np.concatenate([self.rows, np.array(slots, int), *(part.slots for part in self.preparations)]))
        return found[found < self.num_angles]

    def require_formulas(self, where: str) -> None:
        """Raise `TargetCapabilityError` if there are angles that only numbers can be given for."""
        if any(len(part.slots) for part in self.preparations):
            raise TargetCapabilityError(
                f"the angles of gates that prepare a state of open amplitudes have no formula in {where}",
                help="bind the amplitudes first; running the kernel works as it is",
            )

    @cached_property
    def largest_column(self) -> float:
        """Columns of theta up to this keep every angle that depends on them within `LARGEST_ANGLE`; 0 if none does."""
        sums = np.bincount(self.rows, np.abs(self.coefficients))[: self.num_angles]
        if not sums.any():
            return LARGEST_ANGLE
        left = LARGEST_ANGLE - np.abs(self.offsets[: len(sums)][sums > 0]).max()
        return float(max(0.0, left) / max(sums.max(), 1e-9))

    def evaluate(self, theta: Array) -> Array:
        """The angles, float64 of shape (..., slots), for `theta` of shape (..., columns); amplitudes as those of a state.

        Raises `ArithmeticEvaluationError` where an angle has no value, or a vector of amplitudes no direction.
        """
        result = self._amplitudes(theta)
        for part in self.preparations:
            vector = result[..., part.start : part.stop]
            vector[...] = _state(part, vector)
            if len(part.slots):
                result[..., part.slots] = angles(vector, part.is_complex)[..., part.positions] * part.coefficients
        return result

    def further_columns(self, theta: Array) -> Array:
        """What `evaluate` gives for the slots that are `computed`, without computing the others."""
        if not self.preparations:
            return self._non_affine_values(np.asarray(theta, float))
        result = self._rest._amplitudes(theta)
        for part in self.preparations:
            vector = result[..., part.start : part.stop]
            state = _state(part, vector)
            if part.is_loaded:
                vector[...] = state
            else:
                result[..., part.slots] = angles(state, part.is_complex)[..., part.positions] * part.coefficients
        return result[..., self.computed_slots]

    def further_pullback(self, theta: Array, gradient: Array) -> Array:
        """What `pullback` gives for `gradient` by the slots that are `computed`, and 0 by the others."""
        if not self.preparations:
            return self._non_affine_pullback(_floating(theta), np.asarray(gradient, float))
        slots = np.zeros((*gradient.shape[:-1], self.num_slots))
        slots[..., self.computed_slots] = gradient
        return self._rest.pullback(theta, slots)

    def _amplitudes(self, theta: Array) -> Array:
        """The angles but those of preparations, and amplitudes as they are given."""
        theta = np.asarray(theta, float)
        result = np.broadcast_to(self.offsets, (*theta.shape[:-1], self.num_slots)).copy()
        if len(self.rows):
            with np.errstate(over="ignore", invalid="ignore"):
                self._by_row.add(result, theta[..., self.columns] * self.coefficients)
        if self.non_affine:
            result[..., self._non_affine_slots] = self._non_affine_values(theta)
        return result

    def _non_affine_values(self, theta: Array) -> Array:
        if self._schedule and (together := self._schedule.finite_values(theta)) is not None:
            return together
        result, environment = np.empty((*theta.shape[:-1], len(self.non_affine))), self._environment(theta)
        for k, (_, expression) in enumerate(self.non_affine):
            result[..., k] = evaluated(expression, environment, theta.shape[:-1], angle_value)
        return result

    @cached_property
    def _schedule(self) -> Schedule | None:
        """The non-affine angles, where they are many."""
        columns, angles = {leaf: k for k, leaf in enumerate(self.elements)}, [angle for _, angle in self.non_affine]
        return Schedule.of(angles, columns) if len(angles) >= _MANY else None

    def pullback(self, theta: Array, slot_gradient: Array) -> Array:
        """The gradient by `theta`, shape (..., columns), of a function whose gradient by the angles is `slot_gradient`.

        Both arguments share their leading axes. A column is NaN where the derivative of a non-affine angle by it has no finite
        value; whether that one is asked for is for the caller to know: `require_derivatives`.
        """
        theta, slot_gradient = _floating(theta), self._by_amplitudes(theta, _floating(slot_gradient))
        result = np.zeros((*slot_gradient.shape[:-1], self.num_columns), slot_gradient.dtype)
        if len(self.rows):
            weights = self.coefficients.astype(result.dtype)
            self._by_column.add(result, slot_gradient[..., self.rows] * weights)
        if self.non_affine:
            result += self._non_affine_pullback(theta, slot_gradient[..., self._non_affine_slots])
        return result

    def _non_affine_pullback(self, theta: Array, gradient: Array) -> Array:
        """Of `gradient` by the non-affine angles alone."""
        if self._schedule and (together := self._schedule.pull_back(theta, gradient)) is not None:
            return together
        result, environment = np.zeros((*gradient.shape[:-1], self.num_columns), gradient.dtype), self._environment(theta)
        places = {slot: k for k, (slot, _) in enumerate(self.non_affine)}
        for slot, column, slope in self.slopes:
            slopes = evaluated(slope, environment, theta.shape[:-1], derivative_or_nan)
            result[..., column] += gradient[..., places[slot]] * slopes
        return result

    def _by_amplitudes(self, theta: Array, slot_gradient: Array) -> Array:
        """`slot_gradient` with the gradient by amplitudes as they are given in the place of that by states and their angles."""
        if not self.preparations:
            return slot_gradient
        values, slot_gradient = self._amplitudes(theta), slot_gradient.copy()
        for part in self.preparations:
            chosen = slice(part.start, part.stop)
            vector = values[..., chosen]
            by_vector = slot_gradient[..., chosen]
            if by_vector.any():
                by_vector[...] = normalised_pullback(vector, by_vector)
            if slot_gradient[..., part.slots].any():
                by_angles = np.zeros((*slot_gradient.shape[:-1], part.stop - part.start - 1))
                place: Any = (..., part.positions)
                np.add.at(by_angles, place, slot_gradient[..., part.slots] * part.coefficients)
                by_vector += angles_pullback(vector, by_angles, part.is_complex)
        return slot_gradient

    def require_derivatives(self, theta: Array, gradient: Array, columns: Collection[int] | None) -> None:
        """Raise `ArithmeticEvaluationError` if `gradient` (..., columns) lacks one of `columns` (None: all): see `pullback`."""
        asked = range(self.num_columns) if columns is None else columns
        if np.isfinite(gradient if columns is None else gradient[..., list(columns)]).all():
            return
        if self.preparations:
            self._require_smooth(theta)
        if self.non_affine:
            environment = self._environment(_floating(theta))
            for _, column, slope in self.slopes:
                if column in asked:
                    evaluated(slope, environment, theta.shape[:-1], derivative_value)

    def _require_smooth(self, theta: Array) -> None:
        """Raise `GradientError` where the angles of a preparation have no derivative."""
        values = self._amplitudes(_floating(theta))
        for part in self.preparations:
            vector = values[..., part.start : part.stop]
            ones = np.ones(vector.shape)[..., 1:]
            if len(part.slots) and not np.isfinite(angles_pullback(vector, ones, part.is_complex)).all():
                raise GradientError(
                    f"the angles that prepare `{part.name}` have no derivative where all amplitudes of a block are 0",
                    help="our simulators differentiate the state itself, where `prepare` stands under no modifier and the "
                    'gradient is not taken by parameter shift: `engine="native"`',
                )

    def slots_of(self, columns: Collection[int] | None) -> set[int]:
        """The slots that depend on some of `columns` (None: on any)."""
        if columns is None:
            return set(self.varying.tolist())
        found = self._moved_by(columns)
        for part in self.preparations:
            if found & set(part.range):
                found |= set(part.slots.tolist())
        return found

    def _moved_by(self, columns: Collection[int]) -> set[int]:
        """The slots that depend on some of `columns`, but for those of preparations."""
        chosen, affine = set(columns), self.rows[np.isin(self.columns, list(columns))]
        leaves = {leaf for k, leaf in enumerate(self.elements) if k in chosen}
        return set(affine.tolist()) | {slot for slot, angle in self.non_affine if not leaves.isdisjoint(variables(angle))}

    @cached_property
    def slopes(self) -> tuple[tuple[int, int, Expr], ...]:
        """The derivatives of the non-affine angles: (slot, column, expression), those that are 0 left out."""
        columns = {element: column for column, element in enumerate(self.elements)}
        return tuple(
            (slot, columns[element], slope)
            for slot, expression in self.non_affine
            for element, slope in derivatives(
                expression, sorted(variables(expression) & columns.keys(), key=columns.__getitem__)
            )
        )

    def curvature(self, theta: Array, slot_gradient: Array) -> Array:
        """The sum of `slot_gradient` times the second derivatives of the angles, shape (batch, any, columns, columns).

        `theta` has shape (batch, columns), `slot_gradient` (batch, any, slots). NaN where a second derivative has no finite
        value; angles that prepare states are left out.
        """
        result = np.zeros((*slot_gradient.shape[:-1], self.num_columns, self.num_columns))
        columns = {element: column for column, element in enumerate(self.elements)}
        environment = self._environment(_floating(theta))
        for slot, column, slope in self.slopes:
            for element, second in derivatives(slope, sorted(variables(slope) & columns.keys(), key=columns.__getitem__)):
                value = evaluated(second, environment, theta.shape[:-1], derivative_or_nan)
                result[..., column, columns[element]] += slot_gradient[..., slot] * np.reshape(value, (-1, 1))
        return result

    def bind(self, values: Mapping[str, Any]) -> AngleMap:
        """The map with some parameters fixed; `values` has a number, an array of its shape or a mapping for each of them."""
        fixed = np.zeros(self.num_columns)
        known = np.zeros(self.num_columns, bool)
        left, start = [], 0
        for parameter in self.parameters:
            if parameter.name in values:
                value = values[parameter.name]
                stretch = slice(parameter.start, parameter.start + parameter.size)
                fixed[stretch] = np.ravel([value[key] for key in parameter.keys] if parameter.is_dictionary else value)
                known[stretch] = True
            else:
                left.append(OpenParameter(parameter.name, parameter.type, start, parameter.shape, parameter.keys))
                start += parameter.size
        settled = known[self.columns]
        offsets = self.offsets.copy()
        np.add.at(offsets, self.rows[settled], (fixed[self.columns] * self.coefficients)[settled])
        environment = self._environment(fixed) | {entry.name: Name(entry.name, entry.type) for entry in left}
        non_affine = self._settled(offsets, environment)
        moved = (np.cumsum(~known) - 1).astype(np.int32)
        rest = ~settled
        rows = self.rows[rest]
        preparations = []
        for part in self.preparations:
            vector = slice(part.start, part.stop)
            if not np.isin(part.range, [*rows, *(slot for slot, _ in non_affine)]).any():
                offsets[part.slots] = angles(offsets[vector], part.is_complex)[part.positions] * part.coefficients
                part = replace(part, slots=part.slots[:0], positions=part.positions[:0], coefficients=part.coefficients[:0])
            preparations.append(part)
        return AngleMap(
            tuple(left), offsets, rows, moved[self.columns[rest]], self.coefficients[rest], non_affine, tuple(preparations)
        )

    def _settled(self, offsets: Floats, environment: Mapping[str, Any]) -> tuple[tuple[int, Expr], ...]:
        """The non-affine angles in `environment`; those that become numbers go into `offsets`."""
        non_affine = []
        for slot, expression in self.non_affine:
            value = angle_value(expression, environment)
            if isinstance(value, Expr):
                non_affine.append((slot, value))
            else:
                offsets[slot] = value
        return tuple(non_affine)

    def _environment(self, theta: Array) -> dict[str, Any]:
        columns = np.moveaxis(theta, -1, 0)
        values = {parameter.name: parameter.read(columns) for parameter in self.parameters}
        return values if theta.ndim > 1 else {name: of_sample(value, ()) for name, value in values.items()}

    @cached_property
    def _by_row(self) -> Scattered:
        return Scattered.at(self.rows)

    @cached_property
    def _by_column(self) -> Scattered:
        return Scattered.at(self.columns)


def _state(part: Preparation, amplitudes: Array) -> Array:
    """x / |x|. Raises `ArithmeticEvaluationError` for a vector of zeros."""
    part.require_direction(amplitudes.any(-1))
    return normalised(amplitudes)[0]


def _floating(values: Any) -> Array:
    array = np.asarray(values)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
