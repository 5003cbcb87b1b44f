"""Many expressions computed together: equal operations of all of them side by side, and their gradient in one way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Name, apply
from qkernel.ir.operators import OPERATORS
from qkernel.ir.types import FLOAT
from qkernel.lower.derivatives import derivative

Array = np.ndarray[Any, Any]

_LONG = 64
"""A sum of more terms is computed once, also for the sums that it is part of."""

_MOST_KEPT = 1 << 20
"""Numbers that are kept from values to their gradient."""

_LINEAR = frozenset(("+", "-", "neg", "float"))
_OTHERS = frozenset(
    ("*", "/", "**", "abs", "min", "max", "select", "<", "<=", ">", ">=", "==", "!=", "not", "and", "or", "sin", "cos", "tan",
     "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "log", "log2", "sqrt")
)  # fmt: skip


Places = Array | slice
Groups = Array | int | None
"""Where each of several sums begins in what is added up, how many entries each has, or None for one each."""


def stretch(places: Array) -> Places:
    """Places as a slice, which is quicker, if they are one."""
    first = int(places[0]) if len(places) else 0
    return slice(first, first + len(places)) if np.array_equal(places, np.arange(first, first + len(places))) else places


def _rows(values: Array, places: Places) -> Array:
    return values[places] if isinstance(places, slice) else values.take(places, 0)


def _groups(starts: Array, total: int) -> Groups:
    each = max(1, total // max(1, len(starts)))
    if len(starts) * each != total or not np.array_equal(starts, np.arange(0, total, each)):
        return starts
    return None if each == 1 else each


def _added(entries: Array, groups: Groups, axis: int = 0) -> Array:
    """The sums along the first axis, or the last."""
    if groups is None:
        return entries
    if isinstance(groups, int):
        before, behind = (entries.shape[:axis], ()) if axis else ((), entries.shape[1:])
        count = entries.shape[axis] // groups
        return entries.reshape(*before, count, groups, *behind).sum(axis or 1)  # type: ignore[no-any-return]
    return np.add.reduceat(entries, groups, axis=axis)


@dataclass(frozen=True, slots=True)
class _Sums:
    """Nodes `first` to `last` as offsets plus coefficient times node, term by term; `groups` has the terms of each.

    On the way back the gradient of `sources`, with these `weights`, goes `onto` the nodes. Without offsets these are 0,
    coefficients and weights 1.
    """

    first: int
    last: int
    offsets: Array | None
    groups: Groups
    nodes: Array
    coefficients: Array | None
    sources: Array
    weights: Array | None
    onto: Scattered

    @classmethod
    def of(cls, first: int, offsets: list[float], entries: list[tuple[int, int, float]]) -> _Sums:
        """`entries` are (row, node, coefficient); the rows ascend."""
        rows, nodes, coefficients = map(np.array, zip(*entries, strict=True))
        groups = _groups(np.searchsorted(rows, np.arange(len(offsets))), len(rows))
        onto = Scattered.at(nodes)
        ordered = slice(None) if onto.order is None else onto.order
        added, factors = (np.array(offsets)[:, None] if any(offsets) else None), coefficients[:, None]
        forth, back = (None, None) if (factors == 1).all() else (factors, factors[ordered])
        return cls(first, first + len(offsets), added, groups, nodes, forth, first + rows[ordered], back, onto)

    def compute(self, values: Array) -> None:
        total = _added(_times(values.take(self.nodes, 0), self.coefficients), self.groups)
        values[self.first : self.last] = total if self.offsets is None else total + self.offsets

    def go_back(self, values: Array, slopes: Array) -> None:
        self.onto.add_ordered(slopes, _times(slopes.take(self.sources, 0), self.weights))


def _times(entries: Array, factors: Array | None) -> Array:
    return entries if factors is None else entries * factors


@dataclass(frozen=True, slots=True)
class _Applied:
    """Nodes `first` to `last` as one operator of nodes, or of constants."""

    first: int
    last: int
    operator: str
    operands: tuple[Places | float, ...]
    onto: tuple[Scattered | None, ...]

    def compute(self, values: Array) -> None:
        values[self.first : self.last] = OPERATORS[self.operator].array(*self._given(values))

    def go_back(self, values: Array, slopes: Array) -> None:
        given, own = dict(zip(_OPERANDS, self._given(values), strict=False)), slopes[self.first : self.last]
        constants = tuple(operand if isinstance(operand, float) else None for operand in self.operands)
        for onto, partial in zip(self.onto, _partials(self.operator, constants), strict=True):
            if onto is not None and partial is not None:
                onto.add_rows(slopes, own * evaluate(partial, given))

    def _given(self, values: Array) -> list[Any]:
        return [operand if isinstance(operand, float) else _rows(values, operand) for operand in self.operands]


@dataclass(frozen=True, slots=True)
class Scattered:
    """Places along an axis that entries are added to, taken in an `order` (None: as they are), in `groups` of one place."""

    places: Places
    order: Array | None
    groups: Groups

    @classmethod
    def at(cls, targets: Array) -> Scattered:
        order = None if (targets[1:] >= targets[:-1]).all() else np.argsort(targets, kind="stable")
        places, starts = np.unique(targets if order is None else targets[order], return_index=True)
        return cls(stretch(places), order, _groups(starts, len(targets)))

    def add_rows(self, total: Array, entries: Array) -> None:
        """Along the first axis."""
        self.add_ordered(total, entries if self.order is None else entries.take(self.order, 0))

    def add_ordered(self, total: Array, entries: Array) -> None:
        """The same for entries in order."""
        total[self.places] += _added(entries, self.groups)

    def add(self, total: Array, entries: Array) -> None:
        """Along the last axis."""
        entries = entries if self.order is None else entries[..., self.order]
        total[..., self.places] += _added(entries, self.groups, -1)


_OPERANDS = ("first", "second", "third")


@cache
def _partials(operator: str, constants: tuple[float | None, ...]) -> tuple[Expr | None, ...]:
    """The derivatives of an operator by each of its operands; None where that is a constant, or the derivative 0."""
    operands = [Name(name, FLOAT) if known is None else Const(known) for name, known in zip(_OPERANDS, constants, strict=False)]
    made = apply(operator, *operands)
    slopes = [derivative(made, operand) if isinstance(operand, Name) else Const(0.0) for operand in operands]
    return tuple(None if slope == Const(0.0) else slope for slope in slopes)


@dataclass
class Schedule:
    """Expressions of columns, in levels: the operations of a level read levels below it only."""

    num_columns: int
    places: Places
    roots: Scattered
    size: int
    steps: list[_Sums | _Applied]
    _last: tuple[Array, Array] = (np.zeros(0), np.zeros(0))  # where values were computed last, for the gradient there

    @property
    def chooses(self) -> bool:
        """Whether what is computed may not be what counts."""
        return any(isinstance(step, _Applied) and step.operator in ("select", "min", "max") for step in self.steps)

    @classmethod
    def of(cls, expressions: Sequence[Expr], columns: Mapping[Expr, int]) -> Schedule | None:
        """None where an expression is of other operations than real numbers have."""
        try:
            return _Scheduler(columns).run(expressions)
        except _UnknownError:
            return None

    def finite_values(self, theta: Array) -> Array | None:
        """The values, shape (batch, expressions), at `theta` of shape (batch, columns); None where some may have none."""
        if theta.ndim != 2:
            return None
        try:
            with np.errstate(divide="raise", invalid="raise", over="raise"):
                return _rows(self._compute(theta, keep=len(theta) * self.size < _MOST_KEPT), self.places).T
        except (ArithmeticError, ValueError):
            return None

    def pull_back(self, theta: Array, cotangent: Array) -> Array | None:
        """The gradient by theta of sum(cotangent * values), `cotangent` of shape (batch, expressions).

        NaN where it has no finite value; None where that may be so for what is computed and not chosen.
        """
        if theta.ndim != 2:
            return None
        with np.errstate(all="ignore"):
            values = self._compute(theta)
            slopes = np.zeros_like(values)
            self.roots.add_rows(slopes, cotangent.T)
            for step in reversed(self.steps):
                step.go_back(values, slopes)
        found = slopes[: self.num_columns].T
        finite = np.isfinite(found)
        if finite.all():
            return found
        return None if self.chooses else np.where(finite, found, np.nan)

    def _compute(self, theta: Array, keep: bool = False) -> Array:
        known, values = self._last
        if known.shape == theta.shape and np.array_equal(known, theta):
            return values
        values = np.empty((self.size, len(theta)))
        values[: self.num_columns] = theta.T
        for step in self.steps:
            step.compute(values)
        if keep:
            self._last = theta.copy(), values
        return values


class _UnknownError(Exception):
    """An expression has no place in a schedule."""


class _Scheduler:
    def __init__(self, columns: Mapping[Expr, int]) -> None:
        self.columns = columns
        self.sums: dict[Expr, tuple[float, dict[Expr, float]]] = {}
        self.levels: dict[Expr, int] = dict.fromkeys(columns, 0)

    def run(self, expressions: Sequence[Expr]) -> Schedule:
        ordered = self._ordered(expressions)
        for part in ordered:
            if _is_sum(part):
                self.sums[part] = self._terms(part)
        needed, pending = set[Expr](), list(expressions)
        while pending:
            if (part := pending.pop()) not in needed and part not in self.columns:
                needed.add(part)
                pending += self._read(part)
        return self._scheduled([part for part in ordered if part in needed], expressions)

    def _ordered(self, expressions: Sequence[Expr]) -> list[Expr]:
        """All operations, operands first."""
        found: dict[Expr, None] = {}
        pending = list(expressions)
        while pending:
            part = pending[-1]
            if part in found or part in self.columns:
                pending.pop()
                continue
            if not isinstance(part, Apply) or part.operator not in _LINEAR | _OTHERS:
                raise _UnknownError
            operands = [operand for operand in part.operands if not isinstance(operand, Const)]
            if missing := [operand for operand in operands if operand not in found and operand not in self.columns]:
                pending += missing
            else:
                pending.pop()
                found[part] = None
        return list(found)

    def _terms(self, part: Expr) -> tuple[float, dict[Expr, float]]:
        """A sum as an offset and factors of what is no sum, or a long one."""
        offset, terms = 0.0, dict[Expr, float]()
        for operand, factor in _factors(part):
            if isinstance(operand, Const):
                offset += factor * float(operand.value)
                continue
            inner_offset, inner = self.sums.get(operand, (0.0, {}))
            if not 0 < len(inner) <= _LONG:
                inner_offset, inner = 0.0, {operand: 1.0}
            offset += factor * inner_offset
            for term, coefficient in inner.items():
                terms[term] = terms.get(term, 0.0) + factor * coefficient
        return offset, terms

    def _read(self, part: Expr) -> list[Expr]:
        """The nodes that a node is computed of."""
        if part in self.sums:
            return list(self.sums[part][1])
        return [operand for operand in part.children if not isinstance(operand, Const)]

    def _scheduled(self, nodes: list[Expr], expressions: Sequence[Expr]) -> Schedule:
        groups: dict[tuple[Any, ...], list[Expr]] = {}
        for part in nodes:
            self.levels[part] = level = 1 + max((self.levels[operand] for operand in self._read(part)), default=0)
            groups.setdefault((level, *self._kind(part)), []).append(part)
        place = dict(self.columns)
        steps: list[_Sums | _Applied] = []
        for key in sorted(groups, key=lambda key: key[0]):
            parts = groups[key]
            first = len(place)
            place.update((part, first + k) for k, part in enumerate(parts))
            steps.append(self._sums(parts, place, first) if parts[0] in self.sums else _applied(parts, place, first))
        places = np.array([place[part] for part in expressions])
        return Schedule(len(self.columns), stretch(places), Scattered.at(places), len(place), steps)

    def _kind(self, part: Expr) -> tuple[Any, ...]:
        assert isinstance(part, Apply)
        if part in self.sums:
            return ("sum",)
        return part.operator, *(float(o.value) if isinstance(o, Const) else None for o in part.operands)

    def _sums(self, parts: list[Expr], place: dict[Expr, int], first: int) -> _Sums:
        entries = [(row, place[term], factor) for row, part in enumerate(parts) for term, factor in self.sums[part][1].items()]
        return _Sums.of(first, [self.sums[part][0] for part in parts], entries)


def _is_sum(part: Expr) -> bool:
    """Whether a part is a sum of multiples of its operands."""
    match part:
        case Apply(name, operands):
            scaled = name == "*" and any(isinstance(operand, Const) for operand in operands)
            return name in _LINEAR or scaled or (name == "/" and isinstance(operands[1], Const) and operands[1].value != 0)
    return False


def _factors(part: Expr) -> list[tuple[Expr, float]]:
    """The operands of a sum with their factors."""
    match part:
        case Apply("+" | "-" as name, (left, right)):
            return [(left, 1.0), (right, 1.0 if name == "+" else -1.0)]
        case Apply("*", (Const(number), other)) | Apply("*", (other, Const(number))):
            return [(other, float(number))]
        case Apply("/", (other, Const(number))):
            return [(other, 1.0 / number)]
        case Apply("neg", (other,)):
            return [(other, -1.0)]
        case Apply(_, (other,)):
            return [(other, 1.0)]
    raise _UnknownError


def _applied(parts: list[Expr], place: dict[Expr, int], first: int) -> _Applied:
    operands: list[Places | float] = []
    onto: list[Scattered | None] = []
    for column in zip(*(part.children for part in parts), strict=True):
        if isinstance(column[0], Const):
            operands.append(float(column[0].value))
            onto.append(None)
        else:
            places = np.array([place[operand] for operand in column])
            operands.append(stretch(places))
            onto.append(Scattered.at(places))
    assert isinstance(parts[0], Apply)
    return _Applied(first, first + len(parts), parts[0].operator, tuple(operands), tuple(onto))
