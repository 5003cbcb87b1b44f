"""Examples of block encodings: the corner of each unitary is what it is for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.arithmetic import modular_decrement, modular_increment
from qkernel_stdlib.block_encodings import (
    lcu,
    pauli_lcu,
    pauli_scale,
    qsvt,
    qubitization,
    real_qsvt,
    signal,
    sparse_encoding,
    tree_rotations,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import angles, evolved, on, permutation, word

HAMILTONIAN = 0.5 * qko.Z(0) * qko.Z(1) - 0.3 * qko.X(0) + 0.2 * qko.Y(1) + 0.1
MATRIX = 0.5 * word({0: "Z", 1: "Z"}, 2) - 0.3 * word({0: "X"}, 2) + 0.2 * word({1: "Y"}, 2) + 0.1 * np.eye(4)


@qk.qkernel
def turned_left(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """RX(0.6) on each qubit."""
    return qk.rx(q, 0.6)


@qk.qkernel
def turned_right(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """RZ(-0.8) on each qubit."""
    return qk.rz(q, -0.8)


@qk.qkernel
def combined(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """A combination of two unitaries."""
    index, q = lcu(qk.qubit_array(1), q, [0.7, -0.3], [turned_left, turned_right])
    return q, index


@qk.qkernel
def encoded(index: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """A sum of four Pauli words."""
    return pauli_lcu(index, q, HAMILTONIAN)


@qk.qkernel
def in_a_corner(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The same with an index of its own, which comes last."""
    index, q = encoded(qk.qubit_array(2), q)
    return q, index


@qk.qkernel
def ring_entries(
    flag: qk.Qubit, slot: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit]
) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """0.5 in slot 0, -0.25 in slots 1 and 2, 0 in slot 3."""
    for k, value in ((0, 0.5), (1, -0.25), (2, -0.25), (3, 0.0)):
        slot, flag = qk.control(qk.ry, 2, control_value=k)(slot, flag, 2 * math.acos(value))
    return flag, slot, q


@qk.qkernel
def ring_places(slot: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The column itself in slots 0 and 3, the next site in slot 1, the one before in slot 2."""
    slot, q = qk.control(modular_increment, 2, control_value=1)(slot, q)
    slot, q = qk.control(modular_decrement, 2, control_value=2)(slot, q)
    return slot, q


@qk.qkernel
def laplacian(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The Laplacian of a ring of 2**n sites."""
    index, q = sparse_encoding(qk.qubit_array(3), q, ring_entries, ring_places)
    return q, index


@qk.qkernel
def walked(q: qk.Vector[qk.Qubit], steps: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Steps of the walk: in the corner Chebyshev's polynomials."""
    index = qk.qubit_array(2)
    for _ in qk.range(steps):
        index, q = qubitization(index, q, encoded)
    return q, index


@qk.qkernel
def transformed(q: qk.Vector[qk.Qubit], phases: qk.Vector[qk.Float]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The polynomial of some phases."""
    index, q = qsvt(qk.qubit_array(2), q, encoded, phases)
    return q, index


@qk.qkernel
def really_transformed(
    q: qk.Vector[qk.Qubit], phases: qk.Vector[qk.Float]
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    """Its real part."""
    flag, index, q = real_qsvt(qk.qubit(), qk.qubit_array(2), q, encoded, phases)
    return q, flag, index


def _each(matrix: Array, n: int) -> Array:
    result: Array = np.eye(2**n)
    for k in range(n):
        result = on(matrix, k, n) @ result
    return result


def _combined(q: int) -> Array:
    x, z = word({0: "X"}, 1), word({0: "Z"}, 1)
    return 0.7 * _each(evolved(x, 0.3), q) - 0.3 * _each(evolved(z, -0.4), q)


def _of_the_matrix(function: Callable[[Any], Any]) -> Array:
    values, states = np.linalg.eigh(MATRIX / pauli_scale(HAMILTONIAN))
    result: Array = (states * function(values)) @ states.conj().T
    return result


def _tree(q: int, angles: Any) -> Array:
    """Rotations of the lowest qubits first in the product, whose upper qubits hold a number."""
    matrix: Array = np.eye(2**q)
    for level in range(q):
        target = q - 1 - level
        step: Array = np.zeros((2**q, 2**q))
        for k in range(2**level):
            turn = evolved(word({0: "Y"}, 1), angles[2**level - 1 + k] / 2).real
            above = np.zeros((2**level, 2**level))
            above[k, k] = 1
            step = step + np.kron(np.kron(above, turn), np.eye(2**target))
        matrix = step @ matrix
    return matrix


def _ring(q: int) -> Array:
    """0.5 - 0.25 (one site on, one site back), divided by the four slots."""
    forward = permutation(2**q, lambda k: (k + 1) % 2**q)
    return (0.5 * np.eye(2**q) - 0.25 * (forward + forward.T)) / 4


EXAMPLES = (
    Example(
        tree_rotations,
        lambda n: {"q": n},
        3,
        lambda n: {"angles": angles(max(1, 2**n - 1))},
        sizes=range(5),
        expected=_tree,
        counts=lambda q: {"rotation_gates": 2**q - 1},
        grows=False,
        code="print(tree_rotations.statevector(q=2, angles=tree_angles([1, 2, 0, 2])).real * 3)",
        shows=("tree_angles", "index_size"),
    ),
    Example(combined, lambda n: {"q": n}, 2, sizes=range(1, 4), expected=_combined, leading=True, of="lcu"),
    Example(
        in_a_corner,
        lambda n: {"q": 2},
        2,
        sizes=(2,),
        expected=lambda q: MATRIX / pauli_scale(HAMILTONIAN),
        leading=True,
        of="pauli_lcu",
        shows=("pauli_scale",),
    ),
    Example(
        walked,
        lambda n: {"q": 2, "steps": n},
        3,
        sizes=range(4),
        expected=lambda q, steps: _of_the_matrix(lambda x: np.cos(steps * np.arccos(x))),
        leading=True,
        of="qubitization",
    ),
    Example(
        transformed,
        lambda n: {"q": 2},
        3,
        lambda n: {"phases": angles(n + 1)},
        sizes=range(4),
        expected=lambda q, phases: _of_the_matrix(lambda x: signal(phases, x)),
        leading=True,
        grows=False,
        of="qsvt",
        shows=("signal",),
    ),
    Example(
        really_transformed,
        lambda n: {"q": 2},
        2,
        lambda n: {"phases": angles(n + 1)},
        sizes=range(3),
        expected=lambda q, phases: _of_the_matrix(lambda x: signal(phases, x).real),
        leading=True,
        grows=False,
        of="real_qsvt",
        code="phases = qsvt_phases([0, 0.9, 0, -0.1])\nprint(np.round(phases, 4), signal(phases, 0.5).real)",
        shows=("qsvt_phases",),
    ),
    Example(
        laplacian,
        lambda n: {"q": n},
        2,
        sizes=(1, 2, 3),
        expected=_ring,
        leading=True,
        counts=lambda q: {"h": 4, "qubits": q + 3},
        of="sparse_encoding",
    ),
)
