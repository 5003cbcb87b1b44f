"""What grammar.lark cannot say of tokens: where lines and blocks end, and the stated limits."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import Any

from lark import Token

from qkernel.diagnostics import Span
from qkernel.errors import TextFormError
from qkernel.ir.operators import MAX_INTEGER_DIGITS
from qkernel.ir.vocabulary import KINDS, MAX_NAME_LENGTH

MAX_TEXT_SIZE = 8_000_000
"""Characters in a text."""
MAX_LINES = 200_000
MAX_TOKENS = 400_000
MAX_NESTING = 60
"""Brackets in brackets, and blocks in blocks."""


def span_of(node: Any) -> Span:
    """Where a token or tree stands, in a file without a name yet."""
    meta: Any = node if isinstance(node, str) else node.meta
    return Span("", meta.line, meta.column - 1, meta.end_line, meta.end_column - 1)


def error_at(node: Any, title: str, label: str = "", help: str | None = None) -> TextFormError:
    """An error that points at a token or tree; `parse` adds the file."""
    return TextFormError(title, span=span_of(node), label=label, help=help)


class Layout:
    """Stands between lark's lexer and parser: checks the tokens and marks lines and blocks, as in Python."""

    always_accept = ()

    def process(self, tokens: Iterator[Token]) -> Iterator[Token]:
        """`tokens` without line ends in brackets, and with _INDENT and _DEDENT."""
        brackets: list[Token] = []
        indents = [0]
        line_end: Any = None
        token: Any = None
        count = 0
        for token in tokens:
            if token.type == "_NEWLINE":
                line_end = None if brackets else token
                continue
            count += 1
            if count > MAX_TOKENS:
                raise error_at(token, "the text is too long", f"more than {MAX_TOKENS:,} words and signs")
            if line_end is not None:
                yield from _next_line(line_end, token, indents)
                line_end = None
                if token.column == 1 and token in KINDS:
                    token.type = "KIND"
            match token.type:
                case "LPAR" | "LSQB":
                    brackets.append(token)
                    if len(brackets) > MAX_NESTING:
                        raise _too_deep(token, "brackets")
                case "RPAR" | "RSQB" if brackets:
                    brackets.pop()
                case "NAME" | "QUOTED" | "NUMBER":
                    _check_word(token)
            yield token
        if brackets:
            raise error_at(brackets[-1], "a bracket without an end")
        if token is not None:
            line, column = token.end_line, token.end_column
            for kind in ("_NEWLINE", *["_DEDENT"] * (len(indents) - 1)):
                yield Token(kind, "\n", None, line, column, line, column + 1)


def _next_line(line_end: Token, first: Any, indents: list[int]) -> Iterator[Token]:
    """The end of a line, and the blocks that open or close before `first`, the next line's first token."""
    yield Token.new_borrow_pos("_NEWLINE", "", line_end)
    indentation = line_end[line_end.rindex("\n") + 1 :]
    if "\t" in indentation:
        column = indentation.index("\t")
        span = Span("", first.line, column, first.line, column + 1)
        raise TextFormError("a tab in the indentation", span=span, label="write spaces here")
    width = len(indentation)
    if width > indents[-1]:
        indents.append(width)
        if len(indents) > MAX_NESTING:
            raise _too_deep(first, "blocks")
        yield Token.new_borrow_pos("_INDENT", "", first)
    while width < indents[-1]:
        indents.pop()
        yield Token.new_borrow_pos("_DEDENT", "", first)
    if width != indents[-1]:
        raise error_at(first, "the indentation fits no block around it")


def _too_deep(token: Token, what: str) -> TextFormError:
    return error_at(token, "the text is nested too deeply", f"more than {MAX_NESTING} {what} in one another")


def _check_word(token: Token) -> None:
    what, limit = ("number", MAX_INTEGER_DIGITS) if token.type == "NUMBER" else ("name", MAX_NAME_LENGTH)
    length = len(token.strip("`"))
    if length > limit:
        raise error_at(token, f"a {what} is too long", f"{length:,} characters; {limit:,} are allowed")
    if token.type == "NAME" and keyword.iskeyword(token):
        help = f"a name that is such a word is written `{token}` in backticks"
        raise error_at(token, f"`{token}` is a word of Python", help=help)
