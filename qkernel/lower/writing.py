"""Angles that are not affine, as expressions over the kernel's own arguments."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np

from qkernel.ir.expressions import Apply, Const, Expr, SystemName
from qkernel.ir.operators import result_type
from qkernel.lower.columns import Columns
from qkernel.lower.values import Affine, PerIteration


class Writer:
    """Writes symbols as what they are in the kernel (`theta`, `weights[3]`), by `element`; `leaves` are those that it met."""

    def __init__(self, element: Callable[[int], Expr]) -> None:
        self.element = element
        self.leaves: dict[int, Expr] = {}
        self._written: dict[Expr, Expr] = {}

    def non_affine(self, columns: Columns) -> tuple[tuple[int, Expr], ...]:
        """The angles that are not affine, by slot."""
        entries = [(slot, self.written(angle)) for slot, angle in columns.non_affine]
        for slots, angle in columns.spread:
            entries += zip(slots.tolist(), self._iterations(angle, len(slots)), strict=True)
        return tuple(sorted(entries, key=itemgetter(0)))

    def written(self, expr: Expr) -> Expr:
        """An angle with its symbols written out."""
        if isinstance(expr, Apply):
            if (found := self._written.get(expr)) is None:
                found = self._written[expr] = Apply(expr.operator, tuple(map(self.written, expr.operands)))
            return found
        return self.leaf(expr.key.number) if isinstance(expr, SystemName) else expr

    def _iterations(self, expr: Expr, count: int) -> list[Expr]:
        """What an angle is in each of `count` iterations."""
        match expr:
            case Apply(name, operands) if _varies(expr):
                return _applied(name, *(self._iterations(operand, count) for operand in operands))
            case PerIteration(values):
                return self._sums(values, count)
        return [self.written(expr)] * count

    def leaf(self, symbol: int) -> Expr:
        """What a symbol is."""
        if (found := self.leaves.get(symbol)) is None:
            found = self.leaves[symbol] = self.element(symbol)
        return found

    def _sums(self, values: Affine, count: int) -> list[Expr]:
        totals: list[Expr] | None = None
        for symbol, coefficient in values.terms:
            terms = [self.leaf(entry) for entry in _listed(symbol, count)]
            if isinstance(coefficient, np.ndarray) or coefficient != 1:
                factors = map(Const, _listed(coefficient, count))
                terms = _applied("*", terms, list(factors))
            totals = terms if totals is None else _applied("+", totals, terms)
        if totals is None:
            return list(map(Const, _listed(values.constant, count)))
        if isinstance(values.constant, np.ndarray) or values.constant != 0:
            totals = _applied("+", totals, list(map(Const, _listed(values.constant, count))))
        return totals


def _varies(expr: Expr) -> bool:
    return isinstance(expr, PerIteration) or any(map(_varies, expr.children))


def _applied(name: str, *columns: list[Expr]) -> list[Expr]:
    """An operator in each iteration; a column has the values of an operand, which are of one type."""
    kind = result_type(name, [values[0].type for values in columns])
    return [Apply(name, operands, kind) for operands in zip(*columns, strict=True)]


def _listed(value: Any, count: int) -> list[Any]:
    """A number for each iteration."""
    entries: list[Any] = np.broadcast_to(value, count).tolist()
    return entries
