"""What `run`, `sample` and `grad` of a kernel make of the values that they are given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import BindingShapeError, BindingTypeError, EntrypointValidationError, GradientError, UnknownBindingError

H = qko.Z(0) * qko.Z(1)
EDGES = {(1, 2): 0.3, (0, 1): 0.5}


@qk.qkernel
def rotations(n: qk.UInt, th: qk.Vector[qk.Float], H: qk.Observable) -> qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.rx(q[i], th[i])
    return qk.expval(q, H)


@qk.qkernel
def flips(n: qk.UInt, th: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.rx(q[i], th[i])
    return qk.measure(q)


@qk.qkernel
def ising(e: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float]) -> qk.Float:
    q = qk.qubit_array(3)
    q = qk.rx(q, 0.4)
    q = qk.ry(q, 1.0)
    for (i, j), weight in qk.items(e):
        q[i], q[j] = qk.rzz(q[i], q[j], weight)
    q = qk.rx(q, 0.7)
    return qk.expval(q, H)


@qk.qkernel
def layers(n: qk.UInt, w: qk.Matrix[qk.Float], v: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.qubit_array(n)
    for layer in qk.range(w.shape[0]):
        for i in qk.range(n):
            q[i] = qk.rx(q[i], w[layer, i])
    rest = v[1:]
    for i in qk.range(rest.shape[0]):
        q[0] = qk.ry(q[0], rest[i])
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def chosen(a: qk.Float, b: qk.Float) -> qk.Float:
    q = qk.qubit()
    if a > 0:
        q = qk.rx(q, b)
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def compared(a: qk.Float, b: qk.Float) -> qk.Float:
    q = qk.qubit()
    if a > b:
        q = qk.x(q)
    return qk.expval(q, qko.Z(0))


def message(error: type[Exception], call: Any) -> str:
    with pytest.raises(error) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0.3, BindingShapeError),
        ([1, 2, 3], BindingShapeError),
        (np.ones((2, 3)), BindingShapeError),
        ([[1], [1, 2]], BindingShapeError),
        (np.ones((2, 2, 2)), BindingShapeError),
        ("ab", BindingTypeError),
        (None, BindingTypeError),
        ({0: 1.0}, BindingTypeError),
        ([True, False], BindingTypeError),
    ],
)
def test_wrong_values_read_the_same_everywhere(value: Any, error: type[Exception]) -> None:
    told = message(error, lambda: rotations.compile({"n": 2, "H": H}).run(bindings={"th": value}))
    assert message(error, lambda: rotations.run(n=2, th=value, H=H)) == told
    assert message(error, lambda: rotations.grad(n=2, th=value, H=H)) == told
    assert message(error, lambda: flips.sample(n=2, th=value)) == told.replace("rotations", "flips")


def test_a_batch_has_its_samples_first() -> None:
    angles = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    assert np.allclose(rotations.run(n=2, th=angles, H=H), np.cos(angles).prod(1))


def test_lengths_that_are_asked_for_hold() -> None:
    w = np.array([[0.1, 0.2], [0.3, 0.4]])
    expected = np.cos(w[:, 0].sum()) * np.cos(0.5 + 0.6)
    assert layers.run(n=2, w=w, v=[9.0, 0.5, 0.6]) == pytest.approx(expected)
    assert layers.run(n=2, w=np.ones((0, 2)), v=[9.0]) == pytest.approx(1)
    with pytest.raises(BindingShapeError, match=r"wrong shape: \(2, 3\)"):
        layers.run(n=2, w=np.ones((2, 3)), v=[9.0, 0.5])


def test_lengths_given_to_compile() -> None:
    assert rotations.compile({"n": 2, "H": H}, lengths={"th": 2}).parameter_names == ("th[0]", "th[1]")
    with pytest.raises(UnknownBindingError, match="no argument `tj`"):
        rotations.compile({"n": 2, "H": H}, lengths={"tj": (2,)})
    with pytest.raises(BindingTypeError, match="whole numbers"):
        rotations.compile({"n": 2, "H": H}, lengths={"th": 2.0})  # type: ignore[dict-item]
    with pytest.raises(BindingShapeError, match="Vector"):
        rotations.compile({"n": 2, "H": H}, lengths={"th": (2, 2)})
    with pytest.raises(BindingTypeError, match="keys of `e`"):
        ising.compile(parameters=["e"], lengths={"e": 3})


def test_gradient_by_a_dictionary() -> None:
    step = 1e-5
    expected = {
        key: (ising.run(e={**EDGES, key: value + step}) - ising.run(e={**EDGES, key: value - step})) / (2 * step)
        for key, value in EDGES.items()
    }
    assert max(map(abs, expected.values())) > 0.01
    assert ising.grad(e=EDGES) == {"e": pytest.approx(expected, abs=1e-8)}
    assert ising.grad(e=EDGES, wrt="e") == {"e": pytest.approx(expected, abs=1e-8)}
    program = ising.compile(parameters=["e"], lengths={"e": EDGES})
    value, gradient = program.value_and_grad(bindings={"e": EDGES})
    assert value == pytest.approx(ising.run(e=EDGES))
    assert gradient == {"e": pytest.approx(expected, abs=1e-8)}
    with pytest.raises(EntrypointValidationError, match="lengths="):
        ising.compile(parameters=["e"])


def test_a_batch_of_dictionaries() -> None:
    values = ising.run(e={(1, 2): [0.3, 0.6], (0, 1): 0.5})
    assert values == pytest.approx([ising.run(e={(1, 2): value, (0, 1): 0.5}) for value in (0.3, 0.6)])


def test_a_gradient_by_nothing() -> None:
    with pytest.raises(GradientError, match="no open Float"):
        ising.grad(e={})
    with pytest.raises(GradientError, match="fixed are `a`, `b`"):
        compared.grad(a=0.3, b=0.4)
    for wrt in (None, "b"):
        assert chosen.grad(a=0.3, b=0.4, wrt=wrt) == {"b": pytest.approx(-np.sin(0.4))}
    with pytest.raises(GradientError, match="by `a`, which was fixed"):
        chosen.grad(a=0.3, b=0.4, wrt="a")


def test_tensors_that_autograd_follows() -> None:
    angles = torch.tensor([0.1, 0.2], dtype=torch.float64, requires_grad=True)
    program = rotations.compile({"n": 2, "H": H})
    for given in (angles, [angles[0], angles[1]]):
        with pytest.raises(GradientError, match="QLayer"):
            rotations.run(n=2, th=given, H=H)
        with pytest.raises(GradientError, match="QLayer"):
            program.run(th=given)
    expected = pytest.approx(np.cos(0.1) * np.cos(0.2))
    assert rotations.run(n=2, th=angles.detach(), H=H) == expected
    with torch.no_grad():
        assert program.run(th=angles) == expected


def test_layers_take_no_more_than_the_circuit_uses() -> None:
    from qkernel import nn

    for roles in ({"weights": {"th": (3,)}}, {"inputs": {"th": 3}}, {"weights": {"th": np.zeros(3)}}):
        with pytest.raises(BindingShapeError, match=r"has the shape \(2,\) in this circuit, and the shape \(3,\) was given"):
            nn.QLayer(rotations, bindings={"n": 2, "H": H}, **roles)
    assert nn.QLayer(rotations, bindings={"n": 2, "H": H}, weights={"th": (2,)}).th.shape == (2,)


def test_a_dictionary_may_be_open_without_keys() -> None:
    @qk.qkernel
    def kernel(a: qk.Float, d: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
        q = qk.rx(qk.qubit(), a)
        for _, angle in qk.items(d):
            q = qk.rx(q, angle)
        return qk.expval(q, qko.Z(0))

    value, slope = math.cos(0.3), -math.sin(0.3)
    program = kernel.compile(parameters=["a", "d"], lengths={"d": []})
    assert program.parameter_names == ("a",)
    assert program.run(a=0.3, d={}) == pytest.approx(value)
    assert program.run(a=[0.3, 0.3], d={}) == pytest.approx([value] * 2)
    assert program.grad(a=0.3, d={}) == {"a": pytest.approx(slope), "d": {}}
    assert program.hessian(a=0.3, d={}) == {"a": {"a": pytest.approx(-value), "d": {}}, "d": {}}
    with pytest.raises(UnknownBindingError, match="`d` has no key `1` in this circuit"):
        program.run(a=0.3, d={1: 0.2})
