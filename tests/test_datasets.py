"""Image sets and transforms under the names that torchvision's users know."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from qkernel.errors import KernelTypeError
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


@pytest.mark.parametrize("wrong", [3, "ToTensor", [transforms.ToTensor()]], ids=repr)
@pytest.mark.parametrize("name", ["transform", "target_transform"])
def test_transforms_are_functions(images: np.ndarray, name: str, wrong: object) -> None:
    with pytest.raises(KernelTypeError, match=f"`{name}` is a function"):
        datasets.MNIST(**{name: wrong})


@pytest.mark.parametrize("index", [slice(0, 2), "0", None, 0.5, [0, 1]], ids=repr)
def test_an_index_is_a_whole_number(images: np.ndarray, index: object) -> None:
    with pytest.raises(KernelTypeError, match="an image is chosen by a whole number"):
        datasets.MNIST()[index]  # type: ignore[index]


def test_an_index_past_the_end_ends_iteration(images: np.ndarray) -> None:
    kept = datasets.MNIST()
    with pytest.raises(IndexError):
        kept[6]
    assert [label for _, label in kept] == list(range(6))
    assert kept[np.int64(2)][1] == kept[torch.tensor(2)][1] == 2  # type: ignore[index]
