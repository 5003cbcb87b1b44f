"""A plan as text: what each pass does, what it costs, and why it is there."""

from __future__ import annotations

from qkernel_backends.native.encode import Program
from qkernel_backends.plan import Plan
from qkernel_backends.plan.operations import Affine, Dense, Flip, Operation, PauliRotation, Phases, Rotation

_GIGAFLOPS = 30.0
_GIGABYTES = 40.0


def explain(plan: Plan, program: Program, batch: int) -> str:
    """The passes of a plan, with bytes moved and operations for the whole batch, forwards."""
    chunks = -(-batch >> program.lane_bits)
    moved = 2 * program.state_bytes * chunks
    amplitudes = chunks << (plan.num_qubits + program.lane_bits)
    lines = [
        f"{plan.num_qubits} qubits, {batch} samples, {1 << program.lane_bits} of them side by side in each vector",
        f"workspace {_size(program.bytes)}, of it {_size(2 * program.state_bytes)} for state and co-state",
        f"start: product state of {len(plan.start.rotations)} rotated qubits, written directly",
    ]
    total_bytes, total_flops = moved // 2, 8 * amplitudes
    for k, operation in enumerate(plan.operations):
        text, flops, share = _pass(operation, plan)
        total_bytes += int(share * moved)
        total_flops += int(flops * amplitudes)
        lines.append(f"{k + 1:4}  {text}: {_size(int(share * moved))}, {flops * amplitudes / 1e6:.3g} Mflop")
    groups = len({x for x, _ in plan.readout.words})
    lines.append(f"readout: {len(plan.readout.sums)} values of {len(plan.readout.words)} Pauli words in {groups} passes")
    seconds = max(total_flops / _GIGAFLOPS, total_bytes / _GIGABYTES) / 1e9
    lines.append(f"in all {len(plan.operations)} passes, {_size(total_bytes)}, {total_flops / 1e6:.3g} Mflop")
    lines.append(f"predicted {seconds * 1e3:.3g} ms forwards, {4 * seconds * 1e3:.3g} ms with gradient, on one thread")
    return "\n".join(lines)


def _pass(operation: Operation, plan: Plan) -> tuple[str, float, float]:
    """What it does and why; operations per amplitude; the share of the state that it touches."""
    share = 0.5 ** getattr(operation, "controls", 0).bit_count()
    match operation:
        case Rotation(qubit, factors):
            names = "·".join("R" + "XYZ"[axis] for axis, _ in reversed(factors))
            why = "real, its Z angles are in the phases around it" if len(factors) == 1 else "one run on a qubit"
            return f"{names} on qubit {qubit} ({why})", (6.0 if names == "RY" else 14.0) * share, share
        case Phases(terms):
            why = "from a table made per sample" if _varies(terms, plan) else "from a table made once per call"
            return f"{len(terms)} phases ({why})", 6.0, 1.0
        case Flip(qubit, controls):
            return f"flip of qubit {qubit} with {controls.bit_count()} controls (an exchange)", 0.0, share
        case PauliRotation(x, z):
            return f"rotation about a Pauli word on {(x | z).bit_count()} qubits", 8.0 * share, share
        case Dense(qubits):
            return f"matrix on {len(qubits)} qubits", 8.0 * 2 ** len(qubits) * share, share


def _varies(terms: dict[int, Affine], plan: Plan) -> bool:
    return any(column in plan.batched for angle in terms.values() for column, _ in angle.terms)


def _size(count: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024  # type: ignore[assignment]
    return f"{count:.3g} GiB"
