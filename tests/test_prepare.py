"""States from amplitudes: every engine against vectors, gradients by the data through blocks of zeros, and the circuit.

B2 and B9 are rows of the documents that the project grew from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.quantum_info import Statevector

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import ArithmeticEvaluationError, BindingShapeError, GradientError
from qkernel.nn import QLayer
from qkernel_stdlib import amplitude_encoding, strongly_entangling_layers

Array = np.ndarray[Any, Any]

SIMULATORS = ["reference", "native", "torch"]


@qk.qkernel
def prepared(n: qk.UInt, x: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    return amplitude_encoding(qk.qubit_array(n), x)


@qk.qkernel
def complex_prepared(n: qk.UInt, x: qk.Vector[qk.Float], y: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    return qk.prepare(qk.qubit_array(n), x, imaginary=y)


@qk.qkernel
def read(
    n: qk.UInt, x: qk.Vector[qk.Float], angles: qk.Vector[qk.Float], h: qk.Observable, y: qk.Vector[qk.Float] = ()
) -> qk.Float:
    """A value of a prepared register that is entangled with a qubit which was not prepared."""
    other = qk.ry(qk.qubit(), angles[0])
    q = amplitude_encoding(qk.qubit_array(n), x, imaginary=y)
    for i in qk.range(n):
        q[i] = qk.rx(q[i], angles[i])
        q[i], other = qk.cx(q[i], other)
        other = qk.rz(other, angles[i])
    return qk.expval((q, other), h)


def observable(n: int) -> qko.Hamiltonian:
    return qko.Y(0) * qko.Z(n) + 0.5 * qko.X(n - 1) * qko.X(n) - 0.3 * qko.Z(n - 1)


def value(x: Array, n: int, angles: Array) -> float:
    """The value of `read` for the amplitudes `x`, real or complex."""
    given = padded(x, n)
    return float((given.conj() @ read_matrix(n, angles) @ given).real / np.vdot(given, given).real)


def padded(x: Array, n: int) -> Array:
    return np.pad(x, (0, 2**n - len(x)))


def read_matrix(n: int, angles: Array) -> Array:
    """The Hermitian form of `read` in the amplitudes, by matrices of its gates, the other qubit the highest."""
    i2, x, y, z = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])

    def on(matrix: Array, qubit: int) -> Array:
        result = np.eye(1)
        for k in range(n + 1):
            result = np.kron(matrix if k == qubit else i2, result)
        return result

    def turned(pauli: Array, angle: float) -> Array:
        return np.cos(angle / 2) * i2 - 1j * np.sin(angle / 2) * pauli

    isometry = np.kron(turned(y, angles[0])[:, :1], np.eye(2**n))
    for i in range(n):
        isometry = on(turned(x, angles[i]), i) @ isometry
        isometry = (on(np.diag([1, 0]), i) + on(np.diag([0, 1]), i) @ on(x, n)) @ isometry
        isometry = on(turned(z, angles[i]), n) @ isometry
    h = on(y, 0) @ on(z, n) + 0.5 * on(x, n - 1) @ on(x, n) - 0.3 * on(z, n - 1)
    return isometry.conj().T @ h @ isometry


def slopes(x: Array, n: int, angles: Array) -> Array:
    """The gradient of `value` by the real parts of x, plus 1j times that by the imaginary parts."""
    given = padded(x, n)
    square = np.vdot(given, given).real
    return (2 * (read_matrix(n, angles) @ given - given * value(x, n, angles)) / square)[: len(x)]


# States and values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", SIMULATORS)
@pytest.mark.parametrize(("n", "count"), [(0, 1), (1, 2), (1, 1), (2, 3), (3, 8), (3, 5), (4, 16), (6, 64), (7, 64)])
def test_b2_amplitudes_are_the_data_over_its_norm_and_then_zeros(n: int, count: int, engine: str) -> None:
    x = np.random.default_rng(count).normal(size=(3, count))
    expected = np.zeros((3, 2**n))
    expected[:, :count] = x / np.linalg.norm(x, axis=1, keepdims=True)
    states = prepared.compile({"n": n}, lengths={"x": (count,)}, engine=engine).statevector(x=x)
    if n:
        np.testing.assert_allclose(states, expected, atol=1e-14)
        bound = prepared.compile({"n": n, "x": x[0]}, engine=engine).statevector()  # made by gates
        np.testing.assert_allclose(bound, expected[0], atol=1e-14)
    else:
        np.testing.assert_allclose(states, np.ones((3, 1)))


@pytest.mark.parametrize("engine", SIMULATORS)
@pytest.mark.parametrize(("n", "real", "imaginary"), [(0, 1, 1), (1, 2, 2), (2, 4, 4), (2, 3, 4), (2, 4, 1), (5, 27, 30)])
def test_b2_amplitudes_are_complex_by_a_second_vector(n: int, real: int, imaginary: int, engine: str) -> None:
    generator = np.random.default_rng(real)
    x, y = generator.normal(size=(3, real)), generator.normal(size=(3, imaginary))
    x[:, 0] = y[:, 0] = 0 if n > 1 else 1
    vectors = np.array([padded(a, n) + 1j * padded(b, n) for a, b in zip(x, y, strict=True)])
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if n else np.ones((3, 1))
    for kernel in (complex_prepared, complex_encoded):
        states = kernel.compile({"n": n}, lengths={"x": (real,), "y": (imaginary,)}, engine=engine).statevector(x=x, y=y)
        np.testing.assert_allclose(states, expected, atol=1e-14)
        bound = kernel.compile({"n": n, "x": x[0], "y": y[0]}, engine=engine).statevector()  # made by gates
        np.testing.assert_allclose(bound, expected[0], atol=1e-14)


@qk.qkernel
def complex_encoded(n: qk.UInt, x: qk.Vector[qk.Float], y: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    return amplitude_encoding(qk.qubit_array(n), x, y)


def test_b2_no_state_has_no_direction_or_more_amplitudes_than_basis_states() -> None:
    with pytest.raises(ArithmeticEvaluationError, match=r"`x` makes no state: its 4 amplitudes are all 0"):
        prepared.statevector(n=2, x=[0.0, 0.0])
    with pytest.raises(ArithmeticEvaluationError, match="sample 1 of the batch"):
        prepared.statevector(n=2, x=[[1.0, 2.0], [0.0, 0.0]])
    with pytest.raises(BindingShapeError, match="`x` has 5 amplitudes, and 2 qubits have 4"):
        prepared.statevector(n=2, x=np.ones(5))
    with pytest.raises(ArithmeticEvaluationError, match=r"`x \+ 1j \* y` makes no state: its 4 amplitudes are all 0"):
        complex_prepared.statevector(n=2, x=np.zeros(4), y=np.zeros(3))
    with pytest.raises(ArithmeticEvaluationError, match=r"its 4 amplitudes are all 0[^$]*sample 2 of the batch"):
        complex_prepared.statevector(n=2, x=[[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], y=[[0.0], [1.0], [0.0]])
    with pytest.raises(BindingShapeError, match="`y` has 5 amplitudes, and 2 qubits have 4"):
        complex_prepared.statevector(n=2, x=np.ones(4), y=np.ones(5))


@qk.qkernel
def unprepared(x: qk.Vector[qk.Float], y: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    """The probability of 0 is (x y)^2 / |x|^2 |y|^2."""
    q = amplitude_encoding(qk.qubit_array(2), x)
    return qk.probabilities(qk.inverse(amplitude_encoding)(q, y))


@pytest.mark.parametrize("engine", [*SIMULATORS, "qiskit"])
def test_b2_no_circuit_has_no_direction_either(engine: str) -> None:
    with pytest.raises(ArithmeticEvaluationError, match="sample 1 of the batch"):
        amplitude_encoding.statevector(q=2, x=[[1.0, 2.0], [0.0, 0.0]], engine=engine)
    with pytest.raises(ArithmeticEvaluationError, match="makes no state: its 4 amplitudes are all 0"):
        unprepared.run(x=[1.0, 2.0, 3.0], y=[0.0, 0.0, 0.0], engine=engine)
    layer = QLayer(unprepared, inputs={"x": 4, "y": 4}, weights=[], engine=engine)
    with pytest.raises(ArithmeticEvaluationError, match="sample 1 of the batch"):
        layer(torch.ones(2, 4), torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0]]))
    assert layer(torch.ones(4), torch.tensor([1.0, 1, 0, 0]))[0].item() == pytest.approx(0.5)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_only_the_direction_counts(scale: float) -> None:
    x = np.array([0.3, -0.4, 0.0, 1.2])
    np.testing.assert_allclose(prepared.statevector(n=2, x=x * scale), x / 1.3, atol=1e-15)


@pytest.mark.parametrize("engine", [*SIMULATORS, "qiskit"])
def test_values_on_every_engine(engine: str) -> None:
    x, angles = np.random.default_rng(2).normal(size=8), np.array([0.4, -1.1, 2.3])
    found = read.run(n=3, x=x, angles=angles, h=observable(3), engine=engine)
    assert found == pytest.approx(value(x, 3, angles), abs=1e-12)
    found = read.run(n=3, x=x, angles=angles, h=observable(3), y=x[::-1], engine=engine)
    assert found == pytest.approx(value(x + 1j * x[::-1], 3, angles), abs=1e-12)


# Gradients ------------------------------------------------------------------------------------------------------------

DATA = {
    "no zeros": [0.3, -0.8, 0.1, 0.7, -0.2, 0.4, 0.9, -0.5],
    "a block of zeros": [0.6, 0.8, 0.0, 0.0, 0.3, -0.2, 0.1, 0.5],
    "half of it zeros": [0.6, 0.8, 0.2, -0.4, 0.0, 0.0, 0.0, 0.0],
    "one number": [0.0, 0.0, 0.0, 0.0, 0.0, -2.0, 0.0, 0.0],
    "shorter": [0.6, 0.8, 0.0, 0.0, 0.0],
}


@pytest.mark.parametrize("engine", SIMULATORS)
@pytest.mark.parametrize("x", DATA.values(), ids=DATA)
def test_b2_gradients_by_the_data(x: list[float], engine: str) -> None:
    angles = np.array([0.4, -1.1, 2.3])
    found = read.grad(n=3, x=x, angles=angles, h=observable(3), engine=engine)
    np.testing.assert_allclose(found["x"], slopes(np.array(x), 3, angles).real, atol=1e-12)
    shifted = [value(np.array(x), 3, angles + step) - value(np.array(x), 3, angles - step) for step in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(found["angles"], np.array(shifted) / 2e-5, atol=1e-8)


IMAGINARY = {
    "no zeros": [0.2, 0.5, -0.9, 0.3, 0.6, -0.4, 0.1, 0.8],
    "zeros where the real parts have them": [0.2, 0.5, 0.0, 0.0, 0.6, -0.4, 0.1, 0.8],
    "all 0": [0.0] * 8,
}


@pytest.mark.parametrize("engine", SIMULATORS)
@pytest.mark.parametrize("y", IMAGINARY.values(), ids=IMAGINARY)
def test_b2_gradients_by_complex_data(y: list[float], engine: str) -> None:
    x, angles = DATA["a block of zeros"], np.array([0.4, -1.1, 2.3])
    amplitudes = np.array(x) + 1j * np.array(y)
    found = read.grad(n=3, x=x, angles=angles, h=observable(3), y=y, engine=engine)
    np.testing.assert_allclose(found["x"] + 1j * found["y"], slopes(amplitudes, 3, angles), atol=1e-12)
    shifted = [value(amplitudes, 3, angles + step) - value(amplitudes, 3, angles - step) for step in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(found["angles"], np.array(shifted) / 2e-5, atol=1e-8)


def test_parameter_shift_has_the_same_gradient_where_angles_have_one() -> None:
    x, angles = np.array(DATA["no zeros"]), np.array([0.4, -1.1, 2.3])
    for further in ({}, {"y": np.array(IMAGINARY["no zeros"])}):
        expected = read.grad(n=3, x=x, angles=angles, h=observable(3), **further)
        lengths = {"x": (8,), "angles": (3,)} | dict.fromkeys(further, (8,))
        program = read.compile({"n": 3, "h": observable(3)}, [*lengths], lengths=lengths, engine="qiskit")
        found = program.grad(x=x, angles=angles, **further)
        for name, slope in expected.items():
            np.testing.assert_allclose(found[name], slope, atol=1e-10)


def test_parameter_shift_refuses_a_block_of_zeros_by_name_and_only_where_it_is_asked() -> None:
    values = {"n": 3, "x": DATA["a block of zeros"], "angles": [0.4, -1.1, 2.3], "h": observable(3)}
    found = read.grad(**values, engine="qiskit", wrt=["angles"])
    np.testing.assert_allclose(found["angles"], read.grad(**values)["angles"], atol=1e-10)
    with pytest.raises(GradientError, match="prepare `x` have no derivative where all amplitudes of a block are 0"):
        read.grad(**values, engine="qiskit")
    with pytest.raises(GradientError, match=r"prepare `x \+ 1j \* imaginary` have no derivative"):
        read.grad(**values, y=[0.0] * 8, engine="qiskit")


@qk.qkernel
def overlap(x: qk.Vector[qk.Float], y: qk.Vector[qk.Float]) -> qk.Float:
    q = amplitude_encoding(qk.qubit_array(3), x)
    q = qk.inverse(amplitude_encoding)(q, y)
    return qk.probabilities(q)[0]


def test_an_inverse_is_a_circuit_and_differentiable_where_its_angles_are() -> None:
    x, y = np.array(DATA["a block of zeros"]), np.array(DATA["no zeros"])
    product, norms = x @ y, (x @ x) * (y @ y)
    assert overlap.run(x=x, y=y) == pytest.approx(product**2 / norms, abs=1e-14)
    by_x = 2 * product * y / norms - 2 * product**2 * x / (norms * (x @ x))
    by_y = 2 * product * x / norms - 2 * product**2 * y / (norms * (y @ y))
    found = overlap.grad(x=x, y=y)
    np.testing.assert_allclose(found["x"], by_x, atol=1e-12)
    np.testing.assert_allclose(found["y"], by_y, atol=1e-12)
    with pytest.raises(GradientError, match="the angles that prepare `x` have no derivative"):
        overlap.grad(x=y, y=x)


def test_an_inverse_of_complex_amplitudes_is_differentiable_too() -> None:
    @qk.qkernel
    def complex_overlap(x: qk.Vector[qk.Float], y: qk.Vector[qk.Float], v: qk.Vector[qk.Float]) -> qk.Float:
        q = amplitude_encoding(qk.qubit_array(3), x, imaginary=y)
        return qk.probabilities(qk.inverse(amplitude_encoding)(q, v, imaginary=x))[0]

    x, y, v, step = *(np.array(data["no zeros"]) for data in (DATA, IMAGINARY)), np.arange(-4.0, 4.0) + 0.3, 1e-6
    first, second = x + 1j * y, v + 1j * x
    fidelity = abs(np.vdot(first, second)) ** 2 / np.vdot(first, first).real / np.vdot(second, second).real
    assert complex_overlap.run(x=x, y=y, v=v) == pytest.approx(fidelity, abs=1e-14)
    given, found = {"x": x, "y": y, "v": v}, complex_overlap.grad(x=x, y=y, v=v)
    for name, data in given.items():
        moved = {sign: complex_overlap.run(**given | {name: data + sign * step * np.eye(8)}) for sign in (1, -1)}
        np.testing.assert_allclose(found[name], (moved[1] - moved[-1]) / 2 / step, atol=1e-8)


@qk.qkernel
def features(x: qk.Vector[qk.Float], scale: qk.Float) -> qk.Float:
    """Amplitudes that are computed, affine ones and others, on a register in a loop."""
    total = qk.ry(qk.qubit(), scale)
    for i in qk.range(2):
        q = qk.prepare(qk.qubit_array(2), [x[i] * scale, x[i + 1] - 0.5, 2 * x[i], 0.0])
        q[1], total = qk.crx(q[1], total, x[0])
    return qk.expval(total, qko.Z(0))


@pytest.mark.parametrize("engine", SIMULATORS)
def test_amplitudes_may_be_computed(engine: str) -> None:
    x, scale, step = np.array([0.4, 1.3, -0.6]), 0.7, 1e-6
    found = features.grad(x=x, scale=scale, engine=engine)
    numeric = [(features.run(x=x + d, scale=scale) - features.run(x=x - d, scale=scale)) / 2 / step for d in step * np.eye(3)]
    np.testing.assert_allclose(found["x"], numeric, atol=1e-8)
    by_scale = (features.run(x=x, scale=scale + step) - features.run(x=x, scale=scale - step)) / 2 / step
    assert found["scale"] == pytest.approx(by_scale, abs=1e-8)


@qk.qkernel
def corrected(x: qk.Vector[qk.Float], angle: qk.Float) -> qk.Float:
    q = amplitude_encoding(qk.qubit_array(2), x)
    q[0], bit = qk.project_z(qk.ry(q[0], angle))
    if bit:
        q[1] = qk.ry(q[1], angle)
    return qk.expval(q[1], qko.Z(0) + 0.3 * qko.X(0))


@pytest.mark.parametrize("engine", SIMULATORS)
def test_circuits_that_measure_afterwards(engine: str) -> None:
    x, angle, step = np.array([0.6, 0.8, 0.0, 0.0]), 0.3, 1e-6
    found = corrected.grad(x=x, angle=angle, engine=engine)["x"]
    values = [corrected.run(x=x + d, angle=angle) - corrected.run(x=x - d, angle=angle) for d in step * np.eye(4)]
    np.testing.assert_allclose(found, np.array(values) / 2 / step, atol=1e-8)


# The circuit ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(6))
def test_counts_are_those_of_the_circuit(n: int) -> None:
    prepared.verify_resources(n=n, x=np.arange(1, 2**n + 1))
    complex_prepared.verify_resources(n=n, x=np.arange(1, 2**n + 1), y=np.ones(2**n))
    gates = prepared.estimate_resources({"n": n}).gates
    assert (gates.single_qubit, gates.two_qubit) == (2**n - 1, max(0, 2**n - 2))
    gates = complex_prepared.estimate_resources({"n": n}).gates
    assert (gates.single_qubit, gates.two_qubit) == (2 * (2**n - 1), 2 * max(0, 2**n - 2))


def test_counts_have_a_closed_form() -> None:
    assert str(prepared.estimate_resources().gates.total) == "2*2**n + [n == 0] - 3"
    assert str(complex_prepared.estimate_resources().gates.total) == "4*2**n + 2*[n == 0] - 6"


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_circuit_is_unitary_on_a_register_that_comes_from_elsewhere(n: int, is_complex: bool) -> None:
    x, y = np.random.default_rng(n).normal(size=(2, 2**n)) * [[1], [is_complex]]
    given: dict[str, Any] = {"q": n, "x": x, "imaginary": y if is_complex else ()}
    matrix = amplitude_encoding.unitary(**given)
    np.testing.assert_allclose(matrix[:, 0], (x + 1j * y) / np.linalg.norm(x + 1j * y), atol=1e-14)
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(2**n), atol=1e-13)

    @qk.qkernel
    def held(
        control: qk.Qubit, q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float], imaginary: qk.Vector[qk.Float]
    ) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
        return qk.control(amplitude_encoding)(control, q, x, imaginary)

    expected = np.kron(np.eye(2**n), np.diag([1, 0])) + np.kron(matrix, np.diag([0, 1]))
    np.testing.assert_allclose(held.unitary(**given), expected, atol=1e-13)


def test_a_prepared_register_beside_qubits_that_are_given() -> None:
    @qk.qkernel
    def extended(q: qk.Qubit, x: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
        made = amplitude_encoding(qk.qubit_array(2), x)
        q, made[0] = qk.cx(q, made[0])
        return q, made

    x = np.array([0.1, 0.7, -0.5, 0.5])
    isometry = extended.unitary(x=x)
    state = x / np.linalg.norm(x)
    np.testing.assert_allclose(isometry[:, 0], np.kron(state, [1, 0]), atol=1e-14)
    np.testing.assert_allclose(isometry[:, 1], np.kron(state[[1, 0, 3, 2]], [0, 1]), atol=1e-14)


def test_qiskit_and_openqasm_have_the_gates_of_bound_amplitudes() -> None:
    x = np.arange(1.0, 9.0)
    assert dict(prepared.to_circuit(n=3, x=x).count_ops()) == {"ry": 7, "cx": 6}
    assert prepared.to_qasm(flat=True, n=3, x=x).count("ry(") == 7
    circuit = complex_prepared.to_circuit(n=3, x=x, y=x[::-1])
    assert dict(circuit.count_ops()) == {"ry": 7, "rz": 7, "cx": 12}
    state = (x + 1j * x[::-1]) / np.linalg.norm(x + 1j * x[::-1])
    np.testing.assert_allclose(Statevector(circuit).data, state, atol=1e-14)


def test_drawings_name_the_angles_of_open_amplitudes() -> None:
    @qk.qkernel
    def pair(a: qk.Float, b: qk.Float) -> qk.Vector[qk.Qubit]:
        return qk.prepare(qk.qubit_array(2), [a, b, 0.0, a])

    assert "α[2]" in pair.draw(output="text", lowered=True)
    assert "prepare" in prepared.draw(output="text", n=2)
    assert "x, imaginary=y" in complex_prepared.draw(output="text", n=3)


def test_text_reads_back() -> None:
    assert "prepare(q, x)" in str(prepared.ir)
    assert qk.parse(str(features.ir)) == features.ir
    assert "prepare(q, x, imaginary=y)" in str(complex_prepared.ir)
    assert qk.parse(str(complex_prepared.ir)) == complex_prepared.ir


@pytest.mark.parametrize("further", [{}, {"y": np.array(IMAGINARY["no zeros"])}], ids=["real", "complex"])
def test_fixing_the_amplitudes_leaves_gates_with_known_angles(further: dict[str, Array]) -> None:
    x, angles = np.array(DATA["no zeros"]), np.array([0.4, -1.1, 2.3])
    lengths = {"x": (8,), "angles": (3,)} | dict.fromkeys(further, (8,))
    circuit = read.compile({"n": 3, "h": observable(3)}, [*lengths], lengths=lengths).circuit
    fixed = circuit.angles.bind({"x": x} | further)
    fixed.require_formulas("a test")
    theta = np.concatenate([x, angles, *further.values()])
    np.testing.assert_allclose(fixed.evaluate(angles), circuit.angles.evaluate(theta), atol=1e-14)
    for engine in SIMULATORS:
        values = load_engine(engine).prepare(replace(circuit, angles=fixed)).expect(angles[None])
        assert values[0, 0] == pytest.approx(value(x + 1j * further.get("y", 0 * x), 3, angles), abs=1e-12)


# Layers ---------------------------------------------------------------------------------------------------------------


@qk.qkernel
def classifier(features: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float]) -> qk.Vector[qk.Float]:
    q = amplitude_encoding(qk.qubit_array(4), features)
    return qk.expval(strongly_entangling_layers(q, weights), [qko.Z(i) for i in range(4)])


@pytest.mark.parametrize("engine", SIMULATORS)
def test_layers_differentiate_once_and_twice_by_images_with_zeros(engine: str) -> None:
    weights = torch.from_numpy(np.random.default_rng(4).uniform(-3, 3, (2, 4, 3)))
    layer = QLayer(classifier, inputs={"features": (12,)}, weights={"weights": weights}, engine=engine)
    images = torch.rand(3, 12, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    images[0, 2:9], images[1, 8:] = 0, 0
    images.requires_grad_()
    assert torch.autograd.gradcheck(layer, (images,))
    assert torch.autograd.gradgradcheck(layer, (images[:1].detach().requires_grad_(),))
    jacobian = torch.func.vmap(torch.func.jacrev(layer))(images.detach())
    assert jacobian.shape == (3, 4, 12)


@qk.qkernel
def complex_classifier(
    features: qk.Vector[qk.Float], imaginary: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float]
) -> qk.Vector[qk.Float]:
    q = amplitude_encoding(qk.qubit_array(3), features, imaginary)
    return qk.expval(strongly_entangling_layers(q, weights), [qko.Z(i) for i in range(3)])


@pytest.mark.parametrize("engine", SIMULATORS)
def test_layers_differentiate_once_and_twice_by_complex_amplitudes(engine: str) -> None:
    generator = np.random.default_rng(4)
    inputs = {"features": (6,), "imaginary": (8,)}
    layer = QLayer(complex_classifier, inputs=inputs, weights={"weights": generator.uniform(-3, 3, (1, 3, 3))}, engine=engine)
    real, imaginary = torch.from_numpy(generator.normal(size=(3, 6))), torch.from_numpy(generator.normal(size=(3, 8)))
    real[0, 2:], imaginary[0, 3:], imaginary[1] = 0, 0, 0
    data = real.requires_grad_(), imaginary.requires_grad_()
    assert torch.autograd.gradcheck(layer, data)
    assert torch.autograd.gradgradcheck(layer, tuple(part[:1].detach().requires_grad_() for part in data))
    single = layer.float()(*(part.detach().float() for part in data))
    torch.testing.assert_close(single.double(), layer.double()(*data).detach(), atol=1e-5, rtol=0)
    with pytest.raises(ArithmeticEvaluationError, match="its 8 amplitudes are all 0"):
        layer(torch.zeros(6, dtype=torch.float64), torch.zeros(8, dtype=torch.float64))


@pytest.mark.parametrize("scale", [1e-170, 1e170])
@pytest.mark.parametrize("method", [{"engine": engine} for engine in SIMULATORS] + [{"gradient": "shift"}], ids=str)
def test_layers_are_told_the_direction_alone(method: dict[str, str], scale: float) -> None:
    layer = QLayer(classifier, inputs={"features": (16,)}, weights={"weights": (2, 4, 3)}, initial="angles", **method).double()
    images = torch.rand(2, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = []
    for factor in (1.0, scale):
        scaled = (images * factor).requires_grad_()
        (gradient,) = torch.autograd.grad(layer(scaled).sum(), scaled)
        found.append((layer(scaled).detach(), gradient * factor))
    for plain, far in zip(*found, strict=True):
        torch.testing.assert_close(far, plain, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", SIMULATORS)
def test_layers_refuse_images_of_zeros_and_pass_on_what_is_no_number(engine: str) -> None:
    layer = QLayer(classifier, inputs={"features": (12,)}, weights={"weights": (2, 4, 3)}, engine=engine)
    images = torch.ones(3, 12)
    images[1] = 0
    with pytest.raises(ArithmeticEvaluationError, match="sample 1 of the batch"):
        layer(images)
    images[1, 2] = torch.nan
    assert layer(images).isnan().any(1).tolist() == [False, True, False]


def test_layers_in_single_precision_and_with_shared_data() -> None:
    weights = np.random.default_rng(4).uniform(-3, 3, (2, 4, 3)).astype(np.float32)
    data = np.array([*DATA["a block of zeros"], *np.zeros(4)], np.float32)
    batched = QLayer(classifier, inputs={"features": (12,)}, weights={"weights": weights})
    trained = QLayer(classifier, weights={"weights": weights, "features": data})
    inputs = torch.from_numpy(data).requires_grad_()
    batched(inputs).sum().backward()
    trained().sum().backward()
    np.testing.assert_allclose(trained().detach(), batched(inputs).detach(), atol=1e-6)
    by_name, (weight,) = dict(trained.named_parameters()), batched.parameters()
    np.testing.assert_allclose(by_name["features"].grad, inputs.grad, atol=1e-5)
    np.testing.assert_allclose(by_name["weights"].grad, weight.grad, atol=1e-5)


def test_b9_the_network_on_digits_has_140_parameters() -> None:
    @qk.qkernel
    def measured(features: qk.Vector[qk.Float], weights: qk.Tensor[qk.Float]) -> qk.Vector[qk.Float]:
        q = amplitude_encoding(qk.qubit_array(7), features)
        return qk.expval(strongly_entangling_layers(q, weights), [qko.Z(i) for i in range(7)])

    layer = QLayer(measured, inputs={"features": (64,)}, weights={"weights": (2, 7, 3)}, bias=True)
    network = torch.nn.Sequential(layer, torch.nn.Linear(7, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    assert sum(parameter.numel() for parameter in network.parameters()) == 42 + 7 + 64 + 27
    assert network(torch.rand(5, 64)).shape == (5, 3)
