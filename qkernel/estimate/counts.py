"""The counts that users read: numbers, or closed forms in the kernel's arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qkernel.errors import EntrypointValidationError
from qkernel.estimate.quantity import Local, Quantity
from qkernel.estimate.tally import Tally

Number = int | Quantity


@dataclass(frozen=True)
class GateCounts:
    """Gates by class. `by_name` counts `cx`, `ccx`, `mcx` (three controls or more) and so on."""

    total: Number
    single_qubit: Number
    two_qubit: Number
    multi_qubit: Number
    t_gates: Number
    clifford_gates: Number
    rotation_gates: Number
    toffoli: Number
    by_name: Mapping[str, Number]


@dataclass(frozen=True)
class CallCounts:
    """Calls of kernels and of oracles, by name."""

    calls_by_name: Mapping[str, Number]
    oracle_calls: Mapping[str, Number]


def gate_counts(tally: Tally) -> GateCounts:
    """The gates of a tally by class and name."""
    fields = {name: plain(amount) for name, amount in tally.field_amounts().items()}
    return GateCounts(**fields, by_name={name: plain(amount) for name, amount in tally.by_name().items()})


def plain(amount: Quantity) -> Number:
    """An int where the amount is one."""
    if any(isinstance(name, Local) for name in amount.free):
        raise EntrypointValidationError(
            f"a count depends on a value that a loop over items carries: {amount}", help="bind the dictionary"
        )
    return int(amount) if amount.is_constant else amount
