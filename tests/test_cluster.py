"""Engines on a cluster of two workers: the same results as here, also when one of them is killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster, as_completed
from qiskit.primitives import StatevectorSampler
from slow_engine import SlowEngine

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import ExecutionError, KernelTypeError, MemoryRefusedError, TargetCapabilityError, ValidationError
from qkernel.execution.shots import seed_of
from qkernel.nn import QLayer
from qkernel_backends.dask import ClusterEngine
from qkernel_backends.native import NativeEngine

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@qk.qkernel
def energy(a: qk.Vector[qk.Float]) -> qk.Float:
    q = qk.ry(qk.qubit_array(3), a)
    for i in qk.range(2):
        q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.expval(q, qko.Z(0) * qko.X(1) + qko.Z(2))


@qk.qkernel
def shares(a: qk.Float) -> tuple[qk.Vector[qk.Float], qk.Vector[qk.Float]]:
    q, r = qk.cx(qk.ry(qk.qubit(), a), qk.qubit())
    return qk.probabilities(q), qk.probabilities(r)


@qk.qkernel
def corrected(a: qk.Float) -> tuple[qk.Bit, qk.Bit]:
    _, bit = qk.project_z(qk.ry(qk.qubit(), a))
    r = qk.qubit()
    if bit:
        r = qk.x(r)
    return bit, qk.measure(r)


ROWS = np.random.default_rng(4).uniform(-2, 2, (11, 3))
PROGRAM = energy.compile(lengths={"a": 3})


class Rooted(SlowEngine):
    """An engine that cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle a lock")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")
    with cluster, Client(cluster) as client:
        yield client


@pytest.fixture
def engine(client: Client) -> ClusterEngine:
    return ClusterEngine("native", client, rows=2)


def test_values_derivatives_and_states_are_those_of_the_engine(engine: ClusterEngine) -> None:
    for verb, options in (("run", {}), ("grad", {}), ("grad", {"gradient": "shift"}), ("jacobian", {}), ("statevector", {})):
        found, wanted = (getattr(PROGRAM, verb)(ROWS, **options, engine=each) for each in (engine, "native"))
        found, wanted = (each["a"] if isinstance(each, dict) else each for each in (found, wanted))
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, atol=1e-14)
    for found, wanted in zip(shares.run(ROWS[:, 0], engine=engine), shares.run(ROWS[:, 0]), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-14)
    assert energy.run(ROWS[0], engine=engine) == energy.run(ROWS[0], engine="native")
    assert PROGRAM.run(np.zeros((0, 3)), engine=engine).shape == (0,)


def test_a_layer_is_trained_on_it(engine: ClusterEngine) -> None:
    import torch

    layers = [QLayer(energy, inputs="a", weights=[], engine=each) for each in (engine, "native")]
    given = [torch.tensor(ROWS, requires_grad=True) for _ in layers]
    for layer, rows in zip(layers, given, strict=True):
        layer(rows).square().sum().backward()
    torch.testing.assert_close(given[0].grad, given[1].grad)


def test_a_seed_gives_the_same_on_any_number_of_workers(client: Client) -> None:
    """Each part is a sample of the engine's own, under a seed that its rows decide, wherever it is done."""
    engine = ClusterEngine("native", client, rows=4)
    first = corrected.sample(ROWS[:, 0], shots=50, seed=6, engine=engine)
    assert all(a == b for result in first for a, b in result.counts)
    parts = [corrected.sample(ROWS[k : k + 4, 0], shots=50, seed=seed_of(6, k, 0), engine="native") for k in (0, 4, 8)]
    assert first == [result for part in parts for result in part]
    assert first[0] != corrected.sample(ROWS[:, 0], shots=50, seed=7, engine=engine)[0]
    client.restart()
    assert first == corrected.sample(ROWS[:, 0], shots=50, seed=6, engine=engine), "what was there is sent anew"
    whole = ClusterEngine("native", client)
    assert corrected.sample(ROWS[:, 0], shots=50, seed=6, engine=whole) == corrected.sample(ROWS[:, 0], shots=50, seed=6)


def test_shots_are_split_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qkernel_backends.dask._MOST_SHOTS", 300)
    engine = ClusterEngine("native", client)
    result = corrected.sample(1.3, shots=1000, seed=6, engine=engine)
    assert sum(result.counts.values()) == result.shots == 1000
    assert abs(result.counts[1, 1] / 1000 - np.sin(0.65) ** 2) < 5 * 0.5 / np.sqrt(1000)
    assert result == corrected.sample(1.3, shots=1000, seed=6, engine=engine)


@pytest.mark.parametrize("inner", ["native", "qiskit", StatevectorSampler(seed=3)], ids=["native", "qiskit", "sampler"])
def test_estimates_have_the_errors_that_they_say(inner: Any, client: Client) -> None:
    engine = ClusterEngine(inner, client, rows=4)
    found = PROGRAM.run_with_errors(ROWS, shots=400, engine=engine, seed=None if isinstance(inner, StatevectorSampler) else 2)
    assert found.value.shape == (11,)
    assert (np.abs(found.value - PROGRAM.run(ROWS)) < 5.5 * found.standard_error + 1e-9).all()
    assert bool(found.metadata["jobs"]) == (inner != "native")


def test_one_worker_is_killed_in_the_middle(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row is in the result once. What was fetched is not done again; what the lost worker had begun is, by the other."""
    slow = SlowEngine(str(tmp_path), seconds=0.05)
    rows = np.zeros((40, 3))
    rows[:, 0] = np.arange(40)
    wanted = PROGRAM.run(rows, engine="reference")
    pids = sorted(client.run(os.getpid).values())
    fetched: list[float] = []
    before: list[float] = []

    def noted(futures: Any, **options: Any) -> Iterator[Any]:
        for future, answer in as_completed(futures, **options):
            fetched.append(answer.item())
            yield future, answer

    def kill() -> None:
        while len(fetched) < 10:
            time.sleep(0.002)
        before.extend(fetched)
        time.sleep(0.05)  # by then the scheduler knows that these are fetched
        os.kill(pids[0], signal.SIGKILL)

    monkeypatch.setattr("qkernel_backends.dask.as_completed", noted)
    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = PROGRAM.run(rows, engine=ClusterEngine(slow, client, rows=1))
    killer.join()
    np.testing.assert_array_equal(found, wanted)
    done = [path.name.split("-") for path in tmp_path.glob("done-*")]
    times = Counter(int(row) for _, row, _, _ in done)
    assert sorted(times) == list(range(40)), "nothing is lost"
    assert len(fetched) == 40, "nothing comes twice"
    again = {row for row, count in times.items() if count > 1}
    assert again <= {int(row) for _, row, pid, _ in done if int(pid) == pids[0]}, "only what went with the worker is done again"
    assert not again & {int(np.argmin(np.abs(wanted - value))) for value in before}
    assert {int(pid) for _, _, pid, _ in done} - {pids[0]}
    client.wait_for_workers(2, timeout=240)


def test_circuits_are_made_ready_once_by_each_worker(client: Client, tmp_path: Path) -> None:
    engine = ClusterEngine(SlowEngine(str(tmp_path)), client, rows=1)
    for _ in range(3):
        PROGRAM.run(ROWS, engine=engine)
    ready = Counter(path.name.split("-")[1] for path in tmp_path.glob("prepared-*"))
    assert 1 <= len(ready) <= 2
    assert set(ready.values()) == {1}


def test_errors_of_workers_come_back(client: Client, tmp_path: Path) -> None:
    rows = np.zeros((4, 3))
    rows[:, 0] = np.arange(4)
    with pytest.raises(ExecutionError, match="the worker is tired"):
        PROGRAM.run(rows, engine=ClusterEngine(SlowEngine(str(tmp_path), fails=2.0), client, rows=1))

    @qk.qkernel
    def wide(a: qk.Float) -> qk.Float:
        q = qk.rx(qk.qubit_array(60), a)
        for i in qk.range(59):
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
        return qk.expval(q, qko.Z(59))

    with pytest.raises(MemoryRefusedError):
        wide.run(0.3, engine=ClusterEngine("native", client))
    np.testing.assert_allclose(PROGRAM.run(rows, engine=ClusterEngine("native", client)), PROGRAM.run(rows), atol=1e-14)


def test_rows_that_kill_every_worker(client: Client, tmp_path: Path) -> None:
    def allow(failures: int) -> None:
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", failures))

    rows = np.ones((1, 3))
    allow(0)
    with pytest.raises(ExecutionError, match="lost a worker each time") as caught:
        PROGRAM.run(rows, engine=ClusterEngine(SlowEngine(str(tmp_path), dies=1.0), client, rows=1))
    assert "rows=" in caught.value.help
    allow(3)
    client.wait_for_workers(2, timeout=240)


def test_a_job_on_it_is_cancelled(client: Client, tmp_path: Path) -> None:
    rows = np.zeros((60, 3))
    job = PROGRAM.submit(rows, engine=ClusterEngine(SlowEngine(str(tmp_path), seconds=0.02), client, rows=1))
    while not list(tmp_path.glob("done-*")):
        time.sleep(0.005)
    job.cancel()
    counts = [-1]
    while counts[-1] != (count := len(list(tmp_path.glob("done-*")))):
        counts.append(count)
        time.sleep(0.4)
    assert counts[-1] < 60


def test_seeds_in_parallel(client: Client) -> None:
    """Compiled kernels travel whole, so that a function of the user's can go over seeds."""
    program = PROGRAM

    def trained(seed: int) -> float:
        a = np.random.default_rng(seed).normal(0, 1, 3)
        for _ in range(20):
            a = a - 0.3 * program.grad(a)["a"]
        return float(program.run(a))

    found = client.gather(client.map(trained, range(4)))
    assert found == [trained(seed) for seed in range(4)]


def test_what_is_no_cluster(client: Client, tmp_path: Path) -> None:
    with pytest.raises(KernelTypeError, match="no client"):
        ClusterEngine("native", "localhost:8786")
    with pytest.raises(KernelTypeError, match="is no engine"):
        ClusterEngine(3, client)
    with pytest.raises(ValidationError, match="rows"):
        ClusterEngine("native", client, rows=0)
    with pytest.raises(TargetCapabilityError, match="does not travel"):
        ClusterEngine(Rooted(str(tmp_path)), client)


def test_an_engine_with_options_travels_whole(client: Client) -> None:
    noisy = NativeEngine(noise=qk.noise.depolarizing(0.1, gates="cx"))
    engine = ClusterEngine(noisy, client)
    assert engine.name == "native on a cluster"
    np.testing.assert_allclose(PROGRAM.run(ROWS, engine=engine), PROGRAM.run(ROWS, engine=noisy), atol=1e-13)
