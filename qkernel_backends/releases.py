"""Releases: whether the qubits that kernels promise to clean are back in 0, where others are about to use them again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qkernel.lower.circuit import Instruction
from qkernel.lower.workspace import MOST_LEFT, broken

Array = np.ndarray[Any, Any]


def require_clean(states: Array, release: Instruction, dtype: np.dtype[Any]) -> None:
    """Raise `UncleanAncillaError` unless the qubits of a release are in 0 in all of `states`.

    These are real and imaginary parts, shape (states, 2, 2**n), of amplitudes computed in `dtype`.
    """
    left = _left_behind(states, release.qubits)
    if left.max(initial=0.0) <= MOST_LEFT[dtype]:
        return
    worst = states[[int(left.argmax())]]
    shares = [float(_left_behind(worst, (qubit,))[0]) for qubit in release.qubits]
    k = int(np.argmax(shares))
    assert release.kind.promise is not None
    raise broken(release.kind.promise, k, shares[k])


def _left_behind(states: Array, qubits: Sequence[int]) -> Array:
    """For each state the probability that not all of `qubits` are 0: the amplitudes are read once."""
    total = np.zeros(len(states))
    for qubit in sorted(qubits, reverse=True):
        halves = states.reshape(len(states), 2, -1, 2, 1 << qubit)
        ones = halves[:, :, :, 1]
        total += np.einsum("rpab,rpab->r", ones, ones, dtype=float)
        states = halves[:, :, :, 0]
    return total
