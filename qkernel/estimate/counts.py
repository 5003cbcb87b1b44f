"""The counts that users read: numbers, or closed forms in the kernel's arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qkernel.errors import EntrypointValidationError
from qkernel.estimate.quantity import Local, Quantity
from qkernel.estimate.tally import Tally

Number = int | Quantity


@dataclass(frozen=True, eq=False)
class Counts(Mapping[str, Number]):
    """Counts by name. Reading one that needs values raises `EntrypointValidationError`, and says which."""

    amounts: Mapping[str, Quantity]

    def __getitem__(self, name: str) -> Number:
        return plain(self.amounts[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.amounts)

    def __len__(self) -> int:
        return len(self.amounts)

    def __repr__(self) -> str:
        return repr({name: as_number(amount) for name, amount in self.amounts.items()})


class _Field:
    """A field of the gate counts, read where it is asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, counts: GateCounts, owner: type) -> Number:
        return counts.fields[self.name]


@dataclass(frozen=True, repr=False)
class GateCounts:
    """Gates by class. `by_name` counts `cx`, `ccx`, `mcx` (three controls or more) and so on."""

    fields: Counts
    by_name: Counts

    total = _Field()
    single_qubit = _Field()
    two_qubit = _Field()
    multi_qubit = _Field()
    t_gates = _Field()
    clifford_gates = _Field()
    rotation_gates = _Field()
    toffoli = _Field()

    def __repr__(self) -> str:
        written = ", ".join(f"{name}={as_number(amount)}" for name, amount in self.fields.amounts.items())
        return f"GateCounts({written}, by_name={self.by_name})"


@dataclass(frozen=True)
class CallCounts:
    """Calls of kernels and of oracles, by name."""

    calls_by_name: Counts
    oracle_calls: Counts


def gate_counts(tally: Tally) -> GateCounts:
    """The gates of a tally by class and name."""
    return GateCounts(Counts(tally.field_amounts()), Counts(tally.by_name()))


def as_number(amount: Quantity) -> Number:
    """An int where the amount is one."""
    return int(amount) if amount.is_constant else amount


def plain(amount: Quantity) -> Number:
    """A count as users read it. Raises `EntrypointValidationError` where it needs values."""
    if unfollowed := amount.unfollowed:
        raise EntrypointValidationError(unfollowed.title, span=unfollowed.span, help=unfollowed.help)
    if any(isinstance(name, Local) for name in amount.free):
        raise EntrypointValidationError(
            f"a count depends on a value that a loop over items carries: {amount}", help="bind the dictionary"
        )
    return as_number(amount)
