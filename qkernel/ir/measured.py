"""Which names of a function depend on measurements: what tells loops on measured bits from those on known numbers.

And what kernels do with them: their effects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto

from qkernel.ir.expressions import Expr
from qkernel.ir.module import Module
from qkernel.ir.ops import Block, Call, For, If, Measure, Reset, While, Within
from qkernel.ir.places import Place
from qkernel.ir.trees import free_names
from qkernel.ir.types import is_quantum
from qkernel.ir.walk import definitions, operands, walk


class KernelEffect(Flag):
    """What a kernel does, or what it calls, that no unitary does; together by `|`, `NONE` for unitaries."""

    NONE = 0
    MEASUREMENT = auto()
    RESET = auto()
    FEED_FORWARD = auto()
    """Measured bits decide on a branch, on how long a loop runs or on an angle."""


def effects_of(module: Module) -> KernelEffect:
    """What the entry of `module` does that no unitary does."""
    reading = _Reading(module)
    reading.function(module.entry.name, frozenset())
    kinds = {type(op) for function in module.functions for op in walk(function.body)}
    found = KernelEffect.MEASUREMENT if Measure in kinds else KernelEffect.NONE
    found |= KernelEffect.RESET if Reset in kinds else KernelEffect.NONE
    return found | (KernelEffect.FEED_FORWARD if reading.decides else KernelEffect.NONE)


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
    decides: bool = False
    """Whether something that is measured decides on what is done, in what has been read so far."""

    def function(self, name: str, measured: frozenset[str]) -> tuple[bool, ...]:
        """Of a function whose arguments `measured` depend on a measurement."""
        if (key := (name, measured)) not in self.found:
            function, names = self.module[name], set(measured)
            self.found[key] = (True,) * len(function.returns)  # where it calls itself, and of an oracle
            if function.kind != "oracle":
                self.block(function.body, names)
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
                    self.decides |= is_measured
                    joined = (entry.name for entry in op.joined if is_measured or _depends(entry.then, names))
                    names.update(joined, (entry.name for entry in op.joined if _depends(entry.otherwise, names)))
                case _:
                    self.decides |= any(_depends(value, names) for value in operands(op))
                    names.update(name for name, type in definitions(op, {}) if not is_quantum(type))  # read from qubits

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
            self.decides |= counts
            more = {entry.name for entry in op.carried if counts or _depends(entry.next, names)} - names
            if not more:
                return
            names |= more


def _depends(value: Expr | Place, names: set[str]) -> bool:
    return isinstance(value, Expr) and not names.isdisjoint(free_names(value))
