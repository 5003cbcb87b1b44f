"""How time grows with what is made larger: drawn as log-log plots, each with the slope between its largest sizes.

Work that is linear in the size has the slope 1 there; below it stands what every call costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer
from tests.benchmarks.workloads import fed_forward, layered, summed

Step = Callable[[], Any]


@dataclass(frozen=True)
class Growth:
    """`make(size)` gives a function that gives a step ready to be timed, a new one each round where a first call is.

    `why` tells where time grows faster than the size.
    """

    sizes: tuple[int, ...]
    make: Callable[[int], Callable[[], Step]]
    why: str = ""


@qk.qkernel
def ladder(w: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.qubit_array(4)
    for i in qk.range(w.shape[0]):
        q[i % 4] = qk.ry(q[i % 4], w[i])
        q[i % 4], q[(i + 1) % 4] = qk.cx(q[i % 4], q[(i + 1) % 4])
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def measured(w: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    return qk.measure(qk.ry(qk.qubit_array(w.shape[0]), w))


@qk.qkernel
def network(x: qk.Vector[qk.Float], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Float]:
    q = qk.ry(qk.qubit_array(4), x)
    for layer in qk.range(w.shape[0]):
        for i in qk.range(4):
            q[i] = qk.ry(q[i], w[layer, i])
        for i in qk.range(3):
            q[i], q[i + 1] = qk.cz(q[i], q[i + 1])
    return qk.expval(q, [qko.Z(i) for i in range(4)])


def first_runs(kernel: Any, bound: dict[str, Any], length: int) -> Callable[[], Step]:
    """The first run of a program that was compiled, but is on no engine yet."""
    w = np.linspace(-1, 1, length)

    def make() -> Step:
        program = kernel.compile(bound, ["w"], lengths={"w": length})
        assert program.circuit.num_qubits
        return lambda: program.run(w=w)

    return make


def compiled_and_run(kernel: Any, bound: dict[str, Any], length: int) -> Callable[[], Step]:
    w = np.linspace(-1, 1, length)
    return lambda: lambda: kernel.compile(bound, ["w"], lengths={"w": length}).run(w=w)


def warm(step: Step) -> Callable[[], Step]:
    """What has run before."""
    step()
    return lambda: step


def words(count: int) -> Callable[[], Step]:
    rng = np.random.default_rng(3)
    drawn = [("".join(rng.choice(list("IXYZ"), size=12)), float(rng.normal())) for _ in range(count)]
    bound = {"n": 12, "layers": 2, "h": qko.Hamiltonian.from_list(drawn)}
    program, w = layered.compile(bound, ["w"], lengths={"w": 72}), np.linspace(-1, 1, 72)
    return warm(lambda: program.value_and_grad(w=w))


def shots(count: int) -> Callable[[], Step]:
    program, w = measured.compile({}, ["w"], lengths={"w": 10}), np.linspace(0, 3, 10)
    return warm(lambda: program.sample(w=w, shots=count, seed=1).most_common(5))


def outcomes(count: int) -> Callable[[], Step]:
    program = fed_forward.compile({"n": count.bit_length() - 1}, ["a"])
    return warm(lambda: program.value_and_grad(a=0.3))


def amplitudes(count: int) -> Callable[[], Step]:
    qubits = count.bit_length() - 1
    program = layered.compile({"n": qubits, "layers": 2, "h": qko.Z(0)}, ["w"], lengths={"w": 6 * qubits})
    w = np.linspace(-1, 1, 6 * qubits)
    return warm(lambda: program.value_and_grad(w=w))


def batch(count: int) -> Callable[[], Step]:
    layer, inputs = QLayer(network, inputs={"x": 4}, weights={"w": (2, 4)}), torch.rand(count, 4)
    return warm(lambda: layer(inputs).sum().backward())


def gates(count: int) -> Callable[[], Step]:
    layers = count // 48
    return first_runs(layered, {"n": 12, "layers": layers, "h": qko.Z(0)}, 36 * layers)


GROWTH = {
    "gates: first run, 12 qubits": Growth((1_440, 5_760, 23_040, 92_160), gates),
    "parameters: compile and run, 4 qubits": Growth((1_000, 10_000, 100_000), lambda size: compiled_and_run(ladder, {}, size)),
    "terms of angles: compile and run, n angles with 1 to n terms": Growth(
        tuple(n * (n + 1) // 2 for n in (50, 100, 200, 400, 800)),
        lambda terms: compiled_and_run(summed, {"n": isqrt(2 * terms)}, isqrt(2 * terms)),
    ),
    "words of a Hamiltonian: value and gradient, 12 qubits": Growth((1, 10, 100, 1_000), words),
    "shots: sampled and counted, 10 qubits": Growth(
        (1_000, 10_000, 100_000, 1_000_000),
        shots,
        "what 100,000 shots are drawn with fits into a core's own cache, and no more than that",
    ),
    "outcomes of measurements: value and gradient": Growth(tuple(2**k for k in range(1, 13)), outcomes),
    "amplitudes: value and gradient": Growth(
        tuple(2**k for k in range(4, 23, 2)),
        amplitudes,
        "more qubits have more gates, and state and co-state no longer fit into the processor's caches",
    ),
    "batch: step of a layer, 4 qubits": Growth((1, 4, 16, 64, 256, 1_024, 4_096), batch),
}
CASES = [(what, size) for what, growth in GROWTH.items() for size in growth.sizes]


@pytest.mark.parametrize(("what", "size"), CASES)
def test_growth(benchmark: Any, what: str, size: int) -> None:
    growth = GROWTH[what]
    make = growth.make(size)
    make()()
    benchmark.group = what
    benchmark.extra_info.update(growth=what, size=size, why=growth.why)
    benchmark.pedantic(lambda step: step(), setup=lambda: ((make(),), {}), rounds=5)
