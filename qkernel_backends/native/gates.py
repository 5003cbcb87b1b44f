"""Rotations and flips on a state, forwards, and backwards together with the co-state.

A state of `size` elements has its real part at `at`, its imaginary part at `at + size`; the co-state follows.
A rotation's matrix is [[a, -b*], [b, a*]]; its vectors ar, ai, br, bi stand at `c`. Backwards, the moments
Im <costate| X, Y, Z |state> behind the rotation are added up at `m`.
"""

from __future__ import annotations

from typing import Any

from qkernel_backends.native.vectors import kernel, lanes_of, load, scalar, splat, store, swap


@kernel
def turn(s, at, size, bit, controls, value, c, sign):  # type: ignore[no-untyped-def]
    """A rotation (`sign` -1: its inverse) on the pairs of elements that differ in `bit`."""
    lanes = lanes_of(s)
    minus = splat(s, scalar(s, sign))
    ar, ai, br, bi = load(s, c), minus * load(s, c + lanes), minus * load(s, c + 2 * lanes), minus * load(s, c + 3 * lanes)
    step = 1 << bit
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            p0r, p0i = load(s, k), load(s, k + size)
            p1r, p1i = load(s, k + step), load(s, k + step + size)
            store(s, k, ar * p0r - ai * p0i - br * p1r - bi * p1i)
            store(s, k + size, ar * p0i + ai * p0r - br * p1i + bi * p1r)
            store(s, k + step, br * p0r - bi * p0i + ar * p1r + ai * p1i)
            store(s, k + step + size, br * p0i + bi * p0r + ar * p1i - ai * p1r)


@kernel
def turn_back(s, at, size, bit, controls, value, c, m):  # type: ignore[no-untyped-def]
    """Add up the three moments, then undo the rotation on state and co-state."""
    lanes = lanes_of(s)
    ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
    mx, my, mz = load(s, m), load(s, m + lanes), load(s, m + 2 * lanes)
    step = 1 << bit
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            p0r, p0i = load(s, k), load(s, k + size)
            p1r, p1i = load(s, k + step), load(s, k + step + size)
            store(s, k, ar * p0r + ai * p0i + br * p1r + bi * p1i)
            store(s, k + size, ar * p0i - ai * p0r + br * p1i - bi * p1r)
            store(s, k + step, ar * p1r - ai * p1i - br * p0r + bi * p0i)
            store(s, k + step + size, ar * p1i + ai * p1r - br * p0i - bi * p0r)
            k += 2 * size
            l0r, l0i = load(s, k), load(s, k + size)
            l1r, l1i = load(s, k + step), load(s, k + step + size)
            mx = mx + (l0r * p1i - l0i * p1r + l1r * p0i - l1i * p0r)
            my = my + (l1r * p0r + l1i * p0i - l0r * p1r - l0i * p1i)
            mz = mz + (l0r * p0i - l0i * p0r - l1r * p1i + l1i * p1r)
            store(s, k, ar * l0r + ai * l0i + br * l1r + bi * l1i)
            store(s, k + size, ar * l0i - ai * l0r + br * l1i - bi * l1r)
            store(s, k + step, ar * l1r - ai * l1i - br * l0r + bi * l0i)
            store(s, k + step + size, ar * l1i + ai * l1r - br * l0i - bi * l0r)
    store(s, m, mx)
    store(s, m + lanes, my)
    store(s, m + 2 * lanes, mz)


@kernel
def flip(s, at, size, bit, controls, value, parts):  # type: ignore[no-untyped-def]
    """Exchange the elements that differ in `bit`, in the first `parts` arrays."""
    lanes = lanes_of(s)
    step = 1 << bit
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            for part in range(parts):
                k = at + j + part * size
                p0, p1 = load(s, k), load(s, k + step)
                store(s, k, p1)
                store(s, k + step, p0)


@kernel
def mix(s, at, size, bit, controls, value, parts, stay):  # type: ignore[no-untyped-def]
    """As `flip`, in the lanes where the vector at `stay` is 0."""
    lanes = lanes_of(s)
    step = 1 << bit
    same = load(s, stay)
    other = splat(s, scalar(s, 1.0)) - same
    for block in range(0, size, 2 * step):
        for j in range(block, block + step, lanes):
            if controls and (j & controls) != value:
                continue
            for part in range(parts):
                k = at + j + part * size
                p0, p1 = load(s, k), load(s, k + step)
                store(s, k, same * p0 + other * p1)
                store(s, k + step, same * p1 + other * p0)


def _within(bit: int) -> tuple[Any, Any, Any]:
    """The rotation, its way back, and the flip, for a bit inside a vector."""

    @kernel
    def turn_within(s, at, size, controls, value, c, signs, sign):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        side, minus = load(s, signs + (1 << bit) * lanes), splat(s, scalar(s, sign))
        ar, ai = load(s, c), minus * side * load(s, c + lanes)
        br, bi = -(minus * side * load(s, c + 2 * lanes)), minus * load(s, c + 3 * lanes)
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            pr, pi = load(s, k), load(s, k + size)
            qr, qi = swap(pr, bit), swap(pi, bit)
            store(s, k, ar * pr - ai * pi + br * qr - bi * qi)
            store(s, k + size, ar * pi + ai * pr + br * qi + bi * qr)

    @kernel
    def turn_back_within(s, at, size, controls, value, c, m, signs):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        side = load(s, signs + (1 << bit) * lanes)
        ar, ai = load(s, c), -(side * load(s, c + lanes))
        br, bi = side * load(s, c + 2 * lanes), -load(s, c + 3 * lanes)
        zero = splat(s, scalar(s, 0.0))
        mx, my, mz = zero, zero, zero
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            k = at + j
            pr, pi = load(s, k), load(s, k + size)
            qr, qi = swap(pr, bit), swap(pi, bit)
            store(s, k, ar * pr - ai * pi + br * qr - bi * qi)
            store(s, k + size, ar * pi + ai * pr + br * qi + bi * qr)
            k += 2 * size
            lr, li = load(s, k), load(s, k + size)
            mx = mx + (lr * qi - li * qr)
            my = my - (lr * qr + li * qi)
            mz = mz + (lr * pi - li * pr)
            qr, qi = swap(lr, bit), swap(li, bit)
            store(s, k, ar * lr - ai * li + br * qr - bi * qi)
            store(s, k + size, ar * li + ai * lr + br * qi + bi * qr)
        store(s, m, load(s, m) + mx)
        store(s, m + lanes, load(s, m + lanes) + side * my)
        store(s, m + 2 * lanes, load(s, m + 2 * lanes) + side * mz)

    @kernel
    def flip_within(s, at, size, controls, value, parts, stay):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        same = load(s, stay)
        other = splat(s, scalar(s, 1.0)) - same
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            for part in range(parts):
                p = load(s, at + j + part * size)
                store(s, at + j + part * size, same * p + other * swap(p, bit))

    return turn_within, turn_back_within, flip_within


_TURNS, _BACKS, _FLIPS = zip(*(_within(bit) for bit in range(4)), strict=True)
_turn0, _turn1, _turn2, _turn3 = _TURNS
_back0, _back1, _back2, _back3 = _BACKS
_flip0, _flip1, _flip2, _flip3 = _FLIPS


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


@kernel
def flip_low(s, at, size, bit, controls, value, parts, stay):  # type: ignore[no-untyped-def]
    """A flip of a bit inside a vector."""
    if bit == 0:
        _flip0(s, at, size, controls, value, parts, stay)
    elif bit == 1:
        _flip1(s, at, size, controls, value, parts, stay)
    elif bit == 2:
        _flip2(s, at, size, controls, value, parts, stay)
    else:
        _flip3(s, at, size, controls, value, parts, stay)
