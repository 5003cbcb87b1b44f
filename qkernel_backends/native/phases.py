"""Diagonal operations: tables of phases built from parities by a Walsh-Hadamard transform, and their gradients."""

from __future__ import annotations

from qkernel_backends.native.layout import (
    AT,
    BIT,
    CONTROLS,
    EXTRA,
    GROUP,
    LANE_BITS,
    LOW,
    PHASE_AT,
    PHASE_TERMS_AT,
    ROW_GRADIENTS_AT,
    ROW_VALUES_AT,
    SIGNS_AT,
    VALUE,
    VARIANTS,
)
from qkernel_backends.native.vectors import fill, is_odd, kernel, lanes_of, load, nearest, scalar, splat, store

_PI = 3.141592653589793
_PI_REST = 1.2246467991473532e-16
_PI_SINGLE = 3.140625
_PI_SINGLE_REST = 9.676535897932e-04


@kernel
def transform(s, at, size):  # type: ignore[no-untyped-def]
    """Walsh-Hadamard over the bits above those of a vector, in place."""
    lanes = lanes_of(s)
    step = lanes
    while step < size:
        for block in range(at, at + size, 2 * step):
            for k in range(block, block + step, lanes):
                a, b = load(s, k), load(s, k + step)
                store(s, k, a + b)
                store(s, k + step, a - b)
        step *= 2


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
def build(s, code, first, last, table, size, spread, base):  # type: ignore[no-untyped-def]
    """The cosines and sines of a diagonal at `table` and `table + size`; `spread`: a number, not a vector, per amplitude."""
    lanes = lanes_of(s)
    for j in range(table, table + size):
        s[j] = 0
    lane_bits = code[LANE_BITS]
    for term in range(first, last):
        entry = code[PHASE_TERMS_AT] + 3 * term
        mask, row = code[entry], code[ROW_VALUES_AT] + lanes * code[entry + 1]
        if spread:
            s[table + (mask >> lane_bits)] += s[row]
        else:
            low = mask & (lanes - 1)
            k = table + mask - low
            part = load(s, code[SIGNS_AT] + low * lanes) * load(s, row)
            store(s, k, load(s, k) - part if is_odd(code[entry + 2] & base) else load(s, k) + part)
    if spread:
        transform_scalars(s, table, size)
    else:
        transform(s, table, size)
    cosine_and_sine(s, table, size, table, table + size)


@kernel
def build_variants(s, code, op):  # type: ignore[no-untyped-def]
    """The tables of an operation: one for each way in which the bits outside a block can change it."""
    count = code[code[op + VARIANTS]]
    for variant in range(1 << count if count >= 0 else 0):
        base = code[code[op + VARIANTS] + 1 + count + variant]
        table = code[op + AT] + 2 * variant * code[op + BIT]
        build(s, code, code[op + CONTROLS], code[op + VALUE], table, code[op + BIT], code[op + LOW], base)


@kernel
def choose(s, code, op, base):  # type: ignore[no-untyped-def]
    """Which variant a block needs; where there are too many of them, its table is built here."""
    at = code[op + VARIANTS]
    count = code[at]
    if count < 0:
        build(s, code, code[op + CONTROLS], code[op + VALUE], code[op + AT], code[op + BIT], code[op + LOW], base)
        return 0
    variant = 0
    for k in range(count):
        variant |= is_odd(code[at + 1 + k] & base) << k
    return variant


@kernel
def outer_phase(s, code, op, base):  # type: ignore[no-untyped-def]
    """The phase that all amplitudes of a block have in common."""
    lanes = lanes_of(s)
    total = splat(s, scalar(s, 0.0))
    for term in range(code[op + VALUE], code[op + EXTRA]):
        entry = code[PHASE_TERMS_AT] + 3 * term
        row = load(s, code[ROW_VALUES_AT] + lanes * code[entry + 1])
        total = total - row if is_odd(code[entry + 2] & base) else total + row
    at = code[PHASE_AT]
    store(s, at, total)
    cosine_and_sine(s, at, lanes, at + lanes, at + 2 * lanes)
    return load(s, at + lanes), load(s, at + 2 * lanes)


@kernel
def apply(s, code, op, at, size, base):  # type: ignore[no-untyped-def]
    """Multiply a state by a table."""
    lanes = lanes_of(s)
    spread, length = code[op + LOW], code[op + BIT]
    k = code[op + AT] + 2 * length * choose(s, code, op, base)
    outside = code[op + EXTRA] > code[op + VALUE]
    e, f = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
    if outside:
        e, f = outer_phase(s, code, op, base)
    if spread:
        for j in range(at, at + size, lanes):
            c, d = splat(s, s[k]), splat(s, s[k + length])
            re, im = load(s, j), load(s, j + size)
            store(s, j, c * re - d * im)
            store(s, j + size, c * im + d * re)
            k += 1
    else:
        for j in range(at, at + size, lanes):
            c, d = load(s, k), load(s, k + length)
            if outside:
                c, d = c * e - d * f, c * f + d * e
            re, im = load(s, j), load(s, j + size)
            store(s, j, c * re - d * im)
            store(s, j + size, c * im + d * re)
            k += lanes


@kernel
def apply_back(s, code, op, at, size, base):  # type: ignore[no-untyped-def]
    """Add up Im(costate* state), a vector per vector of the state, then undo the phases on both."""
    lanes = lanes_of(s)
    spread, length = code[op + LOW], code[op + BIT]
    variant = choose(s, code, op, base)
    k, g = code[op + AT] + 2 * length * variant, code[op + GROUP] + size * variant
    outside = code[op + EXTRA] > code[op + VALUE]
    e, f = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
    total = f
    if outside:
        e, f = outer_phase(s, code, op, base)
    if code[code[op + VARIANTS]] < 0:
        fill(s, g, size)
    for j in range(at, at + size, lanes):
        if spread:
            c, d = splat(s, s[k]), splat(s, s[k + length])
            k += 1
        else:
            c, d = load(s, k), load(s, k + length)
            k += lanes
        re, im, x, y = load(s, j), load(s, j + size), load(s, j + 2 * size), load(s, j + 3 * size)
        moment = x * im - y * re
        store(s, g, load(s, g) + moment)
        g += lanes
        if outside:
            total = total + moment
            c, d = c * e - d * f, c * f + d * e
        store(s, j, c * re + d * im)
        store(s, j + size, c * im - d * re)
        store(s, j + 2 * size, c * x + d * y)
        store(s, j + 3 * size, c * y - d * x)
    for term in range(code[op + VALUE], code[op + EXTRA]):
        _give(s, code, term, total, base)
    if code[code[op + VARIANTS]] < 0:
        _collect(s, code, op, size, code[op + GROUP], base)


@kernel
def _give(s, code, term, value, base):  # type: ignore[no-untyped-def]
    """Hand the gradient of a parity to its row."""
    lanes = lanes_of(s)
    entry = code[PHASE_TERMS_AT] + 3 * term
    at = code[ROW_GRADIENTS_AT] + lanes * code[entry + 1]
    store(s, at, load(s, at) + value if is_odd(code[entry + 2] & base) else load(s, at) - value)


@kernel
def _collect(s, code, op, size, gradient, base):  # type: ignore[no-untyped-def]
    lanes = lanes_of(s)
    transform(s, gradient, size)
    for term in range(code[op + CONTROLS], code[op + VALUE]):
        mask = code[code[PHASE_TERMS_AT] + 3 * term]
        low = mask & (lanes - 1)
        _give(s, code, term, load(s, code[SIGNS_AT] + low * lanes) * load(s, gradient + mask - low), base)


@kernel
def collect(s, code, op, size):  # type: ignore[no-untyped-def]
    """Hand what `apply_back` added up to the rows."""
    count = code[code[op + VARIANTS]]
    for variant in range(1 << count if count >= 0 else 0):
        base = code[code[op + VARIANTS] + 1 + count + variant]
        _collect(s, code, op, size, code[op + GROUP] + size * variant, base)
