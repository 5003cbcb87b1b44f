"""What a `for` statement that stays a loop goes over: ranges and items whose extent is known later."""

from __future__ import annotations

from typing import Any

from qkernel.errors import CallArgumentError, SizeError
from qkernel.frontend import active_tracer
from qkernel.frontend.indexing import whole_number
from qkernel.ir import ops
from qkernel.ir.expressions import Const, Expr
from qkernel.ir.types import DictType


class SymbolicRange:
    """`range` whose bounds are known later; a `for` over it stays a loop."""

    def __init__(self, *bounds: Any) -> None:
        tracer = active_tracer("a symbolic range")
        if not 1 <= len(bounds) <= 3:
            raise CallArgumentError("`range` takes one to three whole numbers", span=tracer.site.span)
        parts = [whole_number(bound, "a bound of `range`", tracer.site.of(k)) for k, bound in enumerate(bounds)]
        start, stop = (Const(0), parts[0]) if len(parts) == 1 else (parts[0], parts[1])
        step = parts[2] if len(parts) == 3 else Const(1)
        if step == Const(0):
            raise SizeError("the step of `range` is zero", span=tracer.site.of(2), label="this is 0")
        self.domain = ops.Range(start, stop, step)

    def __iter__(self) -> Any:
        raise TypeError("a symbolic range is looped over by a `for` statement")


class SymbolicItems:
    """The items of a dictionary that is bound later."""

    def __init__(self, dictionary: Expr) -> None:
        assert isinstance(dictionary.type, DictType)
        self.domain, self.type = ops.Items(dictionary), dictionary.type

    def __iter__(self) -> Any:
        raise TypeError("the items of a Dict are looped over by a `for` statement")


def known_range(value: SymbolicRange) -> range | None:
    """A range whose bounds are constants."""
    bounds = [part.value for part in (value.domain.start, value.domain.stop, value.domain.step) if isinstance(part, Const)]
    return range(*bounds) if len(bounds) == 3 else None
