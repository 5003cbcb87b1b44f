"""What measurements do not see."""

from __future__ import annotations

from dataclasses import replace

from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.ops import Block, Op
from qkernel.ir.places import Place, whole
from qkernel.ir.walk import walk
from qkernel.optimize.loops import meets_later, rises
from qkernel.optimize.passes import Pass
from qkernel.optimize.touches import Reading, Touch


@Pass
def drop_unmeasured(block: Block, reading: Reading) -> Block:
    """Gates go that are diagonal in the basis in which all their qubits are measured next."""
    kept: list[Op] = []
    read: list[Touch] = []
    for op in reversed(block):
        if _is_unseen(op, read, reading):
            continue
        if isinstance(op, ops.For):
            op = _without_last(op, read, reading)
        touches = reading.touches(op)
        kept.append(op)
        read = [
            entry
            for entry in read
            if all(touch.axis == entry.axis or reading.apart(touch.place, entry.place) for touch in touches)
        ]
        match op:
            case ops.Measure() | ops.Probabilities():
                read += touches
            case ops.Reset(place):
                read.append(Touch(place, "Z"))
    return tuple(reversed(kept))


def _without_last(loop: ops.For, read: list[Touch], reading: Reading) -> ops.For:
    """A loop without the gates that can as well be done behind it, and go there."""
    if not isinstance(loop.domain, ops.Range) or not rises(loop.domain) or reading.defines(loop):
        return loop
    (target,), kept = loop.targets, list[Op]()
    for op in reversed(loop.body):
        stays = not _is_unseen(op, read, reading) or not all(reading.commute(op, later) for later in kept)
        if stays or any(meets_later(later, op, target, target, reading) for later in loop.body):
            kept.append(op)
    return replace(loop, body=tuple(reversed(kept)))


def _is_unseen(op: Op, read: list[Touch], reading: Reading) -> bool:
    touches = reading.touches(op)
    return bool(touches) and _is_unitary(op, reading, set()) and all(_is_read(touch, read) for touch in touches)


def _is_read(touch: Touch, read: list[Touch]) -> bool:
    return any(touch.axis == entry.axis and _holds(entry.place, touch.place) for entry in read)


def _holds(place: Place, part: Place) -> bool:
    """Whether `part` certainly lies in `place`: it is all of it, or `place` is its whole register."""
    if place == part or (isinstance(part.register, str) and place == whole(part.register)):
        return True
    return place.is_all and any(_holds(piece, part) for piece in place.pieces)


def _is_unitary(op: Op, reading: Reading, within: set[str]) -> bool:
    """Whether `op` is made of gates, all of which are known."""
    if reading.defines(op):
        return False
    match op:
        case ops.Gate(gate):
            return gate in GATES
        case ops.PauliEvolve():
            return True
        case ops.Call(callee):
            function = reading.module[callee]
            if function.kind == "oracle" or function.has_forms or callee in within:
                return False
            return all(_is_unitary(inner, reading, within | {callee}) for inner in function.body)
        case ops.For() | ops.If() | ops.Within():
            return all(_is_unitary(inner, reading, within) for inner in walk((op,)) if inner is not op)
    return False
