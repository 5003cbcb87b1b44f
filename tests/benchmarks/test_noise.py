"""Noisy circuits, exactly, by density matrix: beside Aer's values and PennyLane's values and gradients."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel import noise
from qkernel_backends.native import NativeEngine

Timed = Callable[..., None]

SIZES = {"4 qubits": (4, 2), "6 qubits": (6, 3), "8 qubits": (8, 3), "10 qubits": (10, 3)}
SLIPS, LOSS = 0.004, 0.01
"""Of X, Y and Z each with this probability behind a gate of one qubit, and of the energy behind a cx, on each of its qubits."""

MODEL = noise.pauli(dict.fromkeys("XYZ", SLIPS), gates=["ry", "rz"]) | noise.amplitude_damping(LOSS, gates="cx")


@qk.qkernel
def ansatz(n: qk.UInt, layers: qk.UInt, weights: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(n)
    for layer in qk.range(layers):
        for k in qk.range(n):
            q[k] = qk.ry(q[k], weights[2 * (n * layer + k)])
            q[k] = qk.rz(q[k], weights[2 * (n * layer + k) + 1])
        for k in qk.range(n - 1):
            q[k], q[k + 1] = qk.cx(q[k], q[k + 1])
    return qk.expval(q, [qko.Z(k) for k in qk.range(n)])


def weights_of(n: int, layers: int) -> Any:
    return np.random.default_rng(n).uniform(-3, 3, 2 * n * layers)


@cache
def ours(size: str) -> Any:
    n, layers = SIZES[size]
    return ansatz.compile(
        {"n": n, "layers": layers}, ["weights"], engine=NativeEngine(noise=MODEL), lengths={"weights": 2 * n * layers}
    )


@cache
def expected(size: str) -> tuple[Any, Any]:
    executable, weights = ours(size), weights_of(*SIZES[size])
    return executable.run(weights=weights), executable.jacobian(weights=weights)["weights"].sum(0)


def aer(n: int, layers: int, weights: Any) -> Callable[[], Any]:
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_aer import AerSimulator
    from qiskit_aer.noise import NoiseModel, amplitude_damping_error, pauli_error

    model, loss = NoiseModel(), amplitude_damping_error(LOSS)
    slips = pauli_error([*((letter, SLIPS) for letter in "XYZ"), ("I", 1 - 3 * SLIPS)])
    model.add_all_qubit_quantum_error(slips, ["ry", "rz"])
    model.add_all_qubit_quantum_error(loss.tensor(loss), ["cx"])
    circuit = QuantumCircuit(n)
    for layer in range(layers):
        for k in range(n):
            circuit.ry(weights[2 * (n * layer + k)], k)
            circuit.rz(weights[2 * (n * layer + k) + 1], k)
        for k in range(n - 1):
            circuit.cx(k, k + 1)
    for k in range(n):
        circuit.save_expectation_value(SparsePauliOp.from_sparse_list([("Z", [k], 1)], n), range(n), label=f"z{k}")
    simulator = AerSimulator(method="density_matrix", noise_model=model)

    def step() -> Any:
        data = simulator.run(circuit).result().data()
        return np.array([data[f"z{k}"] for k in range(n)])

    return step


def pennylane(n: int, layers: int, weights: Any, gradient: bool) -> Callable[[], Any]:
    qml = pytest.importorskip("pennylane")
    import torch

    slips = [np.sqrt(SLIPS) * gate.compute_matrix() for gate in (qml.X, qml.Y, qml.Z)]
    slips.append(np.sqrt(1 - 3 * SLIPS) * np.eye(2))

    def circuit(weights: Any) -> Any:
        for layer in range(layers):
            for k in range(n):
                qml.RY(weights[2 * (n * layer + k)], wires=k)
                qml.QubitChannel(slips, wires=k)
                qml.RZ(weights[2 * (n * layer + k) + 1], wires=k)
                qml.QubitChannel(slips, wires=k)
            for k in range(n - 1):
                qml.CNOT(wires=[k, k + 1])
                qml.AmplitudeDamping(LOSS, wires=k)
                qml.AmplitudeDamping(LOSS, wires=k + 1)
        return [qml.expval(qml.Z(k)) for k in range(n)]

    node = qml.QNode(circuit, qml.device("default.mixed", wires=n), interface="torch", diff_method="backprop")
    given = torch.tensor(weights, requires_grad=gradient)

    def step() -> Any:
        values = torch.stack(list(node(given)))
        if not gradient:
            return values.numpy()
        given.grad = None
        values.sum().backward()
        return given.grad.numpy()

    return step


SMALL = ("4 qubits", "6 qubits")  # beyond, default.mixed takes minutes


@pytest.mark.parametrize(
    ("size", "candidate"),
    [
        *((size, candidate) for size in SIZES for candidate in ("engine", "Aer density_matrix")),
        *((size, "PennyLane default.mixed") for size in SMALL),
    ],
)
def test_values(timed: Timed, size: str, candidate: str) -> None:
    (n, layers), weights = SIZES[size], weights_of(*SIZES[size])
    executable = ours(size)
    step = {
        "engine": lambda: lambda: executable.run(weights=weights),
        "Aer density_matrix": lambda: aer(n, layers, weights),
        "PennyLane default.mixed": lambda: pennylane(n, layers, weights, False),
    }[candidate]()
    assert step() == pytest.approx(expected(size)[0], abs=1e-6)  # default.mixed rounds some to single precision
    timed(step, "With noise: values, complex128", size, candidate)


@pytest.mark.parametrize(
    ("size", "candidate"), [*((size, "engine") for size in SIZES), *((size, "PennyLane default.mixed") for size in SMALL)]
)
def test_gradients(timed: Timed, size: str, candidate: str) -> None:
    (n, layers), weights = SIZES[size], weights_of(*SIZES[size])
    prepared = ours(size)._program(ours(size)._default.engine).prepared()
    step = {
        "engine": lambda: lambda: prepared.expect_vjp(weights[None], np.ones((1, n)))[1][0],
        "PennyLane default.mixed": lambda: pennylane(n, layers, weights, True),
    }[candidate]()
    assert step() == pytest.approx(expected(size)[1], abs=1e-5)
    timed(step, "With noise: forward and gradient, complex128", size, candidate)
