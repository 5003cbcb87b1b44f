"""Python source -> IR."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qkernel.frontend.tracer import Tracer

_active: ContextVar[Tracer | None] = ContextVar("qkernel tracer", default=None)


def active_tracer(what: str) -> Tracer:
    """The tracer of the kernel that is being traced; `what` needs one."""
    tracer = _active.get()
    if tracer is None:
        from qkernel.errors import OutsideKernelError

        raise OutsideKernelError(f"{what} works only inside a kernel", help="put it into a function under `@qk.qkernel`")
    return tracer


def is_tracing() -> bool:
    """Whether a kernel is being traced right now."""
    return _active.get() is not None


@contextmanager
def tracing(tracer: Any) -> Iterator[None]:
    """Make `tracer` the active one."""
    token = _active.set(tracer)
    try:
        yield
    finally:
        _active.reset(token)
