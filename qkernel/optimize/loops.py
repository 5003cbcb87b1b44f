"""Loops one after another that can run as one."""

from __future__ import annotations

from dataclasses import replace

from qkernel.ir import ops
from qkernel.ir.expressions import Const, Expr, Name
from qkernel.ir.ops import Block, Op
from qkernel.ir.places import Place
from qkernel.ir.trees import substitute
from qkernel.ir.types import UINT
from qkernel.ir.walk import definitions, walk, with_values
from qkernel.optimize.linear import linear
from qkernel.optimize.passes import Pass
from qkernel.optimize.touches import Reading


@Pass
def fuse_loops(block: Block, reading: Reading) -> Block:
    """Loops over one range, one after the other, become one where their iterations commute."""
    done: list[Op] = []
    for op in block:
        fused = _both(done[-1], op, reading) if done else None
        if fused is None:
            done.append(op)
        else:
            done[-1] = fused
    return tuple(done)


def _both(first: Op, second: Op, reading: Reading) -> ops.For | None:
    """Two loops as one, where no iteration of the second one cares for later ones of the first."""
    if not (isinstance(first, ops.For) and isinstance(second, ops.For)) or first.carried or second.carried:
        return None
    if not isinstance(first.domain, ops.Range) or first.domain != second.domain or not rises(first.domain):
        return None
    (target,), (other,) = first.targets, second.targets
    if any(reading.defines(op) or isinstance(op, ops.While) for op in (*first.body, *second.body)):
        return None
    if target in _names_in(second, reading) or other in _names_in(first, reading):
        return None
    if any(meets_later(op, later, target, other, reading) for op in first.body for later in second.body):
        return None
    index: dict[str, Expr] = {other: Name(target, UINT)}
    return replace(first, body=(*first.body, *with_values(second.body, lambda expr: substitute(expr, index))))


def rises(domain: ops.Range) -> bool:
    """Whether each value of a range is larger than the one before."""
    return isinstance(domain.step, Const) and domain.step.value > 0


def _names_in(loop: ops.For, reading: Reading) -> set[str]:
    """The names that are defined within a loop."""
    inside = {name for op in walk(loop.body) for name, _ in definitions(op, reading.returns)}
    return inside.union(*(op.targets for op in walk(loop.body) if isinstance(op, ops.For)))


def meets_later(first: Op, second: Op, target: str, other: str, reading: Reading) -> bool:
    """Whether `first`, where `target` is larger than `other` of `second`, may touch qubits of that along another axis."""
    return any(
        not (one.axis is not None and one.axis == two.axis) and not _apart_later(one.place, two.place, target, other, reading)
        for one in reading.touches(first)
        for two in reading.touches(second)
    )


def _apart_later(first: Place, second: Place, target: str, other: str, reading: Reading) -> bool:
    """Whether places of two loops share no qubit where `target`, of the first one, is larger than `other`."""
    moved = f"{other}'"  # no name of a user's
    second = second.changed(lambda expr: substitute(expr, {other: Name(moved, UINT)}))
    if reading.apart(first, second):
        return True
    if first.pieces or second.pieces or first.length is not None or second.length is not None:
        return False
    offset = linear(first.start - second.start)
    scale, shift = offset.get(Name(target, UINT), 0), offset.get(None, 0)
    if not scale or {*offset} - {None} != {Name(target, UINT), Name(moved, UINT)} or offset[Name(moved, UINT)] != -scale:
        return False
    return bool(shift % scale) or shift / scale >= 0  # scale * (target - other) + shift is not 0
