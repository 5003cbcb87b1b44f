"""Circuits that fit into no memory: one error on every engine, however many qubits there are."""

from __future__ import annotations

from typing import Any

import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import MemoryRefusedError


@qk.qkernel
def bits(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.h(q[i])
    return qk.measure(q)


@qk.qkernel
def value(n: qk.UInt, observable: qk.Observable) -> qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.h(q[i])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.expval(q, observable)


@qk.qkernel
def apart(n: qk.UInt, observable: qk.Observable) -> qk.Float:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.h(q[i])
    return qk.expval(q, observable)


@qk.qkernel
def chances(n: qk.UInt) -> qk.Vector[qk.Float]:
    q = qk.qubit_array(n)
    for i in qk.range(n):
        q[i] = qk.h(q[i])
    return qk.probabilities(q)


def everywhere(n: int) -> Any:
    product = qko.X(0)
    for k in range(1, n):
        product = product * qko.X(k)
    return product


@pytest.mark.parametrize("engine", ["native", "torch", "reference", "qiskit"])
@pytest.mark.parametrize("n", [50, 62, 63, 64, 65, 2000])
def test_too_many_qubits_are_refused_alike(engine: str, n: int) -> None:
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits need .* GiB of memory"):
        bits.compile({"n": n}, engine=engine).sample(shots=10)


@pytest.mark.parametrize("engine", ["native", "torch", "reference", "qiskit"])
@pytest.mark.parametrize("n", [50, 63, 64, 80])
def test_expectation_values_too(engine: str, n: int) -> None:
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits need .* GiB of memory"):
        value.compile({"n": n, "observable": everywhere(n)}, engine=engine).run()


@pytest.mark.parametrize("n", [62, 63, 64, 100])
def test_the_kernels_own_doors_refuse_too(n: int) -> None:
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits"):
        bits.sample(n, shots=10)
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits"):
        value.run(n, everywhere(n))
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits"):
        chances.run(n)


def test_what_nothing_depends_on_takes_no_memory() -> None:
    assert apart.run(2000, qko.X(1999)) == pytest.approx(1.0)
