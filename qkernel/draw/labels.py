"""How numbers, expressions, places and observables read in a drawing: short, Python-like, with fractions of π."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from qkernel.characters import columns, shorten
from qkernel.ir.expression_text import ExpressionText, Written
from qkernel.ir.expressions import ONE, ZERO, Apply, Const, Expr, Pack, Slice, apply, item, size
from qkernel.ir.places import Place, along
from qkernel.ir.types import DictType, TupleType, Type
from qkernel.ir.vocabulary import ATOM, PRECEDENCE

_TIGHT = {"*", "/", "//"}


def number_label(value: Any) -> str:
    """A number, as a fraction of π where it is one."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    real = float(value)
    fraction = Fraction(real / math.pi).limit_denominator(64) if math.isfinite(real) else Fraction(0)
    if 0 < abs(fraction.numerator) <= 64 and math.isclose(fraction * math.pi, real, rel_tol=1e-9):
        sign, top, bottom = "-" if real < 0 else "", abs(fraction.numerator), fraction.denominator
        return f"{sign}{top if top > 1 else ''}π{f'/{bottom}' if bottom > 1 else ''}"
    return f"{real:.4g}"


def label(value: Any) -> str:
    """Any classical value of the IR: an expression, a number, a vector, a dictionary or an observable."""
    if isinstance(value, Expr):
        return _LABELS.text(value)
    if isinstance(value, (bool, int, float, np.number)):
        return number_label(value.item() if isinstance(value, np.number) else value)
    if hasattr(value, "terms"):
        return observable_label(value)
    if isinstance(value, dict):
        entries = ", ".join(f"{label(key)}: {label(entry)}" for key, entry in value.items())
        return "{…}" if len(value) > 2 else f"{{{entries}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(label, value))})"
    try:
        length = len(value)
    except TypeError:
        return number_label(float(value)) if hasattr(value, "__float__") else str(value)
    shown = ", ".join(label(value[k]) for k in range(min(length, 3)))
    return f"[{shown}{', …' if length > 3 else ''}]"


class _Labels(ExpressionText):
    """Expressions in a drawing: no spaces where they multiply, factors in front, no conversions of numbers."""

    unseen = frozenset(("uint", "float", "natural"))

    def name(self, name: str) -> str:
        return name

    def constant(self, value: object) -> Written:
        text = label(value)
        loose = "/" in text or text.startswith("-") or (text[:1].isdigit() and text.endswith("π"))
        return text, PRECEDENCE["neg" if text.startswith("-") else "*"] if loose else ATOM

    def operation(self, name: str, operands: tuple[Expr, ...]) -> str:
        level = PRECEDENCE[name]
        match name, operands:
            case "select", (condition, Const(1), Const(0)):
                return self.text(condition, ATOM)  # a bit as a number
            case "select", (condition, chosen, other):
                return f"{self.text(chosen, 1)} if {self.text(condition, 1)} else {self.text(other, 1)}"
            case "neg" | "not", _:
                return super().operation(name, operands)
            case "**", (base, exponent):
                return f"{self.text(base, level + 1)}**{self.text(exponent, level)}"
        left, right = operands
        return f"{self.text(left, level)} {name} {self.text(right, level + 1)}"

    def chain(self, name: str, operands: tuple[Expr, ...]) -> str:
        level = PRECEDENCE[name]
        left, right = operands
        match name, left, right:
            case "*", Apply("*", (factor, Const(int(first)))), Const(int(second)):
                return self.chain("*", (factor, Const(first * second)))
            case "*", _, Const(int() | float()) if not isinstance(left, Const):
                left, right = right, left
            case "+" | "-", _, Const(int(value)) if value < 0:
                name, right = ("-" if name == "+" else "+"), Const(-value)
        glue = name if name in _TIGHT else f" {name} "
        chained = name in "+*" and isinstance(right, Apply) and right.operator == name
        return f"{self.text(left, level)}{glue}{self.text(right, level + (not chained))}"

    def element(self, base: Expr, keys: tuple[Expr, ...]) -> str:
        if isinstance(base, Slice):
            return self.text(item(base.base, (along(base.start, base.stride, keys[0]), *keys[1:])))
        if isinstance(base.type, DictType) and isinstance(keys[0].type, TupleType):
            return f"{self.text(base, ATOM)}[{self.text(keys[0])}]"
        return self.text(base, ATOM) + "".join(f"[{index_label(key)}]" for key in keys)

    def length(self, base: Expr, axis: int) -> str:
        return f"{self.text(base)}.shape[{axis}]" if axis else f"len({self.text(base)})"

    def stretch(self, base: Expr, start: Expr, stride: Expr, length: Expr) -> Written:
        match base, stride:
            case Pack((entry,)), Const(0):
                return f"[{self.text(entry)}]*{self.text(length, ATOM)}", PRECEDENCE["*"]
        return f"{self.text(base, ATOM)}[{slice_label(start, stride, length, size(base))}]", ATOM

    def pack(self, items: tuple[Expr, ...], type: Type) -> str:
        inner = self.listed(items[:4]) + (", …" if len(items) > 4 else "")
        return f"({inner})" if isinstance(type, TupleType) else f"[{inner}]"

    def updated(self, base: Expr, key: Expr, value: Expr) -> Written:
        return f"{self.text(base, ATOM)} with [{index_label(key)}] = {self.text(value)}", 0


_LABELS = _Labels()


def index_label(index: Any) -> str:
    """An index, without spaces."""
    return label(index).replace(" ", "")


def slice_label(start: Any, stride: Any, length: Any, size: Expr | None = None) -> str:
    """What stands between the brackets of a slice, as its user wrote it: Python clamps a stop past the end by itself."""
    first, step, count = (part if isinstance(part, Expr) else Const(part) for part in (start, stride, length))
    match step:
        case Const(int(back)) if back < 0:
            return _backward_label(first, -back, count, size)
    stop = _stop(first, step, _unclamped(count, size))
    begin = "" if first is ZERO else index_label(first)
    end = "" if stop is size else index_label(stop)
    return f"{begin}:{end}" if step is ONE else f"{begin}:{end}:{index_label(step)}"


def _backward_label(first: Expr, step: int, count: Expr, size: Expr | None) -> str:
    """What stands between the brackets of a slice that goes from its end to its start."""
    last = None if size is None else apply("-", size, 1)
    is_all = count is apply("//", apply("+", first, step), step)
    begin = "" if first is last else index_label(_unclamped(first, last))
    end = "" if is_all else index_label(apply("-", first, apply("*", count, step)))
    return f"{begin}:{end}:-{step}"


def _unclamped(expr: Expr, size: Expr | None) -> Expr:
    """A length without the cases that keep it between 0 and `size`."""
    match expr:
        case Apply("min", (left, right)) if size is not None and (left is size or right is size):
            return _unclamped(left if right is size else right, size)
        case Apply("max", (left, Const(0))) | Apply("max", (Const(0), left)):
            return _unclamped(left, size)
        case Apply("natural", (inner,)):
            return _unclamped(inner, size)
        case Apply(name, operands):
            return apply(name, *(_unclamped(operand, size) for operand in operands))
    return expr


def _stop(start: Expr, step: Expr, length: Expr) -> Expr:
    """The stop of a slice; lengths of strided ones were made as (stop - start + step - 1) // step."""
    match step, length:
        case Const(1), Apply("-", (stop, subtracted)) if subtracted is start:
            return stop
        case Const(1), _:
            return apply("+", length, start) if start is not ZERO else length
        case Const(int(stride)), Apply("//", (numerator, Const(int(divisor)))) if stride == divisor:
            return apply("+", apply("-", numerator, stride - 1), start)
    return apply("+", start, apply("*", length, step))


def place_label(register: str, place: Place, size: Expr | None) -> str:
    """A place in the user's terms: `q`, `q[i]`, `q[1:]`, `q[::2]`."""
    if place.length is None:
        return register if size is None else f"{register}[{index_label(place.start)}]"
    inside = slice_label(place.start, place.stride, place.length, size)
    return register if inside == ":" else f"{register}[{inside}]"


def observable_label(observable: Any) -> str:
    """A Pauli sum on one line, such as `0.5*Z0*Z1 - X2 + 1`."""
    parts: list[tuple[str, str]] = []
    for operators, coefficient in observable.terms.items():
        word = "*".join(f"{operator.pauli.name}{operator.index}" for operator in operators)
        parts.append(_term(coefficient, word))
    if observable.constant or not parts:
        parts.append(_term(observable.constant, ""))
    (sign, first), *rest = parts
    return ("-" if sign == "-" else "") + first + "".join(f" {sign} {text}" for sign, text in rest)


def first_terms(text: str, width: int = 24) -> str:
    """A sum on one line, of at most about `width` characters: after its first terms an ellipsis."""
    if columns(text) <= width:
        return text
    cut = max(text.rfind(" + ", 0, width), text.rfind(" - ", 0, width))
    return f"{text[:cut]} + …" if cut > 0 else shorten(text, width)


def _term(coefficient: Any, word: str) -> tuple[str, str]:
    value = complex(coefficient)
    if value.imag:
        return "+", f"({value:.4g}){'*' + word if word else ''}"
    sign, size = ("-" if value.real < 0 else "+"), abs(value.real)
    if not word:
        return sign, number_label(size)
    return sign, word if size == 1 else f"{number_label(size)}*{word}"
