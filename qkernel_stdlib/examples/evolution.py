"""Examples of evolution in time."""

from __future__ import annotations

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.evolution import (
    drawn_words,
    heisenberg_model,
    ising_model,
    product_formula,
    qdrift,
    trotterized_time_evolution,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import evolved, word

ISING = ising_model(3, 0.7, -0.4, periodic=True)


@qk.qkernel
def stepped(q: qk.Vector[qk.Qubit], time: qk.Float, step: qk.UInt) -> qk.Vector[qk.Qubit]:
    """Steps of fourth order of a chain's bonds and of its field."""
    parts = [heisenberg_model(3, (0.3, -0.5, 0.8)), 0.2 * qko.Z(0) + 0.2 * qko.X(1)]
    return trotterized_time_evolution(q, parts, 4, time, step)


@qk.qkernel
def chain(q: qk.Vector[qk.Qubit], coupling: qk.Float, field: qk.Float, time: qk.Float, step: qk.UInt) -> qk.Vector[qk.Qubit]:
    """Steps of first order of an Ising chain, its bonds and then its field."""
    return trotterized_time_evolution(q, [ising_model(q.shape[0], coupling, field)], 1, time, step)


@qk.qkernel
def drifted(q: qk.Vector[qk.Qubit], time: qk.Float) -> qk.Vector[qk.Qubit]:
    """Ten words of a ring."""
    return qdrift(q, ISING, time, 10, seed=3)


def _stepped(q: int, time: float, step: int) -> Array:
    bonds = [(0.3, "X"), (-0.5, "Y"), (0.8, "Z")]
    words = [
        [(weight, {i: letter, i + 1: letter}) for i in range(2) for weight, letter in bonds],
        [(0.2, {0: "Z"}), (0.2, {1: "X"})],
    ]
    matrix: Array = np.eye(2**q)
    for part, share in product_formula(2, 4):
        for weight, letters in words[part]:
            matrix = evolved(word(letters, q), weight * share * time / step) @ matrix
    return np.linalg.matrix_power(matrix, step)


def _chain(q: int, coupling: float, field: float, time: float, step: int) -> Array:
    none: Array = np.zeros((2**q, 2**q))
    bonds = sum((coupling * word({i: "Z", i + 1: "Z"}, q) for i in range(q - 1)), none)
    fields = sum((field * word({i: "X"}, q) for i in range(q)), none)
    return np.linalg.matrix_power(evolved(fields, time / step) @ evolved(bonds, time / step), step)


def _drifted(q: int, time: float) -> Array:
    matrix: Array = np.eye(2**q)
    for one in drawn_words(ISING, 10, seed=3):
        matrix = evolved(_dense(one, q), time) @ matrix
    return matrix


def _dense(observable: qko.Hamiltonian, n: int) -> Array:
    total: Array = np.zeros((2**n, 2**n), complex)
    for letters, weight in observable.terms.items():
        total = total + weight * word({entry.index: entry.pauli.name for entry in letters}, n)
    return total


EXAMPLES = (
    Example(
        stepped,
        lambda n: {"q": 3, "step": 2},
        3,
        lambda n: {"time": 0.7},
        sizes=(3,),
        expected=_stepped,
        counts=lambda q, step: {"rotation_gates": step * (10 * 6 + 5 * 2)},
        grows=False,
        of="trotterized_time_evolution",
        code="print(product_formula(2, 2))",
        shows=("product_formula",),
    ),
    Example(
        chain,
        lambda n: {"q": n, "step": 2},
        3,
        lambda n: {"coupling": 0.8, "field": -0.5, "time": 0.7},
        sizes=range(5),
        expected=_chain,
        counts=lambda q, step: {"rzz": step * max(0, q - 1), "rx": step * q},
        of="ising_model",
        code="print(ising_model(3, 1.0, 0.5, periodic=True))\nprint(heisenberg_model(2, (1.0, 1.0, 0.5)))",
        shows=("heisenberg_model",),
    ),
    Example(
        drifted,
        lambda n: {"q": 3},
        3,
        lambda n: {"time": 0.7},
        sizes=(3,),
        expected=_drifted,
        counts=lambda q: {"rotation_gates": 10},
        grows=False,
        of="qdrift",
        shows=("drawn_words",),
    ),
)
