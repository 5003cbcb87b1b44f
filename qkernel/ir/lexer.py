"""What grammar.lark cannot say of tokens: where lines and blocks end, and the stated limits."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from typing import Any, ClassVar

from lark import Token
from lark.indenter import DedentError, Indenter

from qkernel.diagnostics import Span
from qkernel.errors import TextFormError
from qkernel.ir.operators import MAX_INTEGER_DIGITS
from qkernel.ir.vocabulary import MAX_NAME_LENGTH

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


class Indentation(Indenter):
    """Stands between lark's lexer and parser: marks lines and blocks, as in Python, and keeps to the limits."""

    NL_type, INDENT_type, DEDENT_type = "_NEWLINE", "_INDENT", "_DEDENT"
    OPEN_PAREN_types: ClassVar = ["LPAR", "LSQB"]
    CLOSE_PAREN_types: ClassVar = ["RPAR", "RSQB"]
    tab_len = 1

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """`stream` without line ends in brackets, and with _INDENT and _DEDENT."""
        return super().process(_checked(stream))  # type: ignore[no-any-return, no-untyped-call]

    def handle_NL(self, token: Token) -> Iterator[Token]:
        """The end of a line, and the blocks that open or close behind it."""
        if "\t" in token.rpartition("\n")[2] and not self.paren_level:
            raise error_at(end_of(token), "a tab in the indentation", "write spaces here")
        try:
            yield from super().handle_NL(token)
        except DedentError:
            raise error_at(end_of(token), "the indentation fits no block around it") from None
        if len(self.indent_level) > MAX_NESTING:
            raise _too_deep(end_of(token), "blocks")


def end_of(token: Token) -> Token:
    """An empty token at the end of `token`, which is where the next line starts behind a line end."""
    line, column = token.end_line, token.end_column
    return Token(token.type, "", None, line, column, line, column)


def _checked(tokens: Iterator[Token]) -> Iterator[Token]:
    """The tokens as they are; raises where there are too many, a word is too long, or brackets do not fit."""
    brackets: list[Token] = []
    count = 0
    for token in tokens:
        count += token.type != "_NEWLINE"
        if count > MAX_TOKENS:
            raise error_at(token, "the text is too long", f"more than {MAX_TOKENS:,} words and signs")
        match token.type:
            case "LPAR" | "LSQB":
                brackets.append(token)
                if len(brackets) > MAX_NESTING:
                    raise _too_deep(token, "brackets")
            case "RPAR" | "RSQB" if brackets:
                brackets.pop()
            case "RPAR" | "RSQB":
                raise error_at(token, f"`{token}` cannot stand here")
            case "NAME" | "QUOTED" | "NUMBER":
                _check_word(token)
        yield token
    if brackets:
        raise error_at(brackets[-1], "a bracket without an end")


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
