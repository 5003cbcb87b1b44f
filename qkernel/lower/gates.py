"""Qubits made, and gates: on single qubits, on whole registers, and the evolution under a Hamiltonian as rotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import BindingShapeError, KernelTypeError, ObservableError, SizeError, unequal_registers
from qkernel.gates import GATES
from qkernel.ir.expressions import Expr
from qkernel.ir.ops import Alloc, Gate, PauliEvolve
from qkernel.lower.circuit import Kind
from qkernel.lower.columns import Group, Kinds, Row
from qkernel.lower.effort import INSTRUCTION, spend
from qkernel.lower.evaluation import compute, element, value, whole
from qkernel.lower.given_values import Several
from qkernel.lower.interpreter import FEW_GATES, Interpreter
from qkernel.lower.modifiers import emit
from qkernel.lower.reports import Frame
from qkernel.lower.values import NotVectorised, OpenArray, numbers
from qkernel.observable import Hamiltonian, complex_term
from qkernel.observable.terms import PauliTerms, listed


def alloc(interpreter: Interpreter, op: Alloc, frame: Frame) -> None:
    """Make a register, in 0 also in a loop that is repeated at run time."""
    size = 1 if op.size is None else whole(value(op.size, frame.names), "the size of a register")
    register = frame.names[op.register] = interpreter.allocate(op.register, size, op.span)
    if interpreter.rows is not None:
        frame.fresh.append((register.qubits, op.span))
    if interpreter.repeating:
        columns = interpreter.columns
        columns.each(columns.kinds.number(Kind("reset", 1)), register.qubits, columns.span_number(op.span))


def gate(interpreter: Interpreter, op: Gate, frame: Frame) -> None:
    """Write a gate."""
    names = frame.names
    code, span, single = interpreter.code(op)
    if not single:
        _wide(interpreter, op, code, span, names)
        return
    qubits = [interpreter.qubit(place, names) for place in op.places]
    if interpreter.consumed or len(qubits) > 1:
        interpreter.check(qubits)
    angles = [value(angle, names) for angle in op.angles]
    if op.modifiers:
        emit(interpreter, [(code, qubits, angles, span)], op.modifiers, names)
    elif interpreter.rows is None:
        interpreter.columns.emit(code, qubits, angles, span)
    else:
        interpreter.rows.append((code, qubits, angles, span))


def _wide(interpreter: Interpreter, op: Gate, code: int, span: int, names: dict[str, Any]) -> None:
    """A gate on whole places: one gate for each qubit of them, or a barrier or matrix on all of their qubits."""
    each = [interpreter.qubits(place, names) for place in op.places]
    qubits = [qubit for found in each for qubit in found]
    interpreter.check(qubits)
    if op.gate == "barrier":
        code = interpreter.columns.kinds.number(Kind("barrier", len(qubits)))
    elif op.gate in GATES:
        if len({*map(len, each)}) > 1:
            raise unequal_registers(op.gate, [*map(len, each)])
        _broadcast(interpreter, op, code, [*zip(*each, strict=True)], span, names)
        return
    elif len(qubits) != interpreter.columns.kinds.table[code].num_targets:
        width = interpreter.columns.kinds.table[code].num_targets
        raise SizeError(f"the matrix acts on {width} qubits, and {len(qubits)} are given", label=f"{len(qubits)} qubits")
    emit(interpreter, [(code, qubits, (), span)], op.modifiers, names)


def _broadcast(
    interpreter: Interpreter, op: Gate, code: int, qubits: list[tuple[int, ...]], span: int, names: dict[str, Any]
) -> None:
    """One gate on each of `qubits`."""
    spend(INSTRUCTION * len(qubits))
    angles = _per_qubit(op, names, len(qubits))
    if interpreter.rows is None and not op.modifiers and len(qubits) >= FEW_GATES:
        try:
            interpreter.columns.extend([_group(code, qubits, angles, span)])
            return
        except NotVectorised:
            pass
    emit(interpreter, _rows(op, code, qubits, angles, span), op.modifiers, names)


def _per_qubit(op: Gate, names: dict[str, Any], count: int) -> list[Any]:
    """The angles of `count` gates, each one value for all or a vector of that length."""
    angles = [value(angle, names) for angle in op.angles]
    for angle in filter(_is_vector, angles):
        length = angle.lengths[0] if type(angle) is OpenArray else len(angle)
        if length is not None and length != count:
            raise BindingShapeError(
                f"{counted(length, 'angle')} for {counted(count, 'qubit')}",
                label=f"{count} qubits",
                help="give one angle for all qubits, or one for each",
            )
    return angles


def _rows(op: Gate, code: int, qubits: Sequence[tuple[int, ...]], angles: list[Any], span: int) -> list[Row]:
    """One gate on each of `qubits`."""
    return [
        (
            code,
            targets,
            [element(angle, [k], expr) if _is_vector(angle) else angle for angle, expr in zip(angles, op.angles, strict=True)],
            span,
        )
        for k, targets in enumerate(qubits)
    ]


def _group(code: int, qubits: Sequence[tuple[int, ...]], angles: list[Any], span: int) -> Group:
    """The same for `Columns.extend`. Raises `NotVectorised` if the angles are no numbers or affine values."""
    columns = [_column(angle, len(qubits)) for angle in angles]
    return Group(code, np.array(qubits, np.int32), columns, span, np.arange(len(qubits)))


def _column(angle: Any, count: int) -> Any:
    match angle:
        case OpenArray():
            return angle.element([np.arange(count)])
        case Expr():
            raise NotVectorised
        case list():
            return numbers(angle)
    return angle


def _is_vector(angle: Any) -> bool:
    return isinstance(angle, (list, OpenArray))


def evolve(interpreter: Interpreter, op: PauliEvolve, frame: Frame) -> None:
    """Write exp(-i t H) as rotations, one for each term of H."""
    names = frame.names
    qubits = interpreter.all_qubits((op.place,), names)
    time = value(op.time, names)
    kinds, span = interpreter.columns.kinds, interpreter.columns.span_number(op.span)
    rows = _evolution(value(op.observable, names), qubits, time, kinds, span)
    spend(INSTRUCTION * sum(1 + len(row[1]) for row in rows))
    emit(interpreter, rows, op.modifiers, names, qubits)


def _evolution(observable: Any, qubits: list[int], time: Any, kinds: Kinds, span: int) -> list[Row]:
    """One Trotter step: each term in its order, a constant as a global phase; qubit k of H is `qubits[k]`."""
    if isinstance(observable, Several):
        raise ObservableError(
            "an observable that is given as a list shapes the circuit, so that its entries do not share one state",
            help="make one layer for each observable",
        )
    if not isinstance(observable, (Hamiltonian, PauliTerms)):
        raise KernelTypeError("the evolution takes one Hamiltonian", label="not a Hamiltonian")
    fits(observable, len(qubits))
    rows: list[Row] = []
    for coefficient, operators in listed(observable).terms:
        if isinstance(coefficient, complex):
            known = observable if isinstance(observable, Hamiltonian) else Hamiltonian.product(operators, coefficient)
            term, help = complex_term(known, "H")
            raise ObservableError(f"the Hamiltonian has complex coefficients: {term}", label="not unitary", help=help)
        if operators:
            word = "".join(operator.pauli.value for operator in operators)
            targets = [qubits[operator.index] for operator in operators]
            kind, factor = _rotation(word, kinds), compute("*", [2, coefficient])
        else:
            targets, kind, factor = [], kinds.gate("gphase"), compute("neg", [coefficient])
        rows.append((kind, targets, (compute("*", [time, factor]),), span))
    return rows


def fits(observable: Hamiltonian | PauliTerms, count: int) -> None:
    """Raise unless the Hamiltonian has at most `count` qubits."""
    if observable.num_qubits > count:
        wanted = counted(observable.num_qubits, "qubit")
        raise ObservableError(
            f"the Hamiltonian acts on {wanted}, and {count} {'is' if count == 1 else 'are'} given",
            label=counted(count, "qubit"),
        )


def _rotation(word: str, kinds: Kinds) -> int:
    if word in ("X", "Y", "Z", "XX", "YY", "ZZ"):
        return kinds.gate("r" + word.lower())
    return kinds.number(Kind("pauli", len(word), 1, word=word))
