"""Operators, conditions and iteration: of plain Python values as Python has them, of symbols as expressions.

Operators of the user's own classes are methods, called like any others, so they are read where the kernel asks it.
Elsewhere, with values that are all known, Python runs them.
"""

from __future__ import annotations

import ast
import functools
import operator
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from qkernel.errors import KernelTypeError, QKernelError, UnsupportedPythonError
from qkernel.frontend.arrays import whole_vector
from qkernel.frontend.iteration import SymbolicItems, SymbolicSequence
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import (
    concerns_kernel,
    describe,
    is_installed,
    is_observable,
    is_of_user,
    parts,
    same_shape,
    symbol_in,
)
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr, apply, joined, wrap
from qkernel.ir.python_values import SymbolUse, is_number
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, ScalarType

MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
"""By comparison, the one that asks the same with its sides changed."""


@lru_cache(maxsize=1024)
def is_users(function: types.FunctionType) -> bool:
    """Whether a function is the user's own: not of Python's library, not of an installed package."""
    return is_of_user(function.__module__ or "") and not is_installed(function.__code__.co_filename)


def method_of(value: Any, name: str) -> types.FunctionType | None:
    """The method that the user wrote in the class of `value` for the operator `name`; those of data classes are Python's."""
    found = getattr(type(value), f"__{name}__", None)
    is_written = isinstance(found, types.FunctionType) and found.__code__.co_filename != "<string>" and is_users(found)
    return found if is_written else None


def call_special(tracer: Tracer, name: str, value: Any, arguments: tuple[Any, ...], node: ast.AST) -> Any:
    """What the method for the operator `name` in a class of the user's gives; NotImplemented where Python may run it."""
    method = method_of(value, name)
    if method is None or not (tracer.once or any(map(concerns_kernel, (value, *arguments)))):
        return NotImplemented
    return call_method(tracer, method, (value, *arguments), node)


def call_method(tracer: Tracer, method: types.FunctionType, arguments: tuple[Any, ...], node: ast.AST) -> Any:
    """A call that is not written as one, which errors show by its class and name."""
    shown = ast.Call(ast.Name(method.__qualname__.rpartition("<locals>.")[2]), [], [])
    return tracer.call_python(method, arguments, {}, ast.copy_location(shown, node))


def call_operator(tracer: Tracer, name: str, left: Any, right: Any, node: ast.AST) -> Any:
    """`left` and `right` under the operator `name` by a method of one of them, in Python's order; else NotImplemented."""
    sides = [(left, name, right), (right, MIRRORED.get(name, f"r{name}"), left)]
    if type(left) is not type(right) and isinstance(right, type(left)):
        sides.reverse()
    for owner, method, other in sides:
        if isinstance(left, np.ndarray) and owner is right:
            continue  # numpy goes over its elements first
        result = call_special(tracer, method, owner, (other,), node)
        if result is not NotImplemented:
            return result
    return NotImplemented


def get_attribute(tracer: Tracer, owner: Any, name: str, node: ast.AST) -> Any:
    """`owner.name`; properties of the user's classes are read like methods."""
    found = None if isinstance(owner, type) else getattr(type(owner), name, None)
    match found:
        case functools.cached_property() if name not in vars(owner) and concerns_kernel(owner):
            tracer.check_change(owner, ast.unparse(node), node)
            vars(owner)[name] = call_method(tracer, found.func, (owner,), node)  # type: ignore[arg-type]
        case property(fget=types.FunctionType() as getter) if is_users(getter) and (tracer.once or concerns_kernel(owner)):
            return call_method(tracer, getter, (owner,), node)
    for special in ("getattribute", "getattr"):
        if special == "getattribute" or not _is_there(owner, name):
            result = call_special(tracer, special, owner, (name,), node)
            if result is not NotImplemented:
                return result
    return tracer.captures.attribute(owner, name)


def _is_there(owner: Any, name: str) -> bool:
    """Whether Python finds an attribute without asking `__getattr__`."""
    return name in getattr(owner, "__dict__", ()) or hasattr(type(owner), name)


def set_attribute(tracer: Tracer, owner: Any, name: str, value: Any, node: ast.AST) -> None:
    """`owner.name = value`."""
    found = None if isinstance(owner, type) else getattr(type(owner), name, None)
    match found:
        case property(fset=types.FunctionType() as setter) if is_users(setter):
            call_method(tracer, setter, (owner, value), node)
        case _ if call_special(tracer, "setattr", owner, (name, value), node) is NotImplemented:
            setattr(owner, name, value)


def iterate(tracer: Tracer, value: Any, node: ast.AST) -> Iterator[Any]:
    """The elements of a Python iterable; symbols and registers are not iterated outside `for` statements."""
    match value:
        case QuantumHandle() | Expr():
            raise _not_spread_out(tracer, value, node)
        case SymbolicSequence() if value.known() is not None:
            pass
        case SymbolicSequence() | SymbolicItems():
            raise UnsupportedPythonError(
                f"only a `for` statement goes over `{value!r}`, whose length is known only later",
                span=tracer.frame.span(node),
                label=f"needs the value of `{as_written(value.unknown)}`",
                help="write a `for` loop that assigns elements:\n    bits = qk.bit_array(n)\n    for i in qk.range(n):\n"
                "        bits[i] = qk.measure(q[i])",
            )
    if (given := call_special(tracer, "iter", value, (), node)) is not NotImplemented:
        return iterate(tracer, given, node)
    try:
        found: Iterator[Any] = iter(value)
    except TypeError as error:
        if isinstance(error, (QKernelError, SymbolUse)):
            raise
        raise KernelTypeError(
            f"{describe(value)} has no elements to go over", span=tracer.frame.span(node), label="not a list or the like"
        ) from None
    if found is value:
        tracer.check_change(value, ast.unparse(node), node)
    return found


def spread(tracer: Tracer, nodes: list[ast.expr]) -> Iterator[tuple[ast.expr, Any]]:
    """The values of expressions, each with its node; what has a star gives its elements."""
    for node in nodes:
        match node:
            case ast.Starred(value):
                yield from ((node, entry) for entry in iterate(tracer, tracer.read(value), node))
            case _:
                yield node, tracer.read(node)


def _not_spread_out(tracer: Tracer, value: QuantumHandle | Expr, node: ast.AST) -> UnsupportedPythonError:
    shown = value.name if isinstance(value, QuantumHandle) else as_written(value)
    names = [ast.unparse(element) for element in getattr(node, "elts", ())]
    elements = ", ".join(f"{shown}[{k}]" for k in range(len(names) or 2))
    return UnsupportedPythonError(
        f"{describe(value)} is not spread out by itself",
        span=tracer.frame.span(node),
        label="its length may be known only later",
        help=f"name its elements: `{', '.join(names)} = {elements}`" if names else f"name its elements: `{elements}`",
    )


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
_UNARY: dict[type[ast.unaryop], tuple[str, Callable[[Any], Any]]] = {
    ast.USub: ("-", operator.neg),
    ast.UAdd: ("+", operator.pos),
    ast.Invert: ("~", operator.invert),
}
_SIGNS: dict[type[ast.operator], str] = {ast.BitAnd: "&", ast.BitOr: "|"}  # where the IR's name is another
_BIT_OPERATORS = {"and", "or", "^"}


def truth(tracer: Tracer, value: Any, node: ast.AST) -> Any:
    """`value` as a condition: a Python truth, or a Bit expression."""
    match value:
        case Expr():
            if value.type == BIT:
                return value
            if value.type in (UINT, FLOAT):
                return apply("!=", value, 0)
        case QuantumHandle():
            pass
        case _:
            for special in ("bool", "len"):
                if (given := call_special(tracer, special, value, (), node)) is not NotImplemented:
                    return truth(tracer, given, node)
            return bool(value)
    raise KernelTypeError(
        f"a condition must be a Bit, but this is {describe(value)}",
        span=tracer.frame.span(node),
        label="not a condition",
        help=f"measure first: `bit = qk.measure({value.name})`"
        if isinstance(value, QuantumHandle)
        else f"test one element, such as `{ast.unparse(node)}[0]`",
    )


def condition(tracer: Tracer, node: ast.expr) -> Any:
    """What an expression is as a condition."""
    return truth(tracer, tracer.read(node), node)


def binary(tracer: Tracer, kind: type[ast.operator], left: Any, right: Any, node: ast.AST) -> Any:
    """`left op right`."""
    name, plain = _BINARY[kind]
    sign = _SIGNS.get(kind, name)
    if (given := call_operator(tracer, plain.__name__.strip("_"), left, right, node)) is not NotImplemented:
        return given
    match left, right:
        case str(), _ if (symbol := symbol_in(right)) is not None:
            raise SymbolUse(symbol, f"`{name}`")
        case (Expr(), _) | (_, Expr()):
            return _of_symbols(name, plain, left, right)
        case (QuantumHandle() as qubits, _) | (_, QuantumHandle() as qubits):
            raise no_arithmetic(qubits, sign)
    return tracer.made(plain(left, right))


def _of_symbols(name: str, plain: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """`left op right`, of which one at least is a symbol."""
    sign = "&" if name == "and" else "|" if name == "or" else name
    if is_observable(left) or is_observable(right):
        return _of_observables(name, left, right)
    refused = [part for part in (left, right) if not is_scalar(part) and not is_array_of_numbers(part)]
    if refused:
        raise no_arithmetic(refused[0], sign)
    if is_array_of_numbers(left) or is_array_of_numbers(right):
        return plain(left, right)
    if name in ("<<", ">>"):
        factor = apply("**", 2, right)
        return left * factor if name == "<<" else apply("//", left, factor)
    if name == "@":
        raise no_arithmetic(left, name)
    kinds = {type_of(operand) for operand in (left, right)}
    if name in _BIT_OPERATORS:
        if kinds not in ({BIT}, {UINT}):
            raise KernelTypeError(
                f"`{sign}` takes two Bits or two UInts, but these are {describe(left)} and {describe(right)}",
                label="neither Bits nor UInts",
                help="`n != 0` makes a Bit of a number, `(1 if bit else 0)` a number of a Bit",
            )
        return joined(name, left, right)
    if BIT in kinds:
        if name not in ("+", "-", "*", "/") or any(isinstance(part, (bool, np.bool_)) for part in (left, right)):
            raise KernelTypeError(
                f"`{name}` takes numbers, but this is a Bit",
                label="a Bit is a number in `+ - * /` alone, and `True` and `False` are none",
                help="`(1 if bit else 0)` makes a number of a bit",
            )
        left, right = (apply("select", part, 1, 0) if type_of(part) == BIT else part for part in (left, right))
    return apply(name, left, right)


def _of_observables(name: str, left: Any, right: Any) -> Expr:
    """Sums and products of observables with each other and with numbers."""
    for part in (left, right):
        is_number_here = is_scalar(part) and type_of(part) != BIT
        if name not in ("+", "-", "*", "/") or not (is_observable(part) or is_number_here):
            raise no_arithmetic(part, name)
    if name == "/" and is_observable(right):
        raise no_arithmetic(right, name)
    return apply(name, left, right)


def unary(tracer: Tracer, op: ast.unaryop, value: Any, node: ast.AST) -> Any:
    if isinstance(op, ast.Not):
        return _not(truth(tracer, value, node))
    sign, plain = _UNARY[type(op)]
    if (given := call_special(tracer, plain.__name__.strip("_"), value, (), node)) is not NotImplemented:
        return given
    match value:
        case QuantumHandle():
            raise no_arithmetic(value, sign)
        case Expr() if sign == "~" and value.type not in (BIT, UINT):
            raise KernelTypeError(
                f"`~` takes a Bit or a UInt, but this is {describe(value)}",
                label="neither Bit nor UInt",
                help="a Float is negated by `-`",
            )
        case bool() if sign == "~":
            return not value
    return plain(value)


def is_array_of_numbers(value: Any) -> bool:
    return not isinstance(value, Expr) and hasattr(value, "__array__") and getattr(value, "shape", ()) != ()


def is_scalar(value: Any) -> bool:
    match value:
        case Expr(type=ScalarType()):
            return value.type != OBSERVABLE
        case Expr():
            return False
    return is_number(value)


def type_of(value: Any) -> Any:
    return wrap(value).type


def no_arithmetic(value: Any, name: str) -> KernelTypeError:
    if isinstance(value, Expr) and isinstance(value.type, ArrayType):
        return whole_vector(value, f"`{name}`")
    way_out = None
    if isinstance(value, QuantumHandle):
        way_out = "a qubit is changed by gates: `q = qk.h(q)`"
        if value.is_register and name == "+":
            way_out = f"qubits and registers are one register in a list or tuple, wherever one may stand: `({value.name}, r)`"
    elif is_observable(value):
        way_out = "observables take `+`, `-` and `*` with each other, and `*` and `/` with numbers"
    return KernelTypeError(f"`{name}` does not work on {describe(value)}", label="no arithmetic here", help=way_out)


_COMPARISONS: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Is: ("is", operator.is_),
    ast.IsNot: ("is not", operator.is_not),
    ast.In: ("in", lambda left, right: left in right),
    ast.NotIn: ("not in", lambda left, right: left not in right),
}


_ORDERED = ("!=", "<", "<=", ">", ">=")


def compared(tracer: Tracer, op: ast.cmpop, left: Any, right: Any, node: ast.AST) -> Any:
    name, plain = _COMPARISONS[type(op)]
    if name in ("is", "is not"):
        if isinstance(left, Expr) and isinstance(right, (Expr, bool, int, float)):
            raise SymbolUse(left, f"`{name}`")
        return plain(left, right)
    if name in ("in", "not in") and (given := call_special(tracer, "contains", right, (left,), node)) is not NotImplemented:
        known = truth(tracer, given, node)
        return known if name == "in" else _not(known)
    if name in ("in", "not in") and not isinstance(right, Expr) and symbol_in((left, right)) is not None:
        found: Any = False
        for candidate in iterate(tracer, right, node):
            found = _or(found, _equal(tracer, left, candidate, node))
        return found if name == "in" else _not(found)
    if name in _ORDERED and (given := call_operator(tracer, plain.__name__, left, right, node)) is not NotImplemented:
        return given
    match left, right:
        case Expr(), Expr():
            return _scalars(name, left, right)
        case _ if name in ("==", "!="):
            outcome = _equal(tracer, left, right, node)
            return outcome if name == "==" else _not(outcome)
        case (Expr(), _) | (_, Expr()):
            return _scalars(name, left, right)
        case np.ndarray(), _:
            return plain(left, right)
    if (symbol := symbol_in((left, right))) is not None:
        raise SymbolUse(symbol, f"`{name}`")
    return plain(left, right)


def _equal(tracer: Tracer, left: Any, right: Any, node: ast.AST) -> Any:
    """Whether two values are equal: a Python truth, or a condition where they hold symbols."""
    if (given := call_operator(tracer, "eq", left, right, node)) is not NotImplemented:
        return given
    if symbol_in((left, right)) is None:
        return left == right
    match left, right:
        case list(), list():
            left, right = tuple(left), tuple(right)
        case (np.ndarray(), _) | (_, np.ndarray()):
            return Expr.elementwise("==", left, right)
    mine, other = parts(left), parts(right)
    if mine is None and other is None:
        return _scalars("==", left, right)
    if not same_shape(left, right):
        return False
    result: Any = True
    for a, b in zip(mine or (), other or (), strict=True):
        result = _not(_or(_not(result), _not(_equal(tracer, a, b, node))))
    return result


def _or(left: Any, right: Any) -> Any:
    match left, right:
        case (Expr(), _) | (_, Expr()):
            return apply("or", *(side if isinstance(side, Expr) else bool(side) for side in (left, right)))
    return left or right


def _not(value: Any) -> Any:
    return apply("not", value) if isinstance(value, Expr) else not value


def _scalars(name: str, left: Any, right: Any) -> Expr:
    for operand in (left, right):
        if not is_scalar(operand):
            raise no_arithmetic(operand, name)
    kinds = {type_of(left), type_of(right)}
    if BIT in kinds and len(kinds) > 1:
        other = right if type_of(left) == BIT else left
        if other in (0, 1) if not isinstance(other, Expr) else False:
            left, right = (left, bool(right)) if type_of(left) == BIT else (bool(left), right)
        else:
            raise KernelTypeError(
                f"`{name}` compares a Bit with {describe(other)}",
                label="different types",
                help="`(1 if bit else 0)` makes a number of a bit",
            )
    return apply(name, left, right)
