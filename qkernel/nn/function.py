"""The doors between autograd and a program: values forward, one vector-Jacobian product backward.

The eager one is written for little overhead: at four qubits the door costs more than the state does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from qkernel.errors import GradientError, LayerInputError
from qkernel.nn.program import Columns, DirectSplit, Program, Split
from qkernel.nn.tensors import TensorProgram, tensor_program

Array = np.ndarray[Any, Any]
Gradients = tuple[Tensor | None, ...]

_CPU = torch.device("cpu")
_MOST_CALLS = 256
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_numbers = count()
WIRINGS: WeakValueDictionary[int, Wiring] = WeakValueDictionary()
"""By their numbers, for as long as they live."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A tensor's columns of theta, `start` to `stop`, and the shape of one value of the argument."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @property
    def columns(self) -> Columns:
        return tuple(range(self.start, self.stop))


@dataclass(frozen=True, slots=True)
class Layout:
    """For each tensor whether it comes per sample, and its stretch of the columns of its kind; all columns of each kind."""

    stretches: tuple[tuple[bool, int, int], ...]
    batched: Columns
    shared: Columns


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Wiring:
    """Which columns of a program's theta the tensors of a call fill; `number` names it within the process."""

    program: Program
    placements: tuple[Placement, ...]
    number: int = field(default_factory=lambda: next(_numbers), init=False)
    layouts: dict[tuple[bool, ...], Layout] = field(default_factory=dict, init=False, repr=False)
    tensor_programs: dict[Layout, TensorProgram | None] = field(default_factory=dict, init=False, repr=False)
    calls: dict[Any, Call] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        WIRINGS[self.number] = self

    def __deepcopy__(self, memo: Any) -> Wiring:
        return self  # it only gathers what it has found

    def __reduce__(self) -> tuple[Any, ...]:
        return Wiring, (self.program, self.placements)

    def prepare(self, batched: tuple[Placement, ...], dtype: torch.dtype) -> None:
        """Have the engine load what it needs where `batched` come per sample, so that no later call waits for it."""
        layout = self._layout(tuple(place in batched for place in self.placements))
        self.program.prepare(real_dtype(dtype))
        self.program.split(real_dtype(dtype), layout.batched, layout.shared)

    def layout(self, tensors: Sequence[Tensor]) -> Layout:
        """A tensor with batch axes comes per sample; one without is the same for all samples."""
        kinds = tuple([tensor.dim() > len(place.shape) for place, tensor in zip(self.placements, tensors, strict=True)])
        found = self.layouts.get(kinds)
        if found is None:
            found = self.layouts[kinds] = self._layout(kinds)
        return found

    def _layout(self, kinds: tuple[bool, ...]) -> Layout:
        columns: dict[bool, list[int]] = {True: [], False: []}
        stretches = []
        for place, kind in zip(self.placements, kinds, strict=True):
            start = len(columns[kind])
            columns[kind] += place.columns
            stretches.append((kind, start, len(columns[kind])))
        return Layout(tuple(stretches), tuple(columns[True]), tuple(columns[False]))

    def remember(self, kind: Any, call: Call) -> None:
        """Keep a checked call for tensors of its kind: their shapes, dtypes and devices."""
        if len(self.calls) >= _MOST_CALLS:
            self.calls.clear()
        self.calls[kind] = call

    def tensor_program(self, layout: Layout) -> TensorProgram | None:
        """The program as tensor operations, where it can be had."""
        if layout not in self.tensor_programs:
            self.tensor_programs[layout] = tensor_program(self.program, layout.batched, layout.shared)
        return self.tensor_programs[layout]

    def is_elsewhere(self, device: torch.device) -> bool:
        """Whether tensors of `device` are not for the layer's own engine, which works in the memory of the CPU."""
        return device != _CPU or self.program.engine.name == "torch"

    def operations(self, layout: Layout, device: torch.device, again: bool = False) -> TensorProgram | None:
        """The tensor operations to compute with, if any; None: the layer's engine does it.

        That is so on the CPU; not on other devices, and not where derivatives are differentiated or transformed `again`.
        """
        return self.tensor_program(layout) if again or self.is_elsewhere(device) else None

    def needed(self, wanted: Sequence[bool]) -> Columns | None:
        """The columns of the tensors that need a gradient; None for all."""
        if all(wanted) or not self.program.tells_columns_apart:
            return None
        return tuple(column for place, one in zip(self.placements, wanted, strict=True) if one for column in place.columns)


def is_watched() -> bool:
    """Whether modes of torch look at every operation, as for tracing: what they do not see has not happened."""
    return bool(torch._C._len_torch_dispatch_stack())


def real_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    """The precision that tensors of `dtype` are computed in: double for float64, single for all others."""
    return _DOUBLE if dtype is torch.float64 else _SINGLE


def _numpy(tensor: Tensor) -> Array:
    if tensor.dtype is not torch.float32 and tensor.dtype is not torch.float64:
        tensor = tensor.float()
    return tensor.numpy(force=True)


def _in_place(tensor: Tensor) -> Tensor:
    """The tensor, or a copy of it, such that its numbers stand in memory one after the other, with their signs."""
    tensor = tensor.contiguous()
    return tensor.resolve_neg() if tensor.is_neg() else tensor


def _tensor(values: Array, dtype: torch.dtype, device: torch.device) -> Tensor:
    result = torch.from_numpy(values if values.flags.c_contiguous else values.copy())
    return result if result.dtype is dtype and device == _CPU else result.to(device, dtype)


def _joined(arrays: list[Array], rows: int, dtype: Any) -> Array:
    """Arrays of shape (rows, any) side by side."""
    if len(arrays) == 1:
        return arrays[0] if arrays[0].dtype == dtype else arrays[0].astype(dtype)
    return np.concatenate(arrays, axis=1, dtype=dtype) if arrays else np.empty((rows, 0), dtype)


@dataclass(frozen=True)
class Call:
    """One kind of evaluation: how the tensors lie, the batch axes of the result, and its dtype and device.

    `is_uniform` says that all tensors are of that dtype and on that device.
    """

    wiring: Wiring
    layout: Layout
    batch_axes: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    is_uniform: bool

    @classmethod
    def of(cls, wiring: Wiring, tensors: Sequence[Tensor], batch_axes: tuple[int, ...]) -> Call:
        """The evaluation at such tensors; the first says what the result is like.

        Raises `LayerInputError` for a tensor of the wrong shape: the machine reads and writes as many numbers as it expects.
        """
        for place, tensor in zip(wiring.placements, tensors, strict=True):
            leading = tensor.dim() - len(place.shape)
            if tensor.shape[leading:] != place.shape or (leading and tensor.shape[:leading] != batch_axes):
                raise LayerInputError(
                    f"`{place.name}` has the shape {tuple(tensor.shape)}, and {(*batch_axes, *place.shape)} is expected"
                )
        dtype, device = (tensors[0].dtype, tensors[0].device) if tensors else (torch.get_default_dtype(), _CPU)
        is_uniform = all(tensor.dtype is dtype and tensor.device == device for tensor in tensors)
        return cls(wiring, wiring.layout(tensors), batch_axes, dtype, device, is_uniform)

    def __call__(self, tensors: Sequence[Tensor]) -> Tensor:
        """The program's outputs, shape (batch axes..., outputs), differentiable by each of `tensors`."""
        transformed = torch._C._are_functorch_transforms_active()
        if transformed or self._elsewhere:
            operations = self.wiring.operations(self.layout, self.device, transformed)
            if operations is not None:
                return self.tensor_values(operations, tensors)
            if transformed:
                outputs: Tensor = TransformedEvaluation.apply(self, *tensors)  # type: ignore[no-untyped-call]
                return outputs
        if is_watched():
            seen: Tensor = torch.ops.qkernel.evaluate(self.wiring.number, tensors)
            return seen
        if torch.is_grad_enabled():
            for tensor in tensors:
                if tensor.requires_grad:
                    result: Tensor = Evaluation.apply(self, *tensors)  # type: ignore[no-untyped-call]
                    return result
        return self.values(tensors)

    def values(self, tensors: Sequence[Tensor], mark: object | None = None) -> Tensor:
        """By the layer's own engine; with a `mark`, `gradients` with the same mark may begin where this ends."""
        if self._direct is None:
            return _tensor(self._split.value(*self.arrays(tensors)).reshape(self._shape), self.dtype, self.device)
        split, places = self._direct
        inputs, weights = [_in_place(tensors[place]) for place in places]
        outputs = torch.empty(self._shape, dtype=self.dtype, device=_CPU)
        split.evaluate(self._batch, inputs.data_ptr(), weights.data_ptr(), outputs.data_ptr(), mark)
        return outputs

    def tensor_values(self, operations: TensorProgram, tensors: Sequence[Tensor]) -> Tensor:
        """The same by tensor operations, differentiable as often as one likes."""
        batch = self._batch
        dtype = torch.float64 if self.dtype is torch.float64 else torch.float32
        parts: dict[bool, list[Tensor]] = {True: [], False: []}
        for (kind, start, stop), tensor in zip(self.layout.stretches, tensors, strict=True):
            parts[kind].append(tensor.to(dtype).reshape(batch if kind else 1, stop - start))
        inputs, weights = (
            torch.cat(parts[kind], 1) if len(parts[kind]) > 1
            else parts[kind][0] if parts[kind]
            else torch.empty((rows, 0), dtype=dtype, device=self.device)
            for kind, rows in ((True, batch), (False, 1))
        )  # fmt: skip
        outputs = operations(inputs, weights.squeeze(0))
        return outputs.to(self.dtype).reshape(self._shape)

    def differentiable_gradients(self, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> Gradients:
        """As `gradients`, and differentiable again where the program has tensor operations."""
        operations = self.wiring.operations(self.layout, self.device, again=True)
        if operations is None:
            refused: Gradients = Derivative.apply(self, wanted, cotangent, *tensors)  # type: ignore[no-untyped-call]
            return refused
        with torch.enable_grad():
            values = self.tensor_values(operations, tensors)
        chosen = [tensor for tensor, one in zip(tensors, wanted, strict=True) if one]
        found = iter(torch.autograd.grad(values, chosen, cotangent, create_graph=True, materialize_grads=True))
        return tuple(next(found) if one else None for one in wanted)

    def gradients(
        self,
        wanted: Sequence[bool],
        cotangent: Tensor,
        tensors: Sequence[Tensor],
        mark: object | None = None,
    ) -> Gradients:
        """For each tensor that is `wanted` the gradient of sum(cotangent * outputs), in its shape, dtype and device.

        `mark` is that of the `values` before, if there were any.
        """
        if self._direct is not None and self._as_before((*tensors, cotangent)):
            return self._direct_gradients(wanted, cotangent, tensors, mark)
        if (operations := self.wiring.operations(self.layout, self.device)) is not None:
            # Not `torch.autograd.grad`, which sees nothing inside of an operator.
            pullback = torch.func.vjp(lambda *values: self.tensor_values(operations, values), *tensors)[1]
            return tuple(gradient if one else None for gradient, one in zip(pullback(cotangent), wanted, strict=True))
        inputs, weights = self.arrays(tensors)
        needed = self.wiring.needed(wanted)
        split = self._split if needed is None else self._split_for(needed)
        rows = _numpy(cotangent).reshape(len(inputs), self._shape[-1])
        *_, by_inputs, by_weights = split.vjp(inputs, weights, rows)
        return tuple(
            [
                _tensor(
                    (by_inputs[:, start:stop] if kind else by_weights[start:stop]).reshape(tensor.shape),
                    tensor.dtype,
                    tensor.device,
                )
                if one
                else None
                for (kind, start, stop), tensor, one in zip(self.layout.stretches, tensors, wanted, strict=True)
            ]
        )

    def _direct_gradients(
        self, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor], mark: object | None
    ) -> Gradients:
        assert self._direct is not None
        split, places = self._direct
        inputs, weights = [_in_place(tensors[place]) for place in places]
        rows, by_inputs, by_weights = _in_place(cotangent), torch.empty_like(inputs), torch.empty_like(weights)
        given = inputs.data_ptr(), weights.data_ptr(), rows.data_ptr()
        found = self._unread.data_ptr(), by_inputs.data_ptr(), by_weights.data_ptr()
        split.differentiate(self._batch, *given, *found, mark)
        gradients = (by_inputs, by_weights) if places[0] == 0 else (by_weights, by_inputs)
        return tuple([gradient if one else None for gradient, one in zip(gradients, wanted, strict=True)])

    def over(self, size: int, tensors: Sequence[Tensor], axes: Sequence[int | None]) -> tuple[Call, list[Tensor]]:
        """This evaluation for `size` sets of tensors at once, which lie along `axes` (None: one for all sets)."""

        def spread(place: Placement, tensor: Tensor, axis: int | None) -> Tensor:
            each = tensor.unsqueeze(0) if axis is None else tensor.movedim(axis, 0)
            if each.dim() == 1 + len(place.shape):
                each = each.reshape(len(each), *(1,) * len(self.batch_axes), *place.shape)
            return each.expand(size, *self.batch_axes, *place.shape)

        spreads = [spread(*one) for one in zip(self.wiring.placements, tensors, axes, strict=True)]
        return replace(self, layout=self.wiring.layout(spreads), batch_axes=(size, *self.batch_axes)), spreads

    def gathered(self, gradients: Gradients, tensors: Sequence[Tensor], axes: Sequence[int | None]) -> Gradients:
        """Gradients by what `over` gave as gradients by each set's tensors, along axis 0."""
        return tuple(
            gradient
            if gradient is None or tensor.dim() - (axis is not None) > len(place.shape) or not self.batch_axes
            else gradient.flatten(1, len(self.batch_axes)).sum(1)
            for gradient, place, tensor, axis in zip(gradients, self.wiring.placements, tensors, axes, strict=True)
        )

    def arrays(self, tensors: Sequence[Tensor]) -> tuple[Array, Array]:
        """What comes per sample, shape (batch, columns), and what all samples share, one axis."""
        inputs: list[Array] = []
        weights: list[Array] = []
        for (kind, start, stop), tensor in zip(self.layout.stretches, tensors, strict=True):
            rows = self._batch if kind else 1
            (inputs if kind else weights).append(_numpy(tensor).reshape(rows, stop - start))
        return _joined(inputs, self._batch, self._real), _joined(weights, 1, self._real)[0]

    def _split_for(self, needed: Columns | None) -> Split:
        return self.wiring.program.split(self._real, self.layout.batched, self.layout.shared, needed)

    @cached_property
    def _split(self) -> Split:
        return self._split_for(None)

    @cached_property
    def _direct(self) -> tuple[DirectSplit, tuple[int, int]] | None:
        """The split and the places of what comes per sample and what is shared, if these tensors can be read in place."""
        if self._elsewhere or not self.is_uniform or self.dtype not in (torch.float32, torch.float64):
            return None
        split, kinds = self._split, [kind for kind, _, _ in self.layout.stretches]
        if sorted(kinds) != [False, True]:
            return None
        return (split, (kinds.index(True), kinds.index(False))) if isinstance(split, DirectSplit) else None

    @cached_property
    def _unread(self) -> Tensor:
        """Room for values that nobody asks for."""
        return torch.empty(self._shape, dtype=self.dtype, device=_CPU)

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        """The bytes of each tensor, and of a cotangent."""
        counts = [(self._batch if kind else 1) * (stop - start) for kind, start, stop in self.layout.stretches]
        return tuple(count * self.dtype.itemsize for count in (*counts, math.prod(self._shape)))

    def _as_before(self, tensors: Sequence[Tensor]) -> bool:
        """Whether saved tensors, and the cotangent, are as the machine expects: hooks may give back others."""
        for tensor, size in zip(tensors, self._sizes, strict=True):
            if tensor.dtype is not self.dtype or tensor.nbytes != size or not tensor.is_cpu:
                return False
        return True

    @cached_property
    def _batch(self) -> int:
        return math.prod(self.batch_axes)

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return *self.batch_axes, self.wiring.program.num_outputs

    @cached_property
    def _elsewhere(self) -> bool:
        return self.wiring.is_elsewhere(self.device)

    @cached_property
    def _real(self) -> np.dtype[Any]:
        return real_dtype(self.dtype)


class Evaluation(torch.autograd.Function):
    """Values of a program at the tensors that its wiring places."""

    @staticmethod
    def forward(ctx: Any, call: Call, *tensors: Tensor) -> Tensor:
        ctx.call = call
        ctx.save_for_backward(*tensors)
        return call.values(tensors, ctx)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Gradients:
        wanted, tensors = ctx.needs_input_grad[1:], ctx.saved_tensors  # torch refuses tensors that were changed since
        if torch.is_grad_enabled():
            return (None, *ctx.call.differentiable_gradients(wanted, cotangents[0], tensors))
        if is_watched():
            found = iter(torch.ops.qkernel.differentiate(ctx.call.wiring.number, wanted, cotangents[0], tensors))
            return (None, *(next(found) if one else None for one in wanted))
        return (None, *ctx.call.gradients(wanted, cotangents[0], tensors, ctx))


class Derivative(torch.autograd.Function):
    """The gradient as a function of its own, whose derivative is refused rather than taken for zero."""

    @staticmethod
    def forward(ctx: Any, call: Call, wanted: Sequence[bool], cotangent: Tensor, *tensors: Tensor) -> Gradients:
        return call.gradients(wanted, cotangent, tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Gradients:
        raise GradientError(
            "the second derivative of a quantum layer was asked for, and this layer has only first ones",
            help="second derivatives need the adjoint method on the native or the torch engine, and few measurements",
        )


class TransformedEvaluation(torch.autograd.Function):
    """`Evaluation` under the transforms of `torch.func`."""

    @staticmethod
    def forward(call: Call, *tensors: Tensor) -> Tensor:
        return call.values(tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.call, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Gradients:
        wanted = tuple(ctx.needs_input_grad[1:])
        gradients: Gradients = TransformedDerivative.apply(  # type: ignore[no-untyped-call]
            ctx.call, wanted, cotangents[0], *ctx.saved_tensors
        )
        return (None, *gradients)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], call: Call, *tensors: Tensor) -> tuple[Tensor, int]:
        wider, spread = call.over(info.batch_size, tensors, in_dims[1:])
        return TransformedEvaluation.apply(wider, *spread), 0  # type: ignore[no-untyped-call]

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise GradientError(
            "this layer has no forward-mode derivative",
            help="use `torch.func.jacrev` instead of `jacfwd`, `vjp` instead of `jvp`",
        )


class TransformedDerivative(torch.autograd.Function):
    """`Derivative` under the transforms of `torch.func`."""

    @staticmethod
    def forward(call: Call, wanted: tuple[bool, ...], cotangent: Tensor, *tensors: Tensor) -> Gradients:
        return call.gradients(wanted, cotangent, tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Gradients) -> None:
        pass

    backward = Derivative.backward

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], call: Call, wanted: tuple[bool, ...], cotangent: Tensor, *tensors: Tensor
    ) -> tuple[Gradients, Any]:
        size, axis, axes = info.batch_size, in_dims[2], in_dims[3:]
        wider, spread = call.over(size, tensors, axes)
        cotangents = cotangent.expand(size, *cotangent.shape) if axis is None else cotangent.movedim(axis, 0)
        gradients = TransformedDerivative.apply(wider, wanted, cotangents, *spread)  # type: ignore[no-untyped-call]
        return call.gathered(gradients, tensors, axes), tuple(0 if one else None for one in wanted)
