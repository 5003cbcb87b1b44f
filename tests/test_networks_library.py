"""Encodings and ansatzes of the library against matrices written by hand, and against Qiskit's circuits of the same name.

B3 to B6 and B14 are rows of the documents that the project grew from.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.circuit import library
from qiskit.quantum_info import Operator

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import FrontendTransformError
from qkernel.nn import QLayer
from qkernel_stdlib import (
    angle_encoding,
    basic_entangler_layers,
    basis_state,
    data_reuploading,
    dense_angle_encoding,
    efficient_su2,
    hardware_efficient,
    iqp_encoding,
    pauli_feature_map,
    quanvolution,
    real_amplitudes,
    strongly_entangling_layers,
    two_local,
    z_feature_map,
    zz_feature_map,
)
from qkernel_stdlib.examples.networks import strongly_entangled

Array = np.ndarray[Any, Any]

I2, X, Y, Z = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
H = (X + Z) / np.sqrt(2)


def on(matrix: Array, qubit: int, n: int) -> Array:
    """`matrix` on one of n qubits, the first least significant."""
    result = np.eye(1)
    for k in range(n):
        result = np.kron(matrix if k == qubit else I2, result)
    return result


def turned(pauli: Array, angle: float) -> Array:
    return np.cos(angle / 2) * np.eye(len(pauli)) - 1j * np.sin(angle / 2) * pauli


def cx(control: int, target: int, n: int) -> Array:
    return on(np.diag([1, 0]), control, n) + on(np.diag([0, 1]), control, n) @ on(X, target, n)


def cz(control: int, target: int, n: int) -> Array:
    return on(np.diag([1, 0]), control, n) + on(np.diag([0, 1]), control, n) @ on(Z, target, n)


def product(factors: list[Array], n: int) -> Array:
    """The matrix of `factors` in time order."""
    result = np.eye(2**n)
    for factor in factors:
        result = factor @ result
    return result


def euler(angles: Array) -> Array:
    """RZ, RY, RZ in time order: the rotation of three angles."""
    return turned(Z, angles[2]) @ turned(Y, angles[1]) @ turned(Z, angles[0])


def drawn(*shape: int) -> Array:
    return np.random.default_rng(shape).uniform(-np.pi, np.pi, shape)


def as_kernel(function: Callable[..., Any], *options: Any) -> Any:
    """A kernel of a register, numbers and repetitions around a function of the language."""

    @qk.qkernel
    def kernel(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], reps: qk.UInt) -> qk.Vector[qk.Qubit]:
        return function(q, x, reps, *options)

    return kernel


# Encodings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_angle_encodings(n: int) -> None:
    x = drawn(2 * n)
    single = [np.array([np.cos(x[i] / 2), np.sin(x[i] / 2)]) for i in range(n)]
    dense = [np.array([np.cos(x[2 * i] / 2), np.exp(1j * x[2 * i + 1]) * np.sin(x[2 * i] / 2)]) for i in range(n)]
    for kernel, data, factors in ((angle_encoding, x[:n], single), (dense_angle_encoding, x, dense)):
        expected = np.ones(1)
        for factor in factors:
            expected = np.kron(factor, expected)
        np.testing.assert_allclose(kernel.unitary(q=n, x=data)[:, 0], expected, atol=1e-14)
    assert angle_encoding.estimate_resources().substitute(q=n).gates.total == n
    assert dense_angle_encoding.estimate_resources().substitute(q=n).gates.total == 2 * n


@pytest.mark.parametrize("bits", list(itertools.product([0, 1], repeat=3)), ids=str)
def test_a_basis_state_is_the_number_that_its_bits_spell(bits: tuple[int, ...]) -> None:
    state = basis_state.unitary(q=3, bits=bits)[:, 0]
    assert state[bits[0] + 2 * bits[1] + 4 * bits[2]] == pytest.approx(1)
    assert basis_state.estimate_resources({"q": 3, "bits": bits}).gates.total == sum(bits)


@pytest.mark.parametrize("reps", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_iqp_encoding(n: int, reps: int) -> None:
    x = drawn(n)
    layer = [on(H, i, n) for i in range(n)] + [on(turned(Z, x[i]), i, n) for i in range(n)]
    layer += [turned(on(Z, i, n) @ on(Z, j, n), x[i] * x[j]) for i, j in itertools.combinations(range(n), 2)]
    np.testing.assert_allclose(iqp_encoding.unitary(q=n, x=x, reps=reps), product(layer * reps, n), atol=1e-13)
    assert iqp_encoding.estimate_resources({"q": n, "reps": reps}).gates.total == reps * (2 * n + n * (n - 1) // 2)


MAPS = [
    (z_feature_map, library.z_feature_map, 1),
    (zz_feature_map, library.zz_feature_map, 2),
    (as_kernel(pauli_feature_map), library.pauli_feature_map, 2),
    (
        as_kernel(pauli_feature_map, ("Y", "XY", "ZYX"), 1.3),
        lambda n, reps: library.pauli_feature_map(n, reps, paulis=["Y", "XY", "ZYX"], alpha=1.3),
        3,
    ),
]


@pytest.mark.parametrize("reps", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize(("ours", "theirs", "least"), MAPS, ids=["z", "zz", "pauli", "mixed"])
def test_feature_maps_are_those_of_qiskit(ours: Any, theirs: Any, least: int, n: int, reps: int) -> None:
    n, x = max(n, least), drawn(max(n, least))
    circuit = theirs(n, reps=reps)
    expected = Operator(circuit.assign_parameters(dict(zip(circuit.parameters, x, strict=True)))).data
    np.testing.assert_allclose(ours.unitary(q=n, x=x, reps=reps), expected, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_costs_of_feature_maps(n: int) -> None:
    first, second = (kernel.estimate_resources({"q": n, "reps": 3}).gates for kernel in (z_feature_map, zz_feature_map))
    assert first.total == 3 * 2 * n
    assert (second.total, second.two_qubit) == (3 * (2 * n + 3 * n * (n - 1) // 2), 3 * n * (n - 1))


# Ansatzes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_b3_b4_strongly_entangling_layers(n: int) -> None:
    weights = drawn(5, n, 3)
    factors = []
    for layer, angles in enumerate(weights):
        factors += [on(euler(angles[i]), i, n) for i in range(n)]
        reach = layer % (n - 1) + 1 if n > 1 else 0
        factors += [cx(i, (i + reach) % n, n) for i in range(n) if n > 1]
    np.testing.assert_allclose(strongly_entangling_layers.unitary(q=n, weights=weights), product(factors, n), atol=1e-13)
    gates = strongly_entangling_layers.estimate_resources({"q": n, "weights": weights}).gates
    assert (gates.single_qubit, gates.two_qubit) == (5 * 3 * n, 5 * n if n > 1 else 0)


@pytest.mark.parametrize(("n", "ranges"), [(3, [1, 2, 1]), (4, [1, 2, 3, 1])])
def test_b4_ranges_go_from_1_to_the_furthest_and_again(n: int, ranges: list[int]) -> None:
    bindings = {"n": n, "hamiltonian": qko.Z(0)}
    circuit = strongly_entangled.compile(bindings, lengths={"weights": (len(ranges), n, 3)}).circuit
    pairs = [part.qubits for part in circuit.instructions() if part.kind.controls]
    assert pairs == [(i, (i + reach) % n) for reach in ranges for i in range(n)]


def test_b5_b6_the_qclassifier_with_the_old_initial_weights() -> None:
    weights = np.random.RandomState(0).uniform(size=(2, 3, 3))
    np.testing.assert_allclose(weights.ravel()[:4], [0.5488135, 0.71518937, 0.60276338, 0.54488318], atol=5e-9)

    @qk.qkernel
    def qclassifier(features: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float]) -> qk.Float:
        q = angle_encoding(qk.qubit_array(3), features)
        return qk.expval(strongly_entangling_layers(q, weights), qko.Z(0))

    features = np.array([0.1, 0.2, 0.3])
    factors = []
    for layer, angles in enumerate(weights):
        factors += [on(euler(angles[i]), i, 3) for i in range(3)] + [cx(i, (i + layer + 1) % 3, 3) for i in range(3)]
    state = product([on(turned(Y, features[i]), i, 3) for i in range(3)] + factors, 3)[:, 0]
    assert qclassifier.run(features=features, weights=weights) == pytest.approx(np.vdot(state, on(Z, 0, 3) @ state).real)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_basic_entangler_layers(n: int) -> None:
    weights = drawn(2, n)
    ring = {1: [], 2: [(0, 1)]}.get(n, [(i, (i + 1) % n) for i in range(n)])
    factors = []
    for angles in weights:
        factors += [on(turned(X, angles[i]), i, n) for i in range(n)] + [cx(i, j, n) for i, j in ring]
    np.testing.assert_allclose(basic_entangler_layers.unitary(q=n, weights=weights), product(factors, n), atol=1e-13)
    assert basic_entangler_layers.estimate_resources({"q": n, "weights": weights}).gates.two_qubit == 2 * len(ring)


@pytest.mark.parametrize("reps", [0, 1, 3])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_ansatzes_are_those_of_qiskit(n: int, reps: int) -> None:
    weights = drawn(2 * n * (reps + 1))
    for ours, theirs in ((real_amplitudes, library.real_amplitudes), (efficient_su2, library.efficient_su2)):
        circuit = theirs(n, reps=reps)
        values = weights[: circuit.num_parameters]
        expected = Operator(circuit.assign_parameters(dict(zip(circuit.parameters, values, strict=True)))).data
        np.testing.assert_allclose(ours.unitary(q=n, weights=values, reps=reps), expected, atol=1e-12)
        assert ours.estimate_resources({"q": n, "reps": reps}).gates.total == len(values) + (n - 1) * reps


@pytest.mark.parametrize("entanglement", ["full", "linear", "reverse_linear", "circular"])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_two_local_circuits_are_those_of_qiskit(n: int, entanglement: str) -> None:
    def two_kinds(q: Any, weights: Any, reps: Any) -> Any:
        return two_local(q, weights, (qk.rx, qk.rz), qk.cx, entanglement, reps)

    circuit = library.n_local(n, ["rx", "rz"], "cx", entanglement, reps=2)
    weights = drawn(circuit.num_parameters)
    expected = Operator(circuit.assign_parameters(dict(zip(circuit.parameters, weights, strict=True)))).data
    kernel = as_kernel(two_kinds)
    np.testing.assert_allclose(kernel.unitary(q=n, x=weights, reps=2), expected, atol=1e-12)
    assert kernel.estimate_resources({"q": n, "reps": 2}).gates.two_qubit == circuit.count_ops()["cx"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_hardware_efficient_layers(n: int) -> None:
    weights = drawn(3, n, 3)
    factors = []
    for angles in weights:
        factors += [on(euler(angles[i]), i, n) for i in range(n)] + [cz(i, i + 1, n) for i in range(n - 1)]
    np.testing.assert_allclose(hardware_efficient.unitary(q=n, weights=weights), product(factors, n), atol=1e-13)
    assert hardware_efficient.estimate_resources({"q": n, "weights": weights}).gates.total == 3 * (4 * n - 1)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_b14_data_that_is_uploaded_again(n: int) -> None:
    x, weights, biases = drawn(3), drawn(2, n, 3), drawn(2, n, 3, 1)[..., 0]
    factors = [on(euler(biases[0, i] + weights[0, i] * x), i, n) for i in range(n)]
    factors += [cz(i, i + 1, n) for i in range(n - 1)]
    factors += [on(euler(biases[1, i] + weights[1, i] * x), i, n) for i in range(n)]
    unitary = data_reuploading.unitary(q=n, x=x, weights=weights, biases=biases)
    np.testing.assert_allclose(unitary, product(factors, n), atol=1e-13)
    assert data_reuploading.estimate_resources({"q": n, "weights": weights}).gates.total == 6 * n + n - 1


def test_b14_a_quanvolutional_layer_takes_the_patches_of_an_image() -> None:
    @qk.qkernel
    def filtered(patch: qk.Vector[qk.Float], weights: qk.Matrix[qk.Float]) -> qk.Vector[qk.Float]:
        q = quanvolution(qk.qubit_array(4), patch, weights)
        return qk.expval(q, [qko.Z(i) for i in range(4)])

    weights = drawn(1, 4)
    layer = QLayer(filtered, inputs=["patch"], weights={"weights": weights})
    images = torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    patches = torch.nn.functional.unfold(images, 2, stride=2).transpose(1, 2)
    maps = layer(patches)
    assert maps.shape == (2, 9, 4)
    factors = [on(turned(Y, np.pi * float(patches[1, 5, i])), i, 4) for i in range(4)]
    factors += [on(turned(X, weights[0, i]), i, 4) for i in range(4)] + [cx(i, (i + 1) % 4, 4) for i in range(4)]
    state = product(factors, 4)[:, 0]
    expected = [np.vdot(state, on(Z, i, 4) @ state).real for i in range(4)]
    np.testing.assert_allclose(maps[1, 5].detach().numpy(), expected, atol=1e-12)


# Refused --------------------------------------------------------------------------------------------------------------


def test_words_that_are_none_are_refused() -> None:
    with pytest.raises(FrontendTransformError, match="a word of `paulis` is made of X, Y and Z, but this is ZI"):
        as_kernel(pauli_feature_map, ("ZI",)).check()
    with pytest.raises(FrontendTransformError, match="full, linear, reverse_linear or circular, but not ring"):
        as_kernel(lambda q, x, reps: two_local(q, x, entanglement="ring", reps=reps)).check()
