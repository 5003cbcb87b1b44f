"""IR -> scene: one walk over a function, with what is known of its arguments.

The walk evaluates expressions where their names are known and leaves them symbolic elsewhere. A loop becomes a frame, or
its rounds where they are known and asked for; a call becomes a box, or a frame around what it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.diagnostics import Note
from qkernel.draw.labels import label
from qkernel.draw.operations import decoration, gate_operations, place_operation
from qkernel.draw.regions import Scope, Wiring, argument_label, describe, register_value
from qkernel.draw.scene import Frame, Item, Mark, Operation, Scene, Section, Touch
from qkernel.errors import SizeError, UnknownBindingError
from qkernel.ir.expressions import Const, Expr, Name, evaluate, free_names
from qkernel.ir.ops import (
    Alloc,
    Block,
    Call,
    Expval,
    For,
    Function,
    Gate,
    If,
    Items,
    Joined,
    Measure,
    Module,
    Op,
    PauliEvolve,
    Probabilities,
    Range,
    Reset,
    While,
)
from qkernel.ir.places import Place
from qkernel.ir.spans import Span
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, is_quantum


@dataclass(frozen=True, slots=True)
class Options:
    """What a reader asked to see."""

    fold_loops: bool = True
    inline_depth: int = 0
    expand_composite: bool = False
    max_gates: int = 1000
    keep_bodies: bool = False


def build_scene(module: Module, values: Mapping[str, Any], options: Options) -> Scene:
    """The scene of the module's entry; `values` bind arguments by name, an int for a register gives its length."""
    builder = Builder(module, options)
    entry = module.entry
    known = {parameter.name: parameter for parameter in entry.parameters}
    for name in values:
        if name not in known:
            from qkernel.diagnostics import did_you_mean

            raise UnknownBindingError(f"`{entry.name}` has no argument `{name}`{did_you_mean(name, list(known))}", span=entry.span)
    scope = Scope(entry, {}, {}, (entry.name,))
    shown: dict[str, Any] = {}
    for parameter in entry.parameters:
        if is_quantum(parameter.type):
            size: Any = None
            if parameter.type != QUBIT:
                size = values.get(parameter.name, Name(f"len({parameter.name})", UINT))
            scope.places[parameter.name] = builder.wiring.add_register(parameter.name, size, False, parameter.span)
            scope.environment[parameter.name] = register_value(parameter.name, scope.places[parameter.name])
            continue
        builder.wiring.names.add(parameter.name)
        default = parameter.default
        value = values[parameter.name] if parameter.name in values else default and evaluate(default, {})
        shown[parameter.name] = Name(parameter.name, parameter.type) if value is None else value
        scope.environment[parameter.name] = shown[parameter.name]
    items = builder.block(entry.body, scope)
    return _quantum_first(Scene(entry.name, describe(shown), tuple(builder.wiring.wires), tuple(items)))


@dataclass(slots=True)
class Builder:
    """One drawing in the making."""

    module: Module
    options: Options
    wiring: Wiring = field(default_factory=Wiring)
    count: int = 0

    def block(self, ops: Block, scope: Scope) -> list[Item]:
        """The items of a block; `scope` learns what the block defines."""
        items: list[Item] = []
        for op in ops:
            items += self.item(op, scope, at_start=not items and len(scope.callers) == 1)
        return items

    def item(self, op: Op, scope: Scope, at_start: bool) -> list[Item]:
        match op:
            case Alloc():
                found: list[Item] = [*self.alloc(op, scope, at_start)]
            case Gate():
                found = [*gate_operations(op, self.wiring, scope)]
            case PauliEvolve():
                found = [self.evolve(op, scope)]
            case Measure():
                found = [self.measure(op, scope)]
            case Reset(place, span):
                region = self.wiring.region(self.wiring.place(place, scope, span), span)
                marked = [(region, Mark.RESET, "")]
                found = [replace(place_operation("|0⟩", "reset", marked), tooltip=f"reset({region.text})", span=span)]
            case Expval() | Probabilities():
                found = [self.readout(op, scope)]
            case Call():
                return self.call(op, scope)
            case For():
                return self.loop(op, scope)
            case While():
                return self.while_loop(op, scope)
            case If():
                return self.branch(op, scope)
        self.charge(len(found), scope)
        return found

    def charge(self, operations: int, scope: Scope) -> None:
        """Count what is drawn, and stop where it is more than the reader asked for."""
        self.count += operations
        if self.count > self.options.max_gates:
            raise SizeError(
                f"the drawing of `{self.module.entry.name}` has more than {self.options.max_gates} boxes",
                span=scope.function.span,
                label="reached while drawing this",
                notes=(Note("drawings stop there by themselves, since nobody reads more"),),
                help="draw less with fold_loops=True or inline=False, or more with a larger max_gates=",
            )

    # Operations

    def alloc(self, op: Alloc, scope: Scope, at_start: bool) -> list[Operation]:
        size = None if op.size is None else scope.resolve(op.size, op.span)
        place = self.wiring.add_register(op.register, size, not at_start, op.span)
        scope.places[op.register] = place
        scope.environment[op.register] = register_value(op.register, place)
        if at_start:
            return []
        wires = self.wiring.registers[place.register].wires
        return [Operation("|0⟩", "start", (Touch(wire, Mark.START),), tooltip="a fresh qubit", span=op.span) for wire in wires]

    def evolve(self, op: PauliEvolve, scope: Scope) -> Operation:
        regions = [self.wiring.region(self.wiring.place(place, scope, op.span), op.span) for place in op.places]
        extra = decoration(op.modifiers, self.wiring, scope, op.span)
        time, observable = label(scope.resolve(op.time, op.span)), label(scope.resolve(op.observable, op.span))
        name = "exp(-itH)" + ("†" if extra.is_adjoint else "") + extra.suffix
        marked = [(region, Mark.BOX, "") for region in regions]
        operation = place_operation(name, "evolve", marked, extra.controls, (f"t={time}", f"H={observable}"))
        return replace(operation, tooltip=f"pauli_evolve(H={observable}, t={time})", span=op.span)

    def measure(self, op: Measure, scope: Scope) -> Operation:
        place = self.wiring.place(op.place, scope, op.span)
        region = self.wiring.region(place, op.span)
        size = None if place.length is None else place.length
        name = self.wiring.add_bits(op.result, size)
        scope.environment[op.result] = Name(name, BIT if size is None else ArrayType(BIT))
        basis = "" if op.basis == "z" else op.basis.upper()
        operation = place_operation(basis, "measure", [(region, Mark.METER, "")])
        if operation.place:
            operation = replace(operation, touches=tuple(replace(touch, mark=Mark.METER) for touch in operation.touches))
        ends = not op.keeps and region.is_exact
        tooltip = f"{name} = measure{f' in {basis}' if basis else ''}({region.text})"
        return replace(operation, ends=ends, bits=(self.wiring.bits[name],), tooltip=tooltip, span=op.span)

    def readout(self, op: Expval | Probabilities, scope: Scope) -> Operation:
        regions = [self.wiring.region(self.wiring.place(place, scope, op.span), op.span) for place in op.places]
        text = "probabilities"
        kind: Any = ArrayType(FLOAT)
        if isinstance(op, Expval):
            observable = scope.resolve(op.observable, op.span)
            kind = FLOAT if op.observable.type not in (ArrayType(op.observable.type),) else kind
            listed = list(observable) if isinstance(observable, (list, tuple)) else [observable]
            text = ", ".join(f"⟨{label(entry)}⟩" for entry in listed)
        name = self.wiring.fresh(op.result)
        scope.environment[op.result] = Name(name, kind)
        operation = place_operation(text, "readout", [(region, Mark.BOX, "") for region in regions])
        written = f"expval of {text}" if isinstance(op, Expval) else text
        tooltip = f"{written} on {', '.join(region.text for region in regions)}"
        return replace(operation, ends=all(region.is_exact for region in regions), tooltip=tooltip, span=op.span)

    # Calls

    def call(self, op: Call, scope: Scope) -> list[Item]:
        callee = self.module[op.callee]
        inner = self.enter(callee, op, scope)
        title = self.call_title(callee, op, scope)
        if self.is_opened(callee, scope):
            return [*self.opened(op, callee, title, inner, scope)]
        state, count = self.wiring.snapshot(), self.count
        body: Frame | None = None
        if callee.kind != "oracle" and (self.options.keep_bodies or any(op.results)):
            opened = self.opened(op, callee, title, inner, scope.branch())
            body = opened[0] if opened and self.options.keep_bodies else None
        places = {name: inner.places[value.register] for name, value in self.new_registers(op, callee, inner)}
        sizes = {name: place.length for name, place in places.items()}
        if body is None:
            self.wiring.restore(state)
        self.count = count
        operation = self.call_box(op, callee, scope)
        operation = replace(operation, body=body, touches=operation.touches + self.results(op, callee, sizes, inner, scope))
        bits = tuple(self.wiring.bits[name] for name in self.bit_results(op, callee, scope))
        self.charge(1, scope)
        return [replace(operation, bits=bits)] if operation.touches or bits else []

    def is_opened(self, callee: Function, scope: Scope) -> bool:
        """Whether a call of `callee` is drawn as what it stands for."""
        if callee.kind == "oracle" or (callee.kind == "composite" and not self.options.expand_composite):
            return False
        if callee.name in scope.callers and not scope.is_certain:
            return False
        return len(scope.callers) <= self.options.inline_depth

    def enter(self, callee: Function, op: Call, scope: Scope) -> Scope:
        """The callee's scope, its arguments in terms of the drawing."""
        inner = Scope(callee, {}, {}, (*scope.callers, callee.name), scope.is_certain)
        for parameter, argument in zip(callee.parameters, op.arguments, strict=True):
            if isinstance(argument, Place):
                place = self.wiring.place(argument, scope, op.span)
                inner.places[parameter.name] = place
                inner.environment[parameter.name] = register_value(parameter.name, place)
            else:
                inner.environment[parameter.name] = scope.resolve(argument, op.span)
        return inner

    def call_title(self, callee: Function, op: Call, scope: Scope) -> str:
        extra = decoration(op.modifiers, self.wiring, scope, op.span)
        name = (callee.label or callee.name) + ("†" if extra.is_adjoint else "") + extra.suffix
        arguments = ", ".join(self.call_lines(callee, op, scope))
        return f"{name}({arguments})" if arguments else name

    def call_lines(self, callee: Function, op: Call, scope: Scope) -> tuple[str, ...]:
        return tuple(
            argument_label(parameter.name, scope.resolve(argument, op.span))
            for parameter, argument in zip(callee.parameters, op.arguments, strict=True)
            if not isinstance(argument, Place)
        )

    def call_box(self, op: Call, callee: Function, scope: Scope) -> Operation:
        extra = decoration(op.modifiers, self.wiring, scope, op.span)
        targets = []
        quantum = [
            (parameter, argument)
            for parameter, argument in zip(callee.parameters, op.arguments, strict=True)
            if isinstance(argument, Place)
        ]
        for parameter, argument in quantum:
            region = self.wiring.region(self.wiring.place(argument, scope, op.span), op.span)
            targets.append((region, Mark.BOX, parameter.name if len(quantum) > 1 else ""))
        name = (callee.label or callee.name) + ("†" if extra.is_adjoint else "") + extra.suffix
        family = {"kernel": "call", "composite": "composite", "oracle": "oracle"}[callee.kind]
        operation = place_operation(name, family, targets, extra.controls, self.call_lines(callee, op, scope))
        return replace(operation, tooltip=self.call_title(callee, op, scope), span=op.span)

    def opened(self, op: Call, callee: Function, title: str, inner: Scope, scope: Scope) -> list[Item]:
        """A call as a frame around the callee's body; its results become names of the caller."""
        extra = decoration(op.modifiers, self.wiring, scope, op.span)
        first = len(self.wiring.wires)
        items = self.block(callee.body, inner)
        kept: set[int] = set()
        for name, value in zip(op.results, callee.returns, strict=False):
            if name is not None and isinstance(value, Place):
                place = self.wiring.place(value, inner, op.span)
                scope.places[name] = place
                scope.environment[name] = register_value(name, place)
                kept.update(self.wiring.region(place).wires)
            elif name is not None and not isinstance(value, Place):
                scope.environment[name] = inner.resolve(value, op.span)
        controls = tuple(Touch(wire, mark, text) for region, mark, text in extra.controls for wire in region.wires)
        drops = self.dropped(first, kept)
        frame = self.frame("opened", [Section(title, tuple(items))], drops, controls=controls, span=callee.span, tooltip=title)
        return [frame] if frame else []

    def new_registers(self, op: Call, callee: Function, inner: Scope) -> list[tuple[str, Place]]:
        """The registers that a call hands to its caller: their names there, and what the callee returns."""
        pairs = zip(op.results, callee.returns, strict=False)
        return [(name, value) for name, value in pairs if name is not None and isinstance(value, Place)]

    def results(
        self, op: Call, callee: Function, sizes: Mapping[str, Expr | None], inner: Scope, scope: Scope
    ) -> tuple[Touch, ...]:
        """Fresh wires for the registers that come out of a box."""
        touches: list[Touch] = []
        for name, value in self.new_registers(op, callee, inner):
            size = sizes[name] if value.length is not None else None
            known = size.value if isinstance(size, Const) else size
            place = self.wiring.add_register(name, known, True, op.span)
            scope.places[name], scope.environment[name] = place, register_value(name, place)
            touches += [Touch(wire, Mark.BOX) for wire in self.wiring.registers[place.register].wires]
        return tuple(touches)

    def bit_results(self, op: Call, callee: Function, scope: Scope) -> list[str]:
        """Classical wires for the bits that come out of a box; other results become names."""
        bits: list[str] = []
        for name, value in zip(op.results, callee.returns, strict=False):
            if name is None or isinstance(value, Place):
                continue
            if value.type in (BIT, ArrayType(BIT)):
                unique = self.wiring.add_bits(name, None if value.type == BIT else Name(f"len({name})", UINT))
                bits.append(unique)
            else:
                unique = self.wiring.fresh(name)
            scope.environment[name] = Name(unique, value.type)
        return bits

    # Control flow

    def frame(self, family: str, sections: list[Section], drops: tuple[int, ...] = (), **details: Any) -> Frame | None:
        """A frame around what its sections touch, or nothing where they touch nothing."""
        wires = {wire for section in sections for entry in section.items for wire in _quantum_wires(entry)}
        if not wires:
            return None
        return Frame(family, tuple(sections), tuple(sorted(wires)), drops=drops, **details)

    def dropped(self, first: int, kept: set[int]) -> tuple[int, ...]:
        """Qubits from wire `first` on that nobody outside sees."""
        wires = enumerate(self.wiring.wires[first:], first)
        return tuple(k for k, wire in wires if not wire.is_classical and k not in kept)

    def loop(self, op: For, scope: Scope) -> list[Item]:
        domain = op.domain
        if isinstance(domain, Range):
            bounds = [scope.resolve(part, op.span) for part in (domain.start, domain.stop, domain.step)]
            known = not any(isinstance(bound, Expr) for bound in bounds)
            rounds: Any = [(k,) for k in range(*bounds)] if known else None
            title, badge = f"for {op.targets[0]} in {range_label(bounds)}", rounds_label(bounds)
        else:
            dictionary = scope.resolve(domain.dictionary, op.span)
            rounds = None if isinstance(dictionary, Expr) else [_item_targets(op.targets, pair) for pair in dictionary.items()]
            title, badge = _items_title(op, domain), f"× {len(rounds)}" if rounds is not None else f"× len({label(dictionary)})"
        if rounds is not None and not rounds:
            for carried in op.carried:
                scope.environment[carried.name] = scope.resolve(carried.initial, op.span)
            return []
        if rounds is not None and not self.options.fold_loops:
            return self.unrolled(op, rounds, scope)
        unrolled = self.rounds_to_unfold(op, rounds, scope)
        return self.folded(op, title, badge, unrolled, scope)

    def unrolled(self, op: For, rounds: list[tuple[Any, ...]], scope: Scope) -> list[Item]:
        """A loop, round by round."""
        carried = {entry.name: scope.resolve(entry.initial, op.span) for entry in op.carried}
        items: list[Item] = []
        for values in rounds:
            inner = scope.branch()
            inner.environment |= carried | dict(zip(op.targets, values, strict=True))
            first = len(self.wiring.wires)
            found = self.block(op.body, inner)
            carried = {entry.name: inner.resolve(entry.next, op.span) for entry in op.carried}
            items += found
            drops = self.dropped(first, set())
            if drops:
                items.append(Operation("", "end", tuple(Touch(wire, Mark.START) for wire in drops), ends=True, span=op.span))
        scope.environment |= carried
        return items

    def rounds_to_unfold(self, op: For, rounds: Any, scope: Scope) -> tuple[Item, ...] | None:
        """The rounds of a loop for a drawing that can unfold it, where they are few enough."""
        if not self.options.keep_bodies or rounds is None:
            return None
        state, count = self.wiring.snapshot(), self.count
        try:
            items = self.unrolled(op, rounds, scope.branch())
        except SizeError:
            self.wiring.restore(state)
            self.count = count
            return None
        return tuple(items)

    def folded(self, op: For, title: str, badge: str, unrolled: tuple[Item, ...] | None, scope: Scope) -> list[Item]:
        """A loop as a frame around its body, the targets symbolic."""
        inner = scope.branch()
        used: list[str] = []
        for target, kind in zip(op.targets, _target_types(op), strict=True):
            unique = self.wiring.fresh(target)
            inner.environment[target] = Name(unique, kind)
            used.append(unique)
            title = title if unique == target else title.replace(f" {target} ", f" {unique} ", 1)
        notes = self.carry(op.carried, scope, inner)
        first = len(self.wiring.wires)
        items = self.block(op.body, inner)
        self.wiring.names.difference_update(used)
        full = title + (f" with {', '.join(notes)}" if notes else "")
        frame = self.frame(
            "loop", [Section(full, tuple(items))], self.dropped(first, set()),
            badge=badge, span=op.span, tooltip=f"{full}, {badge.removeprefix('× ')} rounds", unrolled=unrolled,
        )  # fmt: skip
        return [frame] if frame else []

    def carry(self, carried: tuple[Any, ...], scope: Scope, inner: Scope) -> list[str]:
        """Carried values keep their names in the body and after it; the notes say how they go on."""
        notes: list[str] = []
        initial = {entry.name: scope.resolve(entry.initial) for entry in carried}
        for entry in carried:
            unique = self.wiring.fresh(entry.name)
            scope.environment[entry.name] = inner.environment[entry.name] = Name(unique, entry.initial.type)
            if entry.initial.type in (BIT, ArrayType(BIT)):
                sources = [self.wiring.bits[name] for name in _names(initial[entry.name]) if name in self.wiring.bits]
                if sources:
                    self.wiring.bits[unique] = sources[0]
            notes.append(f"{unique} from {label(initial[entry.name])}")
        return notes

    def while_loop(self, op: While, scope: Scope) -> list[Item]:
        inner = scope.branch()
        self.carry(op.carried, scope, inner)
        condition = inner.resolve(op.condition, op.span)
        inner.is_certain = False
        title = f"while {label(condition)}"
        first = len(self.wiring.wires)
        section = Section(title, tuple(self.block(op.body, inner)))
        frame = self.frame("loop", [section], self.dropped(first, set()), bits=self.read(condition), span=op.span, tooltip=title)
        return [frame] if frame else []

    def branch(self, op: If, scope: Scope) -> list[Item]:
        condition = scope.resolve(op.condition, op.span)
        if not isinstance(condition, Expr):
            items = self.block(op.then if condition else op.otherwise, scope)
            for joined in op.joined:
                scope.environment[joined.name] = scope.resolve(joined.then if condition else joined.otherwise, op.span)
            return items
        first = len(self.wiring.wires)
        sections = self.sections(op, condition, "if", scope)
        self.join(op.joined, scope)
        bits = self.read(condition)
        frame = self.frame("branch", sections, self.dropped(first, set()), bits=bits, span=op.span, tooltip=sections[0].title)
        return [frame] if frame else []

    def sections(self, op: If, condition: Any, word: str, scope: Scope) -> list[Section]:
        """The branches of a condition that is open; an `else` that is only another condition becomes an `elif`."""
        then, otherwise = scope.branch(), scope.branch()
        then.is_certain = otherwise.is_certain = False
        sections = [Section(f"{word} {label(condition)}", tuple(self.block(op.then, then)))]
        if len(op.otherwise) == 1 and isinstance(op.otherwise[0], If):
            inner = op.otherwise[0]
            second = otherwise.resolve(inner.condition, inner.span)
            if isinstance(second, Expr):
                return sections + self.sections(inner, second, "elif", otherwise)
        rest = tuple(self.block(op.otherwise, otherwise))
        return [*sections, Section("else", rest)] if rest else sections

    def join(self, joined: tuple[Joined, ...], scope: Scope) -> None:
        """Values that depend on the branch keep their names."""
        for entry in joined:
            scope.environment[entry.name] = Name(self.wiring.fresh(entry.name), entry.then.type)

    def read(self, condition: Any) -> tuple[int, ...]:
        """The classical wires that a condition reads."""
        return tuple(sorted({self.wiring.bits[name] for name in _names(condition) if name in self.wiring.bits}))


def _names(value: Any) -> frozenset[str]:
    return free_names(value) if isinstance(value, Expr) else frozenset()


def _target_types(op: For) -> list[Any]:
    """The types of a loop's targets: a number, or the parts of a key and the value."""
    if isinstance(op.domain, Range):
        return [UINT]
    kind = op.domain.dictionary.type
    if not isinstance(kind, DictType):
        return [UINT] * len(op.targets)
    keys = list(kind.key.items) if isinstance(kind.key, TupleType) and len(op.targets) > 2 else [kind.key]
    return [*keys, kind.value] if len(keys) + 1 == len(op.targets) else [UINT] * (len(op.targets) - 1) + [kind.value]


def _item_targets(targets: tuple[str, ...], pair: tuple[Any, Any]) -> tuple[Any, ...]:
    key, value = pair
    return (*key, value) if len(targets) > 2 else (key, value)


def _items_title(op: For, domain: Items) -> str:
    *keys, value = op.targets
    return f"for {keys[0] if len(keys) == 1 else '(' + ', '.join(keys) + ')'}, {value} in {label(domain.dictionary)}.items()"


def range_label(bounds: list[Any]) -> str:
    """`range(n)`, `range(1, n)`, `range(n - 1, -1, -1)`."""
    start, stop, step = map(label, bounds)
    if step != "1":
        return f"range({start}, {stop}, {step})"
    return f"range({stop})" if start == "0" else f"range({start}, {stop})"


def rounds_label(bounds: list[Any]) -> str:
    """How often a loop runs."""
    start, stop, step = bounds
    if not any(isinstance(bound, Expr) for bound in bounds):
        return f"× {len(range(start, stop, step))}"
    if isinstance(step, Expr) or step not in (1, -1):
        return f"× len({range_label(bounds)})"
    count = stop - start if step == 1 else start - stop
    text = label(count)
    return f"× {text}" if isinstance(count, Name) else f"× max(0, {text})"


def _quantum_wires(entry: Item) -> set[int]:
    if isinstance(entry, Operation):
        return {touch.wire for touch in entry.touches}
    return {*entry.wires, *(touch.wire for touch in entry.controls)}


def _quantum_first(scene: Scene) -> Scene:
    """The same scene with its classical wires below the others."""
    order = sorted(range(len(scene.wires)), key=lambda k: scene.wires[k].is_classical)
    rows = {wire: row for row, wire in enumerate(order)}
    wires = tuple(scene.wires[k] for k in order)
    return replace(scene, wires=wires, items=tuple(_renumbered(entry, rows) for entry in scene.items))


def _renumbered(entry: Item, rows: Mapping[int, int]) -> Any:
    def touches(old: tuple[Touch, ...]) -> tuple[Touch, ...]:
        return tuple(replace(touch, wire=rows[touch.wire]) for touch in old)

    def wires(old: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(rows[wire] for wire in old))

    if isinstance(entry, Operation):
        body = None if entry.body is None else _renumbered(entry.body, rows)
        return replace(entry, touches=touches(entry.touches), bits=wires(entry.bits), body=body)
    return replace(
        entry,
        sections=tuple(replace(part, items=tuple(_renumbered(inner, rows) for inner in part.items)) for part in entry.sections),
        wires=wires(entry.wires),
        controls=touches(entry.controls),
        bits=wires(entry.bits),
        drops=wires(entry.drops),
        unrolled=None if entry.unrolled is None else tuple(_renumbered(inner, rows) for inner in entry.unrolled),
    )


def source_of(span: Span | None) -> str:
    """`file.py:12` of a span."""
    return f"{span.file.rsplit('/', 1)[-1]}:{span.line}" if span else ""
