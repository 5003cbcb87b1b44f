"""Compile the native engine's machine code into the cache: `python -m qkernel_backends.native`."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import numpy as np

from qkernel_backends.native.cache import cache_folder, machine_code


def _load(precision: str) -> None:
    machine_code(np.dtype(precision))


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_load, ("float32", "float64")))
    print(f"the native engine is ready, its machine code in {cache_folder() or 'no folder'}")
