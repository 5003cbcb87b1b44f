"""Pauli products: as rotations, as expectation values and in the co-state; constant matrices, and states that are loaded."""

from __future__ import annotations

from qkernel_backends.native.layout import DENSE_AT, ROW_GRADIENTS_AT, ROW_VALUES_AT
from qkernel_backends.native.vectors import is_odd, kernel, lanes_of, load, pitch_of, scalar, splat, store, swap_any


@kernel
def _image(s, k, size, flip, er, ei):  # type: ignore[no-untyped-def]
    """(er + i ei) times the vector at `k` with its lanes exchanged by `flip`."""
    pitch = pitch_of(s, size)
    qr, qi = swap_any(load(s, k), flip), swap_any(load(s, k + pitch), flip)
    return er * qr - ei * qi, er * qi + ei * qr


@kernel
def _rotate(s, k, size, wr, wi, c, d):  # type: ignore[no-untyped-def]
    pitch = pitch_of(s, size)
    re, im = load(s, k), load(s, k + pitch)
    store(s, k, c * re + d * wi)
    store(s, k + pitch, c * im - d * wr)


@kernel
def rotate(s, at, size, x, z, odd_ys, controls, value, c, m, signs, back):  # type: ignore[no-untyped-def]
    """exp(-i h P), or backwards with its moment; P is X on `x`, Z on `z`, with `odd_ys` of Y (modulo 4)."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    cosine, sine = load(s, c), -load(s, c + lanes)
    if back:
        sine = -sine
    moment = load(s, m + 2 * lanes)
    low = x & (lanes - 1)
    high = x - low
    pivot = 0
    while high >> pivot > 1:
        pivot += 1
    pivot = 1 << pivot if high else 0
    side = load(s, signs + (z & (lanes - 1)) * lanes)
    zero = splat(s, scalar(s, 0.0))
    er, ei = zero, zero
    if odd_ys & 1:
        ei = side if odd_ys == 3 else -side
    else:
        er = side if odd_ys == 0 else -side
    high_z = z & ~(lanes - 1)
    for j in range(0, size, lanes):
        if j & pivot or (j & controls) != value:
            continue
        k, other = at + j, at + (j ^ high)
        kr, ki = (-er, -ei) if is_odd(j & high_z) else (er, ei)
        otherr, otheri = (-er, -ei) if is_odd((j ^ high) & high_z) else (er, ei)
        for _ in range(2 if back else 1):
            wr, wi = _image(s, other, size, low, kr, ki)
            vr, vi = _image(s, k, size, low, otherr, otheri)
            if back and k - at < size:
                moment = moment + (load(s, k + 2 * pitch) * wi - load(s, k + 3 * pitch) * wr)
                if pivot:
                    moment = moment + (load(s, other + 2 * pitch) * vi - load(s, other + 3 * pitch) * vr)
            _rotate(s, k, size, wr, wi, cosine, sine)
            if pivot:
                _rotate(s, other, size, vr, vi, cosine, sine)
            k += 2 * pitch
            other += 2 * pitch
    if back:
        store(s, m + 2 * lanes, moment)


@kernel
def overlap(s, at, size, x, to):  # type: ignore[no-untyped-def]
    """conj(state[j ^ x]) state[j] for each element j, real part at `to`, imaginary part a pitch behind."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    low = x & (lanes - 1)
    high = x - low
    for j in range(0, size, lanes):
        pr, pi = load(s, at + j), load(s, at + j + pitch)
        other = at + (j ^ high)
        qr, qi = swap_any(load(s, other), low), swap_any(load(s, other + pitch), low)
        store(s, to + j, qr * pr + qi * pi)
        store(s, to + j + pitch, qr * pi - qi * pr)


@kernel
def add_image(s, at, size, x, weights):  # type: ignore[no-untyped-def]
    """costate[j ^ x] += weights[j] state[j], complex weights like a state at `weights`."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    low = x & (lanes - 1)
    high = x - low
    for j in range(0, size, lanes):
        k = j ^ high
        c, d = load(s, weights + k), load(s, weights + k + pitch)
        re, im = load(s, at + k), load(s, at + k + pitch)
        to = at + j + 2 * pitch
        store(s, to, load(s, to) + swap_any(c * re - d * im, low))
        store(s, to + pitch, load(s, to + pitch) + swap_any(c * im + d * re, low))


@kernel
def apply_matrix(s, code, numbers, at, size, bits_at, num_bits, controls, value, matrix, back):  # type: ignore[no-untyped-def]
    """A constant matrix (backwards: its adjoint) on the element bits listed at `bits_at`."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    targets = 0
    for k in range(num_bits):
        targets |= 1 << code[bits_at + k]
    run = 1 if (targets | controls) & (lanes - 1) else lanes
    dimension = 1 << num_bits
    buffer = code[DENSE_AT]
    for j in range(0, size, run):
        if j & targets or (j & controls) != value:
            continue
        for row in range(dimension):
            place = at + j
            for k in range(num_bits):
                if row >> k & 1:
                    place += 1 << code[bits_at + k]
            for lane in range(run):
                s[buffer + 2 * lanes * row + lane] = s[place + lane]
                s[buffer + 2 * lanes * row + lanes + lane] = s[place + lane + pitch]
        for row in range(dimension):
            place = at + j
            for k in range(num_bits):
                if row >> k & 1:
                    place += 1 << code[bits_at + k]
            for lane in range(run):
                s[place + lane] = 0
                s[place + lane + pitch] = 0
            for column in range(dimension):
                entry = matrix + 2 * (dimension * column + row if back else dimension * row + column)
                re = scalar(s, numbers[entry])
                im = scalar(s, -numbers[entry + 1] if back else numbers[entry + 1])
                k = buffer + 2 * lanes * column
                for lane in range(run):
                    s[place + lane] += re * s[k + lane] - im * s[k + lanes + lane]
                    s[place + lane + pitch] += re * s[k + lanes + lane] + im * s[k + lane]


@kernel
def load_state(s, code, at, size, count, targets, is_complex, offsets, rows):  # type: ignore[no-untyped-def]
    """Elements with 0 in the bits `targets` as `count` of them, `code[offsets + j]` further, times the row `code[rows + j]`.

    If `is_complex`, times the number whose real and imaginary part are the rows `code[rows + 2 * j]` and the next.
    """
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    for k in range(size):
        if k & targets:
            continue
        re, im = s[at + k], s[at + k + pitch]
        value = code[ROW_VALUES_AT] + (k & (lanes - 1))
        for j in range(count):
            real = s[value + lanes * code[rows + (j << is_complex)]]
            place = at + k + code[offsets + j]
            s[place] = real * re
            s[place + pitch] = real * im
            if is_complex:
                imaginary = s[value + lanes * code[rows + 2 * j + 1]]
                s[place] -= imaginary * im
                s[place + pitch] += imaginary * re


@kernel
def unload_state(s, code, at, size, count, targets, is_complex, offsets, rows):  # type: ignore[no-untyped-def]
    """Undo `load_state` on state and co-state, and add up the gradients of its rows."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    zero = scalar(s, 0.0)
    for k in range(size):
        if k & targets:
            continue
        value, gradient = code[ROW_VALUES_AT] + (k & (lanes - 1)), code[ROW_GRADIENTS_AT] + (k & (lanes - 1))
        re, im, core, coim = zero, zero, zero, zero
        for j in range(count):
            real = s[value + lanes * code[rows + (j << is_complex)]]
            place = at + k + code[offsets + j]
            re += real * s[place]
            im += real * s[place + pitch]
            core += real * s[place + 2 * pitch]
            coim += real * s[place + 3 * pitch]
            if is_complex:
                imaginary = s[value + lanes * code[rows + 2 * j + 1]]
                re += imaginary * s[place + pitch]
                im -= imaginary * s[place]
                core += imaginary * s[place + 3 * pitch]
                coim -= imaginary * s[place + 2 * pitch]
        for j in range(count):
            place = at + k + code[offsets + j]
            l_re, l_im = s[place + 2 * pitch], s[place + 3 * pitch]
            s[gradient + lanes * code[rows + (j << is_complex)]] += re * l_re + im * l_im
            if is_complex:
                s[gradient + lanes * code[rows + 2 * j + 1]] += re * l_im - im * l_re
            for part in range(4):
                s[place + part * pitch] = zero
        s[at + k], s[at + k + pitch], s[at + k + 2 * pitch], s[at + k + 3 * pitch] = re, im, core, coim
