"""Expectation values and probabilities estimated from measured bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from qkernel.diagnostics import did_you_mean
from qkernel.errors import ShotsError, ValidationError
from qkernel.execution.bases import Measured
from qkernel.lower.circuit import Circuit
from qkernel.tallies import Tally

Array = np.ndarray[Any, Any]

ALLOCATIONS = ("equal", "coefficients", "variance")
GROUPINGS = ("qubit_wise", "commuting")

DEFAULT_SHOTS = 1024
HOW_TO_ESTIMATE = "estimate it from shots: `kernel.run(..., shots=1000)`"


@dataclass(frozen=True, slots=True)
class ShotPlan:
    """How shots are spent on estimates. It stands wherever `shots` does; a number alone is `ShotPlan(number)`.

    `count` is how many each measurement basis gets on average. `allocation` deals them out: `equal`; `coefficients`, to each
    basis in proportion to the root of the sum of its squared coefficients (Crawford et al. 2021, Quantum 5, 385); `variance`,
    to each in proportion to the standard deviation of its shots, which a tenth of the shots is spent on finding out, in a job
    of its own, and not used for the values, so that these stay unbiased (Neyman 1934, J. R. Stat. Soc. 97, 558).
    `grouping` says which terms share a basis: those that commute `qubit_wise`, or all that are `commuting`, behind Clifford
    gates with two qubits. What is sampled itself, such as measured bits, takes `count` alone.
    Raises `ShotsError` for a bad number, `ValidationError` for an unknown word.
    """

    count: int
    allocation: str = "equal"
    grouping: str = "qubit_wise"

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", _whole_shots(self.count))
        for what, known in (("allocation", ALLOCATIONS), ("grouping", GROUPINGS)):
            if (given := getattr(self, what)) not in known:
                raise ValidationError(
                    f"there is no {what} `{given}`{did_you_mean(str(given), list(known))}",
                    help=f"`{what}` is {', '.join(f'`{name}`' for name in known[:-1])} or `{known[-1]}`",
                )

    def __str__(self) -> str:
        extra = [word for word, plain in ((self.allocation, "equal"), (self.grouping, "qubit_wise")) if word != plain]
        return f"{self.count} shots" + (f" ({', '.join(extra)})" if extra else "")

    def dealt(self, weights: Sequence[float], count: int | None = None) -> list[int]:
        """Shots for bases of these weights: as they have them, but at least 2 each (1, if there is but 1 for each)."""
        count = self.count if count is None else count
        total, least = count * len(weights), min(2, count)
        if self.allocation == "equal" or not sum(weights):
            return [count] * len(weights)
        shares = (total - least * len(weights)) * np.array(weights) / sum(weights)
        dealt = np.floor(shares).astype(int)
        dealt[np.argsort(dealt - shares, kind="stable")[: total - least * len(weights) - dealt.sum()]] += 1
        return (dealt + least).tolist()  # type: ignore[no-any-return]


class Shots:
    """Shots for estimates; under a `seed`, `evaluations` tells which: each evaluation has its own."""

    def __init__(self, shots: int | ShotPlan, seed: int | None = None, evaluations: int = 0) -> None:
        self.plan = shots if isinstance(shots, ShotPlan) else ShotPlan(shots)
        self.seed, self.evaluations = seed, evaluations

    @property
    def count(self) -> int:
        """How many each measurement basis gets, on average."""
        return self.plan.count

    def seeds(self, bases: int) -> list[int | None]:
        """The seeds of the next evaluation, one for each basis."""
        self.evaluations += 1
        return [seed_of(self.seed, basis, self.evaluations - 1) for basis in range(bases)]

    def direction(self) -> int | None:
        """The seed of the next random direction."""
        self.evaluations += 1
        return seed_of(self.seed, self.evaluations - 1, 0, 1)


def check_shots(shots: Any) -> int | ShotPlan:
    """`shots` as a plan or an int; raises `ShotsError` unless it is a plan, or a whole number of at least 1."""
    return shots if isinstance(shots, ShotPlan) else _whole_shots(shots)


def shot_count(shots: int | ShotPlan) -> int:
    """How many shots each measurement basis gets, on average."""
    return shots.count if isinstance(shots, ShotPlan) else shots


def _whole_shots(shots: Any) -> int:
    if isinstance(shots, bool) or not isinstance(shots, Integral) or shots < 1:
        raise ShotsError(f"`shots` is a whole number of at least 1, not {shots!r}")
    return int(shots)


def check_seed(seed: Any) -> int | None:
    """`seed` as an int; raises `ValidationError` unless it is None or a whole number of at least 0."""
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ValidationError(f"`seed` is a whole number of at least 0, not {seed!r}")
    return int(seed)


@dataclass(frozen=True)
class Sampled:
    """Estimates of what `circuit` reads out: what the shots of each of `groups` left, and the ids of the jobs they took."""

    circuit: Circuit
    groups: list[Measured]
    tallies: list[Tally]
    batch: int
    jobs: tuple[str, ...] = ()

    @property
    def readouts(self) -> Array:
        """The expectation values, then the probabilities, shape (batch, number of them)."""
        return estimate(self.circuit, self.groups, self.tallies, self.batch)

    def standard_errors(self, slopes: Array) -> Array:
        """See `standard_errors`."""
        return standard_errors(self.circuit, self.groups, self.tallies, slopes)

    @property
    def metadata(self) -> dict[str, Any]:
        """The measurement bases, each with its terms and shots, and the jobs."""
        groups = zip(self.groups, self.tallies, strict=True)
        return {
            "groups": tuple({"measured": str(group), "shots": tally.shots} for group, tally in groups),
            "jobs": self.jobs,
        }

    @property
    def spreads(self) -> list[float]:
        """For each group the standard deviation of a shot, squares summed over all readouts and averaged over the batch."""
        variances = []
        for group, tally in zip(self.groups, self.tallies, strict=True):
            numbers: dict[int, Array] = {}
            for k, coefficient, where in group.terms:
                numbers[k] = numbers.get(k, 0.0) + coefficient * _signs(tally.bits, where)
            squares = [tally.mean(np.square(each)) - tally.mean(each) ** 2 for each in numbers.values()]
            if group.distributions:
                start = len(self.circuit.expectations)
                squares.append(group.distributions - np.square(self.readouts[:, start:]).sum(1))
            variances.append(float(np.mean(sum(squares))))
        return np.sqrt(np.maximum(variances, 0.0)).tolist()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Given:
    """Estimates as a primitive gives them: expectation values with their standard errors, both of shape (batch, number)."""

    readouts: Array
    errors: Array
    metadata: dict[str, Any]

    def standard_errors(self, slopes: Array) -> Array:
        """As of independent estimates: a primitive tells nothing of how they vary together."""
        variances: Array = np.einsum("bnr,br->bn", np.square(slopes), np.square(self.errors))
        return np.sqrt(variances)


def estimate(circuit: Circuit, groups: list[Measured], tallies: list[Tally], batch: int) -> Array:
    """Estimates of the expectation values, then of the probabilities, of `circuit`, shape (batch, number of them).

    `tallies` are what the shots of each of `groups` left.
    """
    values = np.zeros((batch, len(circuit.expectations)))
    values += [float(part.observable.constant.real) for part in circuit.expectations]
    for group, tally in zip(groups, tallies, strict=True):
        for k, coefficient, where in group.terms:
            values[:, k] += coefficient * tally.mean(_signs(tally.bits, where))
    parts = [values]
    for qubits in circuit.probabilities:
        tally, size = tallies[-1], 1 << len(qubits)
        places = _outcomes(tally.bits, groups[-1], qubits) + size * np.arange(batch)[:, None]
        counts = np.bincount(places.ravel(), tally.counts.ravel(), batch * size).reshape(batch, size)
        parts.append(counts / tally.shots)
    return np.concatenate(parts, axis=1)


def standard_errors(circuit: Circuit, groups: list[Measured], tallies: list[Tally], slopes: Array) -> Array:
    """Standard errors, shape (batch, numbers), of numbers whose derivatives by the readouts are `slopes`.

    `slopes` has shape (batch, numbers, readouts). Each group of terms is a sample of its own; in each shot the terms of a
    group vary together, and so their covariances count.
    """
    variance = np.zeros(slopes.shape[:2])
    for row, slope in enumerate(slopes):
        for group, tally in zip(groups, tallies, strict=True):
            bits, counts = tally.row(row)
            numbers = numbers_of(circuit, group, group is groups[-1], bits, slope)
            deviations = numbers - counts @ numbers / tally.shots
            variance[row] += counts @ np.square(deviations) / (tally.shots - 1) / tally.shots
    return np.sqrt(variance)


def numbers_of(circuit: Circuit, group: Measured, is_last: bool, bits: Array, slope: Array) -> Array:
    """What each outcome, a row of bits, adds to numbers with the derivatives `slope` (numbers, readouts) by the readouts.

    Shape (outcomes, numbers). The last group has the probabilities too.
    """
    numbers: Array = np.zeros((len(bits), slope.shape[0]))
    for k, coefficient, where in group.terms:
        numbers += np.outer(coefficient * _signs(bits, where), slope[:, k])
    start = len(circuit.expectations)
    for qubits in circuit.probabilities if is_last else ():
        numbers += slope[:, start + _outcomes(bits, group, qubits)].T
        start += 1 << len(qubits)
    return numbers


def _signs(bits: Array, where: Sequence[int]) -> Array:
    """1 where the bits at `where` have an even sum, else -1, for bits of shape (..., bits)."""
    parity: Array = np.zeros(bits.shape[:-1], np.uint8)
    for bit in where:
        parity ^= bits[..., bit]
    return 1.0 - 2.0 * parity


def _outcomes(bits: Array, group: Measured, qubits: Sequence[int]) -> Array:
    """The outcome of `qubits` as a whole number, for bits of shape (..., bits) that `group` measured."""
    outcomes = np.zeros(bits.shape[:-1], np.int64)
    for k, qubit in enumerate(qubits):
        outcomes |= bits[..., group.bits[qubit]].astype(np.int64) << k
    return outcomes


def seed_of(seed: int | None, *numbers: int) -> int | None:
    """The seed of one of several samples of a computation, which `numbers` tell apart."""
    return None if seed is None else int(np.random.SeedSequence((seed, *numbers)).generate_state(1)[0])
