"""Angles of any size.

Engines add the angles of neighbouring gates up, which blurs what is small beside what is large. Beyond the range where
that can be neglected every gate keeps an angle of its own, from which whole turns are taken off first, exactly; and a
sample that holds what is not a finite number has NaN for values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qkernel.engine import Prepared, SampleRequest, tally
from qkernel.errors import ExecutionError
from qkernel.execution.gradient import open_slots
from qkernel.lower.angles import without_turns
from qkernel.lower.circuit import Circuit
from qkernel.tallies import Tally

Array = np.ndarray[Any, Any]


class SlotAngles:
    """The angles of all slots of a circuit, without whole turns: columns for `circuit`, where every slot is open.

    Takes columns of theta, and behind them one for each computed slot.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = open_slots(circuit, with_loads=True)
        self._affine, self._computed = circuit.angles.affine, list(circuit.angles.computed)

    def __call__(self, columns: Array) -> tuple[Array, Array]:
        """The angles, shape (batch, slots), 0 in samples that are not finite; and which samples are."""
        columns = np.asarray(columns, float)
        angles = self._affine.evaluate(columns[:, : self._affine.num_columns])
        angles[:, self._computed] = columns[:, self._affine.num_columns :]
        return _only_finite(angles, np.isfinite(columns).all(1))

    def pullback(self, gradient: Array) -> Array:
        """The gradient by the columns of a function that has this gradient by the angles."""
        by_theta = self._affine.pullback(np.zeros((len(gradient), self._affine.num_columns)), gradient)
        return np.concatenate([by_theta, gradient[:, self._computed]], 1)


class AnyAngles:
    """See `qkernel.engine.Prepared`; `prepare` makes a circuit ready for angles that are not large."""

    def __init__(self, circuit: Circuit, prepare: Callable[[Circuit], Prepared]) -> None:
        self.circuit = circuit
        self.prepared = prepare(open_slots(circuit, with_loads=True))

    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        angles, finite = self._angles(theta)
        return blanked(self.prepared.expect(angles), finite)

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`."""
        angles, finite = self._angles(theta)
        values, by_slots = self.prepared.expect_vjp(angles, cotangent)
        gradient = np.zeros(theta.shape, values.dtype)
        gradient[finite] = self.circuit.angles.pullback(np.asarray(theta, float)[finite], by_slots[finite])
        return blanked(values, finite), blanked(gradient, finite)

    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`."""
        angles, finite = self._angles(theta)
        return [blanked(part, finite) for part in self.prepared.probabilities(angles)]

    def state(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        angles, finite = self._angles(theta)
        return blanked(self.prepared.state(angles), finite)

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`. Raises `ExecutionError` where there is nothing to draw from."""
        return self.prepared.sample(self._finite(theta), shots, seed)

    def tally(self, theta: Array, shots: int, seed: int | None) -> Tally:
        """See `qkernel.engine.Tallies`. Raises as `sample` does."""
        return tally(SampleRequest(self.prepared, self._finite(theta), shots, seed))

    def _finite(self, theta: Array) -> Array:
        """The angles of samples that have to be finite."""
        angles, finite = self._angles(theta)
        if not finite.all():
            raise ExecutionError(
                f"`{self.circuit.name}` cannot be sampled where an angle is not a finite number",
                label=f"sample {int(np.flatnonzero(~finite)[0])} of the batch has one",
            )
        return angles

    def _angles(self, theta: Array) -> tuple[Array, Array]:
        theta = np.asarray(theta, float)
        finite = np.isfinite(theta).all(1)
        angles = np.zeros((len(theta), self.circuit.angles.num_slots))
        angles[finite] = self.circuit.angles.evaluate(theta[finite])
        return _only_finite(angles, finite)


def blanked(values: Array, finite: Array) -> Array:
    """The values, and NaN for samples that are not finite."""
    if not finite.all():
        values = np.array(values)
        values[~finite] = np.nan
    return values


def _only_finite(angles: Array, finite: Array) -> tuple[Array, Array]:
    finite = finite & np.isfinite(angles).all(1)
    return without_turns(np.where(finite[:, None], angles, 0.0)), finite
