"""Jobs at providers: sent, awaited and found again by their ids, with patience where connections are lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Event
from time import sleep
from typing import Any, Protocol, TypeVar

from qkernel.diagnostics import Note, counted
from qkernel.errors import DataError, JobError, QKernelError
from qkernel.threads import Abandoned

T = TypeVar("T")

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"
_WHILE = {
    "send": "while it was being sent",
    "find": "while it was looked for",
    QUEUED: "after it was queued",
    RUNNING: "while it ran",
    "cancel": "while it was being cancelled",
    "read": "while its result was read",
}
_FIRST_LOOK, _LAST_LOOK = 0.02, 5.0
"""Seconds between two questions where a job stands: they grow from the first to the last."""
_LONGEST_WAIT = 60.0
"""Seconds before a lost connection is tried again, at most."""
_TRANSPORTS = frozenset(("aiohttp", "httpx", "requests", "urllib3"))


class Remote(Protocol):
    """A job at a provider. What a method raises where the connection is lost, `is_lost` knows."""

    @property
    def id(self) -> str:
        """The provider's id."""
        ...

    def stage(self) -> tuple[str, int | None]:
        """`QUEUED`, `RUNNING`, `DONE`, `FAILED` or `CANCELLED`; with it how many jobs are ahead, where that is known."""
        ...

    def cause(self) -> str:
        """What the provider says of a job that failed."""
        ...

    def result(self) -> Any:
        """What came out, once it is there."""
        ...

    def cancel(self) -> None:
        """Ask the provider to leave it."""
        ...


Send = Callable[[], Remote]
Find = Callable[[str, Any], Remote]
"""The job of an id; in the service that is given, if one is, else in the engine's own."""


@dataclass(frozen=True, slots=True)
class Patience:
    """A lost connection is tried again `retries` times in a row, after `backoff` seconds, then twice, four times as many."""

    retries: int = 5
    backoff: float = 1.0

    def waits(self) -> Iterator[float | None]:
        """Seconds to wait after each attempt; None after the last."""
        yield from (min(self.backoff * 2**attempt, _LONGEST_WAIT) for attempt in range(self.retries))
        yield None


def is_lost(error: BaseException | None) -> bool:
    """Whether an error, or one that it comes from, is a connection's: Python's own, or one of the usual packages'."""
    while error is not None:
        kinds = [(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__]
        named = any(package in _TRANSPORTS and ("Connect" in name or "Timeout" in name) for package, name in kinds)
        if named or isinstance(error, (ConnectionError, TimeoutError)):
            return True
        error = error.__cause__ or error.__context__
    return False


@dataclass
class Sending:
    """What one computation sends to providers, in order, and where the job stands that it waits for.

    `known` are jobs that an earlier process sent for the same computation, each as the name of its place and its id: they
    are found again instead of sent. Which is which their order tells, since the same computation sends the same things.
    """

    name: str
    notes: tuple[Note, ...] = ()
    patience: Patience = Patience()
    known: list[tuple[str, str]] = field(default_factory=list)
    service: Any = None
    changed: Callable[[], None] = lambda: None
    stage: str = RUNNING
    queue_position: int | None = None
    place: str | None = None
    remotes: list[Remote] = field(default_factory=list)
    cancelled: Event = field(default_factory=Event)
    under_way: Event = field(default_factory=Event)
    """Set when the first job is sent."""

    def sent(self, place: str, send: Send, find: Find | None) -> Awaited:
        """See `sent`."""
        self.place, number = place, len(self.remotes)
        if find is not None and number < len(self.known):
            there, key = self.known[number]
            if there != place:
                raise DataError(
                    f"the job `{self.name}` was sent to `{there}`, and the engine that was given is on `{place}`",
                    help=f"give the engine that it was sent with: `qk.load_job(path, engine=...)` on `{there}`",
                )
            remote = self.patiently("find", lambda: find(key, self.service))
        else:
            remote = self.patiently("send", send)
            if find is not None:
                self.known.append((place, remote.id))
        self.remotes.append(remote)
        self._moved(QUEUED, None)
        self.changed()
        self.under_way.set()
        if self.cancelled.is_set():
            remote.cancel()
            raise Abandoned
        return Awaited(self, place, remote)

    def patiently(self, doing: str, ask: Callable[[], T], pause: Callable[[float], object] | None = None) -> T:
        """What a provider answers, asked again where the connection is lost."""
        for wait in self.patience.waits():
            try:
                return ask()
            except QKernelError:
                raise
            except Exception as error:
                if wait is None or not is_lost(error):
                    raise self._failure(doing, error) from error
                (pause or self.pause)(wait)
        raise AssertionError

    def pause(self, seconds: float) -> None:
        """Wait; raises `Abandoned` as soon as the computation is cancelled."""
        if self.cancelled.wait(seconds):
            raise Abandoned

    def _moved(self, stage: str, ahead: int | None) -> None:
        self.stage, self.queue_position = stage, ahead

    def awaited(self, place: str, remote: Remote) -> Any:
        """The result of a job, once it is there."""
        seconds, self.place = _FIRST_LOOK, place
        while True:
            before = self.stage
            self._moved(*self.patiently(self.stage, remote.stage))
            if self.stage not in (QUEUED, RUNNING):
                break
            self.pause(seconds)
            seconds = min(1.5 * seconds, _LAST_LOOK)
        if self.stage == CANCELLED:
            raise JobError(f"the job `{self.name}` was cancelled on `{place}`", notes=(*self.notes, self._id(remote)))
        if self.stage == FAILED:
            raise self._failure(before, None, remote)
        self._moved(RUNNING, None)
        return self.patiently("read", remote.result)

    def _failure(self, doing: str, error: Exception | None, remote: Remote | None = None) -> JobError:
        """The error for what a provider says, or for a job there that failed."""
        if error is None:
            assert remote is not None
            said = self.patiently(doing, remote.cause)
        else:
            said = str(getattr(error, "message", None) or error).strip() or type(error).__name__
        help = None
        if is_lost(error):
            said = f"the connection was lost {counted(self.patience.retries + 1, 'time')} in a row: {said}"
            help = "give it more `retries`, or a longer `backoff`"
            help += "; the job may go on: what `to_file` wrote finds it again" if self.known else ""
        ids = () if not self.remotes else (self._id(remote or self.remotes[-1]),)
        where = f"on `{self.place}` {_WHILE[doing]}"
        failure = JobError(f"the job `{self.name}` failed {where}: {said}", notes=(*self.notes, *ids), help=help)
        failure.is_lost = is_lost(error)
        return failure

    def _id(self, remote: Remote) -> Note:
        return Note(f"its id there is `{remote.id}`")

    def cancel(self) -> None:
        """Have the computation end, and ask providers to leave what it sent and has not got back."""
        self.cancelled.set()
        for remote in self.remotes:
            if self.patiently(RUNNING, remote.stage, sleep)[0] in (QUEUED, RUNNING):
                self.patiently("cancel", remote.cancel, sleep)


@dataclass(frozen=True, slots=True)
class Awaited:
    """A job that was sent for a computation."""

    sending: Sending
    place: str
    remote: Remote

    @property
    def id(self) -> str:
        """The provider's id."""
        return self.remote.id

    def result(self) -> Any:
        """What came out, once it is there. Raises `JobError` where it failed, with the cause and the stage."""
        return self.sending.awaited(self.place, self.remote)


current: ContextVar[Sending | None] = ContextVar("what is sent, and noted", default=None)


def sent(place: str, send: Send, find: Find | None = None) -> Remote | Awaited:
    """A job at `place`, sent by `send`; or found again, where a job of ours is read back from its file.

    `find` is left out where nobody can find it once this process has ended, as on simulators in here.
    """
    sending = current.get()
    return send() if sending is None else sending.sent(place, send, find)
