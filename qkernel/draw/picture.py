"""Scene -> shapes on a page: the geometry of matplotlib figures and SVG."""

from __future__ import annotations

from qkernel.characters import columns, shorten
from qkernel.draw.layout import FrameBox, lay_out
from qkernel.draw.pen import EDGE, Pen
from qkernel.draw.scene import Scene
from qkernel.draw.shapes import Box, Group, Line, Picture, Shape, Text, text_width

_MARGIN, _BAND_GAP, _HEADING = 14.0, 22.0, 24.0


def paint_scene(scene: Scene, width: float, font_size: float, slack: float = 1.0) -> Picture:
    """The picture of a scene on a page of `width` points, with letters of `font_size` points.

    What fits on one line of `slack` times that width is not wrapped.
    """
    return Page(scene, Pen(font_size), width, slack).picture()


class Page:
    """One picture in the making."""

    def __init__(self, scene: Scene, pen: Pen, width: float, slack: float) -> None:
        self.scene, self.pen, self.scale, self.width, self.slack = scene, pen, pen.scale, width, slack
        names = max((text_width(wire.label, pen.size) for wire in scene.wires), default=0.0)
        sizes = max((text_width(f"/ {wire.size}", pen.small) + 6 for wire in scene.wires if wire.size), default=0.0)
        self.label = names + sizes + 18 * self.scale
        self.layout = lay_out(scene, pen.metrics(), self.room())
        self.halves = pen.halves((cell.operation for cell in self.layout.cells), len(scene.wires))
        if slack > 1:  # a picture that is tall in any case may be wider before it wraps
            self.width = max(width, 2 * sum(self.halves))
        self.groups: list[Group] = []

    def room(self) -> float:
        """The width of a line behind the names of the wires."""
        return max(40.0, self.width - self.label - (2 * _MARGIN + 10) * self.scale)

    def bands(self) -> list[range]:
        """The lines of the page; where lanes go on from line to line, their names get room in the margin."""
        total = sum(self.layout.widths)
        bands = self.layout.bands(total + 1 if total <= self.slack * self.room() else self.room())
        lanes = [wire for wire, info in enumerate(self.scene.wires) if info.is_lane]
        names = [text_width(self.layout.name(wire, band), self.pen.small) for wire in lanes for band in bands]
        needed = max(names, default=0.0) + 18 * self.scale
        if needed <= self.label:
            return bands
        self.label = needed
        return self.layout.bands(self.room())

    def picture(self) -> Picture:
        """All bands below one another."""
        margin, bands = _MARGIN * self.scale, self.bands()
        right, y = self.heading(margin), margin + _HEADING * self.scale
        for number, band in enumerate(bands):
            y += _BAND_GAP * self.scale if number else 0.0
            y, end = self.band(band, margin, y, self.label, self.width - margin)
            right = max(right, end + 10 * self.scale)
        return Picture(right + margin, y + margin, self.groups)

    def heading(self, x: float) -> float:
        """The kernel's name and what is known of its arguments; where it ends."""
        name, size = self.scene.title, self.pen.size
        y = _MARGIN * self.scale + size / 2
        end = x + text_width(name, size, bold=True)
        shapes: list[Shape] = [Text(x, y, name, size, "text", "start", bold=True)]
        if self.scene.subtitle:
            rest = f"({shorten(self.scene.subtitle, 120)})"
            shapes.append(Text(end + 2, y, rest, size, "muted", "start"))
            end += text_width(rest, size)
        self.groups.append(Group("heading", tuple(shapes)))
        return end

    def band(self, band: range, x: float, top: float, label: float, page: float) -> tuple[float, float]:
        """One line of the page; where it ends below and to the right."""
        extents = self.layout.extents(band)
        rows, bottom = self.pen.rows(self.halves, *self.layout.levels(extents), top, self.layout.visible(band))
        edges = {number: self.pen.frame_extent(extent, rows, self.halves) for number, extent in extents.items()}
        lefts: dict[int, float] = {}
        end = x + label
        for column in band:
            lefts[column] = end
            end += self.layout.widths[column]
        end = self.layout.reach(band, lefts, end, page)
        for number in reversed(edges):
            self.frame(self.layout.frames[number], band, edges[number], lefts, end)
        for wire in range(len(rows)):
            self.wire(wire, band, rows[wire], lefts, x, end)
        for number, edge in edges.items():
            if self.layout.frames[number].edges[0] in band:
                self.links(self.layout.frames[number], edge, rows, lefts)
        for cell in self.layout.cells:
            if cell.column in band:
                middle = lefts[cell.column] + self.layout.middle(cell)
                self.groups.append(self.pen.operation(cell.operation, rows, middle))
        return bottom, end

    def wire(self, wire: int, band: range, y: float, lefts: dict[int, float], x: float, end: float) -> None:
        lives = self.layout.shown(wire, band)
        if not lives:
            return
        info = self.scene.wires[wire]
        shapes: list[Shape] = [Text(x, y, info.label, self.pen.size, "text", "start")] if info.label else []
        if name := info.is_lane and self.layout.name(wire, band):
            shapes.append(Text(lefts[band.start] - 11 * self.scale, y, name, self.pen.small, "text", "end"))
        for life in lives:
            first, last = lefts[band.start] - 8 * self.scale, end + 6 * self.scale
            if life.start >= band.start:
                first = lefts[life.start] + (life.lead or self.layout.widths[life.start] / 2)
            if life.end < band.stop:
                last = lefts[life.end] + self.layout.widths[life.end] / 2
            role = "classical" if info.is_classical else "wire"
            shapes.append(Line(first, y, last, y, role, 1.1 * self.scale, double=info.is_classical))
        if info.size is not None:
            mark = x + text_width(info.label, self.pen.size) + 5 * self.scale
            shapes.append(Text(mark, y, f"/ {info.size}", self.pen.small, "muted", "start"))
        self.groups.append(Group("wire", tuple(shapes)))

    def frame(self, box: FrameBox, band: range, edges: tuple[float, float], lefts: dict[int, float], end: float) -> None:
        """The part of a frame that is in the band."""
        top, bottom = edges
        begins, closes = box.edges[0] in band, box.edges[-1] in band
        half = EDGE * self.scale / 2
        start = lefts[box.edges[0]] + half if begins else lefts[band.start] - half
        stop = lefts[box.edges[-1]] + half if closes else end + half / 2
        family, dashed = box.frame.family, box.frame.family == "opened"
        fill, edge = f"{family}.fill", f"{family}.edge"
        area = (start, top, stop - start, bottom - top, 6 * self.scale)
        shapes: list[Shape] = [Box(*area, fill, edge, self.scale, dashed, not begins, not closes)]
        for column in box.edges[1:-1]:
            if column in band:
                x = lefts[column] + half
                shapes.append(Line(x, top, x, bottom, edge, self.scale, dashed=True))
        shapes += self.headings(box, band, lefts, start, stop, top)
        self.groups.append(Group(f"frame {family}", tuple(shapes), box.frame.tooltip, box.frame.span))

    def headings(
        self, box: FrameBox, band: range, lefts: dict[int, float], start: float, stop: float, top: float
    ) -> list[Shape]:
        """The titles of a frame's sections, and its badge."""
        shapes: list[Shape] = []
        small, pad = self.pen.small, 7 * self.scale
        y, ink = top + 9 * self.scale, f"{box.frame.family}.ink"
        for number, section in enumerate(box.frame.sections):
            opens, closes = box.edges[number], box.edges[number + 1]
            if opens >= band.stop or closes < band.start:
                continue
            left = lefts[opens] + EDGE * self.scale / 2 if opens in band else start
            right = lefts[closes] if closes in band else stop
            title = section.title if opens in band else f"… {section.title}"
            badge = box.frame.badge if number == 0 and opens in band else ""
            room = right - left - pad - (text_width(badge, small) + pad if badge else 0.0)
            shapes.append(Text(left + pad, y, self.fit(title, room), small, ink, "start", bold=True))
            if badge:
                shapes.append(Text(right - pad / 2, y, badge, small, ink, "end"))
        return shapes

    def fit(self, text: str, room: float) -> str:
        """`text` cut to `room` points."""
        length = columns(text)
        while length > 1 and text_width(shorten(text, length), self.pen.small, bold=True) > room + 2:
            length -= 1
        return shorten(text, length)

    def links(self, box: FrameBox, edges: tuple[float, float], rows: list[float], lefts: dict[int, float]) -> None:
        x = lefts[box.edges[0]] + EDGE * self.scale / 2 + 8 * self.scale
        shapes = self.pen.links(box.frame, edges, rows, x)
        if shapes:
            self.groups.append(Group("link", tuple(shapes)))
