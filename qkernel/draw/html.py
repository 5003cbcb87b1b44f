"""One HTML file that unfolds loops and calls in place: no network, a little script, readable without it.

The drawing is a strip of slices, each as high as all wires. A loop or call is two pieces of strip of which one shows:
folded or unfolded. Wires and gates are small SVGs; frames are boxes of the page itself, so that they grow with their body.
The page's script closes the gaps where lanes and frames are folded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from html import escape
from math import ceil, floor

from qkernel.characters import shorten
from qkernel.diagnostics import counted
from qkernel.draw.layout import Extent, Layout, lay_out
from qkernel.draw.page import PAGE
from qkernel.draw.pen import BOX, EDGE, GAP, SKIRT, TITLE, Pen
from qkernel.draw.scene import Frame, Item, Operation, Scene, Section, Wire
from qkernel.draw.shapes import Line, Shape, Text, text_width
from qkernel.draw.style import STYLES, CircuitStyle
from qkernel.draw.svg import AUTOMATIC, dark_rules, follows_reader, group_markup, markup, tooltip_text

_TOP, _OVERLAP = 10.0, 0.8
"""Pixels above and below everything, and by which wires of neighbouring slices overlap, which may stand between pixels."""
_AROUND = 110
"""Pixels of a page that are not the drawing: the heading on two lines, and a scroll bar."""


class HtmlDrawing(str):
    """A drawing as an HTML page; a notebook shows it in a frame of its own, `height` pixels high.

    In a frame, so that its names, styles and script are of no concern to the notebook and to other drawings in it.
    """

    height: int

    def __new__(cls, text: str, height: int = 400) -> HtmlDrawing:
        drawing = super().__new__(cls, text)
        drawing.height = height
        return drawing

    def __repr__(self) -> str:
        return f"<an HTML drawing of {len(self)} characters: a notebook shows it, `str()` gives its text>"

    def _repr_html_(self) -> str:
        look = f"width:100%;height:{self.height}px;border:0"
        return f'<iframe srcdoc="{escape(self)}" style="{look}" title="drawing of a kernel"></iframe>'


def html_drawing(scene: Scene, style: CircuitStyle) -> HtmlDrawing:
    """A page with the drawing of a scene that was built with `keep_bodies`."""
    strip = Strip(scene, style)
    title = escape(scene.title)
    known = f'<span class="known">({escape(scene.subtitle)})</span>' if scene.subtitle else ""
    parts = {"TITLE": title, "KNOWN": known, "COLORS": colors(style), "DRAWING": strip.page()}
    page = re.sub(r"(?:<!--|/\*)([A-Z]+)(?:-->|\*/)", lambda place: parts[place[1]], PAGE)
    return HtmlDrawing(page, strip.height + _AROUND)


def colors(style: CircuitStyle) -> str:
    """CSS for everything that is not SVG, in the reader's mode where the style follows it."""
    light = _variables(style)
    if not follows_reader(style):
        return f":root{{{light}}}"
    return f":root{{{light}}}@media (prefers-color-scheme: dark){{:root{{{_variables(STYLES['dark'])}}}}}{dark_rules(style)}"


def _variables(style: CircuitStyle) -> str:
    roles = ["background", "text", "muted", "wire"]
    roles += [f"{family}.{part}" for family in ("loop", "branch", "opened") for part in ("fill", "edge", "ink")]
    return "".join(f"--{role.replace('.', '-')}:{style.color(role)};" for role in roles)


@dataclass(frozen=True, slots=True)
class Nesting:
    """How many frames run above and below each wire with everything unfolded."""

    above: list[int]
    below: list[int]


class Strip:
    """The slices of one scene."""

    def __init__(self, scene: Scene, style: CircuitStyle) -> None:
        self.scene, self.style, self.pen = scene, style, Pen(1.2 * style.font_size)
        self.scale = self.pen.scale
        self.fans: dict[int, list[int]] = {}
        self.nesting = Nesting([0] * len(scene.wires), [0] * len(scene.wires))
        operations: list[Operation] = []
        self.survey(scene.items, operations)
        self.halves = self.pen.halves(operations, len(scene.wires))
        everything = [True] * len(scene.wires)
        self.rows, bottom = self.pen.rows(self.halves, self.nesting.above, self.nesting.below, _TOP, everything)
        self.rows = [floor(y) + 0.5 for y in self.rows]
        self.height = ceil(bottom + _TOP)

    def survey(self, entries: Sequence[Item], found: list[Operation]) -> tuple[list[int], list[int]]:
        """Collect all operations, hidden ones too; frames at the upper and lower edge of each wire in `entries`."""
        above, below = [0] * len(self.scene.wires), [0] * len(self.scene.wires)
        for entry in entries:
            frame = entry.body
            if isinstance(entry, Operation):
                found.append(entry)
            if frame is None:
                continue
            for sections in variants(frame):
                extent = self.extent(frame, sections, found)
                first, last = extent.first, extent.last
                above[first], below[last] = max(above[first], extent.above), max(below[last], extent.below)
        self.nesting.above[:] = map(max, self.nesting.above, above)
        self.nesting.below[:] = map(max, self.nesting.below, below)
        return above, below

    def extent(self, frame: Frame, sections: Sequence[Section], found: list[Operation]) -> Extent:
        """Where a frame around `sections` stands, however things are folded in there."""
        items = [entry for section in sections for entry in section.items]
        wires = rows_of(items)
        if sections is frame.sections or not wires:  # iterations may turn out to hold nothing
            wires |= {*frame.wires}
        above, below = self.survey(items, found)
        first, last = min(wires), max(wires)
        return Extent(first, last, 1 + above[first], 1 + below[last])

    # The strip

    def page(self) -> str:
        """The whole drawing."""
        alive = {k for k, wire in enumerate(self.scene.wires) if not (wire.starts_late or wire.is_classical)}
        labels = self.labels()
        drawn = self.items(self.scene.items, alive)
        row = 2 * max(self.halves, default=0) + GAP * self.scale
        room = f'data-title="{TITLE * self.scale:.1f}" data-skirt="{SKIRT * self.scale:.1f}" data-row="{row:.1f}"'
        return f'<div class="strip {AUTOMATIC}" style="height:{self.height:.1f}px" {room}>{labels}{drawn}</div>'

    def labels(self) -> str:
        """The names of the wires; they stay in view."""
        shapes: list[Shape] = []
        width = 0.0
        for wire, y in zip(self.scene.wires, self.rows, strict=True):
            shapes.append(Text(6, y, wire.label, self.pen.size, "text", "start"))
            end = 6 + text_width(wire.label, self.pen.size)
            if wire.size is not None:
                shapes.append(Text(end + 5, y, f"/ {wire.size}", self.pen.small, "muted", "start"))
                end += 5 + text_width(f"/ {wire.size}", self.pen.small)
            width = max(width, end + 10)
        return f'<svg class="labels" width="{width:.1f}" height="{self.height:.1f}">{markup(shapes, self.style)}</svg>'

    def items(self, items: Sequence[Item], alive: set[int]) -> str:
        """Slices for `items`; `alive` are the wires that exist, kept up to date."""
        parts: list[str] = []
        plain: list[Operation] = []
        for entry in items:
            if isinstance(entry, Operation) and entry.body is None:
                plain.append(entry)
                continue
            parts.append(self.columns(plain, alive))
            plain = []
            parts.append(self.call(entry, alive) if isinstance(entry, Operation) else self.loop(entry, alive))
        return "".join([*parts, self.columns(plain, alive)])

    def columns(self, operations: list[Operation], alive: set[int]) -> str:
        """Operations that never unfold, as close together as they go."""
        layout = lay_out(Scene("", "", self.scene.wires, tuple(operations)), self.pen.metrics(), fans=self.fans)
        return "".join(self.column(layout, column, alive) for column in range(len(layout.widths)))

    def column(self, layout: Layout, column: int, alive: set[int]) -> str:
        here = [cell for cell in layout.cells if cell.column == column]
        width = ceil(layout.widths[column])
        lives = [(wire, life) for wire, found in layout.lives.items() for life in found]
        born = {wire: life.lead or width / 2 for wire, life in lives if life.start == column and wire not in alive}
        gone = {wire for wire, life in lives if life.end == column}
        drawn = self.lines(alive | set(born), width, born, gone)
        drawn += "".join(self.operation(cell.operation, layout.middle(cell)) for cell in here)
        alive |= set(born)
        alive -= gone
        return self.slice(drawn, width)

    def slice(self, drawn: str, width: float) -> str:
        return f'<svg width="{width:.1f}" height="{self.height:.1f}">{drawn}</svg>'

    def lines(self, wires: set[int], width: float, born: Mapping[int, float] = {}, gone: Set[int] = frozenset()) -> str:
        """Wires through a slice; those born here begin at some point of it, those gone end in its middle."""
        shapes: list[Shape] = []
        for wire in sorted(wires):
            classical, y = self.scene.wires[wire].is_classical, self.rows[wire]
            start = born.get(wire, -_OVERLAP)
            end = width / 2 if wire in gone else width + _OVERLAP
            shapes.append(Line(start, y, end, y, "classical" if classical else "wire", 1.1 * self.scale, double=classical))
        return markup(shapes, self.style)

    def filler(self, wires: set[int]) -> str:
        """Wires as long as there is room."""
        stretched = ""
        for wire in sorted(wires):
            classical = self.scene.wires[wire].is_classical
            role = "classical" if classical else "wire"
            paint = f'class="s-{role}" stroke="{self.style.color(role)}" stroke-width="{1.1 * self.scale:.1f}"'
            for shift in (-1.3, 1.3) if classical else (0.0,):
                y = f"{self.rows[wire] + shift:.1f}"
                stretched += f'<line x1="0" x2="100%" y1="{y}" y2="{y}" {paint}/>'
        return f'<svg class="filler" height="{self.height:.1f}">{stretched}</svg>'

    def operation(self, operation: Operation, x: float, count: str = "") -> str:
        tip = "\n".join(part for part in (tooltip_text(operation.tooltip, operation.span), count) if part)
        return group_markup(self.pen.operation(operation, self.rows, x), self.style, f' data-tip="{escape(tip)}"')

    # What unfolds

    def call(self, operation: Operation, alive: set[int]) -> str:
        """A call: its box, or the frame that it stands for."""
        assert operation.body is not None
        width = ceil(self.pen.operation_width(operation))
        count = count_text(count_operations((operation.body,), self.scene.wires))
        before = set(alive)
        opened = self.frame(operation.body, alive, operation.body.sections, "▾", count)
        gone = before - alive
        born = dict.fromkeys(alive - before, width / 2)
        box = self.lines(before | set(born), width, born, gone) + self.operation(operation, width / 2, count)
        return self.fold(self.slice(box, width), opened, "call", shorten(operation.tooltip, 80))

    def loop(self, frame: Frame, alive: set[int]) -> str:
        """A loop: its body once, or all iterations; a frame that is neither stays as it is."""
        if frame.unrolled is None:
            return self.frame(frame, alive, frame.sections, "", "")
        count = count_text(count_operations(frame.unrolled, self.scene.wires))
        after = set(alive)
        unfolded = self.frame(frame, after, (Section(frame.title, frame.unrolled),), "▾", count)
        folded = self.frame(frame, alive, frame.sections, "▸", count)
        return self.fold(folded, unfolded, "loop", frame.title)

    def fold(self, closed: str, opened: str, kind: str, label: str) -> str:
        name = escape(label)
        return (
            f'<div class="fold {kind}" data-label="{name}"><div class="piece closed">{closed}</div>'
            f'<div class="piece opened">{opened}</div></div>'
        )

    def frame(self, frame: Frame, alive: set[int], sections: Sequence[Section], arrow: str, count: str) -> str:
        """A frame of the page around the slices of its sections."""
        extent = self.extent(frame, sections, [])
        top, bottom = self.pen.frame_extent(extent, self.rows, self.halves)
        least = self.pen.frame_extent(least_extent(extent, sections), self.rows, self.halves)
        tip = "\n".join(part for part in (tooltip_text(frame.tooltip, frame.span), count) if part)
        edge = ceil(EDGE * self.scale)
        start = edge + (ceil(8 * self.scale) if frame.controls or frame.bits else 0)
        links = self.pen.links(frame, least, self.rows, edge / 2 + 8 * self.scale)
        behind = markup([shape for shape in links if isinstance(shape, Line)], self.style)
        dots = markup([shape for shape in links if not isinstance(shape, Line)], self.style)
        where = f'style="top:{top:.1f}px;height:{bottom - top:.1f}px" data-top="{least[0]:.1f}" data-bottom="{least[1]:.1f}"'
        parts = [
            f'<svg class="links" width="{start:.1f}" height="{self.height:.1f}">{behind}</svg>' if links else "",
            f'<div class="frame {frame.family}" {where} data-tip="{escape(tip)}"></div>',
            self.slice(f'{self.lines(alive, start)}<g class="link">{dots}</g>', start),
        ]
        before = set(alive)
        for number, section in enumerate(sections):
            branch = set(before) if frame.family == "branch" else alive
            badge = f'<span class="badge">{escape(frame.badge)}</span>' if frame.badge and not number else ""
            parts.append(self.section(section, branch, top, bottom, arrow if not number else "", badge, frame))
            alive |= branch
        alive -= set(frame.drops)
        parts.append(self.slice(self.lines(alive, edge), edge))
        return f'<div class="around">{"".join(parts)}</div>'

    def section(
        self, section: Section, alive: set[int], top: float, bottom: float, arrow: str, badge: str, frame: Frame
    ) -> str:
        """One section: its heading above its slices, and wires to the end of the heading."""
        least = self.pen.heading_width(f"{arrow} {section.title}", frame.badge if badge else "")
        tag = "button" if arrow else "span"
        heading = f'<{tag} class="heading" style="top:{top + 1:.1f}px">{arrow} {escape(section.title)} {badge}</{tag}>'
        extent = f"top:{top:.1f}px;height:{bottom - top:.1f}px"
        rule = "" if section.title == frame.title else f'<div class="rule" style="{extent}"></div>'
        inside = self.filler(alive) + self.items(section.items, alive)
        return (
            f'<div class="section {frame.family}" style="min-width:{max(least, BOX):.1f}px">'
            f"{rule}{heading}{inside}{self.filler(alive)}</div>"
        )


def variants(frame: Frame) -> list[tuple[Section, ...]]:
    """What a frame may hold: its sections, or a loop's iterations."""
    iterations = [] if frame.unrolled is None else [(Section(frame.title, frame.unrolled),)]
    return [frame.sections, *iterations]


def least_extent(extent: Extent, sections: Sequence[Section]) -> Extent:
    """Where a frame stands if nothing inside is unfolded and no frame is in it: the page's script makes room for those."""
    own = [entry.wires for section in sections for entry in section.items if isinstance(entry, Operation)]
    wires = [wire for found in own for wire in found] or [extent.first]
    return Extent(min(wires), max(wires), 1, 1)


def rows_of(items: Sequence[Item]) -> set[int]:
    """The wires of qubits that `items` touch, however they are folded."""
    wires: set[int] = set()
    for entry in items:
        wires |= entry.touched_wires
        if entry.body is not None:
            wires |= {*entry.body.wires}
            for sections in variants(entry.body):
                wires |= rows_of([inner for section in sections for inner in section.items])
    return wires


def count_operations(items: tuple[Item, ...], wires: tuple[Wire, ...]) -> int | None:
    """How many operations `items` stand for; None where that depends on something open."""
    total = 0
    for entry in items:
        number = _count(entry, wires)
        if number is None:
            return None
        total += number
    return total


def _count(entry: Item, wires: tuple[Wire, ...]) -> int | None:
    if isinstance(entry, Frame):
        if entry.family == "opened":
            return count_operations(entry.sections[0].items, wires)
        return None if entry.unrolled is None else count_operations(entry.unrolled, wires)
    if entry.body is not None:
        return _count(entry.body, wires)
    if entry.family in ("start", "end", "barrier", "fan"):
        return 0
    known = entry.family not in ("call", "composite", "oracle") and not _is_bundled(entry, wires)
    return 1 if known else None


def _is_bundled(operation: Operation, wires: tuple[Wire, ...]) -> bool:
    return not operation.place and any(wires[touch.wire].size is not None for touch in operation.touches)


def count_text(number: int | None) -> str:
    """A count in words."""
    return "" if number is None else counted(number, "operation")
