"""Whether a kernel is being traced right now, and by which tracer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from qkernel.errors import OutsideKernelError

_active: ContextVar[Any] = ContextVar("qkernel tracer", default=None)


def active(what: str) -> Any:
    """The tracer of the kernel that is being traced, a `qkernel.frontend.tracer.Tracer`; `what` needs one."""
    tracer = _active.get()
    if tracer is None:
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
