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
_DRAWN_AT_ONCE = 1 << 20
"""Outcomes: a call that draws more cannot be interrupted soon enough."""
HOW_TO_ESTIMATE = "estimate it from shots: `kernel.run(..., shots=1000)`"


@dataclass(frozen=True)
class Measured:
    """A circuit that ends in measurements, in bases in which some terms can be read off at once.

    `terms` are (expectation, coefficient, bits whose parity is the term); `bits` are those of each qubit that is read.
    `distribution` reads out the probabilities of their outcomes instead, the qubits in order.
    """

    circuit: Circuit
    distribution: Circuit
    bits: dict[int, int]
    terms: tuple[tuple[int, float, tuple[int, ...]], ...] = ()

    @property
    def num_outcomes(self) -> int:
        return 1 << len(self.bits)


@dataclass(frozen=True)
class Tally:
    """What shots left: bits of shape (rows, outcomes, bits), and how often each came out, shape (batch, outcomes).

    Where the batch shares its outcomes there is one row of bits. An outcome may stand there more than once, or never come out.
    """

    bits: Array
    counts: Array
    shots: int

    @classmethod
    def of_shots(cls, bits: Array) -> Tally:
        """Of bits of shape (batch, shots, bits)."""
        return cls(bits, np.broadcast_to(1.0, bits.shape[:2]), bits.shape[1])

    @classmethod
    def drawn(cls, measured: Measured, probabilities: Array, shots: int, seed: int | None) -> Tally:
        """Drawn from probabilities of shape (batch, outcomes), without a look at single shots."""
        generator, counts = np.random.default_rng(seed), np.zeros(probabilities.shape)
        at_once = max(1, _DRAWN_AT_ONCE // measured.num_outcomes)
        for first in range(0, len(counts), at_once):
            weights = probabilities[first : first + at_once].astype(float)
            weights /= (weights @ np.ones(measured.num_outcomes))[:, None]
            counts[first : first + at_once] = generator.multinomial(shots, weights)
        bits = np.zeros((1, measured.num_outcomes, measured.circuit.num_bits), np.uint8)
        for k, bit in enumerate(measured.bits.values()):
            bits[0, :, bit] = np.arange(measured.num_outcomes) >> k & 1
        return cls(bits, counts, shots)

    def mean(self, numbers: Array) -> Array:
        """Of numbers by outcome, shape (rows, outcomes): shape (batch,)."""
        total: Array = np.einsum("bo,bo->b", self.counts, np.broadcast_to(numbers, self.counts.shape))
        return total / self.shots

    def row(self, number: int) -> tuple[Array, Array]:
        """The bits and counts of one of the batch."""
        return self.bits[number if len(self.bits) > 1 else 0], self.counts[number]


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
        measured = _measured(circuit, basis)
        terms = tuple(
            (k, float(part.observable.terms[operators].real), tuple(measured.bits[entry.index] for entry in operators))
            for operators in group.terms
            for k, part in enumerate(circuit.expectations)
            if operators in part.observable.terms
        )
        result.append(replace(measured, terms=terms))
    if circuit.probabilities:
        result.append(_measured(circuit, {qubit: Pauli.Z for qubits in circuit.probabilities for qubit in qubits}))
    return result


def estimate(circuit: Circuit, groups: list[Measured], tallies: list[Tally], batch: int) -> Array:
    """Estimates of the expectation values, then of the probabilities, of `circuit`, shape (batch, number of them).

    `tallies` are what the shots of each of `groups` left.
    """
    values = np.zeros((batch, len(circuit.expectations)))
    values += [float(part.observable.constant.real) for part in circuit.expectations]
    for group, tally in zip(groups, tallies, strict=True):
        for k, coefficient, where in group.terms:
            values[:, k] += coefficient * tally.mean(_signs(tally.bits, where))
    parts = [values]
    for qubits in circuit.probabilities:
        tally, size = tallies[-1], 1 << len(qubits)
        places = _outcomes(tally.bits, groups[-1], qubits) + size * np.arange(batch)[:, None]
        counts = np.bincount(places.ravel(), tally.counts.ravel(), batch * size).reshape(batch, size)
        parts.append(counts / tally.shots)
    return np.concatenate(parts, axis=1)


def standard_errors(circuit: Circuit, groups: list[Measured], tallies: list[Tally], slopes: Array) -> Array:
    """Standard errors, shape (batch, numbers), of numbers whose derivatives by the readouts are `slopes`.

    `slopes` has shape (batch, numbers, readouts). Each group of terms is a sample of its own; in each shot the terms of a
    group vary together, and so their covariances count.
    """
    variance = np.zeros(slopes.shape[:2])
    for row, slope in enumerate(slopes):
        for group, tally in zip(groups, tallies, strict=True):
            bits, counts = tally.row(row)
            numbers = np.zeros((len(bits), slope.shape[0]))
            for k, coefficient, where in group.terms:
                numbers += np.outer(coefficient * _signs(bits, where), slope[:, k])
            if group is groups[-1]:
                start = len(circuit.expectations)
                for qubits in circuit.probabilities:
                    numbers += slope[:, start + _outcomes(bits, group, qubits)].T
                    start += 1 << len(qubits)
            deviations = numbers - counts @ numbers / tally.shots
            variance[row] += counts @ np.square(deviations) / (tally.shots - 1) / tally.shots
    return np.sqrt(variance)


def _signs(bits: Array, where: Sequence[int]) -> Array:
    """1 where the bits at `where` have an even sum, else -1, for bits of shape (..., bits)."""
    parity: Array = np.zeros(bits.shape[:-1], np.uint8)
    for bit in where:
        parity ^= bits[..., bit]
    return 1.0 - 2.0 * parity


def _outcomes(bits: Array, group: Measured, qubits: Sequence[int]) -> Array:
    """The outcome of `qubits` as a whole number, for bits of shape (..., bits) that `group` measured."""
    outcomes = np.zeros(bits.shape[:-1], np.int64)
    for k, qubit in enumerate(qubits):
        outcomes |= bits[..., group.bits[qubit]].astype(np.int64) << k
    return outcomes


def distinct_rows(bits: Array) -> tuple[Array, Array]:
    """For the distinct rows of bits (shots, bits): where each stands first, and how often it stands.

    By words of 64 bits. (`np.unique` by rows compares records, and numpy makes a TypeError of an interrupt in there.)
    """
    packed = np.packbits(bits, axis=1)
    words = np.zeros((len(bits), max(1, -(-packed.shape[1] // 8))), np.uint64)
    words.view(np.uint8)[:, : packed.shape[1]] = packed
    order, starts = groups_of_rows(words)
    return np.minimum.reduceat(order, starts), np.diff(starts, append=len(bits))


def groups_of_rows(words: Array) -> tuple[Array, Array]:
    """The rows of an array of numbers in their order, and where in there each distinct row begins."""
    order = np.argsort(words[:, 0]) if words.shape[1] == 1 else np.lexsort(words.T[::-1])
    inside = words[order]
    changes = np.any(inside[1:] != inside[:-1], axis=1)
    return order, np.flatnonzero(np.concatenate([[True], changes]))


def seed_of(seed: int | None, *numbers: int) -> int | None:
    """The seed of one of several samples of a computation, which `numbers` tell apart."""
    return None if seed is None else int(np.random.SeedSequence((seed, *numbers)).generate_state(1)[0])


def _measured(circuit: Circuit, basis: dict[int, Pauli]) -> Measured:
    """`circuit` followed by measurements of the qubits of `basis`."""
    turns = {Pauli.X: ("h",), Pauli.Y: ("sdg", "h"), Pauli.Z: ()}
    qubits = sorted(basis)
    turned = _followed(circuit, [(name, qubit) for qubit in qubits for name in turns[basis[qubit]]], ())
    bits = {qubit: circuit.num_bits + k for k, qubit in enumerate(qubits)}
    measured = _followed(turned, [("measure", qubit) for qubit in qubits], tuple(bits.values()))
    return Measured(measured, replace(turned, probabilities=(tuple(qubits),)), bits)


def _followed(circuit: Circuit, rows: Sequence[tuple[str, int]], bits: tuple[int, ...]) -> Circuit:
    """`circuit`, which reads out nothing, and instructions of one qubit each behind it."""
    kinds = list(dict.fromkeys((*circuit.kinds, *(Kind(name, 1) for name, _ in rows))))
    codes = np.array([kinds.index(Kind(name, 1)) for name, _ in rows], np.int32)
    qubits = np.array([qubit for _, qubit in rows], np.int32)
    run = Run(codes, qubits, np.array(bits, np.int32), np.full(len(rows), -1, np.int32), circuit.angles.num_slots)
    return replace(
        circuit,
        num_bits=circuit.num_bits + len(bits),
        kinds=tuple(kinds),
        body=(*circuit.body, run) if rows else circuit.body,
        expectations=(),
        probabilities=(),
        outputs=(),
    )
