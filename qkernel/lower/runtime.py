"""Branches and loops that are decided at run time, on measured bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qkernel.diagnostics import written_name
from qkernel.errors import QKernelError, SeparationError
from qkernel.ir.expressions import Const, Expr, Item, Name, wrap
from qkernel.ir.ops import Carried, If, While
from qkernel.ir.system_names import SystemName
from qkernel.ir.trees import free_names, system_names
from qkernel.ir.types import BIT, UINT
from qkernel.lower.circuit import BITS, Assign, Branch, Repeat, bit
from qkernel.lower.counters import reads_bits_only, width
from qkernel.lower.effort import INSTRUCTION, spend
from qkernel.lower.evaluation import value
from qkernel.lower.reports import Frame
from qkernel.lower.residuals import choose, manageable
from qkernel.lower.rounds import known_rounds
from qkernel.lower.values import Affine, Unsettled, Vector

if TYPE_CHECKING:
    from qkernel.lower.interpreter import Interpreter


def branch(interpreter: Interpreter, op: If, condition: Any, frame: Frame) -> None:
    """Lower both sides; values that differ between them become fresh bits, or a choice by the condition."""
    tested = _tested(interpreter, condition, "the branch that is taken")
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
        if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)) and len(left) == len(right):
            parts = [self.value(*pair, name) for pair in zip(left, right, strict=True)]
            return Vector(parts) if isinstance(left, list) else tuple(parts)
        if _is_bit(left) and _is_bit(right):
            target = self.interpreter.fresh_bits(1)
            for side, entry in zip(self.sides, (left, right), strict=True):
                side.append(Assign(target, _tested(self.interpreter, entry, f"`{written_name(name)}`"), self.op.span))
            return bit(target)
        if _is_scalar(left) and _is_scalar(right):
            return choose(self.condition, _expression(left), _expression(right))
        name = written_name(name)
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
        counts = _is_whole(start) and entry.next is not Name(entry.name, entry.next.type)
        names[entry.name] = (_counted if counts else _placed)(interpreter, start, op)
    placed = [names[entry.name] for entry in op.carried]
    condition = value(op.condition, names)
    if isinstance(condition, (bool, int, float)) and not condition:
        names.update([(entry.name, start) for entry, start in zip(op.carried, starts, strict=True)])
        return
    if isinstance(condition, (bool, int, float)):
        raise known_rounds()
    tested = _tested(interpreter, condition, "the number of rounds")
    interpreter.branching += 1
    interpreter.repeating += 1
    with columns.nested() as body:
        interpreter.block(op.body, frame)
        ends = [end for _, end in after_round(interpreter, op.carried, frame)]
    interpreter.branching -= 1
    interpreter.repeating -= 1
    written: list[tuple[int, Expr]] = []
    for entry, place, end in zip(op.carried, placed, ends, strict=True):
        if interpreter.counters.bits(place) is None:
            _write(interpreter, written, place, end, entry.name)
    written += _counts(interpreter, op, body, placed, starts, ends)
    assigned = {part.target: part.value for part in body if isinstance(part, Assign)} | dict(written)
    counted = [interpreter.counters.bits(place) for place, start in zip(placed, starts, strict=True) if isinstance(start, int)]
    known = {k for bits in counted for k in bits or ()} | {part.target for part in body if isinstance(part, Assign)}
    if _read(tested, assigned) <= known:
        raise known_rounds()
    body += _simultaneous(interpreter, written, op)
    columns.body.append(Repeat(tested, tuple(body), op.span))


def _counts(
    interpreter: Interpreter, op: While, body: list[Any], placed: list[Any], starts: list[Any], ends: list[Any]
) -> list[tuple[int, Expr]]:
    """What a round makes of the bits of the whole numbers that a loop carries."""
    counters = interpreter.counters
    held = [k for k, place in enumerate(placed) if counters.bits(place) is not None]
    for k in held:
        if not _is_whole(ends[k]):
            raise _changes(op.carried[k].name)
    first, last = ([wrap(values[k]) for k in held] for values in (starts, ends))
    full = counters.close([placed[k] for k in held], first, last, interpreter.repeating > 0)
    if full is not None:
        raise _changes(next(op.carried[k].name for k in held if placed[k] is full))
    written: list[tuple[int, Expr]] = []
    for k, end in zip(held, last, strict=True):
        bits = counters.bits(placed[k]) or range(0)
        digits = counters.digits(end, len(bits), _own_bits(interpreter, body, op))
        written += reversed([*zip(bits, map(manageable, digits), strict=True)])  # a digit reads itself and lower ones
    return written


def _own_bits(interpreter: Interpreter, body: list[Any], op: While) -> Callable[[Expr], Expr]:
    """Gives an expression over bits a bit of its own, which is assigned at the end of `body`."""

    def write(expr: Expr) -> Expr:
        if isinstance(expr, (Const, Item)):
            return expr
        target = interpreter.fresh_bits(1)
        spend(4 * INSTRUCTION)
        body.append(Assign(target, manageable(expr), op.span))
        return bit(target)

    return write


def _read(condition: Expr, written: dict[int, Expr]) -> set[int]:
    """The bits that the number of rounds depends on, where each round assigns those `written`."""
    found: set[int] = set()
    pending = [condition]
    while pending:
        part = pending.pop()
        if isinstance(part, Item) and part.base is BITS:
            (key,) = part.keys
            assert isinstance(key, Const)
            if key.value not in found:
                found.add(key.value)
                pending += [written[key.value]] if key.value in written else []
        else:
            pending.extend(part.children)
    return found


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
    interpreter.columns.body.append(Assign(target, _tested(interpreter, start, "a bit of the loop"), op.span))
    return bit(target)


def _counted(interpreter: Interpreter, start: Any, op: While) -> SystemName:
    """A whole number that a loop carries, moved into bits."""
    count = width(op.body)
    first = interpreter.fresh_bits(count)
    digits = interpreter.counters.digits(wrap(start), count, _own_bits(interpreter, interpreter.columns.body, op))
    written = [(first + k, digit) for k, digit in enumerate(digits) if interpreter.repeating or digit is not Const(False)]
    interpreter.columns.body += [Assign(place, digit, op.span) for place, digit in written]
    return interpreter.counters.place(range(first, first + count))


def _write(interpreter: Interpreter, written: list[tuple[int, Expr]], place: Any, end: Any, name: str) -> None:
    if isinstance(place, (list, tuple)) and isinstance(end, (list, tuple)) and len(place) == len(end):
        for inner, part in zip(place, end, strict=True):
            _write(interpreter, written, inner, part, name)
    elif _is_bit(place) and _is_bit(end):
        if not _same(place, end):
            written.append((place.keys[0].value, _tested(interpreter, end, f"`{written_name(name)}`")))
    elif not _same(place, end):
        raise _changes(name)


def _changes(name: str) -> SeparationError:
    name = written_name(name)
    return SeparationError(
        f"`{name}` changes in a loop whose number of rounds is known only at run time",
        label=f"`{name}` would be known only at run time",
        help=f"such a loop may carry bits, and whole numbers that it counts: `{name} = {name} + 1`",
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
    if isinstance(expr, Item) and expr.base is BITS:
        (key,) = expr.keys
        assert isinstance(key, Const)
        return key.value in targets
    return any(_reads(child, targets) for child in expr.children)


def _tested(interpreter: Interpreter, condition: Any, use: str) -> Expr:
    """A value as an expression over bits; nothing else is known when the circuit runs."""
    expr = interpreter.counters.tested(manageable(_expression(condition)))
    if free_names(expr) or system_names(expr) - {BITS.key}:
        raise Unsettled(expr, use)
    return expr


def _expression(entry: Any) -> Expr:
    return entry.expression() if isinstance(entry, Affine) else wrap(entry)


def _same(left: Any, right: Any) -> bool:
    """Whether both are surely one value; vectors are compared element by element elsewhere."""
    return left is right or (type(left) is type(right) and not isinstance(left, (list, tuple, Affine)) and left == right)


def _is_bit(entry: Any) -> bool:
    return isinstance(entry, bool) or (isinstance(entry, Expr) and manageable(entry).type == BIT)


def _is_whole(entry: Any) -> bool:
    """Whether a value is a whole number that is known, or made of bits."""
    if isinstance(entry, Expr):
        return manageable(entry).type == UINT and reads_bits_only(entry)
    return isinstance(entry, int) and not isinstance(entry, bool)


def _is_scalar(entry: Any) -> bool:
    return isinstance(entry, (bool, int, float, Expr, Affine))
