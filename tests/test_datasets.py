"""Image sets and transforms under the names that torchvision's users know."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from qkernel.nn import datasets, transforms


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Six images that stand for each set."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    monkeypatch.setattr(datasets, "load", lambda name, split: (pixels, np.arange(6, dtype=np.uint8)))
    return pixels


def test_items_are_transformed_pairs(images: np.ndarray) -> None:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))])
    image, label = datasets.FashionMNIST(root="anywhere", train=True, download=True, transform=transform)[4]
    assert label == 4
    assert image.shape == (1, 28, 28)
    assert image.dtype == torch.float32
    np.testing.assert_allclose(image[0].numpy(), (images[4] / 255 - 0.2860) / 0.3530, atol=1e-6)


def test_sets_load_in_batches(images: np.ndarray) -> None:
    data = datasets.MNIST(train=False, transform=transforms.ToTensor(), target_transform=lambda label: label + 10)
    shapes = [(batch.shape, labels.tolist()) for batch, labels in DataLoader(data, batch_size=4)]
    assert shapes == [((4, 1, 28, 28), [10, 11, 12, 13]), ((2, 1, 28, 28), [14, 15])]
    assert data.targets.tolist() == list(range(6))
    with pytest.raises(IndexError):
        data[6]
