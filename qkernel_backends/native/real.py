"""Rotations about Y and X, which cost half of others; those about Y two qubits or all of a vector's qubits at a time.

See `gates` for what stands where. The pairs of a rotation about Y are real; one about X exchanges real and imaginary parts.
"""

from __future__ import annotations

from typing import Any

from qkernel_backends.native.gates import load_four, store_four
from qkernel_backends.native.vectors import kernel, lanes_of, load, one_of, pitch_of, scalar, splat, store, swap, without_bits


@kernel
def _about_y(ar, br, p0, p1):  # type: ignore[no-untyped-def]
    return ar * p0 - br * p1, br * p0 + ar * p1


@kernel
def turn_y(s, at, size, bit, other, controls, value, c):  # type: ignore[no-untyped-def]
    """A rotation about Y."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, br = load(s, c), load(s, c + 2 * lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        for k in (at + j, at + j + pitch):
            p0, p1 = _about_y(ar, br, load(s, k), load(s, k + step))
            store(s, k, p0)
            store(s, k + step, p1)


@kernel
def turn_y_back(s, at, size, bit, other, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the moment of Y, then undo the rotation about Y."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, br, my = load(s, c), -load(s, c + 2 * lanes), load(s, m + lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        for k in (at + j, at + j + pitch):
            i = k + 2 * pitch
            p0, p1, l0, l1 = load(s, k), load(s, k + step), load(s, i), load(s, i + step)
            my = my + (l1 * p0 - l0 * p1)
            p0, p1 = _about_y(ar, br, p0, p1)
            l0, l1 = _about_y(ar, br, l0, l1)
            store(s, k, p0)
            store(s, k + step, p1)
            store(s, i, l0)
            store(s, i + step, l1)
    store(s, m + lanes, my)


@kernel
def _about_x(ar, bi, pair):  # type: ignore[no-untyped-def]
    p0r, p0i, p1r, p1i = pair
    return ar * p0r - bi * p1i, ar * p0i + bi * p1r, ar * p1r - bi * p0i, ar * p1i + bi * p0r


@kernel
def turn_x(s, at, size, bit, other, controls, value, c):  # type: ignore[no-untyped-def]
    """A rotation about X."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, bi = load(s, c), load(s, c + 3 * lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) == value:
            store_four(s, at + j, pitch, step, _about_x(ar, bi, load_four(s, at + j, pitch, step)))


@kernel
def turn_x_back(s, at, size, bit, other, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the moment of X, then undo the rotation about X."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, bi, mx = load(s, c), -load(s, c + 3 * lanes), load(s, m)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        k = at + j
        pair = load_four(s, k, pitch, step)
        p0r, p0i, p1r, p1i = pair
        store_four(s, k, pitch, step, _about_x(ar, bi, pair))
        k += 2 * pitch
        pair = load_four(s, k, pitch, step)
        l0r, l0i, l1r, l1i = pair
        mx = mx + (l0r * p1i - l0i * p1r + l1r * p0i - l1i * p0r)
        store_four(s, k, pitch, step, _about_x(ar, bi, pair))
    store(s, m, mx)


def _x_within(bit: int) -> tuple[Any, Any]:
    """The rotation about X and its way back for a bit inside a vector."""

    @kernel
    def turn_within(s, at, size, controls, value, c):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        ar, bi = load(s, c), load(s, c + 3 * lanes)
        for k in range(at, at + size, lanes):
            if controls and ((k - at) & controls) != value:
                continue
            re, im = load(s, k), load(s, k + pitch)
            store(s, k, ar * re - bi * swap(im, bit))
            store(s, k + pitch, ar * im + bi * swap(re, bit))

    @kernel
    def turn_back_within(s, at, size, controls, value, c, m):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        ar, bi, mx = load(s, c), load(s, c + 3 * lanes), load(s, m)
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            re, im = load(s, k), load(s, k + pitch)
            other_re, other_im = swap(re, bit), swap(im, bit)
            store(s, k, ar * re + bi * other_im)
            store(s, k + pitch, ar * im - bi * other_re)
            k += 2 * pitch
            x, y = load(s, k), load(s, k + pitch)
            mx = mx + (x * other_im - y * other_re)
            store(s, k, ar * x + bi * swap(y, bit))
            store(s, k + pitch, ar * y - bi * swap(x, bit))
        store(s, m, mx)

    return turn_within, turn_back_within


# A rotation about X of a bit inside a vector, which is the first argument, and its way back.
turn_x_low, turn_x_low_back = map(one_of, zip(*(_x_within(bit) for bit in range(4)), strict=True))


@kernel
def _about_y_twice(ar, br, er, fr, p0, p1, p2, p3):  # type: ignore[no-untyped-def]
    """Four elements behind a rotation of the nearer bit, then one of the farther."""
    p0, p1 = _about_y(ar, br, p0, p1)
    p2, p3 = _about_y(ar, br, p2, p3)
    p0, p2 = _about_y(er, fr, p0, p2)
    p1, p3 = _about_y(er, fr, p1, p3)
    return p0, p1, p2, p3


@kernel
def turn_pair(s, at, size, low, high, c, d):  # type: ignore[no-untyped-def]
    """Rotations about Y on the bits `low` and `high`, both above those of a vector."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, br, er, fr = load(s, c), load(s, c + 2 * lanes), load(s, d), load(s, d + 2 * lanes)
    near, far = 1 << low, 1 << high
    for outer in range(0, size, 2 * far):
        for inner in range(outer, outer + far, 2 * near):
            for j in range(inner, inner + near, lanes):
                for k in (at + j, at + j + pitch):
                    p0, p1, p2, p3 = load_four(s, k, near, far)
                    store_four(s, k, near, far, _about_y_twice(ar, br, er, fr, p0, p1, p2, p3))


@kernel
def turn_pair_back(s, at, size, low, high, c, d, m, n):  # type: ignore[no-untyped-def]
    """Add up both moments of Y, then undo both rotations."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, br, er, fr = load(s, c), -load(s, c + 2 * lanes), load(s, d), -load(s, d + 2 * lanes)
    mlow, mhigh = load(s, m + lanes), load(s, n + lanes)
    near, far = 1 << low, 1 << high
    for outer in range(0, size, 2 * far):
        for inner in range(outer, outer + far, 2 * near):
            for j in range(inner, inner + near, lanes):
                for k in (at + j, at + j + pitch):
                    p0, p1, p2, p3 = load_four(s, k, near, far)
                    l0, l1, l2, l3 = load_four(s, k + 2 * pitch, near, far)
                    mlow = mlow + (l1 * p0 - l0 * p1 + l3 * p2 - l2 * p3)
                    mhigh = mhigh + (l2 * p0 - l0 * p2 + l3 * p1 - l1 * p3)
                    store_four(s, k, near, far, _about_y_twice(ar, br, er, fr, p0, p1, p2, p3))
                    store_four(s, k + 2 * pitch, near, far, _about_y_twice(ar, br, er, fr, l0, l1, l2, l3))
    store(s, m + lanes, mlow)
    store(s, n + lanes, mhigh)


@kernel
def _low(s, c, signs, bit):  # type: ignore[no-untyped-def]
    """What a rotation about Y of a bit inside a vector takes of a lane itself and of its partner."""
    lanes = lanes_of(s)
    return load(s, c), load(s, signs + (1 << bit) * lanes) * load(s, c + 2 * lanes)


@kernel
def _back(p, u, m, a, b, q, v):  # type: ignore[no-untyped-def]
    """State, co-state and moment behind a rotation undone; `q` and `v` are what their lanes' partners hold."""
    return a * p + b * q, a * u + b * v, m - u * q


@kernel
def _add_moment(s, m, moment, signs, bit):  # type: ignore[no-untyped-def]
    lanes = lanes_of(s)
    store(s, m + lanes, load(s, m + lanes) + load(s, signs + (1 << bit) * lanes) * moment)


def _lanes_from(first: int) -> tuple[Any, Any]:
    """`turn_lanes` and its way back where the bits below `first` are no qubits."""

    @kernel
    def turn_from(s, at, size, c0, c1, c2, c3, signs):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        a0, b0 = _low(s, c0, signs, 0)
        a1, b1 = _low(s, c1, signs, 1)
        a2, b2 = _low(s, c2, signs, 2)
        a3, b3 = _low(s, c3, signs, 3 if lanes == 16 else 0)
        for j in range(at, at + 2 * pitch_of(s, size), lanes):
            p = load(s, j)
            if first <= 0:
                p = a0 * p - b0 * swap(p, 0)
            if first <= 1:
                p = a1 * p - b1 * swap(p, 1)
            if first <= 2:
                p = a2 * p - b2 * swap(p, 2)
            if lanes == 16:
                p = a3 * p - b3 * swap(p, 3)
            store(s, j, p)

    @kernel
    def turn_back_from(s, at, size, c0, c1, c2, c3, m0, m1, m2, m3, signs):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        a0, b0 = _low(s, c0, signs, 0)
        a1, b1 = _low(s, c1, signs, 1)
        a2, b2 = _low(s, c2, signs, 2)
        a3, b3 = _low(s, c3, signs, 3 if lanes == 16 else 0)
        zero = splat(s, scalar(s, 0.0))
        y0, y1, y2, y3 = zero, zero, zero, zero
        for j in range(at, at + 2 * pitch, lanes):
            p, u = load(s, j), load(s, j + 2 * pitch)
            if first <= 0:
                p, u, y0 = _back(p, u, y0, a0, b0, swap(p, 0), swap(u, 0))
            if first <= 1:
                p, u, y1 = _back(p, u, y1, a1, b1, swap(p, 1), swap(u, 1))
            if first <= 2:
                p, u, y2 = _back(p, u, y2, a2, b2, swap(p, 2), swap(u, 2))
            if lanes == 16:
                p, u, y3 = _back(p, u, y3, a3, b3, swap(p, 3), swap(u, 3))
            store(s, j, p)
            store(s, j + 2 * pitch, u)
        _add_moment(s, m0, y0, signs, 0)
        _add_moment(s, m1, y1, signs, 1)
        _add_moment(s, m2, y2, signs, 2)
        if lanes == 16:
            _add_moment(s, m3, y3, signs, 3)

    return turn_from, turn_back_from


# Rotations about Y on the bits inside a vector, from the first argument on, and the way back, which adds up their moments;
# there are four bits, or three where a vector's numbers are double.
turn_lanes, turn_lanes_back = map(one_of, zip(*(_lanes_from(first) for first in range(4)), strict=True))
