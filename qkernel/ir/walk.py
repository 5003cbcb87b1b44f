"""Readings of the IR that many need: all ops, the names that an op defines and their types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from qkernel.ir.expressions import Expr
from qkernel.ir.fields import Declared, Defines, Role
from qkernel.ir.ops import Block, Function, Items, Op, Range
from qkernel.ir.places import Place
from qkernel.ir.types import UINT, ArrayType, DictType, TupleType, Type


def walk(block: Block) -> Iterator[Op]:
    """Every op of `block` and of the blocks in it, depth first, an op before what it contains."""
    pending = list(reversed(block))
    while pending:
        op = pending.pop()
        yield op
        for inner in reversed(blocks(op)):
            pending.extend(reversed(inner))


def blocks(op: Op) -> tuple[Block, ...]:
    """The blocks nested directly in `op`."""
    return tuple([getattr(op, name) for name in op.block_fields])


def operands(op: Declared) -> Iterator[Expr | Place]:
    """The expressions and places of `op` and of its parts, but not of the blocks in it."""
    for name in op.operand_fields:
        yield from _operands(getattr(op, name))


def _operands(value: Any) -> Iterator[Expr | Place]:
    match value:
        case tuple():
            for part in value:
                yield from _operands(part)
        case Declared():
            yield from operands(value)
        case Expr() | Place():
            yield value


def expressions(op: Op) -> Iterator[Expr]:
    """The expressions of `op` itself, those in its places included."""
    for value in operands(op):
        if isinstance(value, Expr):
            yield value
        else:
            yield from value.bounds


def with_values(op: Any, change: Callable[[Expr], Expr], move: Callable[[Place], Place] | None = None) -> Any:
    """An op or a block with each of its expressions changed, those in its places, parts and blocks included; places moved."""

    match op:
        case tuple():
            return tuple(with_values(part, change, move) for part in op)
        case Declared():
            names = (*op.operand_fields, *op.block_fields)
            changed: Any = {name: with_values(getattr(op, name), change, move) for name in names}
            return replace(op, **changed)  # type: ignore[type-var]
        case Expr():
            return change(op)
        case Place():
            return op.changed(change) if move is None else move(op.changed(change))
    return op


def with_blocks(op: Op, change: Callable[[Block], Block]) -> Op:
    """`op` with each of its blocks changed."""
    changed: Any = {name: change(getattr(op, name)) for name in op.block_fields}
    return replace(op, **changed) if changed else op


def return_types(functions: Iterable[Function]) -> dict[str, tuple[Type, ...]]:
    """What each of these functions gives back, by its name."""
    return {function.name: tuple(value.type for value in function.returns) for function in functions}


def target_types(domain: Range | Items, count: int) -> tuple[Type, ...] | None:
    """The types of the `count` targets of a loop over `domain`; None if it does not have that many."""
    if isinstance(domain, Range):
        return (UINT,) if count == 1 else None
    match domain.dictionary.type:
        case DictType(key, value) if count == 2:
            return (key, value)
        case DictType(TupleType(items), value) if len(items) == count - 1:
            return (*items, value)
        case DictType(ArrayType(element), value) if count > 2:
            return (*(element,) * (count - 1), value)
    return None


def definitions(op: Any, returns: Mapping[str, tuple[Type, ...]]) -> Iterator[tuple[str, Type]]:
    """The names that `op` defines for what follows it and their types; `returns` is what each function gives back."""
    for name, role in op.roles:
        value = getattr(op, name)
        match role:
            case Defines(type_of):
                yield value, type_of(op)
            case Role.RESULTS:
                yield from ((name, type) for name, type in zip(value, returns[op.callee], strict=True) if name is not None)
            case Role.PARTS if isinstance(value, tuple):
                for part in value:
                    yield from definitions(part, returns)
