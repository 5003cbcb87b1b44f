"""How a large state is worked on: in blocks that fit the cache, a pass over the state for each choice of bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qkernel_backends.native import entries as at
from qkernel_backends.native.cache import planner_code
from qkernel_backends.native.planner import PARTITION
from qkernel_backends.plan import Plan, columns
from qkernel_backends.plan.tables import Tables

Array = np.ndarray[Any, Any]


_FEW_WORDS = 16
"""So many words of one X part are quicker read one by one than by a transform of the state."""


@dataclass(frozen=True)
class Pass:
    """The bits inside a block (element bits, ascending), the numbers of the operations on it, and the words read at its end.

    If it `looks_far`, its words flip bits outside of the block, too, which is contiguous then.
    """

    bits: tuple[int, ...]
    operations: Array
    words: tuple[int, ...] = ()
    looks_far: bool = False

    @cached_property
    def mask(self) -> int:
        return sum(1 << bit for bit in self.bits)

    @cached_property
    def place(self) -> dict[int, int]:
        """The number of each bit in the block."""
        return {bit: k for k, bit in enumerate(self.bits)}

    def inside(self, mask: int) -> int:
        """An element mask in the numbering of the block."""
        inside = mask & self.mask
        if inside <= self._run:
            return inside
        return sum(1 << k for k, bit in enumerate(self.bits) if inside >> bit & 1)

    @cached_property
    def _run(self) -> int:
        """The mask of the lowest bits, which have the same number in the block as outside."""
        return (1 << next((k for k, bit in enumerate(self.bits) if k != bit), len(self.bits))) - 1

    def outside(self, mask: int) -> int:
        """What lies outside of the block."""
        return mask & ~self.mask


def whole(plan: Plan, lane_bits: int) -> Pass:
    """Everything at once, for states that fit the cache."""
    bits, words = range(plan.num_qubits + lane_bits), range(len(plan.readout.words))
    return Pass(tuple(bits), np.arange(plan.started, len(plan.rows)), tuple(words))


def partition(plan: Plan, block_bits: int, run_bits: int) -> list[Pass] | None:
    """Passes over blocks of 2**block_bits amplitudes, whose lowest `run_bits` are contiguous.

    None if an operation is too wide for a block.
    """
    rows, first = plan.rows, plan.started
    count, moved = len(rows) - first, (rows.x | rows.z)[first:]
    support = moved | rows.controls[first:]
    is_diagonal = rows.kind[first:] == columns.PHASES
    if len(rows.what):
        masks = np.bitwise_or.reduceat(np.append(rows.what, 0), rows.at[first:-1])
        support = np.where(is_diagonal, masks, support)
    needed = np.where(rows.kind[first:] == columns.DENSE, support, np.where(is_diagonal, 0, moved))
    tables = Tables(planner_code(), at.NUM_ARRAYS, 0, at.NUM_SIZES)
    behind = np.bitwise_or.accumulate(support[::-1])[::-1]
    for number, column in ((at.MOVED, moved), (at.SUPPORT, support), (at.NEEDED, needed), (at.BEHIND, behind)):
        tables.give(number, column)
    tables.give(at.NEXT, np.append(np.arange(1, count + 1), 0))
    for number in (at.ORDER, at.BLOCK, at.PASS_AT):
        tables.make(number, count + 2)
    sizes = tables.sizes
    sizes[at.NUM_BITS], sizes[at.BLOCK_BITS], sizes[at.RUNS], sizes[at.FITS] = (
        plan.num_qubits,
        block_bits,
        (1 << run_bits) - 1,
        1,
    )
    tables.run(PARTITION)
    if not sizes[at.FITS]:
        return None
    number = int(sizes[at.NUM_PASSES])
    order, cuts = first + tables.found(at.ORDER, count), tables.found(at.PASS_AT, number + 1)
    passes = [
        Pass(_filled(mask, block_bits, plan.num_qubits), order[cuts[k] : cuts[k + 1]])
        for k, mask in enumerate(tables.found(at.BLOCK, number).tolist())
    ]
    return _with_words(passes, plan, block_bits)


def _with_words(passes: list[Pass], plan: Plan, block_bits: int) -> list[Pass]:
    """Words are read at the end of the last pass if its blocks hold their X part, the others in one more."""
    last, words = passes[-1], plan.readout.words
    local = tuple(k for k, (x, _) in enumerate(words) if not last.outside(x))
    rest = tuple(k for k, (x, _) in enumerate(words) if last.outside(x))
    passes[-1] = Pass(last.bits, last.operations, local)
    far = Pass(_filled(0, block_bits, plan.num_qubits), last.operations[:0], rest, looks_far=True)
    return [*passes, far] if rest else passes


def _filled(mask: int, size: int, num_qubits: int) -> tuple[int, ...]:
    bit = 0
    while mask.bit_count() < min(size, num_qubits):
        mask |= 1 << bit
        bit += 1
    return tuple(bit for bit in range(num_qubits) if mask >> bit & 1)


def is_read_together(x: int, shared: Mapping[int, int], block: Pass) -> bool:
    """Whether the words of this X part, so many of which are `shared`, are read by one transform at the end of a pass."""
    return not block.looks_far and (not x or shared[x] > _FEW_WORDS)


def image_parts(
    terms: Iterable[tuple[int, int, float]], block: Pass, lane_bits: int, lanes: int
) -> dict[tuple[int, int, int], list[tuple[int, int, int, float]]]:
    """The words (x, z, coefficient) of an image, by the key of a part: see `readout.observe`.

    Each is the flips above a vector, the mask of z, what z has inside a vector, and the coefficient with the signs that do
    not depend on the element.
    """
    parts: dict[tuple[int, int, int], list[tuple[int, int, int, float]]] = {}
    for x, z, coefficient in terms:
        x, z = x << lane_bits, z << lane_bits
        ys, flips = (x & z).bit_count(), x if block.looks_far else block.inside(x)
        low, inside = flips & (lanes - 1), block.inside(z)
        sign = (-1) ** (ys // 2 + (block.outside(z) & x).bit_count() + (inside & flips & -lanes).bit_count())
        mask = (inside & -lanes) | block.outside(z) << 32
        key = low, int(inside & lanes > 0), ys & 1
        parts.setdefault(key, []).append((flips - low, mask, inside & (lanes - 1), sign * coefficient))
    return parts
