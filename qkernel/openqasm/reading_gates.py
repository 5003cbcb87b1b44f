"""Gates by the names that programs in OpenQASM know them by: those of the standards, and of Braket and Cirq."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import openqasm3

from qkernel.gates import GATES
from qkernel.ir.expressions import Const, Expr
from qkernel.ir.ops import Adjoint, Control, Gate, Modifier
from qkernel.ir.places import Place
from qkernel.lower.circuit import Kind
from qkernel.openqasm.gates import Definitions

_OTHER_NAMES = {
    "CX": "cx", "cnot": "cx", "phase": "p", "cphase": "cp", "u1": "p", "cu1": "cp", "i": "id", "si": "sdg", "ti": "tdg",
    "v": "sx", "vi": "sxdg", "ccnot": "ccx", "phaseshift": "p", "cphaseshift": "cp", "xx": "rxx", "yy": "ryy", "zz": "rzz",
    "rzx": "rzx", "toffoli": "ccx", "fredkin": "cswap",
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A gate that need not be defined: how many angles and qubits it takes, and what it is of these."""

    angles: int
    qubits: int
    make: Callable[[Sequence[Expr], Sequence[Place], tuple[Modifier, ...]], list[Gate]]


def _of_table(name: str) -> Known:
    rule = GATES[name]
    return Known(
        len(rule.angles), rule.num_qubits, lambda angles, on, modifiers: [Gate(name, tuple(on), tuple(angles), modifiers)]
    )


def _turn(phase: Callable[..., Any] | None, of: Callable[..., Sequence[Any]], count: int) -> Known:
    """`u` of angles made of those given, and a phase beside it, which controls turn too."""

    def make(angles: Sequence[Expr], on: Sequence[Place], modifiers: tuple[Modifier, ...]) -> list[Gate]:
        turned = Gate("u", tuple(on), tuple(_constant(angle) for angle in of(*angles)), modifiers)
        return [turned] if phase is None else [Gate("gphase", (), (_constant(phase(*angles)),), modifiers), turned]

    return Known(count, 1, make)


def _constant(value: Any) -> Expr:
    return value if isinstance(value, Expr) else Const(float(value))


def _modified(name: str, *modifiers: Modifier) -> Known:
    """A gate of the table whose first qubits are controls of it."""
    rule = GATES[name]
    count = sum(isinstance(entry, Control) for entry in modifiers)

    def make(angles: Sequence[Expr], on: Sequence[Place], outer: tuple[Modifier, ...]) -> list[Gate]:
        own = [Control((on[k],)) for k in range(count)]
        inner = tuple(entry for entry in modifiers if isinstance(entry, Adjoint))
        return [Gate(name, tuple(on[count:]), tuple(angles), (*inner, *own, *outer))]

    return Known(len(rule.angles), rule.num_qubits + count, make)


def _sequence(qubits: int, text: str) -> Known:
    """Gates without angles, each with the qubits that it is on: `h2 cx12`. Only where gates have no modifiers."""
    words = [(word.rstrip("0123456789"), word.lstrip("abcdefghijklmnopqrstuvwxyz")) for word in text.split()]
    return Known(
        0,
        qubits,
        lambda _, on, modifiers: [Gate(name, tuple(on[int(k)] for k in where), (), modifiers) for name, where in words],
    )


PHASE = _of_table("gphase")
_ONE = Control((Place(""),))
_GATES = {name: _of_table(name) for name in GATES if name not in ("ug", "u")}
_GATES |= {other: _of_table(name) for other, name in _OTHER_NAMES.items()}
_GATES |= {
    "iswapdg": _of_table("iswapdg"), "cv": _modified("sx", _ONE), "csx": _modified("sx", _ONE), "cs": _modified("s", _ONE),
    "csdg": _modified("sdg", _ONE), "c3x": _modified("x", _ONE, _ONE, _ONE), "c4x": _modified("x", _ONE, _ONE, _ONE, _ONE),
    "c3sqrtx": _modified("sx", _ONE, _ONE, _ONE),
}  # fmt: skip
_PLAIN = _turn(None, lambda theta, phi, lam: (theta, phi, lam), 3)
THREE = _GATES | {
    "u": _PLAIN,
    "U": _turn(lambda theta, phi, lam: theta / 2, lambda theta, phi, lam: (theta, phi, lam), 3),
    "u2": _turn(lambda phi, lam: (phi + lam) / -2, lambda phi, lam: (math.pi / 2, phi, lam), 2),
    "u3": _turn(lambda theta, phi, lam: (phi + lam) / -2, lambda theta, phi, lam: (theta, phi, lam), 3),
}
"""Gates of version 3, whose `U` has the phase theta / 2, and whose `u2` and `u3` are without the phase of version 2's."""
TWO = _GATES | {
    "u": _PLAIN, "U": _PLAIN, "u3": _PLAIN, "u2": _turn(None, lambda phi, lam: (math.pi / 2, phi, lam), 2),
    "u0": Known(1, 1, lambda angles, on, modifiers: [Gate("id", tuple(on), (), modifiers)]),
    "cu3": Known(3, 2, lambda angles, on, modifiers: [Gate("u", (on[1],), tuple(angles), (Control((on[0],)), *modifiers))]),
    "rccx": _sequence(3, "h2 t2 cx12 tdg2 cx02 t2 cx12 tdg2 h2"),
    "rc3x": _sequence(4, "h3 t3 cx23 tdg3 h3 cx03 t3 cx13 tdg3 cx03 t3 cx13 tdg3 h3 t3 cx23 tdg3 h3"),
}  # fmt: skip
"""Gates of version 2, where no phase of a gate has an effect."""


@cache
def _own_definitions() -> list[tuple[Any, Known]]:
    """The definitions that the writer adds of gates that the standard lacks, as trees, each with its gate."""
    found = []
    for name in ("u", "iswap", "iswapdg", "ecr", "rxx", "ryy", "rzz", "rzx"):
        definitions = Definitions()
        definitions.name(Kind(name, GATES[name].num_qubits, len(GATES[name].angles)))
        (tree,) = openqasm3.parse("\n".join(definitions.lines)).statements
        found.append((tree, _of_table(name)))
    return found


def defined_as(tree: Any) -> Known | None:
    """The gate of the table that a definition is of, if it is one of the writer's own."""
    plain = {"_".join(tree.name.name.split("_")[:-1]), tree.name.name}
    for own, gate in _own_definitions():
        if own.name.name in plain and replace(own, name=tree.name) == replace(tree):
            return gate
    return None
