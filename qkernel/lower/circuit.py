"""A concrete circuit: columns of instructions, the angle map, and what is read out of it.

Qubit 0 is the least significant bit of every index. A circuit holds exactly the gates that were written; merging and
dropping happen only in an engine's plan or a target's passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.diagnostics import Span
from qkernel.gates import GATES, Matrix, controlled, pauli_rotation
from qkernel.ir.expressions import Const, Expr, Item
from qkernel.ir.system_names import Key, SystemName
from qkernel.ir.types import BIT, FLOAT, ArrayType
from qkernel.lower.angles import AngleMap
from qkernel.observable import Hamiltonian

Integers = np.ndarray[Any, np.dtype[np.int32]]

BITS = SystemName(Key("bits"), ArrayType(BIT))
EXPECTATIONS = SystemName(Key("expectations"), ArrayType(FLOAT))


def probabilities(k: int) -> SystemName:
    """The k-th distribution of outcomes that a circuit reads out, in outputs."""
    return SystemName(Key("probabilities", k), ArrayType(FLOAT))


def bit(k: int) -> Item:
    """The circuit's bit k, in conditions, assignments and outputs."""
    return Item(BITS, (Const(k),))


def bits_read(value: Expr) -> set[int]:
    """The circuit's bits that a condition or an assigned value reads."""
    match value:
        case Item(SystemName(), (Const(int(k)),)):
            return {k}
    return set().union(*map(bits_read, value.children))


@dataclass(frozen=True, slots=True)
class Kind:
    """What an instruction does: a base gate of the table (`x`, never `cx`), `unitary`, `pauli`, `measure`, `reset`, `barrier`.

    `controls` further qubits come first, least significant first, and select the value `control_value`.
    """

    name: str
    num_targets: int
    num_angles: int = 0
    controls: int = 0
    control_value: int = 0
    unitary: tuple[tuple[complex, ...], ...] | None = None
    word: str | None = None

    @property
    def num_qubits(self) -> int:
        return self.controls + self.num_targets

    @property
    def is_gate(self) -> bool:
        """Whether this is a unitary operation that counts as a gate."""
        return self.name not in ("measure", "reset", "barrier")

    @property
    def is_plainly_controlled(self) -> bool:
        """Whether every control asks for 1."""
        return self.control_value == (1 << self.controls) - 1

    @property
    def angle_kinds(self) -> tuple[str, ...]:
        """`rotation` (generator eigenvalues -1/2, 1/2) or `phase` (0, 1) for each angle of the uncontrolled gate."""
        return ("rotation",) if self.name == "pauli" else GATES[self.name].angle_kinds if self.num_angles else ()

    def matrix(self, *angles: Any) -> Matrix:
        """The matrix on all qubits, controls included, shape (..., 2**n, 2**n) for angles of shape (...)."""
        if self.unitary is not None:
            base = np.array(self.unitary, complex)
        elif self.word is not None:
            base = pauli_rotation(self.word, *angles)
        else:
            base = GATES[self.name].matrix(*angles)
        return controlled(base, self.controls, self.control_value) if self.controls else base


@dataclass(frozen=True, slots=True)
class Instruction:
    """One row of a run, for readers that go gate by gate. `slots` index the angle map, `bits` the circuit's bits."""

    kind: Kind
    qubits: tuple[int, ...]
    slots: tuple[int, ...]
    bits: tuple[int, ...]
    span: Span | None


@dataclass(frozen=True, eq=False)
class Run:
    """Instructions without control flow, as columns.

    `kind[k]` indexes the circuit's `kinds`. Qubits, slots and bits of the instructions stand one after another, each
    instruction taking as many as its kind has (a measurement: one bit). Slots count up from `first_slot`.
    `span[k]` indexes the circuit's `spans` (-1: none).
    """

    kind: Integers
    qubits: Integers
    bits: Integers
    span: Integers
    first_slot: int = 0

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same instructions; where they come from does not count."""
        if not isinstance(other, Run):
            return NotImplemented
        return self.first_slot == other.first_slot and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("kind", "qubits", "bits")
        )

    def __hash__(self) -> int:
        return hash((self.first_slot, self.kind.tobytes()))

    def __len__(self) -> int:
        return len(self.kind)

    def __repr__(self) -> str:
        return f"<Run of {len(self)} instructions>"


@dataclass(frozen=True)
class Branch:
    """Run-time branching: `condition` is an expression over bits, `bit(k)` being the circuit's bit k."""

    condition: Expr
    then: Body
    otherwise: Body
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Assign:
    """A run-time classical value: bit `target` becomes `value`, an expression over bits (carried and joined bits)."""

    target: int
    value: Expr
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Repeat:
    """Run `body` as long as `condition`, an expression over bits, holds."""

    condition: Expr
    body: Body
    span: Span | None = field(default=None, compare=False)


Body = tuple[Run | Branch | Repeat | Assign, ...]


def parts(body: Body) -> Iterator[Run | Branch | Repeat | Assign]:
    """Every part of `body`, those inside branches and loops too, each before what is in it."""
    for part in body:
        yield part
        match part:
            case Branch(_, then, otherwise):
                yield from parts(then)
                yield from parts(otherwise)
            case Repeat(_, inner):
                yield from parts(inner)


@dataclass(frozen=True)
class Box:
    """Instructions `start` to `stop` (exclusive) of the first run, written as one named composite gate on `qubits`.

    Boxes stand in the order in which they begin, a box before those within it.
    """

    label: str
    start: int
    stop: int
    qubits: tuple[int, ...]


@dataclass(frozen=True)
class Expectation:
    """An expectation value to read out: `observable` acts on the circuit's qubits (its index k is qubit k)."""

    observable: Hamiltonian


@dataclass(frozen=True)
class Circuit:
    """A concrete circuit with open angles.

    `outputs` are host-side expressions over `BITS`, `EXPECTATIONS` (a vector of Float, one per entry of `expectations`)
    and `probabilities(0)`, `probabilities(1)` ... (vectors of 2**k Floats), and over the open parameters by their own
    names; `outputs_tuple` says whether the kernel returns a tuple. Bits hold 0 until they are
    written. `registers` names stretches of qubits for drawings and targets. `inputs` and `returned` are the qubits that the
    kernel takes and gives back, in order; `clean` are those that a kernel promises to bring back to 0, with its name.
    """

    num_qubits: int
    num_bits: int
    kinds: tuple[Kind, ...]
    body: Body
    angles: AngleMap
    expectations: tuple[Expectation, ...] = ()
    probabilities: tuple[tuple[int, ...], ...] = ()
    outputs: tuple[Expr, ...] = ()
    outputs_tuple: bool = False
    registers: tuple[tuple[str, tuple[int, ...]], ...] = ()
    boxes: tuple[Box, ...] = ()
    spans: tuple[Span, ...] = field(default=(), compare=False)
    name: str = "kernel"
    inputs: tuple[int, ...] = ()
    returned: tuple[int, ...] = ()
    clean: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __repr__(self) -> str:
        return f"<Circuit {self.name}: {self.num_qubits} qubits, {self.num_bits} bits, {self.size} instructions>"

    @cached_property
    def size(self) -> int:
        """How many instructions there are, those of all branches and one iteration of each loop."""
        return sum(len(part) if isinstance(part, Run) else isinstance(part, Assign) for part in parts(self.body))

    @property
    def is_straight(self) -> bool:
        """Whether there is no run-time control flow."""
        return all(isinstance(part, Run) for part in self.body)

    @cached_property
    def is_unitary(self) -> bool:
        """Whether there are gates and barriers only: no measurement, no reset, no control flow."""
        return self.is_straight and not any(kind.name in ("measure", "reset") for kind in self.kinds)

    def instructions(self, run: Run | None = None) -> Iterator[Instruction]:
        """The instructions of `run` (default: of all top-level runs, in order)."""
        for part in (run,) if run is not None else self.body:
            assert isinstance(part, Run), "instructions() reads straight runs"
            yield from self._rows(part)

    def _rows(self, run: Run) -> Iterator[Instruction]:
        qubit, slot, bit = 0, run.first_slot, 0
        qubits, bits = run.qubits.tolist(), run.bits.tolist()
        for code, span in zip(run.kind.tolist(), run.span.tolist(), strict=True):
            kind = self.kinds[code]
            num_bits = 1 if kind.name == "measure" else 0
            num_qubits = kind.num_qubits
            yield Instruction(
                kind,
                tuple(qubits[qubit : qubit + num_qubits]),
                tuple(range(slot, slot + kind.num_angles)),
                tuple(bits[bit : bit + num_bits]),
                self.spans[span] if span >= 0 else None,
            )
            qubit, slot, bit = qubit + num_qubits, slot + kind.num_angles, bit + num_bits
