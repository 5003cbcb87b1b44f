"""Reads the text form: tokens (grammar.lark, lexer.py), a tree (grammar.lark), then what names mean (the readers).

A text is refused in bounded time and memory; the limits are `MAX_TEXT_SIZE` of vocabulary.py, `MAX_LINES`,
`MAX_TOKENS`, `MAX_NESTING` of lexer.py, `MAX_INTEGER_DIGITS` of operators.py and `MAX_DEPTH` of expression_reader.py.
"""

from __future__ import annotations

import linecache
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, UnexpectedCharacters, UnexpectedToken

from qkernel.boundary import api_boundary
from qkernel.diagnostics import Span
from qkernel.errors import TextFormError
from qkernel.ir.expression_reader import ExpressionReader
from qkernel.ir.expressions import Expr
from qkernel.ir.lexer import MAX_LINES, Indentation, end_of, error_at
from qkernel.ir.module import Module
from qkernel.ir.op_reader import read_module
from qkernel.ir.types import Type
from qkernel.ir.verifier import verify
from qkernel.ir.vocabulary import HEADER, MAX_TEXT_SIZE, VERSION

_HEADER = re.compile(rf"(?:[ \t]*(?:\#[^\n]*)?\r?\n)*{HEADER} +(?P<version>[0-9]{{1,9}})[ \t]*(?:\#[^\n]*)?(?=\r?\n|\Z)")
_SHOWN = {
    "NAME": "a name", "QUOTED": "a name", "NUMBER": "a number", "STRING": "a string", "PRODUCT": "an operator",
    "COMPARISON": "a comparison", "KIND": "`kernel`", "_NEWLINE": "the end of the line", "_INDENT": "an indented block",
    "_DEDENT": "the end of the block", "$END": "the end of the text",
}  # fmt: skip
"""What a token that is not one word or sign is called in a message."""

_MOST_WRONG_TEXTS = 16
_wrong_texts: dict[str, None] = {}


@api_boundary
def parse(text: str, file: str | None = None) -> Module:
    """Read the text form of a module, as `str(kernel.ir)` writes it; `file` is where the text is from.

    Raises `TextFormError`, with the place in the text, for everything that is not such a text.
    """
    if not isinstance(text, str):
        raise TextFormError(f"a text is wanted, not {type(text).__name__}", help="write `text.decode()` of bytes")
    if len(text) > MAX_TEXT_SIZE:
        raise TextFormError(f"the text is too long: {len(text):,} characters, {MAX_TEXT_SIZE:,} are allowed")
    if text.count("\n") > MAX_LINES:
        raise TextFormError(f"the text is too long: more than {MAX_LINES:,} lines")
    text = text.removeprefix("\ufeff")
    name = file or f"<text {zlib.crc32(text.encode(errors='replace')):08x}>"
    text = text.removesuffix("\n") + "\n"
    try:
        _check_header(text)
        module = read_module(_tree(text), text, name)
        verify(module)
    except TextFormError as error:
        place = error.span or Span(name, 1, 0, 1, 1)
        if file is None:  # messages look for the line there
            line = text.split("\n", place.line)[place.line - 1]
            _keep_line(name, place.line, line.rstrip("\r") + "\n")
        error.span = replace(place, file=name)
        raise
    except RecursionError:  # the limits on nesting keep it away, unless the caller has used up most of the stack
        raise TextFormError("the text is nested too deeply") from None
    return module


def parse_expression(text: str, types: Mapping[str, Type]) -> Expr:
    """Read one expression of names that have these types. Raises `TextFormError` for what is none."""
    return ExpressionReader(dict(types)).expression(_tree(text, "expression"))


def _keep_line(name: str, number: int, line: str) -> None:
    """Put a line of a wrong text where messages look for it; the texts before the last few are forgotten."""
    linecache.cache[name] = 0, None, [*[""] * (number - 1), line], name
    _wrong_texts.pop(name, None)
    _wrong_texts[name] = None
    for old in [*_wrong_texts][:-_MOST_WRONG_TEXTS]:
        _wrong_texts.pop(old, None)
        linecache.cache.pop(old, None)


def _check_header(text: str) -> None:
    header = _HEADER.match(text)
    if header is None:
        help = f"its first line is `{HEADER} {VERSION}`"
        raise TextFormError("this is no kernel in the text form", help=help)
    version = header["version"]
    if int(version) != VERSION:
        line, before = text.count("\n", 0, header.end()) + 1, text.rfind("\n", 0, header.end()) + 1
        span = Span("", line, header.start("version") - before, line, header.end("version") - before)
        newer = int(version) > VERSION
        raise TextFormError(
            f"version {version} of the text form is not known",
            span=span,
            label=f"this qkernel reads version {VERSION}",
            help="a newer qkernel wrote this: update with `pip install --upgrade qkernel`" if newer else None,
        )


def _tree(text: str, start: str = "start") -> Any:
    try:
        return _lark(start).parse(text)
    except UnexpectedCharacters as error:
        span = Span("", error.line, error.column - 1, error.line, error.column)
        raise TextFormError(_unreadable(error.char), span=span) from None
    except UnexpectedToken as error:
        token = end_of(error.token) if error.token.type in ("_INDENT", "_DEDENT", "$END") else error.token
        wanted = sorted({_shown(kind) for kind in error.accepts or error.expected})
        label = f"{' or '.join(wanted)} should stand here" if len(wanted) < 4 else ""
        raise error_at(token, f"{f'`{token}`' if token.strip() else _shown(token.type)} cannot stand here", label) from None


def _shown(kind: str) -> str:
    return _SHOWN.get(kind) or f"`{_lark().get_terminal(kind).pattern.value}`"


def _unreadable(character: str) -> str:
    match character:
        case '"':
            return "a string without an end"
        case "`":
            return "a name in backticks without an end"
    if character in ".0123456789":
        return "this is no number"
    return f"`{character if character.isprintable() else f'U+{ord(character):04X}'}` has no meaning here"


@cache
def _lark(start: str = "start") -> Lark:
    grammar = files("qkernel.ir").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=start,
        postlex=Indentation(),
        propagate_positions=True,
        maybe_placeholders=True,
    )
