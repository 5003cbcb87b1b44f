"""Image sets as torch data sets, under the names that torchvision's users know; `load` brings the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch.utils.data import Dataset

from qkernel.diagnostics import counted
from qkernel.errors import DataError, KernelTypeError, needed
from qkernel.execution.shots import check_seed
from qkernel.nn.datasets.published import Name, load

Array = np.ndarray[Any, Any]


class ImageSet(Dataset[tuple[Any, Any]]):
    """Pairs of image and label.

    `data` holds the images, uint8 of shape (N, height, width), `targets` the labels, int64 of shape (N,), and `classes`
    the names of the classes by their labels. An item's image is a uint8 array, or what `transform` makes of it. Raises
    `KernelTypeError` for a transform that is no function or an index that is no whole number.
    """

    class_names: ClassVar[tuple[str, ...]] = tuple(map(str, range(10)))

    def __init__(
        self,
        images: Array,
        labels: Array,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
    ) -> None:
        for name, function in (("transform", transform), ("target_transform", target_transform)):
            if function is not None and not callable(function):
                raise KernelTypeError(f"`{name}` is a function, and this is {function!r}")
        self.data = torch.from_numpy(np.array(images))
        self.targets = torch.from_numpy(labels.astype(np.int64))
        self.classes = list(self.class_names)
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

    def subset(self, classes: Sequence[int | str], per_class: int | None = None, seed: int | None = None) -> Self:
        """The images of some classes, by label or name, one class behind another, with labels that count these from 0.

        So `subset([9, 1])` has the labels 0, for what was 9, and 1; its own `classes` has their names.
        Of each class there are the first `per_class` (default: all), or with a `seed` as many drawn without replacement by
        `numpy.random.default_rng(seed)`. Raises `DataError` where a class has fewer, and for what is no class.
        """
        generator = None if check_seed(seed) is None else np.random.default_rng(seed)
        known = np.unique(self.targets.numpy()).tolist()
        listed: list[Any] = list(classes) if isinstance(classes, Iterable) and not isinstance(classes, str) else [classes]
        listed = [self.classes.index(each) if each in self.classes else each for each in listed]
        if wrong := [label for k, label in enumerate(listed) if label not in known or label in listed[:k]]:
            what = "stands twice in `classes`" if wrong[0] in known else "is no class"
            names = ", ".join(f"{label} ({self.classes[label]})" for label in known)
            raise DataError(f"{wrong[0]!r} {what}", help=f"the classes are {names}, each once")
        if per_class is not None and (not isinstance(per_class, (int, np.integer)) or per_class < 1):
            raise DataError(f"`per_class` is a number of images from 1 on, not {per_class!r}")
        chosen = []
        for label in listed:
            rows = np.flatnonzero(self.targets.numpy() == label)
            count = len(rows) if per_class is None else per_class
            if count > len(rows):
                raise DataError(f"class {label} has {counted(len(rows), 'image')}, and {count} are asked for")
            chosen.append(rows[:count] if generator is None else generator.choice(rows, count, replace=False))
        part = copy(self)
        part.data = self.data[np.concatenate(chosen)] if chosen else self.data[:0]
        part.classes = [self.classes[label] for label in listed]
        part.targets = torch.tensor([label for label, rows in enumerate(chosen) for _ in rows], dtype=torch.int64)
        return part


class PublishedSet(ImageSet):
    """A published set of images of 28 x 28 pixels, in the published order.

    `root` and `download` are taken for familiarity: files are looked for where `load` says, and downloaded if they are
    nowhere. Raises `DataError` as `load` does.
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
        super().__init__(*load(self.name, "train" if train else "test"), transform, target_transform)


class FashionMNIST(PublishedSet):
    """Zalando's Fashion-MNIST: ten classes of clothing (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747)."""

    name = "fashion-mnist"
    class_names = (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    )  # fmt: skip


class MNIST(PublishedSet):
    """Handwritten digits (LeCun, Cortes and Burges)."""

    name = "mnist"


class Digits(ImageSet):
    """scikit-learn's 1,797 handwritten digits of 8 x 8 pixels, from 0 to 16 (Alpaydin and Kaynak 1998, UCI repository).

    Raises `DependencyError` without scikit-learn.
    """

    def __init__(
        self, transform: Callable[[Any], Any] | None = None, target_transform: Callable[[int], Any] | None = None
    ) -> None:
        with needed("the digits come with", "data"):
            from sklearn.datasets import load_digits
        digits = load_digits()
        super().__init__(digits.images.astype(np.uint8), digits.target, transform, target_transform)
