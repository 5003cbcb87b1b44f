"""What a layer is given: tensors for its inputs, and weights that are trained."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from qkernel.diagnostics import did_you_mean, in_short
from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    CallableDefinitionConflictError,
    GradientError,
    LayerInputError,
    ValidationError,
)
from qkernel.nn.call import Placement
from qkernel.nn.compile import given_shape, is_initialiser
from qkernel.records import record_fields

FLOATING = frozenset((torch.float32, torch.float64, torch.float16, torch.bfloat16))

_INITIALISERS: dict[str, Callable[[Tensor], Tensor]] = {
    "small": lambda tensor: tensor.normal_().mul_(0.1),
    "angles": lambda tensor: tensor.uniform_(-torch.pi, torch.pi),
}
"""Beside those of `torch.nn.init`."""


class Arguments(nn.Module):
    """A module whose inputs and weights are arguments of a kernel, in the order of `_inputs` and `_weights`."""

    _inputs: tuple[Placement, ...]
    _weights: tuple[Placement, ...]
    _has_records: bool

    def _add_arguments(self, inputs: tuple[Placement, ...], weights: tuple[Placement, ...], given: Any, initial: Any) -> None:
        """Register the weights, which begin as `given` says by name, else as `initial` does."""
        self._inputs, self._weights = inputs, weights
        self._has_records = any("." in place.name for place in weights)
        for place in weights:
            self._add_weight(place, initial_value(place, given[place.name], initial))

    @property
    def in_features(self) -> int:
        """How many numbers a sample has."""
        return sum(place.size for place in self._inputs)

    def _add_weight(self, place: Placement, value: nn.Parameter) -> None:
        *records, name = place.name.split(".")
        owner: nn.Module = self
        for record in records:  # a module of its own, so that torch knows its fields as `record.field`
            if record not in owner._modules:
                require_free(owner, record)
                owner.add_module(record, nn.Module())
            owner = owner.get_submodule(record)
        require_free(owner, name)
        owner.register_parameter(name, value)

    def _spread(self, inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
        """The inputs with records as their fields."""
        found: list[Tensor] = []
        for value in inputs:
            fields = record_fields(value)
            if fields is None:
                found.append(value)
                continue
            names = [place.name.rpartition(".")[2] for place in self._inputs[len(found) :]]
            if names[: len(fields)] != list(fields):
                raise LayerInputError(
                    f"a record `{type(value).__name__}({', '.join(fields)})` stands where the inputs are {', '.join(names)}",
                    help="give its fields as tensors of their own, or name the record whole in `inputs`",
                )
            found += fields.values()
        return tuple(found)

    def _ordered(self, inputs: tuple[Tensor, ...], named: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """The inputs in order, some of which were given by name."""
        names = [place.name for place in self._inputs]
        for name in named:
            if name not in names:
                raise LayerInputError(f"the layer has no input `{name}`{did_you_mean(name, names)}")
            if name in names[: len(inputs)]:
                raise LayerInputError(f"the input `{name}` is given twice: by its place and by its name")
        return (*inputs, *(named[name] for name in names[len(inputs) :] if name in named))

    def _weight_tensors(self) -> list[Tensor]:
        if self._has_records:
            return [attrgetter(place.name)(self) for place in self._weights]
        return [getattr(self, place.name) for place in self._weights]

    def _batch_axes(self, inputs: tuple[Tensor, ...], weights: list[Tensor]) -> tuple[int, ...]:
        if len(inputs) != len(self._inputs):
            names = ", ".join(f"`{place.name}`" for place in self._inputs) or "none"
            raise LayerInputError(f"the layer takes a tensor for each of its inputs ({names}), and {len(inputs)} were given")
        if torch._C._get_tracing_state() is not None:
            raise GradientError(
                "`torch.jit.trace` does not see into a quantum layer", help="use `torch.export` or `torch.compile`"
            )
        for place, weight in zip(self._weights, weights, strict=True):
            self._check(place, weight, weights)
            if weight.shape != place.shape:
                raise LayerInputError(
                    f"the weight `{place.name}` has the shape {tuple(weight.shape)}, and {place.shape} is expected",
                    help="for several sets of weights at once: `torch.func.vmap`",
                )
        leading: tuple[int, ...] = ()
        for place, tensor in zip(self._inputs, inputs, strict=True):
            axes = self._check(place, tensor, weights)
            if axes and leading and axes != leading:
                raise LayerInputError(
                    f"the batch axes of `{place.name}` are {axes}, and those of the inputs before it {leading}",
                    help=f"`{place.name}` is one number for each sample: `{place.name}.squeeze(-1)`"
                    if not place.shape and axes[-1] == 1
                    else None,
                )
            leading = axes or leading
        return leading

    def _check(self, place: Placement, tensor: Tensor, weights: list[Tensor]) -> tuple[int, ...]:
        """The batch axes of one input."""
        if not isinstance(tensor, Tensor):
            raise LayerInputError(
                f"`{place.name}` is given as a {type(tensor).__name__}, and a tensor is expected",
                help="convert it: `torch.as_tensor(x)`",
            )
        batch_axes = tensor.dim() - len(place.shape)
        if batch_axes < 0 or tensor.shape[batch_axes:] != place.shape:
            expected = ", ".join(("...", *map(str, place.shape)))
            raise LayerInputError(f"`{place.name}` has the shape {tuple(tensor.shape)}, and ({expected}) is expected")
        if tensor.layout is not torch.strided:
            raise LayerInputError(
                f"`{place.name}` has the layout {tensor.layout}, and a dense tensor is expected",
                help="convert it: `x.to_dense()`",
            )
        if tensor.dtype not in FLOATING:
            raise LayerInputError(
                f"`{place.name}` has the dtype {tensor.dtype}, and a floating dtype is expected: its values are angles",
                help="take two real parts of it: `torch.view_as_real(x)`" if tensor.is_complex() else "convert it: `x.float()`",
            )
        if weights and tensor.device != weights[0].device:
            raise LayerInputError(
                f"`{place.name}` is on the device {tensor.device}, and the layer's weights are on {weights[0].device}",
                help="move one of them: `layer.to(x.device)`",
            )
        return tuple(tensor.shape[:batch_axes])


def require_free(owner: nn.Module, name: str) -> None:
    if hasattr(owner, name):
        raise CallableDefinitionConflictError(
            f"`{name}` is an attribute of the layer, so that no weight can have this name",
            help="give the kernel's argument another name",
        )


def initial_value(place: Placement, given: Any, initial: Any) -> nn.Parameter:
    """A weight as it begins: `given` is a tensor or an initialiser; for None or a shape it is `initial` that tells."""
    if given is None or given_shape(given) is not None:
        given = initial
    if is_initialiser(given):
        empty = torch.empty(place.shape)
        fill = _initialiser(given)
        try:
            with torch.no_grad():
                value = fill(empty)
        except (TypeError, ValueError) as error:
            if callable(given):
                raise
            raise ValidationError(
                f"`{given}` does not fill the weight `{place.name}`, whose shape is {place.shape}: {error}",
                help="give another initialiser, or a function that fills a tensor",
            ) from None
        value = value if isinstance(value, Tensor) else empty  # a function that fills what it is given may return nothing
    else:
        value = _numbers(place.name, given)
        value = value if value.is_floating_point() else value.to(torch.get_default_dtype())
    if value.shape != place.shape:
        raise BindingShapeError(
            f"the weight `{place.name}` has the shape {place.shape}, and a tensor of shape {tuple(value.shape)} was given"
        )
    return nn.Parameter(value.detach().clone())


def _numbers(name: str, given: Any) -> Tensor:
    try:
        value = torch.as_tensor(given)
    except (TypeError, ValueError, RuntimeError):
        value = None
    if value is None or value.is_complex():
        raise BindingTypeError(
            f"the weight `{name}` begins as real numbers, not as `{in_short(given)}`",
            help="give a tensor of them, a shape, or an initialiser such as `zeros`",
        )
    return value


def _initialiser(given: Any) -> Callable[[Tensor], Any]:
    if callable(given):
        return given  # type: ignore[no-any-return]
    found = _INITIALISERS.get(given) or getattr(torch.nn.init, f"{given}_", None)
    if found is None or given.startswith("_"):
        known = [*_INITIALISERS, *(name[:-1] for name in dir(torch.nn.init) if name.endswith("_") and name[0] != "_")]
        raise ValidationError(
            f"no initialiser is called `{given}`{did_you_mean(given, known)}",
            help=f"the names are {', '.join(f'`{name}`' for name in known)}; a function that fills a tensor is one, too",
        )
    return found
