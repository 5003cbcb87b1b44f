"""Batches of no samples, no shots, no qubits: every engine gives arrays of the shapes that any other batch has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from shifts import shift_vjp

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.execution.gradient import open_slots
from qkernel.nn import QLayer

HALF_X = qko.X(0) + 0.5


@qk.qkernel
def values(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Float]:
    return qk.expval(qk.ry(qk.qubit_array(n), a), [qko.Z(0), HALF_X])


@qk.qkernel
def constant(n: qk.UInt, a: qk.Float) -> qk.Float:
    return qk.expval(qk.ry(qk.qubit_array(n), a), qko.Hamiltonian.identity(0.5))


@qk.qkernel
def chances(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Float]:
    return qk.probabilities(qk.ry(qk.qubit_array(n), a))


@qk.qkernel
def behind(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(n), a)
    q[0], bit = qk.project_z(q[0])
    if bit:
        q[1] = qk.rx(q[1], a)
    return qk.expval(q, [qko.Z(0), HALF_X])


@qk.qkernel
def chances_behind(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(n), a)
    q[0], bit = qk.project_z(q[0])
    if bit:
        q[1] = qk.rx(q[1], a)
    return qk.probabilities(q)


@qk.qkernel
def bits(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.ry(qk.qubit_array(n), a))


@qk.qkernel
def bits_behind(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.ry(qk.qubit_array(n), a)
    q[0], bit = qk.project_z(q[0])
    if bit:
        q[1] = qk.rx(q[1], a)
    return qk.measure(q)


SIZES = [(values, 2), (constant, 0), (constant, 2), (chances, 0), (chances, 2), (behind, 2), (chances_behind, 2)]
BITS = [(bits, 0), (bits, 2), (bits_behind, 2)]


def shapes(found: Any, batch: int) -> Any:
    """The shapes of arrays, without their batch."""
    if isinstance(found, np.ndarray):
        assert found.shape[0] == batch
        return found.shape[1:]
    return [shapes(part, batch) for part in found]


def answers(engine: str, kernel: Any, n: int, batch: int, dtype: Any) -> list[Any]:
    circuit = kernel.compile({"n": n}, ["a"]).circuit
    prepared = load_engine(engine).prepare(circuit, dtype)
    theta = np.full((batch, circuit.angles.num_columns), 0.3)
    found: list[Any] = []
    if circuit.expectations:
        cotangent = np.ones((batch, len(circuit.expectations)))
        opened = load_engine(engine).prepare(open_slots(circuit), dtype)
        found += [prepared.expect(theta), prepared.expect_vjp(theta, cotangent), shift_vjp(opened, circuit, theta, cotangent)]
    if circuit.probabilities:
        found.append(prepared.probabilities(theta))
    if circuit.is_unitary:
        found.append(prepared.state(theta))
    return found


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
@pytest.mark.parametrize(("kernel", "n"), SIZES, ids=lambda part: getattr(part, "name", part))
def test_no_samples_have_the_shapes_of_any_other_number(kernel: Any, n: int, engine: str, dtype: Any) -> None:
    some = shapes(answers(engine, kernel, n, 3, dtype), 3)
    assert shapes(answers(engine, kernel, n, 0, dtype), 0) == some != []


@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
@pytest.mark.parametrize(("kernel", "n"), BITS, ids=lambda part: getattr(part, "name", part))
@pytest.mark.parametrize("batch", [0, 2])
@pytest.mark.parametrize("shots", [0, 3])
def test_no_shots_of_no_samples(kernel: Any, n: int, engine: str, batch: int, shots: int) -> None:
    circuit = kernel.compile({"n": n}, ["a"]).circuit
    found = load_engine(engine).prepare(circuit).sample(np.full((batch, circuit.angles.num_columns), 0.3), shots, 1)
    assert found.shape == (batch, shots, circuit.num_bits)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
@pytest.mark.parametrize(("kernel", "n"), SIZES, ids=lambda part: getattr(part, "name", part))
def test_kernels_of_no_samples(kernel: Any, n: int, engine: str) -> None:
    nothing, some = np.zeros(0), np.zeros(3)
    assert kernel.run(n=n, a=nothing, engine=engine).shape == (0, *kernel.run(n=n, a=some, engine=engine).shape[1:])
    (empty,) = kernel.jacobian(n=n, a=nothing, engine=engine).values()
    (full,) = kernel.jacobian(n=n, a=some, engine=engine).values()
    assert empty.shape == (0, *full.shape[1:])


@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
def test_large_and_missing_weights_of_no_samples(engine: str) -> None:
    circuit = values.compile({"n": 2}, ["a"]).circuit
    prepared = load_engine(engine).prepare(circuit)
    if hasattr(prepared, "split"):
        for weight in (1e20, np.nan):
            found = prepared.split((), (0,)).vjp(np.zeros((0, 0)), np.array([weight]), np.zeros((0, 2)))
            assert [part.shape for part in found] == [(0, 2), (0, 0), (1,)]
            assert not found[2].any()
    assert prepared.expect(np.full((0, 1), np.nan)).shape == (0, 2)


@qk.qkernel
def tilted(angle: qk.Float, observables: qk.Vector[qk.Observable]) -> qk.Vector[qk.Float]:
    return qk.expval(qk.rx(qk.qubit(), angle), observables)


@pytest.mark.parametrize("engine", ["native", "torch", "reference", "qiskit"])
def test_a_layer_of_no_observables_has_no_outputs(engine: str) -> None:
    layer = QLayer(tilted, bindings={"observables": []}, inputs=["angle"], engine=engine)
    angles = torch.zeros(3, requires_grad=True)
    values = layer(angles)
    assert values.shape == (3, 0)
    values.sum().backward()
    assert torch.equal(angles.grad, torch.zeros(3))
