"""Expressions over bits, read-outs and open parameters that are left when lowering is done: kept shallow and small.

A loop that adds up a thousand bits would nest a thousand operators; what reads expressions recurses, so sums and products
are built as balanced trees, and what stays too large is refused.
"""

from __future__ import annotations

from typing import Any

from qkernel.errors import SizeError
from qkernel.ir.expressions import Apply, Const, Expr, apply
from qkernel.ir.trees import tree_size
from qkernel.lower.effort import NODE, spend

_ASSOCIATIVE = frozenset(("+", "*", "^", "and", "or", "min", "max"))
_DEEPEST = 200
FEW_NODES = _DEEPEST
"""An expression of fewer nodes is never too large."""

_MOST_NODES = 1 << 18
_MOST_SHOWN = 10**9


def combine(name: str, values: list[Any]) -> Expr:
    """`name(*values)`, sums and the like as balanced trees with the operands in their order."""
    if name == "-" and (_is_chain("+", values[0]) or _is_chain("-", values[0])) and isinstance(values[1], Expr):
        return combine("+", [values[0], apply("neg", values[1])])
    if name in _ASSOCIATIVE and _is_chain(name, values[0]) and isinstance(values[1], Expr):
        return _appended(name, values[0], values[1])
    return apply(name, *values)


def _is_chain(name: str, expr: Any) -> bool:
    return isinstance(expr, Apply) and expr.operator == name


def _appended(name: str, tree: Apply, last: Expr) -> Apply:
    left, right = tree.operands
    if _height(name, right) < _height(name, left):
        inner = _appended(name, right, last) if _is_chain(name, right) else Apply(name, (right, last))  # type: ignore[arg-type]
        return Apply(name, (left, inner))
    return Apply(name, (tree, last))


def _height(name: str, expr: Expr) -> int:
    """The height of a balanced tree of one operator, which leans to the left. Raises `SizeError` for one that is too high."""
    height, inner = 0, expr
    while isinstance(inner, Apply) and inner.operator == name:
        inner, height = inner.operands[0], height + 1
        if height > _DEEPEST:
            manageable(expr)
    return height


def choose(condition: Expr, left: Expr, right: Expr) -> Expr:
    """`left` if the condition holds, else `right`; what both begin to add up stays outside the choice."""
    first, second = _terms(left), _terms(right)
    common = 0
    while common < min(len(first), len(second)) and first[common] is second[common]:
        common += 1
    if not common:
        return apply("select", condition, left, right)
    return combine("+", [_total(first[:common]), apply("select", condition, _total(first[common:]), _total(second[common:]))])


def _terms(expr: Expr) -> list[Expr]:
    terms, pending = [], [expr]
    while pending:
        spend(NODE)
        entry = pending.pop()
        match entry:
            case Apply("+", (left, right)):
                pending += (right, left)
            case Apply("-", (left, right)):
                pending += (apply("neg", right), left)
            case _:
                terms.append(entry)
    return terms


def _total(terms: list[Expr]) -> Expr:
    total: Expr = terms[0] if terms else Const(0)
    for term in terms[1:]:
        total = combine("+", [total, term])
    return total


def manageable(expr: Expr) -> Expr:
    """`expr`, if everything that recurses through it can. Raises `SizeError` if not."""
    nodes, depth = tree_size(expr)
    if nodes > _MOST_NODES or depth > _DEEPEST:
        raise SizeError(
            "an expression over values that are known only later has grown to "
            f"{f'{nodes:,}' if nodes < _MOST_SHOWN else f'more than {_MOST_SHOWN:,}'} operations, nested {depth} deep",
            label="too large an expression",
            help="carry a value that is known, or fewer iterations",
        )
    return expr
