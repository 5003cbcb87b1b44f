"""Closed forms against lowered circuits, over every construct and over the library's examples."""

from __future__ import annotations

from typing import Any

import pytest
from estimate_kernels import SIZES

import qkernel as qk
from qkernel.estimate.verify import verify
from qkernel_stdlib.examples import EXAMPLES


@pytest.mark.parametrize("kernel", SIZES, ids=lambda kernel: kernel.name)
def test_closed_form_is_the_circuit(kernel: Any) -> None:
    for sizes in SIZES[kernel]:
        verify(kernel.ir, sizes)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_library(example: Any) -> None:
    verify(example.kernel.ir, example.bindings)


@qk.qkernel
def phased(q: qk.Qubit) -> qk.Qubit:
    return qk.global_phase(qk.id, 0.77)(q)


@qk.qkernel
def partly_open(value: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(3)
    q[0], q[1], q[2] = qk.control(phased, 2, value)(q[0], q[1], q[2])
    return qk.measure(q)


@pytest.mark.parametrize("value", range(4))
def test_a_phase_under_open_controls_counts_as_it_is_emitted(value: int) -> None:
    partly_open.verify_resources(value=value)
