"""Python's own functions that a kernel may call anywhere: what they make of symbols, and which of them change nothing.

A body that is read once, for all iterations of a loop or for one side of a branch, calls kernels, gates, functions that can
be read, and of all others those that are listed here. So does everything that is given a symbol or a qubit.
"""

from __future__ import annotations

import ast
import builtins
import collections
import functools
import importlib
import math
import operator
import types
from collections.abc import Callable, Container
from functools import reduce
from typing import Any

import numpy as np

from qkernel import observable
from qkernel.errors import CallArgumentError, SymbolicValueError
from qkernel.frontend.arrays import whole_number
from qkernel.frontend.iteration import SymbolicRange, SymbolicSequence, backwards, numbered, side_by_side
from qkernel.frontend.operators import binary, get_attribute
from qkernel.frontend.ownership import QuantumHandle, plain
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import symbol_in
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr, apply, size, wrap
from qkernel.ir.operators import PAULIS
from qkernel.ir.python_values import SymbolUse
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, DictType
from qkernel.types import Bit, Float, UInt

PURE = {
    "builtins": "abs all any bin bool bytes callable chr complex dict divmod enumerate filter float format frozenset getattr "
    "hasattr hash hex int isinstance issubclass iter len list map max min next object oct ord pow print range repr reversed "
    "round set slice sorted str sum tuple type zip",
    "math": "*",
    "cmath": "*",
    "itertools": "*",
    "functools": "partial reduce",
    "dataclasses": "astuple fields replace",
    "operator": "abs add and_ attrgetter contains eq floordiv ge getitem gt index inv invert is_ is_not itemgetter le lshift "
    "lt matmul methodcaller mod mul ne neg not_ or_ pos pow rshift sub truediv truth xor",
    "collections": "Counter OrderedDict deque",
    "fractions": "Fraction",
    "numpy": "all allclose amax amin any append arange argmax argmin argsort array array_equal asarray atleast_1d atleast_2d "
    "average bincount block broadcast_to clip column_stack concatenate convolve cross cumprod cumsum deg2rad diag diagonal "
    "diff dot dstack einsum empty expand_dims eye fft flip full full_like geomspace gradient histogram hstack identity imag "
    "inner insert interp isclose iscomplexobj isin isreal kron linspace logspace max mean median meshgrid min moveaxis ndim "
    "nonzero ones ones_like outer pad percentile poly1d polyfit polyval prod quantile ravel real repeat reshape roll "
    "round searchsorted shape size sort split squeeze stack std sum swapaxes take tensordot tile trace transpose trapezoid "
    "tri tril triu unique unravel_index unwrap vander var vdot vstack where zeros zeros_like",
    "numpy.linalg": "cholesky det eig eigh eigvals eigvalsh inv lstsq matrix_power matrix_rank norm pinv qr slogdet solve svd",
}
"""The listed functions by module, `*` for all of a module's; numpy's universal functions are listed too."""

_COMPARING = {
    builtins.str, builtins.repr, builtins.format, builtins.bytes, builtins.hash, builtins.set, builtins.frozenset,
    collections.Counter, operator.eq, operator.ne, operator.contains,
    np.array_equal, np.isin, np.unique, np.bincount, np.histogram, importlib.import_module("itertools").groupby,
}  # fmt: skip
"""Those that would compare, or show, a symbol where its value is wanted."""

_CHANGING = {
    list: "append clear extend insert pop remove reverse sort",
    dict: "clear pop popitem setdefault update",
    set: "add clear discard pop remove update difference_update intersection_update",
    collections.deque: "append appendleft clear extend extendleft insert pop popleft remove rotate",
    np.ndarray: "fill itemset partition put resize setfield setflags sort",
}
"""The methods of Python's data that change it; all others of these types only read."""
_TAKING = {"append", "appendleft", "extend", "extendleft", "insert", "update"}  # which compare nothing with what they take
_GETTERS = (operator.itemgetter, operator.attrgetter, operator.methodcaller)
_FIXED = (str, bytes, tuple, frozenset, range, bool, int, float, complex, np.generic, type(None))


@functools.cache
def _listed() -> frozenset[Any]:
    found: list[Any] = []
    for module, names in PURE.items():
        home = importlib.import_module(module)
        listed = [name for name in vars(home) if not name.startswith("_")] if names == "*" else names.split()
        found += [function for name in listed if callable(function := getattr(home, name, None))]
    return frozenset(found)


def owner(function: Any, arguments: tuple[Any, ...]) -> Any:
    """The value that a method of Python's own works on; None for what is no such method."""
    match function:
        case types.MethodDescriptorType() if arguments:
            return arguments[0]
        case types.BuiltinFunctionType() if not isinstance(function.__self__, types.ModuleType):
            return function.__self__
    return None


def is_pure(function: Any, arguments: tuple[Any, ...]) -> bool:
    """Whether a function of Python's or numpy's is a listed one, or a method of Python's data."""
    found = owner(function, arguments)
    if isinstance(function, _GETTERS):
        return True
    if isinstance(function, types.MethodType) and hasattr(function.__self__, "_fields"):  # of named tuples
        return function.__name__ in ("_asdict", "_make", "_replace")
    match found:
        case None:
            is_kind = isinstance(function, type) and issubclass(function, (np.generic, BaseException))
            return is_kind or isinstance(function, np.ufunc) or _is_among(function, _listed())
        case type():
            return found in _listed() or found is dict
    return isinstance(found, (*_FIXED, *_CHANGING, np.ufunc))


def changed_by(function: Any, arguments: tuple[Any, ...]) -> list[Any]:
    """The Python data that a call of a listed function changes: what a method works on, iterators that move on."""
    found = owner(function, arguments)
    changes = any(isinstance(found, kind) and function.__name__ in names.split() for kind, names in _CHANGING.items())
    return [*([found] if changes else []), *(value for value in arguments if hasattr(type(value), "__next__"))]


def takes_functions(function: Any) -> bool:
    """Whether a listed function calls what it is given."""
    home = getattr(function, "__module__", "")
    return home == "itertools" or any(function is known for known in (builtins.map, builtins.filter, functools.reduce))


def is_made_by(function: Any, arguments: tuple[Any, ...], result: Any) -> bool:
    """Whether what a listed function gave is a new thing, which nobody else holds."""
    if any(result is argument for argument in arguments):
        return False
    if isinstance(result, np.ndarray):
        return result.base is None
    if isinstance(function, type) or function in (builtins.sorted, builtins.iter):
        return True
    return isinstance(owner(function, arguments), (*_FIXED, np.ndarray, type)) or getattr(function, "__name__", "") == "copy"


def is_operator(function: Any) -> bool:
    """Whether a listed function does to its arguments what an operator does."""
    return isinstance(function, _GETTERS) or getattr(function, "__module__", None) == "_operator"


def without_symbols(keyed: Any) -> Any:
    """A new set or dictionary, which has no symbols for keys."""
    if isinstance(keyed, (dict, set, frozenset)) and (symbol := symbol_in([*keyed])) is not None:
        raise SymbolUse(symbol, "a key of Python data")
    return keyed


def refuse_comparison(function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Raise where a listed function would compare a symbol that it is given, or show it as a text."""
    found, name = owner(function, arguments), getattr(function, "__name__", "")
    symbol = symbol_in([*(value for value in arguments if value is not found), *keywords.values()])
    if symbol is None:
        return
    if isinstance(found, (str, bytes)) or function in (builtins.str, builtins.repr, builtins.format, builtins.bytes):
        raise SymbolUse(symbol, f"`{name}`")
    keyed = isinstance(found, (tuple, *_CHANGING)) and not isinstance(found, np.ndarray) and name not in _TAKING
    if keyed or found is dict or _is_among(function, _COMPARING):
        raise SymbolUse(symbol, f"`{name}`")


def _is_among(function: Any, known: Container[Any]) -> bool:
    """Whether `known` has a function, which may have no hash."""
    try:
        return function in known
    except TypeError:
        return False


# builtins and math on symbols -----------------------------------------------------------------------------------------------


def _length(tracer: Tracer, value: Any) -> Any:
    match value:
        case QuantumHandle():
            return tracer.length(value, tracer.site.of(0))
        case SymbolicSequence():
            known = value.known()
            return plain(apply("max", value.extent, 0)) if known is None else len(known)
        case Expr(type=ArrayType() | DictType()):
            return plain(size(value))
    return len(value)


def _getattr(tracer: Tracer, owner: Any, name: str, *default: Any) -> Any:
    try:
        return get_attribute(tracer, owner, name, tracer.frame.source.node)
    except AttributeError:
        if default:
            return default[0]
        raise


def _fold(name: str) -> Callable[..., Any]:
    def function(tracer: Tracer, *values: Any, **options: Any) -> Any:
        if options:
            raise CallArgumentError(
                f"`{name}` of values that come later has no `{next(iter(options))}=`",
                span=tracer.site.of(next(iter(options))),
                label="not with symbols",
                help=f"compare the numbers themselves: `{name}(a, b)`",
            )
        entries = _entries(values[0], name) if len(values) == 1 else list(values)
        numbers = [tracer.scalar(entry, f"argument of `{name}`") for entry in entries]
        return reduce(lambda left, right: apply(name, left, right), numbers)

    return function


def _entries(values: Any, name: str) -> list[Any]:
    """What a builtin goes over, where that is known."""
    match values:
        case Expr():
            known = values.elements()
            if known is None:
                raise SymbolUse(values, f"`{name}`")
            return known
        case QuantumHandle():
            return [values]
    return list(values)


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
        label="of a Float",
        help="`qk.floor(x)` or `qk.ceil(x)` says which way to round",
    )


def _sum(tracer: Tracer, values: Any, start: Any = 0) -> Any:
    total = start
    for value in _entries(values, "sum"):
        is_bit = value.type == BIT if isinstance(value, Expr) else isinstance(value, bool)
        is_first = type(total) is int and total == 0 and not is_bit
        total = value if is_first else binary(tracer, ast.Add, total, value, tracer.frame.source.node)
    return total


def _range(tracer: Tracer, *bounds: Any) -> Any:
    return SymbolicRange(*bounds)


def _types(value: Expr) -> tuple[type, ...]:
    """What a symbol is an instance of where it is known: the types of Python and of annotations."""
    known: dict[Any, tuple[type, ...]] = {UINT: (int, UInt), FLOAT: (float, Float), BIT: (bool, Bit)}
    return known.get(value.type, ())


def _isinstance(tracer: Tracer, value: Any, kinds: Any) -> bool:
    match value:
        case SymbolicRange():
            return isinstance(range(0), kinds)
        case Expr():
            return isinstance(value, kinds) or any(issubclass(kind, kinds) for kind in _types(value))
    return isinstance(value, kinds)


def _type_of(tracer: Tracer, value: Any, *rest: Any) -> Any:
    found = _types(value) if isinstance(value, Expr) else ()
    return found[0] if found else type(value, *rest)


def _pauli(name: str) -> Callable[..., Any]:
    def at(tracer: Tracer, index: Any) -> Expr:
        return apply(name, whole_number(index, f"the qubit of `{name}`", tracer.site.of(0)))

    return at


def _pow(tracer: Tracer, base: Any, exponent: Any, modulus: Any = None) -> Expr:
    if modulus is not None:
        numbers = (base, exponent, modulus)
        return apply("pow", *(whole_number(part, "argument of `pow`", tracer.site.of(k)) for k, part in enumerate(numbers)))
    return apply("**", wrap(base), wrap(exponent))


def _gcd(tracer: Tracer, *numbers: Any) -> Expr:
    whole = [whole_number(part, "argument of `gcd`", tracer.site.of(k)) for k, part in enumerate(numbers)]
    return apply("abs", *whole) if len(whole) == 1 else reduce(_gcd_of_two, whole)


def _gcd_of_two(left: Expr, right: Expr) -> Expr:
    return apply("gcd", left, right)


def _divmod(tracer: Tracer, left: Any, right: Any) -> tuple[Any, Any]:
    node = tracer.frame.source.node
    return binary(tracer, ast.FloorDiv, left, right, node), binary(tracer, ast.Mod, left, right, node)


_MATH = "sin cos tan asin acos atan atan2 sinh cosh tanh exp log log2 sqrt floor ceil"
IN_MATH = frozenset(_MATH.split())
"""The functions of `math` that a symbol may be given to under their own name."""
_GOING_OVER: dict[Any, Callable[..., Any]] = {
    builtins.reversed: backwards,
    builtins.enumerate: numbered,
    builtins.zip: side_by_side,
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
    **_GOING_OVER,
    math.fabs: _function("abs"),
    **{getattr(math, name): _function(name) for name in IN_MATH},
    **{getattr(observable, name): _pauli(name) for name in PAULIS},
    math.gcd: _gcd,
    builtins.divmod: _divmod,
    np.max: _fold("max"),
    np.min: _fold("min"),
}
_ALWAYS = {builtins.range, builtins.getattr}


def rule_for(function: Any, values: tuple[Any, ...]) -> Callable[..., Any] | None:
    """What is done in place of a function that is given `values`, where these are symbols, handles or ranges."""
    rule = _SYMBOLIC[function] if _is_among(function, _SYMBOLIC) else None
    if rule is None or function in _ALWAYS:
        return rule
    entries = [entry for value in values for entry in _entries_of(value) or (value,)]
    if any(isinstance(entry, (Expr, QuantumHandle)) for entry in entries):
        return rule
    if function is builtins.sum and symbol_in(values) is not None:
        return rule
    is_asked = function in (builtins.len, builtins.isinstance, *_GOING_OVER)
    return rule if is_asked and any(isinstance(value, SymbolicSequence) for value in values) else None


def _entries_of(value: Any) -> tuple[Any, ...] | None:
    """The entries of a list, tuple or array of objects; None for anything else."""
    match value:
        case list() | tuple():
            return tuple(value)
        case np.ndarray() if value.dtype.kind == "O":
            return tuple(value.flat)
    return None
