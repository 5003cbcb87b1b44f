"""What undoes what: pairs that cancel, blocks of the form U V U^-1, and controls that only V needs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import combinations

import numpy as np

from qkernel.gates import GATES
from qkernel.ir import ops
from qkernel.ir.expressions import Expr
from qkernel.ir.ops import Block, Op
from qkernel.ir.places import Place
from qkernel.ir.types import is_number
from qkernel.optimize.linear import are_same
from qkernel.optimize.passes import REACH, Pass, met
from qkernel.optimize.touches import Reading

Invertible = ops.Gate | ops.Call | ops.PauliEvolve


def plain(op: Invertible) -> Invertible:
    """`op` with its adjoints as one or none; a gate without vectors of angles as the gate that it then is."""
    others = tuple(modifier for modifier in op.modifiers if not isinstance(modifier, ops.Adjoint))
    if len(op.modifiers) == len(others):
        return op
    if (len(op.modifiers) - len(others)) % 2 == 0:
        return replace(op, modifiers=others)
    if not isinstance(op, ops.Gate) or not all(is_number(angle.type) for angle in op.angles):
        return replace(op, modifiers=(*others, ops.Adjoint()))
    if op.matrix is not None:
        rows = zip(*op.matrix, strict=True)
        return replace(op, modifiers=others, matrix=tuple(tuple(entry.conjugate() for entry in row) for row in rows))
    rule = GATES.get(op.gate)
    if rule is None:
        return replace(op, modifiers=others)
    return replace(op, gate=rule.adjoint, angles=tuple(-op.angles[k] for k in rule.adjoint_order), modifiers=others)


def inverse(op: Invertible) -> Invertible:
    """What undoes `op`."""
    return plain(replace(op, modifiers=(*op.modifiers, ops.Adjoint())))


def are_alike(left: Op, right: Op, reading: Reading) -> bool:
    """Whether two ops of one block, `plain` both, do the same to the same qubits."""
    match left, right:
        case ops.Gate(), ops.Gate():
            return are_of_one_kind(left, right) and all(map(are_same, left.angles, right.angles))
        case ops.Call(), ops.Call():
            return (
                left.callee == right.callee
                and left.modifiers == right.modifiers
                and not reading.module[left.callee].has_forms
                and not any(left.results)
                and not any(right.results)
                and all(map(_are_same, left.arguments, right.arguments))
            )
        case ops.PauliEvolve(), ops.PauliEvolve():
            same = left.place == right.place and left.modifiers == right.modifiers
            return same and left.observable is right.observable and are_same(left.time, right.time)
    return False


def _are_same(left: Expr | Place, right: Expr | Place) -> bool:
    if isinstance(left, Expr) and isinstance(right, Expr):
        return are_same(left, right)
    return left == right


def are_of_one_kind(left: ops.Gate, right: ops.Gate) -> bool:
    """Whether two gates are the same but for their angles."""
    if left.gate != right.gate or left.gate == "barrier" or left.modifiers != right.modifiers:
        return False
    if left.matrix != right.matrix and not np.allclose(left.matrix, right.matrix, atol=1e-14, rtol=0):  # type: ignore[arg-type]
        return False
    if left.places == right.places:
        return True
    pairs = [*zip(left.places, right.places, strict=True)]
    moved = [k for k, (one, other) in enumerate(pairs) if one != other]
    if len(moved) != 2 or left.gate not in GATES:
        return False
    first, second = moved
    return (first, second) in interchangeable(left.gate) and pairs[first] == pairs[second][::-1]


@cache
def interchangeable(gate: str) -> frozenset[tuple[int, int]]:
    """The pairs of a gate's qubits that may change places."""
    rule, found = GATES[gate], set()
    matrix = rule.matrix(*np.arange(1, len(rule.angles) + 1) * 0.7)
    for first, second in combinations(range(rule.num_qubits), 2):
        axes = [*range(2 * rule.num_qubits)]
        for start in (0, rule.num_qubits):  # the axes of a little-endian matrix count from its last qubit
            one, other = start + rule.num_qubits - 1 - first, start + rule.num_qubits - 1 - second
            axes[one], axes[other] = axes[other], axes[one]
        tensor = matrix.reshape((2,) * (2 * rule.num_qubits))
        if np.allclose(tensor.transpose(axes), tensor):
            found.add((first, second))
    return frozenset(found)


@Pass
def cancel_inverses(block: Block, reading: Reading) -> Block:
    """Gates, evolutions and calls go that undo each other, next to each other or with only such between as commute."""
    done: list[Op] = []
    for op in block:
        if isinstance(op, ops.Within) and done and (joined := _joined(done[-1], op, reading)):
            done[-1] = joined
            continue
        partner = None
        if isinstance(op, Invertible):
            wanted = inverse(op)
            partner = next(
                (
                    position
                    for position in met(done, op, reading)
                    if isinstance(earlier := done[position], Invertible) and are_alike(plain(earlier), wanted, reading)
                ),
                None,
            )
        if partner is None:
            done.append(op)
        else:
            del done[partner]
    return tuple(done)


def _joined(first: Op, second: ops.Within, reading: Reading) -> Op | None:
    """Two ops done within the same as one."""
    if not isinstance(first, ops.Within) or reading.defines(first.setup[0]):
        return None
    are_undone = are_alike(inverse(first.undo), inverse(second.undo), reading)
    return replace(first, body=(*first.body, *second.body)) if are_undone else None


@Pass
def find_within(block: Block, reading: Reading) -> Block:
    """U V U^-1, U a gate or a call, becomes a `within_apply`: where all of it is controlled, only V is."""
    done: list[Op] = []
    for op in block:
        start = _opening(done, op, reading)
        if start is None:
            done.append(op)
            continue
        setup, body = done[start], done[start + 1 :]
        before, after = list[Op](), list[Op]()
        while body and reading.commute(body[0], setup):
            before.append(body.pop(0))
        while body and reading.commute(body[-1], setup):
            after.insert(0, body.pop())
        done[start:] = [*before, *([ops.Within((setup,), tuple(body), setup.span)] if body else []), *after]
    return tuple(done)


def _opening(done: list[Op], op: Op, reading: Reading) -> int | None:
    """Where the last op stands that `op` undoes, if nothing behind it makes anything."""
    if not isinstance(op, ops.Gate | ops.Call):
        return None
    wanted = inverse(op)
    for position in range(len(done) - 1, max(-1, len(done) - 1 - REACH), -1):
        earlier = done[position]
        if isinstance(earlier, ops.Gate | ops.Call) and are_alike(plain(earlier), wanted, reading):
            return position
        if reading.defines(earlier) or not _is_unitary(earlier):
            return None
    return None


def _is_unitary(op: Op) -> bool:
    return not isinstance(op, ops.Reset | ops.Prepare | ops.While)


@Pass
def hoist_controls(block: Block, reading: Reading) -> Block:
    """What is done and undone around ops that all have one control does without that control."""
    return tuple(_uncontrolled(op, reading) if isinstance(op, ops.Within) else op for op in block)


def _uncontrolled(op: ops.Within, reading: Reading) -> ops.Within:
    """`op` with no more controls of its setup than are needed."""
    (setup,) = op.setup
    assert isinstance(setup, ops.Gate | ops.Call)
    if reading.defines(setup):
        return op
    for control in controls(setup):
        bare = _without(setup, control)
        changes = any(
            touch.axis != "Z" and not reading.apart(touch.place, control) for part in op.body for touch in reading.touches(part)
        )
        if not changes and all(control in controls(part) or reading.commute(part, bare) for part in op.body):
            return _uncontrolled(replace(op, setup=(bare,)), reading)
    return op


def controls(op: Op) -> tuple[Place, ...]:
    """The places whose qubits must all be 1 for `op` to do anything."""
    match op:
        case ops.Within(body=inside) | ops.For(body=inside):
            return _common(inside)
        case ops.If(_, then, otherwise):
            return _common((*then, *otherwise))
    if not isinstance(op, Invertible):
        return ()
    own: tuple[Place, ...] = ()
    if isinstance(op, ops.Gate) and op.gate in GATES and all(place.length is None for place in op.places):
        own = op.places[: GATES[op.gate].controls]
    return (*own, *(place for modifier in op.modifiers if _is_plain(modifier) for place in modifier.places))  # type: ignore[union-attr]


def _common(block: Block) -> tuple[Place, ...]:
    """The controls that all ops of a block have."""
    found = [controls(op) for op in block]
    return tuple(place for place in found[0] if all(place in others for others in found)) if found else ()


def _is_plain(modifier: ops.Modifier) -> bool:
    return isinstance(modifier, ops.Control) and modifier.value is None and modifier.count is None


def _without(op: ops.Gate | ops.Call, control: Place) -> ops.Gate | ops.Call:
    """`op` where it does not matter what `control` holds."""
    if isinstance(op, ops.Gate) and op.gate in GATES and control in op.places[: GATES[op.gate].controls]:
        rule, position = GATES[op.gate], op.places.index(control)
        fewer = next(name for name, other in GATES.items() if (other.base, other.controls) == (rule.base, rule.controls - 1))
        return replace(op, gate=fewer, places=(*op.places[:position], *op.places[position + 1 :]))
    modifiers = []
    for modifier in op.modifiers:
        if isinstance(modifier, ops.Control) and _is_plain(modifier) and control in modifier.places:
            modifier = replace(modifier, places=tuple(place for place in modifier.places if place != control))
        if not isinstance(modifier, ops.Control) or modifier.places:
            modifiers.append(modifier)
    return replace(op, modifiers=tuple(modifiers))
