"""Statements of the user's Python."""

from __future__ import annotations

import ast
from typing import Any

from qkernel.errors import InliningError, SymbolicValueError, UnsupportedPythonError
from qkernel.frontend.assignment import assign, assign_kept, assign_statement, plain_names
from qkernel.frontend.control_flow import symbolic_if
from qkernel.frontend.iteration import SymbolicItems, SymbolicSequence, iterate
from qkernel.frontend.loops import symbolic_for, symbolic_while
from qkernel.frontend.operators import binary, truth
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.python_calls import local_function
from qkernel.frontend.reader import Break, Continue, Return, Signal, read, reads, run, unsupported
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import describe
from qkernel.ir.expressions import Expr


@reads(ast.Pass)
def _pass(tracer: Tracer, node: ast.Pass) -> None:
    pass


@reads(ast.Assign)
def _assign(tracer: Tracer, node: ast.Assign) -> None:
    assign_statement(tracer, node.targets, node.value)


@reads(ast.AnnAssign)
def _annotated(tracer: Tracer, node: ast.AnnAssign) -> None:
    if node.value is not None:
        assign_statement(tracer, [node.target], node.value)


@reads(ast.AugAssign)
def _augmented(tracer: Tracer, node: ast.AugAssign) -> None:
    current_node = ast.copy_location(type(node.target)(**{**_fields(node.target), "ctx": ast.Load()}), node.target)
    current = read(tracer, current_node)
    value = read(tracer, node.value)
    if isinstance(current, list) and isinstance(node.op, ast.Add) and not isinstance(value, Expr):
        tracer.check_change(current, ast.unparse(node.target), node.target)
        current.extend(value)
        return
    assign(tracer, node.target, binary(tracer, type(node.op), current, value, node))


def _fields(node: ast.AST) -> dict[str, Any]:
    return dict(ast.iter_fields(node))


@reads(ast.Expr)
def _expression(tracer: Tracer, node: ast.Expr) -> None:
    tracer.discarding = True
    try:
        read(tracer, node.value)
    finally:
        tracer.discarding = False


@reads(ast.Delete)
def _delete(tracer: Tracer, node: ast.Delete) -> None:
    for deleted in node.targets:
        if not (isinstance(deleted, ast.Name) and tracer.frame.variables.pop(deleted.id, None) is not None):
            raise UnsupportedPythonError(
                "`del` takes a local name",
                span=tracer.frame.span(deleted),
                label="not a name",
                help="leave it out: what is not used any more is dropped at the `return`",
            )


@reads(ast.Import, ast.ImportFrom)
def _import(tracer: Tracer, node: ast.Import | ast.ImportFrom) -> None:
    """An import in a plain function that is read."""
    if tracer.is_in_kernel:
        raise unsupported(tracer, node)
    space = {name: tracer.frame.outer(name) for name in ("__name__", "__package__")}
    exec(compile(ast.Module([node], []), "<import>", "exec"), space)
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        tracer.frame.variables[name] = space[name]


@reads(ast.For)
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
        assign_kept(tracer, [node.target], entry)
        signal = run(tracer, node.body)
        if isinstance(signal, Return):
            return signal
        if isinstance(signal, Break):
            break
    tracer.frame.unrolled.update(plain_names(node.target))
    return None


def _after_the_loop(node: ast.For | ast.While) -> str:
    return f"write it after the loop: `{ast.unparse(node.orelse[0]).splitlines()[0]}`"


@reads(ast.While)
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
    iterations = 0
    while condition:
        signal = run(tracer, node.body)
        if isinstance(signal, Return):
            return signal
        if isinstance(signal, Break):
            break
        iterations += 1
        if iterations > 100_000:
            raise UnsupportedPythonError(
                "this `while` does not end while the kernel is traced",
                span=tracer.frame.span(node.test),
                label="true 100,000 times",
                help="loop over a range: `for i in qk.range(n):`",
            )
        condition = truth(tracer, read(tracer, node.test), node.test)
        if isinstance(condition, Expr):
            raise UnsupportedPythonError(
                "the condition of this `while` is known in the first iteration and not in the next",
                span=tracer.frame.span(node.test),
                label="measured later only",
                help="measure before the loop too, or loop over a range: `for i in qk.range(n):`",
            )
    return None


@reads(ast.If)
def _if(tracer: Tracer, node: ast.If) -> Signal:
    condition = truth(tracer, read(tracer, node.test), node.test)
    if isinstance(condition, Expr):
        symbolic_if(tracer, node, condition, lambda statements: run(tracer, statements))
        return None
    return run(tracer, node.body if condition else node.orelse)


@reads(ast.Return)
def _return(tracer: Tracer, node: ast.Return) -> Signal:
    if tracer.frame.symbolic_depth:
        raise UnsupportedPythonError(
            "`return` cannot stand in a loop or branch that is decided later",
            span=tracer.frame.span(node),
            label="an early return",
            help="write what follows under `else:`, and `return` after both sides have joined",
        )
    return Return(None if node.value is None else read(tracer, node.value), node)


@reads(ast.Break, ast.Continue)
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


@reads(ast.Assert)
def _assert(tracer: Tracer, node: ast.Assert) -> None:
    test, message = node.test, node.msg
    condition = truth(tracer, read(tracer, test), test)
    if isinstance(condition, Expr):
        raise UnsupportedPythonError(
            "`assert` in a kernel needs a value that is known while it is traced",
            span=tracer.frame.span(test),
            label="not known yet",
            help=f"check it in Python, before the kernel is called: `{ast.unparse(node)}`",
        )
    if not condition:
        text = _message(tracer, message) if message is not None else f"`{ast.unparse(test)}` does not hold"
        raise InliningError(text, span=tracer.frame.span(node), label="this assertion fails")


def _message(tracer: Tracer, node: ast.expr) -> Any:
    """What goes with an error of the user's, as it is written where it would show what is known only later."""
    try:
        return read(tracer, node)
    except SymbolicValueError:
        return ast.unparse(node)


@reads(ast.Raise)
def _raise(tracer: Tracer, node: ast.Raise) -> None:
    value = _message(tracer, node.exc) if node.exc is not None else None
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    raise InliningError(f"{name}: {value}" if str(value) else name, span=tracer.frame.span(node), label="raised by the kernel")


@reads(ast.FunctionDef)
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
    assign_kept(tracer, [ast.copy_location(ast.Name(node.name, ast.Store()), node)], local_function(tracer, node))
