"""What plans circuits and encodes plans, by number: compiled to machine code as one function."""

from __future__ import annotations

from typing import Any

from qkernel_backends.native.entries import encode, number_rows, partition
from qkernel_backends.plan.machine import run as plan

NUMBER_ROWS, PARTITION, ENCODE = range(16, 19)


def run(task: int, w: Any, f: Any) -> None:
    """See `plan.machine` and `entries`."""
    if task == NUMBER_ROWS:
        number_rows(w)
    elif task == PARTITION:
        partition(w)
    elif task == ENCODE:
        encode(w)
    else:
        plan(task, w, f)
