"""Scene -> columns and rows, in whatever unit the output measures: points for pictures, characters for text.

Operations go as far left as their wires allow. A frame takes a column of its own for each edge; what stands beside it on
other wires shares its columns. Rows of columns that are too long for the page break into bands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qkernel.draw.scene import Frame, Item, Operation, Scene, Wire


@dataclass(frozen=True, slots=True)
class Metrics:
    """How wide things are: an operation, a frame's heading with its badge, a frame's edge."""

    operation: Callable[[Operation], float]
    heading: Callable[[str, str], float]
    edge: float


@dataclass(frozen=True, slots=True)
class Cell:
    """An operation in its column."""

    operation: Operation
    column: int


@dataclass(slots=True)
class FrameBox:
    """A frame with the columns of its edges: one more than it has sections.

    `above` and `below` count the frames nested at its upper and lower edge, itself included.
    """

    frame: Frame
    edges: list[int]
    heading: float = 0
    above: int = 1
    below: int = 1


@dataclass(slots=True)
class Layout:
    """Where everything is. `starts` and `ends` are the columns between which a wire lives; absent: all the way."""

    wires: tuple[Wire, ...]
    cells: list[Cell] = field(default_factory=list)
    frames: list[FrameBox] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    starts: dict[int, int] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)

    def lives(self, wire: int, column: int) -> bool:
        """Whether the wire exists in `column`."""
        return self.starts.get(wire, -1) <= column <= self.ends.get(wire, len(self.widths))

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
        first = 0
        while first < len(self.widths):
            stop, used = first + 1, self.widths[first]
            while stop < len(self.widths) and used + self.widths[stop] <= width:
                used += self.widths[stop]
                stop += 1
            if stop < len(self.widths):
                stop = self._break(first, stop, width)
            bands.append(range(first, stop))
            first = stop
        return bands

    def _cuts(self, bands: list[range]) -> int:
        """How many frames go on in another line."""
        return sum(box.edges[0] in band and box.edges[-1] >= band.stop for band in bands for box in self.frames)

    def _break(self, first: int, stop: int, width: float) -> int:
        """Where to break a line that may reach to `stop`: before a frame that fits on the next line, or is hardly begun."""
        for box in sorted(self.frames, key=lambda box: box.edges[0]):
            start, end = box.edges[0], box.edges[-1]
            if first < start < stop <= end:
                shown, size = sum(self.widths[start:stop]), sum(self.widths[start : end + 1])
                if size <= width or shown < box.heading:
                    return start
        return stop

    def reach(self, band: range, lefts: Mapping[int, float], end: float, page: float) -> float:
        """Where a line ends: further than its last column where the heading of a frame that goes on needs it."""
        cut = [box for box in self.frames if box.edges[0] in band and box.edges[-1] >= band.stop]
        return max([end, *(min(page - 1, lefts[box.edges[0]] + box.heading) for box in cut)])

    def levels(self, band: range) -> tuple[list[int], list[int]]:
        """For each wire how many frame edges run above and below it within `band`."""
        above, below = [0] * len(self.wires), [0] * len(self.wires)
        for box in self.frames:
            if box.edges[0] < band.stop and box.edges[-1] >= band.start:
                first, last = box.frame.inner_rows
                above[first], below[last] = max(above[first], box.above), max(below[last], box.below)
        return above, below


def lay_out(scene: Scene, metrics: Metrics) -> Layout:
    """Give every operation a column and every column a width."""
    layout = Layout(scene.wires)
    free = [0] * len(scene.wires)
    _place(scene.items, free, layout)
    count = max(free, default=0)
    layout.widths = [0.0] * count
    for cell in layout.cells:
        layout.widths[cell.column] = max(layout.widths[cell.column], metrics.operation(cell.operation))
    for box in layout.frames:
        for edge in box.edges:
            layout.widths[edge] = max(layout.widths[edge], metrics.edge)
    for box in layout.frames:
        for number, section in enumerate(box.frame.sections):
            heading = metrics.heading(section.title, box.frame.badge if number == 0 else "")
            box.heading = box.heading or heading
            _widen(layout.widths, range(box.edges[number], box.edges[number + 1] + 1), heading)
    return layout


def _place(items: Sequence[Item], free: list[int], layout: Layout) -> list[FrameBox]:
    """Give columns to `items`; the frames among them."""
    boxes: list[FrameBox] = []
    for entry in items:
        if isinstance(entry, Frame):
            boxes.append(_place_frame(entry, free, layout))
            continue
        if not entry.touches and not entry.bits:
            continue  # on a register without qubits
        column = _take(entry.rows, free)
        layout.cells.append(Cell(entry, column))
        for touch in entry.touches:
            if layout.wires[touch.wire].starts_late:
                layout.starts.setdefault(touch.wire, column)
        layout.ends.update(dict.fromkeys(entry.ended, column))
        for bit in entry.bits:
            layout.starts.setdefault(bit, column)
    return boxes


def _place_frame(frame: Frame, free: list[int], layout: Layout) -> FrameBox:
    edges = [_take(frame.rows, free)]
    nested: list[FrameBox] = []
    for section in frame.sections:
        nested += _place(section.items, free, layout)
        if edges[-1] + 1 == max(free[slice(frame.inner_rows[0], frame.inner_rows[1] + 1)]):
            _take(frame.inner_rows, free)  # an empty section still has room for its title
        edges.append(_take(frame.inner_rows, free))
    first, last = frame.inner_rows
    above = 1 + max((box.above for box in nested if box.frame.inner_rows[0] == first), default=0)
    below = 1 + max((box.below for box in nested if box.frame.inner_rows[1] == last), default=0)
    box = FrameBox(frame, edges, 0, above, below)
    layout.frames.append(box)
    for wire in frame.drops:
        layout.ends.setdefault(wire, edges[-1])
    return box


def _take(rows: tuple[int, int], free: list[int]) -> int:
    """The first column that is free on all of `rows`, taken."""
    first, last = rows
    column = max(free[first : last + 1])
    free[first : last + 1] = [column + 1] * (last + 1 - first)
    return column


def _widen(widths: list[float], columns: range, least: float) -> None:
    """Make columns between two edges wide enough for a heading."""
    inner = columns[1:-1]
    lacking = least - sum(widths[column] for column in columns)
    share: Any = lacking // len(inner) if isinstance(least, int) else lacking / len(inner)
    if lacking > 0:
        for column in inner:
            widths[column] += share
        widths[inner[-1]] += lacking - share * len(inner)
