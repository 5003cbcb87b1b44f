"""The scene as text: Unicode box drawing, or plain ASCII."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from qkernel.characters import columns, shorten, shorten_name, spelled_out, steady
from qkernel.draw.canvas import Canvas, plain
from qkernel.draw.layout import Extent, FrameBox, Layout, Metrics, lay_out
from qkernel.draw.scene import Mark, Operation, Scene, Touch, Wire, changed

_WIDE, _WIDEST = 22, 44  # characters: from where the label of a single wire takes three lines, and where labels are cut
_MARKS = {Mark.CONTROL: "●", Mark.ANTI_CONTROL: "○", Mark.NOT: "⊕", Mark.CROSS: "×", Mark.START: "|0⟩"}


class TextDrawing(str):
    """A drawing as text; a prompt shows it line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self.rstrip("\n")


def text_drawing(scene: Scene, width: int | None = None, ascii: bool = False) -> TextDrawing:
    """The drawing as text of at most `width` columns (default: the terminal's), if its widest column allows."""
    page = width or shutil.get_terminal_size().columns
    scene = changed(scene, spelled_out if ascii else steady)
    heading = f"{scene.title}({scene.subtitle})" if scene.subtitle else scene.title
    names = [shorten_name(_wire_label(wire), max(page // 3, 8)) for wire in scene.wires]
    margin = max(map(columns, names), default=0) + 2
    longest = page - max(margin, page // 4) - 8
    legend = _Legend(max(longest, 8))
    scene = changed(scene, legend.clipped)
    layout = lay_out(scene, Metrics(_operation_width, _heading_width, 2, 0), page - margin - 1)
    bands = layout.bands(max(10, page - margin - 1))
    lanes = [wire for wire, info in enumerate(scene.wires) if info.is_lane]
    needed = max((columns(layout.name(wire, band)) for wire in lanes for band in bands), default=0) + 2
    if needed > margin:  # lanes that go on from line to line
        margin = min(needed, max(margin, page // 4))
        bands = layout.bands(max(10, page - margin - 1))
    parts = [_wrapped(heading, page), *(_band(layout, band, names, margin, page, legend) for band in bands)]
    parts.append("\n".join(_wrapped(entry, page) for entry in legend.entries))
    drawn = "\n\n".join(part for part in parts if part) + "\n"
    return TextDrawing(plain(drawn) if ascii else drawn)


def _wire_label(wire: Wire) -> str:
    """The name in the margin; a lane's depends on the line."""
    return wire.label if wire.size is None else f"{wire.label} / {wire.size}"


def _wrapped(text: str, page: int) -> str:
    """A text on as many lines as it takes."""
    return textwrap.fill(text, max(page, 8), subsequent_indent="    ", break_on_hyphens=False)


class _Cut(str):
    """A text as it was cut, with what it was: two that were cut to the same are two."""

    full: str


def _full(text: str) -> str:
    return text.full if isinstance(text, _Cut) else text


@dataclass
class _Legend:
    """What was cut to `longest` characters or left out, in full: it stands below the drawing, in `entries`."""

    longest: int
    entries: dict[str, None] = field(default_factory=dict)

    def clipped(self, text: str) -> str:
        """A text, cut; what it was is kept."""
        shown = _Cut(shorten(text, self.longest))
        shown.full = text
        return shown

    def heading(self, title: str, badge: str, shown: str) -> None:
        """Note a heading of which no more than `shown` stands in the drawing."""
        title, badge = _full(title), _full(badge)
        if shown != f"{title} {badge}".strip():
            self.entries[f"{title} {badge}".strip()] = None

    def label(self, operation: Operation, lines: list[str]) -> None:
        """Note what stands on an operation if it is not all among the `lines` that are shown."""
        parts = [*map(_full, (operation.name, *operation.lines))]
        if not all(any(part in line for line in lines) for part in parts):
            self.entries[f"{parts[0]}({', '.join(parts[1:])})" if parts[1:] else parts[0]] = None


def _lines(operation: Operation, rows: int) -> list[str]:
    """The label of a box that has room for `rows` lines."""
    prefix = f"{operation.place}: " if operation.place else ""
    joined = ", ".join(operation.lines)
    single = f"{prefix}{operation.name}{f'({joined})' if joined else ''}"
    reads_as_call = operation.family != "evolve"  # exp(-itH)(t) would not
    if (rows == 1 and columns(single) <= _WIDE and reads_as_call) or not (operation.lines or prefix):
        return [shorten(single, _WIDEST)]
    rows = max(rows, 3)
    is_call = operation.family in ("call", "composite", "oracle")
    shown = operation.lines if is_call or not joined or columns(joined) > _WIDE else (joined,)
    lines = [operation.name, *shown, *([operation.place] if prefix else [])]
    if len(lines) > rows:
        lines = [operation.name, joined, *([operation.place] if prefix else [])]
    if len(lines) > rows:
        lines = [prefix + operation.name, joined]
    return [shorten(line, _WIDEST) for line in lines]


def _box_size(operation: Operation, segment: tuple[int, int]) -> tuple[list[str], int]:
    """The lines of a box and the width of its port labels."""
    first, last = segment
    main = segment == operation.segments[0]
    shown = operation if main else replace(operation, lines=(), place="")
    ports = [columns(touch.text) for touch in operation.touches if touch.mark is Mark.BOX and first <= touch.wire <= last]
    return _lines(shown, 2 * (last - first) + 1), max(ports, default=0)


def _operation_width(operation: Operation) -> int:
    """Characters that an operation needs, a space of wire behind it included."""
    needed = 3
    for segment in operation.segments:
        lines, port = _box_size(operation, segment)
        needed = max(needed, max(map(columns, lines)) + 4 + (port + 1 if port else 0))
    for touch in operation.touches:
        match touch.mark:
            case Mark.METER:
                needed = max(needed, columns(_meter(operation)) + 4)
            case Mark.RESET:
                needed = max(needed, 7)
            case Mark.LANE:
                needed = max(needed, columns(touch.text) + 3)
            case Mark.START:
                needed = max(needed, 4 if operation.name else 1)
            case Mark.CONTROL | Mark.ANTI_CONTROL | Mark.NOT | Mark.CROSS:
                needed = max(needed, 2 * columns(touch.text) + 1)
    return needed + 1


def _meter(operation: Operation) -> str:
    return f"{operation.place + ': ' if operation.place else ''}M{operation.name.lower()}"


def _heading_width(title: str, badge: str) -> int:
    return columns(title) + 8 + (columns(badge) + 3 if badge else 0)


def _band(layout: Layout, band: range, names: list[str], margin: int, page: int, legend: _Legend) -> str:
    """One line of the page."""
    tall = _tall(layout, band)
    extents = layout.extents(band)
    rows, height = _rows(layout, band, tall, extents)
    left = {column: margin + int(sum(layout.widths[band.start : column])) for column in band}
    end = int(layout.reach(band, left, margin + sum(layout.widths[column] for column in band), page))
    canvas = Canvas(height, end + 1)
    for wire, row in enumerate(rows):
        lane = shorten(layout.name(wire, band), margin - 2)
        name = names[wire] or " " * (margin - 2 - columns(lane)) + lane
        _wire(canvas, layout, wire, row, band, left, end, name)
    for number, extent in extents.items():
        _frame(canvas, layout.frames[number], extent, rows, tall, band, left, end, legend)
    for cell in layout.cells:
        if cell.column in band:
            middle = left[cell.column] + (int(2 * layout.middle(cell)) - 1) // 2
            _operation(canvas, cell.operation, rows, middle, legend)
    return str(canvas)


def _tall(layout: Layout, band: range) -> list[int]:
    """For each wire how many lines more than one a box needs above and below it."""
    tall = [0] * len(layout.wires)
    for cell in layout.cells:
        for segment in cell.operation.segments if cell.column in band else ():
            if segment[0] == segment[1] and len(_box_size(cell.operation, segment)[0]) > 1:
                tall[segment[0]] = 1
    return tall


def _rows(layout: Layout, band: range, tall: list[int], extents: Mapping[int, Extent]) -> tuple[list[int], int]:
    """The line of each wire, and the number of lines; wires that do not live in the band take none."""
    above, below = layout.levels(extents)
    rows: list[int] = []
    line, over = 0, None
    for wire, is_visible in enumerate(layout.visible(band)):
        if is_visible:
            frames = above[wire] + (0 if over is None else below[over])
            extra = tall[wire] + (0 if over is None else tall[over])
            line += extra + (1 + frames if over is None else 3 + frames if frames else 2)
            over = wire
        rows.append(line)
    return rows, line + 2 + (0 if over is None else below[over] + tall[over])


def _wire(canvas: Canvas, layout: Layout, wire: int, row: int, band: range, left: dict[int, int], end: int, name: str) -> None:
    for life in layout.shown(wire, band):
        canvas.write(row, 0, name)
        first = left[band.start] - 1
        if life.start >= band.start:
            first = left[life.start] + (int(life.lead or layout.widths[life.start]) - 1) // 2
        last = left[life.end] + (int(layout.widths[life.end]) - 1) // 2 if life.end < band.stop else end
        canvas.horizontal(row, first, last, 2 if layout.wires[wire].is_classical else 1)


def _frame(
    canvas: Canvas,
    box: FrameBox,
    extent: Extent,
    rows: list[int],
    tall: list[int],
    band: range,
    left: dict[int, int],
    end: int,
    legend: _Legend,
) -> None:
    top = rows[extent.first] - 1 - tall[extent.first] - extent.above
    bottom = rows[extent.last] + 1 + tall[extent.last] + extent.below
    begins, closes = box.edges[0] in band, box.edges[-1] in band
    start = left[box.edges[0]] if begins else left[band.start] - 1
    stop = left[box.edges[-1]] if closes else end
    canvas.horizontal(top, start, stop)
    canvas.horizontal(bottom, start, stop)
    for edge in box.edges:
        if edge in band:
            canvas.vertical(left[edge], top, bottom)
    if begins:
        canvas.put(top, start, "╭")
        canvas.put(bottom, start, "╰")
    if closes:
        canvas.put(top, stop, "╮")
        canvas.put(bottom, stop, "╯")
    _headings(canvas, box, top, band, left, start, stop, legend)
    if begins:
        _frame_links(canvas, box, rows, top, bottom, start + 1)


def _headings(
    canvas: Canvas, box: FrameBox, top: int, band: range, left: dict[int, int], start: int, stop: int, legend: _Legend
) -> None:
    for number, section in enumerate(box.frame.sections):
        opens, closes = box.edges[number], box.edges[number + 1]
        if opens >= band.stop or closes < band.start:
            continue
        here = left[opens] if opens in band else start
        room = (left[closes] if closes in band else stop) - here - 4
        title = section.title if opens in band else f"… {section.title}"
        badge = box.frame.badge if number == 0 and opens in band else ""
        shown = []
        if badge and columns(title) + columns(badge) + 5 <= room:
            canvas.write(top, here + room + 2 - columns(badge), f" {badge} ")
            room -= columns(badge) + 3
            shown.append(badge)
        if room > 3:
            shown.insert(0, shorten(title, room - 1))
            canvas.write(top, here + 2, f" {shown[0]} ")
        if opens in band:
            legend.heading(title, badge, " ".join(shown))


def _frame_links(canvas: Canvas, box: FrameBox, rows: list[int], top: int, bottom: int, x: int) -> None:
    """Lines from a frame to its controls, and to the bits of its condition."""
    for touch in box.frame.controls:
        row = rows[touch.wire]
        canvas.vertical(x, min(row, bottom), max(row, top) if row < top else row)
        canvas.put(row, x, _MARKS[touch.mark])
        canvas.write(row, x + 1, touch.text)
    for bit in box.frame.bits:
        canvas.vertical(x, bottom, rows[bit], 2)
        canvas.put(rows[bit], x, "●")


def _operation(canvas: Canvas, operation: Operation, rows: list[int], middle: int, legend: _Legend) -> None:
    marked = sorted(operation.touches, key=lambda touch: touch.wire)
    if operation.family == "barrier":
        canvas.fill(rows[marked[0].wire], rows[marked[-1].wire], middle, "░")
        return
    if operation.family == "fan":
        _fan(canvas, operation, rows, middle)
        return
    if operation.name or operation.family == "measure":
        canvas.vertical(middle, rows[marked[0].wire], rows[marked[-1].wire])
    for bit in operation.bits:
        canvas.vertical(middle, rows[marked[-1].wire], rows[bit], 2)
        canvas.put(rows[bit], middle, "╩")
    for segment in operation.segments:
        _box(canvas, operation, segment, rows, middle, legend)
    for touch in marked:
        _mark(canvas, operation, touch, rows[touch.wire], middle)


def _fan(canvas: Canvas, operation: Operation, rows: list[int], middle: int) -> None:
    """A line out of a register to the names of its lanes, or from the lanes back."""
    lanes = [touch for touch in operation.touches if touch.mark is Mark.LANE]
    x = middle - (_operation_width(operation) - 1) // 2 if lanes else middle
    canvas.vertical(x, rows[operation.wires[0]], rows[operation.wires[-1]])
    for touch in lanes:
        canvas.horizontal(rows[touch.wire], x, middle)
        canvas.write(rows[touch.wire], x + 1, f" {touch.text} ")


def _mark(canvas: Canvas, operation: Operation, touch: Touch, row: int, middle: int) -> None:
    match touch.mark:
        case Mark.METER:
            text = _meter(operation)
            ended = [row] if touch.wire in operation.ended else []
            canvas.box(row - 1, row + 1, middle - (columns(text) + 4) // 2, columns(text) + 4, [row], ended)
            canvas.write(row, middle - columns(text) // 2, text)
            if operation.bits:
                canvas.vertical(middle, row + 1, row + 1, 2)
        case Mark.RESET:
            canvas.box(row - 1, row + 1, middle - 3, 7, [row], [])
            canvas.write(row, middle - 1, "|0⟩")
        case Mark.START:
            canvas.write(row, middle - 1, "|0⟩" if operation.name else "")
        case Mark.CONTROL | Mark.ANTI_CONTROL | Mark.NOT | Mark.CROSS:
            canvas.put(row, middle, _MARKS[touch.mark])
            canvas.write(row, middle + 1, touch.text)


def _box(canvas: Canvas, operation: Operation, segment: tuple[int, int], rows: list[int], middle: int, legend: _Legend) -> None:
    first, last = segment
    lines, port = _box_size(operation, segment)
    if segment == operation.segments[0]:
        legend.label(operation, lines)
    size = max(map(columns, lines)) + 4 + (port + 1 if port else 0)
    left = middle - size // 2
    swell = first == last and len(lines) > 1
    top, bottom = rows[first] - 1 - swell, rows[last] + 1 + swell
    wires = [touch for touch in operation.touches if touch.mark is Mark.BOX and first <= touch.wire <= last]
    canvas.box(top, bottom, left, size, [rows[touch.wire] for touch in wires], [rows[wire] for wire in operation.ended])
    for touch in wires:
        canvas.write(rows[touch.wire], left + 1, touch.text)
    inner = size - 4 - (port + 1 if port else 0)
    start = left + 2 + (port + 1 if port else 0)
    line = top + 1 + (bottom - top - 1 - len(lines)) // 2
    for offset, text in enumerate(lines):
        canvas.write(line + offset, start + (inner - columns(text)) // 2, text)
