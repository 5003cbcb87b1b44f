"""The door between autograd and a program: values forward, one vector-Jacobian product backward.

Written for little overhead: at four qubits the door costs more than the state does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qkernel.errors import GradientError
from qkernel.nn.program import Program

Array = np.ndarray[Any, Any]
Gradients = tuple[Tensor | None, ...]

_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Placement:
    """A tensor's columns of theta, `start` to `stop`, and the shape of one value of the argument."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which columns of a program's theta the tensors of a call fill."""

    program: Program
    placements: tuple[Placement, ...]

    def theta(self, tensors: Sequence[Tensor], batch: int, dtype: torch.dtype) -> Array:
        """Theta, shape (batch, columns); a tensor without batch axes is the same for all samples."""
        theta = np.empty((batch, self.program.num_columns), np.float64 if dtype is torch.float64 else np.float32)
        for place, tensor in zip(self.placements, tensors, strict=True):
            rows = batch if tensor.dim() > len(place.shape) else 1
            theta[:, place.start : place.stop] = _numpy(tensor).reshape(rows, place.stop - place.start)
        return theta

    def gradients(self, gradient: Array, tensors: Sequence[Tensor], needed: Sequence[bool]) -> Gradients:
        """The gradient by theta, taken apart: for each tensor that needs one, in its shape, dtype and device."""
        return tuple(
            _gradient(gradient[:, place.start : place.stop], place, tensor) if wanted else None
            for place, tensor, wanted in zip(self.placements, tensors, needed, strict=True)
        )

    def columns(self, needed: Sequence[bool]) -> tuple[int, ...] | None:
        """The columns of the tensors that need a gradient; None for all."""
        if all(needed):
            return None
        chosen = (place for place, wanted in zip(self.placements, needed, strict=True) if wanted)
        return tuple(column for place in chosen for column in range(place.start, place.stop))


def _gradient(part: Array, place: Placement, tensor: Tensor) -> Tensor:
    if tensor.dim() == len(place.shape):
        part = part.sum(0)
    return _tensor(part.reshape(tensor.shape), tensor.dtype, tensor.device)


def _numpy(tensor: Tensor) -> Array:
    tensor = tensor.detach()
    if tensor.dtype is not torch.float32 and tensor.dtype is not torch.float64:
        tensor = tensor.float()
    return (tensor if tensor.device == _CPU else tensor.cpu()).numpy()


def _tensor(values: Array, dtype: torch.dtype, device: torch.device) -> Tensor:
    result = torch.from_numpy(np.ascontiguousarray(values))
    return result if result.dtype is dtype and device == _CPU else result.to(device, dtype)


@dataclass(frozen=True, slots=True)
class Call:
    """One evaluation: the batch axes of its result, and the dtype and device of it."""

    wiring: Wiring
    batch_axes: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor:
        """The program's outputs, shape (batch axes..., outputs), differentiable by each of `tensors`."""
        if torch.is_grad_enabled():
            for tensor in tensors:
                if tensor.requires_grad:
                    result: Tensor = Evaluation.apply(self, *tensors)  # type: ignore[no-untyped-call]
                    return result
        return self.values(self.theta(tensors))

    def theta(self, tensors: Sequence[Tensor]) -> Array:
        return self.wiring.theta(tensors, math.prod(self.batch_axes), self.dtype)

    def values(self, theta: Array) -> Tensor:
        program = self.wiring.program
        values = program.values(theta).reshape(*self.batch_axes, program.num_outputs)
        return _tensor(values, self.dtype, self.device)

    def gradients(self, theta: Array, needed: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> Gradients:
        program = self.wiring.program
        rows = _numpy(cotangent).reshape(len(theta), program.num_outputs).astype(theta.dtype, copy=False)
        return self.wiring.gradients(program.vjp(theta, rows, self.wiring.columns(needed)), tensors, needed)


class Evaluation(torch.autograd.Function):
    """Values of a program at the tensors that its wiring places."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> Tensor:
        ctx.call, ctx.theta = call, call.theta(tensors)
        ctx.save_for_backward(*tensors)
        return call.values(ctx.theta)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Gradients:
        needed = ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():  # someone may differentiate the gradient
            arguments = (ctx.call, ctx.theta, needed, cotangents[0], *ctx.saved_tensors)
            return (None, *Derivative.apply(*arguments))  # type: ignore[no-untyped-call]
        return (None, *ctx.call.gradients(ctx.theta, needed, cotangents[0], ctx.saved_tensors))


class Derivative(torch.autograd.Function):
    """The gradient as a function of its own, whose derivative is refused rather than taken for zero."""

    @staticmethod
    def forward(ctx: Any, call: Call, theta: Array, needed: Sequence[bool], cotangent: Tensor, *tensors: Tensor) -> Gradients:
        return call.gradients(theta, needed, cotangent, tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Gradients:
        raise GradientError(
            "the second derivative of a quantum layer was asked for, and only first derivatives are computed",
            help="leave `create_graph=True` out, or differentiate only what does not pass through the layer's gradient",
        )
