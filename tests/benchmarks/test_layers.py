"""Layers beside a plain form of themselves, in one run: what outputs, encodings and compiled graphs cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import qkernel as qk
import qkernel.observable as qko
from qkernel.nn import QLayer
from qkernel_stdlib import amplitude_encoding
from tests.benchmarks.workloads import new_layer

Timed = Callable[..., None]
Z = qko.Z(0)
TABLE = "Layers beside a plain form of themselves, forward and backward"


@qk.qkernel
def turned(x: qk.Float, w: qk.Float) -> qk.Qubit:
    return qk.rx(qk.ry(qk.qubit(), x), w)


@qk.qkernel
def value(x: qk.Float, w: qk.Float) -> qk.Float:
    return qk.expval(turned(x, w), Z)


@qk.qkernel
def distribution(x: qk.Float, w: qk.Float) -> qk.Vector[qk.Float]:
    return qk.probabilities(turned(x, w))


@qk.qkernel
def squared(x: qk.Float, w: qk.Float) -> qk.Float:
    return qk.expval(turned(x, w), Z) ** 2


@qk.qkernel
def ansatz(q: qk.Vector[qk.Qubit], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    for layer in qk.range(w.shape[0]):
        for i in qk.range(q.shape[0]):
            q[i] = qk.ry(q[i], w[layer, i])
        for i in qk.range(q.shape[0] - 1):
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return q


@qk.qkernel
def amplitudes(x: qk.Vector[qk.Float], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    return ansatz(amplitude_encoding(qk.qubit_array(7), x), w)


@qk.qkernel
def angles(x: qk.Vector[qk.Float], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(7)
    for k in qk.range(64):
        q[k % 7] = qk.ry(q[k % 7], x[k])
    return ansatz(q, w)


def step(module: nn.Module, *shape: int) -> Callable[[], None]:
    """Values of a batch and gradients by weights and inputs; made once before, so that a compiled module is."""
    inputs = torch.rand(*shape, requires_grad=True)

    def run() -> None:
        module.zero_grad()
        inputs.grad = None
        module(inputs).sum().backward()

    run()
    return run


@pytest.mark.parametrize("kernel", [distribution, squared], ids=lambda kernel: kernel.name)
def test_outputs_of_one_qubit(timed: Timed, benchmark: Any, kernel: Any) -> None:
    layer, plain = (QLayer(each, inputs=["x"], weights=["w"]) for each in (kernel, value))
    compared(timed, benchmark, f"{kernel.name}, one qubit", step(layer, 32), step(plain, 32), 1.3)


def test_amplitude_encoding(timed: Timed, benchmark: Any) -> None:
    layer, plain = (QLayer(each, inputs={"x": 64}, weights={"w": (2, 7)}, readout="z") for each in (amplitudes, angles))
    compared(timed, benchmark, "64 amplitudes, 7 qubits", step(layer, 32, 64), step(plain, 32, 64), 3)


@qk.qkernel
def tree(x: qk.Vector[qk.Float], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    """Amplitudes by rotations whose angles are computed of them, as published circuits do it."""
    q = qk.qubit_array(w.shape[1])
    for level in qk.range(w.shape[1]):
        t = w.shape[1] - 1 - level
        for v in qk.range(2**level):
            left, right = 0.0, 0.0
            for k in qk.range(2**t):
                left = left + x[2 * v * 2**t + k] ** 2
                right = right + x[(2 * v + 1) * 2**t + k] ** 2
            angle = 2 * math.atan2(qk.sqrt(right), qk.sqrt(left))
            if level == 0:
                q[t] = qk.ry(q[t], angle)
            else:
                q[t + 1 :], q[t] = qk.control(qk.ry, num_controls=level, control_value=v)(q[t + 1 :], q[t], angle)
    return ansatz(q, w)


@qk.qkernel
def tree_of_angles(x: qk.Vector[qk.Float], w: qk.Matrix[qk.Float]) -> qk.Vector[qk.Qubit]:
    q = qk.qubit_array(w.shape[1])
    for level in qk.range(w.shape[1]):
        t = w.shape[1] - 1 - level
        for v in qk.range(2**level):
            if level == 0:
                q[t] = qk.ry(q[t], x[0])
            else:
                at = 2**level - 1 + v
                q[t + 1 :], q[t] = qk.control(qk.ry, num_controls=level, control_value=v)(q[t + 1 :], q[t], x[at])
    return ansatz(q, w)


@pytest.mark.parametrize("qubits", [6, 7])
def test_angles_computed_of_inputs(timed: Timed, benchmark: Any, qubits: int) -> None:
    size = 2**qubits
    layer, plain = (
        QLayer(each, inputs={"x": count}, weights={"w": (2, qubits)}, readout="z")
        for each, count in ((tree, size), (tree_of_angles, size - 1))
    )
    row = f"{size - 1} angles computed of inputs"
    compared(timed, benchmark, row, step(layer, 32, size), step(plain, 32, size - 1), 3)


class Doubling(nn.Module):
    """What a graph costs where nothing quantum is in it."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return 2 * values


@pytest.mark.parametrize(("qubits", "layers"), [(4, 2), (12, 4), (4, 0)])
def test_a_compiled_network(timed: Timed, benchmark: Any, qubits: int, layers: int) -> None:
    middle = new_layer(qubits, layers) if layers else Doubling()
    plain = nn.Sequential(nn.Linear(qubits, qubits), nn.Tanh(), middle, nn.Linear(qubits, 2))
    torch.compiler.reset()
    compiled: Any = torch.compile(plain)
    row = f"torch.compile, {qubits} qubits" if layers else "torch.compile, a product instead of the layer"
    compared(timed, benchmark, row, step(compiled, 32, qubits), step(plain, 32, qubits), 1)


def test_shots(timed: Timed, benchmark: Any) -> None:
    plain, sampled = new_layer(4, 2), new_layer(4, 2, shots=4096)
    compared(timed, benchmark, "4,096 shots, 4 qubits", step(sampled, 32, 4), step(plain, 32, 4), 100)


@pytest.mark.parametrize("differentiates", [False, True])
def test_shots_beside_a_draw(timed: Timed, benchmark: Any, differentiates: bool) -> None:
    """Values alone; and with the evaluations at shifted angles that their gradient needs, which take shots in the same job."""
    sampled, inputs = new_layer(4, 2, shots=4096), torch.rand(32, 4)
    num_gates = sum(weight.numel() for weight in sampled.parameters()) if differentiates else 0
    draw, uniform = np.random.default_rng(0), np.full((32 * (1 + 2 * num_gates), 16), 1 / 16)

    def forward() -> None:
        with torch.set_grad_enabled(differentiates):
            sampled(inputs)

    row = "4,096 shots, 4 qubits, forward" + (" and shifts" if differentiates else "")
    timed(forward, TABLE, row, "layer", beside=lambda: draw.multinomial(4096, uniform))
    benchmark.extra_info.update(beside_column="numpy's multinomial", ratio_column="layer / multinomial", ratio_goal=10)


def compared(timed: Timed, benchmark: Any, row: str, layer: Any, plain: Any, goal: float) -> None:
    timed(layer, TABLE, row, "layer", beside=plain)
    benchmark.extra_info.update(beside_column="plain form", ratio_column="layer / plain form", ratio_goal=goal)
