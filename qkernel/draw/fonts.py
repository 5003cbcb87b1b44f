"""Which installed fonts have the letters of a matplotlib drawing; what no font has is shown by its escape."""

from __future__ import annotations

from functools import cache

from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

from qkernel.characters import cells, escape, steady

_FONTLESS = ("Last Resort", "LastResort")
"""Fonts that have an empty box for every letter there is."""


def legible(text: str) -> str:
    """`text` in letters that some font has."""
    text = steady(text)
    if text.isascii():
        return text
    return "".join(
        piece if _family(piece) is not None else "".join(letter if letter.isascii() else escape(letter) for letter in piece)
        for piece, _ in cells(text)
    )


def families(text: str) -> list[str]:
    """The fonts to set a legible `text` in: the reader's own, then those that have what it lacks."""
    found = dict.fromkeys(_family(piece) for piece, _ in cells(text) if not piece.isascii())
    return ["sans-serif", *(name for name in found if name and name != "sans-serif")]


def _family(piece: str) -> str | None:
    """A family that has all of `piece`, "sans-serif" if that does; None if none has."""
    return "sans-serif" if piece.isascii() else _search(piece, _own_files())


def _own_files() -> tuple[str, ...]:
    """The files of the reader's own font: they may change with matplotlib's settings."""
    return tuple(findfont(FontProperties(family="sans-serif", weight=weight)) for weight in ("normal", "bold"))


@cache
def _search(piece: str, own: tuple[str, ...]) -> str | None:
    if all(_has(file, piece) for file in own):
        return "sans-serif"
    for entry in fontManager.ttflist:
        if entry.style == "normal" and not entry.name.startswith(_FONTLESS) and _has(entry.fname, piece):
            return entry.name
    return None


@cache
def _has(file: str, piece: str) -> bool:
    """Whether a font has every letter of `piece`, in outlines that can be drawn at any size."""
    try:
        font = get_font(file)
        return bool(font.scalable) and all(font.get_char_index(ord(letter)) for letter in piece)
    except (OSError, RuntimeError):
        return False
