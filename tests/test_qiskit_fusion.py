"""A kernel of 16 qubits once its measurements are deferred, which Aer 0.18 gets wrong when it fuses gates.

It was found among random programs and cut down; beyond 14 qubits fusion is on by default.
"""

from __future__ import annotations

import math

import pytest
from qiskit_aer import AerSimulator
from qiskit_aer.primitives import EstimatorV2

import qkernel as qk
import qkernel.observable as qko
from qkernel_backends.qiskit import QiskitTranspiler

V = [-2.813, 1.236, 0.888, -1.836]


@qk.qkernel
def mend(x: qk.Qubit, wrong: qk.Bit) -> qk.Qubit:
    if not wrong:
        x = qk.s(x)
    return x


@qk.qkernel
def program() -> qk.Float:
    q = qk.qubit_array(3)
    for i in qk.range(3):
        q[i] = qk.ry(q[i], 0.4 + 0.3 * i)
        q[i] = qk.rz(q[i], 0.2 - 0.5 * i)
    parity = qk.measure(qk.ry(qk.qubit(), 1.1))
    q[0], seen = qk.project_z(q[0])
    if seen:
        q[0] = qk.rx(q[0], math.pi**2 / 16)
    parity = parity | seen
    for i in qk.range(1, -1, -1):
        crossed = qk.control(qk.control(qk.global_phase(qk.x, math.pi / 4)), control_value=0)
        q[i], q[(i + 2) % 3], q[(i + 1) % 3] = crossed(q[i], q[(i + 2) % 3], q[(i + 1) % 3], power=2)
        if i == 0:
            q[0] = qk.x(q[0])
            q = qk.pauli_evolve(q, qko.X(0) * qko.Y(1) * qko.Z(2) + 0.1, math.pi / 4)
        else:
            q[0] = qk.s(qk.x(q[0]))
    for _ in qk.range(3):
        q[0:2], q[2] = qk.control(qk.t, 2, control_value=1, power=3)(q[0:2], q[2])
    for j in qk.range(2, -1, -1):
        q[0] = mend(q[0], parity)
        q[2] = qk.t(q[2])
        q[j] = qk.z(q[j])
        if parity:
            q[j] = qk.h(q[j])
        else:
            q = qk.h(q)
            q[1] = qk.ry(q[1], V[1] / 2)
    q[1] = qk.rz(q[1], V[3] - math.pi / 2 + math.sin(0.1))
    if parity:
        q[0] = qk.ry(q[0], math.pi)
    elif parity | parity:
        for j in qk.range(3):
            q = qk.rx(q, V[j + 1])
        q[0] = mend(q[0], parity)
    return qk.expval(q, 0.538 * qko.X(2) + 0.353 * qko.X(0) * qko.X(1) + 0.25)


@pytest.mark.parametrize("given", [AerSimulator, EstimatorV2])
def test_aer_is_exact_beyond_its_fusion_threshold(given: type) -> None:
    backend = given()
    found = QiskitTranspiler().transpile(program).run(QiskitTranspiler().executor(backend)).result()
    assert found == pytest.approx(program.run(), abs=1e-9)
    assert getattr(backend, "_backend", backend).options.fusion_enable  # what ran was a copy
