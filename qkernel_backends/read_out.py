"""What engines on other packages' simulators share: unitary circuits, one for each sample, that are read out at their end.

Measurements, resets and branches are deferred to fresh qubits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from qkernel.engine import Engine, require_feature
from qkernel.errors import TargetCapabilityError
from qkernel.lower.angles import without_turns
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian
from qkernel_backends.deferral import MOST_FRESH_QUBITS, deferred, deferred_to_sample
from qkernel_backends.histories import no_state
from qkernel_backends.memory import require_memory, require_memory_for_shots
from qkernel_backends.predicated import predicated

Array = np.ndarray[Any, Any]
Angles = list[float]


class ReadOut(ABC):
    """A `Prepared`, of what its package makes of unitary circuits on qubits 0 to `num_qubits`.

    The methods that a package brings get a circuit, its angles, and what to read: no constants, no empty lists of qubits.
    """

    package: ClassVar[str]

    def __init__(self, engine: Engine, circuit: Circuit, dtype: Any) -> None:
        self.engine, self.circuit, self.dtype = engine, circuit.without_releases, np.dtype(dtype)

    @abstractmethod
    def expectations(self, circuit: Circuit, angles: Angles, observables: Sequence[Hamiltonian]) -> Sequence[float]:
        """Expectation values of sums of Pauli words, without their constants."""

    @abstractmethod
    def distributions(self, circuit: Circuit, angles: Angles, read: Sequence[tuple[int, ...]]) -> Sequence[Array]:
        """For each tuple of qubits the probabilities (2**k,), the first least significant."""

    @abstractmethod
    def amplitudes(self, circuit: Circuit, angles: Angles) -> Array:
        """Final amplitudes, shape (2**num_qubits,), qubit 0 the least significant, global phase included."""

    @abstractmethod
    def shots(self, circuit: Circuit, angles: Angles, qubits: Sequence[int], shots: int, seed: int) -> Array:
        """Outcomes of `qubits` measured at the end, shape (shots, qubits)."""

    def shot_by_shot(self, angles: Angles, shots: int, seed: int) -> Array:
        """What shots leave of the circuit itself, (shots, bits), where its measurements cannot be deferred."""
        predicated(self.circuit, self.package)  # which refuses loops by name
        raise TargetCapabilityError(
            f"`{self.circuit.name}` measures and resets too often for the engine `{self.engine.name}`",
            label=f"at most {MOST_FRESH_QUBITS} measurements, resets and conditions are deferred to fresh qubits",
            help='run it on the built-in engine: `engine="native"`',
        )

    def expect(self, theta: Array) -> Array:
        """Expectation values, shape (batch, expectations)."""
        require_feature(self.engine, "expectation")
        observables = [part.observable for part in self.circuit.expectations]
        values = np.tile([float(observable.constant.real) for observable in observables], (len(theta), 1))
        open_ones = [k for k, observable in enumerate(observables) if len(observable)]
        if open_ones:
            chosen = [observables[k] for k in open_ones]
            for sample, angles in enumerate(self._angles(self._unitary, theta)):
                values[sample, open_ones] += np.real(self.expectations(self._unitary, angles, chosen))
        return values.astype(self._real)

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Not of every package: parameter shifts need none."""
        require_feature(self.engine, "gradient")
        raise NotImplementedError

    def probabilities(self, theta: Array) -> list[Array]:
        """For each entry of the circuit's probabilities an array (batch, 2**k)."""
        require_feature(self.engine, "probabilities")
        read = [qubits for qubits in self.circuit.probabilities if qubits]
        samples = self._angles(self._unitary, theta) if read else []
        parts = iter(zip(*(self.distributions(self._unitary, angles, read) for angles in samples), strict=True))
        return [
            np.array(next(parts, ()) if qubits else np.ones(len(theta)), self._real).reshape(len(theta), 1 << len(qubits))
            for qubits in self.circuit.probabilities
        ]

    def state(self, theta: Array) -> Array:
        """Final amplitudes, shape (batch, 2**num_qubits)."""
        require_feature(self.engine, "state")
        if not self.circuit.is_unitary:
            raise no_state(self.circuit)
        rows = [self.amplitudes(self.circuit, angles) for angles in self._angles(self.circuit, theta)]
        return np.array(rows, self.dtype).reshape(len(theta), 1 << self.circuit.num_qubits)

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """What shots leave, uint8 of shape (batch, shots, bits)."""
        require_feature(self.engine, "sampling")
        require_memory_for_shots(len(theta), shots, self.circuit.memory_bits)
        result = np.zeros((len(theta), shots, self.circuit.memory_bits), np.uint8)
        seeds = np.random.SeedSequence(seed).generate_state(max(1, len(theta))).tolist()
        circuit, measured = self._to_sample or (self.circuit, {})
        for sample, angles in enumerate(self._angles(circuit, theta)):
            if self._to_sample is None:
                result[sample] = self.shot_by_shot(angles, shots, seeds[sample])
            elif measured:
                found = self.shots(circuit, angles, list(measured.values()), shots, seeds[sample])
                result[sample][:, list(measured)] = found
        return result

    @cached_property
    def _unitary(self) -> Circuit:
        return self.circuit if self.circuit.is_unitary else deferred(self.circuit)

    @cached_property
    def _to_sample(self) -> tuple[Circuit, dict[int, int]] | None:
        return deferred_to_sample(self.circuit)

    @property
    def _real(self) -> Any:
        return np.float32 if self.dtype == np.complex64 else np.float64

    def _angles(self, circuit: Circuit, theta: Array) -> list[Angles]:
        """The angles of each sample."""
        require_memory(circuit.num_qubits, 16, 48 << circuit.num_qubits)
        rows: list[Angles] = without_turns(circuit.angles.evaluate(theta)).tolist()
        return rows
