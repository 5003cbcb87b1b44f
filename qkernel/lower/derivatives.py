"""Derivatives of expressions, for the angles that are not affine in their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from qkernel.errors import GradientError, SizeError
from qkernel.ir.expressions import Apply, Const, Expr, apply
from qkernel.ir.trees import is_constant, tree_size

_ZERO, _MINUS_ZERO, _ONE = Const(0.0), Const(-0.0), Const(1.0)
_MOST_WORK = 20_000_000
_STEPS = ("//", "floor", "ceil", "uint", "<", "<=", ">", ">=", "==", "!=", "and", "or", "^", "&", "not", "gcd", "pow")


def _is_zero(slope: Expr) -> bool:
    """Whether a derivative is 0.0 or -0.0."""
    return slope is _ZERO or slope is _MINUS_ZERO


def derivatives(expr: Expr, variables: Sequence[Expr]) -> Iterator[tuple[Expr, Expr]]:
    """Each variable with the derivative of `expr` by it, unless that is 0. Raises `SizeError` where they are too much work."""
    if tree_size(expr)[0] * len(variables) > _MOST_WORK:
        raise SizeError(
            f"an expression of {tree_size(expr)[0]:,} operations is too large for derivatives by {len(variables):,} arguments",
            help="compute with fewer open arguments at once",
        )
    for variable in variables:
        slope = derivative(expr, variable)
        if not _is_zero(slope):
            yield variable, slope


def derivative(expr: Expr, variable: Expr) -> Expr:
    """The derivative of `expr` by `variable`, a name or an element of one.

    Steps (`floor`, `//`, comparisons) count as constant, and kinks take the derivative of the side that they evaluate.
    Raises `GradientError` for an operator that has no derivative here.
    """
    if expr is variable:
        return _ONE
    match expr:
        case Apply(name, operands) if name not in _STEPS and not is_constant(expr):
            inner = tuple(derivative(operand, variable) for operand in operands)
            return _apply(name, operands, inner) if not all(map(_is_zero, inner)) else _ZERO
    return _ZERO


def _apply(name: str, operands: tuple[Expr, ...], inner: tuple[Expr, ...]) -> Expr:
    match name, operands, inner:
        case "+" | "-", _, (left, right):
            return _sum(name, left, right)
        case "*", (left, right), (d_left, d_right):
            return _sum("+", _product(d_left, right), _product(d_right, left))
        case "/", (left, right), (d_left, d_right):
            return _sum("-", _quotient(d_left, right), _quotient(_product(d_right, left), right * right))
        case "%", (left, right), (d_left, d_right):
            return _sum("-", d_left, _product(d_right, left // right))
        case "**", (base, exponent), (d_base, d_exponent):
            return _sum("+", _product(d_base, _by_base(base, exponent)), _product(d_exponent, _by_exponent(base, exponent)))
        case "neg", _, (only,):
            return -only
        case "min" | "max", (left, right), _:
            return apply("select", apply("<=" if name == "min" else ">=", left, right), *inner)
        case "select", (condition, _, _), (_, left, right):
            return apply("select", condition, left, right)
        case "float" | "natural", _, (only,):
            return only
        case "atan2", (y, x), (d_y, d_x):
            return _quotient(_sum("-", _product(d_y, x), _product(d_x, y)), x * x + y * y)
        case _, (argument,), (only,) if name in _OF_ONE:
            return _product(only, _OF_ONE[name](argument))
    raise GradientError(f"`{name}` has no derivative")


def _by_base(base: Expr, exponent: Expr) -> Expr:
    """The derivative of a power by its base, also where the base is 0 and the exponent is 0 or 1."""
    if isinstance(exponent, Const) and exponent.value in (0, 1):
        return Const(float(exponent.value))
    slope = exponent * base ** (exponent - 1)
    return slope if isinstance(exponent, Const) else apply("select", apply("==", exponent, 0), 0.0, slope)


def _by_exponent(base: Expr, exponent: Expr) -> Expr:
    """The derivative of a power by its exponent; powers of 0 are 0 as long as the exponent is positive."""
    is_zero = apply("and", apply("==", base, 0), apply(">", exponent, 0))
    return apply("select", is_zero, 0.0, Apply("log", (base,)) * base**exponent)


_OF_ONE: dict[str, Callable[[Expr], Expr]] = {
    "sin": lambda x: apply("cos", x),
    "cos": lambda x: -apply("sin", x),
    "tan": lambda x: 1.0 / apply("cos", x) ** 2,
    "asin": lambda x: 1.0 / apply("sqrt", 1.0 - x * x),
    "acos": lambda x: -1.0 / apply("sqrt", 1.0 - x * x),
    "atan": lambda x: 1.0 / (1.0 + x * x),
    "sinh": lambda x: apply("cosh", x),
    "cosh": lambda x: apply("sinh", x),
    "tanh": lambda x: 1.0 - apply("tanh", x) ** 2,
    "exp": lambda x: apply("exp", x),
    "log": lambda x: 1.0 / x,
    "log2": lambda x: 1.0 / (x * math.log(2)),
    "sqrt": lambda x: 0.5 / apply("sqrt", x),
    "abs": lambda x: apply("select", x < 0, -1.0, 1.0),
}
"""The derivatives of functions of one argument."""


def _sum(name: str, left: Expr, right: Expr) -> Expr:
    if _is_zero(right):
        return left
    if _is_zero(left):
        return right if name == "+" else -right
    return apply(name, left, right)


def _product(factor: Expr, other: Expr) -> Expr:
    if _is_zero(factor) or _is_zero(other):
        return _ZERO
    if factor is _ONE:
        return other
    return apply("*", factor, other)


def _quotient(part: Expr, divisor: Expr) -> Expr:
    return _ZERO if _is_zero(part) else apply("/", part, divisor)
