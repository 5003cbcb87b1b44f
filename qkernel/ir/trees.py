"""What the form of an expression tells, worked out once and kept with it; and the same tree of other leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

from qkernel.ir.expressions import Apply, Const, Expr, Item, Key, Name, Size, SystemName
from qkernel.ir.types import BIT

Found = TypeVar("Found")


def _kept(slot: str) -> Callable[[Callable[[Expr], Found]], Callable[[Expr], Found]]:
    """Keep what a function tells of an expression in this slot of it, and ask it of parts first, so that it does not recur."""
    kept = attrgetter(slot)

    def decorate(of: Callable[[Expr], Found]) -> Callable[[Expr], Found]:
        def found(expr: Expr) -> Found:
            pending = [] if hasattr(expr, slot) else [expr]
            while pending:
                if unknown := [child for child in pending[-1].children if not hasattr(child, slot)]:
                    pending += unknown
                else:
                    part = pending.pop()
                    object.__setattr__(part, slot, of(part))
            return kept(expr)  # type: ignore[no-any-return]

        return found

    return decorate


@_kept("extent")
def tree_size(expr: Expr) -> tuple[int, int]:
    """How many nodes `expr` has as a tree, each shared part as often as it stands there, and how deep they nest."""
    inner = [tree_size(child) for child in expr.children]
    return 1 + sum(nodes for nodes, _ in inner), 1 + max((depth for _, depth in inner), default=0)


def _parts(expr: Expr, is_whole: Callable[[Expr], bool]) -> Iterator[Expr]:
    """The leaves of `expr`, each once, and instead of the leaves in them those parts that are taken as a whole."""
    pending, seen = [expr], {expr}
    while pending:
        part = pending.pop()
        if not part.children or is_whole(part):
            yield part
            continue
        pending += [child for child in part.children if child not in seen]
        seen.update(part.children)


def _names(expr: Expr) -> tuple[frozenset[str], frozenset[Key]]:
    """The two kinds of names, kept with what is asked for them and not with all that is in it, which may be much."""
    if (kept := getattr(expr, "names", None)) is None:
        users, systems = set[str](), set[Key]()
        for part in _parts(expr, lambda part: hasattr(part, "names")):
            match part:
                case Name(name):
                    users.add(name)
                case SystemName(key):
                    systems.add(key)
                case _ if part.children:
                    users |= _names(part)[0]
                    systems |= _names(part)[1]
        kept = frozenset(users), frozenset(systems)
        object.__setattr__(expr, "names", kept)
    return kept


def named(expr: Expr) -> Iterator[Name]:
    """The user's names in `expr`, each once."""
    return (part for part in _parts(expr, lambda part: False) if isinstance(part, Name))


def variables(expr: Expr) -> set[Expr]:
    """The names in `expr`, and of arrays and dictionaries the elements."""
    return {part for part in _parts(expr, _is_element) if isinstance(part, Name) or _is_element(part)}


def _is_element(part: Expr) -> bool:
    return isinstance(part, Item) and isinstance(part.base, Name)


def free_names(expr: Expr) -> frozenset[str]:
    """The user's names that `expr` depends on."""
    return _names(expr)[0]


def system_names(expr: Expr) -> frozenset[Key]:
    """The keys of the system names that `expr` depends on."""
    return _names(expr)[1]


def is_constant(expr: Expr) -> bool:
    """Whether `expr` depends on no name at all."""
    return not any(_names(expr))


def substitute(expr: Expr, values: Mapping[Any, Expr]) -> Expr:
    """`expr` with names, or keys of system names, replaced by expressions; what `values` lacks stays."""
    done: dict[Expr, Expr] = {}

    def replaced(part: Expr) -> Expr:
        if all(values.keys().isdisjoint(found) for found in _names(part)):
            return part
        match part:
            case Name(name) | SystemName(name):
                return values[name]
        if (found := done.get(part)) is None:
            found = done[part] = part.rebuilt([*map(replaced, part.children)])
        return found

    return replaced(expr)


def unchecked(expr: Expr) -> Expr:
    """`expr` without the checks that bounds of slices are natural: the same value wherever it has one."""
    if isinstance(expr, Apply) and expr.operator == "natural":
        return unchecked(expr.operands[0])
    return expr.rebuilt([*map(unchecked, expr.children)])


# Bounds -------------------------------------------------------------------------------------------------------------


class Bounds(NamedTuple):
    """The least and the greatest number that an expression can come to, where it has a value."""

    least: float
    greatest: float


ANY = Bounds(-math.inf, math.inf)
_NATURAL = Bounds(0, math.inf)
_BIT = Bounds(0, 1)


@_kept("bounds")
def bounds(expr: Expr) -> Bounds:
    """Between which numbers `expr` lies, whatever its names stand for; a UInt may be negative between its uses."""
    return _bounds(expr, bounds)


def bounds_where(expr: Expr, known: Callable[[str], Bounds]) -> Bounds:
    """As `bounds`, where `known` tells between which numbers a name lies."""
    if isinstance(expr, Name):
        return known(expr.name)
    return _bounds(expr, lambda part: bounds_where(part, known)) if free_names(expr) else bounds(expr)


def _bounds(expr: Expr, of: Callable[[Expr], Bounds]) -> Bounds:
    match expr:
        case Const(int(value)):
            return Bounds(value, value)
        case Const(float(value)) if math.isfinite(value):
            return Bounds(value, value)
        case Size():
            return _NATURAL
        case Apply(operator, operands) if operator in _RULES and expr.type != BIT:
            try:
                found = _RULES[operator](*map(of, operands))
            except OverflowError:  # a whole number beyond all floats
                return ANY
            return ANY if math.isnan(found.least) or math.isnan(found.greatest) else found
    return _BIT if expr.type == BIT else ANY


def _times(left: float, right: float) -> float:
    return left * right if left and right else 0


def _product(left: Bounds, right: Bounds) -> Bounds:
    corners = [_times(first, second) for first in left for second in right]
    return Bounds(min(corners), max(corners))


def _quotient(left: Bounds, right: Bounds) -> Bounds:
    return _NATURAL if left.least >= 0 and right.least >= 0 else ANY


def _power(base: Bounds, exponent: Bounds) -> Bounds:
    return _NATURAL._replace(least=int(base.least >= 1 and exponent.least >= 0)) if base.least >= 0 else ANY


def _remainder(left: Bounds, right: Bounds) -> Bounds:
    return Bounds(0, right.greatest) if right.least >= 0 else ANY


def _absolute(only: Bounds) -> Bounds:
    return Bounds(max(0, only.least, -only.greatest), max(-only.least, only.greatest))


def _whole(only: Bounds) -> Bounds:
    least, greatest = (end if math.isinf(end) else math.floor(end) for end in only)
    return Bounds(least, greatest + 1)


def _logarithm(only: Bounds) -> Bounds:
    return _NATURAL if only.least >= 1 else ANY


_RULES: dict[str, Callable[..., Bounds]] = {
    "+": lambda left, right: Bounds(left.least + right.least, left.greatest + right.greatest),
    "-": lambda left, right: Bounds(left.least - right.greatest, left.greatest - right.least),
    "*": _product,
    "/": _quotient,
    "//": _quotient,
    "%": _remainder,
    "**": _power,
    "neg": lambda only: Bounds(-only.greatest, -only.least),
    "abs": _absolute,
    "min": lambda left, right: Bounds(min(left.least, right.least), min(left.greatest, right.greatest)),
    "max": lambda left, right: Bounds(max(left.least, right.least), max(left.greatest, right.greatest)),
    "gcd": lambda left, right: _NATURAL,
    "pow": lambda base, exponent, modulus: _remainder(base, modulus),
    "matched": lambda count, given: given,
    "select": lambda _, left, right: Bounds(min(left.least, right.least), max(left.greatest, right.greatest)),
    "natural": lambda only: Bounds(max(0, only.least), max(0, only.greatest)),
    "floor": _whole,
    "ceil": _whole,
    "uint": _whole,
    "float": lambda only: only,
    "sqrt": lambda only: _NATURAL,
    "exp": lambda only: _NATURAL,
    "log": _logarithm,
    "log2": _logarithm,
    "sin": lambda only: Bounds(-1, 1),
    "cos": lambda only: Bounds(-1, 1),
}
