"""The tallies of single ops: gates, measurements, Pauli evolutions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from qkernel.diagnostics import Span, counted
from qkernel.errors import BindingShapeError, unequal_registers
from qkernel.estimate.forms import equals_zero, power
from qkernel.estimate.quantity import ONE, Closure, Quantity, Value, Words, quantity
from qkernel.estimate.scope import RunTime, Scope
from qkernel.estimate.substitution import NotKnown, known, terms
from qkernel.estimate.tally import FIELDS, Item, Kind, Tally, kind_of
from qkernel.estimate.words import pauli_word
from qkernel.ir.expressions import Const, Expr, Name, Pack, Size
from qkernel.ir.module import Module
from qkernel.ir.ops import Function, Gate, Measure
from qkernel.ir.types import OBSERVABLE, ArrayType
from qkernel.ir.walk import walk
from qkernel.observable import Hamiltonian

_ROUNDINGS = 2  # what `11 * math.pi / 2` loses to rounding, in units of its last place
_COARSEST = 1e-6  # among numbers that are further apart, any might be a multiple
_CLASSED = frozenset(("p", "rx", "ry", "rz", "rxx", "ryy", "rzz"))


def gate_tally(op: Gate, scope: Scope) -> Tally:
    """The tally of a gate without its modifiers."""
    tally = Tally()
    if op.gate == "barrier":
        return tally
    if op.matrix is not None:
        tally.add(Kind("unitary", 0, len(op.matrix).bit_length() - 1), ONE)
        return tally
    count = scope.place_length(op.places[0]) if op.places else ONE
    _check_lengths(op, count, scope)
    kinds = [kind_of(op.gate, found) for found in classes(op)]
    for kind in kinds:
        tally.add(kind, count if len(kinds) == 1 else ONE)
    return tally


def _check_lengths(op: Gate, count: Quantity, scope: Scope) -> None:
    """Raise where it is known that registers, or a register and its angles, are not of one length, as lowering does."""
    for other in op.places[1:]:
        width = scope.place_length(other)
        if count.is_constant and width.is_constant and width != count:
            raise unequal_registers(op.gate, [str(count), str(width)], op.span)
    lengths = [scope.value(Size(angle)) for angle in op.angles if isinstance(angle.type, ArrayType)]
    for length in lengths if count.is_constant else ():
        if isinstance(length, Quantity) and length.is_constant and length != count:
            raise BindingShapeError(
                f"{counted(length, 'angle')} for {counted(count, 'qubit')}",
                span=op.span,
                label=f"{count} qubits",
                help="give one angle for all qubits, or one for each",
            )


def classes(op: Gate) -> list[str]:
    """The class of each rotation that the gate makes: one, or one for each angle where these are written out."""
    if op.gate not in _CLASSED:
        return [""]
    (angle,) = op.angles
    return [_class(entry) for entry in angle.items] if isinstance(angle, Pack) and angle.items else [_class(angle)]


def _class(angle: Expr) -> str:
    if not isinstance(angle, Const):
        return ""
    value = float(angle.value)
    eighths = round(value / (math.pi / 4))
    slack = _ROUNDINGS * math.ulp(value) if eighths else 0.0  # near 0 only 0.0 itself turns nothing
    if slack > _COARSEST or abs(value - eighths * (math.pi / 4)) > slack:
        return ""
    return "t" if eighths % 2 else "clifford"


def t_spans(module: Module) -> frozenset[Span]:
    """Where rotations by a constant odd multiple of pi/4 are written."""
    gates = [op for function in module.functions for op in walk(function.body) if isinstance(op, Gate)]
    return frozenset(gate.span for gate in gates if gate.span is not None and "t" in classes(gate))


def decided(inner: Tally, angles: Sequence[Expr], scope: Scope) -> Tally:
    """The tally of a gate, once for each part of an angle that adds up measured bits.

    An upper bound: bits may be known when the circuit is made, or be the same.
    """
    if not any(map(scope.is_run_time, angles)):
        return inner
    tally = inner
    for angle in angles:
        if angle.type.element != OBSERVABLE:  # whose words are counted as often already
            tally = tally.repeated(scope.parts(angle))
    tally.bounded |= frozenset((*FIELDS, *tally.by_name()))
    return tally


def oracle_tally(oracle: Function, arguments: Sequence[Value | RunTime]) -> Tally:
    """What is said of the cost of an oracle."""
    tally, scope = Tally(), Scope(dict(zip((entry.name for entry in oracle.parameters), arguments, strict=True)))
    items: dict[str, Item] = {"t": Kind("t"), "toffoli": Kind("x", 2), "qubits": "workspace"}
    for item, amount in oracle.cost:
        tally.add(items[item], scope.number(amount))
    return tally


def basis_changes(op: Measure) -> tuple[str, ...]:
    """The gates around a measurement in another basis: before it, and after it if the qubit lives on."""
    before = {"z": (), "x": ("h",), "y": ("sdg", "h")}[op.basis]
    after = {"z": (), "x": ("h",), "y": ("h", "s")}[op.basis]
    return (*before, *after) if op.keeps else before


def measure_tally(op: Measure, count: Quantity) -> Tally:
    """The tally of a measurement, the changes of basis around it included."""
    tally = Tally()
    tally.add("measurements", count)
    if not op.keeps:
        for item in ("consumed", "measured"):
            tally.add(item, count)
    for gate in basis_changes(op):
        tally.add(Kind(gate), count)
    return tally


def prepare_tally(width: Quantity, is_complex: bool) -> Tally:
    """The gates that prepare a state of so many qubits."""
    tally, amplitudes = Tally(), power(quantity(2), width)
    for rotation in ("ry", "rz") if is_complex else ("ry",):
        tally.add(Kind(rotation, 0, 1), amplitudes - 1)
        tally.add(Kind("x", 1, 1), amplitudes - 2 + equals_zero(width))
    if is_complex:
        tally.add(Kind("gphase", 0, 0), 1 - equals_zero(width))
    return tally


def pauli_tally(observable: Value | RunTime) -> Tally:
    """One gate for each term of an observable, by its width and, where it is known, its word; the constant is a phase."""
    if isinstance(observable, RunTime):
        raise observable.error("observable")
    tally = Tally()
    if isinstance(observable, Words):
        for word, amount in observable.counts:
            tally.include(Tally({(None, pauli_kind(word)): ONE}) if isinstance(word, str) else pauli_tally(word), amount)
        return tally
    tally.add(Kind("gphase", 0, 0), terms(observable, 0))
    choices = _choices(observable)
    if choices is not None and len(choices) == 1:
        for word, count in Counter(map(pauli_word, choices[0].terms)).items():
            tally.add(pauli_kind(word), quantity(count))
    elif choices is not None:
        for word in dict.fromkeys(pauli_word(term) for choice in choices for term in choice.terms):
            tally.add(pauli_kind(word), terms(observable, word))
    else:
        _unknown_words(observable, tally)
    return tally


def _unknown_words(observable: Value, tally: Tally) -> None:
    """Count the terms of an observable that is not bound, apart by the gates that they become."""
    one, two = terms(observable, 1), terms(observable, 2)
    for word in ("X", "Y", "XX", "YY", "ZZ"):
        tally.add(pauli_kind(word), terms(observable, word))
    tally.add(pauli_kind("Z"), one - terms(observable, "X") - terms(observable, "Y"))
    tally.add(Kind("pauli", 0, 2), two - terms(observable, "XX") - terms(observable, "YY") - terms(observable, "ZZ"))
    tally.add(Kind("pauli", 0, 3), terms(observable) - one - two)


def _choices(value: Value) -> list[Hamiltonian] | None:
    """The observables that a value may be one of; None where one of them is not bound."""
    with suppress(NotKnown):
        return _within(known(value))
    if not isinstance(value, Closure):
        return None
    values, found = dict(value.values), list[Hamiltonian]()
    pending = [value.expression]
    while pending:
        match pending.pop():
            case Const(Hamiltonian() as one):
                found.append(one)
            case Name(name) as part if part.type.element == OBSERVABLE:
                if (inner := _choices(values[name])) is None:
                    return None
                found += inner
            case part:
                pending += part.children
    return found


def _within(plain: Any) -> list[Hamiltonian]:
    """The observables in a bound value."""
    if isinstance(plain, Hamiltonian):
        return [plain]
    return [each for part in (plain.values() if isinstance(plain, dict) else plain) for each in _within(part)]


def pauli_kind(word: str) -> Kind:
    """The gate that lowering makes of exp(-i a P / 2), for the letters of P in alphabetical order."""
    if not word:
        return Kind("gphase", 0, 0)
    base = {"X": "rx", "Y": "ry", "Z": "rz", "XX": "rxx", "YY": "ryy", "ZZ": "rzz"}.get(word)
    return Kind("pauli", 0, len(word), word=word) if base is None else Kind(base, 0, len(word))
