"""What was read from around a kernel, the free variables of its source: remembered, so that a change is noticed."""

from __future__ import annotations

import builtins
import functools
import types
from collections.abc import Callable, Mapping, Sequence, Set
from contextvars import ContextVar
from numbers import Number
from typing import Any

import numpy as np

from qkernel.observable import is_sum_of_qiskit

_FIXED_MODULES = frozenset({"math", "numpy", "qkernel", "qkernel.observable"})


def lookup(function: types.FunctionType) -> Callable[[str], Any]:
    """How names around `function` are found: closure, globals, builtins."""
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))

    def find(name: str) -> Any:
        if name in cells:
            try:
                return cells[name].cell_contents
            except ValueError:
                raise NameError(name) from None
        if name in function.__globals__:
            return function.__globals__[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise NameError(name)

    return find


class Captures:
    """What a trace looked up: names in closures and globals, attributes of objects; each with what it meant then."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], tuple[Callable[[], Any], Any]] = {}
        self._alive: list[Any] = []  # so that no identity is used twice

    def noting(self, function: types.FunctionType) -> Callable[[str], Any]:
        """How names around `function` are found, with what is found noted."""
        find = lookup(function)

        def find_and_note(name: str) -> Any:
            value = find(name)
            self._note(function, name, lambda: find(name), value)
            return value

        return find_and_note

    def attribute(self, owner: Any, name: str) -> Any:
        """`owner.name`, noted."""
        value = getattr(owner, name)
        if not (isinstance(owner, types.ModuleType) and owner.__name__ in _FIXED_MODULES):
            self._note(owner, name, lambda: getattr(owner, name), value)
        return value

    def _note(self, source: Any, name: str, look: Callable[[], Any], value: Any) -> None:
        key = id(source), name
        if key not in self._seen:
            self._alive.append(source)
            self._seen[key] = look, snapshot(value)

    def changed(self) -> bool:
        """Whether any of it means something else by now."""
        for look, earlier in self._seen.values():
            try:
                now = look()
            except Exception:
                return True
            if snapshot(now) != earlier:
                return True
        return False


class _Itself:
    """An object that stands for itself; without a hash, since what it holds may change."""

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value


def snapshot(value: Any) -> Any:
    """What `value` holds now, to be compared with a later snapshot: numbers, arrays and containers by their contents and
    types, anything else as itself. It has a hash where all of it is known by its contents."""
    kind: Any = type(value)
    return _snapshot_of(kind)(value)


@functools.lru_cache(maxsize=1024)
def _snapshot_of(kind: type) -> Callable[[Any], Any]:
    """How values of a type are kept."""
    if kind in (bool, int, str, bytes, type(None)):
        return lambda value: (kind, value)
    if issubclass(kind, (Number, np.generic, range)) or hasattr(kind, "add_term"):
        return lambda value: (kind, repr(value))  # == of Hamiltonians ignores the order of terms, evolution does not
    if is_sum_of_qiskit(kind):
        return lambda value: (kind, repr(value.to_list()))
    if issubclass(kind, np.ndarray):
        return lambda value: (kind, value.dtype.str, value.shape, _content(value))
    if issubclass(kind, types.FunctionType):
        return _of_function
    if issubclass(kind, functools.partial):
        return lambda value: (kind, snapshot(value.func), snapshot(value.args), snapshot(value.keywords))
    if issubclass(kind, (types.MethodType, types.BuiltinMethodType)):
        return lambda value: (kind, value.__name__, snapshot(getattr(value, "__func__", None)), _Itself(value.__self__))
    if issubclass(kind, Mapping):
        return lambda value: (kind, tuple((snapshot(key), snapshot(entry)) for key, entry in value.items()))
    if issubclass(kind, (Sequence, Set)) and not issubclass(kind, str):
        return lambda value: (kind, tuple(map(snapshot, value)))  # of a set too in its order, since loops run in it
    if hasattr(kind, "detach") and hasattr(kind, "tolist"):
        return lambda value: (kind, str(value.dtype), tuple(value.shape), repr(value.tolist()))
    return _Itself


_under_way: ContextVar[frozenset[int]] = ContextVar("functions whose defaults are being read", default=frozenset())


def _of_function(function: types.FunctionType) -> Any:
    """A function as itself, its code and what its defaults hold; a function that its own defaults reach, as itself."""
    made_by = getattr(function, "_partialmethod", None) or getattr(function, "__partialmethod__", None)
    if isinstance(made_by, functools.partialmethod):  # its class gives another function each time
        return snapshot((made_by.func, made_by.args, made_by.keywords))
    outer = _under_way.get()
    if id(function) in outer:
        return _Itself(function)
    token = _under_way.set(outer | {id(function)})
    try:
        return _Itself(function), _Itself(function.__code__), snapshot(_defaults(function))
    finally:
        _under_way.reset(token)


def _defaults(function: types.FunctionType) -> tuple[Any, ...]:
    """The values of a function's arguments that a call may leave out."""
    return *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).items()


def _content(array: np.ndarray[Any, Any]) -> Any:
    return snapshot(array.tolist()) if array.dtype.hasobject else array.tobytes()
