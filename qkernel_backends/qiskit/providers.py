"""Jobs of Qiskit's providers: what they say of where they stand, and how they are found again by their ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2
from qiskit_aer.primitives import EstimatorV2, SamplerV2

from qkernel.errors import JobError
from qkernel.execution.sending import CANCELLED, DONE, FAILED, QUEUED, RUNNING, Awaited, Remote, sent

Read = Callable[[Any], Any]

ON_BACKENDS = (BackendEstimatorV2, BackendSamplerV2, EstimatorV2, SamplerV2)
"""Primitives that make jobs of backends in here: no provider knows their ids."""
_STAGES = {
    "INITIALIZING": QUEUED,
    "VALIDATING": QUEUED,
    "QUEUED": QUEUED,
    "RUNNING": RUNNING,
    "DONE": DONE,
    "ERROR": FAILED,
    "CANCELLED": CANCELLED,
}


@dataclass(frozen=True, slots=True)
class ProviderJob:
    """A job of Qiskit's, as `qkernel.execution.sending.Remote` has it; `read` checks its result."""

    job: Any
    read: Read

    @property
    def id(self) -> str:
        """The provider's id."""
        return str(self.job.job_id())

    def stage(self) -> tuple[str, int | None]:
        """See `Remote`."""
        status = self.job.status()
        stage = _STAGES.get(str(getattr(status, "name", status)), RUNNING)
        return stage, self._queue_position() if stage == QUEUED else None

    def _queue_position(self) -> int | None:
        """Providers have this under one of two names, or not at all."""
        for name in ("queue_position", "queue_info"):
            if (found := getattr(self.job, name, lambda: None)()) is not None:
                position = getattr(found, "position", found)
                return position if isinstance(position, int) else None
        return None

    def cause(self) -> str:
        """What the provider says, or else what its result raises."""
        said = getattr(self.job, "error_message", lambda: None)()
        if said:
            return str(said)
        try:
            self.read(self.job.result())
        except Exception as error:
            return str(getattr(error, "message", None) or error) or type(error).__name__
        return "it says no reason"

    def result(self) -> Any:
        """See `Remote`."""
        return self.read(self.job.result())

    def cancel(self) -> None:
        """See `Remote`."""
        self.job.cancel()


def service_of(target: Any) -> Any:
    """What finds the jobs of a backend or primitive by their ids: its service, or itself; None where nothing does."""
    if target is None or isinstance(target, ON_BACKENDS):
        return None
    backend = getattr(target, "backend", None)
    inner = backend() if callable(backend) else None
    for place in (getattr(target, "_service", None), *(getattr(each, "service", None) for each in (inner, target)), target):
        if _finds(place) is not None:
            return place
    return None


def _finds(service: Any) -> Callable[[str], Any] | None:
    """`service.job`, or as others call it `retrieve_job`."""
    for name in ("job", "retrieve_job"):
        if callable(method := getattr(service, name, None)):
            return method  # type: ignore[no-any-return]
    return None


def sent_to(target: Any, run: Callable[[], Any], read: Read = lambda result: result) -> Remote | Awaited:
    """A job that `run` sends to a backend or primitive."""
    service, place = service_of(target), place_of(target)

    def find(key: str, given: Any) -> ProviderJob:
        method = _finds(service if given is None else given)
        if method is None:
            raise JobError(f"a `{type(given).__name__}` finds no jobs: it has no `job(id)`", help="give the provider's service")
        return ProviderJob(method(key), read)

    return sent(place, lambda: ProviderJob(run(), read), None if service is None else find)


def place_of(target: Any) -> str:
    """The name of a backend, or of the one that a primitive is on."""
    for each in (target, getattr(target, "_backend", None), getattr(target, "_mode", None)):
        if isinstance(name := getattr(each, "name", None), str):
            return name
    return type(target).__name__
