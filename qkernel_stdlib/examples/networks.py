"""Networks: small whole kernels of encodings, ansatzes and layers that return an expectation value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.ansatzes import (
    basic_entangler_layers,
    efficient_su2,
    real_amplitudes,
    strongly_entangling_layers,
    two_local,
)
from qkernel_stdlib.encodings import (
    amplitude_encoding,
    angle_encoding,
    basis_state,
    dense_angle_encoding,
    iqp_encoding,
    pauli_feature_map,
    z_feature_map,
    zz_feature_map,
)
from qkernel_stdlib.examples.example import Example
from qkernel_stdlib.examples.matrices import angles
from qkernel_stdlib.layers import (
    cx_entangling_layer,
    cz_entangling_layer,
    rx_layer,
    ry_layer,
    rz_layer,
    superposition_vector,
)


@qk.qkernel
def rotations(n: qk.UInt, thetas: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """One layer of each rotation after the uniform superposition."""
    q = superposition_vector(n)
    q = rz_layer(q, thetas, 0)
    q = ry_layer(q, thetas, n)
    q = rx_layer(q, thetas, 2 * n)
    return qk.expval(q, hamiltonian)


@qk.qkernel
def entangled(n: qk.UInt, thetas: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """Both entangling chains between layers of rotations."""
    q = qk.qubit_array(n, name="q")
    q = rx_layer(q, thetas)
    q = cx_entangling_layer(q)
    q = ry_layer(q, thetas, n)
    q = cz_entangling_layer(q)
    q = rx_layer(q, thetas, 2 * n)
    return qk.expval(q, hamiltonian)


@qk.qkernel
def hybrid_ansatz(
    n_qubits: qk.UInt,
    n_layers: qk.UInt,
    inputs: qk.Vector[qk.Float],
    weights: qk.Vector[qk.Float],
    hamiltonian: qk.Observable,
) -> qk.Float:
    """The ansatz of the Fashion-MNIST tutorial: RY encoding, then layers of RZ, RY, RZ and a chain of CZ."""
    q = qk.qubit_array(n_qubits, name="q")
    for i in qk.range(n_qubits):
        q[i] = qk.ry(q[i], inputs[i])
    for layer_idx in qk.range(n_layers):
        base = layer_idx * n_qubits * 3
        q = rz_layer(q, weights, base)
        q = ry_layer(q, weights, base + n_qubits)
        q = rz_layer(q, weights, base + n_qubits * 2)
        q = cz_entangling_layer(q)
    return qk.expval(q, hamiltonian)


@qk.qkernel
def encoded_angles(n: qk.UInt, bits: qk.Vector[qk.Bit], x: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """Three encodings behind one another."""
    q = basis_state(qk.qubit_array(n), bits)
    q = angle_encoding(q, x)
    q = dense_angle_encoding(q, x[1:])
    q = iqp_encoding(q, x[2:])
    return qk.expval(q, hamiltonian)


@qk.qkernel
def encoded_amplitudes(
    n: qk.UInt, x: qk.Vector[qk.Float], weights: qk.Matrix[qk.Float], hamiltonian: qk.Observable
) -> qk.Float:
    """Amplitudes, and rings of CX between layers of RX."""
    return qk.expval(basic_entangler_layers(amplitude_encoding(qk.qubit_array(n), x), weights), hamiltonian)


@qk.qkernel
def encoded_complex_amplitudes(
    n: qk.UInt, x: qk.Vector[qk.Float], y: qk.Vector[qk.Float], weights: qk.Matrix[qk.Float], hamiltonian: qk.Observable
) -> qk.Float:
    """The same with complex amplitudes."""
    q = amplitude_encoding(qk.qubit_array(n), x, imaginary=y)
    return qk.expval(basic_entangler_layers(q, weights), hamiltonian)


@qk.qkernel
def mapped_features(n: qk.UInt, x: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """Feature maps of first order, of second order, and of other Paulis."""
    q = z_feature_map(qk.qubit_array(n), x, 1)
    q = zz_feature_map(q, x, 1, alpha=1.5)
    q = pauli_feature_map(q, x, 1, ("Y", "XZ"))
    return qk.expval(q, hamiltonian)


@qk.qkernel
def strongly_entangled(n: qk.UInt, weights: qk.Tensor[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """The qclassifier of three qubits and more."""
    return qk.expval(strongly_entangling_layers(qk.qubit_array(n), weights), hamiltonian)


@qk.qkernel
def locally_rotated(n: qk.UInt, weights: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
    """The two ansatzes of Qiskit, and the general one with another entangler."""
    q = real_amplitudes(qk.qubit_array(n), weights, 1)
    q = efficient_su2(q, weights[2 * n :], 1)
    q = two_local(q, weights[6 * n :], (qk.rx,), qk.cz, "circular", 1)
    return qk.expval(q, hamiltonian)


def _read_out(n: int) -> Mapping[str, Any]:
    """n qubits, and an observable that no layer leaves unchanged: X, Y, Z and a product of neighbours."""
    total = qko.Hamiltonian()
    if n:
        total = qko.X(0) + 0.5 * qko.Y(n - 1) - 0.25 * qko.Z(n // 2)
    if n > 1:
        total = total + 0.125 * qko.Z(0) * qko.Z(n - 1)
    return {"n": n, "hamiltonian": total}


def _hybrid(n: int) -> Mapping[str, Any]:
    return {"n_qubits": n, "n_layers": n // 2, "hamiltonian": qko.Z(0) if n else qko.Hamiltonian()}


def _basis(n: int) -> Mapping[str, Any]:
    return {**_read_out(n), "bits": [k % 3 != 1 for k in range(n)]}


def _weights(*shape: int) -> np.ndarray[Any, Any]:
    return np.reshape(angles(math.prod(shape)), shape)


EXAMPLES = (
    Example(rotations, _read_out, 3, lambda n: {"thetas": angles(3 * n)}),
    Example(entangled, _read_out, 4, lambda n: {"thetas": angles(3 * n)}),
    Example(hybrid_ansatz, _hybrid, 4, lambda n: {"inputs": angles(n), "weights": angles(n // 2 * 3 * n)}),
    Example(encoded_angles, _basis, 3, lambda n: {"x": angles(2 * n + 1)}),
    Example(encoded_amplitudes, _read_out, 3, lambda n: {"x": angles(max(1, 2**n - 1)), "weights": _weights(2, n)}, ("x",)),
    Example(
        encoded_complex_amplitudes,
        _read_out,
        2,
        lambda n: {"x": angles(max(1, 2**n - 1)), "y": angles(2**n)[::-1], "weights": _weights(2, n)},
        ("x", "y"),
    ),
    Example(mapped_features, _read_out, 3, lambda n: {"x": angles(n)}),
    Example(strongly_entangled, _read_out, 4, lambda n: {"weights": _weights(2, n, 3)}),
    Example(locally_rotated, _read_out, 3, lambda n: {"weights": angles(8 * n)}),
)
