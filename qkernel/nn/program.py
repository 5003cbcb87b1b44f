"""A circuit ready to be evaluated and differentiated in batches, numpy in and numpy out."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np

from qkernel import explanation
from qkernel.engine import Engine, Prepared, exact_readouts, is_registered, load_engine
from qkernel.errors import TargetCapabilityError
from qkernel.gradient import as_expectations, method, open_slots, rows_at_once, shift, shift_jacobian, shift_terms
from qkernel.lower.circuit import EXPECTATIONS, Circuit
from qkernel.nn.sampling import SamplingEngine, SamplingPrepared
from qkernel.outputs import Outputs

Array = np.ndarray[Any, Any]
Columns = tuple[int, ...]
_MOST_KEPT = 16


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


class Program:
    """The outputs of a circuit as a function of its open parameters, and the derivatives of it.

    Takes theta of shape (batch, columns of the angle map), float32 (computed in complex64) or float64 (complex128),
    and gives arrays of theta's dtype. Outputs are the numbers that the kernel returns, laid end to end.

    Raises `GradientError` for a kernel that returns measured bits, and as `qkernel.gradient.method` does.
    """

    def __init__(self, circuit: Circuit, engine: Engine, gradient: str = "auto") -> None:
        self.circuit, self.engine = circuit, engine
        self.method = method(circuit, engine, gradient)
        self.rows_at_once = rows_at_once(circuit, engine)
        self.outputs = Outputs(circuit)
        self.reads_all = self._finds_reads_all()
        self.split = lru_cache(_MOST_KEPT)(self._split)
        self._prepared = lru_cache(self._prepare)
        self._observed = lru_cache(lambda dtype: self._on_engine(self.observed[0], dtype))
        self._terms = lru_cache(_MOST_KEPT)(lambda columns: shift_terms(circuit, columns))

    def __deepcopy__(self, memo: Any) -> Program:
        if not isinstance(self.engine, SamplingEngine):
            return self  # nothing in it changes
        return Program(self.circuit, deepcopy(self.engine, memo), self.method)

    def __reduce__(self) -> tuple[Any, ...]:
        inner = self.engine.engine if isinstance(self.engine, SamplingEngine) else self.engine
        engine = inner.name if is_registered(inner) else _picklable(inner)
        sampling = None
        if isinstance(self.engine, SamplingEngine):
            sampling = self.engine.shots, self.engine.seed, self.engine.evaluations
        return _restored, (self.circuit, engine, sampling, self.method)

    @property
    def num_columns(self) -> int:
        return self.circuit.angles.num_columns

    @cached_property
    def num_outputs(self) -> int:
        """How many numbers the kernel returns."""
        return int(np.prod(self.outputs.output_shape, dtype=int))

    @property
    def tells_columns_apart(self) -> bool:
        """Whether a gradient by some columns costs less than by all, or has a value where those by others have none."""
        return self.method == "shift" or not self.reads_all or bool(self.circuit.angles.curved)

    @cached_property
    def observed(self) -> tuple[Circuit, Array]:
        """The circuit with expectation values only, and the matrix from these to the readouts."""
        return as_expectations(self.circuit)

    def prepare(self, dtype: Any) -> None:
        """Have the engine load what evaluations and derivatives in float32 or float64 need."""
        self._prepared(np.dtype(dtype), False)
        if self.method == "shift":
            self._prepared(np.dtype(dtype), True)

    def plan(self, batched: list[int], batch: int) -> list[str]:
        """The lines of the engine's plan for `batch` samples, in single precision, if it can tell one."""
        if self.method != "adjoint":
            return []
        return explanation.plan(self._prepared(np.dtype(np.float32), False), self.circuit, batch, batched)

    def _split(self, dtype: Any, batched: Columns, shared: Columns, needed: Columns | None = None) -> Split:
        """The door for theta in two parts, of columns `batched` and `shared`: the engine's own if it has one.

        `needed` are the columns whose gradient is asked for (None: all); the others' is unspecified.
        """
        prepared = self._prepared(dtype, False)
        if self.method == "adjoint" and self.reads_all and not self.circuit.angles.curved and hasattr(prepared, "split"):
            split: Split = prepared.split(batched, shared)
            if hasattr(split, "vjp"):
                return split
        return Joined(self, dtype, batched, shared, needed)

    def values(self, theta: Array) -> Array:
        """The outputs, shape (batch, num_outputs)."""
        return _where_finite(self._values, (self.num_outputs,), theta)

    def vjp(self, theta: Array, cotangent: Array, columns: Columns | None = None) -> Array:
        """The gradient of sum(cotangent * outputs) by theta, shape (batch, columns).

        `columns` names those that are asked for; the others are unspecified.
        """
        pull = self._shift_vjp if self.method == "shift" else self._adjoint_vjp
        return _where_finite(lambda rows, by: pull(rows, by, columns), (self.num_columns,), theta, cotangent)

    def jacobian(self, theta: Array, columns: Columns | None = None) -> Array:
        """Derivatives of the outputs by theta, shape (batch, outputs, columns); `columns` as in `vjp`."""
        shape, push = (self.num_outputs, self.num_columns), self._shifted if self.method == "shift" else self._swept
        return _where_finite(lambda rows: push(rows, columns), shape, theta)

    def _values(self, theta: Array) -> Array:
        readouts = self._measured(self._prepared(theta.dtype, False))(theta)
        if self.reads_all:
            return readouts
        return self.outputs.numbers(self.outputs.environment(theta, readouts), len(theta)).astype(theta.dtype)

    def _adjoint_vjp(self, theta: Array, cotangent: Array, columns: Columns | None) -> Array:
        prepared = self._prepared(theta.dtype, False)
        direct: Any = 0
        if not self.reads_all:
            cotangent, direct = self._pulled(theta, self._measured(prepared)(theta), cotangent, columns)
        if self.circuit.probabilities:
            prepared, cotangent = self._observed(theta.dtype), (cotangent @ self.observed[1].T).astype(theta.dtype)
        gradient: Array = prepared.expect_vjp(theta, cotangent)[1]
        self.circuit.angles.require_derivatives(theta, gradient, columns)
        total: Array = gradient + direct
        return total

    def _swept(self, theta: Array, columns: Columns | None) -> Array:
        """The Jacobian from one sweep for each output."""
        count = self.num_outputs
        cotangents = np.tile(np.eye(count, dtype=theta.dtype), (len(theta), 1))
        return self._adjoint_vjp(np.repeat(theta, count, axis=0), cotangents, columns).reshape(len(theta), count, -1)

    def _shifted(self, theta: Array, columns: Columns | None) -> Array:
        """The Jacobian by parameter shift."""
        readouts, by_readouts = shift_jacobian(
            self._measured(self._prepared(theta.dtype, True)), self.circuit, theta, self._terms(columns), self.rows_at_once
        )
        self.circuit.angles.require_derivatives(theta, by_readouts, columns)
        if self.reads_all:
            return by_readouts.astype(theta.dtype, copy=False)
        slopes, direct = self.outputs.slopes(self.outputs.environment(theta, readouts), len(theta), columns)
        return (slopes @ by_readouts + direct).astype(theta.dtype)

    def _shift_vjp(self, theta: Array, cotangent: Array, columns: Columns | None) -> Array:
        terms = self._terms(columns)
        readouts, slopes = shift(
            self._measured(self._prepared(theta.dtype, True)), self.circuit, theta, terms, self.rows_at_once
        )
        pulled, direct = (cotangent, 0) if self.reads_all else self._pulled(theta, readouts, cotangent, columns)
        slot_gradient = np.einsum("bv,bsv->bs", np.asarray(pulled, float), slopes)
        gradient = self.circuit.angles.pullback(theta, slot_gradient)
        self.circuit.angles.require_derivatives(theta, gradient, columns)
        return (gradient + direct).astype(theta.dtype, copy=False)

    def _pulled(self, theta: Array, readouts: Array, cotangent: Array, columns: Columns | None) -> tuple[Array, Array]:
        """The gradient by the readouts, and the part by theta that does not go through the circuit."""
        by_readouts, by_theta = self.outputs.slopes(self.outputs.environment(theta, readouts), len(theta), columns)
        pulled = np.einsum("bo,bov->bv", cotangent, by_readouts).astype(theta.dtype)
        return pulled, np.einsum("bo,boc->bc", cotangent, by_theta).astype(theta.dtype)

    def _finds_reads_all(self) -> bool:
        """Whether the outputs are the readouts themselves, in order."""
        width = self.outputs.num_readouts
        if not self.outputs.is_linear or self.num_outputs != width:
            return False
        if self.outputs.names or self.outputs.readouts != {EXPECTATIONS.key}:
            return False
        at_zero = self.outputs.environment(np.zeros((1, self.num_columns)), np.zeros((1, width)))
        (slopes,), _ = self.outputs.slopes(at_zero, 1)
        return np.array_equal(slopes, np.eye(width)) and not self.outputs.numbers(at_zero, 1).any()

    def _prepare(self, dtype: np.dtype[Any], is_open: bool) -> Prepared:
        """The circuit on the engine; with every slot a parameter of its own if `is_open`."""
        return self._on_engine(open_slots(self.circuit) if is_open else self.circuit, dtype)

    def _on_engine(self, circuit: Circuit, dtype: np.dtype[Any]) -> Prepared:
        return self.engine.prepare(circuit, np.complex64 if dtype == np.float32 else np.complex128)

    def _measured(self, prepared: Prepared) -> Callable[[Array], Array]:
        """What takes theta to the readouts."""
        if isinstance(prepared, SamplingPrepared):
            return prepared.readouts
        return lambda theta: exact_readouts(prepared, self.circuit, theta)


@dataclass(frozen=True)
class Joined:
    """A `Split` for any engine: puts theta together and takes its gradient apart."""

    program: Program
    dtype: np.dtype[Any]
    batched: Columns
    shared: Columns
    needed: Columns | None

    def value(self, inputs: Array, weights: Array) -> Array:
        return self.program.values(self._theta(inputs, weights))

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, ...]:
        theta = self._theta(inputs, weights)
        gradient = self.program.vjp(theta, cotangent.astype(self.dtype, copy=False), self.needed)
        return gradient[:, list(self.batched)], gradient[:, list(self.shared)].sum(0)

    def jacobian(self, inputs: Array, weights: Array) -> Array:
        """Derivatives of the outputs by theta, shape (batch, outputs, columns)."""
        return self.program.jacobian(self._theta(inputs, weights), self.needed)

    def _theta(self, inputs: Array, weights: Array) -> Array:
        theta = np.empty((len(inputs), self.program.num_columns), self.dtype)
        theta[:, list(self.batched)] = inputs
        theta[:, list(self.shared)] = weights
        return theta


def _picklable(engine: Engine) -> Engine:
    try:
        pickle.dumps(engine)
    except Exception as error:
        raise TargetCapabilityError(
            f"a layer on `{engine.name}` cannot be pickled, for its engine cannot: {error}",
            help="save `layer.state_dict()`, and load it into a layer that is made anew on its engine",
        ) from error
    return engine


def _restored(circuit: Circuit, engine: str | Engine, sampling: tuple[Any, ...] | None, gradient: str) -> Program:
    runs = load_engine(engine) if isinstance(engine, str) else engine
    return Program(circuit, runs if sampling is None else SamplingEngine(runs, *sampling), gradient)


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
