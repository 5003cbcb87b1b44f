"""Where qubits stand, what an observable can see of a circuit, and what is left to be read when all is fused."""

from __future__ import annotations

from typing import Any

from qkernel_backends.plan.chains import is_zero, take
from qkernel_backends.plan.columns import (
    ACTS,
    ACTS_AT,
    ALIVE,
    ANGLE_FIRST,
    ANGLE_OFFSET,
    CODE,
    DIAGONAL,
    ENTRY_ANGLE,
    ENTRY_NEXT,
    ENTRY_WHAT,
    EXPECTS,
    FIRST_QUBIT,
    FLIP,
    FLIPPING,
    FROM_ZERO,
    GLOBAL_PHASE,
    INSTRUCTIONS,
    KEPT,
    OP_CONTROLS,
    OP_FIRST,
    OP_KIND,
    OP_MOVED,
    OP_NEXT,
    OP_ORIGIN,
    OP_PREVIOUS,
    OP_SUPPORT,
    OP_VALUE,
    OP_X,
    OP_Z,
    OUT_ANGLE,
    OUT_ANGLES,
    OUT_AT,
    OUT_COEFFICIENT,
    OUT_COLUMN,
    OUT_CONTROLS,
    OUT_ENTRIES,
    OUT_KIND,
    OUT_OFFSET,
    OUT_OPS,
    OUT_ORIGIN,
    OUT_TERM_AT,
    OUT_TERMS,
    OUT_VALUE,
    OUT_WHAT,
    OUT_X,
    OUT_Z,
    PHASES,
    PLACE,
    QUBITS,
    RENAMES,
    ROLE,
    ROTATION,
    SIZES,
    STARTED,
    TERM_COEFFICIENT,
    TERM_COLUMN,
    TERM_NEXT,
    TURNED,
    WIDTH,
    WORD_SIGN,
    WORD_X,
    WORD_Z,
    WORDS,
    Z,
)


def place_qubits(w: Any) -> None:
    """Where the qubits of each instruction have their amplitudes: swaps only rename."""
    for k in range(w[SIZES][INSTRUCTIONS]):
        code, first = w[CODE][k], w[FIRST_QUBIT][k]
        if w[RENAMES][code]:
            a, b = w[QUBITS][first], w[QUBITS][first + 1]
            w[QUBITS][first], w[QUBITS][first + 1] = w[PLACE][a], w[PLACE][b]
            w[PLACE][a], w[PLACE][b] = w[PLACE][b], w[PLACE][a]
            continue
        for j in range(first, first + w[WIDTH][code]):
            w[QUBITS][j] = w[PLACE][w[QUBITS][j]]


def keep_what_is_seen(w: Any) -> None:
    """Which instructions are `KEPT` for what reads the qubits `ALIVE` and moves those `TURNED`; both then of the beginning."""
    for k in range(w[SIZES][INSTRUCTIONS] - 1, -1, -1):
        code, first = w[CODE][k], w[FIRST_QUBIT][k]
        alive = turned = False
        for j in range(w[WIDTH][code]):
            if w[ACTS][w[ACTS_AT][code] + j]:
                alive = alive or w[ALIVE][w[QUBITS][first + j]] != 0
                turned = turned or w[TURNED][w[QUBITS][first + j]] != 0
        if not alive or (w[ROLE][code] == DIAGONAL and not turned):
            w[KEPT][k] = 0
            continue
        for j in range(w[WIDTH][code]):
            if w[ACTS][w[ACTS_AT][code] + j]:
                w[ALIVE][w[QUBITS][first + j]] = 1
                if w[ROLE][code] != FLIPPING or turned:
                    w[TURNED][w[QUBITS][first + j]] = 1


def finish(w: Any, f: Any) -> None:
    """Leave out what the words cannot see, and write the plan: the rotations of its start, then its operations."""
    if w[SIZES][EXPECTS]:
        _undo_last_flips(w)
        _leave_out_unseen(w, f)
    touched, op = 0, w[OP_NEXT][0]
    while op != 0:
        following = w[OP_NEXT][op]
        first = w[OP_KIND][op] == ROTATION and w[OP_CONTROLS][op] == 0 and not w[OP_MOVED][op] & touched
        touched |= w[OP_SUPPORT][op]
        if first and w[SIZES][FROM_ZERO]:
            _write(w, f, op)
            take(w, op)
        op = following
    w[SIZES][STARTED] = w[SIZES][OUT_OPS]
    op = w[OP_NEXT][0]
    while op != 0:
        _write(w, f, op)
        op = w[OP_NEXT][op]
    _write_angle(w, f, w[SIZES][GLOBAL_PHASE])


def _undo_last_flips(w: Any) -> None:
    """Have the words undo the flips that nothing follows: with one control or none they map words to words."""
    moved = support = 0
    op = w[OP_PREVIOUS][0]
    while op != 0:
        before, target, control = w[OP_PREVIOUS][op], w[OP_MOVED][op], w[OP_CONTROLS][op]
        is_free = not (target & support or moved & w[OP_SUPPORT][op])
        if w[OP_KIND][op] != FLIP or control & (control - 1) or not is_free:
            moved |= target
            support |= w[OP_SUPPORT][op]
            op = before
            continue
        for k in range(w[SIZES][WORDS]):
            x, z = w[WORD_X][k], w[WORD_Z][k]
            if z & target and w[OP_VALUE][op] == 0:
                w[WORD_SIGN][k] = -w[WORD_SIGN][k]
            if control and x & control and z & target and (x & target != 0) == (z & control != 0):
                w[WORD_SIGN][k] = -w[WORD_SIGN][k]
            if x & control:
                w[WORD_X][k] = x ^ target
            if z & target:
                w[WORD_Z][k] = z ^ control
        take(w, op)
        op = before


def _leave_out_unseen(w: Any, f: Any) -> None:
    """Take out what fusing leaves at the end and no word sees."""
    moved = alive = 0
    for k in range(w[SIZES][WORDS]):
        moved |= w[WORD_X][k]
        alive |= w[WORD_X][k] | w[WORD_Z][k]
    op = w[OP_PREVIOUS][0]
    while op != 0:
        before, kind = w[OP_PREVIOUS][op], w[OP_KIND][op]
        support = w[OP_MOVED][op] | w[OP_CONTROLS][op]
        is_diagonal = kind in (PHASES, ROTATION)
        entry = w[OP_FIRST][op]
        while entry >= 0:
            if kind == ROTATION:
                is_diagonal = is_diagonal and w[ENTRY_WHAT][entry] == Z
            elif kind == PHASES:
                mask = w[ENTRY_WHAT][entry]
                if is_zero(w, f, w[ENTRY_ANGLE][entry]) or not mask & moved:
                    w[ENTRY_ANGLE][entry] = -1
                else:
                    support |= mask
            entry = w[ENTRY_NEXT][entry]
        if not support & alive or (is_diagonal and not support & moved):
            take(w, op)
        else:
            alive |= support
            if kind != FLIP or support & moved:
                moved |= support
        op = before


def _write(w: Any, f: Any, op: int) -> None:
    out, kind = w[SIZES][OUT_OPS], w[OP_KIND][op]
    w[SIZES][OUT_OPS] = out + 1
    w[OUT_KIND][out], w[OUT_X][out], w[OUT_Z][out] = kind, w[OP_X][op], w[OP_Z][op]
    w[OUT_CONTROLS][out], w[OUT_VALUE][out], w[OUT_ORIGIN][out] = w[OP_CONTROLS][op], w[OP_VALUE][op], w[OP_ORIGIN][op]
    entry = w[OP_FIRST][op]
    while entry >= 0:
        angle = w[ENTRY_ANGLE][entry]
        if angle >= 0 and not (kind == PHASES and is_zero(w, f, angle)):
            at = w[SIZES][OUT_ENTRIES]
            w[SIZES][OUT_ENTRIES] = at + 1
            w[OUT_WHAT][at] = w[ENTRY_WHAT][entry]
            w[OUT_ANGLE][at] = _write_angle(w, f, angle)
        entry = w[ENTRY_NEXT][entry]
    w[OUT_AT][out + 1] = w[SIZES][OUT_ENTRIES]


def _write_angle(w: Any, f: Any, angle: int) -> int:
    out = w[SIZES][OUT_ANGLES]
    w[SIZES][OUT_ANGLES] = out + 1
    f[OUT_OFFSET][out] = f[ANGLE_OFFSET][angle]
    term = w[ANGLE_FIRST][angle]
    while term >= 0:
        at = w[SIZES][OUT_TERMS]
        w[SIZES][OUT_TERMS] = at + 1
        w[OUT_COLUMN][at] = w[TERM_COLUMN][term]
        f[OUT_COEFFICIENT][at] = f[TERM_COEFFICIENT][term]
        term = w[TERM_NEXT][term]
    w[OUT_TERM_AT][out + 1] = w[SIZES][OUT_TERMS]
    return out  # type: ignore[no-any-return]
