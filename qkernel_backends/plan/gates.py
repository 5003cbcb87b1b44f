"""The gates of a circuit as columns for planning, with what each kind of them does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qkernel.lower.circuit import Circuit, Instruction, Kind, Run
from qkernel.lower.preparation import Load
from qkernel_backends.plan import columns as at
from qkernel_backends.plan.operations import AngleColumns
from qkernel_backends.plan.tables import Tables
from qkernel_backends.plan.translate import KindRows, rows_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Gates:
    """Gates in time order: the number of each one's kind, and where its qubits and its slots begin.

    `qubits` are as in a `Run`. `kinds` also has what loads a state, which stands for a stretch of gates.
    """

    code: Array
    first_qubit: Array
    first_slot: Array
    qubits: Array
    kinds: tuple[Kind | Load, ...]
    rows: tuple[KindRows, ...]

    def into(self, tables: Tables) -> None:
        """Have planning find them."""
        for number, column in (
            (at.CODE, self.code), (at.FIRST_QUBIT, self.first_qubit), (at.FIRST_SLOT, self.first_slot),
            (at.QUBITS, self.qubits),
            (at.ROLE, [rows.role for rows in self.rows]),
            (at.WIDTH, [len(rows.acts) for rows in self.rows]),
            (at.RENAMES, [rows.renames for rows in self.rows]),
            (at.ACTS_AT, np.cumsum([0, *(len(rows.acts) for rows in self.rows)])),
            (at.ACTS, [acts for rows in self.rows for acts in rows.acts]),
            (at.ROW_AT, np.cumsum([0, *(len(rows.rows) for rows in self.rows)])),
        ):  # fmt: skip
            tables.give(number, column)
        whole = (at.ROW_KIND, at.ROW_X, at.ROW_Z, at.ROW_CONTROLS, at.ROW_VALUE, at.ROW_SLOT)
        columns = list(zip(*(row for rows in self.rows for row in rows.rows), strict=True)) or [()] * 8
        for number, entries in zip(whole, columns[:6], strict=True):
            tables.give(number, np.array(entries, np.int64))
        tables.give_real(at.ROW_FACTOR, columns[6])
        tables.give_real(at.ROW_OFFSET, columns[7])
        tables.sizes[at.INSTRUCTIONS] = len(self.code)

    def largest(self, kept: Array, angles: AngleColumns) -> tuple[int, int]:
        """How many rows the gates that are kept have at most, and how many terms their angles."""
        code = self.code[kept]
        counts = np.array([_num_rows(rows) for rows in self.rows], int)
        slots = np.array([_num_slots(kind) for kind in self.kinds], int)
        first = self.first_slot[kept]
        terms = angles.at[np.minimum(first + slots[code], len(angles))] - angles.at[np.minimum(first, len(angles))]
        repeats = np.array([_repeats(rows) for rows in self.rows], int)
        return int(counts[code].sum()), int((repeats[code] * terms).sum())

    def part(self, number: int, placed: Array) -> tuple[tuple[int, ...], Array | None]:
        """The targets of a gate that is a matrix, with that; those of what loads a state. All qubits are `placed`."""
        kind, first = self.kinds[self.code[number]], self.first_qubit[number]
        last = first + len(self.rows[self.code[number]].acts)
        if isinstance(kind, Load):
            return tuple(placed[first:last].tolist()), None
        return tuple(placed[first + kind.controls : last].tolist()), np.array(kind.unitary, complex)


def _num_slots(kind: Kind | Load) -> int:
    return len(kind.slots) if isinstance(kind, Load) else kind.num_angles


def _num_rows(rows: KindRows) -> int:
    return sum(row[2] if row[0] == at.LOAD else 1 for row in rows.rows)


def _repeats(rows: KindRows) -> int:
    """In how many rows a slot is found at most."""
    return max(Counter(row[5] for row in rows.rows if row[5] >= 0).values(), default=0)


def gates_of(circuit: Circuit, instructions: Iterable[Instruction] | None) -> Gates:
    """The gates of a straight circuit, or of some of its instructions; barriers and what only measures are passed over."""
    kinds = circuit.kinds
    widths, slots = np.array([kind.num_qubits for kind in kinds], int), np.array([kind.num_angles for kind in kinds], int)
    if instructions is None:
        runs = [part for part in circuit.body if isinstance(part, Run)]
        assert len(runs) == len(circuit.body), "a plan is made of a straight circuit"
        code = np.concatenate([np.zeros(0, int), *(run.kind for run in runs)])
        qubits = np.concatenate([np.zeros(0, int), *(run.qubits for run in runs)])
        first_slot = np.concatenate([np.zeros(0, int), *(run.first_slot + _firsts(slots[run.kind]) for run in runs)])
    else:
        numbers, chosen = {id(kind): k for k, kind in enumerate(kinds)}, list(instructions)
        code = np.array([numbers[id(instruction.kind)] for instruction in chosen], int)
        qubits = np.array([qubit for instruction in chosen for qubit in instruction.qubits], int)
        first_slot = np.array([instruction.slots[0] if instruction.slots else 0 for instruction in chosen], int)
    acting = np.array([kind.is_gate for kind in kinds], bool)
    first_qubit, kept = _firsts(widths[code]), acting[code]
    if not kept.all():
        code, first_qubit, first_slot = code[kept], first_qubit[kept], first_slot[kept]
    nothing = KindRows(at.DIAGONAL, False, (), ())
    rows = tuple(rows_of(kind) if acts else nothing for kind, acts in zip(kinds, acting.tolist(), strict=True))
    gates = Gates(code, first_qubit, first_slot, qubits, kinds, rows)
    return _with_loads(gates, circuit.loads, slots[code] > 0) if circuit.loads else gates


def _firsts(counts: Array) -> Array:
    return np.cumsum(counts) - counts


def _with_loads(gates: Gates, loads: tuple[Load, ...], has_slots: Array) -> Gates:
    """The same with each stretch that loads a state as one gate."""
    begin = {slot: k for k, slot in enumerate(gates.first_slot.tolist()) if has_slots[k]}
    code, first_qubit, first_slot = gates.code.copy(), gates.first_qubit.copy(), gates.first_slot.copy()
    kept, qubits, kinds, rows = np.ones(len(code), bool), [gates.qubits], [*gates.kinds], [*gates.rows]
    count = len(gates.qubits)
    for load in loads:
        if (k := begin.get(load.first_slot)) is None:
            continue
        kept[k + 1 : k + load.count] = False
        code[k], first_qubit[k], first_slot[k] = len(kinds), count, load.amplitudes
        kinds.append(load)
        width = len(load.qubits)
        rows.append(
            KindRows(at.OTHER, False, (True,) * width, ((at.LOAD, (1 << width) - 1, len(load.slots), 0, 0, 0, 1.0, 0.0),))
        )
        qubits.append(np.array(load.qubits, int))
        count += width
    return replace(
        gates, code=code[kept], first_qubit=first_qubit[kept], first_slot=first_slot[kept],
        qubits=np.concatenate(qubits), kinds=tuple(kinds), rows=tuple(rows),
    )  # fmt: skip
