"""The engine that runs circuits through Cirq."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cirq
import numpy as np

from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel.observable import Hamiltonian
from qkernel_backends.cirq.emission import emit_with
from qkernel_backends.predicated import predicated
from qkernel_backends.read_out import Angles, ReadOut

Array = np.ndarray[Any, Any]
_PAULIS = {"X": cirq.X, "Y": cirq.Y, "Z": cirq.Z}


@dataclass(frozen=True)
class CirqEngine:
    """Runs circuits on a simulator or sampler of Cirq's.

    `simulator` is one of: nothing (an ideal state vector simulator, in the precision that is asked for), a `cirq.Simulator`,
    a `cirq.DensityMatrixSimulator`, or any `cirq.Sampler`, which gives samples only. Samplers are run as they are: their seed
    is their own, and of `seed` they know nothing. On an ideal simulator measurements are deferred to fresh qubits where 16
    suffice, which is faster; else each shot runs by itself.
    Raises `TargetCapabilityError` for anything else.
    """

    simulator: Any = None
    name: str = "cirq"
    features: frozenset[str] = field(init=False, repr=False, compare=False)
    """What it can do; see `qkernel.engine.FEATURES`."""

    def __post_init__(self) -> None:
        given = self.simulator
        if given is not None and not isinstance(given, cirq.Sampler):
            raise TargetCapabilityError(
                f"Cirq circuits do not run on a `{type(given).__name__}`",
                help="give a simulator, `cirq.Simulator()`, or another `cirq.Sampler`",
            )
        features = {"sampling", "mid_circuit", "branching", "batch"}
        if self.is_ideal:
            features |= {"expectation", "probabilities", "state"}
        elif isinstance(given, cirq.SimulatesExpectationValues):
            features |= {"expectation"}
        object.__setattr__(self, "features", frozenset(features))

    @property
    def is_ideal(self) -> bool:
        """Whether it runs on a state vector simulator without noise."""
        given = self.simulator
        return given is None or (isinstance(given, cirq.Simulator) and given.noise == cirq.NO_NOISE)

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> CirqPrepared:
        """Make `circuit` ready; a simulator that is not given computes in the precision of `dtype`."""
        return CirqPrepared(self, circuit, dtype)


class CirqPrepared(ReadOut):
    """A circuit on Cirq; see `qkernel.engine.Prepared`."""

    package = "Cirq"
    engine: CirqEngine

    def expectations(self, circuit: Circuit, angles: Angles, observables: Sequence[Hamiltonian]) -> Sequence[float]:
        if not self.engine.is_ideal and circuit is not self.circuit:
            raise TargetCapabilityError(
                f"`{self.circuit.name}` measures or resets qubits, and a simulator with noise has no exact values behind that",
                help="give `shots`",
            )
        sums = [_operator(observable) for observable in observables]
        simulator: Any = self._simulator()
        found = simulator.simulate_expectation_values(emit_with(circuit, angles), sums, qubit_order=_line(circuit))
        return [float(value.real) for value in found]

    def distributions(self, circuit: Circuit, angles: Angles, read: Sequence[tuple[int, ...]]) -> Sequence[Array]:
        weights = np.abs(self._final(circuit, angles)) ** 2
        axes = [[circuit.num_qubits - 1 - qubit for qubit in reversed(qubits)] for qubits in read]
        shaped = weights.reshape((2,) * circuit.num_qubits)
        result = []
        for chosen in axes:
            rest = tuple(axis for axis in range(circuit.num_qubits) if axis not in chosen)
            result.append(shaped.transpose(*chosen, *rest).reshape(1 << len(chosen), -1).sum(1))
        return result

    def amplitudes(self, circuit: Circuit, angles: Angles) -> Array:
        return self._final(circuit, angles)

    def shots(self, circuit: Circuit, angles: Angles, qubits: Sequence[int], shots: int, seed: int) -> Array:
        made = emit_with(circuit, angles)
        distinct = sorted(set(qubits))
        made.append(cirq.measure(*map(cirq.LineQubit, distinct), key="m"))
        found = self._simulator(seed).run(made, repetitions=shots).measurements["m"]
        return np.asarray(found)[:, [distinct.index(qubit) for qubit in qubits]]

    def shot_by_shot(self, angles: Angles, shots: int, seed: int) -> Array:
        steps = predicated(self.circuit, self.package)
        if not steps.num_records:
            return steps.memory(np.zeros((shots, 0), bool))
        found = self._simulator(seed).run(emit_with(self.circuit, angles), repetitions=shots).measurements
        return steps.memory(np.concatenate([found[f"m{k}"] for k in range(steps.num_records)], axis=1).astype(bool))

    @property
    def _to_sample(self) -> Any:
        """Measurements are deferred where that changes nothing: noise would act on further qubits and gates."""
        return super()._to_sample if self.engine.is_ideal else None

    def _final(self, circuit: Circuit, angles: Angles) -> Array:
        """The final state, qubit 0 the least significant."""
        made = emit_with(circuit, angles)
        simulator = self._simulator()
        return np.asarray(simulator.simulate(made, qubit_order=_line(circuit)[::-1]).final_state_vector)

    def _simulator(self, seed: int | None = None) -> Any:
        return self.engine.simulator or cirq.Simulator(dtype=self.dtype.type, seed=seed)


def _line(circuit: Circuit) -> list[cirq.LineQubit]:
    return [cirq.LineQubit(k) for k in range(circuit.num_qubits)]


def _operator(observable: Hamiltonian) -> cirq.PauliSum:
    words = []
    for key, coefficient in observable:
        letters = [_PAULIS[entry.pauli.value](cirq.LineQubit(entry.index)) for entry in key]
        words.append(cirq.PauliString(float(coefficient.real), *letters))
    return cirq.PauliSum.from_pauli_strings(words)
