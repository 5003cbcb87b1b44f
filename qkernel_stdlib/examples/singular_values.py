"""Examples of walks, amplification and polynomials of block-encoded matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.block_encodings import pauli_lcu_block_encoding
from qkernel_stdlib.examples.block_encodings import HAMILTONIAN, MATRIX
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import angles
from qkernel_stdlib.singular_values import oblivious_amplification, qsvt, qsvt_polynomial, qubitization, real_qsvt


@qk.qkernel
def walked(q: qk.Vector[qk.Qubit], steps: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Steps of the walk: in the corner Chebyshev's polynomials."""
    encoding = pauli_lcu_block_encoding(HAMILTONIAN)
    signal = qk.qubit_array(encoding.num_signal_qubits)
    for _ in qk.range(steps):
        signal, q = qubitization(signal, q, encoding)
    return q, signal


@qk.qkernel
def amplified_obliviously(q: qk.Vector[qk.Qubit], iterations: qk.UInt) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Every singular value further from 0."""
    encoding = pauli_lcu_block_encoding(HAMILTONIAN)
    signal = qk.qubit_array(encoding.num_signal_qubits)
    signal, q = oblivious_amplification(signal, q, encoding, iterations)
    return q, signal


@qk.qkernel
def transformed(q: qk.Vector[qk.Qubit], phases: qk.Vector[qk.Float]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The polynomial of some phases."""
    encoding = pauli_lcu_block_encoding(HAMILTONIAN)
    signal, q = qsvt(qk.qubit_array(encoding.num_signal_qubits), q, phases, encoding)
    return q, signal


@qk.qkernel
def really_transformed(
    q: qk.Vector[qk.Qubit], phases: qk.Vector[qk.Float]
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    """Its real part."""
    encoding = pauli_lcu_block_encoding(HAMILTONIAN)
    flag, signal, q = real_qsvt(qk.qubit(), qk.qubit_array(encoding.num_signal_qubits), q, phases, encoding)
    return q, flag, signal


def _of_the_matrix(function: Callable[[Any], Any]) -> Array:
    values, states = np.linalg.eigh(MATRIX / (0.5 + 0.3 + 0.2 + 0.1))
    result: Array = (states * function(values)) @ states.conj().T
    return result


EXAMPLES = (
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
        amplified_obliviously,
        lambda n: {"q": 2, "iterations": n},
        2,
        sizes=range(3),
        expected=lambda q, iterations: _of_the_matrix(lambda x: np.sin((2 * iterations + 1) * np.arcsin(x))),
        leading=True,
        of="oblivious_amplification",
    ),
    Example(
        transformed,
        lambda n: {"q": 2},
        3,
        lambda n: {"phases": angles(n + 1)},
        sizes=range(4),
        expected=lambda q, phases: _of_the_matrix(lambda x: qsvt_polynomial(phases, x)),
        leading=True,
        grows=False,
        of="qsvt",
        code="phases = projector_phases([0.0, 0.0, 0.0])\n"
        "print(np.round(phases, 4), np.round(qsvt_polynomial(phases, 0.5), 4))",
        shows=("qsvt_polynomial", "projector_phases"),
    ),
    Example(
        really_transformed,
        lambda n: {"q": 2},
        2,
        lambda n: {"phases": angles(n + 1)},
        sizes=range(3),
        expected=lambda q, phases: _of_the_matrix(lambda x: qsvt_polynomial(phases, x).real),
        leading=True,
        grows=False,
        of="real_qsvt",
        code="phases = qsvt_phases([0, 0.9, 0, -0.1])\n"
        "print(np.round(phases, 4), np.round(qsvt_polynomial(phases, 0.5).real, 4))",
        shows=("qsvt_phases",),
    ),
)
