"""Values of which there is one of each: what is made alike is the same object, so that `is` compares whole trees."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import RLock
from typing import Any, ClassVar, Self
from weakref import ref

_FEWEST = 1 << 14

_new = object.__new__
_table: dict[tuple[Any, ...], ref[Any]] = {}
_most = _FEWEST
_lock = RLock()
"""Held where an entry is replaced or taken out; new ones go in by `setdefault`, which no thread can come between."""


def _renew() -> None:
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)  # another thread of the parent may have held it


class Interned:
    """An immutable value. `__new__` of each class asks for the one that is `known` by its key, or else has it `made`.

    A key tells types and bits apart; interned values stand in it by themselves or by their `id`, which nothing else can
    take as long as what they are part of lives.
    """

    __slots__ = ("__weakref__",)
    __match_args__: ClassVar[tuple[str, ...]] = ()
    _setters: ClassVar[tuple[Callable[[Any, Any], None], ...]] = ()

    def __init_subclass__(cls) -> None:
        """The slots that `made` fills are those with annotations; others wait for what is worked out later."""
        names = (name for name in cls.__dict__.get("__slots__", ()) if name in cls.__annotations__)
        cls._setters += tuple(cls.__dict__[name].__set__ for name in names)

    @classmethod
    def known(cls, key: tuple[Any, ...]) -> Self | None:
        """The value that was made with this key, as long as somebody holds it."""
        found = _table.get(key)
        return None if found is None else found()

    @classmethod
    def made(cls, key: tuple[Any, ...], *fields: Any) -> Self:
        """A new value with these fields, in the order of the slots; or the one that another thread made meanwhile."""
        value = _new(cls)
        for put, field in zip(cls._setters, fields):  # noqa: B905
            put(value, field)
        own = ref(value)
        held = _table.setdefault(key, own)
        if held is not own and (other := _settled(key, own)) is not value:
            return other  # type: ignore[no-any-return]
        if len(_table) > _most:
            _sweep()
        return value

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__match_args__)


def _settled(key: tuple[Any, ...], own: ref[Any]) -> Any:
    """What the table holds at `key`, which was taken: another thread's value, or that of `own` in place of a dead one."""
    with _lock:
        if (held := _table.get(key)) is not None and (other := held()) is not None:
            return other
        _table[key] = own
        return own()


def _sweep() -> None:
    """Forget what nobody holds any more."""
    global _most
    with _lock:
        for key, value in _table.copy().items():  # in one step, which no other thread comes between
            if value() is None and _table.get(key) is value:
                del _table[key]
        _most = max(_FEWEST, 2 * len(_table))
