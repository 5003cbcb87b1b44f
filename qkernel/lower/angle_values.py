"""The values of angles that are not affine, and of their derivatives: of many samples at once, or else one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from qkernel.errors import ArithmeticEvaluationError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Expr
from qkernel.ir.trees import free_names, variables


def evaluated(expression: Expr, environment: Mapping[str, Any], samples: tuple[int, ...], one: Callable[..., Any]) -> Any:
    """The value of `expression` for each of the samples, which are the last axes of what `environment` holds; `one` by `one`.

    All at once, where none of them is out of the ordinary.
    """
    if not samples:
        return one(expression, environment)
    try:
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            return evaluate(expression, environment)
    except (ArithmeticError, ValueError):
        pass  # only a branch that is not taken may be at fault: sample by sample tells
    result, read = np.empty(samples), {name: environment[name] for name in free_names(expression)}
    for index in np.ndindex(samples):
        result[index] = one(expression, {name: of_sample(value, index) for name, value in read.items()})
    return result


def of_sample(value: Any, index: tuple[int, ...]) -> Any:
    """A value as one of the samples has it, as Python's numbers."""
    if isinstance(value, dict):
        return {key: of_sample(part, index) for key, part in value.items()}
    key: Any = (..., *index)
    return np.asarray(value)[key].tolist()


def angle_value(expression: Expr, values: Mapping[str, Any], what: str = "an angle") -> Any:
    """The value of `expression`, a finite number or what is left of it; raises `ArithmeticEvaluationError` if there is none."""
    try:
        result = evaluate(expression, values)
        if isinstance(result, Expr) or np.isfinite(result):
            return result
        reason = f"it is {result}"
    except (ArithmeticError, ValueError) as error:
        reason = str(error)
    given = ", ".join(sorted(f"{leaf} = {evaluate(leaf, values)}" for leaf in variables(expression)))
    raise ArithmeticEvaluationError(f"{what} has no value where {_cut(given)}: `{_cut(str(expression))}`", label=reason)


def _cut(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]} …"


def derivative_value(expression: Expr, values: Mapping[str, Any]) -> Any:
    """The same of the derivative of an angle."""
    return angle_value(expression, values, "the derivative of an angle")


def derivative_or_nan(expression: Expr, values: Mapping[str, Any]) -> Any:
    """The same; NaN if there is none."""
    try:
        return derivative_value(expression, values)
    except ArithmeticEvaluationError:
        return np.nan
