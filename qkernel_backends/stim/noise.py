"""Pauli noise as Stim's instructions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import stim

from qkernel.errors import TargetCapabilityError
from qkernel.gates import pauli_matrix
from qkernel.lower.circuit import PASSIVE, Instruction
from qkernel.noise import Channel, NoiseModel, name_of

Operation = tuple[str, Any, list[float]]
"""An instruction of Stim's: its name, its targets and its probabilities."""

_ON_THE_BUILT_IN = "use `NativeEngine(noise=...)`, which has any noise"
_TABLED = {1: "PAULI_CHANNEL_1", 2: "PAULI_CHANNEL_2"}
_ROUNDING = 1e-12


def disturbances(noise: NoiseModel, row: Instruction) -> Iterator[Operation]:
    """What a model has behind an instruction, before it where that is a measurement.

    Raises `TargetCapabilityError` for a channel that is no mixture of Pauli words.
    """
    if row.kind.name in PASSIVE or not row.qubits:
        return
    name = name_of(row.kind)
    for channel, qubits in noise.behind(name, row.qubits):
        weights = pauli_weights(channel)
        if weights is None:
            raise TargetCapabilityError(
                f"the noise `{channel.text}` of `{name}` is no mixture of Paulis, and Stim has Pauli noise alone",
                span=row.span,
                help=_ON_THE_BUILT_IN,
            )
        yield from _drawn(weights, qubits)


def misreading(noise: NoiseModel, row: Instruction) -> float:
    """How likely a measured bit comes out wrong; raises `TargetCapabilityError` where that depends on the bit."""
    zero_as_one, one_as_zero = noise.readout_of(row.qubits[0])
    if zero_as_one != one_as_zero:
        raise TargetCapabilityError(
            f"0 is read as 1 with probability {zero_as_one:g} and 1 as 0 with {one_as_zero:g}, and in Stim both are one number",
            span=row.span,
            help=f"give one, `noise.readout({(zero_as_one + one_as_zero) / 2:g})`; or {_ON_THE_BUILT_IN}",
        )
    return zero_as_one


def _drawn(weights: dict[str, float], qubits: tuple[int, ...]) -> Iterator[Operation]:
    if (name := _TABLED.get(len(qubits))) is not None:
        words = ["".join(letters) for letters in product("IXYZ", repeat=len(qubits))]
        yield name, list(qubits), [weights.get(word, 0.0) for word in words[1:]]
        return
    left, name = 1.0, "CORRELATED_ERROR"
    for word, weight in weights.items():
        targets = [stim.target_pauli(qubit, letter) for letter, qubit in zip(word, qubits, strict=True) if letter != "I"]
        yield name, targets, [min(1.0, weight / left)]
        left, name = left - weight, "ELSE_CORRELATED_ERROR"


@lru_cache(maxsize=256)
def pauli_weights(channel: Channel) -> dict[str, float] | None:
    """The probabilities of Pauli words, the first letter for the first qubit, but for that of doing nothing.

    None where the channel is no mixture of them: the matrix chi of rho -> sum of chi[P, Q] P rho Q is not diagonal.
    """
    words = ["".join(letters) for letters in product("IXYZ", repeat=channel.num_qubits)]
    paulis = np.array([pauli_matrix(word) for word in words])
    parts = np.einsum("pij,kji->pk", paulis, np.array(channel.kraus)) / (1 << channel.num_qubits)
    chi = parts @ parts.conj().T
    weights = chi.diagonal().real
    if np.abs(chi - np.diag(weights)).max() > _ROUNDING:
        return None
    return {word: weight for word, weight in zip(words[1:], weights[1:].tolist(), strict=True) if weight > _ROUNDING}
