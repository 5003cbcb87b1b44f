"""Names as they can be shown: nothing in them that breaks a frame, and how many columns of a terminal they take.

A name may hold any character: of a script of two columns each, one that combines with the letter before it, a line
break, a mark that turns the direction of writing. What has no shape of its own is shown by its Python escape.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache

_JOINERS = "\u200c\u200d"
_SHAPELESS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_ELLIPSIS = "…"

# What programs give different widths: colours of skin, halves of flags, and parts of Korean syllables that stand alone.
_UNSTEADY = [(0x1F3FB, 0x1F3FF), (0x1F1E6, 0x1F1FF), (0x1160, 0x11FF), (0xD7B0, 0xD7FF)]

_SPELLINGS = str.maketrans(
    {"π": "pi", "⟨": "<", "⟩": ">", "†": "_dg", "√": "sqrt", "…": "..", "×": "x", "●": "*", "○": "o", "→": "->", "−": "-"}
)


def visible(text: str) -> str:
    """`text` with an escape for each character that has no shape; for readers that shape emoji and Persian by themselves."""
    return _each(text, lambda letter: letter if letter in _JOINERS else _escaped_if_shapeless(letter))


def steady(text: str) -> str:
    """`text` as `visible`, of characters about whose width in columns all terminals agree."""
    if text.isascii():
        return visible(text)
    return _each(unicodedata.normalize("NFC", text), _escaped_if_unsteady)


def spelled_out(text: str) -> str:
    """`text` in ASCII: Greek letters and signs as words, an escape for each other character."""
    return _each(visible(text).translate(_SPELLINGS), _in_ascii)


def _each(text: str, word: Callable[[str], str]) -> str:
    """`text` letter by letter. A mark that combines with nothing before it has no shape either."""
    if text.isascii() and text.isprintable():
        return text
    shown = [escape(text[0]) if text and is_mark(text[0]) else word(text[0]), *map(word, text[1:])] if text else []
    return "".join(shown)


def _escaped_if_shapeless(letter: str) -> str:
    return escape(letter) if unicodedata.category(letter) in _SHAPELESS else letter


def _escaped_if_unsteady(letter: str) -> str:
    code = ord(letter)
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:  # choose among shapes of the letter before
        return ""
    if any(first <= code <= last for first, last in _UNSTEADY):
        return escape(letter)
    return " " if unicodedata.category(letter) == "Zs" else _escaped_if_shapeless(letter)


def _in_ascii(letter: str) -> str:
    if letter.isascii():
        return letter
    script, _, name = unicodedata.name(letter, "").partition(" ")
    case, _, letter_name = name.partition(" LETTER ")
    if script == "GREEK" and case in ("SMALL", "CAPITAL") and " " not in letter_name:
        return letter_name.lower() if case == "SMALL" else letter_name.capitalize()
    return escape(letter)


def escape(letter: str) -> str:
    """One letter in ASCII, as it would stand in a Python string."""
    return letter.encode("unicode_escape").decode("ascii")


def is_mark(letter: str) -> bool:
    """Whether a letter is drawn onto the one before it."""
    return unicodedata.category(letter) in ("Mn", "Me")


@cache
def _width(letter: str) -> int:
    if is_mark(letter) or letter in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cells(text: str) -> list[tuple[str, int]]:
    """`text` in pieces that are not cut: a letter with the marks on it, and the columns that it takes."""
    found: list[tuple[str, int]] = []
    for letter in text:
        if found and not _width(letter):
            found[-1] = (found[-1][0] + letter, found[-1][1])
        else:
            found.append((letter, _width(letter)))
    return found


def shorten_name(name: str, width: int) -> str:
    """The name of a wire cut to `width` columns; its index, if it has one, is kept."""
    stem, bracket, index = name.rpartition("[")
    if columns(name) <= width or columns(index) > width // 2 or not name.endswith("]"):
        return shorten(name, width)
    return shorten(stem, width - columns(bracket + index)) + bracket + index


def shorten(text: str, width: int) -> str:
    """`text` cut to `width` columns, the last of them an ellipsis."""
    if columns(text) <= width:
        return text
    kept, used = "", 0
    for piece, wide in cells(text):
        used += wide
        if used > width - 1:
            break
        kept += piece
    return kept.rstrip() + _ELLIPSIS
