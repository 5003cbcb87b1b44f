"""What a kernel read from around it, remembered so that a changed capture is noticed."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np


class Captures:
    """Names that a trace looked up in the closure and the globals, with what they meant then."""

    def __init__(self, find: Callable[[str], Any]) -> None:
        self._find = find
        self._seen: dict[str, tuple[Any, Any]] = {}

    def note(self, name: str, value: Any) -> None:
        self._seen[name] = value, _copy(value)

    def changed(self) -> bool:
        """Whether any of the names means something else by now."""
        for name, (value, copy) in self._seen.items():
            try:
                now = self._find(name)
            except NameError:
                return True
            if now is not value or not _same(now, copy):
                return True
        return False


def _copy(value: Any) -> Any:
    """A copy of data that may be changed in place; other objects stand for themselves."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (list, tuple)):
        return type(value)(map(_copy, value)) if type(value) in (list, tuple) else value
    if type(value) is dict:
        return {key: _copy(entry) for key, entry in value.items()}
    if hasattr(value, "add_term"):
        return repr(value)  # == ignores the order of terms, evolution does not
    return value


def _same(now: Any, copy: Any) -> bool:
    if now is copy or isinstance(now, types.ModuleType):
        return True
    if isinstance(now, np.ndarray):
        return now.dtype == copy.dtype and np.array_equal(now, copy)
    if type(now) in (list, tuple):
        return len(now) == len(copy) and all(map(_same, now, copy))
    if type(now) is dict:
        return list(now) == list(copy) and all(_same(entry, copy[key]) for key, entry in now.items())
    if hasattr(now, "add_term"):
        return bool(repr(now) == copy)
    return False
