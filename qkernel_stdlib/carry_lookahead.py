"""Addition in logarithmic depth.

Qubit 0 of a register is the least significant; n is the length of the registers. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import qkernel as qk


@qk.qkernel(clean_ancillas=True)
def carry_lookahead_add(
    a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], total: qk.Vector[qk.Qubit]
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """total, n + 1 qubits fresh from allocation, becomes a + b: 5n - 3w - 3l - 1 Toffoli in depth about 2 log2(n).

    w is the number of ones in n's binary digits and l = floor(log2(n)), n > 0; n - w - l clean qubits hold what propagates.
    Source: Draper, Kutin, Rains, Svore 2006 (arXiv:quant-ph/0406142), section 4.1.
    """
    n = a.shape[0]
    if n > 0:
        levels = qk.floor(qk.log2(n))
        a, b, total[1:] = qk.ccx(a, b, total[1:])
        a[1:], b[1:] = qk.cx(a[1:], b[1:])
        width = 0
        for t in qk.range(1, levels):
            width = width + (n >> t) - 1
        spread = qk.qubit_array(width, "spread")
        b, spread = _spread(b, spread, levels)
        b, spread, total = _generated(b, spread, total, levels)
        b, spread, total = _filled(b, spread, total, qk.floor(qk.log2(2 * n / 3)))
        b, spread = qk.inverse(_spread)(b, spread, levels)
        for i in qk.range(1, n):
            b[i], total[i] = qk.cx(b[i], total[i])
            a[i], b[i] = qk.cx(a[i], b[i])
        a[0], total[0] = qk.cx(a[0], total[0])
        b[0], total[0] = qk.cx(b[0], total[0])
    return a, b, total


@qk.qkernel
def _spread(
    b: qk.Vector[qk.Qubit], spread: qk.Vector[qk.Qubit], levels: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Whether blocks of 2**t bits propagate a carry, from blocks of half the size; those of the lowest bits are left out."""
    n = b.shape[0]
    before, here = 0, 0
    for t in qk.range(1, levels):
        for m in qk.range(1, n >> t):
            if t == 1:
                b[2 * m], b[2 * m + 1], spread[m - 1] = qk.ccx(b[2 * m], b[2 * m + 1], spread[m - 1])
            else:
                left = before + 2 * m - 1
                spread[left], spread[left + 1], spread[here + m - 1] = qk.ccx(
                    spread[left], spread[left + 1], spread[here + m - 1]
                )
        before, here = here, here + (n >> t) - 1
    return b, spread


@qk.qkernel
def _generated(
    b: qk.Vector[qk.Qubit], spread: qk.Vector[qk.Qubit], total: qk.Vector[qk.Qubit], levels: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The carries that blocks of 2**t bits generate, written behind each block."""
    n = b.shape[0]
    before, here = 0, 0
    for t in qk.range(1, levels + 1):
        for m in qk.range(n >> t):
            middle, end = 2**t * m + 2 ** (t - 1), 2**t * (m + 1)
            if t == 1:
                total[middle], b[2 * m + 1], total[end] = qk.ccx(total[middle], b[2 * m + 1], total[end])
            else:
                total[middle], spread[before + 2 * m], total[end] = qk.ccx(total[middle], spread[before + 2 * m], total[end])
        before, here = here, here + (n >> t) - 1
    return b, spread, total


@qk.qkernel
def _filled(
    b: qk.Vector[qk.Qubit], spread: qk.Vector[qk.Qubit], total: qk.Vector[qk.Qubit], levels: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """The carries into the middle of blocks of 2**t bits, from the largest blocks to the smallest."""
    n = b.shape[0]
    before = 0
    for t in qk.range(1, levels - 1):
        before = before + (n >> t) - 1
    for t in qk.range(levels, 0, -1):
        for m in qk.range(1, (n - 2 ** (t - 1)) // 2**t + 1):
            begin, middle = 2**t * m, 2**t * m + 2 ** (t - 1)
            if t == 1:
                total[begin], b[2 * m], total[middle] = qk.ccx(total[begin], b[2 * m], total[middle])
            else:
                total[begin], spread[before + 2 * m - 1], total[middle] = qk.ccx(
                    total[begin], spread[before + 2 * m - 1], total[middle]
                )
        if t > 2:
            before = before - (n >> (t - 2)) + 1
    return b, spread, total
