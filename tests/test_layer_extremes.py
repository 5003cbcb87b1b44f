"""What a layer does with NaN, with infinities and with batches of no samples: on every engine, by every rule, with shots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer


@qk.qkernel
def expected(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(2), x)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(qk.rx(q, w), [qko.Z(0), qko.Z(0) * qko.Y(1)])


@qk.qkernel
def distributed(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(2), x)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.probabilities(qk.rx(q, w))


@qk.qkernel
def computed(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
    q = qk.qubit_array(2)
    q = qk.ry(q, x)
    q[0], q[1] = qk.cx(q[0], q[1])
    value = qk.expval(qk.rx(q, w), qko.Z(0) + qko.Z(1))
    return value * value + x[0] * w[1], 0.5 - value


@qk.qkernel
def non_affine(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.qubit_array(2)
    q[0] = qk.ry(q[0], x[0] * w[0])
    q[1] = qk.rx(q[1], qk.sqrt(x[1]) + w[1])
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(q, qko.Z(1))


@qk.qkernel
def branched(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(2), x)
    if qk.measure(q[0]):
        q[1] = qk.rx(q[1], w[0])
    else:
        q[1] = qk.ry(q[1], w[1])
    return qk.expval(q[1], qko.Z(0))


KERNELS = [expected, distributed, computed, non_affine, branched]
FORMS: list[dict[str, Any]] = [
    {},
    {"gradient": "shift"},
    {"engine": "torch"},
    {"engine": "torch", "gradient": "shift"},
    {"engine": "reference"},
    {"engine": "reference", "gradient": "shift"},
    {"engine": "qiskit"},
    {"shots": 50, "seed": 1},
    {"shots": 50, "seed": 1, "engine": "reference"},
    {"shots": 50, "seed": 1, "engine": "qiskit"},
]

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # of forward mode

each_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: " ".join(map(str, form.values())) or "default")
each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])


def layer_of(kernel: Any, form: dict[str, Any], dtype: torch.dtype = torch.float64) -> QLayer:
    return QLayer(kernel, inputs={"x": 2}, weights={"w": torch.tensor([0.4, 0.7])}, **form).to(dtype)


def values_and_gradients(layer: QLayer, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    inputs = inputs.clone().requires_grad_()
    values = layer(inputs)
    by_input, by_weight = torch.autograd.grad(values.sum(), (inputs, layer.w))
    return values, by_input, by_weight


def samples(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor([[0.3, 0.5], [0.8, 1.2], [1.1, 0.2]], dtype=dtype)


@each_kernel
@each_form
@each_dtype
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_sample_that_is_no_number_gives_nan_and_leaves_the_others_alone(
    kernel: Any, form: dict[str, Any], dtype: torch.dtype, number: float
) -> None:
    clean = values_and_gradients(layer_of(kernel, form, dtype), samples(dtype))
    for row, column in ((1, 0), (0, 1)):
        inputs = samples(dtype)
        inputs[row, column] = number
        values, by_input, by_weight = values_and_gradients(layer_of(kernel, form, dtype), inputs)
        others = [k for k in range(3) if k != row]
        assert values[row].isnan().all()
        assert by_input[row].isnan().all()
        assert by_weight.isnan().all(), "a sum over the samples"
        # Where measured bits decide, what is drawn for one sample depends on how many shots the others took.
        within = 1.0 if kernel is branched and "shots" in form else 1e-5
        torch.testing.assert_close(values[others], clean[0][others], rtol=0, atol=within)
        torch.testing.assert_close(by_input[others], clean[1][others], rtol=0, atol=within)


@each_kernel
@each_form
def test_a_weight_that_is_no_number_gives_nan_throughout(kernel: Any, form: dict[str, Any]) -> None:
    for number in (math.nan, math.inf):
        layer = layer_of(kernel, form)
        with torch.no_grad():
            layer.w[1] = number
            assert layer(samples()).isnan().all()
        for found in values_and_gradients(layer, samples()):
            assert found.isnan().all()


@each_kernel
@each_form
def test_transforms_of_a_sample_that_is_no_number(kernel: Any, form: dict[str, Any]) -> None:
    layer, inputs = layer_of(kernel, form), samples()
    clean = torch.func.vmap(torch.func.jacrev(layer))(inputs) if "shots" not in form else None
    inputs[1, 0] = math.nan
    for found in (torch.func.vmap(torch.func.jacrev(layer))(inputs), torch.func.vmap(torch.func.jacfwd(layer))(inputs)):
        assert found[1].isnan().all()
        assert not found[[0, 2]].isnan().any()
        if clean is not None:
            torch.testing.assert_close(found[[0, 2]], clean[[0, 2]], rtol=0, atol=1e-9)


@each_kernel
@each_form
@each_dtype
@pytest.mark.parametrize("leading", [(0,), (2, 0), (0, 3)])
def test_a_batch_of_no_samples(kernel: Any, form: dict[str, Any], dtype: torch.dtype, leading: tuple[int, ...]) -> None:
    layer = layer_of(kernel, form, dtype)
    count = layer(samples(dtype)).shape[-1]
    values, by_input, by_weight = values_and_gradients(layer, torch.zeros(*leading, 2, dtype=dtype))
    assert (values.shape, by_input.shape) == ((*leading, count), (*leading, 2))
    assert torch.equal(by_weight, torch.zeros_like(by_weight))
    with torch.no_grad():
        assert layer(torch.zeros(*leading, 2, dtype=dtype)).shape == (*leading, count)


@each_kernel
@each_form
def test_transforms_of_a_batch_of_no_samples(kernel: Any, form: dict[str, Any]) -> None:
    layer = layer_of(kernel, form)
    count, none = layer(samples()).shape[-1], torch.zeros(0, 2).double()
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        by_weight = transform(lambda w: torch.func.functional_call(layer, {"w": w}, (none,)))(layer.w.detach())
        assert by_weight.shape == (0, count, 2)
    assert torch.func.jvp(layer, (none,), (none,))[1].shape == (0, count)


@each_kernel
@pytest.mark.parametrize("engine", ["native", "torch", "reference", "qiskit"])
@pytest.mark.parametrize("shots", [None, 20])
def test_a_batch_of_no_samples_without_torch(kernel: Any, engine: str, shots: int | None) -> None:
    given = {"x": np.zeros((0, 2)), "w": [0.4, 0.7]}
    options: dict[str, Any] = {"engine": engine, "shots": shots, "seed": None if shots is None else 1}
    one = kernel.run(x=np.zeros((1, 2)), w=[0.4, 0.7], **options)
    found = kernel.run(**given, **options)
    for part, other in zip(*(value if isinstance(value, tuple) else (value,) for value in (found, one)), strict=True):
        assert (part.shape, part.dtype) == ((0, *other.shape[1:]), other.dtype)
    slopes, one = kernel.jacobian(**given, **options), kernel.jacobian(**given | {"x": np.full((1, 2), 0.1)}, **options)
    assert {name: slope.shape for name, slope in slopes.items()} == {name: (0, *slope.shape[1:]) for name, slope in one.items()}
    estimated = kernel.run_with_errors(**given, engine=engine, shots=20)
    assert np.shape(estimated.value) == np.shape(estimated.standard_error) == np.shape(found)
    if kernel in (non_affine, branched):
        value, gradient = kernel.value_and_grad(**given, **options)
        assert (value.shape, gradient["x"].shape, gradient["w"].shape) == ((0,), (0, 2), (0, 2))


def test_no_samples_in_sums_of_two_angles_each() -> None:
    @qk.qkernel
    def summed(x: qk.Vector[qk.Float]) -> qk.Float:
        q = qk.qubit_array(2)
        for k in qk.range(2):
            q[k] = qk.ry(q[k], x[0] + 2 * x[1])
        return qk.expval(q, qko.Z(0))

    assert summed.run(x=np.zeros((0, 2))).shape == (0,)
    assert summed.jacobian(x=np.zeros((0, 2)))["x"].shape == (0, 2)


@pytest.mark.parametrize("engine", ["native", "torch", "reference", "qiskit"])
def test_samples_and_states_of_no_samples(engine: str) -> None:
    @qk.qkernel
    def measured(x: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
        return qk.measure(qk.ry(qk.qubit_array(2), x))

    @qk.qkernel
    def rotated(x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
        return qk.ry(qk.qubit_array(2), x)

    @qk.qkernel
    def gate(q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
        return qk.ry(q, x)

    assert gate.unitary(q=2, x=np.zeros((0, 2)), engine=engine).shape == (0, 4, 4)
    assert measured.sample(x=np.zeros((0, 2)), engine=engine) == []
    assert rotated.statevector(x=np.zeros((0, 2)), engine=engine).shape == (0, 4)
    assert measured.run(x=np.zeros((0, 2)), engine=engine).shape == (0, 2)
