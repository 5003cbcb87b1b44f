"""What does not fit a target, by name and with what to do: found before anything runs, or in the words of Qiskit's passes."""

from __future__ import annotations

import re
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp
from qiskit_aer import AerSimulator

from qkernel.diagnostics import Span, counted
from qkernel.errors import QKernelError, TargetCapabilityError, ValidationError
from qkernel.lower.circuit import Assign, Branch, Circuit, Repeat, Run, parts
from qkernel_backends.qiskit.gates import other_names
from qkernel_backends.qiskit.running import words_of

_CONTROL_FLOW = {
    Branch: ("if_else", "branches on measured bits", "control the gates by the qubit before it is measured: `qk.control(...)`"),
    Repeat: ("while_loop", "loops on measured bits", "give the loop a bound: `for _ in qk.range(n):` around an `if`"),
    Assign: ("store", "assigns bits or counts at run time", "read measured bits as they are: do not assign or count them"),
}
_ALWAYS_THERE = ("barrier", "delay", "store", "measure")


def called(device: Any) -> str:
    """A device, in words."""
    return "Aer" if device is None else f"`{device.name}`"


def check_width(circuit: Circuit, device: Any, layout: Any = None) -> None:
    """Raise `TargetCapabilityError` for more qubits than there are, `ValidationError` for a layout of another number."""
    width, there = circuit.num_qubits, device.num_qubits
    if isinstance(device, AerSimulator):
        there = device.coupling_map.size()
    if there is not None and width > there:
        raise TargetCapabilityError(
            f"`{circuit.name}` needs {width} qubits, and {called(device)} has {there}",
            help="use a device with more qubits, or a simulator: `AerSimulator()`",
        )
    if layout is not None and len(layout) != width:
        raise ValidationError(
            f"`initial_layout` has {counted(len(layout), 'place')}, and `{circuit.name}` has {counted(width, 'qubit')}",
            help="give one of the device's qubits for each qubit, in the order in which the kernel makes them",
        )


def check_control_flow(circuit: Circuit, device: Any, noise: Any) -> None:
    """Aer aborts the process, or fails, or goes on without them, where values are stored that it has no place for."""
    if device is None or (isinstance(device, AerSimulator) and noise is None):
        return
    for part in parts(circuit.body):
        if isinstance(part, Run):
            continue
        name, what, instead = _CONTROL_FLOW[type(part)]
        if name == "store" and noise is not None:
            raise TargetCapabilityError(
                f"`{circuit.name}` {what}, which Aer leaves out of circuits with noise",
                span=part.span,
                help=f"leave the noise model out, or {instead}",
            )
        if name not in device.operation_names and not isinstance(device, AerSimulator):
            raise TargetCapabilityError(
                f"`{circuit.name}` {what}, and {called(device)} has no `{name}`",
                span=part.span,
                help=f"{instead}; or use a simulator: `AerSimulator()`",
            )


def check_made(circuit: Circuit, written: QuantumCircuit, made: Any, device: Any, by: str) -> None:
    """Raise where what `by` made of `written` is no circuit, lacks bits, or is not in the device's gates."""
    if not isinstance(made, QuantumCircuit):
        raise TargetCapabilityError(
            f"{by} gives a `{type(made).__name__}` for `{circuit.name}`, and not a circuit",
            help="give a `PassManager` of Qiskit, or what has its `run(circuit)`",
        )
    if made.num_clbits < written.num_clbits:
        raise TargetCapabilityError(
            f"{by} leaves {made.num_clbits} of the {counted(written.num_clbits, 'bit')} of `{circuit.name}`",
            help="leave passes that remove measurements out",
        )
    target = getattr(device, "target", None)
    if target is None or isinstance(device, AerSimulator):
        return
    for name, places in _placed(made, range(made.num_qubits)):
        if name not in _ALWAYS_THERE and not target.instruction_supported(name, tuple(places)):
            raise TargetCapabilityError(
                f"{by} leaves `{name}` on {_qubits(places)} in `{circuit.name}`, which {called(device)} does not have there",
                help="end with the passes for it: `generate_preset_pass_manager(1, backend=backend)`",
            )


def _placed(circuit: QuantumCircuit, places: Any) -> Any:
    """The name of each operation and the qubits it acts on, those in branches and loops included."""
    at = dict(zip(circuit.qubits, places, strict=True))
    for row in circuit.data:
        on = [at[qubit] for qubit in row.qubits]
        if isinstance(row.operation, ControlFlowOp):
            for block in row.operation.blocks:
                yield from _placed(block, on)
        else:
            yield row.operation.name, on


def _qubits(places: Any) -> str:
    return f"qubit {places[0]}" if len(places) == 1 else f"qubits {', '.join(map(str, places))}"


def refusal(circuit: Circuit, device: Any, error: BaseException, layout: Any = None) -> QKernelError:
    """What to raise where Qiskit's passes raise `error`."""
    said = words_of(error)
    if found := re.search(r"Unable to translate the operations in the circuit: \{(.*?)\} to the .*? basis: \{(.*?)\}", said):
        asked, basis = (set(re.findall(r'"(\w+)"', text)) for text in found.groups())
        return _no_gate(circuit, device, sorted(asked - basis), sorted(basis - {"barrier", "snapshot", "delay", "store"}))
    if "connected component" in said or "disconnected components" in said:
        groups = device.coupling_map.connected_components()
        largest = max(len(group.physical_qubits) for group in groups) if groups else 1
        if layout is not None:
            title = (
                f"`initial_layout` puts qubits of `{circuit.name}` that meet in a gate where {called(device)} has no connection"
            )
            return TargetCapabilityError(title, help="leave it out, or choose qubits that are connected")
        return TargetCapabilityError(
            f"`{circuit.name}` joins more qubits by gates than {called(device)} connects: its groups have {largest} at most",
            help="use fewer qubits, or a device whose qubits are all connected",
        )
    flow = next((part for part in parts(circuit.body) if isinstance(part, (Branch, Repeat))), None)
    if flow is not None and re.search(r"if_else|while_loop|control flow", said):
        name, what, _ = _CONTROL_FLOW[type(flow)]
        return TargetCapabilityError(
            f"`{circuit.name}` {what}, and a pass for {called(device)} does not take `{name}`: {said}",
            span=flow.span,
            help="leave scheduling and dynamical decoupling out for circuits that branch",
        )
    return TargetCapabilityError(f"`{circuit.name}` does not fit {called(device)}: {said}")


def _no_gate(circuit: Circuit, device: Any, lacking: list[str], basis: list[str]) -> TargetCapabilityError:
    first = next((name for name in lacking if _span_of(circuit, name)), None)
    return TargetCapabilityError(
        f"{called(device)} cannot make {', '.join(f'`{name}`' for name in lacking)} of `{circuit.name}` of its own gates",
        span=None if first is None else _span_of(circuit, first),
        help=f"it has {', '.join(f'`{name}`' for name in basis)}: use these, or a device whose gates make all others",
    )


def _span_of(circuit: Circuit, name: str) -> Span | None:
    """Where the kernel has the gate that Qiskit calls `name`."""
    kinds = [kind for kind in circuit.kinds if name in other_names(kind).values()]
    runs = (part for part in parts(circuit.body) if isinstance(part, Run))
    return next((row.span for run in runs for row in circuit.instructions(run) if row.kind in kinds), None)
