"""Expressions as OpenQASM has them: with its words, its precedences and its whole numbers, whose quotients are cut off."""

from __future__ import annotations

import math
from collections.abc import Mapping

from qkernel.ir.expression_text import ExpressionText, Written
from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, SystemName, Updated, apply, item
from qkernel.ir.trees import ANY, Bounds, bounds_where
from qkernel.ir.types import BIT, FLOAT, UINT, Type
from qkernel.ir.vocabulary import LEFT_ASSOCIATIVE

_SIGNS = {
    "or": ("||", 1), "and": ("&&", 2), "==": ("==", 3), "!=": ("!=", 3), "^": ("!=", 3), "<": ("<", 4), "<=": ("<=", 4),
    ">": (">", 4), ">=": (">=", 4), "+": ("+", 5), "-": ("-", 5), "*": ("*", 6), "/": ("/", 6), "//": ("/", 6), "%": ("%", 6),
    "**": ("**", 8),
}  # fmt: skip
_ARITHMETIC = frozenset(("+", "-", "*", "/", "//", "%", "**"))
_OPPOSITES = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_UNARY, _ATOM = 7, 9
_FUNCTIONS = {
    "sin": "sin", "cos": "cos", "tan": "tan", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "exp": "exp", "log": "log",
    "sqrt": "sqrt",
}  # fmt: skip
_ALWAYS_FINITE = frozenset((
    "+", "-", "*", "neg", "abs", "min", "max", "<", "<=", ">", ">=", "==", "!=", "and", "or", "^", "not", "select", "uint",
    "float", "floor", "ceil", "sin", "cos", "atan",
))  # fmt: skip
"""Operators whose results are numbers, whatever numbers they are of."""


class Unwritten(Exception):
    """An expression that OpenQASM does not have, unless more is known of the names in it."""

    def __init__(self, part: Expr) -> None:
        super().__init__(part)
        self.part = part


class QasmText(ExpressionText):
    """How OpenQASM writes expressions. Raises `Unwritten` for what it does not have.

    `known` tells between which numbers names lie, `elements` as which inputs of their own names and elements are written.
    """

    def __init__(self, known: Mapping[str, Bounds] | None = None, elements: Mapping[Expr, str] | None = None) -> None:
        self.known, self.elements = known or {}, elements or {}

    def text(self, expr: Expr, level: int = 0) -> str:
        if expr in self.elements:
            return self.elements[expr]
        match expr:
            case Apply("not", (operand,)):
                return _within(f"!{self.text(operand, _UNARY)}", _UNARY, level)
            case Apply("neg", (operand,)):
                return _within(f"-{self.number(operand, _UNARY)}", _UNARY, level)
            case Apply("natural", (operand,)) | Apply("matched", (_, operand)):
                return self.text(operand, level)
            case Apply(name, (left, right)) if name in _SIGNS:
                return self.signed(name, left, right, level)
            case Apply():
                return self.function(expr, level)
            case Item(base, keys) | Row(base, keys):
                return self.element(base, keys)
            case Slice() | Size() | Pack() | Updated() | SystemName():
                raise Unwritten(expr)
        return super().text(expr, level)

    def signed(self, name: str, left: Expr, right: Expr, level: int) -> str:
        """An operator between two operands; sums and products group to the left."""
        sign, own = _SIGNS[name]
        are_numbers = name in _ARITHMETIC or {left.type, right.type} != {BIT}
        if name in ("//", "%") and not self.is_cut_off(left, right):
            return self.rounded_down(name, left, right, level)
        if name == "**" and left.type == right.type == UINT and self.between(right).least < 0:
            raise Unwritten(Apply(name, (left, right)))
        write = self.number if are_numbers else self.text
        first = write(left, own if name in LEFT_ASSOCIATIVE and name != "^" else own + 1)
        if name == "/" and FLOAT not in (left.type, right.type):
            first = f"float({write(left)})"
        return _within(f"{first} {sign} {write(right, own + 1)}", own, level)

    def rounded_down(self, name: str, left: Expr, right: Expr, level: int) -> str:
        """A quotient that is rounded down, or what it leaves, where OpenQASM cuts off."""
        if FLOAT in (left.type, right.type):
            quotient = f"floor({self.text(left / right)})"
            if name == "//":
                return quotient
            return _within(f"{self.number(left, 5)} - {self.number(right, 6)} * {quotient}", 5, level)
        first, by = self.number(left, 5), self.number(right, 7)
        rest = f"({self.number(left, 6)} % {by} + {by}) % {by}"
        return _within(rest if name == "%" else f"({first} - {rest}) / {by}", 6, level)

    def number(self, expr: Expr, level: int = 0) -> str:
        """A number; a bit that is computed with is 0 or 1."""
        return f"int({self.text(expr)})" if expr.type == BIT else self.text(expr, level)

    def between(self, expr: Expr) -> Bounds:
        """Between which numbers `expr` lies."""
        return bounds_where(expr, lambda name: self.known.get(name, ANY))

    def is_cut_off(self, left: Expr, right: Expr) -> bool:
        """Whether a quotient that is rounded down is the one that is cut off; the remainders are alike then."""
        return left.type == right.type == UINT and self.between(left).least >= 0 and self.between(right).least >= 0

    def function(self, expr: Apply, level: int) -> str:
        """What is written as a call, or by other operators."""
        match expr.operator, expr.operands:
            case name, (operand,) if name in _FUNCTIONS:
                return f"{_FUNCTIONS[name]}({self.number(operand)})"
            case "log2", (operand,):
                return _within(f"log({self.number(operand)}) / log(2.0)", 6, level)
            case "float", (operand,) if operand.type == FLOAT:
                return self.text(operand, level)
            case "float" | "uint" as name, (operand,):
                return f"{'float' if name == 'float' else 'int'}({self.text(operand)})"
            case "floor" | "ceil" as name, (operand,):
                return f"int({'floor' if name == 'floor' else 'ceiling'}({self.number(operand)}))"
            case "select", (condition, left, right):
                return self.chosen(condition, left, right, level)
            case "min" | "max" as name, (left, right):
                return self.chosen(Apply("<=" if name == "min" else ">=", (left, right)), left, right, level)
            case "abs", (operand,):
                return self.chosen(apply(">=", operand, 0), operand, -operand, level)
            case "sinh" | "cosh" as name, (operand,):
                sum_ = apply("exp", operand) + (-1 if name == "sinh" else 1) * apply("exp", -operand)
                return self.text(sum_ / 2.0, level)
            case "tanh", (operand,):
                return self.text(1.0 - 2.0 / (apply("exp", 2.0 * operand) + 1.0), level)
            case "fixed", (bits, Const(int(int_bits))) if (each := bits.elements()) is not None:
                total: Expr = Const(0.0)
                for k, bit in enumerate(each):
                    total = total + apply("float", bit) * 2.0 ** (k + int_bits - len(each))
                return self.text(total, level)
        raise Unwritten(expr)

    def chosen(self, condition: Expr, left: Expr, right: Expr, level: int) -> str:
        """One side or the other: a sum of both, each multiplied by whether it is taken, so that both must be numbers."""
        if left.type == right.type == BIT:
            return self.text((condition & left) | (~condition & right), level)
        type: Type = FLOAT if FLOAT in (left.type, right.type) else UINT
        terms = []
        for test, side in ((condition, left), (_opposite(condition), right)):
            if not self.is_finite(side):
                raise Unwritten(side)
            if not (isinstance(side, Const) and side.value == 0):
                terms.append(f"{'float' if type == FLOAT else 'int'}({self.text(test)}) * {self.number(side, 7)}")
        return _within(" + ".join(terms) or "0", 5, level)

    def is_finite(self, expr: Expr) -> bool:
        """Whether an expression is a number wherever its names are, so that it may be multiplied by 0."""
        match expr:
            case Apply("/" | "//" | "%", (left, divisor)):
                least, greatest = self.between(divisor)
                return (least > 0 or greatest < 0) and self.is_finite(left) and self.is_finite(divisor)
            case Apply("**", (base, Const(int(exponent)))) if exponent >= 0:
                return self.is_finite(base)
            case Apply(name) if name not in _ALWAYS_FINITE:
                return False
        return all(map(self.is_finite, expr.children))

    def constant(self, value: object) -> Written:
        match value:
            case bool():
                return ("true" if value else "false"), _ATOM
            case int():
                return str(value), _UNARY if value < 0 else _ATOM
            case float() if math.isfinite(value):
                text = number(value)
                return text, 6 if " " in text else _UNARY if text.startswith("-") else _ATOM
        raise Unwritten(Const(value))

    def name(self, name: str) -> str:
        return name

    def element(self, base: Expr, keys: tuple[Expr, ...]) -> str:
        match base:
            case Name(name):
                return f"{name}[{', '.join(map(self.number, keys))}]"
            case Row(of, first):
                return self.element(of, first + keys)
            case Slice(of, start, stride, _):
                return self.text(item(of, (start + stride * keys[0], *keys[1:])))
        raise Unwritten(Item(base, keys))


def number(value: float) -> str:
    """A number as OpenQASM, which reads it back as the same one; fractions of π as such."""
    for denominator in (1, 2, 3, 4, 6, 8, 16):
        numerator = round(value * denominator / math.pi) if abs(value) < 100 else 0
        if numerator and numerator * math.pi / denominator == value:
            times = {1: "pi", -1: "-pi"}.get(numerator, f"{numerator} * pi")
            return times if denominator == 1 else f"{times} / {denominator}"
    return repr(float(value))


def enclosed(text: str) -> str:
    """A text as an operand of any operator."""
    return text if all(letter.isalnum() or letter in "_[]" for letter in text) else f"({text})"


def _within(text: str, own: int, level: int) -> str:
    return f"({text})" if own < level else text


def _opposite(condition: Expr) -> Expr:
    """That a condition does not hold."""
    match condition:
        case Apply(name, operands) if name in _OPPOSITES:
            return Apply(_OPPOSITES[name], operands)
    return apply("not", condition)
