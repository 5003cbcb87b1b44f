"""Maps of density matrices that are held as the expectation values of all Pauli words: real vectors of 4**n numbers.

Digit q of an index to the base 4 is the letter on qubit q: 0 I, 1 X, 2 Z, 3 Y, so that words multiply as indices are combined
by exclusive or. A map is a block, a real matrix on a few digits, or a turn, exp(-i a P / 2) for a word P. Backwards a block
is given the vector before it, or undoes itself, and what the costate says of its matrix is added up.
"""

from __future__ import annotations

from qkernel_backends.native.pauli_layout import (
    BACKWARD,
    BLOCK,
    CONTIGUOUS,
    COSTATE,
    DIGITS,
    DIMENSION,
    FORWARD,
    GRADIENT,
    GRADIENT_STRIDE,
    GRADIENTS,
    HEADER,
    INVERSES,
    KIND,
    MATRICES,
    MATRIX,
    OFFSETS,
    RESTORES,
    RUN,
    SAMPLES,
    SIZE,
    SKIPPED,
    STATE,
    STRIDE,
    WIDTH,
    WORD,
    WORK,
)
from qkernel_backends.native.vectors import fill, is_odd, kernel, load, scalar, splat, store

_X_BITS = 0x5555555555555555


@kernel
def _place(chunk, code, at, count):  # type: ignore[no-untyped-def]
    """The index whose digits at `count` places are 0, and whose others are those of `chunk`."""
    for k in range(at, at + count):
        low = 2 * code[k]
        chunk = (chunk >> low << (low + 2)) | (chunk & ((1 << low) - 1))
    return chunk


@kernel
def _gather(s, base, code, op, w, at):  # type: ignore[no-untyped-def]
    """The numbers that a block mixes, RUN of them side by side, into the buffer at `at`."""
    size, offsets = code[op + DIMENSION], code[op + OFFSETS]
    for i in range(size):
        here, to = base + code[offsets + i], at + RUN * i
        if code[op + CONTIGUOUS] != 0:
            store(w, to, load(s, here))
            store(w, to + 8, load(s, here + 8))
        else:
            for t in range(RUN):
                w[to + t] = s[here + code[offsets + size + t]]


@kernel
def _scatter(s, base, code, op, w, at):  # type: ignore[no-untyped-def]
    """The way back of `_gather`."""
    size, offsets = code[op + DIMENSION], code[op + OFFSETS]
    for i in range(size):
        here, to = base + code[offsets + i], at + RUN * i
        if code[op + CONTIGUOUS] != 0:
            store(s, here, load(w, to))
            store(s, here + 8, load(w, to + 8))
        else:
            for t in range(RUN):
                s[here + code[offsets + size + t]] = w[to + t]


@kernel
def _multiply(m, row, step, size, w, x, y):  # type: ignore[no-untyped-def]
    """The matrix at `row`, whose next column is `step` away, times the columns at `x`, to `y`: two rows at once."""
    down = size if step == 1 else 1
    zero = splat(w, scalar(w, 0.0))
    for i in range(0, size, 2):
        a, b, c, d = zero, zero, zero, zero
        k = row + down * i
        for j in range(size):
            near, far = load(w, x + RUN * j), load(w, x + RUN * j + 8)
            first, second = splat(w, m[k + step * j]), splat(w, m[k + down + step * j])
            a, b = a + first * near, b + first * far
            c, d = c + second * near, d + second * far
        store(w, y + RUN * i, a)
        store(w, y + RUN * i + 8, b)
        store(w, y + RUN * i + RUN, c)
        store(w, y + RUN * i + RUN + 8, d)


@kernel
def _add_moments(w, costate, state, size, to):  # type: ignore[no-untyped-def]
    """The products of each number of the costate with each of the state, added up in vectors."""
    for i in range(size):
        near, far = load(w, costate + RUN * i), load(w, costate + RUN * i + 8)
        for j in range(size):
            k = to + 8 * (size * i + j)
            product = near * load(w, state + RUN * j) + far * load(w, state + RUN * j + 8)
            store(w, k, load(w, k) + product)


@kernel
def _block(code, arrays, op, mode, sample, first, last):  # type: ignore[no-untyped-def]
    """A block on the chunks `first` to `last` of a sample."""
    size, w, m = code[op + DIMENSION], arrays[WORK], arrays[MATRICES]
    matrix = code[op + MATRIX] + sample * code[op + STRIDE]
    skipped, digits = code[op + SKIPPED], code[op + DIGITS] + 2
    state, costate, result, moments = 0, RUN * size, 2 * RUN * size, 3 * RUN * size
    differentiates = mode == BACKWARD and code[op + GRADIENT] >= 0
    if differentiates:
        fill(w, moments, 8 * size * size)
    for chunk in range(first, last):
        base = sample * code[SIZE] + _place(chunk, code, skipped, digits)
        _gather(arrays[STATE], base, code, op, w, state)
        if mode == FORWARD:
            _multiply(m, matrix, 1, size, w, state, result)
            _scatter(arrays[STATE], base, code, op, w, result)
            continue
        before = state
        if code[op + RESTORES] != 0:
            _multiply(arrays[INVERSES], matrix, 1, size, w, state, result)
            _scatter(arrays[STATE], base, code, op, w, result)
            before = result
        _gather(arrays[COSTATE], base, code, op, w, costate)
        if differentiates:
            _add_moments(w, costate, before, size, moments)
        _multiply(m, matrix, size, size, w, costate, state)
        _scatter(arrays[COSTATE], base, code, op, w, state)
    if differentiates:
        to = code[op + GRADIENT] + sample * code[GRADIENT_STRIDE]
        for k in range(size * size):
            total = 0.0
            for lane in range(8):
                total += w[moments + 8 * k + lane]
            arrays[GRADIENTS][to + k] = total


@kernel
def _count(bits):  # type: ignore[no-untyped-def]
    """How many of the even bits are set."""
    bits = (bits & 0x3333333333333333) + ((bits >> 2) & 0x3333333333333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0F
    bits += bits >> 8
    bits += bits >> 16
    bits += bits >> 32
    return bits & 0x7F


@kernel
def _turn(code, arrays, op, mode, sample, first, last):  # type: ignore[no-untyped-def]
    """exp(-i a P / 2), which mixes each word Q that anticommutes with P, and -i Q P, up to its sign."""
    s, t = arrays[STATE], arrays[COSTATE]
    word, base = code[op + WORD], sample * code[SIZE]
    px, pz = word & _X_BITS, (word >> 1) & _X_BITS
    at = code[op + MATRIX] + sample * code[op + STRIDE]
    cosine, sine, moment = arrays[MATRICES][at], arrays[MATRICES][at + 1], 0.0
    ys = _count(px & pz) + 3
    for q in range(RUN * first, RUN * last):
        other = q ^ word
        x, z = q & _X_BITS, (q >> 1) & _X_BITS
        if other < q or is_odd((x & pz) ^ (z & px)) == 0:
            continue
        phase = ys + _count(x & z) + 2 * _count(z & px) - _count((x ^ px) & (z ^ pz))
        sign = 1.0 if phase & 2 == 0 else -1.0
        a, b = s[base + q], s[base + other]
        turned = sign * sine
        if mode == FORWARD:
            s[base + q], s[base + other] = cosine * a + turned * b, cosine * b - turned * a
            continue
        c, d = t[base + q], t[base + other]
        moment += sign * (c * b - d * a)
        s[base + q], s[base + other] = cosine * a - turned * b, cosine * b + turned * a
        t[base + q], t[base + other] = cosine * c - turned * d, cosine * d + turned * c
    if mode == BACKWARD and code[op + GRADIENT] >= 0:
        arrays[GRADIENTS][code[op + GRADIENT] + sample * code[GRADIENT_STRIDE]] = moment


@kernel
def run(code, arrays, numbers, mode, first, last, part, parts):  # type: ignore[no-untyped-def]
    """The maps `first` to `last`, backwards from the last: share `part` of `parts` of the samples, or of a single map's work.

    Shares of one map add up their gradients in arrays of their own.
    """
    single, samples = last - first == 1, code[SAMPLES]
    begin, end = samples * part // parts, samples * (part + 1) // parts
    for sample in range(0 if single else begin, samples if single else end):
        for k in range(last - first):
            op = HEADER + WIDTH * (first + k if mode == FORWARD else last - 1 - k)
            chunks = code[SIZE] // (RUN * code[op + DIMENSION])
            low, high = 0, chunks
            if single:
                low = max(samples * chunks * part // parts - sample * chunks, 0)
                high = min(samples * chunks * (part + 1) // parts - sample * chunks, chunks)
            if low >= high:
                continue
            if code[op + KIND] == BLOCK:
                _block(code, arrays, op, mode, sample, low, high)
            else:
                _turn(code, arrays, op, mode, sample, low, high)
    return 0
