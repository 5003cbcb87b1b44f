"""An engine on many machines: another engine's batches, shifts and shots, split over the workers of a dask cluster."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from qkernel.diagnostics import with_article
from qkernel.engine import (
    Engine,
    Prepared,
    SampleRequest,
    engine_for,
    is_registered,
    load_engine,
    resolve_engine,
    sample_together,
)
from qkernel.errors import ExecutionError, KernelTypeError, QKernelError, TargetCapabilityError, ValidationError, needed
from qkernel.execution.shots import seed_of
from qkernel.lower.circuit import Circuit
from qkernel.recent import Recent
from qkernel.tallies import Tally
from qkernel.threads import poll

with needed("engines on clusters need", "cluster"):
    from distributed import Client, as_completed
    from distributed.scheduler import KilledWorker

Array = np.ndarray[Any, Any]
Answer = tuple[Any, ...]

_LEAST_WORK = 1 << 26
"""Amplitudes that gates move, below which a task costs more to send than to do."""
_MOST_TASKS = 256
"""Into so many at most one call is split, however many rows it has."""
_MOST_SHOTS = 1 << 20
_PREPARED: Recent[str, tuple[Engine, Prepared]] = Recent(16)
"""On a worker: circuits that are ready."""


@dataclass(frozen=True)
class ClusterEngine:
    """`engine` on the workers of `client`, a `distributed.Client`: sweeps, batches, shifts and shots of a call are split.

    A call becomes tasks of `rows` rows each; by default of as many as make a task worth sending. How it is split does not
    depend on the workers, so that a `seed` gives the same samples on any cluster, and values are those of `engine`. What
    a worker has done is fetched at once; where a worker is lost, the tasks that it had not done go to the others, and each row
    is in the result once. A circuit goes to each worker once, and is made ready there.

    `engine` is what `resolve_engine` takes. It has to be installed on the workers, and to travel there: by its name, or
    pickled. Raises `KernelTypeError` for another client, `TargetCapabilityError` for an engine that does not travel,
    `ValidationError` for a bad number of rows.
    """

    engine: Any
    client: Any
    _: KW_ONLY
    rows: int | None = None
    features: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.client, Client) or self.client.asynchronous:
            what = "an asynchronous client" if isinstance(self.client, Client) else with_article(type(self.client).__name__)
            raise KernelTypeError(f"{what} is no client of a cluster", help="give a `distributed.Client(address)`")
        if self.rows is not None and (isinstance(self.rows, bool) or not isinstance(self.rows, int) or self.rows < 1):
            raise ValidationError(f"`rows` is a whole number of at least 1, not {self.rows!r}")
        object.__setattr__(self, "engine", resolve_engine(self.engine))
        object.__setattr__(self, "features", self.engine.features)
        _travelling(self.engine)

    @property
    def name(self) -> str:
        """That of the engine, on a cluster."""
        return f"{self.engine.name} on a cluster"

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> ClusterPrepared:
        """Make `circuit` ready to be sent; what cannot be run is refused by the workers."""
        engine = engine_for(self.engine, circuit)
        data = pickle.dumps((_travelling(engine), circuit, np.dtype(dtype)))
        return ClusterPrepared(self, circuit, Parcel(hashlib.blake2b(data, digest_size=16).hexdigest(), data))

    def sample_together(self, requests: Sequence[SampleRequest]) -> tuple[list[Tally], tuple[str, ...]]:
        """See `qkernel.engine.SamplesTogether`: the tasks of all circuits are sent at once."""
        tasks, shapes = [], []
        for request in requests:
            prepared: Any = request.prepared
            own = list(prepared.tasks_of_shots(request.theta, request.shots, request.seed))
            tasks += own
            shapes.append(own)
        answers = iter(self.answers(requests[0].prepared.circuit.name if requests else "", tasks))  # type: ignore[attr-defined]
        tallies, jobs = [], []
        for own in shapes:
            by_row: dict[int, list[Tally]] = {}
            for task in own:
                tally, ids = next(answers)
                jobs += ids
                by_row.setdefault(task.start, []).append(tally)
            tallies.append(Tally.beside([Tally.together(parts) for parts in by_row.values()]))
        return tallies, tuple(jobs)

    def answers(self, name: str, tasks: Sequence[Task]) -> list[Any]:
        """What the tasks give, in their order; each is fetched, and let go of, as soon as it is there."""
        found: dict[int, Any] = {}
        futures: dict[str, tuple[int, Any]] = {}
        try:
            for number, task in enumerate(tasks):
                future = self.client.submit(_done, task.prepared.parcel(), task.method, task.arguments, pure=False)
                futures[future.key] = number, future
            for future, answer in as_completed([each for _, each in futures.values()], with_results=True):
                if isinstance(answer, BaseException):
                    raise answer
                number, _ = futures.pop(future.key)
                found[number] = answer
                future.release()
                poll()
        except BaseException as error:
            if self.client.status == "running":
                self.client.cancel([each for _, each in futures.values()])
            if isinstance(error, QKernelError) or not isinstance(error, Exception):
                raise
            raise _failure(name, error) from error
        return [found[number] for number in range(len(tasks))]


def _failure(name: str, error: Exception) -> ExecutionError:
    if isinstance(error, KilledWorker):
        return ExecutionError(
            f"`{name}` was not computed: the cluster lost a worker each time it tried a part of it",
            help="its memory may be too small: give fewer rows a task, `ClusterEngine(..., rows=...)`, or larger workers",
        )
    if isinstance(error, ImportError):
        title = f"a worker of the cluster lacks a package for `{name}`: {error}"
        return ExecutionError(title, help="install the same versions on all workers")
    return ExecutionError(f"the cluster did not compute `{name}`: {str(error) or type(error).__name__}")


@dataclass(frozen=True, slots=True)
class Parcel:
    """An engine, a circuit and a precision, on their way to a worker."""

    key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is to do: a method of a circuit, with arguments, for the rows from `start` on."""

    prepared: ClusterPrepared
    method: str
    start: int
    arguments: Answer


@dataclass(frozen=True, eq=False)
class ClusterPrepared:
    """A circuit that is ready on workers; see `qkernel.engine.Prepared`."""

    engine: ClusterEngine
    circuit: Circuit
    content: Parcel
    there: list[Any] = field(default_factory=list)
    """The parcel on the cluster, once it is sent."""

    def parcel(self) -> Any:
        """The parcel on the cluster, which stays there for as long as this does."""
        if not self.there or self.there[0].status not in ("pending", "finished"):
            self.there[:] = [self.engine.client.submit(_kept, self.content, pure=False)]
        return self.there[0]

    def expect(self, theta: Array) -> Array:
        """Expectation values, shape (batch, observables)."""
        (values,) = self._rows("expect", theta)
        return values  # type: ignore[no-any-return]

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Expectation values and the gradient."""
        values, gradient = self._rows("expect_vjp", theta, cotangent)
        return values, gradient

    def probabilities(self, theta: Array) -> list[Array]:
        """Outcome probabilities, for each entry of the circuit's an array (batch, 2**k)."""
        return self._rows("probabilities", theta)

    def state(self, theta: Array) -> Array:
        """Final amplitudes, shape (batch, 2**num_qubits)."""
        (amplitudes,) = self._rows("state", theta)
        return amplitudes  # type: ignore[no-any-return]

    def estimate(self, theta: Array, precision: float | None) -> tuple[Array, Array, dict[str, Any]]:
        """See `qkernel.engine.Estimates`."""
        tasks = [Task(self, "estimate", start, (part, precision)) for start, part in self._parts(theta)]
        values, errors, told = zip(*self.engine.answers(self.circuit.name, tasks), strict=True)
        jobs = tuple(job for each in told for job in each.get("jobs", ()))
        return np.concatenate(values), np.concatenate(errors), {**told[0], "jobs": jobs}

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """What shots leave, uint8 of shape (batch, shots, memory_bits)."""
        (tally,), _ = self.engine.sample_together([SampleRequest(self, theta, shots, seed)])
        return tally.singly()

    def check_releases(self, theta: Array) -> None:
        """Raise `UncleanAncillaError` where a kernel breaks its promise, as the engine does."""
        self.engine.answers(self.circuit.name, [Task(self, "check_releases", 0, (theta,))])

    def tasks_of_shots(self, theta: Array, shots: int, seed: int | None) -> Iterator[Task]:
        """The tasks of a sample; one that is not split is the engine's own sample."""
        for start, part in self._parts(theta, shots):
            counts = [len(each) for each in np.array_split(np.empty(shots), max(1, -(-shots // _MOST_SHOTS)))]
            for number, count in enumerate(counts):
                alone = len(part) == len(theta) and len(counts) == 1
                own = seed if alone else seed_of(seed, start, number)
                yield Task(self, "sample", start, (part, count, own))

    def _parts(self, theta: Array, shots: int = 0) -> Iterator[tuple[int, Array]]:
        """Rows of `theta` for each task, with the first of their numbers; one part of no rows where there are none."""
        each = (self.circuit.size << min(self.circuit.num_qubits, 40)) + shots
        rows = self.engine.rows or max(1, _LEAST_WORK // max(1, each), -(-len(theta) // _MOST_TASKS))
        for start in range(0, max(1, len(theta)), rows):
            yield start, theta[start : start + rows]

    def _rows(self, method: str, *arrays: Array) -> list[Any]:
        """The arrays that a method gives, put together again."""
        tasks = [
            Task(self, method, start, tuple(array[start : start + len(part)] for array in arrays))
            for start, part in self._parts(arrays[0])
        ]
        answers = self.engine.answers(self.circuit.name, tasks)
        several = [each if isinstance(each, (tuple, list)) else (each,) for each in answers]
        return [np.concatenate(parts) for parts in zip(*several, strict=True)]


def _travelling(engine: Engine) -> Any:
    """An engine as it goes to workers: its name, where every process knows it by that."""
    if engine == load_engine():
        return "auto"
    if is_registered(engine):
        return engine.name
    try:
        pickle.dumps(engine)
    except Exception as error:
        raise TargetCapabilityError(
            f"the engine `{engine.name}` does not travel to workers: {error}",
            help="give an engine by its name, or one of a simulator",
        ) from error
    return engine


def _kept(parcel: Parcel) -> Parcel:
    """A parcel as a task of its own: it is sent to a worker once, and anew where that worker is lost."""
    return parcel


def _done(parcel: Parcel, method: str, arguments: Answer) -> Any:
    """On a worker: what a method of the circuit gives, or the error that it raises.

    Errors are results here: dask 2026.8 does not end a task that raises one of memory.
    """
    try:
        found = _PREPARED.get(parcel.key)
        if found is None:
            engine, circuit, dtype = pickle.loads(parcel.data)
            engine = resolve_engine(engine)
            found = _PREPARED.keep(parcel.key, (engine, engine.prepare(circuit, dtype)))
        prepared: Any
        engine, prepared = found
        if method == "sample":
            (tally,), jobs = sample_together(engine, [SampleRequest(prepared, *arguments)])
            return tally, jobs
        answer: Callable[..., Any] | None = getattr(prepared, method, None)
        return None if answer is None else answer(*arguments)
    except (QKernelError, MemoryError) as error:
        return error
