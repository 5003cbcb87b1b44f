"""Qiskit circuits as kernels: the same matrix, the same distribution, or a refusal by name."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm3
from qiskit.circuit import AnnotatedOperation, ControlModifier, InverseModifier, Parameter, ParameterVector, PowerModifier
from qiskit.circuit.classical import expr
from qiskit.circuit.library import PauliEvolutionGate, QFTGate, efficient_su2, zz_feature_map
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Operator, SparsePauliOp
from qiskit_aer import AerSimulator

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import BindingShapeError, KernelTypeError, ObservableError, TargetCapabilityError

SHOTS = 4000


def same_matrix(circuit: QuantumCircuit, kernel: Any, sizes: dict[str, int], values: dict[str, Any], bound: Any) -> None:
    found = kernel.unitary(**sizes, **values)
    np.testing.assert_allclose(found, Operator(circuit.assign_parameters(bound)).data, atol=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_random_circuits(seed: int) -> None:
    circuit = random_circuit(4, 6, max_operands=4, seed=seed)
    kernel = qk.from_qiskit(circuit)
    same_matrix(circuit, kernel, {"q": 4}, {}, {})
    assert qk.parse(str(kernel.ir)) == kernel.ir


BELL = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];'


@pytest.mark.parametrize(
    "read", [lambda: qk.from_qasm(BELL), lambda: qk.from_qiskit(qasm3.loads(BELL))], ids=["qasm", "qiskit"]
)
def test_registers_have_the_length_of_the_circuit(read: Callable[[], Any], tmp_path: Path) -> None:
    kernel = read()
    assert kernel.estimate_resources().qubits == 2
    for again in (kernel, qk.parse(str(kernel.ir)), pickle.loads(pickle.dumps(kernel))):
        assert "q[1]" in str(again) or "q: Vector[Qubit, 2]" in str(again)
    kernel.save(tmp_path / "bell.qk")
    loaded = qk.load(tmp_path / "bell.qk")
    np.testing.assert_allclose(loaded.statevector(), loaded.statevector(q=2))
    assert loaded.to_circuit().num_qubits == 2
    for verb in (loaded.statevector, loaded.unitary, loaded.estimate_resources, loaded.to_qasm, loaded.to_circuit):
        with pytest.raises(BindingShapeError, match="has 2 qubits, not 5"):
            verb(q=5)
    with pytest.raises(BindingShapeError, match="has 2 qubits, not 5"):
        loaded.draw(q=5, output="text")

    @qk.qkernel
    def user(n: qk.UInt) -> qk.Vector[qk.Bit]:
        return qk.measure(kernel(qk.qubit_array(n)))

    @qk.qkernel
    def undone(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q = qk.inverse(kernel)(kernel(qk.qubit_array(n)))
        _, q = qk.control(kernel)(qk.x(qk.qubit()), q)
        return qk.measure(q)

    for called in (user, undone):
        assert set(called.sample(n=2, shots=20, seed=1).counts) == {(0, 0), (1, 1)}
        with pytest.raises(BindingShapeError, match="has 2 qubits, not 3"):
            called.sample(n=3)
        with pytest.raises(BindingShapeError, match="has 2 qubits, not 3"):
            called.draw(n=3, output="text")
        assert kernel.name in called.draw(output="text")


def test_arguments_come_in_the_order_of_first_use() -> None:
    z, a = Parameter("z"), Parameter("a")
    weights, inputs = ParameterVector("weights", 2), ParameterVector("inputs", 2)
    circuit = QuantumCircuit(2)
    circuit.rx(inputs[1], 0)
    circuit.ry(2 * z, 1)
    circuit.ry(2 * z + weights[1], 1)
    circuit.crz(-a / 3 + z**2, 0, 1)
    circuit.p((a * inputs[0]).sin() + weights[0].exp(), 0)
    kernel = qk.from_qiskit(circuit)
    assert list(kernel.input_types) == ["q", "inputs", "z", "weights", "a"]
    values = {"inputs": [0.3, 0.7], "z": 0.2, "weights": [0.1, 0.4], "a": 1.1}
    bound = {inputs: values["inputs"], z: 0.2, weights: values["weights"], a: 1.1}
    same_matrix(circuit, kernel, {"q": 2}, values, bound)


def test_names_that_kernels_cannot_have() -> None:
    odd, taken = Parameter("2 λ"), Parameter("q")
    circuit = QuantumCircuit(QuantumRegister(1, "q"), name="my circuit")
    circuit.rx(odd, 0)
    circuit.rz(taken, 0)
    with pytest.warns(UserWarning, match="`2 λ` is `_2_λ`, `q` is `q_1`"):
        kernel = qk.from_qiskit(circuit)
    assert list(kernel.input_types) == ["q", "_2_λ", "q_1"]
    same_matrix(circuit, kernel, {"q": 1}, {"_2_λ": 0.3, "q_1": 0.4}, {odd: 0.3, taken: 0.4})


def test_registers_and_qubits_beside_them() -> None:
    first, second = QuantumRegister(2, "first"), QuantumRegister(1, "second")
    circuit = QuantumCircuit(first, second)
    circuit.cx(second[0], first[1])
    kernel = qk.from_qiskit(circuit)
    assert list(kernel.input_types) == ["first", "second"]
    same_matrix(circuit, kernel, {"first": 2, "second": 1}, {}, {})
    overlapping = QuantumCircuit(first, QuantumRegister(bits=[first[1]], name="again"))
    overlapping.h(1)
    same_matrix(overlapping, qk.from_qiskit(overlapping), {"q": 2}, {}, {})


# scipy about Qiskit's own way to the matrix of a power
@pytest.mark.filterwarnings("ignore:sp(lu|solve) :scipy.sparse.SparseEfficiencyWarning")
def test_modifiers_boxes_and_phases() -> None:
    a, b = Parameter("a"), Parameter("b")
    part = QuantumCircuit(2, name="part", global_phase=b)
    part.rx(2 * a + b, 0)
    part.cx(0, 1)
    part.rz(a * b, 1)
    gate = part.to_gate()
    circuit = QuantumCircuit(4, global_phase=a)
    circuit.append(gate.control(2, ctrl_state=1), [3, 0, 1, 2])
    circuit.append(gate.inverse(), [0, 3])
    circuit.append(QFTGate(3), [0, 2, 1])
    modifiers = [InverseModifier(), ControlModifier(1, 0), PowerModifier(3), ControlModifier(1, 1)]
    circuit.append(AnnotatedOperation(gate, modifiers), [1, 0, 2, 3])
    circuit.cu(a, 0.1, 0.2, b, 0, 1)
    circuit.append(PauliEvolutionGate(SparsePauliOp("XYZ"), time=a), [0, 3, 1])
    circuit.append(PauliEvolutionGate(SparsePauliOp.from_list([("XX", 0.5), ("ZZ", 2.0)]), time=b), [2, 1])
    kernel = qk.from_qiskit(circuit)
    same_matrix(circuit, kernel, {"q": 4}, {"a": 0.3, "b": 0.7}, {a: 0.3, b: 0.7})
    kernel.verify_resources(q=4)


@pytest.mark.parametrize("made", [lambda: zz_feature_map(3, reps=2), lambda: efficient_su2(3, reps=1)])
def test_library_circuits_train(made: Callable[[], QuantumCircuit]) -> None:
    circuit = made()
    kernel = qk.from_qiskit(circuit)
    (name,) = [argument for argument in kernel.input_types if argument != "q"]
    values = np.linspace(0.1, 0.9, circuit.num_parameters)
    same_matrix(circuit, kernel, {"q": 3}, {name: values}, values)

    @qk.qkernel
    def energy(angles: qk.Vector[qk.Float]) -> qk.Float:
        return qk.expval(kernel(qk.qubit_array(3), angles), qko.Z(0) * qko.X(2))

    step = 1e-6
    moved = [values + sign * step * np.eye(len(values))[0] for sign in (1, -1)]
    difference = (energy.run(moved[0]) - energy.run(moved[1])) / (2 * step)
    assert energy.grad(values)["angles"][0] == pytest.approx(difference, abs=1e-8)


def branching() -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2)
    circuit.ry(0.9, 0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.ry(1.2, 1)
    with otherwise:
        circuit.ry(0.4, 1)
        circuit.measure(1, 0)
    circuit.measure(1, 1)
    return circuit


def looping() -> QuantumCircuit:
    register = ClassicalRegister(2, "found")
    circuit = QuantumCircuit(QuantumRegister(2, "q"), register)
    angle = Parameter("angle")
    with circuit.for_loop(range(1, 4), angle):
        circuit.rx(0.3 * angle, 0)
    with circuit.for_loop([2, 5], angle):
        circuit.rx(0.1 * angle, 1)
        circuit.measure(1, register[1])
    circuit.measure(0, register[0])
    with circuit.while_loop(expr.logic_and(register[0], expr.logic_not(register[1]))):
        circuit.h([0, 1])
        circuit.measure([0, 1], register)
    return circuit


def registers_compared() -> QuantumCircuit:
    one, two = ClassicalRegister(2, "one"), ClassicalRegister(1, "two")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), one, two)
    circuit.h([0, 1])
    circuit.measure([0, 1], one)
    with circuit.if_test((one, 2)):
        circuit.x(2)
    with circuit.if_test(expr.not_equal(one, 1)):
        circuit.ry(0.8, 2)
    circuit.reset(0)
    circuit.measure(2, two[0])
    return circuit


@pytest.mark.parametrize("made", [branching, looping, registers_compared])
def test_bits_and_what_depends_on_them(made: Callable[[], QuantumCircuit]) -> None:
    circuit = made()
    kernel = qk.from_qiskit(circuit)
    found = kernel.sample(shots=SHOTS, seed=1)
    counts = AerSimulator(seed_simulator=3).run(circuit, shots=SHOTS).result().get_counts()

    def text(value: Any) -> str:
        registers = value if isinstance(value[0], tuple) else (value,)
        return " ".join("".join(map(str, reversed(register))) for register in reversed(registers))

    ours = {text(value): count for value, count in found.results}
    for key in ours.keys() | counts.keys():
        spread = np.sqrt(SHOTS) / 2
        assert ours.get(key, 0) == pytest.approx(counts.get(key, 0), abs=6 * spread * np.sqrt(2)), key
    assert qk.parse(str(kernel.ir)) == kernel.ir


def test_refusals() -> None:
    with pytest.raises(KernelTypeError, match="`QuantumCircuit` is wanted"):
        qk.from_qiskit(3)
    delayed = QuantumCircuit(1)
    delayed.delay(100, 0)
    stopped = QuantumCircuit(1, 1)
    with stopped.for_loop(range(3)):
        stopped.measure(0, 0)
        with stopped.if_test((stopped.clbits[0], 1)):
            stopped.break_loop()
    switched = QuantumCircuit(1, 1)
    with switched.switch(switched.clbits[0]) as case, case(0):
        switched.x(0)
    rooted = QuantumCircuit(1)
    rooted.append(AnnotatedOperation(QuantumCircuit(1, name="inner").to_gate(), [PowerModifier(0.5)]), [0])
    for circuit, what in ((delayed, "delay"), (stopped, "break_loop"), (switched, "switch_case"), (rooted, "power 0.5")):
        with pytest.raises(TargetCapabilityError, match=f"{what}.* has no counterpart"):
            qk.from_qiskit(circuit)


def test_nothing_is_said_where_all_names_are_kept() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        qk.from_qiskit(QuantumCircuit(1, name="plain"))


def test_sums_of_paulis_stand_for_observables() -> None:
    operator = SparsePauliOp.from_list([("ZXI", 0.5), ("IIY", -1.0), ("III", 0.25)])
    ours = 0.5 * qko.X(1) * qko.Z(2) - qko.Y(0) + 0.25

    @qk.qkernel
    def prepared() -> qk.Vector[qk.Qubit]:
        q = qk.qubit_array(3)
        for i in qk.range(3):
            q[i] = qk.rx(q[i], 0.3 + 0.2 * i)
        return q

    @qk.qkernel
    def captured() -> tuple[qk.Float, qk.Vector[qk.Float]]:
        return qk.expval(prepared(), operator), qk.expval(prepared(), [operator, qko.Z(0)])

    @qk.qkernel
    def evolved(H: qk.Observable, several: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
        return qk.expval(qk.pauli_evolve(prepared(), H, 0.4), several)

    @qk.qkernel
    def given(H: qk.Observable) -> qk.Float:
        return qk.expval(prepared(), H)

    @qk.qkernel
    def passed() -> qk.Float:
        total = qk.float_(0.0)
        for _ in qk.range(2):
            total += given(operator) / 2
        return total

    expected = given.run(H=ours)
    found = [given.run(H=operator), given.compile({"H": operator}).run(), passed.run(), captured.run()[0]]
    np.testing.assert_allclose(found, expected, atol=1e-14)
    np.testing.assert_allclose(captured.run()[1], [expected, given.run(H=qko.Z(0))], atol=1e-14)
    assert evolved.run(H=operator, several=[operator])[0] == evolved.run(H=ours, several=[ours])[0]
    assert evolved.estimate_resources(H=operator, several=[operator]) == evolved.estimate_resources(H=ours, several=[ours])
    operator.coeffs[1] = 2.0  # a kernel compiles anew for what its free variables have become
    changed = given.run(H=ours + 3 * qko.Y(0))
    np.testing.assert_allclose([captured.run()[0], given.run(H=operator)], changed, atol=1e-14)
    assert abs(changed - expected) > 0.1


def test_sums_of_paulis_that_are_no_observables() -> None:
    @qk.qkernel
    def given(H: qk.Observable) -> qk.Float:
        return qk.expval(qk.qubit(), H)

    with pytest.raises(ObservableError, match="complex coefficients"):
        given.run(H=SparsePauliOp("Z", 1j))
    with pytest.raises(ObservableError, match="a coefficient is a number, not"):
        given.run(H=SparsePauliOp("Z", np.array([Parameter("a")])))


def test_kernels_of_circuits_are_pickled() -> None:
    kernel = qk.from_qiskit(branching())
    again = pickle.loads(pickle.dumps(kernel))
    assert again.ir == kernel.ir
    assert again.sample(shots=100, seed=1).counts == kernel.sample(shots=100, seed=1).counts
