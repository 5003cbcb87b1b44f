"""What running a circuit hands back: counts of measured values, and estimates with their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


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


class EstimatedValue(NamedTuple):
    """What `run_with_errors` gives: an estimate, its standard error in the same shape, and the shots of each basis."""

    value: Any
    standard_error: Any
    shots: int
