"""The user's source: the syntax tree of a function, with spans in true columns."""

from __future__ import annotations

import ast
import inspect
import linecache
import tokenize
import types
from dataclasses import dataclass
from typing import Any

from qkernel.diagnostics import Span
from qkernel.errors import SourceUnavailableError, UnsupportedPythonError


@dataclass(frozen=True, slots=True)
class Source:
    """A function's syntax tree. Node lines and columns are turned into places in the file by `span`."""

    file: str
    first_line: int
    wrapped: bool
    lines: tuple[str, ...]
    node: ast.FunctionDef | ast.Lambda

    def span(self, node: ast.AST) -> Span:
        """Where `node` stands in the file; columns count characters, not UTF-8 bytes."""
        line, end_line = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        column, end_column = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        above = self._line(0)
        return Span(self.file, above + line, self._column(line, column), above + end_line, self._column(end_line, end_column))

    def name_span(self, node: ast.FunctionDef) -> Span:
        """Where the name stands in `def name(...)`."""
        line = node.lineno
        text = self.lines[line - 1 - self.wrapped]
        column = text.find(node.name, self._column(line, node.col_offset) + 3)
        return Span(self.file, self._line(line), column, self._line(line), column + len(node.name))

    def _line(self, line: int) -> int:
        return self.first_line + line - 1 - self.wrapped

    def _column(self, line: int, offset: int) -> int:
        text = self.lines[line - 1 - self.wrapped]
        return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))


_MOST_KEPT = 256
_kept: dict[tuple[str, types.CodeType], tuple[Any, Source]] = {}  # each with linecache's entry that it was read from


def read_source(function: types.FunctionType) -> Source:
    """The source of `function`, wherever Python can find it: files, notebooks, the REPL, linecache.

    Of a function that wraps another it is the wrapper's own. Functions that a factory makes of one text share theirs.
    """
    key = function.__code__.co_filename, function.__code__
    linecache.checkcache(key[0])
    entry = linecache.cache.get(key[0])
    if entry is not None and key in _kept and _kept[key][0] is entry:
        return _kept[key][1]
    source = _read(function)
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[key] = linecache.cache.get(key[0]), source
    return source


def whereabouts(function: types.FunctionType) -> Span | None:
    """Where `function` is written, if that can be found."""
    try:
        source = read_source(function)
    except (SourceUnavailableError, UnsupportedPythonError):
        return None
    return source.span(source.node)


def _read(function: types.FunctionType) -> Source:
    file, first_line = function.__code__.co_filename, function.__code__.co_firstlineno
    following = linecache.getlines(file, function.__globals__)[first_line - 1 :]
    if not following:
        raise SourceUnavailableError(
            f"the source of `{function.__name__}` cannot be found",
            help="define the kernel in a file or a notebook cell (Python's own prompt keeps no source before 3.13); kernels "
            "made by `exec` need their text in `linecache`",
        )
    wrapped = following[0][:1].isspace()
    try:
        lines = inspect.getblock(following)
        tree = ast.parse(("if 1:\n" if wrapped else "") + "".join(lines))
    except (SyntaxError, tokenize.TokenError) as error:  # a lambda in the middle of an expression
        raise SourceUnavailableError(
            f"the source of `{function.__name__}` does not stand on lines of its own", help="write it as a `def`"
        ) from error
    is_lambda = function.__code__.co_name == "<lambda>"
    found = _lambda(tree, function, first_line - 1 - wrapped) if is_lambda else _find(tree, function)
    node = ast.FunctionDef(**vars(found)) if isinstance(found, ast.AsyncFunctionDef) else found
    source = Source(file, first_line, wrapped, tuple(line.rstrip("\n") for line in lines), node)
    if isinstance(found, ast.AsyncFunctionDef):
        header = ast.unparse(found).split("async ", 1)[1].splitlines()[0]
        raise UnsupportedPythonError(
            f"`{found.name}` is an `async def`",
            span=source.span(found),
            label="not supported",
            help=f"write it as a plain one:\n    {header}",
        )
    return source


def _lambda(tree: ast.Module, function: types.FunctionType, lines_before: int) -> ast.Lambda:
    """The lambda that `function` was made from: of several, the innermost whose body holds all places of its code."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    if len(found) > 1:
        ends = [
            ((line - lines_before, column), (end_line - lines_before, end_column))
            for line, end_line, column, end_column in function.__code__.co_positions()
            if line and end_line and column is not None and end_column and (line, column) != (end_line, end_column)
        ]
        start, end = min((first for first, _ in ends), default=(0, 0)), max((last for _, last in ends), default=(0, 0))
        found = [node for node in found if _start(node.body) <= start and end <= _end(node.body)]
    if not found:
        raise SourceUnavailableError("it cannot be told which lambda of its line this is", help="write it as a `def`")
    return max(found, key=lambda node: _start(node.body))


def _start(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _find(tree: ast.Module, function: types.FunctionType) -> ast.FunctionDef | ast.AsyncFunctionDef:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == function.__code__.co_name:
            return node
    raise SourceUnavailableError(
        f"the source of `{function.__name__}` holds no plain `def` of that name", help="kernels are written with `def`"
    )
