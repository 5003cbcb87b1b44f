"""Random circuits of every kind of gate, and what they do by dense matrices, for tests of plans and engines."""

from __future__ import annotations

from typing import Any

import numpy as np
from circuit_builder import Affine, CircuitBuilder
from hypothesis import strategies as st

from qkernel.gates import GATES
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian, Pauli, PauliOperator

NAMES = sorted(name for name, rule in GATES.items() if rule.controls == 0)
PAULIS = {
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def apply_dense(state: np.ndarray, matrix: np.ndarray, qubits: tuple[int, ...]) -> np.ndarray:
    """The matrix on some qubits of a state, row by row of the matrix."""
    index = np.arange(len(state))
    small = sum(((index >> q & 1) << k for k, q in enumerate(qubits)), np.zeros_like(index))
    rest = index & ~sum(1 << q for q in qubits)
    result = np.zeros_like(state)
    for column in range(len(matrix)):
        source = rest | sum((column >> k & 1) << q for k, q in enumerate(qubits))
        result += matrix[small, column] * state[source]
    return result


def dense_state(circuit: Circuit, theta: np.ndarray) -> np.ndarray:
    """The final state by full matrices."""
    angles = circuit.angles.offsets.copy()
    np.add.at(angles, circuit.angles.rows, circuit.angles.coefficients * theta[circuit.angles.columns])
    state = np.zeros(1 << circuit.num_qubits, complex)
    state[0] = 1
    for instruction in circuit.instructions():
        if instruction.kind.is_gate:
            matrix = instruction.kind.matrix(*(angles[slot] for slot in instruction.slots))
            state = apply_dense(state, matrix, instruction.qubits)
    return state


def dense_value(observable: Hamiltonian, state: np.ndarray) -> float:
    """<state|observable|state>, one Pauli after the other."""
    total = observable.constant
    for operators, coefficient in observable.terms.items():
        moved = state
        for operator in operators:
            moved = apply_dense(moved, PAULIS[operator.pauli.value], (operator.index,))
        total += coefficient * np.vdot(state, moved)
    return float(np.real(total))


def dense_values(circuit: Circuit, theta: np.ndarray) -> np.ndarray:
    """The expectation values by dense matrices."""
    state = dense_state(circuit, theta)
    return np.array([dense_value(part.observable, state) for part in circuit.expectations])


def random_unitary(rng: np.random.Generator, size: int) -> np.ndarray:
    """Haar-like."""
    q, r = np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))
    return q * (np.diag(r) / np.abs(np.diag(r)))


def random_observable(rng: np.random.Generator, num_qubits: int, letters: str = "XYZ") -> Hamiltonian:
    """One to four random words."""
    total = Hamiltonian(num_qubits)
    for _ in range(rng.integers(1, 5)):
        qubits = rng.permutation(num_qubits)[: rng.integers(1, min(3, num_qubits) + 1)]
        word = tuple(PauliOperator(Pauli(str(rng.choice(list(letters)))), int(q)) for q in qubits)
        total.add_term(word, float(rng.normal()))
    total.constant = float(rng.normal())
    return total


def random_circuit(seed: int, max_qubits: int = 6, length: int = 25, num_columns: int = 6) -> Circuit:
    """Every kind of gate with any controls; angles are affine in `num_columns` parameters."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, max_qubits + 1))
    builder = CircuitBuilder(n)
    columns = builder.parameter("theta", num_columns)

    def angle() -> Any:
        kind = rng.integers(4)
        if kind == 0:
            return float(rng.choice([0.0, np.pi / 2, np.pi, rng.normal()]))
        if kind == 1:
            return columns[rng.integers(num_columns)]
        a, b = rng.permutation(num_columns)[:2]
        return Affine(((int(min(a, b)), float(rng.normal())), (int(max(a, b)), -0.5)), float(rng.normal()))

    for _ in range(rng.integers(1, length + 1)):
        choice = rng.integers(12)
        qubits = [int(q) for q in rng.permutation(n)]
        if choice == 0 and n >= 2:
            targets = int(rng.integers(1, min(3, n) + 1))
            controls = int(rng.integers(0, n - targets + 1))
            builder.unitary(
                random_unitary(rng, 1 << targets), *qubits[: targets + controls],
                controls=controls, control_value=int(rng.integers(1 << controls)),
            )  # fmt: skip
        elif choice == 1:
            word = "".join(rng.choice(list("IXYZ"), size=rng.integers(1, n + 1)))
            controls = int(rng.integers(0, n - len(word) + 1))
            builder.pauli(word, angle(), *qubits[: len(word) + controls], controls=controls)
        else:
            rule = GATES[str(rng.choice(NAMES))]
            if rule.num_qubits > n:
                continue
            controls = int(rng.integers(0, n - rule.num_qubits + 1)) if rng.random() < 0.4 else 0
            builder.gate(
                rule.name, *qubits[: rule.num_qubits + controls], angles=tuple(angle() for _ in rule.angles),
                controls=controls, control_value=int(rng.integers(1 << controls)),
            )  # fmt: skip
    letters = "Z" if rng.random() < 0.4 else "XYZ"
    observables = tuple(random_observable(rng, n, letters) for _ in range(rng.integers(1, 4)))
    return builder.circuit(observables=observables, probabilities=(tuple(range(n)),))


circuits = st.integers(0, 2**32 - 1).map(random_circuit)
