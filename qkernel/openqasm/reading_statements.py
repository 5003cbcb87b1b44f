"""Statements of OpenQASM as ops of the IR."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import count
from typing import Any

from openqasm3 import ast

from qkernel.diagnostics import counted, did_you_mean
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name, Pack, apply, item, wrap
from qkernel.ir.identifiers import fresh, identifier
from qkernel.ir.ops import (
    Block,
    Call,
    Carried,
    For,
    Function,
    Gate,
    If,
    Joined,
    Op,
    Parameter,
    Range,
    Reset,
    While,
)
from qkernel.ir.places import Place, whole
from qkernel.ir.trees import Bounds
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, Type, joined_type
from qkernel.openqasm.reading_expressions import Names, Qubits, Symbol, Variable
from qkernel.openqasm.reading_operations import OperationReader

_KEYS = count()
_LACKING = {
    ast.BreakStatement: ("`break`", "let the condition of a `while` say when it ends"),
    ast.ContinueStatement: ("`continue`", "put the rest of the loop into an `if`"),
    ast.EndStatement: ("`end`", "put the rest of the program into an `if`"),
    ast.DelayInstruction: ("`delay`", "leave it out: kernels have no times"),
    ast.ExternDeclaration: ("`extern`", "compute the value before, and make it an `input`"),
    ast.Pragma: ("a pragma", "leave it out: what is read out is asked of the kernel, as in `kernel.sample(shots=1000)`"),
    ast.CalibrationStatement: ("`cal`", "leave it out: kernels have no pulses"),
    ast.CalibrationDefinition: ("`defcal`", "leave it out: kernels have no pulses"),
    ast.CalibrationGrammarDeclaration: ("`defcalgrammar`", "leave it out: kernels have no pulses"),
}
"""Statements that kernels have not, and what to do instead."""


class Reader(OperationReader):
    """Reads the statements of one function. `state` has the value of each variable, by key, where the reader is."""

    returned: list[Expr] | None = None

    # Names ----------------------------------------------------------------------------------------------------------

    def declare(self, name: Any, symbol: Symbol) -> None:
        """Give a name its meaning in this block."""
        if name.name in self.names.symbols:
            title = f"`{name.name}` is declared a second time"
            raise self.source.error(name, title, "declared here again", "give it another name")
        self.names.symbols[name.name] = symbol

    def variable_of(self, name: Any, type: Type, value: Expr, is_constant: bool = False) -> Variable:
        """Declare a variable that has a value."""
        variable = Variable(next(_KEYS), type, is_constant)
        self.declare(name, variable)
        self.state[variable.key] = value
        return variable

    def noted(self, name: Any, variable: Variable) -> None:
        """Take notice of a variable that is declared here."""

    def lengths(self, type: Any) -> list[int]:
        """The lengths of a register of bits or an array, one for each axis."""
        if isinstance(type, ast.BitType):
            return [] if type.size is None else [self.whole(type.size)]
        dimensions = getattr(type, "dimensions", [])
        return [self.whole(part) for part in dimensions] if isinstance(dimensions, list) else []

    def initial(self, type: Any) -> Expr:
        """What a variable holds that was given no value: 0."""
        zero: Expr = {FLOAT: Const(0.0), UINT: ZERO, BIT: Const(False)}[self.type_of(type).element]  # type: ignore[index]
        kind = self.type_of(type).element
        for rank, length in enumerate(reversed(self.lengths(type)), 1):
            zero = Pack((zero,) * length, ArrayType(kind, rank))  # type: ignore[arg-type]
        return zero

    # Blocks ---------------------------------------------------------------------------------------------------------

    def block(self, statements: Sequence[Any], at_top: bool = False) -> Block:
        """The ops of statements; what is declared in a block ends with it."""
        outer, self.ops = self.ops, []
        if not at_top:
            self.names = Names(self.names)
        for statement in statements:
            if self.returned is not None:
                raise self.source.lacking(statement, "a statement behind `return`")
            self.statement(statement, at_top)
        if not at_top:
            self.names = self.names.outer or self.names
        made, self.ops = tuple(self.ops), outer
        return made

    def top(self, node: Any) -> list[Op] | None:
        """What only the top of a program has; None for any other statement."""
        return None

    def statement(self, node: Any, at_top: bool) -> None:
        if getattr(node, "annotations", ()):
            raise self.source.lacking(node.annotations[0], "an annotation")
        if at_top and self.top(node) is not None:
            return
        match node:
            case ast.ClassicalDeclaration(type=type, identifier=name, init_expression=first):
                self.declaration(type, name, first)
            case ast.ConstantDeclaration(type=type, identifier=name, init_expression=first):
                value = self.converted(first, self.expression(first), self.type_of(type))
                self.variable_of(name, self.type_of(type), value, is_constant=True)
            case ast.AliasStatement(target=name, value=value):
                self.declare(name, self.qubits(value))
            case ast.ClassicalAssignment():
                self.assignment(node)
            case ast.QuantumGate() | ast.QuantumPhase():
                self.gate(node)
            case ast.QuantumMeasurementStatement(measure=measured, target=target):
                value = self.measured(measured)
                if target is not None:
                    self.assign(target, value)
            case ast.QuantumReset(qubits=operand):
                self.ops.append(Reset(self.qubits(operand).place, self.source.span(node)))
            case ast.QuantumBarrier(qubits=operands):
                places = [self.qubits(operand).place for operand in operands] or [
                    entry.place for entry in self.every_register()
                ]
                self.ops.append(Gate("barrier", tuple(places), span=self.source.span(node)))
            case ast.ExpressionStatement(expression=ast.FunctionCall() as call):
                self.call(call)
            case ast.BranchingStatement(condition=condition, if_block=then, else_block=otherwise):
                self.branch(node, self.bit(condition, self.expression(condition)), (then, otherwise))
            case ast.SwitchStatement(target=target, cases=cases, default=default):
                self.choose(_Choice(self.expression(target), cases, default))
            case _Choice():
                self.choose(node)
            case ast.ForInLoop():
                self.loop(node)
            case ast.WhileLoop():
                self.repeat(node)
            case ast.ReturnStatement(expression=value):
                self.give_back(node, value)
            case ast.CompoundStatement(statements=inner) | ast.Box(duration=None, body=inner):
                self.ops += self.block(inner)
            case _:
                raise self.source.lacking(node, *_LACKING.get(node.__class__, ("this statement", "")))

    def every_register(self) -> Iterator[Qubits]:
        names: Names | None = self.names
        while names is not None:
            yield from (symbol for name, symbol in names.symbols.items() if isinstance(symbol, Qubits) and name[0] != "$")
            names = names.outer

    def declaration(self, type: Any, name: Any, first: Any) -> None:
        kind = self.type_of(type)
        if first is None:
            value = self.initial(type)
        elif isinstance(first, ast.QuantumMeasurement):
            value = self.measured(first, name.name)
        else:
            value = self.expression(first)
        value = self.converted(first or name, value, kind)
        lengths = self.lengths(type)
        if (
            isinstance(kind, ArrayType)
            and kind.rank == 1
            and lengths
            and len(self.elements(first or name, value)) != lengths[0]
        ):
            given = len(self.elements(first or name, value))
            raise self.source.error(
                first or name, f"`{name.name}` has {lengths[0]} elements, and {given} are given", f"{given} here"
            )
        self.noted(name, self.variable_of(name, kind, value))

    def assignment(self, node: Any) -> None:
        """`a = b`, `a += b` and the like."""
        if isinstance(node.rvalue, ast.QuantumMeasurement):
            self.assign(node.lvalue, self.measured(node.rvalue))
            return
        value, sign = self.expression(node.rvalue), node.op.name
        if sign != "=":
            target = node.lvalue
            before = self.expression(
                target if isinstance(target, ast.Identifier) else ast.IndexExpression(target.name, target.indices[0])
            )
            value = self.binary(node, sign.removesuffix("="), before, value)
        self.assign(node.lvalue, value)

    def assign(self, target: Any, value: Expr) -> None:
        """Give a variable, or an element or a part of one, a value."""
        name = target if isinstance(target, ast.Identifier) else target.name
        variable = self.names.find(name.name)
        if variable is None:
            raise self.unknown(name, name.name)
        if not isinstance(variable, Variable) or variable.is_constant:
            kind = "a constant" if isinstance(variable, Variable) else "of qubits"
            title = f"`{name.name}` is {kind}, and nothing can be assigned to it"
            raise self.source.error(name, title, kind, "declare a variable: `int x = 0;`, and assign to that")
        before = self.state[variable.key]
        if target is name:
            value = self.converted(target, value, variable.type)
            if isinstance(value.type, ArrayType):
                have, given = self.length(target, before), self.length(target, value)
                if have != given:
                    title = f"`{name.name}` has {counted(have, 'element')}, and {given} are assigned"
                    raise self.source.error(target, title, counted(have, "element"))
            self.state[variable.key] = value
            return
        indices = [part for index in target.indices for part in (index if isinstance(index, list) else [index])]
        if not isinstance(variable.type, ArrayType):
            raise self.source.lacking(target, "an assignment to a binary digit of a number")
        if len(indices) == 1 and isinstance(indices[0], ast.RangeDefinition):
            start, step, count = self.range(indices[0], Const(self.length(target, before)))
            after = before
            for k, part in enumerate(self.elements(target, value)[: self.known_count(target, count)]):
                after = self.with_element(target, after, [start + step * k], part)
            self.state[variable.key] = after
            return
        keys, base = list[Expr](), before
        for part in indices:
            keys.append(self.index(part, base))
            base = item(base, keys[-1])
        self.state[variable.key] = self.with_element(target, before, keys, value)

    # Definitions ----------------------------------------------------------------------------------------------------

    def inside(self) -> Reader:
        """A reader of the body of a gate or subroutine, which sees the constants of the program."""
        inner = Reader(self.shared, Names())
        for name, symbol in self.names.symbols.items():
            if isinstance(symbol, Variable) and symbol.is_constant:
                inner.names.symbols[name] = symbol
                inner.state[symbol.key] = self.state[symbol.key]
        inner.names = Names(inner.names)
        return inner

    def gate_function(self, node: Any) -> Function:
        """A gate as a composite kernel: its qubits, then its angles."""
        name = fresh(identifier(node.name.name), self.shared.taken)
        inner = self.inside()
        parameters = []
        for qubit in node.qubits:
            own = inner.fresh(qubit.name)
            inner.declare(qubit, Qubits(Place(own), None))
            parameters.append(Parameter(own, QUBIT, None, self.source.span(qubit)))
        places = tuple(Place(parameter.name) for parameter in parameters)
        for angle in node.arguments:
            own = inner.fresh(angle.name)
            inner.variable_of(angle, FLOAT, Name(own, FLOAT), is_constant=True)
            parameters.append(Parameter(own, FLOAT, None, self.source.span(angle)))
        body = inner.block(node.body)
        span = self.source.span(node.name)
        function = Function(name, tuple(parameters), body, places, len(places) > 1, "composite", node.name.name, span=span)
        self.shared.functions.append(function)
        return function

    def subroutine_function(self, node: Any) -> Function:
        """A subroutine as a kernel that gives its qubits back, and its result behind them."""
        name = fresh(identifier(node.name.name), self.shared.taken)
        inner = self.inside()
        parameters = [inner.argument(argument) for argument in node.arguments]
        body = inner.block(node.body)
        places = tuple(whole(entry.name, entry.type) for entry in parameters if entry.type in (QUBIT, ArrayType(QUBIT)))
        results = tuple(inner.returned or ())
        if node.return_type is not None:
            if not results:
                raise self.source.error(node.name, f"`{node.name.name}` returns nothing", "no `return` at its end")
            results = (self.converted(node, results[0], self.type_of(node.return_type)),)
            self.shared.widths[name] = self.lengths(node.return_type)
        function = Function(
            name, tuple(parameters), body, (*places, *results), len(places) + len(results) > 1, span=self.source.span(node.name)
        )
        self.shared.functions.append(function)
        return function

    def argument(self, node: Any) -> Parameter:
        """An argument of a subroutine."""
        own, span = self.fresh(node.name.name), self.source.span(node.name)
        if isinstance(node, ast.QuantumArgument):
            size = None if node.size is None else self.whole(node.size)
            place = Place(own) if size is None else Place(own, ZERO, ONE, Const(size))
            self.declare(node.name, Qubits(place, None if size is None else Const(size)))
            return Parameter(own, QUBIT if size is None else ArrayType(QUBIT), None, span, size)
        if node.access is not None and node.access.name == "mutable":
            raise self.source.lacking(node, "an array that a subroutine changes", "give it back: `return`")
        type = self.type_of(node.type)
        self.variable_of(node.name, type, self.array(own, type, self.lengths(node.type)))
        return Parameter(own, type, None, span)

    def give_back(self, node: Any, value: Any) -> None:
        if self.names.outer is None or self.names.outer.outer is None or self.names.outer.outer.outer is not None:
            raise self.source.lacking(node, "`return` inside of a loop or branch", "give back a variable at the end")
        if isinstance(value, ast.QuantumMeasurement):
            self.returned = [self.measured(value)]
        else:
            self.returned = [] if value is None else [self.expression(value)]

    def called(self, node: Any) -> Expr | None:
        return self.call(node) if node.name.name in self.shared.subroutines else None

    def call(self, node: Any) -> Expr | None:
        """A call of a subroutine, and its result if it has one."""
        name = node.name.name
        function = self.shared.subroutines.get(name)
        if function is None:
            near = did_you_mean(name, [*self.shared.subroutines])
            raise self.source.error(node, f"there is no subroutine `{name}`{near}", "not defined")
        if len(node.arguments) != len(function.parameters):
            wanted, given = counted(len(function.parameters), "argument"), len(node.arguments)
            raise self.source.error(node, f"`{name}` takes {wanted}, and {given} are given", f"{given} here")
        arguments: list[Expr | Place] = []
        for argument, parameter in zip(node.arguments, function.parameters, strict=True):
            if parameter.type in (QUBIT, ArrayType(QUBIT)):
                operand = self.qubits(argument)
                if (operand.count is None) != (parameter.type == QUBIT):
                    kind = "one qubit" if parameter.type == QUBIT else "a register"
                    raise self.source.error(argument, f"`{parameter.name}` of `{name}` is {kind}", "not one")
                arguments.append(operand.place)
            else:
                arguments.append(self.converted(argument, self.expression(argument), parameter.type))
        results = [value for value in function.returns if isinstance(value, Expr)]
        own = self.fresh("result") if results else None
        names = (*(None for value in function.returns if isinstance(value, Place)), *([own] if own else []))
        self.ops.append(Call(function.name, tuple(arguments), names, (), self.source.span(node)))
        if own is None:
            return None
        return self.array(own, results[0].type, self.shared.widths[function.name])

    # Control flow ---------------------------------------------------------------------------------------------------

    def branch(self, node: Any, condition: Expr, blocks: Sequence[Sequence[Any]]) -> None:
        """A branch; variables that it changes are joined behind it."""
        before, bodies, states = dict(self.state), list[Block](), list[dict[int, Expr]]()
        for statements in blocks:
            self.state = dict(before)
            bodies.append(self.block(statements))
            states.append(self.state)
        self.state = before
        joins: list[Joined] = []
        for key in before:
            before[key] = self.joined(states[0][key], states[1][key], joins)
        self.ops.append(If(condition, bodies[0], bodies[1], tuple(joins), self.source.span(node)))

    def joined(self, then: Expr, otherwise: Expr, joins: list[Joined]) -> Expr:
        """One value or the other; of arrays that are written out, each element for itself."""
        if then is otherwise:
            return then
        if then.type == ArrayType(BIT):
            pairs = zip(self.elements(None, then), self.elements(None, otherwise), strict=True)
            return Pack(tuple(self.joined(one, other, joins) for one, other in pairs), then.type)
        name = self.fresh("value")
        joins.append(Joined(name, then, otherwise))
        return self.array(name, joined_type(then.type, otherwise.type), self.shape(then))

    def shape(self, value: Expr) -> tuple[int, ...]:
        """The lengths of an array."""
        if not isinstance(value.type, ArrayType):
            return ()
        return (self.length(None, value), *self.shape(item(value, ZERO)))

    def choose(self, choice: _Choice) -> None:
        """The cases of a `switch`, as branches in branches."""
        if not choice.cases:
            self.ops += self.block([] if choice.default is None else choice.default.statements)
            return
        (labels, body), *others = choice.cases
        tests = [self.binary(label, "==", choice.value, self.expression(label)) for label in labels]
        condition = reduce(lambda one, another: apply("or", one, another), tests)
        self.branch(body, condition, (body.statements, [_Choice(choice.value, others, choice.default)]))

    def loop(self, node: Any) -> None:
        """A loop over a range, or over numbers that are listed."""
        if self.type_of(node.type) not in (UINT, BIT, FLOAT) or isinstance(node.type, ast.FloatType | ast.AngleType):
            raise self.source.lacking(node.type, "a loop over numbers that are not whole")
        domain = node.set_declaration
        target = self.fresh(node.identifier.name)
        index: Expr = Name(target, UINT)
        if isinstance(domain, ast.RangeDefinition):
            if domain.start is None or domain.end is None:
                raise self.source.error(domain, "a loop needs both ends of its range", "an end is missing")
            start, end = (self.integer(part, self.expression(part)) for part in (domain.start, domain.end))
            step = ONE if domain.step is None else self.integer(domain.step, self.expression(domain.step))
            if not isinstance(step, Const) or not step.value:
                raise self.source.error(domain, "the step of a loop is a known number, and not 0", "not such a number")
            low, high = (start, end) if step.value > 0 else (end, start)
            bounds = Range(start, end + 1 if step.value > 0 else end - 1, step)
            self.known[target] = Bounds(self.bounds(low).least, self.bounds(high).greatest)
            value = index
        else:
            listed = (
                wrap([self.expression(part) for part in domain.values])
                if isinstance(domain, ast.DiscreteSet)
                else self.expression(domain)
            )
            bounds = Range(ZERO, Const(self.length(domain, listed)), ONE)
            value = item(listed, index)
        names = Names(self.names)
        variable = Variable(next(_KEYS), value.type)
        names.symbols[node.identifier.name] = variable
        self.state[variable.key] = value
        entries = self.carried(node.block, whole=True)
        outer, self.names = self.names, names
        body = self.block(node.block)
        self.names = outer
        self.ops.append(For((target,), bounds, body, self.handed(entries), self.source.span(node)))

    def repeat(self, node: Any) -> None:
        entries = self.carried(node.block, whole=False)
        condition = self.bit(node.while_condition, self.expression(node.while_condition))
        body = self.block(node.block)
        self.ops.append(While(condition, body, self.handed(entries), self.source.span(node)))

    def carried(self, statements: Sequence[Any], whole: bool) -> list[tuple[int, list[tuple[str, Expr]], Expr]]:
        """The variables that a loop changes: the names that it carries for each, with their values before it.

        A register of bits is carried as a whole, or, if not `whole`, bit by bit.
        """
        found = []
        for name in dict.fromkeys(_assigned(statements)):
            variable = self.names.find(name)
            if not isinstance(variable, Variable):
                continue
            before = self.state[variable.key]
            if before.type == ArrayType(BIT) and not whole:
                entries = [(self.fresh(name), part) for part in self.elements(None, before)]
                inside: Expr = Pack(tuple(Name(own, part.type) for own, part in entries), before.type)
            else:
                entries = [(self.fresh(name), before)]
                inside = self.array(entries[0][0], before.type, self.shape(before))
            self.state[variable.key] = inside
            found.append((variable.key, entries, inside))
        return found

    def handed(self, entries: Sequence[tuple[int, list[tuple[str, Expr]], Expr]]) -> tuple[Carried, ...]:
        """What a loop carries, when its body has been read; behind it the variables are these."""
        carried = []
        for key, parts, inside in entries:
            after = self.state[key]
            each = [item(after, Const(k)) for k in range(len(parts))] if isinstance(inside, Pack) else [after]
            carried += [Carried(name, before, value) for (name, before), value in zip(parts, each, strict=True)]
            self.state[key] = inside
        return tuple(carried)


@dataclass
class _Choice:
    """What is left of a `switch`: the value that is asked for, its cases, and what to do for any other."""

    value: Expr
    cases: Sequence[Any]
    default: Any


def _assigned(statements: Sequence[Any]) -> Iterator[str]:
    """The names that statements assign to, those in their blocks included."""
    for node in statements:
        match node:
            case ast.ClassicalAssignment(lvalue=target) | ast.QuantumMeasurementStatement(target=target):
                if target is not None:
                    yield target.name if isinstance(target, ast.Identifier) else target.name.name
            case ast.BranchingStatement(if_block=then, else_block=otherwise):
                yield from _assigned([*then, *otherwise])
            case ast.ForInLoop(block=inner) | ast.WhileLoop(block=inner):
                yield from _assigned(inner)
            case ast.CompoundStatement(statements=inner) | ast.Box(body=inner):
                yield from _assigned(inner)
            case ast.SwitchStatement(cases=cases, default=default):
                blocks = [body for _, body in cases] + ([] if default is None else [default])
                yield from _assigned([statement for body in blocks for statement in body.statements])
