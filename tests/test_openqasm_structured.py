"""OpenQASM with the kernel's own structure: what stays, what is unrolled, what is refused, and that it reads back alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
import qkernel_stdlib as library
from qkernel.errors import TargetCapabilityError
from qkernel.ir.ops import Call, For, If, While
from qkernel.ir.walk import walk
from tests.strategies import openqasm


def counts_of(kernel: Any) -> dict[str, int]:
    """How many loops and branches a kernel's module has."""
    found = [type(op) for function in kernel.ir.functions for op in walk(function.body)]
    return {kind.__name__: found.count(kind) for kind in (For, If, While, Call)}


def read_back(kernel: Any, **options: Any) -> Any:
    return qk.from_qasm(kernel.to_qasm(**options))


@qk.qkernel
def layer(q: qk.Vector[qk.Qubit], w: qk.Vector[qk.Float], t: qk.Float) -> qk.Vector[qk.Qubit]:
    q = qk.ry(q, w)
    for i in qk.range(len(q) - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
        if i % 2 == 0:
            q[i] = qk.rz(q[i], t / (i + 1))
    return q


@qk.composite_gate(name="entangle")
@qk.qkernel
def entangle(a: qk.Qubit, b: qk.Qubit, angle: qk.Float) -> tuple[qk.Qubit, qk.Qubit]:
    a, b = qk.rzz(qk.h(a), b, 2 * angle)
    return a, b


@qk.qkernel
def network(n: qk.UInt, w: qk.Matrix[qk.Float], t: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(n))
    for k in qk.range(w.shape[0]):
        q = layer(q, w[k], t * k)
        for i in qk.range(0, n - 1, 2):
            q[i], q[i + 1] = entangle(q[i], q[i + 1], w[k, i])
    c = qk.qubit(name="c")
    c, q = qk.control(layer, control_value=0)(c, q, w[0], t)
    q = qk.inverse(layer)(q, w[1], t)
    return qk.measure(q)


NETWORK = """OPENQASM 3.0;
include "stdgates.inc";
input array[float[64], 2, 4] w;
input float[64] t_1;
output bit[4] bits;
def layer(qubit[4] q, readonly array[float[64], 4] w, float[64] t_1) {
  for int k in [0:3] {
    ry(w[k]) q[k];
  }
  for int i in [0:2] {
    cx q[i], q[i + 1];
    if (i % 2 == 0) {
      rz(t_1 / (i + 1)) q[i];
    }
  }
}
"""


def test_loops_branches_and_kernels_stay() -> None:
    text = network.to_qasm(n=4, lengths={"w": (2, 4)})
    assert text.startswith(NETWORK)
    assert (
        "for int k in [0:1] {\n  layer(q, w[k], t_1 * k);\n  for int i in [0:2:2] {\n    entangle(w[k, i]) q[i], q[i + 1];"
        in text
    )
    assert "negctrl @ layer_1(w[0, 0], w[0, 1], w[0, 2], w[0, 3], t_1) c, q[0], q[1], q[2], q[3];" in text
    assert "inv @ layer_1(" in text
    kernel = qk.from_qasm(text)
    w = np.linspace(-1, 1, 8).reshape(2, 4)
    values = network.sample(shots=200, seed=4, n=4, w=w, t=0.3)
    assert kernel.sample(shots=200, seed=4, w=w, t_1=0.3).counts == values.counts
    assert [op.domain for op in walk(kernel.ir.entry.body) if isinstance(op, For)]


@qk.qkernel
def rounds(most: qk.UInt) -> tuple[qk.UInt, qk.Bit]:
    x = qk.qubit(name="x")
    seen, count = qk.measure(qk.h(qk.qubit())), 0
    while seen:
        count = count + 1
        seen = qk.measure(qk.h(qk.qubit()))
    if count > most:
        x = qk.x(x)
    return count, qk.measure(x)


def test_variables_of_the_run() -> None:
    text = rounds.to_qasm(most=1)
    assert "while (seen) {" in text
    assert "reset work" in text
    kernel = qk.from_qasm(text)
    assert kernel.sample(shots=300, seed=1).counts == rounds.sample(shots=300, seed=1, most=1).counts
    assert counts_of(kernel)["While"] == 1


@qk.qkernel
def staircase(n: qk.UInt, t: qk.Float) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n)
    for k in qk.range(n - 1):
        q[k:] = fan(q[k:], t)
    return q


@qk.qkernel
def fan(q: qk.Vector[qk.Qubit], t: qk.Float) -> qk.Vector[qk.Qubit]:
    for i in qk.range(1, len(q)):
        q[0], q[i] = qk.crx(q[0], q[i], t * i)
    return q


def test_loops_over_registers_of_several_lengths_are_unrolled() -> None:
    text = staircase.to_qasm(n=4)
    assert re.findall(r"^def (\w+)\(qubit\[(\d)\]", text, re.MULTILINE) == [("fan", "4"), ("fan_1", "3"), ("fan_2", "2")]
    assert "fan(q, t_1);\nfan_1(q[1:3], t_1);\nfan_2(q[2:3], t_1);\n" in text
    assert counts_of(qk.from_qasm(text))["For"] == 3


@qk.qkernel(clean_ancillas=True)
def through_work(x: qk.Qubit) -> qk.Qubit:
    work = qk.qubit(name="work")
    x, work = qk.cx(x, work)
    work = qk.t(work)
    x, work = qk.cx(x, work)
    return x


@qk.qkernel
def dirty(x: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    own = qk.h(qk.qubit(name="own"))
    x, own = qk.cx(x, own)
    return x, own


@qk.qkernel
def worked(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(n))
    for k in qk.range(n):
        q[k] = through_work(q[k])
        q[k] = qk.h(q[k])
    q[0], left = dirty(q[0])
    q[1], right = dirty(q[1])
    left, right = qk.cz(left, right)
    c, q[2] = qk.control(through_work)(qk.h(qk.qubit()), q[2])
    return qk.measure([left, right, q[0], q[1], q[2], c])


def test_qubits_that_kernels_make_are_those_of_one_register() -> None:
    text = worked.to_qasm(n=3)
    assert "def through_work(qubit x_1, qubit[1] work) {" in text
    assert "through_work(q[k], work[0:0]);" in text
    assert "qubit[3] work;" in text
    exact, found = (
        dict(kernel.sample(shots=4000, seed=2).probabilities()) for kernel in (worked.compile({"n": 3}), qk.from_qasm(text))
    )
    assert exact == found


@qk.qkernel
def evolved(n: qk.UInt, t: qk.Float, J: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.h(qk.qubit_array(n))
    for i in qk.range(n - 1):
        q = qk.pauli_evolve(q, J[i] * qko.Z(i) * qko.Z(i + 1), t)
    q = qk.pauli_evolve(q, qko.X(0) * qko.Y(1) + 0.5, t)
    return qk.expval(q, qko.Z(0))


def test_evolutions_are_gates_and_values_comments() -> None:
    text = evolved.to_qasm(n=3, lengths={"J": 2})
    assert "gate evolution(theta_0, theta_1) q0, q1 {\n  rzz(" in text
    assert "for int i in [0:1] {\n  evolution(J[i], t_1) q[i], q[i + 1];\n}" in text
    assert text.rstrip().endswith('// expectation: the expectation value of observable("Z0") on q')
    state = qk.from_qasm(text).statevector(q=3, t_1=0.3, J=[0.4, 0.5])
    expected = evolved.run(n=3, t=0.3, J=[0.4, 0.5])
    assert np.sum(abs(state) ** 2 * np.tile([1, -1], 4)) == pytest.approx(expected)


@qk.qkernel
def taught(h: qk.Dict[tuple[qk.UInt, qk.UInt], qk.Float], amplitudes: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.prepare(qk.qubit_array(2), amplitudes)
    for (i, j), w in qk.items(h):
        q[i], q[j] = qk.rzz(q[i], q[j], w)
    return qk.inverse(library.qft)(q)


def test_equal_words_of_an_evolution_are_not_merged() -> None:
    @qk.qkernel
    def quench(n: qk.UInt, a: qk.Float, given: qk.Observable) -> qk.Vector[qk.Qubit]:
        h = a * qko.Y(0)
        for i in qk.range(n):
            h = h + qko.X(i)
        for i in qk.range(n):
            h = h + qko.Y(i)
        h = h - a * qko.X(1) + given
        return qk.pauli_evolve(qk.qubit_array(n), h + 0.5 * h, 0.3)

    fixed = {"n": 2, "given": 0.4 * qko.Z(0) + qko.X(1)}
    for bound, opened in (({"a": 0.7}, {}), ({}, {"a": 0.7})):
        again = qk.from_qasm(quench.to_qasm(fixed | bound)).statevector(q=2, **opened)
        np.testing.assert_allclose(again, quench.statevector(bindings=fixed | {"a": 0.7}), atol=1e-12)


def test_dictionaries_and_amplitudes() -> None:
    given = {(0, 1): 0.3, (1, 0): -0.8}
    text = taught.to_qasm(h=given, amplitudes=[1.0, 2.0, -1.0, 0.5])
    expected = taught.statevector(h=given, amplitudes=[1.0, 2.0, -1.0, 0.5])
    np.testing.assert_allclose(qk.from_qasm(text).statevector(q=2), expected, atol=1e-12)


EXAMPLES: dict[str, tuple[Any, Mapping[str, Any]]] = {
    "qft": (library.qft, {"q": 4}),
    "iqft": (library.iqft, {"q": 3}),
    "staircase": (staircase, {"n": 4, "t": 0.7}),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_unitaries_read_back(name: str) -> None:
    kernel, sizes = EXAMPLES[name]
    text = kernel.to_qasm(**sizes)
    found = qk.from_qasm(text)
    lengths = {register: int(size) for size, register in re.findall(r"^qubit\[(\d+)\] (\w+);", text, re.MULTILINE)}
    np.testing.assert_allclose(found.statevector(**lengths), kernel.statevector(**sizes), atol=1e-10)


@qk.qkernel
def valued(x: qk.Float) -> qk.Float:
    q = qk.qubit()
    q = qk.rx(q, math_of(x))
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def math_of(x: qk.Float) -> qk.Float:
    return qk.max(qk.sqrt(qk.abs(x)), 1 / x)


def test_what_openqasm_has_no_words_for_is_refused() -> None:
    with pytest.raises(TargetCapabilityError, match="cannot be written in OpenQASM here") as caught:
        valued.to_qasm()
    assert "flat=True" in str(caught.value.help)
    assert caught.value.span is not None


def test_version_2() -> None:
    from qiskit import qasm2

    text = network.to_qasm(version=2, n=4, w=np.zeros((2, 4)), t=0.2)
    assert text.startswith("OPENQASM 2.0;")
    assert qasm2.loads(text, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS).num_qubits == 5
    assert qk.from_qasm(text).sample(shots=100, seed=1).shots == 100
    with pytest.raises(TargetCapabilityError, match="OpenQASM 2"):
        network.to_qasm(version=2, n=4, lengths={"w": (2, 4)})
    with pytest.raises(TargetCapabilityError, match="OpenQASM 2"):
        rounds.to_qasm(version=2, most=1)
    with pytest.raises(qk.errors.KernelTypeError, match="no OpenQASM 4"):
        rounds.to_qasm(version=4, most=1)


def test_the_flat_form_reads_back_too() -> None:
    circuit = staircase.compile({"n": 3, "t": 0.4}).circuit
    flat = qk.from_qasm(staircase.to_qasm(n=3, t=0.4, flat=True))
    np.testing.assert_allclose(flat.statevector(q=3), openqasm.state(circuit, np.zeros(0)), atol=1e-9)
