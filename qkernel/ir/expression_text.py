"""Expressions as text: as the text form has them, and as messages and other ways of writing change that."""

from __future__ import annotations

import json
from collections.abc import Iterable

from qkernel.diagnostics import written_name
from qkernel.ir.expressions import ONE, Apply, ArrayHandle, Const, Expr, Item, Name, Pack, Row, Size, Slice, SystemName, Updated
from qkernel.ir.types import TupleType, Type, array_type
from qkernel.ir.vocabulary import ATOM, LEFT_ASSOCIATIVE, PRECEDENCE, name_text
from qkernel.observable import Hamiltonian

Written = tuple[str, int]
"""A text, and how tightly it binds, as in `PRECEDENCE`."""


class ExpressionText:
    """How each kind of expression is written: here as Python would, so that it reads back as the same expression."""

    unseen: frozenset[str] = frozenset()
    """Operators of one operand that are not written."""

    def text(self, expr: Expr, level: int = 0) -> str:
        """`expr`, in parentheses if it binds less tightly than `level`."""
        while isinstance(expr, Apply) and expr.operator in self.unseen:
            (expr,) = expr.operands
        own = ATOM
        match expr:
            case Const(value):
                text, own = self.constant(value)
            case Name(name):
                text = self.name(name)
            case SystemName(key):
                text = str(key)
            case Apply(name, operands) if name in LEFT_ASSOCIATIVE:
                text, own = self.chain(name, operands), PRECEDENCE[name]
            case Apply(name, operands) if name in PRECEDENCE:
                text, own = self.operation(name, operands), PRECEDENCE[name]
            case Apply(name, operands):
                text = self.call(name, operands)
            case Item(base, keys) | Row(base, keys):
                text = self.element(base, keys)
            case Size(base, axis):
                text = self.length(base, axis)
            case Slice(base, start, stride, length):
                text, own = self.stretch(base, start, stride, length)
            case Pack(items, type):
                text = self.pack(items, type)
            case Updated(base, key, value):
                text, own = self.updated(base, key, value)
            case ArrayHandle():
                return self.text(expr.value, level)
            case _:
                raise TypeError(f"not an expression: {expr!r}")
        return f"({text})" if own < level else text

    def listed(self, exprs: Iterable[Expr]) -> str:
        """The texts of several, between commas."""
        return ", ".join(map(self.text, exprs))

    def name(self, name: str) -> str:
        return name_text(name)

    def constant(self, value: object) -> Written:
        match value:
            case Hamiltonian():
                width = max((operators[-1].index + 1 for operators in value.terms), default=0)
                shown = f", {value.num_qubits}" if value.num_qubits != width else ""
                return f"observable({string_text(value.to_string())}{shown})", ATOM
            case bool() | int() | float():
                return repr(value), PRECEDENCE["neg"] if repr(value).startswith("-") else ATOM
        raise TypeError(f"not a constant of the IR: {value!r}")

    def operation(self, name: str, operands: tuple[Expr, ...]) -> str:
        """An operator that does not group to the left."""
        own = PRECEDENCE[name]
        match name, operands:
            case "select", (condition, then, otherwise):
                return f"{self.text(then, own + 1)} if {self.text(condition, own + 1)} else {self.text(otherwise, own)}"
            case "not" | "neg", (operand,):
                return f"{'not ' if name == 'not' else '-'}{self.text(operand, own)}"
            case "**", (base, exponent):
                return f"{self.text(base, ATOM)} ** {self.text(exponent, PRECEDENCE['neg'])}"
        left, right = operands
        return f"{self.text(left, own + 1)} {name} {self.text(right, own + 1)}"

    def chain(self, name: str, operands: tuple[Expr, ...]) -> str:
        """A run of operators that group to the left, such as `a * b + c`, without going deeper for each."""
        parts: list[str] = []
        while True:
            least = PRECEDENCE[name]
            left, right = operands
            parts += (self.text(right, least + 1), name)
            if not (isinstance(left, Apply) and left.operator in LEFT_ASSOCIATIVE and PRECEDENCE[left.operator] >= least):
                return " ".join([self.text(left, least), *reversed(parts)])
            name, operands = left.operator, left.operands

    def call(self, name: str, operands: tuple[Expr, ...]) -> str:
        return f"{name}({self.listed(operands)})"

    def element(self, base: Expr, keys: tuple[Expr, ...]) -> str:
        return f"{self.text(base, ATOM)}[{self.listed(keys)}]"

    def length(self, base: Expr, axis: int) -> str:
        return f"len({self.text(base)}{f', {axis}' if axis else ''})"

    def stretch(self, base: Expr, start: Expr, stride: Expr, length: Expr) -> Written:
        return f"{self.text(base, ATOM)}[{self.bounds(start, stride, length)}]", ATOM

    def bounds(self, start: Expr, stride: Expr, length: Expr) -> str:
        """What stands between the brackets of a slice."""
        by = "" if stride is ONE else f" : {self.text(stride)}"
        return f"{self.text(start)} +: {self.text(length)}{by}"

    def pack(self, items: tuple[Expr, ...], type: Type) -> str:
        """A tuple or list, with its type where its items do not tell that."""
        plain: Type | None
        if isinstance(type, TupleType):
            text = f"({self.listed(items)}{',' if len(items) == 1 else ''})"
            plain = TupleType(tuple(entry.type for entry in items))
        else:
            text, plain = f"[{self.listed(items)}]", array_type({entry.type for entry in items})
        return text if type is plain else f"{type}({text})"

    def updated(self, base: Expr, key: Expr, value: Expr) -> Written:
        return f"updated({self.listed((base, key, value))})", ATOM


class _AsWritten(ExpressionText):
    """As the user wrote it: no numbers that tell names apart, no checks of our own."""

    unseen = frozenset(("natural",))

    def name(self, name: str) -> str:
        return name_text(written_name(name))


def string_text(text: str) -> str:
    """A string literal."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


TEXT = ExpressionText()
format_expression = TEXT.text
Expr.formatted = format_expression
as_written = _AsWritten().text
