"""Expressions over a circuit's bits as Qiskit's classical expressions."""

from __future__ import annotations

from typing import Any

from qiskit.circuit import Clbit
from qiskit.circuit.classical import expr as classical

from qkernel.ir.expressions import Apply, Const, Expr, Item, SystemName
from qkernel.lower.truth_tables import formula

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
    return _written(formula(value), bits)


def _written(value: Expr, bits: list[Clbit]) -> classical.Expr:
    match value:
        case Const(known):
            return classical.lift(known)
        case Item(_, (Const(index),)):
            return classical.lift(bits[index])
        case Apply(operator, operands):
            return _LOGIC[operator](*(_written(operand, bits) for operand in operands))
    raise AssertionError(value)
