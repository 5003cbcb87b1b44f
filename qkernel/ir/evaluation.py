"""Reading expressions: their value, the names in them, the same tree with other leaves.

`evaluate` works on Python numbers, on numpy arrays (one entry per loop iteration, shot or sample) and on anything else
that overloads the operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import QubitIndexResolutionError
from qkernel.ir.compiled import Closure, Environment, compiled
from qkernel.ir.expressions import (
    Apply,
    Expr,
    Item,
    Name,
    Pack,
    Row,
    Size,
    Slice,
    Updated,
    apply,
    item,
    size,
    wrap,
)
from qkernel.ir.operators import OPERATORS
from qkernel.ir.system_names import Key, SystemName
from qkernel.ir.types import TupleType, Type


def evaluate(expr: Expr, environment: Environment) -> Any:
    """The value of `expr`. Names that `environment` lacks raise KeyError.

    `environment` maps names, and the keys of system names, to numbers, bools, numpy arrays, dictionaries or Hamiltonians.
    An array bound to a *scalar* name stands for one value per iteration, shot or sample, and the result is then such an
    array. A name bound to an expression gives a residual expression.
    Raises `QubitIndexResolutionError` for an element that a vector or dictionary does not have.
    """
    return compiled(expr, _NUMBERS)(environment)


class _Numbers:
    """Numbers, arrays of them, and what is left where a name is an expression."""

    slot = "numeric"
    has_plain_constants = True

    def constant(self, value: Any) -> Closure:
        return lambda _: value

    def is_undecided(self, condition: Any) -> bool:
        return isinstance(condition, (Expr, np.ndarray))

    def operator(self, name: str, values: list[Any]) -> Any:
        if any(isinstance(value, Expr) for value in values):
            return apply(name, *values)
        rule = OPERATORS[name]
        if any(isinstance(value, np.ndarray) for value in values):
            return rule.array(*values)
        return rule.scalar(*values)

    def element(self, base: Any, keys: list[Any], written: Expr) -> Any:
        if isinstance(base, Expr) or any(isinstance(key, Expr) for key in keys):
            return item(wrap(base), tuple(keys) if len(keys) > 1 else keys[0])
        if isinstance(base, dict):
            if keys[0] not in base:
                raise QubitIndexResolutionError(f"a dictionary has no key {keys[0]}")
            return base[keys[0]]
        for key in keys:
            _check_index(key, len(base))
            if isinstance(key, np.ndarray):  # an index, and so an entry of the vector, for each iteration, shot or sample
                rows = np.stack([np.broadcast_to(entry, key.shape) for entry in base])
                base = np.take_along_axis(rows, key[None], 0)[0]
            else:
                base = base[key]
        return base.item() if isinstance(base, np.generic) else base

    def size(self, base: Any, axis: int) -> Any:
        return size(base, axis) if isinstance(base, Expr) else np.shape(base)[axis] if axis else len(base)

    def stretch(self, base: Any, bounds: list[Any], written: Expr) -> Any:
        if any(isinstance(part, Expr) for part in (base, *bounds)):
            return Slice(wrap(base), *map(wrap, bounds))
        start, stride, length = bounds
        if stride == 0:
            return [self.element(base, [start], written)] * length
        if length:
            _check_index(np.array([start, start + stride * (length - 1)]), len(base))
        return base[start : start + stride * length : stride] if length else base[:0]

    def pack(self, values: list[Any], type: Type) -> Any:
        if isinstance(type, TupleType):
            return tuple(values)
        return Pack(tuple(map(wrap, values)), type) if any(isinstance(value, Expr) for value in values) else values

    def updated(self, base: Any, key: Any, value: Any, written: Expr) -> Any:
        if any(isinstance(part, Expr) for part in (base, key, value)):
            return Updated(wrap(base), wrap(key), wrap(value))
        _check_index(key, len(base))
        if isinstance(key, np.ndarray):
            return [np.where(key == k, value, earlier) for k, earlier in enumerate(base)]
        return [value if k == key else earlier for k, earlier in enumerate(base)]


_NUMBERS = _Numbers()


def _check_index(index: Any, length: int) -> None:
    outside = np.asarray((index < 0) | (index >= length))
    if outside.any():
        worst = np.asarray(index)[outside].flat[0]
        elements = counted(length, "element")
        raise QubitIndexResolutionError(f"index {worst} lies outside a vector of {elements}", label=f"index {worst}")


def free_names(expr: Expr) -> frozenset[str]:
    """The user's names that `expr` depends on."""
    return frozenset(leaf.name for leaf in _leaves(expr) if type(leaf) is Name)


def system_names(expr: Expr) -> frozenset[Key]:
    """The keys of the system names that `expr` depends on."""
    return frozenset(leaf.key for leaf in _leaves(expr) if type(leaf) is SystemName)


def is_constant(expr: Expr) -> bool:
    """Whether `expr` depends on no name at all."""
    return all(type(leaf) is not Name and type(leaf) is not SystemName for leaf in _leaves(expr))


def _leaves(expr: Expr) -> Iterator[Expr]:
    """The expressions without others in them, each shared part once."""
    seen, pending = set(), [expr]
    while pending:
        part = pending.pop()
        inner = children(part)
        if not inner:
            yield part
        elif id(part) not in seen:
            seen.add(id(part))
            pending.extend(inner)


def tree_size(expr: Expr) -> tuple[int, int]:
    """How many nodes `expr` has as a tree, each shared part as often as it stands there, and how deep they nest."""
    pending = [] if hasattr(expr, "extent") else [expr]
    while pending:
        entry = pending[-1]
        inner = children(entry)
        if unknown := [child for child in inner if not hasattr(child, "extent")]:
            pending += unknown
            continue
        pending.pop()
        nodes, depth = 1, 0
        for inside, deep in map(_EXTENT, inner):
            nodes, depth = nodes + inside, max(depth, deep)
        object.__setattr__(entry, "extent", (nodes, depth + 1))
    found: tuple[int, int] = _EXTENT(expr)
    return found


_EXTENT = attrgetter("extent")


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside `expr`."""
    if type(expr) is Apply:
        return expr.operands
    match expr:
        case Item(base, keys) | Row(base, keys):
            return (base, *keys)
        case Size(base):
            return (base,)
        case Slice(base, start, stride, length):
            return (base, start, stride, length)
        case Pack(items):
            return items
        case Updated(base, key, value):
            return (base, key, value)
    return ()


def rebuilt(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """`expr` with `change` applied to the expressions directly inside it, folded anew."""
    match expr:
        case Apply(name, operands):
            return apply(name, *map(change, operands))
        case Item(base, keys) | Row(base, keys):
            changed = tuple(map(change, keys))
            return item(change(base), changed if len(changed) > 1 else changed[0])
        case Size(base, axis):
            return size(change(base), axis)
        case Slice(base, start, stride, length):
            return Slice(*map(change, (base, start, stride, length)))
        case Pack(items, type):
            return Pack(tuple(map(change, items)), type)
        case Updated(base, key, value):
            return Updated(*map(change, (base, key, value)))
    return expr


def substitute(expr: Expr, values: Mapping[Any, Expr]) -> Expr:
    """`expr` with names, or keys of system names, replaced by expressions; what `values` lacks stays."""
    done: dict[int, Expr] = {}  # what is shared stays so

    def replaced(part: Expr) -> Expr:
        if isinstance(part, (Name, SystemName)):
            return values.get(part.name if isinstance(part, Name) else part.key, part)
        if (found := done.get(id(part))) is None:
            found = done[id(part)] = rebuilt(part, replaced)
        return found

    return replaced(expr)


def unchecked(expr: Expr) -> Expr:
    """`expr` without the checks that bounds of slices are natural: the same value wherever it has one."""
    if isinstance(expr, Apply) and expr.operator == "natural":
        return unchecked(expr.operands[0])
    return rebuilt(expr, unchecked)
