"""Which type each name has where it is defined. A name may be defined again once the first one is out of scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qkernel.ir.expressions import Expr
from qkernel.ir.ops import Block, For, Function, If, Module, Op, While
from qkernel.ir.places import Place
from qkernel.ir.types import Type, is_quantum
from qkernel.ir.walk import definitions, domain_expressions, expression_names, op_expressions, place_expressions

Definitions = Mapping[tuple[int, str], Type]


def resolve(function: Function, module: Module) -> Definitions:
    """The type of every name that an op defines, by the `id` of the op and the name.

    It is the type that follows from the op, or that at which the name is read where this differs (a Float that starts
    as a UInt).
    """
    resolver = _Resolver(module)
    resolver.block(function.body)
    for value in function.returns:
        resolver.read(*(place_expressions(value) if isinstance(value, Place) else (value,)))
    return resolver.found


@dataclass(slots=True)
class _Resolver:
    """Goes through a function in order. `latest` is the op that defined a name last, which is the one in scope."""

    module: Module
    found: dict[tuple[int, str], Type] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)

    def block(self, block: Block) -> None:
        for op in block:
            self.op(op)

    def op(self, op: Op) -> None:
        match op:
            case For(_, domain, body, carried):
                self.read(*domain_expressions(domain), *(entry.initial for entry in carried))
                self.define(op)
                self.block(body)
                self.read(*(entry.next for entry in carried))
            case While(condition, body, carried):
                self.read(*(entry.initial for entry in carried))
                self.define(op)
                self.read(condition)
                self.block(body)
                self.read(*(entry.next for entry in carried))
            case If(condition, then, otherwise, joined):
                self.read(condition)
                self.block(then)
                self.read(*(entry.then for entry in joined))
                self.block(otherwise)
                self.read(*(entry.otherwise for entry in joined))
                self.define(op)
            case _:
                self.read(*op_expressions(op))
                self.define(op)

    def define(self, op: Op) -> None:
        for name, type in definitions(op, self.module):
            self.found[id(op), name] = type
            self.latest[name] = id(op)

    def read(self, *exprs: Expr) -> None:
        for expr in exprs:
            for name in expression_names(expr):
                place = self.latest.get(name.name, 0), name.name
                if place in self.found and not is_quantum(self.found[place]):
                    self.found[place] = name.type
