"""Programs as layers call them: what comes per sample and what all samples share apart, NaN where samples hold NaN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from qkernel.program import Program

Array = np.ndarray[Any, Any]
Columns = tuple[int, ...]
_FEW_OUTCOMES = 16
"""So many probabilities are quicker read as parities than from states."""


class Split(Protocol):
    """A program whose columns of theta come in two kinds: some per sample, some one for all samples."""

    def value(self, inputs: Array, weights: Array) -> Array:
        """The outputs, shape (batch, num_outputs), of `inputs`, shape (batch, ...), and `weights`, one axis."""

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, ...]:
        """The gradients of sum(cotangent * outputs) by `inputs` and by `weights`, as the last two entries."""


@runtime_checkable
class DirectSplit(Split, Protocol):
    """A split that also works between addresses, of contiguous arrays in its precision."""

    def evaluate(self, count: int, inputs: int, weights: int, values: int, mark: object | None = None) -> None:
        """`value` of `count` samples. As long as `mark` lives, what is known may be kept for `differentiate` at this point."""

    def differentiate(
        self,
        count: int,
        inputs: int,
        weights: int,
        cotangent: int,
        values: int,
        by_inputs: int,
        by_weights: int,
        mark: object | None = None,
    ) -> None:
        """`vjp` of `count` samples; what is left in `values` is unspecified."""


def split(program: Program, dtype: np.dtype[Any], batched: Columns, shared: Columns, needed: Columns | None = None) -> Split:
    """The door for theta in two parts, of columns `batched` and `shared`: the engine's own if it has one.

    `needed` are the columns whose gradient is asked for (None: all); the others' is unspecified.
    """
    joined = AnySplit(program, dtype, batched, shared, needed)
    outcomes = sum(1 << len(qubits) for qubits in program.circuit.probabilities)
    if program.shots is not None or program.method != "adjoint" or program.circuit.angles.non_affine:
        return joined
    if not program.outputs.uses_readouts or not (program.is_folded or outcomes <= _FEW_OUTCOMES):
        return joined
    form = "plain" if program.reads_all else "folded" if program.is_folded else "observed"
    prepared = program.prepared(form, dtype)
    per_sample, common = program.circuit.angles.computed_by(batched)
    found: Any = prepared.split(batched + per_sample, shared + common) if hasattr(prepared, "split") else None
    if not hasattr(found, "vjp"):
        return joined
    if program.circuit.angles.computed:
        found = Further(joined, found, len(program.form(form).expectations), per_sample, common)
    return found if program.is_folded else Computed(joined, found)


@dataclass(frozen=True)
class AnySplit:
    """A `Split` for any engine: puts theta together and takes its gradient apart."""

    program: Program
    dtype: np.dtype[Any]
    batched: Columns
    shared: Columns
    needed: Columns | None

    def value(self, inputs: Array, weights: Array) -> Array:
        return _where_finite(self.program.values, (self.program.num_outputs,), self.theta(inputs, weights))

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, ...]:
        theta = self.theta(inputs, weights)
        gradient = _where_finite(
            lambda rows, by: self.program.vjp(rows, by, self.needed),
            (self.program.num_columns,), theta, cotangent.astype(self.dtype, copy=False),
        )  # fmt: skip
        return gradient[:, list(self.batched)], gradient[:, list(self.shared)].sum(0)

    def jacobian(self, inputs: Array, weights: Array) -> Array:
        """Derivatives of the outputs by theta, shape (batch, outputs, columns)."""
        shape = self.program.num_outputs, self.program.num_columns
        return _where_finite(lambda rows: self.program.jacobian(rows, self.needed)[1], shape, self.theta(inputs, weights))

    def theta(self, inputs: Array, weights: Array) -> Array:
        """Both side by side."""
        theta = np.empty((len(inputs), self.program.num_columns), self.dtype)
        theta[:, list(self.batched)] = inputs
        theta[:, list(self.shared)] = weights
        return theta


@dataclass(frozen=True)
class Computed:
    """A `Split` of outputs that are computed of what is read out: `inner` is the engine's own, of the form `observed`."""

    joined: AnySplit
    inner: Split

    def value(self, inputs: Array, weights: Array) -> Array:
        """See `Split`."""
        readouts = self._readouts(inputs, weights)
        if not len(inputs) or not np.isfinite(readouts).all():
            return self.joined.value(inputs, weights)
        outputs = self.joined.program.outputs
        return outputs.numbers(outputs.environment(self._theta(inputs, weights), readouts), len(inputs)).astype(readouts.dtype)

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, ...]:
        """See `Split`."""
        readouts, program = self._readouts(inputs, weights), self.joined.program
        if not len(inputs) or not np.isfinite(readouts).all():
            return self.joined.vjp(inputs, weights, cotangent)
        environment = program.outputs.environment(self._theta(inputs, weights), readouts)
        slopes, direct = program.outputs.slopes(environment, len(inputs), self.joined.needed)
        pulled = np.matmul(cotangent[:, None], slopes)[:, 0]
        pulled = pulled @ program.observed.T if program.circuit.probabilities else pulled
        *_, by_inputs, by_weights = self.inner.vjp(inputs, weights, pulled)
        if program.outputs.names:
            by_theta = np.matmul(cotangent[:, None], direct)[:, 0]
            by_inputs = by_inputs + by_theta[:, list(self.joined.batched)].astype(by_inputs.dtype)
            by_weights = by_weights + by_theta[:, list(self.joined.shared)].sum(0).astype(by_weights.dtype)
        return by_inputs, by_weights

    def _readouts(self, inputs: Array, weights: Array) -> Array:
        program, values = self.joined.program, self.inner.value(inputs, weights)
        if not program.circuit.probabilities:
            return values
        values = (values @ program.observed).astype(values.dtype)
        count = len(program.circuit.expectations)
        np.maximum(values[:, count:], 0, out=values[:, count:])
        return values

    def _theta(self, inputs: Array, weights: Array) -> Array:
        """theta, whose numbers are not set where no output reads them."""
        if self.joined.program.outputs.names:
            return self.joined.theta(inputs, weights)
        return np.empty((len(inputs), self.joined.program.num_columns), inputs.dtype)


@dataclass(frozen=True)
class Further:
    """The engine's own split, where states are prepared: their amplitudes are columns behind those of theta.

    `per_sample` and `common` are the numbers of such columns that come per sample, and that all samples share; there are
    `width` outputs.
    """

    joined: AnySplit
    inner: Split
    width: int
    per_sample: Columns
    common: Columns

    def value(self, inputs: Array, weights: Array) -> Array:
        return _where_finite(self._value, (self.width,), self.joined.theta(inputs, weights))

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, ...]:
        theta = self.joined.theta(inputs, weights)
        by_theta = _where_finite(self._vjp, (theta.shape[1],), theta, cotangent.astype(theta.dtype, copy=False))
        return by_theta[:, list(self.joined.batched)], by_theta[:, list(self.joined.shared)].sum(0)

    def _value(self, theta: Array) -> Array:
        return self.inner.value(*self._columns(theta))

    def _vjp(self, theta: Array, cotangent: Array) -> Array:
        joined, angles = self.joined, self.joined.program.circuit.angles
        *_, by_samples, by_shared = self.inner.vjp(*self._columns(theta), cotangent)
        slots, computed = np.zeros((len(theta), angles.num_slots)), np.array(angles.computed)
        slots[:, computed[np.array(self.per_sample, int) - theta.shape[1]]] = by_samples[:, len(joined.batched) :]
        slots[0, computed[np.array(self.common, int) - theta.shape[1]]] = by_shared[len(joined.shared) :]
        by_theta = angles.pullback(theta, slots)
        by_theta[:, list(joined.batched)] += by_samples[:, : len(joined.batched)]
        by_theta[0, list(joined.shared)] += by_shared[: len(joined.shared)]
        angles.require_derivatives(theta, by_theta, joined.needed)
        return by_theta.astype(theta.dtype, copy=False)

    def _columns(self, theta: Array) -> tuple[Array, Array]:
        joined, count = self.joined, theta.shape[1]
        further = joined.program.circuit.angles.further_columns(theta).astype(theta.dtype, copy=False)
        samples = np.concatenate([theta[:, list(joined.batched)], further[:, np.array(self.per_sample, int) - count]], 1)
        return samples, np.concatenate([theta[0, list(joined.shared)], further[0, np.array(self.common, int) - count]])


def _where_finite(compute: Callable[..., Array], shape: tuple[int, ...], theta: Array, *others: Array) -> Array:
    """`compute` of the samples, shape (batch, *shape); NaN for those that hold NaN or an infinity.

    No engine is asked about those, nor about a batch of no samples.
    """
    finite = np.asarray(np.isfinite(theta).all(1))
    if len(theta) and finite.all():
        return compute(theta, *others)
    result = np.full((len(theta), *shape), np.nan, theta.dtype)
    if finite.any():
        stand_in = theta[finite.argmax()]  # in their places, so that the others get the same shots
        result[finite] = compute(np.where(finite[:, None], theta, stand_in), *others)[finite]
    return result
