"""A progress bar on the terminal for calls that take longer than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PATIENCE = 2.0


@contextmanager
def progress(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """Gives a function that takes how much of `total` has been done since it was last called."""
    bar: Any = None
    done, due = 0.0, time.monotonic() + _PATIENCE

    def advance(amount: float) -> None:
        nonlocal bar, done
        done += amount
        if bar is None and time.monotonic() > due and sys.stderr.isatty():
            import rich.progress

            bar = rich.progress.Progress(console=rich.console.Console(stderr=True), transient=True)
            bar.add_task(what, total=total)
            bar.start()
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()
