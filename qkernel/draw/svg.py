"""Pictures as self-contained SVG; the default style follows the reader's light or dark mode."""

from __future__ import annotations

import linecache
from html import escape
from typing import Any

from qkernel.characters import visible
from qkernel.diagnostics import Span
from qkernel.draw.shapes import Arc, Box, Disc, Group, Line, Picture, Shape, Text
from qkernel.draw.style import STYLES, CircuitStyle

AUTOMATIC = "qkernel-automatic"
"""The class of drawings in colours that follow the reader: on one page there may be others beside them."""
_FONT = "'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif"


class SvgDrawing(str):
    """A drawing as an SVG document; a notebook shows the picture."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<an SVG drawing of {len(self)} characters: a notebook shows it, `str()` gives its text>"

    def _repr_svg_(self) -> str:
        return str(self)


def svg_drawing(picture: Picture, style: CircuitStyle, title: str) -> SvgDrawing:
    """The whole picture as an SVG document; tooltips are `<title>` elements."""
    size = f'width="{_number(picture.width)}pt" height="{_number(picture.height)}pt"'
    view = f'viewBox="0 0 {_number(picture.width)} {_number(picture.height)}"'
    scope = f' class="{AUTOMATIC}"' if follows_reader(style) else ""
    head = f'<svg xmlns="http://www.w3.org/2000/svg"{scope} {size} {view} font-family="{_FONT}" role="img">'
    parts = [head, f"<title>{escape(title)}</title>", f"<style>{dark_rules(style)}</style>" if follows_reader(style) else ""]
    parts.append(f'<rect class="f-background" width="100%" height="100%" rx="6" fill="{style.background}"/>')
    parts += [group_markup(group, style) for group in picture.groups]
    return SvgDrawing("\n".join(part for part in [*parts, "</svg>"] if part) + "\n")


def follows_reader(style: CircuitStyle) -> bool:
    """Whether a style has a dark twin for readers in dark mode."""
    return style is STYLES["default"]


def dark_rules(style: CircuitStyle) -> str:
    """CSS that recolours every role for readers in dark mode."""
    dark = STYLES["dark"]
    roles = ["background", "text", "muted", "wire", "classical"]
    roles += [f"{family}.{part}" for family in dark.paints for part in ("fill", "edge", "ink")]
    rules = []
    for role in roles:
        name, color = role.replace(".", "-"), dark.color(role)
        rules.append(f".{AUTOMATIC} .f-{name}{{fill:{color}}}.{AUTOMATIC} .s-{name}{{stroke:{color}}}")
    return f"@media (prefers-color-scheme: dark){{{''.join(rules)}}}"


def group_markup(group: Group, style: CircuitStyle, attributes: str = "") -> str:
    """A group of shapes with its tooltip."""
    tip = tooltip_text(group.tooltip, group.span)
    title = f"<title>{escape(tip)}</title>" if tip and not attributes else ""
    return f'<g class="{group.kind}"{attributes}>{title}{"".join(shape_markup(shape, style) for shape in group.shapes)}</g>'


def tooltip_text(tooltip: str, span: Span | None) -> str:
    """A few lines: what it is, where it was written, the source itself."""
    if not tooltip:
        return ""
    lines = [tooltip]
    if span is not None:
        source, file = linecache.getline(span.file, span.line).strip(), span.file.replace("\\", "/").rsplit("/", 1)[-1]
        lines.append(visible(f"{file}:{span.line}" + (f"  {source}" if source else "")))
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _fill(role: str, style: CircuitStyle) -> str:
    return f'fill="{style.color(role)}"'


def _classes(*pairs: tuple[str, str]) -> str:
    return 'class="' + " ".join(f"{kind}-{role.replace('.', '-')}" for kind, role in pairs) + '"'


def _stroke(role: str, style: CircuitStyle, width: float, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="4 2.5"' if dashed else ""
    return f'stroke="{style.color(role)}" stroke-width="{_number(width)}"{dashes}'


def shape_markup(shape: Shape, style: CircuitStyle) -> str:
    """One shape."""
    match shape:
        case Line():
            return _line(shape, style)
        case Box():
            return _box(shape, style)
        case Disc(x, y, radius, fill, stroke, width):
            paint = f"{_classes(('f', fill), ('s', stroke))} {_fill(fill, style)} {_stroke(stroke, style, width)}"
            return f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}" {paint}/>'
        case Arc(x, y, radius, stroke, width):
            size, left, right, base = map(_number, (radius, x - radius, x + radius, y))
            path = f"M{left} {base}A{size} {size} 0 0 1 {right} {base}"
            return f'<path d="{path}" {_classes(("s", stroke))} fill="none" {_stroke(stroke, style, width)}/>'
        case Text(x, y, text, size, ink, anchor, bold):
            weight = ' font-weight="bold"' if bold else ""
            where = f'x="{_number(x)}" y="{_number(y + 0.36 * size)}" text-anchor="{anchor}"'
            paint = f"{_classes(('f', ink))} {_fill(ink, style)}"
            return f'<text {where} font-size="{_number(size)}"{weight} {paint}>{escape(text)}</text>'


def _line(line: Line, style: CircuitStyle) -> str:
    paint = f"{_classes(('s', line.stroke))} {_stroke(line.stroke, style, line.width, line.dashed)}"
    drawn = ""
    for ends in line.strands:
        (x1, y1), (x2, y2) = [tuple(map(_number, end)) for end in ends]
        drawn += f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {paint}/>'
    return drawn


def _box(box: Box, style: CircuitStyle) -> str:
    inside = f"{_classes(('f', box.fill), ('s', box.stroke))} {_fill(box.fill, style)}"
    edge = _stroke(box.stroke, style, box.line, box.dashed)
    x, y, width, height = map(_number, (box.x, box.y, box.width, box.height))
    if not (box.open_left or box.open_right):
        return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{_number(box.radius)}" {inside} {edge}/>'
    right, bottom = _number(box.x + box.width), _number(box.y + box.height)
    sides = "" if box.open_left else f"M{x} {y}V{bottom}"
    sides += "" if box.open_right else f"M{right} {y}V{bottom}"
    area = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" {_classes(("f", box.fill))} {_fill(box.fill, style)}/>'
    path = f"M{x} {y}H{right}M{x} {bottom}H{right}{sides}"
    return f'{area}<path d="{path}" {_classes(("s", box.stroke))} fill="none" {edge}/>'


def markup(shapes: list[Any], style: CircuitStyle) -> str:
    """Shapes one after another."""
    return "".join(shape_markup(shape, style) for shape in shapes)
