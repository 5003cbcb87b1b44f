"""The machine for large states: passes over blocks that fit the cache, gathered from the state and put back.

A call does one pass, or part of one: its blocks may be shared out among threads, each with a workspace of its own.
"""

from __future__ import annotations

from qkernel_backends.native import layout, readout, start
from qkernel_backends.native.layout import (
    BATCHED,
    BEGIN,
    BEGIN_CALL,
    BEGIN_SAMPLE,
    END_CALL,
    END_SAMPLE,
    END_START,
    FIRST,
    FIRST_OP,
    FIRST_WORDS,
    FORWARD,
    LAST_OP,
    LAST_WORDS,
    LISTS_AT,
    NUM_HIGH,
    NUM_OUTER,
    NUM_OUTSIDE,
    OBSERVE,
    OP_WIDTH,
    OPS_AT,
    OUTER_START_AT,
    OVERLAPS_AT,
    QUBITS,
    READ,
    RUN_BITS,
    SHARED,
    SIZE,
    START_AT,
    STATE_AT,
    SUM_UP,
    TEMPLATE_AT,
    UNDO,
    WEIGH,
)
from qkernel_backends.native.steps import backward, clear, collect, forward, load_inputs, prepare
from qkernel_backends.native.vectors import fill, kernel, lanes_of, load, pitch_of, scalar, splat, store


@kernel
def _base(code, at, block):  # type: ignore[no-untyped-def]
    """The element at which a block begins."""
    base = 0
    outside = code[at + LISTS_AT] + code[at + NUM_HIGH]
    for k in range(code[at + NUM_OUTSIDE]):
        base |= (block >> k & 1) << code[outside + k]
    return base


@kernel
def _move(s, code, at, base, state, part, inwards):  # type: ignore[no-untyped-def]
    """Copy a block's real and imaginary part (`part` 0: of the state, 2: of the co-state) in from `state`, or out."""
    lanes = lanes_of(s)
    pitch, buffer = pitch_of(s, code[SIZE]), code[STATE_AT]
    run = 1 << code[at + RUN_BITS]
    whole = code[SIZE] << code[at + NUM_OUTSIDE]
    for which in range(part, part + 2):
        for high in range(1 << code[at + NUM_HIGH]):
            far = base + which * whole
            for k in range(code[at + NUM_HIGH]):
                far += (high >> k & 1) << code[code[at + LISTS_AT] + k]
            near = buffer + which * pitch + high * run
            if inwards:
                for j in range(0, run, lanes):
                    store(s, near + j, load(state, far + j))
            else:
                for j in range(0, run, lanes):
                    store(state, far + j, load(s, near + j))


@kernel
def _finish_start(s, code, block, base):  # type: ignore[no-untyped-def]
    """The moments of the qubits inside; the block's overlap is kept for those outside."""
    lanes = lanes_of(s)
    ampr, ampi = start.outer_amplitude(s, code, base)
    at, size = code[STATE_AT], code[SIZE]
    re, im = start.contract(s, code, at, size, 0, code[QUBITS], code[START_AT], True, ampr, ampi)
    pitch = pitch_of(s, lanes << code[NUM_OUTER])
    to = code[OVERLAPS_AT] + 2 * pitch + lanes * block
    store(s, to, re)
    store(s, to + pitch, im)


@kernel
def _block(s, code, numbers, state, stop, at, block, tasks):  # type: ignore[no-untyped-def]
    base = _base(code, at, block)
    first, last = code[at + FIRST_OP], code[at + LAST_OP]
    begins = tasks & FIRST and tasks & FORWARD
    if begins:
        start.place_template(s, code, code[STATE_AT], base)
    else:
        _move(s, code, at, base, state, 0, True)
    if tasks & FORWARD:
        for k in range(first, last):
            forward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k, base)
    if tasks & READ:
        readout.add_up(s, code, stop, code[at + FIRST_WORDS], code[at + LAST_WORDS], base)
    if tasks & BEGIN:
        readout.no_costate(s, code)
    elif tasks & (OBSERVE | UNDO):
        _move(s, code, at, base, state, 2, True)
    if tasks & OBSERVE:
        readout.begin_costate(s, code, stop, code[at + FIRST_WORDS], code[at + LAST_WORDS], base)
    if tasks & UNDO:
        for k in range(last - 1, first - 1, -1):
            backward(s, code, numbers, code[OPS_AT] + OP_WIDTH * k, base)
        if tasks & FIRST:
            _finish_start(s, code, block, base)
            return
    if begins or tasks & UNDO or (tasks & FORWARD and first < last):
        _move(s, code, at, base, state, 0, False)
    if tasks & (BEGIN | OBSERVE | UNDO):
        _move(s, code, at, base, state, 2, False)


@kernel
def run_blocks(code, arrays, numbers, first, last, tasks, sample, at):  # type: ignore[no-untyped-def]
    """Blocks `first` to `last` of the pass at `at`, or what is done between passes for one sample.

    The large state holds four parts: state and co-state, real and imaginary.
    """
    s, weights, stop = arrays[layout.WORK], arrays[layout.WEIGHTS], arrays[layout.STOP]
    grad_inputs, grad_weights = arrays[layout.GRAD_INPUTS], arrays[layout.GRAD_WEIGHTS]
    lanes = lanes_of(s)
    if tasks == BEGIN_CALL:
        prepare(s, code, numbers, weights, stop, SHARED)
        clear(s, code, 0)
        clear(s, code, SHARED)
    elif tasks == BEGIN_SAMPLE:
        load_inputs(s, code, arrays[layout.INPUTS], sample, 1)
        prepare(s, code, numbers, weights, stop, BATCHED)
        clear(s, code, BATCHED)
        start.prepare(s, code, code[TEMPLATE_AT])
        readout.clear(s, code)
        fill(s, code[OVERLAPS_AT], 4 * pitch_of(s, lanes << code[NUM_OUTER]))
    elif tasks == SUM_UP:
        readout.read(s, code, numbers, arrays[layout.VALUES], sample, 1)
    elif tasks == WEIGH:
        readout.weigh(s, code, numbers, arrays[layout.COTANGENT], sample, 1)
    elif tasks == END_START:
        one, zero = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
        vector_bits = 4 if lanes == 16 else 3
        outside, groups = lanes << code[NUM_OUTER], code[OUTER_START_AT]
        start.contract(s, code, code[OVERLAPS_AT], outside, vector_bits, code[NUM_OUTER], groups, False, one, zero)
    elif tasks == END_SAMPLE:
        collect(s, code, numbers, BATCHED, grad_inputs, grad_weights, sample, 1)
    elif tasks == END_CALL:
        collect(s, code, numbers, SHARED, grad_inputs, grad_weights, 0, 0)
    else:
        for block in range(first, last):
            if stop[0] != 0:
                return
            _block(s, code, numbers, arrays[layout.STATES], stop, at, block, tasks)
