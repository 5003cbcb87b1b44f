"""The words and signs of the text form, shared by the printer and the parser."""

from __future__ import annotations

import keyword
import re

from qkernel.ir.operators import OPERATORS
from qkernel.ir.types import ARRAYS

VERSION = 1
HEADER = "qkernel"
MAX_TEXT_SIZE = 8_000_000
"""Characters in a text."""
MAX_NAME_LENGTH = 500

PRECEDENCE = (
    {"select": 0, "or": 1, "and": 2, "not": 3}
    | dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 4)
    | {"^": 5, "&": 6, "+": 7, "-": 7, "*": 8, "/": 8, "//": 8, "%": 8, "neg": 9, "**": 10}
)
"""How tightly an operator binds, as in Python."""
LEFT_ASSOCIATIVE = frozenset({"or", "and", "^", "&", "+", "-", "*", "/", "//", "%"})
ATOM = 11

FUNCTIONS = frozenset(OPERATORS) - frozenset(PRECEDENCE)
_ONE_OPERAND = FUNCTIONS - {"min", "max", "atan2", "fixed", "gcd", "pow", "matched"} | {"neg", "not"}
OPERANDS = {name: 3 if name in ("select", "pow") else 1 if name in _ONE_OPERAND else 2 for name in OPERATORS}
"""How many operands an operator takes."""
KINDS = ("kernel", "composite", "oracle")
COSTS = ("t", "toffoli", "qubits")
"""What the cost of an oracle can be given in: T gates, Toffoli gates, qubits that it takes and gives back in 0."""
KEYWORDS = frozenset(keyword.kwlist) | {"carrying", "next", "join", "inf", "nan", "Tuple", "Dict", *ARRAYS}
"""Words that a value, register or function can go by only in backticks."""


_WORD = re.compile(r"[^\W\d]\w*(?:\.\w+)*")


def name_text(name: str) -> str:
    """The name of a value or register, in backticks if it is no plain word or has a meaning of its own."""
    return name if _WORD.fullmatch(name) and name not in KEYWORDS else f"`{name}`"
