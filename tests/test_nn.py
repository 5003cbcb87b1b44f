"""The PyTorch layer: values and gradients against an independent simulator, shapes, dtypes, names and refusals."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import Engine, load_engine
from qkernel.errors import (
    BindingShapeError,
    BindingTypeError,
    CallableDefinitionConflictError,
    ConflictingBindingError,
    DependencyError,
    EntrypointValidationError,
    GradientError,
    LayerInputError,
    ObservableError,
    UnknownBindingError,
)
from qkernel.lower import lower
from qkernel.nn import QLayer
from qkernel_stdlib import ry_layer
from qkernel_stdlib.examples.networks import hybrid_ansatz

FORMS = [("reference", "adjoint"), ("reference", "shift"), ("native", "adjoint"), ("native", "shift"), ("qiskit", "shift")]


def simulate(inputs: Tensor, weights: Tensor, layers: int = 2) -> Tensor:
    """<Z_i> of the tutorial's ansatz in plain torch: complex128 Kronecker products, differentiated by torch itself."""
    n = inputs.shape[-1]

    def ry(angle: Tensor) -> Tensor:
        cosine, sine = torch.cos(angle / 2), torch.sin(angle / 2)
        return torch.stack([torch.stack([cosine, -sine], -1), torch.stack([sine, cosine], -1)], -2).to(torch.complex128)

    def rz(angle: Tensor) -> Tensor:
        half = angle.to(torch.complex128) / 2
        return torch.diag_embed(torch.stack([torch.exp(-1j * half), torch.exp(1j * half)], -1))

    def each(gates: list[Tensor]) -> Tensor:
        product = torch.ones(1, 1, dtype=torch.complex128)
        for gate in gates:
            product = torch.kron(gate, product)
        return product

    index = torch.arange(2**n)
    bits = [(index >> k) & 1 for k in range(n)]
    chain = math.prod((1 - 2 * bits[k] * bits[k + 1] for k in range(n - 1)), start=torch.ones(2**n))
    rows = []
    for sample in inputs.reshape(-1, n):
        state = each([ry(angle) for angle in sample])[:, 0]
        for layer in range(layers):
            angles = weights[3 * n * layer :]
            for start, rotation in ((0, rz), (n, ry), (2 * n, rz)):
                state = each([rotation(angles[start + k]) for k in range(n)]) @ state
            state = chain * state
        rows.append(torch.stack([((1 - 2 * bit) * state.abs() ** 2).sum() for bit in bits]))
    return torch.stack(rows).reshape(*inputs.shape[:-1], n)


def hybrid_layer(n: int = 4, layers: int = 2, **options: Any) -> QLayer:
    observables = [qko.Hamiltonian(num_qubits=n) + qko.Z(k) for k in range(n)]
    bindings = {"n_qubits": n, "n_layers": layers, "hamiltonian": observables}
    return QLayer(hybrid_ansatz, bindings, inputs=["inputs"], weights=["weights"], **options)


def random_batch(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, dtype=torch.float64, generator=generator) * 6 - 3


# values and gradients -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_h9_h11_the_documents_forward_values(engine: str, gradient: str) -> None:
    layer = hybrid_layer(engine=engine, gradient=gradient).double()
    generator = np.random.default_rng(42)
    inputs = torch.tensor(generator.uniform(-np.pi, np.pi, 4))
    with torch.no_grad():
        layer.weights.copy_(torch.tensor(generator.uniform(-np.pi, np.pi, 24)))
        values = layer(inputs)
    np.testing.assert_allclose(values, [-0.70960489, 0.61071606, 0.43586927, 0.42650987], atol=5e-9)


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_h10_values_and_gradients_are_those_of_an_independent_simulator(engine: str, gradient: str) -> None:
    layer = hybrid_layer(engine=engine, gradient=gradient).double()
    inputs, cotangent = random_batch(3, 4).requires_grad_(), random_batch(3, 4, seed=1)
    values, expected = layer(inputs), simulate(inputs, layer.weights)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-10)
    found = torch.autograd.grad(values, (inputs, layer.weights), cotangent)
    known = torch.autograd.grad(expected, (inputs, layer.weights), cotangent)
    for one, other in zip(found, known, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@settings(deadline=None, max_examples=25)
@given(n=st.integers(1, 4), layers=st.integers(0, 2), batch=st.integers(1, 5), seed=st.integers(0, 1000))
def test_any_size_agrees_with_the_simulator(n: int, layers: int, batch: int, seed: int) -> None:
    if layers == 0:
        layer = QLayer(
            hybrid_ansatz, {"n_qubits": n, "n_layers": 0, "hamiltonian": qko.Z(n - 1), "weights": []}, inputs=["inputs"]
        ).double()
        weights = torch.zeros(0, dtype=torch.float64)
        outputs = slice(n - 1, n)
    else:
        layer = hybrid_layer(n, layers).double()
        weights, outputs = layer.weights, slice(None)
    inputs = random_batch(batch, n, seed=seed).requires_grad_()
    values, expected = layer(inputs), simulate(inputs, weights, layers)[..., outputs]
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-10)
    (found,) = torch.autograd.grad(values.sum(), inputs)
    (known,) = torch.autograd.grad(expected.sum(), inputs)
    torch.testing.assert_close(found, known, rtol=0, atol=1e-9)


def test_single_precision_is_single_precision() -> None:
    layer = hybrid_layer()
    inputs = random_batch(5, 4).float().requires_grad_()
    values = layer(inputs)
    expected = simulate(inputs.double(), layer.weights.double())
    assert values.dtype == torch.float32
    torch.testing.assert_close(values.double(), expected, rtol=0, atol=1e-5)
    values.sum().backward()
    assert inputs.grad is not None
    assert layer.weights.grad is not None
    assert inputs.grad.dtype == layer.weights.grad.dtype == torch.float32
    (known,) = torch.autograd.grad(simulate(inputs.double(), layer.weights.double()).sum(), layer.weights)
    torch.testing.assert_close(layer.weights.grad, known, rtol=0, atol=1e-5)


def test_gradcheck() -> None:
    layer = hybrid_layer(3, 1).double()
    assert torch.autograd.gradcheck(layer, (random_batch(2, 3).requires_grad_(),))


def test_both_gradient_rules_agree() -> None:
    adjoint, shift = hybrid_layer(gradient="adjoint").double(), hybrid_layer(gradient="shift").double()
    shift.load_state_dict(adjoint.state_dict())
    inputs = random_batch(4, 4)
    gradients = []
    for layer in (adjoint, shift):
        (layer(inputs) ** 2).sum().backward()
        gradients.append(layer.weights.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=1e-12)


# shapes, dtypes, devices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leading", [(), (1,), (3,), (2, 3), (2, 1, 3), (0,), (2, 0)])
def test_any_number_of_batch_axes(leading: tuple[int, ...]) -> None:
    layer = hybrid_layer().double()
    inputs = random_batch(*leading, 4).requires_grad_()
    values = layer(inputs)
    assert values.shape == (*leading, 4)
    flat = torch.stack([layer(row) for row in inputs.reshape(-1, 4)] or [torch.zeros(4)])[: math.prod(leading)]
    torch.testing.assert_close(values.reshape(-1, 4), flat.double(), rtol=0, atol=1e-12)
    values.sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.shape == inputs.shape
    assert layer.weights.grad is not None
    assert layer.weights.grad.shape == (24,)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_h11_the_dtype_of_the_input_is_kept(dtype: torch.dtype) -> None:
    layer = hybrid_layer()
    inputs = random_batch(2, 4).to(dtype).requires_grad_()
    values = layer(inputs)
    assert values.dtype == dtype
    values.sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.dtype == dtype
    assert layer.weights.grad is not None
    assert layer.weights.grad.dtype == torch.float32


def test_inputs_that_are_not_contiguous() -> None:
    layer = hybrid_layer().double()
    wide = random_batch(4, 12)
    torch.testing.assert_close(layer(wide[:, ::3]), layer(wide[:, ::3].contiguous()), rtol=0, atol=0)
    torch.testing.assert_close(layer(wide[:, :4].T), layer(wide[:, :4].T.contiguous()), rtol=0, atol=0)


def test_later_changes_of_weights_do_not_reach_a_graph_that_was_built_before() -> None:
    layer = hybrid_layer().double()
    inputs = random_batch(2, 4)
    values = layer(inputs)
    with torch.no_grad():
        layer.weights.add_(1.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()


# what is computed when ------------------------------------------------------------------------------------------------


@dataclass
class Watched:
    """An engine that notes what it is asked for."""

    inner: Engine
    calls: list[tuple[str, int]] = field(default_factory=list)
    name: str = "watched"

    @property
    def features(self) -> frozenset[str]:
        return self.inner.features

    def prepare(self, circuit: Any, dtype: Any = np.complex128) -> WatchedPrepared:
        self.calls.append((f"prepare {np.dtype(dtype)}", 0))
        return WatchedPrepared(self.inner.prepare(circuit, dtype), self.calls)


@dataclass
class WatchedPrepared:
    inner: Any
    calls: list[tuple[str, int]]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        inner = getattr(self.inner, name)

        def call(theta: Any, *rest: Any) -> Any:
            self.calls.append((name, len(theta)))
            return inner(theta, *rest)

        return call


def test_a_step_is_one_evaluation_and_one_backward_sweep() -> None:
    engine = Watched(load_engine("reference"))
    layer = hybrid_layer(engine=engine)
    assert engine.calls == [("prepare complex64", 0)], "the engine is ready when the layer is"
    engine.calls.clear()
    layer(random_batch(6, 4).float()).sum().backward()
    assert engine.calls == [("expect", 6), ("expect_vjp", 6)]


def test_without_gradients_no_derivative_work_is_done() -> None:
    engine = Watched(load_engine("reference"))
    layer = hybrid_layer(engine=engine)
    engine.calls.clear()
    with torch.no_grad():
        values = layer(random_batch(6, 4).float())
    assert not values.requires_grad
    layer.requires_grad_(False)
    assert not layer(random_batch(6, 4).float()).requires_grad
    assert engine.calls == [("expect", 6), ("expect", 6)]


def test_parameter_shift_is_one_job_and_spares_inputs_that_need_no_gradient() -> None:
    engine = Watched(load_engine("reference"))
    layer = hybrid_layer(engine=engine, gradient="shift").double()
    engine.calls.clear()
    layer(random_batch(3, 4)).sum().backward()
    assert engine.calls[-1] == ("expect", 3 * (1 + 2 * 24))
    layer(random_batch(3, 4).requires_grad_()).sum().backward()
    assert engine.calls[-1] == ("expect", 3 * (1 + 2 * 28))
    assert [name for name, _ in engine.calls].count("expect") == 2


def test_second_derivatives() -> None:
    layer = hybrid_layer(3, 1).double()
    inputs = random_batch(2, 3).requires_grad_()
    (plain,) = torch.autograd.grad(layer(inputs).sum(), inputs)
    (gradient,) = torch.autograd.grad(layer(inputs).sum(), inputs, create_graph=True)
    torch.testing.assert_close(gradient, plain, rtol=0, atol=1e-12)
    assert torch.autograd.gradgradcheck(layer, (inputs,))

    def penalty(values: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(values.sin().sum(), inputs, create_graph=True)
        return slope.square().sum()

    (found,) = torch.autograd.grad(penalty(layer(inputs)), layer.weights)
    (known,) = torch.autograd.grad(penalty(simulate(inputs, layer.weights, 1)), layer.weights)
    torch.testing.assert_close(found, known, rtol=0, atol=1e-10)


def test_second_derivatives_that_cannot_be_had_are_refused_and_first_ones_with_a_graph_are_not() -> None:
    layer = hybrid_layer(gradient="shift").double()
    inputs = random_batch(2, 4).requires_grad_()
    (plain,) = torch.autograd.grad(layer(inputs).sum(), inputs)
    (gradient,) = torch.autograd.grad(layer(inputs).sum(), inputs, create_graph=True)
    torch.testing.assert_close(gradient, plain, rtol=0, atol=1e-15)
    with pytest.raises(GradientError, match="second derivative"):
        (gradient**2).sum().backward()


def test_function_transforms() -> None:
    layer = hybrid_layer(3, 1).double()
    weights = {"weights": layer.weights.detach()}
    inputs = random_batch(5, 3)

    def single(weights: dict[str, Tensor], row: Tensor) -> Tensor:
        return torch.func.functional_call(layer, weights, (row,))

    torch.testing.assert_close(torch.func.vmap(single, (None, 0))(weights, inputs), layer(inputs), rtol=0, atol=1e-12)
    found = torch.func.vmap(torch.func.jacrev(single), (None, 0))(weights, inputs)["weights"]
    known = torch.stack(
        [torch.autograd.functional.jacobian(lambda w, row=row: simulate(row, w, 1), weights["weights"]) for row in inputs]
    )
    torch.testing.assert_close(found, known, rtol=0, atol=1e-10)


def test_the_torch_engine() -> None:
    layer = hybrid_layer(engine="torch").double()
    inputs, cotangent = random_batch(3, 4).requires_grad_(), random_batch(3, 4, seed=1)
    values, expected = layer(inputs), simulate(inputs, layer.weights)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    found = torch.autograd.grad(values, (inputs, layer.weights), cotangent)
    known = torch.autograd.grad(expected, (inputs, layer.weights), cotangent)
    for one, other in zip(found, known, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # of torch itself
def test_a_compiled_network_gives_the_same() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), hybrid_layer(), torch.nn.Linear(4, 2)).double()
    compiled = torch.compile(network, backend="eager")
    inputs = random_batch(5, 3)
    torch.testing.assert_close(compiled(inputs), network(inputs), rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad(run(inputs).square().sum(), list(network.parameters())) for run in (compiled, network)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


# a module among modules -----------------------------------------------------------------------------------------------


def test_h12_weights_are_parameters_under_their_own_names_and_start_as_stated() -> None:
    torch.manual_seed(7)
    layer = hybrid_layer()
    torch.manual_seed(7)
    torch.testing.assert_close(layer.weights.detach(), torch.randn(24) * 0.1, rtol=0, atol=0)
    assert list(layer.state_dict()) == ["weights"]
    assert [name for name, _ in layer.named_parameters()] == ["weights"]
    other = hybrid_layer()
    other.load_state_dict(layer.state_dict(), strict=True)
    inputs = random_batch(3, 4)
    torch.testing.assert_close(other(inputs), layer(inputs), rtol=0, atol=0)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))], ids=["copy", "pickle"])
def test_copies_are_independent(copied: Callable[[QLayer], QLayer]) -> None:
    layer = hybrid_layer()
    other = copied(layer)
    inputs = random_batch(2, 4)
    torch.testing.assert_close(other(inputs), layer(inputs), rtol=0, atol=0)
    with torch.no_grad():
        other.weights.add_(1.0)
    assert (other(inputs) - layer(inputs)).abs().max() > 0.1


def test_training_reaches_a_target() -> None:
    torch.manual_seed(0)
    target, layer = hybrid_layer(2, 1), hybrid_layer(2, 1)
    inputs = random_batch(16, 2).float()
    with torch.no_grad():
        wanted = target(inputs)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    first = (layer(inputs) - wanted).square().mean().item()
    for _ in range(150):
        optimizer.zero_grad()
        loss = (layer(inputs) - wanted).square().mean()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-4 < first


def test_it_sits_in_a_sequential_network() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), hybrid_layer(), torch.nn.Linear(4, 2))
    loss = network(torch.ones(5, 3)).square().sum()
    loss.backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def test_repr_and_explain_say_what_it_is() -> None:
    layer = hybrid_layer(engine="reference")
    shown = repr(layer)
    for part in ("hybrid_ansatz", "inputs: inputs[4]", "weights: weights[24]", "outputs: 4", "reference", "adjoint"):
        assert part in shown
    explained = layer.explain()
    for part in ("4 qubits", "34 gates", "engine reference: as you asked", "gradient adjoint:", "backward sweep"):
        assert part in explained
    assert "plan for a batch of 32:\n  4 qubits, 32 samples" in hybrid_layer(engine="native").explain(32)
    assert "57 evaluations per sample" in hybrid_layer(engine="reference", gradient="shift").explain()


# arguments of every kind ----------------------------------------------------------------------------------------------


@qk.qkernel
def two_inputs(
    angle: qk.Float, gains: qk.Matrix[qk.Float], bias: qk.Float, features: qk.Vector[qk.Float]
) -> tuple[qk.Float, qk.Float]:
    q = qk.qubit_array(2, name="q")
    for i in qk.range(2):
        q[i] = qk.ry(q[i], gains[i, 0] * features[i] + gains[i, 1] + bias)
    q[0] = qk.rx(q[0], angle)
    return qk.expval(q[0], qko.Z(0)), qk.expval(q[1], qko.X(0))


def two_inputs_by_hand(angle: Tensor, features: Tensor, gains: Tensor, bias: Tensor) -> Tensor:
    turned = gains[:, 0] * features + gains[:, 1] + bias
    return torch.stack([torch.cos(turned[..., 0]) * torch.cos(angle), torch.sin(turned[..., 1])], -1)


def test_scalars_matrices_several_inputs_and_tuples() -> None:
    layer = QLayer(two_inputs, inputs=["features", "angle"], weights=["bias", "gains"]).double()
    assert [(name, tuple(value.shape)) for name, value in layer.named_parameters()] == [("bias", ()), ("gains", (2, 2))]
    features, angle = random_batch(3, 2).requires_grad_(), random_batch(3, seed=1).requires_grad_()
    values = layer(features, angle)
    expected = two_inputs_by_hand(angle, features, layer.gains, layer.bias)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    leaves = (features, angle, layer.gains, layer.bias)
    weight = random_batch(3, 2, seed=2)
    for found, known in zip(
        torch.autograd.grad(values, leaves, weight), torch.autograd.grad(expected, leaves, weight), strict=True
    ):
        torch.testing.assert_close(found, known, rtol=0, atol=1e-12)


def test_an_input_without_batch_axes_is_the_same_for_all_samples() -> None:
    layer = QLayer(two_inputs, inputs=["features", "angle"], weights=["bias", "gains"]).double()
    features, angle = random_batch(3, 2), torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    values = layer(features, angle)
    expected = two_inputs_by_hand(angle, features, layer.gains, layer.bias)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    (found,) = torch.autograd.grad(values.sum(), angle)
    (known,) = torch.autograd.grad(expected.sum(), angle)
    torch.testing.assert_close(found, known, rtol=0, atol=1e-12)


def test_a_layer_without_inputs_gives_one_row() -> None:
    layer = QLayer(two_inputs, {"features": [0.5, -0.5], "angle": 0.2}, weights={"bias": 0.1, "gains": torch.ones(2, 2)})
    values = layer()
    expected = two_inputs_by_hand(torch.tensor(0.2), torch.tensor([0.5, -0.5]), torch.ones(2, 2), torch.tensor(0.1))
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-6)


@qk.qkernel
def curved(features: qk.Vector[qk.Float], scale: qk.Float) -> qk.Float:
    n = features.shape[0]
    q = qk.qubit_array(n, name="q")
    for i in qk.range(n):
        q[i] = qk.ry(q[i], qk.sin(scale * features[i]) ** 2)
    value = qk.expval(q, qko.Z(0) * qko.Z(1))
    return scale * value * value + 0.5


@pytest.mark.parametrize("gradient", ["adjoint", "shift"])
def test_angles_and_results_that_are_not_linear(gradient: str) -> None:
    layer = QLayer(curved, inputs={"features": 2}, weights={"scale": 0.7}, gradient=gradient).double()
    features = random_batch(4, 2).requires_grad_()

    def by_hand(features: Tensor, scale: Tensor) -> Tensor:
        value = torch.cos(torch.sin(scale * features) ** 2).prod(-1)
        return (scale * value * value + 0.5).unsqueeze(-1)

    values, expected = layer(features), by_hand(features, layer.scale)
    assert values.shape == (4, 1)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    leaves = (features, layer.scale)
    for found, known in zip(
        torch.autograd.grad(values.sum(), leaves), torch.autograd.grad(expected.sum(), leaves), strict=True
    ):
        torch.testing.assert_close(found, known, rtol=0, atol=1e-12)


@qk.qkernel
def outcomes(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(2, name="q")
    q[0] = qk.ry(q[0], angles[0])
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1] = qk.rx(q[1], angles[1])
    return qk.probabilities(q)


def by_hand(angles: Tensor) -> Tensor:
    """What `outcomes` gives."""
    one, flip = torch.sin(angles[..., 0] / 2) ** 2, torch.sin(angles[..., 1] / 2) ** 2
    return torch.stack([(1 - one) * (1 - flip), one * flip, (1 - one) * flip, one * (1 - flip)], -1)


@pytest.mark.parametrize(("engine", "gradient", "chosen"), [
    ("auto", "auto", "adjoint"), ("auto", "shift", "shift"), ("torch", "auto", "adjoint"), ("reference", "adjoint", "adjoint"),
])  # fmt: skip
def test_probabilities_have_gradients(engine: str, gradient: str, chosen: str) -> None:
    layer = QLayer(outcomes, inputs=["angles"], engine=engine, gradient=gradient).double()
    torch.inference_mode()(layer)(random_batch(3, 2))  # leaves nothing behind
    angles = random_batch(3, 2).requires_grad_()
    values, expected = layer(angles), by_hand(angles)
    torch.testing.assert_close(values, expected, rtol=0, atol=1e-12)
    cotangent = random_batch(3, 4, seed=1)
    (found,) = torch.autograd.grad(values, angles, cotangent)
    (known,) = torch.autograd.grad(expected, angles, cotangent)
    torch.testing.assert_close(found, known, rtol=0, atol=1e-12)
    assert f"gradient: {chosen}" in repr(layer)


def test_probabilities_have_second_derivatives_even_at_0() -> None:
    layer = QLayer(outcomes, inputs=["angles"]).double()
    for angles in (random_batch(3, 2), torch.zeros(3, 2, dtype=torch.float64)):
        found = torch.autograd.functional.hessian(lambda x: layer(x)[:, 1:].square().sum() + layer(x)[:, 2].sum(), angles)
        known = torch.autograd.functional.hessian(lambda x: by_hand(x)[:, 1:].square().sum() + by_hand(x)[:, 2].sum(), angles)
        torch.testing.assert_close(found, known, rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ["auto", "torch"])
def test_no_probability_is_negative(engine: str) -> None:
    layer = QLayer(outcomes, inputs=["angles"], engine=engine)
    assert layer(torch.randn(200, 2) * 1e-4).min() >= 0


def test_a_vector_of_observables_in_the_kernel_and_a_list_for_one_observable_agree() -> None:
    @qk.qkernel
    def several(
        inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], hamiltonians: qk.Vector[qk.Observable]
    ) -> qk.Vector[qk.Float]:
        q = qk.qubit_array(2, name="q")
        for i in qk.range(2):
            q[i] = qk.rx(qk.ry(q[i], inputs[i]), weights[i])
        q[0], q[1] = qk.cx(q[0], q[1])
        return qk.expval(q, hamiltonians)

    @qk.qkernel
    def single(inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], hamiltonian: qk.Observable) -> qk.Float:
        q = qk.qubit_array(2, name="q")
        for i in qk.range(2):
            q[i] = qk.rx(qk.ry(q[i], inputs[i]), weights[i])
        q[0], q[1] = qk.cx(q[0], q[1])
        return qk.expval(q, hamiltonian)

    observables = [qko.Z(0), qko.X(1) * qko.Y(0), 0.5 * qko.Z(0) * qko.Z(1) - 1.0]
    start = torch.tensor([0.4, -0.9])
    one = QLayer(several, {"hamiltonians": observables}, inputs=["inputs"], weights={"weights": start})
    other = QLayer(single, {"hamiltonian": observables}, inputs=["inputs"], weights={"weights": start})
    inputs = random_batch(3, 2)
    assert one(inputs).shape == (3, 3)
    torch.testing.assert_close(one(inputs), other(inputs), rtol=0, atol=1e-12)
    alone = QLayer(single, {"hamiltonian": observables[1]}, inputs=["inputs"], weights={"weights": start})
    torch.testing.assert_close(alone(inputs), one(inputs)[:, 1:2], rtol=0, atol=1e-12)


def test_tensors_that_are_views_of_any_kind_mean_what_they_hold() -> None:
    layer, plain = hybrid_layer(), random_batch(3, 4).float()
    numbers = torch.view_as_complex(torch.stack([plain, -plain], -1))
    views = [
        plain.t().contiguous().t(),
        torch.cat([plain, plain], 1)[:, 4:],
        numbers.conj().imag,
        torch._neg_view(-plain),
        plain[:1].expand(3, 4),
    ]
    assert [view.is_neg() for view in views] == [False, False, True, True, False]
    for view in views:
        expected = layer(torch.tensor(view.tolist()))
        torch.testing.assert_close(layer(view), expected, rtol=0, atol=0)
        turned = torch._neg_view(torch.ones_like(expected))
        found = torch.autograd.grad(layer(view), layer.weights, turned)
        torch.testing.assert_close(found, torch.autograd.grad(expected, layer.weights, -torch.ones_like(expected)))


# refusals -------------------------------------------------------------------------------------------------------------

BINDINGS = {"n_qubits": 4, "n_layers": 2, "hamiltonian": qko.Z(0)}


@pytest.mark.parametrize(
    ("inputs", "parts"),
    [
        ((torch.zeros(2, 5),), ("`inputs`", "(2, 5)", "(..., 4)")),
        ((torch.tensor(1.0),), ("`inputs`", "()", "(..., 4)")),
        ((torch.zeros(2, 4, dtype=torch.int64),), ("`inputs`", "torch.int64", "floating")),
        ((torch.zeros(2, 4, dtype=torch.complex64),), ("`inputs`", "torch.complex64", "floating")),
        ((torch.zeros(2, 4, device="meta"),), ("`inputs`", "meta", "cpu")),
        ((torch.zeros(2, 4).to_sparse(),), ("`inputs`", "torch.sparse_coo", "to_dense")),
        (([[0.0] * 4],), ("`inputs`", "list", "tensor")),
        ((), ("(`inputs`)", "0 were given")),
        ((torch.zeros(4), torch.zeros(4)), ("(`inputs`)", "2 were given")),
    ],
)
def test_bad_inputs_are_named(inputs: tuple[Any, ...], parts: tuple[str, ...]) -> None:
    layer = hybrid_layer(engine="reference")
    with pytest.raises(LayerInputError) as caught:
        layer(*inputs)
    for part in parts:
        assert part in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_batch_axes_that_disagree_are_named() -> None:
    layer = QLayer(two_inputs, inputs=["features", "angle"], weights=["bias", "gains"])
    with pytest.raises(LayerInputError, match=r"`angle` are \(4,\), and those .* \(3,\)"):
        layer(torch.zeros(3, 2), torch.zeros(4))


@pytest.mark.parametrize(
    ("options", "error", "parts"),
    [
        ({"inputs": ["inputs"], "weights": ["weight"]}, UnknownBindingError, ("`weight`", "did you mean `weights`")),
        ({"inputs": ["inputs"]}, EntrypointValidationError, ("`weights`", "`bindings`, `inputs` or `weights`")),
        ({"inputs": ["inputs"], "weights": ["inputs", "weights"]}, ConflictingBindingError, ("`inputs`",)),
        ({"inputs": ["inputs", "inputs"], "weights": ["weights"]}, ConflictingBindingError, ("`inputs`", "twice")),
        (
            {"inputs": ["inputs"], "weights": ["weights"], "bindings": {**BINDINGS, "weights": [0.0] * 24}},
            ConflictingBindingError,
            ("`weights`",),
        ),
        (
            {"inputs": ["inputs", "n_qubits"], "weights": ["weights"], "bindings": {"n_layers": 2, "hamiltonian": qko.Z(0)}},
            BindingTypeError,
            ("`n_qubits`", "UInt"),
        ),
        (
            {"inputs": ["inputs"], "weights": ["weights"], "bindings": {"n_qubits": 4, "n_layers": 2}},
            EntrypointValidationError,
            ("`hamiltonian`", "bindings="),
        ),
        (
            {"inputs": ["inputs"], "weights": ["weights"], "bindings": {**BINDINGS, "hamiltonian": []}},
            ObservableError,
            ("`hamiltonian`", "empty"),
        ),
        ({"inputs": ["inputs"], "weights": ["weights"], "gradient": "magic"}, GradientError, ("`magic`",)),
        ({"inputs": ["inputs"], "weights": ["weights"], "engine": "natif"}, DependencyError, ("`natif`", "`native`")),
    ],
)
def test_bad_constructions_are_named(options: dict[str, Any], error: type[Exception], parts: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        QLayer(hybrid_ansatz, **{"bindings": BINDINGS, **options})
    for part in parts:
        assert part in str(caught.value)


def test_initial_tensors_of_the_wrong_shape_are_named() -> None:
    with pytest.raises(BindingShapeError, match="`gains`"):
        QLayer(two_inputs, inputs=["features", "angle"], weights={"bias": 0.0, "gains": torch.zeros(3)})


def test_a_weight_with_the_name_of_a_module_attribute_is_refused() -> None:
    @qk.qkernel
    def unlucky(forward: qk.Float) -> qk.Float:
        q = qk.ry(qk.qubit(), forward)
        return qk.expval(q, qko.Z(0))

    with pytest.raises(CallableDefinitionConflictError, match="`forward`"):
        QLayer(unlucky, weights=["forward"])


def test_a_kernel_that_returns_bits_is_no_layer() -> None:
    @qk.qkernel
    def measured(angle: qk.Float) -> qk.Bit:
        return qk.measure(qk.ry(qk.qubit(), angle))

    with pytest.raises(GradientError, match="measured bits"):
        QLayer(measured, inputs=["angle"])


def test_a_length_that_the_kernel_asks_for_must_be_given() -> None:
    with pytest.raises(EntrypointValidationError, match="`features`"):
        QLayer(curved, inputs=["features"], weights=["scale"])


@qk.qkernel
def reads_out(q: qk.Vector[qk.Qubit], observable: qk.Observable) -> qk.Float:
    return qk.expval(q, observable)


@qk.qkernel
def read_directly(x: qk.Vector[qk.Float], observable: qk.Observable) -> qk.Float:
    q = ry_layer(qk.qubit_array(3), x, 0)
    return qk.expval(q, observable)


@qk.qkernel
def read_in_a_helper(x: qk.Vector[qk.Float], observable: qk.Observable) -> qk.Float:
    q = ry_layer(qk.qubit_array(3), x, 0)
    return reads_out(q, observable)


@qk.qkernel
def read_and_doubled(x: qk.Vector[qk.Float], observable: qk.Observable) -> qk.Float:
    q = ry_layer(qk.qubit_array(3), x, 0)
    return 2 * qk.expval(q, observable)


@qk.qkernel
def read_and_known(x: qk.Vector[qk.Float], observable: qk.Observable, other: qk.Observable) -> tuple[qk.Float, qk.Float]:
    q = ry_layer(qk.qubit_array(3), x, 0)
    r = ry_layer(qk.qubit_array(3), x, 0)
    return qk.expval(q, observable), qk.expval(r, other)


@pytest.mark.parametrize("kernel", [read_directly, read_in_a_helper, read_and_doubled, read_and_known])
def test_a_kernel_with_a_list_of_observables_is_lowered_once(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from qkernel.nn import compile as compiling

    calls: list[Any] = []
    monkeypatch.setattr(compiling, "lower", lambda *args, **named: calls.append(1) or lower(*args, **named))
    observables = [qko.Z(0), qko.X(1) * qko.Z(0), qko.Z(2) - 0.5, qko.Z(0)]
    fixed = {"other": qko.Z(1)} if kernel is read_and_known else {}
    x = torch.tensor([[0.3, 1.1, -0.7], [2.0, 0.2, 0.4]], dtype=torch.float64)
    several = QLayer(kernel, {"observable": observables, **fixed}, inputs=["x"])(x)
    assert len(calls) == 1
    each = [QLayer(kernel, {"observable": observable, **fixed}, inputs=["x"])(x) for observable in observables]
    torch.testing.assert_close(several, torch.cat(each, 1))


def test_an_observable_that_shapes_the_circuit_cannot_be_a_list() -> None:
    @qk.qkernel
    def evolved(time: qk.Float, hamiltonian: qk.Observable) -> qk.Float:
        q = qk.pauli_evolve(qk.qubit_array(2, name="q"), hamiltonian, time)
        return qk.expval(q, hamiltonian)

    with pytest.raises(ObservableError, match="shapes the circuit"):
        QLayer(evolved, {"hamiltonian": [qko.X(0) + qko.Z(1), qko.X(1) + qko.Z(0)]}, inputs=["time"])
