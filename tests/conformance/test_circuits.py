"""Every gate in the circuits of other packages, by numbers and by symbols, phase included."""

from __future__ import annotations

import cirq
import numpy as np
import pytest
from dense import state
from test_gates import Case, cases, circuit_of

from qkernel_backends import cirq as cirq_backend
from qkernel_backends import tket as tket_backend


@pytest.mark.parametrize("case", cases(), ids=str)
def test_gates_of_tket(case: Case) -> None:
    circuit, theta = circuit_of(case)
    expected = state(circuit, theta[:1])[0]
    by_symbols = tket_backend.emit(circuit)
    values = dict(zip(circuit.angles.column_names, theta[0], strict=True))
    by_symbols.symbol_substitution({symbol: values[str(symbol)] for symbol in by_symbols.free_symbols()})
    for made in (tket_backend.emit(circuit, theta[0]), by_symbols):
        found = made.get_statevector().reshape((2,) * circuit.num_qubits).transpose().reshape(-1)
        assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("case", [case for case in cases() if case.num_angles], ids=str)
def test_gates_of_cirq_by_symbols(case: Case) -> None:
    circuit, theta = circuit_of(case)
    values = dict(zip(circuit.angles.column_names, theta[0], strict=True))
    made = cirq.resolve_parameters(cirq_backend.emit(circuit), values)
    order = cirq.LineQubit.range(circuit.num_qubits)[::-1]
    found = cirq.Simulator(dtype=np.complex128).simulate(made, qubit_order=order).final_state_vector
    assert found == pytest.approx(state(circuit, theta[:1])[0], abs=1e-10)
