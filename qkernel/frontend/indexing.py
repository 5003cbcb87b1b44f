"""`q[i]`, `q[a:b:s]`: the part of a register that a key names."""

from __future__ import annotations

import ast
from typing import Any

from qkernel.diagnostics import Span, counted, with_article
from qkernel.errors import KernelTypeError, QubitIndexResolutionError
from qkernel.frontend.ownership import QuantumHandle, distance, plain
from qkernel.frontend.values import describe
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, apply, wrap
from qkernel.ir.python_values import is_number
from qkernel.ir.trees import bounds
from qkernel.ir.types import UINT


def part(parent: QuantumHandle, key: Any, name: str, span: Span | None, literal: bool) -> QuantumHandle:
    """The handle of `parent[key]`. A negative constant counts from the end if it is `literal`, written so in the source."""
    assert parent.length is not None
    if isinstance(key, slice):
        start, stride, length = resolve_slice(key, parent.length, span, literal)
        return QuantumHandle(parent.place.view(start, stride, length), length, name, parent)
    index = resolve_index(key, parent.length, parent.name, span, literal)
    return QuantumHandle(parent.place.element(index), None, name, parent)


def show(key: Any) -> str:
    """A key as it would be written."""
    if isinstance(key, slice):
        parts = ["" if part is None else str(part) for part in (key.start, key.stop)]
        return ":".join(parts + ([str(key.step)] if key.step is not None else []))
    return str(key)


def whole_number(value: Any, what: str, span: Span | None) -> Expr:
    """`value` as a UInt expression."""
    expr = wrap(value) if isinstance(value, Expr) or is_number(value) else None
    if expr is None or expr.type != UINT:
        raise KernelTypeError(
            f"{what} must be a whole number, but this is {with_article(expr.type) if expr is not None else describe(value)}",
            span=span,
            label="not a UInt",
            help="whole numbers divide with `//`; `qk.floor` and `qk.ceil` make a UInt of a Float",
        )
    return expr


def resolve_index(key: Any, length: Expr, name: str, span: Span | None, literal: bool) -> Expr:
    """An index as an expression, checked where both it and the length are known."""
    index = whole_number(key, f"an index of `{name}`", span)
    if isinstance(index, Const) and index.value < 0:
        if not literal:
            raise QubitIndexResolutionError(
                f"the index of `{name}` is negative: {index.value}",
                span=span,
                label=f"this is {index.value}",
                help=f"a negative number counts from the end only where it is written as such: `{name}[{index.value}]`",
            )
        written, index = index.value, length - -index.value
        if isinstance(index, Const) and index.value < 0:
            raise _outside(name, written, length, span)
    if isinstance(index, Const) and isinstance(length, Const) and index.value >= length.value:
        raise _outside(name, index.value, length, span)
    return index


def _outside(name: str, index: int, length: Expr, span: Span | None) -> QubitIndexResolutionError:
    count = plain(length)
    return QubitIndexResolutionError(
        f"`{name}` has {counted(count, 'element')}, so it has no element {index}",
        span=span,
        label=f"index {index} of {count}",
    )


def resolve_slice(key: slice, length: Expr, span: Span | None, literal: bool) -> tuple[Expr, Expr, Expr]:
    """Start, stride and length of a slice; a stop past the end is clamped as in Python, and a start there leaves nothing."""
    stride = ONE if key.step is None else whole_number(key.step, "the step of a slice", span)
    if isinstance(stride, Const) and stride.value <= 0:
        raise QubitIndexResolutionError(
            "a slice of qubits goes forward",
            span=span,
            label=f"its step is {stride.value}",
            help="reverse the loop that uses it",
        )
    start = _bound(key.start, length, ZERO, span, literal)
    stop = _bound(key.stop, length, length, span, literal)
    end = _smaller(stop, length)
    count = (end if stop is length or _surely_natural(stop) else _natural(end)) - start
    if stride is not ONE:
        count = apply("//", count + (stride - 1), _natural(stride))
    if start is not ZERO and not _surely_natural(count):
        count = apply("max", count, 0)
    return start, stride, count


def _bound(value: Any, length: Expr, default: Expr, span: Span | None, literal: bool) -> Expr:
    if value is None:
        return default
    bound = whole_number(value, "a bound of a slice", span)
    if isinstance(bound, Const) and bound.value < 0:
        if not literal:
            raise QubitIndexResolutionError("a bound of a slice is negative", span=span, label=f"this is {bound.value}")
        return apply("max", length - -bound.value, 0)
    return bound


def _smaller(left: Expr, right: Expr) -> Expr:
    known = distance(left, right)
    return apply("min", left, right) if known is None else left if known <= 0 else right


def _natural(expr: Expr) -> Expr:
    return expr if _surely_natural(expr) else apply("natural", expr)


def _surely_natural(expr: Expr) -> bool:
    """Whether an expression cannot be negative."""
    return bounds(expr).least >= 0


def is_literal(node: ast.expr) -> bool:
    """Whether a key's negative numbers are written as such in the source."""
    match node:
        case ast.Slice(lower, upper, step):
            return all(part is None or is_literal(part) or not isinstance(part, ast.UnaryOp) for part in (lower, upper, step))
        case ast.UnaryOp(ast.USub(), ast.Constant()):
            return True
    return False


def check_written_bounds(frame: Any, key: Any, node: ast.expr) -> None:
    """Raise for a bound of a slice that is negative without being written so."""
    if not isinstance(key, slice) or not isinstance(node, ast.Slice):
        return
    for bound, part in ((key.start, node.lower), (key.stop, node.upper)):
        if isinstance(bound, int) and bound < 0 and part is not None and not is_literal(part):
            raise QubitIndexResolutionError(
                "a bound of a slice is negative",
                span=frame.span(part),
                label=f"this is {bound}",
                help=f"a negative number counts from the end only where it is written as such: `{bound}`",
            )
