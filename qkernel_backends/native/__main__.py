"""Compile the native engine's machine code into the cache: `python -m qkernel_backends.native`."""

from __future__ import annotations

import numpy as np

from qkernel_backends.native.cache import cache_folder
from qkernel_backends.native.split import load_machine

for precision in (np.float32, np.float64):
    load_machine(np.dtype(precision))
print(f"the native engine is ready, its machine code in {cache_folder()}")
