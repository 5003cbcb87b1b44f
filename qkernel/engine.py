"""What an engine is, and the registry of engines.

An engine runs circuits. It is found by entry point (group `qkernel.engines`); a third party's engine implements this
protocol and runs the conformance suite (`pytest --engine=NAME`).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from qkernel.lower.circuit import Circuit

Array = np.ndarray[Any, Any]


class Prepared(Protocol):
    """A circuit made ready by an engine. `theta` has shape (batch, columns of the angle map), float32 or float64.

    Every method may be called from several threads and leaves no trace on the circuit. What the engine's `features`
    do not name raises `TargetCapabilityError`.
    """

    def expect(self, theta: Array) -> Array:
        """Exact expectation values of `circuit.expectations`, shape (batch, number of expectations)."""
        ...

    def expect_vjp(self, theta: Array, cotangent: Array) -> tuple[Array, Array]:
        """Values as in `expect`, and the gradient of sum(cotangent * values) by theta, shape (batch, columns)."""
        ...

    def probabilities(self, theta: Array) -> list[Array]:
        """For each entry of `circuit.probabilities` an array (batch, 2**k)."""
        ...

    def state(self, theta: Array) -> Array:
        """Final amplitudes of a unitary circuit, shape (batch, 2**num_qubits), global phase included."""
        ...

    def sample(self, theta: Array, shots: int, seed: int | None) -> Array:
        """Measured bits, uint8 of shape (batch, shots, num_bits)."""
        ...


class Engine(Protocol):
    """Runs circuits. `features` is a subset of `FEATURES`."""

    name: str
    features: frozenset[str]

    def prepare(self, circuit: Circuit, dtype: Any = np.complex128) -> Prepared:
        """Make `circuit` ready; `dtype` (complex64 or complex128) is the precision of the amplitudes."""
        ...


FEATURES = frozenset({"expectation", "gradient", "probabilities", "state", "sampling", "mid_circuit", "branching", "batch", "device"})
