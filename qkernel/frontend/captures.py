"""What a kernel read from around it, remembered so that a changed capture is noticed."""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable
from typing import Any

import numpy as np

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

    def noting(self, find: Callable[[str], Any]) -> Callable[[str], Any]:
        """`find`, which looks a name up, with what it finds noted."""

        def find_and_note(name: str) -> Any:
            value = find(name)
            self._note(find, name, lambda: find(name), value)
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
            self._seen[key] = look, _copy(value)

    def changed(self) -> bool:
        """Whether any of it means something else by now."""
        for look, copy in self._seen.values():
            try:
                now = look()
            except (NameError, AttributeError):
                return True
            if not _same(now, copy):
                return True
        return False


def _copy(value: Any) -> Any:
    """A copy of data that may be changed in place; other objects stand for themselves."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(map(_copy, value))
    if type(value) is dict:
        return {key: _copy(entry) for key, entry in value.items()}
    if hasattr(type(value), "add_term"):
        return repr(value)  # == ignores the order of terms, evolution does not
    return value


def _same(now: Any, copy: Any) -> bool:
    if now is copy:
        return True
    if isinstance(now, np.ndarray):
        return isinstance(copy, np.ndarray) and now.dtype == copy.dtype and np.array_equal(now, copy)
    if hasattr(type(now), "add_term"):
        return bool(repr(now) == copy)
    if type(now) is not type(copy):
        return False
    if isinstance(now, (bool, int, float, complex, str, types.MethodType, types.BuiltinMethodType)):
        return bool(now == copy)
    if isinstance(now, (list, tuple)):
        return len(now) == len(copy) and all(map(_same, now, copy))
    if isinstance(now, dict):
        return list(now) == list(copy) and all(_same(entry, copy[key]) for key, entry in now.items())
    return False
