"""Physical estimates by the model of the Azure Quantum Resource Estimator.

M. E. Beverland et al., "Assessing requirements to scale to practical quantum advantage", arXiv:2211.07629, for gate-based
qubits and the surface code: n qubits become Q = 2n + ceil(sqrt(8n)) + 1 patches of 2 d**2 physical qubits, a patch fails
in one of C time steps of d code cycles with probability 0.03 (100 p)**((d + 1) / 2), and each T gate takes a time step and a
T state. These come from factories of one to three rounds of 15-to-1 distillation, each round in patches of its own distance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement, product

from qkernel.errors import ValidationError

_MOST_FAILURES = 0.01  # of a factory run, all rounds together
_LARGEST_DISTANCE = 51


@dataclass(frozen=True, slots=True)
class Unit:
    """A distillation unit of 15 T states into 1: its patches and time steps."""

    name: str
    patches: int
    steps: int


UNITS = (Unit("space-efficient", 20, 13), Unit("RM", 31, 11))


@dataclass(frozen=True, slots=True)
class TFactory:
    """A factory by rounds (how many units, which, code distance): its qubits, the code cycles of a run, the state's error."""

    rounds: tuple[tuple[int, Unit, int], ...]
    qubits: int
    cycles: int
    error: float

    @property
    def name(self) -> str:
        """The rounds, as `17 x 15-to-1 (d = 7), 1 x 15-to-1 (d = 19)`."""
        return ", ".join(f"{count} x 15-to-1 (d = {distance})" for count, _, distance in self.rounds)


def patch_error(error_rate: float, distance: int) -> float:
    """The probability that a patch fails in one time step of `distance` code cycles."""
    return 0.03 * math.pow(100 * error_rate, (distance + 1) / 2)


def t_factory(error_rate: float, wanted: float) -> TFactory:
    """The factory of fewest rounds that reaches the error `wanted`, of those the one that takes least qubits times time."""
    for rounds in (1, 2, 3):
        if found := list(_factories(rounds, error_rate, wanted)):
            return min(found, key=lambda factory: (factory.qubits * factory.cycles, factory.qubits))
    raise ValidationError(
        f"no T factory reaches an error of {wanted:.1g} per T state at an error rate of {error_rate:.1g}",
        help="lower the error rate or the number of T gates, or allow more failures",
    )


def _factories(rounds: int, error_rate: float, wanted: float) -> Iterator[TFactory]:
    for distances in combinations_with_replacement(range(3, _LARGEST_DISTANCE + 1, 2), rounds):
        error, failures = error_rate, []
        for distance in distances:
            clifford = patch_error(error_rate, distance)
            failures.append(15 * error + 356 * clifford)
            error = 35 * error**3 + 7.1 * clifford
        if error > wanted or max(failures) > 0.5:
            continue
        counts: list[int] = []
        needed = 1
        for failing in reversed(failures):
            counts.insert(0, _units(needed, failing, _MOST_FAILURES / rounds))
            needed = 15 * counts[0]
        for units in product(UNITS, repeat=rounds):
            made = tuple(zip(counts, units, distances, strict=True))
            qubits = max(count * unit.patches * 2 * distance**2 for count, unit, distance in made)
            yield TFactory(made, qubits, sum(unit.steps * distance for _, unit, distance in made), error)


def _units(needed: int, failing: float, allowed: float) -> int:
    """How many units give at least `needed` states with a probability of 1 - `allowed`."""
    count = needed
    while sum(_loss(count, lost, failing) for lost in range(count - needed + 1)) < 1 - allowed:
        count += 1
    return count


def _loss(count: int, lost: int, failing: float) -> float:
    """The probability that `lost` of `count` units fail."""
    ways = math.lgamma(count + 1) - math.lgamma(lost + 1) - math.lgamma(count - lost + 1)
    return math.exp(ways + lost * math.log(failing) + (count - lost) * math.log1p(-failing))
