"""Whether each `while` runs on a measured bit: what lowering would find out with values, told before there are any."""

from __future__ import annotations

from dataclasses import dataclass, field

from qkernel.errors import SeparationError
from qkernel.ir.expressions import Expr
from qkernel.ir.module import Module
from qkernel.ir.ops import Block, Call, For, If, While
from qkernel.ir.places import Place
from qkernel.ir.trees import free_names
from qkernel.ir.types import is_quantum
from qkernel.ir.walk import definitions


def check_while_conditions(module: Module) -> None:
    """Raise for a `while` that the entry runs in any case, and whose iterations are known before it runs.

    A kernel that takes qubits is made to be called, and may be given what is measured.
    """
    if any(is_quantum(parameter.type) for parameter in module.entry.parameters):
        return
    for op in _Reading(module).function(module.entry.name, frozenset()).known:
        raise known_iterations(op)


def known_iterations(op: While | None = None) -> SeparationError:
    """The error for a `while` without a measured bit."""
    return SeparationError(
        "the condition of this `while` is known before the kernel runs",
        span=None if op is None else op.span,
        label="no measured bit in it",
        help="a `while` runs on measured bits; where arguments decide the number of iterations, loop over `qk.range`",
    )


@dataclass(slots=True)
class _Found:
    """Which results of a function depend on a measurement, and the loops on known values that it runs in any case."""

    returns: tuple[bool, ...]
    known: list[While] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    module: Module
    found: dict[tuple[str, frozenset[str]], _Found] = field(default_factory=dict)

    def function(self, name: str, measured: frozenset[str]) -> _Found:
        """A function of which the arguments `measured` depend on a measurement."""
        if (key := (name, measured)) not in self.found:
            function, names = self.module[name], set(measured)
            self.found[key] = _Found((True,) * len(function.returns))  # where it calls itself, and of an oracle
            if function.kind != "oracle":
                known = self.block(function.body, names)
                self.found[key] = _Found(tuple(_depends(value, names) for value in function.returns), known)
        return self.found[key]

    def block(self, block: Block, names: set[str]) -> list[While]:
        """The loops on known values that a block runs in any case; what depends on a measurement is put into `names`."""
        known: list[While] = []
        for op in block:
            match op:
                case Call():
                    known += self.call(op, names)
                case For():
                    known += self.iterations(op, names)  # of a loop that may not run too: where it runs, it is refused
                case While():
                    inside = self.iterations(op, names)
                    known += inside if _depends(op.condition, names) else [op]
                case If():
                    sides = self.block(op.then, names) + self.block(op.otherwise, names)
                    is_measured = _depends(op.condition, names)
                    known += sides if is_measured else []  # else only one side is written
                    joined = (entry.name for entry in op.joined if is_measured or _depends(entry.then, names))
                    names.update(joined, (entry.name for entry in op.joined if _depends(entry.otherwise, names)))
                case _:
                    names.update(name for name, type in definitions(op, {}) if not is_quantum(type))  # read from qubits
        return known

    def call(self, op: Call, names: set[str]) -> list[While]:
        callee = self.module[op.callee]
        pairs = zip(callee.parameters, op.arguments, strict=True)
        found = self.function(op.callee, frozenset(p.name for p, value in pairs if _depends(value, names)))
        results = zip(op.results, found.returns, strict=False)
        names |= {name for name, is_measured in results if name is not None and is_measured}
        return found.known

    def iterations(self, op: For | While, names: set[str]) -> list[While]:
        """As `block`, for the body of a loop, read again until all that it carries is known."""
        names |= {entry.name for entry in op.carried if _depends(entry.initial, names)}
        while True:
            inside = self.block(op.body, names)
            counts = isinstance(op, While) and _depends(op.condition, names)  # how often the values change is measured
            more = {entry.name for entry in op.carried if counts or _depends(entry.next, names)} - names
            if not more:
                return inside
            names |= more


def _depends(value: Expr | Place, names: set[str]) -> bool:
    return isinstance(value, Expr) and not names.isdisjoint(free_names(value))
