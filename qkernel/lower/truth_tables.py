"""Expressions over measured bits as tables of their values."""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.errors import QubitIndexResolutionError, TargetCapabilityError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Item, SystemName
from qkernel.lower.circuit import BITS, bit, bits_read

_LOGIC = ("and", "or", "^", "not")
_MOST_BITS = 10
"""Arithmetic over at most so many bits is written as a table of its results."""


def table_of(value: Expr) -> tuple[Any, list[int]]:
    """The values of an expression over bits, and the bits: row number r is for their values in r, the first least significant.

    Raises `TargetCapabilityError` for more than ten bits.
    """
    read = sorted(bits_read(value))
    if len(read) > _MOST_BITS:
        raise TargetCapabilityError(
            f"conditions in circuits cannot compute with {len(read)} measured bits at once",
            help="use `and`, `or`, `not` and `^` on the bits, or run the kernel on the built-in engine",
        )
    rows = np.arange(1 << len(read))
    columns = {bit: (rows >> k & 1).astype(bool) for k, bit in enumerate(read)}
    try:
        table = evaluate(value, {BITS.key: columns})
    except QubitIndexResolutionError as error:
        raise TargetCapabilityError(
            f"a condition looks up an element that may not exist, which no condition in a circuit can tell: {error.title}",
            help="give the vector an element for each value of the bits, or run the kernel on the built-in engine",
        ) from None
    return np.broadcast_to(np.asarray(table, bool), rows.shape), read


def formula(value: Expr) -> Expr:
    """`value`, a bit that bits decide, by `and`, `or`, `not` and `^` of these; what it computes otherwise, by its table."""
    match value:
        case Const(known):
            return Const(bool(known))
        case Item(SystemName(), (Const(),)):
            return value
        case Apply(operator, operands) if operator in _LOGIC:
            return Apply(operator, tuple(map(formula, operands)))
    table, read = table_of(value)
    return _from_table(table, [bit(number) for number in read])


def _from_table(table: Any, bits: list[Item]) -> Expr:
    """The Boolean function whose value at row number r is `table[r]`, the first of `bits` least significant."""
    if table.all() or not table.any():
        return Const(bool(table[0]))
    *rest, last = bits
    low, high = np.split(table, 2)
    if (low == high).all():
        return _from_table(low, rest)
    unset = Apply("not", (last,))
    parts: list[Expr] = []
    for half, is_last in ((high, last), (low, unset)):
        if half.any():
            parts.append(is_last if half.all() else Apply("and", (is_last, _from_table(half, rest))))
    return Apply("or", tuple(parts)) if len(parts) == 2 else parts[0]
