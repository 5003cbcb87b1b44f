"""The engine on Stim (Gidney 2021, Quantum 5, 497): Clifford circuits of thousands of qubits, shots by the million."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import stim

from qkernel.engine import CLIFFORD
from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel.noise import NoiseModel, require_model
from qkernel.observable import Hamiltonian
from qkernel_backends.deferral import deferred
from qkernel_backends.memory import require_memory_for_shots
from qkernel_backends.stim.emission import recorded

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class StimEngine:
    """Samples Clifford circuits, and gives exact expectation values of such that need no more than 16 fresh qubits.

    A circuit may measure, reset, and do Paulis where a parity of measured bits says so.

    With `noise`, a `qkernel.noise.NoiseModel` of Pauli channels, it samples a machine with this noise, and has no exact values.
    A channel that is no mixture of Paulis is refused with the gate that has it, and so are bits that are misread unevenly, and
    noise behind gates that measured bits decide on.
    """

    name: str = "stim"
    features: frozenset[str] = frozenset({CLIFFORD, "expectation", "sampling", "mid_circuit", "branching", "batch"})
    noise: NoiseModel | None = None

    def __post_init__(self) -> None:
        if self.noise is not None:
            require_model(self.noise)
            object.__setattr__(self, "features", self.features - {"expectation"})

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> StimPrepared:
        """`dtype` only sets the precision of what is handed back."""
        if self.noise is not None:
            self.noise.check(circuit)
        return StimPrepared(circuit, np.dtype(dtype), self.noise)


@dataclass(frozen=True, eq=False)
class StimPrepared:
    """A circuit on Stim; see `qkernel.engine.Prepared`."""

    circuit: Circuit
    dtype: np.dtype[Any]
    noise: NoiseModel | None = None

    def expect(self, theta: Array) -> Array:
        """Expectation values, shape (batch, expectations): those of Pauli words are -1, 0 or 1."""
        if self.noise is not None:
            raise self._lacks("exact values with noise")
        observables = [part.observable for part in self.circuit.expectations]
        values = np.zeros((len(theta), len(observables)), self.dtype.type(0).real.dtype)
        for sample, row in enumerate(theta):
            simulator = stim.TableauSimulator()
            simulator.set_num_qubits(self._unitary.num_qubits)
            simulator.do(recorded(self._unitary, row)[0])
            values[sample] = [_expectation(simulator, observable) for observable in observables]
        return values

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Not here: next to a Clifford circuit there are no others."""
        raise self._lacks("derivatives")

    def probabilities(self, theta: Array) -> list[Array]:
        """Not here: shots estimate them."""
        raise self._lacks("exact probabilities")

    def state(self, theta: Array) -> Array:
        """Not here: a tableau has no amplitudes."""
        raise self._lacks("amplitudes")

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """What shots leave, uint8 of shape (batch, shots, bits)."""
        require_memory_for_shots(len(theta), shots, self.circuit.memory_bits)
        result = np.zeros((len(theta), shots, self.circuit.memory_bits), np.uint8)
        seeds = np.random.SeedSequence(seed).generate_state(max(1, len(theta)), np.uint64) >> np.uint64(1)
        for sample, row in enumerate(theta):
            circuit, steps = recorded(self.circuit, row, self.noise)
            records = circuit.compile_sampler(seed=int(seeds[sample])).sample(shots)
            result[sample] = steps.memory(records)
        return result

    @cached_property
    def _unitary(self) -> Circuit:
        """The circuit with measurements deferred to the end, as exact values want it."""
        return self.circuit if self.circuit.is_unitary else deferred(self.circuit)

    def _lacks(self, what: str) -> TargetCapabilityError:
        return TargetCapabilityError(
            f"the engine `stim` has no {what}", help='use another engine, such as `native`: `engine="native"`'
        )


def _expectation(simulator: stim.TableauSimulator, observable: Hamiltonian) -> float:
    total = float(observable.constant.real)
    for operators, coefficient in observable:
        word = stim.PauliString(simulator.num_qubits)
        for entry in operators:
            word[entry.index] = entry.pauli.value
        total += float(coefficient.real) * simulator.peek_observable_expectation(word)
    return total
