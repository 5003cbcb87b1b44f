"""Every gate in the circuits of other packages, by numbers and by symbols, phase included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cirq
import numpy as np
import pytest
from dense import state
from test_gates import Case, cases, circuit_of

from qkernel_backends import cirq as cirq_backend
from qkernel_backends import pennylane as pennylane_backend
from qkernel_backends import tket as tket_backend

Array = np.ndarray[Any, Any]
Values = dict[str, Any]


def given(case: Case, theta: Array) -> tuple[Values, Values]:
    """The angles as arguments of a kernel, and by the names of symbols."""
    values = {f"angles[{k}]": float(angle) for k, angle in enumerate(theta[0])}
    return {"angles": theta[0]} if case.num_angles else {}, values


@pytest.mark.parametrize("case", cases(), ids=str)
def test_gates_of_tket(case: Case) -> None:
    """Written and read back."""
    circuit, theta = circuit_of(case)
    expected = state(circuit, theta[:1])[0]
    arguments, values = given(case, theta)
    by_symbols = tket_backend.emit(circuit)
    read_back = tket_backend.from_tket(by_symbols)
    by_symbols.symbol_substitution({symbol: values[str(symbol)] for symbol in by_symbols.free_symbols()})
    for made in (tket_backend.emit(circuit, theta[0]), by_symbols):
        found = made.get_statevector().reshape((2,) * circuit.num_qubits).transpose().reshape(-1)
        assert found == pytest.approx(expected, abs=1e-10)
    assert read_back.unitary(q=circuit.num_qubits, **arguments)[:, 0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_gates_of_cirq(case: Case) -> None:
    """Written, by symbols since the engine takes numbers, and read back."""
    circuit, theta = circuit_of(case)
    expected = state(circuit, theta[:1])[0]
    arguments, values = given(case, theta)
    by_symbols = cirq_backend.emit(circuit)
    order = cirq.LineQubit.range(circuit.num_qubits)[::-1]
    made = cirq.resolve_parameters(by_symbols, values)
    found = cirq.Simulator(dtype=np.complex128).simulate(made, qubit_order=order).final_state_vector
    assert found == pytest.approx(expected, abs=1e-10)
    read_back = cirq_backend.from_cirq(by_symbols)
    assert read_back.unitary(q=circuit.num_qubits, **arguments)[:, 0] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("case", cases(), ids=str)
def test_gates_of_pennylane(case: Case) -> None:
    """Written as a quantum function, and read back."""
    circuit, theta = circuit_of(case)
    arguments, _ = given(case, theta)
    made = pennylane_backend.emit(replace(circuit, expectations=(), probabilities=(), outputs=()))
    read_back = pennylane_backend.from_pennylane(made, **arguments)
    found = read_back.unitary(q=circuit.num_qubits, **arguments)[:, 0]
    assert found == pytest.approx(state(circuit, theta[:1])[0], abs=1e-10)
