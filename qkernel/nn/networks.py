"""Networks as users of qiskit-machine-learning know them: forward and backward passes in numpy, and a torch module of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import qkernel as qk
from qkernel.boundary import api_boundary
from qkernel.diagnostics import counted, in_short, with_article
from qkernel.engine import resolve_engine
from qkernel.errors import (
    BindingShapeError,
    EntrypointValidationError,
    KernelTypeError,
    ObservableError,
    TargetCapabilityError,
    ValidationError,
)
from qkernel.execution.shots import DEFAULT_SHOTS, ShotPlan
from qkernel.kernel import Kernel, from_module
from qkernel.nn.circuits import EncodingCircuit, Params
from qkernel.nn.compile import given_shape
from qkernel.nn.layer import QLayer
from qkernel.nn.readouts import observable, require_observable
from qkernel.observable import Hamiltonian, Pauli, PauliOperator

Array = np.ndarray[Any, Any]
Interpret = Callable[[int], Any]


class NeuralNetwork:
    """What `EstimatorQNN` and `SamplerQNN` share: a kernel of two vectors, `input` and `weight`, run and differentiated.

    A network keeps no weights: they are given to each pass. `kernel` is an ordinary kernel, which draws and counts.
    """

    def __init__(
        self,
        network: Kernel[..., Any],
        circuit: EncodingCircuit,
        output_shape: tuple[int, ...],
        bindings: dict[str, Any],
        **settings: Any,
    ) -> None:
        self.kernel = from_module(network.ir)  # which, unlike a function in a function, can be pickled
        self.name, self.num_qubits = circuit.kernel.name, circuit.num_qubits
        self.output_shape, self.bindings = output_shape, bindings
        self.input_gradients = False
        self.executable = circuit.compiled(self.kernel, bindings, **settings)
        self._settings = settings
        sizes = {entry.name: entry.size for entry in self.executable.circuit.angles.parameters}
        self.num_inputs, self.num_weights = sizes.get("input", 0), sizes.get("weight", 0)

    def forward(self, input_data: Any = None, weights: Any = None) -> Any:
        """The outputs, float64 of shape (batch axes..., *output_shape), for inputs of shape (batch axes..., num_inputs).

        One sample, of shape (num_inputs,), and a network without inputs give a batch of 1. `weights` has shape
        (num_weights,). Raises `BindingShapeError` for other shapes.
        """
        values, batch = self._values(input_data, weights)
        outputs = np.asarray(self.executable.run(bindings=values))
        return self._result(outputs.reshape(*batch, *self.output_shape))

    def backward(self, input_data: Any = None, weights: Any = None) -> tuple[Any, Any]:
        """The derivatives of `forward` by inputs and by weights: its shape, and a last axis of num_inputs and of num_weights.

        None stands for those by no numbers, and for those by the inputs unless `input_gradients` is on.
        """
        values, batch = self._values(input_data, weights)
        asked = [name for name in ("weight", "input") if name in values and (name == "weight" or self.input_gradients)]
        slopes = self.executable.jacobian(bindings=values, wrt=asked) if asked else {}
        found = {
            name: self._result(part.reshape(*batch, *self.output_shape, values[name].shape[-1]))
            for name, part in slopes.items()
        }
        return found.get("input"), found.get("weight")

    def _values(self, input_data: Any, weights: Any) -> tuple[dict[str, Array], tuple[int, ...]]:
        """The values of the two vectors, and the batch axes."""
        values, batch = {}, (1,)
        for name, count, given in (("input", self.num_inputs, input_data), ("weight", self.num_weights, weights)):
            if not count and given is not None and (size := math.prod(np.shape(given))):
                raise BindingShapeError(
                    f"the network has no {name}s, and for these {counted(size, 'number')} {'is' if size == 1 else 'are'} given",
                    help=f"name the parameters in `{name}_params`, or give None",
                )
        if self.num_inputs:
            array = _numbers("input_data", input_data, self.num_inputs)
            batch = array.shape[:-1] or (1,)
            values["input"] = array.reshape(-1, self.num_inputs)
        if self.num_weights:
            values["weight"] = _numbers("weights", weights, self.num_weights)
            if values["weight"].ndim > 1:
                raise BindingShapeError(
                    f"`weights` has the shape {values['weight'].shape}, and ({self.num_weights},) is expected"
                )
        return values, batch

    def _result(self, array: Array) -> Any:
        return array

    def _told(self) -> str:
        """What is particular to a kind of network, for its text."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.name}: {counted(self.num_qubits, 'qubit')}, "
            f"{counted(self.num_inputs, 'input')}, {counted(self.num_weights, 'weight')}, {self._told()}, "
            f"output shape {self.output_shape}, engine {resolve_engine(self.executable.engine).name}, "
            f"gradients by inputs {'on' if self.input_gradients else 'off'}>"
        )


@api_boundary
class EstimatorQNN(NeuralNetwork):
    """Expectation values behind a circuit, as a function of inputs and weights.

    `circuit` is a Qiskit circuit, or a kernel that gives its qubits back. `input_params` and `weight_params` are parameters
    of the Qiskit circuit in the order of the vectors that `forward` gets; or names of the kernel's arguments, which follow
    one another as listed, in a mapping with the shapes of arrays where these share a vector. `bindings` are the kernel's
    other arguments; a register's length is its value.
    `observables` is one, or a list: Hamiltonians, `SparsePauliOp`s; by default Z on every qubit.

    Values are exact and gradients by the adjoint method, unless `shots` are given, for each measurement basis, drawn by
    `seed`, or an `estimator`: any V2 estimator, a backend or an engine. Then gradients are by parameter shift.
    `pass_manager` prepares circuits for the estimator's device.
    `input_gradients`, which can be changed later, has `backward` give the derivatives by the inputs, too.

    Raises the binding errors (QK3xx) for parameters that are missing, unknown or named twice, `KernelTypeError` for another
    kind of circuit, `TargetCapabilityError` for what kernels do not have.
    """

    def __init__(
        self,
        *,
        circuit: Any,
        estimator: Any = None,
        observables: Any = None,
        input_params: Params = None,
        weight_params: Params = None,
        input_gradients: bool = False,
        pass_manager: Any = None,
        bindings: Mapping[str, Any] | None = None,
        shots: int | ShotPlan | None = None,
        seed: int | None = None,
    ) -> None:
        call = EncodingCircuit(circuit, input_params, weight_params, bindings)

        @qk.qkernel
        def network(
            input: qk.Vector[qk.Float], weight: qk.Vector[qk.Float], observables: qk.Vector[qk.Observable]
        ) -> qk.Vector[qk.Float]:
            return qk.expval(call(input, weight), observables)

        self.observables = _observables(observables, call)
        engine = _engine(estimator, pass_manager, "estimator")
        bound, settings = {"observables": self.observables}, {"engine": engine, "shots": shots, "seed": seed}
        super().__init__(network, call, (len(self.observables),), bound, **settings)
        self.input_gradients = input_gradients

    def _told(self) -> str:
        return f"observables {', '.join(map(str, self.observables))}"


@api_boundary
class SamplerQNN(NeuralNetwork):
    """The probabilities of what is measured behind a circuit, as a function of inputs and weights.

    The outputs are the 2**n probabilities by integer index, qubit 0 (of a measured Qiskit circuit: bit 0) the least
    significant. `interpret` takes each index to another whole number, or a tuple of them, below `output_shape`, which must be
    given with it; the probabilities of what comes to the same place are added up. With `sparse` the results are sparse
    tensors of torch.

    Values are exact, unless `shots` are given, or a `sampler`: a V2 sampler, a backend or an engine; then they are the
    frequencies of as many shots, or of those that it takes by default, in gradients by parameter shift too. All else is as
    for `EstimatorQNN`; a Qiskit circuit may end with measurements, one for each of its bits.

    Raises `EntrypointValidationError` for `interpret` without `output_shape`, `BindingShapeError` where they do not fit.
    """

    def __init__(
        self,
        *,
        circuit: Any,
        sampler: Any = None,
        input_params: Params = None,
        weight_params: Params = None,
        sparse: bool = False,
        interpret: Interpret | None = None,
        output_shape: int | tuple[int, ...] | None = None,
        input_gradients: bool = False,
        pass_manager: Any = None,
        bindings: Mapping[str, Any] | None = None,
        shots: int | None = None,
        seed: int | None = None,
    ) -> None:
        call = EncodingCircuit(circuit, input_params, weight_params, bindings)
        shape, groups = _interpreted(interpret, output_shape, call.num_qubits)

        @qk.qkernel
        def network(input: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
            found: Any = qk.probabilities(call(input, weight))
            if groups is not None:
                found = [_total([found[k] for k in group]) for group in groups]
            return found  # type: ignore[no-any-return]

        self.sparse, self._outcomes = sparse, "by index" if interpret is None else f"interpreted by {_called(interpret)}"
        engine = _engine(sampler, pass_manager, "sampler")
        shots = _shots_of(sampler) if shots is None and sampler is not None else shots
        super().__init__(network, call, shape, {}, engine=engine, shots=shots, seed=seed)
        self.input_gradients = input_gradients

    def _result(self, array: Array) -> Any:
        return torch.from_numpy(array).to_sparse() if self.sparse else array

    def _told(self) -> str:
        return self._outcomes


@api_boundary
class TorchConnector(QLayer):
    """A network as a torch module: its weights are the parameter `weight`, which starts as `initial_weights`.

    Without these it starts uniform in [-1, 1), as in qiskit-machine-learning. `forward` takes inputs of shape (...,
    num_inputs), none where the network has none, and gives (..., *output_shape). Gradients by the inputs are there whenever
    these require them, whatever the network's `input_gradients` says.
    """

    def __init__(self, neural_network: NeuralNetwork, initial_weights: Any = None) -> None:
        if not isinstance(neural_network, NeuralNetwork):
            raise KernelTypeError(
                f"an `EstimatorQNN` or a `SamplerQNN` is wanted, not `{in_short(neural_network)}`",
                help="a kernel is made a module by `qkernel.nn.QLayer`",
            )
        count = neural_network.num_weights
        if initial_weights is None:
            initial_weights = torch.rand(count) * 2 - 1
        else:
            numbers = _numbers("initial_weights", initial_weights, count)
            if numbers.ndim > 1:
                raise BindingShapeError(f"`initial_weights` has the shape {numbers.shape}, and ({count},) is expected")
            if not isinstance(initial_weights, torch.Tensor):
                initial_weights = torch.tensor(numbers, dtype=torch.get_default_dtype())
        super().__init__(
            neural_network.kernel,
            neural_network.bindings | ({} if neural_network.num_inputs else {"input": []}) | ({} if count else {"weight": []}),
            inputs={"input": neural_network.num_inputs} if neural_network.num_inputs else (),
            weights={"weight": initial_weights} if count else (),
            **neural_network._settings,
        )
        self.neural_network = neural_network

    def forward(self, *inputs: torch.Tensor, **named: torch.Tensor) -> torch.Tensor:
        """The outputs, shape (batch axes..., *output_shape)."""
        outputs = super().forward(*inputs, **named)
        shape = self.neural_network.output_shape
        outputs = outputs if len(shape) == 1 else outputs.reshape(*outputs.shape[:-1], *shape)
        return outputs.to_sparse() if getattr(self.neural_network, "sparse", False) else outputs


def _numbers(name: str, given: Any, width: int) -> Array:
    """An array of which the last axis has `width` elements."""
    given = given.detach().cpu().numpy() if isinstance(given, torch.Tensor) else given
    try:
        array = np.asarray(given, float)
    except (TypeError, ValueError):
        raise BindingShapeError(f"`{name}` is an array of numbers, not `{in_short(given)}`") from None
    array = array.reshape(1) if array.ndim == 0 and width == 1 and given is not None else array
    if given is None or array.shape[-1:] != (width,):
        said = "none are given" if given is None else f"the shape is {array.shape}"
        each = " for each sample" if name == "input_data" else ""
        raise BindingShapeError(f"`{name}` holds {counted(width, 'number')}{each}, and {said}")
    return array


def _engine(primitive: Any, pass_manager: Any, role: str) -> Any:
    if primitive is None:
        if pass_manager is not None:
            raise ValidationError(
                f"`pass_manager` prepares circuits for a device, and no {role} is given",
                help=f"give `{role}=...`, or leave it out",
            )
        return "auto"
    engine: Any = resolve_engine(primitive)
    needed = {"estimator": "expectation", "sampler": "sampling"}[role]
    if needed not in engine.features:
        given = primitive if isinstance(primitive, str) else type(primitive).__name__
        raise TargetCapabilityError(
            f"`{given}` stands where {with_article(role)} is wanted: it does not do {needed}",
            help=f"give a V2 {role}, on a device or without one",
        )
    if pass_manager is None:
        return engine
    if "pass_manager" not in getattr(engine, "__dataclass_fields__", ()):
        raise ValidationError(f"the engine `{engine.name}` has no use for a pass manager", help="leave `pass_manager` out")
    return replace(engine, pass_manager=pass_manager)


def _shots_of(sampler: Any) -> int:
    """How many shots a sampler takes by default."""
    for owner in (sampler, getattr(sampler, "options", None)):
        if isinstance(shots := getattr(owner, "default_shots", None), int):
            return shots
    return DEFAULT_SHOTS


def _observables(given: Any, circuit: EncodingCircuit) -> list[Hamiltonian]:
    if given is None:
        product = Hamiltonian(circuit.num_qubits)
        product.add_term([PauliOperator(Pauli.Z, k) for k in range(circuit.num_qubits)])
        return [product]
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    found = [observable(entry) for entry in listed]
    if not listed or None in found:
        wrong = "an empty list" if not listed else f"`{in_short(listed[found.index(None)])}`"
        raise ObservableError(
            f"an observable, or a list of them, is wanted, not {wrong}", help="write `qko.Z(0)`, or `SparsePauliOp('Z')`"
        )
    known = [entry for entry in found if entry is not None]
    for entry in known:
        require_observable(entry, circuit.kernel.name, circuit.num_qubits)
    return known


def _interpreted(
    interpret: Interpret | None, output_shape: int | tuple[int, ...] | None, num_qubits: int
) -> tuple[tuple[int, ...], list[list[int]] | None]:
    """The shape of the outputs, and for each the indices that come to it; None where each index has its own."""
    size = 1 << num_qubits
    shape = (size,) if output_shape is None else given_shape(output_shape)
    if shape is None or min(shape, default=1) < 1:
        raise BindingShapeError(
            f"`output_shape` is a whole number from 1 on, or a tuple of them, not `{in_short(output_shape)}`"
        )
    if interpret is None:
        if shape != (size,):
            raise BindingShapeError(
                f"`output_shape` is {shape}, and {counted(num_qubits, 'qubit')} have {size} outcomes",
                help="give `interpret`, which says what becomes of each, or leave `output_shape` out",
            )
        return shape, None
    if output_shape is None:
        raise EntrypointValidationError(
            "`interpret` is given without `output_shape`", help="say below which number its values are: `output_shape=2`"
        )
    if not callable(interpret):
        raise KernelTypeError(
            f"`interpret` is a function of an index, not `{in_short(interpret)}`",
            help="write `interpret=lambda index: index.bit_count() % 2`, for example",
        )
    groups: list[list[int]] = [[] for _ in range(math.prod(shape))]
    for index in range(size):
        place = interpret(index)
        parts = tuple(place) if isinstance(place, (tuple, list)) else (place,)
        try:
            groups[int(np.ravel_multi_index(parts, shape))].append(index)
        except (TypeError, ValueError):
            raise BindingShapeError(
                f"`interpret` gives `{place!r}` for {index}, and `output_shape` is {shape}",
                help="it gives whole numbers from 0 on, below `output_shape`",
            ) from None
    return shape, groups


def _called(function: Any) -> str:
    return str(getattr(function, "__name__", function))


def _total(values: list[Any]) -> Any:
    """The sum, of halves, so that it is no deep expression."""
    if len(values) < 2:
        return values[0] if values else 0.0
    middle = len(values) // 2
    return _total(values[:middle]) + _total(values[middle:])
