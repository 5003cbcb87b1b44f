"""Kernels in other packages: circuits that do the same, engines on their simulators, and what each refuses by name."""

from __future__ import annotations

from typing import Any

import cirq
import numpy as np
import pennylane as qml
import pytest
import sympy
from braket.default_simulator.state_vector_simulator import StateVectorSimulator
from braket.ir.openqasm import Program
from circuit_builder import CircuitBuilder
from pytket.circuit import Circuit as TketCircuit
from pytket.circuit import OpType

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import resolve_engine
from qkernel.errors import KernelTypeError, TargetCapabilityError
from qkernel_backends import braket as braket_backend
from qkernel_backends import tket as tket_backend
from qkernel_backends.braket import BraketEngine
from qkernel_backends.cirq import CirqEngine
from qkernel_backends.pennylane import PennyLaneEngine
from qkernel_backends.reference import ReferenceEngine


@qk.qkernel
def ansatz(weights: qk.Vector[qk.Float], scale: qk.Float) -> qk.Float:
    q = qk.qubit_array(2)
    q[0] = qk.ry(q[0], weights[0] * scale)
    q[1] = qk.rx(q[1], qk.sin(weights[1]) + 0.25)
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1] = qk.rz(q[1], weights[0])
    q[0] = qk.h(q[0])
    return qk.expval(q, qko.Z(0) * qko.X(1) + 0.5 * qko.Z(1) - 0.25)


@qk.qkernel
def teleported(angle: qk.Float) -> qk.Bit:
    q = qk.qubit_array(3)
    q[0] = qk.ry(q[0], angle)
    q[1] = qk.h(q[1])
    q[1], q[2] = qk.cx(q[1], q[2])
    q[0], q[1] = qk.cx(q[0], q[1])
    q[0] = qk.h(q[0])
    first, second = qk.measure(q[0]), qk.measure(q[1])
    target = q[2]
    if second:
        target = qk.x(target)
    if first:
        target = qk.z(target)
    return qk.measure(target)


@qk.qkernel
def until(angle: qk.Float) -> qk.Bit:
    q = qk.ry(qk.qubit(), angle)
    q, bit = qk.project_z(q)
    while bit:
        q, bit = qk.project_z(qk.h(q))
    return qk.measure(q)


WEIGHTS, SCALE = np.array([0.7, -0.4]), 1.3


# Circuits ---------------------------------------------------------------------------------------------------------------


def test_angles_that_are_computed() -> None:
    made = ansatz.to_circuit(package="cirq", lengths={"weights": 2})
    assert cirq.parameter_names(made) == {"weights[0]", "weights[1]", "scale"}
    tket = ansatz.to_circuit(package="tket", lengths={"weights": 2})
    assert {str(symbol) for symbol in tket.free_symbols()} == cirq.parameter_names(made)
    values = {"weights[0]": 0.7, "weights[1]": -0.4, "scale": 1.3}
    wanted = ansatz.to_circuit(package="tket", weights=WEIGHTS, scale=SCALE).get_unitary()
    tket.symbol_substitution({sympy.Symbol(name): value for name, value in values.items()})
    assert tket.get_unitary() == pytest.approx(wanted, abs=1e-12)
    assert cirq.unitary(cirq.resolve_parameters(made, values)) == pytest.approx(wanted, abs=1e-12)


def test_branches_in_circuits() -> None:
    made = teleported.to_circuit(package="cirq", angle=1.1)
    bits = cirq.Simulator(seed=2).run(made, repetitions=400).measurements
    assert bits["m2"].mean() == pytest.approx(np.sin(0.55) ** 2, abs=0.1)
    commands = teleported.to_circuit(package="tket", angle=1.1).get_commands()
    assert sum(command.op.type == OpType.Conditional for command in commands) == 2


@pytest.mark.parametrize("package", ["cirq", "tket", "pennylane", "braket"])
def test_loops_are_refused(package: str) -> None:
    with pytest.raises(TargetCapabilityError, match=f"(?i)`until` loops on measured bits, which circuits of {package}"):
        until.to_circuit(package=package)


def test_matrices_that_tket_lacks() -> None:
    circuit = CircuitBuilder(4).unitary(np.eye(16), 0, 1, 2, 3).circuit()
    with pytest.raises(TargetCapabilityError, match="tket has no matrices on 4 qubits"):
        tket_backend.emit(circuit)


# Braket -----------------------------------------------------------------------------------------------------------------


def ran(program: Any, results: str = "", shots: int = 0, **inputs: float) -> Any:
    """What a simulator of Braket's makes of a program."""
    text = program.source + "".join(f"#pragma braket result {line}\n" for line in results.splitlines())
    return StateVectorSimulator().run(Program(source=text, inputs=inputs), shots=shots)


def test_open_parameters_are_inputs_of_braket_programs() -> None:
    program = ansatz.to_circuit(package="braket", lengths={"weights": 2})
    inputs = {"weights_0": 0.7, "weights_1": -0.4, "scale": 1.3}
    for made, given in ((program, inputs), (ansatz.to_circuit(package="braket", weights=WEIGHTS, scale=SCALE), {})):
        found = ran(made, "expectation z(q[0]) @ x(q[1])\nexpectation z(q[1])", **given).resultTypes
        value = found[0].value + 0.5 * found[1].value - 0.25
        assert value == pytest.approx(ansatz.run(WEIGHTS, SCALE), abs=1e-12)


def test_branches_in_braket_programs() -> None:
    bits = np.array(ran(teleported.to_circuit(package="braket", angle=1.1), shots=1000).measurements, int)
    assert bits[:, -1].mean() == pytest.approx(np.sin(0.55) ** 2, abs=0.08)


def test_controls_of_all_kinds_between_distant_qubits_in_braket() -> None:
    """Where Braket's simulator goes wrong with `ctrl @`: among four qubits and more, control and target no neighbours."""
    generator = np.random.default_rng(2)
    builder = CircuitBuilder(5)
    for qubit in range(5):
        builder.gate("u", qubit, angles=tuple(generator.uniform(-3, 3, 3)))
    for name in ("crx", "cry", "crz", "cp", "ch", "cu", "cx", "cy", "cz", "cswap", "ccx"):
        width, angles = 3 if name in ("cswap", "ccx") else 2, {"cu": 4, "crx": 1, "cry": 1, "crz": 1, "cp": 1}.get(name, 0)
        qubits = generator.permutation(5)[:width].tolist()
        builder.gate(name, *qubits, angles=tuple(generator.uniform(-9, 9, angles)))
    builder.gate("rx", 4, 0, 2, 1, controls=3, control_value=2, angles=(0.7,))
    builder.pauli("YXZ", 0.4, 3, 0, 4, 1, controls=1)
    circuit, theta = builder.circuit(), np.zeros((1, 0))
    expected = ReferenceEngine().prepare(circuit).state(theta)
    assert BraketEngine().prepare(circuit).state(theta) == pytest.approx(expected, abs=1e-12)


def test_what_braket_refuses() -> None:
    wide = CircuitBuilder(8).gate("h", *range(8), controls=7).circuit()
    with pytest.raises(TargetCapabilityError, match="`h` on 8 qubits is too wide for Braket"):
        BraketEngine().prepare(wide).state(np.zeros((1, 0)))
    with pytest.raises(TargetCapabilityError, match="has no qubits, and Braket has no such programs"):
        braket_backend.emit(CircuitBuilder(0).circuit())
    builder = CircuitBuilder(3)
    builder.gate("rx", 0, 1, 2, controls=2, angles=(builder.parameter("theta"),))
    with pytest.raises(TargetCapabilityError, match="`rx` by an open angle under 2 controls cannot be written for Braket"):
        braket_backend.emit(builder.circuit())


# Engines ----------------------------------------------------------------------------------------------------------------


def engines() -> list[Any]:
    return [
        CirqEngine(),
        CirqEngine(cirq.Simulator(dtype=np.complex128)),
        PennyLaneEngine(),
        PennyLaneEngine(qml.device("lightning.qubit", wires=3)),
        PennyLaneEngine(qml.device("default.mixed", wires=2)),
        BraketEngine(),
    ]


@pytest.mark.parametrize("engine", engines(), ids=lambda engine: type(engine).__name__)
def test_values_and_gradients(engine: Any) -> None:
    assert ansatz.run(WEIGHTS, SCALE, engine=engine) == pytest.approx(ansatz.run(WEIGHTS, SCALE), abs=1e-9)
    found, ours = (ansatz.grad(weights=WEIGHTS, scale=SCALE, engine=each) for each in (engine, "native"))
    assert found["weights"] == pytest.approx(ours["weights"], abs=1e-8)
    assert found["scale"] == pytest.approx(ours["scale"], abs=1e-8)


@pytest.mark.parametrize("engine", [CirqEngine(), PennyLaneEngine(), "native"], ids=str)
def test_derivatives_where_there_are_no_qubits(engine: Any) -> None:
    @qk.qkernel
    def turned(n: qk.UInt, a: qk.Float) -> qk.Float:
        return qk.expval(qk.ry(qk.qubit_array(n), a), 0.5 * qko.Hamiltonian.identity())

    assert turned.compile({"n": 0}, ["a"]).value_and_grad(a=0.3, engine=engine) == (0.5, {"a": 0.0})


@pytest.mark.parametrize("engine", [CirqEngine(), PennyLaneEngine(), BraketEngine()], ids=lambda engine: engine.name)
def test_samples_and_probabilities_of_branches(engine: Any) -> None:
    result = teleported.sample(angle=1.1, shots=2000, seed=1, engine=engine)
    assert result.counts[True] / 2000 == pytest.approx(np.sin(0.55) ** 2, abs=0.05)
    with pytest.raises(TargetCapabilityError, match="loops on measured bits"):
        until.sample(angle=1.1, engine=engine)


def test_more_measurements_than_are_deferred() -> None:
    @qk.qkernel
    def coins(n: qk.UInt) -> qk.Vector[qk.Bit]:
        q, bits = qk.qubit(), qk.bit_array(n)
        for k in qk.range(n):
            q, bits[k] = qk.project_z(qk.h(q))
        return bits

    assert len(coins.sample(n=20, shots=50, seed=1, engine=CirqEngine()).counts) > 40
    with pytest.raises(TargetCapabilityError, match="`coins` measures and resets too often for the engine `pennylane`"):
        coins.sample(n=20, shots=50, engine=PennyLaneEngine())


def test_a_noisy_simulator_of_cirq() -> None:
    noisy = cirq.DensityMatrixSimulator(noise=cirq.depolarize(0.1), seed=3)
    exact, damped = ansatz.run(WEIGHTS, SCALE), ansatz.run(WEIGHTS, SCALE, engine=noisy)
    assert abs(damped + 0.25) < abs(exact + 0.25)
    assert 0.2 < teleported.sample(angle=3.0, shots=300, engine=noisy).counts[True] / 300 < 0.95


def test_objects_of_other_packages_are_engines() -> None:
    assert CirqEngine(cirq.Simulator()).is_ideal
    with pytest.raises(TargetCapabilityError, match="Cirq circuits do not run on a `LineQubit`"):
        CirqEngine(cirq.LineQubit(0))
    with pytest.raises(TargetCapabilityError, match="do not run on a `PauliX`"):
        PennyLaneEngine(qml.PauliX(0))
    with pytest.raises(KernelTypeError):
        resolve_engine(sympy.Symbol("x"))


# Circuits of other packages as kernels ----------------------------------------------------------------------------------


def unitary_of(circuit: Any, size: int, symbols: dict[str, float]) -> Any:
    """The matrix of a circuit of Cirq's or pytket's, qubit 0 the least significant."""
    if isinstance(circuit, cirq.Circuit):
        order = sorted(circuit.all_qubits())[::-1]
        return cirq.resolve_parameters(circuit, symbols).unitary(qubit_order=order)
    bound = circuit.copy()
    bound.symbol_substitution({symbol: symbols[str(symbol)] for symbol in bound.free_symbols()})
    axes = [*reversed(range(size)), *reversed(range(size, 2 * size))]
    return bound.get_unitary().reshape((2,) * 2 * size).transpose(axes).reshape(1 << size, -1)


def cirq_circuits() -> dict[str, Any]:
    q, a = cirq.LineQubit.range(3), sympy.Symbol("a")
    found: dict[str, Any] = {f"random {seed}": cirq.testing.random_circuit(3, 8, 0.7, random_state=seed) for seed in range(4)}
    found["powers"] = cirq.Circuit(
        (cirq.ISWAP**0.3)(*q[1:]), (cirq.CZ**0.4)(*q[:2]), (cirq.CCX**0.3)(*q), (cirq.H**0.3)(q[0]), (cirq.Y**0.2)(q[1])
    )
    found["parts"] = cirq.Circuit(
        cirq.PhasedXZGate(x_exponent=0.1, z_exponent=0.2, axis_phase_exponent=0.3)(q[0]), cirq.FSimGate(0.1, 0.2)(*q[:2]),
        cirq.qft(*q), cirq.CircuitOperation(cirq.FrozenCircuit(cirq.CX(*q[:2]))).repeat(3),
    )  # fmt: skip
    found["controls"] = cirq.Circuit(cirq.X(q[0]).controlled_by(q[1], q[2], control_values=[(0, 1), 0]))
    found["symbols"] = cirq.Circuit(
        (cirq.ISWAP**a)(*q[:2]), (cirq.CX**a)(*q[1:]), (cirq.X ** (a * 2 + 1))(q[0]), cirq.rz(sympy.sin(a))(q[2])
    )
    return found


def tket_circuits() -> dict[str, Any]:
    a, several, symbols = sympy.Symbol("a"), TketCircuit(3), TketCircuit(2)
    several.add_gate(OpType.TK1, [0.1, 0.2, 0.3], [0]).add_gate(OpType.TK2, [0.1, 0.2, 0.3], [0, 1])
    several.add_gate(OpType.CV, [0, 2]).add_gate(OpType.ZZMax, [2, 1]).add_gate(OpType.CnRy, [0.3], [0, 1, 2])
    several.add_gate(OpType.FSim, [0.1, 0.2], [1, 2]).add_gate(OpType.PhasedX, [0.1, 0.2], [1]).V(0).Vdg(1)
    several.add_gate(OpType.Phase, [0.3], []).add_gate(OpType.BRIDGE, [0, 1, 2]).add_phase(0.2)
    symbols.Rx(a * 2 + 0.1, 0).CRz(sympy.sin(a), 0, 1).add_phase(a)
    return {"several": several, "symbols": symbols}


CIRCUITS = {f"{package} {name}": circuit for package, circuits in (("cirq", cirq_circuits()), ("tket", tket_circuits()))
            for name, circuit in circuits.items()}  # fmt: skip


@pytest.mark.parametrize("name", CIRCUITS)
def test_circuits_are_read(name: str) -> None:
    circuit = CIRCUITS[name]
    kernel = qk.from_circuit(circuit)
    size = len(circuit.all_qubits()) if name.startswith("cirq") else circuit.n_qubits
    values = {"a": 0.37} if "symbols" in name else {}
    assert kernel.unitary(q=size, **values) == pytest.approx(unitary_of(circuit, size, values), abs=1e-9)
    assert qk.parse(str(kernel.ir)) == kernel.ir


def test_measured_circuits_are_read() -> None:
    q = cirq.LineQubit.range(3)
    measured = cirq.Circuit(
        cirq.X(q[0]), cirq.H(q[2]), cirq.measure(q[0], q[1], key="a", invert_mask=(False, True)), cirq.measure(q[2], key="b"),
        cirq.X(q[1]).with_classical_controls(sympy.Eq(sympy.Symbol("a"), 3), "b"), cirq.measure(q[1], key="c"),
        cirq.reset(q[0]), cirq.measure(q[0], key="d"),
    )  # fmt: skip
    for (a, b, c, d), count in qk.from_circuit(measured).sample(shots=400, seed=2).counts.items():
        assert (a, d) == ((1, 1), (0,))
        assert b == c
        assert 120 < count < 280
    circuit = TketCircuit(2, 3).X(0).Measure(0, 0).Measure(1, 1)
    circuit.X(1, condition=circuit.bits[0] & (circuit.bits[1] ^ 1)).Measure(1, 2)
    assert qk.from_circuit(circuit).sample(shots=10).counts == {(1, 0, 1): 10}


def test_branches_come_back() -> None:
    for package in ("cirq", "tket"):
        again = qk.from_circuit(teleported.to_circuit(package=package, angle=1.1))
        counts = again.sample(shots=2000, seed=1).counts
        sent = sum(count for value, count in counts.items() if value[-1] in (1, (1,)))
        assert sent / 2000 == pytest.approx(np.sin(0.55) ** 2, abs=0.05)


def test_conditions_that_hold_always_or_never() -> None:
    @qk.qkernel
    def settled() -> tuple[qk.Bit, qk.Bit, qk.Bit, qk.Bit]:
        seen = qk.measure(qk.h(qk.qubit()))
        a, b, c = qk.qubit(), qk.qubit(), qk.qubit()
        if seen == seen:
            a = qk.x(a)
        if seen != seen:
            b = qk.x(b)
        if (seen == seen) ^ seen:
            c = qk.x(c)
        return seen, qk.measure(a), qk.measure(b), qk.measure(c)

    wanted = {(0, 1, 0, 1), (1, 1, 0, 0)}
    for engine in ("native", "stim", "cirq", "pennylane"):
        assert settled.sample(shots=50, seed=1, engine=engine).counts.keys() == wanted
    for package in ("cirq", "tket"):
        again = qk.from_circuit(settled.to_circuit(package=package)).sample(shots=50, seed=1)
        assert again.bitstrings().keys() == {"".join(map(str, reversed(value))) for value in wanted}


def test_circuits_that_kernels_are_not_made_of() -> None:
    q = cirq.LineQubit(0)
    for circuit, words in (
        (cirq.Circuit(cirq.depolarize(0.1)(q)), "`depolarize"),
        (cirq.Circuit(cirq.IdentityGate(qid_shape=(3,))(cirq.LineQid(0, 3))), "on qudits"),
        (cirq.Circuit(cirq.measure(q, key="a"), cirq.reset(q).with_classical_controls("a")), "under a condition"),
    ):
        with pytest.raises(TargetCapabilityError, match=words):
            qk.from_circuit(circuit)
    with pytest.raises(KernelTypeError, match="no kernel is made of a str"):
        qk.from_circuit("circuit")
