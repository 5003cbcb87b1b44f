"""What would run, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.engine import Engine, engine_for
from qkernel.execution.bases import measured_circuits
from qkernel.execution.gradient import cost, method, shift_terms
from qkernel.execution.outputs import Outputs
from qkernel.execution.shots import ShotPlan, shot_count
from qkernel.execution.stochastic import Rule, rule_of
from qkernel.lower.circuit import Circuit, Repeat, parts

if TYPE_CHECKING:
    from qkernel.execution.executor import Executor


def size(circuit: Circuit) -> str:
    """`4 qubits, 28 gates, 8 parameters`."""
    gates = "run-time branches"
    if circuit.is_straight:
        gates = counted(sum(row.kind.is_gate for row in circuit.instructions()), "gate")
    return f"{counted(circuit.num_qubits, 'qubit')}, {gates}, {counted(circuit.angles.num_columns, 'parameter')}"


def evaluations(circuit: Circuit, rule: Rule | None, columns: Sequence[int] | None = None) -> int:
    """How many evaluations values and derivatives of a sample take, by a rule at random, or by parameter shift."""
    if rule is None:
        return cost(circuit, columns)
    return 1 + rule.evaluations(shift_terms(circuit, columns))


def work(circuit: Circuit, method: str, rule: Rule | None = None) -> str:
    """What values and all derivatives take."""
    if method == "adjoint":
        return "one forward and one backward sweep per sample"
    return f"{evaluations(circuit, rule)} evaluations per sample for values and all derivatives"


@dataclass(frozen=True)
class Spending:
    """What one evaluation from shots takes: circuits, shots in all, and seconds on the machine, None where not known."""

    circuits: int
    shots: int
    seconds: float | None

    @classmethod
    def of(cls, circuit: Circuit, engine: Engine, shots: int | ShotPlan) -> Spending:
        """That of a circuit on an engine: the durations are those that the engine knows of what it would run."""
        how = shots if isinstance(shots, ShotPlan) else ShotPlan(shots)
        groups = measured_circuits(circuit, how.grouping)
        dealt = how.dealt([group.typical_spread for group in groups])
        each: list[float | None] = []
        for group in groups:
            prepared: Any = engine.prepare(group.circuit, np.complex128)
            each.append(prepared.shot_seconds() if hasattr(prepared, "shot_seconds") else None)
        seconds = None if None in each else sum(map(mul, dealt, each))
        return cls(len(groups), sum(dealt), seconds if groups else None)

    def times(self, number: int) -> str:
        """`20 circuits, 20,000 shots, about 5 s on the machine`."""
        time = "" if self.seconds is None else f", about {_duration(number * self.seconds)} on the machine"
        return f"{counted(number * self.circuits, 'circuit')}, {number * self.shots:,} shots{time}"


def has_loops(circuit: Circuit) -> bool:
    """Whether there is a `while` on measured bits, through which there is no derivative."""
    return any(isinstance(part, Repeat) for part in parts(circuit.body))


def spendings(circuit: Circuit, engine: Engine, shots: int | ShotPlan, rule: Rule | None, batch: int) -> list[str]:
    """What values of a batch take, and what values and all derivatives do, from shots."""
    each, samples = Spending.of(circuit, engine, shots), "" if batch == 1 else f" of {batch} samples"
    jobs = "two jobs" if isinstance(shots, ShotPlan) and shots.allocation == "variance" else "one job"
    lines = [f"a value{samples} takes {each.times(batch)}"]
    if circuit.angles.num_columns and not has_loops(circuit):
        lines.append(f"a value and its gradient{samples} take {each.times(batch * evaluations(circuit, rule))}, in {jobs}")
    return lines


def _duration(seconds: float) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.2g} s"


def plan(prepared: Any, circuit: Circuit, batch: int, batched: Sequence[int]) -> list[str]:
    """The lines of the engine's plan for `batch` samples, whose columns `batched` of theta differ, if it can tell one."""
    if not hasattr(prepared, "explain"):
        return []
    text: str = prepared.explain(batch, None if circuit.angles.computed else list(batched))
    return [f"plan for a batch of {batch}:", *(f"  {line}" for line in text.splitlines())]


def explain(circuit: Circuit, chosen: Executor, batch: int, batched: Sequence[int]) -> str:
    """The circuit's size, how values and derivatives are computed, and the engine's plan for `batch` samples."""
    engine: Any = engine_for(chosen.engine, circuit)
    outputs, method_of_it = Outputs(circuit), getattr(engine, "method", None)
    lines = [f"{circuit.name}: {size(circuit)}", f"engine {engine.name}, {method_of_it or 'complex128'}"]
    if outputs.uses_bits or not outputs.uses_readouts:
        return "\n".join(
            [*lines, "values: measured, shot by shot" if outputs.uses_bits else "values: computed on this machine"]
        )
    shots, rule = chosen.shots, rule_of(chosen.gradient)
    described = "exact" if shots is None else f"estimated from {shots_in_words(shots)} for each measurement basis"
    lines.append(f"values: {described}")
    if circuit.angles.num_columns and (shots is None or not has_loops(circuit)):
        asked: Any = chosen.gradient if rule is None else rule.name
        found = method(circuit, engine, asked, None if shots is None else shot_count(shots))
        name = "parameter shift" if found == "shift" else found if rule is None else str(rule)
        lines.append(f"gradient: {name}, {work(circuit, found, rule)}")
    if shots is None:
        return "\n".join([*lines, *plan(engine.prepare(circuit, np.complex128), circuit, batch, batched)])
    return "\n".join([*lines, *spendings(circuit, engine, shots, rule, batch)])


def shots_in_words(shots: int | ShotPlan) -> str:
    """`1000 shots`, with what a plan says besides."""
    return str(shots if isinstance(shots, ShotPlan) else ShotPlan(shots))
