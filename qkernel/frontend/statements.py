"""Statements of the user's Python, but for branches and loops: assignments to names, elements and attributes, and the rest."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

from qkernel.diagnostics import counted
from qkernel.errors import InliningError, KernelTypeError, QubitRebindError, SymbolicValueError, UnsupportedPythonError
from qkernel.frontend.arrays import Entries, changed, is_literal, updated
from qkernel.frontend.operators import binary, call_special, condition, iterate, set_attribute
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.python_calls import is_own, local_function
from qkernel.frontend.sections import with_section
from qkernel.frontend.signature import CallSite
from qkernel.frontend.tracer import Break, Continue, Frame, Return, Signal, Tracer, find_frame, reads, unsupported
from qkernel.frontend.values import describe, handles_in
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ArrayHandle, Expr
from qkernel.ir.types import ArrayType
from qkernel.records import record_fields


def assign_statement(tracer: Tracer, targets: list[ast.expr], value_node: ast.expr) -> None:
    """`target = ... = value`."""
    tracer.hints = tuple(plain_names(targets[0]))
    try:
        value = tracer.read(value_node)
    finally:
        tracer.hints = ()
    assign_kept(tracer, targets, value)


def assign_kept(tracer: Tracer, targets: list[ast.expr], value: Any) -> None:
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
    try:
        _assign_to(tracer, target, value)
    except Exception as error:
        tracer.raise_at(target, error)


def _assign_to(tracer: Tracer, target: ast.expr, value: Any) -> None:
    frame = tracer.frame
    if (why := tracer.arrays.why_gone(value)) is not None:
        raise why("a part of it", frame).error("a part of it")
    match target:
        case ast.Name(name):
            if (
                isinstance(value, QuantumHandle)
                and value.name != name
                and not any(value is other for other in frame.variables.values())
            ):
                value.name = name
            frame.variables[name] = tracer.arrays.held(value)
            frame.dead.pop(name, None)
            frame.unrolled.discard(name)
            frame.assigned[name] = frame.span(target)
        case ast.Tuple(elements) | ast.List(elements):
            _unpack(tracer, target, elements, value)
        case ast.Subscript():
            _assign_item(tracer, target, value)
        case ast.Attribute():
            _assign_attribute(tracer, target, value)
        case _:
            raise UnsupportedPythonError("this cannot be assigned to in a kernel")


def _assign_attribute(tracer: Tracer, target: ast.Attribute, value: Any) -> None:
    """`owner.name = value`, in a plain function that is read; a kernel itself works with records, which stay as they are."""
    frame = tracer.frame
    if tracer.is_in_kernel:
        raise UnsupportedPythonError(
            "attributes cannot be assigned in a kernel",
            label="assigned here",
            help=_new_record(frame, target),
        )
    owner = tracer.read(target.value)
    tracer.check_change(owner, ast.unparse(target.value), target)
    set_attribute(tracer, owner, target.attr, value, target)


def _new_record(frame: Frame, target: ast.Attribute) -> str:
    owner = ast.unparse(target.value)
    fields = record_fields(frame.variables.get(owner))
    if fields is None:
        return "make a new object instead"
    kind = type(frame.variables[owner]).__name__
    values = ", ".join(target.attr if field == target.attr else f"{owner}.{field}" for field in fields)
    return f"make a new record:\n    {target.attr} = ...\n    {owner} = {kind}({values})"


def _unpack(tracer: Tracer, node: ast.expr, elements: list[ast.expr], value: Any) -> None:
    values = list(iterate(tracer, value, node))
    star = next((k for k, element in enumerate(elements) if isinstance(element, ast.Starred)), None)
    if star is not None:
        after = len(elements) - star - 1
        if len(values) >= len(elements) - 1:
            values = [*values[:star], tracer.made(values[star : len(values) - after]), *values[len(values) - after :]]
    if len(values) != len(elements):
        raise KernelTypeError(
            f"{len(elements)} names for {counted(len(values), 'value')}",
            label=f"{len(elements)} names",
        )
    for element, entry in zip(elements, values, strict=True):
        assign(tracer, element.value if isinstance(element, ast.Starred) else element, entry)


def _assign_item(tracer: Tracer, node: ast.Subscript, value: Any) -> None:
    base_node, key_node = node.value, node.slice
    base = tracer.read(base_node)
    key = tracer.read(key_node)
    tracer.site = CallSite(tracer.frame.span(node))
    shown = ast.unparse(base_node)
    match base, base_node:
        case QuantumHandle(), _:
            tracer.give_back(base, key, value, ast.unparse(key_node), is_literal(key_node))
        case Expr(type=ArrayType(rank=1)), ast.Name(name) if isinstance(key, slice):
            _assign_element(tracer, base, name, with_section(tracer, base, key, value, node), node)
        case Expr(), ast.Name(name):
            _assign_element(tracer, base, name, updated(base, key, value, node), node)
        case Expr(), _:
            raise UnsupportedPythonError(
                "only elements of a named vector are assigned",
                label="of no named vector",
                help="give the vector a name first: `v = ...`, then `v[i] = ...`",
            )
        case _ if isinstance(key, Expr):
            raise UnsupportedPythonError(
                f"`{shown}` is a Python {type(base).__name__} and has no element at a symbol",
                label=f"`{as_written(key)}` is not known yet",
                help=f"use a vector: `{shown} = qk.bit_array(n)`",
            )
        case _, ast.Name(name) if find_frame(tracer.frame, name) is None:
            raise UnsupportedPythonError(
                f"`{name}` was made outside of `{tracer.frame.name}`, which cannot change it",
                label="changed here",
                help=f"work on a copy: `{name}_here = list({name})`, or return what is new",
            )
        case _:
            tracer.check_change(base, shown, node)
            if call_special(tracer, "setitem", base, (key, value), node) is NotImplemented:
                base[key] = value


def _assign_element(tracer: Tracer, base: Expr, name: str, changed_to: Expr | Entries, node: ast.expr) -> None:
    """`name`, a vector of the function under way, is `changed_to` after an assignment to an element."""
    frame = tracer.frame
    if (owner := find_frame(frame, name)) is not frame:
        raise UnsupportedPythonError(
            f"`{name}` was made outside of `{frame.name}`, which cannot change it",
            label="changed here",
            help=f"work on a copy: `{name}_here = {name}[:]`"
            if owner is None
            else f"take `{name}` as an argument and return it: `{name} = {frame.name}(...)`",
        )
    assert isinstance(base, ArrayHandle)
    frame.assigned[name] = span = frame.span(node)
    why = changed(name, frame, span, bool(base.object.matrices))
    frame.variables[name] = handle = tracer.arrays.change(base, changed_to, why)
    if not tracer.once:  # no other side and no further reading, where what is gone by now would be there
        handle.object.handles = [handle]


@lru_cache(maxsize=1024)
def assigned_names(loop: ast.For | ast.While) -> tuple[str, ...]:
    """Names that the body of a loop assigns, elements included, in order of first assignment."""
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

    for statement in loop.body:
        visit(statement)
    return tuple(names)


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
    current = tracer.read(current_node)
    value = tracer.read(node.value)
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
        tracer.read(node.value)
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
        raise unsupported(node)
    space = {name: tracer.frame.outer(name) for name in ("__name__", "__package__")}
    exec(compile(ast.Module([node], []), "<import>", "exec"), space)
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        tracer.frame.variables[name] = space[name]


@reads(ast.Return)
def _return(tracer: Tracer, node: ast.Return) -> Signal:
    if tracer.frame.symbolic_depth:
        raise UnsupportedPythonError(
            "`return` cannot stand in a loop or branch that is decided later",
            label="an early return",
            help="write what follows under `else:`, and `return` after both sides have joined",
        )
    return Return(None if node.value is None else tracer.read(node.value), node)


@reads(ast.Break, ast.Continue)
def _jump(tracer: Tracer, node: ast.Break | ast.Continue) -> Signal:
    word = type(node).__name__.lower()
    if tracer.frame.symbolic_depth:
        raise UnsupportedPythonError(
            f"`{word}` cannot stand in a loop or branch that is decided later",
            label="decided later",
            help="turn the condition round, and put the rest of the body under it: `if not (...):`"
            if word == "continue"
            else "put the rest of the body under a condition that stays false: `done = done or ...`, `if not done:`",
        )
    return Break() if word == "break" else Continue()


@reads(ast.Assert)
def _assert(tracer: Tracer, node: ast.Assert) -> None:
    test, message = node.test, node.msg
    holds = condition(tracer, test)
    if isinstance(holds, Expr):
        raise UnsupportedPythonError(
            "`assert` in a kernel needs a value that is known while it is traced",
            label="not known yet",
            help=f"check it in Python, before the kernel is called: `{ast.unparse(node)}`",
        )
    if not holds:
        text = _message(tracer, message) if message is not None else f"`{ast.unparse(test)}` does not hold"
        raise InliningError(text, span=tracer.frame.span(node), label="this assertion fails")


def _message(tracer: Tracer, node: ast.expr) -> Any:
    """What goes with an error of the user's, as it is written where it would show what is known only later."""
    try:
        return tracer.read(node)
    except SymbolicValueError:
        return ast.unparse(node)


def _check(branch: ast.AST, node: ast.Raise) -> str:
    """How a `raise` is written in Python, with the `if` around it where that is all."""
    match branch:
        case ast.If(test, [only]) if only is node:
            return f"if {ast.unparse(test)}: {ast.unparse(node)}"
    return ast.unparse(node)


@reads(ast.Raise)
def _raise(tracer: Tracer, node: ast.Raise) -> None:
    if branch := next((each for each in reversed(tracer.once) if each.is_branch), None):
        raise UnsupportedPythonError(
            "whether this `raise` is reached is not known while the kernel is traced",
            label=branch.label,
            notes=branch.notes(tracer.frame),
            help=f"check it in Python, before the kernel is called: `{_check(branch.node, node)}`",
        )
    value = _message(tracer, node.exc) if node.exc is not None else None
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    raise InliningError(f"{name}: {value}" if str(value) else name, label="raised by the kernel")


@reads(ast.FunctionDef)
def _define(tracer: Tracer, node: ast.FunctionDef) -> None:
    """A `def` inside a kernel: a Python function that is read anew at each call."""
    frame = tracer.frame
    for decorator in node.decorator_list:
        made_by = tracer.read(decorator) if isinstance(decorator, ast.Name | ast.Attribute) else None
        if getattr(made_by, "__qualname__", "") == "qkernel" and is_own(made_by):
            continue
        raise UnsupportedPythonError(
            "a function inside a kernel has no decorator but `@qk.qkernel`",
            span=frame.span(decorator),
            label="a decorator",
            help=f"define it outside of the kernel, or write no decorator: `def {node.name}({ast.unparse(node.args)}):`",
        )
    assign_kept(tracer, [ast.copy_location(ast.Name(node.name, ast.Store()), node)], local_function(tracer, node))
