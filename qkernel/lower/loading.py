"""`prepare`: a register in 0 brought into a state, as gates, and as a load where simulators may set the state instead."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import ArithmeticEvaluationError, BindingShapeError, NotUnitaryError, SizeError
from qkernel.ir.expression_text import as_written
from qkernel.ir.expressions import Expr
from qkernel.ir.ops import Prepare
from qkernel.lower.columns import Row
from qkernel.lower.effort import INSTRUCTION, spend
from qkernel.lower.evaluation import element, value
from qkernel.lower.interpreter import Interpreter
from qkernel.lower.preparation import Load, angles, gates, without_direction
from qkernel.lower.reports import Frame
from qkernel.lower.values import OpenArray

_MOST_QUBITS = 20


def prepare(interpreter: Interpreter, op: Prepare, frame: Frame) -> None:
    """Write the gates of a preparation; note it as a load where the qubits are in 0 whatever happens."""
    qubits = interpreter.all_qubits((op.place,), frame.names)
    if len(qubits) > _MOST_QUBITS:
        raise SizeError(f"a state of {len(qubits)} qubits takes too many gates", label=f"more than {_MOST_QUBITS} qubits")
    amplitudes = _padded(op.amplitudes, frame, len(qubits))
    written, is_complex = as_written(op.amplitudes), op.imaginary is not None
    if op.imaginary is not None:
        amplitudes = [*chain.from_iterable(zip(amplitudes, _padded(op.imaginary, frame, len(qubits)), strict=True))]
        written = f"{written} + 1j * {as_written(op.imaginary)}"
    if interpreter.rows is None:
        _require_fresh(interpreter, qubits)
    is_known = all(isinstance(amplitude, (int, float)) for amplitude in amplitudes)
    if is_known and not any(amplitudes):
        title, way_out = without_direction(written, 1 << len(qubits))
        raise ArithmeticEvaluationError(title, label="all amplitudes are 0", help=way_out)
    if len(qubits) == 0:
        return
    columns = interpreter.columns
    spend(INSTRUCTION * 2 * len(amplitudes))
    first, start = len(columns.offsets), len(columns.kind)
    if is_known:
        turns = angles(np.array(amplitudes, float), is_complex).tolist()
    else:
        turns = interpreter.open.prepared(written, amplitudes, is_complex, op.span)
    for row in _rows(interpreter, qubits, turns, columns.span_number(op.span)):
        interpreter.emit(row)
    holds = interpreter.rows is None and columns.body is interpreter.top and not set(qubits) & set(interpreter.inputs)
    if holds and not is_known:
        interpreter.open.preparations[-1].load = Load(first, len(columns.kind) - start, tuple(qubits), 0, is_complex)


def _padded(expr: Expr, frame: Frame, num_qubits: int) -> list[Any]:
    """2**num_qubits amplitudes, or parts of them, 0 for those that are not given."""
    vector = value(expr, frame.names)
    length = vector.length(0) if isinstance(vector, OpenArray) else len(vector)
    if length > 1 << num_qubits:
        raise BindingShapeError(
            f"`{as_written(expr)}` has {counted(length, 'amplitude')}, and {counted(num_qubits, 'qubit')} "
            f"{'has' if num_qubits == 1 else 'have'} {1 << num_qubits}",
            label=f"{length} amplitudes",
            help=f"prepare {counted((length - 1).bit_length(), 'qubit')}: `qk.qubit_array({(length - 1).bit_length()})`",
        )
    return [element(vector, [k], expr) for k in range(length)] + [0.0] * ((1 << num_qubits) - length)


def _rows(interpreter: Interpreter, qubits: Sequence[int], turns: Sequence[Any], span: int) -> list[Row]:
    """The gates with the angles `turns`; as many as for real amplitudes, or also those that turn phases."""
    kinds, left, rows = interpreter.columns.kinds, iter(turns), []
    cx, is_complex = kinds.gate("cx"), len(turns) >> len(qubits) > 0
    for rotation in [kinds.gate(name) for name in (("ry", "rz") if is_complex else ("ry",))]:
        for acted in gates(tuple(qubits)):
            rows.append((rotation, acted, (next(left),), span) if len(acted) == 1 else (cx, acted, (), span))
    return [*rows, *((kinds.gate("gphase"), (), (angle,), span) for angle in left)]


def _require_fresh(interpreter: Interpreter, qubits: Sequence[int]) -> None:
    """Raise unless nothing was done to the qubits yet."""
    columns = interpreter.columns
    for written in (*(run.qubits for run in columns.runs), np.array(columns.qubits, np.int32)):
        spend(len(written))
        if np.isin(qubits, written).any():
            raise NotUnitaryError(
                "`prepare` takes qubits in 0, and something was done to these before",
                label="not fresh from `qubit_array`",
                help="make `q = qk.prepare(qk.qubit_array(n), x)` the first that is done to a register; under `qk.control` and "
                "`qk.inverse` it is a circuit that acts on any state",
            )
