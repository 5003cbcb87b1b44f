"""Jobs: runs that were asked for and go on beside, here in a thread or at a provider, and outlive the process in a file."""

from __future__ import annotations

import secrets
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from numbers import Integral, Real
from os import PathLike
from os.path import abspath
from threading import Event, RLock
from typing import Any, Generic, TypeVar

import numpy as np

from qkernel.diagnostics import Note, counted, did_you_mean, in_short
from qkernel.engine import is_registered
from qkernel.errors import ExecutionError, JobError, JobTimeoutError, QKernelError, ValidationError
from qkernel.execution.executor import Executor
from qkernel.execution.explanation import shots_in_words
from qkernel.execution.job_files import written
from qkernel.execution.sending import RUNNING, Patience, Sending, current
from qkernel.execution.stochastic import rule_of
from qkernel.ir.files import text_of, write_whole
from qkernel.lower.given_values import as_array, plain
from qkernel.observable import Hamiltonian
from qkernel.threads import Abandoned, begin

R = TypeVar("R")

DIFFERENTIATES = ("grad", "value_and_grad", "jacobian")
VERBS = ("run", "run_with_errors", "sample", *DIFFERENTIATES)
"""What a job may be asked for."""
_MOST_TERMS = 4
"""Of an observable, to be written out in a message."""
_LOOKS = 0.1
"""Seconds between two looks of whoever watches a job."""


class JobStatus(Enum):
    """Where a job stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Request:
    """What a job computes: a verb of an executable, at values of its open parameters."""

    verb: str
    executable: Any
    values: Mapping[str, Any]
    wrt: tuple[str, ...] | None
    chosen: Executor

    @cached_property
    def kernel(self) -> str:
        """The kernel in its text form. Raises `TextFormError` for one that the text form does not hold."""
        return text_of(self.executable.ir)

    def compute(self) -> Any:
        """What the verb gives."""
        executable, values = self.executable, self.values
        match self.verb:
            case "run":
                return executable._evaluate(values, self.chosen)
            case "run_with_errors":
                return executable._estimate(values, self.chosen)
            case "sample":
                return executable._sample(values, self.chosen)
            case "jacobian":
                return executable._jacobian(values, self.wrt, self.chosen)
        value, slopes = executable._gradient(values, self.wrt, self.chosen)
        return slopes if self.verb == "grad" else (value, slopes)

    def notes(self) -> tuple[Note, ...]:
        """What was asked for, with the shapes of what was given."""
        chosen = self.chosen
        how = [
            None if self.wrt is None else f"by {', '.join(self.wrt)}",
            None if chosen.shots is None else shots_in_words(chosen.shots),
            None if chosen.seed is None else f"seed {chosen.seed}",
        ]
        given = [f"`{name}` {_described(value)}" for name, value in {**self.executable.fixed, **self.values}.items()]
        asked = ", ".join([f"`{self.verb}` of `{self.executable.name}`", *(part for part in how if part)])
        return Note(f"asked for was {asked}"), *([Note(f"with {', '.join(given)}")] if given else [])


def _described(value: Any) -> str:
    """`= 0.3`, `of shape (4, 2)`."""
    value = plain(value)
    if isinstance(value, Hamiltonian):
        return f"= {value}" if len(value) <= _MOST_TERMS else f"of {len(value)} terms"
    if isinstance(value, Mapping):
        return f"of {counted(len(value), 'key')}"
    if isinstance(value, (list, tuple, np.ndarray)):
        array = as_array(value)
        return f"of {counted(len(value), 'part')}" if array is None else f"of shape {array.shape}"
    return f"= {in_short(value)}"


class Job(Generic[R]):
    """A run that was asked for. `submit` starts it, and it goes on beside; `qkernel.load_job` reads it back from a file.

    `id` is its own, 16 hexadecimal digits; `sent` are the ids of the jobs that it sent to a provider, as far as these can be
    found again. Under `queue_position` stands how many jobs are ahead in the provider's queue, where that is known.
    `Job(result)` is one that is done, as those of `QiskitTranspiler`'s executables are.
    """

    def __init__(
        self,
        result: R | None = None,
        *,
        request: Request | None = None,
        id: str | None = None,
        patience: Patience | None = None,
        sent: list[tuple[str, str]] | None = None,
        service: Any = None,
    ) -> None:
        self.id = id or secrets.token_hex(8)
        self._request, self._result, self._error = request, result, None
        self._status, self._path, self._lock, self._done = JobStatus.COMPLETED, None, RLock(), Event()
        name, notes = ("", ()) if request is None else (request.executable.name, request.notes())
        self._sending = Sending(name, notes, patience or Patience(), list(sent or ()), service, self._write)
        self._done.set()

    _error: QKernelError | BaseException | None
    _path: str | None

    # starting -----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin."""
        self._done.clear()
        self._status = JobStatus.RUNNING
        self._computation = begin(self._compute)

    def await_sent(self) -> None:
        """Come back when the first job is sent to a provider, or raise what keeps it back."""
        try:
            self._sending.under_way.wait()
        except BaseException:
            self.cancel()
            raise
        if self._error is not None and not self._sending.remotes:
            raise self._error

    def _compute(self) -> None:
        assert self._request is not None
        token = current.set(self._sending)
        try:
            self._end(JobStatus.COMPLETED, self._request.compute())
        except Abandoned:
            self._end(JobStatus.CANCELLED)
        except QKernelError as error:
            if not isinstance(error, JobError):
                for note in self._sending.notes:
                    error.add_note(note.text)
            self._end(JobStatus.FAILED, error=error)
        except BaseException as error:
            self._end(JobStatus.FAILED, error=error)
        finally:
            current.reset(token)

    def _end(self, status: JobStatus, result: Any = None, error: BaseException | None = None) -> None:
        with self._lock:
            if self._status is JobStatus.CANCELLED:
                status, result, error = JobStatus.CANCELLED, None, None
            self._status, self._result, self._error = status, result, error
            self._write()
        self._done.set()
        self._sending.under_way.set()

    def resume(self, status: JobStatus, outcome: Any, path: str | PathLike[str]) -> None:
        """Go on from what an earlier process wrote to a file."""
        failed = status is JobStatus.FAILED
        self._status, self._result, self._error = status, None if failed else outcome, outcome if failed else None
        self._path = abspath(path)
        if status is JobStatus.RUNNING:
            self.start()

    # asking -------------------------------------------------------------------------------------------------------------

    @property
    def sent(self) -> tuple[str, ...]:
        """The provider's ids of what was sent, in order."""
        return tuple(id for _, id in self._sending.known)

    @property
    def queue_position(self) -> int | None:
        """How many jobs are ahead in the provider's queue; None where that is not known."""
        return None if self._done.is_set() else self._sending.queue_position

    def status(self) -> JobStatus:
        """Where the job stands, as of the last look; asks nobody."""
        waits = self._status is JobStatus.RUNNING and self._sending.stage != RUNNING
        return JobStatus.PENDING if waits else self._status

    def done(self) -> bool:
        """Whether it has ended: completed, failed or cancelled."""
        return self._done.is_set()

    def result(self, timeout: float | None = None, *, progress: bool = False) -> R:
        """What came out, in the form that the verb gives; waits for it, `timeout` seconds at most.

        With `progress` a line in the terminal tells meanwhile where the job stands.
        Raises `JobTimeoutError` where the time is over: the job goes on. Raises `JobError` where it failed at a provider or was
        cancelled, and what the verb itself raises.
        """
        if timeout is not None:
            _check_seconds("timeout", timeout)
        if not (self._watched(timeout) if progress else self._done.wait(timeout)):
            raise JobTimeoutError(
                f"the job `{self._sending.name}` is not done after {timeout:g} s: {self._stands()}",
                notes=self._sending.notes,
                help="it goes on: ask again, or `cancel()` it",
            )
        if self._status is JobStatus.CANCELLED:
            raise JobError(f"the job `{self._sending.name}` was cancelled", notes=self._sending.notes)
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]

    def _watched(self, timeout: float | None) -> bool:
        """Wait, with a line in the terminal."""
        from rich.console import Console

        end = None if timeout is None else time.monotonic() + timeout
        with Console(stderr=True).status(str(self)) as line:
            while not self._done.wait(_LOOKS if end is None else max(0.0, min(_LOOKS, end - time.monotonic()))):
                line.update(str(self))
                if end is not None and time.monotonic() >= end:
                    return False
        return True

    def cancel(self) -> None:
        """Have it end, also at the provider; nothing happens where it is done.

        What runs in here ends with the next step that it takes. Raises `JobError` where the provider cannot be reached.
        """
        with self._lock:
            if self._done.is_set():
                return
            self._status = JobStatus.CANCELLED
        self._computation.abandon()
        self._done.set()
        self._write()
        self._sending.cancel()

    def _stands(self) -> str:
        sending = self._sending
        if self._status is not JobStatus.RUNNING or sending.place is None:
            return self._status.value
        ahead = "" if sending.queue_position is None else f", {counted(sending.queue_position, 'job')} ahead"
        return f"{sending.stage} on `{sending.place}`{ahead}"

    def __str__(self) -> str:
        asked = "job" if self._request is None else f"{self._request.verb} of {self._sending.name}"
        return f"{asked}: {self._stands()}"

    def __repr__(self) -> str:
        return f"<Job {self.id}, {self}>"

    # files --------------------------------------------------------------------------------------------------------------

    def to_file(self, path: str | PathLike[str]) -> None:
        """Write the job to a file, which is kept up to date from then on; `qkernel.load_job` reads it in another process.

        It holds the kernel in its text form, all values, the ids of what was sent, and the result once it is there, as JSON. An
        engine that only its object describes, as a backend, is not in it.
        Raises `ValidationError` for values that files do not hold, and for derivatives at random without a `seed`, which
        cannot be drawn again; `KernelTypeError` for what was made of a circuit and not of a kernel.
        """
        if self._request is None:
            raise ExecutionError("this job is done, and nothing of it was submitted", help="start it with `submit(...)`")
        chosen = self._request.chosen
        if rule_of(chosen.gradient) is not None and chosen.seed is None:
            raise ValidationError("derivatives at random are not drawn again without a seed", help="give `submit` a `seed`")
        with self._lock:
            write_whole(path, self._content())
            self._path = abspath(path)  # the current folder may change

    def _write(self) -> None:
        """Bring the file up to date, if there is one."""
        with self._lock:
            if self._path is None:
                return
            try:
                write_whole(self._path, self._content())
            except (OSError, ValidationError) as error:  # what was computed is not lost for that
                warnings.warn(f"the file of the job {self.id} is not up to date: {error}", RuntimeWarning, stacklevel=2)

    def _content(self) -> str:
        assert self._request is not None
        request, sending, chosen = self._request, self._sending, self._request.chosen
        executable, ended = request.executable, self._done_status()
        return written(
            {
                "id": self.id,
                "verb": request.verb,
                "kernel": request.kernel,
                "reuse_measured": executable.ir.reuse_measured,
                "fixed": executable.fixed,
                "open": [entry.name for entry in executable.circuit.angles.parameters],
                "shapes": executable._shapes,
                "values": request.values,
                "wrt": request.wrt,
                "engine": chosen.engine.name if is_registered(chosen.engine) else None,
                "shots": chosen.shots,
                "seed": chosen.seed,
                "gradient": chosen.gradient,
                "retries": sending.patience.retries,
                "backoff": sending.patience.backoff,
                "sent": sending.known,
                "status": ended.value,
                "outcome": self._result if ended is JobStatus.COMPLETED else self._error if ended is JobStatus.FAILED else None,
            }
        )

    def _done_status(self) -> JobStatus:
        """What a file says of it: what failed otherwise than at a provider goes on from where it was."""
        failed = self._status is JobStatus.FAILED and isinstance(self._error, JobError) and not self._error.is_lost
        return self._status if failed or self._status in (JobStatus.COMPLETED, JobStatus.CANCELLED) else JobStatus.RUNNING


def submitted(request: Request, retries: Any, backoff: Any) -> Job[Any]:
    """A job that is under way."""
    known_verb(request.verb)
    if isinstance(retries, bool) or not isinstance(retries, Integral) or retries < 0:
        raise ValidationError(f"`retries` is a whole number of at least 0, not {retries!r}")
    _check_seconds("backoff", backoff)
    job = Job[Any](request=request, patience=Patience(int(retries), float(backoff)))
    job.start()
    if getattr(request.chosen.engine, "sends_jobs", False):
        job.await_sent()
    return job


def _check_seconds(name: str, given: Any) -> None:
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= float(given) < np.inf:
        raise ValidationError(f"`{name}` is a number of seconds from 0 on, not {given!r}")


def known_verb(verb: Any) -> str:
    """`verb`, if jobs do it."""
    if verb not in VERBS:
        names = ", ".join(f"`{name}`" for name in VERBS)
        title = f"no job does `{verb}`{did_you_mean(verb, list(VERBS))}"
        raise ValidationError(title, help=f"`verb` is one of {names}")
    return verb  # type: ignore[no-any-return]
