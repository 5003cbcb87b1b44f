"""Circuits with branches and loops as a list of steps, each with the number of the step that comes next."""

from __future__ import annotations

from dataclasses import dataclass

from qkernel.ir.expressions import Const, Expr, Key
from qkernel.lower.circuit import (
    BITS,
    INTEGERS,
    PASSIVE,
    Assign,
    Body,
    Branch,
    Circuit,
    Instruction,
    Repeat,
    Run,
    Variable,
    variables_read,
)
from qkernel.noise import Channel, NoiseModel, name_of
from qkernel_backends.native.rows import MOST_MERGED

_NEVER = Const(False)


@dataclass(frozen=True, slots=True)
class Collapse:
    """A measurement into `bit`, or a reset if that is None."""

    qubit: int
    bit: int | None = None


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What noise does to some qubits."""

    channel: Channel
    qubits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """Goes on with the next step where `condition` holds, else with `target`; at the head of `loop`, if any."""

    condition: Expr
    target: int
    loop: Repeat | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Qubits are back in 0, as a kernel promises."""

    instruction: Instruction


Step = tuple[Instruction, ...] | Collapse | Disturbance | Release | Assign | Test


def last_measurements(circuit: Circuit) -> tuple[tuple[int, int], ...]:
    """The (qubit, bit) pairs of the measurements with nothing behind them."""
    found: dict[int, int] = {}
    if circuit.body and isinstance(circuit.body[-1], Run):
        for instruction in reversed(list(circuit.instructions(circuit.body[-1]))):
            if instruction.kind.name in PASSIVE:
                continue
            if instruction.kind.name != "measure" or instruction.qubits[0] in found or instruction.bits[0] in found.values():
                break
            found[instruction.qubits[0]] = instruction.bits[0]
    return tuple(found.items())


def steps(circuit: Circuit, noise: NoiseModel | None = None) -> list[Step]:
    """What the circuit does, up to its last measurements. With noise no promise of a kernel is kept, and none is a step."""
    found, measured = _append(circuit, noise, circuit.body, []), len(last_measurements(circuit))
    while measured:  # behind them there are releases, and no gates
        at = max(k for k, step in enumerate(found) if isinstance(step, Collapse))
        del found[at]
        measured -= 1
    return found


def _append(circuit: Circuit, noise: NoiseModel | None, body: Body, steps: list[Step]) -> list[Step]:
    """Append the steps of `body`; targets are set when they are known."""
    for part in body:
        head = len(steps)
        match part:
            case Run():
                gates: list[Instruction] = []
                for instruction in circuit.instructions(part):
                    kind = instruction.kind
                    behind = _disturbances(instruction, noise)
                    ends: list[Step] = list(behind)
                    if kind.is_gate:
                        gates.append(instruction)
                    elif kind.promise:
                        ends = [Release(instruction)] if noise is None else []
                    elif kind.name != "barrier":
                        collapse = Collapse(instruction.qubits[0], *instruction.bits)
                        ends = [*behind, collapse] if instruction.bits else [collapse, *behind]
                    if ends:
                        steps += [tuple(gates), *ends] if gates else ends
                        gates = []
                if gates:
                    steps.append(tuple(gates))
            case Assign():
                steps.append(part)
            case Branch(condition, then, otherwise):
                steps.append(Test(condition, 0))
                _append(circuit, noise, then, steps)
                tail = len(steps)
                steps.append(Test(_NEVER, 0))
                _append(circuit, noise, otherwise, steps)
                steps[head], steps[tail] = Test(condition, tail + 1), Test(_NEVER, len(steps))
            case Repeat(condition, inner):
                steps.append(Test(condition, 0))
                _append(circuit, noise, inner, steps)
                steps.append(Test(_NEVER, head))
                steps[head] = Test(condition, len(steps), part)
    return steps


def _disturbances(instruction: Instruction, noise: NoiseModel | None) -> list[Disturbance]:
    if noise is None or instruction.kind.name in PASSIVE or not instruction.qubits:
        return []
    return [Disturbance(*entry) for entry in noise.behind(name_of(instruction.kind), instruction.qubits)]


def read_later(steps: list[Step]) -> list[tuple[list[int], list[int]]]:
    """For each step, and behind the last, the bits and the integers that are read from there on before they are written."""
    live: list[set[Variable]] = [set() for _ in range(len(steps) + 1)]
    changes = True
    while changes:  # loops go back, so that more may be read behind them than was known
        changes = False
        for at in range(len(steps) - 1, -1, -1):
            found = _read_from(steps[at], at, live)
            changes |= found != live[at]
            live[at] = found
    return [(_numbers(found, BITS.key), _numbers(found, INTEGERS.key)) for found in live]


def _numbers(variables: set[Variable], kind: Key) -> list[int]:
    return sorted(k for key, k in variables if key == kind)


def _read_from(step: Step, at: int, live: list[set[Variable]]) -> set[Variable]:
    match step:
        case Test(condition, target):
            return live[at + 1] | live[target] | variables_read(condition)
        case Assign(value=value):
            return live[at + 1] - {step.variable} | variables_read(value)
        case Collapse(_, bit) if bit is not None:
            return live[at + 1] - {(BITS.key, bit)}
    return live[at + 1]


def most_histories(steps: list[Step], amplitudes: int) -> list[int]:
    """For each step how many rows of a sample may come to it, if those with the same future are merged where that is done."""
    outcomes, result = 0, []
    for step, (bits, integers) in zip(steps, read_later(steps), strict=False):
        different = len(bits) if amplitudes <= MOST_MERGED and not integers else outcomes
        result.append(min(1 << outcomes, amplitudes << different))
        outcomes += isinstance(step, Collapse)
    return result
