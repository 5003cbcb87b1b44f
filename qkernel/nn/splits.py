"""Programs as layers call them: what comes per sample and what all samples share apart, NaN where samples hold NaN."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol, runtime_checkable

import numpy as np

from qkernel.execution.program import Point, Program
from qkernel.lower.angles import AngleMap, without_turns
from qkernel.lower.preparation import Preparation
from qkernel.lower.schedules import Places, stretch

Array = np.ndarray[Any, Any]
Columns = tuple[int, ...]
_FEW_OUTCOMES = 16
"""So many probabilities are quicker read as parities than from states."""
_SMALLEST_SQUARE = 1e-200


@runtime_checkable
class DirectSplit(Protocol):
    """A program whose columns of theta come in two kinds: some per sample, some one for all samples.

    It works between addresses of contiguous arrays in its precision: `inputs` (count, ...), `weights` (one axis), `values`
    and `cotangent` (count, outputs).
    """

    def evaluate(self, count: int, inputs: int, weights: int, values: int, mark: Any = None) -> bool:
        """The outputs of `count` samples, and whether all are known to be finite.

        As long as `mark` lives, what is known may be kept for `differentiate` at this point.
        """

    def differentiate(
        self,
        count: int,
        inputs: int,
        weights: int,
        cotangent: int,
        values: int,
        by_inputs: int,
        by_weights: int,
        mark: Any = None,
    ) -> None:
        """The gradients of sum(cotangent * outputs) by `inputs` and by `weights`; what is left in `values` is unspecified."""


def direct_split(joined: AnySplit) -> DirectSplit | None:
    """The engine's own door to what `joined` computes, or to what that is computed of (`Program.is_folded`), if it has one."""
    program = joined.program
    outcomes = sum(1 << len(qubits) for qubits in program.circuit.probabilities)
    if program.shots is not None or program.method != "adjoint":
        return None
    if not program.outputs.uses_readouts or not (program.is_folded or outcomes <= _FEW_OUTCOMES):
        return None
    prepared = program.prepared(program.direct_form, joined.dtype)
    per_sample, common = program.circuit.angles.computed_by(joined.batched)
    found = prepared.split(joined.batched + per_sample, joined.shared + common) if hasattr(prepared, "split") else None
    if not isinstance(found, DirectSplit):
        return None
    return Further(joined, found, per_sample, common) if program.circuit.angles.computed else found


@dataclass(frozen=True)
class AnySplit:
    """The same for any engine, of arrays: puts theta together and takes its gradient apart."""

    program: Program
    dtype: np.dtype[Any]
    batched: Columns
    shared: Columns
    needed: Columns | None

    @cached_property
    def at_batched(self) -> Places:
        """`batched` as an index."""
        return stretch(np.array(self.batched, int))

    @cached_property
    def at_shared(self) -> Places:
        """`shared` as an index."""
        return stretch(np.array(self.shared, int))

    def value(self, inputs: Array, weights: Array) -> Array:
        return _where_finite(self.program.values, (self.program.num_outputs,), self.theta(inputs, weights))

    def point(self, inputs: Array, weights: Array) -> SplitPoint:
        """Values and derivatives from evaluations at shifted angles, taken at once."""
        theta = self.theta(inputs, weights)
        finite = np.asarray(np.isfinite(theta).all(1))
        rows = _with_stand_ins(theta, finite) if finite.any() else None
        return SplitPoint(self, theta, finite, None if rows is None else self.program.point(rows, self.needed))

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, ...]:
        theta = self.theta(inputs, weights)
        gradient = _where_finite(
            lambda rows, by: self.program.vjp(rows, by, self.needed),
            (self.program.num_columns,), theta, cotangent.astype(self.dtype, copy=False),
        )  # fmt: skip
        return self.parted(gradient)

    def parted(self, gradient: Array) -> tuple[Array, Array]:
        """A gradient by theta (batch, columns) as those by what comes per sample and by what all samples share."""
        return gradient[:, self.at_batched], gradient[:, self.at_shared].sum(0)

    def jacobian(self, inputs: Array, weights: Array) -> Array:
        """Derivatives of the outputs by theta, shape (batch, outputs, columns)."""
        shape = self.program.num_outputs, self.program.num_columns
        return _where_finite(lambda rows: self.program.jacobian(rows, self.needed)[1], shape, self.theta(inputs, weights))

    def theta(self, inputs: Array, weights: Array) -> Array:
        """Both side by side."""
        theta = np.empty((len(inputs), self.program.num_columns), self.dtype)
        theta[:, self.at_batched] = inputs
        theta[:, self.at_shared] = weights
        return theta

    def arrays(self, count: int, inputs: int, weights: int) -> tuple[Array, Array]:
        """What stands at the addresses of a `DirectSplit`."""
        return _at(inputs, (count, len(self.batched)), self.dtype), _at(weights, (len(self.shared),), self.dtype)


@dataclass(frozen=True)
class SplitPoint:
    """What `AnySplit.point` found; NaN for samples that are not `finite`."""

    split: AnySplit
    theta: Array
    finite: Array
    point: Point | None

    @property
    def value(self) -> Array:
        """The outputs, shape (batch, outputs)."""
        return self._filled(self.point.values if self.point else None, self.split.program.num_outputs)

    def vjp(self, cotangent: Array) -> tuple[Array, Array]:
        """The gradients of sum(cotangent * outputs) by what comes per sample and by what all samples share."""
        found = self.point.vjp(cotangent.astype(self.split.dtype, copy=False)) if self.point else None
        return self.split.parted(self._filled(found, self.split.program.num_columns))

    def _filled(self, found: Array | None, width: int) -> Array:
        missing = np.full((len(self.theta), width), np.nan, self.theta.dtype)
        return missing if found is None else np.where(self.finite[:, None], found, missing)


@dataclass(frozen=True)
class Further:
    """The engine's own split, where states are prepared, or angles are not affine: these are columns behind those of theta.

    `per_sample` and `common` are the numbers of such columns that come per sample, and that all samples share.
    """

    joined: AnySplit
    inner: DirectSplit
    per_sample: Columns
    common: Columns

    def evaluate(self, count: int, inputs: int, weights: int, values: int, mark: Any = None) -> bool:
        """See `DirectSplit`."""
        samples, shared = self.joined.arrays(count, inputs, weights)
        states = self._states(samples, shared)
        if states is None:
            outputs = _at(values, (count, self.joined.program.direct_width), self.joined.dtype)
            compute = partial(self._value, mark=mark)
            outputs[...] = _where_finite(compute, (self.joined.program.direct_width,), self.joined.theta(samples, shared))
            return False
        if mark is not None:
            mark.states = states
        return self.inner.evaluate(count, _address(states.columns), weights, values, mark)

    def differentiate(
        self,
        count: int,
        inputs: int,
        weights: int,
        cotangent: int,
        values: int,
        by_inputs: int,
        by_weights: int,
        mark: Any = None,
    ) -> None:
        """See `DirectSplit`."""
        joined = self.joined
        samples, shared = joined.arrays(count, inputs, weights)
        states = getattr(mark, "states", None) or self._states(samples, shared)
        by_samples, by_shared = joined.arrays(count, by_inputs, by_weights)
        if states is None:
            theta, rows = joined.theta(samples, shared), _at(cotangent, (count, self.joined.program.direct_width), joined.dtype)
            by_theta = _where_finite(partial(self._vjp, mark=mark), (theta.shape[1],), theta, rows)
            by_samples[...], by_shared[...] = by_theta[:, joined.at_batched], by_theta[:, joined.at_shared].sum(0)
            return
        by_columns = np.empty_like(states.columns)
        self.inner.differentiate(
            count, _address(states.columns), weights, cotangent, values, _address(by_columns), by_weights, mark
        )
        states.pull_back(by_columns, by_samples)

    def _states(self, samples: Array, shared: Array) -> States | None:
        """What `samples` prepare, where these are the amplitudes themselves, and all is well with them."""
        if self._sources is None or not math.isfinite(np.vdot(samples, samples) + np.vdot(shared, shared)):
            return None
        return States.of(samples, self._sources, len(self.per_sample))

    @cached_property
    def _sources(self) -> list[Source] | None:
        """For each state where its amplitudes stand; None where some are not columns that come per sample."""
        angles, joined = self.joined.program.circuit.angles, self.joined
        if angles.non_affine:
            return None
        found, start = [], len(joined.batched)
        for part in angles.preparations:
            source = Source.of(angles, part, joined.batched, start)
            if source is None or self.common:
                return None
            found.append(source)
            start += part.stop - part.start
        return found

    def _value(self, theta: Array, mark: Any = None) -> Array:
        columns, values = self._columns(theta), np.empty((len(theta), self.joined.program.direct_width), theta.dtype)
        if mark is not None:
            mark.columns = columns
        self.inner.evaluate(len(theta), _address(columns[0]), _address(columns[1]), _address(values))
        return values

    def _vjp(self, theta: Array, cotangent: Array, mark: Any = None) -> Array:
        joined, angles = self.joined, self.joined.program.circuit.angles
        columns = getattr(mark, "columns", None) or self._columns(theta)
        by_samples, by_shared = map(np.empty_like, columns)
        given = (*columns, np.ascontiguousarray(cotangent), np.empty_like(cotangent), by_samples, by_shared)
        self.inner.differentiate(len(theta), *map(_address, given))
        further, (of_samples, of_all) = np.zeros((len(theta), len(angles.computed))), self._further
        further[:, of_samples] = by_samples[:, len(joined.batched) :]
        further[0, of_all] = by_shared[len(joined.shared) :]
        by_theta = angles.further_pullback(theta, further) if self._pulls_back else np.zeros(theta.shape)
        by_theta[:, joined.at_batched] += by_samples[:, : len(joined.batched)]
        by_theta[0, joined.at_shared] += by_shared[: len(joined.shared)]
        angles.require_derivatives(theta, by_theta, joined.needed)
        return by_theta.astype(theta.dtype, copy=False)

    @cached_property
    def _pulls_back(self) -> bool:
        """Whether what is asked for has a part in the further columns."""
        needed = self.joined.needed
        return needed is None or bool(self.joined.program.circuit.angles.computed_by(needed)[0])

    @cached_property
    def _further(self) -> tuple[Places, Places]:
        """Which of the further columns come per sample, and which are one for all."""
        count = self.joined.program.num_columns
        of_samples, of_all = (stretch(np.array(columns, int) - count) for columns in (self.per_sample, self.common))
        return of_samples, of_all

    def _columns(self, theta: Array) -> tuple[Array, Array]:
        """What engines get, in contiguous arrays."""
        joined, (of_samples, of_all) = self.joined, self._further
        further = without_turns(joined.program.circuit.angles.further_columns(theta)).astype(theta.dtype, copy=False)
        samples = np.concatenate([theta[:, joined.at_batched], further[:, of_samples]], 1)
        shared = np.concatenate([theta[0, joined.at_shared], further[0, of_all]])
        return np.ascontiguousarray(samples), shared


@dataclass(frozen=True)
class Source:
    """Amplitudes that are columns themselves: of what comes per sample at `columns`, of what engines get at `places`."""

    columns: Places
    places: Places

    @classmethod
    def of(cls, angles: AngleMap, part: Preparation, batched: Columns, start: int) -> Source | None:
        """Those of a state, the columns of whose amplitudes begin at `start`, if it is so."""
        own = (angles.rows >= part.start) & (angles.rows < part.stop)
        rows, columns = angles.rows[own] - part.start, angles.columns[own]
        is_plain = part.is_loaded and len(set(rows.tolist())) == len(rows) and bool((angles.coefficients[own] == 1).all())
        if not is_plain or angles.offsets[part.start : part.stop].any() or len(set(columns.tolist())) < len(columns):
            return None
        if not set(columns.tolist()) <= set(batched):
            return None
        return cls(stretch(np.searchsorted(batched, columns)), stretch(rows + start))


@dataclass(frozen=True)
class States:
    """States that samples prepare: `columns` as an engine gets them, and for each source x / |x| and |x|."""

    columns: Array
    parts: list[tuple[Source, Array, Array]]

    @classmethod
    def of(cls, samples: Array, sources: list[Source], count: int) -> States | None:
        """None where squares of amplitudes would overflow, or vanish."""
        width = samples.shape[1]
        columns = np.zeros((len(samples), width + count), samples.dtype)
        columns[:, :width] = samples
        parts = []
        for source in sources:
            amplitudes = samples[:, source.columns].astype(float)
            squares = np.einsum("ij,ij->i", amplitudes, amplitudes)
            if not (squares.min(initial=1) > _SMALLEST_SQUARE and squares.max(initial=1) < 1 / _SMALLEST_SQUARE):
                return None
            norms = np.sqrt(squares)[:, None]
            amplitudes /= norms
            columns[:, source.places] = amplitudes
            parts.append((source, amplitudes, norms))
        return cls(columns, parts)

    def pull_back(self, gradient: Array, result: Array) -> None:
        """From the gradient by `columns` that by samples."""
        result[...] = gradient[:, : result.shape[1]]
        for source, unit, norms in self.parts:
            by_unit = gradient[:, source.places]
            along = np.einsum("ij,ij->i", unit, by_unit)[:, None]
            result[:, source.columns] += ((by_unit - unit * along) / norms).astype(result.dtype, copy=False)


def _address(array: Array) -> int:
    """Where a contiguous array begins."""
    memory: Any = array
    return ctypes.addressof(ctypes.c_char.from_buffer(memory)) if array.size else 0


def _at(address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The array that stands there, for as long as who gave the address keeps it."""
    size = math.prod(shape) * dtype.itemsize
    if not size:
        return np.empty(shape, dtype)
    memory: Any = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


def _where_finite(compute: Callable[..., Array], shape: tuple[int, ...], theta: Array, *others: Array) -> Array:
    """`compute` of the samples, shape (batch, *shape); NaN for those that hold NaN or an infinity.

    No engine is asked about those, nor about a batch of no samples.
    """
    finite = np.asarray(np.isfinite(theta).all(1))
    if len(theta) and finite.all():
        return compute(theta, *others)
    result = np.full((len(theta), *shape), np.nan, theta.dtype)
    if finite.any():
        result[finite] = compute(_with_stand_ins(theta, finite), *others)[finite]
    return result


def _with_stand_ins(theta: Array, finite: Array) -> Array:
    """`theta` with a sample that is finite in the places of others, so that all get the same shots."""
    return np.where(finite[:, None], theta, theta[finite.argmax()])
