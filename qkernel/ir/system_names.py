"""Names of values that the system makes, a kind of their own, so that none of them can meet a name of a user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from qkernel.ir.expressions import Expr
from qkernel.ir.interning import existing, made, new
from qkernel.ir.types import Type


class Key(NamedTuple):
    """What environments call a value that the system makes; a user's name is a string and never equals one."""

    kind: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind}_{self.number}"


@dataclass(frozen=True, slots=True, eq=False, init=False)
class SystemName(Expr):
    """A value that lowering or an engine makes: measured bits, read-outs, an element of an open argument."""

    key: Key
    type: Type

    def __new__(cls, key: Key, type: Type) -> SystemName:
        own = "SystemName", key, type
        if (found := existing(cls, own)) is not None:
            return found
        draft = new(cls.draft)
        draft.type, draft.key = type, key
        return made(cls, own, draft)
