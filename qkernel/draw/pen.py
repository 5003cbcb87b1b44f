"""How wide single operations are and which shapes they are made of; shared by pages and by HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qkernel.characters import columns, shorten
from qkernel.draw.layout import Extent, Metrics
from qkernel.draw.scene import Frame, Mark, Operation, Touch
from qkernel.draw.shapes import Arc, Box, Disc, Group, Line, Shape, Text, text_width

BOX, GAP, PAD, EDGE, TITLE, SKIRT = 30.0, 14.0, 7.0, 12.0, 19.0, 6.0
"""Points at letters of 11: a box, between rows, inside a box, a frame's edge, its heading, its lower edge."""
_LONGEST, _WIDE, _FEW = 46, 26, 16
_CALLS = ("call", "composite", "oracle")


class Pen:
    """Draws for letters of `size` points; `scale` is 1 at 11."""

    def __init__(self, size: float) -> None:
        self.size, self.small, self.scale = size, 0.82 * size, size / 11

    # Measures

    def metrics(self) -> Metrics:
        """For laying out a scene."""
        return Metrics(self.operation_width, self.heading_width, EDGE * self.scale, 8 * self.scale)

    def lines(self, operation: Operation, segment: tuple[int, int]) -> list[str]:
        """The small lines below the name of a box."""
        if segment != operation.segments[0]:
            return []
        joined = ", ".join(operation.lines)
        is_one_line = segment[0] == segment[1] or operation.family not in _CALLS
        lines = [joined] if joined and columns(joined) <= _WIDE and is_one_line else list(operation.lines)
        if operation.place:
            lines.append(operation.place)
        return [shorten(line, _LONGEST) for line in lines]

    def box_width(self, operation: Operation, segment: tuple[int, int]) -> float:
        """The width of one box of an operation."""
        texts = [text_width(line, self.small) for line in self.lines(operation, segment)]
        name = text_width(shorten(operation.name, _LONGEST), self.size, bold=True)
        return max(BOX * self.scale, max([name, *texts]) + 2 * PAD * self.scale) + self.port_width(operation, segment)

    def port_width(self, operation: Operation, segment: tuple[int, int]) -> float:
        """The room for the names of the callee's arguments at the left edge of a box."""
        inside = (touch for touch in operation.touches if touch.mark is Mark.BOX and segment[0] <= touch.wire <= segment[1])
        widest = max((text_width(touch.text, self.small) for touch in inside if touch.text), default=0.0)
        return widest + 6 * self.scale if widest else 0.0

    def operation_width(self, operation: Operation) -> float:
        """The room that an operation takes, the gap behind it included."""
        needed = [self.box_width(operation, segment) for segment in operation.segments]
        for touch in operation.touches:
            if touch.mark is Mark.METER:
                needed.append(max(BOX * self.scale, text_width(operation.place, self.small)))
            elif touch.mark is Mark.TAP:
                needed.append(2.0)
            elif touch.mark is Mark.LANE:
                needed.append(8 * self.scale + text_width(touch.text, self.small))
            elif touch.mark is Mark.START:
                needed.append(BOX * self.scale if operation.name else 2.0)
            elif touch.mark is not Mark.BOX:
                needed.append(16 * self.scale + 2 * text_width(touch.text, self.small))
        return max(needed, default=0.0) + EDGE * self.scale

    def heading_width(self, title: str, badge: str) -> float:
        """The least width of a frame with this heading."""
        extra = text_width(badge, self.small) + 14 * self.scale if badge else 0.0
        return text_width(shorten(title, 2 * _LONGEST), self.small, bold=True) + (2 * EDGE + 12) * self.scale + extra

    def box_height(self, operation: Operation, segment: tuple[int, int]) -> float:
        """The height of a box on one wire."""
        lines = self.lines(operation, segment)
        return max(BOX * self.scale, 1.3 * self.size + 1.25 * self.small * len(lines) + 8 * self.scale)

    def halves(self, operations: Iterable[Operation], wires: int) -> list[float]:
        """Half the height of the tallest box on each wire alone."""
        halves = [BOX * self.scale / 2] * wires
        for operation in operations:
            for first, last in operation.segments:
                if first == last:
                    halves[first] = max(halves[first], self.box_height(operation, (first, last)) / 2)
        return halves

    def rows(
        self, halves: Sequence[float], above: Sequence[int], below: Sequence[int], top: float, visible: Sequence[bool]
    ) -> tuple[list[float], float]:
        """The height of each wire below `top`, with room for the frames above and below it, and where the last row ends.

        Wires that are not visible take no room.
        """
        rows: list[float] = []
        gap = GAP if sum(visible) <= _FEW else GAP / 2
        y = top
        for wire, half in enumerate(halves):
            if not visible[wire]:
                rows.append(y)
                continue
            y += above[wire] * TITLE * self.scale + half
            rows.append(y)
            y += half + (below[wire] * SKIRT + gap) * self.scale
        return rows, y - gap * self.scale if rows else y

    def frame_extent(self, extent: Extent, rows: Sequence[float], halves: Sequence[float]) -> tuple[float, float]:
        """The upper and lower edge of a frame."""
        top = rows[extent.first] - halves[extent.first] - (extent.above * TITLE - 1) * self.scale
        return top, rows[extent.last] + halves[extent.last] + extent.below * SKIRT * self.scale

    # Shapes

    def operation(self, operation: Operation, rows: Sequence[float], x: float) -> Group:
        """An operation whose middle stands at `x`."""
        family = operation.family
        shapes: list[Shape] = []
        heights = [rows[wire] for wire in operation.wires]
        if family == "barrier":
            half = BOX * self.scale / 2
            shapes.append(Line(x, heights[0] - half, x, heights[-1] + half, "muted", 1.4 * self.scale, dashed=True))
        elif family == "fan":
            return Group("fan", tuple(self._fan(operation, rows, x)), operation.tooltip, operation.span)
        elif len(heights) > 1 and family not in ("measure", "end"):
            shapes.append(Line(x, heights[0], x, heights[-1], f"{family}.edge", 1.4 * self.scale))
        for bit in operation.bits:
            end = rows[bit] - 3 * self.scale
            shapes.append(Line(x, heights[0], x, end, "classical", 1.1 * self.scale, double=True))
            shapes.append(Disc(x, rows[bit], 3 * self.scale, "classical", "classical"))
        for segment in operation.segments:
            shapes += self._box(operation, segment, rows, x)
        for touch in operation.touches:
            shapes += self._mark(operation, touch, x, rows[touch.wire])
        return Group(f"operation {family}", tuple(shapes), operation.tooltip, operation.span)

    def _box(self, operation: Operation, segment: tuple[int, int], rows: Sequence[float], x: float) -> list[Shape]:
        first, last = segment
        width, family = self.box_width(operation, segment), operation.family
        half = self.box_height(operation, segment) / 2 if first == last else BOX * self.scale / 2
        left, top, height = x - width / 2, rows[first] - half, rows[last] - rows[first] + 2 * half
        radius = min(half, 14 * self.scale) if family == "readout" else 5 * self.scale
        fill, edge, ink = f"{family}.fill", f"{family}.edge", f"{family}.ink"
        shapes: list[Shape] = [Box(left, top, width, height, radius, fill, edge, 1.3 * self.scale, bool(operation.place))]
        if family == "composite":
            inset = 2.5 * self.scale
            inner = (left + inset, top + inset, width - 2 * inset, height - 2 * inset)
            shapes.append(Box(*inner, 3 * self.scale, fill, edge, 0.7 * self.scale))
        for touch in operation.touches:
            if touch.mark is Mark.BOX and first <= touch.wire <= last and touch.text:
                shapes.append(Text(left + 5 * self.scale, rows[touch.wire], touch.text, self.small, ink, "start"))
        lines = self.lines(operation, segment)
        step, middle = 1.25 * self.small, x + self.port_width(operation, segment) / 2
        y = top + height / 2 - step * len(lines) / 2
        shapes.append(Text(middle, y, shorten(operation.name, _LONGEST), self.size, ink, bold=True))
        y += 0.62 * self.size + step / 2
        return shapes + [Text(middle, y + k * step, line, self.small, ink) for k, line in enumerate(lines)]

    def _mark(self, operation: Operation, touch: Touch, x: float, y: float) -> list[Shape]:
        fill, edge = f"{operation.family}.fill", f"{operation.family}.edge"
        match touch.mark:
            case Mark.CONTROL | Mark.ANTI_CONTROL:
                return self.dot(touch, x, y, edge)
            case Mark.NOT:
                radius, line = 9 * self.scale, 1.4 * self.scale
                across, down = (x - radius, y, x + radius, y), (x, y - radius, x, y + radius)
                plus: list[Shape] = [Line(*across, edge, line), Line(*down, edge, line)]
                return [Disc(x, y, radius, fill, edge, line), *plus, *self._word(touch, x, y)]
            case Mark.CROSS:
                arm, line = 5.5 * self.scale, 1.8 * self.scale
                falling, rising = (x - arm, y - arm, x + arm, y + arm), (x - arm, y + arm, x + arm, y - arm)
                return [Line(*falling, edge, line), Line(*rising, edge, line), *self._word(touch, x, y)]
            case Mark.METER:
                return self._meter(operation, x, y)
            case Mark.START if operation.name:
                width, height = 22 * self.scale, 16 * self.scale
                blank = Box(x - width / 2, y - height / 2, width, height, 3 * self.scale, "background", "background")
                return [blank, Text(x, y, operation.name, self.size, "text")]
        return []

    def _fan(self, operation: Operation, rows: Sequence[float], x: float) -> list[Shape]:
        """A line out of a register to the names of its lanes, or from the lanes back."""
        heights = [rows[wire] for wire in operation.wires]
        lanes = [touch for touch in operation.touches if touch.mark is Mark.LANE]
        line = 1.1 * self.scale
        if not lanes:
            return [Line(x, heights[0], x, heights[-1], "wire", line)]
        width = self.operation_width(operation)
        start, word = x - width / 2 + 3 * self.scale, x - width / 2 + 13 * self.scale
        shapes: list[Shape] = [Line(start, heights[0], start, heights[-1], "wire", line)]
        for touch in lanes:
            y, end = rows[touch.wire], word + text_width(touch.text, self.small) + 3 * self.scale
            shapes += [Line(start, y, word - 3 * self.scale, y, "wire", line), Line(end, y, x + width / 2, y, "wire", line)]
            shapes.append(Text(word, y, touch.text, self.small, "text", "start"))
        dots = [rows[touch.wire] for touch in operation.touches if touch.mark is Mark.TAP]
        return shapes + [Disc(start, y, 1.7 * self.scale, "wire", "wire", line) for y in dots]

    def links(self, frame: Frame, extent: tuple[float, float], rows: Sequence[float], x: float) -> list[Shape]:
        """Lines from a frame to its controls, and to the bits of its condition."""
        top, bottom = extent
        edge = "call.edge" if frame.family == "opened" else f"{frame.family}.edge"
        shapes: list[Shape] = []
        for touch in frame.controls:
            y = rows[touch.wire]
            shapes += [Line(x, y, x, top if y < top else bottom, edge, 1.4 * self.scale), *self.dot(touch, x, y, edge)]
        for bit in frame.bits:
            shapes.append(Line(x, bottom, x, rows[bit], "classical", 1.1 * self.scale, double=True))
            shapes.append(Disc(x, rows[bit], 4 * self.scale, "classical", "classical"))
        return shapes

    def dot(self, touch: Touch, x: float, y: float, edge: str) -> list[Shape]:
        """A control, filled where it asks for 1."""
        fill = "background" if touch.mark is Mark.ANTI_CONTROL else edge
        return [Disc(x, y, 4.2 * self.scale, fill, edge, 1.6 * self.scale), *self._word(touch, x, y)]

    def _word(self, touch: Touch, x: float, y: float) -> list[Shape]:
        if not touch.text:
            return []
        return [Text(x + 8 * self.scale, y - 8 * self.scale, touch.text, self.small, "text", "start")]

    def _meter(self, operation: Operation, x: float, y: float) -> list[Shape]:
        half, base = BOX * self.scale / 2, y + 6 * self.scale
        fill, edge, ink, line = "measure.fill", "measure.edge", "measure.ink", 1.3 * self.scale
        shapes: list[Shape] = [
            Box(x - half, y - half, 2 * half, 2 * half, 5 * self.scale, fill, edge, line, bool(operation.place)),
            Arc(x, base, 9.5 * self.scale, ink, line),
            Line(x, base, x + 7 * self.scale, base - 11 * self.scale, ink, line),
        ]
        if operation.name:
            shapes.append(Text(x - half + 6 * self.scale, y - half + 7 * self.scale, operation.name, 0.7 * self.size, ink))
        if operation.place:
            shapes.append(Text(x, y - half - 6 * self.scale, operation.place, self.small, "text"))
        return shapes
