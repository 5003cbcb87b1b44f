"""The compile side: tracing, lowering, a circuit for Qiskit beside the same one written by hand, estimates."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

import qkernel as qk
import qkernel.observable as qko
from qkernel_backends.qiskit import QiskitTranspiler
from qkernel_stdlib import (
    grover_search,
    ising_model,
    mcz,
    qft,
    repetition_correct,
    repetition_encode,
    repetition_syndrome,
    shor_order_finding,
    trotterized_time_evolution,
)
from tests.benchmarks.workloads import new_ansatz

Timed = Callable[..., None]
SIZES = [(4, 2), (100, 10), (1000, 10)]
GOALS = {
    (4, 2): {"to_circuit": 3.0, "lower": 0.5}, (100, 10): {"to_circuit": 25.0, "lower": 13.0},
    (1000, 10): {"to_circuit": 430.0, "lower": 130.0},
}  # fmt: skip


def by_hand(n: int, layers: int) -> QuantumCircuit:
    inputs, weights = ParameterVector("inputs", n), ParameterVector("weights", 3 * n * layers)
    circuit = QuantumCircuit(n)
    for i in range(n):
        circuit.ry(inputs[i], i)
    for layer in range(layers):
        base = 3 * n * layer
        for i in range(n):
            circuit.rz(weights[base + i], i)
        for i in range(n):
            circuit.ry(weights[base + n + i], i)
        for i in range(n):
            circuit.rz(weights[base + 2 * n + i], i)
        for i in range(n - 1):
            circuit.cz(i, i + 1)
    return circuit


@pytest.mark.parametrize("what", ["trace", "lower", "Qiskit by hand", "to_circuit", "estimate, bound", "estimate, symbolic"])
@pytest.mark.parametrize(("n", "layers"), SIZES)
def test_compile(timed: Timed, n: int, layers: int, what: str) -> None:
    bindings: dict[str, Any] = {"n": n, "layers": layers, "observable": qko.Hamiltonian(num_qubits=n) + qko.Z(0)}
    kernel, transpiler = new_ansatz(), QiskitTranspiler()
    kernel.ir  # noqa: B018  lowering is timed without tracing
    steps: dict[str, Callable[[], Any]] = {
        "trace": lambda: new_ansatz().ir,
        "lower": lambda: kernel.compile(bindings, ["inputs", "weights"]).circuit,
        "Qiskit by hand": lambda: by_hand(n, layers),
        "to_circuit": lambda: transpiler.to_circuit(new_ansatz(), bindings, ["inputs", "weights"]),
        "estimate, bound": lambda: str(new_ansatz().estimate_resources({"n": n, "layers": layers})),
        "estimate, symbolic": lambda: str(new_ansatz().estimate_resources()),
    }
    goal = {"trace": 5.0, "estimate, bound": 2.0, "estimate, symbolic": 2.0, **GOALS[n, layers]}.get(what)
    timed(steps[what], "Compiling", f"{n} qubits x {layers} layers", what, goal)


@qk.qkernel
def fourier(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.h(q[i])
        for j in qk.range(i + 1, n):
            q[j], q[i] = qk.cp(q[j], q[i], math.pi / 2 ** (j - i))
    return q


@pytest.mark.parametrize(("n", "goal"), [(50, 0.4), (56, 0.5), (100, 2.0)])
def test_powers_of_two_are_no_cliff(timed: Timed, n: int, goal: float) -> None:
    """Beyond 53 bits they are no machine integers."""
    timed(lambda: fourier.compile({"n": n}).circuit, "Compiling", f"Fourier transform, {n} qubits", "lower", goal)


@qk.qkernel
def transformed(n: qk.UInt) -> qk.Vector[qk.Qubit]:
    return qft(qk.qubit_array(n))


@qk.qkernel
def searched(n: qk.UInt, iterations: qk.UInt) -> qk.Vector[qk.Bit]:
    return qk.measure(grover_search(qk.qubit_array(n), mcz, iterations))


@qk.qkernel
def evolved(n: qk.UInt, t: qk.Float) -> qk.Vector[qk.Qubit]:
    return trotterized_time_evolution(qk.qubit_array(n), [ising_model(n, 1.0, 0.5)], 2, t, 1)


@qk.qkernel
def corrected(n: qk.UInt) -> qk.Vector[qk.Bit]:
    data, syndrome = repetition_syndrome(repetition_encode(qk.qubit_array(n)))
    return qk.measure(repetition_correct(data, syndrome))


ALGORITHMS = {
    "Fourier transform, 100 qubits": (transformed, {"n": 100}, 5.0),
    "Grover, 20 qubits x 800 iterations": (searched, {"n": 20, "iterations": 800}, 500.0),
    "Trotter step, chain of 100 sites": (evolved, {"n": 100}, 10.0),
    "repetition code with decoder, 100 qubits": (corrected, {"n": 100}, 1000.0),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithms_of_the_library(timed: Timed, name: str) -> None:
    kernel, bindings, goal = ALGORITHMS[name]
    kernel.ir  # noqa: B018  lowering is timed without tracing
    opened = [parameter for parameter in kernel.input_types if parameter not in bindings]
    timed(lambda: kernel.compile(bindings, opened).circuit, "Compiling", name, "lower", goal)


@pytest.mark.parametrize(("modulus", "name"), [(15, "15"), (2**2047 + 1, "2,048 bits")], ids=["15", "2,048 bits"])
def test_order_finding_is_counted(timed: Timed, modulus: int, name: str) -> None:
    """On a register of 2,048 qubits, each time by a kernel that is made anew."""

    def step() -> str:
        return str(shor_order_finding(7, modulus).estimate_resources(n=2048).gates.total)

    timed(step, "Counting order finding at n = 2,048", f"modulus {name}", "estimate", 1000.0)
