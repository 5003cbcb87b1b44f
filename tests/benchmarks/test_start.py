"""What is waited for before the first result: imports, a new process, a new circuit, a new layer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import qkernel as qk
import qkernel.observable as qko
from tests.benchmarks.workloads import layered, new_ansatz, new_layer, observables, summed

Timed = Callable[..., None]
SIZES = [(4, 2, 4), (8, 4, 32), (12, 4, 16), (16, 4, 4)]
FIRST_USE = """
import qkernel as qk
import qkernel.observable as qko
from qkernel_stdlib.examples.networks import hybrid_ansatz
run = hybrid_ansatz.compile({"n_qubits": 4, "n_layers": 2, "hamiltonian": qko.Z(0)}, ["inputs", "weights"])
print(run.value_and_grad(inputs=[0.1] * 4, weights=[0.2] * 24)[0])
"""


def in_a_process(code: str) -> Callable[[], None]:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("name", "code", "goal"),
    [
        ("an empty process", "", None),
        ("import numpy, lark", "import numpy, lark", None),
        ("import qkernel", "import qkernel", None),
        ("import and first value and gradient", FIRST_USE, 800.0),
        ("import torch and first step of a layer", None, None),
    ],
)
def test_a_new_process(timed: Timed, name: str, code: str | None, goal: float | None) -> None:
    layer = "import torch\nfrom tests.benchmarks.workloads import new_layer\nnew_layer(4, 2)(torch.rand(4, 4)).sum().backward()"
    timed(in_a_process(layer if code is None else code), "A new process, start of Python included", name, "ms", goal, budget=4)


def test_a_process_with_an_empty_cache(timed: Timed, tmp_path: Path) -> None:
    """Nothing is compiled in the user's way. What compiles in the background is ended, not to be in the way of the next."""
    code = FIRST_USE + (
        "import numpy\nfrom qkernel_backends.native.background import compilation\n"
        "compilation(numpy.dtype(float))._process.kill()\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_CPU_NAME": "generic"}

    def process() -> None:
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)

    timed(process, "A new process, start of Python included", "first value and gradient ever", "ms", 2_000, budget=4)


def first(
    benchmark: Any, table: str, row: str, step: Callable[[Any], Any], make: Callable[[], Any], goal: float | None
) -> None:
    """Time `step` on a new thing each round; other circuits have run on the engine before."""
    step(make())
    benchmark.group = f"{table}: {row}"
    benchmark.extra_info.update(table=table, row=row, column="ms", goal=goal)
    benchmark.pedantic(step, setup=lambda: ((make(),), {}), rounds=7)


@pytest.mark.parametrize(("qubits", "layers", "batch"), SIZES)
def test_a_new_circuit(benchmark: Any, qubits: int, layers: int, batch: int) -> None:
    """From the kernel, not traced yet, to the first values and gradients."""
    size, bound = 3 * qubits * layers, {"n": qubits, "layers": layers, "observable": observables(qubits)[0]}
    bindings = {"inputs": np.ones((batch, qubits)), "weights": np.ones(size)}
    first(
        benchmark, "First call of a new circuit", f"{qubits} qubits x {layers} layers, batch {batch}, numpy",
        lambda kernel: kernel.compile(bound, ["inputs", "weights"]).value_and_grad(bindings=bindings), new_ansatz, 50,
    )  # fmt: skip


@pytest.mark.parametrize(("qubits", "layers", "batch"), SIZES)
def test_a_new_layer(benchmark: Any, qubits: int, layers: int, batch: int) -> None:
    """From the kernel, not traced yet, through the layer's construction to its first step."""
    inputs = torch.rand(batch, qubits)
    first(
        benchmark, "First call of a new circuit", f"{qubits} qubits x {layers} layers, batch {batch}, layer",
        lambda kernel: new_layer(qubits, layers, kernel)(inputs).sum().backward(), new_ansatz, 50,
    )  # fmt: skip


@pytest.mark.parametrize(("qubits", "layers", "batch"), SIZES)
def test_the_first_step_of_a_layer(benchmark: Any, qubits: int, layers: int, batch: int) -> None:
    inputs = torch.rand(batch, qubits)
    first(
        benchmark, "First step of a constructed layer", f"{qubits} qubits x {layers} layers, batch {batch}",
        lambda layer: layer(inputs).sum().backward(), lambda: new_layer(qubits, layers), 50,
    )  # fmt: skip


@qk.qkernel
def fed_forward(n: qk.UInt, w: qk.Vector[qk.Float]) -> qk.Vector[qk.Bit]:
    q = qk.qubit_array(2)
    for k in qk.range(n):
        q[0] = qk.ry(q[0], w[k])
        q[0], q[1] = qk.cx(q[0], q[1])
        q[1], bit = qk.measure_reset(q[1])
        if bit:
            q[0] = qk.rz(q[0], w[k])
    return qk.measure(q)


GROWING: dict[str, tuple[Any, dict[str, int], int, str, tuple[int, ...]]] = {
    "gates, 12 qubits": (layered, {"n": 12, "h": qko.Z(0)}, 36, "layers", (30, 120, 480, 20_000)),
    "terms of an angle": (summed, {}, 1, "n", (100, 200, 400)),
    "measurements with feed-forward, sampled": (fed_forward, {}, 1, "n", (50, 100, 200)),
}
"""The kernel, its other sizes, parameters for each unit of size, the name of the size, and sizes."""
OF_ONE_ROTATION = (
    "terms of an angle: the second run is one rotation, into which all n were merged, so that no ratio is asked for; "
    "how compiling and the first run grow with the terms stands below"
)


@pytest.mark.parametrize(("what", "size"), [(what, size) for what, (*_, sizes) in GROWING.items() for size in sizes])
def test_a_first_run_beside_the_second(benchmark: Any, what: str, size: int) -> None:
    kernel, bound, width, name, _ = GROWING[what]
    weights = {"w": np.linspace(-1, 1, width * size)}

    def program() -> Any:
        found = kernel.compile({**bound, name: size}, ["w"], lengths={"w": width * size})
        assert found.circuit.num_qubits  # made, but on no engine yet
        return found

    def run(found: Any) -> Any:
        return found.sample(bindings=weights, shots=10) if kernel is fed_forward else found.run(bindings=weights)

    again = program()
    run(again)
    began = time.perf_counter()
    run(again)
    benchmark.extra_info.update(beside=1e3 * (time.perf_counter() - began), beside_column="second run")
    benchmark.extra_info.update(ratio_column="first / second", ratio_goal=None if kernel is summed else 5)
    if (kernel, size) == (summed, 400):
        benchmark.extra_info["note"] = OF_ONE_ROTATION
    first(benchmark, "First run of a new circuit beside its second", f"{what}: {size}", run, program, None)
