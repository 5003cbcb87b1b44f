"""Circuits of Clifford gates, which tableaus follow at any size, and what else does circuits that are too large for a state.

Aaronson and Gottesman 2004 (Phys. Rev. A 70, 052328) for tableaus, Bravyi et al. 2019 (Quantum 3, 181) for gates beyond them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from qkernel.gates import GATES
from qkernel.lower.circuit import Circuit, Instruction, Run, parts

_FIXED = {(rule.base, rule.controls) for rule in GATES.values() if rule.clifford}
_TURNS = {"p", "rx", "ry", "rz", "rxx", "ryy", "rzz", "rzx", "pauli"}
_MOST_READ = 24
_FEW = {("t", 0), ("tdg", 0), ("p", 0), ("rz", 0), ("x", 2), ("z", 2)}
_MOST_OTHERS = 40
"""Of so many of these gates among Clifford gates `extended_stabilizer` samples a circuit in a reasonable time."""


def not_clifford(circuit: Circuit) -> Iterator[Instruction]:
    """The gates of `circuit` that are not Clifford; a rotation is, by a multiple of π/2 that is known."""
    is_open = set(circuit.angles.varying.tolist())
    quarters = circuit.angles.offsets / (math.pi / 2)

    def is_clifford(row: Instruction) -> bool:
        kind = row.kind
        if kind.is_gate and not kind.num_angles:
            return (kind.name, kind.controls) in _FIXED
        if not kind.is_gate or (kind.name == "gphase" and not kind.controls):
            return True
        known = not kind.controls and kind.name in _TURNS and is_open.isdisjoint(row.slots)
        return known and all(abs(quarters[slot] - round(quarters[slot])) < 1e-12 for slot in row.slots)

    for part in parts(circuit.body):
        if isinstance(part, Run):
            yield from (row for row in circuit.instructions(part) if not is_clifford(row))


def is_clifford(circuit: Circuit) -> bool:
    """Whether all gates are."""
    return next(not_clifford(circuit), None) is None


def way_out(circuit: Circuit) -> str:
    """What computes a circuit that is too large for a state."""
    if (widest := max(map(len, circuit.probabilities), default=0)) > _MOST_READ:
        return f"2**{widest} probabilities fit nowhere: read out fewer qubits, or measure them and use `sample`"
    others = [
        (row.kind.name, row.kind.controls) for row, _ in zip(not_clifford(circuit), range(_MOST_OTHERS + 1), strict=False)
    ]
    if not others:
        return 'it is Clifford, and `engine=QiskitEngine(method="stabilizer")` computes it exactly'
    if len(others) <= _MOST_OTHERS and _FEW.issuperset(others):
        gates = f"{len(others)} of its gates are" if len(others) > 1 else "one gate is"
        return f'all but {gates} Clifford, and `engine=QiskitEngine(method="extended_stabilizer")` samples it'
    return 'where it entangles little, `engine=QiskitEngine(method="matrix_product_state")` computes it'
