"""From logical counts to a surface code: distance, physical qubits, run time and the share of the magic-state factories.

The model `litinski` is that of D. Litinski, "A Game of Surface Codes", Quantum 3, 128 (2019): Clifford gates are absorbed
into the measurements, each T gate takes one magic state, a tile is a patch of 2 d**2 physical qubits, a time step is d code
cycles, and a tile fails with probability 0.1 (100 p)**((d + 1) / 2) per code cycle (p: physical error rate). The model
`beverland` is in `beverland.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from qkernel.errors import ValidationError
from qkernel.estimate.beverland import patch_error, t_factory


@dataclass(frozen=True, slots=True)
class DataBlock:
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
    "compact": DataBlock(lambda qubits: math.ceil(1.5 * qubits) + 3, 9),
    "intermediate": DataBlock(lambda qubits: 2 * qubits + 4, 5),
    "fast": DataBlock(lambda qubits: 2 * qubits + math.ceil(math.sqrt(8 * qubits)) + 1, 1),
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
    factory_qubits: int
    physical_qubits: int
    run_time: float
    failure: float

    @property
    def factory_share(self) -> float:
        """The part of the physical qubits that makes magic states."""
        return self.factory_qubits / self.physical_qubits

    def __str__(self) -> str:
        lines = [
            f"Logical qubits: {self.logical_qubits:,}",
            f"T gates: {self.t_gates:,}",
            f"Code distance: {self.code_distance}",
            f"Factories: {self.factories} x [{self.factory}] ({self.factory_share:.0%} of the qubits)",
            f"Physical qubits: {self.physical_qubits:,}",
            f"Run time: {duration(self.run_time)}",
            f"Failure probability: {self.failure:.2g}",
        ]
        return "\n".join(["Physical Estimate:", *(f"  {line}" for line in lines)])


def duration(seconds: float) -> str:
    """Seconds in the unit that reads best."""
    for unit, size in (("years", 365.25 * 86400), ("days", 86400), ("hours", 3600), ("minutes", 60), ("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            amount = seconds / size
            return f"{amount:,.0f} {unit}" if amount >= 1000 else f"{amount:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def physical_estimate(
    logical_qubits: int,
    t_gates: int,
    *,
    error_rate: float = 1e-4,
    cycle_time: float = 1e-6,
    failure: float = 0.01,
    model: str = "litinski",
    layout: str = "fast",
    factories: int | None = None,
) -> PhysicalEstimate:
    """Physical qubits and run time of `t_gates` T gates on `logical_qubits`.

    `error_rate` is that of a physical operation, `cycle_time` one code cycle in seconds, `failure` the allowed
    probability that the run fails, half for magic states and half for the code. `model`: `litinski` or `beverland`.
    `layout`: `compact`, `intermediate` or `fast`, the only one of `beverland`. `factories` None: as many as are of use.
    """
    layouts = {"litinski": tuple(LAYOUTS), "beverland": ("fast",)}
    if model not in layouts:
        raise ValidationError(f"there is no model `{model}`", help=f"choose one of {', '.join(layouts)}")
    if layout not in layouts[model]:
        raise ValidationError(f"there is no layout `{layout}`", help=f"choose one of {', '.join(layouts[model])}")
    if not 0 < error_rate < 0.01 or not 0 < failure < 1 or cycle_time <= 0 or (factories is not None and factories < 1):
        raise ValidationError(
            "a surface code needs an error rate between 0 and 0.01, a failure probability between 0 and 1, "
            "a positive cycle time in seconds and at least one factory"
        )
    estimated = _litinski if model == "litinski" else _beverland
    return estimated(logical_qubits, t_gates, error_rate, cycle_time, failure / 2, LAYOUTS[layout], factories)


def _litinski(
    qubits: int, t_gates: int, error_rate: float, cycle_time: float, allowed: float, layout: DataBlock, factories: int | None
) -> PhysicalEstimate:
    count = max(1, t_gates)
    factory = _factory(error_rate, allowed / count)
    number = math.ceil(factory.steps / factory.states / layout.steps_per_t) if factories is None else factories
    steps = count * max(layout.steps_per_t, factory.steps / factory.states / number)
    number = number if t_gates else 0
    data, distilling = layout.tiles(qubits), number * factory.tiles
    distance = 3
    while (fails := (data + distilling) * steps * distance * tile_error(error_rate, distance)) > allowed:
        distance += 2
    return PhysicalEstimate(
        logical_qubits=qubits,
        t_gates=t_gates,
        code_distance=distance,
        factory=factory.name,
        factories=number,
        data_tiles=data,
        factory_qubits=distilling * 2 * distance**2,
        physical_qubits=(data + distilling) * 2 * distance**2,
        run_time=steps * distance * cycle_time,
        failure=fails + count * factory.error(error_rate),
    )


def _beverland(
    qubits: int, t_gates: int, error_rate: float, cycle_time: float, allowed: float, layout: DataBlock, factories: int | None
) -> PhysicalEstimate:
    count, patches, distance = max(1, t_gates), layout.tiles(qubits), 1
    factory = t_factory(error_rate, allowed / count)
    fails = math.inf
    while fails > allowed:
        distance += 2
        waits = 0 if factories is None else math.ceil(math.ceil(count / factories) * factory.cycles / distance)
        steps = max(count, waits, math.ceil(factory.cycles / distance))
        fails = patches * steps * patch_error(error_rate, distance)
    number = math.ceil(count / (steps * distance // factory.cycles)) if factories is None else factories
    number = number if t_gates else 0
    return PhysicalEstimate(
        logical_qubits=qubits,
        t_gates=t_gates,
        code_distance=distance,
        factory=factory.name,
        factories=number,
        data_tiles=patches,
        factory_qubits=number * factory.qubits,
        physical_qubits=patches * 2 * distance**2 + number * factory.qubits,
        run_time=steps * distance * cycle_time,
        failure=fails + count * factory.error,
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
