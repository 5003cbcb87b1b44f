"""Depths of the library's examples against walks over their circuits; `make fuzz` does so at two hundred sizes each."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk
from qkernel_stdlib.examples import EXAMPLES, NETWORKS, Example
from tests.strategies.depths import open_estimate, verify_depths


@pytest.mark.parametrize("example", [*EXAMPLES, *NETWORKS], ids=lambda example: example.name)
def test_depths_are_those_of_the_circuit_or_above(example: Example) -> None:
    free = open_estimate(example.kernel, [*example.at(example.size)])
    for n in sorted({example.sizes[0], example.size}):
        verify_depths(example.kernel, example.at(n), free)


@qk.qkernel
def told_by_x(flags: qk.Vector[qk.Bit]) -> qk.Bit:
    q, bit = qk.project_x(qk.qubit())
    for i in qk.range(flags.shape[0]):
        if flags[i]:
            q, bit = qk.project_x(q)
    return bit


@qk.qkernel
def told_by_y(flags: qk.Vector[qk.Bit]) -> qk.Bit:
    q, bit = qk.project_y(qk.qubit())
    for i in qk.range(flags.shape[0]):
        if flags[i]:
            q, bit = qk.project_y(q)
    return bit


@pytest.mark.parametrize("kernel", [told_by_x, told_by_y], ids=lambda kernel: kernel.name)
def test_measurements_in_other_bases_take_all_their_levels(kernel: Any) -> None:
    for n in range(4):
        verify_depths(kernel, {"flags": [True] * n}, kernel.estimate_resources())
