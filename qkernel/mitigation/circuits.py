"""Circuits that do the same with more noise, or with noise of another kind: folded and twirled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from qkernel.errors import ValidationError
from qkernel.gates import pauli_matrix
from qkernel.ir.types import FLOAT, ArrayType
from qkernel.lower.angles import AngleMap, OpenParameter
from qkernel.lower.circuit import Body, Branch, Circuit, Instruction, Kind, Repeat, Run
from qkernel.lower.columns import Kinds

Array = np.ndarray[Any, Any]

_FLIP, _TURN = Kind("x", 1), Kind("rz", 1, 1)


@dataclass(frozen=True)
class Written:
    """An instruction to write: its angles are (slot of the circuit before, factor), or a constant for no slot."""

    kind: Kind
    qubits: tuple[int, ...]
    bits: tuple[int, ...] = ()
    angles: tuple[tuple[int | None, float], ...] = ()


def folded(circuit: Circuit, scale: float) -> tuple[Circuit, float]:
    """`circuit` with gates G replaced by G G† G, as often as it takes for `scale` times as many, and the scale that it has.

    Where not all are, each kind of gate is by the same share. The parameters are the slots of `circuit`. Barriers keep
    compilers from undoing it. Giurgica-Tiron et al., IEEE QCE 2020, arXiv:2005.10921.
    Raises `ValidationError` for a scale below 1.
    """
    if not (np.isfinite(scale) and scale >= 1):
        raise ValidationError(f"a fold is a factor of 1 or more, not {scale!r}", help="write `folds=(1, 2, 3)`")
    kinds, seen, pairs = Kinds(), Counter[Kind](), 0

    def write(instruction: Instruction) -> Iterator[Written]:
        nonlocal pairs
        plain = _as_it_is(instruction)
        yield plain
        if not (instruction.kind.is_gate and instruction.qubits):
            return
        before = seen[instruction.kind]
        seen[instruction.kind] += 1
        repeats = round((before + 1) * (scale - 1) / 2) - round(before * (scale - 1) / 2)
        pairs += repeats
        code, order = kinds.adjoint(kinds.number(instruction.kind))
        angles = tuple((instruction.slots[k], -1.0) for k in order)
        inverse = Written(kinds.table[code], instruction.qubits, (), angles)
        barrier = Written(Kind("barrier", len(instruction.qubits)), instruction.qubits)
        for _ in range(repeats):
            yield from (barrier, inverse, barrier, plain)

    made = _rewritten(circuit, write)
    return made, 1 + 2 * pairs / max(1, seen.total())


def twirled(circuit: Circuit, seed: int | None) -> Circuit:
    """`circuit` with random Paulis around each Clifford gate on two qubits that together do nothing: noise of theirs that is
    no mixture of Paulis becomes one, on average over seeds.

    Its parameters are the slots of `circuit`. Paulis are written as `x` and `rz(pi)`. Wallman and Emerson, Phys. Rev. A 94,
    052325 (2016).
    """
    generator = np.random.default_rng(seed)

    def write(instruction: Instruction) -> Iterator[Written]:
        table = _conjugates(instruction.kind)
        plain = _as_it_is(instruction)
        if table is None:
            yield plain
            return
        before = int(generator.integers(16))
        yield from _paulis(before, instruction.qubits)
        yield plain
        yield from _paulis(table[before], instruction.qubits)

    return _rewritten(circuit, write)


def _as_it_is(instruction: Instruction) -> Written:
    return Written(instruction.kind, instruction.qubits, instruction.bits, tuple((slot, 1.0) for slot in instruction.slots))


def _paulis(number: int, qubits: tuple[int, ...]) -> Iterator[Written]:
    """The word of a number to the base 4, x in its lower bit, z in its higher one."""
    for k, qubit in enumerate(qubits):
        if number >> 2 * k & 1:
            yield Written(_FLIP, (qubit,))
        if number >> 2 * k & 2:
            yield Written(_TURN, (qubit,), (), ((None, np.pi),))


@lru_cache(maxsize=64)
def _conjugates(kind: Kind) -> tuple[int, ...] | None:
    """For each word P on two qubits the word U P U†, if the gate U is a Clifford gate on two qubits."""
    if kind.num_qubits != 2 or kind.num_angles or not kind.is_gate:
        return None
    words = np.array([pauli_matrix("".join(letters[::-1])) for letters in product("IXZY", repeat=2)])
    gate = kind.matrix()
    overlaps = np.einsum("aij,bji->ab", words, gate @ words @ gate.conj().T).real / 4
    found = np.abs(overlaps).argmax(0)
    return tuple(found.tolist()) if np.allclose(np.abs(overlaps).max(0), 1) else None


def _rewritten(circuit: Circuit, write: Callable[[Instruction], Iterable[Written]]) -> Circuit:
    """The circuit with what `write` makes of each instruction; its parameters are the slots of `circuit`."""
    numbers: dict[Kind, int] = {}
    angles: list[tuple[int | None, float]] = []

    def run(part: Run) -> Run:
        codes: list[int] = []
        qubits: list[int] = []
        bits: list[int] = []
        spans: list[int] = []
        first = len(angles)
        for instruction, span in zip(circuit.instructions(part), part.span.tolist(), strict=True):
            for row in write(instruction):
                codes.append(numbers.setdefault(row.kind, len(numbers)))
                qubits += row.qubits
                bits += row.bits
                spans.append(span)
                angles.extend(row.angles)
        kind, places, targets, origins = (np.array(column, np.int32) for column in (codes, qubits, bits, spans))
        return Run(kind, places, targets, origins, first)

    def body(before: Body) -> Body:
        result: list[Any] = []
        for part in before:
            match part:
                case Run():
                    result.append(run(part))
                case Branch(_, then, otherwise):
                    result.append(replace(part, then=body(then), otherwise=body(otherwise)))
                case Repeat(_, inner):
                    result.append(replace(part, body=body(inner)))
                case _:
                    result.append(part)
        return tuple(result)

    made = body(circuit.body)
    count = circuit.angles.num_slots
    moving = [(row, slot, factor) for row, (slot, factor) in enumerate(angles) if slot is not None]
    rows, columns = (np.array([entry[k] for entry in moving], np.int32) for k in (0, 1))
    offsets = np.array([0.0 if slot is not None else value for slot, value in angles], float)
    factors = np.array([factor for _, _, factor in moving], float)
    slots = AngleMap((OpenParameter("angles", ArrayType(FLOAT), 0, (count,)),), offsets, rows, columns, factors)
    return replace(circuit, kinds=tuple(numbers), body=made, angles=slots, boxes=(), loads=(), outputs=())
