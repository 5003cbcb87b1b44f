"""The operators and functions of classical expressions: how each computes, and the type of its result."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import QubitIndexResolutionError, SizeError
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, Type
from qkernel.observable import Hamiltonian, Pauli


@dataclass(frozen=True, slots=True)
class Operator:
    """How an operator computes: on Python numbers, on numpy arrays, and the type of its result."""

    scalar: Callable[..., Any]
    array: Callable[..., Any]
    result: Callable[..., Type]


def _number(*types: Type) -> Type:
    return FLOAT if FLOAT in types else UINT


def _sum(*types: Type) -> Type:
    return OBSERVABLE if OBSERVABLE in types else _number(*types)


def _quotient(*types: Type) -> Type:
    return OBSERVABLE if OBSERVABLE in types else FLOAT


def _observable(*types: Type) -> Type:
    return OBSERVABLE


def _float(*types: Type) -> Type:
    return FLOAT


def _uint(*types: Type) -> Type:
    return UINT


def _bit(*types: Type) -> Type:
    return BIT


def _side(*types: Type) -> Type:
    _, *sides = types or (BIT,)
    return sides[0] if len(set(sides)) == 1 else _number(*sides)


MAX_INTEGER_DIGITS = 4_000  # Python writes out 4,300
MAX_INTEGER_BITS = MAX_INTEGER_DIGITS * 10 // 3


def _power(base: Any, exponent: Any) -> Any:
    is_whole = isinstance(base, int) and isinstance(exponent, int)
    if is_whole and exponent < 0:
        return float(base) ** exponent
    result = None if is_whole and (base.bit_length() - 1) * exponent > MAX_INTEGER_BITS else base**exponent
    if result is None or (is_whole and result.bit_length() > MAX_INTEGER_BITS):
        raise OverflowError(f"{base} ** {exponent} is too large")
    if isinstance(result, complex):
        raise ValueError(f"{base} ** {exponent} is no real number")
    return result


def _of_numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of arrays where a bit counts as 0 or 1; numpy's own arithmetic on bools is logic."""

    def compute(*values: Any) -> Any:
        return function(*[np.asarray(value, np.int64) if _is_of_bits(value) else value for value in values])

    return compute


def _is_of_bits(value: Any) -> bool:
    return type(value) is bool or (isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "b")


def _array_power(base: Any, exponent: Any) -> Any:
    is_negative = exponent < 0 if type(exponent) in (int, float) else np.any(np.asarray(exponent) < 0)
    return (np.asarray(base, float) if is_negative else base) ** exponent


def _fixed_point(bits: Any, int_bits: int) -> Any:
    """The number that bits spell, least significant first, `int_bits` of them before the point."""
    return sum(bit * 2.0 ** (position + int_bits - len(bits)) for position, bit in enumerate(bits))


def _natural(value: Any) -> Any:
    if (least := np.min(value, initial=0)) < 0:
        raise QubitIndexResolutionError(
            f"a bound or the step of a slice is computed as {least}",
            label=f"{least} here",
            help="a negative number counts from the end only where it is written as such: `q[:-1]`",
        )
    return value


def _matched(count: Any, given: Any) -> Any:
    """How many elements are given, which are to be `count`."""
    if np.any(np.asarray(count) != given):
        raise SizeError(f"{counted(given, 'element')} for a slice of {count}", label=f"{count} wanted")
    return given


def _pauli(name: str) -> Operator:
    """A Pauli matrix on the qubit of this index."""

    def single(index: int) -> Hamiltonian:
        if index < 0:
            raise QubitIndexResolutionError(f"the index of `{name}` is computed as {index}", label=f"{index} here")
        return Hamiltonian.single_pauli(Pauli[name], index)

    return Operator(single, single, _observable)


PAULIS = ("X", "Y", "Z")
OPERATORS: dict[str, Operator] = {
    "+": Operator(operator.add, _of_numbers(operator.add), _sum),
    "-": Operator(operator.sub, _of_numbers(operator.sub), _sum),
    "*": Operator(operator.mul, _of_numbers(operator.mul), _sum),
    "/": Operator(operator.truediv, operator.truediv, _quotient),
    "//": Operator(operator.floordiv, _of_numbers(operator.floordiv), _number),
    "%": Operator(operator.mod, _of_numbers(operator.mod), _number),
    "**": Operator(_power, _of_numbers(_array_power), _number),
    "neg": Operator(operator.neg, _of_numbers(operator.neg), _sum),
    "abs": Operator(abs, _of_numbers(np.abs), _number),
    "min": Operator(min, np.minimum, _number),
    "max": Operator(max, np.maximum, _number),
    "<": Operator(operator.lt, operator.lt, _bit),
    "<=": Operator(operator.le, operator.le, _bit),
    ">": Operator(operator.gt, operator.gt, _bit),
    ">=": Operator(operator.ge, operator.ge, _bit),
    "==": Operator(operator.eq, operator.eq, _bit),
    "!=": Operator(operator.ne, operator.ne, _bit),
    "and": Operator(lambda a, b: bool(a) and bool(b), np.logical_and, _bit),
    "or": Operator(lambda a, b: bool(a) or bool(b), np.logical_or, _bit),
    "&": Operator(operator.and_, np.bitwise_and, _uint),
    "^": Operator(lambda a, b: bool(a) != bool(b), np.logical_xor, _bit),
    "not": Operator(operator.not_, np.logical_not, _bit),
    "select": Operator(lambda c, a, b: a if c else b, np.where, _side),
    "natural": Operator(_natural, _natural, _uint),
    "uint": Operator(int, lambda a: np.asarray(a, np.int64), _uint),
    "float": Operator(float, lambda a: np.asarray(a, np.float64), _float),
    "floor": Operator(math.floor, lambda a: np.floor(a).astype(np.int64), _uint),
    "ceil": Operator(math.ceil, lambda a: np.ceil(a).astype(np.int64), _uint),
    "sin": Operator(math.sin, np.sin, _float),
    "cos": Operator(math.cos, np.cos, _float),
    "tan": Operator(math.tan, np.tan, _float),
    "asin": Operator(math.asin, np.arcsin, _float),
    "acos": Operator(math.acos, np.arccos, _float),
    "atan": Operator(math.atan, np.arctan, _float),
    "atan2": Operator(math.atan2, np.arctan2, _float),
    "sinh": Operator(math.sinh, np.sinh, _float),
    "cosh": Operator(math.cosh, np.cosh, _float),
    "tanh": Operator(math.tanh, np.tanh, _float),
    "exp": Operator(math.exp, np.exp, _float),
    "log": Operator(math.log, np.log, _float),
    "log2": Operator(math.log2, np.log2, _float),
    "sqrt": Operator(math.sqrt, np.sqrt, _float),
    "fixed": Operator(_fixed_point, _fixed_point, _float),
    "gcd": Operator(math.gcd, np.gcd, _uint),
    "pow": Operator(pow, np.frompyfunc(pow, 3, 1), _uint),
    "matched": Operator(_matched, _matched, _uint),
    **{name: _pauli(name) for name in PAULIS},
}


def result_type(operator: str, types: list[Type]) -> Type:
    """The type of what an operator makes of operands of `types`; Float of what is none, which the verifier refuses."""
    return OPERATORS[operator].result(*types) if operator in OPERATORS else FLOAT
