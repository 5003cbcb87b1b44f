"""Orders modulo 15 and 21, of every number that has one. `make fuzz` runs it."""

from __future__ import annotations

from math import gcd

import pytest

from tests.test_order_finding import order_found


@pytest.mark.parametrize(("modulus", "n"), [(15, 4), (21, 5)])
def test_every_order(modulus: int, n: int) -> None:
    for number in (2, 4, modulus - 1):
        assert gcd(number, modulus) == 1
        order = next(k for k in range(1, modulus) if pow(number, k, modulus) == 1)
        assert order_found(number, modulus, n, 40) == order
