"""Rotations of a state, forwards, and backwards together with the co-state.

A state of `size` elements has its real part at `at`, its imaginary part one pitch behind, the co-state two (see `pitch_of`).
A rotation's matrix is [[a, -b*], [b, a*]]; its vectors ar, ai, br, bi stand at `c`. The way back takes all but ar with
another sign; the moments Im <costate| X, Y, Z |state> behind the rotation are added up at `m`.
"""

from __future__ import annotations

from typing import Any

from qkernel_backends.native.vectors import kernel, lanes_of, load, one_of, pitch_of, scalar, splat, store, swap, without_bits


@kernel
def load_four(s, k, near, far):  # type: ignore[no-untyped-def]
    """Two numbers that lie `near` each other, and two `far` from them: real and imaginary parts of a pair, or four elements."""
    return load(s, k), load(s, k + near), load(s, k + far), load(s, k + far + near)


@kernel
def store_four(s, k, near, far, four):  # type: ignore[no-untyped-def]
    """The way back of `load_four`."""
    store(s, k, four[0])
    store(s, k + near, four[1])
    store(s, k + far, four[2])
    store(s, k + far + near, four[3])


@kernel
def _turned(ar, ai, br, bi, pair):  # type: ignore[no-untyped-def]
    p0r, p0i, p1r, p1i = pair
    return (
        ar * p0r - ai * p0i - br * p1r - bi * p1i,
        ar * p0i + ai * p0r - br * p1i + bi * p1r,
        br * p0r - bi * p0i + ar * p1r + ai * p1i,
        br * p0i + bi * p0r + ar * p1i - ai * p1r,
    )


@kernel
def turn(s, at, size, bit, other, controls, value, c):  # type: ignore[no-untyped-def]
    """A rotation on the pairs of elements that differ in `bit`."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) == value:
            store_four(s, at + j, pitch, step, _turned(ar, ai, br, bi, load_four(s, at + j, pitch, step)))


@kernel
def turn_back(s, at, size, bit, other, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the three moments, then undo the rotation on state and co-state."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, ai, br, bi = load(s, c), -load(s, c + lanes), -load(s, c + 2 * lanes), -load(s, c + 3 * lanes)
    mx, my, mz = load(s, m), load(s, m + lanes), load(s, m + 2 * lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        k = at + j
        pair = load_four(s, k, pitch, step)
        p0r, p0i, p1r, p1i = pair
        store_four(s, k, pitch, step, _turned(ar, ai, br, bi, pair))
        k += 2 * pitch
        pair = load_four(s, k, pitch, step)
        l0r, l0i, l1r, l1i = pair
        mx = mx + (l0r * p1i - l0i * p1r + l1r * p0i - l1i * p0r)
        my = my + (l1r * p0r + l1i * p0i - l0r * p1r - l0i * p1i)
        mz = mz + (l0r * p0i - l0i * p0r - l1r * p1i + l1i * p1r)
        store_four(s, k, pitch, step, _turned(ar, ai, br, bi, pair))
    store(s, m, mx)
    store(s, m + lanes, my)
    store(s, m + 2 * lanes, mz)


@kernel
def _turned_within(ar, ai, br, bi, pr, pi, qr, qi):  # type: ignore[no-untyped-def]
    """An element behind a rotation; q is its partner."""
    return ar * pr - ai * pi + br * qr - bi * qi, ar * pi + ai * pr + br * qi + bi * qr


def _within(bit: int) -> tuple[Any, Any]:
    """The rotation and its way back for a bit inside a vector."""

    @kernel
    def turn_within(s, at, size, controls, value, c, signs):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        side = load(s, signs + (1 << bit) * lanes)
        ar, ai = load(s, c), side * load(s, c + lanes)
        br, bi = -(side * load(s, c + 2 * lanes)), load(s, c + 3 * lanes)
        for k in range(at, at + size, lanes):
            if controls and ((k - at) & controls) != value:
                continue
            pr, pi = load(s, k), load(s, k + pitch)
            re, im = _turned_within(ar, ai, br, bi, pr, pi, swap(pr, bit), swap(pi, bit))
            store(s, k, re)
            store(s, k + pitch, im)

    @kernel
    def turn_back_within(s, at, size, controls, value, c, m, signs):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        side = load(s, signs + (1 << bit) * lanes)
        ar, ai = load(s, c), -(side * load(s, c + lanes))
        br, bi = side * load(s, c + 2 * lanes), -load(s, c + 3 * lanes)
        zero = splat(s, scalar(s, 0.0))
        mx, my, mz = zero, zero, zero
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            pr, pi = load(s, k), load(s, k + pitch)
            qr, qi = swap(pr, bit), swap(pi, bit)
            re, im = _turned_within(ar, ai, br, bi, pr, pi, qr, qi)
            store(s, k, re)
            store(s, k + pitch, im)
            k += 2 * pitch
            lr, li = load(s, k), load(s, k + pitch)
            mx = mx + (lr * qi - li * qr)
            my = my - (lr * qr + li * qi)
            mz = mz + (lr * pi - li * pr)
            re, im = _turned_within(ar, ai, br, bi, lr, li, swap(lr, bit), swap(li, bit))
            store(s, k, re)
            store(s, k + pitch, im)
        store(s, m, load(s, m) + mx)
        store(s, m + lanes, load(s, m + lanes) + side * my)
        store(s, m + 2 * lanes, load(s, m + 2 * lanes) + side * mz)

    return turn_within, turn_back_within


# A rotation of a bit inside a vector, which is the first argument, and its way back.
turn_low, turn_low_back = map(one_of, zip(*(_within(bit) for bit in range(4)), strict=True))
