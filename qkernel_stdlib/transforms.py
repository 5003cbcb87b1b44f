"""The quantum Fourier transform.

n is the length of the register, qubit 0 the least significant; angles are in radians. Gate counts are those of the gates as
written.
"""

from __future__ import annotations

import math

import qkernel as qk


@qk.qkernel
def qft(q: qk.Vector[qk.Qubit], approximation_degree: qk.UInt = 0) -> qk.Vector[qk.Qubit]:
    """The Fourier transform: |j> becomes the sum over k of exp(2 pi i j k / 2**n) |k>, divided by sqrt(2**n).

    The `approximation_degree` a smallest angles are left out, which changes the matrix by at most
    pi ((a - 1) 2**(a + 1) + 2) / 2**n in norm. For a < n n H, n (n - 1)/2 - a (a + 1)/2 CP and floor(n / 2) SWAP.
    Source: Coppersmith 1994 (arXiv:quant-ph/0201067); the matrix is that of Qiskit's `QFTGate`.
    """
    n = q.shape[0]
    for i in qk.range(n - 1, -1, -1):
        q[i] = qk.h(q[i])
        for j in qk.range(i - 1, max(i - n + approximation_degree, -1), -1):
            q[i], q[j] = qk.cp(q[i], q[j], math.pi * 2.0 ** (j - i))
    for i in qk.range(n // 2):
        q[i], q[n - 1 - i] = qk.swap(q[i], q[n - 1 - i])
    return q


@qk.qkernel
def iqft(q: qk.Vector[qk.Qubit], approximation_degree: qk.UInt = 0) -> qk.Vector[qk.Qubit]:
    """The inverse of `qft`, gate by gate, with its counts."""
    return qk.inverse(qft)(q, approximation_degree)
