"""Texts in OpenQASM as syntax trees, by the language's own parser, and errors that point into them."""

from __future__ import annotations

import linecache
import re
import zlib
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any

import openqasm3
from openqasm3.parser import QASM3ParsingError

from qkernel.diagnostics import Span
from qkernel.errors import OpenQasmError, of_file

_MOST_TEXTS = 16
_kept: dict[str, None] = {}
_OPAQUE = re.compile(r"^[ \t]*opaque\b[^;]*;", re.MULTILINE)
_VERSION = re.compile(r"\A(?:\s|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*OPENQASM\s+(\d+)(?:\.(\d+))?\s*;", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """A text, and where it is from."""

    file: str
    text: str

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def version(self) -> int:
        """The version of the language: 3 where the text says none."""
        found = _VERSION.match(self.text)
        return int(found[1]) if found else 3

    def span(self, node: Any) -> Span | None:
        """Where a node of the tree stands."""
        place = getattr(node, "span", None)
        if place is None:
            return None
        name = getattr(node, "name", None)
        if isinstance(name, str):  # of some names the parser counts the column from the start of the text, or from a bracket
            start = self.starts[place.start_line - 1]
            for column in (place.start_column, place.start_column - start, place.start_column + 1):
                if column >= 0 and self.text.startswith(name, start + column):
                    return Span(self.file, place.start_line, column, place.start_line, column + len(name))
        return Span(self.file, place.start_line, place.start_column, place.end_line, place.end_column + 1)

    def error(self, node: Any, title: str, label: str = "", help: str | None = None) -> OpenQasmError:
        """An error that points at a node."""
        return OpenQasmError(title, span=self.span(node), label=label, help=help)

    def lacking(self, node: Any, what: str, help: str | None = None) -> OpenQasmError:
        """The error about what kernels do not have."""
        return self.error(node, f"{what} has no counterpart in a kernel", help=help)


def source_of(given: str | PathLike[str]) -> Source:
    """The text that is given, or that of the file at a path."""
    if isinstance(given, str) and ("\n" in given or ";" in given):
        text, name = given, f"<openqasm {zlib.crc32(given.encode(errors='replace')):08x}>"
        lines = [f"{line}\n" for line in text.split("\n")]
        linecache.cache[name] = len(text), None, lines, name  # where messages look for it
        _kept.pop(name, None)
        _kept[name] = None
        for old in [*_kept][:-_MOST_TEXTS]:
            del _kept[old]
            linecache.cache.pop(old, None)
        return Source(name, text)
    if isinstance(given, str) and not given.strip():
        raise OpenQasmError("the text is empty", help="give a program in OpenQASM, or the path of a file that holds one")
    with of_file(given, "read"):
        return Source(str(given), Path(given).read_text(encoding="utf-8"))


def parsed(source: Source) -> Any:
    """The tree of a text. Raises `OpenQasmError` where it is none."""
    text = source.text
    if source.version not in (2, 3):
        raise OpenQasmError(f"OpenQASM {source.version} is not known", help="versions 2 and 3 are read")
    if source.version == 2:
        if (opaque := _OPAQUE.search(text)) is not None:
            line = text.count("\n", 0, opaque.start()) + 1
            raise OpenQasmError(
                "an opaque gate has no body, so that no kernel can do it",
                span=Span(source.file, line, 0, line, opaque.end() - source.starts[line - 1]),
                help="write `gate` with a body",
            )
        text = text.replace("^", "**")  # which binds as a power does, and `^` in version 3 does not
    try:
        with redirect_stderr(StringIO()):  # ANTLR prints what it also raises
            return openqasm3.parse(text)
    except QASM3ParsingError as error:
        raise _wrong(source, error) from None
    except RecursionError:
        raise OpenQasmError("the text is nested too deeply") from None


def _wrong(source: Source, error: BaseException) -> OpenQasmError:
    """What the parser says, at the place that it says."""
    if (found := re.match(r"L(\d+):C(\d+): (.*)", str(error), re.DOTALL)) is not None:
        line, column, width = int(found[1]), int(found[2]), 1
        title = f"this is no OpenQASM: {found[3]}"
    else:
        cause: Any = error.__cause__
        token = cause.args[0].offendingToken
        line, column, width, title = token.line, token.column, len(token.text), "this is no OpenQASM"
        if token.text == "<EOF>":
            lines = source.text.rstrip().split("\n")
            line, column, width, title = len(lines), len(lines[-1]), 1, "this is no OpenQASM: it ends too early"
    label = "more should follow" if title.endswith("early") else "not expected here"
    return OpenQasmError(title, span=Span(source.file, line, column, line, column + width), label=label)
