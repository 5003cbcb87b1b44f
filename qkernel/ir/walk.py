"""Readings of the IR that many need: all ops, the names that an op defines and their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from qkernel.diagnostics import Span
from qkernel.ir.expressions import Expr
from qkernel.ir.ops import Alloc, Block, Call, Expval, For, If, Items, Measure, Module, Op, Probabilities, Range, While, blocks
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, Type, joined_type


def walk(block: Block) -> Iterator[Op]:
    """Every op of `block` and of the blocks in it, depth first, an op before what it contains."""
    pending = list(reversed(block))
    while pending:
        op = pending.pop()
        yield op
        for inner in reversed(blocks(op)):
            pending.extend(reversed(inner))


def expressions(op: Op) -> Iterator[Expr]:
    """The expressions of `op` itself; those of the blocks in it are left out."""
    inside = blocks(op)
    for entry in fields(op):
        if not any(getattr(op, entry.name) is block for block in inside):
            yield from _expressions(getattr(op, entry.name))


def _expressions(value: Any) -> Iterator[Expr]:
    if isinstance(value, Expr):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _expressions(part)
    elif is_dataclass(value) and not isinstance(value, Span):
        for entry in fields(value):
            yield from _expressions(getattr(value, entry.name))


def value_type(value: Expr | Place) -> Type:
    """The type of an argument or of a returned value."""
    if isinstance(value, Place):
        return QUBIT if value.length is None else ArrayType(QUBIT)
    return value.type


def return_types(module: Module) -> dict[str, tuple[Type, ...]]:
    """What each function of the module gives back, by its name."""
    return {function.name: tuple(map(value_type, function.returns)) for function in module.functions}


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


def definitions(op: Op, returns: Mapping[str, tuple[Type, ...]]) -> Iterator[tuple[str, Type]]:
    """The names that `op` defines for what follows it and their types; `returns` is what each function gives back."""
    match op:
        case Alloc(register, size):
            yield register, QUBIT if size is None else ArrayType(QUBIT)
        case Measure(place, result):
            yield result, BIT if place.length is None else ArrayType(BIT)
        case Expval(_, observable, result):
            yield result, ArrayType(FLOAT) if isinstance(observable.type, ArrayType) else FLOAT
        case Probabilities(_, result):
            yield result, ArrayType(FLOAT)
        case Call(callee, _, results):
            yield from ((name, type) for name, type in zip(results, returns[callee], strict=True) if name is not None)
        case For() | While():
            yield from ((entry.name, joined_type(entry.initial.type, entry.next.type)) for entry in op.carried)
        case If():
            yield from ((entry.name, joined_type(entry.then.type, entry.otherwise.type)) for entry in op.joined)
