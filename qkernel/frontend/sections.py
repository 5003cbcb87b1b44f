"""Slices of matrices and tensors, and assignments to slices of vectors: as expressions, or loops where lengths come later."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from qkernel.diagnostics import counted
from qkernel.errors import KernelTypeError, UnsupportedPythonError
from qkernel.frontend.arrays import Entries, is_literal, resolve_index, resolve_slice
from qkernel.frontend.tracer import Tracer
from qkernel.frontend.values import as_type
from qkernel.ir import ops
from qkernel.ir.expressions import (
    ONE,
    ZERO,
    ArrayHandle,
    Const,
    Expr,
    Name,
    Pack,
    Slice,
    Updated,
    apply,
    item,
    size,
    vector,
    wrap,
)
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, UINT, ArrayType, ScalarType, Type
from qkernel.observable import Hamiltonian

_ZEROS: dict[Type, Any] = {UINT: 0, FLOAT: 0.0, BIT: False, OBSERVABLE: Hamiltonian()}


def empty(element: ScalarType, length: Expr) -> Expr:
    """A vector of `length` zeros, none where that is negative."""
    return Slice(vector([_ZEROS[element]]), ZERO, ZERO, apply("max", length, 0))


def is_section(base: Expr, key: Any) -> bool:
    """Whether `base[key]` is a slice of a matrix or tensor."""
    return isinstance(base.type, ArrayType) and isinstance(key, tuple) and any(isinstance(part, slice) for part in key)


def read_section(tracer: Tracer, base: Expr, key: tuple[Any, ...], node: ast.Subscript) -> Any:
    """`base[l, :, 0]`: what stands along one axis, as a vector; of trailing axes that are whole, a row."""
    shown, type = ast.unparse(node.value), base.type
    assert isinstance(type, ArrayType)
    if len(key) > type.rank:
        raise KernelTypeError(f"`{shown}` is a {type} and takes {type.rank} indices, not {len(key)}", label="too many indices")
    keys = [*key, *[slice(None)] * (type.rank - len(key))]
    axes = [axis for axis, part in enumerate(keys) if isinstance(part, slice)]
    first, *others = axes
    indices = [
        ZERO if axis in axes else resolve_index(part, size(base, axis), shown, is_literal(node.slice))
        for axis, part in enumerate(keys)
    ]
    if first and axes == [*range(first, type.rank)] and all(keys[axis] == slice(None) for axis in axes):
        return tracer.arrays.item(base, tuple(indices[:first]))
    if others:
        raise UnsupportedPythonError(
            "a slice of a matrix or tensor is a vector, and this is more",
            label=f"{len(axes)} slices",
            help=f"take vectors one by one: `{shown}[{', '.join(['i', ':', '0'][: type.rank])}]`",
        )
    start, stride, length = resolve_slice(keys[first], size(base, first), True)
    before, after = indices[:first], indices[first + 1 :]
    if not after:
        return Slice(item(wrap(base), tuple(before)), start, stride, length)

    def element(position: Expr) -> Expr:
        return item(wrap(base), (*before, start + stride * position, *after))

    if isinstance(length, Const):
        return Pack(tuple(element(Const(k)) for k in range(length.value)), ArrayType(type.element))
    return assigned(tracer, tracer.hint, empty(type.element, length), length, lambda position: position, element)


def assigned(
    tracer: Tracer, hint: str | None, initial: Expr, count: Expr, key: Callable[[Expr], Expr], element: Callable[[Expr], Expr]
) -> Expr:
    """The vector after `vector[key(k)] = element(k)` for k = 0 .. count - 1, by a loop."""
    span, position = tracer.site.span, Name(tracer.fresh("position", "position"), UINT)
    name = Name(tracer.fresh(hint, "elements"), initial.type)
    carried = ops.Carried(name.name, initial, Updated(name, key(position), element(position)), span)
    tracer.emit(ops.For((position.name,), ops.Range(ZERO, count, ONE), (), (carried,), span))
    return name


def with_section(tracer: Tracer, base: Expr, key: slice, value: Any, node: ast.Subscript) -> Expr | Entries:
    """The vector after `base[key] = value`, by its entries where each is known."""
    shown = ast.unparse(node)
    assert isinstance(base.type, ArrayType)
    start, stride, length = resolve_slice(key, size(base), True)
    values = as_type(value, ArrayType(base.type.element), f"what is assigned to `{shown}`")
    given = size(values)
    if isinstance(given, Const) and isinstance(length, Const) and given is not length:
        raise KernelTypeError(
            f"`{shown}` has {counted(length.value, 'element')}, and {given.value} are assigned",
            label=counted(length.value, "element"),
            help="a vector keeps its length: assign as many as the slice has",
        )
    match base, start, stride, given:
        case ArrayHandle(held=tuple(held) | Pack(held)), Const(int(first)), Const(int(step)), Const(int(count)):
            entries = [*held]
            entries[first : first + step * count : step] = [item(values, k) for k in range(count)]
            return tuple(entries)
    count_of_both, name = apply("matched", length, given), ast.unparse(node.value)
    return assigned(tracer, name, wrap(base), count_of_both, lambda k: start + stride * k, lambda k: item(values, k))
