"""Circuits as Cirq's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cirq
import numpy as np
import sympy

from qkernel.ir.expressions import Expr
from qkernel.lower.circuit import Circuit, Instruction, Kind
from qkernel_backends.formulas import slot_values, symbolic_functions
from qkernel_backends.matrices import big_endian
from qkernel_backends.predicated import polynomial, predicated, record_of

FIXED: dict[str, Any] = {
    "id": cirq.I, "x": cirq.X, "y": cirq.Y, "z": cirq.Z, "h": cirq.H, "s": cirq.S, "sdg": cirq.S**-1, "t": cirq.T,
    "tdg": cirq.T**-1, "sx": cirq.X**0.5, "sxdg": cirq.X**-0.5, "swap": cirq.SWAP, "iswap": cirq.ISWAP,
    "iswapdg": cirq.ISWAP**-1,
}  # fmt: skip
WORDS = {"rxx": "XX", "ryy": "YY", "rzz": "ZZ", "rzx": "ZX"}
_TURNED: dict[str, Callable[..., Any]] = {
    "p": lambda angle: cirq.ZPowGate(exponent=_in_half_turns(angle)),
    "rx": cirq.rx,
    "ry": cirq.ry,
    "rz": cirq.rz,
}


def emit(circuit: Circuit, theta: Sequence[float] | None = None) -> cirq.Circuit:
    """The circuit in Cirq on line qubits, gate by gate.

    Open parameters become sympy symbols named as the columns of the angle map (`weights[0]`); with `theta`, shape (columns,),
    they get these values. The measurement that comes first has the key `m0`, the next `m1`; branches are classical controls.
    Raises `TargetCapabilityError` for an angle that sympy has no function for, loops on measured bits and integers, and
    measurements and resets in branches.
    """
    if theta is None:
        symbols = [sympy.Symbol(name) for name in circuit.angles.column_names]
        return emit_with(circuit, slot_values(circuit.angles, symbols, symbolic_functions(), "Cirq"))
    return emit_with(circuit, circuit.angles.evaluate(np.asarray(theta, float)).tolist())


def emit_with(circuit: Circuit, angles: Sequence[Any]) -> cirq.Circuit:
    """The circuit in Cirq with an angle (a number or sympy expression) for each slot."""
    result, count = [], 0
    for step in predicated(circuit, "Cirq").steps:
        row = step.instruction
        on = [cirq.LineQubit(qubit) for qubit in row.qubits]
        if row.kind.name == "measure":
            result.append(cirq.measure(*on, key=f"m{count}"))
            count += 1
        else:
            made = _operations(row, [angles[slot] for slot in row.slots], on)
            if step.condition is not None:
                made = (operation.with_classical_controls(_condition(step.condition)) for operation in made)
            result += made
    return cirq.Circuit(result)


def _operations(row: Instruction, angles: Sequence[Any], on: Sequence[cirq.Qid]) -> Iterator[cirq.Operation]:
    kind = row.kind
    match kind.name:
        case "barrier":
            return
        case "reset":
            yield cirq.ResetChannel().on(*on)
            return
        case "u" | "ug":
            theta, phi, lam, *phase = angles
            made = [(_TURNED["p"](lam), on), (cirq.ry(theta), on), (_TURNED["p"](phi), on)]
            made += [(_phase(angle), on[: kind.controls]) for angle in phase]
        case "gphase":
            made = [(_phase(*angles), on)]
        case _ if (word := WORDS.get(kind.name, kind.word)) is not None:
            acted = [qubit for letter, qubit in zip(word, on[kind.controls :], strict=True) if letter != "I"]
            made = [(_word(word.replace("I", ""), *angles), [*on[: kind.controls], *acted])]
        case _:
            made = [(_gate(kind, angles), on)]
    values = [kind.control_value >> k & 1 for k in range(kind.controls)]
    for gate, qubits in made:
        yield (gate.controlled(control_values=values) if values else gate).on(*qubits)


def _gate(kind: Kind, angles: Sequence[Any]) -> Any:
    """The gate without its controls."""
    if kind.unitary is not None:
        return cirq.MatrixGate(big_endian(np.array(kind.unitary)))
    if kind.name in FIXED:
        return FIXED[kind.name]
    if kind.name in _TURNED:
        return _TURNED[kind.name](*angles)
    return cirq.MatrixGate(big_endian(Kind(kind.name, kind.num_targets).matrix()), name=kind.name)


def _word(word: str, angle: Any) -> Any:
    """exp(-i angle P / 2)."""
    if not word:
        return _phase(-angle / 2)
    half = _in_half_turns(angle) / 2
    return cirq.PauliStringPhasorGate(cirq.DensePauliString(word), exponent_neg=half, exponent_pos=-half)


def _in_half_turns(angle: Any) -> Any:
    return angle / (math.pi if isinstance(angle, float) else sympy.pi)


def _phase(angle: Any) -> Any:
    return cirq.GlobalPhaseGate(np.exp(1j * angle) if isinstance(angle, (int, float)) else sympy.exp(sympy.I * angle))


def _condition(value: Expr) -> Any:
    """A condition over the outcomes, which are numbers in Cirq: the key of one, or a polynomial."""
    if (record := record_of(value)) is not None:
        return f"m{record}"
    return sympy.sympify(polynomial(value, lambda record: sympy.Symbol(f"m{record}")))
