"""Reads the text form: tokens and indentation (lexer.py), a lark grammar (grammar.lark), then names (the readers).

A text is refused in bounded time and memory; the limits are `MAX_TEXT_SIZE`, `MAX_LINES`, `MAX_TOKENS`,
`MAX_NESTING` and `MAX_INTEGER_DIGITS` of lexer.py and `MAX_DEPTH` of expression_reader.py.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from qkernel.errors import TextFormError
from qkernel.ir.lexer import MAX_LINES, MAX_TEXT_SIZE, SHOWN, Lexer, Source
from qkernel.ir.op_reader import read_module
from qkernel.ir.ops import Module
from qkernel.ir.verifier import verify
from qkernel.ir.vocabulary import HEADER, VERSION

if TYPE_CHECKING:
    from lark import Lark

_HEADER = re.compile(rf"\ufeff?(?:[ \t]*(?:\#[^\n]*)?\r?\n)*{HEADER} +(?P<version>[0-9]{{1,9}})[ \t]*(?:\#[^\n]*)?(?=\r?\n|\Z)")


def parse(text: str, file: str | None = None) -> Module:
    """Read the text form of a module, as `str(kernel.ir)` writes it; `file` is where the text is from.

    Raises `TextFormError`, with the place in the text, for everything that is not such a text.
    """
    if not isinstance(text, str):
        raise TextFormError(f"a text is wanted, not {type(text).__name__}", help="write `text.decode()` of bytes")
    source = Source(text, file)
    start = source.span(1, 0, 1, 1)
    if len(text) > MAX_TEXT_SIZE:
        raise TextFormError(f"the text is too long: {len(text):,} characters, {MAX_TEXT_SIZE:,} are allowed", span=start)
    if text.count("\n") > MAX_LINES:
        raise TextFormError(f"the text is too long: more than {MAX_LINES:,} lines", span=start)
    header = _HEADER.match(text)
    if header is None:
        raise source.error(start, "this is no kernel in the text form", help=f"its first line is `{HEADER} {VERSION}`")
    line = text.count("\n", 0, header.end()) + 1
    line_start = text.rfind("\n", 0, header.end()) + 1
    if int(header["version"]) != VERSION:
        span = source.span(line, header.start("version") - line_start, line, header.end("version") - line_start)
        raise source.error(span, f"version {header['version']} of the text form is not known", f"this is version {VERSION}")
    try:
        module = read_module(_tree(source, Lexer(source, header.end(), line, line_start)), source)
        _verify(module, source)
    except RecursionError:  # the limits on nesting keep it away, unless the caller has used up most of the stack
        raise TextFormError("the text is nested too deeply", span=start) from None
    return module


def _verify(module: Module, source: Source) -> None:
    try:
        verify(module)
    except TextFormError as error:
        raise source.error(error.span or source.span(1, 0, 1, 1), error.title, error.label) from None


def _tree(source: Source, lexer: Lexer) -> Any:
    from lark.exceptions import UnexpectedToken

    try:
        return _lark().parse(lexer)
    except UnexpectedToken as error:
        token = error.token
        span = lexer.span(1)
        if token.type != "$END":
            span = source.span(token.line or 1, token.column or 0, token.end_line or 1, token.end_column or 0)
        what = f"`{token}`" if token.strip() else SHOWN.get(token.type, token.type)
        wanted = sorted({SHOWN.get(kind, kind) for kind in error.accepts or error.expected})
        label = f"{' or '.join(wanted)} should stand here" if len(wanted) < 4 else ""
        raise source.error(span, f"{what} cannot stand here", label) from None


@cache
def _lark() -> Lark:
    from lark import Lark
    from lark.lexer import Lexer as LarkLexer

    class Tokens(LarkLexer):
        """Hands the tokens of our own lexer, which it is given in place of a text, to lark."""

        __future_interface__ = 2

        def __init__(self, configuration: Any) -> None:
            del configuration

        def lex(self, lexer_state: Any, parser_state: Any) -> Any:
            del parser_state
            tokens: Lexer = lexer_state.text
            return tokens.tokens()

    grammar = files("qkernel.ir").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer=Tokens, propagate_positions=True, maybe_placeholders=True)
