"""Bounds on work, so that a short text cannot ask for work without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from qkernel.errors import SizeError


class Budget:
    """An amount of work for what is done inside of `bounded`; `most` tells how much, `error` what is raised beyond it."""

    def __init__(self, most: Callable[[], int], error: Callable[[], SizeError]) -> None:
        self._most, self._error = most, error
        self._left: ContextVar[list[int] | None] = ContextVar("left", default=None)

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Count what is done inside, from the start; inner bounds belong to the outer one."""
        if self._left.get() is not None:
            yield
            return
        token = self._left.set([self._most()])
        try:
            yield
        finally:
            self._left.reset(token)

    def spend(self, work: int) -> None:
        """Count work, before it is done."""
        left = self._left.get()
        if left is None:
            return
        left[0] -= work
        if left[0] < 0:
            raise self._error()

    def renew(self) -> None:
        """Start counting anew."""
        if (left := self._left.get()) is not None:
            left[0] = self._most()
