"""What a loop carries from round to round: the classical values of a name, also those in tuples and records."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from qkernel.frontend.ownership import QuantumHandle
from qkernel.ir.expressions import Expr, wrap
from qkernel.ir.python_values import is_number
from qkernel.ir.types import OBSERVABLE, DictType, TupleType
from qkernel.records import is_same_record, record_fields

Path = tuple[int, ...]
Found = TypeVar("Found")
_ATOMS = (bool, int, float, complex, str, bytes, np.generic, types.MethodType, types.BuiltinMethodType)


def is_classical(value: Any) -> bool:
    """Whether a value can be carried through a loop or joined after a branch: a number, a bit, a vector of them."""
    if isinstance(value, Expr):
        return value.type != OBSERVABLE and not isinstance(value.type, (DictType, TupleType))
    return is_number(value)


def parts(value: Any) -> list[Any] | None:
    """The entries of a tuple or `@qk.struct`, which never change in place; None for all else."""
    if isinstance(value, tuple):
        return list(value)
    fields = record_fields(value)
    return None if fields is None else list(fields.values())


def with_parts(value: Any, entries: list[Any]) -> Any:
    """A tuple or record like `value` with other entries."""
    if not isinstance(value, tuple):
        return type(value)(**dict(zip(type(value).struct_fields, entries, strict=True)))
    return type(value)(*entries) if hasattr(type(value), "_fields") else type(value)(entries)


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
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else parts(value) or []


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
    if isinstance(value, dict):
        return {key: with_handles(entry, change) for key, entry in value.items()}
    if isinstance(value, list):
        return [with_handles(entry, change) for entry in value]
    return with_parts(value, [with_handles(entry, change) for entry in parts(value) or ()])


def holds(value: Any, wanted: Any) -> bool:
    """Whether `value` is that very object, or has it in tuples, records, lists or dictionaries."""
    return value is wanted or any(holds(entry, wanted) for entry in _entries(value))


def unchanged(old: Any, new: Any) -> bool:
    """Whether a name that meant `old` means the same by meaning `new`; handles may be others, of the same places.

    A list, dictionary or array is the same only if it is that very object.
    """
    if old is new:
        return True
    if isinstance(old, QuantumHandle) or isinstance(new, QuantumHandle):
        return isinstance(old, QuantumHandle) and isinstance(new, QuantumHandle)
    if isinstance(old, Expr) or isinstance(new, Expr):
        return isinstance(old, Expr) and isinstance(new, Expr) and wrap(old) is wrap(new)
    if same_shape(old, new):
        return all(map(unchanged, parts(old) or (), parts(new) or ()))
    if isinstance(old, list) and isinstance(new, list) and handles_in(old):
        return len(old) == len(new) and all(map(unchanged, old, new))
    if isinstance(old, dict) and isinstance(new, dict) and handles_in(old):
        return list(old) == list(new) and all(map(unchanged, old.values(), new.values()))
    if type(old) is not type(new):
        return False
    if hasattr(type(old), "add_term"):
        return repr(old) == repr(new)
    return isinstance(old, _ATOMS) and bool(old == new)


@lru_cache(maxsize=1024)
def assigned_names(loop: ast.For | ast.While) -> tuple[str, ...]:
    """Names that the body of a loop assigns, elements included, in order of first assignment."""
    names: dict[str, None] = {}

    def visit(target: ast.AST) -> None:
        match target:
            case ast.Name(name, ast.Store()):
                names[name] = None
            case ast.Subscript(ast.Name(name), _, ast.Store()):
                names[name] = None
            case ast.FunctionDef() | ast.Lambda() | ast.ListComp() | ast.GeneratorExp() | ast.SetComp() | ast.DictComp():
                return
        for child in ast.iter_child_nodes(target):
            visit(child)

    for statement in loop.body:
        visit(statement)
    return tuple(names)
