"""How ops declare their fields: the annotation of a field says once what it is for.

Printer, reader, verifier and walker go over the fields that an op, or a part of one, declares, and know roles, not ops.
What a simple op looks like in the text form follows from that, too: `results = word(operands)`, or under modifiers
`results = inverse(word)(operands)`, with the operands in the order of their fields, a matrix before all others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from qkernel.ir.types import BIT, FLOAT, UINT, Type

NUMBERS: tuple[Type, ...] = (UINT, FLOAT, BIT)


class Role(Enum):
    """What a field is for, where there is no more to say."""

    WORD = auto()
    """The word that the op begins with."""
    RESULTS = auto()
    """Names of what a call gives back, or None for what is no new thing."""
    PLACE = auto()
    EACH_PLACE = auto()
    EACH_EXPRESSION = auto()
    EACH_VALUE = auto()
    """Places or expressions that are an operand each."""
    MATRIX = auto()
    BLOCK = auto()
    PARTS = auto()
    """One part of the op or several, such as modifiers, which declare fields of their own."""


@dataclass(frozen=True, slots=True)
class Defines:
    """The name of something that the op defines; `type` tells its type from the op."""

    type: Callable[[Any], Type]


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression, or None where it may be left out.

    It is of one of `types`, or of any type if there are none; messages call it `what`. With `keyword` it is written as
    `name=value`. One that is `inside` is computed where the blocks of the op are, from names that these define.
    """

    what: str = ""
    types: tuple[Type, ...] = ()
    keyword: bool = False
    inside: bool = False


EACH = (Role.EACH_PLACE, Role.EACH_EXPRESSION, Role.EACH_VALUE)
_OPERANDS = (Role.PLACE, *EACH)
Roles = tuple[tuple[str, Any], ...]
"""Names of fields, each with its `Role`, `Defines` or `Operand`."""


Words = Mapping[str, Mapping[str, object]]


class Declared:
    """An op, or a part of one."""

    __slots__ = ()

    words: ClassVar[Words] = {}
    """The words that it can be written with, each with the values of the fields that it stands for."""
    roles: ClassVar[Roles]
    written: ClassVar[Roles]
    """Its operands in the order in which they are written."""
    operand_fields: ClassVar[tuple[str, ...]]
    """Its fields with expressions and places, those of its parts first: controls before targets."""
    block_fields: ClassVar[tuple[str, ...]]
    result_fields: ClassVar[tuple[str, ...]]
    word_field: ClassVar[str | None]

    def __init_subclass__(cls, words: str | Words | None = None) -> None:
        if words is not None:  # a class with slots is made twice, the second time without
            cls.words = {words: {}} if isinstance(words, str) else words
        annotations = cls.__annotations__.items()
        cls.roles = tuple((name, role) for name, kind in annotations for role in getattr(kind, "__metadata__", ()))
        operands = [(name, role) for name, role in cls.roles if isinstance(role, Operand) or role in _OPERANDS]
        cls.written = (*((name, role) for name, role in cls.roles if role is Role.MATRIX), *operands)
        cls.operand_fields = (*cls._having(Role.PARTS), *(name for name, _ in operands))
        cls.block_fields = cls._having(Role.BLOCK)
        cls.result_fields = cls._having(Defines, Role.RESULTS)
        cls.word_field = next(iter(cls._having(Role.WORD)), None)

    @classmethod
    def _having(cls, *roles: Any) -> tuple[str, ...]:
        return tuple(name for name, role in cls.roles if role in roles or type(role) in roles)

    def spelling(self) -> tuple[str, Mapping[str, object]]:
        """The word that it is written with, and the fields that the word stands for."""
        if self.word_field is not None:
            word = getattr(self, self.word_field)
            return word, self.words.get(word, {})
        for word, meant in self.words.items():
            found = [(getattr(self, name), value) for name, value in meant.items()]
            if all(given is value if value is None else given == value for given, value in found):
                return word, meant
        raise ValueError(f"no word of the text form says {self!r}")
