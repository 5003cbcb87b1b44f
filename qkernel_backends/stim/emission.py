"""Clifford circuits as Stim's: rotations by quarter turns, and Paulis where parities of outcomes ask for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import stim

from qkernel.diagnostics import counted
from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import Apply, Const, Expr
from qkernel.lower.angles import AngleMap
from qkernel.lower.circuit import Circuit, Instruction, Kind
from qkernel.lower.truth_tables import table_of
from qkernel.noise import NoiseModel
from qkernel_backends.clifford import not_clifford
from qkernel_backends.predicated import Predicated, predicated, record_of
from qkernel_backends.stim.noise import Operation, disturbances, misreading

Array = np.ndarray[Any, Any]

_FIXED = {
    "id": "I", "x": "X", "y": "Y", "z": "Z", "h": "H", "s": "S", "sdg": "S_DAG", "sx": "SQRT_X", "sxdg": "SQRT_X_DAG",
    "swap": "SWAP", "iswap": "ISWAP", "iswapdg": "ISWAP_DAG", "reset": "R", "measure": "M",
}  # fmt: skip
_CONTROLLED = {"x": "CX", "y": "CY", "z": "CZ"}
_WORDS = {"p": "Z", "rx": "X", "ry": "Y", "rz": "Z", "rxx": "XX", "ryy": "YY", "rzz": "ZZ", "rzx": "ZX"}
_PAULIS = ("X", "Y", "Z")


def emit(circuit: Circuit, theta: Sequence[float] | None = None) -> stim.Circuit:
    """The circuit in Stim, without its global phase; with `theta`, shape (columns,), open parameters have these values.

    Raises `TargetCapabilityError` for the first gate that is not Clifford, and for branches that Stim has no words for.
    """
    return recorded(circuit, None if theta is None else np.asarray(theta, float))[0]


def recorded(circuit: Circuit, theta: Array | None, noise: NoiseModel | None = None) -> tuple[stim.Circuit, Predicated]:
    """The circuit in Stim, at `theta` where that is given, with `noise`, and what its records say of the circuit's bits."""
    known = circuit
    if theta is not None:
        empty = np.zeros(0, np.int32)
        known = replace(circuit, angles=AngleMap((), circuit.angles.evaluate(theta), empty, empty, np.zeros(0)))
    for row in not_clifford(known):
        raise _refused(known, row)
    steps = predicated(known, "Stim")
    angles, result, count = known.angles.offsets.tolist(), stim.Circuit(), 0
    for step in steps.steps:
        row = step.instruction
        named = _operations(row, [angles[slot] for slot in row.slots])
        wrong = [] if noise is None else list(disturbances(noise, row))
        if step.condition is None:
            for operation in _disturbed(row, named, wrong, noise):
                result.append(*operation)
        else:
            if wrong:
                raise _noise_in_a_branch(circuit.name, row)
            parity = _parity(step.condition, circuit.name, row)
            for name, targets in named:
                _append_where(result, parity, count, name, targets, circuit.name, row)
        count += len(row.bits)
    return result, steps


def _refused(circuit: Circuit, row: Instruction) -> TargetCapabilityError:
    kind = row.kind
    controls = f" under {counted(kind.controls, 'control')}" if kind.controls else ""
    angles = circuit.angles.offsets[list(row.slots)]
    is_open = not set(circuit.angles.varying.tolist()).isdisjoint(row.slots)
    which = " by an open angle" if is_open else f" by {angles[0]:g}" if len(row.slots) == 1 else ""
    may_be = kind.num_angles and not is_open and (kind.controls or len(row.slots) > 1)  # `cp` by pi is `cz`
    known = "known to be " if may_be else ""
    return TargetCapabilityError(
        f"`{kind.name}`{controls}{which} is not {known}Clifford, and Stim runs Clifford circuits alone",
        span=row.span,
        help=f"{'where it is, write its fixed gates, such as `cz` for `cp` by pi; else ' if may_be else ''}"
        'run the kernel on the built-in engine: `engine="native"`',
    )


def _disturbed(
    row: Instruction, named: Iterator[tuple[str, Any]], wrong: list[Operation], noise: NoiseModel | None
) -> Iterator[Operation]:
    """The operations of an instruction with what is wrong with it: before a measurement, else behind."""
    if row.kind.name == "measure":
        yield from wrong
        rate = 0.0 if noise is None else misreading(noise, row)
        yield from ((name, targets, [rate] if rate else []) for name, targets in named)
    else:
        yield from ((name, targets, []) for name, targets in named)
        yield from wrong


def _noise_in_a_branch(kernel: str, row: Instruction) -> TargetCapabilityError:
    return TargetCapabilityError(
        f"`{kernel}` does `{row.kind.name}` where measured bits say so, and Stim has no noise that depends on them",
        span=row.span,
        help="say which gates have noise, by `gates=`; or use `NativeEngine(noise=...)`",
    )


def _operations(row: Instruction, angles: Sequence[float]) -> Iterator[tuple[str, Any]]:
    """The operations of Stim that do what an instruction does, up to a global phase."""
    kind, qubits = row.kind, list(row.qubits)
    match kind.name:
        case "barrier" | "gphase":
            return
        case "ecr":  # rotated about ZX by a right angle, and then flipped
            yield "SPP", stim.target_combined_paulis([stim.target_z(qubits[0]), stim.target_x(qubits[1])])
            yield "X", qubits[:1]
        case _ if kind.controls:
            flips = [qubit for k, qubit in enumerate(qubits[: kind.controls]) if not kind.control_value >> k & 1]
            if flips:
                yield "X", flips
            yield _CONTROLLED[kind.name], qubits
            if flips:
                yield "X", flips
        case _ if kind.num_angles:
            yield from _turned(kind, qubits, round(angles[0] / (math.pi / 2)) % 4)
        case _:
            yield _FIXED[kind.name], qubits


def _turned(kind: Kind, qubits: list[int], quarters: int) -> Iterator[tuple[str, Any]]:
    """A rotation about a Pauli word by a number of right angles."""
    word = kind.word or _WORDS[kind.name]
    letters = [(letter, qubit) for letter, qubit in zip(word, qubits, strict=True) if letter != "I"]
    if quarters == 2:
        yield from ((letter, [qubit]) for letter, qubit in letters)
    elif quarters and letters:
        product = stim.target_combined_paulis([stim.target_pauli(qubit, letter) for letter, qubit in letters])
        yield "SPP" if quarters == 1 else "SPP_DAG", product


@dataclass(frozen=True)
class _Parity:
    """Whether an odd number of `records` is 1, or an even one where `flipped`."""

    records: frozenset[int]
    flipped: bool = False


def _parity(condition: Expr, name: str, row: Instruction) -> _Parity:
    match condition:
        case Const(known):
            return _Parity(frozenset(), bool(known))
        case Apply("^", (left, right)):
            first, second = _parity(left, name, row), _parity(right, name, row)
            return _Parity(first.records ^ second.records, first.flipped != second.flipped)
        case Apply("not", (operand,)):
            inner = _parity(operand, name, row)
            return _Parity(inner.records, not inner.flipped)
    if (record := record_of(condition)) is not None:
        return _Parity(frozenset((record,)))
    table, read = table_of(condition)
    rows = np.arange(len(table))
    flipped = bool(table[0])
    counted = [k for k in range(len(read)) if table[1 << k] != flipped]
    if np.array_equal(table, np.bitwise_xor.reduce([rows >> k & 1 == 1 for k in counted] or [rows < 0]) != flipped):
        return _Parity(frozenset(read[k] for k in counted), flipped)
    raise TargetCapabilityError(
        f"`{name}` decides on `{row.kind.name}` by more than a parity of measured bits, and Stim feeds parities forward alone",
        span=row.span,
        help='branch on bits, `not` and `^` of them; or run the kernel on the built-in engine: `engine="native"`',
    )


def _append_where(
    circuit: stim.Circuit, parity: _Parity, count: int, name: str, targets: Any, kernel: str, row: Instruction
) -> None:
    """Paulis where a parity of the `count` records so far holds."""
    if name == "I":
        return
    if name not in _PAULIS:
        raise TargetCapabilityError(
            f"`{kernel}` does `{row.kind.name}` where measured bits say so, and Stim feeds them forward to Paulis alone",
            span=row.span,
            help='run the kernel on the built-in engine: `engine="native"`',
        )
    for qubit in targets:
        for record in sorted(parity.records):
            circuit.append(f"C{name}", [stim.target_rec(record - count), qubit])
        if parity.flipped:
            circuit.append(name, [qubit])
