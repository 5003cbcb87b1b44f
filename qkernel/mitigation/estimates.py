"""Estimates from several circuits: folded, twirled, with corrected bits, extrapolated to no noise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qkernel.boundary import api_boundary
from qkernel.errors import ExecutionError, ShotsError, ValidationError
from qkernel.execution.executor import Executor
from qkernel.execution.outputs import Outputs, shaped_like
from qkernel.execution.program import Program
from qkernel.execution.results import EstimatedValue
from qkernel.execution.shots import Sampled, Shots, seed_of, shot_count
from qkernel.lower.circuit import Circuit
from qkernel.mitigation.circuits import folded, twirled
from qkernel.mitigation.extrapolation import check_fit, extrapolated
from qkernel.mitigation.readout import Corrected, ReadoutCalibration

Array = np.ndarray[Any, Any]


@api_boundary
def estimate(
    kernel: Any,
    /,
    *arguments: Any,
    engine: Any = None,
    shots: Any = None,
    seed: int | None = None,
    calibration: ReadoutCalibration | None = None,
    twirls: int = 0,
    folds: Iterable[float] = (),
    fit: str = "linear",
    bindings: Mapping[str, Any] | None = None,
    **values: Any,
) -> EstimatedValue:
    """What a kernel or executable returns, with less of the engine's noise, and the standard error of that.

    Arguments are as in `run_with_errors`. Without `shots` values are the engine's exact ones, where it has these.
    `folds` are factors of 1 or more, such as (1, 2, 3): circuits with so many times the gates, from which the value without
    noise is extrapolated by a straight line (`fit="linear"`), the polynomial through all (`"richardson"`) or a decay to 0
    (`"exponential"`). `twirls` averages over so many choices of random Paulis around Clifford gates on two qubits, which makes
    coherent errors of theirs into mixtures of Paulis, and takes the spread among them for the standard error. A `calibration`
    (see `calibrate`) corrects the bits of every measurement. Each circuit gets `shots` for each measurement basis, those of the
    twirls together as many. `metadata` holds `scales`, and `values` and `standard_errors` at each.

    Raises `ValidationError` for bad options, `ExecutionError` for a kernel that returns bits and for values that no decay fits,
    `ShotsError` where shots are needed, and what `run_with_errors` raises.
    """
    executable, given = kernel._ready(kernel._detached(arguments, bindings, values), (), len(arguments))
    chosen = executable._on(engine, shots, seed)
    theta, batched = executable._theta(given)
    executable._refuse_nothing()
    if not executable._outputs.uses_readouts or executable._outputs.uses_bits:
        raise ExecutionError(
            f"`{executable.name}` returns nothing that is estimated",
            help="to correct samples: `calibrate(engine, n).quasi_probabilities(result)`",
        )
    plan = _Plan(chosen, calibration, _checked_twirls(twirls), executable.circuit, executable._outputs)
    asked = [float(scale) for scale in folds]
    if asked:
        check_fit(fit, asked)
    points = [plan.point(scale, theta, number) for number, scale in enumerate(asked or [1.0])]
    scales, means, errors = [point[0] for point in points], *(np.array([point[k] for point in points]) for k in (1, 2))
    value, error = extrapolated(scales, means, errors, fit) if asked else (means[0], errors[0])
    template = plan.template(theta)
    mean, spread = (executable._outputs.result(shaped_like(template, each), batched) for each in (value, error))
    count = 0 if chosen.shots is None else shot_count(chosen.shots)
    metadata = {"scales": tuple(scales), "values": means, "standard_errors": errors}
    return EstimatedValue(mean, spread, count, metadata)


def _checked_twirls(twirls: Any) -> int:
    if isinstance(twirls, bool) or not isinstance(twirls, int) or twirls < 0 or twirls == 1:
        raise ValidationError(
            f"`twirls` is 0 for none, or 2 or more, not {twirls!r}", help="one alone tells nothing of the spread"
        )
    return twirls


@dataclass(frozen=True)
class _Plan:
    """How each point of an extrapolation is estimated."""

    chosen: Executor
    calibration: ReadoutCalibration | None
    twirls: int
    circuit: Circuit
    outputs: Outputs

    def __post_init__(self) -> None:
        if self.calibration is not None and self.chosen.shots is None:
            raise ShotsError("a calibration corrects measured bits, and there are none without shots", help="give `shots`")

    def template(self, theta: Array) -> Any:
        """Outputs of the right form."""
        return self.outputs.evaluate(
            self.outputs.environment(theta, np.ones((len(theta), self.outputs.num_readouts))), len(theta)
        )

    def point(self, scale: float, theta: Array, number: int) -> tuple[float, Array, Array]:
        """The scale that circuits have, the values and their standard errors, both (batch, outputs)."""
        circuit, exact_scale = folded(self.circuit, scale)
        angles = self.circuit.angles.evaluate(theta)
        if not self.twirls:
            return exact_scale, *self._estimated(circuit, theta, angles, self._shots(1, number, 0))
        found = []
        for k in range(self.twirls):
            own = twirled(circuit, seed_of(self.chosen.seed, number, k, 1))
            shots = self._shots(self.twirls, number, k)
            found.append(self._estimated(own, theta, circuit.angles.evaluate(angles), shots)[0])
        spread = np.std(found, axis=0, ddof=1) / np.sqrt(self.twirls)
        return exact_scale, np.mean(found, axis=0), spread

    def _shots(self, share: int, number: int, k: int) -> Shots | None:
        if self.chosen.shots is None:
            return None
        shots = self.chosen.shots
        count = max(2, -(-shot_count(shots) // share))
        plan = replace(shots, count=count) if not isinstance(shots, int) else count
        return Shots(plan, seed_of(self.chosen.seed, number, k, 0))

    def _estimated(self, circuit: Circuit, theta: Array, angles: Array, shots: Shots | None) -> tuple[Array, Array]:
        """Values and standard errors of a circuit whose parameters are `angles`; the kernel's own are `theta`."""
        program = Program(circuit, self.chosen.engine, shots=shots)
        if shots is None:
            values = self.outputs.numbers(self.outputs.environment(theta, program.readouts(angles)), len(theta))
            return values, np.zeros(values.shape)
        found: Any = program.estimates(angles)
        if self.calibration is not None:
            if not isinstance(found, Sampled):
                raise ValidationError("a calibration corrects bits, and this engine gives estimates alone")
            found = Corrected(found, self.calibration)
        environment = self.outputs.environment(theta, found.readouts)
        slopes, _ = self.outputs.slopes(environment, len(theta))
        return self.outputs.numbers(environment, len(theta)), found.standard_errors(slopes)
