"""Examples of block encodings: the corner of each unitary is the matrix over its normalization."""

from __future__ import annotations

import math

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.arithmetic import modular_decrement, modular_increment
from qkernel_stdlib.block_encodings import (
    LCUBlockEncodingTerm,
    PeriodicShiftLCU,
    ising_z_block_encoding,
    lcu_block_encoding,
    pauli_lcu_block_encoding,
    periodic_shift_lcu_block_encoding,
    sparse_block_encoding,
    unitary_block_encoding,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import evolved, on, permutation, word

HAMILTONIAN = 0.5 * qko.Z(0) * qko.Z(1) - 0.3 * qko.X(0) + 0.2 * qko.Y(1) + 0.1
MATRIX = 0.5 * word({0: "Z", 1: "Z"}, 2) - 0.3 * word({0: "X"}, 2) + 0.2 * word({1: "Y"}, 2) + 0.1 * np.eye(4)


@qk.qkernel
def rotated(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """RX(0.6) on each qubit, encoded."""
    encoding = unitary_block_encoding(lambda q: qk.rx(q, 0.6), q.shape[0])
    signal, q = encoding.unitary(qk.qubit_array(encoding.num_signal_qubits), q)
    return q, signal


@qk.qkernel
def words(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """A sum of four Pauli words."""
    encoding = pauli_lcu_block_encoding(0.5 * qko.Z(0) * qko.Z(1) - 0.3 * qko.X(0) + 0.2 * qko.Y(1) + 0.1)
    signal, q = encoding.unitary(qk.qubit_array(encoding.num_signal_qubits), q)
    return q, signal


@qk.qkernel
def on_the_diagonal(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """A diagonal matrix with complex entries."""
    encoding = ising_z_block_encoding({(0, 1): 0.5, (0,): -0.25j, (1, 1): 0.125}, num_system_qubits=2)
    signal, q = encoding.unitary(qk.qubit_array(encoding.num_signal_qubits), q)
    return q, signal


@qk.qkernel
def stepped_on_a_grid(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Steps on a grid of 2 x 4 sites."""
    steps = PeriodicShiftLCU.from_coefficients({(1, 0): 1.0, (0, -1): 0.5j, (0, 0): -2.0}, register_sizes=(1, 2))
    encoding = periodic_shift_lcu_block_encoding(steps)
    signal, q = encoding.unitary(qk.qubit_array(encoding.num_signal_qubits), q)
    return q, signal


@qk.qkernel
def combined(q: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """A combination of encodings on the same qubits."""
    exchange = pauli_lcu_block_encoding(qko.X(0) * qko.X(1) + qko.Y(0) * qko.Y(1) + qko.Z(0) * qko.Z(1))
    field = ising_z_block_encoding({(0,): 1.0}, num_system_qubits=2)
    encoding = lcu_block_encoding([LCUBlockEncodingTerm(2.0, exchange), LCUBlockEncodingTerm(-0.5j, field)])
    signal, q = encoding.unitary(qk.qubit_array(encoding.num_signal_qubits), q)
    return q, signal


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
    encoding = sparse_block_encoding(ring_entries, ring_places, 2, q.shape[0])
    signal, q = encoding.unitary(qk.qubit_array(encoding.num_signal_qubits), q)
    return q, signal


def _rotated(q: int) -> Array:
    result: Array = np.eye(2**q)
    for k in range(q):
        result = on(evolved(word({0: "X"}, 1), 0.3), k, q) @ result
    return result


DIAGONAL_MATRIX = 0.5 * word({0: "Z", 1: "Z"}, 2) - 0.25j * word({0: "Z"}, 2) + 0.125 * np.eye(4)


def _grid() -> Array:
    """Sites by the bit of axis 0 and then the two of axis 1: an exchange of the two, and a step back along the four."""
    exchanged, back = permutation(8, lambda j: j ^ 1), permutation(8, lambda j: j & 1 | ((j >> 1) - 1) % 4 << 1)
    return exchanged + 0.5j * back - 2 * np.eye(8)


def _combined() -> Array:
    exchange = sum(word({0: letter, 1: letter}, 2) for letter in "XYZ")
    return 2 * exchange - 0.5j * word({0: "Z"}, 2)


def _ring(q: int) -> Array:
    """0.5 - 0.25 (one site on, one site back), divided by the four slots."""
    forward = permutation(2**q, lambda k: (k + 1) % 2**q)
    return (0.5 * np.eye(2**q) - 0.25 * (forward + forward.T)) / 4


EXAMPLES = (
    Example(
        rotated,
        lambda n: {"q": n},
        2,
        sizes=range(1, 5),
        expected=_rotated,
        leading=True,
        counts=lambda q: {"rx": q, "total": q, "qubits": q + 1},
        of="unitary_block_encoding",
        code="encoding = identity_block_encoding(3)\nprint(encoding.normalization, encoding.num_signal_qubits)\n"
        "print(np.round(rotated.unitary(q=1)[:2], 4))",
        shows=("BlockEncoding", "LCUBlockEncoding", "identity_block_encoding"),
    ),
    Example(
        words,
        lambda n: {"q": 2},
        2,
        sizes=(2,),
        expected=lambda q: MATRIX / (0.5 + 0.3 + 0.2 + 0.1),
        leading=True,
        of="pauli_lcu_block_encoding",
        code="matrix = qko.Hamiltonian.from_matrix([[0.0, 1.0], [0.5, 0.25]])\nprint(matrix)\n"
        "print(pauli_lcu_block_encoding(matrix).normalization)",
    ),
    Example(
        on_the_diagonal,
        lambda n: {"q": 2},
        2,
        sizes=(2,),
        expected=lambda q: DIAGONAL_MATRIX / (0.5 + 0.25 + 0.125),
        leading=True,
        of="ising_z_block_encoding",
    ),
    Example(
        stepped_on_a_grid,
        lambda n: {"q": 3},
        3,
        sizes=(3,),
        expected=lambda q: _grid() / (1.0 + 0.5 + 2.0),
        leading=True,
        of="periodic_shift_lcu_block_encoding",
        code="lcu = PeriodicShiftLCU.from_matrix([[-2.0, 1.0], [1.0, -2.0]], register_sizes=[1])\n"
        "print(lcu.coefficients, lcu.alpha)",
        shows=("PeriodicShiftLCU",),
    ),
    Example(
        combined,
        lambda n: {"q": 2},
        2,
        sizes=(2,),
        expected=lambda q: _combined() / (2 * 3 + 0.5),
        leading=True,
        of="lcu_block_encoding",
        shows=("LCUBlockEncodingTerm",),
    ),
    Example(
        laplacian,
        lambda n: {"q": n},
        2,
        sizes=(1, 2, 3),
        expected=_ring,
        leading=True,
        counts=lambda q: {"h": 4, "qubits": q + 3},
        of="sparse_block_encoding",
    ),
)
