"""Noisy instructions as few maps: what acts on the same one or two qubits is one block, whatever it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any

import numpy as np

from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import PASSIVE, Circuit, Instruction, Kind
from qkernel.noise import NoiseModel, name_of
from qkernel_backends.density.transfer import DEPHASED, RESET, Array, growth, of_channel, of_gate, of_one_angle
from qkernel_backends.plan import columns
from qkernel_backends.plan.columns import X, Y
from qkernel_backends.plan.operations import Affine
from qkernel_backends.plan.translate import rows_of

Qubits = tuple[int, ...]

_MOST_FUSED = 2
_WIDEST_GATE = 3
"""Qubits of a gate that is one block; others are turns about Pauli words."""
_WIDEST = 5
"""Qubits of a matrix that is one block."""
MOST_QUBITS = 12


@dataclass(frozen=True, eq=False)
class Constant:
    """A matrix, and by how much errors grow where it is undone."""

    matrix: Array
    growth: float = 1.0

    @cached_property
    def inverse(self) -> Array:
        """What undoes it; anything where nothing does."""
        return np.linalg.inv(self.matrix) if isfinite(self.growth) else self.matrix


@dataclass(frozen=True)
class Open:
    """A gate whose angle is that of a slot: the `number`-th occurrence of a form, see `transfer.of_gate`."""

    form: int
    number: int


@dataclass(frozen=True, eq=False)
class Part:
    """Factors on the same qubits, in time order."""

    qubits: Qubits
    factors: list[Constant | Open]


@dataclass(eq=False)
class Block:
    """Parts on a few qubits, in time order; those on other qubits commute."""

    qubits: Qubits
    parts: list[Part] = field(default_factory=list)

    def append(self, qubits: Qubits, factor: Constant | Open) -> None:
        """Behind all that is there."""
        for part in reversed(self.parts):
            if part.qubits == qubits:
                last = part.factors[-1]
                if isinstance(last, Constant) and isinstance(factor, Constant):
                    part.factors[-1] = Constant(factor.matrix @ last.matrix, factor.growth * last.growth)
                else:
                    part.factors.append(factor)
                return
            if not {*qubits}.isdisjoint(part.qubits):
                break
        self.parts.append(Part(qubits, [factor]))

    @property
    def factors(self) -> Iterator[Constant | Open]:
        return (factor for part in self.parts for factor in part.factors)

    @property
    def is_open(self) -> bool:
        """Whether it depends on angles."""
        return any(isinstance(factor, Open) for factor in self.factors)

    @property
    def growth(self) -> float:
        """By how much errors may grow where it is undone."""
        return float(np.prod([factor.growth for factor in self.factors if isinstance(factor, Constant)]))


@dataclass(frozen=True)
class Turn:
    """exp(-i a P / 2) for a word P on the qubits `x` (X), `z` (Z) and both (Y), a affine in the angles of slots."""

    x: int
    z: int
    angle: Affine

    @property
    def is_open(self) -> bool:
        return bool(self.angle.terms)

    growth = 1.0


@dataclass(frozen=True, eq=False)
class Form:
    """All gates of one kind: see `transfer.of_gate`; `slots` are those of their angles."""

    matrices: Array
    frequencies: tuple[float, ...]
    slots: list[int]


class Fusion:
    """Takes instructions in time order, and has `maps`: `noise` is put behind each, before each measurement."""

    def __init__(self, circuit: Circuit, noise: NoiseModel) -> None:
        self.circuit, self.noise = circuit, noise
        self.maps: list[Block | Turn] = []
        self.forms: list[Form] = []
        self._form_of: dict[Kind, int] = {}
        self._last: dict[int, Block] = {}

    def run(self, instructions: Iterable[Instruction]) -> None:
        for instruction in instructions:
            name, qubits = instruction.kind.name, instruction.qubits
            if name in PASSIVE:
                continue
            if name == "measure":
                self.channels(name, qubits)
                self.add(qubits, Constant(DEPHASED, float("inf")))
                continue
            if name == "reset":
                self.add(qubits, Constant(RESET, float("inf")))
            else:
                self.gate(instruction)
            self.channels(name_of(instruction.kind), qubits)

    def channels(self, name: str, qubits: Qubits) -> None:
        for channel, where in self.noise.behind(name, qubits) if qubits else ():
            self.require_width(len(where), channel.text)
            self.add(where, Constant(of_channel(channel), growth(channel)))

    def require_width(self, width: int, what: str) -> None:
        if width > _WIDEST:
            raise TargetCapabilityError(
                f"`{self.circuit.name}` has `{what}` on {width} qubits, too many for exact values with noise",
                help=f"write it as gates on {_WIDEST} qubits at most",
            )

    def gate(self, instruction: Instruction) -> None:
        kind = instruction.kind
        widest = _WIDEST_GATE if kind.word is None else _MOST_FUSED
        if kind.unitary is None and kind.num_qubits > widest:
            self.turns(instruction)
            return
        self.require_width(kind.num_qubits, name_of(kind))
        for part, qubits, slot in of_one_angle(instruction):
            matrices, frequencies = of_gate(part)
            if not frequencies:
                self.add(qubits, Constant(matrices[0]))
                continue
            assert slot is not None
            if part not in self._form_of:
                self._form_of[part] = len(self.forms)
                self.forms.append(Form(matrices, frequencies, []))
            number = self._form_of[part]
            self.forms[number].slots.append(slot)
            self.add(qubits, Open(number, len(self.forms[number].slots) - 1))

    def add(self, qubits: Qubits, factor: Constant | Open) -> None:
        """Into the block that acted last on all of these qubits, or into a new one, which takes in what acted on each."""
        if not qubits:
            return
        before = {id(block): block for block in map(self._last.get, qubits) if block is not None}
        if len(before) == 1 and all(qubit in self._last for qubit in qubits):
            (block,) = before.values()
            if {*qubits} <= {*block.qubits} and (len(block.qubits) <= _MOST_FUSED or isinstance(factor, Constant)):
                block.append(qubits, factor)
                return
        block = Block(qubits)
        for other in before.values():
            if len(other.qubits) == 1 and len(qubits) == _MOST_FUSED:
                block.parts += other.parts
                self.maps.remove(other)
        block.append(qubits, factor)
        self.maps.append(block)
        self._last |= dict.fromkeys(qubits, block)

    def turns(self, instruction: Instruction) -> None:
        """A wide gate by Pauli words."""
        for row in rows_of(instruction.kind).rows:
            for x, z, angle in _words(row, instruction.slots):
                self.maps.append(Turn(_placed(x, instruction.qubits), _placed(z, instruction.qubits), angle))
        for qubit in instruction.qubits:
            self._last.pop(qubit, None)


def _placed(mask: int, qubits: Qubits) -> int:
    return sum(1 << qubit for k, qubit in enumerate(qubits) if mask >> k & 1)


def _words(row: tuple[Any, ...], slots: tuple[int, ...]) -> Iterator[tuple[int, int, Affine]]:
    """What a kind of gate does, see `KindRows`, as exp(-i a P / 2), but for a global phase: (x, z, a) for each."""
    kind, x, z, controls, value, slot, factor, offset = row
    angle = Affine(2.0 * offset, ((slots[slot], 2.0 * factor),) if slot >= 0 else ())
    match kind:
        case columns.PHASES:
            if x:
                yield 0, x, angle.scaled(-1.0)
        case columns.ROTATION:
            yield from _controlled(x if z in (X, Y) else 0, 0 if z == X else x, angle, controls, value)
        case columns.PAULI:
            yield from _controlled(x, z, angle, controls, value)
        case columns.FLIP:  # X = exp(-i pi/2 (X - 1)), which gives its controls a phase
            yield from _controlled(x, 0, Affine(np.pi), controls, value)
            yield from _controlled(0, 0, Affine(-np.pi), controls, value)
        case _:
            raise AssertionError("matrices are blocks")


def _controlled(x: int, z: int, angle: Affine, controls: int, value: int) -> Iterator[tuple[int, int, Affine]]:
    """exp(-i a P / 2) where the controls hold: words of Z on each subset of them, all of which commute."""
    for subset, sign in _subsets(controls, value):
        if x | z | subset:
            yield x, z | subset, angle.scaled(sign / (1 << controls.bit_count()))


@lru_cache(maxsize=256)
def _subsets(controls: int, value: int) -> tuple[tuple[int, float], ...]:
    found = [(0, 1.0)]
    while controls:
        bit = controls & -controls
        controls ^= bit
        found += [(subset | bit, -sign if value & bit else sign) for subset, sign in found]
    return tuple(found)
