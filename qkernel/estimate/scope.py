"""The IR's classical expressions as closed forms: what every name of a function stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from qkernel.estimate.atoms import Closure, Register
from qkernel.estimate.forms import at_least_zero, equals_zero, floor_quotient, maximum, minimum, positive_part, power, remainder
from qkernel.estimate.quantity import ONE, Quantity, Value, quantity
from qkernel.estimate.substitution import NotKnown, as_value, known, length, opaque
from qkernel.ir.evaluation import free_names
from qkernel.ir.expressions import Apply, Const, Expr, Name, Pack, Size, Slice, Updated
from qkernel.ir.places import Place
from qkernel.ir.types import FLOAT


class RunTimeValue(Exception):
    """A value is known only when the circuit runs."""


@dataclass(frozen=True, slots=True)
class RunTime:
    """A measured value, or what depends on one; `length` is that of a vector."""

    length: Quantity | None = None


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
                case Pack() | Slice() | Updated():
                    return self._closure(expr)
            return self.number(expr)
        except RunTimeValue:
            return RunTime(self._length_at_run_time(expr))

    def place_length(self, place: Place) -> Quantity:
        """The number of qubits of a place."""
        return ONE if place.length is None else positive_part(self.number(place.length))

    def width(self, places: Iterable[Place]) -> Quantity:
        """The number of qubits of several places together."""
        return sum((self.place_length(place) for place in places), quantity(0))

    def _named(self, name: str) -> Quantity:
        match self.get(name):
            case RunTime():
                raise RunTimeValue
            case Quantity() as form:
                return form
            case value:
                return opaque(value)

    def _size(self, base: Expr, axis: int) -> Quantity:
        match base:
            case Name(name):
                value = self.get(name)
                if isinstance(value, RunTime):
                    if value.length is None:
                        raise RunTimeValue
                    return value.length
                return self._length(value, axis)
        return self._length(self._closure(base), axis)

    def _length(self, value: Value, axis: int) -> Quantity:
        match value:
            case Register(size):
                return size
            case Closure(Slice(length=size), values) if axis == 0:
                return Scope(dict(values)).number(size)
            case Closure(Pack(items)) if axis == 0:
                return quantity(len(items))
            case Closure(Updated(base), values) | Closure(Name() as base, values):
                return Scope(dict(values))._size(base, axis)
        return length(value, axis)

    def _length_at_run_time(self, expr: Expr) -> Quantity | None:
        match expr:
            case Slice(length=size):
                return self.number(size)
            case Pack(items):
                return quantity(len(items))
            case Updated(base):
                return self._size(base, 0)
        return None

    def _closure(self, expr: Expr) -> Closure:
        values: list[tuple[str, Value]] = []
        for name in sorted(free_names(expr)):
            value = self.get(name)
            if isinstance(value, RunTime):
                raise RunTimeValue
            values.append((name, value))
        return Closure(expr, tuple(values))

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
        if any(operand.type == FLOAT for operand in operands) or operator not in _FORMS:
            return opaque(closure)
        return _form(operator, *(self.number(operand) for operand in operands))


_FORMS = frozenset(
    (
        *("+", "-", "*", "//", "%", "**", "neg", "abs", "min", "max", "natural"),
        *("<", "<=", ">", ">=", "==", "!=", "and", "or", "^", "not"),
    )
)


def _form(operator: str, left: Quantity, right: Quantity = ONE) -> Quantity:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*" | "and":
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
