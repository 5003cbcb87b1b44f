"""What Python and numpy make of symbols: arithmetic, one by one over known elements; all that would need a value raises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from qkernel.ir.python_values import SymbolUse, reading
from qkernel.ir.types import ArrayType, DictType, Type

_OPERATORS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "floor_divide": "//", "remainder": "%", "power": "**",
    "float_power": "**", "negative": "neg", "absolute": "abs", "fabs": "abs", "minimum": "min", "maximum": "max",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
    "logical_and": "and", "logical_or": "or", "logical_xor": "^", "logical_not": "not",
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "exp": "exp", "log": "log", "log2": "log2", "sqrt": "sqrt",
}  # fmt: skip


class Symbol:
    """A value that is known only later."""

    __slots__ = ()

    type: Type

    def elements(self) -> list[Any] | None:
        """The elements of a vector, matrix or tuple; None where their number is known only later."""
        raise NotImplementedError

    @staticmethod
    def elementwise(name: str, *operands: Any) -> Any:
        """An operator of `OPERATORS`, broadcast over arrays."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        """Whether both are one expression. Compared with a number, or by Python while a kernel is read, another one raises."""
        if self is not other and (isinstance(other, (bool, int, float)) or (isinstance(other, Symbol) and reading.get())):
            raise SymbolUse(self, "a comparison outside a kernel")
        return self is other

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise SymbolUse(self, "bool()")

    def __int__(self) -> int:
        raise SymbolUse(self, "int()")

    def __float__(self) -> float:
        raise SymbolUse(self, "float()")

    def __index__(self) -> int:
        raise SymbolUse(self, "an index of plain Python data")

    def __len__(self) -> int:
        raise SymbolUse(self, "len() outside a kernel")

    def __iter__(self) -> Any:
        raise SymbolUse(self, "iteration")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return boxed(self, "numpy")

    def __array_ufunc__(self, function: Any, method: str, *operands: Any, **keywords: Any) -> Any:
        return universal(self.elementwise, function, method, operands, keywords)


def boxed(value: Any, use: str) -> np.ndarray:
    """`value` as an array of objects, which has no axes for a scalar; `use` says who asks."""
    if not isinstance(value, Symbol):
        return np.asarray(value, object)
    entries = value.elements()
    if entries is not None:
        return np.stack([boxed(entry, use) for entry in entries]) if entries else np.empty(0, object)
    if isinstance(value.type, (ArrayType, DictType)):
        raise SymbolUse(value, use)
    box = np.empty((), object)
    box[()] = value
    return box


def universal(
    elementwise: Callable[..., Any], function: np.ufunc, method: str, operands: Sequence[Any], keywords: dict[str, Any]
) -> Any:
    """A universal function of numpy, or one of its methods such as `reduce`."""
    name = _OPERATORS.get(function.__name__)
    if name is not None and method == "__call__" and not keywords:
        return elementwise(name, *operands)
    use = f"`np.{function.__name__}`"
    return getattr(function, method)(*(boxed(part, use) if isinstance(part, Symbol) else part for part in operands), **keywords)
