"""Classical expressions of OpenQASM as those of the IR."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openqasm3 import ast

from qkernel.diagnostics import did_you_mean
from qkernel.ir.expressions import ONE, ZERO, Apply, Const, Expr, Name, Pack, Row, Updated, apply, item, joined, wrap
from qkernel.ir.places import Place
from qkernel.ir.trees import ANY, Bounds, bounds_where
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, Type
from qkernel.openqasm.syntax import Source

_CONSTANTS = {"pi": math.pi, "π": math.pi, "tau": math.tau, "τ": math.tau, "euler": math.e, "ℇ": math.e}
_FUNCTIONS = {
    "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "exp": "exp", "log": "log",
    "ln": "log", "sqrt": "sqrt", "abs": "abs",
}  # fmt: skip
_COMPARISONS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "==": "==", "!=": "!="}
_DIGITS = {"&": "and", "|": "or", "^": "^"}


@dataclass
class Qubits:
    """A register, or one qubit, and how many there are (None: one, which is no register)."""

    place: Place
    count: Expr | None


@dataclass
class Variable:
    """A classical variable: its value at this place in the program, and whether it may be changed."""

    key: int
    type: Type
    is_constant: bool = False


Symbol = Qubits | Variable


@dataclass
class Names:
    """What names mean in a block; those of the blocks around it are seen too."""

    outer: Names | None = None
    symbols: dict[str, Symbol] = field(default_factory=dict)

    def find(self, name: str) -> Symbol | None:
        """What a name means here."""
        if name in self.symbols:
            return self.symbols[name]
        return None if self.outer is None else self.outer.find(name)

    def all(self) -> list[str]:
        """Every name that is seen here."""
        return [*self.symbols, *(self.outer.all() if self.outer is not None else ())]


class ExpressionReader:
    """Reads expressions. `state` has the value of each variable; `known` says between which numbers names of loops lie, and
    `shapes` how long arrays are that go by a name.
    """

    source: Source
    names: Names
    state: dict[int, Expr]
    known: dict[str, Bounds]
    shapes: dict[str, tuple[int, ...]]
    called: Callable[[Any], Expr | None]
    """The result of a subroutine."""

    def expression(self, node: Any) -> Expr:
        """The value of an expression."""
        match node:
            case ast.IntegerLiteral(value=value) | ast.BooleanLiteral(value=value) | ast.FloatLiteral(value=value):
                return Const(value)
            case ast.BitstringLiteral(value=value, width=width):
                return wrap([bool(value >> k & 1) for k in range(width)])
            case ast.ArrayLiteral(values=values):
                return wrap([self.expression(value) for value in values])
            case ast.Identifier():
                return self.variable(node)
            case ast.UnaryExpression(op=sign, expression=inner):
                return self.unary(node, sign.name, self.expression(inner))
            case ast.BinaryExpression(op=sign, lhs=left, rhs=right):
                if (number := _rounded_down(node)) is not None and self._are_natural(by := self.expression(right)):
                    return self.integer(left, self.expression(number)) % by
                return self.binary(node, sign.name, self.expression(left), self.expression(right))
            case ast.IndexExpression(collection=base, index=index):
                return self.indexed(node, self.expression(base), index)
            case ast.Concatenation(lhs=left, rhs=right):
                return wrap([*self.elements(left, self.expression(left)), *self.elements(right, self.expression(right))])
            case ast.Cast(type=type, argument=inner):
                return self.cast(node, type, self.expression(inner))
            case ast.SizeOf(target=target, index=axis):
                return self.size_of(target, self.expression(target), 0 if axis is None else self.whole(axis))
            case ast.FunctionCall(name=name, arguments=arguments):
                return self.function(node, name.name, arguments)
        raise self.source.lacking(node, "this expression")

    def variable(self, node: Any) -> Expr:
        """The value of a name."""
        match self.names.find(node.name):
            case Variable(key):
                return self.state[key]
            case Qubits():
                raise self.source.error(node, f"`{node.name}` is of qubits, and a number or bit is wanted", "qubits")
        if node.name in _CONSTANTS:
            return Const(_CONSTANTS[node.name])
        raise self.unknown(node, node.name)

    def unknown(self, node: Any, name: str) -> Exception:
        """The error about a name without a meaning."""
        near = did_you_mean(name, self.names.all())
        return self.source.error(node, f"`{name}` is not declared{near}", "not declared")

    def size_of(self, node: Any, value: Expr, axis: int) -> Expr:
        """The length of an array along an axis."""
        for _ in range(axis):
            value = item(value, ZERO)
        return Const(self.length(node, value))

    def unary(self, node: Any, sign: str, value: Expr) -> Expr:
        match sign, value.type:
            case "-", _:
                return -self.number(node, value)
            case "!", _:
                return apply("not", self.bit(node, value))
            case "~", ArrayType(element, 1) if element == BIT:
                return wrap([apply("not", part) for part in self.elements(node, value)])
            case "~", type if type == BIT:
                return apply("not", value)
        raise self.source.lacking(node, "`~` of a number", "it depends on the width of the number: write a difference")

    def binary(self, node: Any, sign: str, left: Expr, right: Expr) -> Expr:
        arrays = [isinstance(side.type, ArrayType) for side in (left, right)]
        if sign in ("&&", "||"):
            return apply("and" if sign == "&&" else "or", self.bit(node, left), self.bit(node, right))
        if sign in ("==", "!=") and any(arrays):
            equal = self.equal(node, left, right)
            return equal if sign == "==" else apply("not", equal)
        if sign in _DIGITS and all(arrays):
            pairs = zip(self.elements(node, left), self.elements(node, right), strict=False)
            return wrap([apply(_DIGITS[sign], *pair) for pair in pairs])
        if sign in _DIGITS and left.type == right.type == BIT:
            return apply(_DIGITS[sign], left, right)
        if sign in ("==", "!=") and left.type == right.type == BIT:
            return apply(sign, left, right)
        first, second = self.number(node, left), self.number(node, right)
        if sign in _DIGITS:
            return joined(_DIGITS[sign], self.integer(node, first), self.integer(node, second))
        if sign in ("<<", ">>"):
            return apply("*" if sign == "<<" else "//", self.integer(node, first), 2 ** self.integer(node, second))
        if sign == "/" and first.type == second.type == UINT:
            return self.quotient(first, second)
        if sign == "%":
            if first.type != UINT or second.type != UINT:
                raise self.source.lacking(node, "`%` of numbers that are not whole", "write `mod(a, b)`")
            return self.remainder(first, second)
        return apply(sign, first, second)

    def equal(self, node: Any, left: Expr, right: Expr) -> Expr:
        """Whether a register of bits is a number, or another one."""
        bits, other = (left, right) if isinstance(left.type, ArrayType) else (right, left)
        each = self.elements(node, bits)
        if isinstance(other.type, ArrayType):
            others = self.elements(node, other)
        elif isinstance(other, Const) and other.type == UINT:
            if other.value < 0 or other.value >> len(each):
                return Const(False)
            others = [Const(bool(other.value >> k & 1)) for k in range(len(each))]
        else:
            return apply("==", self.number(node, bits), self.number(node, other))
        if len(each) != len(others):
            return Const(False)
        tests = [_same(one, another) for one, another in zip(each, others, strict=True)]
        found: Expr = Const(True)
        for test in tests:
            found = apply("and", found, test)
        return found

    def quotient(self, left: Expr, right: Expr) -> Expr:
        """`/` of whole numbers, which is cut off; `(a - a % b) / b` is how one that is rounded down is written."""
        match left:
            case Apply("-", (number, Apply("%", (same, by)))) if same is number and by is right:
                return number // right
        if self._are_natural(left, right):
            return left // right
        cut = apply("abs", left) // self._size(right)
        is_negative = left < 0 if self._are_natural(right) else (left < 0) ^ (right < 0)
        return apply("select", is_negative, -cut, cut)

    def remainder(self, left: Expr, right: Expr) -> Expr:
        """What a quotient that is cut off leaves: it has the sign of the number that is divided."""
        if self._are_natural(left, right):
            return left % right
        rest = apply("abs", left) % self._size(right)
        return apply("select", left < 0, -rest, rest)

    def _size(self, value: Expr) -> Expr:
        return value if self._are_natural(value) else apply("abs", value)

    def bounds(self, value: Expr) -> Bounds:
        """Between which numbers a value lies."""
        return bounds_where(value, lambda name: self.known.get(name, ANY))

    def _are_natural(self, *values: Expr) -> bool:
        return all(self.bounds(value).least >= 0 for value in values)

    def function(self, node: Any, name: str, arguments: Sequence[Any]) -> Expr:
        """A function of the language, or a subroutine."""
        if (result := self.called(node)) is not None:
            return result
        values = [self.number(part, self.expression(part)) for part in arguments]
        match name, values:
            case "floor" | "ceiling", [value]:
                return apply("float", apply("floor" if name == "floor" else "ceil", value))
            case _, [value] if name in _FUNCTIONS:
                return apply(_FUNCTIONS[name], value)
            case "pow", [base, exponent]:
                return base**exponent
            case "mod", [left, right]:
                return (
                    self.remainder(left, right)
                    if left.type == right.type == UINT
                    else left - right * apply("uint", left / right)
                )
            case "popcount", [_]:
                return self.total([apply("uint", bit) for bit in self.elements(node, self.expression(arguments[0]))])
            case "real", [value]:
                return value
        raise self.source.lacking(node, f"`{name}` of {len(values)} numbers")

    # What values are ------------------------------------------------------------------------------------------------

    def number(self, node: Any, value: Expr) -> Expr:
        """A number; a bit is 0 or 1, a register of bits the number that it spells."""
        if value.type == BIT:
            return apply("uint", value)
        if value.type == ArrayType(BIT):
            return self.total([apply("uint", bit) * (1 << k) for k, bit in enumerate(self.elements(node, value))])
        if value.type in (UINT, FLOAT):
            return value
        raise self.source.error(node, "a number is wanted, and this is an array", "an array")

    def total(self, parts: Sequence[Expr]) -> Expr:
        found: Expr = ZERO
        for part in parts:
            found = found + part
        return found

    def integer(self, node: Any, value: Expr) -> Expr:
        """A whole number."""
        value = self.number(node, value)
        if value.type == UINT:
            return value
        raise self.source.error(node, "a whole number is wanted", "not a whole number", "write `int(...)`")

    def bit(self, node: Any, value: Expr) -> Expr:
        """A bit: of a number, whether it is not 0."""
        return value if value.type == BIT else apply("!=", self.number(node, value), 0)

    def whole(self, node: Any) -> int:
        """A whole number that is known."""
        value = self.integer(node, self.expression(node))
        if isinstance(value, Const):
            return int(value.value)
        title, help = "this number must be known where the program is read", "declare it so: `const int n = 4;`"
        raise self.source.error(node, title, "not known", help)

    def elements(self, node: Any, value: Expr) -> list[Expr]:
        """The elements of an array."""
        return [item(value, Const(k)) for k in range(self.length(node, value))]

    def length(self, node: Any, value: Expr) -> int:
        """The number of elements of an array."""
        match value:
            case Pack(items):
                return len(items)
            case Name(name) if name in self.shapes:
                return self.shapes[name][0]
            case Row(Name(name), keys) if name in self.shapes:
                return self.shapes[name][len(keys)]
            case Updated(base):
                return self.length(node, base)
        raise self.source.error(node, "a register or array is wanted", "not one")

    def cast(self, node: Any, type: Any, value: Expr) -> Expr:
        """`type(value)`."""
        if isinstance(type, ast.BitType) and type.size is not None and not isinstance(value.type, ArrayType):
            number = self.integer(node, value)
            return wrap([apply("==", number // (1 << k) % 2, 1) for k in range(self.whole(type.size))])
        return self.converted(node, value, self.type_of(type))

    def converted(self, node: Any, value: Expr, type: Type) -> Expr:
        """A value as what it is assigned to holds it."""
        if isinstance(type, ArrayType):
            if isinstance(value.type, ArrayType) and value.type.rank == type.rank:
                return (
                    value
                    if value.type == type
                    else wrap([self.converted(node, part, type.entry) for part in self.elements(node, value)])
                )
            raise self.source.error(node, "an array is wanted", f"a {value.type}")
        if type == BIT:
            return self.bit(node, value)
        number = self.number(node, value)
        if number.type == type:
            return number
        if type == FLOAT:
            return Const(float(number.value)) if isinstance(number, Const) else apply("float", number)
        return apply("uint", number)

    def type_of(self, type: Any) -> Type:
        """The type of the IR for one of the language."""
        match type:
            case ast.IntType() | ast.UintType():
                return UINT
            case ast.FloatType() | ast.AngleType():
                return FLOAT
            case ast.BitType(size=None) | ast.BoolType():
                return BIT
            case ast.BitType():
                return ArrayType(BIT)
            case ast.ArrayType(base_type=base, dimensions=dimensions) if len(dimensions) <= 3:
                return ArrayType(self.type_of(base), len(dimensions))  # type: ignore[arg-type]
            case ast.ArrayReferenceType(base_type=base, dimensions=list() as dimensions) if len(dimensions) <= 3:
                return ArrayType(self.type_of(base), len(dimensions))  # type: ignore[arg-type]
        raise self.source.lacking(type, f"the type `{_written(type)}`")

    # Elements -------------------------------------------------------------------------------------------------------

    def indexed(self, node: Any, base: Expr, index: Any) -> Expr:
        """An element or a part of an array, or a binary digit of a number."""
        if isinstance(index, ast.DiscreteSet):
            return wrap([item(base, self.index(part, base)) for part in index.values])
        for position, part in enumerate(index):
            if base.type == UINT and position == len(index) - 1 and not isinstance(part, ast.RangeDefinition):
                return apply("==", base // 2 ** self.integer(part, self.expression(part)) % 2, 1)
            if not isinstance(base.type, ArrayType):
                raise self.source.error(node, "this is no array", f"a {base.type}")
            if isinstance(part, ast.RangeDefinition):
                if position < len(index) - 1:
                    raise self.source.lacking(part, "a range before another index")
                start, step, count = self.range(part, Const(self.length(part, base)))
                return wrap([item(base, start + step * k) for k in range(self.known_count(part, count))])
            base = item(base, self.index(part, base))
        return base

    def known_count(self, node: Any, count: Expr) -> int:
        if not isinstance(count, Const):
            raise self.source.error(node, "the length of a part must be known where the program is read", "not known")
        return int(count.value)

    def index(self, node: Any, base: Expr) -> Expr:
        """An index, a negative one from the end."""
        found = self.integer(node, self.expression(node))
        return Const(self.length(node, base) + found.value) if isinstance(found, Const) and found.value < 0 else found

    def range(self, node: Any, length: Expr) -> tuple[Expr, Expr, Expr]:
        """Start, step and number of a range within something of this length."""
        step = ONE if node.step is None else self.integer(node.step, self.expression(node.step))
        if not isinstance(step, Const) or not step.value:
            raise self.source.error(
                node, "the step of a range is a number, and not 0", "not known" if not isinstance(step, Const) else "0"
            )
        is_up = step.value > 0
        ends = []
        for part, missing in ((node.start, ZERO if is_up else length - 1), (node.end, length - 1 if is_up else ZERO)):
            value = missing if part is None else self.integer(part, self.expression(part))
            ends.append(length + value if isinstance(value, Const) and value.value < 0 else value)
        start, end = ends
        count = (end - start + step) // step if is_up else (start - end - step) // -step
        return start, step, apply("max", count, 0) if isinstance(count, Const) else count

    def with_element(self, node: Any, base: Expr, keys: Sequence[Expr], value: Expr) -> Expr:
        """An array with one element changed."""
        key, *rest = keys
        if rest:
            value = self.with_element(node, item(base, key), rest, value)
        else:
            value = self.converted(node, value, base.type.entry if isinstance(base.type, ArrayType) else base.type)
        if isinstance(key, Const) and not 0 <= key.value < (length := self.length(node, base)):
            raise self.source.error(node, f"there is no element {key.value} of {length}", "past the end")
        if isinstance(base, Pack) and isinstance(key, Const):
            return Pack((*base.items[: key.value], value, *base.items[key.value + 1 :]), base.type)
        if isinstance(base.type, ArrayType) and base.type.rank == 1:
            return Updated(base, key, value)
        raise self.source.lacking(node, "an assignment to an element of a matrix at an index that is not known")


def _rounded_down(node: Any) -> Any:
    """The `a` of `(a % b + b) % b`, which is how a remainder is written that is not negative; None of anything else."""
    match _parts(node):
        case "%", sum_, by:
            match _parts(sum_):
                case "+", rest, second if second == by:
                    match _parts(rest):
                        case "%", number, first if first == by:
                            return number
    return None


def _parts(node: Any) -> tuple[str, Any, Any] | None:
    return (node.op.name, node.lhs, node.rhs) if isinstance(node, ast.BinaryExpression) else None


def _same(left: Expr, right: Expr) -> Expr:
    """Whether two bits are the same."""
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Const):
            return other if one.value else apply("not", other)
    return apply("==", left, right)


def _written(type: Any) -> str:
    return str(type.__class__.__name__.removesuffix("Type").lower())
