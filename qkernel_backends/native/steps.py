"""One operation of a plan after the other: their angles and tables, forwards, backwards, and their gradients."""

from __future__ import annotations

from qkernel_backends.native import angles, layout, phases, words
from qkernel_backends.native.flips import flip, flip_lanes, flip_low, mix, permute, permute_back
from qkernel_backends.native.gates import (
    turn,
    turn_back,
    turn_low,
    turn_low_back,
)
from qkernel_backends.native.real import (
    turn_lanes,
    turn_lanes_back,
    turn_pair,
    turn_pair_back,
    turn_x,
    turn_x_back,
    turn_x_low,
    turn_x_low_back,
    turn_y,
    turn_y_back,
)
from qkernel_backends.native.vectors import fill, kernel, lanes_of, pitch_of


@kernel
def prepare(s, code, numbers, weights, stop, stage):  # type: ignore[no-untyped-def]
    """Angles, rotations and phase tables of a stage."""
    angles.evaluate(s, code, numbers, weights, stage)
    angles.coefficients(s, code, stage)
    for k in range(code[layout.NUM_OPS]):
        if stop[0] != 0:
            return
        op = code[layout.OPS_AT] + layout.OP_WIDTH * k
        if code[op + layout.KIND] == layout.PHASES and code[op + layout.STAGE] == stage:
            phases.build(s, code, op)


@kernel
def clear(s, code, stage):  # type: ignore[no-untyped-def]
    """Put the gradients of a stage to 0."""
    lanes = lanes_of(s)
    for row in range(code[layout.NUM_ROWS]):
        if code[code[layout.ROWS_AT] + 3 * row + 2] == stage:
            k = code[layout.ROW_GRADIENTS_AT] + lanes * row
            fill(s, k, lanes)
    for group in range(code[layout.NUM_GROUPS]):
        if code[code[layout.GROUPS_AT] + 4 * group + 2] == stage:
            k = code[layout.MOMENTS_AT] + 3 * lanes * group
            fill(s, k, 3 * lanes)
    for k in range(code[layout.NUM_OPS]):
        op = code[layout.OPS_AT] + layout.OP_WIDTH * k
        if code[op + layout.KIND] == layout.PHASES and code[op + layout.STAGE] == stage:
            fill(s, code[op + layout.GROUP], code[layout.SIZE])


@kernel
def collect(s, code, numbers, stage, grad_inputs, grad_weights, part, first, count):  # type: ignore[no-untyped-def]
    """From what was added up in a stage to the gradients of the columns."""
    angles.share_moments(s, code, stage)
    for k in range(code[layout.NUM_OPS]):
        op = code[layout.OPS_AT] + layout.OP_WIDTH * k
        if code[op + layout.KIND] == layout.PHASES and code[op + layout.STAGE] == stage:
            phases.collect(s, code, op, code[layout.SIZE])
    angles.hand_out(s, code, numbers, stage, grad_inputs, grad_weights, part, first, count)


@kernel
def _entry(s, code, section, width, group):  # type: ignore[no-untyped-def]
    return code[section] + width * lanes_of(s) * group


@kernel
def _four(s, code, section, width, groups):  # type: ignore[no-untyped-def]
    """The entries of four groups, which `code` lists from `groups` on."""
    return (
        _entry(s, code, section, width, code[groups]),
        _entry(s, code, section, width, code[groups + 1]),
        _entry(s, code, section, width, code[groups + 2]),
        _entry(s, code, section, width, code[groups + 3]),
    )


@kernel
def _acting(code, op):  # type: ignore[no-untyped-def]
    """An operation's bit, its controls, the value that they select, and where more of it stands."""
    return code[op + layout.BIT], code[op + layout.CONTROLS], code[op + layout.VALUE], code[op + layout.EXTRA]


@kernel
def forward(s, code, numbers, op, base):  # type: ignore[no-untyped-def]
    """Apply an operation to a block, if its controls outside hold."""
    if (base & code[op + layout.OUTER_CONTROLS]) != code[op + layout.OUTER_VALUE]:
        return
    at, size, signs = code[layout.STATE_AT], code[layout.SIZE], code[layout.SIGNS_AT]
    lanes = lanes_of(s)
    kind, (bit, controls, value, extra) = code[op + layout.KIND], _acting(code, op)
    c = code[layout.COEFFICIENTS_AT] + 4 * lanes * code[op + layout.GROUP]
    if kind == layout.ROTATION:
        other = code[op + layout.OTHER]
        if 1 << bit < lanes and code[op + layout.REAL] == layout.ABOUT_X:
            turn_x_low(bit, s, at, size, controls, value, c)
        elif 1 << bit < lanes:
            turn_low(bit, s, at, size, controls, value, c, signs)
        elif code[op + layout.REAL] == layout.ABOUT_Y:
            turn_y(s, at, size, bit, other, controls, value, c)
        elif code[op + layout.REAL] == layout.ABOUT_X:
            turn_x(s, at, size, bit, other, controls, value, c)
        else:
            turn(s, at, size, bit, other, controls, value, c)
    elif kind == layout.PAIR:
        turn_pair(s, at, size, bit, code[op + layout.LOW], c, _entry(s, code, layout.COEFFICIENTS_AT, 4, extra))
    elif kind == layout.LOW_ROTATIONS:
        c0, c1, c2, c3 = _four(s, code, layout.COEFFICIENTS_AT, 4, extra)
        turn_lanes(code[layout.LANE_BITS], s, at, size, c0, c1, c2, c3, signs)
    elif kind == layout.PHASES:
        if code[op + layout.STAGE] == layout.WHERE_USED:
            phases.build(s, code, op)
        phases.apply(s, code, op, at, size, base)
    elif kind == layout.FLIP:
        _flip(s, code, op, 2)
    elif kind == layout.LOW_FLIPS:
        _flip_lanes(s, code, op, 2, False)
    elif kind == layout.MOVE:
        permute(s, code, at, size, code[op + layout.AT], extra)
    elif kind == layout.PAULI:
        words.rotate(s, at, size, bit, extra, code[op + layout.AT], controls, value, c, c, signs, False)
    elif kind == layout.LOAD:
        words.load_state(s, code, at, size, bit, controls, value, code[op + layout.AT], extra)
    else:
        words.apply_matrix(s, code, numbers, at, size, extra, bit, controls, value, code[op + layout.AT], False)


@kernel
def _flip(s, code, op, parts):  # type: ignore[no-untyped-def]
    at, size, lanes = code[layout.STATE_AT], code[layout.SIZE], lanes_of(s)
    low, (bit, controls, value, _) = code[op + layout.LOW], _acting(code, op)
    stay = code[layout.LANE_MASKS_AT] + lanes * low
    if 1 << bit < lanes:
        flip_low(bit, s, at, size, controls, value, parts, stay)
    elif low:
        mix(s, at, size, bit, code[op + layout.OTHER], controls, value, parts, stay)
    else:
        flip(s, at, size, bit, code[op + layout.OTHER], controls, value, parts)


@kernel
def _flip_lanes(s, code, op, parts, back):  # type: ignore[no-untyped-def]
    stay, lanes, masks = code[layout.LANE_MASKS_AT], lanes_of(s), code[op + layout.EXTRA]
    flip_lanes(
        s,
        code[layout.STATE_AT],
        code[layout.SIZE],
        parts,
        stay + lanes * code[masks],
        stay + lanes * code[masks + 1],
        stay + lanes * code[masks + 2],
        stay + lanes * code[masks + 3],
        back,
    )


@kernel
def backward(s, code, numbers, op, base):  # type: ignore[no-untyped-def]
    """Add up an operation's moments and undo it on state and co-state."""
    if (base & code[op + layout.OUTER_CONTROLS]) != code[op + layout.OUTER_VALUE]:
        return
    at, size, signs = code[layout.STATE_AT], code[layout.SIZE], code[layout.SIGNS_AT]
    lanes = lanes_of(s)
    kind, (bit, controls, value, extra) = code[op + layout.KIND], _acting(code, op)
    c = code[layout.COEFFICIENTS_AT] + 4 * lanes * code[op + layout.GROUP]
    m = code[layout.MOMENTS_AT] + 3 * lanes * code[op + layout.GROUP]
    if kind == layout.ROTATION:
        other = code[op + layout.OTHER]
        if 1 << bit < lanes and code[op + layout.REAL] == layout.ABOUT_X:
            turn_x_low_back(bit, s, at, size, controls, value, c, m)
        elif 1 << bit < lanes:
            turn_low_back(bit, s, at, size, controls, value, c, m, signs)
        elif code[op + layout.REAL] == layout.ABOUT_Y:
            turn_y_back(s, at, size, bit, other, controls, value, c, m)
        elif code[op + layout.REAL] == layout.ABOUT_X:
            turn_x_back(s, at, size, bit, other, controls, value, c, m)
        else:
            turn_back(s, at, size, bit, other, controls, value, c, m)
    elif kind == layout.PAIR:
        d, n = _entry(s, code, layout.COEFFICIENTS_AT, 4, extra), _entry(s, code, layout.MOMENTS_AT, 3, extra)
        turn_pair_back(s, at, size, bit, code[op + layout.LOW], c, d, m, n)
    elif kind == layout.LOW_ROTATIONS:
        c0, c1, c2, c3 = _four(s, code, layout.COEFFICIENTS_AT, 4, extra)
        m0, m1, m2, m3 = _four(s, code, layout.MOMENTS_AT, 3, extra)
        turn_lanes_back(code[layout.LANE_BITS], s, at, size, c0, c1, c2, c3, m0, m1, m2, m3, signs)
    elif kind == layout.PHASES and code[op + layout.STAGE] == layout.WHERE_USED:
        phases.build(s, code, op)
        fill(s, code[op + layout.GROUP], size)
        phases.apply_back(s, code, op, at, size, base)
        phases.collect(s, code, op, size)
    elif kind == layout.PHASES:
        phases.apply_back(s, code, op, at, size, base)
    elif kind == layout.FLIP:
        _flip(s, code, op, 4)
    elif kind == layout.LOW_FLIPS:
        _flip_lanes(s, code, op, 4, True)
    elif kind == layout.MOVE:
        for part in (at, at + 2 * pitch_of(s, size)):
            permute_back(s, code, part, size, code[op + layout.AT], extra)
    elif kind == layout.PAULI:
        words.rotate(s, at, size, bit, extra, code[op + layout.AT], controls, value, c, m, signs, True)
    elif kind == layout.LOAD:
        words.unload_state(s, code, at, size, bit, controls, value, code[op + layout.AT], extra)
    else:
        for part in (at, at + 2 * pitch_of(s, size)):
            words.apply_matrix(s, code, numbers, part, size, extra, bit, controls, value, code[op + layout.AT], True)


@kernel
def load_inputs(s, code, inputs, first, count):  # type: ignore[no-untyped-def]
    """The columns of the lanes' samples; lanes without a sample repeat the last."""
    lanes, samples = lanes_of(s), 1 << code[layout.LANE_BITS]
    for column in range(code[layout.NUM_INPUTS]):
        place = code[layout.INPUTS_AT] + lanes * column
        for lane in range(lanes):
            s[place + lane] = inputs[(first + min(lane & (samples - 1), count - 1)) * code[layout.NUM_INPUTS] + column]
