"""Kernel matrices of quantum feature maps, against overlaps taken one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_moons
from sklearn.svm import SVC

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import BindingShapeError, KernelTypeError, ValidationError
from qkernel.nn import fidelity_kernel, kernels, projected_kernel


@qk.qkernel
def ring(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], reps: qk.UInt = 2) -> qk.Vector[qk.Qubit]:
    n = q.shape[0]
    for _ in qk.range(reps):
        q = qk.h(q)
        for i in qk.range(n):
            q[i] = qk.p(q[i], 2 * x[i])
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.cp(q[i], q[i + 1], 2 * (math.pi - x[i]) * (math.pi - x[i + 1]))
    return q


@qk.qkernel
def alone(x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    return ring(qk.qubit_array(3), x)


SAMPLES, OTHERS = np.random.default_rng(1).uniform(0, 2, (5, 3)), np.random.default_rng(2).uniform(0, 2, (4, 3))


def overlaps(left: Any, right: Any) -> Any:
    states = [[alone.statevector(x=row) for row in rows] for rows in (left, right)]
    return np.array([[abs(np.vdot(a, b)) ** 2 for b in states[1]] for a in states[0]])


@pytest.mark.parametrize("feature_map", [ring, alone], ids=["of a register", "of a vector alone"])
def test_overlaps(feature_map: Any) -> None:
    kernel = fidelity_kernel(feature_map)
    np.testing.assert_allclose(kernel(SAMPLES, OTHERS), overlaps(SAMPLES, OTHERS), atol=1e-12)
    matrix = kernel(SAMPLES)
    np.testing.assert_allclose(matrix, overlaps(SAMPLES, SAMPLES), atol=1e-12)
    np.testing.assert_allclose(np.diag(matrix), 1)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    assert kernel(SAMPLES[:0], OTHERS).shape == (0, 4)


def test_many_samples_go_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [make(ring)(SAMPLES, OTHERS) for make in (fidelity_kernel, projected_kernel)]
    monkeypatch.setattr(kernels, "BYTES_AT_ONCE", 2 * 16 * 8)
    for make, matrix in zip((fidelity_kernel, projected_kernel), whole, strict=True):
        np.testing.assert_allclose(make(ring)(SAMPLES, OTHERS), matrix, atol=1e-12)


def test_bindings_and_qubits() -> None:
    one = fidelity_kernel(ring, bindings={"reps": 1})(SAMPLES, OTHERS)
    assert not np.allclose(one, overlaps(SAMPLES, OTHERS))

    @qk.qkernel
    def wider(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
        q = qk.ry(q, 0.3)
        q[0] = qk.rx(q[0], x[0] + x[1] * x[2])
        return q

    found = fidelity_kernel(wider, qubits=2)(SAMPLES, OTHERS)
    turned = [np.array([rows[:, 0] + rows[:, 1] * rows[:, 2]]).T for rows in (SAMPLES, OTHERS)]
    states = [[wider.statevector(q=2, x=[angle, 0.0, 0.0]) for (angle,) in angles] for angles in turned]
    np.testing.assert_allclose(found, np.abs(np.array(states[0]) @ np.array(states[1]).conj().T) ** 2, atol=1e-12)


def test_states_of_single_qubits() -> None:
    @qk.qkernel
    def bloch(x: qk.Vector[qk.Float], paulis: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
        return qk.expval(ring(qk.qubit_array(3), x), paulis)

    paulis = [pauli(k) for k in range(3) for pauli in (qko.X, qko.Y, qko.Z)]
    left, right = (bloch.run(x=rows, paulis=paulis) for rows in (SAMPLES, OTHERS))
    distances = np.sum((left[:, None] - right[None]) ** 2, -1) / 2
    np.testing.assert_allclose(projected_kernel(ring, gamma=0.7)(SAMPLES, OTHERS), np.exp(-0.7 * distances), atol=1e-12)


def test_a_support_vector_machine() -> None:
    points, labels = make_moons(80, noise=0.1, random_state=0)
    kernel = fidelity_kernel(ring)
    machine = SVC(kernel=kernel).fit(points[:60], labels[:60])
    precomputed = SVC(kernel="precomputed").fit(kernel(points[:60]), labels[:60])
    found = machine.predict(points[60:])
    assert found.tolist() == precomputed.predict(kernel(points[60:], points[:60])).tolist()
    assert machine.score(points[:60], labels[:60]) > 0.8


def test_refusals() -> None:
    @qk.qkernel
    def two(x: qk.Vector[qk.Float], y: qk.Vector[qk.Float]) -> qk.Qubit:
        return qk.rx(qk.qubit(), x[0] + y[0])

    for wrong in (two, 3):
        with pytest.raises(KernelTypeError, match="feature map"):
            fidelity_kernel(wrong)  # type: ignore[arg-type]
    assert fidelity_kernel(two, bindings={"y": [0.1]})(SAMPLES[:, :1]).shape == (5, 5)
    with pytest.raises(BindingShapeError, match=r"x\[None, :\]"):
        fidelity_kernel(ring)(SAMPLES[0])
    with pytest.raises(BindingShapeError, match="samples are an array of numbers, not"):
        fidelity_kernel(ring)([["a", "b", "c"]])
    for kernel in (fidelity_kernel(ring), projected_kernel(ring)):
        with pytest.raises(BindingShapeError, match="the first samples have 3 features, and the second 2"):
            kernel(SAMPLES, OTHERS[:, :2])
        assert kernel(SAMPLES, OTHERS[:0]).shape == (len(SAMPLES), 0)
        assert kernel(SAMPLES[:0], OTHERS).shape == (0, len(OTHERS))
    for gamma in (-1.0, 0, "a", math.nan):
        with pytest.raises(ValidationError, match="`gamma` is a positive number"):
            projected_kernel(ring, gamma=gamma)
