"""What is read of the expectation values of all Pauli words, with the errors of reading out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from qkernel.errors import TargetCapabilityError
from qkernel.lower.circuit import Circuit
from qkernel.noise import NoiseModel
from qkernel_backends.density.transfer import of_channel
from qkernel_backends.plan.plan import pauli_words

Array = np.ndarray[Any, Any]


def fading(noise: NoiseModel, qubit: int) -> tuple[float, float]:
    """A measured Z of a qubit is the first number times its Z, and the second.

    What the model has before measurements, and wrong bits. Raises `TargetCapabilityError` where it mixes in other letters.
    """
    row = np.array([0.0, 0.0, 1.0, 0.0])  # of I, X, Z, Y
    for channel, _ in reversed(noise.behind("measure", (qubit,))):
        row = row @ of_channel(channel)
    if np.abs(row[[1, 3]]).max() > 1e-12:
        raise TargetCapabilityError(
            "the noise before measurements turns the qubit, so that an expectation value depends on how it is measured",
            help="give `shots`",
        )
    zero_as_one, one_as_zero = noise.readout_of(qubit)
    kept = 1 - zero_as_one - one_as_zero
    return kept * float(row[2]), kept * float(row[0]) + one_as_zero - zero_as_one


class Expectations:
    """The expectation values of a circuit as `constants` and a matrix (words, values) on the values of `words`."""

    def __init__(self, circuit: Circuit, noise: NoiseModel) -> None:
        count = circuit.num_qubits
        read = pauli_words([part.observable for part in circuit.expectations], list(range(count)), count)
        self.constants = np.array(read.constants, float)
        fades = {qubit: fading(noise, qubit) for qubit in _qubits(read.words)}
        found: dict[int, int] = {}
        entries: list[tuple[int, int, float]] = []
        spread = [_faded(x, z, fades) for x, z in read.words]
        for k, terms in enumerate(read.sums):
            for number, coefficient in terms:
                for word, factor in spread[number]:
                    entries.append((found.setdefault(word, len(found)), k, coefficient * factor))
        self.words = np.array(list(found), np.int64)
        self.matrix = np.zeros((len(found), len(read.sums)))
        for row, column, value in entries:
            self.matrix[row, column] += value

    def values(self, states: Array) -> Array:
        """Of states (samples, words): shape (samples, values)."""
        values: Array = states[:, self.words] @ self.matrix + self.constants
        return values

    def costate(self, shape: tuple[int, ...], cotangent: Array) -> Array:
        """The gradient by states of this shape of the sum of cotangent times values."""
        result = np.zeros(shape)
        result[:, self.words] = cotangent @ self.matrix.T
        return result


def _qubits(words: Iterable[tuple[int, int]]) -> list[int]:
    mask = 0
    for x, z in words:
        mask |= x | z
    return [qubit for qubit in range(mask.bit_length()) if mask >> qubit & 1]


def _faded(x: int, z: int, fades: dict[int, tuple[float, float]]) -> list[tuple[int, float]]:
    """What is measured for a word, as a sum of words: (index, factor)."""
    found = [(0, 1.0)]
    for qubit in _qubits([(x, z)]):
        letter = ((x >> qubit & 1) | (z >> qubit & 1) << 1) << 2 * qubit
        kept, constant = fades[qubit]
        with_it = [(word | letter, factor * kept) for word, factor in found]
        found = with_it + ([(word, factor * constant) for word, factor in found] if constant else [])
    return found


def outcomes(values: Array, qubits: tuple[int, ...], noise: NoiseModel) -> Array:
    """The probabilities of what is read of some qubits, shape (samples, 2**k), of the values of their words of I and Z."""
    result = values
    for k in range(len(qubits)):
        halves = result.reshape(len(values), 1 << len(qubits) - k - 1, 2, 1 << k)
        result = np.stack([(halves[:, :, 0] + halves[:, :, 1]) / 2, (halves[:, :, 0] - halves[:, :, 1]) / 2], axis=2)
    return misread(result.reshape(values.shape), [fading(noise, qubit) for qubit in qubits])


def misread(probabilities: Array, fades: Sequence[tuple[float, float]]) -> Array:
    """Probabilities of what is measured, shape (samples, 2**k), of those of the qubits, each with its `fading`."""
    result = probabilities
    for k, (kept, constant) in enumerate(fades):
        halves = result.reshape(len(probabilities), 1 << len(fades) - k - 1, 2, 1 << k)
        both, parity = halves[:, :, 0] + halves[:, :, 1], halves[:, :, 0] - halves[:, :, 1]
        parity = kept * parity + constant * both
        result = np.stack([(both + parity) / 2, (both - parity) / 2], axis=2)
    return np.maximum(result.reshape(probabilities.shape), 0.0)
