"""Branches whose course is known only later: both sides are read, and checked where they join."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from qkernel.diagnostics import Note, Span, with_article
from qkernel.errors import (
    KernelTypeError,
    QKernelError,
    QubitConsumedError,
    QubitRebindError,
    UnreturnedBorrowError,
)
from qkernel.frontend.arrays import Gone
from qkernel.frontend.operators import condition
from qkernel.frontend.ownership import OTHER_QUBITS, Ledger, QuantumHandle, rebinding
from qkernel.frontend.tracer import Frame, Once, Signal, Tracer, reads
from qkernel.frontend.values import (
    convert,
    describe,
    holds,
    is_classical,
    parts,
    same_shape,
    unchanged,
    with_handles,
    with_parts,
)
from qkernel.ir import ops
from qkernel.ir.expressions import Expr, Name, wrap
from qkernel.ir.trees import free_names
from qkernel.ir.types import FLOAT, UINT


@contextmanager
def decided_later(tracer: Tracer, node: ast.AST) -> Iterator[None]:
    """Read in here what runs once, never or many times."""
    tracer.frame.symbolic_depth += 1
    tracer.once.append(Once(node, tracer.frame))
    try:
        yield
    finally:
        tracer.once.pop()
        tracer.frame.symbolic_depth -= 1


def forget(frame: Frame, name: str, gone: Gone | str) -> None:
    frame.variables.pop(name, None)
    frame.dead[name] = gone if isinstance(gone, Gone) else Gone(gone)


# branches ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sides:
    """The two sides of a branch where they join, at the `span` of its condition; `visible` are the IR names from before them,
    `hoisted` what both make."""

    span: Span
    blocks: tuple[list[ops.Op], list[ops.Op]]
    ledgers: tuple[Ledger, Ledger]
    variables: tuple[dict[str, Any], dict[str, Any]]
    gone: tuple[dict[int, Any], dict[int, Any]]
    visible: frozenset[str]
    joined: list[ops.Joined] = field(default_factory=list)
    hoisted: list[ops.Alloc] = field(default_factory=list)

    def clash(self, kind: type[QKernelError], title: str, help: str) -> QKernelError:
        return kind(title, span=self.span, label="joins here", help=help)

    def hoist(self, register: str) -> bool:
        """Make qubits before the branch that both sides make alike; whether they are there after it."""
        if register in self.visible or any(made.register == register for made in self.hoisted):
            return True
        pair = [[op for op in block if isinstance(op, ops.Alloc) and op.register == register] for block in self.blocks]
        if [len(made) for made in pair] != [1, 1] or pair[0][0].size is not pair[1][0].size:
            return False
        size = pair[0][0].size
        if size is not None and free_names(size) - self.visible:
            return False
        self.hoisted.append(pair[0][0])
        for block, made in zip(self.blocks, pair, strict=True):
            block.remove(made[0])
        return True


def symbolic_choice(tracer: Tracer, node: ast.IfExp, test: Expr) -> Any:
    """`body if test else orelse` on a value that is known later; qubits go from their names into what is chosen."""

    def chosen(handle: QuantumHandle) -> QuantumHandle:
        tracer.take(handle, "chosen by `if` and `else`", tracer.frame.span(node))
        return tracer.ledger.follow(handle, handle.successor())

    def read_side(expressions: list[Any]) -> Any:
        (expression,) = expressions
        return with_handles(tracer.read(expression), chosen)

    return symbolic_if(tracer, node, test, read_side)


def _shown(name: str | None) -> str:
    return "the conditional expression" if name is None else f"`{name}`"


def symbolic_if(tracer: Tracer, node: ast.If | ast.IfExp, test: Expr, read_side: Callable[[list[Any]], Any]) -> Any:
    """An `if` on a value that is known later: both sides are read, then joined, as is what `read_side` gives for them."""
    frame = tracer.frame
    before, ledger, gone = dict(frame.variables), tracer.ledger.snapshot(), tracer.arrays.gone
    read: list[tuple[list[ops.Op], dict[str, Any], Ledger, dict[int, Any]]] = []
    values = []
    for statements in (node.body, node.orelse) if isinstance(node, ast.If) else ([node.body], [node.orelse]):
        frame.variables = dict(before)
        tracer.ledger.restore(ledger)
        tracer.arrays.gone = dict(gone)
        with tracer.block() as block, decided_later(tracer, node):
            values.append(read_side(statements))
        read.append((block, frame.variables, tracer.ledger.snapshot(), tracer.arrays.gone))
    (then, then_variables, then_ledger, then_gone), (otherwise, other_variables, other_ledger, other_gone) = read
    tracer.arrays.gone = {**then_gone, **other_gone}
    _join_ledgers(tracer, node, ledger, then_ledger, other_ledger)
    visible = frozenset().union(*tracer.scopes)
    sides = _Sides(
        frame.span(node.test),
        (then, otherwise),
        (then_ledger, other_ledger),
        (then_variables, other_variables),
        (then_gone, other_gone),
        visible,
    )
    frame.variables = {}
    result = _join(tracer, sides, None, *values)
    for name in {**then_variables, **other_variables}:
        if name in then_variables and name in other_variables:
            left, right = then_variables[name], other_variables[name]
            frame.variables[name] = _join(tracer, sides, name, left, right)
        else:
            forget(frame, name, frame.dead.get(name, Gone("is made on one side of a branch only")))
    for made in sides.hoisted:
        tracer.scopes[-1].setdefault(made.register, 0)
        tracer.emit(made)
    tracer.emit(ops.If(test, tuple(then), tuple(otherwise), tuple(sides.joined), sides.span))
    return result


def _join_ledgers(tracer: Tracer, node: ast.If | ast.IfExp, before: Ledger, then: Ledger, other: Ledger) -> None:
    merged = Ledger({**then.moves, **other.moves}, {**then.loans, **other.loans})
    for parent in {**then.loans, **other.loans}:
        left, right = then.loans.get(parent, ()), other.loans.get(parent, ())
        if not before.is_live(parent) or not (then.is_live(parent) and other.is_live(parent)):
            continue
        places = [{(loan.place, loan.consumed is None) for loan in loans} for loans in (left, right)]
        if places[0] != places[1]:
            loan = next(loan for loan in (*left, *right) if (loan.place, loan.consumed is None) not in places[0] & places[1])
            gone = loan.consumed
            kind = UnreturnedBorrowError if gone is None else QubitConsumedError
            raise kind(
                f"`{loan.text}` is {'out' if gone is None else 'gone'} after one side of the branch only",
                span=loan.span if gone is None else gone.span,
                label="on this side",
                notes=(Note("the branch", tracer.frame.span(node.test)),),
                help="do the same on both sides",
            )
    tracer.ledger.restore(merged)


def _join(tracer: Tracer, sides: _Sides, name: str | None, left: Any, right: Any) -> Any:
    """The value of a name after the branches."""
    if isinstance(left, QuantumHandle) and isinstance(right, QuantumHandle):
        return _join_handles(tracer, sides, name, left, right)
    if id(left) in sides.gone[0]:
        return left
    if id(right) in sides.gone[1]:
        return right
    if (isinstance(left, Expr) or left is not right) and is_classical(left) and is_classical(right):
        return _joined_values(tracer, sides, name, left, right)  # one name may mean two things, one on each side
    if left is right:
        return left
    if same_shape(left, right) or _are_joinable(sides, name, left, right):
        pairs = zip(parts(left) or left, parts(right) or right, strict=True)
        entries = [_join(tracer, sides, name, a, b) for a, b in pairs]
        return with_parts(left, entries)
    if unchanged(left, right):
        return left
    kinds = describe(left), describe(right)
    other = "another" if kinds[0] == kinds[1] else kinds[1]
    raise sides.clash(
        KernelTypeError,
        f"{_shown(name)} is {kinds[0]} on one side of the branch and {other} on the other",
        "give it the same kind of value on both sides, or a name of its own on each",
    )


def _are_joinable(sides: _Sides, name: str | None, left: Any, right: Any) -> bool:
    """Whether two lists are of one length, and neither is known by another name, under which it would change apart."""
    if not (isinstance(left, list) and isinstance(right, list) and len(left) == len(right)):
        return False
    others = [value for variables in sides.variables for other, value in variables.items() if other != name]
    return not any(holds(value, entry) for value in others for entry in (left, right))


def _join_handles(tracer: Tracer, sides: _Sides, name: str | None, left: QuantumHandle, right: QuantumHandle) -> QuantumHandle:
    then, other = sides.ledgers
    alive = then.is_live(left), other.is_live(right)
    if alive == (False, False):
        return left
    if alive != (True, True):
        move = (other if alive[0] else then).moves[right if alive[0] else left]
        raise QubitConsumedError(
            f"{_shown(name)} is gone after one side of the branch only",
            span=move.span,
            label=f"{move.what} on this side",
            notes=(Note("the branch", sides.span),),
            help="do the same on both sides, or measure after the branch",
        )
    if left is right:
        return left
    if (change := rebinding(left, right) if left.parent is right.parent else OTHER_QUBITS) is not None:
        raise sides.clash(
            QubitRebindError,
            f"{_shown(name)} {change[0]} after one side of the branch than after the other",
            "write an `if` statement that acts on each of them on its own side" if name is None else change[1],
        )
    if not all(map(sides.hoist, sorted(left.place.registers))):
        raise sides.clash(
            QubitRebindError,
            f"{_shown(name)} is a qubit or register that each side of the branch makes in its own way",
            "make it before the branch, and change it there",
        )
    result = left.successor()
    tracer.ledger.loans[result] = then.loans.get(left, ())
    return result


def _joined_values(tracer: Tracer, sides: _Sides, name: str | None, left: Any, right: Any) -> Any:
    """The classical value of a name after the branches; an array is perhaps the one, perhaps the other."""
    result = _join_values(tracer, sides, name, wrap(left), wrap(right))
    if left is right and result is wrap(left):
        return left
    handle = tracer.arrays.held(result)
    for side in (left, right):
        tracer.arrays.relate(handle, side)
    return handle


def _join_values(tracer: Tracer, sides: _Sides, name: str | None, left: Expr, right: Expr) -> Expr:
    if left is right and free_names(left) <= sides.visible:  # else one name means two things, one in each branch
        return left
    type = left.type
    if left.type != right.type:
        if {left.type, right.type} != {UINT, FLOAT}:
            kinds = with_article(left.type), with_article(right.type)
            raise sides.clash(
                KernelTypeError,
                f"{_shown(name)} is {kinds[0]} on one side of the branch and {kinds[1]} on the other",
                "give it one type on both sides, or a name of its own on each",
            )
        type = FLOAT
    fresh = tracer.fresh(tracer.hint or "chosen" if name is None else name, "chosen")
    sides.joined.append(
        ops.Joined(fresh, convert(left, type, _shown(name), sides.span), convert(right, type, _shown(name), sides.span))
    )
    return Name(fresh, type)


@reads(ast.If)
def _if(tracer: Tracer, node: ast.If) -> Signal:
    test = condition(tracer, node.test)
    if isinstance(test, Expr):
        symbolic_if(tracer, node, test, lambda statements: tracer.run(statements))
        return None
    return tracer.run(node.body if test else node.orelse)
