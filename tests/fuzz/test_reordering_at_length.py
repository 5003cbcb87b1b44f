"""Random kernels that reorder their qubits, under every modifier, against their matrices. `make fuzz` runs it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from tests.strategies.reordering import check, generate


def test_every_program_does_what_its_matrices_say(pytestconfig: pytest.Config, is_over: Callable[[int], bool]) -> None:
    ran = 0
    for seed in count(pytestconfig.getoption("--first-seed")):
        if is_over(ran):
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
