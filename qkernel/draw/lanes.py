"""Lanes: what an index chooses, taken out of its register onto a line of its own.

Where a register is one wire, or an index is not known, no wire of the drawing is `q[k]`. So `q[k]` gets a lane below its
register for as long as it is used: a fan leads out of the register to its lanes, and another back. The lane of a loop
variable lives inside that loop's frame; an operation on the register as a whole takes the lanes back first. Two lanes may
be the same qubit, so the layout keeps operations on them one after another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qkernel.draw.scene import Item, Mark, Operation, Touch, Wire
from qkernel.ir.evaluation import free_names
from qkernel.ir.places import Place

if TYPE_CHECKING:
    from qkernel.draw.regions import Wiring

_MOST = 8
"""Lanes of one fan, where no loop bounds them."""


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


@dataclass(slots=True)
class Lanes:
    """All lanes of a drawing. Below `floor` nothing new begins: a body that is hidden at first has lanes of its own."""

    wires: dict[str, list[int]] = field(default_factory=dict)
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
        unclear = [place for place in places if wiring.needs_words(place)]
        count = Counter(place.register for place in unclear)
        for place in places:
            text = wiring.text(place)
            if place in unclear and self._wants_lane(place, count[place.register], len(places), wiring):
                if self.find(place.register, text) is None:
                    self._begin(place, text, wiring)
            elif place.length is not None and place.register in self.levels[-1].fans:
                self.close(self.levels[-1], place.register, wiring)

    def _wants_lane(self, place: Place, same: int, places: int, wiring: Wiring) -> bool:
        if same > 1:
            return True
        is_bundle = wiring.registers[place.register].is_bundle
        if place.length is not None:
            return places > 1 and not is_bundle
        return not is_bundle or any(level.is_loop or place.register in level.fans for level in self.levels)

    def _begin(self, place: Place, text: str, wiring: Wiring) -> None:
        level, register = self._owner(place), place.register
        fan = level.fans.get(register)
        if fan is not None and len(fan.lanes) >= _MOST and not level.is_loop:
            self.close(level, register, wiring)
            fan = None
        if fan is None:
            taps = tuple(Touch(wire, Mark.TAP) for wire in wiring.registers[register].wires)
            fan = level.fans[register] = Fan(len(level.items))
            level.items.append(Operation("", "fan", taps))
        lane = self._free(register, fan, wiring)
        fan.lanes[text] = lane
        fan.is_bound |= bool(_names(place) & level.targets)
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
        bound = [level for level in levels if _names(place) & level.targets]
        return (bound or [level for level in levels if level.is_loop] or levels)[-1]

    def _free(self, register: str, fan: Fan, wiring: Wiring) -> int:
        """A wire below the register that nothing has used since the fan began."""
        busy = fan.used.union(*(level.fans[register].lanes.values() for level in self.levels if register in level.fans))
        for wire in self.wires.setdefault(register, []):
            if wire not in busy:
                return wire
        self.wires[register].append(wiring.add_lane())
        return self.wires[register][-1]

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


def _names(place: Place) -> frozenset[str]:
    """The names that choose a place."""
    return frozenset().union(*(free_names(part) for part in (place.start, place.stride, place.length) if part is not None))


def lane_wire() -> Wire:
    """A wire without a name in the margin."""
    return Wire("", starts_late=True, is_lane=True)
