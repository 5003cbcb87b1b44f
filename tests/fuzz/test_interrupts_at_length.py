"""Thousands of interrupts at random moments, on every engine. `make fuzz` runs it."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import count

import numpy as np
import pytest

from qkernel_backends.native.cache import machine_code
from tests.strategies.interrupts import CALLS


def test_interrupts_on_every_engine(pytestconfig: pytest.Config) -> None:
    machine_code(np.dtype(np.float64))  # or the first call would say that it compiles
    minutes = pytestconfig.getoption("--minutes")
    end = None if minutes is None else time.monotonic() + 60 * minutes
    first = pytestconfig.getoption("--first-seed")
    for seed in count(first):
        for call in CALLS:
            command = [sys.executable, "-m", "tests.strategies.interrupts", call, "200", str(seed), str(1 + seed % 4)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
            assert (done.returncode, done.stderr) == (0, ""), f"{command}\n{done.stderr}"
            print(done.stdout, end="")
        if end is None or time.monotonic() > end:
            return
