"""Rotations: merged where angles add up, and gone where they are 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.expressions import ZERO, Const, Expr
from qkernel.ir.ops import Block, Op
from qkernel.ir.types import is_number
from qkernel.observable import Hamiltonian
from qkernel.optimize.inverses import are_of_one_kind, plain
from qkernel.optimize.linear import added, is_zero
from qkernel.optimize.passes import Pass, met
from qkernel.optimize.touches import Reading

_NOTHING = 1e-14


@Pass
def merge_rotations(block: Block, reading: Reading) -> Block:
    """The angles of equal rotations add up, numbers and symbols, also where gates stand between that commute with them."""
    done: list[Op] = []
    for op in block:
        merged = _with_earlier(op, done, reading) if _turns(op) else op
        if merged is not None:
            done.append(merged)
    return tuple(done)


def _turns(op: Op) -> bool:
    """Whether `op` has one angle, of which that of the same op after it can be added."""
    match op:
        case ops.Gate(gate, _, (angle,)) if gate in GATES:
            return is_number(angle.type)
        case ops.PauliEvolve(_, Const(Hamiltonian() as known)):
            return len(known.commuting_groups()) < 2
    return False


def _with_earlier(op: Op, done: list[Op], reading: Reading) -> Op | None:
    """`op` with what is done before it along the same axis, which is taken out of `done`; None where nothing is left."""
    assert isinstance(op, ops.Gate | ops.PauliEvolve)
    found = plain(op)
    for position in met(done, op, reading):
        earlier = done[position]
        if type(earlier) is not type(op) or not _turns(earlier):
            continue
        assert isinstance(earlier, ops.Gate | ops.PauliEvolve)
        total = _sum(plain(earlier), found)
        if total is not None:
            del done[position]
            return None if _is_idle(total) else total
    return op


def _sum(first: Op, second: Op) -> Op | None:
    """Two ops along one axis as one, if they are such."""
    match first, second:
        case ops.Gate(_, _, (one,)), ops.Gate(_, _, (other,)) if are_of_one_kind(first, second):
            return replace(second, angles=(added(one, other),))
        case ops.PauliEvolve(place, observable), ops.PauliEvolve(same, other) if (place, observable) == (same, other):
            left, right = _without_adjoint(first), _without_adjoint(second)
            if left.modifiers == right.modifiers:
                return replace(right, time=added(left.time, right.time))
    return None


def _without_adjoint(op: ops.PauliEvolve) -> ops.PauliEvolve:
    """`op`, whose terms commute, backwards in time instead of inverted."""
    others = tuple(modifier for modifier in op.modifiers if not isinstance(modifier, ops.Adjoint))
    return op if len(others) == len(op.modifiers) else replace(op, modifiers=others, time=-op.time)


def _is_idle(op: Op) -> bool:
    """Whether `op` does nothing, whatever its names stand for."""
    match op:
        case ops.Gate(modifiers=modifiers) | ops.Call(modifiers=modifiers) if any(map(_is_no_power, modifiers)):
            return True
        case ops.Gate("id"):
            return True
        case ops.Gate(gate, _, angles) if gate in GATES and angles:
            return all(is_number(angle.type) for angle in angles) and _is_identity(gate, angles)
        case ops.PauliEvolve(time=time):
            return is_zero(time)
    return False


def _is_no_power(modifier: ops.Modifier) -> bool:
    return isinstance(modifier, ops.Power) and modifier.exponent is ZERO


def _is_identity(gate: str, angles: tuple[Expr, ...]) -> bool:
    if len(angles) == 1 and is_zero(angles[0]):
        return True
    if not all(isinstance(angle, Const) for angle in angles):
        return False
    matrix = GATES[gate].matrix(*(float(angle.value) for angle in angles if isinstance(angle, Const)))
    return bool(np.allclose(matrix, np.eye(len(matrix)), atol=_NOTHING, rtol=0))


@Pass
def drop_idle(block: Block, reading: Reading) -> Block:
    """What does nothing goes: rotations by 0 or by whole periods, `id`, powers 0, loops, branches and calls without a body."""
    return tuple(op for op in block if not (_is_idle(op) or _is_empty(op, reading)))


def _is_empty(op: Op, reading: Reading) -> bool:
    """Whether there is nothing left in what `op` runs."""
    if reading.defines(op):
        return False
    match op:
        case ops.For(_, ops.Range(Const(start), Const(stop), Const(step)), body):
            return not body or (step != 0 and not range(start, stop, step))
        case ops.For(body=body) | ops.Within(body=body):
            return not body
        case ops.If(_, then, otherwise):
            return not then and not otherwise
        case ops.Call(callee):
            function = reading.module[callee]
            return function.kind != "oracle" and not function.body and not function.has_forms
    return False
