"""The angle map in Qiskit's parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from qiskit.circuit import Parameter, ParameterVector
from qiskit.exceptions import QiskitError

from qkernel.lower.angles import AngleMap, OpenParameter
from qkernel_backends.formulas import ARITHMETIC, Functions, slot_values, unwritable

_FUNCTIONS: Functions = {
    **ARITHMETIC,
    "sin": lambda a: a.sin(),
    "cos": lambda a: a.cos(),
    "tan": lambda a: a.tan(),
    "asin": lambda a: a.arcsin(),
    "acos": lambda a: a.arccos(),
    "atan": lambda a: a.arctan(),
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "log2": lambda a: a.log() / math.log(2),
    "sqrt": lambda a: a**0.5,
    "sinh": lambda a: a.exp() / 2 - 0.5 / a.exp(),
    "cosh": lambda a: a.exp() / 2 + 0.5 / a.exp(),
    "tanh": lambda a: 1 - 2 / ((2 * a).exp() + 1),
}


def columns_of(parameter: OpenParameter) -> list[Parameter]:
    """A Qiskit parameter for each column, named as the column."""
    if len(parameter.shape) == 1 and not parameter.is_dictionary:
        return list(ParameterVector(parameter.name, parameter.size))
    return [Parameter(name) for name in parameter.column_names]


def slot_angles(angles: AngleMap) -> list[Any]:
    """Every angle as a number, a Qiskit parameter or an expression of parameters.

    Raises `TargetCapabilityError` for an angle that Qiskit's expressions cannot say.
    """
    columns = [column for parameter in angles.parameters for column in columns_of(parameter)]
    result = slot_values(angles, columns, _FUNCTIONS, "Qiskit")
    _check(angles, columns, result)
    return result


def _check(angles: AngleMap, columns: list[Parameter], written: list[Any]) -> None:
    """Compare what was written with the angles themselves, for Qiskit simplifies some sums, as exp(x) + exp(-x), to 0."""
    if not angles.non_affine:
        return
    points = [low + 0.3 * np.sin(1 + np.arange(len(columns))) ** 2 for low in (0.2, 1.1)]
    with np.errstate(all="ignore"):
        expected = [angles.evaluate(point) for point in points]
    for slot, expression in angles.non_affine:
        if not any(_agree(written[slot], columns, point, row[slot]) for point, row in zip(points, expected, strict=True)):
            raise unwritable(expression, "Qiskit")


def _agree(written: Any, columns: list[Parameter], point: Any, expected: float) -> bool:
    used = {column: value for column, value in zip(columns, point, strict=True) if column in written.parameters}
    try:
        value = complex(written.bind(used))
    except (QiskitError, ArithmeticError, TypeError, ValueError):
        return False
    return abs(value - expected) <= 1e-9 * (1 + abs(expected))
