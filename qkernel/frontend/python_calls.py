"""Calls in the user's Python: kernel operations, builtins on symbols, and plain Python functions."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import types
from collections.abc import Callable
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from qkernel.errors import (
    CallArgumentError,
    InliningError,
    KernelRecursionError,
    QKernelError,
    SourceUnavailableError,
    SymbolicValueError,
)
from qkernel.frontend import sequences
from qkernel.frontend.captures import is_users, lookup
from qkernel.frontend.carrying import handles_in
from qkernel.frontend.comparisons import has_symbol
from qkernel.frontend.domains import SymbolicItems, SymbolicRange, SymbolicSequence
from qkernel.frontend.outside import run_outside
from qkernel.frontend.ownership import QuantumHandle, plain
from qkernel.frontend.source import Source, read_source
from qkernel.frontend.tracer import CallSite, Frame, Tracer
from qkernel.ir.array_protocol import elements, universal
from qkernel.ir.expressions import Expr, SymbolUse, apply, size, wrap
from qkernel.ir.printer import as_written
from qkernel.ir.symbol_text import symbol_in, text_about
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, DictType


def call(tracer: Tracer, node: ast.Call) -> Any:
    """`function(...)`."""
    from qkernel.frontend.iteration import iterate
    from qkernel.frontend.reader import read

    frame = tracer.frame
    function = read(tracer, node.func)
    positional: list[Any] = []
    spans = []
    tracer.pending.append([])
    try:
        for argument in node.args:
            starred = isinstance(argument, ast.Starred)
            value = read(tracer, argument.value if isinstance(argument, ast.Starred) else argument)
            for entry in iterate(tracer, value, argument) if starred else (value,):
                positional.append(entry)
                spans.append(frame.span(argument))
                if isinstance(entry, QuantumHandle):
                    tracer.pending[-1].append(entry)
        keywords: dict[str, Any] = {}
        keyword_spans = {}
        for keyword in node.keywords:
            value = read(tracer, keyword.value)
            for name, entry in value.items() if keyword.arg is None else ((keyword.arg, value),):
                if name in keywords:
                    raise CallArgumentError(f"`{name}` is given twice", span=frame.span(keyword), label="given already")
                keywords[name], keyword_spans[name] = entry, frame.span(keyword)
                if isinstance(entry, QuantumHandle):
                    tracer.pending[-1].append(entry)
    finally:
        tracer.pending.pop()
    tracer.site = CallSite(frame.span(node), tuple(spans), keyword_spans)
    return invoke(tracer, function, tuple(positional), keywords, node)


def invoke(tracer: Tracer, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], node: ast.Call) -> Any:
    """Call `function`, the way that fits what it is."""
    from qkernel.frontend.reader import symbol_error

    span = tracer.site.span
    values = (*arguments, *keywords.values())
    try:
        rule = _SYMBOLIC.get(function) if _is_hashable(function) else None
    except TypeError:
        rule = None
    if rule is not None and (function in _ALWAYS or _holds_symbols(values) or _goes_over(function, values)):
        return _by_rule(tracer, rule, function.__name__, arguments, keywords)
    plain, bound = _unbound(function)
    if (
        plain is not None
        and _concerns_kernel((*bound, *values))
        and (source := _kernel_source(plain, plain.__code__)) is not None
    ):
        return inline(tracer, plain, source, (*bound, *arguments), keywords)
    tracer.captures.call(function, values)
    if plain is not None and any(frame.symbolic_depth for frame in tracer.frames):
        _note_around(tracer, plain)
    name = getattr(function, "__name__", None) or getattr(function, "name", None) or type(function).__name__
    try:
        if isinstance(function, np.ufunc) and _concerns_kernel(values):
            return universal(function, "__call__", arguments, keywords)
        result = run_outside(function, *arguments, **keywords)
        shown = symbol_in((getattr(function, "__self__", None), values)) if _reads_text(function) else None
        return result if shown is None else text_about(shown, result, f"`{name}` of its text")
    except QKernelError:
        raise
    except SymbolUse as error:
        use = f"`{name}`" if _is_whole(error.expr) else error.use if error.help is None else f"`{name}`, {error.use},"
        raise symbol_error(SymbolUse(error.expr, use, error.help), span) from None
    except RecursionError:
        raise
    except Exception as error:
        symbol = next((value for value in values if isinstance(value, Expr)), None)
        if symbol is not None and not isinstance(function, types.FunctionType | type):
            raise symbol_error(SymbolUse(symbol, f"`{name}`"), span) from error
        raise InliningError(
            f"`{name}` failed: {type(error).__name__}: {error}", span=span, label="called here while the kernel was traced"
        ) from error


def _by_rule(tracer: Tracer, rule: Callable[..., Any], name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What `rule` makes of a call of the function `name`."""
    try:
        inspect.signature(rule).bind(tracer, *arguments, **keywords)
    except TypeError as error:
        raise CallArgumentError(
            f"`{name}` is not called like this: {error}", span=tracer.site.span, label="called here"
        ) from None
    return rule(tracer, *arguments, **keywords)


def _note_around(tracer: Tracer, function: types.FunctionType) -> None:
    """Note the data around a function of a user's that is called as it is, and around those that it calls."""
    pending, seen = [function], set[int]()
    while pending:
        current = pending.pop()
        if id(current) in seen or not is_users(current):
            continue
        seen.add(id(current))
        find = lookup(current)
        tracer.note_around(current.__name__, vars(current))
        for name in (*current.__code__.co_names, *current.__code__.co_freevars):
            try:
                value = find(name)
            except NameError:
                continue
            if isinstance(value, types.FunctionType):
                pending.append(value)
            else:
                tracer.note_around(name, value)


def _unbound(function: Any) -> tuple[types.FunctionType | None, tuple[Any, ...]]:
    """The plain function that a call runs, and the object that it gets as `self`."""
    if isinstance(function, types.FunctionType):
        return function, ()
    if not isinstance(function, (types.MethodType, types.BuiltinFunctionType, type)):
        method = getattr(type(function), "__call__", None)  # noqa: B004 - the function itself is wanted
        if isinstance(method, types.FunctionType):
            return method, (function,)
    if isinstance(function, types.MethodType) and isinstance(function.__func__, types.FunctionType):
        return function.__func__, (function.__self__,)
    return None, ()


def _reads_text(function: Any) -> bool:
    """Whether a function of Python's makes texts, or reads them: `str`, `"{}".format`, `str.startswith`."""
    return (
        any(function is known for known in (str, repr, ascii, format))
        or isinstance(getattr(function, "__self__", None), str)
        or getattr(function, "__objclass__", None) is str
    )


def _is_hashable(value: Any) -> bool:
    return getattr(type(value), "__hash__", None) is not None


def _is_whole(expr: Expr) -> bool:
    return isinstance(expr.type, ArrayType)


def _entries_of(value: Any) -> tuple[Any, ...] | None:
    """The entries of a list, tuple or array of objects; None for anything else."""
    if isinstance(value, (list, tuple)):
        return tuple(value)
    return tuple(value.flat) if isinstance(value, np.ndarray) and value.dtype.kind == "O" else None


def _holds_symbols(values: tuple[Any, ...]) -> bool:
    """Whether a value, or an entry of a list, tuple or array, is a symbol or a handle."""
    entries = [entry for value in values for entry in _entries_of(value) or (value,)]
    return any(isinstance(entry, (Expr, QuantumHandle)) for entry in entries)


def _goes_over(function: Any, values: tuple[Any, ...]) -> bool:
    """Whether a call asks of a range, or the like, what can be told before its length is known."""
    return function in (len, isinstance, *sequences.RULES) and any(isinstance(value, SymbolicSequence) for value in values)


def _concerns_kernel(values: tuple[Any, ...]) -> bool:
    """Whether any value is a symbol, a handle or a range, or has one in lists, dictionaries, tuples and records."""
    domains = (SymbolicSequence, SymbolicItems)
    return any(isinstance(value, domains) or has_symbol(value) or handles_in(value) for value in values)


_FOREIGN = (
    ast.Try, ast.TryStar, ast.With, ast.ClassDef, ast.AsyncFunctionDef, ast.Yield, ast.YieldFrom, ast.Await,
    ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom, ast.Match,
)  # fmt: skip


@lru_cache(maxsize=256)
def _kernel_source(function: types.FunctionType, code: types.CodeType) -> Source | None:
    """The source of a user's function, as its `code` is now, if it has only statements that kernels have; else None."""
    if not is_users(function):
        return None
    try:
        source = read_source(function)
    except SourceUnavailableError:
        return None
    return None if any(map(_is_foreign, ast.walk(source.node))) else source


def _is_foreign(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(_, name, context):
            return isinstance(context, ast.Store) or (name.startswith("__") and not name.endswith("__"))
        case ast.Name("super"):
            return True
    return isinstance(node, _FOREIGN)


def inline(
    tracer: Tracer, function: types.FunctionType, source: Source, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """Read a plain Python function as part of the kernel, so that carets point into it."""
    frame = Frame(source, function.__name__, {}, tracer.captures.noting(function))
    signature = inspect.signature(function, follow_wrapped=False)
    for name, default in signature.parameters.items():
        tracer.note_around(name, default.default)
    return call_source(tracer, source.node, signature, frame, arguments, keywords)


def call_source(
    tracer: Tracer,
    node: ast.FunctionDef | ast.Lambda,
    signature: inspect.Signature,
    frame: Frame,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
) -> Any:
    """Read the body of a `def` or `lambda` in `frame`, which gets the arguments as its variables."""
    from qkernel.frontend.reader import read
    from qkernel.frontend.statements import Return, run
    from qkernel.frontend.trace import MAXIMUM_DEPTH

    try:
        bound = signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise CallArgumentError(
            f"`{frame.name}` is not called like this: {error}",
            span=tracer.site.span,
            label="called here",
            help=f"call it as `{frame.name}{signature}`",
        ) from None
    bound.apply_defaults()
    if len(tracer.frames) > MAXIMUM_DEPTH:
        raise KernelRecursionError(
            f"`{frame.name}` calls itself without end",
            span=tracer.site.span,
            label="called again here",
            help="end the recursion by an `if` on a number that is known in Python",
        )
    frame.variables = dict(bound.arguments)
    site = tracer.site
    tracer.frames.append(frame)
    try:
        if isinstance(node, ast.Lambda):
            return read(tracer, node.body)
        signal = run(tracer, node.body)
        return signal.value if isinstance(signal, Return) else None
    finally:
        tracer.frames.pop()
        tracer.site = site


def local_function(tracer: Tracer, node: ast.FunctionDef | ast.Lambda) -> Callable[..., Any]:
    """A `def` or `lambda` written in the kernel: read again, with its arguments, at each call."""
    frame = tracer.frame
    signature = _local_signature(tracer, node.args)
    name = node.name if isinstance(node, ast.FunctionDef) else "<lambda>"

    def function(*arguments: Any, **keywords: Any) -> Any:
        inner = Frame(frame.source, name, {}, frame.outer, enclosing=frame)
        return call_source(tracer, node, signature, inner, arguments, keywords)

    function.__name__ = name
    return function


def _local_signature(tracer: Tracer, arguments: ast.arguments) -> inspect.Signature:
    """The parameters of a function written in the kernel, with their defaults as they are now."""
    from qkernel.frontend.reader import read

    def parameter(argument: ast.arg, kind: Any, default: ast.expr | None = None) -> inspect.Parameter:
        value = inspect.Parameter.empty if default is None else read(tracer, default)
        return inspect.Parameter(argument.arg, kind, default=value)

    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*[None] * (len(positional) - len(arguments.defaults)), *arguments.defaults]
    parameters = [
        parameter(argument, _ONLY if position < len(arguments.posonlyargs) else _EITHER, default)
        for position, (argument, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    if arguments.vararg is not None:
        parameters.append(parameter(arguments.vararg, inspect.Parameter.VAR_POSITIONAL))
    parameters += [
        parameter(argument, inspect.Parameter.KEYWORD_ONLY, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg is not None:
        parameters.append(parameter(arguments.kwarg, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


_ONLY, _EITHER = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD


# builtins and math on symbols -----------------------------------------------------------------------------------------------


def _length(tracer: Tracer, value: Any) -> Any:
    if isinstance(value, QuantumHandle):
        return tracer.length(value, tracer.site.of(0))
    if isinstance(value, SymbolicSequence):
        return sequences.length(value)
    if isinstance(value, Expr) and isinstance(value.type, (ArrayType, DictType)):
        length = size(value)
        return plain(length)
    return len(value)


def _getattr(tracer: Tracer, owner: Any, name: str, *default: Any) -> Any:
    return tracer.captures.attribute(owner, name) if not default or hasattr(owner, name) else default[0]


def _fold(name: str) -> Callable[..., Any]:
    def function(tracer: Tracer, *values: Any, **options: Any) -> Any:
        if options:
            raise CallArgumentError(
                f"`{name}` of values that come later has no `{next(iter(options))}=`",
                span=tracer.site.of(next(iter(options))),
                label="not with symbols",
                help=f"compare the numbers themselves: `{name}(a, b)`",
            )
        entries = _entries(tracer, values[0], name) if len(values) == 1 else list(values)
        numbers = [tracer.scalar(entry, f"argument of `{name}`", tracer.site.span) for entry in entries]
        return reduce(lambda left, right: apply(name, left, right), numbers)

    return function


def _entries(tracer: Tracer, values: Any, name: str) -> list[Any]:
    """What a builtin goes over, where that is known."""
    if isinstance(values, Expr):
        known = elements(values)
        if known is None:
            raise SymbolUse(values, f"`{name}`")
        return known
    return [values] if isinstance(values, QuantumHandle) else list(values)


def _function(name: str) -> Callable[..., Any]:
    def of_one(tracer: Tracer, x: Any, /) -> Any:
        return apply(name, tracer.scalar(x, f"argument of `{name}`", tracer.site.of(0)))

    def of_two(tracer: Tracer, y: Any, x: Any, /) -> Any:
        values = (tracer.scalar(value, f"argument of `{name}`", tracer.site.of(k)) for k, value in enumerate((y, x)))
        return apply(name, *values)

    return of_two if name == "atan2" else of_one


def _float(tracer: Tracer, value: Any) -> Expr:
    expr = tracer.scalar(value, "argument of `float`", tracer.site.of(0))
    return expr if expr.type == FLOAT else apply("float", expr)


def _int(tracer: Tracer, value: Any) -> Expr:
    expr = tracer.scalar(value, "argument of `int`", tracer.site.of(0))
    if expr.type == UINT:
        return expr
    if expr.type == BIT:
        return apply("select", expr, 1, 0)
    shown = as_written(expr)
    raise SymbolicValueError(
        f"`int({shown})` would cut off digits of a value that is not known yet",
        span=tracer.site.span,
        label="of a Float",
        help="`qk.floor(x)` or `qk.ceil(x)` says which way to round",
    )


def _sum(tracer: Tracer, values: Any, start: Any = 0) -> Any:
    from qkernel.frontend.reader import binary

    total = start
    for value in _entries(tracer, values, "sum"):
        is_plain = type(total) is int and total == 0 and not (isinstance(value, Expr) and value.type == BIT)
        is_first = is_plain and not isinstance(value, bool)
        total = value if is_first else binary(tracer, ast.Add, total, value, tracer.frame.source.node)
    return total


def _range(tracer: Tracer, *bounds: Any) -> Any:
    return SymbolicRange(*bounds)


def _types(value: Expr) -> tuple[type, ...]:
    """What a symbol is an instance of where it is known: the types of Python and of annotations."""
    from qkernel.types import Bit, Float, UInt

    known: dict[Any, tuple[type, ...]] = {UINT: (int, UInt), FLOAT: (float, Float), BIT: (bool, Bit)}
    return known.get(value.type, ())


def _isinstance(tracer: Tracer, value: Any, kinds: Any) -> bool:
    if isinstance(value, SymbolicRange):
        return isinstance(range(0), kinds)
    if not isinstance(value, Expr):
        return isinstance(value, kinds)
    return isinstance(value, kinds) or any(issubclass(kind, kinds) for kind in _types(value))


def _type_of(tracer: Tracer, value: Any, *rest: Any) -> Any:
    found = _types(value) if isinstance(value, Expr) else ()
    return found[0] if found else type(value, *rest)


def _pow(tracer: Tracer, base: Any, exponent: Any) -> Expr:
    return apply("**", wrap(base), wrap(exponent))


_MATH = {
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "exp": "exp",
    "log": "log",
    "log2": "log2",
    "sqrt": "sqrt",
    "floor": "floor",
    "ceil": "ceil",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
}
_SYMBOLIC: dict[Any, Callable[..., Any]] = {
    builtins.len: _length,
    builtins.range: _range,
    builtins.getattr: _getattr,
    builtins.min: _fold("min"),
    builtins.max: _fold("max"),
    builtins.abs: _function("abs"),
    builtins.float: _float,
    builtins.int: _int,
    builtins.sum: _sum,
    builtins.isinstance: _isinstance,
    builtins.type: _type_of,
    builtins.pow: _pow,
    math.pow: _pow,
    **sequences.RULES,
    math.fabs: _function("abs"),
    math.atan2: _function("atan2"),
    math.asin: _function("asin"),
    math.acos: _function("acos"),
    math.atan: _function("atan"),
    **{getattr(math, name): _function(operator) for name, operator in _MATH.items()},
    np.max: _fold("max"),
    np.min: _fold("min"),
}
_ALWAYS = {builtins.range, builtins.getattr}
