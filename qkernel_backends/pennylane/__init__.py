"""PennyLane: kernels as its quantum functions, and an engine on its devices."""

from __future__ import annotations

from qkernel.errors import needed

with needed("PennyLane's functions and devices need", "pennylane"):
    import pennylane  # noqa: F401

from qkernel_backends.pennylane.emission import QuantumFunction, emit
from qkernel_backends.pennylane.engine import PennyLaneEngine

__all__ = ["PennyLaneEngine", "QuantumFunction", "emit"]
