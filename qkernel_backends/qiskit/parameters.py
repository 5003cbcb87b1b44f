"""The angle map in Qiskit's parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from qiskit.circuit import Parameter, ParameterVector
from qiskit.exceptions import QiskitError

from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import (
    Apply,
    Const,
    Expr,
    Item,
    Name,
)
from qkernel.ir.operators import OPERATORS
from qkernel.lower.angles import AngleMap, OpenParameter

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "neg": lambda a: -a,
    "abs": abs,
    "float": lambda a: a,
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
    angles.require_formulas("Qiskit's parameters")
    columns = [column for parameter in angles.parameters for column in columns_of(parameter)]
    result: list[Any] = angles.offsets.tolist()
    for row, column, coefficient in angles.terms:
        term = columns[column] if coefficient == 1 else coefficient * columns[column]
        present = result[row]
        result[row] = term if present.__class__ is float and present == 0 else present + term
    if angles.non_affine:
        by_element = dict(zip(angles.elements, columns, strict=True))
        for slot, expression in angles.non_affine:
            result[slot] = _expression(expression, by_element)
        _check(angles, columns, result)
    return result


def _check(angles: AngleMap, columns: list[Parameter], written: list[Any]) -> None:
    """Compare what was written with the angles themselves, for Qiskit simplifies some sums, as exp(x) + exp(-x), to 0."""
    points = [low + 0.3 * np.sin(1 + np.arange(len(columns))) ** 2 for low in (0.2, 1.1)]
    with np.errstate(all="ignore"):
        expected = [angles.evaluate(point) for point in points]
    for slot, expression in angles.non_affine:
        if not any(_agree(written[slot], columns, point, row[slot]) for point, row in zip(points, expected, strict=True)):
            raise _unwritable(expression)


def _agree(written: Any, columns: list[Parameter], point: Any, expected: float) -> bool:
    used = {column: value for column, value in zip(columns, point, strict=True) if column in written.parameters}
    try:
        value = complex(written.bind(used))
    except (QiskitError, ArithmeticError, TypeError, ValueError):
        return False
    return abs(value - expected) <= 1e-9 * (1 + abs(expected))


def _expression(value: Expr, by_element: Mapping[Expr, Parameter]) -> Any:
    match value:
        case Const(number):
            return number
        case Name() | Item() if value in by_element:
            return by_element[value]
        case Apply(operator, operands):
            values = [_expression(operand, by_element) for operand in operands]
            if all(isinstance(number, (int, float)) for number in values):
                return OPERATORS[operator].scalar(*values)
            if operator in _FUNCTIONS:
                return _FUNCTIONS[operator](*values)
    raise _unwritable(value)


def _unwritable(value: Expr) -> TargetCapabilityError:
    return TargetCapabilityError(
        f"the angle `{value}` cannot be written with Qiskit's parameters",
        help="bind its arguments before asking for the Qiskit circuit; running the kernel works as it is",
    )
