"""Kernels on targets: what the transpiler makes is kept, what it cannot is said, reports tell the rest."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np
import pytest
from qiskit.circuit import IfElseOp, Store, WhileLoopOp
from qiskit.providers import BackendV2, Options
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap, InstructionProperties, Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from rich.console import Console

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import TargetCapabilityError
from qkernel.executable import Executable
from qkernel.nn import QLayer
from qkernel_backends.qiskit import QiskitEngine, QiskitTranspiler, devices
from qkernel_backends.qiskit.copies import measured_in_place

pytestmark = pytest.mark.filterwarnings("ignore:Qiskit backend .* has no QubitProperties:UserWarning")


@qk.qkernel
def turned(angles: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(2), angles)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(q, qko.Z(0) + 0.5 * qko.X(0))


@qk.qkernel
def flipped(angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.ry(qk.qubit_array(2), angles)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.measure(q)


# circuits that are made once


@pytest.fixture
def transpiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The circuits that go through the transpiler."""
    seen: list[Any] = []
    original = devices.translate

    def watched(circuit: Any, device: Any, **options: Any) -> Any:
        seen.append(circuit)
        return original(circuit, device, **options)

    monkeypatch.setattr(devices, "translate", watched)
    return seen


def test_circuits_of_a_device_are_made_once_and_kept(transpiled: list[Any]) -> None:
    device = GenericBackendV2(3, seed=1)
    for seed in range(3):
        flipped.sample(angles=[0.1, 0.2 + seed], shots=10, seed=seed, engine=device)
    assert len(transpiled) == 1
    for engine in (QiskitEngine(device, seed_transpiler=3), QiskitEngine(device, seed_transpiler=3), QiskitEngine(device)):
        flipped.sample(angles=[0.1, 0.2], shots=10, engine=engine)
    assert len(transpiled) == 2  # another seed of the transpiler is another circuit
    program = turned.compile(parameters=["angles"], lengths={"angles": 2}, engine=device)
    program.run(angles=[0.1, 0.2], shots=10)
    assert len(transpiled) == 4  # two bases
    for step in range(3):
        program.value_and_grad(angles=[0.1, 0.2 * step], shots=10)
        program.run(angles=[[0.1, 0.2 * step]] * 2, shots=10)
    assert len(transpiled) == 6  # and the same with angles that are shifted one by one


def test_layers_keep_their_circuits(transpiled: list[Any]) -> None:
    torch = pytest.importorskip("torch")
    layer = QLayer(turned, inputs={"angles": 2}, engine=GenericBackendV2(3, seed=1), shots=10)
    for _ in range(3):
        layer(torch.zeros(1, 2, requires_grad=True)).sum().backward()
    assert len(transpiled) == 2  # two bases; plain values are measured with the shifted ones


# loops and branches at run time


@qk.qkernel
def until(angle: qk.Float) -> tuple[qk.Bit, qk.Bit]:
    q, bit = qk.project_z(qk.rx(qk.qubit(), angle))
    other = qk.measure(qk.qubit())
    while bit:
        other = bit
        q, bit = qk.project_z(qk.rx(q, angle))
    return qk.measure(q), other


@qk.qkernel
def again() -> qk.UInt:
    q, bit = qk.project_z(qk.h(qk.qubit()))
    count = 0
    while bit:
        q, bit = qk.project_z(qk.h(q))
        count = count + 1
    return count


class Machine(BackendV2):  # type: ignore[misc]
    """Two qubits, control flow that is asked for, and what a simulator makes of its circuits."""

    max_circuits = None

    def __init__(self, **flow: Any) -> None:
        super().__init__(name="machine")
        self._target = Target.from_configuration(["x", "sx", "rz", "cx", "reset", "measure"], 2)
        for name, operation in flow.items():
            self._target.add_instruction(operation, name=name)

    @property
    def target(self) -> Target:
        return self._target

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        return AerSimulator().run(run_input, **options)


def test_a_loop_on_a_bit_that_is_measured_anew_needs_no_store() -> None:
    """It is measured into the bit that the loop asks for; another bit that takes over its value before keeps it."""

    @qk.qkernel
    def simple(angle: qk.Float) -> tuple[qk.Bit, qk.Bit]:
        q, bit = qk.project_z(qk.rx(qk.qubit(), angle))
        while bit:
            q, bit = qk.project_z(qk.rx(q, angle))
        return qk.measure(q), bit

    loops = Machine(while_loop=WhileLoopOp)
    (found,) = simple.compile(engine=loops).report().circuits
    assert "store" not in found.after.counts
    assert (found.after.fidelity, found.after.duration) == (None, None)  # of a loop nothing is known
    assert simple.sample(angle=2.0, shots=200, engine=loops).counts == {(0, 0): 200}
    assert measured_in_place(until.compile().circuit) != until.compile().circuit
    with pytest.raises(TargetCapabilityError, match="`machine` has no `store`"):
        until.sample(angle=2.0, shots=10, engine=loops)
    noisy = QiskitEngine(noise=NoiseModel(), method="density_matrix")
    assert simple.sample(angle=2.0, shots=200, engine=noisy).counts == {(0, 0): 200}


def test_circuits_measured_in_place_mean_the_same() -> None:
    for kernel, values in ((until, {"angle": 1.1}), (again, {})):
        executable = kernel.compile()
        other = Executable(measured_in_place(executable.circuit), executable.module)
        found, expected = (each.sample(shots=4000, seed=3, bindings=values) for each in (other, executable))
        for value, count in expected.counts.items():
            assert abs(found.counts.get(value, 0) - count) < 6 * math.sqrt(2 * count + 1)


def test_a_loop_with_a_counter_runs_where_the_target_stores_bits() -> None:
    counts = again.sample(shots=2000, engine=Machine(while_loop=WhileLoopOp, if_else=IfElseOp, store=Store)).counts
    assert sum(counts.values()) == 2000
    for value in range(4):
        assert abs(counts[value] - 1000 / 2**value) < 6 * math.sqrt(1000 / 2**value)
    with pytest.raises(TargetCapabilityError, match="`machine` has no `while_loop`"):
        again.sample(shots=10, engine=Machine(if_else=IfElseOp, store=Store))


# IBM's machines, as fakes of them run here


def test_a_fake_machine_of_ibm_branches_and_is_reported() -> None:
    @qk.qkernel
    def corrected(angle: qk.Float) -> qk.Bit:
        q = qk.qubit_array(2)
        q[0] = qk.ry(q[0], angle)
        if qk.measure(q[0]):
            q[1] = qk.x(q[1])
        return qk.measure(q[1])

    machine = FakeManilaV2()
    program = corrected.compile(engine=machine)
    (found,) = program.report().circuits
    assert 0.5 < found.after.fidelity < 1
    counts = program.sample(angle=math.pi, shots=500, seed=1).counts
    assert counts[1] > 350
    with pytest.raises(TargetCapabilityError, match="`fake_manila` has no `while_loop`"):
        until.sample(angle=1.0, engine=machine)


# reports


@qk.qkernel
def ring(n: qk.UInt, angles: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.ry(qk.qubit_array(n), angles)
    for i in qk.range(n):
        q[i], q[(i + 1) % n] = qk.cx(q[i], q[(i + 1) % n])
    return qk.measure(q)


def on_a_line(qubits: int = 6, **options: Any) -> GenericBackendV2:
    return GenericBackendV2(qubits, coupling_map=CouplingMap.from_line(qubits), seed=1, **options)


def test_a_report_agrees_with_qiskit_and_with_the_targets_rates() -> None:
    device = on_a_line()
    program = ring.compile({"n": 4}, ["angles"], engine=QiskitEngine(device, initial_layout=[4, 2, 3, 5]))
    (found,) = program.report().circuits
    made, written = found.circuit, program.to_circuit()
    assert found.before.depth == written.depth() == 6
    assert (found.before.gates, found.before.two_qubit, found.before.measurements) == (8, 4, 4)
    assert found.before.counts == dict(written.count_ops())
    assert (found.before.duration, found.before.fidelity) == (None, None)
    after = found.after
    assert after.depth == made.depth()
    assert after.two_qubit_depth == made.depth(lambda row: len(row.qubits) == 2)
    assert after.counts == dict(made.count_ops())
    assert after.two_qubit == made.num_nonlocal_gates() > 4
    assert after.duration == pytest.approx(made.estimate_duration(device.target, "s"))
    errors = [
        device.target[row.operation.name][tuple(made.find_bit(qubit).index for qubit in row.qubits)].error for row in made.data
    ]
    assert after.fidelity == pytest.approx(math.prod(1 - error for error in errors))
    assert found.layout == {"q[0]": 4, "q[1]": 2, "q[2]": 3, "q[3]": 5}
    assert list(found.final_layout.values()) == made.layout.final_index_layout()[:4]


def test_a_report_is_a_table_and_plain_data() -> None:
    report = turned.compile(parameters=["angles"], lengths={"angles": 2}, engine=on_a_line()).report()
    assert len(report.circuits) == 2  # the bases of Z and X
    assert report.duration == sum(entry.after.duration for entry in report.circuits)
    data = json.loads(json.dumps(report.to_dict()))
    assert [entry["after"]["measurements"] for entry in data["circuits"]] == [1, 1]
    assert str(report).splitlines()[:2] == [
        "turned on generic_backend_6q",
        "                   as written  basis 1  basis 2",
    ]
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(report)
    for text in (str(report), console.export_text(), report._repr_html_()):
        assert "expected fidelity" in text
        assert "layout: q[0] → 0, q[1] → 1" in text


def test_what_a_target_does_not_know_is_not_made_up() -> None:
    @qk.qkernel
    def branching(angle: qk.Float) -> qk.Vector[qk.Bit]:
        q = qk.rx(qk.qubit_array(2), angle)
        q[0], bit = qk.project_z(q[0])
        if bit:
            q[1] = qk.x(q[1])
        else:
            q[1] = qk.h(qk.h(q[1]))
        q[0] = qk.reset(q[0])
        return qk.measure(q)

    device = GenericBackendV2(3, control_flow=True, seed=1)
    (found,) = branching.compile(engine=device).report().circuits
    assert found.after.unrated == ("reset",)
    assert 0 < found.after.fidelity < 1
    resets = {properties.duration for properties in device.target["reset"].values()}  # not known in Qiskit 2.1
    assert found.after.duration is None if None in resets else found.after.duration > max(resets)
    assert found.before.depth == 5
    (without,) = branching.compile(engine=GenericBackendV2(3, control_flow=True, noise_info=False)).report().circuits
    assert (without.after.fidelity, without.after.duration, without.after.unrated) == (None, None, ())
    (on_aer,) = branching.compile(engine="qiskit").report().circuits
    assert on_aer.after.depth == 5
    with pytest.raises(TargetCapabilityError, match="`native` runs circuits as they are"):
        branching.compile(engine="native").report()


def test_the_worse_block_of_a_branch_counts() -> None:
    @qk.qkernel
    def branching() -> qk.Bit:
        a, b = qk.qubit(), qk.qubit()
        if qk.measure(a):
            b = qk.x(b)
        return qk.measure(b)

    device = GenericBackendV2(2, control_flow=True, seed=1)
    for name, error, duration in (("x", 0.25, 3e-6), ("measure", 0.5, 1e-6)):
        for places in device.target[name]:
            device.target.update_instruction_properties(name, places, InstructionProperties(duration, error))
    (found,) = branching.compile(engine=device).report().circuits
    assert found.after.fidelity == pytest.approx(0.5 * 0.75 * 0.5)
    assert found.after.duration == pytest.approx(5e-6)


def test_what_matrix_product_states_leave_out_is_reported() -> None:
    @qk.qkernel
    def bricks(angles: qk.Matrix[qk.Float]) -> qk.Float:
        q = qk.qubit_array(8)
        for layer in qk.range(6):
            q = qk.ry(q, angles[layer])
            for i in qk.range(layer % 2, 7, 2):
                q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
        return qk.expval(q, qko.Z(0))

    angles = np.random.default_rng(1).uniform(0, 3, (6, 8))
    exact = bricks.statevector(angles=angles)
    for bond, low, high in ((None, 0.0, 1e-14), (4, 1e-4, 1e-2)):
        simulator = AerSimulator(method="matrix_product_state", matrix_product_state_max_bond_dimension=bond)
        program = bricks.compile(parameters=["angles"], lengths={"angles": (6, 8)}, engine=simulator)
        overlap = abs(np.vdot(program.statevector(angles=angles), exact)) ** 2
        (found,) = program.report(angles=angles).circuits
        assert low <= found.truncation.discarded <= high
        assert found.truncation.discarded == pytest.approx(1 - overlap, rel=0.01, abs=1e-12)
        assert found.truncation.bond_dimension == (bond or 8)
        assert f"discarded weight {found.truncation.discarded:.3g}" in str(program.report(angles=angles))
        assert program.report().circuits[0].truncation is None


def test_the_transpilers_engine_runs_what_names_no_executor() -> None:
    device = on_a_line(3)
    engine = QiskitEngine(device, optimization_level=3, initial_layout=[2, 1])
    transpiler = QiskitTranspiler(engine)
    program = transpiler.transpile(flipped, parameters=["angles"], lengths={"angles": 2})
    assert program.report().circuits[0].layout == {"q[0]": 2, "q[1]": 1}
    for executor in (None, transpiler.executor(), QiskitTranspiler().executor(engine)):
        found = program.sample(executor, shots=100, seed=1, bindings={"angles": [np.pi, 0.0]}).result()
        assert found.counts.get((1, 1), 0) > 80
    assert transpiler.executor(seed=3).engine is engine
    assert transpiler.to_circuit(flipped, lengths={"angles": 2}).count_ops() == {"ry": 2, "measure": 2, "cx": 1}
