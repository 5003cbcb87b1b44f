"""The workloads: kernels, sizes and data, and what every candidate must agree on before it is timed."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import qkernel as qk
import qkernel.observable as qko
from qkernel.engine import load_engine
from qkernel_stdlib import cz_entangling_layer, ry_layer, rz_layer

Array = np.ndarray[Any, Any]
Step = Callable[[], tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Workload:
    """Values and gradients by inputs and weights of `layers` layers on `qubits` qubits, for a batch; goals in milliseconds."""

    name: str
    qubits: int
    layers: int
    batch: int
    engine_goal: float
    layer_goal: float
    torch_engine_goal: float | None

    @property
    def data(self) -> tuple[Array, Array, Array]:
        """Inputs (batch, qubits), weights, cotangent (batch, qubits)."""
        random = np.random.default_rng([self.qubits, self.layers])
        inputs = random.uniform(0, np.pi, (self.batch, self.qubits))
        weights = random.uniform(-np.pi, np.pi, 3 * self.qubits * self.layers)
        return inputs, weights, random.normal(size=(self.batch, self.qubits))


WORKLOADS = [
    Workload("W1b4", 4, 2, 4, 0.02, 0.11, 1.0),
    Workload("W1b32", 4, 2, 32, 0.03, 0.13, 1.1),
    Workload("W1b256", 4, 2, 256, 0.12, 0.25, 1.5),
    Workload("W2", 8, 4, 32, 0.25, 0.35, 4),
    Workload("W3", 12, 4, 16, 1.2, 1.3, 10),
    Workload("W4", 16, 4, 4, 6, 6.2, 35),
    Workload("W5", 20, 2, 1, 16, 17, None),
]


def new_ansatz() -> Any:
    """The tutorial's ansatz as a kernel that nothing knows yet."""

    @qk.qkernel
    def ansatz(
        n: qk.UInt, layers: qk.UInt, inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], observable: qk.Observable
    ) -> qk.Float:
        q = qk.qubit_array(n, name="q")
        for i in qk.range(n):
            q[i] = qk.ry(q[i], inputs[i])
        for layer in qk.range(layers):
            base = 3 * n * layer
            q = rz_layer(q, weights, base)
            q = ry_layer(q, weights, base + n)
            q = rz_layer(q, weights, base + 2 * n)
            q = cz_entangling_layer(q)
        return qk.expval(q, observable)

    return ansatz


@qk.qkernel
def strongly_entangling(
    n: qk.UInt, layers: qk.UInt, inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], observable: qk.Observable
) -> qk.Float:
    """Rotations of every qubit and rings of CNOTs (Schuld et al. 2020, Phys. Rev. A 101, 032308)."""
    q = qk.qubit_array(n, name="q")
    for i in qk.range(n):
        q[i] = qk.ry(q[i], inputs[i])
    for layer in qk.range(layers):
        base = 3 * n * layer
        for i in qk.range(n):
            q[i] = qk.rz(q[i], weights[base + i])
            q[i] = qk.ry(q[i], weights[base + n + i])
            q[i] = qk.rz(q[i], weights[base + 2 * n + i])
        for i in qk.range(n):
            q[i], q[(i + 1) % n] = qk.cx(q[i], q[(i + 1) % n])
    return qk.expval(q, observable)


@qk.qkernel
def qaoa(
    n: qk.UInt, layers: qk.UInt, inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], observable: qk.Observable
) -> qk.Float:
    """ZZ on the edges of a graph of degree four, one angle each, and RX mixers (Farhi et al. 2014, arXiv:1411.4028)."""
    q = qk.qubit_array(n, name="q")
    for i in qk.range(n):
        q[i] = qk.h(q[i])
        q[i] = qk.rz(q[i], inputs[i])
    for layer in qk.range(layers):
        base = 3 * n * layer
        for i in qk.range(n):
            q[i], q[(i + 1) % n] = qk.rzz(q[i], q[(i + 1) % n], weights[base + i])
        for i in qk.range(n):
            q[i], q[(i + 3) % n] = qk.rzz(q[i], q[(i + 3) % n], weights[base + n + i])
        for i in qk.range(n):
            q[i] = qk.rx(q[i], weights[base + 2 * n + i])
    return qk.expval(q, observable)


@qk.qkernel
def re_uploading(
    n: qk.UInt, layers: qk.UInt, inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], observable: qk.Observable
) -> qk.Float:
    """The inputs again in every layer, weighted (Perez-Salinas et al. 2020, Quantum 4, 226)."""
    q = qk.qubit_array(n, name="q")
    for layer in qk.range(layers):
        base = 3 * n * layer
        for i in qk.range(n):
            q[i] = qk.rx(q[i], inputs[i] + weights[base + i])
            q[i] = qk.rz(q[i], weights[base + n + i])
            q[i] = qk.ry(q[i], weights[base + 2 * n + i])
        q = cz_entangling_layer(q)
    return qk.expval(q, observable)


@qk.qkernel
def controlled_rotations(
    n: qk.UInt, layers: qk.UInt, inputs: qk.Vector[qk.Float], weights: qk.Vector[qk.Float], observable: qk.Observable
) -> qk.Float:
    """Rings of controlled RX and RZ between RY rotations (circuit 14 of Sim et al. 2019, arXiv:1905.10876)."""
    q = qk.qubit_array(n, name="q")
    for i in qk.range(n):
        q[i] = qk.ry(q[i], inputs[i])
    for layer in qk.range(layers):
        base = 3 * n * layer
        for i in qk.range(n):
            q[i] = qk.ry(q[i], weights[base + i])
        for i in qk.range(n):
            q[i], q[(i + 1) % n] = qk.crx(q[i], q[(i + 1) % n], weights[base + n + i])
        for i in qk.range(n):
            q[i], q[(i + 1) % n] = qk.crz(q[i], q[(i + 1) % n], weights[base + 2 * n + i])
    return qk.expval(q, observable)


@qk.qkernel
def layered(n: qk.UInt, layers: qk.UInt, w: qk.Vector[qk.Float], h: qk.Observable) -> qk.Float:
    q = qk.qubit_array(n)
    for layer in qk.range(layers):
        for i in qk.range(n):
            at = 3 * (layer * n + i)
            q[i] = qk.rz(qk.ry(qk.rz(q[i], w[at]), w[at + 1]), w[at + 2])
        for i in qk.range(n):
            q[i], q[(i + 1) % n] = qk.cx(q[i], q[(i + 1) % n])
    return qk.expval(q, h)


@qk.qkernel
def summed(n: qk.UInt, w: qk.Vector[qk.Float]) -> qk.Float:
    q, angle = qk.qubit(), 0.0
    for i in qk.range(n):
        angle = angle + w[i]
        q = qk.rx(q, angle)
    return qk.expval(q, qko.Z(0))


@qk.qkernel
def fed_forward(n: qk.UInt, a: qk.Float) -> qk.Float:
    q = qk.qubit_array(2)
    for _ in qk.range(n):
        q[0] = qk.ry(q[0], a)
        q[0], q[1] = qk.cx(q[0], q[1])
        q[1], bit = qk.measure_reset(q[1])
        if bit:
            q[0] = qk.rz(q[0], a)
    return qk.expval(q[0], qko.Z(0))


OTHERS = [strongly_entangling, qaoa, re_uploading, controlled_rotations]


def observables(qubits: int) -> list[qko.Hamiltonian]:
    """Z of each qubit."""
    return [qko.Hamiltonian(num_qubits=qubits) + qko.Z(k) for k in range(qubits)]


def new_layer(qubits: int, layers: int, kernel: Any = None, **options: Any) -> Any:
    """The kernel (default: the ansatz, traced anew) as a layer."""
    from qkernel.nn import QLayer

    bindings = {"n": qubits, "layers": layers, "observable": observables(qubits)}
    return QLayer(kernel or new_ansatz(), bindings, inputs=["inputs"], weights=["weights"], **options)


def split(workload: Workload, dtype: str, kernel: Any = None) -> Any:
    """The native engine's entry for inputs per sample and shared weights."""
    layer = new_layer(workload.qubits, workload.layers, kernel)
    prepared: Any = load_engine("native").prepare(layer._wiring.program.circuit, np.dtype(dtype))
    size = workload.qubits
    return prepared.split(tuple(range(size)), tuple(range(size, size + 3 * size * workload.layers)))


def engine_step(workload: Workload, dtype: str, kernel: Any = None) -> Step:
    """The native engine alone, numpy in and out."""
    entry = split(workload, dtype, kernel)
    arrays = [array.astype(real(dtype)) for array in workload.data]
    return lambda: entry.vjp(*arrays)


def layer_step(workload: Workload, dtype: str, kernel: Any = None, **options: Any) -> Step:
    """The torch layer, forward and backward."""
    import torch

    layer = new_layer(workload.qubits, workload.layers, kernel, **options)
    inputs, weights, cotangent = (torch.tensor(array.astype(real(dtype))) for array in workload.data)
    layer.weights = torch.nn.Parameter(weights)
    inputs.requires_grad_()

    def step() -> tuple[Any, Any, Any]:
        inputs.grad = layer.weights.grad = None
        values = layer(inputs)
        values.backward(cotangent)
        return values.detach(), inputs.grad, layer.weights.grad

    return step


def step_without_autograd(workload: Workload, dtype: str) -> Step:
    """The torch layer's `value_and_grad`."""
    import torch

    layer = new_layer(workload.qubits, workload.layers)
    inputs, weights, cotangent = (torch.tensor(array.astype(real(dtype))) for array in workload.data)
    layer.weights = torch.nn.Parameter(weights)

    def step() -> tuple[Any, Any, Any]:
        values, gradients = layer.value_and_grad(inputs, cotangent=cotangent)
        return values, gradients["inputs"], gradients["weights"]

    return step


def floor_step(workload: Workload, dtype: str) -> Step | None:
    """The ansatz written by hand in C, if `QKERNEL_BENCH_FLOOR` names the folder of its libraries."""
    folder = os.environ.get("QKERNEL_BENCH_FLOOR")
    if not folder:
        return None
    library = ctypes.CDLL(str(Path(folder) / f"libfloor_{'c64' if dtype == 'complex64' else 'c128'}.so"))
    library.plan.restype, library.plan.argtypes, library.run.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_int] * 6,
        [ctypes.c_void_p] * 7,
    )
    inputs, weights, cotangent = (np.ascontiguousarray(array.astype(real(dtype))) for array in workload.data)
    values, by_inputs, by_weights = np.zeros_like(cotangent), np.zeros_like(inputs), np.zeros_like(weights)
    arrays = [array.ctypes.data for array in (inputs, weights, cotangent, values, by_inputs, by_weights)]
    kept = inputs, weights, cotangent

    def form(parallel: int) -> Step:
        shape = workload.qubits, workload.layers, workload.batch
        plan = library.plan(*shape, threads() if parallel else 1, 9, parallel)

        def step() -> tuple[Any, Any, Any]:
            library.run(plan, *arrays)
            return values, by_inputs, by_weights

        step.kept = kept  # type: ignore[attr-defined]
        return step

    forms = [form(parallel) for parallel in (0, 1, 2) if (parallel != 1 or workload.batch > 1)]
    return min(forms, key=_fastest)


def _fastest(step: Step) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return min(times)


def real(dtype: str) -> Any:
    return np.float32 if dtype == "complex64" else np.float64


def threads() -> int:
    return int(os.environ.get("QKERNEL_NUM_THREADS", "2"))


@cache
def _known(workload: Workload) -> tuple[Any, Any, Any]:
    return engine_step(workload, "complex128")()


def check(workload: Workload, found: tuple[Any, Any, Any], tolerance: float) -> None:
    """That a candidate has the values and gradients of the native engine in double precision."""
    for one, known in zip(found, _known(workload), strict=True):
        scale = max(1.0, float(np.abs(known).max()))
        np.testing.assert_allclose(np.asarray(one, float) / scale, known / scale, rtol=0, atol=tolerance)
