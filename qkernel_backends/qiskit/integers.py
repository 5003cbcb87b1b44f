"""Integer variables as bits, which Qiskit's targets get instead: where one is stored Aer 0.18 aborts the process.

Two's complement, least significant bit first. Sums are added digit by digit, with bits of their own for the carries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

from qkernel.diagnostics import Span
from qkernel.ir.expressions import ZERO, Apply, Const, Expr, Item, apply
from qkernel.ir.trees import system_names
from qkernel.ir.types import BIT, UINT
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Body, Branch, Circuit, Repeat, Run, at_once, bit, variables_read
from qkernel.lower.integers import size_of

Write = Callable[[Expr], Expr]
"""Gives an expression that is used several times a bit of its own, or leaves it as it is."""

_OFF = Const(False)


def with_bits_for_integers(circuit: Circuit) -> Circuit:
    """`circuit` without integers: the bits behind its own hold them as `Circuit.packed` has them, further ones the carries.

    Its outputs are not kept.
    """
    if not circuit.integers:
        return circuit
    places, first = [], circuit.num_bits
    for variable in circuit.integers:
        places.append(range(first, first + variable.width))
        first += variable.width
    lowering = _Lowering(circuit, tuple(places), first)
    body = lowering.body(circuit.body)
    return replace(circuit, num_bits=lowering.num_bits, body=body, outputs=(), integers=())


@dataclass
class _Lowering:
    """`places` are the bits of each integer; `num_bits` counts all bits so far."""

    circuit: Circuit
    places: tuple[range, ...]
    num_bits: int

    def body(self, body: Body) -> Body:
        made: list[Run | Branch | Repeat | Assign] = []
        for part in body:
            match part:
                case Branch(condition, then, otherwise, span):
                    tested, own = self.condition(condition, span)
                    made += [*own, Branch(tested, self.body(then), self.body(otherwise), span)]
                case Repeat(condition, inner, span):
                    tested, own = self.condition(condition, span)
                    made += [*own, Repeat(tested, (*self.body(inner), *own), span)]
                case Assign():
                    made += self.assign(part)
                case _:
                    made.append(part)
        return tuple(made)

    def fresh(self) -> Item:
        self.num_bits += 1
        return bit(self.num_bits - 1)

    def writer(self, span: Span | None) -> tuple[list[Assign], Write]:
        """What is used often, as bits of its own, and how it is written there."""
        own: list[Assign] = []

        def write(expr: Expr) -> Expr:
            if isinstance(expr, (Const, Item)):
                return expr
            own.append(Assign(self.fresh(), expr, span))
            return own[-1].target

        return own, write

    def condition(self, condition: Expr, span: Span | None) -> tuple[Expr, list[Assign]]:
        """A condition over bits, and what is to be assigned before it is asked."""
        own, write = self.writer(span)
        return self.tested(condition, write), own

    def assign(self, part: Assign) -> list[Assign]:
        own, write = self.writer(part.span)
        key, number = part.variable
        if key == BITS.key:
            value = self.tested(part.value, write)
            return [*own, replace(part, value=value)]
        place = self.places[number]
        written = dict(zip(map(bit, place), self.digits(part.value, len(place), write), strict=True))
        return [*own, *at_once(written, lambda _: self.fresh(), part.span)]

    def tested(self, expr: Expr, write: Write) -> Expr:
        """`expr`, which is a bit, over bits alone; comparisons of whole numbers digit by digit."""
        if INTEGERS.key not in system_names(expr):
            return expr
        match expr:
            case Apply("and" | "or" | "^" | "not" as name, operands):
                return apply(name, *(self.tested(operand, write) for operand in operands))
            case Apply("==" | "!=" | "<" | "<=" | ">" | ">=" as name, (left, right)) if left.type == right.type == UINT:
                sizes = size_of(left, self.circuit.integers), size_of(right, self.circuit.integers)
                if None not in sizes:
                    return self.compared(name, left, right, sum(sizes).bit_length() + 1, write)  # type: ignore[arg-type]
        return self.expanded(expr)

    def compared(self, name: str, left: Expr, right: Expr, count: int, write: Write) -> Expr:
        """A comparison of numbers whose difference has `count` digits."""
        if name in ("==", "!="):
            sides = (self.digits(side, count, write) for side in (left, right))
            differs = reduce(lambda one, other: apply("or", one, other), map(_exclusive, *sides))
            return differs if name == "!=" else apply("not", differs)
        smaller = (left, right) if name in ("<", ">=") else (right, left)
        negative = self.digits(Apply("-", smaller), count, write)[-1]
        return negative if name in ("<", ">") else apply("not", negative)

    def digits(self, expr: Expr, count: int, write: Write) -> list[Expr]:
        """`count` bits of a whole number or bit, as expressions over bits."""
        match expr:
            case Const(value):
                return [Const(bool(int(value) >> k & 1)) for k in range(count)]
            case Item(base, (Const(int(k)),)) if base is INTEGERS:
                kept: list[Expr] = list(map(bit, self.places[k]))
                return (kept + kept[-1:] * count)[:count]
            case Apply("uint", (operand,)):
                return self.digits(operand, count, write)
            case Apply("+", (first, *others)):
                total = self.digits(first, count, write)
                for other in others:
                    total = _sum(total, self.digits(other, count, write), _OFF, write)
                return total
            case Apply("-", (left, right)):
                inverted = [apply("not", digit) for digit in self.digits(right, count, write)]
                return _sum(self.digits(left, count, write), inverted, Const(True), write)
            case Apply("neg", (operand,)):
                return self.digits(Apply("-", (ZERO, operand)), count, write)
            case Apply("*", (operand, Const(int(factor)))) if factor >= 0:
                own, total = [write(digit) for digit in self.digits(operand, count, write)], [_OFF] * count
                for k in range(factor.bit_length()):
                    if factor >> k & 1:
                        total = _sum(total, [*([_OFF] * k), *own][:count], _OFF, write)
                return total
            case Apply("select", (condition, left, right)):
                chosen = write(self.tested(condition, write))
                pairs = zip(self.digits(left, count, write), self.digits(right, count, write), strict=True)
                return [_mux(chosen, *pair) for pair in pairs]
            case Apply("min" | "max" as name, (left, right)):
                test = Apply("<" if name == "min" else ">", (left, right))
                return self.digits(Apply("select", (test, left, right)), count, write)
        if expr.type == BIT:
            return [self.tested(expr, write), *([_OFF] * (count - 1))]
        value = self.expanded(expr)
        return [apply("==", apply("%", apply("//", value, 1 << k), 2), 1) for k in range(count)]

    def expanded(self, expr: Expr) -> Expr:
        """`expr` with each integer as a sum over its bits."""
        if isinstance(expr, Item) and expr.base is INTEGERS:
            ((_, number),) = variables_read(expr)
            *low, sign = self.places[number]
            total = apply("select", bit(sign), -(1 << len(low)), ZERO)
            for k, place in enumerate(low):
                total = Apply("+", (total, apply("select", bit(place), 1 << k, ZERO)))
            return total
        return expr.rebuilt([*map(self.expanded, expr.children)]) if INTEGERS.key in system_names(expr) else expr


def _sum(left: list[Expr], right: list[Expr], carry: Expr, write: Write) -> list[Expr]:
    """Two numbers added, digit by digit."""
    result: list[Expr] = []
    for first, second in zip(map(write, left), map(write, right), strict=True):
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
