"""On Aer: samples beside Qiskit's own call, and a step of parameter shift beside its circuits run by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator

import qkernel as qk
from qkernel.execution.gradient import cost
from qkernel.lower.circuit import Circuit
from qkernel_backends.qiskit import emit
from tests.benchmarks.workloads import new_layer

Timed = Callable[..., None]
TABLE = "On Aer"
QUBITS, BATCH = 10, 4


@qk.qkernel
def layers(n: qk.UInt, depth: qk.UInt, angles: qk.Matrix[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for layer in qk.range(depth):
        q = qk.ry(q, angles[layer])
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.measure(q)


def test_samples_of_ten_qubits(timed: Timed, benchmark: Any) -> None:
    simulator, angles = AerSimulator(), np.random.default_rng(1).uniform(0, np.pi, (4, QUBITS))
    program = layers.compile({"n": QUBITS, "depth": 4}, ["angles"], lengths={"angles": angles.shape}, engine=simulator)
    circuit = program.to_circuit()
    bound = circuit.assign_parameters(angles.ravel())

    def plain() -> dict[str, int]:
        counts: dict[str, int] = simulator.run(bound, shots=1024, seed_simulator=7).result().get_counts()
        return counts

    assert program.sample(angles=angles, shots=1024, seed=7).bitstrings() == plain()
    timed(lambda: program.sample(angles=angles, shots=1024), TABLE, "1,024 samples of 10 qubits", "qkernel", beside=plain)
    benchmark.extra_info.update(beside_column="Qiskit by hand", ratio_column="qkernel / by hand", ratio_goal=1.3)


@pytest.mark.parametrize(("shots", "goal"), [(None, 60.0), (1000, 300.0)])
def test_a_step_of_parameter_shift(timed: Timed, benchmark: Any, shots: int | None, goal: float) -> None:
    """Of the tutorial's network: values and gradients of 4 observables by 4 inputs and 24 weights, batch 4."""
    layer = new_layer(4, 2, engine="qiskit", shots=shots)
    inputs = torch.rand(BATCH, 4, requires_grad=True)

    def step() -> None:
        layer.zero_grad()
        layer(inputs).sum().backward()

    program = layer._wiring.program
    by_hand = _by_hand(program.form("slots"), BATCH * cost(program.circuit), shots)
    what = "exact" if shots is None else f"{shots:,} shots"
    timed(step, TABLE, f"shift step, batch {BATCH}, {what}", "qkernel", goal=goal, budget=2, beside=by_hand)
    benchmark.extra_info.update(beside_column="Qiskit by hand", ratio_column="qkernel / by hand", ratio_goal=1.3)


def _by_hand(slots: Circuit, rows: int, shots: int | None) -> Callable[[], None]:
    """As many runs of the circuit with a parameter for each angle in one job of Aer."""
    circuit = emit(slots)
    simulator = AerSimulator(method="statevector", max_parallel_experiments=0)
    angles = np.random.default_rng(0).uniform(0, np.pi, (circuit.num_parameters, rows))
    if shots is None:
        for qubit in range(circuit.num_qubits):
            circuit.save_expectation_value(SparsePauliOp("Z"), [qubit], label=f"z{qubit}")
    else:
        circuit.measure_all()
    binds = [dict(zip(circuit.parameters, angles.tolist(), strict=True))]
    options = {} if shots is None else {"shots": shots}

    def run() -> None:
        results = simulator.run(circuit, parameter_binds=binds, **options).result().results
        for entry in results:
            entry.data.to_dict()

    return run
