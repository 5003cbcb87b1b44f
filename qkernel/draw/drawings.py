"""What `draw` hands back: strings that a notebook, or Python's prompt, shows as the drawings that they are."""

from __future__ import annotations

from html import escape


class TextDrawing(str):
    """A drawing as text; a prompt shows it line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self.rstrip("\n")


class SvgDrawing(str):
    """A drawing as an SVG document; a notebook shows the picture."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<an SVG drawing of {len(self)} characters: a notebook shows it, `str()` gives its text>"

    def _repr_svg_(self) -> str:
        return str(self)


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
