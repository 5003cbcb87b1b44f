"""Runs a program in passes over blocks of one large state, the blocks shared out among threads."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cached_property, partial
from typing import Any

import numpy as np

from qkernel.threads import Computation, num_threads, together
from qkernel_backends.native import layout
from qkernel_backends.native.encode import Program
from qkernel_backends.native.progress import progress
from qkernel_backends.native.workspace import Batch, Workspace, adding_up, address, aligned

Array = np.ndarray[Any, Any]


class LargeState:
    """A program's state and co-state, and a workspace for each part of the blocks; serves one call at a time."""

    def __init__(self, program: Program, workspaces: list[Workspace]) -> None:
        self.program, self.workspaces = program, workspaces

    @cached_property
    def state(self) -> Array:
        """State and co-state."""
        return aligned(4 << self.program.num_qubits, self.program.dtype)

    def evolve(self, states: Array, columns: Array, computation: Computation) -> None:
        """Fill `states`, shape (batch, 2, 2**n), sample by sample, each from columns of its own."""
        schedule = [entry for entry in self._schedule(layout.EXPECT) if entry[1] & layout.FORWARD]
        with progress("passes over the state", len(states) * len(schedule)) as advance:
            for sample, state in enumerate(states):
                for workspace in self.workspaces:
                    workspace.addresses[layout.STATES] = address(state)
                    workspace.addresses[layout.INPUTS] = workspace.addresses[layout.WEIGHTS] = address(columns)
                    workspace.addresses[layout.STOP] = computation.address
                if sample == 0:
                    self._everywhere(sample, layout.BEGIN_CALL, computation, len(states))
                self._everywhere(sample, layout.BEGIN_SAMPLE, computation)
                for number, tasks in schedule:
                    self._pass(number, tasks & (layout.FORWARD | layout.FIRST), sample, computation)
                    advance(1)

    def run(self, mode: int, batch: Batch, computation: Computation) -> bool:
        """Do a batch; False, and nothing is done, where a column is out of range."""
        program = self.program
        for workspace in self.workspaces:
            workspace.addresses[layout.STATES] = address(self.state)
        sizes = {
            layout.GRAD_INPUTS: batch.samples * int(program.code[layout.NUM_INPUTS]),
            layout.GRAD_WEIGHTS: program.num_weights,
        }
        differentiates = mode in (layout.GRADIENT, layout.RESUME)
        if differentiates:
            ctypes.memset(batch.grad_inputs, 0, sizes[layout.GRAD_INPUTS] * program.dtype.itemsize)
        with adding_up(self.workspaces, batch, sizes if differentiates else {}, computation):
            return self._run(mode, batch.samples, differentiates, computation)

    def _run(self, mode: int, count: int, differentiates: bool, computation: Computation) -> bool:
        program, first = self.program, self.workspaces[0].run
        everywhere = partial(self._everywhere, computation=computation)
        if mode != layout.RESUME:
            everywhere(0, layout.BEGIN_CALL, last=count)
            if self.workspaces[0].result.value:
                return False
        schedule = list(self._schedule(mode))
        with progress("passes over the state", count * len(schedule)) as advance:
            for sample in range(count):
                if mode != layout.RESUME:
                    everywhere(sample, layout.BEGIN_SAMPLE)
                if differentiates:
                    everywhere(sample, layout.WEIGH)
                for number, tasks in schedule:
                    self._pass(number, tasks, sample, computation)
                    advance(1)
                lanes = 64 // program.dtype.itemsize
                if mode != layout.RESUME:
                    self._gather(layout.WORD_VALUES_AT, lanes * int(program.code[layout.NUM_WORDS]))
                    first(0, 0, layout.SUM_UP, sample, 0)
                if differentiates:
                    self._gather(layout.OVERLAPS_AT, 4 * ((lanes << int(program.code[layout.NUM_OUTER])) + layout.GAP * lanes))
                    first(0, 0, layout.END_START, sample, 0)
                    everywhere(sample, layout.END_SAMPLE)
        if differentiates:
            everywhere(0, layout.END_CALL)
        return True

    def _everywhere(self, sample: int, task: int, computation: Computation, last: int = 0) -> None:
        """What every workspace does for itself."""
        together([partial(each.run, 0, last, task, sample, 0) for each in self.workspaces], computation, num_threads())

    def _pass(self, number: int, tasks: int, sample: int, computation: Computation) -> None:
        """All blocks of a pass, shared out."""
        (at, blocks, _), parts = self.program.passes[number], len(self.workspaces)
        cuts = [blocks * k // parts for k in range(parts + 1)]
        shares = [partial(each.run, cuts[k], cuts[k + 1], tasks, sample, at) for k, each in enumerate(self.workspaces)]
        together(shares, computation, num_threads())

    def _gather(self, section: int, size: int) -> None:
        """Add the parts of a section up in the first workspace."""
        at = int(self.program.code[section])
        first, *others = (workspace.work[at : at + size] for workspace in self.workspaces)
        for other in others:
            first += other

    def _schedule(self, mode: int) -> Iterator[tuple[int, int]]:
        """The passes in order: (number, tasks). Passes without operations, behind the others, only read words."""
        turn = self.program.num_turning
        readers = range(turn + 1, len(self.program.passes))
        first = layout.FIRST if turn == 0 else 0
        differentiates = mode in (layout.GRADIENT, layout.RESUME)
        at_turn = 0 if mode == layout.RESUME else layout.FORWARD | layout.READ
        at_turn |= layout.BEGIN | layout.OBSERVE if differentiates else 0
        if mode != layout.RESUME:
            for number in range(turn):
                yield number, layout.FORWARD | (layout.FIRST if number == 0 else 0)
        if differentiates and not readers:
            yield turn, at_turn | layout.UNDO | first
        else:
            yield turn, at_turn | (layout.FIRST if turn == 0 and mode != layout.RESUME else 0)
            for number in readers:
                yield number, at_turn & (layout.READ | layout.OBSERVE)
            if differentiates:
                yield turn, layout.UNDO | first
        if not differentiates:
            return
        for number in range(turn - 1, -1, -1):
            yield number, layout.UNDO | (layout.FIRST if number == 0 else 0)
