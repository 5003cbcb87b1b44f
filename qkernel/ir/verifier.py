"""Whether a module is well formed: names, types and numbers of operands, and what flows through loops and branches."""

from __future__ import annotations

import cmath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from qkernel.diagnostics import Span, did_you_mean, with_article
from qkernel.errors import TextFormError
from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.expression_checks import check_expression
from qkernel.ir.expressions import ONE, ZERO, Expr
from qkernel.ir.fields import NUMBERS, Declared, Operand, Role
from qkernel.ir.module import Module
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, QUBIT, UINT, ArrayType, Type, fits, is_number, is_quantum
from qkernel.ir.vocabulary import COSTS, KINDS, MAX_NAME_LENGTH
from qkernel.ir.walk import definitions, return_types, target_types


def verify(module: Module) -> None:
    """Raise `TextFormError`, at the op, if `module` is not well formed."""
    if not module.functions:
        raise TextFormError("a module without a function")
    if len(module.index) < len(module.functions):
        raise TextFormError("two functions of a module have one name")
    returns = return_types(module.functions)
    for function in module.functions:
        _Checker(module, returns, function).function_()


@dataclass(slots=True)
class _Checker:
    """Checks one function. `visible` are the names that the current op may use, in the order of their definition."""

    module: Module
    returns: Mapping[str, tuple[Type, ...]]
    function: ops.Function
    visible: dict[str, Type] = field(default_factory=dict)
    span: Span | None = None

    def fail(self, title: str) -> TextFormError:
        """An error at the current op."""
        return TextFormError(f"in `{self.function.name}`: {title}", span=self.span)

    def expect(self, holds: bool, title: str) -> None:
        """Raise if it does not hold."""
        if not holds:
            raise self.fail(title)

    def function_(self) -> None:
        function = self.function
        self.span = function.span
        self.expect(_is_name(function.name), f"`{function.name}` is no name")
        self.expect(function.kind in KINDS, f"there is no kind of function `{function.kind}`")
        self.expect(function.kind != "oracle" or not function.body, "an oracle has no body")
        for parameter in function.parameters:
            self._parameter(parameter)
        self.expect(function.kind == "oracle" or not function.cost, "only an oracle has a cost of its own")
        for item, amount in function.cost:
            self.expect(item in COSTS, f"there is no cost `{item}`{did_you_mean(item, [*COSTS])}")
            self._typed(amount, f"the cost in `{item}`", UINT)
        self.expect(len(dict(function.cost)) == len(function.cost), "a cost is given twice")
        for form in (function.inverse, function.control):
            self.expect(form is None or form in self.module.index, f"there is no function `{form}`")
        self._block(function.body)
        self.span = function.span
        for value in function.returns:
            self._value(value)

    def _parameter(self, parameter: ops.Parameter) -> None:
        self.span = parameter.span or self.function.span
        if parameter.default is not None:
            self._typed(parameter.default, f"the default of `{parameter.name}`", parameter.type)
        if parameter.length is not None:
            is_register = parameter.type == ArrayType(QUBIT)
            self.expect(is_register and parameter.length >= 0, f"`{parameter.name}` cannot have {parameter.length} qubits")
        self._define([(parameter.name, parameter.type)])

    # Names ----------------------------------------------------------------------------------------------------------

    def _define(self, names: Iterable[tuple[str, Type]]) -> None:
        for name, type in names:
            self.expect(_is_name(name), f"`{name}` is no name")
            if not is_quantum(type) and not _is_identifier(name):  # other texts may name registers only
                raise self.fail(f"`{name}` is no name of a value, which is letters, digits, underscores and dots")
            self.expect(name not in self.visible, f"`{name}` is defined a second time")
            self.visible[name] = type

    @contextmanager
    def _scope(self) -> Iterator[None]:
        """What is defined in here ends with it."""
        outside = len(self.visible)
        yield
        while len(self.visible) > outside:
            self.visible.popitem()

    # Blocks ---------------------------------------------------------------------------------------------------------

    def _block(self, block: ops.Block) -> None:
        for op in block:
            self.span = op.span
            self._op(op)

    def _op(self, op: ops.Op) -> None:
        self._fields(op)
        match op:
            case ops.For(targets, domain):
                types = target_types(domain, len(targets))
                what = f"the items of a {domain.dictionary.type}" if isinstance(domain, ops.Items) else "a range"
                if types is None:
                    raise self.fail(f"a loop over {what} does not have {len(targets)} targets")
                self._loop(op, zip(targets, types, strict=True))
            case ops.While(condition):
                self._loop(op, (), condition)
            case ops.Within(setup, body):
                fits = len(setup) == 1 and isinstance(setup[0], ops.Gate | ops.Call)
                self.expect(fits, "what is done around others is one gate or call")
                with self._scope():
                    self._block(setup)
                    self._block(body)
            case ops.If(_, then, otherwise, joined):
                results = dict(definitions(op, self.returns))
                self._inner(op, then, [(entry.name, entry.then) for entry in joined], results)
                self._inner(op, otherwise, [(entry.name, entry.otherwise) for entry in joined], results)
                self._define(results.items())
            case _:
                self._simple(op)
                self._define(definitions(op, self.returns))

    def _simple(self, op: ops.Op) -> None:
        """What the declared fields of an op do not say."""
        match op:
            case ops.Gate():
                self._gate(op)
            case ops.Call():
                self._call(op)
            case ops.Measure(basis=basis):
                self.expect(basis in "xyz", f"there is no basis `{basis}`")

    def _fields(self, op: Declared) -> None:
        """What an op, or a part of one, says of its fields; what is inside of its blocks is for these."""
        for name, role in op.roles:
            value = getattr(op, name)
            match role:
                case Operand(inside=False) if value is not None:
                    self._typed(value, role.what, *role.types)
                case Role.WORD if op.words and value not in op.words:
                    raise self.fail(f"there is no {name} `{value}`{did_you_mean(value, sorted(op.words))}")
                case Role.PLACE:
                    self._value(value)
                case Role.EACH_PLACE | Role.EACH_EXPRESSION | Role.EACH_VALUE:
                    for part in value:
                        self._value(part)
                case Role.PARTS:
                    for part in value if isinstance(value, tuple) else [value]:
                        self._fields(part)

    def _inner(self, op: ops.Op, block: ops.Block, handed: list[tuple[str, Expr]], types: Mapping[str, Type]) -> None:
        """A block in `op`, and the values of the names that it hands on; what it defines ends with it."""
        with self._scope():
            self._block(block)
            self.span = op.span
            for name, value in handed:
                self._typed(value, f"`{name}`", types[name])

    def _loop(self, op: ops.For | ops.While, targets: Iterable[tuple[str, Type]], condition: Expr | None = None) -> None:
        self._define(definitions(op, self.returns))
        with self._scope():
            self._define(targets)
            if condition is not None:
                self._typed(condition, "the condition", BIT)
            self._inner(op, op.body, [(carried.name, carried.next) for carried in op.carried], self.visible)

    def _gate(self, gate: ops.Gate) -> None:
        self.expect((gate.gate == "unitary") == (gate.matrix is not None), "`unitary` has a matrix, and no other gate has one")
        rule = GATES.get(gate.gate)
        expected = 0 if rule is None else len(rule.angles)
        self.expect(len(gate.angles) == expected, f"`{gate.gate}` takes {expected} angles, not {len(gate.angles)}")
        are_single = all(place.length is None for place in gate.places)
        for angle in gate.angles:
            one_each = bool(gate.places) and not are_single
            type = angle.type.entry if one_each and isinstance(angle.type, ArrayType) else angle.type
            if not is_number(type):
                raise self.fail(f"an angle is a number, not {with_article(angle.type)}")
        if rule is not None:
            count = len(gate.places)
            self.expect(count == rule.num_qubits, f"`{gate.gate}` takes {rule.num_qubits} qubits, not {count}")
            are_registers = all(place.length is not None for place in gate.places)
            self.expect(are_single or are_registers, f"`{gate.gate}` takes single qubits, or registers, and not both")
        if gate.matrix is not None:
            size = len(gate.matrix)
            self.expect(all(len(row) == size for row in gate.matrix), "the matrix is not square")
            self.expect(all(cmath.isfinite(entry) for row in gate.matrix for entry in row), "the matrix is not finite")
            fitting = not are_single or size == 1 << len(gate.places)
            self.expect(fitting, f"a {size} x {size} matrix on {len(gate.places)} qubits")

    def _call(self, call: ops.Call) -> None:
        if call.callee not in self.module.index:
            raise self.fail(f"there is no function `{call.callee}`{did_you_mean(call.callee, [*self.module.index])}")
        parameters, results = self.module[call.callee].parameters, self.returns[call.callee]
        given = len(call.arguments)
        self.expect(len(parameters) == given, f"`{call.callee}` takes {len(parameters)} arguments, not {given}")
        given = len(call.results)
        self.expect(len(results) == given, f"`{call.callee}` gives back {len(results)} values, not {given}")
        for parameter, argument in zip(parameters, call.arguments, strict=True):
            type = parameter.type
            wanted = ArrayType(QUBIT) if is_quantum(type) and type != QUBIT else type
            what = f"`{parameter.name}` of `{call.callee}`"
            self.expect(fits(argument.type, wanted), f"{what} is {with_article(type)}, not {with_article(argument.type)}")

    # Values ---------------------------------------------------------------------------------------------------------

    def _value(self, value: Expr | Place) -> None:
        if isinstance(value, Expr):
            self._expression(value)
            return
        type: Type = ArrayType(QUBIT)
        if isinstance(value.register, tuple):
            name = "what is joined"
            self.expect(bool(value.register), "a place of no qubits")
            for piece in value.register:
                self._value(piece)
        else:
            name = value.register
            self.expect(name in self.visible, f"`{name}` is not defined here")
            type = self.visible[name]
        if not is_quantum(type):
            raise self.fail(f"`{name}` is {with_article(type)}, not qubits")
        for bound in value.bounds:
            self._typed(bound, f"an index of `{name}`", UINT)
        self.expect(value.length is not None or value.stride is ONE, f"one qubit of `{name}` with a stride")
        is_whole = value.length is None and value.start is ZERO
        self.expect(is_whole or type != QUBIT, f"`{name}` is one qubit, it has no parts")

    def _expression(self, expr: Expr) -> None:
        wrong = check_expression(expr, self.visible)
        if wrong is not None:
            raise self.fail(wrong)

    def _typed(self, expr: Expr, what: str, *types: Type) -> None:
        """An expression of one of these types, or of any if there are none."""
        self._expression(expr)
        if types and not any(fits(expr.type, type) for type in types):
            wanted = "a number" if types == NUMBERS else " or ".join(map(with_article, types))
            raise self.fail(f"{what} is {wanted}, not {with_article(expr.type)}")


def _is_identifier(name: str) -> bool:
    """Whether Python could have such a name: `theta`, a field `drive.angle`, or the second of one name, `t.1`."""
    first, *rest = name.split(".")
    return first.isidentifier() and all(part and f"_{part}".isidentifier() for part in rest)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME_LENGTH and name.isprintable() and "`" not in name
