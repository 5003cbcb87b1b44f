"""Drawings of kernels: one scene read off the IR, shown as text, as a matplotlib figure, as SVG or as HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from qkernel.characters import visible
from qkernel.diagnostics import did_you_mean
from qkernel.draw.build import build_scene
from qkernel.draw.builder import Options
from qkernel.draw.concrete import Placed, circuit_scene
from qkernel.draw.html import html_drawing
from qkernel.draw.picture import paint_scene
from qkernel.draw.scene import Scene, changed, with_short_names
from qkernel.draw.style import STYLES, CircuitStyle, find_style
from qkernel.draw.svg import svg_drawing
from qkernel.draw.text import text_drawing
from qkernel.errors import ValidationError
from qkernel.ir.module import Module
from qkernel.lower import lower
from qkernel.lower.bindings import normalise
from qkernel.lower.circuit import Circuit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["STYLES", "CircuitStyle", "draw"]

_OUTPUTS = ("mpl", "text", "svg", "html")
_ALL_LEVELS = 1000
_LONGEST_NAME = 40
"""Columns: where the names of wires are cut in pictures."""


def draw(
    module: Module,
    values: Mapping[str, Any],
    *,
    inline: bool = False,
    inline_depth: int | None = None,
    fold_loops: bool = True,
    expand_composite: bool = False,
    output: str = "mpl",
    style: CircuitStyle | str | None = None,
    max_gates: int = 1000,
    width: float | None = None,
    ascii: bool = False,
    lowered: bool = False,
    place: Callable[[Circuit], Placed] | None = None,
) -> Any:
    """Draw the entry of `module` with what `values` say about its arguments; nothing has to be bound.

    `fold_loops` shows a loop as a frame around its body, else iteration by iteration where its bounds are known. `inline` opens
    calls down to the last level, `inline_depth` down to that many; `expand_composite` opens composite gates too. A call under
    `inverse` is opened as it was written, with † at its name. An int for a quantum argument gives the register's length.
    `lowered` draws the concrete circuit, `place` what this makes of it for a target.
    `style` is a `CircuitStyle` or the name of one of `STYLES`.
    `width` is that of a line before it wraps: columns of text (default: the terminal's), inches for matplotlib (default 14),
    pixels for SVG (default 1200); both defaults give way a little where that saves a line, and more in tall pictures. HTML
    scrolls. `ascii` keeps text to plain characters.

    Returns a `matplotlib.figure.Figure` for `"mpl"`, a string for `"text"`, `"svg"` and `"html"`. Raises `SizeError` where
    more than `max_gates` boxes would be drawn, `ValidationError` for an unknown output, style or argument name.
    """
    _check_options(output, width, inline_depth, max_gates)
    chosen = find_style(style)
    depth = inline_depth if inline_depth is not None else _ALL_LEVELS if inline else 0
    if lowered or place:
        scene = _lowered_scene(module, values, max_gates, place)
    else:
        scene = build_scene(module, values, Options(fold_loops, depth, expand_composite, max_gates, output == "html"))
    if output == "text":
        return text_drawing(scene, None if width is None else int(width), ascii)
    if output == "mpl":
        return _figure(scene, chosen, width)
    scene = with_short_names(changed(scene, visible), _LONGEST_NAME)
    if output == "html":
        return html_drawing(scene, chosen)
    picture = paint_scene(scene, 0.75 * (width or 1200.0), chosen.font_size, _slack(width))
    return svg_drawing(picture, chosen, f"{scene.title}({scene.subtitle})")


def _check_options(output: Any, width: Any, inline_depth: Any, max_gates: Any) -> None:
    if output not in _OUTPUTS:
        title = f"there is no drawing output `{output}`{did_you_mean(str(output), list(_OUTPUTS))}"
        raise ValidationError(title, help=f"one of {', '.join(_OUTPUTS)}")
    if width is not None and (isinstance(width, bool) or not isinstance(width, Real) or not 1 <= float(width) < 1e6):
        raise ValidationError(f"`width` is a number of at least 1, but this is {width!r}")
    for name, count in (("inline_depth", inline_depth), ("max_gates", max_gates)):
        is_default = name == "inline_depth" and count is None
        if not is_default and (isinstance(count, bool) or not isinstance(count, Integral) or count < 0):
            raise ValidationError(f"`{name}` is a whole number of at least 0, but this is {count!r}")


def _figure(scene: Scene, style: CircuitStyle, width: float | None) -> Figure:
    from qkernel.draw.fonts import legible
    from qkernel.draw.mpl import figure

    shown = with_short_names(changed(scene, legible), _LONGEST_NAME)
    return figure(paint_scene(shown, 72 * (width or 14.0), style.font_size, _slack(width)), style)


def _slack(width: float | None) -> float:
    """By which factor a line may be longer where nobody asked for a width."""
    return 1.25 if width is None else 1.0


def _lowered_scene(
    module: Module, values: Mapping[str, Any], max_gates: int, place: Callable[[Circuit], Placed] | None
) -> Scene:
    """The scene of the concrete circuit, Float arguments without a value left open."""
    bound = normalise(module.entry, dict(values), None)
    circuit = lower(module, bound.values, bound.open)
    return circuit_scene(place(circuit) if place else circuit, max_gates)
