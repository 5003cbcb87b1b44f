"""The ways into a quantum layer: eager, `torch.func`, `torch.compile`, meta and fake tensors; and what it may not cost."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import GradientError, LayerInputError, ValidationError
from qkernel.nn import QLayer
from qkernel.nn.operators import name_of
from qkernel_backends.native.runner import Runner
from tests.test_nn import Watched, hybrid_layer, random_batch, simulate

FORMS = [("native", "adjoint"), ("native", "shift"), ("torch", "adjoint"), ("reference", "shift")]


def close(found: Any, known: Any, within: float = 1e-10) -> None:
    torch.testing.assert_close(found, known, rtol=0, atol=within)


def small_layer(engine: str = "native", gradient: str = "auto") -> QLayer:
    return hybrid_layer(3, 1, engine=engine, gradient=gradient).double()


def called(layer: QLayer) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda weights, inputs: torch.func.functional_call(layer, {"weights": weights}, (inputs,))


# without autograd -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 3), (3,)])
def test_value_and_grad_is_a_step_of_autograd(engine: str, gradient: str, shape: tuple[int, ...]) -> None:
    layer, inputs = small_layer(engine, gradient), random_batch(*shape).requires_grad_()
    target = random_batch(*shape, seed=1)
    values, gradients = layer.value_and_grad(inputs, cotangent=lambda values: 2 * (values - target))
    layer.weights.grad = None
    (layer(inputs) - target).square().sum().backward()
    close(values, layer(inputs).detach())
    close(gradients["weights"], layer.weights.grad)
    close(gradients["inputs"], inputs.grad)
    assert not values.requires_grad
    _, plain = layer.value_and_grad(inputs=inputs)
    _, ones = layer.value_and_grad(inputs, cotangent=torch.ones(shape, dtype=torch.float64))
    close(plain["weights"], ones["weights"], 0)


def test_value_and_grad_says_what_it_cannot_do() -> None:
    layer, inputs = small_layer(), random_batch(2, 3)
    with pytest.raises(LayerInputError, match=r"the cotangent has the shape \(3,\), and the results \(2, 3\)"):
        layer.value_and_grad(inputs, cotangent=torch.ones(3))
    with pytest.raises(ValidationError, match="goes on to compute with them"):
        hybrid_layer(3, 1, scale=2.0).value_and_grad(inputs)
    with pytest.raises(LayerInputError, match="takes tensors that hold values"):
        torch.func.vmap(lambda row: layer.value_and_grad(row)[0])(inputs)


# torch.func -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_function_transforms_agree_with_a_simulator_in_plain_torch(engine: str, gradient: str) -> None:
    layer = small_layer(engine, gradient)
    of, weights, inputs = called(layer), layer.weights.detach(), random_batch(5, 3)
    close(torch.func.vmap(layer)(inputs), simulate(inputs, weights, 1))
    close(torch.func.jacrev(layer)(inputs[0]), torch.func.jacrev(lambda row: simulate(row, weights, 1))(inputs[0]))
    per_sample = torch.func.vmap(torch.func.jacrev(of), (None, 0))(weights, inputs)
    close(per_sample, torch.stack([torch.func.jacrev(lambda w, row=row: simulate(row, w, 1))(weights) for row in inputs]))
    value, pullback = torch.func.vjp(of, weights, inputs)
    known, known_pullback = torch.func.vjp(lambda w, x: simulate(x, w, 1), weights, inputs)
    close(value, known)
    close(pullback(inputs), known_pullback(inputs))


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
@pytest.mark.parametrize("axis", [0, 1])
def test_vmap_over_weights_beside_batched_inputs(engine: str, gradient: str, axis: int) -> None:
    layer = small_layer(engine, gradient)
    of, inputs = called(layer), random_batch(4, 3)
    weights = torch.stack([layer.weights.detach(), layer.weights.detach() + 0.3], axis)
    each = weights.unbind(axis)
    close(torch.func.vmap(of, (axis, None))(weights, inputs), torch.stack([simulate(inputs, w, 1) for w in each]))
    slopes = torch.func.vmap(torch.func.grad(lambda w, x: of(w, x).sum()), (axis, None))(weights, inputs)
    close(slopes, torch.stack([torch.func.grad(lambda w: simulate(inputs, w, 1).sum())(w) for w in each]))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # of torch's forward mode itself
def test_hessians_and_forward_mode() -> None:
    layer, row = small_layer(), random_batch(3)
    weights = layer.weights.detach()
    found = torch.func.hessian(lambda w: called(layer)(w, row).sum())(weights)
    close(found, torch.autograd.functional.hessian(lambda w: simulate(row, w, 1).sum(), weights))
    _, tangent = torch.func.jvp(layer, (row,), (torch.ones(3).double(),))
    close(tangent, torch.autograd.functional.jacobian(lambda x: simulate(x, weights, 1), row).sum(1))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # of forward mode itself
@pytest.mark.parametrize("engine", ["native", "torch"])
def test_a_first_use_inside_a_transform_or_inference_mode_leaves_nothing_behind(engine: str) -> None:
    inputs = random_batch(2, 3)
    for first in (
        lambda layer: torch.func.hessian(lambda row: layer(row).sum())(inputs[0]),
        lambda layer: torch.func.vmap(torch.func.jacrev(layer))(inputs),
        lambda layer: torch.inference_mode()(layer)(inputs),
    ):
        layer = small_layer(engine)
        first(layer)
        close(torch.func.vmap(layer)(inputs), simulate(inputs, layer.weights, 1))
        layer(inputs).sum().backward()
        (known,) = torch.autograd.grad(simulate(inputs, layer.weights, 1).sum(), layer.weights)
        close(layer.weights.grad, known)


# torch.compile, torch.export, meta and fake tensors -------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_a_compiled_layer_is_one_graph_with_the_same_values_and_gradients(engine: str, gradient: str) -> None:
    torch._dynamo.reset()
    layer = small_layer(engine, gradient)
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), layer, torch.nn.Linear(3, 2)).double()
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    inputs = random_batch(5, 2).requires_grad_()
    close(compiled(inputs), network(inputs))
    wanted = [inputs, *network.parameters()]
    known = network[2](simulate(network[0](inputs), layer.weights, 1))
    found = torch.autograd.grad(compiled(inputs).square().sum(), wanted)
    for one, other in zip(found, torch.autograd.grad(known.square().sum(), wanted), strict=True):
        close(one, other)


def test_one_compiled_graph_serves_any_batch() -> None:
    torch._dynamo.reset()
    layer, graphs = small_layer(), []

    def backend(graph: Any, example: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(layer, backend=backend, fullgraph=True, dynamic=True)
    for batch in (2, 5, 9):
        inputs = random_batch(batch, 3)
        close(compiled(inputs), simulate(inputs, layer.weights, 1))
    assert len(graphs) == 1


def test_transforms_inside_a_compiled_function() -> None:
    torch._dynamo.reset()
    layer, inputs = small_layer(), random_batch(4, 3)
    compiled = torch.compile(lambda x: torch.func.vmap(layer)(x), backend="aot_eager", fullgraph=True)
    close(compiled(inputs), simulate(inputs, layer.weights, 1))


def test_a_wrong_shape_keeps_its_message_in_a_compiled_network() -> None:
    torch._dynamo.reset()
    with pytest.raises(LayerInputError, match="`inputs` has the shape"):
        torch.compile(small_layer(), backend="eager")(random_batch(2, 4))


def test_an_exported_layer() -> None:
    layer, inputs = small_layer(), random_batch(4, 3)
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(layer, (inputs,), dynamic_shapes=(({0: batch},),)).module()
    other = random_batch(7, 3, seed=1)
    close(program(other), simulate(other, layer.weights, 1))


@pytest.mark.parametrize("gradient", ["adjoint", "shift"])
def test_operators_keep_the_rules_of_torch(gradient: str) -> None:
    layer = small_layer(gradient=gradient)
    tensors = [random_batch(2, 3).requires_grad_(), layer.weights]
    name, detached = name_of(layer._wiring.number), [tensor.detach() for tensor in tensors]
    torch.library.opcheck(torch.ops.qkernel.evaluate, (name, tensors))
    torch.library.opcheck(torch.ops.qkernel.evaluate_kept, (name, detached))
    torch.library.opcheck(torch.ops.qkernel.differentiate, (name, [True, False], random_batch(2, 3), detached))
    torch.library.opcheck(torch.ops.qkernel.jacobian, (name, [True, False], detached))


@pytest.mark.parametrize("gradient", ["adjoint", "shift"])
def test_meta_and_fake_tensors_have_shapes_and_no_values(gradient: str) -> None:
    layer = small_layer(gradient=gradient)
    empty = copy.deepcopy(layer).to("meta")(torch.empty(6, 5, 3, device="meta"))
    assert (empty.shape, empty.device.type, empty.dtype) == ((6, 5, 3), "meta", torch.float32)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fake = layer(mode.from_tensor(random_batch(5, 3)))
    assert (fake.shape, fake.dtype) == ((5, 3), torch.float64)
    inputs = random_batch(5, 3)
    close(layer(inputs), simulate(inputs, layer.weights, 1))


# dtypes, devices, derivatives -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_gradcheck_in_double_precision(engine: str, gradient: str) -> None:
    layer, inputs = small_layer(engine, gradient), random_batch(2, 3).requires_grad_()
    weights = layer.weights.detach().requires_grad_()
    assert torch.autograd.gradcheck(called(layer), (weights, inputs))
    if gradient == "adjoint":
        assert torch.autograd.gradgradcheck(called(layer), (weights, inputs))


def test_second_derivatives_by_all_the_weights() -> None:
    layer, inputs = small_layer(), random_batch(2, 3)
    weights = layer.weights.detach()
    found = torch.autograd.functional.hessian(lambda w: called(layer)(w, inputs).square().sum(), weights)
    close(found, torch.autograd.functional.hessian(lambda w: simulate(inputs, w, 1).square().sum(), weights))


def test_second_derivatives_of_what_depends_on_no_angle() -> None:
    @qk.qkernel
    def beside(x: qk.Float, w: qk.Float) -> qk.Float:
        q = qk.qubit_array(2)
        q[0] = qk.ry(q[0], x * w)
        return qk.expval(q, qko.Z(1))

    layer = QLayer(beside, inputs=["x"], weights={"w": 0.3}).double()
    x = torch.tensor([0.2, 0.4], dtype=torch.float64, requires_grad=True)
    first, by_weight = torch.autograd.grad((layer(x)[:, 0] * x**2).sum(), (x, layer.w), create_graph=True)
    close(first, 2 * x)
    close(by_weight, torch.zeros_like(layer.w))
    close(torch.autograd.grad(first.sum(), x)[0], torch.full_like(x, 2))


def test_mixed_devices_are_named() -> None:
    layer = small_layer()
    with pytest.raises(LayerInputError, match="on the device meta, and the layer's weights are on cpu"):
        layer(torch.empty(2, 3, device="meta"))
    with pytest.raises(LayerInputError, match=r"layer\.to"):
        layer.to("meta")(random_batch(2, 3))


def test_under_autocast() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), hybrid_layer(3, 1))
    inputs = random_batch(4, 3).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = network(inputs)
    assert values.dtype == torch.bfloat16
    values.float().square().sum().backward()
    plain = network(inputs)
    close(values.float(), plain, 0.05)
    found = network[1].weights.grad.clone()
    network.zero_grad()
    plain.square().sum().backward()
    assert found.dtype == torch.float32
    close(found, network[1].weights.grad, 0.1)


def test_weights_travel_without_pickled_objects() -> None:
    layer, other, inputs = small_layer(), small_layer(), random_batch(3, 3)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(inputs), layer(inputs))
    assert list(layer.state_dict()) == ["weights"]


# choosing -------------------------------------------------------------------------------------------------------------


def test_the_choice_is_visible_and_stays() -> None:
    layer = hybrid_layer(3, 1)
    before = layer.explain()
    assert "engine native: the built-in engine of this machine" in before
    assert "gradient adjoint:" in before
    assert "second derivatives and function transforms: as tensor operations of the torch engine" in before
    for batch in (1, 4, 300):
        layer(torch.rand(batch, 3)).sum().backward()
    assert layer.explain() == before
    shift = hybrid_layer(3, 1, gradient="shift").explain()
    assert "gradient shift: as you asked" in shift
    assert "first derivatives only" in shift


def test_the_engine_is_asked_once_for_each_precision() -> None:
    engine = Watched(load_engine("reference"))
    layer = hybrid_layer(3, 1, engine=engine)
    layer.double()
    prepared = [call for call in engine.calls if call[0].startswith("prepare")]
    assert prepared == [("prepare complex64", 0), ("prepare complex128", 0)], "ready before its first step"
    engine.calls.clear()
    for batch in (1, 3, 20):
        layer(random_batch(batch, 3)).sum().backward()
    assert not [call for call in engine.calls if call[0].startswith("prepare")]


def test_machine_code_is_loaded_when_the_layer_is_made() -> None:
    script = """
import sys, torch
from tests.test_nn import hybrid_layer
from qkernel_backends.native.cache import machine_code
loaded = lambda: machine_code.cache_info().currsize
assert loaded() == 0
layer = hybrid_layer()
assert loaded() == 2, "what plans, and what runs in single precision"
layer(torch.rand(2, 4)).sum().backward()
layer(torch.rand(300, 4)).sum().backward()
assert loaded() == 2, "the first steps compile and load nothing"
layer.double()
assert loaded() == 3
hybrid_layer(17, 1)(torch.rand(1, 17)).sum().backward()
assert loaded() == 3, "another circuit, in blocks, compiles and loads nothing"
assert not sys.modules.keys() & {"numba", "scipy"}, "what is compiled already needs no compiler"
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


# what steps leave behind ----------------------------------------------------------------------------------------------


def test_steps_leave_no_memory_behind() -> None:
    layer = hybrid_layer()
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.01)
    batches = [torch.rand(size, 4) for size in (4, 32, 7)]

    def steps(count: int) -> None:
        for k in range(count):
            optimiser.zero_grad()
            layer(batches[k % 3]).sum().backward()
            optimiser.step()

    def ours() -> int:
        gc.collect()
        taken = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*qkernel*")])
        return sum(statistic.size for statistic in taken.statistics("filename"))

    steps(50)
    tracemalloc.start()
    try:
        steps(50)
        before = ours()
        steps(600)
        grown = ours() - before
    finally:
        tracemalloc.stop()
    assert grown < 600, "less than a byte for each step"


@pytest.mark.parametrize(("threads", "workers"), [("1", 0), ("3", 2)])
def test_the_number_of_threads_is_the_users(threads: str, workers: int) -> None:
    script = """
import threading, torch
from tests.test_nn import hybrid_layer, random_batch
torch.set_num_threads(1)
torch.manual_seed(0)
layer = hybrid_layer(8, 4).double()
values = layer(random_batch(64, 8).requires_grad_())
values.sum().backward()
print(sum(thread.name.startswith("qkernel-") for thread in threading.enumerate()))
print(values.sum().item(), float(layer.weights.grad.square().sum()))
"""
    environment = {**os.environ, "QKERNEL_NUM_THREADS": threads}
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, env=environment, capture_output=True, text=True, timeout=300
    )
    counted, numbers = done.stdout.splitlines()
    assert min(workers, 1) <= int(counted) <= workers  # one that is done early takes the next one's work as well
    values, slopes = (float(number) for number in numbers.split())
    torch.manual_seed(0)
    layer = hybrid_layer(8, 4).double()
    known = layer(random_batch(64, 8))
    known.sum().backward()
    assert values == pytest.approx(known.sum().item(), abs=1e-9)
    assert slopes == pytest.approx(float(layer.weights.grad.square().sum()), rel=1e-9)


@pytest.mark.parametrize("shape", [(2,), (0,), (7, 6), ()])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    layer = small_layer()
    layer.weights.data = torch.zeros(shape, dtype=layer.weights.dtype)
    with pytest.raises(LayerInputError, match="`weights` has the shape"):
        layer(random_batch(3, 3))


def test_a_compiled_step_begins_its_gradient_where_its_values_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an eager one does; what takes a room that is marked has the states in it."""
    found, room_of = [], Runner.room_of

    def noted(runner: Runner, mark: object) -> Any:
        found.append(room_of(runner, mark))
        return found[-1]

    monkeypatch.setattr(Runner, "room_of", noted)
    layer, inputs = small_layer(), random_batch(3, 3)
    torch.compile(layer, backend="aot_eager", fullgraph=True)(inputs).sum().backward()
    assert len(found) == 1
    assert found[0] is not None


def test_an_operator_checks_what_it_is_given() -> None:
    layer = small_layer()
    with pytest.raises(LayerInputError, match="`weights` has the shape"):
        torch.ops.qkernel.evaluate(name_of(layer._wiring.number), [random_batch(3, 3), torch.zeros(2)])


def test_a_cotangent_of_another_shape_is_refused() -> None:
    layer, inputs = small_layer(), random_batch(300, 3)
    with pytest.raises(RuntimeError, match="invalid for input of size 2"):
        torch.ops.qkernel.differentiate(name_of(layer._wiring.number), [True, True], torch.ones(2), [inputs, layer.weights])


def test_the_default_device_does_not_matter() -> None:
    layer, inputs = small_layer(), random_batch(3, 3)
    expected = layer(inputs)
    with torch.device("meta"):
        torch.testing.assert_close(layer(inputs), expected, rtol=0, atol=0)
        layer(inputs).sum().backward()
    assert layer.weights.grad.device.type == "cpu"


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_traces_every_operation_sees_the_layer() -> None:
    layer, inputs, other = small_layer(), random_batch(3, 3), random_batch(3, 3) - 0.5

    def slope(x: Tensor) -> Tensor:
        leaf = x.detach().requires_grad_()
        (found,) = torch.autograd.grad(layer(leaf).sum(), leaf)
        return found

    torch.testing.assert_close(make_fx(layer)(inputs)(other), layer(other), rtol=0, atol=0)
    torch.testing.assert_close(make_fx(slope)(inputs)(other), slope(other))
    values = layer(inputs.requires_grad_())
    graph = make_fx(lambda cotangent: torch.autograd.grad(values, inputs, cotangent, retain_graph=True)[0])(
        torch.ones_like(values)
    )
    cotangent = torch.rand_like(values)
    torch.testing.assert_close(graph(cotangent), torch.autograd.grad(values, inputs, cotangent)[0])
    with pytest.raises(GradientError, match=r"torch\.jit\.trace"):
        torch.jit.trace(layer, (inputs,))


def test_saved_tensors_may_come_back_in_another_precision() -> None:
    layer, inputs = small_layer(), random_batch(300, 3)
    layer(inputs).sum().backward()
    expected, layer.weights.grad = layer.weights.grad, None
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor.half(), lambda tensor: tensor):
        layer(inputs).sum().backward()
    torch.testing.assert_close(layer.weights.grad, expected, rtol=0.02, atol=0.05)


def test_a_layer_from_a_pickle_is_compiled_like_any_other() -> None:
    layer, inputs = pickle.loads(pickle.dumps(small_layer())), random_batch(3, 3)
    torch.testing.assert_close(torch.compile(layer, backend="aot_eager")(inputs), layer(inputs))
