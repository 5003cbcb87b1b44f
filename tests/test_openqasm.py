"""OpenQASM texts: Qiskit reads each back as the circuit that was written, open or bound, global phase included."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from circuit_builder import CircuitBuilder, bit
from qiskit import qasm3, transpile
from qiskit_aer import AerSimulator
from test_qiskit import KINDS, described

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import Expr, apply
from qkernel.lower.circuit import Circuit, Kind
from qkernel.openqasm import flat_text
from qkernel.openqasm.expressions import number
from qkernel_backends.reference import ReferenceEngine
from tests.strategies import openqasm


def check(circuit: Circuit, theta: Any = ()) -> None:
    """The text with open inputs is the circuit."""
    row = np.array(theta, float)
    expected = ReferenceEngine().prepare(circuit).state(row[None])[0]
    np.testing.assert_allclose(openqasm.state(circuit, row), expected, atol=1e-9)


def check_both(kernel: Any, **values: Any) -> None:
    """The kernel's texts with its arguments open and bound are its circuit."""
    circuit = kernel.compile({}, list(values)).circuit
    check(circuit, np.concatenate([np.ravel(values[entry.name]) for entry in circuit.angles.parameters]))
    check(kernel.compile(values).circuit)


@pytest.mark.parametrize("kind", KINDS, ids=described)
def test_every_gate_with_scaled_parameters(kind: Kind) -> None:
    count = max(1, kind.num_qubits)
    builder = CircuitBuilder(count)
    y = builder.parameter("y")
    for qubit in range(count):
        builder.gate("ry", qubit, angles=(0.3 + qubit,)).gate("rz", qubit, angles=(0.7 - 0.4 * qubit,))
    builder._add(kind, tuple(range(kind.num_qubits)), tuple((k + 2) * y + 0.1 for k in range(kind.num_angles)))
    for qubit in range(count):
        builder.gate("rx", qubit, angles=(-0.5 * y,))
    check(builder.circuit(), [0.37])


@qk.qkernel
def evolve(y: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.h(qk.qubit_array(3))
    q = qk.pauli_evolve(q, 0.3 * qko.X(0) * qko.Y(1) + 0.7 * qko.Z(2) + 0.2 * qko.Z(0) * qko.Y(1) * qko.X(2) + 0.4, 2 * y)
    return qk.probabilities(qk.ry(q, 0.3))


@qk.qkernel
def many_controls(y: qk.Float, z: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.h(qk.qubit_array(4))
    q[0], q[1], q[2] = qk.control(qk.ry, num_controls=2)(q[0], q[1], q[2], 2 * y - z)
    q[0], q[1], q[2] = qk.control(qk.rzz)(q[0], q[1], q[2], 3 * y)
    q[0], q[1], q[2], q[3] = qk.control(qk.u, num_controls=3, control_value=5)(q[0], q[1], q[2], q[3], y, z, 2 * y)
    q[3], q[1] = qk.control(qk.global_phase(qk.x, 0.3), control_value=0)(q[3], q[1])
    return qk.probabilities(qk.rx(q, 0.3))


ROOT = [[1 / math.sqrt(2), 1j / math.sqrt(2)], [1j / math.sqrt(2), 1 / math.sqrt(2)]]
MATRIX = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)) + 1j * np.random.default_rng(6).normal(size=(4, 4)))[0]


@qk.qkernel
def rooted(q: qk.Qubit) -> qk.Qubit:
    return qk.unitary(ROOT, q)


@qk.qkernel
def rotated(a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    a, b = qk.unitary(MATRIX, a, b)
    return a, b


@qk.qkernel
def with_a_matrix(y: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.rx(qk.qubit_array(3), y)
    q[0] = rooted(q[0])
    q[0], q[1] = qk.control(rooted)(q[0], q[1])
    q[1], q[0] = qk.control(rooted, control_value=0)(q[1], q[0])
    q[2], q[0], q[1] = qk.control(rotated)(q[2], q[0], q[1])
    q[1], q[2] = rotated(q[1], q[2])
    return qk.probabilities(q)


def test_kernels_whose_parameters_qiskit_applied_twice() -> None:
    check_both(evolve, y=0.37)
    check_both(with_a_matrix, y=0.37)
    check_both(many_controls, y=0.37, z=-1.2)


@qk.composite_gate(name="my entangler!")
@qk.qkernel
def entangler(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    q[0] = qk.rx(q[0], angle)
    q[0], q[1] = qk.cx(q[0], q[1])
    return q


@qk.composite_gate(name="entangler")
@qk.qkernel
def outer(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    q = entangler(q, angle)
    q = qk.rx(q, 0.1)
    return q


@qk.qkernel
def composed(y: qk.Float) -> qk.Vector[qk.Float]:
    q, r = qk.h(qk.qubit_array(2)), qk.qubit_array(2)
    q = outer(q, 0.4)
    r = outer(r, 0.4)
    q[0], r[1] = qk.cx(q[0], r[1])
    q = outer(q, 2 * y)
    r = entangler(r, 0.4)
    return qk.probabilities(q)


def test_composite_gates_are_gates_of_the_text() -> None:
    check_both(composed, y=0.3)
    text = composed.to_qasm(flat=True)
    assert re.findall(r"^gate (\w+) q0, q1 {", text, re.MULTILINE) == ["my_entangler", "entangler"]
    assert "\nentangler q[0], q[1];\nentangler q_1[0], q_1[1];\n" in text
    assert "\n// entangler on q[0], q[1]\n// my entangler! on q[0], q[1]\nrx(2.0 * y_1) q[0];\n" in text
    assert text.rstrip().endswith("my_entangler q_1[0], q_1[1];")


@qk.composite_gate(name="swap")
@qk.qkernel
def misleading(a: qk.Qubit, b: qk.Qubit) -> tuple[qk.Qubit, qk.Qubit]:
    return qk.cx(qk.unitary(ROOT, a), b)


@qk.qkernel
def misled() -> tuple[qk.Bit, qk.Bit]:
    a, b = misleading(qk.x(qk.qubit()), qk.qubit())
    a = qk.unitary(ROOT, a)
    return qk.measure(a), qk.measure(b)


def test_composite_gates_are_not_taken_for_operations_of_their_name() -> None:
    """Aer and Qiskit's transpiler know operations by their names alone."""
    circuit = misled.to_circuit()
    assert [row.operation.name for row in circuit.data][1] == "swap_box"
    exact = dict(misled.sample(shots=2000, seed=1, engine="reference").counts)
    for written in (circuit, qasm3.loads(misled.to_qasm(flat=True))):
        made = transpile(written, AerSimulator(), optimization_level=0)
        found = AerSimulator(seed_simulator=1).run(made, shots=2000).result().get_counts()
        for (a, b), count in exact.items():
            assert abs(found.get(f"{b}{a}", 0) - count) < 5 * np.sqrt(2000)


@qk.qkernel
def named(
    x: qk.Float, pi: qk.Float, q: qk.Float, c: qk.Float, θ: qk.Float, gate: qk.Float, q0: qk.Float, q_0: qk.Float,
    w: qk.Vector[qk.Float], w_0: qk.Float, m: qk.Matrix[qk.Float], theta: qk.Float, rzz: qk.Float,
) -> qk.Vector[qk.Float]:  # fmt: skip
    first, second = qk.qubit_array(2, name="c"), qk.qubit(name="h")
    a, b = qk.rzz(first[0], first[1], 2 * rzz)
    for angle in (x, 2 * pi, q, c + 1, θ, gate, q0, q_0, w[0], 3 * w[1], w_0, m[0, 0], m[0, 1] + m[1, 0] - m[1, 1], theta):
        a = qk.rx(a, angle)
        a = qk.rz(a, 0.2)
    second, a = qk.cx(second, a)
    first[0], first[1] = a, b
    return qk.probabilities(second)


def test_names_of_users_meet_no_word_of_the_language() -> None:
    names = ("x", "pi", "q", "c", "θ", "gate", "q0", "q_0", "w", "w_0", "m", "theta", "rzz")
    circuit = named.compile({}, names, lengths={"w": 2, "m": (2, 2)}).circuit
    check(circuit, np.linspace(-1, 2, circuit.angles.num_columns))
    text = flat_text(circuit)
    inputs = re.findall(r"^input float\[64\] (\w+);(?: // (.*))?$", text, re.MULTILINE)
    assert len({name for name, _ in inputs}) == len(inputs) == circuit.angles.num_columns
    assert [column or name for name, column in inputs] == list(circuit.angles.column_names)
    assert [name for name, column in inputs if column == "w[0]"] == ["w_0"]
    assert all(name.isascii() for name, _ in inputs)


def test_angles_that_are_no_sums() -> None:
    builder = CircuitBuilder(1)
    x, y = (builder.parameter(name) for name in ("x", "y"))
    a, b = (entry.elements[0] for entry in builder.parameters)
    builder.gate("rx", 0, angles=(a * b,)).gate("ry", 0, angles=(1 / (2 + a) - (-b) * (a - b),)).gate(
        "rz", 0, angles=(a / b / a,)
    )
    circuit = builder.circuit()
    check(circuit, [0.7, -0.4])
    loaded = qasm3.loads(flat_text(circuit))  # Qiskit reads these
    assert len(loaded.parameters) == 2
    assert x is not y


CURVED = {
    "sin": 0.3, "cos": 0.3, "tan": 0.3, "asin": 0.3, "acos": 0.3, "atan": 0.3, "exp": 0.3, "log": 0.3, "log2": 0.3,
    "sqrt": 0.3, "abs": -0.3, "floor": 2.7, "ceil": 2.2, "sinh": 0.3, "cosh": 0.3, "tanh": 0.3,
}  # fmt: skip
PYTHON = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "arcsin": math.asin, "arccos": math.acos, "arctan": math.atan,
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt, "floor": math.floor, "ceiling": math.ceil, "pi": math.pi,
}  # fmt: skip


@pytest.mark.parametrize("function", CURVED)
def test_functions_are_those_of_openqasm(function: str) -> None:
    """Qiskit reads no functions: the text, whose syntax here is Python's too, is computed with OpenQASM's names."""
    builder = CircuitBuilder(1)
    builder.parameter("a")
    (a,) = builder.parameters[0].elements
    angle: Expr = apply("float", apply(function, a)) * 2 + apply(function, a) ** 2
    circuit = builder.gate("rx", 0, angles=(angle,)).circuit()
    (text,) = re.findall(r"^rx\((.*)\) q\[0\];$", flat_text(circuit), re.MULTILINE)
    value = CURVED[function]
    assert eval(text, {**PYTHON, "a": value}) == pytest.approx(circuit.angles.evaluate(np.array([value]))[0])


def test_an_angle_that_openqasm_cannot_say() -> None:
    builder = CircuitBuilder(1)
    builder.parameter("a")
    (a,) = builder.parameters[0].elements
    circuit = builder.gate("rx", 0, angles=(apply("atan2", a, 0.5),)).circuit()
    with pytest.raises(TargetCapabilityError, match="cannot be written in OpenQASM") as caught:
        flat_text(circuit)
    assert caught.value.help is not None


@pytest.mark.parametrize(
    "value", [0.0, 5e-10, 1e-30, math.pi / 4 + 4e-10, 1 / 3, 0.1 + 0.2, 1e20, 1e22, -2.5, 100 * math.pi, 2.0**60, -1e-7]
)
def test_numbers_are_exact(value: float) -> None:
    assert eval(number(value), {"pi": math.pi}) == value
    builder = CircuitBuilder(1)
    y = builder.parameter("a")
    circuit = builder.gate("rx", 0, angles=(value * y + value,)).gate("p", 0, angles=(value,)).circuit()
    check(circuit, [0.3])


def test_fractions_of_pi_are_written_as_such() -> None:
    assert [number(k * math.pi / d) for k, d in ((1, 1), (-1, 1), (1, 2), (-1, 4), (3, 8), (7, 3), (-5, 16))] == [
        "pi", "-pi", "pi / 2", "-pi / 4", "3 * pi / 8", "7 * pi / 3", "-5 * pi / 16",
    ]  # fmt: skip


def test_controls_are_modifiers() -> None:
    builder = CircuitBuilder(4)
    builder.gate("x", 0, 1, 2, 3, controls=3).gate("x", 0, 1, 2, controls=2).gate("x", 0, 1, 2, controls=2, control_value=2)
    builder.gate("h", 0, 1, controls=1).gate("sxdg", 2).gate("t", 0, 1, 2, controls=2)
    lines = flat_text(builder.circuit()).splitlines()[3:]
    assert lines == [
        "ctrl(3) @ x q[0], q[1], q[2], q[3];",
        "ccx q[0], q[1], q[2];",
        "negctrl @ ctrl @ x q[0], q[1], q[2];",
        "ch q[0], q[1];",
        "inv @ sx q[2];",
        "ctrl @ ctrl @ t q[0], q[1], q[2];",
    ]


@qk.qkernel
def reused(y: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(2), y)
    for k in qk.range(2):
        q[k] = borrowing(q[k])
    late = qk.h(qk.qubit_array(2, name="late"))
    late[0], q[1] = qk.cz(late[0], q[1])
    return qk.probabilities(q)


@qk.qkernel(clean_ancillas=True)
def borrowing(x: qk.Qubit) -> qk.Qubit:
    work = qk.qubit(name="work")
    x, work = qk.cx(x, work)
    x, work = qk.cx(x, work)
    return qk.s(x)


def test_qubits_that_several_registers_share() -> None:
    check_both(reused, y=0.8)
    counts = re.findall(r"^qubit\[(\d+)\]", reused.to_qasm(flat=True), re.MULTILINE)
    assert sum(map(int, counts)) == reused.compile().circuit.num_qubits


@qk.qkernel
def valued(y: qk.Float, h: qk.Observable) -> tuple[qk.Float, qk.Float]:
    q = qk.ry(qk.qubit_array(2, name="left"), y)
    r = qk.qubit(name="right")
    q[1], r = qk.cx(q[1], r)
    value = qk.expval(q, h)
    return value, qk.expval(r, qko.Z(0))


def test_what_openqasm_cannot_read_out_stands_in_comments() -> None:
    text = valued.to_qasm(flat=True, h=0.5 * qko.X(0) * qko.Z(1) - 2.0 * qko.Y(1) + 1.5)
    assert [line for line in text.splitlines() if line.startswith("//")] == [
        "// `valued` reads out of the final state, for which OpenQASM has no statement:",
        "// the expectation value of",
        "//   +1.5",
        "//   +0.5 X(left[0]) Z(left[1])",
        "//   -2.0 Y(left[1])",
        "// the expectation value of",
        "//   +1.0 Z(right[0])",
    ]
    assert qasm3.loads(text).num_qubits == 3
    text = reused.to_qasm(flat=True)
    assert "// the probabilities of q[0], q[1], the first least significant" in text


def counted(text: str, shots: int = 400) -> dict[str, int]:
    circuit = qasm3.loads(text)
    return dict(AerSimulator(seed_simulator=1).run(circuit, shots=shots).result().get_counts())


def test_branches_and_loops_read_back() -> None:
    builder = CircuitBuilder(3, 2).gate("x", 0).measure(0, 0)
    builder.branch(bit(0), lambda b: b.gate("x", 1).gate("gphase", angles=(0.3,)), lambda b: b.gate("x", 2))
    builder.branch(apply("not", bit(0)), lambda b: b.gate("x", 2)).barrier(0, 1).reset(0)
    builder.measure(1, 0).gate("h", 2).measure(2, 1).repeat(bit(1), lambda b: b.gate("h", 2).measure(2, 1))
    assert counted(flat_text(builder.circuit())) == {"01": 400}


def test_conditions_and_assignments() -> None:
    """Qiskit does not read them; they are written as the language has them."""
    builder = CircuitBuilder(2, 3).measure(0, 0).measure(1, 1).assign(2, apply("^", bit(0), apply("not", bit(1))))
    builder.branch(apply("or", apply("and", bit(0), bit(1)), bit(2)), lambda b: b.gate("x", 0))
    lines = flat_text(builder.circuit()).splitlines()[4:]
    assert lines == [
        "c[0] = measure q[0];",
        "c[1] = measure q[1];",
        "c[2] = c[0] != !c[1];",
        "if (c[0] && c[1] || c[2]) {",
        "  x q[0];",
        "}",
    ]


def test_measured_kernels_give_the_same_counts() -> None:
    @qk.qkernel
    def teleported(angle: qk.Float) -> qk.Bit:
        message, here, there = qk.ry(qk.qubit(), angle), qk.h(qk.qubit()), qk.qubit()
        here, there = qk.cx(here, there)
        message, here = qk.cx(message, here)
        if qk.measure(here):
            there = qk.x(there)
        if qk.measure(qk.h(message)):
            there = qk.z(there)
        return qk.measure(qk.ry(there, -angle))

    found = counted(teleported.to_qasm(flat=True, angle=1.1))
    assert sum(count for key, count in found.items() if key[0] == "1") == 0
