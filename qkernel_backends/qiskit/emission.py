"""Circuits as Qiskit circuits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Clbit, IfElseOp, Qubit, WhileLoopOp
from qiskit.circuit.library import CUGate, PhaseGate, UGate

from qkernel.ir.identifiers import fresh
from qkernel.lower.circuit import Assign, Body, Box, Branch, Circuit, Kind, Repeat, Run, bits_read, parts
from qkernel.openqasm.names import box_name
from qkernel_backends.qiskit.conditions import boolean, condition
from qkernel_backends.qiskit.gates import factory, fixed_operation
from qkernel_backends.qiskit.integers import with_bits_for_integers
from qkernel_backends.qiskit.parameters import slot_angles


def emit(circuit: Circuit, theta: Sequence[float] | None = None) -> QuantumCircuit:
    """The circuit in Qiskit, gate by gate as it was written, each under Qiskit's own name.

    Open parameters become Qiskit parameters named as the columns of the angle map (`weights[0]`); with `theta`, shape
    (columns,), they get these values. Measured bits form the classical register `c`, behind them those of integers,
    or `c_1`, `c_2` ... where a register of qubits has that name.
    Raises `TargetCapabilityError` for an angle or a condition that Qiskit cannot express.
    """
    circuit = circuit.without_releases
    if theta is None:
        return emit_with(circuit, slot_angles(circuit.angles), circuit.boxes)
    return emit_with(circuit, circuit.angles.evaluate(np.asarray(theta, float)).tolist(), circuit.boxes)


def emit_with(circuit: Circuit, angles: Sequence[Any], boxes: tuple[Box, ...] = ()) -> QuantumCircuit:
    """The circuit in Qiskit with an angle (a number or Qiskit expression) for each slot, the `boxes` as composite gates."""
    circuit = with_bits_for_integers(circuit.without_releases)
    qubits = [Qubit() for _ in range(circuit.num_qubits)]
    result = QuantumCircuit(qubits, name=circuit.name)
    taken: set[str] = set()
    for name, places in circuit.registers or (("q", tuple(range(circuit.num_qubits))),):
        result.add_register(QuantumRegister(bits=[qubits[place] for place in places], name=fresh(name, taken)))
    if circuit.num_bits:
        result.add_register(ClassicalRegister(circuit.num_bits, fresh("c", taken)))
    _Emitter(circuit.kinds, _makers(circuit.kinds), angles, qubits, list(result.clbits)).body(circuit.body, result, boxes)
    return result


@dataclass
class _Reader:
    """Where the reading of a run's columns stands."""

    kinds: list[int]
    qubits: list[int]
    bits: list[int]
    row: int
    qubit: int
    slot: int
    bit: int


@dataclass(frozen=True)
class _Emitter:
    """Writes parts of a circuit into Qiskit circuits over its qubits and bits."""

    kinds: tuple[Kind, ...]
    makers: list[tuple[Any, Any, int, int]]
    angles: Sequence[Any]
    qubits: Sequence[Qubit] | dict[int, Qubit]
    clbits: list[Clbit]

    def body(self, body: Body, target: QuantumCircuit, boxes: tuple[Box, ...] = ()) -> None:
        for part in body:
            match part:
                case Run():
                    reader = _Reader(part.kind.tolist(), part.qubits.tolist(), part.bits.tolist(), 0, 0, part.first_slot, 0)
                    self._stretch(reader, len(part), target, sorted(boxes, key=lambda box: (box.start, -box.stop)))
                    boxes = ()
                case Branch(test, then, otherwise):
                    used, bits = self._wires(part, target)
                    blocks = [self._block(inner, used, bits) for inner in ((then, otherwise) if otherwise else (then,))]
                    target.append(IfElseOp(condition(test, self.clbits), *blocks), used, bits)
                case Repeat(test, inner):
                    used, bits = self._wires(part, target)
                    target.append(WhileLoopOp(condition(test, self.clbits), self._block(inner, used, bits)), used, bits)
                case Assign(_, value):
                    target.store(self.clbits[part.variable[1]], boolean(value, self.clbits))

    def _wires(self, part: Branch | Repeat, target: QuantumCircuit) -> tuple[list[Qubit], list[Clbit]]:
        qubits, bits = used_wires((part,))
        # Aer 0.18 runs what stands in a block without qubits out of order, so that such a block is given one.
        used = [self.qubits[k] for k in sorted(qubits)] or target.qubits[:1]
        return used, [self.clbits[k] for k in sorted(bits)]

    def _block(self, body: Body, qubits: list[Qubit], bits: list[Clbit]) -> QuantumCircuit:
        block = QuantumCircuit(qubits, bits)
        self.body(body, block)
        return block

    def _stretch(self, reader: _Reader, stop: int, target: QuantumCircuit, boxes: list[Box]) -> None:
        """The rows up to `stop`, those of the outermost of `boxes` (in reading order) as composite gates."""
        while boxes:
            box, *rest = boxes
            inner = [entry for entry in rest if entry.start < box.stop]
            boxes = rest[len(inner) :]
            self._rows(reader, box.start, target)
            self._box(reader, box, inner, target)
        self._rows(reader, stop, target)

    def _box(self, reader: _Reader, box: Box, inner: list[Box], target: QuantumCircuit) -> None:
        kinds = {self.kinds[code] for code in reader.kinds[box.start : box.stop]}
        block = QuantumCircuit(len(box.qubits), name=box_name(box.label))
        wires = dict(zip(box.qubits, block.qubits, strict=True))
        _Emitter(self.kinds, self.makers, self.angles, wires, [])._stretch(reader, box.stop, block, inner)
        operation = block.to_gate() if all(kind.is_gate for kind in kinds) else block.to_instruction()
        target.append(operation, [self.qubits[k] for k in box.qubits])

    def _rows(self, reader: _Reader, stop: int, target: QuantumCircuit) -> None:
        append, wires, angles = target._append, self.qubits, self.angles
        qubit, slot, makers = reader.qubit, reader.slot, self.makers
        for code in reader.kinds[reader.row : stop]:
            make, fixed, width, count = makers[code]
            places = reader.qubits[qubit : qubit + width]
            if width == 1:
                on: tuple[Qubit, ...] = (wires[places[0]],)
            elif width == 2:
                on = (wires[places[0]], wires[places[1]])
            else:
                on = tuple([wires[place] for place in places])
            if fixed is not None:
                if fixed.num_clbits:
                    append(CircuitInstruction(fixed, on, (self.clbits[reader.bits[reader.bit]],)))
                    reader.bit += 1
                else:
                    append(CircuitInstruction(fixed, on))
            elif count == 1 and make is not None:
                append(CircuitInstruction(make(angles[slot]), on))
            elif make is not None:
                append(CircuitInstruction(make(*angles[slot : slot + count]), on))
            else:
                _with_phase(self.kinds[code], angles[slot : slot + count], on, target)
            qubit += width
            slot += count
        reader.row, reader.qubit, reader.slot = stop, qubit, slot


def _makers(kinds: tuple[Kind, ...]) -> list[tuple[Any, Any, int, int]]:
    """For each kind what makes its operation, or the operation, and the numbers of its qubits and angles."""
    result: list[tuple[Any, Any, int, int]] = []
    for kind in kinds:
        special = kind.name == "gphase" or (kind.name == "ug" and kind.controls != 1)
        make = factory(kind) if kind.num_angles and not special else None
        fixed = None if kind.num_angles else fixed_operation(kind)
        result.append((make, fixed, kind.num_qubits, kind.num_angles))
    return result


def _with_phase(kind: Kind, angles: Sequence[Any], on: tuple[Qubit, ...], target: QuantumCircuit) -> None:
    """A global phase, or `ug`, which ends in one, as one instruction; a controlled phase is one among the controls."""
    *others, phase = angles
    controls, value = on[: kind.controls], kind.control_value
    if not controls:
        target.global_phase += phase
        if kind.name == "ug":
            target.append(UGate(*others), on)
        return
    if kind.name == "ug":
        inner = CUGate(*angles, ctrl_state=value >> (len(controls) - 1))
        target.append(
            inner.control(len(controls) - 1, ctrl_state=value & ((1 << (len(controls) - 1)) - 1), annotated=False), on
        )
        return
    if not value:  # no control asks for 1, as the target of a phase gate does: the phase is one of the whole block
        phased = QuantumCircuit(0, global_phase=phase, name="gphase").to_gate()
        target.append(phased.control(len(controls), ctrl_state=0, annotated=False), controls)
        return
    chosen = value.bit_length() - 1
    rest = [k for k in range(len(controls)) if k != chosen]
    gate = PhaseGate(phase)
    if rest:
        lower = sum((value >> k & 1) << at for at, k in enumerate(rest))
        gate = gate.control(len(rest), ctrl_state=lower, annotated=False)
    target.append(gate, [*(controls[k] for k in rest), controls[chosen]])


def used_wires(body: Body) -> tuple[set[int], set[int]]:
    """The qubits and the bits that `body` touches."""
    qubits: set[int] = set()
    bits: set[int] = set()
    for part in parts(body):
        match part:
            case Run():
                qubits.update(part.qubits.tolist())
                bits.update(part.bits.tolist())
            case Branch(test) | Repeat(test):
                bits |= bits_read(test)
            case Assign(target, value):
                bits |= bits_read(value) | bits_read(target)
    return qubits, bits
