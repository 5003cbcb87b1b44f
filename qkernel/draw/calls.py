"""Calls: boxes with the callee's name and arguments, or frames around what the callee does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from qkernel.draw.builder import Builder, made_before
from qkernel.draw.operations import Decoration, decoration, evolve_operation, place_operation, ports
from qkernel.draw.scene import Frame, Item, Operation, Section, Touch, ended_wires
from qkernel.draw.scope import Scope, argument_label, register_value
from qkernel.ir.expressions import ONE, ZERO, Expr, Name, Slice
from qkernel.ir.expressions import size as size_of
from qkernel.ir.ops import Alloc, Call, Function, Measure, Op, PauliEvolve, Within
from qkernel.ir.places import Place, whole
from qkernel.ir.trees import free_names, substitute
from qkernel.ir.types import BIT, QUBIT, UINT, ArrayType
from qkernel.ir.walk import with_values

_FAMILIES = {"kernel": "call", "composite": "composite", "oracle": "oracle"}


def call_items(builder: Builder, op: Call, scope: Scope) -> list[Item]:
    """One call."""
    callee = builder.module[op.callee]
    if (evolution := _evolution(op, callee)) is not None:
        return [evolve_operation(evolution, builder.wiring, scope)]
    _check_lengths(op, callee, scope)
    extra = decoration(op.modifiers, builder.wiring, scope, op.span)
    lines = tuple(
        argument_label(parameter.name, scope.resolve(argument, op.span))
        for parameter, argument in zip(callee.parameters, op.arguments, strict=True)
        if not isinstance(argument, Place)
    )
    name = (callee.label or callee.name) + ("†" if extra.is_adjoint else "") + extra.suffix
    title = f"{name}({', '.join(lines)})" if lines else name
    ends = made_before(op, scope)
    if builder.opens(callee, scope) and not ends:
        return _open(builder, op, callee, title, extra, scope)
    operation = replace(_box(builder, op, callee, name, lines, extra, scope), tooltip=title, span=op.span)
    body = None if ends else _body(builder, op, callee, title, extra, scope)
    touched = {touch.wire for touch in operation.touches}
    made = [wire for wire in _result_wires(builder, op, scope) if wire not in touched]
    bits = tuple(builder.wiring.bits[text] for text in _result_bits(builder, op, scope))
    operation = replace(operation, touches=operation.touches + tuple(Touch(wire) for wire in made), bits=bits, body=body)
    operation = replace(operation, ended=(*operation.ended, *made)) if ends else operation
    return [operation] if operation.touches else []


def _check_lengths(op: Call, callee: Function, scope: Scope) -> None:
    """Raise where a register of a fixed length is given another one that is known."""
    for parameter, argument in zip(callee.parameters, op.arguments, strict=True):
        if parameter.length is not None and isinstance(argument, Place) and argument.length is not None:
            given = scope.resolve(argument.length, op.span)
            if isinstance(given, int):
                parameter.check_length(given, callee.name, op.span)


def _evolution(op: Call, callee: Function) -> PauliEvolve | None:
    """A call of what `pauli_evolve` under modifiers is read as; what it takes are names around it, and no arguments of that."""
    match callee.body, op.arguments:
        case (PauliEvolve(place, modifiers=()) as evolution,), (Place() as taken, *_) if _is_built_in(callee):
            if any(op.results) or place != whole(callee.parameters[0].name, callee.parameters[0].type):
                return None
            names = [parameter.name for parameter in callee.parameters]
            given = {name: value for name, value in zip(names, op.arguments, strict=True) if isinstance(value, Expr)}
            changed: PauliEvolve = with_values(evolution, lambda expr: substitute(expr, given))
            return replace(changed, place=taken, modifiers=op.modifiers, span=op.span)
    return None


def _is_built_in(callee: Function) -> bool:
    return callee.name.partition(".")[0] == "pauli_evolve"


def within_items(builder: Builder, op: Within, scope: Scope) -> list[Item]:
    """A setup, what stands between, and the setup backwards, one after another; what the setup made is free then."""
    inner, wiring = scope.branch(), builder.wiring
    with builder.level() as items:
        first = len(wiring.made)
        builder.read(op.setup, inner, items)
        made = wiring.made_since(first)
        builder.read(op.body, inner, items)
        before = len(items)
        builder.read((op.undo,), inner, items)
        wiring.release([wire for wire in made if wire in ended_wires(items[before:])])
    return items


def _box(
    builder: Builder, op: Call, callee: Function, name: str, lines: tuple[str, ...], extra: Decoration, scope: Scope
) -> Operation:
    quantum = [(p, a) for p, a in zip(callee.parameters, op.arguments, strict=True) if isinstance(a, Place)]
    targets, regions = [], []
    for parameter, argument in quantum:
        place = builder.wiring.place(argument, scope, op.span)
        regions.append((parameter.name, builder.wiring.region(place, op.span)))
        targets += ports(builder.wiring, place, op.span, parameter.name if len(quantum) > 1 else "")
    operation = place_operation(name, _FAMILIES[callee.kind], targets, extra.controls, lines)
    returned = frozenset().union(*(value.registers for value in callee.returns if isinstance(value, Place)))
    if callee.kind == "oracle":
        return operation
    lost = [region for name, region in regions if name not in returned and region.is_exact]
    return replace(operation, ended=tuple(wire for region in lost for wire in region.wires))


def _enter(builder: Builder, op: Call, callee: Function, scope: Scope) -> Scope:
    """The callee's scope, its arguments in terms of the drawing."""
    inner = Scope(callee, {}, {}, (*scope.callers, callee.name), scope.is_certain)
    for parameter, argument in zip(callee.parameters, op.arguments, strict=True):
        if isinstance(argument, Place):
            place = builder.wiring.place(argument, scope, op.span)
            inner.places[parameter.name] = place
            inner.environment[parameter.name] = register_value(parameter.name, place)
        else:
            inner.environment[parameter.name] = scope.resolve(argument, op.span)
    return inner


def _open(builder: Builder, op: Call, callee: Function, title: str, extra: Decoration, scope: Scope) -> list[Item]:
    """A call as a frame around the callee's body; its results become names of the caller."""
    inner = _enter(builder, op, callee, scope)
    first = len(builder.wiring.made)
    items = builder.block(callee.body, inner)
    kept: set[int] = set()
    for name, value in zip(op.results, callee.returns, strict=False):
        if name is not None and isinstance(value, Place):
            place = builder.wiring.place(value, inner, op.span)
            scope.places[name], scope.environment[name] = place, register_value(name, place)
            kept.update(builder.wiring.region(place).wires)
        elif name is not None and not isinstance(value, Place):
            scope.environment[name] = inner.resolve(value, op.span)
    controls = tuple(
        Touch(wire, mark, " ".join(part for part in (text, "" if region.is_exact else region.text) if part))
        for region, mark, text in extra.controls
        for wire in region.wires
    )
    heading = title.replace(extra.suffix, "", 1) if extra.times else title  # the badge says it, which is never cut
    sections = [Section(heading, tuple(items))]
    details: dict[str, Any] = {"badge": extra.times, "controls": controls, "span": callee.span, "tooltip": title}
    framed = builder.frame("opened", sections, first, kept, **details)
    if callee.clean_ancillas:
        gone = kept | ended_wires(items)
        builder.wiring.release([wire for wire in builder.wiring.made_since(first) if wire not in gone])
    return framed


def _body(builder: Builder, op: Call, callee: Function, title: str, extra: Decoration, scope: Scope) -> Frame | None:
    """What a box stands for, where it is wanted to unfold the box; makes the registers and bits that come out of it."""
    if builder.options.keep_bodies and builder.can_open(callee, scope):
        opened = builder.optional(lambda: _open(builder, op, callee, title, extra, scope))
        if opened is not None:
            frame = opened[0] if opened else None
            return frame if isinstance(frame, Frame) else None
    if any(op.results):
        inner = _enter(builder, op, callee, scope)
        for name, value, length in zip(op.results, callee.returns, _returned_lengths(builder, callee), strict=False):
            if name is not None:
                size = Name(f"len({name})", UINT) if length is None else inner.resolve(length, op.span)
                _result(builder, name, value, size, scope)
    return None


def _result(builder: Builder, name: str, value: Any, size: Any, scope: Scope) -> None:
    """A result of a call by what its callee returns: a register or bits of the caller's name for it, or a symbol."""
    if isinstance(value, Place):
        scope.places[name] = builder.wiring.add_register(name, None if value.length is None else size, True)
        scope.environment[name] = register_value(name, scope.places[name])
    elif value.type in (BIT, ArrayType(BIT)):
        unique = builder.wiring.add_bits(name, None if value.type == BIT else size)
        scope.environment[name] = Name(unique, value.type)
    else:
        scope.environment[name] = Name(builder.wiring.fresh(name), value.type)


def _returned_lengths(builder: Builder, callee: Function) -> tuple[Expr | None, ...]:
    """How long the vectors are that a function returns, in terms of its arguments; None where more than these decide."""
    if callee.name not in builder.lengths:
        builder.lengths[callee.name] = (None,) * len(callee.returns)  # in calls of itself
        known: dict[str, Expr] = {}
        for op in callee.body:
            for name, length in _made_lengths(builder, op):
                known[name] = _vector(name, substitute(length, known))
        given = {parameter.name for parameter in callee.parameters}
        found = [substitute(_length(value), known) for value in callee.returns]
        builder.lengths[callee.name] = tuple(length if free_names(length) <= given else None for length in found)
    return builder.lengths[callee.name]


def _made_lengths(builder: Builder, op: Op) -> Iterator[tuple[str, Expr]]:
    """The vectors that an op makes, and how long they are."""
    match op:
        case Alloc(register, Expr() as size):
            yield register, size
        case Measure(Place(length=Expr() as length), result):
            yield result, length
        case Call(callee, arguments, results):
            function = builder.module[callee]
            given = {
                parameter.name: _vector(parameter.name, _length(value)) if isinstance(value, Place) else value
                for parameter, value in zip(function.parameters, arguments, strict=True)
            }
            for name, found in zip(results, _returned_lengths(builder, function), strict=False):
                if name is not None and found is not None:
                    yield name, substitute(found, given)


def _vector(name: str, length: Expr) -> Expr:
    """Something of that length."""
    return Slice(Name(name, ArrayType(QUBIT)), ZERO, ONE, length)


def _length(value: Any) -> Expr:
    """The length of a place or a vector; 1 of what has none."""
    if isinstance(value, Place):
        return ONE if value.length is None else value.length
    return size_of(value) if isinstance(value.type, ArrayType) else ONE


def _result_wires(builder: Builder, op: Call, scope: Scope) -> list[int]:
    names = [name for name in op.results if name is not None and name in scope.places]
    return [wire for name in names for wire in builder.wiring.region(scope.places[name]).wires]


def _result_bits(builder: Builder, op: Call, scope: Scope) -> list[str]:
    values = [scope.environment.get(name) for name in op.results if name is not None]
    return [value.name for value in values if isinstance(value, Name) and value.name in builder.wiring.bits]
