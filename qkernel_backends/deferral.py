"""Circuits that measure, reset and branch, as unitary circuits on more qubits.

Where a qubit is measured a fresh qubit takes a copy of the outcome and is left alone from then on; what depends on the
bit is controlled by that qubit (the principle of deferred measurement: Nielsen and Chuang, section 4.4). A qubit that
nothing touches or reads after its measurement holds the outcome itself. Expectation values and probabilities of the
circuit's own qubits stay what they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from qkernel.errors import ShotsError, TargetCapabilityError
from qkernel.execution.shots import HOW_TO_ESTIMATE
from qkernel.ir.expressions import Apply, Const, Expr, Item, SystemName
from qkernel.lower.circuit import Assign, Body, Branch, Circuit, Kind, Repeat, Run, parts
from qkernel.lower.truth_tables import table_of

MOST_FRESH_QUBITS = 16
"""Measurements, resets, assignments and conditions of an exactly evaluated circuit are at most so many."""

MOST_QUBITS = 24
"""A state of more qubits is not for engines that can follow the histories of measured bits."""

Controls = tuple[tuple[int, int], ...]


def deferred(circuit: Circuit) -> Circuit:
    """`circuit` without measurements, resets and branches.

    Raises `ShotsError` for a run-time loop, and where more than `MOST_FRESH_QUBITS` qubits would have to be added, as for an
    integer variable.
    """
    return _made(_written(circuit))


def deferred_to_sample(circuit: Circuit) -> tuple[Circuit, dict[int, int]] | None:
    """`circuit` as `deferred` writes it, and the qubit that holds each bit at the end; a bit without one is 0.

    None where it loops, counts, or measures too often.
    """
    try:
        writer = _written(circuit)
    except ShotsError:
        return None
    return _made(writer), dict(sorted(writer.holders.items()))


def deferred_if_small(circuit: Circuit) -> Circuit | None:
    """`circuit` as `deferred` writes it, where it has exact values to read out and stays small enough."""
    if not circuit.expectations and not circuit.probabilities:
        return None
    try:
        unitary = deferred(circuit)
    except (ShotsError, TargetCapabilityError):
        return None
    return unitary if unitary.num_qubits <= max(MOST_QUBITS, circuit.num_qubits) else None


def _written(circuit: Circuit) -> _Writer:
    for part in parts(circuit.body):
        if isinstance(part, Repeat):
            title = "an expectation value behind a run-time loop has no exact value here"
            raise ShotsError(title, span=part.span, help=HOW_TO_ESTIMATE)
    if circuit.integers:
        raise _too_often(circuit)
    writer = _Writer(circuit, Counter(_touched(circuit, circuit.body)) + Counter(_read_out(circuit)))
    writer.body(circuit.body, ())
    return writer


def _made(writer: _Writer) -> Circuit:
    runs = tuple(_run(columns) for columns in writer.columns)
    return replace(
        writer.circuit, num_qubits=writer.num_qubits, num_bits=0, kinds=tuple(writer.kinds), body=runs, registers=(), boxes=()
    )


def _touched(circuit: Circuit, body: Body) -> Iterator[int]:
    """The qubits of each instruction."""
    for part in body:
        match part:
            case Run():
                for instruction in circuit.instructions(part):
                    yield from instruction.qubits
            case Branch(_, then, otherwise):
                yield from _touched(circuit, then)
                yield from _touched(circuit, otherwise)


def _read_out(circuit: Circuit) -> Iterator[int]:
    for expectation in circuit.expectations:
        for operators in expectation.observable.terms:
            yield from (operator.index for operator in operators)
    for qubits in circuit.probabilities:
        yield from qubits


def _too_often(circuit: Circuit) -> ShotsError:
    return ShotsError(
        f"`{circuit.name}` measures and resets too often for exact values",
        label=f"at most {MOST_FRESH_QUBITS} measurements, resets and conditions are followed exactly",
        help=HOW_TO_ESTIMATE,
    )


@dataclass
class _Columns:
    """A run in the making."""

    first_slot: int
    codes: list[int] = field(default_factory=list)
    qubits: list[int] = field(default_factory=list)


def _run(columns: _Columns) -> Run:
    empty = np.zeros(0, np.int32)
    spans = np.full(len(columns.codes), -1, np.int32)
    return Run(np.array(columns.codes, np.int32), np.array(columns.qubits, np.int32), empty, spans, columns.first_slot)


def _joined(controls: Controls) -> Controls | None:
    """Each qubit once; None where one would have to hold both values."""
    distinct = dict(controls)
    return tuple(distinct.items()) if all(distinct[qubit] == value for qubit, value in controls) else None


@dataclass
class _Writer:
    """Collects instructions. `holders` names the qubit that holds each bit; a bit without one is still 0.

    `controls` are qubits and the values that they must hold for an instruction to take effect. `left` counts how often
    each qubit is still to be acted on or read out; `copies` names, of a qubit that nothing touched since its measurement,
    the qubit that holds the outcome, and the controls of that measurement.
    """

    circuit: Circuit
    left: Counter[int]
    kinds: dict[Kind, int] = field(default_factory=dict)
    columns: list[_Columns] = field(default_factory=lambda: [_Columns(0)])
    holders: dict[int, int] = field(default_factory=dict)
    copies: dict[int, tuple[int, Controls]] = field(default_factory=dict)
    num_qubits: int = 0

    def __post_init__(self) -> None:
        self.num_qubits = self.circuit.num_qubits

    def body(self, body: Body, controls: Controls) -> None:
        for part in body:
            match part:
                case Run():
                    self.run(part, controls)
                case Assign(value=value):
                    self.write(part.variable[1], value, controls)
                case Branch(condition, then, otherwise):
                    flag = self.flag(condition)
                    for block, held in ((then, 1), (otherwise, 0)):
                        inside = _joined((*controls, (flag, held)))
                        if inside is not None:
                            self.body(block, inside)

    def run(self, run: Run, controls: Controls) -> None:
        self.columns.append(_Columns(run.first_slot))
        for instruction in self.circuit.instructions(run):
            kind = instruction.kind
            self.left.subtract(instruction.qubits)
            measured = [self.copies.pop(qubit, None) for qubit in instruction.qubits]
            if kind.is_gate:
                self.gate(kind, instruction.qubits, controls)
            elif kind.name == "measure":
                (qubit,), (bit,) = instruction.qubits, instruction.bits
                if not controls and not self.left[qubit]:
                    self.holders[bit] = qubit
                    continue
                self.keep_where_not(bit, fresh := self.fresh(), controls)
                self.gate(Kind("x", 1), (fresh,), (*controls, (qubit, 1)))
                self.holders[bit] = fresh
                self.copies[qubit] = fresh, controls
            elif kind.name == "reset" and measured[0] is not None and measured[0][1] == controls:
                self.gate(Kind("x", 1), instruction.qubits, (*controls, (measured[0][0], 1)))
            elif kind.name == "reset":
                self.gate(Kind("swap", 2), (*instruction.qubits, self.fresh()), controls)

    def gate(self, kind: Kind, qubits: tuple[int, ...], controls: Controls) -> None:
        """A gate under further controls; none where they contradict one another."""
        joined = _joined(controls)
        if joined is None:
            return
        controls = joined
        value = sum(bit << k for k, (_, bit) in enumerate(controls)) | kind.control_value << len(controls)
        widened = replace(kind, controls=kind.controls + len(controls), control_value=value)
        columns = self.columns[-1]
        columns.codes.append(self.kinds.setdefault(widened, len(self.kinds)))
        columns.qubits += [*(qubit for qubit, _ in controls), *qubits]

    def fresh(self) -> int:
        if self.num_qubits == self.circuit.num_qubits + MOST_FRESH_QUBITS:
            raise _too_often(self.circuit)
        self.num_qubits += 1
        return self.num_qubits - 1

    def keep_where_not(self, bit: int, fresh: int, controls: Controls) -> None:
        """Copy the present value of `bit` into `fresh` where `controls` do not hold."""
        if controls and bit in self.holders:
            present = (self.holders[bit], 1)
            self.gate(Kind("x", 1), (fresh,), (present,))
            self.gate(Kind("x", 1), (fresh,), (*controls, present))

    def write(self, bit: int, value: Expr, controls: Controls) -> None:
        fresh = self.fresh()
        self.keep_where_not(bit, fresh, controls)
        self.compute(value, fresh, controls)
        self.holders[bit] = fresh

    def flag(self, condition: Expr) -> int:
        """The qubit that holds a condition."""
        match condition:
            case Item(SystemName(), (Const(bit),)) if bit in self.holders:
                return self.holders[bit]
        self.compute(condition, fresh := self.fresh(), ())
        return fresh

    def compute(self, value: Expr, target: int, controls: Controls) -> None:
        """Flip `target` where `value` and `controls` hold."""
        if isinstance(value, Apply) and value.operator == "^":
            for operand in value.operands:
                self.compute(operand, target, controls)
            return
        table, bits = table_of(value)
        for row in np.flatnonzero(table).tolist():
            wanted = {bit: row >> k & 1 for k, bit in enumerate(bits)}
            if all(bit in self.holders or not needed for bit, needed in wanted.items()):
                held = tuple((self.holders[bit], needed) for bit, needed in wanted.items() if bit in self.holders)
                self.gate(Kind("x", 1), (target,), controls + held)
