"""Circuits that measure on their way, or have noise: histories side by side, as rows of one array of states.

Shots that saw the same outcomes share a row. Rows wait at the step that they have come to, and the earliest step runs
first for all that wait there: so branches join again, and loops go on for the rows that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from qkernel.engine import Prepared
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Expr
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Circuit, Instruction, IntegerVariable
from qkernel.lower.integers import fits_words
from qkernel.noise import Channel, NoiseModel
from qkernel_backends.guard import AtAnyAngle, guarded
from qkernel_backends.histories import check_branches, check_iterations, check_width, no_exact_value, no_state
from qkernel_backends.memory import require_memory, require_memory_for_shots
from qkernel_backends.native.branching import Collapse, Disturbance, Release, Step, Test, last_measurements, steps
from qkernel_backends.native.cache import planner
from qkernel_backends.native.encode import encode
from qkernel_backends.native.progress import progress
from qkernel_backends.native.runner import WORTH_THREADS, Runner
from qkernel_backends.native.split import lane_bits
from qkernel_backends.plan import Plan, compile_plan
from qkernel_backends.plan.operations import AngleColumns
from qkernel_backends.plan.plan import pauli_words
from qkernel_backends.plan.sampling import marginal, ordered
from qkernel_backends.plan.translate import angle_rows, extended
from qkernel_backends.reference import ReferenceEngine
from qkernel_backends.releases import require_clean
from qkernel_backends.threads import current, num_threads, poll, together

Array = np.ndarray[Any, Any]

_ROOM = 1 << 26
"""Bytes of states that advance together."""

_STRETCH = 1 << 18
"""Amplitudes of a row that are read at once."""

_NEGLIGIBLE = {4: 1e-12, 8: 1e-20}
"""By the bytes of a real number: outcomes of a smaller probability are rounding errors."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Histories: states (rows, 2, 2**n) of real and imaginary parts, bits (rows, bits), integers (rows, integers), and for
    each row its sample, how many shots took it, and the iterations of loops so far. Without shots the squared norm is the
    probability."""

    states: Array
    bits: Array
    integers: Array
    sample: Array
    shots: Array
    iterations: Array

    def __len__(self) -> int:
        return len(self.sample)

    def take(self, chosen: Any) -> Rows:
        return Rows(*(getattr(self, field.name)[chosen] for field in fields(self)))


def _joined(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    return Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows)))


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
        self.limit = max(1, _ROOM // (2 * self.real.itemsize << circuit.num_qubits))
        self._plans: dict[tuple[int, bool], Plan] = {}
        self._runners: dict[tuple[int, bool, int], Runner] = {}

    @cached_property
    def _angles(self) -> AngleColumns:
        """Read once for all stretches."""
        return angle_rows(self.circuit.angles)

    def state(self, theta: Array) -> Array:
        """There is none."""
        raise no_state(self.circuit)

    def with_open_slots(self, circuit: Circuit) -> Prepared:
        """See `AtAnyAngle`."""
        return Trajectories(circuit, self.dtype, self.noise)

    @guarded
    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`. Sums over the histories."""
        count = self.circuit.num_qubits
        read = pauli_words([part.observable for part in self.circuit.expectations], list(range(count)), count)
        disturbed = sum(1 << qubit for qubit, _ in self.final)
        values = np.zeros((len(theta), len(read.words)))
        for rows in self._exact(theta):
            for x in {x for x, _ in read.words if not x & disturbed}:
                words = np.array([k for k, (other, _) in enumerate(read.words) if other == x])
                np.add.at(values, np.ix_(rows.sample, words), _overlaps(rows.states, x, [read.words[k][1] for k in words]))
        sums = [sum(factor * values[:, word] for word, factor in entries) for entries in read.sums]
        result = np.zeros((len(theta), len(sums)), self.real)
        for k, (total, constant) in enumerate(zip(sums, read.constants, strict=True)):
            result[:, k] = total + constant
        return result

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`. The reference engine's, history by history."""
        return ReferenceEngine().prepare(self.circuit, self.dtype).expect_vjp(theta, cotangent)

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
                memory[:, bit] = self._read(outcomes >> k & 1, qubit, generator)
        return rows.sample[chosen], memory

    def _read(self, outcomes: Array, qubit: int, generator: np.random.Generator) -> Array:
        """What is read of measured bits."""
        rates = (0.0, 0.0) if self.noise is None else self.noise.readout_of(qubit)
        if not any(rates):
            return outcomes
        return outcomes ^ (generator.random(len(outcomes)) < np.where(outcomes, rates[1], rates[0]))

    def _exact(self, theta: Array) -> Iterator[Rows]:
        for step in self.steps:
            if isinstance(step, Test) and step.loop is not None:
                raise no_exact_value(self.circuit, step.loop)
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
        stop = len(self.steps) if stop is None else stop
        columns, histories = extended(self.circuit, theta, self.real), np.ones(len(theta), int)
        for first in range(0, len(theta), self.limit):
            waiting: dict[int, list[Rows]] = {0: [self._start(range(first, min(first + self.limit, len(theta))), shots)]}
            while waiting:
                poll()
                # The earliest step lets branches join; where that takes too much room, the latest ends some rows first.
                crowded = sum(len(rows) for parts in waiting.values() for rows in parts) > self.limit
                at = max(waiting) if crowded else min(waiting)
                rows = _joined(waiting.pop(at))
                if len(rows) > self.limit:
                    waiting[at] = [rows.take(slice(self.limit, None))]
                    rows = rows.take(slice(self.limit))
                advance(0)
                if at >= stop:
                    yield rows
                    continue
                for target, after in self._step(at, rows, columns, generator, histories):
                    if len(after):
                        waiting.setdefault(target, []).append(after)
            if generator is None:
                advance(min(self.limit, len(theta) - first))

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

    def _step(
        self, at: int, rows: Rows, columns: Array, generator: np.random.Generator | None, histories: Array
    ) -> Iterator[tuple[int, Rows]]:
        """The rows after a step, with the steps that they go on with."""
        match self.steps[at]:
            case Assign(value=value) as part:
                key, number = part.variable
                values = self._classical(at, value, rows)
                if key == INTEGERS.key:
                    check_width(self.circuit, part, int(values.min()), int(values.max()))
                (rows.bits if key == BITS.key else rows.integers)[:, number] = values
                yield at + 1, rows
            case Test(condition, target, loop):
                held = self._classical(at, condition, rows).astype(bool)
                if not held.all():
                    yield target, rows.take(~held) if held.any() else rows
                    rows = rows.take(held)
                if loop is not None:
                    rows.iterations[:] += 1
                    check_iterations(self.circuit, loop, rows.iterations.max(initial=0))
                yield at + 1, rows
            case Release(instruction):
                require_clean(rows.states, instruction, self.dtype)
                yield at + 1, rows
            case Collapse() as collapse:
                after = self._collapsed(collapse, rows, generator, histories)
                yield at + 1, after if generator is None else self._misread(collapse, after, generator)
            case Disturbance(channel, qubits):
                assert generator is not None, "with noise there are no exact values here"
                yield at + 1, self._disturbed(channel, qubits, rows, generator)
            case gates:
                yield at + 1, self._moved(at, gates, rows, columns) if gates else rows

    def _classical(self, at: int, expression: Expr, rows: Rows) -> Array:
        """The value of the expression of a step for each row: one by one in Python where a whole number may get large."""
        bits, integers = rows.bits.T.astype(np.int64), rows.integers.T
        if self._fits_words[at]:
            return np.broadcast_to(evaluate(expression, {BITS.key: bits, INTEGERS.key: integers}), len(rows))
        each = zip(bits.T.tolist(), integers.T.tolist(), strict=True)
        return np.array([evaluate(expression, {BITS.key: own, INTEGERS.key: numbers}) for own, numbers in each], object)

    def _moved(self, at: int, gates: tuple[Instruction, ...], rows: Rows, columns: Array) -> Rows:
        """The rows after gates, by machine code; angles that all rows share are looked at once."""
        alone, every = len(columns) == 1, range(columns.shape[1])
        if (at, alone) not in self._plans:
            self._plans[at, alone] = compile_plan(
                self.circuit, () if alone else every, False, gates, False, self._angles, planner()
            )
        plan, bits = self._plans[at, alone], lane_bits(self.circuit.num_qubits, len(rows), self.real)
        if (at, alone, bits) not in self._runners:
            code = encode(plan, bits, self.real, {k: k for k in every}, from_zero=False, costate=False)
            self._runners[at, alone, bits] = Runner(code)
        runner, samples, computation = self._runners[at, alone, bits], 1 << bits, current()
        inputs, shared = (np.zeros((len(rows), 0), self.real), columns[0]) if alone else (columns[rows.sample], columns[:0])

        def move(first: int, last: int) -> None:
            work = runner.workspace()
            work.evolve(rows.states, inputs, shared, first, last, computation)
            computation.check()
            if runner.program.bytes <= _ROOM:
                runner.idle.append(work)

        chunks = -(-len(rows) // samples)
        share = samples * -(-chunks // (num_threads() if runner.program.cost * chunks > WORTH_THREADS else 1))
        together([partial(move, first, min(first + share, len(rows))) for first in range(0, len(rows), share)], computation)
        if plan.place == tuple(range(plan.num_qubits)):
            return rows
        self._require_memory(len(rows))
        states = ordered(rows.states.reshape(2 * len(rows), -1), plan.place).reshape(rows.states.shape)
        return replace(rows, states=states)

    def _collapsed(self, collapse: Collapse, rows: Rows, generator: np.random.Generator | None, histories: Array) -> Rows:
        """Each row once for each of its outcomes."""
        halves = rows.states.reshape(len(rows), 2, -1, 2, 1 << collapse.qubit)
        weights = [np.einsum("rpab,rpab->r", half, half, dtype=float) for half in (halves[:, :, :, 0], halves[:, :, :, 1])]
        if generator is None:
            kept = [weight > _NEGLIGIBLE[self.real.itemsize] for weight in weights]
            np.add.at(histories, rows.sample, kept[0] & kept[1])
            check_branches(self.circuit, histories.max(initial=0))
            shots = [rows.shots, rows.shots]
        else:
            ones = generator.binomial(rows.shots, weights[1] / (weights[0] + weights[1]))
            shots = [rows.shots - ones, ones]
            kept = [taken > 0 for taken in shots]
        count = int(kept[0].sum() + kept[1].sum())
        self._require_memory(count)
        states = np.zeros((count, *halves.shape[1:]), self.real)
        parts, begin = [], 0
        for outcome in (0, 1):
            chosen: Any = slice(None) if kept[outcome].all() else kept[outcome]
            bits = rows.bits[kept[outcome]]
            half = states[begin : begin + len(bits), :, :, 0 if collapse.bit is None else outcome]
            half[...] = halves[chosen, :, :, outcome]
            if generator is not None:
                half /= np.sqrt(weights[outcome][chosen]).reshape(-1, 1, 1, 1).astype(self.real)
            if collapse.bit is not None:
                bits[:, collapse.bit] = outcome
            parts.append((bits, rows.integers[chosen], rows.sample[chosen], shots[outcome][chosen], rows.iterations[chosen]))
            begin += len(bits)
        return Rows(states.reshape(count, *rows.states.shape[1:]), *map(np.concatenate, zip(*parts, strict=True)))

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
        return _joined([part for part in (right, others) if len(part)])

    def _disturbed(self, channel: Channel, qubits: tuple[int, ...], rows: Rows, generator: np.random.Generator) -> Rows:
        """Each row once for each Kraus operator that some of its shots see."""
        weights = _kraus_weights(channel, qubits, rows.states)
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
                own = replace(own, states=_through(matrix, qubits, own.states, factors))
            parts.append(replace(own, shots=shots))
        return _joined(parts)

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


def _kraus_weights(channel: Channel, qubits: tuple[int, ...], states: Array) -> Array:
    """The probability of each Kraus operator in each row, shape (rows, operators)."""
    if channel.weights is not None:
        return np.tile(channel.weights, (len(states), 1))
    amplitudes = _of_qubits(states, qubits)
    reduced = amplitudes @ amplitudes.conj().transpose(0, 2, 1)
    weights = [np.einsum("ab,rba->r", matrix.conj().T @ matrix, reduced).real for matrix in channel.kraus]
    found: Array = np.maximum(np.stack(weights, axis=1), 0.0)
    return found


def _split(count: int, qubits: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """A shape of states of `count` qubits behind the axis of rows with an axis for each of some qubits, and their axes."""
    shape, axes, above = [-1], {}, count
    for qubit in sorted(qubits, reverse=True):
        shape += [1 << above - qubit - 1, 2]
        axes[qubit], above = len(shape) - 1, qubit
    return [*shape, 1 << above], [axes[qubit] for qubit in reversed(qubits)]


def _of_qubits(states: Array, qubits: tuple[int, ...]) -> Array:
    """Amplitudes (rows, 2**k, others) of states (rows, 2, 2**n), by the value of some qubits, the first least significant."""
    shape, axes = _split(states.shape[2].bit_length() - 1, qubits)
    amplitudes = np.moveaxis((states[:, 0] + 1j * states[:, 1]).reshape(shape), axes, range(1, 1 + len(axes)))
    result: Array = amplitudes.reshape(len(states), 1 << len(qubits), -1)
    return result


def _through(matrix: Array, qubits: tuple[int, ...], states: Array, factors: Array) -> Array:
    """Rows of states behind a matrix on some qubits, each times its factor."""
    shape, axes = _split(states.shape[2].bit_length() - 1, qubits)
    amplitudes = _of_qubits(states, qubits)
    moved = np.zeros_like(amplitudes)
    for row, column in zip(*np.nonzero(matrix), strict=True):  # few: no call of a library that would start threads
        moved[:, row] += complex(matrix[row, column]) * amplitudes[:, column]
    others = [size for axis, size in enumerate(shape) if axis not in axes]
    tensor = moved.reshape(-1, *(2,) * len(axes), *others[1:])
    back = np.moveaxis(tensor, range(1, 1 + len(axes)), axes).reshape(len(states), -1)
    back = back * factors[:, None].astype(states.dtype)
    return np.stack([back.real, back.imag], axis=1)


def _fits_words(step: Step, integers: tuple[IntegerVariable, ...]) -> bool:
    match step:
        case Assign(value=value) | Test(condition=value):
            return fits_words(value, integers)
    return True
