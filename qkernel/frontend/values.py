"""The values of the user's Python: in words, what they are made of, and which may stand where a type is asked for."""

from __future__ import annotations

import sys
import sysconfig
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from qkernel.diagnostics import Span, in_short, with_article
from qkernel.errors import KernelTypeError, NotFiniteError
from qkernel.frontend.ownership import QuantumHandle
from qkernel.gate_functions import Gate
from qkernel.ir.expressions import Const, Expr, Pack, apply, wrap
from qkernel.ir.python_values import NotClassical, SymbolUse, is_number, wanted
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, DictType, TupleType, Type, fits, is_quantum
from qkernel.observable import as_observable, is_sum_of_qiskit
from qkernel.records import is_same_record, record_fields


def describe(value: Any) -> str:
    """`value` in the user's words: `a Qubit`, `an Observable`, `the int 3`, `a list`."""
    match value:
        case QuantumHandle() | Expr():
            return with_article(value.type)
        case None:
            return "None"
        case bool() | int() | float() | complex() | str() | bytes() | np.generic():
            return f"the {type(value).__name__} {in_short(value.item() if isinstance(value, np.generic) else value)}"
        case Gate():
            return f"the gate `{value.name}`"
        case types.FunctionType():
            return "a lambda" if value.__name__ == "<lambda>" else f"the function `{value.__name__}`"
    if getattr(value, "requires_grad", False) is True:
        return "a tensor that requires grad"
    if hasattr(value, "signature") and hasattr(value, "outline"):
        return f"the kernel `{value.name}`"
    return with_article(type(value).__name__)


Path = tuple[int, ...]


Found = TypeVar("Found")


_ATOMS = (bool, int, float, complex, str, bytes, np.generic, types.MethodType, types.BuiltinMethodType)


def is_classical(value: Any) -> bool:
    """Whether a value can be carried through a loop or joined after a branch: a number, bit or observable, a vector of them."""
    if isinstance(value, Expr):
        return not isinstance(value.type, (DictType, TupleType))
    return is_number(value) or is_observable(value)


def is_observable(value: Any) -> bool:
    """Whether a value is a sum of Paulis: known, or one with symbols in it."""
    return value.type == OBSERVABLE if isinstance(value, Expr) else as_observable(value) is not None


def parts(value: Any) -> list[Any] | None:
    """The entries of a tuple or `@qk.struct`, which never change in place; None for all else."""
    if isinstance(value, tuple):
        return list(value)
    fields = record_fields(value)
    return None if fields is None else list(fields.values())


def with_parts(value: Any, entries: list[Any]) -> Any:
    """A tuple, record, list or dictionary like `value` with other entries."""
    match value:
        case dict():
            return dict(zip(value, entries, strict=True))
        case list():
            return entries
        case tuple():
            return type(value)(*entries) if hasattr(type(value), "_fields") else type(value)(entries)
    return type(value)(**dict(zip(type(value).struct_fields, entries, strict=True)))


def same_shape(left: Any, right: Any) -> bool:
    """Whether two values are tuples or records of one kind and length."""
    mine, other = parts(left), parts(right)
    return mine is not None and other is not None and is_same_record(type(left), type(right)) and len(mine) == len(other)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What stands in nested tuples and records, with where; a value that is neither stands at ()."""
    entries = parts(value)
    if entries is None:
        yield path, value
    else:
        for position, entry in enumerate(entries):
            yield from leaves(entry, (*path, position))


def with_leaves(value: Any, change: Callable[[Path, Any], Any], path: Path = ()) -> Any:
    """`value` with `change` applied to its leaves."""
    entries = parts(value)
    if entries is None:
        return change(path, value)
    return with_parts(value, [with_leaves(entry, change, (*path, k)) for k, entry in enumerate(entries)])


def _entries(value: Any) -> list[Any]:
    """What stands in a tuple, record, list or dictionary; nothing for all else."""
    match value:
        case dict():
            return list(value.values())
        case list():
            return value
    return parts(value) or []


def found_in(value: Any, kind: type[Found]) -> list[Found]:
    """The objects of a type in a value: itself, or those in tuples, records, lists and dictionaries."""
    if isinstance(value, kind):
        return [value]
    return [found for entry in _entries(value) for found in found_in(entry, kind)]


def part_text(name: str, value: Any, path: Path) -> str:
    """How the leaf at `path` of what `name` means is written: `edge.left`, `pair[0]`."""
    for position in path:
        name += f"[{position}]" if isinstance(value, tuple) else f".{list(record_fields(value) or ())[position]}"
        value = (parts(value) or [])[position]
    return name


def handles_in(value: Any) -> list[QuantumHandle]:
    """The handles in a value: itself, or those in tuples, records, lists and dictionaries."""
    return found_in(value, QuantumHandle)


def with_handles(value: Any, change: Callable[[QuantumHandle], QuantumHandle]) -> Any:
    """`value` with `change` applied to the handles in it; what has none is that very object."""
    if isinstance(value, QuantumHandle):
        return change(value)
    if not handles_in(value):
        return value
    return with_parts(value, [with_handles(entry, change) for entry in _entries(value)])


def holds(value: Any, wanted: Any) -> bool:
    """Whether `value` is that very object, or has it in tuples, records, lists or dictionaries."""
    return value is wanted or any(holds(entry, wanted) for entry in _entries(value))


def unchanged(old: Any, new: Any) -> bool:
    """Whether a name that meant `old` means the same by meaning `new`; handles may be others, of the same places.

    A list, dictionary or array is the same only if it is that very object.
    """
    if old is new:
        return True
    match old, new:
        case QuantumHandle(), QuantumHandle():
            return True
        case Expr(), Expr():
            return wrap(old) is wrap(new)
        case (QuantumHandle() | Expr(), _) | (_, QuantumHandle() | Expr()):
            return False
        case (list(), list()) | (dict(), dict()) if handles_in(old):
            is_alike = len(old) == len(new) and (not isinstance(old, dict) or list(old) == list(new))
        case _:
            is_alike = same_shape(old, new)
    if is_alike:
        return all(map(unchanged, _entries(old), _entries(new)))
    if type(old) is not type(new):
        return False
    if hasattr(type(old), "add_term"):
        return repr(old) == repr(new)
    return isinstance(old, _ATOMS) and bool(old == new)


def symbol_in(value: Any) -> Expr | None:
    """A symbol that a value is or has in it: in tuples, records, lists, sets, dictionaries, arrays, attributes of objects."""
    found: Expr | None = _first(value, Expr, set())
    return found


def concerns_kernel(value: Any) -> bool:
    """Whether a value is a symbol or a handle, or has one in it."""
    return _first(value, (Expr, QuantumHandle), set()) is not None


def _first(value: Any, kinds: Any, seen: set[int]) -> Any:
    """The first object of `kinds` in a value; `seen` are the objects, by identity, whose attributes have been looked at."""
    if isinstance(value, kinds):
        return value
    entries: Iterable[Any]
    if (own := attributes(value)) is not None:
        if id(value) in seen or (seen and not is_of_user(str(type(value).__module__))):  # which may lead anywhere
            return None
        seen.add(id(value))
        entries = list(own.values())
    else:
        match value:
            case dict():
                entries = [*value, *value.values()]
            case list() | set() | frozenset() | deque():
                entries = value
            case slice():
                entries = (value.start, value.stop, value.step)
            case np.ndarray():
                entries = value.flat if value.dtype.kind == "O" else ()
            case _:
                entries = parts(value) or ()
    return next((found for entry in entries if (found := _first(entry, kinds, seen)) is not None), None)


@lru_cache(maxsize=1024)
def is_of_user(module: str) -> bool:
    """Whether a module is the user's own: not of Python's library, not of an installed package."""
    top = module.partition(".")[0]
    if top in ("qkernel", "numpy") or (top in sys.stdlib_module_names and module != "__main__"):
        return False
    return module == "__main__" or not is_installed(str(getattr(sys.modules.get(module), "__file__", None)))


def is_installed(file: str) -> bool:
    """Whether a file is one of Python's library or of an installed package."""
    return any(file.startswith(sysconfig.get_path(folder)) for folder in ("purelib", "stdlib"))


def attributes(value: Any) -> dict[str, Any] | None:
    """The attributes of an object of a user's class that is no record; None for all else."""
    kind = type(value)
    if parts(value) is not None or str(kind.__module__).partition(".")[0] in ("builtins", "numpy", "qkernel", "torch"):
        return None
    held = getattr(value, "__dict__", None)
    return held if isinstance(held, dict) else None


def is_no_value(value: Any) -> bool:
    """Whether a value can stand for no number, bit, vector or observable: qubits, a range, a text, None, a function."""
    if value is None or isinstance(value, (QuantumHandle, str)) or hasattr(value, "domain"):
        return True
    return callable(value) and not is_sum_of_qiskit(type(value))


def as_type(value: Any, type: Type, what: str, span: Span | None = None) -> Expr:
    """Whatever Python value or symbol a user gave, as a `type`; else an error that says what it is."""
    if getattr(value, "requires_grad", False) is True:
        raise KernelTypeError(
            f"{what} is a tensor that requires grad, whose gradient would end here",
            span=span,
            label="a tensor that requires grad",
            help="make it an argument of the kernel, which `qkernel.nn.QLayer` can train; "
            "for its value alone write `.detach()` behind it",
        )
    try:
        expr = wrap(value)
    except SymbolUse:
        raise
    except (TypeError, OverflowError) as error:
        if not (isinstance(value, list) and isinstance(type, ArrayType)):
            raise _no_value(error, value, type, what, span) from None
        inner = type.element if type.rank == 1 else ArrayType(type.element, type.rank - 1)
        return Pack(tuple(as_type(entry, inner, f"an element of {what}", span) for entry in value), type)
    return convert(expr, type, what, span)


def _no_value(error: Exception, value: Any, type: Type, what: str, span: Span | None) -> KernelTypeError:
    """The error for a Python value that `wrap` did not take, for the reason `error`, where a `type` is wanted."""
    title, label = f"{what} must be {with_article(type)}", ""
    match error:
        case NotClassical(value=part):
            label = describe(part)
            title += f", but this is {f'a {value.__class__.__name__} with ' if part is not value else ''}{label}"
        case _:
            title += f": {error}"
    return KernelTypeError(title, span=span, label=label, help=wanted(type) if not is_quantum(type) else None)


def convert(value: Expr, type: Type, what: str, span: Span | None = None) -> Expr:
    """`value` as a `type`: UInt becomes Float by itself, a constant stands for any type that it fits; else an error."""
    if value.type == type:
        return value
    match value, type:
        case Const(number), _ if type == FLOAT and value.type == UINT:
            return Const(_as_float(number, what, span))
        case Const(number), _ if type == BIT and value.type == UINT and number in (0, 1):
            return Const(bool(number))
        case Pack(items), ArrayType(element, 1) if isinstance(value.type, (ArrayType, TupleType)):
            return Pack(tuple(convert(item, element, f"an element of {what}", span) for item in items), type)
        case Pack(items), ArrayType(element, rank):
            inner = ArrayType(element, rank - 1)
            return Pack(tuple(convert(item, inner, f"a row of {what}", span) for item in items), type)
        case Pack(items), TupleType(types) if isinstance(value.type, TupleType) and len(items) == len(types):
            return Pack(
                tuple(convert(item, kind, f"a part of {what}", span) for item, kind in zip(items, types, strict=True)), type
            )
    if value.type == UINT and type == FLOAT:
        return apply("float", value)
    if isinstance(value.type, (ArrayType, DictType)) and fits(value.type, type):
        return value
    raise KernelTypeError(
        f"{what} must be {with_article(type)}, but this is {with_article(value.type)}",
        span=span,
        label=with_article(value.type),
        help=_way_out(value, type),
    )


def _as_float(number: int, what: str, span: Span | None) -> float:
    try:
        return float(number)
    except OverflowError:
        raise NotFiniteError(f"{what} is too large for a Float", span=span) from None


def _way_out(value: Expr, wanted: Type) -> str | None:
    given = value.type
    match value:
        case Const() if given == BIT and wanted in (UINT, FLOAT):
            return f"a bool is no number: write `{int(value.value)}`"
        case Const() if given == FLOAT and wanted == UINT:
            return "write a whole number, such as `3`"
    if given == FLOAT and wanted == UINT:
        return "`qk.floor(x)` and `qk.ceil(x)` make a UInt of a Float; whole numbers divide with `//`"
    if given == BIT and wanted in (UINT, FLOAT):
        return "a Bit is no number; write `1 if bit else 0`"
    if wanted == OBSERVABLE:
        return "bind a Hamiltonian, for example `qkernel.observable.Z(0)`"
    if isinstance(wanted, ArrayType) and not isinstance(given, (ArrayType, TupleType)):
        return "this argument wants a whole vector, such as `[0.1, 0.2]`; did the arguments change places?"
    return None
