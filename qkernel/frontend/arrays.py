"""Registers and arrays: which element, row, slice or view a key names, and which names hold one classical array.

Expressions are values, and a change makes another value. Where Python would show the change under other names, in lists and
records too, what they hold is gone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qkernel.diagnostics import Note, Span, counted, with_article
from qkernel.errors import (
    FrontendTransformError,
    KernelTypeError,
    QubitIndexResolutionError,
    UnknownNameError,
    UnsupportedPythonError,
)
from qkernel.frontend.ownership import QuantumHandle, distance, plain
from qkernel.frontend.values import as_type, describe, found_in, leaves, with_leaves
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ONE, ZERO, ArrayHandle, Const, Expr, Pack, Slice, Updated, apply, item, size, wrap
from qkernel.ir.python_values import is_number
from qkernel.ir.trees import bounds
from qkernel.ir.types import BIT, UINT, ArrayType, DictType, TupleType, Type


def part(parent: QuantumHandle, key: Any, name: str, literal: bool) -> QuantumHandle:
    """The handle of `parent[key]`. A negative constant counts from the end if it is `literal`, written so in the source."""
    assert parent.length is not None
    if isinstance(key, slice):
        start, stride, length = resolve_slice(key, parent.length, literal)
        return QuantumHandle(parent.place.view(start, stride, length), length, name, parent)
    index = resolve_index(key, parent.length, parent.name, literal)
    return QuantumHandle(parent.place.element(index), None, name, parent)


def show(key: Any) -> str:
    """A key as it would be written."""
    if isinstance(key, slice):
        parts = ["" if part is None else str(part) for part in (key.start, key.stop)]
        return ":".join(parts + ([str(key.step)] if key.step is not None else []))
    return str(key)


def whole_number(value: Any, what: str, span: Span | None = None) -> Expr:
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


def resolve_index(key: Any, length: Expr, name: str, literal: bool) -> Expr:
    """An index as an expression, checked where both it and the length are known."""
    index = whole_number(key, f"an index of `{name}`")
    if _is_negative(index):
        written = plain(index)
        if not literal:
            raise QubitIndexResolutionError(
                f"the index of `{name}` is negative: {written}",
                label=f"this is {written}",
                help=f"a negative number counts from the end only where it is written as such: `{name}[{written}]`",
            )
        index = length - -written
        if _is_negative(index):
            raise _outside(name, written, length)
    match index, length:
        case Const(position), Const(count) if position >= count:
            raise _outside(name, position, length)
    return index


def _is_negative(expr: Expr) -> bool:
    return isinstance(expr, Const) and bool(expr.value < 0)


def _outside(name: str, index: int, length: Expr) -> QubitIndexResolutionError:
    count = plain(length)
    return QubitIndexResolutionError(
        f"`{name}` has {counted(count, 'element')}, so it has no element {index}",
        label=f"index {index} of {count}",
    )


def resolve_slice(key: slice, length: Expr, literal: bool) -> tuple[Expr, Expr, Expr]:
    """Start, stride and length of a slice; a stop past the end is clamped as in Python, and a start there leaves nothing."""
    stride = ONE if key.step is None else whole_number(key.step, "the step of a slice")
    if isinstance(stride, Const) and stride.value == 0:
        raise QubitIndexResolutionError("the step of a slice is 0", label="its step is 0")
    if isinstance(stride, Const) and stride.value < 0:
        return _backwards(key, stride, length, literal)
    start = _bound(key.start, length, ZERO, literal)
    stop = _bound(key.stop, length, length, literal)
    end = _smaller(stop, length)
    count = (end if stop is length or _surely_natural(stop) else _natural(end)) - start
    if stride is not ONE:
        count = apply("//", count + (stride - 1), _natural(stride))
    if start is not ZERO and not _surely_natural(count):
        count = apply("max", count, 0)
    return start, stride, count


def _backwards(key: slice, stride: Const, length: Expr, literal: bool) -> tuple[Expr, Expr, Expr]:
    """A slice that goes from its end to its start; a start past the end is clamped as in Python."""
    last = length - 1
    start = _smaller(_bound(key.start, length, last, literal, before=True), last)
    count = start - _bound(key.stop, length, Const(-1), literal, before=True)
    if stride.value != -1:
        count = apply("//", count - (stride.value + 1), -stride.value)
    return start, stride, count if key.stop is None else apply("max", count, 0)


def _bound(value: Any, length: Expr, default: Expr, literal: bool, before: bool = False) -> Expr:
    """A bound of a slice; one that goes backwards may end `before` the first element."""
    if value is None:
        return default
    bound = whole_number(value, "a bound of a slice")
    if isinstance(bound, Const) and bound.value < 0:
        if not literal:
            raise QubitIndexResolutionError("a bound of a slice is negative", label=f"this is {bound.value}")
        return apply("max", length - -bound.value, -1 if before else 0)
    return _natural(bound) if before else bound


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


@dataclass(frozen=True, slots=True)
class Gone:
    """Why a name cannot be read any more: `why` reads like "is made in a loop"."""

    why: str
    note: Note | None = None
    help: str | None = None
    kind: type[FrontendTransformError] = UnknownNameError
    label: str = "not defined here"

    def error(self, name: str, span: Span | None = None) -> FrontendTransformError:
        notes = () if self.note is None else (self.note,)
        help = self.help or f"give `{name}` a value before"
        return self.kind(f"`{name}` {self.why}", span=span, label=self.label, notes=notes, help=help)


Reason = Callable[[str, Any], Gone]
"""Why an array cannot be read, for the name by which it is, and the frame where."""


def changed(name: str, owner: Any, span: Span, is_row: bool) -> Reason:
    """An element of the array was assigned at `span`, under its `name` in the frame `owner`."""

    def gone(other: str, frame: Any) -> Gone:
        return Gone(
            f"{'shares a row' if is_row else 'is a vector'} that was changed "
            + (f"under the name `{name}`" if owner is frame else f"in `{owner.name}`"),
            Note("changed here", span),
            f"use `{name}` from there on; to keep the old one, copy it before: "
            + (f"`{other} = {name}[:]`" if other.isidentifier() else f"`{name} = {other}[:]`")
            if owner is frame
            else f"let `{owner.name}` return it: `{other} = {owner.name}(...)`",
            UnsupportedPythonError,
            "the vector of before",
        )

    return gone


def given_away(kernel: str, span: Span | None) -> Reason:
    """The array was given at `span` to `kernel`, which assigns elements of it and does not return it."""

    def gone(name: str, _: Any) -> Gone:
        back = f" (`{name} = {kernel}(...)`)" if name.isidentifier() else ""
        return Gone(
            f"was given to `{kernel}`, which changes its elements and does not return it",
            Note("given to it here", span),
            f"vectors are passed by value; let `{kernel}` return it{back}, or copy it there first",
            UnsupportedPythonError,
            "the vector of before",
        )

    return gone


Keys = tuple[Any, ...]
Entries = tuple[Expr, ...]


@dataclass(slots=True, eq=False)
class ArrayObject:
    """One array through its changes: the handles that there are of it, the matrices that it is a row of, and its rows."""

    handles: list[ArrayHandle] = field(default_factory=list)
    matrices: list[tuple[Keys, ArrayHandle]] = field(default_factory=list)
    rows: list[tuple[Keys, ArrayHandle]] = field(default_factory=list)


class Arrays:
    """The arrays of one trace, and which of their handles are `gone`; Python data that kernels have changed, too."""

    def __init__(self) -> None:
        self.gone: dict[int, tuple[Any, Reason]] = {}

    def handle(self, value: Expr) -> ArrayHandle:
        """A handle of a new array."""
        return self._state(value, value.type, ArrayObject())

    def _state(self, value: Expr | Entries, type: Type, of: ArrayObject) -> ArrayHandle:
        handle = ArrayHandle(value, type, of)
        handle.object.handles.append(handle)
        return handle

    def held(self, value: Any) -> Any:
        """What a name or a container holds: `value`, with arrays in it, as they come from expressions, as handles."""
        if isinstance(value, Expr):
            return self.handle(value) if _is_new(value) else value
        if not any(_is_new(leaf) for _, leaf in leaves(value)):
            return value
        return with_leaves(value, lambda _, leaf: self.handle(leaf) if _is_new(leaf) else leaf)

    def item(self, base: Expr, keys: Any) -> Any:
        """`base[keys]`; a row of a matrix is part of it."""
        found = item(base, keys)
        if not (isinstance(base, ArrayHandle) and _is_new(found)):
            return found
        row = self.handle(found)
        keys = keys if isinstance(keys, tuple) else (keys,)
        row.object.matrices = [(above + keys, matrix) for above, matrix in base.object.matrices] or [(keys, base)]
        for all_keys, matrix in row.object.matrices:
            matrix.object.rows.append((all_keys, row))
        return row

    def change(self, handle: ArrayHandle, value: Expr | Entries, why: Reason) -> ArrayHandle:
        """The handle of the array after a change to `value`; all others of it are gone."""
        self.lose(handle, why)
        return self._state(value, handle.type, handle.object)

    def relate(self, left: Any, right: Any) -> None:
        """Two handles may be of one array: before and after a loop or a branch."""
        if not (isinstance(left, ArrayHandle) and isinstance(right, ArrayHandle)) or left.object is right.object:
            return
        kept, other = left.object, right.object
        kept.handles += other.handles
        kept.matrices += other.matrices
        kept.rows += other.rows
        for handle in other.handles:
            handle.object = kept

    def lose(self, value: Any, why: Reason) -> None:
        """What is held of an array, and of what shares a row with it, cannot be read any more."""
        lost = [value]
        if isinstance(value, ArrayHandle):
            array = value.object
            lost = [*array.handles, *(handle for _, row in array.rows for handle in row.object.handles)]
            for keys, matrix in array.matrices:
                lost += matrix.object.handles
                lost += [each for other, row in matrix.object.rows if not _apart(keys, other) for each in row.object.handles]
        for each in lost:
            self.gone.setdefault(id(each), (each, why))

    def why_gone(self, value: Any) -> Reason | None:
        """Why a value, or a list with it in it, cannot be read; None where it can."""
        if not self.gone:
            return None
        entries = found_in(value, ArrayHandle) if isinstance(value, (list, dict)) else ()
        return next((self.gone[id(each)][1] for each in (value, *entries) if id(each) in self.gone), None)


def _is_new(value: Any) -> bool:
    """Whether a value is an array that nothing holds yet."""
    return isinstance(value, Expr) and isinstance(value.type, ArrayType) and not isinstance(value, ArrayHandle)


def _apart(left: Keys, right: Keys) -> bool:
    """Whether rows at these indices are certainly not the same, nor one part of the other."""
    pairs = zip(map(wrap, left), map(wrap, right), strict=False)
    return any(isinstance(a, Const) and isinstance(b, Const) and a is not b for a, b in pairs)


def read_item(arrays: Arrays, base: Expr, key: Any, node: ast.Subscript) -> Any:
    """`base[key]`."""
    shown = ast.unparse(node.value)
    match base.type:
        case DictType(key_type):
            if isinstance(key, QuantumHandle):
                raise KernelTypeError(f"a key of `{shown}` must be a {key_type}", label=describe(key))
            return item(base, as_type(key, key_type, f"a key of `{shown}`"))
        case TupleType(items):
            if isinstance(key, int) and -len(items) <= key < len(items):
                return item(base, key % len(items))
            raise KernelTypeError(f"`{shown}` is a tuple of {len(items)}; its index must be a known number", label="index")
        case ArrayType(_, rank):
            keys = key if isinstance(key, tuple) else (key,)
            if len(keys) > rank:
                raise KernelTypeError(
                    f"`{shown}` is a {base.type} and takes {rank} indices, not {len(keys)}", label="too many indices"
                )
            if isinstance(key, slice):
                if rank != 1:
                    raise UnsupportedPythonError(
                        "only vectors have slices",
                        label=f"`{shown}` is a {base.type}",
                        help=f"take one row and slice it: `{shown}[0][{ast.unparse(node.slice)}]`",
                    )
                start, stride, length = resolve_slice(key, size(base), True)
                return Slice(wrap(base), start, stride, length)
            resolved = tuple(
                resolve_index(part, size(base, axis), shown, is_literal(node.slice)) for axis, part in enumerate(keys)
            )
            return arrays.item(base, resolved)
    raise KernelTypeError(f"`{shown}` is a {base.type} and has no elements", label="indexed here")


def updated(base: Expr, key: Any, value: Any, node: ast.Subscript) -> Expr | Entries:
    """The vector after `base[key] = value`, by its entries where each is known."""
    shown = ast.unparse(node.value)
    if not isinstance(base.type, ArrayType) or base.type.rank != 1 or isinstance(key, (slice, tuple)):
        raise UnsupportedPythonError(
            f"`{shown}` is a {base.type}; only single elements of vectors are assigned",
            label="cannot be assigned",
            help="give the new value a name of its own: `value = ...`",
        )
    index = resolve_index(key, size(base), shown, is_literal(node.slice))
    if isinstance(value, QuantumHandle):
        raise KernelTypeError(f"`{shown}` holds classical values", label=describe(value))
    entry = as_type(value, base.type.element, f"an element of `{shown}`")
    match base, index:
        case ArrayHandle(held=tuple(entries) | Pack(entries)), Const(position):
            return *entries[:position], entry, *entries[position + 1 :]
    return Updated(wrap(base), index, entry)


_REDUCTIONS = {
    "sum": ("total = 0.0", "total = total + {}"),
    "mean": ("total = 0.0", "total = total + {}"),
    "prod": ("product = 1.0", "product = product * {}"),
    "max": ("largest = {first}", "largest = max(largest, {})"),
    "min": ("smallest = {first}", "smallest = min(smallest, {})"),
    "any": ("found = False", "found = found | {}"),
    "all": ("every = True", "every = every & {}"),
}


def whole_vector(value: Expr, use: str) -> KernelTypeError:
    """`use`, such as "`max`", meets a whole vector, matrix or tensor, whose elements come later."""
    shown = as_written(value)
    name = shown if shown.isidentifier() else "v"
    reduction = _REDUCTIONS.get(use.strip("`"))
    if not isinstance(value.type, ArrayType) or value.type.rank > 1:
        way_out = f"work on its elements, such as `{name}[0, 0]`, in loops"
    elif reduction is not None and (value.type.element == BIT) == (use.strip("`") in ("any", "all")):
        start, step = (line.format(f"{name}[i]", first=f"{name}[0]") for line in reduction)
        way_out = f"go over its elements:\n    {start}\n    for i in qk.range({name}.shape[0]):\n        {step}"
    else:
        way_out = f"work on its elements, `{name}[i]`:\n    for i in qk.range({name}.shape[0]):\n        ..."
    return KernelTypeError(
        f"{use} does not work on a whole {value.type}",
        label=f"`{shown}` is {with_article(value.type)}",
        help=way_out,
    )
