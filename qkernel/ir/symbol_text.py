"""The text of a symbol, as f-strings, `str`, `format` and `%` make it."""

from __future__ import annotations

from typing import Any

from qkernel.ir.askers import asked_outside
from qkernel.ir.expressions import Expr, SymbolUse


class SymbolText(str):
    """Good for names and messages. It shows the symbol and not its value, so the user's Python cannot compare or measure it."""

    __slots__ = ("symbol",)
    symbol: Expr

    def __new__(cls, text: str, symbol: Expr) -> SymbolText:
        made = super().__new__(cls, text)
        made.symbol = symbol
        return made

    def _refuse(self, use: str) -> None:
        if asked_outside(3):
            raise SymbolUse(self.symbol, use)

    def __eq__(self, other: object) -> bool:
        self._refuse("a comparison of its text")
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        self._refuse("a comparison of its text")
        return str.__ne__(self, other)

    def __lt__(self, other: str) -> bool:
        self._refuse("a comparison of its text")
        return str.__lt__(self, other)

    def __le__(self, other: str) -> bool:
        self._refuse("a comparison of its text")
        return str.__le__(self, other)

    def __gt__(self, other: str) -> bool:
        self._refuse("a comparison of its text")
        return str.__gt__(self, other)

    def __ge__(self, other: str) -> bool:
        self._refuse("a comparison of its text")
        return str.__ge__(self, other)

    def __hash__(self) -> int:
        self._refuse("a key of Python data")
        return str.__hash__(self)

    def __len__(self) -> int:
        self._refuse("the length of its text")
        return str.__len__(self)

    def __contains__(self, part: Any) -> bool:
        self._refuse("a search in its text")
        return str.__contains__(self, part)

    def __getitem__(self, key: Any) -> str:
        self._refuse("a part of its text")
        return str.__getitem__(self, key)

    def __iter__(self) -> Any:
        self._refuse("a part of its text")
        return str.__iter__(self)

    def __add__(self, other: str) -> SymbolText:
        return SymbolText(str.__add__(self, other), self.symbol)

    def __radd__(self, other: str) -> SymbolText:
        return SymbolText(str.__add__(other, self), self.symbol)


def symbol_in(value: Any) -> Expr | None:
    """A symbol that is in `value`, or whose text is; also in lists, tuples, sets and dictionaries."""
    match value:
        case Expr():
            return value
        case SymbolText():
            return value.symbol
        case dict():
            return symbol_in([*value, *value.values()])
        case list() | tuple() | set() | frozenset():
            return next((symbol for entry in value if (symbol := symbol_in(entry)) is not None), None)
    return None


def text_about(symbol: Expr, result: Any, use: str) -> SymbolText:
    """What Python made of the text of `symbol`: another text, or by `use` an answer that the value would give."""
    if isinstance(result, str):
        return SymbolText(result, symbol)
    raise SymbolUse(symbol, use)
