"""A circuit whose parameters come in two kinds: some per sample, some shared by all samples. What layers run."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any
from weakref import ref

import numpy as np

from qkernel.lower.circuit import Circuit
from qkernel.recent import Recent
from qkernel_backends.memory import require_memory
from qkernel_backends.native.encode import Program, encode
from qkernel_backends.native.large import LargeState
from qkernel_backends.native.layout import EXPECT, GRAD_WEIGHTS, GRADIENT, KEEP, RESUME, STATES
from qkernel_backends.native.passes import partition
from qkernel_backends.native.progress import progress
from qkernel_backends.native.threads import num_threads, together
from qkernel_backends.native.workspace import Batch, Workspace, adding_up, address, aligned
from qkernel_backends.plan import Plan, compile_plan

Array = np.ndarray[Any, Any]

WORTH_THREADS = 250_000.0
_INTERRUPTIBLE = 1e8
_LARGEST_WHOLE = 1 << 21
_MOST_SIZES, _MOST_IDLE = 1024, 8  # sizes of batches
KEPT_BYTES = 1 << 26  # of a program's states, and all that stands beside them, that wait for a gradient; one may always


def lane_bits(num_qubits: int, batch: int, real: np.dtype[Any]) -> int:
    """How many samples share a vector, as a power of two: more while their states stay in the cache."""
    most = (64 // real.itemsize).bit_length() - 1
    wanted = min(most, max(batch - 1, 0).bit_length())
    while wanted and (4 * real.itemsize) << (num_qubits + wanted) > 1 << 17:
        wanted -= 1
    return max(wanted, most - num_qubits)


def extended(circuit: Circuit, theta: Array, real: np.dtype[Any]) -> Array:
    """Theta with one further column for each curved angle."""
    columns = np.ascontiguousarray(theta, real)
    curved = [slot for slot, _ in circuit.angles.curved]
    if not curved:
        return columns
    angles = circuit.angles.evaluate(np.asarray(theta, float))[:, curved]
    return np.concatenate([columns, angles.astype(real)], 1)


class Arrays:
    """The arrays of a batch that comes as arrays of somebody else; where they begin is asked once, for that takes time."""

    def __init__(self, batch: int, num_inputs: int, num_weights: int, num_values: int, real: np.dtype[Any]) -> None:
        self.inputs, self.grad_inputs = np.empty((2, batch, num_inputs), real)
        self.weights, self.grad_weights = np.empty((2, num_weights), real)
        self.cotangent, self.values = np.empty((2, batch, num_values), real)
        arrays = self.inputs, self.weights, self.cotangent, self.values, self.grad_inputs, self.grad_weights
        self.addresses = Batch(batch, *map(address, arrays))


class Room:
    """What one call works in, and where it may leave its states.

    `share` is how many samples each workspace does; `states` has a row for each chunk of samples.
    """

    def __init__(self, work: Workspace) -> None:
        self.works, self.share = [work], 0
        self.states = np.zeros((0, 0), work.program.dtype)
        self.large: LargeState | None = None


class Runner:
    """One program, its idle workspaces and its rooms; each serves one call at a time.

    A room in `marked` has the states of the call with that mark, and is free again when the mark dies.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.idle: list[Workspace] = []
        self.free: list[Room] = []
        self.marked: dict[ref[object], Room] = {}

    def room(self) -> Room:
        """A free one, a new one while all that are marked fit `KEPT_BYTES`, else the one that was marked first."""
        while True:
            try:
                return self.free.pop()
            except IndexError:
                if self._fits_another():
                    return Room(self.workspace())
            for oldest in tuple(self.marked)[:1]:
                self.release(oldest)

    def _fits_another(self) -> bool:
        room = next(iter(tuple(self.marked.values())), None)
        if room is None:
            return True
        size = self.program.bytes * len(room.works) + room.states.nbytes
        return (len(self.marked) + 1) * size <= KEPT_BYTES

    def mark(self, mark: object, room: Room) -> None:
        self.marked[ref(mark, self.release)] = room

    def room_of(self, mark: object) -> Room | None:
        """The one that still has the states of the call with this mark."""
        return self.marked.pop(ref(mark), None)

    def release(self, mark: ref[object]) -> None:
        room = self.marked.pop(mark, None)
        if room is not None:
            self.free.append(room)

    def workspace(self) -> Workspace:
        try:
            return self.idle.pop()
        except IndexError:
            return self._new_workspace()

    def _new_workspace(self) -> Workspace:
        program = self.program
        tables = program.bytes / program.state_bytes - 2
        more = f"; a gradient needs the state, its co-state and {tables:.1f} states of tables" if tables >= 0 else ""
        require_memory(program.num_qubits, 2 * program.dtype.itemsize, program.bytes, more)
        return Workspace(program)


@dataclass(frozen=True, slots=True)
class Size:
    """How batches of one size run: `samples` share a vector, a forward run costs `cost` nanoseconds on one thread.

    `keeps` says whether the states may stay for a later call, `is_small` that one workspace does it all in one go.
    """

    runner: Runner
    samples: int
    chunks: int
    cost: float
    keeps: bool
    is_small: bool


class NativeSplit:
    """A circuit whose columns `batched` come per sample and whose columns `shared` are one for all samples."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], batched: Sequence[int], shared: Sequence[int]) -> None:
        self.circuit, self.dtype = circuit, dtype
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self.position = {column: k for columns in (batched, shared) for k, column in enumerate(columns)}
        self.plan: Plan = compile_plan(circuit, batched, expectations=True)
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
        runner = self._runners[bits]
        program, chunks = runner.program, max(1, -(-batch >> bits))
        cost = program.cost * chunks
        keeps = batch == 1 if program.is_blocked else chunks * program.state_bytes <= KEPT_BYTES and 3 * cost <= _INTERRUPTIBLE
        is_small = chunks == 1 and not program.is_blocked and 3 * cost <= _INTERRUPTIBLE
        while len(self._sizes) >= _MOST_SIZES:
            self._sizes.pop(next(iter(self._sizes)), None)  # soon worked out again
        self._sizes[batch] = Size(runner, 1 << bits, chunks, cost, keeps, is_small)
        return self._sizes[batch]

    def _program(self, bits: int) -> Program:
        require_memory(self.plan.num_qubits, 2 * self.real.itemsize)
        passes = None
        if (4 * self.real.itemsize) << (self.plan.num_qubits + bits) > _LARGEST_WHOLE:
            block, run = (14, 6) if self.real == np.float32 else (13, 5)
            passes = partition(self.plan, block, run)
        return encode(self.plan, bits, self.real, self.position, passes=passes)

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
        self.differentiate(*own.addresses)
        found = own.values.copy(), own.grad_inputs.copy(), own.grad_weights.copy()
        self._give_back(own)
        return found

    def _arrays(self, batch: int) -> Arrays:
        """Idle ones for a batch of this size, or new ones."""
        try:
            return (self._idle.get(batch) or []).pop()
        except IndexError:
            num_shared = len(self.position) - len(self.plan.batched)
            return Arrays(batch, len(self.plan.batched), num_shared, self.num_values, self.real)

    def _give_back(self, own: Arrays) -> None:
        batch = own.addresses.samples
        (self._idle.get(batch) or self._idle.keep(batch, [])).append(own)

    def evaluate(self, count: int, inputs: int, weights: int, values: int, mark: object | None = None) -> None:
        """`value` of `count` samples between addresses, for callers who have the memory and no time.

        With a `mark` the states stay where they are, if there is room, for as long as it lives: `differentiate` with the
        same mark, inputs and weights that finds them begins there.
        """
        size = self._sizes.get(count) or self._size(count)
        runner, room, batch = size.runner, size.runner.room(), Batch(count, inputs, weights, 0, values, 0, 0)
        if mark is not None and size.keeps:
            _run(size, room, KEEP, batch)
            runner.mark(mark, room)
        else:
            _run(size, room, EXPECT, batch)
            runner.free.append(room)

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
        runner, mode, batch = size.runner, RESUME, Batch(count, inputs, weights, cotangent, values, by_inputs, by_weights)
        room = None if mark is None else runner.room_of(mark)
        if room is None:
            room, mode = runner.room(), GRADIENT
        ctypes.memset(by_weights, 0, self._weight_bytes)
        _run(size, room, mode, batch)
        runner.free.append(room)


def _run(size: Size, room: Room, mode: int, batch: Batch) -> None:
    """Do a batch in a room, with the help of threads where that is worth it; a room where this fails is forgotten."""
    if size.is_small:
        room.works[0].point(batch)
        room.works[0].run(0, batch.samples, mode, 0, 0)
        return
    runner, works = size.runner, room.works
    if runner.program.is_blocked:
        if mode != RESUME:
            _staff(runner, works, num_threads())
        room.large = room.large or LargeState(runner.program, works)
        room.large.run(mode, batch)
        return
    cost = size.cost if mode == EXPECT else 3 * size.cost
    if mode != RESUME:
        threads = min(num_threads(), size.chunks) if cost >= WORTH_THREADS else 1
        room.share = -(-size.chunks // threads) * size.samples
        _staff(runner, works, -(-size.chunks * size.samples // room.share))
    if room.share > size.samples and mode in (KEEP, RESUME):
        _keep_states(size, room)
    if len(works) == 1 and cost <= _INTERRUPTIBLE:
        works[0].point(batch)
        works[0].run(0, batch.samples, mode, 0, 0)
    else:
        with adding_up(works, batch, {GRAD_WEIGHTS: runner.program.num_weights} if mode in (GRADIENT, RESUME) else {}):
            _run_together(size, room, mode, batch.samples, cost)


def _keep_states(size: Size, room: Room) -> None:
    """Have all workspaces of a room find a row of its states for each chunk."""
    program = size.runner.program
    if len(room.states) < size.chunks:
        room.states = aligned(size.chunks * program.state_bytes // program.dtype.itemsize, program.dtype).reshape(
            size.chunks, -1
        )
    for work in room.works:
        work.addresses[STATES] = address(room.states)


def _run_together(size: Size, room: Room, mode: int, count: int, cost: float) -> None:
    """Each workspace does its share; where samples are slow, cuts let Ctrl-C through."""
    stop = Event()
    step = size.samples if cost > _INTERRUPTIBLE else room.share

    def task(work: Workspace, first: int) -> None:
        last = min(first + room.share, count)
        for begin in range(first, last, step):
            if stop.is_set():
                return
            work.run(begin, min(begin + step, last), mode, 0, 0)
            if not first:
                advance(step)

    with progress("samples", room.share) as advance:
        together([partial(task, work, k * room.share) for k, work in enumerate(room.works)], stop)


def _staff(runner: Runner, works: list[Workspace], count: int) -> None:
    """As many workspaces as threads."""
    while len(works) < count:
        works.append(runner.workspace())
    runner.idle += works[count:]
    del works[count:]
