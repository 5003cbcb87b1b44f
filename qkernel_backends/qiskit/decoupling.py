"""Dynamical decoupling: pulses while qubits wait, by Qiskit's passes.

Viola, Knill and Lloyd, Phys. Rev. Lett. 82, 2417 (1999).
"""

from __future__ import annotations

from typing import Any

from qiskit.circuit.library import XGate, YGate
from qiskit.transpiler import PassManager, generate_preset_pass_manager
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDynamicalDecoupling

from qkernel.diagnostics import did_you_mean
from qkernel.errors import TargetCapabilityError, ValidationError

SEQUENCES = {"XX": (XGate, XGate), "XY4": (XGate, YGate, XGate, YGate)}


def decoupled(
    backend: Any,
    sequence: str = "XX",
    *,
    optimization_level: int = 1,
    initial_layout: Any = None,
    seed_transpiler: int = 0,
) -> PassManager:
    """A pass manager for a backend that fills waiting times with pulses that add up to nothing: what drifts meanwhile turns
    back. For `QiskitEngine(backend, pass_manager=decoupled(backend))`.

    `sequence` is `XX` or, for drifts about any axis, `XY4`, whose pulses the backend must have with their durations. The other
    options are those of Qiskit's transpiler.
    Raises `ValidationError` for an unknown sequence, `TargetCapabilityError` for a backend without those pulses or durations.
    """
    if sequence not in SEQUENCES:
        raise ValidationError(
            f"there is no sequence `{sequence}`{did_you_mean(str(sequence), list(SEQUENCES))}", help="there are `XX` and `XY4`"
        )
    target: Any = backend.target
    pulses = [gate() for gate in SEQUENCES[sequence]]
    for name in sorted({pulse.name for pulse in pulses}):
        if not target.instruction_supported(name) or any(
            entry is None or entry.duration is None for entry in target[name].values()
        ):
            raise TargetCapabilityError(
                f"`{backend.name}` has no `{name}` of a known duration, which the sequence `{sequence}` consists of",
                help='take `sequence="XX"`' if sequence != "XX" else "give a backend with durations",
            )
    made = generate_preset_pass_manager(
        optimization_level, backend=backend, initial_layout=initial_layout, seed_transpiler=seed_transpiler
    )
    made.scheduling = PassManager(
        [ALAPScheduleAnalysis(target=target), PadDynamicalDecoupling(dd_sequence=pulses, target=target)]
    )
    return made
