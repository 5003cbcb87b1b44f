"""Expressions of the user's Python, evaluated with symbols.

Operators on symbols build expressions; everything on plain Python values is just Python.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from qkernel.diagnostics import did_you_mean
from qkernel.errors import (
    FrontendTransformError,
    KernelTypeError,
    QKernelError,
    QubitIndexResolutionError,
    SymbolicValueError,
    UnknownNameError,
    UnsupportedPythonError,
)
from qkernel.frontend.comparisons import compare, symbol_in
from qkernel.frontend.control_flow import decided_later, symbolic_choice, truth
from qkernel.frontend.domains import SymbolicItems
from qkernel.frontend.iteration import comprehension, iterate
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.python_calls import call, local_function
from qkernel.frontend.tracer import CallSite, Frame, Tracer, describe
from qkernel.frontend.whole_vectors import whole_vector
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr, SymbolUse, apply, joined, wrap
from qkernel.ir.python_values import NotClassical, is_number
from qkernel.ir.types import BIT, OBSERVABLE, UINT, ArrayType, DictType, ScalarType
from qkernel.records import record_fields

_BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
    ast.BitAnd: ("and", operator.and_),
    ast.BitOr: ("or", operator.or_),
    ast.BitXor: ("^", operator.xor),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
    ast.MatMult: ("@", operator.matmul),
}
_CONVERSIONS: dict[int, Callable[[Any], str]] = {114: repr, 115: str, 97: ascii}  # by the letter after `!`
_SIGNS: dict[type[ast.operator], str] = {ast.BitAnd: "&", ast.BitOr: "|"}  # where the IR's name is another
_BIT_OPERATORS = {"and", "or", "^"}


def read(tracer: Tracer, node: ast.expr) -> Any:
    """The value of an expression: a Python value, a symbol or a handle."""
    try:
        value = tracer.arrays.held(_read(tracer, node))
        if tracer.arrays.gone:
            _check_there(tracer, value, node)
        return value
    except Exception as error:
        raise_at(tracer, node, error)


def _check_there(tracer: Tracer, value: Any, node: ast.expr) -> None:
    """Raise for an array, or a list with one in it, that is not what Python would have there."""
    shown = ast.unparse(node)
    is_around = isinstance(node, ast.Name) and find_frame(tracer.frame, node.id) is None
    gone = tracer.arrays.why_gone(value, "" if is_around else shown, tracer.frame)
    if gone is not None:
        raise gone.error(shown, tracer.frame.span(node))


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


def _read(tracer: Tracer, node: ast.expr) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(identifier):
            return read_name(tracer, identifier, node)
        case ast.Call():
            return call(tracer, node)
        case ast.Subscript(value, key):
            return _subscript(tracer, node, read(tracer, value), key)
        case ast.BinOp(left, op, right):
            return binary(tracer, type(op), read(tracer, left), read(tracer, right), node)
        case ast.UnaryOp(op, operand):
            return _unary(tracer, op, read(tracer, operand), node)
        case ast.Attribute(value, name):
            return attribute(tracer, read(tracer, value), name, node)
        case ast.Tuple(elements):
            return tuple(_elements(tracer, elements))
        case ast.List(elements):
            return tracer.made(list(_elements(tracer, elements)))
        case ast.Set(elements):
            return tracer.made(_without_symbols(set(_elements(tracer, elements))))
        case ast.Dict(keys, values):
            return _dictionary(tracer, keys, values)
        case ast.BoolOp(op, values):
            return _boolean(tracer, isinstance(op, ast.And), values, node)
        case ast.Compare(left, ops, comparators):
            return compare(tracer, node, left, ops, comparators)
        case ast.IfExp():
            return _conditional(tracer, node)
        case ast.NamedExpr(ast.Name(identifier), value):
            tracer.frame.variables[identifier] = result = read(tracer, value)
            return result
        case ast.JoinedStr(parts):
            return "".join([read(tracer, part) for part in parts])
        case ast.FormattedValue(value, conversion, spec):
            shown = read(tracer, value)
            if (symbol := symbol_in(shown)) is not None:
                raise SymbolUse(symbol, "an f-string")
            shown = _CONVERSIONS[conversion](shown) if conversion in _CONVERSIONS else shown
            return format(shown, read(tracer, spec) if spec else "")
        case ast.ListComp(element, generators):
            return tracer.made(list(comprehension(tracer, generators, lambda: read(tracer, element))))
        case ast.SetComp(element, generators):
            return tracer.made(_without_symbols(set(comprehension(tracer, generators, lambda: read(tracer, element)))))
        case ast.GeneratorExp(element, generators):
            return tracer.made(list(comprehension(tracer, generators, lambda: read(tracer, element))))
        case ast.DictComp(key, value, generators):
            return tracer.made(
                _without_symbols(dict(comprehension(tracer, generators, lambda: (read(tracer, key), read(tracer, value)))))
            )
        case ast.Lambda():
            return local_function(tracer, node)
        case ast.Slice(lower, upper, step):
            return slice(*(None if part is None else read(tracer, part) for part in (lower, upper, step)))
    construct, way_out = _REWRITES.get(type(node), (type(node).__name__, "leave it out"))
    raise UnsupportedPythonError(
        f"`{construct}` does not exist in a kernel", span=tracer.frame.span(node), label="not supported", help=way_out
    )


_COLLECT = "collect the values in a vector, and return it:\n    bits = qk.bit_array(n)\n    bits[i] = qk.measure(q[i])"
_REWRITES: dict[type[ast.expr], tuple[str, str]] = {
    ast.Yield: ("yield", _COLLECT),
    ast.YieldFrom: ("yield from", _COLLECT),
    ast.Await: ("await", "leave out the `await`"),
}


def read_name(tracer: Tracer, name: str, node: ast.AST) -> Any:
    """A variable of the frame, else what the name means around it: closure, globals, builtins."""
    frame: Frame | None = tracer.frame
    while frame is not None:
        if name in frame.variables:
            return frame.variables[name]
        if name in frame.dead:
            raise frame.dead[name].error(name, tracer.frame.span(node))
        outer, frame = frame.outer, frame.enclosing
    try:
        value = outer(name)
    except NameError:
        known = [*tracer.frame.variables]
        raise UnknownNameError(
            f"`{name}` is not defined{did_you_mean(name, known)}", span=tracer.frame.span(node), label="unknown name"
        ) from None
    return value


def find_frame(frame: Frame | None, name: str) -> Frame | None:
    """The frame that has `name`: this one, or one that its function was written in."""
    while frame is not None and name not in frame.variables:
        frame = frame.enclosing
    return frame


def _elements(tracer: Tracer, elements: list[ast.expr]) -> Iterator[Any]:
    for element in elements:
        if isinstance(element, ast.Starred):
            yield from iterate(tracer, read(tracer, element.value), element)
        else:
            yield read(tracer, element)


def _dictionary(tracer: Tracer, keys: list[ast.expr | None], values: list[ast.expr]) -> dict[Any, Any]:
    entries: list[tuple[Any, Any]] = []
    for key, value in zip(keys, values, strict=True):
        entries += read(tracer, value).items() if key is None else [(read(tracer, key), read(tracer, value))]
    return tracer.made(_without_symbols(dict(entries)))  # type: ignore[no-any-return]


def _without_symbols(keyed: Any) -> Any:
    """A new set or dictionary, which has no symbols for keys."""
    if (symbol := symbol_in([*keyed])) is not None:
        raise SymbolUse(symbol, "a key of Python data")
    return keyed


def binary(tracer: Tracer, kind: type[ast.operator], left: Any, right: Any, node: ast.AST) -> Any:
    """`left op right`."""
    name, plain = _BINARY[kind]
    sign = _SIGNS.get(kind, name)
    if isinstance(left, str) and (symbol := symbol_in(right)) is not None:
        raise SymbolUse(symbol, f"`{name}`")
    if not (isinstance(left, Expr) or isinstance(right, Expr)):
        if isinstance(left, QuantumHandle) or isinstance(right, QuantumHandle):
            raise no_arithmetic(tracer, left if isinstance(left, QuantumHandle) else right, sign, node)
        return tracer.made(plain(left, right))
    refused = [part for part in (left, right) if not is_scalar(part) and not _is_array(part)]
    if refused:
        raise no_arithmetic(tracer, refused[0], sign, node)
    if _is_array(left) or _is_array(right):
        return plain(left, right)
    if name in ("<<", ">>"):
        factor = apply("**", 2, right)
        return left * factor if name == "<<" else apply("//", left, factor)
    if name == "@":
        raise no_arithmetic(tracer, left, name, node)
    kinds = {type_of(operand) for operand in (left, right)}
    if name in _BIT_OPERATORS:
        if kinds not in ({BIT}, {UINT}):
            raise KernelTypeError(
                f"`{sign}` takes two Bits or two UInts, but these are {describe(left)} and {describe(right)}",
                span=tracer.frame.span(node),
                label="neither Bits nor UInts",
                help="`n != 0` makes a Bit of a number, `(1 if bit else 0)` a number of a Bit",
            )
        return joined(name, left, right)
    elif BIT in kinds:
        raise KernelTypeError(
            f"`{name}` takes numbers, but this is a Bit",
            span=tracer.frame.span(node),
            label="a Bit is no number",
            help="`bit ^ other` adds bits; `(1 if bit else 0)` makes a number of a bit",
        )
    return apply(name, left, right)


def _is_array(value: Any) -> bool:
    return not isinstance(value, Expr) and hasattr(value, "__array__") and getattr(value, "shape", ()) != ()


def is_scalar(value: Any) -> bool:
    if isinstance(value, Expr):
        return isinstance(value.type, ScalarType) and value.type != OBSERVABLE
    return is_number(value)


def type_of(value: Any) -> Any:
    return wrap(value).type


def no_arithmetic(tracer: Tracer, value: Any, name: str, node: ast.AST) -> KernelTypeError:
    if isinstance(value, Expr) and isinstance(value.type, ArrayType):
        return whole_vector(value, f"`{name}`", tracer.frame.span(node))
    return KernelTypeError(
        f"`{name}` does not work on {describe(value)}",
        span=tracer.frame.span(node),
        label="no arithmetic here",
        help="a qubit is changed by gates: `q = qk.h(q)`" if isinstance(value, QuantumHandle) else None,
    )


def _unary(tracer: Tracer, op: ast.unaryop, value: Any, node: ast.AST) -> Any:
    if isinstance(op, ast.Not):
        condition = truth(tracer, value, node)
        return apply("not", condition) if isinstance(condition, Expr) else not condition
    if isinstance(value, QuantumHandle):
        raise no_arithmetic(tracer, value, {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}[type(op)], node)
    if isinstance(op, ast.Invert):
        if isinstance(value, Expr) and value.type not in (BIT, UINT):
            raise KernelTypeError(
                f"`~` takes a Bit or a UInt, but this is {describe(value)}",
                span=tracer.frame.span(node),
                label="neither Bit nor UInt",
                help="a Float is negated by `-`",
            )
        return (not value) if isinstance(value, bool) else ~value
    return -value if isinstance(op, ast.USub) else +value


def _boolean(tracer: Tracer, is_and: bool, nodes: list[ast.expr], whole: ast.AST) -> Any:
    """`and` and `or`: short-circuit on what is known, build an expression of what is not."""
    result: Any = None
    for position, node in enumerate(nodes):
        value = read_untouching(tracer, node, whole) if isinstance(result, Expr) else read(tracer, node)
        condition = truth(tracer, value, node) if isinstance(value, Expr) or isinstance(result, Expr) else value
        result = condition if not isinstance(result, Expr) else apply("and" if is_and else "or", result, condition)
        if not isinstance(result, Expr) and position < len(nodes) - 1 and bool(result) != is_and:
            return result
    return result


def read_untouching(tracer: Tracer, node: ast.expr, whole: ast.AST) -> Any:
    """The value of a part of `whole` that Python reads only if the parts before it ask for it."""
    before = len(tracer.ops), dict(tracer.ledger.moves), dict(tracer.ledger.loans)
    with decided_later(tracer, whole):
        value = read(tracer, node)
    if (len(tracer.ops), tracer.ledger.moves, tracer.ledger.loans) != before:
        raise UnsupportedPythonError(
            "what stands after `and`, `or` or a comparison on a value that is not known yet acts on no qubits",
            span=tracer.frame.span(node),
            label="would act in any case",
            help=f"write an `if` statement, with `{ast.unparse(node)}` in its body",
        )
    return value


def _conditional(tracer: Tracer, node: ast.IfExp) -> Any:
    test, body, orelse = node.test, node.body, node.orelse
    condition = truth(tracer, read(tracer, test), test)
    if not isinstance(condition, Expr):
        return read(tracer, body if condition else orelse)
    sides = _numbers(tracer, (body, orelse))
    if sides is None:
        return symbolic_choice(tracer, node, condition)
    kinds = {type_of(side) for side in sides}
    if len(kinds) > 1 and BIT in kinds:
        raise KernelTypeError(
            f"this is {describe(sides[0])} on one side and {describe(sides[1])} on the other",
            span=tracer.frame.span(node),
            label="two types",
            help="give both sides one type; `(1 if bit else 0)` makes a number of a bit",
        )
    return apply("select", condition, *sides)


def _numbers(tracer: Tracer, nodes: Iterable[ast.expr]) -> list[Any] | None:
    """The values of expressions; None if one is no number, or does something when it is read."""
    ledger, ended = tracer.ledger.snapshot(), dict(tracer.ended)
    values = []
    for node in nodes:
        with tracer.block() as block, decided_later(tracer, node):
            value = read(tracer, node)
        is_number = not block and tracer.ledger == ledger and is_scalar(value)
        tracer.ledger.restore(ledger)
        tracer.ended = dict(ended)
        if not is_number:
            return None
        values.append(value)
    return values


def _subscript(tracer: Tracer, node: ast.Subscript, base: Any, key_node: ast.expr) -> Any:
    key = read(tracer, key_node)
    if isinstance(base, (QuantumHandle, Expr)):
        check_written_bounds(tracer, key, key_node)
    if isinstance(base, QuantumHandle):
        with_site(tracer, node)
        return tracer.lend(base, key, ast.unparse(key_node), is_literal(key_node))
    if isinstance(base, Expr):
        from qkernel.frontend.classical_items import read_item

        return read_item(tracer, base, key, key_node, node)
    if _holds_symbol(key) and _is_numeric(base):
        from qkernel.frontend.classical_items import read_item

        return read_item(tracer, wrap(base), key, key_node, node)
    if isinstance(key, Expr) and isinstance(base, (list, tuple)):
        shown = ast.unparse(key_node)
        raise SymbolUse(
            key,
            f"an index of the {type(base).__name__} `{ast.unparse(node.value)}`",
            "a loop over a range is read once, one over a list for each of its values; where the bounds are known:\n"
            f"    for {shown if shown.isidentifier() else 'i'} in list(range(...)):\n        ...",
        )
    if (symbol := symbol_in(key)) is not None:
        raise SymbolUse(symbol, "a key of Python data")
    found = base[key]
    return tracer.made(found) if isinstance(base, list) and isinstance(key, slice) else found


def check_written_bounds(tracer: Tracer, key: Any, node: ast.expr) -> None:
    """Raise for a bound of a slice that is negative without being written so."""
    if not isinstance(key, slice) or not isinstance(node, ast.Slice):
        return
    for bound, part in ((key.start, node.lower), (key.stop, node.upper)):
        if isinstance(bound, int) and bound < 0 and part is not None and not is_literal(part):
            raise QubitIndexResolutionError(
                "a bound of a slice is negative",
                span=tracer.frame.span(part),
                label=f"this is {bound}",
                help=f"a negative number counts from the end only where it is written as such: `{bound}`",
            )


def is_literal(node: ast.expr) -> bool:
    """Whether a key's negative numbers are written as such in the source."""
    match node:
        case ast.Slice(lower, upper, step):
            return all(part is None or is_literal(part) or not isinstance(part, ast.UnaryOp) for part in (lower, upper, step))
        case ast.UnaryOp(ast.USub(), ast.Constant()):
            return True
    return False


def with_site(tracer: Tracer, node: ast.AST) -> None:
    """Errors from here on point at `node`."""
    tracer.site = CallSite(tracer.frame.span(node))


def _holds_symbol(key: Any) -> bool:
    return any(isinstance(part, Expr) for part in (key if isinstance(key, tuple) else (key,)))


def _is_numeric(base: Any) -> bool:
    if _is_array(base):
        return True
    return isinstance(base, (list, tuple)) and bool(base) and all(is_scalar(entry) or _is_numeric(entry) for entry in base)


def attribute(tracer: Tracer, value: Any, name: str, node: ast.AST) -> Any:
    """`value.name`."""
    if isinstance(value, Expr):
        if name == "shape" and isinstance(value.type, ArrayType):
            return value.shape
        if name == "items" and isinstance(value.type, DictType):
            return lambda: SymbolicItems(value)
        raise KernelTypeError(
            f"a {value.type} has no `{name}`",
            span=tracer.frame.span(node),
            label="unknown attribute",
            help="a vector has `v.shape[0]`" if isinstance(value.type, ArrayType) else None,
        )
    if isinstance(value, QuantumHandle) and (name != "shape" or not value.is_register):
        raise KernelTypeError(
            f"a {value.type} has no `{name}`",
            span=tracer.frame.span(node),
            label="unknown attribute",
            help=f"its length is `{value.name}.shape[0]`" if value.is_register else None,
        )
    if isinstance(value, QuantumHandle):
        return (tracer.length(value, tracer.frame.span(node)),)
    try:
        found = tracer.captures.attribute(value, name)
    except AttributeError:
        shown = ast.unparse(node.value) if isinstance(node, ast.Attribute) else describe(value)
        known = [entry for entry in dir(value) if not entry.startswith("_")]
        fields = record_fields(value)
        raise UnknownNameError(
            f"`{shown}` has no `{name}`{did_you_mean(name, known)}",
            span=tracer.frame.span(node),
            label="unknown name",
            help=f"it is a function: `qk.{name}({shown})`"
            if name in ("control", "inverse") and callable(value)
            else f"its fields are {', '.join(f'`{field}`' for field in fields)}"
            if fields
            else None,
        ) from None
    return found
