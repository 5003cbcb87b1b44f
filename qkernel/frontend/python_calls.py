"""Calls in the user's Python: operations of the kernel's, Python's own functions on symbols, and plain functions."""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from qkernel.errors import (
    CallArgumentError,
    InliningError,
    KernelRecursionError,
    KernelTypeError,
    ObservableError,
    QKernelError,
    SourceUnavailableError,
    UnsupportedPythonError,
)
from qkernel.frontend.iteration import SymbolicItems, SymbolicSequence
from qkernel.frontend.operators import call_method, is_users, method_of, spread
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.pure_functions import (
    changed_by,
    is_made_by,
    is_operator,
    is_pure,
    refuse_comparison,
    rule_for,
    takes_functions,
    without_symbols,
)
from qkernel.frontend.signature import CallSite, bind
from qkernel.frontend.source import Source, read_source
from qkernel.frontend.tracer import FOREIGN, Frame, Return, Tracer, active_tracer, reads
from qkernel.frontend.values import attributes, concerns_kernel, describe, handles_in, symbol_in
from qkernel.ir.expressions import Expr
from qkernel.ir.python_values import SymbolUse
from qkernel.ir.symbols import universal
from qkernel.ir.types import ArrayType
from qkernel.tracing import is_tracing

MAXIMUM_DEPTH = 100
"""The deepest that plain functions may call each other while a kernel is traced."""


@reads(ast.Call)
def call(tracer: Tracer, node: ast.Call) -> Any:
    """`function(...)`."""
    frame = tracer.frame
    function = tracer.read(node.func)
    positional: list[Any] = []
    spans = []
    tracer.pending.append([])
    try:
        for argument, entry in spread(tracer, node.args):
            positional.append(entry)
            spans.append(frame.span(argument))
            if isinstance(entry, QuantumHandle):
                tracer.pending[-1].append(entry)
        keywords: dict[str, Any] = {}
        keyword_spans = {}
        for keyword in node.keywords:
            value = tracer.read(keyword.value)
            for name, entry in value.items() if keyword.arg is None else ((keyword.arg, value),):
                if name in keywords:
                    raise CallArgumentError(f"`{name}` is given twice", span=frame.span(keyword), label="given already")
                keywords[name], keyword_spans[name] = entry, frame.span(keyword)
                if isinstance(entry, QuantumHandle):
                    tracer.pending[-1].append(entry)
    finally:
        tracer.pending.pop()
    tracer.site = CallSite(frame.span(node), tuple(spans), keyword_spans, node)
    return invoke(tracer, function, tuple(positional), keywords, node)


def invoke(tracer: Tracer, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], node: ast.Call) -> Any:
    """Call `function`, the way that fits what it is."""
    if isinstance(function, functools.partial):
        tracer.site = tracer.site.behind(len(function.args))
        return invoke(tracer, function.func, (*function.args, *arguments), {**function.keywords, **keywords}, node)
    values = (*arguments, *keywords.values())
    if (rule := rule_for(function, values)) is not None:
        return tracer.made(_by_rule(tracer, rule, function.__name__, arguments, keywords))
    if is_own(function):
        if getattr(function, "__name__", "") == "add_term" and isinstance(node.func, ast.Attribute):
            tracer.check_change(function.__self__, ast.unparse(node.func.value), node)
        result = _run(tracer, function, arguments, keywords, node)
        return tracer.made(result) if hasattr(result, "add_term") else result
    plain, bound = _unbound(function)
    concern = next((value for value in (*bound, *values) if _concerns_kernel(value)), None)
    if concern is None and not tracer.once:
        result = _run(tracer, function, arguments, keywords, node)
        if plain is not None:
            tracer.captures.watch(plain, is_users)
        return result
    if plain is not None and (source := _kernel_source(plain, plain.__code__)) is not None:
        return inline(tracer, plain, source, (*bound, *arguments), keywords)
    starter = _starter(function) if isinstance(function, type) else None
    if isinstance(starter, types.FunctionType) and (source := _kernel_source(starter, starter.__code__)) is not None:
        made = tracer.made(object.__new__(function))
        inline(tracer, starter, source, (made, *arguments), keywords)
        return made
    return _listed_call(tracer, function, arguments, keywords, node, concern)


def _listed_call(
    tracer: Tracer, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], node: ast.Call, concern: Any
) -> Any:
    """A call of Python's that cannot be read, in a body that is read once or with a value that concerns the kernel."""
    values = (*arguments, *keywords.values())
    if not (is_pure(function, values) or _only_stores(function)):
        raise _opaque(tracer, function, node, concern)
    if arguments and (method := method_of(arguments[0], _name_of(function).strip("_"))) is not None:
        return call_method(tracer, method, arguments, node)
    if is_operator(function) and any(attributes(value) is not None for value in arguments):
        raise _opaque(tracer, function, node, concern)
    refuse_comparison(function, arguments, keywords)
    if tracer.once:
        for changed in changed_by(function, values):
            shown = node.func.value if isinstance(node.func, ast.Attribute) else node.args[0] if node.args else node
            tracer.check_change(changed, ast.unparse(shown), node, values)
    calls = takes_functions(function)
    back = tuple(_called_back(tracer, value, node, calls) for value in arguments)
    named = {name: _called_back(tracer, value, node, calls or name == "key") for name, value in keywords.items()}
    result = _run(tracer, function, back, named, node)
    return tracer.made(result) if is_made_by(function, values, result) else result


def _called_back(tracer: Tracer, value: Any, node: ast.Call, is_called: bool) -> Any:
    """A function that is given to one of Python's, which calls it: such a call is one of the kernel's too."""
    if not (is_called and callable(value)) or isinstance(value, QuantumHandle):
        return value
    return lambda *arguments, **keywords: invoke(tracer, value, arguments, keywords, node)


def _run(tracer: Tracer, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], node: ast.Call) -> Any:
    """`function(*arguments, **keywords)` by Python; what it raises is an error of the kernel's at the call."""
    values = (*arguments, *keywords.values())
    name = _name_of(function)
    if not callable(function):
        shown, has_elements = ast.unparse(node.func), isinstance(getattr(function, "type", None), ArrayType)
        help = f"an element is written `{shown}[{ast.unparse(node.args[0])}]`" if has_elements and len(node.args) == 1 else None
        raise InliningError(f"`{shown}` is {describe(function)}, and no function", label="called here", help=help)
    try:
        if isinstance(function, np.ufunc) and any(map(_concerns_kernel, values)):
            return universal(Expr.elementwise, function, "__call__", arguments, keywords)
        result = function(*arguments, **keywords)
        return without_symbols(result) if isinstance(function, type) else result
    except (QKernelError, RecursionError) as error:
        if isinstance(error, ObservableError) and (symbol := symbol_in(values)) is not None:
            raise SymbolUse(symbol, f"`{name}`", "a sum over symbols is written `h = h + w[i] * qko.Z(i)`") from None
        raise
    except SymbolUse as error:
        use = f"`{name}`" if isinstance(error.expr.type, ArrayType) else error.use
        if error.help is not None and use is error.use:
            use = f"`{name}`, {error.use},"
        raise SymbolUse(error.expr, use, error.help) from None
    except Exception as error:
        if isinstance(error, TypeError) and isinstance(function, types.FunctionType) and is_own(function):
            _check_arguments(tracer, function, arguments, keywords)
        symbol = next((value for value in values if isinstance(value, Expr)), None)
        if symbol is not None and not isinstance(function, types.FunctionType | type):
            raise SymbolUse(symbol, f"`{name}`") from error
        raise InliningError(
            f"`{name}` failed: {type(error).__name__}: {error}", label="called here while the kernel was traced"
        ) from error


def _check_arguments(tracer: Tracer, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Raise as gates do if an operation lacks an argument, or gets one that it does not have."""
    parameters = inspect.signature(function).parameters.values()
    if all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in parameters):
        optional = frozenset(each.name for each in parameters if each.default is not each.empty)
        bind(function.__name__, tuple(each.name for each in parameters), optional, arguments, keywords, tracer.site)


def _opaque(tracer: Tracer, function: Any, node: ast.Call, concern: Any) -> UnsupportedPythonError:
    """The error for a call of Python that can neither be read nor is listed."""
    shown, reason = ast.unparse(node.func), _why_unread(function)
    if concern is None:
        return UnsupportedPythonError(
            f"`{shown}` {reason}, and cannot be called where the kernel repeats or branches",
            label=tracer.once[-1].label,
            notes=tracer.once[-1].notes(tracer.frame),
            help=f"call it before, and use what it gives: `value = {ast.unparse(node)}`; or take the value as an argument",
        )
    known = [describe(value) for value in (symbol_in(concern), *handles_in(concern)) if value is not None]
    return UnsupportedPythonError(
        f"`{shown}` {reason}, and cannot be called with {known[0] if known else describe(concern)}",
        label="run by Python as it is, before any value is known",
        help=f"give it known values only, or write a function that can be read: `def {_name_of(function)}(...):`",
    )


def _why_unread(function: Any) -> str:
    """Why a function is not read, as in "`f` has no source"."""
    plain, _ = _unbound(function)
    if plain is None or not is_users(plain):
        return "is no function that a kernel reads"
    try:
        source = read_source(plain)
    except SourceUnavailableError:
        return "has no source that can be found"
    found = next((node for node in ast.walk(source.node) if _is_foreign(node)), source.node)
    what = {ast.Name: "`super`", ast.Attribute: "a private name"}.get(type(found), f"`{FOREIGN.get(type(found))}`")
    return f"has {what} in it"


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", None) or getattr(function, "name", None) or type(function).__name__)


def _by_rule(tracer: Tracer, rule: Callable[..., Any], name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What `rule` makes of a call of the function `name`."""
    try:
        inspect.signature(rule).bind(tracer, *arguments, **keywords)
    except TypeError as error:
        raise CallArgumentError(f"`{name}` is not called like this: {error}", label="called here") from None
    return rule(tracer, *arguments, **keywords)


def is_own(function: Any) -> bool:
    """Whether a function is qkernel's: a gate, a kernel, an operation, a function written in a kernel."""
    owned = getattr(function, "__self__", function)
    homes = (getattr(owned, "__module__", None), type(owned).__module__)
    return any(str(home).partition(".")[0] == "qkernel" for home in homes)


def _starter(kind: type) -> Any:
    """The `__init__` of a class whose calls do nothing else; None where they do."""
    made_by: Any = kind.__new__
    return getattr(kind, "__init__") if type(kind) is type and made_by is object.__new__ else None  # noqa: B009


def _only_stores(function: Any) -> bool:
    """Whether it is a class whose calls keep what they are given and do nothing else: a record, or one with no `__init__`."""
    if not isinstance(function, type):
        return False
    if hasattr(function, "__dataclass_fields__"):
        return not hasattr(function, "__post_init__")
    return _starter(function) is object.__init__ or (issubclass(function, tuple) and hasattr(function, "_fields"))


def _unbound(function: Any) -> tuple[types.FunctionType | None, tuple[Any, ...]]:
    """The plain function that a call runs, and the object that it gets as `self`."""
    match function:
        case types.FunctionType():
            return function, ()
        case functools._lru_cache_wrapper():
            return _unbound(function.__wrapped__)
        case types.MethodType(__func__=types.FunctionType() as plain):
            return plain, (function.__self__,)
        case types.MethodType() | types.BuiltinFunctionType() | type():
            return None, ()
    method = getattr(type(function), "__call__", None)  # noqa: B004 - the function itself is wanted
    return (method, (function,)) if isinstance(method, types.FunctionType) else (None, ())


def _concerns_kernel(value: Any) -> bool:
    """Whether a value is a symbol, a handle or a range, or has one in lists, dictionaries, records or its attributes."""
    return isinstance(value, (SymbolicSequence, SymbolicItems)) or concerns_kernel(value)


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
        case ast.Attribute(_, name):
            return name.startswith("__") and not name.endswith("__")
        case ast.Name(name):
            return name == "super"
    return type(node) in FOREIGN


def inline(
    tracer: Tracer, function: types.FunctionType, source: Source, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """Read a plain Python function as part of the kernel, so that carets point into it."""
    frame = Frame(source, function.__name__, {}, tracer.captures.noting(function))
    signature = inspect.signature(function, follow_wrapped=False)
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

    try:
        bound = signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise CallArgumentError(
            f"`{frame.name}` is not called like this: {error}",
            label="called here",
            help=f"call it as `{frame.name}{signature}`",
        ) from None
    bound.apply_defaults()
    if len(tracer.frames) > MAXIMUM_DEPTH:
        raise KernelRecursionError(
            f"`{frame.name}` calls itself without end",
            label="called again here",
            help="end the recursion by an `if` on a number that is known in Python",
        )
    frame.variables = dict(bound.arguments)
    site = tracer.site
    frame.call = None if site.span is None else (frame.name, site.span)
    tracer.frames.append(frame)
    try:
        if isinstance(node, ast.Lambda):
            return tracer.read(node.body)
        signal = tracer.run(node.body)
        return signal.value if isinstance(signal, Return) else None
    except QKernelError as error:
        error.came_through(frame.name, site.span)
        raise
    finally:
        tracer.frames.pop()
        tracer.site = site


def local_function(tracer: Tracer, node: ast.FunctionDef | ast.Lambda) -> Callable[..., Any]:
    """A `def` or `lambda` written in the kernel: read again, with its arguments, at each call."""
    frame = tracer.frame
    signature = _local_signature(tracer, node.args)
    name = node.name if isinstance(node, ast.FunctionDef) else "<lambda>"

    def function(*arguments: Any, **keywords: Any) -> Any:
        _check_read_now(tracer, name)
        inner = Frame(frame.source, name, {}, frame.outer, enclosing=frame)
        return call_source(tracer, node, signature, inner, arguments, keywords)

    function.__name__, function.__signature__ = name, signature  # type: ignore[attr-defined]
    return function


def around_symbols(function: types.FunctionType) -> Callable[..., Any] | None:
    """A function that Python has made, as one written in the kernel that is being read; None where it uses nothing of that."""
    if not (is_tracing() and _is_around_symbols(function, set())):
        return None
    tracer, source, signature = active_tracer(f"`{function.__name__}`"), read_source(function), inspect.signature(function)

    def local(*arguments: Any, **keywords: Any) -> Any:
        _check_read_now(tracer, function.__name__)
        frame = Frame(source, function.__name__, {}, tracer.captures.noting(function))
        return call_source(tracer, source.node, signature, frame, arguments, keywords)

    def no_form(form: Any) -> Any:
        raise KernelTypeError(
            f"`{function.__name__}` uses values of a kernel that is being read, and has no forms of its own under modifiers",
            label="part of that kernel",
            help="take the values as arguments, and define it outside of the kernel",
        )

    local.__name__, local.__signature__ = function.__name__, signature  # type: ignore[attr-defined]
    local.inverse = local.control = no_form  # type: ignore[attr-defined]
    return local


def _is_around_symbols(value: Any, seen: set[int]) -> bool:
    """Whether a symbol, handle, kernel argument or function written in a kernel is in a value, or around a function in it."""
    if id(value) in seen:
        return False
    seen.add(id(value))
    match value:
        case types.FunctionType(__module__=home) if home == __name__:
            return True
        case types.FunctionType(__closure__=cells):
            entries: Any = [cell.cell_contents for cell in cells or () if cell != types.CellType()]
        case functools.partial():
            entries = (value.func, *value.args, *value.keywords.values())
        case list() | tuple():
            entries = value
        case dict():
            entries = value.values()
        case _ if is_own(value) and hasattr(value, "__dataclass_fields__") and callable(value):  # as by `control`
            entries = [getattr(value, name, None) for name in value.__dataclass_fields__]
        case _ if hasattr(value, "outline") and not isinstance(value, type):
            return any(argument not in value.arguments.values() for argument in value.open)
        case _:
            return concerns_kernel(value)
    return any(_is_around_symbols(entry, seen) for entry in entries)


def _check_read_now(tracer: Tracer, name: str) -> None:
    """A function written in a kernel is called while that is read, and no other kernel in between."""
    if not is_tracing() or active_tracer(f"`{name}`") is not tracer:
        raise KernelTypeError(
            f"`{name}` was written in `{tracer.kernel.name}`, and cannot be called outside of it",
            label="called here",
            help="give it to a kernel as an argument: `operation: qk.Kernel[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]`",
        )


def _local_signature(tracer: Tracer, arguments: ast.arguments) -> inspect.Signature:
    """The parameters of a function written in the kernel, with their defaults as they are now."""
    values: dict[str, Any] = {}

    def default(node: ast.expr | None) -> Any:
        if node is None:
            return None
        values[name := f"default {len(values)}"] = tracer.read(node)
        return ast.Name(name, ast.Load())

    header = ast.arguments(
        arguments.posonlyargs,
        arguments.args,
        arguments.vararg,
        arguments.kwonlyargs,
        defaults=[default(node) for node in arguments.defaults],
        kw_defaults=[default(node) for node in arguments.kw_defaults],
        kwarg=arguments.kwarg,
    )
    made = ast.Expression(ast.Lambda(header, ast.Constant(None)))
    return inspect.signature(eval(compile(ast.fix_missing_locations(made), "<defaults>", "eval"), values))
