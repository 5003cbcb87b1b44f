"""The product state that a plan starts from, and its gradient: the co-state contracted with all qubits but one."""

from __future__ import annotations

from qkernel_backends.native import layout
from qkernel_backends.native.vectors import kernel, lanes_of, load, pitch_of, scalar, splat, store, swap_any


@kernel
def _in_lanes(s, code, bit, c, orthogonal):  # type: ignore[no-untyped-def]
    """A qubit's amplitude (of the orthogonal state, if so asked) in each lane, for a bit inside a vector."""
    lanes = lanes_of(s)
    side, half = load(s, code[layout.SIGNS_AT] + (1 << bit) * lanes), splat(s, scalar(s, 0.5))
    one = splat(s, scalar(s, 1.0))
    up, down = half * (one + side), half * (one - side)
    ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
    if orthogonal:
        return down * ar - up * br, up * bi - down * ai
    return up * ar + down * br, up * ai + down * bi


@kernel
def prepare(s, code, at):  # type: ignore[no-untyped-def]
    """Write the product state at `at`."""
    lanes = lanes_of(s)
    size, lane_bits = code[layout.SIZE], code[layout.LANE_BITS]
    pitch = pitch_of(s, size)
    re, im = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
    filled = lanes
    for bit in range(lane_bits, lane_bits + code[layout.QUBITS]):
        group = code[code[layout.START_AT] + bit - lane_bits]
        c = code[layout.COEFFICIENTS_AT] + 4 * lanes * group
        if 1 << bit < lanes:
            fr, fi = _in_lanes(s, code, bit, c, False)
            re, im = re * fr - im * fi, re * fi + im * fr
            continue
        if filled == lanes and 1 << bit == lanes:
            store(s, at, re)
            store(s, at + pitch, im)
        ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
        for k in range(at, at + filled, lanes):
            re, im = load(s, k), load(s, k + pitch)
            store(s, k + filled, re * br - im * bi)
            store(s, k + filled + pitch, re * bi + im * br)
            store(s, k, re * ar - im * ai)
            store(s, k + pitch, re * ai + im * ar)
        filled *= 2
    if filled == lanes:
        store(s, at, re)
        store(s, at + pitch, im)


@kernel
def _shrink(s, code, at, size, bit, group):  # type: ignore[no-untyped-def]
    """Contract the highest remaining bit with its qubit's state."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    c = code[layout.COEFFICIENTS_AT] + 4 * lanes * group
    ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
    step = 1 << bit
    for k in range(at, at + step, lanes):
        p, q, t, u = load(s, k), load(s, k + pitch), load(s, k + step), load(s, k + step + pitch)
        store(s, k, ar * p + ai * q + br * t + bi * u)
        store(s, k + pitch, ar * q - ai * p + br * u - bi * t)


@kernel
def _shrink_lanes(s, code, at, size, chosen):  # type: ignore[no-untyped-def]
    """Contract the bits inside a vector, the bit `chosen` with the orthogonal state; the result in every lane."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    re, im = load(s, at), load(s, at + pitch)
    lane_bits = code[layout.LANE_BITS]
    bit = lane_bits
    while 1 << bit < lanes:
        if bit - lane_bits < code[layout.QUBITS]:
            c = code[layout.COEFFICIENTS_AT] + 4 * lanes * code[code[layout.START_AT] + bit - lane_bits]
            fr, fi = _in_lanes(s, code, bit, c, bit == chosen)
            re, im = re * fr + im * fi, im * fr - re * fi
        re, im = re + swap_any(re, 1 << bit), im + swap_any(im, 1 << bit)
        bit += 1
    return re, im


@kernel
def _moments(s, code, group, re, im):  # type: ignore[no-untyped-def]
    """Im(conj(overlap) <orthogonal| X, Y, Z |state>) into the moments of a group, spread evenly over equal lanes."""
    lanes = lanes_of(s)
    c = code[layout.COEFFICIENTS_AT] + 4 * lanes * group
    ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
    share = splat(s, scalar(s, (1 << code[layout.LANE_BITS]) / lanes))
    re, im = share * re, share * im
    minus_two = splat(s, scalar(s, -2.0))
    aar, aai, bbr, bbi = ar * ar - ai * ai, ar * ai + ar * ai, br * br - bi * bi, br * bi + br * bi
    abr, abi = minus_two * (ar * br - ai * bi), minus_two * (ar * bi + ai * br)
    m = code[layout.MOMENTS_AT] + 3 * lanes * group
    store(s, m, load(s, m) + re * (aai - bbi) - im * (aar - bbr))
    store(s, m + lanes, load(s, m + lanes) + re * (aar + bbr) + im * (aai + bbi))
    store(s, m + 2 * lanes, load(s, m + 2 * lanes) + re * abi - im * abr)


@kernel
def contract(s, code, at, size, lowest, count, groups, within, ampr, ampi):  # type: ignore[no-untyped-def]
    """The moments of the start from the co-state two pitches behind `at`; state and co-state are used up.

    Bit `lowest + k` is the qubit of the group `code[groups + k]`. What lies outside has the amplitude `amp`. `within`
    says that bits inside a vector are qubits, too. What is left is the co-state's overlap with the start.
    """
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    costate = at + 2 * pitch
    for bit in range(lowest + count - 1, -1, -1):
        if 1 << bit < lanes or bit < lowest:
            break
        group = code[groups + bit - lowest]
        c = code[layout.COEFFICIENTS_AT] + 4 * lanes * group
        ar, ai, br, bi = load(s, c), load(s, c + lanes), load(s, c + 2 * lanes), load(s, c + 3 * lanes)
        step = 1 << bit
        for j in range(0, step, lanes):
            k = costate + j
            p, q, t, u = load(s, k), load(s, k + pitch), load(s, k + step), load(s, k + step + pitch)
            store(s, at + j, ar * t - ai * u - br * p + bi * q)
            store(s, at + j + pitch, ar * u + ai * t - br * q - bi * p)
            store(s, k, ar * p + ai * q + br * t + bi * u)
            store(s, k + pitch, ar * q - ai * p + br * u - bi * t)
        for lower in range(bit - 1, -1, -1):
            if 1 << lower < lanes or lower < lowest:
                break
            _shrink(s, code, at, size, lower, code[groups + lower - lowest])
        re, im = load(s, at), load(s, at + pitch)
        if within:
            re, im = _shrink_lanes(s, code, at, size, -1)
        _moments(s, code, group, ampr * re + ampi * im, ampr * im - ampi * re)
    re, im = load(s, costate), load(s, costate + pitch)
    if within:
        for bit in range(lowest, lowest + count):
            if 1 << bit < lanes:
                re, im = _shrink_lanes(s, code, costate, size, bit)
                _moments(s, code, code[groups + bit - lowest], ampr * re + ampi * im, ampr * im - ampi * re)
        re, im = _shrink_lanes(s, code, costate, size, -1)
    return re, im


@kernel
def outer_amplitude(s, code, base):  # type: ignore[no-untyped-def]
    """The start's amplitude of a block's bits outside."""
    lanes = lanes_of(s)
    re, im = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
    for k in range(code[layout.NUM_OUTER]):
        c = code[layout.COEFFICIENTS_AT] + 4 * lanes * code[code[layout.OUTER_START_AT] + k]
        if base >> code[code[layout.OUTER_AT] + k] & 1:
            c += 2 * lanes
        fr, fi = load(s, c), load(s, c + lanes)
        re, im = re * fr - im * fi, re * fi + im * fr
    return re, im


@kernel
def place_template(s, code, at, base):  # type: ignore[no-untyped-def]
    """A block of the start: what is inside was prepared at TEMPLATE_AT."""
    lanes = lanes_of(s)
    size, template = code[layout.SIZE], code[layout.TEMPLATE_AT]
    pitch = pitch_of(s, size)
    ampr, ampi = outer_amplitude(s, code, base)
    for j in range(0, size, lanes):
        re, im = load(s, template + j), load(s, template + j + pitch)
        store(s, at + j, re * ampr - im * ampi)
        store(s, at + j + pitch, re * ampi + im * ampr)
