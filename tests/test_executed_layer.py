"""Layers that somebody else runs: `ExecutedLayer(kernel, execute, post_process)`. Numbers are rows of the seeds."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ExecutionError, GradientError, KernelTypeError, LayerInputError, QKernelError
from qkernel.execution.gradient import argument_shifts
from qkernel.nn import ExecutedLayer, QLayer


@qk.qkernel
def turned(input_0: qk.Float, weight_0: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.rx(qk.qubit(), input_0), weight_0))


@qk.qkernel
def entangled(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    q = qk.ry(q, input_vec)
    q[0], q[1] = qk.cx(q[0], q[1])
    q[0] = qk.rx(q[0], 0.5 * weight[0] + input_vec[1])
    q[0], q[1] = qk.crx(q[0], q[1], weight[1])
    return qk.measure(qk.ry(q, weight))


@qk.qkernel
def values(input_vec: qk.Vector[qk.Float], weight: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(2)
    q = qk.ry(q, input_vec)
    q[0], q[1] = qk.cx(q[0], q[1])
    q[0], q[1] = qk.crx(q[0], q[1], weight[1])
    return qk.expval(qk.ry(q, weight), [qko.Z(0), qko.X(0) * qko.Z(1)])


@qk.qkernel
def squared(input_0: qk.Float, weight_0: qk.Float) -> qk.Float:
    return qk.expval(qk.rx(qk.rx(qk.qubit(), input_0), weight_0), qko.Z(0)) ** 2


@qk.qkernel
def curved(input_0: qk.Float, weight_0: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.rx(qk.qubit(), input_0 * weight_0), input_0))


@qk.qkernel
def without_a_step(input_0: qk.Float) -> qk.Bit:
    return qk.measure(qk.rx(qk.rx(qk.qubit(), input_0), math.pi * input_0))


def exactly(program: Any, arguments: tuple[dict[str, Any], ...]) -> list[dict[str, float]]:
    """Counts of as good as infinitely many shots, from a circuit of our own."""
    layer = QLayer(entangled, readout="probabilities", inputs=["input_vec", "weight"])
    found = []
    for sample in arguments:
        rows = [torch.tensor(sample[name]).double() for name in ("input_vec", "weight")]
        found.append({f"{k:02b}": 100 * p for k, p in enumerate(layer(*rows).tolist()) if p > 0})
    return found


def p_of_0(counts: dict[str, Any]) -> Any:
    return torch.as_tensor(counts.get("0", 0) / sum(counts.values()))


def ordered(counts: dict[str, Any]) -> Tensor:
    shots = sum(counts.values())
    return torch.stack([torch.as_tensor(counts.get(f"{k:02b}", 0.0) / shots) for k in range(4)])


X = torch.tensor([[0.3, 1.1], [2.0, -0.4], [0.0, 0.7]], dtype=torch.float64)


@pytest.mark.parametrize(("counts", "known"), [({"0": 30, "1": 70}, 0.3), ({"1": 100}, 0.0)], ids=["C3", "C3-missing"])
def test_c3_binary_readout_of_counts(counts: dict[str, int], known: float) -> None:
    layer = ExecutedLayer(turned, lambda program, arguments: [counts] * len(arguments), p_of_0)
    assert layer(torch.zeros(2)).tolist() == pytest.approx([known, known])


def test_c4_ordered_readout_of_counts() -> None:
    counts = {"00": 10, "01": 20, "10": 30, "11": 40}
    layer = ExecutedLayer(entangled, lambda program, arguments: [counts] * len(arguments), ordered)
    assert layer(torch.zeros(2).double()).tolist() == [0.1, 0.2, 0.3, 0.4]
    del counts["01"], counts["00"]
    assert layer(torch.zeros(2).double()).tolist() == pytest.approx([0, 0, 3 / 7, 4 / 7])


def test_c8_execute_gets_one_dictionary_for_each_sample() -> None:
    seen: list[Any] = []

    def execute(program: Any, arguments: Any) -> list[Tensor]:
        seen.append((program.name, program.parameter_names, arguments))
        return [torch.tensor(sample["input_vec"]) * 2 for sample in arguments]

    layer = ExecutedLayer(entangled, execute, lambda result: result + 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.5, -0.25]))
    torch.testing.assert_close(layer(X.reshape(3, 1, 2)), (2 * X + 1).reshape(3, 1, 2))
    (name, parameters, arguments), *more = seen
    assert (name, more) == ("entangled", [])
    assert parameters == ("input_vec[0]", "input_vec[1]", "weight[0]", "weight[1]")
    assert isinstance(arguments, tuple)
    assert arguments == tuple({"input_vec": row, "weight": [0.5, -0.25]} for row in X.tolist())


@pytest.mark.parametrize("post", ["execute", "own"])
def test_c8_both_forms_and_their_end(post: str) -> None:
    functions = [exactly, ordered] if post == "execute" else [ordered]
    layer = ExecutedLayer(entangled, *functions, shots=None if post == "execute" else 20_000, seed=7)
    known = QLayer(entangled, readout="probabilities")
    known.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(X), known(X), rtol=0, atol=1e-6 if post == "execute" else 0.02)
    assert "entangled" in repr(layer)
    layer.teardown()
    layer.teardown()
    with pytest.raises(ExecutionError, match="torn down"):
        layer(X)
    assert "torn down" in repr(layer)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


@pytest.mark.parametrize("post", [ordered, lambda counts: ordered(counts).square().sum(), lambda c: (ordered(c) + 0.1).log()])
def test_c9_gradients_of_counts_are_those_of_probabilities(post: Any) -> None:
    layer = ExecutedLayer(entangled, exactly, post).double()
    known = QLayer(entangled, readout="probabilities").double()
    known.load_state_dict(layer.state_dict())
    x, y = X.clone().requires_grad_(), X.clone().requires_grad_()
    found = layer(x)
    expected = torch.stack([post({f"{k:02b}": p for k, p in enumerate(row)}) for row in known(y)])
    torch.testing.assert_close(found, expected)
    weights = torch.rand(found.shape, dtype=torch.float64)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    torch.testing.assert_close(layer.weight.grad, known.weight.grad)


def test_c9_a_string_that_did_not_come_out_has_a_derivative() -> None:
    def execute(program: Any, arguments: Any) -> list[dict[str, float]]:
        ones = [math.sin((sample["input_0"] + sample["weight_0"]) / 2) ** 2 for sample in arguments]
        return [{bit: p for bit, p in (("0", 1 - one), ("1", one)) if p > 1e-12} for one in ones]

    layer = ExecutedLayer(turned, execute, lambda counts: torch.as_tensor(counts.get("1", 0) - counts.get("0", 0)))
    with torch.no_grad():
        layer.weight_0.fill_(math.pi)
    x = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.zeros(2).double())
    with torch.no_grad():
        layer.weight_0.zero_()
    x = torch.tensor([0.0, 0.5], dtype=torch.float64, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([0.0, 0.5]).double().sin())


@pytest.mark.parametrize("gradient", ["shift", "differences"])
def test_c9_gradients_of_values(gradient: str) -> None:
    def post(result: Tensor) -> Tensor:
        return result.square() - result.flip(0)

    layer = ExecutedLayer(values, post, gradient=gradient).double()
    known = QLayer(values, post_process=lambda v: v.square() - v.flip(-1)).double()
    known.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer(X), known(X))
    for net in (layer, known):
        net(X).sin().sum().backward()
    tolerance = 1e-9 if gradient == "shift" else 1e-5
    torch.testing.assert_close(layer.weight.grad, known.weight.grad, rtol=0, atol=tolerance)


def test_results_of_any_kind_by_differences() -> None:
    class Answer:
        def __init__(self, sample: dict[str, Any]) -> None:
            self.value = math.cos(sample["input_0"] + sample["weight_0"])

    def execute(program: Any, arguments: Any) -> list[Answer]:
        return [Answer(sample) for sample in arguments]

    def post(answer: Answer) -> float:
        return answer.value

    layer = ExecutedLayer(turned, execute, post, gradient="differences").double()
    x = torch.tensor([0.3, 1.0], dtype=torch.float64, requires_grad=True)
    layer(x).sum().backward()
    torch.testing.assert_close(x.grad, -(x.detach() + layer.weight_0.detach()).sin(), rtol=0, atol=1e-6)
    with pytest.raises(GradientError, match="a result of `execute` is a Answer"):
        ExecutedLayer(turned, execute, post)(x)


def test_c7_it_trains_beside_linear_layers() -> None:
    torch.manual_seed(0)
    layer = ExecutedLayer(turned, p_of_0, shots=200)
    net = nn.Sequential(nn.Linear(1, 1), nn.Flatten(0), layer)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.5)
    x, y = torch.tensor([[0.0], [math.pi]]), torch.tensor([0.0, 1.0])
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = (net(x) - y).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 5
    torch.manual_seed(1)
    first = layer(torch.rand(3))
    torch.manual_seed(1)
    assert torch.equal(layer(torch.rand(3)), first), "shots follow torch"


def trained(post_process: Any) -> None:
    ExecutedLayer(turned, post_process)(torch.rand(2)).sum().backward()


def test_a_graph_that_is_kept_is_walked_again() -> None:
    layer = ExecutedLayer(entangled, exactly, ordered).double()
    known = QLayer(entangled, readout="probabilities").double()
    known.load_state_dict(layer.state_dict())
    (found, expected) = (torch.autograd.functional.jacobian(module, X) for module in (layer, known))
    torch.testing.assert_close(found, expected)


def test_a_batch_of_no_samples_runs_nothing() -> None:
    layer = ExecutedLayer(entangled, exactly, ordered)
    assert layer(torch.zeros(0, 2)).shape[0] == 0


@pytest.mark.parametrize(
    ("make", "error", "part"),
    [
        (lambda: ExecutedLayer(turned), KernelTypeError, "ExecutedLayer(kernel, execute, post_process)"),
        (lambda: ExecutedLayer(turned, p_of_0, {}), KernelTypeError, "`post_process` is a function, not `{}`"),
        (lambda: ExecutedLayer(turned, p_of_0, gradient="adjoint"), GradientError, "`shift` and `differences`"),
        (lambda: ExecutedLayer(squared, p_of_0), GradientError, "not linear in its expectation values"),
        (lambda: ExecutedLayer(turned, lambda p, a: [], p_of_0)(torch.rand(2)), LayerInputError, "2 samples, and gave 0"),
        (lambda: ExecutedLayer(turned, lambda p, a: {"0": 3}, p_of_0)(torch.rand(1)), LayerInputError, "gave `{'0': 3}`"),
        (lambda: ExecutedLayer(turned, lambda p, a: None, p_of_0)(torch.rand(1)), LayerInputError, "gave `None`, and a list"),
        (lambda: ExecutedLayer(turned, lambda p, a: [{"0": 1}, None], p_of_0)(torch.rand(2)), LayerInputError, "for sample 1"),
        (lambda: ExecutedLayer(turned, lambda c: None)(torch.rand(2)), LayerInputError, "`post_process` gave `None`"),
        (lambda: trained(lambda c: torch.tensor(c.get("0", 0).item())), GradientError, "has no derivative by the result"),
        (lambda: ExecutedLayer(turned, p_of_0)(torch.rand(2, 2), torch.rand(2)), LayerInputError, "2 were given"),
        (lambda: ExecutedLayer(curved, p_of_0)(torch.rand(2)).sum().backward(), GradientError, "no sum of multiples"),
        (lambda: ExecutedLayer(without_a_step, p_of_0)(torch.rand(1).requires_grad_()).sum().backward(), GradientError,
         "no multiples"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(make: Any, error: type[QKernelError], part: str) -> None:
    with pytest.raises(error) as caught:
        make()
    assert part in str(caught.value)


@pytest.mark.parametrize("seed", range(5))
def test_shifts_of_arguments_that_stand_in_many_angles(seed: int) -> None:
    random = np.random.default_rng(seed)
    factors = [float(factor) for factor in random.choice([0.5, 1.0, -1.5, 2.0], 4)]

    @qk.qkernel
    def repeated(a: qk.Float, b: qk.Float) -> qk.Float:
        q = qk.qubit_array(2)
        q[0] = qk.rx(q[0], factors[0] * a + b)
        q[1] = qk.p(qk.h(q[1]), factors[1] * a)
        q[0], q[1] = qk.cry(q[0], q[1], factors[2] * a)
        q[0], q[1] = qk.rzz(qk.h(q[0]), q[1], factors[3] * a - b)
        return qk.expval(q, qko.X(0) * qko.Z(1) + 0.5 * qko.Y(1))

    program, at = repeated.compile(), random.uniform(-3, 3, 2)
    terms = argument_shifts(program.circuit, [0, 1])
    found = np.zeros(2)
    for place, shift, coefficient in zip(terms.slots, terms.shifts, terms.coefficients, strict=True):
        moved = at.copy()
        moved[place] += shift
        found[place] += coefficient * program.run(a=moved[0], b=moved[1])
    known = program.grad(a=at[0], b=at[1])
    np.testing.assert_allclose(found, [known["a"], known["b"]], atol=1e-9)


def test_it_is_copied_saved_and_compiled_like_any_module() -> None:
    layer = ExecutedLayer(entangled, exactly, ordered).double()
    known = layer(X).detach()
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(other(X), known)
        other.teardown()
    fresh = ExecutedLayer(entangled, exactly, ordered, initial="angles").double()
    fresh.load_state_dict(layer.state_dict())
    torch.testing.assert_close(fresh(X), known)
    net = nn.Sequential(nn.Identity(), layer)
    compiled = torch.compile(net, backend="aot_eager")
    torch.testing.assert_close(compiled(X), known)
    compiled(X).square().sum().backward()
    slope = layer.weight.grad.clone()
    layer.zero_grad()
    net(X).square().sum().backward()
    torch.testing.assert_close(layer.weight.grad, slope)
    with torch.no_grad():
        torch.testing.assert_close(layer(X), known)


@pytest.mark.parametrize("gradient", ["shift", "differences"])
def test_only_what_is_trained_is_shifted(gradient: str) -> None:
    """Inputs may stand in angles that no shift reaches, as long as nobody asks for their gradient."""
    asked: list[int] = []

    def execute(program: Any, arguments: Any) -> list[float]:
        asked.append(len(arguments))
        return [math.cos(sample["input_0"] ** 2) * math.cos(sample["weight_0"]) for sample in arguments]

    @qk.qkernel
    def product(input_0: qk.Float, weight_0: qk.Float) -> qk.Float:
        q = qk.ry(qk.qubit(), input_0 * input_0)
        return qk.expval(qk.rx(q, weight_0), qko.Z(0))

    layer = ExecutedLayer(product, execute, lambda value: value, gradient=gradient).double()
    x = torch.tensor([0.3, 0.9, 1.4]).double()
    layer(x).sum().backward()
    assert asked == [3, 6], "two for each sample, by the weight"
    slope = -((x**2).cos() * layer.weight_0.detach().sin()).sum()
    torch.testing.assert_close(layer.weight_0.grad, slope, rtol=0, atol=1e-6)
