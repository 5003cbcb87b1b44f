"""The machine: runs an encoded plan, passed as data, on samples `first` to `last`."""

from __future__ import annotations

from numba import njit

from qkernel_backends.native import readout, start
from qkernel_backends.native.blocks import run_blocks
from qkernel_backends.native.cache import keep_on_disk
from qkernel_backends.native.layout import (
    BATCHED,
    CONSTANT,
    FROM_ZERO,
    LANE_BITS,
    NUM_OPS,
    NUM_WORD_GROUPS,
    OP_WIDTH,
    OPS_AT,
    QUBITS,
    SHARED,
    SIZE,
    START_AT,
    STATE_AT,
    WORD_GROUPS_AT,
)
from qkernel_backends.native.steps import backward, clear, collect, forward, load_inputs, prepare
from qkernel_backends.native.vectors import scalar, splat

EXPECT, GRADIENT, STATE, CONSTANTS = range(4)


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
    code, numbers, s, inputs, weights, cotangent, values, grad_inputs, grad_weights, states, first, last, mode, sample, at
):
    """EXPECT fills `values`; GRADIENT also `grad_inputs` and adds to `grad_weights`; STATE goes through `states`.

    Every other mode is a task of `blocks`, for the blocks `first` to `last` of the pass at `at` of one sample.
    """
    if mode > CONSTANTS:
        run_blocks(
            code,
            numbers,
            s,
            states[0, 0],
            inputs,
            weights,
            cotangent,
            values,
            grad_inputs,
            grad_weights,
            sample,
            at,
            first,
            last,
            mode,
        )
        return
    if mode == CONSTANTS:
        prepare(s, code, numbers, weights, CONSTANT)
        return
    prepare(s, code, numbers, weights, SHARED)
    if mode == GRADIENT:
        clear(s, code, CONSTANT)
        clear(s, code, SHARED)
    samples = 1 << code[LANE_BITS]
    for begin in range(first, last, samples):
        count = min(samples, last - begin)
        load_inputs(s, code, inputs, begin, count)
        prepare(s, code, numbers, weights, BATCHED)
        if code[FROM_ZERO]:
            start.prepare(s, code, code[STATE_AT])
        else:
            _copy_state(s, code, states, begin, count, True)
        for k in range(code[NUM_OPS]):
            forward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k, 0)
        if mode == STATE:
            _copy_state(s, code, states, begin, count, False)
            continue
        readout.clear(s, code)
        readout.add_up(s, code, 0, code[NUM_WORD_GROUPS], 0)
        readout.read(s, code, numbers, values, begin, count)
        if mode == GRADIENT:
            clear(s, code, BATCHED)
            readout.weigh(s, code, numbers, cotangent, begin, count)
            if code[NUM_WORD_GROUPS] == 0 or code[code[WORD_GROUPS_AT]] != 0:
                readout.no_costate(s, code)
            readout.begin_costate(s, code, 0, code[NUM_WORD_GROUPS], 0)
            for k in range(code[NUM_OPS] - 1, -1, -1):
                backward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k, 0)
            one, zero = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
            start.contract(s, code, code[STATE_AT], code[SIZE], code[LANE_BITS], code[QUBITS], code[START_AT], True, one, zero)
            grad_inputs[begin : begin + count] = 0
            collect(s, code, numbers, BATCHED, grad_inputs, grad_weights, begin, count)
    if mode == GRADIENT:
        collect(s, code, numbers, SHARED, grad_inputs, grad_weights, 0, 0)
