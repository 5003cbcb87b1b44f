"""Scene -> shapes: the geometry of pictures, shared by matplotlib, SVG and HTML."""

from __future__ import annotations

from qkernel.draw.labels import shorten
from qkernel.draw.layout import Cell, FrameBox, Layout, Metrics, lay_out
from qkernel.draw.scene import Mark, Operation, Scene, Touch
from qkernel.draw.shapes import Arc, Box, Disc, Group, Line, Picture, Shape, Text, text_width

_BOX, _GAP, _PAD, _EDGE, _TITLE, _SKIRT = 30.0, 14.0, 7.0, 12.0, 19.0, 6.0
_MARGIN, _BAND_GAP = 14.0, 22.0
_LONGEST, _WIDE = 40, 26


class Painter:
    """One picture in the making, for letters of `size` points."""

    def __init__(self, scene: Scene, size: float) -> None:
        self.scene, self.scale = scene, size / 11
        self.size, self.small = size, 0.82 * size
        self.layout = lay_out(scene, Metrics(self.operation_width, self.heading_width, _EDGE * self.scale))
        self.groups: list[Group] = []
        self.halves = self.row_halves()

    # Measures

    def lines(self, operation: Operation, segment: tuple[int, int]) -> list[str]:
        """The small lines below the name of a box."""
        if segment != operation.segments[0]:
            return []
        joined = ", ".join(operation.lines)
        lines = [joined] if segment[0] == segment[1] and len(joined) <= _WIDE and joined else list(operation.lines)
        if operation.place:
            lines.append(operation.place)
        return [shorten(line, _LONGEST) for line in lines]

    def box_width(self, operation: Operation, segment: tuple[int, int]) -> float:
        texts = [text_width(line, self.small) for line in self.lines(operation, segment)]
        ports = self.port_width(operation, segment)
        name = text_width(shorten(operation.name, _LONGEST), self.size, bold=True)
        return max(_BOX * self.scale, max([name, *texts]) + 2 * _PAD * self.scale) + ports

    def port_width(self, operation: Operation, segment: tuple[int, int]) -> float:
        texts = [
            touch.text for touch in operation.touches if touch.mark is Mark.BOX and segment[0] <= touch.wire <= segment[1]
        ]
        widest = max((text_width(text, self.small) for text in texts if text), default=0.0)
        return widest + 6 * self.scale if widest else 0.0

    def operation_width(self, operation: Operation) -> float:
        """The room that an operation takes, the gap behind it included."""
        needed = [self.box_width(operation, segment) for segment in operation.segments]
        for touch in operation.touches:
            if touch.mark in (Mark.METER, Mark.RESET, Mark.START):
                extra = text_width(operation.place, self.small) if touch.mark is Mark.METER else 0.0
                needed.append(max(_BOX * self.scale, extra))
            elif touch.mark is not Mark.BOX:
                needed.append(16 * self.scale + 2 * text_width(touch.text, self.small))
        return max(needed, default=0.0) + _EDGE * self.scale

    def heading_width(self, title: str, badge: str) -> float:
        extra = text_width(badge, self.small) + 14 * self.scale if badge else 0.0
        return text_width(shorten(title, 2 * _LONGEST), self.small, bold=True) + 2 * _EDGE * self.scale + 12 * self.scale + extra

    def row_halves(self) -> list[float]:
        """Half the height of the tallest box on each wire alone."""
        halves = [_BOX * self.scale / 2] * len(self.scene.wires)
        for cell in self.layout.cells:
            for segment in cell.operation.segments:
                if segment[0] == segment[1]:
                    halves[segment[0]] = max(halves[segment[0]], self.box_height(cell.operation, segment) / 2)
        return halves

    def box_height(self, operation: Operation, segment: tuple[int, int]) -> float:
        lines = self.lines(operation, segment)
        return max(_BOX * self.scale, 1.3 * self.size + 1.25 * self.small * len(lines) + 8 * self.scale)

    # The page

    def picture(self, width: float) -> Picture:
        """All bands below one another."""
        names = [text_width(wire.label, self.size) for wire in self.scene.wires]
        sizes = [text_width(wire.size or "", self.small) for wire in self.scene.wires]
        label = max(names, default=0.0) + (max(sizes, default=0.0) + 6 * self.scale if any(sizes) else 0.0) + 18 * self.scale
        margin = _MARGIN * self.scale
        bands = self.layout.bands(max(40.0, width - label - 2 * margin - 10 * self.scale))
        y = margin + self.heading(margin)
        right = 0.0
        for number, band in enumerate(bands or [range(0)]):
            y = self.band(band, margin, y, label)
            right = max(right, margin + label + sum(self.layout.widths[column] for column in band) + 10 * self.scale)
            y += _BAND_GAP * self.scale if number < len(bands) - 1 else 0.0
        title = margin + text_width(self.title(), self.size, bold=True)
        return Picture(max(right, min(title, width)) + margin, y + margin, self.groups)

    def title(self) -> str:
        return f"{self.scene.title}({self.scene.subtitle})" if self.scene.subtitle else self.scene.title

    def heading(self, x: float) -> float:
        """The kernel's name and what is known of its arguments."""
        name, height = self.scene.title, 24 * self.scale
        y = _MARGIN * self.scale + self.size / 2
        shapes: list[Shape] = [Text(x, y, name, self.size, "text", "start", bold=True)]
        if self.scene.subtitle:
            rest = f"({shorten(self.scene.subtitle, 120)})"
            shapes.append(Text(x + text_width(name, self.size, bold=True) + 2, y, rest, self.size, "muted", "start"))
        self.groups.append(Group("heading", tuple(shapes)))
        return height

    def rows(self, band: range, top: float) -> tuple[list[float], float]:
        """The height of each wire in a band, and where the band ends."""
        above, below = self.layout.levels(band)
        rows: list[float] = []
        y = top
        for wire, half in enumerate(self.halves):
            y += above[wire] * _TITLE * self.scale + half
            rows.append(y)
            y += half + below[wire] * _SKIRT * self.scale + _GAP * self.scale
        return rows, y - _GAP * self.scale if rows else y

    def band(self, band: range, x: float, top: float, label: float) -> float:
        """One line of the page; where it ends."""
        rows, bottom = self.rows(band, top)
        lefts = {}
        position = x + label
        for column in band:
            lefts[column] = position
            position += self.layout.widths[column]
        shown = [box for box in self.layout.frames if box.edges[0] < band.stop and box.edges[-1] >= band.start]
        for box in reversed(shown):
            self.frame(box, band, rows, lefts, position)
        for wire in range(len(rows)):
            self.wire(wire, band, rows[wire], lefts, x, position)
        for box in shown:
            if box.edges[0] in band:
                self.links(box, rows, lefts)
        for cell in self.layout.cells:
            if cell.column in band:
                middle = lefts[cell.column] + self.layout.widths[cell.column] / 2
                self.operation(cell, rows, middle)
        return bottom

    def wire(self, wire: int, band: range, y: float, lefts: dict[int, float], x: float, end: float) -> None:
        starts, stops = self.layout.starts.get(wire, -1), self.layout.ends.get(wire, len(self.layout.widths))
        if stops < band.start or starts >= band.stop:
            return
        info = self.scene.wires[wire]
        role = "classical" if info.is_classical else "wire"
        shapes: list[Shape] = [Text(x, y, info.label, self.size, "text", "start")]
        left = lefts.get(band.start, end) - 8 * self.scale
        first = lefts[starts] + self.layout.widths[starts] / 2 if starts >= band.start else left
        last = lefts[stops] + self.layout.widths[stops] / 2 if stops < band.stop else end + 6 * self.scale
        shapes.append(Line(first, y, last, y, role, 1.1 * self.scale, double=info.is_classical))
        if info.size is not None:
            mark = x + text_width(info.label, self.size) + 4 * self.scale
            shapes.append(Text(mark, y, f"/ {info.size}", self.small, "muted", "start"))
        self.groups.append(Group("wire", tuple(shapes)))

    # Frames

    def frame(self, box: FrameBox, band: range, rows: list[float], lefts: dict[int, float], end: float) -> None:
        first, last = box.frame.inner_rows
        top = rows[first] - self.halves[first] - (box.above * _TITLE - 1) * self.scale
        bottom = rows[last] + self.halves[last] + box.below * _SKIRT * self.scale
        begins, closes = box.edges[0] in band, box.edges[-1] in band
        half = _EDGE * self.scale / 2
        start = lefts[box.edges[0]] + half if begins else lefts[band.start] - half
        stop = lefts[box.edges[-1]] + half if closes else end + half / 2
        family = box.frame.family
        shapes: list[Shape] = [
            Box(start, top, stop - start, bottom - top, 6 * self.scale, f"{family}.fill", f"{family}.edge", self.scale,
                family == "opened", not begins, not closes)
        ]  # fmt: skip
        for edge in box.edges[1:-1]:
            if edge in band:
                x = lefts[edge] + half
                shapes.append(Line(x, top, x, bottom, f"{family}.edge", self.scale, dashed=True))
        shapes += self.headings(box, band, lefts, start, stop, top)
        self.groups.append(Group(f"frame {family}", tuple(shapes), box.frame.tooltip, box.frame.span))

    def headings(
        self, box: FrameBox, band: range, lefts: dict[int, float], start: float, stop: float, top: float
    ) -> list[Shape]:
        shapes: list[Shape] = []
        y, ink, pad = top + 9 * self.scale, f"{box.frame.family}.ink", 7 * self.scale
        for number, section in enumerate(box.frame.sections):
            opens, closes = box.edges[number], box.edges[number + 1]
            if opens >= band.stop or closes < band.start:
                continue
            left = lefts[opens] + _EDGE * self.scale / 2 if opens in band else start
            right = lefts[closes] if closes in band else stop
            title = section.title if opens in band else f"… {section.title}"
            badge = box.frame.badge if number == 0 and opens in band else ""
            room = right - left - pad - (text_width(badge, self.small) + pad if badge else 0.0)
            shapes.append(Text(left + pad, y, self.fit(title, room), self.small, ink, "start", bold=True))
            if badge:
                shapes.append(Text(right - pad / 2, y, badge, self.small, ink, "end"))
        return shapes

    def fit(self, text: str, room: float) -> str:
        length = len(text)
        while length > 1 and text_width(shorten(text, length), self.small, bold=True) > room + 2:
            length -= 1
        return shorten(text, length)

    def links(self, box: FrameBox, rows: list[float], lefts: dict[int, float]) -> None:
        """Lines from a frame to its controls, and to the bits of its condition."""
        first, last = box.frame.inner_rows
        top = rows[first] - self.halves[first] - (box.above * _TITLE - 1) * self.scale
        bottom = rows[last] + self.halves[last] + box.below * _SKIRT * self.scale
        x = lefts[box.edges[0]] + _EDGE * self.scale / 2 + 8 * self.scale
        shapes: list[Shape] = []
        edge = f"{box.frame.family}.edge"
        for touch in box.frame.controls:
            y = rows[touch.wire]
            shapes += [Line(x, y, x, top if y < top else bottom, edge, 1.4 * self.scale), *self.dot(touch, x, y, edge)]
        for bit in box.frame.bits:
            shapes.append(Line(x, bottom, x, rows[bit], "classical", 1.1 * self.scale, double=True))
            shapes.append(Disc(x, rows[bit], 4 * self.scale, "classical", "classical"))
        if shapes:
            self.groups.append(Group("link", tuple(shapes)))

    # Operations

    def operation(self, cell: Cell, rows: list[float], x: float) -> None:
        operation = cell.operation
        family, shapes = operation.family, []
        heights = [rows[touch.wire] for touch in operation.touches]
        edge = f"{family}.edge"
        if family == "barrier":
            top, bottom = min(heights) - _BOX * self.scale / 2, max(heights) + _BOX * self.scale / 2
            shapes.append(Line(x, top, x, bottom, "muted", 1.4 * self.scale, dashed=True))
        elif len(heights) > 1 and family not in ("measure", "end"):
            shapes.append(Line(x, min(heights), x, max(heights), edge, 1.4 * self.scale))
        for bit in operation.bits:
            from_y = min(heights) if heights else rows[bit]
            shapes.append(Line(x, from_y, x, rows[bit] - 5 * self.scale, "classical", 1.1 * self.scale, double=True))
            shapes.append(Disc(x, rows[bit], 3 * self.scale, "classical", "classical"))
        for segment in operation.segments:
            shapes += self.box(operation, segment, rows, x)
        for touch in operation.touches:
            shapes += self.mark(operation, touch, x, rows[touch.wire])
        self.groups.append(Group(f"operation {family}", tuple(shapes), operation.tooltip, operation.span))

    def box(self, operation: Operation, segment: tuple[int, int], rows: list[float], x: float) -> list[Shape]:
        first, last = segment
        width, family = self.box_width(operation, segment), operation.family
        half = self.box_height(operation, segment) / 2 if first == last else _BOX * self.scale / 2
        top, bottom = rows[first] - half, rows[last] + half
        left = x - width / 2
        radius = min(half, 14 * self.scale) if family == "readout" else 5 * self.scale
        shapes: list[Shape] = [
            Box(left, top, width, bottom - top, radius, f"{family}.fill", f"{family}.edge", 1.3 * self.scale, bool(operation.place))
        ]
        if family == "composite":
            inset = 2.5 * self.scale
            shapes.append(
                Box(left + inset, top + inset, width - 2 * inset, bottom - top - 2 * inset, 3 * self.scale,
                    f"{family}.fill", f"{family}.edge", 0.7 * self.scale)
            )  # fmt: skip
        ports = self.port_width(operation, segment)
        for touch in operation.touches:
            if touch.mark is Mark.BOX and first <= touch.wire <= last and touch.text:
                shapes.append(Text(left + 5 * self.scale, rows[touch.wire], touch.text, self.small, f"{family}.ink", "start"))
        lines = self.lines(operation, segment)
        middle, centre = x + ports / 2, (top + bottom) / 2
        step = 1.25 * self.small
        y = centre - step * len(lines) / 2
        name = shorten(operation.name, _LONGEST)
        shapes.append(Text(middle, y, name, self.size, f"{family}.ink", bold=True))
        y += 0.62 * self.size + step / 2
        for line in lines:
            shapes.append(Text(middle, y, line, self.small, f"{family}.ink"))
            y += step
        return shapes

    def mark(self, operation: Operation, touch: Touch, x: float, y: float) -> list[Shape]:
        edge, fill, ink = (f"{operation.family}.{part}" for part in ("edge", "fill", "ink"))
        arm, half = 5.5 * self.scale, _BOX * self.scale / 2
        match touch.mark:
            case Mark.CONTROL | Mark.ANTI_CONTROL:
                return self.dot(touch, x, y, edge)
            case Mark.NOT:
                radius = 9 * self.scale
                return [
                    Disc(x, y, radius, fill, edge, 1.4 * self.scale),
                    Line(x - radius, y, x + radius, y, edge, 1.4 * self.scale),
                    Line(x, y - radius, x, y + radius, edge, 1.4 * self.scale),
                ]
            case Mark.CROSS:
                return [
                    Line(x - arm, y - arm, x + arm, y + arm, edge, 1.8 * self.scale),
                    Line(x - arm, y + arm, x + arm, y - arm, edge, 1.8 * self.scale),
                ]
            case Mark.METER:
                return self.meter(operation, x, y)
            case Mark.RESET:
                return [
                    Box(x - half, y - half, 2 * half, 2 * half, 5 * self.scale, fill, edge, 1.3 * self.scale),
                    Text(x, y, "|0⟩", self.size, ink, bold=True),
                ]
            case Mark.START if operation.name:
                width = 22 * self.scale
                return [
                    Box(x - width / 2, y - 8 * self.scale, width, 16 * self.scale, 3 * self.scale, "background", "background"),
                    Text(x, y, "|0⟩", self.size, "text"),
                ]
        return []

    def dot(self, touch: Touch, x: float, y: float, edge: str) -> list[Shape]:
        fill = "background" if touch.mark is Mark.ANTI_CONTROL else edge
        shapes: list[Shape] = [Disc(x, y, 4.2 * self.scale, fill, edge, 1.6 * self.scale)]
        if touch.text:
            shapes.append(Text(x + 8 * self.scale, y - 8 * self.scale, touch.text, self.small, "text", "start"))
        return shapes

    def meter(self, operation: Operation, x: float, y: float) -> list[Shape]:
        half, ink = _BOX * self.scale / 2, f"{operation.family}.ink"
        base = y + 6 * self.scale
        shapes: list[Shape] = [
            Box(x - half, y - half, 2 * half, 2 * half, 5 * self.scale, f"{operation.family}.fill", f"{operation.family}.edge",
                1.3 * self.scale, bool(operation.place)),
            Arc(x, base, 9.5 * self.scale, ink, 1.3 * self.scale),
            Line(x, base, x + 7 * self.scale, base - 11 * self.scale, ink, 1.3 * self.scale),
        ]  # fmt: skip
        if operation.name:
            shapes.append(Text(x - half + 5 * self.scale, y - half + 6 * self.scale, operation.name, 0.7 * self.size, ink))
        if operation.place:
            shapes.append(Text(x, y - half - 6 * self.scale, operation.place, self.small, "text"))
        return shapes


def paint_scene(scene: Scene, width: float, font_size: float) -> Picture:
    """The picture of a scene on a page of `width` points."""
    return Painter(scene, font_size).picture(width)

