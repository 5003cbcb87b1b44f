"""What running a circuit hands back: jobs, and counts of measured values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SampleResult(Generic[T]):
    """How often each value came out of `shots` shots, the most frequent first, ties in the order of the values.

    Values follow the kernel's return statement: a Bit is an int, a vector of Bits a tuple, element 0 (the least
    significant) first; computed numbers are ints and floats.
    """

    results: list[tuple[T, int]]
    shots: int

    def most_common(self, n: int | None = None) -> list[tuple[T, int]]:
        """The `n` most frequent values (all, if None) with their counts."""
        return self.results[:n]

    def probabilities(self) -> list[tuple[T, float]]:
        """The values with their relative frequencies."""
        return [(value, count / self.shots) for value, count in self.results]


class JobStatus(Enum):
    """Where a job stands. The engines of this package finish a job before they hand it out."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job(Generic[R]):
    """A run that was asked for."""

    _result: R

    def result(self) -> R:
        """What came out."""
        return self._result

    def status(self) -> JobStatus:
        """Where the job stands."""
        return JobStatus.COMPLETED


class SampleJob(Job[Any]):
    """Gives a `SampleResult`, or for a batch a list of them, one per sample."""

    __slots__ = ()


class RunJob(Job[Any]):
    """Gives what the kernel returns; for a batch, arrays with the batch axis first."""

    __slots__ = ()


class ExpvalJob(RunJob):
    """A `RunJob` of a kernel that returns expectation values or probabilities."""

    __slots__ = ()
