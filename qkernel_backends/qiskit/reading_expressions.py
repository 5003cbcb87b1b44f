"""Qiskit's parameter expressions and conditions as expressions of the IR."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from qiskit.circuit import ClassicalRegister, Clbit, Parameter, ParameterExpression, ParameterVectorElement
from qiskit.circuit.classical import expr, types

from qkernel.ir.expressions import Const, Expr, Item, Name, wrap
from qkernel.ir.identifiers import fresh, identifier
from qkernel.ir.ops import Parameter as Argument
from qkernel.ir.types import FLOAT, ArrayType
from qkernel_backends.formulas import from_sympy, no_counterpart

_BINARY: dict[Any, Callable[[Expr, Expr], Expr]] = {
    expr.Binary.Op.BIT_AND: lambda left, right: left & right,
    expr.Binary.Op.LOGIC_AND: lambda left, right: left & right,
    expr.Binary.Op.BIT_OR: lambda left, right: left | right,
    expr.Binary.Op.LOGIC_OR: lambda left, right: left | right,
    expr.Binary.Op.BIT_XOR: lambda left, right: left ^ right,
}


@dataclass
class Arguments:
    """A circuit's parameters as arguments of a kernel, in the order in which they are first met.

    A vector is one argument, whatever elements of it are used. A name that is no identifier, or is taken, is changed;
    `renamed` tells which.
    """

    taken: set[str]
    found: dict[str, Argument] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    _names: dict[str, Name] = field(default_factory=dict)
    _bound: dict[Parameter, Name] = field(default_factory=dict)

    def element(self, parameter: Parameter) -> Expr:
        """What stands for a parameter."""
        if isinstance(parameter, ParameterVectorElement):
            vector = self._named(parameter.vector.name, ArrayType(FLOAT))  # one name, one vector: Qiskit sees to it
            return Item(vector, (Const(parameter.index),))
        return self._bound[parameter] if parameter in self._bound else self._named(parameter.name, FLOAT)

    def bind(self, parameter: Parameter, name: Name) -> None:
        """Let a parameter stand for a loop's variable."""
        self._bound[parameter] = name

    def _named(self, written: str, type: Any) -> Name:
        if written not in self._names:
            name = fresh(identifier(written), self.taken)
            if name != written:
                self.renamed[written] = name
            self._names[written] = Name(name, type)
            self.found[name] = Argument(name, type)
        return self._names[written]

    def angle(self, value: Any) -> Expr:
        """An angle: a number or an expression of parameters."""
        if not isinstance(value, ParameterExpression):
            return Const(float(value))
        known = {parameter.name: self.element(parameter) for parameter in _in_order(value)}
        return from_sympy(value.sympify(), known)


def _in_order(value: ParameterExpression) -> Iterable[Parameter]:
    """The parameters of an expression in the order in which its text names them."""
    text = str(value)
    return sorted(value.parameters, key=lambda parameter: (text.find(parameter.name), parameter.name))


def condition(given: Any, bits: Mapping[Clbit, Expr]) -> Expr:
    """A condition: a bit or register beside a number, or an expression of Qiskit's classical language."""
    if isinstance(given, tuple):
        what, value = given
        return _equals([what] if isinstance(what, Clbit) else list(what), int(value), bits)
    return _classical(given, bits)


def _equals(of: Sequence[Clbit], value: int, bits: Mapping[Clbit, Expr]) -> Expr:
    if value >> len(of):
        return Const(False)
    tests = [bits[bit] if value >> k & 1 else ~bits[bit] for k, bit in enumerate(of)]
    return reduce(lambda left, right: left & right, tests, wrap(True)) if len(tests) != 1 else tests[0]


def _classical(node: expr.Expr, bits: Mapping[Clbit, Expr]) -> Expr:
    match node:
        case expr.Var(var=Clbit() as bit):
            return bits[bit]
        case expr.Value(value=value) if node.type == types.Bool():
            return Const(bool(value))
        case expr.Cast(operand=operand):
            return _classical(operand, bits)
        case expr.Unary(op=expr.Unary.Op.LOGIC_NOT | expr.Unary.Op.BIT_NOT, operand=operand) if operand.type == types.Bool():
            return ~_classical(operand, bits)
        case expr.Binary(op=op, left=left, right=right) if op in _BINARY and node.type == types.Bool():
            return _BINARY[op](_classical(left, bits), _classical(right, bits))
        case expr.Binary(op=expr.Binary.Op.EQUAL | expr.Binary.Op.NOT_EQUAL as op, left=left, right=right):
            equal = _compared(left, right, bits)
            return equal if op is expr.Binary.Op.EQUAL else ~equal
    raise no_counterpart(f"the condition `{node}`", "compare bits and registers with numbers, and join them by and, or, not")


def _compared(left: expr.Expr, right: expr.Expr, bits: Mapping[Clbit, Expr]) -> Expr:
    for register, number in ((left, right), (right, left)):
        while isinstance(register, expr.Cast):
            register = register.operand
        while isinstance(number, expr.Cast):
            number = number.operand
        if isinstance(register, expr.Var) and isinstance(register.var, ClassicalRegister) and isinstance(number, expr.Value):
            return _equals(list(register.var), int(number.value), bits)
    if left.type == right.type == types.Bool():
        return ~(_classical(left, bits) ^ _classical(right, bits))
    raise no_counterpart("a comparison of two registers")
