"""Circuit -> scene: the ops that a concrete circuit is, drawn by the builder that draws kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from qkernel.diagnostics import Span
from qkernel.draw.build import draw_op
from qkernel.draw.builder import Builder, Options
from qkernel.draw.control_flow import bits_read
from qkernel.draw.labels import label, number_label, observable_label
from qkernel.draw.scene import Item, Operation, Scene, Section, Touch, framed
from qkernel.draw.scope import Scope
from qkernel.draw.wiring import Wiring
from qkernel.errors import SizeError
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Const, Expr, Name
from qkernel.ir.fields import Declared, Role
from qkernel.ir.module import Module
from qkernel.ir.ops import Control, Function, Gate, If, Measure, Reset, While
from qkernel.ir.types import BIT, FLOAT, UINT
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Body, Branch, Circuit, Instruction, Repeat, Run, parts

_WIRES_PER_BIT = 16


@dataclass(frozen=True, slots=True)
class Placed:
    """A circuit on the qubits of a target: the gates `drawn` there, and where each qubit of the `written` one ends."""

    drawn: Circuit
    written: Circuit
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Boxed(Declared):
    """Ops that were written as one named gate."""

    label: str
    body: Annotated[tuple[Any, ...], Role.BLOCK]


@dataclass(frozen=True, slots=True)
class Store(Declared):
    """A bit or an integer of the circuit becomes `value`."""

    target: Expr
    value: Expr
    span: Span | None = field(default=None, compare=False)


def circuit_scene(circuit: Circuit | Placed, max_gates: int) -> Scene:
    """The scene of a circuit: one wire per qubit, named gates as frames, readouts at the end."""
    placed = circuit if isinstance(circuit, Placed) else _where_written(circuit)
    drawn = placed.drawn
    count = sum(len(part) for part in parts(drawn.body) if isinstance(part, Run))
    if count > max_gates:
        title = f"the circuit of `{drawn.name}` has more than {max_gates} operations to draw"
        raise SizeError(title, help="draw more with a larger max_gates=, or draw without lowered=True")
    function = Function(drawn.name, (), ())
    builder = Builder(Module((function,)), Options(max_gates=drawn.size), _draw)
    reader = _Reader(placed, builder.wiring)
    places = {name: place for place in reader.places for name in place.registers}
    scope = Scope(function, reader.environment, places, (drawn.name,))
    scope.rewritten = {bit.name: bit.name for bit in reader.bits}
    items = builder.block(reader.block(drawn.body), scope)
    subtitle = f"lowered: {drawn.num_qubits} qubits, {count} operations"
    return builder.scene(drawn.name, subtitle, [*items, *reader.readouts()])


def _where_written(circuit: Circuit) -> Placed:
    return Placed(circuit.without_releases, circuit, tuple(range(circuit.num_qubits)))


def _draw(builder: Builder, op: Any, scope: Scope, at_start: bool) -> list[Item]:
    """What an op of a circuit is in the drawing."""
    match op:
        case Boxed(title, body):
            return framed("opened", [Section(title, tuple(builder.block(body, scope)))], tooltip=title)
        case Store(target, value, span):
            shown = f"{label(target)} = {label(value)}"
            wires = sorted({*bits_read(builder, target), *bits_read(builder, value)})
            return [Operation(shown, "measure", tuple(map(Touch, wires)), tooltip=shown, span=span)]
    return draw_op(builder, op, scope, at_start)


def wire_names(circuit: Circuit) -> dict[int, str]:
    """What the qubits of a circuit are called, where they have a name."""
    names = {qubit: name for name, qubits in circuit.registers for qubit in qubits if len(qubits) == 1}
    return names | {q: f"{name}[{k}]" for name, qubits in circuit.registers if len(qubits) > 1 for k, q in enumerate(qubits)}


class _Reader:
    """Makes ops of a circuit, in program order; its bits and integers are classical wires."""

    def __init__(self, placed: Placed, wiring: Wiring) -> None:
        circuit, names = placed.drawn, wire_names(placed.drawn)
        self.placed, self.circuit, self.measured = placed, circuit, set[int]()
        self.to_come = Counter(_uses(circuit.body))
        self.to_come.update(placed.ends[qubit] for qubit in _qubits_read(placed.written))
        self.places = [wiring.add_register(names.get(k, f"qubit {k}"), None, False) for k in range(circuit.num_qubits)]
        self.bits = [Name(name, BIT) for name in _bit_wires(circuit.num_bits, wiring)]
        self.integers = [Name(wiring.add_bits(entry.name, None), UINT) for entry in circuit.integers]
        self.angles = {slot: Name(text, FLOAT) for slot, text in angle_labels(circuit).items()}
        self.environment: dict[str, Any] = {name.name: name for name in (*self.angles.values(), *self.bits, *self.integers)}

    def block(self, body: Body) -> tuple[Any, ...]:
        """Runs, branches and loops in order."""
        ops: list[Any] = []
        for number, part in enumerate(body):
            match part:
                case Run():
                    made = [self.op(row) for row in self.circuit.instructions(part)]
                    ops += self.boxed(made) if body is self.circuit.body and number == 0 else made
                case Branch(condition, then, otherwise, span):
                    ops.append(If(self.named(condition), self.block(then), self.block(otherwise), span=span))
                case Repeat(condition, inner, span):
                    ops.append(While(self.named(condition), self.block(inner), span=span))
                case Assign(target, value, span):
                    ops.append(Store(self.named(target), self.named(value), span))
        return tuple(ops)

    def named(self, value: Expr) -> Any:
        """An expression over bits and integers in their names."""
        return evaluate(value, {BITS.key: self.bits, INTEGERS.key: self.integers})

    def boxed(self, ops: Sequence[Any]) -> list[Any]:
        """The ops of the first run, those of a named gate together; boxes within boxes are not told apart."""
        found: list[Any] = []
        done = 0
        for box in self.circuit.boxes:
            if box.start >= done:
                found += [*ops[done : box.start], Boxed(box.label, tuple(ops[box.start : box.stop]))]
                done = box.stop
        return [*found, *ops[done:]]

    def op(self, row: Instruction) -> Gate | Measure | Reset:
        """One instruction."""
        kind, places = row.kind, tuple(self.places[qubit] for qubit in row.qubits)
        self.to_come.subtract(row.qubits)
        match kind.name:
            case "measure":
                keeps = self.to_come[row.qubits[0]] > 0
                self.measured.update(() if keeps else row.qubits)
                return Measure(places[0], self.bits[row.bits[0]].name, keeps=keeps, span=row.span)
            case "reset":
                return Reset(places[0], row.span)
        value = None if kind.is_plainly_controlled else Const(kind.control_value)
        modifiers = (Control(places[: kind.controls], value),) if kind.controls else ()
        angles = tuple(self.angles[slot] for slot in row.slots)
        name = f"R{kind.word}" if kind.word else kind.name
        return Gate(name, places[kind.controls :], angles, modifiers, span=row.span)

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


def _bit_wires(count: int, wiring: Wiring) -> list[str]:
    """The names of a circuit's bits, each with a wire of its own where they are few."""
    if count <= _WIRES_PER_BIT:
        return [wiring.add_bits(f"bit{k}", None) for k in range(count)]
    bundle = wiring.add_bits("bits", count)
    names = [f"{bundle}[{k}]" for k in range(count)]
    wiring.bits |= dict.fromkeys(names, wiring.bits[bundle])
    return names


def _uses(body: Body) -> Iterator[int]:
    """The qubit of every touch of an instruction in `body`; those in loops count as if they never ended."""
    for part in body:
        match part:
            case Run():
                yield from part.qubits.tolist()
            case Branch(then=then, otherwise=otherwise):
                yield from _uses(then)
                yield from _uses(otherwise)
            case Repeat(body=inner):
                yield from [*_uses(inner)] * 2


def _qubits_read(circuit: Circuit) -> set[int]:
    """The qubits that readouts bear on, and those that are given back."""
    words = [operators for entry in circuit.expectations for operators in entry.observable.terms]
    return {operator.index for operators in words for operator in operators}.union(*circuit.probabilities, circuit.returned)


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
