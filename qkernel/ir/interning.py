"""Values of which there is one of each: what is made alike is the same object, so that `is` compares whole trees."""

from __future__ import annotations

import os
from threading import RLock
from typing import Any, ClassVar, Self, TypeVar
from weakref import ref

Made = TypeVar("Made", bound="Interned")

_FEWEST = 1 << 14

new = object.__new__
_table: dict[Any, ref[Any]] = {}
_most = _FEWEST
_lock = RLock()
"""Held where an entry is replaced or taken out; new ones go in by `setdefault`, which no thread can come between."""


def _renew() -> None:
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)  # another thread of the parent may have held it


class Interned:
    """An immutable value. `__new__` of each class asks for the one that is `existing` by its key, or else has a draft `made`.

    A key tells types and bits apart; interned values stand in it by themselves or by their `id`, which nothing else can
    take as long as what they are part of lives.
    """

    __slots__ = ("__weakref__",)
    __match_args__: ClassVar[tuple[str, ...]] = ()
    draft: ClassVar[type[Any]]
    """The class of a value while its fields are set."""

    def __init_subclass__(cls, is_draft: bool = False) -> None:
        if not is_draft:
            settable = {"__slots__": (), "__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
            cls.draft = type(cls.__name__, (cls,), settable, is_draft=True)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__match_args__)


def existing(cls: type[Made], key: Any) -> Made | None:
    """The value that was made with this key, as long as somebody holds it."""
    found = _table.get(key)
    return None if found is None else found()


def made(cls: type[Made], key: Any, draft: Any) -> Made:
    """What `draft` was filled with, as the value of this key; or the one that another thread made meanwhile."""
    draft.__class__ = cls
    own = ref(draft)
    held = _table.setdefault(key, own)
    if held is not own and (other := _settled(key, own)) is not draft:
        return other  # type: ignore[no-any-return]
    if len(_table) > _most:
        _sweep()
    return draft  # type: ignore[no-any-return]


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
