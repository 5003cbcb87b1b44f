"""Circuits whose measured bits decide: a state for each classical memory, its share the probability of that memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from qkernel.ir.evaluation import evaluate
from qkernel.ir.expressions import Expr
from qkernel.lower.circuit import BITS, INTEGERS, Assign, Body, Branch, Circuit, Instruction, Repeat, Run
from qkernel.noise import NoiseModel
from qkernel.threads import poll
from qkernel_backends.density.program import Program
from qkernel_backends.histories import check_branches, check_width, no_exact_value
from qkernel_backends.memory import require_memory

Array = np.ndarray[Any, Any]
Memory = tuple[tuple[int, ...], tuple[int, ...]]
"""The bits and the integers of a circuit."""

_NEGLIGIBLE = 1e-20


class Memories:
    """A circuit with noise as maps of states: one `program` if no measured bit decides anything, else None."""

    def __init__(self, circuit: Circuit, noise: NoiseModel) -> None:
        self.circuit, self.noise = circuit, noise
        self.program = Program(circuit, noise, circuit.instructions()) if circuit.is_straight else None
        self._any = self.program or Program(circuit, noise, ())
        self._programs: dict[tuple[int, int], Program] = {}

    def samples_at_once(self, batch: int, states: int) -> int:
        """See `Program`."""
        return self._any.samples_at_once(batch, states)

    def of_zs(self, qubits: Iterable[int]) -> Array:
        """See `Program`."""
        return self._any.of_zs(qubits)

    def final(self, angles: Array) -> Array:
        """The states behind the circuit, all memories together, at angles (samples, slots): shape (samples, words)."""
        if self.program is not None:
            states = self.program.start(len(angles))
            self.program.at(angles).forward(states)
            return states
        empty = (0,) * self.circuit.num_bits, (0,) * len(self.circuit.integers)
        found = self._run(self.circuit.body, {empty: self._start(len(angles))}, angles)
        total: Array = np.sum(list(found.values()), axis=0)
        return total

    def _start(self, samples: int) -> Array:
        return self._any.start(samples)[:, : 4**self.circuit.num_qubits]

    def _run(self, body: Body, states: dict[Memory, Array], angles: Array) -> dict[Memory, Array]:
        for part in body:
            match part:
                case Run():
                    states = self._straight(part, states, angles)
                case Assign(value=value):
                    states = _joined(
                        (self._assigned(part, memory, _value(value, memory)), own) for memory, own in states.items()
                    )
                case Branch(condition, then, otherwise):
                    held = {memory: own for memory, own in states.items() if _value(condition, memory)}
                    rest = {memory: own for memory, own in states.items() if memory not in held}
                    sides = [self._run(side, own, angles) for side, own in ((then, held), (otherwise, rest)) if own]
                    states = _joined(entry for side in sides for entry in side.items())
                case Repeat():
                    raise no_exact_value(self.circuit, part)
        return states

    def _straight(self, run: Run, states: dict[Memory, Array], angles: Array) -> dict[Memory, Array]:
        """The instructions between measurements as a program each; a measurement splits each memory into two."""
        gates: list[Instruction] = []
        for number, instruction in enumerate(self.circuit.instructions(run)):
            gates.append(instruction)
            if instruction.kind.name == "measure":
                states = self._moved((id(run), number), gates, states, angles)
                states = self._measured(instruction.qubits[0], instruction.bits[0], states)
                gates = []
        return self._moved((id(run), -1), gates, states, angles)

    def _moved(
        self, key: tuple[int, int], gates: list[Instruction], states: dict[Memory, Array], angles: Array
    ) -> dict[Memory, Array]:
        if not gates:
            return states
        if key not in self._programs:
            self._programs[key] = Program(self.circuit, self.noise, gates)
        program, result = self._programs[key], {}
        call = program.at(angles)
        for memory, own in states.items():
            poll()
            padded = np.zeros((len(own), program.num_words))
            padded[:, : own.shape[1]] = own
            call.forward(padded)
            result[memory] = padded[:, : own.shape[1]]
        return result

    def _measured(self, qubit: int, bit: int, states: dict[Memory, Array]) -> dict[Memory, Array]:
        """The state that goes with each value of the bit that is read; its letters X and Y on the qubit are 0 by now."""
        zero_as_one, one_as_zero = self.noise.readout_of(qubit)
        found = []
        require_memory(2 * self.circuit.num_qubits, 8, 2 * sum(own.nbytes for own in states.values()))
        for (bits, integers), own in states.items():
            letters = own.reshape(len(own), -1, 4, 4**qubit)
            is_0 = (letters[:, :, 0] + letters[:, :, 2]) / 2
            is_1 = (letters[:, :, 0] - letters[:, :, 2]) / 2
            for value, (of_0, of_1) in enumerate(((1 - zero_as_one, one_as_zero), (zero_as_one, 1 - one_as_zero))):
                after = np.zeros(letters.shape)
                after[:, :, 0] = of_0 * is_0 + of_1 * is_1
                after[:, :, 2] = of_0 * is_0 - of_1 * is_1
                if after[:, 0, 0, 0].max(initial=0.0) > _NEGLIGIBLE:
                    found.append((((*bits[:bit], value, *bits[bit + 1 :]), integers), after.reshape(own.shape)))
        result = _joined(found)
        check_branches(self.circuit, len(result))
        return result

    def _assigned(self, part: Assign, memory: Memory, value: int) -> Memory:
        bits, integers = memory
        key, number = part.variable
        if key == BITS.key:
            return (*bits[:number], value, *bits[number + 1 :]), integers
        check_width(self.circuit, part, value, value)
        return bits, (*integers[:number], value, *integers[number + 1 :])


def _value(expression: Expr, memory: Memory) -> int:
    bits, integers = memory
    return int(evaluate(expression, {BITS.key: list(bits), INTEGERS.key: list(integers)}))


def _joined(entries: Iterable[tuple[Memory, Array]]) -> dict[Memory, Array]:
    """Histories that left the same memory are one."""
    result: dict[Memory, Array] = {}
    for memory, own in entries:
        result[memory] = result[memory] + own if memory in result else own
    return result
