"""Expectation values and probabilities estimated from measured bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np

from qkernel.errors import ShotsError, ValidationError
from qkernel.lower.circuit import Circuit, Kind, Run
from qkernel.observable import Hamiltonian, Pauli

Array = np.ndarray[Any, Any]

DEFAULT_SHOTS = 1024
HOW_TO_ESTIMATE = "estimate it from shots: `kernel.run(..., shots=1000)`"


@dataclass(frozen=True)
class Measured:
    """A circuit that ends in measurements, in bases in which some terms can be read off at once.

    `terms` are (expectation, coefficient, bits whose parity is the term); `bits` are those of each qubit that is read.
    """

    circuit: Circuit
    terms: tuple[tuple[int, float, tuple[int, ...]], ...]
    bits: dict[int, int]


@dataclass
class Shots:
    """`count` shots for each measurement basis; under a `seed`, `evaluations` tells which: each evaluation has its own."""

    count: int
    seed: int | None = None
    evaluations: int = 0

    def seeds(self, bases: int) -> list[int | None]:
        """The seeds of the next evaluation, one for each basis."""
        self.evaluations += 1
        return [seed_of(self.seed, basis, self.evaluations - 1) for basis in range(bases)]


def check_shots(shots: Any) -> int:
    """`shots` as an int; raises `ShotsError` unless it is a whole number of at least 1."""
    if isinstance(shots, bool) or not isinstance(shots, Integral) or shots < 1:
        raise ShotsError(f"`shots` is a whole number of at least 1, not {shots!r}")
    return int(shots)


def check_seed(seed: Any) -> int | None:
    """`seed` as an int; raises `ValidationError` unless it is None or a whole number of at least 0."""
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ValidationError(f"`seed` is a whole number of at least 0, not {seed!r}")
    return int(seed)


def measured_circuits(circuit: Circuit) -> list[Measured]:
    """The circuits to sample for the expectation values of `circuit`, terms that can be measured together in one.

    If `circuit` reads out probabilities, the last one measures their qubits as they are.
    """
    every = Hamiltonian()
    for part in circuit.expectations:
        for operators in part.observable.terms:
            if operators not in every.terms:
                every.add_term(operators, 1.0)
    result = []
    for group in every.qubit_wise_commuting_groups():
        basis = {entry.index: entry.pauli for operators in group.terms for entry in operators}
        measured, bits = _measured(circuit, basis)
        terms = tuple(
            (k, float(part.observable.terms[operators].real), tuple(bits[entry.index] for entry in operators))
            for operators in group.terms
            for k, part in enumerate(circuit.expectations)
            if operators in part.observable.terms
        )
        result.append(Measured(measured, terms, bits))
    if circuit.probabilities:
        measured, bits = _measured(circuit, {qubit: Pauli.Z for qubits in circuit.probabilities for qubit in qubits})
        result.append(Measured(measured, (), bits))
    return result


def estimate(circuit: Circuit, groups: list[Measured], samples: list[Array], batch: int) -> Array:
    """Estimates of the expectation values, then of the probabilities, of `circuit`, shape (batch, number of them).

    `samples` holds, for each of `groups`, bits of shape (batch, shots, bits).
    """
    values = np.zeros((batch, len(circuit.expectations)))
    values += [float(part.observable.constant.real) for part in circuit.expectations]
    for group, bits in zip(groups, samples, strict=True):
        for k, coefficient, where in group.terms:
            values[:, k] += coefficient * _signs(bits, where).mean(1)
    parts = [values]
    for qubits in circuit.probabilities:
        outcomes = _outcomes(samples[-1], groups[-1], qubits)
        counts = [np.bincount(row, minlength=2 ** len(qubits)) for row in outcomes]
        parts.append(np.array(counts).reshape(batch, 2 ** len(qubits)) / samples[-1].shape[1])
    return np.concatenate(parts, axis=1)


def standard_errors(circuit: Circuit, groups: list[Measured], samples: list[Array], slopes: Array) -> Array:
    """Standard errors, shape (batch, numbers), of numbers whose derivatives by the readouts are `slopes`.

    `slopes` has shape (batch, numbers, readouts). Each group of terms is a sample of its own; in each shot the terms of a
    group vary together, and so their covariances count.
    """
    variance = np.zeros(slopes.shape[:2])
    for row, slope in enumerate(slopes):
        for group, bits in zip(groups, samples, strict=True):
            shots = bits[row]
            numbers = np.zeros((len(shots), slope.shape[0]))
            for k, coefficient, where in group.terms:
                numbers += np.outer(coefficient * _signs(shots, where), slope[:, k])
            if group is groups[-1]:
                start = len(circuit.expectations)
                for qubits in circuit.probabilities:
                    numbers += slope[:, start + _outcomes(shots, group, qubits)].T
                    start += 1 << len(qubits)
            variance[row] += numbers.var(0, ddof=1) / len(shots)
    return np.sqrt(variance)


def _signs(bits: Array, where: Sequence[int]) -> Array:
    """1 where the bits at `where` have an even sum, else -1, for bits of shape (..., bits)."""
    signs: Array = 1.0 - 2.0 * (bits[..., list(where)].sum(-1) & 1)
    return signs


def _outcomes(bits: Array, group: Measured, qubits: Sequence[int]) -> Array:
    """The outcome of `qubits` as a whole number, for bits of shape (..., bits) that `group` measured."""
    read = bits[..., [group.bits[qubit] for qubit in qubits]].astype(np.int64)
    outcomes: Array = (read << np.arange(len(qubits))).sum(-1)
    return outcomes


def distinct_rows(bits: Array) -> tuple[Array, Array]:
    """For the distinct rows of bits (shots, bits): where each stands first, and how often it stands.

    By words of 64 bits. (`np.unique` by rows compares records, and numpy makes a TypeError of an interrupt in there.)
    """
    packed = np.packbits(bits, axis=1)
    words = np.zeros((len(bits), max(1, -(-packed.shape[1] // 8))), np.uint64)
    words.view(np.uint8)[:, : packed.shape[1]] = packed
    order = np.lexsort(words.T)
    changes = np.any(words[order[1:]] != words[order[:-1]], axis=1)
    starts = np.flatnonzero(np.concatenate([[True], changes]))
    return order[starts], np.diff(starts, append=len(bits))


def seed_of(seed: int | None, *numbers: int) -> int | None:
    """The seed of one of several samples of a computation, which `numbers` tell apart."""
    return None if seed is None else int(np.random.SeedSequence((seed, *numbers)).generate_state(1)[0])


def _measured(circuit: Circuit, basis: dict[int, Pauli]) -> tuple[Circuit, dict[int, int]]:
    """`circuit` followed by measurements of the qubits of `basis`, and the bit of each."""
    turns = {Pauli.X: ("h",), Pauli.Y: ("sdg", "h"), Pauli.Z: ()}
    kinds = list(circuit.kinds)
    rows: list[tuple[int, int]] = []
    bits = {qubit: circuit.num_bits + k for k, qubit in enumerate(sorted(basis))}
    for qubit in sorted(basis):
        for name in (*turns[basis[qubit]], "measure"):
            if Kind(name, 1) not in kinds:
                kinds.append(Kind(name, 1))
            rows.append((kinds.index(Kind(name, 1)), qubit))
    codes, qubits = np.array(rows, np.int32).reshape(-1, 2).T
    run = Run(
        codes, qubits, np.array(list(bits.values()), np.int32), np.full(len(rows), -1, np.int32), circuit.angles.num_slots
    )
    measured = replace(
        circuit,
        num_bits=circuit.num_bits + len(bits),
        kinds=tuple(kinds),
        body=(*circuit.body, run),
        expectations=(),
        probabilities=(),
        outputs=(),
    )
    return measured, bits
