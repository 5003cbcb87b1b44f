"""Diagonal operations: tables of phases built from parities by a Walsh-Hadamard transform, and their gradients."""

from __future__ import annotations

from numba import njit

from qkernel_backends.native.layout import LANE_BITS, PHASE_TERMS_AT, ROW_GRADIENTS_AT, ROW_VALUES_AT, SIGNS_AT
from qkernel_backends.native.vectors import load, nearest, scalar, splat, store

_PI = 3.141592653589793
_PI_REST = 1.2246467991473532e-16
_PI_SINGLE = 3.140625
_PI_SINGLE_REST = 9.676535897932e-04


@njit
def transform(s, at, size):  # type: ignore[no-untyped-def]
    """Walsh-Hadamard over the bits above those of a vector, in place."""
    lanes = 64 // s.itemsize
    step = lanes
    while step < size:
        for block in range(at, at + size, 2 * step):
            for k in range(block, block + step, lanes):
                a, b = load(s, k), load(s, k + step)
                store(s, k, a + b)
                store(s, k + step, a - b)
        step *= 2


@njit
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


@njit
def cosine_and_sine(s, at, size, to_cosine, to_sine):  # type: ignore[no-untyped-def]
    """Of `size` angles, rounded up to whole vectors. Taylor series on [-pi/2, pi/2] after taking off multiples of pi."""
    lanes = 64 // s.itemsize
    double = s.itemsize == 8
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


@njit
def build(s, code, first, last, table, size, spread):  # type: ignore[no-untyped-def]
    """The cosines and sines of a diagonal at `table` and `table + size`; `spread`: a number, not a vector, per amplitude."""
    lanes = 64 // s.itemsize
    for j in range(table, table + size):
        s[j] = 0
    lane_bits = code[LANE_BITS]
    for term in range(first, last):
        mask = code[code[PHASE_TERMS_AT] + 2 * term]
        row = code[ROW_VALUES_AT] + lanes * code[code[PHASE_TERMS_AT] + 2 * term + 1]
        if spread:
            s[table + (mask >> lane_bits)] += s[row]
        else:
            low = mask & (lanes - 1)
            k = table + mask - low
            store(s, k, load(s, k) + load(s, code[SIGNS_AT] + low * lanes) * load(s, row))
    if spread:
        transform_scalars(s, table, size)
    else:
        transform(s, table, size)
    cosine_and_sine(s, table, size, table, table + size)


@njit
def apply(s, at, size, table, table_size, spread):  # type: ignore[no-untyped-def]
    """Multiply a state by a table."""
    lanes = 64 // s.itemsize
    if spread:
        k = table
        for j in range(at, at + size, lanes):
            c, d = splat(s, s[k]), splat(s, s[k + table_size])
            re, im = load(s, j), load(s, j + size)
            store(s, j, c * re - d * im)
            store(s, j + size, c * im + d * re)
            k += 1
    else:
        k = table
        for j in range(at, at + size, lanes):
            c, d = load(s, k), load(s, k + table_size)
            re, im = load(s, j), load(s, j + size)
            store(s, j, c * re - d * im)
            store(s, j + size, c * im + d * re)
            k += lanes


@njit
def apply_back(s, at, size, table, table_size, spread, gradient):  # type: ignore[no-untyped-def]
    """Add up Im(costate* state) at `gradient`, a vector per vector of the state, then undo the phases on both."""
    lanes = 64 // s.itemsize
    k, g = table, gradient
    for j in range(at, at + size, lanes):
        if spread:
            c, d = splat(s, s[k]), splat(s, s[k + table_size])
            k += 1
        else:
            c, d = load(s, k), load(s, k + table_size)
            k += lanes
        re, im, x, y = load(s, j), load(s, j + size), load(s, j + 2 * size), load(s, j + 3 * size)
        store(s, g, load(s, g) + (x * im - y * re))
        g += lanes
        store(s, j, c * re + d * im)
        store(s, j + size, c * im - d * re)
        store(s, j + 2 * size, c * x + d * y)
        store(s, j + 3 * size, c * y - d * x)


@njit
def collect(s, code, first, last, size, gradient):  # type: ignore[no-untyped-def]
    """Hand the gradient of each parity to its row."""
    lanes = 64 // s.itemsize
    transform(s, gradient, size)
    for term in range(first, last):
        mask = code[code[PHASE_TERMS_AT] + 2 * term]
        low = mask & (lanes - 1)
        at = code[ROW_GRADIENTS_AT] + lanes * code[code[PHASE_TERMS_AT] + 2 * term + 1]
        signs = load(s, code[SIGNS_AT] + low * lanes)
        store(s, at, load(s, at) - signs * load(s, gradient + mask - low))
