"""Whether inverses and controlled forms that kernels bring do what the generic ones do: kernels that tell, at small sizes.

Each brings qubits into a random product state, does one thing with the forms and undoes it without them, and undoes the state:
all qubits are in 0 then, and nothing else would tell the two apart for almost every state.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qkernel.errors import ExecutionError
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, wrap
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Adjoint,
    Alloc,
    Block,
    Call,
    Control,
    Function,
    Gate,
    Measure,
    Modifier,
    Op,
    Parameter,
    Probabilities,
    Reset,
)
from qkernel.ir.places import Place, joined
from qkernel.ir.types import FLOAT, ArrayType, is_quantum
from qkernel.ir.walk import walk, with_blocks
from qkernel.promises import made_up

SIZES = range(1, 4)
MOST_DIFFERENT = 1e-9
"""The probability up to which two kernels are taken to do the same."""


@dataclass(frozen=True, slots=True)
class FormTest:
    """A kernel that returns the probabilities of the outcomes of what should be in 0; `what` is compared."""

    what: str
    module: Module

    def failed(self, entry: Function, rest: float) -> ExecutionError:
        """The error where `rest` of the probability is not in 0."""
        form = f"`{self.what}` of `{entry.name}`" if self.what else f"`{entry.name}`"
        return ExecutionError(
            f"{form} does something else with the forms that its kernels bring than without them",
            span=entry.span,
            label=f"{rest:.2g} of the probability goes elsewhere",
            help="a form does what the generic inverse or controlled form does, up to what is measured in it",
        )


def form_tests(module: Module, values: Mapping[str, Any]) -> Iterator[FormTest]:
    """Kernels that compare the entry with what it is without forms; at `values`, else at lengths and whole numbers `SIZES`."""
    if not any(function.has_forms for function in module.functions):
        return
    entry = module.entry
    kinds: list[tuple[str, tuple[Modifier, ...]]] = [("", ())]
    if entry.inverse is not None and not _measures(module, module[entry.inverse]):
        kinds.append(("inverse", (Adjoint(),)))
    if entry.control is not None:
        kinds.append(("control", (Control((Place("control"),)),)))
    for size in SIZES if not values else (0,):
        generator = np.random.default_rng(size)
        known = {p.name: values.get(p.name, _value(p, size, generator)) for p in entry.parameters}
        for word, modifiers in kinds:
            test = _compared(entry, known, modifiers, generator)
            yield FormTest(word, Module((test, *module.functions, *map(_generic, module.functions))))


def _value(parameter: Parameter, size: int, generator: np.random.Generator) -> Any:
    """A value for an argument: its default, if it has one."""
    return parameter.default if parameter.default is not None else made_up(parameter, size, generator)


def _measures(module: Module, function: Function) -> bool:
    """Whether a function, or what it calls, measures or resets."""
    pending, seen = [function.name], set[str]()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            body = [*walk(module[name].body)]
            if any(isinstance(op, Measure | Reset) for op in body):
                return True
            pending += [op.callee for op in body if isinstance(op, Call)]
    return False


def _generic(function: Function) -> Function:
    """A function without forms, and with such functions in it."""
    return replace(function, name=_name(function.name), inverse=None, control=None, body=_generic_block(function.body))


def _name(name: str) -> str:
    return f"{name}.generic"


def _generic_block(block: Block) -> Block:
    def changed(op: Op) -> Op:
        return replace(op, callee=_name(op.callee)) if isinstance(op, Call) else with_blocks(op, _generic_block)

    return tuple(map(changed, block))


def _compared(
    entry: Function, known: Mapping[str, Any], modifiers: tuple[Modifier, ...], generator: np.random.Generator
) -> Function:
    """The function that does a call of `entry` and undoes it without its forms."""
    sizes = {p.name: known[p.name] for p in entry.parameters if is_quantum(p.type)}
    if modifiers and isinstance(modifiers[0], Control):
        sizes["control"] = None
    allocated = [Alloc(name, None if size is None else Const(size)) for name, size in sizes.items()]
    states, undone = list[Op](), list[Op]()
    for name, size in sizes.items():
        for k in range(size if size is not None else 1):
            angles = generator.uniform(-math.pi, math.pi, 3)
            place = Place(name, Const(k))
            states.append(Gate("u", (place,), tuple(Const(float(angle)) for angle in angles)))
            undone.append(Gate("u", (place,), tuple(Const(float(angle)) for angle in angles), (Adjoint(),)))
    arguments: tuple[Expr | Place, ...] = tuple(
        _whole(p.name, sizes[p.name]) if p.name in sizes else wrap(known[p.name]) for p in entry.parameters
    )
    results = (None,) * len(entry.returns)
    there = Call(entry.name, arguments, results, modifiers)
    back = Call(_name(entry.name), arguments, results, (*modifiers, Adjoint()))
    read = tuple(_whole(name, size) for name, size in sizes.items())
    outcome = Probabilities(joined(read), "outcome")
    return Function("compared", (), (*allocated, *states, there, back, *undone, outcome), (Name("outcome", ArrayType(FLOAT)),))


def _whole(name: str, size: int | None) -> Place:
    return Place(name) if size is None else Place(name, ZERO, ONE, Const(size))
