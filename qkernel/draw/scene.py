"""What a drawing shows, before anybody decides where and how: wires, operations on them, frames around operations.

Wires are numbered from the top. A scene knows no coordinates, characters or colours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from qkernel.characters import shorten_name
from qkernel.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Wire:
    """One qubit, or a bundle of `size` qubits or bits if `size` is given.

    A lane has no name in the margin and lives now and then: it holds what its fan takes out of a register.
    """

    label: str
    size: str | None = None
    is_classical: bool = False
    starts_late: bool = False
    is_lane: bool = False


class Mark(Enum):
    """How an operation touches a wire."""

    BOX = "box"
    CONTROL = "control"
    ANTI_CONTROL = "anti-control"
    NOT = "not"
    CROSS = "cross"
    METER = "meter"
    START = "start"
    RESET = "reset"
    BARRIER = "barrier"
    TAP = "tap"
    LANE = "lane"


@dataclass(frozen=True, slots=True)
class Touch:
    """One wire of an operation; `text` says which part of a bundle, or which argument of the operation, it is."""

    wire: int
    mark: Mark = Mark.BOX
    text: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that is drawn in one column.

    `lines` stand below the name (angles, arguments), `place` names qubits that the wires alone do not tell.
    `ended` are the wires that stop here; `bits` are the classical wires that a result goes to.
    `tooltip` is everything in full; `body`, if known, is what the operation stands for.
    """

    name: str
    family: str
    touches: tuple[Touch, ...]
    lines: tuple[str, ...] = ()
    place: str = ""
    ended: tuple[int, ...] = ()
    bits: tuple[int, ...] = ()
    tooltip: str = ""
    span: Span | None = None
    body: Frame | None = None

    @property
    def rows(self) -> tuple[int, int]:
        """The first and the last wire that the operation covers."""
        wires = [touch.wire for touch in self.touches] + list(self.bits)
        return min(wires), max(wires)

    @property
    def box_wires(self) -> tuple[int, ...]:
        """The wires under the box, from the top."""
        return tuple(sorted(touch.wire for touch in self.touches if touch.mark is Mark.BOX))

    @property
    def wires(self) -> tuple[int, ...]:
        """All touched qubit wires, from the top."""
        return tuple(sorted(touch.wire for touch in self.touches))

    @property
    def touched_wires(self) -> set[int]:
        """The wires of qubits."""
        return set(self.wires)

    @property
    def all_wires(self) -> set[int]:
        """The wires of bits too, and those of what the operation stands for."""
        return {*self.wires, *self.bits} | (self.body.all_wires if self.body else set())

    @property
    def segments(self) -> tuple[tuple[int, int], ...]:
        """The boxes of this operation: stretches of neighbouring wires as (first, last)."""
        stretches: list[tuple[int, int]] = []
        for wire in self.box_wires:
            if stretches and wire <= stretches[-1][1] + 1:
                stretches[-1] = (stretches[-1][0], wire)
            else:
                stretches.append((wire, wire))
        return tuple(stretches)

    def changed(self, word: Callable[[str], str], rows: Mapping[int, int]) -> Operation:
        """The same with other texts and rows, what it stands for too."""
        return replace(
            self,
            name=word(self.name),
            lines=tuple(map(word, self.lines)),
            place=word(self.place),
            touches=_touches(self.touches, word, rows),
            ended=_wires(self.ended, rows),
            bits=_wires(self.bits, rows),
            tooltip=word(self.tooltip),
            body=None if self.body is None else self.body.changed(word, rows),
        )


@dataclass(frozen=True, slots=True)
class Section:
    """Operations and frames under one heading."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """A loop, a branch or an opened call: a titled frame around one section, or several side by side.

    `badge` is the number of iterations. `controls` hold for everything inside; `bits` are read by the condition;
    `drops` are wires that live inside only. `unrolled`, if known, is the loop iteration by iteration.
    """

    family: str
    sections: tuple[Section, ...]
    wires: tuple[int, ...]
    badge: str = ""
    controls: tuple[Touch, ...] = ()
    bits: tuple[int, ...] = ()
    drops: tuple[int, ...] = ()
    tooltip: str = ""
    span: Span | None = None
    unrolled: tuple[Item, ...] | None = None

    @property
    def touched_wires(self) -> set[int]:
        """The wires of qubits inside, and of the controls."""
        return {*self.wires, *(touch.wire for touch in self.controls)}

    @property
    def all_wires(self) -> set[int]:
        """The wires of bits too, and those of the loop iteration by iteration."""
        inside = [inner for section in self.sections for inner in section.items] + list(self.unrolled or ())
        return {*self.touched_wires, *self.bits}.union(*(inner.all_wires for inner in inside))

    @property
    def inner_rows(self) -> tuple[int, int]:
        """The first and the last wire inside the frame."""
        return min(self.wires), max(self.wires)

    @property
    def rows(self) -> tuple[int, int]:
        """The first and the last wire that the frame, its controls and its condition cover."""
        wires = [*self.wires, *(touch.wire for touch in self.controls), *self.bits]
        return min(wires), max(wires)

    @property
    def title(self) -> str:
        """The heading of the frame."""
        return self.sections[0].title

    @property
    def body(self) -> Frame:
        """What it stands for: itself."""
        return self

    def changed(self, word: Callable[[str], str], rows: Mapping[int, int]) -> Frame:
        """The same with other texts and rows, what is in it too."""

        def items(old: tuple[Item, ...]) -> tuple[Item, ...]:
            return tuple(entry.changed(word, rows) for entry in old)

        return replace(
            self,
            sections=tuple(Section(word(section.title), items(section.items)) for section in self.sections),
            wires=_wires(self.wires, rows),
            badge=word(self.badge),
            controls=_touches(self.controls, word, rows),
            bits=_wires(self.bits, rows),
            drops=_wires(self.drops, rows),
            tooltip=word(self.tooltip),
            unrolled=None if self.unrolled is None else items(self.unrolled),
        )


Item = Operation | Frame


@dataclass(frozen=True, slots=True)
class Scene:
    """A kernel or circuit, ready to be laid out."""

    title: str
    subtitle: str
    wires: tuple[Wire, ...]
    items: tuple[Item, ...]


def with_short_names(scene: Scene, width: int) -> Scene:
    """The same scene, the names of its wires cut to `width` columns."""
    return replace(scene, wires=tuple(replace(wire, label=shorten_name(wire.label, width)) for wire in scene.wires))


def changed(scene: Scene, word: Callable[[str], str] = str, wires: Sequence[int] | None = None) -> Scene:
    """The same scene with every text passed through `word`, and with these of its wires, in this order."""
    kept = range(len(scene.wires)) if wires is None else wires
    rows = {wire: row for row, wire in enumerate(kept)}
    shown = [scene.wires[k] for k in kept]
    return Scene(
        word(scene.title),
        word(scene.subtitle),
        tuple(replace(wire, label=word(wire.label), size=wire.size and word(wire.size)) for wire in shown),
        tuple(entry.changed(word, rows) for entry in scene.items),
    )


def _touches(old: tuple[Touch, ...], word: Callable[[str], str], rows: Mapping[int, int]) -> tuple[Touch, ...]:
    return tuple(replace(touch, wire=rows[touch.wire], text=word(touch.text)) for touch in old)


def _wires(old: tuple[int, ...], rows: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(sorted(rows[wire] for wire in old if wire in rows))


def ended_wires(items: Sequence[Item]) -> set[int]:
    """The wires that stop in these items, those of frames at the end of the frame."""
    found: set[int] = set()
    for entry in items:
        inner = [each for section in entry.sections for each in section.items] if isinstance(entry, Frame) else []
        found.update(entry.drops if isinstance(entry, Frame) else entry.ended, ended_wires(inner))
    return found


def framed(family: str, sections: Sequence[Section], **details: Any) -> list[Item]:
    """A frame around what its sections touch, or nothing where they touch nothing."""
    wires = {wire for section in sections for entry in section.items for wire in entry.touched_wires}
    return [Frame(family, tuple(sections), tuple(sorted(wires)), **details)] if wires else []
