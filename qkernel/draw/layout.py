"""Scene -> columns and rows, in whatever unit the output measures: points for pictures, characters for text.

Operations go as far left as their wires allow. A frame takes a column of its own for each edge; what stands beside it on
other wires shares its columns. Rows of columns that are too long for the page break into bands.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from qkernel.draw.scene import Frame, Item, Mark, Operation, Scene, Wire

_FOREVER = 10**9


@dataclass(frozen=True, slots=True)
class Metrics:
    """How wide things are: an operation, a frame's heading with its badge, a frame's edge, lines from there to controls."""

    operation: Callable[[Operation], float]
    heading: Callable[[str, str], float]
    edge: float
    link: float


@dataclass(frozen=True, slots=True)
class Cell:
    """An operation in its column."""

    operation: Operation
    column: int


@dataclass(slots=True)
class FrameBox:
    """A frame with the columns of its edges: one more than it has sections; `nested` are the frames right inside."""

    frame: Frame
    edges: list[int]
    nested: list[FrameBox]
    heading: float = 0


@dataclass(frozen=True, slots=True)
class Extent:
    """The first and last wire of a frame on one line of the page, and how many frames run there at its edges, with it."""

    first: int
    last: int
    above: int
    below: int


@dataclass(slots=True)
class Life:
    """The columns between which a wire lives; a lane says what it holds, and begins `lead` into its column."""

    start: int
    end: int
    lead: float = 0
    text: str = ""


@dataclass(slots=True)
class Layout:
    """Where everything is. A wire without `lives` lives all the way."""

    wires: tuple[Wire, ...]
    cells: list[Cell] = field(default_factory=list)
    frames: list[FrameBox] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    lives: dict[int, list[Life]] = field(default_factory=dict)

    def begin(self, wire: int, column: int, lead: float = 0, text: str = "") -> None:
        """The wire lives from `column` on, if it does not live; it may begin again and again."""
        lives = self.lives.setdefault(wire, [])
        if not lives or lives[-1].end < column:
            lives.append(Life(column, _FOREVER, lead, text))

    def finish(self, wire: int, column: int, is_last_word: bool = True) -> None:
        """The wire lives up to `column`."""
        lives = self.lives.setdefault(wire, [])
        if not lives:
            lives.append(Life(-1, _FOREVER))
        if is_last_word or lives[-1].end == _FOREVER:
            lives[-1].end = column

    def middle(self, cell: Cell) -> float:
        """How far into its column an operation stands; a fan that leads out of a register stands at the left."""
        lanes = [touch.wire for touch in cell.operation.touches if touch.mark is Mark.LANE]
        found = [life.lead for wire in lanes for life in self.lives[wire] if life.start == cell.column]
        return (found[0] if found else self.widths[cell.column]) / 2

    def shown(self, wire: int, band: range) -> list[Life]:
        """The lives of a wire on one line of the page."""
        lives = self.lives.get(wire) or [Life(-1, _FOREVER)]
        return [life for life in lives if life.start < band.stop and life.end >= band.start]

    def name(self, wire: int, band: range) -> str:
        """What stands in the margin of a line of the page: nothing for lanes that begin on it."""
        if not self.wires[wire].is_lane:
            return self.wires[wire].label
        return next((life.text for life in self.shown(wire, band) if life.start < band.start), "")

    def visible(self, band: range) -> list[bool]:
        """Which wires have a row on a line of the page."""
        return [bool(self.shown(wire, band)) for wire in range(len(self.wires))]

    def bands(self, width: float) -> list[range]:
        """The columns of each line of the page, at most `width` wide, the lines about as long as one another.

        Frames that fit on one line stay whole.
        """
        full = self._filled(width)
        for share in (0.6, 0.7, 0.8, 0.9) if len(full) > 1 else ():
            even = self._filled(share * width)
            if len(even) == len(full) and self._cuts(even) <= self._cuts(full):
                return even
        return full

    def _filled(self, width: float) -> list[range]:
        """Lines as full as they can be."""
        bands: list[range] = []
        solid, opening = self._kinds()
        first = 0
        while first < len(self.widths):
            stop, used = first + 1, self.widths[first]
            while stop < len(self.widths) and used + self.widths[stop] <= width:
                used += self.widths[stop]
                stop += 1
            if stop < len(self.widths):
                stop = self._break(first, stop, width, solid, opening)
            bands.append(range(first, stop))
            first = stop
        return bands

    def _cuts(self, bands: list[range]) -> int:
        """How many frames go on in another line."""
        return sum(box.edges[0] in band and box.edges[-1] >= band.stop for band in bands for box in self.frames)

    def _kinds(self) -> tuple[set[int], set[int]]:
        """The columns with something to see in them, and those in which frames, sections and fans begin."""
        solid = {cell.column for cell in self.cells if cell.operation.family != "fan"}
        opening = {edge for box in self.frames for edge in box.edges[:-1]}
        opening |= {cell.column for cell in self.cells if cell.operation.family == "fan" and not cell.operation.ended}
        return solid, opening - solid

    def _break(self, first: int, stop: int, width: float, solid: Set[int], opening: Set[int]) -> int:
        """Where to break a line that may reach to `stop`: before a frame that fits on the next line, or is hardly begun.

        No line begins with ends of frames only, or ends with beginnings, if it can be helped.
        """
        for box in sorted(self.frames, key=lambda box: box.edges[0]):
            start, end = box.edges[0], box.edges[-1]
            if first < start < stop <= end and solid & set(range(first, start)):
                shown, size = sum(self.widths[start:stop]), sum(self.widths[start : end + 1])
                if size <= width or shown < box.heading:
                    return start
        held = sorted(solid & set(range(first, stop)))
        if stop not in solid | opening and len(held) > 1:
            stop = held[-1]
        while stop - 1 in opening and held and held[0] < stop - 1:
            stop -= 1
        return stop

    def reach(self, band: range, lefts: Mapping[int, float], end: float, page: float) -> float:
        """Where a line ends: further than its last column where the heading of a frame that goes on needs it."""
        cut = [box for box in self.frames if box.edges[0] in band and box.edges[-1] >= band.stop]
        return max([end, *(min(page - 1, lefts[box.edges[0]] + box.heading) for box in cut)])

    def extents(self, band: range) -> dict[int, Extent]:
        """Where the frames of one line of the page stand, by their number in `frames`."""
        seen = self.visible(band)
        numbers = {id(box): number for number, box in enumerate(self.frames)}
        found: dict[int, Extent] = {}
        for number, box in enumerate(self.frames):  # inner ones come first
            if box.edges[0] >= band.stop or box.edges[-1] < band.start:
                continue
            top, bottom = box.frame.inner_rows
            rows = [wire for wire in range(top, bottom + 1) if seen[wire]] or [top]
            inside = [found[numbers[id(inner)]] for inner in box.nested if numbers[id(inner)] in found]
            above = 1 + max((inner.above for inner in inside if inner.first == rows[0]), default=0)
            below = 1 + max((inner.below for inner in inside if inner.last == rows[-1]), default=0)
            found[number] = Extent(rows[0], rows[-1], above, below)
        return found

    def levels(self, extents: Mapping[int, Extent]) -> tuple[list[int], list[int]]:
        """For each wire how many frame edges run above and below it on a line of the page."""
        above, below = [0] * len(self.wires), [0] * len(self.wires)
        for extent in extents.values():
            above[extent.first] = max(above[extent.first], extent.above)
            below[extent.last] = max(below[extent.last], extent.below)
        return above, below


def lay_out(scene: Scene, metrics: Metrics, room: float = math.inf, fans: dict[int, list[int]] | None = None) -> Layout:
    """Give every operation a column and every column a width.

    No heading makes a frame wider than `room`, the width of the page. For a scene that is laid out in pieces, `fans` goes
    from piece to piece: the registers whose lanes are out.
    """
    layout = Layout(scene.wires)
    placer = Placer(layout, metrics, [0] * len(scene.wires), {} if fans is None else fans)
    placer.place(scene.items)
    count = max(placer.free, default=0)
    layout.widths = [0.0] * count
    for cell in layout.cells:
        layout.widths[cell.column] = max(layout.widths[cell.column], metrics.operation(cell.operation))
    for box in layout.frames:
        for edge in box.edges:
            linked = edge == box.edges[0] and (box.frame.controls or box.frame.bits)
            layout.widths[edge] = max(layout.widths[edge], metrics.edge + (metrics.link if linked else 0))
    depth = {id(inner): 0 for inner in layout.frames}
    for box in reversed(layout.frames):  # outer ones first
        depth |= {id(inner): depth[id(box)] + 1 for inner in box.nested}
    fan_columns = {cell.column for cell in layout.cells if cell.operation.family == "fan"}
    for box in layout.frames:
        for number, section in enumerate(box.frame.sections):
            heading = metrics.heading(section.title, box.frame.badge if number == 0 else "")
            heading = min(heading, max(room - (1 + 3 * depth[id(box)]) * metrics.edge, 10 * metrics.edge))
            box.heading = box.heading or heading
            section_columns = range(box.edges[number], box.edges[number + 1])
            _widen(layout.widths, section_columns, heading - metrics.edge, fan_columns)
    return layout


@dataclass(slots=True)
class Placer:
    """Columns being given out: the first free one on each row, and the rows of registers whose lanes are out."""

    layout: Layout
    metrics: Metrics
    free: list[int]
    fans: dict[int, list[int]]

    def place(self, items: Sequence[Item]) -> list[FrameBox]:
        """Give columns to `items`; the frames among them."""
        boxes: list[FrameBox] = []
        for entry in items:
            if isinstance(entry, Frame):
                boxes.append(self.place_frame(entry))
            elif entry.touches or entry.bits:
                self.place_operation(entry)
        return boxes

    def place_operation(self, operation: Operation) -> None:
        if operation.family == "fan" and not operation.ended:
            rows = self.fans.setdefault(operation.rows[0], [])
            rows.append(max(operation.rows[1], *rows, 0))
        column = self.take(operation.rows)
        layout = self.layout
        layout.cells.append(Cell(operation, column))
        for touch in operation.touches:
            if layout.wires[touch.wire].starts_late or touch.wire in layout.lives:  # texts may use what has ended
                lead = self.metrics.operation(operation) if touch.mark is Mark.LANE else 0
                layout.begin(touch.wire, column, lead, touch.text)
        for wire in operation.ended:
            layout.finish(wire, column)
        for bit in operation.bits:
            layout.begin(bit, column)
        if operation.family == "fan" and operation.ended and self.fans.get(operation.rows[0]):
            self.fans[operation.rows[0]].pop()

    def place_frame(self, frame: Frame) -> FrameBox:
        first, last = frame.inner_rows
        edges = [self.take(frame.rows)]
        nested: list[FrameBox] = []
        for section in frame.sections:
            nested += self.place(section.items)
            if edges[-1] + 1 == max(self.free[first : last + 1]):
                self.take((first, last))  # an empty section still has room for its title
            edges.append(self.take((first, last)))
        box = FrameBox(frame, edges, nested)
        self.layout.frames.append(box)
        for wire in frame.drops:
            self.layout.finish(wire, edges[-1], is_last_word=False)
        return box

    def take(self, rows: tuple[int, int]) -> int:
        """The first column that is free on all of `rows`, taken; with one lane goes its whole register."""
        first, last = rows
        for top, bottoms in self.fans.items():
            if bottoms and top <= last and first <= bottoms[-1]:
                first, last = min(first, top), max(last, bottoms[-1])
        column = max(self.free[first : last + 1])
        self.free[first : last + 1] = [column + 1] * (last + 1 - first)
        return column


def _widen(widths: list[float], columns: range, least: float, fans: Set[int]) -> None:
    """Make columns from an edge to the next wide enough for a heading, those of fans only if there are no others.

    The edge at the end is not among them: other operations may stand in its column.
    """
    inner = [column for column in columns[1:] if column not in fans] or columns[1:]
    lacking = least - sum(widths[column] for column in columns)
    share: Any = lacking // len(inner) if isinstance(least, int) else lacking / len(inner)
    if lacking > 0:
        for column in inner:
            widths[column] += share
        widths[inner[-1]] += lacking - share * len(inner)
