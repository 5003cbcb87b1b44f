"""Circuits that fit into no memory: one error on every engine, however many qubits there are."""

from __future__ import annotations

import resource
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel.errors import MemoryRefusedError
from qkernel_backends import memory


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


@qk.qkernel
def turned_bits(n: qk.UInt) -> qk.Vector[qk.Bit]:
    q = qk.ry(qk.qubit_array(n), 0.3)
    return qk.measure(q)


@pytest.mark.parametrize("n", [62, 63, 64, 100])
def test_the_kernels_own_doors_refuse_too(n: int) -> None:
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits"):
        turned_bits.sample(n, shots=10)
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits"):
        wide.run(n, 0.3)
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits"):
        chances.run(n)


def test_what_nothing_depends_on_takes_no_memory() -> None:
    assert apart.run(2000, qko.X(1999)) == pytest.approx(1.0)


@qk.qkernel
def behind(n: qk.UInt, a: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(n), a)
    q[0], bit = qk.project_z(q[0])
    if bit:
        q[1] = qk.x(q[1])
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.crx(q[i], q[i + 1], a)
    return qk.expval(q[n - 1], qko.X(0))


@qk.qkernel
def bits_behind(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Bit]:
    q = qk.ry(qk.qubit_array(n), a)
    q[0], bit = qk.project_z(q[0])
    if bit:
        q[1] = qk.x(q[1])
    return qk.measure(q)


@qk.qkernel
def turned(n: qk.UInt, a: qk.Float) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(n), a)
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.crx(q[i], q[i + 1], a)
    q[0], q[1] = qk.swap(q[0], q[1])
    return qk.probabilities(q)


@qk.qkernel
def wide(n: qk.UInt, a: qk.Float) -> qk.Float:
    q = qk.ry(qk.qubit_array(n), a)
    for i in qk.range(n - 1):
        q[i], q[i + 1] = qk.crx(q[i], q[i + 1], a)
    return qk.expval(q[n - 1], qko.X(0))


@pytest.mark.parametrize("engine", ["native", "torch", "reference", "qiskit"])
@pytest.mark.parametrize("n", [44, 63, 64, 200])
def test_behind_measurements_too(engine: str, n: int) -> None:
    with pytest.raises(MemoryRefusedError, match=r"4[45]|6[3-6]|20[0-2] qubits need .* GiB of memory"):
        behind.run(n=n, a=0.3, engine=engine)
    with pytest.raises(MemoryRefusedError, match=f"{n} qubits need .* GiB of memory"):
        bits_behind.sample(n=n, a=0.3, shots=10, engine=engine)


@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
@pytest.mark.parametrize("kernel", [bits, bits_behind])
def test_shots_are_asked_for(engine: str, kernel: Any) -> None:
    values = {"n": 3} if kernel is bits else {"n": 3, "a": 0.3}
    with pytest.raises(MemoryRefusedError, match=r"1000000000000 shots need .* GiB of memory") as caught:
        kernel.sample(**values, shots=10**12, engine=engine)
    assert "take fewer shots at a time" in str(caught.value)


NUM_QUBITS = 15
STATE = 16 << NUM_QUBITS
CALLS: dict[str, Any] = {
    "value": lambda prepared, theta: prepared["wide"].expect(theta),
    "gradient": lambda prepared, theta: prepared["wide"].expect_vjp(theta, np.ones((len(theta), 1))),
    "state": lambda prepared, theta: prepared["wide"].state(theta),
    "probabilities": lambda prepared, theta: prepared["turned"].probabilities(theta),
    "samples": lambda prepared, theta: prepared["bits_behind"].sample(theta, 5, 0),
    "value behind": lambda prepared, theta: prepared["behind"].expect(theta),
}


def ready(engine: str) -> dict[str, Any]:
    kernels = (wide, turned, bits_behind, behind)
    return {kernel.name: load_engine(engine).prepare(kernel.compile({"n": NUM_QUBITS}, ["a"]).circuit) for kernel in kernels}


@pytest.mark.parametrize("batch", [1, 20])
@pytest.mark.parametrize("engine", ["native", "torch", "reference"])
@pytest.mark.parametrize("call", list(CALLS))
def test_every_computation_asks(call: str, engine: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has as much as one state and no more."""
    monkeypatch.setattr(memory, "_ALWAYS_THERE", 1 << 10)
    monkeypatch.setattr(memory, "available_memory", lambda: STATE)
    with pytest.raises(MemoryRefusedError, match=r"qubits need .* GiB of memory") as caught:
        CALLS[call](ready(engine), np.full((batch, 1), 0.3))
    assert 'QiskitEngine(method="matrix_product_state")' in str(caught.value)


@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("call", list(CALLS))
def test_what_is_used_was_asked_for(call: str, engine: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All questions of a call together, as each may come while the others' answers are in use."""
    prepared, asked = ready(engine), []
    monkeypatch.setattr(memory, "_lacking", lambda needed, available=None: asked.append(needed))
    tracemalloc.start()
    try:
        CALLS[call](prepared, np.full((batch, 1), 0.3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= sum(asked) + (1 << 21)


LIMITED = """
import resource, sys
import qkernel as qk
import qkernel.observable as qko
from tests.test_memory import behind, bits, turned, turned_bits, wide
from qkernel.errors import MemoryRefusedError

behind.run(n=4, a=0.3)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 29),) * 2)
for call in (
    lambda n: wide.grad(n=n, a=0.3), lambda n: turned.run(n=n, a=[0.3] * 9), lambda n: turned_bits.sample(n=n, shots=9),
    lambda n: behind.run(n=n, a=0.3), lambda n: bits.sample(n=3, shots=10 ** (n // 2)),
):
    for n in (20, 25, 27, 30):
        try:
            call(n)
            answer = "done"
        except MemoryRefusedError:
            answer = "refused"
    print(answer)
"""


def test_a_process_that_may_have_little_is_asked_for_little() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["refused"] * 5, done.stderr


def test_what_containers_and_limits_leave(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_free_memory", lambda: 1 << 50)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    group = tmp_path / "a" / "b"
    group.mkdir(parents=True)
    for folder, most in ((group, "max"), (tmp_path / "a", str(1 << 30))):
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text(f"{1 << 29}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {1 << 20}\n")
    assert list(memory._left_in(group)) == []
    assert list(memory._left_in(tmp_path / "a")) == [(1 << 30) - (1 << 29) + (1 << 20)]
    try:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 45, hard))
        assert 0 < memory.available_memory() < 1 << 45
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
