"""The parts of a plan in the making: angles as lists of terms, operations as lists of entries in a ring."""

from __future__ import annotations

from typing import Any

from qkernel_backends.plan.columns import (
    ANGLE_COUNT,
    ANGLE_FIRST,
    ANGLE_OFFSET,
    ANGLE_VARIES,
    ANGLES,
    ENTRIES,
    ENTRY_ANGLE,
    ENTRY_NEXT,
    ENTRY_OP,
    ENTRY_PREVIOUS,
    ENTRY_WHAT,
    OP_CONTROLS,
    OP_FIRST,
    OP_KIND,
    OP_LAST,
    OP_LIVE,
    OP_MOVED,
    OP_NEXT,
    OP_ORIGIN,
    OP_PREVIOUS,
    OP_SUPPORT,
    OP_VALUE,
    OP_X,
    OP_Z,
    OPS,
    SIZES,
    SLOT_AT,
    SLOT_COEFFICIENT,
    SLOT_COLUMN,
    SLOT_OFFSET,
    SLOT_VARIES,
    TERM_COEFFICIENT,
    TERM_COLUMN,
    TERM_NEXT,
    TERMS,
    TOUCHES,
)

MOST_COMPARED = 8
"""Terms of an angle that are compared with another one's: longer ones are put in order when all is done."""


def new_angle(w: Any, f: Any, offset: float) -> int:
    """An angle without terms."""
    angle = w[SIZES][ANGLES]
    w[SIZES][ANGLES] = angle + 1
    f[ANGLE_OFFSET][angle] = offset
    w[ANGLE_FIRST][angle] = -1
    w[ANGLE_COUNT][angle] = 0
    w[ANGLE_VARIES][angle] = 0
    return angle  # type: ignore[no-any-return]


def angle_of_slot(w: Any, f: Any, slot: int, factor: float, offset: float) -> int:
    """`offset` plus `factor` times the angle of a slot, if there is one."""
    angle = new_angle(w, f, offset)
    if slot >= 0:
        f[ANGLE_OFFSET][angle] += f[SLOT_OFFSET][slot] * factor
        w[ANGLE_VARIES][angle] = w[SLOT_VARIES][slot]
        for k in range(w[SLOT_AT][slot], w[SLOT_AT][slot + 1]):
            term = w[SIZES][TERMS]
            w[SIZES][TERMS] = term + 1
            w[TERM_COLUMN][term] = w[SLOT_COLUMN][k]
            f[TERM_COEFFICIENT][term] = f[SLOT_COEFFICIENT][k] * factor
            w[TERM_NEXT][term] = w[ANGLE_FIRST][angle]
            w[ANGLE_FIRST][angle] = term
            w[ANGLE_COUNT][angle] += 1
    return angle


def add_angle(w: Any, f: Any, total: int, angle: int, factor: float) -> None:
    """Add `factor` times an angle, which is used up."""
    f[ANGLE_OFFSET][total] += f[ANGLE_OFFSET][angle] * factor
    w[ANGLE_VARIES][total] |= w[ANGLE_VARIES][angle]
    term = w[ANGLE_FIRST][angle]
    while term >= 0:
        following = w[TERM_NEXT][term]
        f[TERM_COEFFICIENT][term] *= factor
        _add_term(w, f, total, term)
        term = following


def _add_term(w: Any, f: Any, total: int, term: int) -> None:
    """Add a term to that with its column, which may then vanish; to the front where there is none or the list is long."""
    if w[ANGLE_COUNT][total] <= MOST_COMPARED:
        before, other = -1, w[ANGLE_FIRST][total]
        while other >= 0:
            if w[TERM_COLUMN][other] == w[TERM_COLUMN][term]:
                f[TERM_COEFFICIENT][other] += f[TERM_COEFFICIENT][term]
                if f[TERM_COEFFICIENT][other] == 0.0:
                    w[ANGLE_COUNT][total] -= 1
                    if before >= 0:
                        w[TERM_NEXT][before] = w[TERM_NEXT][other]
                    else:
                        w[ANGLE_FIRST][total] = w[TERM_NEXT][other]
                return
            before, other = other, w[TERM_NEXT][other]
    w[TERM_NEXT][term] = w[ANGLE_FIRST][total]
    w[ANGLE_FIRST][total] = term
    w[ANGLE_COUNT][total] += 1


def is_zero(w: Any, f: Any, angle: int) -> bool:
    return w[ANGLE_FIRST][angle] < 0 and f[ANGLE_OFFSET][angle] == 0.0  # type: ignore[no-any-return]


def new_operation(w: Any, kind: int, x: int, z: int, controls: int, value: int, origin: int) -> int:
    """An operation without entries, which stands nowhere yet."""
    op = w[SIZES][OPS]
    w[SIZES][OPS] = op + 1
    w[OP_KIND][op], w[OP_X][op], w[OP_Z][op] = kind, x, z
    w[OP_CONTROLS][op], w[OP_VALUE][op], w[OP_ORIGIN][op] = controls, value, origin
    w[OP_MOVED][op], w[OP_SUPPORT][op] = x | z, x | z | controls
    w[OP_FIRST][op], w[OP_LAST][op], w[OP_LIVE][op] = -1, -1, 0
    return op  # type: ignore[no-any-return]


def new_entry(w: Any, op: int, what: int, angle: int) -> int:
    """A further entry of an operation."""
    entry = w[SIZES][ENTRIES]
    w[SIZES][ENTRIES] = entry + 1
    w[ENTRY_WHAT][entry], w[ENTRY_ANGLE][entry], w[ENTRY_OP][entry] = what, angle, op
    link_entry(w, op, entry)
    return entry  # type: ignore[no-any-return]


def link_entry(w: Any, op: int, entry: int) -> None:
    """Put an entry at the end of an operation."""
    last = w[OP_LAST][op]
    w[ENTRY_PREVIOUS][entry], w[ENTRY_NEXT][entry] = last, -1
    if last >= 0:
        w[ENTRY_NEXT][last] = entry
    else:
        w[OP_FIRST][op] = entry
    w[OP_LAST][op] = entry


def unlink_last(w: Any, op: int) -> int:
    """Take the last entry off."""
    entry = w[OP_LAST][op]
    before = w[ENTRY_PREVIOUS][entry]
    w[OP_LAST][op] = before
    if before >= 0:
        w[ENTRY_NEXT][before] = -1
    else:
        w[OP_FIRST][op] = -1
    return entry  # type: ignore[no-any-return]


def append_factor(w: Any, f: Any, op: int, axis: int, angle: int) -> None:
    """Go on with a rotation; neighbours about one axis are one, and those by 0 none."""
    last = w[OP_LAST][op]
    if last >= 0 and w[ENTRY_WHAT][last] == axis:
        add_angle(w, f, w[ENTRY_ANGLE][last], angle, 1.0)
        if is_zero(w, f, w[ENTRY_ANGLE][last]):
            unlink_last(w, op)
    elif not is_zero(w, f, angle):
        new_entry(w, op, axis, angle)


def move_factors(w: Any, f: Any, source: int, op: int) -> None:
    """Go on with the factors of another rotation, which has none then."""
    entry = w[OP_FIRST][source]
    while entry >= 0:
        append_factor(w, f, op, w[ENTRY_WHAT][entry], w[ENTRY_ANGLE][entry])
        entry = w[ENTRY_NEXT][entry]
    w[OP_FIRST][source], w[OP_LAST][source] = -1, -1


def touch(w: Any, mask: int, step: int) -> None:
    """Count operations on qubits."""
    qubit = 0
    while mask:
        if mask & 1:
            w[TOUCHES][qubit] += step
        mask >>= 1
        qubit += 1


def put(w: Any, op: int, before: int) -> None:
    """Put an operation behind another one; 0 stands before the first and behind the last."""
    following = w[OP_NEXT][before]
    w[OP_NEXT][before], w[OP_PREVIOUS][op] = op, before
    w[OP_NEXT][op], w[OP_PREVIOUS][following] = following, op
    touch(w, w[OP_SUPPORT][op], 1)


def take(w: Any, op: int) -> None:
    """Take an operation out."""
    before, following = w[OP_PREVIOUS][op], w[OP_NEXT][op]
    w[OP_NEXT][before], w[OP_PREVIOUS][following] = following, before
    touch(w, w[OP_SUPPORT][op], -1)
