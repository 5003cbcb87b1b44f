"""`@qkernel` and `@composite_gate`: kernels of functions."""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar, overload

from qkernel.boundary import api_boundary
from qkernel.errors import KernelTypeError
from qkernel.frontend.python_calls import around_symbols, is_own
from qkernel.frontend.source import whereabouts
from qkernel.frontend.values import describe
from qkernel.kernel import Kernel

P = ParamSpec("P")
R = TypeVar("R")


@overload
def qkernel(function: Callable[P, R]) -> Kernel[P, R]: ...
@overload
def qkernel(*, clean_ancillas: bool = ...) -> Callable[[Callable[P, R]], Kernel[P, R]]: ...
@api_boundary
def qkernel(function: Any = None, *, clean_ancillas: bool = False) -> Any:
    """Make a kernel of a function with annotated arguments and result.

    `clean_ancillas` promises that qubits which the kernel makes and drops are back in 0, so that it can be inverted and
    controlled, and that they can be used again; simulators look whether they are. Raises `MissingAnnotationError`
    (a TypeError) where an annotation is missing.

    Of a function that uses values of the kernel which is being read, as a factory may make it, it makes a function of that
    kernel: what it uses becomes arguments where an operation is asked for.
    """
    if function is None:
        return partial(qkernel, clean_ancillas=clean_ancillas)
    checked = _checked(function, "qkernel")
    if (local := around_symbols(checked)) is None:
        return Kernel(checked, clean_ancillas=clean_ancillas)
    if clean_ancillas:
        raise KernelTypeError(
            f"`{checked.__name__}` uses values of a kernel that is being read, and is to clean its ancillas",
            span=whereabouts(checked),
            label="part of that kernel",
            help="take the values as arguments, and define it outside of the kernel",
        )
    return local


def _checked(function: Any, decorator: str) -> types.FunctionType:
    if isinstance(function, types.FunctionType) and function.__name__ != "<lambda>":
        return function
    is_lambda = isinstance(function, types.FunctionType)
    what = "a lambda" if is_lambda else describe(function)
    raise KernelTypeError(
        f"`@{decorator}` goes over a `def`, but this is {what}",
        span=whereabouts(function) if is_lambda else None,
        label="a lambda" if is_lambda else "",
        help=f"write `@{decorator}` directly over the function",
    )


@api_boundary
def composite_gate(kernel: Any = None, *, name: str | None = None) -> Any:
    """Make a named box of a kernel: one box in drawings, a named instruction in Qiskit. Goes over `@qkernel`."""
    if kernel is None:
        return lambda inner: composite_gate(inner, name=name)
    if isinstance(kernel, types.FunctionType) and is_own(kernel):
        raise KernelTypeError(
            f"`{kernel.__name__}` uses values of a kernel that is being read, and cannot be a box of its own",
            label="part of that kernel",
            help="take the values as arguments, and define it outside of the kernel",
        )
    source = kernel.function if isinstance(kernel, Kernel) else _checked(kernel, "composite_gate")
    clean = kernel.clean_ancillas if isinstance(kernel, Kernel) else False
    return Kernel(source, kind="composite", label=name or source.__name__, clean_ancillas=clean)
