"""A bound on the work of one estimate: beyond it an error says so, where forms would grow without end."""

from __future__ import annotations

from qkernel.effort import Budget
from qkernel.errors import SizeError

MOST_WORK = 6_000_000  # operations of loops that are run step by step: two to three seconds
FORM = 40  # what making a closed form takes beside one of these


class TooMuchWork(SizeError):
    """The work of an estimate is beyond its bound."""


def _too_much() -> TooMuchWork:
    return TooMuchWork(
        "the closed forms of this estimate grow too large to be worked out",
        help="give values for the arguments that sizes, steps and conditions depend on, smaller ones if all are given",
    )


_budget = Budget(lambda: MOST_WORK, _too_much)
bounded_work, spend, renew = _budget.bounded, _budget.spend, _budget.renew
