"""Cirq: kernels as its circuits and back, and an engine on its simulators and samplers."""

from __future__ import annotations

from qkernel.errors import needed

with needed("Cirq's circuits and simulators need", "cirq"):
    import cirq  # noqa: F401

from qkernel_backends.cirq.emission import emit
from qkernel_backends.cirq.engine import CirqEngine
from qkernel_backends.cirq.reading import from_cirq

__all__ = ["CirqEngine", "emit", "from_cirq"]
