"""Expressions over a circuit's bits as Qiskit's classical expressions."""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit.circuit import Clbit
from qiskit.circuit.classical import expr as classical

from qkernel.ir.expressions import Apply, Const, Expr, Item, SystemName
from qkernel_backends.truth_tables import table_of

_LOGIC = {"and": classical.logic_and, "or": classical.logic_or, "^": classical.bit_xor, "not": classical.logic_not}


def condition(value: Expr, bits: list[Clbit]) -> Any:
    """`value` as the condition of a branch or loop: a pair of bit and value where that says it, which every target reads."""
    match value:
        case Item(SystemName(), (Const(index),)):
            return bits[index], True
        case Apply("not", (Item(SystemName(), (Const(index),)),)):
            return bits[index], False
    return boolean(value, bits)


def boolean(value: Expr, bits: list[Clbit]) -> classical.Expr:
    """`value`, an expression over bits that is a bit itself, as a Boolean expression of Qiskit."""
    match value:
        case Const(known):
            return classical.lift(bool(known))
        case Item(SystemName(), (Const(index),)):
            return classical.lift(bits[index])
        case Apply(operator, operands) if operator in _LOGIC:
            return _LOGIC[operator](*(boolean(operand, bits) for operand in operands))
    table, read = table_of(value)
    return _from_table(table, [bits[bit] for bit in read])


def _from_table(table: Any, bits: list[Clbit]) -> classical.Expr:
    """The Boolean function whose value at row number r is `table[r]`, the first of `bits` least significant."""
    if table.all() or not table.any():
        return classical.lift(bool(table[0]))
    *rest, last = bits
    low, high = np.split(table, 2)
    if (low == high).all():
        return _from_table(low, rest)
    when_set = last if high.all() else classical.logic_and(last, _from_table(high, rest)) if high.any() else None
    unset = classical.logic_not(last)
    when_unset = unset if low.all() else classical.logic_and(unset, _from_table(low, rest)) if low.any() else None
    parts = [part for part in (when_set, when_unset) if part is not None]
    return classical.logic_or(*parts) if len(parts) == 2 else classical.lift(parts[0])
