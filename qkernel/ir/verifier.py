"""Whether a module is well formed: names, types and numbers of operands, and what flows through loops and branches."""

from __future__ import annotations

import cmath
from collections.abc import Iterable
from dataclasses import dataclass, field

from qkernel.diagnostics import did_you_mean
from qkernel.errors import TextFormError
from qkernel.gates import GATES
from qkernel.ir.expression_checks import check_expression, fits, is_number
from qkernel.ir.expressions import ONE, ZERO, Expr
from qkernel.ir.ops import (
    Alloc,
    Block,
    Call,
    Control,
    Expval,
    For,
    Function,
    Gate,
    If,
    Items,
    Measure,
    Modifier,
    Module,
    Op,
    Parameter,
    PauliEvolve,
    Power,
    Probabilities,
    Range,
    Reset,
    While,
)
from qkernel.ir.places import Place
from qkernel.ir.scopes import Definitions, resolve
from qkernel.ir.spans import Span
from qkernel.ir.types import BIT, OBSERVABLE, QUBIT, UINT, ArrayType, DictType, TupleType, Type, is_quantum
from qkernel.ir.vocabulary import GATE_WORDS, KINDS, MAX_NAME_LENGTH, MEASUREMENTS
from qkernel.ir.walk import definitions


def verify(module: Module) -> None:
    """Raise `TextFormError`, at the op, if `module` is not well formed."""
    if not module.functions:
        raise TextFormError("a module without a function")
    if len(module.index) < len(module.functions):
        raise TextFormError("two functions of a module have one name")
    for function in module.functions:
        _Checker(module, function, resolve(function, module)).function_()


@dataclass(slots=True)
class _Checker:
    """Checks one function. `visible` are the names that the current op may use, in the order of their definition."""

    module: Module
    function: Function
    types: Definitions
    visible: dict[str, Type] = field(default_factory=dict)
    span: Span | None = None

    def fail(self, title: str, label: str = "") -> TextFormError:
        """An error at the current op."""
        return TextFormError(f"in `{self.function.name}`: {title}", span=self.span, label=label)

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

    def _parameter(self, parameter: Parameter) -> None:
        self.span = parameter.span or self.function.span
        if parameter.default is not None:
            self._typed(parameter.default, parameter.type, f"the default of `{parameter.name}`")
        self._define(parameter.name, parameter.type)

    def _define(self, name: str, type: Type) -> None:
        self.expect(_is_name(name), f"`{name}` is no name")
        self.expect(name not in self.visible, f"`{name}` is defined a second time")
        self.visible[name] = type

    def _results(self, op: Op) -> None:
        """Bring the names that `op` defines into being."""
        for name, given in definitions(op, self.module):
            type = self.types[id(op), name]
            self.expect(fits(given, type), f"`{name}` is a {given} and is used as a {type}")
            self._define(name, type)

    # Blocks ---------------------------------------------------------------------------------------------------------

    def _block(self, block: Block) -> None:
        for op in block:
            self.span = op.span
            self._op(op)

    def _inner(self, op: Op, block: Block, results: Iterable[tuple[str, Expr]]) -> None:
        """A block in `op`, and the values of the names that it hands on; what it defines ends with it."""
        outside = len(self.visible)
        self._block(block)
        self.span = op.span
        for name, value in results:
            self._typed(value, self.types[id(op), name], f"`{name}`")
        self._leave(outside)

    def _leave(self, outside: int) -> None:
        """Forget all but the first `outside` names."""
        while len(self.visible) > outside:
            self.visible.popitem()

    def _op(self, op: Op) -> None:
        match op:
            case For() | While():
                self._loop(op)
            case If(condition, then, otherwise, joined):
                self._typed(condition, BIT, "the condition")
                self._inner(op, then, ((entry.name, entry.then) for entry in joined))
                self._inner(op, otherwise, ((entry.name, entry.otherwise) for entry in joined))
                self._results(op)
            case _:
                self._simple(op)
                self._results(op)

    def _loop(self, op: For | While) -> None:
        if isinstance(op, For):
            self._domain(op)
        for carried in op.carried:
            self._expression(carried.initial)
        outside = len(self.visible)
        self._results(op)
        if isinstance(op, While):
            self._typed(op.condition, BIT, "the condition")
        self._inner(op, op.body, ((carried.name, carried.next) for carried in op.carried))
        self._leave(outside)
        for carried in op.carried:
            self.visible[carried.name] = self.types[id(op), carried.name]

    def _domain(self, op: For) -> None:
        match op.domain:
            case Range(start, stop, step):
                for part in (start, stop, step):
                    self._typed(part, UINT, "a bound of the range")
                self.expect(len(op.targets) == 1, "a loop over a range has one target")
            case Items(dictionary):
                self._expression(dictionary)
                fitting = _unpacks(dictionary.type, len(op.targets))
                self.expect(fitting, f"`items` gives {len(op.targets)} targets of a {dictionary.type}")

    # Simple ops -----------------------------------------------------------------------------------------------------

    def _simple(self, op: Op) -> None:
        match op:
            case Alloc(_, size):
                if size is not None:
                    self._typed(size, UINT, "the size of a register")
            case Gate():
                self._modifiers(op.modifiers)
                self._gate(op)
            case PauliEvolve(places, observable, time, modifiers):
                self._modifiers(modifiers)
                self._places(places)
                self._typed(observable, OBSERVABLE, "what `pauli_evolve` takes")
                self._angle(time, False)
            case Call():
                self._modifiers(op.modifiers)
                self._call(op)
            case Measure(place, _, basis, keeps):
                self.expect((basis, keeps) in MEASUREMENTS, f"there is no basis `{basis}`")
                self._places((place,))
            case Reset(place):
                self._places((place,))
            case Expval(places, observable):
                self._places(places)
                self._expression(observable)
                known = observable.type in (OBSERVABLE, ArrayType(OBSERVABLE))
                self.expect(known, f"`expval` takes an observable or a vector of them, not a {observable.type}")
            case Probabilities(places):
                self._places(places)

    def _gate(self, gate: Gate) -> None:
        if gate.gate not in GATE_WORDS:
            raise self.fail(f"there is no gate `{gate.gate}`{did_you_mean(gate.gate, sorted(GATE_WORDS))}")
        self._places(gate.places)
        if (gate.gate == "unitary") != (gate.matrix is not None):
            raise self.fail("`unitary` has a matrix, and no other gate has one")
        rule = GATES.get(gate.gate)
        expected = 0 if rule is None else len(rule.angles)
        self.expect(len(gate.angles) == expected, f"`{gate.gate}` takes {expected} angles, not {len(gate.angles)}")
        for angle in gate.angles:
            self._angle(angle, bool(gate.places) and gate.places[0].length is not None)
        if rule is not None:
            self.expect(
                len(gate.places) == rule.num_qubits, f"`{gate.gate}` takes {rule.num_qubits} qubits, not {len(gate.places)}"
            )
            single = rule.is_broadcast or all(place.length is None for place in gate.places)
            self.expect(single, f"`{gate.gate}` takes single qubits")
        if gate.matrix is not None:
            self._matrix(gate, gate.matrix)

    def _matrix(self, gate: Gate, matrix: tuple[tuple[complex, ...], ...]) -> None:
        size = len(matrix)
        self.expect(all(len(row) == size for row in matrix), "the matrix is not square")
        self.expect(all(cmath.isfinite(entry) for row in matrix for entry in row), "the matrix is not finite")
        if all(place.length is None for place in gate.places):
            self.expect(size == 1 << len(gate.places), f"a {size} x {size} matrix on {len(gate.places)} qubits")

    def _angle(self, angle: Expr, several: bool) -> None:
        self._expression(angle)
        match angle.type:
            case ArrayType(element, 1) if several and is_number(element):
                return
        self.expect(is_number(angle.type), f"an angle is a number, not a {angle.type}")

    def _call(self, call: Call) -> None:
        if call.callee not in self.module.index:
            raise self.fail(f"there is no function `{call.callee}`{did_you_mean(call.callee, [*self.module.index])}")
        callee = self.module[call.callee]
        wanted, given = len(callee.parameters), len(call.arguments)
        self.expect(wanted == given, f"`{call.callee}` takes {wanted} arguments, not {given}")
        self.expect(
            len(call.results) == len(callee.returns),
            f"`{call.callee}` gives back {len(callee.returns)} values, not {len(call.results)}",
        )
        for parameter, argument in zip(callee.parameters, call.arguments, strict=True):
            what = f"`{parameter.name}` of `{call.callee}`"
            if isinstance(argument, Place):
                self._places((argument,))
                single = argument.length is None
                matches = is_quantum(parameter.type) and single == (parameter.type == QUBIT)
                self.expect(matches, f"{what} is a {parameter.type}, not {'a qubit' if single else 'a register'}")
            else:
                self.expect(not is_quantum(parameter.type), f"{what} is a {parameter.type}, not a classical value")
                self._typed(argument, parameter.type, what)

    def _modifiers(self, modifiers: tuple[Modifier, ...]) -> None:
        for modifier in modifiers:
            match modifier:
                case Control(places, value, count):
                    self._places(places)
                    for part, what in ((value, "the value of a control"), (count, "the number of controls")):
                        if part is not None:
                            self._typed(part, UINT, what)
                case Power(exponent):
                    self._typed(exponent, UINT, "the exponent of a power")

    # Values ---------------------------------------------------------------------------------------------------------

    def _places(self, places: tuple[Place, ...]) -> None:
        for place in places:
            name = place.register
            self.expect(name in self.visible, f"`{name}` is not defined here")
            self.expect(is_quantum(self.visible[name]), f"`{name}` is a {self.visible[name]}, not qubits")
            for part in (place.start, place.stride, *([] if place.length is None else [place.length])):
                self._typed(part, UINT, f"an index of `{name}`")
            if place.length is None:
                self.expect(place.stride == ONE, f"one qubit of `{name}` with a stride")
            if self.visible[name] == QUBIT:
                self.expect(place.length is None and place.start == ZERO, f"`{name}` is one qubit, it has no parts")

    def _value(self, value: Expr | Place) -> None:
        if isinstance(value, Place):
            self._places((value,))
        else:
            self._expression(value)

    def _expression(self, expr: Expr) -> None:
        wrong = check_expression(expr, self.visible)
        if wrong is not None:
            raise self.fail(wrong)

    def _typed(self, expr: Expr, type: Type, what: str) -> None:
        self._expression(expr)
        self.expect(fits(expr.type, type), f"{what} is a {type}, not a {expr.type}")


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME_LENGTH and name.isprintable() and "`" not in name


def _unpacks(dictionary: Type, count: int) -> bool:
    """Whether the items of a dictionary fill `count` targets."""
    match dictionary:
        case DictType(TupleType(items)):
            return count in (2, len(items) + 1)
        case DictType(ArrayType()):
            return count > 1
        case DictType():
            return count == 2
    return False
