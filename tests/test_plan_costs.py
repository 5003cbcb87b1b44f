"""A guard on speed that no busy machine can upset: how many steps, passes and bytes the plans of the benchmarks take."""

from __future__ import annotations

import re
from typing import Any

import pytest

from qkernel_backends.plan.operations import Phases, Rotation
from tests.benchmarks.workloads import (
    WORKLOADS,
    Workload,
    controlled_rotations,
    new_ansatz,
    new_layer,
    qaoa,
    re_uploading,
    split,
    strongly_entangling,
)

SIZES = {workload.name: workload for workload in WORKLOADS}
ANSATZ = new_ansatz()
# Steps over the state, forwards: of W1, W2, W3, W4 and W5.
STEPS = {
    ANSATZ: (3, 15, 21, 24, 10),
    strongly_entangling: (4, 18, 33, 36, 15),
    qaoa: (6, 20, 28, 32, 20),
    re_uploading: (5, 27, 39, 51, 21),
    controlled_rotations: (11, 47, 69, 88, 50),
}
CASES = [
    pytest.param(kernel, SIZES[name], steps, id=f"{kernel.name}-{name}")
    for kernel, counts in STEPS.items()
    for name, steps in zip(("W1b32", "W2", "W3", "W4", "W5"), counts, strict=True)
]


@pytest.mark.parametrize(("kernel", "workload", "steps"), CASES)
def test_steps_over_the_state(kernel: Any, workload: Workload, steps: int) -> None:
    text = new_layer(workload.qubits, workload.layers, kernel).explain(workload.batch)
    (found,) = re.findall(r"in all (\d+) steps", text)
    assert int(found) <= steps


@pytest.mark.parametrize("workload", [SIZES[name] for name in ("W1b4", "W2", "W3", "W4", "W5")], ids=lambda w: w.name)
def test_the_ansatz_is_one_real_rotation_for_each_qubit_and_one_diagonal_for_each_layer(workload: Workload) -> None:
    """All but the first layer, which is prepared, and the last diagonal, which Z does not see."""
    operations = split(workload, "complex64", ANSATZ).plan.operations
    rotations = [operation for operation in operations if isinstance(operation, Rotation)]
    assert len(rotations) == workload.qubits * (workload.layers - 1)
    assert all(len(rotation.factors) == 1 for rotation in rotations)
    assert sum(isinstance(operation, Phases) for operation in operations) == workload.layers - 1
    assert len(operations) == workload.qubits * (workload.layers - 1) + workload.layers - 1


@pytest.mark.parametrize(("kernel", "passes"), [(ANSATZ, 2), (strongly_entangling, 3), (qaoa, 3), (controlled_rotations, 4)])
def test_a_large_state_is_read_in_few_passes_and_little_more_memory_than_itself(kernel: Any, passes: int) -> None:
    program = split(SIZES["W5"], "complex64", kernel).runner(1).program
    assert len(program.passes) <= passes
    assert program.bytes <= 2.2 * program.state_bytes, "state and co-state, and little else"


@pytest.mark.parametrize("workload", WORKLOADS[:3], ids=lambda workload: workload.name)
def test_small_states_fill_vectors_with_samples(workload: Workload) -> None:
    program = split(workload, "complex64", ANSATZ).runner(workload.batch).program
    assert 1 << program.lane_bits >= min(workload.batch, 16)
