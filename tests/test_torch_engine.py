"""The torch engine: values and gradients of dense matrices, second derivatives, `torch.func`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from circuit_builder import CircuitBuilder, hybrid_circuit
from hypothesis import given, settings
from hypothesis import strategies as st
from random_circuits import dense_state, dense_values, random_circuit
from torch.utils._python_dispatch import TorchDispatchMode

from qkernel.lower.circuit import Expectation
from qkernel.observable import Hamiltonian, X, Z
from qkernel_backends.native import NativeEngine
from qkernel_backends.reference import ReferenceEngine
from qkernel_backends.torch import TorchEngine
from tests.benchmarks.workloads import OTHERS, new_layer

# PyTorch's own modules, loaded by its forward derivatives, still use it.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

ENGINE = TorchEngine()
seeds = st.integers(0, 2**32 - 1)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_random_circuits_have_the_values_of_dense_matrices_and_the_gradients_of_the_native_engine(seed):
    circuit = random_circuit(seed, max_qubits=5)
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(3, circuit.angles.num_columns))
    cotangent = rng.normal(size=(3, len(circuit.expectations)))
    values, gradient = ENGINE.prepare(circuit).expect_vjp(theta, cotangent)
    np.testing.assert_allclose(values, [dense_values(circuit, row) for row in theta], atol=1e-11)
    np.testing.assert_allclose(gradient, NativeEngine().prepare(circuit).expect_vjp(theta, cotangent)[1], atol=1e-10)
    np.testing.assert_allclose(ENGINE.prepare(circuit).state(theta), [dense_state(circuit, row) for row in theta], atol=1e-11)


@pytest.mark.parametrize("signs", [0, 1 << 21])
@given(seeds)
@settings(max_examples=20, deadline=None)
def test_any_division_of_the_columns_has_the_gradients_of_the_native_engine(signs, seed):
    circuit = random_circuit(seed, max_qubits=7)
    rng = np.random.default_rng(seed)
    columns = rng.permutation(circuit.angles.num_columns).tolist()
    count = rng.integers(len(columns) + 1)
    batched, shared = columns[:count], columns[count:]
    arrays = rng.normal(size=(3, count)), rng.normal(size=len(shared)), rng.normal(size=(3, len(circuit.expectations)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qkernel_backends.torch.tables._LARGEST_SIGNS", signs)
        found = ENGINE.prepare(circuit).split(batched, shared).vjp(*arrays)
    for one, known in zip(found, NativeEngine().prepare(circuit).split(batched, shared).vjp(*arrays), strict=True):
        np.testing.assert_allclose(one, known, rtol=0, atol=1e-10)


@given(seeds)
@settings(max_examples=5, deadline=None)
def test_an_observable_that_is_a_number_needs_no_qubit(seed):
    circuit = replace(random_circuit(seed, max_qubits=3), expectations=(Expectation(Hamiltonian.from_string("0.25")),))
    values, gradient = ENGINE.prepare(circuit).expect_vjp(np.ones((2, circuit.angles.num_columns)), np.ones((2, 1)))
    assert values.tolist() == [[0.25], [0.25]]
    assert gradient.shape == (2, circuit.angles.num_columns)
    assert not gradient.any()


@pytest.mark.parametrize("kernel", OTHERS, ids=lambda kernel: kernel.name)
def test_no_samples_have_no_values_and_no_gradient(kernel):
    layer, inputs = new_layer(5, 2, kernel, engine="torch"), torch.empty(0, 5, requires_grad=True)
    layer(inputs).sum().backward()
    assert layer(inputs).shape == inputs.grad.shape == (0, 5)
    assert not layer.weights.grad.any()


class Counting(TorchDispatchMode):
    """How many tensor operations are run."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        self.count += 1
        return function(*arguments, **(named or {}))


@pytest.mark.parametrize(("qubits", "layers", "most"), [(4, 2, 164), (8, 4, 264), (12, 4, 314)])
def test_the_number_of_operations_of_a_gradient(qubits, layers, most):
    """Small states cost what their operations cost to start."""
    layer, inputs = new_layer(qubits, layers, engine="torch"), torch.rand(3, qubits, requires_grad=True)
    layer(inputs).sum().backward()
    with Counting() as counting:
        layer(inputs).sum().backward()
    assert counting.count <= most


@pytest.mark.parametrize("size", [1e2, 1e4, 1e6, 1e8])
def test_large_angles_keep_their_meaning_in_single_precision(size):
    """An angle means what its float32 says; sums of several would lose the last digits of large ones."""
    circuit = hybrid_circuit()
    theta = (np.random.default_rng(1).uniform(-size, size, (5, 28))).astype(np.float32)
    values = ENGINE.prepare(circuit, np.complex64).expect(theta)
    np.testing.assert_allclose(values, ReferenceEngine().prepare(circuit).expect(theta.astype(float)), atol=3e-6)


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_second_derivatives_are_those_of_finite_differences(seed):
    circuit = random_circuit(seed, max_qubits=4, length=12, num_columns=3)
    theta = torch.tensor(np.random.default_rng(seed).normal(size=(2, 3)), requires_grad=True)
    prepared = ENGINE.prepare(circuit)

    def values(t):
        return prepared.expectations(t) + 0 * (t**2).sum()  # some circuits depend on nothing

    assert torch.autograd.gradcheck(values, (theta,))
    assert torch.autograd.gradgradcheck(values, (theta,))


def test_the_hessian_of_a_rotation_is_exact():
    builder = CircuitBuilder(1)
    theta = builder.parameter("theta", 2)
    builder.gate("ry", 0, angles=(theta[0],)).gate("rx", 0, angles=(theta[1],))
    prepared = ENGINE.prepare(builder.circuit(observables=(Z(0), X(0))))
    a, b = 0.7, 1.9
    hessian = torch.func.hessian(lambda t: prepared.expectations(t[None])[0])(torch.tensor([a, b], dtype=torch.float64))
    expected = [[[-np.cos(a) * np.cos(b), np.sin(a) * np.sin(b)], [np.sin(a) * np.sin(b), -np.cos(a) * np.cos(b)]],
                [[-np.sin(a), 0], [0, 0]]]  # fmt: skip
    np.testing.assert_allclose(hessian.numpy(), expected, atol=1e-14)


def test_functional_transforms_agree_with_the_native_engine():
    circuit = hybrid_circuit()
    split = ENGINE.prepare(circuit).split(range(4), range(4, 28))
    rng = np.random.default_rng(1)
    inputs, weights = rng.normal(size=(6, 4)), rng.normal(size=24)
    cotangent = rng.normal(size=(6, 4))
    values, grad_inputs, grad_weights = (
        NativeEngine().prepare(circuit).split(range(4), range(4, 28)).vjp(inputs, weights, cotangent)
    )

    def one(row, w):
        return split.values(row[None], w)[0]

    x, w = torch.tensor(inputs), torch.tensor(weights)
    mapped = torch.func.vmap(one, in_dims=(0, None))(x, w)
    np.testing.assert_allclose(mapped.numpy(), values, atol=1e-12)
    by_input, by_weight = torch.func.vmap(torch.func.jacrev(one, argnums=(0, 1)), in_dims=(0, None))(x, w)
    c = torch.tensor(cotangent)
    np.testing.assert_allclose(torch.einsum("bk,bki->bi", c, by_input).numpy(), grad_inputs, atol=1e-12)
    np.testing.assert_allclose(torch.einsum("bk,bki->i", c, by_weight).numpy(), grad_weights, atol=1e-12)
    forward = torch.func.jacfwd(one, argnums=1)(x[0], w)
    np.testing.assert_allclose(forward.numpy(), by_weight[0].numpy(), atol=1e-12)


def test_single_precision_stays_single():
    split = ENGINE.prepare(hybrid_circuit(), np.complex64).split(range(4), range(4, 28))
    inputs, weights = torch.randn(3, 4), torch.randn(24, requires_grad=True)
    values = split.values(inputs, weights)
    values.sum().backward()
    assert values.dtype == weights.grad.dtype == torch.float32
