"""The machine for large states: passes over blocks that fit the cache, gathered from the state and put back.

A call does one pass, or part of one: its blocks may be shared out among threads, each with a workspace of its own.
"""

from __future__ import annotations

from qkernel_backends.native import layout, readout, start
from qkernel_backends.native.steps import backward, clear, collect, forward, load_inputs, prepare
from qkernel_backends.native.vectors import fill, kernel, lanes_of, load, pitch_of, scalar, splat, store


@kernel
def _base(code, at, block):  # type: ignore[no-untyped-def]
    """The element at which a block begins."""
    base = 0
    outside = code[at + layout.LISTS_AT] + code[at + layout.NUM_HIGH]
    for k in range(code[at + layout.NUM_OUTSIDE]):
        base |= (block >> k & 1) << code[outside + k]
    return base


@kernel
def _move(s, code, at, base, state, part, inwards):  # type: ignore[no-untyped-def]
    """Copy a block's real and imaginary part (`part` 0: of the state, 2: of the co-state) in from `state`, or out."""
    lanes = lanes_of(s)
    pitch, buffer = pitch_of(s, code[layout.SIZE]), code[layout.STATE_AT]
    run = 1 << code[at + layout.RUN_BITS]
    whole = code[layout.SIZE] << code[at + layout.NUM_OUTSIDE]
    for which in range(part, part + 2):
        for high in range(1 << code[at + layout.NUM_HIGH]):
            far = base + which * whole
            for k in range(code[at + layout.NUM_HIGH]):
                far += (high >> k & 1) << code[code[at + layout.LISTS_AT] + k]
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
    at, size = code[layout.STATE_AT], code[layout.SIZE]
    re, im = start.contract(s, code, at, size, 0, code[layout.QUBITS], code[layout.START_AT], True, ampr, ampi)
    pitch = pitch_of(s, lanes << code[layout.NUM_OUTER])
    to = code[layout.OVERLAPS_AT] + 2 * pitch + lanes * block
    store(s, to, re)
    store(s, to + pitch, im)


@kernel
def _observe(s, code, state, at, base, reads, weighs):  # type: ignore[no-untyped-def]
    """The images of a pass; if it looks far its blocks are contiguous, and terms may bring in others."""
    first, last = code[at + layout.FIRST_IMAGE], code[at + layout.LAST_IMAGE]
    if code[at + layout.LOOKS_FAR]:
        whole = code[layout.SIZE] << code[at + layout.NUM_OUTSIDE]
        readout.observe(s, code, state, base, whole, first, last, base, reads, weighs)
    else:
        readout.observe(s, code, s, code[layout.STATE_AT], pitch_of(s, code[layout.SIZE]), first, last, base, reads, weighs)


@kernel
def _block(s, code, numbers, state, stop, at, block, tasks):  # type: ignore[no-untyped-def]
    base = _base(code, at, block)
    first, last = code[at + layout.FIRST_OP], code[at + layout.LAST_OP]
    begins = tasks & layout.FIRST and tasks & layout.FORWARD
    if begins:
        start.place_template(s, code, code[layout.STATE_AT], base)
    else:
        _move(s, code, at, base, state, 0, True)
    if tasks & layout.FORWARD:
        for k in range(first, last):
            forward(s, code, numbers, code[layout.OPS_AT] + layout.OP_WIDTH * k, base)
    if tasks & layout.READ:
        readout.add_up(s, code, stop, code[at + layout.FIRST_WORDS], code[at + layout.LAST_WORDS], base)
        if not tasks & layout.OBSERVE:
            _observe(s, code, state, at, base, True, False)
    if tasks & layout.BEGIN:
        readout.no_costate(s, code)
    elif tasks & (layout.OBSERVE | layout.UNDO):
        _move(s, code, at, base, state, 2, True)
    if tasks & layout.OBSERVE:
        readout.begin_costate(s, code, stop, code[at + layout.FIRST_WORDS], code[at + layout.LAST_WORDS], base)
        _observe(s, code, state, at, base, tasks & layout.READ != 0, True)
    if tasks & layout.UNDO:
        for k in range(last - 1, first - 1, -1):
            backward(s, code, numbers, code[layout.OPS_AT] + layout.OP_WIDTH * k, base)
        if tasks & layout.FIRST:
            _finish_start(s, code, block, base)
            return
    if begins or tasks & layout.UNDO or (tasks & layout.FORWARD and first < last):
        _move(s, code, at, base, state, 0, False)
    if tasks & (layout.BEGIN | layout.OBSERVE | layout.UNDO):
        _move(s, code, at, base, state, 2, False)


@kernel
def run_blocks(code, arrays, numbers, first, last, tasks, sample, at):  # type: ignore[no-untyped-def]
    """Blocks `first` to `last` of the pass at `at`, or what is done between passes for one sample.

    The large state holds four parts: state and co-state, real and imaginary.
    """
    s, weights, stop = arrays[layout.WORK], arrays[layout.WEIGHTS], arrays[layout.STOP]
    grad_inputs, grad_weights = arrays[layout.GRAD_INPUTS], arrays[layout.GRAD_WEIGHTS]
    lanes = lanes_of(s)
    if tasks == layout.BEGIN_CALL:
        prepare(s, code, numbers, weights, stop, layout.SHARED)
        clear(s, code, 0)
        clear(s, code, layout.SHARED)
    elif tasks == layout.BEGIN_SAMPLE:
        load_inputs(s, code, arrays[layout.INPUTS], sample, 1)
        prepare(s, code, numbers, weights, stop, layout.BATCHED)
        clear(s, code, layout.BATCHED)
        start.prepare(s, code, code[layout.TEMPLATE_AT])
        readout.clear(s, code)
        fill(s, code[layout.OVERLAPS_AT], 4 * pitch_of(s, lanes << code[layout.NUM_OUTER]))
    elif tasks == layout.SUM_UP:
        readout.read(s, code, numbers, arrays[layout.VALUES], sample, 1)
    elif tasks == layout.WEIGH:
        readout.weigh(s, code, numbers, arrays[layout.COTANGENT], sample, 1)
    elif tasks == layout.END_START:
        one, zero = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
        vector_bits = 4 if lanes == 16 else 3
        outside, groups = lanes << code[layout.NUM_OUTER], code[layout.OUTER_START_AT]
        start.contract(
            s, code, code[layout.OVERLAPS_AT], outside, vector_bits, code[layout.NUM_OUTER], groups, False, one, zero
        )
    elif tasks == layout.END_SAMPLE:
        collect(s, code, numbers, layout.BATCHED, grad_inputs, grad_weights, 0, sample, 1)
    elif tasks == layout.END_CALL:
        collect(s, code, numbers, layout.SHARED, grad_inputs, grad_weights, 0, 0, 0)
    else:
        for block in range(first, last):
            if stop[0] != 0:
                return
            _block(s, code, numbers, arrays[layout.STATES], stop, at, block, tasks)
