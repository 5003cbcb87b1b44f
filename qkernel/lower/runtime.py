"""Branches and loops that are decided at run time, on measured bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qkernel.errors import QKernelError, SeparationError
from qkernel.ir.evaluation import children, free_names
from qkernel.ir.expressions import Const, Expr, Item, wrap
from qkernel.ir.ops import Carried, If, While
from qkernel.ir.types import BIT
from qkernel.lower.circuit import BITS, Assign, Branch, Repeat, bit
from qkernel.lower.evaluation import value
from qkernel.lower.reports import Frame
from qkernel.lower.residuals import choose, manageable
from qkernel.lower.values import Affine, Unsettled, Vector

if TYPE_CHECKING:
    from qkernel.lower.interpreter import Interpreter


def branch(interpreter: Interpreter, op: If, condition: Any, frame: Frame) -> None:
    """Lower both sides; values that differ between them become fresh bits, or a choice by the condition."""
    tested = _tested(condition, "the branch that is taken")
    interpreter.refuse_modified(op, "a branch on a measured bit")
    names, columns = frame.names, interpreter.columns
    interpreter.branching += 1
    alive = dict(interpreter.consumed)
    with columns.nested() as then:
        interpreter.block(op.then, frame)
        chosen = [value(entry.then, names) for entry in op.joined]
    consumed, interpreter.consumed = interpreter.consumed, alive
    with columns.nested() as otherwise:
        interpreter.block(op.otherwise, frame)
        others = [value(entry.otherwise, names) for entry in op.joined]
    interpreter.consumed.update(consumed)
    interpreter.branching -= 1
    for entry, left, right in zip(op.joined, chosen, others, strict=True):
        names[entry.name] = _Join(interpreter, op, tested, then, otherwise).value(left, right, entry.name)
    if then or otherwise:
        columns.body.append(Branch(tested, tuple(then), tuple(otherwise), op.span))


class _Join:
    def __init__(self, interpreter: Interpreter, op: If, condition: Expr, then: list[Any], otherwise: list[Any]) -> None:
        self.interpreter, self.op, self.condition = interpreter, op, condition
        self.sides = then, otherwise

    def value(self, left: Any, right: Any, name: str) -> Any:
        """What is `left` after the one side and `right` after the other."""
        if _same(left, right):
            return left
        if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and len(left) == len(right):
            parts = [self.value(*pair, name) for pair in zip(left, right, strict=True)]
            return Vector(parts) if isinstance(left, list) else tuple(parts)
        if _is_bit(left) and _is_bit(right):
            target = self.interpreter.fresh_bits(1)
            for side, entry in zip(self.sides, (left, right), strict=True):
                side.append(Assign(target, _tested(entry, f"`{name}`"), self.op.span))
            return bit(target)
        if _is_scalar(left) and _is_scalar(right):
            return choose(self.condition, _expression(left), _expression(right))
        raise SeparationError(
            f"`{name}` differs between branches that are chosen at run time",
            label=f"`{name}` would be known only at run time",
            help="bits and numbers may differ between such branches; give the rest one value before them",
        )


def repeat(interpreter: Interpreter, op: While, frame: Frame) -> None:
    """A loop on measured bits; each bit that it carries lives in a bit of its own."""
    interpreter.refuse_modified(op, "a loop on a measured bit")
    names, columns = frame.names, interpreter.columns
    starts = [value(entry.initial, names) for entry in op.carried]
    columns.close()
    for entry, start in zip(op.carried, starts, strict=True):
        names[entry.name] = _placed(interpreter, start, op)
    placed = [names[entry.name] for entry in op.carried]
    condition = value(op.condition, names)
    if isinstance(condition, (bool, int, float)) and not condition:
        return
    if isinstance(condition, (bool, int, float)):
        raise SeparationError(
            "the condition of this `while` is known before the kernel runs",
            label="no measured bit in it",
            help="a `while` runs on measured bits; where arguments decide the number of rounds, loop over `qk.range`",
        )
    tested = _tested(condition, "the number of rounds")
    interpreter.branching += 1
    interpreter.repeating += 1
    with columns.nested() as body:
        interpreter.block(op.body, frame)
        ends = [end for _, end in after_round(interpreter, op.carried, frame)]
    interpreter.branching -= 1
    interpreter.repeating -= 1
    written: list[tuple[int, Expr]] = []
    for entry, place, end in zip(op.carried, placed, ends, strict=True):
        _write(written, place, end, entry.name)
    body += _simultaneous(interpreter, written, op)
    columns.body.append(Repeat(tested, tuple(body), op.span))


def after_round(interpreter: Interpreter, carried: Sequence[Carried], frame: Frame) -> list[tuple[str, Any]]:
    """What carried names are after a round; an error is reported where the round assigns them."""
    try:
        return [(entry.name, value(entry.next, frame.names)) for entry in carried]
    except (QKernelError, Unsettled, ArithmeticError, ValueError):
        for entry in carried:  # the one that it was raises again
            with interpreter.reporting(entry.span, frame):
                value(entry.next, frame.names)
        raise


def _placed(interpreter: Interpreter, start: Any, op: While) -> Any:
    """The value that a loop carries, moved into bits that the loop may write."""
    if isinstance(start, list):
        return Vector(_placed(interpreter, part, op) for part in start)
    if isinstance(start, tuple):
        return tuple(_placed(interpreter, part, op) for part in start)
    if not _is_bit(start):
        return start
    target = interpreter.fresh_bits(1)
    interpreter.columns.body.append(Assign(target, _tested(start, "a bit of the loop"), op.span))
    return bit(target)


def _write(written: list[tuple[int, Expr]], place: Any, end: Any, name: str) -> None:
    if isinstance(place, (list, tuple)) and isinstance(end, (list, tuple)) and len(place) == len(end):
        for inner, part in zip(place, end, strict=True):
            _write(written, inner, part, name)
    elif _is_bit(place) and _is_bit(end):
        if not _same(place, end):
            written.append((place.keys[0].value, _tested(end, f"`{name}`")))
    elif not _same(place, end):
        raise SeparationError(
            f"`{name}` changes in a loop whose number of rounds is known only at run time",
            label=f"`{name}` would be known only at run time",
            help="such a loop may carry bits",
        )


def _simultaneous(interpreter: Interpreter, written: list[tuple[int, Expr]], op: While) -> list[Assign]:
    """Assignments that all read the bits as they were before."""
    targets = [target for target, _ in written]
    if not any(_reads(entry, set(targets[:k])) for k, (_, entry) in enumerate(written)):
        return [Assign(target, entry, op.span) for target, entry in written]
    first = interpreter.fresh_bits(len(written))
    return [Assign(first + k, entry, op.span) for k, (_, entry) in enumerate(written)] + [
        Assign(target, bit(first + k), op.span) for k, target in enumerate(targets)
    ]


def _reads(expr: Expr, targets: set[int]) -> bool:
    if isinstance(expr, Item) and expr.base == BITS:
        (key,) = expr.keys
        assert isinstance(key, Const)
        return key.value in targets
    return any(_reads(child, targets) for child in children(expr))


def _tested(condition: Any, use: str) -> Expr:
    """A value as an expression over bits; nothing else is known when the circuit runs."""
    expr = manageable(_expression(condition))
    if free_names(expr) - {BITS.name}:
        raise Unsettled(expr, use)
    return expr


def _expression(entry: Any) -> Expr:
    return entry.expression() if isinstance(entry, Affine) else wrap(entry)


def _same(left: Any, right: Any) -> bool:
    """Whether both are surely one value; vectors are compared element by element elsewhere."""
    return left is right or (type(left) is type(right) and not isinstance(left, (list, tuple, Affine)) and left == right)


def _is_bit(entry: Any) -> bool:
    return isinstance(entry, bool) or (isinstance(entry, Expr) and manageable(entry).type == BIT)


def _is_scalar(entry: Any) -> bool:
    return isinstance(entry, (bool, int, float, Expr, Affine))
