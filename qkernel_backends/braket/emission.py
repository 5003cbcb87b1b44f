"""Circuits in Braket's dialect of OpenQASM 3: its own names of gates, and matrices in pragmas.

Nothing is defined here, and nothing stands under `ctrl @`: Braket drops the phase of a defined gate that is controlled, and its
simulators (1.41) apply controlled gates of one qubit wrongly where control and target are not neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from braket.ir.openqasm import Program

from qkernel.diagnostics import counted
from qkernel.errors import TargetCapabilityError
from qkernel.ir.expressions import Apply, Const, Expr
from qkernel.lower.circuit import Circuit, Instruction, Kind
from qkernel.lower.truth_tables import formula
from qkernel.openqasm.expressions import number
from qkernel.openqasm.flat import angle_texts
from qkernel.openqasm.names import Names
from qkernel_backends.matrices import big_endian
from qkernel_backends.predicated import predicated, record_of

_NAMES = {
    "id": "i", "x": "x", "y": "y", "z": "z", "h": "h", "s": "s", "sdg": "si", "t": "t", "tdg": "ti", "sx": "v", "sxdg": "vi",
    "p": "phaseshift", "rx": "rx", "ry": "ry", "rz": "rz", "u": "U", "swap": "swap", "iswap": "iswap", "ecr": "ecr",
    "rxx": "xx", "ryy": "yy", "rzz": "zz", "gphase": "gphase", "reset": "reset", "barrier": "barrier",
}  # fmt: skip
_CONTROLLED = {
    ("x", 1): "cnot", ("y", 1): "cy", ("z", 1): "cz", ("p", 1): "cphaseshift", ("sx", 1): "cv", ("swap", 1): "cswap",
    ("x", 2): "ccnot",
}  # fmt: skip
_TO_Z = {"X": ("h",), "Y": ("si", "h"), "Z": ()}
_FROM_Z = {"X": ("h",), "Y": ("h", "s"), "Z": ()}
_WIDEST = 6
"""Qubits of a gate that is written as a matrix."""


Angle = float | str
"""A number, or a text where inputs decide."""


def emit(circuit: Circuit, theta: Sequence[float] | None = None) -> Program:
    """The circuit as a program that Braket's devices and simulators run.

    Open parameters are inputs, `weights[0]` as `weights_0`; with `theta`, shape (columns,), they get these values. The first
    measurement goes to `b[0]`, the next to `b[1]`; branches are `if` on them.
    Raises `TargetCapabilityError` for an angle that OpenQASM cannot express, gates on more than six qubits and open ones under
    several controls, loops on measured bits and integers, measurements and resets in branches, and a circuit without qubits.
    """
    if theta is not None:
        return Program(source=source(circuit, circuit.angles.evaluate(np.asarray(theta, float)).tolist()))
    names = Names()
    inputs = [names.fresh(name) for name in circuit.angles.column_names]
    angles: list[Angle] = circuit.angles.offsets.tolist()
    texts = angle_texts(circuit, inputs)
    for slot in circuit.angles.varying.tolist():
        angles[slot] = texts[slot]
    return Program(source=source(circuit, angles, inputs))


def source(circuit: Circuit, angles: Sequence[Angle], inputs: Sequence[str] = (), results: Sequence[str] = ()) -> str:
    """The text of a program, which reads out `results` in the end; each slot has an angle."""
    if not circuit.num_qubits:
        raise TargetCapabilityError(
            f"`{circuit.name}` has no qubits, and Braket has no such programs",
            help='run it on the built-in engine: `engine="native"`',
        )
    steps = predicated(circuit, "Braket")
    lines = ["OPENQASM 3.0;", *(f"input float {name};" for name in inputs)]
    if steps.num_records:
        lines.append(f"bit[{steps.num_records}] b;")
    lines.append(f"qubit[{circuit.num_qubits}] q;")
    used = {qubit for step in steps.steps if step.instruction.kind.name != "barrier" for qubit in step.instruction.qubits}
    lines += [f"i q[{qubit}];" for qubit in range(circuit.num_qubits) if qubit not in used]  # else there were fewer of them
    count = 0
    for step in steps.steps:
        row = step.instruction
        if row.kind.name == "measure":
            lines.append(f"b[{count}] = measure q[{row.qubits[0]}];")
            count += 1
            continue
        written = list(_statements(row, [angles[slot] for slot in row.slots]))
        if step.condition is not None:
            written = [f"if ({_condition(step.condition)} == 1) {{", *(f"  {line}" for line in written), "}"]
        lines += written
    return "\n".join([*lines, *(f"#pragma braket result {result}" for result in results)]) + "\n"


def _statements(row: Instruction, angles: Sequence[Angle]) -> Iterator[str]:
    """What does a gate, a reset or a barrier, between flips of controls that are to hold 0."""
    kind, on = row.kind, [f"q[{qubit}]" for qubit in row.qubits]
    flips = [f"x {on[k]};" for k in range(kind.controls) if not kind.control_value >> k & 1]
    yield from flips
    yield from _where_1(replace(kind, control_value=(1 << kind.controls) - 1), angles, on, row)
    yield from flips


def _where_1(kind: Kind, angles: Sequence[Angle], on: Sequence[str], row: Instruction) -> Iterator[str]:
    """A gate where all its controls hold 1."""
    controls, targets = list(on[: kind.controls]), list(on[kind.controls :])
    name = _CONTROLLED.get((kind.name, kind.controls)) if controls else _NAMES.get(kind.name)
    if name is not None:
        yield _call(name, angles, on)
        return
    match kind.name, angles:
        case "ug", (*turns, phase):
            yield from _where_1(_kind("u", 1, 3, kind.controls), turns, on, row)
            yield from _where_1(_kind("gphase", 0, 1, kind.controls), [phase], controls, row)
        case "gphase", _:  # where the last control is 1
            yield from _where_1(_kind("p", 1, 1, kind.controls - 1), angles, controls, row)
        case "iswapdg", _ if not controls:  # devices take no `inv @`; the square of `iswap` is Z on both
            yield from (_call("iswap", (), targets), *(_call("z", (), [target]) for target in targets))
        case "pauli" | "rzx", (angle,):
            yield from _evolution(kind, angle, controls, targets, row)
        case ("rx" | "ry" | "rz") as turn, (angle,) if kind.controls == 1:
            yield from _half_turns(turn, angle, controls[0], targets[0])
        case ("rxx" | "ryy" | "rzz") as turn, _:
            word = replace(kind, name="pauli", word=2 * turn[1].upper())
            yield from _where_1(word, angles, on, row)
        case "u", (theta, phi, lam) if kind.controls == 1:
            yield _call("cphaseshift", [lam], on)
            yield from _half_turns("ry", theta, controls[0], targets[0])
            yield _call("cphaseshift", [phi], on)
        case _:
            yield _by_matrix(kind, angles, on, row)


def _kind(name: str, targets: int, angles: int, controls: int) -> Kind:
    return Kind(name, targets, angles, controls, (1 << controls) - 1)


def _half_turns(turn: str, angle: Angle, control: str, target: str) -> Iterator[str]:
    """A rotation under a control: by half of its angle, and back by it where a `cnot` has not turned the axis around."""
    if turn == "rx":
        yield f"h {target};"
    half, back = (_times(angle, factor) for factor in (0.5, -0.5))
    axis = "rz" if turn == "rx" else turn
    yield _call(axis, [half], [target])
    yield f"cnot {control}, {target};"
    yield _call(axis, [back], [target])
    yield f"cnot {control}, {target};"
    if turn == "rx":
        yield f"h {target};"


def _times(angle: Angle, factor: float) -> Angle:
    return f"{factor} * ({angle})" if isinstance(angle, str) else factor * angle


def _evolution(kind: Kind, angle: Angle, controls: Sequence[str], targets: Sequence[str], row: Instruction) -> Iterator[str]:
    """exp(-i angle P / 2): turned to Z on the last of the word's qubits, where alone controls act."""
    word = kind.word or "ZX"
    acted = [(letter, qubit) for letter, qubit in zip(word, targets, strict=True) if letter != "I"]
    if not acted:
        phase = _kind("gphase", 0, 1, kind.controls)
        yield from _where_1(phase, [_times(angle, -0.5)], controls, row)
        return
    yield from (f"{name} {qubit};" for letter, qubit in acted for name in _TO_Z[letter])
    chain = [f"cnot {first}, {second};" for (_, first), (_, second) in pairwise(acted)]
    yield from chain
    yield from _where_1(_kind("rz", 1, 1, kind.controls), [angle], [*controls, acted[-1][1]], row)
    yield from reversed(chain)
    yield from (f"{name} {qubit};" for letter, qubit in acted for name in _FROM_Z[letter])


def _by_matrix(kind: Kind, angles: Sequence[Angle], on: Sequence[str], row: Instruction) -> str:
    if any(isinstance(angle, str) for angle in angles):
        raise TargetCapabilityError(
            f"`{kind.name}` by an open angle under {counted(kind.controls, 'control')} cannot be written for Braket",
            span=row.span,
            help="bind its arguments before asking for the Braket program; running the kernel works as it is",
        )
    if len(on) > _WIDEST:
        raise TargetCapabilityError(
            f"`{kind.name}` on {len(on)} qubits is too wide for Braket, which takes it as a matrix here",
            span=row.span,
            label=f"on {_WIDEST} at most",
            help='write it with fewer controls, or run the kernel on the built-in engine: `engine="native"`',
        )
    rows = big_endian(kind.matrix(*map(float, angles))).tolist()
    text = ", ".join(f"[{', '.join(map(_complex, row))}]" for row in rows)
    return f"#pragma braket unitary([{text}]) {', '.join(on)}"


def _call(name: str, angles: Sequence[Angle], on: Sequence[str]) -> str:
    given = ", ".join(angle if isinstance(angle, str) else number(angle) for angle in angles)
    return f"{name}{f'({given})' if angles else ''} {', '.join(on)};".replace(" ;", ";")


def _complex(value: complex) -> str:
    return f"{value.real!r} {'-' if value.imag < 0 else '+'} {abs(value.imag)!r}im"


def _condition(value: Expr) -> str:
    """A condition over outcomes, which are numbers in Braket, as a polynomial of them."""
    return _polynomial(formula(value))


def _polynomial(value: Expr) -> str:
    match value:
        case Const(known):
            return str(int(known))
        case Apply("not", (operand,)):
            return f"(1 - {_polynomial(operand)})"
        case Apply(operator, operands):
            left, right = map(_polynomial, operands)
            both = f"{left} * {right}"
            return both if operator == "and" else f"({left} + {right} - {2 if operator == '^' else 1} * {both})"
    return f"b[{record_of(value)}]"
