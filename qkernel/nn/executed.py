"""A layer whose circuit somebody else runs: `execute` answers for samples, `post_process` makes a tensor of each answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch._compile import _disable_dynamo

from qkernel.boundary import api_boundary
from qkernel.diagnostics import in_short
from qkernel.engine import resolve_engine
from qkernel.errors import ExecutionError, GradientError, KernelTypeError, LayerInputError
from qkernel.executable import Executable
from qkernel.execution.gradient import argument_shifts
from qkernel.execution.outputs import Outputs
from qkernel.execution.results import SampleResult
from qkernel.execution.shots import DEFAULT_SHOTS, check_seed
from qkernel.lower.bindings import given as bindings_by_name
from qkernel.nn.arguments import Arguments
from qkernel.nn.call import Placement
from qkernel.nn.compile import arguments_of, compile_layer, with_kernels
from qkernel.nn.sampling import ShotSequence

Array = np.ndarray[Any, Any]
Sample = dict[str, Any]
Leaves = dict[str, Tensor]
_STEP = 1e-3
"""Of central differences, which shots disturb."""


class Execute(Protocol):
    """Runs samples: gets the compiled kernel and, for each sample, its arguments by name; gives a result for each."""

    def __call__(self, program: Executable, arguments: tuple[Sample, ...]) -> Sequence[Any]: ...


@api_boundary
class ExecutedLayer(Arguments):
    """A quantum layer whose kernel is run by a function of the user's.

    `ExecutedLayer(kernel, execute, post_process)`: for a batch `execute(program, arguments)` is called once. `program` is
    the compiled kernel, an `Executable`, and `arguments` a tuple of dictionaries, one for each sample, from names to numbers
    and nested lists of numbers. It gives a result for each sample, from wherever it likes: counts (a mapping from strings to
    numbers, or a `SampleResult`, which becomes one: the first bit returned is the rightmost), or values (a number, a list, an
    array or a tensor). `post_process(result)` gets one of them, its numbers float64 tensors, and gives a tensor, always of one
    shape. `ExecutedLayer(kernel, post_process)` runs the kernel itself, on `engine`: for counts of the bits that it returns,
    from `shots` (1024 if not given), or for the values that it returns. Shots follow `torch.manual_seed`, or a `seed` if one
    is given.

    `bindings`, `inputs`, `weights` and `initial`, and how names tell the roles, are as for `QLayer`.

    Gradients: results are linear in the state, so that parameter shift gives their derivatives, with `execute` called once for
    all shifts of a batch; those of `post_process` are torch's. `gradient="differences"` takes central differences of what
    `post_process` gives instead, for results of any kind.

    `teardown()` ends it: what it holds is let go, and a later call raises `ExecutionError`.
    Raises as `QLayer` does, and `GradientError` in a backward pass for results that are neither counts nor values, and for an
    argument that angles do not depend on as multiples of one step.
    """

    def __init__(
        self,
        kernel: Any,
        *functions: Callable[..., Any],
        bindings: Mapping[str, Any] | None = None,
        inputs: Iterable[str] | Mapping[str, Any] | None = None,
        weights: Iterable[str] | Mapping[str, Any] | None = None,
        gradient: str = "shift",
        engine: Any = "auto",
        shots: int | None = None,
        seed: int | None = None,
        initial: str | Callable[[Tensor], Any] = "small",
    ) -> None:
        super().__init__()
        _check_functions(functions)
        if gradient not in ("shift", "differences"):
            raise GradientError(
                f"an executed layer has no gradient method `{gradient}`", help="the methods are `shift` and `differences`"
            )
        kernel, fixed = with_kernels(kernel, bindings_by_name(bindings))
        runs = resolve_engine(engine)
        given_inputs, given_weights = arguments_of(kernel, fixed, inputs, weights)
        recipe = compile_layer(kernel, fixed, given_inputs, given_weights, returns_numbers=False)
        program = Executable(recipe.circuit, recipe.module, engine, shots=shots, fixed=recipe.fixed)
        outputs = Outputs(recipe.circuit)
        if gradient == "shift" and outputs.uses_readouts and not (outputs.is_linear and not outputs.names):
            raise GradientError(
                f"what `{program.name}` returns is not linear in its expectation values, so that shifts give no derivative",
                help='return the expectation values and compute in `post_process`, or write `gradient="differences"`',
            )
        drawn = ShotSequence(program.shots or DEFAULT_SHOTS, check_seed(seed), is_seeded="state" in runs.features)
        execute = functions[0] if len(functions) == 2 else _OwnRun(drawn, outputs.uses_bits)
        self._session: _Session | None = _Session(program, execute, functions[-1], gradient, Placement.all_of(recipe))
        places = self._session.places
        self._add_arguments(places[: len(given_inputs)], places[len(given_inputs) :], given_weights, initial)

    @_disable_dynamo
    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        """What `post_process` gives for each sample, shape (batch axes..., its shape), for one tensor for each input.

        dtype and device are those of the first input, or else of the weights.
        """
        if self._session is None:
            raise ExecutionError("the layer was torn down, so that it runs nothing any more", help="make it anew")
        if named:
            inputs = self._ordered(inputs, named)
        inputs, weights = self._spread(inputs), self._weight_tensors()
        axes = self._batch_axes(inputs, weights)
        like = next(iter((*inputs, *weights)), torch.empty(0))
        count, parts, wanted = math.prod(axes), [], []
        for place, tensor in zip(self._session.places, (*inputs, *weights), strict=True):
            rows = tensor.to("cpu", torch.float64).reshape(-1, place.size)
            parts.append(rows.expand(count, place.size) if rows.shape[0] == 1 else rows)
            wanted += [tensor.requires_grad] * place.size
        theta = torch.cat(parts, 1) if parts else torch.empty((count, 0), dtype=torch.float64)
        outputs: Tensor = _Executed.apply(self._session, np.flatnonzero(wanted), theta)  # type: ignore[no-untyped-call]
        return outputs.reshape(*axes, *outputs.shape[1:]).to(like)

    def teardown(self) -> None:
        """Let go of the program and the functions. A second time it does nothing."""
        self._session = None

    def extra_repr(self) -> str:
        """Arguments with their shapes."""
        names = ", ".join(
            place.name + (str(list(place.shape)) if place.shape else "") for place in self._inputs + self._weights
        )
        return f"{names}, torn down" if self._session is None else f"{self._session.program.name}, arguments: {names}"


def _check_functions(functions: Sequence[Any]) -> None:
    help = "write `ExecutedLayer(kernel, execute, post_process)` or `ExecutedLayer(kernel, post_process)`"
    if len(functions) not in (1, 2):
        raise KernelTypeError(
            f"`ExecutedLayer` takes a kernel and one or two functions, and {len(functions)} were given", help=help
        )
    for name, function in zip(("post_process", "execute"), reversed(functions), strict=False):
        if not callable(function):
            raise KernelTypeError(f"`{name}` is a function, not `{in_short(function)}`", help=help)


@dataclass(frozen=True)
class _OwnRun:
    """Runs the kernel on its own engine, one call for all samples."""

    shots: ShotSequence
    reads_bits: bool

    def __call__(self, program: Executable, arguments: tuple[Sample, ...]) -> Sequence[Any]:
        batch = {name: np.array([sample[name] for sample in arguments]) for name in arguments[0]}
        (seed,) = self.shots.seeds(1) if self.reads_bits or program.shots is not None else (None,)
        if self.reads_bits:
            found: Any = program.sample(bindings=batch, shots=self.shots.count, seed=seed)
            return list(found) if batch else [found]
        values = program.run(bindings=batch, seed=seed)
        arrays = map(np.asarray, values if isinstance(values, tuple) else (values,))
        return list(np.concatenate([array.reshape(len(arguments), -1) for array in arrays], 1))


@dataclass(frozen=True)
class _Session:
    """What runs a layer."""

    program: Executable
    execute: Execute
    post_process: Callable[[Any], Any]
    gradient: str
    places: tuple[Placement, ...]

    def results(self, theta: Array) -> list[Any]:
        """A result for each row of theta (samples, columns by `places`)."""
        if not len(theta):
            return []
        found = self.execute(self.program, tuple(map(self._arguments, theta)))
        if isinstance(found, (str, Mapping, SampleResult)) or not hasattr(found, "__len__"):
            raise LayerInputError(
                f"`execute` gave `{in_short(found)}`, and a list with a result for each sample is wanted",
                help="it gets all samples at once: `return [result_of(sample) for sample in arguments]`",
            )
        if len(found) != len(theta):
            raise LayerInputError(f"`execute` was asked for {len(theta)} samples, and gave {len(found)} results")
        if (sample := next((k for k, result in enumerate(found) if result is None), None)) is not None:
            raise LayerInputError(f"`execute` gave None for sample {sample}", help="give counts or values for each sample")
        return [result.bitstrings() if isinstance(result, SampleResult) else result for result in found]

    def _arguments(self, row: Array) -> Sample:
        found, start = {}, 0
        for place in self.places:
            found[place.name] = row[start : start + place.size].reshape(place.shape).tolist()
            start += place.size
        return found

    def processed(self, result: Any) -> Tensor:
        """What `post_process` makes of a result."""
        made = self.post_process(result)
        try:
            return torch.as_tensor(made, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            raise LayerInputError(f"`post_process` gave `{in_short(made)}`, and a tensor is wanted") from None


class _Counts(dict[str, Any]):
    """Counts whose missing strings have a derivative, too: as what `get` is given instead, plus a zero that is kept."""

    def __init__(self, counts: Mapping[str, Any]) -> None:
        super().__init__({key: _leaf(float(count)) for key, count in counts.items()})
        self.leaves: Leaves = dict(self)

    def get(self, key: str, default: Any = None) -> Any:
        """As for any dictionary."""
        if key in self or default is None:
            return super().get(key, default)
        return default + self.leaves.setdefault(key, _leaf(0.0))


def _leaf(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


class _Executed(torch.autograd.Function):
    """What `post_process` gives for each row of theta."""

    @staticmethod
    def forward(ctx: Any, session: _Session, wanted: Array, theta: Tensor) -> Tensor:
        rows = theta.numpy(force=True)
        results = session.results(rows)
        ctx.session, ctx.wanted, ctx.theta = session, wanted, rows
        if session.gradient == "differences":
            ctx.leaves = []
            return _stacked([session.processed(_plain(result)) for result in results])
        with torch.enable_grad():
            ctx.leaves = [_with_leaves(result) for result in results]
            ctx.outputs = [session.processed(seen) for seen, _ in ctx.leaves]
        return _stacked([output.detach() for output in ctx.outputs])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[None, None, Tensor]:
        session, wanted, theta, (cotangent,) = ctx.session, ctx.wanted, ctx.theta, cotangents
        if session.gradient == "differences":
            return None, None, _differences(session, wanted, theta, cotangent)
        pulled = [
            _pulled(output, leaves, row) for output, (_, leaves), row in zip(ctx.outputs, ctx.leaves, cotangent, strict=True)
        ]
        columns = [column for place in session.places for column in place.columns]
        terms = argument_shifts(session.program.circuit, [columns[place] for place in wanted])
        moved = wanted[terms.slots]
        rows = np.repeat(theta[None], len(terms), axis=0)
        rows[np.arange(len(terms)), :, moved] += terms.shifts[:, None]
        results = session.results(rows.reshape(-1, theta.shape[1]))
        gradient = np.zeros(theta.shape)
        for number, result in enumerate(results):
            term, sample = divmod(number, len(theta))
            gradient[sample, moved[term]] += terms.coefficients[term] * _along(pulled[sample], result)
        return None, None, torch.from_numpy(gradient)


def _stacked(outputs: list[Tensor]) -> Tensor:
    if shapes := {tuple(output.shape) for output in outputs}:
        if len(shapes) > 1:
            raise LayerInputError(f"`post_process` gave tensors of different shapes: {', '.join(map(str, sorted(shapes)))}")
        return torch.stack(outputs)
    return torch.empty(0, dtype=torch.float64)


def _plain(result: Any) -> Any:
    """A result as `post_process` gets it, without derivatives."""
    try:
        seen, _ = _with_leaves(result)
    except GradientError:
        return result
    return {key: count.detach() for key, count in seen.items()} if isinstance(seen, dict) else seen.detach()


def _with_leaves(result: Any) -> tuple[Any, Leaves]:
    """A result as `post_process` gets it, and the tensors by which its derivatives are taken: of values one, under no name."""
    if isinstance(result, Mapping):
        counts = _Counts(result)
        return counts, counts.leaves
    try:
        values = _as_array(result)
    except (TypeError, ValueError):
        raise GradientError(
            f"a result of `execute` is a {type(result).__name__}, of which there is no derivative",
            help='give counts or values, or write `gradient="differences"`',
        ) from None
    tensor = torch.tensor(values, requires_grad=True)
    return tensor, {"": tensor}


def _as_array(values: Any) -> Array:
    return np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, float)


def _pulled(output: Tensor, leaves: Leaves, cotangent: Tensor) -> dict[str, Array]:
    """The derivative of sum(cotangent * output) by the numbers of a result."""
    if not output.requires_grad:
        raise GradientError(
            "what `post_process` gave has no derivative by the result that it was given",
            help="compute with the result's tensors, without `float`, `.item()` and `torch.tensor(...)`, and take missing "
            'counts by `counts.get("0", 0)`; or write `gradient="differences"`',
        )
    wanted = list(leaves.values())
    found = torch.autograd.grad(output, wanted, cotangent.to(output), allow_unused=True, retain_graph=True)
    return {key: slope.numpy() for key, slope in zip(leaves, found, strict=True) if slope is not None}


def _along(pulled: dict[str, Array], result: Any) -> float:
    """The derivative along another result of the same kind."""
    numbers = result if isinstance(result, Mapping) else {"": _as_array(result)}
    return float(sum(np.sum(slope * numbers[key]) for key, slope in pulled.items() if key in numbers))


def _differences(session: _Session, wanted: Array, theta: Array, cotangent: Tensor) -> Tensor:
    """The gradient by central differences of the processed results."""
    steps = _STEP * np.eye(theta.shape[1])[wanted]
    results = session.results((theta + np.concatenate([steps, -steps])[:, None]).reshape(-1, theta.shape[1]))
    gradient = torch.zeros(theta.shape, dtype=torch.float64)
    if results:
        outputs = _stacked([session.processed(_plain(result)) for result in results])
        up, down = outputs.reshape(2, len(wanted), *cotangent.shape).unbind()
        along = ((up - down) / (2 * _STEP) * cotangent).reshape(len(wanted), len(theta), -1)
        gradient[:, wanted] = along.sum(2).T
    return gradient
