"""How circuits run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qkernel.engine import resolve_engine
from qkernel.execution.shots import ShotPlan, check_seed, check_shots
from qkernel.execution.stochastic import Rule


@dataclass(frozen=True, slots=True)
class Executor:
    """How circuits run: on what `resolve_engine` takes; exactly, or with `shots`; reproducible under a `seed`.

    `gradient` is how derivatives are taken: see `Verbs`.

    Each call starts from the seed anew: the same call gives the same result.
    Raises `DependencyError` for an engine that is not there, `ShotsError` and `ValidationError` for bad numbers.
    """

    engine: Any = "auto"
    seed: int | None = None
    shots: int | ShotPlan | None = None
    gradient: str | Rule = "auto"

    def __post_init__(self) -> None:
        object.__setattr__(self, "engine", resolve_engine(self.engine))
        object.__setattr__(self, "seed", check_seed(self.seed))
        if self.shots is not None:
            object.__setattr__(self, "shots", check_shots(self.shots))
