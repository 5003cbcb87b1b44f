"""Examples of quantum walks."""

from __future__ import annotations

import numpy as np

from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.walks import cycle_walk, hypercube_walk


def _cycle(position: int, steps: int) -> Array:
    """Steps as loops over sites, coin last."""
    sites = 2**position
    step: Array = np.zeros((2 * sites, 2 * sites))
    for site in range(sites):
        for before in (0, 1):
            for after, move in ((0, -1), (1, 1)):
                sign = -1 if before and after else 1
                step[(site + move) % sites + sites * after, site + sites * before] = sign / np.sqrt(2)
    return np.linalg.matrix_power(step, steps)


def _hypercube(position: int, coin: int, steps: int) -> Array:
    corners = 2**position
    toss = np.full((position, position), 2 / position) - np.eye(position)
    step: Array = np.zeros((corners * position, corners * position))
    for corner in range(corners):
        for before in range(position):
            for after in range(position):
                step[(corner ^ 2**after) + corners * after, corner + corners * before] = toss[after, before]
    return np.linalg.matrix_power(step, steps)


EXAMPLES = (
    Example(
        cycle_walk,
        lambda n: {"position": n, "steps": 3},
        2,
        sizes=range(1, 5),
        expected=_cycle,
        counts=lambda position, steps: {"h": steps},
        code="print((abs(cycle_walk.statevector(position=3, steps=4)) ** 2).reshape(2, 8).sum(0).round(3))",
    ),
    Example(
        hypercube_walk,
        lambda n: {"position": 2**n, "coin": n, "steps": 2},
        1,
        sizes=range(1, 4),
        expected=_hypercube,
        counts=lambda position, coin, steps: {"qubits": position + coin},
        grows=False,
    ),
)
