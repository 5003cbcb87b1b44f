"""The arrays of a plan in the making, and who works on them: machine code where it is there, else the same in Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from qkernel_backends.plan.columns import NUM_REAL, NUM_SIZES, NUM_WHOLE, SIZES
from qkernel_backends.plan.machine import run

Array = np.ndarray[Any, Any]
Planner = Callable[..., None]
"""`machine.run` as machine code, which takes the addresses of tables of addresses."""


class _Numbered:
    """Arrays of one type by number, and for machine code where each of them stands."""

    def __init__(self, count: int, dtype: Any, has_addresses: bool) -> None:
        self.arrays: list[Any] = [None] * count
        self.dtype, self.addresses = dtype, (ctypes.c_void_p * count)() if has_addresses else None

    def give(self, number: int, values: Any) -> None:
        if self.addresses is None:
            self.arrays[number] = np.asarray(values, self.dtype).tolist()
        else:
            self.arrays[number] = found = np.ascontiguousarray(values, self.dtype)
            self.addresses[number] = found.__array_interface__["data"][0]

    def found(self, number: int, size: int) -> Array:
        return np.asarray(self.arrays[number][:size], self.dtype)


class Tables:
    """Arrays of whole and of real numbers by the numbers of `columns`."""

    def __init__(
        self, machine: Planner | None, num_whole: int = NUM_WHOLE, num_real: int = NUM_REAL, num_sizes: int = NUM_SIZES
    ) -> None:
        self.machine = machine
        self.whole = _Numbered(num_whole, np.int64, machine is not None)
        self.real = _Numbered(num_real, np.float64, machine is not None)
        self.make(SIZES, num_sizes)
        self.sizes = self.whole.arrays[SIZES]

    def give(self, number: int, values: Any) -> None:
        """Whole numbers; who gives an array that is contiguous and of 64 bits may see it change."""
        self.whole.give(number, values)

    def give_real(self, number: int, values: Any) -> None:
        self.real.give(number, values)

    def make(self, number: int, size: int) -> None:
        """Zeros."""
        self.whole.give(number, np.zeros(size, np.int64))

    def make_real(self, number: int, size: int) -> None:
        self.real.give(number, np.zeros(size))

    def found(self, number: int, size: int) -> Array:
        return self.whole.found(number, size)

    def found_real(self, number: int, size: int) -> Array:
        return self.real.found(number, size)

    def run(self, task: int) -> None:
        """Do what has this number in `machine`."""
        if self.machine is None:
            run(task, self.whole.arrays, self.real.arrays)
        else:
            self.machine(task, self.whole.addresses, self.real.addresses)
