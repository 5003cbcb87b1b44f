"""Compile the native engine's machine code: `python -m qkernel_backends.native`.

Into the cache, for this machine; with `--wheel` into the package, for each level of processors, or with
`--wheel LEVEL MACHINE PRECISION` for one.
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
_MACHINES = (("machine", "float32"), ("machine", "float64"), ("pauli_vectors", "float64"), ("planner", "float64"))


def _load(machine: tuple[str, str]) -> None:
    name, precision = machine
    machine_code(np.dtype(precision), name)


def _bring(level: str, machine: tuple[str, str]) -> None:
    """In a process of its own: numba reads once what processor to compile for."""
    environment = {**os.environ, "NUMBA_CPU_NAME": level, "NUMBA_CPU_FEATURES": ""}
    subprocess.run([sys.executable, "-m", _MODULE, "--wheel", level, *machine], env=environment, check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--wheel", level, name, precision]:
            bring(np.dtype(precision), level, name)
        case ["--wheel"]:
            with ProcessPoolExecutor(2) as pool:
                list(pool.map(_bring, *zip(*product(LEVELS, _MACHINES), strict=True)))
        case _:
            with ProcessPoolExecutor(2) as pool:
                list(pool.map(_load, _MACHINES))
            print(f"the native engine is ready, its machine code in {cache_folder() or 'no folder'}")
