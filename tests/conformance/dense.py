"""Circuits as dense matrices, by the definitions: what engines are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian, Pauli, PauliOperator

Array = np.ndarray[Any, Any]


def embed(matrix: Array, qubits: tuple[int, ...], num_qubits: int) -> Array:
    """`matrix` on `qubits` (the first least significant) as a matrix on all qubits."""
    mask = sum(1 << qubit for qubit in qubits)
    full = np.zeros((1 << num_qubits,) * 2, complex)
    for column in range(1 << num_qubits):
        local = sum((column >> qubit & 1) << k for k, qubit in enumerate(qubits))
        for row_local in range(1 << len(qubits)):
            row = (column & ~mask) | sum((row_local >> k & 1) << qubit for k, qubit in enumerate(qubits))
            full[row, column] = matrix[row_local, local]
    return full


def state(circuit: Circuit, theta: Array) -> Array:
    """Final states, one row for each row of theta."""
    rows = []
    for angles in circuit.angles.evaluate(theta):
        amplitudes = np.eye(1 << circuit.num_qubits, dtype=complex)[0]
        for instruction in circuit.instructions():
            if instruction.kind.is_gate:
                matrix = instruction.kind.matrix(*(angles[slot] for slot in instruction.slots))
                amplitudes = embed(matrix, instruction.qubits, circuit.num_qubits) @ amplitudes
        rows.append(amplitudes)
    return np.array(rows)


def expect(circuit: Circuit, theta: Array) -> Array:
    """Expectation values (batch, expectations)."""
    states = state(circuit, theta)
    width = Hamiltonian(circuit.num_qubits)
    matrices = [(width + part.observable).to_numpy() for part in circuit.expectations]
    return np.array([[np.vdot(row, matrix @ row).real for matrix in matrices] for row in states])


def probabilities(circuit: Circuit, theta: Array) -> list[Array]:
    """Outcome probabilities for each read-out of the circuit."""
    weights = np.abs(state(circuit, theta)) ** 2
    result = []
    for qubits in circuit.probabilities:
        part = np.zeros((len(theta), 1 << len(qubits)))
        for index in range(weights.shape[1]):
            part[:, sum((index >> qubit & 1) << k for k, qubit in enumerate(qubits))] += weights[:, index]
        result.append(part)
    return result


def finite_difference(circuit: Circuit, theta: Array, cotangent: Array, step: float = 1e-5) -> Array:
    """The gradient of sum(cotangent * expectations), by central differences."""
    gradient = np.zeros(theta.shape)
    for column in range(theta.shape[1]):
        moved = theta + step * np.eye(theta.shape[1])[column], theta - step * np.eye(theta.shape[1])[column]
        gradient[:, column] = ((expect(circuit, moved[0]) - expect(circuit, moved[1])) * cotangent).sum(1) / (2 * step)
    return gradient


def random_observable(generator: np.random.Generator, num_qubits: int, num_terms: int = 4) -> Hamiltonian:
    """A Pauli sum with a constant, on all qubits."""
    result = Hamiltonian(num_qubits)
    result.add_term((), float(generator.normal()))
    for _ in range(num_terms):
        letters = generator.choice(list("IXYZ"), num_qubits)
        operators = tuple(PauliOperator(Pauli(letter), k) for k, letter in enumerate(letters) if letter != "I")
        result.add_term(operators, float(generator.normal()))
    return result
