"""What holds for every method of our engines' prepared circuits, whatever the engine does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial, wraps
from typing import Any, TypeVar, cast

import numpy as np

from qkernel.engine import Prepared
from qkernel.lower.circuit import Circuit
from qkernel.threads import interruptible
from qkernel_backends.large_angles import AnyAngles
from qkernel_backends.memory import refused

Array = np.ndarray[Any, Any]
Method = TypeVar("Method", bound=Callable[..., Any])

_LONG = 1 << 22
"""Amplitudes that gates move, and shots: a call of more may take longer than somebody who presses Ctrl-C should wait."""
_SINGLE_LIMIT = 8.0
"""Columns up to this may be rounded to single precision before angles are made of them."""


class AtAnyAngle:
    """A `Prepared` whose methods may be `guarded`: it has a circuit and a precision, and makes open circuits ready."""

    circuit: Circuit
    dtype: np.dtype[Any]

    def with_open_slots(self, circuit: Circuit) -> Prepared:
        """`circuit`, this one with every slot open, made ready like this one."""
        raise NotImplementedError

    def check_releases(self, theta: Array) -> None:
        """Raise `UncleanAncillaError` where a kernel breaks its promise, unless the methods themselves see that."""

    @cached_property
    def any_angles(self) -> AnyAngles:
        """The same circuit for angles that are too large to be added up as they are."""
        return AnyAngles(self.circuit, self.with_open_slots)


def guarded(method: Method) -> Method:
    """A method that takes theta first, for angles of any size.

    A long call comes back at once when a signal raises an error. Where memory runs out the error is `MemoryRefusedError`.
    """

    @wraps(method)
    def call(self: AtAnyAngle, theta: Array, *rest: Any, **named: Any) -> Any:
        if np.abs(theta).max(initial=0.0) <= _limit(self, theta):
            compute = partial(_with_checks, method, self, theta, *rest, **named)
        else:
            compute = partial(getattr(self.any_angles, method.__name__), theta, *rest, **named)
        shots = named.get("shots", *rest[:1]) if method.__name__ in ("sample", "tally") else 0
        is_long = len(theta) * ((self.circuit.size << self.circuit.num_qubits) + shots) > _LONG
        try:
            return interruptible(compute) if is_long else compute()
        except MemoryError as error:
            raise refused(error, self.circuit.name, self.circuit) from error

    return cast("Method", call)


def _with_checks(method: Callable[..., Any], prepared: AtAnyAngle, theta: Array, *rest: Any, **named: Any) -> Any:
    prepared.check_releases(theta)
    return method(prepared, theta, *rest, **named)


def _limit(prepared: AtAnyAngle, theta: Array) -> float:
    limit = prepared.circuit.angles.largest_column
    return min(limit, _SINGLE_LIMIT) if prepared.dtype == np.complex64 and theta.dtype != np.float32 else limit
