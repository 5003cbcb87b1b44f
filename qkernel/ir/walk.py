"""Readings of the IR that many need: all ops, all expressions, the names that an op defines and their types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qkernel.ir.evaluation import children
from qkernel.ir.expressions import Expr, Name
from qkernel.ir.ops import (
    Alloc,
    Block,
    Call,
    Control,
    Expval,
    For,
    Gate,
    If,
    Items,
    Measure,
    Modifier,
    Module,
    Op,
    PauliEvolve,
    Power,
    Probabilities,
    Range,
    Reset,
    While,
    blocks,
)
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, DictType, TupleType, Type


def walk(block: Block) -> Iterator[Op]:
    """Every op of `block` and of the blocks in it, depth first, an op before what it contains."""
    pending = list(reversed(block))
    while pending:
        op = pending.pop()
        yield op
        for inner in reversed(blocks(op)):
            pending.extend(reversed(inner))


def op_places(op: Op) -> Iterator[Place]:
    """The places that `op` itself touches, controls first; not those of its blocks."""
    match op:
        case Gate() | PauliEvolve() | Call():
            for modifier in op.modifiers:
                if isinstance(modifier, Control):
                    yield from modifier.places
    match op:
        case Gate() | PauliEvolve() | Expval() | Probabilities():
            yield from op.places
        case Call():
            yield from (argument for argument in op.arguments if isinstance(argument, Place))
        case Measure() | Reset():
            yield op.place


def op_expressions(op: Op) -> Iterator[Expr]:
    """The expressions that stand in `op` itself, those of its places included; not those of its blocks."""
    for place in op_places(op):
        yield from place_expressions(place)
    match op:
        case Gate() | PauliEvolve() | Call():
            yield from _modifier_expressions(op.modifiers)
    match op:
        case Alloc(size=size) if size is not None:
            yield size
        case Gate():
            yield from op.angles
        case PauliEvolve():
            yield from (op.observable, op.time)
        case Call():
            yield from (argument for argument in op.arguments if isinstance(argument, Expr))
        case Expval():
            yield op.observable
        case For(domain=domain):
            yield from domain_expressions(domain)
        case If() | While():
            yield op.condition
    match op:
        case For() | While():
            yield from (part for carried in op.carried for part in (carried.initial, carried.next))
        case If():
            yield from (part for joined in op.joined for part in (joined.then, joined.otherwise))


def domain_expressions(domain: Range | Items) -> tuple[Expr, ...]:
    """The expressions in what a loop runs over."""
    return (domain.dictionary,) if isinstance(domain, Items) else (domain.start, domain.stop, domain.step)


def place_expressions(place: Place) -> tuple[Expr, ...]:
    """The expressions in a place."""
    parts = (place.start, place.stride)
    return parts if place.length is None else (*parts, place.length)


def _modifier_expressions(modifiers: Iterable[Modifier]) -> Iterator[Expr]:
    for modifier in modifiers:
        match modifier:
            case Control():
                yield from (part for part in (modifier.value, modifier.count) if part is not None)
            case Power(exponent):
                yield exponent


def expression_names(expr: Expr) -> Iterator[Name]:
    """Every occurrence of a name in `expr`, however deep it is."""
    pending = [expr]
    while pending:
        part = pending.pop()
        if isinstance(part, Name):
            yield part
        else:
            pending.extend(reversed(children(part)))


def value_type(value: Expr | Place) -> Type:
    """The type of an argument or of a returned value."""
    if isinstance(value, Place):
        return QUBIT if value.length is None else ArrayType(QUBIT)
    return value.type


def joined_type(left: Type, right: Type) -> Type:
    """The type of a value that is one or the other."""
    return FLOAT if {left, right} == {UINT, FLOAT} else left


def target_types(domain: Range | Items, count: int) -> tuple[Type, ...]:
    """The types of the `count` targets of a loop."""
    if isinstance(domain, Range):
        return (UINT,) * count
    dictionary = domain.dictionary.type
    if not isinstance(dictionary, DictType):
        return (UINT,) * count
    match dictionary.key:
        case TupleType(items) if len(items) == count - 1:
            return (*items, dictionary.value)
        case ArrayType(element) if count > 2:
            return (*(element,) * (count - 1), dictionary.value)
    return (*(dictionary.key,) * (count - 1), dictionary.value)


def definitions(op: Op, module: Module) -> Iterator[tuple[str, Type]]:
    """The names that `op` itself defines and their types, as far as they follow from `op`; not those of its blocks."""
    match op:
        case Alloc(register, size):
            yield register, QUBIT if size is None else ArrayType(QUBIT)
        case Measure(place, result):
            yield result, BIT if place.length is None else ArrayType(BIT)
        case Expval(_, observable, result):
            yield result, ArrayType(FLOAT) if isinstance(observable.type, ArrayType) else FLOAT
        case Probabilities(_, result):
            yield result, ArrayType(FLOAT)
        case Call(callee, _, results) if callee in module.index:
            for name, value in zip(results, module[callee].returns, strict=False):
                if name is not None:
                    yield name, value_type(value)
        case For(targets, domain, _, carried):
            yield from zip(targets, target_types(domain, len(targets)), strict=True)
            yield from ((entry.name, joined_type(entry.initial.type, entry.next.type)) for entry in carried)
        case While(_, _, carried):
            yield from ((entry.name, joined_type(entry.initial.type, entry.next.type)) for entry in carried)
        case If(joined=joined):
            yield from ((entry.name, joined_type(entry.then.type, entry.otherwise.type)) for entry in joined)
