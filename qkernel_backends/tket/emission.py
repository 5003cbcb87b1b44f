"""Circuits as those of pytket."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from pytket.circuit import Bit, Op, OpType, PauliExpBox, QControlBox, Unitary1qBox, Unitary2qBox, Unitary3qBox
from pytket.circuit import Circuit as TketCircuit
from pytket.pauli import Pauli

from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import Apply, Const, Expr, Item
from qkernel.ir.identifiers import fresh
from qkernel.lower.circuit import Circuit, Instruction, Kind
from qkernel.lower.truth_tables import formula
from qkernel_backends.formulas import slot_values, symbolic_functions
from qkernel_backends.matrices import big_endian
from qkernel_backends.predicated import predicated

FIXED = {
    "id": OpType.noop, "x": OpType.X, "y": OpType.Y, "z": OpType.Z, "h": OpType.H, "s": OpType.S, "sdg": OpType.Sdg,
    "t": OpType.T, "tdg": OpType.Tdg, "sx": OpType.SX, "sxdg": OpType.SXdg, "swap": OpType.SWAP, "ecr": OpType.ECR,
    "iswap": OpType.ISWAPMax,
}  # fmt: skip
TURNED = {
    "p": OpType.U1, "rx": OpType.Rx, "ry": OpType.Ry, "rz": OpType.Rz, "u": OpType.U3, "rxx": OpType.XXPhase,
    "ryy": OpType.YYPhase, "rzz": OpType.ZZPhase,
}  # fmt: skip
CONTROLLED = {
    ("x", 1): OpType.CX, ("y", 1): OpType.CY, ("z", 1): OpType.CZ, ("h", 1): OpType.CH, ("s", 1): OpType.CS,
    ("sdg", 1): OpType.CSdg, ("sx", 1): OpType.CSX, ("sxdg", 1): OpType.CSXdg, ("p", 1): OpType.CU1, ("rx", 1): OpType.CRx,
    ("ry", 1): OpType.CRy, ("rz", 1): OpType.CRz, ("u", 1): OpType.CU3, ("x", 2): OpType.CCX, ("swap", 1): OpType.CSWAP,
}  # fmt: skip
_BOXES = {1: Unitary1qBox, 2: Unitary2qBox, 3: Unitary3qBox}
_PAULIS = {"I": Pauli.I, "X": Pauli.X, "Y": Pauli.Y, "Z": Pauli.Z}


def emit(circuit: Circuit, theta: Sequence[float] | None = None) -> TketCircuit:
    """The circuit in pytket, gate by gate, registers under their own names.

    Open parameters become sympy symbols named as the columns of the angle map (`weights[0]`); with `theta`, shape (columns,),
    they get these values. Each measurement has a bit of its own in the register `m`; branches are conditions on these.
    Raises `TargetCapabilityError` for matrices on more than three qubits, an angle that sympy has no function for, loops on
    measured bits and integers, and measurements and resets in branches.
    """
    if theta is None:
        symbols = [sympy.Symbol(name) for name in circuit.angles.column_names]
        angles = slot_values(circuit.angles, symbols, symbolic_functions(), "tket")
    else:
        angles = circuit.angles.evaluate(np.asarray(theta, float)).tolist()
    steps, taken = predicated(circuit, "tket"), set[str]()
    result = TketCircuit(name=circuit.name)
    qubits = _qubits(circuit, result, taken)
    outcomes = list(result.add_c_register(fresh("m", taken), steps.num_records)) if steps.num_records else []
    count = 0
    for step in steps.steps:
        row = step.instruction
        on = [qubits[qubit] for qubit in row.qubits]
        condition = 1 if step.condition is None else _condition(step.condition, outcomes)
        if condition == 0:
            continue
        held = {} if condition == 1 else {"condition": condition}
        match row.kind.name:
            case "barrier":
                result.add_barrier(on)
            case "reset":
                result.Reset(on[0])
            case "measure":
                result.Measure(on[0], outcomes[count])
                count += 1
            case _:
                for operation, wires in _operations(row, [angles[slot] for slot in row.slots], on):
                    result.add_gate(operation, wires, **held)
    return result


def _qubits(circuit: Circuit, result: TketCircuit, taken: set[str]) -> dict[int, Any]:
    """The circuit's qubits in registers of its own, each in the first that has it."""
    found: dict[int, Any] = {}
    for name, places in (*circuit.registers, ("q", tuple(range(circuit.num_qubits)))):
        new = [place for place in places if place not in found]
        if new:
            found |= dict(zip(new, result.add_q_register(fresh(_plain(name), taken), len(new)), strict=True))
    return found


def _plain(name: str) -> str:
    """A name of the kind that pytket takes for registers."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name).lstrip("_0123456789")
    return plain[:1].lower() + plain[1:] or "q"


def _operations(row: Instruction, angles: Sequence[Any], on: Sequence[Any]) -> Iterator[tuple[Any, list[Any]]]:
    kind = row.kind
    controls = list(on[: kind.controls])
    # A control state is lost where pytket 2.18 puts values in for symbols.
    flips = [(Op.create(OpType.X), [qubit]) for k, qubit in enumerate(controls) if not kind.control_value >> k & 1]
    yield from flips
    match kind.name:
        case "ug":
            *turn, phase = angles
            yield _controlled(kind, "u", OpType.U3, turn), list(on)
            yield _controlled(kind, "gphase", OpType.Phase, [phase]), controls
        case "gphase":
            yield _controlled(kind, "gphase", OpType.Phase, angles), controls
        case name:
            yield _controlled(kind, name, (FIXED | TURNED).get(name) or _box(kind, angles, row), angles), list(on)
    yield from flips


def _controlled(kind: Kind, name: str, base: Any, angles: Sequence[Any]) -> Any:
    """An operation of pytket's: `base`, a type or a box, where all controls are 1."""
    half_turns = [_in_half_turns(angle) for angle in angles]
    if (name, kind.controls) in CONTROLLED:
        return Op.create(CONTROLLED[name, kind.controls], half_turns)
    operation = Op.create(base, half_turns) if isinstance(base, OpType) else base
    return QControlBox(operation, kind.controls) if kind.controls else operation


def _in_half_turns(angle: Any) -> Any:
    return angle / (math.pi if isinstance(angle, (int, float)) else sympy.pi)


def _box(kind: Kind, angles: Sequence[Any], row: Instruction) -> Any:
    """A gate that pytket has no type for."""
    if kind.name in ("pauli", "rzx"):
        return PauliExpBox([_PAULIS[letter] for letter in kind.word or "ZX"], _in_half_turns(angles[0]))
    if kind.num_targets not in _BOXES:
        raise TargetCapabilityError(
            f"tket has no matrices on {kind.num_targets} qubits", span=row.span, help="make them of gates on up to three qubits"
        )
    return _BOXES[kind.num_targets](big_endian(Kind(kind.name, kind.num_targets, unitary=kind.unitary).matrix()))


def _condition(value: Expr, outcomes: Sequence[Bit]) -> Any:
    """A condition as a bit or an expression over bits; 0 or 1 where it never holds or always."""
    return _logic(formula(value), outcomes)


def _logic(value: Expr, outcomes: Sequence[Bit]) -> Any:
    match value:
        case Const(known):
            return int(known)
        case Item(_, (Const(int(record)),)):
            return outcomes[record]
        case Apply("not", (operand,)):
            return _logic(operand, outcomes) ^ 1
        case Apply(operator, operands):
            left, right = (_logic(operand, outcomes) for operand in operands)
            return left & right if operator == "and" else left ^ right if operator == "^" else left | right
    raise AssertionError(value)
