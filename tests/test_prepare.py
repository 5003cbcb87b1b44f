"""States from amplitudes: every engine against vectors, gradients by the data through blocks of zeros, and the circuit.

B2 and B9 are rows of the documents that the project grew from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

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
def read(n: qk.UInt, x: qk.Vector[qk.Float], angles: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    """A value of a prepared register that is entangled with a qubit which was not prepared."""
    other = qk.ry(qk.qubit(), angles[0])
    q = amplitude_encoding(qk.qubit_array(n), x)
    for i in qk.range(n):
        q[i] = qk.rx(q[i], angles[i])
        q[i], other = qk.cx(q[i], other)
        other = qk.rz(other, angles[i])
    return qk.expval((q, other), h)


def observable(n: int) -> qko.Hamiltonian:
    return qko.Y(0) * qko.Z(n) + 0.5 * qko.X(n - 1) * qko.X(n) - 0.3 * qko.Z(n - 1)


def value(x: Array, n: int, angles: Array) -> float:
    """The value of `read`, from a dense matrix of all that follows the preparation."""
    given = np.zeros(2**n)
    given[: len(x)] = x
    full = read_matrix(n, tuple(angles))
    return float(given @ full @ given / (given @ given))


def read_matrix(n: int, angles: tuple[float, ...]) -> Array:
    """The quadratic form of `read` in the amplitudes, from its values on basis states and on sums of two."""
    at = [read_basis(n, angles, np.eye(2**n)[j]) for j in range(2**n)]
    form = np.diag(at)
    for j in range(2**n):
        for k in range(j):
            both = read_basis(n, angles, (np.eye(2**n)[j] + np.eye(2**n)[k]) / np.sqrt(2))
            form[j, k] = form[k, j] = both - (at[j] + at[k]) / 2
    return form


def read_basis(n: int, angles: tuple[float, ...], state: Array) -> float:
    """<state| ... |state> by matrices of the gates of `read`, the other qubit the highest."""
    i2, x, y, z = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])

    def on(matrix: Array, qubit: int) -> Array:
        result = np.eye(1)
        for k in range(n + 1):
            result = np.kron(matrix if k == qubit else i2, result)
        return result

    def turned(pauli: Array, angle: float) -> Array:
        return np.cos(angle / 2) * i2 - 1j * np.sin(angle / 2) * pauli

    vector = np.kron(turned(y, angles[0]) @ [1, 0], state)
    for i in range(n):
        vector = on(turned(x, angles[i]), i) @ vector
        vector = (on(np.diag([1, 0]), i) + on(np.diag([0, 1]), i) @ on(x, n)) @ vector
        vector = on(turned(z, angles[i]), n) @ vector
    h = on(y, 0) @ on(z, n) + 0.5 * on(x, n - 1) @ on(x, n) - 0.3 * on(z, n - 1)
    return float(np.vdot(vector, h @ vector).real)


def slopes(x: Array, n: int, angles: Array) -> Array:
    """The gradient of `value` by x, from the quadratic form."""
    given = np.zeros(2**n)
    given[: len(x)] = x
    form = read_matrix(n, tuple(angles))
    square = given @ given
    return (2 * (form @ given) / square - 2 * given * (given @ form @ given) / square**2)[: len(x)]


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


def test_b2_no_state_has_no_direction_or_more_amplitudes_than_basis_states() -> None:
    with pytest.raises(ArithmeticEvaluationError, match=r"`x` makes no state: its 4 amplitudes are all 0"):
        prepared.statevector(n=2, x=[0.0, 0.0])
    with pytest.raises(ArithmeticEvaluationError, match="sample 1 of the batch"):
        prepared.statevector(n=2, x=[[1.0, 2.0], [0.0, 0.0]])
    with pytest.raises(BindingShapeError, match="`x` has 5 amplitudes, and 2 qubits have 4"):
        prepared.statevector(n=2, x=np.ones(5))


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
    np.testing.assert_allclose(found["x"], slopes(np.array(x), 3, angles), atol=1e-12)
    shifted = [value(np.array(x), 3, angles + step) - value(np.array(x), 3, angles - step) for step in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(found["angles"], np.array(shifted) / 2e-5, atol=1e-8)


def test_parameter_shift_has_the_same_gradient_where_angles_have_one() -> None:
    x, angles = np.array(DATA["no zeros"]), np.array([0.4, -1.1, 2.3])
    values = {"n": 3, "x": x, "angles": angles, "h": observable(3)}
    expected = read.grad(**values)
    for engine in ("qiskit", "native"):
        program = read.compile({"n": 3, "h": observable(3)}, lengths={"x": (8,), "angles": (3,)}, engine=engine)
        found = program.grad(x=x, angles=angles)
        for name, slope in expected.items():
            np.testing.assert_allclose(found[name], slope, atol=1e-10)


def test_parameter_shift_refuses_a_block_of_zeros_by_name_and_only_where_it_is_asked() -> None:
    values = {"n": 3, "x": DATA["a block of zeros"], "angles": [0.4, -1.1, 2.3], "h": observable(3)}
    found = read.grad(**values, engine="qiskit", wrt=["angles"])
    np.testing.assert_allclose(found["angles"], read.grad(**values)["angles"], atol=1e-10)
    with pytest.raises(GradientError, match="prepare `x` have no derivative where all amplitudes of a block are 0"):
        read.grad(**values, engine="qiskit")


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
    gates = prepared.estimate_resources({"n": n}).gates
    assert (gates.single_qubit, gates.two_qubit) == (2**n - 1, max(0, 2**n - 2))


def test_counts_have_a_closed_form() -> None:
    assert str(prepared.estimate_resources().gates.total) == "2*2**n + [n == 0] - 3"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_circuit_is_unitary_on_a_register_that_comes_from_elsewhere(n: int) -> None:
    x = np.random.default_rng(n).normal(size=2**n)
    matrix = amplitude_encoding.unitary(q=n, x=x)
    np.testing.assert_allclose(matrix[:, 0], x / np.linalg.norm(x), atol=1e-14)
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(2**n), atol=1e-13)

    @qk.qkernel
    def held(control: qk.Qubit, q: qk.Vector[qk.Qubit], x: qk.Vector[qk.Float]) -> tuple[qk.Qubit, qk.Vector[qk.Qubit]]:
        return qk.control(amplitude_encoding)(control, q, x)

    expected = np.kron(np.eye(2**n), np.diag([1, 0])) + np.kron(matrix, np.diag([0, 1]))
    np.testing.assert_allclose(held.unitary(q=n, x=x), expected, atol=1e-13)


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
    assert prepared.to_qasm(n=3, x=x).count("ry(") == 7


def test_drawings_name_the_angles_of_open_amplitudes() -> None:
    @qk.qkernel
    def pair(a: qk.Float, b: qk.Float) -> qk.Vector[qk.Qubit]:
        return qk.prepare(qk.qubit_array(2), [a, b, 0.0, a])

    assert "α[2]" in pair.draw(output="text", lowered=True)
    assert "prepare" in prepared.draw(output="text", n=2)


def test_text_reads_back() -> None:
    assert "prepare(q, x)" in str(prepared.ir)
    assert qk.parse(str(features.ir)) == features.ir


def test_fixing_the_amplitudes_leaves_gates_with_known_angles() -> None:
    x, angles = np.array(DATA["no zeros"]), np.array([0.4, -1.1, 2.3])
    circuit = read.compile({"n": 3, "h": observable(3)}, lengths={"x": (8,), "angles": (3,)}).circuit
    fixed = circuit.angles.bind({"x": x})
    fixed.require_formulas("a test")
    np.testing.assert_allclose(fixed.evaluate(angles), circuit.angles.evaluate(np.concatenate([x, angles])), atol=1e-14)
    for engine in SIMULATORS:
        values = load_engine(engine).prepare(replace(circuit, angles=fixed)).expect(angles[None])
        assert values[0, 0] == pytest.approx(value(x, 3, angles), abs=1e-12)


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
