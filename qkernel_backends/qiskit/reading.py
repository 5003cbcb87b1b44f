"""Qiskit circuits as kernels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    CircuitInstruction,
    Clbit,
    ControlledGate,
    ControlModifier,
    ForLoopOp,
    IfElseOp,
    InverseModifier,
    Qubit,
    WhileLoopOp,
)
from qiskit.circuit.library import CUGate, PauliEvolutionGate, UnitaryGate
from qiskit.quantum_info import SparsePauliOp

from qkernel.errors import KernelTypeError
from qkernel.ir.expressions import Const, Expr, Name, wrap
from qkernel.ir.identifiers import fresh, identifier
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Adjoint,
    Alloc,
    Block,
    Call,
    Carried,
    Control,
    For,
    Function,
    Gate,
    If,
    Joined,
    Measure,
    Modifier,
    Op,
    Parameter,
    PauliEvolve,
    Power,
    Range,
    Reset,
    While,
)
from qkernel.ir.places import Place, joined, whole
from qkernel.ir.trees import free_names
from qkernel.ir.types import BIT, QUBIT, UINT, ArrayType
from qkernel.ir.verifier import verify
from qkernel.ir.walk import expressions
from qkernel.kernel import Kernel, from_module
from qkernel.observable import Hamiltonian
from qkernel_backends.formulas import no_counterpart
from qkernel_backends.qiskit.gates import FIXED, ROTATIONS
from qkernel_backends.qiskit.reading_expressions import Arguments, condition

_GATES = {
    **{name: name for name in (*FIXED, *ROTATIONS) if name not in ("measure", "reset", "iswapdg")},
    "u3": "u",
    "u1": "p",
}
Bits = dict[Clbit, Expr]
Qubits = dict[Qubit, Place]


def from_qiskit(circuit: QuantumCircuit) -> Kernel[..., Any]:
    """A Qiskit circuit as a kernel.

    A circuit without classical bits becomes a kernel that takes its quantum registers and gives them back; one with
    classical bits runs by itself and returns these, a vector for each classical register. Parameters become Float
    arguments behind the registers, vectors of parameters `Vector[Float]`, in the order in which the circuit first uses
    them, and those that it does not use are none. Gates that kernels lack are taken apart by their definitions.
    A name that is no identifier, or is taken, is changed with a warning.

    Raises `TargetCapabilityError` for what kernels do not have, such as `switch`, `break` and delays.
    """
    if not isinstance(circuit, QuantumCircuit):
        raise KernelTypeError(f"a `QuantumCircuit` is wanted, not `{circuit!r}`")
    reading = _Reading(circuit)
    if renamed := reading.arguments.renamed:
        told = ", ".join(f"`{old}` is `{new}`" for old, new in renamed.items())
        warnings.warn(f"names of `{circuit.name}` that kernels cannot have were changed: {told}", stacklevel=4)
    verify(reading.module)
    return from_module(reading.module)


@dataclass(frozen=True)
class _Scope:
    """What the qubits and bits of a block are here."""

    qubits: Qubits
    bits: Bits

    def within(self, instruction: CircuitInstruction, block: QuantumCircuit) -> _Scope:
        """What those of `block` are, which `instruction` runs."""
        qubits = {inner: self.qubits[outer] for inner, outer in zip(block.qubits, instruction.qubits, strict=True)}
        bits = {inner: self.bits[outer] for inner, outer in zip(block.clbits, instruction.clbits, strict=True)}
        return _Scope(qubits, bits)


@dataclass
class _Reading:
    """Reads one circuit, with what its gates are made of."""

    circuit: QuantumCircuit
    taken: set[str] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)

    def __post_init__(self) -> None:
        circuit = self.circuit
        self.name = fresh(identifier(circuit.name or "circuit"), self.taken)
        registers = _registers(circuit.qubits, circuit.qregs, "q")
        names = [fresh(identifier(name), self.taken) for name, _ in registers]
        self.arguments = Arguments(self.taken)
        places = {
            qubit: Place(name).element(Const(k))
            for name, (_, qubits) in zip(names, registers, strict=True)
            for k, qubit in enumerate(qubits)
        }
        scope = _Scope(places, {bit: Const(False) for bit in circuit.clbits})
        body = self.block(circuit, scope)
        sizes = [len(qubits) for _, qubits in registers]
        self.module = Module((self._entry(names, sizes, body, scope.bits), *self.functions))

    def _entry(self, names: list[str], sizes: list[int], body: list[Op], bits: Bits) -> Function:
        arguments = tuple(self.arguments.found.values())
        if not self.circuit.clbits:
            registers = tuple(Parameter(name, ArrayType(QUBIT), length=size) for name, size in zip(names, sizes, strict=True))
            returned = tuple(whole(name) for name in names)
            return Function(self.name, registers + arguments, tuple(body), returned, len(returned) > 1)
        made = [Alloc(name, Const(size)) for name, size in zip(names, sizes, strict=True)]
        groups = _registers(self.circuit.clbits, self.circuit.cregs, "c")
        vectors = tuple(wrap([bits[bit] for bit in register]) for _, register in groups)
        return Function(self.name, arguments, (*made, *body), vectors, len(vectors) > 1)

    # Blocks -----------------------------------------------------------------------------------------------------------

    def block(self, circuit: QuantumCircuit, scope: _Scope) -> list[Op]:
        """The ops of a circuit; `scope.bits` become what the bits are behind it."""
        ops: list[Op] = []
        for instruction in circuit.data:
            ops += self.instruction(instruction, scope)
        phase = self.arguments.angle(circuit.global_phase)
        return ops if isinstance(phase, Const) and not phase.value else [*ops, Gate("gphase", (), (phase,))]

    def instruction(self, instruction: CircuitInstruction, scope: _Scope) -> list[Op]:
        operation, places = instruction.operation, [scope.qubits[qubit] for qubit in instruction.qubits]
        match operation:
            case IfElseOp():
                return [self.branch(instruction, scope)]
            case WhileLoopOp():
                return [self.repeat(instruction, scope)]
            case ForLoopOp():
                return self.loop(instruction, scope)
        match operation.name:
            case "measure":
                result = fresh("bit", self.taken)
                scope.bits[instruction.clbits[0]] = Name(result, BIT)
                return [Measure(places[0], result, keeps=True)]
            case "reset":
                return [Reset(places[0])]
            case "barrier":
                return [Gate("barrier", tuple(places))] if places else []
        if instruction.clbits:
            if getattr(operation, "definition", None) is None:
                raise no_counterpart(f"`{operation.name}`")
            inner = scope.within(instruction, operation.definition)
            ops = self.block(operation.definition, inner)
            self._write_back(instruction, operation.definition, inner.bits, scope)
            return ops
        return self.gate(operation, places, ())

    def _write_back(self, instruction: CircuitInstruction, block: QuantumCircuit, inner: Bits, scope: _Scope) -> None:
        for own, outer in zip(block.clbits, instruction.clbits, strict=True):
            scope.bits[outer] = inner[own]

    def branch(self, instruction: CircuitInstruction, scope: _Scope) -> Op:
        decided = condition(instruction.operation.condition, scope.bits)
        bodies: list[Block] = []
        after: list[Bits] = []
        for block in (*instruction.operation.blocks, None)[:2]:
            if block is None:
                bodies.append(())
                after.append({bit: scope.bits[bit] for bit in instruction.clbits})
                continue
            inner = scope.within(instruction, block)
            bodies.append(tuple(self.block(block, inner)))
            after.append(dict(zip(instruction.clbits, (inner.bits[own] for own in block.clbits), strict=True)))
        joined = []
        for bit in instruction.clbits:
            if after[0][bit] != after[1][bit]:
                name = fresh("bit", self.taken)
                joined.append(Joined(name, after[0][bit], after[1][bit]))
                scope.bits[bit] = Name(name, BIT)
        return If(decided, bodies[0], bodies[1], tuple(joined))

    def repeat(self, instruction: CircuitInstruction, scope: _Scope) -> Op:
        (block,) = instruction.operation.blocks
        body, carried = self._round(instruction, block, scope)
        return While(condition(instruction.operation.condition, scope.bits), body, carried)

    def loop(self, instruction: CircuitInstruction, scope: _Scope) -> list[Op]:
        indices, variable, block = instruction.operation.params
        if not isinstance(indices, range):
            return self._unrolled(instruction, indices, variable, block, scope)
        target = fresh("i", self.taken)
        if variable is not None:
            self.arguments.bind(variable, Name(target, UINT))
        body, carried = self._round(instruction, block, scope)
        bounds = Range(Const(indices.start), Const(indices.stop), Const(indices.step))
        return [For((target,), bounds, body, carried)]

    def _unrolled(
        self, instruction: CircuitInstruction, indices: Sequence[int], variable: Any, block: QuantumCircuit, scope: _Scope
    ) -> list[Op]:
        ops: list[Op] = []
        for index in indices:
            one = block if variable is None else block.assign_parameters({variable: index})
            inner = scope.within(instruction, one)
            ops += self.block(one, inner)
            self._write_back(instruction, one, inner.bits, scope)
        return ops

    def _round(
        self, instruction: CircuitInstruction, block: QuantumCircuit, scope: _Scope
    ) -> tuple[Block, tuple[Carried, ...]]:
        """The body of a loop, and the bits that it writes; these are carried."""
        written = _written(block)
        before = dict(scope.bits)
        names: dict[Clbit, str] = {}
        for own, outer in zip(block.clbits, instruction.clbits, strict=True):
            if own in written:
                names[outer] = fresh("bit", self.taken)
                scope.bits[outer] = Name(names[outer], BIT)
        inner = scope.within(instruction, block)
        body = tuple(self.block(block, inner))
        own_of = dict(zip(instruction.clbits, block.clbits, strict=True))
        carried = tuple(Carried(name, before[bit], inner.bits[own_of[bit]]) for bit, name in names.items())
        return body, carried

    # Gates --------------------------------------------------------------------------------------------------------------

    def gate(self, operation: Any, places: Sequence[Place], modifiers: tuple[Modifier, ...]) -> list[Op]:
        """The ops of a unitary operation under modifiers, which apply from the first to the last."""
        match operation:
            case AnnotatedOperation():
                return self._annotated(operation, places, modifiers)
            case CUGate():  # its fourth angle is a phase of the control, which its base gate lacks
                *turn, phase = [self.arguments.angle(value) for value in operation.params]
                control = _control(places[:1], operation.ctrl_state)
                if not modifiers and control.value is None:
                    return [Gate("cu", tuple(places), (*turn, phase))]
                turned = Gate("u", (places[1],), tuple(turn), (control, *modifiers))
                return [Gate("gphase", (), (phase,), (control, *modifiers)), turned]
            case ControlledGate() if operation.name not in _GATES:
                count = operation.num_ctrl_qubits
                control = _control(places[:count], operation.ctrl_state)
                return self.gate(operation.base_gate, places[count:], (control, *modifiers))
            case UnitaryGate():
                matrix = tuple(tuple(complex(entry) for entry in row) for row in np.asarray(operation.to_matrix()))
                return [Gate("unitary", tuple(places), (), modifiers, matrix)]
            case PauliEvolutionGate() if (word := _one_word(operation)) is not None:
                return [PauliEvolve(joined(places), Const(word), self.arguments.angle(operation.time), modifiers)]
        if operation.name == "iswap_dg":
            return [Gate("iswap", tuple(places), (), (Adjoint(), *modifiers))]
        if operation.name == "global_phase":
            return [Gate("gphase", (), (self.arguments.angle(operation.params[0]),), modifiers)]
        if operation.name in _GATES:
            angles = tuple(self.arguments.angle(value) for value in operation.params)
            return [Gate(_GATES[operation.name], tuple(places), angles, modifiers)]
        return self._defined(operation, places, modifiers)

    def _annotated(self, operation: AnnotatedOperation, places: Sequence[Place], modifiers: tuple[Modifier, ...]) -> list[Op]:
        inner: list[Modifier] = []
        for modifier in reversed(operation.modifiers):  # the last one's controls come first
            if isinstance(modifier, ControlModifier):
                count = modifier.num_ctrl_qubits
                inner.append(_control(places[:count], modifier.ctrl_state))
                places = places[count:]
            elif isinstance(modifier, InverseModifier):
                inner.append(Adjoint())
            else:
                if modifier.power != int(modifier.power):
                    raise no_counterpart(f"the power {modifier.power} of `{operation.base_op.name}`")
                inner.append(Power(Const(int(modifier.power))))
        return self.gate(operation.base_op, places, (*reversed(inner), *modifiers))

    def _defined(self, operation: Any, places: Sequence[Place], modifiers: tuple[Modifier, ...]) -> list[Op]:
        """An operation by its definition: in place, or as a box of its own where modifiers act on it."""
        definition: QuantumCircuit | None = getattr(operation, "definition", None)
        if definition is None or definition.num_clbits:
            raise no_counterpart(f"`{operation.name}`", "give it a definition of gates" if definition is None else None)
        if not modifiers:
            return self.block(definition, _Scope(dict(zip(definition.qubits, places, strict=True)), {}))
        qubits = [fresh(f"q{k}", self.taken) for k in range(len(places))]
        body = self.block(definition, _Scope({q: Place(name) for q, name in zip(definition.qubits, qubits, strict=True)}, {}))
        used = {name for op in body for expr in expressions(op) for name in free_names(expr)}
        outside = sorted(used & set(self.taken) - set(qubits))
        if any(name not in self.arguments.found for name in outside):
            raise no_counterpart(f"`{operation.name}` under a modifier and on a loop's variable")
        arguments = [self.arguments.found[name] for name in outside]
        function = Function(
            fresh(identifier(operation.name), self.taken),
            (*(Parameter(name, QUBIT) for name in qubits), *arguments),
            tuple(body),
            tuple(Place(name) for name in qubits),
            len(qubits) > 1,
            "composite",
            operation.name,
        )
        self.functions.append(function)
        given = tuple(Name(argument.name, argument.type) for argument in arguments)
        return [Call(function.name, (*places, *given), (None,) * len(qubits), modifiers)]


def _registers(bits: Sequence[Any], registers: Sequence[Any], name: str) -> list[tuple[str, list[Any]]]:
    """Registers with their bits if each bit is in exactly one, else all bits as one register."""
    inside = [bit for register in registers for bit in register]
    if len(inside) == len(bits) == len(set(inside)):
        return [(register.name, list(register)) for register in registers]
    return [(name, list(bits))]


def _control(places: Sequence[Place], state: int | None) -> Control:
    plain = state is None or state == (1 << len(places)) - 1
    return Control(tuple(places), None if plain else Const(state))


def _one_word(operation: PauliEvolutionGate) -> Hamiltonian | None:
    """The Pauli word that an evolution is about; None where there are several, whose order is Qiskit's matter."""
    operator = operation.operator
    if not isinstance(operator, SparsePauliOp) or len(operator) != 1:
        return None
    return Hamiltonian.from_list([(str(operator.paulis[0]).lstrip("+"), float(operator.coeffs[0].real))])


def _written(block: QuantumCircuit) -> set[Clbit]:
    """The bits that a block writes, in its own terms."""
    found: set[Clbit] = set()
    for instruction in block.data:
        for inner in getattr(instruction.operation, "blocks", ()):
            outer = dict(zip(inner.clbits, instruction.clbits, strict=True))
            found |= {outer[bit] for bit in _written(inner)}
        if not getattr(instruction.operation, "blocks", ()):
            found |= set(instruction.clbits)
    return found
