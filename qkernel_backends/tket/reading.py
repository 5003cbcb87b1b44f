"""Circuits of pytket's as kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pytket.circuit import (
    CircBox,
    ClBitVar,
    ClExpr,
    ClOp,
    Conditional,
    OpType,
    PauliExpBox,
    QControlBox,
    Unitary1qBox,
    Unitary2qBox,
    Unitary3qBox,
)
from pytket.circuit import Circuit as TketCircuit

from qkernel.errors import KernelTypeError
from qkernel.ir.expressions import Const, Expr, apply
from qkernel.ir.ops import PauliEvolve
from qkernel.ir.places import joined
from qkernel.kernel import Kernel
from qkernel.observable import Hamiltonian
from qkernel_backends.building import Building, Unitary, equals
from qkernel_backends.formulas import no_counterpart
from qkernel_backends.matrices import big_endian
from qkernel_backends.tket.emission import CONTROLLED, FIXED, TURNED

_PLAIN = {theirs: ours for ours, theirs in (FIXED | TURNED).items()}
_UNDER_CONTROL = {theirs: key for key, theirs in CONTROLLED.items()}
_UNDER_CONTROLS = {
    OpType.CnX: "x", OpType.CnY: "y", OpType.CnZ: "z", OpType.CnRx: "rx", OpType.CnRy: "ry", OpType.CnRz: "rz",
}  # fmt: skip
_AS_OTHERS: dict[OpType, tuple[tuple[str, int | float], ...]] = {
    OpType.TK1: (("rz", 2), ("rx", 1), ("rz", 0)),
    OpType.TK2: (("rxx", 0), ("ryy", 1), ("rzz", 2)),
    OpType.V: (("rx", 0.5),),
    OpType.Vdg: (("rx", -0.5),),
    OpType.ZZMax: (("rzz", 0.5),),
}
"""Gates that kernels have as several; of a whole number it is that parameter, of any other the angle in half turns."""
_SCRATCH = "tk_SCRATCH"
"""What pytket calls registers that it computes conditions in."""
_LOGIC = {ClOp.BitAnd: "and", ClOp.BitOr: "or", ClOp.BitXor: "^", ClOp.BitNeq: "^"}


def from_tket(circuit: TketCircuit) -> Kernel[..., Any]:
    """A circuit of pytket's as a kernel.

    Without bits it takes its registers of qubits and gives them back; with bits it runs by itself and returns these, a vector
    for each register. Symbols are Float arguments, those called `weights[0]`, `weights[1]` elements of a vector.
    Raises `TargetCapabilityError` for what kernels do not have.
    """
    if not isinstance(circuit, TketCircuit):
        raise KernelTypeError(f"a circuit of pytket is wanted, not `{circuit!r}`")
    registers = {register.name: [register[k] for k in range(register.size)] for register in circuit.q_registers}
    inside = {qubit for qubits in registers.values() for qubit in qubits}
    if inside != set(circuit.qubits):
        registers = {"q": circuit.qubits}
    reading = _Reading(Building(circuit.name or "circuit", registers))
    reading.bits = dict.fromkeys(circuit.bits, Const(False))
    for command in circuit.get_commands():
        reading.command(command.op, list(command.args), None)
    reading.building.add(reading.phase(circuit.phase))
    registers_of_bits = [register for register in circuit.c_registers if not register.name.startswith(_SCRATCH)]
    vectors = [[reading.bits[register[k]] for k in range(register.size)] for register in registers_of_bits]
    return reading.building.kernel(vectors)


class _Reading:
    """`bits` are the present values of the circuit's bits."""

    def __init__(self, building: Building) -> None:
        self.building = building
        self.bits: dict[Any, Expr] = {}

    def command(self, op: Any, arguments: list[Any], condition: Expr | None) -> None:
        if condition is not None and op.type in (OpType.Measure, OpType.Reset, OpType.ClExpr):
            raise no_counterpart(f"`{op}` under a condition")
        match op.type:
            case OpType.Measure:
                self.bits[arguments[1]] = self.building.measure(arguments[0])
            case OpType.Reset:
                self.building.reset(arguments[0])
            case OpType.Barrier:
                qubits = [argument for argument in arguments if argument in self.building.places]
                self.building.add(self.building.gate("barrier", qubits) if qubits else [])
            case OpType.ClExpr:
                (place,) = self.placed(op)
                self.bits[arguments[place]] = self.value(op.expr.expr, arguments, op.expr.bit_posn)
            case OpType.Conditional:
                assert isinstance(op, Conditional)
                held = equals([self.bits[bit] for bit in arguments[: op.width]], op.value)
                both = held if condition is None else apply("and", condition, held)
                self.command(op.op, arguments[op.width :], both)
            case _:
                self.building.add(self.ops(op, arguments), condition)

    def placed(self, op: Any) -> Sequence[int]:
        if op.expr.reg_posn or len(op.expr.output_posn) != 1:
            raise no_counterpart(f"`{op}`, which computes with registers,")
        return list(op.expr.output_posn)

    def value(self, expression: Any, arguments: Sequence[Any], places: dict[int, int]) -> Expr:
        """A classical expression over bits."""
        match expression:
            case int():
                return Const(bool(expression))
            case ClBitVar():
                return self.bits[arguments[places[expression.index]]]
            case ClExpr():
                values = [self.value(part, arguments, places) for part in expression.args]
                if expression.op in _LOGIC:
                    return apply(_LOGIC[expression.op], *values)
                if expression.op in (ClOp.BitNot, ClOp.BitEq):
                    return apply("not", values[0] if len(values) == 1 else apply("^", *values))
        raise no_counterpart(f"`{expression}` in a condition", "decide by bits, and `not`, `and`, `or` and `^` of them")

    def ops(self, op: Any, qubits: Sequence[Any]) -> list[Unitary]:
        """The gates that a unitary operation is."""
        building, kind = self.building, op.type
        params = op.params if not kind.name.endswith("Box") else []
        if kind in (OpType.noop, OpType.Phase):
            return self.phase(params[0]) if params else []
        if kind in _PLAIN:
            return building.gate(_PLAIN[kind], qubits, *map(building.angle, params))
        if kind in _UNDER_CONTROL or kind in _UNDER_CONTROLS:
            name, count = _UNDER_CONTROL.get(kind) or (_UNDER_CONTROLS[kind], len(qubits) - 1)
            inner = building.gate(name, qubits[count:], *map(building.angle, params))
            return building.controlled(inner, qubits[:count]) if count else inner
        if kind in _AS_OTHERS:
            parts = [(name, params[what] if isinstance(what, int) else what) for name, what in _AS_OTHERS[kind]]
            return [made for name, angle in parts for made in building.gate(name, qubits, building.angle(angle))]
        match op:
            case QControlBox():
                count = op.get_n_controls()
                value = sum(held << k for k, held in enumerate(op.get_control_state_bits()))
                return building.controlled(self.ops(op.get_op(), qubits[count:]), qubits[:count], value)
            case PauliExpBox():
                letters = "".join(pauli.name for pauli in op.get_paulis())
                word = Hamiltonian.from_list([(letters[::-1], 1.0)])
                place = joined([building.places[qubit] for qubit in qubits])
                return [PauliEvolve(place, Const(word), building.angle(op.get_phase(), np.pi / 2), ())]
            case Unitary1qBox() | Unitary2qBox() | Unitary3qBox():
                return building.gate("unitary", qubits, matrix=big_endian(op.get_matrix()))
            case CircBox():
                return self.within(op.get_circuit(), qubits)
        if hasattr(op, "get_circuit"):
            return self.within(op.get_circuit(), qubits)
        if op.free_symbols() or len(qubits) > 3 or not op.is_gate():
            raise no_counterpart(f"`{op}`")
        return building.gate("unitary", qubits, matrix=big_endian(op.get_unitary()))

    def within(self, circuit: TketCircuit, qubits: Sequence[Any]) -> list[Unitary]:
        """The gates of a circuit on `qubits`."""
        at = dict(zip(circuit.qubits, qubits, strict=True))
        made = self.phase(circuit.phase)
        for command in circuit.get_commands():
            if command.bits or command.op.type == OpType.Reset:
                raise no_counterpart(f"`{command}` in a box")
            made += self.ops(command.op, [at[qubit] for qubit in command.qubits])
        return made

    def phase(self, half_turns: Any) -> list[Unitary]:
        angle = self.building.angle(half_turns)
        return [] if isinstance(angle, Const) and not angle.value else self.building.gate("gphase", (), angle)
