"""Angles of any size, as tensor operations; see `qkernel_backends.large_angles`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch._subclasses.fake_tensor import FakeTensor

from qkernel.execution.gradient import open_slots
from qkernel.lower.angles import LARGEST_ANGLE
from qkernel.lower.circuit import Circuit

Array = np.ndarray[Any, Any]


class Values(Protocol):
    """Gives expectation values of columns that come per sample and columns that all samples share."""

    def values(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The expectation values, shape (batch, outputs)."""


class LargeAngles:
    """A circuit for columns that are too large for their angles to be added up as they are.

    Takes columns of theta and behind them one for each computed slot, some `batched` and some `shared`. `prepare` gives the
    values of a circuit whose columns, so many, all come per sample.
    """

    def __init__(
        self, circuit: Circuit, batched: Sequence[int], shared: Sequence[int], prepare: Callable[[Circuit, int], Values]
    ) -> None:
        self.circuit, self.prepare, computed = circuit, prepare, circuit.angles.computed
        angles = circuit.angles.affine
        self.largest = min(angles.largest_column, LARGEST_ANGLE) if computed else angles.largest_column
        place = {column: k for k, column in enumerate((*batched, *shared))}
        self.terms: tuple[list[int], list[float], list[int]] = (
            [place[column] for column in (*angles.columns.tolist(), *range(angles.num_columns, len(place)))],
            [*angles.coefficients.tolist(), *(1.0 for _ in computed)],
            [*angles.rows.tolist(), *computed],
        )
        self._placed: dict[torch.device, tuple[Tensor, Tensor, Tensor, Tensor]] = {}

    def are_in(self, *columns: Tensor) -> bool:
        """Whether some column is too large, or is not a number, as far as can be seen."""
        return not all(_largest(part) <= self.largest for part in columns)

    def values(self, inputs: Tensor, weights: Tensor) -> Tensor:
        """The expectation values, shape (batch, outputs); NaN for samples that hold what is not finite."""
        wide = inputs.dtype if inputs.device.type == "mps" else torch.float64
        columns = torch.cat([inputs, weights.expand(len(inputs), -1)], 1).to(wide)
        where, coefficients, rows, offsets = self._on(columns)
        terms = columns.index_select(1, where) * coefficients
        angles = offsets + torch.zeros_like(offsets).expand(len(columns), -1).index_add(1, rows, terms)
        angles = without_turns(angles)
        finite = 1 + (columns * 0).sum(1, keepdim=True).to(inputs.dtype)
        return self._open.values(angles.to(inputs.dtype), inputs.new_zeros(0)) * finite

    @cached_property
    def _open(self) -> Values:
        circuit = open_slots(self.circuit, with_loads=True)
        return self.prepare(circuit, circuit.angles.num_columns)

    def _on(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        found = self._placed.get(like.device)
        if found is None:
            where, coefficients, rows = self.terms
            # What is kept must not belong to the function transform or the inference mode that first asked for it.
            with temporarily_clear_interpreter_stack(), torch.inference_mode(False):
                found = self._placed[like.device] = (
                    torch.tensor(where, dtype=torch.int64, device=like.device),
                    torch.tensor(coefficients, dtype=like.dtype, device=like.device),
                    torch.tensor(rows, dtype=torch.int64, device=like.device),
                    torch.tensor(self.circuit.angles.affine.offsets, dtype=like.dtype, device=like.device),
                )
        return found


def without_turns(angles: Tensor) -> Tensor:
    """As `qkernel.lower.angles.without_turns`, with derivatives."""
    halves = angles.detach() / 2
    return 2 * torch.atan2(halves.sin(), halves.cos()) + (angles - angles.detach())


def _largest(columns: Tensor) -> float:
    """The largest of the numbers, without their signs; 0 where none can be seen."""
    while torch._C._functorch.is_functorch_wrapped_tensor(columns):
        columns = torch._C._functorch.get_unwrapped(columns)
    if not columns.numel() or isinstance(columns, FakeTensor) or torch.compiler.is_compiling():
        return 0.0
    with temporarily_clear_interpreter_stack():
        values = columns.detach()
        if values.is_cpu:
            return float(np.abs(values.numpy()).max())
        return 0.0 if values.is_cuda and torch.cuda.is_current_stream_capturing() else float(values.abs().max())
