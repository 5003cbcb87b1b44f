"""Random well-formed modules: every op, nested, over the names that are in scope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hypothesis import strategies as st

from qkernel.gates import GATES
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name
from qkernel.ir.fields import Defines, Operand, Role
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    MODIFIER_WORDS,
    OP_WORDS,
    Block,
    Call,
    Carried,
    For,
    Function,
    Gate,
    If,
    Items,
    Joined,
    Modifier,
    Op,
    Parameter,
    Range,
    While,
    Within,
)
from qkernel.ir.places import Place, joined, whole
from qkernel.ir.types import BIT, FLOAT, OBSERVABLE, QUBIT, UINT, ArrayType, DictType, TupleType, Type, is_quantum
from qkernel.ir.walk import definitions
from strategies.ir_expressions import Scope, array, bit, hamiltonians, observable, real, uint

WORDS = [
    "q",
    "theta",
    "n",
    "next",
    "value",
    "h",
    "carrying",
    "λ",
    "kernel",
    "_",
    "inf",
    "x1",
    "measure",
    "Vector",
    "a.b",
    "t.1",
]
TEXTS = ["2nd", "a register", "q#1", "?0"]
"""Names that only registers may have."""
SIMPLE = [kind for kind in dict.fromkeys(OP_WORDS.values()) if kind is not Gate]
"""The ops whose declared fields tell all that makes them well formed."""
FUNCTION_NAMES = ["ansatz", "layer", "h", "measure", "control", "range", "outer.<locals>.inner", "kernel"]
TYPES: list[Type] = [
    QUBIT, ArrayType(QUBIT), UINT, FLOAT, BIT, OBSERVABLE, ArrayType(UINT), ArrayType(FLOAT), ArrayType(BIT),
    ArrayType(OBSERVABLE), ArrayType(FLOAT, 2), ArrayType(FLOAT, 3), TupleType((UINT, FLOAT)),
    DictType(UINT, FLOAT), DictType(TupleType((UINT, UINT)), FLOAT), DictType(ArrayType(UINT), FLOAT),
]  # fmt: skip


class _Writer:
    """Writes one function; `functions` are those that it may call."""

    def __init__(self, draw: st.DrawFn, functions: list[Function]) -> None:
        self.draw, self.functions, self.scope = draw, functions, Scope()

    def one_of(self, choices: list[Any]) -> Any:
        return choices[self.draw(st.integers(0, len(choices) - 1))]

    def fresh(self, type: Type) -> str:
        """A new name that is visible from here on."""
        word = self.one_of(WORDS + TEXTS if is_quantum(type) else WORDS)
        name = word if word not in self.scope.visible else f"{word}.{len(self.scope.visible)}"
        self.scope.visible[name] = type
        return name

    def uint(self) -> Expr:
        return uint(self.draw, self.scope, 1)

    def number(self) -> Expr:
        return real(self.draw, self.scope) if self.draw(st.booleans()) else uint(self.draw, self.scope)

    def value(self, type: Type) -> Expr | Place | None:
        """A value of this type that is at hand, if there is one."""
        makers: dict[Type, Callable[..., Expr]] = {UINT: uint, FLOAT: real, BIT: bit, OBSERVABLE: observable}
        if is_quantum(type):
            return self.place(single=type == QUBIT)
        if type in makers:
            return makers[type](self.draw, self.scope)
        if isinstance(type, ArrayType) and type.rank == 1:
            return array(self.draw, self.scope, type.element)
        names = self.scope.names(type)
        return Name(self.one_of(names), type) if names else None

    # Places ---------------------------------------------------------------------------------------------------------

    def place(self, single: bool) -> Place | None:
        singles, registers = self.scope.names(QUBIT), self.scope.names(ArrayType(QUBIT))
        if single and singles and (not registers or self.draw(st.booleans())):
            return Place(self.one_of(singles))
        if not registers:
            return None
        name = self.one_of(registers)
        of = self.joined().register if self.draw(st.integers(0, 4)) == 0 else name
        if single:
            return Place(of, self.uint())
        if self.draw(st.booleans()):
            return whole(of) if isinstance(of, str) else joined(of)
        return Place(of, self.uint(), self.uint(), self.uint())

    def joined(self) -> Place:
        """A place of several pieces."""
        found = [self.place(self.draw(st.booleans())) for _ in range(self.draw(st.integers(2, 3)))]
        return joined(place for place in found if place is not None)

    def places(self, single: bool, most: int = 3) -> tuple[Place, ...] | None:
        found = tuple(self.place(single) for _ in range(self.draw(st.integers(1, most))))
        return tuple(place for place in found if place is not None) if all(found) else None

    # Ops ------------------------------------------------------------------------------------------------------------

    def block(self, depth: int) -> Block:
        """Some ops; what they define is visible afterwards."""
        ops = []
        for _ in range(self.draw(st.integers(0, 3) if depth else st.integers(1, 6))):
            makers = [self.gate, self.gate, self.unitary, self.call]
            makers += [partial(self.declared, kind) for kind in SIMPLE]
            nested = [self.loop, self.loop, self.branch, self.repeat, self.within]
            op = self.one_of(makers + nested * (depth < 2))
            made = op(depth) if op in nested else op()
            if made is not None:
                ops.append(made)
        return tuple(ops)

    def inner(self, depth: int, handed: list[Type], exact: bool = True) -> tuple[Block, list[Expr]]:
        """A nested block and values for what it hands on, UInts for Floats too unless `exact`; its names end with it."""
        outside = dict(self.scope.visible)
        body = self.block(depth)
        values = [self.number() if type == FLOAT and not exact else self.value(type) for type in handed]
        self.scope.visible = outside
        return body, [value for value in values if isinstance(value, Expr)]

    def declared(self, kind: Any) -> Any:
        """An op or modifier of a class, each field by its role, or None where nothing at hand fits one."""
        values = dict(kind.words[self.one_of(sorted(kind.words))])
        for name, role in kind.roles:
            match role:
                case _ if name in values:
                    continue
                case Operand(keyword=True) if self.draw(st.booleans()):
                    continue
                case Operand(types=types):
                    values[name] = self.value(self.one_of([*types]))
                case Role.PLACE:
                    values[name] = self.place(self.draw(st.booleans()))
                case Role.EACH_PLACE:
                    values[name] = self.places(self.draw(st.booleans()))
                case Role.PARTS:
                    values[name] = self.modifiers()
                case Defines():
                    values[name] = ""
            if values[name] is None:
                return None
        op = kind(**values)
        types = [type for _, type in definitions(op, {})]
        return replace(op, **dict(zip(op.result_fields, map(self.fresh, types), strict=True)))

    def modifiers(self) -> tuple[Modifier, ...]:
        count = self.draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
        found = [self.declared(self.one_of([*MODIFIER_WORDS.values()])) for _ in range(count)]
        return tuple(modifier for modifier in found if modifier is not None)

    def gate(self) -> Op | None:
        rule = GATES[self.draw(st.sampled_from(sorted(GATES)))]
        single = self.draw(st.booleans())
        places = [self.place(single) for _ in range(rule.num_qubits)]
        if None in places:
            return None
        many = bool(places) and not single and self.draw(st.booleans())
        angles = tuple(array(self.draw, self.scope, FLOAT, 2) if many else self.number() for _ in rule.angles)
        return Gate(rule.name, tuple(place for place in places if place), angles, self.modifiers())

    def unitary(self) -> Op | None:
        place = self.place(True)
        entry = st.sampled_from(
            [0j, 1 + 0j, 1j, -1j, 0.5 + 0.5j, complex(-0.0, 2**-0.5), complex(1, -0.0), -0.5 - 1e-9j, 3 + 0j]
        )
        size_ = self.draw(st.sampled_from([2, 4]))
        rows = tuple(tuple(self.draw(entry) for _ in range(size_)) for _ in range(size_))
        return place and Gate("unitary", (place,) * (size_ // 2), (), self.modifiers(), rows)

    def call(self) -> Op | None:
        if not self.functions:
            return None
        callee = self.one_of(self.functions)
        arguments = tuple(self.value(parameter.type) for parameter in callee.parameters)
        if None in arguments:
            return None
        modifiers = self.modifiers()
        results = tuple(self.fresh(value.type) if self.draw(st.booleans()) else None for value in callee.returns)
        return Call(callee.name, tuple(value for value in arguments if value is not None), results, modifiers)

    def loop(self, depth: int) -> Op:
        dictionaries = [name for name, type in self.scope.visible.items() if isinstance(type, DictType)]
        values = self.carried()
        domain: Range | Items
        if dictionaries and self.draw(st.booleans()):
            name = self.one_of(dictionaries)
            domain = Items(Name(name, self.scope.visible[name]))
        else:
            step = ONE if self.draw(st.booleans()) else self.uint()
            domain = Range(ZERO if self.draw(st.booleans()) else self.uint(), self.uint(), step)
        names = [self.fresh(type) for type, _ in values]
        outside = dict(self.scope.visible)
        targets = (self.fresh(UINT),) if isinstance(domain, Range) else self.item_targets(domain.dictionary.type)
        body, carried = self.round(depth, names, values)
        self.scope.visible = outside
        return For(targets, domain, body, carried)

    def within(self, depth: int) -> Op | None:
        outside = dict(self.scope.visible)
        setup = self.one_of([self.gate, self.unitary, self.call])()
        body = self.block(depth + 1) if setup is not None else ()
        self.scope.visible = outside
        return None if setup is None else Within((setup,), body)

    def repeat(self, depth: int) -> Op:
        values = self.carried()
        names = [self.fresh(type) for type, _ in values]
        condition = bit(self.draw, self.scope)
        return While(condition, *self.round(depth, names, values))

    def round(self, depth: int, names: list[str], values: list[tuple[Type, Expr]]) -> tuple[Block, tuple[Carried, ...]]:
        """The body of a loop, and what it carries."""
        body, last = self.inner(depth + 1, [type for type, _ in values])
        return body, tuple(Carried(name, value, next_) for name, (_, value), next_ in zip(names, values, last, strict=True))

    def item_targets(self, type: Type) -> tuple[str, ...]:
        assert isinstance(type, DictType)
        match type.key:
            case TupleType(items) if self.draw(st.booleans()):
                return (*(self.fresh(entry) for entry in items), self.fresh(type.value))
            case ArrayType(element) if self.draw(st.booleans()):
                return (self.fresh(element), self.fresh(element), self.fresh(type.value))
        return self.fresh(type.key), self.fresh(type.value)

    def carried(self) -> list[tuple[Type, Expr]]:
        """Types and initial values; a Float may start as a UInt."""
        types = [self.one_of([UINT, FLOAT, BIT, ArrayType(BIT)]) for _ in range(self.draw(st.integers(0, 2)))]
        values = [self.number() if type == FLOAT else self.value(type) for type in types]
        return [(type, value) for type, value in zip(types, values, strict=True) if isinstance(value, Expr)]

    def branch(self, depth: int) -> Op:
        condition = bit(self.draw, self.scope)
        types = [self.one_of([UINT, FLOAT, BIT]) for _ in range(self.draw(st.integers(0, 2)))]
        then, left = self.inner(depth + 1, types, exact=False)
        otherwise, right = self.inner(depth + 1, types)
        joined = tuple(Joined(self.fresh(type), *pair) for type, *pair in zip(types, left, right, strict=True))
        return If(condition, then, otherwise, joined)

    # Functions ------------------------------------------------------------------------------------------------------

    def parameter(self) -> Parameter:
        type = self.one_of(TYPES[: self.draw(st.sampled_from([4, len(TYPES)]))])
        constants: dict[Type, Any] = {
            UINT: st.integers(0, 9),
            FLOAT: st.floats(-9, 9),
            BIT: st.booleans(),
            OBSERVABLE: hamiltonians(),
        }
        default = Const(self.draw(constants[type])) if type in constants and self.draw(st.booleans()) else None
        return Parameter(self.fresh(type), type, default)

    def function(self) -> Function:
        taken = {function.name for function in self.functions}
        name = self.one_of([word for word in FUNCTION_NAMES if word not in taken])
        kind = self.draw(st.sampled_from(["kernel", "kernel", "composite", "oracle"]))
        parameters = tuple(self.parameter() for _ in range(self.draw(st.integers(0, 5))))
        body = () if kind == "oracle" else self.block(0)
        types = [self.one_of(TYPES) for _ in range(self.draw(st.integers(0, 3)))]
        returns = tuple(value for value in map(self.value, types) if value is not None)
        label = self.draw(st.sampled_from([None, "e", 'S† "quoted"\n']))
        return Function(name, parameters, body, returns, self.draw(st.booleans()), kind, label, self.draw(st.booleans()))


@st.composite
def modules(draw: st.DrawFn) -> Module:
    """A function, entry first, and one or two that it may call."""
    functions: list[Function] = []
    for _ in range(draw(st.integers(1, 3))):
        functions.append(_Writer(draw, functions).function())
    return Module(tuple(reversed(functions)))
