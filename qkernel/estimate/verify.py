"""The closed form against the circuit: two independent readings of a kernel that must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from qkernel.errors import EntrypointValidationError, EstimateMismatchError
from qkernel.estimate.atoms import Register
from qkernel.estimate.fold import Fold
from qkernel.estimate.origin import origin
from qkernel.estimate.quantity import Quantity, quantity
from qkernel.estimate.substitution import substitute
from qkernel.estimate.tally import FIELDS, Kind, Tally, either
from qkernel.ir.ops import Module
from qkernel.lower.circuit import Body, Branch, Circuit, Repeat, Run
from qkernel.lower.circuit import Kind as CircuitKind

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
        case "barrier":
            pass
        case "gphase" if kind.controls:
            tally.add(Kind("p", kind.controls - 1), count)
        case name:
            tally.add(Kind(name, kind.controls, kind.num_targets), count)


def verify(
    module: Module,
    sizes: Mapping[str, Any],
    target_counts: Callable[[Circuit], Mapping[str, int]] | None = None,
) -> None:
    """Check that the closed form at `sizes`, the bound estimate and the lowered circuit agree.

    `target_counts` gives the operations of a target's own circuit by name; their numbers must agree too.
    Raises `EstimateMismatchError` with the differences.
    """
    from qkernel.lower import lower
    from qkernel.lower.bindings import normalise

    bound = normalise(module.entry, dict(sizes))
    circuit = lower(module, bound.values, bound.open)
    found = {"the lowered circuit": _counts(circuit_tally(circuit))}
    given = origin(module, bound.values, ())
    found["the bound estimate"] = _counts(_whole_tally(module, given.values))
    free = origin(module, {}, tuple(parameter.name for parameter in module.entry.parameters))
    try:
        closed = _whole_tally(module, free.values)
    except EntrypointValidationError:  # recursion has no closed form
        pass
    else:
        values = {name: value for name, value in given.values.items() if name in bound.values}
        found["the closed form"] = _counts(closed.map(lambda amount: substitute(amount, values)))
    if target_counts is not None:
        found["the target's circuit"] = _target_counts(found["the lowered circuit"], target_counts(circuit))
    _compare(module.entry.name, sizes, found)


def _whole_tally(module: Module, values: Mapping[str, Any]) -> Tally:
    fold = Fold(module)
    tally = fold.entry(dict(values)).tally
    once = dict.fromkeys(fold.rounds, quantity(1))
    tally = tally.map(lambda amount: substitute(amount, once))
    for value in values.values():
        if isinstance(value, Register):
            tally.add("qubits", value.length)
    return tally


def _counts(tally: Tally) -> dict[str, Quantity]:
    counts = {name: amount for name, amount in tally.field_amounts().items() if name not in _BY_TEXT}
    counts |= {name: tally.of(name) for name in ("qubits", "measurements", "resets")}
    return {name: amount for name, amount in (counts | tally.by_name()).items() if amount.terms}


def _target_counts(lowered: Mapping[str, Quantity], operations: Mapping[str, int]) -> dict[str, Quantity]:
    """The target's counts of the names that it shares with us, and of all its gates."""
    rest = {"measure": "measurements", "reset": "resets"}
    total = sum(count for name, count in operations.items() if name not in (*rest, "barrier"))
    shared = {rest.get(name, name): quantity(count) for name, count in operations.items()}
    return {
        **lowered,
        **{name: shared[name] for name in lowered if name in shared and name not in FIELDS},
        "total": quantity(total),
    }


def _compare(kernel: str, sizes: Mapping[str, Any], found: Mapping[str, Mapping[str, Quantity]]) -> None:
    names = {name: None for counts in found.values() for name in counts}
    zero = quantity(0)
    lines = [
        f"{name}: " + ", ".join(f"{counts.get(name, zero)} in {source}" for source, counts in found.items())
        for name in names
        if len({counts.get(name, zero) for counts in found.values()}) > 1
    ]
    if lines:
        shown = ", ".join(f"{name}={value!r}" for name, value in sizes.items())
        raise EstimateMismatchError(f"the counts of `{kernel}` disagree at {shown}:\n" + "\n".join(lines))
