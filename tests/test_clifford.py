"""Clifford circuits: which gates are, and what runs them where no state fits into memory."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from circuit_builder import CircuitBuilder

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import DependencyError, MemoryRefusedError
from qkernel.gates import GATES, Matrix
from qkernel_backends.clifford import is_clifford, not_clifford
from qkernel_backends.native import engine as native

PAULIS = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]


def maps_paulis_to_paulis(gate: Matrix) -> bool:
    width = len(gate).bit_length() - 1
    words: list[Any] = [np.eye(1)]
    for _ in range(width):
        words = [np.kron(word, pauli) for word in words for pauli in PAULIS]
    images = [gate @ word @ gate.conj().T for word in words]
    return all(np.isclose(max(abs(np.trace(word.conj().T @ image)) for word in words), 2**width) for image in images)


@pytest.mark.parametrize("name", [name for name, rule in GATES.items() if rule.num_qubits < 4])
def test_gates_are_clifford_where_they_map_paulis_to_paulis(name: str) -> None:
    """What is said to be Clifford is; nothing else is, but for controlled rotations and gates of many angles."""
    rule = GATES[name]
    for turn in (0.0, 0.25, 0.5, 1.0, 1.5, -0.5):
        angles = (turn * math.pi,) * len(rule.angles)
        builder = CircuitBuilder(rule.num_qubits)
        builder.gate(rule.base, *range(rule.num_qubits), controls=rule.controls, angles=angles)
        said, truly = is_clifford(builder.circuit()), maps_paulis_to_paulis(rule.matrix(*angles))
        assert truly or not said
        if len(angles) < 2 and not (angles and rule.controls):
            assert said == truly


@qk.qkernel
def chain(n: qk.UInt, observable: qk.Observable) -> qk.Float:
    q = qk.qubit_array(n)
    q[0] = qk.rx(qk.h(q[0]), math.pi / 2)
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.expval(q, observable)


@qk.qkernel
def corrected(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    q[0] = qk.h(q[0])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    q[0], bit = qk.project_z(q[0])
    if bit:
        q = qk.x(q)
    return qk.measure(q)


@qk.qkernel
def behind(n: qk.UInt) -> qk.Float:
    q = qk.h(qk.qubit_array(n))
    q[0], bit = qk.project_z(q[0])
    if bit:
        q[1] = qk.z(q[1])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.expval(q[n - 1], qko.X(0))


@qk.qkernel
def magic(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.h(qk.qubit_array(n))
    q[0] = qk.t(q[0])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.measure(q)


@qk.qkernel
def turned(n: qk.UInt, a: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(n), a)
    for i, j in itertools.pairwise(range(60)):
        q[i], q[j] = qk.crx(q[i], q[j], a)
    return qk.expval(q[n - 1], qko.Z(0))


def words(n: int) -> Any:
    """X on all qubits, and Z on the outer ones."""
    product = qko.X(0)
    for k in range(1, n):
        product = product * qko.X(k)
    return 2.0 * product + 0.5 * qko.Z(0) * qko.Z(n - 1)


@pytest.mark.parametrize("n", [3, 24, 25, 150])
def test_auto_has_exact_values_of_clifford_circuits_of_any_size(n: int) -> None:
    assert chain.run(n, words(n)) == pytest.approx(2.5)
    where = "stabilizer" if n > 24 else "native"
    assert where in chain.explain(n, words(n))
    counts = corrected.sample(n, shots=50, seed=1).counts
    assert counts == {(0,) * n: 50}


def test_what_a_tableau_does_not_hold_is_refused_and_the_refusal_names_what_would_do() -> None:
    for kernel, values, words_of in (
        (behind, {"n": 60}, "it is Clifford"),
        (magic, {"n": 60}, 'all but one gate is Clifford, and `engine=QiskitEngine.method="extended_stabilizer"'),
        (turned, {"n": 60, "a": 0.3}, 'where it entangles little, `engine=QiskitEngine.method="matrix_product_state"'),
    ):
        with pytest.raises(MemoryRefusedError, match=words_of):
            kernel.sample(shots=10, bindings=values) if kernel is magic else kernel.run(bindings=values)
    with pytest.raises(MemoryRefusedError, match=r"it is Clifford, and `engine=QiskitEngine.method=.stabilizer"):
        chain.run(60, words(60), engine="native")
    with pytest.raises(MemoryRefusedError):
        chain.statevector(60, words(60))


def test_the_ways_out_that_are_named_are_ways_out() -> None:
    from qkernel_backends.qiskit import QiskitEngine

    counts = magic.sample(n=24, shots=20, seed=1, engine=QiskitEngine(method="extended_stabilizer")).counts
    assert sum(counts.values()) == 20
    exact = chain.run(60, words(60), engine=QiskitEngine(method="matrix_product_state"))
    assert exact == pytest.approx(2.5)


def test_without_qiskit_large_clifford_circuits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise DependencyError("Qiskit is not installed")

    monkeypatch.setattr(native, "load_engine", missing)
    with pytest.raises(MemoryRefusedError, match="60 qubits"):
        chain.run(60, words(60))


def test_the_first_gate_that_is_not_clifford_has_its_place() -> None:
    (found,) = not_clifford(magic.compile({"n": 4}).circuit)
    assert (found.kind.name, found.qubits) == ("t", (0,))
    assert found.span is not None
