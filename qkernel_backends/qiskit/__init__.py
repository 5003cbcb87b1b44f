"""The Qiskit target: circuits for Qiskit, and an engine on Aer, backends and primitives."""

from __future__ import annotations

from qkernel.errors import needed

with needed("Qiskit's circuits and simulators need", "qiskit"):
    import qiskit  # noqa: F401
    import qiskit_aer  # noqa: F401

from qkernel_backends.qiskit.decoupling import decoupled
from qkernel_backends.qiskit.emission import emit
from qkernel_backends.qiskit.engine import QiskitEngine
from qkernel_backends.qiskit.noise import from_aer, to_aer
from qkernel_backends.qiskit.placement import place
from qkernel_backends.qiskit.reading import from_qiskit
from qkernel_backends.qiskit.transpiler import CompiledCircuit, QiskitExecutable, QiskitTranspiler

__all__ = [
    "CompiledCircuit",
    "QiskitEngine",
    "QiskitExecutable",
    "QiskitTranspiler",
    "decoupled",
    "emit",
    "from_aer",
    "from_qiskit",
    "place",
    "to_aer",
]
