"""Order finding: it runs, and takes the published number of qubits at any size."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import pytest

from qkernel_stdlib import modular_multiply, order_finding, ripple_modular_multiply, shor_order_finding


def order_found(number: int, modulus: int, n: int, shots: int) -> int:
    """The order that the most frequent fractions have in common."""
    found = shor_order_finding(number, modulus).sample(shots=shots, seed=3)
    fractions = [
        Fraction(sum(digit << k for k, digit in enumerate(digits)), 4**n).limit_denominator(modulus - 1)
        for digits, count in found.most_common(4)
    ]
    return lcm(*(fraction.denominator for fraction in fractions))


def test_the_order_of_7_modulo_15() -> None:
    assert order_found(7, 15, 4, 8) == 4


def test_it_takes_the_published_number_of_qubits() -> None:
    order, multiply = order_finding.estimate_resources(), modular_multiply.estimate_resources()
    assert (order.quality["qubits"], multiply.quality["qubits"]) == ("exact", "exact")
    for n in (1, 2, 3, 10, 100, 2048):
        assert order.substitute(n=n).qubits == 2 * n + 3
        assert modular_multiply.estimate_resources(x=n, controls=0).qubits == 2 * n + 2
        assert modular_multiply.estimate_resources(x=n, controls=1).qubits == 2 * n + 3
    by_ripple_carry = ripple_modular_multiply.estimate_resources().qubits
    assert str(by_ripple_carry) == "3*[|x| >= 1] + |controls| + 3*|x|"


def test_2048_bits_are_counted() -> None:
    for kernel in (order_finding, shor_order_finding(7, 2**2047 + 1)):
        found = kernel.estimate_resources(n=2048)
        assert (found.qubits, found.gates.by_name["cswap"]) == (4099, 2 * 2048**2)
    assert shor_order_finding(7, 15).estimate_resources(n=2048).qubits == 4099


def test_numbers_without_an_order_are_refused() -> None:
    for base, modulus in ((1, 15), (15, 15), (6, 15)):
        with pytest.raises(ValueError, match=f"{base} has no order modulo {modulus}"):
            shor_order_finding(base, modulus)
