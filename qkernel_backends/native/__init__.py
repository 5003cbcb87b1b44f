"""The default engine: exact, batched, differentiable, on the CPU; numba loads with its first circuit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qkernel_backends.native.engine import NativeEngine

__all__ = ["NativeEngine"]


def __getattr__(name: str) -> Any:
    if name != "NativeEngine":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from qkernel_backends.native.engine import NativeEngine

    return NativeEngine
