"""Circuits that measure on their way, or have noise: histories side by side, as rows of one array of states.

Shots that saw the same outcomes share a row. Rows wait at the step that they have come to, and the earliest step runs
first for all that wait there: so branches join again, and loops go on for the rows that are left. Where exact values are
asked for, rows with the same future are merged. A gradient goes the same way back, with the co-state of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.diagnostics import counted
from qkernel.engine import Prepared
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Const, Expr
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Circuit, Instruction, IntegerVariable
from qkernel.lower.integers import fits_words
from qkernel.noise import Channel, NoiseModel
from qkernel.threads import poll
from qkernel_backends.guard import AtAnyAngle, guarded
from qkernel_backends.histories import check_branches, check_iterations, check_width, no_exact_value, no_state
from qkernel_backends.memory import require_memory, require_memory_for_shots
from qkernel_backends.native.branching import (
    Collapse,
    Disturbance,
    Release,
    Step,
    Test,
    last_measurements,
    most_histories,
    read_later,
    steps,
)
from qkernel_backends.native.progress import progress
from qkernel_backends.native.rows import NEGLIGIBLE, Rows, Tape, collapsed, joined, kraus_weights, merged, parted, through
from qkernel_backends.native.stretches import Stretch, Stretches
from qkernel_backends.plan import Readout
from qkernel_backends.plan.plan import pauli_words
from qkernel_backends.plan.sampling import marginal
from qkernel_backends.plan.translate import angle_rows, extended, pulled_back
from qkernel_backends.releases import require_clean

Array = np.ndarray[Any, Any]

_ROOM = 1 << 26
"""Bytes of states that advance together."""

_STEP, _OPERATIONS = 100_000.0, 5
"""The nanoseconds of a step, and what it does for each amplitude besides gates, in gates."""

_STRETCH = 1 << 18
"""Amplitudes of a row that are read at once."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run: theta with its computed columns, who draws outcomes (None: all are followed), how many histories each sample has
    come to; and, if somebody is to go back, where it is noted what became of rows, and the gradient by the columns."""

    columns: Array
    generator: np.random.Generator | None
    histories: Array
    tape: Tape | None = None
    gradient: Array = field(default_factory=lambda: np.zeros(0))


class Trajectories(AtAnyAngle):
    """See `qkernel.engine.Prepared`; for circuits that measure, reset or branch, and for samples with noise.

    Each shot sees one of the Kraus operators of each channel, by its probability: Dalibard, Castin and Molmer, Phys. Rev.
    Lett. 68, 580 (1992).
    """

    def __init__(self, circuit: Circuit, dtype: np.dtype[Any], noise: NoiseModel | None = None) -> None:
        self.circuit, self.dtype, self.noise = circuit, dtype, noise
        self.real = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
        self.final, self.steps = last_measurements(circuit), steps(circuit, noise)
        self._fits_words = [_fits_words(step, circuit.integers) for step in self.steps]
        self._live = read_later(self.steps)
        self.limit = max(1, _ROOM // (2 * self.real.itemsize << circuit.num_qubits))
        self._stretches: dict[tuple[int, bool], Stretch] = {}

    @cached_property
    def most_rows(self) -> list[int]:
        """How many rows of one sample may come to each step."""
        return most_histories(self.steps, 1 << self.circuit.num_qubits)

    @property
    def cost(self) -> float:
        """The predicted nanoseconds of the exact values of one sample."""
        each = [len(step) + _OPERATIONS if isinstance(step, tuple) else _OPERATIONS for step in self.steps]
        moved = sum(rows * count for rows, count in zip(self.most_rows, each, strict=True))
        return len(self.steps) * _STEP + float(moved << self.circuit.num_qubits)

    def explain(self, batch: int = 1, batched: Sequence[int] | None = None) -> str:
        """How values and gradients are computed."""
        most = max(self.most_rows, default=1)
        return (
            f"{counted(self.circuit.num_qubits, 'qubit')}, {counted(batch, 'sample')}: up to {most} histories of "
            f"measured bits side by side, in {counted(len(self.steps), 'step')}\n"
            "gradients go the same way back, with a co-state for each history; those with the same future are merged"
        )

    @cached_property
    def _planned(self) -> Stretches:
        """Plans of the gates between two measurements."""
        return Stretches(self.circuit, angle_rows(self.circuit.angles), self.real)

    def state(self, theta: Array) -> Array:
        """There is none."""
        raise no_state(self.circuit)

    def with_open_slots(self, circuit: Circuit) -> Prepared:
        """See `AtAnyAngle`."""
        return Trajectories(circuit, self.dtype, self.noise)

    @guarded
    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`. Sums over the histories."""
        values = np.zeros((len(theta), len(self._read.words)))
        for rows in self._exact(theta):
            self._read_words(rows, values)
        return self._expectations(values)

    @guarded
    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`. The adjoint method along all histories, which part and join backwards."""
        self._require_no_loop()
        values, columns = np.zeros((len(theta), len(self._read.words))), extended(self.circuit, theta, self.real)
        gradient = np.zeros(columns.shape)
        weights = np.zeros_like(values)
        for k, entries in enumerate(self._read.sums):
            for word, factor in entries:
                weights[:, word] += 2 * factor * cotangent[:, k]
        at_once = max(1, self.limit // (2 * max(self.most_rows, default=1)))
        with progress("histories of measured bits, and back", len(theta)) as advance:
            for first in range(0, len(theta), at_once):
                samples = range(first, min(first + at_once, len(theta)))
                tape, pairs = Tape(1 << self.circuit.num_qubits, self.real), {}
                run = Run(columns, None, np.ones(len(theta), int), tape, gradient)
                for rows in self._from(self._start(samples, 1), run, len(self.steps)):
                    self._read_words(rows, values)
                    pairs[rows.number] = np.concatenate([rows.states, self._costate(rows, weights)], axis=1)
                tape.rewind(pairs)
                advance(len(samples))
        return self._expectations(values), pulled_back(self.circuit, theta, gradient).astype(self.real)

    @cached_property
    def _read(self) -> Readout:
        """What is read of the states, but what the last measurements leave nothing of."""
        count = self.circuit.num_qubits
        return pauli_words([part.observable for part in self.circuit.expectations], list(range(count)), count)

    @cached_property
    def _words_by_flips(self) -> dict[int, list[int]]:
        """The numbers of the words of each X part, but of those that the last measurements leave nothing of."""
        disturbed, found = sum(1 << qubit for qubit, _ in self.final), dict[int, list[int]]()
        for word, (x, _) in enumerate(self._read.words):
            if not x & disturbed:
                found.setdefault(x, []).append(word)
        return found

    def _read_words(self, rows: Rows, values: Array) -> None:
        """Add the expectation values of all words, shape (batch, words)."""
        for x, words in self._words_by_flips.items():
            masks = [self._read.words[word][1] for word in words]
            np.add.at(values, np.ix_(rows.sample, np.array(words)), _overlaps(rows.states, x, masks))

    def _expectations(self, values: Array) -> Array:
        """The expectation values, from those of the words."""
        result = np.zeros((len(values), len(self._read.sums)), self.real)
        for k, (entries, constant) in enumerate(zip(self._read.sums, self._read.constants, strict=True)):
            result[:, k] = sum(factor * values[:, word] for word, factor in entries) + constant
        return result

    def _costate(self, rows: Rows, weights: Array) -> Array:
        """What the words, weighted for each sample, make of the states."""
        indices = np.arange(rows.states.shape[2])
        result = np.zeros_like(rows.states)
        for x, words in self._words_by_flips.items():
            phases = np.zeros((len(weights), 2, len(indices)), self.real)
            for word in words:
                _, z = self._read.words[word]
                letters = (x & z).bit_count() % 4  # Y = i X Z
                sign = (1, 1, -1, -1)[letters] * (1 - 2 * (np.bitwise_count(indices & z) & 1).astype(self.real))
                phases[:, letters % 2] += weights[:, word, None] * sign
            factor, states = phases[rows.sample], rows.states
            real = factor[:, 0] * states[:, 0] - factor[:, 1] * states[:, 1]
            imaginary = factor[:, 0] * states[:, 1] + factor[:, 1] * states[:, 0]
            result[:, 0] += real[:, indices ^ x]
            result[:, 1] += imaginary[:, indices ^ x]
        return result

    @guarded
    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`. Sums over the histories."""
        result = [np.zeros((len(theta), 1 << len(qubits)), self.real) for qubits in self.circuit.probabilities]
        for rows in self._exact(theta):
            weights = np.square(rows.states).sum(1)
            for total, qubits in zip(result, self.circuit.probabilities, strict=True):
                np.add.at(total, rows.sample, marginal(weights, self.circuit.num_qubits, qubits))
        return result

    @guarded
    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        require_memory_for_shots(len(theta), shots, self.circuit.memory_bits)
        result = np.zeros((len(theta), shots, self.circuit.memory_bits), np.uint8)
        if not shots:
            return result
        generator, filled = np.random.default_rng(seed), np.zeros(len(theta), int)
        with progress(f"{shots} shots", result.shape[0] * shots) as advance:
            for rows in self._run(theta, shots, generator, advance):
                sample, memory = self._drawn(rows, generator)
                for k in np.unique(sample):
                    mine = memory[sample == k]
                    result[k, filled[k] : filled[k] + len(mine)] = mine
                    filled[k] += len(mine)
                advance(len(memory))
        for memory in result:
            generator.shuffle(memory, axis=0)
        return result

    def check(self, theta: Array) -> None:
        """Raise `UncleanAncillaError` where a kernel breaks its promise, at all outcomes."""
        last = max((k for k, step in enumerate(self.steps) if isinstance(step, Release)), default=-1)
        for _ in self._run(theta, 1, None, lambda done: None, last + 1):
            pass

    def _drawn(self, rows: Rows, generator: np.random.Generator) -> tuple[Array, Array]:
        """The sample of each shot and what it leaves, the last measurements drawn together."""
        chosen = np.repeat(np.arange(len(rows)), rows.shots)
        memory = self.circuit.packed(rows.bits, rows.integers)[chosen]
        if self.final:
            weights = marginal(np.square(rows.states).sum(1), self.circuit.num_qubits, tuple(q for q, _ in self.final))
            cumulative = np.cumsum(weights, axis=1, dtype=float)
            cumulative /= cumulative[:, -1:]
            cumulative += np.arange(len(rows))[:, None]
            found = np.searchsorted(cumulative.ravel(), chosen + generator.random(len(chosen)), side="right")
            outcomes = np.minimum(found - chosen * weights.shape[1], weights.shape[1] - 1)
            for k, (qubit, bit) in enumerate(self.final):
                memory[:, bit] = self._misread_bits(outcomes >> k & 1, qubit, generator)
        return rows.sample[chosen], memory

    def _misread_bits(self, outcomes: Array, qubit: int, generator: np.random.Generator) -> Array:
        """What is read of measured bits."""
        rates = (0.0, 0.0) if self.noise is None else self.noise.readout_of(qubit)
        if not any(rates):
            return outcomes
        return outcomes ^ (generator.random(len(outcomes)) < np.where(outcomes, rates[1], rates[0]))

    def _require_no_loop(self) -> None:
        for step in self.steps:
            if isinstance(step, Test) and step.loop is not None:
                raise no_exact_value(self.circuit, step.loop)

    def _exact(self, theta: Array) -> Iterator[Rows]:
        self._require_no_loop()
        with progress("histories of measured bits", len(theta)) as advance:
            yield from self._run(theta, 1, None, advance)

    def _run(
        self,
        theta: Array,
        shots: int,
        generator: np.random.Generator | None,
        advance: Callable[[float], None],
        stop: int | None = None,
    ) -> Iterator[Rows]:
        """The finished rows, in parts, or those that have come to step `stop`; without a generator those of all outcomes."""
        run = Run(extended(self.circuit, theta, self.real), generator, np.ones(len(theta), int))
        for first in range(0, len(theta), self.limit):
            samples = range(first, min(first + self.limit, len(theta)))
            for rows in self._from(self._start(samples, shots), run, len(self.steps) if stop is None else stop):
                advance(0)
                yield rows
            if generator is None:
                advance(len(samples))

    def _from(self, start: Rows, run: Run, stop: int) -> Iterator[Rows]:
        """What becomes of rows, until they come to step `stop`, in parts."""
        waiting = {0: [start]}
        while waiting:
            poll()
            # The earliest step lets branches join; where that takes too much room, the latest ends some rows first.
            crowded = run.tape is None and sum(len(rows) for parts in waiting.values() for rows in parts) > self.limit
            at = max(waiting) if crowded else min(waiting)
            rows = joined(waiting.pop(at), run.tape)
            if run.generator is None:
                rows = self._merged(at, rows, run)
            if crowded and len(rows) > self.limit:
                waiting[at] = [rows.take(slice(self.limit, None))]
                rows = rows.take(slice(self.limit))
            if at >= stop:
                yield rows
                continue
            for target, after in self._step(at, rows, run):
                if len(after):
                    waiting.setdefault(target, []).append(after)

    def _merged(self, at: int, rows: Rows, run: Run) -> Rows:
        fewer = merged(rows, self._live[at], run.tape)
        if fewer is not rows:
            np.subtract.at(run.histories, rows.sample, 1)
            np.add.at(run.histories, fewer.sample, 1)
        return fewer

    def _start(self, samples: range, shots: int) -> Rows:
        count = len(samples)
        amplitude = 2 * self.real.itemsize
        collapses = any(isinstance(step, Collapse) for step in self.steps)
        needed = (5 if collapses else 2) * amplitude * count << self.circuit.num_qubits
        more = "; a measurement makes two states of one, and gates work beside them" if collapses else ""
        require_memory(self.circuit.num_qubits, amplitude, needed, more, samples=count)
        states = np.zeros((count, 2, 1 << self.circuit.num_qubits), self.real)
        states[:, 0, 0] = 1
        bits, integers = np.zeros((count, self.circuit.num_bits), np.uint8), np.zeros((count, len(self.circuit.integers)), int)
        return Rows(states, bits, integers, np.array(samples), np.full(count, shots), np.zeros(count, int))

    def _step(self, at: int, rows: Rows, run: Run) -> Iterator[tuple[int, Rows]]:
        """The rows after a step, with the steps that they go on with."""
        match self.steps[at]:
            case Assign(value=value) as part:
                key, number = part.variable
                values = self._classical(at, value, rows)
                if key == INTEGERS.key:
                    check_width(self.circuit, part, int(values.min()), int(values.max()))
                (rows.bits if key == BITS.key else rows.integers)[:, number] = values
                yield at + 1, rows
            case Test(Const(False), target):
                yield target, rows
            case Test(condition, target, loop):
                held = self._classical(at, condition, rows).astype(bool)
                if not held.all():
                    rows, others = parted(rows, held, run.tape) if held.any() else (rows.take(held), rows)
                    yield target, others
                if loop is not None:
                    rows.iterations[:] += 1
                    check_iterations(self.circuit, loop, rows.iterations.max(initial=0))
                yield at + 1, rows
            case Release(instruction):
                require_clean(rows.states, instruction, self.dtype)
                yield at + 1, rows
            case Collapse() as collapse:
                after = self._collapsed(collapse, rows, run)
                yield at + 1, after if run.generator is None else self._misread(collapse, after, run.generator)
            case Disturbance(channel, qubits):
                assert run.generator is not None, "with noise there are no exact values here"
                yield at + 1, self._disturbed(channel, qubits, rows, run.generator)
            case gates:
                yield at + 1, self._moved(at, gates, rows, run)

    def _classical(self, at: int, expression: Expr, rows: Rows) -> Array:
        """The value of the expression of a step for each row: one by one in Python where a whole number may get large."""
        bits, integers = rows.bits.T.astype(np.int64), rows.integers.T
        if self._fits_words[at]:
            return np.broadcast_to(evaluate(expression, {BITS.key: bits, INTEGERS.key: integers}), len(rows))
        each = zip(bits.T.tolist(), integers.T.tolist(), strict=True)
        return np.array([evaluate(expression, {BITS.key: own, INTEGERS.key: numbers}) for own, numbers in each], object)

    def _moved(self, at: int, gates: tuple[Instruction, ...], rows: Rows, run: Run) -> Rows:
        """The rows after gates, by machine code."""
        alike = len(run.columns) == 1
        if (at, alike) not in self._stretches:
            self._stretches[at, alike] = self._planned.of(gates, alike)
        stretch, sample = self._stretches[at, alike], rows.sample
        if stretch.exchanges:
            self._require_memory(len(rows))
        if run.tape is not None:
            run.tape.note([rows], [rows], lambda pairs: [stretch.back(pairs, run.columns, sample, run.gradient)])
        states = stretch.onwards(rows.states, run.columns, sample)
        return rows if states is rows.states else replace(rows, states=states)

    def _collapsed(self, collapse: Collapse, rows: Rows, run: Run) -> Rows:
        """Each row once for each of its outcomes."""
        halves = rows.states.reshape(len(rows), 2, -1, 2, 1 << collapse.qubit)
        weights = np.einsum("rpaob,rpaob->or", halves, halves, dtype=float)
        if run.generator is None:
            kept = weights > NEGLIGIBLE[self.real.itemsize]
            np.add.at(run.histories, rows.sample, kept[0] & kept[1])
            check_branches(self.circuit, run.histories.max(initial=0))
            shots = np.stack([rows.shots, rows.shots])
        else:
            ones = run.generator.binomial(rows.shots, weights[1] / (weights[0] + weights[1]))
            shots = np.stack([rows.shots - ones, ones])
            kept = shots > 0
        self._require_memory(int(kept.sum()))
        after = collapsed(rows, collapse.qubit, collapse.bit, kept, shots, run.tape)
        if run.generator is not None:
            after.states[...] /= np.sqrt(weights[kept]).reshape(-1, 1, 1).astype(self.real)
        return after

    def _misread(self, collapse: Collapse, rows: Rows, generator: np.random.Generator) -> Rows:
        """Some shots of each row with the other bit."""
        rates = (0.0, 0.0) if self.noise is None or collapse.bit is None else self.noise.readout_of(collapse.qubit)
        if not any(rates):
            return rows
        wrong = generator.binomial(rows.shots, np.where(rows.bits[:, collapse.bit], rates[1], rates[0]))
        others = replace(rows.take(wrong > 0), shots=wrong[wrong > 0])
        others.bits[:, collapse.bit] ^= 1
        right = replace(rows, shots=rows.shots - wrong).take(wrong < rows.shots)
        self._require_memory(len(others))
        return joined([part for part in (right, others) if len(part)])

    def _disturbed(self, channel: Channel, qubits: tuple[int, ...], rows: Rows, generator: np.random.Generator) -> Rows:
        """Each row once for each Kraus operator that some of its shots see."""
        weights = kraus_weights(channel, qubits, rows.states)
        taken = generator.multinomial(rows.shots, weights / weights.sum(1, keepdims=True))
        parts = []
        for k, matrix in enumerate(channel.kraus):
            chosen = taken[:, k] > 0
            if not chosen.any():
                continue
            own = rows if chosen.all() else rows.take(chosen)
            shots, factors = taken[chosen, k], 1 / np.sqrt(weights[chosen, k])
            if not np.allclose(matrix, matrix[0, 0] * np.eye(len(matrix)), atol=1e-15):
                self._require_memory(2 * len(own))
                own = replace(own, states=through(matrix, qubits, own.states, factors))
            parts.append(replace(own, shots=shots))
        return joined(parts)

    def _require_memory(self, count: int) -> None:
        """Of so many further states."""
        amplitude = 2 * self.real.itemsize
        needed = amplitude * count << self.circuit.num_qubits
        require_memory(self.circuit.num_qubits, amplitude, needed, "; a measurement makes two states of one")


def _overlaps(states: Array, x: int, masks: list[int]) -> Array:
    """Expectation values of the Paulis with X on `x` and Z on each of `masks`, shape (rows, masks), of rows of states."""
    size = states.shape[2]
    stretch = min(size, _STRETCH)
    low = np.arange(stretch)
    result = np.zeros((len(states), len(masks)))
    for first in range(0, size, stretch):
        poll()
        other = first ^ (x & ~(stretch - 1))
        near, far = states[:, :, first : first + stretch], states[:, :, other : other + stretch]
        if x & (stretch - 1):
            far = far[:, :, low ^ (x & (stretch - 1))]
        parts = far[:, 0] * near[:, 0] + far[:, 1] * near[:, 1], far[:, 0] * near[:, 1] - far[:, 1] * near[:, 0]
        for k, z in enumerate(masks):
            letters = (x & z).bit_count() % 4  # Y = i X Z
            signs = 1 - 2 * (np.bitwise_count(low & z) & 1).astype(states.dtype)
            sign = (1 - 2 * ((first & z).bit_count() & 1)) * (1, -1, -1, 1)[letters]
            result[:, k] += sign * (parts[letters % 2] @ signs)
    return result


def _fits_words(step: Step, integers: tuple[IntegerVariable, ...]) -> bool:
    match step:
        case Assign(value=value) | Test(condition=value):
            return fits_words(value, integers)
    return True
