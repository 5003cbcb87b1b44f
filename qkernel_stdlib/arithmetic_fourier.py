"""Whole numbers in the phases of a Fourier transform: addition, and multiplication modulo N up to order finding.

Qubit 0 of a register is the least significant; n is the length of a register, c the number of controls, perhaps 0. Clean
workspace is the kernel's own, and counted. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import math

import qkernel as qk
from qkernel_stdlib.arithmetic_modular import multiply_add_modulo, multiply_modulo


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
    """|j> becomes |j + constant mod 2**n>, without workspace: 2n H, n (n - 1) CP, n P; under a control n CP for the P.

    Source: Draper 2000 (arXiv:quant-ph/0008033); Beauregard 2003 (arXiv:quant-ph/0205095).
    """
    return qk.within_apply(fourier_phases, lambda q: add_const_to_phases(q, constant))(q)


@qk.qkernel
def draper_add(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """b becomes a + b mod 2**n for registers of n qubits, without workspace: 2n H, n (3n - 1)/2 CP.

    Under a control n (n + 1)/2 of the CP have two. Source: Draper 2000 (arXiv:quant-ph/0008033).
    """
    a, b = qk.within_apply(lambda a, b: (a, fourier_phases(b)), _add_to_phases)(a, b)
    return a, b


@qk.qkernel
def _add_to_phases(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    for i in qk.range(b.shape[0]):
        for j in qk.range(i + 1):
            a[j], b[i] = qk.cp(a[j], b[i], math.pi / 2 ** (i - j))
    return a, b


@qk.qkernel(clean_ancillas=True)
def modular_add_const_to_phases(
    controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, j becomes j + constant mod `modulus`; `q` is in the form that `fourier_phases` gives.

    j and constant are below the modulus, which is at most 2**(n - 1): the last qubit of `q` takes what overflows. 3n P under c
    controls, those that `qk.control` adds included, n P, n (2n - 1) CP, 4n H, 2 CX, 2 X and one qubit of workspace.
    Source: Beauregard 2003 (arXiv:quant-ph/0205095), figure 5.
    """
    controls, q, _ = add_const_to_phases_by(controls, q, qk.qubit("overflow"), constant, modulus)
    return controls, q


@modular_add_const_to_phases.control
@qk.qkernel
def _modular_add_const_to_phases_where(
    more: qk.Vector[qk.Qubit], controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    (more, controls), q = modular_add_const_to_phases((more, controls), q, constant, modulus)
    return more, controls, q


@qk.qkernel
def add_const_to_phases_by(
    controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], flag: qk.Qubit, constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Qubit]:
    """`modular_add_const_to_phases` with its qubit of workspace, which starts and ends in 0, given."""
    add = qk.control(add_const_to_phases, num_controls=controls.shape[0])
    controls, q = add(controls, q, constant)
    q = qk.inverse(add_const_to_phases)(q, modulus)
    q, flag = qk.within_apply(_as_numbers, _last_into)(q, flag)
    flag, q = qk.control(add_const_to_phases)(flag, q, modulus)
    controls, q = qk.inverse(add)(controls, q, constant)
    q, flag = qk.within_apply(_as_numbers, _no_last_into)(q, flag)
    controls, q = add(controls, q, constant)
    return controls, q, flag


@qk.qkernel
def _as_numbers(q: qk.Vector[qk.Qubit], flag: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    return qk.inverse(fourier_phases)(q), flag


@qk.qkernel
def _last_into(q: qk.Vector[qk.Qubit], flag: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    q[-1], flag = qk.cx(q[-1], flag)
    return q, flag


@qk.qkernel
def _no_last_into(q: qk.Vector[qk.Qubit], flag: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    q[-1], flag = qk.within_apply(lambda last, flag: (qk.x(last), flag), qk.cx)(q[-1], flag)
    return q, flag


@qk.qkernel
def fourier_modular_add_const(
    controls: qk.Vector[qk.Qubit], q: qk.Vector[qk.Qubit], constant: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, j becomes j + constant mod `modulus`, for j and constant below it, and it at most 2**(n - 1).

    `modular_add_const_to_phases` between two transforms: 3n P under c controls, n P, n (3n - 2) CP, 6n H, 2 CX, 2 X and one
    qubit of workspace. Source: Beauregard 2003 (arXiv:quant-ph/0205095).
    """
    controls, q = qk.within_apply(
        lambda c, q: (c, fourier_phases(q)), lambda c, q: modular_add_const_to_phases(c, q, constant, modulus)
    )(controls, q)
    return controls, q


@qk.qkernel
def modular_multiply_add(
    controls: qk.Vector[qk.Qubit], x: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit], factor: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, b becomes b + factor * x mod `modulus`, for b below it, n qubits in x and n + 1 in b.

    n modular additions, each under c + 1 controls, between two transforms: 2n + c + 2 qubits.
    Source: Beauregard 2003 (arXiv:quant-ph/0205095), figure 6.
    """
    controls, x, b = qk.within_apply(
        lambda c, x, b: (c, x, fourier_phases(b)),
        lambda c, x, b: multiply_add_modulo(c, x, b, factor, modulus, modular_add_const_to_phases),
    )(controls, x, b)
    return controls, x, b


@qk.qkernel
def modular_multiply(
    controls: qk.Vector[qk.Qubit], x: qk.Vector[qk.Qubit], factor: qk.UInt, inverse: qk.UInt, modulus: qk.UInt
) -> tuple[qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """Where all controls are 1, x becomes factor * x mod `modulus`, for x below it; factor * inverse is 1 modulo it.

    The modulus is at most 2**n. Two `modular_multiply_add` around n swaps: 2n + 2 qubits without controls, 2n + 3 with one,
    n + 2 of them workspace.
    Source: Beauregard 2003 (arXiv:quant-ph/0205095), figure 7.
    """
    controls, x = multiply_modulo(controls, x, factor, inverse, modulus, 1, modular_multiply_add)
    return controls, x


@qk.qkernel
def order_finding(n: qk.UInt, base: qk.UInt, inverse: qk.UInt, modulus: qk.UInt) -> qk.Vector[qk.Bit]:
    """2n binary digits, least significant first, of s / r for the order r of `base` modulo `modulus` and a random s < r.

    The modulus is at most 2**n, base * inverse is 1 modulo it. One control, measured and used again for each digit: 2n + 3
    qubits, 2n controlled modular multiplications and at most n (2n - 1) P.
    Sources: Shor 1994 (arXiv:quant-ph/9508027); Beauregard 2003 (arXiv:quant-ph/0205095).
    """
    control, x = qk.qubit_array(1), qk.qubit_array(n)
    x[0] = qk.x(x[0])
    digits = qk.bit_array(2 * n)
    for k in qk.range(2 * n):
        last = 2 ** (2 * n - 1 - k)
        control = qk.h(control)
        control, x = modular_multiply(control, x, pow(base, last, modulus), pow(inverse, last, modulus), modulus)
        for j in qk.range(k):
            if digits[j]:
                control = qk.p(control, -math.pi / 2 ** (k - j))
        control = qk.h(control)
        control[0], digits[k] = qk.measure_reset(control[0])
    return digits


def shor_order_finding(base: int, modulus: int) -> qk.Kernel[..., qk.Vector[qk.Bit]]:
    """The kernel of `order_finding` for these numbers; its argument `n` is the number of binary digits of the modulus.

    Raises ValueError unless 1 < base < modulus and the two have no common divisor.
    """
    if not 1 < base < modulus or math.gcd(base, modulus) > 1:
        raise ValueError(f"{base} has no order modulo {modulus} to be found: it is to be between and without a common divisor")
    size, inverse = modulus.bit_length(), pow(base, -1, modulus)

    @qk.qkernel
    def order_digits(n: qk.UInt = size) -> qk.Vector[qk.Bit]:
        return order_finding(n, base, inverse, modulus)

    return order_digits
