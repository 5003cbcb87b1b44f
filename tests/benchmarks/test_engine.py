"""The engine alone, inside the torch layer, and beside a floor in C; other circuits of the same sizes; growth."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer
from tests.benchmarks.workloads import (
    OTHERS,
    WORKLOADS,
    Workload,
    check,
    engine_step,
    fed_forward,
    floor_step,
    layer_step,
    real,
    split,
    step_without_autograd,
)

Timed = Callable[..., None]
TOLERANCES = {"complex64": 2e-5, "complex128": 1e-9}
NOT_MEASURED = {
    "C floor": "it is not compiled: QKERNEL_BENCH_FLOOR names no folder that holds it",
    "torch engine": "no goal is set for it in double precision at 20 qubits, where it takes long",
}


@pytest.mark.parametrize("candidate", ["engine", "C floor", "layer", "layer.value_and_grad", "torch engine"])
@pytest.mark.parametrize("dtype", list(TOLERANCES))
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_forward_and_gradient(timed: Timed, workload: Workload, dtype: str, candidate: str) -> None:
    single = dtype == "complex64"
    step, goal = None, None
    match candidate:
        case "engine":
            step, goal = engine_step(workload, dtype), workload.engine_goal if single else None
        case "layer":
            step, goal = layer_step(workload, dtype), workload.layer_goal if single else None
        case "layer.value_and_grad":
            step = step_without_autograd(workload, dtype)
        case "C floor":
            step = floor_step(workload, dtype)
        case "torch engine":
            if workload.qubits < 20 or single:
                step = layer_step(workload, dtype, engine="torch")
            goal = workload.torch_engine_goal if single else None
    if step is None:
        pytest.skip(NOT_MEASURED[candidate])
    check(workload, step(), TOLERANCES[dtype])
    timed(step, f"Forward and gradient, {dtype}", workload.name, candidate, goal)


@pytest.mark.parametrize("dtype", list(TOLERANCES))
@pytest.mark.parametrize("workload", [WORKLOADS[k] for k in (1, 3, 4, 5, 6)], ids=lambda workload: workload.name)
@pytest.mark.parametrize("kernel", OTHERS, ids=lambda kernel: kernel.name)
def test_other_circuits(timed: Timed, kernel: Any, workload: Workload, dtype: str) -> None:
    goal = workload.engine_goal if dtype == "complex64" else None
    timed(engine_step(workload, dtype, kernel), f"Other circuits, {dtype}", kernel.name, workload.name, goal, budget=0.5)


class Empty(torch.autograd.Function):
    """Through numpy and back, with nothing in between: what any bridge costs."""

    @staticmethod
    def forward(ctx: Any, inputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        ctx.sizes = inputs.detach().numpy().shape, weights.detach().numpy().shape
        return torch.from_numpy(inputs.detach().numpy().copy())

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor) -> Any:
        cotangents[0].numpy()
        return tuple(torch.from_numpy(np.zeros(size, np.float32)) for size in ctx.sizes)


@pytest.mark.parametrize("workload", WORKLOADS[:4], ids=lambda workload: workload.name)
def test_an_empty_function(timed: Timed, workload: Workload) -> None:
    inputs, weights, cotangent = (torch.tensor(array.astype(np.float32)) for array in workload.data)
    inputs.requires_grad_()
    weights.requires_grad_()

    def step() -> None:
        inputs.grad = weights.grad = None
        Empty.apply(inputs, weights).backward(cotangent)

    timed(step, "Forward and gradient, complex64", workload.name, "empty Function")


@pytest.mark.parametrize("dtype", list(TOLERANCES))
@pytest.mark.parametrize("qubits", [10, 12, 14, 16, 18, 20, 22, 24])
def test_growth_in_qubits(timed: Timed, benchmark: Any, qubits: int, dtype: str) -> None:
    workload = Workload(f"{qubits} qubits", qubits, 2, 1, 0, 0, None)
    timed(engine_step(workload, dtype), "Growth in qubits", workload.name, dtype, budget=0.5)
    gates = 2 * 3 * qubits + 2 * (qubits - 1) + qubits
    picoseconds = 1e12 * benchmark.stats.stats.median / (gates * 2**qubits)
    benchmark.extra_info["note"] = (
        f"{qubits} qubits, {dtype}: {picoseconds:.1f} ps for each gate and amplitude{memory(qubits, dtype)}"
    )


@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_26_qubits_forwards(timed: Timed, benchmark: Any, dtype: str) -> None:
    workload = Workload("26 qubits, values only", 26, 2, 1, 0, 0, None)
    entry, (inputs, weights, _) = split(workload, dtype), (array.astype(real(dtype)) for array in workload.data)
    timed(lambda: entry.value(inputs, weights), "Growth in qubits", workload.name, dtype, budget=0.5)
    benchmark.extra_info["note"] = f"{workload.name}, {dtype}{memory(26, dtype)}"


@qk.qkernel
def turned(w: qk.Vector[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.ry(qk.qubit_array(20), w)
    for i in qk.range(19):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.ry(q, w)


@qk.qkernel
def sampled(w: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    return qk.measure(turned(w))


@qk.qkernel
def parities(w: qk.Vector[qk.Float]) -> qk.Vector[qk.Float]:
    return qk.expval(turned(w), [qko.Z(i) for i in range(20)])


@pytest.mark.parametrize("look", ["sample", "vector", "most_common"])
def test_samples_beside_their_evolution(timed: Timed, benchmark: Any, look: str) -> None:
    w = np.random.default_rng(5).uniform(0, 3, 20)
    samples, values = (kernel.compile(lengths={"w": 20}) for kernel in (sampled, parities))
    looks: dict[str, Callable[[Any], Any]] = {
        "sample": lambda result: result,
        "vector": lambda result: result.vector(),
        "most_common": lambda result: result.most_common(5),
    }

    def step() -> Any:
        return looks[look](samples.sample(w=w, shots=100_000, seed=1))

    timed(step, "100,000 shots of 20 qubits", look, "samples", beside=lambda: values.run(w=w))
    benchmark.extra_info.update(beside_column="evolution", ratio_column="samples / evolution", ratio_goal=4)


def test_samples_as_objects_beside_their_construction(timed: Timed, benchmark: Any) -> None:
    samples = sampled.compile(lengths={"w": 20})
    w = np.random.default_rng(5).uniform(0, 3, 20)

    def draw() -> Any:
        return samples.sample(w=w, shots=100_000, seed=1)

    results = draw().results
    rows, counts = np.array([value for value, _ in results]), np.array([count for _, count in results])
    fresh = iter([draw() for _ in range(30)])
    timed(
        lambda: next(fresh).results,
        "100,000 shots of 20 qubits",
        "all outcomes as objects",
        "samples",
        budget=0,
        beside=lambda: list(zip(map(tuple, rows.tolist()), counts.tolist(), strict=True)),
    )
    benchmark.extra_info.update(beside_column="bare construction", ratio_column="objects / bare construction", ratio_goal=3)


def qulacs_samples(w: Any) -> Callable[[], list[int]]:
    """Every shot as a number, which is what Qulacs gives."""
    module = pytest.importorskip("qulacs")
    circuit, state = module.ParametricQuantumCircuit(20), module.QuantumState(20)
    for i in range(20):
        circuit.add_parametric_RY_gate(i, 0.0)
    for i in range(19):
        circuit.add_CNOT_gate(i, i + 1)
    for i in range(20):
        circuit.add_parametric_RY_gate(i, 0.0)

    def draw() -> list[int]:
        for k, angle in enumerate([*w, *w]):
            circuit.set_parameter(k, -angle)  # its rotations are exp(+i angle P / 2)
        state.set_zero_state()
        circuit.update_quantum_state(state)
        return list(state.sampling(100_000, 1))

    return draw


@pytest.mark.parametrize("row", ["counted; Qulacs: listed", "counted, as a dictionary"])
def test_samples_beside_those_of_qulacs(timed: Timed, benchmark: Any, row: str) -> None:
    """Evolution and shots as users get them; and as counts in a dictionary."""
    w = np.random.default_rng(5).uniform(0, 3, 20)
    draw, samples = qulacs_samples(w), sampled.compile(lengths={"w": 20})
    means = np.mean(np.array(draw())[:, None] >> np.arange(20) & 1, axis=0)
    np.testing.assert_allclose(samples.sample(w=w, shots=100_000, seed=1).mean(), means, atol=0.02)
    is_dictionary = row == "counted, as a dictionary"

    def step() -> Any:
        result = samples.sample(w=w, shots=100_000, seed=1)
        return result.counts if is_dictionary else result

    def theirs() -> Any:
        return Counter(draw()) if is_dictionary else draw()

    timed(step, "100,000 shots of 20 qubits", row, "samples", beside=theirs)
    benchmark.extra_info.update(beside_column="Qulacs", ratio_column="samples / Qulacs", ratio_goal=1)


@qk.qkernel
def ringed(n: qk.UInt, w: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    q = qk.qubit_array(n)
    for layer in qk.range(4):
        for i in qk.range(n):
            at = 3 * (layer * n + i)
            q[i] = qk.rz(qk.ry(qk.rz(q[i], w[at]), w[at + 1]), w[at + 2])
        for i in qk.range(n):
            q[i], q[(i + 1) % n] = qk.cx(q[i], q[(i + 1) % n])
    return qk.expval(q, h)


def words(count: int, qubits: int) -> qko.Hamiltonian:
    """Random Pauli words."""
    random = np.random.default_rng(5)
    return qko.Hamiltonian.from_list(
        [("".join(random.choice(list("IXYZ"), size=qubits)), float(random.normal())) for _ in range(count)]
    )


def chain(pauli: Any, qubits: int) -> qko.Hamiltonian:
    return sum((pauli(i) * pauli(i + 1) for i in range(1, qubits - 1)), pauli(0) * pauli(1))


HAMILTONIANS = {
    "chain of XX, 20 qubits": (20, lambda: (chain(qko.X, 20), chain(qko.Z, 20)), "a chain of ZZ", 1.2),
    "1,000 words, 14 qubits": (14, lambda: (words(1000, 14), qko.Z(0)), "one word", 10),
}


@pytest.mark.parametrize("row", list(HAMILTONIANS))
def test_hamiltonians_beside_simple_ones(timed: Timed, benchmark: Any, row: str) -> None:
    n, make, name, goal = HAMILTONIANS[row]
    w = np.random.default_rng(6).uniform(-3, 3, 12 * n)
    one, other = (ringed.compile({"n": n, "h": h}, lengths={"w": 12 * n}) for h in make())
    timed(
        lambda: one.value_and_grad(w=w), "Hamiltonians, value and gradient", row, "it", beside=lambda: other.value_and_grad(w=w)
    )
    benchmark.extra_info.update(beside_column=name, ratio_column="ratio", ratio_goal=goal)


@pytest.mark.parametrize("outcomes", [*range(2, 21), 64])
def test_gradients_behind_outcomes(timed: Timed, benchmark: Any, outcomes: int) -> None:
    layer, one_less = (QLayer(fed_forward, bindings={"n": n}, inputs=["a"]) for n in (outcomes, outcomes - 1))
    a = torch.linspace(0, 1, 4, requires_grad=True)
    timed(
        lambda: layer(a).sum().backward(),
        "Layer behind outcomes that are fed forward",
        f"{outcomes} outcomes",
        "forward and backward",
        5000 if outcomes == 16 else None,
        budget=0.3,
        beside=lambda: one_less(a).sum().backward(),
    )
    benchmark.extra_info.update(
        beside_column="one outcome less", ratio_column="step", ratio_goal=2.5 if outcomes <= 16 else None
    )


def memory(qubits: int, dtype: str) -> str:
    """Of the process so far, where it is a state's that counts."""
    state = (8 if dtype == "complex64" else 16) * 2**qubits / 2**30
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return f"; peak memory of the process {peak:.2f} GiB, a state {state:.3f} GiB" if qubits >= 22 else ""
