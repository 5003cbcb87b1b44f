"""`QiskitTranspiler` on kernels: circuits as Qiskit users know them, and programs on every kind of backend."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ParameterVector
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector
from qiskit_aer import AerSimulator

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    ConflictingBindingError,
    EntrypointValidationError,
    KernelTypeError,
    ShotsError,
    TargetCapabilityError,
    UnknownBindingError,
    ValidationError,
)
from qkernel_backends.qiskit import QiskitTranspiler
from qkernel_stdlib.examples.networks import hybrid_ansatz

TRANSPILER = QiskitTranspiler()


def by_hand(n_qubits: int, n_layers: int) -> QuantumCircuit:
    inputs, weights = ParameterVector("inputs", n_qubits), iter(ParameterVector("weights", 3 * n_qubits * n_layers))
    circuit = QuantumCircuit(n_qubits)
    for k in range(n_qubits):
        circuit.ry(inputs[k], k)
    for _ in range(n_layers):
        for name in ("rz", "ry", "rz"):
            for k in range(n_qubits):
                getattr(circuit, name)(next(weights), k)
        for k in range(n_qubits - 1):
            circuit.cz(k, k + 1)
    return circuit


def compiled(observable: qko.Hamiltonian) -> Any:
    bindings = {"n_qubits": 4, "n_layers": 2, "hamiltonian": observable}
    return TRANSPILER.transpile(hybrid_ansatz, bindings=bindings, parameters=["inputs", "weights"])


def values() -> dict[str, Any]:
    generator = np.random.default_rng(42)
    return {"inputs": generator.uniform(-np.pi, np.pi, 4), "weights": generator.uniform(-np.pi, np.pi, 24)}


def test_h6_the_circuit_is_the_one_written_by_hand() -> None:
    executable = compiled(qko.Z(0))
    ours, theirs = executable.quantum_circuit, by_hand(4, 2)
    assert [register.name for register in ours.qregs] == ["q"]
    assert len(ours.data) == len(theirs.data)
    for mine, other in zip(ours.data, theirs.data, strict=True):
        assert mine.operation.name == other.operation.name
        assert [str(angle) for angle in mine.operation.params] == [str(angle) for angle in other.operation.params]
        assert [ours.find_bit(q).index for q in mine.qubits] == [theirs.find_bit(q).index for q in other.qubits]
    assert executable.parameter_names == tuple([f"inputs[{k}]" for k in range(4)] + [f"weights[{k}]" for k in range(24)])


def test_the_circuit_is_found_under_all_its_names() -> None:
    executable = compiled(qko.Z(0))
    circuit = executable.quantum_circuit
    assert isinstance(circuit, QuantumCircuit)
    assert executable.get_first_circuit() is circuit
    assert executable.get_circuits() == [circuit]
    assert executable.compiled_quantum[0].circuit is circuit


def test_qiskit_draws_the_circuit_with_what_the_extra_brings() -> None:
    figure = compiled(qko.Z(0)).quantum_circuit.draw("mpl")
    assert figure.axes
    assert compiled(qko.Z(0)).quantum_circuit.draw("latex_source").startswith("\\documentclass")


def test_h5_h6_h8_numbers_of_the_document_on_every_kind_of_executor() -> None:
    executables = [compiled(qko.Z(k)) for k in range(4)]
    expected = [-0.70960489, 0.61071606, 0.43586927, 0.42650987]
    for backend in (None, AerSimulator(), StatevectorEstimator()):
        executor = TRANSPILER.executor(backend)
        found = [executable.run(executor, bindings=values()).result() for executable in executables]
        assert {type(value) for value in found} == {float}
        np.testing.assert_allclose(found, expected, atol=5e-9)
        still = {name: np.zeros_like(angles) for name, angles in values().items()}
        assert [executable.run(executor, bindings=still).result() for executable in executables] == pytest.approx([1] * 4)


@pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties:UserWarning")
def test_shots_estimate_on_every_kind_of_executor() -> None:
    observable = 0.5 * qko.X(0) * qko.Y(1) + qko.Z(2) - 0.25
    exact = Statevector(compiled(observable).quantum_circuit.assign_parameters(np.concatenate([*values().values()])))
    operator = SparsePauliOp.from_sparse_list([("XY", [0, 1], 0.5), ("Z", [2], 1), ("", [], -0.25)], 4)
    expected = exact.expectation_value(operator).real
    noiseless = GenericBackendV2(5, noise_info=False, seed=1)
    for backend, seed in (
        (None, 1),
        (AerSimulator(), 1),
        (noiseless, 1),
        (StatevectorSampler(seed=1), None),
        (StatevectorEstimator(seed=1), None),
    ):
        executor = TRANSPILER.executor(backend, seed=seed, shots=2000)
        found = compiled(observable).run(executor, bindings=values()).result()
        assert found == pytest.approx(expected, abs=0.15)
        assert found != expected


def test_a_batch_is_one_call() -> None:
    executable, given = compiled(qko.Z(0) * qko.Z(3)), values()
    given["inputs"] = np.stack([given["inputs"], -given["inputs"], given["inputs"] / 2])
    results = [executable.run(TRANSPILER.executor(backend), bindings=given).result() for backend in (None, AerSimulator())]
    assert results[0].shape == (3,)
    np.testing.assert_allclose(results[0], results[1], atol=1e-9)


def test_gradients_by_parameter_shift() -> None:
    executable, given = compiled(qko.Z(0) * qko.X(3)), values()
    value, gradient = executable.value_and_grad(bindings=given)
    shifted_value, shifted = executable.value_and_grad(bindings=given, engine=AerSimulator())
    assert shifted_value == pytest.approx(value, abs=1e-9)
    for name in ("inputs", "weights"):
        np.testing.assert_allclose(shifted[name], gradient[name], atol=1e-9)


@qk.composite_gate(name="my entangler")
@qk.qkernel
def entangler(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
    q[0] = qk.rx(q[0], angle)
    q[0], q[1] = qk.cx(q[0], q[1])
    return q


@qk.qkernel
def dynamic(
    a: qk.Float, d: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float], m: qk.Matrix[qk.Float]
) -> tuple[qk.Bit, qk.Vector[qk.Bit]]:
    q = qk.qubit_array(2, name="q")
    r = qk.qubit("r")
    q = entangler(q, a)
    q[0], r = qk.control(qk.rz)(q[0], r, d[(0, 1)] * 2 + a)
    q[1], r = qk.control(qk.ry)(q[1], r, m[0, 1])
    b = qk.measure(r)
    if b:
        q[0] = qk.x(q[0])
    else:
        q[1] = qk.h(q[1])
    return b, qk.measure(q)


def test_names_survive_in_the_circuit() -> None:
    executable = TRANSPILER.transpile(dynamic, parameters=["a", "d", "m"])
    circuit = executable.quantum_circuit
    assert executable.parameter_names == ("a", "d[(0, 1)]", "m[0][0]", "m[0][1]")
    assert [register.name for register in circuit.qregs] == ["q", "r"]
    assert [instruction.operation.name for instruction in circuit.data] == [
        "my entangler", "crz", "cry", "measure", "if_else", "measure", "measure",
    ]  # fmt: skip
    assert str(circuit.data[1].operation.params[0]) == "a + 2*d[(0, 1)]"
    assert circuit.data[3].operation.name == "measure"


def test_dynamic_circuits_agree_with_the_built_in_engine() -> None:
    executable = TRANSPILER.transpile(dynamic, bindings={"d": {(0, 1): 0.3}, "m": [[0.1, 2.2]]})
    counts = []
    for backend in (None, AerSimulator()):
        result = executable.sample(TRANSPILER.executor(backend, seed=5), shots=4000, bindings={"a": 1.2}).result()
        counts.append(dict(result.results))
    assert sum(counts[0].values()) == sum(counts[1].values()) == 4000
    for outcome in counts[0].keys() | counts[1].keys():
        first, second = (found.get(outcome, 0) for found in counts)
        assert abs(first - second) < 5 * np.sqrt(first + second + 1)


@qk.qkernel
def repeated(flips: qk.UInt) -> qk.Bit:
    q, target = qk.qubit("q"), qk.qubit("target")
    q = qk.h(q)
    q, bit = qk.project_z(q)
    while bit:
        for _ in qk.range(flips):
            target = qk.x(target)
        q = qk.h(q)
        q, bit = qk.project_z(q)
    return qk.measure(target)


def test_loops_on_measured_bits_run_on_aer() -> None:
    executable = TRANSPILER.transpile(repeated, bindings={"flips": 1})
    assert "while_loop" in executable.quantum_circuit.count_ops()
    result = executable.sample(TRANSPILER.executor(AerSimulator(), seed=2), shots=3000).result()
    assert dict(result.results)[1] / 3000 == pytest.approx(1 / 3, abs=0.05)
    even = TRANSPILER.transpile(repeated, bindings={"flips": 2})
    assert dict(even.sample(TRANSPILER.executor(AerSimulator()), shots=100).result().results) == {0: 100}


@qk.qkernel
def mixed(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n, name="q")
    q = qk.h(q)
    q[0], q[1] = qk.control(qk.x)(q[0], q[1])
    q[0], q[1], q[2] = qk.control(qk.x, num_controls=2)(q[0], q[1], q[2])
    q[0], q[1], q[2], q[3] = qk.control(qk.x, num_controls=3)(q[0], q[1], q[2], q[3])
    q[0], q[1], q[2] = qk.control(qk.p, num_controls=2)(q[0], q[1], q[2], a)
    q[0], q[1] = qk.control(qk.x, control_value=0)(q[0], q[1])
    q[3] = qk.u(q[3], a, 0.2, 0.3)
    return q


@qk.qkernel
def mixed_value(a: qk.Float) -> qk.Float:
    return qk.expval(mixed(4, a), qko.Z(3) * qko.X(1))


def test_controlled_gates_are_no_boxes() -> None:
    circuit = TRANSPILER.to_circuit(mixed_value)
    assert [instruction.operation.name for instruction in circuit.data] == [
        "h", "h", "h", "h", "cx", "ccx", "mcx", "mcphase", "cx_o0", "u",
    ]  # fmt: skip
    executable = TRANSPILER.transpile(mixed_value)
    batch = np.array([0.3, 1.9, -2.2])
    ours = executable.run(bindings={"a": batch}).result()
    aer = executable.run(TRANSPILER.executor(AerSimulator()), bindings={"a": batch}).result()
    operator = SparsePauliOp.from_sparse_list([("ZX", [3, 1], 1)], 4)
    theirs = [Statevector(circuit.assign_parameters([a])).expectation_value(operator).real for a in batch]
    np.testing.assert_allclose(ours, theirs, atol=1e-9)
    np.testing.assert_allclose(aer, theirs, atol=1e-9)


def test_kernels_as_qasm() -> None:
    text = mixed_value.to_qasm(flat=True, a=0.4)
    assert "ctrl(3) @ x" in text or "mcx" in text
    assert Operator(qasm3.loads(text)).equiv(Operator(TRANSPILER.to_circuit(mixed_value, bindings={"a": 0.4})))
    assert "while (c[" in repeated.to_qasm(flat=True, flips=1)


@qk.qkernel
def of_a_tensor(weights: qk.Tensor[qk.Float], angles: qk.Dict[qk.UInt, qk.Float]) -> qk.Float:
    q = qk.qubit_array(2)
    for layer in qk.range(weights.shape[0]):
        for k in qk.range(weights.shape[2]):
            q[0] = qk.rx(q[0], weights[layer, 1, k])
    for k, angle in qk.items(angles):
        q[1] = qk.ry(q[1], angle * k)
    return qk.expval(q, qko.Z(0))


def test_lengths_of_open_arrays_and_keys_of_open_dictionaries() -> None:
    given: dict[str, Any] = {"weights": (2, 2, 3), "angles": [1, 3]}
    parameters = ["weights", "angles"]
    executable = TRANSPILER.transpile(of_a_tensor, parameters=parameters, lengths=given)
    assert len(executable.parameter_names) == 2 * 2 * 3 + 2
    circuit = TRANSPILER.to_circuit(of_a_tensor, {}, parameters, lengths=given)
    assert circuit.count_ops() == executable.quantum_circuit.count_ops() == {"rx": 6, "ry": 2}
    weights = np.random.default_rng(3).normal(size=(2, 2, 3))
    found = executable.run(bindings={"weights": weights, "angles": {1: 0.2, 3: 0.3}}).result()
    assert found == pytest.approx(np.cos(weights[:, 1].sum()))
    text = of_a_tensor.to_qasm(flat=True, lengths=given)
    assert "input float[64] weights_1_1_2; // weights[1][1][2]" in text
    assert len(qasm3.loads(text).parameters) == 2 * 2 * 3 + 2


def test_the_shape_that_is_asked_for_has_the_right_number_of_axes() -> None:
    for use in (
        lambda lengths: TRANSPILER.transpile(of_a_tensor, lengths=lengths),
        lambda lengths: TRANSPILER.to_circuit(of_a_tensor, lengths=lengths),
        lambda lengths: of_a_tensor.to_qasm(flat=True, lengths=lengths),
        lambda lengths: of_a_tensor.compile(lengths=lengths),
    ):
        with pytest.raises(EntrypointValidationError, match="the length of `weights`") as caught:
            use({"angles": [1]})
        assert '`lengths={"weights": (4, 3, 2)}`' in str(caught.value)
        with pytest.raises(EntrypointValidationError, match="the keys of `angles`") as caught:
            use({"weights": (4, 3, 2)})
        assert '`lengths={"angles": [...]}`' in str(caught.value)


def test_mistakes_are_named() -> None:
    bindings = {"n_qubits": 2, "n_layers": 1, "hamiltonian": qko.Z(0)}
    with pytest.raises(ConflictingBindingError, match="inputs"):
        TRANSPILER.transpile(hybrid_ansatz, bindings={**bindings, "inputs": [1.0, 2.0]}, parameters=["inputs"])
    with pytest.raises(UnknownBindingError, match="weight"):
        TRANSPILER.transpile(hybrid_ansatz, bindings=bindings, parameters=["weight"])
    with pytest.raises(KernelTypeError, match="a kernel is wanted"):
        TRANSPILER.transpile(lambda: None)  # type: ignore[arg-type]
    with pytest.raises(ShotsError):
        TRANSPILER.executor(AerSimulator(), shots=0)
    with pytest.raises(ShotsError):
        TRANSPILER.executor(StatevectorEstimator(), shots=0)
    with pytest.raises(ValidationError, match="seed"):
        TRANSPILER.executor(StatevectorSampler(), seed=1)
    with pytest.raises(TargetCapabilityError, match="`str`"):
        TRANSPILER.executor("aer_simulator")


def test_backends_that_only_sample_ask_for_shots() -> None:
    with pytest.raises(TargetCapabilityError):
        compiled(qko.Z(0)).run(TRANSPILER.executor(GenericBackendV2(4, seed=1)), bindings=values())
    with pytest.raises(TargetCapabilityError):
        TRANSPILER.transpile(repeated, bindings={"flips": 1}).sample(TRANSPILER.executor(StatevectorEstimator()), shots=3)


def test_a_missing_qiskit_is_named() -> None:
    code = (
        "import sys; sys.modules['qiskit'] = None\n"
        "from qkernel.errors import DependencyError\n"
        "try:\n    import qkernel_backends.qiskit\n"
        "except DependencyError as error:\n    print(error.help)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert 'pip install "qkernel[qiskit]"' in shown
