"""The IR's classical expressions as closed forms: what every name of a function stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from qkernel.estimate.atoms import Bound, Closure
from qkernel.estimate.forms import (
    at_least_zero,
    equals_zero,
    floor_quotient,
    maximum,
    minimum,
    positive_part,
    power,
    product,
    remainder,
)
from qkernel.estimate.quantity import ONE, Quantity, Value, quantity
from qkernel.estimate.substitution import NotKnown, as_value, known, length, opaque
from qkernel.ir.expressions import ONE as ONE_EXPR
from qkernel.ir.expressions import ZERO, Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, Updated, apply
from qkernel.ir.places import Place
from qkernel.ir.trees import free_names, substitute
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType, Type


class RunTimeValue(Exception):
    """A value is known only when the circuit runs."""


class NotFollowed(RunTimeValue):
    """An element of the array `name` is wanted, which a loop or branch changes: known at lowering, and not here."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True)
class RunTime:
    """A measured value, or what depends on one; `length` is that of a vector.

    Of an outcome itself, `is_outcome`, lowering can know nothing; of what is made of outcomes it may. `follows` names an
    array that is not measured, but changed in ways that are not followed here.
    """

    length: Quantity | None = None
    is_outcome: bool = False
    follows: str = ""

    def error(self, name: str) -> RunTimeValue:
        """What to raise where the value of `name` is wanted."""
        return NotFollowed(self.follows) if self.follows else RunTimeValue(name)


@dataclass(frozen=True, slots=True)
class Deferred:
    """A value that is worked out when it is asked for."""

    value: Callable[[], Quantity]


@dataclass(slots=True)
class Scope:
    """The names of one function: classical values, and the registers with their lengths."""

    values: dict[str, Value | RunTime | Deferred] = field(default_factory=dict)

    def get(self, name: str) -> Value | RunTime:
        """What `name` stands for."""
        value = self.values[name]
        if isinstance(value, Deferred):
            value = self.values[name] = value.value()
        return value

    def number(self, expr: Expr) -> Quantity:
        """A UInt or Bit expression as a closed form. Raises `RunTimeValue` where it depends on a measurement."""
        match expr:
            case Const(bool() | int() as plain):
                return quantity(int(plain))
            case Name(name):
                return self._named(name)
            case Size(base, axis):
                return self._size(base, axis)
            case Apply(operator, operands):
                return self._apply(expr, operator, operands)
        return opaque(self._closure(expr))

    def value(self, expr: Expr) -> Value | RunTime:
        """Any classical expression as what a callee may be given."""
        try:
            match expr:
                case Name(name):
                    return self.get(name)
                case Const(plain):
                    return as_value(plain)
                case Updated():
                    return _evaluated(self._closure(expr))
            return self.number(expr) if expr.type in NUMBERS else self._closure(expr)
        except NotFollowed as error:
            return RunTime(self.length(expr), follows=error.name)
        except RunTimeValue:
            return RunTime(self.length(expr))

    def length(self, expr: Expr) -> Quantity | None:
        """The length of an array; None of what has none, and where it depends on a measurement."""
        try:
            return self._size(expr, 0) if isinstance(expr.type, ArrayType) else None
        except RunTimeValue:
            return None

    def chosen(self, condition: Quantity, then: Value, otherwise: Value, type: Type) -> Closure:
        """One of two values, as a condition that is a symbol says."""
        sides = Scope({"chosen": condition, "then": then, "otherwise": otherwise})
        return sides._closure(apply("select", Name("chosen", BIT), Name("then", type), Name("otherwise", type)))

    def is_outcome(self, condition: Expr) -> bool:
        """Whether a condition is a measured bit, or the opposite of one."""
        match condition:
            case Apply("not", (inner,)):
                return self.is_outcome(inner)
            case Name(name) | Item(Name(name)):
                value = self.get(name)
                return isinstance(value, RunTime) and value.is_outcome
        return False

    def place_length(self, place: Place) -> Quantity:
        """The number of qubits of a place."""
        return ONE if place.length is None else positive_part(self.number(place.length))

    def width(self, places: Iterable[Place]) -> Quantity:
        """The number of qubits of several places together."""
        return sum((self.place_length(place) for place in places), quantity(0))

    def _named(self, name: str) -> Quantity:
        match self.get(name):
            case RunTime() as value:
                raise value.error(name)
            case Quantity() as form:
                return form
            case value:
                return opaque(value)

    def _size(self, base: Expr, axis: int) -> Quantity:
        match base:
            case Name(name):
                value = self.get(name)
                if not isinstance(value, RunTime):
                    return length(value, axis)
                if value.length is None or axis:
                    raise value.error(name)
                return value.length
            case Slice(length=size) if axis == 0:
                return self.number(size)
            case Slice(base=inner) | Updated(base=inner):
                return self._size(inner, axis)
            case Row(inner, keys):
                return self._size(inner, axis + len(keys))
            case Pack(items):
                return quantity(len(items)) if axis == 0 else self._size(items[0], axis - 1) if items else quantity(0)
            case Apply("select", (condition, then, otherwise)):
                chosen = self.number(condition)
                return chosen * self._size(then, axis) + (1 - chosen) * self._size(otherwise, axis)
        return length(self._closure(base), axis)

    def _closure(self, expr: Expr) -> Closure:
        expr, lengths = self._with_lengths(expr)
        values: list[tuple[str, Value]] = []
        for name in sorted(free_names(expr)):
            value = lengths[name] if name in lengths else self.get(name)
            if isinstance(value, RunTime):
                raise value.error(name)
            values.append((name, value))
        is_computed = isinstance(expr, (Slice, Row, Pack, Updated, Apply)) and isinstance(expr.type, ArrayType)
        shape = [self._size(expr, axis) for axis in range(expr.type.rank)] if is_computed else []  # type: ignore[union-attr]
        return Closure(expr, tuple(values), tuple(shape))

    def _with_lengths(self, expr: Expr) -> tuple[Expr, dict[str, Quantity]]:
        """`expr` with a name for the length of each vector whose elements are known only at run time, and these lengths."""
        lengths: dict[str, Quantity] = {}
        parts: dict[str, Expr] = {}
        for name in free_names(expr):
            value = self.get(name)
            if isinstance(value, RunTime) and value.length is not None:
                written = f"len({name})"
                lengths[written] = value.length
                parts[name] = Slice(Name(name, ArrayType(BIT)), ZERO, ONE_EXPR, Name(written, UINT))  # of which `size` knows
        return (substitute(expr, parts) if parts else expr), lengths

    def _apply(self, expr: Expr, operator: str, operands: tuple[Expr, ...]) -> Quantity:
        closure = self._closure(expr)  # where all is known, the IR's own arithmetic decides
        try:
            known(closure)
        except NotKnown:
            pass
        else:
            return opaque(closure)
        match operator, operands:
            case "floor" | "ceil" | "uint", (Apply("/", (left, right)),) if FLOAT not in (left.type, right.type):
                above, below = self.number(left), self.number(right)
                return -floor_quotient(-above, below) if operator == "ceil" else floor_quotient(above, below)
            case "floor" | "ceil" | "uint", (inner,) if inner.type != FLOAT:
                return self.number(inner)
            case "select", (condition, then, otherwise) if FLOAT not in (then.type, otherwise.type):
                chosen = self.number(condition)
                return chosen * self.number(then) + (1 - chosen) * self.number(otherwise)
            case "&", (number, Const(int(digits))) if digits >= 0 and digits & (digits + 1) == 0:
                return remainder(self.number(number), quantity(digits + 1))
        if any(operand.type == FLOAT for operand in operands) or operator not in _FORMS:
            return opaque(closure)
        return _form(operator, *(self.number(operand) for operand in operands))


NUMBERS = frozenset((BIT, UINT, FLOAT))
_FORMS = frozenset(
    (
        *("+", "-", "*", "//", "%", "**", "neg", "abs", "min", "max", "natural"),
        *("<", "<=", ">", ">=", "==", "!=", "and", "or", "^", "not"),
    )
)


def _evaluated(closure: Closure) -> Value:
    """A closure as what it comes to, where that is known: arrays that a loop changes would else nest as deep as it runs."""
    try:
        return Bound(known(closure))
    except NotKnown:
        return closure


def _form(operator: str, left: Quantity, right: Quantity = ONE) -> Quantity:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return product(left, right)
        case "and":
            return left * right
        case "//":
            return floor_quotient(left, right)
        case "%":
            return remainder(left, right)
        case "**":
            return power(left, right)
        case "neg":
            return -left
        case "abs":
            return maximum(left, -left)
        case "natural":
            return left
        case "min":
            return minimum(left, right)
        case "max":
            return maximum(left, right)
        case "<":
            return at_least_zero(right - left - 1)
        case "<=":
            return at_least_zero(right - left)
        case ">":
            return at_least_zero(left - right - 1)
        case ">=":
            return at_least_zero(left - right)
        case "==":
            return equals_zero(left - right)
        case "!=":
            return 1 - equals_zero(left - right)
        case "or":
            return left + right - left * right
        case "^":
            return left + right - 2 * left * right
    return 1 - left  # not
