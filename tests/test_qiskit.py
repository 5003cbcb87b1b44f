"""The Qiskit target: every gate under its own name and with its own matrix, and an engine that agrees with the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from circuit_builder import CircuitBuilder, hybrid_circuit
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ParameterExpression
from qiskit.circuit.library import PhaseGate
from qiskit.primitives import BackendEstimatorV2, StatevectorEstimator, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_aer.primitives import EstimatorV2, SamplerV2

from qkernel.errors import ExecutionError, ShotsError, TargetCapabilityError
from qkernel.gates import GATES
from qkernel.ir.expressions import Apply, apply, wrap
from qkernel.ir.types import FLOAT, UINT, DictType, TupleType
from qkernel.lower.circuit import Box, Circuit, Kind, bit
from qkernel.observable import Hamiltonian, X, Y, Z
from qkernel.openqasm import flat_text
from qkernel_backends.deferral import MOST_FRESH_QUBITS
from qkernel_backends.qiskit import QiskitEngine, emit
from qkernel_backends.qiskit.devices import _GATES, _NO_GATES, translate
from qkernel_backends.reference import ReferenceEngine

MATRIX = np.linalg.qr(np.random.default_rng(5).normal(size=(4, 4)) + 1j * np.random.default_rng(6).normal(size=(4, 4)))[0]


def tabulated(value: np.ndarray) -> tuple[tuple[complex, ...], ...]:
    return tuple(map(tuple, value.tolist()))


BASES = [rule for name, rule in GATES.items() if rule.base == name]
KINDS = [
    Kind(rule.name, rule.num_qubits, len(rule.angles), controls, value)
    for rule in BASES
    for controls in range(4)
    for value in sorted({0, (1 << controls) - 1, (1 << controls) // 2})
]
KINDS += [
    Kind("unitary", 2, 0, controls, value, unitary=tabulated(MATRIX)) for controls, value in ((0, 0), (1, 1), (1, 0), (2, 1))
]
KINDS += [
    Kind("pauli", len(word), 1, controls, value, word=word)
    for word in ("X", "ZY", "YXZ", "IZ")
    for controls, value in ((0, 0), (1, 1), (2, 2))
]


def described(kind: Kind) -> str:
    return f"{kind.name}{kind.word or ''}-{kind.controls}-{kind.control_value}"


def on_kind(kind: Kind) -> tuple[CircuitBuilder, np.ndarray]:
    """A circuit with one instruction, all of whose angles are open, and values for them."""
    builder = CircuitBuilder(kind.num_qubits)
    angles = tuple(builder.parameter("t", kind.num_angles)) if kind.num_angles else ()
    builder._add(kind, tuple(range(kind.num_qubits)), angles)
    return builder, np.array([0.4, -1.3, 2.2, 0.7])[: kind.num_angles]


def unitary(circuit: QuantumCircuit) -> np.ndarray:
    """The matrix, with evolutions by Pauli words decomposed first."""
    return Operator(translate(circuit, None)).data


@pytest.mark.parametrize("kind", KINDS, ids=described)
def test_every_gate_has_the_matrix_of_the_table(kind: Kind) -> None:
    builder, values = on_kind(kind)
    circuit = builder.circuit()
    expected = kind.matrix(*values)
    np.testing.assert_allclose(unitary(emit(circuit, values)), expected, atol=1e-9)
    open_circuit = emit(circuit)
    bound = open_circuit.assign_parameters(dict(zip(sorted(open_circuit.parameters, key=str), values, strict=True)))
    np.testing.assert_allclose(unitary(bound), expected, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS, ids=described)
def test_every_gate_runs_batched_on_aer(kind: Kind) -> None:
    """Aer binds arrays of values to the parameters of its gates; some it binds wrongly if they are not translated first."""
    wrapped = CircuitBuilder(kind.num_qubits)
    angles = wrapped.parameter("t", kind.num_angles) if kind.num_angles else ()
    shift = wrapped.parameter("shift")
    for k in range(kind.num_qubits):
        wrapped.gate("u", k, angles=(0.3 + k, 0.7 - k, 1.1 * k + 0.2))
        wrapped.gate("rx", k, angles=(shift,))
    wrapped._add(kind, tuple(range(kind.num_qubits)), tuple(angles))
    for k in range(kind.num_qubits):
        wrapped.gate("u", k, angles=(0.9 - k, 0.1 * k, 0.5))
    count = max(1, kind.num_qubits)
    observables = tuple(p(k) for p in (X, Y, Z) for k in range(count)) if kind.num_qubits else ()
    observables += (X(0) * Y(1) + 0.5 * Z(0) * Z(1),) if kind.num_qubits > 1 else ()
    circuit = wrapped.circuit(observables=observables)
    theta = np.random.default_rng(3).uniform(-3, 3, (3, kind.num_angles + 1))
    reference, ours = ReferenceEngine().prepare(circuit), QiskitEngine().prepare(circuit)
    if kind.num_qubits:
        np.testing.assert_allclose(ours.expect(theta), reference.expect(theta), atol=1e-9)
        np.testing.assert_allclose(ours.state(theta), reference.state(theta), atol=1e-9)


@pytest.mark.parametrize("name", [name for name, rule in GATES.items() if rule.num_qubits and name not in ("ug", "iswapdg")])
def test_gates_keep_their_names(name: str) -> None:
    rule = GATES[name]
    circuit = CircuitBuilder(3).gate(name, *range(rule.num_qubits), angles=(0.1,) * len(rule.angles)).circuit()
    assert emit(circuit).count_ops() == {name: 1}


@pytest.mark.parametrize(
    ("base", "controls", "name"),
    [
        ("x", 3, "mcx"),
        ("x", 5, "mcx"),
        ("p", 2, PhaseGate(0.1).control(2, ctrl_state=3).name),
        ("rx", 2, "ccrx"),
        ("h", 2, "cch"),
        ("swap", 2, "ccswap"),
        ("s", 1, "cs"),
    ],
)
def test_controlled_gates_have_qiskits_names(base: str, controls: int, name: str) -> None:
    rule = GATES[base]
    width = controls + rule.num_qubits
    circuit = CircuitBuilder(width).gate(base, *range(width), angles=(0.1,) * len(rule.angles), controls=controls).circuit()
    assert emit(circuit).count_ops() == {name: 1}


def test_controls_on_zero_go_through_the_control_state() -> None:
    emitted = emit(CircuitBuilder(3).gate("x", 0, 1, 2, controls=2, control_value=1).circuit())
    (instruction,) = emitted.data
    assert instruction.operation.name == "ccx_o1"
    assert instruction.operation.ctrl_state == 1


@pytest.mark.parametrize("value", range(8))
def test_a_controlled_global_phase_is_one_instruction(value: int) -> None:
    kind = Kind("gphase", 0, 1, 3, value)
    builder, values = on_kind(kind)
    emitted = emit(builder.circuit(), values)
    assert sum(emitted.count_ops().values()) == 1
    np.testing.assert_allclose(unitary(emitted), kind.matrix(*values), atol=1e-9)
    fixed = CircuitBuilder(3).gate("gphase", 0, 1, 2, angles=(0.4,), controls=3, control_value=value).circuit()
    np.testing.assert_allclose(Operator(qasm3.loads(flat_text(fixed))).data, kind.matrix(0.4), atol=1e-9)


@pytest.mark.parametrize("value", [0, 1, 2, 3])
def test_a_controlled_gate_with_a_phase_is_one_instruction(value: int) -> None:
    builder, values = on_kind(Kind("ug", 1, 4, 2, value))
    assert sum(emit(builder.circuit(), values).count_ops().values()) == 1


def test_parameters_are_named_as_columns() -> None:
    builder = CircuitBuilder(1)
    weights, theta = builder.parameter("weights", 11), builder.parameter("theta")
    matrix, edges = (
        builder.parameter("m", 2, 2),
        builder.parameter("d", 2, type=DictType(TupleType((UINT, UINT)), FLOAT), keys=((0, 1), (1, 2))),
    )
    for angle in (*weights, theta, *matrix.ravel(), *edges):
        builder.gate("rx", 0, angles=(angle,))
    circuit = builder.circuit()
    emitted = emit(circuit)
    names = [str(instruction.operation.params[0]) for instruction in emitted.data]
    assert names == list(circuit.angles.column_names)
    assert names[:2] == ["weights[0]", "weights[1]"]
    assert names[-7:] == ["theta", "m[0][0]", "m[0][1]", "m[1][0]", "m[1][1]", "d[(0, 1)]", "d[(1, 2)]"]
    assert {parameter.name for parameter in emitted.parameters} == set(names)


def test_affine_and_curved_angles_become_expressions() -> None:
    builder = CircuitBuilder(1)
    x, y = builder.parameter("x"), builder.parameter("y", 2)
    a = builder.parameters[0].elements[0]
    b, c = builder.parameters[1].elements
    non_affine = [
        a * b,
        apply("sin", a) + apply("cos", b) * apply("tan", c),
        apply("sqrt", apply("exp", a)) / apply("log", 2 + b * b),
        apply("atan", a) + apply("asin", a / 9) - apply("acos", b / 9),
        apply("tanh", a) + apply("sinh", b) - apply("cosh", c) + abs(a),
        apply("log2", 3 + a) ** 2 - (-b),
    ]
    angles = [2 * x + (-0.5) * y[1] + 0.25, -1.0 * y[0], *non_affine]
    for angle in angles:
        builder.gate("rz", 0, angles=(angle,))
    circuit = builder.circuit()
    emitted = emit(circuit)
    values = np.array([0.3, 0.8, -0.4])
    names = dict(zip(circuit.angles.column_names, values, strict=True))
    for instruction, expected in zip(emitted.data, circuit.angles.evaluate(values), strict=True):
        expression = instruction.operation.params[0]
        assert isinstance(expression, ParameterExpression)
        assert float(expression.bind({p: names[p.name] for p in expression.parameters})) == pytest.approx(expected, abs=1e-12)


def test_an_angle_that_qiskit_cannot_say_is_refused_but_runs() -> None:
    builder = CircuitBuilder(1)
    builder.parameter("x")
    x = builder.parameters[0].elements[0]
    for angle in (apply("max", x, 0.5), apply("exp", x) + apply("exp", -x)):  # the second Qiskit simplifies to 0
        circuit = CircuitBuilder(1, parameters=builder.parameters).gate("ry", 0, angles=(angle,)).circuit(observables=(Z(0),))
        with pytest.raises(TargetCapabilityError, match="cannot be written"):
            emit(circuit)
        theta = np.array([[0.1], [0.9]])
        expected = np.cos(circuit.angles.evaluate(theta))
        np.testing.assert_allclose(QiskitEngine().prepare(circuit).expect(theta), expected, atol=1e-12)


def test_registers_keep_their_names() -> None:
    circuit = CircuitBuilder(4, 2).gate("h", 0).measure(3, 1).circuit()
    named = Circuit(**{**vars(circuit), "registers": (("q", (0, 2)), ("q", (1,)), ("c", (3,)))})
    emitted = emit(named)
    assert [(register.name, len(register)) for register in emitted.qregs] == [("q", 2), ("q_1", 1), ("c", 1)]
    assert [(register.name, len(register)) for register in emitted.cregs] == [("c_1", 2)]
    assert sampled(named).shape == (1, 50, 2)
    assert emitted.find_bit(emitted.qregs[0][1]).index == 2
    assert [register.name for register in emit(circuit).qregs] == ["q"]
    assert [register.name for register in emit(circuit).cregs] == ["c"]


def boxed(boxes: tuple[Box, ...]) -> Circuit:
    builder = CircuitBuilder(3)
    t = builder.parameter("t")
    builder.gate("h", 0).gate("rx", 1, angles=(t,)).gate("cx", 1, 2).gate("gphase", angles=(0.3,)).gate("y", 2).gate("x", 0)
    circuit = builder.circuit()
    return Circuit(**{**vars(circuit), "boxes": boxes})


def test_boxes_are_named_gates() -> None:
    circuit = boxed((Box("inner", 2, 4, (2, 1)), Box("outer", 1, 5, (1, 2)), Box("last", 5, 6, (0,))))
    emitted = emit(circuit)
    assert [instruction.operation.name for instruction in emitted.data] == ["h", "outer", "last"]
    assert [entry.operation.name for entry in emitted.data[1].operation.definition.data] == ["rx", "inner", "y"]
    plain = emit(boxed(()), [0.4])
    np.testing.assert_allclose(Operator(emit(circuit, [0.4])).data, Operator(plain).data, atol=1e-12)


def test_circuits_survive_qasm() -> None:
    builder = CircuitBuilder(4)
    for name, rule in GATES.items():
        if name != "gphase":
            builder.gate(name, *range(rule.num_qubits), angles=(0.3,) * len(rule.angles))
    builder.gate("gphase", angles=(0.2,)).gate("x", 0, 1, 2, 3, controls=3, control_value=5)
    circuit = builder.circuit()
    text = flat_text(circuit)
    assert text.startswith("OPENQASM 3.0;")
    assert "qubit[4] q;" in text
    assert Operator(qasm3.loads(text)).equiv(Operator(emit(circuit)))  # the text has no global phases inside its gates


def sampled(
    circuit: Circuit, theta: np.ndarray | None = None, shots: int = 50, engine: QiskitEngine | None = None
) -> np.ndarray:
    rows = np.zeros((1, 0)) if theta is None else theta
    return (engine or QiskitEngine()).prepare(circuit).sample(rows, shots, 11)


def test_branches_run_on_aer() -> None:
    for first in (0.0, np.pi):
        for second in (0.0, np.pi):
            builder = CircuitBuilder(4, 4)
            builder.gate("rx", 0, angles=(first,)).gate("rx", 1, angles=(second,)).measure(0, 0).measure(1, 1)
            builder.branch(
                apply("and", bit(0), apply("not", bit(1))),
                lambda b: b.gate("x", 2),
                lambda b: b.branch(apply("not", bit(1)), lambda b: b.gate("x", 3)),
            )
            builder.measure(2, 2).measure(3, 3)
            a, b = bool(first), bool(second)
            expected = [a, b, a and not b, not a and not b]
            assert (sampled(builder.circuit()) == expected).all()


def test_loops_and_assignments_run_on_aer() -> None:
    builder = CircuitBuilder(2, 4).gate("x", 0).measure(0, 0)
    builder.assign(1, apply("^", bit(0), wrap(True)))
    builder.assign(2, wrap(True))
    builder.repeat(bit(0), lambda b: b.gate("h", 0).measure(0, 0).gate("x", 1))
    builder.measure(1, 3)
    bits = sampled(builder.circuit(), shots=400)[0]
    assert (bits[:, 0] == 0).all()
    assert (bits[:, 1] == 0).all()
    assert (bits[:, 2] == 1).all()
    # an odd number of rounds has probability 1/2 + 1/8 + 1/32 ... = 2/3
    assert abs(bits[:, 3].mean() - 2 / 3) < 5 * np.sqrt(2 / 9 / 400)


def test_classical_branches_run_in_order_on_aer() -> None:
    """A branch without qubits within a branch: Aer would move what it assigns past its readers."""
    builder = CircuitBuilder(2, 5).gate("x", 0).measure(0, 0)
    builder.branch(bit(0), lambda b: b.assign(2, bit(0)).branch(bit(2), lambda b: b.assign(1, bit(2))).assign(3, bit(1)))
    builder.branch(bit(3), lambda b: b.gate("x", 1), lambda b: b.assign(4, wrap(True))).measure(1, 0)
    assert (sampled(builder.circuit()) == [1, 1, 1, 1, 0]).all()
    assert all(entry.qubits for entry in emit(builder.circuit()).data if entry.operation.name == "if_else")


def test_arithmetic_on_bits_is_tabulated() -> None:
    total = apply("+", apply("+", apply("uint", bit(0)), apply("uint", bit(1))), apply("uint", bit(2)))
    assert isinstance(total, Apply)
    builder = CircuitBuilder(4, 5)
    for k in range(3):
        builder.gate("h", k).measure(k, k)
    builder.branch(total >= 2, lambda b: b.gate("x", 3)).measure(3, 3).assign(4, apply("==", total, 2))
    bits = sampled(builder.circuit(), shots=300)[0].astype(int)
    counts = bits[:, :3].sum(1)
    assert len(set(counts)) == 4
    assert (bits[:, 3] == (counts >= 2)).all()
    assert (bits[:, 4] == (counts == 2)).all()


def test_parameters_in_branches_are_batched() -> None:
    builder = CircuitBuilder(3, 3)
    t = builder.parameter("t", 2)
    builder.gate("rx", 0, angles=(t[0],)).measure(0, 0)
    builder.branch(
        bit(0), lambda b: b.gate("crx", 0, 1, angles=(t[1],)).gate("gphase", angles=(t[1],)).gate("p", 1, angles=(t[1],))
    )
    builder.measure(1, 1)
    theta = np.pi * np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    bits = sampled(builder.circuit(), theta)
    assert bits.shape == (3, 50, 3)
    assert bits.dtype == np.uint8
    assert (bits[:, :, :2] == np.array([[0, 0], [1, 0], [1, 1]])[:, None]).all()


def test_reset_and_later_measurements() -> None:
    builder = CircuitBuilder(1, 2).gate("x", 0).measure(0, 0).reset(0).barrier(0).measure(0, 1)
    assert (sampled(builder.circuit()) == [1, 0]).all()


def test_the_hybrid_circuit_on_every_kind_of_backend() -> None:
    circuit = hybrid_circuit()
    theta = np.random.default_rng(42).uniform(-1, 1, (3, 28))
    expected = ReferenceEngine().prepare(circuit).expect(theta)
    for backend in (None, AerSimulator(), AerSimulator(method="density_matrix"), StatevectorEstimator(), EstimatorV2()):
        result = QiskitEngine(backend).prepare(circuit).expect(theta)
        np.testing.assert_allclose(result, expected, atol=1e-9)
    single = QiskitEngine().prepare(circuit, np.complex64)
    assert single.expect(theta).dtype == np.float32
    np.testing.assert_allclose(single.expect(theta), expected, atol=1e-5)
    assert single.state(theta).dtype == np.complex64


def test_an_estimator_on_a_backend_is_given_its_layout() -> None:
    backend = GenericBackendV2(6, basis_gates=["cx", "rz", "sx", "x", "id"], seed=1)
    circuit = hybrid_circuit()
    theta = np.random.default_rng(1).uniform(-1, 1, (2, 28))
    expected = ReferenceEngine().prepare(circuit).expect(theta)
    estimator = BackendEstimatorV2(backend=backend, options={"seed_simulator": 5})
    result = QiskitEngine(estimator, precision=0.02).prepare(circuit).expect(theta)
    assert np.abs(result - expected).max() < 0.3  # the backend is noisy
    assert np.corrcoef(result.ravel(), expected.ravel())[0, 1] > 0.97


@pytest.mark.parametrize(
    "backend",
    [
        None,
        StatevectorSampler(seed=1),
        SamplerV2(seed=1),
        GenericBackendV2(5, seed=1),
        AerSimulator(noise_model=NoiseModel()),
        AerSimulator.from_backend(GenericBackendV2(5, basis_gates=["cx", "rz", "sx", "x", "id"], seed=1)),
    ],
)
def test_samples_follow_the_probabilities(backend: object) -> None:
    builder = CircuitBuilder(3, 3)
    t = builder.parameter("t", 2)
    builder.gate("ry", 0, angles=(t[0],)).gate("crx", 0, 1, angles=(t[1],)).gate("cx", 1, 2)
    for k in range(3):
        builder.measure(k, (k + 1) % 3)
    theta = np.array([[1.1, 2.0], [0.4, 0.9]])
    seed = None if isinstance(backend, (StatevectorSampler, SamplerV2)) else 3
    bits = QiskitEngine(backend).prepare(builder.circuit()).sample(theta, 2000, seed)
    assert bits.shape == (2, 2000, 3)
    high = np.sin(theta[:, 0] / 2) ** 2
    both = high * np.sin(theta[:, 1] / 2) ** 2
    expected = np.stack([both, high, both], axis=1)
    assert np.abs(bits.mean(1) - expected).max() < 0.06


def test_samples_are_reproducible_and_rows_differ() -> None:
    builder = CircuitBuilder(2, 2)
    t = builder.parameter("t")
    builder.gate("rx", 0, angles=(t,)).gate("h", 1).measure(0, 0).measure(1, 1)
    theta = np.array([[1.5], [1.5]])
    first, again, other = (QiskitEngine().prepare(builder.circuit()).sample(theta, 64, seed) for seed in (7, 7, 8))
    assert (first == again).all()
    assert (first != other).any()
    assert (first[0] != first[1]).any()
    unparametrised = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0).circuit()
    rows = QiskitEngine().prepare(unparametrised).sample(np.zeros((2, 0)), 64, 5)
    assert rows.shape == (2, 64, 1)
    assert (rows[0] != rows[1]).any()
    assert QiskitEngine().prepare(CircuitBuilder(1).gate("h", 0).circuit()).sample(np.zeros((2, 0)), 3, None).shape == (2, 3, 0)


def test_probabilities_follow_the_order_of_the_qubits() -> None:
    builder = CircuitBuilder(3)
    t = builder.parameter("t")
    builder.gate("rx", 0, angles=(t,)).gate("ry", 1, angles=(0.4,)).gate("cx", 0, 2)
    circuit = builder.circuit(probabilities=((2, 0), (1,), (0, 1, 2)))
    theta = np.array([[0.3], [1.4]])
    expected = ReferenceEngine().prepare(circuit).probabilities(theta)
    for ours, theirs in zip(QiskitEngine().prepare(circuit).probabilities(theta), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_constants_and_circuits_without_parameters() -> None:
    circuit = (
        CircuitBuilder(1).gate("x", 0).circuit(observables=(Hamiltonian.identity(2.5), 0.5 * Z(0) + 1, Hamiltonian.zero()))
    )
    result = QiskitEngine().prepare(circuit).expect(np.zeros((2, 0)))
    np.testing.assert_allclose(result, [[2.5, 0.5, 0.0]] * 2, atol=1e-12)


def test_translation_leaves_no_controlled_rotation() -> None:
    builder = CircuitBuilder(4)
    t = builder.parameter("t")
    builder.gate("crz", 0, 1, angles=(t,)).gate("p", 0, 1, 2, angles=(t,), controls=2)
    builder.gate("rz", 0, 1, 2, angles=(t,), controls=2).gate("x", 0, 1, 2, 3, controls=3).pauli("XYZ", t, 0, 1, 2)
    translated = translate(emit(builder.circuit()), None)
    assert set(translated.count_ops()) <= {*_GATES, *_NO_GATES}
    assert max(instruction.operation.num_qubits for instruction in translated.data) <= 2


def test_exact_values_follow_measurements_resets_and_branches() -> None:
    builder = CircuitBuilder(4, 3)
    t = builder.parameter("t", 5)
    for k in range(4):
        builder.gate("ry", k, angles=(t[k],)).gate("cx", k, (k + 1) % 4)
    builder.measure(0, 0).measure(1, 1)
    builder.branch(
        apply("or", bit(0), apply("not", bit(1))),
        lambda b: b.gate("rx", 2, angles=(t[4],)).measure(2, 1).branch(
            bit(1), lambda b: b.gate("crz", 2, 3, angles=(t[0],)).reset(2), lambda b: b.gate("h", 3).assign(2, bit(0))
        ),
        lambda b: b.gate("gphase", angles=(t[1],)).gate("u", 3, angles=(t[2], t[3], 0.1)).reset(0),
    )  # fmt: skip
    builder.branch(apply("^", bit(1), bit(2)), lambda b: b.gate("p", 0, angles=(t[3],)).gate("x", 1).gate("swap", 2, 3))
    builder.gate("h", 0).gate("cx", 0, 3)
    observables = (*(p(k) for p in (X, Y, Z) for k in range(4)), X(0) * Y(3) - Z(1) * Z(2) + 2)
    circuit = builder.circuit(observables=observables, probabilities=((3, 1),))
    theta = np.random.default_rng(2).uniform(-3, 3, (3, 5))
    reference, ours = ReferenceEngine().prepare(circuit), QiskitEngine().prepare(circuit)
    np.testing.assert_allclose(ours.expect(theta), reference.expect(theta), atol=1e-9)
    np.testing.assert_allclose(ours.probabilities(theta)[0], reference.probabilities(theta)[0], atol=1e-9)
    on_estimator = QiskitEngine(StatevectorEstimator()).prepare(circuit)
    np.testing.assert_allclose(on_estimator.expect(theta[:1]), reference.expect(theta[:1]), atol=1e-9)


def test_exact_values_have_their_limits() -> None:
    looped = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0).repeat(bit(0), lambda b: b.gate("h", 0).measure(0, 0))
    often = CircuitBuilder(1, 1)
    for _ in range(MOST_FRESH_QUBITS + 1):
        often.gate("h", 0).measure(0, 0)
    for builder in (looped, often):
        with pytest.raises(ShotsError, match="shots"):
            QiskitEngine().prepare(builder.circuit(observables=(Z(0),))).expect(np.zeros((1, 0)))


def test_what_qiskit_cannot_do_is_said() -> None:
    measured = CircuitBuilder(1, 1).gate("h", 0).measure(0, 0).circuit()
    row = np.zeros((1, 0))
    with pytest.raises(TargetCapabilityError, match="measures or resets"):
        QiskitEngine().prepare(measured).state(row)
    plain = CircuitBuilder(1, 1).gate("h", 0).circuit(observables=(Z(0),), probabilities=((0,),))
    with pytest.raises(TargetCapabilityError, match="adjoint"):
        QiskitEngine().prepare(plain).expect_vjp(row, np.ones((1, 1)))
    noisy = NoiseModel()
    noisy.add_all_qubit_quantum_error(depolarizing_error(0.01, 1), ["h"])
    for backend in (GenericBackendV2(2, seed=1), StatevectorSampler(), AerSimulator(noise_model=noisy)):
        on_backend = QiskitEngine(backend).prepare(plain)
        for action in (on_backend.expect, on_backend.probabilities):
            with pytest.raises(TargetCapabilityError, match="shots"):
                action(row)
        with pytest.raises(TargetCapabilityError, match="amplitudes"):
            on_backend.state(row)
    with pytest.raises(TargetCapabilityError, match="no samples"):
        QiskitEngine(StatevectorEstimator()).prepare(plain).sample(row, 1, None)
    with pytest.raises(TargetCapabilityError, match="seed"):
        QiskitEngine(StatevectorSampler()).prepare(plain).sample(row, 1, 3)
    with pytest.raises(TargetCapabilityError, match="do not run on a `str`"):
        QiskitEngine("aer")


def test_features_say_what_each_backend_does() -> None:
    assert {"expectation", "probabilities", "state", "sampling", "branching"} <= QiskitEngine().features
    assert "gradient" not in QiskitEngine().features
    assert "sampling" not in QiskitEngine(StatevectorEstimator()).features
    assert "expectation" not in QiskitEngine(StatevectorSampler()).features


def test_what_qiskit_raises_becomes_an_error_of_ours() -> None:
    wide = CircuitBuilder(60)
    for k in range(60):
        wide.gate("h", k).gate("cx", k, (k + 1) % 60)
    with pytest.raises(ExecutionError, match="memory"):
        QiskitEngine().prepare(wide.circuit(observables=(Z(0),))).expect(np.zeros((1, 0)))
