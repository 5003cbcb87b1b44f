"""The machine: runs an encoded plan, passed as data, on samples `first` to `last`."""

from __future__ import annotations

from qkernel_backends.native import angles, layout, readout, start
from qkernel_backends.native.blocks import run_blocks
from qkernel_backends.native.steps import backward, clear, collect, forward, load_inputs, prepare
from qkernel_backends.native.vectors import fill, kernel, lanes_of, load, pitch_of, scalar, splat, store


@kernel
def _copy_state(s, code, states, first, count, parts, inwards):  # type: ignore[no-untyped-def]
    """Between the lanes and `states`, shape (batch, parts, 2**n); lanes without a sample repeat the last, but for co-states."""
    samples, amplitudes = 1 << code[layout.LANE_BITS], 1 << code[layout.QUBITS]
    pitch, at = pitch_of(s, code[layout.SIZE]), code[layout.STATE_AT]
    for part in range(parts):
        for amplitude in range(amplitudes):
            place = at + part * pitch + amplitude * samples
            for sample in range(samples):
                other = (parts * (first + min(sample, count - 1)) + part) * amplitudes + amplitude
                if inwards:
                    s[place + sample] = states[other] if sample < count or part < 2 else 0
                elif sample < count:
                    states[other] = s[place + sample]


@kernel
def _copy_chunk(s, code, states, chunk, inwards):  # type: ignore[no-untyped-def]
    """Between the lanes and a row of `states`, as they are."""
    size, lanes = code[layout.SIZE], lanes_of(s)
    for part in range(2):
        near, far = code[layout.STATE_AT] + part * pitch_of(s, size), (2 * chunk + part) * size
        for k in range(0, size, lanes):
            if inwards:
                store(s, near + k, load(states, far + k))
            else:
                store(states, far + k, load(s, near + k))


@kernel
def _forwards(s, code, numbers, states, stop, begin, count, mode):  # type: ignore[no-untyped-def]
    """The operations, on what the plan or `states` starts from."""
    if code[layout.FROM_ZERO]:
        start.prepare(s, code, code[layout.STATE_AT])
    else:
        _copy_state(s, code, states, begin, count, 2, True)
    for k in range(code[layout.NUM_OPS]):
        if stop[0] != 0:
            return
        forward(s, code, numbers, code[layout.OPS_AT] + layout.OP_WIDTH * k, 0)
    if mode == layout.EVOLVE:
        _copy_state(s, code, states, begin, count, 2, False)


@kernel
def _backwards(s, code, numbers, cotangent, values, stop, begin, count, reads):  # type: ignore[no-untyped-def]
    """The gradients of a chunk of samples, from their state to those of its angles; the values, too, if it `reads`."""
    clear(s, code, layout.BATCHED)
    readout.weigh(s, code, numbers, cotangent, begin, count)
    if code[layout.NUM_WORD_GROUPS] == 0 or code[code[layout.WORD_GROUPS_AT]] != 0:
        readout.no_costate(s, code)
    readout.begin_costate(s, code, stop, 0, code[layout.NUM_WORD_GROUPS], 0)
    readout.observe_all(s, code, reads, True)
    if reads:
        readout.read(s, code, numbers, values, begin, count)
    for k in range(code[layout.NUM_OPS] - 1, -1, -1):
        if stop[0] != 0:
            return
        backward(s, code, numbers, code[layout.OPS_AT] + layout.OP_WIDTH * k, 0)
    one, zero = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
    at, groups = code[layout.STATE_AT], code[layout.START_AT]
    start.contract(s, code, at, code[layout.SIZE], code[layout.LANE_BITS], code[layout.QUBITS], groups, True, one, zero)


@kernel
def _retrace(s, code, numbers, states, stop, begin, count):  # type: ignore[no-untyped-def]
    """The operations undone on states and co-states that are given, and their moments."""
    clear(s, code, layout.BATCHED)
    _copy_state(s, code, states, begin, count, 4, True)
    for k in range(code[layout.NUM_OPS] - 1, -1, -1):
        if stop[0] != 0:
            return
        backward(s, code, numbers, code[layout.OPS_AT] + layout.OP_WIDTH * k, 0)
    _copy_state(s, code, states, begin, count, 4, False)


@kernel
def run(code, arrays, numbers, first, last, mode, sample, at):  # type: ignore[no-untyped-def]
    """See `layout` for the arrays, the modes and what they give.

    Up to RETRACE, `at` says whether each chunk of samples keeps its state in a row of its own, for KEEP and RESUME, and the
    gradients of each `sample` chunks go into a row of GRAD_WEIGHTS of their own (0: all into one). Modes beyond are tasks of
    `blocks`, for the blocks `first` to `last` of the pass at `at` of one sample.
    """
    s, states, inputs, weights = arrays[layout.WORK], arrays[layout.STATES], arrays[layout.INPUTS], arrays[layout.WEIGHTS]
    cotangent, values, stop = arrays[layout.COTANGENT], arrays[layout.VALUES], arrays[layout.STOP]
    grad_inputs, grad_weights = arrays[layout.GRAD_INPUTS], arrays[layout.GRAD_WEIGHTS]
    if mode in (layout.EXPECT, layout.GRADIENT, layout.KEEP, layout.BEGIN_CALL) and angles.out_of_range(
        code, numbers, inputs, weights, first, last
    ):
        return 1
    if mode > layout.RETRACE:
        run_blocks(code, arrays, numbers, first, last, mode, sample, at)
        return 0
    if mode == layout.CONSTANTS:
        prepare(s, code, numbers, weights, stop, layout.CONSTANT)
        return 0
    differentiates = mode in (layout.GRADIENT, layout.RESUME, layout.RETRACE)
    if mode != layout.RESUME:
        prepare(s, code, numbers, weights, stop, layout.SHARED)
    if differentiates:
        clear(s, code, layout.CONSTANT)
        clear(s, code, layout.SHARED)
    samples = 1 << code[layout.LANE_BITS]
    part, chunks = 0, 0
    for begin in range(first, last, samples):
        count = min(samples, last - begin)
        if mode != layout.RESUME or at != 0:
            load_inputs(s, code, inputs, begin, count)
            prepare(s, code, numbers, weights, stop, layout.BATCHED)
        if mode == layout.RETRACE:
            _retrace(s, code, numbers, states, stop, begin, count)
        elif mode != layout.RESUME:
            _forwards(s, code, numbers, states, stop, begin, count, mode)
            if mode == layout.EVOLVE:
                continue
            readout.clear(s, code)
            readout.add_up(s, code, stop, 0, code[layout.NUM_WORD_GROUPS], 0)
            if mode != layout.GRADIENT:
                readout.observe_all(s, code, True, False)
                readout.read(s, code, numbers, values, begin, count)
        if mode in (layout.KEEP, layout.RESUME) and at != 0:
            _copy_chunk(s, code, states, begin // samples, mode == layout.RESUME)
        if mode in (layout.GRADIENT, layout.RESUME):
            _backwards(s, code, numbers, cotangent, values, stop, begin, count, mode == layout.GRADIENT)
        if differentiates:
            fill(grad_inputs, begin * code[layout.NUM_INPUTS], count * code[layout.NUM_INPUTS])
            collect(s, code, numbers, layout.BATCHED, grad_inputs, grad_weights, 0, begin, count)
            chunks += 1
            if chunks == sample:
                collect(s, code, numbers, layout.SHARED, grad_inputs, grad_weights, part, 0, 0)
                clear(s, code, layout.SHARED)
                part, chunks = part + 1, 0
        if stop[0] != 0:
            return 0
    if chunks:
        collect(s, code, numbers, layout.SHARED, grad_inputs, grad_weights, part, 0, 0)
    return 0
