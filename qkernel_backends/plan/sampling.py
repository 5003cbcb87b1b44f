"""Samples of circuits whose measurements all come last: drawn from the final probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel.lower.circuit import PASSIVE, Circuit
from qkernel.tallies import Tally
from qkernel_backends.histories import no_state

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FinalMeasurements:
    """The (qubit, bit) pairs that a circuit measures behind all its gates."""

    measured: tuple[tuple[int, int], ...]

    def refuse_state(self, circuit: Circuit) -> None:
        """Raise where a measurement keeps the circuit from having one final state."""
        if self.measured:
            raise no_state(circuit)


def final_measurements(circuit: Circuit) -> FinalMeasurements | None:
    """None where a measurement is followed by anything on its qubit, or there is a reset or a branch."""
    if not circuit.is_straight:
        return None
    if circuit.is_unitary:
        return FinalMeasurements(())
    measured: dict[int, int] = {}
    for instruction in circuit.instructions():
        name = instruction.kind.name
        if name in PASSIVE:
            continue
        if name == "reset" or any(qubit in measured for qubit in instruction.qubits):
            return None
        if name == "measure":
            measured[instruction.qubits[0]] = instruction.bits[0]
    if len(set(measured.values())) < len(measured):
        return None
    return FinalMeasurements(tuple(measured.items()))


def draw(weights: Array, measured: tuple[tuple[int, int], ...], num_bits: int, shots: int, seed: int | None) -> Array:
    """Bits of shape (batch, shots, num_bits), for outcome weights of shape (batch, 2**len(measured))."""
    generator = np.random.default_rng(seed)
    result = np.zeros((len(weights), shots, num_bits), np.uint8)
    for row, bits in zip(weights, result, strict=True):
        points = generator.random(shots)
        order = _order(points)
        outcomes = np.empty(shots, np.int64)
        outcomes[order] = _outcomes(row, points[order])
        _write(outcomes, measured, bits)
    return result


def tally(weights: Array, measured: tuple[tuple[int, int], ...], num_bits: int, shots: int, seed: int | None) -> Tally:
    """What `draw` gives, counted."""
    generator, found = np.random.default_rng(seed), []
    for row in weights:
        points = generator.random(shots)
        outcomes = _outcomes(row, points[_order(points)])
        first = np.flatnonzero(np.diff(outcomes, prepend=-1))
        found.append((outcomes[first], np.diff(first, append=shots)))
    most = max((len(outcomes) for outcomes, _ in found), default=0)
    bits, counts = np.zeros((len(weights), most, num_bits), np.uint8), np.zeros((len(weights), most))
    for k, (outcomes, times) in enumerate(found):
        _write(outcomes, measured, bits[k])
        counts[k, : len(times)] = times
    return Tally(bits, counts, shots)


def _order(points: Array) -> Array:
    """Of points of [0, 1): by 16 binary digits first, in two steps a point, so that a stable sort has little left to do."""
    roughly = np.argsort((points * 65536).astype(np.uint16), kind="stable")
    return roughly[np.argsort(points[roughly], kind="stable")]


def _outcomes(weights: Array, points: Array) -> Array:
    """By points of [0, 1) in ascending order: a search that goes on from place to place stays in the cache."""
    cumulative = np.cumsum(weights, dtype=float)
    outcomes: Array = np.searchsorted(cumulative, points * cumulative[-1], side="right")
    return np.minimum(outcomes, len(weights) - 1)


def _write(outcomes: Array, measured: tuple[tuple[int, int], ...], bits: Array) -> None:
    """What outcomes are measured into, into rows of bits."""
    octets = outcomes.astype("<i8").view(np.uint8).reshape(-1, 8)
    read = np.unpackbits(octets, axis=1, bitorder="little", count=len(measured))
    bits[: len(read), [bit for _, bit in measured]] = read


def disturbed(circuit: Circuit, final: FinalMeasurements) -> bool:
    """Whether an observable would see that a qubit was measured."""
    measured = {qubit for qubit, _ in final.measured}
    return any(
        operator.index in measured and operator.pauli.value != "Z"
        for part in circuit.expectations
        for operators in part.observable.terms
        for operator in operators
    )


def ordered(states: Array, place: tuple[int, ...]) -> Array:
    """States whose bit q is what the plan has at `place[q]`."""
    count = len(place)
    if list(place) == list(range(count)):
        return states
    places = np.zeros(1, np.int64)
    for bit in place:
        places = np.concatenate([places, places + (1 << bit)])
    return np.take(states, places, axis=1)  # C-contiguous, which an index does not promise


def marginal(weights: Array, num_qubits: int, qubits: tuple[int, ...]) -> Array:
    """Outcome probabilities of `qubits`, the first of them least significant, shape (batch, 2**k)."""
    if qubits == tuple(range(num_qubits)):
        return weights
    axes = [num_qubits - qubit for qubit in reversed(qubits)]
    others = [axis for axis in range(1, num_qubits + 1) if axis not in axes]
    tensor: Array = weights.reshape(-1, *(2,) * num_qubits).transpose(0, *axes, *others)
    return np.asarray(tensor.reshape(len(weights), 1 << len(qubits), 1 << len(others)).sum(-1))
