"""Image sets and transforms under the names that torchvision's users know."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from qkernel.errors import DataError, DependencyError, KernelTypeError, ValidationError
from qkernel.nn import datasets, transforms


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Six images that stand for each set."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    monkeypatch.setattr(datasets.images, "load", lambda name, split: (pixels, np.arange(6, dtype=np.uint8)))
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


@pytest.mark.parametrize("wrong", [3, "ToTensor", [transforms.ToTensor()]], ids=["number", "text", "list"])
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


# Functions of bits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_c10_not_of_n_bits(n: int) -> None:
    data = datasets.NOT(n)
    assert len(data) == 2
    found = [(bits.tolist(), label.tolist()) for bits, label in data]
    assert found == [([0] * n, [1] * n), ([1] * n, [0] * n)]


def test_c11_not_as_angles_and_probabilities_of_zeros() -> None:
    data = datasets.NOT(2, transforms.bits_to_angles, transforms.is_all_zeros)
    assert [(angles.tolist(), label.item()) for angles, label in data] == [
        ([0.0, 0.0], 0.0),
        ([pytest.approx(np.pi)] * 2, 1.0),
    ]
    ((angles, labels),) = datasets.NOT.loader()
    assert angles.dtype == labels.dtype == torch.float32
    assert sorted(zip(angles[:, 0].tolist(), labels.tolist(), strict=True)) == [(0.0, 0.0), (pytest.approx(np.pi), 1.0)]


def test_c11_batches_are_shuffled() -> None:
    loader, first = datasets.NOT.loader(), set()
    for seed in range(20):
        torch.manual_seed(seed)
        ((angles, _),) = loader
        first.add(angles[0, 0].item())
    assert len(first) == 2


@pytest.mark.parametrize("n", range(1, 7))
def test_c12_parity_of_n_bits(n: int) -> None:
    data = datasets.XOR(n)
    assert len(data) == 2**n
    bits = torch.stack([bits for bits, _ in data])
    assert [row.tolist() for row in bits] == [[k >> j & 1 for j in range(n)] for k in range(2**n)]
    assert [label for _, label in data] == (bits.sum(1) % 2).tolist()


@pytest.mark.parametrize(("text", "parity"), [("101", 0), ("10101", 1), ("10", 1), ("11", 0)])
def test_c12_the_document_s_examples(text: str, parity: int) -> None:
    assert datasets.XOR(len(text))[int(text, 2)][1] == parity


def test_c13_torch_sees_data_sets() -> None:
    for data in (datasets.NOT(2), datasets.XOR(3)):
        assert isinstance(data, torch.utils.data.Dataset)
        assert sum(len(bits) for bits, _ in DataLoader(data, batch_size=3)) == len(data)
        assert data[-1][0].tolist() == data[len(data) - 1][0].tolist()
        for index in (len(data), -len(data) - 1):
            with pytest.raises(IndexError):
                data[index]
        with pytest.raises(KernelTypeError, match="a whole number"):
            data["0"]
    shapes = [(angles.shape, labels.dtype) for angles, labels in datasets.XOR.loader(3, batch_size=4)]
    assert shapes == [((4, 3), torch.float32)] * 2


@pytest.mark.parametrize("wrong", [0, -1, 63, 1.0, True, "2"], ids=repr)
def test_a_number_of_bits(wrong: object) -> None:
    for kind in (datasets.NOT, datasets.XOR):
        with pytest.raises(ValidationError, match="`num_bits` is a whole number from 1 to 62"):
            kind(wrong)


# Subsets ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of 1,200 images, in no order, that stand for the published ones; training and test sets differ."""

    def load(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(len(name + split))
        return generator.integers(0, 256, (1200, 28, 28), np.uint8), generator.integers(0, 10, 1200, np.uint8)

    monkeypatch.setattr(datasets.images, "load", load)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("train", "count"), [(True, 100), (False, 50)])
def test_t6_the_first_of_each_class(train: bool, count: int) -> None:
    whole = datasets.MNIST(train=train)
    part = whole.subset([0, 1], count)
    assert part.targets.bincount().tolist() == [count, count]
    for digit in (0, 1):
        rows = np.where(whole.targets.numpy() == digit)[0][:count]
        np.testing.assert_array_equal(part.data[part.targets == digit], whole.data[rows])


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("train", "count"), [(True, 60), (False, 30)])
def test_h13_drawn_from_each_class(train: bool, count: int) -> None:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))])
    whole = datasets.FashionMNIST(train=train, transform=transform)
    part = whole.subset([0, 1, 5, 8], count, seed=0)
    generator = np.random.default_rng(0)
    rows = [generator.choice(np.where(whole.targets == label)[0], count, replace=False) for label in (0, 1, 5, 8)]
    np.testing.assert_array_equal(part.data, whole.data[np.concatenate(rows)])
    assert part.targets.tolist() == [k for k in range(4) for _ in range(count)]
    assert next(iter(DataLoader(part, batch_size=len(part))))[0].shape == (4 * count, 1, 28, 28)


def test_a_subset_is_of_its_own(images: np.ndarray) -> None:
    whole = datasets.MNIST()
    part = whole.subset([4, "2"])
    assert [label for _, label in part] == [0, 1]
    assert part.classes == ["4", "2"]
    assert [label for _, label in part.subset(["2"])] == [0]
    assert len(whole.subset([])) == 0
    assert len(whole) == 6
    with pytest.raises(DataError, match="class 4 has 1 image, and 2 are asked for"):
        whole.subset([4], 2)
    with pytest.raises(DataError, match="9 is no class"):
        whole.subset([9])
    with pytest.raises(DataError, match="4 stands twice in `classes`"):
        whole.subset([4, 2, 4])
    for count in (0, -1, 1.5):
        with pytest.raises(DataError, match="`per_class` is a number of images from 1 on"):
            whole.subset([4], count)
    with pytest.raises(ValidationError, match="`seed` is a whole number"):
        whole.subset([4], seed="a")


def test_b10_the_first_three_digits() -> None:
    part = datasets.Digits().subset([0, 1, 2])
    assert len(part) == 537
    assert part.targets.bincount().tolist() == [178, 182, 177]
    assert part.data.flatten(1).shape == (537, 64)
    assert part.data.max() == 16


def test_digits_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DependencyError, match="the digits come with a package that is not installed") as caught:
        datasets.Digits()
    assert "qkernel[data]" in str(caught.value)
