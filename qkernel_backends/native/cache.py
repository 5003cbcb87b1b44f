"""Where the machine code stays between processes: one file per function, keyed by its sources, numba and the processor."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache

_WITHOUT_MACHINE_CODE = frozenset(
    (
        "__init__", "__main__", "cache", "encode", "engine", "explain",
        "large", "passes", "progress", "split", "threads", "trajectories",
    )
)  # fmt: skip


@cache
def _stamp() -> str:
    """Changes when any file that machine code is made from does, so that an edit is never answered with old code."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in _WITHOUT_MACHINE_CODE:
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def cache_folder() -> Path:
    """`NUMBA_CACHE_DIR` if set, else `qkernel` in the user's cache folder."""
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "qkernel"


class _Locator:
    def __init__(self, path: str) -> None:
        self.path = path

    def ensure_cache_path(self) -> None:
        cache_folder().mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return _stamp()

    def get_disambiguator(self) -> str:
        return _stamp()[:16]

    @classmethod
    def from_function(cls, function: Any, path: str) -> _Locator:
        return cls(path)


class _Implementation(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_Locator]  # noqa: RUF012


class _Cache(FunctionCache):  # type: ignore[misc]
    _impl_class = _Implementation
    began = 0.0

    def load_overload(self, signature: Any, context: Any) -> Any:
        found = super().load_overload(signature, context)
        if found is None:
            self.began = time.monotonic()
            print("qkernel: compiling the native engine, once for this machine (up to a minute) ...", file=sys.stderr)
        return found

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            super().save_overload(signature, data)
            place = f"kept in {cache_folder()}"
        except OSError as error:
            place = f"not kept: {error}"
        print(f"qkernel: compiled in {time.monotonic() - self.began:.0f} s, {place}", file=sys.stderr)


def keep_on_disk(dispatcher: Any) -> Any:
    """Let a compiled function load its machine code from the cache folder, and put it there."""
    dispatcher._cache = _Cache(dispatcher.py_func)
    return dispatcher
