"""Closed forms against lowered circuits, over every construct and over the library's examples."""

from __future__ import annotations

from typing import Any

import pytest
from estimate_kernels import SIZES

import qkernel as qk
from qkernel.estimate.verify import verify
from qkernel_stdlib.examples import EXAMPLES
from tests.strategies.programs import generate, generate_measuring
from tests.strategies.sizes import verified_sizes


@pytest.mark.parametrize("kernel", SIZES, ids=lambda kernel: kernel.name)
def test_closed_form_is_the_circuit(kernel: Any) -> None:
    for sizes in SIZES[kernel]:
        verify(kernel.ir, sizes)


@pytest.mark.parametrize("kernel", SIZES, ids=lambda kernel: kernel.name)
def test_closed_form_is_what_qiskit_holds(kernel: Any) -> None:
    for sizes in SIZES[kernel][:: max(1, len(SIZES[kernel]) // 3)]:
        kernel.verify_resources(**sizes)


@pytest.mark.parametrize("n", range(7))
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_library(example: Any, n: int) -> None:
    example.kernel.verify_resources(**example.shape(n))


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("generate", [generate, generate_measuring], ids=["unitary", "measuring"])
def test_random_kernels(generate: Any, seed: int) -> None:
    program = generate(seed)
    try:
        assert verified_sizes(program) > 0
    except Exception as error:
        error.add_note(program.script)
        raise


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
