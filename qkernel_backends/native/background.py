"""Machine code that another process compiles while this one goes on."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from qkernel_backends.native.cache import file_to_come, say

_COMPILE = """
import sys
precision, *sys.path[:] = sys.argv[1:]
import numpy
from qkernel_backends.native.cache import machine_code
machine_code(numpy.dtype(precision))
"""


class Compilation:
    """A process that compiles one precision. It outlives this one, so that the next finds what it made."""

    def __init__(self, real: np.dtype[Any], file: Path) -> None:
        self._file, self._seen_over = file, False
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _COMPILE, real.name, *sys.path],
            stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True,
        )  # fmt: skip

    @property
    def is_over(self) -> bool:
        """Whether the machine code is there, or will not come by itself."""
        if not self._seen_over:
            self._seen_over = self._file.exists() or self._process.poll() is not None
            if self._seen_over:
                say("the native engine is compiled, and takes over")
        return self._seen_over


@cache
def compilation(real: np.dtype[Any]) -> Compilation | None:
    """Has it compiled, if it is not; None where it is, or nobody else can do it."""
    file = file_to_come(real)
    if file is None or not sys.executable or getattr(sys, "frozen", False):  # then Python cannot be started again
        return None
    try:
        found = Compilation(real, file)
    except OSError:
        return None
    say(
        f"the native engine is being compiled for {real.name}, once for this machine (up to a minute); "
        "meanwhile a slower engine answers, equal but for rounding"
    )
    return found
