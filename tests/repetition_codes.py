"""A repetition code as kernels that tests and benchmarks share: its syndromes, and what its qubits say by majority."""

from __future__ import annotations

import qkernel as qk


@qk.qkernel
def repetition(d: qk.UInt, rounds: qk.UInt) -> tuple[qk.Vector[qk.Bit], qk.Vector[qk.Bit]]:
    data, checks = qk.qubit_array(d), qk.qubit_array(d - 1)
    data = qk.x(data)
    syndrome = qk.bit_array((d - 1) * rounds)
    for r in qk.range(rounds):
        data[0 : d - 1], checks = qk.cx(data[0 : d - 1], checks)
        data[1:d], checks = qk.cx(data[1:d], checks)
        for k in qk.range(d - 1):
            checks[k], syndrome[r * (d - 1) + k] = qk.project_z(checks[k])
            checks[k] = qk.reset(checks[k])
    return qk.measure(data), syndrome


@qk.qkernel
def decoded(d: qk.UInt, rounds: qk.UInt) -> qk.Bit:
    """What most of the qubits of a repetition code say behind rounds of syndromes."""
    data, checks = qk.qubit_array(d), qk.qubit_array(d - 1)
    for _ in qk.range(rounds):
        data = qk.id(data)
        data[: d - 1], checks = qk.cx(data[: d - 1], checks)
        data[1:], checks = qk.cx(data[1:], checks)
        for k in qk.range(d - 1):
            checks[k], _syndrome = qk.project_z(checks[k])
            checks[k] = qk.reset(checks[k])
    ones = 0
    for k in qk.range(d):
        ones += qk.measure(data[k])
    return 2 * ones > d
