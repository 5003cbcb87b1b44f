"""A plan as the arrays that the machine reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel_backends.native import layout
from qkernel_backends.native.layout import BATCHED, CONSTANT, HEADER, OP_WIDTH, SHARED
from qkernel_backends.plan import Plan
from qkernel_backends.plan.operations import Affine, Dense, Flip, PauliRotation, Phases, Rotation, Z

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Program:
    """`code` and `numbers` for the machine, and how a workspace of `work_size` numbers begins.

    `cost` estimates the nanoseconds of a forward run of 2**`lane_bits` samples.
    """

    num_qubits: int
    lane_bits: int
    code: Array
    numbers: Array
    work_size: int
    signs: Array
    lane_masks: Array
    dtype: np.dtype[Any]
    cost: float

    @property
    def bytes(self) -> int:
        return int(self.work_size * self.dtype.itemsize)

    @property
    def state_bytes(self) -> int:
        """Of the states of one chunk of samples."""
        return int(2 * self.dtype.itemsize << (self.num_qubits + self.lane_bits))

    def workspace(self) -> Array:
        """A new workspace, aligned to 64 bytes."""
        lanes = 64 // self.dtype.itemsize
        raw = np.zeros(self.work_size + lanes, self.dtype)
        skip = -raw.ctypes.data % 64 // self.dtype.itemsize
        work = raw[skip : skip + self.work_size]
        for section, values in ((layout.SIGNS_AT, self.signs), (layout.LANE_MASKS_AT, self.lane_masks)):
            at = self.code[section]
            work[at : at + values.size] = values.ravel()
        return work


class _Encoder:
    def __init__(self, plan: Plan, lane_bits: int, dtype: np.dtype[Any], position: dict[int, int]) -> None:
        self.plan, self.lane_bits, self.dtype, self.position = plan, lane_bits, dtype, position
        self.lanes = 64 // dtype.itemsize
        self.size = 1 << (plan.num_qubits + lane_bits)
        self.code: list[int] = [0] * HEADER
        self.numbers: list[float] = []
        self.work = 0
        self.rows: dict[Affine, int] = {}
        self.groups: list[tuple[int, int, int, int]] = []
        self.factors: list[int] = []
        self.phase_terms: list[int] = []
        self.lane_masks: list[Array] = [np.zeros(self.lanes)]

    def reserve(self, section: int, size: int) -> int:
        """Room in the workspace, in whole vectors."""
        at = self.work
        if section >= 0:
            self.code[section] = at
        self.work += -(-size // self.lanes) * self.lanes
        return at

    def put(self, section: int, values: list[int]) -> None:
        self.code[section] = len(self.code)
        self.code += values

    def put_numbers(self, section: int, values: list[float]) -> None:
        self.code[section] = len(self.numbers)
        self.numbers += values

    def row(self, angle: Affine) -> int:
        return self.rows.setdefault(angle, len(self.rows))

    def stage(self, angle: Affine) -> int:
        if not angle.terms:
            return CONSTANT
        return BATCHED if any(column in self.plan.batched for column, _ in angle.terms) else SHARED

    def split_controls(self, controls: int, value: int) -> tuple[int, int, int]:
        """Controls above the bits of a vector, their value, and the lane mask for those inside (0: none)."""
        controls, value = controls << self.lane_bits, value << self.lane_bits
        low = controls & (self.lanes - 1)
        mask = 0
        if low:
            mask = len(self.lane_masks)
            lanes = np.arange(self.lanes)
            self.lane_masks.append(((lanes & low) == (value & low)).astype(float))
        return controls - low, value - (value & low), mask

    def group(self, factors: tuple[tuple[int, Affine], ...], mask: int = 0) -> int:
        first = len(self.factors) // 2
        for axis, angle in factors:
            self.factors += [axis, self.row(angle)]
        stage = max((self.stage(angle) for _, angle in factors), default=CONSTANT)
        self.groups.append((first, len(self.factors) // 2, stage, mask or -1))
        return len(self.groups) - 1

    def operation(self, operation: Any, parts: dict[str, list[int]]) -> list[int]:
        up = self.lane_bits
        match operation:
            case Rotation(qubit, factors, controls, value):
                high, held, mask = self.split_controls(controls, value)
                real = len(factors) == 1 and factors[0][0] == 1
                group = self.group(factors, mask)
                return [layout.ROTATION, qubit + up, high, held, 0, group, int(real), 0, 0, 0, 0, 0]
            case Flip(qubit, controls, value):
                high, held, mask = self.split_controls(controls, value)
                if mask:
                    self.lane_masks[mask] = 1 - self.lane_masks[mask]
                return [layout.FLIP, qubit + up, high, held, 0, 0, 0, mask, 0, 0, 0, 0]
            case PauliRotation(x, z, half, controls, value):
                high, held, mask = self.split_controls(controls, value)
                group = self.group(((Z, half),), mask)
                return [layout.PAULI, x << up, high, held, (x & z).bit_count() % 4, group, 0, 0, z << up, 0, 0, 0]
            case Phases(terms):
                return self.phases(terms)
            case Dense(qubits, matrix, controls, value):
                shifted = controls << up, value << up
                bits_at = len(parts["bits"])
                parts["bits"] += [qubit + up for qubit in qubits]
                matrix_at = len(self.numbers)
                self.numbers += np.stack([matrix.real, matrix.imag], -1).ravel().tolist()
                return [layout.DENSE, len(qubits), *shifted, matrix_at, 0, 0, 0, bits_at, 0, 0, 0]
        raise TypeError(f"not an operation: {operation!r}")

    def phases(self, terms: dict[int, Affine]) -> list[int]:
        first = len(self.phase_terms) // 2
        for mask, angle in terms.items():
            self.phase_terms += [mask << self.lane_bits, self.row(angle)]
        stage = max(self.stage(angle) for angle in terms.values())
        spread = stage != BATCHED and 1 << self.lane_bits == self.lanes
        size = max(self.lanes, 1 << self.plan.num_qubits) if spread else self.size
        table = self.reserve(-1, 2 * size)
        gradient = self.reserve(-1, self.size)
        last = len(self.phase_terms) // 2
        return [layout.PHASES, size, first, last, table, gradient, 0, int(spread), 0, stage, 0, 0]

    def readout(self) -> None:
        readout, up = self.plan.readout, self.lane_bits
        order = sorted(range(len(readout.words)), key=lambda t: readout.words[t][0])
        words, groups = [], []
        for position, t in enumerate(order):
            x, z = readout.words[t]
            words += [z << up, (x & z).bit_count() % 4]
            if not groups or groups[-1][0] != x << up:
                groups.append([x << up, position, position, 1, 0])
            group = groups[-1]
            group[2] = position + 1
            high, low = (z << up) & ~(self.lanes - 1), (z << up) & (self.lanes - 1)
            group[3] &= int(not x and (not high or (high & (high - 1) == 0 and not low)))
            group[4] |= (x & z).bit_count() & 1
        place = {t: position for position, t in enumerate(order)}
        sums, sum_words, coefficients = [], [], []
        for entries in readout.sums:
            sums += [len(sum_words), len(sum_words) + len(entries)]
            sum_words += [place[t] for t, _ in entries]
            coefficients += [coefficient for _, coefficient in entries]
        self.put(layout.WORDS_AT, words)
        self.put(layout.WORD_GROUPS_AT, [entry for group in groups for entry in group])
        self.put(layout.SUMS_AT, sums)
        self.put(layout.SUM_TERMS_AT, sum_words)
        self.put_numbers(layout.SUM_NUMBERS_AT, [*readout.constants, *coefficients])
        self.code[layout.NUM_WORDS], self.code[layout.NUM_WORD_GROUPS] = len(order), len(groups)
        self.code[layout.NUM_VALUES] = len(readout.sums)
        self.reserve(layout.WORD_VALUES_AT, self.lanes * len(order))
        self.reserve(layout.FOLDED_AT, self.lanes * (self.plan.num_qubits + up))
        if any(x for x, _ in readout.words):
            self.reserve(layout.SCRATCH_AT, 2 * self.size)

    def run(self, from_zero: bool, costate: bool) -> Program:
        plan, code = self.plan, self.code
        self.reserve(layout.STATE_AT, (4 if costate else 2) * self.size)
        parts: dict[str, list[int]] = {"bits": []}
        operations = [entry for operation in plan.operations for entry in self.operation(operation, parts)]
        bits_at = len(code)
        code += parts["bits"]
        for k in range(0, len(operations), OP_WIDTH):
            if operations[k] == layout.DENSE:
                operations[k + layout.EXTRA] += bits_at
        idle = self.group(())
        started = {rotation.qubit: self.group(rotation.factors) for rotation in plan.start.rotations}
        self.put(layout.START_AT, [started.get(qubit, idle) for qubit in range(plan.num_qubits)])
        self.put(layout.OPS_AT, operations)
        self.put(layout.FACTORS_AT, self.factors)
        self.put(layout.GROUPS_AT, [entry for group in self.groups for entry in group])
        self.put(layout.PHASE_TERMS_AT, self.phase_terms)
        self.readout()
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
        ):
            self.reserve(section, size)
        code[layout.QUBITS], code[layout.LANE_BITS], code[layout.SIZE] = plan.num_qubits, self.lane_bits, self.size
        code[layout.NUM_INPUTS], code[layout.NUM_OPS] = len(plan.batched), len(plan.operations)
        code[layout.NUM_ROWS], code[layout.NUM_GROUPS] = len(self.rows), len(self.groups)
        code[layout.FROM_ZERO] = int(from_zero)
        lanes = np.arange(self.lanes)
        signs = 1.0 - 2.0 * (np.bitwise_count(lanes[:, None] & lanes[None, :]) & 1)
        numbers = np.array(self.numbers or [0.0], float)
        vectors = self.size / self.lanes
        return Program(
            plan.num_qubits, self.lane_bits, np.array(code, np.int64), numbers, self.work, signs,
            np.array(self.lane_masks), self.dtype, cost=(2.0 * len(plan.operations) + 4.0) * vectors,
        )  # fmt: skip

    def put_rows(self) -> None:
        entries, columns, coefficients = [], [], []
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


def encode(
    plan: Plan, lane_bits: int, dtype: Any, position: dict[int, int], from_zero: bool = True, costate: bool = True
) -> Program:
    """The program of a plan for 2**lane_bits samples at a time.

    `position` maps each column to its place among the batched or among the shared ones. `dtype` is float32 or float64.
    """
    return _Encoder(plan, lane_bits, np.dtype(dtype), position).run(from_zero, costate)
