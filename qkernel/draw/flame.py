"""A tree of shares as a flame graph: bars as wide as what they stand for, what is inside of one below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qkernel.draw.shapes import Box, Group, Picture, Shape, Text, text_width
from qkernel.draw.style import STYLES, CircuitStyle
from qkernel.draw.svg import SvgDrawing, svg_drawing

_FAMILIES = ("call", "rotation", "phase", "hadamard", "pauli", "exchange", "composite")
_MARGIN, _HEIGHT, _GAP, _PAD = 14.0, 22.0, 2.0, 5.0
_NARROWEST = 0.5


@dataclass(frozen=True, slots=True)
class Flame:
    """A bar: its name, what its tooltip adds to it, how much it stands for, and the bars inside of it."""

    name: str
    note: str
    weight: int
    parts: tuple[Flame, ...] = ()


def flame_drawing(root: Flame, title: str, width: float = 720.0, style: CircuitStyle = STYLES["default"]) -> SvgDrawing:
    """The flame graph as an SVG document, `width` points wide. Bars of less than half a point are left out."""
    families: dict[str, str] = {}
    groups = [Group("heading", (Text(_MARGIN, _MARGIN + 6, title, style.font_size, "text", "start", bold=True),))]
    bottom = 0.0
    for flame, left, right, level in _placed(root, _MARGIN, width - _MARGIN):
        family = families.setdefault(flame.name, _FAMILIES[len(families) % len(_FAMILIES)])
        top = _MARGIN + 20 + level * (_HEIGHT + _GAP)
        bottom = max(bottom, top + _HEIGHT)
        shapes: list[Shape] = [Box(left, top, right - left - 1, _HEIGHT, 2.0, f"{family}.fill", f"{family}.edge", 0.8)]
        if text := _fitting(f"{flame.name} {flame.note}", flame.name, right - left - 2 * _PAD, style.font_size):
            shapes.append(Text(left + _PAD, top + _HEIGHT / 2, text, style.font_size, f"{family}.ink", "start"))
        groups.append(Group("call", tuple(shapes), f"{flame.name}: {flame.note}"))
    return svg_drawing(Picture(width, bottom + _MARGIN, groups), style, title)


def _placed(root: Flame, left: float, right: float) -> Iterator[tuple[Flame, float, float, int]]:
    """Each bar with its sides and its level, the outermost first."""
    pending = [(root, left, right, 0)]
    scale = (right - left) / max(1, root.weight)
    while pending:
        flame, left, right, level = pending.pop()
        yield flame, left, right, level
        for part in flame.parts:
            end = left + part.weight * scale
            if end - left >= _NARROWEST:
                pending.append((part, left, end, level + 1))
            left = end


def _fitting(long: str, short: str, room: float, size: float) -> str:
    """The longer text that fits, cut if need be; nothing if hardly a letter would be left."""
    for text in (long, short, *(f"{short[:end]}…" for end in range(len(short) - 1, 1, -1))):
        if text_width(text, size) <= room:
            return text
    return ""
