"""Operands, gates and measurements of OpenQASM as places and ops of the IR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from openqasm3 import ast

from qkernel.diagnostics import counted, did_you_mean
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Name
from qkernel.ir.identifiers import fresh, identifier
from qkernel.ir.ops import Adjoint, Call, Control, For, Function, Gate, Measure, Modifier, Op, Power, Range
from qkernel.ir.places import Place, joined
from qkernel.ir.trees import Bounds
from qkernel.ir.types import BIT, QUBIT, UINT, ArrayType, Type
from qkernel.openqasm.reading_expressions import ExpressionReader, Names, Qubits
from qkernel.openqasm.reading_gates import PHASE, THREE, TWO, Known
from qkernel.openqasm.syntax import Source


@dataclass
class Shared:
    """What all parts of a program see: its gates, its subroutines, and the functions that these have become.

    `widths` are the lengths of the registers of bits that functions give back.
    """

    source: Source
    functions: list[Function] = field(default_factory=list)
    gates: dict[str, Function | Known] = field(default_factory=dict)
    subroutines: dict[str, Function] = field(default_factory=dict)
    widths: dict[str, list[int]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)


class OperationReader(ExpressionReader):
    """Reads what is done to qubits; `ops` is what has been read of a block, `taken` are the names of the function."""

    def __init__(self, shared: Shared, names: Names) -> None:
        self.shared, self.source, self.names = shared, shared.source, names
        self.state: dict[int, Expr] = {}
        self.known: dict[str, Bounds] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.taken: set[str] = set()
        self.ops: list[Op] = []

    def fresh(self, wanted: str) -> str:
        """A name that the function does not have yet."""
        return fresh(identifier(wanted), self.taken)

    # Qubits ---------------------------------------------------------------------------------------------------------

    def qubits(self, node: Any) -> Qubits:
        """The qubits that an operand says."""
        match node:
            case ast.Identifier(name=name):
                found = self.names.find(name)
                if found is None:
                    raise self.unknown(node, name)
                if not isinstance(found, Qubits):
                    raise self.source.error(node, f"`{name}` is no qubit", "a number or bit")
                return found
            case ast.IndexedIdentifier(name=name, indices=indices):
                found = self.qubits(name)
                for index in indices:
                    found = self.part(node, found, index)
                return found
            case ast.IndexExpression(collection=base, index=index):
                return self.part(node, self.qubits(base), index)
            case ast.Concatenation(lhs=left, rhs=right):
                sides = [self.qubits(left), self.qubits(right)]
                total: Expr = ZERO
                for side in sides:
                    total = total + (ONE if side.count is None else side.count)
                return Qubits(joined(side.place for side in sides), total)
        raise self.source.error(node, "qubits are wanted here", "none")

    def part(self, node: Any, of: Qubits, index: Any) -> Qubits:
        """Some of the qubits of a register."""
        if of.count is None:
            raise self.source.error(node, "one qubit has no parts", "an index of one qubit")
        if isinstance(index, ast.DiscreteSet):
            chosen = [of.place.element(self.position(part, of.count)) for part in index.values]
            return Qubits(joined(chosen), Const(len(chosen)))
        (first,) = index
        if isinstance(first, ast.RangeDefinition):
            start, step, count = self.range(first, of.count)
            return Qubits(of.place.view(start, step, count), count)
        return Qubits(of.place.element(self.position(first, of.count)), None)

    def position(self, node: Any, length: Expr) -> Expr:
        """An index into a register, a negative one from the end."""
        found = self.integer(node, self.expression(node))
        if isinstance(found, Const) and isinstance(length, Const):
            if not -length.value <= found.value < length.value:
                raise self.source.error(
                    node,
                    f"there is no qubit {found.value} of {length.value}",
                    "past the end",
                    f"they are 0 to {length.value - 1}",
                )
            return Const(found.value % length.value)
        return found

    def measured(self, node: Any, wanted: str = "bit") -> Expr:
        """A measurement, and its result."""
        operand = self.qubits(node.qubit)
        result = self.fresh(wanted)
        self.ops.append(Measure(operand.place, result, keeps=True, span=self.source.span(node)))
        if operand.count is None:
            return Name(result, BIT)
        return self.array(result, ArrayType(BIT), (self.known_count(node, operand.count),))

    def array(self, name: str, type: Type, shape: Sequence[int]) -> Expr:
        """An array that goes by a name; or a number, which has no shape."""
        if shape:
            self.shapes[name] = tuple(shape)
        return Name(name, type)

    # Gates ----------------------------------------------------------------------------------------------------------

    def gate(self, node: Any) -> None:
        """A gate under modifiers, on qubits or on registers."""
        operands = [self.qubits(operand) for operand in node.qubits]
        modifiers, used = self.modifiers(node, operands)
        if isinstance(node, ast.QuantumPhase):
            angle = self.angle(node.argument)
            self.applied(node, PHASE, [angle], operands, modifiers, used)
            return
        name = node.name.name
        table = TWO if self.source.version == 2 else THREE
        found = self.shared.gates.get(name) or table.get(name)
        angles = [self.angle(argument) for argument in node.arguments]
        if found is None:
            near = did_you_mean(name, [*self.shared.gates, *table])
            takes = ", ".join(f"q{k}" for k in range(len(node.qubits)))
            named = f"{name}({', '.join(f'a{k}' for k in range(len(angles)))})" if angles else name
            help = f"define it: `gate {named} {takes} {{ ... }}`, or give it the name of a gate that is known"
            raise self.source.error(node.name, f"there is no gate `{name}`{near}", "not defined", help)
        self.applied(node, found, angles, operands, modifiers, used)

    def angle(self, node: Any) -> Expr:
        value = self.number(node, self.expression(node))
        return Const(float(value.value)) if isinstance(value, Const) else value

    def modifiers(self, node: Any, operands: Sequence[Qubits]) -> tuple[list[Modifier], int]:
        """The modifiers of a gate, the innermost first, and how many of the operands are their controls."""
        applied, used = list[Modifier](), 0
        for modifier in node.modifiers:
            match modifier.modifier.name:
                case "inv":
                    applied.append(Adjoint())
                case "pow":
                    exponent = self.number(modifier, self.expression(modifier.argument))
                    if isinstance(exponent, Const) and float(exponent.value).is_integer():
                        exponent = Const(int(exponent.value))
                    if exponent.type != UINT:
                        help = "the powers of a gate are whole numbers, `pow(2) @ x q;`; a root of `x` is `sx`"
                        raise self.source.lacking(modifier, f"the power {exponent}", help)
                    applied.append(Power(exponent))
                case word:
                    controls = 1 if modifier.argument is None else self.whole(modifier.argument)
                    if used + controls > len(operands):
                        raise self.source.error(modifier, "there are fewer qubits than controls", counted(controls, "control"))
                    on = tuple(operand.place for operand in operands[used : used + controls])
                    applied.append(Control(on, None if word == "ctrl" else ZERO))
                    used += controls
        return applied[::-1], used

    def applied(
        self,
        node: Any,
        gate: Known | Function,
        angles: Sequence[Expr],
        operands: Sequence[Qubits],
        modifiers: Sequence[Modifier],
        used: int,
    ) -> None:
        """A gate on its operands: on registers for each of their qubits."""
        if isinstance(gate, Known):
            wanted, turns = gate.qubits, gate.angles
        else:
            wanted = sum(parameter.type == QUBIT for parameter in gate.parameters)
            turns = len(gate.parameters) - wanted
        name = getattr(getattr(node, "name", None), "name", "gphase")
        if len(angles) != turns:
            raise self.source.error(
                node, f"`{name}` takes {counted(turns, 'angle')}, and {len(angles)} are given", f"{len(angles)} here"
            )
        if len(operands) - used != wanted:
            given = len(operands) - used
            raise self.source.error(node, f"`{name}` takes {counted(wanted, 'qubit')}, and {given} are given", f"{given} here")
        span = self.source.span(node)
        counts = [operand.count for operand in operands if operand.count is not None]
        if not counts:
            self.ops += self.one(gate, angles, [operand.place for operand in operands[used:]], tuple(modifiers), span)
            return
        if len({*counts}) > 1:
            lengths = " and ".join(str(count) for count in counts)
            raise self.source.error(node, f"`{name}` acts on registers of {lengths} qubits", "of different lengths")
        places = [operand.place for operand in operands[used:]]
        is_plain = isinstance(gate, Known) and not modifiers and len(counts) == len(operands)
        if is_plain and all(place.length is not None for place in places):
            at_once = self.one(gate, angles, places, (), span)
            if all(isinstance(op, Gate) and op.places and not op.modifiers for op in at_once):  # no phases, no controls
                self.ops += at_once
                return
        index = self.fresh("k")
        each = [operand.place if operand.count is None else operand.place.element(Name(index, UINT)) for operand in operands]
        first = 0
        controlled = list[Modifier]()
        for modifier in reversed(modifiers):
            if isinstance(modifier, Control):
                held = len(modifier.places)
                modifier = Control(tuple(each[first : first + held]), modifier.value)
                first += held
            controlled.append(modifier)
        body = self.one(gate, angles, each[used:], tuple(reversed(controlled)), span)
        self.ops.append(For((index,), Range(ZERO, counts[0], ONE), tuple(body), span=span))

    def one(
        self, gate: Known | Function, angles: Sequence[Expr], on: Sequence[Place], modifiers: tuple[Modifier, ...], span: Any
    ) -> list[Op]:
        """A gate on qubits, one each, or on registers."""
        if isinstance(gate, Function):
            return [Call(gate.name, (*on, *angles), (None,) * len(on), modifiers, span)]
        made: list[Op] = []
        for part in gate.make(angles, on, modifiers):
            made.append(Gate(part.gate, part.places, part.angles, part.modifiers, part.matrix, span))
        return made
