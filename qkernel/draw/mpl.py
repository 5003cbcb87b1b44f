"""Pictures as matplotlib figures, without pyplot: nothing global is touched and any backend can save them.

Shapes that cannot overlap and look alike are one collection, so that a figure of a thousand gates has some hundred artists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path
from matplotlib.transforms import Affine2D

from qkernel.characters import cells
from qkernel.draw.fonts import families
from qkernel.draw.shapes import Arc, Box, Disc, Line, Picture, Shape, Text
from qkernel.draw.style import CircuitStyle
from qkernel.figures import DrawnFigure

_DOTS_PER_INCH, _LONGEST_SIDE = 100.0, 60_000
"""Pixels: what a figure asks for, and a little less than what matplotlib can save."""

_SET_UP_TO = 500
"""Texts that matplotlib sets, with hinted letters; more are drawn as outlines of letters, ten times faster."""

_FRAMES, _WIRES, _OPERATIONS = 1, 2, 3
_LOOKS: dict[type, tuple[str, ...]] = {
    Line: ("stroke", "width", "dashed"),
    Box: ("fill", "stroke", "line", "dashed", "open_left", "open_right"),
    Disc: ("fill", "stroke", "line"),
    Arc: ("stroke", "line"),
    Text: ("ink",),
}


def figure(picture: Picture, style: CircuitStyle) -> DrawnFigure:
    """A figure as large as the picture: one data unit is one point."""
    width, height = picture.width / 72, picture.height / 72
    dots = min(_DOTS_PER_INCH, _LONGEST_SIDE / max(width, height))
    made = DrawnFigure(figsize=(width, height), dpi=dots, facecolor=style.background)
    FigureCanvasAgg(made)
    axes = made.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)
    axes.set_axis_off()
    layers: dict[Any, list[Any]] = {}
    for key, shape in _layered(picture):
        layers.setdefault(key, []).append(shape)
    texts = sum(len(shapes) for shapes in layers.values() if isinstance(shapes[0], Text))
    for order, key in enumerate(sorted(layers, key=lambda key: key[:2])):
        _paint(axes, layers[key], style, 1 + 0.001 * order, outlines=texts > _SET_UP_TO)
    return made


def _layered(picture: Picture) -> Iterator[tuple[Any, Shape]]:
    """Every shape with its layer and looks: frames lie on one another; wires, and then operations, side by side."""
    depth = 0
    for group in picture.groups:
        is_frame = group.kind.startswith("frame")
        depth = depth + 1 if is_frame else 0
        layer = (_FRAMES, depth) if is_frame else (_WIRES if group.kind == "wire" else _OPERATIONS, 0)
        for number, shape in enumerate(group.shapes):
            looks = tuple(getattr(shape, name) for name in _LOOKS[type(shape)])
            yield (layer, number, type(shape), looks), shape


def _paint(axes: Axes, shapes: Sequence[Any], style: CircuitStyle, order: float, outlines: bool) -> None:
    """Shapes that look alike."""
    match shapes[0]:
        case Line(stroke=stroke, width=width, dashed=dashed):
            _strokes(
                axes, [_segments(line) for line in shapes], "none", style.color(stroke), width, order, (3, 2) if dashed else ()
            )
        case Box(fill=fill, stroke=stroke, line=line, dashed=dashed, open_left=left, open_right=right):
            inside, edge, dashes = style.color(fill), style.color(stroke), (4, 2) if dashed else ()
            if left or right:
                _strokes(axes, [_rounded(box, 0.0) for box in shapes], inside, "none", 0.0, order)
                _strokes(axes, [_open_edge(box) for box in shapes], "none", edge, line, order, dashes)
            else:
                _strokes(axes, [_rounded(box, box.radius) for box in shapes], inside, edge, line, order, dashes)
        case Disc(fill=fill, stroke=stroke, line=line):
            _strokes(axes, [_circle(disc) for disc in shapes], style.color(fill), style.color(stroke), line, order)
        case Arc(stroke=stroke, line=line):
            _strokes(axes, [_dial(arc) for arc in shapes], "none", style.color(stroke), line, order)
        case Text(ink=ink) if outlines:
            _print(axes, shapes, style.color(ink), order)
        case Text(ink=ink):
            for text in shapes:
                _write(axes, text, style.color(ink), order)


def _strokes(
    axes: Axes, paths: list[Path], fill: str, edge: str, width: float, order: float, dashes: tuple[int, ...] = ()
) -> None:
    drawn = PathCollection(
        paths, facecolors=fill, edgecolors=edge, linewidths=width, linestyles=[(0, dashes) if dashes else "-"], zorder=order
    )
    drawn.set_capstyle("butt")
    axes.add_collection(drawn, autolim=False)


def _write(axes: Axes, text: Text, color: str, order: float) -> None:
    axes.text(
        text.x, text.y, text.text, fontsize=text.size, color=color, fontweight="bold" if text.bold else "normal",
        ha={"start": "left", "middle": "center", "end": "right"}[text.anchor], va="center_baseline", zorder=order,
        parse_math=False, usetex=False, family=families(text.text),
    )  # fmt: skip


def _print(axes: Axes, texts: Sequence[Text], color: str, order: float) -> None:
    """Many texts as outlines of their letters."""
    drawn = PathCollection(
        [_outline(text.text, text.size, text.bold, text.anchor) for text in texts],
        offsets=[(text.x, text.y) for text in texts], offset_transform=axes.transData,
        facecolors=color, linewidths=0.0, zorder=order,
    )  # fmt: skip
    drawn.set_transform(Affine2D().scale(1 / 72) + axes.figure.dpi_scale_trans)
    axes.add_collection(drawn, autolim=False)


def _outline(text: str, size: float, bold: bool, anchor: str) -> Path:
    """The letters of a text around the point where it stands, in points, upwards."""
    letters = [_letter(piece, bold) for piece, _ in cells(text)]
    ends = np.cumsum([advance for _, advance in letters])
    shift = {"start": 0.0, "middle": ends[-1] / 2, "end": ends[-1]}[anchor]
    corner = [(end - advance - shift, -0.36) for (_, advance), end in zip(letters, ends, strict=True)]
    placed = [np.add(path.vertices, start) for (path, _), start in zip(letters, corner, strict=True)]
    return Path(np.concatenate(placed) * size, np.concatenate([path.codes for path, _ in letters]))


@cache
def _letter(letter: str, bold: bool) -> tuple[Any, float]:
    """The outline of a letter one point large, the marks on it too, and how far the next one stands from it."""
    font = FontProperties(family=families(letter), weight="bold" if bold else "normal")
    width, _, _ = text_to_path.get_text_width_height_descent(letter, font.copy(), False)
    advance = width / font.get_size_in_points()
    if letter.isspace():
        return Path(np.empty((0, 2)), np.empty(0, Path.code_type)), advance
    outline = TextPath((0, 0), letter, 100, prop=font)
    return Path(np.divide(outline.vertices, 100), outline.codes), advance


def _segments(line: Line) -> Path:
    points = [point for strand in line.strands for point in strand]
    return Path(points, [Path.MOVETO, Path.LINETO] * len(line.strands))


def _rounded(box: Box, radius: float) -> Path:
    """A closed rectangle with round corners."""
    left, right, top, bottom = box.x, box.x + box.width, box.y, box.y + box.height
    r = min(radius, box.width / 2, box.height / 2)
    corners = [(left, top, 1, 0), (right, top, 0, 1), (right, bottom, -1, 0), (left, bottom, 0, -1)]  # with the way onwards
    points: list[tuple[float, float]] = []
    codes: list[Any] = []
    for x, y, along, down in corners:
        points += [(x - r * down, y + r * along), (x, y), (x + r * along, y + r * down)]
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    codes[0] = Path.MOVETO
    return Path([*points, points[0]], [*codes, Path.CLOSEPOLY])


def _open_edge(box: Box) -> Path:
    """The edges of a frame that goes on in another line."""
    left, right, top, bottom = box.x, box.x + box.width, box.y, box.y + box.height
    edges = [((left, top), (right, top)), ((left, bottom), (right, bottom))]
    edges += [] if box.open_left else [((left, top), (left, bottom))]
    edges += [] if box.open_right else [((right, top), (right, bottom))]
    return Path([point for edge in edges for point in edge], [Path.MOVETO, Path.LINETO] * len(edges))


def _circle(disc: Disc) -> Path:
    return Path.circle((disc.x, disc.y), disc.radius)


def _dial(arc: Arc) -> Path:
    """The upper half of a circle, on a page whose rows go down."""
    half = Path.arc(180, 360)
    return Path(np.asarray(half.vertices) * arc.radius + (arc.x, arc.y), half.codes)
