"""What answers while the machine code is being compiled: another engine, until between two calls the native one takes over."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from qkernel.engine import Prepared, SampleRequest, load_engine, tally
from qkernel.lower.circuit import Circuit
from qkernel.tallies import Tally
from qkernel_backends.large_angles import SlotAngles
from qkernel_backends.native.background import Compilation
from qkernel_backends.native.split import NativeSplit
from qkernel_backends.plan.sampling import FinalMeasurements, draw

Array = np.ndarray[Any, Any]

_MOST = 1 << 26
"""Amplitudes that gates move in one call: more would take longer than compiling does."""


class Interim:
    """See `qkernel.engine.Prepared`. `native` takes over when the compilation is over, and has what takes too long before.

    So do samples under a seed of circuits that measure on their way, for each engine draws those in its own order.
    """

    def __init__(self, native: Any, circuit: Circuit, final: FinalMeasurements | None, compilation: Compilation) -> None:
        self.native, self.circuit, self.final, self.compilation = native, circuit, final, compilation
        self._gates = circuit if final is None else circuit.without_measurements
        measured = sum(kind.name in ("measure", "reset") for kind in self._gates.kinds)
        self._work = self._gates.size << self._gates.num_qubits + measured

    def __getattr__(self, name: str) -> Any:
        return getattr(self.native, name)

    def stands_in(self, batch: int) -> bool:
        """Whether the other engine does so many samples."""
        return batch * self._work <= _MOST and not self.compilation.is_over

    def other(self, circuit: Circuit) -> Prepared:
        """A circuit made ready by the other engine: torch, if the user has it loaded, is the faster one."""
        return load_engine("torch" if "torch" in sys.modules else "reference").prepare(circuit, self.native.dtype)

    @cached_property
    def _other(self) -> Prepared:
        return self.other(self._gates)

    @cached_property
    def _measured(self) -> Prepared:
        """For the probabilities of what is measured last."""
        assert self.final is not None
        qubits = tuple(qubit for qubit, _ in self.final.measured)
        return self.other(replace(self._gates, expectations=(), probabilities=(qubits,), outputs=()))

    def _now(self, theta: Array) -> Prepared:
        now: Prepared = self._other if self.stands_in(len(theta)) else self.native
        return now

    def expect(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        return self._now(theta).expect(theta)

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """See `qkernel.engine.Prepared`."""
        return self._now(theta).expect_vjp(theta, cotangent)

    def probabilities(self, theta: Array) -> list[Array]:
        """See `qkernel.engine.Prepared`."""
        return self._now(theta).probabilities(theta)

    def state(self, theta: Array) -> Array:
        """See `qkernel.engine.Prepared`."""
        now = self._now(theta) if self.circuit.is_unitary else self.native
        amplitudes: Array = now.state(theta)
        return amplitudes

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """See `qkernel.engine.Prepared`."""
        stands_in = self.stands_in(len(theta))
        if stands_in and self.final is not None:
            (weights,) = self._measured.probabilities(theta)
            return draw(weights, self.final.measured, self.circuit.num_bits, shots, seed)
        return (self._other if stands_in and seed is None else self.native).sample(theta, shots, seed)

    def tally(self, theta: Array, shots: int, seed: int | None) -> Tally:
        """See `qkernel.engine.Tallies`."""
        if self.stands_in(len(theta)):
            return Tally.of_shots(self.sample(theta, shots, seed))
        return tally(SampleRequest(self.native, theta, shots, seed))

    def check_releases(self, theta: Array) -> None:
        """See `AtAnyAngle`; the other engine looks with every value."""
        if not self.stands_in(len(theta)):
            self.native.check_releases(theta)

    def split(self, batched: Sequence[int], shared: Sequence[int]) -> Any:
        """See `NativePrepared`; None where the engine has none."""
        if self.compilation.is_over or not hasattr(self.native, "split"):
            return self.native.split(batched, shared) if hasattr(self.native, "split") else None
        return InterimSplit(self, batched, shared)


class InterimSplit(NativeSplit):
    """See `NativeSplit`."""

    def __init__(self, interim: Interim, batched: Sequence[int], shared: Sequence[int]) -> None:
        super().__init__(interim.native.circuit, interim.native.dtype, batched, shared)
        self._interim = interim

    def evaluate(self, count: int, inputs: int, weights: int, values: int, mark: object | None = None) -> bool:
        """See `NativeSplit`."""
        if not self._interim.stands_in(count):
            return super().evaluate(count, inputs, weights, values, mark)
        own = self._arrays(count)
        own.take(inputs, weights)
        self._evaluate_slots(own, *self._other)
        own.give(values)
        self._give_back(own)
        return False

    def differentiate(
        self,
        count: int,
        inputs: int,
        weights: int,
        cotangent: int,
        values: int,
        by_inputs: int,
        by_weights: int,
        mark: object | None = None,
    ) -> None:
        """See `NativeSplit`."""
        if not self._interim.stands_in(count):
            super().differentiate(count, inputs, weights, cotangent, values, by_inputs, by_weights, mark)
            return
        own = self._arrays(count)
        own.take(inputs, weights, cotangent)
        self._differentiate_slots(own, *self._other)
        own.give(values, by_inputs, by_weights)
        self._give_back(own)

    @cached_property
    def _other(self) -> tuple[SlotAngles, _Batched]:
        slots = SlotAngles(self.circuit)
        return slots, _Batched(self._interim.other(slots.circuit))


@dataclass(frozen=True)
class _Batched:
    """What `NativeSplit` has, of a `Prepared` all of whose columns come per sample."""

    prepared: Prepared

    def value(self, inputs: Array, weights: Array) -> Array:
        return self.prepared.expect(inputs)

    def vjp(self, inputs: Array, weights: Array, cotangent: Array) -> tuple[Array, Array, Array]:
        values, gradient = self.prepared.expect_vjp(inputs, cotangent)
        return values, gradient, weights
