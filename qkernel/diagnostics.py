"""How an error looks: the message, the source line with carets, notes that point elsewhere, and what to do.

Rendering is a pure function of the error and the source files that it points into.
"""

from __future__ import annotations

import linecache
import re
import reprlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

from qkernel.characters import columns


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text. Lines count from 1, columns (characters, not bytes) from 0; the end is exclusive.

    In a plain function that was read as part of a kernel, `call` is its name, and where it was called.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    call: tuple[str, Span] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """A remark, with the place in the source that it is about."""

    text: str
    span: Span | None = None


_WIDEST_LINE = 200
_MOST_CALLS = 4
_CONTROLS = {code: " " if code == 9 else "\ufffd" for code in (*range(32), *range(127, 160))}


def render(heading: str, span: Span | None, label: str, notes: tuple[Note, ...], help: str | None) -> str:
    """The full text of an error."""
    gutter = max((len(str(place.line)) for place in (span, *(note.span for note in notes)) if place), default=1)
    lines = [heading]
    if span is not None:
        lines += _excerpt(span, "^", label, gutter)
    elif label:
        lines += _below("note", label, gutter)
    for note in notes:
        if note.span is None:
            lines += _below("note", note.text, gutter)
        else:
            lines += _excerpt(note.span, "-", note.text, gutter, same_file=span is not None and span.file == note.span.file)
    if help:
        lines += _below("help", help, gutter)
    return "\n".join(lines)


def _below(word: str, text: str, gutter: int) -> list[str]:
    """A text behind its word; its further lines stand under the first."""
    first, *rest = text.splitlines()
    head = f"{' ' * gutter} = {word}: "
    return [head + first, *(" " * len(head) + line for line in rest)]


def shortened(calls: tuple[Note, ...]) -> tuple[Note, ...]:
    """Of many calls, each made in the next, the innermost and the outermost."""
    if len(calls) <= _MOST_CALLS:
        return calls
    left_out = len(calls) - _MOST_CALLS
    return (*calls[: _MOST_CALLS - 1], Note(f"{counted(left_out, 'more call')} in between"), calls[-1])


def _excerpt(span: Span, mark: str, label: str, gutter: int, same_file: bool = False) -> list[str]:
    """The source line of `span`, marked from its first column to its end, at most to the end of that line."""
    blank = " " * gutter
    where = f"{span.line}:{span.column + 1}" if same_file else f"{_short(span.file)}:{span.line}:{span.column + 1}"
    text = linecache.getline(span.file, span.line).rstrip("\n")
    head = f"{blank}--> {where}" if mark == "^" else f"{blank}::: {where}"
    if not text:
        return [head, f"{blank} = {label}"] if label else [head]
    end = span.end_column if span.end_line == span.line else len(text)
    shown, column = _window(text.translate(_CONTROLS), span.column)
    marked = shown[column : column + end - span.column]
    pointer = " " * columns(shown[:column]) + mark * max(1, columns(marked))
    return [head, f"{blank} |", f"{span.line:>{gutter}} | {shown}", f"{blank} | {pointer} {label}".rstrip()]


def _window(text: str, column: int) -> tuple[str, int]:
    """A very long line cut down to the part around `column`, and where the column is then."""
    start = max(0, column - _WIDEST_LINE // 2) if len(text) > _WIDEST_LINE else 0
    end = start + _WIDEST_LINE
    before, after = "… " if start else "", " …" if end < len(text) else ""
    return f"{before}{text[start:end]}{after}", column - start + len(before)


def _short(file: str) -> str:
    """`file` relative to the current folder if it lies below it; a cell of a notebook by its number, as IPython shows it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and (cell := shell.compile.format_code_name(file)):
        return " ".join(cell)
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file


def written_name(name: str) -> str:
    """A name of the IR as the user wrote it: without the number that tells two of one name apart (`t.1`)."""
    return re.sub(r"\.\d+$", "", name)


class _Short(reprlib.Repr):
    """Values in a few characters, also whole numbers that Python refuses to write out."""

    def repr_int(self, x: int, level: int) -> str:
        return f"a number of {x.bit_length():,} bits" if x.bit_length() > 4096 else super().repr_int(x, level)


in_short = _Short().repr


def counted(number: object, noun: str) -> str:
    """`1 gate`, `2 gates`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def with_article(noun: object) -> str:
    """`a Qubit`, `an Observable`; a UInt is spoken "you"."""
    word = str(noun)
    return f"{'an' if word[0] in 'aeioAEIO' else 'a'} {word}"


_ALIASES = {
    "cnot": "cx", "CNOT": "cx", "hadamard": "h", "toffoli": "ccx", "ccnot": "ccx", "fredkin": "cswap", "hh": "h",
    "cphase": "cp", "phase": "p", "not_gate": "x", "lr": "learning_rate",
}  # fmt: skip


def did_you_mean(name: object, known: list[str]) -> str:
    """` (did you mean `x`?)` for the closest known name, or nothing."""
    import difflib

    if not isinstance(name, str):
        return ""

    close = [_ALIASES[name]] if _ALIASES.get(name) in known else difflib.get_close_matches(name, known, 1)
    return f" (did you mean `{close[0]}`?)" if close else ""
