"""Search, and the algorithms that ask an oracle for a hidden property.

`oracle` takes a register and gives marked basis states the sign -1, unless it is said to do otherwise; a kernel,
a lambda or a partial, and open it counts as an oracle. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

import qkernel as qk
from qkernel_stdlib.amplification import Operation, reflection_about_zero

Labelling = Callable[[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]], tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]]
"""An operation on two registers, as an argument."""


@qk.qkernel
def diffusion(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """2|s><s| - 1, s being the uniform superposition of n > 0 qubits: 2n H, 2n X and one Z under n - 1 controls.

    Source: Grover 1996 (arXiv:quant-ph/9605043).
    """
    return qk.within_apply(qk.h, reflection_about_zero)(q)


@qk.qkernel
def grover_search(q: qk.Vector[qk.Qubit], oracle: Operation, iterations: qk.UInt) -> qk.Vector[qk.Qubit]:
    """From 0, `iterations` times the oracle and `diffusion` after H on each qubit: sin((2 iterations + 1) t)**2 is marked.

    t = arcsin(sqrt(m / 2**n)) for m marked states; `grover_iteration_count` has the best number of iterations.
    Source: Grover 1996 (arXiv:quant-ph/9605043); Boyer, Brassard, Hoyer, Tapp 1998 (arXiv:quant-ph/9605034).
    """
    q = qk.h(q)
    for _ in qk.range(iterations):
        q = diffusion(oracle(q))
    return q


def grover_iteration_count(num_qubits: qk.UInt, num_marked: qk.UInt = 1) -> qk.UInt:
    """The first best number of iterations, floor(pi / (4 arcsin(sqrt(num_marked / 2**num_qubits)))), of numbers or symbols.

    Exact below 2**50, beyond to the rounding of a float; at most 1,000 qubits.
    Source: Boyer, Brassard, Hoyer, Tapp 1998 (arXiv:quant-ph/9605034).
    """
    return math.floor(math.pi / (4 * math.asin(math.sqrt(num_marked / 2**num_qubits))))


def search_unknown(
    measure: Callable[[int], int], is_marked: Callable[[int], bool], num_qubits: int, seed: int = 0
) -> int | None:
    """A marked number where it is not known how many there are, in expectation after at most 9/2 sqrt(2**n / m) iterations.

    `measure(iterations)` is one outcome of `grover_search`. None after 9 sqrt(2**n) iterations, when most likely there is none.
    Source: Boyer, Brassard, Hoyer, Tapp 1998 (arXiv:quant-ph/9605034), section 4.
    """
    generator = np.random.default_rng(seed)
    bound, most, spent = 1.0, math.sqrt(2**num_qubits), 0
    while spent <= 9 * most:
        iterations = int(generator.integers(math.ceil(bound)))
        found = measure(iterations)
        if is_marked(found):
            return found
        spent, bound = spent + iterations + 1, min(bound * 6 / 5, most)
    return None


def minimum_search(
    measure: Callable[[int, float], int], value: Callable[[int], float], num_qubits: int, seed: int = 0
) -> tuple[int, float]:
    """A number of the least value, and that value, with probability 1/2 at least; by search for ever smaller ones.

    `measure(iterations, threshold)` is one outcome of `grover_search` whose oracle marks what is below the threshold.
    Stops after 22.5 sqrt(2**n) + 1.4 n**2 iterations. Source: Durr, Hoyer 1996 (arXiv:quant-ph/9607014).
    """
    generator = np.random.default_rng(seed)
    best = int(generator.integers(2**num_qubits))
    least, most, spent = value(best), math.sqrt(2**num_qubits), 0
    bound = 1.0
    while spent <= 22.5 * most + 1.4 * num_qubits**2:
        iterations = int(generator.integers(math.ceil(bound)))
        found = measure(iterations, least)
        spent, bound = spent + iterations + 1, min(bound * 6 / 5, most)
        if value(found) < least:
            best, least, bound = found, value(found), 1.0
    return best, least


@qk.qkernel
def bernstein_vazirani(q: qk.Vector[qk.Qubit], oracle: Operation) -> qk.Vector[qk.Qubit]:
    """From 0 the hidden number s itself, where the oracle gives |x> the sign (-1)**(s . x): one oracle, 2n H.

    Source: Bernstein, Vazirani 1997 (SIAM J. Comput. 26, 1411).
    """
    return qk.within_apply(qk.h, oracle)(q)


@qk.qkernel
def deutsch_jozsa(q: qk.Vector[qk.Qubit], oracle: Operation) -> qk.Vector[qk.Qubit]:
    """From 0 all zeros where the oracle marks all or no numbers, never where it marks half of them: one oracle, 2n H.

    Source: Deutsch, Jozsa 1992 (Proc. R. Soc. A 439, 553).
    """
    return qk.within_apply(qk.h, oracle)(q)


@qk.qkernel
def simon(
    q: qk.Vector[qk.Qubit],
    copy: qk.Vector[qk.Qubit],
    oracle: Labelling,
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """From 0 a random y with y . s = 0 modulo 2 in q, where the oracle writes into `copy` what x and x ^ s alone share.

    n - 1 independent outcomes have `hidden_period`. One oracle, 2n H. Source: Simon 1997 (SIAM J. Comput. 26, 1474).
    """
    q, copy = qk.within_apply(lambda q, copy: (qk.h(q), copy), oracle)(q, copy)
    return q, copy


def hidden_period(outcomes: Sequence[Sequence[int]]) -> list[int] | None:
    """The one s other than 0 with y . s = 0 modulo 2 for all outcomes y, bit 0 first; None where there are several."""
    rows = {tuple(row) for row in outcomes if any(row)}
    n = len(next(iter(outcomes)))
    pivots: dict[int, list[int]] = {}
    for entry in sorted(rows):
        row = list(entry)
        for pivot, other in pivots.items():
            if row[pivot]:
                row = [a ^ b for a, b in zip(row, other, strict=True)]
        if any(row):
            pivot = row.index(1)
            for column, other in pivots.items():
                if other[pivot]:
                    pivots[column] = [a ^ b for a, b in zip(row, other, strict=True)]
            pivots[pivot] = row
    if len(pivots) != n - 1:
        return None
    (free,) = set(range(n)) - pivots.keys()
    return [1 if i == free else pivots[i][free] for i in range(n)]
