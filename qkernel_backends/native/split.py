"""A circuit whose parameters come in two kinds: some per sample, some shared by all samples. What layers run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any
from weakref import ref

import numpy as np

from qkernel.lower.circuit import Circuit
from qkernel_backends.memory import require_memory
from qkernel_backends.native.encode import Program, encode
from qkernel_backends.native.large import LargeState
from qkernel_backends.native.layout import EXPECT, GRAD_INPUTS, GRAD_WEIGHTS, GRADIENT, KEEP, RESUME, STATES, VALUES
from qkernel_backends.native.passes import partition
from qkernel_backends.native.threads import num_threads, together
from qkernel_backends.native.workspace import Workspace, aligned
from qkernel_backends.plan import Plan, compile_plan

Array = np.ndarray[Any, Any]

WORTH_THREADS = 250_000.0
_INTERRUPTIBLE = 1e8
_LARGEST_WHOLE = 1 << 21
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


class Room:
    """What one call works in, and where it may leave its states: workspaces, the first of them with the batch.

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
                if not self.marked or self._fits_another():
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

    `keeps` says whether the states may stay for a later call.
    """

    runner: Runner
    samples: int
    chunks: int
    cost: float
    keeps: bool


class NativeSplit:
    """A circuit whose columns `batched` come per sample and whose columns `shared` are one for all samples."""

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], batched: Sequence[int], shared: Sequence[int]) -> None:
        self.circuit, self.dtype = circuit, dtype
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self.position = {column: k for columns in (batched, shared) for k, column in enumerate(columns)}
        self.plan: Plan = compile_plan(circuit, batched, expectations=True)
        self.num_values = len(circuit.expectations)
        self._runners: dict[int, Runner] = {}
        self._sizes: dict[int, Size] = {}

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
        self._sizes[batch] = Size(runner, 1 << bits, chunks, cost, keeps)
        return self._sizes[batch]

    def _program(self, bits: int) -> Program:
        require_memory(self.plan.num_qubits, 2 * self.real.itemsize)
        passes = None
        if (4 * self.real.itemsize) << (self.plan.num_qubits + bits) > _LARGEST_WHOLE:
            block, run = (14, 6) if self.real == np.float32 else (13, 5)
            passes = partition(self.plan, block, run)
        return encode(self.plan, bits, self.real, self.position, passes=passes)

    def value(self, inputs: Array, weights: Array, mark: object | None = None) -> Array:
        """The expectation values, shape (batch, outputs).

        With a `mark` the states stay where they are, if there is room, for as long as it lives: a `vjp` with the same mark,
        inputs and weights that finds them begins there.
        """
        size = self._sizes.get(len(inputs)) or self._size(len(inputs))
        runner, keeps = size.runner, mark is not None and size.keeps
        room = runner.room()
        main = room.works[0]
        main.take(inputs, weights)
        _run(size, room, KEEP if keeps else EXPECT)
        values = main.arrays[VALUES].copy()
        if keeps:
            runner.mark(mark, room)
        else:
            runner.free.append(room)
        return values

    def vjp(self, inputs: Array, weights: Array, cotangent: Array, mark: object | None = None) -> tuple[Array, Array, Array]:
        """The values, and the gradients of sum(cotangent * values) by `inputs` and by `weights`; for `mark` see `value`."""
        size = self._sizes.get(len(inputs)) or self._size(len(inputs))
        runner, mode = size.runner, RESUME
        room = None if mark is None else runner.room_of(mark)
        if room is None:
            room, mode = runner.room(), GRADIENT
            room.works[0].take(inputs, weights)
        main = room.works[0]
        main.observe(cotangent)
        _run(size, room, mode)
        values, by_inputs, by_weights = (main.arrays[place].copy() for place in (VALUES, GRAD_INPUTS, GRAD_WEIGHTS))
        runner.free.append(room)
        return values, by_inputs, by_weights


def _run(size: Size, room: Room, mode: int) -> None:
    """Do the batch of a room, with the help of threads where that is worth it; a room where this fails is forgotten."""
    runner, works, main = size.runner, room.works, room.works[0]
    if runner.program.is_blocked:
        if mode != RESUME:
            _staff(runner, works, num_threads())
        room.large = room.large or LargeState(runner.program, works)
        room.large.run(mode)
        return
    batch, cost = main.batch, size.cost if mode == EXPECT else 3 * size.cost
    if mode != RESUME:
        threads = min(num_threads(), size.chunks) if cost >= WORTH_THREADS else 1
        room.share = -(-size.chunks // threads) * size.samples
        _staff(runner, works, -(-size.chunks * size.samples // room.share))
    if room.share > size.samples and mode in (KEEP, RESUME):
        if len(room.states) < size.chunks:
            room.states = aligned(
                size.chunks * runner.program.state_bytes // runner.program.dtype.itemsize, runner.program.dtype
            ).reshape(size.chunks, -1)
        for own in works:
            if own.arrays[STATES] is not room.states:
                own.give(STATES, room.states)
    if len(works) == 1 and cost <= _INTERRUPTIBLE:
        main.run(0, batch, mode, 0, 0)
        return
    stop = Event()
    step = size.samples if cost > _INTERRUPTIBLE else room.share  # where samples are slow, cuts let Ctrl-C through

    def task(own: Workspace, first: int) -> None:
        last = min(first + room.share, batch)
        for begin in range(first, last, step):
            if stop.is_set():
                return
            own.run(begin, min(begin + step, last), mode, 0, 0)

    for own in works[1:]:
        own.share(main)
    together([partial(task, own, k * room.share) for k, own in enumerate(works)], stop)
    for own in works[1:]:
        main.arrays[GRAD_WEIGHTS][...] += own.arrays[GRAD_WEIGHTS]


def _staff(runner: Runner, works: list[Workspace], count: int) -> None:
    """As many workspaces as threads."""
    while len(works) < count:
        works.append(runner.workspace())
    runner.idle += works[count:]
    del works[count:]
