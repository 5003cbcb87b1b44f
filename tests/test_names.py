"""Names of users never meet names that the system makes, whatever the users write."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import TextFormError
from tests.strategies import openqasm


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


NAMES_OF_TEXTS = ["?7", "#0", "i#3", "t[0]", "d[(0, 1)]", "two words", "2nd", ".x", "x."]


@pytest.mark.parametrize("name", NAMES_OF_TEXTS)
@pytest.mark.parametrize("place", ["parameter", "target", "carried", "result"])
def test_values_in_texts_have_names_that_python_could_have(name: str, place: str) -> None:
    head = "qkernel 1\n\nkernel f(n: UInt, t: Vector[Float]) -> Vector[Qubit]:\n    q = qubits(2)\n"
    text = {
        "parameter": head.replace("n: UInt", f"`{name}`: UInt"),
        "target": head + f"    for `{name}` in range(n):\n        h(q[0])\n",
        "carried": head + f"    for i in range(n) carrying `{name}` = 0:\n        next `{name}` = i\n",
        "result": head + f"    `{name}` = project_z(q[0])\n",
    }[place]
    with pytest.raises(TextFormError, match="no name of a value"):
        qk.parse(text + "    return q\n")


@pytest.mark.parametrize("name", [*NAMES_OF_TEXTS, "q.1", "bits", "c", "meas"])
def test_registers_may_have_any_name(name: str) -> None:
    @qk.qkernel
    def registers() -> tuple[qk.Bit, qk.Bit, qk.Bit]:
        first, second, third = qk.qubit(name), qk.qubit(name), qk.qubit("c")
        return qk.measure(qk.x(first)), qk.measure(second), qk.measure(third)

    assert qk.parse(str(registers.ir)) == registers.ir
    for engine in ("native", "qiskit"):
        assert sampled(registers, engine) == {(1, 0, 0): 5}
    assert registers.draw(output="text")
    assert registers.to_qasm(flat=True).count("qubit[1]") == 3


def sampled(kernel: Any, engine: str) -> dict[Any, int]:
    return dict(kernel.compile(engine=engine).sample(shots=5).results)


@qk.qkernel
def taken_in_openqasm(
    a_0: qk.Float, a: qk.Vector[qk.Float], input: qk.Float, gate: qk.Float, pi: qk.Float, U: qk.Float, λ: qk.Float
) -> qk.Float:
    q = qk.qubit_array(2, name="a")
    q[0] = qk.rx(q[0], a_0 + a[0])
    q[1] = qk.rx(q[1], a[1] * input + gate)
    q[1] = qk.ry(q[1], pi - U + 2 * λ)
    return qk.expval(q, qko.Z(0) + 0.5 * qko.Z(1))


def test_names_that_are_taken_in_qiskit_and_openqasm() -> None:
    values = {name: 0.1 * (k + 1) for k, name in enumerate(["a_0", "input", "gate", "pi", "U", "λ"])} | {"a": [0.25, -0.75]}
    program = taken_in_openqasm.compile(lengths={"a": 2})
    expected = np.array(taken_in_openqasm.run(**values))
    assert taken_in_openqasm.run(**values, engine="qiskit") == pytest.approx(float(expected))
    theta = np.array([0.1, 0.25, -0.75, 0.2, 0.3, 0.4, 0.5, 0.6])
    read_back = openqasm.state(program.circuit, theta)
    state = load_engine("native").prepare(program.circuit).state(theta[None])[0]
    assert read_back == pytest.approx(state)
