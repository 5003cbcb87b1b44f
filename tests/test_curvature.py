"""Shift rules of every gate against autograd, Hessians by double shift, metrics and natural gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from circuit_builder import CircuitBuilder
from qiskit_aer.primitives import SamplerV2

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import GradientError, TargetCapabilityError, ValidationError
from qkernel.execution.gradient import gaps
from qkernel.execution.metric import generator_of, layers, metric
from qkernel.execution.program import Program
from qkernel.gates import GATES
from qkernel.lower.circuit import Circuit, Run, parts
from qkernel.nn import NaturalGradient, QLayer
from qkernel.nn.tensors import tensor_program
from qkernel.observable import X, Y, Z

Array = np.ndarray[Any, Any]
OBSERVABLES = (X(0) * Z(1) + Y(2), Y(0) * X(3) - 0.3 * Z(2) * Y(1))


def autograd(circuit: Circuit, theta: Array) -> Array:
    """The Jacobian of the readouts, by torch's own derivatives of tensor operations."""
    program = Program(circuit, load_engine("torch"))
    operations = tensor_program(program, tuple(range(program.num_columns)), ())
    assert operations is not None
    values = torch.tensor(theta, requires_grad=True)
    outputs = operations(values, values.new_zeros(0))
    if not outputs.requires_grad:  # by a phase of everything
        return np.zeros((len(theta), outputs.shape[1], theta.shape[1]))
    rows = [
        torch.autograd.grad(outputs[:, k].sum(), values, retain_graph=True, materialize_grads=True, allow_unused=True)[0]
        for k in range(outputs.shape[1])
    ]
    return torch.stack(rows, 1).numpy()


def entangled() -> CircuitBuilder:
    """Four qubits in a state without symmetries."""
    builder = CircuitBuilder(4)
    for qubit in range(4):
        builder.gate("ry", qubit, angles=(0.4 + 0.5 * qubit,)).gate("rz", qubit, angles=(1.1 - 0.3 * qubit,))
    return builder.gate("cx", 0, 1).gate("cx", 1, 2).gate("cx", 2, 3)


WITH_ANGLES = [name for name, rule in GATES.items() if rule.angles and rule.base == name]


@pytest.mark.parametrize("controls", [0, 1, 2])
@pytest.mark.parametrize("name", WITH_ANGLES)
def test_the_rule_of_every_gate_is_what_autograd_has(name: str, controls: int) -> None:
    rule = GATES[name]
    builder = entangled()
    theta = builder.parameter("theta", len(rule.angles))
    angles = tuple(theta[k] * 1.7 + 0.2 for k in range(len(rule.angles)))
    builder.gate(name, *range(controls + rule.num_qubits), angles=angles, controls=controls)
    circuit = builder.gate("h", 0).gate("cx", 0, 2).circuit(observables=OBSERVABLES)
    point = np.random.default_rng(7).normal(size=(2, len(rule.angles)))
    shifted = Program(circuit, load_engine("native"), "shift").point(point)
    pulled = circuit.angles.pullback(np.repeat(point, 2, axis=0), np.moveaxis(shifted.by_slots, 2, 1).reshape(4, -1))
    np.testing.assert_allclose(pulled.reshape(2, 2, -1), autograd(circuit, point), atol=1e-10)


@qk.qkernel
def of_symbols(n: qk.UInt, t: qk.Float, w: qk.Vector[qk.Float], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    total = w[0] * qko.X(0) * qko.Y(1)
    for i in qk.range(1, n - 1):
        total = total + w[i] * qko.Z(i) * qko.X(i + 1)
    return qk.pauli_evolve(q, total, t)


@qk.composite_gate(name="box")
@qk.qkernel
def box(n: qk.UInt, t: qk.Float, w: qk.Vector[qk.Float], q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    return of_symbols(n, t, w, q)


def _forms() -> dict[str, Any]:
    @qk.qkernel
    def plain(t: qk.Float, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
        q = qk.ry(qk.qubit_array(4), 0.7)
        return qk.expval(box(4, t, w, q), list(OBSERVABLES))

    @qk.qkernel
    def controlled(t: qk.Float, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
        q = qk.ry(qk.qubit_array(4), 0.7)
        c = qk.h(qk.qubit())
        c, q = qk.control(box)(c, 4, t, w, q)
        return qk.expval(q, list(OBSERVABLES))

    @qk.qkernel
    def inverted(t: qk.Float, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
        q = qk.ry(qk.qubit_array(4), 0.7)
        return qk.expval(qk.inverse(box)(4, t, w, q), list(OBSERVABLES))

    @qk.qkernel
    def powered(t: qk.Float, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
        q = qk.ry(qk.qubit_array(4), 0.7)
        c = qk.h(qk.qubit())
        c, q = qk.control(box)(c, 4, t, w, q, power=3)
        return qk.expval(q, list(OBSERVABLES))

    return {kernel.name: kernel for kernel in (plain, controlled, inverted, powered)}


@pytest.mark.parametrize("kernel", _forms().values(), ids=_forms())
def test_boxes_of_symbolic_paulis_under_modifiers(kernel: Any) -> None:
    program = kernel.compile(lengths={"w": 3})
    point = np.array([[0.4, 0.3, -0.8, 1.2]])
    shifted = program.jacobian(t=0.4, w=[0.3, -0.8, 1.2], gradient="shift")
    expected = autograd(program.circuit, point)[0]
    np.testing.assert_allclose(np.concatenate([shifted["t"][:, None], shifted["w"]], 1), expected, atol=1e-10)


@qk.qkernel
def chain(a: qk.Float, b: qk.Vector[qk.Float]) -> tuple[qk.Float, qk.Vector[qk.Float]]:
    q = qk.ry(qk.qubit_array(3), b)
    q[0], q[1] = qk.crx(q[0], q[1], a * b[0])
    q[1], q[2] = qk.cx(q[1], q[2])
    q[0] = qk.u(q[0], a, qk.sin(b[1]), 2 * b[2])
    q = qk.rx(q, 0.5 * a)
    z = qk.expval(q[0:2], [qko.Z(0), qko.X(1) * qko.Z(0)])
    return z[0] * z[1] * a + qk.exp(b[0]), qk.probabilities([q[2]])


POINT = {"a": [0.7, 0.2], "b": [[0.3, -0.4, 1.1], [0.1, 0.2, 2.0]]}


class TestHessian:
    def test_by_double_shift_is_exact(self) -> None:
        program = chain.compile(lengths={"b": 3})
        expected, found = program.hessian(**POINT), program.hessian(**POINT, engine="qiskit")
        for first in expected:
            for second in expected:
                np.testing.assert_allclose(found[first][second], expected[first][second], atol=1e-9)

    def test_of_some_arguments_and_from_shots(self) -> None:
        program = chain.compile(lengths={"b": 3})
        exact = program.hessian(**POINT, wrt="a")
        assert exact.keys() == program.hessian(**POINT, wrt="a", engine="qiskit").keys() == {"a"}
        found = program.hessian(**POINT, wrt="a", shots=200_000, seed=2)["a"]["a"]
        np.testing.assert_allclose(found, exact["a"]["a"], atol=0.1)
        assert np.abs(found - exact["a"]["a"]).max() > 1e-6

    def test_branches_on_measured_bits(self) -> None:
        @qk.qkernel
        def teleported(a: qk.Float) -> qk.Float:
            q = qk.ry(qk.qubit_array(2), a)
            if qk.measure(q[0]):
                q[1] = qk.rx(q[1], 2 * a)
            return qk.expval([q[1]], qko.Z(0))

        shifted = teleported.hessian(a=0.6, engine="qiskit")["a"]["a"]
        assert shifted == pytest.approx(teleported.hessian(a=0.6)["a"]["a"], abs=1e-9)

    def test_amplitudes_are_refused(self) -> None:
        @qk.qkernel
        def prepared(v: qk.Vector[qk.Float]) -> qk.Float:
            return qk.expval(qk.prepare(qk.qubit_array(1), v), qko.X(0))

        with pytest.raises(GradientError, match="no second derivatives by the amplitudes"):
            prepared.hessian(v=[0.6, 0.8], engine="qiskit")


@qk.qkernel
def mixed(a: qk.Float, b: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.ry(qk.qubit_array(3), b)
    q[0], q[1] = qk.crx(q[0], q[1], a * b[0])
    q[1], q[2] = qk.cx(q[1], q[2])
    q[0] = qk.u(q[0], a, qk.sin(b[1]), 2 * b[2])
    q[2], q[0] = qk.cu(q[2], q[0], a, b[1], 0.3, a * 2)
    q[0], q[1] = qk.rzz(q[0], q[1], a)
    q[1], q[2] = qk.rzz(q[1], q[2], b[0])
    q[2], q[1] = qk.cp(q[2], q[1], b[2])
    return qk.rx(q, 0.5 * a)


@qk.qkernel
def read(a: qk.Float, b: qk.Vector[qk.Float]) -> qk.Float:
    return qk.expval(mixed(a, b), qko.Z(0) * qko.Z(1) + qko.X(2))


VALUES = {"a": 0.7, "b": [0.3, -0.4, 1.1]}


def joined(found: dict[str, dict[str, Any]]) -> Array:
    """The matrix of all arguments."""
    return np.block([[np.reshape(part, (np.size(part) // wide, wide)) for part, wide in zip(row.values(), (1, 3), strict=True)]
                     for row in found.values()])  # fmt: skip


class TestMetric:
    def test_the_full_one_by_its_definition(self) -> None:
        def state(x: Array) -> Array:
            return mixed.statevector(a=x[0], b=x[1:])

        point, step = np.array([VALUES["a"], *VALUES["b"]]), 1e-5
        slopes = np.array([(state(point + step * e) - state(point - step * e)) / (2 * step) for e in np.eye(4)])
        along = slopes.conj() @ state(point)
        expected = (slopes.conj() @ slopes.T - np.outer(along, along.conj())).real
        np.testing.assert_allclose(joined(read.metric(**VALUES, kind="full")), expected, atol=1e-8)

    def test_blocks_are_those_of_the_full_one(self) -> None:
        builder = CircuitBuilder(3)
        theta = builder.parameter("theta", 14)
        for qubit in range(3):
            builder.gate("ry", qubit, angles=(theta[qubit],))
        builder.gate("rx", 0, 1, angles=(theta[3],), controls=1).gate("cx", 1, 2)
        builder.gate("u", 0, angles=(theta[4], theta[5], theta[6]))
        builder.gate("ug", 2, 0, angles=(theta[7], theta[8], theta[9], theta[10]), controls=1)
        builder.gate("rzz", 0, 1, angles=(theta[11],)).gate("rzz", 1, 2, angles=(theta[12],)).gate("p", 2, angles=(theta[13],))
        circuit = builder.circuit(observables=(Z(0),))
        program, point = Program(circuit, load_engine("native")), np.random.default_rng(3).normal(size=(2, 14))
        full, blocks = (metric(program, point, kind, range(14)) for kind in ("full", "block_diagonal"))
        inside = np.zeros((14, 14), bool)
        for layer in layers(circuit):
            places = [slot for slot, _ in layer.generators]
            inside[np.ix_(places, places)] = True
        np.testing.assert_allclose(blocks, np.where(inside, full, 0.0), atol=1e-10)
        assert [len(layer.generators) for layer in layers(circuit)] == [3, 2, 1, 2, 1, 5]

    def test_measured_on_machines_and_from_shots(self) -> None:
        expected = joined(read.metric(**VALUES))
        np.testing.assert_allclose(joined(read.metric(**VALUES, engine="qiskit")), expected, atol=1e-10)
        np.testing.assert_allclose(joined(read.metric(**VALUES, shots=50_000, seed=1)), expected, atol=0.03)

    @pytest.mark.parametrize("kind", ["block_diagonal", "full"])
    def test_natural_gradients(self, kind: str) -> None:
        gradient = read.grad(**VALUES)
        ordinary = np.array([gradient["a"], *gradient["b"]])
        for damping in (0.0, 0.1):
            found = read.natural_grad(**VALUES, kind=kind, damping=damping)
            expected = np.linalg.solve(joined(read.metric(**VALUES, kind=kind)) + damping * np.eye(4), ordinary)
            np.testing.assert_allclose([found["a"], *found["b"]], expected, rtol=1e-6)
        alone = read.natural_grad(**VALUES, kind=kind, wrt="a")["a"]
        assert alone == pytest.approx(gradient["a"] / read.metric(**VALUES, kind=kind, wrt="a")["a"]["a"])

    def test_directions_that_move_nothing_are_left_alone(self) -> None:
        @qk.qkernel
        def twice(a: qk.Float, b: qk.Float, unused: qk.Float) -> qk.Float:
            return qk.expval(qk.rx(qk.rx(qk.qubit(), a), b), qko.Z(0))

        found = twice.natural_grad(a=0.3, b=0.4, unused=1.0, kind="full")
        assert found["a"] == pytest.approx(found["b"])
        assert found["unused"] == 0

    def test_refusals(self) -> None:
        @qk.qkernel
        def measured(a: qk.Float) -> qk.Float:
            q = qk.rx(qk.qubit_array(2), a)
            qk.measure(q[0])
            return qk.expval([q[1]], qko.Z(0))

        with pytest.raises(GradientError, match="`measured` measures or resets qubits, so that it has no metric"):
            measured.metric(a=0.2)
        with pytest.raises(ValidationError, match="no metric `diagonal`"):
            read.metric(**VALUES, kind="diagonal")
        with pytest.raises(ValidationError, match="`damping` is a number from 0 on, not -1"):
            read.natural_grad(**VALUES, damping=-1)
        with pytest.raises(TargetCapabilityError, match="does not do state"):
            read.metric(**VALUES, kind="full", shots=10, engine=SamplerV2())


def test_generators_have_the_gaps_of_their_gates() -> None:
    builder = CircuitBuilder(4)
    theta = builder.parameter("theta", 1)
    for name in WITH_ANGLES:
        rule = GATES[name]
        for controls in (0, 1, 2) if len(rule.angles) == 1 else ():
            builder.gate(name, *range(controls + rule.num_qubits), angles=(theta[0],), controls=controls)
    circuit = builder.circuit(observables=(Z(0),))
    for part in parts(circuit.body):
        assert isinstance(part, Run)
        for row in circuit.instructions(part):
            generator = generator_of(row.kind, tuple(range(row.kind.num_qubits))) + qko.Hamiltonian(row.kind.num_qubits)
            values = np.linalg.eigvalsh(generator.to_numpy())
            found = {round(float(abs(a - b)), 6) for a in values for b in values} - {0.0}
            assert found == set(gaps(row.kind, 0))


@qk.qkernel
def layered(x: qk.Vector[qk.Float], w: qk.Vector[qk.Float], a: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(3), x)
    q = qk.rz(q, w)
    q[0], q[1] = qk.cx(q[0], q[1])
    q[1], q[2] = qk.crx(q[1], q[2], a)
    return qk.expval(qk.rx(q, w), [qko.Z(k) for k in range(3)])


class TestOptimizer:
    @pytest.mark.parametrize("kind", ["block_diagonal", "full"])
    def test_a_step_is_what_the_metric_says(self, kind: str) -> None:
        torch.manual_seed(2)
        layer = QLayer(layered, inputs={"x": 3}, weights={"w": 3, "a": ()}, scale=True).double()
        optimizer = NaturalGradient(layer, lr=0.1, damping=0.05, kind=kind)
        inputs = torch.rand(5, 3, dtype=torch.float64)
        w, a, scale = (getattr(layer, name).detach().clone().numpy() for name in ("w", "a", "scale"))
        layer(inputs).square().sum().backward()
        optimizer.step()
        found = layered.metric(x=inputs.numpy(), w=w, a=float(a), wrt=["w", "a"], kind=kind)
        rows = [[found[p][q].reshape(5, -1, size) for q, size in (("w", 3), ("a", 1))] for p in ("w", "a")]
        mean = np.block([[part.mean(0) for part in row] for row in rows])
        slopes = np.array([*layer.w.grad, layer.a.grad])
        step = np.linalg.solve(mean + 0.05 * np.eye(4), slopes)
        np.testing.assert_allclose(layer.w.detach().numpy(), w - 0.1 * step[:3], atol=1e-10)
        np.testing.assert_allclose(layer.a.detach().numpy(), a - 0.1 * step[3], atol=1e-10)
        np.testing.assert_allclose(layer.scale.detach().numpy(), scale - 0.1 * layer.scale.grad.numpy())

    def test_closures_and_layers_without_inputs_or_gradients(self) -> None:
        layer = QLayer(read, inputs=[], weights={"a": 0.7, "b": np.array(VALUES["b"])})
        optimizer = NaturalGradient(layer, lr=0.05)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = layer().sum()
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(20)]
        assert losses[-1] < losses[0] - 0.5
        layer.requires_grad_(False)
        optimizer.zero_grad()
        before = layer.a.clone()
        optimizer.step()
        assert torch.equal(layer.a, before)

    def test_refusals(self) -> None:
        layer = QLayer(read, inputs=[], weights={"a": 0.7, "b": np.array(VALUES["b"])})
        for bad in ({"lr": 0}, {"damping": -1}, {"kind": "diagonal"}):
            with pytest.raises(ValidationError):
                NaturalGradient(layer, **bad)
        with pytest.raises(ValidationError, match="natural gradients are of a `QLayer`, and this is a `Linear`"):
            NaturalGradient(torch.nn.Linear(2, 2))  # type: ignore[arg-type]
        with pytest.raises(GradientError, match="has seen no samples yet"):
            NaturalGradient(layer).step()
