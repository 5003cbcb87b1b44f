"""Circuits as OpenQASM 3 text (arXiv:2104.14722): inputs, registers and the statements as they were written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import ZERO, Apply, Const, Expr, Item, Name, apply
from qkernel.ir.trees import substitute, system_names
from qkernel.ir.types import BIT, ArrayType
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Body, Box, Branch, Circuit, Instruction, Kind, Repeat, Run
from qkernel.lower.integers import size_of
from qkernel.lower.truth_tables import formula
from qkernel.openqasm.expressions import QasmText, Unwritten, enclosed, number
from qkernel.openqasm.gates import Definitions
from qkernel.openqasm.names import box_name

_OF_INTEGERS = {"and": "&&", "or": "||", "^": "!=", "==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_ARITHMETIC = {"neg": "-{0}", "+": "{0} + {1}", "-": "{0} - {1}", "*": "{0} * {1}"}


def flat_text(circuit: Circuit) -> str:
    """The circuit as OpenQASM 3 text, with its global phase; open parameters are its inputs, angles in radians.

    Each number of an open argument is an input of its own: `weights[0]` is `weights_0`. Composite gates without open
    angles are gates of the text. Expectation values and probabilities stand in comments, as OpenQASM cannot read them out.
    Raises `TargetCapabilityError` for an angle that OpenQASM cannot express.
    """
    return "\n".join(FlatWriter(circuit.without_releases).lines()) + "\n"


@dataclass
class FlatWriter:
    """Writes one circuit."""

    circuit: Circuit
    definitions: Definitions = field(default_factory=Definitions)

    def lines(self) -> Iterator[str]:
        circuit = self.circuit
        inputs = {name: self.definitions.names.fresh(name) for name in circuit.angles.column_names}
        registers = list(self.registers())
        qubits = {place: name for _, _, places in registers for place, name in places.items()}
        self.bits = self.definitions.names.fresh("c")
        self.integers = [self.definitions.names.fresh(entry.name) for entry in circuit.integers]
        self.angles = angle_texts(circuit, list(inputs.values()))
        body = list(self.body(circuit.body, qubits, circuit.boxes))
        yield "OPENQASM 3.0;"
        yield 'include "stdgates.inc";'
        yield from (f"// {line}" for line in readouts(circuit, qubits))
        for column, name in inputs.items():
            yield f"input float[64] {name};" + (f" // {column}" if column != name else "")
        yield from self.definitions.lines
        if circuit.num_bits:
            yield f"bit[{circuit.num_bits}] {self.bits};"
        for name, entry in zip(self.integers, circuit.integers, strict=True):
            yield f"int[{entry.width}] {name} = 0;"
        yield from (f"qubit[{count}] {name};" for name, count, _ in registers)
        yield from body

    def registers(self) -> Iterator[tuple[str, int, dict[int, str]]]:
        """Name, length and qubits of each register; a qubit that several share stands in the first."""
        circuit, known = self.circuit, set[int]()
        everything = ("q", tuple(range(circuit.num_qubits)))
        for wanted, places in (*circuit.registers, everything):
            new = [place for place in places if place not in known]
            if new:
                known.update(new)
                name = self.definitions.names.fresh(wanted)
                yield name, len(new), {place: f"{name}[{k}]" for k, place in enumerate(new)}

    def body(self, body: Body, qubits: Mapping[int, str], boxes: Sequence[Box] = ()) -> Iterator[str]:
        for part in body:
            match part:
                case Run():
                    rows = list(self.circuit.instructions(part))
                    yield from self.stretch(rows, 0, len(rows), qubits, sorted(boxes, key=lambda box: (box.start, -box.stop)))
                    boxes = ()
                case Branch(test, then, otherwise):
                    yield f"if ({self.condition(test)}) {{"
                    yield from self.indented(then, qubits)
                    if otherwise:
                        yield "} else {"
                        yield from self.indented(otherwise, qubits)
                    yield "}"
                case Repeat(test, repeated):
                    yield f"while ({self.condition(test)}) {{"
                    yield from self.indented(repeated, qubits)
                    yield "}"
                case Assign(value=value):
                    key, number = part.variable
                    if key == BITS.key:
                        yield f"{self.bits}[{number}] = {self.condition(value)};"
                    else:
                        yield f"{self.integers[number]} = {self.number(value, self.circuit.integers[number].width)};"

    def indented(self, body: Body, qubits: Mapping[int, str]) -> Iterator[str]:
        yield from (f"  {line}" for line in self.body(body, qubits))

    def condition(self, value: Expr) -> str:
        """A bit; whole numbers that measured bits alone decide are tables of these."""
        if INTEGERS.key not in system_names(value):
            return QasmText().text(substitute(formula(value), {BITS.key: Name(self.bits, ArrayType(BIT))}))
        match value:
            case Apply("not", (operand,)):
                return f"!{enclosed(self.condition(operand))}"
            case Apply("and" | "or" | "^" as name, operands):
                return f" {_OF_INTEGERS[name]} ".join(enclosed(self.condition(operand)) for operand in operands)
            case Apply(name, sides) if name in _OF_INTEGERS:
                width = 0 if all(isinstance(side, (Const, Item)) for side in sides) else self.width(sides)
                return f" {_OF_INTEGERS[name]} ".join(enclosed(self.number(side, width)) for side in sides)
        raise _not_written(value)

    def width(self, numbers: Sequence[Expr]) -> int:
        """In how many bits numbers can be computed."""
        width = 32
        for value in numbers:
            size = size_of(value, self.circuit.integers)
            if size is None or size >> 63:
                raise _not_written(value)
            width = 64 if size >> 31 else width
        return width

    def number(self, value: Expr, width: int) -> str:
        """A whole number, computed in `width` bits. Where it is chosen, each side is multiplied by whether it is."""
        match value:
            case Const(known):
                return str(int(known))
            case Item(base, (Const(int(k)),)) if base is INTEGERS:
                return self.integers[k] if self.circuit.integers[k].width >= width else f"int[{width}]({self.integers[k]})"
            case Apply("uint", (operand,)):
                return self.number(operand, width)
            case Apply("select", (condition, left, right)):
                parts = ((condition, left), (apply("not", condition), right))
                terms = [(self.number(test, width), self.number(side, width)) for test, side in parts if side is not ZERO]
                return " + ".join(f"{test} * {enclosed(side)}" for test, side in terms)
            case Apply("min" | "max" as name, (left, right)):
                smaller = Apply("<" if name == "min" else ">", (left, right))
                return self.number(Apply("select", (smaller, left, right)), width)
            case Apply(name, operands) if name in _ARITHMETIC:
                return _ARITHMETIC[name].format(*(enclosed(self.number(operand, width)) for operand in operands))
        if value.type != BIT:
            raise _not_written(value)
        return f"int[{width}](bool({self.condition(value)}))"

    def stretch(
        self, rows: Sequence[Instruction], start: int, stop: int, qubits: Mapping[int, str], boxes: Sequence[Box]
    ) -> Iterator[str]:
        """The rows from `start` to `stop`, those of the outermost of `boxes` (in reading order) as gates."""
        while boxes:
            box, *rest = boxes
            inner = [entry for entry in rest if entry.start < box.stop]
            boxes = rest[len(inner) :]
            yield from self.rows(rows[start : box.start], qubits)
            yield from self.box(rows, box, inner, qubits)
            start = box.stop
        yield from self.rows(rows[start:stop], qubits)

    def box(self, rows: Sequence[Instruction], box: Box, inner: Sequence[Box], qubits: Mapping[int, str]) -> Iterator[str]:
        """A call of the gate that the box is; its rows between comments where they cannot be a gate of their own."""
        inside = rows[box.start : box.stop]
        if all(row.kind.is_gate and not self.open_slots & set(row.slots) for row in inside) and box.qubits:
            own = {place: f"q{k}" for k, place in enumerate(box.qubits)}
            body = tuple(self.stretch(rows, box.start, box.stop, own, inner))
            name = self.definitions.gate((box.label, *body), box_name(box.label), "", list(own.values()), body)
            yield f"{name} {', '.join(qubits[place] for place in box.qubits)};"
            return
        label = re.sub(r"\s+", " ", box.label)
        yield f"// {label} on {', '.join(qubits[place] for place in box.qubits)}"
        yield from self.stretch(rows, box.start, box.stop, qubits, inner)
        yield f"// end of {label}"

    @property
    def open_slots(self) -> set[int]:
        return set(self.circuit.angles.varying.tolist())

    def rows(self, rows: Sequence[Instruction], qubits: Mapping[int, str]) -> Iterator[str]:
        for row in rows:
            on = [qubits[place] for place in row.qubits]
            match row.kind.name:
                case "measure":
                    yield f"{self.bits}[{row.bits[0]}] = measure {on[0]};"
                case "ug":  # `u` and a phase
                    phase = Kind("gphase", 0, 1, row.kind.controls, row.kind.control_value)
                    yield self.call(phase, row.slots[3:], on[:-1])
                    yield self.call(Kind("u", 1, 3, row.kind.controls, row.kind.control_value), row.slots[:3], on)
                case _:
                    yield self.call(row.kind, row.slots, on)

    def call(self, kind: Kind, slots: Sequence[int], on: Sequence[str]) -> str:
        """A gate, a reset or a barrier."""
        return self.definitions.call(kind, [self.angles[slot] for slot in slots], on)


def angle_texts(circuit: Circuit, inputs: Sequence[str]) -> list[str]:
    """Every angle as text."""
    angles = circuit.angles
    angles.require_formulas("OpenQASM")
    terms: list[list[str]] = [[] for _ in range(angles.num_slots)]
    for row, column, coefficient in angles.terms:
        terms[row].append(inputs[column] if coefficient == 1 else f"{number(coefficient)} * {inputs[column]}")
    result = []
    for offset, parts in zip(angles.offsets.tolist(), terms, strict=True):
        result.append(" + ".join([*parts, number(offset)] if offset or not parts else parts).replace("+ -", "- "))
    text = QasmText(elements=dict(zip(angles.elements, inputs, strict=True)))
    for slot, expression in angles.non_affine:
        try:
            result[slot] = text.number(expression)
        except Unwritten:
            raise TargetCapabilityError(
                f"the angle `{expression}` cannot be written in OpenQASM",
                help="bind its arguments: `kernel.to_qasm(name=value)`",
            ) from None
    return result


def _not_written(value: Expr) -> TargetCapabilityError:
    name = value.operator if isinstance(value, Apply) else "a look-up"
    return TargetCapabilityError(
        f"`{name}` of numbers that are counted at run time cannot be written in OpenQASM", help="count by sums and differences"
    )


def readouts(circuit: Circuit, names: Mapping[int, str]) -> Iterator[str]:
    """What is read out of the circuit beside bits, in words."""
    if not circuit.expectations and not circuit.probabilities:
        return
    yield f"`{circuit.name}` reads out of the final state, for which OpenQASM has no statement:"
    for expectation in circuit.expectations:
        observable = expectation.observable
        yield "the expectation value of"
        if observable.constant or not len(observable):
            yield f"  {observable.constant.real:+}"
        for operators, coefficient in observable:
            yield f"  {coefficient.real:+} {' '.join(f'{entry.pauli.value}({names[entry.index]})' for entry in operators)}"
    for qubits in circuit.probabilities:
        yield f"the probabilities of {', '.join(names[qubit] for qubit in qubits) or 'no qubits'}, the first least significant"
