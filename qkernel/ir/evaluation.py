"""The value of an expression.

`evaluate` works on Python numbers, on numpy arrays (one entry per loop iteration, shot or sample) and on anything else
that overloads the operators.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import QubitIndexResolutionError
from qkernel.ir.compiled import PLAIN, Environment, Values
from qkernel.ir.expressions import (
    Expr,
    Pack,
    Slice,
    Updated,
    apply,
    item,
    size,
    wrap,
)
from qkernel.ir.operators import OPERATORS
from qkernel.ir.types import TupleType, Type


def evaluate(expr: Expr, environment: Environment) -> Any:
    """The value of `expr`. Names that `environment` lacks raise KeyError.

    `environment` maps names, and the keys of system names, to numbers, bools, numpy arrays, dictionaries or Hamiltonians.
    An array bound to a *scalar* name stands for one value per iteration, shot or sample, and the result is then such an
    array. A name bound to an expression gives a residual expression.
    Raises `QubitIndexResolutionError` for an element that a vector or dictionary does not have.
    """
    return (getattr(expr, "numeric", None) or _NUMBERS.compiled(expr))(environment)


class _Numbers(Values):
    """Numbers, arrays of them, and what is left where a name is an expression."""

    slot = "numeric"

    def is_undecided(self, condition: Any) -> bool:
        return isinstance(condition, (Expr, np.ndarray))

    def operate(self, name: str, values: list[Any]) -> Any:
        kinds = set(map(type, values))
        if not kinds <= _KNOWN and any(isinstance(value, Expr) for value in values):
            return apply(name, *values)
        return OPERATORS[name].array(*values) if np.ndarray in kinds else OPERATORS[name].scalar(*values)

    def element(self, base: Any, keys: list[Any], written: Expr) -> Any:
        if isinstance(base, Expr) or any(isinstance(key, Expr) for key in keys):
            return item(wrap(base), tuple(keys) if len(keys) > 1 else keys[0])
        if isinstance(base, dict):
            if keys[0] not in base:
                raise QubitIndexResolutionError(f"a dictionary has no key {keys[0]}")
            return base[keys[0]]
        for key in keys:
            if type(key) is not int or not 0 <= key < len(base):
                _check_index(key, len(base))
            if isinstance(key, np.ndarray):  # an index, and so an entry of the vector, for each iteration, shot or sample
                rows = np.stack([np.broadcast_to(entry, key.shape) for entry in base])
                base = np.take_along_axis(rows, key[None], 0)[0]
            else:
                base = base[key]
        return base.item() if isinstance(base, np.generic) else base

    def length(self, base: Any, axis: int) -> Any:
        return size(base, axis) if isinstance(base, Expr) else np.shape(base)[axis] if axis else len(base)

    def stretch(self, base: Any, bounds: list[Any], written: Expr) -> Any:
        if any(isinstance(part, Expr) for part in (base, *bounds)):
            return Slice(wrap(base), *map(wrap, bounds))
        start, stride, length = bounds
        if stride == 0:
            return [self.element(base, [start], written)] * length
        if length:
            _check_index(np.array([start, start + stride * (length - 1)]), len(base))
        return base[start : start + stride * length : stride] if length else base[:0]

    def packed(self, values: list[Any], type: Type) -> Any:
        if isinstance(type, TupleType):
            return tuple(values)
        return Pack(tuple(map(wrap, values)), type) if any(isinstance(value, Expr) for value in values) else values

    def replaced(self, base: Any, key: Any, value: Any, written: Expr) -> Any:
        if any(isinstance(part, Expr) for part in (base, key, value)):
            return Updated(wrap(base), wrap(key), wrap(value))
        _check_index(key, len(base))
        if isinstance(key, np.ndarray):
            return [np.where(key == k, value, earlier) for k, earlier in enumerate(base)]
        return [value if k == key else earlier for k, earlier in enumerate(base)]


_NUMBERS = _Numbers()
_KNOWN = PLAIN | {np.ndarray}


def _check_index(index: Any, length: int) -> None:
    outside = np.asarray((index < 0) | (index >= length))
    if outside.any():
        worst = np.asarray(index)[outside].flat[0]
        elements = counted(length, "element")
        raise QubitIndexResolutionError(f"index {worst} lies outside a vector of {elements}", label=f"index {worst}")
