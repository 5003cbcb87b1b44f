"""What a layer chooses to run on: by device, shots and derivatives; none of it needs more than a CPU."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import GradientError, LayerInputError, ShotsError, TargetCapabilityError
from qkernel.nn import QLayer, prediction
from qkernel.nn.splits import AnySplit
from tests.test_nn import hybrid_layer, outcomes, random_batch

CPU, CUDA, META = (torch.device(name) for name in ("cpu", "cuda", "meta"))


def chosen(layer: QLayer, device: torch.device, again: bool = False) -> str:
    wiring = layer._wiring
    layout = wiring.layout([torch.empty(1, *place.shape) for place in layer._inputs] + layer._weight_tensors())
    return "operations" if wiring.operations(layout, device, again) is not None else "engine"


@pytest.mark.parametrize(("engine", "gradient", "cpu", "cuda", "again"), [
    ("auto", "auto", "engine", "operations", "operations"),
    ("native", "adjoint", "engine", "operations", "operations"),
    ("torch", "auto", "operations", "operations", "operations"),
    ("auto", "shift", "engine", "engine", "engine"),
    ("reference", "auto", "engine", "operations", "operations"),
])  # fmt: skip
def test_the_device_and_the_derivative_decide(engine: str, gradient: str, cpu: str, cuda: str, again: str) -> None:
    layer = hybrid_layer(3, 1, engine=engine, gradient=gradient)
    assert (chosen(layer, CPU), chosen(layer, CUDA), chosen(layer, META)) == (cpu, cuda, cuda)
    assert chosen(layer, CPU, again=True) == again
    explained = layer.explain()
    elsewhere = "as tensor operations of the torch engine" if cuda == "operations" else "copied to the CPU and back"
    assert f"tensors on another device than the CPU: {elsewhere}" in explained
    assert ("first derivatives only" in explained) == (again == "engine")


def test_the_engine_stays_what_it_was() -> None:
    layer, inputs = hybrid_layer(3, 1).double(), random_batch(4, 3).requires_grad_()
    before = layer.explain()
    layer(inputs).sum().backward()
    (slope,) = torch.autograd.grad(layer(inputs).square().sum(), inputs, create_graph=True)
    slope.sum().backward()
    torch.func.vmap(layer)(inputs.detach())
    assert layer.explain() == before
    assert {type(call._split).__name__ for call in layer._wiring.calls.values()} == {"NativeSplit"}


def test_shots_estimate_values_and_gradients() -> None:
    torch.manual_seed(3)
    exact = hybrid_layer(3, 1).double()
    layer = hybrid_layer(3, 1, shots=4000, seed=5).double()
    layer.load_state_dict(exact.state_dict())
    inputs, cotangent = random_batch(6, 3), random_batch(6, 3, seed=1)
    spread = 5 / 4000**0.5
    torch.testing.assert_close(layer(inputs), exact(inputs), rtol=0, atol=spread)
    layer(inputs).backward(cotangent)
    exact(inputs).backward(cotangent)
    torch.testing.assert_close(layer.weights.grad, exact.weights.grad, rtol=0, atol=spread * float(cotangent.norm()))
    assert "gradient: shift" in repr(layer)
    assert "native with 4000 shots" in layer.explain()


def test_probabilities_from_shots() -> None:
    layer = QLayer(outcomes, inputs=["angles"], shots=50, seed=1)
    values = layer(torch.rand(7, 2))
    torch.testing.assert_close(values.sum(-1), torch.ones(7))
    torch.testing.assert_close(values * 50, (values * 50).round(), rtol=0, atol=1e-4)


def test_every_call_takes_new_shots_in_a_sequence_that_the_seed_fixes() -> None:
    inputs = torch.rand(4, 3)
    one, other = (hybrid_layer(3, 1, shots=100, seed=7) for _ in range(2))
    other.load_state_dict(one.state_dict())
    first, second = one(inputs), one(inputs)
    assert not torch.equal(first, second)
    assert torch.equal(other(inputs), first)
    assert torch.equal(other(inputs), second)


def test_what_shots_cannot_do_is_said() -> None:
    with pytest.raises(ShotsError, match="at least 1"):
        hybrid_layer(3, 1, shots=0)
    with pytest.raises(GradientError, match="100 shots` has no adjoint method"):
        hybrid_layer(3, 1, shots=100, gradient="adjoint")
    layer, inputs = hybrid_layer(3, 1, shots=10), torch.rand(2, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(inputs).sum(), inputs, create_graph=True)
    with pytest.raises(GradientError, match="only first ones"):
        slope.sum().backward()

    class Exact:
        name, features = "exact", frozenset({"expectation"})

        def prepare(self, circuit: Any, dtype: Any = np.complex128) -> Any:
            raise AssertionError("a circuit comes after the check")

    with pytest.raises(TargetCapabilityError, match="`exact` does not do sampling"):
        hybrid_layer(3, 1, shots=10, engine=Exact())


@qk.qkernel
def four_arguments(x: qk.Float, y: qk.Vector[qk.Float], w: qk.Float, v: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Float]:
    q = qk.qubit_array(2)
    q = qk.ry(q, y)
    q[0] = qk.rx(qk.rz(q[0], x + w), v[0])
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1] = qk.ry(q[1], v[1])
    return qk.expval(q[0], qko.Z(0)), qk.exp(qk.expval(q[1], qko.X(0))) / (2 + y[1]) + w


def test_several_inputs_and_weights_reach_the_engine_by_addresses() -> None:
    """Joined in one piece each; whatever their dtypes, and where outputs are computed of them too."""
    layer = QLayer(four_arguments, inputs=["x", "y"], weights={"w": torch.tensor(0.3), "v": torch.tensor([0.5, -0.7])})
    x, y = torch.rand(3, requires_grad=True), torch.rand(3, 2, dtype=torch.float64, requires_grad=True)
    found = layer(x, y)
    (call,) = layer._wiring.calls.values()
    assert not isinstance(call._split, AnySplit)
    exact, cotangent = four_arguments.compile(), torch.randn(3, 2)
    rows = [{"x": x[k].item(), "y": y[k].tolist(), "w": layer.w.item(), "v": layer.v.tolist()} for k in range(3)]
    np.testing.assert_allclose(found.detach(), [exact.run(**row) for row in rows], rtol=0, atol=1e-6)
    (found * cotangent).sum().backward()
    jacobians = [exact.jacobian(**row) for row in rows]
    known = {name: np.stack([cotangent[k].numpy() @ jacobians[k][name] for k in range(3)]) for name in rows[0]}
    for name, tensor in (("x", x), ("y", y), ("w", layer.w), ("v", layer.v)):
        expected = known[name] if name in ("x", "y") else known[name].sum(0)
        np.testing.assert_allclose(tensor.grad, expected, rtol=0, atol=1e-5)


def test_explain_predicts_an_epoch_by_steps_of_this_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock by which every look at it takes a second: a step takes one, and the measuring ends at once."""
    layer, ticks = hybrid_layer(3, 1, shots=100, seed=0), itertools.count()
    monkeypatch.setattr(prediction.time, "perf_counter", lambda: float(next(ticks)))
    before = torch.get_rng_state()
    lines = layer.explain(batch=8, samples=1000).splitlines()
    assert any(
        line.startswith("a step of 8 samples: ") and line.endswith(", 1 s (the median of 1 step on this machine)")
        for line in lines
    )
    assert "an epoch of 1,000 samples: 125 steps, 2.1 min" in lines
    assert torch.equal(torch.get_rng_state(), before)
    assert layer.get_extra_state() == 0
    assert layer.weights.grad is None
    with pytest.raises(LayerInputError, match="`samples` is a number"):
        layer.explain(samples=0)
