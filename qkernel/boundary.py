"""Where users call the package: what they see of a traceback."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from qkernel.errors import QKernelError

F = TypeVar("F", bound=Callable[..., Any])
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_OURS = (_FOLDER + os.sep, _FOLDER + "_backends" + os.sep, contextlib.__file__)


def api_boundary(function: F) -> F:
    """`function`, which users call: tracebacks of our errors end where they called it, and name only files of theirs.

    What another error was raised from keeps its traceback. All is shown where `QKERNEL_TRACEBACKS` is `full`.
    """

    @wraps(function)
    def called(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except QKernelError as error:
            if os.environ.get("QKERNEL_TRACEBACKS") != "full":
                error.__traceback__ = _without_ours(error.__traceback__)
            raise error

    return cast("F", called)


def _without_ours(frames: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this package."""
    kept = []
    while frames is not None:
        if not frames.tb_frame.f_code.co_filename.startswith(_OURS):
            kept.append(frames)
        frames = frames.tb_next
    shown = None
    for frame in reversed(kept):
        shown = TracebackType(shown, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return shown
