"""What shots left: bits, and how often they came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_DRAWN_AT_ONCE = 1 << 20
"""Outcomes: a call that draws more cannot be interrupted soon enough."""


@dataclass(frozen=True)
class Tally:
    """What shots left: bits of shape (rows, outcomes, bits), and how often each came out, shape (batch, outcomes).

    Where the batch shares its outcomes there is one row of bits. An outcome may stand there more than once, or never come out.
    """

    bits: Array
    counts: Array
    shots: int

    @classmethod
    def of_shots(cls, bits: Array) -> Tally:
        """Of bits of shape (batch, shots, bits)."""
        return cls(bits, np.broadcast_to(1.0, bits.shape[:2]), bits.shape[1])

    @classmethod
    def together(cls, parts: Sequence[Tally]) -> Tally:
        """All shots of several samples of one circuit."""
        if len(parts) == 1:
            return parts[0]
        rows = max(len(part.bits) for part in parts)
        bits = [np.broadcast_to(part.bits, (rows, *part.bits.shape[1:])) for part in parts]
        return cls(
            np.concatenate(bits, 1), np.concatenate([part.counts for part in parts], 1), sum(part.shots for part in parts)
        )

    @classmethod
    def beside(cls, parts: Sequence[Tally]) -> Tally:
        """Of several batches with one number of shots, one after the other; where outcomes are fewer they are filled up."""
        if len(parts) == 1:
            return parts[0]
        most = max(part.counts.shape[1] for part in parts)
        bits, counts = [], []
        for part in parts:
            lacking = (0, most - part.counts.shape[1])
            rows = np.broadcast_to(part.bits, (len(part.counts), *part.bits.shape[1:]))
            bits.append(np.pad(rows, ((0, 0), lacking, (0, 0))))
            counts.append(np.pad(part.counts, ((0, 0), lacking)))
        return cls(np.concatenate(bits), np.concatenate(counts), parts[0].shots)

    @classmethod
    def drawn(cls, places: Sequence[int], width: int, probabilities: Array, shots: int, seed: int | None) -> Tally:
        """Drawn from probabilities of shape (batch, outcomes), without a look at single shots.

        Bit k of an outcome is the bit `places[k]` of `width`.
        """
        generator, counts = np.random.default_rng(seed), np.zeros(probabilities.shape)
        outcomes = probabilities.shape[1]
        at_once = max(1, _DRAWN_AT_ONCE // outcomes)
        for first in range(0, len(counts), at_once):
            weights = probabilities[first : first + at_once].astype(float)
            weights /= (weights @ np.ones(outcomes))[:, None]
            counts[first : first + at_once] = generator.multinomial(shots, weights)
        bits = np.zeros((1, outcomes, width), np.uint8)
        for k, bit in enumerate(places):
            bits[0, :, bit] = np.arange(outcomes) >> k & 1
        return cls(bits, counts, shots)

    def singly(self) -> Array:
        """The bits of each shot, shape (batch, shots, bits); shots that are alike stand together."""
        if len(self.counts) and (self.counts == 1).all():
            return np.ascontiguousarray(np.broadcast_to(self.bits, (*self.counts.shape, self.bits.shape[2])))
        rows = [np.repeat(*self.row(number), axis=0) for number in range(len(self.counts))]
        return np.array(rows, np.uint8).reshape(len(self.counts), self.shots, self.bits.shape[2])

    def distinct(self, number: int) -> tuple[Array, Array]:
        """The bits and counts of what came out, of one of the batch; single shots that are alike are put together."""
        bits, counts = self.row(number)
        if (counts == 1).all():
            first, counts = distinct_rows(bits)
            return bits[first], counts
        seen = np.flatnonzero(counts)
        return bits[seen], counts[seen]

    def mean(self, numbers: Array) -> Array:
        """Of numbers by outcome, shape (rows, outcomes): shape (batch,)."""
        total: Array = np.einsum("bo,bo->b", self.counts, np.broadcast_to(numbers, self.counts.shape))
        return total / self.shots

    def row(self, number: int) -> tuple[Array, Array]:
        """The bits and counts of one of the batch."""
        return self.bits[number if len(self.bits) > 1 else 0], self.counts[number].astype(np.int64)


def distinct_rows(bits: Array, counts: Array | None = None) -> tuple[Array, Array]:
    """For the distinct rows of bits (shots, bits): where each stands first, and how often, or the sum of its `counts`.

    By words of 64 bits. (`np.unique` by rows compares records, and numpy makes a TypeError of an interrupt in there.)
    """
    packed = np.packbits(bits, axis=1)
    words = np.zeros((len(bits), max(1, -(-packed.shape[1] // 8))), np.uint64)
    words.view(np.uint8)[:, : packed.shape[1]] = packed
    order, starts = groups_of_rows(words)
    totals = np.diff(starts, append=len(bits)) if counts is None else np.add.reduceat(counts[order], starts)
    return np.minimum.reduceat(order, starts), totals


def groups_of_rows(words: Array) -> tuple[Array, Array]:
    """The rows of an array of numbers in their order, and where in there each distinct row begins."""
    order = np.argsort(words[:, 0]) if words.shape[1] == 1 else np.lexsort(words.T[::-1])
    inside = words[order]
    changes = np.any(inside[1:] != inside[:-1], axis=1)
    return order, np.flatnonzero(np.concatenate([[True], changes]))
