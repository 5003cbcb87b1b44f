"""What was used lately, kept for the next time; a bounded number of it."""

from __future__ import annotations

import os
from threading import RLock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_lock = RLock()  # one for all, so that what has such a dictionary can be copied and pickled


def _renew() -> None:
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)  # another thread of the parent may have held it


class Recent(Generic[Key, Value]):
    """The `most` entries that were used last: a new one beyond them takes the place of the least recently used."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._entries: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Value | None:
        """The entry of `key`, now the most recently used; None if it is not there."""
        with _lock:
            if key not in self._entries:
                return None
            value = self._entries[key] = self._entries.pop(key)
            return value

    def values(self) -> list[Value]:
        """All entries, the most recently used last."""
        with _lock:
            return [*self._entries.values()]

    def clear(self) -> None:
        """Forget all."""
        with _lock:
            self._entries.clear()

    def keep(self, key: Key, value: Value) -> Value:
        """Keep `value` under `key` as the most recently used; gives it back."""
        with _lock:
            self._entries.pop(key, None)
            self._entries[key] = value
            while len(self._entries) > self.most:
                del self._entries[next(iter(self._entries))]
        return value
