"""The memory of one call at a time: what the machine works in, and where it finds the rest."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from qkernel.threads import AWAITED, Computation
from qkernel_backends.native import layout
from qkernel_backends.native.cache import machine_code
from qkernel_backends.native.encode import Program

Array = np.ndarray[Any, Any]

_NOTHING = np.zeros(8)


def aligned(size: int, dtype: np.dtype[Any], zero: bool = False) -> Array:
    """A new array that begins at a whole vector."""
    lanes = 64 // dtype.itemsize
    raw = (np.zeros if zero else np.empty)(size + lanes, dtype)
    skip = -raw.ctypes.data % 64 // dtype.itemsize
    return raw[skip : skip + size]


def address(array: Array) -> int:
    """Where a contiguous array begins."""
    start: int = array.__array_interface__["data"][0]
    return start


class Batch(NamedTuple):
    """Samples: how many, who waits for them, and where their arrays begin, contiguous and in the program's precision.

    See `layout`.
    """

    samples: int
    stop: int
    inputs: int
    weights: int
    cotangent: int
    values: int
    grad_inputs: int
    grad_weights: int


class Workspace:
    """`run(first, last, mode, sample, at)` calls the machine, see `layout`; it lets go of the interpreter lock.

    `addresses` says where the arrays of a call begin. Who puts one there keeps it alive. What the machine gives is left
    in `result`.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.work = aligned(program.work_size, program.dtype, zero=True)
        for section, values in (
            (layout.SIGNS_AT, program.signs),
            (layout.LANE_MASKS_AT, program.lane_masks),
            (layout.TERM_VECTORS_AT, program.term_vectors),
        ):
            at = program.code[section]
            self.work[at : at + values.size] = values.ravel()
        nothing = address(_NOTHING)
        self.addresses = (ctypes.c_ssize_t * layout.NUM_ARRAYS)(*[nothing] * layout.NUM_ARRAYS)
        self.addresses[layout.WORK] = address(self.work)
        places = address(program.code), ctypes.addressof(self.addresses), address(program.numbers)
        self.result = ctypes.c_int64()
        self.run = partial(machine_code(program.dtype), ctypes.addressof(self.result), nothing, *places)
        self.run(0, 0, layout.CONSTANTS, 0, 0)

    def point(self, batch: Batch) -> None:
        """Have the machine find a batch."""
        self.addresses[layout.STOP :] = list(batch[1:])

    def evolve(
        self, states: Array, inputs: Array, weights: Array, first: int, last: int, computation: Computation = AWAITED
    ) -> None:
        """Run the rows `first` to `last` of `states`, shape (batch, 2, 2**n)."""
        for place, array in ((layout.STATES, states), (layout.INPUTS, inputs), (layout.WEIGHTS, weights)):
            self.addresses[place] = address(array)
        self.addresses[layout.STOP] = computation.address
        self.run(first, last, layout.EVOLVE, 0, 0)

    def retrace(
        self,
        pairs: Array,
        inputs: Array,
        weights: Array,
        by_inputs: Array,
        by_weights: Array,
        first: int,
        last: int,
        computation: Computation,
    ) -> None:
        """Run the rows `first` to `last` of `pairs`, shape (batch, 4, 2**n), back; see `layout.RETRACE`."""
        for place, array in (
            (layout.STATES, pairs),
            (layout.INPUTS, inputs),
            (layout.WEIGHTS, weights),
            (layout.GRAD_INPUTS, by_inputs),
            (layout.GRAD_WEIGHTS, by_weights),
        ):
            self.addresses[place] = address(array)
        self.addresses[layout.STOP] = computation.address
        self.run(first, last, layout.RETRACE, 0, 0)


@contextmanager
def adding_up(
    workspaces: Sequence[Workspace], batch: Batch, places: dict[int, int], computation: Computation
) -> Iterator[None]:
    """Have all workspaces find a batch; what each leaves in `places`, of so many numbers, is added up where the batch says."""
    first, *others = workspaces
    first.point(batch)
    parts = []
    for other in others:
        other.point(batch)
        for place, size in places.items():
            part = np.zeros(size, first.program.dtype)
            computation.keep(part)
            other.addresses[place] = address(part)
            parts.append((place, part))
    yield
    for place, part in parts:
        where: Any = (ctypes.c_char * part.nbytes).from_address(first.addresses[place])
        total = np.frombuffer(where, part.dtype)
        total += part
