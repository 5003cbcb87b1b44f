"""Angles as expressions of other packages, and angles of sympy's as expressions of the IR."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, apply
from qkernel.ir.operators import OPERATORS
from qkernel.lower.angles import AngleMap

Functions = Mapping[str, Callable[..., Any]]

ARITHMETIC: Functions = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "neg": lambda a: -a,
    "abs": abs,
    "float": lambda a: a,
}
"""What packages say by operators of Python's."""

_OF_SYMPY = {"sin": "sin", "cos": "cos", "tan": "tan", "asin": "asin", "acos": "acos", "atan": "atan", "exp": "exp"}
_OF_SYMPY |= {"log": "log", "Abs": "abs", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh"}


def slot_values(angles: AngleMap, columns: Sequence[Any], functions: Functions, package: str) -> list[Any]:
    """Every angle as a number, one of `columns`, which stand for those of theta, or an expression of them.

    Raises `TargetCapabilityError` for an angle that takes more than `functions`.
    """
    angles.require_formulas(f"{package}'s parameters")
    result: list[Any] = angles.offsets.tolist()
    for row, column, coefficient in angles.terms:
        term = columns[column] if coefficient == 1 else coefficient * columns[column]
        present = result[row]
        result[row] = term if present.__class__ is float and present == 0 else present + term
    by_element = dict(zip(angles.elements, columns, strict=True)) if angles.non_affine else {}
    for slot, expression in angles.non_affine:
        result[slot] = _written(expression, by_element, functions, package)
    return result


def _written(value: Expr, by_element: Mapping[Expr, Any], functions: Functions, package: str) -> Any:
    match value:
        case Const(number):
            return number
        case Name() | Item() if value in by_element:
            return by_element[value]
        case Apply(operator, operands):
            values = [_written(operand, by_element, functions, package) for operand in operands]
            if all(isinstance(number, (int, float)) for number in values):
                return OPERATORS[operator].scalar(*values)
            if operator in functions:
                return functions[operator](*values)
    raise unwritable(value, package)


def unwritable(value: Expr, package: str) -> TargetCapabilityError:
    """The error about an angle that a package has no expression for."""
    return TargetCapabilityError(
        f"the angle `{value}` cannot be written with {package}'s parameters",
        help=f"bind its arguments before asking for the {package} circuit; running the kernel works as it is",
    )


def symbolic_functions() -> Functions:
    """The functions of expressions of sympy's."""
    import sympy

    names = {ours: theirs for theirs, ours in _OF_SYMPY.items()}
    return {**ARITHMETIC, **{ours: getattr(sympy, theirs) for ours, theirs in names.items()}, "sqrt": sympy.sqrt}


def no_counterpart(what: str, help: str | None = None) -> TargetCapabilityError:
    """The error about a part of another package's circuit that kernels do not have."""
    return TargetCapabilityError(f"{what} has no counterpart in a kernel", help=help)


def from_sympy(tree: Any, known: Mapping[str, Expr]) -> Expr:
    """An expression of sympy's, whose symbols stand for `known`, by name."""
    if tree.is_Symbol:
        return known[tree.name]
    if tree.is_number:
        value = complex(tree)
        if value.imag:
            raise no_counterpart(f"the complex angle `{tree}`")
        return Const(int(tree)) if tree.is_Integer else Const(value.real)
    parts = [from_sympy(part, known) for part in tree.args]
    name = tree.func.__name__
    if name == "Add":
        return reduce(lambda left, right: left + right, parts)
    if name == "Mul":
        return reduce(lambda left, right: left * right, parts)
    if name == "Pow":
        return apply("sqrt", parts[0]) if parts[1] is Const(0.5) else parts[0] ** parts[1]
    if name in _OF_SYMPY:
        return apply(_OF_SYMPY[name], *parts)
    if name == "sign":
        above, below = (apply("select", apply(sign, parts[0], 0.0), 1.0, 0.0) for sign in (">", "<"))
        return above - below
    raise no_counterpart(f"`{name}` in the angle `{tree}`")
