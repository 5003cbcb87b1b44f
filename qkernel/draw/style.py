"""How drawings look: a small set of colours, and three ready choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qkernel.diagnostics import did_you_mean
from qkernel.errors import ValidationError

FAMILIES = (
    "hadamard", "pauli", "phase", "rotation", "exchange", "unitary", "evolve", "call", "composite", "oracle",
    "measure", "reset", "start", "readout", "loop", "branch", "opened",
)  # fmt: skip
"""Everything that has colours of its own: gate families, boxes and frames."""


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours of a box or frame: its inside, its edge and its letters."""

    fill: str
    edge: str
    ink: str


@dataclass(frozen=True, slots=True)
class CircuitStyle:
    """Colours (any `#rrggbb`) and the size of letters in points.

    `paints` has an entry for every family in `qkernel.draw.style.FAMILIES`; those that it lacks look like `call`.
    Start from a ready style: `dataclasses.replace(STYLES["default"], font_size=14)`.
    """

    name: str = "default"
    background: str = "#ffffff"
    text: str = "#1c2430"
    muted: str = "#687383"
    wire: str = "#55606e"
    classical: str = "#8a6d3b"
    paints: Mapping[str, Paint] = field(default_factory=dict)
    font_size: float = 11.0

    def paint(self, family: str) -> Paint:
        """The colours of a family."""
        return self.paints.get(family) or self.paints.get("call") or Paint(self.background, self.wire, self.text)

    def color(self, role: str) -> str:
        """The colour of a role: `family.fill`, `family.edge`, `family.ink`, or one of this style's own fields."""
        family, _, part = role.partition(".")
        return str(getattr(self.paint(family), part) if part else getattr(self, family))


_LIGHT = {
    "hadamard": Paint("#fdebc8", "#c98500", "#5c3c00"),
    "pauli": Paint("#dbe8fc", "#2b68c9", "#113464"),
    "phase": Paint("#d5f0ec", "#0f8073", "#05413a"),
    "rotation": Paint("#e9e3fc", "#6a48cf", "#321f77"),
    "exchange": Paint("#e1f2d4", "#4a861f", "#27490f"),
    "unitary": Paint("#e9ebee", "#5b6470", "#242a31"),
    "evolve": Paint("#fbe1ed", "#bd3878", "#611339"),
    "call": Paint("#e3eef5", "#2a6a8c", "#123a50"),
    "composite": Paint("#dfe3fa", "#3a4bb0", "#1c2765"),
    "oracle": Paint("#333c49", "#1f2630", "#ffffff"),
    "measure": Paint("#ffffff", "#39424e", "#1c2430"),
    "reset": Paint("#f1f2f4", "#39424e", "#1c2430"),
    "readout": Paint("#ffe4dd", "#cd4326", "#6b1c0b"),
    "loop": Paint("#f8f6fe", "#9384cf", "#4a3a93"),
    "branch": Paint("#fff8e8", "#cf9a35", "#7a5206"),
    "opened": Paint("#f3f8fb", "#7aa8c0", "#2a5a75"),
}
_DARK = {
    "hadamard": Paint("#4a3710", "#e2a93b", "#ffe6b0"),
    "pauli": Paint("#18335c", "#6fa5f2", "#d6e6ff"),
    "phase": Paint("#0d3f3a", "#4cc2b2", "#c9f5ee"),
    "rotation": Paint("#352767", "#a48cf2", "#e6deff"),
    "exchange": Paint("#264015", "#8fcb5f", "#dff5cd"),
    "unitary": Paint("#343b45", "#9aa5b3", "#edf0f3"),
    "evolve": Paint("#56193a", "#ec7fb1", "#ffdcec"),
    "call": Paint("#173a4d", "#64b2d9", "#d3edfa"),
    "composite": Paint("#262f66", "#8e9cf0", "#dfe3ff"),
    "oracle": Paint("#e7eaee", "#e7eaee", "#14181e"),
    "measure": Paint("#1d232b", "#c6ced8", "#eef1f5"),
    "reset": Paint("#262d36", "#c6ced8", "#eef1f5"),
    "readout": Paint("#5a2115", "#f58b70", "#ffe0d7"),
    "loop": Paint("#1d1b2c", "#7d70b8", "#c5baf2"),
    "branch": Paint("#2a2416", "#b98f3c", "#f0d491"),
    "opened": Paint("#16222b", "#4b7f99", "#a9d0e5"),
}
# The eight colours of Okabe and Ito (2008), light inside and full at the edge; light and dark alternate as well.
_COLORBLIND = {
    "hadamard": Paint("#fdf9c4", "#9c9200", "#3d3900"),
    "pauli": Paint("#d9effb", "#2a8fcb", "#0b3a55"),
    "phase": Paint("#c9ebe1", "#00805d", "#003b2b"),
    "rotation": Paint("#fae7bf", "#c98a00", "#4d3500"),
    "exchange": Paint("#f6e3ed", "#b3588b", "#4f1f3b"),
    "unitary": Paint("#e6e6e6", "#555555", "#1a1a1a"),
    "evolve": Paint("#e4bcd4", "#8f3f6d", "#3a1029"),
    "call": Paint("#c6dded", "#0072b2", "#00304c"),
    "composite": Paint("#0072b2", "#004d78", "#ffffff"),
    "oracle": Paint("#222222", "#000000", "#ffffff"),
    "measure": Paint("#ffffff", "#222222", "#111111"),
    "reset": Paint("#f0f0f0", "#222222", "#111111"),
    "readout": Paint("#f8d5bf", "#d55e00", "#5c2800"),
    "loop": Paint("#f4f9fc", "#5f9fc4", "#0b4a6e"),
    "branch": Paint("#fef7ec", "#d69a2d", "#6b4600"),
    "opened": Paint("#f4f6f7", "#7c8a94", "#333d45"),
}

STYLES = {
    "default": CircuitStyle(paints=_LIGHT),
    "dark": CircuitStyle("dark", "#14181e", "#eef1f5", "#98a3b1", "#8b97a6", "#d3ab63", _DARK),
    "colorblind": CircuitStyle("colorblind", "#ffffff", "#111111", "#5c5c5c", "#444444", "#7a5c00", _COLORBLIND),
}
"""The ready styles by name."""


def find_style(style: CircuitStyle | str | None) -> CircuitStyle:
    """A style itself, a ready one by name, or the default."""
    if isinstance(style, CircuitStyle):
        return style
    if style is None or style in STYLES:
        return STYLES[style or "default"]
    raise ValidationError(
        f"there is no drawing style `{style}`{did_you_mean(str(style), list(STYLES))}",
        help=f"one of {', '.join(STYLES)}, or a CircuitStyle of your own",
    )
