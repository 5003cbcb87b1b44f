"""What the machine does in one step: several operations of a plan at once where its kernels can."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from qkernel_backends.native import layout
from qkernel_backends.native.passes import Pass
from qkernel_backends.plan.operations import Dense, Flip, Load, Operation, PauliRotation, Phases, Rotation, X, Y

_ALONE = {
    Rotation: layout.ROTATION,
    Phases: layout.PHASES,
    Flip: layout.FLIP,
    PauliRotation: layout.PAULI,
    Dense: layout.DENSE,
    Load: layout.LOAD,
}


@dataclass(frozen=True, slots=True)
class Step:
    """`operations`, done by the kernel `kind`, one of those that `layout` lists."""

    kind: int
    operations: tuple[Any, ...]


def steps(block: Pass, lane_bits: int, vector_bits: int) -> list[Step]:
    """The steps of a pass, for 2**lane_bits samples side by side and vectors of 2**vector_bits numbers."""
    result: list[Step] = []
    for kind, run in groupby(block.operations, _worth_grouping):
        operations: list[Any] = list(run)
        if kind is Rotation:
            result += _rotations(operations, block, lane_bits, vector_bits)
        elif kind is Flip:
            result += _flips(operations, block, lane_bits, vector_bits)
        else:
            result += [Step(_ALONE[type(operation)], (operation,)) for operation in operations]
    return result


def about(rotation: Rotation) -> int:
    """The axis of a rotation whose matrix is real, or real and imaginary; else 0."""
    if len(rotation.factors) != 1:
        return 0
    return {X: layout.ABOUT_X, Y: layout.ABOUT_Y}.get(rotation.factors[0][0], 0)


def _worth_grouping(operation: Operation) -> type[Operation] | None:
    if isinstance(operation, Rotation) and not operation.controls and about(operation) == layout.ABOUT_Y:
        return Rotation
    return Flip if isinstance(operation, Flip) else None


def _rotations(operations: list[Rotation], block: Pass, lane_bits: int, vector_bits: int) -> list[Step]:
    """Rotations about Y: those of the bits inside a vector at once, the others two by two."""
    result: list[Step] = []
    place: dict[int, Rotation] = {}
    for operation in operations:
        bit = block.place[operation.qubit + lane_bits]
        if bit in place:
            result += _of_bits(place, vector_bits)
            place = {}
        place[bit] = operation
    return result + _of_bits(place, vector_bits)


def _of_bits(place: dict[int, Rotation], vector_bits: int) -> list[Step]:
    low = tuple(place[bit] for bit in sorted(place) if bit < vector_bits)
    high = [place[bit] for bit in sorted(place) if bit >= vector_bits]
    result = [Step(layout.LOW_ROTATIONS, low)] if low else []
    result += [Step(layout.PAIR, pair) for pair in zip(high[::2], high[1::2], strict=False)]
    return result + [Step(layout.ROTATION, (last,)) for last in high[len(high) & ~1 :]]


def _flips(operations: list[Flip], block: Pass, lane_bits: int, vector_bits: int) -> list[Step]:
    """Neighbours that move whole vectors as one exchange; ascending ones inside a vector at once."""
    result: list[Step] = []
    together: list[Flip] = []
    kind = last = -1
    for operation in operations:
        controls, bit = operation.controls << lane_bits, block.place[operation.qubit + lane_bits]
        inside = block.inside(controls)
        within = inside & ((1 << vector_bits) - 1)
        if bit < vector_bits:
            joins = layout.LOW_FLIPS if inside == within else layout.FLIP
        else:
            joins = layout.FLIP if within else layout.MOVE
        if block.outside(controls):
            joins = layout.FLIP
        if together and (joins != kind or joins == layout.FLIP or (joins == layout.LOW_FLIPS and bit <= last)):
            result.append(_step(kind, together))
            together = []
        together.append(operation)
        kind, last = joins, bit
    return [*result, _step(kind, together)]


def _step(kind: int, flips: list[Flip]) -> Step:
    return Step(kind if len(flips) > 1 else layout.FLIP, tuple(flips))
