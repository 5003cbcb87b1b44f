"""Whole numbers that a run-time loop carries: signed integer variables of the circuit, as wide as their bounds ask.

A number may grow by a bounded step in each of up to 131,072 iterations of a loop; one that may grow faster is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from qkernel.ir.expressions import Apply, Const, Expr, Item, Pack
from qkernel.ir.types import BIT, UINT
from qkernel.lower.circuit import INTEGERS, IntegerVariable, integer, variables_read

_ROUNDS = 1 << 17
"""The most iterations of a loop; our engines stop before that."""

_NARROWEST, _WIDEST = 32, 64
"""Widths of variables, in bits: a loop of one's steps has room for 2**31 iterations, which machines do not count."""

Growth = tuple[int, int]
"""(a, b): at most a times the largest number that the loops under way carry, plus b."""


class Integers:
    """The integer variables of a circuit so far, and how large each may become."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._growths: list[Growth] = []

    def __len__(self) -> int:
        return len(self._growths)

    @property
    def variables(self) -> tuple[IntegerVariable, ...]:
        """All of them, once no loop is under way."""
        widths = (max(_NARROWEST, largest.bit_length() + 1) for _, largest in self._growths)
        return tuple(map(IntegerVariable, self._names, widths))

    def declare(self, name: str, growth: Growth = (1, 0)) -> Item:
        """A new variable, for a number of a loop that begins."""
        self._names.append(name)
        self._growths.append(growth)
        return integer(len(self) - 1)

    def like(self, number: Item) -> Item:
        """A new variable, for what may become as large as `number`."""
        ((_, k),) = variables_read(number)
        return self.declare(self._names[k], self._growths[k])

    def close(self, carried: Sequence[tuple[Item, Expr, Expr]], first: int, is_inner: bool) -> Item | None:
        """End a loop that carries these variables, each with its value before and after an iteration.

        The loop's own variables and those within it are numbered from `first` on. Gives one that no width may suffice for,
        if there is one.
        """
        largest = 0
        for variable, start, end in carried:
            before, step = (growth(value, self._growths.__getitem__) for value in (start, end))
            if before is None or step is None or max(before[0], step[0]) > 1:
                return variable
            largest = max(largest, before[1] + _ROUNDS * step[1])
            if largest >> (_WIDEST - 2):
                return variable
        for k in range(first, len(self._growths)):
            most = largest + self._growths[k][1]
            if most >> (_WIDEST - 1):
                return carried[0][0]
            self._growths[k] = int(is_inner), most
        return None


def growth(expr: Expr, variable: Callable[[int], Growth]) -> Growth | None:
    """A bound of the size of a whole number or bit, where its form shows one; `variable` has those of the integers."""
    match expr:
        case Const(value):
            return 0, abs(int(value))
        case Item(base, (Const(int(k)),)) if base is INTEGERS:
            return variable(k)
        case Item(Pack(items), _):
            return _combined(max, (growth(item, variable) for item in items))
        case Apply("uint", (operand,)):
            return growth(operand, variable)
        case Apply("%", (_, Const(value))):
            return 0, abs(value)
        case Apply("neg", (operand,)):
            return growth(operand, variable)
        case Apply("*", (operand, Const(factor))) if (inner := growth(operand, variable)) is not None:
            return inner[0] * abs(factor), inner[1] * abs(factor)
        case Apply("+" | "-", operands):
            return _combined(sum, (growth(operand, variable) for operand in operands))
        case Apply("min" | "max", operands) | Apply("select", (_, *operands)):
            return _combined(max, (growth(operand, variable) for operand in operands))
    return (0, 1) if expr.type == BIT else None


def _combined(how: Callable[[Iterable[int]], int], parts: Iterable[Growth | None]) -> Growth | None:
    found = list(parts)
    known = [part for part in found if part is not None]
    return (how(a for a, _ in known), how(b for _, b in known)) if len(known) == len(found) else None


def size_of(expr: Expr, integers: Sequence[IntegerVariable]) -> int | None:
    """The largest size of a whole number or bit over the bits and `integers` of a circuit, where its form shows one."""
    found = growth(expr, lambda k: (0, 1 << (integers[k].width - 1)))
    return None if found is None else found[1]


def fits_words(expr: Expr, integers: Sequence[IntegerVariable]) -> bool:
    """Whether every whole number on the way to the value of `expr` surely fits 64 bits."""
    if expr.type == UINT and isinstance(expr, Apply):
        size = size_of(expr, integers)
        if size is None or size >> 63:
            return False
    return all(fits_words(child, integers) for child in expr.children)
