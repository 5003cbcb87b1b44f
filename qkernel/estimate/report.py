"""The estimate that users hold: its fields, its text, and what can be done with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from qkernel.diagnostics import did_you_mean
from qkernel.errors import EntrypointValidationError, UnknownBindingError, ValidationError
from qkernel.estimate.breakdown import CallNode, call_tree
from qkernel.estimate.counts import CallCounts, Counts, GateCounts, Number, as_number, gate_counts, plain
from qkernel.estimate.depth import DEPTHS, Depths
from qkernel.estimate.effort import bounded_work
from qkernel.estimate.forms import is_nonnegative
from qkernel.estimate.notation import shown
from qkernel.estimate.origin import Origin
from qkernel.estimate.physical import PhysicalEstimate, physical_estimate
from qkernel.estimate.physical_curve import PhysicalCurve
from qkernel.estimate.presentation import Curve, EstimateComparison, EstimateDifference, html, latex_table, plot, rich_table
from qkernel.estimate.quantity import ItemSum, Opaque, Quantity, RangeSum, Value, is_remainder
from qkernel.estimate.substitution import substitute
from qkernel.estimate.tally import FIELDS, Called, Tally
from qkernel.records import spread

NATIVE = "native"
_LARGEST_WRITTEN = 10**4000  # Python writes no number of more than 4300 digits


class EstimateQuality(StrEnum):
    """How a field is to be read.

    `exact`; `stepwise`: exact, but with a sum without a closed form, which `substitute` adds up term by term; `expected`: a
    mean, over the iterations of a `while` or over synthesised rotations; `upper_bound`: the larger side of branches that are
    taken at run time, or a count that a published circuit stays below; `unknown`: it depends on what a loop carries and has
    no closed form, so that reading it raises until the arguments have values.
    """

    EXACT = "exact"
    STEPWISE = "stepwise"
    EXPECTED = "expected"
    UPPER_BOUND = "upper_bound"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ResourceEstimate:
    """What a kernel costs. Numbers are ints where everything is bound, else closed forms in the kernel's arguments."""

    tally: Tally
    origin: Origin
    averaged: frozenset[str] = frozenset()

    @cached_property
    def gates(self) -> GateCounts:
        """The gate counts."""
        return gate_counts(self.tally)

    @cached_property
    def qubits(self) -> Number:
        """All qubits that the circuit has; those that kernels make and clean are used again."""
        return plain(self.tally.of("qubits"))

    @cached_property
    def ancillas(self) -> Number:
        """Those of the qubits that called kernels make and do not hand back, workspace that they share once."""
        return plain(self.tally.of("ancillas"))

    @cached_property
    def measurements(self) -> Number:
        """Measured qubits, counted as often as they are measured."""
        return plain(self.tally.of("measurements"))

    @cached_property
    def resets(self) -> Number:
        """Qubits put back into 0."""
        return plain(self.tally.of("resets"))

    @property
    def depth(self) -> Number:
        """The depth, worked out when it is asked for: see `depths`."""
        return plain(self.depths.depth)

    @property
    def t_depth(self) -> Number:
        """The number of levels with T gates."""
        return plain(self.depths.t_depth)

    @property
    def two_qubit_depth(self) -> Number:
        """The number of levels with gates on two qubits or more."""
        return plain(self.depths.two_qubit_depth)

    @cached_property
    def depths(self) -> Depths:
        """Exact for a lowered circuit of up to a million gates, and in closed form for what is regular; else upper bounds.

        Over another basis the bound is one gate after the other.
        """
        amounts = self.tally.field_amounts()
        if self.origin.basis != NATIVE:
            wide = amounts["two_qubit"] + amounts["multi_qubit"]
            in_turn = dict(zip(DEPTHS, (amounts["total"], amounts["t_gates"], wide), strict=True))
            return Depths((), in_turn.__getitem__)
        return self.origin.depths(amounts["total"])

    @cached_property
    def calls(self) -> CallCounts:
        """Calls by name."""
        found: dict[bool, dict[str, Quantity]] = {False: {}, True: {}}
        for _, item in self.tally.amounts:
            if isinstance(item, Called):
                found[item.oracle][item.name] = self.tally.of(item)
        return CallCounts(Counts(found[False]), Counts(found[True]))

    @cached_property
    def parameters(self) -> dict[str, Quantity]:
        """The kernel's arguments that the numbers depend on, in signature order, each with its symbol."""
        free = self._free
        return {name: form for name, form in self.origin.symbols().items() if name in free}

    @property
    def quality(self) -> dict[str, EstimateQuality]:
        """By field, whether it is exact. The depths are in it once they have been asked for."""
        asked = self.depths.found if "depths" in vars(self) else {}
        qualities = EstimateQuality.UPPER_BOUND, EstimateQuality.EXACT
        return self._qualities | {name: qualities[is_exact] for name, (_, is_exact) in asked.items()}

    @cached_property
    def _qualities(self) -> dict[str, EstimateQuality]:
        return {name: self._quality(name, amount) for name, amount in self._fields()}

    def substitute(self, **values: Any) -> ResourceEstimate:
        """The estimate with values put for arguments: numbers, dictionaries, vectors, Hamiltonians, other closed forms.

        A number for a register, vector or dictionary is its length. An argument with a default may be given another
        value. Raises `UnknownBindingError` for other names, `ConflictingBindingError` for arguments that have a value.
        """
        values = spread(values)
        symbols = {**self.origin.symbols(), **dict.fromkeys(self._free)}
        for name in values:
            if name not in symbols:
                raise UnknownBindingError(
                    f"the estimate of `{self.origin.name}` has no symbol `{name}`{did_you_mean(name, list(symbols))}",
                    label=f"it depends on {', '.join(f'`{known}`' for known in self.parameters) or 'nothing'}",
                )
            self.origin.refuse_fixed(name)
        given: dict[str, Value] = {name: self.origin.read(name, value) for name, value in values.items()}
        bound = self.origin.bound_to(given)
        outside = any(isinstance(value, Quantity) and not is_nonnegative(value) for value in given.values())
        anew = not self.origin.defaults.isdisjoint(given)
        # Decompositions and branches need less where more is known, and symbols stand for n >= 0.
        if self.origin.basis != NATIVE or outside or anew or self.tally.bounded or self._is_unknown:
            return replace(self, tally=bound.tally(), origin=bound)
        with bounded_work():
            return replace(self, tally=self.tally.map(lambda amount: substitute(amount, given)), origin=bound)

    def by_call(self) -> CallNode:
        """The counts as a tree of calls: each node with what is done in its calls, those inside included."""
        return call_tree(self.origin)

    def physical(
        self,
        *,
        precision: float = 1e-10,
        error_rate: float = 1e-4,
        cycle_time: float = 1e-6,
        failure: float = 0.01,
        model: str = "litinski",
        layout: str = "fast",
        factories: int | None = None,
    ) -> PhysicalEstimate:
        """Physical qubits and run time on a surface code; everything must be bound.

        `precision` is that of a synthesised rotation; the other arguments are those of `physical_estimate`.
        """
        decomposed = self.origin.basis == "clifford_t"
        tally = self.tally if decomposed else replace(self.origin, basis="clifford_t", precision=precision).tally()
        qubits, t_gates = plain(tally.of("qubits")), plain(tally.field_amounts()["t_gates"])
        if not isinstance(qubits, int) or not isinstance(t_gates, int):
            names = ", ".join(f"`{name}`" for name in self.parameters) or "the iterations of its loops"
            first = next(iter(self.parameters), "n")
            raise EntrypointValidationError(
                f"a physical estimate of `{self.origin.name}` needs values for {names}",
                help=f"give them with `substitute`, or ask over many: `physical_over({first!r}, [10, 100, 1000])`",
            )
        return physical_estimate(
            qubits,
            t_gates,
            error_rate=error_rate,
            cycle_time=cycle_time,
            failure=failure,
            model=model,
            layout=layout,
            factories=factories,
        )

    def physical_over(self, name: str, values: Iterable[int], **options: Any) -> PhysicalCurve:
        """Physical estimates over `values` of the argument `name`: `print` them as a table, or `.plot()` them.

        The other arguments are to be bound. `options` are those of `physical`.
        """
        points = tuple(values)
        estimates = tuple(self.substitute(**{name: point}).physical(**options) for point in points)
        return PhysicalCurve(self.origin.name, name, points, estimates)

    def __sub__(self, other: ResourceEstimate) -> EstimateDifference:
        """What changes from `other` to this estimate, field by field."""
        return EstimateDifference(self.rows(), other.rows())

    def compared_with(self, other: ResourceEstimate, *, depths: bool = False) -> EstimateComparison:
        """This estimate beside another one: every count of both, the difference and the ratio; the depths too if asked for.

        Closed forms stay closed forms. A ratio is shown of numbers, and of forms that are a multiple of each other.
        """
        if not isinstance(other, ResourceEstimate):
            raise ValidationError(
                f"an estimate is compared with another one, and {other!r} was given",
                help="write `first.compared_with(second.estimate_resources())`",
            )
        sides = (self, other)
        first, second = ({**side.rows(), **(side._depth_rows() if depths else {})} for side in sides)
        return EstimateComparison((self.origin.name, other.origin.name), first, second, (self._bounds(), other._bounds()))

    def _bounds(self) -> frozenset[str]:
        """The titles of what is an upper bound."""
        titles = TITLES | _DEPTH_TITLES
        return frozenset(titles[name] for name, of in self.quality.items() if of == EstimateQuality.UPPER_BOUND)

    def _depth_rows(self) -> dict[str, Number]:
        return {_DEPTH_TITLES[name]: as_number(self.depths.of(name)[0]) for name in DEPTHS}

    def rows(self) -> dict[str, Number]:
        """Every count by its title, as the tables show them."""
        rows = {title: count for name, title in TITLES.items() if (count := self._count(name)) != 0 or name not in _WHERE_ANY}
        calls = {name: as_number(amount) for name, amount in self.calls.oracle_calls.amounts.items()}
        return rows | {f"Calls of {name}": count for name, count in calls.items() if count != 0}

    def notes(self) -> dict[str, str]:
        """By title, how the counts that are not exact are to be read."""
        return {
            TITLES[name]: str(quality).replace("_", " ")
            for name, quality in self.quality.items()
            if name in TITLES and quality != EstimateQuality.EXACT
        }

    def table(self) -> Any:
        """A `rich` table, for a terminal."""
        return rich_table(self.origin.name, self.rows(), self.notes(), _numbers(self.gates.by_name))

    def _repr_html_(self) -> str:
        return html(self.origin.name, self.rows(), self.notes())

    def _repr_latex_(self) -> str:
        return latex_table(self.rows(), self.notes())

    def plot(self, name: str, values: Iterable[int], fields: Sequence[str] = ("total", "qubits"), **others: Any) -> Any:
        """A log-log plot of `fields` over `values` of the argument `name`, a matplotlib `Figure`.

        `others` are values of the remaining arguments. Fields are `qubits`, `measurements`, `depth` and those of `gates`.
        """
        points = list(values)
        at_points = [self.substitute(**{name: point, **others}) for point in points]
        qualities = at_points[-1].quality if at_points else {}
        curves = [Curve(field, [at._number(field) for at in at_points], qualities.get(field, "exact")) for field in fields]
        return plot(self.origin.name, name, points, curves)

    def simplify(self) -> ResourceEstimate:
        """The estimate itself: closed forms are normal forms already."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Every field; closed forms as text, and so numbers of more than 4000 digits, rounded."""
        written = {
            "kernel": self.origin.name,
            "qubits": self._count("qubits"),
            "ancillas": self._count("ancillas"),
            "gates": _numbers(self.gates.fields),
            "gates_by_name": _numbers(self.gates.by_name),
            "measurements": self._count("measurements"),
            "resets": self._count("resets"),
            "calls": {name: _numbers(counts) for name, counts in vars(self.calls).items()},
            "parameters": list(self.parameters),
            "quality": {name: str(value) for name, value in self.quality.items()},
        }
        return {name: _written(value) for name, value in written.items()}

    def to_json(self, indent: int | None = None) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=indent)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResourceEstimate):
            return NotImplemented
        return self.tally.totals() == other.tally.totals()

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        always = {title: shown(self._count(name)) for name, title in TITLES.items() if name not in _WHERE_ANY}
        lines = ["Resource Estimate:", f"  Qubits: {always.pop('Qubits')}", "  Gates:"]
        lines += [f"    {title}: {count}" for title, count in always.items()]
        lines += [f"  {title}: {value}" for title, value in self._more()]
        return "\n".join(lines)

    __repr__ = __str__

    def _count(self, name: str) -> Number:
        """A count by its name, as it is shown."""
        return as_number(self.gates.fields.amounts[name] if name in FIELDS else self.tally.of(name))

    def _number(self, name: str) -> int:
        """A field that is a number."""
        if name not in (known := [*TITLES, "depth"]):
            raise ValidationError(f"an estimate has no field `{name}`{did_you_mean(name, known)}")
        value = getattr(self.gates if name in FIELDS else self, name)
        if not isinstance(value, int):
            raise EntrypointValidationError(f"`{name}` is {shown(value)}: give values for the other arguments too")
        return value

    def _more(self) -> Iterator[tuple[str, Any]]:
        """What is shown only where there is something to say."""
        for name in ("ancillas", "measurements", "resets"):
            if (count := self._count(name)) != 0:
                yield TITLES[name], shown(count)
        for name, value in self.calls.oracle_calls.amounts.items():
            yield f"Calls of {name}", shown(value)
        for quality in _QUALITY_TITLES:
            if found := [name for name, of in self.quality.items() if of == quality]:
                yield _QUALITY_TITLES[quality], ", ".join(found)

    def _fields(self) -> Iterator[tuple[str, Quantity]]:
        yield from ((name, self.tally.of(name)) for name in ("qubits", "ancillas"))
        yield from self.tally.field_amounts().items()
        yield from ((name, self.tally.of(name)) for name in ("measurements", "resets"))

    def _quality(self, name: str, amount: Quantity) -> EstimateQuality:
        if amount.unfollowed:
            return EstimateQuality.UNKNOWN
        if name in self.tally.bounded:
            return EstimateQuality.UPPER_BOUND
        if name in self.averaged or not amount.free.isdisjoint(self.origin.iterations):
            return EstimateQuality.EXPECTED
        return EstimateQuality.STEPWISE if is_stepwise(amount) else EstimateQuality.EXACT

    @cached_property
    def _is_unknown(self) -> bool:
        return any(amount.unfollowed for amount in self.tally.amounts.values())

    @cached_property
    def _free(self) -> frozenset[str]:
        return frozenset(name for amount in self.tally.amounts.values() for name in amount.free if isinstance(name, str))


TITLES = {
    "qubits": "Qubits",
    "total": "Total",
    "single_qubit": "Single-qubit",
    "two_qubit": "Two-qubit",
    "multi_qubit": "Multi-qubit",
    "t_gates": "T gates",
    "clifford_gates": "Clifford gates",
    "rotation_gates": "Rotation gates",
    "toffoli": "Toffoli gates",
    "ancillas": "Ancillas",
    "measurements": "Measurements",
    "resets": "Resets",
}
_DEPTH_TITLES = dict(zip(DEPTHS, ("Depth", "T depth", "Two-qubit depth"), strict=True))
_WHERE_ANY = frozenset(("toffoli", "ancillas", "measurements", "resets"))
"""What is left out of tables where it is 0."""

_QUALITY_TITLES = {
    EstimateQuality.UPPER_BOUND: "Upper bounds",
    EstimateQuality.EXPECTED: "Expected values",
    EstimateQuality.STEPWISE: "Without a closed form",
    EstimateQuality.UNKNOWN: "Unknown without values",
}


def is_stepwise(amount: Quantity) -> bool:
    """Whether a sum without a closed form is in `amount`."""
    atoms = [atom for term in amount.terms for atom, _ in term if not is_remainder(atom)]
    return any(isinstance(atom, (RangeSum, ItemSum, Opaque)) for atom in atoms)


def _numbers(counts: Counts) -> dict[str, Number]:
    """Counts as they are shown."""
    return {name: as_number(amount) for name, amount in counts.amounts.items()}


def _written(value: Any) -> Any:
    match value:
        case Quantity():
            return str(value)
        case int() if abs(value) > _LARGEST_WRITTEN:
            return shown(value)
        case Mapping():
            return {name: _written(inner) for name, inner in value.items()}
    return value
