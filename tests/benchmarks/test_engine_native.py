"""Forward and gradient of the native engine, numpy in and out, for circuits of the sizes W1 to W5 (`make bench`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from circuit_builder import CircuitBuilder

from qkernel.observable import Z
from qkernel_backends.native import NativeEngine

# name: (qubits, layers, batch)
WORKLOADS = {
    "W1b4": (4, 2, 4),
    "W1b32": (4, 2, 32),
    "W1b256": (4, 2, 256),
    "W2": (8, 4, 32),
    "W3": (12, 4, 16),
    "W4": (16, 4, 4),
    "W5": (20, 2, 1),
}


def ansatz(builder: CircuitBuilder, n: int, layers: int) -> int:
    inputs, weights = builder.parameter("inputs", n), iter(builder.parameter("weights", 3 * n * layers))
    for q in range(n):
        builder.gate("ry", q, angles=(inputs[q],))
    for _ in range(layers):
        for name in ("rz", "ry", "rz"):
            for q in range(n):
                builder.gate(name, q, angles=(next(weights),))
        for q in range(n - 1):
            builder.gate("cz", q, q + 1)
    return 3 * n * layers


def strongly_entangling(builder: CircuitBuilder, n: int, layers: int) -> int:
    inputs, weights = builder.parameter("inputs", n), iter(builder.parameter("weights", 3 * n * layers))
    for q in range(n):
        builder.gate("ry", q, angles=(inputs[q],))
    for layer in range(layers):
        for q in range(n):
            for name in ("rz", "ry", "rz"):
                builder.gate(name, q, angles=(next(weights),))
        for q in range(n):
            builder.gate("cx", q, (q + 1 + layer % (n - 1)) % n)
    return 3 * n * layers


def optimisation(builder: CircuitBuilder, n: int, layers: int) -> int:
    """QAOA on a ring with second neighbours; the inputs are fields."""
    inputs, weights = builder.parameter("inputs", n), builder.parameter("weights", 2 * layers)
    for q in range(n):
        builder.gate("h", q)
    for layer in range(layers):
        for q in range(n):
            for step in (1, 2):
                builder.gate("rzz", q, (q + step) % n, angles=(weights[2 * layer],))
        for q in range(n):
            builder.gate("rz", q, angles=(inputs[q],)).gate("rx", q, angles=(weights[2 * layer + 1],))
    return 2 * layers


def reuploading(builder: CircuitBuilder, n: int, layers: int) -> int:
    inputs, weights = builder.parameter("inputs", n), iter(builder.parameter("weights", 3 * n * layers))
    for _ in range(layers):
        for q in range(n):
            builder.gate("rx", q, angles=(inputs[q],))
            for name in ("rz", "ry", "rz"):
                builder.gate(name, q, angles=(next(weights),))
        for q in range(n - 1):
            builder.gate("cz", q, q + 1)
    return 3 * n * layers


def controlled_rotations(builder: CircuitBuilder, n: int, layers: int) -> int:
    inputs, weights = builder.parameter("inputs", n), iter(builder.parameter("weights", 3 * n * layers))
    for q in range(n):
        builder.gate("ry", q, angles=(inputs[q],))
    for _ in range(layers):
        for q in range(n):
            builder.gate("ry", q, angles=(next(weights),))
        for name in ("crx", "crz"):
            for q in range(n):
                builder.gate(name, q, (q + 1) % n, angles=(next(weights),))
    return 3 * n * layers


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("circuit", [ansatz, strongly_entangling, optimisation, reuploading, controlled_rotations])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_forward_and_gradient(benchmark, workload: str, circuit: Callable[..., int], dtype: str) -> None:
    n, layers, batch = WORKLOADS[workload]
    builder = CircuitBuilder(n)
    num_weights = circuit(builder, n, layers)
    real = np.float32 if dtype == "complex64" else np.float64
    rng = np.random.default_rng(1)
    inputs, cotangent = (rng.normal(size=(batch, n)).astype(real) for _ in range(2))
    weights = rng.normal(size=num_weights).astype(real)
    prepared = NativeEngine().prepare(builder.circuit(observables=tuple(Z(q) for q in range(n))), np.dtype(dtype))
    split = prepared.split(range(n), range(n, n + num_weights))
    values, _, _ = benchmark(split.vjp, inputs, weights, cotangent)
    assert np.isfinite(values).all()
    assert np.abs(values).max() < 1 + 1e-4
