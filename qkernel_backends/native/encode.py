"""A plan as the arrays that the machine reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel_backends.native import layout
from qkernel_backends.native.grouping import Step, about, steps
from qkernel_backends.native.passes import Pass, whole
from qkernel_backends.plan import Plan
from qkernel_backends.plan.operations import Affine, Dense, Flip, Load, PauliRotation, Rotation, Z

Array = np.ndarray[Any, Any]

_MOST_CROSSING = 6
"""Parities that cross the border of a block in one operation, at 2**this many phases for each block."""


@dataclass(frozen=True)
class Program:
    """`code` and `numbers` for the machine, and how a workspace of `work_size` numbers begins.

    `passes` lists (place in `code`, number of blocks, number of word groups), `steps` what each does; there is more than
    one block where the state has an array of its own. `num_weights` counts the columns that all samples share, `cost`
    estimates the nanoseconds of a forward run of 2**`lane_bits` samples.
    """

    num_qubits: int
    lane_bits: int
    num_weights: int
    code: Array
    numbers: Array
    work_size: int
    signs: Array
    lane_masks: Array
    dtype: np.dtype[Any]
    cost: float
    passes: tuple[tuple[int, int, int], ...]
    steps: tuple[tuple[Step, ...], ...]

    @property
    def is_blocked(self) -> bool:
        return self.passes[0][1] > 1

    @property
    def num_turning(self) -> int:
        """The number of the last pass with operations (0 if there is none), where a gradient turns back."""
        ops = [
            k for k, (at, _, _) in enumerate(self.passes) if self.code[at + layout.FIRST_OP] < self.code[at + layout.LAST_OP]
        ]
        return max(ops, default=0)

    @property
    def bytes(self) -> int:
        return int(self.work_size * self.dtype.itemsize) + (2 * self.state_bytes if self.is_blocked else 0)

    @property
    def state_bytes(self) -> int:
        """Of the states of one chunk of samples."""
        return int(2 * self.dtype.itemsize << (self.num_qubits + self.lane_bits))


class _Encoder:
    def __init__(self, plan: Plan, lane_bits: int, dtype: np.dtype[Any], position: dict[int, int], passes: list[Pass]) -> None:
        self.plan, self.lane_bits, self.dtype, self.position, self.passes = plan, lane_bits, dtype, position, passes
        self.lanes = 64 // dtype.itemsize
        self.size = 1 << len(passes[0].bits)
        self.code: list[int] = [0] * layout.HEADER
        self.numbers: list[float] = []
        self.work = 0
        self.rows: dict[Affine, int] = {}
        self.groups: list[tuple[int, int, int, int]] = []
        self.factors: list[int] = []
        self.phase_terms: list[int] = []
        self.lane_masks = {(0.0,) * self.lanes: 0}
        self.moves: dict[tuple[tuple[int, int, int], ...], tuple[int, int]] = {}
        self.selections: dict[tuple[int, int, tuple[int, ...]], tuple[int, int, int, int, int]] = {}
        self.opposites: dict[int, int] = {}
        self.most_crossing = 0

    def reserve(self, section: int, size: int) -> int:
        """Room in the workspace, in whole vectors."""
        at = self.work
        if section >= 0:
            self.code[section] = at
        self.work += -(-size // self.lanes) * self.lanes
        return at

    def pitch(self, size: int) -> int:
        """See `vectors.pitch_of`."""
        return size + layout.GAP * self.lanes

    def put(self, section: int, values: list[int]) -> int:
        at = len(self.code)
        if section >= 0:
            self.code[section] = at
        self.code += values
        return at

    def put_numbers(self, section: int, values: list[float]) -> None:
        self.code[section] = len(self.numbers)
        self.numbers += values

    def row(self, angle: Affine) -> int:
        return self.rows.setdefault(angle, len(self.rows))

    def lane_mask(self, mask: Array) -> int:
        """The number of a vector of zeros and ones; 0 is that of zeros."""
        return self.lane_masks.setdefault(tuple(float(lane) for lane in mask), len(self.lane_masks))

    def stage(self, angle: Affine) -> int:
        if not angle.terms:
            return layout.CONSTANT
        if not self.plan.batched:
            return layout.SHARED
        return layout.BATCHED if any(column in self.plan.batched for column, _ in angle.terms) else layout.SHARED

    def group(self, factors: tuple[tuple[int, Affine], ...], mask: int = 0) -> int:
        first = len(self.factors) // 2
        for axis, angle in factors:
            self.factors += [axis, self.row(angle)]
        stage = max([self.stage(angle) for _, angle in factors], default=layout.CONSTANT)
        self.groups.append((first, len(self.factors) // 2, stage, mask or -1))
        return len(self.groups) - 1

    def controls(self, controls: int, value: int, block: Pass) -> tuple[int, int, int, int, int]:
        """Controls above the bits of a vector and their value, the lane mask of those inside (0: none), those outside."""
        if not controls:
            return 0, 0, 0, 0, 0
        key = controls, value, block.bits
        if key not in self.selections:
            controls, value = controls << self.lane_bits, value << self.lane_bits
            outer, outer_value = block.outside(controls), block.outside(value)
            controls, value = block.inside(controls), block.inside(value)
            low = controls & (self.lanes - 1)
            mask = self.lane_mask((np.arange(self.lanes) & low) == (value & low)) if low else 0
            self.selections[key] = controls - low, value - (value & low), mask, outer, outer_value
        return self.selections[key]

    def other_lanes(self, mask: int) -> int:
        """The number of the vector with zeros and ones exchanged."""
        if mask not in self.opposites:
            self.opposites[mask] = self.lane_mask(1 - np.array(list(self.lane_masks)[mask]))
        return self.opposites[mask]

    def step(self, step: Step, block: Pass) -> list[list[int]]:
        """A step for the machine; a diagonal may take several entries."""
        match step.kind:
            case layout.LOW_ROTATIONS:
                return [self.low_rotations(step.operations, block)]
            case layout.PAIR:
                return [self.pair(step.operations, block)]
            case layout.LOW_FLIPS:
                return [self.low_flips(step.operations, block)]
            case layout.MOVE:
                return [self.move(step.operations, block)]
        (operation,) = step.operations
        return self.phases(operation.terms, block) if step.kind == layout.PHASES else [self.operation(operation, block)]

    def low_rotations(self, rotations: tuple[Rotation, ...], block: Pass) -> list[int]:
        groups = [self.group(())] * 4
        for rotation in rotations:
            groups[block.place[rotation.qubit + self.lane_bits]] = self.group(rotation.factors)
        entry = [0] * layout.OP_WIDTH
        entry[layout.KIND], entry[layout.EXTRA] = layout.LOW_ROTATIONS, self.put(-1, groups)
        return entry

    def pair(self, rotations: tuple[Rotation, ...], block: Pass) -> list[int]:
        entry = [0] * layout.OP_WIDTH
        bits = [block.place[rotation.qubit + self.lane_bits] for rotation in rotations]
        entry[layout.KIND], entry[layout.BIT], entry[layout.LOW] = layout.PAIR, *bits
        entry[layout.GROUP], entry[layout.EXTRA] = (self.group(rotation.factors) for rotation in rotations)
        return entry

    def low_flips(self, flips: tuple[Flip, ...], block: Pass) -> list[int]:
        stay = [self.other_lanes(0)] * 4
        for flip in flips:
            entry = self.operation(flip, block)
            stay[entry[layout.BIT]] = entry[layout.LOW]
        entry = [0] * layout.OP_WIDTH
        entry[layout.KIND], entry[layout.EXTRA] = layout.LOW_FLIPS, self.put(-1, stay)
        return entry

    def move(self, flips: tuple[Flip, ...], block: Pass) -> list[int]:
        entries = [self.operation(flip, block) for flip in flips]
        key = tuple((entry[layout.BIT], entry[layout.CONTROLS], entry[layout.VALUE]) for entry in entries)
        if key not in self.moves:
            rows = goals = np.arange(0, self.size, self.lanes)
            for bit, controls, value in key:
                goals = np.where(goals & controls == value, goals ^ 1 << bit, goals)
            at = self.put(-1, cycles(dict(zip(rows.tolist(), goals.tolist(), strict=True))))
            self.moves[key] = at, len(self.code)
        entry = [0] * layout.OP_WIDTH
        entry[layout.KIND] = layout.MOVE
        entry[layout.AT], entry[layout.EXTRA] = self.moves[key]
        return entry

    def load(self, load: Load, block: Pass) -> list[int]:
        """Where each amplitude goes, and the row that has it."""
        entry = [0] * layout.OP_WIDTH
        places = [1 << block.place[qubit + self.lane_bits] for qubit in load.qubits]
        offsets = [sum(place for k, place in enumerate(places) if j >> k & 1) for j in range(1 << len(places))]
        entry[layout.KIND], entry[layout.BIT], entry[layout.CONTROLS] = layout.LOAD, len(offsets), sum(places)
        entry[layout.VALUE] = load.is_complex
        entry[layout.AT], entry[layout.EXTRA] = self.put(-1, offsets), self.put(-1, [*map(self.row, load.amplitudes)])
        return entry

    def operation(self, operation: Any, block: Pass) -> list[int]:
        up = self.lane_bits
        entry = [0] * layout.OP_WIDTH
        if isinstance(operation, Load):
            return self.load(operation, block)
        if isinstance(operation, Dense):
            bits = [block.place[qubit + up] for qubit in operation.qubits]
            entry[layout.KIND], entry[layout.BIT], entry[layout.AT] = layout.DENSE, len(bits), len(self.numbers)
            entry[layout.CONTROLS] = block.inside(operation.controls << up)
            entry[layout.VALUE], entry[layout.EXTRA] = block.inside(operation.value << up), self.put(-1, bits)
            self.numbers += np.stack([operation.matrix.real, operation.matrix.imag], -1).ravel().tolist()
            return entry
        high, held, mask, outer, outer_value = self.controls(operation.controls, operation.value, block)
        entry[layout.CONTROLS], entry[layout.VALUE] = high, held
        entry[layout.OTHER] = ((high & -high) or self.size).bit_length() - 1
        entry[layout.OUTER_CONTROLS], entry[layout.OUTER_VALUE] = outer, outer_value
        match operation:
            case Rotation(qubit, factors):
                entry[layout.KIND], entry[layout.BIT] = layout.ROTATION, block.place[qubit + up]
                entry[layout.REAL] = about(operation)
                entry[layout.GROUP] = self.group(factors, mask)
            case Flip(qubit):
                entry[layout.KIND], entry[layout.BIT], entry[layout.LOW] = layout.FLIP, block.place[qubit + up], mask
                if mask:
                    entry[layout.LOW] = self.other_lanes(mask)
            case PauliRotation(x, z, half):
                entry[layout.KIND], entry[layout.BIT] = layout.PAULI, block.inside(x << up)
                entry[layout.EXTRA], entry[layout.AT] = block.inside(z << up), (x & z).bit_count() % 4
                entry[layout.GROUP] = self.group(((Z, half),), mask)
        return entry

    def phases(self, terms: dict[int, Affine], block: Pass) -> list[list[int]]:
        """Terms inside a block in a table; those outside as one phase for a block; those that cross by their parity inside."""
        masks = [mask << self.lane_bits for mask in terms]
        inside = [mask for mask in masks if not block.outside(mask)]
        outside = [mask for mask in masks if not block.inside(mask)]
        crossing: dict[int, list[int]] = {}
        for mask in masks:
            if block.inside(mask) and block.outside(mask):
                crossing.setdefault(block.inside(mask), []).append(mask)
        groups, entries = list(crossing.items()), []
        for first in range(0, max(len(groups), 1), _MOST_CROSSING):
            chosen = groups[first : first + _MOST_CROSSING]
            entries.append(self.diagonal(terms, inside, outside, chosen, block))
            inside = outside = []
        return entries

    def diagonal(
        self,
        terms: dict[int, Affine],
        inside: list[int],
        outside: list[int],
        crossing: list[tuple[int, list[int]]],
        block: Pass,
    ) -> list[int]:
        def put_terms(masks: list[int]) -> int:
            for mask in masks:
                self.phase_terms += [block.inside(mask), self.row(terms[mask >> self.lane_bits]), block.outside(mask)]
            return len(self.phase_terms) // 3

        stage = max((self.stage(terms[mask >> self.lane_bits]) for mask in inside), default=layout.CONSTANT)
        spread = stage != layout.BATCHED and 1 << self.lane_bits == self.lanes
        size = max(self.lanes, self.size >> self.lane_bits) if spread else self.size
        entry = [0] * layout.OP_WIDTH
        entry[layout.KIND], entry[layout.BIT], entry[layout.LOW], entry[layout.STAGE] = layout.PHASES, size, int(spread), stage
        entry[layout.CONTROLS], entry[layout.VALUE], entry[layout.EXTRA] = put_terms([]), put_terms(inside), put_terms(outside)
        entry[layout.AT], entry[layout.GROUP] = self.reserve(-1, 2 * self.pitch(size)), self.reserve(-1, self.size)
        if crossing or outside:
            about, rows = [len(crossing)], np.arange(0, self.size, self.lanes)
            pattern = np.zeros(len(rows), int)
            for k, (mask, masks) in enumerate(crossing):
                about += [mask & (self.lanes - 1), put_terms([]), put_terms(masks)]
                pattern |= (np.bitwise_count(rows & mask).astype(int) & 1) << k
            entry[layout.CROSSING] = self.put(-1, about + pattern.tolist())
            self.most_crossing = max(self.most_crossing, len(crossing))
        return entry

    def words(self) -> list[tuple[int, int]]:
        """The words in the order of the passes that read them; gives each pass's groups of one X part."""
        readout, up = self.plan.readout, self.lane_bits
        words: list[int] = []
        groups: list[list[int]] = []
        place: dict[int, int] = {}
        ranges = []
        for block in self.passes:
            begin = len(groups)
            for t in sorted(block.words, key=lambda t: readout.words[t][0]):
                x, z = readout.words[t]
                inside = block.inside(z << up)
                place[t] = len(place)
                words += [inside, (x & z).bit_count() % 4, block.outside(z << up)]
                if len(groups) == begin or groups[-1][0] != block.inside(x << up):
                    groups.append([block.inside(x << up), place[t], place[t], 1, 0])
                group, low = groups[-1], inside & (self.lanes - 1)
                group[2] = place[t] + 1
                group[3] &= int(not x and (inside == low or ((inside & (inside - 1)) == 0)))
                group[4] |= (x & z).bit_count() & 1
            ranges.append((begin, len(groups)))
        sums: list[int] = []
        sum_words: list[int] = []
        coefficients: list[float] = []
        for entries in readout.sums:
            sums += [len(sum_words), len(sum_words) + len(entries)]
            sum_words += [place[t] for t, _ in entries]
            coefficients += [coefficient for _, coefficient in entries]
        self.put(layout.WORDS_AT, words)
        self.put(layout.WORD_GROUPS_AT, [entry for group in groups for entry in group])
        self.put(layout.SUMS_AT, sums)
        self.put(layout.SUM_TERMS_AT, sum_words)
        self.put_numbers(layout.SUM_NUMBERS_AT, [*readout.constants, *coefficients])
        self.code[layout.NUM_WORDS], self.code[layout.NUM_WORD_GROUPS] = len(place), len(groups)
        self.code[layout.NUM_VALUES] = len(readout.sums)
        self.reserve(layout.WORD_VALUES_AT, self.lanes * len(place))
        self.reserve(layout.WORD_WEIGHTS_AT, self.lanes * len(place))
        self.reserve(layout.FOLDED_AT, self.lanes * len(self.passes[0].bits))
        if any(x for x, _ in readout.words):
            self.reserve(layout.SCRATCH_AT, 2 * self.pitch(self.size))
        return ranges

    def start(self) -> None:
        """The group of each qubit, for the bits inside of the first pass's blocks and for those outside."""
        idle = self.group(())
        started = {rotation.qubit: self.group(rotation.factors) for rotation in self.plan.start.rotations}
        first, up = self.passes[0], self.lane_bits
        outer = [bit for bit in range(self.plan.num_qubits + up) if bit not in first.bits]
        self.put(layout.START_AT, [started.get(bit - up, idle) for bit in first.bits if bit >= up])
        self.put(layout.OUTER_AT, outer)
        self.put(layout.OUTER_START_AT, [started.get(bit - up, idle) for bit in outer])
        self.code[layout.NUM_OUTER] = len(outer)
        if outer:
            self.reserve(layout.TEMPLATE_AT, 2 * self.pitch(self.size))
            self.reserve(layout.OVERLAPS_AT, 4 * self.pitch(self.lanes << len(outer)))

    def pass_entries(self, ranges: list[tuple[int, int]], counts: list[int]) -> list[tuple[int, int, int]]:
        entries, operation = [], 0
        for block, (first_group, last_group), count in zip(self.passes, ranges, counts, strict=True):
            run = 0
            while run < len(block.bits) and block.bits[run] == run:
                run += 1
            outer = [bit for bit in range(self.plan.num_qubits + self.lane_bits) if bit not in block.bits]
            lists = self.put(-1, [*block.bits[run:], *outer])
            last = operation + count
            at = self.put(-1, [run, len(block.bits) - run, lists, len(outer), operation, last, first_group, last_group])
            assert len(self.code) - at == layout.PASS_WIDTH
            entries.append((at, 1 << len(outer), last_group - first_group))
            operation = last
        return entries

    def run(self, from_zero: bool, costate: bool) -> Program:
        plan, code = self.plan, self.code
        self.reserve(layout.STATE_AT, (4 if costate else 2) * self.pitch(self.size))
        plan_steps = [steps(block, self.lane_bits, self.lanes.bit_length() - 1) for block in self.passes]
        operations = [
            [entry for step in found for entry in self.step(step, block)]
            for found, block in zip(plan_steps, self.passes, strict=True)
        ]
        self.start()
        self.put(layout.OPS_AT, [number for entries in operations for entry in entries for number in entry])
        self.put(layout.FACTORS_AT, self.factors)
        self.put(layout.GROUPS_AT, [entry for group in self.groups for entry in group])
        self.put(layout.PHASE_TERMS_AT, self.phase_terms)
        passes = self.pass_entries(self.words(), [len(entries) for entries in operations])
        self.put_rows()
        widest = max((len(op.qubits) for op in plan.operations if isinstance(op, Dense)), default=0)
        for section, size in (
            (layout.SIGNS_AT, self.lanes * self.lanes),
            (layout.INPUTS_AT, self.lanes * len(plan.batched)),
            (layout.ROW_VALUES_AT, self.lanes * len(self.rows)),
            (layout.TURNS_AT, 2 * self.lanes * len(self.rows)),
            (layout.ROW_GRADIENTS_AT, self.lanes * len(self.rows)),
            (layout.COEFFICIENTS_AT, 4 * self.lanes * len(self.groups)),
            (layout.MOMENTS_AT, 3 * self.lanes * len(self.groups)),
            (layout.DENSE_AT, 2 * self.lanes << widest if widest else 0),
            (layout.LANE_MASKS_AT, self.lanes * len(self.lane_masks)),
            (layout.PHASE_AT, 3 * self.lanes),
            (layout.CROSSING_AT, 3 * self.lanes << self.most_crossing),
        ):
            self.reserve(section, size)
        code[layout.QUBITS], code[layout.LANE_BITS] = len(self.passes[0].bits) - self.lane_bits, self.lane_bits
        code[layout.SIZE], code[layout.NUM_INPUTS], code[layout.NUM_OPS] = (
            self.size,
            len(plan.batched),
            sum(map(len, operations)),
        )
        code[layout.NUM_ROWS], code[layout.NUM_GROUPS] = len(self.rows), len(self.groups)
        code[layout.FROM_ZERO], code[layout.NUM_WEIGHTS] = int(from_zero), len(self.position) - len(plan.batched)
        self.put_numbers(layout.LIMIT_AT, [plan.largest_column])
        lanes = np.arange(self.lanes)
        signs = 1.0 - 2.0 * (np.bitwise_count(lanes[:, None] & lanes[None, :]) & 1)
        numbers = np.array(self.numbers, float)
        vectors = (1 << (plan.num_qubits + self.lane_bits)) / self.lanes
        return Program(
            plan.num_qubits, self.lane_bits, len(self.position) - len(plan.batched),
            np.array(code, np.int64), numbers, self.work, signs,
            np.array(list(self.lane_masks)), self.dtype, (2.0 * len(plan.operations) + 4.0) * vectors,
            tuple(passes), tuple(map(tuple, plan_steps)),
        )  # fmt: skip

    def put_rows(self) -> None:
        entries: list[int] = []
        columns: list[int] = []
        coefficients: list[float] = []
        for angle in self.rows:
            first = len(columns)
            for column, coefficient in angle.terms:
                batched = column in self.plan.batched
                columns.append(self.position[column] if batched else -1 - self.position[column])
                coefficients.append(coefficient)
            entries += [first, len(columns), self.stage(angle)]
        self.put(layout.ROWS_AT, entries)
        self.put(layout.ROW_TERMS_AT, columns)
        self.put_numbers(layout.ROW_NUMBERS_AT, [*(angle.offset for angle in self.rows), *coefficients])


def cycles(goals: dict[int, int]) -> list[int]:
    """The cycles of a permutation that move something, each as its length and its places."""
    result: list[int] = []
    while goals:
        first, place = goals.popitem()
        cycle = [first]
        while place != first:
            cycle.append(place)
            place = goals.pop(place)
        if len(cycle) > 1:
            result += [len(cycle), *cycle]
    return result


def encode(
    plan: Plan,
    lane_bits: int,
    dtype: Any,
    position: dict[int, int],
    from_zero: bool = True,
    costate: bool = True,
    passes: list[Pass] | None = None,
) -> Program:
    """The program of a plan for 2**lane_bits samples at a time, all at once or in `passes` over blocks.

    `position` maps each column to its place among the batched or among the shared ones. `dtype` is float32 or float64.
    """
    return _Encoder(plan, lane_bits, np.dtype(dtype), position, passes or [whole(plan, lane_bits)]).run(from_zero, costate)
