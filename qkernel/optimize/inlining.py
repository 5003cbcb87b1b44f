"""Calls as what they do, so that passes see across the borders of kernels."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from qkernel.ir import ops
from qkernel.ir.expressions import Expr, Name
from qkernel.ir.identifiers import fresh
from qkernel.ir.ops import Block, Op
from qkernel.ir.places import Place, whole
from qkernel.ir.trees import substitute
from qkernel.ir.types import QUBIT, UINT, ArrayType, is_number, is_quantum
from qkernel.ir.walk import operands, walk, with_blocks, with_values
from qkernel.optimize.inverses import inverse
from qkernel.optimize.passes import Pass
from qkernel.optimize.touches import Reading

_LARGEST = 16
"""Ops of a kernel that takes the place of its calls."""


@Pass
def inline(block: Block, reading: Reading) -> Block:
    """Calls of small kernels, plain or inverted, on single qubits and whole registers become what these do."""
    done: list[Op] = []
    for op in block:
        inside = _inside(op, reading) if isinstance(op, ops.Call) else None
        done += (op,) if inside is None else inside
    return tuple(done)


def _inside(call: ops.Call, reading: Reading) -> Block | None:
    """What `call` does, in the caller's names; None where it stays a call.

    Parts of registers are not passed on: that a kernel stays inside of them is what its call checks, as it does that its
    qubits are different ones.
    """
    function = reading.module[call.callee]
    if function.kind != "kernel" or function.has_forms or any(call.results):
        return None
    is_inverted = call.modifiers == (ops.Adjoint(),)
    if (call.modifiers and not is_inverted) or not _is_small(function.body, not is_inverted):
        return None
    places = [given for given in call.arguments if isinstance(given, Place)]
    if not all(reading.apart(one, other) for one, other in combinations(places, 2)):
        return None
    qubits, registers, values = dict[str, Place](), dict[str, str](), dict[str, Expr]()
    for parameter, given in zip(function.parameters, call.arguments, strict=True):
        match given:
            case Place(str(register)) if given.length is None and parameter.type == QUBIT:
                qubits[parameter.name] = given
            case Place(str(register)) if given == whole(register) and parameter.length is None and is_quantum(parameter.type):
                registers[parameter.name] = register
                values[parameter.name] = Name(register, ArrayType(QUBIT))
            case Expr() if given.type == parameter.type and (is_number(given.type) or isinstance(given, Name)):
                values[parameter.name] = given
            case _:
                return None
    taken = set(reading.names)
    for target in dict.fromkeys(target for op in walk(function.body) if isinstance(op, ops.For) for target in op.targets):
        values[target] = Name(fresh(target, taken), UINT)

    def moved(place: Place) -> Place:
        assert isinstance(place.register, str)
        return qubits.get(place.register) or replace(place, register=registers[place.register])

    body: Block = with_values(function.body, lambda expr: substitute(expr, values), moved)
    body = tuple(_renamed(op, values) for op in body)
    return tuple(inverse(op) for op in reversed(body)) if is_inverted else body  # type: ignore[arg-type]


def _is_small(body: Block, is_plain: bool) -> bool:
    """Whether a body is made of a few gates and evolutions, if called plainly in blocks too, on places of one register each."""

    def is_known(op: Op) -> bool:
        match op:
            case ops.Gate() | ops.PauliEvolve():
                return True
            case ops.For(domain=ops.Range(), carried=()) | ops.Within():
                return is_plain
        return False

    inside = list(walk(body))
    places = (value for op in inside for value in operands(op) if isinstance(value, Place))
    return len(inside) <= _LARGEST and all(map(is_known, inside)) and not any(place.pieces for place in places)


def _renamed(op: Op, values: dict[str, Expr]) -> Op:
    """`op` with its own loops' targets renamed."""
    op = with_blocks(op, lambda block: tuple(_renamed(inner, values) for inner in block))
    if not isinstance(op, ops.For):
        return op
    return replace(op, targets=tuple(values[target].name for target in op.targets))  # type: ignore[attr-defined]
