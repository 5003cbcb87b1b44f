"""What inverse, control and power make of a flat list of gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qkernel.errors import QubitAliasError, SizeError
from qkernel.ir.ops import Adjoint, Control, Modifier
from qkernel.lower.columns import Kinds, Row
from qkernel.lower.effort import INSTRUCTION, spend
from qkernel.lower.evaluation import compute, whole


def adjoint(rows: list[Row], kinds: Kinds) -> list[Row]:
    """The gates backwards, each inverted."""
    result: list[Row] = []
    for code, qubits, angles, span in reversed(rows):
        code, order = kinds.adjoint(code)
        result.append((code, qubits, [_negated(angles[k]) for k in order] if order else (), span))
    return result


def _negated(angle: Any) -> Any:
    return -angle if isinstance(angle, float) else compute("neg", [angle])


def control(rows: list[Row], controls: Sequence[int], selected: int, kinds: Kinds) -> list[Row]:
    """The gates where `controls`, least significant first, hold `selected`."""
    result, taken = [], frozenset(controls)
    for code, qubits, angles, span in rows:
        if not taken.isdisjoint(qubits):
            raise controlled_target()
        inner = kinds.controlled(code, len(controls), selected)
        result.append((inner, qubits if kinds.table[code].name == "barrier" else (*controls, *qubits), angles, span))
    return result


def power(rows: list[Row], exponent: Any, kinds: Kinds) -> list[Row]:
    """The gates `exponent` times, backwards if it is negative; one rotation may take any exponent into its angle."""
    if isinstance(exponent, float) and exponent.is_integer():
        exponent = int(exponent)
    if not isinstance(exponent, int) and len(rows) == 1 and len(rows[0][2]) == 1 and kinds.table[rows[0][0]].num_angles == 1:
        code, qubits, (angle,), span = rows[0]
        return [(code, qubits, (compute("*", [angle, exponent]),), span)]
    count = whole(exponent, "the power of an operation other than one rotation")
    spend(INSTRUCTION * len(rows) * abs(count))
    return rows * count if count >= 0 else adjoint(rows, kinds) * -count


def check_count(found: int, wanted: int) -> None:
    """Raise unless there are as many controls as wanted."""
    if found != wanted:
        raise SizeError(f"the number of control qubits is {found}, not {wanted} as asked for", label="controlled here")


def controlled_target() -> QubitAliasError:
    """The error for a control that the controlled operation acts on."""
    return QubitAliasError("a control is also a qubit that the controlled operation acts on", label="the same qubit twice")


def name_of(applied: Sequence[Modifier]) -> str:
    """How the first of some modifiers is written."""
    match applied[0]:
        case Adjoint():
            return "inverse"
        case Control():
            return "control"
    return "power"
