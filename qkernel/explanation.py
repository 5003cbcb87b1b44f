"""What would run, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.engine import engine_for
from qkernel.gradient import cost, method
from qkernel.lower.circuit import Circuit
from qkernel.outputs import Outputs

if TYPE_CHECKING:
    from qkernel.executor import Executor


def size(circuit: Circuit) -> str:
    """`4 qubits, 28 gates, 8 parameters`."""
    gates = "run-time branches"
    if circuit.is_straight:
        gates = counted(sum(row.kind.is_gate for row in circuit.instructions()), "gate")
    return f"{counted(circuit.num_qubits, 'qubit')}, {gates}, {counted(circuit.angles.num_columns, 'parameter')}"


def work(circuit: Circuit, adjoint: bool) -> str:
    """What values and all derivatives take, by the adjoint method or by parameter shift."""
    if adjoint:
        return "one forward and one backward sweep per sample"
    return f"{cost(circuit)} evaluations per sample for values and all derivatives"


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
    shots = chosen.shots
    lines.append("values: exact" if shots is None else f"values: estimated from {shots} shots for each measurement basis")
    if circuit.angles.num_columns:
        adjoint = shots is None and method(circuit, engine) == "adjoint"
        lines.append(f"gradient: {'adjoint' if adjoint else 'parameter shift'}, {work(circuit, adjoint)}")
    if shots is None:
        lines += plan(engine.prepare(circuit, np.complex128), circuit, batch, batched)
    return "\n".join(lines)
