"""What Python data looks like, so that a body that is read once for all its rounds is caught where it changes some."""

from __future__ import annotations

import random
import sys
import types
import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np

from qkernel.frontend.ownership import QuantumHandle
from qkernel.ir.expressions import Expr

_MOST_PARTS = 10_000
_FIXED = (
    Expr, QuantumHandle, bool, int, float, complex, str, bytes, type(None), type, np.generic,
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, range, slice,
)  # fmt: skip


def is_changeable(value: Any) -> bool:
    """Whether a value may hold other data later and still be the same object."""
    return not isinstance(value, _FIXED) or owner(value) is not None or (isinstance(value, type) and _is_data(value))


def _is_data(kind: type) -> bool:
    """Whether a class is one that may keep data, as users' classes may."""
    root = str(kind.__module__).partition(".")[0]
    return root == "__main__" or root not in ("numpy", "qkernel", *sys.stdlib_module_names)


def owner(value: Any) -> Any:
    """The object that a bound method belongs to; None for modules."""
    found = getattr(value, "__self__", None) if isinstance(value, (types.MethodType, types.BuiltinFunctionType)) else None
    return None if isinstance(found, (types.ModuleType, type)) else found


class _Same:
    """Stands for one object, which it keeps alive."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def state(value: Any) -> Any:
    """What `value` holds now, to be compared by `==` with what it holds later: contents all the way down, else identity."""
    try:
        return _state(value, {})
    except RecursionError:
        return _Same(value)


def _state(value: Any, seen: dict[int, Any]) -> Any:
    if (belongs_to := owner(value)) is not None:
        value = belongs_to
    if isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
        return type(value), value
    if (isinstance(value, _FIXED) and not is_changeable(value)) or id(value) in seen or len(seen) >= _MOST_PARTS:
        return _Same(value)
    seen[id(value)] = value
    return _Same(value), _contents(value, seen)


def _contents(value: Any, seen: dict[int, Any]) -> Any:
    match value:
        case list() | tuple() | deque():
            return [_state(entry, seen) for entry in value]
        case dict():
            return [(_state(key, seen), _state(entry, seen)) for key, entry in value.items()]
        case set() | frozenset():
            return {_Same(entry) for entry in value}
        case type():
            return [(name, _state(entry, seen)) for name, entry in vars(value).items() if not name.startswith("_")]
        case bytearray():
            return bytes(value)
        case np.ndarray():
            data = [_Same(entry) for entry in value.flat] if value.dtype == object else value.tobytes()
            return value.dtype, value.shape, data
        case random.Random():
            return value.getstate()
        case np.random.Generator():
            return repr(value.bit_generator.state)
        case np.random.RandomState():
            return repr(value.get_state(legacy=False))
        case types.GeneratorType():
            frame = value.gi_frame
            return None if frame is None else (frame.f_lasti, [_state(entry, seen) for entry in frame.f_locals.values()])
        case Iterator():
            return _position(value, seen)
    if hasattr(type(value), "add_term"):
        return repr(value)  # a Hamiltonian
    if type(value).__module__.partition(".")[0] == "qkernel":
        return None
    return [_state(entry, seen) for entry in attributes(value)]


def _position(value: Any, seen: dict[int, Any]) -> Any:
    """How far an iterator is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            reduced = value.__reduce__()
        except (AttributeError, TypeError):
            return [_state(entry, seen) for entry in attributes(value)]
    return [_state(part, seen) for part in reduced] if isinstance(reduced, tuple) else None


def attributes(value: Any) -> list[Any]:
    """The values of an object's own attributes."""
    slots = [name for kind in type(value).__mro__ for name in _slots(kind)]
    found = [getattr(value, name) for name in slots if hasattr(value, name)]
    version = getattr(value, "_version", None)  # of a tensor: counts changes in place
    return [*getattr(value, "__dict__", {}).values(), *found, *([version] if isinstance(version, int) else [])]


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)
