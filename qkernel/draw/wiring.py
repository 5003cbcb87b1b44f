"""The wires that a drawing has given out so far, and which of them a place of the IR is.

Lanes: what an index chooses, taken out of its register onto a line of its own.
Where a register is one wire, or an index is not known, no wire of the drawing is `q[k]`. So `q[k]` gets a lane below its
register for as long as it is used: a fan leads out of the register to its lanes, and another back. The lane of a loop
variable lives inside that loop's frame; an operation on the register as a whole takes the lanes back first. Two lanes may
be the same qubit, so the layout keeps operations on them one after another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qkernel.diagnostics import Span, written_name
from qkernel.draw.labels import label, place_label
from qkernel.draw.scene import Item, Mark, Operation, Touch, Wire
from qkernel.draw.scope import Scope
from qkernel.errors import QubitIndexResolutionError, SizeError
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, wrap
from qkernel.ir.places import Place, joined

BUNDLE_ABOVE = 128
"""Registers longer than this are drawn as one bundled wire even where their length is known."""

_MOST_LANES = 8
"""Lanes of one fan, where no loop bounds them."""


@dataclass(frozen=True, slots=True)
class Register:
    """Wires of one register; `size` is None for a single qubit. A bundle has one wire for all its qubits."""

    label: str
    wires: tuple[int, ...]
    size: Expr | None
    is_bundle: bool


@dataclass(frozen=True, slots=True)
class Region:
    """The wires of a place. `is_exact` says whether they tell the whole place; if not, `text` is needed beside them."""

    wires: tuple[int, ...]
    text: str
    is_exact: bool


@dataclass(slots=True)
class Fan:
    """The lanes of one register that a block has taken out, by what they hold.

    `used` are all that lived since then; `is_bound` says whether the block's own loop variables choose any of them.
    """

    opening: int
    lanes: dict[str, int] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    is_bound: bool = False


@dataclass(slots=True)
class Level:
    """A block being read: what is drawn so far, the loop variables that it binds, its fans by register."""

    items: list[Item]
    targets: frozenset[str] = frozenset()
    is_loop: bool = False
    fans: dict[str, Fan] = field(default_factory=dict)


def stretches(place: Place) -> list[Place]:
    """The places of registers with names that a place consists of, or has its qubits from."""
    if not place.pieces:
        return [place]
    return [stretch for piece in place.pieces for stretch in stretches(piece)]


def name_of(place: Place) -> str:
    """The register of a place that lies in one with a name."""
    assert isinstance(place.register, str)
    return place.register


@dataclass(slots=True)
class Lanes:
    """All lanes of a drawing, each below a wire that is its anchor.

    Below `floor` nothing new begins: a body that is hidden at first has lanes of its own.
    """

    wires: dict[str, list[int]] = field(default_factory=dict)
    anchors: dict[int, int] = field(default_factory=dict)
    levels: list[Level] = field(default_factory=list)
    floor: int = 0

    def find(self, register: str, text: str) -> int | None:
        """The lane of a place, if it has one now."""
        for level in reversed(self.levels):
            if register in level.fans and text in level.fans[register].lanes:
                return level.fans[register].lanes[text]
        return None

    def prepare(self, places: Sequence[Place], wiring: Wiring) -> None:
        """Give the places of one operation the lanes that they need, and take back those of registers used whole."""
        places = [stretch for place in places for stretch in stretches(place)]
        unclear = [place for place in places if wiring.needs_words(place)]
        count = Counter(map(name_of, unclear))
        for place in places:
            text, register = wiring.text(place), name_of(place)
            if place in unclear and self._wants_lane(place, count[register], len(places), wiring):
                if self.find(register, text) is None:
                    self._begin(place, text, wiring)
            elif place.length is not None and register in self.levels[-1].fans:
                self.close(self.levels[-1], register, wiring)

    def _wants_lane(self, place: Place, same: int, places: int, wiring: Wiring) -> bool:
        if same > 1:
            return True
        register = name_of(place)
        is_bundle = wiring.registers[register].is_bundle
        if place.length is not None:
            return places > 1 and not is_bundle
        return not is_bundle or any(level.is_loop or register in level.fans for level in self.levels)

    def _begin(self, place: Place, text: str, wiring: Wiring) -> None:
        level, register = self._owner(place), name_of(place)
        fan = level.fans.get(register)
        if fan is not None and len(fan.lanes) >= _MOST_LANES and not level.is_loop:
            self.close(level, register, wiring)
            fan = None
        if fan is None:
            taps = tuple(Touch(wire, Mark.TAP) for wire in wiring.registers[register].wires)
            fan = level.fans[register] = Fan(len(level.items))
            level.items.append(Operation("", "fan", taps))
        lane = self._free(register, fan, wiring)
        fan.lanes[text] = lane
        fan.is_bound |= bool(place.names & level.targets)
        for other in self.levels:
            if register in other.fans:
                other.fans[register].used.add(lane)
        opening = level.items[fan.opening]
        assert isinstance(opening, Operation)
        touches = (*opening.touches, Touch(lane, Mark.LANE, text))
        taken = ", ".join(touch.text for touch in touches if touch.text)
        level.items[fan.opening] = replace(opening, touches=touches, tooltip=f"{taken} of {register}")

    def _owner(self, place: Place) -> Level:
        """The block of the loop whose variable chooses the place, else of the innermost loop, else the innermost block."""
        levels = self.levels[self.floor :]
        bound = [level for level in levels if place.names & level.targets]
        return (bound or [level for level in levels if level.is_loop] or levels)[-1]

    def _free(self, register: str, fan: Fan, wiring: Wiring) -> int:
        """A wire below the register that nothing has used since the fan began."""
        busy = fan.used.union(*(level.fans[register].lanes.values() for level in self.levels if register in level.fans))
        for wire in self.wires.setdefault(register, []):
            if wire not in busy:
                return wire
        lane = wiring.add_lane()
        self.wires[register].append(lane)
        self.anchors[lane] = wiring.registers[register].wires[-1]
        return lane

    def leave(self, wiring: Wiring) -> None:
        """Before a block inside: take back what only lay at hand."""
        level = self.levels[-1]
        for register, fan in list(level.fans.items()):
            if not fan.is_bound:
                self.close(level, register, wiring)

    def end(self, wires: Sequence[int]) -> None:
        """These lanes stop where they are: their qubits are gone."""
        for level in self.levels:
            for fan in level.fans.values():
                fan.lanes = {text: lane for text, lane in fan.lanes.items() if lane not in wires}

    def close(self, level: Level, register: str, wiring: Wiring) -> None:
        """Lead the lanes of a register back into it."""
        lanes = tuple(level.fans.pop(register).lanes.values())
        if lanes:
            touched = (*wiring.registers[register].wires, *lanes)
            level.items.append(Operation("", "fan", tuple(Touch(wire, Mark.TAP) for wire in touched), ended=lanes))

    def snapshot(self) -> list[tuple[Fan, dict[str, int]]]:
        """What lives now, to go back to with `restore`."""
        return [(fan, dict(fan.lanes)) for level in self.levels for fan in level.fans.values()]

    def restore(self, state: list[tuple[Fan, dict[str, int]]]) -> None:
        for fan, lanes in state:
            fan.lanes = lanes


Snapshot = tuple[list[Wire], dict[str, Register], dict[str, int], set[str], list[int], list[int], dict[str, list[int]]]


@dataclass(slots=True)
class Wiring:
    """The wires, registers and names of a drawing while it grows.

    `made` are the wires of qubits in the order in which they began, again and again those that workspace is on; `free` is
    workspace that was cleaned, for more of it.
    """

    wires: list[Wire] = field(default_factory=list)
    registers: dict[str, Register] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    made: list[int] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    lanes: Lanes = field(default_factory=Lanes)

    def snapshot(self) -> Snapshot:
        """Everything but lives of lanes, to go back to with `restore`."""
        lanes = {register: list(wires) for register, wires in self.lanes.wires.items()}
        return [*self.wires], {**self.registers}, {**self.bits}, {*self.names}, [*self.made], [*self.free], lanes

    def restore(self, state: Snapshot) -> None:
        self.wires, self.registers, self.bits, self.names, self.made, self.free, self.lanes.wires = state

    def fresh(self, name: str) -> str:
        """The user's `name`, marked where the drawing has used it for something else."""
        unique, number = written_name(name), 2
        while unique in self.names:
            unique, number = f"{written_name(name)}#{number}", number + 1
        self.names.add(unique)
        return unique

    def add_register(self, name: str, size: Any, late: bool, span: Span | None = None) -> Place:
        """New wires for `size` qubits (None: one qubit, not a register); the place that they are."""
        unique = self.fresh(name)
        if size is None:
            self.registers[unique] = Register(unique, self._qubits([Wire(unique, starts_late=late)]), None, False)
            return Place(unique)
        if not isinstance(size, Expr) and size < 0:
            raise SizeError(f"the register `{name}` would have {size} qubits", span=span, label="its size is negative here")
        if isinstance(size, Expr) or size > BUNDLE_ABOVE:
            wires = [Wire(unique, label(size), starts_late=late)]
        else:
            wires = [Wire(f"{unique}[{k}]", starts_late=late) for k in range(size)]
        is_bundle = isinstance(size, Expr) or size > BUNDLE_ABOVE
        self.registers[unique] = Register(unique, self._qubits(wires), wrap(size), is_bundle)
        return Place(unique, ZERO, ONE, wrap(size))

    def add_bits(self, name: str, size: Any) -> str:
        """A new classical wire for a bit (`size` None) or a vector of bits; the name that it got."""
        unique = self.fresh(name)
        (self.bits[unique],) = self._new([Wire(unique, None if size is None else label(size), is_classical=True)])
        return unique

    def add_lane(self) -> int:
        """A new wire for lanes, without a name in the margin."""
        return self._new([Wire("", starts_late=True, is_lane=True)])[0]

    def made_since(self, first: int) -> list[int]:
        """The wires of qubits that were made since `first` had been."""
        return [*dict.fromkeys(self.made[first:])]

    def release(self, wires: Sequence[int]) -> None:
        """The qubits on these wires are clean and gone: other workspace may have the wires, and their names."""
        self.free = sorted({*self.free, *wires})
        gone = [name for name, register in self.registers.items() if register.wires and {*register.wires} <= {*wires}]
        self.names.difference_update(gone)

    def _qubits(self, wires: list[Wire]) -> tuple[int, ...]:
        """Wires for qubits: neighbouring ones that are free, where these are late and of the same sizes, or new ones."""
        count = len(wires)
        for first in self.free if count and wires[0].starts_late else ():
            found = range(first, first + count)
            if {*found} <= {*self.free} and all(self.wires[k].size == wire.size for k, wire in zip(found, wires, strict=True)):
                self.free = [wire for wire in self.free if wire not in found]
                self.made += found
                for k, wire in zip(found, wires, strict=True):
                    labels = dict.fromkeys([*self.wires[k].label.split(", "), wire.label])
                    self.wires[k] = replace(self.wires[k], label=", ".join(labels))
                return tuple(found)
        made = self._new(wires)
        self.made += made
        return made

    def _new(self, wires: list[Wire]) -> tuple[int, ...]:
        first = len(self.wires)
        self.wires += wires
        return tuple(range(first, len(self.wires)))

    def place(self, place: Place, scope: Scope, span: Span | None = None) -> Place:
        """`place` of the scope's function in terms of the drawing's registers."""
        if isinstance(place.register, str):
            base = scope.places[place.register]
        else:
            base = joined(self.place(piece, scope, span) for piece in place.register)
        if base.length is None or place.is_all:
            return base
        start, stride = (wrap(scope.resolve(part, span)) for part in (place.start, place.stride))
        if place.length is None:
            return base.element(start)
        return base.view(start, stride, wrap(scope.resolve(place.length, span)))

    def region(self, place: Place, span: Span | None = None) -> Region:
        """The wires of a place that is in terms of the drawing's registers."""
        text = self.text(place)
        if not isinstance(place.register, str):
            regions = [self.region(piece, span) for piece in (place.register if place.is_all else stretches(place))]
            of_all = tuple(wire for region in regions for wire in region.wires)
            return Region(of_all, text, place.is_all and all(region.is_exact for region in regions))
        register = self.registers[place.register]
        lane = self.lanes.find(place.register, text)
        if lane is not None:
            return Region((lane,), text, True)
        match register, place:
            case Register(size=None), _:
                return Region(register.wires, text, True)
            case Register(is_bundle=True), _:
                return Region(register.wires, text, text == register.label)
            case _, Place(start=Const(int(start)), length=None):
                return Region((self._wire(register, start, text, span),), text, True)
            case _, Place(start=Const(int(start)), stride=Const(int(stride)), length=Const(int(length))):
                wires = (self._wire(register, start + stride * k, text, span) for k in range(length))
                return Region(tuple(wires), text, True)
        return Region(register.wires, text, text == register.label)

    def regions(self, place: Place, span: Span | None = None) -> list[Region]:
        """The wires of each piece of a place that is all of them, or of itself."""
        return [self.region(piece, span) for piece in (place.pieces if place.is_all else (place,))]

    def text(self, place: Place) -> str:
        """What its user calls a place."""
        if not isinstance(place.register, str):
            whole = joined(place.register)
            shown = f"({', '.join(map(self.text, place.register))})"
            return shown if place.is_all else place_label(shown, place, whole.length)
        register = self.registers[place.register]
        return place_label(register.label, place, register.size)

    def is_bundle(self, place: Place) -> bool:
        """Whether one wire stands for many of its qubits."""
        return place.length is not None and any(self.registers[name].is_bundle for name in place.registers)

    def needs_words(self, place: Place) -> bool:
        """Whether the wires of its register, which has a name, alone do not tell the place."""
        register = self.registers[name_of(place)]
        if register.size is None or self.text(place) == register.label:
            return False
        return register.is_bundle or not all(isinstance(bound, Const) for bound in place.bounds)

    def _wire(self, register: Register, index: int, text: str, span: Span | None) -> int:
        if not 0 <= index < len(register.wires):
            title = f"`{register.label}` has {len(register.wires)} qubits and no qubit {index}"
            raise QubitIndexResolutionError(title, span=span, label=f"this is `{text}`")
        return register.wires[index]
