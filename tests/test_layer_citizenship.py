"""A layer among the functions of PyTorch: each row of the table is one way in which torch uses a function.

What a row computes with a layer must be what it computes with a simulator in plain torch, in every form of a layer: by the
adjoint method, by parameter shift, on several engines, with a trained weight and with a frozen one. Rows of second order
are refused, by name, where a layer has first derivatives only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.autograd.functional as functional
from torch import Tensor, nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.checkpoint import checkpoint

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import GradientError
from qkernel.nn import QLayer
from tests.test_nn import curved, hybrid_layer, outcomes, random_batch, simulate, two_inputs

Function = Callable[[Tensor, Tensor], Tensor]
"""Of weights (9,) and inputs (..., 3)."""

FORMS = [("native", "adjoint"), ("native", "shift"), ("torch", "adjoint"), ("torch", "shift"), ("reference", "shift")]

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),  # of forward mode itself
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),  # of `linearize` itself
]


def small_layer(engine: str, gradient: str, trained: bool = True) -> QLayer:
    torch.manual_seed(0)
    return hybrid_layer(3, 1, engine=engine, gradient=gradient).double().requires_grad_(trained)


def of_weights(layer: nn.Module) -> Function:
    return lambda weights, inputs: functional_call(layer, {"weights": weights}, (inputs,))


def simulator(weights: Tensor, inputs: Tensor) -> Tensor:
    return simulate(inputs, weights, 1)


def loss(function: Function, weights: Tensor, inputs: Tensor) -> Tensor:
    return function(weights, inputs).square().sum()


def leaf(tensor: Tensor) -> Tensor:
    return tensor.detach().clone().requires_grad_()


def along(tensor: Tensor) -> Tensor:
    """A tangent."""
    return torch.linspace(-1, 1, tensor.numel(), dtype=tensor.dtype).reshape(tensor.shape)


# The rows -------------------------------------------------------------------------------------------------------------


def backward(f: Function, w: Tensor, x: Tensor) -> Any:
    w, x = leaf(w), leaf(x)
    loss(f, w, x).backward()
    return w.grad, x.grad


def offloaded(f: Function, w: Tensor, x: Tensor) -> Any:
    with torch.autograd.graph.save_on_cpu():
        return backward(f, w, x)


def many_cotangents(f: Function, w: Tensor, x: Tensor) -> Any:
    w, x = leaf(w), leaf(x)
    values = f(w, x)
    units = torch.eye(values.numel(), dtype=values.dtype).reshape(-1, *values.shape)
    return torch.autograd.grad(values, (w, x), units, is_grads_batched=True)


def vmapped_backward(f: Function, w: Tensor, x: Tensor) -> Any:
    w, x = leaf(w), leaf(x)
    values = f(w, x)
    units = torch.eye(values.numel(), dtype=values.dtype).reshape(-1, *values.shape)
    return vmap(lambda unit: torch.autograd.grad(values, (w, x), unit, retain_graph=True))(units)


def dual(f: Function, w: Tensor, x: Tensor) -> Any:
    with forward_ad.dual_level():
        values = f(forward_ad.make_dual(w, along(w)), forward_ad.make_dual(x, along(x)))
        return tuple(forward_ad.unpack_dual(values))


def dual_without_gradients(f: Function, w: Tensor, x: Tensor) -> Any:
    with torch.no_grad(), forward_ad.dual_level():
        return tuple(forward_ad.unpack_dual(f(w.detach(), forward_ad.make_dual(x, along(x)))))


def dual_of_a_trained_one(f: Function, w: Tensor, x: Tensor) -> Any:
    with forward_ad.dual_level():
        values = f(leaf(w), forward_ad.make_dual(x, along(x)))
        return forward_ad.unpack_dual(values).tangent


def dual_cotangent(f: Function, w: Tensor, x: Tensor) -> Any:
    w, x = leaf(w), leaf(x)
    values = f(w, x)
    with forward_ad.dual_level():
        cotangent = forward_ad.make_dual(values.detach().cos(), along(values))
        return [forward_ad.unpack_dual(gradient).tangent for gradient in torch.autograd.grad(values, (w, x), cotangent)]


def cotangent_as_a_variable(f: Function, w: Tensor, x: Tensor) -> Any:
    """The gradient is linear in the cotangent, so that this needs no second derivative of the layer."""
    x = leaf(x)
    values = f(w, x)
    cotangent = leaf(values.detach().cos())
    (slope,) = torch.autograd.grad(values, x, cotangent, create_graph=True)
    return torch.autograd.grad(slope, cotangent, along(slope))


def forward_over_reverse(f: Function, w: Tensor, x: Tensor) -> Any:
    w = leaf(w)
    with forward_ad.dual_level():
        moving = forward_ad.make_dual(w, along(w))
        (slope,) = torch.autograd.grad(loss(f, moving, x), moving)
        return forward_ad.unpack_dual(slope).tangent


def reverse_over_forward(f: Function, w: Tensor, x: Tensor) -> Any:
    w = leaf(w)
    with forward_ad.dual_level():
        value = loss(f, forward_ad.make_dual(w, along(w)), x)
        return torch.autograd.grad(forward_ad.unpack_dual(value).tangent, w)[0]


def double_backward(f: Function, w: Tensor, x: Tensor) -> Any:
    w, x = leaf(w), leaf(x)
    slopes = torch.autograd.grad(loss(f, w, x), (w, x), create_graph=True)
    return torch.autograd.grad(sum(slope.cos().sum() for slope in slopes), (w, x))


FIRST: dict[str, Callable[[Function, Tensor, Tensor], Any]] = {
    "call": lambda f, w, x: f(w, x),
    "backward": backward,
    "checkpoint": lambda f, w, x: backward(lambda w, x: checkpoint(f, w, x, use_reentrant=False), w, x),
    "offloaded": offloaded,
    "grad(is_grads_batched)": many_cotangents,
    "vmap of grad": vmapped_backward,
    "grad, cotangent differentiated": cotangent_as_a_variable,
    "dual numbers": dual,
    "dual numbers, no_grad": dual_without_gradients,
    "dual numbers, weight trained": dual_of_a_trained_one,
    "dual cotangent": dual_cotangent,
    "functional.jacobian": lambda f, w, x: functional.jacobian(f, (w, x)),
    "functional.jacobian, vectorised": lambda f, w, x: functional.jacobian(f, (w, x), vectorize=True),
    "functional.jacobian, forward": lambda f, w, x: functional.jacobian(f, (w, x), vectorize=True, strategy="forward-mode"),
    "functional.vjp": lambda f, w, x: functional.vjp(f, (w, x), f(w, x).detach().cos())[1],
    "func.grad": lambda f, w, x: grad(loss, (1, 2))(f, w, x),
    "func.vjp": lambda f, w, x: vjp(f, w, x)[1](along(x)),
    "func.jvp": lambda f, w, x: jvp(f, (w, x), (along(w), along(x))),
    "func.jvp by inputs": lambda f, w, x: jvp(lambda x: f(w, x), (x,), (along(x),)),
    "func.linearize": lambda f, w, x: linearize(f, w, x)[1](along(w), along(x)),
    "func.jacrev": lambda f, w, x: jacrev(f, (0, 1))(w, x),
    "func.jacfwd": lambda f, w, x: jacfwd(f, (0, 1))(w, x),
    "vmap": lambda f, w, x: vmap(f, (None, 0))(w, x),
    "vmap over weights": lambda f, w, x: vmap(f, (1, None))(torch.stack([w, w + 0.1], 1), x),
    "vmap twice": lambda f, w, x: vmap(vmap(f, (None, 0)), (0, None))(torch.stack([w, w + 0.1]), x),
    "gradients per sample": lambda f, w, x: vmap(grad(loss, 1), (None, None, 0))(f, w, x),
    "jacfwd per sample": lambda f, w, x: vmap(jacfwd(f), (None, 0))(w, x),
    "jacfwd of vmap": lambda f, w, x: jacfwd(vmap(f, (None, 0)))(w, x),
    "jacrev per set of weights": lambda f, w, x: vmap(jacrev(f, (0, 1)), (0, None))(torch.stack([w, w + 0.1]), x),
    "make_fx": lambda f, w, x: make_fx(f)(w + 1, x)(w, x),
    "make_fx of grad": lambda f, w, x: make_fx(lambda w, x: grad(loss, 1)(f, w, x))(w + 1, x)(w, x),
    "make_fx of jvp": lambda f, w, x: make_fx(lambda w, x: jvp(f, (w, x), (x[0].repeat(3), x)))(w + 1, x)(w, x),
    "make_fx of vmap": lambda f, w, x: make_fx(vmap(f, (None, 0)))(w + 1, x)(w, x),
}
SECOND: dict[str, Callable[[Function, Tensor, Tensor], Any]] = {
    "double backward": double_backward,
    "forward over reverse": forward_over_reverse,
    "reverse over forward": reverse_over_forward,
    "functional.hessian": lambda f, w, x: functional.hessian(lambda w: loss(f, w, x), w),
    "functional.hessian, vectorised": lambda f, w, x: functional.hessian(lambda w: loss(f, w, x), w, vectorize=True),
    "functional.hvp": lambda f, w, x: functional.hvp(lambda w: loss(f, w, x), w, along(w))[1],
    "functional.vhp": lambda f, w, x: functional.vhp(lambda w: loss(f, w, x), w, along(w))[1],
    "func.hessian": lambda f, w, x: hessian(lambda w: loss(f, w, x))(w),
    "jacfwd of jacfwd": lambda f, w, x: jacfwd(jacfwd(lambda w: f(w, x)))(w),
    "jacrev of jacfwd": lambda f, w, x: jacrev(jacfwd(lambda w: f(w, x)))(w),
    "jacfwd of jacrev": lambda f, w, x: jacfwd(jacrev(lambda w: f(w, x)))(w),
    "jacrev of jacrev": lambda f, w, x: jacrev(jacrev(lambda w: f(w, x)))(w),
    "jvp of grad": lambda f, w, x: jvp(lambda w: grad(loss, 1)(f, w, x), (w,), (along(w),)),
    "grad of jvp": lambda f, w, x: grad(lambda w: jvp(lambda w: loss(f, w, x), (w,), (along(w),))[1])(w),
    "linearize of grad": lambda f, w, x: linearize(lambda w: grad(loss, 1)(f, w, x), w)[1](along(w)),
}


@pytest.mark.parametrize("row", FIRST)
def test_what_torch_does_once(row: str) -> None:
    inputs = random_batch(2, 3)
    weights = small_layer("native", "adjoint").weights.detach()
    known = FIRST[row](simulator, weights, inputs)
    for engine, gradient in FORMS:
        layer = small_layer(engine, gradient)
        torch.testing.assert_close(FIRST[row](of_weights(layer), weights, inputs), known, rtol=0, atol=1e-10)


@pytest.mark.parametrize("row", SECOND)
def test_what_torch_does_twice(row: str) -> None:
    inputs = random_batch(2, 3)
    weights = small_layer("native", "adjoint").weights.detach()
    known = SECOND[row](simulator, weights, inputs)
    for layer in (*(small_layer(*form) for form in FORMS), hybrid_layer(3, 1, shots=10, seed=1).double()):
        if "gradient: shift" in repr(layer):
            with pytest.raises(GradientError, match="second derivative of a quantum layer"):
                SECOND[row](of_weights(layer), weights, inputs)
        else:
            torch.testing.assert_close(SECOND[row](of_weights(layer), weights, inputs), known, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_gradcheck_in_all_its_forms(engine: str, gradient: str) -> None:
    layer, inputs = small_layer(engine, gradient), leaf(random_batch(2, 3))
    given = leaf(layer.weights), inputs
    assert gradcheck(of_weights(layer), given, check_batched_grad=True, check_forward_ad=True, check_batched_forward_grad=True)
    if gradient == "adjoint":
        assert gradgradcheck(of_weights(layer), given, check_batched_grad=True, check_fwd_over_rev=True)


# Compiled and exported ------------------------------------------------------------------------------------------------

COMPILED = ["call", "backward", "func.grad", "func.jvp", "func.jvp by inputs", "vmap", "gradients per sample", "func.jacrev"]


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
@pytest.mark.parametrize("row", COMPILED)
def test_compiled_inside(row: str, engine: str, gradient: str) -> None:
    """The transform within what is compiled."""
    torch._dynamo.reset()
    layer, inputs = small_layer(engine, gradient), random_batch(2, 3)
    weights = layer.weights.detach()

    def program(weights: Tensor, inputs: Tensor) -> Any:
        return FIRST[row](of_weights(layer), weights, inputs)

    compiled = torch.compile(program, backend="aot_eager", fullgraph=row != "backward")
    torch.testing.assert_close(compiled(weights, inputs), FIRST[row](simulator, weights, inputs), rtol=0, atol=1e-10)


OUTSIDE = ["backward", "func.jvp by inputs", "func.jacfwd", "dual numbers, no_grad", "functional.jacobian, vectorised"]


@pytest.mark.parametrize("made", ["compiled", "exported", "exported strictly"])
@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_compiled_and_exported_outside(engine: str, gradient: str, made: str) -> None:
    """What was compiled or exported under the transform: forward mode is right or refused, and never silently zero."""
    torch._dynamo.reset()
    for trained in (True, False):
        layer, inputs = small_layer(engine, gradient, trained), random_batch(2, 3)
        weights = layer.weights.detach()
        if made == "compiled":
            network = torch.compile(layer, backend="aot_eager")
        else:
            network = torch.export.export(layer, (inputs,), strict=made == "exported strictly").module()
        for row in (
            "func.jvp by inputs",
            "dual numbers, no_grad",
            "backward",
            "functional.jacobian, vectorised",
            "func.jacfwd",
        ):
            found = FIRST[row](lambda w, x, network=network: network(x) + 0 * w.sum(), weights, inputs)
            known = FIRST[row](lambda w, x, weights=weights: simulator(weights, x) + 0 * w.sum(), weights, inputs)
            torch.testing.assert_close(found, known, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_compiled_forward_mode_of_a_trained_layer(engine: str, gradient: str) -> None:
    """What is trained is compiled with its backward pass; here that is a second derivative, which is refused when it runs."""
    torch._dynamo.reset()
    layer, inputs = small_layer(engine, gradient), random_batch(2, 3)
    compiled = torch.compile(lambda x: jvp(layer, (x,), (along(x),))[1], backend="aot_eager", fullgraph=True)
    tangent = compiled(inputs)
    known = jvp(lambda x: simulator(layer.weights.detach(), x), (inputs,), (along(inputs),))[1]
    torch.testing.assert_close(tangent.detach(), known, rtol=0, atol=1e-10)
    with pytest.raises(GradientError, match="second derivative of a quantum layer"):
        tangent.sum().backward()


# Other kernels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "gradient"), [("native", "adjoint"), ("native", "shift"), ("reference", "shift")])
def test_jacobians_of_probabilities_and_of_computed_results(engine: str, gradient: str) -> None:
    options = {"engine": engine, "gradient": gradient}
    layers = [
        (QLayer(outcomes, inputs=["angles"], **options), (random_batch(3, 2),)),
        (QLayer(curved, inputs={"features": 2}, weights={"scale": torch.tensor(0.7)}, **options), (random_batch(3, 2),)),
        (QLayer(two_inputs, inputs={"angle": (), "features": 2}, weights={"gains": (2, 2), "bias": ()}, **options),
         (random_batch(3), random_batch(3, 2))),
    ]  # fmt: skip
    for layer, given in layers:
        layer = layer.double()
        numbers = tuple(range(len(given)))
        values = layer(*(leaves := [leaf(tensor) for tensor in given]))
        units = torch.eye(values.numel(), dtype=values.dtype).reshape(-1, *values.shape)
        rows = [torch.autograd.grad(values, leaves, unit, retain_graph=True) for unit in units]
        known = tuple(torch.stack(part).reshape(*values.shape, *part[0].shape) for part in zip(*rows, strict=True))
        for transform in (jacfwd, jacrev):
            torch.testing.assert_close(transform(layer, numbers)(*given), known, rtol=0, atol=1e-10)


@qk.qkernel
def off_diagonal(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(2), angles)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(qk.rx(q, angles), [qko.X(1) + 0.5 * qko.Z(0) * qko.Y(1), qko.X(0) * qko.Y(1)])


@pytest.mark.parametrize(("engine", "gradient"), FORMS)
def test_batched_tangents_of_observables_off_the_diagonal(engine: str, gradient: str) -> None:
    layer = QLayer(off_diagonal, inputs={"angles": 2}, engine=engine, gradient=gradient).double()
    angles = random_batch(2)
    found = functional.jacobian(layer, angles, strategy="forward-mode", vectorize=True)
    torch.testing.assert_close(found, functional.jacobian(layer, angles), rtol=0, atol=1e-10)


def test_forward_mode_with_shots_is_a_parameter_shift() -> None:
    exact, inputs = small_layer("native", "adjoint"), random_batch(3, 3)
    layer = hybrid_layer(3, 1, shots=20_000, seed=3).double()
    layer.load_state_dict(exact.state_dict())
    _, known = jvp(exact, (inputs,), (along(inputs),))
    _, found = jvp(layer, (inputs,), (along(inputs),))
    assert not torch.equal(found, known)
    torch.testing.assert_close(found, known, rtol=0, atol=5 * float(along(inputs).norm()) / 20_000**0.5)
