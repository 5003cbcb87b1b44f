"""Depths of the library's examples at up to two hundred sizes each, against walks over their circuits. `make fuzz` runs it."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import chain, count, product
from typing import Any

import pytest

from qkernel.errors import QKernelError
from qkernel.estimate.depth import DEPTHS, exact_depths
from qkernel.estimate.leaves import t_spans
from qkernel.estimate.quantity import quantity
from qkernel.estimate.substitution import substitute
from qkernel_stdlib.examples import EXAMPLES, NETWORKS, Example
from tests.strategies.depths import open_estimate, verify_depths
from tests.test_depth_forms import halves, trees
from tests.test_depth_forms import lowered as lowered_with_open_angles

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


@pytest.mark.parametrize("kernel", [trees, halves], ids=lambda kernel: kernel.name)
def test_trees_are_exact_at_two_hundred_sizes(kernel: Any) -> None:
    free = kernel.estimate_resources()
    assert free.depths.exact
    for sizes in product(range(10), range(MOST_SIZES // 10)):
        at = {name: quantity(size) for name, size in zip(free.parameters, sizes, strict=True)}
        walked = exact_depths(lowered_with_open_angles(kernel, at).without_releases, t_spans(kernel.ir))
        assert {depth: substitute(free.depths.of(depth)[0], at) for depth in DEPTHS} == walked
