"""OpenQASM texts run on basis states: all that they compute, with integers that wrap around at their width."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

import openqasm3
from openqasm3 import ast

_BINARY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "==": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge, "&&": operator.and_, "||": operator.or_, "^": operator.xor,
}  # fmt: skip


@dataclass(frozen=True)
class Integer:
    """A value of the type `int[width]`."""

    value: int
    width: int

    def __post_init__(self) -> None:
        half = 1 << (self.width - 1)
        object.__setattr__(self, "value", (self.value + half) % (2 * half) - half)


@dataclass
class Run:
    """A text that has run: its bits, its integers by name, and the state of each qubit."""

    bits: list[int] = field(default_factory=list)
    integers: dict[str, Integer] = field(default_factory=dict)
    qubits: dict[str, int] = field(default_factory=dict)

    def block(self, statements: Any) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, statement: Any) -> None:
        match statement:
            case ast.Include() | ast.QubitDeclaration():
                pass
            case ast.ClassicalDeclaration(type=ast.BitType(size=size)):
                self.bits = [0] * size.value
            case ast.ClassicalDeclaration(type=ast.IntType(size=size), identifier=name, init_expression=value):
                self.integers[name.name] = Integer(self.value(value).value, size.value)
            case ast.QuantumGate(name=ast.Identifier(name="x"), qubits=(qubit,)):
                self.qubits[text(qubit)] = 1 - self.qubits.get(text(qubit), 0)
            case ast.QuantumReset(qubits=qubit):
                self.qubits[text(qubit)] = 0
            case ast.QuantumMeasurementStatement(measure=measured, target=target):
                self.bits[index(target)] = self.qubits.get(text(measured.qubit), 0)
            case ast.ClassicalAssignment(lvalue=ast.Identifier(name=name), rvalue=value):
                self.integers[name] = Integer(self.value(value).value, self.integers[name].width)
            case ast.ClassicalAssignment(lvalue=target, rvalue=value):
                self.bits[index(target)] = int(self.value(value))
            case ast.WhileLoop(while_condition=condition, block=block):
                while self.value(condition):
                    self.block(block)
            case ast.BranchingStatement(condition=condition, if_block=then, else_block=otherwise):
                self.block(then if self.value(condition) else otherwise)
            case _:
                raise AssertionError(openqasm3.dumps(statement))

    def value(self, expression: Any) -> Any:
        """An `Integer` or a bool; a number that is written is as wide as it needs to be."""
        match expression:
            case ast.IntegerLiteral(value=number):
                return Integer(number, number.bit_length() + 1)
            case ast.BooleanLiteral(value=known):
                return known
            case ast.Identifier(name=name):
                return self.integers[name]
            case ast.IndexExpression():
                return bool(self.bits[index(expression)])
            case ast.Cast(type=ast.BoolType(), argument=inner):
                return bool(self.value(inner))
            case ast.Cast(type=ast.IntType(size=size), argument=inner):
                found = self.value(inner)
                return Integer(found.value if isinstance(found, Integer) else int(found), size.value)
            case ast.UnaryExpression(op=sign, expression=inner):
                found = self.value(inner)
                return not found if sign.name == "!" else Integer(-found.value, found.width)
            case ast.BinaryExpression(op=sign, lhs=left, rhs=right):
                one, other = self.value(left), self.value(right)
                if not isinstance(one, Integer):
                    return _BINARY[sign.name](one, other)
                found = _BINARY[sign.name](one.value, other.value)
                return found if isinstance(found, bool) else Integer(found, max(one.width, other.width))
        raise AssertionError(openqasm3.dumps(expression))


def text(qubit: Any) -> str:
    return openqasm3.dumps(qubit)


def index(bit: Any) -> int:
    indices = bit.indices[0] if isinstance(bit, ast.IndexedIdentifier) else bit.index
    return int(indices[0].value)


def run(program: str) -> Run:
    """`program`, whose only gate is `x`, at its end."""
    made = Run()
    made.block(openqasm3.parse(program).statements)
    return made
