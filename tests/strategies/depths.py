"""Depths against a walk over the lowered circuit, run-time branches included: no bound is below it, what is exact is it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qkernel.diagnostics import Span
from qkernel.errors import EntrypointValidationError
from qkernel.estimate import ResourceEstimate
from qkernel.estimate.depth import DEPTHS
from qkernel.estimate.leaves import t_spans
from qkernel.estimate.quantity import quantity
from qkernel.estimate.substitution import substitute
from qkernel.ir.evaluation import evaluate
from qkernel.lower import lower
from qkernel.lower.circuit import Assign, Body, Branch, Circuit, Instruction, Repeat, Run, Variable, bit, variables_read

Levels = dict[Any, int]
"""How high a qubit stands, by its number, or what a bit or an integer waits for."""


def open_estimate(kernel: Any, names: Sequence[str]) -> ResourceEstimate | None:
    """The estimate of `kernel` with these arguments open; None where recursion needs values."""
    try:
        found: ResourceEstimate = kernel.estimate_resources(parameters=tuple(names))
    except EntrypointValidationError as error:
        if "calls itself" not in str(error):
            raise
        return None
    return found


def verify_depths(kernel: Any, values: Mapping[str, Any], free: ResourceEstimate | None) -> None:
    """Hold the depths of `kernel` with these values, bound and put into its `free` estimate, against the walk."""
    bound = kernel.estimate_resources(bindings=values)
    spans = t_spans(kernel.ir)
    circuit = lowered(kernel, values)
    for depth in DEPTHS:
        walked = _Walk(circuit, depth, spans).depth()
        for estimate in (bound, free) if free is not None else (bound,):
            given = {name: estimate.origin.read(name, value) for name, value in values.items()}
            given |= dict.fromkeys(estimate.origin.iterations, quantity(1))
            form, is_exact = estimate.depths.of(depth)
            upper = substitute(estimate.depths.bound(depth), given)
            assert not upper.is_constant or int(upper) >= walked, (depth, str(upper), walked, dict(values))
            found = substitute(form, given)
            if found.is_constant and circuit.is_straight:
                assert int(found) == walked if is_exact else int(found) >= walked, (depth, str(form), walked, dict(values))


def lowered(kernel: Any, values: Mapping[str, Any]) -> Circuit:
    """The circuit that depths are told of."""
    defaults = {entry.name: evaluate(entry.default, {}) for entry in kernel.ir.entry.parameters if entry.default is not None}
    return lower(kernel.ir, defaults | dict(values), []).without_releases


class _Walk:
    """One of the depths, of the branches that take longer, and of loops that go round once."""

    def __init__(self, circuit: Circuit, depth: str, t_spans: frozenset[Span]) -> None:
        self.circuit, self.which, self.t_spans = circuit, depth, t_spans

    def depth(self) -> int:
        levels: Levels = dict.fromkeys(range(self.circuit.num_qubits), 0)
        self.body(self.circuit.body, levels, 0)
        return max((level for of, level in levels.items() if isinstance(of, int)), default=0)

    def counts(self, instruction: Instruction) -> bool:
        kind = instruction.kind
        match self.which:
            case "depth":
                return kind.name != "barrier"
            case "t_depth":
                is_written = kind.num_angles > 0 and instruction.span in self.t_spans
                return not kind.controls and (kind.name in ("t", "tdg") or is_written)
        return kind.is_gate and kind.num_qubits > 1

    def body(self, body: Body, levels: Levels, start: int) -> None:
        for part in body:
            match part:
                case Run():
                    for instruction in self.circuit.instructions(part):
                        self.instruction(instruction, levels, start)
                case Assign(_, value):
                    levels[part.variable] = _ready(variables_read(value), levels, start)
                case Branch(condition, then, otherwise):
                    others, ready = {**levels}, _ready(variables_read(condition), levels, start)
                    self.body(then, levels, ready)
                    self.body(otherwise, others, ready)
                    for of, level in others.items():
                        levels[of] = max(level, levels.get(of, 0))
                case Repeat(condition, inner):
                    self.body(inner, levels, _ready(variables_read(condition), levels, start))

    def instruction(self, instruction: Instruction, levels: Levels, start: int) -> None:
        """A level above its qubits, and above what decides whether it is done."""
        if instruction.kind.name == "gphase" and not instruction.kind.controls:
            return
        written = {variable for k in instruction.bits for variable in variables_read(bit(k))}
        level = max((levels[qubit] for qubit in instruction.qubits), default=0)
        levels |= dict.fromkeys((*instruction.qubits, *written), max(level, start) + self.counts(instruction))


def _ready(variables: set[Variable], levels: Levels, start: int) -> int:
    return max([start, *(levels.get(variable, 0) for variable in variables)])
