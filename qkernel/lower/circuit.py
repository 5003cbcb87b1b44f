"""A concrete circuit: columns of instructions, the angle map, and what is read out of it.

Qubit 0 is the least significant bit of every index. A circuit holds exactly the gates that were written; merging and
dropping happen only in an engine's plan or a target's passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.diagnostics import Span
from qkernel.gates import GATES, Matrix, controlled, pauli_rotation
from qkernel.ir.expressions import Const, Expr, Item, Key, SystemName
from qkernel.ir.trees import free_names, system_names
from qkernel.ir.types import BIT, FLOAT, UINT, ArrayType
from qkernel.lower.angles import AngleMap
from qkernel.lower.preparation import Load
from qkernel.observable import Hamiltonian

Array = np.ndarray[Any, Any]
Integers = np.ndarray[Any, np.dtype[np.int32]]

BITS = SystemName(Key("bits"), ArrayType(BIT))
INTEGERS = SystemName(Key("integers"), ArrayType(UINT))
Variable = tuple[Key, int]
"""A bit or an integer of a circuit: `BITS.key` or `INTEGERS.key`, and its number."""

RUN_TIME = frozenset((BITS.key, INTEGERS.key))
"""What is known only when a circuit runs, shot by shot."""
EXPECTATIONS = SystemName(Key("expectations"), ArrayType(FLOAT))


def probabilities(k: int) -> SystemName:
    """The k-th distribution of outcomes that a circuit reads out, in outputs."""
    return SystemName(Key("probabilities", k), ArrayType(FLOAT))


def bit(k: int) -> Item:
    """The circuit's bit k, in conditions, assignments and outputs."""
    return Item(BITS, (Const(k),))


def integer(k: int) -> Item:
    """The circuit's integer variable k, in conditions, assignments and outputs."""
    return Item(INTEGERS, (Const(k),))


def variables_read(value: Expr) -> set[Variable]:
    """The bits and integers that a condition or an assigned value reads."""
    match value:
        case Item(SystemName(key), (Const(int(k)),)):
            return {(key, k)}
    return set().union(*map(variables_read, value.children))


def bits_read(value: Expr) -> set[int]:
    """The circuit's bits that a condition or an assigned value reads."""
    return {k for key, k in variables_read(value) if key == BITS.key}


def reads_run(value: Expr) -> bool:
    """Whether an expression depends on bits or integers of the circuit."""
    return not RUN_TIME.isdisjoint(system_names(value))


def reads_run_only(value: Expr) -> bool:
    """Whether an expression depends on nothing but bits and integers of the circuit."""
    return not free_names(value) and system_names(value) <= RUN_TIME


PASSIVE = frozenset(("barrier", "release", "acquire"))
"""What does nothing to its qubits. A release is where they are back in 0; lowering alone knows where they are taken."""

_NO_GATES = PASSIVE | {"measure", "reset"}


@dataclass(frozen=True, slots=True)
class Promise:
    """That `kernel` brings qubits of its own back to 0: their names in its source, and where it makes them."""

    kernel: str
    names: tuple[str, ...]
    spans: tuple[Span | None, ...] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Kind:
    """What an instruction does: a base gate of the table (`x`, never `cx`), `unitary`, `pauli`, `measure`, `reset`, or nothing:
    `barrier`, `release`.

    `controls` further qubits come first, least significant first, and select the value `control_value`. A release has a
    `promise`.
    """

    name: str
    num_targets: int
    num_angles: int = 0
    controls: int = 0
    control_value: int = 0
    unitary: tuple[tuple[complex, ...], ...] | None = None
    word: str | None = None
    promise: Promise | None = None

    @property
    def num_qubits(self) -> int:
        return self.controls + self.num_targets

    @property
    def is_gate(self) -> bool:
        """Whether this is a unitary operation that counts as a gate."""
        return self.name not in _NO_GATES

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
    """Run-time branching: `condition` is an expression over the circuit's bits, `bit(k)`, and integers, `integer(k)`."""

    condition: Expr
    then: Body
    otherwise: Body
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Assign:
    """A run-time classical value: `target`, a `bit(k)` or an `integer(k)`, becomes `value`, an expression over these.

    An integer never wraps around: a value beyond its width is an error where the circuit runs.
    """

    target: Item
    value: Expr
    span: Span | None = field(default=None, compare=False)

    @property
    def variable(self) -> Variable:
        """The variable that is assigned, as in `variables_read`."""
        (found,) = variables_read(self.target)
        return found


def at_once(written: Mapping[Item, Expr], fresh: Callable[[Item], Item], span: Span | None) -> list[Assign]:
    """Assignments that all read the variables as they were before.

    Each comes behind those that read its variable; where they read one another, one goes through a `fresh` variable.
    """
    targets = {variable: target for target in written for variable in variables_read(target)}
    reads = {variable: variables_read(written[target]) - {variable} for variable, target in targets.items()}
    readers = Counter(variable for read in reads.values() for variable in read)
    free = [variable for variable in reversed(targets) if not readers[variable]]
    now: list[Assign] = []
    late: list[Assign] = []
    while reads:
        variable = free.pop() if free else next(iter(reads))
        target, value = targets[variable], written[targets[variable]]
        if readers[variable]:
            own = fresh(target)
            late.append(Assign(target, own, span))
            target = own
        now.append(Assign(target, value, span))
        for other in reads.pop(variable):
            readers[other] -= 1
            if not readers[other] and other in reads:
                free.append(other)
    return now + late


@dataclass(frozen=True)
class Repeat:
    """Run `body` as long as `condition`, an expression over bits and integers, holds."""

    condition: Expr
    body: Body
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class IntegerVariable:
    """A signed integer of `width` bits, 64 at most, under the user's name for it; several may share one name."""

    name: str
    width: int


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

    `outputs` are host-side expressions over `BITS`, `INTEGERS`, `EXPECTATIONS` (a vector of Float, one per entry of
    `expectations`) and `probabilities(0)`, `probabilities(1)` ... (vectors of 2**k Floats), and over the open parameters by
    their own names; `outputs_tuple` says whether the kernel returns a tuple. Bits and integers hold 0 until they are
    written. `registers` names stretches of qubits for drawings and targets. `inputs` and `returned` are the qubits that the
    kernel takes and gives back, in order; `clean` are those that kernels promise to bring back to 0.
    `loads` are stretches of gates that simulators may do by setting a state; whoever takes no notice has the gates.
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
    clean: tuple[tuple[Promise, tuple[int, ...]], ...] = ()
    integers: tuple[IntegerVariable, ...] = ()
    loads: tuple[Load, ...] = ()

    def __repr__(self) -> str:
        integers = f"{len(self.integers)} integers, " if self.integers else ""
        return f"<Circuit {self.name}: {self.num_qubits} qubits, {self.num_bits} bits, {integers}{self.size} instructions>"

    @property
    def memory_bits(self) -> int:
        """How many bits a shot leaves: the circuit's bits, then its integers in two's complement, least significant first."""
        return self.num_bits + sum(variable.width for variable in self.integers)

    def packed(self, bits: Array, integers: Array) -> Array:
        """What shots leave, uint8 of shape (shots, memory_bits), of bits (shots, bits) and int64 integers (shots, integers)."""
        columns = [integers[:, k, None] >> np.arange(entry.width) & 1 for k, entry in enumerate(self.integers)]
        return np.concatenate([bits, *columns], axis=1, dtype=np.uint8, casting="unsafe")

    def unpacked(self, memory: Array) -> tuple[Array, Array]:
        """The bits and the integers of shots, int64 of shapes (shots, bits) and (shots, integers)."""
        memory, first, integers = memory.astype(np.int64), self.num_bits, []
        for entry in self.integers:
            digits = memory[:, first : first + entry.width] << np.arange(entry.width)
            integers.append(digits[:, :-1].sum(1) - digits[:, -1])
            first += entry.width
        return memory[:, : self.num_bits], np.array(integers, np.int64).reshape(len(integers), len(memory)).T

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

    @property
    def has_releases(self) -> bool:
        """Whether a kernel promises to have brought qubits back to 0."""
        return any(kind.promise is not None for kind in self.kinds)

    @cached_property
    def without_releases(self) -> Circuit:
        """The same for those who cannot look at a state: machines, texts and pictures."""
        return self._without([code for code, kind in enumerate(self.kinds) if kind.promise is not None])

    @cached_property
    def without_measurements(self) -> Circuit:
        """The gates alone of a circuit that measures last: the bits stay 0."""
        return self._without([code for code, kind in enumerate(self.kinds) if kind.name == "measure"])

    def _without(self, codes: list[int]) -> Circuit:
        """The circuit without all instructions of some kinds, which have no angles."""
        if not codes:
            return self
        left = np.cumsum([code not in codes for code in range(len(self.kinds))]).astype(np.int32) - 1
        widths = np.array([kind.num_qubits for kind in self.kinds])
        measures = np.array([kind.name == "measure" for kind in self.kinds])

        def kept(body: Body) -> Body:
            return tuple(map(changed, body))

        def changed(part: Run | Branch | Repeat | Assign) -> Run | Branch | Repeat | Assign:
            match part:
                case Run(kind, qubits, bits, span):
                    stays = ~np.isin(kind, codes)
                    of_qubits, of_bits = np.repeat(stays, widths[kind]), stays[measures[kind]]
                    return replace(part, kind=left[kind[stays]], qubits=qubits[of_qubits], bits=bits[of_bits], span=span[stays])
                case Branch(_, then, otherwise):
                    return replace(part, then=kept(then), otherwise=kept(otherwise))
                case Repeat(_, inner):
                    return replace(part, body=kept(inner))
            return part

        kinds = tuple(kind for code, kind in enumerate(self.kinds) if code not in codes)
        boxes = self.boxes
        if boxes:
            first = self.body[0]
            assert isinstance(first, Run)
            at = [0, *np.cumsum(~np.isin(first.kind, codes)).tolist()]
            boxes = tuple(replace(box, start=at[box.start], stop=at[box.stop]) for box in boxes)
        return replace(self, kinds=kinds, body=kept(self.body), boxes=boxes)

    def instructions(self, run: Run | None = None) -> Iterator[Instruction]:
        """The instructions of `run` (default: of all top-level runs, in order)."""
        for part in (run,) if run is not None else self.body:
            assert isinstance(part, Run), "instructions() reads straight runs"
            yield from self._rows(part)

    def with_loads(self, instructions: Iterable[Instruction]) -> Iterator[Instruction | Load]:
        """`instructions` with each stretch that loads a state as one."""
        loads, rest = {load.first_slot: load for load in self.loads}, iter(instructions)
        if not loads:
            yield from rest
        for instruction in rest:
            load = loads.get(instruction.slots[0]) if instruction.slots else None
            if load is None:
                yield instruction
                continue
            for _ in range(load.count - 1):
                next(rest)
            yield load

    def _rows(self, run: Run) -> Iterator[Instruction]:
        qubit, slot, bit = 0, run.first_slot, 0
        qubits, bits = run.qubits.tolist(), run.bits.tolist()
        widths = [(kind, kind.num_qubits, kind.num_angles, int(kind.name == "measure")) for kind in self.kinds]
        for code, span in zip(run.kind.tolist(), run.span.tolist(), strict=True):
            kind, num_qubits, num_angles, num_bits = widths[code]
            yield Instruction(
                kind,
                tuple(qubits[qubit : qubit + num_qubits]),
                tuple(range(slot, slot + num_angles)),
                tuple(bits[bit : bit + num_bits]),
                self.spans[span] if span >= 0 else None,
            )
            qubit, slot, bit = qubit + num_qubits, slot + num_angles, bit + num_bits
