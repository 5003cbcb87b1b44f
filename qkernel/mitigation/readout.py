"""Bits that were misread, corrected within the outcomes that were seen: Nation et al., PRX Quantum 2, 040326 (2021)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qkernel.boundary import api_boundary
from qkernel.errors import ExecutionError, ValidationError
from qkernel.execution.executor import Executor
from qkernel.execution.results import SampleResult
from qkernel.execution.shots import Sampled, check_shots, numbers_of, shot_count
from qkernel.lower.angles import AngleMap
from qkernel.lower.circuit import Circuit, Kind, Run
from qkernel.tallies import distinct_rows

Array = np.ndarray[Any, Any]

_DIRECT = 2048
"""Outcomes whose matrix is solved directly; more are iterated."""
_LARGEST = 1 << 14
_TOLERANCE, _MOST_STEPS = 1e-10, 200


@dataclass(frozen=True)
class ReadoutCalibration:
    """With which probability each qubit's 0 was read as 1, and 1 as 0, in so many shots of each."""

    zero_as_one: tuple[float, ...]
    one_as_zero: tuple[float, ...]
    shots: int

    def __repr__(self) -> str:
        worst = max((*self.zero_as_one, *self.one_as_zero), default=0.0)
        return f"<ReadoutCalibration of {len(self.zero_as_one)} qubits, {self.shots} shots: up to {worst:.2%} misread>"

    def quasi_probabilities(self, result: SampleResult[Any], qubits: Sequence[int] | None = None) -> QuasiProbabilities:
        """The frequencies of a sample as they would be without errors of reading out; some may be negative.

        `qubits` says on which qubit each returned bit was measured (default: bit k on qubit k).
        Raises `ValidationError` for results that are not bits, and for qubits that were not calibrated.
        """
        texts = result.bitstrings()
        bits = np.array([[int(letter) for letter in reversed(text)] for text in texts], np.uint8)
        counts = np.array(list(texts.values()), float)
        chosen = range(bits.shape[1]) if qubits is None else qubits
        self.require(chosen)
        if len(tuple(chosen)) != bits.shape[1]:
            raise ValidationError(f"there are {bits.shape[1]} bits, and {len(tuple(chosen))} qubits for them")
        assignment = self.assignment(bits, tuple(chosen))
        solved = _solved(assignment, counts / counts.sum())
        order = np.argsort(-solved, kind="stable")
        return QuasiProbabilities(
            tuple(map(tuple, bits[order].tolist())), solved[order], assignment[order][:, order], counts[order]
        )

    def require(self, qubits: Sequence[int]) -> None:
        """Raise `ValidationError` for a qubit that was not calibrated."""
        count = len(self.zero_as_one)
        if outside := [qubit for qubit in qubits if not 0 <= qubit < count]:
            raise ValidationError(
                f"qubit {outside[0]} was not calibrated: there are {count}", help="calibrate as many as the circuit has"
            )

    def assignment(self, bits: Array, qubits: tuple[int, ...], rates: Array | None = None) -> Array:
        """The matrix of reading row i where j is true, of bits (outcomes, qubits), its columns with sum 1: the rest of the
        outcomes was not seen."""
        if len(bits) > _LARGEST:
            raise ExecutionError(
                f"{len(bits)} different outcomes are too many to correct", help="read fewer qubits, or take fewer shots"
            )
        own = np.array([self.zero_as_one, self.one_as_zero]) if rates is None else rates
        zero_as_one, one_as_zero = np.clip(own[:, list(qubits)], 1e-12, 1 - 1e-12)
        ones = bits.astype(float)
        zeros = 1 - ones
        logarithms = (zeros * np.log(1 - zero_as_one)) @ zeros.T + (ones * np.log(zero_as_one)) @ zeros.T
        logarithms += (zeros * np.log(one_as_zero)) @ ones.T + (ones * np.log(1 - one_as_zero)) @ ones.T
        matrix = np.exp(logarithms)
        result: Array = matrix / matrix.sum(0)
        return result


@dataclass(frozen=True, eq=False)
class QuasiProbabilities:
    """Corrected frequencies of the bits that were seen, element 0 first; they add up to 1, and may be negative."""

    bits: tuple[tuple[int, ...], ...]
    values: Array
    _assignment: Array
    _counts: Array

    def __getitem__(self, bits: Sequence[int]) -> float:
        key = tuple(bits)
        return float(self.values[self.bits.index(key)]) if key in self.bits else 0.0

    def __len__(self) -> int:
        return len(self.bits)

    def __repr__(self) -> str:
        pairs = zip(self.bits[:4], self.values[:4].tolist(), strict=True)
        shown = ", ".join(f"{bits}: {value:.4f}" for bits, value in pairs)
        return f"<quasi-probabilities of {len(self)} outcomes: {shown}{', …' if len(self) > 4 else ''}>"

    def items(self) -> list[tuple[tuple[int, ...], float]]:
        """The bits with their quasi-probabilities, the largest first."""
        return list(zip(self.bits, self.values.tolist(), strict=True))

    def mean(self, function: Callable[[tuple[int, ...]], float]) -> tuple[float, float]:
        """The mean of a function of the bits, and its standard error from the sample's shots."""
        numbers = np.array([function(bits) for bits in self.bits], float)
        weights, shots = _solved(self._assignment.T, numbers), self._counts.sum()
        shares = self._counts / shots
        mean = float(shares @ weights)
        variance = float(shares @ (weights - mean) ** 2) / max(shots - 1, 1)
        return mean, variance**0.5

    def probabilities(self) -> dict[tuple[int, ...], float]:
        """The nearest probabilities: Smolin, Gambetta and Smith, Phys. Rev. Lett. 108, 070502 (2012)."""
        kept, missing = len(self), 0.0
        while kept and self.values[kept - 1] + missing / kept < 0:
            kept, missing = kept - 1, missing + self.values[kept - 1]
        return {bits: float(value + missing / kept) for bits, value in zip(self.bits[:kept], self.values, strict=False)}


@api_boundary
def calibrate(engine: Any, num_qubits: int, *, shots: int = 10_000, seed: int | None = None) -> ReadoutCalibration:
    """How the qubits of an engine are read: all of them in 0, and all in 1, `shots` times each.

    Give a device's engine an `initial_layout`, or circuits may stand on other qubits than those that were calibrated.
    Raises `ShotsError` and `ValidationError` for bad numbers, `TargetCapabilityError` for an engine that gives no samples.
    """
    chosen = Executor(engine, seed, check_shots(shots))
    if num_qubits < 1:
        raise ValidationError(f"there are {num_qubits} qubits to calibrate")
    rates = []
    for value in (0, 1):
        prepared = chosen.engine.prepare(_all_in(value, num_qubits))
        bits = prepared.sample(np.zeros((1, 0)), shot_count(chosen.shots or 1), None if seed is None else seed + value)[0]
        rates.append(tuple((bits != value).mean(0).tolist()))
    return ReadoutCalibration(rates[0], rates[1], shots)


def _all_in(value: int, count: int) -> Circuit:
    qubits = np.arange(count, dtype=np.int32)
    nothing, nowhere = np.zeros(0, np.int32), np.full(count, -1, np.int32)
    flips = Run(np.zeros(count, np.int32), qubits, nothing, nowhere)
    reads = Run(np.ones(count, np.int32), qubits, qubits, nowhere)
    angles = AngleMap((), np.zeros(0), nothing, nothing, np.zeros(0))
    body = (flips, reads) if value else (reads,)
    return Circuit(count, count, (Kind("x", 1), Kind("measure", 1)), body, angles, name="calibration")


@dataclass(frozen=True)
class Corrected:
    """Estimates of a sample with the bits of each measurement basis corrected: see `qkernel.execution.shots.Sampled`."""

    sampled: Sampled
    calibration: ReadoutCalibration

    @property
    def metadata(self) -> dict[str, Any]:
        return self.sampled.metadata

    @property
    def readouts(self) -> Array:
        """As of `Sampled`."""
        circuit, batch = self.sampled.circuit, self.sampled.batch
        width = len(circuit.expectations) + sum(1 << len(qubits) for qubits in circuit.probabilities)
        values = np.zeros((batch, width))
        values[:, : len(circuit.expectations)] += [float(part.observable.constant.real) for part in circuit.expectations]
        for row in range(batch):
            for weights, counts, shots in self._weighed(row, np.eye(width), self.calibration):
                values[row] += counts @ weights / shots
        return values

    def standard_errors(self, slopes: Array) -> Array:
        """As of `Sampled`; what the calibration's own shots leave open included, to first order."""
        variance = np.zeros(slopes.shape[:2])
        for row, slope in enumerate(slopes):
            means = np.zeros(slopes.shape[1])
            for weights, counts, shots in self._weighed(row, slope, self.calibration):
                mean = counts @ weights / shots
                means += mean
                variance[row] += counts @ np.square(weights - mean) / max(shots - 1, 1) / shots
            for other in self._neighbours():
                moved = sum(counts @ weights / shots for weights, counts, shots in self._weighed(row, slope, other))
                variance[row] += (moved - means) ** 2
        return np.sqrt(variance)

    def _neighbours(self) -> list[ReadoutCalibration]:
        """The calibration with one rate each moved by its standard error."""
        own = self.calibration
        found: list[ReadoutCalibration] = []
        for name in ("zero_as_one", "one_as_zero"):
            rates = getattr(own, name)
            for k, rate in enumerate(rates):
                likely = (rate * own.shots + 1) / (own.shots + 2)  # not certain, though no shot was misread
                moved = rate + float(np.sqrt(likely * (1 - likely) / own.shots))
                changed: dict[str, Any] = {name: (*rates[:k], moved, *rates[k + 1 :])}
                found.append(replace(own, **changed))
        return found

    def _weighed(self, row: int, slope: Array, calibration: ReadoutCalibration) -> list[tuple[Array, Array, int]]:
        """For each basis what an outcome counts for, shape (outcomes, numbers), how often it came out, and the shots."""
        result = []
        for group, tally in zip(self.sampled.groups, self.sampled.tallies, strict=True):
            bits, counts = tally.row(row)
            qubits = tuple(group.bits)
            calibration.require(qubits)
            seen = np.flatnonzero(counts)
            read = bits[seen][:, [group.bits[qubit] for qubit in qubits]]
            first, totals = distinct_rows(read, counts[seen])
            is_last = group is self.sampled.groups[-1]
            numbers = numbers_of(self.sampled.circuit, group, is_last, bits[seen][first], slope)
            result.append((_solved(calibration.assignment(read[first], qubits).T, numbers), totals, tally.shots))
        return result


def _solved(matrix: Array, right: Array) -> Array:
    """The solution of a system close to the identity: directly, or by Jacobi's iteration, which needs no second matrix."""
    if len(matrix) <= _DIRECT:
        direct: Array = np.linalg.solve(matrix, right)
        return direct
    scale = np.diag(matrix) if right.ndim == 1 else np.diag(matrix)[:, None]
    found: Array = right / scale
    for _ in range(_MOST_STEPS):
        left = right - matrix @ found
        found = found + left / scale
        if np.abs(left).max() <= _TOLERANCE * max(np.abs(right).max(), 1e-300):
            return found
    raise ExecutionError("bits are misread so often that the outcomes cannot be told apart", help="read fewer qubits")
