"""Samples of circuits whose measurements all come last: drawn from the final probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qkernel.lower.circuit import Circuit, Instruction

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class FinalMeasurements:
    """The gates of a circuit, and the (qubit, bit) pairs measured behind them."""

    gates: tuple[Instruction, ...]
    measured: tuple[tuple[int, int], ...]


def final_measurements(circuit: Circuit) -> FinalMeasurements | None:
    """None where a measurement is followed by anything on its qubit, or there is a reset or a branch."""
    if not circuit.is_straight:
        return None
    gates: list[Instruction] = []
    measured: dict[int, int] = {}
    for instruction in circuit.instructions():
        name = instruction.kind.name
        if name == "barrier":
            continue
        if name == "reset" or any(qubit in measured for qubit in instruction.qubits):
            return None
        if name == "measure":
            measured[instruction.qubits[0]] = instruction.bits[0]
        else:
            gates.append(instruction)
    if len(set(measured.values())) < len(measured):
        return None
    return FinalMeasurements(tuple(gates), tuple(measured.items()))


def draw(weights: Array, measured: tuple[tuple[int, int], ...], num_bits: int, shots: int, seed: int | None) -> Array:
    """Bits of shape (batch, shots, num_bits), for outcome weights of shape (batch, 2**len(measured))."""
    generator = np.random.default_rng(seed)
    result = np.zeros((len(weights), shots, num_bits), np.uint8)
    for row, bits in zip(weights, result, strict=True):
        cumulative = np.cumsum(row, dtype=float)
        points = generator.random(shots) * cumulative[-1]
        outcomes = np.minimum(np.searchsorted(cumulative, points, side="right"), len(row) - 1)
        for k, (_, bit) in enumerate(measured):
            bits[:, bit] = outcomes >> k & 1
    return result
