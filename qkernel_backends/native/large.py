"""Runs a program in passes over blocks of one large state, the blocks shared out among threads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from qkernel_backends.native.blocks import (
    BEGIN,
    BEGIN_CALL,
    BEGIN_SAMPLE,
    END_CALL,
    END_SAMPLE,
    END_START,
    FIRST,
    FORWARD,
    OBSERVE,
    READ,
    UNDO,
    VALUES,
    WEIGH,
)
from qkernel_backends.native.encode import Program
from qkernel_backends.native.layout import NUM_OUTER, NUM_WORDS, OVERLAPS_AT, WORD_VALUES_AT
from qkernel_backends.native.machine import run
from qkernel_backends.native.progress import progress
from qkernel_backends.native.threads import together

Array = np.ndarray[Any, Any]


class LargeState:
    """A program's state and co-state, and a workspace for each thread; serves one call at a time."""

    def __init__(self, program: Program, workspaces: list[Array]) -> None:
        self.program, self.workspaces = program, workspaces
        lanes = 64 // program.dtype.itemsize
        raw = np.empty((4 << program.num_qubits) + lanes, program.dtype)
        skip = -raw.ctypes.data % 64 // program.dtype.itemsize
        self.state = raw[skip : skip + (4 << program.num_qubits)].reshape(1, 1, -1)

    def run(
        self, inputs: Array, weights: Array, cotangent: Array | None, values: Array, grad_inputs: Array, grad_weights: Array
    ) -> None:
        """Fill `values`; with a cotangent, add to both gradients."""
        program = self.program
        rest = inputs, weights, values[:, :0] if cotangent is None else cotangent, values
        gradients = [(np.zeros_like(grad_inputs), np.zeros_like(grad_weights)) for _ in self.workspaces]
        calls = [
            partial(run, program.code, program.numbers, work, *rest, *own, self.state)
            for work, own in zip(self.workspaces, gradients, strict=True)
        ]

        def everywhere(sample: int, task: int) -> None:
            together([partial(call, 0, 0, task, sample, 0) for call in calls])

        everywhere(0, BEGIN_CALL)
        schedule = list(self._schedule(cotangent is not None))
        with progress("passes over the state", len(inputs) * len(schedule)) as advance:
            for sample in range(len(inputs)):
                everywhere(sample, BEGIN_SAMPLE)
                if cotangent is not None:
                    everywhere(sample, WEIGH)
                for number, tasks in schedule:
                    at, blocks, _ = program.passes[number]
                    cuts = [blocks * k // len(calls) for k in range(len(calls) + 1)]
                    together([partial(call, cuts[k], cuts[k + 1], tasks, sample, at) for k, call in enumerate(calls)])
                    advance(1)
                lanes = 64 // program.dtype.itemsize
                self._gather(WORD_VALUES_AT, lanes * int(program.code[NUM_WORDS]))
                calls[0](0, 0, VALUES, sample, 0)
                if cotangent is not None:
                    self._gather(OVERLAPS_AT, 4 * lanes << int(program.code[NUM_OUTER]))
                    calls[0](0, 0, END_START, sample, 0)
                    everywhere(sample, END_SAMPLE)
        if cotangent is not None:
            everywhere(0, END_CALL)
            for by_input, by_weight in gradients:
                grad_inputs += by_input
                grad_weights += by_weight

    def _gather(self, section: int, size: int) -> None:
        """Add the threads' parts of a section up in the first workspace."""
        at = int(self.program.code[section])
        first, *others = (work[at : at + size] for work in self.workspaces)
        for other in others:
            first += other

    def _schedule(self, gradient: bool) -> Iterator[tuple[int, int]]:
        """The passes in order: (number, tasks). Passes without operations, behind the others, only read words."""
        turn = self.program.num_turning
        readers = range(turn + 1, len(self.program.passes))
        for number in range(turn):
            yield number, FORWARD | (FIRST if number == 0 else 0)
        first = FIRST if turn == 0 else 0
        if gradient and not readers:
            yield turn, FORWARD | READ | BEGIN | OBSERVE | UNDO | first
        else:
            yield turn, FORWARD | READ | first
            for number in readers:
                yield number, READ
            if gradient:
                yield turn, BEGIN | OBSERVE
                for number in readers:
                    yield number, OBSERVE
                yield turn, UNDO | first
        if gradient:
            for number in range(turn - 1, -1, -1):
                yield number, UNDO | (FIRST if number == 0 else 0)
