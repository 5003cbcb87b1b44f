"""Programs as operators of torch: what `torch.compile`, `torch.export`, meta and fake tensors see.

An operator names the wiring of its program by a number, for a graph holds nothing but tensors and numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from qkernel.errors import GradientError
from qkernel.nn.function import WIRINGS, Call, Derivative


def _call(number: int, tensors: Sequence[Tensor]) -> Call:
    wiring = WIRINGS.get(number)
    if wiring is None:
        raise GradientError(
            "the quantum layer that this graph was made from is not in this process any more",
            help="compile or export the network anew",
        )
    axes: tuple[int, ...] = ()
    for place, tensor in zip(wiring.placements, tensors, strict=True):
        axes = tuple(tensor.shape[: tensor.dim() - len(place.shape)]) or axes
    return Call.of(wiring, tensors, axes)


@torch.library.custom_op("qkernel::evaluate", mutates_args=())
def evaluate(number: int, tensors: Sequence[Tensor]) -> Tensor:
    """The outputs of a program, shape (batch axes..., outputs)."""
    with torch.no_grad():
        return _call(number, tensors)(tensors)


@torch.library.custom_op("qkernel::differentiate", mutates_args=())
def differentiate(number: int, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """The gradients of sum(cotangent * outputs) by the wanted tensors."""
    return [gradient for gradient in _call(number, tensors).gradients(wanted, cotangent, tensors) if gradient is not None]


@evaluate.register_fake
def _(number: int, tensors: Sequence[Tensor]) -> Tensor:
    call = _call(number, tensors)
    return tensors[0].new_empty((*call.batch_axes, call.wiring.program.num_outputs))


@differentiate.register_fake
def _(number: int, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.new_empty(tensor.shape) for tensor, one in zip(tensors, wanted, strict=True) if one]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.number, tensors = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, cotangent: Tensor) -> tuple[Any, ...]:
    wanted = ctx.needs_input_grad[1]
    found = iter(differentiate(ctx.number, wanted, cotangent, list(ctx.saved_tensors)))
    return None, [next(found) if one else None for one in wanted]


evaluate.register_autograd(_backward, setup_context=_keep)
differentiate.register_autograd(Derivative.backward)


@evaluate.register_vmap
def _(info: Any, in_dims: tuple[Any, ...], number: int, tensors: Sequence[Tensor]) -> tuple[Tensor, int]:
    _, spread = _call_of_one(number, tensors, in_dims[1]).over(info.batch_size, tensors, in_dims[1])
    return evaluate(number, spread), 0


@differentiate.register_vmap
def _(
    info: Any, in_dims: tuple[Any, ...], number: int, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]
) -> tuple[list[Tensor], list[int]]:
    call = _call_of_one(number, tensors, in_dims[3])
    _, spread = call.over(info.batch_size, tensors, in_dims[3])
    cotangents = cotangent.expand(info.batch_size, *cotangent.shape) if in_dims[2] is None else cotangent.movedim(in_dims[2], 0)
    found = iter(differentiate(number, wanted, cotangents, spread))
    gathered = call.gathered(tuple(next(found) if one else None for one in wanted), tensors, in_dims[3])
    gradients = [gradient for gradient in gathered if gradient is not None]
    return gradients, [0] * len(gradients)


def _call_of_one(number: int, tensors: Sequence[Tensor], axes: Sequence[int | None]) -> Call:
    """The call for one set of the tensors that lie along `axes`."""
    return _call(
        number, [tensor if axis is None else tensor.select(axis, 0) for tensor, axis in zip(tensors, axes, strict=True)]
    )
