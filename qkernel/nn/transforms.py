"""What the tutorials do to images, under the names that torchvision's users know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Compose:
    """Each of `transforms` in turn."""

    transforms: Sequence[Callable[[Any], Any]]

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image


class ToTensor:
    """A grey image, uint8 of shape (height, width), as float32 in [0, 1] of shape (1, height, width)."""

    def __call__(self, image: Any) -> Tensor:
        return torch.from_numpy(np.array(image, np.uint8))[None].float() / 255


@dataclass(frozen=True, slots=True)
class Normalize:
    """(x - mean) / std for each channel."""

    mean: Sequence[float]
    std: Sequence[float]

    def __call__(self, image: Tensor) -> Tensor:
        mean, std = (torch.tensor(values, dtype=image.dtype)[:, None, None] for values in (self.mean, self.std))
        return (image - mean) / std
