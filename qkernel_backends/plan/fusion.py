"""Fewer passes: what turns one qubit is merged, what is diagonal is gathered, the first layer becomes the start.

Operations are taken in time order, and a shorter list is kept that does the same. What turns one qubit is `PENDING` until
another operation needs the qubit: the entries of the operation 1 + qubit, which stands in no list, are the factors
exp(-i h P) of (P, h), in time order.
"""

from __future__ import annotations

import math
from typing import Any

from qkernel_backends.plan.chains import (
    add_angle,
    angle_of_slot,
    append_factor,
    is_zero,
    link_entry,
    move_factors,
    new_angle,
    new_entry,
    new_operation,
    put,
    take,
    touch,
    unlink_last,
)
from qkernel_backends.plan.columns import (
    ANGLE_VARIES,
    BIT,
    CODE,
    ENTRY_ANGLE,
    ENTRY_NEXT,
    ENTRY_OP,
    ENTRY_WHAT,
    FIRST_QUBIT,
    FIRST_SLOT,
    FLIP,
    FOUND,
    FOUND_SIZE,
    FROM_ZERO,
    GLOBAL_PHASE,
    INSTRUCTIONS,
    KEPT,
    LOAD,
    NUM_QUBITS,
    OP_CONTROLS,
    OP_FIRST,
    OP_KIND,
    OP_LAST,
    OP_LIVE,
    OP_MOVED,
    OP_NEXT,
    OP_PREVIOUS,
    OP_SUPPORT,
    OP_VALUE,
    PAULI,
    PENDING,
    PHASES,
    QUBITS,
    ROTATION,
    ROW_AT,
    ROW_CONTROLS,
    ROW_FACTOR,
    ROW_KIND,
    ROW_OFFSET,
    ROW_SLOT,
    ROW_VALUE,
    ROW_X,
    ROW_Z,
    SIZES,
    TOUCHES,
    X,
    Y,
    Z,
)

FARTHEST = 512
"""How many operations one is carried back over at most."""
_QUARTER = math.pi / 4
"""RX(a) = RZ(-pi/2) RY(a) RZ(pi/2), in half angles."""


def fuse(w: Any, f: Any) -> None:
    """Take the operations of all instructions that are `KEPT`."""
    for _ in range(w[SIZES][NUM_QUBITS] + 1):  # the ring's ends, and what is pending
        new_operation(w, ROTATION, 0, 0, 0, 0, -1)
    w[OP_NEXT][0] = w[OP_PREVIOUS][0] = 0
    w[SIZES][GLOBAL_PHASE] = new_angle(w, f, 0.0)
    for k in range(w[SIZES][INSTRUCTIONS]):
        if w[KEPT][k]:
            for row in range(w[ROW_AT][w[CODE][k]], w[ROW_AT][w[CODE][k] + 1]):
                _take_row(w, f, k, row)
    for qubit in range(w[SIZES][NUM_QUBITS]):
        if w[SIZES][PENDING] >> qubit & 1:
            _emit(w, f, qubit)


def _qubits(w: Any, mask: int, first: int) -> int:
    """A set of an instruction's own qubits as one of the plan's."""
    found, k = 0, first
    while mask:
        if mask & 1:
            found |= w[BIT][w[QUBITS][k]]
        mask >>= 1
        k += 1
    return found


def _take_row(w: Any, f: Any, k: int, row: int) -> None:
    """One operation of an instruction."""
    first, kind, x = w[FIRST_QUBIT][k], w[ROW_KIND][row], w[ROW_X][row]
    slot = w[FIRST_SLOT][k] + w[ROW_SLOT][row] if w[ROW_SLOT][row] >= 0 else -1
    if kind == PHASES:
        angle = angle_of_slot(w, f, slot, f[ROW_FACTOR][row], f[ROW_OFFSET][row])
        if x == 0:
            add_angle(w, f, w[SIZES][GLOBAL_PHASE], angle, 1.0)
        else:
            mask = _qubits(w, x, first)
            _release(w, f, 0, mask)
            _add_phase(w, f, mask, angle, 1.0)
        return
    controls = _qubits(w, w[ROW_CONTROLS][row], first)
    if kind == ROTATION and controls == 0:
        angle = angle_of_slot(w, f, slot, f[ROW_FACTOR][row], f[ROW_OFFSET][row])
        qubit, mask = 0, _qubits(w, x, first)
        while mask >> qubit > 1:
            qubit += 1
        append_factor(w, f, 1 + qubit, w[ROW_Z][row], angle)
        if w[OP_FIRST][1 + qubit] >= 0:
            w[SIZES][PENDING] |= mask
        else:
            w[SIZES][PENDING] &= ~mask
        return
    z = w[ROW_Z][row] if kind == PAULI else 0
    op = new_operation(w, kind, _qubits(w, x, first), _qubits(w, z, first), controls, _qubits(w, w[ROW_VALUE][row], first), k)
    if kind in (ROTATION, PAULI):
        angle = angle_of_slot(w, f, slot, f[ROW_FACTOR][row], f[ROW_OFFSET][row])
        new_entry(w, op, w[ROW_Z][row] if kind == ROTATION else Z, angle)
    elif kind == LOAD:
        for amplitude in range(w[ROW_Z][row]):
            new_entry(w, op, amplitude, angle_of_slot(w, f, slot + amplitude, 1.0, 0.0))
    _release(w, f, w[OP_MOVED][op], controls)
    _insert(w, f, op)


def _release(w: Any, f: Any, moved: int, read: int) -> None:
    """Emit what is pending on these qubits; last Z rotations stay behind where they are only read and the start is over."""
    left = w[SIZES][PENDING] & (moved | read)
    qubit = 0
    while left:
        if left & 1:
            chain = 1 + qubit
            rest = -1
            if not moved >> qubit & 1 and w[ENTRY_WHAT][w[OP_LAST][chain]] == Z and not _at_start(w, qubit):
                rest = unlink_last(w, chain)
            _emit(w, f, qubit)
            if rest >= 0:
                link_entry(w, chain, rest)
                w[SIZES][PENDING] |= 1 << qubit
        left >>= 1
        qubit += 1


def _at_start(w: Any, qubit: int) -> bool:
    return w[SIZES][FROM_ZERO] != 0 and w[TOUCHES][qubit] == 0  # type: ignore[no-any-return]


def _emit(w: Any, f: Any, qubit: int) -> None:
    """What is pending on a qubit: as phases and a real rotation if its Z angles are shared, else as one rotation."""
    chain, mask = 1 + qubit, 1 << qubit
    w[SIZES][PENDING] &= ~mask
    first = w[OP_FIRST][chain]
    if first < 0:
        return
    others, varies, middle = 0, False, -1
    entry = first
    while entry >= 0:
        if w[ENTRY_WHAT][entry] != Z:
            others += 1
            middle = entry
        elif w[ANGLE_VARIES][w[ENTRY_ANGLE][entry]]:
            varies = True
        entry = w[ENTRY_NEXT][entry]
    if others == 0:
        w[OP_FIRST][chain], w[OP_LAST][chain] = -1, -1
        _add_phase(w, f, mask, w[ENTRY_ANGLE][first], -1.0)
        return
    op = new_operation(w, ROTATION, mask, 0, 0, 0, -1)
    if others > 1 or varies or _at_start(w, qubit):
        move_factors(w, f, chain, op)
        _insert(w, f, op)
        return
    last = w[OP_LAST][chain]
    w[OP_FIRST][chain], w[OP_LAST][chain] = -1, -1
    before = w[ENTRY_ANGLE][first] if first != middle else -1
    after = w[ENTRY_ANGLE][last] if last != middle else -1
    if w[ENTRY_WHAT][middle] == X:
        quarter = new_angle(w, f, _QUARTER)
        if before >= 0:
            add_angle(w, f, before, quarter, 1.0)
        else:
            before = quarter
        quarter = new_angle(w, f, -_QUARTER)
        if after >= 0:
            add_angle(w, f, after, quarter, 1.0)
        else:
            after = quarter
    if before >= 0:
        _add_phase(w, f, mask, before, -1.0)
    new_entry(w, op, Y, w[ENTRY_ANGLE][middle])
    _insert(w, f, op)
    if after >= 0:
        _add_phase(w, f, mask, after, -1.0)


def _acts_alike(w: Any, first: int, second: int) -> bool:
    return (  # type: ignore[no-any-return]
        w[OP_KIND][first] == w[OP_KIND][second]
        and w[OP_MOVED][first] == w[OP_MOVED][second]
        and w[OP_CONTROLS][first] == w[OP_CONTROLS][second]
        and w[OP_VALUE][first] == w[OP_VALUE][second]
    )


def _insert(w: Any, f: Any, op: int) -> None:
    """Put an operation as early as what it does not commute with allows, but into no run of flips.

    It is merged into a rotation like it, and undone by a flip like it.
    """
    at = w[OP_PREVIOUS][0]
    if w[OP_KIND][op] == FLIP:
        if at != 0 and _acts_alike(w, at, op):
            take(w, at)
        else:
            put(w, op, at)
        return
    moved, support, left = w[OP_MOVED][op], w[OP_SUPPORT][op], FARTHEST
    while at != 0 and left > 0:
        if w[OP_SUPPORT][at] & support:
            if w[OP_KIND][op] == ROTATION and _acts_alike(w, at, op):
                move_factors(w, f, op, at)
                if w[OP_FIRST][at] < 0:
                    take(w, at)
                return
            if w[OP_MOVED][at] & support or moved & w[OP_SUPPORT][at]:
                break
        at = w[OP_PREVIOUS][at]
        left -= 1
    while w[OP_NEXT][at] != 0 and w[OP_KIND][w[OP_NEXT][at]] == FLIP:
        at = w[OP_NEXT][at]
    put(w, op, at)


def _add_phase(w: Any, f: Any, mask: int, angle: int, sign: float) -> None:
    """Carry a parity's phase back to the earliest phases that it reaches; through flips its parity changes."""
    if is_zero(w, f, angle):
        return
    found, found_mask, found_sign = 0, mask, sign
    moved, left, at = mask, FARTHEST, w[OP_PREVIOUS][0]
    while at != 0 and left > 0:
        if w[OP_KIND][at] == PHASES:
            found, found_mask, found_sign = at, moved, sign
        elif moved & w[OP_MOVED][at]:
            controls = w[OP_CONTROLS][at]
            if w[OP_KIND][at] != FLIP or controls & (controls - 1):
                break
            moved ^= controls
            if w[OP_VALUE][at] == 0:
                sign = -sign
        at = w[OP_PREVIOUS][at]
        left -= 1
    if at == 0 and w[SIZES][FROM_ZERO]:
        add_angle(w, f, w[SIZES][GLOBAL_PHASE], angle, sign)
        return
    if found == 0:
        found = new_operation(w, PHASES, 0, 0, 0, 0, -1)
        put(w, found, w[OP_PREVIOUS][0])
    if found_mask == 0:
        add_angle(w, f, w[SIZES][GLOBAL_PHASE], angle, found_sign)
    else:
        _add_term(w, f, found, found_mask, angle, found_sign)


def _add_term(w: Any, f: Any, op: int, mask: int, angle: int, sign: float) -> None:
    """Add an angle to that of a parity among phases, which vanish where nothing is left of them."""
    last = w[SIZES][FOUND_SIZE] - 1
    place = op * 0x9E3779B1 + mask * 0x85EBCA6B
    place = (place ^ place >> 15 ^ place >> 32) & last
    while w[FOUND][place] != 0:
        entry = w[FOUND][place] - 1
        if w[ENTRY_OP][entry] == op and w[ENTRY_WHAT][entry] == mask:
            break
        place = (place + 1) & last
    if w[FOUND][place] == 0:
        w[FOUND][place] = 1 + new_entry(w, op, mask, new_angle(w, f, 0.0))
    total = w[ENTRY_ANGLE][w[FOUND][place] - 1]
    if is_zero(w, f, total):
        w[OP_LIVE][op] += 1
    add_angle(w, f, total, angle, sign)
    if is_zero(w, f, total):
        w[OP_LIVE][op] -= 1
        if w[OP_LIVE][op] == 0:
            take(w, op)
    touch(w, mask & ~w[OP_SUPPORT][op], 1)
    w[OP_SUPPORT][op] |= mask
