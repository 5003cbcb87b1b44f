"""An optimizer that takes natural gradients of a layer's weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np
import torch
from torch import Tensor

from qkernel.boundary import api_boundary
from qkernel.errors import GradientError, ValidationError
from qkernel.execution.metric import check_kind, metric, natural
from qkernel.nn.call import Call
from qkernel.nn.layer import QLayer


@api_boundary
class NaturalGradient(torch.optim.Optimizer):
    """Steps along natural gradients: `NaturalGradient(layer, lr=0.05)`, then `step()` as of any optimizer.

    The gradients that `backward` has left are multiplied by the inverse of the Fubini-Study metric of the layer's state by its
    weights plus `damping` times the identity, the metric averaged over the samples that the layer saw last (Stokes et al.
    2020, Quantum 4, 269). `kind` is that of `metric`: `block_diagonal`, on any engine, or `full`, on simulators. Parameters of
    the layer that are no arguments of its kernel, such as `scale`, go along their plain gradients.
    Raises `ValidationError` for what is no `QLayer` and for bad numbers, `GradientError` for a kernel that measures, and, in
    `step`, before the layer has seen any samples.
    """

    def __init__(self, layer: QLayer, lr: float = 0.05, damping: float = 0.01, kind: str = "block_diagonal") -> None:
        given: Any = layer
        if not isinstance(given, QLayer):
            raise ValidationError(
                f"natural gradients are of a `QLayer`, and this is a `{type(given).__name__}`",
                help="give the layer; the rest of a network has an optimizer of its own",
            )
        check_kind(kind)
        natural(np.zeros((1, 1, 1)), np.zeros((1, 1)), damping)
        if not isinstance(lr, (int, float)) or isinstance(lr, bool) or lr <= 0:
            raise ValidationError(f"`lr` is a number above 0, not {lr!r}")
        super().__init__(layer.parameters(), {"lr": lr, "damping": damping, "kind": kind})
        self._layer, self._seen = layer, tuple[Tensor, ...]()
        self._has_seen = False
        mine = ref(self)

        def note(module: Any, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            optimizer = mine()
            if optimizer is not None and torch.is_grad_enabled():
                optimizer._note(inputs, named)

        self._hook = layer.register_forward_pre_hook(note, with_kwargs=True)

    def _note(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        ordered = self._layer._ordered(inputs, named) if named else inputs
        self._seen = tuple(tensor.detach() for tensor in self._layer._spread(ordered))
        self._has_seen = True

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters by their natural gradients times `lr`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        if not self._has_seen:
            raise GradientError("the layer has seen no samples yet", help="call it, and `backward` on what comes of it, first")
        (group,) = self.param_groups
        steps = self._natural(group["kind"], group["damping"])
        for parameter in group["params"]:
            if parameter.grad is not None:
                parameter.sub_(steps.get(parameter, parameter.grad), alpha=group["lr"])
        return loss

    def _natural(self, kind: str, damping: float) -> dict[Tensor, Tensor]:
        """Natural gradients of the weights that have gradients."""
        layer, weights = self._layer, self._layer._weight_tensors()
        tensors = (*self._seen, *weights)
        call = Call.of(layer._wiring, tensors, layer._batch_axes(self._seen, weights))
        theta = call.theta(tensors).astype(float)
        theta = theta[np.isfinite(theta).all(1)]
        moved = [(place, one) for place, one in zip(layer._weights, weights, strict=True) if one.grad is not None]
        if not len(theta) or not moved:
            return {}
        columns = [column for place, _ in moved for column in place.columns]
        mean = metric(layer._wiring.program, theta, kind, columns).mean(0)[np.ix_(columns, columns)]
        slopes = np.concatenate([one.grad.double().cpu().numpy().ravel() for _, one in moved])  # type: ignore[union-attr]
        (found,) = natural(mean[None], slopes[None], damping)
        steps, start = {}, 0
        for place, one in moved:
            part = torch.from_numpy(found[start : start + place.size]).reshape(one.shape)
            steps[one], start = part.to(one), start + place.size
        return steps
