"""A bound on the work of one estimate: beyond it an error says so, where forms would grow without end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from qkernel.errors import SizeError

MOST_WORK = 6_000_000  # operations of loops that are run step by step: two to three seconds
FORM = 40  # what making a closed form takes beside one of these

_left: ContextVar[list[int] | None] = ContextVar("left", default=None)


class TooMuchWork(SizeError):
    """The work of an estimate is beyond its bound."""


@contextmanager
def bounded_work() -> Iterator[None]:
    """Raise `SizeError` where what is done inside takes more work than `MOST_WORK`; inner bounds belong to the outer one."""
    if _left.get() is not None:
        yield
        return
    token = _left.set([MOST_WORK])
    try:
        yield
    finally:
        _left.reset(token)


def spend(work: int) -> None:
    """Count work against the bound."""
    left = _left.get()
    if left is None:
        return
    left[0] -= work
    if left[0] < 0:
        raise TooMuchWork(
            "the closed forms of this estimate grow too large to be worked out",
            help="give values for the arguments that sizes, steps and conditions depend on, smaller ones if all are given",
        )


def renew() -> None:
    """Start counting anew."""
    if (left := _left.get()) is not None:
        left[0] = MOST_WORK
