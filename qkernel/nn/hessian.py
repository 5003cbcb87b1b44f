"""Second derivatives of what a circuit's kernel returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from qkernel.engine import load_engine
from qkernel.errors import GradientError
from qkernel.execution.program import Program
from qkernel.lower.circuit import Circuit
from qkernel.nn.tensors import tensor_program

Array = np.ndarray[Any, Any]


def hessian(circuit: Circuit, theta: Array, columns: Sequence[int]) -> Array | None:
    """Second derivatives by `columns` of theta, shape (batch, numbers, all columns, all columns), zeros elsewhere.

    `theta` has shape (batch, columns). Differentiates twice through the torch engine, in double precision; None where that
    does not reach the circuit. Raises `GradientError` for a derivative without a finite value.
    """
    program = Program(circuit, load_engine("torch"))
    tensors = tensor_program(program, tuple(range(program.num_columns)), ())
    if tensors is None:
        return None
    result = np.zeros((len(theta), program.num_outputs, program.num_columns, program.num_columns))
    values = torch.tensor(theta, dtype=torch.float64, requires_grad=True)
    outputs = tensors(values, values.new_zeros(0))
    for number in range(program.num_outputs):
        slope = _gradient(outputs[:, number].sum(), values)
        for column in columns if slope.requires_grad else ():
            second = _gradient(slope[:, column].sum(), values).detach().numpy()
            result[:, number, column, list(columns)] = second[:, list(columns)]
    if not np.isfinite(result).all():
        raise GradientError(
            f"a second derivative of `{circuit.name}` has no finite value here",
            help="fix the argument that has none: `kernel.compile(bindings={...})`",
        )
    return result


def _gradient(total: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The gradient by `values`, which can be differentiated in turn."""
    if not total.requires_grad:
        return torch.zeros_like(values)
    (found,) = torch.autograd.grad(total, (values,), create_graph=True, allow_unused=True)
    return torch.zeros_like(values) if found is None else found
