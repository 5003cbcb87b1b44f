"""Many expressions computed together: equal operations of all of them side by side, and their gradient in one way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
Partial = Callable[..., Any]

_LONG = 64
"""A sum of more terms is computed once, also for the sums that it is part of."""

_MOST_KEPT = 1 << 20
"""Numbers that are kept from values to their gradient."""

_LINEAR = frozenset(("+", "-", "neg", "float"))
_OTHERS = frozenset(
    ("*", "/", "**", "abs", "min", "max", "select", "<", "<=", ">", ">=", "==", "!=", "not", "and", "or", "sin", "cos", "tan",
     "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp", "log", "log2", "sqrt")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sums:
    """Nodes `first` to `last` as offsets plus coefficient times node; `rows` says whose each term is, and ascends."""

    first: int
    last: int
    offsets: Array
    rows: Array
    starts: Array
    nodes: Array
    coefficients: Array
    onto: Scattered

    @classmethod
    def of(cls, first: int, offsets: list[float], entries: list[tuple[int, int, float]]) -> _Sums:
        """`entries` are (row, node, coefficient)."""
        rows, nodes, coefficients = map(np.array, zip(*entries, strict=True))
        starts = np.searchsorted(rows, np.arange(len(offsets)))
        columns = np.array(offsets)[:, None], rows, starts, nodes, coefficients[:, None]
        return cls(first, first + len(offsets), *columns, Scattered.at(nodes))

    def compute(self, values: Array) -> None:
        terms = values[self.nodes] * self.coefficients
        values[self.first : self.last] = np.add.reduceat(terms, self.starts, axis=0) + self.offsets

    def go_back(self, values: Array, slopes: Array) -> None:
        self.onto.add_rows(slopes, slopes[self.first : self.last][self.rows] * self.coefficients)


@dataclass(frozen=True, slots=True)
class _Applied:
    """Nodes `first` to `last` as one operator of nodes, or of constants."""

    first: int
    last: int
    operator: str
    operands: tuple[Array | float, ...]
    onto: tuple[Scattered | None, ...]

    def compute(self, values: Array) -> None:
        values[self.first : self.last] = OPERATORS[self.operator].array(*self._given(values))

    def go_back(self, values: Array, slopes: Array) -> None:
        given, own = self._given(values), slopes[self.first : self.last]
        constants = tuple(None if isinstance(operand, np.ndarray) else operand for operand in self.operands)
        for k, onto in enumerate(self.onto):
            if onto is not None and (partial := _partial(self.operator, constants, k)) is not None:
                onto.add_rows(slopes, own * partial(given))

    def _given(self, values: Array) -> list[Any]:
        return [values[operand] if isinstance(operand, np.ndarray) else operand for operand in self.operands]


@dataclass(frozen=True, slots=True)
class Scattered:
    """Places along an axis that entries are added to, taken in an `order` (None: as they are).

    `starts` says where the entries of each place begin, if some place has several.
    """

    places: Array | slice
    order: Array | None
    starts: Array | None

    @classmethod
    def at(cls, targets: Array) -> Scattered:
        order = None if (targets[1:] >= targets[:-1]).all() else np.argsort(targets, kind="stable")
        places, starts = np.unique(targets if order is None else targets[order], return_index=True)
        several = None if len(places) == len(targets) else starts
        if len(places) and places[-1] - places[0] == len(places) - 1:
            return cls(slice(int(places[0]), int(places[-1]) + 1), order, several)
        return cls(places, order, several)

    def add_rows(self, total: Array, entries: Array) -> None:
        """Along the first axis."""
        entries = entries if self.order is None else entries[self.order]
        total[self.places] += entries if self.starts is None else np.add.reduceat(entries, self.starts, axis=0)

    def add(self, total: Array, entries: Array) -> None:
        """Along the last axis."""
        entries = entries if self.order is None else entries[..., self.order]
        total[..., self.places] += entries if self.starts is None else np.add.reduceat(entries, self.starts, axis=-1)


@cache
def _partial(operator: str, constants: tuple[float | None, ...], k: int) -> Partial | None:
    """The derivative of an operator by its operand k, a function of all operands; None where it is 0."""
    names = [Name(f"operand {i}", FLOAT) for i in range(len(constants))]
    operands = [name if constant is None else Const(constant) for name, constant in zip(names, constants, strict=True)]
    slope = derivative(apply(operator, *operands), names[k])
    if slope == Const(0.0):
        return None
    keys = [name.name for name in names]
    return lambda given: evaluate(slope, dict(zip(keys, given, strict=True)))


@dataclass
class Schedule:
    """Expressions of columns, in levels: the operations of a level read levels below it only."""

    num_columns: int
    places: Array
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
                return self._compute(theta, keep=len(theta) * self.size < _MOST_KEPT)[self.places].T
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
        return Schedule(len(self.columns), places, Scattered.at(places), len(place), steps)

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
    operands: list[Array | float] = []
    onto: list[Scattered | None] = []
    for column in zip(*(part.children for part in parts), strict=True):
        if isinstance(column[0], Const):
            operands.append(float(column[0].value))
            onto.append(None)
        else:
            operands.append(places := np.array([place[operand] for operand in column]))
            onto.append(Scattered.at(places))
    assert isinstance(parts[0], Apply)
    return _Applied(first, first + len(parts), parts[0].operator, tuple(operands), tuple(onto))
