"""The closed form against the circuit: two independent readings of a kernel that must agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from qkernel.errors import EntrypointValidationError, EstimateMismatchError, TargetCapabilityError
from qkernel.estimate.effort import TooMuchWork
from qkernel.estimate.fold import Fold
from qkernel.estimate.forms import is_nonnegative
from qkernel.estimate.origin import origin
from qkernel.estimate.quantity import Quantity, quantity
from qkernel.estimate.substitution import substitute
from qkernel.estimate.tally import FIELDS, Kind, Tally, either
from qkernel.ir.module import Module
from qkernel.lower import lower
from qkernel.lower.bindings import normalise
from qkernel.lower.circuit import Body, Branch, Circuit, Repeat, Run
from qkernel.lower.circuit import Kind as CircuitKind
from qkernel.records import spread

_QISKIT_NAMES = {"iswap_dg": "iswapdg", "cgphase": "p", "ccgphase": "cp"}  # a phase under k controls is a `p` under k - 1
_BY_TEXT = frozenset(("t_gates", "clifford_gates", "rotation_gates"))


def circuit_tally(circuit: Circuit) -> Tally:
    """What a lowered circuit holds, `while`s gone round once. It does not know which angles were constants in the text."""
    tally = _body_tally(circuit, circuit.body)
    tally.add("qubits", quantity(circuit.num_qubits))
    return tally


def _body_tally(circuit: Circuit, body: Body) -> Tally:
    tally = Tally()
    for part in body:
        match part:
            case Run():
                counts = np.bincount(part.kind, minlength=len(circuit.kinds))
                for kind, count in zip(circuit.kinds, counts.tolist(), strict=True):
                    _count(tally, kind, quantity(count))
            case Branch(_, then, otherwise):
                tally.include(either(_body_tally(circuit, then), _body_tally(circuit, otherwise)))
            case Repeat(_, inner):
                tally.include(_body_tally(circuit, inner))
    return tally


def _count(tally: Tally, kind: CircuitKind, count: Quantity) -> None:
    match kind.name:
        case "measure":
            tally.add("measurements", count)
        case "reset":
            tally.add("resets", count)
        case "barrier" | "release":
            pass
        case "gphase" if kind.controls:
            tally.add(Kind("p", kind.controls - 1), count)
        case name:
            tally.add(Kind(name, kind.controls, kind.num_targets), count)


def verify(
    module: Module,
    sizes: Mapping[str, Any],
    emit: Callable[..., Any] | None = None,
) -> None:
    """Check that the closed form at `sizes`, the bound estimate and the lowered circuit agree.

    `emit` makes a circuit for Qiskit of the lowered one (and of values of its parameters); what it holds must agree too.
    Where an estimate says that it is an upper bound, the circuit may hold less. A register that the entry takes has its
    length in `sizes`. Raises `EstimateMismatchError` with the differences.
    """
    bound = normalise(module.entry, spread(sizes), takes_qubits=True)
    circuit = lower(module, bound.values, bound.open)
    held = {"the lowered circuit": _counts(circuit_tally(circuit))}
    if emit is not None and (target := _emitted(circuit, emit)) is not None:
        held["the target's circuit"] = _target_counts(held["the lowered circuit"], target)
    known = origin(module, bound.values, ())
    estimates = {"the bound estimate": _whole_tally(module, known.values)}
    values = {name: value for name, value in known.values.items() if name in bound.values}
    free = origin(module, {}, tuple(parameter.name for parameter in module.entry.parameters))
    try:
        if all(is_nonnegative(value) for value in values.values() if isinstance(value, Quantity)):  # as symbols are
            closed = _whole_tally(module, free.values)
            estimates["the closed form"] = closed.map(lambda amount: substitute(amount, values))
    except (EntrypointValidationError, TooMuchWork):  # recursion has no closed form, some forms grow without end
        pass
    _compare(module.entry.name, sizes, held, estimates)


def _whole_tally(module: Module, values: Mapping[str, Any]) -> Tally:
    fold = Fold(module)
    tally = fold.entry(values)
    once = dict.fromkeys(fold.iterations, quantity(1))
    return tally.map(lambda amount: substitute(amount, once))


def _counts(tally: Tally) -> dict[str, Quantity]:
    counts = {name: amount for name, amount in tally.field_amounts().items() if name not in _BY_TEXT}
    counts |= {name: tally.of(name) for name in ("qubits", "measurements", "resets")}
    return {name: amount for name, amount in (counts | tally.by_name()).items() if amount.terms}


def _emitted(circuit: Circuit, emit: Callable[..., Any]) -> Any:
    """The target's circuit; None where the target cannot hold this one, which says nothing of its counts."""
    values = 0.1 + 0.37 * np.arange(circuit.angles.num_columns)
    for arguments in ((), (values,)):  # an angle may be one that Qiskit's parameters cannot express
        with suppress(TargetCapabilityError):
            return emit(circuit, *arguments)
    return None


def _target_counts(lowered: Mapping[str, Quantity], circuit: Any) -> dict[str, Quantity]:
    """A Qiskit circuit's counts by size, and by those of its names that are ours too."""
    operations = target_operations(circuit)
    counted = ("total", "single_qubit", "two_qubit", "multi_qubit", "measurements", "resets")
    names = [*counted, *(name for name in operations if name in lowered and name not in FIELDS)]
    counts = {**lowered, **{name: quantity(operations[name]) for name in names}, "qubits": quantity(circuit.num_qubits)}
    return {name: count for name, count in counts.items() if count.terms}


def target_operations(circuit: Any) -> Counter[str]:
    """The operations of a Qiskit circuit by size and name: of branches the larger, loop bodies once, what is in boxes too."""
    counts: Counter[str] = Counter()
    for instruction in circuit.data:
        operation = instruction.operation
        if blocks := getattr(operation, "blocks", ()):
            sides = [target_operations(block) for block in blocks]
            counts.update({name: max(side[name] for side in sides) for side in sides for name in side})
        elif type(operation).__name__ in ("Gate", "Instruction") and operation.name not in _QISKIT_NAMES:
            counts.update(target_operations(operation.definition))
        elif operation.name in ("measure", "reset"):
            counts["measurements" if operation.name == "measure" else "resets"] += 1
        elif operation.name not in ("barrier", "store"):
            size = ("single_qubit", "two_qubit", "multi_qubit")[min(operation.num_qubits, 3) - 1]
            name = re.sub(r"_o\d+$", "", operation.name)
            name += "g" if name == "ccu" and len(operation.params) == 4 else ""  # a `cu` under a control; Qiskit has one name
            counts.update(("total", size, _QISKIT_NAMES.get(name, name)))
    return counts


def _compare(
    kernel: str, sizes: Mapping[str, Any], held: Mapping[str, Mapping[str, Quantity]], estimates: Mapping[str, Tally]
) -> None:
    """Raise where two differ; an estimate that says it is an upper bound may be larger than what circuits hold."""
    zero, exact = quantity(0), held["the lowered circuit"]
    found = {**held, **{source: _counts(tally) for source, tally in estimates.items()}}
    lines = []
    for name in dict.fromkeys(name for counts in found.values() for name in counts):
        amounts = {source: amount for source, counts in found.items() if not (amount := counts.get(name, zero)).unfollowed}
        bounded = {source for source, tally in estimates.items() if name in tally.bounded}
        if not all(
            is_nonnegative(amount - exact.get(name, zero)) if source in bounded else amount == exact.get(name, zero)
            for source, amount in amounts.items()
        ):
            lines.append(f"{name}: " + ", ".join(f"{amount} in {source}" for source, amount in amounts.items()))
    if lines:
        shown = ", ".join(f"{name}={value!r}" for name, value in sizes.items())
        raise EstimateMismatchError(f"the counts of `{kernel}` disagree at {shown}:\n" + "\n".join(lines))
