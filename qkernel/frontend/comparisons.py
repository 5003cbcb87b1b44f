"""Comparisons: of plain Python values as Python has them, of symbols as conditions, of tuples entry by entry."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from qkernel.errors import KernelTypeError
from qkernel.frontend.carrying import parts, same_shape
from qkernel.frontend.tracer import Tracer, describe
from qkernel.ir.array_protocol import elementwise
from qkernel.ir.expressions import Expr, SymbolUse, apply
from qkernel.ir.types import BIT

_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Is: ("is", operator.is_),
    ast.IsNot: ("is not", operator.is_not),
    ast.In: ("in", lambda left, right: left in right),
    ast.NotIn: ("not in", lambda left, right: left not in right),
}


def compare(tracer: Tracer, node: ast.AST, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr]) -> Any:
    """`left op comparator op ...`."""
    from qkernel.frontend.reader import read, read_untouching

    result: Any = True
    previous = read(tracer, left)
    for op, comparator in zip(ops, comparators, strict=True):
        value = read_untouching(tracer, comparator, node) if isinstance(result, Expr) else read(tracer, comparator)
        outcome = _pair(tracer, op, previous, value, node)
        if isinstance(result, Expr) or isinstance(outcome, Expr):
            result = apply("and", result, outcome)
        elif not outcome:
            return outcome
        else:
            result = outcome
        previous = value
    return result


def _pair(tracer: Tracer, op: ast.cmpop, left: Any, right: Any, node: ast.AST) -> Any:
    name, plain = _COMPARISONS[type(op)]
    if name in ("is", "is not"):
        if isinstance(left, Expr) and isinstance(right, (Expr, bool, int, float)):
            raise SymbolUse(left, f"`{name}`")
        return plain(left, right)
    if name in ("in", "not in") and not isinstance(right, Expr) and symbol_in((left, right)) is not None:
        found: Any = False
        for candidate in right:
            found = _or(found, _equal(tracer, left, candidate, node))
        return found if name == "in" else _not(found)
    if name in ("==", "!=") and not (isinstance(left, Expr) and isinstance(right, Expr)):
        outcome = _equal(tracer, left, right, node)
        return outcome if name == "==" else _not(outcome)
    if not (isinstance(left, Expr) or isinstance(right, Expr)):
        if not isinstance(left, np.ndarray) and (symbol := symbol_in((left, right))) is not None:
            raise SymbolUse(symbol, f"`{name}`")
        return plain(left, right)
    return _scalars(tracer, name, left, right, node)


def _equal(tracer: Tracer, left: Any, right: Any, node: ast.AST) -> Any:
    """Whether two values are equal: a Python truth, or a condition where they hold symbols."""
    if symbol_in((left, right)) is None:
        return left == right
    if isinstance(left, list) and isinstance(right, list):
        left, right = tuple(left), tuple(right)
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return elementwise("==", left, right)
    mine, other = parts(left), parts(right)
    if mine is None and other is None:
        return _scalars(tracer, "==", left, right, node)
    if not same_shape(left, right):
        return False
    result: Any = True
    for a, b in zip(mine or (), other or (), strict=True):
        result = _not(_or(_not(result), _not(_equal(tracer, a, b, node))))
    return result


def _or(left: Any, right: Any) -> Any:
    if isinstance(left, Expr) or isinstance(right, Expr):
        return apply("or", left if isinstance(left, Expr) else bool(left), right if isinstance(right, Expr) else bool(right))
    return left or right


def _not(value: Any) -> Any:
    return apply("not", value) if isinstance(value, Expr) else not value


def symbol_in(value: Any) -> Expr | None:
    """A symbol that a value is or has in it, in tuples, records, lists, sets, dictionaries or arrays of objects."""
    if isinstance(value, Expr):
        return value
    entries = [*value, *value.values()] if isinstance(value, dict) else parts(value)
    if entries is None and isinstance(value, (list, set, frozenset)):
        entries = list(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        entries = list(value.flat)
    return next((found for entry in entries or () if (found := symbol_in(entry)) is not None), None)


def _scalars(tracer: Tracer, name: str, left: Any, right: Any, node: ast.AST) -> Expr:
    from qkernel.frontend.reader import is_scalar, no_arithmetic, type_of

    for operand in (left, right):
        if not is_scalar(operand):
            raise no_arithmetic(tracer, operand, name, node)
    kinds = {type_of(left), type_of(right)}
    if BIT in kinds and len(kinds) > 1:
        other = right if type_of(left) == BIT else left
        if other in (0, 1) if not isinstance(other, Expr) else False:
            left, right = (left, bool(right)) if type_of(left) == BIT else (bool(left), right)
        else:
            raise KernelTypeError(
                f"`{name}` compares a Bit with {describe(other)}",
                span=tracer.frame.span(node),
                label="different types",
                help="`(1 if bit else 0)` makes a number of a bit",
            )
    return apply(name, left, right)
