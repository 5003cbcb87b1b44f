"""Diagonal operations: tables of phases built from parities by a Walsh-Hadamard transform, and their gradients."""

from __future__ import annotations

from qkernel_backends.native import layout
from qkernel_backends.native.vectors import fill, is_odd, kernel, lanes_of, load, nearest, pitch_of, scalar, splat, store

_PI = 3.141592653589793
_PI_REST = 1.2246467991473532e-16
_PI_SINGLE = 3.140625
_PI_SINGLE_REST = 9.676535897932e-04


@kernel
def transform(s, at, size):  # type: ignore[no-untyped-def]
    """Walsh-Hadamard over the bits above those of a vector, in place, two bits at a time."""
    lanes = lanes_of(s)
    step = lanes
    while 4 * step <= size:
        for block in range(at, at + size, 4 * step):
            for k in range(block, block + step, lanes):
                a, b, c, d = load(s, k), load(s, k + step), load(s, k + 2 * step), load(s, k + 3 * step)
                a, b, c, d = a + b, a - b, c + d, c - d
                store(s, k, a + c)
                store(s, k + step, b + d)
                store(s, k + 2 * step, a - c)
                store(s, k + 3 * step, b - d)
        step *= 4
    if step < size:
        for k in range(at, at + step, lanes):
            a, b = load(s, k), load(s, k + step)
            store(s, k, a + b)
            store(s, k + step, a - b)


@kernel
def transform_scalars(s, at, size):  # type: ignore[no-untyped-def]
    """Walsh-Hadamard over all bits, one number for each amplitude."""
    step = 1
    while step < size:
        for block in range(at, at + size, 2 * step):
            for k in range(block, block + step):
                a, b = s[k], s[k + step]
                s[k] = a + b
                s[k + step] = a - b
        step *= 2


@kernel
def cosine_and_sine(s, at, size, to_cosine, to_sine):  # type: ignore[no-untyped-def]
    """Of `size` angles, rounded up to whole vectors. Taylor series on [-pi/2, pi/2] after taking off multiples of pi."""
    lanes = lanes_of(s)
    double = lanes == 8
    one, two, inverse = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 2.0)), splat(s, scalar(s, 1.0 / _PI))
    half = splat(s, scalar(s, 0.5))
    pi = splat(s, scalar(s, _PI if double else _PI_SINGLE))
    rest = splat(s, scalar(s, _PI_REST if double else _PI_SINGLE_REST))
    last = 22 if double else 14
    for j in range(0, size, lanes):
        x = load(s, at + j)
        turns = nearest(x * inverse)
        x = x - turns * pi - turns * rest
        odd = turns - two * nearest(turns * half)
        sign = one - two * odd * odd
        square = x * x
        cosine, sine = one, one
        k = last
        while k > 0:
            cosine = one - square * cosine * splat(s, scalar(s, 1.0 / (k * (k - 1))))
            sine = one - square * sine * splat(s, scalar(s, 1.0 / (k * (k + 1))))
            k -= 2
        store(s, to_cosine + j, sign * cosine)
        store(s, to_sine + j, sign * sine * x)


@kernel
def build(s, code, op):  # type: ignore[no-untyped-def]
    """The cosines and sines of what a diagonal does inside a block, whatever the block."""
    lanes = lanes_of(s)
    table, size, spread = code[op + layout.AT], code[op + layout.BIT], code[op + layout.LOW]
    pitch = pitch_of(s, size)
    fill(s, table, size)
    lane_bits = code[layout.LANE_BITS]
    for term in range(code[op + layout.CONTROLS], code[op + layout.VALUE]):
        entry = code[layout.PHASE_TERMS_AT] + 3 * term
        mask, row = code[entry], code[layout.ROW_VALUES_AT] + lanes * code[entry + 1]
        if spread:
            s[table + (mask >> lane_bits)] += s[row]
        else:
            low = mask & (lanes - 1)
            k = table + mask - low
            store(s, k, load(s, k) + load(s, code[layout.SIGNS_AT] + low * lanes) * load(s, row))
    if spread:
        transform_scalars(s, table, size)
    else:
        transform(s, table, size)
    cosine_and_sine(s, table, size, table, table + pitch)


@kernel
def _angle(s, code, first, last, base):  # type: ignore[no-untyped-def]
    """Cosine and sine of the sum of some terms, as a block's bits outside sign them."""
    lanes = lanes_of(s)
    total = splat(s, scalar(s, 0.0))
    for term in range(first, last):
        entry = code[layout.PHASE_TERMS_AT] + 3 * term
        row = load(s, code[layout.ROW_VALUES_AT] + lanes * code[entry + 1])
        total = total - row if is_odd(code[entry + 2] & base) else total + row
    at = code[layout.PHASE_AT]
    store(s, at, total)
    cosine_and_sine(s, at, lanes, at + lanes, at + 2 * lanes)
    return load(s, at + lanes), load(s, at + 2 * lanes)


@kernel
def _cross(s, code, op, base):  # type: ignore[no-untyped-def]
    """The phases that depend on the block, at CROSSING_AT: one for each pattern of the parities that cross its border."""
    lanes = lanes_of(s)
    at, crossing = code[layout.CROSSING_AT], code[op + layout.CROSSING]
    e, f = _angle(s, code, code[op + layout.VALUE], code[op + layout.EXTRA], base)
    store(s, at, e)
    store(s, at + lanes, f)
    filled = 2 * lanes
    for parity in range(code[crossing]):
        entry = crossing + 1 + 3 * parity
        c, d = _angle(s, code, code[entry + 1], code[entry + 2], base)
        d = d * load(s, code[layout.SIGNS_AT] + code[entry] * lanes)
        for k in range(at, at + filled, 2 * lanes):
            e, f = load(s, k), load(s, k + lanes)
            store(s, k, e * c - f * d)
            store(s, k + lanes, e * d + f * c)
            store(s, k + filled, e * c + f * d)
            store(s, k + filled + lanes, f * c - e * d)
        filled *= 2


@kernel
def apply(s, code, op, at, size, base):  # type: ignore[no-untyped-def]
    """Multiply a state by a diagonal."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    k, beyond = code[op + layout.AT], pitch_of(s, code[op + layout.BIT])
    crossing = code[op + layout.CROSSING]
    if code[op + layout.LOW]:
        for j in range(at, at + size, lanes):
            c, d = splat(s, s[k]), splat(s, s[k + beyond])
            re, im = load(s, j), load(s, j + pitch)
            store(s, j, c * re - d * im)
            store(s, j + pitch, c * im + d * re)
            k += 1
    elif crossing == 0:
        for j in range(at, at + size, lanes):
            c, d = load(s, k), load(s, k + beyond)
            re, im = load(s, j), load(s, j + pitch)
            store(s, j, c * re - d * im)
            store(s, j + pitch, c * im + d * re)
            k += lanes
    else:
        _cross(s, code, op, base)
        pattern = crossing + 1 + 3 * code[crossing]
        for j in range(at, at + size, lanes):
            place = code[layout.CROSSING_AT] + 2 * lanes * code[pattern]
            c, d, e, f = load(s, k), load(s, k + beyond), load(s, place), load(s, place + lanes)
            c, d = c * e - d * f, c * f + d * e
            re, im = load(s, j), load(s, j + pitch)
            store(s, j, c * re - d * im)
            store(s, j + pitch, c * im + d * re)
            k += lanes
            pattern += 1


@kernel
def apply_back(s, code, op, at, size, base):  # type: ignore[no-untyped-def]
    """Add up Im(costate* state), a vector per vector of the state, then undo the phases on both."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    spread, beyond = code[op + layout.LOW], pitch_of(s, code[op + layout.BIT])
    k, g = code[op + layout.AT], code[op + layout.GROUP]
    crossing = code[op + layout.CROSSING]
    pattern, sums = 0, 0
    if crossing:
        _cross(s, code, op, base)
        pattern = crossing + 1 + 3 * code[crossing]
        sums = code[layout.CROSSING_AT] + (2 * lanes << code[crossing])
        fill(s, sums, lanes << code[crossing])
    for j in range(at, at + size, lanes):
        if spread:
            c, d = splat(s, s[k]), splat(s, s[k + beyond])
            k += 1
        else:
            c, d = load(s, k), load(s, k + beyond)
            k += lanes
        re, im, x, y = load(s, j), load(s, j + pitch), load(s, j + 2 * pitch), load(s, j + 3 * pitch)
        moment = x * im - y * re
        store(s, g, load(s, g) + moment)
        g += lanes
        if crossing:
            which = lanes * code[pattern]
            pattern += 1
            store(s, sums + which, load(s, sums + which) + moment)
            place = code[layout.CROSSING_AT] + 2 * which
            e, f = load(s, place), load(s, place + lanes)
            c, d = c * e - d * f, c * f + d * e
        store(s, j, c * re + d * im)
        store(s, j + pitch, c * im - d * re)
        store(s, j + 2 * pitch, c * x + d * y)
        store(s, j + 3 * pitch, c * y - d * x)
    if crossing:
        _collect_crossing(s, code, op, sums, base)


@kernel
def _collect_crossing(s, code, op, sums, base):  # type: ignore[no-untyped-def]
    """Hand the moments of each pattern to the terms that cross the block's border or lie outside."""
    lanes = lanes_of(s)
    crossing = code[op + layout.CROSSING]
    zero = splat(s, scalar(s, 0.0))
    for parity in range(code[crossing] - 1, -1, -1):
        half = lanes << parity
        difference = zero
        for k in range(sums, sums + half, lanes):
            a, b = load(s, k), load(s, k + half)
            difference = difference + (a - b)
            store(s, k, a + b)
        entry = crossing + 1 + 3 * parity
        difference = difference * load(s, code[layout.SIGNS_AT] + code[entry] * lanes)
        for term in range(code[entry + 1], code[entry + 2]):
            _give(s, code, term, difference, base)
    for term in range(code[op + layout.VALUE], code[op + layout.EXTRA]):
        _give(s, code, term, load(s, sums), base)


@kernel
def _give(s, code, term, value, base):  # type: ignore[no-untyped-def]
    """Hand the gradient of a parity to its row."""
    lanes = lanes_of(s)
    entry = code[layout.PHASE_TERMS_AT] + 3 * term
    at = code[layout.ROW_GRADIENTS_AT] + lanes * code[entry + 1]
    store(s, at, load(s, at) + value if is_odd(code[entry + 2] & base) else load(s, at) - value)


@kernel
def collect(s, code, op, size):  # type: ignore[no-untyped-def]
    """Hand what `apply_back` added up to the rows of the terms inside a block."""
    lanes = lanes_of(s)
    gradient = code[op + layout.GROUP]
    transform(s, gradient, size)
    for term in range(code[op + layout.CONTROLS], code[op + layout.VALUE]):
        mask = code[code[layout.PHASE_TERMS_AT] + 3 * term]
        low = mask & (lanes - 1)
        _give(s, code, term, load(s, code[layout.SIGNS_AT] + low * lanes) * load(s, gradient + mask - low), 0)
