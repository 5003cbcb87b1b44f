"""What a picture is made of, in points from the top left corner, coloured by role and not by colour.

A role is `family.part` (`rotation.fill`), or one of `background`, `text`, `muted`, `wire`, `classical`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qkernel.characters import columns
from qkernel.diagnostics import Span

_REGULAR = {
    0.29: "'ijlIJ", 0.32: " ,.·", 0.34: "/:;\\|", 0.37: "f-", 0.39: "()[]t⟨⟩!", 0.41: "r", 0.46: '"', 0.5: "*_`†", 0.53: "sz?",
    0.56: "cL", 0.59: "vxyFk", 0.62: "PπTYaoe", 0.64: "ESbdghnpqu$0123456789{}√", 0.68: "KAV", 0.7: "BRXZC", 0.75: "UHN",
    0.78: "DGOQ&", 0.84: "w#+<=>^~×", 0.87: "M", 0.97: "%mW", 1.0: "@…",
}  # fmt: skip
_ADVANCE = {letter: width for width, letters in _REGULAR.items() for letter in letters}
_BOLD = 1.12


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of `text` in a sans-serif font of `size` points, measured on DejaVu Sans, which is a wide one."""
    widths = (_ADVANCE.get(letter) or (0.0, 0.7, 1.05)[columns(letter)] for letter in text)
    return sum(widths) * size * (_BOLD if bold else 1.03)


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line; a double one for classical wires."""

    x1: float
    y1: float
    x2: float
    y2: float
    stroke: str
    width: float = 1.2
    dashed: bool = False
    double: bool = False

    @property
    def strands(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """The line from point to point, or the two of a double one."""
        ends = []
        for shift in (-1.3, 1.3) if self.double else (0.0,):
            x, y = (shift, 0.0) if self.x1 == self.x2 else (0.0, shift)
            ends.append(((self.x1 + x, self.y1 + y), (self.x2 + x, self.y2 + y)))
        return ends


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with round corners; open sides have no edge."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    stroke: str
    line: float = 1.2
    dashed: bool = False
    open_left: bool = False
    open_right: bool = False


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle; `fill` may be `background` for an open one."""

    x: float
    y: float
    radius: float
    fill: str
    stroke: str
    line: float = 1.2


@dataclass(frozen=True, slots=True)
class Arc:
    """The upper half of a circle: the dial of a meter."""

    x: float
    y: float
    radius: float
    stroke: str
    line: float = 1.2


@dataclass(frozen=True, slots=True)
class Text:
    """Letters whose middle stands at `y`; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    size: float
    ink: str
    anchor: str = "middle"
    bold: bool = False


Shape = Line | Box | Disc | Arc | Text


@dataclass(frozen=True, slots=True)
class Group:
    """The shapes of one wire, frame or operation, and what to say about it."""

    kind: str
    shapes: tuple[Shape, ...]
    tooltip: str = ""
    span: Span | None = None


@dataclass(slots=True)
class Picture:
    """Everything to paint, in order."""

    width: float
    height: float
    groups: list[Group] = field(default_factory=list)
