"""Which names of a function depend on measurements: what tells loops on measured bits from those on known numbers.

And what kernels do with them: their effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Flag, auto

from qkernel.ir.expressions import Const, Expr
from qkernel.ir.module import Module
from qkernel.ir.ops import Adjoint, Block, Call, Control, For, If, Measure, Modifier, Power, Reset, While, Within
from qkernel.ir.places import Place
from qkernel.ir.trees import free_names
from qkernel.ir.types import is_quantum
from qkernel.ir.walk import blocks, definitions, operands, walk


class KernelEffect(Flag):
    """What a kernel does, or what it calls, that no unitary does; together by `|`, `NONE` for unitaries."""

    NONE = 0
    MEASUREMENT = auto()
    RESET = auto()
    FEED_FORWARD = auto()
    """Measured bits decide on a branch, on how long a loop runs or on an angle."""


def effects_of(module: Module) -> KernelEffect:
    """What the entry of `module` does that no unitary does."""
    reading, run = _Reading(module), _run(module)
    for name in run:
        reading.function(name, frozenset())
    kinds = {type(op) for name in run for op in walk(module[name].body)}
    found = KernelEffect.MEASUREMENT if Measure in kinds else KernelEffect.NONE
    found |= KernelEffect.RESET if Reset in kinds else KernelEffect.NONE
    return found if reading.deciding.isdisjoint(run) else found | KernelEffect.FEED_FORWARD


def _run(module: Module) -> set[str]:
    """The functions that are run with the entry: a form of their own in place of those that have one, under modifiers."""
    pending = [(module.entry.name, False, False)]
    found = {*pending}
    while pending:
        name, is_inverted, is_controlled = pending.pop()
        for op, inverted, controlled in _calls(module[name].body, is_inverted, is_controlled):
            function, inverted, _ = module.own_form(module[op.callee], inverted, controlled)
            if (called := (function.name, inverted, controlled)) not in found:
                found.add(called)
                pending.append(called)
    return {name for name, *_ in found}


def _calls(block: Block, is_inverted: bool, is_controlled: bool) -> Iterator[tuple[Call, bool, bool]]:
    """The calls in a block that stands under modifiers, and whether each is inverted, and controlled by qubits in 1."""
    for op in block:
        match op:
            case Within(setup, body):
                yield from _calls((*setup, op.undo), is_inverted, False)
                yield from _calls(body, is_inverted, is_controlled)
            case Call(modifiers=modifiers):
                controlled = is_controlled or any(isinstance(each, Control) and each.value is None for each in modifiers)
                for is_backwards in _directions(modifiers):
                    yield op, is_inverted != is_backwards, controlled
            case _:
                for inner in blocks(op):
                    yield from _calls(inner, is_inverted, is_controlled)


def _directions(modifiers: Sequence[Modifier]) -> set[bool]:
    """Whether what stands under these is run backwards; a power that is not known may be either."""
    found = {False}
    for modifier in modifiers:
        match modifier:
            case Adjoint():
                found = {not each for each in found}
            case Power(Const(exponent)):
                found = {each != (exponent < 0) for each in found}
            case Power():
                found = {False, True}
    return found


def measured_after(module: Module, loop: For | While, measured: set[str]) -> set[str]:
    """What is, or becomes, measured in a loop of a function of `module`; `measured` names are before it."""
    names = {*measured}
    _Reading(module).iterations(loop, names)
    return names


def runs_on_measurements(module: Module, loop: While, measured: set[str]) -> bool:
    """Whether the condition of a loop of a function of `module` is, or becomes, measured; `measured` names are before it."""
    return _depends(loop.condition, measured_after(module, loop, measured))


@dataclass(slots=True)
class _Reading:
    """What is measured is put into `names`; of a function, which of its results depend on a measurement."""

    module: Module
    found: dict[tuple[str, frozenset[str]], tuple[bool, ...]] = field(default_factory=dict)
    deciding: set[str] = field(default_factory=set)
    """The functions, of those read so far, in which something that is measured decides on what is done."""
    reads: str = ""

    def function(self, name: str, measured: frozenset[str]) -> tuple[bool, ...]:
        """Of a function whose arguments `measured` depend on a measurement."""
        if (key := (name, measured)) not in self.found:
            function, names = self.module[name], set(measured)
            self.found[key] = (True,) * len(function.returns)  # where it calls itself, and of an oracle
            if function.kind != "oracle":
                caller, self.reads = self.reads, name
                self.block(function.body, names)
                self.reads = caller
                self.found[key] = tuple(_depends(value, names) for value in function.returns)
        return self.found[key]

    def block(self, block: Block, names: set[str]) -> None:
        for op in block:
            match op:
                case Call():
                    self.call(op, names)
                case For() | While():
                    self.iterations(op, names)
                case Within(setup, body):
                    self.block((*setup, *body), names)
                case If():
                    self.block(op.then, names)
                    self.block(op.otherwise, names)
                    is_measured = _depends(op.condition, names)
                    self.decide(is_measured)
                    joined = (entry.name for entry in op.joined if is_measured or _depends(entry.then, names))
                    names.update(joined, (entry.name for entry in op.joined if _depends(entry.otherwise, names)))
                case _:
                    self.decide(any(_depends(value, names) for value in operands(op)))
                    names.update(name for name, type in definitions(op, {}) if not is_quantum(type))  # read from qubits

    def decide(self, is_measured: bool) -> None:
        """Note whether something that decides is measured."""
        if is_measured:
            self.deciding.add(self.reads)

    def call(self, op: Call, names: set[str]) -> None:
        pairs = zip(self.module[op.callee].parameters, op.arguments, strict=True)
        found = self.function(op.callee, frozenset(p.name for p, value in pairs if _depends(value, names)))
        results = zip(op.results, found, strict=False)
        names |= {name for name, is_measured in results if name is not None and is_measured}

    def iterations(self, op: For | While, names: set[str]) -> None:
        """The body of a loop, read again until all that it carries is known."""
        names |= {entry.name for entry in op.carried if _depends(entry.initial, names)}
        while True:
            self.block(op.body, names)
            counts = isinstance(op, While) and _depends(op.condition, names)  # how often the values change is measured
            self.decide(counts)
            more = {entry.name for entry in op.carried if counts or _depends(entry.next, names)} - names
            if not more:
                return
            names |= more


def _depends(value: Expr | Place, names: set[str]) -> bool:
    return isinstance(value, Expr) and not names.isdisjoint(free_names(value))
