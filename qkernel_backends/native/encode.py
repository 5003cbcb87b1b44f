"""A plan as the arrays that the machine reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel_backends.native import entries as at
from qkernel_backends.native import layout
from qkernel_backends.native.cache import planner_code
from qkernel_backends.native.passes import Pass, image_parts, is_read_together, whole
from qkernel_backends.native.planner import ENCODE, NUMBER_ROWS
from qkernel_backends.plan import Plan, columns
from qkernel_backends.plan.tables import Tables

Array = np.ndarray[Any, Any]

_MOST_TABLES, _MOST_CONSTANT = 1 << 24, 1 << 28
"""Bytes of tables of phases that are kept; more of a deep circuit's, or of its constant ones, are made where they are used."""


@dataclass(frozen=True)
class StepColumns:
    """The kernel of each step, one of those that `layout` lists, its operations by number, and how many each pass has."""

    kind: Array
    at: Array
    operations: Array
    passes: Array

    def of_pass(self, number: int) -> list[tuple[int, list[int]]]:
        """Each step's kernel and operations."""
        first, last = (0 if number == 0 else int(self.passes[number - 1])), int(self.passes[number])
        cuts = self.at[first : last + 1].tolist()
        return [
            (kind, self.operations[cuts[k] : cuts[k + 1]].tolist()) for k, kind in enumerate(self.kind[first:last].tolist())
        ]


@dataclass(frozen=True)
class Program:
    """`code` and `numbers` for the machine, and how a workspace of `work_size` numbers begins.

    `passes` lists (place in `code`, number of blocks, number of words), `steps` what each does; there is more than
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
    term_vectors: Array
    dtype: np.dtype[Any]
    cost: float
    passes: tuple[tuple[int, int, int], ...]
    steps: StepColumns

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
        self.header = np.zeros(layout.HEADER, np.int64)
        self.code, self.code_size = [self.header], layout.HEADER
        self.numbers: list[Array] = []
        self.numbers_size = self.work = 0
        self.images: list[int] = []
        self.image_parts: list[int] = []
        self.image_terms: list[int] = []
        self.term_vectors: list[Array] = []
        lanes = np.arange(self.lanes)
        self.signs = 1.0 - 2.0 * (np.bitwise_count(lanes[:, None] & lanes[None, :]) & 1)

    def reserve(self, section: int, size: int) -> None:
        """Room in the workspace, in whole vectors."""
        self.header[section] = self.work
        self.work += -(-size // self.lanes) * self.lanes

    def pitch(self, size: int) -> int:
        """See `vectors.pitch_of`."""
        return size + layout.GAP * self.lanes

    def put(self, section: int, values: Sequence[int] | Array) -> int:
        """Append a section to `code`; gives where it begins."""
        at = self.code_size
        if section >= 0:
            self.header[section] = at
        self.code.append(np.asarray(values, np.int64))
        self.code_size += len(values)
        return at

    def put_numbers(self, section: int, values: Sequence[float] | Array) -> int:
        """Append a section to `numbers`."""
        at = self.numbers_size
        if section >= 0:
            self.header[section] = at
        self.numbers.append(np.asarray(values, float))
        self.numbers_size += len(values)
        return at

    def operations(self) -> tuple[Tables, Array]:
        """Have the entries of all operations written; those of matrices, loads and exchanges are completed here."""
        plan, rows, angles = self.plan, self.plan.rows, self.plan.angles
        count, num_entries = len(rows), len(rows.what)
        tables = Tables(planner_code(), at.NUM_ARRAYS, 0, at.NUM_SIZES)
        sizes = tables.sizes
        for number, column in (
            (at.KIND, rows.kind), (at.X, rows.x), (at.Z, rows.z), (at.CONTROLS, rows.controls), (at.VALUE, rows.value),
            (at.AT, rows.at), (at.WHAT, rows.what), (at.ANGLE, rows.angles),
            (at.OFFSETS, np.ascontiguousarray(angles.offsets, float).view(np.int64)), (at.TERM_AT, angles.at),
            (at.COLUMNS, angles.columns), (at.COEFFICIENTS, np.ascontiguousarray(angles.coefficients, float).view(np.int64)),
            (at.ORDER, np.concatenate([block.operations for block in self.passes])),
            (at.PASS_AT, np.cumsum([0, *(len(block.operations) for block in self.passes)])),
            (at.BLOCK, [block.mask for block in self.passes]),
        ):  # fmt: skip
            tables.give(number, column)
        sizes[at.NUM_ANGLES] = len(angles) - 1  # the last is read by nobody here
        sizes[at.FOUND_SIZE] = 1 << (2 * max(len(angles), count) + 2).bit_length()
        for number in (at.FOUND, at.ROW, at.FIRST_ANGLE):
            tables.make(number, int(sizes[at.FOUND_SIZE]))
        tables.run(NUMBER_ROWS)
        first, stage = self.stages(tables)
        is_blocked = len(self.passes[0].bits) < plan.num_qubits + self.lane_bits
        diagonals = int((rows.kind == columns.PHASES).sum()) + num_entries // at.LARGEST_CROSSING
        crossings = diagonals * (1 + 3 * at.LARGEST_CROSSING + self.size // self.lanes) if is_blocked else 0
        for number, size in (
            (at.FOUND, int(sizes[at.FOUND_SIZE])), (at.BIT, 64), (at.HELD, 64), (at.CROSSING, num_entries + 1),
            (at.OPS, layout.OP_WIDTH * (count + num_entries + 1)), (at.LISTS, 4 * count + 8 + crossings),
            (at.GROUPS, 4 * (count + 1)), (at.FACTORS, 2 * num_entries), (at.PHASE_TERMS, 3 * num_entries),
            (at.LANE_MASKS, 2 << self.lanes.bit_length() * 2), (at.STEP_KIND, count), (at.STEP_AT, count + 1),
            (at.STEP_OPS, count), (at.PASS_OPS, len(self.passes)), (at.PASS_STEPS, len(self.passes)),
            (at.MOVE_AT, count + 1), (at.MOVE_FLIPS, 3 * count),
        ):  # fmt: skip
            tables.make(number, size)
        for number, most in ((at.MOST_WORK, _MOST_TABLES), (at.MOST_CONSTANT, _MOST_CONSTANT)):
            sizes[number] = 1 << 62 if is_blocked else self.work + most // self.dtype.itemsize
        sizes[at.NUM_PASSES], sizes[at.LANE_BITS], sizes[at.LANES] = len(self.passes), self.lane_bits, self.lanes
        sizes[at.VECTOR_BITS], sizes[at.SIZE] = self.lanes.bit_length() - 1, self.size
        sizes[at.NUM_BITS], sizes[at.WORK] = plan.num_qubits + self.lane_bits, self.work
        tables.run(ENCODE)
        self.work = int(sizes[at.WORK])
        self.put(-1, tables.found(at.LISTS, int(sizes[at.NUM_LISTS])))  # where the entries expect them: behind the header
        self.put_rows(first, stage)
        entries = tables.found(at.OPS, layout.OP_WIDTH * int(sizes[at.NUM_OPS])).reshape(-1, layout.OP_WIDTH)
        self.moves(tables, entries)
        self.parts(tables, entries)
        return tables, entries

    def moves(self, tables: Tables, entries: Array) -> None:
        """Where the cycles of each exchange of whole vectors begin and end."""
        count = int(tables.sizes[at.NUM_MOVES])
        if not count:
            return
        begins, bounds = tables.found(at.MOVE_AT, count + 1), []
        flips = tables.found(at.MOVE_FLIPS, int(begins[-1])).reshape(-1, 3).tolist()
        for k in range(count):
            rows = goals = np.arange(0, self.size, self.lanes)
            for bit, controls, value in flips[begins[k] // 3 : begins[k + 1] // 3]:
                goals = np.where(goals & controls == value, goals ^ 1 << bit, goals)
            place = self.put(-1, cycles(dict(zip(rows.tolist(), goals.tolist(), strict=True))))
            bounds.append((place, self.code_size))
        moved = entries[:, layout.KIND] == layout.MOVE
        entries[np.ix_(moved, (layout.AT, layout.EXTRA))] = np.array(bounds)[entries[moved, layout.AT]]

    def parts(self, tables: Tables, entries: Array) -> None:
        """Matrices, and where each amplitude of a loaded state goes and the row that has it."""
        rows, kinds = self.plan.rows, entries[:, layout.KIND]
        chosen = np.flatnonzero((kinds == layout.DENSE) | (kinds == layout.LOAD)).tolist()
        ordered = np.concatenate([block.operations for block in self.passes])
        ordered = ordered[(rows.kind[ordered] == columns.DENSE) | (rows.kind[ordered] == columns.LOAD)].tolist()
        ends, row = tables.found(at.PASS_OPS, len(self.passes)), tables.found(at.ROW, len(self.plan.angles))
        for k, op in zip(chosen, ordered, strict=True):
            block, entry = self.passes[int(np.searchsorted(ends, k, side="right"))], entries[k]
            qubits, matrix = rows.parts[rows.origin[op]]
            bits = [block.place[qubit + self.lane_bits] for qubit in qubits]
            if matrix is not None:
                controls, value = int(rows.controls[op]) << self.lane_bits, int(rows.value[op]) << self.lane_bits
                entry[layout.BIT], entry[layout.EXTRA] = len(bits), self.put(-1, bits)
                entry[layout.CONTROLS], entry[layout.VALUE] = block.inside(controls), block.inside(value)
                entry[layout.AT] = self.put_numbers(-1, np.stack([matrix.real, matrix.imag], -1).ravel())
                continue
            numbers = np.arange(1 << len(bits))
            offsets = sum(((numbers >> k & 1) << bit for k, bit in enumerate(bits)), np.zeros_like(numbers))
            amplitudes = rows.angles[rows.at[op] : rows.at[op + 1]]
            entry[layout.BIT], entry[layout.CONTROLS] = len(numbers), sum(1 << bit for bit in bits)
            entry[layout.VALUE] = len(amplitudes) > len(numbers)
            entry[layout.AT], entry[layout.EXTRA] = self.put(-1, offsets), self.put(-1, row[amplitudes])

    def words(self) -> list[tuple[int, int, int, int]]:
        """What each pass reads: its groups of words of one X part, first and last, and its images."""
        readout = self.plan.readout
        shared = Counter(x for x, _ in readout.words)
        entries: list[list[tuple[int, float]]] = [[] for _ in readout.sums]
        words: list[int] = []
        groups: list[list[int]] = []
        ranges = []
        for block in self.passes:
            together = [t for t in block.words if is_read_together(readout.words[t][0], shared, block)]
            first_group, first_image = len(groups), len(self.images) // 3
            place = self.word_groups(sorted(together, key=lambda t: readout.words[t][0]), block, words, groups)
            alone = set(block.words).difference(together)
            for own, terms in zip(entries, readout.sums, strict=True):
                own += [(place[t], coefficient) for t, coefficient in terms if t in place]
                if image := [(*readout.words[t], coefficient) for t, coefficient in terms if t in alone]:
                    own.append((len(words) // 3, 1.0))
                    self.image(len(words) // 3, image, block)
                    words += [0, 0, 0]
            ranges.append((first_group, len(groups), first_image, len(self.images) // 3))
        self.put_words(words, groups, entries)
        return ranges

    def word_groups(self, chosen: list[int], block: Pass, words: list[int], groups: list[list[int]]) -> dict[int, int]:
        """Append words that are read by a transform, those of one X part one after the other; gives their numbers."""
        place: dict[int, int] = {}
        begin = len(groups)
        for t in chosen:
            x, z = (part << self.lane_bits for part in self.plan.readout.words[t])
            inside = block.inside(z)
            place[t] = len(words) // 3
            words += [inside, (x & z).bit_count() % 4, block.outside(z)]
            if len(groups) == begin or groups[-1][0] != block.inside(x):
                groups.append([block.inside(x), place[t], place[t], 1, 0])
            group, low = groups[-1], inside & (self.lanes - 1)
            group[2] = place[t] + 1
            group[3] &= int(not x and (inside == low or ((inside & (inside - 1)) == 0)))
            group[4] |= (x & z).bit_count() & 1
        return place

    def image(self, word: int, terms: list[tuple[int, int, float]], block: Pass) -> None:
        """A sum of words (x, z, coefficient) that is read as a word, in the parts of `readout.observe`."""
        first = len(self.image_parts) // 5
        for key, found in sorted(image_parts(terms, block, self.lane_bits, self.lanes).items()):
            begin = len(self.image_terms) // 2
            for flips, mask, low_signs, coefficient in found:
                self.image_terms += [flips, mask]
                self.term_vectors.append(coefficient * self.signs[low_signs])
            self.image_parts += [*key, begin, len(self.image_terms) // 2]
        self.images += [word, first, len(self.image_parts) // 5]

    def put_words(self, words: list[int], groups: list[list[int]], entries: list[list[tuple[int, float]]]) -> None:
        sums: list[int] = []
        sum_words: list[int] = []
        coefficients: list[float] = []
        for terms in entries:
            sums += [len(sum_words), len(sum_words) + len(terms)]
            sum_words += [word for word, _ in terms]
            coefficients += [coefficient for _, coefficient in terms]
        self.put(layout.WORDS_AT, words)
        self.put(layout.WORD_GROUPS_AT, [entry for group in groups for entry in group])
        self.put(layout.SUMS_AT, sums)
        self.put(layout.SUM_TERMS_AT, sum_words)
        self.put_numbers(layout.SUM_NUMBERS_AT, [*self.plan.readout.constants, *coefficients])
        self.put(layout.IMAGES_AT, self.images)
        self.put(layout.PARTS_AT, self.image_parts)
        self.put(layout.TERMS_AT, self.image_terms)
        self.header[layout.NUM_WORDS], self.header[layout.NUM_WORD_GROUPS] = len(words) // 3, len(groups)
        self.header[layout.NUM_VALUES], self.header[layout.NUM_IMAGES] = len(entries), len(self.images) // 3
        self.reserve(layout.WORD_VALUES_AT, self.lanes * len(words) // 3)
        self.reserve(layout.WORD_WEIGHTS_AT, self.lanes * len(words) // 3)
        self.reserve(layout.FOLDED_AT, self.lanes * len(self.passes[0].bits))
        self.reserve(layout.TERM_VECTORS_AT, 2 * self.lanes * len(self.term_vectors))
        if any(x for x, *_ in groups):
            self.reserve(layout.SCRATCH_AT, 2 * self.pitch(self.size))

    def start(self, tables: Tables) -> tuple[Array, Array]:
        """The groups of all rotations, and their factors, those of the start at the end; which group each bit has there.

        That is for the bits inside of the first pass's blocks, and for those outside.
        """
        rows, sizes, started = self.plan.rows, tables.sizes, self.plan.started
        num_groups, num_factors = int(sizes[at.NUM_GROUPS]), int(sizes[at.NUM_FACTORS])
        groups, factors = tables.found(at.GROUPS, 4 * num_groups), tables.found(at.FACTORS, 2 * num_factors)
        row, stage = tables.found(at.ROW, len(self.plan.angles)), tables.found(at.STAGE, int(sizes[at.NUM_ROWS]))
        more, cuts, last = [], rows.at[: started + 1], int(rows.at[started])
        of_start = row[rows.angles[:last]]
        for k in range(started):
            latest = stage[of_start[cuts[k] : cuts[k + 1]]].max(initial=layout.CONSTANT)
            more += [num_factors + int(cuts[k]), num_factors + int(cuts[k + 1]), int(latest), -1]
        turned = {int(x).bit_length() - 1: num_groups + k for k, x in enumerate(rows.x[:started].tolist())}
        first, up = self.passes[0], self.lane_bits
        outer = [bit for bit in range(self.plan.num_qubits + up) if bit not in first.place]
        self.put(layout.START_AT, [turned.get(bit - up, at.IDLE) for bit in first.bits if bit >= up])
        self.put(layout.OUTER_AT, outer)
        self.put(layout.OUTER_START_AT, [turned.get(bit - up, at.IDLE) for bit in outer])
        self.header[layout.NUM_OUTER] = len(outer)
        if outer:
            self.reserve(layout.TEMPLATE_AT, 2 * self.pitch(self.size))
            self.reserve(layout.OVERLAPS_AT, 4 * self.pitch(self.lanes << len(outer)))
        return np.append(groups, more), np.concatenate([factors, np.stack([rows.what[:last], of_start], -1).ravel()])

    def pass_entries(self, ranges: list[tuple[int, int, int, int]], ends: list[int]) -> list[tuple[int, int, int]]:
        entries, operation = [], 0
        for block, read, last in zip(self.passes, ranges, ends, strict=True):
            run = 0
            while run < len(block.bits) and block.bits[run] == run:
                run += 1
            outer = [bit for bit in range(self.plan.num_qubits + self.lane_bits) if bit not in block.place]
            lists = self.put(-1, [*block.bits[run:], *outer])
            far = int(block.looks_far)
            place = self.put(-1, [run, len(block.bits) - run, lists, len(outer), operation, last, *read, far])
            assert self.code_size - place == layout.PASS_WIDTH
            entries.append((place, 1 << len(outer), len(block.words)))
            operation = last
        return entries

    def run(self, from_zero: bool, costate: bool) -> Program:
        plan, header = self.plan, self.header
        self.reserve(layout.STATE_AT, (4 if costate else 2) * self.pitch(self.size))
        tables, entries = self.operations()
        groups, factors = self.start(tables)
        sizes, num_groups = tables.sizes, len(groups) // 4
        num_rows, masks = int(sizes[at.NUM_ROWS]), tables.found(at.LANE_MASKS, int(sizes[at.NUM_MASKS]))
        self.put(layout.OPS_AT, entries.ravel())
        self.put(layout.FACTORS_AT, factors)
        self.put(layout.GROUPS_AT, groups)
        self.put(layout.PHASE_TERMS_AT, tables.found(at.PHASE_TERMS, 3 * int(sizes[at.NUM_TERMS])))
        ends = tables.found(at.PASS_OPS, len(self.passes)).tolist()
        passes = self.pass_entries(self.words(), ends)
        widest = max((len(qubits) for qubits, matrix in plan.rows.parts if matrix is not None), default=0)
        for section, size in (
            (layout.SIGNS_AT, self.lanes * self.lanes),
            (layout.INPUTS_AT, self.lanes * len(plan.batched)),
            (layout.ROW_VALUES_AT, self.lanes * num_rows),
            (layout.TURNS_AT, 2 * self.lanes * num_rows),
            (layout.ROW_GRADIENTS_AT, self.lanes * num_rows),
            (layout.COEFFICIENTS_AT, 4 * self.lanes * num_groups),
            (layout.MOMENTS_AT, 3 * self.lanes * num_groups),
            (layout.DENSE_AT, 2 * self.lanes << widest if widest else 0),
            (layout.LANE_MASKS_AT, self.lanes * len(masks)),
            (layout.PHASE_AT, 3 * self.lanes),
            (layout.CROSSING_AT, 3 * self.lanes << int(sizes[at.MOST_CROSSING])),
        ):
            self.reserve(section, size)
        num_weights, count = len(self.position) - len(plan.batched), len(plan.rows) - plan.started
        header[layout.QUBITS], header[layout.LANE_BITS] = len(self.passes[0].bits) - self.lane_bits, self.lane_bits
        header[layout.SIZE], header[layout.NUM_INPUTS], header[layout.NUM_OPS] = self.size, len(plan.batched), len(entries)
        header[layout.NUM_ROWS], header[layout.NUM_GROUPS] = num_rows, num_groups
        header[layout.FROM_ZERO], header[layout.NUM_WEIGHTS] = int(from_zero), num_weights
        self.put_numbers(layout.LIMIT_AT, [plan.largest_column])
        both = np.array([[vector, -vector] for vector in self.term_vectors])
        lanes, vectors = np.arange(self.lanes), (1 << (plan.num_qubits + self.lane_bits)) / self.lanes
        num_steps = int(sizes[at.NUM_STEPS])
        found = StepColumns(
            tables.found(at.STEP_KIND, num_steps), tables.found(at.STEP_AT, num_steps + 1),
            tables.found(at.STEP_OPS, int(sizes[at.NUM_STEP_OPS])), tables.found(at.PASS_STEPS, len(self.passes)),
        )  # fmt: skip
        return Program(
            plan.num_qubits, self.lane_bits, num_weights, np.concatenate(self.code), np.concatenate(self.numbers), self.work,
            self.signs, (masks[:, None] >> lanes & 1).astype(float), both, self.dtype, (2.0 * count + 4.0) * vectors,
            tuple(passes), found,
        )  # fmt: skip

    def stages(self, tables: Tables) -> tuple[Array, Array]:
        """The first angle of each row, for equal ones are one; when each row is to be computed."""
        angles = self.plan.angles
        first = tables.found(at.FIRST_ANGLE, int(tables.sizes[at.NUM_ROWS]))
        varies, has_terms = angles.varies(self.plan.batched)[first] == 1, angles.at[first + 1] > angles.at[first]
        stage = np.where(varies, layout.BATCHED, np.where(has_terms, layout.SHARED, layout.CONSTANT))
        tables.give(at.STAGE, stage)
        return first, stage

    def put_rows(self, first: Array, stage: Array) -> None:
        angles = self.plan.angles
        counts = angles.at[first + 1] - angles.at[first]
        ends = np.cumsum(counts)
        terms = np.repeat(angles.at[first] - ends + counts, counts) + np.arange(int(counts.sum()))
        batched, place = np.zeros((2, max(self.position, default=0) + 1), np.int64)
        place[list(self.position)] = list(self.position.values())
        batched[list(self.plan.batched)] = 1
        read = angles.columns[terms]
        self.put(layout.ROWS_AT, np.stack([ends - counts, ends, stage], -1).ravel())
        self.put(layout.ROW_TERMS_AT, np.where(batched[read] == 1, place[read], -1 - place[read]))
        self.put_numbers(layout.ROW_NUMBERS_AT, np.concatenate([angles.offsets[first], angles.coefficients[terms]]))


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
