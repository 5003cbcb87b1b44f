"""A circuit on an engine: what its kernel returns and the derivatives of that, exact or from shots, in batches of arrays."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from qkernel.engine import (
    ESTIMATION,
    Engine,
    Prepared,
    SampleRequest,
    exact_readouts,
    is_registered,
    load_engine,
    require_exact_values,
    require_feature,
    sample_together,
)
from qkernel.errors import TargetCapabilityError
from qkernel.execution import explanation, states
from qkernel.execution.bases import Measured, measured_circuits
from qkernel.execution.gradient import ShiftTerms, as_expectations, method, open_slots, rows_at_once, shift, shift_terms
from qkernel.execution.outputs import Outputs
from qkernel.execution.shots import Given, Sampled, Shots
from qkernel.execution.stochastic import Rule, rule_of
from qkernel.lower.angles import without_turns
from qkernel.lower.circuit import EXPECTATIONS, Circuit, Expectation
from qkernel.observable import Hamiltonian
from qkernel.tallies import Tally

Array = np.ndarray[Any, Any]
Columns = Sequence[int]
_AHEAD = 10
"""This part of the shots goes ahead where they are dealt out by variance."""
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
    shift. `directions` seeds what is drawn for derivatives at random. What engines were given is `kept`.
    """

    circuit: Circuit
    engine: Engine
    gradient: str | Rule = "auto"
    shots: Shots | None = None
    directions: Shots | None = None
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
        return self.engine.name if self.shots is None else f"{self.engine.name} with {self.shots.plan}"

    @cached_property
    def method(self) -> str:
        """How derivatives are taken: see `qkernel.execution.gradient.method`, which says what is raised."""
        asked: Any = self.gradient if self.rule is None else self.rule.name
        return method(self.circuit, self.engine, asked, None if self.shots is None else self.shots.count)

    @cached_property
    def rule(self) -> Rule | None:
        """The rule for derivatives from evaluations at random, if that is the method."""
        return rule_of(self.gradient)

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
        return self.method != "adjoint" or not self.reads_all or bool(self.circuit.angles.computed)

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
        for form in ("plain",) if self.method == "adjoint" else ("plain", "slots"):
            _ = self._measured(form, np.dtype(dtype)) if self._samples else self.prepared(form, np.dtype(dtype))

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
        return self.estimates(theta, form).readouts.astype(theta.dtype, copy=False)

    @property
    def _samples(self) -> bool:
        """Whether values are estimated from measured bits here, and not by a primitive."""
        return self.shots is not None and ESTIMATION not in self.engine.features

    def estimates(self, theta: Array, form: str = "plain") -> Sampled | Given:
        """Estimates of the readouts, from shots or to the precision that these give; without shots to the engine's own."""
        if ESTIMATION in self.engine.features:
            require_exact_values(self.engine, self.circuit)
            prepared: Any = self.prepared(form, theta.dtype)
            return Given(*prepared.estimate(theta, None if self.shots is None else self.shots.count**-0.5))
        assert self.shots is not None
        require_feature(self.engine, "sampling")
        measured, plan = self._measured(form, theta.dtype), self.shots.plan
        weights = [group.typical_spread for group, _ in measured]
        if plan.allocation != "variance" or len(measured) < 2:
            return self._sampled(measured, theta, plan.dealt(weights), self.shots.seeds(len(measured)))
        seeds = self.shots.seeds(2 * len(measured))
        ahead = max(2, plan.count // _AHEAD)
        pilot = self._sampled(measured, theta, [ahead] * len(measured), seeds[len(measured) :])
        counts = plan.dealt(pilot.spreads, max(1, plan.count - ahead))
        return self._sampled(measured, theta, counts, seeds[: len(measured)], pilot.jobs)

    def _sampled(
        self,
        measured: list[tuple[Measured, Prepared]],
        theta: Array,
        counts: list[int],
        seeds: list[int | None],
        jobs: tuple[str, ...] = (),
    ) -> Sampled:
        """What shots of all groups leave, those that are not drawn from probabilities in one call of the engine."""
        requests = {
            number: SampleRequest(each, theta, counts[number], seeds[number])
            for number, (group, each) in enumerate(measured)
            if not self._draws(group)
        }
        answers, own = sample_together(self.engine, list(requests.values())) if requests else ([], ())
        tallies = dict(zip(requests, answers, strict=True))
        for number, (group, each) in enumerate(measured):
            if number not in tallies:
                places, width = list(group.bits.values()), group.circuit.num_bits
                probabilities = each.probabilities(theta)[0]
                tallies[number] = Tally.drawn(places, width, probabilities, counts[number], seeds[number])
        groups = [group for group, _ in measured]
        return Sampled(self.circuit, groups, [tallies[number] for number in range(len(groups))], len(theta), (*jobs, *own))

    def _draws(self, group: Measured) -> bool:
        """Whether shots come as counts, drawn from few probabilities; not from engines with a way of their own to sample."""
        assert self.shots is not None
        computes = {"probabilities", "gradient", "state"} <= self.engine.features and self.circuit.is_unitary
        return computes and group.num_outcomes <= self.shots.count

    def _measured(self, form: str, dtype: Any) -> list[tuple[Measured, Prepared]]:
        assert self.shots is not None
        grouping = self.shots.plan.grouping
        if ("groups", form, grouping) not in self.kept:
            self.kept["groups", form, grouping] = measured_circuits(self.form(form), grouping)
        result = []
        for number, group in enumerate(self.kept["groups", form, grouping]):
            draws = self._draws(group)
            key = "measured", form, grouping, dtype, number, draws
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
        if self.shifts:
            return self.point(theta, columns).vjp(cotangent)
        slopes, direct = self._slopes(theta, self._readouts_for_slopes(theta), columns, cotangent[:, None])
        _, by_theta = self._swept(theta, slopes, columns)
        total: Array = by_theta[:, 0] + direct[:, 0]
        return total.astype(theta.dtype, copy=False)

    def jacobian(self, theta: Array, columns: Columns | None = None) -> tuple[Array, Array]:
        """The outputs and their derivatives by theta, shape (batch, outputs, columns); `columns` as in `vjp`."""
        if not len(theta):
            return np.zeros((0, self.num_outputs), theta.dtype), np.zeros((0, self.num_outputs, self.num_columns), theta.dtype)
        if self.shifts:
            point = self.point(theta, columns)
            return point.values, point.pulled_back()
        slopes, direct = self._slopes(theta, self._readouts_for_slopes(theta), columns)
        readouts, by_theta = self._swept(theta, slopes, columns)
        return self._numbers(theta, readouts), (by_theta + direct).astype(theta.dtype, copy=False)

    def _numbers(self, theta: Array, readouts: Array) -> Array:
        """The outputs, shape (batch, outputs)."""
        if not self.reads_all:
            readouts = self.outputs.numbers(self.outputs.environment(theta, readouts), len(theta))
        return readouts.astype(theta.dtype, copy=False)

    @property
    def shifts(self) -> bool:
        """Whether derivatives come from evaluations at other angles."""
        return self.method != "adjoint" and self.outputs.uses_readouts

    def readouts_at(self, angles: Array, dtype: Any = np.float64) -> Array:
        """Readouts at angles of the slots, (rows, slots), in one call of the engine where rows allow."""
        at_once = max(1, self._rows_at_once or len(angles))
        angles = without_turns(angles).astype(dtype, copy=False)
        return np.concatenate(
            [self.readouts(angles[start : start + at_once], "slots") for start in range(0, len(angles), at_once)]
        )

    def point(self, theta: Array, columns: Columns | None = None) -> Point:
        """Values and derivatives at theta from evaluations at shifted angles, all of them in one call where rows allow."""

        def readout(angles: Array) -> Array:
            return self.readouts(angles.astype(theta.dtype, copy=False), "slots")

        terms = self._terms(columns)
        if self.rule is None:
            return Point(self, theta, columns, *shift(readout, self.circuit, theta, terms, self._rows_at_once))
        seeds, asked = self.directions or self.shots, range(self.num_columns) if columns is None else columns
        random = np.random.default_rng(None if seeds is None else seeds.direction())
        moves = self.rule.moves(self.circuit, np.asarray(theta, float), list(asked), terms, random)
        found = self.readouts_at(np.concatenate([self.circuit.angles.evaluate(theta), moves.angles]), theta.dtype)
        by_theta = np.zeros((len(theta), self.num_columns, found.shape[1]))
        np.add.at(by_theta, moves.samples, moves.weights[:, :, None] * found[len(theta) :, None, :])
        return Point(self, theta, columns, found[: len(theta)], None, by_theta)

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

    def copied(self) -> Program:
        """The same, whose shots and directions go on from the same place on their own; itself where it has none."""
        if self.shots is None and self.directions is None:
            return self
        shots = copy(self.shots)
        return replace(self, shots=shots, directions=shots if self.directions is self.shots else copy(self.directions))


@dataclass(frozen=True)
class Point:
    """Readouts (batch, readouts) of a program at theta, and their derivatives by slots or theta, (batch, those, readouts)."""

    program: Program
    theta: Array
    columns: Columns | None
    readouts: Array
    by_slots: Array | None
    by_theta: Array | None = None

    @property
    def values(self) -> Array:
        """The outputs, shape (batch, outputs)."""
        return self.program._numbers(self.theta, self.readouts)

    def vjp(self, cotangent: Array) -> Array:
        """See `Program.vjp`."""
        return self.pulled_back(cotangent[:, None])[:, 0]

    def pulled_back(self, cotangents: Array | None = None) -> Array:
        """The derivatives of the outputs by theta, (batch, outputs, columns), or of the sums that `cotangents` weigh."""
        slopes, direct = self.program._slopes(self.theta, self.readouts, self.columns, cotangents)
        if self.by_theta is None:
            assert self.by_slots is not None
            by_slots = np.einsum("bnv,bsv->bns", np.asarray(slopes, float), self.by_slots)
            batch, count, slots = by_slots.shape
            rows = np.repeat(self.theta, count, axis=0)
            found = self.program.circuit.angles.pullback(rows, by_slots.reshape(batch * count, slots))
            found = found.reshape(batch, count, -1)
        else:
            found = np.einsum("bnv,bcv->bnc", np.asarray(slopes, float), self.by_theta)
        self.program.circuit.angles.require_derivatives(self.theta, found, self.columns)
        return (found + direct).astype(self.theta.dtype, copy=False)


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
