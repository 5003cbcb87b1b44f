"""The steps of a modified operation, the first one innermost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qkernel.ir.expressions import Const, Expr


@dataclass(frozen=True, slots=True)
class Controls:
    """That many controls, which must hold `value`."""

    count: Any
    value: Any = None


@dataclass(frozen=True, slots=True)
class Inverted:
    """Backwards."""


@dataclass(frozen=True, slots=True)
class Powered:
    """That many times."""

    exponent: Any


@dataclass(frozen=True, slots=True)
class Phased:
    """Times exp(i phase)."""

    phase: Any


Step = Controls | Inverted | Powered | Phased


def is_backwards(steps: Sequence[Step]) -> bool:
    """Whether an operation under the steps takes what the plain one gives back."""
    return sum(isinstance(step, Inverted) for step in steps) % 2 == 1


def is_controlled(steps: Sequence[Step]) -> bool:
    """Whether there are branches in which nothing is done."""
    return any(isinstance(step, Controls) for step in steps)


def times(steps: Sequence[Step]) -> int | None:
    """How often the operation is done under the steps, backwards if negative; None where only values tell."""
    result = -1 if is_backwards(steps) else 1
    for step in steps:
        if isinstance(step, Powered):
            exponent = step.exponent.value if isinstance(step.exponent, Const) else step.exponent
            if isinstance(exponent, (bool, Expr)) or not hasattr(exponent, "__index__"):
                return None
            result *= exponent.__index__()
    return result
