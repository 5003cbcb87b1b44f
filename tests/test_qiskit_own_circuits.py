"""Circuits that users transpile themselves: accepted back, and read out as the kernel returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2, StatevectorEstimator
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap, generate_preset_pass_manager
from qiskit_aer import AerSimulator

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import GradientError, QKernelError, TargetCapabilityError, ValidationError
from qkernel_backends.qiskit import QiskitEngine

pytestmark = pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties:UserWarning")

DEVICE = GenericBackendV2(6, coupling_map=CouplingMap.from_line(6), seed=1, noise_info=False, control_flow=True)
PASSES = generate_preset_pass_manager(3, DEVICE, initial_layout=[5, 3, 1], seed_transpiler=2)
ANGLES = np.array([0.4, 1.1, 2.3])
SHOTS = 4000


@qk.qkernel
def ring(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.ry(qk.qubit_array(3), angles)
    for i in range(3):
        q[i], q[(i + 1) % 3] = qk.cx(q[i], q[(i + 1) % 3])
    return qk.measure(q)


@qk.qkernel
def energy(angles: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(3), angles)
    for i in range(3):
        q[i], q[(i + 1) % 3] = qk.cx(q[i], q[(i + 1) % 3])
    return 2.0 * qk.expval(q, qko.Z(0) + qko.X(1) * qko.X(2) - 0.5 * qko.Y(1)) + angles[0]


@qk.qkernel
def corrected(angle: qk.Float) -> tuple[qk.Bit, qk.Float]:
    q = qk.ry(qk.qubit_array(3), angle)
    flag = qk.measure(q[0])
    if flag:
        q[1] = qk.x(q[1])
    return qk.measure(q[1]), angle


def compiled(kernel: Any) -> Any:
    return kernel.compile(parameters=["angles"], lengths={"angles": 3})


def test_samples_are_those_of_the_circuit_that_is_given() -> None:
    program = compiled(ring)
    isa = PASSES.run(program.to_circuit())
    expected = program.sample(angles=ANGLES, shots=SHOTS, seed=1).vector()
    for backend in (DEVICE, BackendSamplerV2(backend=DEVICE), None, AerSimulator(method="matrix_product_state")):
        found = program.with_circuit(isa, engine=QiskitEngine(backend)).sample(angles=ANGLES, shots=SHOTS).vector()
        assert np.abs(found - expected).max() < 6 * np.sqrt(0.5 / SHOTS)
    batch = program.with_circuit(isa, engine=DEVICE).sample(angles=[ANGLES, ANGLES], shots=10)
    assert [result.shots for result in batch] == [10, 10]


def test_values_are_exact_on_a_simulator_and_estimated_elsewhere() -> None:
    program = compiled(energy)
    isa, exact = PASSES.run(program.to_circuit()), program.run(angles=ANGLES)
    assert program.with_circuit(isa, engine="qiskit").run(angles=ANGLES) == pytest.approx(exact)
    assert program.with_circuit(isa, engine=StatevectorEstimator()).run(angles=ANGLES) == pytest.approx(exact)
    for engine in (DEVICE, BackendSamplerV2(backend=DEVICE)):
        estimate = program.with_circuit(isa, engine=engine).run_with_errors(angles=ANGLES, shots=SHOTS)
        assert abs(estimate.value - exact) < 6 * estimate.standard_error
    near = program.with_circuit(isa, engine=BackendEstimatorV2(backend=DEVICE)).run(angles=ANGLES)
    assert near == pytest.approx(exact, abs=0.5)
    (found,) = program.with_circuit(isa, engine="qiskit").report().circuits
    assert found.circuit == isa
    assert found.layout == {"q[0]": 5, "q[1]": 3, "q[2]": 1}


def test_branches_and_several_registers() -> None:
    program = corrected.compile()
    isa = PASSES.run(program.to_circuit())
    parted = QuantumCircuit(isa.qubits, ClassicalRegister(1, "flag"), ClassicalRegister(isa.num_clbits - 1, "rest"))
    parted.compose(isa, isa.qubits, range(isa.num_clbits), inplace=True)
    parted._layout = isa.layout
    for circuit in (isa, parted):
        for engine in (DEVICE, BackendSamplerV2(backend=DEVICE)):
            assert program.with_circuit(circuit, engine=engine).sample(angle=np.pi, shots=30).counts == {(0, np.pi): 30}


def test_what_cannot_have_been_made_of_the_kernels_circuit_is_refused() -> None:
    program = compiled(ring)
    written = program.to_circuit()
    isa = PASSES.run(written)
    renamed = PASSES.run(written.assign_parameters({written.parameters[0]: Parameter("beta")}))
    for circuit, words, kind in (
        (written, "leaves `ry` on qubit 0 in `ring`, which `generic_backend_6q` does not have there", TargetCapabilityError),
        (renamed, "has a parameter `beta`, and `ring` has none of that name", ValidationError),
        (isa.remove_final_measurements(inplace=False), "leaves 0 of the 3 bits", TargetCapabilityError),
        ("isa", "gives a `str` for `ring`, and not a circuit", TargetCapabilityError),
        (PASSES.run(compiled(energy).to_circuit()), "leaves 0 of the 3 bits", TargetCapabilityError),
    ):
        with pytest.raises(kind, match=words):
            program.with_circuit(circuit, engine=DEVICE)
    wide = QuantumCircuit(4, 3)
    with pytest.raises(ValidationError, match="has 4 qubits, and `ring` has 3"):
        program.with_circuit(wide, engine="qiskit")
    with pytest.raises(TargetCapabilityError, match="the engine `native` takes no circuits"):
        program.with_circuit(isa)


def test_there_are_no_derivatives_and_no_amplitudes() -> None:
    program = compiled(energy)
    own = program.with_circuit(PASSES.run(program.to_circuit()), engine="qiskit")
    with pytest.raises(GradientError, match="no derivatives of `energy` by a circuit that is given"):
        own.grad(angles=ANGLES)
    with pytest.raises(QKernelError, match="does not do state"):
        own.statevector(angles=ANGLES)


def test_exact_values_of_a_simulator_with_connections_are_of_the_right_qubits() -> None:
    """The transpiler moves qubits on their way; what is read out moves with them."""
    program, connections = compiled(energy), CouplingMap.from_line(3)
    simulator = AerSimulator(coupling_map=connections, method="density_matrix")
    assert program.run(angles=ANGLES, engine=simulator) == pytest.approx(program.run(angles=ANGLES))

    @qk.qkernel
    def chances(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
        q = qk.ry(qk.qubit_array(3), angles)
        for i in range(3):
            q[i], q[(i + 1) % 3] = qk.cx(q[i], q[(i + 1) % 3])
        return qk.probabilities(q[1:])

    np.testing.assert_allclose(chances.run(ANGLES, engine=simulator), chances.run(ANGLES), atol=1e-9)
