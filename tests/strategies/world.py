"""A state vector that gates act on at once: qubits made, cleaned and made again, measurements, and what is recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MOST_GATES, MOST_QUBITS, MOST_MEASUREMENTS = 600, 9, 60


class TooLarge(Exception):
    """The program is not worth running."""


class Invalid(Exception):
    """The program does what no kernel may do."""


@dataclass(frozen=True)
class Qubit:
    """One qubit of the state."""

    index: int


Operation = tuple[Any, tuple[int, ...]]


@dataclass(eq=False)
class Level:
    """The qubits that a kernel made which cleans its own, in the order made. They stand above those of its caller."""

    outer: Level | None = None
    made: list[int] = field(default_factory=list)

    @property
    def first(self) -> int:
        return self.outer.first + len(self.outer.made) if self.outer else 0


@dataclass
class World:
    """A state, the gates that wait to be applied, and the outcomes that measurements are told to have.

    Qubits that a kernel cleaned are made again; `arranged` puts the state in the order of a circuit that uses them again.
    """

    told: tuple[int, ...] = ()
    state: Any = field(default_factory=lambda: np.ones(1, complex))
    width: int = 0
    tape: list[Operation] = field(default_factory=list)
    gates: list[int] = field(default_factory=list)
    outcomes: list[int] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)
    measurements: int = 0
    asked: int = 0
    recording: int = 0
    level: Level = field(default_factory=Level)
    free: list[int] = field(default_factory=list)
    consumed: set[int] = field(default_factory=set)
    levels: list[Level] = field(default_factory=list)

    def fresh(self) -> Qubit:
        if not self.free:
            self.free.append(self.width)
            self.width += 1
            if self.width > MOST_QUBITS:
                raise TooLarge
        self.level.made.append(self.free.pop())
        return Qubit(self.level.made[-1])

    def enter(self) -> None:
        self.level = Level(self.level)

    def leave(self, returned: list[int]) -> None:
        """Release what the level made; what it returns or measured is its caller's."""
        level, outer = self.level, self.level.outer
        assert outer is not None
        kept = [qubit for qubit in level.made if qubit in returned or qubit in self.consumed]
        cleaned = [qubit for qubit in level.made if qubit not in kept]
        level.made = cleaned
        self.levels.append(level)
        self.level = outer
        outer.made += kept
        self.free += cleaned
        if cleaned and not self.recording:
            self.settle()
            index = np.arange(len(self.state))
            if any(np.linalg.norm(self.state[index >> qubit & 1 == 1]) > 1e-9 for qubit in cleaned):
                raise Invalid("an ancilla is not clean")

    def arranged(self) -> Any:
        """The state in the order of the circuit's qubits."""
        places = {qubit: place for place, qubit in enumerate(self.level.made)}
        qubits = max(level.first + len(level.made) for level in (self.level, *self.levels))
        index = np.arange(1 << qubits)
        ours = sum(((index >> place & 1) << qubit for qubit, place in places.items()), np.zeros_like(index))
        return np.where(index >> len(places) == 0, self.state[ours], 0)

    def apply(self, matrix: Any, qubits: tuple[int, ...]) -> None:
        if len(set(qubits)) < len(qubits):
            raise Invalid("a qubit twice")
        self.tape.append((matrix, qubits))
        if len(self.tape) > MOST_GATES:
            raise TooLarge

    def settle(self) -> None:
        """Apply what waits."""
        if self.recording:
            raise Invalid("no unitary operation")
        grown = np.zeros(1 << self.width, complex)
        grown[: len(self.state)] = self.state
        self.gates += [len(qubits) for _, qubits in self.tape if qubits]
        if len(self.gates) > MOST_GATES:
            raise TooLarge
        self.state = grown.reshape((2,) * self.width)
        for matrix, qubits in self.tape:
            self.state = acted(self.state, matrix, qubits)
        self.state, self.tape = self.state.reshape(-1), []

    def project(self, qubit: int, basis: str = "z") -> int:
        """The outcome of a measurement; the state is left with the norm that it had."""
        turn = {"z": np.eye(2), "x": np.array([[1, 1], [1, -1]]) / 2**0.5, "y": np.array([[1, -1j], [1, 1j]]) / 2**0.5}[basis]
        self.apply(turn, (qubit,))
        self.settle()
        self.gates.pop()
        parts = self.state.reshape(-1, 2, 1 << qubit)
        weights = [float(np.sum(np.abs(parts[:, k]) ** 2)) for k in (0, 1)]
        position = len(self.outcomes)
        if position >= MOST_MEASUREMENTS:
            raise TooLarge
        one = int(self.told[position]) if position < len(self.told) else int(weights[1] > weights[0])
        kept = np.zeros_like(parts)
        kept[:, one] = parts[:, one] / math.sqrt(weights[one])
        self.outcomes.append(one)
        self.chances.append(weights[one])
        self.state = kept.reshape(-1)
        self.apply(turn.conj().T, (qubit,))
        self.settle()
        self.gates.pop()
        return one


def acted(state: Any, matrix: Any, qubits: tuple[int, ...]) -> Any:
    """`matrix` on `qubits`, the first least significant."""
    count, width = len(qubits), state.ndim
    axes = [width - 1 - qubit for qubit in reversed(qubits)]
    moved = np.tensordot(np.asarray(matrix).reshape((2,) * (2 * count)), state, (range(count, 2 * count), axes))
    return np.moveaxis(moved, range(count), axes)
