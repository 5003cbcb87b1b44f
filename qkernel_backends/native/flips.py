"""Flips with and without controls, which only move elements; see `gates` for what stands where."""

from __future__ import annotations

from typing import Any

from qkernel_backends.native.vectors import chosen, kernel, lanes_of, load, one_of, pitch_of, store, swap, without_bits


@kernel
def flip(s, at, size, bit, other, controls, value, parts):  # type: ignore[no-untyped-def]
    """Exchange the elements that differ in `bit`, in the first `parts` arrays; see `turn` for `other`."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        for part in range(parts):
            k = at + j + part * pitch
            p0, p1 = load(s, k), load(s, k + step)
            store(s, k, p1)
            store(s, k + step, p0)


@kernel
def mix(s, at, size, bit, other, controls, value, parts, stay):  # type: ignore[no-untyped-def]
    """As `flip`, in the lanes where the vector at `stay` is 0."""
    lanes = lanes_of(s)
    pitch = pitch_of(s, size)
    same = load(s, stay)
    step, held = 1 << bit, value & (1 << other)
    for r in range(0, size >> 1 if controls == 0 else size >> 2, lanes):
        j = without_bits(r, bit, other) | held
        if (j & controls) != value:
            continue
        for part in range(parts):
            k = at + j + part * pitch
            p0, p1 = load(s, k), load(s, k + step)
            store(s, k, chosen(same, p0, p1))
            store(s, k + step, chosen(same, p1, p0))


def _within(bit: int) -> Any:
    @kernel
    def flip_within(s, at, size, controls, value, parts, stay):  # type: ignore[no-untyped-def]
        lanes = lanes_of(s)
        pitch = pitch_of(s, size)
        same = load(s, stay)
        for j in range(0, size, lanes):
            if controls and (j & controls) != value:
                continue
            for part in range(parts):
                k = at + j + part * pitch
                p = load(s, k)
                store(s, k, chosen(same, p, swap(p, bit)))

    return flip_within


# A flip of a bit inside a vector, which is the first argument, but for the lanes where the vector at `stay` is not 0.
flip_low = one_of([_within(bit) for bit in range(4)])


@kernel
def flip_lanes(s, at, size, parts, stay0, stay1, stay2, stay3, back):  # type: ignore[no-untyped-def]
    """Flips of all bits inside a vector, ascending (`back`: descending); there are four, or three if its numbers are double."""
    lanes = lanes_of(s)
    same0, same1, same2, same3 = load(s, stay0), load(s, stay1), load(s, stay2), load(s, stay3)
    for j in range(at, at + parts * pitch_of(s, size), lanes):
        p = load(s, j)
        if back:
            if lanes == 16:
                p = chosen(same3, p, swap(p, 3))
            p = chosen(same2, p, swap(p, 2))
            p = chosen(same1, p, swap(p, 1))
            p = chosen(same0, p, swap(p, 0))
        else:
            p = chosen(same0, p, swap(p, 0))
            p = chosen(same1, p, swap(p, 1))
            p = chosen(same2, p, swap(p, 2))
            if lanes == 16:
                p = chosen(same3, p, swap(p, 3))
        store(s, j, p)


@kernel
def permute(s, code, at, size, cycles, end):  # type: ignore[no-untyped-def]
    """Move whole vectors along cycles, each listed as its length and its places: what is at one goes to the next."""
    pitch = pitch_of(s, size)
    while cycles < end:
        length = code[cycles]
        last = at + code[cycles + length]
        re, im = load(s, last), load(s, last + pitch)
        for k in range(cycles + 1, cycles + length + 1):
            place = at + code[k]
            next_re, next_im = load(s, place), load(s, place + pitch)
            store(s, place, re)
            store(s, place + pitch, im)
            re, im = next_re, next_im
        cycles += length + 1


@kernel
def permute_back(s, code, at, size, cycles, end):  # type: ignore[no-untyped-def]
    """The way back of `permute`."""
    pitch = pitch_of(s, size)
    while cycles < end:
        length = code[cycles]
        first = at + code[cycles + 1]
        re, im = load(s, first), load(s, first + pitch)
        for k in range(cycles + length, cycles, -1):
            place = at + code[k]
            next_re, next_im = load(s, place), load(s, place + pitch)
            store(s, place, re)
            store(s, place + pitch, im)
            re, im = next_re, next_im
        cycles += length + 1
