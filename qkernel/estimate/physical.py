"""From logical counts to a surface code: distance, physical qubits, run time and the share of the magic-state factories.

The model is that of D. Litinski, "A Game of Surface Codes", Quantum 3, 128 (2019): Clifford gates are absorbed into the
measurements, each T gate takes one magic state, a tile is a patch of 2 d**2 physical qubits, a time step is d code cycles,
and a tile fails with probability 0.1 (100 p)**((d + 1) / 2) per code cycle (p: physical error rate).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from qkernel.errors import ValidationError


@dataclass(frozen=True, slots=True)
class Layout:
    """A block of data qubits: its tiles, and the time steps that it needs for each T gate."""

    tiles: Callable[[int], int]
    steps_per_t: int


@dataclass(frozen=True, slots=True)
class Factory:
    """A distillation block: its tiles, time steps per batch, states per batch, and the error of a state."""

    name: str
    tiles: int
    steps: int
    states: int
    error: Callable[[float], float]


LAYOUTS = {
    "compact": Layout(lambda qubits: math.ceil(1.5 * qubits) + 3, 9),
    "intermediate": Layout(lambda qubits: 2 * qubits + 4, 5),
    "fast": Layout(lambda qubits: 2 * qubits + math.ceil(math.sqrt(8 * qubits)) + 1, 1),
}
FACTORIES = (
    Factory("15-to-1", 11, 11, 1, lambda p: 35 * p**3),
    Factory("116-to-12", 44, 99, 12, lambda p: 41.25 * p**4),
    Factory("225-to-1", 176, 15, 1, lambda p: 35**4 * p**9),
)


@dataclass(frozen=True, slots=True)
class PhysicalEstimate:
    """What a kernel takes on a surface code. Times in seconds; `failure` is the probability that the run fails."""

    logical_qubits: int
    t_gates: int
    code_distance: int
    factory: str
    factories: int
    data_tiles: int
    factory_tiles: int
    physical_qubits: int
    factory_share: float
    run_time: float
    failure: float

    def __str__(self) -> str:
        lines = [
            f"Logical qubits: {self.logical_qubits}",
            f"T gates: {self.t_gates}",
            f"Code distance: {self.code_distance}",
            f"Factories: {self.factories} x {self.factory} ({self.factory_share:.0%} of the qubits)",
            f"Physical qubits: {self.physical_qubits}",
            f"Run time: {duration(self.run_time)}",
            f"Failure probability: {self.failure:.2g}",
        ]
        return "\n".join(["Physical Estimate:", *(f"  {line}" for line in lines)])


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60), ("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def physical_estimate(
    logical_qubits: int,
    t_gates: int,
    *,
    error_rate: float = 1e-4,
    cycle_time: float = 1e-6,
    failure: float = 0.01,
    layout: str = "fast",
    factories: int | None = None,
) -> PhysicalEstimate:
    """Physical qubits and run time of `t_gates` T gates on `logical_qubits`.

    `error_rate` is that of a physical operation, `cycle_time` one code cycle in seconds, `failure` the allowed
    probability that the run fails, half for magic states and half for the code. `layout`: `compact`, `intermediate` or
    `fast`. `factories` None: as many as the layout can use.
    """
    if layout not in LAYOUTS:
        raise ValidationError(f"there is no layout `{layout}`", help=f"choose one of {', '.join(LAYOUTS)}")
    if not 0 < error_rate < 0.01 or not 0 < failure < 1 or cycle_time <= 0 or (factories is not None and factories < 1):
        raise ValidationError(
            "a surface code needs an error rate between 0 and 0.01, a failure probability between 0 and 1, "
            "a positive cycle time in seconds and at least one factory"
        )
    count = max(1, t_gates)
    block = LAYOUTS[layout]
    factory = _factory(error_rate, failure / 2 / count)
    number = math.ceil(factory.steps / factory.states / block.steps_per_t) if factories is None else factories
    data, distilling = block.tiles(logical_qubits), number * factory.tiles
    steps = count * max(block.steps_per_t, factory.steps / factory.states / number)
    distance = 3
    while (fails := (data + distilling) * steps * distance * tile_error(error_rate, distance)) > failure / 2:
        distance += 2
    return PhysicalEstimate(
        logical_qubits=logical_qubits,
        t_gates=t_gates,
        code_distance=distance,
        factory=factory.name,
        factories=number,
        data_tiles=data,
        factory_tiles=distilling,
        physical_qubits=(data + distilling) * 2 * distance**2,
        factory_share=distilling / (data + distilling),
        run_time=steps * distance * cycle_time,
        failure=fails + count * factory.error(error_rate),
    )


def tile_error(error_rate: float, distance: int) -> float:
    """The probability that a tile fails in one code cycle."""
    return 0.1 * math.pow(100 * error_rate, (distance + 1) / 2)


def _factory(error_rate: float, wanted: float) -> Factory:
    for factory in FACTORIES:
        if factory.error(error_rate) <= wanted:
            return factory
    raise ValidationError(
        f"no distillation block reaches an error of {wanted:.1g} per magic state at an error rate of {error_rate:.1g}",
        help="lower the error rate or the number of T gates, or allow more failures",
    )
