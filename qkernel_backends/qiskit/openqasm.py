"""Circuits as OpenQASM 3 text (arXiv:2104.14722): inputs, registers and the statements as they were written."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from qiskit.circuit import Clbit
from qiskit.circuit.classical import expr as classical

from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import ZERO, Apply, Const, Expr, Item, Name, apply
from qkernel.ir.trees import system_names
from qkernel.ir.types import BIT
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Body, Box, Branch, Circuit, Instruction, Kind, Repeat, Run
from qkernel.lower.integers import size_of
from qkernel_backends.qiskit.conditions import boolean
from qkernel_backends.qiskit.gates import box_name
from qkernel_backends.qiskit.names import fresh
from qkernel_backends.qiskit.openqasm_gates import CONTROLLED, STANDARD, definition_of

# fmt: off
_TAKEN = frozenset((
    "OPENQASM", "include", "defcalgrammar", "def", "cal", "defcal", "gate", "extern", "box", "let", "break", "continue",
    "if", "else", "end", "return", "for", "while", "in", "switch", "case", "default", "nop", "pragma", "input", "output",
    "const", "readonly", "mutable", "qreg", "qubit", "creg", "bool", "bit", "int", "uint", "float", "angle", "complex",
    "array", "void", "duration", "stretch", "gphase", "inv", "pow", "ctrl", "negctrl", "durationof", "delay", "reset",
    "measure", "barrier", "true", "false", "im", "pi", "tau", "euler", "arcsin", "sin", "arccos", "cos", "arctan", "tan",
    "exp", "log", "sqrt", "ceiling", "floor", "mod", "popcount", "rotl", "rotr", "real", "imag", "sizeof", "U", "CX",
    "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp", "crx", "cry", "crz",
    "ch", "swap", "ccx", "cswap", "cu", "phase", "cphase", "id", "u1", "u2", "u3", "dt", "ns", "us", "ms",
))
_FUNCTIONS = {
    "neg": "-{0}", "float": "{0}", "uint": "{0}", "abs": "sqrt({0} ** 2)", "floor": "floor({0})", "ceil": "ceiling({0})",
    "sin": "sin({0})", "cos": "cos({0})", "tan": "tan({0})", "asin": "arcsin({0})", "acos": "arccos({0})",
    "atan": "arctan({0})", "exp": "exp({0})", "log": "log({0})", "log2": "log({0}) / log(2.0)", "sqrt": "sqrt({0})",
    "sinh": "(exp({0}) - exp(-{0})) / 2.0", "cosh": "(exp({0}) + exp(-{0})) / 2.0",
    "tanh": "1.0 - 2.0 / (exp(2.0 * {0}) + 1.0)",
    "+": "{0} + {1}", "-": "{0} - {1}", "*": "{0} * {1}", "/": "{0} / {1}", "**": "{0} ** {1}",
}
# fmt: on
_LOGIC = {"LOGIC_AND": "&&", "LOGIC_OR": "||", "BIT_XOR": "^"}
_OF_INTEGERS = {"and": "&&", "or": "||", "^": "!=", "==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_ARITHMETIC = {"neg": "-{0}", "+": "{0} + {1}", "-": "{0} - {1}", "*": "{0} * {1}"}


def to_qasm(circuit: Circuit) -> str:
    """The circuit as OpenQASM 3 text, with its global phase; open parameters are its inputs, angles in radians.

    Each number of an open argument is an input of its own: `weights[0]` is `weights_0`. Composite gates without open
    angles are gates of the text. Expectation values and probabilities stand in comments, as OpenQASM cannot read them out.
    Raises `TargetCapabilityError` for an angle that OpenQASM cannot express.
    """
    return "\n".join(_Writer(circuit.without_releases).lines()) + "\n"


@dataclass
class _Names:
    """Identifiers of one text, each used once."""

    taken: set[str] = field(default_factory=lambda: set(_TAKEN))

    def fresh(self, wanted: str) -> str:
        plain = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "name"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        return fresh(plain, self.taken)


@dataclass
class _Writer:
    """Writes one circuit. `definitions` are the gates that the text defines, by what they are."""

    circuit: Circuit
    names: _Names = field(default_factory=_Names)
    definitions: dict[Kind | tuple[str, ...], str] = field(default_factory=dict)
    gates: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        circuit = self.circuit
        inputs = {name: self.names.fresh(name) for name in circuit.angles.column_names}
        registers = list(self.registers())
        qubits = {place: name for _, _, places in registers for place, name in places.items()}
        self.bits = self.names.fresh("c")
        self.clbits = {Clbit(): f"{self.bits}[{k}]" for k in range(circuit.num_bits)}
        self.integers = [self.names.fresh(entry.name) for entry in circuit.integers]
        self.angles = _angles(circuit, list(inputs.values()))
        body = list(self.body(circuit.body, qubits, circuit.boxes))
        yield "OPENQASM 3.0;"
        yield 'include "stdgates.inc";'
        yield from (f"// {line}" for line in _readouts(circuit, qubits))
        for column, name in inputs.items():
            yield f"input float[64] {name};" + (f" // {column}" if column != name else "")
        yield from self.gates
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
                name = self.names.fresh(wanted)
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
            return _condition(boolean(value, list(self.clbits)), self.clbits)
        match value:
            case Apply("not", (operand,)):
                return f"!{_enclosed(self.condition(operand))}"
            case Apply("and" | "or" | "^" as name, operands):
                return f" {_OF_INTEGERS[name]} ".join(_enclosed(self.condition(operand)) for operand in operands)
            case Apply(name, sides) if name in _OF_INTEGERS:
                width = 0 if all(isinstance(side, (Const, Item)) for side in sides) else self.width(sides)
                return f" {_OF_INTEGERS[name]} ".join(_enclosed(self.number(side, width)) for side in sides)
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
                return " + ".join(f"{test} * {_enclosed(side)}" for test, side in terms)
            case Apply("min" | "max" as name, (left, right)):
                smaller = Apply("<" if name == "min" else ">", (left, right))
                return self.number(Apply("select", (smaller, left, right)), width)
            case Apply(name, operands) if name in _ARITHMETIC:
                return _ARITHMETIC[name].format(*(_enclosed(self.number(operand, width)) for operand in operands))
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
            name = self.gate((box.label, *body), box_name(box.label), "", list(own.values()), body)
            yield f"{name} {', '.join(qubits[place] for place in box.qubits)};"
            return
        label = re.sub(r"\s+", " ", box.label)
        yield f"// {label} on {', '.join(qubits[place] for place in box.qubits)}"
        yield from self.stretch(rows, box.start, box.stop, qubits, inner)
        yield f"// end of {label}"

    @property
    def open_slots(self) -> set[int]:
        return set(self.circuit.angles.varying.tolist())

    def gate(self, key: Kind | tuple[str, ...], wanted: str, angles: str, qubits: Sequence[str], body: Sequence[str]) -> str:
        """The name of the gate that the text defines so."""
        if key not in self.definitions:
            self.definitions[key] = name = self.names.fresh(wanted)
            self.gates += [f"gate {name}{angles} {', '.join(qubits)} {{", *(f"  {line}" for line in body), "}"]
        return self.definitions[key]

    def rows(self, rows: Sequence[Instruction], qubits: Mapping[int, str]) -> Iterator[str]:
        for row in rows:
            on = [qubits[place] for place in row.qubits]
            match row.kind.name:
                case "measure":
                    yield f"{self.bits}[{row.bits[0]}] = measure {on[0]};"
                case "ug":  # `u` and a phase
                    yield from self.call(
                        Kind("gphase", 0, 1, row.kind.controls, row.kind.control_value), row.slots[3:], on[:-1]
                    )
                    yield from self.call(Kind("u", 1, 3, row.kind.controls, row.kind.control_value), row.slots[:3], on)
                case _:
                    yield from self.call(row.kind, row.slots, on)

    def call(self, kind: Kind, slots: Sequence[int], on: Sequence[str]) -> Iterator[str]:
        """A gate, a reset or a barrier."""
        prefix, name = _modifiers(kind), self.name(kind)
        if kind.is_plainly_controlled and (kind.name, kind.controls) in CONTROLLED:
            prefix, name = "", CONTROLLED[kind.name, kind.controls]
        angles = f"({', '.join(self.angles[slot] for slot in slots)})" if slots else ""
        yield f"{prefix}{name}{angles}{' ' if on else ''}{', '.join(on)};"

    def name(self, kind: Kind) -> str:
        """The name of the uncontrolled gate, which is defined if it has no name in the standard."""
        if kind.name in STANDARD:
            return STANDARD[kind.name]
        key = Kind(kind.name, kind.num_targets, kind.num_angles, unitary=kind.unitary, word=kind.word)
        if key in self.definitions:
            return self.definitions[key]
        wanted, angles, qubits, body = definition_of(key)
        return self.gate(key, wanted, angles, qubits, body)


def _modifiers(kind: Kind) -> str:
    if kind.name == "x" and kind.controls > 1 and kind.is_plainly_controlled:
        return f"ctrl({kind.controls}) @ "  # of other gates Qiskit's importer takes several controls one by one only
    return "".join("ctrl @ " if kind.control_value >> k & 1 else "negctrl @ " for k in range(kind.controls))


def _angles(circuit: Circuit, inputs: Sequence[str]) -> list[str]:
    """Every angle as text."""
    angles = circuit.angles
    angles.require_formulas("OpenQASM")
    terms: list[list[str]] = [[] for _ in range(angles.num_slots)]
    for row, column, coefficient in angles.terms:
        terms[row].append(inputs[column] if coefficient == 1 else f"{number(coefficient)} * {inputs[column]}")
    result = []
    for offset, parts in zip(angles.offsets.tolist(), terms, strict=True):
        result.append(" + ".join([*parts, number(offset)] if offset or not parts else parts).replace("+ -", "- "))
    by_element = dict(zip(angles.elements, inputs, strict=True))
    for slot, expression in angles.non_affine:
        result[slot] = _expression(expression, by_element)
    return result


def number(value: float) -> str:
    """A number as OpenQASM, which reads it back as the same one; fractions of π as such."""
    for denominator in (1, 2, 3, 4, 6, 8, 16):
        numerator = round(value * denominator / math.pi) if abs(value) < 100 else 0
        if numerator and numerator * math.pi / denominator == value:
            times = {1: "pi", -1: "-pi"}.get(numerator, f"{numerator} * pi")
            return times if denominator == 1 else f"{times} / {denominator}"
    return repr(float(value))


def _expression(value: Expr, by_element: Mapping[Expr, str]) -> str:
    match value:
        case Const(known):
            return number(known)
        case Name() | Item() if value in by_element:
            return by_element[value]
        case Apply(operator, operands) if operator in _FUNCTIONS:
            return _FUNCTIONS[operator].format(*(_enclosed(_expression(operand, by_element)) for operand in operands))
    raise TargetCapabilityError(
        f"the angle `{value}` cannot be written in OpenQASM", help="bind its arguments: `kernel.to_qasm(name=value)`"
    )


def _condition(value: classical.Expr, bits: Mapping[Clbit, str]) -> str:
    match value:
        case classical.Var():
            return bits[value.var]
        case classical.Value():
            return "true" if value.value else "false"
        case classical.Unary():
            return f"!{_operand(value.operand, bits)}"
        case classical.Binary():
            return f"{_operand(value.left, bits)} {_LOGIC[value.op.name]} {_operand(value.right, bits)}"
    raise AssertionError(value)


def _enclosed(text: str) -> str:
    return text if re.fullmatch(r"\w+(\[\d+\])?(\(\w+\))?", text) else f"({text})"


def _not_written(value: Expr) -> TargetCapabilityError:
    name = value.operator if isinstance(value, Apply) else "a look-up"
    return TargetCapabilityError(
        f"`{name}` of numbers that are counted at run time cannot be written in OpenQASM", help="count by sums and differences"
    )


def _operand(value: classical.Expr, bits: Mapping[Clbit, str]) -> str:
    text = _condition(value, bits)
    return f"({text})" if isinstance(value, classical.Binary) else text


def _readouts(circuit: Circuit, names: Mapping[int, str]) -> Iterator[str]:
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
