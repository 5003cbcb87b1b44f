"""The walk over the IR that draws: what it has drawn so far, what it counts, how blocks nest.

The walk evaluates expressions where their names are known and leaves them symbolic elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from qkernel.draw.operations import control_places
from qkernel.draw.scene import Frame, Item, Operation, Scene, Section, changed, framed
from qkernel.draw.scope import Scope, register_value
from qkernel.draw.wiring import Level, Wiring
from qkernel.errors import EmitError, SizeError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Expr, Name
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Block,
    Call,
    For,
    Function,
    If,
    Parameter,
    While,
    Within,
)
from qkernel.ir.places import Place
from qkernel.ir.types import QUBIT, UINT, is_quantum
from qkernel.ir.walk import operands

T = TypeVar("T")
_DEEPEST = 60
"""How many calls may be open at once."""

_HIDDEN_BOXES = 4000
"""How many boxes a drawing that unfolds on click may hold beside those that it shows at first."""

_MOST_ITERATIONS = 100_000
"""How many iterations of loops are gone through, those that draw nothing included."""


def made_before(op: Call, scope: Scope) -> bool:
    """Whether the results of a call are there already: it is the inverse of what made them."""
    return any(name in scope.places for name in op.results)


@dataclass(frozen=True, slots=True)
class Options:
    """What a reader asked to see. `keep_bodies`: also what boxes and folded loops stand for, to unfold them later."""

    fold_loops: bool = True
    inline_depth: int = 0
    expand_composite: bool = False
    max_gates: int = 1000
    keep_bodies: bool = False


@dataclass(slots=True)
class Builder:
    """One drawing in the making.

    `draw_op` says what one op is in the drawing, and whether it is the first. `limit` and `count` are of the boxes shown, or
    of the `hidden` ones while in `optional`; `iterations` are of unfolded loops. `lengths` are those of what functions return.
    """

    module: Module
    options: Options
    draw_op: Callable[[Builder, Any, Scope, bool], list[Item]]
    wiring: Wiring = field(default_factory=Wiring)
    count: int = 0
    limit: int = 0
    hidden: int = 0
    iterations: int = 0
    lengths: dict[str, tuple[Expr | None, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limit = self.options.max_gates

    def bind(self, parameter: Parameter, values: Mapping[str, Any], scope: Scope) -> Any:
        """Give an argument of the entry its value, itself as a symbol, or wires (then None)."""
        name = parameter.name
        if is_quantum(parameter.type):
            unknown = Name(f"len({name})", UINT) if parameter.length is None else parameter.length
            size = None if parameter.type == QUBIT else values.get(name, unknown)
            scope.places[name] = self.wiring.add_register(name, size, False, parameter.span)
            scope.environment[name] = register_value(name, scope.places[name])
            return None
        self.wiring.names.add(name)
        value: Any = Name(name, parameter.type)
        if name in values:
            value = values[name]
        elif parameter.default is not None:
            value = evaluate(parameter.default, {})
        scope.environment[name] = value
        return value

    def block(self, ops: Block, scope: Scope, targets: Iterable[str] = (), is_loop: bool = False) -> list[Item]:
        """What a block draws; `targets` are the names that change from round to round where it is a loop's body."""
        with self.level(targets, is_loop) as items:
            self.read(ops, scope, items)
        return items

    @contextmanager
    def level(self, targets: Iterable[str] = (), is_loop: bool = False) -> Iterator[list[Item]]:
        """A list to draw a block into; lanes that begin in it end with it."""
        lanes, level = self.wiring.lanes, Level([], frozenset(targets), is_loop)
        lanes.levels.append(level)
        try:
            yield level.items
            for register in list(level.fans):
                lanes.close(level, register, self.wiring)
        finally:
            lanes.levels.pop()

    def read(self, ops: Block, scope: Scope, items: list[Item]) -> None:
        """Draw `ops` behind `items`, those of the innermost level."""
        lanes = self.wiring.lanes
        for op in ops:
            is_opened = isinstance(op, Call) and self.opens(self.module[op.callee], scope) and not made_before(op, scope)
            touched = [value for value in operands(op) if isinstance(value, Place)]
            places = control_places(op.modifiers) if isinstance(op, Call) and is_opened else touched
            if is_opened or isinstance(op, (For, While, Within)):
                lanes.leave(self.wiring)
            lanes.prepare([self.wiring.place(place, scope, op.span) for place in places], self.wiring)
            found = self.draw_op(self, op, scope, not items and len(lanes.levels) == 1)
            found = [entry for entry in found if isinstance(entry, Frame) or entry.touches]  # none on a register of length 0
            if not isinstance(op, (For, While, If, Within)):  # what stands in these is counted already
                self.charge(sum(isinstance(entry, Operation) for entry in found), scope)
            items += found
            lanes.end([wire for entry in found if isinstance(entry, Operation) for wire in entry.ended])

    def opens(self, callee: Function, scope: Scope) -> bool:
        """Whether a call of `callee` is drawn as what it stands for."""
        if callee.kind == "composite" and not self.options.expand_composite:
            return False
        return self.can_open(callee, scope) and len(scope.callers) <= self.options.inline_depth

    def can_open(self, callee: Function, scope: Scope) -> bool:
        """Recursion ends at a condition that is known; below an open one a kernel is not opened in itself."""
        repeats = callee.name in scope.callers
        return callee.kind != "oracle" and not (repeats and not scope.is_certain) and len(scope.callers) < _DEEPEST

    def charge(self, operations: int, scope: Scope) -> None:
        """Count what is drawn, and stop where it is more than the reader asked for."""
        self.count += operations
        if self.count > self.limit:
            raise SizeError(
                f"the drawing of `{self.module.entry.name}` has more than {self.limit} boxes",
                span=scope.function.span,
                label="reached while drawing this",
                help="draw less with fold_loops=True or inline=False, or more with a larger max_gates=",
            )

    def step(self, scope: Scope) -> None:
        """Begin another iteration of an unfolded loop."""
        self.iterations += 1
        if self.iterations > _MOST_ITERATIONS:
            raise SizeError(
                f"the loops of `{self.module.entry.name}` have more than {_MOST_ITERATIONS} iterations to unfold",
                span=scope.function.span,
                help="fold_loops=True draws each loop once",
            )

    def optional(self, build: Callable[[], T]) -> T | None:
        """What `build` gives, not counted among the boxes shown; None where it would be too large or cannot be lowered."""
        state, count, limit = self.wiring.snapshot(), self.count, self.limit
        lanes = self.wiring.lanes
        living, floor, before = lanes.snapshot(), lanes.floor, self.hidden
        self.count, self.limit, lanes.floor = self.hidden, _HIDDEN_BOXES, len(lanes.levels)
        try:
            return build()
        except EmitError:
            self.wiring.restore(state)
            return None
        finally:
            self.hidden += self.count - before  # what did not come about has cost its time all the same
            self.count, self.limit, lanes.floor = count, limit, floor
            lanes.restore(living)

    def scene(self, title: str, subtitle: str, items: Sequence[Item]) -> Scene:
        """What was drawn, lanes below their registers and classical wires below all, without wires that nothing touches."""
        wiring = self.wiring
        used = set().union(*(entry.all_wires for entry in items))
        anchors = wiring.lanes.anchors
        wires = [k for k, wire in enumerate(wiring.wires) if k in used or not (wire.starts_late or wire.is_classical)]
        wires.sort(key=lambda k: (wiring.wires[k].is_classical, anchors.get(k, k), k))
        drawn = Scene(title, subtitle, tuple(wiring.wires), tuple(items))
        return drawn if wires == [*range(len(wiring.wires))] else changed(drawn, wires=wires)

    def frame(
        self, family: str, sections: list[Section], first: int, kept: set[int] | None = None, **details: Any
    ) -> list[Item]:
        """A frame around what its sections touch; it drops those qubits made since `first` that are not `kept`."""
        drops = tuple(wire for wire in self.wiring.made_since(first) if wire not in (kept or set()))
        return framed(family, sections, drops=drops, **details)
