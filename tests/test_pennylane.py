"""PennyLane both ways: kernels as its quantum functions, its tapes and QNodes as kernels, and engines as its devices."""

from __future__ import annotations

import tomllib
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import pytest
import torch
from pennylane.exceptions import DeviceError
from test_packages import SCALE, WEIGHTS, ansatz, teleported

import qkernel as qk
import qkernel.observable as qko
from qkernel import noise
from qkernel.errors import CallArgumentError, DependencyError, KernelTypeError, TargetCapabilityError
from qkernel_backends.native import NativeEngine
from qkernel_backends.pennylane import EngineDevice, from_pennylane

# Kernels as quantum functions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["adjoint", "parameter-shift"])
def test_a_kernel_as_a_qnode(method: str) -> None:
    node = qml.QNode(
        ansatz.to_circuit(package="pennylane", lengths={"weights": 2}), qml.device("default.qubit"), diff_method=method
    )
    weights, scale = qml.numpy.array(WEIGHTS, requires_grad=True), qml.numpy.array(SCALE, requires_grad=True)
    assert node(weights, scale=scale) == pytest.approx(ansatz.run(WEIGHTS, SCALE), abs=1e-12)
    ours = ansatz.grad(weights=WEIGHTS, scale=SCALE)
    by_weights, by_scale = qml.grad(node)(weights, scale)
    assert by_weights == pytest.approx(ours["weights"], abs=1e-8)
    assert by_scale == pytest.approx(ours["scale"], abs=1e-8)


def test_a_qnode_in_torch_and_in_batches() -> None:
    node = qml.QNode(ansatz.to_circuit(package="pennylane", lengths={"weights": 2}), qml.device("default.qubit"))
    weights = torch.tensor(np.stack([WEIGHTS, WEIGHTS / 2]), requires_grad=True)
    values = node(weights, torch.tensor([SCALE, SCALE], dtype=torch.float64))
    values.sum().backward()
    for row in range(2):
        assert values[row].item() == pytest.approx(ansatz.run(WEIGHTS / (row + 1), SCALE), abs=1e-9)
        assert weights.grad is not None
        expected = ansatz.grad(weights=WEIGHTS / (row + 1), scale=SCALE)["weights"]
        assert weights.grad[row].numpy() == pytest.approx(expected, abs=1e-8)


def test_a_kernel_of_qubits_stands_in_quantum_functions() -> None:
    @qk.qkernel
    def turned(q: qk.Vector[qk.Qubit], angle: qk.Float) -> qk.Vector[qk.Qubit]:
        q[0] = qk.ry(q[0], angle)
        q[0], q[1] = qk.cx(q[0], q[1])
        return q

    part = turned.to_circuit(package="pennylane", q=2)

    @qml.qnode(qml.device("default.qubit"))
    def whole(angle: float) -> Any:
        qml.PauliX("b")
        assert part(angle, wires=["a", "b"]) is None
        return qml.expval(qml.PauliZ("b"))

    assert whole(0.4) == pytest.approx(-np.cos(0.4), abs=1e-12)


def test_measured_bits_and_conditions_in_pennylane() -> None:
    function = teleported.to_circuit(package="pennylane")
    node = qml.set_shots(qml.QNode(function, qml.device("default.qubit", seed=4)), 2000)
    assert np.mean(node(1.1)) == pytest.approx(np.sin(0.55) ** 2, abs=0.06)


def test_arguments_of_quantum_functions() -> None:
    function = ansatz.to_circuit(package="pennylane", lengths={"weights": 2})
    with pytest.raises(CallArgumentError, match="`weights` is an array of shape \\(2,\\), and one of shape \\(3,\\)"):
        function(np.zeros(3), 1.0)
    with pytest.raises(CallArgumentError, match="missing a required argument: 'scale'"):
        function(np.zeros(2))
    with pytest.raises(CallArgumentError, match="`ansatz` has 2 qubits, and 1 wires were given"):
        function(np.zeros(2), 1.0, wires=["a"])

    @qk.qkernel
    def doubled(angle: qk.Float) -> qk.Float:
        return 2.0 * qk.expval(qk.rx(qk.qubit(), angle), qko.Z(0))

    with pytest.raises(TargetCapabilityError, match="`doubled` returns"):
        doubled.to_circuit(package="pennylane")


# Quantum functions as kernels -------------------------------------------------------------------------------------------


def of_many_kinds(x: Any, w: Any, layers: int = 2) -> None:
    """Gates of the table, under controls and inverted, templates, matrices, and such as PennyLane takes apart."""
    qml.AngleEmbedding(2 * qml.math.cos(w[0]), wires=["a", 0, 1])
    for k in range(layers):
        qml.Rot(x, w[k, 0], qml.math.sin(w[k, 1]), wires=k)
        qml.ctrl(qml.RZ, [0, "a"], control_values=[0, 1])(2 * x + 1, wires=1)
        qml.adjoint(qml.CRot(x, w[k, 2], 0.3, wires=["a", k]))
    qml.StronglyEntanglingLayers(qml.math.reshape(w, (1, 2, 3)), wires=[0, 1])
    qml.PauliRot(x * w[0, 0], "XZY", wires=[1, "a", 0])
    qml.MultiRZ(x, wires=[0, 1])
    qml.adjoint(qml.SX(0))
    qml.U2(x, 0.2, wires=1)
    qml.QFT(wires=[1, 0])
    qml.CSWAP(wires=["a", 0, 1])
    qml.pow(qml.PhaseShift(x, 0), 0.3)
    qml.QubitUnitary(qml.matrix(qml.CRY(0.3, [0, 1])), wires=["a", 1])
    qml.Barrier(wires=[0, 1])
    qml.GlobalPhase(x)


X, W = 0.4, np.random.default_rng(3).uniform(-2, 2, (2, 3))


def test_qnodes_become_kernels_with_their_values_and_gradients() -> None:
    @qml.qnode(qml.device("default.qubit"))
    def node(x: Any, w: Any, layers: int = 2) -> Any:
        of_many_kinds(x, w, layers)
        return (
            qml.expval(qml.Z(0) @ qml.X("a")),
            qml.var(qml.Hamiltonian([1.0, 0.4], [qml.Z(0), qml.X(1)])),
            qml.expval(qml.Hermitian(np.array([[1, 2j], [-2j, 0.5]]), 1)),
        )

    kernel = qk.from_circuit(node, 0.1, np.zeros((2, 3)))
    assert kernel.name == "node"
    assert qk.parse(str(kernel.ir)) == kernel.ir
    assert kernel.run(X, W) == pytest.approx(node(X, W), abs=1e-9)
    weights = qml.numpy.array(W, requires_grad=True)
    theirs = qml.grad(lambda w: node(X, w)[0] + 2 * node(X, w)[1])(weights)
    ours = kernel.jacobian(x=X, w=W)["w"]
    assert ours[0] + 2 * ours[1] == pytest.approx(theirs, abs=1e-8)


def test_states_and_probabilities_in_pennylanes_order() -> None:
    def state(x: Any, w: Any) -> Any:
        of_many_kinds(x, w)
        return qml.state()

    found = from_pennylane(state, 0.1, np.zeros((2, 3))).statevector(q=3, x=X, w=W)
    expected = qml.QNode(state, qml.device("default.qubit"))(X, W)
    assert found.reshape(2, 2, 2).transpose().reshape(-1) == pytest.approx(expected, abs=1e-10)

    @qml.qnode(qml.device("default.qubit"))
    def shares(x: Any) -> Any:
        turns = np.sin(x) + np.arange(3)[1:] / 2
        qml.RX(turns[0], wires=0)
        qml.CRY(turns[1], wires=[0, 1])
        return qml.probs(wires=[1, 0]), qml.probs(wires=2)

    for ours, theirs in zip(qk.from_circuit(shares).run(X), shares(X), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_measured_wires_and_conditions_become_branches() -> None:
    def sent(x: Any) -> Any:
        qml.RX(x, wires=0)
        first, second = qml.measure(0), qml.measure(0, reset=True)
        qml.cond(first & second, qml.X)(1)
        qml.cond(first == 0, qml.Y)(2)
        return qml.sample([first, second]), qml.counts(wires=[0, 1, 2])

    kernel = from_pennylane(sent)
    counts = kernel.sample(1.0, shots=2000, seed=1).counts
    assert set(counts) == {((0, 0), (0, 0, 1)), ((1, 1), (0, 1, 0))}
    assert counts[(1, 1), (0, 1, 0)] / 2000 == pytest.approx(np.sin(0.5) ** 2, abs=0.05)


def test_tapes_become_kernels() -> None:
    tape = qml.tape.QuantumScript([qml.Hadamard("b"), qml.CNOT(["b", "a"])])
    kernel = qk.from_circuit(tape)
    assert kernel.unitary(q=2)[:, 0] == pytest.approx([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    double = from_pennylane(partial(lambda factor, x: qml.RX(factor * x, 0), 2))
    assert double.unitary(q=1, x=0.2) == pytest.approx(qml.matrix(qml.RX(0.4, 0)))
    again = from_pennylane(teleported.to_circuit(package="pennylane"))
    assert again.sample(1.1, shots=2000, seed=1).counts[True] / 2000 == pytest.approx(np.sin(0.55) ** 2, abs=0.05)


def test_what_kernels_lack_is_named() -> None:
    def of(*operations: Any, measured: Any = ()) -> Any:
        return qml.tape.QuantumScript(operations, measured)

    def chosen() -> None:
        qml.measure(0, postselect=1)

    for circuit, words in (
        (of(qml.DepolarizingChannel(0.1, wires=0)), "the channel `DepolarizingChannel"),
        (of(qml.RX([0.1, 0.2], wires=0)), "a batch of angles"),
        (qml.tape.make_qscript(chosen)(), "the chosen outcome of a measurement"),
        (of(qml.X(0), measured=[qml.purity(wires=[0])]), "`purity"),
        (of(qml.X(0), measured=[qml.expval(1j * qml.Z(0))]), "which is not Hermitian"),
        (of(measured=[qml.expval(qml.Z(0)), qml.probs(wires=[0])]), "reading the same qubits out in several ways"),
        (of(measured=[qml.probs(wires=[0]), qml.probs(wires=[0, 1])]), "reading the same qubits out in several ways"),
    ):
        with pytest.raises(TargetCapabilityError, match=words):
            qk.from_circuit(circuit)

    def sized(x: Any) -> Any:
        qml.RX(x[0], wires=0)
        return qml.expval(qml.Z(0))

    with pytest.raises(TargetCapabilityError, match="`sized` does not run on symbols in place of its arguments"):
        from_pennylane(sized)
    with pytest.raises(KernelTypeError, match="`sized` does not take these arguments"):
        from_pennylane(sized, 1.0, 2.0)
    with pytest.raises(KernelTypeError, match="a QNode or a quantum function"):
        from_pennylane(0.1)
    with pytest.raises(KernelTypeError, match="takes no arguments"):
        qk.from_circuit(of(), 0.1)


# Engines as devices -----------------------------------------------------------------------------------------------------


def measured_by(device: Any, method: str = "best") -> Any:
    @qml.qnode(device, diff_method=method)
    def node(x: Any, w: Any) -> Any:
        of_many_kinds(x, w)
        return qml.expval(qml.Z(0) @ qml.X("a")), qml.probs(wires=["a", 0]), qml.expval(qml.Y(1)), qml.var(qml.Z("a"))

    return node


AUTOGRAD = pytest.mark.filterwarnings("ignore:Casting complex values to real")  # of PennyLane's own differentiation


@AUTOGRAD
@pytest.mark.parametrize(("engine", "method"), [("native", "best"), ("native", "parameter-shift"), ("reference", "best")])
def test_qnodes_run_and_differentiate_on_our_engines(engine: str, method: str) -> None:
    ours, theirs = measured_by(EngineDevice(engine=engine), method), measured_by(qml.device("default.qubit"))
    x, w = qml.numpy.array(X, requires_grad=True), qml.numpy.array(W, requires_grad=True)
    for left, right in zip(ours(x, w), theirs(x, w), strict=True):
        assert left == pytest.approx(right, abs=1e-10)

    def cost(node: Any) -> Any:
        return lambda x, w: node(x, w)[0] + 0.3 * node(x, w)[1][2] - node(x, w)[2]

    for left, right in zip(qml.grad(cost(ours))(x, w), qml.grad(cost(theirs))(x, w), strict=True):
        assert left == pytest.approx(right, abs=1e-8)


@AUTOGRAD
def test_qnodes_in_torch_and_in_batches_on_our_engines() -> None:
    device = EngineDevice(wires=["a", 0, 1])

    @qml.qnode(device)
    def node(x: Any, w: Any) -> Any:
        of_many_kinds(x, w)
        return qml.expval(qml.Z(0))

    x = torch.tensor([X, -0.2, 1.1], dtype=torch.float64, requires_grad=True)
    values = node(x, torch.tensor(W))
    values.sum().backward()
    theirs = qml.QNode(node.func, qml.device("default.qubit"))
    for row in range(3):
        alone = qml.numpy.array(x[row].item(), requires_grad=True)
        assert values[row].item() == pytest.approx(theirs(alone, W), abs=1e-10)
        assert x.grad is not None
        assert x.grad[row].item() == pytest.approx(qml.grad(theirs)(alone, W), abs=1e-8)
    assert len(device._forms) == 1


@pytest.mark.parametrize("wires", [None, [7, "b", 1, 2]])
def test_states_are_those_of_pennylane(wires: Any) -> None:
    def state(x: Any) -> Any:
        qml.RX(x, wires=1)
        qml.CRY(2 * x, wires=[1, "b"])
        qml.CRot(0.3, x, 0.1, wires=[1, 7])
        return qml.state()

    ours, theirs = (qml.QNode(state, device)(X) for device in (EngineDevice(wires), qml.device("default.qubit", wires=wires)))
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_shots_on_our_engines() -> None:
    @qml.qnode(EngineDevice(wires=3, seed=5))
    def node(x: Any) -> Any:
        qml.RX(x, wires=0)
        outcome = qml.measure(0)
        qml.cond(outcome, qml.X)(1)
        return qml.expval(qml.Z(1)), qml.expval(qml.X(0)), qml.counts(wires=[1]), qml.sample(wires=[0, 1])

    value, off_axis, counts, samples = qml.set_shots(node, 4000)(1.0)
    assert value == pytest.approx(np.cos(1.0), abs=0.06)
    assert off_axis == pytest.approx(0, abs=0.08)
    assert counts["1"] / 4000 == pytest.approx(np.sin(0.5) ** 2, abs=0.03)
    assert samples.shape == (4000, 2)
    assert np.array_equal(samples[:, 0], samples[:, 1])
    assert [len(part[3]) for part in qml.set_shots(node, (10, 30))(1.0)] == [10, 30]


def test_noise_acts_on_qnodes() -> None:
    model = noise.depolarizing(0.1, gates="ry") | noise.readout(0.05)

    @qml.qnode(EngineDevice(engine=NativeEngine(noise=model)))
    def node(x: Any) -> Any:
        qml.RY(x, wires=0)
        return qml.expval(qml.Z(0))

    x = qml.numpy.array(X, requires_grad=True)
    assert node(x) == pytest.approx(0.9 * 0.9 * np.cos(X), abs=1e-12)
    assert qml.grad(node)(x) == pytest.approx(-0.9 * 0.9 * np.sin(X), abs=1e-12)


def test_the_device_is_found_by_its_name() -> None:
    declared = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    (name, value), *_ = declared["project"]["entry-points"]["pennylane.plugins"].items()
    made = EntryPoint(name, value, "pennylane.plugins").load()(wires=2)
    assert made.name == name == "qkernel.native"


def test_what_devices_refuse() -> None:
    @qml.qnode(EngineDevice(wires=1))
    def damped() -> Any:
        qml.AmplitudeDamping(0.1, wires=0)
        return qml.expval(qml.Z(0))

    with pytest.raises(DeviceError, match=r"AmplitudeDamping.*qkernel\.native"):
        damped()

    @qml.qnode(EngineDevice())
    def of_matrix(matrix: Any) -> Any:
        qml.QubitUnitary(matrix, wires=0)
        return qml.expval(qml.Z(0))

    given = qml.matrix(qml.RX(0.3, 0))
    assert of_matrix(qml.numpy.array(given, requires_grad=False)) == pytest.approx(np.cos(0.3))
    with pytest.raises(TargetCapabilityError, match="a matrix is to be differentiated by"):
        qml.grad(of_matrix)(qml.numpy.array(given, requires_grad=True))
    with pytest.raises(DependencyError, match="no engine is called `nativ`"):
        EngineDevice(engine="nativ")
