"""A plan's operations as the entries that the machine reads: see `layout`. Compiled with the planner.

`w` lists arrays by the numbers below. What one step does may be several operations at once, where the machine's kernels can.
"""

from __future__ import annotations

from typing import Any

from qkernel_backends.native import layout
from qkernel_backends.plan import columns

# fmt: off
(
    SIZES,
    KIND, X, Z, CONTROLS, VALUE, AT, WHAT, ANGLE,                     # the plan's operations: see `OperationColumns`
    OFFSETS, TERM_AT, COLUMNS, COEFFICIENTS, ROW, FIRST_ANGLE, STAGE,  # its angles, their bits; rows of equal ones
    ORDER, PASS_AT, BLOCK, BIT,                                       # the operations of each pass, its bits and their numbers
    OPS, LISTS, GROUPS, FACTORS, PHASE_TERMS, LANE_MASKS,             # what is written; the last as sets of lanes
    STEP_KIND, STEP_AT, STEP_OPS, PASS_OPS, PASS_STEPS,               # steps, and where those of each pass end
    MOVE_AT, MOVE_FLIPS, FOUND,                                       # exchanges of vectors: (bit, controls, value) of flips
    HELD, CROSSING,                                                   # rotations that wait for their step, by bit; parities
    MOVED, SUPPORT, NEEDED, BEHIND, NEXT,                             # for passes: of each operation, and of all behind it
    NUM_ARRAYS,
) = range(42)
(
    NUM_PASSES, LANE_BITS, LANES, VECTOR_BITS, SIZE, NUM_BITS, FOUND_SIZE, NUM_ANGLES, NUM_ROWS, NOW,
    NUM_OPS, NUM_LISTS, NUM_GROUPS, NUM_FACTORS, NUM_TERMS, NUM_MASKS, NUM_STEPS, NUM_STEP_OPS, NUM_MOVES, WORK,
    MOST_CROSSING, FLIPS_KIND, FLIPS_LAST, FITS, RUNS, BLOCK_BITS,
    MOST_WORK, MOST_CONSTANT, TABLES,                                 # where tables end that are kept; the place of the others
    NUM_SIZES,
) = range(30)
# fmt: on
LARGEST_CROSSING = 6
"""Parities that cross the border of a block in one operation, at 2**this many phases for each block."""
IDLE, _ALL_LANES = 0, 1
"""The group that does nothing, and the set of all lanes."""
_ALONE, _TURNS, _FLIPS = range(3)


def number_rows(w: Any) -> None:
    """Give equal angles one row."""
    last = w[SIZES][FOUND_SIZE] - 1
    for angle in range(w[SIZES][NUM_ANGLES]):
        first, end = w[TERM_AT][angle], w[TERM_AT][angle + 1]
        place = w[OFFSETS][angle]
        for k in range(first, end):
            place = (place ^ place >> 29) * 0x1B873593 + w[COLUMNS][k] * 0x9E3779B1 + (w[COEFFICIENTS][k] >> 20)
        place = (place ^ place >> 43 ^ place >> 21) & last
        while w[FOUND][place] != 0 and not _are_equal(w, angle, w[FIRST_ANGLE][w[FOUND][place] - 1]):
            place = (place + 1) & last
        if w[FOUND][place] == 0:
            row = w[SIZES][NUM_ROWS]
            w[SIZES][NUM_ROWS] = row + 1
            w[FIRST_ANGLE][row] = angle
            w[FOUND][place] = row + 1
        w[ROW][angle] = w[FOUND][place] - 1


def _are_equal(w: Any, angle: int, other: int) -> bool:
    first, second = w[TERM_AT][angle], w[TERM_AT][other]
    count = w[TERM_AT][angle + 1] - first
    if w[OFFSETS][angle] != w[OFFSETS][other] or w[TERM_AT][other + 1] - second != count:
        return False
    for k in range(count):
        if w[COLUMNS][first + k] != w[COLUMNS][second + k] or w[COEFFICIENTS][first + k] != w[COEFFICIENTS][second + k]:
            return False
    return True


def partition(w: Any) -> None:
    """Passes over blocks of so many bits, the lowest always among them: each takes the operations that fit and may come first.

    An operation may come before those that are left for later if they have nothing in common, or only read it.
    """
    runs, out, block = w[SIZES][RUNS], 0, 0
    while w[NEXT][0] != 0 or block == 0:
        mask, moved, support, before, first = runs, 0, 0, 0, out
        op = w[NEXT][0]
        while op != 0 and (w[BEHIND][op - 1] & ~moved or moved == 0):
            wanted, bits = mask | w[NEEDED][op - 1], 0
            for bit in range(w[SIZES][NUM_BITS]):
                bits += wanted >> bit & 1
            if bits > w[SIZES][BLOCK_BITS] or w[MOVED][op - 1] & support or moved & w[SUPPORT][op - 1]:
                moved |= w[MOVED][op - 1]
                support |= w[SUPPORT][op - 1]
                before = op
            else:
                mask = wanted
                w[ORDER][out] = op - 1
                out += 1
                w[NEXT][before] = w[NEXT][op]
            op = w[NEXT][op]
        if out == first and w[NEXT][0] != 0:
            w[SIZES][FITS] = 0
            return
        w[BLOCK][block] = mask
        block += 1
        w[PASS_AT][block] = out
    w[SIZES][NUM_PASSES] = block


def encode(w: Any) -> None:
    """Write the entries of all passes."""
    w[LANE_MASKS][0], w[LANE_MASKS][1], w[SIZES][NUM_MASKS] = 0, (1 << w[SIZES][LANES]) - 1, 2
    _group(w, -1, 0)
    for bit in range(64):
        w[HELD][bit] = -1
    for number in range(w[SIZES][NUM_PASSES]):
        w[SIZES][NOW] = number
        place, run = 0, _ALONE
        for bit in range(w[SIZES][NUM_BITS]):
            w[BIT][bit] = place
            place += w[BLOCK][number] >> bit & 1
        for k in range(w[PASS_AT][number], w[PASS_AT][number + 1]):
            op = w[ORDER][k]
            now = _ALONE
            if w[KIND][op] == columns.FLIP:
                now = _FLIPS
            elif w[KIND][op] == columns.ROTATION and w[CONTROLS][op] == 0 and _about(w, op) == layout.ABOUT_Y:
                now = _TURNS
            if now != run:
                _close(w, run)
            run = now
            if now == _TURNS:
                _hold(w, op)
            elif now == _FLIPS:
                _flip(w, op)
            else:
                _alone(w, op)
        _close(w, run)
        w[PASS_OPS][number], w[PASS_STEPS][number] = w[SIZES][NUM_OPS], w[SIZES][NUM_STEPS]


def _about(w: Any, op: int) -> int:
    """The axis of a rotation whose matrix is real, or real and imaginary; else 0."""
    if w[AT][op + 1] - w[AT][op] != 1:
        return 0
    axis = w[WHAT][w[AT][op]]
    return layout.ABOUT_X if axis == columns.X else layout.ABOUT_Y if axis == columns.Y else 0


def _inside(w: Any, mask: int) -> int:
    """An element mask in the numbering of the block."""
    mask &= w[BLOCK][w[SIZES][NOW]]
    found = bit = 0
    while mask:
        if mask & 1:
            found |= 1 << w[BIT][bit]
        mask >>= 1
        bit += 1
    return found


def _bit(w: Any, op: int) -> int:
    """The number in the block of the bit that an operation moves."""
    bit, mask = w[SIZES][LANE_BITS], w[X][op]
    while mask > 1:
        mask >>= 1
        bit += 1
    return w[BIT][bit]  # type: ignore[no-any-return]


def _outside(w: Any, mask: int) -> int:
    return mask & ~w[BLOCK][w[SIZES][NOW]]  # type: ignore[no-any-return]


def _entry(w: Any, kind: int) -> int:
    """Where a new entry begins."""
    at = w[SIZES][NUM_OPS] * layout.OP_WIDTH
    w[SIZES][NUM_OPS] += 1
    for k in range(at, at + layout.OP_WIDTH):
        w[OPS][k] = 0
    w[OPS][at + layout.KIND] = kind
    return at  # type: ignore[no-any-return]


def _add(w: Any, op: int) -> None:
    """A further operation of the step that comes next."""
    w[STEP_OPS][w[SIZES][NUM_STEP_OPS]] = op
    w[SIZES][NUM_STEP_OPS] += 1


def _step(w: Any, kind: int) -> None:
    """The step of all operations since the last one."""
    step = w[SIZES][NUM_STEPS]
    w[SIZES][NUM_STEPS] = step + 1
    w[STEP_KIND][step] = kind
    w[STEP_AT][step + 1] = w[SIZES][NUM_STEP_OPS]


def _list(w: Any, value: int) -> None:
    """A further number of the lists, which stand behind the header."""
    w[LISTS][w[SIZES][NUM_LISTS]] = value
    w[SIZES][NUM_LISTS] += 1


def _group(w: Any, op: int, mask: int) -> int:
    """A rotation's factors, in the lanes of a mask if there is one; -1 stands for no operation."""
    group, stage = w[SIZES][NUM_GROUPS], layout.CONSTANT
    w[SIZES][NUM_GROUPS] = group + 1
    w[GROUPS][4 * group] = w[SIZES][NUM_FACTORS]
    if op >= 0:
        for k in range(w[AT][op], w[AT][op + 1]):
            at, row = 2 * w[SIZES][NUM_FACTORS], w[ROW][w[ANGLE][k]]
            w[SIZES][NUM_FACTORS] += 1
            w[FACTORS][at], w[FACTORS][at + 1] = w[WHAT][k], row
            stage = max(stage, w[STAGE][row])
    w[GROUPS][4 * group + 1] = w[SIZES][NUM_FACTORS]
    w[GROUPS][4 * group + 2] = stage
    w[GROUPS][4 * group + 3] = mask if mask else -1
    return group  # type: ignore[no-any-return]


def _close(w: Any, run: int) -> None:
    if run == _TURNS:
        _close_turns(w)
    elif run == _FLIPS:
        _close_flips(w)


def _hold(w: Any, op: int) -> None:
    """Rotations about Y: those of the bits inside a vector at once, the others two by two."""
    bit = _bit(w, op)
    if w[HELD][bit] >= 0:
        _close_turns(w)
    w[HELD][bit] = op


def _close_turns(w: Any) -> None:
    vector_bits, waiting, bit = w[SIZES][VECTOR_BITS], -1, 0
    for low in range(vector_bits):
        if w[HELD][low] >= 0:
            waiting = low
    if waiting >= 0:
        w[OPS][_entry(w, layout.LOW_ROTATIONS) + layout.EXTRA] = layout.HEADER + w[SIZES][NUM_LISTS]
        for low in range(4):
            op = w[HELD][low] if low < vector_bits else -1
            _list(w, _group(w, op, 0) if op >= 0 else IDLE)
            if op >= 0:
                _add(w, op)
                w[HELD][low] = -1
        _step(w, layout.LOW_ROTATIONS)
    waiting = -1
    for bit in range(vector_bits, 64):
        op = w[HELD][bit]
        if op < 0:
            continue
        _add(w, op)
        if waiting < 0:
            waiting = bit
            continue
        at = _entry(w, layout.PAIR)
        w[OPS][at + layout.BIT], w[OPS][at + layout.LOW] = waiting, bit
        w[OPS][at + layout.GROUP] = _group(w, w[HELD][waiting], 0)
        w[OPS][at + layout.EXTRA] = _group(w, op, 0)
        w[HELD][waiting] = w[HELD][bit] = waiting = -1
        _step(w, layout.PAIR)
    if waiting >= 0:
        _rotation(w, w[HELD][waiting])
        w[HELD][waiting] = -1
        _step(w, layout.ROTATION)


def _lane_mask(w: Any, lanes: int) -> int:
    """The number of a vector of zeros and ones; 0 is that of zeros."""
    number, count = 0, w[SIZES][NUM_MASKS]
    while number < count and w[LANE_MASKS][number] != lanes:
        number += 1
    w[LANE_MASKS][number] = lanes
    w[SIZES][NUM_MASKS] = max(count, number + 1)
    return number


def _controlled(w: Any, op: int, at: int) -> int:
    """Write controls above the bits of a vector and those outside; gives the set of lanes that those inside select, or 0."""
    controls, value = w[CONTROLS][op] << w[SIZES][LANE_BITS], w[VALUE][op] << w[SIZES][LANE_BITS]
    w[OPS][at + layout.OUTER_CONTROLS], w[OPS][at + layout.OUTER_VALUE] = _outside(w, controls), _outside(w, value)
    controls, value = _inside(w, controls), _inside(w, value)
    low = controls & (w[SIZES][LANES] - 1)
    lanes, high, other = 0, controls - low, 0
    if low:
        for lane in range(w[SIZES][LANES]):
            if lane & low == value & low:
                lanes |= 1 << lane
    w[OPS][at + layout.CONTROLS], w[OPS][at + layout.VALUE] = high, value - (value & low)
    lowest = high & -high if high else w[SIZES][SIZE]
    while lowest >> other > 1:
        other += 1
    w[OPS][at + layout.OTHER] = other
    return lanes


def _rotation(w: Any, op: int) -> None:
    at = _entry(w, layout.ROTATION)
    mask = _lane_mask(w, _controlled(w, op, at))
    w[OPS][at + layout.BIT], w[OPS][at + layout.REAL] = _bit(w, op), _about(w, op)
    w[OPS][at + layout.GROUP] = _group(w, op, mask)


def _flip_entry(w: Any, op: int) -> int:
    at = _entry(w, layout.FLIP)
    lanes = _controlled(w, op, at)
    w[OPS][at + layout.BIT] = _bit(w, op)
    w[OPS][at + layout.LOW] = _lane_mask(w, w[LANE_MASKS][_ALL_LANES] & ~lanes) if lanes else 0
    return at


def _flip(w: Any, op: int) -> None:
    """Neighbours that move whole vectors as one exchange; ascending ones inside a vector at once."""
    controls, bit = w[CONTROLS][op] << w[SIZES][LANE_BITS], _bit(w, op)
    inside = _inside(w, controls)
    within = inside & (w[SIZES][LANES] - 1)
    if bit < w[SIZES][VECTOR_BITS]:
        joins = layout.LOW_FLIPS if inside == within else layout.FLIP
    else:
        joins = layout.FLIP if within else layout.MOVE
    if _outside(w, controls):
        joins = layout.FLIP
    kind = w[SIZES][FLIPS_KIND]
    if joins != kind or joins == layout.FLIP or (joins == layout.LOW_FLIPS and bit <= w[SIZES][FLIPS_LAST]):
        _close_flips(w)
    _add(w, op)
    w[SIZES][FLIPS_KIND], w[SIZES][FLIPS_LAST] = joins, bit


def _close_flips(w: Any) -> None:
    first, kind = w[STEP_AT][w[SIZES][NUM_STEPS]], w[SIZES][FLIPS_KIND]
    count = w[SIZES][NUM_STEP_OPS] - first
    if count == 0:
        return
    if count == 1:
        kind = layout.FLIP
        _flip_entry(w, w[STEP_OPS][first])
    elif kind == layout.LOW_FLIPS:
        _low_flips(w, first, count)
    else:
        _move(w, first, count)
    _step(w, kind)


def _low_flips(w: Any, first: int, count: int) -> None:
    begin = w[SIZES][NUM_LISTS]
    for _ in range(4):
        _list(w, _ALL_LANES)
    for k in range(first, first + count):
        at = _flip_entry(w, w[STEP_OPS][k])
        w[LISTS][begin + w[OPS][at + layout.BIT]] = w[OPS][at + layout.LOW]
        w[SIZES][NUM_OPS] -= 1
    w[OPS][_entry(w, layout.LOW_FLIPS) + layout.EXTRA] = layout.HEADER + begin


def _move(w: Any, first: int, count: int) -> None:
    """An exchange of whole vectors: where it stands comes with the number of those that are alike."""
    number = w[SIZES][NUM_MOVES]
    begin, place = w[MOVE_AT][number], 0
    for k in range(count):
        at, to = _flip_entry(w, w[STEP_OPS][first + k]), begin + 3 * k
        w[SIZES][NUM_OPS] -= 1
        w[MOVE_FLIPS][to] = w[OPS][at + layout.BIT]
        w[MOVE_FLIPS][to + 1] = w[OPS][at + layout.CONTROLS]
        w[MOVE_FLIPS][to + 2] = w[OPS][at + layout.VALUE]
        place = (place * 31 + w[MOVE_FLIPS][to] + 64 * w[MOVE_FLIPS][to + 1] + w[MOVE_FLIPS][to + 2]) & 0xFFFFFFFFFFFF
    last = w[SIZES][FOUND_SIZE] - 1
    place = (place ^ place >> 17) & last
    while w[FOUND][place] != 0 and not _moves_alike(w, w[FOUND][place] - 1, begin, 3 * count):
        place = (place + 1) & last
    if w[FOUND][place] == 0:
        w[FOUND][place] = number + 1
        w[MOVE_AT][number + 1] = begin + 3 * count
        w[SIZES][NUM_MOVES] = number + 1
    w[OPS][_entry(w, layout.MOVE) + layout.AT] = w[FOUND][place] - 1


def _moves_alike(w: Any, number: int, begin: int, size: int) -> bool:
    first = w[MOVE_AT][number]
    if w[MOVE_AT][number + 1] - first != size:
        return False
    differ = 0
    for k in range(size):
        differ |= w[MOVE_FLIPS][first + k] ^ w[MOVE_FLIPS][begin + k]
    return differ == 0


def _alone(w: Any, op: int) -> None:
    kind, up = w[KIND][op], w[SIZES][LANE_BITS]
    _add(w, op)
    if kind == columns.ROTATION:
        _rotation(w, op)
        _step(w, layout.ROTATION)
    elif kind == columns.PHASES:
        _phases(w, op)
        _step(w, layout.PHASES)
    elif kind == columns.PAULI:
        at = _entry(w, layout.PAULI)
        mask = _lane_mask(w, _controlled(w, op, at))
        w[OPS][at + layout.BIT], w[OPS][at + layout.EXTRA] = _inside(w, w[X][op] << up), _inside(w, w[Z][op] << up)
        letters, both = 0, w[X][op] & w[Z][op]
        while both:
            letters += both & 1
            both >>= 1
        w[OPS][at + layout.AT] = letters % 4
        w[OPS][at + layout.GROUP] = _group(w, op, mask)
        _step(w, layout.PAULI)
    else:  # what is left of these is written by `encode`
        kind = layout.DENSE if kind == columns.DENSE else layout.LOAD
        _entry(w, kind)
        _step(w, kind)


def _phases(w: Any, op: int) -> None:
    """Terms inside a block in a table; those outside as one phase for a block; those that cross by their parity inside."""
    num_crossing, up = 0, w[SIZES][LANE_BITS]
    for k in range(w[AT][op], w[AT][op + 1]):
        mask = w[WHAT][k] << up
        inside, found = _inside(w, mask), False
        if inside and _outside(w, mask):
            for other in range(num_crossing):
                found = found or w[CROSSING][other] == inside
            if not found:
                w[CROSSING][num_crossing] = inside
                num_crossing += 1
    begin = 0
    while begin == 0 or begin < num_crossing:
        _diagonal(w, op, begin, min(begin + LARGEST_CROSSING, num_crossing))
        begin += LARGEST_CROSSING


def _diagonal(w: Any, op: int, begin: int, end: int) -> None:
    """The parities `begin` to `end` of those that cross; with the first of them all that is inside or outside."""
    at, size, lanes, up = _entry(w, layout.PHASES), w[SIZES][SIZE], w[SIZES][LANES], w[SIZES][LANE_BITS]
    stage = layout.CONSTANT
    w[OPS][at + layout.CONTROLS] = w[SIZES][NUM_TERMS]
    if begin == 0:
        stage = _terms(w, op, 0)
    w[OPS][at + layout.VALUE] = w[SIZES][NUM_TERMS]
    if begin == 0:
        _terms(w, op, -1)
    w[OPS][at + layout.EXTRA] = w[SIZES][NUM_TERMS]
    spread = stage != layout.BATCHED and 1 << up == lanes
    width = max(lanes, size >> up) if spread else size
    w[OPS][at + layout.BIT], w[OPS][at + layout.LOW], w[OPS][at + layout.STAGE] = width, 1 if spread else 0, stage
    if w[SIZES][WORK] < w[SIZES][MOST_CONSTANT if stage == layout.CONSTANT else MOST_WORK]:
        w[OPS][at + layout.AT] = _reserve(w, 2 * (width + layout.GAP * lanes))
        w[OPS][at + layout.GROUP] = _reserve(w, size)
    else:
        if w[SIZES][TABLES] == 0:
            w[SIZES][TABLES] = _reserve(w, 2 * (size + layout.GAP * lanes) + size)
        w[OPS][at + layout.AT], w[OPS][at + layout.STAGE] = w[SIZES][TABLES], layout.WHERE_USED
        w[OPS][at + layout.GROUP] = w[SIZES][TABLES] + 2 * (size + layout.GAP * lanes)
    if begin < end or w[OPS][at + layout.VALUE] < w[OPS][at + layout.EXTRA]:
        w[OPS][at + layout.CROSSING] = layout.HEADER + w[SIZES][NUM_LISTS]
        _list(w, end - begin)
        for k in range(begin, end):
            _list(w, w[CROSSING][k] & (lanes - 1))
            _list(w, w[SIZES][NUM_TERMS])
            _terms(w, op, w[CROSSING][k])
            _list(w, w[SIZES][NUM_TERMS])
        for row in range(0, size, lanes):
            _list(w, _pattern(w, row, begin, end))
        w[SIZES][MOST_CROSSING] = max(w[SIZES][MOST_CROSSING], end - begin)


def _pattern(w: Any, row: int, begin: int, end: int) -> int:
    """Which of the parities that cross are odd."""
    pattern = 0
    for k in range(begin, end):
        bits, odd = row & w[CROSSING][k], 0
        while bits:
            odd ^= bits & 1
            bits >>= 1
        pattern |= odd << (k - begin)
    return pattern


def _terms(w: Any, op: int, crossing: int) -> int:
    """Write the terms inside a block (`crossing` 0), outside (-1) or with this part inside; gives their latest stage."""
    stage = layout.CONSTANT
    for k in range(w[AT][op], w[AT][op + 1]):
        mask = w[WHAT][k] << w[SIZES][LANE_BITS]
        inside, outside = _inside(w, mask), _outside(w, mask)
        belongs = outside == 0 if crossing == 0 else inside == 0 if crossing < 0 else inside == crossing and outside != 0
        if belongs:
            at, row = 3 * w[SIZES][NUM_TERMS], w[ROW][w[ANGLE][k]]
            w[SIZES][NUM_TERMS] += 1
            w[PHASE_TERMS][at], w[PHASE_TERMS][at + 1], w[PHASE_TERMS][at + 2] = inside, row, outside
            stage = max(stage, w[STAGE][row])
    return stage


def _reserve(w: Any, size: int) -> int:
    """Room in the workspace, in whole vectors."""
    at = w[SIZES][WORK]
    w[SIZES][WORK] += -(-size // w[SIZES][LANES]) * w[SIZES][LANES]
    return at  # type: ignore[no-any-return]
