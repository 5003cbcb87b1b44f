"""A bound on the work and the memory of lowering, so that a short text cannot ask for an endless circuit.

A step is about a tenth of a microsecond, or a few bytes: an operation takes ten and two for each node of its expressions,
an iteration of a loop five, an instruction that is written eight.
"""

from __future__ import annotations

import os

from qkernel.effort import Budget
from qkernel.errors import SizeError, ValidationError

MOST_STEPS = 200_000_000
"""Some twenty seconds, or 25 million gates."""

OPERATION, NODE, ITERATION, INSTRUCTION = 10, 2, 5, 8
_VARIABLE = "QKERNEL_MOST_STEPS"


def most_steps() -> int:
    """How many steps there may be: `QKERNEL_MOST_STEPS` if that is set."""
    text = os.environ.get(_VARIABLE)
    if text is None:
        return MOST_STEPS
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValidationError(f"`{_VARIABLE}` is `{text}`, which is no number of steps", help=f"such as {MOST_STEPS}")
    return int(text)


def _too_much() -> SizeError:
    return SizeError(
        f"the circuit takes more than {most_steps():,} steps to make",
        label="here the steps run out",
        help="smaller sizes, or fewer and shorter loops and calls; for a kernel that you trust, "
        f"`{_VARIABLE}` in the environment sets another number of steps",
    )


_budget = Budget(most_steps, _too_much)
bounded_work, spend = _budget.bounded, _budget.spend
