"""Measurements straight into the bits that take over their outcomes, for targets that cannot copy a bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from qkernel.ir.expressions import Const, Item, SystemName
from qkernel.lower.circuit import BITS, Assign, Body, Branch, Circuit, Repeat, Run, bits_read, parts

Part = Run | Branch | Repeat | Assign


def measured_in_place(circuit: Circuit) -> Circuit:
    """`circuit` without assignments of bits that are measured for nothing else, as `while` has of one that is measured anew."""
    read = Counter(bit for output in circuit.outputs for bit in bits_read(output))
    written: Counter[int] = Counter()
    for part in parts(circuit.body):
        read.update(_reads(part))
        written.update(_writes(part))
    alone = {bit for bit, times in read.items() if times == written[bit] == 1}
    return replace(circuit, body=_in_place(circuit.body, alone)) if alone else circuit


def _in_place(body: Body, alone: set[int]) -> Body:
    made: list[Part] = []
    for part in body:
        match part:
            case Branch(_, then, otherwise):
                made.append(replace(part, then=_in_place(then, alone), otherwise=_in_place(otherwise, alone)))
            case Repeat(_, inner):
                made.append(replace(part, body=_in_place(inner, alone)))
            case Assign(Item(SystemName(to), (Const(int(target)),)), Item(SystemName(key), (Const(int(bit)),))) if (
                to == key == BITS.key and bit in alone and _redirect(made, bit, target)
            ):
                pass
            case _:
                made.append(part)
    return tuple(made)


def _redirect(made: list[Part], bit: int, target: int) -> bool:
    """Have the last measurement into `bit` go to `target`, if it is in this body and nothing after it touches `target`."""
    for at in range(len(made) - 1, -1, -1):
        part = made[at]
        if isinstance(part, Run) and bit in part.bits:
            place = int(np.flatnonzero(part.bits == bit)[-1])
            if target in part.bits[place:]:
                return False
            bits = part.bits.copy()
            bits[place] = target
            made[at] = replace(part, bits=bits)
            return True
        if any({bit, target} & {*_reads(inner), *_writes(inner)} for inner in parts((part,))):
            return False
    return False


def _reads(part: Part) -> set[int]:
    match part:
        case Branch(condition) | Repeat(condition):
            return bits_read(condition)
        case Assign(_, value):
            return bits_read(value)
    return set()


def _writes(part: Part) -> Iterator[int]:
    match part:
        case Run():
            yield from part.bits.tolist()
        case Assign(target):
            yield from bits_read(target)
