"""Circuit -> scene: the concrete circuit, gate by gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qkernel.draw.labels import label, number_label, observable_label
from qkernel.draw.operations import FAMILIES
from qkernel.draw.scene import Frame, Mark, Operation, Scene, Section, Touch, Wire, framed
from qkernel.draw.scene import Item as SceneItem
from qkernel.errors import SizeError
from qkernel.gates import GATES
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Expr, Name
from qkernel.ir.types import BIT, UINT
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Body, Branch, Circuit, Instruction, Repeat, Run, variables_read

_WIRES_PER_BIT = 16


@dataclass(frozen=True, slots=True)
class Placed:
    """A circuit on the qubits of a target: the gates `drawn` there, and where each qubit of the `written` one ends."""

    drawn: Circuit
    written: Circuit
    ends: tuple[int, ...]


def circuit_scene(circuit: Circuit | Placed, max_gates: int) -> Scene:
    """The scene of a circuit: one wire per qubit, named gates as frames, readouts at the end."""
    placed = circuit if isinstance(circuit, Placed) else Placed(circuit, circuit, tuple(range(circuit.num_qubits)))
    return CircuitReader(placed, max_gates).scene()


def wire_names(circuit: Circuit) -> dict[int, str]:
    """What the qubits of a circuit are called, where they have a name."""
    names = {qubit: name for name, qubits in circuit.registers for qubit in qubits if len(qubits) == 1}
    return names | {q: f"{name}[{k}]" for name, qubits in circuit.registers if len(qubits) > 1 for k, q in enumerate(qubits)}


class CircuitReader:
    """One circuit being read."""

    def __init__(self, placed: Placed, max_gates: int) -> None:
        circuit = placed.drawn
        self.placed, self.circuit, self.max_gates, self.count = placed, circuit, max_gates, 0
        self.to_come = Counter(uses(circuit, circuit.body))
        self.to_come.update(placed.ends[qubit] for qubit in qubits_read(placed.written))
        self.measured: set[int] = set()
        self.angles = angle_labels(circuit)
        names = wire_names(circuit)
        self.wires = [Wire(names.get(qubit, f"qubit {qubit}")) for qubit in range(circuit.num_qubits)]
        self.bits = [Name(f"bit{k}", BIT) for k in range(circuit.num_bits)]
        if circuit.num_bits <= _WIRES_PER_BIT:
            self.bit_wires = [len(self.wires) + k for k in range(circuit.num_bits)]
            self.wires += [Wire(bit.name, is_classical=True) for bit in self.bits]
        else:
            self.bit_wires = [len(self.wires)] * circuit.num_bits
            self.wires.append(Wire("bits", str(circuit.num_bits), is_classical=True))
        self.integers = [Name(entry.name, UINT) for entry in circuit.integers]
        self.integer_wires = [len(self.wires) + k for k in range(len(self.integers))]
        self.wires += [Wire(entry.name, is_classical=True) for entry in self.integers]

    def scene(self) -> Scene:
        """The whole circuit."""
        items = [*self.body(self.circuit.body), *self.readouts()]
        counted = f"{self.circuit.num_qubits} qubits, {self.count} operations"
        return Scene(self.circuit.name, f"lowered: {counted}", tuple(self.wires), tuple(items))

    def body(self, body: Body) -> list[SceneItem]:
        """Runs, branches and loops in order."""
        items: list[SceneItem] = []
        for number, part in enumerate(body):
            match part:
                case Run():
                    operations = [self.operation(row) for row in self.circuit.instructions(part)]
                    found = self.boxed(operations) if body is self.circuit.body and number == 0 else operations
                    items += [entry for entry in found if isinstance(entry, Frame) or entry.touches]
                case Branch(condition, then, otherwise):
                    shown, bits = self.condition(condition)
                    sections = [Section(f"if {shown}", tuple(self.body(then)))]
                    sections += [Section("else", tuple(self.body(otherwise)))] if otherwise else []
                    items += framed("branch", sections, bits=bits, tooltip=sections[0].title)
                case Repeat(condition, inner):
                    shown, bits = self.condition(condition)
                    title = f"while {shown}"
                    items += framed("loop", [Section(title, tuple(self.body(inner)))], bits=bits, tooltip=title)
                case Assign(target, value):
                    (shown, read), (name, (written,)) = self.condition(value), self.condition(target)
                    wires = tuple(map(Touch, sorted({written, *read})))
                    items.append(Operation(f"{name} = {shown}", "measure", wires))
        return items

    def condition(self, condition: Expr) -> tuple[str, tuple[int, ...]]:
        """A condition or a number over bits and integers in words, and the classical wires that it reads."""
        shown = label(evaluate(condition, {BITS.key: _Named(self.bits), INTEGERS.key: _Named(self.integers)}))
        wires = {BITS.key: self.bit_wires, INTEGERS.key: self.integer_wires}
        return shown, tuple(sorted({wires[key][k] for key, k in variables_read(condition)}))

    def boxed(self, operations: Sequence[Operation]) -> list[SceneItem]:
        """Operations of the first run, those of a named gate in a frame."""
        items: list[SceneItem] = []
        position = 0
        outer = [box for box in self.circuit.boxes if not any(_contains(other, box) for other in self.circuit.boxes)]
        for box in sorted(outer, key=lambda box: box.start):
            items += operations[position : box.start]
            inside = tuple(operations[box.start : box.stop])
            items += framed("opened", [Section(box.label, inside)], tooltip=box.label)
            position = box.stop
        return [*items, *operations[position:]]

    def operation(self, row: Instruction) -> Operation:
        """One instruction."""
        self.count += 1
        if self.count > self.max_gates:
            title = f"the circuit of `{self.circuit.name}` has more than {self.max_gates} operations to draw"
            raise SizeError(title, span=row.span, help="draw more with a larger max_gates=, or draw without lowered=True")
        kind, wires = row.kind, tuple(row.qubits)
        self.to_come.subtract(wires)
        match kind.name:
            case "measure":
                bits = tuple(self.bit_wires[bit] for bit in row.bits)
                place = "" if self.circuit.num_bits <= _WIRES_PER_BIT else f"bits[{row.bits[0]}]"
                ended = wires if not self.to_come[wires[0]] else ()
                self.measured.update(ended)
                meter = (Touch(wires[0], Mark.METER),)
                return Operation("", "measure", meter, place=place, ended=ended, bits=bits, tooltip="measure", span=row.span)
            case "reset":
                return Operation("|0⟩", "reset", (Touch(wires[0]),), tooltip="reset", span=row.span)
            case "barrier":
                return Operation("barrier", "barrier", tuple(Touch(wire, Mark.BARRIER) for wire in wires), span=row.span)
        controls = [
            Touch(wire, Mark.CONTROL if kind.control_value >> k & 1 else Mark.ANTI_CONTROL)
            for k, wire in enumerate(wires[: kind.controls])
        ]
        lines = tuple(self.angles.get(slot, "0") for slot in row.slots)
        name, mark = self.name(kind.name, kind.word, bool(controls))
        targets = wires[kind.controls :] or tuple(k for k, wire in enumerate(self.wires) if not wire.is_classical)
        touches = tuple(controls) + tuple(Touch(wire, mark) for wire in targets if wire not in wires[: kind.controls])
        tooltip = f"{name}({', '.join([*(self.wires[wire].label for wire in wires), *lines])})"
        return Operation(name, FAMILIES.get(kind.name, "unitary"), touches, lines, tooltip=tooltip, span=row.span)

    def name(self, kind: str, word: str | None, controlled: bool) -> tuple[str, Mark]:
        """What an instruction is called, and how it touches its targets."""
        if word is not None:
            return f"R{word}", Mark.BOX
        if kind not in GATES:
            return "U" if kind == "unitary" else kind, Mark.BOX
        marks = {"x": Mark.NOT if controlled else Mark.BOX, "z": Mark.CONTROL if controlled else Mark.BOX, "swap": Mark.CROSS}
        return GATES[kind].label or kind.upper(), marks.get(kind, Mark.BOX)

    def readouts(self) -> list[Operation]:
        """What is read out at the end; on a target each wire says which of the written qubits it holds."""
        written = self.placed.written
        texts = wire_names(written) if written is not self.circuit else {}
        made: list[Operation] = []
        if written.expectations:
            text = ", ".join(f"⟨{observable_label(entry.observable)}⟩" for entry in written.expectations)
            living = [qubit for qubit in range(written.num_qubits) if self.placed.ends[qubit] not in self.measured]
            made.append(self.readout(text, living, texts))
        made += [self.readout("probabilities", qubits, texts) for qubits in written.probabilities]
        return [operation for operation in made if operation.touches]

    def readout(self, text: str, qubits: Iterable[int], texts: Mapping[int, str]) -> Operation:
        """One readout of qubits as they were written."""
        touches = tuple(Touch(self.placed.ends[qubit], text=texts.get(qubit, "")) for qubit in qubits)
        return Operation(text, "readout", touches, ended=tuple(touch.wire for touch in touches), tooltip=text)


class _Named(Sequence[Any]):
    """The bits or integers of a circuit under their own names, for conditions."""

    def __init__(self, names: Sequence[Name]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, k: Any) -> Any:
        return self.names[k]


def uses(circuit: Circuit, body: Body) -> Iterator[int]:
    """The qubit of every touch of an instruction in `body`; those in loops count as if they never ended."""
    for part in body:
        match part:
            case Run():
                yield from (qubit for row in circuit.instructions(part) for qubit in row.qubits)
            case Branch(then=then, otherwise=otherwise):
                yield from uses(circuit, then)
                yield from uses(circuit, otherwise)
            case Repeat(body=inner):
                yield from [*uses(circuit, inner)] * 2


def qubits_read(circuit: Circuit) -> set[int]:
    """The qubits that readouts bear on, and those that are given back."""
    words = [operators for entry in circuit.expectations for operators in entry.observable.terms]
    return {operator.index for operators in words for operator in operators}.union(*circuit.probabilities, circuit.returned)


def _contains(outer: Any, inner: Any) -> bool:
    return outer is not inner and outer.start <= inner.start and inner.stop <= outer.stop and outer != inner


def angle_labels(circuit: Circuit) -> Mapping[int, str]:
    """Every angle of a circuit in words, by slot."""
    angles = circuit.angles
    terms: dict[int, list[str]] = {}
    for row, column, weight in angles.terms:
        terms.setdefault(row, []).append(_term(weight, angles.column_names[column]))
    for slot, offset in enumerate(angles.offsets.tolist()):
        if offset or slot not in terms:
            terms.setdefault(slot, []).append(number_label(float(offset)))
    labels = {slot: _sum(parts) for slot, parts in terms.items()}
    for part in angles.preparations:
        labels |= {slot: f"α[{place}]" for slot, place in zip(part.slots.tolist(), part.positions.tolist(), strict=True)}
    return labels | {slot: label(expr) for slot, expr in angles.non_affine}


def _term(weight: float, name: str) -> str:
    if weight in (1, -1):
        return name if weight == 1 else f"-{name}"
    return f"{number_label(float(weight))}*{name}"


def _sum(parts: Iterable[str]) -> str:
    first, *rest = parts
    return first + "".join(f" - {part[1:]}" if part.startswith("-") else f" + {part}" for part in rest)
