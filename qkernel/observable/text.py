"""Sums of Pauli products as text, written and read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from qkernel.errors import ObservableError
from qkernel.observable.paulis import Operators, Pauli, PauliOperator

_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SIGN = re.compile(r"\s*([+-])\s*")
_FACTOR = re.compile(
    rf"\s*(?:(?P<pauli>[IXYZ])(?P<index>\d{{1,9}})|(?P<number>{_NUMBER}j?)|\((?P<pair>-?{_NUMBER}[+-]{_NUMBER}j)\))\s*",
    re.ASCII,
)


def read_sum(text: str) -> Iterator[tuple[Operators, complex]]:
    """The operators and the coefficient of each term of a sum such as `0.5*Z0*Z1 - X2 + 1`."""
    position = 0
    while True:
        coefficient: complex = 1.0
        if sign := _SIGN.match(text, position):
            coefficient, position = (-1.0 if sign[1] == "-" else 1.0), sign.end()
        operators: list[PauliOperator] = []
        while True:
            factor = _FACTOR.match(text, position)
            if factor is None:
                raise _unreadable(text, position, "a Pauli with its qubit such as `Z0`, or a number, should stand here")
            position = factor.end()
            if factor["pauli"]:
                operators.append(PauliOperator(Pauli(factor["pauli"]), int(factor["index"])))
            else:
                coefficient *= complex(factor["number"] or factor["pair"])
            if not text.startswith("*", position):
                break
            position += 1
        yield tuple(operators), coefficient
        if position == len(text):
            return
        if text[position] not in "+-":
            raise _unreadable(text, position, "`+`, `-` or `*` should stand here")


def _unreadable(text: str, position: int, expected: str) -> ObservableError:
    position += len(text) - len(text[position:].lstrip()) - position
    caret = " " * position
    return ObservableError(
        "this text is not a sum of Pauli products",
        label=f"{text}\n{caret}^ {expected}",
        help="write it like `0.5*Z0*Z1 - X2 + 1`",
    )


def write_sum(
    terms: Mapping[Operators, float | complex], constant: float | complex, times: str, letter: Callable[[PauliOperator], str]
) -> str:
    """The sum as text, its factors joined by `times`."""
    text = ""
    rest: list[tuple[Operators, float | complex]] = [((), constant)] if constant or not terms else []
    for operators, coefficient in [*terms.items(), *rest]:
        number = repr(coefficient).removesuffix(".0")
        sign, number = ("-", number[1:]) if number.startswith("-") else ("+", number)
        factors = ([] if number == "1" and operators else [number]) + [letter(operator) for operator in operators]
        text += (f" {sign} " if text else sign.strip("+")) + times.join(factors)
    return text
