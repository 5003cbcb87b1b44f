"""Random kernels of arrays, lengths, keys and recursions: the closed form, the bound estimate and the circuit agree."""

from __future__ import annotations

import pytest

from tests.strategies.sizes import verify_array_kernel


@pytest.mark.parametrize("seed", range(12))
def test_random_array_kernels(seed: int) -> None:
    verify_array_kernel(seed)
