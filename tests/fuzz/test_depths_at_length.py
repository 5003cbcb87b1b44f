"""Depths of the library's examples at up to two hundred sizes each, against walks over their circuits. `make fuzz` runs it."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import chain, count

import pytest

from qkernel.errors import QKernelError
from qkernel_stdlib.examples import EXAMPLES, NETWORKS, Example
from tests.strategies.depths import open_estimate, verify_depths

MOST_SIZES = 200
MOST_GATES = 20_000
MOST_SECONDS = 60


def takes(example: Example, n: int) -> bool:
    """Whether there is a circuit of a size that is walked soon."""
    with suppress(QKernelError, IndexError, ValueError):
        total = example.kernel.estimate_resources(bindings=example.at(n)).gates.total
        return isinstance(total, int) and total <= MOST_GATES
    return False


@pytest.mark.parametrize("example", [*EXAMPLES, *NETWORKS], ids=lambda example: example.name)
def test_depths_are_those_of_the_circuit_or_above(example: Example) -> None:
    free = open_estimate(example.kernel, [*example.at(example.size)])
    end, known = time.monotonic() + MOST_SECONDS, len(example.sizes)
    for verified, n in enumerate(chain(example.sizes, count(example.sizes[-1] + 1))):
        is_over = verified >= MOST_SIZES or time.monotonic() > end
        if verified >= known and (not example.grows or is_over or not takes(example, n)):
            break
        verify_depths(example.kernel, example.at(n), free)
    print(f"{example.name}: {verified} sizes")
