"""Matrices and numbers of outcomes for packages that write the first qubit as the most significant bit."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def big_endian(matrix: Array) -> Array:
    """A matrix (2**n, 2**n) in the other order of qubits; from either one to the other."""
    count = len(matrix).bit_length() - 1
    axes = [*reversed(range(count)), *reversed(range(count, 2 * count))]
    return matrix.reshape((2,) * (2 * count)).transpose(axes).reshape(matrix.shape)
