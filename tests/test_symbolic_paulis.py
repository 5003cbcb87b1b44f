"""Paulis on indices that are known later: against the same sums made in Python, in every reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

import qkernel as qk
import qkernel.observable as qko
from qkernel import Kernel
from qkernel.kernel import from_module


@qk.qkernel
def chain(n: qk.UInt, w: qk.Vector[qk.Float], t: qk.Float) -> qk.Float:
    h = qko.Hamiltonian()
    for i in qk.range(n):
        h = h + w[i] * qko.Z(i) + 0.3 * qko.X(n - 1 - i)
        for j in qk.range(i):
            h = h - w[i] * w[j] * qko.Z(i) * qko.Y(j) / 2
    q = qk.ry(qk.qubit_array(n), 0.4)
    q = qk.pauli_evolve(q, h, t)
    return qk.expval(q, h + t)


def chain_terms(n: int, w: Any, t: float) -> list[tuple[float, qko.Hamiltonian]]:
    terms = []
    for i in range(n):
        terms += [(w[i], qko.Z(i)), (0.3, qko.X(n - 1 - i)), *((-w[i] * w[j] / 2, qko.Z(i) * qko.Y(j)) for j in range(i))]
    return terms


def chain_by_hand(n: int, w: Any, t: float) -> float:
    state = np.array([1.0])
    for _ in range(n):
        state = np.kron([np.cos(0.2), np.sin(0.2)], state)
    total = t * np.eye(1 << n, dtype=complex)
    for coefficient, word in chain_terms(n, w, t):
        matrix = (word + qko.Hamiltonian(n)).to_numpy()
        state = scipy.linalg.expm(-1j * t * coefficient * matrix) @ state
        total += coefficient * matrix
    return float(np.vdot(state, total @ state).real)


W = np.array([0.7, -0.4, 0.9])


@pytest.mark.parametrize("engine", ["native", "reference", "torch", "qiskit"])
def test_values_are_those_of_the_matrices(engine: str) -> None:
    assert chain.run(3, W, 0.8, engine=engine) == pytest.approx(chain_by_hand(3, W, 0.8), abs=1e-10)
    assert chain.run(1, [0.5], 0.3, engine=engine) == pytest.approx(chain_by_hand(1, [0.5], 0.3), abs=1e-10)


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_derivatives_by_coefficients_and_time(engine: str) -> None:
    found = chain.grad(n=3, w=W, t=0.8, wrt=["w", "t"], engine=engine)
    step = 1e-6
    for k, shift in enumerate(step * np.eye(3)):
        slope = (chain_by_hand(3, W + shift, 0.8) - chain_by_hand(3, W - shift, 0.8)) / (2 * step)
        assert found["w"][k] == pytest.approx(slope, abs=1e-7)
    slope = (chain_by_hand(3, W, 0.8 + step) - chain_by_hand(3, W, 0.8 - step)) / (2 * step)
    assert found["t"] == pytest.approx(slope, abs=1e-7)


def test_a_batch_of_coefficients() -> None:
    found = chain.run(3, np.array([W, -W]), 0.8)
    assert found == pytest.approx([chain_by_hand(3, W, 0.8), chain_by_hand(3, -W, 0.8)], abs=1e-10)


def test_from_shots_the_error_is_that_of_the_weights() -> None:
    value, error, _ = chain.run_with_errors(3, W, 0.8, shots=4000, seed=1)
    assert abs(value - chain_by_hand(3, W, 0.8)) < 5 * error < 0.5


@qk.qkernel
def step(q: qk.Vector[qk.Qubit], h: qk.Observable, k: qk.UInt, t: qk.Float) -> qk.Vector[qk.Qubit]:
    for i in qk.range(k):
        q = qk.pauli_evolve(q, h + qko.Z(i), t / k)
    return q


@qk.qkernel
def modified(n: qk.UInt, k: qk.UInt, t: qk.Float) -> qk.Float:
    q = qk.qubit_array(n)
    h = t * qko.Z(0) if n > 2 else qko.X(0) + t
    for i in qk.range(1, n):
        h = h + qko.Y(i) * 2 + t
        q = qk.pauli_evolve(q, h, 0.1)
    flag, q = qk.control(step)(qk.h(qk.qubit()), q, h - qko.X(n - 1) * 0.25, k, t)
    flag, q = qk.control(qk.inverse(step), power=2)(flag, q, h * (qko.Hamiltonian.identity(2.0) + 1), k, t)
    return qk.expval((flag, q[0]), qko.X(0) - t)


@qk.qkernel
def chosen(n: qk.UInt, k: qk.UInt, t: qk.Float) -> qk.Vector[qk.Float]:
    each = [t * qko.Z(i) + qko.X(n - 1) for i in qk.range(n)]
    some = [qko.Z(k), qko.X(k) * qko.Z(k + 1) - t]
    q = qk.pauli_evolve(qk.h(qk.qubit_array(n)), some[k] if k < 2 else some[0], t)
    return qk.expval(q, each)


@qk.qkernel
def given(n: qk.UInt, h: qk.Observable, t: qk.Float) -> qk.Float:
    for i in qk.range(n):
        h = h + 2 * qko.Z(i)
    q = qk.pauli_evolve(qk.h(qk.qubit_array(n)), -h, t)
    return qk.expval(q, [h, qko.Y(0)])[1]


SIZES: list[tuple[Kernel[..., Any], list[dict[str, Any]]]] = [
    (chain, [{"n": n, "w": [0.1] * n, "t": 0.2} for n in (1, 2, 5)]),
    (modified, [{"n": n, "k": k, "t": 0.3} for n, k in ((2, 1), (4, 3))]),
    (chosen, [{"n": 4, "k": k, "t": 0.3} for k in (0, 1, 2)]),
    (given, [{"n": n, "h": qko.X(0) * qko.Y(1) + 0.5, "t": 0.3} for n in (2, 3)]),
]


@pytest.mark.parametrize(("kernel", "sizes"), SIZES, ids=[kernel.name for kernel, _ in SIZES])
def test_every_reading_agrees(kernel: Kernel[..., Any], sizes: list[dict[str, Any]]) -> None:
    assert qk.parse(str(kernel.ir)) == kernel.ir
    assert from_module(kernel.ir).run(**sizes[0]) == pytest.approx(kernel.run(**sizes[0]))
    assert kernel.draw(output="text")
    symbolic = kernel.estimate_resources()
    for values in sizes:
        assert kernel.run(**values) == pytest.approx(kernel.run(**values, engine="qiskit"), abs=1e-9)
        assert kernel.draw(output="text", fold_loops=False, **values)
        kernel.verify_resources(**values)
        bound = kernel.estimate_resources(bindings=values)
        known = {name: value for name, value in values.items() if name in {"n", "k", "h"}}
        assert symbolic.substitute(**known).to_dict()["gates"] == bound.to_dict()["gates"]


def test_closed_forms_count_the_terms_as_written() -> None:
    @qk.qkernel
    def twice(n: qk.UInt, t: qk.Float) -> qk.Vector[qk.Qubit]:
        h = qko.Hamiltonian()
        for i in qk.range(n):
            h = h + qko.Z(0) + qko.Z(i) * (qko.X(i + 1) + t * qko.Z(n))
        return qk.pauli_evolve(qk.qubit_array(n + 1), h, t)

    found = twice.estimate_resources()
    assert (str(found.gates.single_qubit), str(found.gates.two_qubit)) == ("n", "2*n")
    assert twice.estimate_resources(bindings={"n": 7, "t": 0.1}).gates.total == 21
    twice.verify_resources(n=3, t=0.2)


def test_the_rotations_follow_the_terms() -> None:
    @qk.qkernel
    def evolved(i: qk.UInt, t: qk.Float) -> qk.Vector[qk.Qubit]:
        return qk.pauli_evolve(qk.qubit_array(3), qko.Z(1) + qko.X(i) - 1.5 + qko.X(i) * qko.Y(2) + qko.Z(1), t)

    circuit = evolved.to_circuit(i=0, t=0.5)
    names = [(part.operation.name, [circuit.find_bit(q).index for q in part.qubits]) for part in circuit.data]
    assert [entry for entry in names if entry[1]] == [
        ("rz", [1]), ("rx", [0]), ("PauliEvolution", [0, 2]), ("rz", [1])
    ]  # fmt: skip
    assert circuit.global_phase == pytest.approx(0.75)


def test_a_layer_trains_coefficients() -> None:
    import torch

    from qkernel.nn import QLayer

    @qk.qkernel
    def weighted(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Float:
        q = qk.ry(qk.qubit_array(2), x)
        h = qko.Hamiltonian()
        for i in qk.range(2):
            h = h + w[i] * qko.Z(i)
        return qk.expval(q, h)

    layer = QLayer(weighted, inputs=["x"], weights={"w": 2})
    x = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    layer(x).sum().backward()
    (weights,) = layer.parameters()
    assert torch.allclose(weights.grad, x.cos().sum(0), atol=1e-6)
