"""Random programs at sizes 0 to 6: closed form, circuit and Qiskit's circuit count the same. `make fuzz` runs it."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tests.fuzz.test_programs_at_length import drawn
from tests.strategies.sizes import verified_sizes, verify_array_kernel


def test_every_program_counts_what_it_lowers_to(pytestconfig: pytest.Config) -> None:
    minutes = pytestconfig.getoption("--minutes")
    wanted = pytestconfig.getoption("--programs") or (None if minutes else 400)
    end = None if minutes is None else time.monotonic() + 60 * minutes
    ran = sizes = 0
    for program in drawn(pytestconfig.getoption("--first-seed")):
        if (wanted is not None and ran >= wanted) or (end is not None and time.monotonic() > end):
            break
        try:
            sizes += verified_sizes(program)
        except Exception as error:
            error.add_note(program.script)
            raise
        ran += 1
    print(f"{ran} programs, verified at {sizes} sizes")
    assert sizes


def test_every_kernel_of_arrays_counts_what_it_lowers_to(pytestconfig: pytest.Config) -> None:
    minutes = pytestconfig.getoption("--minutes")
    wanted = pytestconfig.getoption("--programs") or (None if minutes else 400)
    end = None if minutes is None else time.monotonic() + 60 * minutes
    first = pytestconfig.getoption("--first-seed")
    for seed in count(first):
        if (wanted is not None and seed - first >= wanted) or (end is not None and time.monotonic() > end):
            break
        verify_array_kernel(seed)
    print(f"{seed - first} kernels of arrays")
    assert seed > first
