"""Loops: run in Python over what is known; else the body is read once, with symbols for what it carries."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from qkernel.diagnostics import Note
from qkernel.errors import (
    CallableDefinitionConflictError,
    KernelTypeError,
    QKernelError,
    QubitConsumedError,
    QubitRebindError,
    UnreturnedBorrowError,
    UnsupportedPythonError,
)
from qkernel.frontend.arrays import Gone
from qkernel.frontend.branches import decided_later, forget
from qkernel.frontend.iteration import SymbolicItems, SymbolicSequence
from qkernel.frontend.operators import condition, iterate
from qkernel.frontend.ownership import Ledger, Move, QuantumHandle, loop_consumed, rebinding
from qkernel.frontend.statements import assign, assign_kept, assigned_names, plain_names
from qkernel.frontend.tracer import Break, Frame, Return, Signal, Tracer, head, reads, unrolled
from qkernel.frontend.values import (
    Path,
    convert,
    describe,
    found_in,
    handles_in,
    is_classical,
    leaves,
    part_text,
    parts,
    same_shape,
    unchanged,
    with_leaves,
)
from qkernel.ir import ops
from qkernel.ir.expressions import ArrayHandle, Expr, Name, wrap
from qkernel.ir.trees import free_names
from qkernel.ir.types import FLOAT, UINT, Type


@reads(ast.For)
def _for(tracer: Tracer, node: ast.For) -> Signal:
    _refuse_else(tracer, node)
    value = tracer.read(node.iter)
    match value:
        case SymbolicSequence() | SymbolicItems():
            symbolic_for(tracer, node, value)
            return None
        case QuantumHandle() | Expr():
            raise _over_indices(tracer, node, value)
    for entry in iterate(tracer, value, node.iter):
        assign_kept(tracer, [node.target], entry)
        match tracer.run(node.body):
            case Return() as signal:
                return signal
            case Break():
                break
    tracer.frame.unrolled.update(plain_names(node.target))
    return None


def _over_indices(tracer: Tracer, node: ast.For, value: QuantumHandle | Expr) -> UnsupportedPythonError:
    shown, target = ast.unparse(node.iter), ast.unparse(node.target)
    lines = [f"for i in qk.range({shown}.shape[0]):", f"    {target} = {shown}[i]", "    ..."]
    lines += [f"    {shown}[i] = {target}"] if isinstance(value, QuantumHandle) else []
    return UnsupportedPythonError(
        f"`for` cannot go over {describe(value)}",
        span=tracer.frame.span(node.iter),
        label="its length may be known only later",
        help="\n    ".join(["loop over its indices:", *lines]),
    )


def _refuse_else(tracer: Tracer, node: ast.For | ast.While) -> None:
    if node.orelse:
        raise UnsupportedPythonError(
            f"`{type(node).__name__.lower()} ... else` does not exist in a kernel",
            span=tracer.frame.span(node.orelse[0]),
            label="in the `else` of a loop",
            help=f"write it after the loop: `{ast.unparse(node.orelse[0]).splitlines()[0]}`",
        )


@reads(ast.While)
def _while(tracer: Tracer, node: ast.While) -> Signal:
    _refuse_else(tracer, node)
    for _ in range(_MOST_KNOWN_ITERATIONS):
        before = len(tracer.ops)
        test = condition(tracer, node.test)
        if isinstance(test, Expr):
            if len(tracer.ops) != before:
                raise UnsupportedPythonError(
                    "the condition of a `while` cannot measure",
                    label="an operation on qubits",
                    help="measure before the loop, and again at the end of its body:\n"
                    f"    bit = {ast.unparse(node.test)}\n    while bit:\n        ...\n        bit = {ast.unparse(node.test)}",
                )
            symbolic_while(tracer, node)
            return None
        if not test:
            return None
        match tracer.run(node.body):
            case Return() as signal:
                return signal
            case Break():
                return None
    raise UnsupportedPythonError(
        "this `while` does not end while the kernel is traced",
        label=f"true {_MOST_KNOWN_ITERATIONS:,} times",
        help="loop over a range: `for i in qk.range(n):`",
    )


_MOST_KNOWN_ITERATIONS = 100_000
_IN_BODY = "is made in the body of a loop, which may not run at all"


def symbolic_for(tracer: Tracer, node: ast.For, domain: SymbolicSequence | SymbolicItems) -> None:
    """A `for` over a symbolic range or sequence, or over the items of a Dict."""
    try:
        targets = domain.targets(node)
    except QKernelError as error:
        tracer.raise_at(node.target, error)
    own = [target for target, _ in targets] or plain_names(node.target)
    for target in own:
        _check_unshadowed(tracer, target, node)
    names: list[str] = []

    def start() -> None:
        names[:] = [tracer.fresh(target, target) for target, _ in targets or (("position", UINT),)]
        for name, (target, type) in zip(names, targets, strict=False):
            tracer.frame.variables[target] = Name(name, type)
        if not targets:
            assert isinstance(domain, SymbolicSequence)
            assign(tracer, node.target, domain.element(Name(names[0], UINT)))

    body, carried = _trace_loop(tracer, node, start)
    for target in own:
        forget(tracer.frame, target, "is the variable of a loop that has ended")
    tracer.emit(ops.For(tuple(names), domain.domain, body, carried, tracer.frame.span(node.iter)))


def _check_unshadowed(tracer: Tracer, name: str, node: ast.For) -> None:
    if name != "_" and name in tracer.frame.variables and name not in tracer.frame.unrolled:
        value = tracer.frame.variables[name]
        raise CallableDefinitionConflictError(
            f"the loop variable `{name}` already means {describe(value)}",
            span=tracer.frame.span(node.target),
            label="taken",
            help="give the loop variable a name of its own",
        )


def symbolic_while(tracer: Tracer, node: ast.While) -> None:
    """A `while` on measured bits."""
    tests: list[Expr] = []

    def start() -> None:
        value = condition(tracer, node.test)
        if not isinstance(value, Expr):
            raise UnsupportedPythonError(
                "a `while` in a kernel runs on a measured bit",
                label=f"always {value}",
                help="measure the bit again in the body, or loop over a range: `for i in qk.range(n):`",
            )
        tests[:] = [value]

    body, carried = _trace_loop(tracer, node, start)
    (test,) = tests
    if not free_names(test) & {entry.name for entry in carried if entry.next is not Name(entry.name, entry.next.type)}:
        tested = ast.unparse(node.test)
        raise UnsupportedPythonError(
            "the condition of this `while` does not change in its body",
            label="would run for ever",
            help=f"measure it again in the body: `{tested} = qk.measure(...)`"
            if isinstance(node.test, ast.Name)
            else "such a loop runs on a measured bit; loop over a range instead: `for i in qk.range(n):`",
        )
    tracer.emit(ops.While(test, body, carried, tracer.frame.span(node.test)))


def _trace_loop(
    tracer: Tracer, node: ast.For | ast.While, start: Callable[[], None]
) -> tuple[ops.Block, tuple[ops.Carried, ...]]:
    """The body of a loop and the values that it carries; `start` runs in the body's scope before its statements."""
    frame = tracer.frame
    aliases = _set_aliases_aside(tracer, node)
    before, dead = dict(frame.variables), dict(frame.dead)
    ledger, ended = tracer.ledger.snapshot(), dict(tracer.ended)
    plan = _Plan([*assigned_names(node)], dict(tracer.arrays.gone))
    while True:
        outcome = _trace_body(tracer, node, start, before, ledger, plan)
        if outcome is not None:
            body, carried, changed = outcome
            break
        frame.variables, frame.dead = dict(before), dict(dead)
        tracer.ledger.restore(ledger)
        tracer.ended = dict(ended)
    made = frame.variables.items()
    loop_names = frozenset(value.name for name, value in made if isinstance(value, Name) and value is not before.get(name))
    _check_loop_qubits(tracer, node, before, ledger, loop_names)
    after = dict(frame.variables)
    frame.variables = {name: changed.get(name, after.get(name, value)) for name, value in before.items()}
    for name, gone in plan.closed.items():
        forget(frame, name, gone)
    for name in after.keys() - before.keys():
        forget(frame, name, _IN_BODY)
    for name, value in aliases.items():
        if frame.variables.get(name) is before[name] and all(map(tracer.ledger.is_live, handles_in(value))):
            frame.variables[name] = value  # the loop did nothing to them
    return body, carried


def _set_aliases_aside(tracer: Tracer, node: ast.For | ast.While) -> dict[str, Any]:
    """Names that hold qubits which the body goes on with under a name that it assigns; what they meant. In the loop, and
    after it, they are used up."""
    frame = tracer.frame
    stores = [part for statement in node.body for part in ast.walk(statement) if isinstance(part, ast.Name)]
    whole = {part.id for part in stores if isinstance(part.ctx, ast.Store)}
    names = [name for name in assigned_names(node) if name in whole]  # `q[i] = ...` leaves the register what it was
    followed = {id(handle): name for name in names for handle in handles_in(frame.variables.get(name))}
    span = frame.span(head(node))
    aside: dict[str, Any] = {}

    def used_up(name: str, value: Any, path: Path, leaf: Any) -> Any:
        if id(leaf) not in followed or not tracer.ledger.is_live(leaf):
            return leaf
        copy = replace(leaf, name=part_text(name, value, path))
        tracer.ledger.moves[copy] = Move(f"taken into the loop as `{followed[id(leaf)]}`", span, successor=leaf)
        return copy

    for name, value in frame.variables.items():
        if name not in names and any(id(handle) in followed for handle in handles_in(value)):
            aside[name] = value
    for name, value in aside.items():
        frame.variables[name] = with_leaves(value, partial(used_up, name, value))
    return aside


@dataclass(slots=True)
class _Plan:
    """How a loop's body is to be read: what an earlier reading of it has told.

    `assigned` are names that it assigns, `gone` the arrays that cannot be read in it, since an iteration changes them by
    another name, `types` those of carried leaves that turned out to be Floats, and `closed` names that are other Python
    values after an iteration, so that none of their values is that of all.
    """

    assigned: list[str]
    gone: dict[int, Any]
    types: dict[tuple[str, Path], Type] = field(default_factory=dict)
    closed: dict[str, Gone] = field(default_factory=dict)


def _trace_body(
    tracer: Tracer, node: ast.For | ast.While, start: Callable[[], None], before: dict[str, Any], ledger: Ledger, plan: _Plan
) -> tuple[ops.Block, tuple[ops.Carried, ...], dict[str, Any]] | None:
    """One reading of the body; None if it told what was not in the plan yet."""

    frame = tracer.frame
    span = frame.span(node)
    initial = {
        (name, path): wrap(leaf)
        for name in plan.assigned
        if name in before and name not in plan.closed
        for path, leaf in leaves(before[name])
        if is_classical(leaf)
    }
    for (name, path), type in plan.types.items():
        initial[name, path] = convert(initial[name, path], type, f"`{name}`", span)
    symbols = {(name, path): Name(tracer.fresh(name, name), value.type) for (name, path), value in initial.items()}
    for name in dict.fromkeys(name for name, _ in symbols):
        frame.variables[name] = _at(tracer, symbols, name, before[name])
    tracer.arrays.gone = dict(plan.gone)
    for name, gone in plan.closed.items():
        forget(frame, name, gone)
    with tracer.block() as block, decided_later(tracer, node):
        start()
        tracer.run(node.body)
    if _tells_more(tracer, node, before, ledger, plan, symbols):
        tracer.free(symbol.name for symbol in symbols.values())
        return None
    carried = []
    for (name, path), symbol in symbols.items():
        if name not in frame.variables and name in frame.dead:
            raise frame.dead[name].error(name, span)
        value = dict(leaves(frame.variables.get(name)))[path]
        if (why := tracer.arrays.why_gone(value)) is not None:
            text = part_text(name, frame.variables[name], path)
            raise why(text, frame).error(text, span)
        if not is_classical(value):
            raise KernelTypeError(
                f"`{name}` is a {symbol.type} before the loop and {describe(value)} after an iteration", span=span
            )
        tracer.arrays.relate(dict(leaves(before[name]))[path], value)
        following = wrap(value)
        if (symbol.type, following.type) == (UINT, FLOAT):
            plan.types[name, path] = FLOAT
            tracer.free(other.name for other in symbols.values())
            return None
        following = convert(following, symbol.type, f"`{name}` after an iteration", span)
        carried.append(ops.Carried(symbol.name, initial[name, path], following, frame.assigned.get(name)))
    names = {name for name, _ in symbols}
    return tuple(block), tuple(carried), {name: _at(tracer, symbols, name, frame.variables[name]) for name in names}


def _at(tracer: Tracer, symbols: dict[tuple[str, Path], Name], name: str, value: Any) -> Any:
    """`value` with the symbols of `name` in their places; an array may be the one that it was."""

    def at(path: Path, leaf: Any) -> Any:
        symbol = tracer.arrays.held(symbols.get((name, path), leaf))
        tracer.arrays.relate(symbol, leaf)
        return symbol

    return with_leaves(value, at)


def _tells_more(
    tracer: Tracer,
    node: ast.AST,
    before: dict[str, Any],
    ledger: Ledger,
    plan: _Plan,
    symbols: dict[tuple[str, Path], Name],
) -> bool:
    """Whether names are other values after an iteration than before it that are not carried; they are put into the plan."""
    frame, now = tracer.frame, tracer.frame.variables
    count = len(plan.gone) + len(plan.closed)
    carried = {name for name, _ in symbols}
    for name, old in before.items():
        new = now.get(name)
        handles = handles_in(old)
        if name in plan.closed or any(map(ledger.is_live, handles)) or (name in carried and is_classical(old)):
            continue
        if name not in now and name in frame.dead:
            plan.closed[name] = frame.dead[name]
        elif handles and old is not new:
            plan.closed[name] = Gone(_IN_BODY)
        elif not (unchanged(old, new) or (name in carried and _fits(old, new))):
            plan.closed[name] = _other_value(frame, name, old, new, node)
    for name, value in _readable(frame, before):
        own = [leaf for path, leaf in leaves(value) if (name, path) in symbols]
        for array in found_in(value, ArrayHandle):
            if id(array) in tracer.arrays.gone and not any(array is leaf for leaf in own):
                plan.gone[id(array)] = tracer.arrays.gone[id(array)]
    return len(plan.gone) + len(plan.closed) > count


def _readable(frame: Frame, before: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a loop's body can read by name: what the frame had before, and what the frames have that it is written in."""
    yield from before.items()
    while (outer := frame.enclosing) is not None:
        yield from outer.variables.items()
        frame = outer


def _fits(old: Any, new: Any) -> bool:
    """Whether `new` is made like `old`, numbers where that has numbers, and is the same elsewhere."""
    if parts(old) is None:
        return (is_classical(old) and is_classical(new)) or unchanged(old, new)
    return same_shape(old, new) and all(map(_fits, parts(old) or (), parts(new) or ()))


def _other_value(frame: Frame, name: str, old: Any, new: Any, node: ast.AST) -> Gone:
    is_deleted = new is None and name not in frame.variables
    return Gone(
        f"is {describe(old)} before the loop and {'deleted' if is_deleted else 'something else'} after an iteration, "
        "and the loop is read once for all its iterations",
        Note("changed here", frame.assigned[name]) if name in frame.assigned else None,
        f"a tuple may change, part by part: `{name} = (...)`"
        if isinstance(old, (list, np.ndarray))
        else f"numbers and bits may change from iteration to iteration; {unrolled(node)}",
        UnsupportedPythonError,
        "of which iteration?",
    )


def _check_loop_qubits(
    tracer: Tracer, node: ast.For | ast.While, before: dict[str, Any], ledger: Ledger, loop_names: frozenset[str]
) -> None:
    """At the end of an iteration every name holds its place again, and nothing new is out."""
    frame, now = tracer.frame, tracer.ledger
    for name, value in before.items():
        new = frame.variables.get(name)
        for old, kept in _paired(value, new, name, frame, node):
            if not ledger.is_live(old):
                continue
            if kept is None or not now.is_live(kept):
                move = now.moves.get(old if kept is None else kept, Move("dropped", frame.span(node)))
                raise QubitConsumedError(
                    f"`{old.name}` is gone after the first iteration of the loop",
                    span=move.span,
                    label=f"{move.what} in every iteration",
                    notes=(Note("the loop", frame.span(head(node))),),
                    help="make the qubit in the body, or `qk.reset` and keep it",
                )
            if (change := rebinding(old, kept)) is not None:
                raise QubitRebindError(
                    f"`{name}` {change[0]} at the end of an iteration than at its start",
                    span=frame.span(node),
                    label="in this loop",
                    help=change[1],
                )
        if any(map(ledger.is_live, handles_in(value))) and not (unchanged(value, new) or _fits(value, new)):
            gone = _other_value(frame, name, value, new, node)
            raise gone.error(name, frame.assigned.get(name, frame.span(node)))
    for parent, loans in list(now.loans.items()):
        earlier = ledger.loans.get(parent, ())
        result = []
        for loan in loans:
            if loan not in earlier and loan.consumed is None:
                raise UnreturnedBorrowError(
                    f"`{loan.text}` is still out at the end of the iteration",
                    span=loan.span,
                    label="taken here and not given back",
                    help=f"give it back in the body: `{loan.text} = ...`",
                )
            result.append(loop_consumed(loan, loop_names) if loan not in earlier else loan)
        for loan in result:
            if loan not in earlier and loan.place is not None and _existed(parent, before) and loan.consumed is not None:
                raise QubitConsumedError(
                    f"`{loan.text}` is gone after the first iteration of the loop",
                    span=loan.consumed.span,
                    label=f"{loan.consumed.what} in every iteration",
                    help="index it by the loop variable, or measure it after the loop",
                )
        now.loans[parent] = tuple(result)


def _existed(parent: QuantumHandle, before: dict[str, Any]) -> bool:
    registers = parent.place.registers
    return any(handle.place.registers & registers for value in before.values() for handle in handles_in(value))


def _paired(old: Any, new: Any, name: str, frame: Frame, node: ast.AST) -> list[tuple[QuantumHandle, QuantumHandle | None]]:
    """Handles of a name before and after, one by one."""
    before = handles_in(old)
    after = handles_in(new)
    if before and len(before) != len(after):
        if not after:
            return [(handle, None if handle is not new else handle) for handle in before]
        raise QubitRebindError(
            f"`{name}` holds another number of qubits or registers after: {len(after)}, and {len(before)} before",
            span=frame.span(node),
            label="of this loop",
            help="keep as many in it; collect what is measured in another name",
        )
    return list(zip(before, after, strict=True)) if before else []
