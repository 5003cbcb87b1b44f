"""The one gate table.

Angles are in radians; R_P(a) = exp(-i a P / 2). Matrices are little-endian: bit k of a row number is qubit k.
A controlled gate is its base gate and a number of controls, so that a circuit knows `cx` and `control(x)` as one thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Matrix = np.ndarray[Any, np.dtype[np.complex128]]


@dataclass(frozen=True, slots=True)
class GateRule:
    """What is known about a gate.

    `angle_kinds` names each angle's generator: `rotation` (eigenvalues -1/2, 1/2) or `phase` (0, 1).
    `base` and `controls` say how a controlled gate is made; controls come first among its qubits.
    `adjoint` is the gate of the inverse, whose angles are the negated ones in the order `adjoint_order`.
    """

    name: str
    qubits: tuple[str, ...]
    angles: tuple[str, ...] = ()
    angle_kinds: tuple[str, ...] = ()
    matrix_of: Callable[..., Matrix] | None = None
    base: str = ""
    controls: int = 0
    adjoint: str = ""
    adjoint_order: tuple[int, ...] = ()
    clifford: bool = False
    label: str = ""

    @property
    def num_qubits(self) -> int:
        return len(self.qubits)

    def matrix(self, *angles: Any) -> Matrix:
        """The matrix, shape (..., 2**n, 2**n), where `angles` may be arrays of one shape (...)."""
        base = GATES[self.base]
        assert base.matrix_of is not None, f"{self.name} has no matrix of its own"
        return controlled(base.matrix_of(*angles), self.controls)


def controlled(matrix: Matrix, controls: int, value: int | None = None) -> Matrix:
    """`matrix` where `controls` further, least significant qubits hold `value` (None: all 1), else the identity."""
    chosen = (1 << controls) - 1 if value is None else value
    size = matrix.shape[-1] << controls
    result = np.zeros((*matrix.shape[:-2], size, size), complex)
    result[..., range(size), range(size)] = 1
    rows = np.arange(matrix.shape[-1]) * (1 << controls) + chosen
    result[..., rows[:, None], rows[None, :]] = matrix
    return result


def _fixed(*rows: list[complex]) -> Callable[[], Matrix]:
    matrix = np.array(rows, complex)
    return lambda: matrix


def _stack(rows: list[list[Any]]) -> Matrix:
    entries = np.broadcast_arrays(*(np.asarray(entry, complex) for row in rows for entry in row))
    return np.stack(entries, -1).reshape(*entries[0].shape, len(rows), len(rows))


def _diagonal(*entries: Any) -> Matrix:
    return _stack([[entry if row == column else 0 for column in range(len(entries))] for row, entry in enumerate(entries)])


def pauli_matrix(word: str) -> Matrix:
    """The matrix of a Pauli word; its first letter acts on the least significant qubit."""
    letters = {"I": [[1, 0], [0, 1]], "X": [[0, 1], [1, 0]], "Y": [[0, -1j], [1j, 0]], "Z": [[1, 0], [0, -1]]}
    matrix = np.eye(1, dtype=complex)
    for letter in word:
        matrix = np.kron(np.array(letters[letter], complex), matrix)
    return matrix


def pauli_rotation(word: str, angle: Any) -> Matrix:
    """exp(-i angle P / 2) for a Pauli word P."""
    half = np.asarray(angle, float)[..., None, None] / 2
    return np.cos(half) * np.eye(1 << len(word)) - 1j * np.sin(half) * pauli_matrix(word)


def _u(theta: Any, phi: Any, lam: Any) -> Matrix:
    cosine, sine = np.cos(np.asarray(theta) / 2), np.sin(np.asarray(theta) / 2)
    upper, lower = np.exp(1j * np.asarray(lam)), np.exp(1j * np.asarray(phi))
    return _stack([[cosine, -upper * sine], [lower * sine, upper * lower * cosine]])


def _phase(angle: Any) -> Matrix:
    return _diagonal(1, np.exp(1j * np.asarray(angle)))


def _global(angle: Any) -> Matrix:
    return _diagonal(np.exp(1j * np.asarray(angle)))


def _one(name: str, matrix: Callable[[], Matrix], adjoint: str = "", clifford: bool = True, label: str = "") -> GateRule:
    return GateRule(name, ("qubit",), matrix_of=matrix, base=name, adjoint=adjoint or name, clifford=clifford, label=label)


def _two(name: str, matrix: Callable[[], Matrix], adjoint: str, label: str = "") -> GateRule:
    return GateRule(name, ("first", "second"), matrix_of=matrix, base=name, adjoint=adjoint, clifford=True, label=label)


def _rotation(name: str, word: str) -> GateRule:
    qubits = ("qubit",) if len(word) == 1 else ("first", "second")
    return GateRule(
        name,
        qubits,
        ("angle",),
        ("rotation",),
        lambda angle: pauli_rotation(word, angle),
        name,
        0,
        name,
        (0,),
        label=name.upper(),
    )


def _controlled(name: str, base: str, controls: int = 1, clifford: bool = False) -> GateRule:
    rule = _BASE[base]
    names = ("control",) if controls == 1 else tuple(f"control{k}" for k in range(controls))
    qubits = names + (("target",) if rule.num_qubits == 1 else rule.qubits)
    adjoint = {_BASE[base].name: name}.get(rule.adjoint, "")
    return GateRule(
        name, qubits, rule.angles, rule.angle_kinds, None, base, controls, adjoint, rule.adjoint_order, clifford, rule.label
    )


_C = 2**-0.5  # cosine and sine of pi / 4
_EIGHTH = np.exp(0.25j * np.pi)
_BASE = {
    rule.name: rule
    for rule in (
        _one("id", _fixed([1, 0], [0, 1]), label="I"),
        _one("x", _fixed([0, 1], [1, 0])),
        _one("y", _fixed([0, -1j], [1j, 0])),
        _one("z", _fixed([1, 0], [0, -1])),
        _one("h", _fixed([_C, _C], [_C, -_C])),
        _one("s", _fixed([1, 0], [0, 1j]), "sdg"),
        _one("sdg", _fixed([1, 0], [0, -1j]), "s", label="S†"),
        _one("t", _fixed([1, 0], [0, _EIGHTH]), "tdg", clifford=False),
        _one("tdg", _fixed([1, 0], [0, _EIGHTH.conjugate()]), "t", clifford=False, label="T†"),
        _one("sx", _fixed([0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]), "sxdg", label="√X"),
        _one("sxdg", _fixed([0.5 - 0.5j, 0.5 + 0.5j], [0.5 + 0.5j, 0.5 - 0.5j]), "sx", label="√X†"),
        GateRule("p", ("qubit",), ("angle",), ("phase",), _phase, "p", 0, "p", (0,)),
        _rotation("rx", "X"),
        _rotation("ry", "Y"),
        _rotation("rz", "Z"),
        GateRule("u", ("qubit",), ("theta", "phi", "lam"), ("rotation", "phase", "phase"), _u, "u", 0, "u", (0, 2, 1)),
        GateRule(
            "ug", ("qubit",), ("theta", "phi", "lam", "gamma"), ("rotation", "phase", "phase", "phase"),
            lambda theta, phi, lam, gamma: np.exp(1j * np.asarray(gamma))[..., None, None] * _u(theta, phi, lam),
            "ug", 0, "ug", (0, 2, 1, 3), label="U",
        ),
        GateRule(
            "gphase", (), ("angle",), ("phase",), _global, "gphase", 0, "gphase", (0,), label="phase"
        ),
        _two("swap", _fixed([1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]), "swap"),
        _two("iswap", _fixed([1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]), "iswapdg", "iSWAP"),
        _two("iswapdg", _fixed([1, 0, 0, 0], [0, 0, -1j, 0], [0, -1j, 0, 0], [0, 0, 0, 1]), "iswap", "iSWAP†"),
        _two(
            "ecr",
            _fixed([0, _C, 0, 1j * _C], [_C, 0, -1j * _C, 0], [0, 1j * _C, 0, _C], [-1j * _C, 0, _C, 0]),
            "ecr",
        ),
        _rotation("rxx", "XX"),
        _rotation("ryy", "YY"),
        _rotation("rzz", "ZZ"),
        _rotation("rzx", "ZX"),
    )
}  # fmt: skip

GATES: dict[str, GateRule] = _BASE | {
    rule.name: rule
    for rule in (
        _controlled("cx", "x", clifford=True),
        _controlled("cy", "y", clifford=True),
        _controlled("cz", "z", clifford=True),
        _controlled("ch", "h"),
        _controlled("cp", "p"),
        _controlled("crx", "rx"),
        _controlled("cry", "ry"),
        _controlled("crz", "rz"),
        _controlled("cu", "ug"),
        _controlled("ccx", "x", 2),
        _controlled("ccz", "z", 2),
        _controlled("cswap", "swap"),
    )
}
"""Every gate by name. Beside these a circuit knows `unitary` (a matrix) and `pauli` (exp(-i a P / 2), a Pauli word)."""
