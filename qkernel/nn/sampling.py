"""The shots of a layer, which go on from call to call."""

from __future__ import annotations

import itertools
from typing import Any

import torch

from qkernel.execution.shots import ShotPlan, Shots, seed_of


class ShotSequence(Shots):
    """Every evaluation takes new shots: under a `seed` always the same sequence of them, else as torch's generator has it.

    A machine or primitive, which takes no seeds, does not follow torch (`is_seeded` false). `evaluations` tells how many
    evaluations have taken shots. A copy goes on from the same place, on its own.
    """

    def __init__(self, shots: int | ShotPlan, seed: int | None = None, evaluations: int = 0, is_seeded: bool = True) -> None:
        super().__init__(shots, seed)
        self.is_seeded = is_seeded or seed is not None
        self.go_on_from(evaluations)

    def go_on_from(self, evaluations: int) -> None:
        """Take so many evaluations for done."""
        self.evaluations, self._numbers = evaluations, itertools.count(evaluations)

    def __reduce__(self) -> tuple[Any, ...]:
        return ShotSequence, (self.plan, self.seed, self.evaluations, self.is_seeded)

    def seeds(self, bases: int) -> list[int | None]:
        """See `qkernel.execution.shots.Shots`."""
        if not self.is_seeded:
            return [None] * bases
        if self.seed is None:
            return list(torch.randint(1 << 62, (bases,), device="cpu").tolist())
        number = self._next()
        return [seed_of(self.seed, number, basis) for basis in range(bases)]

    def direction(self) -> int | None:
        """See `qkernel.execution.shots.Shots`: as torch's generator has it, on machines too."""
        if self.seed is None:
            return int(torch.randint(1 << 62, (), device="cpu"))
        return seed_of(self.seed, self._next(), 0, 1)

    def _next(self) -> int:
        number = next(self._numbers)
        self.evaluations = number + 1
        return number
