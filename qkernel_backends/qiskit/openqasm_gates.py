"""Gates that `stdgates.inc` lacks, as definitions of OpenQASM, their phases included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import UnitaryGate

from qkernel.lower.circuit import Kind

STANDARD = {name: name for name in ("id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "p", "rx", "ry", "rz", "swap")}
STANDARD |= {"gphase": "gphase", "reset": "reset", "barrier": "barrier", "sxdg": "inv @ sx"}
CONTROLLED = {(name, 1): f"c{name}" for name in ("x", "y", "z", "h", "p", "rx", "ry", "rz", "swap")} | {("x", 2): "ccx"}

_WORDS = {"rxx": "XX", "ryy": "YY", "rzz": "ZZ", "rzx": "ZX"}
_TO_Z = {"X": ("h",), "Y": ("sdg", "h"), "Z": ()}
_FROM_Z = {"X": ("h",), "Y": ("h", "s"), "Z": ()}
_FIXED = {
    "iswap": ["s a;", "s b;", "h a;", "cx a, b;", "cx b, a;", "h b;"],
    "iswapdg": ["h b;", "cx b, a;", "cx a, b;", "h a;", "sdg b;", "sdg a;"],
    "ecr": [
        "h b;", "cx a, b;", "rz(pi / 4) b;", "cx a, b;", "h b;", "x a;",
        "h b;", "cx a, b;", "rz(-pi / 4) b;", "cx a, b;", "h b;",
    ],
}  # fmt: skip

Definition = tuple[str, str, list[str], list[str]]


def definition_of(kind: Kind) -> Definition:
    """Name, parameters, qubits and statements of an uncontrolled gate."""
    qubits = [f"q{k}" for k in range(kind.num_targets)]
    if kind.unitary is not None:
        return "matrix", "", qubits, list(_of_matrix(np.array(kind.unitary), qubits))
    if kind.name in _FIXED:
        return kind.name, "", ["a", "b"], _FIXED[kind.name]
    if kind.name == "u":
        # Qiskit's importer takes parameters in alphabetic order, and a controlled `u` for its `cu`, which has four angles
        return "u_3", "(theta_0, theta_1, theta_2)", qubits, ["p(theta_2) q0;", "ry(theta_0) q0;", "p(theta_1) q0;"]
    word = _WORDS.get(kind.name, kind.word)
    assert word is not None, kind
    return f"r{word.lower()}", "(theta)", qubits, list(_of_word(word, qubits))


def _of_word(word: str, qubits: Sequence[str]) -> Iterator[str]:
    """exp(-i theta/2 P) for a word of Pauli letters, the first on the first qubit."""
    letters = [(letter, qubit) for letter, qubit in zip(word, qubits, strict=True) if letter != "I"]
    if not letters:
        yield "gphase(-theta / 2);"
        return
    chain = list(pairwise(letters))
    for letter, qubit in letters:
        yield from (f"{gate} {qubit};" for gate in _TO_Z[letter])
    yield from (f"cx {first}, {second};" for (_, first), (_, second) in chain)
    yield f"rz(theta) {letters[-1][1]};"
    yield from (f"cx {first}, {second};" for (_, first), (_, second) in reversed(chain))
    for letter, qubit in letters:
        yield from (f"{gate} {qubit};" for gate in _FROM_Z[letter])


def _of_matrix(matrix: np.ndarray[Any, Any], qubits: Sequence[str]) -> Iterator[str]:
    circuit = QuantumCircuit(len(qubits))
    circuit.append(UnitaryGate(matrix), circuit.qubits)
    written = transpile(circuit, basis_gates=["u", "cx"], optimization_level=1, seed_transpiler=0)
    if written.global_phase:
        yield f"gphase({float(written.global_phase)!r});"
    for row in written.data:
        on = ", ".join(qubits[written.find_bit(qubit).index] for qubit in row.qubits)
        match [float(angle) for angle in row.operation.params]:
            case []:
                yield f"cx {on};"
            case [theta, phi, last]:
                yield from (f"p({last!r}) {on};", f"ry({theta!r}) {on};", f"p({phi!r}) {on};")
