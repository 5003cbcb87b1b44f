"""The text of a symbol, as f-strings and `str` make it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qkernel.ir.expressions import SymbolUse, asked_outside

if TYPE_CHECKING:
    from qkernel.ir.expressions import Expr


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

    def __hash__(self) -> int:
        self._refuse("a key of Python data")
        return str.__hash__(self)

    def __len__(self) -> int:
        self._refuse("the length of its text")
        return str.__len__(self)

    def __contains__(self, part: Any) -> bool:
        self._refuse("a search in its text")
        return str.__contains__(self, part)

    def __add__(self, other: str) -> SymbolText:
        return SymbolText(str.__add__(self, other), self.symbol)

    def __radd__(self, other: str) -> SymbolText:
        return SymbolText(str.__add__(other, self), self.symbol)
