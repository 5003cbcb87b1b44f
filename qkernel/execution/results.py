"""What running a circuit hands back: counts of measured values, and estimates with their errors."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from qkernel.diagnostics import counted
from qkernel.errors import MemoryRefusedError, ValidationError
from qkernel.tallies import groups_of_rows

T = TypeVar("T")
Array = np.ndarray[Any, Any]

_SHOWN = 20
"""How many values a table lists."""
_WIDEST_VECTOR = 28
"""Bits: the frequencies of more would take over 2 GiB."""


_BITS_OF_A_WORD = 62


@dataclass(frozen=True)
class Table:
    """Values that consist of whole numbers, as rows of an array, in the order of a `SampleResult`, with their counts.

    `make` makes Python's values of rows that are chosen by `places`.
    """

    numbers: Array
    counts: Array
    places: Array
    make: Callable[[Array], list[Any]]

    @classmethod
    def of(cls, numbers: Array, counts: Array, make: Callable[[Array], list[Any]], are_bits: bool) -> Table:
        """Of rows in any order, the same ones more than once."""
        words = numbers
        if are_bits:  # as many in a word as fit, the first as the highest, for so tuples are ordered
            ends = range(0, numbers.shape[1], _BITS_OF_A_WORD)
            words = np.stack([_joined(numbers[:, end : end + _BITS_OF_A_WORD][:, ::-1]) for end in ends], axis=1)
        order, starts = groups_of_rows(words)
        totals = np.add.reduceat(counts[order], starts)
        by_count = np.argsort(-totals, kind="stable")
        places = order[starts][by_count]
        return cls(numbers[places], totals[by_count], places, make)

    def results(self, chosen: slice = slice(None)) -> list[tuple[Any, int]]:
        return list(zip(self.make(self.places[chosen]), self.counts[chosen].tolist(), strict=True))


def _joined(bits: Array) -> Array:
    """The whole numbers that rows of bits are, the first of them least significant."""
    result = np.zeros(len(bits), np.int64)
    for k in range(bits.shape[1]):
        result |= bits[:, k].astype(np.int64) << k
    return result


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SampleResult(Generic[T]):
    """How often each value came out of `shots` shots: iterates over (value, count), the most frequent first, ties in the
    order of the values.

    Values follow the kernel's return statement: a Bit is an int, a vector of Bits a tuple, element 0 (the least
    significant) first; computed numbers are ints and floats. A batch gives a list of these.

    `results` is the list of (value, count), `of_bits` whether all that was returned are Bits; None tells it from the values.
    What was sampled stays in arrays until it is looked at.
    """

    given: list[tuple[T, int]] | Table
    shots: int
    of_bits: bool | None = None
    _made: list[list[tuple[T, int]]] = field(default_factory=list, init=False)

    @property
    def results(self) -> list[tuple[T, int]]:
        """Each value with its count."""
        if not isinstance(self.given, Table):
            return self.given
        if not self._made:
            self._made.append(self.given.results())
        return self._made[0]

    def __reduce__(self) -> tuple[Any, ...]:
        return SampleResult, (self.results, self.shots, self.of_bits)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SampleResult):
            return NotImplemented
        return (self.results, self.shots) == (other.results, other.shots)

    __hash__ = None  # type: ignore[assignment]

    @property
    def counts(self) -> dict[T, int]:
        """The count of each value."""
        return dict(self.results)

    def __iter__(self) -> Iterator[tuple[T, int]]:
        return iter(self.results)

    def __len__(self) -> int:
        """How many different values came out."""
        return len(self.given.counts) if isinstance(self.given, Table) else len(self.given)

    def most_common(self, n: int | None = None) -> list[tuple[T, int]]:
        """The `n` most frequent values (all, if None) with their counts."""
        chosen = slice(None if n is None else max(0, n))
        if isinstance(self.given, Table) and not self._made and n is not None:
            return self.given.results(chosen)
        return self.results[chosen]

    def probabilities(self) -> list[tuple[T, float]]:
        """The values with their relative frequencies."""
        return [(value, count / self.shots) for value, count in self.results]

    def mean(self) -> Any:
        """The mean of the values, each times its relative frequency: a float, or for tuples an array, number by number."""
        rows = np.array([_leaves(value) for value, _ in self.results], float)
        means = np.array([count for _, count in self.results]) @ rows / self.shots
        return means if self.results and isinstance(self.results[0][0], tuple) else float(means[0])

    def bitstrings(self) -> dict[str, int]:
        """The counts by strings of bits in Qiskit's order: the first bit returned is the least significant, the rightmost.

        Of several registers or bits the one returned first is the rightmost, with nothing between them: `int(text, 2)` is the
        index of `vector`. Raises `ValidationError` where what the kernel returns are not bits.
        """
        return {"".join(map(str, reversed(bits))): count for bits, count in self._rows("`bitstrings`")}

    def vector(self, n: int | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Relative frequencies by whole number, shape (2**n,); they sum to 1.

        Bits are read as one number, the first returned as the least significant bit, and `n` is by default how many they are;
        a returned UInt is its own index, and `n` by default the least that holds all. Raises `ValidationError` where the
        values are neither, or do not fit into `n` bits, and `MemoryRefusedError` for more than 28 bits.
        """
        numbers, counts, width = self._numbers()
        size = width if n is None else n
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < width:
            title = f"the values take {width} bits, and `n` is {size!r}"
            raise ValidationError(title, help=f"leave it out, or give {width} or more")
        if size > _WIDEST_VECTOR:
            raise MemoryRefusedError(
                f"a vector of 2**{size} frequencies is too long", help="`counts` and `bitstrings()` hold what came out alone"
            )
        frequencies = np.zeros(1 << size)
        frequencies[numbers] = np.array(counts) / self.shots
        return frequencies

    def _numbers(self) -> tuple[Any, Any, int]:
        """Each value as a whole number, their counts, and the bits that they take."""
        if isinstance(self.given, Table) and self.of_bits and self.given.numbers.shape[1] <= _WIDEST_VECTOR:
            return _joined(self.given.numbers), self.given.counts, self.given.numbers.shape[1]
        counts = [count for _, count in self.results]
        values: list[Any] = [value for value, _ in self.results]
        if not self._is_of_bits() and all(isinstance(value, int) and value >= 0 for value in values):
            return values, counts, max((value.bit_length() for value in values), default=0)
        rows = [bits for bits, _ in self._rows("`vector`")]
        return [sum(bit << k for k, bit in enumerate(bits)) for bits in rows], counts, len(rows[0]) if rows else 0

    def _rows(self, what: str) -> list[tuple[list[int], int]]:
        """The bits of each value in the order of the return, with its count."""
        if not self._is_of_bits():
            raise ValidationError(
                f"{what} is for results of bits, and {self.most_common(1)[0][0]!r} came out",
                help="`counts` has each value with its count",
            )
        return [([int(bit) for bit in _leaves(value)], count) for value, count in self.results]

    def _is_of_bits(self) -> bool:
        if self.of_bits is not None:
            return self.of_bits or not len(self)
        rows = [_leaves(value) for value, _ in self.results]
        return all(leaf in (0, 1) and isinstance(leaf, int) for row in rows for leaf in row) and len(set(map(len, rows))) < 2

    def __repr__(self) -> str:
        shown = ", ".join(f"{value!r}: {count}" for value, count in self.most_common(4)) + (", …" if len(self) > 4 else "")
        return f"<{self._heading()}: {shown}>"

    def __str__(self) -> str:
        """A table of the most frequent values."""
        rows = self._table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([self._heading(), *lines, *self._rest()])

    def _repr_html_(self) -> str:
        rows = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in self._table()]
        table = "".join(f"<tr>{row}</tr>" for row in rows)
        below = "".join(f"<div>{line}</div>" for line in self._rest())
        return f"<div>{self._heading()}</div><table><tr><th>value</th><th>count</th><th>share</th></tr>{table}</table>{below}"

    def _heading(self) -> str:
        several = len(self) != 1
        return f"{counted(self.shots, 'shot')}, {len(self)} {'different values' if several else 'value'}"

    def _table(self) -> list[tuple[str, str, str]]:
        return [(repr(value), str(count), f"{count / self.shots:.1%}") for value, count in self.most_common(_SHOWN)]

    def _rest(self) -> list[str]:
        return [f"… and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []


def _leaves(value: Any) -> list[Any]:
    """The numbers in a value that may be a tuple of tuples."""
    return [leaf for part in value for leaf in _leaves(part)] if isinstance(value, tuple) else [value]


class _Estimated(NamedTuple):
    value: Any
    standard_error: Any
    shots: int


class EstimatedValue(_Estimated):
    """What `run_with_errors` gives: an estimate, its standard error in the same shape, and the shots of each basis.

    It unpacks into these three. `metadata` tells where they come from: `groups`, for each measurement basis what was
    `measured` and with how many `shots`; `jobs`, the ids of the jobs that a machine, simulator or primitive gave; of an
    estimator primitive the `precision` that was asked for, and what it says itself.
    """

    metadata: Mapping[str, Any]

    def __new__(cls, value: Any, standard_error: Any, shots: int, metadata: Mapping[str, Any] | None = None) -> EstimatedValue:
        made = super().__new__(cls, value, standard_error, shots)
        made.metadata = dict(metadata or {})
        return made
