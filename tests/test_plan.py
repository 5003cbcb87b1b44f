"""The fusing compiler: what is merged, what is left out, and that nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
from circuit_builder import CircuitBuilder, hybrid_circuit
from hypothesis import given, settings
from hypothesis import strategies as st
from random_circuits import apply_dense, dense_state, dense_value, dense_values, random_circuit, random_unitary

from qkernel.errors import ObservableError
from qkernel.gates import pauli_rotation
from qkernel.observable import X, Y, Z
from qkernel_backends.native import NativeEngine
from qkernel_backends.native.cache import planner_code
from qkernel_backends.plan import Plan, compile_plan
from qkernel_backends.plan.fusion import FARTHEST
from qkernel_backends.plan.operations import Affine, Dense, Flip, PauliRotation, Phases, Rotation
from qkernel_backends.plan.translate import euler


def _angle(angle: Affine, theta: np.ndarray) -> float:
    return angle.offset + sum(coefficient * theta[column] for column, coefficient in angle.terms)


def plan_state(plan: Plan, theta: np.ndarray) -> np.ndarray:
    """The final state of a plan, operation by operation."""
    n = plan.num_qubits
    state = np.zeros(1 << n, complex)
    state[0] = np.exp(1j * _angle(plan.global_phase, theta))
    index = np.arange(1 << n)
    for operation in (*plan.start.rotations, *plan.operations):
        held = (index & getattr(operation, "controls", 0)) == getattr(operation, "value", 0)
        moved = state
        match operation:
            case Rotation(qubit, factors):
                for axis, half in factors:
                    moved = apply_dense(moved, pauli_rotation("XYZ"[axis], 2 * _angle(half, theta)), (qubit,))
            case Phases(terms):
                for mask, half in terms.items():
                    moved = moved * np.exp(1j * _angle(half, theta) * (1 - 2.0 * (np.bitwise_count(index & mask) & 1)))
            case Flip(qubit):
                moved = moved[index ^ 1 << qubit]
            case PauliRotation(x, z, half):
                word = "".join("IXZY"[(x >> q & 1) + 2 * (z >> q & 1)] for q in range(n))
                moved = apply_dense(moved, pauli_rotation(word, 2 * _angle(half, theta)), tuple(range(n)))
            case Dense(qubits, matrix):
                moved = apply_dense(moved, matrix, qubits)
        state = np.where(held, moved, state)
    return state


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_plan_does_what_its_circuit_does(seed, varies):
    circuit = random_circuit(seed, max_qubits=5)
    theta = np.random.default_rng(seed).normal(size=circuit.angles.num_columns)
    plan = compile_plan(circuit, range(len(theta)) if varies else (), expectations=False)
    expected, found = dense_state(circuit, theta), plan_state(plan, theta)
    index = np.arange(len(found))
    renamed = sum((index >> q & 1) << plan.place[q] for q in range(circuit.num_qubits))
    np.testing.assert_allclose(found[renamed], expected, atol=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_what_the_light_cone_leaves_out_does_not_matter(seed):
    circuit = random_circuit(seed, max_qubits=5)
    theta = np.random.default_rng(seed).normal(size=circuit.angles.num_columns)
    plan = compile_plan(circuit, (), expectations=True)
    state = plan_state(plan, theta)
    words = []
    for x, z in plan.readout.words:
        word = "".join("IXZY"[(x >> q & 1) + 2 * (z >> q & 1)] for q in range(plan.num_qubits))
        moved = 1j * apply_dense(state, pauli_rotation(word, np.pi), tuple(range(plan.num_qubits)))
        words.append(np.vdot(state, moved).real)
    found = [
        constant + sum(coefficient * words[t] for t, coefficient in entries)
        for constant, entries in zip(plan.readout.constants, plan.readout.sums, strict=True)
    ]
    expected = [dense_value(part.observable, dense_state(circuit, theta)) for part in circuit.expectations]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_machine_code_plans_what_python_plans(seed, varies, expectations):
    """The same functions: to the last bit."""
    circuit = random_circuit(seed, max_qubits=6)
    batched = range(circuit.angles.num_columns) if varies else ()
    one, other = (compile_plan(circuit, batched, expectations, planner=machine) for machine in (None, planner_code()))
    assert (one.start.rotations, one.readout, one.place) == (other.start.rotations, other.readout, other.place)
    assert one.global_phase == other.global_phase
    for name in ("kind", "x", "z", "controls", "value", "origin", "at", "what", "angles"):
        np.testing.assert_array_equal(getattr(one.rows, name), getattr(other.rows, name))
    for name in ("offsets", "at", "columns", "coefficients"):
        np.testing.assert_array_equal(getattr(one.angles, name), getattr(other.angles, name))


def test_nothing_is_carried_back_forever():
    """A phase that meets nothing in its way stops somewhere, and the plan still does what the circuit does."""
    builder = CircuitBuilder(3)
    theta = builder.parameter("theta", 4)
    for k in range(700):
        builder.gate("ry", 1, angles=(theta[k % 4],)).gate("cx", 1, 2).gate("rx", 2, angles=(0.1 + k,))
        if k % 90 == 0:
            builder.gate("rz", 0, angles=(theta[k % 4],)).gate("ry", 0, angles=(0.2,)).gate("cz", 0, 1)
    circuit, angles = builder.circuit(), np.array([0.1, 0.4, -0.7, 1.9])
    plan = compile_plan(circuit, (), expectations=False, planner=planner_code())
    assert len(plan.operations) > 2 * FARTHEST
    np.testing.assert_allclose(plan_state(plan, angles), dense_state(circuit, angles), atol=1e-11)


def test_long_angles_are_put_in_order_and_added_up_once():
    builder = CircuitBuilder(2)
    theta = builder.parameter("theta", 12)
    for k in (*range(11, -1, -1), *range(11)):
        builder.gate("ry", 0, angles=(theta[k],))
    builder.gate("cx", 0, 1)
    for k in range(11):
        builder.gate("ry", 0, angles=(-2 * theta[k],))
    plan = compile_plan(builder.circuit(), (), expectations=False)
    first, last = plan.start.rotations[0], plan.operations[-1]
    assert first.factors == ((1, Affine(0.0, tuple((k, 1.0 if k < 11 else 0.5) for k in range(12)))),)
    assert last.factors == ((1, Affine(0.0, tuple((k, -1.0) for k in range(11)))),)


def test_the_hybrid_circuit_is_a_start_one_diagonal_and_four_real_rotations():
    plan = compile_plan(hybrid_circuit(), range(4), expectations=True)
    assert len(plan.start.rotations) == 4
    assert [type(operation) for operation in plan.operations] == [Phases, *[Rotation] * 4]
    phases, *rotations = plan.operations
    assert set(phases.terms) == {1, 2, 4, 8, 3, 6, 12}
    assert all(len(rotation.factors) == 1 for rotation in rotations)


def test_a_ring_of_flips_lets_phases_through():
    builder = CircuitBuilder(3)
    theta = builder.parameter("theta", 12)
    for k in range(3):
        builder.gate("ry", k, angles=(theta[k],))
    for k in range(3):
        builder.gate("cx", k, (k + 1) % 3)
    for k in range(3):
        builder.gate("rz", k, angles=(theta[3 + k],)).gate("ry", k, angles=(theta[6 + k],))
    plan = compile_plan(builder.circuit(observables=(X(0), X(1), X(2))), (), expectations=True)
    assert sum(isinstance(operation, Phases) for operation in plan.operations) == 1
    assert sum(isinstance(operation, Flip) for operation in plan.operations) == 3


def test_qubits_that_nothing_depends_on_are_dropped():
    builder = CircuitBuilder(30)
    theta = builder.parameter("theta", 30)
    for k in range(30):
        builder.gate("ry", k, angles=(theta[k],))
    builder.gate("cx", 3, 4).gate("rz", 4, angles=(theta[0],)).gate("cx", 10, 11)
    plan = compile_plan(builder.circuit(observables=(Z(4),)), (), expectations=True)
    assert plan.num_qubits == 2
    assert len(plan.start.rotations) == 2
    assert plan.operations == (), "the flip is in what is read"
    assert plan.readout.words == ((0, 0b11),)


def test_flips_that_nothing_follows_are_read_and_not_made():
    rng = np.random.default_rng(1)
    words = [X(0), Y(2) * Z(1), X(0) * Y(1) * Z(3), Z(0) * Z(2), Y(3) * Y(0)]
    for _ in range(20):
        builder = CircuitBuilder(4)
        theta = builder.parameter("theta", 4)
        for k in range(4):
            builder.gate("ry", k, angles=(theta[k],)).gate("rx", k, angles=(0.3 + k,))
        for _ in range(8):
            control, target = (int(k) for k in rng.permutation(4)[:2])
            builder.gate("cx", control, target, **({"control_value": 0} if rng.random() < 0.5 else {}))
        circuit = builder.circuit(observables=tuple(word * 0.7 for word in words))
        assert not any(isinstance(operation, Flip) for operation in compile_plan(circuit, (), expectations=True).operations)
        angles = rng.normal(size=(1, 4))
        np.testing.assert_allclose(
            NativeEngine().prepare(circuit).expect(angles)[0], dense_values(circuit, angles[0]), atol=1e-12
        )


def test_phases_that_fusing_leaves_at_the_end_are_left_out():
    builder = CircuitBuilder(2)
    theta = builder.parameter("theta", 2)
    for k in range(2):
        builder.gate("h", k)
    builder.gate("rzz", 0, 1, angles=(theta[0],))
    for k in range(2):
        builder.gate("rx", k, angles=(theta[1],))
    plan = compile_plan(builder.circuit(observables=(Z(0), Z(1))), (), expectations=True)
    assert [type(operation) for operation in plan.operations] == [Phases, Rotation, Rotation]


def test_swaps_only_rename():
    builder = CircuitBuilder(3)
    builder.gate("h", 0).gate("swap", 0, 2).gate("swap", 2, 1)
    plan = compile_plan(builder.circuit(observables=(X(1),)), (), expectations=True)
    assert plan.operations == ()
    assert plan.num_qubits == 1


def test_flips_that_meet_themselves_vanish():
    builder = CircuitBuilder(2)
    builder.gate("h", 0).gate("cx", 0, 1).gate("rz", 0, angles=(0.3,)).gate("cx", 0, 1)
    plan = compile_plan(builder.circuit(observables=(Y(0), Z(1))), (), expectations=True)
    assert not any(isinstance(operation, Flip) for operation in plan.operations)


def test_euler_angles_of_random_unitaries():
    rng = np.random.default_rng(0)
    matrices = [random_unitary(rng, 2) for _ in range(50)] + [np.eye(2), np.diag([1, -1j]), np.array([[0, 1], [1j, 0]])]
    for matrix in matrices:
        phase, factors = euler(matrix)
        product = np.exp(1j * phase) * np.eye(2)
        for axis, half in factors:
            product = pauli_rotation("XYZ"[axis], 2 * half) @ product
        np.testing.assert_allclose(product, matrix, atol=1e-14)


def test_an_observable_that_is_not_hermitian_is_refused():
    circuit = CircuitBuilder(1).circuit(observables=(1j * Z(0),))
    with pytest.raises(ObservableError, match="not Hermitian"):
        compile_plan(circuit, (), expectations=True)
