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


def bits_to_angles(bits: Tensor) -> Tensor:
    """The angles of RX or RY that prepare bits from zeros: 0 or pi for each, float32."""
    return torch.pi * bits.float()


def is_all_zeros(bits: Tensor) -> Tensor:
    """1.0 where no bit is set, the probability of all zeros in that state, else 0.0; float32, without axes."""
    return 1.0 - bits.any().float()
