"""A program as text: what each step does, what it costs, and why it is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qkernel.diagnostics import counted
from qkernel_backends.native import layout
from qkernel_backends.native.encode import Program
from qkernel_backends.plan import Plan
from qkernel_backends.plan.operations import Affine, Dense, Flip, Load, Operation, PauliRotation, Phases, Rotation

# One thread of a machine of 2023, measured: operations on single numbers, its caches, its memory, and the way in and out.
_GIGAFLOPS = 60.0
_GIGABYTES_OF_CACHE = 85.0
_GIGABYTES_OF_MEMORY = 8.0
_CALL = 8e3
_GRADIENT = 2.9
"""A gradient in forward runs: state and co-state go back together, and every angle's slope is read on the way."""


def explain(plan: Plan, program: Program, batch: int) -> str:
    """The steps of a program, with bytes moved and operations for the whole batch, forwards."""
    chunks = -(-batch >> program.lane_bits)
    state = program.state_bytes * chunks
    amplitudes = chunks << (plan.num_qubits + program.lane_bits)
    lines = [
        f"{counted(plan.num_qubits, 'qubit')}{_left_out(plan)}, {counted(batch, 'sample')}, "
        f"room for {1 << program.lane_bits} side by side in each vector",
        f"workspace {_size(program.bytes)}, of it {_size(2 * program.state_bytes)} for state and co-state",
        f"start: product state of {counted(len(plan.start.rotations), 'rotated qubit')}, written directly",
    ]
    num_steps, moved, flops = 0, state, 8.0 * amplitudes
    nanoseconds, gigaflops = _CALL + state / _GIGABYTES_OF_CACHE, _GIGAFLOPS * 4 / program.dtype.itemsize
    every = (*plan.start.rotations, *plan.operations)
    for number, (at, blocks, _) in enumerate(program.passes):
        if blocks > 1:
            lines.append(f"pass {number + 1} of {len(program.passes)} over the state in memory, in {blocks} blocks:")
            nanoseconds += 2 * state / _GIGABYTES_OF_MEMORY
        anew = _made_anew(program, at)
        for kind, numbers in program.steps.of_pass(number):
            text, operations, share = _told(kind, [every[op] for op in numbers], plan, anew)
            num_steps, moved, flops = num_steps + 1, moved + int(2 * share * state), flops + operations * amplitudes
            nanoseconds += max(operations * amplitudes / gigaflops, 2 * share * state / _GIGABYTES_OF_CACHE)
            lines.append(f"{num_steps:4}  {text}: {_size(int(2 * share * state))}, {operations * amplitudes / 1e6:.3g} Mflop")
    groups = len({x for x, _ in plan.readout.words})
    lines.append(
        f"readout: {counted(len(plan.readout.sums), 'value')} of {counted(len(plan.readout.words), 'Pauli word')} "
        f"in {counted(groups, 'sweep')}"
    )
    lines.append(
        f"in all {num_steps} steps for {counted(len(plan.operations), 'operation')}, "
        f"{_size(moved)} through the cache, {flops / 1e6:.3g} Mflop"
    )
    forwards, gradient = nanoseconds / 1e6, _GRADIENT * nanoseconds / 1e6
    lines.append(f"predicted {forwards:.3g} ms forwards, {gradient:.3g} ms with gradient, on one thread")
    return "\n".join(lines)


def _told(kind: int, operations: list[Any], plan: Plan, anew: Iterator[bool]) -> tuple[str, float, float]:
    """What a step does and why; operations per amplitude; the share of the state that it touches."""
    match kind:
        case layout.LOW_ROTATIONS | layout.PAIR:
            qubits = f"qubit{'s' * (len(operations) > 1)} " + ", ".join(str(rotation.qubit) for rotation in operations)
            how = "inside a vector, all at once" if kind == layout.LOW_ROTATIONS else "two at a time"
            return f"RY on {qubits} ({how}; real, its Z angles are in the phases around it)", 6.0 * len(operations), 1.0
        case layout.LOW_FLIPS:
            return f"{len(operations)} flips (inside a vector, all at once)", 0.0, 1.0
        case layout.MOVE:
            return f"{len(operations)} flips (one exchange of whole vectors)", 0.0, 1.0
    return _told_alone(operations[0], plan, anew)


def _told_alone(operation: Operation, plan: Plan, anew: Iterator[bool]) -> tuple[str, float, float]:
    share = 0.5 ** getattr(operation, "controls", 0).bit_count()
    match operation:
        case Rotation(qubit, factors, controls):
            names = "·".join("R" + "XYZ"[axis] for axis, _ in reversed(factors))
            behind = f" with {counted(controls.bit_count(), 'control')}" if controls else ""
            why = "real, its Z angles are in the phases around it" if names == "RY" and not controls else "one run on a qubit"
            return f"{names} on qubit {qubit}{behind} ({why})", (6.0 if names in ("RX", "RY") else 14.0) * share, share
        case Phases(terms):
            when = "anew each time it is used" if next(anew) else _how_often(terms, plan)
            return f"{counted(len(terms), 'phase')} (from a table made {when})", 6.0, 1.0
        case Flip(qubit, controls):
            return f"flip of qubit {qubit} with {counted(controls.bit_count(), 'control')} (an exchange)", 0.0, share
        case PauliRotation(x, z):
            return f"rotation about a Pauli word on {(x | z).bit_count()} qubits", 8.0 * share, share
        case Load(qubits):
            return f"state of {counted(len(qubits), 'qubit')} from its amplitudes", 8.0 if operation.is_complex else 4.0, 1.0
        case Dense(qubits):
            return f"matrix on {len(qubits)} qubits", 8.0 * 2 ** len(qubits) * share, share


def _made_anew(program: Program, at: int) -> Iterator[bool]:
    """For each table of phases of the pass at `at` whether it is not kept; where steps have several all are."""
    code, begin = program.code, int(program.code[layout.OPS_AT])
    first, last = (begin + layout.OP_WIDTH * int(code[at + bound]) for bound in (layout.FIRST_OP, layout.LAST_OP))
    entries = code[first:last].reshape(-1, layout.OP_WIDTH)
    tables = entries[entries[:, layout.KIND] == layout.PHASES]
    return iter((tables[:, layout.STAGE] == layout.WHERE_USED).tolist())


def _how_often(terms: dict[int, Affine], plan: Plan) -> str:
    columns = {column for angle in terms.values() for column, _ in angle.terms}
    return "per sample" if columns & plan.batched else "once per call" if columns else "once"


def _left_out(plan: Plan) -> str:
    """What the plan's own numbers of qubits leave out."""
    places = {place: qubit for qubit, place in enumerate(plan.place) if place >= 0}
    if len(places) == len(plan.place):
        return ""
    kept = ", ".join(str(places[place]) for place in sorted(places))
    return f" of {len(plan.place)}, the others do not matter to what is read out (here 0, 1, ... are the circuit's {kept})"


def _size(count: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.3g} GiB"
