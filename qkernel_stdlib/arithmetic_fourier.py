"""Whole numbers in the phases of a Fourier transform: addition, and multiplication modulo N up to order finding.

Qubit 0 of a register is the least significant; n is the length of a register, c the number of controls, perhaps 0. Clean
workspace is the kernel's own, and counted. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import math
from typing import Any

import qkernel as qk


@qk.qkernel
def fourier_phases(q: qk.Vector[qk.Qubit]) -> qk.Vector[qk.Qubit]:
    """The transform `qft` without its swaps: qubit i of |j> becomes |0> + exp(2 pi i j / 2**(i + 1)) |1>.

    n H and n (n - 1)/2 CP. Source: Draper 2000 (arXiv:quant-ph/0008033), section 3.
    """
    for i in qk.range(q.shape[0] - 1, -1, -1):
        q[i] = qk.h(q[i])
        for j in qk.range(i - 1, -1, -1):
            q[i], q[j] = qk.cp(q[i], q[j], math.pi / 2 ** (i - j))
    return q


@qk.qkernel
def add_const_to_phases(q: qk.Vector[qk.Qubit], constant: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|j> becomes |j + constant mod 2**n> where `q` is in the form that `fourier_phases` gives: n P.

    Source: Beauregard 2003 (arXiv:quant-ph/0205095), figure 3.
    """
    for i in qk.range(q.shape[0]):
        q[i] = qk.p(q[i], 2 * math.pi * (constant % 2 ** (i + 1)) / 2 ** (i + 1))
    return q


@qk.qkernel
def draper_add_const(q: qk.Vector[qk.Qubit], constant: qk.UInt) -> qk.Vector[qk.Qubit]:
    """|j> becomes |j + constant mod 2**n>, without workspace: 2n H, n (n - 1) CP, n P.

    Source: Draper 2000 (arXiv:quant-ph/0008033); Beauregard 2003 (arXiv:quant-ph/0205095).
    """
    q = add_const_to_phases(fourier_phases(q), constant)
    return qk.inverse(fourier_phases)(q)


@qk.qkernel
def draper_add(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """b becomes a + b mod 2**n for registers of n qubits, without workspace: 2n H, n (3n - 1)/2 CP.

    Source: Draper 2000 (arXiv:quant-ph/0008033).
    """
    b = fourier_phases(b)
    for i in qk.range(b.shape[0]):
        for j in qk.range(i + 1):
            a[j], b[i] = qk.cp(a[j], b[i], math.pi / 2 ** (i - j))
    return a, qk.inverse(fourier_phases)(b)


def _added(controls: tuple[Any, ...], count: qk.UInt, q: Any, constant: qk.UInt, modulus: qk.UInt) -> tuple[Any, ...]:
    """Where all of `count` controls are 1, j becomes j + constant mod `modulus` in phases, by one qubit of workspace."""
    add, subtract = qk.control(add_const_to_phases, num_controls=count), qk.inverse(add_const_to_phases)
    overflow = qk.qubit()
    *controls, q = add(*controls, q, constant)
    q = qk.inverse(fourier_phases)(subtract(q, modulus))
    q[-1], overflow = qk.cx(q[-1], overflow)
    overflow, q = qk.control(add_const_to_phases)(overflow, fourier_phases(q), modulus)
    *controls, q = qk.control(subtract, num_controls=count)(*controls, q, constant)
    q = qk.inverse(fourier_phases)(q)
    q[-1] = qk.x(q[-1])
    q[-1], overflow = qk.cx(q[-1], overflow)
    q[-1] = qk.x(q[-1])
    *controls, q = add(*controls, fourier_phases(q), constant)
    return *controls, q


@qk.qkernel(clean_ancillas=True)
def modular_add_const_to_phases(
    controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, j becomes j + constant mod `modulus`; `q` is in the form that `fourier_phases` gives.

    j and constant are below the modulus, which is at most 2**(n - 1): the last qubit of `q` takes what overflows. 3n P under c
    controls, n P, n (2n - 1) CP, 4n H, 2 CX, 2 X and one qubit of workspace.
    Source: Beauregard 2003 (arXiv:quant-ph/0205095), figure 5.
    """
    return _added((controls,), controls.shape[0], q, constant, modulus)


@qk.qkernel(clean_ancillas=True)
def _add_const_where(
    controls: qk.Vector[qk.Qubit], digit: qk.Qubit, q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Qubit, qk.Vector[qk.Qubit]]:
    """`modular_add_const_to_phases` under one more control."""
    return _added((controls, digit), controls.shape[0] + 1, q, constant, modulus)


@qk.qkernel
def modular_add_const(
    controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, j becomes j + constant mod `modulus`, for j and constant below it, and it at most 2**(n - 1).

    `modular_add_const_to_phases` between two transforms: 3n P under c controls, n P, n (3n - 2) CP, 6n H, 2 CX, 2 X and one
    qubit of workspace. Source: Beauregard 2003 (arXiv:quant-ph/0205095).
    """
    controls, q = modular_add_const_to_phases(controls, fourier_phases(q), constant, modulus)
    return controls, qk.inverse(fourier_phases)(q)


@qk.qkernel
def modular_multiply_add(
    controls: qk.Vector[qk.Qubit], x: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], factor: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, b becomes b + factor * x mod `modulus`, for b below it, n qubits in x and n + 1 in b.

    n modular additions, each under c + 1 controls, between two transforms: 2n + c + 2 qubits.
    Source: Beauregard 2003 (arXiv:quant-ph/0205095), figure 6.
    """
    b = fourier_phases(b)
    for i in qk.range(x.shape[0]):
        controls, x[i], b = _add_const_where(controls, x[i], b, factor * 2**i % modulus, modulus)
    return controls, x, qk.inverse(fourier_phases)(b)


@qk.qkernel(clean_ancillas=True)
def modular_multiply(
    controls: qk.Vector[qk.Qubit], x: qk.Vector[qk.Qubit], factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, x becomes factor * x mod `modulus`, for x below it; factor * inverse is 1 modulo it.

    The modulus is at most 2**n. Two `modular_multiply_add` around n swaps: 2n + 2 qubits without controls, 2n + 3 with one,
    n + 2 of them workspace.
    Source: Beauregard 2003 (arXiv:quant-ph/0205095), figure 7.
    """
    n = x.shape[0]
    b = qk.qubit_array(n + 1)
    controls, x, b = modular_multiply_add(controls, x, b, factor, modulus)
    controls, x, b[:n] = qk.control(qk.swap, num_controls=controls.shape[0])(controls, x, b[:n])
    controls, x, b = qk.inverse(modular_multiply_add)(controls, x, b, inverse, modulus)
    return controls, x


def modular_powers(base: int, modulus: int, count: int) -> list[int]:
    """base**(2**k) modulo `modulus` for k = 0 .. count - 1."""
    return [pow(base, 2**k, modulus) for k in range(count)]


@qk.qkernel
def shor_order_finding(
    num_bits: qk.UInt, modulus: qk.UInt, factors: qk.Vector[qk.UInt], inverses: qk.Vector[qk.UInt]
) -> qk.Vector[qk.Bit]:
    """2n binary digits, least significant first, of s / r for the order r of a number modulo `modulus` and a random s < r.

    The modulus is at most 2**n. `factors` are `modular_powers(number, modulus, 2 * n)`, `inverses` those of the number's
    inverse. One control, measured and used again for each digit: 2n + 3 qubits, 2n controlled modular multiplications and
    at most n (2n - 1) P.
    Sources: Shor 1994 (arXiv:quant-ph/9508027); Beauregard 2003 (arXiv:quant-ph/0205095).
    """
    control, x = qk.qubit_array(1), qk.qubit_array(num_bits)
    x[0] = qk.x(x[0])
    digits = qk.bit_array(2 * num_bits)
    for k in qk.range(2 * num_bits):
        last = 2 * num_bits - 1 - k
        control = qk.h(control)
        control, x = modular_multiply(control, x, factors[last], inverses[last], modulus)
        for j in qk.range(k):
            if digits[j]:
                control = qk.p(control, -math.pi / 2 ** (k - j))
        control = qk.h(control)
        control[0], digits[k] = qk.measure_reset(control[0])
    return digits
