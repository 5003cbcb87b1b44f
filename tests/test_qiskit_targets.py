"""Kernels on targets: what the transpiler makes is kept, what it cannot is said, reports tell the rest."""

from __future__ import annotations

from typing import Any

import pytest
from qiskit.providers.fake_provider import GenericBackendV2

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer
from qkernel_backends.qiskit import QiskitEngine, devices

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
    assert len(transpiled) == 4
