"""Which of Python's, numpy's and torch's values are values of a kernel, and what to write where one is wanted."""

from __future__ import annotations

from contextvars import ContextVar
from numbers import Real
from typing import Any

import numpy as np

from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, DictType, TupleType, Type

reading: ContextVar[bool] = ContextVar("whether a kernel is read", default=False)
"""Where no two different expressions are compared by Python, which cannot know whether their values are equal."""

_WANTED = {
    UINT: ("a whole number is wanted, such as `3`", "whole numbers", "0, 2"),
    FLOAT: ("a real number is wanted, such as `0.5`", "real numbers", "0.1, 0.2"),
    BIT: ("a bit is wanted: `True` or `False`, 1 or 0", "bits", "True, False"),
    OBSERVABLE: ("bind a Hamiltonian, such as `qko.Z(0)`", "Hamiltonians", "qko.Z(0), qko.X(1)"),
}


def is_array(value: Any) -> bool:
    """Whether a value is an array, or a tensor whose numbers are known and that nobody trains."""
    if not hasattr(value, "detach"):
        return isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray)
    return not value.requires_grad and value.device.type != "meta" and "strided" in str(value.layout)


def is_number(value: Any) -> bool:
    """Whether a Python value is a real number or a bit: numpy's and torch's without axes too, complex numbers not."""
    if is_array(value) and not value.ndim:
        value = value.tolist()
    return isinstance(value, (Real, np.bool_))


class NotClassical(TypeError):
    """A Python value that is no classical value of a kernel."""

    def __init__(self, value: Any) -> None:
        super().__init__(f"a {type(value).__name__} is no value of a kernel")
        self.value = value


class SymbolUse(TypeError):
    """A symbol met Python code that needs its value now. The frontend turns this into an error with a caret, and `help`."""

    def __init__(self, expr: Any, use: str, help: str | None = None) -> None:
        super().__init__(f"{expr} is not known while the kernel is traced, and {use} needs its value")
        self.expr, self.use, self.help = expr, use, help


def wanted(type: Type) -> str:
    """What a value of a classical `type` is, with an example."""
    match type:
        case DictType(key):
            return f"a dictionary is wanted, such as `{{{'0' if key == UINT else '(0, 1)'}: 0.5}}`"
        case TupleType(items):
            return f"a tuple of {len(items)} values is wanted"
        case ArrayType(element, rank):
            _, plural, example = _WANTED[element]
            return f"a list, tuple or array of {plural} is wanted, such as `{'[' * rank}{example}{']' * rank}`"
    return _WANTED[type][0]
