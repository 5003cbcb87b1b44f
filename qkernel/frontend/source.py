"""The user's source: the syntax tree of a function, with spans in true columns."""

from __future__ import annotations

import ast
import inspect
import linecache
import types
from dataclasses import dataclass

from qkernel.errors import SourceUnavailableError, UnsupportedPythonError
from qkernel.ir.spans import Span


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
        return Span(
            self.file,
            self._line(line),
            self._column(line, node.col_offset),  # type: ignore[attr-defined]
            self._line(end_line),
            self._column(end_line, node.end_col_offset),  # type: ignore[attr-defined]
        )

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


def read_source(function: types.FunctionType) -> Source:
    """The source of `function`, wherever Python can find it: files, notebooks, the REPL, linecache."""
    file = function.__code__.co_filename
    linecache.checkcache(file)
    try:
        lines, first_line = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise SourceUnavailableError(
            f"the source of `{function.__name__}` cannot be found",
            help="define the kernel in a file or a notebook cell (Python's own prompt keeps no source before 3.13); kernels "
            "made by `exec` need their text in `linecache`",
        ) from error
    wrapped = lines[0][:1].isspace()
    text = ("if 1:\n" if wrapped else "") + "".join(lines)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:  # a lambda in the middle of an expression
        raise SourceUnavailableError(
            f"the source of `{function.__name__}` does not stand on lines of its own", help="write it as a `def`"
        ) from error
    node = _lambda(tree, function, first_line - 1 - wrapped) if function.__name__ == "<lambda>" else _find(tree, function)
    return Source(file, first_line, wrapped, tuple(line.rstrip("\n") for line in lines), node)


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


def _find(tree: ast.Module, function: types.FunctionType) -> ast.FunctionDef:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name) if name == function.__name__:
                return node
            case ast.AsyncFunctionDef(name) if name == function.__name__:
                header = ast.unparse(node).split("async ", 1)[1].splitlines()[0]
                raise UnsupportedPythonError(f"`{name}` is an `async def`", help=f"write it as a plain one:\n    {header}")
    raise SourceUnavailableError(
        f"the source of `{function.__name__}` holds no plain `def` of that name", help="kernels are written with `def`"
    )
