"""What loops go over: ranges, sequences and items whose extent is known later, and Python's own iterables.

Where its extent is known, a range is to the user's Python what Python's own is.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from qkernel.errors import CallArgumentError, KernelTypeError, QKernelError, SizeError, UnsupportedPythonError
from qkernel.frontend.indexing import whole_number
from qkernel.frontend.ownership import QuantumHandle, plain
from qkernel.frontend.special_methods import call_special
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import describe
from qkernel.ir import ops
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, apply
from qkernel.ir.python_values import SymbolUse
from qkernel.ir.types import DictType
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
            raise CallArgumentError("`range` takes one to three whole numbers", span=tracer.site.span)
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

    def __iter__(self) -> Any:
        raise SymbolUse(self.unknown, "going over its items", f"write `for key, value in {self!r}:`")

    def __bool__(self) -> bool:
        raise SymbolUse(self.unknown, "whether it is empty", "take a Bit as an argument of its own that tells")

    def __repr__(self) -> str:
        return f"{as_written(self.unknown)}.items()"


for kind, name in ((SymbolicSequence, "sequence"), (SymbolicRange, "range"), (SymbolicItems, "dict_items")):
    kind.__name__ = name  # by which Python's own errors call them


def iterate(tracer: Tracer, value: Any, node: ast.AST) -> Iterator[Any]:
    """The elements of a Python iterable; symbols and registers are not iterated outside `for` statements."""
    if isinstance(value, (QuantumHandle, Expr)):
        shown = value.name if isinstance(value, QuantumHandle) else as_written(value)
        names = [ast.unparse(element) for element in node.elts] if isinstance(node, (ast.Tuple, ast.List)) else []
        elements = ", ".join(f"{shown}[{k}]" for k in range(len(names) or 2))
        raise UnsupportedPythonError(
            f"{describe(value)} is not spread out by itself",
            span=tracer.frame.span(node),
            label="its length may be known only later",
            help=f"name its elements: `{', '.join(names)} = {elements}`" if names else f"name its elements: `{elements}`",
        )
    if isinstance(value, SymbolicItems) or (isinstance(value, SymbolicSequence) and value.known() is None):
        raise UnsupportedPythonError(
            f"only a `for` statement goes over `{value!r}`, whose length is known only later",
            span=tracer.frame.span(node),
            label=f"needs the value of `{as_written(value.unknown)}`",
            help="write a `for` loop that assigns elements:\n    bits = qk.bit_array(n)\n    for i in qk.range(n):\n"
            "        bits[i] = qk.measure(q[i])",
        )
    if (given := call_special(tracer, "iter", value, (), node)) is not NotImplemented:
        return iterate(tracer, given, node)
    try:
        found: Iterator[Any] = iter(value)
    except TypeError as error:
        if isinstance(error, (QKernelError, SymbolUse)):
            raise
        raise KernelTypeError(
            f"{describe(value)} has no elements to go over", span=tracer.frame.span(node), label="not a list or the like"
        ) from None
    if found is value:
        tracer.check_change(value, ast.unparse(node), node)
    return found
