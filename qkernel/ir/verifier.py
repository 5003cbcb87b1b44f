"""Whether a module is well formed: names, types and numbers of operands, and what flows through loops and branches."""

from __future__ import annotations

import cmath
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from qkernel.diagnostics import Span, did_you_mean
from qkernel.errors import TextFormError
from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.expression_checks import check_expression
from qkernel.ir.expressions import ONE, ZERO, Expr
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, OBSERVABLE, QUBIT, UINT, ArrayType, Type, fits, is_number, is_quantum
from qkernel.ir.vocabulary import GATE_WORDS, KINDS, MAX_NAME_LENGTH, MEASUREMENTS
from qkernel.ir.walk import definitions, return_types, target_types


def verify(module: ops.Module) -> None:
    """Raise `TextFormError`, at the op, if `module` is not well formed."""
    if not module.functions:
        raise TextFormError("a module without a function")
    if len(module.index) < len(module.functions):
        raise TextFormError("two functions of a module have one name")
    returns = return_types(module)
    for function in module.functions:
        _Checker(module, returns, function).function_()


@dataclass(slots=True)
class _Checker:
    """Checks one function. `visible` are the names that the current op may use, in the order of their definition."""

    module: ops.Module
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
        self._block(function.body)
        self.span = function.span
        for value in function.returns:
            self._value(value)

    def _parameter(self, parameter: ops.Parameter) -> None:
        self.span = parameter.span or self.function.span
        if parameter.default is not None:
            self._typed(parameter.default, parameter.type, f"the default of `{parameter.name}`")
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
        match op:
            case ops.For() | ops.While():
                self._loop(op)
            case ops.If(condition, then, otherwise, joined):
                self._typed(condition, BIT, "the condition")
                results = dict(definitions(op, self.returns))
                self._inner(op, then, [(entry.name, entry.then) for entry in joined], results)
                self._inner(op, otherwise, [(entry.name, entry.otherwise) for entry in joined], results)
                self._define(results.items())
            case _:
                self._simple(op)
                self._define(definitions(op, self.returns))

    def _inner(self, op: ops.Op, block: ops.Block, handed: list[tuple[str, Expr]], types: Mapping[str, Type]) -> None:
        """A block in `op`, and the values of the names that it hands on; what it defines ends with it."""
        with self._scope():
            self._block(block)
            self.span = op.span
            for name, value in handed:
                self._typed(value, types[name], f"`{name}`")

    def _loop(self, op: ops.For | ops.While) -> None:
        targets = self._targets(op) if isinstance(op, ops.For) else ()
        for carried in op.carried:
            self._expression(carried.initial)
        self._define(definitions(op, self.returns))
        with self._scope():
            self._define(targets)
            if isinstance(op, ops.While):
                self._typed(op.condition, BIT, "the condition")
            self._inner(op, op.body, [(carried.name, carried.next) for carried in op.carried], self.visible)

    def _targets(self, op: ops.For) -> Iterable[tuple[str, Type]]:
        """The targets of a loop and their types."""
        match op.domain:
            case ops.Range(start, stop, step):
                what = "a range"
                for part in (start, stop, step):
                    self._count(part, "a bound of the range")
            case ops.Items(dictionary):
                what = f"the items of a {dictionary.type}"
                self._expression(dictionary)
        types = target_types(op.domain, len(op.targets))
        if types is None:
            raise self.fail(f"a loop over {what} does not have {len(op.targets)} targets")
        return zip(op.targets, types, strict=True)

    # Simple ops -----------------------------------------------------------------------------------------------------

    def _simple(self, op: ops.Op) -> None:
        if isinstance(op, ops.Gate | ops.PauliEvolve | ops.Call):
            self._modifiers(op.modifiers)
        match op:
            case ops.Alloc(_, size):
                self._count(size, "the size of a register")
            case ops.Gate():
                self._gate(op)
            case ops.PauliEvolve(places, observable, time):
                self._places(*places)
                self._typed(observable, OBSERVABLE, "what `pauli_evolve` takes")
                self._angle(time)
            case ops.Call():
                self._call(op)
            case ops.Measure(place, _, basis, keeps):
                self.expect((basis, keeps) in MEASUREMENTS, f"there is no basis `{basis}`")
                self._places(place)
            case ops.Reset(place):
                self._places(place)
            case ops.Expval(places, observable):
                self._places(*places)
                self._expression(observable)
                known = observable.type in (OBSERVABLE, ArrayType(OBSERVABLE))
                self.expect(known, f"`expval` takes an observable or a vector of them, not a {observable.type}")
            case ops.Probabilities(places):
                self._places(*places)

    def _modifiers(self, modifiers: tuple[ops.Modifier, ...]) -> None:
        for modifier in modifiers:
            match modifier:
                case ops.Control(places, value, count):
                    self._places(*places)
                    self._count(value, "the value of a control")
                    self._count(count, "the number of controls")
                case ops.Power(exponent):
                    self._count(exponent, "the exponent of a power")

    def _gate(self, gate: ops.Gate) -> None:
        if gate.gate not in GATE_WORDS:
            raise self.fail(f"there is no gate `{gate.gate}`{did_you_mean(gate.gate, sorted(GATE_WORDS))}")
        self._places(*gate.places)
        self.expect((gate.gate == "unitary") == (gate.matrix is not None), "`unitary` has a matrix, and no other gate has one")
        rule = GATES.get(gate.gate)
        expected = 0 if rule is None else len(rule.angles)
        self.expect(len(gate.angles) == expected, f"`{gate.gate}` takes {expected} angles, not {len(gate.angles)}")
        for angle in gate.angles:
            self._angle(angle, bool(gate.places) and gate.places[0].length is not None)
        are_single = all(place.length is None for place in gate.places)
        if rule is not None:
            count = len(gate.places)
            self.expect(count == rule.num_qubits, f"`{gate.gate}` takes {rule.num_qubits} qubits, not {count}")
            self.expect(rule.is_broadcast or are_single, f"`{gate.gate}` takes single qubits")
        if gate.matrix is not None:
            size = len(gate.matrix)
            self.expect(all(len(row) == size for row in gate.matrix), "the matrix is not square")
            self.expect(all(cmath.isfinite(entry) for row in gate.matrix for entry in row), "the matrix is not finite")
            fitting = not are_single or size == 1 << len(gate.places)
            self.expect(fitting, f"a {size} x {size} matrix on {len(gate.places)} qubits")

    def _angle(self, angle: Expr, one_each: bool = False) -> None:
        self._expression(angle)
        match angle.type:
            case ArrayType(element, 1) if one_each and is_number(element):
                return
        self.expect(is_number(angle.type), f"an angle is a number, not a {angle.type}")

    def _call(self, call: ops.Call) -> None:
        if call.callee not in self.module.index:
            raise self.fail(f"there is no function `{call.callee}`{did_you_mean(call.callee, [*self.module.index])}")
        parameters, results = self.module[call.callee].parameters, self.returns[call.callee]
        given = len(call.arguments)
        self.expect(len(parameters) == given, f"`{call.callee}` takes {len(parameters)} arguments, not {given}")
        given = len(call.results)
        self.expect(len(results) == given, f"`{call.callee}` gives back {len(results)} values, not {given}")
        for parameter, argument in zip(parameters, call.arguments, strict=True):
            what = f"`{parameter.name}` of `{call.callee}`"
            if isinstance(argument, Place):
                self._places(argument)
                single = argument.length is None
                matches = is_quantum(parameter.type) and single == (parameter.type == QUBIT)
                self.expect(matches, f"{what} is a {parameter.type}, not {'a qubit' if single else 'a register'}")
            else:
                self.expect(not is_quantum(parameter.type), f"{what} is a {parameter.type}, not a classical value")
                self._typed(argument, parameter.type, what)

    # Values ---------------------------------------------------------------------------------------------------------

    def _places(self, *places: Place) -> None:
        for place in places:
            name = place.register
            self.expect(name in self.visible, f"`{name}` is not defined here")
            self.expect(is_quantum(self.visible[name]), f"`{name}` is a {self.visible[name]}, not qubits")
            self._count(place.start, f"an index of `{name}`")
            self._count(place.stride, f"an index of `{name}`")
            self._count(place.length, f"an index of `{name}`")
            if place.length is None:
                self.expect(place.stride == ONE, f"one qubit of `{name}` with a stride")
            if self.visible[name] == QUBIT:
                self.expect(place.length is None and place.start == ZERO, f"`{name}` is one qubit, it has no parts")

    def _value(self, value: Expr | Place) -> None:
        if isinstance(value, Place):
            self._places(value)
        else:
            self._expression(value)

    def _expression(self, expr: Expr) -> None:
        wrong = check_expression(expr, self.visible)
        if wrong is not None:
            raise self.fail(wrong)

    def _typed(self, expr: Expr, type: Type, what: str) -> None:
        self._expression(expr)
        self.expect(fits(expr.type, type), f"{what} is a {type}, not a {expr.type}")

    def _count(self, expr: Expr | None, what: str) -> None:
        """A UInt, if it is there."""
        if expr is not None:
            self._typed(expr, UINT, what)


def _is_identifier(name: str) -> bool:
    """Whether Python could have such a name: `theta`, a field `drive.angle`, or the second of one name, `t.1`."""
    first, *rest = name.split(".")
    return first.isidentifier() and all(part and f"_{part}".isidentifier() for part in rest)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME_LENGTH and name.isprintable() and "`" not in name
