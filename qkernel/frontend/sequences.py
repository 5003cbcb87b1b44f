"""`len`, `reversed`, `enumerate` and `zip` of what has a length that is known only later: loops over positions."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from qkernel.errors import CallArgumentError, UnsupportedPythonError
from qkernel.frontend.domains import LOOPS, SymbolicRange, SymbolicSequence
from qkernel.frontend.outside import run_outside
from qkernel.frontend.ownership import QuantumHandle, plain
from qkernel.frontend.tracer import Tracer, describe
from qkernel.ir.array_protocol import elements
from qkernel.ir.expressions import Expr, apply, item, size, wrap
from qkernel.ir.printer import as_written
from qkernel.ir.types import ArrayType


def length(value: SymbolicSequence) -> Any:
    """`len(value)`."""
    known = value.known()
    return plain(apply("max", value.extent, 0)) if known is None else len(known)


def _backwards(tracer: Tracer, value: Any) -> Any:
    if isinstance(value, SymbolicRange):
        return value.backwards()
    return _of_positions(tracer, builtins.reversed, [value], lambda parts: _reversed(parts[0]))


def _reversed(part: SymbolicSequence) -> SymbolicSequence:
    return SymbolicSequence("reversed", part.extent, lambda position: part.element(part.extent - 1 - position), part.unknown)


def _numbered(tracer: Tracer, iterable: Any, start: Any = 0) -> Any:
    def pairs(parts: list[SymbolicSequence]) -> SymbolicSequence:
        (part,) = parts
        return SymbolicSequence(
            "enumerate", part.extent, lambda position: (start + position, part.element(position)), part.unknown
        )

    if isinstance(start, Expr) and (known := _known(iterable)) is not None:
        return [(start + position, entry) for position, entry in enumerate(known)]
    return _of_positions(tracer, builtins.enumerate, [iterable], pairs, start)


def _side_by_side(tracer: Tracer, *values: Any, strict: bool = False) -> Any:
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
        return run_outside(function, *known, *more, **options)
    return make([_sequence(tracer, value, position, function.__name__) for position, value in enumerate(values)])


def _known(value: Any) -> Any:
    """`value` as Python goes over it; None if it has elements that are known only later, or qubits."""
    if isinstance(value, SymbolicSequence):
        return value.known()
    return elements(value) if isinstance(value, Expr) else None if isinstance(value, QuantumHandle) else value


def _sequence(tracer: Tracer, value: Any, position: int, function: str) -> SymbolicSequence:
    """An argument of `function` by positions; raises if it has no elements at a symbol."""
    if isinstance(value, SymbolicSequence):
        return value
    if isinstance(value, (list, tuple, range, np.ndarray)):
        with suppress(TypeError):
            value = wrap(list(value))
    if isinstance(value, Expr) and isinstance(value.type, ArrayType):
        vector = value
        return SymbolicSequence(as_written(vector), size(vector), lambda position: item(vector, position), size(vector))
    is_register = isinstance(value, QuantumHandle)
    raise UnsupportedPythonError(
        f"`{function}` cannot go over {describe(value)}{'' if is_register else ' in a loop whose length is known only later'}",
        span=tracer.site.of(position),
        label="a register is indexed" if is_register else "has no element at a symbol",
        help="loop over the indices:\n    for i in qk.range(q.shape[0]):\n        q[i] = ..." if is_register else LOOPS,
    )


RULES: dict[Any, Callable[..., Any]] = {
    builtins.reversed: _backwards,
    builtins.enumerate: _numbered,
    builtins.zip: _side_by_side,
}
