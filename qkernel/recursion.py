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
def deep_stack(calls: int = DEEPEST) -> Iterator[None]:
    """Raise Python's recursion limit for so many calls of kernels; the last to leave, of all threads, restores it."""
    with _lock:
        _normal.append(_normal[0] if _normal else sys.getrecursionlimit())
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _normal[0] + calls * _PYTHON_FRAMES))
    try:
        yield
    finally:
        with _lock:
            normal = _normal.pop()
            if not _normal:
                sys.setrecursionlimit(normal)
