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


class Tables:
    """Arrays of whole and of real numbers by the numbers of `columns`."""

    def __init__(
        self, machine: Planner | None, num_whole: int = NUM_WHOLE, num_real: int = NUM_REAL, num_sizes: int = NUM_SIZES
    ) -> None:
        self.machine = machine
        self.whole: list[Any] = [None] * num_whole
        self.real: list[Any] = [None] * num_real
        self.make(SIZES, num_sizes)

    @property
    def sizes(self) -> Any:
        """See `columns`."""
        return self.whole[SIZES]

    def give(self, number: int, values: Any) -> None:
        """Whole numbers; who gives an array that is contiguous and of 64 bits may see it change."""
        self.whole[number] = np.ascontiguousarray(values, np.int64) if self.machine else np.asarray(values).tolist()

    def give_real(self, number: int, values: Any) -> None:
        self.real[number] = np.ascontiguousarray(values, np.float64) if self.machine else np.asarray(values).tolist()

    def make(self, number: int, size: int) -> None:
        """Zeros."""
        self.whole[number] = np.zeros(size, np.int64) if self.machine else [0] * size

    def make_real(self, number: int, size: int) -> None:
        self.real[number] = np.zeros(size) if self.machine else [0.0] * size

    def found(self, number: int, size: int) -> Array:
        return np.asarray(self.whole[number][:size], np.int64)

    def found_real(self, number: int, size: int) -> Array:
        return np.asarray(self.real[number][:size], np.float64)

    def run(self, task: int) -> None:
        """Do what has this number in `machine`."""
        if self.machine is None:
            run(task, self.whole, self.real)
        else:
            self.machine(task, _addresses(self.whole), _addresses(self.real))


def _addresses(arrays: list[Any]) -> Any:
    found = [0 if array is None else array.__array_interface__["data"][0] for array in arrays]
    return (ctypes.c_void_p * len(found))(*found)
