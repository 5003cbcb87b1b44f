"""Runs a program in passes over blocks of one large state, the blocks shared out among threads."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import partial
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
        self.state = aligned(4 << program.num_qubits, program.dtype)

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
        program = self.program
        calls, threads = [workspace.run for workspace in self.workspaces], num_threads()

        def everywhere(sample: int, task: int, last: int = 0) -> None:
            together([partial(call, 0, last, task, sample, 0) for call in calls], computation, threads)

        if mode != layout.RESUME:
            everywhere(0, layout.BEGIN_CALL, count)
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
                    at, blocks, _ = program.passes[number]
                    cuts = [blocks * k // len(calls) for k in range(len(calls) + 1)]
                    shares = [partial(call, cuts[k], cuts[k + 1], tasks, sample, at) for k, call in enumerate(calls)]
                    together(shares, computation, threads)
                    advance(1)
                lanes = 64 // program.dtype.itemsize
                if mode != layout.RESUME:
                    self._gather(layout.WORD_VALUES_AT, lanes * int(program.code[layout.NUM_WORDS]))
                    calls[0](0, 0, layout.SUM_UP, sample, 0)
                if differentiates:
                    self._gather(layout.OVERLAPS_AT, 4 * ((lanes << int(program.code[layout.NUM_OUTER])) + layout.GAP * lanes))
                    calls[0](0, 0, layout.END_START, sample, 0)
                    everywhere(sample, layout.END_SAMPLE)
        if differentiates:
            everywhere(0, layout.END_CALL)
        return True

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
