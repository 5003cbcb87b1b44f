"""Estimating phases: of unitaries, of overlaps.

The functions here take kernels, so they are called in kernels; `swap_test` is a kernel. `unitary` takes the target and then
`parameters`, by name, and gives the target back. Gate counts are those of the gates as written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import qkernel as qk
from qkernel_stdlib.transforms import iqft


def phase_estimation(
    target: Any, counting: qk.Vector[qk.Qubit], unitary: Callable[..., Any], **parameters: Any
) -> tuple[Any, qk.Vector[qk.Qubit]]:
    """Write the phase of `unitary` on `target` into `counting`, fresh from allocation: y / 2**n of a turn, n its length.

    For an eigenvector with eigenvalue exp(2 pi i phase) and a phase of n binary digits the counting register ends in
    y = 2**n phase, qubit 0 the least significant; otherwise y is one of the two nearest with probability 8 / pi**2 at least.
    n H, 2**n - 1 controlled unitaries and an `iqft`. Source: Cleve, Ekert, Macchiavello, Mosca 1998 (arXiv:quant-ph/9708016).
    """
    for k in qk.range(counting.shape[0]):
        counting[k] = qk.h(counting[k])
    for k in qk.range(counting.shape[0]):
        counting[k], target = qk.control(unitary)(counting[k], target, power=2**k, **parameters)
    return target, iqft(counting)


def qpe(target: Any, counting: qk.Vector[qk.Qubit], unitary: Callable[..., Any], **parameters: Any) -> qk.QFixed:
    """`phase_estimation`, as a number to be measured: the phase in [0, 1), a fraction of a turn.

    The target is dropped, so that it is to be a qubit or register of the calling kernel's own.
    """
    _, counting = phase_estimation(target, counting, unitary, **parameters)
    return qk.cast(counting, qk.QFixed, int_bits=0)


def iterative_phase_estimation(
    target: Any, num_digits: qk.UInt, unitary: Callable[..., Any], **parameters: Any
) -> tuple[Any, qk.Vector[qk.Bit]]:
    """The `num_digits` binary digits of the phase of `unitary` on `target`, the least significant first; and the target.

    Each digit is measured on the same qubit, which the digits before it turn; distribution and unitaries are those of
    `phase_estimation`. n digits take 2n H, 2**n - 1 controlled unitaries, n resets and at most n (n - 1)/2 P.
    Source: Griffiths, Niu 1996 (arXiv:quant-ph/9511007); Dobsicek, Johansson, Shumeiko, Wendin 2007 (arXiv:quant-ph/0610214).
    """
    digits = qk.bit_array(num_digits)
    control = qk.qubit("control")
    for k in qk.range(num_digits):
        control = qk.h(control)
        control, target = qk.control(unitary)(control, target, power=2 ** (num_digits - 1 - k), **parameters)
        for j in qk.range(k):
            if digits[j]:
                control = qk.p(control, -math.pi / 2 ** (k - j))
        control, digits[k] = qk.measure_reset(qk.h(control))
    return target, digits


def hadamard_test(target: Any, unitary: Callable[..., Any], imaginary: bool = False, **parameters: Any) -> tuple[qk.Qubit, Any]:
    """A qubit whose <Z> is the real part of <target|unitary|target>, or, if `imaginary`, the imaginary part; and the target.

    2 H and a controlled unitary, and one SDG if `imaginary`. Source: Cleve et al. 1998 (arXiv:quant-ph/9708016), section 2.
    """
    control = qk.h(qk.qubit("control"))
    control, target = qk.control(unitary)(control, target, **parameters)
    if imaginary:
        control = qk.sdg(control)
    return qk.h(control), target


@qk.qkernel
def swap_test(a: qk.Vector[qk.Qubit], b: qk.Vector[qk.Qubit]) -> tuple[qk.Qubit, qk.Vector[qk.Qubit], qk.Vector[qk.Qubit]]:
    """A qubit whose <Z> is |<a|b>|**2 for states of two registers of equal length n; and the registers.

    2 H and n CSWAP. Source: Buhrman, Cleve, Watrous, de Wolf 2001 (arXiv:quant-ph/0102001).
    """
    control = qk.h(qk.qubit("control"))
    control, a, b = qk.control(qk.swap)(control, a, b)
    return qk.h(control), a, b
