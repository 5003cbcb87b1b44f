"""Each kind of instruction as the Qiskit operation of its own name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit.circuit import Barrier, Measure, Operation, Reset
from qiskit.circuit.library import (
    CPhaseGate,
    CRXGate,
    CRYGate,
    CRZGate,
    CUGate,
    ECRGate,
    HGate,
    IGate,
    PauliEvolutionGate,
    PhaseGate,
    RXGate,
    RXXGate,
    RYGate,
    RYYGate,
    RZGate,
    RZXGate,
    RZZGate,
    SdgGate,
    SGate,
    SwapGate,
    SXdgGate,
    SXGate,
    TdgGate,
    TGate,
    UGate,
    UnitaryGate,
    XGate,
    YGate,
    ZGate,
    iSwapGate,
)
from qiskit.quantum_info import SparsePauliOp

from qkernel.lower.circuit import Kind

Factory = Callable[..., Operation]

FIXED: dict[str, Factory] = {
    "id": IGate,
    "x": XGate,
    "y": YGate,
    "z": ZGate,
    "h": HGate,
    "s": SGate,
    "sdg": SdgGate,
    "t": TGate,
    "tdg": TdgGate,
    "sx": SXGate,
    "sxdg": SXdgGate,
    "swap": SwapGate,
    "iswap": iSwapGate,
    "iswapdg": lambda: iSwapGate().inverse(),
    "ecr": ECRGate,
    "measure": Measure,
    "reset": Reset,
}
ROTATIONS: dict[str, Factory] = {
    "p": PhaseGate,
    "rx": RXGate,
    "ry": RYGate,
    "rz": RZGate,
    "u": UGate,
    "rxx": RXXGate,
    "ryy": RYYGate,
    "rzz": RZZGate,
    "rzx": RZXGate,
}
CONTROLLED_ROTATIONS: dict[str, Factory] = {"p": CPhaseGate, "rx": CRXGate, "ry": CRYGate, "rz": CRZGate, "ug": CUGate}


def fixed_operation(kind: Kind) -> Operation:
    """The operation of a kind that has no angles, to be shared by all its instructions."""
    if kind.name == "barrier":
        return Barrier(kind.num_targets)
    base = UnitaryGate(np.array(kind.unitary)) if kind.unitary is not None else FIXED[kind.name]()
    return _controlled(base, kind) if kind.controls else base


def factory(kind: Kind) -> Factory:
    """What makes the operation of a kind from its angles; for all but `gphase`, and `ug` without or with many controls."""
    if kind.name == "pauli":
        letters = SparsePauliOp(str(kind.word)[::-1])  # Qiskit writes qubit 0 on the right

        def make(angle: Any) -> Operation:
            gate = PauliEvolutionGate(letters, angle / 2)
            return _controlled(gate, kind) if kind.controls else gate

        return make
    if not kind.controls:
        return ROTATIONS[kind.name]
    if kind.controls == 1 and kind.name in CONTROLLED_ROTATIONS:
        make_controlled = CONTROLLED_ROTATIONS[kind.name]
        if kind.is_plainly_controlled:
            return make_controlled
        return lambda *angles: make_controlled(*angles, ctrl_state=kind.control_value)
    return lambda *angles: _controlled(ROTATIONS[kind.name](*angles), kind)


def _controlled(gate: Any, kind: Kind) -> Operation:
    return gate.control(kind.controls, ctrl_state=kind.control_value, annotated=False)


_SYNONYMS = {"p": ("phase", "u1"), "u": ("u3", "U"), "ug": ("u",), "x": ("not",)}
_NAMES_OF_CONTROLLED = {("x", 1): {"cnot", "CX"}, ("x", 2): {"toffoli"}, ("swap", 1): {"fredkin"}}


def other_names(kind: Kind) -> dict[str, str]:
    """Names under which others know a gate, each with Qiskit's own name of it."""
    if not kind.is_gate or kind.name == "gphase" or (kind.name == "ug" and kind.controls != 1):
        return {}
    own = str((factory(kind)(*(0.0,) * kind.num_angles) if kind.num_angles else fixed_operation(kind)).name)
    count = kind.controls
    prefixes = {"c" * count, f"c{count}" if count else ""}
    if count > (2 if kind.name == "x" else 1):
        prefixes.add("mc")
    names = {prefix + base for prefix in prefixes for base in (kind.name, *_SYNONYMS.get(kind.name, ()))}
    return dict.fromkeys(sorted(names | _NAMES_OF_CONTROLLED.get((kind.name, count), set())), own)
