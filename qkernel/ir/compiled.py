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
    if (found := getattr(expr, domain.slot, None)) is None:
        found = _closure(expr, domain)
        object.__setattr__(expr, domain.slot, found)
    return found


def _closure(expr: Expr, domain: Domain) -> Closure:
    match expr:
        case Const(value):
            return domain.constant(value)
        case Name(name) | SystemName(name):
            return itemgetter(name)
        case Apply(name, (left, right)):
            first = compiled(left, domain)
            if name in ("and", "or"):
                return _early(name, first, compiled(right, domain), domain)
            if type(right) is Const and domain.has_plain_constants and _is_small(right.value):
                return _with_constant(name, first, right.value, domain)
            return _binary(name, first, compiled(right, domain), domain)
        case Apply("select", (condition, then, otherwise)):
            return _choice(compiled(condition, domain), compiled(then, domain), compiled(otherwise, domain), domain)
        case Apply(name, (operand,)):
            return _unary(name, compiled(operand, domain), domain)
        case Apply(name, operands):
            parts = _all(operands, domain)
            return lambda names: domain.operator(name, [part(names) for part in parts])
        case Item(base, (key,)) | Row(base, (key,)):
            array, index = compiled(base, domain), compiled(key, domain)
            return lambda names: domain.element(array(names), [index(names)], base)
        case Item(base, keys) | Row(base, keys):
            array, indices = compiled(base, domain), _all(keys, domain)
            return lambda names: domain.element(array(names), [index(names) for index in indices], base)
        case Size(base, axis):
            array = compiled(base, domain)
            return lambda names: domain.size(array(names), axis)
        case Slice(base, start, stride, length):
            array, parts = compiled(base, domain), _all((start, stride, length), domain)
            return lambda names: domain.stretch(array(names), [part(names) for part in parts], base)
        case Pack(items, type_):
            parts = _all(items, domain)
            return lambda names: domain.pack([part(names) for part in parts], type_)
        case Updated(base, key, value):
            array, index, entry = compiled(base, domain), compiled(key, domain), compiled(value, domain)
            return lambda names: domain.updated(array(names), index(names), entry(names), base)
    raise TypeError(f"not an expression: {expr!r}")


def _all(parts: Sequence[Expr], domain: Domain) -> list[Closure]:
    return [compiled(part, domain) for part in parts]


def _is_small(value: Any) -> bool:
    return type(value) in PLAIN and -SMALL < value < SMALL


def _choice(condition: Closure, then: Closure, otherwise: Closure, domain: Domain) -> Closure:
    def chosen(names: Environment) -> Any:
        known = condition(names)
        if type(known) not in PLAIN and domain.is_undecided(known):
            return domain.operator("select", [known, then(names), otherwise(names)])
        return then(names) if known else otherwise(names)  # the other side may have no value: 1 / n if n else 0

    return chosen


def _early(name: str, left: Closure, right: Closure, domain: Domain) -> Closure:
    """`and`, `or`: where the first operand tells, the second is not computed."""
    decisive = name == "or"

    def connected(names: Environment) -> Any:
        first = left(names)
        if type(first) in PLAIN and bool(first) == decisive:
            return decisive
        return domain.operator(name, [first, right(names)])

    return connected


def _with_constant(name: str, left: Closure, second: Any, domain: Domain) -> Closure:
    compute = OPERATORS[name].scalar

    def computed(names: Environment) -> Any:
        first = left(names)
        if type(first) in PLAIN and -SMALL < first < SMALL:
            return compute(first, second)
        return domain.operator(name, [first, second])

    return computed


def _binary(name: str, left: Closure, right: Closure, domain: Domain) -> Closure:
    compute = OPERATORS[name].scalar

    def computed(names: Environment) -> Any:
        first, second = left(names), right(names)
        if type(first) in PLAIN and type(second) in PLAIN and -SMALL < first < SMALL and -SMALL < second < SMALL:
            return compute(first, second)
        return domain.operator(name, [first, second])

    return computed


def _unary(name: str, part: Closure, domain: Domain) -> Closure:
    compute = OPERATORS[name].scalar

    def computed(names: Environment) -> Any:
        operand = part(names)
        return compute(operand) if type(operand) in PLAIN else domain.operator(name, [operand])

    return computed
