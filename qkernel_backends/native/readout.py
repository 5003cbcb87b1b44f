"""Expectation values of Pauli sums, and the co-state of their gradient.

Words whose X part many share are read in one pass over the state, by a Walsh-Hadamard transform; of the others in a sum the
*image* is made, a vector at a time: what they make of the state.
"""

from __future__ import annotations

from qkernel_backends.native import layout
from qkernel_backends.native.phases import transform
from qkernel_backends.native.vectors import (
    fill,
    is_odd,
    kernel,
    lanes_of,
    load,
    pitch_of,
    scalar,
    splat,
    store,
    swap_any,
)
from qkernel_backends.native.words import add_image, overlap


@kernel
def _probabilities(s, at, size, to):  # type: ignore[no-untyped-def]
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    for j in range(0, size, lanes):
        re, im = load(s, at + j), load(s, at + j + pitch)
        store(s, to + j, re * re + im * im)


@kernel
def _fold(s, code, at):  # type: ignore[no-untyped-def]
    """The sums with the sign of each single bit above a vector, at FOLDED_AT; the plain sum is left at `at`."""
    lanes = lanes_of(s)
    for bit in range(code[layout.LANE_BITS] + code[layout.QUBITS] - 1, -1, -1):
        step = 1 << bit
        if step < lanes:
            break
        difference = splat(s, scalar(s, 0.0))
        for k in range(at, at + step, lanes):
            a, b = load(s, k), load(s, k + step)
            difference = difference + (a - b)
            store(s, k, a + b)
        store(s, code[layout.FOLDED_AT] + lanes * bit, difference)


@kernel
def _unfold(s, code, at):  # type: ignore[no-untyped-def]
    """The transpose of `_fold`."""
    lanes = lanes_of(s)
    for bit in range(code[layout.LANE_BITS] + code[layout.QUBITS]):
        step = 1 << bit
        if step < lanes:
            continue
        weight = load(s, code[layout.FOLDED_AT] + lanes * bit)
        for k in range(at, at + step, lanes):
            a = load(s, k)
            store(s, k + step, a - weight)
            store(s, k, a + weight)


@kernel
def _bit_of(mask):  # type: ignore[no-untyped-def]
    bit = 0
    while mask >> bit > 1:
        bit += 1
    return bit


@kernel
def clear(s, code):  # type: ignore[no-untyped-def]
    """Put the sums of all words to 0."""
    lanes = lanes_of(s)
    fill(s, code[layout.WORD_VALUES_AT], lanes * code[layout.NUM_WORDS])


@kernel
def add_up(s, code, stop, first, last, base):  # type: ignore[no-untyped-def]
    """Add a block's part to the words of the groups `first` to `last`; uses up the room of the co-state."""
    lanes = lanes_of(s)
    size, at = code[layout.SIZE], code[layout.STATE_AT]
    pitch = pitch_of(s, size)
    room = at + 2 * pitch
    zero = splat(s, scalar(s, 0.0))
    for group in range(first, last):
        if stop[0] != 0:
            return
        entry = code[layout.WORD_GROUPS_AT] + 5 * group
        x, folded = code[entry], code[entry + 3]
        if x == 0:
            _probabilities(s, at, size, room)
        else:
            overlap(s, at, size, x, room)
        if folded:
            _fold(s, code, room)
        else:
            transform(s, room, size)
            if code[entry + 4]:
                transform(s, room + pitch, size)
        for word in range(code[entry + 1], code[entry + 2]):
            about = code[layout.WORDS_AT] + 3 * word
            z, ys = code[about], code[about + 1]
            low = z & (lanes - 1)
            signs = load(s, code[layout.SIGNS_AT] + lanes * low)
            if folded and z != low:
                value = load(s, code[layout.FOLDED_AT] + lanes * _bit_of(z))
            else:
                value = signs * load(s, room + z - low + (pitch if ys & 1 else 0))
            if (ys == 1 or ys == 2) != (is_odd(code[about + 2] & base) == 1):
                value = zero - value
            k = code[layout.WORD_VALUES_AT] + lanes * word
            store(s, k, load(s, k) + value)


@kernel
def read(s, code, numbers, values, first, count):  # type: ignore[no-untyped-def]
    """The expectation values of the lanes' samples, from the sums of all words."""
    lanes, samples = lanes_of(s), 1 << code[layout.LANE_BITS]
    coefficients = code[layout.SUM_NUMBERS_AT] + code[layout.NUM_VALUES]
    for word in range(code[layout.NUM_WORDS]):
        k = code[layout.WORD_VALUES_AT] + lanes * word
        for lane in range(samples, lanes):
            s[k + (lane & (samples - 1))] += s[k + lane]
    for k in range(code[layout.NUM_VALUES]):
        entry = code[layout.SUMS_AT] + 2 * k
        for sample in range(count):
            total = numbers[code[layout.SUM_NUMBERS_AT] + k]
            for term in range(code[entry], code[entry + 1]):
                word = code[code[layout.SUM_TERMS_AT] + term]
                total += numbers[coefficients + term] * s[code[layout.WORD_VALUES_AT] + lanes * word + sample]
            values[(first + sample) * code[layout.NUM_VALUES] + k] = total


@kernel
def weigh(s, code, numbers, cotangent, first, count):  # type: ignore[no-untyped-def]
    """Put twice its cotangent in the place of each word, in every lane of its sample; 0 in lanes without a sample."""
    lanes = lanes_of(s)
    at, samples = code[layout.WORD_WEIGHTS_AT], 1 << code[layout.LANE_BITS]
    for k in range(at, at + lanes * code[layout.NUM_WORDS]):
        s[k] = 0
    coefficients = code[layout.SUM_NUMBERS_AT] + code[layout.NUM_VALUES]
    for k in range(code[layout.NUM_VALUES]):
        entry = code[layout.SUMS_AT] + 2 * k
        for term in range(code[entry], code[entry + 1]):
            word = at + lanes * code[code[layout.SUM_TERMS_AT] + term]
            coefficient = 2 * numbers[coefficients + term]
            for lane in range(lanes):
                sample = lane & (samples - 1)
                if sample < count:
                    s[word + lane] += coefficient * cotangent[(first + sample) * code[layout.NUM_VALUES] + k]


@kernel
def begin_costate(s, code, stop, first, last, base):  # type: ignore[no-untyped-def]
    """A block of the co-state 2 sum_k g_k H_k |state>, of the words in the groups `first` to `last`, after `weigh`.

    A group without X comes first, if there is one, and begins the co-state; the others are added to it.
    """
    lanes = lanes_of(s)
    size, at = code[layout.SIZE], code[layout.STATE_AT]
    pitch = pitch_of(s, size)
    room = at + 2 * pitch
    zero = splat(s, scalar(s, 0.0))
    for group in range(first, last):
        if stop[0] != 0:
            return
        entry = code[layout.WORD_GROUPS_AT] + 5 * group
        x, folded = code[entry], code[entry + 3]
        to = room if x == 0 else code[layout.SCRATCH_AT]
        if folded:
            for k in range(code[layout.LANE_BITS] + code[layout.QUBITS]):
                store(s, code[layout.FOLDED_AT] + lanes * k, zero)
            store(s, to, zero)
        else:
            for k in range(to, to + (size if x == 0 else 2 * pitch), lanes):
                store(s, k, zero)
        for word in range(code[entry + 1], code[entry + 2]):
            about = code[layout.WORDS_AT] + 3 * word
            z, ys = code[about], code[about + 1]
            low = z & (lanes - 1)
            weight = load(s, code[layout.WORD_WEIGHTS_AT] + lanes * word)
            if (ys == 2 or ys == 3) != (is_odd(code[about + 2] & base) == 1):
                weight = zero - weight
            if folded and z != low:
                place = code[layout.FOLDED_AT] + lanes * _bit_of(z)
            else:
                place = to + z - low + (pitch if ys & 1 else 0)
                weight = weight * load(s, code[layout.SIGNS_AT] + lanes * low)
            store(s, place, load(s, place) + weight)
        if folded:
            _unfold(s, code, to)
        else:
            transform(s, to, size)
            if x != 0:
                transform(s, to + pitch, size)
        if x == 0:
            for k in range(at, at + size, lanes):
                weight = load(s, k + 2 * pitch)
                store(s, k + 2 * pitch, weight * load(s, k))
                store(s, k + 3 * pitch, weight * load(s, k + pitch))
        else:
            add_image(s, at, size, x, to)


@kernel
def no_costate(s, code):  # type: ignore[no-untyped-def]
    """A co-state of 0."""
    pitch = pitch_of(s, code[layout.SIZE])
    fill(s, code[layout.STATE_AT] + 2 * pitch, 2 * pitch)


@kernel
def _image(s, code, source, k, imaginary, j, first, last):  # type: ignore[no-untyped-def]
    """What the parts `first` to `last` make of the state at element `j` and one vector further; for `k` see `observe`."""
    lanes, vectors, zero = lanes_of(s), code[layout.TERM_VECTORS_AT], splat(s, scalar(s, 0.0))
    re, im, next_re, next_im = zero, zero, zero, zero
    for part in range(first, last):
        about = code[layout.PARTS_AT] + 5 * part
        ar, ai, br, bi = zero, zero, zero, zero
        for term in range(code[about + 3], code[about + 4]):
            x, z = code[code[layout.TERMS_AT] + 2 * term], code[code[layout.TERMS_AT] + 2 * term + 1]
            vector = load(s, vectors + lanes * (2 * term + is_odd(j & z)))
            near = k ^ x
            far = near ^ lanes
            ar, ai = ar + vector * load(source, near), ai + vector * load(source, near + imaginary)
            br, bi = br + vector * load(source, far), bi + vector * load(source, far + imaginary)
        low = code[about]
        if low:
            ar, ai, br, bi = swap_any(ar, low), swap_any(ai, low), swap_any(br, low), swap_any(bi, low)
        if code[about + 1]:
            br, bi = zero - br, zero - bi
        if code[about + 2]:
            ar, ai, br, bi = zero - ai, ar, zero - bi, br
        re, im, next_re, next_im = re + ar, im + ai, next_re + br, next_im + bi
    return re, im, next_re, next_im


@kernel
def _overlap_with(s, at, pitch, re, im):  # type: ignore[no-untyped-def]
    return load(s, at) * re + load(s, at + pitch) * im


@kernel
def _add_to_costate(s, at, pitch, weight, re, im):  # type: ignore[no-untyped-def]
    store(s, at + 2 * pitch, load(s, at + 2 * pitch) + weight * re)
    store(s, at + 3 * pitch, load(s, at + 3 * pitch) + weight * im)


@kernel
def observe(s, code, source, origin, imaginary, first, last, base, reads, weighs):  # type: ignore[no-untyped-def]
    """Of the images `first` to `last` in a block: add overlaps with the state to their words' sums, and all to the co-state.

    Element k of the state is at `origin + k` of `source`, its imaginary part `imaginary` further. Terms are (x, z): z is inside
    the block but above a vector, and 32 bits higher outside. Each has two vectors, its coefficient with the signs of what z has
    inside a vector, and that with the other sign. A part has terms of equal x inside a vector, equal z in the bit above, and
    equal parity of Ys.
    """
    lanes, size, at = lanes_of(s), code[layout.SIZE], code[layout.STATE_AT]
    pitch = pitch_of(s, size)
    for j in range(0, size, 2 * lanes):
        for image in range(first, last):
            entry = code[layout.IMAGES_AT] + 3 * image
            re, im, next_re, next_im = _image(
                s, code, source, origin + j, imaginary, j | base << 32, code[entry + 1], code[entry + 2]
            )
            if reads:
                value = _overlap_with(s, at + j, pitch, re, im)
                if size > lanes:
                    value = value + _overlap_with(s, at + j + lanes, pitch, next_re, next_im)
                k = code[layout.WORD_VALUES_AT] + lanes * code[entry]
                store(s, k, load(s, k) + value)
            if weighs:
                weight = load(s, code[layout.WORD_WEIGHTS_AT] + lanes * code[entry])
                _add_to_costate(s, at + j, pitch, weight, re, im)
                if size > lanes:
                    _add_to_costate(s, at + j + lanes, pitch, weight, next_re, next_im)


@kernel
def observe_all(s, code, reads, weighs):  # type: ignore[no-untyped-def]
    """The same of all images, where the whole state is one block."""
    observe(s, code, s, code[layout.STATE_AT], pitch_of(s, code[layout.SIZE]), 0, code[layout.NUM_IMAGES], 0, reads, weighs)
