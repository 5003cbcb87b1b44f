"""The Qiskit target: circuits for Qiskit, and an engine on Aer, backends and primitives."""

from __future__ import annotations

from qkernel_backends.qiskit.emission import emit, to_qasm
from qkernel_backends.qiskit.engine import QiskitEngine

__all__ = ["QiskitEngine", "emit", "to_qasm"]
