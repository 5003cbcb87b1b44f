"""Classical arrays as objects of the user's Python: one that a name has changed cannot be read by another name.

Expressions are values, and a change makes another value. Where Python would show the change under other names, in lists and
records too, what they hold is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qkernel.diagnostics import Note, Span
from qkernel.errors import FrontendTransformError, UnknownNameError, UnsupportedPythonError
from qkernel.frontend.carrying import found_in, leaves, with_leaves
from qkernel.ir.expressions import ArrayHandle, Const, Expr, item, wrap
from qkernel.ir.types import ArrayType


@dataclass(frozen=True, slots=True)
class Gone:
    """Why a name cannot be read any more: `why` reads like "is made in a loop"."""

    why: str
    note: Note | None = None
    help: str | None = None
    kind: type[FrontendTransformError] = UnknownNameError
    label: str = "not defined here"

    def error(self, name: str, span: Span | None) -> FrontendTransformError:
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

    def handle(self, value: Expr, of: ArrayObject | None = None) -> ArrayHandle:
        """A handle of a new array, or of the next state of one."""
        handle = ArrayHandle(value, ArrayObject() if of is None else of)
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

    def change(self, handle: ArrayHandle, value: Expr, why: Reason) -> ArrayHandle:
        """The handle of the array after a change to `value`; all others of it are gone."""
        self.lose(handle, why)
        return self.handle(value, handle.object)

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

    def why_gone(self, value: Any, name: str, frame: Any) -> Gone | None:
        """Why a value cannot be read by `name` in `frame`; None where it can."""
        if not self.gone:
            return None
        entries = found_in(value, ArrayHandle) if isinstance(value, (list, dict)) else []
        found = next((self.gone[id(each)] for each in (value, *entries) if id(each) in self.gone), None)
        return None if found is None else found[1](name, frame)


def _is_new(value: Any) -> bool:
    """Whether a value is an array that nothing holds yet."""
    return isinstance(value, Expr) and isinstance(value.type, ArrayType) and not isinstance(value, ArrayHandle)


def _apart(left: Keys, right: Keys) -> bool:
    """Whether rows at these indices are certainly not the same, nor one part of the other."""
    pairs = zip(map(wrap, left), map(wrap, right), strict=False)
    return any(isinstance(a, Const) and isinstance(b, Const) and a is not b for a, b in pairs)
