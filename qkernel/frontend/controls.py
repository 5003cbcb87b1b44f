"""Which of the arguments of a controlled operation are its controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qkernel.diagnostics import Span
from qkernel.errors import CallArgumentError
from qkernel.frontend.indexing import whole_number
from qkernel.frontend.ownership import QuantumHandle, distance
from qkernel.frontend.tracer import Tracer
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Apply, Const, Expr
from qkernel.ir.trees import unchecked


@dataclass(slots=True)
class Group:
    """The controls of one `control`; `count` is how many qubits they must be where their lengths leave it open."""

    handles: list[QuantumHandle] = field(default_factory=list)
    count: Expr | None = None


def take_controls(
    tracer: Tracer, counts: Sequence[Any], arguments: tuple[Any, ...], targets: int
) -> tuple[list[Group], tuple[Any, ...]]:
    """The controls of each `control` (whose numbers `counts` tells, innermost first), and the arguments that are left.

    The outermost controls come first among the arguments. A register or view counts as many controls as it has qubits.
    All arguments but the last `targets` handles may be controls; where lengths leave their number open, lowering checks it.
    """
    groups: list[Group] = []
    position = 0
    end = sum(isinstance(argument, QuantumHandle) for argument in arguments) - targets
    for count in reversed(counts):
        asked = whole_number(count, "the number of controls", tracer.site.span)
        wanted = unchecked(asked)  # a length is checked where its view is lowered
        group = Group()
        have: Expr = Const(0)
        while distance(have, wanted) != 0:
            if position >= end and group.handles and distance(have, wanted) is None:
                group.count = asked
                break
            if position >= end or not isinstance(arguments[position], QuantumHandle) or _beyond(have, wanted):
                raise _wrong_controls(wanted, have, tracer.site.of(position), targets)
            handle = arguments[position]
            group.handles.append(handle)
            length = Const(1) if handle.length is None else unchecked(handle.length)
            missing = wanted - have
            if length != missing and isinstance(missing, Const) and _most(length) == missing.value:
                group.count, length = asked, missing  # the view must be as long as it can be
            have = have + length
            position += 1
        groups.insert(0, group)
    return groups, arguments[position:]


def _wrong_controls(wanted: Expr, have: Expr, span: Span | None, targets: int) -> CallArgumentError:
    return CallArgumentError(
        f"{as_written(wanted)} control qubit{'s are' if wanted is not Const(1) else ' is'} needed, "
        f"but {as_written(have)} {_are(have)} given",
        span=span,
        label="the controls end here",
        help="the controls (qubits, views or registers of that many qubits in all) come before the targets"
        + (f", of which there {'are' if targets != 1 else 'is'} {targets}" if targets else ""),
    )


def _are(count: Expr) -> str:
    return "is" if count is Const(1) else "are"


def _most(length: Expr) -> int | None:
    """The largest value that a length can have, where its form shows it."""
    match length:
        case Const(value):
            return int(value)
        case Apply("min", operands):
            return min((most for operand in operands if (most := _most(operand)) is not None), default=None)
        case Apply("max", (left, right)) if (first := _most(left)) is not None and (second := _most(right)) is not None:
            return max(first, second)
        case Apply("-", (left, Const(value))) if (most := _most(left)) is not None:
            return int(most - value)
        case Apply("+", operands) if None not in (known := [_most(operand) for operand in operands]):
            return sum(most for most in known if most is not None)
        case Apply("//", (left, Const(value))) if (most := _most(left)) is not None:
            return int(most // value)
    return None


def _beyond(have: Expr, wanted: Expr) -> bool:
    return isinstance(have, Const) and isinstance(wanted, Const) and bool(have.value > wanted.value)
