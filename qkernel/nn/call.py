"""One kind of evaluation of a layer: where its tensors go, and values and derivatives as tensors, without autograd.

It is written for little overhead: at four qubits the way in and out costs more than the state does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from torch import Tensor

from qkernel.errors import LayerInputError
from qkernel.execution.program import Program
from qkernel.nn.compile import Recipe
from qkernel.nn.outputs import ComputedOutputs
from qkernel.nn.splits import AnySplit, Columns, DirectSplit, direct_split
from qkernel.nn.tensors import TensorProgram, tensor_program

Split = AnySplit | DirectSplit | ComputedOutputs
Array = np.ndarray[Any, Any]
Gradients = tuple[Tensor | None, ...]

_CPU = torch.device("cpu")
_MOST_CALLS, _MOST_SPLITS = 256, 16
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_numbers = count()
_PLAIN = (Tensor, torch.nn.Parameter)
WIRINGS: WeakValueDictionary[int, Wiring] = WeakValueDictionary()
"""By their numbers, for as long as they live."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A tensor's columns of theta, `start` to `stop`, and the shape of one value of the argument."""

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]

    @classmethod
    def all_of(cls, recipe: Recipe) -> tuple[Placement, ...]:
        """Where the arguments stand that a recipe leaves open."""
        places = {p.name: cls(p.name, p.start, p.start + p.size, p.shape) for p in recipe.circuit.angles.parameters}
        return tuple(places[name] for name in recipe.names)

    @property
    def size(self) -> int:
        return self.stop - self.start

    @property
    def columns(self) -> Columns:
        return tuple(range(self.start, self.stop))


@dataclass(frozen=True, slots=True)
class TensorLayout:
    """For each tensor whether it comes per sample, and its stretch of the columns of its kind; all columns of each kind."""

    stretches: tuple[tuple[bool, int, int], ...]
    batched: Columns
    shared: Columns


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Wiring:
    """Which columns of a program's theta the tensors of a call fill; `number` names it within the process."""

    program: Program
    placements: tuple[Placement, ...]
    recipe: Recipe
    number: int = field(default_factory=lambda: next(_numbers), init=False)
    layouts: dict[tuple[bool, ...], TensorLayout] = field(default_factory=dict, init=False, repr=False)
    splits: dict[Any, Split] = field(default_factory=dict, init=False, repr=False)
    tensor_programs: dict[TensorLayout, TensorProgram | None] = field(default_factory=dict, init=False, repr=False)
    calls: dict[Any, Call] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        WIRINGS[self.number] = self

    @classmethod
    def of(cls, recipe: Recipe, program: Program) -> Wiring:
        """The wiring of a program that `recipe` is for."""
        return cls(program, Placement.all_of(recipe), recipe)

    def __deepcopy__(self, memo: Any) -> Wiring:
        program = self.program.copied()
        if program is self.program:
            return self  # it only gathers what it has found
        return Wiring(program, self.placements, self.recipe)

    def __reduce__(self) -> tuple[Any, ...]:
        return Wiring, (self.program, self.placements, self.recipe)

    def prepare(self, batched: tuple[Placement, ...], dtype: torch.dtype) -> None:
        """Have the engine load what it needs where `batched` come per sample, so that no later call waits for it."""
        layout = self._layout(tuple(place in batched for place in self.placements))
        self.program.prepare(real_dtype(dtype))
        self.split(real_dtype(dtype), layout)

    def split(self, dtype: np.dtype[Any], layout: TensorLayout, needed: Columns | None = None) -> Split:
        """The door for tensors that lie so: the engine's own if it has one.

        `needed` are the columns whose gradient is asked for (None: all); the others' is unspecified.
        """
        key = dtype, layout, needed
        if key not in self.splits:
            if len(self.splits) >= _MOST_SPLITS:
                self.splits.clear()
            joined = AnySplit(self.program, dtype, layout.batched, layout.shared, needed)
            direct = direct_split(joined)
            if direct is None:
                self.splits[key] = joined
            else:
                self.splits[key] = direct if self.program.is_folded else ComputedOutputs(joined, direct)
        return self.splits[key]

    def layout(self, tensors: Sequence[Tensor]) -> TensorLayout:
        """A tensor with batch axes comes per sample; one without is the same for all samples."""
        kinds = tuple([tensor.dim() > len(place.shape) for place, tensor in zip(self.placements, tensors, strict=True)])
        found = self.layouts.get(kinds)
        if found is None:
            found = self.layouts[kinds] = self._layout(kinds)
        return found

    def _layout(self, kinds: tuple[bool, ...]) -> TensorLayout:
        columns: dict[bool, list[int]] = {True: [], False: []}
        stretches = []
        for place, kind in zip(self.placements, kinds, strict=True):
            start = len(columns[kind])
            columns[kind] += place.columns
            stretches.append((kind, start, len(columns[kind])))
        return TensorLayout(tuple(stretches), tuple(columns[True]), tuple(columns[False]))

    @property
    def per_sample(self) -> TensorLayout:
        """The layout in which every column comes per sample, in the order of theta."""
        return TensorLayout((), tuple(range(self.program.num_columns)), ())

    def remember(self, kind: Any, call: Call, tensors: Sequence[Tensor]) -> None:
        """Keep a checked call for tensors of its kind: their shapes, dtypes and devices.

        The first has the promises of kernels looked at, for the first of its samples.
        """
        if not self.calls and self.program.circuit.has_releases:
            theta = call.theta(tensors)[:1]
            if np.isfinite(theta).all():
                self.program.check_releases(theta)
        if len(self.calls) >= _MOST_CALLS:
            self.calls.clear()
        self.calls[kind] = call

    def tensor_program(self, layout: TensorLayout) -> TensorProgram | None:
        """The program as tensor operations, where it can be had."""
        if layout not in self.tensor_programs:
            self.tensor_programs[layout] = tensor_program(self.program, layout.batched, layout.shared)
        return self.tensor_programs[layout]

    def is_elsewhere(self, device: torch.device) -> bool:
        """Whether tensors of `device` are not for the layer's own engine, which works in the memory of the CPU."""
        return device != _CPU or self.program.name == "torch"

    def operations(self, layout: TensorLayout, device: torch.device, again: bool = False) -> TensorProgram | None:
        """The tensor operations to compute with, if any; None: the layer's engine does it.

        That is so on the CPU; not on other devices, and not where derivatives are differentiated or transformed `again`.
        """
        return self.tensor_program(layout) if again or self.is_elsewhere(device) else None

    def needed(self, wanted: Sequence[bool]) -> Columns | None:
        """The columns of the tensors that need a gradient; None for all."""
        if all(wanted) or not self.program.tells_columns_apart:
            return None
        return tuple(column for place, one in zip(self.placements, wanted, strict=True) if one for column in place.columns)


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


def _shaped(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """The tensor in a shape; torch's rules for batched cotangents have none for the alias that `reshape` makes of the same."""
    return tensor if tensor.shape == shape else tensor.reshape(shape)


def _tensor(values: Array, dtype: torch.dtype, device: torch.device) -> Tensor:
    result = torch.from_numpy(values if values.flags.c_contiguous else values.copy())
    return result if result.dtype is dtype and device == _CPU else result.to(device, dtype)


def _joined(arrays: list[Array], rows: int, dtype: Any) -> Array:
    """Arrays of shape (rows, any) side by side."""
    if len(arrays) == 1:
        return arrays[0] if arrays[0].dtype == dtype else arrays[0].astype(dtype)
    return np.concatenate(arrays, axis=1, dtype=dtype) if arrays else np.empty((rows, 0), dtype)


def kind_of(tensors: Sequence[Tensor]) -> tuple[Any, ...]:
    """What two sets of tensors have in common that one call serves. Raises `AttributeError` for what are no tensors."""
    return tuple([(type(tensor), tensor.shape, tensor.dtype, tensor.device, tensor.layout) for tensor in tensors])


def hold_values(tensors: Sequence[Tensor]) -> bool:
    """Whether these are tensors as they come, not meta tensors and not of a class such as `FakeTensor`."""
    return all(type(tensor) in _PLAIN and not tensor.is_meta for tensor in tensors)


@dataclass(frozen=True)
class Call:
    """One kind of evaluation: how the tensors lie, the batch axes of the result, and its dtype and device."""

    wiring: Wiring
    layout: TensorLayout
    batch_axes: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device
    splits: dict[tuple[bool, ...], Split] = field(default_factory=dict, init=False, repr=False, compare=False)

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
        return cls(wiring, wiring.layout(tensors), batch_axes, dtype, device)

    def outputs(self, tensors: Sequence[Tensor], mark: object | None = None) -> Tensor:
        """The program's outputs, shape (batch axes..., outputs), on the tensors' device; `mark` as for `values`."""
        operations = self.wiring.operations(self.layout, self.device)
        return self.values(tensors, mark) if operations is None else self.tensor_values(operations, tensors)

    def values(self, tensors: Sequence[Tensor], mark: object | None = None) -> Tensor:
        """By the layer's own engine; with a `mark`, `gradients` with the same mark may begin where this ends."""
        if isinstance(split := self._split, AnySplit):
            wanted = tuple(getattr(mark, "needs_input_grad", ()))[1:]
            if any(wanted) and self.wiring.program.shifts and self._batch:
                kept: Any = mark
                kept.point = self._shifted(wanted).point(*self.arrays(tensors))
                found = kept.point.value
            else:
                found = split.value(*self.arrays(tensors))
            return _tensor(found.reshape(self.shape), self.dtype, self.device)
        inputs, weights = self._gathered(tensors)
        if isinstance(split, ComputedOutputs):
            values = _shaped(split.evaluate(self._batch, inputs, weights, mark), self.shape)
            return values if self._is_native else values.to(self.device, self.dtype)
        outputs = torch.empty(self.shape, dtype=self.precision, device=_CPU)
        split.evaluate(self._batch, inputs.data_ptr(), weights.data_ptr(), outputs.data_ptr(), mark)
        if self.wiring.program.floors:
            outputs.clamp_(min=0)  # sums of probabilities, which rounding may take below
        return outputs if self._is_native else outputs.to(self.device, self.dtype)

    def tensor_values(self, operations: TensorProgram, tensors: Sequence[Tensor]) -> Tensor:
        """The same by tensor operations, differentiable as often as one likes."""
        batch = self._batch
        dtype = self.precision
        parts: dict[bool, list[Tensor]] = {True: [], False: []}
        for (kind, start, stop), tensor in zip(self.layout.stretches, tensors, strict=True):
            parts[kind].append(_shaped(tensor.to(dtype), (batch if kind else 1, stop - start)))
        inputs, weights = (
            torch.cat(parts[kind], 1) if len(parts[kind]) > 1
            else parts[kind][0] if parts[kind]
            else torch.empty((rows, 0), dtype=dtype, device=self.device)
            for kind, rows in ((True, batch), (False, 1))
        )  # fmt: skip
        outputs = operations(inputs, weights.squeeze(0), parts)
        return _shaped(outputs.to(self.dtype), self.shape)

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
        if self.elsewhere and (operations := self.wiring.operations(self.layout, self.device)) is not None:
            # Not `torch.autograd.grad`, which sees nothing inside of an operator.
            pullback = torch.func.vjp(lambda *values: self.tensor_values(operations, values), *tensors)[1]
            return tuple(gradient if one else None for gradient, one in zip(pullback(cotangent), wanted, strict=True))
        split = self._split_for(tuple(wanted))
        if isinstance(split, AnySplit):
            row, point = _numpy(cotangent).reshape(self._batch, self.shape[-1]), getattr(mark, "point", None)
            found = split.vjp(*self.arrays(tensors), row) if point is None else point.vjp(row)
            by_inputs, by_weights = [torch.from_numpy(np.ascontiguousarray(part)) for part in found]
        else:
            inputs, weights = self._gathered(tensors)
            is_readable = self._is_readable(cotangent, self._unread.nbytes)
            rows = _in_place(cotangent if is_readable else cotangent.to(_CPU, self.precision).reshape(self.shape))
            if isinstance(split, ComputedOutputs):
                rows = _shaped(rows, (self._batch, self.shape[-1]))
                by_inputs, by_weights = split.differentiate(self._batch, inputs, weights, rows, mark)
            else:
                by_inputs, by_weights = torch.empty_like(inputs), torch.empty_like(weights)
                given = inputs.data_ptr(), weights.data_ptr(), rows.data_ptr()
                written = self._unread.data_ptr(), by_inputs.data_ptr(), by_weights.data_ptr()
                split.differentiate(self._batch, *given, *written, mark)
        return self._apart(wanted, by_inputs, by_weights, tensors)

    def _gathered(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """What comes per sample, and what all samples share, each in one piece of memory: mostly where it stands already."""
        pieces = []
        for rows, size, places in self._pieces:
            tensor = tensors[places[0]] if len(places) == 1 else None
            if tensor is None or not self._is_readable(tensor, size):  # hooks of what is saved may give back others
                given = [(tensors[k].detach(), self.wiring.placements[k].size) for k in places]
                parts = [one.to(_CPU, self.precision).reshape(rows, width) for one, width in given]
                tensor = torch.cat(parts, 1) if parts else torch.empty(0, dtype=self.precision)
            pieces.append(_in_place(tensor))
        return pieces

    def _is_readable(self, tensor: Tensor, size: int) -> bool:
        """Whether the machine finds what it expects, so many bytes in its precision, once the tensor is in one piece."""
        return tensor.dtype is self.precision and tensor.nbytes == size and tensor.is_cpu

    def _apart(self, wanted: Sequence[bool], by_inputs: Tensor, by_weights: Tensor, tensors: Sequence[Tensor]) -> Gradients:
        """The gradients of the tensors that are `wanted`."""
        found: list[Tensor | None] = []
        for (kind, start, stop), tensor, one in zip(self.layout.stretches, tensors, wanted, strict=True):
            gradient = by_inputs if kind else by_weights
            if one and gradient.shape != tensor.shape:
                rows, columns = (self._batch, self.layout.batched) if kind else (1, self.layout.shared)
                gradient = gradient.reshape(rows, len(columns))[:, start:stop].reshape(tensor.shape).contiguous()
            is_alike = gradient.dtype is tensor.dtype and tensor.is_cpu
            found.append(None if not one else gradient if is_alike else gradient.to(tensor.device, tensor.dtype))
        return tuple(found)

    def over(self, size: int, tensors: Sequence[Tensor], axes: Sequence[int | None]) -> list[Tensor]:
        """`size` sets of tensors, which lie along `axes` (None: one for all sets), as one with a batch axis more."""

        def spread(place: Placement, tensor: Tensor, axis: int | None) -> Tensor:
            each = tensor.unsqueeze(0) if axis is None else tensor.movedim(axis, 0)
            if each.dim() == 1 + len(place.shape):
                each = each.reshape(len(each), *(1,) * len(self.batch_axes), *place.shape)
            return each.expand(size, *self.batch_axes, *place.shape)

        return [spread(*one) for one in zip(self.wiring.placements, tensors, axes, strict=True)]

    def jacobian(self, wanted: Sequence[bool], tensors: Sequence[Tensor]) -> Tensor:
        """Derivatives by all numbers of the `wanted` tensors, side by side, shape (batch axes..., outputs, numbers)."""
        columns = [column for place, one in zip(self.wiring.placements, wanted, strict=True) if one for column in place.columns]
        if self.wiring.operations(self.layout, self.device) is not None:
            return self._tensor_jacobian(tensors)[..., columns]
        split = AnySplit(self.wiring.program, self._real, self.layout.batched, self.layout.shared, tuple(columns))
        found = split.jacobian(*self.arrays(tensors))[..., columns]
        return _tensor(found.reshape(*self.shape, len(columns)), self.precision, self.device)

    def _tensor_jacobian(self, tensors: Sequence[Tensor]) -> Tensor:
        """The same by tensor operations, by all columns of theta."""
        each = self.wiring.per_sample
        operations = self.wiring.tensor_program(each)
        assert operations is not None
        theta = torch.empty((self._batch, self.wiring.program.num_columns), dtype=self.precision, device=self.device)
        for place, (kind, _, _), tensor in zip(self.wiring.placements, self.layout.stretches, tensors, strict=True):
            theta[:, place.start : place.stop] = tensor.detach().reshape(self._batch if kind else 1, place.size)
        pullback: Any = torch.func.vjp(lambda rows: operations(rows, rows.new_empty(0)), theta)[1]
        outputs = self.shape[-1]
        units = torch.eye(outputs, dtype=self.precision, device=self.device).unsqueeze(1).expand(-1, self._batch, -1)
        found: Tensor = torch.func.vmap(pullback)(units)[0]
        return found.movedim(0, 1).reshape(*self.shape, -1)

    def pulled_back(self, jacobian: Tensor, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> Gradients:
        """As `gradients`, from the Jacobian; plain operations of torch, linear in the cotangent."""
        rows, axes = cotangent.to(jacobian.dtype).unsqueeze(-2), tuple(range(len(self.batch_axes)))
        found: list[Tensor | None] = []
        start = 0
        for place, (kind, _, _), tensor, one in zip(
            self.wiring.placements, self.layout.stretches, tensors, wanted, strict=True
        ):
            if not one:
                found.append(None)
                continue
            by_sample = (rows @ jacobian[..., start : start + place.size]).squeeze(-2)
            gradient = by_sample if kind or not axes else by_sample.sum(axes)
            found.append(_shaped(gradient, tensor.shape).to(tensor.dtype))
            start += place.size
        return tuple(found)

    def pushed_forward(self, jacobian: Tensor, tangents: Sequence[Tensor | None]) -> Tensor:
        """The outputs' derivative along `tangents` (None: 0), from the Jacobian by those tensors that have one."""
        result = jacobian.new_zeros(self.shape)
        start = 0
        for place, (kind, _, _), tangent in zip(self.wiring.placements, self.layout.stretches, tangents, strict=True):
            if tangent is not None:
                along = tangent.to(jacobian.dtype).reshape(*(self.batch_axes if kind else ()), place.size, 1)
                result = result + (jacobian[..., start : start + place.size] @ along).squeeze(-1)
                start += place.size
        return result.to(self.dtype)

    def theta(self, tensors: Sequence[Tensor]) -> Array:
        """What comes per sample and what all samples share, side by side."""
        joined = AnySplit(self.wiring.program, self._real, self.layout.batched, self.layout.shared, None)
        return joined.theta(*self.arrays(tensors))

    def arrays(self, tensors: Sequence[Tensor]) -> tuple[Array, Array]:
        """What comes per sample, shape (batch, columns), and what all samples share, one axis."""
        inputs: list[Array] = []
        weights: list[Array] = []
        for (kind, start, stop), tensor in zip(self.layout.stretches, tensors, strict=True):
            rows = self._batch if kind else 1
            (inputs if kind else weights).append(_numpy(tensor).reshape(rows, stop - start))
        return _joined(inputs, self._batch, self._real), _joined(weights, 1, self._real)[0]

    def _shifted(self, wanted: tuple[bool, ...]) -> AnySplit:
        split = self._split_for(wanted)
        assert isinstance(split, AnySplit)
        return split

    def _split_for(self, wanted: tuple[bool, ...]) -> Split:
        """The split for gradients of the tensors that are `wanted`."""
        if wanted not in self.splits:
            self.splits[wanted] = self.wiring.split(self._real, self.layout, self.wiring.needed(wanted))
        return self.splits[wanted]

    @cached_property
    def _split(self) -> Split:
        return self.wiring.split(self._real, self.layout)

    @cached_property
    def _pieces(self) -> tuple[tuple[int, int, list[int]], ...]:
        """Of what comes per sample, and of what all samples share, the rows, the bytes, and which tensors it is."""
        found = []
        for kind, rows, columns in ((True, self._batch, self.layout.batched), (False, 1, self.layout.shared)):
            places = [k for k, (each, _, _) in enumerate(self.layout.stretches) if each is kind]
            found.append((rows, rows * len(columns) * self.precision.itemsize, places))
        return tuple(found)

    @cached_property
    def _unread(self) -> Tensor:
        """A buffer for values that nobody asks for."""
        return torch.empty(self.shape, dtype=self.precision, device=_CPU)

    @cached_property
    def _is_native(self) -> bool:
        """Whether the machine's outputs are the layer's, in precision and on its device."""
        return self.dtype is self.precision and self.device == _CPU

    @cached_property
    def _batch(self) -> int:
        return math.prod(self.batch_axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Of the outputs."""
        return *self.batch_axes, self.wiring.program.num_outputs

    @cached_property
    def elsewhere(self) -> bool:
        """See `Wiring.is_elsewhere`."""
        return self.wiring.is_elsewhere(self.device)

    @cached_property
    def precision(self) -> torch.dtype:
        """What it is computed in."""
        return torch.float64 if self.dtype is torch.float64 else torch.float32

    @cached_property
    def _real(self) -> np.dtype[Any]:
        return real_dtype(self.dtype)
