"""Where users call the package: what they see of a traceback, and what they hear of arguments that there are not."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable, Iterable
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar, cast

from qkernel.diagnostics import did_you_mean
from qkernel.errors import CallArgumentError, QKernelError

F = TypeVar("F", bound=Callable[..., Any])
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_OURS = (_FOLDER + os.sep, _FOLDER + "_backends" + os.sep, contextlib.__file__)


def api_boundary(function: F) -> F:
    """A function, or the constructor of a class, that users call: tracebacks of our errors end where they called it, and name
    only files of theirs; an argument that it does not have is a `CallArgumentError`.

    What another error was raised from keeps its traceback. All is shown where `QKERNEL_TRACEBACKS` is `full`.
    """
    if isinstance(function, type):
        function.__init__ = api_boundary(function.__init__)  # type: ignore[misc]
        return function

    @wraps(function)
    def called(*arguments: Any, **keywords: Any) -> Any:
        try:
            return function(*arguments, **keywords)
        except QKernelError as error:
            if os.environ.get("QKERNEL_TRACEBACKS") != "full":
                error.__traceback__ = _without_ours(error.__traceback__)
            raise error
        except TypeError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                raise  # from inside of it
            raise _misfit(function, arguments, keywords) or error from None

    return cast("F", called)


def no_option(function: str, option: object, names: Iterable[str]) -> CallArgumentError:
    """The error for a keyword that is none of the `names` of a function's options."""
    names = sorted(names)
    return CallArgumentError(
        f"`{function}` has no option `{option}`{did_you_mean(option, names)}",
        help=f"its options are {', '.join(f'`{name}`' for name in names)}",
    )


def _misfit(function: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> CallArgumentError | None:
    """The error for arguments that `function` does not take; None if it takes them."""
    name, signature = function.__name__, inspect.signature(function)
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].name == "self":
        name, arguments = type(arguments[0]).__name__ if name == "__init__" else name, arguments[1:]
        parameters = parameters[1:]
    shown = inspect.Signature([parameter.replace(annotation=parameter.empty) for parameter in parameters])
    known = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    takes_any = len(known) < len(parameters)
    if (unknown := next((keyword for keyword in keywords if keyword not in known), None)) is not None and not takes_any:
        return no_option(name, unknown, known)
    try:
        shown.bind(*arguments, **keywords)
    except TypeError as error:
        return CallArgumentError(f"`{name}` is not called like this: {error}", help=f"call it as `{name}{shown}`")
    return None


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
