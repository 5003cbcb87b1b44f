"""Examples of encodings, ansatzes and their layers; tests/test_networks_library.py holds them to matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

import qkernel as qk
from qkernel_stdlib.ansatzes import (
    basic_entangler_layers,
    data_reuploading,
    efficient_su2,
    hardware_efficient,
    quanvolution,
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
    mottonen_amplitude_encoding_from_angles,
    mottonen_angles,
    pauli_feature_map,
    z_feature_map,
    zz_feature_map,
)
from qkernel_stdlib.examples.example import Array, Example
from qkernel_stdlib.examples.matrices import angles, column, permutation
from qkernel_stdlib.layers import (
    cx_entangling_layer,
    cz_entangling_layer,
    rx_layer,
    ry_layer,
    rz_layer,
    superposition_vector,
)


@qk.qkernel
def mapped_by_words(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """A feature map of words that Qiskit's `zz_feature_map` does not have."""
    return pauli_feature_map(q, x, 1, ("Y", "XZ"))


@qk.qkernel
def locally_rotated(q: qk.Vector[qk.Qubit], weights: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """RX and RZ, entangled in a circle."""
    return two_local(q, weights, (qk.rx, qk.rz), qk.cz, "circular", 1)


@qk.qkernel
def encoded_amplitudes(n: qk.UInt, x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Amplitudes on a register of its own."""
    return amplitude_encoding(qk.qubit_array(n), x)


@qk.qkernel
def encoded_by_angles(n: qk.UInt, ry: qk.Vector[qk.Float], rz: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """A state by its angles, on a register of its own."""
    return mottonen_amplitude_encoding_from_angles(qk.qubit_array(n), ry, rz)


def _registers(n: int) -> Mapping[str, Any]:
    return {"q": n}


def weights(*shape: int) -> Array:
    """An array of `angles`."""
    return np.reshape(angles(math.prod(shape)), shape)


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _amplitudes(n: int) -> Array:
    return np.array(angles(2**n)) + 1j * np.array(angles(2 ** (n + 1)))[2**n :]


def _without_phase(n: int) -> Array:
    """The state up to a phase: that of the mean of all phases."""
    given = _amplitudes(n)
    return column(given * np.exp(-1j * np.angle(given).mean()))


EXAMPLES = (
    Example(superposition_vector, lambda n: {"n": n}, 3, expected=lambda n: column(np.ones(2**n)), counts=lambda n: {"h": n}),
    Example(rx_layer, lambda n: {"q": n, "offset": 1}, 2, lambda n: {"thetas": angles(n + 1)}),
    Example(ry_layer, lambda n: {"q": n, "offset": 1}, 2, lambda n: {"thetas": angles(n + 1)}),
    Example(rz_layer, lambda n: {"q": n, "offset": 1}, 2, lambda n: {"thetas": angles(n + 1)}),
    Example(cx_entangling_layer, _registers, 3, counts=lambda q: {"cx": max(0, q - 1)}),
    Example(cz_entangling_layer, _registers, 3, counts=lambda q: {"cz": max(0, q - 1)}),
    Example(angle_encoding, _registers, 2, lambda n: {"x": angles(n)}, counts=lambda q: {"total": q}),
    Example(dense_angle_encoding, _registers, 2, lambda n: {"x": angles(2 * n)}, counts=lambda q: {"total": 2 * q}),
    Example(
        basis_state,
        lambda n: {"q": n, "bits": [k % 3 != 1 for k in range(n)]},
        3,
        expected=lambda q, bits: permutation(2**q, lambda k: k ^ sum(2**i for i, bit in enumerate(bits) if bit)),
    ),
    Example(
        encoded_amplitudes,
        lambda n: {"n": n},
        2,
        lambda n: {"x": angles(max(1, 2**n - 1))},
        ("x",),
        sizes=range(4),
        expected=lambda n, x: column(np.pad(x, (0, 2**n - len(x)))),
        of="amplitude_encoding",
    ),
    Example(
        iqp_encoding, _registers, 3, lambda n: {"x": angles(n)}, counts=lambda q: {"total": 2 * q + _pairs(q), "rzz": _pairs(q)}
    ),
    Example(z_feature_map, _registers, 2, lambda n: {"x": angles(n)}, counts=lambda q: {"total": 4 * q}),
    Example(
        zz_feature_map,
        _registers,
        3,
        lambda n: {"x": angles(n)},
        counts=lambda q: {"total": 2 * (2 * q + 3 * _pairs(q)), "cx": 4 * _pairs(q)},
    ),
    Example(mapped_by_words, _registers, 3, lambda n: {"x": angles(n)}, of="pauli_feature_map"),
    Example(strongly_entangling_layers, _registers, 3, lambda n: {"weights": weights(2, n, 3)}),
    Example(basic_entangler_layers, _registers, 3, lambda n: {"weights": weights(2, n)}),
    Example(
        real_amplitudes,
        _registers,
        3,
        lambda n: {"weights": angles(4 * n)},
        counts=lambda q: {"total": 4 * q + 3 * max(0, q - 1)},
    ),
    Example(
        efficient_su2,
        _registers,
        3,
        lambda n: {"weights": angles(8 * n)},
        counts=lambda q: {"total": 8 * q + 3 * max(0, q - 1)},
    ),
    Example(locally_rotated, _registers, 3, lambda n: {"weights": angles(4 * n)}, of="two_local"),
    Example(hardware_efficient, _registers, 3, lambda n: {"weights": weights(2, n, 3)}),
    Example(
        data_reuploading,
        _registers,
        2,
        lambda n: {"x": angles(3), "weights": weights(2, n, 3), "biases": -weights(2, n, 3)},
    ),
    Example(quanvolution, _registers, 3, lambda n: {"patch": angles(n), "weights": weights(1, n)}),
    Example(
        encoded_by_angles,
        lambda n: {"n": n},
        2,
        lambda n: dict(zip(("ry", "rz"), mottonen_angles(_amplitudes(n)), strict=True)),
        sizes=(1, 2, 3),
        expected=lambda n, ry, rz: _without_phase(n),
        counts=lambda n: {"ry": 2**n - 1},
        grows=False,
        of="mottonen_amplitude_encoding_from_angles",
        shows=("mottonen_angles",),
    ),
)
