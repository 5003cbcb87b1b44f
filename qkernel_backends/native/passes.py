"""How a large state is worked on: in blocks that fit the cache, a pass over the state for each choice of bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from qkernel_backends.plan import Plan
from qkernel_backends.plan.operations import Dense, Flip, Load, Operation, PauliRotation, Rotation, commute


@dataclass(frozen=True)
class Pass:
    """The bits inside a block (element bits, ascending), the operations on it, and the words read at its end."""

    bits: tuple[int, ...]
    operations: tuple[Operation, ...]
    words: tuple[int, ...] = ()

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
    return Pass(tuple(range(plan.num_qubits + lane_bits)), plan.operations, tuple(range(len(plan.readout.words))))


def partition(plan: Plan, block_bits: int, run_bits: int) -> list[Pass] | None:
    """Passes over blocks of 2**block_bits amplitudes, whose lowest `run_bits` are contiguous.

    None if an operation or a word is too wide for a block.
    """
    passes: list[Pass] = []
    left = list(plan.operations)
    runs = (1 << run_bits) - 1
    while left or not passes:
        mask = runs
        taken: list[Operation] = []
        deferred: list[Operation] = []
        for operation in left:
            wanted = mask | _needed(operation)
            free = all(commute(operation, other) for other in deferred)
            if free and wanted.bit_count() <= block_bits:
                mask = wanted
                taken.append(operation)
            else:
                deferred.append(operation)
        if left and not taken:
            return None
        passes.append(Pass(_filled(mask, block_bits, plan.num_qubits), tuple(taken)))
        left = deferred
    return _with_words(passes, plan, block_bits, runs)


def _with_words(passes: list[Pass], plan: Plan, block_bits: int, runs: int) -> list[Pass] | None:
    """Words are read at the end of the last pass if its blocks hold their X part, else in passes of their own."""
    last = passes[-1]
    words = plan.readout.words
    local = tuple(k for k, (x, _) in enumerate(words) if not last.outside(x))
    passes[-1] = Pass(last.bits, last.operations, local)
    rest = [k for k, (x, _) in enumerate(words) if last.outside(x)]
    while rest:
        mask = runs
        for k in rest:
            if (mask | words[k][0]).bit_count() <= block_bits:
                mask |= words[k][0]
        taken = tuple(k for k in rest if words[k][0] & ~mask == 0)
        if not taken:
            return None
        passes.append(Pass(_filled(mask, block_bits, plan.num_qubits), (), taken))
        rest = [k for k in rest if k not in taken]
    return passes


def _needed(operation: Operation) -> int:
    """The bits that a block must hold: those that the operation moves, not those that it only reads."""
    match operation:
        case Rotation(qubit) | Flip(qubit):
            return 1 << qubit
        case PauliRotation(x, z):
            return x | z
        case Dense(_, _, controls):
            return operation.moved | controls
        case Load():
            return operation.moved
        case _:
            return 0


def _filled(mask: int, size: int, num_qubits: int) -> tuple[int, ...]:
    bit = 0
    while mask.bit_count() < min(size, num_qubits):
        mask |= 1 << bit
        bit += 1
    return tuple(bit for bit in range(num_qubits) if mask >> bit & 1)
