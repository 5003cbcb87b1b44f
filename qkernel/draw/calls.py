"""Calls: boxes with the callee's name and arguments, or frames around what the callee does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qkernel.draw.builder import Builder
from qkernel.draw.operations import Decoration, decoration, place_operation
from qkernel.draw.scene import Frame, Item, Mark, Operation, Section, Touch
from qkernel.draw.scope import Scope, argument_label, register_value
from qkernel.ir.expressions import Name
from qkernel.ir.ops import Call, Function
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, UINT, ArrayType

_FAMILIES = {"kernel": "call", "composite": "composite", "oracle": "oracle"}


def call_items(builder: Builder, op: Call, scope: Scope) -> list[Item]:
    """One call."""
    callee = builder.module[op.callee]
    extra = decoration(op.modifiers, builder.wiring, scope, op.span)
    lines = tuple(
        argument_label(parameter.name, scope.resolve(argument, op.span))
        for parameter, argument in zip(callee.parameters, op.arguments, strict=True)
        if not isinstance(argument, Place)
    )
    name = (callee.label or callee.name) + ("†" if extra.is_adjoint else "") + extra.suffix
    title = f"{name}({', '.join(lines)})" if lines else name
    if builder.opens(callee, scope):
        return _open(builder, op, callee, title, extra, scope)
    operation = replace(_box(builder, op, callee, name, lines, extra, scope), tooltip=title, span=op.span)
    body = _body(builder, op, callee, title, extra, scope)
    touched = {touch.wire for touch in operation.touches}
    made = [wire for wire in _result_wires(builder, op, scope) if wire not in touched]
    bits = tuple(builder.wiring.bits[text] for text in _result_bits(builder, op, scope))
    operation = replace(operation, touches=operation.touches + tuple(Touch(wire) for wire in made), bits=bits, body=body)
    return [operation] if operation.touches else []


def _box(
    builder: Builder, op: Call, callee: Function, name: str, lines: tuple[str, ...], extra: Decoration, scope: Scope
) -> Operation:
    quantum = [(p, a) for p, a in zip(callee.parameters, op.arguments, strict=True) if isinstance(a, Place)]
    targets = []
    for parameter, argument in quantum:
        region = builder.wiring.region(builder.wiring.place(argument, scope, op.span), op.span)
        targets.append((region, Mark.BOX, parameter.name if len(quantum) > 1 else ""))
    operation = place_operation(name, _FAMILIES[callee.kind], targets, extra.controls, lines)
    returned = {value.register for value in callee.returns if isinstance(value, Place)}
    if callee.kind == "oracle":
        return operation
    regions = [(parameter.name, region) for (parameter, _), (region, _, _) in zip(quantum, targets, strict=True)]
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
    first = len(builder.wiring.wires)
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
    return builder.frame("opened", sections, first, kept, badge=extra.times, controls=controls, span=callee.span, tooltip=title)


def _body(builder: Builder, op: Call, callee: Function, title: str, extra: Decoration, scope: Scope) -> Frame | None:
    """What a box stands for, where it is wanted; makes the registers and bits that come out of the box in any case."""
    if not builder.options.keep_bodies and not any(op.results):
        return None
    if builder.can_open(callee, scope):
        opened = builder.optional(lambda: _open(builder, op, callee, title, extra, scope))
        if opened is not None:
            _rename_results(builder, op, scope)
            frame = opened[0] if opened and builder.options.keep_bodies else None
            return frame if isinstance(frame, Frame) else None
    for name, value in zip(op.results, callee.returns, strict=False):
        if name is not None:
            _unknown_result(builder, name, value, scope)
    return None


def _unknown_result(builder: Builder, name: str, value: Any, scope: Scope) -> None:
    """A result of a call whose body is not looked at."""
    if isinstance(value, Place):
        size = None if value.length is None else Name(f"len({name})", UINT)
        scope.places[name] = builder.wiring.add_register(name, size, True)
        scope.environment[name] = register_value(name, scope.places[name])
    elif value.type in (BIT, ArrayType(BIT)):
        unique = builder.wiring.add_bits(name, None if value.type == BIT else Name(f"len({name})", UINT))
        scope.environment[name] = Name(unique, value.type)
    else:
        scope.environment[name] = Name(builder.wiring.fresh(name), value.type)


def _rename_results(builder: Builder, op: Call, scope: Scope) -> None:
    """Registers that come out of a closed box whole carry the caller's name for them."""
    if builder.options.keep_bodies:
        return
    made = [name for name in op.results if name is not None and name in scope.places]
    registers = [scope.places[name].register for name in made]
    for name in made:
        place = scope.places[name]
        is_whole = builder.wiring.region(place).text == builder.wiring.registers[place.register].label
        if is_whole and registers.count(place.register) == 1:
            scope.places[name] = builder.wiring.rename(place, name)


def _result_wires(builder: Builder, op: Call, scope: Scope) -> list[int]:
    names = [name for name in op.results if name is not None and name in scope.places]
    return [wire for name in names for wire in builder.wiring.region(scope.places[name]).wires]


def _result_bits(builder: Builder, op: Call, scope: Scope) -> list[str]:
    values = [scope.environment.get(name) for name in op.results if name is not None]
    return [value.name for value in values if isinstance(value, Name) and value.name in builder.wiring.bits]
