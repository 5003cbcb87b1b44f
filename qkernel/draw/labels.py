"""How numbers, expressions, places and observables read in a drawing: short, Python-like, with fractions of π."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from qkernel.ir.expressions import ZERO, Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, Updated, apply
from qkernel.ir.places import Place
from qkernel.ir.types import DictType, TupleType

_PRECEDENCE = {"or": 1, "and": 2, "not": 3, "^": 5, "+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7, "neg": 8, "**": 9}
_PRECEDENCE |= dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 4)
_TIGHT = {"*", "/", "//", "**"}
_ATOM = 10


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
        return _expression(value)[0]
    if isinstance(value, (bool, int, float, np.number)):
        return number_label(value.item() if isinstance(value, np.number) else value)
    if hasattr(value, "terms"):
        return observable_label(value)
    if isinstance(value, dict):
        return "{…}" if len(value) > 2 else "{" + ", ".join(f"{label(key)}: {label(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, tuple):
        return f"({', '.join(map(label, value))})"
    try:
        length = len(value)
    except TypeError:
        return number_label(float(value)) if hasattr(value, "__float__") else str(value)
    shown = ", ".join(label(value[k]) for k in range(min(length, 3)))
    return f"[{shown}{', …' if length > 3 else ''}]"


def _expression(expr: Expr) -> tuple[str, int]:
    """The text of `expr` and how tightly it binds."""
    match expr:
        case Const(value):
            text = label(value)
            loose = "/" in text or text.startswith("-") or (text[:1].isdigit() and text.endswith("π"))
            return text, _PRECEDENCE["neg" if text.startswith("-") else "*"] if loose else _ATOM
        case Name(name):
            return name, _ATOM
        case Apply(name, operands):
            return _application(name, operands)
        case Item(base, keys) | Row(base, keys):
            if isinstance(base.type, DictType) and isinstance(keys[0].type, TupleType):
                return f"{_bound(base, _ATOM)}[{_expression(keys[0])[0]}]", _ATOM
            return _bound(base, _ATOM) + "".join(f"[{index_label(key)}]" for key in keys), _ATOM
        case Size(base, axis):
            text = _expression(base)[0]
            return (f"{text}.shape[{axis}]" if axis else f"len({text})"), _ATOM
        case Slice(base, start, stride, length):
            return f"{_bound(base, _ATOM)}[{slice_label(start, stride, length)}]", _ATOM
        case Pack(items, type):
            inner = ", ".join(_expression(entry)[0] for entry in items[:4]) + (", …" if len(items) > 4 else "")
            return (f"({inner})" if isinstance(type, TupleType) else f"[{inner}]"), _ATOM
        case Updated(base, key, value):
            return f"{_bound(base, _ATOM)} with [{index_label(key)}] = {_expression(value)[0]}", 0
    return str(expr), 0


def _application(name: str, operands: tuple[Expr, ...]) -> tuple[str, int]:
    if name in ("uint", "float"):
        return _expression(operands[0])
    if name == "select":
        condition, chosen, other = (_bound(operand, 1) for operand in operands)
        return f"{chosen} if {condition} else {other}", 0
    level = _PRECEDENCE.get(name)
    if level is None:
        return f"{name}({', '.join(_expression(operand)[0] for operand in operands)})", _ATOM
    if len(operands) == 1:
        return f"{'-' if name == 'neg' else 'not '}{_bound(operands[0], level)}", level
    left, right = operands
    match name, left, right:
        case "*", Apply("*", (factor, Const(int(first)))), Const(int(second)):
            return _application("*", (factor, Const(first * second)))
    glue = name if name in _TIGHT else f" {name} "
    return f"{_bound(left, level + (name == '**'))}{glue}{_bound(right, level + (name != '**'))}", level


def _bound(expr: Expr, level: int) -> str:
    text, own = _expression(expr)
    return text if own >= level else f"({text})"


def index_label(index: Any) -> str:
    """An index, without spaces."""
    return label(index).replace(" ", "")


def slice_label(start: Any, stride: Any, length: Any) -> str:
    """What stands between the brackets of a slice."""
    first, step, count = Const(start) if isinstance(start, int) else start, stride, length
    known = not isinstance(step, Expr) or isinstance(step, Const)
    size = step.value if isinstance(step, Const) else step
    begin = "" if first == ZERO else index_label(first)
    if known and size == 1:
        return f"{begin}:{index_label(apply('+', first, count))}"
    return f"{begin or '0'}::{index_label(step)}"


def place_label(register: str, place: Place, size: Any) -> str:
    """A place in the user's terms: `q`, `q[i]`, `q[1:]`, `q[0::2]`."""
    if place.length is None:
        return register if size is None else f"{register}[{index_label(place.start)}]"
    whole = size is not None and apply("+", place.start, place.length) == (size if isinstance(size, Expr) else Const(size))
    if isinstance(place.stride, Const) and place.stride.value == 1 and whole:
        return register if place.start == ZERO else f"{register}[{index_label(place.start)}:]"
    return f"{register}[{slice_label(place.start, place.stride, place.length)}]"


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


def _term(coefficient: Any, word: str) -> tuple[str, str]:
    value = complex(coefficient)
    if value.imag:
        return "+", f"({value:.4g}){'*' + word if word else ''}"
    sign, size = ("-" if value.real < 0 else "+"), abs(value.real)
    if not word:
        return sign, number_label(size)
    return sign, word if size == 1 else f"{number_label(size)}*{word}"


def shorten(text: str, width: int) -> str:
    """`text` cut to `width` characters, the last of them an ellipsis."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
