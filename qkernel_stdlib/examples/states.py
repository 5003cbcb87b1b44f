"""Examples of states that have names."""

from __future__ import annotations

import math

import numpy as np

import qkernel as qk
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import column
from qkernel_stdlib.states import (
    dicke_state,
    gaussian_state,
    ghz_state,
    sparse_state,
    state_of_function,
    uniform_state,
    w_state,
)

SPARSE = {5: 1.0, 0: -2.0, 7: 0.5, 8: -1.0}


@qk.qkernel
def root_state(n: qk.UInt, shift: qk.Float) -> qk.Vector[qk.Qubit]:
    """Probabilities in proportion to k + shift."""
    return state_of_function(qk.qubit_array(n), lambda k: math.sqrt(k + shift))


@qk.qkernel(clean_ancillas=True)
def sparse(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    """Four amplitudes of sixteen."""
    return sparse_state(qk.qubit_array(n), SPARSE)


@qk.qkernel
def bell_curve(n: qk.UInt, mean: qk.Float, deviation: qk.Float) -> qk.Vector[qk.Qubit]:
    """A Gaussian on a register of its own."""
    return gaussian_state(qk.qubit_array(n), mean, deviation)


@qk.qkernel
def cat(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    """A GHZ state on a register of its own."""
    return ghz_state(qk.qubit_array(n))


def _gaussian(n: int, mean: float, deviation: float) -> Array:
    return column(np.exp(-(((np.arange(2**n) - mean) / deviation) ** 2) / 4))


def _dicke_counts(n: int, weight: int) -> dict[str, int]:
    rotations = weight * n - weight * (weight + 1) // 2
    return {"x": weight, "rotation_gates": rotations, "cx": 2 * rotations, "ccry": rotations - (n - 1 if weight else 0)}


@qk.qkernel
def dicke(n: qk.UInt, weight: qk.UInt) -> qk.Vector[qk.Qubit]:
    """A Dicke state on a register of its own."""
    return dicke_state(qk.qubit_array(n), weight)


@qk.qkernel
def uniform(n: qk.UInt, count: qk.UInt) -> qk.Vector[qk.Qubit]:
    """An equal sum on a register of its own."""
    return uniform_state(qk.qubit_array(n), count)


@qk.qkernel
def single_one(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    """A W state on a register of its own."""
    return w_state(qk.qubit_array(n))


EXAMPLES = (
    Example(
        cat,
        lambda n: {"n": n},
        3,
        sizes=range(1, 7),
        expected=lambda n: column([k in (0, 2**n - 1) for k in range(2**n)]),
        counts=lambda n: {"h": 1, "cx": n - 1, "qubits": n},
        of="ghz_state",
    ),
    Example(
        single_one,
        lambda n: {"n": n},
        3,
        sizes=range(1, 7),
        expected=lambda n: column([k.bit_count() == 1 for k in range(2**n)]),
        counts=lambda n: {"x": 1, "cry": n - 1, "cx": n - 1},
        of="w_state",
    ),
    Example(
        dicke,
        lambda n: {"n": n, "weight": n // 2},
        4,
        sizes=range(1, 7),
        expected=lambda n, weight: column([k.bit_count() == weight for k in range(2**n)]),
        counts=_dicke_counts,
        of="dicke_state",
        code="print(dicke.statevector(n=3, weight=2).real.round(3))",
    ),
    Example(
        uniform,
        lambda n: {"n": n, "count": 2**n - 3 if n > 1 else 1},
        3,
        sizes=range(7),
        expected=lambda n, count: column([k < count for k in range(2**n)]),
        grows=False,
        of="uniform_state",
        code="print(uniform.statevector(n=3, count=6).real.round(3))",
    ),
    Example(
        root_state,
        lambda n: {"n": n},
        2,
        lambda n: {"shift": 0.5},
        ("shift",),
        sizes=range(4),
        expected=lambda n, shift: column(np.sqrt(np.arange(2**n) + shift)),
        of="state_of_function",
    ),
    Example(
        bell_curve,
        lambda n: {"n": n},
        2,
        lambda n: {"mean": 1.7, "deviation": 0.9},
        ("mean", "deviation"),
        sizes=range(4),
        expected=_gaussian,
        of="gaussian_state",
        code="print((bell_curve.statevector(n=3, mean=4.0, deviation=1.0).real**2).round(3))",
    ),
    Example(
        sparse,
        lambda n: {"n": n},
        4,
        sizes=(4,),
        expected=lambda n: column([SPARSE.get(k, 0) for k in range(2**n)]),
        of="sparse_state",
    ),
)
