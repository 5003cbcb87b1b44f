"""Measurements, resets and read-outs, and the outputs that are made from them."""

from __future__ import annotations

from functools import reduce
from typing import Any

from qkernel.diagnostics import Span
from qkernel.errors import KernelTypeError, SeparationError
from qkernel.ir.expressions import ONE, ZERO, Const, Expr, Item, Pack, Slice, SystemName, wrap
from qkernel.ir.ops import Expval, Measure, Probabilities, Reset
from qkernel.ir.trees import substitute
from qkernel.ir.types import BIT, FLOAT, ArrayType, TupleType, Type
from qkernel.lower import circuit
from qkernel.lower.circuit import EXPECTATIONS, Expectation, Kind, bit
from qkernel.lower.effort import INSTRUCTION, spend
from qkernel.lower.evaluation import compute, value, whole
from qkernel.lower.gates import fits
from qkernel.lower.given_values import Several
from qkernel.lower.interpreter import Interpreter
from qkernel.lower.reports import Frame
from qkernel.lower.residuals import manageable
from qkernel.lower.values import Affine, OpenArray, Vector
from qkernel.observable import Hamiltonian
from qkernel.observable.paulis import Operators, PauliOperator
from qkernel.observable.terms import PauliTerms

BEFORE = {"z": (), "x": ("h",), "y": ("sdg", "h")}
AFTER = {"z": (), "x": ("h",), "y": ("h", "s")}


def measure(interpreter: Interpreter, op: Measure, frame: Frame) -> None:
    """Measure each qubit into a fresh bit, in another basis by gates before (and after, if the qubit lives on)."""
    interpreter.refuse_modified(op, "a measurement")
    qubits = interpreter.all_qubits((op.place,), frame.names)
    columns = interpreter.columns
    span, code = columns.span_number(op.span), columns.kinds.number(Kind("measure", 1))
    spend(4 * INSTRUCTION * len(qubits))
    first = interpreter.fresh_bits(len(qubits))
    for gate in BEFORE[op.basis]:
        columns.each(columns.kinds.gate(gate), qubits, span)
    columns.each(code, qubits, span)
    columns.bits.extend(range(first, first + len(qubits)))
    if op.keeps:
        for gate in AFTER[op.basis]:
            columns.each(columns.kinds.gate(gate), qubits, span)
    else:
        _consume(interpreter, qubits, "measured", op.span)
    bits = [bit(first + k) for k in range(len(qubits))]
    frame.names[op.result] = bits[0] if op.place.length is None else Vector(bits)


def reset(interpreter: Interpreter, op: Reset, frame: Frame) -> None:
    """Put each qubit into 0."""
    interpreter.refuse_modified(op, "a reset")
    columns = interpreter.columns
    code = columns.kinds.number(Kind("reset", 1))
    qubits = interpreter.all_qubits((op.place,), frame.names)
    spend(INSTRUCTION * len(qubits))
    columns.each(code, qubits, columns.span_number(op.span))


def expval(interpreter: Interpreter, op: Expval, frame: Frame) -> None:
    """Note the expectation values to read out."""
    qubits = _read_out(interpreter, op, frame, "an expectation value")
    observables = value(op.observable, frame.names)
    single = isinstance(observables, (Hamiltonian, PauliTerms, Several))
    results: list[Expr] = []
    for entry in [observables] if single else observables:
        match entry:
            case PauliTerms():
                results.append(_sum_of_words(interpreter, entry, qubits))
            case Several(each):
                first, *_ = [_of_known(interpreter, observable, qubits) for observable in each]
                results.append(first)
                stop = len(interpreter.expectations)
                interpreter.side_by_side.append(range(stop - len(each), stop))
            case _:
                results.append(_of_known(interpreter, entry, qubits))
    frame.names[op.result] = results[0] if single else Vector(results)
    _consume(interpreter, qubits, "consumed by `expval`", op.span)


def _of_known(interpreter: Interpreter, observable: Any, qubits: list[int]) -> Item:
    """The expectation value of a Hamiltonian."""
    if not isinstance(observable, Hamiltonian):
        raise KernelTypeError("`expval` takes a Hamiltonian or a vector of them", label="not a Hamiltonian")
    fits(observable, len(qubits))
    spend(INSTRUCTION * (1 + len(observable.terms)))
    moved = {k: qubit for k, qubit in enumerate(qubits) if k != qubit}
    return _read(interpreter, observable.remap_qubits(moved) if moved else observable)


def _sum_of_words(interpreter: Interpreter, observable: PauliTerms, qubits: list[int]) -> Any:
    """The expectation value of a list of terms: one to read out for all known coefficients, one for each word of the rest."""
    fits(observable, len(qubits))
    spend(INSTRUCTION * (1 + len(observable.terms)))
    known, words, total = Hamiltonian(), dict[Operators, Item](), list[Any]()
    for coefficient, operators in observable.terms:
        moved = tuple(PauliOperator(operator.pauli, qubits[operator.index]) for operator in operators)
        if isinstance(coefficient, (Affine, Expr)):
            if moved and moved not in words:
                words[moved] = _read(interpreter, Hamiltonian.product(moved))
            total.append(compute("*", [coefficient, words[moved]]) if moved else coefficient)
        else:
            known.add_term(moved, coefficient)
    if known or not total:
        total.insert(0, _read(interpreter, known))
    return reduce(lambda left, right: compute("+", [left, right]), total)


def _read(interpreter: Interpreter, observable: Hamiltonian) -> Item:
    """One more expectation value to read out."""
    interpreter.expectations.append(Expectation(observable))
    return Item(EXPECTATIONS, (Const(len(interpreter.expectations) - 1),))


def probabilities(interpreter: Interpreter, op: Probabilities, frame: Frame) -> None:
    """Note the outcome probabilities to read out."""
    qubits = _read_out(interpreter, op, frame, "probabilities")
    name = circuit.probabilities(len(interpreter.probabilities))
    interpreter.probabilities.append(tuple(qubits))
    frame.names[op.result] = Slice(name, ZERO, ONE, Const(1 << len(qubits)))
    _consume(interpreter, qubits, "consumed by `probabilities`", op.span)


def _read_out(interpreter: Interpreter, op: Expval | Probabilities, frame: Frame, what: str) -> list[int]:
    interpreter.refuse_modified(op, what)
    if interpreter.branching:
        raise SeparationError(
            f"{what} cannot be read out in a branch or loop that is decided at run time",
            label="in a run-time branch",
            help="read it out after the branches have joined",
        )
    return interpreter.all_qubits((op.place,), frame.names)


def _consume(interpreter: Interpreter, qubits: list[int], how: str, span: Span | None) -> None:
    interpreter.consumed.update((qubit, (how, span)) for qubit in qubits)


def outputs_for_each(outputs: list[Expr], side_by_side: list[range], expectations: int) -> list[Expr]:
    """The outputs for each of several observables, whose expectation values stand `side_by_side`, one after another."""
    found: list[Expr] = []
    for k in range(len(side_by_side[0])):
        read = list(range(expectations))
        for each in side_by_side:
            read[each.start] = each[k]
        moved: dict[Any, Expr] = {EXPECTATIONS.key: wrap([Item(EXPECTATIONS, (Const(place),)) for place in read])}
        found += [substitute(entry, moved) for entry in outputs]
    return found


def output(entry: Any, type: Type) -> Expr:
    """A returned value as a host-side expression."""
    match entry, type:
        case OpenArray(), ArrayType():
            return output(entry.items(), type)
        case list(), ArrayType(element, rank):
            inner = element if rank == 1 else ArrayType(element, rank - 1)
            return Pack(tuple(output(part, inner) for part in entry), type)
        case tuple(), TupleType(items):
            return Pack(tuple(output(part, item) for part, item in zip(entry, items, strict=True)), type)
        case Slice(base=SystemName() as distribution), _:
            return distribution
        case Affine(), _:
            return entry.expression()
    if isinstance(entry, (bool, int, float)):
        return wrap(float(entry) if type == FLOAT else bool(entry) if type == BIT else whole(entry, "the result"))
    return manageable(wrap(entry))
