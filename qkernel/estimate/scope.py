"""The IR's classical expressions as closed forms: what every name of a function stands for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter

from qkernel.estimate import words
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
from qkernel.estimate.quantity import ONE, Bound, Closure, Quantity, Value, Words, quantity
from qkernel.estimate.substitution import NotKnown, as_number, as_value, known, length, opaque, substitute_value
from qkernel.estimate.substitution import substitute as put
from qkernel.estimate.tally import Tally
from qkernel.ir.compiled import Compiled, Domain
from qkernel.ir.expressions import ONE as ONE_EXPR
from qkernel.ir.expressions import ZERO, Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, Updated, apply
from qkernel.ir.operators import PAULIS
from qkernel.ir.places import Place
from qkernel.ir.trees import free_names, substitute, variables
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType


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
    array that is not measured, but changed in ways that are not followed here. A number may add up `bits` measured bits
    (None: it is no such sum), and then a `rest` without them.
    """

    length: Quantity | None = None
    is_outcome: bool = False
    follows: str = ""
    bits: Quantity | None = None
    rest: bool = True

    def error(self, name: str) -> RunTimeValue:
        """What to raise where the value of `name` is wanted."""
        return NotFollowed(self.follows) if self.follows else RunTimeValue(name)


def substituted(value: Value | RunTime, values: Mapping[str, Value]) -> Value | RunTime:
    """A value with values put for symbols."""
    if isinstance(value, RunTime):
        length, bits = (None if amount is None else put(amount, values) for amount in (value.length, value.bits))
        return replace(value, length=length, bits=bits)
    return substitute_value(value, values)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a call of a function costs, and what it returns, in terms of the function's own arguments."""

    tally: Tally
    returns: tuple[Value | RunTime, ...]


@dataclass(frozen=True, slots=True)
class Deferred:
    """A value that is worked out when it is asked for."""

    value: Callable[[], Value | RunTime]


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
        form: Quantity = _FORMS.compiled(expr)(self)
        return form

    def value(self, expr: Expr) -> Value | RunTime:
        """Any classical expression as what a callee may be given."""
        try:
            match expr:
                case Name(name):
                    return self.get(name)
                case Const(plain):
                    return as_value(plain)
                case Updated():
                    return _evaluated(self.closure(expr))
                case Apply() | Item(Pack()) if expr.type == OBSERVABLE:
                    return self.words(expr)
            return self.number(expr) if expr.type in NUMBERS else self.closure(expr)
        except NotFollowed as error:
            return self.summed(expr, RunTime(self.length(expr), follows=error.name))
        except RunTimeValue:
            return self.summed(expr, RunTime(self.length(expr)))

    @property
    def measured(self) -> set[str]:
        """The names of what depends on a measurement."""
        return {name for name in self.values if isinstance(value := self.get(name), RunTime) and not value.follows}

    def is_run_time(self, expr: Expr) -> bool:
        """Whether `expr` depends on a measurement; elements of arrays that are not followed are measured if they are bits."""
        if not any(isinstance(self.get(name), RunTime) for name in free_names(expr)):
            return False
        return any(self._is_measured(part.base if isinstance(part, Item) else part) for part in variables(expr))

    def _is_measured(self, name: Expr) -> bool:
        value = self.get(name.name) if isinstance(name, Name) else None
        is_followed = isinstance(value, RunTime) and not value.follows
        return is_followed or (isinstance(value, RunTime) and (value.bits is not None or name.type.element == BIT))

    def summed(self, expr: Expr, value: RunTime) -> RunTime:
        """`value`, the run-time value of `expr`, with how many measured bits it adds up."""
        bits, rest = self._bits(expr) if expr.type in NUMBERS else (None, True)
        return replace(value, bits=bits, rest=rest)

    def chosen_when_run(self, then: Expr, otherwise: Expr) -> RunTime:
        """One of two values, as a measurement says: a number has one more bit in it than before."""
        value = RunTime(self.length(then))
        left, right = self.summed(then, value), self.summed(otherwise, value)
        if left.bits is None or right.bits is None:
            return value
        return replace(value, bits=maximum(left.bits, right.bits) + 1, rest=left.rest or right.rest)

    def parts(self, expr: Expr) -> Quantity:
        """How many rotations an angle takes: one for each measured bit that it adds up, and one for the rest."""
        if isinstance(expr, Pack) and expr.items:
            return sum((self.parts(item) for item in expr.items), quantity(0)) / len(expr.items)
        if not self.is_run_time(expr):
            return ONE
        bits, rest = self._bits(expr)
        if bits is None and isinstance(expr.type, ArrayType):
            raise RunTimeValue(str(expr))
        return ONE if bits is None else bits + (1 if rest else equals_zero(bits))

    def _bits(self, expr: Expr) -> tuple[Quantity | None, bool]:
        """How many measured bits a number adds up, None where it is no such sum; and whether it has a part without them."""
        if not self.is_run_time(expr):
            return quantity(0), not (isinstance(expr, Const) and expr.value == 0)
        match expr:
            case Name(name) if expr.type != BIT and isinstance(value := self.get(name), RunTime):
                return value.bits, value.rest
            case Apply("fixed", (bits, _)):
                return self.length(bits), False
            case Apply("neg" | "float" | "uint" | "natural" | "/", (inner, *_)):
                return self._bits(inner)
            case Apply("+" | "-" | "*" as name, (left, right)):
                (first, has_rest), (second, has_other) = self._bits(left), self._bits(right)
                rest = has_rest and has_other if name == "*" else has_rest or has_other
                return (None if first is None or second is None else first + second), rest
            case Apply("select", (_, _, otherwise)):
                return ONE, self._bits(otherwise)[1]
        return (ONE, False) if expr.type == BIT else (None, True)

    def counted(self, expr: Expr) -> Value | RunTime:
        """As `value`, of an observable always its words."""
        value = self.value(expr)
        return value if expr.type != OBSERVABLE or isinstance(value, RunTime) else words.listed(value)

    def words(self, expr: Expr) -> Words:
        """The words of a sum of Paulis that the kernel makes. Raises as `number` does."""
        if expr.type in NUMBERS:
            return Words((("", self.parts(expr)),))
        match expr:
            case Apply("+" | "-", (left, right)):
                return words.added([self.words(left), self.words(right)])
            case Apply("neg" | "/", (inner, *_)):
                return self.words(inner)
            case Apply("*", (left, right)):
                product = words.product(self.words(left), self.words(right))
                if product is None:
                    raise NotFollowed(str(next(name for name in sorted(free_names(expr)))))
                return product
            case Apply("select", (condition, then, otherwise)):
                return self.one_of(self.number(condition), then, otherwise)
            case Item(Pack(items), (key,)):
                place = self.number(key)
                return self._chosen_words([(equals_zero(place - k), entry) for k, entry in enumerate(items)])
            case Apply(letter, _) if letter in PAULIS:
                return Words(((letter, ONE),))
        value = self.value(expr)
        if isinstance(value, RunTime):
            raise value.error(str(expr))
        return words.listed(value)

    def one_of(self, condition: Quantity, then: Expr, otherwise: Expr) -> Words:
        """The words of one of two observables, as a condition that is a symbol says."""
        return self._chosen_words([(condition, then), (1 - condition, otherwise)])

    def _chosen_words(self, sides: Iterable[tuple[Quantity, Expr]]) -> Words:
        """The words of what has the weight 1, all others having 0."""
        return words.added(words.weighted(self.words(entry), weight) for weight, entry in sides if weight != 0)

    def length(self, expr: Expr) -> Quantity | None:
        """The length of an array; None of what has none, and where it depends on a measurement."""
        try:
            return self.size(expr, 0) if isinstance(expr.type, ArrayType) else None
        except RunTimeValue:
            return None

    def joined(self, condition: Quantity, then: Expr, otherwise: Expr) -> Value | RunTime:
        """One of two values, as a condition that is known or a symbol says."""
        if condition.is_constant:
            return self.value(then if condition == 1 else otherwise)
        left, right = self.value(then), self.value(otherwise)
        if isinstance(left, Quantity) and isinstance(right, Quantity):
            return left * condition + right * (1 - condition)
        if isinstance(left, Words) or isinstance(right, Words):
            return self.one_of(condition, then, otherwise)
        if left == right:
            return left
        if isinstance(left, RunTime) or isinstance(right, RunTime):
            return self.chosen_when_run(then, otherwise)
        sides = Scope({"chosen": condition, "then": left, "otherwise": right})
        return sides.closure(apply("select", Name("chosen", BIT), Name("then", then.type), Name("otherwise", then.type)))

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

    def named(self, name: str) -> Quantity:
        """The number that a name stands for."""
        match self.get(name):
            case RunTime() as value:
                raise value.error(name)
            case Quantity() as form:
                return form
            case value:
                return opaque(value)

    def size(self, base: Expr, axis: int) -> Quantity:
        """The length of an array, dictionary or register."""
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
                return self.size(inner, axis)
            case Row(inner, keys):
                return self.size(inner, axis + len(keys))
            case Pack(items):
                return quantity(len(items)) if axis == 0 else self.size(items[0], axis - 1) if items else quantity(0)
            case Apply("select", (condition, then, otherwise)):
                chosen = self.number(condition)
                return chosen * self.size(then, axis) + (1 - chosen) * self.size(otherwise, axis)
        return length(self.closure(base), axis)

    def closure(self, expr: Expr) -> Closure:
        """An expression with the values of its names."""
        expr, lengths = self._with_lengths(expr)
        values: list[tuple[str, Value]] = []
        for name in sorted(free_names(expr)):
            value = lengths[name] if name in lengths else self.get(name)
            if isinstance(value, RunTime):
                raise value.error(name)
            values.append((name, value))
        is_computed = isinstance(expr, (Slice, Row, Pack, Updated, Apply)) and isinstance(expr.type, ArrayType)
        shape = [self.size(expr, axis) for axis in range(expr.type.rank)] if is_computed else []  # type: ignore[union-attr]
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


class _Forms(Domain):
    """Closed forms, in the `Scope` of a function; what has none is opaque."""

    slot = "formed"

    def constant(self, expr: Const) -> Compiled:
        if not isinstance(expr.value, int):
            return self.other(expr)
        form = quantity(int(expr.value))
        return lambda scope: form

    def name(self, expr: Name) -> Compiled:
        return lambda scope: scope.named(expr.name)

    def size(self, expr: Size) -> Compiled:
        return lambda scope: scope.size(expr.base, expr.axis)

    def applied(self, expr: Apply) -> Compiled:
        form = self._form(expr.operator, expr.operands)
        if form is None:
            return self.other(expr)

        names = tuple(free_names(expr))

        def computed(scope: Scope) -> Quantity:
            values = scope.values
            for name in names:
                if type(value := values[name]) is Quantity and not value.is_constant:
                    return form(scope)  # type: ignore[no-any-return]
            try:
                return as_number(known(scope.closure(expr)))  # where all is known, the IR's own arithmetic decides
            except NotKnown:
                return form(scope)  # type: ignore[no-any-return]

        return computed

    def _form(self, name: str, operands: tuple[Expr, ...]) -> Compiled | None:
        """An operator where not all is known."""
        match name, operands:
            case "floor" | "uint", (Apply("/", (_, _) as sides),) if FLOAT not in map(_type, sides):
                return self._by(floor_quotient, sides)
            case "ceil", (Apply("/", (_, _) as sides),) if FLOAT not in map(_type, sides):
                return self._by(lambda above, below: -floor_quotient(-above, below), sides)
            case "floor" | "ceil" | "uint", (inner,) if inner.type != FLOAT:
                return self.compiled(inner)
            case "select", (_, *sides) if FLOAT not in map(_type, sides):
                return self._by(lambda chosen, then, otherwise: chosen * then + (1 - chosen) * otherwise, operands)
            case "&", (number, Const(int(digits))) if digits >= 0 and digits & (digits + 1) == 0:
                return self._by(lambda number: remainder(number, quantity(digits + 1)), (number,))
        rule = _RULES.get(name)
        return None if rule is None or FLOAT in map(_type, operands) else self._by(rule, operands)

    def _by(self, rule: Callable[..., Quantity], operands: Sequence[Expr]) -> Compiled:
        parts = self.compiled_parts(operands)
        return lambda scope: rule(*[part(scope) for part in parts])

    def other(self, expr: Expr) -> Compiled:
        return lambda scope: opaque(scope.closure(expr))


_FORMS = _Forms()
_type = attrgetter("type")

NUMBERS = frozenset((BIT, UINT, FLOAT))
_RULES: dict[str, Callable[..., Quantity]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": product,
    "//": floor_quotient,
    "%": remainder,
    "**": power,
    "neg": operator.neg,
    "abs": lambda only: maximum(only, -only),
    "min": minimum,
    "max": maximum,
    "natural": lambda only: only,
    "matched": lambda count, given: given,
    "<": lambda left, right: at_least_zero(right - left - 1),
    "<=": lambda left, right: at_least_zero(right - left),
    ">": lambda left, right: at_least_zero(left - right - 1),
    ">=": lambda left, right: at_least_zero(left - right),
    "==": lambda left, right: equals_zero(left - right),
    "!=": lambda left, right: 1 - equals_zero(left - right),
    "and": operator.mul,
    "or": lambda left, right: left + right - left * right,
    "^": lambda left, right: left + right - 2 * left * right,
    "not": lambda only: 1 - only,
}


def _evaluated(closure: Closure) -> Value:
    """A closure as what it comes to, where that is known: arrays that a loop changes would else nest as deep as it runs."""
    try:
        return Bound(known(closure))
    except NotKnown:
        return closure
