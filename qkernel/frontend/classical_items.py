"""Elements, rows and slices of classical vectors, matrices, dictionaries and tuples."""

from __future__ import annotations

import ast
from typing import Any

from qkernel.errors import KernelTypeError, QubitIndexResolutionError, UnsupportedPythonError
from qkernel.frontend.conversion import as_type
from qkernel.frontend.indexing import resolve_slice, whole_number
from qkernel.frontend.ownership import QuantumHandle
from qkernel.frontend.tracer import Tracer, describe
from qkernel.ir.expressions import Const, Expr, Pack, Slice, Updated, item, size, wrap
from qkernel.ir.types import ArrayType, DictType, TupleType


def read_item(tracer: Tracer, base: Expr, key: Any, key_node: ast.expr, node: ast.AST) -> Any:
    """`base[key]`."""
    span = tracer.frame.span(node)
    shown = ast.unparse(node.value) if isinstance(node, ast.Subscript) else "the value"
    match base.type:
        case DictType(key_type):
            if isinstance(key, QuantumHandle):
                raise KernelTypeError(f"a key of `{shown}` must be a {key_type}", span=span, label=describe(key))
            return item(base, as_type(key, key_type, f"a key of `{shown}`", span))
        case TupleType(items):
            if isinstance(key, int) and -len(items) <= key < len(items):
                return item(base, key % len(items))
            raise KernelTypeError(
                f"`{shown}` is a tuple of {len(items)}; its index must be a known number", span=span, label="index"
            )
        case ArrayType(_, rank):
            keys = key if isinstance(key, tuple) else (key,)
            if len(keys) > rank:
                raise KernelTypeError(
                    f"`{shown}` is a {base.type} and takes {rank} indices, not {len(keys)}", span=span, label="too many indices"
                )
            if isinstance(key, slice):
                if rank != 1:
                    raise UnsupportedPythonError(
                        "only vectors have slices",
                        span=span,
                        label=f"`{shown}` is a {base.type}",
                        help=f"take one row and slice it: `{shown}[0][{ast.unparse(key_node)}]`",
                    )
                start, stride, length = resolve_slice(key, size(base), span, True)
                return Slice(wrap(base), start, stride, length)
            resolved = tuple(_index(part, base, axis, shown, key_node, span) for axis, part in enumerate(keys))
            return tracer.arrays.item(base, resolved)
    raise KernelTypeError(f"`{shown}` is a {base.type} and has no elements", span=span, label="indexed here")


def _index(key: Any, base: Expr, axis: int, shown: str, key_node: ast.expr, span: Any) -> Expr:
    from qkernel.frontend.reader import is_literal

    index = whole_number(key, f"an index of `{shown}`", span)
    length = size(base, axis)
    if isinstance(index, Const) and index.value < 0:
        if not is_literal(key_node):
            raise QubitIndexResolutionError(
                f"the index of `{shown}` is negative: {index.value}",
                span=span,
                label=f"this is {index.value}",
                help=f"a negative number counts from the end only where it is written as such: `{shown}[{index.value}]`",
            )
        index = length - -index.value
    if isinstance(index, Const) and isinstance(length, Const) and not 0 <= index.value < length.value:
        raise QubitIndexResolutionError(
            f"`{shown}` has {length.value} elements, so it has no element {index.value}",
            span=span,
            label=f"index {index.value} of {length.value}",
        )
    return index


def updated(tracer: Tracer, base: Expr, key: Any, value: Any, key_node: ast.expr, node: ast.AST) -> Expr:
    """The vector after `base[key] = value`."""
    span = tracer.frame.span(node)
    shown = ast.unparse(node.value) if isinstance(node, ast.Subscript) else "the vector"
    if not isinstance(base.type, ArrayType) or base.type.rank != 1 or isinstance(key, (slice, tuple)):
        raise UnsupportedPythonError(
            f"`{shown}` is a {base.type}; only single elements of vectors are assigned",
            span=span,
            label="cannot be assigned",
            help="give the new value a name of its own: `value = ...`",
        )
    index = _index(key, base, 0, shown, key_node, span)
    if isinstance(value, QuantumHandle):
        raise KernelTypeError(f"`{shown}` holds classical values", span=span, label=describe(value))
    entry = as_type(value, base.type.element, f"an element of `{shown}`", span)
    base = wrap(base)
    if isinstance(base, Pack) and isinstance(index, Const):
        return Pack((*base.items[: index.value], entry, *base.items[index.value + 1 :]), base.type)
    return Updated(base, index, entry)
