"""What numpy makes of symbols: its arithmetic goes one by one over known elements; all else that it would need raises."""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.ir.expressions import Const, Expr, apply, item, size
from qkernel.ir.python_values import SymbolUse
from qkernel.ir.types import ArrayType, DictType, TupleType

_OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "floor_divide": "//", "remainder": "%", "power": "**",
    "float_power": "**", "negative": "neg", "absolute": "abs", "fabs": "abs", "minimum": "min", "maximum": "max",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
    "logical_and": "and", "logical_or": "or", "logical_xor": "^", "logical_not": "not",
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "exp": "exp", "log": "log", "log2": "log2", "sqrt": "sqrt",
}  # fmt: skip


def elements(value: Expr) -> list[Expr] | None:
    """The elements of a vector, matrix or tuple; None where their number is known only later."""
    match value.type:
        case TupleType(items):
            return [item(value, position) for position in range(len(items))]
        case ArrayType():
            length = size(value)
            return [item(value, position) for position in range(length.value)] if isinstance(length, Const) else None
    return None


def boxed(value: Expr, use: str) -> np.ndarray:
    """`value` as an array of objects, which has no axes for a scalar; `use` says who asks."""
    entries = elements(value)
    if entries is not None:
        return np.stack([boxed(entry, use) for entry in entries]) if entries else np.empty(0, object)
    if isinstance(value.type, (ArrayType, DictType)):
        raise SymbolUse(value, use)
    box = np.empty((), object)
    box[()] = value
    return box


def elementwise(name: str, *operands: Any) -> Any:
    """An operator of `OPERATORS`, broadcast over arrays."""
    boxes = [boxed(part, f"`{name}`") if isinstance(part, Expr) else np.asarray(part, object) for part in operands]
    return np.frompyfunc(lambda *entries: apply(name, *entries), len(boxes), 1)(*boxes)


def universal(function: np.ufunc, method: str, operands: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """A universal function of numpy, or one of its methods such as `reduce`."""
    name = _OPERATORS.get(function.__name__)
    if name is not None and method == "__call__" and not keywords:
        return elementwise(name, *operands)
    use = f"`np.{function.__name__}`"
    return getattr(function, method)(*(boxed(part, use) if isinstance(part, Expr) else part for part in operands), **keywords)
