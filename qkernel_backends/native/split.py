"""A circuit whose parameters come in two kinds: some per sample, some shared by all samples. What layers run."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from qkernel.lower.circuit import Circuit
from qkernel.recent import Recent
from qkernel.threads import AWAITED, current, interruptible
from qkernel_backends.large_angles import SlotAngles, blanked
from qkernel_backends.memory import require_memory
from qkernel_backends.native import layout
from qkernel_backends.native.cache import planner
from qkernel_backends.native.encode import Program, encode
from qkernel_backends.native.passes import Pass, partition
from qkernel_backends.native.runner import INTERRUPTIBLE, Arrays, Room, Runner, Size, keep_states, run
from qkernel_backends.native.workspace import Batch
from qkernel_backends.plan import Plan, compile_plan

Array = np.ndarray[Any, Any]

_LARGEST_WHOLE = 1 << 21
_MOST_SIZES, _MOST_IDLE = 1024, 8  # sizes of batches
_STOP = AWAITED.address


def lane_bits(num_qubits: int, batch: int, real: np.dtype[Any]) -> int:
    """How many samples share a vector, as a power of two: more while their states stay in the cache."""
    most = (64 // real.itemsize).bit_length() - 1
    wanted = min(most, max(batch - 1, 0).bit_length())
    while wanted and (4 * real.itemsize) << (num_qubits + wanted) > 1 << 17:
        wanted -= 1
    return max(wanted, most - num_qubits)


def passes(plan: Plan, bits: int, real: np.dtype[Any]) -> list[Pass] | None:
    """Those over blocks that a state takes which does not fit the cache; None where it does, or where there are none."""
    if (4 * real.itemsize) << (plan.num_qubits + bits) <= _LARGEST_WHOLE:
        return None
    return partition(plan, *((14, 6) if real == np.float32 else (13, 5)))


class NativeSplit:
    """A circuit whose columns `batched` come per sample and whose columns `shared` are one for all samples."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], batched: Sequence[int], shared: Sequence[int]) -> None:
        self.circuit, self.dtype, self.batched, self.shared = circuit, dtype, list(batched), list(shared)
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self.position = {column: k for columns in (batched, shared) for k, column in enumerate(columns)}
        self.plan: Plan = compile_plan(circuit, batched, expectations=True, planner=planner())
        self.num_values = len(circuit.expectations)
        self._weight_bytes = len(shared) * self.real.itemsize
        self._runners: dict[int, Runner] = {}
        self._sizes: dict[int, Size] = {}
        self._idle = Recent[int, list[Arrays]](_MOST_IDLE)

    def runner(self, batch: int) -> Runner:
        """The program for batches of this size."""
        return self._size(batch).runner

    def _size(self, batch: int) -> Size:
        bits = lane_bits(self.plan.num_qubits, batch, self.real)
        if bits not in self._runners:
            self._runners[bits] = Runner(self._program(bits))
        while len(self._sizes) >= _MOST_SIZES:
            self._sizes.pop(next(iter(self._sizes)), None)  # soon worked out again
        self._sizes[batch] = Size.of(self._runners[bits], batch)
        return self._sizes[batch]

    def _program(self, bits: int) -> Program:
        require_memory(self.plan.num_qubits, 2 * self.real.itemsize)
        return encode(self.plan, bits, self.real, self.position, passes=passes(self.plan, bits, self.real))

    def value(self, inputs: Array, weights: Array) -> Array:
        """The expectation values, shape (batch, outputs)."""
        own = self._arrays(len(inputs))
        own.inputs[...], own.weights[...] = inputs, weights
        at = own.addresses
        self.evaluate(at.samples, at.inputs, at.weights, at.values)
        values: Array = own.values.copy()
        self._give_back(own)
        return values

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        """The values, and the gradients of sum(cotangent * values) by `inputs` and by `weights`."""
        own = self._arrays(len(inputs))
        own.inputs[...], own.weights[...], own.cotangent[...] = inputs, weights, cotangent
        at = own.addresses
        self.differentiate(at.samples, at.inputs, at.weights, at.cotangent, at.values, at.grad_inputs, at.grad_weights)
        found = own.values.copy(), own.grad_inputs.copy(), own.grad_weights.copy()
        self._give_back(own)
        return found

    def _arrays(self, batch: int) -> Arrays:
        """Idle ones for a batch of this size, or new ones."""
        try:
            return (self._idle.get(batch) or []).pop()
        except IndexError:
            return Arrays(batch, len(self.batched), len(self.shared), self.num_values, self.real)

    def _give_back(self, own: Arrays) -> None:
        batch = own.addresses.samples
        (self._idle.get(batch) or self._idle.keep(batch, [])).append(own)

    def evaluate(self, count: int, inputs: int, weights: int, values: int, mark: object | None = None) -> bool:
        """`value` of `count` samples between addresses, for callers who have the memory and no time.

        Gives whether all values are known to be finite.

        With a `mark` the states stay where they are, if there is room, for as long as it lives: `differentiate` with the
        same mark, inputs and weights that finds them begins there.
        """
        size = self._sizes.get(count) or self._size(count)
        if size.is_small:
            runner, keeps = size.runner, mark is not None and size.keeps
            room = runner.room()
            work = room.works[0]
            if keeps and size.chunks > 1:
                keep_states(size, room)
            work.point(Batch(count, _STOP, inputs, weights, 0, values, 0, 0))
            work.run(0, count, layout.KEEP if keeps else layout.EXPECT, 0, size.chunks > 1)
            if not work.result.value:
                if keeps:
                    runner.mark(mark, room)
                else:
                    runner.free.append(room)
                return True
        own = self._arrays(count)
        own.take(inputs, weights)
        self._wait(size.cost, partial(self._evaluate, size, own, mark))
        own.give(values)
        self._give_back(own)
        return False

    def differentiate(
        self,
        count: int,
        inputs: int,
        weights: int,
        cotangent: int,
        values: int,
        by_inputs: int,
        by_weights: int,
        mark: object | None = None,
    ) -> None:
        """`vjp` of `count` samples between addresses; there are no values if the states of `mark` are found."""
        size = self._sizes.get(count) or self._size(count)
        if size.is_small:
            room, mode = self._resumed(size, mark)
            work = room.works[0]
            work.point(Batch(count, _STOP, inputs, weights, cotangent, values, by_inputs, by_weights))
            ctypes.memset(by_weights, 0, self._weight_bytes)
            work.run(0, count, mode, 0, size.chunks > 1)
            if not work.result.value:
                size.runner.free.append(room)
                return
        own = self._arrays(count)
        own.take(inputs, weights, cotangent)
        self._wait(3 * size.cost, partial(self._differentiate, size, own, mark))
        own.give(values, by_inputs, by_weights)
        self._give_back(own)

    def _wait(self, cost: float, compute: Callable[[], None]) -> None:
        """Have it computed, in another thread where that takes long."""
        if cost > INTERRUPTIBLE:
            interruptible(compute)
        else:
            compute()

    def _evaluate(self, size: Size, own: Arrays, mark: object | None) -> None:
        computation, room = current(), size.runner.room()
        computation.keep(room, own)
        keeps = mark is not None and size.keeps
        batch = own.addresses._replace(stop=computation.address)
        if not run(size, room, layout.KEEP if keeps else layout.EXPECT, batch, computation):
            self._evaluate_slots(own, *self._open)
        elif keeps:
            size.runner.mark(mark, room)
            return
        size.runner.free.append(room)

    def _differentiate(self, size: Size, own: Arrays, mark: object | None) -> None:
        computation, (room, mode) = current(), self._resumed(size, mark)
        computation.keep(room, own)
        own.grad_weights.fill(0)
        if not run(size, room, mode, own.addresses._replace(stop=computation.address), computation):
            self._differentiate_slots(own, *self._open)
        size.runner.free.append(room)

    def _resumed(self, size: Size, mark: object | None) -> tuple[Room, int]:
        """Where to differentiate, and whether the states of `mark` are there."""
        room = None if mark is None else size.runner.room_of(mark)
        return (size.runner.room(), layout.GRADIENT) if room is None else (room, layout.RESUME)

    def _evaluate_slots(self, own: Arrays, slots: SlotAngles, split: Any) -> None:
        """Do it at any angles: with `split`, whose columns are the angles of the slots."""
        angles, finite = slots(self._columns(own))
        own.values[...] = blanked(split.value(angles, np.zeros(0)), finite)

    def _differentiate_slots(self, own: Arrays, slots: SlotAngles, split: Any) -> None:
        """The same for gradients."""
        angles, finite = slots(self._columns(own))
        values, by_slots, _ = split.vjp(angles, np.zeros(0), own.cotangent)
        gradient = blanked(slots.pullback(by_slots), finite)
        own.values[...], own.grad_inputs[...] = blanked(values, finite), gradient[:, self.batched]
        own.grad_weights[...] = gradient[:, self.shared].sum(0)

    def _columns(self, own: Arrays) -> Array:
        columns = np.empty((len(own.inputs), len(self.position)))
        columns[:, self.batched], columns[:, self.shared] = own.inputs, own.weights
        return columns

    @cached_property
    def _open(self) -> tuple[SlotAngles, NativeSplit]:
        slots = SlotAngles(self.circuit)
        return slots, NativeSplit(slots.circuit, self.dtype, range(slots.circuit.angles.num_columns), ())
