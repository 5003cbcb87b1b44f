"""Layers that variational ansatzes are made of: rotations of every qubit, and entangling chains.

The layers of the hardware-efficient ansatz of Kandala et al. 2017 (arXiv:1704.05018).
"""

from __future__ import annotations

import qkernel as qk


@qk.qkernel
def superposition_vector(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    """A fresh register of `n` qubits in the uniform superposition of all basis states: H on each qubit."""
    q = qk.qubit_array(n, name="q")
    for i in qk.range(n):
        q[i] = qk.h(q[i])
    return q


@qk.qkernel
def rx_layer(q: qk.Vector[qk.Qubit], thetas: qk.Vector[qk.Float], offset: qk.UInt = 0) -> qk.Vector[qk.Qubit]:
    """RX(thetas[offset + i]) on qubit i, for every qubit of `q`; angles in radians."""
    for i in qk.range(q.shape[0]):
        q[i] = qk.rx(q[i], thetas[offset + i])
    return q


@qk.qkernel
def ry_layer(q: qk.Vector[qk.Qubit], thetas: qk.Vector[qk.Float], offset: qk.UInt = 0) -> qk.Vector[qk.Qubit]:
    """RY(thetas[offset + i]) on qubit i, for every qubit of `q`; angles in radians."""
    for i in qk.range(q.shape[0]):
        q[i] = qk.ry(q[i], thetas[offset + i])
    return q


@qk.qkernel
def rz_layer(q: qk.Vector[qk.Qubit], thetas: qk.Vector[qk.Float], offset: qk.UInt = 0) -> qk.Vector[qk.Qubit]:
    """RZ(thetas[offset + i]) on qubit i, for every qubit of `q`; angles in radians."""
    for i in qk.range(q.shape[0]):
        q[i] = qk.rz(q[i], thetas[offset + i])
    return q


@qk.qkernel
def cx_entangling_layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """A chain of CX: qubit i controls qubit i + 1, for i from 0 to n - 2. Nothing on fewer than two qubits."""
    for i in qk.range(q.shape[0] - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return q


@qk.qkernel
def cz_entangling_layer(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """A chain of CZ between qubits i and i + 1, for i from 0 to n - 2. Nothing on fewer than two qubits."""
    for i in qk.range(q.shape[0] - 1):
        q[i], q[i + 1] = qk.cz(q[i], q[i + 1])
    return q
