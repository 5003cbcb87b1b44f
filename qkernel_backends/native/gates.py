"""Rotations of a state, forwards, and backwards together with the co-state.

A state of `size` elements has its real part at `at`, its imaginary part one pitch behind, the co-state two (see `pitch_of`).
A rotation's matrix is [[a, -b*], [b, a*]]; its vectors ar, ai, br, bi stand at `c`. Backwards, the moments
Im <costate| X, Y, Z |state> behind the rotation are added up at `m`.
"""

from __future__ import annotations

from typing import Any

from qkernel_backends.native.vectors import kernel, lanes_of, load, pitch_of, scalar, splat, store, swap, without_bits


@kernel
def turn(s, at, size, bit, other, controls, value, c, sign):  # type: ignore[no-untyped-def]
    """A rotation (`sign` -1: its inverse) on the pairs of elements that differ in `bit`."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    minus = splat(s, scalar(s, sign))
    ar, ai, br, bi = load(s, c), minus * load(s, c + lanes), minus * load(s, c + 2 * lanes), minus * load(s, c + 3 * lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        k = at + j
        p0r, p0i = load(s, k), load(s, k + pitch)
        p1r, p1i = load(s, k + step), load(s, k + step + pitch)
        store(s, k, ar * p0r - ai * p0i - br * p1r - bi * p1i)
        store(s, k + pitch, ar * p0i + ai * p0r - br * p1i + bi * p1r)
        store(s, k + step, br * p0r - bi * p0i + ar * p1r + ai * p1i)
        store(s, k + step + pitch, br * p0i + bi * p0r + ar * p1i - ai * p1r)


@kernel
def turn_back(s, at, size, bit, other, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the three moments, then undo the rotation on state and co-state."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
    mx, my, mz = load(s, m), load(s, m + lanes), load(s, m + 2 * lanes)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        k = at + j
        p0r, p0i = load(s, k), load(s, k + pitch)
        p1r, p1i = load(s, k + step), load(s, k + step + pitch)
        store(s, k, ar * p0r + ai * p0i + br * p1r + bi * p1i)
        store(s, k + pitch, ar * p0i - ai * p0r + br * p1i - bi * p1r)
        store(s, k + step, ar * p1r - ai * p1i - br * p0r + bi * p0i)
        store(s, k + step + pitch, ar * p1i + ai * p1r - br * p0i - bi * p0r)
        k += 2 * pitch
        l0r, l0i = load(s, k), load(s, k + pitch)
        l1r, l1i = load(s, k + step), load(s, k + step + pitch)
        mx = mx + (l0r * p1i - l0i * p1r + l1r * p0i - l1i * p0r)
        my = my + (l1r * p0r + l1i * p0i - l0r * p1r - l0i * p1i)
        mz = mz + (l0r * p0i - l0i * p0r - l1r * p1i + l1i * p1r)
        store(s, k, ar * l0r + ai * l0i + br * l1r + bi * l1i)
        store(s, k + pitch, ar * l0i - ai * l0r + br * l1i - bi * l1r)
        store(s, k + step, ar * l1r - ai * l1i - br * l0r + bi * l0i)
        store(s, k + step + pitch, ar * l1i + ai * l1r - br * l0i - bi * l0r)
    store(s, m, mx)
    store(s, m + lanes, my)
    store(s, m + 2 * lanes, mz)


def _within(bit: int) -> tuple[Any, Any]:
    """The rotation and its way back for a bit inside a vector."""

    @kernel
    def turn_within(s, at, size, controls, value, c, signs, sign):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        side, minus = load(s, signs + (1 << bit) * lanes), splat(s, scalar(s, sign))
        ar, ai = load(s, c), minus * side * load(s, c + lanes)
        br, bi = -(minus * side * load(s, c + 2 * lanes)), minus * load(s, c + 3 * lanes)
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            pr, pi = load(s, k), load(s, k + pitch)
            qr, qi = swap(pr, bit), swap(pi, bit)
            store(s, k, ar * pr - ai * pi + br * qr - bi * qi)
            store(s, k + pitch, ar * pi + ai * pr + br * qi + bi * qr)

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
            store(s, k, ar * pr - ai * pi + br * qr - bi * qi)
            store(s, k + pitch, ar * pi + ai * pr + br * qi + bi * qr)
            k += 2 * pitch
            lr, li = load(s, k), load(s, k + pitch)
            mx = mx + (lr * qi - li * qr)
            my = my - (lr * qr + li * qi)
            mz = mz + (lr * pi - li * pr)
            qr, qi = swap(lr, bit), swap(li, bit)
            store(s, k, ar * lr - ai * li + br * qr - bi * qi)
            store(s, k + pitch, ar * li + ai * lr + br * qi + bi * qr)
        store(s, m, load(s, m) + mx)
        store(s, m + lanes, load(s, m + lanes) + side * my)
        store(s, m + 2 * lanes, load(s, m + 2 * lanes) + side * mz)

    return turn_within, turn_back_within


_TURNS, _BACKS = zip(*(_within(bit) for bit in range(4)), strict=True)
_turn0, _turn1, _turn2, _turn3 = _TURNS
_back0, _back1, _back2, _back3 = _BACKS


@kernel
def turn_low(s, at, size, bit, controls, value, c, signs, sign):  # type: ignore[no-untyped-def]
    """A rotation of a bit inside a vector."""
    if bit == 0:
        _turn0(s, at, size, controls, value, c, signs, sign)
    elif bit == 1:
        _turn1(s, at, size, controls, value, c, signs, sign)
    elif bit == 2:
        _turn2(s, at, size, controls, value, c, signs, sign)
    else:
        _turn3(s, at, size, controls, value, c, signs, sign)


@kernel
def turn_low_back(s, at, size, bit, controls, value, c, m, signs):  # type: ignore[no-untyped-def]
    """The way back of `turn_low`."""
    if bit == 0:
        _back0(s, at, size, controls, value, c, m, signs)
    elif bit == 1:
        _back1(s, at, size, controls, value, c, m, signs)
    elif bit == 2:
        _back2(s, at, size, controls, value, c, m, signs)
    else:
        _back3(s, at, size, controls, value, c, m, signs)
