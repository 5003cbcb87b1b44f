"""Random kernels that reorder their qubits, under every modifier, against their matrices. `make fuzz` runs it."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tests.strategies.reordering import check, generate


def test_every_program_does_what_its_matrices_say(pytestconfig: pytest.Config) -> None:
    minutes = pytestconfig.getoption("--minutes")
    wanted = pytestconfig.getoption("--programs") or (None if minutes else 400)
    end = None if minutes is None else time.monotonic() + 60 * minutes
    ran = 0
    for seed in count(pytestconfig.getoption("--first-seed")):
        if (wanted is not None and ran >= wanted) or (end is not None and time.monotonic() > end):
            break
        program = generate(seed)
        try:
            check(program)
        except Exception as error:
            error.add_note(f"{program.source}\n{program.values}")
            raise
        ran += 1
    print(f"{ran} programs that reorder their qubits")
    assert ran
