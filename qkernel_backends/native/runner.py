"""Programs at work: the memory that a call takes, what is kept of it for a gradient, and how threads share it out."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import ref

import numpy as np

from qkernel.threads import Computation, num_parts, num_threads, together
from qkernel_backends.memory import require_memory
from qkernel_backends.native import layout
from qkernel_backends.native.encode import Program
from qkernel_backends.native.large import LargeState
from qkernel_backends.native.progress import progress
from qkernel_backends.native.workspace import Batch, Workspace, address, aligned

Array = np.ndarray[Any, Any]

WORTH_THREADS = 250_000.0
_MOST_LARGE_PARTS = 8  # of a large state: each has a workspace of its own
INTERRUPTIBLE = 1e7
"""Nanoseconds after which a call is not left to the main thread, which signals have to wait for meanwhile."""
KEPT_BYTES = 1 << 26  # of a program's states, and all that stands beside them, that wait for a gradient; one may always


class Arrays:
    """The arrays of a batch for the machine alone; where they begin is asked once, for that takes time."""

    def __init__(self, batch: int, num_inputs: int, num_weights: int, num_values: int, real: np.dtype[Any]) -> None:
        self.inputs, self.grad_inputs = np.empty((2, batch, num_inputs), real)
        self.weights, self.grad_weights = np.empty((2, num_weights), real)
        self.cotangent, self.values = np.empty((2, batch, num_values), real)
        arrays = self.inputs, self.weights, self.cotangent, self.values, self.grad_inputs, self.grad_weights
        self.addresses = Batch(batch, 0, *map(address, arrays))

    def take(self, inputs: int, weights: int, cotangent: int = 0) -> None:
        """Copy what is given from where others have it."""
        ctypes.memmove(self.addresses.inputs, inputs, self.inputs.nbytes)
        ctypes.memmove(self.addresses.weights, weights, self.weights.nbytes)
        if cotangent:
            ctypes.memmove(self.addresses.cotangent, cotangent, self.cotangent.nbytes)

    def give(self, values: int, by_inputs: int = 0, by_weights: int = 0) -> None:
        """Copy what was found to where others want it."""
        ctypes.memmove(values, self.addresses.values, self.values.nbytes)
        if by_inputs:
            ctypes.memmove(by_inputs, self.addresses.grad_inputs, self.grad_inputs.nbytes)
        if by_weights:
            ctypes.memmove(by_weights, self.addresses.grad_weights, self.grad_weights.nbytes)


class Room:
    """What one call works in, and where it may leave its states.

    `share` is how many samples each workspace does, `part` how many chunks of them add their gradients up before these are
    added to those of others; `states` has a row for each chunk of samples.
    """

    def __init__(self, work: Workspace) -> None:
        self.works, self.share, self.part = [work], 0, 0
        self.states = np.zeros((0, 0), work.program.dtype)
        self.large: LargeState | None = None


class Runner:
    """One program, its idle workspaces and its rooms; each serves one call at a time.

    A room in `marked` has the states of the call with that mark, and is free again when the mark is `dead`.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.idle: list[Workspace] = []
        self.free: list[Room] = []
        self.marked: dict[ref[object], Room] = {}
        self._dead: list[ref[object]] = []

    def room(self) -> Room:
        """A free one, a new one while all that are marked fit `KEPT_BYTES`, else the one that was marked first."""
        while self._dead:
            self.release(self._dead.pop())
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
        # What dies is only noted: an interrupt within a callback would be lost.
        self.marked[ref(mark, self._dead.append)] = room

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

    @classmethod
    def of(cls, runner: Runner, batch: int) -> Size:
        program = runner.program
        chunks = max(1, -(-batch >> program.lane_bits))
        cost = program.cost * chunks
        keeps = batch == 1 if program.is_blocked else chunks * program.state_bytes <= KEPT_BYTES
        is_small = not program.is_blocked and 3 * cost <= (INTERRUPTIBLE if chunks == 1 else WORTH_THREADS)
        return cls(runner, 1 << program.lane_bits, chunks, cost, keeps, is_small)


def run(size: Size, room: Room, mode: int, batch: Batch, computation: Computation) -> bool:
    """Do a batch in a room, with the help of threads where that is worth it; a room where this fails is forgotten.

    False where a column is out of the machine's range: then what is found means nothing.
    """
    runner, works = size.runner, room.works
    if runner.program.is_blocked:
        if mode != layout.RESUME:
            _staff(runner, works, min(num_parts(), _MOST_LARGE_PARTS))
        room.large = room.large or LargeState(runner.program, works)
        return room.large.run(mode, batch, computation)
    cost = size.cost if mode == layout.EXPECT else 3 * size.cost  # what is kept is kept for a gradient
    if mode != layout.RESUME:
        parts = min(num_parts(), size.chunks) if cost >= WORTH_THREADS else 1
        room.part = -(-size.chunks // parts)
        parts = -(-size.chunks // room.part)
        room.share = -(-parts // min(num_threads(), parts)) * room.part * size.samples
        _staff(runner, works, -(-size.chunks * size.samples // room.share))
    if room.share > size.samples and mode in (layout.KEEP, layout.RESUME):
        keep_states(size, room)
    for work in works:
        work.point(batch)
    parts = -(-size.chunks // room.part)
    sums = np.zeros((parts, runner.program.num_weights), runner.program.dtype)
    computation.keep(sums)
    _run_together(size, room, mode, batch.samples, cost, sums, computation)
    if mode in (layout.GRADIENT, layout.RESUME) and sums.size:
        where: Any = (ctypes.c_char * sums[0].nbytes).from_address(batch.grad_weights)
        total = np.frombuffer(where, sums.dtype)
        for part in sums:
            total += part
    return not any(work.result.value for work in works)


def evolve(runner: Runner, states: Array, columns: Array, computation: Computation) -> None:
    """Fill `states`, shape (batch, 2, 2**n), each from columns of its own."""
    works: list[Workspace] = []
    _staff(runner, works, min(num_parts(), _MOST_LARGE_PARTS) if runner.program.is_blocked else 1)
    if runner.program.is_blocked:
        LargeState(runner.program, works).evolve(states, columns, computation)
    else:
        works[0].evolve(states, columns, columns[:0], 0, len(columns), computation)
    computation.check()
    if runner.program.bytes * len(works) <= KEPT_BYTES:
        runner.idle += works


def keep_states(size: Size, room: Room) -> None:
    """Have all workspaces of a room find a row of its states for each chunk."""
    program = size.runner.program
    if len(room.states) < size.chunks:
        room.states = aligned(size.chunks * program.state_bytes // program.dtype.itemsize, program.dtype).reshape(
            size.chunks, -1
        )
    for work in room.works:
        work.addresses[layout.STATES] = address(room.states)


def _run_together(size: Size, room: Room, mode: int, count: int, cost: float, sums: Array, computation: Computation) -> None:
    """Each workspace does its share, one chunk at a time where samples are slow and progress is to be seen.

    The gradients of each part of the chunks go into a row of `sums`.
    """
    step = size.samples if cost > INTERRUPTIBLE else room.share
    in_rows = room.share > size.samples

    def task(work: Workspace, first: int) -> None:
        last = min(first + room.share, count)
        for begin in range(first, last, step):
            computation.check()
            work.addresses[layout.GRAD_WEIGHTS] = address(sums[begin // (room.part * size.samples)])
            work.run(begin, min(begin + step, last), mode, room.part, in_rows)
            if work.result.value:
                return
            if not first:
                advance(step)

    with progress("samples", room.share) as advance:
        together([partial(task, work, k * room.share) for k, work in enumerate(room.works)], computation)


def _staff(runner: Runner, works: list[Workspace], count: int) -> None:
    """So many workspaces."""
    while len(works) < count:
        works.append(runner.workspace())
    runner.idle += works[count:]
    del works[count:]
