"""The machine: runs an encoded plan, passed as data, on samples `first` to `last`."""

from __future__ import annotations

from numba import njit

from qkernel_backends.native import angles, phases, start, words
from qkernel_backends.native.cache import keep_on_disk
from qkernel_backends.native.gates import (
    flip,
    flip_low,
    mix,
    turn,
    turn_back,
    turn_low,
    turn_low_back,
    turn_real,
    turn_real_back,
)
from qkernel_backends.native.layout import (
    AT,
    BATCHED,
    BIT,
    COEFFICIENTS_AT,
    CONSTANT,
    CONTROLS,
    EXTRA,
    FLIP,
    FROM_ZERO,
    GROUP,
    GROUPS_AT,
    INPUTS_AT,
    KIND,
    LANE_BITS,
    LANE_MASKS_AT,
    LOW,
    MOMENTS_AT,
    NUM_GROUPS,
    NUM_INPUTS,
    NUM_OPS,
    NUM_ROWS,
    OP_WIDTH,
    OPS_AT,
    PAULI,
    PHASES,
    QUBITS,
    REAL,
    ROTATION,
    ROW_GRADIENTS_AT,
    ROWS_AT,
    SHARED,
    SIGNS_AT,
    SIZE,
    STAGE,
    STATE_AT,
    VALUE,
)
from qkernel_backends.native.readout import begin_costate, read

EXPECT, GRADIENT, STATE, CONSTANTS = range(4)


@njit
def _prepare(s, code, numbers, weights, stage):  # type: ignore[no-untyped-def]
    """Angles, rotations and phase tables of a stage."""
    angles.evaluate(s, code, numbers, weights, stage)
    angles.coefficients(s, code, stage)
    for k in range(code[NUM_OPS]):
        op = code[OPS_AT] + OP_WIDTH * k
        if code[op + KIND] == PHASES and code[op + STAGE] == stage:
            phases.build(s, code, code[op + CONTROLS], code[op + VALUE], code[op + AT], code[op + BIT], code[op + LOW])


@njit
def _clear(s, code, stage):  # type: ignore[no-untyped-def]
    """Put the gradients of a stage to 0."""
    lanes = 64 // s.itemsize
    for row in range(code[NUM_ROWS]):
        if code[code[ROWS_AT] + 3 * row + 2] == stage:
            k = code[ROW_GRADIENTS_AT] + lanes * row
            s[k : k + lanes] = 0
    for group in range(code[NUM_GROUPS]):
        if code[code[GROUPS_AT] + 4 * group + 2] == stage:
            k = code[MOMENTS_AT] + 3 * lanes * group
            s[k : k + 3 * lanes] = 0
    for k in range(code[NUM_OPS]):
        op = code[OPS_AT] + OP_WIDTH * k
        if code[op + KIND] == PHASES and code[op + STAGE] == stage:
            s[code[op + GROUP] : code[op + GROUP] + code[SIZE]] = 0


@njit
def _collect(s, code, numbers, stage, grad_inputs, grad_weights, first, count):  # type: ignore[no-untyped-def]
    """From what was added up in a stage to the gradients of the columns."""
    angles.share_moments(s, code, stage)
    for k in range(code[NUM_OPS]):
        op = code[OPS_AT] + OP_WIDTH * k
        if code[op + KIND] == PHASES and code[op + STAGE] == stage:
            phases.collect(s, code, code[op + CONTROLS], code[op + VALUE], code[SIZE], code[op + GROUP])
    angles.hand_out(s, code, numbers, stage, grad_inputs, grad_weights, first, count)


@njit
def _forward(s, code, numbers, op):  # type: ignore[no-untyped-def]
    at, size, signs = code[STATE_AT], code[SIZE], code[SIGNS_AT]
    lanes = 64 // s.itemsize
    kind, bit, controls, value = code[op + KIND], code[op + BIT], code[op + CONTROLS], code[op + VALUE]
    c = code[COEFFICIENTS_AT] + 4 * lanes * code[op + GROUP]
    if kind == ROTATION:
        if 1 << bit < lanes:
            turn_low(s, at, size, bit, controls, value, c, signs, 1.0)
        elif code[op + REAL]:
            turn_real(s, at, size, bit, controls, value, c)
        else:
            turn(s, at, size, bit, controls, value, c, 1.0)
    elif kind == PHASES:
        phases.apply(s, at, size, code[op + AT], bit, code[op + LOW])
    elif kind == FLIP:
        _flip(s, code, op, 2)
    elif kind == PAULI:
        words.rotate(s, at, size, bit, code[op + EXTRA], code[op + AT], controls, value, c, c, signs, False)
    else:
        words.apply_matrix(s, code, numbers, at, size, code[op + EXTRA], bit, controls, value, code[op + AT], False)


@njit
def _flip(s, code, op, parts):  # type: ignore[no-untyped-def]
    at, size, lanes = code[STATE_AT], code[SIZE], 64 // s.itemsize
    bit, controls, value, low = code[op + BIT], code[op + CONTROLS], code[op + VALUE], code[op + LOW]
    stay = code[LANE_MASKS_AT] + lanes * low
    if 1 << bit < lanes:
        flip_low(s, at, size, bit, controls, value, parts, stay)
    elif low:
        mix(s, at, size, bit, controls, value, parts, stay)
    else:
        flip(s, at, size, bit, controls, value, parts)


@njit
def _backward(s, code, numbers, op):  # type: ignore[no-untyped-def]
    at, size, signs = code[STATE_AT], code[SIZE], code[SIGNS_AT]
    lanes = 64 // s.itemsize
    kind, bit, controls, value = code[op + KIND], code[op + BIT], code[op + CONTROLS], code[op + VALUE]
    c = code[COEFFICIENTS_AT] + 4 * lanes * code[op + GROUP]
    m = code[MOMENTS_AT] + 3 * lanes * code[op + GROUP]
    if kind == ROTATION:
        if 1 << bit < lanes:
            turn_low_back(s, at, size, bit, controls, value, c, m, signs)
        elif code[op + REAL]:
            turn_real_back(s, at, size, bit, controls, value, c, m)
        else:
            turn_back(s, at, size, bit, controls, value, c, m)
    elif kind == PHASES:
        phases.apply_back(s, at, size, code[op + AT], bit, code[op + LOW], code[op + GROUP])
    elif kind == FLIP:
        _flip(s, code, op, 4)
    elif kind == PAULI:
        words.rotate(s, at, size, bit, code[op + EXTRA], code[op + AT], controls, value, c, m, signs, True)
    else:
        for part in (at, at + 2 * size):
            words.apply_matrix(s, code, numbers, part, size, code[op + EXTRA], bit, controls, value, code[op + AT], True)


@njit
def _copy_state(s, code, states, first, count, inwards):  # type: ignore[no-untyped-def]
    """Between the lanes and `states`, shape (batch, 2, 2**n)."""
    samples = 1 << code[LANE_BITS]
    size, at = code[SIZE], code[STATE_AT]
    for part in range(2):
        for amplitude in range(1 << code[QUBITS]):
            place = at + part * size + amplitude * samples
            for sample in range(samples):
                if inwards:
                    s[place + sample] = states[first + min(sample, count - 1), part, amplitude]
                elif sample < count:
                    states[first + sample, part, amplitude] = s[place + sample]


@keep_on_disk
@njit(nogil=True)
def run(  # type: ignore[no-untyped-def]
    code, numbers, s, inputs, weights, cotangent, values, grad_inputs, grad_weights, states, first, last, mode
):
    """EXPECT fills `values`; GRADIENT also `grad_inputs` and adds to `grad_weights`; STATE goes through `states`."""
    lanes = 64 // s.itemsize
    if mode == CONSTANTS:
        _prepare(s, code, numbers, weights, CONSTANT)
        return
    _prepare(s, code, numbers, weights, SHARED)
    if mode == GRADIENT:
        _clear(s, code, CONSTANT)
        _clear(s, code, SHARED)
    samples = 1 << code[LANE_BITS]
    for begin in range(first, last, samples):
        count = min(samples, last - begin)
        for column in range(code[NUM_INPUTS]):
            place = code[INPUTS_AT] + lanes * column
            for lane in range(lanes):
                s[place + lane] = inputs[begin + min(lane & (samples - 1), count - 1), column]
        _prepare(s, code, numbers, weights, BATCHED)
        if code[FROM_ZERO]:
            start.prepare(s, code, code[STATE_AT])
        else:
            _copy_state(s, code, states, begin, count, True)
        for k in range(code[NUM_OPS]):
            _forward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k)
        if mode == STATE:
            _copy_state(s, code, states, begin, count, False)
            continue
        read(s, code, numbers, values, begin, count)
        if mode == GRADIENT:
            _clear(s, code, BATCHED)
            begin_costate(s, code, numbers, cotangent, begin, count)
            for k in range(code[NUM_OPS] - 1, -1, -1):
                _backward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k)
            start.contract(s, code, code[STATE_AT])
            grad_inputs[begin : begin + count] = 0
            _collect(s, code, numbers, BATCHED, grad_inputs, grad_weights, begin, count)
    if mode == GRADIENT:
        _collect(s, code, numbers, SHARED, grad_inputs, grad_weights, 0, 0)
