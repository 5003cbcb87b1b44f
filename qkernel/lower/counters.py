"""Whole numbers that a run-time loop carries, in bits of the circuit: two's complement, least significant bit first.

While a kernel is lowered such a number is a symbol, written out over its bits where the circuit reads it. Its bits hold
every value that so many rounds can lead to; a number that may grow faster is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

from qkernel.ir.expressions import ZERO, Apply, Const, Expr, Item, Pack, apply
from qkernel.ir.ops import Block, While
from qkernel.ir.system_names import Key, SystemName
from qkernel.ir.trees import free_names, substitute, system_names
from qkernel.ir.types import BIT, UINT
from qkernel.ir.walk import blocks
from qkernel.lower.circuit import BITS, bit
from qkernel.lower.effort import INSTRUCTION, spend

_ROUNDS = 1 << 17
"""The most rounds of a loop; engines stop before that."""

_ROOM = 14
_COUNTER = "counter"
_WIDEST = 60
_OFF, _ON = Const(False), Const(True)

Growth = tuple[int, int]
"""(a, b): at most a times the largest number that the loops under way carry, plus b."""


def _is_run_time(key: Key) -> bool:
    """Whether a system name stands for measured bits, or a number held in bits."""
    return key == BITS.key or key.kind == _COUNTER


def reads_bits(expr: Expr) -> bool:
    """Whether an expression depends on measured bits."""
    return any(map(_is_run_time, system_names(expr)))


def reads_bits_only(expr: Expr) -> bool:
    """Whether an expression depends on nothing but measured bits."""
    return not free_names(expr) and all(map(_is_run_time, system_names(expr)))


def width(body: Block) -> int:
    """The number of bits for a number carried by a loop with this body."""
    return min(_WIDEST, _loops(body) * (_ROUNDS.bit_length() - 1) + _ROUNDS.bit_length() - 1 + _ROOM)


def _loops(body: Block) -> int:
    """How deep run-time loops nest in a block."""
    return max((isinstance(op, While) + max(map(_loops, blocks(op)), default=0) for op in body), default=0)


@dataclass(slots=True)
class _Counter:
    bits: range
    growth: Growth = (1, 0)


class Counters:
    """The numbers held in bits so far."""

    def __init__(self) -> None:
        self._counters: dict[Key, _Counter] = {}
        self._written: dict[Key, Expr] = {}

    def place(self, bits: range) -> SystemName:
        """A new number in these bits, of a loop that begins."""
        key = Key(_COUNTER, len(self._counters))
        self._counters[key] = _Counter(bits)
        *low, sign = bits
        total: Expr = apply("select", bit(sign), -(1 << len(low)), ZERO)
        for k, place in enumerate(low):
            total = Apply("+", (total, apply("select", bit(place), 1 << k, ZERO)))
        self._written[key] = total
        return SystemName(key, UINT)

    def bits(self, value: Any) -> range | None:
        """The bits of a number that was placed; None for any other value."""
        return self._counters[value.key].bits if isinstance(value, SystemName) and value.key in self._counters else None

    def close(
        self, placed: Sequence[SystemName], starts: Sequence[Expr], ends: Sequence[Expr], is_inner: bool
    ) -> SystemName | None:
        """A loop ends, each round of which makes `ends` of its numbers; gives one whose bits have no room for that, if any."""
        largest = 0
        for number, start, end in zip(placed, starts, ends, strict=True):
            first, step = self._growth(start), self._growth(end)
            if first is None or step is None or max(first[0], step[0]) > 1:
                return number
            largest = max(largest, first[1] + _ROUNDS * step[1])
            if largest >> (len(self._counters[number.key].bits) - 1):
                return number
        for number in placed:
            self._counters[number.key].growth = int(is_inner), largest
        return None

    def expand(self, expr: Expr) -> Expr:
        """`expr` over bits."""
        if not any(key.kind == _COUNTER for key in system_names(expr)):
            return expr
        return substitute(expr, self._written)

    def tested(self, expr: Expr) -> Expr:
        """`expr`, which is a bit, over bits; comparisons bit by bit."""
        if not any(key.kind == _COUNTER for key in system_names(expr)):
            return expr
        match expr:
            case Apply("and" | "or" | "^" | "not" as name, operands):
                return apply(name, *map(self.tested, operands))
            case Apply("==" | "!=" | "<" | "<=" | ">" | ">=" as name, (left, right)) if left.type == right.type == UINT:
                difference = apply("-", left, right)
                a, b = self._growth(difference) or (1 << _WIDEST, 0)
                digits = self.digits(difference, ((a << _WIDEST) + b).bit_length() + 1, lambda digit: digit)
                negative, nonzero = digits[-1], reduce(partial(apply, "or"), digits)
                positive = apply("and", apply("not", negative), nonzero)
                held = {"==": nonzero, "!=": nonzero, "<": negative, ">=": negative, ">": positive, "<=": positive}[name]
                return apply("not", held) if name in ("==", ">=", "<=") else held
        return self.expand(expr)

    def digits(self, expr: Expr, count: int, write: Callable[[Expr], Expr]) -> list[Expr]:
        """`count` bits of a whole number, as expressions over bits; `write` gives what is used often a bit of its own."""
        spend(INSTRUCTION * count)
        match expr:
            case Const(int(number)):
                return [Const(bool(number >> k & 1)) for k in range(count)]
            case SystemName(key) if key in self._counters:
                kept: list[Expr] = [bit(k) for k in self._counters[key].bits]
                return (kept + kept[-1:] * count)[:count]
            case Apply("uint", (operand,)) if operand.type == BIT:
                return [self.tested(operand), *(_OFF for _ in range(count - 1))]
            case Apply("+" | "-" as name, (left, right)):
                first, second = (list(map(write, self.digits(operand, count, write))) for operand in (left, right))
                if name == "-":
                    second = [apply("not", digit) for digit in second]
                return _sum(first, second, Const(name == "-"), write)
            case Apply("neg", (operand,)):
                return self.digits(Apply("-", (ZERO, operand)), count, write)
            case Apply("*", (operand, Const(int(factor)))) if factor >= 0:
                own, total = list(map(write, self.digits(operand, count, write))), self.digits(ZERO, count, write)
                for k in range(factor.bit_length()):
                    if factor >> k & 1:
                        total = list(map(write, _sum(total, [*(_OFF for _ in range(k)), *own][:count], _OFF, write)))
                return total
            case Apply("select", (condition, left, right)):
                chosen = write(self.tested(condition))
                pairs = zip(self.digits(left, count, write), self.digits(right, count, write), strict=True)
                return [_mux(chosen, *pair) for pair in pairs]
        value = self.expand(expr)
        return [apply("==", apply("%", apply("//", value, 1 << k), 2), 1) for k in range(count)]

    def _growth(self, expr: Expr) -> Growth | None:
        """A bound of the size of `expr`, where its form shows one."""
        match expr:
            case Const(value):
                return 0, abs(int(value))
            case SystemName(key) if key in self._counters:
                return self._counters[key].growth
            case Apply("uint", (operand,)) if operand.type == BIT:
                return 0, 1
            case Apply("%", (_, Const(value))):
                return 0, abs(value)
            case Apply("neg", (operand,)):
                return self._growth(operand)
            case Apply("*", (operand, Const(factor))) if (inner := self._growth(operand)) is not None:
                return inner[0] * abs(factor), inner[1] * abs(factor)
            case Apply("+" | "-", (left, right)):
                return _combined(sum, self._growth(left), self._growth(right))
            case Apply("min" | "max", (left, right)) | Apply("select", (_, left, right)):
                return _combined(max, self._growth(left), self._growth(right))
            case Item(Pack(items), _):
                return _combined(max, *map(self._growth, items))
        return None


def _combined(how: Callable[[Iterable[int]], int], *parts: Growth | None) -> Growth | None:
    known = [part for part in parts if part is not None]
    return (how(a for a, _ in known), how(b for _, b in known)) if len(known) == len(parts) else None


def _sum(left: list[Expr], right: list[Expr], carry: Expr, write: Callable[[Expr], Expr]) -> list[Expr]:
    """Two numbers added, digit by digit."""
    result = []
    for first, second in zip(left, right, strict=True):
        either = _exclusive(first, second)
        result.append(_exclusive(either, carry))
        carry = write(apply("or", apply("and", first, second), apply("and", carry, either)))
    return result


def _exclusive(left: Expr, right: Expr) -> Expr:
    if isinstance(left, Const):
        left, right = right, left
    if isinstance(right, Const):
        return apply("not", left) if right.value else left
    return apply("^", left, right)


def _mux(condition: Expr, left: Expr, right: Expr) -> Expr:
    if left is right:
        return left
    return apply("or", apply("and", condition, left), apply("and", apply("not", condition), right))
