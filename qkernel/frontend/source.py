"""The user's source: the syntax tree of a function, with spans in true columns, and its free variables.

What is read from around a kernel is remembered, so that a change is noticed.
"""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import linecache
import tokenize
import types
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from qkernel.diagnostics import Span
from qkernel.errors import SourceUnavailableError, UnsupportedPythonError
from qkernel.observable import is_sum_of_qiskit


@dataclass(frozen=True, slots=True)
class Source:
    """A function's syntax tree. Node lines and columns are turned into places in the file by `span`."""

    file: str
    first_line: int
    wrapped: bool
    lines: tuple[str, ...]
    node: ast.FunctionDef | ast.Lambda

    @property
    def definition(self) -> ast.FunctionDef:
        """The `def` of a kernel."""
        assert isinstance(self.node, ast.FunctionDef)
        return self.node

    def span(self, node: ast.AST, call: tuple[str, Span] | None = None) -> Span:
        """Where `node` stands in the file; columns count characters, not UTF-8 bytes."""
        line, end_line = node.lineno, node.end_lineno  # type: ignore[attr-defined]
        column, end_column = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
        above = self._line(0)
        end = self._column(end_line, end_column)
        return Span(self.file, above + line, self._column(line, column), above + end_line, end, call)

    def name_span(self) -> Span:
        """Where the name stands in `def name(...)`."""
        node = self.definition
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
        raise _not_found(function)
    wrapped = following[0][:1].isspace()
    is_lambda = function.__code__.co_name == "<lambda>"
    try:
        lines = inspect.getblock(following)
        tree = ast.parse(("if 1:\n" if wrapped else "") + "".join(lines))
    except (SyntaxError, tokenize.TokenError) as error:  # a lambda in the middle of an expression
        first_line, wrapped, lines = 1, False, linecache.getlines(file, function.__globals__)
        whole = _parsed("".join(lines)) if is_lambda else None
        if whole is None:
            raise SourceUnavailableError(
                f"the source of `{function.__name__}` does not stand on lines of its own", help="write it as a `def`"
            ) from error
        tree = whole
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


@functools.lru_cache(maxsize=16)
def _parsed(text: str) -> ast.Module | None:
    """The syntax tree of a whole file."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


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
    if function.__code__.co_filename == "<string>":  # of `exec`; what Python 3.13 keeps by that name is the text of `python -c`
        raise _not_found(function)
    raise SourceUnavailableError(
        f"the source of `{function.__name__}` holds no plain `def` of that name", help="kernels are written with `def`"
    )


def _not_found(function: types.FunctionType) -> SourceUnavailableError:
    return SourceUnavailableError(
        f"the source of `{function.__name__}` cannot be found",
        help="define the kernel in a file or a notebook cell (Python's own prompt keeps no source before 3.13); kernels "
        "made by `exec` need their text in `linecache`",
    )


_FIXED_MODULES = frozenset({"math", "numpy", "qkernel", "qkernel.observable"})


def lookup(function: types.FunctionType) -> Callable[[str], Any]:
    """How names around `function` are found: closure, globals, builtins."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))

    def find(name: str) -> Any:
        if name in cells:
            try:
                return cells[name].cell_contents
            except ValueError:
                raise NameError(name) from None
        if name in function.__globals__:
            return function.__globals__[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise NameError(name)

    return find


class Captures:
    """What a trace looked up: names in closures and globals, attributes of objects; each with what it meant then."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], tuple[Callable[[], Any], Any]] = {}
        self._alive: list[Any] = []  # so that no identity is used twice

    def noting(self, function: types.FunctionType) -> Callable[[str], Any]:
        """How names around `function` are found, with what is found noted."""
        find = lookup(function)

        def find_and_note(name: str) -> Any:
            value = find(name)
            self._note(function, name, lambda: find(name), value)
            return value

        return find_and_note

    def watch(self, function: types.FunctionType, is_users: Callable[[types.FunctionType], bool]) -> None:
        """Note what is around a function that Python runs by itself, and around those that it calls, if they are users'."""
        pending, seen = [function], set[int]()
        while pending:
            if id(each := pending.pop()) in seen or not is_users(each):
                continue
            seen.add(id(each))
            find = self.noting(each)
            for name in _names(each.__code__):
                if name in each.__globals__ or name in each.__code__.co_freevars:
                    with suppress(NameError):
                        value = find(name)
                        pending += [value] if isinstance(value, types.FunctionType) else []

    def attribute(self, owner: Any, name: str) -> Any:
        """`owner.name`, noted."""
        value = getattr(owner, name)
        if not (isinstance(owner, types.ModuleType) and owner.__name__ in _FIXED_MODULES):
            self._note(owner, name, lambda: getattr(owner, name), value)
        return value

    def _note(self, source: Any, name: str, look: Callable[[], Any], value: Any) -> None:
        key = id(source), name
        if key not in self._seen:
            self._alive.append(source)
            self._seen[key] = look, snapshot(value)

    def changed(self) -> bool:
        """Whether any of it means something else by now."""
        for look, earlier in self._seen.values():
            try:
                now = look()
            except Exception:
                return True
            if snapshot(now) != earlier:
                return True
        return False


def _names(code: types.CodeType) -> Iterator[str]:
    """The names that code, and the functions in it, may find around it."""
    yield from (*code.co_names, *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


class _Itself:
    """An object that stands for itself; without a hash, since what it holds may change."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value


def snapshot(value: Any) -> Any:
    """What `value` holds now, to be compared with a later snapshot: numbers, arrays and containers by their contents and
    types, anything else as itself. It has a hash where all of it is known by its contents."""
    kind: Any = type(value)
    return _snapshot_of(kind)(value)


@functools.lru_cache(maxsize=1024)
def _snapshot_of(kind: type) -> Callable[[Any], Any]:
    """How values of a type are kept."""
    if kind in (bool, int, str, bytes, type(None)):
        return lambda value: (kind, value)
    if issubclass(kind, (Number, np.generic, range)) or hasattr(kind, "add_term"):
        return lambda value: (kind, repr(value))  # == of Hamiltonians ignores the order of terms, evolution does not
    if is_sum_of_qiskit(kind):
        return lambda value: (kind, repr(value.to_list()))
    if issubclass(kind, np.ndarray):
        return lambda value: (kind, value.dtype.str, value.shape, _content(value))
    if issubclass(kind, types.FunctionType):
        return _of_function
    if issubclass(kind, functools.partial):
        return lambda value: (kind, snapshot(value.func), snapshot(value.args), snapshot(value.keywords))
    if issubclass(kind, (types.MethodType, types.BuiltinMethodType)):
        return lambda value: (kind, value.__name__, snapshot(getattr(value, "__func__", None)), _Itself(value.__self__))
    if issubclass(kind, Mapping):
        return lambda value: (kind, tuple((snapshot(key), snapshot(entry)) for key, entry in value.items()))
    if issubclass(kind, (Sequence, Set)) and not issubclass(kind, str):
        return lambda value: (kind, tuple(map(snapshot, value)))  # of a set too in its order, since loops run in it
    if hasattr(kind, "detach") and hasattr(kind, "tolist"):
        return lambda value: (kind, str(value.dtype), tuple(value.shape), repr(value.tolist()))
    return _Itself


_under_way: ContextVar[frozenset[int]] = ContextVar("functions whose defaults are being read", default=frozenset())


def _of_function(function: types.FunctionType) -> Any:
    """A function as itself, its code and what its defaults hold; a function that its own defaults reach, as itself."""
    made_by = getattr(function, "_partialmethod", None) or getattr(function, "__partialmethod__", None)
    if isinstance(made_by, functools.partialmethod):  # its class gives another function each time
        return snapshot((made_by.func, made_by.args, made_by.keywords))
    outer = _under_way.get()
    if id(function) in outer:
        return _Itself(function)
    token = _under_way.set(outer | {id(function)})
    try:
        return _Itself(function), _Itself(function.__code__), snapshot(_defaults(function))
    finally:
        _under_way.reset(token)


def _defaults(function: types.FunctionType) -> tuple[Any, ...]:
    """The values of a function's arguments that a call may leave out."""
    return *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()


def _content(array: np.ndarray[Any, Any]) -> Any:
    return snapshot(array.tolist()) if array.dtype.hasobject else array.tobytes()
