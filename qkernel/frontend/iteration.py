"""What loops go over: ranges, sequences and items whose extent is known later, and what `zip` and the like make of them.

Where its extent is known, a range is to the user's Python what Python's own is.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from qkernel.errors import (
    CallArgumentError,
    SizeError,
    UnsupportedPythonError,
)
from qkernel.frontend.arrays import whole_number
from qkernel.frontend.ownership import QuantumHandle, plain
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import describe
from qkernel.ir import ops
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, apply, size, wrap
from qkernel.ir.python_values import SymbolUse
from qkernel.ir.types import UINT, ArrayType, DictType, TupleType, Type
from qkernel.tracing import active

LOOPS = """write a `for` statement; over ranges, vectors, and their `reversed`, `enumerate` and `zip`, it stays a loop:
    for i in qk.range(n):
        ..."""


class SymbolicSequence(Sequence[Any]):
    """`extent` elements (none where it is negative), each made of its position: what `function` gives for symbols."""

    def __init__(self, function: str, extent: Expr, element: Callable[[Any], Any], unknown: Expr) -> None:
        self.function, self.extent, self.element, self.unknown = function, extent, element, unknown

    @property
    def domain(self) -> ops.Range:
        """The positions."""
        return ops.Range(ZERO, self.extent, ONE)

    def targets(self, loop: ast.For) -> list[tuple[str, Type]]:
        """The variables that count in a loop over this, with their types; none where its target gets the elements."""
        return []

    def known(self) -> Sequence[Any] | None:
        """The elements, where their number is known."""
        if not isinstance(self.extent, Const):
            return None
        return [self.element(position) for position in range(self.extent.value)]

    def _known(self) -> Sequence[Any]:
        known = self.known()
        if known is None:
            raise SymbolUse(self.unknown, f"going over `{self!r}`", LOOPS)
        return known

    def __iter__(self) -> Iterator[Any]:
        return iter(self._known())

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(list(self._known()), dtype)

    def __len__(self) -> int:
        return len(self._known())

    def __bool__(self) -> bool:
        known = self.known()
        if known is None:
            raise SymbolUse(self.unknown, f"whether `{self!r}` is empty", f"write `len({self!r}) > 0`")
        return bool(known)

    def __getitem__(self, key: Any) -> Any:
        return self._known()[key]

    def __eq__(self, other: object) -> bool:
        return self._known() == (other._known() if isinstance(other, SymbolicSequence) else other)

    def __hash__(self) -> int:
        return hash(self._known())

    def __repr__(self) -> str:
        return f"{self.function}(...)"


class SymbolicRange(SymbolicSequence):
    """`range`; a `for` over it stays a loop."""

    def __init__(self, *bounds: Any) -> None:
        tracer = active("a symbolic range")
        if not 1 <= len(bounds) <= 3:
            raise CallArgumentError("`range` takes one to three whole numbers")
        parts = [whole_number(bound, "a bound of `range`", tracer.site.of(k)) for k, bound in enumerate(bounds)]
        start, stop = (ZERO, parts[0]) if len(parts) == 1 else (parts[0], parts[1])
        step = parts[2] if len(parts) == 3 else ONE
        if step is ZERO:
            raise SizeError("the step of `range` is zero", span=tracer.site.of(2), label="this is 0")
        self._range = ops.Range(start, stop, step)
        self.unknown = next((part for part in parts if not isinstance(part, Const)), ZERO)

    @property
    def domain(self) -> ops.Range:
        return self._range

    @property
    def start(self) -> Any:
        return plain(self._range.start)

    @property
    def stop(self) -> Any:
        return plain(self._range.stop)

    @property
    def step(self) -> Any:
        return plain(self._range.step)

    @property
    def extent(self) -> Expr:  # type: ignore[override]
        """The number of elements where there are any, else a number that is not positive."""
        step = self._range.step
        if not isinstance(step, Const):
            raise SymbolUse(step, f"the length of `{self!r}`", "give the range a known step; the sign of another is not known")
        distance = self._range.stop - self._range.start
        if abs(step.value) == 1:
            return distance if step.value == 1 else self._range.start - self._range.stop
        return apply("//", distance + (step.value - (1 if step.value > 0 else -1)), step)

    def element(self, position: Any) -> Any:
        return plain(self._range.start + self._range.step * position)

    def targets(self, loop: ast.For) -> list[tuple[str, Type]]:
        match loop.target:
            case ast.Name(name):
                return [(name, UINT)]
            case ast.Tuple([first, *_]) | ast.List([first, *_]):
                shown = ast.unparse(first)
            case _:
                shown = "i"
        raise UnsupportedPythonError(
            "a loop over a range has one plain variable",
            label="not one name",
            help=f"write `for {shown} in {ast.unparse(loop.iter)}:`",
        )

    def known(self) -> range | None:
        bounds = [part.value for part in (self._range.start, self._range.stop, self._range.step) if isinstance(part, Const)]
        return range(*bounds) if len(bounds) == 3 else None

    def backwards(self) -> SymbolicRange:
        """The same numbers from the last to the first."""
        start, step = self._range.start, self._range.step
        return SymbolicRange(self.element(self.extent - 1), start - step, apply("neg", step))

    def __repr__(self) -> str:
        start, stop, step = (as_written(part) for part in (self._range.start, self._range.stop, self._range.step))
        return f"range({start}, {stop}{'' if step == '1' else f', {step}'})"


class SymbolicItems:
    """The items of a dictionary that is bound later."""

    def __init__(self, dictionary: Expr) -> None:
        assert isinstance(dictionary.type, DictType)
        self.domain, self.type = ops.Items(dictionary), dictionary.type
        self.unknown = dictionary

    def targets(self, loop: ast.For) -> list[tuple[str, Type]]:
        key, value = self.type.key, self.type.value
        match loop.target, key:
            case ast.Tuple([ast.Name(name), ast.Name(last)]), _:
                return [(name, key), (last, value)]
            case ast.Tuple([ast.Tuple(parts), ast.Name(last)]), TupleType(types) if len(parts) == len(types) > 1:
                names = [part.id for part in parts if isinstance(part, ast.Name)]
                if len(names) == len(types):
                    return [*zip(names, types, strict=True), (last, value)]
        count = len(key.items) if isinstance(key, TupleType) else 1
        shown = f"({', '.join('ijklmn'[:count])})" if 1 < count <= 6 else "key"
        raise UnsupportedPythonError(
            f"a loop over a {self.type} has a key and a value",
            label="a key and a value, please",
            help=f"write `for {shown}, value in {ast.unparse(loop.iter)}:`",
        )

    def __iter__(self) -> Any:
        raise SymbolUse(self.unknown, "going over its items", f"write `for key, value in {self!r}:`")

    def __bool__(self) -> bool:
        raise SymbolUse(self.unknown, "whether it is empty", "take a Bit as an argument of its own that tells")

    def __repr__(self) -> str:
        return f"{as_written(self.unknown)}.items()"


for kind, name in ((SymbolicSequence, "sequence"), (SymbolicRange, "range"), (SymbolicItems, "dict_items")):
    kind.__name__ = name  # by which Python's own errors call them


# what has a length that is known only later: loops over positions ----------------------------------------------------------


def backwards(tracer: Tracer, value: Any) -> Any:
    if isinstance(value, SymbolicRange):
        return value.backwards()
    return _of_positions(tracer, builtins.reversed, [value], lambda parts: _reversed(parts[0]))


def _reversed(part: SymbolicSequence) -> SymbolicSequence:
    return SymbolicSequence("reversed", part.extent, lambda position: part.element(part.extent - 1 - position), part.unknown)


def numbered(tracer: Tracer, iterable: Any, start: Any = 0) -> Any:
    def pairs(parts: list[SymbolicSequence]) -> SymbolicSequence:
        (part,) = parts
        return SymbolicSequence(
            "enumerate", part.extent, lambda position: (start + position, part.element(position)), part.unknown
        )

    if isinstance(start, Expr) and (known := _known(iterable)) is not None:
        return [(start + position, entry) for position, entry in enumerate(known)]
    return _of_positions(tracer, builtins.enumerate, [iterable], pairs, start)


def side_by_side(tracer: Tracer, *values: Any, strict: bool = False) -> Any:
    def rows(parts: list[SymbolicSequence]) -> SymbolicSequence:
        extent, unknown = parts[0].extent, parts[0].unknown
        for part in parts[1:]:
            if strict and part.extent is not extent:
                raise CallArgumentError(
                    "`zip` cannot compare lengths that are known only later",
                    span=tracer.site.of("strict"),
                    label="not known yet",
                    help="leave out `strict=True`: the loop ends with the shortest",
                )
            extent = apply("min", extent, part.extent)
        return SymbolicSequence("zip", extent, lambda position: tuple(part.element(position) for part in parts), unknown)

    return _of_positions(tracer, builtins.zip, list(values), rows, **({"strict": True} if strict else {}))


def _of_positions(
    tracer: Tracer,
    function: Callable[..., Any],
    values: list[Any],
    make: Callable[[list[SymbolicSequence]], SymbolicSequence],
    *more: Any,
    **options: Any,
) -> Any:
    """`function(*values)`: Python's own where all their elements are known, else what `make` makes of sequences."""
    known = [_known(value) for value in values]
    if None not in known:
        return function(*known, *more, **options)
    return make([_sequence(tracer, value, position, function.__name__) for position, value in enumerate(values)])


def _known(value: Any) -> Any:
    """`value` as Python goes over it; None if it has elements that are known only later, or qubits."""
    match value:
        case SymbolicSequence():
            return value.known()
        case Expr():
            return value.elements()
        case QuantumHandle():
            return None
    return value


def _sequence(tracer: Tracer, value: Any, position: int, function: str) -> SymbolicSequence:
    """An argument of `function` by positions; raises if it has no elements at a symbol."""
    if isinstance(value, (list, tuple, range, np.ndarray)):
        with suppress(TypeError):
            value = wrap(list(value))
    match value:
        case SymbolicSequence():
            return value
        case Expr(type=ArrayType()):
            length = size(value)
            return SymbolicSequence(as_written(value), length, lambda index: tracer.arrays.item(value, index), length)
    is_register = isinstance(value, QuantumHandle)
    raise UnsupportedPythonError(
        f"`{function}` cannot go over {describe(value)}{'' if is_register else ' in a loop whose length is known only later'}",
        span=tracer.site.of(position),
        label="a register is indexed" if is_register else "has no element at a symbol",
        help="loop over the indices:\n    for i in qk.range(q.shape[0]):\n        q[i] = ..." if is_register else LOOPS,
    )
