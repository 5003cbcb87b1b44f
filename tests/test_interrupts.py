"""Interrupts at random moments: calls come back, the next ones are right. `make fuzz` sends thousands."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from qkernel_backends.native.cache import machine_code
from tests.strategies.interrupts import CALLS


@pytest.mark.parametrize("call", sorted(CALLS))
def test_interrupted_calls_come_back_and_the_next_is_right(call: str) -> None:
    machine_code(np.dtype(np.float64))  # or the first call would say that it compiles
    command = [sys.executable, "-m", "tests.strategies.interrupts", call, "40", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "nothing is swallowed or left behind in a thread"
