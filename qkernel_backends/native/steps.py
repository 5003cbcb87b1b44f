"""One operation of a plan after the other: their angles and tables, forwards, backwards, and their gradients."""

from __future__ import annotations

from qkernel_backends.native import angles, phases, words
from qkernel_backends.native.flips import flip, flip_lanes, flip_low, mix, permute, permute_back
from qkernel_backends.native.gates import (
    turn,
    turn_back,
    turn_low,
    turn_low_back,
)
from qkernel_backends.native.layout import (
    ABOUT_X,
    ABOUT_Y,
    AT,
    BIT,
    COEFFICIENTS_AT,
    CONTROLS,
    EXTRA,
    FLIP,
    GROUP,
    GROUPS_AT,
    INPUTS_AT,
    KIND,
    LANE_BITS,
    LANE_MASKS_AT,
    LOW,
    LOW_FLIPS,
    LOW_ROTATIONS,
    MOMENTS_AT,
    MOVE,
    NUM_GROUPS,
    NUM_INPUTS,
    NUM_OPS,
    NUM_ROWS,
    OP_WIDTH,
    OPS_AT,
    OTHER,
    OUTER_CONTROLS,
    OUTER_VALUE,
    PAIR,
    PAULI,
    PHASES,
    REAL,
    ROTATION,
    ROW_GRADIENTS_AT,
    ROWS_AT,
    SIGNS_AT,
    SIZE,
    STAGE,
    STATE_AT,
    VALUE,
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
    for k in range(code[NUM_OPS]):
        if stop[0] != 0:
            return
        op = code[OPS_AT] + OP_WIDTH * k
        if code[op + KIND] == PHASES and code[op + STAGE] == stage:
            phases.build(s, code, op)


@kernel
def clear(s, code, stage):  # type: ignore[no-untyped-def]
    """Put the gradients of a stage to 0."""
    lanes = lanes_of(s)
    for row in range(code[NUM_ROWS]):
        if code[code[ROWS_AT] + 3 * row + 2] == stage:
            k = code[ROW_GRADIENTS_AT] + lanes * row
            fill(s, k, lanes)
    for group in range(code[NUM_GROUPS]):
        if code[code[GROUPS_AT] + 4 * group + 2] == stage:
            k = code[MOMENTS_AT] + 3 * lanes * group
            fill(s, k, 3 * lanes)
    for k in range(code[NUM_OPS]):
        op = code[OPS_AT] + OP_WIDTH * k
        if code[op + KIND] == PHASES and code[op + STAGE] == stage:
            fill(s, code[op + GROUP], code[SIZE])


@kernel
def collect(s, code, numbers, stage, grad_inputs, grad_weights, first, count):  # type: ignore[no-untyped-def]
    """From what was added up in a stage to the gradients of the columns."""
    angles.share_moments(s, code, stage)
    for k in range(code[NUM_OPS]):
        op = code[OPS_AT] + OP_WIDTH * k
        if code[op + KIND] == PHASES and code[op + STAGE] == stage:
            phases.collect(s, code, op, code[SIZE])
    angles.hand_out(s, code, numbers, stage, grad_inputs, grad_weights, first, count)


@kernel
def _entry(s, code, section, width, group):  # type: ignore[no-untyped-def]
    return code[section] + width * lanes_of(s) * group


@kernel
def forward(s, code, numbers, op, base):  # type: ignore[no-untyped-def]
    """Apply an operation to a block, if its controls outside hold."""
    if (base & code[op + OUTER_CONTROLS]) != code[op + OUTER_VALUE]:
        return
    at, size, signs = code[STATE_AT], code[SIZE], code[SIGNS_AT]
    lanes = lanes_of(s)
    kind, bit, controls, value = code[op + KIND], code[op + BIT], code[op + CONTROLS], code[op + VALUE]
    c = code[COEFFICIENTS_AT] + 4 * lanes * code[op + GROUP]
    if kind == ROTATION:
        other = code[op + OTHER]
        if 1 << bit < lanes and code[op + REAL] == ABOUT_X:
            turn_x_low(s, at, size, bit, controls, value, c)
        elif 1 << bit < lanes:
            turn_low(s, at, size, bit, controls, value, c, signs, 1.0)
        elif code[op + REAL] == ABOUT_Y:
            turn_y(s, at, size, bit, other, controls, value, c)
        elif code[op + REAL] == ABOUT_X:
            turn_x(s, at, size, bit, other, controls, value, c)
        else:
            turn(s, at, size, bit, other, controls, value, c, 1.0)
    elif kind == PAIR:
        turn_pair(s, at, size, bit, code[op + LOW], c, _entry(s, code, COEFFICIENTS_AT, 4, code[op + EXTRA]))
    elif kind == LOW_ROTATIONS:
        first = code[op + EXTRA]
        turn_lanes(
            s,
            at,
            size,
            code[LANE_BITS],
            _entry(s, code, COEFFICIENTS_AT, 4, code[first]),
            _entry(s, code, COEFFICIENTS_AT, 4, code[first + 1]),
            _entry(s, code, COEFFICIENTS_AT, 4, code[first + 2]),
            _entry(s, code, COEFFICIENTS_AT, 4, code[first + 3]),
            signs,
        )
    elif kind == PHASES:
        phases.apply(s, code, op, at, size, base)
    elif kind == FLIP:
        _flip(s, code, op, 2)
    elif kind == LOW_FLIPS:
        _flip_lanes(s, code, op, 2, False)
    elif kind == MOVE:
        permute(s, code, at, size, code[op + AT], code[op + EXTRA])
    elif kind == PAULI:
        words.rotate(s, at, size, bit, code[op + EXTRA], code[op + AT], controls, value, c, c, signs, False)
    else:
        words.apply_matrix(s, code, numbers, at, size, code[op + EXTRA], bit, controls, value, code[op + AT], False)


@kernel
def _flip(s, code, op, parts):  # type: ignore[no-untyped-def]
    at, size, lanes = code[STATE_AT], code[SIZE], lanes_of(s)
    bit, controls, value, low = code[op + BIT], code[op + CONTROLS], code[op + VALUE], code[op + LOW]
    stay = code[LANE_MASKS_AT] + lanes * low
    if 1 << bit < lanes:
        flip_low(s, at, size, bit, controls, value, parts, stay)
    elif low:
        mix(s, at, size, bit, code[op + OTHER], controls, value, parts, stay)
    else:
        flip(s, at, size, bit, code[op + OTHER], controls, value, parts)


@kernel
def _flip_lanes(s, code, op, parts, back):  # type: ignore[no-untyped-def]
    stay, lanes, masks = code[LANE_MASKS_AT], lanes_of(s), code[op + EXTRA]
    flip_lanes(
        s,
        code[STATE_AT],
        code[SIZE],
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
    if (base & code[op + OUTER_CONTROLS]) != code[op + OUTER_VALUE]:
        return
    at, size, signs = code[STATE_AT], code[SIZE], code[SIGNS_AT]
    lanes = lanes_of(s)
    kind, bit, controls, value = code[op + KIND], code[op + BIT], code[op + CONTROLS], code[op + VALUE]
    c = code[COEFFICIENTS_AT] + 4 * lanes * code[op + GROUP]
    m = code[MOMENTS_AT] + 3 * lanes * code[op + GROUP]
    if kind == ROTATION:
        other = code[op + OTHER]
        if 1 << bit < lanes and code[op + REAL] == ABOUT_X:
            turn_x_low_back(s, at, size, bit, controls, value, c, m)
        elif 1 << bit < lanes:
            turn_low_back(s, at, size, bit, controls, value, c, m, signs)
        elif code[op + REAL] == ABOUT_Y:
            turn_y_back(s, at, size, bit, other, controls, value, c, m)
        elif code[op + REAL] == ABOUT_X:
            turn_x_back(s, at, size, bit, other, controls, value, c, m)
        else:
            turn_back(s, at, size, bit, other, controls, value, c, m)
    elif kind == PAIR:
        other = code[op + EXTRA]
        d, n = _entry(s, code, COEFFICIENTS_AT, 4, other), _entry(s, code, MOMENTS_AT, 3, other)
        turn_pair_back(s, at, size, bit, code[op + LOW], c, d, m, n)
    elif kind == LOW_ROTATIONS:
        first = code[op + EXTRA]
        turn_lanes_back(
            s,
            at,
            size,
            code[LANE_BITS],
            _entry(s, code, COEFFICIENTS_AT, 4, code[first]),
            _entry(s, code, COEFFICIENTS_AT, 4, code[first + 1]),
            _entry(s, code, COEFFICIENTS_AT, 4, code[first + 2]),
            _entry(s, code, COEFFICIENTS_AT, 4, code[first + 3]),
            _entry(s, code, MOMENTS_AT, 3, code[first]),
            _entry(s, code, MOMENTS_AT, 3, code[first + 1]),
            _entry(s, code, MOMENTS_AT, 3, code[first + 2]),
            _entry(s, code, MOMENTS_AT, 3, code[first + 3]),
            signs,
        )
    elif kind == PHASES:
        phases.apply_back(s, code, op, at, size, base)
    elif kind == FLIP:
        _flip(s, code, op, 4)
    elif kind == LOW_FLIPS:
        _flip_lanes(s, code, op, 4, True)
    elif kind == MOVE:
        for part in (at, at + 2 * pitch_of(s, size)):
            permute_back(s, code, part, size, code[op + AT], code[op + EXTRA])
    elif kind == PAULI:
        words.rotate(s, at, size, bit, code[op + EXTRA], code[op + AT], controls, value, c, m, signs, True)
    else:
        for part in (at, at + 2 * pitch_of(s, size)):
            words.apply_matrix(s, code, numbers, part, size, code[op + EXTRA], bit, controls, value, code[op + AT], True)


@kernel
def load_inputs(s, code, inputs, first, count):  # type: ignore[no-untyped-def]
    """The columns of the lanes' samples; lanes without a sample repeat the last."""
    lanes, samples = lanes_of(s), 1 << code[LANE_BITS]
    for column in range(code[NUM_INPUTS]):
        place = code[INPUTS_AT] + lanes * column
        for lane in range(lanes):
            s[place + lane] = inputs[(first + min(lane & (samples - 1), count - 1)) * code[NUM_INPUTS] + column]
