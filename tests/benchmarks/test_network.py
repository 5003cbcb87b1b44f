"""The layer within the Fashion-MNIST network: a whole training step, and ten thousand of them."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.benchmarks.workloads import new_layer

Timed = Callable[..., None]


class Network(nn.Module):
    """The network of the tutorial, with any layer of four features in its middle."""

    def __init__(self, middle: nn.Module) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(196, 4),
        )  # fmt: skip
        self.middle = middle
        self.classifier = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        angles = math.pi * torch.sigmoid(self.features(images))
        return self.classifier(torch.cat([angles, self.middle(angles)], 1))


def training_step(middle: nn.Module, batch: int) -> Callable[[], None]:
    torch.manual_seed(0)
    network, criterion = Network(middle), nn.CrossEntropyLoss()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    images, labels = torch.randn(batch, 1, 28, 28), torch.randint(0, 4, (batch,))

    def step() -> None:
        optimiser.zero_grad()
        criterion(network(images), labels).backward()
        optimiser.step()

    return step


@pytest.fixture(autouse=True)
def _one_torch_thread() -> Iterator[None]:
    """As in the tutorial: the network is too small to share out."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("batch", "goal"), [(4, 1.15), (32, 1.18), (256, None)])
def test_a_training_step(timed: Timed, benchmark: Any, batch: int, goal: float | None) -> None:
    plain = training_step(nn.Identity(), batch)
    plain()
    timed(training_step(new_layer(4, 2), batch), "Training step of the Fashion-MNIST network", f"batch {batch}",
          "quantum layer", budget=2, beside=plain)  # fmt: skip
    benchmark.extra_info.update(beside_column="identity instead", ratio_column="quantum / identity", ratio_goal=goal)


def test_ten_thousand_steps(benchmark: Any) -> None:
    layer, inputs = new_layer(4, 2), torch.rand(4, 4)
    optimiser = torch.optim.SGD(layer.parameters(), lr=1e-3)

    def step() -> None:
        optimiser.zero_grad()
        layer(inputs).sum().backward()
        optimiser.step()

    for _ in range(1000):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    benchmark.group = "Memory"
    benchmark.pedantic(step, rounds=10_000)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    benchmark.extra_info.update(
        table="Ten thousand steps",
        row="layer and SGD, batch 4",
        column="one step",
        note=f"the peak memory of the process grew by {grown} KiB in 10,000 steps",
    )
