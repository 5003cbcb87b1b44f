"""Planning by number: what is compiled to machine code, see `columns`."""

from __future__ import annotations

from typing import Any

from qkernel_backends.plan.cones import finish, keep_what_is_seen, place_qubits
from qkernel_backends.plan.fusion import fuse

PLACE_QUBITS, KEEP_WHAT_IS_SEEN, FUSE, FINISH = range(4)


def run(task: int, w: Any, f: Any) -> None:
    if task == PLACE_QUBITS:
        place_qubits(w)
    elif task == KEEP_WHAT_IS_SEEN:
        keep_what_is_seen(w)
    elif task == FUSE:
        fuse(w, f)
    elif task == FINISH:
        finish(w, f)
