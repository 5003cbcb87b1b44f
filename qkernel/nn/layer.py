"""A kernel as a `torch.nn.Module`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qkernel.boundary import api_boundary
from qkernel.diagnostics import counted, in_short
from qkernel.engine import resolve_engine
from qkernel.errors import LayerInputError, ShotsError, ValidationError
from qkernel.execution.explanation import size, spendings, work
from qkernel.execution.program import Program
from qkernel.execution.shots import ShotPlan, check_seed, check_shots
from qkernel.execution.stochastic import Rule, rule_of
from qkernel.lower.bindings import given as bindings_by_name
from qkernel.lower.given_values import Several
from qkernel.nn.arguments import Arguments, require_free
from qkernel.nn.call import Call, Placement, Wiring, hold_values, kind_of
from qkernel.nn.compile import Recipe, arguments_of, compile_layer, with_kernels
from qkernel.nn.function import evaluate
from qkernel.nn.operators import evaluate as evaluate_named
from qkernel.nn.operators import is_transformed, name_of
from qkernel.nn.prediction import epoch
from qkernel.nn.sampling import ShotSequence

_OF_THIS_MACHINE = (
    "the built-in engine of this machine: many small states side by side, large ones in blocks that fit the cache"
)


class _Mark:
    """See `call.Call.values`; engines put on it what they know of the point."""


@api_boundary
class QLayer(Arguments):
    """A quantum layer: the results of a kernel as a function of its inputs, with trainable weights.

    `kernel` returns expectation values or probabilities. Each of its arguments is named once:

    * in `bindings`, with a value, if it is fixed: sizes, and observables. Where the kernel takes one observable, a list
      of observables gives one output for each, from one evaluation of the state;
    * in `inputs`, if `forward` gets a tensor for it: a list of names, or a mapping from names to lengths;
    * in `weights`, if it is trained: a list of names, or a mapping from names to shapes or initial tensors. A weight
      becomes a parameter of the module under its own name.

    Where neither `inputs` nor `weights` are given, names tell: `input_*`, `i_*`, `input` or `i` is an input, in the order of
    the signature, and `weight_*`, `w_*`, `weight` or `w` is a weight.

    A record may be named, or given, whole or by its fields, such as `drive.angle`; whole it stands for those of its
    fields that `bindings` do not name. As input it is one tensor for each field, or a record of tensors; as weights it is
    a module of its own, `layer.drive`.

    The length of an open vector is one more than the largest index that the circuit uses; a kernel that asks for the
    length of a vector must be given it.

    A weight begins as `initial` says, or as an initialiser in its place in `weights` does: `small` (normal, a tenth),
    `angles` (uniform in a full turn), a name from `torch.nn.init` (`zeros`, `uniform`), or a function that fills a tensor.

    Of a kernel that hands back qubits, or bits that it measures at its end, `readout` says what is read: `x`, `y` or `z` (of
    each qubit), `probabilities` (of all outcomes, index 0 all zeros), `p0` (that all are 0), `counts` (of `shots`), an
    observable or a list of them, whose qubit k is the k-th that is handed back. Observables are sums of Paulis,
    `SparsePauliOp`s, or text.
    With `paired`, sample k has only the k-th of a list of observables read, and there are as many samples as those.

    The result is `post_process(scale * values + bias)`: `scale` is a number, or True for one that is trained for each output,
    `bias` is trained, from zero, where it is True, and `post_process` is a function of tensors, or a module, whose
    derivatives are torch's.

    `gradient` is `adjoint` (one backward sweep, whatever the number of weights), `shift` (parameter shift, on any
    engine) or `auto`: adjoint where it can be had. `engine` is the name of an engine, an engine, a Qiskit backend or a V2
    primitive; `auto` is the native engine. `spsa`, `random_shift` and `simultaneous_shift` take few evaluations at random,
    those of `torch.manual_seed`, or a sequence that a `seed` fixes; `qk.SPSA(step=..., directions=...)`, `qk.RandomShift(...)`
    and `qk.SimultaneousShift(...)` have their numbers. Where angles are shifted, `forward` has the values for the backward pass
    measured in the same job.
    Values are exact, unless `shots` are given: then they, and the gradients, are estimated from that many shots for each
    measurement basis, or as a `qk.ShotPlan` deals them out, anew in every call: those of `torch.manual_seed`, or of the `seed`.

    What is chosen does not change from step to step. Tensors on a device that is not the CPU, second derivatives and
    function transforms go to the torch engine where it reaches the kernel. `explain()` tells all of it.

    `forward` takes one tensor for each name in `inputs`, in that order. The last axis holds the argument's elements (an
    input that is a single Float has no such axis; a matrix has two); all axes before it are batch axes, which all
    tensors that have any share. The result has the batch axes and then one axis of outputs; dtype and device are those
    of the first input. float64 is computed in double precision, every other dtype in single precision.

    Raises the binding errors of `qkernel.errors` (QK3xx) for arguments that are missing, unknown or named twice;
    `GradientError` for a kernel that returns something else; and, in `forward`, `LayerInputError` for a tensor of the
    wrong width, of an integer dtype or on another device than the weights.
    """

    def __init__(
        self,
        kernel: Any,
        bindings: Mapping[str, Any] | None = None,
        inputs: Iterable[str] | Mapping[str, Any] | None = None,
        weights: Iterable[str] | Mapping[str, Any] | None = None,
        gradient: str | Rule = "auto",
        engine: Any = "auto",
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
        *,
        readout: Any = None,
        paired: bool = False,
        scale: float | bool | None = None,
        bias: bool = False,
        post_process: Callable[[Tensor], Tensor] | None = None,
        initial: str | Callable[[Tensor], Any] = "small",
    ) -> None:
        super().__init__()
        kernel, fixed = with_kernels(kernel, bindings_by_name(bindings))
        given_inputs, given_weights = arguments_of(kernel, fixed, inputs, weights)
        recipe = compile_layer(kernel, fixed, given_inputs, given_weights, readout)
        runs = resolve_engine(engine)
        is_seeded = "state" in runs.features
        sequence = ShotSequence(check_shots(1 if shots is None else shots), check_seed(seed), is_seeded=is_seeded)
        directions = None if rule_of(gradient) is None else sequence
        program = Program(recipe.circuit, runs, gradient, None if shots is None else sequence, directions)
        _ = program.method, program.outputs.components  # what has no derivative is refused here
        self._wiring = Wiring.of(recipe, program)
        self._asked = {"engine": engine if isinstance(engine, str) else program.name, "gradient": gradient}
        self._pairs = _paired(recipe) if paired else None
        self._add_after(scale, bias, post_process, counts=readout == "counts")
        places = self._wiring.placements
        self._add_arguments(places[: len(given_inputs)], places[len(given_inputs) :], given_weights, initial)
        self._wiring.prepare(self._inputs, torch.get_default_dtype())

    def _add_after(self, scale: Any, bias: bool, post_process: Any, counts: bool) -> None:
        """What is done with the values of the kernel."""
        _check_after(scale, bias, post_process)
        shots, outputs = self._wiring.program.shots, self._wiring.program.num_outputs // (self._pairs or 1)
        if counts and shots is None:
            raise ShotsError(
                "`readout` asks for counts, and there are no shots to count", help="write `shots=1000`, for example"
            )
        self._counted = shots.count if counts and shots is not None else None
        self._is_plain = not (counts or self._pairs or bias or post_process) and scale in (None, False)
        self._factor: float | None = None
        if scale is True:
            self.register_parameter("scale", nn.Parameter(torch.ones(outputs)))
        elif scale not in (None, False):
            self._factor = float(scale)
        if bias:
            self.register_parameter("bias", nn.Parameter(torch.zeros(outputs)))
        if post_process is not None:
            require_free(self, "post_process")
            self.post_process = post_process
        self._after = frozenset(
            ("scale",) * (scale is True) + ("bias",) * bias + ("post_process",) * (post_process is not None)
        )

    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        """The kernel's results, shape (batch axes..., outputs), for one tensor for each input; see the class."""
        values = self._values(*inputs, **named)
        return values if self._is_plain else self._finished(values)

    def _finished(self, values: Tensor) -> Tensor:
        """What the layer gives for the values of its kernel."""
        dtype = values.dtype
        if self._pairs is not None:
            if values.shape[:-1] != (self._pairs,):
                observables = counted(self._pairs, "observable")
                raise LayerInputError(
                    f"the batch axes are {tuple(values.shape[:-1])}, and samples are paired with {observables}",
                    help="give as many samples as observables, or leave `paired` out: then each is read of all samples",
                )
            values = values.reshape(self._pairs, self._pairs, -1).diagonal(dim1=0, dim2=1).movedim(-1, 0)
        if self._counted is not None:
            values = values * self._counted
            values = values + (values.round() - values).detach()  # whole, with the derivatives of frequencies
        if self._factor is not None:
            values = values * self._factor
        if "scale" in self._after:
            values = (values * self.get_parameter("scale")).to(dtype)
        if "bias" in self._after:
            values = (values + self.get_parameter("bias")).to(dtype)
        return self.post_process(values) if "post_process" in self._after else values

    def value_and_grad(
        self, *inputs: Tensor, cotangent: Tensor | Callable[[Tensor], Tensor] | None = None, **named: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The results, and the gradients of sum(cotangent * results) by inputs and weights, by name; without autograd.

        For a training loop by hand: at few qubits autograd takes longer than the states do. `cotangent` has the shape of the
        results (default: ones), or is a function that makes it of the results, as the derivative of a loss by them.

            values, gradients = layer.value_and_grad(x, cotangent=lambda values: 2 * (values - target) / values.numel())
            layer.w.grad = gradients["w"]

        Raises `ValidationError` for a layer with `scale`, `bias`, `post_process`, `paired` or counts; and what `forward` does.
        """
        if not self._is_plain:
            raise ValidationError(
                "`value_and_grad` gives the results of the kernel, and this layer goes on to compute with them",
                help="leave out `scale`, `bias`, `post_process`, `paired` and counts, and do with the results what they do",
            )
        inputs, weights = self._spread(self._ordered(inputs, named)), self._weight_tensors()
        tensors = (*inputs, *weights)
        call = self._wiring.calls.get(kind_of(tensors)) or self._checked(inputs, weights)
        if call is None or is_transformed():
            raise LayerInputError("`value_and_grad` takes tensors that hold values", help="within a transform call the layer")
        mark, names = _Mark(), [place.name for place in (*self._inputs, *self._weights)]
        with torch.no_grad():
            values = call.outputs(tensors, mark)
            by = torch.ones_like(values) if cotangent is None else cotangent(values) if callable(cotangent) else cotangent
            if by.shape != values.shape:
                raise LayerInputError(f"the cotangent has the shape {tuple(by.shape)}, and the results {tuple(values.shape)}")
            found = call.gradients((True,) * len(tensors), by, tensors, mark)
        return values, {name: gradient for name, gradient in zip(names, found, strict=True) if gradient is not None}

    def _checked(self, inputs: Sequence[Tensor], weights: list[Tensor]) -> Call | None:
        """The call for tensors of a kind that has not come yet; None where they hold no values."""
        tensors = (*inputs, *weights)
        if not hold_values(tensors):
            return None
        call = Call.of(self._wiring, tensors, self._batch_axes(tuple(inputs), weights))
        self._wiring.remember(kind_of(tensors), call, tensors)
        return call

    def _values(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        if named:
            inputs = self._ordered(inputs, named)
        weights = self._weight_tensors()
        tensors = (*inputs, *weights)
        if torch.compiler.is_compiling():
            return self._evaluated(self._spread(inputs), weights)
        try:
            kind = kind_of(tensors)
        except AttributeError:  # not all are tensors
            fields = self._spread(inputs)
            return self._evaluated(inputs, weights) if fields == inputs else self._values(*fields)
        call = self._wiring.calls.get(kind) or self._checked(inputs, weights)
        if call is None:
            return self._evaluated(inputs, weights)
        mode = torch.is_grad_enabled()
        try:
            return evaluate(call, tensors)
        except BaseException:
            torch.set_grad_enabled(mode)  # an interrupt may fall between torch's change of the mode and its end
            raise

    def _evaluated(self, inputs: tuple[Tensor, ...], weights: list[Tensor]) -> Tensor:
        """The results as an operator of a graph, or of tensors that hold no values."""
        self._batch_axes(inputs, weights)
        outputs: Tensor = evaluate_named(name_of(self._wiring.number), (*inputs, *weights))
        return outputs

    def _apply(self, function: Any, recurse: bool = True) -> QLayer:
        """As every module does; after `.double()` the engine is made ready for double precision."""
        super()._apply(function, recurse)  # type: ignore[no-untyped-call]
        if self._weights:
            self._wiring.prepare(self._inputs, self._weight_tensors()[0].dtype)
        return self

    # The sequence of shots in `state_dict`s ------------------------------------------------------------------------------

    @property
    def _sequence(self) -> ShotSequence | None:
        """The sequence of shots, if a seed fixes it."""
        shots = self._wiring.program.shots or self._wiring.program.directions
        return shots if isinstance(shots, ShotSequence) and shots.seed is not None else None

    def get_extra_state(self) -> Tensor:
        """How many evaluations have taken shots: the place in the sequence that the seed fixes, an int64."""
        return torch.tensor(0 if self._sequence is None else self._sequence.evaluations, device="cpu")

    def set_extra_state(self, state: Any) -> None:
        """Go on in the sequence of shots from where another layer stood. Raises `ValidationError` for what is no number."""
        if self._sequence is not None:
            if not isinstance(state, (int, Tensor)) or not (taken := float(state)).is_integer() or taken < 0:
                raise ValidationError(f"the place in a sequence of shots is a whole number from 0 on, not `{state!r}`")
            self._sequence.go_on_from(int(state))

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self._sequence is None:  # a layer without such a sequence has weights only
            del destination[prefix + "_extra_state"]

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str], *lists: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, *lists)
        if (key := prefix + "_extra_state") in missing_keys:  # of a layer without such a sequence, or from before there was one
            missing_keys.remove(key)

    def extra_repr(self) -> str:
        """Arguments with their shapes, the number of outputs, and what was chosen."""
        program = self._wiring.program

        def listed(places: tuple[Placement, ...]) -> str:
            return ", ".join(place.name + (str(list(place.shape)) if place.shape else "") for place in places) or "none"

        return (
            f"{program.circuit.name}, inputs: {listed(self._inputs)}, weights: {listed(self._weights)}, "
            f"outputs: {program.num_outputs}, qubits: {program.circuit.num_qubits}, "
            f"engine: {program.name}, gradient: {program.method}"
        )

    def explain(self, batch: int = 1, samples: int | None = None) -> str:
        """What was chosen to evaluate and differentiate the layer, and why; and the engine's plan for a batch of this size.

        With the number of `samples` in an epoch it tells what a step takes, measured on this machine by a few steps of a
        copy of the layer, and an epoch. Raises `LayerInputError` for a batch, or an epoch, of no samples.
        """
        if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
            raise LayerInputError(f"`batch` is a number of samples from 1 on, not {batch!r}")
        program, asked = self._wiring.program, self._asked
        circuit = program.circuit
        adjoint = program.method == "adjoint"
        if adjoint:
            reason = f"`{program.name}` has it" + ("" if circuit.is_unitary else ", branches on measured bits included")
            detail = "whatever the number of weights"
        else:
            reason = "the adjoint method does not reach this engine or circuit"
            detail = "in one job"
        return "\n".join(
            (
                f"{circuit.name}: {size(circuit)}, {counted(program.num_outputs, 'output')}",
                f"engine {program.name}: {_because(asked['engine'], _OF_THIS_MACHINE)}",
                f"gradient {program.method}: {_because(asked['gradient'], reason)}; "
                f"{work(circuit, program.method, program.rule)}, {detail}",
                *([] if program.shots is None else spendings(circuit, program.engine, program.shots.plan, program.rule, batch)),
                *self._elsewhere(),
                "precision: float64 tensors in complex128, all others in complex64",
                *([] if samples is None else epoch(self, self._inputs, program, self._pairs or batch, samples)),
                *program.plan([column for place in self._inputs for column in place.columns], batch),
            )
        )

    def _elsewhere(self) -> tuple[str, str]:
        """What becomes of tensors on other devices, and of derivatives beyond the first."""
        layout = self._wiring.layout([torch.empty(1, *place.shape) for place in self._inputs] + self._weight_tensors())
        if self._wiring.tensor_program(layout) is not None:
            device = twice = "as tensor operations of the torch engine"
        else:
            device, twice = (
                "copied to the CPU and back",
                "first derivatives only, `torch.func.vmap`, `grad` and `jacrev` included",
            )
        return f"tensors on another device than the CPU: {device}", f"second derivatives and function transforms: {twice}"


def _check_after(scale: Any, bias: Any, post_process: Any) -> None:
    """Raise `ValidationError` unless these can be done with values."""
    if scale is not None and not isinstance(scale, (bool, int, float, np.floating, np.integer)):
        raise ValidationError(
            f"`scale` is a number, or True for one that is trained, not `{in_short(scale)}`",
            help="of one for each output write `post_process=lambda values: values * factors`",
        )
    if not isinstance(bias, bool):
        raise ValidationError(
            f"`bias` is True for one that is trained, not `{in_short(bias)}`",
            help="of one that is fixed write `post_process=lambda values: values + bias`",
        )
    if post_process is not None and not callable(post_process):
        raise ValidationError(
            f"`post_process` is a function of tensors, not `{in_short(post_process)}`",
            help="write `post_process=torch.tanh`, for example",
        )


def _paired(recipe: Recipe) -> int:
    """How many observables there are to be paired with samples."""
    lists = [len(value.observables) for value in recipe.fixed.values() if isinstance(value, Several)]
    lists += [len(recipe.readout)] if isinstance(recipe.readout, tuple) else []
    if len(lists) != 1:
        raise ValidationError(
            "`paired` pairs samples with a list of observables, and none is given for one observable",
            help="give the list in `bindings`, or as `readout`",
        )
    return lists[0]


def _because(asked: Any, reason: str) -> str:
    return reason if asked == "auto" else "as you asked"
