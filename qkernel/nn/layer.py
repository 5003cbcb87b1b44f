"""A kernel as a `torch.nn.Module`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from qkernel.diagnostics import counted, did_you_mean
from qkernel.engine import resolve_engine
from qkernel.errors import BindingShapeError, CallableDefinitionConflictError, GradientError, LayerInputError, ValidationError
from qkernel.explanation import size, work
from qkernel.lower.bindings import given as bindings_by_name
from qkernel.nn.call import Call, Placement, Wiring
from qkernel.nn.compile import arguments_by_name, compile_layer, given_shape, spread_arguments
from qkernel.nn.function import evaluate
from qkernel.nn.operators import evaluate as evaluate_named
from qkernel.nn.operators import name_of
from qkernel.nn.sampling import ShotSequence
from qkernel.program import Program
from qkernel.records import record_fields
from qkernel.shots import check_seed, check_shots

FLOATING = frozenset((torch.float32, torch.float64, torch.float16, torch.bfloat16))
_PLAIN = (Tensor, nn.Parameter)
_OF_THIS_MACHINE = (
    "the built-in engine of this machine: many small states side by side, large ones in blocks that fit the cache"
)


class QLayer(nn.Module):
    """A quantum layer: the results of a kernel as a function of its inputs, with trainable weights.

    `kernel` returns expectation values or probabilities. Each of its arguments is named once:

    * in `bindings`, with a value, if it is fixed: sizes, and observables. Where the kernel takes one observable, a list
      of observables gives one output for each, from one evaluation of the state;
    * in `inputs`, if `forward` gets a tensor for it: a list of names, or a mapping from names to lengths;
    * in `weights`, if it is trained: a list of names, or a mapping from names to shapes or initial tensors. A weight
      becomes a parameter of the module under its own name, which starts as `torch.randn(shape) * 0.1`.

    A record may be named, or given, whole or by its fields, such as `drive.angle`; whole it stands for those of its
    fields that `bindings` do not name. As input it is one tensor for each field, or a record of tensors; as weights it is
    a module of its own, `layer.drive`.

    The length of an open vector is one more than the largest index that the circuit uses; a kernel that asks for the
    length of a vector must be given it.

    `gradient` is `adjoint` (one backward sweep, whatever the number of weights), `shift` (parameter shift, on any
    engine) or `auto`: adjoint where it can be had. `engine` is the name of an engine, an engine, a Qiskit backend or a V2
    primitive; `auto` is the native engine.
    Values are exact, unless `shots` are given: then they, and the gradients by parameter shift, are estimated from that
    many shots for each measurement basis, anew in every call, and in the same sequence under a `seed`.

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
        inputs: Iterable[str] | Mapping[str, Any] = (),
        weights: Iterable[str] | Mapping[str, Any] = (),
        gradient: str = "auto",
        engine: Any = "auto",
        shots: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        fixed = bindings_by_name(bindings)
        given_inputs = spread_arguments(kernel, arguments_by_name("inputs", inputs), fixed)
        given_weights = spread_arguments(kernel, arguments_by_name("weights", weights), fixed)
        recipe = compile_layer(kernel, fixed, given_inputs, given_weights)
        runs = resolve_engine(engine)
        is_seeded = "state" in runs.features
        sequence = None if shots is None else ShotSequence(check_shots(shots), check_seed(seed), is_seeded=is_seeded)
        program = Program(recipe.circuit, runs, gradient, sequence)
        _ = program.method, program.num_outputs  # what has no derivative is refused here
        self._wiring = Wiring.of(recipe, program)
        self._inputs = self._wiring.placements[: len(given_inputs)]
        self._weights = self._wiring.placements[len(given_inputs) :]
        self._asked = {"engine": engine if isinstance(engine, str) else program.name, "gradient": gradient}
        self._has_records = any("." in place.name for place in self._weights)
        for place in self._weights:
            self._add_weight(place, given_weights[place.name])
        self._wiring.prepare(self._inputs, torch.get_default_dtype())

    def _add_weight(self, place: Placement, given: Any) -> None:
        *records, name = place.name.split(".")
        owner: nn.Module = self
        for record in records:  # a module of its own, so that torch knows its fields as `record.field`
            if record not in owner._modules:
                _require_free(owner, record)
                owner.add_module(record, nn.Module())
            owner = owner.get_submodule(record)
        _require_free(owner, name)
        owner.register_parameter(name, _initial(place, given))

    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor:
        """The kernel's results, shape (batch axes..., outputs), for one tensor for each input; see the class."""
        if named:
            inputs = self._ordered(inputs, named)
        weights = self._weight_tensors()
        tensors = (*inputs, *weights)
        if torch.compiler.is_compiling():
            return self._evaluated(self._spread(inputs), weights)
        try:
            kind = tuple([(type(tensor), tensor.shape, tensor.dtype, tensor.device, tensor.layout) for tensor in tensors])
        except AttributeError:  # not all are tensors
            fields = self._spread(inputs)
            return self._evaluated(inputs, weights) if fields == inputs else self.forward(*fields)
        call = self._wiring.calls.get(kind)
        if call is None:
            if not _hold_values(tensors):
                return self._evaluated(inputs, weights)
            call = Call.of(self._wiring, tensors, self._batch_axes(inputs, weights))
            self._wiring.remember(kind, call)
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
        shots = self._wiring.program.shots
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
            raise LayerInputError(f"`{place.name}` is given as a {type(tensor).__name__}, and a tensor is expected")
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

    def explain(self, batch: int = 1) -> str:
        """What was chosen to evaluate and differentiate the layer, and why; and the engine's plan for a batch of this size.

        Raises `LayerInputError` for a batch of no samples.
        """
        if batch < 1:
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
                f"gradient {program.method}: {_because(asked['gradient'], reason)}; {work(circuit, adjoint)}, {detail}",
                *self._elsewhere(),
                "precision: float64 tensors in complex128, all others in complex64",
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


def _require_free(owner: nn.Module, name: str) -> None:
    if hasattr(owner, name):
        raise CallableDefinitionConflictError(
            f"`{name}` is an attribute of every torch module, so that no weight can have this name",
            help="give the kernel's argument another name",
        )


def _initial(place: Placement, given: Any) -> nn.Parameter:
    """A weight with its initial value."""
    if given is None or given_shape(given) is not None:
        initial = torch.randn(place.shape) * 0.1
    else:
        initial = torch.as_tensor(given).detach().clone()
        initial = initial if initial.is_floating_point() else initial.to(torch.get_default_dtype())
    if initial.shape != place.shape:
        raise BindingShapeError(
            f"the weight `{place.name}` has the shape {place.shape}, and a tensor of shape {tuple(initial.shape)} was given"
        )
    return nn.Parameter(initial)


def _hold_values(tensors: Sequence[Tensor]) -> bool:
    """Whether these are tensors as they come, not meta tensors and not of a class such as `FakeTensor`."""
    return all(type(tensor) in _PLAIN and not tensor.is_meta for tensor in tensors)


def _because(asked: str, reason: str) -> str:
    return reason if asked == "auto" else "as you asked"
