"""How candidates are timed, and what is noted of the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

import pytest

PACKAGES = (
    "qkernel", "numpy", "numba", "torch", "qiskit", "qiskit-aer", "qiskit-machine-learning",
    "pennylane", "pennylane-lightning", "qulacs", "tensorcircuit-ng", "qujax", "jax",
)  # fmt: skip

os.environ.setdefault("QKERNEL_NUM_THREADS", "2")
for library in ("OMP", "MKL", "OPENBLAS", "QULACS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", os.environ["QKERNEL_NUM_THREADS"])


@pytest.fixture(scope="session", autouse=True)
def _torch_threads() -> None:
    import torch

    torch.set_num_threads(int(os.environ["QKERNEL_NUM_THREADS"]))


@pytest.fixture
def timed(benchmark: Any) -> Callable[..., None]:
    """Times a step that is warm already, for about `budget` seconds, into a row and a column of a table.

    With `beside`, that function is timed between the rounds, and its median stands beside the step's.
    """

    def run(
        step: Callable[[], Any],
        table: str,
        row: str,
        column: str,
        goal: float | None = None,
        budget: float = 0.7,
        beside: Callable[[], Any] | None = None,
    ) -> None:
        step()
        began = time.perf_counter()
        step()
        rounds = int(min(2000, max(3, budget / (time.perf_counter() - began))))
        others: list[float] = []

        def other() -> None:
            began = time.perf_counter()
            beside()  # type: ignore[misc]
            others.append(1e3 * (time.perf_counter() - began))

        benchmark.group = f"{table}: {row}"
        benchmark.extra_info.update(table=table, row=row, column=column, goal=goal)
        benchmark.pedantic(step, setup=other if beside else None, rounds=rounds, warmup_rounds=3 if rounds > 3 else 0)
        if beside:
            benchmark.extra_info["beside"] = median(others)

    return run


def pytest_benchmark_update_machine_info(config: Any, machine_info: dict[str, Any]) -> None:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    machine_info.update(
        versions=versions,
        threads=os.environ["QKERNEL_NUM_THREADS"],
        cores=os.cpu_count(),
        python=platform.python_version(),
        load=os.getloadavg()[0],
    )
