"""Final states and matrices of unitary circuits, over the qubits that the kernel's user knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qkernel.engine import Prepared
from qkernel.lower.circuit import Circuit, Kind, Run
from qkernel.lower.workspace import MOST_LEFT, broken

Array = np.ndarray[Any, Any]


def statevector(prepared: Prepared, circuit: Circuit, theta: Array) -> Array:
    """The amplitudes of `circuit`, shape (batch, 2**qubits): returned qubits, then the others but for clean ancillas."""
    state = prepared.state(theta)
    return _kept(state[:, None], circuit)[:, 0]


def matrix(prepared: Prepared, circuit: Circuit, theta: Array) -> Array:
    """The matrix of `circuit` by its inputs, shape (batch, rows, columns); `prepared` is `with_entangled_inputs` of it."""
    state = prepared.state(theta)
    columns = 1 << len(circuit.inputs)
    by_input = state.reshape(len(state), columns, state.shape[1] // columns)
    result: Array = np.moveaxis(_kept(by_input, circuit), 1, 2) * np.sqrt(columns)
    return result


def with_entangled_inputs(circuit: Circuit) -> Circuit:
    """`circuit` behind a Bell pair for each input, whose other half is a further qubit.

    Its state holds the circuit's whole matrix, divided by 2**(inputs / 2) (Choi 1975, Linear Algebra Appl. 10, 285).
    """
    hadamard, flip = Kind("h", 1), Kind("x", 1, controls=1, control_value=1)
    kinds = list(dict.fromkeys((*circuit.kinds, hadamard, flip)))
    rows = [
        row
        for k, qubit in enumerate(circuit.inputs, circuit.num_qubits)
        for row in ((kinds.index(hadamard), (k,)), (kinds.index(flip), (k, qubit)))
    ]
    qubits = np.array([qubit for _, places in rows for qubit in places], np.int32)
    pairs = Run(np.array([code for code, _ in rows], np.int32), qubits, np.zeros(0, np.int32), np.full(len(rows), -1, np.int32))
    return replace(
        circuit,
        num_qubits=circuit.num_qubits + len(circuit.inputs),
        kinds=tuple(kinds),
        body=(pairs, *circuit.body),
        registers=(),
        boxes=(),
    )


def _kept(states: Array, circuit: Circuit) -> Array:
    """States (batch, columns, 2**num_qubits) over the qubits that are kept, those that are returned first."""
    clean = {qubit for _, qubits in circuit.clean for qubit in qubits}.difference(circuit.returned)
    others = [qubit for qubit in range(circuit.num_qubits) if qubit not in clean and qubit not in circuit.returned]
    order = [*circuit.returned, *others, *sorted(clean)]
    axes = [1 + circuit.num_qubits - qubit for qubit in reversed(order)]
    parts = states.reshape(*states.shape[:2], *[2] * circuit.num_qubits).transpose(0, 1, *axes)
    parts = parts.reshape(*states.shape[:2], 1 << len(clean), 1 << (circuit.num_qubits - len(clean)))
    left = np.sum(np.abs(parts[:, :, 1:]) ** 2, axis=(1, 2, 3))
    most = MOST_LEFT[states.dtype]
    if left.size and left.max() > most:
        _refuse_left(states, circuit, most)
    return np.ascontiguousarray(parts[:, :, 0])


def _refuse_left(states: Array, circuit: Circuit, most: float) -> None:
    """Raise about the kernel that does not bring its qubits back to 0."""
    weights = np.abs(states) ** 2
    index = np.arange(weights.shape[-1])
    for promise, qubits in circuit.clean:
        for k, qubit in enumerate(qubits):
            left = float(weights[..., index >> qubit & 1 == 1].sum((1, 2)).max())
            if left > most / (2 * circuit.num_qubits):
                raise broken(promise, k, left)
