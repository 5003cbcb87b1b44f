"""Expressions as sums: multiples of what cannot be taken apart any further, and a number."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from qkernel.ir.expressions import ZERO, Apply, Const, Expr
from qkernel.ir.trees import tree_size

Sum = Mapping[Expr | None, int | float]
"""Factors by what they multiply, None for the number; none is 0."""

_LARGEST = 2000  # nodes; what is larger stays whole
_ROUNDING = 8 * sys.float_info.epsilon


def linear(expr: Expr) -> Sum:
    """`expr` as a sum, exact of whole numbers. A factor no larger than the rounding of what it was added up from is 0."""
    if tree_size(expr)[0] > _LARGEST:
        return {expr: 1}
    factors: dict[Expr | None, int | float] = {}
    sizes: dict[Expr | None, int | float] = {}
    pending: list[tuple[Expr, int | float]] = [(expr, 1)]
    while pending:
        part, factor = pending.pop()
        atom: Expr | None = part
        match part:
            case Apply("+" | "-" as sign, (left, right)):
                pending += [(right, factor if sign == "+" else -factor), (left, factor)]
                continue
            case Apply("neg", (inner,)):
                pending.append((inner, -factor))
                continue
            case Apply("*", (inner, Const(int() | float() as value))) | Apply("*", (Const(int() | float() as value), inner)):
                pending.append((inner, factor * value))
                continue
            case Apply("/", (inner, Const(int() | float() as value))) if value:
                pending.append((inner, factor / value))
                continue
            case Const(int() | float() as value):
                atom, factor = None, factor * value
        factors[atom] = factors.get(atom, 0) + factor
        sizes[atom] = sizes.get(atom, 0) + abs(factor)
    return {
        atom: factor
        for atom, factor in factors.items()
        if (factor if isinstance(factor, int) else abs(factor) > _ROUNDING * sizes[atom])
    }


def added(left: Expr, right: Expr) -> Expr:
    """`left + right`, put together where both have multiples of one thing."""
    total = linear(left + right)
    if len(total) >= len(linear(left)) + len(linear(right)):
        return left - right.operands[0] if isinstance(right, Apply) and right.operator == "neg" else left + right
    found: Expr = ZERO
    for atom, factor in sorted(total.items(), key=lambda term: term[1] < 0):  # what is taken away comes last
        term = Const(abs(factor)) if atom is None else atom * abs(factor)
        found = (-term if factor < 0 else term) if found is ZERO else found - term if factor < 0 else found + term
    return found


def is_zero(expr: Expr) -> bool:
    """Whether `expr` is 0, up to rounding, whatever its names stand for."""
    return not linear(expr)


def are_same(left: Expr, right: Expr) -> bool:
    """Whether two expressions of one block have one value."""
    if left is right:
        return True
    return not (left.type != left.type.element or right.type != right.type.element) and is_zero(left - right)
