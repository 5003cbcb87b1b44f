"""Statements of the user's Python."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from qkernel.diagnostics import counted
from qkernel.errors import InliningError, KernelTypeError, QubitRebindError, UnsupportedPythonError
from qkernel.frontend.carrying import handles_in
from qkernel.frontend.control_flow import symbolic_if, truth
from qkernel.frontend.domains import SymbolicItems, SymbolicSequence
from qkernel.frontend.iteration import iterate
from qkernel.frontend.loops import symbolic_for, symbolic_while
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.python_calls import local_function
from qkernel.frontend.reader import binary, find_frame, is_literal, raise_at, read, with_site
from qkernel.frontend.tracer import Frame, Gone, Tracer, describe
from qkernel.ir.expressions import Expr
from qkernel.ir.printer import as_written
from qkernel.records import record_fields


@dataclass(frozen=True, slots=True)
class Return:
    """A `return` was reached."""

    value: Any
    node: ast.Return


class Break:
    """A `break` was reached."""


class Continue:
    """A `continue` was reached."""


Signal = Return | Break | Continue | None


def _unsupported(tracer: Tracer, node: ast.stmt) -> UnsupportedPythonError:
    """The error for a statement that kernels do not have, with what to write in its place."""
    construct = _WORDS.get(type(node).__name__, type(node).__name__)
    match node:
        case ast.Try() | ast.TryStar():
            way_out = "ask before, with `if`; or write the `try` around the call of the kernel"
        case ast.With(items):
            opened = ", ".join(map(ast.unparse, items))
            way_out = f"do it before, outside; the kernel reads names from around it:\n    with {opened}:\n        ..."
        case ast.ClassDef(name):
            way_out = f"define it outside of the kernel:\n    class {name}:\n        ..."
        case ast.Global([name, *_]) | ast.Nonlocal([name, *_]):
            way_out = f"give it another name in the kernel, and return it: `new_{name} = ...`"
        case ast.Import() | ast.ImportFrom():
            way_out = f"write `{ast.unparse(node)}` at the top of the module"
        case ast.Match(subject, [ast.match_case(ast.MatchValue(value)), *_]):
            lines = (f"if {ast.unparse(subject)} == {ast.unparse(value)}:", "    ...", "else:", "    ...")
            way_out = "\n    ".join(("write it with `if`:", *lines))
        case ast.Match():
            way_out = "write it with `if`, `elif` and `else`"
        case ast.AsyncFunctionDef(name, arguments):
            way_out = f"write `def {name}({ast.unparse(arguments)}):`"
        case _:
            way_out = "leave it out"
    span = tracer.frame.span(node)
    return UnsupportedPythonError(f"`{construct}` does not exist in a kernel", span=span, label="not supported", help=way_out)


_WORDS = {
    "Try": "try",
    "TryStar": "try",
    "With": "with",
    "ClassDef": "class",
    "Global": "global",
    "Nonlocal": "nonlocal",
    "Import": "import",
    "ImportFrom": "import",
    "Match": "match",
    "AsyncFunctionDef": "async def",
}


def run(tracer: Tracer, statements: list[ast.stmt]) -> Signal:
    """Execute statements; the signal says how the block ended early."""
    for statement in statements:
        try:
            signal = execute(tracer, statement)
        except Exception as error:
            raise_at(tracer, getattr(statement, "test", statement), error)
        if signal is not None:
            return signal
    return None


def execute(tracer: Tracer, node: ast.stmt) -> Signal:
    """Execute one statement."""
    match node:
        case ast.Assign(targets, value):
            _assign_statement(tracer, targets, value)
        case ast.AugAssign():
            _augmented(tracer, node)
        case ast.AnnAssign(typed, _, value):
            if value is not None:
                _assign_statement(tracer, [typed], value)
        case ast.Expr(value):
            _expression(tracer, value)
        case ast.For():
            return _for(tracer, node)
        case ast.While():
            return _while(tracer, node)
        case ast.If():
            return _if(tracer, node)
        case ast.Return(value):
            return _return(tracer, node, value)
        case ast.Break() | ast.Continue():
            return _jump(tracer, node)
        case ast.Pass():
            pass
        case ast.Assert(test, message):
            _assert(tracer, node, test, message)
        case ast.Raise(exception):
            _raise(tracer, node, exception)
        case ast.FunctionDef():
            _define(tracer, node)
        case ast.Delete(targets):
            for deleted in targets:
                if not (isinstance(deleted, ast.Name) and tracer.frame.variables.pop(deleted.id, None) is not None):
                    raise UnsupportedPythonError(
                        "`del` takes a local name",
                        span=tracer.frame.span(deleted),
                        label="not a name",
                        help="leave it out: what is not used any more is dropped at the `return`",
                    )
        case _:
            raise _unsupported(tracer, node)
    return None


def _expression(tracer: Tracer, value: ast.expr) -> None:
    tracer.discarding = True
    try:
        read(tracer, value)
    finally:
        tracer.discarding = False


# assignment -------------------------------------------------------------------------------------------------------------


def _assign_statement(tracer: Tracer, targets: list[ast.expr], value_node: ast.expr) -> None:
    tracer.hints = tuple(plain_names(targets[0]))
    try:
        value = read(tracer, value_node)
    finally:
        tracer.hints = ()
    _assign_kept(tracer, targets, value)


def _assign_kept(tracer: Tracer, targets: list[ast.expr], value: Any) -> None:
    """Assign, and see that no name loses a live qubit by it."""
    before = {name: tracer.frame.variables.get(name) for target in targets for name in plain_names(target)}
    for target in targets:
        assign(tracer, target, value)
    _check_nothing_lost(tracer, before, targets[0])


def plain_names(target: ast.expr) -> list[str]:
    """The names that an assignment to `target` gives a value."""
    match target:
        case ast.Name(name):
            return [name]
        case ast.Tuple(elements) | ast.List(elements):
            return [name for element in elements for name in plain_names(element)]
        case ast.Starred(value):
            return plain_names(value)
    return []


def _check_nothing_lost(tracer: Tracer, before: dict[str, Any], node: ast.AST) -> None:
    """A name that held a live qubit now means something else, and nothing else holds that qubit; `_` is there to drop."""
    lost = [
        (name, handle)
        for name, value in before.items()
        if name != "_"
        for handle in handles_in(value)
        if tracer.ledger.is_live(handle)
    ]
    if not lost:
        return
    held = {id(handle) for value in tracer.frame.variables.values() for handle in handles_in(value)}
    for name, handle in lost:
        if id(handle) not in held:
            raise QubitRebindError(
                f"`{name}` still holds {describe(handle)} that nothing has used",
                span=tracer.frame.span(node),
                label="would lose it",
                help=f"use it in the expression (`{name} = qk.h({name})`), measure it, or choose another name",
            )


def assign(tracer: Tracer, target: ast.expr, value: Any) -> None:
    """`target = value`."""
    frame = tracer.frame
    if isinstance(value, Gone):
        raise value.error("a part of it", frame.span(target))
    match target:
        case ast.Name(name):
            if (
                isinstance(value, QuantumHandle)
                and value.name != name
                and not any(value is other for other in frame.variables.values())
            ):
                value.name = name
            frame.variables[name] = value
            frame.dead.pop(name, None)
            frame.unrolled.discard(name)
            frame.assigned[name] = frame.span(target)
        case ast.Tuple(elements) | ast.List(elements):
            _unpack(tracer, target, elements, value)
        case ast.Subscript(base_node, key_node):
            _assign_item(tracer, target, base_node, key_node, value)
        case ast.Attribute():
            raise UnsupportedPythonError(
                "attributes cannot be assigned in a kernel",
                span=frame.span(target),
                label="assigned here",
                help=_new_record(frame, target),
            )
        case _:
            raise UnsupportedPythonError("this cannot be assigned to in a kernel", span=frame.span(target))


def _new_record(frame: Frame, target: ast.Attribute) -> str:
    owner = ast.unparse(target.value)
    fields = record_fields(frame.variables.get(owner))
    if fields is None:
        return "make a new object instead"
    kind = type(frame.variables[owner]).__name__
    values = ", ".join(target.attr if field == target.attr else f"{owner}.{field}" for field in fields)
    return f"make a new record:\n    {target.attr} = ...\n    {owner} = {kind}({values})"


def _unpack(tracer: Tracer, node: ast.expr, elements: list[ast.expr], value: Any) -> None:
    span = tracer.frame.span(node)
    values = list(iterate(tracer, value, node))
    star = next((k for k, element in enumerate(elements) if isinstance(element, ast.Starred)), None)
    if star is not None:
        after = len(elements) - star - 1
        if len(values) >= len(elements) - 1:
            values = [*values[:star], values[star : len(values) - after], *values[len(values) - after :]]
    if len(values) != len(elements):
        raise KernelTypeError(
            f"{len(elements)} names for {counted(len(values), 'value')}",
            span=span,
            label=f"{len(elements)} names",
        )
    for element, entry in zip(elements, values, strict=True):
        assign(tracer, element.value if isinstance(element, ast.Starred) else element, entry)


def _assign_item(tracer: Tracer, node: ast.expr, base_node: ast.expr, key_node: ast.expr, value: Any) -> None:
    from qkernel.frontend.classical_items import updated

    base = read(tracer, base_node)
    key = read(tracer, key_node)
    with_site(tracer, node)
    if isinstance(base, QuantumHandle):
        tracer.give_back(base, key, value, ast.unparse(key_node), is_literal(key_node))
    elif isinstance(base, Expr):
        if not isinstance(base_node, ast.Name):
            raise UnsupportedPythonError(
                "only elements of a named vector are assigned",
                span=tracer.frame.span(node),
                label="of no named vector",
                help="give the vector a name first: `v = ...`, then `v[i] = ...`",
            )
        owner = _owner(tracer, base_node.id, node)
        owner.assigned[base_node.id] = tracer.frame.span(node)
        tracer.replace_vector(base, owner, base_node.id, updated(tracer, base, key, value, key_node, node))
    elif isinstance(key, Expr):
        raise UnsupportedPythonError(
            f"`{ast.unparse(base_node)}` is a Python {type(base).__name__} and has no element at a symbol",
            span=tracer.frame.span(node),
            label=f"`{as_written(key)}` is not known yet",
            help=f"use a vector: `{ast.unparse(base_node)} = qk.bit_array(n)`",
        )
    elif isinstance(base_node, ast.Name) and find_frame(tracer.frame, base_node.id) is None:
        raise UnsupportedPythonError(
            f"`{base_node.id}` was made outside of `{tracer.frame.name}`, which cannot change it",
            span=tracer.frame.span(node),
            label="changed here",
            help=f"work on a copy: `{base_node.id}_here = list({base_node.id})`, or return what is new",
        )
    else:
        base[key] = value


def _owner(tracer: Tracer, name: str, node: ast.AST) -> Frame:
    """The frame whose vector `name` is: that of the function under way, or one around it."""
    owner = find_frame(tracer.frame, name)
    if owner is None:
        raise UnsupportedPythonError(
            f"`{name}` was made outside of `{tracer.frame.name}`, which cannot change it",
            span=tracer.frame.span(node),
            label="changed here",
            help=f"work on a copy: `{name}_here = {name}[:]`",
        )
    position = next(k for k, frame in enumerate(tracer.frames) if frame is owner)
    if any(frame.symbolic_depth for frame in tracer.frames[position + 1 :]):
        raise UnsupportedPythonError(
            f"`{name}` belongs to `{owner.name}`, and cannot change in a loop or branch of a function inside it",
            span=tracer.frame.span(node),
            label="read once",
            help=f"take `{name}` as an argument and return it: `{name} = {tracer.frame.name}(...)`",
        )
    return owner


def _augmented(tracer: Tracer, node: ast.AugAssign) -> None:
    current_node = ast.copy_location(type(node.target)(**{**_fields(node.target), "ctx": ast.Load()}), node.target)
    current = read(tracer, current_node)
    value = read(tracer, node.value)
    if isinstance(current, list) and isinstance(node.op, ast.Add) and not isinstance(value, Expr):
        current.extend(value)
        return
    assign(tracer, node.target, binary(tracer, type(node.op), current, value, node))


def _fields(node: ast.AST) -> dict[str, Any]:
    return dict(ast.iter_fields(node))


# control flow -------------------------------------------------------------------------------------------------------------


def _for(tracer: Tracer, node: ast.For) -> Signal:
    if node.orelse:
        raise UnsupportedPythonError(
            "`for ... else` does not exist in a kernel",
            span=tracer.frame.span(node.orelse[0]),
            label="in the `else` of a loop",
            help=_after_the_loop(node),
        )
    value = read(tracer, node.iter)
    if isinstance(value, (SymbolicSequence, SymbolicItems)):
        symbolic_for(tracer, node, value)
        return None
    if isinstance(value, (QuantumHandle, Expr)):
        shown, target = ast.unparse(node.iter), ast.unparse(node.target)
        lines = [f"for i in qk.range({shown}.shape[0]):", f"    {target} = {shown}[i]", "    ..."]
        lines += [f"    {shown}[i] = {target}"] if isinstance(value, QuantumHandle) else []
        raise UnsupportedPythonError(
            f"`for` cannot go over {describe(value)}",
            span=tracer.frame.span(node.iter),
            label="its length may be known only later",
            help="\n    ".join(["loop over its indices:", *lines]),
        )
    for entry in iterate(tracer, value, node.iter):
        _assign_kept(tracer, [node.target], entry)
        signal = run(tracer, node.body)
        if isinstance(signal, Return):
            return signal
        if isinstance(signal, Break):
            break
    tracer.frame.unrolled.update(plain_names(node.target))
    return None


def _after_the_loop(node: ast.For | ast.While) -> str:
    return f"write it after the loop: `{ast.unparse(node.orelse[0]).splitlines()[0]}`"


def _while(tracer: Tracer, node: ast.While) -> Signal:
    if node.orelse:
        raise UnsupportedPythonError(
            "`while ... else` does not exist in a kernel",
            span=tracer.frame.span(node.orelse[0]),
            label="in the `else` of a loop",
            help=_after_the_loop(node),
        )
    before = len(tracer.ops)
    condition = truth(tracer, read(tracer, node.test), node.test)
    if isinstance(condition, Expr):
        if len(tracer.ops) != before:
            raise UnsupportedPythonError(
                "the condition of a `while` cannot measure",
                span=tracer.frame.span(node.test),
                label="an operation on qubits",
                help="measure before the loop, and again at the end of its body:\n"
                f"    bit = {ast.unparse(node.test)}\n    while bit:\n        ...\n        bit = {ast.unparse(node.test)}",
            )
        symbolic_while(tracer, node)
        return None
    rounds = 0
    while condition:
        signal = run(tracer, node.body)
        if isinstance(signal, Return):
            return signal
        if isinstance(signal, Break):
            break
        rounds += 1
        if rounds > 100_000:
            raise UnsupportedPythonError(
                "this `while` does not end while the kernel is traced",
                span=tracer.frame.span(node.test),
                label="true 100,000 times",
                help="loop over a range: `for i in qk.range(n):`",
            )
        condition = truth(tracer, read(tracer, node.test), node.test)
        if isinstance(condition, Expr):
            raise UnsupportedPythonError(
                "the condition of this `while` is known in the first round and not in the next",
                span=tracer.frame.span(node.test),
                label="measured later only",
                help="measure before the loop too, or loop over a range: `for i in qk.range(n):`",
            )
    return None


def _if(tracer: Tracer, node: ast.If) -> Signal:
    condition = truth(tracer, read(tracer, node.test), node.test)
    if isinstance(condition, Expr):
        symbolic_if(tracer, node, condition, lambda statements: run(tracer, statements))
        return None
    return run(tracer, node.body if condition else node.orelse)


def _return(tracer: Tracer, node: ast.Return, value: ast.expr | None) -> Signal:
    if tracer.frame.symbolic_depth:
        raise UnsupportedPythonError(
            "`return` cannot stand in a loop or branch that is decided later",
            span=tracer.frame.span(node),
            label="an early return",
            help="write what follows under `else:`, and `return` after both sides have joined",
        )
    return Return(None if value is None else read(tracer, value), node)


def _jump(tracer: Tracer, node: ast.Break | ast.Continue) -> Signal:
    word = "break" if isinstance(node, ast.Break) else "continue"
    if tracer.frame.symbolic_depth:
        raise UnsupportedPythonError(
            f"`{word}` cannot stand in a loop or branch that is decided later",
            span=tracer.frame.span(node),
            label="decided later",
            help="turn the condition round, and put the rest of the body under it: `if not (...):`"
            if word == "continue"
            else "put the rest of the body under a condition that stays false: `done = done or ...`, `if not done:`",
        )
    return Break() if isinstance(node, ast.Break) else Continue()


def _assert(tracer: Tracer, node: ast.Assert, test: ast.expr, message: ast.expr | None) -> None:
    condition = truth(tracer, read(tracer, test), test)
    if isinstance(condition, Expr):
        raise UnsupportedPythonError(
            "`assert` in a kernel needs a value that is known while it is traced",
            span=tracer.frame.span(test),
            label="not known yet",
            help=f"check it in Python, before the kernel is called: `{ast.unparse(node)}`",
        )
    if not condition:
        text = str(read(tracer, message)) if message is not None else f"`{ast.unparse(test)}` does not hold"
        raise InliningError(text, span=tracer.frame.span(node), label="this assertion fails")


def _raise(tracer: Tracer, node: ast.Raise, exception: ast.expr | None) -> None:
    value = read(tracer, exception) if exception is not None else None
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    raise InliningError(f"{name}: {value}" if str(value) else name, span=tracer.frame.span(node), label="raised by the kernel")


def _define(tracer: Tracer, node: ast.FunctionDef) -> None:
    """A `def` inside a kernel: a Python function that is read anew at each call."""
    frame = tracer.frame
    if node.decorator_list:
        raise UnsupportedPythonError(
            "a function inside a kernel has no decorators",
            span=frame.span(node.decorator_list[0]),
            label="a decorator",
            help=f"define it outside of the kernel, or write no decorator: `def {node.name}({ast.unparse(node.args)}):`",
        )
    _assign_kept(tracer, [ast.copy_location(ast.Name(node.name, ast.Store()), node)], local_function(tracer, node))
