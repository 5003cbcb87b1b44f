"""Expressions of the user's Python, evaluated with symbols."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from qkernel.diagnostics import did_you_mean, with_article
from qkernel.errors import KernelTypeError, UnknownNameError, UnsupportedPythonError
from qkernel.frontend.arrays import check_written_bounds, is_literal, read_item
from qkernel.frontend.branches import decided_later, symbolic_choice
from qkernel.frontend.iteration import SymbolicItems, SymbolicSequence
from qkernel.frontend.operators import (
    binary,
    call_special,
    compared,
    condition,
    get_attribute,
    is_array_of_numbers,
    is_scalar,
    iterate,
    spread,
    truth,
    type_of,
    unary,
)
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.pure_functions import IN_MATH, without_symbols
from qkernel.frontend.python_calls import local_function
from qkernel.frontend.sections import empty, is_section, read_section
from qkernel.frontend.signature import CallSite
from qkernel.frontend.statements import assign
from qkernel.frontend.tracer import Frame, Tracer, reads
from qkernel.frontend.values import describe, is_classical, is_observable, symbol_in
from qkernel.ir import ops
from qkernel.ir.expressions import ONE, ZERO, Expr, Name, Updated, apply, wrap
from qkernel.ir.python_values import SymbolUse
from qkernel.ir.types import BIT, UINT, ArrayType, DictType, ScalarType
from qkernel.records import record_fields


@reads(ast.Constant)
def _constant(tracer: Tracer, node: ast.Constant) -> Any:
    return node.value


@reads(ast.Lambda)
def _lambda(tracer: Tracer, node: ast.Lambda) -> Any:
    return local_function(tracer, node)


@reads(ast.Slice)
def _slice(tracer: Tracer, node: ast.Slice) -> slice:
    return slice(*(None if part is None else tracer.read(part) for part in (node.lower, node.upper, node.step)))


@reads(ast.NamedExpr)
def _named(tracer: Tracer, node: ast.NamedExpr) -> Any:
    assert isinstance(node.target, ast.Name)
    tracer.frame.variables[node.target.id] = result = tracer.read(node.value)
    return result


@reads(ast.Name)
def _name(tracer: Tracer, node: ast.Name) -> Any:
    """A variable of the frame, else what the name means around it: closure, globals, builtins."""
    name = node.id
    frame: Frame | None = tracer.frame
    while frame is not None:
        if name in frame.variables:
            return frame.variables[name]
        if name in frame.dead:
            raise frame.dead[name].error(name)
        outer, frame = frame.outer, frame.enclosing
    try:
        value = outer(name)
    except NameError:
        known = [*tracer.frame.variables]
        raise UnknownNameError(f"`{name}` is not defined{did_you_mean(name, known)}", label="unknown name") from None
    return value


_COLLECTIONS: dict[type[ast.expr], type] = {
    ast.Tuple: tuple, ast.List: list, ast.Set: set, ast.ListComp: list, ast.GeneratorExp: list, ast.SetComp: set,
}  # fmt: skip


@reads(ast.Tuple, ast.List, ast.Set)
def _collection(tracer: Tracer, node: ast.Tuple | ast.List | ast.Set) -> Any:
    return tracer.made(without_symbols(_COLLECTIONS[type(node)](value for _, value in spread(tracer, node.elts))))


@reads(ast.Dict)
def _dictionary(tracer: Tracer, node: ast.Dict) -> Any:
    entries: list[tuple[Any, Any]] = []
    for key, value in zip(node.keys, node.values, strict=True):
        entries += tracer.read(value).items() if key is None else [(tracer.read(key), tracer.read(value))]
    return tracer.made(without_symbols(dict(entries)))


@reads(ast.ListComp, ast.GeneratorExp, ast.SetComp)
def _comprehended(tracer: Tracer, node: ast.ListComp | ast.GeneratorExp | ast.SetComp) -> Any:
    first, *more = node.generators
    domain = tracer.read(first.iter)
    is_open = isinstance(domain, SymbolicSequence) and domain.known() is None
    if is_open and not (more or first.ifs or isinstance(node, ast.SetComp)):
        found = _vector_of(tracer, node, domain)
        if found is not None:
            return found
    entries = _comprehension(tracer, node.generators, lambda: tracer.read(node.elt), domain)
    return tracer.made(without_symbols(_COLLECTIONS[type(node)](entries)))


def _vector_of(tracer: Tracer, node: ast.ListComp | ast.GeneratorExp, domain: SymbolicSequence) -> Expr | None:
    """`[element for target in domain]`: a loop that assigns a vector's elements. None of elements that no vector has."""
    ledger, before = tracer.ledger.snapshot(), dict(tracer.frame.variables)
    position = Name(tracer.fresh("position", "position"), UINT)
    with tracer.block() as block, decided_later(tracer, node):
        assign(tracer, node.generators[0].target, domain.element(position))
        element = tracer.read(node.elt)
    tracer.frame.variables = before
    if tracer.ledger != ledger or not is_classical(element):
        return None
    entry = wrap(element)
    if not isinstance(entry.type, ScalarType):
        return None
    name = Name(tracer.fresh(tracer.hint or "elements", "elements"), ArrayType(entry.type))
    span = tracer.frame.span(node)
    carried = ops.Carried(name.name, empty(entry.type, domain.extent), Updated(name, position, entry), span)
    tracer.emit(ops.For((position.name,), ops.Range(ZERO, domain.extent, ONE), tuple(block), (carried,), span))
    return name


@reads(ast.DictComp)
def _dictionary_of(tracer: Tracer, node: ast.DictComp) -> Any:
    domain = tracer.read(node.generators[0].iter)
    entries = _comprehension(tracer, node.generators, lambda: (tracer.read(node.key), tracer.read(node.value)), domain)
    return tracer.made(without_symbols(dict(entries)))


def _comprehension(
    tracer: Tracer, generators: list[ast.comprehension], element: Callable[[], Any], domain: Any
) -> Iterator[Any]:
    """The elements of a comprehension, its variables local to it; the first of its loops goes over `domain`."""
    frame: Frame = tracer.frame
    outer = dict(frame.variables)
    bound = {target.id for generator in generators for target in ast.walk(generator.target) if isinstance(target, ast.Name)}

    def loop(rest: list[ast.comprehension], domain: Any) -> Iterator[Any]:
        for value in iterate(tracer, domain, rest[0].iter):
            assign(tracer, rest[0].target, value)
            conditions = [condition(tracer, test) for test in rest[0].ifs]
            if any(isinstance(test, Expr) for test in conditions):
                raise UnsupportedPythonError(
                    "a comprehension cannot filter by a value that is not known yet",
                    span=frame.span(rest[0].ifs[0]),
                    label="not known yet",
                    help=f"write a `for` loop with `if {ast.unparse(rest[0].ifs[0])}:` in its body",
                )
            if not all(conditions):
                continue
            if rest[1:]:
                yield from loop(rest[1:], tracer.read(rest[1].iter))
            else:
                yield element()

    try:
        yield from list(loop(generators, domain))
    finally:
        for name in bound:
            frame.variables.pop(name, None)
            if name in outer:
                frame.variables[name] = outer[name]


_CONVERSIONS: dict[int, Callable[[Any], str]] = {114: repr, 115: str, 97: ascii}  # by the letter after `!`


@reads(ast.JoinedStr)
def _text(tracer: Tracer, node: ast.JoinedStr) -> str:
    """Carets stand under all of it: where its parts are depends on the version of Python."""
    return "".join(
        [_formatted(tracer, part) if isinstance(part, ast.FormattedValue) else tracer.read(part) for part in node.values]
    )


def _formatted(tracer: Tracer, node: ast.FormattedValue) -> str:
    shown = tracer.read(node.value)
    if (symbol := symbol_in(shown)) is not None:
        raise SymbolUse(symbol, "an f-string")
    shown = _CONVERSIONS[node.conversion](shown) if node.conversion in _CONVERSIONS else shown
    return format(shown, tracer.read(node.format_spec) if node.format_spec else "")


@reads(ast.BinOp)
def _binary(tracer: Tracer, node: ast.BinOp) -> Any:
    return binary(tracer, type(node.op), tracer.read(node.left), tracer.read(node.right), node)


@reads(ast.UnaryOp)
def _unary(tracer: Tracer, node: ast.UnaryOp) -> Any:
    return unary(tracer, node.op, tracer.read(node.operand), node)


@reads(ast.Compare)
def _compare(tracer: Tracer, node: ast.Compare) -> Any:
    result: Any = True
    previous = tracer.read(node.left)
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        value = _read_untouching(tracer, comparator, node) if isinstance(result, Expr) else tracer.read(comparator)
        outcome = compared(tracer, op, previous, value, node)
        if isinstance(result, Expr) or isinstance(outcome, Expr):
            result = apply("and", result, outcome)
        elif not outcome:
            return outcome
        else:
            result = outcome
        previous = value
    return result


@reads(ast.BoolOp)
def _boolean(tracer: Tracer, whole: ast.BoolOp) -> Any:
    """`and` and `or`: short-circuit on what is known, build an expression of what is not."""
    is_and, nodes = isinstance(whole.op, ast.And), whole.values
    result: Any = None
    for position, node in enumerate(nodes):
        if isinstance(result, Expr):
            value = _read_untouching(tracer, node, whole)
            result = apply("and" if is_and else "or", result, truth(tracer, value, node))
            continue
        value = tracer.read(node)
        result = truth(tracer, value, node) if isinstance(value, Expr) else value
        if not isinstance(result, Expr) and position < len(nodes) - 1 and bool(result) != is_and:
            return result
    return result


def _read_untouching(tracer: Tracer, node: ast.expr, whole: ast.AST) -> Any:
    """The value of a part of `whole` that Python reads only if the parts before it ask for it."""
    before = len(tracer.ops), dict(tracer.ledger.moves), dict(tracer.ledger.loans)
    with decided_later(tracer, whole):
        value = tracer.read(node)
    if (len(tracer.ops), tracer.ledger.moves, tracer.ledger.loans) != before:
        raise UnsupportedPythonError(
            "what stands after `and`, `or` or a comparison on a value that is not known yet acts on no qubits",
            span=tracer.frame.span(node),
            label="would act in any case",
            help=f"write an `if` statement, with `{ast.unparse(node)}` in its body",
        )
    return value


@reads(ast.IfExp)
def _conditional(tracer: Tracer, node: ast.IfExp) -> Any:
    test = condition(tracer, node.test)
    if not isinstance(test, Expr):
        return tracer.read(node.body if test else node.orelse)
    sides = _numbers(tracer, (node.body, node.orelse))
    if sides is None:
        return symbolic_choice(tracer, node, test)
    kinds = {type_of(side) for side in sides}
    if len(kinds) > 1 and BIT in kinds:
        raise KernelTypeError(
            f"this is {describe(sides[0])} on one side and {describe(sides[1])} on the other",
            label="two types",
            help="give both sides one type; `(1 if bit else 0)` makes a number of a bit",
        )
    return apply("select", test, *sides)


def _numbers(tracer: Tracer, nodes: Iterable[ast.expr]) -> list[Any] | None:
    """The values of expressions; None if one is no number, or does something when it is read."""
    ledger, ended = tracer.ledger.snapshot(), dict(tracer.ended)
    values = []
    for node in nodes:
        with tracer.block() as block, decided_later(tracer, node):
            value = tracer.read(node)
        is_number = not block and tracer.ledger == ledger and is_scalar(value)
        tracer.ledger.restore(ledger)
        tracer.ended = dict(ended)
        if not is_number:
            return None
        values.append(value)
    return values


@reads(ast.Subscript)
def _subscript(tracer: Tracer, node: ast.Subscript) -> Any:
    base, key_node = tracer.read(node.value), node.slice
    key = tracer.read(key_node)
    match base:
        case QuantumHandle():
            check_written_bounds(tracer.frame, key, key_node)
            tracer.site = CallSite(tracer.frame.span(node))
            return tracer.lend(base, key, ast.unparse(key_node), is_literal(key_node))
        case Expr():
            check_written_bounds(tracer.frame, key, key_node)
            return read_section(tracer, base, key, node) if is_section(base, key) else read_item(tracer.arrays, base, key, node)
    if (given := call_special(tracer, "getitem", base, (key,), node)) is not NotImplemented:
        return given
    if _holds_symbol(key) and _is_numeric(base):
        return read_item(tracer.arrays, wrap(base), key, node)
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


def _holds_symbol(key: Any) -> bool:
    return any(isinstance(part, Expr) for part in (key if isinstance(key, tuple) else (key,)))


def _is_numeric(base: Any) -> bool:
    if is_array_of_numbers(base):
        return True
    if not (isinstance(base, (list, tuple)) and base):
        return False
    return all(map(is_observable, base)) or all(is_scalar(entry) or _is_numeric(entry) for entry in base)


@reads(ast.Attribute)
def _attribute(tracer: Tracer, node: ast.Attribute) -> Any:
    """`value.name`."""
    value, name = tracer.read(node.value), node.attr
    match value:
        case Expr(type=ArrayType()) if name == "shape":
            return value.shape
        case Expr(type=DictType()) if name == "items":
            return lambda: SymbolicItems(value)
        case QuantumHandle(is_register=True) if name == "shape":
            return (tracer.length(value, tracer.frame.span(node)),)
        case QuantumHandle():
            raise _no_attribute(value, name, f"its length is `{value.name}.shape[0]`" if value.is_register else None)
        case Expr():
            raise _no_attribute(value, name, "a vector has `v.shape[0]`" if isinstance(value.type, ArrayType) else None)
    try:
        found = get_attribute(tracer, value, name, node)
    except AttributeError:
        shown = ast.unparse(node.value)
        known = [entry for entry in dir(value) if not entry.startswith("_")]
        fields = record_fields(value)
        in_math = name in IN_MATH and getattr(value, "__name__", "") == "qkernel"
        raise UnknownNameError(
            f"`{shown}` has no `{name}`{'' if in_math else did_you_mean(name, known)}",
            label="unknown name",
            help=f"`math.{name}` takes symbols too"
            if in_math
            else f"it is a function: `qk.{name}({shown})`"
            if name in ("control", "inverse") and callable(value)
            else f"its fields are {', '.join(f'`{field}`' for field in fields)}"
            if fields
            else None,
        ) from None
    return found


def _no_attribute(value: Expr | QuantumHandle, name: str, help: str | None) -> KernelTypeError:
    return KernelTypeError(f"{with_article(value.type)} has no `{name}`", label="unknown attribute", help=help)
