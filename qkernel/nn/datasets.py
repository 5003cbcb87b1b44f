"""Image sets as torch data sets, under the names that torchvision's users know; `qkernel.data` brings the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.data import Dataset

from qkernel.data import Name, load
from qkernel.errors import KernelTypeError


class ImageSet(Dataset[tuple[Any, int]]):
    """Pairs of image and label, in the published order.

    `data` holds the images, uint8 of shape (N, 28, 28), `targets` the labels, int64 of shape (N,). An item's image is a
    uint8 array, or what `transform` makes of it. `root` and `download` are taken for familiarity: files are looked for
    where `qkernel.data` says, and downloaded if they are nowhere. Raises `DataError` as `qkernel.data.load` does, and
    `KernelTypeError` for a transform that is no function or an index that is no whole number.
    """

    name: ClassVar[Name]

    def __init__(
        self,
        root: Any = None,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        download: bool = True,
    ) -> None:
        for name, function in (("transform", transform), ("target_transform", target_transform)):
            if function is not None and not callable(function):
                raise KernelTypeError(f"`{name}` is a function, and this is {function!r}")
        images, labels = load(self.name, "train" if train else "test")
        self.data = torch.from_numpy(np.array(images))
        self.targets = torch.from_numpy(labels.astype(np.int64))
        self.transform, self.target_transform = transform, target_transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not hasattr(index, "__index__"):
            raise KernelTypeError(
                f"an image is chosen by a whole number, and this is {index!r}",
                help="`data` and `targets` are tensors, of which `data[:10]` is a part",
            )
        image: Any = self.data[index].numpy()
        label: Any = int(self.targets[index])
        return (
            image if self.transform is None else self.transform(image),
            label if self.target_transform is None else self.target_transform(label),
        )


class FashionMNIST(ImageSet):
    """Zalando's Fashion-MNIST: ten classes of clothing (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747)."""

    name = "fashion-mnist"


class MNIST(ImageSet):
    """Handwritten digits (LeCun, Cortes and Burges)."""

    name = "mnist"
