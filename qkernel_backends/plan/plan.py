"""`Circuit -> Plan`: the one compiler of the native and the torch engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from qkernel.errors import ObservableError
from qkernel.lower.circuit import Circuit, Instruction
from qkernel.observable import Hamiltonian
from qkernel_backends.plan import columns as at
from qkernel_backends.plan.chains import MOST_COMPARED
from qkernel_backends.plan.gates import Gates, gates_of
from qkernel_backends.plan.machine import FINISH, FUSE, KEEP_WHAT_IS_SEEN, PLACE_QUBITS
from qkernel_backends.plan.operations import Affine, AngleColumns, Operation, OperationColumns, Product, Rotation
from qkernel_backends.plan.tables import Array, Planner, Tables
from qkernel_backends.plan.translate import WIDEST, angle_rows

_GROWTH = 8
"""Operations, entries and angles of a plan in the making are at most so many for each row of a gate."""


@dataclass(frozen=True, slots=True)
class Readout:
    """Expectation value k is `constants[k]` plus the sum of coefficient times Pauli product `words[t]` over `sums[k]`.

    A word is (x, z), X on the mask x, Z on the mask z, Y where both. `sums[k]` lists (t, coefficient).
    """

    words: tuple[tuple[int, int], ...]
    sums: tuple[tuple[tuple[int, float], ...], ...]
    constants: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """What an engine runs: a start, operations in time order, and what is read out.

    The first `started` of `rows` are the start; the last of `angles` is the global phase. `place[q]` is the qubit of the plan
    that holds qubit q of the circuit, -1 where nothing depends on it. `batched` are the columns that differ from sample to
    sample, `num_columns` counts those of theta and one for each computed slot. Angles are added up as they come while no
    column is larger than `largest_column`.
    """

    num_qubits: int
    rows: OperationColumns
    started: int
    angles: AngleColumns
    readout: Readout
    place: tuple[int, ...]
    batched: frozenset[int]
    num_columns: int
    largest_column: float

    @property
    def global_phase(self) -> Affine:
        """By which it turns."""
        return self.angles.one(len(self.angles) - 1)

    @cached_property
    def _all(self) -> list[Operation]:
        return self.rows.each(self.angles)

    @cached_property
    def start(self) -> Product:
        """For readers that go one by one."""
        return Product(tuple(rotation for rotation in self._all[: self.started] if isinstance(rotation, Rotation)))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """For readers that go one by one."""
        return tuple(self._all[self.started :])


def compile_plan(
    circuit: Circuit,
    batched: Iterable[int],
    expectations: bool,
    instructions: Iterable[Instruction] | None = None,
    from_zero: bool = True,
    angles: AngleColumns | None = None,
    planner: Planner | None = None,
) -> Plan:
    """The plan of a straight circuit, for its expectation values or for its final state.

    With `expectations`, what they cannot see is left out. `instructions` (default: all) restricts the plan to part of
    the circuit, `from_zero=False` starts it from any state. `angles` are the `angle_rows` of the circuit, for those who make
    several plans of it; without machine code as a `planner` it is made in Python.
    """
    columns, slots, count = frozenset(batched), angle_rows(circuit.angles) if angles is None else angles, circuit.num_qubits
    gates, tables = gates_of(circuit, instructions), Tables(planner)
    gates.into(tables)
    tables.give(at.PLACE, np.arange(count))
    if any(rows.renames for rows in gates.rows):
        tables.run(PLACE_QUBITS)
    place, readout, alive = tables.found(at.PLACE, count), Readout((), (), ()), np.ones(count, bool)
    tables.give(at.KEPT, np.ones(len(gates.code), int))
    if expectations:
        readout = pauli_words([part.observable for part in circuit.expectations], place.tolist(), count)
        alive = _seen(tables, readout, count)
    renamed = np.where(alive, np.cumsum(alive) - 1, -1)
    num_qubits = int(alive.sum())
    if num_qubits < count:
        names = {old: new for old, new in enumerate(renamed.tolist()) if new >= 0}
        readout = replace(readout, words=tuple((_mask(x, names), _mask(z, names)) for x, z in readout.words))
    kept = tables.found(at.KEPT, len(gates.code)) != 0
    if num_qubits > WIDEST:  # no machine can hold it, as who wants to run it will say
        kept[:] = False
        tables.give(at.KEPT, kept)
    tables.give(at.BIT, np.where(alive, 1 << np.minimum(renamed, WIDEST) if num_qubits <= WIDEST else 0, 0))
    abridged = slots.abridged(MOST_COMPARED)
    _fuse(tables, abridged, slots.varies(columns), gates.largest(kept, abridged), num_qubits, from_zero)
    readout = _finish(tables, readout, expectations)
    fused = _angles(tables, slots)
    rows = _operations(tables, gates, renamed)
    return Plan(
        num_qubits, rows, int(tables.sizes[at.STARTED]), fused, readout, tuple(renamed[place].tolist()), columns,
        circuit.angles.num_columns + len(circuit.angles.computed), circuit.angles.largest_column,
    )  # fmt: skip


def _seen(tables: Tables, readout: Readout, count: int) -> Array:
    """Which qubits matter to what is read out; what does not is not kept."""
    moved = read = 0
    for x, z in readout.words:
        moved, read = moved | x, read | x | z
    tables.give(at.TURNED, [moved >> qubit & 1 for qubit in range(count)])
    tables.give(at.ALIVE, [read >> qubit & 1 for qubit in range(count)])
    tables.run(KEEP_WHAT_IS_SEEN)
    alive: Array = tables.found(at.ALIVE, count) != 0
    return alive


def _fuse(
    tables: Tables, slots: AngleColumns, varies: Array, largest: tuple[int, int], num_qubits: int, from_zero: bool
) -> None:
    num_rows, num_terms = largest
    tables.give(at.SLOT_AT, slots.at)
    tables.give(at.SLOT_COLUMN, slots.columns)
    tables.give(at.SLOT_VARIES, varies)
    tables.give_real(at.SLOT_OFFSET, slots.offsets)
    tables.give_real(at.SLOT_COEFFICIENT, slots.coefficients)
    tables.make(at.TOUCHES, num_qubits)
    for number in range(at.OP_KIND, at.ANGLE_VARIES + 1):
        tables.make(number, _GROWTH * num_rows + num_qubits + 4)
    tables.make_real(at.ANGLE_OFFSET, _GROWTH * num_rows + num_qubits + 4)
    for number in (at.TERM_COLUMN, at.TERM_NEXT):
        tables.make(number, num_terms)
    tables.make_real(at.TERM_COEFFICIENT, num_terms)
    sizes = tables.sizes
    sizes[at.NUM_QUBITS], sizes[at.FROM_ZERO], sizes[at.FOUND_SIZE] = (
        num_qubits,
        int(from_zero),
        1 << (4 * num_rows + 4).bit_length(),
    )
    tables.make(at.FOUND, int(sizes[at.FOUND_SIZE]))
    tables.run(FUSE)


def _finish(tables: Tables, readout: Readout, expectations: bool) -> Readout:
    """Write the operations, and read what is left of the words."""
    sizes, words = tables.sizes, readout.words
    is_small = all(x | z < 1 << WIDEST for x, z in words)
    sizes[at.EXPECTS], sizes[at.WORDS] = int(expectations and is_small), len(words)
    for number, column in ((at.WORD_X, [x for x, _ in words]), (at.WORD_Z, [z for _, z in words])):
        tables.give(number, np.array(column if is_small else [], np.int64))
    tables.give(at.WORD_SIGN, np.ones(len(words), np.int64))
    for number in (at.OUT_KIND, at.OUT_X, at.OUT_Z, at.OUT_CONTROLS, at.OUT_VALUE, at.OUT_ORIGIN, at.OUT_AT):
        tables.make(number, int(sizes[at.OPS]) + 1)
    for number in (at.OUT_WHAT, at.OUT_ANGLE, at.OUT_TERM_AT):
        tables.make(number, int(sizes[at.ENTRIES]) + 2)
    tables.make(at.OUT_COLUMN, int(sizes[at.TERMS]))
    tables.make_real(at.OUT_OFFSET, int(sizes[at.ENTRIES]) + 2)
    tables.make_real(at.OUT_COEFFICIENT, int(sizes[at.TERMS]))
    tables.run(FINISH)
    if not sizes[at.EXPECTS]:
        return readout
    xs, zs, signs = (tables.found(number, len(words)).tolist() for number in (at.WORD_X, at.WORD_Z, at.WORD_SIGN))
    sums = readout.sums
    if -1 in signs:
        sums = tuple(tuple((t, coefficient * signs[t]) for t, coefficient in entries) for entries in sums)
    return replace(readout, words=tuple(zip(xs, zs, strict=True)), sums=sums)


def _angles(tables: Tables, slots: AngleColumns) -> AngleColumns:
    """The angles of what was written, their terms in order and none of them twice."""
    count, num_terms = int(tables.sizes[at.OUT_ANGLES]), int(tables.sizes[at.OUT_TERMS])
    first, columns = tables.found(at.OUT_TERM_AT, count + 1), tables.found(at.OUT_COLUMN, num_terms)
    offsets, coefficients = tables.found_real(at.OUT_OFFSET, count), tables.found_real(at.OUT_COEFFICIENT, num_terms)
    if columns.max(initial=-1) >= slots.width:
        first, columns, coefficients = slots.written_out(first, columns, coefficients)
        num_terms = len(columns)
    counts = np.diff(first)
    if counts.max(initial=0) < 2:
        return AngleColumns(offsets, first, columns, coefficients)
    width = int(columns.max()) + 1
    places = np.repeat(np.arange(count) * width, counts) + columns
    if (places[1:] > places[:-1]).all():
        return AngleColumns(offsets, first, columns, coefficients)
    if count * width <= num_terms:  # many terms stand there more than once
        distinct = np.flatnonzero(np.bincount(places, minlength=count * width))
        sums = np.bincount(places, coefficients)[distinct]
    else:
        order = np.argsort(places, kind="stable")
        places, coefficients = places[order], coefficients[order]
        begins = np.flatnonzero(np.diff(places, prepend=-1))
        distinct, sums = places[begins], np.add.reduceat(coefficients, begins)
    if len(distinct) < num_terms:
        distinct, sums = distinct[sums != 0], sums[sums != 0]
        first = np.concatenate([[0], np.cumsum(np.bincount(distinct // width, minlength=count))])
    return AngleColumns(offsets, first, distinct % width, sums)


def _operations(tables: Tables, gates: Gates, renamed: Array) -> OperationColumns:
    count, num_entries = int(tables.sizes[at.OUT_OPS]), int(tables.sizes[at.OUT_ENTRIES])
    kind, x, z, controls, value, origin = (
        tables.found(number, count)
        for number in (at.OUT_KIND, at.OUT_X, at.OUT_Z, at.OUT_CONTROLS, at.OUT_VALUE, at.OUT_ORIGIN)
    )
    made = np.flatnonzero((kind == at.DENSE) | (kind == at.LOAD))
    placed = renamed[tables.found(at.QUBITS, len(gates.qubits))]
    parts = tuple(gates.part(number, placed) for number in origin[made].tolist())
    origin[made] = np.arange(len(made))
    return OperationColumns(
        kind, x, z, controls, value, origin, tables.found(at.OUT_AT, count + 1), tables.found(at.OUT_WHAT, num_entries),
        tables.found(at.OUT_ANGLE, num_entries), parts,
    )  # fmt: skip


def pauli_words(observables: list[Hamiltonian], place: list[int], num_qubits: int) -> Readout:
    """What is read out of a state that has qubit q at `place[q]`."""
    words: dict[tuple[int, int], int] = {}
    sums, constants = [], []
    for observable in observables:
        entries = []
        for operators, coefficient in observable.terms.items():
            x = z = 0
            for operator in operators:
                if operator.index >= num_qubits:
                    raise ObservableError(f"the observable acts on qubit {operator.index} of {num_qubits}")
                bit = 1 << place[operator.index]
                x |= bit if operator.pauli.value in "XY" else 0
                z |= bit if operator.pauli.value in "ZY" else 0
            entries.append((words.setdefault((x, z), len(words)), _real(coefficient)))
        sums.append(tuple(entries))
        constants.append(_real(observable.constant))
    return Readout(tuple(words), tuple(sums), tuple(constants))


def _real(coefficient: complex) -> float:
    if np.imag(coefficient):
        raise ObservableError(
            f"an observable with the complex coefficient {coefficient} is not Hermitian, so it has no real expectation value",
            help="give its Hermitian and its anti-Hermitian part separately",
        )
    return float(np.real(coefficient))


def _mask(mask: int, renamed: dict[int, int]) -> int:
    return sum(1 << new for old, new in renamed.items() if mask >> old & 1)
