"""The machine: runs an encoded plan, passed as data, on samples `first` to `last`."""

from __future__ import annotations

from qkernel_backends.native import angles, layout, readout, start
from qkernel_backends.native.blocks import run_blocks
from qkernel_backends.native.layout import (
    BATCHED,
    BEGIN_CALL,
    CONSTANT,
    CONSTANTS,
    EVOLVE,
    EXPECT,
    FROM_ZERO,
    GRADIENT,
    KEEP,
    LANE_BITS,
    NUM_INPUTS,
    NUM_OPS,
    NUM_WORD_GROUPS,
    OP_WIDTH,
    OPS_AT,
    QUBITS,
    RESUME,
    SHARED,
    SIZE,
    START_AT,
    STATE_AT,
    WORD_GROUPS_AT,
)
from qkernel_backends.native.steps import backward, clear, collect, forward, load_inputs, prepare
from qkernel_backends.native.vectors import fill, kernel, lanes_of, load, pitch_of, scalar, splat, store


@kernel
def _copy_state(s, code, states, first, count, inwards):  # type: ignore[no-untyped-def]
    """Between the lanes and `states`, shape (batch, 2, 2**n)."""
    samples, amplitudes = 1 << code[LANE_BITS], 1 << code[QUBITS]
    pitch, at = pitch_of(s, code[SIZE]), code[STATE_AT]
    for part in range(2):
        for amplitude in range(amplitudes):
            place = at + part * pitch + amplitude * samples
            for sample in range(samples):
                other = (2 * (first + min(sample, count - 1)) + part) * amplitudes + amplitude
                if inwards:
                    s[place + sample] = states[other]
                elif sample < count:
                    states[other] = s[place + sample]


@kernel
def _copy_chunk(s, code, states, chunk, inwards):  # type: ignore[no-untyped-def]
    """Between the lanes and a row of `states`, as they are."""
    size, lanes = code[SIZE], lanes_of(s)
    for part in range(2):
        near, far = code[STATE_AT] + part * pitch_of(s, size), (2 * chunk + part) * size
        for k in range(0, size, lanes):
            if inwards:
                store(s, near + k, load(states, far + k))
            else:
                store(states, far + k, load(s, near + k))


@kernel
def _forwards(s, code, numbers, states, stop, begin, count, mode):  # type: ignore[no-untyped-def]
    """The operations, on what the plan or `states` starts from."""
    if code[FROM_ZERO]:
        start.prepare(s, code, code[STATE_AT])
    else:
        _copy_state(s, code, states, begin, count, True)
    for k in range(code[NUM_OPS]):
        if stop[0] != 0:
            return
        forward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k, 0)
    if mode == EVOLVE:
        _copy_state(s, code, states, begin, count, False)


@kernel
def _backwards(s, code, numbers, cotangent, stop, begin, count):  # type: ignore[no-untyped-def]
    """The gradients of a chunk of samples, from their state to those of its angles."""
    clear(s, code, BATCHED)
    readout.weigh(s, code, numbers, cotangent, begin, count)
    if code[NUM_WORD_GROUPS] == 0 or code[code[WORD_GROUPS_AT]] != 0:
        readout.no_costate(s, code)
    readout.begin_costate(s, code, stop, 0, code[NUM_WORD_GROUPS], 0)
    for k in range(code[NUM_OPS] - 1, -1, -1):
        if stop[0] != 0:
            return
        backward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k, 0)
    one, zero = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
    start.contract(s, code, code[STATE_AT], code[SIZE], code[LANE_BITS], code[QUBITS], code[START_AT], True, one, zero)


@kernel
def run(code, arrays, numbers, first, last, mode, sample, at):  # type: ignore[no-untyped-def]
    """See `layout` for the arrays, the modes and what they give.

    Modes beyond RESUME are tasks of `blocks`, for the blocks `first` to `last` of the pass at `at` of one sample.
    """
    s, states, inputs, weights = arrays[layout.WORK], arrays[layout.STATES], arrays[layout.INPUTS], arrays[layout.WEIGHTS]
    cotangent, values, stop = arrays[layout.COTANGENT], arrays[layout.VALUES], arrays[layout.STOP]
    grad_inputs, grad_weights = arrays[layout.GRAD_INPUTS], arrays[layout.GRAD_WEIGHTS]
    if mode in (EXPECT, GRADIENT, KEEP, BEGIN_CALL) and angles.out_of_range(code, numbers, inputs, weights, first, last):
        return 1
    if mode > RESUME:
        run_blocks(code, arrays, numbers, first, last, mode, sample, at)
        return 0
    if mode == CONSTANTS:
        prepare(s, code, numbers, weights, stop, CONSTANT)
        return 0
    differentiates = mode in (GRADIENT, RESUME)
    if mode != RESUME:
        prepare(s, code, numbers, weights, stop, SHARED)
    if differentiates:
        clear(s, code, CONSTANT)
        clear(s, code, SHARED)
    samples = 1 << code[LANE_BITS]
    several = last - first > samples
    for begin in range(first, last, samples):
        count = min(samples, last - begin)
        if mode != RESUME or several:
            load_inputs(s, code, inputs, begin, count)
            prepare(s, code, numbers, weights, stop, BATCHED)
        if mode != RESUME:
            _forwards(s, code, numbers, states, stop, begin, count, mode)
            if mode == EVOLVE:
                continue
            readout.clear(s, code)
            readout.add_up(s, code, stop, 0, code[NUM_WORD_GROUPS], 0)
            readout.read(s, code, numbers, values, begin, count)
        if mode in (KEEP, RESUME) and several:
            _copy_chunk(s, code, states, begin // samples, mode == RESUME)
        if differentiates:
            _backwards(s, code, numbers, cotangent, stop, begin, count)
            fill(grad_inputs, begin * code[NUM_INPUTS], count * code[NUM_INPUTS])
            collect(s, code, numbers, BATCHED, grad_inputs, grad_weights, begin, count)
        if stop[0] != 0:
            return 0
    if differentiates:
        collect(s, code, numbers, SHARED, grad_inputs, grad_weights, 0, 0)
    return 0
