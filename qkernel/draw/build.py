"""IR -> scene: what each op of a kernel is in its drawing.

A loop becomes a frame, or its iterations where they are known and asked for; a call becomes a box, or a frame around what it
stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qkernel.diagnostics import did_you_mean
from qkernel.draw.builder import Builder, Options
from qkernel.draw.calls import call_items, within_items
from qkernel.draw.control_flow import branch_items, loop_items, while_items
from qkernel.draw.operations import (
    alloc_operations,
    evolve_operation,
    gate_operations,
    measure_operation,
    prepare_operation,
    readout_operation,
    reset_operations,
)
from qkernel.draw.scene import Item, Scene
from qkernel.draw.scope import Scope, describe_arguments
from qkernel.errors import UnknownBindingError
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Alloc,
    Call,
    Expval,
    For,
    Function,
    Gate,
    If,
    Measure,
    Op,
    PauliEvolve,
    Prepare,
    Probabilities,
    Reset,
    While,
    Within,
)
from qkernel.ir.types import is_quantum
from qkernel.lower.bindings import normalise, register_length


def build_scene(module: Module, values: Mapping[str, Any], options: Options) -> Scene:
    """The scene of the module's entry; `values` bind arguments by name, an int for a register gives its length."""
    entry = module.entry
    names = [parameter.name for parameter in entry.parameters]
    for name in values:
        if name not in names:
            title = f"`{entry.name}` has no argument `{name}`{did_you_mean(name, names)}"
            listed = f"its arguments are {', '.join(names)}" if names else "it has none"
            raise UnknownBindingError(title, span=entry.span, label=listed)
    builder = Builder(module, options, draw_op)
    scope = Scope(entry, {}, {}, (entry.name,))
    checked = _checked(entry, values)
    shown = {parameter.name: builder.bind(parameter, checked, scope) for parameter in entry.parameters}
    items = builder.block(entry.body, scope)
    classical = {name: value for name, value in shown.items() if value is not None}
    return builder.scene(entry.name, describe_arguments(classical), items)


def _checked(entry: Function, values: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, as every other reader of the kernel takes them."""
    given = [parameter for parameter in entry.parameters if parameter.name in values]
    classical = tuple(parameter for parameter in given if not is_quantum(parameter.type))
    bound = normalise(replace(entry, parameters=classical), {parameter.name: values[parameter.name] for parameter in classical})
    registers = [parameter for parameter in given if is_quantum(parameter.type)]
    sizes = {each.name: register_length(entry, each, values[each.name]) for each in registers}
    return {**bound.values, **sizes}


def draw_op(builder: Builder, op: Op, scope: Scope, at_start: bool) -> list[Item]:
    """What one op of the IR is in the drawing."""
    match op:
        case Alloc():
            return [*alloc_operations(op, builder.wiring, scope, at_start)]
        case Gate():
            return [*gate_operations(op, builder.wiring, scope)]
        case PauliEvolve():
            return [evolve_operation(op, builder.wiring, scope)]
        case Prepare():
            return [prepare_operation(op, builder.wiring, scope)]
        case Measure():
            return [measure_operation(op, builder.wiring, scope)]
        case Reset():
            return [*reset_operations(op, builder.wiring, scope)]
        case Expval() | Probabilities():
            return [readout_operation(op, builder.wiring, scope)]
        case Call():
            return call_items(builder, op, scope)
        case For():
            return loop_items(builder, op, scope)
        case While():
            return while_items(builder, op, scope)
        case If():
            return branch_items(builder, op, scope)
        case Within():
            return within_items(builder, op, scope)
