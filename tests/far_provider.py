"""A provider for tests: a backend whose jobs wait in a queue, fail, take too long, and whose connection is lost now and then.

There is no network: what was sent lies in a folder, which stays while processes end.
"""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

from qiskit.primitives import BasePrimitiveJob, StatevectorSampler
from qiskit.primitives.base import BaseSamplerV2
from qiskit.providers import BackendV2, JobStatus, JobV1, Options
from qiskit_aer import AerSimulator


class Lost(ConnectionError):
    """What a provider's client raises where the connection is lost."""


class Provider:
    """Finds jobs by their ids. Of the next calls of a name `lose` has lost so many; `calls` counts those that came through."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lose: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.backend = FarBackend(self)

    def called(self, name: str) -> None:
        if self.lose[name] > 0:
            self.lose[name] -= 1
            raise Lost(f"no route to host ({name})")
        self.calls[name] += 1

    @property
    def ids(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.sent"))

    def job(self, id: str) -> FarJob | FarSample:
        self.called("job")
        if id not in self.ids:
            raise LookupError(f"there is no job {id}")
        is_of_sampler = isinstance(pickle.loads((self.folder / f"{id}.sent").read_bytes()), list)
        return FarSample(self, id) if is_of_sampler else FarJob(self.backend, id)


class FarJob(JobV1):  # type: ignore[misc]
    """Waits for as many looks as `queue` has numbers, those of the jobs ahead, runs for `looks` more, then is done or fails."""

    def __init__(self, backend: FarBackend, id: str) -> None:
        super().__init__(backend, id)
        self.provider, self.queue, self.failure, self.looks = backend.service, [*backend.queue], backend.failure, backend.looks
        self.path, self.ahead = self.provider.folder / f"{id}.sent", None

    def submit(self) -> None:
        raise NotImplementedError

    def status(self) -> JobStatus:
        self.provider.called("status")
        if self.path.with_suffix(".cancelled").exists():
            return JobStatus.CANCELLED
        if self.queue:
            self.ahead = self.queue.pop(0)
            return JobStatus.QUEUED
        if self.looks > 0:
            self.looks -= 1
            return JobStatus.RUNNING
        return JobStatus.ERROR if self.failure else JobStatus.DONE

    def queue_position(self) -> int | None:
        return self.ahead

    def error_message(self) -> str | None:
        return self.failure

    def result(self) -> Any:
        self.provider.called("result")
        circuits, options = pickle.loads(self.path.read_bytes())
        return AerSimulator().run(circuits, **options).result()

    def cancel(self) -> None:
        self.provider.called("cancel")
        self.path.with_suffix(".cancelled").touch()


class FarBackend(BackendV2):  # type: ignore[misc]
    """A simulator far away. Jobs get the `queue`, the `failure` and the number of `looks` that it has when they are made."""

    def __init__(self, provider: Provider, name: str = "far") -> None:
        super().__init__(name=name)
        self.service, self.queue, self.failure, self.looks = provider, list[int](), None, 0

    failure: str | None

    @property
    def target(self) -> Any:
        return AerSimulator().target

    @property
    def max_circuits(self) -> int:
        return 8

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> FarJob:
        self.service.called("run")
        id = f"far-{len(self.service.ids) + 1}"
        (self.service.folder / f"{id}.sent").write_bytes(pickle.dumps((run_input, options)))
        return FarJob(self, id)


class FarSampler(BaseSamplerV2):  # type: ignore[misc]
    """A sampler of the provider's, whose jobs say where they stand in words, and nothing of their queue."""

    def __init__(self, provider: Provider) -> None:
        self._service = provider

    def run(self, pubs: Any, *, shots: int | None = None) -> FarSample:
        self._service.called("run")
        id = f"far-{len(self._service.ids) + 1}"
        (self._service.folder / f"{id}.sent").write_bytes(pickle.dumps([*pubs]))
        return FarSample(self._service, id)


class FarSample(BasePrimitiveJob[Any, str]):
    """What `FarSampler` gives."""

    def __init__(self, provider: Provider, id: str) -> None:
        super().__init__(id)
        self.provider, self.looks = provider, ["INITIALIZING", "QUEUED", "RUNNING"]

    def status(self) -> str:
        self.provider.called("status")
        return self.looks.pop(0) if self.looks else "DONE"

    def result(self) -> Any:
        self.provider.called("result")
        pubs = pickle.loads((self.provider.folder / f"{self._job_id}.sent").read_bytes())
        return StatevectorSampler(seed=4).run(pubs).result()

    def cancel(self) -> None:
        raise NotImplementedError

    done = running = cancelled = in_final_state = cancel  # type: ignore[assignment]
