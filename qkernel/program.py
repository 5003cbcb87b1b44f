"""A circuit on an engine: what its kernel returns and the derivatives of that, exact or from shots, in batches of arrays."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from qkernel import explanation, states
from qkernel.engine import Engine, Prepared, exact_readouts, is_registered, load_engine, require_exact_values, require_feature
from qkernel.errors import TargetCapabilityError
from qkernel.gradient import (
    ShiftTerms,
    as_expectations,
    method,
    open_slots,
    rows_at_once,
    shift,
    shift_jacobian,
    shift_terms,
)
from qkernel.lower.circuit import EXPECTATIONS, Circuit, Expectation
from qkernel.observable import Hamiltonian
from qkernel.outputs import Outputs
from qkernel.shots import Measured, Shots, Tally, estimate, measured_circuits

Array = np.ndarray[Any, Any]
Columns = Sequence[int]
_MOST_TERMS = 256
"""Of all outputs together that are folded into observables; beyond, the values are cheaper computed from few."""

_FORMS: dict[str, Callable[[Circuit], Circuit]] = {
    "plain": lambda circuit: circuit,
    "slots": open_slots,
    "observed": lambda circuit: as_expectations(circuit)[0],
    "with entangled inputs": states.with_entangled_inputs,
    "folded": lambda circuit: _folded(circuit),
}
"""What an engine may be given in the place of a circuit."""


@dataclass(eq=False)
class Program:
    """The numbers that the kernel of a circuit returns, laid end to end, as a function of theta; and its derivatives.

    theta has shape (batch, columns of the angle map), float32 (computed in complex64) or float64 (complex128), and is
    finite; the arrays that come back have its dtype. With `shots` values are estimates, and derivatives come by parameter
    shift. What engines were given is `kept`.
    """

    circuit: Circuit
    engine: Engine
    gradient: str = "auto"
    shots: Shots | None = None
    outputs: Outputs = field(default=None)  # type: ignore[assignment]
    kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.outputs = self.outputs or Outputs(self.circuit)

    def __getstate__(self) -> dict[str, Any]:
        engine = self.engine.name if is_registered(self.engine) else _picklable(self.engine)
        return {**self.__dict__, "engine": engine, "kept": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        if isinstance(self.engine, str):
            self.engine = load_engine(self.engine)

    @property
    def name(self) -> str:
        """Of the engine, with the shots."""
        return self.engine.name if self.shots is None else f"{self.engine.name} with {self.shots.count} shots"

    @cached_property
    def method(self) -> str:
        """How derivatives are taken: see `qkernel.gradient.method`, which says what is raised."""
        return method(self.circuit, self.engine, self.gradient, None if self.shots is None else self.shots.count)

    @property
    def num_columns(self) -> int:
        return self.circuit.angles.num_columns

    @cached_property
    def num_outputs(self) -> int:
        """How many numbers the kernel returns. Raises `GradientError` for measured bits."""
        return int(np.prod(self.outputs.output_shape, dtype=int))

    @cached_property
    def reads_all(self) -> bool:
        """Whether the outputs are the expectation values themselves, in order."""
        outputs, width = self.outputs, self.outputs.num_readouts
        if not outputs.is_linear or self.num_outputs != width or outputs.names or outputs.readouts != {EXPECTATIONS.key}:
            return False
        at_zero = outputs.environment(np.zeros((1, self.num_columns)), np.zeros((1, width)))
        (slopes,), _ = outputs.slopes(at_zero, 1)
        return np.array_equal(slopes, np.eye(width)) and not outputs.numbers(at_zero, 1).any()

    @cached_property
    def is_folded(self) -> bool:
        """Whether the outputs are expectation values of the form `folded`."""
        return self.reads_all or folding(self.circuit)[0] is not None

    @cached_property
    def floors(self) -> bool:
        """Whether the outputs of the form `folded` are never negative, but for rounding."""
        return not self.reads_all and folding(self.circuit)[1]

    @cached_property
    def direct_form(self) -> str:
        """The form that layers run: its expectation values are the outputs, or what these are computed of."""
        return "plain" if self.reads_all else "folded" if self.is_folded else "observed"

    @cached_property
    def direct_width(self) -> int:
        """How many expectation values that form has."""
        return len(self.form(self.direct_form).expectations)

    @property
    def tells_columns_apart(self) -> bool:
        """Whether a gradient by some columns costs less than by all, or has a value where those by others have none."""
        return self.method == "shift" or not self.reads_all or bool(self.circuit.angles.computed)

    # On the engine ------------------------------------------------------------------------------------------------------

    def form(self, name: str) -> Circuit:
        """The circuit in one of its forms."""
        if name not in self.kept:
            self.kept[name] = _FORMS[name](self.circuit)
        found: Circuit = self.kept[name]
        return found

    def prepared(self, form: str = "plain", dtype: Any = np.float64) -> Prepared:
        """A form of the circuit, ready on the engine for theta of `dtype`."""
        key = form, dtype
        if key not in self.kept:
            self.kept[key] = self.engine.prepare(self.form(form), _amplitudes(dtype))
        found: Prepared = self.kept[key]
        return found

    def prepare(self, dtype: Any) -> None:
        """Have the engine load what evaluations and derivatives in float32 or float64 need."""
        _ = self.method  # what has no derivative is refused at once
        for form in ("plain", "slots") if self.method == "shift" else ("plain",):
            _ = self.prepared(form, np.dtype(dtype)) if self.shots is None else self._measured(form, np.dtype(dtype))

    def plan(self, batched: list[int], batch: int) -> list[str]:
        """The lines of the engine's plan for `batch` samples, in single precision, if it can tell one."""
        if self.method != "adjoint":
            return []
        return explanation.plan(self.prepared("plain", np.dtype(np.float32)), self.circuit, batch, batched)

    def check_releases(self, theta: Array) -> None:
        """Have the engine look whether kernels bring back to 0 what they promise, if it can and does not do so by itself."""
        if self.circuit.has_releases and self.shots is None:
            prepared: Any = self.prepared("plain", theta.dtype)
            if hasattr(prepared, "check_releases"):
                prepared.check_releases(theta)

    def readouts(self, theta: Array, form: str = "plain") -> Array:
        """Expectation values and then probabilities, (rows, readouts); `theta` are the angles for the form `slots`."""
        if not len(theta):
            return np.zeros((0, self.outputs.num_readouts), theta.dtype)  # no engine is asked about no samples
        if self.shots is None:
            require_exact_values(self.engine, self.circuit)
            return exact_readouts(self.prepared(form, theta.dtype), self.circuit, theta)
        return estimate(self.circuit, *self.samples(theta, form), len(theta)).astype(theta.dtype, copy=False)

    def samples(self, theta: Array, form: str = "plain") -> tuple[list[Measured], list[Tally]]:
        """The circuits that measure what is read out, and what their shots left."""
        assert self.shots is not None
        require_feature(self.engine, "sampling")
        prepared, tallies = self._measured(form, theta.dtype), []
        for (group, each), seed in zip(prepared, self.shots.seeds(len(prepared)), strict=True):
            if self._draws(group):
                tallies.append(Tally.drawn(group, each.probabilities(theta)[0], self.shots.count, seed))
            else:
                tallies.append(Tally.of_shots(each.sample(theta, self.shots.count, seed)))
        return [group for group, _ in prepared], tallies

    def _draws(self, group: Measured) -> bool:
        """Whether shots come as counts, drawn from few probabilities; not from engines with a way of their own to sample."""
        assert self.shots is not None
        computes = {"probabilities", "gradient"} <= self.engine.features and self.circuit.is_unitary
        return computes and group.num_outcomes <= self.shots.count

    def _measured(self, form: str, dtype: Any) -> list[tuple[Measured, Prepared]]:
        if ("groups", form) not in self.kept:
            self.kept["groups", form] = measured_circuits(self.form(form))
        result = []
        for number, group in enumerate(self.kept["groups", form]):
            draws = self._draws(group)
            key = "measured", form, dtype, number, draws
            if key not in self.kept:
                self.kept[key] = self.engine.prepare(group.distribution if draws else group.circuit, _amplitudes(dtype))
            result.append((group, self.kept[key]))
        return result

    def sent(self) -> list[Prepared]:
        """What the engine runs for one value: the circuit, or for shots one circuit for each measurement basis."""
        if self.shots is None:
            return [self.prepared("plain", np.dtype(np.float64))]
        return [each for _, each in self._measured("plain", np.dtype(np.float64))]

    # Values and derivatives ---------------------------------------------------------------------------------------------

    def environment(self, theta: Array) -> dict[Any, Any]:
        """What the outputs' names mean."""
        readouts = self.readouts(theta) if self.outputs.uses_readouts else np.zeros((len(theta), 0))
        return self.outputs.environment(theta, readouts)

    def values(self, theta: Array) -> Array:
        """The outputs, shape (batch, outputs)."""
        if self.reads_all:
            return self.readouts(theta)
        return self.outputs.numbers(self.environment(theta), len(theta)).astype(theta.dtype, copy=False)

    def vjp(self, theta: Array, cotangent: Array, columns: Columns | None = None) -> Array:
        """The gradient of sum(cotangent * outputs) by theta, shape (batch, columns).

        `columns` names those that are asked for; the others are unspecified.
        """
        if self.method == "adjoint" or not self.outputs.uses_readouts:
            slopes, direct = self._slopes(theta, self._readouts_for_slopes(theta), columns, cotangent[:, None])
            _, by_theta = self._swept(theta, slopes, columns)
            total: Array = by_theta[:, 0] + direct[:, 0]
            return total.astype(theta.dtype, copy=False)
        readouts, by_slots = shift(
            lambda angles: self.readouts(angles.astype(theta.dtype, copy=False), "slots"),
            self.circuit, theta, self._terms(columns), self._rows_at_once,
        )  # fmt: skip
        slopes, direct = self._slopes(theta, readouts, columns, cotangent[:, None])
        by_theta = self.circuit.angles.pullback(theta, np.einsum("bv,bsv->bs", np.asarray(slopes[:, 0], float), by_slots))
        self.circuit.angles.require_derivatives(theta, by_theta, columns)
        return np.asarray(by_theta + direct[:, 0], theta.dtype)

    def jacobian(self, theta: Array, columns: Columns | None = None) -> tuple[Array, Array]:
        """The outputs and their derivatives by theta, shape (batch, outputs, columns); `columns` as in `vjp`."""
        batch = len(theta)
        if not batch:
            return np.zeros((0, self.num_outputs), theta.dtype), np.zeros((0, self.num_outputs, self.num_columns), theta.dtype)
        if self.method == "adjoint" or not self.outputs.uses_readouts:
            slopes, direct = self._slopes(theta, self._readouts_for_slopes(theta), columns)
            readouts, by_theta = self._swept(theta, slopes, columns)
        else:
            readouts, by_readouts = shift_jacobian(
                lambda angles: self.readouts(angles.astype(theta.dtype, copy=False), "slots"),
                self.circuit, theta, self._terms(columns), self._rows_at_once,
            )  # fmt: skip
            self.circuit.angles.require_derivatives(theta, by_readouts, columns)
            slopes, direct = self._slopes(theta, readouts, columns)
            by_theta = slopes @ by_readouts
        numbers = readouts if self.reads_all else self.outputs.numbers(self.outputs.environment(theta, readouts), batch)
        return numbers.astype(theta.dtype, copy=False), (by_theta + direct).astype(theta.dtype, copy=False)

    def _readouts_for_slopes(self, theta: Array) -> Array:
        """The readouts, or zeros where the outputs' derivatives do not depend on them."""
        if self.outputs.is_linear:
            return np.zeros((len(theta), self.outputs.num_readouts))
        return self.readouts(theta)

    def _slopes(
        self, theta: Array, readouts: Array, columns: Columns | None, cotangents: Array | None = None
    ) -> tuple[Array, Array]:
        """Derivatives by readouts and by theta, shape (batch, outputs, ...), or of the sums that `cotangents` weigh."""
        if self.reads_all:
            count = self.num_outputs
            units = np.broadcast_to(np.eye(count, dtype=theta.dtype), (len(theta), count, count))
            slopes = units if cotangents is None else cotangents
            return slopes, np.zeros((1, slopes.shape[1], 1), theta.dtype)
        slopes, direct = self.outputs.slopes(self.outputs.environment(theta, readouts), len(theta), columns)
        return (slopes, direct) if cotangents is None else (cotangents @ slopes, cotangents @ direct)

    def _swept(self, theta: Array, slopes: Array, columns: Columns | None) -> tuple[Array, Array]:
        """Readouts, and what pulling `slopes` (batch, count, readouts) back to theta gives, in one call of the engine."""
        batch, count, width = slopes.shape
        if not width:
            return np.zeros((batch, 0), theta.dtype), np.zeros((batch, count, self.num_columns), theta.dtype)
        form = "observed" if self.circuit.probabilities else "plain"
        rows = slopes.reshape(batch * count, width)
        rows = (rows @ self.observed.T if self.circuit.probabilities else rows).astype(theta.dtype, copy=False)
        repeated = theta if count == 1 else np.repeat(theta, count, axis=0)
        values, swept = self.prepared(form, theta.dtype).expect_vjp(repeated, rows)
        values, swept = values.reshape(batch, count, -1), swept.reshape(batch, count, -1)
        self.circuit.angles.require_derivatives(theta, swept, columns)
        first = values[:, 0] if count else np.zeros((batch, width), theta.dtype)
        return first @ self.observed if self.circuit.probabilities else first, swept

    @cached_property
    def observed(self) -> Array:
        """The matrix from the expectation values of the form `observed` to the readouts."""
        return as_expectations(self.circuit)[1]

    def _terms(self, columns: Columns | None) -> ShiftTerms:
        key = "terms", None if columns is None else tuple(columns)
        if key not in self.kept:
            self.kept[key] = shift_terms(self.circuit, columns)
        found: ShiftTerms = self.kept[key]
        return found

    @property
    def _rows_at_once(self) -> int | None:
        return rows_at_once(self.circuit, self.engine)

    def with_shots(self, shots: Shots | None) -> Program:
        """The same from shots, or exactly."""
        return replace(self, shots=shots)


@lru_cache(64)
def folding(circuit: Circuit) -> tuple[Circuit | None, bool]:
    """A circuit whose expectation values are the outputs of `circuit`, and whether these are sums of probabilities.

    It is there where the outputs are affine in what is read out, with few terms: p(0) of a qubit is the expectation value of
    (1 + Z) / 2.
    """
    outputs = Outputs(circuit)
    if outputs.uses_bits or outputs.names or not outputs.uses_readouts or outputs.num_readouts > _MOST_TERMS:
        return None, False
    if not outputs.is_linear:
        return None, False
    at_zero = outputs.environment(np.zeros((1, circuit.angles.num_columns)), np.zeros((1, outputs.num_readouts)))
    (slopes,), (offsets,) = outputs.slopes(at_zero, 1)[0], outputs.numbers(at_zero, 1)
    count = len(circuit.expectations)
    sums = (slopes[:, count:] >= 0).all(1) & (slopes[:, :count] == 0).all(1) & (offsets >= 0)
    observed, matrix = as_expectations(circuit)
    factors = slopes @ matrix.T
    terms = sum(len(part.observable) for part in observed.expectations)
    if len(offsets) * terms > _MOST_TERMS or len(set(sums.tolist())) != 1:
        return None, False
    expectations = []
    for row, offset in zip(factors.tolist(), offsets.tolist(), strict=True):
        total = Hamiltonian(circuit.num_qubits) + offset
        for factor, part in zip(row, observed.expectations, strict=True):
            total = total + factor * part.observable
        expectations.append(Expectation(total))
    return replace(observed, expectations=tuple(expectations), outputs=()), bool(sums[0])


def _folded(circuit: Circuit) -> Circuit:
    found, _ = folding(circuit)
    assert found is not None
    return found


def _amplitudes(dtype: Any) -> Any:
    return np.complex64 if dtype == np.float32 else np.complex128


def _picklable(engine: Engine) -> Engine:
    try:
        pickle.dumps(engine)
    except Exception as error:
        raise TargetCapabilityError(
            f"a layer on `{engine.name}` cannot be pickled, for its engine cannot: {error}",
            help="save `layer.state_dict()`, and load it into a layer that is made anew on its engine",
        ) from error
    return engine
