"""Circuits that branch as instructions under conditions, for packages whose gates can be conditioned on outcomes.

Each measurement makes a record of its own, so that a condition stays what it was where a bit is measured again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel.diagnostics import Span
from qkernel.errors import TargetCapabilityError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Apply, Const, Expr, Item, SystemName, apply
from qkernel.lower.circuit import BITS, Assign, Body, Branch, Circuit, Instruction, Repeat, Run, bit
from qkernel.lower.truth_tables import formula

Array = np.ndarray[Any, Any]
_ON_THE_BUILT_IN = 'run it on the built-in engine: `engine="native"`'


@dataclass(frozen=True, slots=True)
class Step:
    """An instruction that takes effect where `condition`, an expression over records, holds (None: always).

    Record k stands in conditions as `bit(k)` does; a measurement makes the next one.
    """

    instruction: Instruction
    condition: Expr | None = None


@dataclass(frozen=True)
class Predicated:
    """A circuit without branches: `steps`, and what the circuit's bits are in the end, `True`, `False` or of records."""

    steps: tuple[Step, ...]
    num_records: int
    bits: tuple[Any, ...]

    def memory(self, records: Array) -> Array:
        """What shots leave, uint8 of shape (shots, bits), of their records, bool of shape (shots, records)."""
        columns = list(records.T)
        result = np.zeros((len(records), len(self.bits)), np.uint8)
        for k, value in enumerate(self.bits):
            result[:, k] = evaluate(value, {BITS.key: columns}) if isinstance(value, Expr) else value
        return result


def predicated(circuit: Circuit, package: str) -> Predicated:
    """`circuit`, without releases, for a package that has conditions and no run-time control flow else.

    Raises `TargetCapabilityError` for loops on measured bits, integers, and measurements and resets in branches.
    """
    writer = _Writer(circuit.without_releases, package)
    steps = tuple(writer.steps(writer.circuit.body, None))
    return Predicated(steps, writer.num_records, tuple(writer.bits))


def record_of(value: Expr) -> int | None:
    """The record that `value` is, if it is one alone."""
    match value:
        case Item(SystemName(), (Const(int(k)),)):
            return k
    return None


def polynomial(value: Expr, outcome: Callable[[int], Any]) -> Any:
    """A condition over records, whose outcomes are numbers 0 and 1, as a polynomial of these."""
    return _polynomial(formula(value), outcome)


def _polynomial(value: Expr, outcome: Callable[[int], Any]) -> Any:
    match value:
        case Const(known):
            return int(known)
        case Item(_, (Const(int(record)),)):
            return outcome(record)
        case Apply("not", (operand,)):
            return 1 - _polynomial(operand, outcome)
        case Apply(operator, operands):
            left, right = (_polynomial(operand, outcome) for operand in operands)
            both = left * right
            return both if operator == "and" else left + right - (2 if operator == "^" else 1) * both
    raise AssertionError(value)


class _Writer:
    """`bits` are the present values of the circuit's bits, in records."""

    def __init__(self, circuit: Circuit, package: str) -> None:
        self.circuit, self.package = circuit, package
        self.bits: list[Any] = [False] * circuit.num_bits
        self.num_records = 0

    def steps(self, body: Body, condition: Expr | None) -> Iterator[Step]:
        for part in body:
            match part:
                case Run():
                    yield from self.run(part, condition)
                case Assign(_, value):
                    self.assign(part, self.value(value), condition)
                case Branch(test, then, otherwise):
                    known = self.value(test)
                    for inner, held in ((then, known), (otherwise, apply("not", known))):
                        if isinstance(held, Const):
                            held = held.value
                        if held is not False:
                            yield from self.steps(inner, _both(condition, None if held is True else held))
                case Repeat():
                    raise self.refused("loops on measured bits", part.span)

    def run(self, run: Run, condition: Expr | None) -> Iterator[Step]:
        for instruction in self.circuit.instructions(run):
            if condition is not None and instruction.kind.name in ("measure", "reset"):
                raise self.refused("measures or resets qubits in a branch", instruction.span)
            yield Step(instruction, condition)
            if instruction.bits:
                self.bits[instruction.bits[0]] = bit(self.num_records)
                self.num_records += 1

    def assign(self, part: Assign, value: Any, condition: Expr | None) -> None:
        key, number = part.variable
        if key != BITS.key:
            raise self.refused("counts at run time", part.span)
        self.bits[number] = value if condition is None else apply("select", condition, value, self.bits[number])

    def value(self, expression: Expr) -> Any:
        """An expression over bits as one over records, or a known truth value."""
        found = evaluate(expression, {BITS.key: self.bits})
        return found if isinstance(found, Expr) else bool(found)

    def refused(self, what: str, span: Span | None) -> TargetCapabilityError:
        return TargetCapabilityError(
            f"`{self.circuit.name}` {what}, which circuits of {self.package} cannot say", span=span, help=_ON_THE_BUILT_IN
        )


def _both(outer: Expr | None, inner: Expr | None) -> Expr | None:
    return inner if outer is None else outer if inner is None else apply("and", outer, inner)
