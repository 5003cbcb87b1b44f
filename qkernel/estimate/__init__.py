"""Resource estimates: exact closed-form counts of gates, qubits, calls and measurements, as one fold over the IR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from qkernel.errors import EntrypointValidationError, ValidationError
from qkernel.estimate.counts import CallCounts, GateCounts
from qkernel.estimate.effort import bounded_work
from qkernel.estimate.origin import Origin, origin
from qkernel.estimate.quantity import Quantity, Terms, Variable, value_names
from qkernel.estimate.report import NATIVE, EstimateQuality, ResourceEstimate
from qkernel.estimate.tally import Called, Tally
from qkernel.ir.module import Module
from qkernel.lower.bindings import given

__all__ = [
    "CallCounts",
    "EstimateQuality",
    "GateBasis",
    "GateCounts",
    "Quantity",
    "ResourceEstimate",
    "ResourceEstimator",
    "UnknownResourcePolicy",
    "estimate",
    "estimate_resources",
]


class GateBasis(StrEnum):
    """Which gates are counted: those written, or Clifford + T after decomposition and synthesis."""

    NATIVE = NATIVE
    CLIFFORD_T = "clifford_t"


class UnknownResourcePolicy(StrEnum):
    """What an oracle or an unbound observable does to an estimate: it is counted by a symbol and by calls, or refused."""

    SYMBOLIC = "symbolic"
    REFUSE = "refuse"


class HasModule(Protocol):
    """A kernel."""

    @property
    def ir(self) -> Module:
        """The kernel and every kernel that it reaches."""


def estimate(
    module: Module,
    bindings: Mapping[str, Any] | None = None,
    *,
    parameters: Sequence[str] = (),
    basis: GateBasis | str | Sequence[str] = GateBasis.NATIVE,
    precision: float = 1e-10,
    unknown: UnknownResourcePolicy | str = UnknownResourcePolicy.SYMBOLIC,
) -> ResourceEstimate:
    """What the entry of `module` costs.

    Arguments in `bindings` have those values; the others are symbols of the closed forms. An argument with a default has
    it unless its name is in `parameters`. `basis`: the gates as written, `clifford_t` (each rotation synthesised to
    `precision`, in diamond norm), or the names of a target's gates. Raises the binding errors (QK3xx) that lowering would
    raise for these values.
    """
    named = basis if isinstance(basis, str) else tuple(basis)
    if isinstance(named, str) and named not in tuple(GateBasis):
        raise ValidationError(
            f"there is no gate basis `{named}`", help="write `clifford_t`, or a list of gates such as `['cx', 'rz', 'sx']`"
        )
    policy = UnknownResourcePolicy(unknown)
    with bounded_work():
        source = origin(module, given(bindings), tuple(parameters))
        return _estimate(replace(source, basis=named, precision=precision), policy)


def _estimate(source: Origin, unknown: UnknownResourcePolicy) -> ResourceEstimate:
    fold = source.fold()
    tally = fold.entry(source.values)
    if unknown == UnknownResourcePolicy.REFUSE:
        _refuse_unknown(tally)
    source = replace(source, iterations=tuple(fold.iterations))
    if source.basis == NATIVE:
        return ResourceEstimate(tally, source)
    synthesised = source.basis == GateBasis.CLIFFORD_T and tally.field_amounts()["rotation_gates"].terms
    averaged = frozenset(("total", "single_qubit", "t_gates")) if synthesised else frozenset[str]()
    return ResourceEstimate(source.decomposed(tally), source, averaged)


def _refuse_unknown(tally: Tally) -> None:
    oracles = (item for _, item in tally.amounts if isinstance(item, Called) and item.oracle)
    unknown: set[Variable] = {oracle.name for oracle in oracles if not oracle.is_known}
    for amount in tally.amounts.values():
        parts = [atom for term in amount.terms for atom, _ in term if isinstance(atom, Terms)]
        unknown = unknown.union(*(value_names(part.observable) for part in parts))
    if unknown:
        named = ", ".join(sorted(f"`{name}`" for name in unknown))
        raise EntrypointValidationError(f"the cost of {named} is not known")


def estimate_resources(kernel: HasModule, bindings: Mapping[str, Any] | None = None, **options: Any) -> ResourceEstimate:
    """What `kernel` costs: `estimate` of its IR."""
    return estimate(kernel.ir, bindings, **options)


@dataclass(frozen=True, slots=True)
class ResourceEstimator:
    """Estimates kernels in one way: the options of `estimate`."""

    basis: GateBasis | str | Sequence[str] = GateBasis.NATIVE
    precision: float = 1e-10
    unknown: UnknownResourcePolicy | str = UnknownResourcePolicy.SYMBOLIC

    def estimate(self, kernel: HasModule, bindings: Mapping[str, Any] | None = None) -> ResourceEstimate:
        """What `kernel` costs."""
        return estimate(kernel.ir, bindings, basis=self.basis, precision=self.precision, unknown=self.unknown)
