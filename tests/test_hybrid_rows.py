"""Hybrid networks as the Qiskit textbook and the document on Fashion-MNIST write them: rows T1 to T7, H2, H14, and B12."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from drawings.kernels import ansatz
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from torch import Tensor, nn

import qkernel as qk
import qkernel.observable as qko
from qkernel.ir.ops import Call, For, Gate
from qkernel.nn import QLayer
from qkernel_backends.qiskit import QiskitTranspiler

ANGLES = np.array([-math.pi, -0.4, 0.0, 0.3, math.pi / 2, math.pi])


@qk.qkernel
def coin(theta: qk.Float) -> qk.Bit:
    q = qk.barrier(qk.h(qk.qubit(name="q")))
    return qk.measure(qk.ry(q, theta))


@qk.qkernel
def mean_bit(theta: qk.Float) -> qk.Float:
    q = qk.barrier(qk.h(qk.qubit(name="q")))
    return qk.expval(qk.ry(q, theta), 0.5 - 0.5 * qko.Z(0))


# T1 to T5: the qubit ----------------------------------------------------------------------------------------------------


def test_t1_the_qubit_is_found_in_1_with_probability_of_1_and_the_sine_over_2() -> None:
    assert mean_bit.run(theta=math.pi) == pytest.approx(0.5, abs=1e-15)
    for theta in ANGLES:
        known = (1 + math.sin(theta)) / 2
        assert mean_bit.run(theta=theta) == pytest.approx(known, abs=1e-15)
        assert coin.sample(theta=theta, shots=2000, seed=1).mean() == pytest.approx(known, abs=0.04)
    circuit = QiskitTranspiler().transpile(coin, parameters=["theta"]).quantum_circuit
    assert [line.operation.name for line in circuit.data] == ["h", "barrier", "ry", "measure"]


@pytest.mark.parametrize("backend", [None, AerSimulator()], ids=["native", "aer"])
def test_t3_hundred_shots_scatter_by_a_twentieth_and_a_seed_repeats_them(backend: Any) -> None:
    engine = {} if backend is None else {"engine": backend}
    means = [coin.sample(theta=0.0, shots=100, seed=seed, **engine).mean() for seed in range(60)]
    assert np.mean(means) == pytest.approx(0.5, abs=0.03)
    assert np.std(means) == pytest.approx(0.05, abs=0.015)
    first, second = (coin.sample(theta=0.0, shots=100, seed=7, **engine) for _ in range(2))
    assert first.counts == second.counts


@pytest.mark.parametrize("shots", [None, 100])
def test_t4_many_angles_in_one_run(shots: int | None) -> None:
    values = mean_bit.run(theta=ANGLES.tolist(), shots=shots, seed=None if shots is None else 3)
    assert values.shape == ANGLES.shape
    np.testing.assert_allclose(values, (1 + np.sin(ANGLES)) / 2, atol=1e-15 if shots is None else 0.2)
    assert len(coin.sample(theta=ANGLES, shots=100, seed=3)) == len(ANGLES)


@pytest.mark.parametrize("gradient", ["adjoint", "shift"])
def test_t5_the_slope_is_the_true_one_and_not_twice_it(gradient: str) -> None:
    assert mean_bit.grad(theta=0.3)["theta"] == pytest.approx(math.cos(0.3) / 2, abs=1e-15)
    layer, theta = QLayer(mean_bit, inputs=["theta"], gradient=gradient), torch.tensor([0.3], dtype=torch.float64)
    layer(theta.requires_grad_()).sum().backward()
    assert theta.grad is not None
    assert theta.grad.item() == pytest.approx(math.cos(0.3) / 2, abs=1e-12)


# T7, H14: the networks --------------------------------------------------------------------------------------------------


class Zeros(nn.Module):
    """The textbook's network; shape (batch, 1, 28, 28) -> (batch, 2)."""

    def __init__(self, shots: int | None) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 6, kernel_size=5)
        self.rest = nn.Sequential(
            nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(),
            nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0),
            QLayer(mean_bit, inputs=["theta"], shots=shots),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        x = self.rest(self.first(images)).reshape(-1, 1)
        return torch.cat((x, 1 - x), -1)


@pytest.mark.parametrize("shots", [None, 100])
def test_t7_the_network_gives_two_probabilities(shots: int | None) -> None:
    torch.manual_seed(0)
    network = Zeros(shots)
    output = network(torch.rand(1, 1, 28, 28))
    assert output.shape == (1, 2)
    assert output.sum().item() == pytest.approx(1, abs=1e-6)
    nn.functional.nll_loss(output, torch.tensor([0])).backward()
    assert network.first.weight.grad is not None
    assert network.first.weight.grad.abs().sum() > 0


def test_h14_the_network_gives_classes_features_and_quantum_outputs() -> None:
    features = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 4),
    )  # fmt: skip
    bindings = {"n_qubits": 4, "n_layers": 2, "hamiltonian": [qko.Z(k) for k in range(4)]}
    layer, classifier = QLayer(ansatz, bindings, inputs=["inputs"], weights=["weights"]), nn.Linear(8, 4)
    angles = math.pi * torch.sigmoid(features(torch.rand(3, 1, 28, 28)))
    values = layer(angles)
    logits = classifier(torch.cat([angles, values], 1))
    assert [tuple(tensor.shape) for tensor in (logits, angles, values)] == [(3, 4)] * 3
    nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2])).backward()
    for parameter in (features[0].weight, layer.weights):
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


# H2, B12: the kernel ----------------------------------------------------------------------------------------------------


def test_h2_loops_stay_loops_and_layers_stay_calls() -> None:
    encoding, layers = [op for op in ansatz.ir.entry.body if isinstance(op, For)]
    assert [type(op) for op in encoding.body] == [Gate]
    assert [type(op) for op in layers.body] == [Call] * 4
    assert str(ansatz.ir).count("for ") == 5  # and one in each of the three functions that are called


def test_b12_one_word_chooses_where_a_kernel_runs() -> None:
    generator = np.random.default_rng(5)
    bindings = {"n_qubits": 2, "n_layers": 1, "hamiltonian": qko.Z(0) * qko.Z(1)}
    values = {**bindings, "inputs": generator.uniform(-1, 1, 2), "weights": generator.uniform(-1, 1, 6)}
    exact = ansatz.run(**values)
    assert ansatz.run(**values, engine=AerSimulator()) == pytest.approx(exact, abs=1e-9)
    device = GenericBackendV2(3, seed=1)
    assert ansatz.run(**values, engine=device, shots=2000, seed=1) == pytest.approx(exact, abs=0.12)
