"""Rotations about Y and X, which cost half of others; those about Y two qubits or all of a vector's qubits at a time.

See `gates` for what stands where. The pairs of a rotation about Y are real; one about X exchanges real and imaginary parts.
"""

from __future__ import annotations

from qkernel_backends.native.vectors import kernel, lanes_of, load, scalar, splat, store, swap


@kernel
def turn_y(s, at, size, bit, controls, value, c):  # type: ignore[no-untyped-def]
    """A rotation about Y."""
    lanes = lanes_of(s)
    ar, br = load(s, c), load(s, c + 2 * lanes)
    step = 1 << bit
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            for k in (at + j, at + j + size):
                p0, p1 = load(s, k), load(s, k + step)
                store(s, k, ar * p0 - br * p1)
                store(s, k + step, br * p0 + ar * p1)


@kernel
def turn_y_back(s, at, size, bit, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the moment of Y, then undo the rotation about Y."""
    lanes = lanes_of(s)
    ar, br, my = load(s, c), load(s, c + 2 * lanes), load(s, m + lanes)
    step = 1 << bit
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            for k in (at + j, at + j + size):
                p0, p1 = load(s, k), load(s, k + step)
                l0, l1 = load(s, k + 2 * size), load(s, k + step + 2 * size)
                my = my + (l1 * p0 - l0 * p1)
                store(s, k, ar * p0 + br * p1)
                store(s, k + step, ar * p1 - br * p0)
                store(s, k + 2 * size, ar * l0 + br * l1)
                store(s, k + step + 2 * size, ar * l1 - br * l0)
    store(s, m + lanes, my)


@kernel
def turn_x(s, at, size, bit, controls, value, c):  # type: ignore[no-untyped-def]
    """A rotation about X."""
    lanes = lanes_of(s)
    ar, bi = load(s, c), load(s, c + 3 * lanes)
    step = 1 << bit
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            p0r, p0i = load(s, k), load(s, k + size)
            p1r, p1i = load(s, k + step), load(s, k + step + size)
            store(s, k, ar * p0r - bi * p1i)
            store(s, k + size, ar * p0i + bi * p1r)
            store(s, k + step, ar * p1r - bi * p0i)
            store(s, k + step + size, ar * p1i + bi * p0r)


@kernel
def turn_x_back(s, at, size, bit, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the moment of X, then undo the rotation about X."""
    lanes = lanes_of(s)
    ar, bi, mx = load(s, c), load(s, c + 3 * lanes), load(s, m)
    step = 1 << bit
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            p0r, p0i = load(s, k), load(s, k + size)
            p1r, p1i = load(s, k + step), load(s, k + step + size)
            store(s, k, ar * p0r + bi * p1i)
            store(s, k + size, ar * p0i - bi * p1r)
            store(s, k + step, ar * p1r + bi * p0i)
            store(s, k + step + size, ar * p1i - bi * p0r)
            k += 2 * size
            l0r, l0i = load(s, k), load(s, k + size)
            l1r, l1i = load(s, k + step), load(s, k + step + size)
            mx = mx + (l0r * p1i - l0i * p1r + l1r * p0i - l1i * p0r)
            store(s, k, ar * l0r + bi * l1i)
            store(s, k + size, ar * l0i - bi * l1r)
            store(s, k + step, ar * l1r + bi * l0i)
            store(s, k + step + size, ar * l1i - bi * l0r)
    store(s, m, mx)


@kernel
def turn_pair(s, at, size, low, high, c, d):  # type: ignore[no-untyped-def]
    """Rotations about Y on the bits `low` and `high`, both above those of a vector."""
    lanes = lanes_of(s)
    ar, br, er, fr = load(s, c), load(s, c + 2 * lanes), load(s, d), load(s, d + 2 * lanes)
    near, far = 1 << low, 1 << high
    for outer in range(0, size, 2 * far):
        for inner in range(outer, outer + far, 2 * near):
            for j in range(inner, inner + near, lanes):
                for k in (at + j, at + j + size):
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
    ar, br, er, fr = load(s, c), load(s, c + 2 * lanes), load(s, d), load(s, d + 2 * lanes)
    mlow, mhigh = load(s, m + lanes), load(s, n + lanes)
    near, far = 1 << low, 1 << high
    for outer in range(0, size, 2 * far):
        for inner in range(outer, outer + far, 2 * near):
            for j in range(inner, inner + near, lanes):
                for k in (at + j, at + j + size):
                    p0, p1 = load(s, k), load(s, k + near)
                    p2, p3 = load(s, k + far), load(s, k + far + near)
                    i = k + 2 * size
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
def turn_lanes(s, at, size, c0, c1, c2, c3, signs):  # type: ignore[no-untyped-def]
    """Rotations about Y on all bits inside a vector; there are four, or three if its numbers are double."""
    lanes = lanes_of(s)
    a0, b0 = _low(s, c0, signs, 0)
    a1, b1 = _low(s, c1, signs, 1)
    a2, b2 = _low(s, c2, signs, 2)
    a3, b3 = _low(s, c3, signs, 3 if lanes == 16 else 0)
    for j in range(at, at + 2 * size, lanes):
        p = load(s, j)
        p = a0 * p - b0 * swap(p, 0)
        p = a1 * p - b1 * swap(p, 1)
        p = a2 * p - b2 * swap(p, 2)
        if lanes == 16:
            p = a3 * p - b3 * swap(p, 3)
        store(s, j, p)


@kernel
def _back(p, u, m, a, b, q, v):  # type: ignore[no-untyped-def]
    """State, co-state and moment behind a rotation undone; `q` and `v` are what their lanes' partners hold."""
    return a * p + b * q, a * u + b * v, m - u * q


@kernel
def _add_moment(s, m, moment, signs, bit):  # type: ignore[no-untyped-def]
    lanes = lanes_of(s)
    store(s, m + lanes, load(s, m + lanes) + load(s, signs + (1 << bit) * lanes) * moment)


@kernel
def turn_lanes_back(s, at, size, c0, c1, c2, c3, m0, m1, m2, m3, signs):  # type: ignore[no-untyped-def]
    """Add up the moments of Y of all bits inside a vector, undoing their rotations."""
    lanes = lanes_of(s)
    a0, b0 = _low(s, c0, signs, 0)
    a1, b1 = _low(s, c1, signs, 1)
    a2, b2 = _low(s, c2, signs, 2)
    a3, b3 = _low(s, c3, signs, 3 if lanes == 16 else 0)
    zero = splat(s, scalar(s, 0.0))
    y0, y1, y2, y3 = zero, zero, zero, zero
    for j in range(at, at + 2 * size, lanes):
        p, u = load(s, j), load(s, j + 2 * size)
        p, u, y0 = _back(p, u, y0, a0, b0, swap(p, 0), swap(u, 0))
        p, u, y1 = _back(p, u, y1, a1, b1, swap(p, 1), swap(u, 1))
        p, u, y2 = _back(p, u, y2, a2, b2, swap(p, 2), swap(u, 2))
        if lanes == 16:
            p, u, y3 = _back(p, u, y3, a3, b3, swap(p, 3), swap(u, 3))
        store(s, j, p)
        store(s, j + 2 * size, u)
    _add_moment(s, m0, y0, signs, 0)
    _add_moment(s, m1, y1, signs, 1)
    _add_moment(s, m2, y2, signs, 2)
    if lanes == 16:
        _add_moment(s, m3, y3, signs, 3)
