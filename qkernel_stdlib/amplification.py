"""Amplitude amplification and estimation.

`preparation` A takes a register and prepares its state from 0; `oracle` O takes it and gives good basis states the sign -1.
Both are operations on a register alone that return it: kernels, lambdas, partials; open they count as oracles. a is the
probability of good states in A|0>. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.controlled_gates import mcp, mcz
from qkernel_stdlib.transforms import iqft

Operation = Callable[[qk.Vector[qk.Qubit]], qk.Vector[qk.Qubit]]
"""An operation on a register, as an argument."""


@qk.qkernel
def reflection_about_zero(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """2|0><0| - 1 on n > 0 qubits: 2n X and one Z under n - 1 controls. Under a control that has it, and its sign is a P."""
    return qk.within_apply(qk.x, qk.global_phase(mcz, math.pi))(q)


def grover_operator(preparation: Callable[..., Any], oracle: Callable[..., Any]) -> Any:
    """The kernel Q = A (2|0><0| - 1) A^-1 O of a register: a turn by 2 arcsin(sqrt(a)) in the plane of A|0> and its good part.

    Inside a kernel both may use values of that. Its eigenvalues there are exp(+-2i arcsin(sqrt(a))). A needs no control.
    Source: Brassard, Hoyer, Mosca, Tapp 2002 (arXiv:quant-ph/0005055).
    """

    @qk.qkernel
    def operator(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
        q = qk.within_apply(qk.inverse(preparation), reflection_about_zero)(oracle(q))
        return q

    return operator


@qk.qkernel
def amplitude_amplification(
    q: qk.Vector[qk.Qubit],
    preparation: Operation,
    oracle: Operation,
    iterations: qk.UInt,
) -> qk.Vector[qk.Qubit]:
    """From 0 a state that is good with probability sin((2 iterations + 1) arcsin(sqrt(a)))**2.

    2 iterations + 1 times A or its inverse, `iterations` oracles and reflections.
    Source: Brassard, Hoyer, Mosca, Tapp 2002 (arXiv:quant-ph/0005055), section 2.
    """
    q = preparation(q)
    for _ in qk.range(iterations):
        q = qk.within_apply(qk.inverse(preparation), reflection_about_zero)(oracle(q))
    return q


@qk.qkernel
def fixed_point_amplification(
    q: qk.Vector[qk.Qubit],
    preparation: Operation,
    oracle: Operation,
    iterations: qk.UInt,
    delta: qk.Float = 0.1,
) -> qk.Vector[qk.Qubit]:
    """From 0 a state that is good with probability 1 - delta**2 at least, whatever a is, once `iterations` are enough.

    Enough is 2 iterations + 1 >= ln(2 / delta) / sqrt(a). With L = 2 iterations + 1 the probability is
    1 - (delta T_L(T_(1/L)(1 / delta) sqrt(1 - a)))**2, T being Chebyshev's polynomials. Two controlled oracles an iteration.
    Source: Yoder, Low, Chuang 2014 (arXiv:1409.3305), equations 1, 7 and 11.
    """
    length = 2 * iterations + 1
    width = math.sqrt(1 - 1 / math.cosh(math.log(1 / delta + math.sqrt(1 / delta**2 - 1)) / length) ** 2)
    flag = qk.qubit("flag")
    q = preparation(q)
    for j in qk.range(1, iterations + 1):
        mark = -2 * math.atan2(1.0, math.tan(2 * math.pi * (iterations - j + 1) / length) * width)
        start = -2 * math.atan2(1.0, math.tan(2 * math.pi * j / length) * width)
        flag, q = qk.within_apply(lambda f, q: _flagged(f, q, oracle), lambda f, q: (qk.p(f, mark), q))(flag, q)
        q = qk.within_apply(qk.inverse(preparation), lambda q: _phase_of_zero(q, start))(q)
    return q


@qk.qkernel
def _flagged(flag: qk.Qubit, q: qk.Vector[qk.Qubit], oracle: Operation) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
    """X on the flag where the oracle marks q."""
    flag, q = qk.within_apply(lambda f, q: (qk.h(f), q), lambda f, q: qk.control(oracle)(f, q))(flag, q)
    return flag, q


@qk.qkernel
def _phase_of_zero(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    """exp(i angle) on |0> alone: an X on each qubit around P under n - 1 controls."""
    return qk.within_apply(qk.x, lambda q: mcp(q, angle))(q)


@qk.qkernel
def amplitude_estimation(
    counting: qk.Vector[qk.Qubit],
    q: qk.Vector[qk.Qubit],
    preparation: Operation,
    oracle: Operation,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Write y with a = sin(pi y / 2**m)**2 into the m counting qubits, fresh from allocation like q, to one part in 2**m.

    With probability 8 / pi**2 at least a is met to 2 pi sqrt(a (1 - a)) / 2**m + pi**2 / 4**m. 2**m - 1 controlled oracles and
    reflections, twice as many A and inverses, which need no control, one A, m H and an `iqft`.
    Source: Brassard, Hoyer, Mosca, Tapp 2002 (arXiv:quant-ph/0005055), theorem 12.
    """
    q = preparation(q)
    for k in qk.range(counting.shape[0]):
        counting[k] = qk.h(counting[k])
        counting[k], q = qk.control(grover_operator(preparation, oracle), power=2**k)(counting[k], q)
    return iqft(counting), q


def maximum_likelihood_amplitude(powers: Sequence[int], hits: Sequence[int], shots: int) -> float:
    """The a that makes likeliest what was counted: `hits[i]` of `shots` good after `powers[i]` iterations of amplification.

    The error falls as 1 / sum(powers), without phase estimation. Raises ValueError where there are not as many hits as powers.
    Source: Suzuki et al. 2020 (arXiv:1904.10246).
    """
    if len(powers) != len(hits):
        raise ValueError(f"{len(powers)} powers and {len(hits)} hits: there is to be one for each")
    turns = 2 * np.asarray(powers) + 1
    good = np.asarray(hits) / shots

    def likelihood(angles: Any) -> Any:
        chance = np.clip(np.sin(np.multiply.outer(angles, turns)) ** 2, 1e-15, 1 - 1e-15)
        return (good * np.log(chance) + (1 - good) * np.log1p(-chance)).sum(-1)

    low, high = 0.0, math.pi / 2
    count = 40 * int(turns.max(initial=1))
    while high - low > 1e-12:  # the first grid is finer than the likelihood's peaks, later ones narrow in on the highest
        grid = np.linspace(low, high, count)
        best = int(np.argmax(likelihood(grid)))
        low, high, count = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)], 40
    return math.sin((low + high) / 2) ** 2


def iterative_amplitude_estimation(
    count: Callable[[int, int], int], accuracy: float, failure: float = 0.05, shots: int = 100
) -> tuple[float, float]:
    """Bounds of a that are at most 2 `accuracy` apart and hold but with probability `failure`.

    `count(iterations, shots)` is how many of that many shots are good after `iterations` of amplification. Less than
    50 / accuracy * ln(2 / failure * log2(pi / (4 accuracy))) oracles, without phase estimation.
    Raises ValueError for an accuracy that is not in (0, 0.5). Source: Grinko, Gacon, Zoufal, Woerner 2021 (arXiv:1912.05559).
    """
    if not 0 < accuracy < 0.5:
        raise ValueError(f"an accuracy is between 0 and 0.5, but not {accuracy}")
    steps = max(1, math.ceil(math.log2(math.pi / (8 * accuracy))))
    low, high = 0.0, math.pi / 2
    power, hits, taken = 0, 0, 0
    while math.sin(high) ** 2 - math.sin(low) ** 2 > 2 * accuracy:
        wider = _next_power(power, low, high)
        if wider != power:
            power, hits, taken = wider, 0, 0
        hits, taken = hits + count(power, shots), taken + shots
        spread = math.sqrt(math.log(2 * steps / failure) / (2 * taken))
        bounds = [math.asin(math.sqrt(min(1.0, max(0.0, hits / taken + side * spread)))) for side in (-1, 1)]
        turns = 2 * power + 1
        quadrant = math.floor(turns * low / (math.pi / 2))
        if quadrant % 2:
            bounds = [math.pi / 2 - bounds[1], math.pi / 2 - bounds[0]]
        low, high = (
            max(low, (quadrant * math.pi / 2 + bounds[0]) / turns),
            min(high, (quadrant * math.pi / 2 + bounds[1]) / turns),
        )
    return math.sin(low) ** 2, math.sin(high) ** 2


def _next_power(power: int, low: float, high: float) -> int:
    """The most iterations, twice the last ones at least, after which the angles lie in one quadrant; or the last ones."""
    for turns in range(math.floor(math.pi / 2 / (high - low)), 2 * (2 * power + 1) - 1, -1):
        if turns % 2 and math.floor(turns * low / (math.pi / 2)) == math.ceil(turns * high / (math.pi / 2)) - 1:
            return turns // 2
    return power
