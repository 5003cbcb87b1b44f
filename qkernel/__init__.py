"""qkernel: a language and a compiler for quantum kernels.

A kernel is a Python function with types, read once for all values of its arguments:

    import qkernel as qk

    @qk.qkernel
    def bell() -> tuple[qk.Bit, qk.Bit]:
        a, b = qk.h(qk.qubit()), qk.qubit()
        a, b = qk.cx(a, b)
        return qk.measure(a), qk.measure(b)

    bell.sample(shots=1000)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qkernel.decorators import composite_gate, qkernel
from qkernel.gate_functions import (
    ccx, ccz, ch, cp, crx, cry, crz, cswap, cu, cx, cy, cz, ecr, h, id, iswap, p, rx, rxx, ry, ryy, rz, rzx, rzz, s, sdg,
    swap, sx, sxdg, t, tdg, u, x, y, z,
)  # fmt: skip
from qkernel.kernel import Kernel
from qkernel.modifiers import control, global_phase, inverse, select, within_apply
from qkernel.operations import (
    abs, barrier, bit, bit_array, cast, ceil, cos, exp, expval, float_, float_array, floor, items, log, log2, max, measure,
    measure_reset, min, pauli_evolve, prepare, probabilities, project_x, project_y, project_z, qubit, qubit_array, range, reset,
    sin, sqrt, tan, uint, uint_array, unitary,
)  # fmt: skip
from qkernel.records import struct
from qkernel.types import Bit, Dict, Float, Handle, Matrix, Observable, QFixed, Qubit, Tensor, Tuple, UInt, Vector, VectorView

if TYPE_CHECKING:
    from qkernel import mitigation, noise, optimize
    from qkernel.draw import CircuitStyle
    from qkernel.estimate import (
        EstimateQuality,
        GateBasis,
        ResourceEstimate,
        ResourceEstimator,
        UnknownResourcePolicy,
    )
    from qkernel.execution.executor import Executor
    from qkernel.ir.measured import KernelEffect
    from qkernel.ir.parser import parse
    from qkernel.prebuilt import Oracle, from_circuit, from_qasm, from_qiskit, load, load_job
    from qkernel.execution.jobs import Job, JobStatus
    from qkernel.peer import ExpvalJob, QKernel, RunJob, SampleJob, estimate_resources, opaque
    from qkernel.execution.results import EstimatedValue, SampleResult
    from qkernel.execution.shots import ShotPlan
    from qkernel.execution.stochastic import SPSA, RandomShift, SimultaneousShift

_ESTIMATES = ("EstimateQuality", "GateBasis", "ResourceEstimate", "ResourceEstimator", "UnknownResourcePolicy")
_OF_THE_PEER = ("ExpvalJob", "QKernel", "RunJob", "SampleJob", "estimate_resources", "opaque")
_LAZY = {
    "KernelEffect": "qkernel.ir.measured",
    "parse": "qkernel.ir.parser",
    **dict.fromkeys(("from_circuit", "from_qasm", "from_qiskit", "load", "load_job", "Oracle"), "qkernel.prebuilt"),
    **dict.fromkeys(_ESTIMATES, "qkernel.estimate"),
    "CircuitStyle": "qkernel.draw",
    **dict.fromkeys(("EstimatedValue", "SampleResult"), "qkernel.execution.results"),
    "Executor": "qkernel.execution.executor",
    **dict.fromkeys(("Job", "JobStatus"), "qkernel.execution.jobs"),
    "ShotPlan": "qkernel.execution.shots",
    **dict.fromkeys(("SPSA", "RandomShift", "SimultaneousShift"), "qkernel.execution.stochastic"),
    **dict.fromkeys(_OF_THE_PEER, "qkernel.peer"),
}


_MODULES = ("mitigation", "noise", "optimize")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("qkernel")
    if name in _MODULES:
        return import_module(f"qkernel.{name}")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'qkernel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "SPSA", "Bit", "CircuitStyle", "Dict", "EstimateQuality", "EstimatedValue", "Executor", "ExpvalJob", "Float", "GateBasis",
    "Handle", "Job", "JobStatus", "Kernel", "KernelEffect", "Matrix", "Observable", "Oracle", "QFixed", "QKernel", "Qubit",
    "RandomShift", "ResourceEstimate", "ResourceEstimator", "RunJob", "SampleJob", "SampleResult", "ShotPlan",
    "SimultaneousShift", "Tensor", "Tuple", "UInt", "UnknownResourcePolicy", "Vector", "VectorView", "abs", "barrier", "bit",
    "bit_array", "cast", "ccx", "ccz", "ceil", "ch", "composite_gate", "control", "cos", "cp", "crx", "cry", "crz", "cswap",
    "cu", "cx", "cy", "cz", "ecr", "estimate_resources", "exp", "expval", "float_", "float_array", "floor", "from_circuit",
    "from_qasm", "from_qiskit", "global_phase", "h", "id", "inverse", "iswap", "items", "load", "load_job", "log", "log2",
    "max", "measure", "measure_reset", "min", "mitigation", "noise", "opaque", "optimize", "p", "parse", "pauli_evolve",
    "prepare", "probabilities", "project_x", "project_y", "project_z", "qkernel", "qubit", "qubit_array", "range", "reset",
    "rx", "rxx", "ry", "ryy", "rz", "rzx", "rzz", "s", "sdg", "select", "sin", "sqrt", "struct", "swap", "sx", "sxdg", "t",
    "tan", "tdg", "u", "uint", "uint_array", "unitary", "within_apply", "x", "y", "z",
]  # fmt: skip
