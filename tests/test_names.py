"""Names of users never meet names that the system makes, whatever the users write."""

from __future__ import annotations

import math

import pytest

import qkernel as qk
import qkernel.observable as qko


@qk.qkernel
def computed(expectations: qk.Float, bits: qk.Float, probabilities_0: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit(), expectations)
    return qk.expval(q, qko.Z(0)) + expectations + 2 * bits + 3 * probabilities_0


@qk.qkernel
def distribution(expectations: qk.Vector[qk.Float], probabilities_1: qk.Float, probabilities_x: qk.Float) -> qk.Float:
    p = qk.probabilities(qk.ry(qk.qubit_array(1), expectations[0]))
    return p[0] * probabilities_1 + expectations[1] + probabilities_x


@qk.qkernel
def measured(bits: qk.Float, expectations: qk.Float) -> tuple[qk.Bit, qk.Float]:
    return qk.measure(qk.rx(qk.qubit(), expectations)), bits


def test_arguments_called_like_readouts() -> None:
    expected = math.cos(0.5) + 0.5 + 2 * 0.1 + 3 * 0.2
    assert computed.run(0.5, 0.1, 0.2) == pytest.approx(expected)
    slopes = {"expectations": 1 - math.sin(0.5), "bits": 2.0, "probabilities_0": 3.0}
    assert computed.grad(0.5, 0.1, 0.2) == pytest.approx(slopes)
    assert distribution.run([0.4, 7.0], 2.0, 3.0) == pytest.approx(2 * math.cos(0.2) ** 2 + 10)


def test_arguments_called_like_measured_bits() -> None:
    (value,) = {value for value, _ in measured.sample(bits=0.25, expectations=math.pi, shots=10).results}
    assert value == (1, 0.25)


def test_layer_of_arguments_called_like_readouts() -> None:
    torch = pytest.importorskip("torch")
    from qkernel.nn import QLayer

    layer = QLayer(computed, inputs="expectations", weights=["bits", "probabilities_0"]).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(0.5)
    point = torch.tensor([[0.5]], dtype=torch.float64, requires_grad=True)
    value = layer(point)
    value.sum().backward()
    assert value.item() == pytest.approx(math.cos(0.5) + 0.5 + 2.5)
    assert point.grad is not None
    assert point.grad.item() == pytest.approx(1 - math.sin(0.5))
