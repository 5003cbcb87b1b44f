"""Training as the documents about Classiq's package and PennyLane's layers show it: rows C14, C15, C16 and B5."""

from __future__ import annotations

import io
import math
import statistics
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import qkernel as qk
from qkernel.nn import QLayer, datasets


@pytest.fixture(autouse=True)
def _on_one_thread() -> Iterator[None]:
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


# C14: NOT ---------------------------------------------------------------------------------------------------------------


@qk.qkernel
def turned(input_0: qk.Float, weight_0: qk.Float) -> qk.Qubit:
    return qk.rx(qk.rx(qk.qubit(), input_0), weight_0)


def weights_of_not(start: float, epochs: int) -> list[float]:
    """The weight after each epoch."""
    layer = QLayer(turned, weights={"weight_0": torch.tensor(start)}, inputs=["input_0"], readout="p0")
    optimizer, found = torch.optim.SGD(layer.parameters(), lr=1), []
    for _ in range(epochs):
        for angles, labels in datasets.NOT.loader():
            optimizer.zero_grad()
            nn.L1Loss()(layer(angles[:, 0])[:, 0], labels).backward()
            optimizer.step()
        found.append(layer.weight_0.item())
    return found


def test_c14_the_weight_moves_by_half_its_sine() -> None:
    np.testing.assert_allclose(weights_of_not(3.0, 5), [3.0706, 3.1060, 3.1238, 3.1327, 3.1371], atol=5e-5)


@pytest.mark.parametrize(("start", "epochs"), [(0.1, 16), (0.5, 12), (0.9, 10)])
def test_c14_it_comes_to_pi(start: float, epochs: int) -> None:
    far = [abs(weight - math.pi) for weight in weights_of_not(start, epochs)]
    assert far[-1] < 0.01 <= far[-2]


# C15: the majority of a subset --------------------------------------------------------------------------------------------

SUBSET = [1, 3, 4, 6, 7, 9]


@qk.qkernel
def dense(inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Two numbers for each qubit, as the angles of a point on the Bloch sphere, then RY and RZZ."""
    q = qk.qubit_array(2)
    for i in qk.range(2):
        q[i] = qk.ry(qk.rz(qk.rx(q[i], math.pi * inputs[2 * i]), math.pi * inputs[2 * i + 1]), weights[i])
    q[0], q[1] = qk.rzz(q[0], q[1], weights[2])
    for i in qk.range(2):
        q[i] = qk.ry(q[i], weights[3 + i])
    return q


def accuracy(seed: int) -> float:
    """On 512 strings of ten bits, after 30 epochs on 340 others."""
    torch.manual_seed(seed)
    bits = torch.randint(0, 2, (340 + 512, 10)).float()
    labels = (bits[:, SUBSET].sum(1) > 3).float()
    model = nn.Sequential(
        nn.Linear(10, 4),
        nn.Tanh(),
        QLayer(dense, inputs={"inputs": 4}, weights={"weights": 5}, readout="z"),
        nn.Linear(2, 1),
        nn.ReLU(),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(30):
        for rows in torch.randperm(340).split(64):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(bits[rows])[:, 0], labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        return ((model(bits[340:])[:, 0] > 0.5) == labels[340:].bool()).double().mean().item()


def test_c15_the_majority_of_a_subset_is_learnt() -> None:
    assert statistics.median(accuracy(seed) for seed in range(5)) >= 0.97


# C16: saving, and the autoencoder -----------------------------------------------------------------------------------------


@qk.qkernel
def encoder(q: qk.Vector[qk.Qubit], w: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    for layer in qk.range(2):
        for i in qk.range(4):
            q[i] = qk.ry(q[i], w[4 * layer + i])
        for i in qk.range(3):
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    for i in qk.range(2):
        q[i + 2] = qk.ry(q[i + 2], w[8 + i])
    return q


@qk.qkernel
def swap_test(inputs: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Qubit:
    """A qubit that is 1 as often as two of four qubits differ from zeros behind the encoder."""
    test, zeros = qk.h(qk.qubit()), qk.qubit_array(2)
    q = encoder(qk.rx(qk.qubit_array(4), inputs), w)
    for i in qk.range(2):
        test, zeros[i], q[2 + i] = qk.cswap(test, zeros[i], q[2 + i])
    return qk.h(test)


@qk.qkernel
def restored(inputs: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Encoded, two qubits emptied, decoded, and turned by 0 or pi again: zeros where nothing was lost."""
    q = encoder(qk.rx(qk.qubit_array(4), inputs), w)
    q[2], q[3] = qk.reset(q[2]), qk.reset(q[3])
    return qk.rx(qk.inverse(encoder)(q, w), inputs)


WALLS = torch.tensor([[0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 1, 1]]) * torch.pi


def lost(layer: QLayer) -> Tensor:
    """How often the swap test says 1."""
    return 1 - layer(WALLS)[:, 0]


def test_c16_the_autoencoder_trains_and_what_was_saved_is_as_it_was() -> None:
    torch.manual_seed(0)
    layer = QLayer(swap_test, inputs={"inputs": 4}, weights={"w": 10}, readout="p0", initial="angles")
    assert "7 qubits" in layer.explain()
    decoder = QLayer(restored, inputs={"inputs": 4}, weights={"w": layer.w}, readout="p0")
    before = decoder(WALLS).mean().item()
    optimizer, losses = torch.optim.SGD(layer.parameters(), lr=0.3), []
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.L1Loss()(lost(layer), torch.zeros(3))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 1.5
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    again = QLayer(swap_test, inputs={"inputs": 4}, weights={"w": 10}, readout="p0")
    again.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(lost(again), lost(layer))
    decoder.w = layer.w
    assert decoder(WALLS).mean().item() > before + 0.1


# B5 -----------------------------------------------------------------------------------------------------------------------


def test_b5_weights_as_pennylane_drew_them() -> None:
    @qk.qkernel
    def entangled(w: qk.Tensor[qk.Float]) -> qk.Vector[qk.Qubit]:
        q = qk.qubit_array(w.shape[1])
        for layer in qk.range(w.shape[0]):
            for i in qk.range(w.shape[1]):
                q[i] = qk.rz(qk.ry(qk.rz(q[i], w[layer, i, 0]), w[layer, i, 1]), w[layer, i, 2])
        return q

    drawn = np.random.RandomState(0).uniform(0, 1, (2, 3, 3))
    layer = QLayer(entangled, inputs=[], weights={"w": drawn}, readout="z")
    assert layer.w.shape == (2, 3, 3)
    np.testing.assert_allclose(layer.w[0].flatten()[:4].tolist(), [0.5488135, 0.71518937, 0.60276338, 0.54488318], atol=5e-9)
