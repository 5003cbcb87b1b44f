"""Kernels as they are traced: at first use, and anew where what they were read against has changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from qkernel.errors import QKernelError
from qkernel.frontend.outlines import Outline, assumed_outline
from qkernel.frontend.signature import Signature
from qkernel.frontend.trace import Traced, check_assumption, check_recursion, nested_too_deeply, trace
from qkernel.recursion import deep_stack

_READING = 3  # how many times the room that lowering a call takes, reading a called kernel takes
_depth = 0
_current: ContextVar[set[Any] | None] = ContextVar("kernels found up to date", default=None)


@contextmanager
def each_once() -> Iterator[set[Any]]:
    """The kernels that are known to be up to date: in here each is asked once, however many others call it."""
    current = _current.get()
    if current is not None:
        yield current
        return
    token = _current.set(current := set())
    try:
        yield current
    finally:
        _current.reset(token)


class Traceable:
    """What has a trace, kept as long as it holds."""

    signature: Signature

    def __init__(self) -> None:
        self._traced: Traced | None = None
        self._assumed: Outline | None = None
        self._busy = False

    def _reached(self) -> tuple[Traced, ...]:
        """The traces of this kernel and of all that it reaches, each brought up to date."""
        found: dict[int, Traced] = {}
        pending: list[Any] = [self]
        while pending:
            kernel = pending.pop()
            if kernel.given:
                pending += [kernel.generic, *kernel.given.values()]
            elif id(kernel) not in found:
                found[id(kernel)] = traced = kernel.traced()
                pending += [*traced.callees.values(), *kernel.forms.values()]
        return tuple(found.values())

    def traced(self) -> Traced:
        """The kernel's trace; read anew where something that it captured from around it has changed."""
        if self._busy and self._traced is not None:
            return self._traced  # a kernel that reaches itself
        with each_once() as current:
            if self._traced is None or (self not in current and self._is_stale(self._traced)):
                self._traced = self._trace()
            current.add(self)
        return self._traced

    def _trace(self) -> Traced:
        global _depth
        kernel: Any = self
        _depth += 1
        self._busy, self._traced, self._assumed = True, None, None
        try:
            check_recursion(_depth, kernel)
            with deep_stack(_READING * (_depth - 1)):  # no more than is needed: users' functions run in it
                traced = trace(kernel)
            check_assumption(kernel, self._assumed, traced.outline)
        except RecursionError as error:
            if _depth > 1 or isinstance(error, QKernelError):
                raise
            raise nested_too_deeply(kernel) from None
        finally:
            _depth -= 1
            self._busy = False
        return traced

    def _is_stale(self, traced: Traced) -> bool:
        """Whether a captured name, or what comes back from a kernel that this one calls, has changed."""
        self._busy = True
        try:
            with deep_stack():
                return traced.captures.changed() or any(kernel.outline() is not outline for kernel, outline in traced.used)
        finally:
            self._busy = False

    def outline(self) -> Outline:
        """What a caller needs to know; while the kernel itself is being traced, what its annotations promise."""
        if self._busy and self._traced is None:
            if self._assumed is None:
                self._assumed = assumed_outline(self.signature)
            return self._assumed
        return self.traced().outline

    @property
    def is_settled(self) -> bool:
        """Whether the kernel is not being traced right now."""
        return not self._busy
