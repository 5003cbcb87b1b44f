"""Expressions as closures: the one compiler of them, over what a domain says that their parts mean.

A domain is a kind of value to compute with: numbers and arrays (`qkernel.ir.evaluation`), affine functions of open
parameters (`qkernel.lower.evaluation`), tensors (`qkernel.nn.tensors`). What all have in common stands here: in which
order operands are computed, which are not computed at all, and that plain numbers need no domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol

from qkernel.ir.expressions import Apply, Const, Expr, Item, Name, Pack, Row, Size, Slice, Updated
from qkernel.ir.operators import OPERATORS
from qkernel.ir.system_names import SystemName
from qkernel.ir.types import Type

Environment = Mapping[Any, Any]
"""Values of names, and of system names by their keys."""

Closure = Callable[[Environment], Any]
Scalar = Callable[..., Any]

PLAIN = frozenset((int, float, bool))
SMALL = 1 << 63
"""Numbers below this size are computed at once; what is larger takes its time, and is the domain's business."""


class Domain(Protocol):
    """What expressions are computed with. `written` is an operand as it stands in the expression, for messages."""

    slot: str
    """The attribute of an expression that keeps its closure."""

    has_plain_constants: bool
    """Whether a constant is the number itself."""

    def constant(self, value: Any) -> Closure:
        """What a constant is."""

    def is_undecided(self, condition: Any) -> bool:
        """Whether nobody can tell yet which way a condition goes; both sides of a choice are then computed."""

    def operator(self, name: str, values: list[Any]) -> Any:
        """An operator on values that are not all small plain numbers."""

    def element(self, base: Any, keys: list[Any], written: Expr) -> Any:
        """An element of an array or a dictionary, or what is left of an array with its first axes fixed."""

    def size(self, base: Any, axis: int) -> Any:
        """The length of an array along an axis, of a dictionary or of a register."""

    def stretch(self, base: Any, bounds: list[Any], written: Expr) -> Any:
        """Elements of a vector; `bounds` are the first, the step, and how many."""

    def pack(self, values: list[Any], type: Type) -> Any:
        """A vector or tuple of values."""

    def updated(self, base: Any, key: Any, value: Any, written: Expr) -> Any:
        """A vector with another value at `key`."""


def compiled(expr: Expr, domain: Domain) -> Closure:
    """The value of `expr` as a function of its environment, made once for each part of it."""
    found: Closure | None = getattr(expr, domain.slot, None)
    if found is None:
        found = _COMPILERS[type(expr)](expr, domain)
        object.__setattr__(expr, domain.slot, found)
    return found


def _all(parts: Sequence[Expr], domain: Domain) -> list[Closure]:
    return [compiled(part, domain) for part in parts]


def _constant(expr: Const, domain: Domain) -> Closure:
    return domain.constant(expr.value)


def _name(expr: Name, domain: Domain) -> Closure:
    return itemgetter(expr.name)


def _system_name(expr: SystemName, domain: Domain) -> Closure:
    return itemgetter(expr.key)


def _apply(expr: Apply, domain: Domain) -> Closure:
    match expr.operands:
        case left, right:
            first = compiled(left, domain)
            if expr.operator in ("and", "or"):
                return _early(expr.operator, first, compiled(right, domain), domain)
            if type(right) is Const and domain.has_plain_constants and _is_small(right.value):
                return _with_constant(expr.operator, first, right.value, domain)
            return _binary(expr.operator, first, compiled(right, domain), domain)
        case (operand,):
            return _unary(expr.operator, compiled(operand, domain), domain)
        case condition, then, otherwise:
            return _choice(compiled(condition, domain), compiled(then, domain), compiled(otherwise, domain), domain)
    raise TypeError(f"`{expr.operator}` of {len(expr.operands)} operands")


def _item(expr: Item | Row, domain: Domain) -> Closure:
    array = compiled(expr.base, domain)
    if len(expr.keys) == 1:
        return _element(array, compiled(expr.keys[0], domain), expr.base, domain)
    base, keys = expr.base, _all(expr.keys, domain)
    return lambda names: domain.element(array(names), [key(names) for key in keys], base)


def _size(expr: Size, domain: Domain) -> Closure:
    array, axis = compiled(expr.base, domain), expr.axis
    return lambda names: domain.size(array(names), axis)


def _slice(expr: Slice, domain: Domain) -> Closure:
    base, bounds = expr.base, _all((expr.start, expr.stride, expr.length), domain)
    array = compiled(base, domain)
    return lambda names: domain.stretch(array(names), [bound(names) for bound in bounds], base)


def _pack(expr: Pack, domain: Domain) -> Closure:
    items, type_ = _all(expr.items, domain), expr.type
    return lambda names: domain.pack([item(names) for item in items], type_)


def _updated(expr: Updated, domain: Domain) -> Closure:
    base = expr.base
    array, key, value = compiled(base, domain), compiled(expr.key, domain), compiled(expr.value, domain)
    return lambda names: domain.updated(array(names), key(names), value(names), base)


_COMPILERS: dict[type[Expr], Callable[[Any, Domain], Closure]] = {
    Const: _constant,
    Name: _name,
    SystemName: _system_name,
    Apply: _apply,
    Item: _item,
    Row: _item,
    Size: _size,
    Slice: _slice,
    Pack: _pack,
    Updated: _updated,
}


def _is_small(value: Any) -> bool:
    return type(value) in PLAIN and -SMALL < value < SMALL


# What a closure holds stands among its arguments: as cells it takes four times as long to make.


def _element(array: Closure, key: Closure, written: Expr, domain: Domain) -> Closure:
    def found(
        names: Environment, array: Closure = array, key: Closure = key, written: Expr = written, domain: Domain = domain
    ) -> Any:
        return domain.element(array(names), [key(names)], written)

    return found


def _choice(condition: Closure, then: Closure, otherwise: Closure, domain: Domain) -> Closure:
    def chosen(
        names: Environment,
        condition: Closure = condition,
        then: Closure = then,
        otherwise: Closure = otherwise,
        domain: Domain = domain,
    ) -> Any:
        known = condition(names)
        if type(known) not in PLAIN and domain.is_undecided(known):
            return domain.operator("select", [known, then(names), otherwise(names)])
        return then(names) if known else otherwise(names)  # the other side may have no value: 1 / n if n else 0

    return chosen


def _early(name: str, left: Closure, right: Closure, domain: Domain) -> Closure:
    """`and`, `or`: where the first operand tells, the second is not computed."""

    def connected(
        names: Environment, name: str = name, left: Closure = left, right: Closure = right, domain: Domain = domain
    ) -> Any:
        first = left(names)
        if type(first) in PLAIN and bool(first) == (name == "or"):
            return bool(first)
        return domain.operator(name, [first, right(names)])

    return connected


def _with_constant(name: str, left: Closure, second: Any, domain: Domain) -> Closure:
    def computed(
        names: Environment,
        name: str = name,
        left: Closure = left,
        second: Any = second,
        compute: Scalar = OPERATORS[name].scalar,
        domain: Domain = domain,
    ) -> Any:
        first = left(names)
        if type(first) in PLAIN and -SMALL < first < SMALL:
            return compute(first, second)
        return domain.operator(name, [first, second])

    return computed


def _binary(name: str, left: Closure, right: Closure, domain: Domain) -> Closure:
    def computed(
        names: Environment,
        name: str = name,
        left: Closure = left,
        right: Closure = right,
        compute: Scalar = OPERATORS[name].scalar,
        domain: Domain = domain,
    ) -> Any:
        first, second = left(names), right(names)
        if type(first) in PLAIN and type(second) in PLAIN and -SMALL < first < SMALL and -SMALL < second < SMALL:
            return compute(first, second)
        return domain.operator(name, [first, second])

    return computed


def _unary(name: str, part: Closure, domain: Domain) -> Closure:
    def computed(
        names: Environment,
        name: str = name,
        part: Closure = part,
        compute: Scalar = OPERATORS[name].scalar,
        domain: Domain = domain,
    ) -> Any:
        operand = part(names)
        return compute(operand) if type(operand) in PLAIN else domain.operator(name, [operand])

    return computed
