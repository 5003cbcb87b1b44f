"""Gates under modifiers: what inverse, control and power make of a flat list of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qkernel.errors import QubitAliasError, SizeError
from qkernel.ir.ops import Adjoint, Control, Modifier, Power
from qkernel.lower.circuit import PASSIVE
from qkernel.lower.columns import Compound, Kinds, Row
from qkernel.lower.effort import INSTRUCTION, spend
from qkernel.lower.evaluation import compute, value, whole
from qkernel.lower.interpreter import Interpreter


def emit(
    interpreter: Interpreter, rows: list[Row], applied: Sequence[Modifier], names: dict[str, Any], touched: Iterable[int] = ()
) -> None:
    """Write gates under modifiers; `touched` are qubits that the operation holds beside those in the rows."""
    kinds = interpreter.columns.kinds
    for modifier in applied:
        spend(INSTRUCTION * len(rows))
        match modifier:
            case Adjoint():
                rows = adjoint(rows, kinds)
            case Power(exponent):
                rows = _power(rows, value(exponent, names), kinds)
            case Control():
                controls, selected = _controls(interpreter, modifier, names, len(rows), touched)
                rows = control(rows, controls, selected, modifier.value is None, kinds)
    for row in rows:
        interpreter.emit(row)


@dataclass(frozen=True, slots=True, eq=False)
class Conjugated(Compound):
    """Gates between others and the inverse of these: what modifiers do to all of it they do to `rows` alone."""

    setup: list[Row]
    rows: list[Row]
    undo: list[Row]

    def inverted(self, kinds: Kinds) -> Conjugated:
        return replace(self, rows=adjoint(self.rows, kinds))

    def controlled(self, controls: Sequence[int], selected: int, is_plain: bool, kinds: Kinds) -> Conjugated:
        return replace(self, rows=control(self.rows, controls, selected, is_plain, kinds))

    def write(self, interpreter: Interpreter) -> None:
        for row in (*self.setup, *self.rows, *self.undo):
            interpreter.emit(row)


def _controls(
    interpreter: Interpreter, modifier: Control, names: dict[str, Any], count: int, touched: Iterable[int]
) -> tuple[list[int], int]:
    """The control qubits of `count` gates, least significant first, and the number that they hold where the gates act."""
    controls = interpreter.all_qubits(modifier.places, names)
    spend(len(controls) * count)
    if modifier.count is not None:
        wanted = whole(value(modifier.count, names), "the number of controls")
        if len(controls) != wanted:
            title = f"the number of control qubits is {len(controls)}, not {wanted} as asked for"
            raise SizeError(title, label="controlled here")
    if not set(controls).isdisjoint(touched):
        raise _controlled_target()
    if modifier.value is None:
        return controls, (1 << len(controls)) - 1
    selected = whole(value(modifier.value, names), "a control value")
    if selected >> len(controls):
        raise SizeError(f"the control value {selected} does not fit {len(controls)} controls", label="controlled here")
    return controls, selected


def adjoint(rows: list[Row], kinds: Kinds) -> list[Row]:
    """The gates backwards, each inverted."""
    result: list[Row] = []
    for code, qubits, angles, span in reversed(rows):
        if isinstance(code, Compound):
            result.append((code.inverted(kinds), qubits, angles, span))
            continue
        code, order = kinds.adjoint(code)
        result.append((code, qubits, [_negated(angles[k]) for k in order] if order else (), span))
    return result


def _negated(angle: Any) -> Any:
    return -angle if isinstance(angle, float) else compute("neg", [angle])


def control(rows: list[Row], controls: Sequence[int], selected: int, is_plain: bool, kinds: Kinds) -> list[Row]:
    """The gates where `controls`, least significant first, hold `selected`; `is_plain` where no value was given."""
    if not controls:
        return rows
    result, taken = list[Row](), frozenset(controls)
    for code, qubits, angles, span in rows:
        if not taken.isdisjoint(qubits):
            raise _controlled_target()
        if isinstance(code, Compound):
            result.append((code.controlled(controls, selected, is_plain, kinds), (*controls, *qubits), angles, span))
            continue
        inner = kinds.controlled(code, len(controls), selected)
        result.append((inner, qubits if kinds.table[code].name in PASSIVE else (*controls, *qubits), angles, span))
    return result


def _power(rows: list[Row], exponent: Any, kinds: Kinds) -> list[Row]:
    """The gates `exponent` times, backwards if it is negative; one rotation may take any exponent into its angle."""
    if isinstance(exponent, float) and exponent.is_integer():
        exponent = int(exponent)
    if not isinstance(exponent, int) and len(rows) == 1 and len(rows[0][2]) == 1 and kinds.table[rows[0][0]].num_angles == 1:
        code, qubits, (angle,), span = rows[0]
        return [(code, qubits, (compute("*", [angle, exponent]),), span)]
    count = whole(exponent, "the power of an operation other than one rotation")
    spend(INSTRUCTION * len(rows) * abs(count))
    return rows * count if count >= 0 else adjoint(rows, kinds) * -count


def _controlled_target() -> QubitAliasError:
    """The error for a control that the controlled operation acts on."""
    return QubitAliasError("a control is also a qubit that the controlled operation acts on", label="the same qubit twice")
