"""Cuts the text form into tokens, with indentation as tokens, within stated limits."""

from __future__ import annotations

import keyword
import linecache
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qkernel.errors import TextFormError
from qkernel.ir.spans import Span
from qkernel.ir.vocabulary import ARRAYS, KINDS, MAX_NAME_LENGTH

if TYPE_CHECKING:
    from lark import Token

MAX_TEXT_SIZE = 8_000_000
"""Characters in a text."""
MAX_LINES = 200_000
MAX_TOKENS = 400_000
MAX_NESTING = 60
"""Brackets in brackets, and blocks in blocks."""
MAX_INTEGER_DIGITS = 4_000

_TOKEN = re.compile(
    r"""(?P<NEWLINE>(?:\r?\n[ \t]*(?:\#[^\n]*)?)+)
    |(?P<SPACE>[ \t]+|\#[^\n]*|\r(?=\n))
    |(?P<NUMBER>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?j?(?!\w))
    |(?P<NAME>[^\W\d]\w*(?:\.\w+)*)
    |(?P<QUOTED>`[^`\n]+`)
    |(?P<STRING>"(?:[^"\\\n]|\\[^\n])*")
    |(?P<SIGN>\*\*|//|<=|>=|==|!=|\+:|->|[-+*/%^<>=()\[\],:@])""",
    re.VERBOSE,
)
_SIGNS = {
    "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", ",": "COMMA", ":": "COLON", "=": "EQUAL", "@": "AT",
    "->": "_ARROW", "+:": "_STRETCH", "+": "PLUS", "-": "MINUS", "**": "_POWER", "^": "XOR",
    **dict.fromkeys(("*", "/", "//", "%"), "PRODUCT"),
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), "COMPARISON"),
}  # fmt: skip
_WORDS = {
    **{word: word.upper() for word in ("if", "elif", "else", "for", "in", "while", "not", "and", "or", "return", "pass")},
    **{word: word.upper() for word in ("carrying", "next", "join", "Tuple", "Dict")},
    **dict.fromkeys(ARRAYS, "ARRAY"),
    **dict.fromkeys(("True", "False"), "TRUTH"),
    **dict.fromkeys(("inf", "nan"), "DECIMAL"),
    "_": "UNDERSCORE",
}
SHOWN = {
    **{kind: f"`{sign}`" for sign, kind in _SIGNS.items()},
    **{kind: f"`{word}`" for word, kind in _WORDS.items()},
    "NAME": "a name", "QUOTED": "a name", "INTEGER": "a number", "DECIMAL": "a number", "IMAGINARY": "a number",
    "STRING": "a string", "PRODUCT": "an operator", "COMPARISON": "a comparison", "TRUTH": "a bit", "ARRAY": "a type",
    "KIND": "`kernel`", "_NEWLINE": "the end of the line", "_INDENT": "an indented block", "_DEDENT": "the end of the block",
    "$END": "the end of the text",
}  # fmt: skip
"""What a token is called in a message."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the file that it is from, if any, for messages that point into it."""

    text: str
    file: str | None = None

    def span(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        return Span(self.file or "<text>", line, column, end_line, end_column)

    def error(self, span: Span, title: str, label: str = "", help: str | None = None) -> TextFormError:
        """An error at `span`. The line of a text without a file is handed to `linecache`, where messages look for it."""
        if self.file is None:
            name = f"<text {zlib.crc32(self.text.encode(errors='replace')):08x}>"
            lines = self.text.split("\n", span.line)[: span.line]
            linecache.cache[name] = (0, None, [*[""] * (len(lines) - 1), lines[-1].rstrip("\r") + "\n"], name)
            span = Span(name, span.line, span.column, span.end_line, span.end_column)
        return TextFormError(title, span=span, label=label, help=help)


@dataclass(slots=True)
class Lexer:
    """The tokens of a source, and where it stands in it: `brackets` are the places of those that are open."""

    source: Source
    offset: int = 0
    line: int = 1
    line_start: int = 0
    brackets: list[Span] = field(default_factory=list)
    fresh_line: bool = True

    def tokens(self) -> Iterator[Token]:
        """All tokens from `offset` on; blocks open with INDENT and close with DEDENT as in Python."""
        text, end = self.source.text, len(self.source.text)
        indents = [0]
        count = 0
        while self.offset < end:
            match = _TOKEN.match(text, self.offset)
            if match is None:
                raise self._unreadable()
            kind, value = match.lastgroup or "", match[0]
            if kind == "NEWLINE":
                yield from self._newline(value, indents)
            elif kind != "SPACE":
                count += 1
                if count > MAX_TOKENS:
                    raise self._error(len(value), "the text is too long", f"more than {MAX_TOKENS:,} words and signs")
                yield self._token(self._kind(kind, value), value)
                self.fresh_line = False
            self.offset = match.end()
        if self.brackets:
            raise self.source.error(self.brackets[-1], "a bracket without an end")
        if not self.fresh_line:
            yield self._token("_NEWLINE", "")
        for _ in indents[1:]:
            yield self._token("_DEDENT", "")

    def _newline(self, value: str, indents: list[int]) -> Iterator[Token]:
        """The end of a line, and the blocks that open or close with the indentation of the next one."""
        if not self.brackets and not self.fresh_line:
            yield self._token("_NEWLINE", "")
            self.fresh_line = True
        end = self.offset + len(value)
        self.line += value.count("\n")
        self.line_start = self.offset + value.rindex("\n") + 1
        if self.brackets or end == len(self.source.text):
            return
        indentation = self.source.text[self.line_start : end]
        self.offset = end
        if "\t" in indentation:
            self.offset = self.line_start + indentation.index("\t")
            raise self._error(1, "a tab in the indentation", "write spaces here")
        width = len(indentation)
        if width > indents[-1]:
            indents.append(width)
            if len(indents) > MAX_NESTING:
                raise self._error(1, "the text is nested too deeply", f"more than {MAX_NESTING} blocks in one another")
            yield self._token("_INDENT", "")
        while width < indents[-1]:
            indents.pop()
            yield self._token("_DEDENT", "")
        if width != indents[-1]:
            raise self._error(1, "the indentation fits no block around it")

    def _kind(self, kind: str, value: str) -> str:
        match kind:
            case "SIGN":
                self._bracket(value)
                return _SIGNS[value]
            case "NUMBER":
                return self._number(value)
            case "NAME" | "QUOTED" if len(value.strip("`")) > MAX_NAME_LENGTH:
                raise self._error(
                    len(value), "a name is too long", f"{len(value):,} characters; {MAX_NAME_LENGTH:,} are allowed"
                )
            case "NAME" if value in KINDS and self.fresh_line and self.offset == self.line_start:
                return "KIND"
            case "NAME" if value in _WORDS:
                return _WORDS[value]
            case "NAME" if keyword.iskeyword(value):
                raise self._error(
                    len(value),
                    f"`{value}` is a word of Python",
                    help=f"a name that is such a word is written `{value}` in backticks",
                )
        return kind

    def _bracket(self, value: str) -> None:
        if value in "([":
            self.brackets.append(self.span(1))
        elif value in ")]" and self.brackets:
            self.brackets.pop()
        if len(self.brackets) > MAX_NESTING:
            raise self._error(1, "the text is nested too deeply", f"more than {MAX_NESTING} brackets in one another")

    def _number(self, value: str) -> str:
        if len(value) > MAX_INTEGER_DIGITS:
            raise self._error(
                len(value), "a number is too long", f"{len(value):,} characters; {MAX_INTEGER_DIGITS:,} are allowed"
            )
        if value.endswith("j"):
            return "IMAGINARY"
        return "INTEGER" if value.isdigit() else "DECIMAL"

    def span(self, width: int) -> Span:
        """The next `width` characters."""
        column = self.offset - self.line_start
        return self.source.span(self.line, column, self.line, column + width)

    def _token(self, kind: str, value: str) -> Token:
        from lark import Token

        column, end = self.offset - self.line_start, self.offset + len(value)
        return Token(kind, value, self.offset, self.line, column, self.line, column + len(value), end)

    def _error(self, width: int, title: str, label: str = "", help: str | None = None) -> TextFormError:
        return self.source.error(self.span(width), title, label, help)

    def _unreadable(self) -> TextFormError:
        character = self.source.text[self.offset]
        match character:
            case '"':
                return self._error(1, "a string without an end")
            case "`":
                return self._error(1, "a name in backticks without an end")
        if character in ".0123456789":
            return self._error(1, "this is no number")
        shown = character if character.isprintable() else f"U+{ord(character):04X}"
        return self._error(1, f"`{shown}` has no meaning here")
