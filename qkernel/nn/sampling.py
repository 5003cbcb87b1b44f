"""Estimates from shots, as an engine: what a layer with `shots` runs on."""

from __future__ import annotations

import itertools
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qkernel.engine import Engine, Prepared
from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel.shots import estimate, measured_circuits, seed_of

Array = np.ndarray[Any, Any]


class ShotSequence:
    """How many evaluations have taken shots, and with that, under a seed, which shots the next one takes.

    A copy goes on from the same place, on its own.
    """

    def __init__(self, taken: int = 0) -> None:
        self.go_on_from(taken)

    def go_on_from(self, taken: int) -> None:
        """Take `taken` evaluations for done."""
        self.taken, self._numbers = taken, itertools.count(taken)

    def __reduce__(self) -> tuple[Any, ...]:
        return ShotSequence, (self.taken,)

    def __next__(self) -> int:
        number = next(self._numbers)
        self.taken = number + 1
        return number


@dataclass(frozen=True)
class SamplingEngine:
    """Estimates expectation values and probabilities from `shots` shots of `engine` for each measurement basis.

    Every evaluation takes new shots; under a `seed` the sequence of them is always the same.
    Raises `TargetCapabilityError` for an engine that does not sample.
    """

    engine: Engine
    shots: int
    seed: int | None = None
    evaluations: ShotSequence = field(default_factory=ShotSequence, repr=False, compare=False)

    def __post_init__(self) -> None:
        if "sampling" not in self.engine.features:
            raise TargetCapabilityError(f"the engine `{self.engine.name}` does not do sampling", help="leave `shots` out")

    def __deepcopy__(self, memo: Any) -> SamplingEngine:
        return replace(self, evaluations=copy(self.evaluations))

    @property
    def name(self) -> str:
        return f"{self.engine.name} with {self.shots} shots"

    @property
    def features(self) -> frozenset[str]:
        return frozenset({"expectation", "probabilities", "batch"}) | (self.engine.features & {"state"})

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> Prepared:
        """See `qkernel.engine.Engine`."""
        return SamplingPrepared(self, circuit, dtype)


class SamplingPrepared:
    """See `qkernel.engine.Prepared`."""

    def __init__(self, engine: SamplingEngine, circuit: Circuit, dtype: Any) -> None:
        self.engine, self.circuit = engine, circuit
        self.groups = measured_circuits(circuit)
        self.prepared = [engine.engine.prepare(group.circuit, dtype) for group in self.groups]
        self.real = np.float32 if np.dtype(dtype) == np.complex64 else np.float64

    def readouts(self, theta: Array) -> Array:
        """Expectation values and then all probabilities, side by side, from the same shots."""
        number, seed, shots = next(self.engine.evaluations), self.engine.seed, self.engine.shots
        samples = [prepared.sample(theta, shots, seed_of(seed, number, k)) for k, prepared in enumerate(self.prepared)]
        return estimate(self.circuit, self.groups, samples, len(theta)).astype(self.real)

    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        return self.readouts(theta)[:, : len(self.circuit.expectations)]

    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`."""
        sizes = [1 << len(qubits) for qubits in self.circuit.probabilities]
        ends = len(self.circuit.expectations) + np.cumsum([0, *sizes])
        found = self.readouts(theta)
        return [found[:, first:last] for first, last in itertools.pairwise(ends)]

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Refused: shots have no adjoint method."""
        raise TargetCapabilityError("shots have no adjoint method", help='use `gradient="shift"`')

    def state(self, theta: Array) -> Array:
        """Refused: shots have no state."""
        raise TargetCapabilityError("shots give no state")

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        return self.engine.engine.prepare(self.circuit).sample(theta, shots, seed)
