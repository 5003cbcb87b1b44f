"""Closed forms against lowered circuits, over every construct and over the library's examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from estimate_kernels import SIZES

import qkernel as qk
from qkernel.errors import EntrypointValidationError
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


@qk.qkernel
def weighted(n: qk.UInt, pairs: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.UInt]) -> qk.Bit:
    q = qk.qubit()
    last = 0
    for (i, _j), weight in qk.items(pairs):
        q = qk.x(q)
        for _ in qk.range(last):
            q = qk.h(q)
        last = last * n + weight * (i + 1)
    return qk.measure(q)


def test_what_items_carry_needs_the_items() -> None:
    with pytest.raises(EntrypointValidationError, match="from item to item"):
        weighted.estimate_resources()
    pairs = {(0, 1): 2, (1, 2): 1, (0, 2): 3}
    assert weighted.estimate_resources(n=2, pairs=pairs).gates.by_name == {"x": 3, "h": 2 + (2 * 2 + 2)}
    weighted.verify_resources(n=2, pairs=pairs)


@qk.qkernel
def turned() -> qk.Bit:
    q, c = qk.qubit_array(2), qk.qubit()
    q[0] = qk.unitary(TURN, q[0])
    c, q[1] = qk.control(turn)(c, q[1])
    q[0], q[1] = qk.inverse(qk.iswap)(q[0], q[1])
    qk.measure(q)
    return qk.measure(c)


TURN = np.array([[0.6, -0.8j], [-0.8j, 0.6]])


@qk.qkernel
def turn(q: qk.Qubit) -> qk.Qubit:
    return qk.unitary(TURN, q)


def test_names_of_gates_that_have_no_row_in_the_table() -> None:
    assert dict(turned.estimate_resources().gates.by_name) == {"unitary": 1, "cunitary": 1, "iswapdg": 1}
    turned.verify_resources()
