"""The library's layers against matrices written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel_stdlib import (
    cx_entangling_layer,
    cz_entangling_layer,
    rx_layer,
    ry_layer,
    rz_layer,
    superposition_vector,
)

Array = np.ndarray[Any, Any]

I2, X, Y, Z = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
ANGLES = np.random.default_rng(5).uniform(-np.pi, np.pi, 20)


def on(matrix: Array, qubit: int, n: int) -> Array:
    """`matrix` on one of n qubits, the first least significant."""
    result = np.eye(1)
    for k in range(n):
        result = np.kron(matrix if k == qubit else I2, result)
    return result


def rotation(pauli: Array, angle: float) -> Array:
    return np.cos(angle / 2) * I2 - 1j * np.sin(angle / 2) * pauli


def controlled(matrix: Array, control: int, target: int, n: int) -> Array:
    return on(np.diag([1, 0]), control, n) + on(np.diag([0, 1]), control, n) @ on(matrix, target, n)


def final_state(kernel: Any, **values: Any) -> Array:
    prepared = load_engine("reference").prepare(kernel.compile(values).circuit)
    return prepared.state(np.zeros((1, 0)))[0]


@qk.qkernel
def generic_state(n: qk.UInt, start: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """An entangled state without symmetries."""
    q = qk.qubit_array(n, name="q")
    for i in qk.range(n):
        q[i] = qk.ry(q[i], start[2 * i])
        q[i] = qk.rz(q[i], start[2 * i + 1])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.rxx(q[i], q[i + 1], start[i])
    return q


def after(layer: Any) -> Any:
    """A kernel that applies `layer`, with angles from the third on, to the generic state."""

    @qk.qkernel
    def rotated(n: qk.UInt, start: qk.Vector[qk.Float], angles: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
        q = generic_state(n, start)
        q = layer(q, angles, 3)
        return qk.expval(q, h)

    @qk.qkernel
    def entangled(n: qk.UInt, start: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
        q = generic_state(n, start)
        q = layer(q)
        return qk.expval(q, h)

    return rotated if len(layer.input_types) > 1 else entangled


@qk.qkernel
def before(n: qk.UInt, start: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    return qk.expval(generic_state(n, start), h)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("layer", "pauli"), [(rx_layer, X), (ry_layer, Y), (rz_layer, Z)], ids=["rx", "ry", "rz"])
def test_h3_rotation_layers(layer: Any, pauli: Array, n: int) -> None:
    for start in np.random.default_rng(n).uniform(-3, 3, (3, 2 * n)):
        expected = final_state(before, n=n, start=start, h=qko.Z(0))
        for qubit in range(n):
            expected = on(rotation(pauli, ANGLES[3 + qubit]), qubit, n) @ expected
        np.testing.assert_allclose(final_state(after(layer), n=n, start=start, angles=ANGLES, h=qko.Z(0)), expected, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("layer", "pauli"), [(cx_entangling_layer, X), (cz_entangling_layer, Z)], ids=["cx", "cz"])
def test_h3_entangling_layers_are_linear_chains(layer: Any, pauli: Array, n: int) -> None:
    kernel = after(layer)
    for start in np.random.default_rng(n).uniform(-3, 3, (3, 2 * n)):
        expected = final_state(before, n=n, start=start, h=qko.Z(0))
        for qubit in range(n - 1):
            expected = controlled(pauli, qubit, qubit + 1, n) @ expected
        np.testing.assert_allclose(final_state(kernel, n=n, start=start, h=qko.Z(0)), expected, atol=1e-12)
    assert kernel.estimate_resources({"n": n}).gates.two_qubit == 2 * (n - 1)  # those of the generic state included


@pytest.mark.parametrize("n", [1, 2, 5])
def test_superposition_vector(n: int) -> None:
    @qk.qkernel
    def outcomes(n: qk.UInt) -> qk.Vector[qk.Float]:
        return qk.probabilities(superposition_vector(n))

    np.testing.assert_allclose(final_state(outcomes, n=n), np.full(2**n, 2 ** (-n / 2)), atol=1e-14)


def test_a_layer_starts_at_the_first_angle_unless_told() -> None:
    @qk.qkernel
    def rotated(thetas: qk.Vector[qk.Float]) -> qk.Float:
        q = qk.qubit_array(2, name="q")
        q = rx_layer(q, thetas)
        return qk.expval(q, qko.Z(0) * qko.Z(1))

    assert rotated.run(thetas=[0.3, 0.5]) == pytest.approx(np.cos(0.3) * np.cos(0.5), abs=1e-12)
