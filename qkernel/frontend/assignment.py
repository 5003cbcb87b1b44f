"""Assignments: to names, to elements of registers, vectors and Python data, to attributes."""

from __future__ import annotations

import ast
from typing import Any

from qkernel.diagnostics import counted
from qkernel.errors import KernelTypeError, QubitRebindError, UnsupportedPythonError
from qkernel.frontend.arrays import Entries, changed, updated
from qkernel.frontend.indexing import is_literal
from qkernel.frontend.iteration import iterate
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.reader import find_frame, read, with_site
from qkernel.frontend.special_methods import call_special, set_attribute
from qkernel.frontend.tracer import Frame, Tracer
from qkernel.frontend.values import describe, handles_in
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import ArrayHandle, Expr
from qkernel.records import record_fields


def assign_statement(tracer: Tracer, targets: list[ast.expr], value_node: ast.expr) -> None:
    """`target = ... = value`."""
    tracer.hints = tuple(plain_names(targets[0]))
    try:
        value = read(tracer, value_node)
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
    frame = tracer.frame
    if (why := tracer.arrays.why_gone(value)) is not None:
        raise why("a part of it", frame).error("a part of it", frame.span(target))
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
        case ast.Subscript(base_node, key_node):
            _assign_item(tracer, target, base_node, key_node, value)
        case ast.Attribute():
            _assign_attribute(tracer, target, value)
        case _:
            raise UnsupportedPythonError("this cannot be assigned to in a kernel", span=frame.span(target))


def _assign_attribute(tracer: Tracer, target: ast.Attribute, value: Any) -> None:
    """`owner.name = value`, in a plain function that is read; a kernel itself works with records, which stay as they are."""
    frame = tracer.frame
    if tracer.is_in_kernel:
        raise UnsupportedPythonError(
            "attributes cannot be assigned in a kernel",
            span=frame.span(target),
            label="assigned here",
            help=_new_record(frame, target),
        )
    owner = read(tracer, target.value)
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
    span = tracer.frame.span(node)
    values = list(iterate(tracer, value, node))
    star = next((k for k, element in enumerate(elements) if isinstance(element, ast.Starred)), None)
    if star is not None:
        after = len(elements) - star - 1
        if len(values) >= len(elements) - 1:
            values = [*values[:star], tracer.made(values[star : len(values) - after]), *values[len(values) - after :]]
    if len(values) != len(elements):
        raise KernelTypeError(
            f"{len(elements)} names for {counted(len(values), 'value')}",
            span=span,
            label=f"{len(elements)} names",
        )
    for element, entry in zip(elements, values, strict=True):
        assign(tracer, element.value if isinstance(element, ast.Starred) else element, entry)


def _assign_item(tracer: Tracer, node: ast.expr, base_node: ast.expr, key_node: ast.expr, value: Any) -> None:
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
        _assign_element(tracer, base, base_node.id, updated(base, key, value, key_node, node, tracer.frame.span(node)), node)
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
        tracer.check_change(base, ast.unparse(base_node), node)
        if call_special(tracer, "setitem", base, (key, value), node) is NotImplemented:
            base[key] = value


def _assign_element(tracer: Tracer, base: Expr, name: str, changed_to: Expr | Entries, node: ast.expr) -> None:
    """`name`, a vector of the function under way, is `changed_to` after an assignment to an element."""
    frame = tracer.frame
    if (owner := find_frame(frame, name)) is not frame:
        raise UnsupportedPythonError(
            f"`{name}` was made outside of `{frame.name}`, which cannot change it",
            span=frame.span(node),
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
