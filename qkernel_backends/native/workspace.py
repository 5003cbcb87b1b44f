"""The memory of one call at a time: what the machine works in, and the arrays that a batch comes and goes in."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from qkernel_backends.native.cache import machine_code
from qkernel_backends.native.encode import Program
from qkernel_backends.native.layout import (
    CONSTANTS,
    COTANGENT,
    EVOLVE,
    GRAD_INPUTS,
    GRAD_WEIGHTS,
    INPUTS,
    LANE_MASKS_AT,
    NUM_ARRAYS,
    NUM_INPUTS,
    NUM_VALUES,
    SIGNS_AT,
    STATES,
    VALUES,
    WEIGHTS,
    WORK,
)

Array = np.ndarray[Any, Any]

_NOTHING = np.zeros(8)


def aligned(size: int, dtype: np.dtype[Any], zero: bool = False) -> Array:
    """A new array that begins at a whole vector."""
    lanes = 64 // dtype.itemsize
    raw = (np.zeros if zero else np.empty)(size + lanes, dtype)
    skip = -raw.ctypes.data % 64 // dtype.itemsize
    return raw[skip : skip + size]


class Workspace:
    """`run(first, last, mode, sample, at)` calls the machine, see `layout`; it lets go of the interpreter lock."""

    def __init__(self, program: Program) -> None:
        self.program, self.batch = program, -1
        self.arrays: list[Array] = [_NOTHING] * NUM_ARRAYS
        self._addresses = np.zeros(NUM_ARRAYS, np.intp)
        work = aligned(program.work_size, program.dtype, zero=True)
        for section, values in ((SIGNS_AT, program.signs), (LANE_MASKS_AT, program.lane_masks)):
            at = program.code[section]
            work[at : at + values.size] = values.ravel()
        self.give(WORK, work)
        nothing = _NOTHING.ctypes.data
        places = (program.code, self._addresses, program.numbers)
        self.run = partial(machine_code(program.dtype), nothing, nothing + 8, *(array.ctypes.data for array in places))
        self.run(0, 0, CONSTANTS, 0, 0)

    def give(self, place: int, array: Array) -> None:
        """Have the machine find `array`, contiguous and of the program's precision, at `place`."""
        self.arrays[place] = array
        self._addresses[place] = array.ctypes.data

    def take(self, inputs: Any, weights: Any) -> None:
        """Copy a batch in."""
        if len(inputs) != self.batch:
            self._make_room(len(inputs), weights.size)
        self.arrays[INPUTS][...] = inputs
        self.arrays[WEIGHTS][...] = weights

    def observe(self, cotangent: Any) -> None:
        """Begin with a gradient for the batch."""
        self.arrays[COTANGENT][...] = cotangent
        self.arrays[GRAD_WEIGHTS].fill(0)

    def _make_room(self, batch: int, num_weights: int) -> None:
        by_sample, values = (batch, int(self.program.code[NUM_INPUTS])), (batch, int(self.program.code[NUM_VALUES]))
        for place, shape in (
            (INPUTS, by_sample), (WEIGHTS, num_weights), (COTANGENT, values),
            (VALUES, values), (GRAD_INPUTS, by_sample), (GRAD_WEIGHTS, num_weights),
        ):  # fmt: skip
            self.give(place, np.empty(shape, self.program.dtype))
        self.batch = batch

    def share(self, other: Workspace) -> None:
        """Work on the batch of another, with a gradient of the weights of its own."""
        for place in (INPUTS, WEIGHTS, COTANGENT, VALUES, GRAD_INPUTS):
            self.give(place, other.arrays[place])
        self.give(GRAD_WEIGHTS, np.zeros_like(other.arrays[GRAD_WEIGHTS]))
        self.batch = -1

    def evolve(self, states: Array, inputs: Array, weights: Array, first: int, last: int) -> None:
        """Run the rows `first` to `last` of `states`, shape (batch, 2, 2**n)."""
        given = ((STATES, states), (INPUTS, inputs), (WEIGHTS, weights))
        for place, array in given:
            self.give(place, array)
        self.run(first, last, EVOLVE, 0, 0)
        for place, _ in given:
            self.arrays[place] = _NOTHING
        self.batch = -1
