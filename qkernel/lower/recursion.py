"""Room on Python's stack for kernels that call each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

DEEPEST = 2000
"""The deepest that kernels may call each other."""

_PYTHON_FRAMES = 20
_lock = Lock()
_normal: list[int] = []


@contextmanager
def deep_stack() -> Iterator[None]:
    """Raise Python's recursion limit meanwhile; several threads may do so at once, the last one to leave restores it."""
    with _lock:
        _normal.append(_normal[0] if _normal else sys.getrecursionlimit())
        sys.setrecursionlimit(max(_normal[0], DEEPEST * _PYTHON_FRAMES))
    try:
        yield
    finally:
        with _lock:
            normal = _normal.pop()
            if not _normal:
                sys.setrecursionlimit(normal)
