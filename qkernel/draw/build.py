"""IR -> scene: one walk over a function, with what is known of its arguments.

The walk evaluates expressions where their names are known and leaves them symbolic elsewhere. A loop becomes a frame, or
its rounds where they are known and asked for; a call becomes a box, or a frame around what it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Any, TypeVar

from qkernel.diagnostics import did_you_mean
from qkernel.draw.calls import call_items, is_opened_call
from qkernel.draw.control_flow import branch_items, loop_items, while_items
from qkernel.draw.lanes import Level
from qkernel.draw.operations import (
    alloc_operations,
    control_places,
    evolve_operation,
    gate_operations,
    measure_operation,
    readout_operation,
    reset_operations,
)
from qkernel.draw.regions import Scope, Wiring, describe_arguments, register_value
from qkernel.draw.scene import Frame, Item, Operation, Scene, Section, Touch
from qkernel.errors import BindingTypeError, EmitError, SizeError, UnknownBindingError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Name
from qkernel.ir.ops import (
    Alloc,
    Block,
    Call,
    Expval,
    For,
    Function,
    Gate,
    If,
    Measure,
    Module,
    Op,
    Parameter,
    PauliEvolve,
    Probabilities,
    Reset,
    While,
)
from qkernel.ir.places import Place
from qkernel.ir.types import QUBIT, UINT, is_quantum

T = TypeVar("T")
_HIDDEN_BOXES = 4000
"""How many boxes a drawing that unfolds on click may hold beside those that it shows at first."""

_MOST_ROUNDS = 100_000
"""How many rounds of loops are gone through, those that draw nothing included."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a reader asked to see. `keep_bodies`: also what boxes and folded loops stand for, to unfold them later."""

    fold_loops: bool = True
    inline_depth: int = 0
    expand_composite: bool = False
    max_gates: int = 1000
    keep_bodies: bool = False


def build_scene(module: Module, values: Mapping[str, Any], options: Options) -> Scene:
    """The scene of the module's entry; `values` bind arguments by name, an int for a register gives its length."""
    entry = module.entry
    names = [parameter.name for parameter in entry.parameters]
    for name in values:
        if name not in names:
            title = f"`{entry.name}` has no argument `{name}`{did_you_mean(name, names)}"
            listed = f"its arguments are {', '.join(names)}" if names else "it has none"
            raise UnknownBindingError(title, span=entry.span, label=listed)
    builder = Builder(module, options)
    scope = Scope(entry, {}, {}, (entry.name,))
    checked = _checked(entry, values)
    shown = {parameter.name: builder.bind(parameter, checked, scope) for parameter in entry.parameters}
    items = builder.block(entry.body, scope)
    classical = {name: value for name, value in shown.items() if value is not None}
    scene = Scene(entry.name, describe_arguments(classical), tuple(builder.wiring.wires), tuple(items))
    return _arranged(scene, builder.wiring)


def _checked(entry: Function, values: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, as every other reader of the kernel takes them."""
    from qkernel.lower.bindings import normalise

    given = [parameter for parameter in entry.parameters if parameter.name in values]
    classical = tuple(parameter for parameter in given if not is_quantum(parameter.type))
    bound = normalise(replace(entry, parameters=classical), {parameter.name: values[parameter.name] for parameter in classical})
    sizes = {parameter.name: _length(parameter, values[parameter.name]) for parameter in given if is_quantum(parameter.type)}
    return {**bound.values, **sizes}


def _length(parameter: Parameter, size: Any) -> int:
    """The length that is given for a register."""
    if parameter.type == QUBIT or isinstance(size, bool) or not isinstance(size, Integral):
        title = f"`{parameter.name}` is of type {parameter.type} and cannot be {size!r}"
        raise BindingTypeError(title, span=parameter.span, help="a drawing takes the length of a register, or nothing")
    return int(size)


@dataclass(slots=True)
class Builder:
    """One drawing in the making.

    `limit` and `count` are of the boxes shown, or of the `hidden` ones while in `optional`; `rounds` are of unfolded loops.
    """

    module: Module
    options: Options
    wiring: Wiring = field(default_factory=Wiring)
    count: int = 0
    limit: int = 0
    hidden: int = 0
    rounds: int = 0

    def __post_init__(self) -> None:
        self.limit = self.options.max_gates

    def bind(self, parameter: Parameter, values: Mapping[str, Any], scope: Scope) -> Any:
        """Give an argument of the entry its value, itself as a symbol, or wires (then None)."""
        name = parameter.name
        if is_quantum(parameter.type):
            size = None if parameter.type == QUBIT else values.get(name, Name(f"len({name})", UINT))
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
            is_opened = isinstance(op, Call) and is_opened_call(self, self.module[op.callee], scope)
            places = control_places(op.modifiers) if isinstance(op, Call) and is_opened else _places(op)
            if is_opened or isinstance(op, (For, While)):
                lanes.leave(self.wiring)
            lanes.prepare([self.wiring.place(place, scope, op.span) for place in places], self.wiring)
            found = self.items(op, scope, at_start=not items and len(lanes.levels) == 1)
            found = [entry for entry in found if isinstance(entry, Frame) or entry.touches]  # none on a register of length 0
            if not isinstance(op, (For, While, If)):  # what stands in these is counted already
                self.charge(sum(isinstance(entry, Operation) for entry in found), scope)
            items += found
            lanes.end([wire for entry in found if isinstance(entry, Operation) for wire in entry.ended])

    def items(self, op: Op, scope: Scope, at_start: bool) -> list[Item]:
        """What one op of the IR is in the drawing."""
        match op:
            case Alloc():
                return [*alloc_operations(op, self.wiring, scope, at_start)]
            case Gate():
                return [*gate_operations(op, self.wiring, scope)]
            case PauliEvolve():
                return [evolve_operation(op, self.wiring, scope)]
            case Measure():
                return [measure_operation(op, self.wiring, scope)]
            case Reset():
                return [*reset_operations(op, self.wiring, scope)]
            case Expval() | Probabilities():
                return [readout_operation(op, self.wiring, scope)]
            case Call():
                return call_items(self, op, scope)
            case For():
                return loop_items(self, op, scope)
            case While():
                return while_items(self, op, scope)
            case If():
                return branch_items(self, op, scope)

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
        """Begin another round of an unfolded loop."""
        self.rounds += 1
        if self.rounds > _MOST_ROUNDS:
            raise SizeError(
                f"the loops of `{self.module.entry.name}` have more than {_MOST_ROUNDS} rounds to unfold",
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

    def frame(
        self, family: str, sections: list[Section], first: int, kept: set[int] | None = None, **details: Any
    ) -> list[Item]:
        """A frame around what its sections touch, or nothing where they touch nothing.

        Qubits from wire `first` on were made inside; the frame drops those that are not `kept`.
        """
        wires = {wire for section in sections for entry in section.items for wire in _quantum_wires(entry)}
        if not wires:
            return []
        drops = tuple(wire for wire in self.wiring.qubits_from(first) if wire not in (kept or set()))
        return [Frame(family, tuple(sections), tuple(sorted(wires)), drops=drops, **details)]


def _places(op: Op) -> list[Place]:
    """The places that an op acts on by itself."""
    match op:
        case Gate() | PauliEvolve():
            return [*control_places(op.modifiers), *op.places]
        case Call():
            return [*control_places(op.modifiers), *(value for value in op.arguments if isinstance(value, Place))]
        case Measure() | Reset():
            return [op.place]
        case Expval() | Probabilities():
            return [*op.places]
        case _:
            return []


def _quantum_wires(entry: Item) -> set[int]:
    if isinstance(entry, Operation):
        return {touch.wire for touch in entry.touches}
    return {*entry.wires, *(touch.wire for touch in entry.controls)}


def _all_wires(entry: Item) -> set[int]:
    if isinstance(entry, Operation):
        return {*_quantum_wires(entry), *entry.bits} | (_all_wires(entry.body) if entry.body else set())
    inside = [inner for section in entry.sections for inner in section.items] + list(entry.unrolled or ())
    return {*_quantum_wires(entry), *entry.bits}.union(*map(_all_wires, inside))


def _arranged(scene: Scene, wiring: Wiring) -> Scene:
    """The same scene with lanes below their registers and classical wires below all, without wires that nothing touches."""
    used = set().union(*map(_all_wires, scene.items))
    anchors = {lane: wiring.registers[name].wires[-1] for name, found in wiring.lanes.wires.items() for lane in found}
    wires = [k for k, wire in enumerate(scene.wires) if k in used or not (wire.starts_late or wire.is_classical)]
    wires.sort(key=lambda k: (scene.wires[k].is_classical, anchors.get(k, k), k))
    rows = {wire: row for row, wire in enumerate(wires)}
    return replace(
        scene, wires=tuple(scene.wires[k] for k in wires), items=tuple(_renumbered(entry, rows) for entry in scene.items)
    )


def _renumbered(entry: Item, rows: Mapping[int, int]) -> Any:
    def touches(old: tuple[Touch, ...]) -> tuple[Touch, ...]:
        return tuple(replace(touch, wire=rows[touch.wire]) for touch in old)

    def wires(old: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(rows[wire] for wire in old if wire in rows))

    if isinstance(entry, Operation):
        body = None if entry.body is None else _renumbered(entry.body, rows)
        return replace(entry, touches=touches(entry.touches), ended=wires(entry.ended), bits=wires(entry.bits), body=body)
    return replace(
        entry,
        sections=tuple(replace(part, items=tuple(_renumbered(inner, rows) for inner in part.items)) for part in entry.sections),
        wires=wires(entry.wires),
        controls=touches(entry.controls),
        bits=wires(entry.bits),
        drops=wires(entry.drops),
        unrolled=None if entry.unrolled is None else tuple(_renumbered(inner, rows) for inner in entry.unrolled),
    )
