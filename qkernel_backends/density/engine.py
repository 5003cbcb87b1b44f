"""Circuits with noise made ready: exact values and gradients of up to 12 qubits, samples of any number."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.errors import ShotsError
from qkernel.execution.gradient import open_slots, shift
from qkernel.execution.shots import HOW_TO_ESTIMATE
from qkernel.lower.circuit import Circuit
from qkernel.noise import NoiseModel
from qkernel_backends.density.branching import Memories
from qkernel_backends.density.fuse import MOST_QUBITS
from qkernel_backends.density.readout import Expectations, outcomes
from qkernel_backends.guard import AtAnyAngle, guarded
from qkernel_backends.histories import no_state
from qkernel_backends.memory import require_memory_for_shots
from qkernel_backends.native.trajectories import Trajectories
from qkernel_backends.plan.sampling import draw, final_measurements

Array = np.ndarray[Any, Any]


class NoisyPrepared(AtAnyAngle):
    """See `qkernel.engine.Prepared`; computed in float64 whatever the precision of what comes back."""

    def __init__(self, circuit: Circuit, noise: NoiseModel, dtype: np.dtype[Any]) -> None:
        noise.check(circuit)
        self.circuit, self.noise, self.dtype = circuit, noise, dtype
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)

    def with_open_slots(self, circuit: Circuit) -> NoisyPrepared:
        """See `AtAnyAngle`."""
        return NoisyPrepared(circuit, self.noise, self.dtype)

    @cached_property
    def _memories(self) -> Memories:
        """The circuit as maps."""
        if self.circuit.num_qubits > MOST_QUBITS:
            raise ShotsError(
                f"`{self.circuit.name}` has {self.circuit.num_qubits} qubits, and with noise values are exact up to "
                f"{MOST_QUBITS}",
                label=f"the density matrix would be 4**{self.circuit.num_qubits} numbers",
                help=f"{HOW_TO_ESTIMATE}, of trajectories; `run_with_errors` tells how far to trust it",
            )
        return Memories(self.circuit, self.noise)

    @cached_property
    def _expectations(self) -> Expectations:
        return Expectations(self.circuit, self.noise)

    @cached_property
    def _trajectories(self) -> Trajectories:
        return Trajectories(self.circuit, self.dtype, self.noise)

    def _angles(self, theta: Array, states: int) -> Iterator[tuple[slice, Array]]:
        """The angles of samples that are computed together, of each of which there are so many states."""
        angles = self.circuit.angles.evaluate(theta)
        at_once = self._memories.samples_at_once(len(angles), states)
        for first in range(0, len(angles), at_once):
            rows = slice(first, min(first + at_once, len(angles)))
            yield rows, angles[rows]

    @guarded
    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`. What a machine of this noise would measure on average."""
        result = np.zeros((len(theta), len(self.circuit.expectations)), self.real)
        for rows, angles in self._angles(theta, 1):
            result[rows] = self._expectations.values(self._memories.final(angles))
        return result

    @guarded
    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`. Backwards through the maps; by parameter shift where measured bits decide."""
        if self._memories.program is None:
            return self._shifted(theta, cotangent)
        values = np.zeros((len(theta), len(self.circuit.expectations)), self.real)
        gradient = np.zeros((len(theta), self.circuit.angles.num_slots))
        for rows, angles in self._angles(theta, 2):
            states = self._memories.program.start(len(angles))
            costate = self._expectations.costate(states.shape, cotangent[rows])
            call = self._memories.program.at(angles, backwards=True)
            values[rows], gradient[rows] = call.pulled_back(states, costate, self._expectations.values)
        return values, self.circuit.angles.pullback(np.asarray(theta, float), gradient).astype(self.real)

    def _shifted(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        opened = NoisyPrepared(open_slots(self.circuit), self.noise, np.dtype(complex))
        values, by_slots = shift(opened.expect, self.circuit, np.asarray(theta, float), rows=64)
        gradient = self.circuit.angles.pullback(np.asarray(theta, float), np.einsum("bv,bsv->bs", cotangent, by_slots))
        return values.astype(self.real), gradient.astype(self.real)

    @guarded
    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`. Of what is read, errors of reading out included."""
        result = [np.zeros((len(theta), 1 << len(qubits)), self.real) for qubits in self.circuit.probabilities]
        for rows, angles in self._angles(theta, 1):
            states = self._memories.final(angles)
            for total, qubits in zip(result, self.circuit.probabilities, strict=True):
                total[rows] = outcomes(states[:, self._memories.of_zs(qubits)], qubits, self.noise)
        return result

    def state(self, theta: Array) -> Array:
        """There is none."""
        raise no_state(self.circuit)

    @guarded
    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`. From exact probabilities where all measurements come last, else trajectories."""
        final = final_measurements(self.circuit)
        turns = any("measure" in (rule.gates or ()) for rule in self.noise.rules)  # what is read may depend on the basis then
        if final is None or turns or self.circuit.num_qubits > MOST_QUBITS:
            return self._trajectories.sample(theta, shots, seed)
        require_memory_for_shots(len(theta), shots, self.circuit.num_bits)
        qubits = tuple(qubit for qubit, _ in final.measured)
        weights = np.zeros((len(theta), 1 << len(qubits)))
        for rows, angles in self._angles(theta, 1):
            states = self._measured.final(angles)
            weights[rows] = outcomes(states[:, self._measured.of_zs(qubits)], qubits, self.noise)
        return draw(weights, final.measured, self.circuit.num_bits, shots, seed)

    @cached_property
    def _measured(self) -> Memories:
        """The maps up to the measurements, whose own noise belongs to reading out."""
        return Memories(self.circuit.without_measurements, self.noise)
