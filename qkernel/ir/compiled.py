"""Expressions as closures: the one compiler of them. A domain says what they are computed with.

There is one for numbers and arrays (`qkernel.ir.evaluation`), one for affine functions of open parameters
(`qkernel.lower.evaluation`), one for closed forms (`qkernel.estimate.scope`), one for tensors (`qkernel.nn.tensors`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar

from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, SystemName, Updated
from qkernel.ir.operators import OPERATORS
from qkernel.ir.types import Type

Environment = Mapping[Any, Any]
"""Values of names, and of system names by their keys."""

Compiled = Callable[[Any], Any]
"""The value of an expression as a function of its environment, whatever that is in its domain."""

Scalar = Callable[..., Any]

PLAIN = frozenset((int, float, bool))
SMALL = 1 << 63
"""Numbers below this size are computed at once; what is larger takes its time, and is the domain's business."""


class Domain(ABC):
    """What expressions are computed with: each method gives the closure of an expression of its kind."""

    slot: ClassVar[str]
    """The attribute of an expression that keeps its closure."""

    def compiled(self, expr: Expr) -> Compiled:
        """The value of `expr` as a function of its environment, made once for each part of it, and of inner parts first."""
        pending = [] if hasattr(expr, self.slot) else [expr]
        while pending:
            if unknown := [child for child in pending[-1].children if not hasattr(child, self.slot)]:
                pending += unknown
            else:
                part = pending.pop()
                object.__setattr__(part, self.slot, _KINDS.get(type(part), Domain.other)(self, part))
        found: Compiled = getattr(expr, self.slot)
        return found

    def compiled_parts(self, parts: Sequence[Expr]) -> list[Compiled]:
        """Those of several expressions."""
        return [self.compiled(part) for part in parts]

    def constant(self, expr: Const) -> Compiled:
        return self.other(expr)

    def name(self, expr: Name) -> Compiled:
        return self.other(expr)

    def system_name(self, expr: SystemName) -> Compiled:
        return self.other(expr)

    def applied(self, expr: Apply) -> Compiled:
        return self.other(expr)

    def item(self, expr: Item | Row) -> Compiled:
        return self.other(expr)

    def size(self, expr: Size) -> Compiled:
        return self.other(expr)

    def slice(self, expr: Slice) -> Compiled:
        return self.other(expr)

    def pack(self, expr: Pack) -> Compiled:
        return self.other(expr)

    def updated(self, expr: Updated) -> Compiled:
        return self.other(expr)

    @abstractmethod
    def other(self, expr: Expr) -> Compiled:
        """The closure of what the domain has no method for, or an error."""


_KINDS: dict[type[Expr], Callable[[Domain, Any], Compiled]] = {
    Const: lambda domain, expr: domain.constant(expr),
    Name: lambda domain, expr: domain.name(expr),
    SystemName: lambda domain, expr: domain.system_name(expr),
    Apply: lambda domain, expr: domain.applied(expr),
    Item: lambda domain, expr: domain.item(expr),
    Row: lambda domain, expr: domain.item(expr),
    Size: lambda domain, expr: domain.size(expr),
    Slice: lambda domain, expr: domain.slice(expr),
    Pack: lambda domain, expr: domain.pack(expr),
    Updated: lambda domain, expr: domain.updated(expr),
}


class Values(Domain):
    """A domain that plain numbers are values of: they need none of its methods.

    Here stands in which order operands are computed, and which are not computed at all. `written` is an operand as it
    stands in the expression, for messages.
    """

    @abstractmethod
    def is_undecided(self, condition: Any) -> bool:
        """Whether nobody can tell yet which way a condition goes; both sides of a choice are then computed."""

    @abstractmethod
    def operate(self, name: str, values: list[Any]) -> Any:
        """An operator on values that are not all small plain numbers."""

    @abstractmethod
    def element(self, base: Any, keys: list[Any], written: Expr) -> Any:
        """An element of an array or a dictionary, or what is left of an array with its first axes fixed."""

    @abstractmethod
    def length(self, base: Any, axis: int) -> Any:
        """The length of an array along an axis, of a dictionary or of a register."""

    @abstractmethod
    def stretch(self, base: Any, bounds: list[Any], written: Expr) -> Any:
        """Elements of a vector; `bounds` are the first, the step, and how many."""

    @abstractmethod
    def packed(self, values: list[Any], type: Type) -> Any:
        """A vector or tuple of values."""

    @abstractmethod
    def replaced(self, base: Any, key: Any, value: Any, written: Expr) -> Any:
        """A vector with another value at `key`."""

    def constant(self, expr: Const) -> Compiled:
        value = expr.value
        return lambda names: value

    def name(self, expr: Name) -> Compiled:
        return itemgetter(expr.name)

    def system_name(self, expr: SystemName) -> Compiled:
        return itemgetter(expr.key)

    def applied(self, expr: Apply) -> Compiled:
        match expr.operands:
            case left, right if expr.operator in ("and", "or"):
                return _early(expr.operator, self.compiled(left), self.compiled(right), self)
            case left, Const(number) if type(number) in PLAIN and -SMALL < number < SMALL:
                return _with_constant(expr.operator, self.compiled(left), number, self)
            case left, right:
                return _binary(expr.operator, self.compiled(left), self.compiled(right), self)
            case (operand,):
                return _unary(expr.operator, self.compiled(operand), self)
            case condition, then, otherwise if expr.operator == "select":
                return _choice(self.compiled(condition), self.compiled(then), self.compiled(otherwise), self)
            case operands:
                return _several(expr.operator, self.compiled_parts(operands), self)

    def item(self, expr: Item | Row) -> Compiled:
        base = expr.base
        array = self.compiled(base)
        if len(expr.keys) == 1:
            return _element(array, self.compiled(expr.keys[0]), base, self)
        keys = self.compiled_parts(expr.keys)
        return lambda names: self.element(array(names), [key(names) for key in keys], base)

    def size(self, expr: Size) -> Compiled:
        array, axis = self.compiled(expr.base), expr.axis
        return lambda names: self.length(array(names), axis)

    def slice(self, expr: Slice) -> Compiled:
        base = expr.base
        array, bounds = self.compiled(base), self.compiled_parts((expr.start, expr.stride, expr.length))
        return lambda names: self.stretch(array(names), [bound(names) for bound in bounds], base)

    def pack(self, expr: Pack) -> Compiled:
        items, type = self.compiled_parts(expr.items), expr.type
        return lambda names: self.packed([item(names) for item in items], type)

    def updated(self, expr: Updated) -> Compiled:
        base = expr.base
        array, key, value = self.compiled(base), self.compiled(expr.key), self.compiled(expr.value)
        return lambda names: self.replaced(array(names), key(names), value(names), base)

    def other(self, expr: Expr) -> Compiled:
        raise TypeError(f"not an expression: {expr!r}")


# What a closure holds stands among its arguments: as cells it takes four times as long to make.


def _element(array: Compiled, key: Compiled, written: Expr, domain: Values) -> Compiled:
    def found(
        names: Environment, array: Compiled = array, key: Compiled = key, written: Expr = written, domain: Values = domain
    ) -> Any:
        return domain.element(array(names), [key(names)], written)

    return found


def _choice(condition: Compiled, then: Compiled, otherwise: Compiled, domain: Values) -> Compiled:
    def chosen(
        names: Environment,
        condition: Compiled = condition,
        then: Compiled = then,
        otherwise: Compiled = otherwise,
        domain: Values = domain,
    ) -> Any:
        known = condition(names)
        if type(known) not in PLAIN and domain.is_undecided(known):
            return domain.operate("select", [known, then(names), otherwise(names)])
        return then(names) if known else otherwise(names)  # the other side may have no value: 1 / n if n else 0

    return chosen


def _early(name: str, left: Compiled, right: Compiled, domain: Values) -> Compiled:
    """`and`, `or`: where the first operand tells, the second is not computed."""

    def connected(
        names: Environment, name: str = name, left: Compiled = left, right: Compiled = right, domain: Values = domain
    ) -> Any:
        first = left(names)
        if type(first) in PLAIN and bool(first) == (name == "or"):
            return bool(first)
        return domain.operate(name, [first, right(names)])

    return connected


def _with_constant(name: str, left: Compiled, second: Any, domain: Values) -> Compiled:
    def computed(
        names: Environment,
        name: str = name,
        left: Compiled = left,
        second: Any = second,
        compute: Scalar = OPERATORS[name].scalar,
        domain: Values = domain,
    ) -> Any:
        first = left(names)
        if type(first) in PLAIN and -SMALL < first < SMALL:
            return compute(first, second)
        return domain.operate(name, [first, second])

    return computed


def _binary(name: str, left: Compiled, right: Compiled, domain: Values) -> Compiled:
    def computed(
        names: Environment,
        name: str = name,
        left: Compiled = left,
        right: Compiled = right,
        compute: Scalar = OPERATORS[name].scalar,
        domain: Values = domain,
    ) -> Any:
        first, second = left(names), right(names)
        if type(first) in PLAIN and type(second) in PLAIN and -SMALL < first < SMALL and -SMALL < second < SMALL:
            return compute(first, second)
        return domain.operate(name, [first, second])

    return computed


def _several(name: str, parts: list[Compiled], domain: Values) -> Compiled:
    def computed(names: Environment, name: str = name, parts: list[Compiled] = parts, domain: Values = domain) -> Any:
        return domain.operate(name, [part(names) for part in parts])

    return computed


def _unary(name: str, part: Compiled, domain: Values) -> Compiled:
    def computed(
        names: Environment,
        name: str = name,
        part: Compiled = part,
        compute: Scalar = OPERATORS[name].scalar,
        domain: Values = domain,
    ) -> Any:
        operand = part(names)
        return compute(operand) if type(operand) in PLAIN else domain.operate(name, [operand])

    return computed
