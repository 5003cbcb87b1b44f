"""Resource estimates: exact closed-form counts of gates, qubits, calls and measurements, as one fold over the IR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from qkernel.estimate.atoms import Register
from qkernel.estimate.fold import Fold
from qkernel.estimate.origin import origin
from qkernel.estimate.quantity import Quantity
from qkernel.estimate.report import CallCounts, EstimateQuality, GateCounts, ResourceEstimate
from qkernel.ir.ops import Module

__all__ = ["CallCounts", "EstimateQuality", "GateCounts", "Quantity", "ResourceEstimate", "estimate"]


def estimate(module: Module, bindings: Mapping[str, Any] | None = None, *, parameters: Sequence[str] = ()) -> ResourceEstimate:
    """What the entry of `module` costs.

    Arguments in `bindings` have those values; the others are symbols of the closed forms. An argument with a default has
    it unless its name is in `parameters`. Raises the binding errors (QK3xx) that lowering would raise for these values.
    """
    source = origin(module, bindings or {}, tuple(parameters))
    fold = Fold(module)
    tally = fold.entry(source.values).tally
    for parameter in module.entry.parameters:
        value = source.values[parameter.name]
        if isinstance(value, Register):
            tally.add("qubits", value.length)
    return ResourceEstimate(tally, replace(source, rounds=tuple(fold.rounds)))
