"""Random programs at sizes 0 to 6: closed form, circuit and Qiskit's circuit count the same. `make fuzz` runs it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from tests.fuzz.test_programs_at_length import drawn
from tests.strategies.sizes import verified_sizes, verify_array_kernel


def test_every_program_counts_what_it_lowers_to(pytestconfig: pytest.Config, is_over: Callable[[int], bool]) -> None:
    ran = sizes = 0
    for program in drawn(pytestconfig.getoption("--first-seed")):
        if is_over(ran):
            break
        try:
            sizes += verified_sizes(program)
        except Exception as error:
            error.add_note(program.script)
            raise
        ran += 1
    print(f"{ran} programs, verified at {sizes} sizes")
    assert sizes


def test_every_kernel_of_arrays_counts_what_it_lowers_to(pytestconfig: pytest.Config, is_over: Callable[[int], bool]) -> None:
    first = pytestconfig.getoption("--first-seed")
    for seed in count(first):
        if is_over(seed - first):
            break
        verify_array_kernel(seed)
    print(f"{seed - first} kernels of arrays")
    assert seed > first
