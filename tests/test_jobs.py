"""Jobs: in a thread here, or at a provider that queues, fails, and loses its connection; and after the process has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from far_provider import FarBackend, FarSampler, Provider
from qiskit.primitives import BackendSamplerV2, StatevectorSampler
from qiskit_aer import AerSimulator

import qkernel as qk
import qkernel.observable as qko
from qkernel.errors import (
    BindingShapeError,
    DataError,
    ExecutionError,
    GradientError,
    JobError,
    JobTimeoutError,
    TargetCapabilityError,
    ValidationError,
)
from qkernel.execution.jobs import VERBS
from qkernel.execution.sending import Patience, is_lost
from qkernel_backends.native import NativeEngine
from qkernel_backends.qiskit import QiskitEngine

ANGLES = [[0.1, 0.2], [0.3, 0.4], [0.5, -0.6]]
HERE = Path(__file__).parent


@qk.struct
class Drive:
    angle: qk.Float
    times: qk.UInt


@qk.qkernel
def energy(angles: qk.Vector[qk.Float], observable: qk.Observable) -> qk.Float:
    q = qk.ry(qk.qubit_array(2), angles)
    q[0], q[1] = qk.cx(q[0], q[1])
    return qk.expval(q, observable)


@qk.qkernel
def several(drive: Drive, d: qk.Dict[qk.Tuple[qk.UInt, qk.UInt], qk.Float], on: qk.Bit) -> tuple[qk.Float, qk.Vector[qk.Float]]:
    q = qk.qubit_array(3)
    for _ in qk.range(drive.times):
        q = qk.rx(q, drive.angle)
    for (i, j), weight in qk.items(d):
        q[i], q[j] = qk.rzz(q[i], q[j], weight)
    if on:
        q[0] = qk.x(q[0])
    return qk.expval(q[0], qko.Z(0)), qk.probabilities(q[1:])


@qk.qkernel
def bits(angle: qk.Float) -> tuple[qk.Bit, qk.Bit]:
    q, r = qk.cx(qk.ry(qk.qubit(), angle), qk.qubit())
    return qk.measure(q), qk.measure(r)


@qk.qkernel
def deep(n: qk.UInt, layers: qk.UInt) -> qk.Float:
    q = qk.qubit_array(n)
    for layer in qk.range(layers):
        q = qk.ry(q, 0.1 * layer)
        for i in qk.range(n - 1):
            q[i], q[i + 1] = qk.cx(q[i], q[i + 1])
    return qk.expval(q, qko.Z(n - 1))


OBSERVABLE = qko.Z(0) * qko.X(1) + 0.5 * qko.Z(1) + 0.1
GIVEN: dict[str, Any] = {"angles": ANGLES, "observable": OBSERVABLE}


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    folder = tmp_path / "far"
    folder.mkdir()
    return Provider(folder)


@pytest.fixture
def far(provider: Provider) -> FarBackend:
    return provider.backend


def same(found: Any, wanted: Any) -> bool:
    """Whether two results are equal, to the last bit, in values and in their types."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, (tuple, list)):
        return type(found) is type(wanted) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, np.ndarray):
        return found.dtype == wanted.dtype and np.array_equal(found, wanted)
    return type(found) is type(wanted) and found == wanted


def work_during(seconds: float) -> float:
    """How many seconds this process computes in so many."""
    began = time.process_time()
    time.sleep(seconds)
    return time.process_time() - began


class TestHere:
    @pytest.mark.parametrize("verb", VERBS)
    def test_every_verb_gives_what_it_gives_otherwise_and_from_a_file(self, verb: str, tmp_path: Path) -> None:
        kernel, given = (bits, {"angle": [0.3, 0.7]}) if verb == "sample" else (energy, GIVEN)
        fixed = {name: value for name, value in given.items() if name == "observable"}
        program = kernel.compile(fixed, lengths={"angles": 2} if fixed else None)
        for subject, values in ((kernel, given), (program, {name: given[name] for name in given.keys() - fixed.keys()})):
            options = {"seed": 3, "shots": 50} if verb in ("sample", "run_with_errors") else {}
            wanted = getattr(subject, verb)(**values, **options)
            job = subject.submit(**values, verb=verb, **options)
            assert same(job.result(), wanted)
            job.to_file(tmp_path / "job.json")
            again = qk.load_job(tmp_path / "job.json")
            assert again.done()
            assert again.id == job.id
            assert same(again.result(), wanted)
            content = json.loads((tmp_path / "job.json").read_text())
            (tmp_path / "job.json").write_text(json.dumps(content | {"status": "running", "outcome": None}))
            assert same(qk.load_job(tmp_path / "job.json").result(), wanted), "it begins anew"

    def test_the_verb_is_that_of_what_the_kernel_returns(self) -> None:
        assert bits.submit(0.3, shots=10, seed=1).result() == bits.sample(0.3, shots=10, seed=1)
        assert energy.submit([0.1, 0.2], OBSERVABLE).result() == energy.run([0.1, 0.2], OBSERVABLE)
        found = energy.submit(**GIVEN, shots=50, seed=1, gradient="spsa", verb="grad").result()
        assert same(found, energy.grad(**GIVEN, shots=50, seed=1, gradient="spsa"))

    def test_files_hold_every_kind_of_value(self, tmp_path: Path) -> None:
        given = {"drive": Drive(0.4, 2), "d": {(0, 1): 0.3, (1, 2): np.float64(-0.2)}, "on": True}
        wanted = several.run(**given)
        for subject, values in (
            (several, given),
            (several.compile({"on": True, "drive": given["drive"]}, lengths={"d": [(0, 1), (1, 2)]}), {"d": given["d"]}),
        ):
            job = subject.submit(**values)
            assert same(job.result(), wanted)
            job.to_file(tmp_path / "job.json")
            assert same(qk.load_job(tmp_path / "job.json").result(), wanted)
        plan = qk.ShotPlan(64, "variance")
        job = energy.submit(**GIVEN, shots=plan, seed=2, verb="grad", gradient=qk.SPSA(0.2, 3))
        job.to_file(tmp_path / "job.json")
        assert same(job.result(), qk.load_job(tmp_path / "job.json").result())

    def test_a_file_has_the_engine_by_its_name_or_asks_for_it(self, tmp_path: Path) -> None:
        job = energy.submit([0.1, 0.2], OBSERVABLE, engine="reference")
        job.to_file(tmp_path / "by_name.json")
        assert json.loads((tmp_path / "by_name.json").read_text())["engine"] == "reference"
        engine = NativeEngine(noise=qk.noise.depolarizing(0.1, gates="cx"))
        noisy = energy.submit([0.1, 0.2], OBSERVABLE, engine=engine)
        noisy.to_file(tmp_path / "job.json")
        with pytest.raises(DataError, match="does not hold the engine"):
            qk.load_job(tmp_path / "job.json")
        assert qk.load_job(tmp_path / "job.json", engine=engine).result() == noisy.result()

    def test_what_is_wrong_is_raised_as_by_the_verb_and_says_what_was_asked_for(self) -> None:
        with pytest.raises(ValidationError, match=r"no job does `smple` \(did you mean `sample`"):
            bits.submit(0.3, verb="smple")
        with pytest.raises(GradientError, match="more than one number"):
            several.submit(drive=Drive(0.4, 2), d={}, on=True, verb="grad").result()
        with pytest.raises(ExecutionError, match="use `sample`"):
            bits.submit(0.3, verb="run", shots=10)
        job = energy.compile({"observable": OBSERVABLE}, lengths={"angles": 2}).submit(angles=[0.1, 0.2, 0.3], seed=4)
        with pytest.raises(BindingShapeError, match="angles") as caught:
            job.result()
        assert job.status() is qk.JobStatus.FAILED
        assert caught.value.__notes__[0] == "asked for was `run` of `energy`, seed 4"
        assert "`angles` of shape (3,)" in caught.value.__notes__[1]
        with pytest.raises(BindingShapeError, match="different lengths"):
            energy.compile({"observable": OBSERVABLE}, lengths={"angles": 2}).submit(angles=[[0.1, 0.2], [0.3]]).result()
        for options, says in (({"retries": -1}, "retries"), ({"backoff": float("nan")}, "backoff"), ({"seed": -1}, "seed")):
            with pytest.raises(ValidationError, match=says):
                energy.submit([0.1, 0.2], OBSERVABLE, **options)

    def test_a_long_one_is_waited_for_and_cancelled(self) -> None:
        job = deep.submit(n=18, layers=3000)
        with pytest.raises(JobTimeoutError, match=r"`deep` is not done after 0\.05 s: running") as caught:
            job.result(timeout=0.05)
        assert isinstance(caught.value, TimeoutError)
        job.cancel()
        assert job.done()
        assert job.status() is qk.JobStatus.CANCELLED
        with pytest.raises(JobError, match="was cancelled"):
            job.result()
        assert any(used < 0.2 for used in map(work_during, [0.4] * 50)), "it is computed no more, sooner or later"
        job.cancel()
        with pytest.raises(ValidationError, match="timeout"):
            job.result(timeout=-1)

    def test_many_at_once(self) -> None:
        program = energy.compile({"observable": OBSERVABLE}, lengths={"angles": 2})
        jobs = [program.submit([0.1 * k, 0.2]) for k in range(40)]
        assert len({job.id for job in jobs}) == 40
        assert [job.result() for job in jobs] == [program.run([0.1 * k, 0.2]) for k in range(40)]


class TestFar:
    def test_the_queue_the_stages_and_the_result(self, provider: Provider, far: FarBackend, capsys: Any) -> None:
        far.queue, far.looks = [7] * 6, 3
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1)
        assert job.sent == ("far-1",), "submit comes back when it is sent"
        assert job.status() is qk.JobStatus.PENDING
        while job.queue_position is None:
            time.sleep(0.002)
        assert job.queue_position == 7
        assert str(job) == "run of energy: queued on `far`, 7 jobs ahead"
        with pytest.raises(JobTimeoutError, match="queued on `far`, 7 jobs ahead"):
            job.result(timeout=0)
        seen = set()
        while not job.done():
            seen.add((job.status(), str(job).partition(": ")[2]))
        assert (qk.JobStatus.RUNNING, "running on `far`") in seen
        assert same(job.result(progress=True), energy.run(**GIVEN, engine=AerSimulator(), shots=100, seed=1))
        assert job.status() is qk.JobStatus.COMPLETED
        assert (job.queue_position, str(job)) == (None, "run of energy: completed")

    def test_progress_is_a_line(self, far: FarBackend, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "100")
        far.queue = [3] * 9
        energy.submit(**GIVEN, engine=far, shots=100, seed=1).result(progress=True)
        assert "3 jobs ahead" in capsys.readouterr().err

    def test_a_step_of_several_jobs(self, provider: Provider, far: FarBackend) -> None:
        wanted = energy.value_and_grad(**GIVEN, engine=far, shots=100, seed=1)
        provider.calls.clear()
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1, verb="value_and_grad")
        assert same(job.result(), wanted)
        circuits = 3 * 2 * 5
        assert len(job.sent) == provider.calls["run"] == -(-circuits // far.max_circuits)

    @pytest.mark.parametrize("call", ["run", "status", "result"])
    def test_a_lost_connection_is_tried_again(self, call: str, provider: Provider, far: FarBackend) -> None:
        provider.lose[call] = 3
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1, retries=3, backoff=0.001)
        assert same(job.result(), energy.run(**GIVEN, engine=AerSimulator(), shots=100, seed=1))
        assert provider.ids == ["far-1"]

    def test_the_waits_double(self) -> None:
        assert list(Patience(4, 1.5).waits()) == [1.5, 3.0, 6.0, 12.0, None]
        assert list(Patience(9, 10.0).waits())[-3:] == [60.0, 60.0, None]

    def test_a_connection_that_stays_lost(self, provider: Provider, far: FarBackend, tmp_path: Path) -> None:
        provider.lose["run"] = 99
        with pytest.raises(JobError, match="on `far` while it was being sent: the connection was lost 3 times in a row"):
            energy.submit(**GIVEN, engine=far, shots=100, seed=1, retries=2, backoff=0.001)
        provider.lose.clear()
        far.queue = [1] * 8
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1, retries=1, backoff=0.001)
        job.to_file(tmp_path / "job.json")
        provider.lose["status"] = 2
        with pytest.raises(JobError, match=r"what `to_file` wrote finds it again"):
            job.result()
        far.queue = []
        again = qk.load_job(tmp_path / "job.json", engine=far)
        assert same(again.result(), energy.run(**GIVEN, engine=AerSimulator(), shots=100, seed=1))
        assert provider.calls["run"] == provider.calls["job"] == 1

    def test_a_failure_tells_cause_stage_shapes_and_parameters(self, far: FarBackend, tmp_path: Path) -> None:
        far.failure, far.looks = "the fridge is warm", 2
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1, verb="grad", wrt="angles")
        job.to_file(tmp_path / "job.json")
        for found in (job, qk.load_job(tmp_path / "job.json", engine=far)):
            with pytest.raises(JobError) as caught:
                found.result()
            assert str(caught.value).splitlines() == [
                "[QK505] the job `energy` failed on `far` while it ran: the fridge is warm",
                "  = note: asked for was `grad` of `energy`, by angles, 100 shots, seed 1",
                f"  = note: with `observable` = {OBSERVABLE}, `angles` of shape (3, 2)",
                "  = note: its id there is `far-1`",
            ]
            assert found.status() is qk.JobStatus.FAILED

    def test_cancelling_reaches_the_provider(self, provider: Provider, far: FarBackend, tmp_path: Path) -> None:
        far.queue = [4] * 10_000
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1, backoff=0.001)
        job.to_file(tmp_path / "job.json")
        provider.lose["cancel"] = 1
        job.cancel()
        assert provider.calls["cancel"] == 1
        with pytest.raises(JobError, match="was cancelled"):
            job.result(timeout=5)
        assert qk.load_job(tmp_path / "job.json", engine=far).status() is qk.JobStatus.CANCELLED

    def test_a_file_stays_where_it_is_when_the_current_folder_changes(
        self, far: FarBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path)
        far.queue = [4]
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1, backoff=0.001)
        job.to_file("job.json")
        Path("copy.json").write_text(Path("job.json").read_text())
        again = qk.load_job("copy.json", engine=far)
        monkeypatch.chdir("elsewhere")
        for found, name in ((job, "job.json"), (again, "copy.json")):
            found.result(timeout=30)
            assert json.loads((tmp_path / name).read_text())["status"] == "completed"
        assert not list((tmp_path / "elsewhere").iterdir())

    def test_one_that_others_cancelled(self, provider: Provider, far: FarBackend) -> None:
        far.queue = [4] * 10_000
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1)
        provider.job("far-1").cancel()
        with pytest.raises(JobError, match="was cancelled on `far`"):
            job.result(timeout=20)

    def test_after_the_process_has_ended(self, provider: Provider, far: FarBackend, tmp_path: Path) -> None:
        """One that waits for shots that go ahead: the first job is found again, the second sent by the process that reads."""
        script = f"""
import os, sys
sys.path.insert(0, {str(HERE)!r})
from pathlib import Path
from far_provider import Provider
from test_jobs import GIVEN, energy, qk
far = Provider(Path({str(provider.folder)!r})).backend
far.queue = [2] * 10_000
job = energy.submit(**GIVEN, engine=far, shots=qk.ShotPlan(200, "variance"), seed=5, verb="run_with_errors")
job.to_file({str(tmp_path / "job.json")!r})
os._exit(7)
"""
        done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(HERE.parent)}, check=False)
        assert done.returncode == 7
        assert provider.ids == ["far-1"]
        job = qk.load_job(tmp_path / "job.json", engine=far)
        found = job.result()
        shots = qk.ShotPlan(200, "variance")
        assert same(found, energy.run_with_errors(**GIVEN, engine=AerSimulator(), shots=shots, seed=5))
        assert provider.calls["job"] == 1
        assert provider.ids == list(job.sent)
        assert len(job.sent) > 1
        provider.calls.clear()
        assert same(qk.load_job(tmp_path / "job.json", engine=far).result(), found)
        assert not provider.calls, "the file has the result"

    def test_another_service_or_place(self, provider: Provider, far: FarBackend, tmp_path: Path) -> None:
        far.queue = [1] * 10_000
        job = energy.submit(**GIVEN, engine=far, shots=100, seed=1)
        job.to_file(tmp_path / "job.json")
        text = (tmp_path / "job.json").read_text()
        far.queue = []
        elsewhere = Provider(tmp_path)
        for engine, service, says in (
            (FarBackend(provider, "near"), None, r"was sent to `far`, and the engine that was given is on `near`"),
            (elsewhere.backend, None, r"while it was looked for: there is no job far-1"),
            (elsewhere.backend, object(), r"a `object` finds no jobs"),
        ):
            with pytest.raises((DataError, JobError), match=says):
                qk.load_job(tmp_path / "job.json", engine=engine, service=service).result()
            (tmp_path / "job.json").write_text(text)
        found = qk.load_job(tmp_path / "job.json", engine=elsewhere.backend, service=provider).result()
        assert same(found, energy.run(**GIVEN, engine=AerSimulator(), shots=100, seed=1))
        job.cancel()

    def test_a_primitive_of_the_provider(self, provider: Provider, tmp_path: Path) -> None:
        sampler = FarSampler(provider)
        provider.lose["run"] = provider.lose["status"] = 1
        job = energy.submit(**GIVEN, engine=sampler, shots=300, verb="run_with_errors", backoff=0.001)
        job.to_file(tmp_path / "job.json")
        content = json.loads((tmp_path / "job.json").read_text())
        found = job.result()
        assert (np.abs(found.value - energy.run(**GIVEN)) < 5 * found.standard_error).all()
        assert found.metadata["jobs"] == job.sent == ("far-1",)
        (tmp_path / "job.json").write_text(json.dumps(content))
        again = qk.load_job(tmp_path / "job.json", engine=sampler).result()
        assert same(again.value, found.value)
        assert same(again.standard_error, found.standard_error)
        assert (provider.calls["run"], provider.calls["job"]) == (1, 1)

    def test_simulators_and_primitives_on_them_keep_no_ids(self, tmp_path: Path) -> None:
        engines = [(AerSimulator(), 3), (BackendSamplerV2(backend=AerSimulator()), None), (StatevectorSampler(seed=2), None)]
        for engine, seed in engines:
            assert not QiskitEngine(engine).sends_jobs
            job = bits.submit(0.0, engine=engine, shots=20, seed=seed)
            assert job.result().counts == {(0, 0): 20}
            assert job.sent == ()
            job.to_file(tmp_path / "job.json")
            assert qk.load_job(tmp_path / "job.json", engine=engine).result() == job.result()

    def test_what_cannot_be_sent_is_raised_at_once(self, far: FarBackend) -> None:
        with pytest.raises(TargetCapabilityError, match="expectation"):
            energy.submit(**GIVEN, engine=far)


def test_which_errors_are_of_connections() -> None:
    from requests.exceptions import ConnectTimeout, HTTPError

    wrapped = ValueError("no answer")
    wrapped.__cause__ = ConnectTimeout("slow")
    assert is_lost(wrapped)
    assert is_lost(ConnectionResetError())
    assert not is_lost(HTTPError("404"))
    assert not is_lost(FileNotFoundError())


class TestFiles:
    def test_files_that_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "job.json"
        with pytest.raises(DataError, match="cannot be read"):
            qk.load_job(path)
        job = energy.submit([0.1, 0.2], OBSERVABLE)
        job.result()
        job.to_file(path)
        text = path.read_text()
        content = json.loads(text)
        for wrong, says in (
            ("{", "no whole file of a job"),
            ("[]", "holds no job"),
            ("{}", "holds no job"),
            (text[:-40], "no whole file"),
            (json.dumps(content | {"qkernel_job": 2}), "another version"),
            (json.dumps({key: part for key, part in content.items() if key != "sent"}), "lacks `sent`"),
            (json.dumps(content | {"values": {"array": ["O", [1], [1]]}}), "no whole file"),
            (json.dumps(content | {"values": {"import": ["os"]}}), "no whole file"),
            (json.dumps(content | {"status": "asleep"}), "no whole file"),
            (json.dumps(content | {"verb": "erase"}), "no job does `erase`"),
        ):
            path.write_text(wrong)
            with pytest.raises((DataError, ValidationError), match=says):
                qk.load_job(path)

    def test_a_file_is_whole_at_any_moment(self, far: FarBackend, tmp_path: Path) -> None:
        """A reader beside the writer never meets half a file."""
        path, stop, met = tmp_path / "job.json", threading.Event(), []
        energy.submit(**GIVEN).to_file(path)

        def look() -> None:
            while not stop.is_set():
                met.append(json.loads(path.read_text())["qkernel_job"])
                time.sleep(0.0005)

        reader = threading.Thread(target=look)
        reader.start()
        for _ in range(6):
            job = energy.submit(**GIVEN, engine=far, shots=50, seed=1, verb="grad")
            job.to_file(path)
            job.result()
        stop.set()
        reader.join()
        assert set(met) == {1}
        assert list(tmp_path.glob(".job*")) == []

    def test_what_files_do_not_hold(self, tmp_path: Path) -> None:
        job = energy.submit(**GIVEN, gradient="spsa", verb="grad")
        with pytest.raises(ValidationError, match="without a seed"):
            job.to_file(tmp_path / "job.json")
        with pytest.raises(ExecutionError, match="nothing of it was submitted"):
            qk.Job(0.5).to_file(tmp_path / "job.json")
        assert list(tmp_path.glob("*.json")) == []
