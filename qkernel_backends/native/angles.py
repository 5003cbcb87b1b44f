"""Angles from parameters, the coefficients of merged rotations from angles, and both ways back for gradients."""

from __future__ import annotations

import math

from qkernel_backends.native import layout
from qkernel_backends.native.phases import cosine_and_sine
from qkernel_backends.native.vectors import kernel, lanes_of, load, scalar, splat, store

# 2 pi in three parts: multiples of the first two are exact up to a million turns (Cody and Waite 1980).
_TURN = 2 * math.pi
_TURN_HIGH = math.floor(_TURN * 2.0**30) / 2.0**30
_TURN_MIDDLE = _TURN - _TURN_HIGH
_TURN_LOW = 2 * math.sin(math.pi)
_PER_TURN = 1 / _TURN
_WHOLE = 1.5 * 2.0**52
"""Added and taken off again, it rounds to a whole number."""


@kernel
def _beyond(columns, first, last, limit):  # type: ignore[no-untyped-def]
    found = 0
    for k in range(first, last):
        if not abs(columns[k]) <= limit:
            found = 1
    return found


@kernel
def out_of_range(code, numbers, inputs, weights, first, last):  # type: ignore[no-untyped-def]
    """1 if a column of the samples `first` to `last` or a shared one lies beyond the limit or is not a number, else 0."""
    limit, width = numbers[code[layout.LIMIT_AT]], code[layout.NUM_INPUTS]
    return _beyond(inputs, first * width, last * width, limit) | _beyond(weights, 0, code[layout.NUM_WEIGHTS], limit)


@kernel
def evaluate(s, code, numbers, weights, stage):  # type: ignore[no-untyped-def]
    """The rows of a stage, in every lane, brought into [-pi, pi], with their cosines and sines."""
    lanes = lanes_of(s)
    terms, offsets = code[layout.ROW_TERMS_AT], code[layout.ROW_NUMBERS_AT]
    coefficients = offsets + code[layout.NUM_ROWS]
    for row in range(code[layout.NUM_ROWS]):
        at = code[layout.ROWS_AT] + 3 * row
        if code[at + 2] != stage:
            continue
        value = code[layout.ROW_VALUES_AT] + lanes * row
        shared = numbers[offsets + row]
        varies = False
        for k in range(code[at], code[at + 1]):
            column = code[terms + k]
            if column < 0:
                shared += numbers[coefficients + k] * weights[-1 - column]
            else:
                varies = True
        for lane in range(lanes if varies else 1):
            total = shared
            for k in range(code[at], code[at + 1]):
                column = code[terms + k]
                if column >= 0:
                    total += numbers[coefficients + k] * s[code[layout.INPUTS_AT] + lanes * column + lane]
            turns = (total * _PER_TURN + _WHOLE) - _WHOLE
            s[value + lane] = ((total - turns * _TURN_HIGH) - turns * _TURN_MIDDLE) - turns * _TURN_LOW
        if not varies:
            store(s, value, splat(s, s[value]))
        cosine_and_sine(
            s, value, lanes, code[layout.TURNS_AT] + 2 * lanes * row, code[layout.TURNS_AT] + 2 * lanes * row + lanes
        )


@kernel
def coefficients(s, code, stage):  # type: ignore[no-untyped-def]
    """ar, ai, br, bi of each merged rotation of a stage; lanes that its controls leave alone get the identity."""
    lanes = lanes_of(s)
    one, zero = splat(s, scalar(s, 1.0)), splat(s, scalar(s, 0.0))
    for group in range(code[layout.NUM_GROUPS]):
        at = code[layout.GROUPS_AT] + 4 * group
        if code[at + 2] != stage:
            continue
        ar, ai, br, bi = one, zero, zero, zero
        for k in range(code[at], code[at + 1]):
            axis = code[code[layout.FACTORS_AT] + 2 * k]
            turn = code[layout.TURNS_AT] + 2 * lanes * code[code[layout.FACTORS_AT] + 2 * k + 1]
            c, d = load(s, turn), load(s, turn + lanes)
            if axis == 0:
                ar, ai, br, bi = c * ar + d * bi, c * ai - d * br, c * br + d * ai, c * bi - d * ar
            elif axis == 1:
                ar, ai, br, bi = c * ar - d * br, c * ai - d * bi, c * br + d * ar, c * bi + d * ai
            else:
                ar, ai, br, bi = c * ar + d * ai, c * ai - d * ar, c * br - d * bi, c * bi + d * br
        if code[at + 3] >= 0:
            held = load(s, code[layout.LANE_MASKS_AT] + lanes * code[at + 3])
            ar, ai, br, bi = one + held * (ar - one), held * ai, held * br, held * bi
        to = code[layout.COEFFICIENTS_AT] + 4 * lanes * group
        store(s, to, ar)
        store(s, to + lanes, ai)
        store(s, to + 2 * lanes, br)
        store(s, to + 3 * lanes, bi)


@kernel
def share_moments(s, code, stage):  # type: ignore[no-untyped-def]
    """Hand the moments behind each merged rotation of a stage to the rows of its factors, last factor first."""
    lanes = lanes_of(s)
    for group in range(code[layout.NUM_GROUPS]):
        at = code[layout.GROUPS_AT] + 4 * group
        if code[at + 2] != stage or stage == layout.CONSTANT:
            continue
        m = code[layout.MOMENTS_AT] + 3 * lanes * group
        mx, my, mz = load(s, m), load(s, m + lanes), load(s, m + 2 * lanes)
        if code[at + 3] >= 0:
            held = load(s, code[layout.LANE_MASKS_AT] + lanes * code[at + 3])
            mx, my, mz = held * mx, held * my, held * mz
        for k in range(code[at + 1] - 1, code[at] - 1, -1):
            axis, row = code[code[layout.FACTORS_AT] + 2 * k], code[code[layout.FACTORS_AT] + 2 * k + 1]
            turn = code[layout.TURNS_AT] + 2 * lanes * row
            c, d = load(s, turn), load(s, turn + lanes)
            cosine, sine = c * c - d * d, c * d + c * d
            to = code[layout.ROW_GRADIENTS_AT] + lanes * row
            if axis == 0:
                store(s, to, load(s, to) + mx)
                my, mz = cosine * my + sine * mz, cosine * mz - sine * my
            elif axis == 1:
                store(s, to, load(s, to) + my)
                mz, mx = cosine * mz + sine * mx, cosine * mx - sine * mz
            else:
                store(s, to, load(s, to) + mz)
                mx, my = cosine * mx + sine * my, cosine * my - sine * mx


@kernel
def hand_out(s, code, numbers, stage, grad_inputs, grad_weights, into, first, count):  # type: ignore[no-untyped-def]
    """Add the gradients of a stage's rows to those of their columns; the lanes hold samples `first` to `first + count`.

    Those of shared columns go into the row `into` of `grad_weights`.
    """
    lanes = lanes_of(s)
    terms = code[layout.ROW_TERMS_AT]
    coefficients = code[layout.ROW_NUMBERS_AT] + code[layout.NUM_ROWS]
    samples = 1 << code[layout.LANE_BITS]
    for row in range(code[layout.NUM_ROWS]):
        at = code[layout.ROWS_AT] + 3 * row
        if code[at + 2] != stage:
            continue
        gradient = code[layout.ROW_GRADIENTS_AT] + lanes * row
        total = s[gradient]
        for lane in range(1, lanes):
            total += s[gradient + lane]
        for k in range(code[at], code[at + 1]):
            column = code[terms + k]
            coefficient = numbers[coefficients + k]
            if column < 0:
                grad_weights[into * code[layout.NUM_WEIGHTS] - 1 - column] += coefficient * total
            else:
                for sample in range(count):
                    part = s[gradient + sample]
                    for lane in range(sample + samples, lanes, samples):
                        part += s[gradient + lane]
                    grad_inputs[(first + sample) * code[layout.NUM_INPUTS] + column] += coefficient * part
