"""From the IR and the values of its arguments to a concrete circuit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qkernel.errors import KernelRecursionError, QKernelError, SizeError
from qkernel.ir.expressions import Expr
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Alloc,
    Call,
    Expval,
    For,
    Gate,
    If,
    Measure,
    PauliEvolve,
    Prepare,
    Probabilities,
    Reset,
    While,
    Within,
)
from qkernel.lower.calls import call, end, within
from qkernel.lower.circuit import Circuit
from qkernel.lower.effort import bounded_work
from qkernel.lower.evaluation import value
from qkernel.lower.gates import alloc, evolve, gate
from qkernel.lower.interpreter import Interpreter, Steps
from qkernel.lower.lengths import Lengths
from qkernel.lower.loading import prepare
from qkernel.lower.loops import loop
from qkernel.lower.measurement import expval, measure, output, outputs_for_each, probabilities, reset
from qkernel.lower.reports import no_body, not_finite
from qkernel.lower.runtime import branch, repeat
from qkernel.lower.workspace import placed
from qkernel.recursion import deep_stack

__all__ = ["STEPS", "lower"]

STEPS: Steps = {
    Alloc: alloc,
    Gate: gate,
    PauliEvolve: evolve,
    Prepare: prepare,
    Call: call,
    Measure: measure,
    Reset: reset,
    Expval: expval,
    Probabilities: probabilities,
    For: loop,
    If: branch,
    While: repeat,
    Within: within,
}
"""What lowering does for each type of op: the one place where loops run, branches choose, calls recurse and modifiers act."""


def lower(
    module: Module,
    values: Mapping[str, Any],
    open_parameters: Sequence[str] = (),
    lengths: Lengths | None = None,
) -> Circuit:
    """The concrete circuit of the module's entry.

    `values` has a value, already checked, for each argument but those in `open_parameters`, which become columns of the
    angle map in signature order. `lengths` tells what is known of the lengths of these. A quantum argument of the entry
    becomes qubits in 0; a register's length is its value.
    It takes at most `QKERNEL_MOST_STEPS` steps: see `qkernel/lower/effort.py`.
    Raises the lowering errors of `qkernel.errors` (QK4xx), and `EntrypointValidationError` where the circuit's shape
    depends on an open argument.
    """
    with deep_stack(), bounded_work():
        try:
            return _circuit(Interpreter(STEPS, module, values, open_parameters, lengths or Lengths()))
        except QKernelError:
            raise
        except RecursionError:
            raise KernelRecursionError(f"`{module.entry.name}` nests too deeply", span=module.entry.span) from None
        except MemoryError:
            raise SizeError(f"the circuit of `{module.entry.name}` does not fit into memory", span=module.entry.span) from None


def _circuit(interpreter: Interpreter) -> Circuit:
    """Run the entry to its end."""
    frame, entry = interpreter.frame, interpreter.module.entry
    if entry.kind == "oracle":
        raise no_body(entry, entry.span)
    interpreter.block(entry.body, frame)
    returned = [expr for expr in entry.returns if isinstance(expr, Expr)]
    qubits = end(interpreter, frame)
    with interpreter.reporting(entry.span, frame):
        outputs = [output(value(expr, frame.names), expr.type) for expr in returned]
        if interpreter.side_by_side:
            outputs = outputs_for_each(outputs, interpreter.side_by_side, len(interpreter.expectations))
    interpreter.columns.close()
    angles = interpreter.open.angle_map(interpreter.columns, outputs)
    if not np.isfinite(angles.offsets).all():
        raise not_finite(interpreter.columns, int(np.argmin(np.isfinite(angles.offsets))))
    circuit = Circuit(
        interpreter.num_qubits,
        interpreter.num_bits,
        interpreter.columns.used_kinds(),
        tuple(interpreter.columns.body),
        angles,
        tuple(interpreter.expectations),
        tuple(interpreter.probabilities),
        tuple(map(interpreter.open.written, outputs)),
        entry.returns_tuple or len(outputs) > len(returned),
        tuple(interpreter.registers),
        tuple(interpreter.boxes),
        tuple(interpreter.columns.spans),
        entry.name,
        interpreter.inputs,
        qubits,
        tuple(interpreter.clean),
        interpreter.integers.variables,
        interpreter.open.loads(angles),
    )
    places = interpreter.workspace.places(interpreter.num_qubits)
    return circuit if places is None else placed(circuit, places)
