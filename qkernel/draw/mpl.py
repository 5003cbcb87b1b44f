"""Pictures as matplotlib figures, without pyplot: nothing global is touched and any backend can save them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkernel.draw.shapes import Arc, Box, Disc, Line, Picture, Text
from qkernel.draw.style import CircuitStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def figure(picture: Picture, style: CircuitStyle) -> Figure:
    """A figure as large as the picture: one data unit is one point."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(picture.width / 72, picture.height / 72), dpi=100, facecolor=style.background)
    FigureCanvasAgg(made)
    axes = made.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)
    axes.set_axis_off()
    order = 1.0
    for group in picture.groups:
        for shape in group.shapes:
            order += 0.001
            _paint(axes, shape, style, order)
    return made


def _paint(axes: Axes, shape: Any, style: CircuitStyle, order: float) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Arc as ArcPatch
    from matplotlib.patches import Circle

    match shape:
        case Line(x1, y1, x2, y2, stroke, width, dashed, double):
            color = style.color(stroke)
            dashes: Any = (0, (3, 2)) if dashed else "-"
            shift = 1.3 if double else 0.0
            across = (shift, 0.0) if x1 == x2 else (0.0, shift)
            for side in (-1, 1) if double else (0,):
                x, y = side * across[0], side * across[1]
                line = Line2D([x1 + x, x2 + x], [y1 + y, y2 + y], color=color, linewidth=width, linestyle=dashes, zorder=order)
                line.set_solid_capstyle("butt")
                axes.add_artist(line)
        case Box():
            _paint_box(axes, shape, style, order)
        case Disc(x, y, radius, fill, stroke, width):
            inside, edge = style.color(fill), style.color(stroke)
            axes.add_artist(Circle((x, y), radius, facecolor=inside, edgecolor=edge, linewidth=width, zorder=order))
        case Arc(x, y, radius, stroke, width):
            dial = ArcPatch((x, y), 2 * radius, 2 * radius, theta1=180, theta2=360, color=style.color(stroke), zorder=order)
            dial.set_linewidth(width)
            axes.add_artist(dial)
        case Text(x, y, text, size, ink, anchor, bold):
            axes.text(
                x, y, text, fontsize=size, color=style.color(ink), fontweight="bold" if bold else "normal",
                ha={"start": "left", "middle": "center", "end": "right"}[anchor], va="center_baseline", zorder=order,
                parse_math=False, family="sans-serif",
            )  # fmt: skip


def _paint_box(axes: Axes, box: Box, style: CircuitStyle, order: float) -> None:
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path

    fill, edge = style.color(box.fill), style.color(box.stroke)
    dashes: Any = (0, (4, 2)) if box.dashed else "-"
    if not (box.open_left or box.open_right):
        radius = min(box.radius, box.width / 2, box.height / 2)
        inner = (box.x + radius, box.y + radius)
        axes.add_artist(
            FancyBboxPatch(
                inner, box.width - 2 * radius, box.height - 2 * radius, boxstyle=f"round,pad={radius}",
                facecolor=fill, edgecolor=edge, linewidth=box.line, linestyle=dashes, zorder=order,
            )
        )  # fmt: skip
        return
    left, right, top, bottom = box.x, box.x + box.width, box.y, box.y + box.height
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    axes.add_artist(PathPatch(Path(corners), facecolor=fill, edgecolor="none", zorder=order))
    drawn = [Path.MOVETO, Path.LINETO, *((Path.MOVETO,) if box.open_right else (Path.LINETO,)), Path.LINETO]
    drawn.append(Path.MOVETO if box.open_left else Path.LINETO)
    axes.add_artist(
        PathPatch(Path(corners, drawn), facecolor="none", edgecolor=edge, linewidth=box.line, linestyle=dashes, zorder=order)
    )
