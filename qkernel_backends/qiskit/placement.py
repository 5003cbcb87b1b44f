"""Circuits after Qiskit's transpiler, read back for drawings: the gates and the qubits that a target is given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ControlledGate, ParameterExpression
from qiskit.circuit.classical import expr as classical
from qiskit.providers import BackendV2
from qiskit.transpiler import Target

from qkernel.draw.concrete import Placed, wire_names
from qkernel.draw.labels import number_label
from qkernel.errors import TargetCapabilityError, ValidationError
from qkernel.ir.expressions import Const, Expr, Name, apply
from qkernel.ir.types import FLOAT
from qkernel.lower.angles import AngleMap
from qkernel.lower.circuit import Assign, Body, Branch, Circuit, Kind, Repeat, Run, bit
from qkernel_backends.qiskit.emission import emit
from qkernel_backends.qiskit.running import words_of

_SEED = 0
"""Of the transpiler, so that a circuit looks the same each time."""


def place(circuit: Circuit, target: Any) -> Placed:
    """`circuit` after `qiskit.transpile` for `target`: a backend, a `Target`, or a list of basis gates.

    The registers name the physical qubits that are used: `q[0] → 5` where q[0] starts, `5` where none does. Gates keep
    Qiskit's names, open angles are its expressions as words: this is to be drawn, not run.
    Raises `ValidationError` for any other target, `TargetCapabilityError` where the circuit does not fit the target.
    """
    match target:
        case BackendV2():
            goal: dict[str, Any] = {"backend": target}
        case Target():
            goal = {"target": target}
        case list() | tuple() if target and all(isinstance(name, str) for name in target):
            goal = {"basis_gates": list(target)}
        case _:
            title = f"a {type(target).__name__} is no target to draw for"
            raise ValidationError(
                title, help="give a Qiskit backend, a `Target`, or a list of gates such as ['cx', 'rz', 'sx']"
            )
    try:
        made = transpile(emit(circuit), **goal, seed_transpiler=_SEED)
    except Exception as error:
        raise TargetCapabilityError(f"`{circuit.name}` does not fit this target: {words_of(error)}") from error
    return _placed(circuit, made)


def _placed(circuit: Circuit, made: QuantumCircuit) -> Placed:
    count, names = circuit.num_qubits, wire_names(circuit)
    start = end = list(range(count))
    if made.layout is not None:
        start, end = made.layout.initial_index_layout()[:count], made.layout.final_index_layout()[:count]
        names = {place: f"{names[qubit]} → {place}" for qubit, place in enumerate(start)}
    touched = {made.find_bit(qubit).index for row in made.data for qubit in row.qubits}
    rows = {place: row for row, place in enumerate(sorted({*start, *end, *touched}))}
    reader = _Reader()
    body = reader.body(made, {qubit: rows.get(k, -1) for k, qubit in enumerate(made.qubits)}, _numbered(made.clbits))
    nowhere = np.zeros(0, np.int32)
    angles = AngleMap((), np.array(reader.offsets), nowhere, nowhere, np.zeros(0), tuple(reader.non_affine))
    registers = tuple((names.get(place, str(place)), (row,)) for place, row in rows.items())
    kinds = tuple(reader.kinds)
    drawn = Circuit(len(rows), made.num_clbits, kinds, body, angles, registers=registers, name=circuit.name)
    readouts = tuple(rows[place] for place in end)
    return Placed(drawn, circuit, readouts)


def _numbered(entries: Iterable[Any]) -> dict[Any, int]:
    return {entry: k for k, entry in enumerate(entries)}


class _Reader:
    """Collects the kinds and angles of a Qiskit circuit while it is read."""

    def __init__(self) -> None:
        self.kinds: dict[Kind, int] = {}
        self.offsets: list[float] = []
        self.non_affine: list[tuple[int, Expr]] = []

    def body(self, block: QuantumCircuit, wires: Mapping[Any, int], bits: Mapping[Any, int]) -> Body:
        """The instructions of a block whose qubits and bits have these numbers."""
        parts: list[Run | Branch | Repeat | Assign] = []
        for row in block.data:
            operation, qubits = row.operation, [wires[qubit] for qubit in row.qubits]
            match operation.name:
                case "if_else" | "while_loop":
                    test = _condition(operation.condition, bits)
                    blocks = [self.inner(inner, qubits, [bits[entry] for entry in row.clbits]) for inner in operation.blocks]
                    is_loop = operation.name == "while_loop"
                    parts.append(Repeat(test, blocks[0]) if is_loop else Branch(test, blocks[0], sum(blocks[1:], ())))
                case "store":
                    parts.append(Assign(bit(bits[operation.lvalue.var]), _expression(operation.rvalue, bits)))
                case _:
                    parts.append(self.instruction(operation, qubits, [bits[entry] for entry in row.clbits]))
        return tuple(parts)

    def inner(self, block: QuantumCircuit, qubits: Sequence[int], bits: Sequence[int]) -> Body:
        """A block of control flow on `qubits` and `bits`."""
        return self.body(block, dict(zip(block.qubits, qubits, strict=True)), dict(zip(block.clbits, bits, strict=True)))

    def instruction(self, operation: Any, qubits: Sequence[int], bits: Sequence[int]) -> Run:
        """A run of one instruction."""
        base, controls, value = operation, 0, 0
        if isinstance(operation, ControlledGate):
            base, controls, value = operation.base_gate, operation.num_ctrl_qubits, operation.ctrl_state
        angles = [] if base.name == "unitary" else operation.params
        kind = Kind(base.name, len(qubits) - controls, len(angles), controls, value)
        first = len(self.offsets)
        for angle in angles:
            if isinstance(angle, ParameterExpression):
                self.non_affine.append((len(self.offsets), Name(_words(angle), FLOAT)))
            self.offsets.append(0.0 if isinstance(angle, ParameterExpression) else float(angle))
        number = self.kinds.setdefault(kind, len(self.kinds))
        kinds, places, targets, spans = (np.array(column, np.int32) for column in ([number], qubits, bits, [-1]))
        return Run(kinds, places, targets, spans, first)


def _words(angle: ParameterExpression) -> str:
    """An expression of Qiskit, its numbers as fractions of π where they are."""
    return re.sub(r"\b\d+\.\d+(e[-+]?\d+)?", lambda found: number_label(float(found[0])), str(angle))


def _condition(condition: Any, bits: Mapping[Any, int]) -> Expr:
    if isinstance(condition, tuple):
        read, value = condition
        return bit(bits[read]) if value else apply("not", bit(bits[read]))
    return _expression(condition, bits)


def _expression(value: classical.Expr, bits: Mapping[Any, int]) -> Expr:
    """A Boolean expression of Qiskit over bits."""
    match value:
        case classical.Var():
            return bit(bits[value.var])
        case classical.Value():
            return Const(bool(value.value))
        case classical.Unary():
            return apply("not", _expression(value.operand, bits))
        case classical.Binary():
            operator = {"LOGIC_AND": "and", "LOGIC_OR": "or"}.get(value.op.name, "^")
            return apply(operator, _expression(value.left, bits), _expression(value.right, bits))
        case _:
            raise TargetCapabilityError(f"a condition of the kind `{type(value).__name__}` cannot be drawn for a target")
