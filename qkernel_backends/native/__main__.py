"""Compile the native engine's machine code: `python -m qkernel_backends.native`.

Into the cache, for this machine; with `--wheel` into the package, for each level of processors, or with
`--wheel LEVEL PRECISION` for one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np

from qkernel_backends.native.cache import LEVELS, bring, cache_folder, machine_code

_MODULE = "qkernel_backends.native"
_PRECISIONS = ("float32", "float64")


def _load(precision: str) -> None:
    machine_code(np.dtype(precision))


def _bring(level: str, precision: str) -> None:
    """In a process of its own: numba reads once what processor to compile for."""
    environment = {**os.environ, "NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ""}
    subprocess.run([sys.executable, "-m", _MODULE, "--wheel", level, precision], env=environment, check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--wheel", level, precision]:
            bring(np.dtype(precision), level)
        case ["--wheel"]:
            with ProcessPoolExecutor(2) as pool:
                list(pool.map(_bring, *zip(*product(LEVELS, _PRECISIONS), strict=True)))
        case _:
            with ProcessPoolExecutor(2) as pool:
                list(pool.map(_load, _PRECISIONS))
            print(f"the native engine is ready, its machine code in {cache_folder() or 'no folder'}")
