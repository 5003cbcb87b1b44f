"""Short forms for writing IR by hand, and dense matrices of lowered circuits, made without the gate table."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import expm

from qkernel.diagnostics import Span
from qkernel.ir.expressions import Const, Expr, Item, Name, wrap
from qkernel.ir.module import Module
from qkernel.ir.ops import (
    Alloc,
    Call,
    Control,
    For,
    Function,
    Gate,
    Measure,
    Modifier,
    Op,
    Parameter,
    Range,
)
from qkernel.ir.places import Place
from qkernel.ir.types import BIT, FLOAT, QUBIT, UINT, ArrayType, Type
from qkernel.lower import lower
from qkernel.lower.circuit import Circuit, Instruction, Kind

FLOATS, QUBITS, BITS_TYPE = ArrayType(FLOAT), ArrayType(QUBIT), ArrayType(BIT)


def span(line: int) -> Span:
    return Span("kernel.py", line, 4, line, 20)


def uint(name: str) -> Name:
    return Name(name, UINT)


def real(name: str) -> Name:
    return Name(name, FLOAT)


def reals(name: str) -> Name:
    return Name(name, FLOATS)


def bit_name(name: str) -> Name:
    return Name(name, BIT)


def at(base: Expr, *keys: Any) -> Item:
    return Item(base, tuple(wrap(key) for key in keys))


def qubit(register: str, index: Any = 0) -> Place:
    return Place(register, wrap(index))


def stretch(register: str, start: Any, length: Any, stride: Any = 1) -> Place:
    return Place(register, wrap(start), wrap(stride), wrap(length))


def gate(name: str, *places: Place, angles: tuple[Any, ...] = (), modifiers: tuple[Modifier, ...] = (), line: int = 1) -> Gate:
    return Gate(name, places, tuple(wrap(angle) for angle in angles), modifiers, span=span(line))


def unitary(matrix: Any, *places: Place, modifiers: tuple[Modifier, ...] = ()) -> Gate:
    rows = tuple(map(tuple, np.asarray(matrix, complex).tolist()))
    return Gate("unitary", places, (), modifiers, rows, span(1))


def loop(name: str, stop: Any, *body: Op, start: Any = 0, step: Any = 1) -> For:
    return For((name,), Range(wrap(start), wrap(stop), wrap(step)), body, span=span(50))


def call(
    callee: str, *arguments: Any, results: tuple[str | None, ...] = (), modifiers: tuple[Modifier, ...] = (), line: int = 60
) -> Call:
    listed = tuple(argument if isinstance(argument, Place) else wrap(argument) for argument in arguments)
    return Call(callee, listed, results, modifiers, span(line))


def control(*places: Place, value: Any = None, count: Any = None) -> Control:
    return Control(places, None if value is None else wrap(value), None if count is None else wrap(count))


def measure(place: Place, result: str, basis: str = "z", keeps: bool = False, line: int = 70) -> Measure:
    return Measure(place, result, basis, keeps, span(line))


def function(name: str, parameters: dict[str, Type], *body: Op, returns: tuple[Any, ...] = (), **more: Any) -> Function:
    listed = tuple(Parameter(key, type, span=span(1)) for key, type in parameters.items())
    return Function(name, listed, body, returns, len(returns) > 1, span=span(1), **more)


def module(*functions: Function) -> Module:
    return Module(functions)


def circuit_of(
    *body: Op, width: int, parameters: dict[str, Type] | None = None, more: tuple[Function, ...] = (), **values: Any
) -> Circuit:
    """The circuit of a kernel that makes `q` of `width` qubits; what `values` lacks stays open."""
    entry = function("kernel", parameters or {}, Alloc("q", Const(width), span(2)), *body)
    return lower(module(entry, *more), values, [name for name in parameters or {} if name not in values])


def kernel(*body: Op, width: int, returns: tuple[Any, ...] = (), **values: Any) -> Circuit:
    """The circuit of a kernel without arguments that makes `q`."""
    return lower(module(function("kernel", {}, Alloc("q", Const(width), span(2)), *body, returns=returns)), values)


def rows(circuit: Circuit) -> list[tuple[str, tuple[int, ...], int, tuple[int, ...]]]:
    """Each instruction: base gate, control qubits, control value, targets."""
    return [
        (i.kind.name, i.qubits[: i.kind.controls], i.kind.control_value, i.qubits[i.kind.controls :])
        for i in circuit.instructions()
    ]


def names(circuit: Circuit) -> list[str]:
    return [f"{'c' * i.kind.controls}{i.kind.name}" for i in circuit.instructions()]


# Dense matrices ---------------------------------------------------------------------------------------------------------

_PAULI = {"I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}
_ROOT = expm(-0.25j * np.pi * (_PAULI["X"] - np.eye(2)))
_FIXED = {
    "id": np.eye(2),
    "x": _PAULI["X"],
    "y": _PAULI["Y"],
    "z": _PAULI["Z"],
    "h": (_PAULI["X"] + _PAULI["Z"]) / np.sqrt(2),
    "s": np.diag([1, 1j]),
    "sdg": np.diag([1, -1j]),
    "t": np.diag([1, np.exp(0.25j * np.pi)]),
    "tdg": np.diag([1, np.exp(-0.25j * np.pi)]),
    "sx": _ROOT,
    "sxdg": _ROOT.conj().T,
    "swap": np.eye(4)[[0, 2, 1, 3]],
}


def word_matrix(word: str) -> Any:
    """The matrix of a Pauli word, its first letter on qubit 0."""
    matrix = np.eye(1)
    for letter in word:
        matrix = np.kron(_PAULI[letter], matrix)
    return matrix


def _two_letters(first: str, second: str) -> Any:
    return word_matrix(first + second)


_FIXED["iswap"] = expm(0.25j * np.pi * (_two_letters("X", "X") + _two_letters("Y", "Y")))
_FIXED["iswapdg"] = _FIXED["iswap"].conj().T
_FIXED["ecr"] = (_two_letters("X", "I") - _two_letters("Y", "X")) / np.sqrt(2)


def base_matrix(kind: Kind, angles: list[float]) -> Any:
    if kind.unitary is not None:
        return np.array(kind.unitary)
    if kind.name == "gphase":
        return np.array([[np.exp(1j * angles[0])]])
    if kind.name == "p":
        return np.diag([1, np.exp(1j * angles[0])])
    if kind.name in ("u", "ug"):
        theta, phi, lam, *gamma = angles
        turn = [expm(-0.5j * angle * _PAULI[letter]) for letter, angle in (("Z", phi), ("Y", theta), ("Z", lam))]
        return np.exp(1j * ((phi + lam) / 2 + sum(gamma))) * turn[0] @ turn[1] @ turn[2]
    if kind.num_angles:
        return expm(-0.5j * angles[0] * word_matrix(kind.word or kind.name[1:].upper()))
    return _FIXED[kind.name]


def embed(matrix: Any, targets: tuple[int, ...], controls: tuple[int, ...], value: int, width: int) -> Any:
    """A gate's matrix on `width` qubits, entry by entry."""
    size = 1 << width
    result = np.zeros((size, size), complex)
    for column in range(size):
        if any((column >> qubit & 1) != (value >> k & 1) for k, qubit in enumerate(controls)):
            result[column, column] = 1
            continue
        inner = sum((column >> qubit & 1) << k for k, qubit in enumerate(targets))
        rest = column & ~sum(1 << qubit for qubit in targets)
        for row in range(1 << len(targets)):
            result[rest | sum((row >> k & 1) << qubit for k, qubit in enumerate(targets)), column] = matrix[row, inner]
    return result


def instruction_matrix(instruction: Instruction, angles: Any, width: int) -> Any:
    kind, qubits = instruction.kind, instruction.qubits
    if kind.name == "barrier":
        return np.eye(1 << width)
    base = base_matrix(kind, [float(angles[slot]) for slot in instruction.slots])
    return embed(base, qubits[kind.controls :], qubits[: kind.controls], kind.control_value, width)


def dense(circuit: Circuit, theta: Any = ()) -> Any:
    """The unitary of a circuit."""
    angles = circuit.angles.evaluate(np.array([theta], float))[0]
    result = np.eye(1 << circuit.num_qubits, dtype=complex)
    for instruction in circuit.instructions():
        result = instruction_matrix(instruction, angles, circuit.num_qubits) @ result
    return result
