"""Evolution in time, and the spin models that evolve.

`exp(-i time H)` for a sum H of Pauli words, or of parts that are given as a list. Gate counts are those of the gates as
written: a word is one rotation. The functions here take lists and Python data, so they are called in kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko


def trotterized_time_evolution(
    q: qk.Vector[qk.Qubit],
    hamiltonian: Sequence[Any] | qk.Vector[qk.Observable],
    order: qk.UInt,
    gamma: qk.Float,
    step: qk.UInt,
) -> qk.Vector[qk.Qubit]:
    """exp(-i gamma sum(hamiltonian)) in `step` steps of Suzuki's product formula of an `order` that is 1 or even.

    A step of m parts is m parts for order 1, 2m - 1 for order 2 (the middle one whole), 5 times those of order 2k - 2 for 2k.
    The error falls as step**-order. The parts are a list, which may be made of symbols, or a vector that is bound later, as
    its order may be then. Raises ValueError for other orders of a list, `ArithmeticEvaluationError` for odd ones of a vector.
    Source: Suzuki 1991 (J. Math. Phys. 32, 400).
    """
    parts: Any = hamiltonian
    if not isinstance(parts, list | tuple):
        return suzuki_steps(q, parts, order, gamma, step)
    if order != 1 and (order < 1 or order % 2):
        raise ValueError(f"the order of a product formula is 1 or even, but not {order}")
    for _ in qk.range(step):
        for part, share in product_formula(len(parts), order):
            q = qk.pauli_evolve(q, parts[part], share * gamma / step)
    return q


@qk.qkernel
def suzuki_steps(
    q: qk.Vector[qk.Qubit], hamiltonian: qk.Vector[qk.Observable], order: qk.UInt, gamma: qk.Float, step: qk.UInt
) -> qk.Vector[qk.Qubit]:
    """Steps of parts that are bound later."""
    for _ in qk.range(step):
        if order == 1:
            for k in qk.range(hamiltonian.shape[0]):
                q = qk.pauli_evolve(q, hamiltonian[k], gamma / step)
        else:
            q = suzuki_step(q, hamiltonian, order, gamma / step)
    return q


@qk.qkernel
def suzuki_step(
    q: qk.Vector[qk.Qubit], hamiltonian: qk.Vector[qk.Observable], order: qk.UInt, time: qk.Float
) -> qk.Vector[qk.Qubit]:
    """One step of an even order, of five of the order below where that is above 2."""
    last = hamiltonian.shape[0] - 1
    if order == 2:
        for k in qk.range(last):
            q = qk.pauli_evolve(q, hamiltonian[k], time / 2)
        q = qk.pauli_evolve(q, hamiltonian[last], time)
        for k in qk.range(last - 1, -1, -1):
            q = qk.pauli_evolve(q, hamiltonian[k], time / 2)
    else:
        outer = 1 / (4 - 4 ** (1 / (order - 1)))
        for k in qk.range(5):
            q = suzuki_step(q, hamiltonian, order - 2, time * (1 - 4 * outer if k == 2 else outer))
    return q


def product_formula(num_parts: int, order: int) -> list[tuple[int, float]]:
    """The parts of one step in turn, each with its share of the step's time."""
    if order == 1:
        return [(part, 1.0) for part in range(num_parts)]
    if order == 2:
        halves = [(part, 0.5) for part in range(num_parts - 1)]
        return [*halves, (num_parts - 1, 1.0), *reversed(halves)] if num_parts else []
    inner = product_formula(num_parts, order - 2)
    outer = 1 / (4 - 4 ** (1 / (order - 1)))
    return [(part, share * scale) for scale in (outer, outer, 1 - 4 * outer, outer, outer) for part, share in inner]


def qdrift(
    q: qk.Vector[qk.Qubit], hamiltonian: qko.Hamiltonian, time: qk.Float, samples: int, seed: int = 0
) -> qk.Vector[qk.Qubit]:
    """exp(-i time H) by `samples` words of H, drawn in proportion to their coefficients: one rotation each.

    On average over seeds the error is at most 2 (s time)**2 / samples in diamond norm, s the sum of all |coefficients|.
    Source: Campbell 2019 (arXiv:1811.08017).
    """
    for word in drawn_words(hamiltonian, samples, seed):
        q = qk.pauli_evolve(q, word, time)
    return q


def drawn_words(hamiltonian: qko.Hamiltonian, samples: int, seed: int = 0) -> list[qko.Hamiltonian]:
    """The words of a `qdrift`, each by its sign and by the sum of all |coefficients| over the number of samples."""
    words = [(word, float(np.real(coefficient))) for word, coefficient in hamiltonian.terms.items() if word]
    weights = np.array([abs(coefficient) for _, coefficient in words])
    total = float(weights.sum())
    drawn = np.random.default_rng(seed).choice(len(words), size=samples, p=weights / total)
    found = []
    for index in drawn.tolist():
        word, coefficient = words[index]
        one = qko.Hamiltonian()
        one.add_term(word, float(np.sign(coefficient)) * total / samples)
        found.append(one)
    return found


def ising_model(num_sites: qk.UInt, coupling: qk.Float, field: qk.Float, periodic: bool = False) -> Any:
    """coupling * sum of Z(i) Z(i + 1) + field * sum of X(i): the Ising chain in a transverse field.

    Of numbers a `Hamiltonian`, in a kernel of symbols an observable of symbols, whose number of terms is a closed form.
    Periodic the last site is next to the first, from three sites on.
    """
    total = qko.Hamiltonian()
    for i in range(num_sites - 1):
        total = total + coupling * (qko.Z(i) * qko.Z(i + 1))
    if periodic and num_sites > 2:
        total = total + coupling * (qko.Z(num_sites - 1) * qko.Z(0))
    for i in range(num_sites):
        total = total + field * qko.X(i)
    return total


def heisenberg_model(num_sites: qk.UInt, couplings: Sequence[qk.Float], field: qk.Float = 0.0, periodic: bool = False) -> Any:
    """The sum of jx X(i) X(i + 1) + jy Y(i) Y(i + 1) + jz Z(i) Z(i + 1), couplings = (jx, jy, jz), and of field * Z(i).

    Of numbers or of symbols, as `ising_model`.
    """
    total = qko.Hamiltonian()
    for i in range(num_sites - 1):
        for k, letter in enumerate((qko.X, qko.Y, qko.Z)):
            total = total + couplings[k] * (letter(i) * letter(i + 1))
    if periodic and num_sites > 2:
        for k, letter in enumerate((qko.X, qko.Y, qko.Z)):
            total = total + couplings[k] * (letter(num_sites - 1) * letter(0))
    for i in range(num_sites):
        total = total + field * qko.Z(i)
    return total
