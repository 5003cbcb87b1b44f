"""The eager door between autograd and a program: values forward, one vector-Jacobian product backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C import _len_torch_dispatch_stack
from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy
from torch._C._functorch import is_legacy_batchedtensor

from qkernel.nn import operators
from qkernel.nn.call import Call, Gradients


def evaluate(call: Call, tensors: Sequence[Tensor]) -> Tensor:
    """The outputs of a layer, shape (batch axes..., outputs), differentiable by each of `tensors`."""
    transformed = operators.is_transformed()
    if transformed or call.elsewhere:
        operations = call.wiring.operations(call.layout, call.device, transformed)
        if operations is not None:
            return call.tensor_values(operations, tensors)
    if transformed or _len_torch_dispatch_stack():  # modes that look at every operation, as for tracing
        return operators.evaluate(operators.name_of(call.wiring.number), tensors)  # type: ignore[no-any-return]
    if torch.is_grad_enabled():
        for tensor in tensors:
            if tensor.requires_grad:
                result: Tensor = Evaluation.apply(call, *tensors)  # type: ignore[no-untyped-call]
                return result
    return call.values(tensors)


class Evaluation(torch.autograd.Function):
    """Values of a program at the tensors that its wiring places."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> Tensor:
        ctx.call = call
        ctx.save_for_backward(*tensors)
        return call.values(tensors, ctx)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Gradients:
        call, wanted, (cotangent,) = ctx.call, ctx.needs_input_grad[1:], cotangents
        tensors = ctx.saved_tensors  # torch refuses tensors that were changed since
        if torch.is_grad_enabled() or operators.is_transformed():
            return (None, *_differentiable(call, wanted, cotangent, tensors))
        if is_legacy_batchedtensor(cotangent) or _len_torch_dispatch_stack():
            return (None, *operators.pulled_back(operators.name_of(call.wiring.number), wanted, cotangent, tensors))
        return (None, *call.gradients(wanted, cotangent, tensors, ctx))


def _differentiable(call: Call, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> Gradients:
    """The gradients as functions of all that they depend on, as far as the program has tensor operations."""
    operations = call.wiring.operations(call.layout, call.device, again=True)
    if operations is None:
        return operators.pulled_back(operators.name_of(call.wiring.number), wanted, cotangent, tensors)
    with torch.enable_grad():
        values = call.tensor_values(operations, tensors)
    if not values.requires_grad:  # what is read depends on no angle
        return tuple(torch.zeros_like(tensor) if one else None for tensor, one in zip(tensors, wanted, strict=True))
    chosen = [tensor for tensor, one in zip(tensors, wanted, strict=True) if one]
    found = iter(torch.autograd.grad(values, chosen, cotangent, create_graph=True, materialize_grads=True))
    return tuple(next(found) if one else None for one in wanted)


# Where `torch.compile` gives up at a layer, as it does under a transform, it would look into what the layer calls.
for _door in (evaluate, Evaluation.backward):
    set_code_exec_strategy(_door.__code__, _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP))
