"""The reader: by type of node, which function reads an expression or a statement; `reads` registers them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from qkernel.errors import FrontendTransformError, KernelTypeError, QKernelError, SymbolicValueError, UnsupportedPythonError
from qkernel.frontend.arrays import whole_vector
from qkernel.frontend.signature import CallSite
from qkernel.frontend.tracer import Frame, Tracer
from qkernel.frontend.values import describe
from qkernel.ir.expression_text import as_written
from qkernel.ir.python_values import NotClassical, SymbolUse
from qkernel.ir.types import ArrayType

Reader = Callable[[Tracer, Any], Any]
_READERS: dict[type[ast.AST], Reader] = {}


def reads(*kinds: type[ast.AST]) -> Callable[[Reader], Reader]:
    """Make a function the reader of these types of expressions or statements."""

    def register(reader: Reader) -> Reader:
        _READERS.update(dict.fromkeys(kinds, reader))
        return reader

    return register


def read(tracer: Tracer, node: ast.expr) -> Any:
    """The value of an expression: a Python value, a symbol or a handle."""
    try:
        value = tracer.arrays.held(_reader(tracer, node)(tracer, node))
        if tracer.arrays.gone:
            _check_there(tracer, value, node)
        return value
    except Exception as error:
        raise_at(tracer, node, error)


@dataclass(frozen=True, slots=True)
class Return:
    """A `return` was reached."""

    value: Any
    node: ast.Return


class Break:
    """A `break` was reached."""


class Continue:
    """A `continue` was reached."""


Signal = Return | Break | Continue | None


def run(tracer: Tracer, statements: list[ast.stmt]) -> Signal:
    """Execute statements; the signal says how the block ended early."""
    for statement in statements:
        try:
            signal: Signal = _reader(tracer, statement)(tracer, statement)
        except Exception as error:
            raise_at(tracer, getattr(statement, "test", statement), error)
        if signal is not None:
            return signal
    return None


def _reader(tracer: Tracer, node: ast.AST) -> Reader:
    """The reader of a node's type; raises for what kernels do not have."""
    found = _READERS.get(type(node))
    if found is None:
        raise unsupported(tracer, node)
    return found


def unsupported(tracer: Tracer, node: ast.AST) -> UnsupportedPythonError:
    """The error for what kernels do not have, with what to write in its place."""
    construct = _WORDS.get(type(node).__name__, type(node).__name__)
    match node:
        case ast.Try() | ast.TryStar():
            way_out = "ask before, with `if`; or write the `try` around the call of the kernel"
        case ast.With(items):
            opened = ", ".join(map(ast.unparse, items))
            way_out = f"do it before, outside; the kernel reads names from around it:\n    with {opened}:\n        ..."
        case ast.ClassDef(name):
            way_out = f"define it outside of the kernel:\n    class {name}:\n        ..."
        case ast.Global([name, *_]) | ast.Nonlocal([name, *_]):
            way_out = f"give it another name in the kernel, and return it: `new_{name} = ...`"
        case ast.Import() | ast.ImportFrom():
            way_out = f"write `{ast.unparse(node)}` at the top of the module"
        case ast.Match(subject, [ast.match_case(ast.MatchValue(value)), *_]):
            lines = (f"if {ast.unparse(subject)} == {ast.unparse(value)}:", "    ...", "else:", "    ...")
            way_out = "\n    ".join(("write it with `if`:", *lines))
        case ast.Match():
            way_out = "write it with `if`, `elif` and `else`"
        case ast.AsyncFunctionDef(name, arguments):
            way_out = f"write `def {name}({ast.unparse(arguments)}):`"
        case ast.Yield() | ast.YieldFrom():
            way_out = _COLLECT
        case ast.Await():
            way_out = "leave out the `await`"
        case _:
            way_out = "leave it out"
    span = tracer.frame.span(node)
    return UnsupportedPythonError(f"`{construct}` does not exist in a kernel", span=span, label="not supported", help=way_out)


_WORDS = {
    "Try": "try",
    "TryStar": "try",
    "With": "with",
    "ClassDef": "class",
    "Global": "global",
    "Nonlocal": "nonlocal",
    "Import": "import",
    "ImportFrom": "import",
    "Match": "match",
    "AsyncFunctionDef": "async def",
    "Yield": "yield",
    "YieldFrom": "yield from",
    "Await": "await",
}
_COLLECT = "collect the values in a vector, and return it:\n    bits = qk.bit_array(n)\n    bits[i] = qk.measure(q[i])"


def _check_there(tracer: Tracer, value: Any, node: ast.expr) -> None:
    """Raise for an array, or a list with one in it, that is not what Python would have there."""
    why = tracer.arrays.why_gone(value)
    if why is not None:
        shown = ast.unparse(node)
        is_around = isinstance(node, ast.Name) and find_frame(tracer.frame, node.id) is None
        raise why("" if is_around else shown, tracer.frame).error(shown, tracer.frame.span(node))


def find_frame(frame: Frame | None, name: str) -> Frame | None:
    """The frame that has `name`: this one, or one that its function was written in."""
    while frame is not None and name not in frame.variables:
        frame = frame.enclosing
    return frame


def raise_at(tracer: Tracer, node: ast.AST, error: Exception) -> NoReturn:
    """Raise `error`, which came up while `node` was read, as an error of the kernel's at that place."""
    if isinstance(error, (QKernelError, RecursionError)):
        raise error
    span = tracer.frame.span(node)
    if isinstance(error, SymbolUse):
        raise symbol_error(error, span) from None
    if isinstance(error, NotClassical):
        title = f"this is {describe(error.value)}, which is no value that a kernel computes with"
        raise KernelTypeError(title, span=span, label="not a number, bit or observable") from None
    raise FrontendTransformError(
        f"{type(error).__name__}: {error}", span=span, label="raised while the kernel was traced"
    ) from error


def symbol_error(error: SymbolUse, span: Any) -> QKernelError:
    shown = as_written(error.expr)
    if isinstance(error.expr.type, ArrayType) and error.help is None:
        return whole_vector(error.expr, error.use, span)
    return SymbolicValueError(
        f"`{shown}` is not known yet, and {error.use} needs its value now",
        span=span,
        label=f"needs the value of `{shown}`",
        help=error.help
        or "a kernel is traced once for all values; use the kernel's own operators, `qk.range` and `if`, or take the value "
        "from Python (a closure or a global) instead of an argument",
    )


def with_site(tracer: Tracer, node: ast.AST) -> None:
    """Errors from here on point at `node`."""
    tracer.site = CallSite(tracer.frame.span(node))
