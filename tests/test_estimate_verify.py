"""Closed forms against lowered circuits, over every construct and over the library's examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from estimate_kernels import SIZES

import qkernel as qk
from qkernel.errors import EntrypointValidationError
from qkernel.verification import verify
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
    free = weighted.estimate_resources()
    assert str(free.gates.by_name["x"]) == "|pairs|"
    with pytest.raises(EntrypointValidationError, match=r"what `last` holds(.|\n)*`estimate_resources\(n=..., pairs=...\)`"):
        free.gates.by_name["h"]
    pairs = {(0, 1): 2, (1, 2): 1, (0, 2): 3}
    assert weighted.estimate_resources(n=2, pairs=pairs).gates.by_name == {"x": 3, "h": 2 + (2 * 2 + 2)}
    assert str(weighted.estimate_resources(pairs=pairs).gates.by_name["h"]) == "2*n + 4"
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


@qk.qkernel
def same_name_in_qiskit() -> qk.Bit:
    q = qk.qubit_array(4)
    q[0], q[1], q[2] = qk.control(qk.cu)(q[0], q[1], q[2], 0.1, 0.2, 0.3, 0.4)
    q[0], q[1], q[2] = qk.control(qk.cu, control_value=0)(q[0], q[1], q[2], 0.1, 0.2, 0.3, 0.4)
    q[0], q[1], q[2] = qk.control(qk.u, num_controls=2)(q[0], q[1], q[2], 0.1, 0.2, 0.3)
    q[:3], q[3] = qk.control(qk.u, num_controls=3)(q[:3], q[3], 0.1, 0.2, 0.3)
    q[:2], q[2], q[3] = qk.control(qk.cu, num_controls=2)(q[:2], q[2], q[3], 0.1, 0.2, 0.3, 0.4)
    return qk.measure(q[0])


def test_kinds_that_qiskit_calls_alike() -> None:
    same_name_in_qiskit.verify_resources()


@qk.qkernel
def known_at_first(n: qk.UInt) -> qk.Bit:
    q = qk.qubit()
    flag = qk.bit(0)
    for _ in qk.range(n):
        if flag:
            a = qk.qubit()
            q, a = qk.cx(q, a)
            qk.measure(a)
        else:
            q = qk.h(q)
        q, flag = qk.project_z(q)
    return flag


@qk.qkernel
def known_element(n: qk.UInt) -> qk.Bit:
    bits = qk.bit_array(n + 1)
    q, r = qk.qubit(), qk.qubit()
    bits[0] = qk.measure(qk.h(r))
    for i in qk.range(n + 1):
        if bits[i]:
            q = qk.x(q)
    return qk.measure(q)


@pytest.mark.parametrize("n", range(4))
@pytest.mark.parametrize("kernel", [known_at_first, known_element], ids=lambda kernel: kernel.name)
def test_upper_bounds_may_be_larger_than_the_circuit(kernel: Any, n: int) -> None:
    kernel.verify_resources(n=n)
    if n > 1:
        assert "upper_bound" in kernel.estimate_resources(n=n).quality.values()


@qk.qkernel
def takes_qubits(q: qk.Vector[qk.Qubit], r: qk.Qubit) -> tuple[qk.Vector[qk.Qubit], qk.Qubit]:
    for i in qk.range(len(q)):
        q[i], r = qk.cx(q[i], r)
    return q, r


def test_a_kernel_that_takes_qubits_is_verified_at_a_length() -> None:
    for n in range(4):
        takes_qubits.verify_resources(q=n)
    with pytest.raises(EntrypointValidationError, match="needs a length for `q`"):
        takes_qubits.verify_resources()
