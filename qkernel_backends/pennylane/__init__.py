"""PennyLane: kernels as its quantum functions, and an engine on its devices."""

from __future__ import annotations

from qkernel.errors import needed

with needed("PennyLane's functions and devices need", "pennylane"):
    import pennylane  # noqa: F401

from qkernel_backends.pennylane.device import EngineDevice
from qkernel_backends.pennylane.emission import QuantumFunction, emit
from qkernel_backends.pennylane.engine import PennyLaneEngine
from qkernel_backends.pennylane.reading import from_pennylane

__all__ = ["EngineDevice", "PennyLaneEngine", "QuantumFunction", "emit", "from_pennylane"]
