"""Functions of bits as data sets: the first things to teach a quantum layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from qkernel.errors import KernelTypeError, ValidationError
from qkernel.nn.transforms import Compose, bits_to_angles, is_all_zeros

Transform = Callable[[Any], Any]


class BitSet(Dataset[tuple[Any, Any]]):
    """Pairs of bits and label, each as it is or what a transform makes of it.

    Bits are int64 tensors of shape (num_bits,), bit 0 first. Raises `ValidationError` for fewer bits than one, and
    `KernelTypeError` for an index that is no whole number.
    """

    def __init__(
        self, num_bits: int = 1, transform: Transform | None = None, target_transform: Transform | None = None
    ) -> None:
        if isinstance(num_bits, bool) or not isinstance(num_bits, int) or not 1 <= num_bits <= 62:
            raise ValidationError(f"`num_bits` is a whole number from 1 to 62, not {num_bits!r}")
        self.num_bits, self.transform, self.target_transform = num_bits, transform, target_transform

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not hasattr(index, "__index__"):
            raise KernelTypeError(f"an item is chosen by a whole number, and this is {index!r}")
        place = index.__index__()
        if not -len(self) <= place < len(self):
            raise IndexError(f"there are {len(self)} items, and {place} is none of them")
        bits, label = self._item(place % len(self))
        return (
            bits if self.transform is None else self.transform(bits),
            label if self.target_transform is None else self.target_transform(label),
        )

    def __len__(self) -> int:
        raise NotImplementedError

    def _item(self, index: int) -> tuple[Tensor, Any]:
        raise NotImplementedError

    def _bits(self, number: int) -> Tensor:
        return torch.tensor([number >> k & 1 for k in range(self.num_bits)])


class NOT(BitSet):
    """Two items: all zeros become all ones, and all ones all zeros; the labels are bits too."""

    def __len__(self) -> int:
        return 2

    def _item(self, index: int) -> tuple[Tensor, Tensor]:
        bits = torch.full((self.num_bits,), index)
        return bits, 1 - bits

    @classmethod
    def loader(cls, num_bits: int = 1, batch_size: int = 2, shuffle: bool = True) -> DataLoader[tuple[Any, Any]]:
        """Batches for a layer that reads out the probability of all zeros, which are the labels (0.0 or 1.0).

        Data are angles of RX that prepare the bits, 0 or pi, float32 of shape (batch, num_bits).
        """
        return DataLoader(cls(num_bits, bits_to_angles, is_all_zeros), batch_size, shuffle)


class XOR(BitSet):
    """All 2**num_bits strings of bits, item k the binary digits of k, with their parity (0 or 1) as label."""

    def __len__(self) -> int:
        return 1 << self.num_bits

    def _item(self, index: int) -> tuple[Tensor, int]:
        return self._bits(index), index.bit_count() % 2

    @classmethod
    def loader(cls, num_bits: int = 2, batch_size: int = 4, shuffle: bool = True) -> DataLoader[tuple[Any, Any]]:
        """Batches of angles of RX that prepare the bits, 0 or pi, with labels 0.0 and 1.0, all float32."""
        return DataLoader(cls(num_bits, bits_to_angles, Compose([float, torch.tensor])), batch_size, shuffle)
