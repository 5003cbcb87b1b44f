"""Programs as operators of torch, with every rule that torch can ask an operator for.

They are what `torch.compile`, `torch.export`, meta and fake tensors see, and what transforms and forward mode get where a
program has no tensor operations. An operator names the wiring of its program, for a graph holds nothing but tensors,
numbers and strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, NoReturn
from uuid import uuid4
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from torch._C import _are_functorch_transforms_active, _len_torch_dispatch_stack
from torch._C._dynamo.eval_frame import _FrameAction, _FrameExecStrategy, set_code_exec_strategy
from torch._C._functorch import is_legacy_batchedtensor
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch._functorch.utils import enable_single_level_autograd_function
from torch.autograd import forward_ad

from qkernel.engine import is_registered
from qkernel.errors import GradientError, QKernelError, TargetCapabilityError
from qkernel.nn.call import WIRINGS, Call, Gradients, Wiring, hold_values, kind_of
from qkernel.nn.text import format_layer, parse_layer

_OF_THIS_PROCESS = "quantum layer of one process "
_MOST_NAMES = 64
_NAMED: WeakValueDictionary[str, Wiring] = WeakValueDictionary()
_LIBRARY: Any = torch.library.Library("qkernel", "DEF")  # type: ignore[no-untyped-call]


def name_of(number: int) -> str:
    """What graphs call the wiring of this number: its text, from which any process can make it, or that it is of this process.

    Raises `TargetCapabilityError` where a graph is exported that no other process could compute.
    """
    name = _name_of(number)
    if name.startswith(_OF_THIS_PROCESS) and torch.compiler.is_exporting():
        raise TargetCapabilityError(
            f"a layer on `{WIRINGS[number].program.name}` cannot be exported: a graph holds no backend and no shots",
            help='export a layer on an engine with a name, such as `engine="native"`, without `shots`',
        )
    return name


# `torch.compile` takes what it gives for a constant, which it may: the number is guarded.
name_of._dynamo_marked_constant = True  # type: ignore[attr-defined]


@lru_cache(_MOST_NAMES)
def _name_of(number: int) -> str:
    wiring = WIRINGS[number]
    name = _OF_THIS_PROCESS + uuid4().hex
    is_exact = wiring.program.shots is None and wiring.program.directions is None
    if is_exact and is_registered(wiring.program.engine):
        text = format_layer(wiring.recipe, wiring.program.engine.name, wiring.program.method)
        with suppress(QKernelError):  # such as a kernel that is too long for the text form
            name = text if parse_layer(text)[0].circuit == wiring.program.circuit else name
    _NAMED[name] = wiring
    return name


def wiring_of(name: str) -> Wiring:
    """The wiring of a name: that of a layer of this process, else made of the text."""
    found = _NAMED.get(name)
    return _restored(name) if found is None else found


@lru_cache(_MOST_NAMES)
def _restored(name: str) -> Wiring:
    if name.startswith(_OF_THIS_PROCESS):
        raise GradientError(
            "the quantum layer that this graph was made from is not in this process any more",
            help="compile the network anew",
        )
    return Wiring.of(*parse_layer(name))


def _call(name: str, tensors: Sequence[Tensor]) -> Call:
    wiring = wiring_of(name)
    kind = kind_of(tensors) if hold_values(tensors) else None  # the shapes of others may be symbols
    call = None if kind is None else wiring.calls.get(kind)
    if call is None:
        axes: tuple[int, ...] = ()
        for place, tensor in zip(wiring.placements, tensors, strict=True):
            axes = tuple(tensor.shape[: tensor.dim() - len(place.shape)]) or axes
        call = Call.of(wiring, tensors, axes)
        if kind is not None:
            wiring.remember(kind, call, tensors)
    return call


# Values and derivatives ----------------------------------------------------------------------------------------------


_PLAIN = torch._C._dispatch_tls_local_include_set(), torch._C._dispatch_tls_local_exclude_set()


def _plainly(compute: Callable[..., Any]) -> Callable[..., Any]:
    """`compute` as in a plain call of torch: within an operator autograd and transforms may be switched off altogether."""

    def computed(*arguments: Any) -> Any:
        with (
            torch._C._ForceDispatchKeyGuard(*_PLAIN),
            temporarily_clear_interpreter_stack(),
            torch.no_grad(),
            forward_ad._set_fwd_grad_enabled(False),
        ):
            return compute(*arguments)

    return computed


def _evaluate(name: str, tensors: Sequence[Tensor]) -> Tensor:
    return _call(name, tensors).outputs(tensors)


class Mark:
    """What an evaluation is known by when its gradient is asked for: see `Call.values`."""


def _evaluate_kept(name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    kept: Any = torch.zeros(1, device="cpu")  # a graph holds tensors: the mark lives as long as this one
    kept.mark = Mark()
    return _call(name, tensors).outputs(tensors, kept.mark), kept


def _differentiate(name: str, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    tensors, kept = tensors[: len(wanted)], tensors[len(wanted) :]
    mark = getattr(kept[0], "mark", None) if kept else None
    found = _call(name, tensors).gradients(wanted, cotangent, tensors, mark)
    return [gradient for gradient in found if gradient is not None]


def _jacobian(name: str, wanted: Sequence[bool], tensors: Sequence[Tensor]) -> Tensor:
    return _call(name, tensors).jacobian(wanted, tensors)


def _second_derivative(tensors: Sequence[Any]) -> NoReturn:
    raise GradientError(
        "the second derivative of a quantum layer was asked for, and this layer has only first ones",
        help="second derivatives need the adjoint method on the native or the torch engine, and few measurements, and they "
        "are not compiled",
    )


def _empty_values(name: str, tensors: Sequence[Tensor]) -> Tensor:
    call = _call(name, tensors)
    return torch.empty(call.shape, dtype=call.dtype, device=call.device)


def _empty_gradients(name: str, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.new_empty(tensor.shape) for tensor, one in zip(tensors[: len(wanted)], wanted, strict=True) if one]


def _empty_jacobian(name: str, wanted: Sequence[bool], tensors: Sequence[Tensor]) -> Tensor:
    call = _call(name, tensors)
    count = sum(place.size for place, one in zip(call.wiring.placements, wanted, strict=True) if one)
    return torch.empty((*call.shape, count), dtype=call.precision, device=call.device)


# Their derivatives ----------------------------------------------------------------------------------------------------


def is_transformed() -> bool:
    """Whether a transform of `torch.func` is at work, or forward mode."""
    return _are_functorch_transforms_active() or forward_ad._current_level >= 0


def pulled_back(
    name: str, wanted: Sequence[bool], cotangent: Tensor, tensors: Sequence[Tensor], kept: Sequence[Tensor] = ()
) -> Gradients:
    """For each tensor that is `wanted` the gradient of sum(cotangent * outputs); `kept` is what `evaluate_kept` gave for that.

    One sweep; but by way of the Jacobian where the gradient is asked for many cotangents, or is differentiated by them.
    """
    if is_transformed() or torch.is_grad_enabled() or is_legacy_batchedtensor(cotangent):
        return _call(name, tensors).pulled_back(jacobian(name, wanted, tensors), wanted, cotangent, tensors)
    found = iter(differentiate(name, wanted, cotangent, [*tensors, *kept]))
    return tuple(next(found) if one else None for one in wanted)


@contextmanager
def _below() -> Iterator[None]:
    """One level of autograd is done: what transforms lie below it see the operator next, and have modes of their own."""
    with torch.enable_grad(), forward_ad._set_fwd_grad_enabled(True), torch._C._AutoDispatchBelowAutograd():
        yield


class Evaluated(torch.autograd.Function):
    """The outputs of a program."""

    @staticmethod
    def forward(ctx: Any, name: str, *tensors: Tensor) -> Tensor:
        ctx.name = name
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)  # a tensor without a tangent may be one without a derivative
        is_plain = not is_transformed()
        with _below():
            outputs, *kept = evaluate_kept(name, tensors) if is_plain else (evaluate(name, tensors),)
        ctx.save_for_backward(*tensors, *kept)
        return outputs  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor | None) -> Gradients:
        if cotangents[0] is None:
            return (None,) * len(ctx.needs_input_grad)
        saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[1:]
        return None, *pulled_back(ctx.name, wanted, cotangents[0], saved[: len(wanted)], saved[len(wanted) :])

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        moved, tensors = [tangent is not None for tangent in tangents[1:]], ctx.saved_tensors[: len(tangents) - 1]
        by_column = jacobian(ctx.name, moved, tensors)
        return _call(ctx.name, tensors).pushed_forward(by_column, tangents[1:])


class _Derivative(torch.autograd.Function):
    """A derivative, whose own derivative is refused rather than taken for zero."""

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> Gradients:
        if _len_torch_dispatch_stack() and not is_transformed():
            return None, None, *second_derivative(ctx.saved_tensors)  # a graph is refused when this part of it runs
        return _second_derivative(cotangents)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return _second_derivative(tangents)


class Differentiated(_Derivative):
    """Gradients of sum(cotangent * outputs)."""

    @staticmethod
    def forward(ctx: Any, name: str, wanted: Sequence[bool], cotangent: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(cotangent, *tensors)
        with _below():
            return tuple(differentiate(name, wanted, cotangent, tensors))


class Linearised(_Derivative):
    """The Jacobian."""

    @staticmethod
    def forward(ctx: Any, name: str, wanted: Sequence[bool], *tensors: Tensor) -> Tensor:
        ctx.save_for_backward(*tensors)
        with _below():
            return jacobian(name, wanted, tensors)  # type: ignore[no-any-return]


def _with_derivative(function: type[torch.autograd.Function], compute: Callable[..., Any]) -> Callable[..., Any]:
    """What autograd does at an operator whose last argument are tensors: `function`, forward mode included.

    The rules that `torch.library.register_autograd` makes drop tangents in silence.
    """

    def differentiable(*arguments: Any) -> Any:
        if not (torch.is_grad_enabled() or is_transformed() or _len_torch_dispatch_stack()) and hold_values(arguments[-1]):
            return compute(*arguments)  # as in the graphs that `torch.compile` makes
        with enable_single_level_autograd_function():
            return super(torch.autograd.Function, function).apply(*arguments[:-1], *arguments[-1])  # type: ignore[misc]

    return differentiable


# Many at once ---------------------------------------------------------------------------------------------------------


def _evaluate_many(info: Any, axes: tuple[Any, ...], name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, int]:
    return evaluate(name, _spread(info.batch_size, name, tensors, axes[-1])), 0


def _jacobian_many(
    info: Any, axes: tuple[Any, ...], name: str, wanted: Sequence[bool], tensors: Sequence[Tensor]
) -> tuple[Tensor, int]:
    return jacobian(name, wanted, _spread(info.batch_size, name, tensors, axes[-1])), 0


def _spread(size: int, name: str, tensors: Sequence[Tensor], axes: Sequence[int | None]) -> list[Tensor]:
    """`size` sets of tensors, which lie along `axes`, as one set with a batch axis more."""
    one = [tensor if axis is None else tensor.select(axis, 0) for tensor, axis in zip(tensors, axes, strict=True)]
    return _call(name, one).over(size, tensors, axes)


# The operators --------------------------------------------------------------------------------------------------------


def _unseen(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, into which `torch.compile` does not look."""
    set_code_exec_strategy(function.__code__, _FrameExecStrategy(_FrameAction.SKIP, _FrameAction.SKIP))
    return function


def _operator(
    signature: str,
    compute: Callable[..., Any],
    empty: Callable[..., Any],
    function: type[torch.autograd.Function] | None = None,
    many: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    name = signature.partition("(")[0]
    _LIBRARY.define(signature, tags=(torch.Tag.pt2_compliant_tag,))
    _LIBRARY.impl(name, _unseen(_plainly(compute)), "CompositeExplicitAutograd")
    if function is not None:
        _LIBRARY.impl(name, _unseen(_with_derivative(function, compute)), "Autograd")
    torch.library.register_fake(f"qkernel::{name}", empty, lib=_LIBRARY)
    if many is not None:
        torch.library.register_vmap(f"qkernel::{name}", many, lib=_LIBRARY)
    operator: Callable[..., Any] = getattr(torch.ops.qkernel, name)
    return operator


second_derivative = _operator(
    "second_derivative(Tensor[] tensors) -> Tensor[]",
    _second_derivative,
    lambda tensors: [tensor.new_empty(tensor.shape) for tensor in tensors],
)
evaluate = _operator("evaluate(str program, Tensor[] tensors) -> Tensor", _evaluate, _empty_values, Evaluated, _evaluate_many)
evaluate_kept = _operator(
    "evaluate_kept(str program, Tensor[] tensors) -> (Tensor, Tensor)",
    _evaluate_kept,
    lambda program, tensors: (_empty_values(program, tensors), torch.zeros(1, device="cpu")),
)
differentiate = _operator(
    "differentiate(str program, bool[] wanted, Tensor cotangent, Tensor[] tensors) -> Tensor[]",
    _differentiate, _empty_gradients, Differentiated,
)  # fmt: skip
jacobian = _operator(
    "jacobian(str program, bool[] wanted, Tensor[] tensors) -> Tensor", _jacobian, _empty_jacobian, Linearised, _jacobian_many
)
