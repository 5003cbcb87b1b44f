"""Optimisers that know nothing of torch: a variational eigensolver on numpy arrays and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse.linalg import eigsh

import qkernel as qk
import qkernel.observable as qko


def ising_chain(n: int, field: float) -> qko.Hamiltonian:
    """-sum Z_i Z_{i+1} - field * sum X_i on an open chain."""
    chain = qko.Hamiltonian(num_qubits=n)
    for i in range(n - 1):
        chain = chain - qko.Z(i) * qko.Z(i + 1)
    for i in range(n):
        chain = chain - field * qko.X(i)
    return chain


@qk.qkernel
def alternating(
    n: qk.UInt, depth: qk.UInt, gammas: qk.Vector[qk.Float], betas: qk.Vector[qk.Float], energy: qk.Observable
) -> qk.Float:
    """The alternating operator ansatz of the transverse-field Ising chain, from the ground state of the field."""
    q = qk.h(qk.qubit_array(n))
    for layer in qk.range(depth):
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.rzz(q[i], q[i + 1], gammas[layer])
        q = qk.rx(q, betas[layer])
    return qk.expval(q, energy)


@pytest.mark.parametrize(("n", "depth", "gap"), [(4, 4, 1e-3), (12, 6, 0.5)])
def test_scipy_finds_the_ground_state(n: int, depth: int, gap: float) -> None:
    energy = ising_chain(n, 1.0)
    executable = alternating.compile({"n": n, "depth": depth, "energy": energy}, ["gammas", "betas"])

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = executable.value_and_grad(bindings={"gammas": theta[:depth], "betas": theta[depth:]})
        return value, np.concatenate([slopes["gammas"], slopes["betas"]])

    start = np.concatenate([np.linspace(-0.2, -1.0, depth), np.linspace(-1.0, -0.2, depth)])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 60})
    exact = float(eigsh(energy.to_sparse().real, k=1, which="SA", return_eigenvectors=False)[0])
    assert exact - 1e-9 <= found.fun <= exact + gap


def test_jacobian_rows_are_gradients() -> None:
    @qk.qkernel
    def kernel(angles: qk.Vector[qk.Float], observables: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
        q = qk.rx(qk.qubit_array(2), angles)
        q[0], q[1] = qk.cx(q[0], q[1])
        return qk.expval(q, observables)

    angles, observables = np.array([0.3, 0.8]), [qko.Z(0), qko.Z(1), qko.Y(0) * qko.X(1)]
    table = kernel.compile({"observables": observables}, ["angles"]).jacobian(bindings={"angles": angles})["angles"]
    rows = []
    for observable in observables:
        one = kernel.compile({"observables": [observable]}, ["angles"])
        rows.append(one.jacobian(bindings={"angles": angles})["angles"][0])
    assert table == pytest.approx(np.array(rows))
    assert table[0] == pytest.approx([-np.sin(0.3), 0], abs=1e-12)
