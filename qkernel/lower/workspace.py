"""Workspace: the qubits that kernels make and clean, which others make again from the same ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from qkernel.diagnostics import Span, written_name
from qkernel.errors import UncleanAncillaError
from qkernel.lower.angles import Array
from qkernel.lower.circuit import Box, Circuit, Promise, Run, parts

MOST_LEFT = {np.dtype(np.complex64): 1e-5, np.dtype(np.complex128): 1e-12}
"""The probability up to which a qubit is taken to be in 0, by the precision of the amplitudes."""

NAME = "workspace"
"""Of the register of those qubits whose own names changed."""


@dataclass(eq=False, slots=True)
class Level:
    """What a kernel makes that is used again after it.

    It stands above what those make that call it, and below what those do that it calls.
    """

    outer: Level | None
    qubits: list[int] = field(default_factory=list)
    made: list[tuple[int, int, str, Span | None]] = field(default_factory=list)
    first: int = 0

    def promise(self, kernel: str, qubits: Sequence[int]) -> Promise:
        """That some of the qubits are back in 0."""
        origins = {qubit: (name, span) for qubit, name, span in self.origins()}
        names, spans = zip(*(origins[qubit] for qubit in qubits), strict=True)
        return Promise(kernel, names, spans)

    def origins(self) -> Iterator[tuple[int, str, Span | None]]:
        """Each qubit made here, under its name in the source."""
        for first, size, name, span in self.made:
            name = written_name(name)
            for k in range(size):
                yield first + k, f"{name}[{k}]" if size > 1 else name, span


class Workspace:
    """The levels of a circuit. Its qubits are numbered as they are made; `places` says where each stands in the end."""

    def __init__(self) -> None:
        self.level = Level(None)
        self._levels = [self.level]

    def make(self, first: int, size: int, name: str, span: Span | None) -> None:
        """Note a new register."""
        self.level.qubits += range(first, first + size)
        self.level.made.append((first, size, name, span))

    def enter(self) -> None:
        """Begin a kernel that cleans what it makes."""
        self.level = Level(self.level)
        self._levels.append(self.level)

    @contextmanager
    def inside(self, level: Level) -> Iterator[None]:
        """Do in another level, which may have ended, what was called in it; what is left there is as if made here."""
        here, self.level = self.level, level
        qubits, made = len(level.qubits), len(level.made)
        yield
        self.level = here
        if level is not here:
            here.qubits += level.qubits[qubits:]
            here.made += level.made[made:]
            del level.qubits[qubits:], level.made[made:]

    def leave(self, free: Container[int]) -> Level:
        """End it. What is not `free` to be used again is as if its caller had made it."""
        level, outer = self.level, self.level.outer
        assert outer is not None
        self.level = outer
        outer.qubits += [qubit for qubit in level.qubits if qubit not in free]
        outer.made += [(qubit, 1, name, span) for qubit, name, span in level.origins() if qubit not in free]
        level.qubits = [qubit for qubit in level.qubits if qubit in free]
        return level

    def places(self, count: int) -> Array | None:
        """Where each of `count` qubits stands; None where all stand where they were made."""
        if len(self._levels) == 1:
            return None
        places = np.empty(count, np.int32)
        for level in self._levels:
            level.first = level.outer.first + len(level.outer.qubits) if level.outer else 0
            places[level.qubits] = np.arange(level.first, level.first + len(level.qubits))
        return None if np.array_equal(places, np.arange(count)) else places


def broken(promise: Promise, k: int, probability: float) -> UncleanAncillaError:
    """The error for the k-th qubit of a promise, which is found in 1."""
    name = promise.names[k]
    return UncleanAncillaError(
        f"`{promise.kernel}` does not bring `{name}` back to 0: it is 1 with probability {probability:.3g}",
        span=promise.spans[k],
        label="made here",
        help=f"undo what entangles `{name}`, or return it, or take away `clean_ancillas=True`",
    )


def placed(circuit: Circuit, places: Array) -> Circuit:
    """A circuit that has qubit k at `places[k]`, several at one. Its runs are changed."""

    def moved(qubits: Sequence[int]) -> tuple[int, ...]:
        return tuple(places[list(qubits)].tolist())

    for part in parts(circuit.body):
        if isinstance(part, Run):
            part.qubits[:] = places[part.qubits]
    mapping = dict(enumerate(places.tolist()))
    return replace(
        circuit,
        num_qubits=int(places.max()) + 1,
        expectations=tuple(replace(each, observable=each.observable.remap_qubits(mapping)) for each in circuit.expectations),
        probabilities=tuple(map(moved, circuit.probabilities)),
        registers=tuple(_registers((name, moved(qubits)) for name, qubits in circuit.registers)),
        boxes=tuple(Box(box.label, box.start, box.stop, tuple(dict.fromkeys(moved(box.qubits)))) for box in circuit.boxes),
        inputs=moved(circuit.inputs),
        returned=moved(circuit.returned),
        clean=tuple((promise, moved(qubits)) for promise, qubits in circuit.clean),
        loads=tuple(replace(load, qubits=moved(load.qubits)) for load in circuit.loads),
    )


def _registers(made: Iterator[tuple[str, tuple[int, ...]]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each register that shares no qubit with another, and one of all that are shared."""
    registers = list(made)
    uses = Counter(qubit for _, qubits in registers for qubit in qubits)
    named = {qubit for _, qubits in registers if all(uses[qubit] == 1 for qubit in qubits) for qubit in qubits}
    yield from ((name, qubits) for name, qubits in registers if named.issuperset(qubits))
    if shared := tuple(sorted(uses.keys() - named)):
        yield NAME, shared
