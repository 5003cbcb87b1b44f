"""Rotations about Y and X, which cost half of others; those about Y two qubits or all of a vector's qubits at a time.

See `gates` for what stands where. The pairs of a rotation about Y are real; one about X exchanges real and imaginary parts.
"""

from __future__ import annotations

from typing import Any

from qkernel_backends.native.vectors import kernel, lanes_of, load, pitch_of, scalar, splat, store, swap, without_bits


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
            p0, p1 = load(s, k), load(s, k + step)
            store(s, k, ar * p0 - br * p1)
            store(s, k + step, br * p0 + ar * p1)


@kernel
def turn_y_back(s, at, size, bit, other, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the moment of Y, then undo the rotation about Y."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, br, my = load(s, c), load(s, c + 2 * lanes), load(s, m + lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        for k in (at + j, at + j + pitch):
            p0, p1 = load(s, k), load(s, k + step)
            l0, l1 = load(s, k + 2 * pitch), load(s, k + step + 2 * pitch)
            my = my + (l1 * p0 - l0 * p1)
            store(s, k, ar * p0 + br * p1)
            store(s, k + step, ar * p1 - br * p0)
            store(s, k + 2 * pitch, ar * l0 + br * l1)
            store(s, k + step + 2 * pitch, ar * l1 - br * l0)
    store(s, m + lanes, my)


@kernel
def turn_x(s, at, size, bit, other, controls, value, c):  # type: ignore[no-untyped-def]
    """A rotation about X."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, bi = load(s, c), load(s, c + 3 * lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        k = at + j
        p0r, p0i = load(s, k), load(s, k + pitch)
        p1r, p1i = load(s, k + step), load(s, k + step + pitch)
        store(s, k, ar * p0r - bi * p1i)
        store(s, k + pitch, ar * p0i + bi * p1r)
        store(s, k + step, ar * p1r - bi * p0i)
        store(s, k + step + pitch, ar * p1i + bi * p0r)


@kernel
def turn_x_back(s, at, size, bit, other, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the moment of X, then undo the rotation about X."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, bi, mx = load(s, c), load(s, c + 3 * lanes), load(s, m)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        k = at + j
        p0r, p0i = load(s, k), load(s, k + pitch)
        p1r, p1i = load(s, k + step), load(s, k + step + pitch)
        store(s, k, ar * p0r + bi * p1i)
        store(s, k + pitch, ar * p0i - bi * p1r)
        store(s, k + step, ar * p1r + bi * p0i)
        store(s, k + step + pitch, ar * p1i - bi * p0r)
        k += 2 * pitch
        l0r, l0i = load(s, k), load(s, k + pitch)
        l1r, l1i = load(s, k + step), load(s, k + step + pitch)
        mx = mx + (l0r * p1i - l0i * p1r + l1r * p0i - l1i * p0r)
        store(s, k, ar * l0r + bi * l1i)
        store(s, k + pitch, ar * l0i - bi * l1r)
        store(s, k + step, ar * l1r + bi * l0i)
        store(s, k + step + pitch, ar * l1i - bi * l0r)
    store(s, m, mx)


def _x_within(bit: int) -> tuple[Any, Any]:
    """The rotation about X and its way back for a bit inside a vector."""

    @kernel
    def turn_within(s, at, size, controls, value, c):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        ar, bi = load(s, c), load(s, c + 3 * lanes)
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
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


_TURNS, _BACKS = zip(*(_x_within(bit) for bit in range(4)), strict=True)
_x0, _x1, _x2, _x3 = _TURNS
_x_back0, _x_back1, _x_back2, _x_back3 = _BACKS


@kernel
def turn_x_low(s, at, size, bit, controls, value, c):  # type: ignore[no-untyped-def]
    """A rotation about X of a bit inside a vector."""
    if bit == 0:
        _x0(s, at, size, controls, value, c)
    elif bit == 1:
        _x1(s, at, size, controls, value, c)
    elif bit == 2:
        _x2(s, at, size, controls, value, c)
    else:
        _x3(s, at, size, controls, value, c)


@kernel
def turn_x_low_back(s, at, size, bit, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the moment of X, then undo the rotation about X of a bit inside a vector."""
    if bit == 0:
        _x_back0(s, at, size, controls, value, c, m)
    elif bit == 1:
        _x_back1(s, at, size, controls, value, c, m)
    elif bit == 2:
        _x_back2(s, at, size, controls, value, c, m)
    else:
        _x_back3(s, at, size, controls, value, c, m)


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
                    p0, p1 = load(s, k), load(s, k + near)
                    p2, p3 = load(s, k + far), load(s, k + far + near)
                    p0, p1 = ar * p0 - br * p1, br * p0 + ar * p1
                    p2, p3 = ar * p2 - br * p3, br * p2 + ar * p3
                    store(s, k, er * p0 - fr * p2)
                    store(s, k + near, er * p1 - fr * p3)
                    store(s, k + far, fr * p0 + er * p2)
                    store(s, k + far + near, fr * p1 + er * p3)


@kernel
def turn_pair_back(s, at, size, low, high, c, d, m, n):  # type: ignore[no-untyped-def]
    """Add up both moments of Y, then undo both rotations."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, br, er, fr = load(s, c), load(s, c + 2 * lanes), load(s, d), load(s, d + 2 * lanes)
    mlow, mhigh = load(s, m + lanes), load(s, n + lanes)
    near, far = 1 << low, 1 << high
    for outer in range(0, size, 2 * far):
        for inner in range(outer, outer + far, 2 * near):
            for j in range(inner, inner + near, lanes):
                for k in (at + j, at + j + pitch):
                    p0, p1 = load(s, k), load(s, k + near)
                    p2, p3 = load(s, k + far), load(s, k + far + near)
                    i = k + 2 * pitch
                    l0, l1 = load(s, i), load(s, i + near)
                    l2, l3 = load(s, i + far), load(s, i + far + near)
                    mlow = mlow + (l1 * p0 - l0 * p1 + l3 * p2 - l2 * p3)
                    mhigh = mhigh + (l2 * p0 - l0 * p2 + l3 * p1 - l1 * p3)
                    p0, p1 = ar * p0 + br * p1, ar * p1 - br * p0
                    p2, p3 = ar * p2 + br * p3, ar * p3 - br * p2
                    store(s, k, er * p0 + fr * p2)
                    store(s, k + near, er * p1 + fr * p3)
                    store(s, k + far, er * p2 - fr * p0)
                    store(s, k + far + near, er * p3 - fr * p1)
                    l0, l1 = ar * l0 + br * l1, ar * l1 - br * l0
                    l2, l3 = ar * l2 + br * l3, ar * l3 - br * l2
                    store(s, i, er * l0 + fr * l2)
                    store(s, i + near, er * l1 + fr * l3)
                    store(s, i + far, er * l2 - fr * l0)
                    store(s, i + far + near, er * l3 - fr * l1)
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


_LANES, _LANES_BACK = zip(*(_lanes_from(first) for first in range(4)), strict=True)
_lanes0, _lanes1, _lanes2, _lanes3 = _LANES
_back0, _back1, _back2, _back3 = _LANES_BACK


@kernel
def turn_lanes(s, at, size, first, c0, c1, c2, c3, signs):  # type: ignore[no-untyped-def]
    """Rotations about Y on the bits inside a vector, from `first` on; there are four, or three if its numbers are double."""
    if first == 0:
        _lanes0(s, at, size, c0, c1, c2, c3, signs)
    elif first == 1:
        _lanes1(s, at, size, c0, c1, c2, c3, signs)
    elif first == 2:
        _lanes2(s, at, size, c0, c1, c2, c3, signs)
    else:
        _lanes3(s, at, size, c0, c1, c2, c3, signs)


@kernel
def turn_lanes_back(s, at, size, first, c0, c1, c2, c3, m0, m1, m2, m3, signs):  # type: ignore[no-untyped-def]
    """Add up the moments of Y of the bits inside a vector, undoing their rotations."""
    if first == 0:
        _back0(s, at, size, c0, c1, c2, c3, m0, m1, m2, m3, signs)
    elif first == 1:
        _back1(s, at, size, c0, c1, c2, c3, m0, m1, m2, m3, signs)
    elif first == 2:
        _back2(s, at, size, c0, c1, c2, c3, m0, m1, m2, m3, signs)
    else:
        _back3(s, at, size, c0, c1, c2, c3, m0, m1, m2, m3, signs)
