"""Who compares or hashes a symbol: qkernel itself, or Python of a user's that runs on symbols."""

from __future__ import annotations

import sys
from contextvars import ContextVar

OUTSIDE: ContextVar[bool] = ContextVar("users' Python runs on symbols", default=False)


def asked_outside(depth: int = 2) -> bool:
    """Whether it is not qkernel that compares or hashes a symbol, `depth` calls up, but Python that a kernel calls."""
    if not OUTSIDE.get():
        return False
    module = sys._getframe(depth).f_globals.get("__name__", "")
    return module.partition(".")[0] not in ("qkernel", "qkernel_backends") or module == "qkernel.frontend.outside"
