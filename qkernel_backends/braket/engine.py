"""The engine on Braket's local simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from braket.default_simulator.state_vector_simulator import StateVectorSimulator
from braket.ir.openqasm import Program

from qkernel.errors import ExecutionError
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian
from qkernel_backends.braket.emission import source
from qkernel_backends.read_out import Angles, ReadOut

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class BraketEngine:
    """Runs circuits on Braket's local simulator of state vectors.

    Values are exact, and shots are drawn from exact probabilities, by `seed`. Measurements are deferred to fresh qubits, of
    which there may be 16.
    """

    name: str = "braket"
    features: frozenset[str] = frozenset(
        {"sampling", "mid_circuit", "branching", "batch", "expectation", "probabilities", "state"}
    )

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> BraketPrepared:
        """Make `circuit` ready; the simulator computes in double precision."""
        return BraketPrepared(self, circuit, dtype)


class BraketPrepared(ReadOut):
    """A circuit on Braket's simulator; see `qkernel.engine.Prepared`."""

    package = "Braket"

    def expectations(self, circuit: Circuit, angles: Angles, observables: Sequence[Hamiltonian]) -> Sequence[float]:
        words = {key: None for observable in observables for key, _ in observable}
        read = [" @ ".join(f"{entry.pauli.value.lower()}(q[{entry.index}])" for entry in key) for key in words]
        values = dict(zip(words, self._run(circuit, angles, [f"expectation {word}" for word in read]), strict=True))
        return [sum(coefficient.real * values[key] for key, coefficient in observable) for observable in observables]

    def distributions(self, circuit: Circuit, angles: Angles, read: Sequence[tuple[int, ...]]) -> Sequence[Array]:
        wanted = [", ".join(f"q[{qubit}]" for qubit in reversed(qubits)) for qubits in read]
        return [np.asarray(found) for found in self._run(circuit, angles, [f"probability {qubits}" for qubits in wanted])]

    def amplitudes(self, circuit: Circuit, angles: Angles) -> Array:
        (found,) = self._run(circuit, angles, ["state_vector"])
        return np.asarray(found).reshape((2,) * circuit.num_qubits).transpose().reshape(-1)

    def shots(self, circuit: Circuit, angles: Angles, qubits: Sequence[int], shots: int, seed: int) -> Array:
        distinct = tuple(sorted(set(qubits)))
        (weights,) = self.distributions(circuit, angles, [distinct])
        weights = np.maximum(weights, 0)
        drawn = np.random.default_rng(seed).choice(len(weights), shots, p=weights / weights.sum())
        return np.stack([drawn >> distinct.index(qubit) & 1 for qubit in qubits], axis=1)

    def _run(self, circuit: Circuit, angles: Angles, results: Sequence[str]) -> list[Any]:
        """What the simulator reads out in the end."""
        text = source(circuit, angles, results=results)
        try:
            found = StateVectorSimulator().run(Program(source=text), shots=0)
        except MemoryError:
            raise
        except Exception as error:
            raise ExecutionError(f"Braket could not run `{self.circuit.name}`: {error}") from error
        return [result.value for result in found.resultTypes]
