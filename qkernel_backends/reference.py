"""The oracle: circuits by the definitions, in numpy, one sample and one gate at a time. Slow and obviously right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qkernel.engine import FEATURES
from qkernel.gates import pauli_matrix
from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Expr
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Body, Branch, Circuit, Instruction, Kind, Repeat, Run
from qkernel.lower.preparation import Load
from qkernel.observable import Hamiltonian
from qkernel.threads import poll
from qkernel_backends.guard import AtAnyAngle, guarded
from qkernel_backends.histories import check_branches, check_iterations, check_width, no_exact_value, no_state
from qkernel_backends.memory import require_memory, require_memory_for_shots
from qkernel_backends.releases import require_clean

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LinearMap:
    """A linear map on some qubits: a gate, or what a measurement or reset does to the state for one outcome.

    What sets a state has a `slots` entry for each amplitude, or each part of one, and no `kind`.
    """

    matrix: Array
    qubits: tuple[int, ...]
    slots: tuple[int, ...] = ()
    kind: Kind | None = None
    angles: tuple[float, ...] = ()


@dataclass(frozen=True)
class History:
    """A state of shape (2,) * num_qubits (axis 0: the highest qubit), and how it came about.

    Where all outcomes are followed the squared norm is the probability of this one, and `states` holds the state
    before each of `operations`. Where shots are drawn `shots` of them took this way and the norm is 1. `iterations` are
    those of run-time loops so far.
    """

    state: Array
    bits: tuple[int, ...]
    integers: tuple[int, ...] = ()
    shots: int = 0
    operations: tuple[LinearMap, ...] = ()
    states: tuple[Array, ...] = ()
    iterations: int = 0


Split = Callable[[History, list[LinearMap], bool], Iterator[tuple[int, History]]]


@dataclass(frozen=True)
class ReferenceEngine:
    """Runs every circuit, exactly and slowly; amplitudes are complex128 throughout."""

    name: str = "reference"
    features: frozenset[str] = FEATURES - {"device"}

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> ReferencePrepared:
        """`dtype` only sets the precision of what is handed back."""
        return ReferencePrepared(circuit, np.dtype(dtype))


@dataclass(frozen=True)
class ReferencePrepared(AtAnyAngle):
    """See `qkernel.engine.Prepared`."""

    circuit: Circuit
    dtype: np.dtype[Any]

    def with_open_slots(self, circuit: Circuit) -> ReferencePrepared:
        """See `AtAnyAngle`."""
        return ReferencePrepared(circuit, self.dtype)

    @guarded
    def expect(self, theta: Array) -> Array:
        """Sum over the histories of <psi|H|psi>."""
        rows = [
            [self._expect(histories, part.observable) for part in self.circuit.expectations] for histories in self._all(theta)
        ]
        return self._real(rows, len(theta), len(self.circuit.expectations))

    @guarded
    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """The chain rule along each history, backwards: d<psi|H|psi> = 2 Re <lambda|dU|psi>."""
        gradient = np.zeros((len(theta), self.circuit.angles.num_slots))
        rows = []
        for sample, histories in enumerate(self._all(theta, keep=True)):
            rows.append([self._expect(histories, part.observable) for part in self.circuit.expectations])
            for history in histories:
                costate = sum(
                    (weight * _observed(part.observable, history.state)
                     for part, weight in zip(self.circuit.expectations, cotangent[sample], strict=True)),
                    np.zeros_like(history.state),
                )  # fmt: skip
                for operation, before in zip(reversed(history.operations), reversed(history.states), strict=True):
                    for k, slot in enumerate(operation.slots):
                        moved = _apply(before, _derivative(operation, k), operation.qubits)
                        gradient[sample, slot] += 2 * np.vdot(costate, moved).real
                    costate = _apply(costate, operation.matrix.conj().T, operation.qubits)
        values = self._real(rows, len(theta), len(self.circuit.expectations))
        return values, self.circuit.angles.pullback(theta, gradient).astype(values.dtype)

    @guarded
    def probabilities(self, theta: Array) -> list[Array]:
        """Squared amplitudes, summed over the histories and the other qubits."""
        rows = [[_marginal(histories, qubits) for histories in self._all(theta)] for qubits in self.circuit.probabilities]
        return [
            self._real(row, len(theta), 2 ** len(qubits)) for row, qubits in zip(rows, self.circuit.probabilities, strict=True)
        ]

    @guarded
    def state(self, theta: Array) -> Array:
        """The only history's state, qubit 0 the least significant bit."""
        if not self.circuit.is_unitary:
            raise no_state(self.circuit)
        self._require_memory(2 * len(theta))
        rows = [history.state.reshape(-1) for (history,) in self._all(theta)]
        return np.array(rows, self.dtype).reshape(len(theta), 2**self.circuit.num_qubits)

    @guarded
    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """Shots that saw the same outcomes so far share their state; they are shuffled at the end."""
        require_memory_for_shots(len(theta), shots, self.circuit.memory_bits)
        result = np.zeros((len(theta), shots, self.circuit.memory_bits), np.uint8)
        generator = np.random.default_rng(seed)
        for sample, angles in enumerate(self.circuit.angles.evaluate(theta)):
            histories = self._run(self.circuit.body, [self._start(shots)], angles, _drawn(generator))
            rows = [np.tile(self._memory(history), (history.shots, 1)) for history in histories]
            result[sample] = generator.permutation(np.concatenate([result[sample, :0], *rows]), axis=0)
        return result

    def _start(self, shots: int = 0, keep: bool = False) -> History:
        self._require_memory(3 + (self.circuit.size if keep else 0))
        state = np.zeros((2,) * self.circuit.num_qubits, complex)
        state[(0,) * self.circuit.num_qubits] = 1
        return History(state, (0,) * self.circuit.num_bits, (0,) * len(self.circuit.integers), shots)

    def _memory(self, history: History) -> Array:
        return self.circuit.packed(np.array([history.bits], np.uint8), np.array([history.integers], np.int64))

    def _all(self, theta: Array, keep: bool = False) -> Iterator[list[History]]:
        """For each sample the histories of nonzero probability."""
        for angles in self.circuit.angles.evaluate(theta):
            yield self._run(self.circuit.body, [self._start(keep=keep)], angles, _followed, keep)

    def _real(self, rows: Any, batch: int, width: int) -> Array:
        return np.array(rows, self.dtype.type(0).real.dtype).reshape(batch, width)

    def _expect(self, histories: list[History], observable: Hamiltonian) -> float:
        return float(sum(np.vdot(history.state, _observed(observable, history.state)).real for history in histories))

    def _run(self, body: Body, histories: list[History], angles: Array, split: Split, keep: bool = False) -> list[History]:
        for part in body:
            match part:
                case Run():
                    for instruction in self.circuit.with_loads(self.circuit.instructions(part)):
                        poll()
                        histories = [
                            after for history in histories for after in _step(history, instruction, angles, split, keep)
                        ]
                        self._refuse_many(histories, split)
                case Assign(value=value):
                    histories = [self._assigned(history, part, int(_classical(value, history))) for history in histories]
                case Branch(condition, then, otherwise):
                    held = [history for history in histories if _classical(condition, history)]
                    rest = [history for history in histories if not _classical(condition, history)]
                    histories = self._run(then, held, angles, split, keep) + self._run(otherwise, rest, angles, split, keep)
                case Repeat():
                    histories = self._repeat(part, histories, angles, split)
        return histories

    def _assigned(self, history: History, part: Assign, value: int) -> History:
        key, number = part.variable
        if key == BITS.key:
            return replace(history, bits=_with(history.bits, number, value))
        check_width(self.circuit, part, value, value)
        return replace(history, integers=_with(history.integers, number, value))

    def _repeat(self, loop: Repeat, histories: list[History], angles: Array, split: Split) -> list[History]:
        if split is _followed:
            raise no_exact_value(self.circuit, loop)
        finished: list[History] = []
        while True:
            finished += [history for history in histories if not _classical(loop.condition, history)]
            histories = [history for history in histories if _classical(loop.condition, history)]
            if not histories:
                return finished
            histories = [replace(history, iterations=history.iterations + 1) for history in histories]
            check_iterations(self.circuit, loop, max(history.iterations for history in histories))
            histories = self._run(loop.body, histories, angles, split)

    def _require_memory(self, states: int) -> None:
        require_memory(self.circuit.num_qubits, 16, states * 16 << self.circuit.num_qubits)

    def _refuse_many(self, histories: list[History], split: Split) -> None:
        self._require_memory(2 + len(histories))  # as many again, for the next instruction, and what it works in
        if split is _followed:
            check_branches(self.circuit, len(histories))


def _step(history: History, instruction: Instruction | Load, angles: Array, split: Split, keep: bool) -> Iterator[History]:
    if isinstance(instruction, Load):
        slots = tuple(instruction.slots)
        vector = np.array([angles[slot] for slot in slots], float)
        matrix = _from_zero(vector, instruction.qubits)
        yield _after(history, LinearMap(matrix, instruction.qubits, slots, None, tuple(vector.tolist())), keep)
        return
    kind, qubits = instruction.kind, instruction.qubits
    match kind.name:
        case "barrier":
            yield history
        case "release":
            amplitudes = history.state.reshape(-1)
            require_clean(np.stack([amplitudes.real, amplitudes.imag])[None], instruction, amplitudes.dtype)
            yield history
        case "measure":
            for outcome, after in split(history, [LinearMap(_ZERO, qubits), LinearMap(_ONE, qubits)], keep):
                yield replace(after, bits=_with(after.bits, instruction.bits[0], outcome))
        case "reset":
            for _, after in split(history, [LinearMap(_ZERO, qubits), LinearMap(_LOWER, qubits)], keep):
                yield after
        case _:
            chosen = tuple(float(angles[slot]) for slot in instruction.slots)
            yield _after(history, LinearMap(kind.matrix(*chosen), qubits, instruction.slots, kind, chosen), keep)


def _from_zero(vector: Array, qubits: tuple[int, ...]) -> Array:
    """|state><0|, of real amplitudes or of real and imaginary parts in turn."""
    matrix = np.zeros((1 << len(qubits),) * 2, complex)
    matrix[:, 0] = vector if len(vector) == len(matrix) else vector.view(complex)
    return matrix


_ZERO, _ONE, _LOWER = (np.array(rows, complex) for rows in ([[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [0, 0]]))


def _after(history: History, operation: LinearMap, keep: bool) -> History:
    state = _apply(history.state, operation.matrix, operation.qubits)
    if not keep:
        return replace(history, state=state)
    return replace(history, state=state, operations=(*history.operations, operation), states=(*history.states, history.state))


def _followed(history: History, outcomes: list[LinearMap], keep: bool) -> Iterator[tuple[int, History]]:
    """Every outcome that can happen."""
    for outcome, operation in enumerate(outcomes):
        after = _after(history, operation, keep)
        if np.vdot(after.state, after.state).real > 1e-20:
            yield outcome, after


def _drawn(generator: np.random.Generator) -> Split:
    """The shots, dealt out to the outcomes by their probabilities."""

    def split(history: History, outcomes: list[LinearMap], keep: bool) -> Iterator[tuple[int, History]]:
        states = [_apply(history.state, operation.matrix, operation.qubits) for operation in outcomes]
        weights = [np.vdot(state, state).real for state in states]
        ones = int(generator.binomial(history.shots, min(1.0, weights[1] / sum(weights))))
        for outcome, shots in enumerate((history.shots - ones, ones)):
            if shots:
                yield outcome, replace(history, state=states[outcome] / np.sqrt(weights[outcome]), shots=shots)

    return split


def _with(values: tuple[int, ...], number: int, value: int) -> tuple[int, ...]:
    return (*values[:number], value, *values[number + 1 :])


def _classical(expression: Expr, history: History) -> Any:
    return evaluate(expression, {BITS.key: list(history.bits), INTEGERS.key: list(history.integers)})


def _apply(state: Array, matrix: Array, qubits: tuple[int, ...]) -> Array:
    """`matrix` on `qubits`, the first of them least significant."""
    axes = [state.ndim - 1 - qubit for qubit in reversed(qubits)]
    tensor = matrix.reshape((2,) * (2 * len(qubits)))
    moved = np.tensordot(tensor, state, axes=(list(range(len(qubits), 2 * len(qubits))), axes))
    return np.moveaxis(moved, list(range(len(qubits))), axes)


def _derivative(operation: LinearMap, k: int) -> Array:
    """The derivative of a gate's matrix by its angle k.

    A rotation's matrix is cos(a/2), sin(a/2) times constants, a phase's is affine in exp(ia), and the parts that
    controls leave alone do not depend on the angle.
    """
    if operation.kind is None:
        return _from_zero(np.eye(len(operation.angles))[k], operation.qubits)

    def shifted(by: float) -> Array:
        angles = list(operation.angles)
        angles[k] += by
        return operation.kind.matrix(*angles)  # type: ignore[union-attr]

    if operation.kind.angle_kinds[k] == "rotation":
        return (shifted(np.pi) - shifted(-np.pi)) / 4
    return 0.5j * (operation.matrix - shifted(np.pi))


def _observed(observable: Hamiltonian, state: Array) -> Array:
    """H|psi>, term by term."""
    result = observable.constant * state
    for operators, coefficient in observable.terms.items():
        moved = state
        for operator in operators:
            moved = _apply(moved, pauli_matrix(operator.pauli.value), (operator.index,))
        result = result + coefficient * moved
    return result


def _marginal(histories: list[History], qubits: tuple[int, ...]) -> Array:
    """Outcome probabilities of `qubits`, the first of them least significant."""
    weight: Array = np.sum([np.abs(history.state) ** 2 for history in histories], axis=0)
    axes = [weight.ndim - 1 - qubit for qubit in reversed(qubits)]
    others = tuple(axis for axis in range(weight.ndim) if axis not in axes)
    result: Array = np.transpose(weight, (*axes, *others)).reshape(1 << len(qubits), -1).sum(1)
    return result
