"""Branches, and loops on measured bits: what is decided at run time is lowered whole."""

from __future__ import annotations

from typing import Any

from qkernel.diagnostics import written_name
from qkernel.errors import SeparationError, SizeError
from qkernel.ir.expressions import Const, Expr, Item, Name, wrap
from qkernel.ir.measured import runs_on_measurements
from qkernel.ir.ops import If, While
from qkernel.ir.types import BIT, UINT
from qkernel.lower.circuit import (
    Assign,
    Branch,
    Repeat,
    at_once,
    bit,
    reads_run,
    reads_run_only,
)
from qkernel.lower.effort import ITERATION, spend
from qkernel.lower.evaluation import value, whole
from qkernel.lower.interpreter import Interpreter
from qkernel.lower.loops import after_iteration
from qkernel.lower.reports import Frame
from qkernel.lower.residuals import choose, manageable
from qkernel.lower.values import Affine, Unsettled, Vector
from qkernel.observable import Hamiltonian

_MOST_KNOWN_ITERATIONS = 100_000


def branch(interpreter: Interpreter, op: If, frame: Frame) -> None:
    """Execute the side that a known condition chooses, or lower both."""
    names = frame.names
    condition = value(op.condition, names)
    if not isinstance(condition, (bool, int, float)):
        _both(interpreter, op, condition, frame)
        return
    interpreter.block(op.then if condition else op.otherwise, frame)
    names.update([(entry.name, value(entry.then if condition else entry.otherwise, names)) for entry in op.joined])


def _both(interpreter: Interpreter, op: If, condition: Any, frame: Frame) -> None:
    """Lower both sides; values that differ between them become fresh bits, or a choice by the condition."""
    tested = _tested(condition, "the branch that is taken")
    interpreter.refuse_modified(op, "a branch on a measured bit")
    names, columns = frame.names, interpreter.columns
    interpreter.branching += 1
    spend(len(interpreter.consumed) + len(columns.kinds.table))
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
        if _are_alike(left, right):
            return _of_parts(left, [self.value(*pair, name) for pair in zip(left, right, strict=True)])
        if _is_bit(left) and _is_bit(right):
            target = bit(self.interpreter.fresh_bits(1))
            for side, entry in zip(self.sides, (left, right), strict=True):
                side.append(Assign(target, _tested(entry, f"`{written_name(name)}`"), self.op.span))
            return target
        if _is_scalar(left) and _is_scalar(right):
            return choose(self.condition, _expression(left), _expression(right))
        name = written_name(name)
        raise SeparationError(
            f"`{name}` differs between branches that are chosen at run time",
            label=f"`{name}` would be known only at run time",
            help="bits and numbers may differ between such branches; give the rest one value before them",
        )


def repeat(interpreter: Interpreter, op: While, frame: Frame) -> None:
    """A loop: on measured bits it is lowered whole, on known numbers iteration by iteration."""
    names = frame.names
    if runs_on_measurements(interpreter.module, op, {name for name, entry in names.items() if _is_measured(entry)}):
        _repeat_measured(interpreter, op, frame)
        return
    names.update([(entry.name, value(entry.initial, names)) for entry in op.carried])
    for _ in range(_MOST_KNOWN_ITERATIONS):
        if not whole(value(op.condition, names), "the number of iterations"):
            return
        spend(ITERATION)
        interpreter.block(op.body, frame)
        names.update(after_iteration(interpreter, op.carried, frame))
    raise SizeError(
        f"this `while` has not ended after {_MOST_KNOWN_ITERATIONS:,} iterations",
        label="still true",
        help="see that its body changes what it asks for; a loop of so many iterations is a `for`",
    )


def _is_measured(entry: Any) -> bool:
    """Whether a value depends on a measurement."""
    return any(map(_is_measured, entry)) if isinstance(entry, (list, tuple)) else isinstance(entry, Expr) and reads_run(entry)


def _repeat_measured(interpreter: Interpreter, op: While, frame: Frame) -> None:
    """A loop on measured bits; each bit and each number that changes in it is a variable of its own."""
    interpreter.refuse_modified(op, "a loop on a measured bit")
    names, columns, first = frame.names, interpreter.columns, len(interpreter.integers)
    starts = {entry.name: value(entry.initial, names) for entry in op.carried}
    columns.close()
    numbers: dict[str, Item] = {}
    for entry in op.carried:
        start = starts[entry.name]
        if _is_whole(start) and entry.next is not Name(entry.name, entry.next.type):
            names[entry.name] = numbers[entry.name] = _counted(interpreter, entry.name, start, op)
        else:
            names[entry.name] = _placed(interpreter, start, op)
    placed = {name: names[name] for name in starts}
    tested = _tested(value(op.condition, names), "the number of iterations")
    body, ends = _iteration(interpreter, op, frame)
    written: dict[Item, Expr] = {}
    for name, place in placed.items():
        _write(written, place, ends[name], name, name in numbers)
    carried = [(number, wrap(starts[name]), wrap(ends[name])) for name, number in numbers.items()]
    if (full := interpreter.integers.close(carried, first, interpreter.repeating > 0)) is not None:
        raise _changes(next(name for name, number in numbers.items() if number is full))
    body += at_once(written, interpreter.fresh_variable, op.span)
    columns.body.append(Repeat(tested, tuple(body), op.span))


def _iteration(interpreter: Interpreter, op: While, frame: Frame) -> tuple[list[Any], dict[str, Any]]:
    """The body of a loop, and what the names that it carries are after it."""
    interpreter.branching += 1
    interpreter.repeating += 1
    with interpreter.columns.nested() as body:
        interpreter.block(op.body, frame)
        ends = dict(after_iteration(interpreter, op.carried, frame))
    interpreter.branching -= 1
    interpreter.repeating -= 1
    return body, ends


def _placed(interpreter: Interpreter, start: Any, op: While) -> Any:
    """The value that a loop carries, moved into bits that the loop may write."""
    if _are_alike(start, start):
        return _of_parts(start, [_placed(interpreter, part, op) for part in start])
    if not _is_bit(start):
        return start
    target = bit(interpreter.fresh_bits(1))
    interpreter.columns.body.append(Assign(target, _tested(start, "a bit of the loop"), op.span))
    return target


def _counted(interpreter: Interpreter, name: str, start: Any, op: While) -> Item:
    """A whole number that a loop carries, moved into an integer variable."""
    number, first = interpreter.integers.declare(written_name(name)), wrap(start)
    if interpreter.repeating or first is not Const(0):
        interpreter.columns.body.append(Assign(number, _tested(first, "a number of the loop"), op.span))
    return number


def _write(written: dict[Item, Expr], place: Any, end: Any, name: str, counts: bool = False) -> None:
    if _are_alike(place, end):
        for inner, part in zip(place, end, strict=True):
            _write(written, inner, part, name)
    elif not _same(place, end):
        if not (counts and _is_whole(end)) and not (_is_bit(place) and _is_bit(end)):
            raise _changes(name)
        written[place] = _tested(end, f"`{written_name(name)}`")


def _changes(name: str) -> SeparationError:
    name = written_name(name)
    return SeparationError(
        f"`{name}` changes in a loop whose number of iterations is known only at run time",
        label=f"`{name}` would be known only at run time",
        help=f"such a loop may carry bits, and whole numbers that it counts: `{name} = {name} + 1`",
    )


def _tested(condition: Any, use: str) -> Expr:
    """A value as an expression over bits and integers; nothing else is known when the circuit runs."""
    expr = manageable(_expression(condition))
    if not reads_run_only(expr):
        raise Unsettled(expr, use)
    return expr


def _expression(entry: Any) -> Expr:
    return entry.expression() if isinstance(entry, Affine) else wrap(entry)


def _same(left: Any, right: Any) -> bool:
    """Whether both are surely one value; vectors are compared element by element elsewhere."""
    if type(left) is not type(right) or isinstance(left, (list, tuple, Affine)):
        return left is right
    return repr(left) == repr(right) if isinstance(left, Hamiltonian) else bool(left == right)  # == ignores the order of terms


def _are_alike(left: Any, right: Any) -> bool:
    """Whether both are vectors or tuples of one length, which are compared, joined and written part by part."""
    return isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and len(left) == len(right)


def _of_parts(like: Any, parts: list[Any]) -> Any:
    return Vector(parts) if isinstance(like, list) else tuple(parts)


def _is_bit(entry: Any) -> bool:
    return manageable(entry).type == BIT if isinstance(entry, Expr) else isinstance(entry, bool)


def _is_whole(entry: Any) -> bool:
    """Whether a value is a whole number that is known, or made of bits."""
    return manageable(entry).type == UINT and reads_run_only(entry) if isinstance(entry, Expr) else type(entry) is int


def _is_scalar(entry: Any) -> bool:
    return isinstance(entry, (bool, int, float, Expr, Affine))
