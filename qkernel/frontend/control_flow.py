"""Loops and branches whose course is known only later: read once, with symbols, and checked where paths join."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from qkernel.diagnostics import Note, with_article
from qkernel.errors import (
    CallableDefinitionConflictError,
    KernelTypeError,
    QubitConsumedError,
    QubitRebindError,
    UnreturnedBorrowError,
    UnsupportedPythonError,
)
from qkernel.frontend.conversion import convert
from qkernel.frontend.ownership import OTHER_QUBITS, Ledger, Move, QuantumHandle, loop_consumed, rebinding
from qkernel.frontend.tracer import Frame, Tracer, describe
from qkernel.ir import ops
from qkernel.ir.evaluation import free_names
from qkernel.ir.expressions import Expr, Name, apply, wrap
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, DictType, TupleType, Type

if TYPE_CHECKING:
    from qkernel.operations import SymbolicItems, SymbolicRange


def truth(tracer: Tracer, value: Any, node: ast.AST) -> Any:
    """`value` as a condition: a Python truth, or a Bit expression."""
    if isinstance(value, Expr):
        if value.type == BIT:
            return value
        if value.type in (UINT, FLOAT):
            return apply("!=", value, 0)
    elif not isinstance(value, QuantumHandle):
        return bool(value)
    raise KernelTypeError(
        f"a condition must be a Bit, but this is {describe(value)}",
        span=tracer.frame.span(node),
        label="not a condition",
        help=f"measure first: `bit = qk.measure({value.name})`"
        if isinstance(value, QuantumHandle)
        else f"test one element, such as `{ast.unparse(node)}[0]`",
    )


# loops ------------------------------------------------------------------------------------------------------------------


def symbolic_for(tracer: Tracer, node: ast.For, domain: SymbolicRange | SymbolicItems) -> None:
    """A `for` over a symbolic range or over the items of a Dict."""
    targets = _targets(tracer, node, domain)
    for target, _ in targets:
        _check_unshadowed(tracer, target, node)
    names: list[str] = []

    def start() -> None:
        names.clear()
        for target, type in targets:
            names.append(tracer.fresh(target, target))
            tracer.frame.variables[target] = Name(names[-1], type)

    body, carried = _trace_loop(tracer, node, start)
    for target, _ in targets:
        _forget(tracer.frame, target, "is the variable of a loop that has ended")
    tracer.emit(ops.For(tuple(names), domain.domain, body, carried, tracer.frame.span(node.iter)))


def _targets(tracer: Tracer, node: ast.For, domain: SymbolicRange | SymbolicItems) -> list[tuple[str, Type]]:
    """Loop variables with their types."""
    span = tracer.frame.span(node.target)
    if isinstance(domain.domain, ops.Range):
        if isinstance(node.target, ast.Name):
            return [(node.target.id, UINT)]
        target = ast.unparse(node.target.elts[0]) if isinstance(node.target, (ast.Tuple, ast.List)) else "i"
        raise UnsupportedPythonError(
            "a loop over a range has one plain variable",
            span=span,
            label="not one name",
            help=f"write `for {target} in {ast.unparse(node.iter)}:`",
        )
    key, value = domain.type.key, domain.type.value
    match node.target:
        case ast.Tuple([key_node, ast.Name(value_name)]):
            match key_node, key:
                case ast.Name(name), _:
                    return [(name, key), (value_name, value)]
                case ast.Tuple(parts), TupleType(types) if len(parts) == len(types) and all(
                    isinstance(p, ast.Name) for p in parts
                ):
                    named = [(part.id, type) for part, type in zip(parts, types, strict=True) if isinstance(part, ast.Name)]
                    return [*named, (value_name, value)]
    raise UnsupportedPythonError(
        f"a loop over a {domain.type} has a key and a value",
        span=span,
        label="a key and a value, please",
        help=f"write `for {_key_names(key)}, value in {ast.unparse(node.iter)}:`",
    )


def _key_names(key: Type) -> str:
    return f"({', '.join('ijklmn'[: len(key.items)])})" if isinstance(key, TupleType) and len(key.items) <= 6 else "key"


def _check_unshadowed(tracer: Tracer, name: str, node: ast.For | ast.While) -> None:
    if name in tracer.frame.variables and name not in tracer.frame.unrolled:
        value = tracer.frame.variables[name]
        raise CallableDefinitionConflictError(
            f"the loop variable `{name}` already means {describe(value)}",
            span=tracer.frame.span(node.target),  # type: ignore[union-attr]
            label="taken",
            help="give the loop variable a name of its own",
        )


def symbolic_while(tracer: Tracer, node: ast.While) -> None:
    """A `while` on measured bits."""
    condition: list[Expr] = []

    def start() -> None:
        from qkernel.frontend.reader import read

        value = truth(tracer, read(tracer, node.test), node.test)
        if not isinstance(value, Expr):
            raise UnsupportedPythonError(
                "a `while` in a kernel runs on a measured bit",
                span=tracer.frame.span(node.test),
                label=f"always {value}",
                help="measure the bit again in the body, or loop over a range: `for i in qk.range(n):`",
            )
        condition[:] = [value]

    body, carried = _trace_loop(tracer, node, start)
    from qkernel.ir.evaluation import free_names

    if not free_names(condition[0]) & {entry.name for entry in carried if entry.next != Name(entry.name, entry.next.type)}:
        tested = ast.unparse(node.test)
        raise UnsupportedPythonError(
            "the condition of this `while` does not change in its body",
            span=tracer.frame.span(node.test),
            label="would run for ever",
            help=f"measure it again in the body: `{tested} = qk.measure(...)`"
            if isinstance(node.test, ast.Name)
            else "such a loop runs on a measured bit; loop over a range instead: `for i in qk.range(n):`",
        )
    tracer.emit(ops.While(condition[0], body, carried, tracer.frame.span(node.test)))


def _trace_loop(
    tracer: Tracer, node: ast.For | ast.While, start: Callable[[], None]
) -> tuple[ops.Block, tuple[ops.Carried, ...]]:
    """The body of a loop and the values that it carries; `start` runs in the body's scope before its statements."""
    frame = tracer.frame
    before = dict(frame.variables)
    ledger = tracer.ledger.snapshot()
    ended = dict(tracer.ended)
    types: dict[str, Type] = {}
    while True:
        outcome = _trace_body(tracer, node, start, before, types)
        if outcome is not None:
            body, carried, changed = outcome
            break
        frame.variables = dict(before)
        tracer.ledger.restore(ledger)
        tracer.ended = dict(ended)
    loop_names = frozenset(_bound_names(body, tracer, node, before))
    _check_loop_qubits(tracer, node, before, ledger, loop_names)
    after = dict(frame.variables)
    frame.variables = {name: changed.get(name, after.get(name, value)) for name, value in before.items()}
    for name in after.keys() - before.keys():
        _forget(frame, name, "is made in the body of a loop, which may run no round at all")
    return body, carried


def _bound_names(body: ops.Block, tracer: Tracer, node: ast.For | ast.While, before: dict[str, Any]) -> set[str]:
    """IR names that mean something else in the next round: what the frame made in the body."""
    names: set[str] = set()
    for name, value in tracer.frame.variables.items():
        if isinstance(value, Name) and value is not before.get(name):
            names.add(value.name)
    return names


def _trace_body(
    tracer: Tracer, node: ast.For | ast.While, start: Callable[[], None], before: dict[str, Any], types: dict[str, Type]
) -> tuple[ops.Block, tuple[ops.Carried, ...], dict[str, Any]] | None:
    """One reading of the body; None if a carried UInt turned out to be a Float, whose type is then noted in `types`."""
    from qkernel.frontend.statements import run

    frame = tracer.frame
    span = frame.span(node)
    initial = {name: wrap(before[name]) for name in assigned_names(node.body) if name in before and is_classical(before[name])}
    for name, type in types.items():
        initial[name] = convert(initial[name], type, f"`{name}`", span)
    symbols = {name: Name(tracer.fresh(name, name), value.type) for name, value in initial.items()}
    frame.variables |= symbols
    mutable = _mutable_contents(frame)
    with tracer.block() as block:
        start()
        frame.symbolic_depth += 1
        try:
            run(tracer, node.body)
        finally:
            frame.symbolic_depth -= 1
    _check_unmutated(tracer, mutable, node)
    carried = []
    for name, symbol in symbols.items():
        value = frame.variables.get(name)
        if not is_classical(value):
            raise KernelTypeError(f"`{name}` is a {symbol.type} before the loop and {describe(value)} after a round", span=span)
        following = wrap(value)
        if (symbol.type, following.type) == (UINT, FLOAT):
            types[name] = FLOAT
            for other in symbols.values():
                tracer.scopes[-1].discard(other.name)
            return None
        following = convert(following, symbol.type, f"`{name}` after a round", span)
        carried.append(ops.Carried(symbol.name, initial[name], following, frame.assigned.get(name)))
    return tuple(block), tuple(carried), dict(symbols)


def assigned_names(statements: list[ast.stmt]) -> list[str]:
    """Names that statements assign, elements included, in order of first assignment."""
    names: dict[str, None] = {}

    def visit(target: ast.AST) -> None:
        match target:
            case ast.Name(name, ast.Store()):
                names[name] = None
            case ast.Subscript(ast.Name(name), _, ast.Store()):
                names[name] = None
            case ast.FunctionDef() | ast.Lambda() | ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
                return
        for child in ast.iter_child_nodes(target):
            visit(child)

    for statement in statements:
        visit(statement)
    return list(names)


def is_classical(value: Any) -> bool:
    """Whether a value can be carried through a loop or joined after a branch: a number, a bit, a vector of them."""
    if isinstance(value, Expr):
        return value.type != OBSERVABLE and not isinstance(value.type, (DictType, TupleType))
    return isinstance(value, (bool, int, float)) or (type(value).__module__ == "numpy" and getattr(value, "shape", None) == ())


def _forget(frame: Frame, name: str, why: str) -> None:
    frame.variables.pop(name, None)
    frame.dead[name] = why


def _mutable_contents(frame: Frame) -> list[tuple[str, Any, Any]]:
    return [(name, inner, copy.copy(inner)) for name, value in frame.variables.items() for inner in _containers(value)]


def _containers(value: Any) -> Iterator[Any]:
    """The lists, dictionaries and sets in a value, itself included."""
    if isinstance(value, (list, dict, set)):
        yield value
    if isinstance(value, (list, tuple, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _containers(entry)


def _check_unmutated(tracer: Tracer, contents: list[tuple[str, Any, Any]], node: ast.AST) -> None:
    """A Python list changed in a body that is read once would be silently wrong."""
    for name, value, before in contents:
        entries, earlier = (value.values(), before.values()) if isinstance(value, dict) else (value, before)
        if len(value) != len(before) or any(left is not right for left, right in zip(entries, earlier, strict=True)):
            raise UnsupportedPythonError(
                f"`{name}` is a Python {type(value).__name__} and cannot change where the kernel repeats or branches",
                span=tracer.frame.span(node),
                label="both sides are read" if isinstance(node, ast.If) else "read once, for all rounds",
                help=f"use a vector: `{name} = qk.bit_array(n)`, then `{name}[i] = ...`",
            )


def _check_loop_qubits(
    tracer: Tracer, node: ast.For | ast.While, before: dict[str, Any], ledger: Ledger, loop_names: frozenset[str]
) -> None:
    """At the end of a round every name holds its place again, and nothing new is out."""
    frame, now = tracer.frame, tracer.ledger
    for name, value in before.items():
        for old, new in _paired(value, frame.variables.get(name), name, frame, node):
            if not ledger.is_live(old):
                continue
            if new is None or not now.is_live(new):
                move = now.moves.get(old if new is None else new, Move("dropped", frame.span(node)))
                raise QubitConsumedError(
                    f"`{old.name}` is gone after the first round of the loop",
                    span=move.span,
                    label=f"{move.what} in every round",
                    notes=(Note("the loop", frame.span(node.iter if isinstance(node, ast.For) else node.test)),),
                    help="make the qubit in the body, or `qk.reset` and keep it",
                )
            if (change := rebinding(old, new)) is not None:
                raise QubitRebindError(
                    f"`{name}` {change[0]} at the end of a round than at its start",
                    span=frame.span(node),
                    label="in this loop",
                    help=change[1],
                )
    for parent, loans in list(now.loans.items()):
        earlier = ledger.loans.get(parent, ())
        result = []
        for loan in loans:
            if loan not in earlier and loan.consumed is None:
                raise UnreturnedBorrowError(
                    f"`{loan.text}` is still out at the end of the round",
                    span=loan.span,
                    label="taken here and not given back",
                    help=f"give it back in the body: `{loan.text} = ...`",
                )
            result.append(loop_consumed(loan, loop_names) if loan not in earlier else loan)
        for loan in result:
            if loan not in earlier and loan.place is not None and _existed(parent, before) and loan.consumed is not None:
                raise QubitConsumedError(
                    f"`{loan.text}` is gone after the first round of the loop",
                    span=loan.consumed.span,
                    label=f"{loan.consumed.what} in every round",
                    help="index it by the loop variable, or measure it after the loop",
                )
        now.loans[parent] = tuple(result)


def _existed(parent: QuantumHandle, before: dict[str, Any]) -> bool:
    return any(handle.place.register == parent.place.register for value in before.values() for handle in handles_in(value))


def handles_in(value: Any) -> list[QuantumHandle]:
    """The handles in a value: itself, or the entries of tuples, lists and dictionaries."""
    if isinstance(value, QuantumHandle):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [handle for entry in value for handle in handles_in(entry)] if isinstance(value, (tuple, list)) else []


def _paired(old: Any, new: Any, name: str, frame: Frame, node: ast.AST) -> list[tuple[QuantumHandle, QuantumHandle | None]]:
    """Handles of a name before and after, one by one."""
    before = handles_in(old)
    after = handles_in(new)
    if before and len(before) != len(after):
        if not after:
            return [(handle, None if handle is not new else handle) for handle in before]
        raise QubitRebindError(
            f"`{name}` holds {len(before)} qubits or registers before and {len(after)} after",
            span=frame.span(node),
            label="of this loop",
            help="keep as many in it; collect what is measured in another name",
        )
    return list(zip(before, after, strict=True)) if before else []


# branches ---------------------------------------------------------------------------------------------------------------


def symbolic_if(tracer: Tracer, node: ast.If, condition: Expr) -> None:
    """An `if` on a value that is known later: both sides are read, then joined."""
    frame = tracer.frame
    before, ledger = dict(frame.variables), tracer.ledger.snapshot()
    sides: list[tuple[ops.Block, dict[str, Any], Ledger]] = []
    for statements in (node.body, node.orelse):
        frame.variables = dict(before)
        tracer.ledger.restore(ledger)
        mutable = _mutable_contents(frame)
        with tracer.block() as block:
            from qkernel.frontend.statements import run

            frame.symbolic_depth += 1
            try:
                run(tracer, statements)
            finally:
                frame.symbolic_depth -= 1
        _check_unmutated(tracer, mutable, node)
        sides.append((tuple(block), frame.variables, tracer.ledger.snapshot()))
    (then, then_variables, then_ledger), (otherwise, other_variables, other_ledger) = sides
    _join_ledgers(tracer, node, ledger, then_ledger, other_ledger)
    joined: list[ops.Joined] = []
    visible = frozenset().union(*tracer.scopes)
    frame.variables = {}
    for name in dict.fromkeys([*then_variables, *other_variables]):
        if name in then_variables and name in other_variables:
            left, right = then_variables[name], other_variables[name]
            frame.variables[name] = _join(tracer, node, name, left, right, then_ledger, other_ledger, joined, visible)
        else:
            _forget(frame, name, "is made on one side of a branch only")
    tracer.emit(ops.If(condition, then, otherwise, tuple(joined), frame.span(node.test)))


def _join_ledgers(tracer: Tracer, node: ast.If, before: Ledger, then: Ledger, other: Ledger) -> None:
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


def _join(
    tracer: Tracer,
    node: ast.If,
    name: str,
    left: Any,
    right: Any,
    then: Ledger,
    other: Ledger,
    joined: list[ops.Joined],
    visible: frozenset[str],
) -> Any:
    """The value of a name after the branches; `visible` are the IR names from before them."""
    if isinstance(left, QuantumHandle) and isinstance(right, QuantumHandle):
        return _join_handles(tracer, node, name, left, right, then, other)
    if left is right:
        return left
    if is_classical(left) and is_classical(right):
        return _join_values(tracer, node, name, wrap(left), wrap(right), joined, visible)
    if isinstance(left, (tuple, list)) and type(left) is type(right) and len(left) == len(right):
        return type(left)(
            _join(tracer, node, name, a, b, then, other, joined, visible) for a, b in zip(left, right, strict=True)
        )
    raise KernelTypeError(
        f"`{name}` is {describe(left)} on one side of the branch and {describe(right)} on the other",
        span=tracer.frame.span(node.test),
        label="joins here",
        help="give it the same kind of value on both sides, or a name of its own on each",
    )


def _join_handles(
    tracer: Tracer, node: ast.If, name: str, left: QuantumHandle, right: QuantumHandle, then: Ledger, other: Ledger
) -> QuantumHandle:
    alive = then.is_live(left), other.is_live(right)
    if alive == (False, False):
        return left
    if alive != (True, True):
        move = (other if alive[0] else then).moves[right if alive[0] else left]
        raise QubitConsumedError(
            f"`{name}` is gone after one side of the branch only",
            span=move.span,
            label=f"{move.what} on this side",
            notes=(Note("the branch", tracer.frame.span(node.test)),),
            help="do the same on both sides, or measure after the branch",
        )
    if left is right:
        return left
    if (change := rebinding(left, right) if left.parent is right.parent else OTHER_QUBITS) is not None:
        raise QubitRebindError(
            f"`{name}` {change[0]} after one side of the branch than after the other",
            span=tracer.frame.span(node.test),
            label="joins here",
            help=change[1],
        )
    result = left.successor()
    tracer.ledger.loans[result] = then.loans.get(left, ())
    return result


def _join_values(
    tracer: Tracer, node: ast.If, name: str, left: Expr, right: Expr, joined: list[ops.Joined], visible: frozenset[str]
) -> Expr:
    if left == right and free_names(left) <= visible:  # else one name means two things, one in each branch
        return left
    type = left.type
    if left.type != right.type:
        if {left.type, right.type} != {UINT, FLOAT}:
            raise KernelTypeError(
                f"`{name}` is {with_article(left.type)} on one side of the branch and {with_article(right.type)} on the other",
                span=tracer.frame.span(node.test),
                label="joins here",
                help="give it one type on both sides, or a name of its own on each",
            )
        type = FLOAT
    span = tracer.frame.span(node.test)
    fresh = tracer.fresh(name, name)
    joined.append(ops.Joined(fresh, convert(left, type, f"`{name}`", span), convert(right, type, f"`{name}`", span)))
    return Name(fresh, type)
