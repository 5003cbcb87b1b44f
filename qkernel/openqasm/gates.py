"""Gates by the names of `stdgates.inc`, and definitions, phases included, of those that it lacks."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from qkernel.errors import needed
from qkernel.lower.circuit import Kind
from qkernel.openqasm.names import Names

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

Definition = tuple[str, str, list[str], Sequence[str]]


@dataclass
class Definitions:
    """The gates and subroutines that a text defines: its `lines`, and their names by what they are."""

    names: Names = field(default_factory=Names)
    lines: list[str] = field(default_factory=list)
    known: dict[Any, str] = field(default_factory=dict)

    def gate(self, key: Any, wanted: str, angles: str, qubits: Sequence[str], body: Sequence[str]) -> str:
        """The name of the gate that the text defines so."""
        if key not in self.known:
            self.known[key] = name = self.names.callable(wanted)
            self.lines += [f"gate {name}{angles} {', '.join(qubits)} {{", *(f"  {line}" for line in body), "}"]
        return self.known[key]

    def call(self, kind: Kind, angles: Sequence[str], on: Sequence[str]) -> str:
        """A gate, a reset or a barrier, on qubits whose controls come first."""
        prefix, name = _modifiers(kind), self.name(kind)
        if kind.is_plainly_controlled and (kind.name, kind.controls) in CONTROLLED:
            prefix, name = "", CONTROLLED[kind.name, kind.controls]
        given = f"({', '.join(angles)})" if angles else ""
        return f"{prefix}{name}{given}{' ' if on else ''}{', '.join(on)};"

    def name(self, kind: Kind) -> str:
        """The name of the uncontrolled gate, which is defined if it has no name in the standard."""
        if kind.name in STANDARD:
            return STANDARD[kind.name]
        key = Kind(kind.name, kind.num_targets, kind.num_angles, unitary=kind.unitary, word=kind.word)
        return self.known[key] if key in self.known else self.gate(key, *definition_of(key))


def _modifiers(kind: Kind) -> str:
    if kind.name == "x" and kind.controls > 1 and kind.is_plainly_controlled:
        return f"ctrl({kind.controls}) @ "  # of other gates Qiskit's importer takes several controls one by one only
    return "".join("ctrl @ " if kind.control_value >> k & 1 else "negctrl @ " for k in range(kind.controls))


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
    if len(qubits) == 1:
        yield from _of_turn(matrix, qubits[0])
        return
    with needed(f"a matrix on {len(qubits)} qubits needs", "qiskit"):
        from qiskit import QuantumCircuit, transpile
        from qiskit.circuit.library import UnitaryGate
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


def _of_turn(matrix: np.ndarray[Any, Any], qubit: str) -> Iterator[str]:
    """A matrix on one qubit, `[[a, b], [c, d]]`, as a phase and rotations about z, y and z."""
    (a, b), (c, d) = matrix.tolist()
    theta = 2 * math.atan2(abs(c), abs(a))
    if abs(a) < 1e-15:
        phase, phi, last = cmath.phase(c), 0.0, cmath.phase(-b) - cmath.phase(c)
    else:
        phase, phi = cmath.phase(a), cmath.phase(c) - cmath.phase(a) if abs(c) > 1e-15 else 0.0
        last = cmath.phase(d) - phase - phi
    yield from (f"gphase({phase!r});", f"p({last!r}) {qubit};", f"ry({theta!r}) {qubit};", f"p({phi!r}) {qubit};")
