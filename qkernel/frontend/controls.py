"""The steps of a modified operation, the first one innermost, and which arguments of it are its controls."""

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


@dataclass(frozen=True, slots=True)
class Controls:
    """That many controls, which must hold `value`."""

    count: Any
    value: Any = None


@dataclass(frozen=True, slots=True)
class Inverted:
    """Backwards."""


@dataclass(frozen=True, slots=True)
class Powered:
    """That many times."""

    exponent: Any


@dataclass(frozen=True, slots=True)
class Phased:
    """Times exp(i phase)."""

    phase: Any


Step = Controls | Inverted | Powered | Phased


def is_backwards(steps: Sequence[Step]) -> bool:
    """Whether an operation under the steps takes what the plain one gives back."""
    return sum(isinstance(step, Inverted) for step in steps) % 2 == 1


def is_controlled(steps: Sequence[Step]) -> bool:
    """Whether there are branches in which nothing is done."""
    return any(isinstance(step, Controls) for step in steps)


def times(steps: Sequence[Step]) -> int | None:
    """How often the operation is done under the steps, backwards if negative; None where only values tell."""
    result = -1 if is_backwards(steps) else 1
    for step in steps:
        if isinstance(step, Powered):
            exponent = step.exponent.value if isinstance(step.exponent, Const) else step.exponent
            if isinstance(exponent, (bool, Expr)) or not hasattr(exponent, "__index__"):
                return None
            result *= exponent.__index__()
    return result


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
            if length is not missing and isinstance(missing, Const) and _most(length) == missing.value:
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
