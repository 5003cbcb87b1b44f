"""Amazon Braket: kernels as programs in its dialect of OpenQASM, and an engine on its local simulator."""

from __future__ import annotations

from qkernel.errors import needed

with needed("Braket's programs and simulators need", "braket"):
    import braket.default_simulator  # noqa: F401

from qkernel_backends.braket.emission import emit
from qkernel_backends.braket.engine import BraketEngine

__all__ = ["BraketEngine", "emit"]
